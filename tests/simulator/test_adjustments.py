"""Adjustments: how a line is named, what is refused and in which words, and what a same-day second one does."""

from __future__ import annotations

from typing import Any

import pytest

from local.autotask import rules
from tests.simulator.tenant import CONTRACT, LINE, SCENARIO, SERVICE, Tenant, error


def test_success_answers_a_null_id(tenant: Tenant) -> None:
    """A committed adjustment answers 200 with itemId null."""
    reply = tenant.adjust("2026-03-15", 2)
    assert (reply.status, reply.body) == (200, b'{"itemId":null}')


def test_an_id_where_the_switch_says_so() -> None:
    """With item_id = id the answer carries the adjustment's id."""
    tenant = Tenant(item_id="id")
    assert tenant.adjust("2026-03-15", 2).json()["itemId"] == tenant.api.postings[0].adjustment_id


@pytest.mark.parametrize(
    "body",
    [
        {"contractID": CONTRACT, "serviceID": SERVICE},
        {"contractServiceID": LINE},
        {"contractID": CONTRACT, "contractServiceID": LINE},
        {"id": 0, "ContractId": CONTRACT, "SERVICEID": SERVICE, "noSuchField": "ignored"},
    ],
)
def test_a_line_can_be_named_in_two_ways(body: dict[str, Any]) -> None:
    """By contract and service or by the line's id; keys in any case, unknown properties ignored."""
    tenant = Tenant()
    reply = tenant.send(
        "POST", "ContractServiceAdjustments", {**body, "unitChange": 1, "effectiveDate": "2026-03-15"}
    )
    assert reply.status == 200
    assert tenant.held("2026-03-15") == 11


def test_the_child_route_takes_its_contract_from_the_path(tenant: Tenant) -> None:
    """POST /Contracts/{id}/ServiceAdjustments works without contractID in the body."""
    path = f"Contracts/{CONTRACT}/ServiceAdjustments"
    assert (
        tenant.send("POST", path, {"serviceID": 45, "unitChange": 1, "effectiveDate": "2026-03-15"}).status
        == 200
    )
    assert tenant.held("2026-03-15") == 11
    wrong = {"contractID": 1, "serviceID": 45, "unitChange": 1, "effectiveDate": "2026-03-16"}
    assert "contractID" in error(tenant.send("POST", path, wrong))


def test_a_missing_line_is_created(tenant: Tenant) -> None:
    """An adjustment for a service that the contract lacks creates the line at the given price."""
    assert tenant.adjust("2026-03-20", 4, serviceID=46, adjustedUnitPrice=9.25).status == 200
    line = next(one for one in tenant.query("ContractServices") if one["serviceID"] == 46)
    assert str(line["unitPrice"]) == "9.2500"
    assert tenant.units(line["id"])[0] == ("2026-03-20", "2026-04-14", 4)


def test_a_refused_adjustment_creates_no_line(tenant: Tenant) -> None:
    """Refusal leaves nothing behind."""
    assert error(tenant.adjust("2026-03-20", -1, serviceID=46)) == rules.NEGATIVE_UNITS
    assert len(tenant.query("ContractServices")) == 1
    assert tenant.query("ContractNotes") == []


def test_a_second_line_of_a_service_needs_the_flag(tenant: Tenant) -> None:
    """Only allowRepeatService makes a second line; without it the existing one is adjusted."""
    tenant.adjust("2026-03-20", 1, serviceID=45)
    assert len(tenant.query("ContractServices")) == 1
    tenant.adjust("2026-03-20", 4, serviceID=45, allowRepeatService=True)
    lines = tenant.query("ContractServices")
    assert [tenant.held("2026-03-20", line["id"]) for line in lines] == [11, 4]


@pytest.mark.parametrize(
    ("day", "inside"),
    [("2026-01-14", False), ("2026-01-15", True), ("2027-01-14", True), ("2027-01-15", False)],
)
def test_the_effective_date_lies_within_the_contract(day: str, inside: bool) -> None:
    """Both ends of the contract are inside; outside, the observed text."""
    reply = Tenant().adjust(day, 1)
    if inside:
        assert reply.status == 200
    else:
        assert error(reply) == (
            "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract "
            "referenced by contractID."
        )


@pytest.mark.parametrize(
    ("day", "change", "refused"), [("2026-03-15", -10, False), ("2026-03-15", -11, True)]
)
def test_units_cannot_fall_below_zero(day: str, change: int, refused: bool) -> None:
    """To zero is allowed, below is refused with "negative" in the text."""
    reply = Tenant().adjust(day, change)
    assert (reply.status == 500) is refused
    assert not refused or "negative" in error(reply)


def test_a_decrease_counts_on_every_later_day(tenant: Tenant) -> None:
    """A decrease dated before a later decrease is refused when the later day would fall below zero."""
    tenant.adjust("2026-05-01", -8)
    assert "negative" in error(tenant.adjust("2026-04-01", -3))
    assert tenant.adjust("2026-04-01", -2).status == 200
    assert tenant.held("2026-05-01") == 0


