"""A gap: what a line should have and what Autotask has, and how much of the difference can be made up.

An adjustment adds units to every day from its own day on, up to the next adjustment. So it also reaches days that are locked: days
that can take no adjustment themselves, because one of ours is on them already or their period is posted. An example: 28 units are
wanted from Monday on, and Wednesday, which is locked, went from 0 to 26. Then +28 on Monday would make 54 on Wednesday. In such a
case the days up to the locked one stay as they are, and the line is made level from the next open day on. No day ever gets a
quantity that Timus never asked for, but for days that somebody edited: these have one anyway, and take a part of what they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from itertools import pairwise

from .days import ONE_DAY
from .mapping import LineKey
from .timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True)
class Gap:
    """A line that can be adjusted: what it should have, what Autotask has, and on which days that can be changed."""

    line: LineKey
    desired: Timeline
    start: date
    """The first day to make level."""
    observed: Timeline
    open_day: Callable[[date], date | None]
    """The first day at or after the given one that can take an adjustment, or None."""
    last: date = date.max
    """The last day that is billed."""
    stuck: bool = False
    """Nothing of it is made now: a person has to decide, or Autotask refused it. What it has on later days may change once something is."""
    parked: bool = False
    """Of a line that cannot be adjusted here: it is parked for any reason, and what it has too many stays until a person or a new try ends that."""
    edited: bool = False
    """It is parked because somebody changed its units by hand. Nobody knows whether a plan that was left altogether is to come back; of
    other seats ``observed`` has what we left, without what was added."""
    kept: Timeline = NOTHING
    """Units that a person added in Autotask and that we keep: part of ``desired`` and of ``observed``."""
    left_billed: Timeline = NOTHING
    """What of ``kept`` were seats of Timus's all the same, which a person took off only later."""
    added: Timeline = NOTHING
    """Units that a person added in Autotask from a future day on: part of ``observed``, and of ``desired`` only if we keep them."""
    edited_on: frozenset[date] = frozenset()
    """The days on which somebody else adjusted the line, so that they take no adjustment of ours."""
    sure_until: date = date.max
    """Of a line that is adjusted elsewhere: the last day before its own decreases may come. That Autotask takes units off by itself on a
    later day is no date to plan for."""

    def as_stuck(self) -> Gap:
        """The same, while nothing of it is made."""
        return replace(self, open_day=lambda _: None, stuck=True)

    def is_locked(self, day: date) -> bool:
        """True if no adjustment can be made on this day, so that it takes over whatever the day before gets."""
        return self.start < day <= self.last and self.open_day(day) != day

    def units_of_plans(self, observed: Timeline) -> Timeline:
        """The units that can belong to a plan of Timus: all of them but those that a person added."""
        days = (*observed.days, *self.kept.days, *self.added.days)
        added = self.kept.minus(self.left_billed)
        return Timeline.sampled(days, lambda d: observed.at(d) - max(added.at(d), self.added.at(d)))

    def bills_a_plan_from(self, day: date, observed: Timeline) -> bool:
        """True if a plan has units on the line on ``day`` or later."""
        units = self.units_of_plans(observed)
        return any(units.at(d) > 0 for d in (day, *units.days) if d >= day)

    def level_from(self, day: date, observed: Timeline) -> date | None:
        """The first day, ``day`` or later, from which on the line's plan has come down to what it should have, for good.

        None: it does not come down.
        """
        desired, units = self.desired.minus(self.kept), self.units_of_plans(observed)
        days = sorted({d for d in (day, *desired.days, *units.days) if d >= day})
        return next((first for n, first in enumerate(days) if _is_down(desired, units, days[n:])), None)

    def too_many_from(self, day: date, observed: Timeline) -> int:
        """The most units of plans that the line has more than it should, on ``day`` or later; 0 if it is never too many.

        As for ``level_from``, where less is desired than on an earlier of these days, that decrease is another change. Before ``start``
        nothing is known to be too many, so what comes down on that day does so for itself, too.
        """
        desired, units = self.desired.minus(self.kept), self.units_of_plans(observed)
        most = too_many = 0
        if day < self.start:
            most = units.at(self.start - ONE_DAY)
            day = self.start
        for later in sorted({d for d in (day, *desired.days, *units.days) if d >= day}):
            most = max(most, desired.at(later))
            too_many = max(too_many, units.at(later) - most)
        return too_many

    def too_many_on(self, day: date, observed: Timeline) -> int:
        """How many units of plans the line has more than it should on ``day``; 0 if it is not too many."""
        if day < self.start:
            return 0
        return max(0, self.units_of_plans(observed).at(day) - self.desired.minus(self.kept).at(day))

    def spoiled_day(self, after: Timeline) -> date | None:
        """The first locked day that ``after`` moves away from both the observed and the desired units, or None."""
        for day in sorted({*self.desired.days, *self.observed.days, *after.days}):
            least, most = sorted((self.observed.at(day), self.desired.at(day)))
            if self.is_locked(day) and not least <= after.at(day) <= most:
                return day
        return None


