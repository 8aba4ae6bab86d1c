"""What an undo means to the lines that it is about: until when it counts, where seats move, which news are known, how a plan change goes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from timus_autotask.domain.desired import Demand, Desired, Source
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Line, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.domain.undone import (
    joined_with,
    known_versions,
    links_back,
    renewed_until,
    with_end_days,
    without_undone,
)

OLD, NEW, THIRD, OTHER = (LineKey(1, service) for service in (45, 46, 47, 48))
DAY, LATER = date(2026, 3, 10), date(2026, 3, 12)


def undone(delta: int, *linked: LineKey, day: date = LATER) -> Undone:
    """A change that was taken back by so many units."""
    at = datetime(2026, 3, 15, tzinfo=UTC)
    return Undone("u1", "c1", day, delta, 25, 25 + delta, "pat", at, "ordered twice", linked=linked)


def told(key: LineKey, *versions: tuple[str, int]) -> Demand:
    """What a line should have, by these versions of these subscriptions."""
    causes = tuple(Cause(subscription, n, DAY, f"evt_{n}") for subscription, n in versions)
    return Demand(key, ((600, "cus_1"),), NOTHING, DAY, (), causes=causes)


def test_seats_may_move_along_plan_changes_and_in_families() -> None:
    """Either way, and from a line to itself never."""
    desired = Desired({}, (Link(DAY, OLD, NEW), Link(DAY, THIRD, OLD)), families=(frozenset({NEW, OTHER}),))
    assert joined_with(OLD, desired) == {NEW, THIRD}
    assert joined_with(NEW, desired) == {OLD, OTHER}
    assert joined_with(OTHER, desired) == {NEW}
    assert joined_with(LineKey(2, 45), desired) == set()


def test_the_newest_versions_of_several_lines_are_known() -> None:
    """Of each subscription the one with the highest number, on whichever line; a line that is not wanted knows none."""
    demands = (told(OLD, ("sub_1", 8), ("sub_2", 1)), told(NEW, ("sub_1", 7), ("sub_3", 2)))
    desired = Desired({one.key: one for one in demands})
    assert known_versions((OLD, NEW, OTHER), desired) == {"sub_1": 8, "sub_2": 1, "sub_3": 2}
    assert known_versions((NEW,), desired) == {"sub_1": 7, "sub_3": 2}
    # Version 9 said something of another SKU, which may get a line later; and version 4 what an older one, that comes late, does not tell.
    assert known_versions((NEW,), replace(desired, newest={"sub_1": 9, "sub_2": 4})) == {
        "sub_1": 9,
        "sub_2": 4,
        "sub_3": 2,
    }


@pytest.mark.parametrize("beside", [False, True])
def test_an_undone_plan_change_goes_the_other_way_from_the_day_of_the_undo(beside: bool) -> None:
    """From the new plan, which comes down, to the old one; both are never billed together if they were not before."""
    desired = Desired({}, (Link(DAY, OLD, NEW, beside=beside),))
    lines = {
        OLD: Line(1, 45, undone=(undone(25, NEW),)),
        NEW: Line(1, 46, undone=(undone(-1, OLD),)),
        THIRD: Line(1, 47),
    }
    assert [*links_back(lines, desired)] == [Link(LATER, NEW, OLD, beside=beside)]


def test_only_the_plan_that_comes_down_is_left_where_others_change_their_plan_the_opposite_way() -> None:
    """Each of the two plans has given seats to the other."""
    desired = Desired({}, (Link(DAY, OLD, NEW), Link(DAY, NEW, OLD)))
    lines = {OLD: Line(1, 45, undone=(undone(25, NEW),)), NEW: Line(1, 46, undone=(undone(-25, OLD),))}
    assert [*links_back(lines, desired)] == [Link(LATER, NEW, OLD)]


def test_what_was_undone_without_a_plan_change_joins_no_lines() -> None:
    """Neither does one whose plan change is none any more."""
    lines = {NEW: Line(1, 46, undone=(undone(-25), undone(-25, OLD)))}
    assert [*links_back(lines, Desired({}))] == []
    assert [*links_back(lines, Desired({}, (Link(DAY, NEW, OLD),)))] == []


def test_a_line_on_which_nothing_is_wanted_any_more_is_in_no_renewed_term() -> None:
    """What was undone there brings back nothing."""
    assert renewed_until(None, (undone(25),)) is None


# -- Until when it counts


CUSTOMER, NEIGHBOUR = "cus_1", "cus_2"
JANUARY = date(2026, 1, 1)
GONE = ((JANUARY, 25), (DAY, 0))
"""The 25 units of the old plan, which went to the new one."""


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def change(name: str, day: date, before: int, after: int, **more: Any) -> Undone:
    """What was undone: from a day on the line is wanted with other units than Timus says."""
    return replace(undone(after - before, day=day), id=name, instead_of=before, units=after, **more)


def billed(key: LineKey, *steps: tuple[date, int], causes: tuple[Cause, ...] = ()) -> Demand:
    """What a line should have by Timus and the terms."""
    return Demand(key, ((600, CUSTOMER),), Timeline.of(steps), JANUARY, (), causes=causes)


def shared(key: LineKey, **parts: tuple[tuple[date, int], ...]) -> Demand:
    """What a line should have of each customer."""
    units = {customer: Timeline.of(steps) for customer, steps in parts.items()}
    sources = tuple(Source(customer, "SKU-1", each, each) for customer, each in units.items())
    wanted = NOTHING
    for each in units.values():
        wanted = wanted.plus(each)
    return Demand(key, ((600, CUSTOMER),), wanted, JANUARY, sources)


def until(
    undos: dict[LineKey, tuple[Undone, ...]], demands: Iterable[Demand], *links: Link
) -> dict[str, date | None]:
    """By undo: the first day on which it does not count any more, on whichever lines it is."""
    lines = {key: Line(key.contract_id, key.service_id, undone=each) for key, each in undos.items()}
    desired = Desired({one.key: one for one in demands}, links)
    return {
        one.id: one.until for line in lines.values() for one in with_end_days(line, lines, desired).undone
    }


def test_an_undo_stands_for_the_number_that_it_was_made_with() -> None:
    """Also once an older one on the same line has ended."""
    older = change("u1", march(12), 28, 25, until=march(14))
    newer = change("u2", march(13), 28, 23)
    wanted = without_undone(billed(OLD, (JANUARY, 25), (DAY, 28)), (older, newer))
    assert wanted.steps == ((JANUARY, 25), (DAY, 28), (march(12), 25), (march(13), 23))


def test_of_a_customers_part_nothing_may_be_left() -> None:
    """All three were a mistake; and no line is ever wanted with fewer than none."""
    took = change("u1", march(12), 3, 0, customer=CUSTOMER, part=3)
    assert without_undone(shared(OLD, cus_1=((DAY, 3),)), (took,)).steps == ((DAY, 3), (march(12), 0))
    more = replace(took, delta=-4)
    assert without_undone(shared(OLD, cus_1=((DAY, 3),)), (more,)).steps == ((DAY, 3), (march(12), 0))


@pytest.mark.parametrize(
    ("causes", "ends"),
    [
        ((Cause("sub_9", 1, march(14), "evt", customer_id=CUSTOMER, before=0, after=3),), march(14)),
        ((Cause("sub_9", 1, march(14), "evt", customer_id=CUSTOMER, before=3, after=3),), None),
        ((Cause("sub_1", 8, march(14), "evt", customer_id=CUSTOMER, before=0, after=3),), None),
        (None, None),
    ],
    ids=["a new subscription", "another price", "known already", "nothing is wanted there"],
)
def test_news_of_a_line_that_seats_may_move_to_end_an_undo(
    causes: tuple[Cause, ...] | None, ends: date | None
) -> None:
    """Its first version is news too. Nobody knows whose the undone change was, so that every customer's news count."""
    took = change("u1", march(12), 28, 25, versions={"sub_1": 8})
    demands = [billed(OLD, (JANUARY, 25), (DAY, 28))]
    demands += [billed(NEW, (JANUARY, 10), causes=causes)] if causes is not None else []
    assert until({OLD: (took,)}, demands, Link(DAY, OLD, NEW, beside=True)) == {"u1": ends}


