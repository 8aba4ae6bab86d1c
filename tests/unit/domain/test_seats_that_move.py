"""Seats that move between plans, whole or in part: no day is ever billed more seats of a family than Timus had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.examples import examples
from tests.unit.domain.test_adjustments import NEW, OLD, applied, day, gap, opens, steps
from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import Timeline

THIRD = LineKey(1, 48)
ADVANCED = gap(steps((0, 28), (10, 8)), steps((0, 28)))
ESSENTIALS = gap(steps((0, 0), (10, 20)), steps(), line=NEW)
PART = Link(day(10), OLD, NEW, beside=True)


def planned(
    *gaps: Gap, links: Sequence[Link] = (PART,), elsewhere: Mapping[LineKey, Gap] | None = None
) -> Adjustments:
    """The plan of these lines."""
    return adjustments_for(gaps, links, elsewhere)


def test_a_part_of_the_seats_moves_on_the_day_of_the_change() -> None:
    """Down first, then up, on one day."""
    assert planned(ADVANCED, ESSENTIALS).in_order == (
        Adjustment(OLD, day(10), -20),
        Adjustment(NEW, day(10), 20),
    )


@pytest.mark.parametrize("shut", [(10,), range(10, 28)], ids=["a taken day", "a posted period"])
def test_the_rise_waits_until_its_seats_have_left_the_other_plan(shut: Sequence[int]) -> None:
    """28 seats stay 28 seats: Essentials goes up on the day on which Advanced can come down."""
    plan = planned(replace(ADVANCED, open_day=opens(*shut)), ESSENTIALS)
    free = day(max(shut) + 1)
    assert plan.in_order == (Adjustment(OLD, free, -20), Adjustment(NEW, free, 20))


def test_new_seats_beside_those_that_move_do_not_wait() -> None:
    """Of 25 more, five came with the change: they go up on its day, the others once they have left the other plan."""
    more = replace(ESSENTIALS, desired=steps((10, 25)))
    assert planned(replace(ADVANCED, open_day=opens(10, 11)), more).in_order == (
        Adjustment(NEW, day(10), 5),
        Adjustment(OLD, day(12), -20),
        Adjustment(NEW, day(12), 20),
    )


def test_seats_wait_for_a_plan_that_cannot_come_down_yet() -> None:
    """While its fall is unclear or another contract's, nobody knows how many are free: the whole rise waits."""
    settling = replace(ADVANCED, observed=steps((0, 28)))
    plan = planned(replace(ESSENTIALS, desired=steps((10, 25))), elsewhere={OLD: settling})
    assert plan.in_order == ()
    assert plan.blocked == {NEW: Adjustment(NEW, day(10), 25)}


@pytest.mark.parametrize(
    ("observed", "sure_until", "turns"),
    [
        (steps((0, 28)), None, ()),
        (steps((0, 28), (15, 20)), None, ((10, 5),)),
        (steps((0, 28), (15, 8)), None, ((10, 5), (15, 20))),
        (steps((0, 28), (15, 8)), 15, ((10, 5), (15, 20))),
        (steps((0, 28), (15, 8)), 14, ()),
    ],
)
def test_what_leaves_a_plan_on_another_contract_by_itself_makes_room_on_that_day(
    observed: Timeline, sure_until: int | None, turns: Sequence[tuple[int, int]]
) -> None:
    """Where that contract's own adjustments cannot come on this day, and may not come before it. Five seats are new and wait for nobody then."""
    there = gap(steps((0, 28), (10, 8)), observed, 10, 11, 12)
    if sure_until is not None:
        there = replace(there, sure_until=day(sure_until))
    more = replace(ESSENTIALS, desired=steps((10, 25)))
    plan = planned(more, elsewhere={OLD: there})
    assert plan.in_order == tuple(Adjustment(NEW, day(on), delta) for on, delta in turns)
    assert bool(plan.blocked) is (sum(delta for _, delta in turns) < 25)


