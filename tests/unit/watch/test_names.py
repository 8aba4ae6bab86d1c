"""Names beside ids: where they come from, how old they get, and that nothing depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.bench.growth import metered
from tests.crowd import settled
from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, CUSTOMER, SCENARIO, World
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.mapping import Route
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.mapping.listing import mappings
from timus_autotask.operate.mapping.service_choice import choose_service
from timus_autotask.ports.table import Delete, Write
from timus_autotask.store.contracts import LONGEST_NAME, MOST_NAMED, ContractNames
from timus_autotask.store.keys import names_key
from timus_autotask.watch.names import NamesRead, directory, known_names, learn_names
from timus_autotask.watch.overview import overview
from timus_autotask.watch.reconcile import reconcile

NOW = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """One customer, mapped as by the command."""
    world = World()
    world.tell(7, {ADV: 28})
    world.work()
    route_customer(deployment_of(world), CUSTOMER, Route(600, CONTRACT), "").commit()
    world.work()
    return world


def rename(world: World, kind: str, **names: str) -> None:
    """Let Autotask call everything of a kind otherwise, and forget what it was called by."""
    scenario: dict[str, Any] = {**SCENARIO, kind: [{**one, **names} for one in SCENARIO[kind]]}
    world.control.load(scenario)


def look(world: World) -> None:
    """One reconcile."""
    assert reconcile(world.ports, world.clock.now() + timedelta(minutes=5), anew=True).finished


def test_a_contract_that_was_opened_since_names_were_read_is_called_as_autotask_calls_it_now() -> None:
    """Its company too; what was read before stands for the others."""
    known = [ContractNames(1, "Old", 600, "Acme", {}, NOW), ContractNames(2, "Other", 600, "Acme", {}, NOW)]
    opened = Contract(3, 601, True, True, date(2026, 1, 1), date(2026, 12, 31), name="New")
    renamed = replace(opened, id=1, company_id=600, name="Renamed")
    found = directory({}, known, [opened, renamed])
    assert found.contracts == {1: "Renamed", 2: "Other", 3: "New"}
    assert found.company_of == {1: 600, 2: 600, 3: 601}


def test_mapping_keeps_the_names_that_it_reads(world: World) -> None:
    """Of the customer as Timus says, and of the company, the contract and its services as Autotask does."""
    found = known_names(world.ports.store)
    assert found.customers == {CUSTOMER: "Contoso Dental"}
    assert found.companies == {600: "Contoso Dental"}
    assert found.contracts == {CONTRACT: "Contoso SASE"}
    assert found.company_of == {CONTRACT: 600}
    assert found.services == {45: ADV, 47: "SASE-GATEWAY"}


def test_a_chosen_service_is_known_by_its_name(world: World) -> None:
    """Also where it stands on no contract yet."""
    choose_service(deployment_of(world), ADV, 46, "").commit()
    assert mappings(deployment_of(world)).names.services[46] == "SASE-ESS-USER"


def test_reconcile_reads_names_again_after_a_week(world: World) -> None:
    """Not before: names cost calls, and hardly ever change."""
    rename(world, "companies", companyName="Contoso Dental Group")
    look(world)
    assert known_names(world.ports.store).companies == {600: "Contoso Dental"}
    world.pass_time(days=7)
    look(world)
    assert known_names(world.ports.store).companies == {600: "Contoso Dental Group"}


def test_reconcile_finds_the_names_of_an_older_table(world: World) -> None:
    """A contract that was mapped before there were names gets them by the next reconcile."""
    world.ports.store.commit(Delete(names_key(CONTRACT), world.ports.store.names(CONTRACT).rev))
    assert known_names(world.ports.store).contracts == {}
    look(world)
    found = known_names(world.ports.store)
    assert (found.contracts, found.services) == ({CONTRACT: "Contoso SASE"}, {45: ADV})


def test_what_may_not_be_read_stays_as_it_was_called(world: World) -> None:
    """An API user who may not see companies is compared with all the same."""
    world.pass_time(days=7)
    world.control.add_fault("unauthorized", entity="Companies", times=None)
    look(world)
    assert known_names(world.ports.store).companies == {600: "Contoso Dental"}


def test_the_names_of_sixty_contracts_are_two_calls_and_two_requests() -> None:
    """One by one they were 120 of a first run's 137 requests of the table. Autotask is asked for all companies, and for all services, at once."""
    world = settled(60)
    look(world)
    known = requests_and_calls(world)
    store = world.ports.store
    for one in [*store.all_names()]:
        store.commit(Delete(names_key(one.contract_id), store.names(one.contract_id).rev))
    first = requests_and_calls(world)
    assert len([*store.all_names()]) == 60
    assert (first[0] - known[0], first[1] - known[1]) == (2, 2)


def requests_and_calls(world: World) -> tuple[int, int]:
    """How many requests of the table a reconcile takes, and how many of Autotask."""
    tally = metered(world.table)
    run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5), anew=True)
    return sum(tally.requests.values()), run.calls


def test_names_that_somebody_else_writes_meanwhile_hold_up_no_others() -> None:
    """Theirs are as good; those of the other contracts are kept all the same."""
    world = settled(3)
    store, table = world.ports.store, world.table
    write = table.write

    def beaten(changes: Sequence[Write]) -> None:
        table.write = write  # type: ignore[method-assign]
        learn_names(world.ports, [NamesRead(10_002, None, {}, {45: "theirs"})])
        write(changes)

    table.write = beaten  # type: ignore[method-assign]
    learn_names(world.ports, [NamesRead(id_, None, {}, {45: "ours"}) for id_ in (10_001, 10_002, 10_003)])
    assert [store.names(id_).value.services[45] for id_ in (10_001, 10_002, 10_003)] == [
        "ours",
        "theirs",
        "ours",
    ]


def test_names_stand_beside_ids(world: World) -> None:
    """In the state of every line."""
    found = overview(world.ports.store, 0, 0, world.clock.now(), world.zone)
    assert found.status.names == known_names(world.ports.store)


def test_names_are_bounded() -> None:
    """Neither a long name nor a contract with very many services outgrows a document."""
    long = "x" * 5000
    names = ContractNames(1).learned(None, {}, dict.fromkeys(range(1000), long), NOW)
    assert len(names.services) == MOST_NAMED
    assert {len(name) for name in names.services.values()} == {LONGEST_NAME}


def test_the_newest_name_counts() -> None:
    """A service that was renamed has its new name on every contract."""
    old, new = (
        ContractNames(1, services={45: "Old"}, at=NOW),
        ContractNames(2, services={45: "New"}, at=NOW + timedelta(days=1)),
    )
    assert directory({}, [new, old]).services == {45: "New"}
    assert directory({"a": ""}, [replace(old, services={})]).customers == {}
