"""Which contract and which service: checked in Autotask, shown before it is written, woken at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY
from timus_autotask.store.contracts import put_contract_state

TODAY = date(2026, 3, 15)
MAP = ("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))


def test_a_customer_that_waited_is_applied_once_it_is_mapped(desk: Desk) -> None:
    """What could not be mapped is parked; the mapping drives it, without a sweep."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    words = desk.told(*MAP)
    assert "Contoso Dental" in words
    assert "Contoso SASE" in words
    assert "+3 from 2026-03-15 (at once)" in words
    desk.world.work()
    assert desk.world.posted() == [(45, 3, "2026-03-15")]


def test_the_preview_is_what_is_posted_then(desk: Desk) -> None:
    """Dry run and worker share the deciding; a dry run writes and posts nothing."""
    desk.world.tell(7, {ADV: 20, ESS: 8, GATEWAY: 2})
    desk.world.work()
    before = desk.world.table.documents()
    said = desk.ask(*MAP, "--dry-run")
    assert said["written"] is False
    assert desk.world.table.documents() == before
    assert desk.world.posted() == []
    desk.ask(*MAP)
    desk.world.work()
    rehearsed = [
        (line["service_id"], each["unit_change"], each["day"])
        for contract in said["preview"]
        for line in contract["lines"]
        for each in line["adjustments"]
    ]
    assert sorted(rehearsed) == sorted(desk.world.posted())


def test_a_mapping_is_told_to_programs(desk: Desk) -> None:
    """``--json`` says what was written, with Autotask's names."""
    said = desk.ask(*MAP)
    assert said.pop("preview") != []
    assert said == {
        "customer": CUSTOMER,
        "customer_name": None,
        "shared_with": [],
        "late": None,
        "doubts": [],
        "not_shown": None,
        "unhandled": [],
        "totals": {
            "contracts": 0,
            "lines": 0,
            "units_up": 0,
            "units_down": 0,
            "units_up_at_once": 0,
            "units_down_at_once": 0,
            "parked": 0,
            "estimate": None,
            "no_longer_made": {"lines": 0, "units_up": 0, "units_down": 0, "estimate": None},
        },
        "sku": None,
        "units": None,
        "company_id": 600,
        "company_name": "Contoso Dental",
        "contract_id": CONTRACT,
        "contract_name": "Contoso SASE",
        "from": None,
        "written": True,
    }


def test_what_cannot_be_billed_is_refused_in_words(desk: Desk) -> None:
    """A contract that is missing, another company's, inactive or not recurring is not mapped."""
    missing = desk.refused("map", "customer", CUSTOMER, "--company", "600", "--contract", "1")
    assert "Autotask has no contract 1" in missing
    other = desk.refused("map", "customer", CUSTOMER, "--company", "601", "--contract", str(CONTRACT))
    assert "belongs to company 600, not to 601" in other
    desk.world.control.person_edits_contract(CONTRACT, {"status": 0})
    assert "inactive" in desk.refused(*MAP)
    desk.world.control.person_edits_contract(CONTRACT, {"status": 1, "contractType": 1})
    assert "not a recurring service contract" in desk.refused(*MAP)
    assert desk.ask("map", "list")["customers"] == []


def test_one_customer_too_many_for_a_contract_is_refused_in_words(desk: Desk) -> None:
    """Its record would not be stored, and nobody on it billed; those who are on it may still be mapped anew."""
    store = desk.world.ports.store
    crowd = tuple(f"{n:0128}" for n in range(2_900))
    known = store.contract_state(CONTRACT)
    store.commit(put_contract_state(replace(known.value, customers=crowd), known.rev, desk.world.clock.now()))
    refused = desk.run(*MAP, "--yes")
    assert refused.status == 1
    assert "the contract of 2,900 customers, and its record holds no more" in refused.err
    assert store.customer(CUSTOMER).mapping is None
    again = desk.run(*MAP[:2], crowd[0], *MAP[3:], "--share", "--yes")
    assert again.status == 0, again.err


def test_a_mapping_can_be_written_while_autotask_is_away(desk: Desk) -> None:
    """Only with --unchecked; without it the command says so."""
    desk.world.api.faults.add(Fault("not_sent", times=None))
    assert "--unchecked" in desk.refused(*MAP)
    assert desk.ask(*MAP, "--unchecked")["written"] is True


def test_a_mapping_needs_credentials_to_be_checked(desk: Desk) -> None:
    """Before they are set, the command says how to set them."""
    desk.world.secrets.replace_credentials(None)
    assert "timus-autotask credentials set" in desk.refused(*MAP)