def test_no_part_goes_where_the_other_plan_has_too_many_only_on_a_later_day() -> None:
    """It would be a quantity that Timus never had, on days that stay as they are; on that later day itself, three are the rest of twelve."""
    late = gap(steps((3, 3)), steps((3, 9)), 3, line=NEW)
    early = gap(steps((0, 9)), steps())
    assert planned(late, early, links=[Link(day(0), NEW, OLD, beside=True)]).in_order == (
        Adjustment(OLD, day(3), 3),
        Adjustment(NEW, day(4), -6),
        Adjustment(OLD, day(4), 6),
    )


def test_seats_wait_for_a_fall_that_comes_only_after_another_rise() -> None:
    """A plan that a third one must leave first is looked at again on the day on which it falls."""
    first = gap(steps((3, 4), (6, 0)), steps(), 4)
    second = gap(steps((0, 5), (3, 4), (5, 1), (6, 4)), steps((0, 5)), 7, line=NEW)
    third = gap(steps((0, 3), (3, 1), (5, 3)), steps((0, 3)), 4, 5, 6, line=THIRD)
    links = [Link(day(3), a, b, beside=True) for a, b in permutations((OLD, NEW, THIRD), 2)]
    assert [a for a in planned(first, second, third, links=links).in_order if a.line == OLD] == [
        Adjustment(OLD, day(3), 2),
        Adjustment(OLD, day(5), 2),
        Adjustment(OLD, day(6), -4),
    ]


def test_seats_wait_for_a_fall_of_the_same_day_that_is_still_to_come() -> None:
    """What waits since the fourth is looked at on the fifth before the other plan is: that one comes down with its turn."""
    comes = gap(steps((4, 5), (5, 4)), steps())
    falls = gap(steps((0, 5), (4, 0), (5, 1)), steps((0, 5)), 5, line=NEW)
    links = [Link(day(4), a, b, beside=True) for a, b in permutations((OLD, NEW), 2)]
    assert planned(comes, falls, links=links).in_order == (
        Adjustment(NEW, day(6), -4),
        Adjustment(OLD, day(6), 4),
    )


def test_seats_of_two_subscriptions_that_meet_on_one_line_wait_for_each_other() -> None:
    """8 come to Advanced from Essentials, 21 leave it for the third plan: as long as Essentials has the 8, 13 of the 21 have no room."""
    shut = range(10, 12)
    essentials = gap(steps((0, 9), (10, 1)), steps((0, 9)), *shut)
    advanced = gap(steps((0, 27), (10, 14)), steps((0, 27)), *shut, line=NEW)
    third = gap(steps((10, 21)), steps(), line=THIRD)
    links = [Link(day(10), OLD, NEW, beside=True), Link(day(10), NEW, THIRD, beside=True)]
    assert planned(essentials, advanced, third, links=links).in_order == (
        Adjustment(OLD, day(12), -8),
        Adjustment(NEW, day(12), -13),
        Adjustment(THIRD, day(12), 21),
    )


def meeting(*shut: int, ends: int = 15, more: int = 0) -> list[Gap]:
    """11 seats of one subscription leave Essentials for Pro as a whole, 13 of another one's 17 leave Pro for Advanced: Pro is netted."""
    essentials = gap(steps((0, 11), (10, 0)), steps((0, 11)), *shut)
    pro = gap(steps((0, 17), (10, ends)), steps((0, 17)), *shut, line=NEW)
    return [essentials, pro, gap(steps((10, 13 + more)), steps(), line=THIRD)]


WHOLE_THEN_PART = [Link(day(10), OLD, NEW), Link(day(10), NEW, THIRD, beside=True)]
WHOLE_THEN_WHOLE = [Link(day(10), OLD, NEW), Link(day(10), NEW, THIRD)]


def test_seats_that_come_to_a_shared_line_as_a_whole_plan_hide_no_others() -> None:
    """Of 13 that leave Pro 11 have no room until Essentials comes down, although Pro has only two too many: 39 seats were billed of 28."""
    assert planned(*meeting(10), links=WHOLE_THEN_PART).in_order == (
        Adjustment(OLD, day(11), -11),
        Adjustment(NEW, day(11), -2),
        Adjustment(THIRD, day(11), 13),
    )


