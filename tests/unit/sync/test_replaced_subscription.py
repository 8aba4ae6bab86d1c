"""A subscription that Timus replaces by another one on the same day: what is billed of that day, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, ESS, SCENARIO, World
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import wanted_of

DAY = date(2026, 3, 15)
NEXT = DAY + timedelta(days=1)
EMPTY = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "lines": []}, SCENARIO["contracts"][1]]}
Step = Callable[[World], object]


def cancels(world: World) -> None:
    """The former subscription ends today."""
    world.tell(2, {ADV: 25}, status="canceled", cancel_at=DAY)


def creates(world: World) -> None:
    """Another one begins today, with the same seats."""
    world.tell(1, {ADV: 25}, subscription="sub_new")


def reports(world: World, version: int, seats: int) -> None:
    """The same subscription has so many seats now."""
    world.tell(version, {ADV: seats})


STORIES: Mapping[str, tuple[tuple[Step, ...], int]] = {
    "cancelled, then created": ((cancels, creates), 0),
    "created, then cancelled": ((creates, cancels), 50),
    "none, and back": ((partial(reports, version=2, seats=0), partial(reports, version=3, seats=25)), 0),
}
"""By name: what Timus reports twenty minutes apart, and what Autotask bills of that day, which should be 25."""


def settle(world: World) -> None:
    """The workers do what is due."""
    world.work()
    world.pass_time(minutes=20)


def level() -> World:
    """25 seats in Timus and Autotask since January."""
    world = World(scenario=EMPTY)
    world.map_customer()
    world.tell(1, {ADV: 25}, effective=datetime(2026, 1, 1, 12, tzinfo=UTC))
    settle(world)
    return world


def told(world: World, story: str) -> None:
    """What Timus reports, twenty minutes apart, and two days."""
    for step in STORIES[story][0]:
        step(world)
        settle(world)
    for _ in range(2):
        world.pass_time(days=1)


@pytest.mark.parametrize("story", STORIES)
def test_a_day_takes_one_adjustment(story: str) -> None:
    """The second change holds from the next day on; our records have both numbers of the day that is off."""
    world = level()
    told(world, story)
    billed = STORIES[story][1]
    assert [world.units(ADV, day) for day in (DAY, NEXT)] == [billed, 25]
    line = world.line(ADV)
    [demand] = [d for key, d in wanted_of(listed(world.ports.store), NEXT).items() if key == line.key]
    assert line.baseline is not None
    off = line.baseline.minus(demand.units)
    assert [off.at(day) for day in (DAY - timedelta(days=1), DAY, NEXT)] == [0, billed - 25, 0]


@pytest.mark.parametrize("story", STORIES)
def test_on_a_tenant_that_sums_the_day_can_be_right(story: str) -> None:
    """With the term that tries the same day."""
    world = level()
    world.control.set_switches({"same_day": "sum"})
    Desk(world).told("policy", "set", "same_day=attempt")
    told(world, story)
    assert [world.units(ADV, day) for day in (DAY, NEXT)] == [25, 25]


@pytest.mark.parametrize("story", ["cancelled, then created", "none, and back"])
def test_with_a_wait_for_decreases_the_day_is_right(story: str) -> None:
    """The decrease of the whole line waits for what replaces the subscription, so nothing is adjusted at all."""
    world = level()
    Desk(world).told("policy", "set", "decrease_wait=30")
    begun = len(world.posted())
    told(world, story)
    assert world.posted()[begun:] == []
    assert [world.units(ADV, day) for day in (DAY, NEXT)] == [25, 25]


@pytest.mark.parametrize("story", ["cancelled, then created", "none, and back"])
def test_the_wait_is_for_a_subscription_also_where_another_one_shares_the_line(story: str) -> None:
    """Its own units go to 0, those of the line do not."""
    world = level()
    world.tell(1, {ADV: 10}, subscription="sub_b", effective=datetime(2026, 1, 1, 12, tzinfo=UTC))
    settle(world)
    world.pass_time(days=1)
    Desk(world).told("policy", "set", "decrease_wait=30")
    world.tell(2, {ADV: 9}, subscription="sub_b")
    settle(world)
    assert world.units(ADV, NEXT) == 34  # fewer of one that stays do not wait
    world.pass_time(days=1)
    begun, today = len(world.posted()), world.clock.now().date()
    if story == "none, and back":
        reports(world, version=2, seats=0)
        settle(world)
        reports(world, version=3, seats=25)
    else:
        world.tell(2, {ADV: 25}, status="canceled", cancel_at=today)
        settle(world)
        creates(world)
    settle(world)
    world.pass_time(days=1)
    assert world.posted()[begun:] == []
    assert world.units(ADV, today) == 34


def test_a_wait_for_decreases_ends() -> None:
    """The line says until when it waits; then it is billed from its own day."""
    world = level()
    desk = Desk(world)
    desk.told("policy", "set", "decrease_wait=45")
    cancels(world)
    settle(world)
    [line] = desk.ask("status")["lines"]
    assert (line["state"], line["autotask_units"]) == ("pending", 25)
    assert "waits until 2026-03-15" in line["reason"]
    assert "decrease_wait" in line["reason"]
    world.pass_time(minutes=30)
    assert [world.units(ADV, day) for day in (DAY - timedelta(days=1), DAY)] == [25, 0]
    assert desk.ask("status")["lines"][0]["reason"] is None


@pytest.mark.parametrize("story", ["a cancellation", "a change"])
def test_the_wait_of_what_was_told_ahead_begins_with_its_day(story: str) -> None:
    """Told two days before, and replaced on the morning of its day: no seat moves. Where nothing comes, the day is billed as Timus says."""
    for replaced in (True, False):
        world = level()
        Desk(world).told("policy", "set", "decrease_wait=1440")
        begun, day = len(world.posted()), DAY + timedelta(days=2)
        if story == "a cancellation":
            world.tell(2, {ADV: 25}, status="canceled", cancel_at=day)
        else:
            world.tell(2, {ADV: 0}, effective=datetime(2026, 3, 17, 8, tzinfo=UTC))
        for _ in range(2):
            settle(world)
            world.pass_time(days=1)
        assert world.posted()[begun:] == []
        if replaced:
            creates(world)
        for _ in range(2):
            settle(world)
            world.pass_time(days=1)
        assert [world.units(ADV, one) for one in (day - timedelta(days=1), day)] == [
            25,
            25 if replaced else 0,
        ]
        assert bool(world.posted()[begun:]) is not replaced


def test_a_plan_change_waits_as_a_whole() -> None:
    """The increase comes with its decrease, on the same day."""
    world = level()
    Desk(world).told("policy", "set", "decrease_wait=45")
    begun = len(world.posted())
    world.tell(2, {ESS: 25})
    settle(world)
    assert world.posted()[begun:] == []
    world.pass_time(minutes=30)
    assert [(world.units(ADV, day), world.units(ESS, day)) for day in (DAY, NEXT)] == [(0, 25), (0, 25)]


def test_no_wait_goes_on_into_the_next_day() -> None:
    """Whatever the term says: what is left of the day is the longest wait."""
    world = level()
    Desk(world).told("policy", "set", "decrease_wait=1440")
    world.tell(2, {ADV: 0})
    world.work()
    world.clock.advance((datetime(2026, 3, 16, tzinfo=UTC) - world.clock.now()).total_seconds())
    world.sweep()
    assert world.units(ADV, DAY) == 0


@pytest.mark.parametrize("story", STORIES)
def test_within_the_quiet_period_nothing_is_adjusted(story: str) -> None:
    """Both are merged together, so the line never changes."""
    world = level()
    begun = len(world.posted())
    for step in STORIES[story][0]:
        step(world)
    settle(world)
    assert world.posted()[begun:] == []


@pytest.mark.parametrize("story", STORIES)
def test_a_day_that_stays_billed_otherwise_is_told(story: str) -> None:
    """Both numbers and the day, in `status` for people and programs, until somebody has seen to it."""
    world = level()
    told(world, story)
    desk = Desk(world)
    [line] = desk.ask("status")["lines"]
    assert line["state"] == "applied"
    billed = STORIES[story][1]
    off = {"from": "2026-03-15", "until": "2026-03-16", "wanted": 25, "autotask": billed}
    assert line["past_days"] == [{**off, "seat_days": billed - 25, "cause": "day-taken"}]
    said = desk.told("status")
    assert "2026-03-15" in said
    assert "correct them in Autotask, or bill or credit them by hand" in said
    world.pass_time(days=100)
    assert desk.ask("status")["lines"][0]["past_days"] == []


@pytest.mark.parametrize("story", STORIES)
def test_a_change_that_was_moved_to_another_day_says_from_where(story: str) -> None:
    """With the reason, in `changes`."""
    world = level()
    told(world, story)
    desk = Desk(world)
    assert [(one["day"], one["moved_from"], one["moved_because"]) for one in desk.ask("changes")["changes"]][
        -2:
    ] == [("2026-03-15", None, None), ("2026-03-16", "2026-03-15", "day-taken")]
    assert "moved from 2026-03-15" in desk.told("changes")


@pytest.mark.parametrize("story", STORIES)
def test_reconcile_finds_such_a_day(story: str) -> None:
    """With the seat-days that are lost or doubled; it is no edit of anybody's."""
    world = level()
    told(world, story)
    found = Desk(world).ask("reconcile")["findings"]
    assert [(one["day"], one["ours"], one["autotask"]) for one in found] == [
        ("2026-03-15", 25, STORIES[story][1])
    ]
    assert {one["kind"] for one in found} == {"past-day-off"}


@pytest.mark.parametrize("story", STORIES)
def test_a_day_that_a_person_corrects_is_no_drift(story: str) -> None:
    """Somebody makes the day in Autotask what Timus has: the line is level, and nothing is taken back."""
    world = level()
    told(world, story)
    begun = len(world.posted())
    off = 25 - STORIES[story][1]
    [line] = [line for line in world.api.model.lines.values() if line.service["id"] == 45]
    world.control.person_adjusts(line.id, DAY.toordinal(), off)
    world.control.person_adjusts(line.id, NEXT.toordinal(), -off)
    world.map_customer()
    settle(world)
    assert [world.units(ADV, day) for day in (DAY, NEXT)] == [25, 25]
    assert world.posted()[begun:] == []
    assert world.line(ADV).parked is None
    assert world.line(ADV).past_days == ()
