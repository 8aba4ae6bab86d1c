"""The functions' environment, read once by the composition root and nowhere else."""

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

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of an environment such as ``os.environ``; raises :class:`Misconfigured`."""
        name = environment.get("PARTNER_TIME_ZONE", "UTC")
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Misconfigured(f"PARTNER_TIME_ZONE is no IANA time zone: {name}") from error
        return cls(
            table_name=environment.get("TABLE_NAME", ""),
            queue_url=environment.get("QUEUE_URL", ""),
            webhook_secret_id=environment.get("WEBHOOK_SECRET_ID", ""),
            autotask_secret_id=environment.get("AUTOTASK_SECRET_ID", ""),
            autotask_url=environment.get("AUTOTASK_URL") or AUTOTASK,
            zone=zone,
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
        )


def _whole(environment: Mapping[str, str], name: str, default: int = 0) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise Misconfigured(f"{name} is no whole number: {text}")
    return int(text)
