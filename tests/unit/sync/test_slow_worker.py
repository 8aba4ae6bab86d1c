"""A worker that stands still at a bad moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, GATEWAY, World
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
