"""Much of one thing: everything is billed right, and no write is larger than DynamoDB takes (small form of ``make crowds``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.crowds import APRIL, CROWDS, Measured, empty, many_contracts, measured, rest
from tests.fakes.memory_table import MemoryTable
from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER, SCENARIO, World
from timus_autotask.domain.mapping import PlanMapping, ServiceChoice
from timus_autotask.operate.terms import take_effect
from timus_autotask.ports.table import LARGEST_DOCUMENT, LARGEST_TRANSACTION, MOST_WRITES
from timus_autotask.store.customers import Notice, put_mapping
from timus_autotask.store.partner import put_plan
from timus_autotask.store.records import Store
from timus_autotask.sync.merge import (
    MOST_EVENTS,
    WOKEN_AT_ONCE,
    merge_inbox,
    wake_contracts,
    wake_customer,
)
from timus_autotask.watch.status import gather, status_of


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_is_billed_right(name: str) -> None:
    """More than one transaction or one document holds; none is refused, and what is billed is what Timus says."""
    what, _, small, run = CROWDS[name]
    crowd = measured(what, small, run)
    assert crowd.most_writes <= MOST_WRITES
    assert crowd.largest <= LARGEST_TRANSACTION
    assert crowd.document <= LARGEST_DOCUMENT


@pytest.mark.parametrize("days", [0, 1])
def test_the_longest_texts_of_60_subscriptions_are_billed(days: int) -> None:
    """Whatever an event says, at the greatest length, on one line: all at once, and one a day."""
    sku = "🐘" * 128
    [service] = [one for one in SCENARIO["services"] if one["sku"] == ADV]
    world = empty(services=[{**service, "sku": sku}])
    customer = "c" * 128
    world.map_customer(customer)
    world.ports.store.commit(put_plan(PlanMapping(sku, (ServiceChoice(service["id"]),)), 0))
    world.work()
    for n in range(60):
        number = f"{n:03}"
        status = world.tell(
            1,
            {sku: 1},
            customer=customer,
            subscription=number.rjust(128, "s"),
            event_id=number.rjust(128, "e"),
            type="t" * 400,
            actor="🐘" * 2000,
            customer_name="🐘" * 1000,
            customer_domain="d" * 400,
        )
        assert status == 202
        world.clock.advance(days * 86400)
        if days:
            rest(world)
    rest(world)
    assert [*world.ports.store.troubles()] == []
    assert world.units(ADV, date(2026, 6, 30)) == 60
    assert isinstance(world.table, Measured)
    assert world.table.document <= LARGEST_DOCUMENT // 2, "room for what grows with time"


def test_an_older_event_cannot_reverse_what_a_crowd_has_posted() -> None:
    """Every floor was raised before the post, in whichever transaction it stands."""
    world = empty()
    world.map_customer()
    world.work()
    for n in range(150):
        world.tell(2, {ADV: 1}, subscription=f"sub_{n}")
    rest(world)
    assert world.units(ADV, date(2026, 3, 16)) == 150
    world.clock.advance(3600)
    for n in (0, 149):
        long_ago = APRIL - timedelta(days=30)
        world.tell(1, {ADV: 9}, subscription=f"sub_{n}", effective=long_ago, occurred=long_ago)
    rest(world)
    assert [e.outcome for e in world.ports.store.events() if e.version == 1] == ["superseded"] * 2
    assert world.units(ADV, date(2026, 3, 16)) == 150


def counting(world: World) -> tuple[MemoryTable, list[int]]:
    """The world's table, and how many documents each range of it gave."""
    reads: list[int] = []

    class Counted(type(world.table)):  # type: ignore[misc]
        """Notes how many documents each range gave."""

        def range(self, *arguments: object) -> list[object]:
            """Read, and note."""
            found = super().range(*arguments)
            reads.append(len(found))
            return list(found)

    counted = Counted()
    counted.__dict__.update(world.table.__dict__)
    return counted, reads


def test_what_waits_is_read_once() -> None:
    """Merging a long inbox does not read it over and over: so many reads as there are portions, and one more."""
    world = empty()
    for n in range(3 * MOST_EVENTS):
        world.tell(n + 1, {ADV: 1 + n % 5})
    counted, reads = counting(world)
    merge_inbox(CUSTOMER, replace(world.ports, table=counted), world.deadline)
    assert not world.ports.store.customer(CUSTOMER).inbox
    assert sum(reads) < 3 * (MOST_EVENTS + 20)


def test_of_many_subscriptions_each_is_read_once_for_a_change() -> None:
    """What follows the first records of a customer is read on from there, and nothing is missing; only the last of them is read again."""
    world = empty()
    world.map_customer()
    for n in range(MOST_EVENTS + 30):
        world.tell(1, {ADV: 1}, subscription=f"sub_{n}")
    rest(world)
    world.tell(2, {ADV: 2}, subscription="sub_0")
    counted, reads = counting(world)
    records = Store(counted).customer_to_merge(CUSTOMER, MOST_EVENTS)
    assert sum(reads) == MOST_EVENTS + 30 + 2 + 1, "with the event, the mapping, and one of them twice"
    assert records == world.ports.store.customer(CUSTOMER)


