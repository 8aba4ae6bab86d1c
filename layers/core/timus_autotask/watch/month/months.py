"""Calendar months. Pure."""

from __future__ import annotations

from datetime import date

from timus_autotask.domain.days import ONE_DAY, period_containing


def month_of(day: date) -> tuple[date, date]:
    """First and last day of a day's month."""
    first = day.replace(day=1)
    return period_containing(first, first, 1)


def month_before(day: date) -> date:
    """The first day of the month before a day's own."""
    return month_of(day.replace(day=1) - ONE_DAY)[0]
