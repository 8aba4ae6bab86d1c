"""Plans: dated adjustments that make held equal desired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import NOTHING, Timeline

FIRST = date(2026, 1, 1)
LAST = FIRST + timedelta(days=59)
OLD, NEW = LineKey(1, 45), LineKey(1, 46)


def day(n: int) -> date:
    """The n-th day."""
    return FIRST + timedelta(days=n)


def steps(*pairs: tuple[int, int]) -> Timeline:
    """A timeline of (number of the day, units)."""
    return Timeline.of((day(n), units) for n, units in pairs)


def opens(*shut: int, last: date = LAST) -> Callable[[date], date | None]:
    """The next day that is open, given the numbers of those that are not."""

    def open_day(wanted: date) -> date | None:
        wanted = max(wanted, FIRST)
        while wanted <= last:
            if wanted not in {day(n) for n in shut}:
                return wanted
            wanted += timedelta(days=1)
        return None

    return open_day


def gap(desired: Timeline, held: Timeline, *shut: int, line: LineKey = OLD, start: int = 0) -> Gap:
    """A line to be planned, with the days on which it is shut."""
    return Gap(line, desired, day(start), held, opens(*shut))


def applied(held: Timeline, plan: Adjustments, line: LineKey = OLD) -> Timeline:
    """What is held once a plan was posted."""
    for adjustment in plan.in_order:
        if adjustment.line == line:
            held = held.add_from(adjustment.day, adjustment.delta)
    return held


timelines = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 9)), max_size=6).map(
    lambda pairs: steps(*sorted(pairs))
)
shut_days = st.sets(st.integers(0, 58), max_size=12)


def test_level_lines_need_nothing() -> None:
    """What is held as desired gets no adjustment."""
    assert adjustments_for([gap(steps((0, 25)), steps((0, 25)))]).in_order == ()


def test_each_change_is_one_adjustment_on_its_day() -> None:
    """Two changes on two days are two adjustments."""
    plan = adjustments_for([gap(steps((0, 25), (10, 28), (12, 30)), steps((0, 25)))])
    assert plan.in_order == (Adjustment(OLD, day(10), 3), Adjustment(OLD, day(12), 2))


def test_days_before_the_start_are_not_ours() -> None:
    """What Timus has not told us about is left as it is held."""
    plan = adjustments_for([gap(steps((10, 28)), steps((0, 25)), start=10)])
    assert plan.in_order == (Adjustment(OLD, day(10), 3),)


def test_a_day_that_is_not_open_is_netted_into_the_next() -> None:
    """Changes on a taken day come with those of the next open one."""
    plan = adjustments_for([gap(steps((0, 25), (10, 28), (11, 30)), steps((0, 25)), 10)])
    assert plan.in_order == (Adjustment(OLD, day(11), 5),)


def test_a_future_row_of_somebody_is_levelled_on_its_day() -> None:
    """Held is a timeline: a step that lies ahead in Autotask is taken back on its own day."""
    plan = adjustments_for([gap(steps((0, 25)), steps((0, 25), (30, 40)))])
    assert plan.in_order == (Adjustment(OLD, day(30), -15),)


def test_a_plan_change_comes_down_first() -> None:
    """Of one day's adjustments the decreases come first."""
    down = gap(steps((0, 25), (10, 0)), steps((0, 25)), line=NEW)
    up = gap(steps((10, 25)), NOTHING, line=OLD)
    plan = adjustments_for([up, down], [Link(day(10), NEW, OLD)])
    assert [a.delta for a in plan.in_order] == [-25, 25]


def test_a_plan_change_goes_up_when_the_other_comes_down() -> None:
    """If the old line's day is taken, both plans change on the next: they are never billed together."""
    down = gap(steps((0, 25), (10, 0)), steps((0, 25)), 10, 11)
    up = gap(steps((10, 25)), NOTHING, line=NEW)
    plan = adjustments_for([up, down], [Link(day(10), OLD, NEW)])
    assert plan.in_order == (Adjustment(OLD, day(12), -25), Adjustment(NEW, day(12), 25))


def test_after_the_decrease_was_posted_late_the_increase_keeps_its_day() -> None:
    """The increase follows the day on which the old line has come down in Autotask, not the day of the change."""
    down = gap(steps((0, 25), (10, 0)), steps((0, 25), (12, 0)), 10, 11, 12)
    up = gap(steps((10, 25)), NOTHING, line=NEW)
    assert adjustments_for([up, down], [Link(day(10), OLD, NEW)]).in_order == (Adjustment(NEW, day(12), 25),)


