"""One stack for all tests of this folder; each test has a client of its own, so they do not disturb each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.e2e.deployed import ADV, GATEWAY, SETTLE_SECONDS, ZONE, Client, Deployed, tenant

OWN_STACK = {"test_enabling.py"}
"""Modules whose tests begin with a stack that nobody has touched."""


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The template on the emulator. Nobody sweeps unless a test does, besides the schedule itself each minute."""
    folder = tmp_path_factory.mktemp("deployed")
    scenario = folder / "tenant.json"
    scenario.write_text(json.dumps(tenant()))
    with LocalStack(
        port=0,
        scenario=str(scenario),
        settle_seconds=SETTLE_SECONDS,
        time_zone=ZONE,
        run_dir=folder / "run",
        sweep_every=None,
    ) as stack:
        deployed = Deployed(stack)
        yield deployed
        deployed.close()


@pytest.fixture
def client(deployed: Deployed) -> Client:
    """A mapped client."""
    return deployed.client()


@pytest.fixture(scope="session", autouse=True)
def killed(request: pytest.FixtureRequest) -> dict[str, Client]:
    """Clients whose worker was killed in the middle of a post, by what happens to that post.

    It is the first thing that happens in a run, since it takes more than a minute until the outcome may be read. Nothing happens if
    only tests with a stack of their own run.
    """
    here = {item.path.name for item in request.session.items if item.path.parent == Path(__file__).parent}
    if here <= OWN_STACK:
        return {}
    deployed: Deployed = request.getfixturevalue("deployed")
    clients: dict[str, Client] = {}
    for kind in ("slow", "timeout_before", "land_late"):
        clients[kind] = client = deployed.client()
        client.fault(kind, seconds=15)
        client.tell(7, {ADV: 28, GATEWAY: 1})
        deployed.eventually(lambda client=client: bool(client.posts()))  # type: ignore[misc]
        assert deployed.kill_worker() == 1
        assert [line.intent is not None for line in client.open] == [True]
    return clients


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `last` come last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
