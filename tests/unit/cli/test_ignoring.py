"""What is not billed in Autotask is set aside, with a reason and a name; it rings nothing, is counted, and can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, SCENARIO, World
from timus_autotask.watch import gauges

TRIAL = "SASE-TRIAL"
IGNORE = ("map", "ignore", "customer", CUSTOMER, "--reason", "our own company", "--by", "Ada")


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A customer whom nobody has mapped."""
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    return desk


def vitals(world: World) -> dict[str, Any]:
    """The gauges of now."""
    world.clock.advance(16 * 60)
    gauges.report_gauges(world.ports, world.clock.now() + timedelta(minutes=5))
    return [fields for name, fields in world.happened if name == "vitals"][-1]


def test_an_ignored_customer_is_apart_from_unmapped_ones(told: Desk) -> None:
    """It has a state of its own, with who said so and why, and the count of what is to be mapped goes down."""
    assert told.ask("status")["unmapped"] == {"customers": [CUSTOMER], "skus": [ADV]}
    done = told.ask(*IGNORE)
    assert done["customers"] == [{"customer": CUSTOMER, "customer_name": "Contoso Dental"}]
    assert done["written"]
    told.world.work()
    found = told.ask("status")
    assert (found["unmapped"], found["ignored"]["customers"]) == ({"customers": [], "skus": []}, [CUSTOMER])
    [line] = found["lines"]
    assert (line["state"], line["reason_code"], line["remedy"]) == ("ignored", "customer-ignored", None)
    assert line["reason"] == "Ignored by Ada since 2026-03-15: our own company"
    assert found["at_rest"]


def test_an_ignored_customer_rings_nothing(told: Desk) -> None:
    """Neither as parked, for however long, nor as not aligned; it is counted."""
    told.world.clock.advance(3 * 86400)
    before = vitals(told.world)
    assert (before["customers_unmapped"], before["parked_long"], before["customers_not_aligned"]) == (1, 1, 1)
    told.ask(*IGNORE)
    after = vitals(told.world)
    assert (after["customers_unmapped"], after["customers_ignored"]) == (0, 1)
    assert after["lines_parked"] == after["parked_long"] == after["customers_not_aligned"] == 0
    assert after["customers_aligned"] == 0


def test_who_ignored_whom_is_recorded(told: Desk) -> None:
    """Beside everything else that people decided; taking it back too."""
    told.ask(*IGNORE)
    told.world.clock.advance(60)
    told.ask("map", "unignore", "customer", CUSTOMER, "--by", "Bob")
    first, second = told.ask("changes", "--customer", CUSTOMER)["decisions"]
    assert (first["decision"], first["by"]) == ("map ignore", "Ada")
    assert first["detail"] == f"customer {CUSTOMER}: our own company"
    assert (second["decision"], second["by"]) == ("map unignore", "Bob")


def test_what_is_taken_back_has_lost_nothing(told: Desk) -> None:
    """Webhooks of the meantime are kept: once it is mapped, it is billed from its own days."""
    told.ask(*IGNORE)
    told.world.clock.advance(2 * 86400)
    told.world.tell(8, {ADV: 31})
    told.world.work()
    told.ask("map", "unignore", "customer", CUSTOMER)
    assert told.ask("status")["unmapped"]["customers"] == [CUSTOMER]
    told.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    told.world.work()
    assert told.world.posted() == [(45, 3, "2026-03-15"), (45, 3, "2026-03-17")]


def test_mapping_an_ignored_customer_takes_it_back(told: Desk) -> None:
    """Who maps it has decided."""
    told.ask(*IGNORE)
    told.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    told.world.work()
    assert told.ask("status")["ignored"]["customers"] == []
    assert told.world.posted() == [(45, 3, "2026-03-15")]


def test_what_taking_back_would_open_is_shown_first(told: Desk) -> None:
    """A customer with a company gets a contract where the terms open one: in the preview, and then."""
    told.ask("map", "customer", CUSTOMER, "--company", "600")
    told.ask(*IGNORE)
    told.ask("policy", "set", "open_contracts=yes")
    assert told.ask("status")["openings"] == []
    shown = told.ask("map", "unignore", "customer", CUSTOMER, "--dry-run")
    assert shown["preview"][0]["opened"]["company_id"] == 600
    assert shown["totals"]["units_up"] == 28
    assert told.ask("status")["ignored"]["customers"] == [CUSTOMER], "a dry run writes nothing"


