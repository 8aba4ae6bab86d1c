"""The sweep: nothing holds it up, nothing is asked of who is away, and what there is no time for is handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.crowds import many_contracts, rest
from tests.drift_table import aligned
from tests.world import ADV, CONTRACT, CUSTOMER
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Key, Put, Write
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.partner import Circuit, put_circuit
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.sweep import AT_ONCE, LAST_ROOM, ROOM, sweep


def _broken() -> Put:
    """A contract whose record cannot be read, due before all others."""
    return Put(Key("CONTRACT#1", "CONTRACT"), {"contract_id": "?", "customers": []}, 0, due_at=1)


def test_what_fails_does_not_hold_up_what_stands_behind_it() -> None:
    """A record that cannot be read is named, which an alarm counts; the others are done nevertheless."""
    world = aligned()
    world.table.write([_broken()])
    world.tell(2, {ADV: 31})
    world.clock.advance(120)
    sweep(world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 17)) == 31
    failed = [fields["document"] for name, fields in world.happened if name == "failed"]
    assert failed == ["CONTRACT#1/CONTRACT"]


def test_however_much_fails_it_hides_nothing_behind_it() -> None:
    """More than a whole run's share fails; the change behind it is made all the same, and each of them is noted."""
    world = aligned()
    for number in range(1, 2 * AT_ONCE + 50):
        key = Key(f"CONTRACT#{number}", "CONTRACT")
        world.table.write([Put(key, {"contract_id": "?"}, 0, due_at=1)])
    world.tell(2, {ADV: 31})
    world.clock.advance(120)
    sweep(world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 17)) == 31
    assert len([*world.ports.store.troubles()]) == 2 * AT_ONCE + 49


def test_work_that_waits_for_autotask_hides_no_event() -> None:
    """During an outage any number of contracts is due; what comes in is merged nevertheless."""
    world = aligned()
    circuit = world.ports.store.partner().circuit
    until = world.clock.now() + timedelta(hours=1)
    world.ports.store.commit(put_circuit(Circuit(until, "away"), circuit.rev))
    for number in range(1, 2 * AT_ONCE + 50):
        world.table.write([Put(Key(f"CONTRACT#{number}", "CONTRACT"), {"customers": []}, 0, due_at=1)])
    world.tell(2, {ADV: 31})
    world.clock.advance(120)
    assert sweep(world.ports, world.deadline) == 1
    assert not world.ports.store.customer(CUSTOMER).inbox


def test_a_run_is_bounded() -> None:
    """It does its share and leaves the rest to the next, however much there is."""
    world = aligned()
    for number in range(1, AT_ONCE + 50):
        key = Key(f"CONTRACT#{number}", "CONTRACT")
        world.table.write([Put(key, {"contract_id": number}, 0, due_at=1)])
    assert sweep(world.ports, world.deadline) == AT_ONCE
    assert sweep(world.ports, world.deadline) == 49


def test_an_idle_run_is_one_look() -> None:
    """Nothing is due: no contract, no customer and no Autotask is asked."""
    world = aligned()
    world.control.clear_requests()
    looks: list[int] = []

    class Counted(type(world.table)):  # type: ignore[misc]
        """Counts how often it is asked what is due."""

        def due(self, until: int, limit: int) -> list[object]:
            """What is due."""
            looks.append(limit)
            return list(super().due(until, limit))

    counted = Counted()
    counted.__dict__.update(world.table.__dict__)
    assert sweep(replace(world.ports, table=counted), world.deadline) == 0
    assert looks == [AT_ONCE]
    assert world.control.requests() == []


def test_a_table_that_is_away_ends_it_at_once() -> None:
    """There is nothing that it could do for the others."""
    world = aligned()
    world.tell(2, {ADV: 31})
    world.clock.advance(120)

    class Away(type(world.table)):  # type: ignore[misc]
        """Reads what is due, and nothing else."""

        def get(self, key: Key) -> object:
            """Nothing."""
            raise TableUnavailable("away")

        def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[object]:
            """Nothing."""
            if pk.startswith("CUSTOMER#"):
                raise TableUnavailable("away")
            return [
                document for document in super().range(pk, first, last, limit) if document.key.sk == "LIVE"
            ]

    away = Away()
    away.__dict__.update(world.table.__dict__)
    with pytest.raises(TableUnavailable):
        sweep(replace(world.ports, table=away), world.deadline)
    assert not [name for name, _ in world.happened if name == "failed"]


