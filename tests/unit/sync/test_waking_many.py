"""Many customers have a SKU: they are woken some at a time, and a run that ends in the middle loses nothing and repeats little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.crowd import settled
from tests.deployment import deployment_of
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, ESS, GATEWAY, World
from timus_autotask.operate.mapping.family import say_family
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Document, Key, Put, Write
from timus_autotask.store.partner import StoredPlan
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.sweep import WAKING_TAKES, WOKEN_TOGETHER, refresh_plan, sweep

NEW = "SASE-NEW"
SERVICE = 46
CUSTOMERS = 60
RUN = timedelta(seconds=60)


class Killed(BaseException):
    """The function's time is over."""


class Slow(MemoryTable):
    """A request takes a while, and none is answered after the end."""

    def __init__(self, world: World, seconds: float, end: datetime) -> None:
        self.__dict__.update(world.table.__dict__)
        self._clock, self._seconds, self._end = world.clock, seconds, end

    def _takes(self) -> None:
        self._clock.advance(self._seconds)
        if self._clock.now() > self._end:
            raise Killed

    def get(self, key: Key) -> Document | None:
        """After a while."""
        self._takes()
        return super().get(key)

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        """After a while."""
        self._takes()
        return super().range(pk, first, last, limit)

    def write(self, changes: Sequence[Write]) -> None:
        """Done, and then answered after a while."""
        super().write(changes)
        self._takes()


@pytest.fixture
def world() -> World:
    """All customers wait for the service of one more SKU."""
    world = settled(CUSTOMERS)
    for number in range(1, CUSTOMERS + 1):
        world.tell(
            2, {ADV: 5, ESS: 6, GATEWAY: 7, NEW: 1}, customer=f"cus_{number}", subscription=f"sub_{number}"
        )
    world.work()
    world.pass_time(minutes=1)
    return world


def woken(world: World) -> set[str]:
    """Customers whose contract is due."""
    due = world.table.due(int(world.clock.now().timestamp()), 10_000)
    return {f"cus_{int(one.key.pk[9:]) - 10_000}" for one in due if one.key.pk.startswith("CONTRACT#")}


EVERYBODY = {f"cus_{number}" for number in range(1, CUSTOMERS + 1)}


def plan(world: World) -> StoredPlan:
    """The service of the SKU."""
    return world.ports.store.partner().plan(NEW)


def a_call(world: World, seconds: float, room: timedelta = RUN) -> tuple[str, ...]:
    """Wake who has the SKU, at a table that takes so long for each request."""
    slow = Slow(world, seconds, world.clock.now() + room)
    return refresh_plan(NEW, replace(world.ports, table=slow), world.clock.now() + WAKING_TAKES)


def test_customers_are_woken_until_a_runs_share_is_over_and_the_next_run_goes_on(world: World) -> None:
    """Each of them once, however many runs that takes."""
    world.map_plan(NEW, SERVICE)
    calls = []
    while plan(world).due(world.clock.now()):
        calls.append(a_call(world, 0.2))
    assert len(calls) > 2
    assert sorted(customer for call in calls for customer in call) == sorted(EVERYBODY)
    assert woken(world) == EVERYBODY
    assert plan(world).waking is None


def test_a_sweep_whose_table_is_slow_ends_before_its_deadline(world: World) -> None:
    """Whatever else is due has its turn in the same run."""
    world.map_plan(NEW, SERVICE)
    world.clock.advance(1)
    last = 10_000 + CUSTOMERS
    world.ports.store.commit(wake_contract(last, world.ports))
    for runs in range(20):
        if not plan(world).due(world.clock.now()):
            break
        deadline = world.clock.now() + RUN
        sweep(replace(world.ports, table=Slow(world, 0.2, deadline)), deadline)
        state = world.ports.store.contract_state(last).value
        assert state.generation == state.converged or runs
    assert 2 < runs < 19


def test_a_run_that_is_killed_again_and_again_wakes_everybody(world: World) -> None:
    """How far it came is noted, so that it never begins from the first customer again."""
    world.map_plan(NEW, SERVICE)
    killed = 0
    while plan(world).due(world.clock.now()):
        try:
            a_call(world, 0.05, timedelta(seconds=(WOKEN_TOGETHER + 5) * 3 * 0.05))
        except Killed:
            killed += 1
        assert killed < CUSTOMERS
    assert killed > 1
    assert woken(world) == EVERYBODY


