"""What is read of Autotask for many customers: in few calls, each once; and what speaks against a choice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests import tenant
from tests.deployment import deployment_of
from tests.world import CONTRACT, World
from timus_autotask.cli.failure import refusal
from timus_autotask.operate.mapping.catalogue import Catalogue, conflicts, other_currency
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.ports.psa import ContractService

TODAY = date(2026, 3, 15)


def calls(world: World) -> int:
    """Requests of Autotask so far."""
    return world.ports.autotask().calls


def test_a_large_tenant_is_read_in_few_calls() -> None:
    """Two thousand companies, and the contracts, lines, units and services of forty clients."""
    world = World(scenario=tenant.scenario())
    found = Catalogue(deployment_of(world))
    world.ports.autotask().sign_in()
    before = calls(world)
    clients = [tenant.company(number) for number in range(tenant.CLIENTS)]
    assert len(found.active_companies()) == tenant.COMPANIES
    assert calls(world) - before == 4  # a page has 500
    contracts = [one.id for of in found.contracts_of(clients).values() for one in of]
    assert contracts == [tenant.contract(number) for number in range(tenant.CLIENTS)]
    assert found.units(contracts)[9000] == 10
    assert {line.service_id for lines in found.lines(contracts).values() for line in lines} == {45}
    assert [service.id for service in found.active_services()] == [45, 46, 47, 48, 49]
    assert calls(world) - before == 8


def test_nothing_is_asked_twice() -> None:
    """Neither what was found, nor what is not there."""
    world = World()
    found = Catalogue(deployment_of(world))
    asked: list[int] = []
    for _ in range(2):
        assert [*found.companies([600, 1])] == [600]
        assert [*found.contracts([CONTRACT, 1])] == [CONTRACT]
        assert [*found.services([45, 1])] == [45]
        assert [one.id for one in found.contracts_of([600, 1])[600]] == [CONTRACT]
        assert found.contracts_of([600, 1])[1] == []
        assert [line.id for line in found.lines([CONTRACT])[CONTRACT]] == [1201, 1202]
        assert found.units([CONTRACT]) == {1201: 25, 1202: 1}
        assert [one.name for one in found.active_companies().values()] == ["Contoso Dental", "Fabrikam"]
        assert len(found.active_services()) == 3
        asked.append(calls(world))
    assert asked[0] == asked[1]


def test_autotask_that_cannot_be_asked_is_said_so() -> None:
    """With what can be done without it."""
    world = World()
    world.secrets.replace_credentials(None)
    with pytest.raises(NotDone, match="no Autotask credentials yet") as refused:
        Catalogue(deployment_of(world), Way.UNASKED_BY_ID).active_companies()
    assert refused.value.ways == (Way.SET_CREDENTIALS, Way.UNASKED_BY_ID)
    assert "Set an API user with: timus-autotask credentials set. Or say it by id:" in refusal(refused.value)


def test_what_speaks_against_a_contract() -> None:
    """Another company's, of another type, inactive, or ended: each is said, and nothing of a good one."""
    contract = World().ports.autotask().contract(CONTRACT)
    assert contract is not None
    assert [*conflicts(contract, 600, TODAY)] == []
    wrong = replace(contract, recurring=False, active=False, end=date(2026, 3, 14))
    words = [*conflicts(wrong, 601, TODAY)]
    for part in ("belongs to company 600, not to 601", "not a recurring", "inactive", "ended on 2026-03-14"):
        assert sum(part in one for one in words) == 1
    assert len(words) == 4


@pytest.mark.parametrize(
    ("price", "internal", "other"),
    [("10", "10.8", True), ("10", "10", False), ("0", "0", False), (None, None, False)],
)
def test_another_currency_is_seen_where_prices_show_it(
    price: str | None, internal: str | None, other: bool
) -> None:
    """A line that costs the same in both currencies is not in a foreign one; a line without a price says nothing."""

    def line(price: str | None, internal: str | None) -> ContractService:
        values = [None if one is None else Decimal(one) for one in (price, internal)]
        return ContractService(1, 2, 3, values[0], internal_price=values[1])

    assert other_currency([line(price, internal)], [line("5", "5")]) is other
    assert not other_currency([line(price, internal)], [])
