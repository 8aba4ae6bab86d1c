"""What is found out of a line before its next step is decided: whose terms count, whose change it is, what goes first, what is kept back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    LEVEL,
    MORE,
    ONE_DAY,
    PLUS,
    SEATS,
    TODAY,
    demand,
    left,
    march,
    since_january,
    view,
)
from timus_autotask.domain.adjustments import Adjustment, Adjustments
from timus_autotask.domain.converge.draft import LineDraft, drafts_of, parts_of, room_for, whose_terms
from timus_autotask.domain.desired import Demand, Source
from timus_autotask.domain.line import HeldChange
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.reasons import PAUSED, Parked
from timus_autotask.domain.timeline import NOTHING, Timeline


def draft(*demands: Demand, **more: Any) -> LineDraft:
    """The line of the seats; without a demand, three more are wanted since today."""
    return next(one for one in drafts_of(view(*(demands or (demand(MORE),)), **more)) if one.key == SEATS)


# -- What is kept back, and what waits


def test_a_line_is_kept_back_by_what_was_rejected_and_by_what_is_parked() -> None:
    """Each alone is enough; a parked line that lacks nothing keeps nothing back."""
    lacks, parked = (Adjustment(SEATS, TODAY, 3),), Parked(PAUSED, {})
    assert not draft().is_kept_back
    assert replace(draft(), set_aside=(HeldChange(TODAY, 3),)).is_kept_back
    assert replace(draft(), parked=parked, adjustments=lacks).is_kept_back
    assert not replace(draft(), parked=parked).is_kept_back
    assert not replace(draft(), adjustments=lacks).is_kept_back


@pytest.mark.parametrize(
    ("own", "blocked"),
    [([], True), ([march(9)], True), ([march(10)], False), ([TODAY], False), ([TODAY + ONE_DAY], True)],
)
def test_a_line_whose_seats_wait_for_an_old_plan_is_blocked_unless_a_part_of_them_goes(
    own: list[date], blocked: bool
) -> None:
    """Seats wait since the 10th: what the line may adjust from that day to today is such a part."""
    goes = tuple(Adjustment(SEATS, day, 1) for day in own)
    waits = Adjustment(SEATS, march(10), 3)
    of_all = Adjustments((*goes, Adjustment(PLUS, TODAY, 5)), {SEATS: waits})
    expected = replace(draft(), adjustments=goes, blocked=blocked, waits_since=march(10))
    assert draft().with_adjustments(of_all) == expected


def test_what_comes_before_the_seats_that_wait_goes_where_the_line_goes_up_ahead_of_them() -> None:
    """One more seat of the 10th waits for an approval; those of the 9th do not."""
    goes, waits = (Adjustment(SEATS, march(9), 20),), Adjustment(SEATS, march(10), 1)
    of_all = Adjustments(goes, {SEATS: waits}, frozenset({SEATS}))
    expected = replace(draft(), adjustments=goes, blocked=False, waits_since=march(10))
    assert draft().with_adjustments(of_all) == expected


def test_seats_that_are_to_wait_from_tomorrow_on_do_not_block_a_line_today() -> None:
    """Until then the old plan may have come down; also where the line was blocked before."""
    waits, goes = Adjustment(SEATS, TODAY + ONE_DAY, 3), Adjustment(SEATS, march(20), 1)
    before = replace(draft(), blocked=True)
    assert before.with_adjustments(Adjustments((goes,), {SEATS: waits})) == replace(
        before, adjustments=(waits, goes), blocked=False
    )


# -- When nothing is wanted any more


UPGRADE = Link(march(12), SEATS, PLUS)
ENDED = since_january(25, (march(5), 28), (march(12), 0))


def over_from(*demands: Demand, **more: Any) -> date | None:
    """From when on nothing is wanted of the seats, nor of Plus, to which they move."""
    return draft(*demands, **{"links": (UPGRADE,), **more}).over_from


def test_seats_are_over_once_the_plan_that_they_moved_to_ends_too() -> None:
    """The day on which the last of the two ends, whatever both had before; as long as one of them has seats there is none."""
    plus = demand(Timeline.of([(march(12), 28), (march(20), 20), (march(25), 0)]), PLUS)
    assert over_from(demand(ENDED), plus) == march(25)
    assert over_from(demand(ENDED), demand(Timeline.of([(march(12), 28)]), PLUS)) is None


def test_seats_are_not_over_while_a_kept_edit_holds_the_plan_that_they_moved_to() -> None:
    """A person put two on top of it, which stay."""
    plus = demand(Timeline.of([(march(12), 28), (march(25), 0)]), PLUS)
    kept = left(NOTHING, PLUS, offset=Timeline.of([(march(14), 2)]))
    assert over_from(demand(ENDED), plus, lines=(kept,)) is None


def test_a_line_of_which_nothing_was_ever_wanted_is_not_over() -> None:
    """Whatever becomes of the plan that it leads to."""
    plus = demand(Timeline.of([(march(12), 28), (march(25), 0)]), PLUS)
    assert over_from(plus, lines=(left(LEVEL),)) is None


def test_only_plans_to_which_the_seats_move_count_for_their_end() -> None:
    """Not one that other seats leave, nor one in which another subscription has its own."""
    plus = demand(Timeline.of([(march(12), 28)]), PLUS)
    other = Link(march(12), PLUS, replace(PLUS, service_id=47))
    across = replace(UPGRADE, across=True)
    assert over_from(demand(ENDED), plus, links=(other,)) is None
    assert over_from(demand(ENDED), plus, links=(across,)) is None


# -- Whose terms count, and whose change it is


def of_two(a: Timeline, b: Timeline, *more: Source) -> Demand:
    """A line that two customers share, with what each is billed on it."""
    sources = (Source("a", "SKU-45", a, a), Source("b", "SKU-45", b, b), *more)
    units = Timeline()
    for one in sources:
        units = units.plus(one.units)
    return demand(units, sources=sources)


def test_a_customer_who_has_left_before_the_line_was_last_level_has_no_say() -> None:
    """The line is level with his last seats gone on the eve of today; a day earlier he was still one of the two."""
    eve = TODAY - ONE_DAY
    both = of_two(since_january(25), since_january(5, (eve, 0)))
    assert whose_terms(both, both.units, both.units, TODAY) == ("a",)
    assert whose_terms(both, both.units, both.units, eve) == ("a", "b")
    gone = of_two(since_january(25, (march(2), 0)), since_january(5, (march(2), 0)))
    assert whose_terms(gone, gone.units, gone.units, TODAY) == ("a", "b")


def parts(wanted: Demand, units: Timeline, day: date = TODAY) -> dict[str, int]:
    """What the change of a day has of each customer, where Autotask has so many units."""
    return parts_of(draft(wanted), day, units)


def test_a_change_of_a_line_of_one_customer_has_no_parts() -> None:
    """It is his as a whole."""
    assert parts(demand(MORE, sources=(Source("a", "SKU-45", MORE, MORE),)), LEVEL) == {}


def test_a_change_of_a_shared_line_has_the_part_of_each_customer_since_the_line_was_last_level() -> None:
    """The line was level on the 9th, when A had got three more: these are no part of it. His two SKUs count together."""
    a = since_january(20, (march(8), 23), (march(10), 25), (march(20), 40))
    also = since_january(1, (march(12), 4))
    shared = of_two(a, since_january(5, (march(11), 4)), Source("a", "SKU-X", also, also))
    has = since_january(26, (march(8), 29))
    assert parts(shared, has) == {"a": 5, "b": -1}


def test_a_customer_whose_seats_did_not_change_has_no_part() -> None:
    """B has five before and after."""
    assert parts(of_two(MORE, since_january(5)), since_january(30)) == {"a": 3}


def test_a_line_that_was_level_on_its_first_day_only_has_parts_since_then() -> None:
    """Both have changed on its second day already."""
    first = TODAY - ONE_DAY
    shared = replace(
        of_two(Timeline.of([(first, 20), (TODAY, 22)]), Timeline.of([(first, 5), (TODAY, 6)])), start=first
    )
    assert parts(shared, Timeline.of([(first, 25)])) == {"a": 2, "b": 1}


def test_a_line_that_was_never_level_has_no_parts() -> None:
    """Nobody knows who has what of the units that it has, and before its first day it was not ours."""
    shared = of_two(since_january(20, (TODAY, 22)), since_january(5))
    assert parts(shared, since_january(40)) == {}


# -- What goes first


def room(delta: int, *others: Adjustment, units: Timeline) -> Adjustment | None:
    """Which of these has to come before an adjustment of the 10th."""
    return room_for(Adjustment(SEATS, march(10), delta), others, units, TODAY)


def test_a_decrease_waits_for_the_increase_that_keeps_a_later_day_from_going_below_zero() -> None:
    """25 on the 10th, none from the 12th on: what makes the 12th level comes first, be it a single seat, and no decrease does."""
    units = since_january(25, (march(12), 0))
    single, more, less = (Adjustment(SEATS, march(on), delta) for on, delta in ((12, 1), (14, 5), (11, -1)))
    assert room(-1, less, single, more, units=units) == single
    assert room(-1, replace(less, day=march(12)), more, units=units) is None
    assert room(3, single, units=units) is None
    assert room(-1, single, units=LEVEL) is None


def test_an_increase_of_the_same_day_makes_no_room() -> None:
    """Only what a decrease would leave on later days counts: its own day has what is wanted of it."""
    units = since_january(25, (march(10), 2), (march(11), 25))
    assert room(-5, Adjustment(SEATS, march(10), 3), units=units) is None