@pytest.mark.parametrize(
    ("style", "status", "held"), [("refuse", 500, 12), ("override", 200, 13), ("sum", 200, 15)]
)
def test_twice_on_one_day(style: str, status: int, held: int) -> None:
    """A second adjustment of a line on a date is refused, replaces the first or adds to it, as the switch says."""
    tenant = Tenant(same_day=style)
    tenant.adjust("2026-03-20", 2)
    reply = tenant.adjust("2026-03-20", 3)
    assert reply.status == status
    if status == 500:
        assert error(reply) == "Attempt to insert duplicate data into contract_service_period"
    assert tenant.held("2026-03-20") == held


def test_overriding_can_fall_below_zero_too() -> None:
    """Replacing an increase is judged by what remains."""
    tenant = Tenant(same_day="override")
    tenant.adjust("2026-03-20", 5)
    tenant.adjust("2026-04-20", -15)
    assert "negative" in error(tenant.adjust("2026-03-20", 1))
    assert tenant.held("2026-03-20") == 15


def test_two_lines_on_one_day_do_not_collide(tenant: Tenant) -> None:
    """The rule is per line."""
    tenant.adjust("2026-03-20", 2)
    assert tenant.adjust("2026-03-20", 2, serviceID=46).status == 200


def test_the_first_day_of_a_line_is_free(tenant: Tenant) -> None:
    """The quantity with which a line began is no adjustment."""
    assert tenant.adjust("2026-01-15", 2).status == 200


@pytest.mark.parametrize(("style", "status"), [("counts", 500), ("ignored", 200)])
def test_price_only_then_units_on_one_day(style: str, status: int) -> None:
    """Whether a price-only adjustment makes the next one of the day a duplicate is a switch."""
    tenant = Tenant(same_day_price_only=style)
    tenant.adjust("2026-03-20", 0, adjustedUnitPrice=13)
    assert tenant.adjust("2026-03-20", 1).status == status


@pytest.mark.parametrize("change", [0, None])
def test_a_price_only_adjustment(change: int | None) -> None:
    """UnitChange 0 or absent changes the price from the day on, and the line shows it once the day has come."""
    tenant = Tenant()
    assert tenant.adjust("2026-03-20", change, adjustedUnitPrice=13.1).status == 200
    assert str(tenant.query("ContractServices")[0]["unitPrice"]) == "12.5000"
    tenant.control.set_clock(advance=11 * 86_400)
    assert str(tenant.query("ContractServices")[0]["unitPrice"]) == "13.1000"
    assert tenant.held("2026-03-20") == 10
    prices = {row["startDate"][:10]: str(row["price"]) for row in tenant.query("ContractServiceUnits")}
    assert (prices["2026-02-15"], prices["2026-12-15"]) == ("125.0000", "131.0000")


def test_only_recurring_contracts_take_adjustments(tenant: Tenant) -> None:
    """A contract of another type refuses."""
    reply = tenant.adjust("2026-03-20", 1, contractID=29683353, serviceID=45)
    assert error(reply) == rules.NOT_RECURRING


@pytest.mark.parametrize(("style", "status"), [("accept", 200), ("refuse", 500)])
def test_an_inactive_contract(style: str, status: int) -> None:
    """Whether a contract with status 0 takes adjustments is a switch; its units stay."""
    tenant = Tenant(inactive_contract=style)
    assert tenant.send("PATCH", "Contracts", {"id": CONTRACT, "status": 0}).status == 200
    assert tenant.adjust("2026-03-20", 1).status == status
    assert tenant.held("2026-06-01") >= 10


@pytest.mark.parametrize(("style", "status"), [("accept", 200), ("refuse", 500)])
def test_a_posted_period(style: str, status: int) -> None:
    """Whether an approved-and-posted period takes adjustments is a switch."""
    tenant = Tenant(posted_period=style)
    tenant.control.approve_and_post(CONTRACT, tenant.api.model.today())
    assert tenant.adjust("2026-03-01", 1).status == status
    assert tenant.adjust("2026-03-15", 1).status == 200


