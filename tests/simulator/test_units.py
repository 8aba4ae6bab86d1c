"""Unit rows: periods counted from the contract's start, cut at adjustments, extended prices, ids that change on a split."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask import load_scenario
from local.autotask.rules import Model, Refused
from local.autotask.schema import ENTITIES
from local.autotask.values import ms_day, period_starts
from tests.simulator.tenant import CONTRACT, LINE, NOW, SCENARIO, Tenant, ordinal


def scenario(start: str, end: str, period: int = 2, **line: Any) -> dict[str, Any]:
    """One contract with one line."""
    contract = {
        "id": 1,
        "companyID": 600,
        "contractName": "C",
        "contractPeriodType": period,
        "startDate": start,
        "endDate": end,
        "lines": [{"id": LINE, "serviceID": 45, **line}],
    }
    return {**SCENARIO, "contracts": [contract]}


def test_one_row_per_period_past_and_future(tenant: Tenant) -> None:
    """A line has one row for every period of its contract, future ones too, each ending the day before the next."""
    rows = tenant.units()
    assert rows[0] == ("2026-01-15", "2026-02-14", 10)
    assert rows[1] == ("2026-02-15", "2026-03-14", 10)
    assert rows[-1] == ("2026-12-15", "2027-01-14", 10)
    assert len(rows) == 12


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        (2, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (3, ["2026-01-31", "2026-04-30", "2026-07-31", "2026-10-31"]),
        (4, ["2026-01-31", "2026-07-31", "2027-01-31", "2027-07-31"]),
        (5, ["2026-01-31", "2027-01-31", "2028-01-31", "2029-01-31"]),
    ],
)
def test_periods_step_from_the_start_day_and_clamp_to_the_end_of_the_month(
    period: int, starts: list[str]
) -> None:
    """Monthly, quarterly, semi-annual and yearly periods keep the contract's day of month."""
    tenant = Tenant(scenario("2026-01-31", "2035-01-30", period, units=1))
    assert [row[0] for row in tenant.units()][:4] == starts


def test_the_contract_end_caps_the_last_row() -> None:
    """The last row ends with the contract, not with its period, and is priced by its days."""
    tenant = Tenant(scenario("2026-01-01", "2026-02-14", units=2))
    assert tenant.units()[-1] == ("2026-02-01", "2026-02-14", 2)
    row = tenant.query("ContractServiceUnits")[-1]
    assert row["price"] == Decimal("12.5000")


def test_an_adjustment_inside_a_period_splits_its_row(tenant: Tenant) -> None:
    """The row ends the day before the effective date, and later periods carry the new quantity."""
    assert tenant.adjust("2026-03-01", 3).status == 200
    rows = tenant.units()
    assert rows[1:4] == [
        ("2026-02-15", "2026-02-28", 10),
        ("2026-03-01", "2026-03-14", 13),
        ("2026-03-15", "2026-04-14", 13),
    ]
    assert rows[-1][2] == 13


def test_an_adjustment_on_a_boundary_splits_nothing(tenant: Tenant) -> None:
    """On the first day of a period the row only changes its quantity."""
    tenant.adjust("2026-03-15", -4)
    assert len(tenant.units()) == 12
    assert tenant.units()[2] == ("2026-03-15", "2026-04-14", 6)


def test_ids_of_split_rows_change_and_others_stay(tenant: Tenant) -> None:
    """A split gives both halves new ids; the answers stay in ascending id order."""
    before = {row["startDate"]: row["id"] for row in tenant.query("ContractServiceUnits")}
    tenant.adjust("2026-03-01", 3)
    rows = tenant.query("ContractServiceUnits")
    after = {row["startDate"]: row["id"] for row in rows}
    assert after["2026-02-15T00:00:00Z"] not in before.values()
    assert after["2026-03-01T00:00:00Z"] not in before.values()
    assert after["2026-01-15T00:00:00Z"] == before["2026-01-15T00:00:00Z"]
    assert after["2026-03-15T00:00:00Z"] == before["2026-03-15T00:00:00Z"]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_price_and_cost_are_extended_and_carry_four_decimals(tenant: Tenant) -> None:
    """Price is units × rate; JSON shows four decimals."""
    row = tenant.query("ContractServiceUnits")[0]
    assert (str(row["price"]), str(row["cost"])) == ("125.0000", "70.0000")
    assert row["internalCurrencyPrice"] == row["price"]
    assert row["approveAndPostDate"] is None


@pytest.mark.parametrize(("style", "expected"), [("prorated", "81.2500"), ("full", "162.5000")])
def test_price_of_a_split_row(style: str, expected: str) -> None:
    """A split row's price is prorated by days or full, as the switch says."""
    tenant = Tenant(split_row_price=style)
    tenant.adjust("2026-03-01", 3)
    row = next(
        row for row in tenant.query("ContractServiceUnits") if row["startDate"].startswith("2026-03-01")
    )
    assert str(row["price"]) == expected


@pytest.mark.parametrize(("style", "count"), [("row", 12), ("no_row", 2)])
def test_zero_quantity(style: str, count: int) -> None:
    """A line at zero has rows with units 0, or no rows, as the switch says."""
    tenant = Tenant(zero_quantity=style)
    tenant.adjust("2026-03-15", -10)
    assert len(tenant.units()) == count
    assert tenant.held("2026-03-15") == 0


