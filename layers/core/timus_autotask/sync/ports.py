"""What the worker needs of the world: every port in one place, handed to each use case."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import effective_day
from timus_autotask.ports.clock import Clock
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.queue import WakeUps
from timus_autotask.ports.table import Table
from timus_autotask.store.records import Store


@dataclass(frozen=True, slots=True)
class Ports:
    """What the worker needs of the world."""

    table: Table
    autotask: Callable[[], Psa]
    """The client, signed in. Raises ``NotConfigured`` or ``SecretsUnavailable``."""
    credentials_refused: Callable[[], None]
    """Told when Autotask refused the credentials, so that they are read anew next time."""
    clock: Clock
    zone: ZoneInfo
    """The partner's time zone."""
    settle: timedelta
    """How long an unknown outcome settles."""
    new_id: Callable[[], str] = lambda: random.token_hex(8)
    """A name that nobody else has, for leases and journal entries."""
    wake_ups: WakeUps | None = None
    """Where the sweep hands over what it has no time for."""
    on_event: Callable[..., None] = lambda _name, **_fields: None
    """Told of what happened, for logs and metrics: a name and fields."""

    @property
    def store(self) -> Store:
        """The records."""
        return Store(self.table)

    def today(self) -> date:
        """The partner's local day."""
        return effective_day(self.clock.now(), self.zone)
