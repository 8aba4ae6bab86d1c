"""What can only be asked at the end of the run; these tests come last (see ``conftest``)."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from tests.contract.conformity import check
from tests.e2e.deployed import ADV, SETTLE_SECONDS, Client, Deployed, day

pytestmark = [pytest.mark.emulator, pytest.mark.last]


def test_a_worker_that_was_killed_in_the_middle_of_a_post(killed: dict[str, Client]) -> None:
    """SIGKILL while a post is under way: it landed, it lands later, it never does; each is billed exactly once.

    Nobody posts before the dead worker's deadline of a minute and the settling time are over; then a read decides.
    """
    for kind, client in killed.items():
        client.rests(60 + 5 + SETTLE_SECONDS + 60, sweep=True)
        # Its time may have come while another test had paused everything or set a limit of the day for all: once more, then.
        client.comes_due(client.contract)
        client.deployed.stack.invoke("Sweep")
        client.rests(sweep=True)
        assert client.posts("committed") == [(ADV, 3, day(0))], kind
        assert len(client.posts()) == (2 if kind == "timeout_before" else 1), kind
        assert client.units(ADV, day(0)) == 28


def test_every_request_is_one_that_autotask_publishes(deployed: Deployed) -> None:
    """Paths, verbs, property names and types of all that reached the simulator in this run."""
    requests = deployed.autotask("GET", "requests")
    found = {
        violation
        for one in requests
        for violation in check(
            one["method"],
            one["path"],
            dict(parse_qsl(one["query"])),
            json.loads(one["body"]) if one["body"] else None,
        )
    }
    assert found == set()
    assert {one["entity"] for one in requests} >= {"Contracts", "Services", "ContractServiceUnits"}
