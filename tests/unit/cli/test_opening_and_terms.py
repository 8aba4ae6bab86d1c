"""Openings, splits and changing terms, as an operator handles them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SCENARIO, World

MAP = ("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT), "--yes")


def test_a_company_without_a_contract_is_opened_one(desk: Desk) -> None:
    """Mapped to a company, waiting visibly, and opened once the terms say so."""
    world = desk.world
    world.tell(1, {ADV: 10})
    said = desk.ask("map", "customer", CUSTOMER, "--company", "600", "--yes")
    assert (said["company_name"], said["opens_contract"]) == ("Contoso Dental", False)
    world.work()
    world.sweep()
    [line] = desk.ask("status")["lines"]
    assert (line["reason_code"], line["state"]) == ("opening-off", "parked")
    desk.ask("policy", "set", "open_contracts=yes", "contract_category=13")
    desk.ask("retry", f"timus-{CUSTOMER}")
    world.sweep()
    world.sweep()
    assert world.posted() == [(45, 10, "2026-03-15")]
    assert desk.ask("status")["openings"] == []
    words = [change["message"] for change in desk.ask("changes")["changes"]]
    assert any("opened from 2026-03-15 to 2027-03-14" in each for each in words if each)


def test_a_refused_opening_is_shown_with_its_command(desk: Desk) -> None:
    """What Autotask said, and what to type when it is mended."""
    world = desk.world
    desk.ask("policy", "set", "open_contracts=yes")
    desk.ask("map", "customer", CUSTOMER, "--company", "600", "--yes")
    world.tell(1, {ADV: 10})
    world.work()
    world.api.faults.add(
        Fault("json_500", entity="Contracts", operation="create", times=1, text="no category")
    )
    world.sweep()
    [opening] = desk.ask("status")["openings"]
    assert "no category" in opening["reason"]
    assert opening["remedy"].endswith(f"timus-autotask retry timus-{CUSTOMER}")
    assert "no category" in desk.told("status")
    desk.ask("retry", f"timus-{CUSTOMER}")
    world.sweep()
    world.sweep()
    assert world.posted() == [(45, 10, "2026-03-15")]


def test_what_a_company_cannot_be_mapped_with(desk: Desk) -> None:
    """A company that is not there, a choice of units without a contract, a customer who has a contract."""
    assert "no company 9" in desk.refused("map", "customer", CUSTOMER, "--company", "9", "--yes")
    wrong = desk.refused("map", "customer", CUSTOMER, "--company", "600", "--units", "3", "--yes", status=2)
    assert "give --contract" in wrong
    desk.ask(*MAP)
    assert "has a contract" in desk.refused("map", "customer", CUSTOMER, "--company", "600", "--yes")
    assert "timus-nobody" in desk.refused("retry", "timus-nobody")


def test_units_are_split_over_contracts(desk: Desk) -> None:
    """Four units go to a contract of their own and the rest stays; mapping without --units ends the split."""
    world = desk.world
    desk.ask(*MAP)
    world.control.person_edits_contract(29683950, {"companyID": 600})
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    second = (
        "map",
        "customer",
        CUSTOMER,
        "--company",
        "600",
        "--contract",
        "29683950",
        "--sku",
        ADV,
        "--yes",
    )
    desk.ask(*second, "--units", "4")
    world.work()
    assert [world.units(ADV, date(2026, 3, 15), contract) for contract in (CONTRACT, 29683950)] == [21, 4]
    world.pass_time(days=1)
    world.tell(8, {ADV: 2, GATEWAY: 1})
    world.work()
    assert [world.units(ADV, date(2026, 3, 16), contract) for contract in (CONTRACT, 29683950)] == [0, 2]


def test_changed_terms_do_not_bill_the_past_anew(desk: Desk) -> None:
    """Free units from today on leave what was billed yesterday; who set what is kept."""
    world = desk.world
    desk.ask(*MAP)
    world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 2, tzinfo=UTC))
    world.work()
    desk.ask("policy", "set", f"included.{ADV}=3", "--by", "pat")
    world.work()
    assert world.posted() == [(45, 3, "2026-03-02"), (45, -3, "2026-03-15")]
    world.pass_time(days=1)
    desk.ask("policy", "set", f"included.{ADV}=1", "--by", "kim")
    world.work()
    assert world.posted()[2:] == [(45, 2, "2026-03-16")]
    shown = desk.ask("policy", "show")
    assert shown["set_by"] == "kim"
    assert [(one["by"], one["until"], one["values"]) for one in shown["earlier"]] == [
        ("", "2026-03-15", {}),
        ("pat", "2026-03-16", {"included": {ADV: 3}}),
    ]
    assert "set by pat" in desk.told("policy", "show")


def test_terms_that_were_meant_from_the_beginning(desk: Desk) -> None:
    """Before anything was posted they always hold; later `--from always` says so."""
    world = desk.world
    desk.ask(*MAP)
    desk.ask("policy", "set", f"included.{ADV}=1")
    world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 2, tzinfo=UTC))
    world.work()
    desk.ask("policy", "set", f"included.{ADV}=2", "--from", "always")
    world.work()
    assert world.posted() == [(45, 2, "2026-03-02"), (45, -1, "2026-03-03")]
    assert "a day before" in desk.refused("policy", "set", "line_limit=5", "--from", "2026-04-01", status=2)


@pytest.mark.parametrize("own", [f"minimum.{GATEWAY}=1", f"minimum.{ADV}="])
def test_what_everybody_has_for_another_sku_is_no_term_of_the_customers_own(desk: Desk, own: str) -> None:
    """It was copied: what everybody's terms said later did not reach this customer, who was billed the former minimum."""
    world = desk.world
    desk.ask(*MAP)
    world.tell(1, {ADV: 25, GATEWAY: 1})
    world.work()
    desk.ask("policy", "set", f"minimum.{ADV}=40")
    desk.ask("policy", "set", own, "--customer", CUSTOMER)
    stored = world.ports.store.customer(CUSTOMER).terms
    assert ADV not in (stored.value.values.get("minimum", {}) if stored else {})
    world.sweep()
    assert world.units(ADV, world.ports.today()) == 40
    world.pass_time(days=1)
    desk.ask("policy", "set", f"minimum.{ADV}=")
    world.sweep()
    assert world.units(ADV, world.ports.today()) == 25


