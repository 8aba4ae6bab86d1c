"""What CloudFormation knows of a deployed stack: its outputs and the parameters that it was given.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from timus_autotask.ports.errors import (
    AwsNotSet,
    AwsRefuses,
    AwsUnreachable,
    StackMissing,
    StackOutOfReach,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


NOT_SET = frozenset({"NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ProfileNotFound"})


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    name: str = ""
    arn: str = ""
    """``arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>``."""
    status: str = ""

    @property
    def region(self) -> str:
        """Where it is."""
        return self._of_arn(3)

    @property
    def account(self) -> str:
        """Whose it is: an account's number."""
        return self._of_arn(4)

    def _of_arn(self, part: int) -> str:
        parts = self.arn.split(":")
        return parts[part] if len(parts) > part else ""


def stacks(client: CloudFormationClient) -> Iterator[Stack]:
    """Every stack of the account and region. Raises :class:`StackOutOfReach`."""
    try:
        for page in client.get_paginator("describe_stacks").paginate():
            yield from map(_stack, page["Stacks"])
    except (BotoCoreError, ClientError) as error:
        raise meaning_of(error) from error


def describe(client: CloudFormationClient, name: str) -> Stack:
    """The stack of this name. Raises :class:`StackOutOfReach`."""
    try:
        described = client.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise meaning_of(error) from error
    if not described:
        raise StackMissing
    return _stack(described[0])


def _stack(described: StackTypeDef) -> Stack:
    return Stack(
        outputs={each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())},
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())},
        name=described.get("StackName", ""),
        arn=described.get("StackId", ""),
        status=described.get("StackStatus", ""),
    )


def meaning_of(error: BotoCoreError | ClientError | ValueError) -> StackOutOfReach:
    """What a failure of boto3 on the way to a stack means; ValueError: an address that is none."""
    message = f"{str(error).rstrip('.')}."
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        if answer.get("Code") == "ValidationError":  # "Stack with id … does not exist"
            return StackMissing()
        return AwsRefuses(answer.get("Code", ""), answer.get("Message", ""))
    return AwsNotSet(message) if type(error).__name__ in NOT_SET else AwsUnreachable(message)