def test_a_merge_that_runs_out_of_time_is_handed_on() -> None:
    """What was merged is merged; the rest is the next worker's, at once."""
    world = empty()
    for n in range(MOST_EVENTS):
        world.tell(n + 1, {ADV: 1 + n % 5})
    while received := world.queue.receive(10):
        for message in received:
            world.queue.delete(message.receipt)

    class Slow(type(world.table)):  # type: ignore[misc]
        """Each transaction takes two seconds."""

        def write(self, changes: object) -> None:
            """Write, slowly."""
            super().write(changes)
            world.clock.advance(2)

    slow = Slow()
    slow.__dict__.update(world.table.__dict__)
    merge_inbox(CUSTOMER, replace(world.ports, table=slow), world.clock.now() + timedelta(seconds=8))
    left = len(world.ports.store.customer(CUSTOMER).inbox)
    assert 0 < left < MOST_EVENTS
    assert sum(world.queue.depth()) == 1
    world.work()
    assert not world.ports.store.customer(CUSTOMER).inbox


def test_a_merge_without_any_time_is_left_to_the_sweep() -> None:
    """Where a worker gets nothing done, another one would not either: handing on would go round for ever."""
    world = empty()
    world.tell(1, {ADV: 1})
    while received := world.queue.receive(10):
        for message in received:
            world.queue.delete(message.receipt)
    merge_inbox(CUSTOMER, world.ports, world.clock.now())
    assert len(world.ports.store.customer(CUSTOMER).inbox) == 1
    assert sum(world.queue.depth()) == 0
    world.pass_time(minutes=2)
    assert not world.ports.store.customer(CUSTOMER).inbox


def test_what_dies_between_a_merge_and_its_contracts_is_found_by_the_sweep() -> None:
    """The note of what is to be made due is written with the history; people see it until every contract knows."""
    world, mapping = many_contracts(100)
    world.ports.store.commit(put_mapping(mapping, 0))
    world.tell(1, {ADV: 200})
    while received := world.queue.receive(10):
        for message in received:
            world.queue.delete(message.receipt)

    class Dies(type(world.table)):  # type: ignore[misc]
        """Writes so many transactions, and no more."""

        left = 2

        def write(self, changes: object) -> None:
            """Write, or die."""
            if not self.left:
                raise SystemExit
            self.left -= 1
            super().write(changes)

    dying = Dies()
    dying.__dict__.update(world.table.__dict__)
    with pytest.raises(SystemExit):
        merge_inbox(CUSTOMER, replace(world.ports, table=dying), world.deadline)
    records = world.ports.store.customer(CUSTOMER)
    assert not records.inbox
    assert records.notice is not None
    assert len(records.notice.value.contracts) == 100 - WOKEN_AT_ONCE
    found = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    assert f"1 customer whose contracts are still to be told what is new: {CUSTOMER}" in found.outstanding
    rest(world)
    assert {p.contract_id for p in world.api.postings if p.committed} == {*mapping.contract_ids}


def test_a_notice_that_comes_while_older_is_under_way_joins_it() -> None:
    """One note for a customer: every contract is made due, and the delay is counted from the oldest."""
    world, mapping = many_contracts(100)
    world.ports.store.commit(put_mapping(mapping, 0))
    begun = world.clock.now()
    for contracts in (range(1, 60), range(50, 101)):
        world.ports.store.commit(*wake_contracts(CUSTOMER, contracts, world.ports))
        world.clock.advance(60)
    notice = world.ports.store.notice(CUSTOMER)
    assert notice is not None
    assert notice.value == Notice(CUSTOMER, tuple(range(1, 101)), begun)


def test_terms_take_effect_on_many_contracts() -> None:
    """A customer's terms and a SKU's service concern all of them at once, too."""
    world, mapping = many_contracts(100)
    world.ports.store.commit(put_mapping(mapping, 0))
    assert len(take_effect(CUSTOMER, replace(world.ports, wake_ups=None))) == 100
    assert wake_customer(CUSTOMER, world.ports)
    rest(world)
    states = [work for work, _ in world.ports.store.contract_states()]
    assert len(states) == 100
    assert all(work.generation == work.converged for work in states)


def test_a_preview_shows_many_contracts_and_all_of_it_is_posted() -> None:
    """What is only noted for the contracts is rehearsed as well."""
    world, mapping = many_contracts(45)
    world.ports.store.commit(put_mapping(mapping, 0))
    world.tell(1, {ADV: 90})
    rest(world)
    world.clock.advance(86400)
    before = len(world.posted())
    shown = Desk(world).ask("policy", "set", f"excluded={ADV}", "--yes")
    assert {one["contract_id"] for one in shown["preview"]} == {*mapping.contract_ids}
    assert (shown["totals"]["contracts"], shown["totals"]["units_down"]) == (45, 90)
    world.clock.advance(86400)
    rest(world)
    assert [change for _, change, _ in world.posted()[before:]] == [-2] * 45
