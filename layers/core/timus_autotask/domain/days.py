"""Days: the partner's local day of an instant, and the billing periods of a contract."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def effective_day(instant: datetime, zone: ZoneInfo) -> date:
    """The local day of an instant in the partner's zone; a naive time raises ``ValueError``."""
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no UTC offset, so it names no instant")
    return instant.astimezone(zone).date()


def each_day(first: date, last: date) -> Iterator[date]:
    """The days of a stretch, the last one too."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, as a UTC time.

    Clocks may skip midnight (Havana, Beirut): then the day begins when the skip ends. A day that a zone
    skipped whole (Apia, 30 December 2011) has no instant; the first instant of the day after it is returned.
    """
    midnight = datetime.combine(day, time(), zone)
    before_skip, after_skip = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    if before_skip <= after_skip:  # midnight exists; if it happens twice, fold=0 is its first time
        return before_skip
    # Midnight lies in a gap, and PEP 495 reads it with the offset before the gap (fold=0, too late by what is
    # left of the gap) or after it (fold=1, too early). The clock change is between the two, so the days there
    # are in order.
    seconds = range(int(after_skip.timestamp()), int(before_skip.timestamp()) + 1)
    first = bisect_left(seconds, day, key=lambda second: datetime.fromtimestamp(second, zone).date())
    return datetime.fromtimestamp(seconds[first], UTC)


def period_containing(day: date, start: date, months: int) -> tuple[date, date]:
    """First and last day of the billing period that ``day`` is in.

    Periods of ``months`` (1, 3, 6, 12) are counted from the contract's ``start``, each beginning on the
    start's day of the month or, where a month is too short, on its last day: a start on 31 January gives 28
    February and then 31 March. A day before the start is in no period and raises ``ValueError``.
    """
    if day < start:
        raise ValueError(f"{day} lies before the first billing period, which begins on {start}")
    number = _period_number(day, start, months)
    return _period_start(number, start, months), _period_start(number + 1, start, months) - ONE_DAY


def next_period_start(day: date, start: date, months: int) -> date:
    """The first day after ``day`` on which a billing period begins; see :func:`period_containing`."""
    if day < start:
        return start
    return _period_start(_period_number(day, start, months) + 1, start, months)


def _period_number(day: date, start: date, months: int) -> int:
    number = ((day.year - start.year) * 12 + day.month - start.month) // months
    return number if _period_start(number, start, months) <= day else number - 1


def _period_start(number: int, start: date, months: int) -> date:
    years, month = divmod(start.month - 1 + number * months, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