def test_an_unknown_old_line_blocks_the_new_one() -> None:
    """While nobody knows whether the old plan came down, the new one does not go up."""
    up = gap(steps((10, 25)), NOTHING, line=NEW)
    plan = adjustments_for([up], [Link(day(10), OLD, NEW)])
    assert plan.in_order == ()
    assert plan.blocked == {NEW: Adjustment(NEW, day(10), 25)}


def test_a_plan_that_is_still_on_its_way_down_counts_for_the_plan_after_next() -> None:
    """From plan 45 over 46 to 48 in one day, where 45's day is taken: 48 goes up when 45 comes down."""
    down = gap(steps((0, 25), (10, 0)), steps((0, 25)), 10)
    up = gap(steps((10, 25)), NOTHING, line=LineKey(1, 48))
    links = [Link(day(10), OLD, NEW), Link(day(10), NEW, LineKey(1, 48)), Link(day(10), OLD, LineKey(1, 48))]
    plan = adjustments_for([up, down, gap(NOTHING, NOTHING, line=NEW)], links)
    assert plan.in_order == (Adjustment(OLD, day(11), -25), Adjustment(LineKey(1, 48), day(11), 25))


def test_a_rise_that_is_netted_into_a_later_day_waits_for_what_falls_then() -> None:
    """Back to plan 45 on day 11, whose day 10 is taken; plan 46 went up on day 11 and comes down on day 12 at the earliest."""
    back = gap(steps((11, 24)), steps((0, 13), (10, 0)), 10, start=10)
    away = gap(steps((10, 24), (11, 0)), steps((11, 24)), 11, line=NEW, start=10)
    plan = adjustments_for([back, away], [Link(day(11), NEW, OLD)])
    assert plan.in_order == (Adjustment(NEW, day(12), -24), Adjustment(OLD, day(12), 24))


def test_a_plan_that_was_there_for_a_while_only_is_left_out_where_it_would_meet_the_next() -> None:
    """Late news of two days on plan 46, while plan 45 is billed since: +14 and then -14 would bill both for a moment."""
    there = gap(steps((9, 14), (11, 0)), NOTHING, line=NEW)
    since = gap(steps((11, 14)), steps((11, 14)), 11)
    assert adjustments_for([there, since], [Link(day(9), OLD, NEW), Link(day(11), NEW, OLD)]).in_order == ()


def test_a_plan_for_a_while_waits_for_one_that_has_yet_to_come_down() -> None:
    """The old plan is on another contract and still billed: once it has come down the new one is billed, until its end."""
    new = gap(steps((8, 35), (11, 0)), NOTHING, line=NEW)
    links = [Link(day(8), OLD, NEW)]
    still = Gap(OLD, steps((0, 2), (8, 0)), day(0), steps((0, 2)), opens())
    assert adjustments_for([new], links, {OLD: still}) == Adjustments((), {NEW: Adjustment(NEW, day(8), 35)})
    gone = replace(still, observed=steps((0, 2), (9, 0)))
    assert [((a.day - FIRST).days, a.delta) for a in adjustments_for([new], links, {OLD: gone}).in_order] == [
        (9, 35),
        (11, -35),
    ]


def test_a_plan_for_a_while_before_one_that_is_rightly_billed_is_left_out_and_holds_up_nothing() -> None:
    """On another contract the plan before it is level and billed again; a third line's change is planned all the same."""
    new = gap(steps((8, 35), (11, 0)), NOTHING, line=NEW)
    other = gap(steps((9, 3)), NOTHING, line=LineKey(1, 47))
    for seats in (1, 2):
        back = Gap(OLD, steps((11, seats)), day(0), steps((11, seats)), opens())
        plan = adjustments_for([new, other], [Link(day(8), OLD, NEW)], {OLD: back})
        left_out = {NEW: [(day(8), day(11))]}
        assert plan == Adjustments((Adjustment(other.line, day(9), 3),), left_out=left_out)


def test_a_rise_for_a_while_is_billed_beside_what_is_no_other_plan() -> None:
    """57 seats for a week, then another plan and a gateway more: the gateway was there all along, so nothing is billed twice."""
    gateway = LineKey(1, 47)
    plan = adjustments_for(
        [
            gap(steps((0, 57), (7, 24), (8, 0)), steps((0, 25))),
            gap(steps((8, 23)), NOTHING, line=NEW),
            gap(steps((0, 1), (8, 2)), steps((0, 1)), line=gateway),
        ],
        [Link(day(8), OLD, NEW), Link(day(8), OLD, gateway)],
    )
    assert [(a.line, (a.day - FIRST).days, a.delta) for a in plan.in_order] == [
        (OLD, 0, 32),
        (OLD, 7, -33),
        (OLD, 8, -24),
        (NEW, 8, 23),
        (gateway, 8, 1),
    ]