def test_new_seats_do_not_wait_with_those_that_leave_a_shared_line() -> None:
    """Five more come to Advanced: they go up on their day."""
    assert planned(*meeting(10, more=5), links=WHOLE_THEN_PART).in_order == (
        Adjustment(THIRD, day(10), 5),
        Adjustment(OLD, day(11), -11),
        Adjustment(NEW, day(11), -2),
        Adjustment(THIRD, day(11), 13),
    )


def test_a_line_that_is_level_because_as_many_came_as_left_hides_no_seats() -> None:
    """Both subscriptions change their plan as a whole: the 11 that leave Pro wait for the 11 that still are on Essentials."""
    essentials, pro, advanced = meeting(10)
    level = replace(pro, desired=steps((0, 11)), observed=steps((0, 11)))
    plan = planned(essentials, level, replace(advanced, desired=steps((10, 11))), links=WHOLE_THEN_WHOLE)
    assert plan.in_order == (Adjustment(OLD, day(11), -11), Adjustment(THIRD, day(11), 11))


def test_a_plan_that_cannot_come_down_holds_up_as_many_by_way_of_a_shared_line_and_no_more() -> None:
    """Essentials is refused: two of the 13 seats go up as Pro comes down. Once Essentials has come down, so do the others."""
    essentials, pro, advanced = meeting()
    stuck = essentials.as_stuck()
    plan = planned(stuck, pro, advanced, links=WHOLE_THEN_PART)
    assert plan.in_order == (Adjustment(NEW, day(10), -2), Adjustment(THIRD, day(10), 2))
    after = followed([essentials, pro, advanced], plan.in_order)
    assert planned(*after, links=WHOLE_THEN_PART).in_order == (
        Adjustment(OLD, day(10), -11),
        Adjustment(THIRD, day(10), 11),
    )


def test_nothing_waits_by_way_of_a_line_to_which_no_seat_comes_any_more() -> None:
    """Pro ends altogether: what Essentials has too many does not go there, whatever it did before. So is a line of which nothing is known."""
    essentials, pro, advanced = meeting(ends=0)
    pro = replace(pro, open_day=opens())
    rise = replace(advanced, desired=steps((10, 17)))
    expected = (Adjustment(NEW, day(10), -17), Adjustment(THIRD, day(10), 17))
    stuck = essentials.as_stuck()
    assert planned(stuck, pro, rise, links=WHOLE_THEN_WHOLE) == Adjustments(expected)
    assert planned(pro, rise, links=WHOLE_THEN_WHOLE) == Adjustments(expected)


@pytest.mark.parametrize(
    ("had", "now"), [(0, 22), (1, 21), (3, 21)], ids=["new", "one stays", "one of three"]
)
def test_a_line_hides_no_more_seats_than_it_has_and_keeps(had: int, now: int) -> None:
    """Numbers took one gateway for what 17 seats went to, and for what 22 others came from: one of these may wait, the others do not."""
    stuck = gap(steps((0, 17), (10, 0)), steps((0, 17)), *range(10, 40))
    gateway = gap(steps((0, had), (10, 1)), steps((0, had)), line=NEW)
    rise = gap(steps((10, 22)), steps(), line=THIRD)
    plan = planned(stuck, gateway, rise, links=WHOLE_THEN_WHOLE)
    assert [one.delta for one in plan.in_order if (one.line, one.day) == (THIRD, day(10))] == [now]


def test_a_plan_without_a_line_holds_up_nothing_by_way_of_a_shared_line() -> None:
    """Only what comes in its own place waits for it."""
    _, pro, advanced = meeting()
    assert planned(pro, replace(advanced, desired=steps((10, 2))), links=WHOLE_THEN_PART) == Adjustments(
        (Adjustment(NEW, day(10), -2), Adjustment(THIRD, day(10), 2))
    )