def test_a_customers_terms_come_on_top_of_the_partners() -> None:
    """SKU by SKU; and a pause of everybody holds for who has terms of their own."""
    desk = Desk(World())
    desk.ask(*MAP)
    desk.ask("policy", "set", f"included.{ADV}=2")
    desk.ask("policy", "set", f"included.{GATEWAY}=1", "--customer", CUSTOMER)
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.ask("pause")
    desk.world.work()
    assert desk.world.posted() == []
    desk.ask("resume")
    desk.world.work()
    assert sorted(desk.world.posted()) == [(45, -2, "2026-03-15"), (47, -1, "2026-03-15")]


def test_the_pooled_minimum_is_reported_and_never_posted(desk: Desk) -> None:
    """It counts every customer, mapped or not, and a trial for nothing."""
    world = desk.world
    desk.ask("policy", "set", f"pooled_minimum.{ADV}=40", f"pooled_minimum.{GATEWAY}=1")
    assert "no pooled minimum" not in desk.told("minimum")
    desk.ask(*MAP)
    world.tell(7, {ADV: 25, GATEWAY: 2})
    world.tell(1, {ADV: 4}, customer="cus_2", subscription="sub_2")
    world.tell(1, {ADV: 90}, customer="cus_3", subscription="sub_3", status="trial")
    world.work()
    assert desk.ask("minimum")["skus"] == [
        {"sku": ADV, "minimum": 40, "used": 29, "shortfall": 11},
        {"sku": GATEWAY, "minimum": 1, "used": 2, "shortfall": 0},
    ]
    assert world.posted() == [(47, 1, "2026-03-15")]


JANUARY = datetime(2026, 1, 1, 12, tzinfo=UTC)


def level_since_january(*, live: bool = True) -> World:
    """25 seats in Timus and in Autotask since January: nothing was ever adjusted."""
    line = {"id": 1201, "serviceID": 45, "units": 25}
    contracts = [{**one, "lines": [line] if one["id"] == CONTRACT else []} for one in SCENARIO["contracts"]]
    world = World(scenario={**SCENARIO, "contracts": contracts}, live=live)
    world.map_customer()
    world.work()
    world.tell(1, {ADV: 25}, effective=JANUARY)
    world.work()
    return world


