"""What is made of a plan change whose old plan keeps seats, by when the old plan comes down: one test for each answer.

Of 25 seats of the old plan 15 move on the 10th, and 3 of the new one are bought. Where nothing else is said, the new plan goes up by 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.converge.gaps import open_day_of
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import NOTHING, Timeline

OLD, NEW, THIRD = LineKey(1, 45), LineKey(1, 46), LineKey(1, 47)


def march(day: int) -> date:
    """A day of the month."""
    return date(2026, 3, day)


def line(key: LineKey, before: int, after: int, *, free_from: int = 1) -> Gap:
    """A line that has so many units, and should have others from the 10th on; it takes no adjustment before ``free_from``."""
    return Gap(
        key,
        desired=Timeline.of([(march(1), before), (march(10), after)]),
        start=march(1),
        observed=Timeline.of([(march(1), before)]),
        open_day=open_day_of(frozenset(march(day) for day in range(2, free_from))),
    )


COMES_DOWN, COMES_UP = line(OLD, 25, 10), line(NEW, 0, 18)
LATE = line(OLD, 25, 10, free_from=20)
MOVES = Link(march(10), OLD, NEW, beside=True)


def made(
    *gaps: Gap, links: tuple[Link, ...] = (MOVES,), elsewhere: Mapping[LineKey, Gap] | None = None
) -> Adjustments:
    """What is made of these lines."""
    return adjustments_for(gaps, links, elsewhere)


def told(found: Adjustments) -> list[tuple[LineKey, int, int]]:
    """By line and day of the month, in order."""
    return [(one.line, one.day.day, one.delta) for one in found.in_order]


def test_the_decrease_of_the_same_day_comes_first() -> None:
    """The new plan's turn comes again on that day, and nothing waits any more."""
    found = made(COMES_UP, COMES_DOWN)
    assert (told(found), found.blocked) == ([(OLD, 10, -15), (NEW, 10, 18)], {})


def test_nothing_waits_for_an_old_plan_that_is_down() -> None:
    """Its decrease was made before."""
    assert told(made(COMES_UP, replace(COMES_DOWN, observed=COMES_DOWN.desired))) == [(NEW, 10, 18)]


def test_what_is_bought_goes_while_the_seats_that_move_wait_for_a_day() -> None:
    """The old plan takes no adjustment before the 20th."""
    found = made(COMES_UP, LATE)
    assert (told(found), found.blocked) == ([(NEW, 10, 3), (OLD, 20, -15), (NEW, 20, 15)], {})


def test_where_nothing_is_bought_all_of_it_waits_for_that_day() -> None:
    """So the new plan's own day stays free."""
    found = made(line(NEW, 0, 15), LATE)
    assert (told(found), found.blocked) == ([(OLD, 20, -15), (NEW, 20, 15)], {})


def test_all_seats_wait_together_for_a_decrease_elsewhere_that_has_no_date_yet() -> None:
    """What is bought would take the day that the others may need in a moment."""
    elsewhere = replace(COMES_DOWN, sure_until=march(9))
    found = made(COMES_UP, elsewhere={OLD: elsewhere})
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 18)})


def test_what_is_bought_goes_while_somebody_decides_about_the_decrease() -> None:
    """As many as the old plan has too many stay."""
    assert told(made(COMES_UP, COMES_DOWN.as_stuck())) == [(NEW, 10, 3)]


def test_the_seats_that_move_wait_until_somebody_has_decided() -> None:
    """Nobody knows of a day."""
    found = made(line(NEW, 0, 15), COMES_DOWN.as_stuck())
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 15)})


def test_seats_wait_for_a_plan_of_which_nothing_is_known_behind_the_one_that_they_leave() -> None:
    """What the old plan keeps may be seats that came to it, and are still billed where they were."""
    links = (MOVES, Link(march(10), THIRD, OLD, beside=True))
    found = made(COMES_UP, replace(COMES_DOWN, observed=COMES_DOWN.desired), links=links)
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 18)})


def test_seats_wait_for_a_plan_behind_the_one_that_they_leave() -> None:
    """15 seats come to the old plan as 15 leave it: it lacks nothing itself, and the new plan waits for the third one."""
    links = (MOVES, Link(march(10), THIRD, OLD, beside=True))
    third = line(THIRD, 15, 0, free_from=20)
    assert told(made(line(NEW, 0, 15), line(OLD, 15, 15), third, links=links)) == [
        (THIRD, 20, -15),
        (NEW, 20, 15),
    ]


def test_a_line_without_units_hides_no_seats() -> None:
    """A plan that was left as a whole for the old one can hide no more seats behind it than the old one keeps."""
    links = (MOVES, Link(march(10), THIRD, OLD))
    empty = replace(line(OLD, 0, 0), observed=NOTHING, desired=NOTHING)
    assert told(made(line(NEW, 0, 15), empty, line(THIRD, 15, 0, free_from=20), links=links)) == [
        (NEW, 10, 15),
        (THIRD, 20, -15),
    ]