def test_a_rise_for_a_while_is_billed_whatever_other_lines_change_their_plans() -> None:
    """7 seats for two days on a line that no plan change concerns; on the day on which they go another plan is billed already."""
    third, level = LineKey(1, 47), steps((5, 9))
    found = adjustments_for(
        [gap(steps((3, 7), (5, 0)), NOTHING, line=third), gap(level, level), gap(NOTHING, NOTHING, line=NEW)],
        [Link(day(5), NEW, OLD)],
    )
    assert found.in_order == (Adjustment(third, day(3), 7), Adjustment(third, day(5), -7))


def test_an_end_that_is_still_to_come_does_not_hold_up_a_plan_change() -> None:
    """The old line is shared: it came down to what others have on it, who leave on day 20."""
    down = gap(steps((0, 25), (10, 22), (20, 0)), steps((0, 25), (11, 22)), 10, 11)
    up = gap(steps((10, 16)), NOTHING, line=NEW)
    plan = adjustments_for([down, up], [Link(day(10), OLD, NEW)])
    assert plan.in_order == (Adjustment(NEW, day(11), 16), Adjustment(OLD, day(20), -22))


def test_a_plan_for_a_while_is_left_out_whichever_way_the_change_went() -> None:
    """One change that joins the two plans is enough."""
    there = gap(steps((9, 14), (11, 0)), NOTHING, line=NEW)
    since = gap(steps((11, 14)), steps((11, 14)), 11)
    for link in (Link(day(11), NEW, OLD), Link(day(9), OLD, NEW)):
        assert adjustments_for([there, since], [link]).in_order == ()


@pytest.mark.parametrize(
    ("up", "down", "start", "expected"),
    [
        # A rise after a fall of the day before.
        (
            gap(steps((8, 10), (9, 3), (10, 8)), NOTHING),
            gap(steps((0, 25), (10, 0)), steps((0, 25)), line=NEW),
            10,
            [(OLD, 8, 10), (OLD, 9, -7), (NEW, 10, -25), (OLD, 10, 5)],
        ),
        # A rise to what is still less than what is held.
        (
            gap(steps((0, 20), (8, 10), (10, 15)), steps((0, 20))),
            gap(steps((0, 25), (10, 0)), steps((0, 25)), line=NEW),
            10,
            [(OLD, 8, -10), (NEW, 10, -25), (OLD, 10, 5)],
        ),
        # A rise that is as old as the contract: what was wanted before its first day does not count.
        (
            gap(steps((0, 25)), NOTHING, start=5),
            gap(NOTHING, steps((5, 25)), line=NEW, start=5),
            5,
            [(NEW, 5, -25), (OLD, 5, 25)],
        ),
        # A rise by one on the first day of all.
        (
            gap(steps((5, 1)), NOTHING, start=5),
            gap(NOTHING, steps((5, 1)), line=NEW, start=5),
            5,
            [
                (NEW, 5, -1),
                (OLD, 5, 1),
            ],
        ),
    ],
)
def test_whatever_rises_comes_after_what_falls_that_day(
    up: Gap, down: Gap, start: int, expected: list[tuple[LineKey, int, int]]
) -> None:
    """A change is planned once the decreases of its day are, or it would wait for them for ever."""
    plan = adjustments_for([up, down], [Link(day(start), NEW, OLD)])
    assert plan.in_order == tuple(Adjustment(line, day(n), delta) for line, n, delta in expected)


def test_a_fall_that_is_netted_into_a_later_day_is_known_to_what_rises_before_it() -> None:
    """What somebody put on the old plan for day 3 is taken off then, so the new one, which fell below zero units else, may rise."""
    new = gap(steps((2, 1)), steps((3, 2)), line=OLD)
    old = gap(NOTHING, steps((3, 2)), 2, line=NEW, start=2)
    assert adjustments_for([new, old], [Link(day(0), NEW, OLD)]).in_order == (
        Adjustment(OLD, day(2), 1),
        Adjustment(OLD, day(3), -2),
        Adjustment(NEW, day(3), -2),
    )


Row = tuple[Timeline, Timeline, int, tuple[int, ...], int]


