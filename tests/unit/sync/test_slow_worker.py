"""A worker that stands still at a bad moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from local.autotask.faults import Fault, NeverSent
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SCENARIO, World
from timus_autotask.domain.line import Answer, State, Why
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.worker import converge


def test_what_a_read_shows_is_as_old_as_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read from before the end of the settling time decides nothing, however long the worker stood still after it."""
    world = World()
    world.api.set_switch("same_day", "sum")
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.faults.add(Fault("land_late", entity="ContractServiceAdjustments", times=1, seconds=895))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    intent = world.line(ADV).intent
    assert intent is not None
    world.clock.advance_to(intent.settles_at - timedelta(seconds=10))
    world.tell(9, {ADV: 28, GATEWAY: 1})
    answer = world.api.handle

    def slow(method: str, url: str, headers: Any, body: bytes) -> Any:
        reply = answer(method, url, headers, body)
        if "ContractServiceUnits" in url:
            world.clock.advance(12)
        return reply

    monkeypatch.setattr(world.api, "handle", slow)
    world.work()
    world.pass_time(minutes=2)
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_news_that_comes_when_no_time_is_left_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose time is up gives the contract back even if it has just changed."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    answer, again = world.api.handle, list[str]()

    def slow(method: str, url: str, headers: Any, body: bytes) -> Any:
        reply = answer(method, url, headers, body)
        if "Contracts/" in url and not again:
            again.append(url)
            world.clock.advance(40)
            world.map_customer()
        return reply

    monkeypatch.setattr(world.api, "handle", slow)
    world.work()
    converge(CONTRACT, world.ports, world.deadline)
    assert world.ports.store.contract(CONTRACT).state.value.lease is None


SKUS = {f"SKU-{n:02}": 100 + n for n in range(60)}


def many_lines(world: World) -> None:
    """Sixty services, with a change of each to be made on one contract."""
    world.ports = replace(world.ports, wake_ups=world.queue)
    world.map_customer()
    world.work()
    world.tell(7, dict.fromkeys(SKUS, 3))


SIXTY = {
    **SCENARIO,
    "services": [
        {
            "id": n,
            "name": sku,
            "sku": sku,
            "billingCodeID": 9,
            "periodType": 2,
            "isActive": True,
            "unitPrice": 1,
        }
        for sku, n in SKUS.items()
    ],
    "contracts": [{**SCENARIO["contracts"][0], "lines": []}],
}


def slow_answers(world: World, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Each answer of Autotask takes so long."""
    answer = world.api.handle

    def slow(method: str, url: str, headers: Any, body: bytes) -> Any:
        reply = answer(method, url, headers, body)
        world.clock.advance(seconds)
        return reply

    monkeypatch.setattr(world.api, "handle", slow)


def test_a_worker_whose_time_is_up_keeps_what_it_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one reads back at once, instead of waiting a quarter of an hour for an answer that was there."""
    world = World()
    world.ports = replace(world.ports, wake_ups=world.queue)
    world.map_customer()
    world.work()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    answer = world.api.handle

    def slow(method: str, url: str, headers: Any, body: bytes) -> Any:
        reply = answer(method, url, headers, body)
        if "ContractServiceAdjustments" in url:
            world.clock.advance(45)
        return reply

    monkeypatch.setattr(world.api, "handle", slow)
    [message] = world.queue.receive(10)
    apply_customer(CUSTOMER, world.ports, world.deadline)
    intent = world.line(ADV).intent
    assert intent is not None
    assert intent.answer is Answer.ACCEPTED
    world.queue.delete(message.receipt)
    before = world.clock.now()
    world.work()  # what was handed on
    assert world.line(ADV).intent is None
    assert world.line(ADV).state is State.APPLIED
    assert world.clock.now() - before < timedelta(minutes=1)
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_what_there_is_no_time_for_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty changes with 0.3 seconds an answer take more than one worker's minute; the next one goes on at once, none waits."""
    world = World(scenario=SIXTY)
    many_lines(world)
    slow_answers(world, monkeypatch, 0.3)
    begun = world.clock.now()
    world.work()
    assert len(world.posted()) == 60
    assert world.clock.now() - begun < timedelta(minutes=3)
    assert {stored.value.state for stored in world.ports.store.contract(CONTRACT).lines.values()} == {
        State.APPLIED
    }
    assert [name for name, _ in world.happened].count("handed-on") >= 1


def test_a_queue_that_is_away_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be handed on is due: the sweep goes on with it within a minute."""
    world = World(scenario=SIXTY)
    many_lines(world)
    slow_answers(world, monkeypatch, 0.3)
    world.ports = replace(world.ports, wake_ups=None)
    world.work()
    assert 0 < len(world.posted()) < 60
    for _ in range(5):
        world.pass_time(minutes=1)
    assert len(world.posted()) == 60


def test_a_renewal_is_journalled_though_autotask_is_away_once_it_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker that extended the contract gives it back by what it knows; then all goes on."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.tell(8, {ADV: 28, GATEWAY: 1}, term_end=date(2027, 12, 31))
    answer, away = world.api.handle, False

    def gone(method: str, url: str, headers: Any, body: bytes) -> Any:
        nonlocal away
        if away and "/Contracts" not in url:
            raise NeverSent("away")
        away |= method == "PATCH"
        return answer(method, url, headers, body)

    monkeypatch.setattr(world.api, "handle", gone)
    world.work()
    assert away
    monkeypatch.setattr(world.api, "handle", answer)
    assert [one.why for one in world.ports.store.changes()] == [Why.RENEWED]
    world.pass_time(minutes=30)
    assert world.posted() == [(45, 3, "2026-03-15")]
