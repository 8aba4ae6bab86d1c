"""What the worker needs of the world: every port in one place, handed to each use case."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import effective_day
from timus_autotask.ports.clock import Clock
from timus_autotask.ports.errors import QueueUnavailable
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.queue import WakeUps
from timus_autotask.ports.secrets import RefusedUser
from timus_autotask.ports.table import Table
from timus_autotask.store.records import Store


class Observing(RuntimeError):
    """Somebody was about to write to Autotask although the stage allows only reads."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the worker needs of the world."""

    table: Table
    autotask: Callable[[], Psa]
    """The client, signed in, for reads; for a write see ``writing``. Raises ``NotConfigured`` or ``SecretsUnavailable``."""
    credentials_refused: Callable[[], RefusedUser]
    """Called when Autotask refused the credentials: whose they were. They are read again next time."""
    clock: Clock
    zone: ZoneInfo
    """The partner's time zone."""
    settle: timedelta
    """How long an unknown outcome settles."""
    new_id: Callable[[], str] = lambda: random.token_hex(8)
    """A name that nobody else has, for leases and journal entries."""
    wake_ups: WakeUps | None = None
    """The queue. A worker that runs out of time hands the rest on to it; None: the sweep takes it."""
    on_event: Callable[..., None] = lambda _name, **_fields: None
    """Told of what happened, for logs and metrics: a name and fields."""

    @property
    def store(self) -> Store:
        """The records."""
        return Store(
            self.table,
            lambda error: self.on_event("record-unreadable", record=error.record, detail=error.why),
        )

    def writing(self, *, live: bool) -> Psa:
        """Autotask for a write that is about to be sent: the only way to one, so that no path slips past the stage.

        Raises :class:`Observing` for what is not live. Whoever asks has decided before not to write, so that is a bug.
        """
        if not live:
            raise Observing("a write to Autotask was about to be sent for what is observing")
        return self.autotask()

    def hand_on(self, customer_id: str) -> None:
        """Let the next worker go on at once with what there was no time for; it is due, so without a queue the sweep does."""
        if self.wake_ups is None:
            return
        try:
            self.wake_ups.send(customer_id, f"on-{customer_id}-{self.new_id()}")
        except QueueUnavailable:
            return  # the sweep goes on
        self.on_event("handed-on", customer=customer_id)

    def today(self) -> date:
        """The partner's local day."""
        return effective_day(self.clock.now(), self.zone)
