"""Days that stay billed otherwise: found by their numbers alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.past_days import (
    SHOWN_AT_MOST,
    SHOWN_FOR,
    PastDays,
    WhyPast,
    past_days,
    postponed,
    still_shown,
)
from timus_autotask.domain.timeline import NOTHING, Timeline

DAY = date(2026, 3, 15)
ONE = timedelta(days=1)
TAKEN = WhyPast.DAY_TAKEN
timelines = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=6).map(
    lambda steps: Timeline.sampled(
        [DAY + n * ONE for n, _ in steps], {DAY + n * ONE: units for n, units in steps}.__getitem__
    )
)


def off(first: int, until: int, wanted: int, autotask: int) -> PastDays:
    """A stretch, in days from 15 March on."""
    return PastDays(DAY + first * ONE, DAY + until * ONE, wanted, autotask, TAKEN)


@given(timelines, timelines, st.integers(-3, 24), st.integers(-3, 24))
def test_every_day_that_differs_is_in_one_stretch_and_no_other_day(
    wanted: Timeline, planned: Timeline, first: int, last: int
) -> None:
    """Within the days that are looked at, with both numbers."""
    found = past_days(wanted, planned, DAY + first * ONE, DAY + last * ONE, lambda _day: TAKEN)
    told = {
        one.first + n * ONE: (one.wanted, one.autotask)
        for one in found
        for n in range((one.until - one.first).days)
    }
    days = [DAY + n * ONE for n in range(first, last + 1)]
    assert told == {
        day: (wanted.at(day), planned.at(day)) for day in days if wanted.at(day) != planned.at(day)
    }


def test_units_that_are_still_to_be_made_are_said_to_be() -> None:
    """Until then Autotask has others, and a person looks there."""
    lost = off(0, 1, 21, 16)
    ahead = replace(lost, ahead=True)
    assert lost.message.startswith("5 units are not billed on 2026-03-15 (Autotask 16, should be 21): ")
    assert ahead.message.startswith(
        "5 units are not billed on 2026-03-15 (Autotask 16 if its other changes are made, should be 21): "
    )


def test_seat_days_are_lost_or_too_many() -> None:
    """Units times days; what is not billed is negative. People read the same."""
    lost, doubled = off(0, 1, 25, 0), off(0, 3, 25, 50)
    assert (lost.seat_days, doubled.seat_days) == (-25, 75)
    assert lost.message.startswith("25 units are not billed on 2026-03-15 (Autotask 0, should be 25): ")
    assert doubled.message.startswith("25 units too many are billed from 2026-03-15 to 2026-03-17 ")


def test_no_more_is_kept_than_people_look_at() -> None:
    """The newest, for a quarter."""
    many = [off(2 * n, 2 * n + 1, 1, 0) for n in range(30)]
    assert still_shown(many, DAY) == tuple(many[-SHOWN_AT_MOST:])
    assert still_shown([off(0, 1, 1, 0)], DAY + SHOWN_FOR) == (off(0, 1, 1, 0),)
    assert still_shown([off(0, 1, 1, 0)], DAY + SHOWN_FOR + ONE) == ()


def test_a_change_is_moved_from_the_first_day_that_lacks_it() -> None:
    """Only where the stretches before it reach up to its day, and lack what it adds or have what it takes off."""
    stretches = (off(0, 1, 25, 0), off(1, 2, 26, 0), off(4, 5, 0, 3))
    found = [postponed(stretches, DAY + n * ONE, delta) for n, delta in ((2, 26), (2, -1), (3, 5), (5, -3))]
    assert [one.day if one else None for one in found] == [DAY, None, None, DAY + 4 * ONE]


def test_nothing_is_off_where_nothing_is_billed() -> None:
    """A contract that ended before the line began."""
    assert past_days(NOTHING, Timeline(((DAY, 3),)), DAY, DAY - ONE, lambda _day: TAKEN) == ()
