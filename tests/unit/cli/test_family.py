"""People say which SKUs are plans that seats move between, and which are add-ons; it is shown first, kept, and can be taken back."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, ESS, GATEWAY, SCENARIO, World

PLANS = ("--family", "plans")
TODAY = date(2026, 3, 15)


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A client with 25 seats and a gateway, as Autotask has them; the gateway's day is taken by one more of them."""
    desk.world.api.set_switch("same_day", "refuse")
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.world.tell(8, {ADV: 25, GATEWAY: 2})
    desk.world.work()
    return desk


def family(desk: Desk, sku: str) -> str | None:
    """What ``map list`` says of a SKU."""
    [plan] = [one for one in desk.ask("map", "list")["plans"] if one["sku"] == sku]
    return str(plan["family"]) if plan["family"] else None


def test_a_family_is_said_shown_and_taken_back(two: Desk) -> None:
    """In words and for programs; each time who said it is recorded."""
    assert two.ask("map", "plan", ADV, *PLANS, "--by", "Ada")["family"] == "plans"
    assert "SASE-GATEWAY is an add-on." in two.told("map", "plan", GATEWAY, "--add-on", "--by", "Ada")
    assert (family(two, ADV), family(two, GATEWAY)) == ("plans", "add-on")
    said = two.told("map", "list")
    assert "family" in said
    assert "plans" in said
    two.ask("map", "plan", ADV, "--no-family", "--by", "Bo")
    assert family(two, ADV) is None
    assert "by numbers" in two.told("map", "list")
    decisions = [(one.by, one.detail) for one in two.world.ports.store.decisions() if one.kind == "map plan"]
    assert sorted(decisions) == [
        ("Ada", "SASE-ADV-USER is a plan of the family plans"),
        ("Ada", "SASE-GATEWAY is an add-on"),
        ("Bo", "Whether SASE-ADV-USER is a plan is decided by Timus's numbers"),
    ]


def test_another_service_keeps_the_family(two: Desk) -> None:
    """Whoever chooses the service has not spoken of plans; and a family leaves the service as it is."""
    two.ask("map", "plan", ADV, *PLANS)
    two.ask("map", "plan", ADV, "--service", "45")
    assert family(two, ADV) == "plans"
    [plan] = [one for one in two.ask("map", "list")["plans"] if one["sku"] == ADV]
    assert [one["service_id"] for one in plan["services"]] == [45]


def test_what_a_family_changes_is_shown_before_it_is_written(two: Desk) -> None:
    """By its numbers a gateway was exchanged for as many seats, so these wait; for an add-on they do not."""
    two.world.tell(9, {ADV: 25, ESS: 1, GATEWAY: 1})
    two.world.work()
    assert two.world.units(ESS, TODAY) == 0
    shown = two.ask("map", "plan", GATEWAY, "--add-on", "--dry-run")
    assert not shown["written"]
    assert family(two, GATEWAY) is None
    [line] = [one for one in shown["preview"][0]["lines"] if one["service_id"] == 46]
    assert [(one["unit_change"], one["day"]) for one in line["adjustments"]] == [(1, "2026-03-15")]
    two.ask("map", "plan", GATEWAY, "--add-on")
    two.world.work()
    assert two.world.units(ESS, TODAY) == 1


@pytest.mark.parametrize("beside", [0, 5], ids=["alone", "beside another plan"])
def test_users_that_wait_for_a_gateway_by_a_guess_are_let_go_by_the_command_beside_them(
    beside: int,
) -> None:
    """It goes before they come, and its removal is held. No number shows that it is an add-on, so the reason names what says it."""
    contract = {**SCENARIO["contracts"][0], "lines": []}
    world, stays = World(scenario={**SCENARIO, "contracts": [contract]}), {ESS: beside} if beside else {}
    desk = Desk(world)
    world.map_customer()
    world.tell(1, {GATEWAY: 1, **stays})
    world.work()
    desk.ask("policy", "set", "approve_decreases=always")
    for version, items in ((2, stays), (3, {ADV: 12, **stays})):
        world.pass_time(days=1)
        world.tell(version, items)
        world.work()
    [line] = [one for one in desk.ask("status")["lines"] if one["sku"] == ADV]
    assert line["reason"].endswith("That it is a plan change is guessed from Timus's numbers.")
    command = "timus-autotask map plan SASE-GATEWAY --add-on"
    assert f"if SASE-GATEWAY is an add-on: {command}" in line["remedy"]
    assert desk.run(*command.split()[1:], "--yes").status == 0
    world.work()
    assert world.units(ADV, date(2026, 4, 20)) == 12
    assert world.units(GATEWAY, date(2026, 4, 20)) == 1


def test_a_family_is_for_everybody(two: Desk) -> None:
    """A customer or a day with it is refused, and so are a name that means none, none at all, and a SKU that nobody knows."""
    assert "--service" in two.refused("map", "plan", ADV, *PLANS, "--customer", "cus_41d0", status=2)
    assert "--add-on" in two.refused("map", "plan", ADV, "--family", "add-on")
    assert "SASE-ADV-USER" in two.refused("map", "plan", "SASE-ADV-USR", *PLANS)
    assert family(two, ADV) is None


def test_a_family_of_one_is_told(two: Desk) -> None:
    """Seats need another plan to move to."""
    assert "no other SKU is in the family plans" in two.told("map", "plan", ADV, *PLANS)
    assert "no other SKU" not in two.told("map", "plan", ESS, *PLANS, "--unknown")
