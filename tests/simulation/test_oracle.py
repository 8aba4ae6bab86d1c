"""The oracle's own rules, where the stories do not bring them about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from tests.simulation.oracle import HEARD_SECONDS, Oracle
from tests.simulation.scheduler import SECOND, micros
from tests.simulation.story import SERVICES, ContractPlan, Said
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing

ADV, CONTRACT, COMPANY = "SASE-ADV-USER", 29683949, 600
DAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 15, 9, tzinfo=UTC)


def a_world(terms: dict[str, str] | None = None, **more: Any) -> SimpleNamespace:
    """As much of a world as the oracle asks for here."""
    plan = ContractPlan(CONTRACT, COMPANY, date(2026, 1, 1), date(2026, 12, 31))
    clients = [
        SimpleNamespace(id=f"cus_{n}", terms={}, contract=CONTRACT, gateway_contract=None) for n in (1, 2)
    ]
    story = SimpleNamespace(
        terms=terms or {}, contracts=[plan], clients=clients, hidden_skus=(), switches={}, families=False
    )
    return SimpleNamespace(
        scheduler=SimpleNamespace(now=micros(NOW)),
        clock=SimpleNamespace(now=lambda: NOW),
        calls=SimpleNamespace(told=None),
        zone=ZoneInfo("UTC"),
        story=story,
        **more,
    )


@pytest.mark.parametrize(("others_company", "promise"), [(COMPANY, []), (699, ["I4"])])
def test_a_line_with_seats_of_another_companys_customer_takes_no_post(
    others_company: int, promise: list[str]
) -> None:
    """It is not enough that somebody on the contract is its company's (promise I4)."""
    world = a_world()
    oracle = Oracle(cast("Any", world), own_promises=False)
    for customer, company in (("cus_1", COMPANY), ("cus_2", others_company)):
        oracle.mapped(CustomerMapping(customer, (Routing((Route(company, CONTRACT),)),)))
        said = Said(f"sub_{customer}", customer, 1, DAY, NOW, {ADV: 3})
        oracle.said(said)
        oracle.answered(said, b"", None)
    line = CONTRACT, SERVICES[ADV]
    oracle._check_companies(line)
    assert oracle.violations == []  # who posts may not know of it yet
    world.scheduler.now += (HEARD_SECONDS + 1) * SECOND
    oracle._check_companies(line)
    assert [one.promise for one in oracle.violations] == promise


@pytest.mark.parametrize(("terms", "promises"), [({"increases": "start-of-next-period"}, []), ({}, ["I2"])])
def test_a_day_may_be_raised_before_a_decrease_also_where_the_terms_choose_the_days(
    terms: dict[str, str], promises: list[str]
) -> None:
    """Seats end tomorrow and would be billed from next month: none of them is, and the four of before end a day earlier than thought."""
    eve, line = DAY - timedelta(days=1), (CONTRACT, SERVICES[ADV])
    units = {eve.toordinal(): 4, DAY.toordinal(): 4}
    found = SimpleNamespace(units_on=units.get)
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
