"""Timelines: units by day."""

from __future__ import annotations

from datetime import date, timedelta

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