def test_a_line_without_adjustments_has_no_rows(tenant: Tenant) -> None:
    """POST /Contracts/{id}/Services creates the line only."""
    reply = tenant.send("POST", f"Contracts/{CONTRACT}/Services", {"contractID": CONTRACT, "serviceID": 46})
    line = reply.json()["itemId"]
    assert tenant.units(line) == []
    tenant.adjust("2026-03-20", 2, contractServiceID=line)
    assert tenant.units(line)[0] == ("2026-03-20", "2026-04-14", 2)


def test_costs_are_zero_without_the_permission() -> None:
    """Without cost visibility every cost reads as 0."""
    tenant = Tenant(cost_visible=False)
    assert {row["cost"] for row in tenant.query("ContractServiceUnits")} == {Decimal(0)}
    assert tenant.query("ContractServices")[0]["unitCost"] == 0


@pytest.mark.parametrize("reads", [1, 3])
def test_stale_reads_show_the_state_before_the_write(reads: int) -> None:
    """After a write the next reads of the contract's units are stale, then right."""
    tenant = Tenant(stale_reads=reads)
    tenant.adjust("2026-03-15", 5)
    for _ in range(reads):
        assert tenant.units()[-1][2] == 10
    assert tenant.units()[-1][2] == 15


def test_a_new_line_is_hidden_from_stale_reads() -> None:
    """A stale read of ContractServices does not show a line that was just created."""
    tenant = Tenant(stale_reads=1)
    tenant.adjust("2026-03-15", 5, serviceID=46)
    assert [line["serviceID"] for line in tenant.query("ContractServices")] == [45]
    assert [line["serviceID"] for line in tenant.query("ContractServices")] == [45, 46]


@settings(deadline=None)
@given(
    start=st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    length=st.integers(0, 800),
    period=st.sampled_from([2, 3, 4, 5]),
    changes=st.lists(st.tuples(st.integers(0, 800), st.integers(-9, 9)), max_size=12),
    extension=st.integers(0, 400),
)
def test_rows_tile_the_days_and_sum_the_deltas(
    start: date, length: int, period: int, changes: list[tuple[int, int]], extension: int
) -> None:
    """Rows cover every day of the contract once with the sum of the deltas, before and after an extension."""
    end = start + timedelta(days=length)
    model = load_scenario(scenario(start.isoformat(), end.isoformat(), period, units=5), NOW)
    model.switches.same_day = "sum"
    deltas = {start.toordinal(): 5}
    for offset, delta in changes:
        day = start.toordinal() + min(offset, length)
        try:
            model.adjust(day=day, delta=delta, line_id=LINE)
        except Refused:
            totals = [
                sum(d for when, d in deltas.items() if when <= at) + delta
                for at in (day, *(x for x in deltas if x > day))
            ]
            assert min(totals) < 0
            continue
        deltas[day] = deltas.get(day, 0) + delta
    check_tiles(model, start.toordinal(), end.toordinal(), deltas)
    longer = end + timedelta(days=extension)
    changes_now = {"id": 1, "endDate": model.contracts[1].values["endDate"] + extension * 86_400_000}
    model.update(ENTITIES["contracts"], 1, changes_now, full=False)
    check_tiles(model, start.toordinal(), longer.toordinal(), deltas)


def check_tiles(model: Model, start: int, end: int, deltas: dict[int, int]) -> None:
    """No gap, no overlap, each day's units equal the deltas up to it, and no row crosses a period's boundary."""
    rows = [row.values for row in model.lines[LINE].rows()]
    expected, units = start, 0
    months = {2: 1, 3: 3, 4: 6, 5: 12}[model.contracts[1].values["contractPeriodType"]]
    boundaries = set(period_starts(start, end, months))
    for row in rows:
        first, last = ms_day(row["startDate"]), ms_day(row["endDate"])
        assert first == expected
        assert first <= last
        assert first in boundaries or first in deltas
        assert not any(first < boundary <= last for boundary in boundaries)
        for day in range(first, last + 1):
            units += deltas.get(day, 0)
            assert row["units"] == units == model.units_on(LINE, day)
        expected = last + 1
    assert expected == end + 1
    assert len({row["id"] for row in rows}) == len(rows)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from([1, 3, 6, 12]))
def test_period_starts_keep_the_day_of_month(start: date, months: int) -> None:
    """Every period starts on the contract's day, or on the month's last day where there is no such day."""
    for number in period_starts(start.toordinal(), start.toordinal() + 2000, months):
        first = date.fromordinal(number)
        assert first.day == min(start.day, calendar.monthrange(first.year, first.month)[1])


def test_timeline_is_cut_to_the_range_asked_for(tenant: Tenant) -> None:
    """The ground truth of a range starts with what is held on its first day."""
    tenant.adjust("2026-04-01", 2)
    steps = tenant.control.timeline(LINE, ordinal("2026-03-01"), ordinal("2026-04-30"))
    assert steps == [{"from": "2026-03-01", "units": 10}, {"from": "2026-04-01", "units": 12}]