def test_a_move_is_dated_today(desk: Desk) -> None:
    """Units that are on a contract already leave it on the day of the move; the days before stay billed there."""
    desk.world.tell(7, {ADV: 25, GATEWAY: 1}, effective=datetime(2026, 3, 1, tzinfo=UTC))
    desk.ask(*MAP)
    desk.world.work()
    said = desk.ask("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--yes")
    assert said["from"] == "2026-03-15"
    desk.world.work()
    desk.world.work()
    assert desk.world.units(ADV, TODAY) == 0
    assert desk.world.units(ADV, TODAY - timedelta(days=1)) == 25
    assert desk.world.units(ADV, TODAY, 29683950) == 25
    assert desk.world.units(ADV, TODAY - timedelta(days=1), 29683950) == 0


def test_a_wrong_mapping_that_billed_nothing_is_replaced_for_all_days(desk: Desk) -> None:
    """Where nothing was billed, nothing is moved: the seats count from their own day on the right contract."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    wrong = desk.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", "29683950", "--unchecked")
    assert wrong["written"] is True
    desk.world.work()
    assert desk.ask(*MAP)["from"] is None
    desk.world.work()
    assert desk.world.posted() == [(45, 3, "2026-03-10")]


def test_a_move_that_went_wrong_is_mended_from_its_day(desk: Desk) -> None:
    """Nothing could be billed where the units were sent, so they go on from that day, and what was before stays."""
    desk.world.tell(7, {ADV: 25, GATEWAY: 1}, effective=datetime(2026, 3, 1, tzinfo=UTC))
    desk.ask(*MAP)
    desk.world.work()
    desk.ask("map", "customer", CUSTOMER, "--company", "601", "--contract", "1", "--unchecked")
    desk.world.work()
    desk.world.pass_time(days=2)
    said = desk.ask("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--yes")
    assert said["from"] == "2026-03-15"
    desk.world.work()
    assert desk.world.units(ADV, TODAY - timedelta(days=1)) == 25
    assert desk.world.units(ADV, TODAY) == 0
    assert desk.world.units(ADV, TODAY, 29683950) == 25


def test_units_cannot_leave_before_they_came(desk: Desk) -> None:
    """Nothing would take them off where they were: they would be billed twice."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    desk.ask(*MAP)
    desk.world.work()
    to = ("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--yes")
    for day in ("always", "2026-03-09"):
        assert "--from 2026-03-10" in desk.refused(*to, "--from", day)
    desk.ask(*to, "--from", "2026-03-10")
    desk.world.work()
    desk.world.pass_time(days=1)
    desk.world.work()
    assert desk.world.units(ADV, date(2026, 3, 16)) == 0
    assert desk.world.units(ADV, date(2026, 3, 10), 29683950) == 28


def test_the_first_day_can_be_said(desk: Desk) -> None:
    """A move in the future waits for its day."""
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.ask(*MAP)
    desk.world.work()
    to = (
        "map",
        "customer",
        CUSTOMER,
        "--company",
        "601",
        "--contract",
        "29683950",
        "--yes",
        "--from",
        "2026-04-01",
    )
    assert desk.ask(*to)["from"] == "2026-04-01"
    desk.world.work()
    assert desk.world.posted() == []
    states = {(line["contract_id"], line["sku"]): line["state"] for line in desk.ask("status")["lines"]}
    assert states[(29683950, ADV)] == "scheduled"
    assert "is no day" in desk.refused(*to[:-1], "soon", status=2)


def test_one_sku_can_go_to_a_contract_of_its_own(desk: Desk) -> None:
    """The others stay where they went."""
    desk.ask(*MAP)
    desk.ask(
        "map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--sku", GATEWAY, "--yes"
    )
    desk.world.tell(7, {ADV: 25, GATEWAY: 2})
    desk.world.work()
    assert desk.world.units(GATEWAY, TODAY, 29683950) == 2
    assert desk.world.units(ADV, TODAY) == 25


def test_what_was_written_is_told_in_a_sentence(desk: Desk) -> None:
    """All of it, one SKU, or so many units of it; and sums have one noun for both."""
    desk.world.tell(7, {ADV: 25})
    assert f"{CUSTOMER}: everything goes to contract {CONTRACT} of company 600." in desk.told(*MAP)
    desk.world.work()
    part = ("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--sku", ADV, "--yes")
    words = desk.told(*part, "--units", "1")
    assert f"{CUSTOMER}: {ADV}, up to 1 unit, goes to contract 29683950 of company 601." in words
    assert "+1 and -1 units; of these at once" in words


def test_a_sku_is_billed_with_the_chosen_service(desk: Desk) -> None:
    """A SKU that no service carries waits for a person, and is applied at once when one has chosen."""
    desk.ask(*MAP)
    desk.world.tell(7, {ADV: 25, GATEWAY: 1, "POC": 4})
    desk.world.work()
    assert [line["reason_code"] for line in desk.ask("status")["lines"] if line["sku"] == "POC"] == [
        "sku-unmapped"
    ]
    said = desk.ask("map", "plan", "POC", "--service", "46")
    assert (said["service_name"], said["from"], said["written"]) == (ESS, None, True)
    desk.world.work()
    assert desk.world.posted() == [(46, 4, "2026-03-15")]


