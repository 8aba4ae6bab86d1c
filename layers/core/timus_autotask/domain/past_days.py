"""Days on which Autotask bills other units than it should, and which no adjustment makes level any more.

A line takes one adjustment a day, and none in a posted period. What Timus reports after that is billed from a later day on. So a
subscription that is cancelled, and replaced by another one twenty minutes later, is not billed on that day. A day counts if Autotask
still differs from what is desired after every adjustment that is to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from .days import ONE_DAY
from .timeline import Timeline

SHOWN_FOR = timedelta(days=92)
"""How long such days are shown: a quarter, in which the invoices of the month and of the one before have been looked at."""
SHOWN_AT_MOST = 20
"""How many stretches a line's record has room for; the newest are kept."""


class WhyPast(StrEnum):
    """Why a day stays billed otherwise than Timus says. Some of these days are locked, and some take no adjustment for another reason."""

    DAY_TAKEN = "day-taken"
    PERIOD_POSTED = "period-posted"
    PLAN_CHANGE = "plan-change"
    FOLLOWED = "followed"
    LATER_DAY_TAKEN = "later-day-taken"
    BILLED_ELSEWHERE = "billed-elsewhere"
    BEFORE_CONTRACT = "before-contract"
    EDITED = "edited"
    CANCELLED_LATER = "cancelled-later"

    @property
    def message(self) -> str:
        """For people."""
        return _MESSAGES[self]


_MESSAGES = {
    WhyPast.DAY_TAKEN: "the day had an adjustment of this line already",
    WhyPast.PERIOD_POSTED: "its period is approved and posted",
    WhyPast.PLAN_CHANGE: "the line that it takes the place of comes down only later",
    WhyPast.FOLLOWED: "another plan has followed already, and both might have been billed at once",
    WhyPast.BILLED_ELSEWHERE: "it was billed on another contract service then",
    WhyPast.CANCELLED_LATER: "Timus says that it was cancelled by then, in an event that holds only from a later day",
    WhyPast.EDITED: "somebody changed the units in Autotask by hand, and the days before the line was level again stay so",
    WhyPast.BEFORE_CONTRACT: "the contract begins only after that",
    WhyPast.LATER_DAY_TAKEN: "a later day takes no adjustment of this line any more, and would have been changed too",
}


@dataclass(frozen=True, slots=True)
class PastDays:
    """A stretch of days that stay billed otherwise."""

    first: date
    until: date
    """The first day that is not among them."""
    wanted: int
    """What the line should have on each of them."""
    autotask: int
    """What Autotask has, with what is still to be made of the line."""
    cause: WhyPast
    ahead: bool = False
    """Autotask has that only once something else of the line is made, which may wait for a person."""

    @property
    def seat_days(self) -> int:
        """Units × days that are billed too many; negative: that are not billed."""
        return (self.autotask - self.wanted) * (self.until - self.first).days

    @property
    def message(self) -> str:
        """For people."""
        last = self.until - ONE_DAY
        days = f"on {self.first}" if last == self.first else f"from {self.first} to {last}"
        units = abs(self.autotask - self.wanted)
        noun, verb = ("unit", "is") if units == 1 else ("units", "are")
        off = f"too many {verb} billed" if self.autotask > self.wanted else f"{verb} not billed"
        autotask = f"Autotask {self.autotask}{' if its other changes are made' if self.ahead else ''}"
        return f"{units} {noun} {off} {days} ({autotask}, should be {self.wanted}): {self.cause.message}"


@dataclass(frozen=True, slots=True)
class Postponed:
    """From which day an adjustment should have been billed, and why it could not."""

    day: date
    cause: WhyPast


def past_days(
    wanted: Timeline, adjusted: Timeline, first: date, last: date, cause: Callable[[date], WhyPast]
) -> tuple[PastDays, ...]:
    """The stretches from ``first`` to ``last`` on which Autotask will not have what is wanted.

    ``adjusted`` is what Autotask has, with every adjustment that is to come. ``cause`` says why a day cannot be changed.
    """
    changes = {day for day in (*wanted.days, *adjusted.days) if first < day <= last}
    days = [first, *sorted(changes), last + ONE_DAY] if first <= last else []
    return tuple(
        PastDays(day, until, wanted.at(day), adjusted.at(day), cause(day))
        for day, until in pairwise(days)
        if wanted.at(day) != adjusted.at(day)
    )


def still_shown(stretches: Sequence[PastDays], today: date) -> tuple[PastDays, ...]:
    """Those that people still have to know of."""
    return tuple(one for one in stretches if one.until > today - SHOWN_FOR)[-SHOWN_AT_MOST:]


def postponed(stretches: Iterable[PastDays], day: date, delta: int) -> Postponed | None:
    """The earliest day that an adjustment of ``day`` should have covered, and why it could not; None if it covers all of them."""
    found: Postponed | None = None
    late = (one for one in stretches if one.cause not in (WhyPast.EDITED, WhyPast.CANCELLED_LATER))
    for one in sorted(late, key=lambda one: one.first, reverse=True):
        if one.until == (found.day if found else day) and (one.wanted > one.autotask) == (delta > 0):
            found = Postponed(one.first, one.cause)
    return found
