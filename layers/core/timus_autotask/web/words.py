"""Numbers, days and durations as people read them. Days and times are the partner's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MINUS = "\N{MINUS SIGN}"


def day(value: date | None) -> str:
    """A day that nobody takes for another one: "16 Mar 2026"."""
    return f"{value.day} {value:%b %Y}" if value else ""


def month(value: date) -> str:
    """A month: "March 2026"."""
    return f"{value:%B %Y}"


def number(value: int | Decimal) -> str:
    """With thousands apart."""
    return f"{value:,}".replace("-", MINUS)


def signed(value: int | Decimal | None) -> str:
    """With its sign; nothing of what is not known."""
    return "" if value is None else f"{value:+,}".replace("-", MINUS)


def money(value: Decimal | None) -> str:
    """An amount with two decimals; nothing of what is not known."""
    return "" if value is None else f"{value:,.2f}".replace("-", MINUS)


def count(value: int, what: str, many: str = "") -> str:
    """So many of something: "1 customer", "3 customers"."""
    return f"{value:,} {what if value == 1 else many or what + 's'}"


def lasting(value: timedelta | None) -> str:
    """How long, in one unit: "4 seconds", "2 minutes"."""
    if value is None:
        return ""
    seconds = max(0, round(value.total_seconds()))
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit or seconds == unit:
            return count(seconds // unit, name)
    return count(seconds, "second")


@dataclass(frozen=True, slots=True)
class Words:
    """What depends on the partner's zone, and on the time of now."""

    zone: ZoneInfo
    now: Callable[[], datetime]

    def moment(self, value: datetime | None) -> str:
        """A time: "16 Mar 2026, 12:03"."""
        if value is None:
            return ""
        local = value.astimezone(self.zone)
        return f"{day(local.date())}, {local:%H:%M}"

    def clock(self, value: datetime) -> str:
        """A time of today as its time of day; any other with its day."""
        local, now = value.astimezone(self.zone), self.now().astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == now.date() else self.moment(value)

    def ago(self, value: datetime | None) -> str:
        """How long since: "2 minutes ago", "just now"."""
        if value is None:
            return ""
        since = self.now() - value
        return "just now" if since < timedelta(seconds=5) else f"{lasting(since)} ago"

    def filters(self) -> Mapping[str, Callable[..., Any]]:
        """For templates."""
        return {
            "day": day,
            "month": month,
            "number": number,
            "signed": signed,
            "money": money,
            "count": count,
            "lasting": lasting,
            "moment": self.moment,
            "clock": self.clock,
            "ago": self.ago,
        }