@pytest.mark.parametrize("whose", [(), ("--customer", CUSTOMER)])
def test_terms_hold_from_the_day_on_which_they_are_set_where_all_was_level(whose: tuple[str, ...]) -> None:
    """What was found level is billed by us, although nothing was adjusted: the days before stay as they are."""
    desk = Desk(level_since_january())
    said = desk.told("policy", "set", f"included.{ADV}=3", "--yes", *whose)
    assert f"none → {ADV}=3, from 2026-03-15 on" in said
    desk.world.work()
    assert desk.world.posted() == [(45, -3, "2026-03-15")]


def test_a_change_keeps_to_the_terms_of_its_day_where_all_was_level() -> None:
    """A decrease of the 10th waits for 1 April, although the term changed on the 15th."""
    world = level_since_january()
    desk = Desk(world)
    desk.ask("policy", "set", "decreases=start-of-next-period", "--from", "always")
    world.tell(2, {ADV: 20}, effective=datetime(2026, 3, 10, 12, tzinfo=UTC))
    world.work()
    desk.ask("policy", "set", "decreases=day-of-change")
    world.work()
    assert world.posted() == []
    [line] = desk.ask("status")["lines"]
    assert line["scheduled"] == [{"day": "2026-04-01", "unit_change": -5}]


@pytest.mark.parametrize(("customer", "units"), [("cus_b", 22), (CUSTOMER, 25)])
def test_what_is_set_before_a_customer_is_mapped_holds_from_the_beginning(customer: str, units: int) -> None:
    """Nothing of the new customer was billed by us; terms of somebody else hold from today, so his are not concerned."""
    world = level_since_january()
    desk = Desk(world)
    world.tell(1, {ADV: 25}, customer="cus_b", subscription="sub_b", effective=JANUARY)
    world.work()
    said = desk.told("policy", "set", f"included.{ADV}=3", "--customer", customer, "--unknown", "--yes")
    assert ("as if it had always held" in said) == (customer == "cus_b")
    desk.ask(
        *("map", "customer", "cus_b", "--company", "601", "--contract", "29683950"),
        *("--bill-from", "own-day", "--yes"),
    )
    world.work()
    assert (45, units, "2026-01-01") in world.posted()


def test_terms_that_are_set_before_go_live_hold_from_the_beginning() -> None:
    """As long as a stack observes, nothing is billed by us, although its lines were looked at."""
    desk = Desk(level_since_january(live=False))
    said = desk.told("policy", "set", f"included.{ADV}=3", "--yes")
    assert "as if it had always held" in said
    desk.world.work()
    [line] = desk.ask("status")["lines"]
    assert line["scheduled"] == [{"day": "2026-01-01", "unit_change": -3}]


def test_a_shared_line_says_whose_terms_count() -> None:
    """The preview of ``--share`` with what is held, ``policy show`` and ``status``; an approval that one asked for is kept."""
    world = level_since_january()
    desk = Desk(world)
    desk.ask("policy", "set", "approve_increases=always", "--customer", CUSTOMER)
    world.tell(2, {ADV: 28})
    world.tell(1, {ADV: 7}, customer="cus_b", subscription="sub_b")
    world.work()
    strict = "where terms differ, the strictest counts: approve_increases of cus_41d0"
    held = "A change of +10 on 2026-03-15 awaits approval. It contains cus_41d0 +3, cus_b +7."
    shown = desk.told(
        *("map", "customer", "cus_b", "--company", "600", "--contract", str(CONTRACT)),
        *("--share", "--bill-from", "own-day", "--yes"),
    )
    assert f"On the lines that they share, {strict}." in shown
    assert held in shown
    world.work()
    assert world.posted() == []
    for customer, other in ((CUSTOMER, "cus_b"), ("cus_b", CUSTOMER)):
        words = f"The line is shared with {other}; {strict}"
        assert words in desk.told("policy", "show", "--customer", customer)
        [line] = desk.ask("status", "--customer", customer)["lines"]
        assert (line["shared"], line["reason"][: len(held)]) == (words, held)
    assert desk.ask("policy", "show")["shared"] == []
