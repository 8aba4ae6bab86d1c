"""Timelines: units by day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.timeline import NOTHING, Timeline

FIRST = date(2026, 1, 1)
days = st.integers(0, 60).map(lambda n: FIRST + timedelta(days=n))
timelines = st.lists(st.tuples(days, st.integers(0, 9)), max_size=6).map(
    lambda steps: Timeline.of(sorted(steps))
)


def test_nothing_has_no_units() -> None:
    """Before the first step there are no units."""
    assert NOTHING.at(FIRST) == 0
    assert Timeline.of([(FIRST, 3)]).at(FIRST - timedelta(days=1)) == 0


def test_of_one_days_steps_the_last_counts() -> None:
    """Two steps of one day are one, and a step that changes nothing is none."""
    assert Timeline.of([(FIRST, 3), (FIRST, 0)]) == NOTHING
    assert Timeline.of([(FIRST, 3), (FIRST + timedelta(days=1), 3)]).steps == ((FIRST, 3),)


def day(n: int) -> date:
    """The n-th day."""
    return FIRST + timedelta(days=n)


def units(*pairs: tuple[int, int]) -> Timeline:
    """A timeline of (number of the day, units)."""
    return Timeline.of((day(n), number) for n, number in pairs)


SEATS = units((2, 25), (5, 28), (9, 0))


@pytest.mark.parametrize(("n", "number"), [(1, 0), (2, 25), (4, 25), (5, 28), (8, 28), (9, 0), (50, 0)])
def test_a_step_holds_from_its_day_until_the_next(n: int, number: int) -> None:
    """The day of a step is the first one with its units."""
    assert SEATS.at(day(n)) == number


@pytest.mark.parametrize(("last", "number"), [(4, 25), (5, 28), (8, 28), (9, 0)])
def test_what_holds_on_the_last_day_stays(last: int, number: int) -> None:
    """A step of that very day is still a part of it."""
    assert SEATS.until(day(last)).at(day(50)) == number


def test_the_steps_are_the_days_on_which_the_units_change() -> None:
    """In order, each once."""
    assert SEATS.steps == ((day(2), 25), (day(5), 28), (day(9), 0))
    assert SEATS.days == (day(2), day(5), day(9))
    assert Timeline.sampled([day(5), day(2), day(5)], lambda d: 3 if d < day(5) else 4) == units(
        (2, 3), (5, 4)
    )


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        (lambda: SEATS.set_from(day(4), 7), units((2, 25), (4, 7))),
        (lambda: SEATS.set_from(day(5), 7), units((2, 25), (5, 7))),
        (lambda: SEATS.set_from(day(6), 28), units((2, 25), (5, 28))),
        (lambda: SEATS.set_from(day(1), 0), NOTHING),
        (lambda: SEATS.set_from(day(1), 1), units((1, 1))),
        (lambda: SEATS.set_between(day(4), day(6), 7), units((2, 25), (4, 7), (6, 28), (9, 0))),
        (lambda: SEATS.set_between(day(2), day(9), 0), NOTHING),
        (lambda: SEATS.set_between(day(3), day(4), 0), units((2, 25), (3, 0), (4, 25), (5, 28), (9, 0))),
        (lambda: SEATS.add_from(day(5), 2), units((2, 25), (5, 30), (9, 2))),
        (lambda: SEATS.add_from(day(4), -25), units((2, 25), (4, 0), (5, 3), (9, -25))),
        (lambda: SEATS.plus(units((1, 1), (5, 0))), units((1, 1), (2, 26), (5, 28), (9, 0))),
        (lambda: SEATS.minus(units((1, 1), (5, 3))), units((1, -1), (2, 24), (5, 25), (9, -3))),
        (lambda: SEATS.between(day(2), day(9)), SEATS),
        (lambda: SEATS.between(day(3), day(8)), units((3, 25), (5, 28))),
        (lambda: SEATS.between(day(5), day(5)), units((5, 28))),
        (lambda: SEATS.between(day(4), day(5)), units((4, 25), (5, 28))),
        (lambda: SEATS.between(day(5), day(4)), NOTHING),
    ],
)
def test_what_a_change_makes_of_a_timeline(changed: Callable[[], Timeline], wanted: Timeline) -> None:
    """From a day on, within a stretch without its last day, by an adjustment, by another timeline; cut to a stretch with both ends."""
    assert changed() == wanted


@pytest.mark.parametrize(
    ("first", "last", "same"), [(0, 3, True), (0, 4, False), (4, 4, False), (5, 8, True), (5, 9, False)]
)
def test_a_comparison_has_both_its_ends_in_it(first: int, last: int, same: bool) -> None:
    """The first and the last day count."""
    assert SEATS.same(units((2, 25), (4, 26), (5, 28), (9, 1)), day(first), day(last)) is same


@given(timelines, days, st.integers(0, 9), days)
def test_set_from_keeps_the_past_and_sets_the_rest(
    timeline: Timeline, day: date, units: int, any_day: date
) -> None:
    """Days before stay as they are, and every later day has the units."""
    assert timeline.set_from(day, units).at(any_day) == (units if any_day >= day else timeline.at(any_day))


@given(timelines, days, st.integers(-9, 9), days)
def test_add_from_is_what_an_adjustment_does(
    timeline: Timeline, day: date, delta: int, any_day: date
) -> None:
    """Every day from the day on gains the delta, whatever steps follow."""
    assert timeline.add_from(day, delta).at(any_day) == timeline.at(any_day) + (
        delta if any_day >= day else 0
    )


@given(timelines, timelines, days)
def test_plus_and_minus_are_day_by_day(one: Timeline, other: Timeline, day: date) -> None:
    """Sum and difference hold for each day."""
    assert one.plus(other).at(day) == one.at(day) + other.at(day)
    assert one.minus(other).at(day) == one.at(day) - other.at(day)
    assert one.plus(other).minus(other) == one


@given(timelines, timelines, days, days)
def test_same_compares_only_the_days_given(one: Timeline, other: Timeline, a: date, b: date) -> None:
    """Two timelines are the same on a stretch when each of its days is."""
    stretch = [FIRST + timedelta(days=n) for n in range(61) if a <= FIRST + timedelta(days=n) <= b]
    assert one.same(other, a, b) is all(one.at(day) == other.at(day) for day in stretch)
