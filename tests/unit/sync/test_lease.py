"""A contract that is leased in the transaction that merges the news: what it saves, and when it must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.stage import Stage
from timus_autotask.ports.table import Document, Key, Put, Write
from timus_autotask.store.contracts import ContractState, put_contract_state
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.keys import CIRCUIT, IN_HAND, inbox_key, line_key
from timus_autotask.store.partner import Circuit, put_circuit
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.terms import put_stage, put_terms
from timus_autotask.sync.apply import apply_customer, merge_customer
from timus_autotask.sync.lease import LEASE_MARGIN
from timus_autotask.sync.merge import MERGED_AT_ONCE, wake_contract, wake_contracts
from timus_autotask.sync.worker import converge

OTHER = "cus_77aa"
OTHER_CONTRACT = 29683950


def level() -> World:
    """One client with 25 seats, at rest for a while, and who has three more in Timus now."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(minutes=20)
    world.tell(2, {ADV: 28, GATEWAY: 1})
    return world


def state_of(world: World, contract: int = CONTRACT) -> ContractState:
    """The contract's record."""
    return world.ports.store.contract_state(contract).value


def due_of(world: World) -> int | None:
    """From when the sweep looks at the contract."""
    return world.ports.store.contract_state(CONTRACT).due_at


class Watched(MemoryTable):
    """The same table, on which something happens just before a partition is read for the first time; it counts what is asked."""

    happens: dict[str, Callable[[], object]]
    reads: list[str]
    writes: list[list[Write]]

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        """Let it happen, and read."""
        self._before(pk)
        return super().range(pk, first, last, limit)

    def get(self, key: Key) -> Document | None:
        """Let it happen, and read."""
        self._before(key.pk)
        return super().get(key)

    def write(self, changes: Any) -> None:
        """Write, and note it."""
        self.writes.append([*changes])
        super().write(changes)

    def _before(self, pk: str) -> None:
        self.reads.append(pk)
        self.happens.pop(pk, lambda: None)()


def watched(world: World, **happens: Callable[[], object]) -> Watched:
    """A worker's view of the table. ``happens``: by the first word of a partition, what comes just before it is read."""
    partitions = {
        "CONTRACT": f"CONTRACT#{CONTRACT}",
        "CUSTOMER": f"CUSTOMER#{CUSTOMER}",
        "PARTNER": "PARTNER",
    }
    table = Watched()
    table.__dict__.update(world.table.__dict__)
    table.happens = {partitions[name]: action for name, action in happens.items()}
    table.reads, table.writes = [], []
    return table


def apply_on(world: World, table: MemoryTable) -> None:
    """A worker for the client, with its own view of the table."""
    apply_customer(CUSTOMER, replace(world.ports, table=table), world.deadline)


def test_a_change_of_a_contract_at_rest_reads_three_times_and_writes_three_times() -> None:
    """Customer, contract, partner; merged and leased, intent, settled and released."""
    world = level()
    table = watched(world)
    apply_on(world, table)
    assert table.reads == [f"CUSTOMER#{CUSTOMER}", f"CONTRACT#{CONTRACT}", "PARTNER"]
    assert len(table.writes) == 3
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_what_is_due_by_itself_reads_three_times_and_writes_once() -> None:
    """Contract, partner, customer; the lease is a write of its own."""
    world = level()
    world.work()
    world.ports.store.commit(wake_contract(CONTRACT, world.ports))
    table = watched(world)
    converge(CONTRACT, replace(world.ports, table=table), world.deadline)
    assert table.reads == [f"CONTRACT#{CONTRACT}", "PARTNER", f"CUSTOMER#{CUSTOMER}"]
    assert len(table.writes) == 2


def test_a_wake_up_that_finds_nothing_reads_twice() -> None:
    """The customer has nothing to merge, and the contract is not due."""
    world = level()
    world.work()
    table = watched(world)
    apply_on(world, table)
    assert table.reads == [f"CUSTOMER#{CUSTOMER}", f"CONTRACT#{CONTRACT}"]
    assert table.writes == []


