"""The unit price from the terms to Autotask: read where one can go out, shown, approved, sent and journalled."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SERVICES, World
from timus_autotask.domain.approval import approve
from timus_autotask.domain.price import PriceChange
from timus_autotask.store.lines import put_line
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contract, wake_contracts

READS = ("ContractServices", "Services")


@pytest.fixture
def world() -> World:
    """One client, mapped, with 25 seats at the catalogue's 12.50 and a gateway."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.control.clear_requests()
    return world


def terms(world: World, **values: Any) -> None:
    """Set the partner's terms, and let the worker look."""
    store = world.ports.store
    known = store.partner().terms
    store.commit(put_terms(None, values, known.rev), *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    world.sweep()


def prices(world: World) -> list[float | None]:
    """The unit prices that were sent, None where none was."""
    return [posting.body.get("adjustedUnitPrice") for posting in world.api.postings]


def read(world: World) -> list[str]:
    """What was asked about prices since the requests were cleared."""
    found = [request["entity"] for request in world.control.requests() if request["entity"] in READS]
    world.control.clear_requests()
    return found


ASKS = {"above_units": 0}


def test_a_price_is_shown_approved_and_sent(world: World) -> None:
    """Three more seats are held; what is approved is +3 at 15.00 instead of 12.50, and that is sent and journalled."""
    terms(world, prices={ADV: "15.00"}, approve_increases=ASKS)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    line = world.line(ADV)
    assert line.parked is not None
    assert "+3 on 2026-03-15 at a unit price of 12.50 → 15.00" in line.parked.message
    stored = world.ports.store.contract(CONTRACT).lines[SERVICES[ADV]]
    world.ports.store.commit(
        put_line(approve(stored.value, "sam"), stored.rev), wake_contract(CONTRACT, world.ports)
    )
    world.sweep()
    assert prices(world) == [15.0]
    assert [entry.price for entry in world.ports.store.changes()] == [PriceChange("15.00", "12.50")]


def test_a_price_that_changes_after_the_approval_asks_again(world: World) -> None:
    """Between the approval and the worker the terms change."""
    terms(world, prices={ADV: "15.00"}, approve_increases=ASKS)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    stored = world.ports.store.contract(CONTRACT).lines[SERVICES[ADV]]
    world.ports.store.commit(put_line(approve(stored.value, "sam"), stored.rev))
    terms(world, prices={ADV: "16.00"}, approve_increases=ASKS)
    assert prices(world) == []
    awaiting = world.line(ADV).awaiting
    assert awaiting is not None
    assert awaiting.price == PriceChange("16.00", "12.50")


def test_without_prices_in_the_terms_nothing_is_asked(world: World) -> None:
    """Not for a change that goes, and not for one that is held."""
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    terms(world, approve_increases=ASKS)
    world.tell(9, {ADV: 30, GATEWAY: 2})
    world.work()
    assert read(world) == []


def test_a_price_costs_two_calls_the_first_time_and_one_from_then_on(world: World) -> None:
    """The line's own and the catalogue's; once it is ours, the catalogue has nothing to say."""
    terms(world, prices={ADV: "15.00"})
    assert read(world) == [], "nothing is due"
    world.tell(8, {ADV: 28, GATEWAY: 2})
    world.work()
    assert read(world) == ["ContractServices", "Services"]
    world.pass_time(days=1)
    world.tell(9, {ADV: 29, GATEWAY: 2})
    world.work()
    assert read(world) == ["ContractServices"]
    assert prices(world) == [15.0, None, None]


def test_the_catalogue_is_asked_once_for_a_service(world: World) -> None:
    """However often the lines of a contract are read in one go."""
    terms(world, prices={ADV: "15.00", GATEWAY: "40"})
    world.tell(8, {ADV: 28, GATEWAY: 2})
    world.work()
    assert read(world) == ["ContractServices", "Services", "Services", "ContractServices"]
    assert prices(world) == [15.0, 40.0]


def test_a_price_that_cannot_be_read_postpones_the_change(world: World) -> None:
    """Nothing is sent without it, and nothing is lost."""
    terms(world, prices={ADV: "15.00"})
    world.api.faults.add(Fault("html_502", entity="ContractServices", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert prices(world) == []
    world.pass_time(minutes=5)
    assert prices(world) == [15.0]


def test_what_a_person_set_after_us_is_never_overwritten(world: World) -> None:
    """Neither the catalogue's price nor the one that we sent last: it was set by hand."""
    terms(world, prices={ADV: "15.00"})
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 0, "9.90")
    terms(world, prices={ADV: "16.00"})
    world.pass_time(days=1)
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    assert prices(world) == [15.0, None]
    assert world.posted() == [(45, 3, "2026-03-15"), (45, 2, "2026-03-17")]
