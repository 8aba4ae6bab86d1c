"""A cancellation that is dated back: it ends on its event's own day, and people are told of the days between."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, World

JANUARY = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST, TODAY = date(2026, 3, 1), date(2026, 3, 15)


def billed(units: int = 25) -> World:
    """A client with seats since January."""
    world = World()
    world.map_customer()
    world.work()
    world.tell(1, {ADV: units}, effective=JANUARY)
    world.work()
    return world


def past_days(world: World) -> list[tuple[object, ...]]:
    """Days, both numbers, seat-days and the cause, of the only line."""
    world.work()
    [line] = Desk(world).ask("status")["lines"]
    names = ("from", "until", "wanted", "autotask", "seat_days", "cause")
    return [tuple(one.get(name) for name in names) for one in line["past_days"]]


@pytest.mark.parametrize("status", ["active", "canceled"])
def test_a_cancellation_that_is_dated_back_ends_on_its_own_day(status: str) -> None:
    """Nothing takes effect before its effective day; what was billed since the day that Timus names is shown, with both numbers."""
    world = billed()
    world.tell(2, {ADV: 25}, cancel_at=FIRST, status=status)
    assert past_days(world) == [("2026-03-01", "2026-03-15", 0, 25, 350, "cancelled-later")]
    assert world.posted()[-1] == (45, -25, "2026-03-15")


def test_what_a_second_subscription_has_on_the_line_is_not_shown() -> None:
    """Only the seats of the one that was cancelled."""
    world = billed()
    world.tell(1, {ADV: 5}, subscription="sub_2", effective=JANUARY)
    world.tell(2, {ADV: 25}, cancel_at=FIRST)
    assert [one for one in past_days(world) if one[-1] == "cancelled-later"] == [
        ("2026-03-01", "2026-03-15", 5, 30, 350, "cancelled-later")
    ]


def test_a_cancellation_that_is_taken_back_or_effective_on_its_day_leaves_nothing_to_tell() -> None:
    """Nor does one for a day to come."""
    for cancel_at in (None, TODAY, date(2026, 4, 1)):
        world = billed()
        world.tell(2, {ADV: 25}, cancel_at=FIRST)
        world.tell(3, {ADV: 25}, cancel_at=cancel_at)
        assert past_days(world) == []


def test_days_that_a_person_corrects_in_autotask_are_shown_no_more() -> None:
    """It is no drift, for nothing differs from now on."""
    world = billed()
    world.tell(2, {ADV: 25}, cancel_at=FIRST)
    assert past_days(world)
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.clock.advance(86400)
    world.control.person_adjusts(line.id, date(2026, 3, 14).toordinal(), 25)
    world.control.person_adjusts(line.id, FIRST.toordinal(), -25)
    Desk(world).ask("retry", str(CONTRACT))
    assert [one for one in past_days(world) if one[0] != "2026-03-14"] == []
