"""The functions' environment and a stack's outputs, read once by the composition root and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from timus_autotask.autotask.zone import AUTOTASK


class Misconfigured(Exception):
    """The environment lacks something or holds something unusable; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the template passes to a function. A function that does not need a value does not get it."""

    table_name: str
    queue_url: str
    webhook_secret_id: str
    autotask_secret_id: str
    autotask_url: str
    """Autotask's public address, or another server that speaks its API."""
    zone: ZoneInfo
    settle: timedelta
    quiet_seconds: int
    tolerance_seconds: int
    stack: str
    alarm_topic_arn: str
    ticket_company: int | None
    """For whom alarms open tickets in Autotask; None: they open none."""
    ticket_queue: int | None
    ticket_priority: int
    digest_topic_arn: str
    digest_days: int
    """Days that the first digest covers; each further one goes on from the one before."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of an environment such as ``os.environ``; raises :class:`Misconfigured`."""
        return cls(
            table_name=environment.get("TABLE_NAME", ""),
            queue_url=environment.get("QUEUE_URL", ""),
            webhook_secret_id=environment.get("WEBHOOK_SECRET_ID", ""),
            autotask_secret_id=environment.get("AUTOTASK_SECRET_ID", ""),
            autotask_url=environment.get("AUTOTASK_URL") or AUTOTASK,
            zone=_zone(environment, "PARTNER_TIME_ZONE"),
            settle=timedelta(seconds=_whole(environment, "SETTLE_SECONDS", 900)),
            quiet_seconds=_whole(environment, "QUIET_SECONDS", 60),
            tolerance_seconds=_whole(environment, "SIGNATURE_TOLERANCE_SECONDS", 300),
            stack=environment.get("STACK_NAME", ""),
            alarm_topic_arn=environment.get("ALARM_TOPIC_ARN", ""),
            ticket_company=_whole(environment, "TICKET_COMPANY")
            if environment.get("TICKET_COMPANY")
            else None,
            ticket_queue=_whole(environment, "TICKET_QUEUE") if environment.get("TICKET_QUEUE") else None,
            ticket_priority=_whole(environment, "TICKET_PRIORITY", 2),
            digest_topic_arn=environment.get("DIGEST_TOPIC_ARN", ""),
            digest_days=_whole(environment, "DIGEST_DAYS", 7),
        )


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What an operator's command reads of a deployed stack."""

    table_name: str
    queue_url: str
    dead_letter_queue_url: str
    webhook_url: str
    webhook_secret_id: str
    autotask_secret_id: str
    autotask_url: str
    zone: ZoneInfo
    settle: timedelta
    quiet_seconds: int
    opens_tickets: bool
    vendor_code: str
    """The tracking identifier of a registered integration vendor; ``""``: each API user has one of its own."""
    oldest_change: timedelta
    """From here on what is watched is wrong, as for the stack's alarms."""
    webhook_silence_days: int
    reconcile_age_hours: int
    secret_age_days: int
    call_budget_percent: int

    @staticmethod
    def fits(outputs: Mapping[str, str]) -> bool:
        """Whether a stack with these outputs is one of ours, and deployed."""
        return outputs.keys() >= _OUTPUTS

    @classmethod
    def read(cls, outputs: Mapping[str, str], parameters: Mapping[str, str]) -> StackSettings:
        """The settings of a stack that was described; raises :class:`Misconfigured`."""
        missing = sorted(_OUTPUTS - outputs.keys())
        if missing:
            raise Misconfigured(
                f"The stack has no output {', '.join(missing)}: it is still being deployed, or it is another stack."
            )
        return cls(
            table_name=outputs["TableName"],
            queue_url=outputs["QueueUrl"],
            dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
            webhook_url=outputs["WebhookUrl"],
            webhook_secret_id=outputs["WebhookSecretArn"],
            autotask_secret_id=outputs["AutotaskSecretArn"],
            autotask_url=parameters.get("AutotaskUrl") or AUTOTASK,
            zone=_zone(parameters, "TimeZone"),
            settle=timedelta(seconds=_whole(parameters, "SettleSeconds", 900)),
            quiet_seconds=_whole(parameters, "QuietSeconds", 60),
            opens_tickets=bool(parameters.get("TicketCompany")),
            vendor_code=parameters.get("VendorTrackingIdentifier", ""),
            oldest_change=timedelta(seconds=_whole(parameters, "OldestChangeSeconds", 3600)),
            webhook_silence_days=_whole(parameters, "WebhookSilenceDays", 7),
            reconcile_age_hours=_whole(parameters, "ReconcileAgeHours", 36),
            secret_age_days=_whole(parameters, "SecretAgeDays", 365),
            call_budget_percent=_whole(parameters, "CallBudgetPercent", 75),
        )


_OUTPUTS = frozenset(
    {"TableName", "QueueUrl", "DeadLetterQueueUrl", "WebhookUrl", "WebhookSecretArn", "AutotaskSecretArn"}
)


def _zone(environment: Mapping[str, str], variable: str) -> ZoneInfo:
    name = environment.get(variable, "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Misconfigured(
            f"{variable} is no IANA time zone that this machine knows: {name}. Its zones come with the Python package tzdata."
        ) from error


def _whole(environment: Mapping[str, str], name: str, default: int = 0) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise Misconfigured(f"{name} is no whole number: {text}")
    return int(text)
