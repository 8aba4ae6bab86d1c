"""Opening contracts: for a customer without one, and for a renewed term; once each, whatever the answers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, GATEWAY, World
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.provisioning import NewContract, Provisioning
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Write
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.watch.remedy import remedy_of

NUMBER, RENEWS = f"timus-{CUSTOMER}", f"timus-renews-{CONTRACT}"


def terms(world: World, **values: Any) -> None:
    """Set the partner's terms."""
    store = world.ports.store
    store.commit(
        put_terms(None, values, store.partner().terms.rev), *wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    )


def map_company(world: World) -> None:
    """The customer has a company and no contract."""
    mapping = CustomerMapping(CUSTOMER, (), company_id=COMPANY)
    world.ports.store.commit(put_mapping(mapping, 0))
    apply_customer(CUSTOMER, world.ports, world.deadline)


def contracts(world: World, number: str) -> list[Any]:
    """What Autotask has under a number of ours."""
    return [one for one in world.api.model.contracts.values() if one.values["contractNumber"] == number]


def provisioning(world: World, number: str = NUMBER) -> Provisioning:
    """The record of an opening."""
    stored = world.ports.store.provisioning(number)
    assert stored is not None
    return stored.value


@pytest.fixture
def world() -> World:
    """A customer with a company, ten seats from 10 March on, and terms that open contracts."""
    world = World()
    terms(
        world,
        open_contracts=True,
        contract_billing_day=1,
        contract_category=13,
        contract_organizational_level=18,
    )
    map_company(world)
    world.tell(1, {ADV: 10}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    world.work()
    return world


def test_a_contract_is_opened_and_filled_from_the_first_day(world: World) -> None:
    """It begins on the billing day before the first seat, and the units come on their day."""
    assert contracts(world, NUMBER) == []
    world.sweep()
    world.sweep()
    [contract] = contracts(world, NUMBER)
    sent = {
        name: contract.values[name] for name in ("contractName", "contractCategory", "contractPeriodType")
    }
    assert sent == {
        "contractName": "Timus SASE Contoso Dental",
        "contractCategory": 13,
        "contractPeriodType": 2,
    }
    assert contract.values["organizationalLevelAssociationID"] == 18
    days = [date.fromordinal(day).isoformat() for day in (contract.start, contract.end)]
    assert days == ["2026-03-01", "2027-02-28"]
    assert world.posted() == [(45, 10, "2026-03-10")]
    assert world.ports.store.provisioning(NUMBER) is None
    assert any("opened from 2026-03-01 to 2027-02-28" in c.message for c in world.ports.store.changes())


def test_nothing_is_opened_unless_the_terms_say_so() -> None:
    """By default it waits for a person, visibly; when the terms change it is opened by itself."""
    world = World()
    map_company(world)
    world.tell(1, {ADV: 10})
    world.work()
    world.sweep()
    parked = provisioning(world).parked
    assert parked is not None
    assert parked.code == "opening-off"
    terms(world, open_contracts=True)
    world.pass_time(hours=2)
    world.sweep()
    assert len(contracts(world, NUMBER)) == 1
    assert world.posted() == [(45, 10, "2026-03-15")]


def test_a_trial_opens_nothing() -> None:
    """There is nothing to be billed yet."""
    world = World()
    terms(world, open_contracts=True)
    map_company(world)
    world.tell(1, {ADV: 10}, status="trial")
    world.work()
    assert world.ports.store.provisioning(NUMBER) is None


@pytest.mark.parametrize(
    "kind", ["timeout_before", "timeout_after", "land_late", "html_502", "html_502_after"]
)
def test_a_lost_answer_opens_one_contract(world: World, kind: str) -> None:
    """Nobody asks again before the request has surely landed or not; then a read decides."""
    world.api.faults.add(Fault(kind, entity="Contracts", operation="create", times=1, seconds=600))
    world.sweep()
    for _ in range(20):
        world.pass_time(minutes=1)
    assert len(contracts(world, NUMBER)) == 1
    assert world.posted() == [(45, 10, "2026-03-10")]


def test_a_worker_that_died_after_asking_opens_one_contract(world: World) -> None:
    """The request was written down before it was sent."""

    class Died(BaseException):
        pass

    client = world.ports.autotask()
    create = client.create_contract

    def dies(*args: Any, **more: Any) -> None:
        create(*args, **more)
        raise Died

    client.create_contract = dies  # type: ignore[method-assign]
    with pytest.raises(Died):
        world.sweep()
    del client.create_contract
    for _ in range(20):
        world.pass_time(minutes=1)
    assert len(contracts(world, NUMBER)) == 1
    assert world.posted() == [(45, 10, "2026-03-10")]


def test_a_refusal_is_parked_with_autotasks_words_and_tried_again(world: World) -> None:
    """Autotask refuses the category until somebody adds it; the next hour's try succeeds."""
    text = "Picklist value [13] does not exist for contractCategory."
    world.api.faults.add(Fault("json_500", entity="Contracts", operation="create", times=1, text=text))
    world.sweep()
    parked = provisioning(world).parked
    assert parked is not None
    assert (parked.code, text in parked.message) == ("opening-refused", True)
    assert remedy_of(parked).endswith(f"retry {NUMBER}")
    world.pass_time(hours=1, seconds=1)
    world.sweep()
    assert len(contracts(world, NUMBER)) == 1
    assert world.posted() == [(45, 10, "2026-03-10")]


def test_a_contract_that_is_there_already_is_used(world: World) -> None:
    """Found by our number, it is not opened again; one that differs waits for a person."""
    by_hand = NewContract(NUMBER, COMPANY, "by hand", date(2026, 3, 1), date(2027, 2, 28), 1)
    number = world.ports.autotask().create_contract(by_hand, time_zone=world.zone)
    assert number is not None
    world.control.person_edits_contract(number, {"endDate": "2026-12-31"})
    world.sweep()
    parked = provisioning(world).parked
    assert parked is not None
    assert parked.code == "opening-differs"
    world.control.person_edits_contract(number, {"endDate": "2027-02-28"})
    world.pass_time(hours=1, seconds=1)
    world.sweep()
    assert len(contracts(world, NUMBER)) == 1
    assert world.posted() == [(45, 10, "2026-03-10")]


def test_a_person_who_maps_a_contract_meanwhile_wins(world: World) -> None:
    """A contract that somebody chose makes the opening needless."""
    world.map_customer()
    world.sweep()
    world.sweep()
    assert contracts(world, NUMBER) == []
    assert world.ports.store.provisioning(NUMBER) is None


# -- Renewal by a new contract


@pytest.fixture
def renewing() -> World:
    """A mapped customer with 25 seats, whose terms want a new contract for a renewed term."""
    world = World()
    terms(world, renewal="new-contract")
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def renew(world: World, version: int = 8) -> None:
    """Timus renews the term for a year, and the sweep comes by."""
    world.tell(version, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    world.work()
    world.sweep()
    world.sweep()


def test_a_renewed_term_gets_a_new_contract(renewing: World) -> None:
    """From the day after the old end to the term's end, linked, and filled on its first day."""
    renew(renewing)
    [contract] = contracts(renewing, RENEWS)
    days = [date.fromordinal(day).isoformat() for day in (contract.start, contract.end)]
    assert days == ["2027-01-01", "2027-12-31"]
    assert contract.values["contractName"] == "Renewal of Contoso SASE"
    assert renewing.api.model.contracts[CONTRACT].values["renewedContractID"] == contract.id
    assert renewing.posted() == []
    renewing.clock.advance((datetime(2027, 1, 1, 0, 1, tzinfo=UTC) - renewing.clock.now()).total_seconds())
    renewing.sweep()
    assert sorted(renewing.posted()) == [(45, 25, "2027-01-01"), (47, 1, "2027-01-01")]
    assert renewing.units(ADV, date(2026, 12, 31)) == 25
    assert renewing.units(ADV, date(2027, 1, 1), contract.id) == 25


def test_every_customer_of_the_old_contract_follows(renewing: World) -> None:
    """Whoever is routed to the old contract on the new one's first day is routed to the new one from then on."""
    mapping = CustomerMapping(
        "cus_2", (Routing((Route(COMPANY, CONTRACT, GATEWAY), Route(COMPANY, CONTRACT, units=3))),)
    )
    store = renewing.ports.store
    store.commit(put_mapping(mapping, 0), *wake_contracts("cus_2", [CONTRACT], renewing.ports))
    renew(renewing)
    [contract] = contracts(renewing, RENEWS)
    followed = store.customer("cus_2").mapping
    assert followed is not None
    old, new = followed.value.routings
    assert new.first_day == date(2027, 1, 1)
    assert [replace(route, contract_id=CONTRACT) for route in new.routes] == list(old.routes)
    assert {route.contract_id for route in new.routes} == {contract.id}


def test_more_customers_than_one_transaction_takes_follow(renewing: World) -> None:
    """A worker that dies between two transactions leaves the rest to the next; every customer is on both contracts then."""
    store = renewing.ports.store
    names = [f"cus_{n}" for n in range(150)]
    for name in names:
        mapping = CustomerMapping(name, (Routing((Route(COMPANY, CONTRACT),)),))
        store.commit(put_mapping(mapping, 0), *wake_contracts(name, [CONTRACT], renewing.ports))
    write = renewing.table.write

    def dies_at_the_second(changes: Sequence[Write]) -> None:
        write(changes)
        if sum(one.key.sk == "MAPPING" for one in changes) > 1:
            renewing.table.write = write  # type: ignore[method-assign]
            raise TableUnavailable("dead")

    renewing.table.write = dies_at_the_second  # type: ignore[method-assign]
    renew(renewing)
    for _ in range(3):
        renewing.pass_time(minutes=10)
    [contract] = contracts(renewing, RENEWS)
    for name in (*names, CUSTOMER):
        followed = store.mapping(name)
        assert followed is not None
        assert set(followed.contract_ids) == {CONTRACT, contract.id}
    assert {*names, CUSTOMER} == {*store.contract_state(contract.id).value.customers}
    assert store.provisioning(RENEWS) is None


@pytest.mark.parametrize(("link", "holder"), [("new-names-old", "new"), ("off", None)])
def test_the_link_is_the_partners_choice(link: str, holder: str | None) -> None:
    """Which way the field points is not documented, so it can be turned round or left out."""
    world = World()
    terms(world, renewal="new-contract", renewal_link=link)
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    renew(world)
    [contract] = contracts(world, RENEWS)
    assert world.api.model.contracts[CONTRACT].values["renewedContractID"] is None
    assert contract.values["renewedContractID"] == (CONTRACT if holder else None)


def test_a_contract_that_a_person_extended_meanwhile_needs_no_new_one(renewing: World) -> None:
    """Between the event and the request somebody extended the old one: the opening is dropped."""
    renewing.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    renewing.work()
    renewing.control.person_edits_contract(CONTRACT, {"endDate": "2027-12-31"})
    for _ in range(3):
        renewing.sweep()
    assert contracts(renewing, RENEWS) == []
    assert renewing.ports.store.provisioning(RENEWS) is None


def test_a_price_set_by_hand_goes_along(renewing: World) -> None:
    """The renewed line keeps the price that a person had agreed; the others take the catalogue's."""
    line = renewing.api.model.find_line(CONTRACT, 45)
    assert line is not None
    renewing.api.model.person_adjusts(line.id, date(2026, 2, 1).toordinal(), 0, price=990000)
    renew(renewing)
    renewing.clock.advance((datetime(2027, 1, 1, 0, 1, tzinfo=UTC) - renewing.clock.now()).total_seconds())
    renewing.sweep()
    prices = {p.service_id: p.body.get("adjustedUnitPrice") for p in renewing.api.postings}
    assert prices == {45: 99.0, 47: None}


def test_seats_go_on_while_the_new_contract_is_refused(renewing: World) -> None:
    """The old contract is billed to its end whatever becomes of the new one."""
    renewing.api.faults.add(Fault("json_500", entity="Contracts", operation="create", times=1))
    renew(renewing)
    parked = provisioning(renewing, RENEWS).parked
    assert parked is not None
    assert parked.code == "opening-refused"
    renewing.tell(9, {ADV: 27, GATEWAY: 1}, term_end=date(2027, 12, 31))
    renewing.work()
    assert renewing.posted() == [(45, 2, "2026-03-15")]
    renewing.pass_time(hours=2)
    renewing.sweep()
    assert len(contracts(renewing, RENEWS)) == 1
