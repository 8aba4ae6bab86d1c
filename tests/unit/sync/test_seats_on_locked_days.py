"""Seats that move between plans, and add-ons that come and go, on days that take no adjustment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts

TODAY = date(2026, 3, 15)
TOMORROW = TODAY + timedelta(days=1)


def client(seats: int = 28) -> World:
    """One client, mapped and level, with so many seats of Advanced and a gateway. A line takes one adjustment a day."""
    contract, *others = SCENARIO["contracts"]
    lines = [{"id": 1201, "serviceID": 45, "units": seats}, {"id": 1202, "serviceID": 47, "units": 1}]
    world = World(scenario={**SCENARIO, "contracts": [{**contract, "lines": lines}, *others]})
    world.api.set_switch("same_day", "refuse")
    world.map_customer()
    told(world, 1, {ADV: seats, GATEWAY: 1})
    assert world.posted() == []
    return world


def told(world: World, version: int, items: Mapping[str, int], effective: date | None = None) -> None:
    """Timus reports a change, and everything that is due is done."""
    at = datetime(effective.year, effective.month, effective.day, 8, tzinfo=UTC) if effective else None
    assert world.tell(version, items, effective=at) == 202
    world.work()


def hours_pass(world: World, hours: int) -> None:
    """A sweep each quarter of an hour."""
    for _ in range(hours * 4):
        world.pass_time(minutes=15)


def billed(world: World, day: date) -> list[int]:
    """What Autotask bills on a day: Advanced, Essentials, gateways."""
    return [world.units(sku, day) for sku in (ADV, ESS, GATEWAY)]


def test_seats_that_move_after_a_change_of_the_morning_are_billed_once() -> None:
    """28 became 27 in the morning: then 8 and 20 of another plan are 28 together on that day, and right on the next."""
    world = client()
    told(world, 2, {ADV: 27, GATEWAY: 1})
    told(world, 3, {ADV: 8, ESS: 20, GATEWAY: 1})
    hours_pass(world, 48)
    assert billed(world, TODAY) == [27, 1, 1]
    assert billed(world, TOMORROW) == [8, 20, 1]


@pytest.mark.parametrize("moves", range(2, 5), ids=["first", "in between", "last"])
def test_a_gateway_that_comes_and_goes_holds_up_no_seats(moves: int) -> None:
    """It leaves a day later than it was told, and the seats move on their own day: the client is billed 28 of them on each."""
    world = client()
    seats, gateways = {ADV: 28}, 1
    for version in range(2, 5):
        if version == moves:
            seats = {ADV: 8, ESS: 20}
        else:
            gateways = 3 - gateways
        told(world, version, {**seats, GATEWAY: gateways})
    hours_pass(world, 48)
    assert billed(world, TODAY) == [8, 20, 2]
    assert billed(world, TOMORROW) == [8, 20, 1]


def test_seats_move_and_a_gateway_leaves_in_one_version_on_a_day_that_is_taken() -> None:
    """The gateway came in the morning, the seats changed then too: nothing but what really moves waits."""
    world = client()
    told(world, 2, {ADV: 24, GATEWAY: 2})
    told(world, 3, {ADV: 8, ESS: 20, GATEWAY: 1})
    hours_pass(world, 48)
    assert billed(world, TODAY) == [24, 4, 2]
    assert billed(world, TOMORROW) == [8, 20, 1]


def test_users_that_come_wait_for_no_gateway_whose_period_is_posted() -> None:
    """A gateway leaves and twelve users of another plan come: these at once, the gateway on the first open day."""
    world = client()
    world.control.approve_and_post(CONTRACT, date(2026, 3, 16).toordinal())
    told(world, 2, {ADV: 28, ESS: 12, GATEWAY: 0})
    assert world.posted() == [(46, 12, "2026-03-15")]
    assert world.line(GATEWAY).scheduled == ((date(2026, 4, 1), -1),)


@pytest.mark.parametrize("first", ["gateway", "users"])
def test_a_refused_removal_of_a_gateway_holds_up_no_users(first: str) -> None:
    """The tenant refuses adjustments in posted periods, and we try them: twelve users are billed from their own day all the same."""
    world = client()
    world.api.set_switch("posted_period", "refuse")
    world.ports.store.commit(
        put_terms(None, {"posted_period": "same-day"}, 0), *wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    )
    world.control.approve_and_post(CONTRACT, date(2026, 3, 14).toordinal())
    if first == "gateway":
        told(world, 2, {ADV: 28, GATEWAY: 0}, date(2026, 3, 10))
        told(world, 3, {ADV: 28, ESS: 12, GATEWAY: 0})
    else:
        told(world, 2, {ADV: 28, ESS: 12, GATEWAY: 1})
        told(world, 3, {ADV: 28, ESS: 12, GATEWAY: 0}, date(2026, 3, 10))
    line = world.line(GATEWAY)
    assert line.parked is not None
    assert line.parked.code == "refused"
    assert world.posted() == [(46, 12, "2026-03-15")]
