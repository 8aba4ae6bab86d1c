"""The oracle's own rules, where the stories do not bring them about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from tests.simulation.oracle import HEARD_SECONDS, Oracle
from tests.simulation.scheduler import SECOND, micros
from tests.simulation.story import GATEWAY, SERVICES, ContractPlan, Said
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing

ADV, CONTRACT, COMPANY, ANOTHER = "SASE-ADV-USER", 29683949, 600, 699
DAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 15, 9, tzinfo=UTC)


def a_world(terms: dict[str, str] | None = None, **more: Any) -> SimpleNamespace:
    """As much of a world as the oracle asks for here."""
    plan = ContractPlan(CONTRACT, COMPANY, date(2026, 1, 1), date(2026, 12, 31))
    clients = [
        SimpleNamespace(id=f"cus_{n}", terms={}, contract=CONTRACT, gateway_contract=None) for n in (1, 2)
    ]
    story = SimpleNamespace(
        terms=terms or {},
        contracts=[plan],
        clients=clients,
        hidden_skus=(),
        switches={},
        families=False,
        settle=900,
    )
    return SimpleNamespace(
        scheduler=SimpleNamespace(now=micros(NOW)),
        clock=SimpleNamespace(now=lambda: NOW),
        calls=SimpleNamespace(told=None),
        zone=ZoneInfo("UTC"),
        story=story,
        **more,
    )


def mapped(world: SimpleNamespace, *customers: tuple[str, int, str]) -> Oracle:
    """An oracle that knows customers by id, the company of their mapping to the contract, and the SKU of which each has 3."""
    oracle = Oracle(cast("Any", world), own_promises=False)
    for customer, company, sku in customers:
        oracle.mapped(CustomerMapping(customer, (Routing((Route(company, CONTRACT),)),)))
        said = Said(f"sub_{customer}", customer, 1, DAY, NOW, {sku: 3})
        oracle.said(said)
        oracle.answered(said, b"", None)
    return oracle


@pytest.mark.parametrize(("others_company", "promise"), [(COMPANY, []), (ANOTHER, ["I4"])])
def test_a_line_with_seats_of_another_companys_customer_takes_no_post(
    others_company: int, promise: list[str]
) -> None:
    """It is not enough that somebody on the contract is its company's (promise I4)."""
    world = a_world()
    oracle = mapped(world, ("cus_1", COMPANY, ADV), ("cus_2", others_company, ADV))
    line = CONTRACT, SERVICES[ADV]
    oracle._check_companies(line)
    assert oracle.violations == []  # who posts may not know of it yet
    world.scheduler.now += (HEARD_SECONDS + 1) * SECOND
    oracle._check_companies(line)
    assert [one.promise for one in oracle.violations] == promise


@pytest.mark.parametrize(
    ("others_company", "others_sku", "may"),
    [(ANOTHER, ADV, True), (ANOTHER, GATEWAY, False), (COMPANY, ADV, False)],
)
def test_only_a_line_that_another_companys_customer_has_a_part_in_may_stay_parked(
    others_company: int, others_sku: str, may: bool
) -> None:
    """A customer who is mapped wrongly holds up the lines that he shares, and no other line of the contract (promise I1)."""
    oracle = mapped(a_world(), ("cus_1", COMPANY, ADV), ("cus_2", others_company, others_sku))
    assert oracle._anothers((CONTRACT, SERVICES[ADV])) is may


@pytest.mark.parametrize(("terms", "promises"), [({"increases": "start-of-next-period"}, []), ({}, ["I2"])])
def test_a_day_may_be_raised_before_a_decrease_also_where_the_terms_choose_the_days(
    terms: dict[str, str], promises: list[str]
) -> None:
    """Seats end tomorrow and would be billed from next month: none of them is, and the four of before end a day earlier than thought."""
    eve, line = DAY - timedelta(days=1), (CONTRACT, SERVICES[ADV])
    units = {eve.toordinal(): 4, DAY.toordinal(): 4}
    found = SimpleNamespace(units_on=units.get, steps=lambda: ([*units], [*units.values()]))
    oracle = Oracle(
        cast("Any", a_world(terms, api=SimpleNamespace(model=SimpleNamespace(find_line=lambda *_: found))))
    )
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    for number, day, ends in ((1, DAY, DAY), (2, eve, DAY + timedelta(days=1))):
        said = Said("sub_1", "cus_1", number, day, NOW, {ADV: 31}, "canceled", ends)
        oracle.said(said)
        oracle.sent(said)
    oracle._committed[line].append((DAY, 4))
    oracle._really_had(line, DAY)
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(("stored", "order"), [(False, [2, 1]), (True, [1, 2])])
def test_a_version_arrives_when_it_is_stored_whatever_was_answered(stored: bool, order: list[int]) -> None:
    """Its first delivery failed; a newer version is stored before it comes again. Whether it came too late is told by the table alone."""
    names = ["INBOX#sub_1-v1~0a"] if stored else []
    oracle = Oracle(cast("Any", a_world(memory=SimpleNamespace(_sort_keys={"CUSTOMER#cus_1": names}))))
    one, two = (Said("sub_1", "cus_1", n, DAY, NOW, {ADV: 3 + n}) for n in (1, 2))
    for said, status in ((one, 503), (two, 202), (one, 202)):
        oracle.said(said)
        if status == 202:
            names.append(f"INBOX#sub_1-v{said.number}~0a")
        oracle.answered(said, b"", status)
    assert oracle._arrived == [("sub_1", number) for number in order]
    late = frozenset({("sub_1", 1)})
    assert (late in oracle._variants(["sub_1"])) is not stored
    assert oracle.violations == []
