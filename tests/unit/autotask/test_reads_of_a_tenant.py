"""The client's reads against the simulator, which shares no code with it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.world import ADV, COMPANY, CONTRACT, SCENARIO, World
from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import Access, BillingItem, Permissions, RecordKind

FIRST = date(2026, 3, 1)


@pytest.fixture
def world() -> World:
    """25 seats and a gateway, three seats more from 15 March on."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 28}, effective=datetime(2026, 3, 15, 9, tzinfo=ZoneInfo("UTC")))
    world.work()
    world.pass_time(minutes=1)
    return world


def billed(world: World) -> list[BillingItem]:
    """The items of the seats in March."""
    items = world.ports.autotask().billing_items([CONTRACT], FIRST)
    return [item for item in items if item.service_id == 45 and item.day.month == 3]


def test_nothing_is_billed_before_approve_and_post(world: World) -> None:
    """Billing items come into being by a person's act."""
    assert world.ports.autotask().billing_items([CONTRACT]) == []


def test_what_is_billed_is_explained_by_rows_and_adjustments(world: World) -> None:
    """The period with its first quantity, and our adjustment inside it, prorated; both name the line."""
    world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    period, adjustment = billed(world)
    assert (period.day, period.quantity, period.rate, period.amount) == (
        FIRST,
        Decimal(25),
        Decimal("12.5"),
        Decimal("312.5"),
    )
    assert (adjustment.day, adjustment.quantity) == (date(2026, 3, 15), Decimal(3))
    assert adjustment.amount == Decimal("20.56")  # 3 × 12.50 × 17 of 31 days, two decimals once posted
    assert period.contract_service_id == adjustment.contract_service_id == 1201
    assert (period.adjustment_id is None, adjustment.adjustment_id is None) == (True, False)
    assert {item.posted_on for item in (period, adjustment)} == {date(2026, 3, 15)}
    assert {item.company_id for item in (period, adjustment)} == {COMPANY}


def test_what_a_person_billed_belongs_to_no_line(world: World) -> None:
    """A credit note has no contract service."""
    world.control.person_bills(CONTRACT, date(2026, 3, 20).toordinal(), "Goodwill", -1, "20.25")
    [item] = world.ports.autotask().billing_items([CONTRACT])
    assert (item.contract_service_id, item.name, item.amount) == (None, "Goodwill", Decimal("-20.25"))


def test_costs_are_shown_to_who_may_see_them() -> None:
    """Without the permission they read as 0, which is not the same as none."""
    scenario = {**SCENARIO, "services": [{**one, "unitCost": 7} for one in SCENARIO["services"]]}
    world = World(scenario=scenario)
    autotask = world.ports.autotask()
    assert {line.unit_cost for line in autotask.contract_services(CONTRACT)} == {Decimal(7)}
    world.control.set_switches({"cost_visible": False})
    assert {line.unit_cost for line in autotask.contract_services(CONTRACT)} == {Decimal(0)}


def test_active_companies_with_their_own_fields() -> None:
    """Those of the partner's own making included."""
    scenario = {
        **SCENARIO,
        "udfs": {"Companies": ["Timus Customer"]},
        "companies": [
            {**SCENARIO["companies"][0], "userDefinedFields": {"Timus Customer": "cus_1"}},
            {
                **SCENARIO["companies"][0],
                "id": 700,
                "companyNumber": "C-700",
                "webAddress": "fabrikam.example",
            },
            {**SCENARIO["companies"][0], "id": 701, "isActive": False},
        ],
    }
    found = {one.id: one for one in World(scenario=scenario).ports.autotask().active_companies()}
    assert found.keys() == {COMPANY, 700}
    assert found[COMPANY].user_defined == {"Timus Customer": "cus_1"}
    assert (found[700].number, found[700].web_address) == ("C-700", "fabrikam.example")


@pytest.mark.parametrize("kind", RecordKind)
def test_permissions_of_a_full_user(kind: RecordKind) -> None:
    """The default security level allows what Autotask offers."""
    found = World().ports.autotask().permissions(kind)
    assert found.read is (Access.NONE if kind is RecordKind.ADJUSTMENTS else Access.ALL)
    assert (found.create is Access.ALL) == (
        kind
        in {
            RecordKind.COMPANIES,
            RecordKind.CONTRACTS,
            RecordKind.CONTRACT_SERVICES,
            RecordKind.ADJUSTMENTS,
            RecordKind.SERVICES,
            RecordKind.BILLING_RULES,
            RecordKind.CONTRACT_NOTES,
            RecordKind.TICKETS,
        }
    )


def test_permissions_that_are_missing() -> None:
    """They are told without trying, and what is tried is refused."""
    world = World()
    world.control.set_switches({"denied": ["BillingItems", "ContractServiceAdjustments create"]})
    autotask = world.ports.autotask()
    none = Permissions(Access.NONE, Access.NONE, Access.NONE)
    assert autotask.permissions(RecordKind.BILLING_ITEMS) == none
    assert autotask.permissions(RecordKind.ADJUSTMENTS) == none
    assert autotask.permissions(RecordKind.CONTRACTS).read is Access.ALL
    with pytest.raises(Refused, match="adequate permissions"):
        autotask.billing_items([CONTRACT])