def test_a_customer_can_have_a_service_of_its_own(desk: Desk) -> None:
    """An override holds for that customer only, and the preview shows both lines."""
    desk.ask(*MAP)
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.world.work()
    said = desk.ask("map", "plan", ADV, "--service", "46", "--customer", CUSTOMER)
    assert said["from"] == "2026-03-15"
    desk.world.work()
    assert (45, -25, "2026-03-15") in desk.world.posted()
    assert (46, 25, "2026-03-15") in desk.world.posted()
    assert desk.ask("map", "list")["customers"][0]["services"] == {
        ADV: [{"from": "2026-03-15", "service_id": 46, "service_name": ESS}]
    }


def test_a_service_that_cannot_be_billed_is_refused(desk: Desk) -> None:
    """A service that is missing or inactive is not chosen."""
    assert "Autotask has no service 9" in desk.refused("map", "plan", ADV, "--service", "9")


def test_every_mapping_is_listed(desk: Desk) -> None:
    """Customers with their contracts, and SKUs with their services and who chose them."""
    desk.ask(*MAP)
    desk.world.tell(7, {ADV: 25, "POC": 1})
    desk.world.work()
    words = desk.told("map", "list")
    assert str(CONTRACT) in words
    assert "equal SKU" in words
    assert "nobody: no service carries it" in words
    listed = desk.ask("map", "list")
    assert listed["customers"][0]["routings"] == [
        {
            "from": None,
            "routes": [
                {
                    "sku": None,
                    "company_id": 600,
                    "company_name": "Contoso Dental",
                    "contract_id": CONTRACT,
                    "contract_name": "Contoso SASE",
                    "units": None,
                }
            ],
        }
    ]
    assert listed["customers"][0]["customer_name"] == "Contoso Dental"
    for name in ("cus_41d0 Contoso Dental", "600 Contoso Dental", f"{CONTRACT} Contoso SASE"):
        assert name in words
    assert {plan["sku"]: plan["matched"] for plan in listed["plans"]} == {ADV: True, "POC": False}


def test_a_client_who_is_mapped_late_is_asked_from_when(desk: Desk) -> None:
    """Each choice stands with its money beside the others; without one, each seat is billed from its own day."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 2, 10, tzinfo=UTC))
    desk.world.work()
    words = desk.told(*MAP, "--dry-run")
    assert (
        "Timus reports seats of cus_41d0 since 2026-02-10, before this mapping. --bill-from chooses" in words
    )
    rows = [" ".join(line.replace("│", " ").split()) for line in words.splitlines()]
    assert f"{CUSTOMER} today 2026-03-15 +3 0 99 about +20.56" in rows
    assert f"{CUSTOMER} own-day 2026-02-10 +3 99 0 about +62.95 chosen" in rows
    said = desk.ask(*MAP, "--bill-from", "today")
    assert (said["from"], said["late"]["chosen"]) == ("2026-03-15", "today")
    desk.world.work()
    assert desk.world.posted() == [(45, 3, "2026-03-15")]
    assert "billed from today" in desk.told("changes")
    assert "two answers" in desk.refused(*MAP, "--from", "always", "--bill-from", "today", status=2)


def test_a_contract_service_is_chosen_and_taken_back(desk: Desk) -> None:
    """Shown before it is written, listed, and told to programs."""
    second = desk.world.control.person_adds_line(CONTRACT, 45, date(2026, 1, 1).toordinal(), 5)
    desk.world.tell(7, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    assert "Contract 29683949: SASE-ADV-USER stands on it more than once" in desk.refused(*MAP)
    desk.ask(*MAP, "--yes")
    desk.world.work()
    words = desk.told("map", "line", str(CONTRACT), "45", "--contract-service", "1201", "--yes")
    assert (
        f"Service 45 SASE-ADV-USER on contract {CONTRACT}: 1201: 25 units at 12.50; {second}: 5 units"
        in words
    )
    assert f"It is billed for {CUSTOMER}." in words
    assert f"Left alone: {second}: 5 units" in words
    assert "+3 from 2026-03-15 (at once)" in words
    desk.world.work()
    assert desk.world.posted() == [(45, 3, "2026-03-15")]
    assert "contract service" in desk.told("map", "list")
    assert desk.ask("map", "list")["lines"][0]["contract_service_id"] == 1201
    said = desk.ask("map", "line", str(CONTRACT), "45", "--undo", "--yes")
    assert (said["contract_service_id"], said["before"], said["written"]) == (None, 1201, True)
    assert "--contract-service" in desk.refused(
        "map", "line", str(CONTRACT), "45", "--undo", "--keep-units", status=2
    )
