"""Wherever Timus and Autotask differ and nothing is to be done, ``status`` says why, and its numbers add up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER, ESS, GATEWAY, SCENARIO, World

NUMBERS = {ADV: 28, ESS: 7, GATEWAY: 3}


def looked(desk: Desk) -> dict[str, Any]:
    """The lines of ``status``, by SKU; each is explained by numbers that add up."""
    lines = desk.ask("status")["lines"]
    for line in lines:
        off = line["autotask_units"] - line["timus_quantity"]
        assert sum(one["units"] for one in line["because"]) == off
        assert (line["explanation"] is not None) or not off
    return {line["sku"]: line for line in lines}


def settled(*terms: str, **more: Any) -> Desk:
    """A customer with users of two plans in two subscriptions and three gateways, on these terms, at rest."""
    world = World()
    desk = Desk(world)
    world.map_customer()
    if terms:
        desk.ask("policy", "set", *terms, "--by", "pat")
    world.tell(1, {ADV: NUMBERS[ADV], GATEWAY: NUMBERS[GATEWAY]}, **more)
    world.tell(1, {ESS: NUMBERS[ESS]}, subscription="sub_2", **more)
    world.work()
    world.pass_time(minutes=20)
    return desk


@pytest.mark.parametrize(
    ("terms", "sku", "explanation"),
    [
        (f"minimum.{ADV}=40", ADV, "40 = 28 in Timus, +12 to the minimum of 40"),
        (f"included.{GATEWAY}=1", GATEWAY, "2 = 3 in Timus, -1 included for free"),
        (f"included.{GATEWAY}=5", GATEWAY, "0 = 3 in Timus, -3 included for free"),
        (f"excluded={ESS}", ESS, "0 = 7 in Timus, -7 excluded by the terms"),
    ],
)
def test_terms_explain_a_difference(terms: str, sku: str, explanation: str) -> None:
    """In one sentence, for people too; other lines say nothing."""
    desk = settled(terms)
    lines = looked(desk)
    assert lines[sku]["explanation"] == f"{explanation} (set by pat on 2026-03-15)"
    assert f"{explanation} (set by pat on 2026-03-15)" in " ".join(desk.told("status").split())
    assert [line["explanation"] for other, line in lines.items() if other != sku] == [None, None]


def test_who_set_a_term_first_is_named() -> None:
    """Another term that is set later changes nothing of it; a customer's own goes before the partner's."""
    desk = settled(f"minimum.{ADV}=40")
    desk.ask("policy", "set", "drift=enforce", "--by", "kim")
    desk.world.work()
    assert "(set by pat on 2026-03-15)" in looked(desk)[ADV]["explanation"]
    desk.ask("policy", "set", f"minimum.{ADV}=40", "--customer", CUSTOMER, "--by", "ada")
    desk.world.work()
    assert "(set by ada on 2026-03-15)" in looked(desk)[ADV]["explanation"]


def test_what_is_kept_of_an_edit_explains_a_difference() -> None:
    """Units that a person added and the terms keep."""
    desk = settled("drift=adopt")
    [line] = [line for line in desk.world.api.model.lines.values() if line.service["id"] == 45]
    desk.world.control.person_adjusts(line.id, desk.world.ports.today().toordinal(), 5)
    desk.ask("retry", "29683949")
    desk.world.pass_time(minutes=40)
    assert looked(desk)[ADV]["explanation"] == "33 = 28 in Timus, +5 from an edit in Autotask that is kept"


def test_a_trial_is_named() -> None:
    """Both numbers are 0, and Timus shows users."""
    desk = settled(status="trial")
    assert looked(desk)[ADV]["explanation"] == "0 = 0 in Timus, and 28 in a trial, which is not billed"


def test_a_day_that_carries_an_adjustment_explains_today() -> None:
    """The second change of a day waits for the next."""
    desk = settled()
    desk.world.tell(2, {ADV: 30, GATEWAY: 3})
    desk.world.work()
    desk.world.pass_time(minutes=20)
    assert (
        looked(desk)[ADV]["explanation"] == "28 = 30 in Timus, -2 that cannot be changed for today any more"
    )


def test_units_on_another_line_and_of_others_on_the_same_line() -> None:
    """A SKU that is split over two contracts, and two SKUs on one service."""
    one, two = SCENARIO["contracts"]
    desk = Desk(World(scenario={**SCENARIO, "contracts": [one, {**two, "companyID": 600}]}))
    there = ("--company", "600", "--contract")
    desk.ask("map", "customer", "cus_41d0", *there, "29683949", "--yes")
    desk.ask("map", "customer", "cus_41d0", *there, "29683950", "--sku", ADV, "--units", "4", "--yes")
    desk.ask("map", "plan", ESS, "--service", "45", "--yes")
    desk.world.tell(1, {ADV: 28, ESS: 7})
    desk.world.work()
    desk.world.pass_time(minutes=20)
    lines = desk.ask("status")["lines"]
    assert [(line["contract_id"], line["sku"], line["explanation"]) for line in lines] == [
        (
            29683949,
            ADV,
            "31 = 28 in Timus, -4 on another line, +7 of SASE-ESS-USER of cus_41d0 on the same line",
        ),
        (29683950, ADV, "4 = 28 in Timus, -24 on another line"),
        (29683949, ESS, "31 = 7 in Timus, +24 of SASE-ADV-USER of cus_41d0 on the same line"),
    ]


def test_terms_that_bill_from_another_day_explain_today() -> None:
    """No credit within the period: the decrease is scheduled."""
    desk = settled("decreases=start-of-next-period")
    desk.world.pass_time(days=1)
    desk.world.tell(2, {ADV: 20, GATEWAY: 3})
    desk.world.work()
    desk.world.pass_time(minutes=20)
    line = looked(desk)[ADV]
    assert line["state"] == "scheduled"
    assert line["explanation"] == "28 = 20 in Timus, +8 by the days from which changes are billed"


def test_before_the_contract_begins_nothing_is_billed() -> None:
    """Said as that, with the days and their seats."""
    contracts = [
        {**SCENARIO["contracts"][0], "startDate": "2026-04-10", "lines": []},
        *SCENARIO["contracts"][1:],
    ]
    world = World(scenario={**SCENARIO, "contracts": contracts})
    world.map_customer()
    world.tell(1, {ADV: 25})
    world.work()
    desk = Desk(world)
    [line] = desk.ask("status")["lines"]
    assert line["explanation"] == "0 = 25 in Timus, -25 before the contract begins"
    off = {"from": "2026-03-15", "until": "2026-04-10", "wanted": 25, "autotask": 0}
    assert line["past_days"] == [{**off, "seat_days": -650, "cause": "before-contract"}]
    world.pass_time(days=27)
    [change] = desk.ask("changes")["changes"]
    assert (change["day"], change["moved_from"]) == ("2026-04-10", "2026-03-15")
    assert {one["kind"] for one in desk.ask("reconcile")["findings"]} == {"past-day-off"}