def observe_the_customer(world: World) -> None:
    """A person lets the client observe, and the contract is told."""
    store = world.ports.store
    known = store.stage(CUSTOMER)
    store.commit(put_stage(CUSTOMER, Stage(False, world.clock.now()), known.rev if known else 0))
    store.commit(*wake_contracts(CUSTOMER, (CONTRACT,), world.ports))


def observe_and_rest(world: World) -> None:
    """The same, and another worker has brought the contract to rest already."""
    observe_the_customer(world)
    converge(CONTRACT, world.ports, world.deadline)
    assert state_of(world).generation == state_of(world).converged


@pytest.mark.parametrize("other", [observe_the_customer, observe_and_rest])
@pytest.mark.parametrize("before", ["CONTRACT", "PARTNER"])
def test_what_a_person_says_between_two_reads_is_heard(before: str, other: Callable[[World], None]) -> None:
    """Nothing goes out to a client who observes since the worker read that client, even if somebody has looked at it since."""
    world = level()
    apply_on(world, watched(world, **{before: lambda: other(world)}))
    assert world.posted() == []
    assert world.ports.store.customer(CUSTOMER).inbox == ()


def another_subscription(world: World) -> None:
    """News of another subscription is merged by another worker, who leaves our event alone."""
    world.tell(1, {ADV: 7}, subscription="sub_new")
    records = world.ports.store.customer(CUSTOMER)
    ours = [document for document in records.inbox if "sub_new" not in document.key.sk]
    hidden = MemoryTable()
    hidden.__dict__.update(world.table.__dict__)
    between = hidden.range
    hidden.range = lambda *a, **more: [d for d in between(*a, **more) if d not in ours]  # type: ignore[method-assign]
    merge_customer(CUSTOMER, replace(world.ports, table=hidden), world.deadline)


@pytest.mark.parametrize("before", ["CONTRACT", "PARTNER"])
def test_news_of_another_subscription_between_two_reads_is_billed(before: str) -> None:
    """A line is the sum of all subscriptions: one that was merged since the customer was read is among them."""
    world = level()
    apply_on(world, watched(world, **{before: lambda: another_subscription(world)}))
    for _ in range(4):
        world.pass_time(minutes=1)
    assert world.line(ADV).baseline is not None
    assert sum(units for service, units, _ in world.posted() if service == 45) == 10


def test_a_pause_that_comes_with_the_lease_stops_the_adjustment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes once the lease is taken grows the contract's revision: the intent is not written, and all is read again."""
    world = level()
    handle, said = world.api.handle, list[str]()

    def paused(method: str, url: str, headers: Any, body: bytes) -> Any:
        if "ContractServiceUnits" in url and not said:
            said.append(url)
            world.ports.store.commit(
                put_terms(CUSTOMER, {"paused": True}, 0),
                *wake_contracts(CUSTOMER, (CONTRACT,), world.ports),
            )
        return handle(method, url, headers, body)

    monkeypatch.setattr(world.api, "handle", paused)
    world.work()
    assert said
    assert world.posted() == []


def test_a_contract_that_rested_a_moment_ago_is_leased_by_itself() -> None:
    """Clocks differ: only what rested longer ago than that is known to have rested since before the customer was read."""
    world = level()
    for ago, together in ((LEASE_MARGIN, False), (LEASE_MARGIN + timedelta(seconds=1), True)):
        state = world.ports.store.contract_state(CONTRACT)
        rested = replace(state.value, rested_at=world.clock.now() - ago, converged=state.value.generation)
        world.ports.store.commit(put_contract_state(replace(rested, lease=None), state.rev, None))
        leased = merge_customer(CUSTOMER, world.ports, world.deadline)
        assert (leased[CONTRACT] is not None) is together
        world.tell(3, {ADV: 29, GATEWAY: 1})