def rows(lines: dict[int, Row]) -> list[Gap]:
    """Lines by number: what each should have, what it has, its first day, the days that are taken, and its last day."""
    return [
        Gap(LineKey(1, number), desired, day(start), held, opens(*shut, last=day(last)), day(last))
        for number, (desired, held, start, shut, last) in lines.items()
    ]


@pytest.mark.parametrize(
    ("lines", "elsewhere", "links", "adjustments", "blocked"),
    [
        (
            {0: (NOTHING, steps((0, 1)), 2, (7,), 7), 1: (steps((1, 1), (4, 0)), NOTHING, 0, (0, 7), 8)},
            {},
            [(4, 0, 1)],
            [(0, 2, -1), (1, 2, 1), (1, 4, -1)],
            {},
        ),
        (
            {
                0: (NOTHING, steps((6, 2)), 0, (5, 7), 10),
                1: (steps((4, 2), (5, 1)), steps((0, 2), (4, 0)), 0, (2,), 8),
            },
            {},
            [(3, 0, 1)],
            [(1, 0, -2), (0, 6, -2)],
            {1: 4},
        ),
        (
            {
                0: (steps((5, 1), (7, 0)), NOTHING, 0, (2,), 8),
                1: (NOTHING, steps((6, 1)), 0, (3,), 8),
            },
            {},
            [(4, 1, 0), (4, 0, 1)],
            [(1, 6, -1), (0, 6, 1), (0, 7, -1)],
            {},
        ),
        (
            {
                0: (NOTHING, steps((3, 2), (5, 1)), 0, (1, 4, 5), 7),
                1: (steps((0, 1), (3, 2)), steps((4, 1), (5, 2)), 1, (), 7),
            },
            {},
            [(0, 0, 1), (7, 0, 1)],
            [(0, 6, -1)],
            {},
        ),
        (
            {
                0: (steps((4, 3)), steps((6, 3)), 1, (4,), 8),
                1: (steps((1, 1), (7, 0)), steps((3, 1), (5, 0)), 0, (), 10),
            },
            {},
            [(4, 0, 1)],
            [(1, 1, 1), (1, 3, -1), (0, 5, 3), (0, 6, -3)],
            {1: 5},
        ),
        (
            {
                0: (steps((0, 1), (1, 0), (3, 1)), steps((3, 1)), 0, (3,), 4),
                2: (NOTHING, steps((2, 1)), 0, (3,), 6),
            },
            {1: (NOTHING, steps((0, 1)), 0, (), 6)},
            [(2, 1, 0), (2, 2, 1)],
            [(2, 2, -1)],
            {0: 0},
        ),
        (
            {
                0: (steps((2, 1)), NOTHING, 1, (3,), 3),
                1: (NOTHING, steps((2, 1)), 0, (2, 3), 6),
                2: (steps((0, 1), (1, 0), (2, 2)), steps((2, 1)), 0, (1,), 4),
            },
            {},
            [(0, 1, 2), (2, 3, 1), (2, 1, 0)],
            [(1, 4, -1), (2, 4, 1)],
            {},
        ),
        (
            {
                0: (steps((3, 1)), NOTHING, 0, (1, 2), 7),
                1: (NOTHING, steps((1, 1), (4, 0)), 0, (4,), 4),
                2: (steps((1, 1), (4, 0)), NOTHING, 0, (), 5),
            },
            {},
            [(2, 0, 1), (3, 1, 0), (0, 2, 0)],
            [(2, 1, 1), (2, 4, -1), (0, 4, 1)],
            {},
        ),
    ],
    ids=[
        "a rise that waits is looked at on a later day",
        "what goes on of one that was given up waits since the day of all of it",
        "it comes after what falls on the day until which it waited",
        "what is given up leaves the line as it runs",
        "one that was made is no longer waiting when the next one is",
        "one that waits for another contract holds up no other line",
        "nor does one that has no open day when the old plan is down",
        "what falls on the day until which it waited is known by then",
    ],
)
def test_rises_that_wait(
    lines: dict[int, Row],
    elsewhere: dict[int, Row],
    links: list[tuple[int, int, int]],
    adjustments: list[tuple[int, int, int]],
    blocked: dict[int, int],
) -> None:
    """Small worlds in which the order of looking at days and lines decides: (line, day, units), and who waits since when."""
    plan = adjustments_for(
        rows(lines),
        [Link(day(on), LineKey(1, down), LineKey(1, up)) for on, down, up in links],
        {gap.line: gap for gap in rows(elsewhere)},
    )
    assert [(a.line.service_id, (a.day - FIRST).days, a.delta) for a in plan.in_order] == adjustments
    assert {line.service_id: (one.day - FIRST).days for line, one in plan.blocked.items()} == blocked