@pytest.mark.parametrize(
    ("rule", "sent", "day"),
    [
        ("keep", "2026-03-20", "2026-03-20"),
        ("keep", "2026-03-20T02:00:00", "2026-03-20"),
        ("keep", "2026-03-20T23:59:59.9990000Z", "2026-03-20"),
        ("keep", "2026-03-20T00:00:00+02:00", "2026-03-20"),
        ("convert", "2026-03-20", "2026-03-19"),
        ("convert", "2026-03-20T00:00:00Z", "2026-03-19"),
        ("convert", "2026-03-20T04:00:00Z", "2026-03-20"),
        ("convert", "2026-03-20T12:00:00Z", "2026-03-20"),
        ("convert", "2026-03-20T00:00:00-04:00", "2026-03-20"),
    ],
)
def test_the_day_that_is_stored(rule: str, sent: str, day: str) -> None:
    """The date as sent, or the instant's date in the tenant's zone, as the switch says."""
    tenant = Tenant(date_rule=rule)
    assert tenant.adjust(sent, 1).status == 200
    assert tenant.control.adjustments()[0]["effectiveDate"] == day
    assert tenant.held(day) == 11
    assert dict(row[:1] + row[2:] for row in tenant.units())[day] == 11


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("unitChange", True, "Unexpected character encountered while parsing value: t"),
        ("unitChange", [1], "Unexpected character encountered while parsing value: ["),
        ("unitChange", 1.5, "Could not convert string to integer: 1.5"),
        ("unitChange", "x", "Could not convert string to integer: x"),
        ("unitChange", 3_000_000_000, "too large or small for an Int32"),
        ("effectiveDate", "soon", "Could not convert string to DateTime: soon"),
        ("effectiveDate", 20260320, "Unexpected character"),
        ("effectiveDate", None, "Missing Required Field: effectiveDate"),
        ("contractServiceID", 999, "contractServiceID of type: ContractService does not exist"),
        ("contractID", 999, "contractID of type: Contract does not exist"),
        ("serviceID", 46, "serviceID of type: Service does not exist"),
        ("allowRepeatService", "maybe", "Could not convert string to boolean: maybe"),
        ("adjustedUnitPrice", "cheap", "Could not convert string to decimal: cheap"),
    ],
)
def test_wrong_values(field: str, value: Any, text: str) -> None:
    """A value of the wrong type or a reference to nothing is a 500 with a text, and has no effect."""
    tenant = Tenant()
    body = {"contractID": CONTRACT, "contractServiceID": LINE, "unitChange": 1, "effectiveDate": "2026-03-20"}
    assert text in error(tenant.send("POST", "ContractServiceAdjustments", {**body, field: value}))
    assert tenant.held("2026-12-31") == 10
    assert tenant.control.adjustments()[0]["outcome"] == "refused"


@pytest.mark.parametrize("raw", [b"", b"[]", b"not json", b'{"a":'])
def test_bodies_that_are_no_object(raw: bytes) -> None:
    """A body that cannot be read is a 500 with an errors list."""
    assert error(Tenant().send("POST", "ContractServiceAdjustments", raw))


def test_a_number_written_as_text_is_accepted(tenant: Tenant) -> None:
    """The vendor's JSON reader converts texts that read as numbers (inferred)."""
    assert tenant.adjust("2026-03-20", 1, contractID=str(CONTRACT)).status == 200


def test_every_change_writes_a_note(tenant: Tenant) -> None:
    """An adjustment leaves an automatic contract note."""
    tenant.adjust("2026-03-20", 1)
    notes = tenant.query("ContractNotes", {"op": "eq", "field": "contractID", "value": CONTRACT})
    assert notes[0]["createDateTime"] == "2026-03-10T15:00:00Z"
    assert "+1" in notes[0]["description"]


@pytest.mark.parametrize("moves", [False, True])
def test_whether_the_contract_counts_as_modified(moves: bool) -> None:
    """Whether an adjustment moves lastModifiedDateTime is a switch."""
    tenant = Tenant(contract_modified=moves)
    tenant.control.set_clock(advance=60)
    tenant.adjust("2026-03-20", 1)
    item = tenant.send("GET", f"Contracts/{CONTRACT}").json()["item"]
    assert (item["lastModifiedDateTime"] == "2026-03-10T15:01:00Z") is moves


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["ContractServiceAdjustments", f"Contracts/{CONTRACT}/ServiceAdjustments"])
def test_adjustments_are_create_only(method: str, path: str) -> None:
    """No other verb exists."""
    reply = Tenant().send(method, path, {"id": 1})
    assert reply.status == 405
    assert reply.json() == {"Message": f"The requested resource does not support http method '{method}'."}


def test_adjustments_cannot_be_queried(tenant: Tenant) -> None:
    """There is no query of adjustments."""
    assert tenant.send("POST", "ContractServiceAdjustments/query", {"Filter": []}).status == 404


def test_a_hidden_contract_cannot_be_adjusted() -> None:
    """A contract that line-of-business rules hide does not exist for the API user."""
    tenant = Tenant(hidden_contracts=[CONTRACT])
    assert "does not exist" in error(tenant.adjust("2026-03-20", 1))
    assert tenant.query("ContractServiceUnits") == []
    assert [one["id"] for one in tenant.query("Contracts")] == [29683353]


@pytest.mark.parametrize(("style", "status"), [("refuse", 500), ("accept", 200)])
def test_repeating_a_line_through_the_child_route(style: str, status: int) -> None:
    """Whether ContractServices takes a service twice is a switch."""
    tenant = Tenant(repeat_line=style)
    assert tenant.send("POST", f"Contracts/{CONTRACT}/Services", {"serviceID": 45}).status == status


def test_scenario_is_not_changed_by_use() -> None:
    """Loading twice gives the same tenant."""
    first = Tenant()
    first.adjust("2026-03-20", 1)
    assert Tenant(SCENARIO).held("2026-03-20") == 10
