"""How the model holds days, instants and money: integers only, so that nothing is rounded by accident.

* a *day* is ``date.toordinal()``;
* an *instant* is milliseconds since 1970-01-01T00:00:00Z;
* *money* is ten-thousandths of the currency unit, because answers carry four decimals (``386.6450``).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
"""Milliseconds in a day."""

MONEY_SCALE = 10_000
"""Ten-thousandths in a currency unit."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\Z",
    re.IGNORECASE,
)


def day_ms(day: int) -> int:
    """Midnight UTC of a day, as an instant."""
    return (day - _EPOCH_DAY) * DAY_MS


def ms_day(ms: int) -> int:
    """The UTC day of an instant."""
    return ms // DAY_MS + _EPOCH_DAY


@lru_cache(maxsize=65_536)
def instant_text(ms: int) -> str:
    """An instant as Autotask writes it: ``2021-12-01T00:00:00Z``, with three decimals only when there are any."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = ms % 1000
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


def day_text(day: int) -> str:
    """A day as ``2026-03-15``."""
    return date.fromordinal(day).isoformat()


def parse_day(text: str) -> int:
    """The day of ``2026-03-15``; raises ValueError for anything else."""
    return date.fromisoformat(text).toordinal()


@lru_cache(maxsize=65_536)
def parse_moment(text: str) -> tuple[int, int]:
    """The day exactly as written and the instant meant; a text without an offset is taken as UTC.

    Autotask: "times are UTC" and "date-only fields are not converted" (REST_General_Topics); so both are kept.
    Raises ValueError when the text is no date.
    """
    match = _MOMENT.match(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day_number = int(match[1]), int(match[2]), int(match[3])
    written = date(year, month, day_number).toordinal()
    hour, minute, second = int(match[4] or 0), int(match[5] or 0), int(match[6] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(text)
    fraction = int(((match[7] or "0") + "000")[:3])
    ms = day_ms(written) + ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    offset = match[8]
    if offset and offset not in "Zz":
        sign = -1 if offset[0] == "-" else 1
        digits = offset[1:].replace(":", "")
        ms -= sign * (int(digits[:2]) * 60 + int(digits[2:])) * 60_000
    return written, ms


@lru_cache(maxsize=65_536)
def _local_day(quarter_hours: int, zone: str) -> int:
    moment = _EPOCH + timedelta(minutes=15 * quarter_hours)
    return moment.astimezone(ZoneInfo(zone)).date().toordinal()


def local_day(ms: int, zone: str) -> int:
    """The day that an instant has in a time zone (offsets of all zones are multiples of 15 minutes)."""
    return _local_day(ms // 900_000, zone)


def money(number: Decimal | float | str) -> int:
    """A JSON number as ten-thousandths, rounded half up."""
    if isinstance(number, int):
        return number * MONEY_SCALE
    exact = Decimal(str(number)) if isinstance(number, float) else Decimal(number)
    return int((exact * MONEY_SCALE).to_integral_value(rounding=ROUND_HALF_UP))


@lru_cache(maxsize=65_536)
def money_text(amount: int) -> str:
    """Ten-thousandths as a JSON number with four decimals."""
    if amount < 0:
        return f"-{-amount // MONEY_SCALE}.{-amount % MONEY_SCALE:04d}"
    return f"{amount // MONEY_SCALE}.{amount % MONEY_SCALE:04d}"


def share(amount: int, part: int, whole: int) -> int:
    """``amount × part ÷ whole``, rounded half away from zero."""
    if part == whole:
        return amount
    product = amount * part
    half = whole // 2
    return (product + half) // whole if product >= 0 else -((-product + half) // whole)


def cents(amount: int) -> int:
    """An amount of money at two decimals, rounded half away from zero."""
    return share(amount, 1, 100) * 100


@lru_cache(maxsize=4_096)
def period_starts(start: int, end: int, months: int) -> tuple[int, ...]:
    """First days of the billing periods of a contract, counted from its start day, plus the day after the last period.

    Periods step from the contract's own day of month and are clamped to the month's end, each from the first
    day and not from the one before it (31 Jan, 28 Feb, 31 Mar). The last element is the *nominal* end of the last
    period plus one day; it can lie after the contract's end.
    """
    first = date.fromordinal(start)
    starts = [start]
    step = 0
    while starts[-1] <= end:
        step += months
        year, month0 = divmod(first.year * 12 + first.month - 1 + step, 12)
        starts.append(date(year, month0 + 1, min(first.day, month_days(year, month0 + 1))).toordinal())
    return tuple(starts)


def month_days(year: int, month: int) -> int:
    """Days in a month."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
