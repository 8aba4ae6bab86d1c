"""Reading Autotask's records: strictly."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.autotask.entities import (
    BILLING_ITEMS,
    COMPANIES,
    COMPANIES_IN_FULL,
    CONTRACT_SERVICES,
    CONTRACTS,
    NAMES,
    SERVICES,
    UNITS,
    Entity,
    NotAsPublished,
    contract_fields,
    parse_day,
    parse_permissions,
    parse_threshold,
)
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.policy import RenewalLink
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.ports.psa import (
    Access,
    BillingItem,
    Company,
    ContractService,
    Permissions,
    RecordKind,
    Service,
    Threshold,
    UnitRow,
)

COMPANY = {
    "id": 612,
    "companyName": "Acme",
    "isActive": True,
    "companyNumber": "C-612",
    "webAddress": "https://acme.example",
}
CONTRACT = {
    "id": 5,
    "companyID": 612,
    "contractName": "SASE",
    "contractType": 7,
    "status": 1,
    "startDate": "2026-01-01T00:00:00Z",
    "endDate": "2026-12-31T00:00:00",
    "contractPeriodType": 2,
    "contractNumber": "timus-cus_41d0",
}
SERVICE = {
    "id": 45,
    "name": "Seat",
    "sku": "S1",
    "isActive": True,
    "periodType": 2,
    "unitPrice": Decimal("23.10"),
}
LINE = {
    "id": 1201,
    "contractID": 5,
    "serviceID": 45,
    "unitPrice": Decimal("23.10"),
    "unitCost": Decimal("12.00"),
    "internalCurrencyUnitPrice": Decimal("25.00"),
}
BILLING_ITEM = {
    "id": 26102,
    "companyID": 612,
    "contractID": 5,
    "contractServiceID": 1201,
    "serviceID": 45,
    "contractServiceAdjustmentID": 5501,
    "itemName": "Seat",
    "itemDate": "2026-03-16T00:00:00Z",
    "postedDate": "2026-03-31T00:00:00Z",
    "quantity": Decimal("3.0000"),
    "rate": Decimal("23.1000"),
    "extendedPrice": Decimal("37.2600"),
    "ourCost": Decimal("18.5800"),
    "nonBillable": 0,
    "invoiceID": 0,
}
INFORMATION = {
    "name": "Company",
    "canCreate": True,
    "canDelete": False,
    "canQuery": True,
    "canUpdate": True,
    "userAccessForCreate": "All",
    "userAccessForDelete": "None",
    "userAccessForQuery": "Restricted",
    "userAccessForUpdate": "None",
}
UNIT_ROW = {
    "id": 900,
    "contractID": 5,
    "serviceID": 45,
    "contractServiceID": 1201,
    "startDate": "2026-03-01T00:00:00Z",
    "endDate": "2026-03-31T00:00:00Z",
    "units": 11,
    "price": Decimal("254.10"),
    "approveAndPostDate": None,
}
ROWS: list[tuple[Entity[Any], dict[str, Any]]] = [
    (COMPANIES, COMPANY),
    (CONTRACTS, CONTRACT),
    (SERVICES, SERVICE),
    (CONTRACT_SERVICES, LINE),
    (UNITS, UNIT_ROW),
    (BILLING_ITEMS, BILLING_ITEM),
]
JSON: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text()
    | st.lists(st.integers())
    | st.just({})
)


def test_records_as_published() -> None:
    """Every field arrives where it belongs."""
    assert COMPANIES.parse(COMPANY) == Company(612, "Acme", True, "C-612", "https://acme.example")
    contract = Contract(5, 612, True, True, date(2026, 1, 1), date(2026, 12, 31), 1, "SASE", "timus-cus_41d0")
    assert CONTRACTS.parse(CONTRACT) == contract
    assert SERVICES.parse(SERVICE) == Service(45, "Seat", "S1", True, 1, Decimal("23.10"))
    assert CONTRACT_SERVICES.parse(LINE) == ContractService(
        1201, 5, 45, Decimal("23.10"), Decimal("12.00"), Decimal("25.00")
    )
    row = UnitRow(5, 45, 1201, date(2026, 3, 1), date(2026, 3, 31), 11, Decimal("254.10"), None)
    assert UNITS.parse(UNIT_ROW) == row
    item = BillingItem(
        id=26102,
        company_id=612,
        contract_id=5,
        contract_service_id=1201,
        service_id=45,
        adjustment_id=5501,
        name="Seat",
        day=date(2026, 3, 16),
        posted_on=date(2026, 3, 31),
        quantity=Decimal(3),
        rate=Decimal("23.10"),
        amount=Decimal("37.26"),
        cost=Decimal("18.58"),
        is_billable=True,
        invoice_id=None,
    )
    assert BILLING_ITEMS.parse(BILLING_ITEM) == item
    assert BILLING_ITEMS.parse({**BILLING_ITEM, "invoiceID": 7, "nonBillable": 1}) == replace(
        item, invoice_id=7, is_billable=False
    )


@pytest.mark.parametrize(("entity", "row"), ROWS)
def test_a_missing_field_is_null_or_unreadable(entity: Entity[Any], row: dict[str, Any]) -> None:
    """What may be null may be left out; of anything else that does not come nothing is concluded."""
    assert set(entity.fields) == set(row)
    for name in set(row) - ({"id"} if entity is UNITS else set()):
        without = {key: value for key, value in row.items() if key != name}
        try:
            null = entity.parse({**row, name: None})
        except NotAsPublished:
            with pytest.raises(NotAsPublished, match=f"^{name} is missing$"):
                entity.parse(without)
        else:
            assert entity.parse(without) == null


@pytest.mark.parametrize(
    ("entity", "row", "name", "values"),
    [
        (UNITS, UNIT_ROW, "units", [None, "11", Decimal(11), 11.0, True, [11]]),
        (UNITS, UNIT_ROW, "contractID", [None, "5", False]),
        (
            UNITS,
            UNIT_ROW,
            "startDate",
            [None, "", 20260301, "2026-02-30", "01.03.2026", "2026-03-01T00:00:00+01:00"],
        ),
        (UNITS, UNIT_ROW, "price", ["254.10", 254.1, True]),
        (UNITS, UNIT_ROW, "approveAndPostDate", [0, False, "no"]),
        (CONTRACTS, CONTRACT, "contractType", [None, "7"]),
        (CONTRACTS, CONTRACT, "contractPeriodType", ["m", "", True]),
        (CONTRACTS, CONTRACT, "contractName", [7, True, []]),
        (SERVICES, SERVICE, "unitPrice", [None, "1", 1.5]),
        (SERVICES, SERVICE, "isActive", [1, 0, "true", ""]),
        (CONTRACT_SERVICES, LINE, "unitPrice", ["1", 1.5]),
    ],
)
def test_ill_typed_fields(entity: Entity[Any], row: dict[str, Any], name: str, values: list[Any]) -> None:
    """A value of another type is not guessed at; the message shows it."""
    for value in values:
        with pytest.raises(NotAsPublished) as raised:
            entity.parse({**row, name: value})
        assert str(raised.value) == f"{name} is {value!r}"


def test_ill_typed_values_are_shown_in_short() -> None:
    """A message stays readable whatever came."""
    with pytest.raises(NotAsPublished) as raised:
        UNITS.parse({**UNIT_ROW, "units": "x" * 1000})
    assert len(str(raised.value)) == len("units is ") + 100


@given(data=st.data())
def test_any_json_is_read_or_unreadable(data: st.DataObject) -> None:
    """No value of any field can break the reader."""
    entity, row = data.draw(st.sampled_from(ROWS))
    changed = {**row, data.draw(st.sampled_from(sorted(row))): data.draw(JSON)}
    with suppress(NotAsPublished):
        entity.parse(changed)


def test_empty_text_equals_null() -> None:
    """Autotask gives either for a text that is not set."""
    for empty in (None, ""):
        assert SERVICES.parse({**SERVICE, "sku": empty}).sku == ""
        assert UNITS.parse({**UNIT_ROW, "approveAndPostDate": empty}).posted is False


def test_null_is_no_flag() -> None:
    """A flag that was never set is off."""
    assert SERVICES.parse({**SERVICE, "isActive": None}).is_active is False
    assert SERVICES.parse({**SERVICE, "isActive": False}).is_active is False


def test_whole_money_is_decimal() -> None:
    """JSON does not tell 250 from 250.0; money is one type."""
    price = UNITS.parse({**UNIT_ROW, "price": 250}).price
    assert (price, type(price)) == (Decimal(250), Decimal)


def test_hidden_prices_are_none() -> None:
    """Units stay readable when a security level hides prices."""
    assert UNITS.parse({**UNIT_ROW, "price": None}).price is None
    assert CONTRACT_SERVICES.parse({**LINE, "unitPrice": None}).unit_price is None


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, {}),
        ([], {}),
        ([{"name": "Timus Customer", "value": "cus_1"}], {"Timus Customer": "cus_1"}),
        ([{"name": "Unset", "value": None}, {"name": "Empty", "value": ""}], {}),
        (
            [{"name": "Balance", "value": Decimal("23.45")}, {"name": "Seats", "value": 5}],
            {"Balance": "23.45", "Seats": "5"},
        ),
    ],
)
def test_user_defined_fields(given: Any, read: dict[str, str]) -> None:
    """Those that are set, as text; Autotask leaves the list out where no record has any."""
    assert COMPANIES_IN_FULL.parse({**COMPANY, "userDefinedFields": given}).user_defined == read


@pytest.mark.parametrize(
    "given",
    [
        {},
        "x",
        ["x"],
        [{"name": 5, "value": "x"}],
        [{"name": "x", "value": []}],
        [{"name": "x", "value": True}],
    ],
)
def test_user_defined_fields_of_another_shape(given: Any) -> None:
    """They are not guessed at."""
    with pytest.raises(NotAsPublished):
        COMPANIES_IN_FULL.parse({**COMPANY, "userDefinedFields": given})


def test_permissions() -> None:
    """Numbers, as documented, and names, as seen; what nobody can do with an entity, the user may not."""
    told = Permissions(Access.RESTRICTED, Access.ALL, Access.NONE)
    assert parse_permissions(INFORMATION) == told
    numbers = {"userAccessForCreate": 1, "userAccessForQuery": 2, "userAccessForUpdate": 0}
    assert parse_permissions({**INFORMATION, **numbers}) == told
    assert parse_permissions({**INFORMATION, "canQuery": False}).read is Access.NONE


@pytest.mark.parametrize(
    "name", ["userAccessForQuery", "userAccessForCreate", "userAccessForUpdate", "canQuery"]
)
@pytest.mark.parametrize("value", ["Some", "all", 3, -1, Decimal(1), [], {}])
def test_permissions_of_another_shape(name: str, value: Any) -> None:
    """Nobody is told that he may what nobody knows."""
    with pytest.raises(NotAsPublished):
        parse_permissions({**INFORMATION, name: value})
    if name != "canQuery":
        with pytest.raises(NotAsPublished):
            parse_permissions({**INFORMATION, name: None})


def test_every_kind_of_record_has_a_name() -> None:
    """A kind that could not be asked for is of no use."""
    assert set(NAMES) == set(RecordKind)


def test_posted_rows() -> None:
    """A row is posted once a person approved it, on the day that Autotask tells."""
    row = UNITS.parse({**UNIT_ROW, "approveAndPostDate": "2026-04-02T08:52:54.023Z"})
    assert (row.posted, row.posted_on) == (True, date(2026, 4, 2))


def test_contracts_of_other_kinds() -> None:
    """Only type 7 is a recurring service contract; others have no billing period; only status 1 is active."""
    contract = CONTRACTS.parse(CONTRACT)
    assert contract.recurring
    assert contract.active
    other = CONTRACTS.parse({**CONTRACT, "contractType": 1, "status": 0, "contractPeriodType": None})
    assert not other.recurring
    assert not other.active


@pytest.mark.parametrize(("period_type", "months"), [(2, 1), (3, 3), (4, 6), (5, 12), (None, 1), (99, 1)])
def test_billing_periods_are_months(period_type: int | None, months: int) -> None:
    """Autotask's picklist becomes months; a period that is not known is taken for the shortest."""
    assert CONTRACTS.parse({**CONTRACT, "contractPeriodType": period_type}).months == months


