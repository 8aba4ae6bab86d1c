"""A step function from day to units: the shape in which both what Timus says and what Autotask holds are compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

Steps = tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Units by day. ``steps`` are (first day, units); days grow and neighbours differ. Before the first step: 0 units.

    The last step holds for ever. A contract's end is not part of a timeline: whoever compares says until when.
    """

    steps: Steps = ()

    @classmethod
    def of(cls, steps: Iterable[tuple[date, int]]) -> Timeline:
        """The timeline of these (day, units) pairs, given in order of day; of one day's pairs the last counts."""
        clean: list[tuple[date, int]] = []
        for day, units in steps:
            if clean and clean[-1][0] == day:
                clean.pop()
            if units != (clean[-1][1] if clean else 0):
                clean.append((day, units))
        return cls(tuple(clean))

    @classmethod
    def sampled(cls, days: Iterable[date], units_on: Callable[[date], int]) -> Timeline:
        """The timeline that takes ``units_on(day)`` at each of ``days`` and keeps it until the next."""
        return cls.of((day, units_on(day)) for day in sorted(set(days)))

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which the units change."""
        return tuple(day for day, _ in self.steps)

    def at(self, day: date) -> int:
        """The units on a day."""
        index = bisect_right(self.steps, day, key=lambda step: step[0])
        return self.steps[index - 1][1] if index else 0

    def set_from(self, day: date, units: int) -> Timeline:
        """The same until the day before ``day``, and ``units`` for ever from then on."""
        before = self.steps[: bisect_left(self.steps, day, key=lambda step: step[0])]
        if units == (before[-1][1] if before else 0):
            return Timeline(before)
        return Timeline((*before, (day, units)))

    def set_between(self, first: date, until: date, units: int) -> Timeline:
        """The same outside [first, until), and ``units`` within."""
        return Timeline.sampled(
            (*self.days, first, until), lambda d: units if first <= d < until else self.at(d)
        )

    def add_from(self, day: date, delta: int) -> Timeline:
        """What an adjustment does: ``delta`` more units on every day from ``day`` on."""
        return Timeline.sampled((*self.days, day), lambda d: self.at(d) + (delta if d >= day else 0))

    def minus(self, other: Timeline) -> Timeline:
        """The difference, day by day."""
        return Timeline.sampled((*self.days, *other.days), lambda d: self.at(d) - other.at(d))

    def plus(self, other: Timeline) -> Timeline:
        """The sum, day by day."""
        return Timeline.sampled((*self.days, *other.days), lambda d: self.at(d) + other.at(d))

    def between(self, first: date, last: date) -> Timeline:
        """The same within [first, last], and 0 outside; used to compare where both sides can be known."""
        if first > last:
            return Timeline()
        inside = [(first, self.at(first)), *(step for step in self.steps if first < step[0] <= last)]
        return Timeline.of(inside)

    def until(self, last: date) -> Timeline:
        """The same up to ``last``, whose units then stay for ever."""
        return Timeline(tuple(step for step in self.steps if step[0] <= last))

    def same(self, other: Timeline, first: date, last: date) -> bool:
        """Whether both have the same units on every day of [first, last]."""
        return self.between(first, last) == other.between(first, last)


NOTHING = Timeline()
"""No units on any day."""
