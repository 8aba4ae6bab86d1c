"""An event after it was merged, or parked: its bytes as they came, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from timus_autotask.domain.history import WouldChange
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED, Parked
from timus_autotask.ports.table import Data, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.inbox import raw_of

KEPT_DAYS = 400
"""How long a merged event is kept: thirteen months, a year's audit and the month before."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A person said that a parked event was a mistake."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A merged event: its bytes as they came, and what became of it."""

    key: str
    event_id: str
    body: str
    encoding: str
    received_at: datetime
    merged_at: datetime
    outcome: str
    """``merged``, ``duplicate``, ``superseded``, ``noted``, ``parked`` or ``dismissed``."""
    customer_id: str
    event_type: str = ""
    subscription_id: str = ""
    version: int = 0
    day: str = ""
    """The effective day that was decided, as ``YYYY-MM-DD``."""
    parked: Parked | None = None
    would_change: tuple[WouldChange, ...] = ()
    """Of a superseded event: what it would have changed."""
    actor: str | None = None
    dismissed: Dismissal | None = None
    """Of a dismissed event, which keeps what it was parked for."""
    other_customer: str = ""
    """Of an event that says another customer than the one whose the subscription is: that one. Empty: of any other event."""

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        return raw_of(self.body, self.encoding)


_EVENT = Codec(EventRecord, {"would_change": "evidence"})


def event_in(data: Data) -> EventRecord:
    """A merged event. Earlier versions wrote the other customer only into the facts of the reason."""
    record = _EVENT.load(data)
    parked = record.parked
    if parked is None or parked.code != SUBSCRIPTION_MOVED or record.other_customer:
        return record
    return replace(record, other_customer=str(parked.facts.get("other", "")))


def put_event(record: EventRecord, expected: int = 0) -> Put:
    """Store a merged event. It exists once: a second one with the same key raises ``Conflict``."""
    return Put(
        keys.event_key(record.customer_id, record.key),
        _EVENT.dump(record),
        expected,
        kind="parked-event" if record.outcome == "parked" else "event",
        sort=record.received_at.isoformat(),
        expires_at=None
        if record.outcome == "parked"
        else int(record.received_at.timestamp()) + KEPT_DAYS * 86400,
    )