def test_what_was_wanted_before_a_delayed_rise_is_not_made_up_for() -> None:
    """Of 3, 4 and 6 seats only the 6 are left when the old plan has come down at last."""
    down = gap(steps((0, 9), (1, 0)), steps((0, 9)), 1, 2, 3, 4)
    up = gap(steps((1, 3), (3, 4), (4, 6)), NOTHING, line=NEW)
    plan = adjustments_for([down, up], [Link(day(1), OLD, NEW)])
    assert plan.in_order == (Adjustment(OLD, day(5), -9), Adjustment(NEW, day(5), 6))


def test_a_delayed_rise_takes_what_follows_with_it() -> None:
    """What was to change before the day on which it can rise is netted into that day."""
    down = gap(steps((0, 25), (10, 0)), steps((0, 25)), *range(10, 15))
    up = gap(steps((10, 25), (12, 20), (15, 26)), NOTHING, line=NEW)
    plan = adjustments_for([down, up], [Link(day(10), OLD, NEW)])
    assert plan.in_order == (Adjustment(OLD, day(15), -25), Adjustment(NEW, day(15), 26))


THIRD = LineKey(1, 47)


@pytest.mark.parametrize(
    "stuck",
    [
        gap(steps((5, 25), (6, 30)), NOTHING, line=NEW),
        Gap(NEW, steps((5, 25), (6, 30)), day(0), NOTHING, lambda _: None),
    ],
    ids=["blocked", "without an open day"],
)
def test_a_line_that_cannot_be_planned_holds_up_no_other(stuck: Gap) -> None:
    """The next line's change is planned all the same."""
    plan = adjustments_for([stuck, gap(steps((7, 3)), NOTHING, line=THIRD)], [Link(day(5), OLD, NEW)])
    assert plan.in_order == (Adjustment(THIRD, day(7), 3),)


@pytest.mark.parametrize("there", [steps((0, 16), (40, 0)), steps((0, 16))], ids=["ends later", "stays"])
@pytest.mark.parametrize(
    "wanted", [steps((10, 10), (13, 0)), steps((10, 10))], ids=["a few days", "for good"]
)
def test_a_rise_waits_for_a_decrease_that_is_parked(there: Timeline, wanted: Timeline) -> None:
    """A person may end what holds it, and then both are made: the rise is neither given up nor dated to the day on which the old plan ends."""
    down = Gap(OLD, steps((0, 16), (10, 0)), day(0), there, lambda _: None, stuck=True)
    plan = adjustments_for([down, gap(wanted, NOTHING, line=NEW)], [Link(day(10), OLD, NEW)])
    assert plan == Adjustments((), {NEW: Adjustment(NEW, day(10), 10)})


def test_a_rise_does_not_wait_for_a_plan_that_has_come_down_although_more_of_it_is_parked() -> None:
    """That some of it is wanted again later, and that a person has to decide on this, is another change."""
    down = Gap(
        OLD, steps((0, 16), (10, 0), (20, 4)), day(0), steps((0, 16), (10, 0)), lambda _: None, stuck=True
    )
    plan = adjustments_for([down, gap(steps((10, 10)), NOTHING, line=NEW)], [Link(day(10), OLD, NEW)])
    assert plan == Adjustments((Adjustment(NEW, day(10), 10),))


def test_a_rise_for_which_the_contract_is_too_short_holds_up_no_other() -> None:
    """The old plan comes down on the last day but one; on the last, the new one is shut."""
    down = gap(steps((0, 25), (57, 0)), steps((0, 25)), 57)
    up = gap(steps((57, 25)), NOTHING, 58, 59, line=NEW)
    other = gap(steps((58, 3)), NOTHING, line=THIRD)
    plan = adjustments_for([down, up, other], [Link(day(57), OLD, NEW)])
    assert plan.in_order == (Adjustment(OLD, day(58), -25), Adjustment(THIRD, day(58), 3))


def test_an_old_plan_change_does_not_block_later_changes() -> None:
    """Once the new line is level, what happens to the old one does not hold up more seats."""
    up = gap(steps((10, 25), (20, 27)), steps((10, 25)), line=NEW)
    plan = adjustments_for([up], [Link(day(10), OLD, NEW)])
    assert plan.in_order == (Adjustment(NEW, day(20), 2),)


