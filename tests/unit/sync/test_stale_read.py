"""A read that does not show what is there already: Autotask publishes no word on how soon a write is to be seen."""

from __future__ import annotations

from datetime import date

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, GATEWAY, World
from timus_autotask.domain.line import State


def follows_a_change(world: World) -> None:
    """Three seats more, seen to have landed."""
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_our_own_change_that_a_read_does_not_show_is_not_gone() -> None:
    """Timus takes it back at once, and a stale read says that nothing is to be done: nobody believes it for good."""
    world = World()
    follows_a_change(world)
    world.api.faults.add(Fault("stale_read", entity="ContractServiceUnits", times=1))
    world.tell(9, {ADV: 25, GATEWAY: 1})
    world.work()
    assert world.line(ADV).state is State.SETTLING
    world.pass_time(minutes=16)
    assert world.line(ADV).parked is None
    world.pass_time(days=1)
    assert world.units(ADV, date(2026, 3, 16)) == 25
    assert world.posted() == [(45, 3, "2026-03-15"), (45, -3, "2026-03-16")]


def test_what_a_person_took_back_before_us_is_adopted_a_while_later() -> None:
    """Units that somebody else has brought level just after our change: nothing is posted, and the next change follows as ever."""
    world = World()
    follows_a_change(world)
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.control.person_adjusts(line.id, date(2026, 3, 15).toordinal(), -3)
    world.tell(9, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(minutes=16)
    assert world.line(ADV).state is State.APPLIED
    world.pass_time(days=1)
    world.tell(10, {ADV: 26, GATEWAY: 1})
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15"), (45, 1, "2026-03-16")]
