"""A plan change away from a plan whose service nobody has said: Autotask may still bill it, where we cannot see it."""

from __future__ import annotations

from datetime import date

import pytest

from tests.world import ADV, ESS, GATEWAY, SERVICES, World
from timus_autotask.domain.line import State
from timus_autotask.store.terms import put_terms
from timus_autotask.watch.remedy import remedy_of

DAY = date(2026, 3, 15)


@pytest.fixture
def world() -> World:
    """The client's old plan is on the contract by hand; no service carries its SKU."""
    world = World()
    record = world.api.model.tables["Services"][SERVICES[ADV]]
    record.values["sku"] = "by hand"
    record.text = record.subsets = None
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def test_the_new_plan_waits_and_says_for_what(world: World) -> None:
    """The client is never billed for both plans: the new one is parked until somebody says what the old one is."""
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    parked = world.line(ESS).parked
    assert parked is not None
    assert (parked.code, parked.facts["held"], parked.facts["desired"]) == ("old-plan-unmapped", 0, 25)
    assert remedy_of(parked).startswith(f"timus-autotask map plan {ADV} --service N")


def test_once_the_old_plan_is_mapped_the_change_is_made_whole(world: World) -> None:
    """The old plan comes down and the new one goes up, by themselves."""
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    world.map_plan(ADV, SERVICES[ADV])
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15")]
    assert world.line(ESS).state is State.APPLIED


def test_an_old_plan_that_is_never_billed_holds_nothing_up(world: World) -> None:
    """Who excludes the old plan says that it is on no invoice."""
    world.ports.store.commit(put_terms(None, {"excluded": [ADV]}, 0))
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == [(46, 25, "2026-03-15")]


def test_an_add_on_without_a_service_holds_no_plan_up(world: World) -> None:
    """What is wanted beside a plan is no plan: only the two plans of a change exclude each other."""
    world.tell(8, {ESS: 25, ADV: 1, GATEWAY: 1})
    world.tell(9, {ESS: 27, GATEWAY: 1})
    world.work()
    assert world.posted() == [(46, 27, "2026-03-15")]