def test_a_family_waits_also_for_what_was_billed_before_the_first_event() -> None:
    """No plan change is known of, but one line of the family has too many: the other gets what is left."""
    early = gap(steps((3, 5)), steps((0, 9)), 3, 4, start=3)
    other = gap(steps((3, 6)), steps(), line=NEW, start=3)
    assert adjustments_for([early, other], families=[{OLD, NEW}]).in_order == (
        Adjustment(NEW, day(3), 2),
        Adjustment(OLD, day(5), -4),
        Adjustment(NEW, day(5), 4),
    )


def test_seats_do_not_wait_for_days_on_which_nobody_knows_what_the_other_plan_should_have() -> None:
    """Another subscription told of Advanced on the tenth for the first time: what it had before is not too much."""
    advanced = gap(steps((10, 2)), steps((0, 2)), start=10)
    third = gap(steps((7, 12)), steps((0, 9)), 10, line=THIRD, start=7)
    assert adjustments_for([advanced, third], families=[{OLD, THIRD}]).in_order == (
        Adjustment(THIRD, day(7), 3),
    )


def test_seats_of_a_line_that_cannot_come_down_hold_up_as_many_others() -> None:
    """While its fall is refused, 20 of 25 wait, however long that is; the other five are new."""
    stuck = ADVANCED.as_stuck()
    plan = planned(stuck, replace(ESSENTIALS, desired=steps((10, 25))))
    assert plan.in_order == (Adjustment(NEW, day(10), 5),)


@pytest.mark.parametrize("ends", [steps((0, 28), (40, 0)), steps((0, 28))], ids=["ends later", "stays"])
@pytest.mark.parametrize("by", [{"links": [PART]}, {"families": [{OLD, NEW}]}], ids=["a change", "a name"])
def test_seats_of_a_line_that_a_person_has_to_decide_on_hold_up_others_until_then(
    ends: Timeline, by: dict[str, Any]
) -> None:
    """That Autotask ends the other plan by itself on a later day is no date to plan for: the line that waits says for what."""
    stuck = replace(ADVANCED, observed=ends).as_stuck()
    few = adjustments_for([stuck, replace(ESSENTIALS, desired=steps((10, 7)))], **by)
    assert few == Adjustments((), {NEW: Adjustment(NEW, day(10), 7)})
    begun = replace(ESSENTIALS, desired=steps((10, 25)), observed=steps((10, 5)))
    assert adjustments_for([stuck, begun], **by) == Adjustments((), {NEW: Adjustment(NEW, day(10), 20)})


def test_seats_that_have_left_another_contracts_plan_are_free() -> None:
    """What has come down there goes up here."""
    down = replace(ADVANCED, observed=steps((0, 28), (11, 8)))
    assert planned(ESSENTIALS, elsewhere={OLD: down}).in_order == (Adjustment(NEW, day(11), 20),)


BOTH = [{OLD, NEW}]


def seats_that_come_for_a_while(*shut: int, **more: Any) -> Gap:
    """Timus says by now that ten seats were on Essentials from day 5 to day 7, and two since."""
    return replace(gap(steps((5, 10), (8, 2)), steps(), *shut, line=NEW, start=5), **more)


def test_seats_for_a_while_are_given_up_where_they_are_on_the_other_plan_since() -> None:
    """Day 8 bills 15 on Advanced: with ten on Essentials, until eight of them are taken off again, 25 would be billed where Timus has 17.

    Only the eight are given up. The two that stay are billed from their day on.
    """
    advanced = gap(steps((5, 7), (8, 15)), steps((0, 6), (8, 15)), 8, start=5)
    plan = adjustments_for([advanced, seats_that_come_for_a_while()], families=BOTH)
    assert plan == Adjustments((Adjustment(NEW, day(5), 2),), left_out={NEW: [(day(5), day(8))]})


def test_seats_for_a_while_come_where_the_other_plan_goes_up_only_after_them() -> None:
    """Each day has what Timus says: those that leave are taken off before the others come."""
    advanced = gap(steps((5, 7), (8, 15)), steps((0, 6)), start=5)
    assert adjustments_for([advanced, seats_that_come_for_a_while()], families=BOTH).in_order == (
        Adjustment(OLD, day(5), 1),
        Adjustment(NEW, day(5), 10),
        Adjustment(NEW, day(8), -8),
        Adjustment(OLD, day(8), 8),
    )