@pytest.mark.parametrize("links", [(Link(DAY, OLD, NEW),), (Link(DAY, NEW, OLD),)], ids=["left", "came"])
def test_a_plan_that_is_billed_in_place_of_another_ends_what_was_brought_back_of_it(
    links: tuple[Link, ...],
) -> None:
    """Whichever way seats move between the two (promise I7)."""
    back = change("u1", march(12), 0, 25)
    demands = billed(OLD, *GONE), billed(NEW, (march(14), 25))
    assert until({OLD: (back,)}, demands, *links) == {"u1": march(14)}


def test_a_plan_that_takes_anothers_place_does_so_since_the_first_time() -> None:
    """Two subscriptions exchange it for the other plan, the second one later. But nothing ends before it has begun."""
    back = change("u1", march(12), 0, 25)
    demands = billed(OLD, *GONE), billed(NEW, (DAY, 25))
    links = Link(DAY, OLD, NEW), Link(march(20), OLD, NEW)
    assert until({OLD: (back,)}, demands, *links) == {"u1": march(12)}


def test_a_plan_that_was_billed_beside_or_takes_another_plans_place_ends_no_undo() -> None:
    """Only a plan that comes instead of this one."""
    back = change("u1", march(12), 0, 25)
    demands = billed(OLD, *GONE), billed(NEW, (DAY, 25)), billed(THIRD, (DAY, 5)), billed(OTHER, (DAY, 5))
    links = Link(DAY, OLD, NEW, beside=True), Link(DAY, THIRD, OTHER)
    assert until({OLD: (back,)}, demands, *links) == {"u1": None}


