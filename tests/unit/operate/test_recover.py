"""Redrive, replay, and a table from an earlier point in time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.bench.growth import metered
from tests.crowd import settled
from tests.deployment import deployment_of
from tests.drift_table import aligned, look
from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.memory_table import MemoryTable, _row_of
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.domain.line import State
from timus_autotask.operate.recover import (
    Redriven,
    after_restore,
    redrive,
    replay,
    replayable,
    wait_for_workers,
)
from timus_autotask.ports.table import Put
from timus_autotask.sync.merge import wake_contract
from timus_autotask.timus import events as timus_events

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def redriven(world: World, dead: MemoryQueue, ponders: float = 0) -> Redriven:
    """What a redrive has done whose operator ponders for so many seconds."""
    proposal = redrive(deployment_of(world, dead_letters=dead), "j.doe")
    world.clock.advance(ponders)
    done = proposal.commit()
    world.clock.advance(360)
    assert done.result == proposal.result
    return done.result


class TestRedrive:
    """Dead letters are wake-ups, so sending them again is always safe."""

    @pytest.mark.parametrize("ponders", [0, 360])
    def test_what_failed_for_good_is_done(self, ponders: float) -> None:
        """The event itself was in the table all the time. A message that was seen longer ago than its receipt is good for goes too."""
        world = aligned()
        dead = MemoryQueue(world.clock)
        world.tell(2, {ADV: 31})
        for message in world.queue.receive():
            dead.send(CUSTOMER, message.dedup_id)
            world.queue.delete(message.receipt)
        assert redriven(world, dead, ponders) == Redriven((CUSTOMER,))
        assert sum(dead.depth()) == 0
        world.work()
        assert world.units(ADV, date(2026, 3, 17)) == 31
        assert redriven(world, dead) == Redriven(())

    def test_one_too_many_does_nothing(self) -> None:
        """A wake-up without work posts nothing."""
        world = aligned()
        dead = MemoryQueue(world.clock)
        for number in range(12):
            dead.send(CUSTOMER if number % 2 else "cus_other", f"dead-{number}")
        posted = world.posted()
        done = redriven(world, dead)
        assert (sorted(done.woken), done.strange) == ([CUSTOMER, "cus_other"], ())
        world.work()
        assert world.posted() == posted

    def test_what_is_no_wake_up_stays(self) -> None:
        """It is shown, and nothing is lost."""
        world = aligned()
        dead = MemoryQueue(world.clock)
        dead._add("?", "group", "id")
        assert redriven(world, dead) == Redriven((), ("?",))
        assert sum(dead.depth()) == 1


def _replay_all(world: World, *, parked: bool = False) -> int:
    events = [*replayable(world.ports.store, LONG_AGO, parked=parked)]
    done = sum(replay(event, world.ports) for event in events)
    world.pass_time(minutes=1)
    return done


class TestReplay:
    """Stored events into the inbox again."""

    def test_it_changes_nothing_where_everything_is_known(self) -> None:
        """The history knows them; outcomes, units and adjustments stay as they were."""
        world = aligned()
        for version, units in ((2, 31), (3, 30)):
            world.tell(version, {ADV: units})
        world.tell(1, {ADV: 28}, event_id="again")
        world.work()
        world.pass_time(days=2)
        before = sorted((event.key, event.outcome) for event in world.ports.store.events())
        posted = world.posted()
        for _ in range(2):
            assert _replay_all(world) == 4
            assert sorted((event.key, event.outcome) for event in world.ports.store.events()) == before
        world.pass_time(days=1)
        assert world.posted() == posted

    def test_what_is_understood_only_now_is_followed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After an upgrade, events that were parked as not understood are merged and leave the list of parked ones."""
        world = aligned()
        understand = timus_events.understand
        monkeypatch.setattr(
            "timus_autotask.timus.events.understand", lambda *_: timus_events.NotUnderstood("a new field")
        )
        world.tell(2, {ADV: 31})
        world.work()
        assert len([*world.ports.store.parked_events()]) == 1
        monkeypatch.setattr("timus_autotask.timus.events.understand", understand)
        assert _replay_all(world, parked=True) == 1
        assert [*world.ports.store.parked_events()] == []
        assert world.units(ADV, date(2026, 3, 17)) == 31

    def test_it_brings_back_a_history_that_was_lost(self) -> None:
        """The events are kept for thirteen months: a subscription can be built again from them."""
        world = aligned()
        world.tell(2, {ADV: 31})
        world.work()
        world.pass_time(days=2)
        [document] = [d for d in world.table.documents() if d.key.sk.startswith("SUBSCRIPTION#")]
        world.table._delete(document.key)
        posted = world.posted()
        assert _replay_all(world) == 2
        known = world.ports.store.customer(CUSTOMER).subscriptions["sub_8f2c1a"].value
        assert [version.number for version in known.versions] == [1, 2]
        assert world.posted() == posted

    def test_a_second_replay_at_the_same_time_does_nothing(self) -> None:
        """What waits in the inbox is not put there twice."""
        world = aligned()
        [event] = replayable(world.ports.store, LONG_AGO)
        assert replay(event, world.ports)
        assert not replay(event, world.ports)

    def test_only_what_is_asked_for(self) -> None:
        """One customer's, and from a day on."""
        world = aligned()
        assert [*replayable(world.ports.store, LONG_AGO, "cus_other")] == []
        assert [*replayable(world.ports.store, world.clock.now())] == []