def test_a_part_of_what_a_taken_day_needs_may_come_before_it() -> None:
    """The taken day gets what was wanted the day before, which is on the way to what it should have."""
    plan = adjustments_for([gap(steps((10, 3), (11, 5)), NOTHING, 11)])
    assert plan.in_order == (Adjustment(OLD, day(10), 3), Adjustment(OLD, day(12), 2))


def test_a_fall_is_left_out_where_the_rise_that_was_to_make_up_for_it_has_to_wait() -> None:
    """Else day 6, which is taken, would be left with 1: the rise of day 5 waits for the old plan, which comes down on that day."""
    old = gap(NOTHING, steps((0, 3), (6, 0)), 6, line=OLD, start=3)
    new = gap(steps((3, 3), (5, 31), (6, 29), (7, 27)), steps((0, 28), (6, 26)), 6, line=NEW, start=3)
    links = [Link(day(3), OLD, NEW)]
    assert adjustments_for([old, new], links).in_order == (Adjustment(NEW, day(7), 1),)
    free = replace(new, open_day=opens())
    assert [((a.day - FIRST).days, a.delta) for a in adjustments_for([old, free], links).in_order] == [
        (3, -25),
        (6, 28),
        (7, -2),
    ]


def test_that_holds_of_the_last_day_too() -> None:
    """The rise would come after the contract's end, so nothing falls before it."""
    old = gap(NOTHING, steps((0, 3), (6, 0)), 6, line=OLD, start=3)
    new = Gap(
        NEW,
        steps((3, 3), (5, 31), (6, 29)),
        day(3),
        steps((0, 28), (6, 26)),
        opens(6, last=day(6)),
        last=day(6),
    )
    assert adjustments_for([old, new], [Link(day(3), OLD, NEW)]).in_order == ()


def test_what_makes_a_taken_day_right_stays_in_the_plan() -> None:
    """What makes the day before right makes it right too."""
    for more in (2, -2):
        wanted, held = steps((3, 25 + more), (6, 26 + more)), steps((0, 25), (6, 26))
        plan = adjustments_for([gap(wanted, held, 6, start=3)])
        assert plan.in_order == (Adjustment(OLD, day(3), more),)


def test_a_rise_that_cannot_be_planned_does_not_undo_what_comes_before_it() -> None:
    """From its own day on the line waits; what fell earlier falls."""
    line = gap(steps((0, 25), (4, 0), (8, 30)), steps((0, 25)), 6, line=NEW)
    plan = adjustments_for([line], [Link(day(8), OLD, NEW)])
    assert plan == Adjustments((Adjustment(NEW, day(4), -25),), {NEW: Adjustment(NEW, day(8), 30)})


@pytest.mark.parametrize(
    ("wanted", "held", "start", "taken", "last", "adjustments"),
    [
        (steps((1, 1), (3, 0), (4, 1)), NOTHING, 0, 4, 5, [(5, 1)]),
        (steps((3, 1), (4, 0)), steps((0, 1)), 2, 4, 4, []),
    ],
    ids=["the change after it cannot come in time", "nor on the last day"],
)
def test_what_could_not_be_taken_back_in_time_is_left_out(
    wanted: Timeline, held: Timeline, start: int, taken: int, last: int, adjustments: list[tuple[int, int]]
) -> None:
    """Units for a while before a day that is taken: once they were posted, their end would be left out."""
    line = Gap(OLD, wanted, day(start), held, opens(taken, last=day(last)), day(last))
    plan = adjustments_for([line])
    assert [((a.day - FIRST).days, a.delta) for a in plan.in_order] == adjustments


def test_more_than_a_taken_day_needs_does_not_come_before_it() -> None:
    """Else the taken day would have had it too."""
    plan = adjustments_for([gap(steps((10, 5), (11, 3)), NOTHING, 11)])
    assert plan.in_order == (Adjustment(OLD, day(12), 3),)


def test_a_single_seat_for_a_single_day_does_not_run_over() -> None:
    """The smallest quantity is held to the same."""
    assert adjustments_for([gap(steps((10, 1), (11, 0)), NOTHING, 11)]).in_order == ()
    taken = gap(steps((10, 1), (11, 26)), steps((11, 26)), 11)
    assert adjustments_for([taken]).in_order == ()


def test_one_seat_that_changes_its_plan_is_never_billed_twice() -> None:
    """One unit that is still there is not come down."""
    down = gap(steps((0, 1), (10, 0)), steps((0, 1)), 10, 11)
    up = gap(steps((10, 1)), NOTHING, line=NEW)
    plan = adjustments_for([up, down], [Link(day(10), OLD, NEW)])
    assert plan.in_order == (Adjustment(OLD, day(12), -1), Adjustment(NEW, day(12), 1))