def test_seats_for_a_while_wait_for_an_adjustment_whose_outcome_is_unclear() -> None:
    """Only if the other plan went up is there no room for them."""
    settling = gap(steps((5, 7), (8, 15)), steps((0, 6), (8, 15)), start=5)
    plan = adjustments_for([seats_that_come_for_a_while()], (), {OLD: settling}, families=BOTH)
    assert plan == Adjustments((), {NEW: Adjustment(NEW, day(5), 10)})


@pytest.mark.parametrize("advanced", [7, 5, 9], ids=["level", "too few", "too many"])
def test_seats_for_a_while_come_where_none_of_them_are_on_the_other_plan_since(advanced: int) -> None:
    """That Timus has fewer seats in all from a later day on is a change of its own. As many wait as the other plan has too many all along."""
    other = gap(steps((0, 7)), steps((0, advanced)), *range(20))
    rises = adjustments_for([other, seats_that_come_for_a_while()], families=BOTH).in_order
    assert rises[0] == Adjustment(NEW, day(5), 10 - max(0, advanced - 7))


@pytest.mark.parametrize("had", [15, 16])
def test_what_another_plan_had_before_its_first_day_crowds_nobody(had: int) -> None:
    """Nobody knows what it should have then; nor whether it is too many beside seats that are still there on its first day."""
    advanced = gap(steps((20, 23)), steps((0, 6), (8, had)), start=20)
    assert adjustments_for([advanced, seats_that_come_for_a_while()], families=BOTH).in_order == (
        Adjustment(NEW, day(5), 10),
        Adjustment(NEW, day(8), -8),
        Adjustment(OLD, day(20), 23 - had),
    )


@st.composite
def families(draw: st.DrawFn) -> tuple[list[Gap], list[Link]]:
    """Level lines of one family, and up to three changes that move seats between them; some days take no adjustment."""
    lines = [OLD, NEW, THIRD][: draw(st.integers(2, 3))]
    seats = st.integers(0, 5)
    turns = sorted(draw(st.sets(st.integers(3, 7), min_size=1, max_size=3)))
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
    return [
        replace(one, observed=applied(one.observed, Adjustments(tuple(adjustments)), one.line))
        for one in gaps
    ]


@settings(max_examples=examples(300))
@given(families(), st.booleans())
def test_no_rise_bills_more_seats_of_a_family_than_timus_had(
    drawn: tuple[list[Gap], list[Link]], linked: bool
) -> None:
    """Whatever day takes no adjustment, and whether changes or people say that the lines are plans: nothing is planned twice.

    Planned anew each day, the lines are level in the end, and no day is adjusted late.
    """
    gaps, links = drawn

    def plan(gaps: Sequence[Gap]) -> tuple[Adjustment, ...]:
        more = {"links": links} if linked else {"families": [{one.line for one in gaps}]}
        return adjustments_for(gaps, **more).in_order

    had = reduce(Timeline.plus, (one.desired for one in gaps))
    after = followed(gaps, plan(gaps))
    assert plan(after) == ()
    for today in map(day, range(15)):
        due = [a for a in plan(gaps) if a.day <= today]
        gaps = followed(gaps, due)
        assert all(a.day == today for a in due)
        assert billed(gaps).at(today) <= had.at(today) or not any(a.delta > 0 for a in due)
    assert [one.observed for one in gaps] == [one.observed for one in after]
    assert [one.observed.at(day(15)) for one in gaps] == [one.desired.at(day(15)) for one in gaps]


def test_a_plan_that_comes_down_on_the_first_day_that_is_known_of_it_holds_nothing_up_before() -> None:
    """Timus tells of it from day 11 on. What comes to another plan of the family on day 10 has nothing to do with it."""
    down = gap(steps((11, 1)), steps((0, 3)), start=11)
    plan = adjustments_for([down, gap(steps((10, 19)), steps(), line=NEW, start=10)], families=[{OLD, NEW}])
    assert plan == Adjustments((Adjustment(NEW, day(10), 19), Adjustment(OLD, day(11), -2)))