def test_while_autotask_is_away_events_are_merged_and_nothing_else_is_touched() -> None:
    """No contract is read for nothing; what came is in the history and waits."""
    world = aligned()
    circuit = world.ports.store.partner().circuit
    until = world.clock.now() + timedelta(hours=1)
    world.ports.store.commit(put_circuit(Circuit(until, "away"), circuit.rev))
    world.tell(2, {ADV: 31})
    world.clock.advance(120)
    assert sweep(world.ports, world.deadline) == 1
    assert sweep(world.ports, world.deadline) == 0
    known = world.ports.store.customer(CUSTOMER)
    assert not known.inbox
    assert known.subscriptions["sub_8f2c1a"].value.newest.number == 2
    assert world.ports.store.contract(CONTRACT).state.due(world.clock.now())


class TestHandingOver:
    """After an outage there is more to do than one sweep can."""

    def test_the_workers_get_what_there_is_no_time_for(self) -> None:
        """Once in five minutes for each customer, however often the sweep comes by."""
        world = aligned()
        world.ports = replace(world.ports, wake_ups=world.queue)
        world.ports.store.commit(wake_contract(CONTRACT, world.ports))
        too_late = world.clock.now() + timedelta(seconds=20)
        for _ in range(3):
            assert sweep(world.ports, too_late) == 0
        assert sum(world.queue.depth()) == 1
        world.work()
        work = world.ports.store.contract(CONTRACT).state.value
        assert work.generation == work.converged

    def test_without_a_queue_it_waits_for_the_next_sweep(self) -> None:
        """The operator's command has none."""
        world = aligned()
        world.ports.store.commit(wake_contract(CONTRACT, world.ports))
        assert sweep(world.ports, world.clock.now()) == 0
        assert sum(world.queue.depth()) == 0


def test_what_is_handed_over_leaves_time_for_what_follows() -> None:
    """The queue is slow and many customers are left: the others stay due, and the run ends in time."""
    world = aligned()
    for number in range(1, 51):
        world.tell(1, {ADV: 3}, customer=f"cus_{number}", subscription=f"sub_{number}")
    world.clock.advance(120)
    deadline = world.clock.now() + ROOM - timedelta(seconds=1)

    class SlowQueue:
        """A message takes a second."""

        def send(self, customer_id: str, _message_id: str) -> None:
            """Send."""
            world.clock.advance(1)
            sent.append(customer_id)

    sent: list[str] = []
    ports = replace(world.ports, wake_ups=SlowQueue())
    sweep(ports, deadline)
    assert 0 < len(sent) < 50
    assert world.clock.now() <= deadline - LAST_ROOM + timedelta(seconds=1)
    [told] = [fields["customers"] for name, fields in world.happened if name == "handed-over"]
    assert told == sent


def test_the_contracts_of_one_customer_are_handed_on_when_time_is_over() -> None:
    """However many they are: they are due, and the run ends in time."""
    world, mapping = many_contracts(20)
    world.ports.store.commit(put_mapping(mapping, 0))
    world.tell(1, {ADV: 40})
    world.clock.advance(120)
    before = len(world.control.requests())
    slow = type("Slow", (type(world.table),), {})()
    slow.__dict__.update(world.table.__dict__)
    write = slow.write

    def slowly(changes: Sequence[Write]) -> None:
        world.clock.advance(2)
        write(changes)

    slow.write = slowly
    deadline = world.deadline
    sweep(replace(world.ports, table=slow), deadline)
    assert world.clock.now() < deadline
    assert len(world.control.requests()) > before
    rest(world)
    states = [work for work, _ in world.ports.store.contract_states()]
    assert len(states) == 20
    assert all(work.generation == work.converged for work in states)