@given(timelines, timelines, shut_days, st.integers(0, 59))
def test_applying_a_plan_gives_desired(desired: Timeline, held: Timeline, shut: set[int], start: int) -> None:
    """From the day after the last shut one on, all is as desired; planning again gives nothing."""
    one = gap(desired, held, *shut, start=start)
    plan = adjustments_for([one])
    after = applied(held, plan)
    for n in range(max([start, *(n + 1 for n in shut)]), 60):
        assert after.at(day(n)) == desired.at(day(n))
    assert adjustments_for([gap(desired, after, *shut, start=start)]).in_order == ()


@given(timelines, timelines, shut_days, st.integers(0, 59))
def test_no_day_gets_a_quantity_that_was_never_wanted(
    desired: Timeline, held: Timeline, shut: set[int], start: int
) -> None:
    """Every day ends with what it had, or with what was desired on it or on an earlier day whose change is still under way."""
    after = applied(held, adjustments_for([gap(desired, held, *shut, start=start)]))
    for n in range(60):
        wanted = {desired.at(day(m)) for m in range(start, n + 1)}
        assert after.at(day(n)) in {held.at(day(n)), *wanted}


def test_a_plan_of_the_same_contract_is_waited_for_until_it_is_wanted_again_at_most() -> None:
    """Left on day 10, it cannot be looked at before day 12 and is wanted beside the new one from day 15 on."""
    old = gap(steps((0, 25), (10, 0), (15, 25)), steps((0, 25)), start=12)
    new = gap(steps((10, 3)), NOTHING, line=NEW)
    plan = adjustments_for([old, new], [Link(day(10), OLD, NEW)])
    assert plan == Adjustments(
        (Adjustment(OLD, day(12), -25), Adjustment(OLD, day(15), 25), Adjustment(NEW, day(15), 3))
    )


def test_a_change_does_not_run_over_into_a_day_that_is_taken() -> None:
    """28 wanted from day 5, where day 8 went from 0 to 26 and is taken: 26 stay on day 8, and 28 follow on day 9."""
    plan = adjustments_for([gap(steps((5, 28)), steps((8, 26)), 8)])
    assert plan.in_order == (Adjustment(OLD, day(9), 2),)


def test_the_last_day_can_be_taken_too() -> None:
    """21 wanted from day 56, where the last day went to 24 already: nothing can be mended any more."""
    one = gap(steps((56, 21)), steps((59, 24)), 59)
    for last in (date.max, LAST):
        assert adjustments_for([replace(one, last=last)]).in_order == ()


def test_a_single_unit_does_not_run_over_either() -> None:
    """2 wanted, where day 5 has 1 and the last day went to 0 already: one more would make 1 of that 0."""
    one = Gap(OLD, steps((0, 2)), day(0), steps((5, 1), (6, 0)), opens(6, last=day(6)), day(6))
    assert adjustments_for([one]).in_order == ()


def test_nothing_is_posted_only_to_be_taken_back() -> None:
    """Where day 14 and 15 are taken, the days before them stay whole: a half of +11 and -11 could be all that gets through."""
    held = steps((0, 9), (14, 27), (15, 30))
    plan = adjustments_for([gap(steps((10, 20), (13, 37)), held, 14, 15, start=10)])
    assert plan.in_order == (Adjustment(OLD, day(16), 7),)


def test_a_decrease_that_is_no_good_after_what_makes_room_for_it_is_left_out() -> None:
    """-9 on day 11 would leave fewer than 0 on day 17, so +16 of day 14 comes first; then day 17, which a person's edit has, bars the way."""
    held = steps((0, 9), (17, 5))
    edited = replace(gap(steps((14, 16)), held, 17, start=11), edited_on=frozenset({day(17)}))
    assert adjustments_for([edited]).in_order == (Adjustment(OLD, day(14), 7), Adjustment(OLD, day(18), 4))


def test_seats_that_end_later_come_once_the_other_plans_of_their_family_have_come_down() -> None:
    """Day 7 is taken on all three lines. On day 8 the others come down, so that 13 seats have room until they end on day 10."""
    third = LineKey(1, 47)
    lines = [
        gap(steps((6, 1), (7, 11), (10, 0)), steps((0, 9), (7, 14)), 7, start=6),
        gap(steps((7, 5), (10, 0)), steps((0, 16), (7, 15)), 7, line=NEW, start=7),
        gap(steps((6, 13), (7, 14), (10, 0)), steps((7, 1)), 7, line=third, start=6),
    ]
    found = adjustments_for(lines, families=[frozenset({OLD, NEW, third})])
    assert [one for one in found.in_order if one.line == third] == [
        Adjustment(third, day(8), 13),
        Adjustment(third, day(10), -14),
    ]
    assert not found.blocked