def test_a_contract_of_which_it_is_not_known_when_it_rested_is_leased_by_itself() -> None:
    """As an earlier version left it."""
    world = level()
    state = world.ports.store.contract_state(CONTRACT)
    world.ports.store.commit(put_contract_state(replace(state.value, rested_at=None), state.rev, None))
    assert merge_customer(CUSTOMER, world.ports, world.deadline) == {CONTRACT: None}
    converge(CONTRACT, world.ports, world.deadline)
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_a_contract_that_somebody_has_is_only_made_due() -> None:
    """The lease is another worker's, who looks again before it rests."""
    world = level()
    state = world.ports.store.contract_state(CONTRACT)
    until = world.clock.now() + timedelta(seconds=30)
    theirs = replace(state.value, lease="theirs", lease_until=until)
    world.ports.store.commit(put_contract_state(theirs, state.rev, until))
    world.work()
    assert world.posted() == []
    assert state_of(world).lease == "theirs"
    assert state_of(world).generation == state.value.generation + 1


def test_while_autotask_is_away_the_contract_is_only_made_due() -> None:
    """The events are merged, nobody waits for a lease to end, and the sweep goes on once Autotask is back."""
    world = level()
    away = world.clock.now() + timedelta(minutes=5)
    known = world.table.get(CIRCUIT)
    world.ports.store.commit(put_circuit(Circuit(open_until=away), known.rev if known else 0))
    world.work()
    assert world.ports.store.customer(CUSTOMER).inbox == ()
    assert state_of(world).lease is None
    assert due_of(world) == int(world.clock.now().timestamp())
    world.pass_time(minutes=6)
    assert world.posted() == [(45, 3, "2026-03-15")]


def damage(world: World, key: Key) -> None:
    """Nobody can read a document any more."""
    known = world.table.get(key)
    rev = known.rev if known else 0
    world.table.write([Put(key, {"values": 7, "contract_id": "?"}, rev, kind=known.kind if known else None)])


@pytest.mark.parametrize("key", [line_key(CONTRACT, 45), Key("PARTNER", "POLICY")], ids=lambda key: key.sk)
def test_events_are_merged_although_the_contract_cannot_be_worked_on(key: Key) -> None:
    """A line or terms that cannot be read keep nobody's events in the inbox, and nobody holds the contract."""
    world = level()
    damage(world, key)
    assert merge_customer(CUSTOMER, world.ports, world.deadline) == {CONTRACT: None}
    assert world.ports.store.customer(CUSTOMER).inbox == ()
    assert state_of(world).lease is None


def test_of_two_contracts_none_is_leased_with_the_news() -> None:
    """Each is leased when its turn comes, so that none waits for the other."""
    world = level()
    records = world.ports.store.customer(CUSTOMER)
    assert records.mapping is not None
    routes = (Route(600, CONTRACT), Route(600, OTHER_CONTRACT, sku=ESS))
    mapping = CustomerMapping(CUSTOMER, (Routing(routes),))
    world.ports.store.commit(put_mapping(mapping, records.mapping.rev))
    assert merge_customer(CUSTOMER, world.ports, world.deadline) == {CONTRACT: None, OTHER_CONTRACT: None}


def test_a_shared_contract_reads_the_other_customers_as_they_are_now() -> None:
    """Only the records of the one whose events were merged are at hand."""
    world = World()
    for customer in (CUSTOMER, OTHER):
        world.map_customer(customer)
        world.tell(1, {ADV: 10}, customer=customer, subscription=f"sub_{customer}")
    world.work()
    world.pass_time(minutes=20)
    world.clock.advance(86400)
    world.tell(2, {ADV: 12}, subscription=f"sub_{CUSTOMER}")
    table = watched(world)
    apply_on(world, table)
    assert table.reads == [f"CUSTOMER#{CUSTOMER}", f"CONTRACT#{CONTRACT}", "PARTNER", f"CUSTOMER#{OTHER}"]
    assert world.line(ADV).baseline.at(world.ports.today()) == 22  # type: ignore[union-attr]