def test_a_mapped_customer_is_not_ignored(told: Desk) -> None:
    """Its units would stay in Autotask, and nobody would look after them."""
    told.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    words = told.refused(*IGNORE)
    assert f"billed on contract {CONTRACT}" in words
    assert f"policy set --customer {CUSTOMER} excluded=SKU" in words


def test_an_ignored_sku_waits_for_no_service(desk: Desk) -> None:
    """It has no line and is not parked; the other SKUs of its customers are billed."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28, TRIAL: 2})
    desk.world.work()
    assert desk.ask("status")["unmapped"]["skus"] == [TRIAL]
    assert vitals(desk.world)["skus_unmapped"] == 1
    desk.ask("map", "ignore", "plan", TRIAL, "--reason", "free of charge")
    desk.world.work()
    found = desk.ask("status")
    assert {line["sku"]: line["state"] for line in found["lines"]} == {ADV: "applied", TRIAL: "ignored"}
    assert (found["unmapped"]["skus"], found["ignored"]["skus"]) == ([], [TRIAL])
    counted = vitals(desk.world)
    assert (counted["skus_unmapped"], counted["skus_ignored"]) == (0, 1)
    assert (counted["customers_aligned"], counted["lines_parked"]) == (1, 0)
    assert "free of charge" in desk.told("map", "list")


def test_a_sku_that_is_taken_back_is_looked_for_again(desk: Desk) -> None:
    """The service that carries it by now is found, with what is posted then in the preview."""
    desk.world.map_customer()
    desk.world.tell(7, {TRIAL: 2})
    desk.world.work()
    desk.ask("map", "ignore", "plan", TRIAL, "--reason", "free of charge")
    desk.world.control.load(
        {**SCENARIO, "services": [*SCENARIO["services"], {**SCENARIO["services"][0], "id": 48, "sku": TRIAL}]}
    )
    desk.world.pass_time(days=2)
    assert desk.world.posted() == [], "it is not looked for while it is ignored"
    shown = desk.ask("map", "unignore", "plan", TRIAL)
    assert shown["totals"]["units_up"] == 2
    desk.world.pass_time(minutes=1)
    desk.world.work()
    assert desk.world.posted() == [(48, 2, "2026-03-15")]


def test_a_sku_that_is_billed_is_not_ignored(desk: Desk) -> None:
    """It says on which line, and how it is not billed any more."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    words = desk.refused("map", "ignore", "plan", ADV, "--reason", "x")
    assert f"billed with service 45 on contract {CONTRACT}" in words
    assert f"excluded={ADV}" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("map", "ignore", "customer", "cus_41do", "--reason", "x"), f"did you mean {CUSTOMER}?"),
        (("map", "ignore", "plan", "SASE-ADV-USR", "--reason", "x"), f"did you mean {ADV}?"),
        (("map", "unignore", "customer", CUSTOMER), "is not ignored"),
        (("map", "unignore", "plan", ADV), "is not ignored"),
    ],
)
def test_a_slip_of_the_pen_is_refused(told: Desk, words: tuple[str, ...], said: str) -> None:
    """With the name that was meant."""
    assert said in told.refused(*words)


def test_a_reason_has_to_be_given(told: Desk) -> None:
    """For everybody who looks at it later."""
    assert "--reason" in told.refused("map", "ignore", "customer", CUSTOMER, status=2)
    assert "--reason" in told.refused("map", "ignore", "customer", CUSTOMER, "--reason", " ", status=2)


def test_it_stands_in_the_list_with_when(told: Desk) -> None:
    """For programs too."""
    told.ask(*IGNORE)
    [customer] = told.ask("map", "list")["customers"]
    assert customer["ignored"] == {
        "reason": "our own company",
        "by": "Ada",
        "at": datetime(2026, 3, 15, 9, 12, 44, tzinfo=UTC).isoformat(),
    }