def in_all(lines: Sequence[tuple[Gap, Timeline]]) -> Gap:
    """Several lines, each with what Autotask has of it, as if they were one: the seats of plans.

    Before its own first day nothing of a line is known to be too many: until then it counts with what it has on the eve, on both sides.
    """
    one = min((gap for gap, _ in lines), key=lambda gap: gap.start)
    return Gap(
        line=one.line,
        start=one.start,
        open_day=one.open_day,
        desired=_sum(_since_start(gap, gap.desired.minus(gap.kept), units) for gap, units in lines),
        observed=_sum(_since_start(gap, gap.units_of_plans(units), units) for gap, units in lines),
    )


def _since_start(gap: Gap, timeline: Timeline, units: Timeline) -> Timeline:
    eve = gap.units_of_plans(units).at(gap.start - ONE_DAY)
    return timeline.set_between(date.min, gap.start, eve)


def _sum(timelines: Iterable[Timeline]) -> Timeline:
    return reduce(Timeline.plus, timelines, NOTHING)


def _is_down(desired: Timeline, units: Timeline, days: Sequence[date]) -> bool:
    """True if on none of these days there are more units than are desired on that day or an earlier one of them.

    Where less is desired than before, that decrease is another change and may be still to come.
    """
    most = 0
    for day in days:
        most = max(most, desired.at(day))
        if units.at(day) > most:
            return False
    return True


def within_reach(gap: Gap) -> Timeline:
    """The units that the line lacks by day, without those that cannot be made up; see the module.

    A stretch of days is also left out if its adjustment is no good unless later ones follow, and these would be left out once it
    is made. Else the line would be left half-way.
    """
    missing = _without_run_overs(gap)
    changes = {*gap.desired.days, *gap.observed.days}
    for first, until in pairwise((gap.start, *(day for day in missing.days if day > gap.start))):
        day = gap.open_day(first)
        if day is None or day >= until or not missing.at(day):
            continue
        if not any(gap.is_locked(change) for change in changes if change > day):
            break
        if _is_still_lacking_after(gap, missing, day):
            break
        missing = missing.set_between(first, until, 0)
    return missing


def _is_still_lacking_after(gap: Gap, missing: Timeline, day: date) -> bool:
    """True if the rest of ``missing`` is still what would be adjusted once the first adjustment is made: that of ``day``, or what makes room for it."""
    made, delta = _room_for(gap, missing, day) or (day, missing.at(day))
    begun = replace(gap, observed=gap.observed.add_from(made, delta))
    return within_reach(begun).same(missing.add_from(made, -delta), day, gap.last)


def _room_for(gap: Gap, missing: Timeline, day: date) -> tuple[date, int] | None:
    """The later increase, with its day, that comes before the adjustment of ``day``, because that would leave fewer than 0 units until then."""
    below = gap.observed.add_from(day, missing.at(day)).below_0_after(day)
    if below is None:
        return None
    rises = ((one, missing.at(one) - missing.at(one - ONE_DAY)) for one in reversed(missing.days))
    return next(
        ((one, more) for one, more in rises if more > 0 and day < one <= below and gap.open_day(one) == one),
        None,
    )


def _without_run_overs(gap: Gap) -> Timeline:
    """The units that the line lacks by day, without the days before a locked day that they would run over into."""
    missing = gap.desired.minus(gap.observed)
    for day in reversed(missing.days):
        if gap.is_locked(day) and _runs_over(gap, missing, day):
            level = [d for d, units in missing.steps if gap.start < d < day and not units]
            missing = missing.set_between(max(level, default=gap.start), day, 0)
    return missing


def _runs_over(gap: Gap, missing: Timeline, day: date) -> bool:
    """True if topping up the previous day would push this locked day to a quantity that Timus never asked for."""
    eve = day - ONE_DAY
    before, now = missing.at(eve), missing.at(day)
    if eve in gap.edited_on:
        # What an edit left on its own day stays: what comes to that day, and goes on to this one, is what the days before get.
        before = missing.at(_last_open_day(gap, eve))
    if gap.observed.at(eve) != gap.observed.at(day) and day not in gap.edited_on:
        return before not in (0, now)
    # Autotask has the same on both days, but for what somebody edited: what the previous day lacks may be a part of what this one lacks.
    return not min(0, now) <= before <= max(0, now)


def _last_open_day(gap: Gap, day: date) -> date:
    """The last day, ``day`` at the latest, that can take an adjustment; else the first one."""
    while gap.is_locked(day):
        day -= ONE_DAY
    return day