class Dies(MemoryTable):
    """Dies right after the first write of a worker."""

    def write(self, changes: Any) -> None:
        """Write, and die."""
        super().write(changes)
        raise SystemExit


def test_what_dies_with_the_lease_is_found_when_the_lease_ends() -> None:
    """A wake-up that comes again leaves the contract alone until then; the sweep takes it, and the change is made once."""
    world = level()
    dying = Dies()
    dying.__dict__.update(world.table.__dict__)
    until = world.deadline + LEASE_MARGIN
    with pytest.raises(SystemExit):
        apply_on(world, dying)
    assert world.ports.store.customer(CUSTOMER).inbox == ()
    assert (state_of(world).lease_until, due_of(world)) == (until, -int(-until.timestamp() // 1))
    world.work()
    world.pass_time(seconds=60)
    assert world.posted() == []
    world.pass_time(seconds=6)
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert state_of(world).lease is None


def test_the_sweep_takes_an_event_whose_wake_up_was_lost_in_as_few_writes() -> None:
    """It merges, leases and adjusts as the worker does, and says before and after that it has the customer in hand."""
    world = level()
    while received := world.queue.receive(10):
        for message in received:
            world.queue.delete(message.receipt)
    world.clock.advance(120)
    table = watched(world)
    world.ports, kept = replace(world.ports, table=table), world.ports
    world.sweep()
    world.ports = kept
    assert world.posted() == [(45, 3, "2026-03-15")]
    keys = [[one.key for one in changes] for changes in table.writes]
    assert (len(keys), keys[0], keys[-1]) == (2 + 3, [IN_HAND], [IN_HAND])
    assert table.reads.count(f"CONTRACT#{CONTRACT}") == 1


def test_an_event_that_comes_while_others_are_merged_has_its_own_wake_up() -> None:
    """It is not waited for, and not lost."""
    world = level()
    apply_on(world, watched(world, PARTNER=lambda: world.tell(3, {ADV: 30, GATEWAY: 1})))
    assert len(world.ports.store.customer(CUSTOMER).inbox) == 1
    world.work()
    assert world.ports.store.customer(CUSTOMER).inbox == ()
    world.pass_time(days=1)
    assert sum(units for service, units, _ in world.posted() if service == 45) == 5


def test_of_more_events_than_one_transaction_takes_no_transaction_leases() -> None:
    """A later one would find the contract leased, and nobody would work on it until the lease ends."""
    world = level()
    for n in range(MERGED_AT_ONCE):
        world.tell(3 + n, {ADV: 29 + n, GATEWAY: 1})
    world.work()
    assert world.posted() == [(45, 3 + MERGED_AT_ONCE, "2026-03-15")]
    assert state_of(world).lease is None


def test_an_event_that_cannot_be_read_does_not_keep_the_contract_leased() -> None:
    """The others are merged, the contract is adjusted, and then the worker says so."""
    world = level()
    world.table.write([Put(inbox_key(CUSTOMER, "bad"), {"v": 99}, 0, due_at=0)])
    with pytest.raises(RecordUnreadable):
        world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert state_of(world).lease is None


def test_a_worker_that_gives_a_contract_back_unfinished_has_not_brought_it_to_rest() -> None:
    """It is at rest since the last worker that was done with it."""
    world = level()
    before = state_of(world).rested_at
    assert before is not None
    world.api.faults.add(Fault("not_sent", entity="Contracts", times=100))
    world.work()
    assert state_of(world).rested_at == before
    world.api.faults.clear()
    world.pass_time(minutes=20)
    assert world.posted() == [(45, 3, "2026-03-15")]
    rested_at = state_of(world).rested_at
    assert rested_at is not None
    assert rested_at > before
