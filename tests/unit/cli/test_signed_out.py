"""While nobody asks Autotask, each command that reads it says until when, and what is to be done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.drift_table import aligned
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, GATEWAY
from timus_autotask.store.partner import Circuit, put_circuit

REHEARSED = [
    ("preview",),
    ("go-live", "--dry-run"),
    ("policy", "set", f"minimum.{GATEWAY}=2", "--yes"),
    ("resume", "--yes"),
    ("retry", str(CONTRACT), "--yes"),
    ("replay", "--since", "2026-03-01", "--yes"),
]
"""They show what workers would do, and those ask nobody while Autotask is away."""
READ = [
    ("preview", "--since", "2026-03-01"),
    ("ready",),
    ("ready", "--posted"),
    ("ledger",),
    ("map", "suggest"),
    ("map", "plan", "SASE-X", "--service", "46", "--yes"),
]


def away(*, signed_out: bool) -> Desk:
    """A client for whom a change waits, for nobody asks Autotask for the next 13:30 minutes."""
    world = aligned()
    now = world.clock.now()
    circuit = Circuit(now + timedelta(minutes=13, seconds=30), "It said no.", signed_out, now)
    world.ports.store.commit(put_circuit(circuit, world.ports.store.circuit().rev))
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()
    return Desk(world)


@pytest.mark.parametrize("words", [*REHEARSED, *READ, ("reconcile",)], ids=" ".join)
def test_an_api_user_who_was_refused_is_not_waited_for(words: tuple[str, ...]) -> None:
    """Until when nobody asks is said, and the command that sets another one; nothing asks Autotask, and nothing is written."""
    desk = away(signed_out=True)
    desk.world.control.clear_requests()
    said = desk.refused(*words)
    assert (
        f"{desk.world.clock.now() + timedelta(minutes=13, seconds=30):it is not asked before %H:%M} UTC: It said no"
        in said
    )
    assert "Set an API user with: timus-autotask credentials set." in said
    assert "try again in" not in said
    assert not desk.world.control.requests()


@pytest.mark.parametrize("words", [*REHEARSED, ("reconcile",)], ids=" ".join)
def test_autotask_that_is_away_is_waited_for_as_long_as_nobody_asks(words: tuple[str, ...]) -> None:
    """A minute would be too early, and no API user is at fault."""
    desk = away(signed_out=False)
    said = desk.refused(*words)
    assert ("The next run goes on" if words == ("reconcile",) else "; try again in 14 minutes.") in said
    assert "it is not asked before" in said
    assert "credentials set" not in said