def test_what_is_wanted_until_after_the_last_day_is_billed() -> None:
    """A cancellation that falls after the contract's end does not keep the units before it down."""
    one = Gap(OLD, steps((5, 29), (70, 0)), day(0), NOTHING, opens(), LAST)
    assert adjustments_for([one]).in_order == (Adjustment(OLD, day(5), 29),)


def test_a_decrease_before_a_decrease_that_is_taken_is_left_out() -> None:
    """0 wanted from day 5, where day 8 went to 0 already: days 5 to 7 stay, for Autotask goes below zero otherwise."""
    plan = adjustments_for([gap(NOTHING, steps((0, 21), (8, 0)), 8, start=5)])
    assert plan.in_order == ()


@given(timelines, timelines, shut_days, st.integers(0, 59))
def test_posted_days_are_taken_and_still_level(
    desired: Timeline, held: Timeline, shut: set[int], start: int
) -> None:
    """The days that a plan has used are not open any more; what it did still needs nothing more."""
    plan = adjustments_for([gap(desired, held, *shut, start=start)])
    used = {(a.day - FIRST).days for a in plan.in_order}
    after = applied(held, plan)
    assert adjustments_for([gap(desired, after, *shut, *used, start=start)]).in_order == ()


@given(timelines, timelines, shut_days, st.integers(0, 59))
def test_a_line_has_one_adjustment_a_day_and_none_on_shut_days(
    desired: Timeline, held: Timeline, shut: set[int], start: int
) -> None:
    """One per line and day, only on open days, never before the start, never of 0."""
    plan = adjustments_for([gap(desired, held, *shut, start=start)])
    used = [a.day for a in plan.in_order]
    assert len(used) == len(set(used))
    assert not {day(n) for n in shut} & set(used)
    assert all(day(start) <= d <= LAST for d in used)
    assert all(a.delta for a in plan.in_order)


@given(st.integers(1, 40), st.integers(1, 30), shut_days, shut_days, st.integers(0, 4), timelines)
def test_two_plans_are_never_billed_at_once(
    seats: int, change: int, shut_old: set[int], shut_new: set[int], done: int, later: Timeline
) -> None:
    """However the days are taken, and wherever a run was cut off, on no day are both plans billed."""
    old_desired, new_desired = steps((0, seats), (change, 0)), steps((change, seats))
    links = [Link(day(change), OLD, NEW)]
    held = {OLD: steps((0, seats)), NEW: NOTHING}
    shut = {OLD: set(shut_old), NEW: set(shut_new)}
    for _ in range(3):
        plan = adjustments_for(
            [
                gap(old_desired, held[OLD], *shut[OLD]),
                gap(new_desired, held[NEW], *shut[NEW], line=NEW),
            ],
            links,
        )
        for adjustment in plan.in_order[: done or None]:
            held[adjustment.line] = held[adjustment.line].add_from(adjustment.day, adjustment.delta)
            shut[adjustment.line].add((adjustment.day - FIRST).days)
            for n in range(60):
                assert not (held[OLD].at(day(n)) and held[NEW].at(day(n)))


def test_seats_come_on_the_last_day_of_a_contract_where_the_old_plan_comes_down_on_it() -> None:
    """The old plan has an adjustment on each of its last two days. None can be added there, and what is made is made."""
    old = gap(steps((54, 6)), steps((58, 23), (59, 6)), 58, 59, line=OLD, start=54)
    new = gap(steps((54, 17)), NOTHING, line=NEW, start=54)
    plan = adjustments_for([old, new], [Link(day(54), OLD, NEW, beside=True)], families=[{OLD, NEW}])
    assert plan == Adjustments((Adjustment(NEW, day(59), 17),))


def test_seats_wait_where_nobody_knows_when_the_plan_that_they_leave_comes_down() -> None:
    """It has two too many, and no day is left on which it could be adjusted."""
    old = gap(steps((0, 3)), steps((0, 5)), *range(60))
    new = gap(steps((3, 2)), NOTHING, line=NEW)
    plan = adjustments_for([old, new], families=[{OLD, NEW}])
    assert (plan.in_order, plan.blocked) == ((), {NEW: Adjustment(NEW, day(3), 2)})
