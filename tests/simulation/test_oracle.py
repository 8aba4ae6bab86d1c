"""The oracle's own rules, where the stories do not bring them about."""

from __future__ import annotations

from datetime import UTC, date, datetime
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


@pytest.mark.parametrize(("others_company", "promise"), [(COMPANY, []), (699, ["I4"])])
def test_a_line_with_seats_of_another_companys_customer_takes_no_post(
    others_company: int, promise: list[str]
) -> None:
    """It is not enough that somebody on the contract is its company's (promise I4)."""
    plan = ContractPlan(CONTRACT, COMPANY, date(2026, 1, 1), date(2026, 12, 31))
    now = datetime(2026, 3, 15, 9, tzinfo=UTC)
    world = SimpleNamespace(
        scheduler=SimpleNamespace(now=micros(now)),
        clock=SimpleNamespace(now=lambda: now),
        calls=SimpleNamespace(told=None),
        zone=ZoneInfo("UTC"),
        story=SimpleNamespace(terms={}, contracts=[plan], clients=[], hidden_skus=()),
    )
    oracle = Oracle(cast("Any", world), own_promises=False)
    for customer, company in (("cus_1", COMPANY), ("cus_2", others_company)):
        oracle.mapped(CustomerMapping(customer, (Routing((Route(company, CONTRACT),)),)))
        said = Said(f"sub_{customer}", customer, 1, DAY, now, {ADV: 3}, "active", None, date(2026, 12, 31))
        oracle.said(said)
        oracle.answered(said, b"", None)
    line = CONTRACT, SERVICES[ADV]
    oracle._check_companies(line)
    assert oracle.violations == []  # who posts may not know of it yet
    world.scheduler.now += (HEARD_SECONDS + 1) * SECOND
    oracle._check_companies(line)
    assert [one.promise for one in oracle.violations] == promise
