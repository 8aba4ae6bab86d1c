"""Finds the deployed stack, and says what to do when it cannot be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timus_autotask.cli.failure import UNREACHABLE, Failed, NoSuchStack

if TYPE_CHECKING:
    from timus_autotask.operate.deployment import Deployment


def find(stack: str) -> Deployment:
    """The stack of this name, by the standard AWS environment variables. Raises :class:`Failed`."""
    from timus_autotask import bootstrap
    from timus_autotask.ports.errors import AwsNotSet, AwsRefuses, AwsUnreachable, StackMissing
    from timus_autotask.settings import Misconfigured

    try:
        return bootstrap.deployment(stack)
    except StackMissing as error:
        there = bootstrap.stacks()
        listed = f" Of ours there are: {', '.join(there)}." if there else " There is none of ours."
        raise NoSuchStack(
            f"There is no stack {stack} in this AWS account and region.{listed} Name another one with --stack or "
            "TIMUS_AUTOTASK_STACK, or choose the account with AWS_PROFILE and AWS_REGION.",
            there,
        ) from error
    except AwsRefuses as error:
        raise Failed(
            f"AWS refuses to describe the stack {stack} ({error.code}): {error} "
            "Check AWS_PROFILE and the permissions of its user.",
            UNREACHABLE,
        ) from error
    except AwsNotSet as error:
        raise Failed(
            f"AWS cannot be asked: {error} Set AWS_PROFILE and AWS_REGION, or load the variables that "
            "`timus-autotask local --env-file` wrote.",
            UNREACHABLE,
        ) from error
    except AwsUnreachable as error:
        raise Failed(
            f"AWS cannot be reached: {error} Check the network, AWS_REGION and AWS_ENDPOINT_URL.", UNREACHABLE
        ) from error
    except Misconfigured as error:
        raise Failed(
            f"{error} The stack {stack} may be another one: name the right one with --stack.", UNREACHABLE
        ) from error
