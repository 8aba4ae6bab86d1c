"""What was done can be found in the journal, whatever died in between."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER, GATEWAY, World
from timus_autotask.autotask.client import Autotask
from timus_autotask.domain.line import Outcome, Why


def level() -> World:
    """A client with 25 seats and a gateway, level."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def test_a_renewal_whose_worker_died_is_noted_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract is extended and nothing is written: whoever comes next finds it so, and notes it once."""
    world = level()
    extend = Autotask.extend_contract

    def dies(self: Autotask, *args: Any, **named: Any) -> None:
        extend(self, *args, **named)
        raise MemoryError

    monkeypatch.setattr(Autotask, "extend_contract", dies)
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    with pytest.raises(MemoryError):
        world.work()
    monkeypatch.undo()
    for _ in range(3):
        world.pass_time(minutes=20)
    [entry] = world.ports.store.changes()
    assert entry.why is Why.RENEWED
    assert entry.message == "contract extended from 2026-12-31 to 2027-12-31: the term was renewed"
    assert (CUSTOMER, ADV) in entry.sources


def test_each_adjustment_that_brings_units_back_says_so() -> None:
    """Also where it takes several, one for each day that somebody has changed; and what Timus reports afterwards does not."""
    world = level()
    Desk(world).told("policy", "set", "drift=enforce")
    world.work()
    world.pass_time(days=5)
    today = world.clock.now().date().toordinal()
    world.control.person_adjusts(1201, today - 4, 2)
    world.control.person_adjusts(1201, today - 2, 3)
    Desk(world).told("reconcile")
    world.work()
    world.pass_time(minutes=1)
    brought_back = [
        *world.ports.store.changes()
    ]  # the days of the edits are taken, which Autotask says first
    assert sorted(entry.delta for entry in brought_back if entry.outcome is Outcome.LANDED) == [-3, -2]
    assert {entry.why for entry in brought_back} == {Why.ENFORCED}
    world.pass_time(days=1)
    world.tell(8, {ADV: 26, GATEWAY: 1})
    world.work()
    assert [entry.why for entry in world.ports.store.changes() if entry.delta][-1] is None
