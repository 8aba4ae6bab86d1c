"""What only asks writes nothing: which stage holds, and what a contract's next step depends on."""

from __future__ import annotations

import pytest

from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.ports.table import Delete
from timus_autotask.store.keys import plan_key, stage_key
from timus_autotask.sync.gather import read_records
from timus_autotask.sync.stage import decide_stage, stage_of


@pytest.fixture
def undecided() -> World:
    """A stack whose stage nobody has decided, with a client who is mapped and whose seats wait in the inbox."""
    world = World(live=None)
    world.map_customer()
    world.tell(1, {ADV: 28})
    return world


def test_a_new_stack_observes_and_that_is_not_stored_by_asking(undecided: World) -> None:
    """It is stored by what writes the first line."""
    before, store = undecided.table.documents(), undecided.ports.store
    assert not stage_of(store.partner(), store).live
    assert undecided.table.documents() == before
    assert not decide_stage(undecided.ports, store.partner()).live
    assert store.partner().stage is not None


def test_a_stack_with_a_line_and_no_stage_is_live() -> None:
    """An earlier version has adjusted there; asking gives what would be decided."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25})
    world.work()
    store = world.ports.store
    world.table.write([Delete(stage_key(None), 1)])
    assert stage_of(store.partner(), store).live


def test_a_line_that_came_after_the_stage_was_decided_makes_nobody_live(undecided: World) -> None:
    """What was read of the partner may be from before that."""
    store = undecided.ports.store
    earlier = store.partner()
    undecided.work()
    assert [*store.lines()]
    assert earlier.stage is None
    assert not stage_of(earlier, store).live


def test_gathering_writes_nothing(undecided: World) -> None:
    """Not even for a SKU whose service nobody has looked for: that is the worker's to do before."""
    undecided.work()
    store, key = undecided.ports.store, plan_key(ADV)
    undecided.table.write([Delete(key, store.partner().plan(ADV).rev)])
    before = undecided.table.documents()
    gathered = read_records(store.contract(CONTRACT), undecided.ports)
    assert [*gathered.customers] == [CUSTOMER]
    assert undecided.table.documents() == before
