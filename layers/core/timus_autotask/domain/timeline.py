"""A step function from day to units: the form in which Timus's quantities and Autotask's units are compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from math import inf

Steps = tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Units by day. ``steps`` are (first day, units), in order of day, each with other units than the one before.

    Before the first step there are 0 units, and the last step holds for ever. A timeline knows no contract's end: whoever compares two
    of them says until which day.
    """

    steps: Steps = ()

    @classmethod
    def of(cls, steps: Iterable[tuple[date, int]]) -> Timeline:
        """The timeline of (day, units) pairs in order of day. Of several pairs for one day the last one counts."""
        clean: list[tuple[date, int]] = []
        for day, units in steps:
            if clean and clean[-1][0] == day:
                clean.pop()
            if units != (clean[-1][1] if clean else 0):
                clean.append((day, units))
        return cls(tuple(clean))

    @classmethod
    def sampled(cls, days: Iterable[date], units_on: Callable[[date], int]) -> Timeline:
        """The timeline with ``units_on(day)`` on each of ``days``, each kept until the next of them."""
        return cls.of((day, units_on(day)) for day in sorted(set(days)))

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which the units change."""
        return tuple(day for day, _ in self.steps)

    def at(self, day: date) -> int:
        """The units on a day."""
        index = bisect_right(self.steps, (day, inf))
        return self.steps[index - 1][1] if index else 0

    def set_from(self, day: date, units: int) -> Timeline:
        """Unchanged before ``day``, and ``units`` for ever from that day on."""
        before = self.steps[: bisect_left(self.steps, (day, -inf))]
        if units == (before[-1][1] if before else 0):
            return Timeline(before)
        return Timeline((*before, (day, units)))

    def set_between(self, first: date, until: date, units: int) -> Timeline:
        """``units`` on the days from ``first`` to the day before ``until``, and unchanged on all others."""
        return Timeline.sampled(
            (*self.days, first, until), lambda d: units if first <= d < until else self.at(d)
        )

    def add_from(self, day: date, delta: int) -> Timeline:
        """The effect of an adjustment: ``delta`` more units on every day from ``day`` on."""
        return Timeline.sampled((*self.days, day), lambda d: self.at(d) + (delta if d >= day else 0))

    def below_0_after(self, day: date) -> date | None:
        """The first day after ``day`` with fewer than 0 units."""
        return next((later for later, units in self.steps if later > day and units < 0), None)

    def minus(self, other: Timeline) -> Timeline:
        """The difference, day by day."""
        if not other.steps:
            return self
        return Timeline.sampled((*self.days, *other.days), lambda d: self.at(d) - other.at(d))

    def plus(self, other: Timeline) -> Timeline:
        """The sum, day by day."""
        if not (self.steps and other.steps):
            return self if self.steps else other
        return Timeline.sampled((*self.days, *other.days), lambda d: self.at(d) + other.at(d))

    def between(self, first: date, last: date) -> Timeline:
        """Unchanged from ``first`` to ``last``, 0 before, and from then on what it is on ``last``."""
        if first > last:
            return Timeline()
        inside = [(first, self.at(first)), *(step for step in self.steps if first < step[0] <= last)]
        return Timeline.of(inside)

    def until(self, last: date) -> Timeline:
        """Unchanged up to ``last``, whose units then stay for ever."""
        return Timeline(tuple(step for step in self.steps if step[0] <= last))

    def same(self, other: Timeline, first: date, last: date) -> bool:
        """True if both have the same units on every day from ``first`` to ``last``."""
        return self.between(first, last) == other.between(first, last)


NOTHING = Timeline()
"""No units on any day."""
