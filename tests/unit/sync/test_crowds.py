"""Much of one thing: everything is billed right, and no write is larger than DynamoDB takes (small form of ``make crowds``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.crowds import APRIL, CROWDS, empty, measured, rest
from tests.world import ADV, CUSTOMER
from timus_autotask.ports.table import LARGEST_DOCUMENT, LARGEST_TRANSACTION, MOST_WRITES
from timus_autotask.sync.merge import MOST_EVENTS, merge_inbox


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_is_billed_right(name: str) -> None:
    """More than one transaction or one document holds; none is refused, and what is billed is what Timus says."""
    what, _, small, run = CROWDS[name]
    crowd = measured(what, small, run)
    assert crowd.most_writes <= MOST_WRITES
    assert crowd.largest <= LARGEST_TRANSACTION
    assert crowd.document <= LARGEST_DOCUMENT


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


def test_what_waits_is_read_once() -> None:
    """Merging a long inbox does not read it over and over: so many reads as there are portions, and one more."""
    world = empty()
    for n in range(3 * MOST_EVENTS):
        world.tell(n + 1, {ADV: 1 + n % 5})
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
    merge_inbox(CUSTOMER, replace(world.ports, table=counted), world.deadline)
    assert not world.ports.store.customer(CUSTOMER).inbox
    assert sum(reads) < 3 * (MOST_EVENTS + 20)


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
