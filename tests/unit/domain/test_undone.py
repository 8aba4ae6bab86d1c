"""What an undo means to the lines that it is about: between which seats move, which news are known, which way a plan change goes back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from timus_autotask.domain.desired import Demand, Desired
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Line, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import NOTHING
from timus_autotask.domain.undone import joined_with, known_versions, links_back

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


def test_what_was_undone_without_a_plan_change_joins_no_lines() -> None:
    """Neither does one whose plan change is none any more."""
    lines = {NEW: Line(1, 46, undone=(undone(-25), undone(-25, OLD)))}
    assert [*links_back(lines, Desired({}))] == []
    assert [*links_back(lines, Desired({}, (Link(DAY, NEW, OLD),)))] == []