def test_a_new_contract_in_autotasks_fields() -> None:
    """The smallest body that creates a contract; what nobody has chosen is left out."""
    new = NewContract("timus-cus_41d0", 612, "SASE", date(2026, 1, 1), date(2026, 12, 31), 3)
    least = {
        "companyID": 612,
        "contractName": "SASE",
        "contractNumber": "timus-cus_41d0",
        "contractType": 7,
        "status": 1,
        "startDate": date(2026, 1, 1),
        "endDate": date(2026, 12, 31),
        "contractPeriodType": 3,
        "timeReportingRequiresStartAndStopTimes": 0,
        "setupFee": 0,
    }
    assert contract_fields(new) == least
    chosen = replace(new, category=13, organizational_level=8, renews=4, link=RenewalLink.NEW_NAMES_OLD)
    assert contract_fields(chosen) == {
        **least,
        "contractCategory": 13,
        "organizationalLevelAssociationID": 8,
        "renewedContractID": 4,
    }
    assert contract_fields(replace(new, renews=4, link=RenewalLink.OLD_NAMES_NEW)) == least


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-03-01T00:00:00Z",
        "2026-03-01T00:00:00.000Z",
        "2026-03-01T00:00:00+00:00",
        "2026-03-01T23:59:59.9",
    ],
)
def test_days_in_every_form(text: str) -> None:
    """The date stands as written, with or without time and Z: Autotask does not convert date-only fields."""
    assert parse_day(text) == date(2026, 3, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-3-1",
        "2026-03-01Z",
        "2026-03-01 00:00:00",
        "x2026-03-01",
        "2026-03-01T00:00:00Zx",
        "2026-13-01",
    ],
)
def test_other_texts_are_no_days(text: str) -> None:
    """A day is not guessed."""
    assert parse_day(text) is None


def test_threshold() -> None:
    """Limit, window and use of the allowance, or unreadable."""
    answer = {
        "externalRequestThreshold": 10000,
        "requestThresholdTimeframe": 60,
        "currentTimeframeRequestCount": 1234,
    }
    assert parse_threshold(answer) == Threshold(limit=10000, window_minutes=60, used=1234)
    with pytest.raises(NotAsPublished, match=r"^currentTimeframeRequestCount is None$"):
        parse_threshold({**answer, "currentTimeframeRequestCount": None})
