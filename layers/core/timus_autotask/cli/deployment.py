"""A deployed stack as the operator's command sees it: found by its name in CloudFormation, on AWS or on one machine alike."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from timus_autotask.autotask.http import Transport
from timus_autotask.autotask.zone import AUTOTASK
from timus_autotask.cli.failure import UNREACHABLE, Failed
from timus_autotask.domain.days import effective_day
from timus_autotask.operate.recover import DeadLetters
from timus_autotask.ports.clock import Clock, SystemClock
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.ports.secrets import Credentials, Secrets
from timus_autotask.ports.table import Document, Table
from timus_autotask.store.records import Store
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.status import Each

AT_A_TIME = 8
"""Reads of the table that are under way together."""


class Queue(Protocol):
    """Where wake-ups are sent to, and how many wait."""

    def send(self, customer_id: str, dedup_id: str) -> None: ...

    def depth(self) -> QueueDepth: ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the command needs of the world."""

    stack: str
    table: Table
    queue: Queue
    dead_letters: Callable[[], QueueDepth]
    secrets: Secrets
    store_credentials: Callable[[Credentials], None]
    """Keep the Autotask API user. Raises ``SecretsUnavailable``."""
    transport: Transport
    autotask_url: str
    webhook_url: str
    clock: Clock
    zone: ZoneInfo
    """The partner's."""
    settle: timedelta
    each: Each = map
    dead_queue: DeadLetters | None = None
    """The dead-letter queue, to be emptied."""
    earlier: Callable[[datetime, Callable[[str], None]], Iterable[Document]] = lambda _moment, _on_wait: ()
    """Every record as it was at an earlier moment; tells in words while that takes its time. Raises ``TableUnavailable``."""

    @property
    def store(self) -> Store:
        """The records."""
        return Store(self.table)

    @property
    def today(self) -> date:
        """The partner's local day."""
        return effective_day(self.clock.now(), self.zone)

    def ports(self) -> Ports:
        """The worker's ports, for what the command shares with it."""
        from timus_autotask.bootstrap import autotask_client

        client, refused = autotask_client(self.transport, self.secrets, self.autotask_url)
        return Ports(
            table=self.table,
            autotask=client,
            credentials_refused=refused,
            clock=self.clock,
            zone=self.zone,
            settle=self.settle,
        )


def find(stack: str) -> Deployment:
    """The stack of this name, by the standard AWS environment variables. Raises :class:`Failed`."""
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from timus_autotask.autotask.httpx_transport import HttpxTransport
    from timus_autotask.aws.dynamodb import DynamoTable, EarlierTable
    from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
    from timus_autotask.aws.sqs import SqsDeadLetters, SqsWakeUps
    from timus_autotask.ports.errors import SecretsUnavailable

    patient = Config(connect_timeout=5, retries={"max_attempts": 2}, max_pool_connections=AT_A_TIME + 2)
    try:
        # boto3 itself knows AWS_DEFAULT_REGION only; other SDKs and the AWS CLI know AWS_REGION too.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        found = session.client("cloudformation", config=patient).describe_stacks(StackName=stack)
        described = found["Stacks"]
    except (BotoCoreError, ClientError, ValueError) as error:  # ValueError: AWS_ENDPOINT_URL is no address
        raise Failed(_unreachable(stack, error), UNREACHABLE) from error
    if not described:
        raise Failed(_missing(stack), UNREACHABLE)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described[0].get("Outputs", ())}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in described[0].get("Parameters", ())}
    missing = sorted(_NEEDED - outputs.keys())
    if missing:
        raise Failed(
            f"The stack {stack} has no output {', '.join(missing)}: it is still being deployed, or it is another stack; "
            "name the right one with --stack.",
            UNREACHABLE,
        )
    dynamodb = session.client("dynamodb", config=patient)
    sqs = session.client("sqs", config=patient)
    manager = session.client("secretsmanager", config=patient)
    clock = SystemClock()

    def store_credentials(credentials: Credentials) -> None:
        fields = {
            "username": credentials.username,
            "secret": credentials.secret,
            "integration_code": credentials.integration_code,
        }
        try:
            manager.put_secret_value(SecretId=outputs["AutotaskSecretArn"], SecretString=json.dumps(fields))
        except (BotoCoreError, ClientError) as error:
            raise SecretsUnavailable(f"the Autotask credentials could not be stored: {error}") from error

    pool = ThreadPoolExecutor(AT_A_TIME)
    return Deployment(
        stack=stack,
        table=DynamoTable(dynamodb, outputs["TableName"]),
        queue=SqsWakeUps(sqs, outputs["QueueUrl"]),
        dead_letters=SqsWakeUps(sqs, outputs["DeadLetterQueueUrl"]).depth,
        secrets=SecretsManagerSecrets(
            manager, outputs["WebhookSecretArn"], outputs["AutotaskSecretArn"], clock
        ),
        store_credentials=store_credentials,
        transport=HttpxTransport(),
        autotask_url=given.get("AutotaskUrl") or AUTOTASK,
        # On one machine the API's own address leads nowhere: there a gateway stands in front, named by the environment.
        webhook_url=os.environ.get("TIMUS_WEBHOOK_URL") or outputs["WebhookUrl"],
        clock=clock,
        zone=_zone(given.get("TimeZone") or "UTC"),
        settle=timedelta(seconds=int(given.get("SettleSeconds") or 900)),
        each=pool.map,
        dead_queue=SqsDeadLetters(sqs, outputs["DeadLetterQueueUrl"]),
        earlier=EarlierTable(dynamodb, outputs["TableName"]).documents,
    )


_NEEDED = frozenset(
    {"TableName", "QueueUrl", "DeadLetterQueueUrl", "WebhookUrl", "WebhookSecretArn", "AutotaskSecretArn"}
)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Failed(
            f"This machine does not know the stack's time zone {name}; install the Python package tzdata."
        ) from error


def _missing(stack: str) -> str:
    return (
        f"There is no stack {stack} in this AWS account and region; name another one with --stack or "
        "TIMUS_AUTOTASK_STACK, or choose the account with AWS_PROFILE and AWS_REGION."
    )


def _unreachable(stack: str, error: Any) -> str:
    """What to do about a failed look-up of the stack."""
    name = type(error).__name__
    words = f"{str(error).rstrip('.')}."
    if name == "ClientError":
        code = error.response.get("Error", {}).get("Code", "")
        if code == "ValidationError":
            return _missing(stack)
        return (
            f"AWS refuses to describe the stack {stack} ({code}): {error.response.get('Error', {}).get('Message', '')} "
            "Check AWS_PROFILE and the permissions of its user."
        )
    if name in ("NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ProfileNotFound"):
        return (
            f"AWS cannot be asked: {words} Set AWS_PROFILE and AWS_REGION, or load the variables that "
            "`timus-autotask local --env-file` wrote."
        )
    return f"AWS cannot be reached: {words} Check the network, AWS_REGION and AWS_ENDPOINT_URL."
