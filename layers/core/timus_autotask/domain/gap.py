"""A gap: what a line should have and what Autotask has, and how much of the difference can be made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from .mapping import LineKey
from .timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True)
class Gap:
    """A line whose units can be planned: what it should have and what Autotask holds."""

    line: LineKey
    desired: Timeline
    start: date
    """First day to make level."""
    observed: Timeline
    open_day: Callable[[date], date | None]
    """The first day at or after the given one that can take an adjustment, or None."""
    last: date = date.max
    """The last day that is billed at all."""
    kept: Timeline = NOTHING
    """Units that a person put there and that we keep: in ``desired`` and in ``observed``."""
    added: Timeline = NOTHING
    """Units that a person put there from a day to come on: in ``observed``, and in ``desired`` only if we keep them."""

    def billed_of_plans(self, observed: Timeline) -> Timeline:
        """Of what is observed, what can be a plan of Timus's: a person's units are none."""
        days = (*observed.days, *self.kept.days, *self.added.days)
        return Timeline.sampled(days, lambda d: observed.at(d) - max(self.kept.at(d), self.added.at(d)))

    def level_from(self, day: date, observed: Timeline) -> date | None:
        """The first day at or after ``day`` from which on its plan has come down to what it should have, and stays so."""
        return _level_from(day, self.desired.minus(self.kept), self.billed_of_plans(observed))


def within_reach(gap: Gap) -> Timeline:
    """What the line lacks by day, without what could be had only by making a later day wrong (see the module)."""
    missing = _without_run_overs(gap)
    changes = {*gap.desired.days, *gap.observed.days}
    turns = (gap.start, *(day for day in missing.days if day > gap.start))
    for day, until in pairwise(turns):
        on = gap.open_day(day)
        if on is None or on >= until or not missing.at(on):
            continue
        if all(gap.open_day(change) == change for change in changes if on < change <= gap.last):
            break
        # Once this adjustment is made, the rest must still be what one would do: else the line would be left half-way.
        delta = missing.at(on)
        begun = replace(gap, observed=gap.observed.add_from(on, delta))
        if within_reach(begun).same(missing.add_from(on, -delta), on, gap.last):
            break
        missing = missing.set_between(day, until, 0)
    return missing


def _without_run_overs(gap: Gap) -> Timeline:
    missing = gap.desired.minus(gap.observed)
    for day in reversed(missing.days):
        if gap.start < day <= gap.last and gap.open_day(day) != day and _runs_over(gap, missing, day):
            level = [d for d, units in missing.steps if gap.start < d < day and not units]
            missing = missing.set_between(max(level, default=gap.start), day, 0)
    return missing


def _runs_over(gap: Gap, missing: Timeline, day: date) -> bool:
    """Whether what the day before lacks would give this day, which cannot be changed, a quantity that was never wanted."""
    eve = day - timedelta(days=1)
    before, now = missing.at(eve), missing.at(day)
    if gap.observed.at(eve) == gap.observed.at(day):
        return not min(0, now) <= before <= max(0, now)
    return before != 0


def _level_from(day: date, desired: Timeline, observed: Timeline) -> date | None:
    """The first day at or after ``day`` from which on the line has come down to what it should have, and stays so.

    What it should have less of only later is another change.
    """
    days = sorted({day, *(d for d in (*desired.days, *observed.days) if d > day)})
    for number, first in enumerate(days):
        most = 0
        for later in days[number:]:
            most = max(most, desired.at(later))
            if observed.at(later) > most:
                break
        else:
            return first
    return None
