"""A refused API user is not tried again by each command: failed logins lock it."""

from __future__ import annotations

from datetime import date

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.ports.errors import CredentialsRefused

ASKING = (
    ("preview", "--since", "2026-03-01"),
    ("map", "customer", "cus_b", "--company", "601", "--contract", "29683950", "--unknown", "--yes"),
    ("map", "plan", ADV, "--service", "45", "--yes"),
    ("ready",),
    ("ready", "--posted"),
    ("ledger",),
    ("evidence", "--customer", CUSTOMER, "--month", "2026-03"),
    ("map", "suggest"),
    ("reconcile",),
    ("retry", str(CONTRACT), "--yes"),
)
"""Commands that ask Autotask."""


@pytest.fixture
def desk() -> Desk:
    """A stack whose workers were refused a moment ago."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25})
    world.work()
    world.api.faults.add(Fault("unauthorized", times=None))
    world.tell(8, {ADV: 28})
    world.work()
    return Desk(world)


@pytest.mark.parametrize("order", ASKING, ids=lambda order: " ".join(order[:2]))
def test_no_command_signs_in_while_the_workers_do_not(desk: Desk, order: tuple[str, ...]) -> None:
    """It says until when, or shows what it can without Autotask."""
    desk.world.control.clear_requests()
    desk.run(*order)
    assert [one["entity"] for one in desk.world.control.requests()] == []
    desk.world.api.faults.clear()
    desk.world.clock.advance(16 * 60)
    desk.world.sweep()
    assert desk.world.units(ADV, date(2026, 3, 16)) == 28
    assert desk.run("ready", "--posted").status in (0, 1)
    assert desk.world.control.requests()


def test_a_command_that_is_refused_itself_does_not_ask_again(desk: Desk) -> None:
    """The pause of the workers is over, and the report asks for forty clients."""
    desk.world.clock.advance(16 * 60)
    desk.world.control.clear_requests()
    autotask = desk.deployment("").ports.autotask
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            autotask().contracts([CONTRACT])
    asked = len(desk.world.control.requests())
    assert 0 < asked <= 5
