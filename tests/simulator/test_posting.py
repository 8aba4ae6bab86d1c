"""Approve and post: a person's act, seen by the API as dates on rows and as billing items."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask import load_scenario
from local.autotask.rules import Refused
from tests.simulator.tenant import CONTRACT, LINE, NOW, SCENARIO, Tenant, ordinal


def posted(tenant: Tenant) -> list[tuple[str, bool]]:
    """(first day, posted) of the rows, oldest first."""
    rows = tenant.query("ContractServiceUnits")
    return sorted((row["startDate"][:10], row["approveAndPostDate"] is not None) for row in rows)


def items(tenant: Tenant) -> list[tuple[str, str, str, bool]]:
    """(item date, quantity, extended price, is an adjustment) of every billing item."""
    return [
        (
            one["itemDate"][:10],
            str(one["quantity"]),
            str(one["extendedPrice"]),
            one["contractServiceAdjustmentID"] is not None,
        )
        for one in tenant.query("BillingItems")
    ]


def test_nothing_is_billed_before(tenant: Tenant) -> None:
    """Without the act there are no billing items."""
    assert tenant.query("BillingItems") == []
    assert not any(done for _, done in posted(tenant))


def test_periods_that_have_begun_are_posted(tenant: Tenant) -> None:
    """Rows get their approveAndPostDate, and each period makes an item with the row's id."""
    made = tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))
    assert posted(tenant)[:3] == [("2026-01-15", True), ("2026-02-15", True), ("2026-03-15", False)]
    assert items(tenant) == [
        ("2026-01-15", "10.0000", "125.0000", False),
        ("2026-02-15", "10.0000", "125.0000", False),
    ]
    row = tenant.query("ContractServiceUnits")[0]
    item = tenant.query("BillingItems")[0]
    assert (item["contractServicePeriodID"], item["contractServiceID"], item["id"]) == (
        row["id"],
        LINE,
        made[0],
    )
    assert row["approveAndPostDate"] == item["postedOnTime"] == "2026-03-10T15:00:00Z"


def test_posting_twice_bills_once(tenant: Tenant) -> None:
    """What is posted is not posted again."""
    tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))
    assert tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10")) == []


def test_an_adjustment_is_an_item_of_its_own(tenant: Tenant) -> None:
    """A period posts with its first quantity, an adjustment inside it prorated by days."""
    tenant.adjust("2026-03-01", 4)
    tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))
    assert items(tenant)[1:] == [
        ("2026-02-15", "10.0000", "125.0000", False),
        ("2026-03-01", "4.0000", "25.0000", True),
    ]
    assert (
        tenant.query("BillingItems")[-1]["contractServiceAdjustmentID"]
        == tenant.api.postings[0].adjustment_id
    )


def test_amounts_have_two_decimals_once_posted() -> None:
    """Units times rate has four until then; a system setting keeps them."""
    for decimals, amount, cost in (("2", "8.9300", "5.0000"), ("4", "8.9286", "5.0000")):
        tenant = Tenant(posted_decimals=decimals)
        tenant.adjust("2026-03-10", 4)  # 5 of the period's 28 days
        tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))
        item = tenant.query("BillingItems")[-1]
        assert (str(item["extendedPrice"]), str(item["totalAmount"]), str(item["ourCost"])) == (
            amount,
            amount,
            cost,
        )
        assert str(item["rate"]) == "12.5000"


@pytest.mark.parametrize(("switch", "same"), [("set", True), ("null", False)])
def test_the_items_of_a_period_share_its_id(switch: str, same: bool) -> None:
    """An adjustment's item names the period that it falls into, unless the tenant says otherwise."""
    tenant = Tenant(adjustment_period=switch)
    tenant.adjust("2026-03-01", 4)
    tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))
    period, adjustment = tenant.query("BillingItems")[1:]
    assert period["contractServicePeriodID"] is not None
    assert (adjustment["contractServicePeriodID"] == period["contractServicePeriodID"]) is same


def test_what_a_person_bills_belongs_to_no_line(tenant: Tenant) -> None:
    """A charge or a credit note stands among the items, without a service."""
    number = tenant.control.person_bills(CONTRACT, ordinal("2026-03-01"), "Goodwill", -1, "20.25")
    [item] = tenant.query("BillingItems")
    assert (item["id"], item["contractID"], item["contractServiceID"]) == (number, CONTRACT, None)
    assert (str(item["quantity"]), str(item["extendedPrice"])) == ("-1.0000", "-20.2500")


def test_a_late_adjustment_posts_with_the_next_run(tenant: Tenant) -> None:
    """An adjustment inside a posted period leaves its row unposted until the next act, which bills it for later periods too."""
    tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-15"))
    tenant.adjust("2026-03-01", -4)
    assert ("2026-03-01", False) in posted(tenant)
    assert ("2026-02-15", True) in posted(tenant)
    tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-15"))
    assert items(tenant)[3:] == [
        ("2026-03-01", "-4.0000", "-25.0000", True),
        ("2026-03-15", "-4.0000", "-50.0000", True),
    ]
    assert ("2026-03-01", True) in posted(tenant)


def test_only_the_web_service_date_of_an_item_can_be_written(tenant: Tenant) -> None:
    """WebServiceDate is the marker for other systems."""
    number = tenant.control.approve_and_post(CONTRACT, ordinal("2026-03-10"))[0]
    change = {"id": number, "webServiceDate": "2026-03-11T00:00:00Z", "rate": 0}
    assert tenant.send("PATCH", "BillingItems", change).status == 200
    item = tenant.send("GET", f"BillingItems/{number}").json()["item"]
    assert (item["webServiceDate"], str(item["rate"])) == ("2026-03-11T00:00:00Z", "12.5000")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 360), st.integers(-5, 5), st.booleans()), max_size=10),
    st.lists(st.integers(0, 364), max_size=4),
)
def test_what_is_billed_in_the_end_is_what_the_rows_say(
    changes: list[tuple[int, int, bool]], runs: list[int]
) -> None:
    """However adjustments and runs alternate, all items together equal the prorated rows to rounding."""
    model = load_scenario(SCENARIO, NOW)
    model.switches.same_day = "sum"
    start = ordinal("2026-01-15")
    for index, (offset, delta, priced) in enumerate(changes):
        if index < len(runs):
            model.approve_and_post(CONTRACT, start + runs[index])
        try:
            model.adjust(
                day=start + offset, delta=delta, line_id=LINE, price=130_000 if priced and not runs else None
            )
        except Refused:
            continue
    model.approve_and_post(CONTRACT, ordinal("2027-01-14"))
    billed = sum(record.values["extendedPrice"] for record in model.tables["BillingItems"].values())
    rows = sum(row.values["price"] for row in model.lines[LINE].rows())
    items = len(model.tables["BillingItems"])
    assert abs(Decimal(billed - rows)) <= 60 + len(changes) * 30 + 50 * items  # half a cent each
    assert all(row.values["approveAndPostDate"] is not None for row in model.lines[LINE].rows())
