"""What Powertools Idempotency finds in its store: the same on DynamoDB, with its own layer, and in the simulation of the peers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
)
from aws_lambda_powertools.utilities.idempotency.base import IdempotencyHandler
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError

from tests.simulation.peers.idempotency import TablePersistence, virtual_time
from tests.simulation.peers.stage import CALM, staged
from tests.simulation.rates import PROFILES
from tests.simulation.scheduler import Decisions
from tests.simulation.world import World

CHANGE = {"event": "evt_1", "delta": 3}
LEFT = timedelta(seconds=60)
"""What the function has left when it begins."""


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 15, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Context:
    """Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        return LEFT // timedelta(milliseconds=1)


class Dies(BaseException):
    """The process is gone in the middle of the function."""


@pytest.fixture
def clock() -> Iterator[SetClock]:
    """Virtual time, for the library too."""
    clock = SetClock()
    with virtual_time(clock):
        yield clock


@pytest.fixture(params=["simulated", pytest.param("emulator", marks=pytest.mark.emulator)])
def layer(request: pytest.FixtureRequest, clock: SetClock) -> BasePersistenceLayer:
    """An empty store, of either sort."""
    if request.param == "simulated":
        world = World(staged(0, PROFILES["calm"], CALM), Decisions(0), own_promises=False)
        return TablePersistence(world.table, clock)
    client, name = request.getfixturevalue("emulator").client("dynamodb"), f"idempotency-{uuid.uuid4()}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return DynamoDBPersistenceLayer(name, boto3_client=client)


@pytest.fixture
def run(layer: BasePersistenceLayer) -> Callable[[Callable[[], Any]], Any]:
    """Run a function once for the change, as the library understands once."""

    def run(function: Callable[[], Any]) -> Any:
        config = IdempotencyConfig(event_key_jmespath="event", lambda_context=Context())  # type: ignore[arg-type]
        return IdempotencyHandler(
            function, CHANGE, config, layer, function_args=(), function_kwargs={}
        ).handle()

    return run


Run = Callable[[Callable[[], Any]], Any]


def posts(what: str) -> Callable[[], Any]:
    """A function that answers."""

    def function() -> dict[str, str]:
        return {"posted": what}

    # The record's key has the function's name in it.
    function.__qualname__ = "post"
    return function


def fails(error: BaseException) -> Callable[[], Any]:
    """A function that raises."""

    def function() -> None:
        raise error

    function.__qualname__ = "post"
    return function


def test_what_was_done_is_answered_and_not_done_again_for_an_hour(run: Run, clock: SetClock) -> None:
    """The first answer is kept for the default expiry."""
    assert run(posts("first")) == {"posted": "first"}
    clock.sleep(3_599)
    assert run(posts("again")) == {"posted": "first"}
    clock.sleep(2)
    assert run(posts("again")) == {"posted": "again"}


def test_what_failed_is_done_again_at_once(run: Run) -> None:
    """The record is removed, whatever the function had done before it raised."""
    with pytest.raises(ZeroDivisionError):
        run(fails(ZeroDivisionError()))
    assert run(posts("again")) == {"posted": "again"}


def test_what_is_in_progress_is_held_back_until_its_time_is_over(run: Run, clock: SetClock) -> None:
    """Whoever died is taken over from when it can no longer be alive."""
    with pytest.raises(Dies):
        run(fails(Dies()))
    clock.sleep(LEFT.total_seconds() - 1)
    with pytest.raises(IdempotencyAlreadyInProgressError):
        run(posts("too early"))
    clock.sleep(2)
    assert run(posts("again")) == {"posted": "again"}
    assert run(posts("once more")) == {"posted": "again"}