def test_a_choice_that_changes_in_the_middle_wakes_everybody_again(world: World) -> None:
    """Those who were woken by the first one may have been billed with it already."""
    world.map_plan(NEW, SERVICE)
    first = a_call(world, 0.2)
    assert first
    world.map_plan(NEW, 47)
    world.clock.advance(1)
    again: list[str] = []
    while plan(world).due(world.clock.now()):
        again += a_call(world, 0.2)
    assert sorted(again) == sorted(EVERYBODY)


def test_a_choice_that_changes_while_customers_are_woken_is_not_overwritten(world: World) -> None:
    """It is what is billed, and all are woken for it, those too who were woken for the one before."""
    world.map_plan(NEW, SERVICE)

    class Chooses(MemoryTable):
        """Somebody chooses when the first customer is woken."""

        def write(self, changes: Sequence[Write]) -> None:
            """Write, and choose once."""
            super().write(changes)
            if not chosen and changes[0].key.pk.startswith("CONTRACT#"):
                chosen.append(True)
                world.map_plan(NEW, 47)

    chosen: list[bool] = []
    table = Chooses()
    table.__dict__.update(world.table.__dict__)
    before = {state.contract_id: state.generation for state, _ in world.ports.store.contract_states()}
    assert {*refresh_plan(NEW, replace(world.ports, table=table))} == EVERYBODY
    assert [choice.service_id for choice in plan(world).value.choices] == [47]
    assert not plan(world).due(world.clock.now())
    states = {state.contract_id: state.generation for state, _ in world.ports.store.contract_states()}
    assert all(states[id_] > generation for id_, generation in before.items())


def test_two_who_wake_at_once_wake_everybody(world: World) -> None:
    """A command and the sweep: each goes on from where the other came."""
    world.map_plan(NEW, SERVICE)

    class Other(MemoryTable):
        """The sweep takes its turn with each thirtieth write."""

        def write(self, changes: Sequence[Write]) -> None:
            """Write."""
            writes.append(changes)
            if len(writes) % 30 == 0:
                refresh_plan(NEW, world.ports, world.clock.now())
            super().write(changes)

    writes: list[Any] = []
    table = Other()
    table.__dict__.update(world.table.__dict__)
    refresh_plan(NEW, replace(world.ports, table=table))
    assert woken(world) == EVERYBODY
    assert not plan(world).due(world.clock.now())


def test_one_who_fails_is_tried_again_alone(world: World) -> None:
    """The others are woken once, and the failure is raised when all were tried."""
    world.map_plan(NEW, SERVICE)

    class Broken(MemoryTable):
        """One contract cannot be written."""

        def write(self, changes: Sequence[Write]) -> None:
            """All but one."""
            if any(change.key.pk == "CONTRACT#10003" and isinstance(change, Put) for change in changes):
                raise ZeroDivisionError
            super().write(changes)

    table = Broken()
    table.__dict__.update(world.table.__dict__)
    with pytest.raises(ZeroDivisionError):
        refresh_plan(NEW, replace(world.ports, table=table))
    assert woken(world) == EVERYBODY - {"cus_3"}
    assert refresh_plan(NEW, world.ports) == ("cus_3",)
    assert not plan(world).due(world.clock.now())


def test_a_customer_at_whom_others_always_come_first_stays_to_be_woken(world: World) -> None:
    """It is nobody's failure, and the others do not wait for it."""
    world.map_plan(NEW, SERVICE)

    class Contended(MemoryTable):
        """Others always come first at one contract."""

        def write(self, changes: Sequence[Write]) -> None:
            """All but one."""
            if any(change.key.pk == "CONTRACT#10003" for change in changes):
                raise Conflict([changes[0].key])
            super().write(changes)

    table = Contended()
    table.__dict__.update(world.table.__dict__)
    refresh_plan(NEW, replace(world.ports, table=table))
    assert plan(world).due(world.clock.now())
    assert refresh_plan(NEW, world.ports) == ("cus_3",)


def test_a_family_that_was_said_is_known_to_everybody_even_if_the_command_is_cut_off(world: World) -> None:
    """The SKU has no service yet: seats move to and from it all the same."""

    class CutOff(MemoryTable):
        """The terminal is closed once the family is written."""

        def write(self, changes: Sequence[Write]) -> None:
            """Write, and be cut off."""
            super().write(changes)
            raise Killed

    table = CutOff()
    table.__dict__.update(world.table.__dict__)
    deployment = deployment_of(world)
    deployment = replace(deployment, ports=replace(deployment.ports, table=table))
    proposal = say_family(deployment, NEW, "sase", "pat")
    with pytest.raises(Killed):
        proposal.commit()
    assert woken(world) == set()
    refresh_plan(NEW, world.ports)
    assert woken(world) == EVERYBODY
    assert plan(world).waking is None
    assert plan(world).due_at is not None