def _copied(source: MemoryTable, target: MemoryTable) -> MemoryTable:
    """Every document as it is, with its revision."""
    for d in source.documents():
        target._put(_row_of(Put(d.key, d.data, d.rev - 1, d.due_at, d.kind, d.sort, d.expires_at)))
    return target


def _snapshot(world: World) -> MemoryTable:
    return _copied(world.table, MemoryTable())


def _restored(world: World, earlier: MemoryTable) -> None:
    """The table becomes what it was."""
    for document in world.table.documents():
        world.table._delete(document.key)
    _copied(earlier, world.table)


class TestAfterARestore:
    """The table is older than Autotask."""

    def test_what_is_known_no_more_is_not_posted_again(self) -> None:
        """Timus raised and took back since; the restored table knows of the raise only, and has it still to do."""
        world = aligned()
        world.tell(2, {ADV: 31})
        earlier = _snapshot(world)
        world.work()
        world.pass_time(days=1)
        world.tell(3, {ADV: 28})
        world.work()
        world.pass_time(days=1)
        assert world.units(ADV, date(2026, 3, 19)) == 28
        posted = world.posted()
        _restored(world, earlier)
        assert after_restore(world.ports) == (CONTRACT,)
        world.work()
        for _ in range(3):
            world.pass_time(days=1)
        assert world.posted() == posted
        line = world.line(ADV)
        assert line.state is State.PARKED
        assert line.parked
        assert line.parked.code in ("paused", "drift")

    def test_a_line_that_is_as_it_should_be_is_taken_as_it_is(self) -> None:
        """It was adjusted since, and the history that asks for it is there: nothing is parked."""
        world = aligned()
        world.tell(2, {ADV: 31})
        earlier = _snapshot(world)
        world.work()
        world.pass_time(days=1)
        assert world.units(ADV, date(2026, 3, 18)) == 31
        posted = world.posted()
        _restored(world, earlier)
        after_restore(world.ports)
        world.pass_time(minutes=5)
        assert world.line(ADV).state in (State.APPLIED, State.SCHEDULED)
        assert world.posted() == posted

    def test_a_line_that_is_not_parks_until_timus_has_been_asked(self) -> None:
        """What came since is lost: Autotask's 31 are parked as drift, reconcile tells both numbers, and the export mends it."""
        world = aligned()
        earlier = _snapshot(world)
        day = world.clock.now()
        world.tell(2, {ADV: 31}, effective=day)
        world.work()
        world.pass_time(days=1)
        posted = world.posted()
        _restored(world, earlier)
        after_restore(world.ports)
        world.pass_time(minutes=5)
        assert world.line(ADV).parked
        assert [(finding.ours, finding.autotask) for finding in look(world) if finding.is_drift] == [(28, 31)]
        world.tell(2, {ADV: 31}, effective=day, event_id="from-the-export")
        world.work()
        world.pass_time(minutes=20)
        assert world.line(ADV).state is State.APPLIED
        assert world.posted() == posted

    def test_who_waits_for_the_workers_looks_at_what_is_left(self) -> None:
        """Which contracts there are is listed to begin with, and once none of those is left: others may have been woken meanwhile."""
        world = settled(5)
        after_restore(world.ports)
        asked: list[list[str]] = []
        tally, deployment = metered(world.table), deployment_of(world)

        def sleep(seconds: float) -> None:
            asked.append(sorted(tally.requests.elements()))
            world.clock.advance(seconds)
            if len(asked) >= 3:
                world.sweep()
            if len(asked) == 3:
                world.ports.store.commit(wake_contract(10_006, world.ports))
            tally.requests.clear()

        world.clock.sleep = sleep  # type: ignore[method-assign]
        assert wait_for_workers(deployment) == 0
        look = ["dynamodb.BatchGetItem"]
        lists = [*look, *["dynamodb.Query"] * 3]
        assert asked == [lists, look, look, [*look, *lists]]
        assert sorted(tally.requests.elements()) == [*look, *lists]

    def test_it_may_be_repeated(self) -> None:
        """Paused is paused, and a contract may be looked at as often as anybody likes."""
        world = aligned()
        world.ports.store.commit(wake_contract(CONTRACT, world.ports))
        assert after_restore(world.ports) == after_restore(world.ports) == (CONTRACT,)
        world.pass_time(minutes=1)
        assert world.line(ADV).state is State.APPLIED
        assert world.ports.store.partner().terms.value.values["paused"] is True
