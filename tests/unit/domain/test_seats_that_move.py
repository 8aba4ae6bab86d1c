"""Seats that move between plans, whole or in part: no day is ever billed more seats of a family than Timus had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.test_plan import NEW, OLD, applied, day, gap, opens, steps
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan import Adjustment, Plan, plan_adjustments
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import Timeline

THIRD = LineKey(1, 48)
ADVANCED = gap(steps((0, 28), (10, 8)), steps((0, 28)))
ESSENTIALS = gap(steps((0, 0), (10, 20)), steps(), line=NEW)
PART = Link(day(10), OLD, NEW, beside=True)


def planned(
    *gaps: Gap, links: Sequence[Link] = (PART,), elsewhere: Mapping[LineKey, Gap] | None = None
) -> Plan:
    """The plan of these lines."""
    return plan_adjustments(gaps, links, elsewhere)


def test_a_part_of_the_seats_moves_on_the_day_of_the_change() -> None:
    """Down first, then up, on one day."""
    assert planned(ADVANCED, ESSENTIALS).adjustments == (
        Adjustment(OLD, day(10), -20),
        Adjustment(NEW, day(10), 20),
    )


@pytest.mark.parametrize("shut", [(10,), range(10, 28)], ids=["a taken day", "a posted period"])
def test_the_rise_waits_until_its_seats_have_left_the_other_plan(shut: Sequence[int]) -> None:
    """28 seats stay 28 seats: Essentials goes up on the day on which Advanced can come down."""
    plan = planned(replace(ADVANCED, open_day=opens(*shut)), ESSENTIALS)
    free = day(max(shut) + 1)
    assert plan.adjustments == (Adjustment(OLD, free, -20), Adjustment(NEW, free, 20))


def test_new_seats_beside_those_that_move_do_not_wait() -> None:
    """Of 25 more, five came with the change: they go up on its day, the others once they have left the other plan."""
    more = replace(ESSENTIALS, desired=steps((10, 25)))
    assert planned(replace(ADVANCED, open_day=opens(10, 11)), more).adjustments == (
        Adjustment(NEW, day(10), 5),
        Adjustment(OLD, day(12), -20),
        Adjustment(NEW, day(12), 20),
    )


def test_seats_wait_for_a_plan_that_cannot_come_down_yet() -> None:
    """While its fall is unclear or another contract's, nobody knows how many are free: the whole rise waits."""
    settling = replace(ADVANCED, observed=steps((0, 28)))
    plan = planned(replace(ESSENTIALS, desired=steps((10, 25))), elsewhere={OLD: settling})
    assert plan.adjustments == ()
    assert plan.blocked == {NEW: day(10)}


def test_seats_that_have_left_another_contracts_plan_are_free() -> None:
    """What has come down there goes up here."""
    down = replace(ADVANCED, observed=steps((0, 28), (11, 8)))
    assert planned(ESSENTIALS, elsewhere={OLD: down}).adjustments == (Adjustment(NEW, day(11), 20),)


@st.composite
def families(draw: st.DrawFn) -> tuple[list[Gap], list[Link]]:
    """Level lines of one family, and one or two changes that move seats between them; some days take no adjustment."""
    lines = [OLD, NEW, THIRD][: draw(st.integers(2, 3))]
    seats = st.integers(0, 5)
    turns = sorted(draw(st.sets(st.integers(3, 7), min_size=1, max_size=2)))
    gaps = []
    for line in lines:
        units = [(0, draw(seats)), *((turn, draw(seats)) for turn in turns)]
        shut = draw(st.sets(st.integers(3, 10), max_size=4))
        gaps.append(gap(steps(*units), steps(units[0]), *shut, line=line))
    return gaps, [Link(day(turns[0]), a, b, beside=True) for a in lines for b in lines if a != b]


def billed(gaps: Sequence[Gap]) -> Timeline:
    """What Autotask bills of all of them together."""
    return reduce(Timeline.plus, (one.observed for one in gaps))


def followed(gaps: Sequence[Gap], adjustments: Sequence[Adjustment]) -> list[Gap]:
    """The lines after these adjustments."""
    return [replace(one, observed=applied(one.observed, Plan(tuple(adjustments)), one.line)) for one in gaps]


@given(families())
def test_no_rise_bills_more_seats_of_a_family_than_timus_had(drawn: tuple[list[Gap], list[Link]]) -> None:
    """Whatever day takes no adjustment: planned anew each day, the lines are level in the end, and no day is posted to late."""
    gaps, links = drawn
    had = reduce(Timeline.plus, (one.desired for one in gaps))
    whole = plan_adjustments(gaps, links)
    after = followed(gaps, whole.adjustments)
    assert plan_adjustments(after, links).adjustments == ()
    for today in map(day, range(15)):
        due = [a for a in plan_adjustments(gaps, links).adjustments if a.day <= today]
        gaps = followed(gaps, due)
        assert all(a.day == today for a in due)
        assert billed(gaps).at(today) <= had.at(today) or not any(a.delta > 0 for a in due)
    assert [one.observed for one in gaps] == [one.observed for one in after]
    assert [one.observed.at(day(15)) for one in gaps] == [one.desired.at(day(15)) for one in gaps]