def test_an_undo_that_brings_back_no_more_than_timus_says_is_ended_by_no_other_plan() -> None:
    """Three seats were taken off and put back: the line has what Timus says, and keeps nothing up."""
    took, again = change("u1", march(12), 28, 25), change("u2", march(13), 28, 28, delta=3)
    demands = billed(OLD, (JANUARY, 25), (DAY, 28)), billed(NEW, (DAY, 5))
    assert until({OLD: (took, again)}, demands, Link(DAY, OLD, NEW)) == {"u1": None, "u2": None}


def test_only_the_customers_own_units_of_the_other_plan_end_what_was_brought_back_for_him() -> None:
    """His neighbour has the other plan all along, on the same line."""
    back = change("u1", march(12), 0, 25, customer=CUSTOMER)
    demands = shared(OLD, cus_1=GONE), shared(NEW, cus_1=((march(14), 4),), cus_2=((DAY, 5),))
    assert until({OLD: (back,)}, demands, Link(DAY, OLD, NEW)) == {"u1": march(14)}


def test_units_of_the_other_plan_that_were_taken_back_too_end_it_only_once_they_are_billed_again() -> None:
    """The customer's four were a mistake; Timus says twelve from the 16th on."""
    away = change("away", march(12), 9, 5, customer=CUSTOMER, part=4)
    back = change("back", march(13), 0, 25, customer=CUSTOMER)
    demands = shared(OLD, cus_1=GONE), shared(NEW, cus_1=((DAY, 4), (march(16), 12)), cus_2=((DAY, 5),))
    ends = until({OLD: (back,), NEW: (away,)}, demands, Link(DAY, OLD, NEW))
    assert ends == {"away": march(16), "back": march(16)}


def test_what_was_taken_back_of_a_neighbour_takes_nothing_from_the_customer() -> None:
    """His four are billed on the other plan."""
    away = change("away", march(12), 9, 4, customer=NEIGHBOUR, part=5)
    back = change("back", march(13), 0, 25, customer=CUSTOMER)
    demands = shared(OLD, cus_1=GONE), shared(NEW, cus_1=((DAY, 4),), cus_2=((DAY, 5),))
    ends = until({OLD: (back,), NEW: (away,)}, demands, Link(DAY, OLD, NEW))
    assert ends == {"away": None, "back": march(13)}


def test_a_plan_that_was_taken_back_and_put_back_is_billed() -> None:
    """So what it replaces is not billed beside it."""
    away, again = change("away", march(12), 4, 0), change("again", march(13), 4, 4, delta=4)
    back = change("back", march(14), 0, 25)
    demands = billed(OLD, *GONE), billed(NEW, (DAY, 4))
    ends = until({OLD: (back,), NEW: (away, again)}, demands, Link(DAY, OLD, NEW))
    assert ends == {"away": None, "again": None, "back": march(14)}


def test_an_undo_that_ends_on_another_line_lets_its_plan_be_billed_again() -> None:
    """The new plan was taken back for a third one. Timus has more of the third, so the new plan is billed again, and not the old one beside it."""
    away, third = change("u1", march(12), 4, 0, linked=(THIRD,)), change("u1", march(12), 0, 4, linked=(NEW,))
    back = change("u2", march(13), 0, 25)
    demands = billed(OLD, *GONE), billed(NEW, (DAY, 4)), billed(THIRD, (march(14), 6))
    ends = until(
        {OLD: (back,), NEW: (away,), THIRD: (third,)}, demands, Link(DAY, OLD, NEW), Link(DAY, THIRD, NEW)
    )
    assert ends == {"u1": march(14), "u2": march(14)}
