"""A deployed stack as its operator needs it: the worker's ports, and what only a person asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from timus_autotask.ports.clock import Clock
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.ports.secrets import Credentials, Secrets
from timus_autotask.ports.table import Document, Table
from timus_autotask.store.records import Store
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.health import Limits
from timus_autotask.watch.status import Each


class Queue(Protocol):
    """The queue of wake-ups, with how many wait. Both raise ``QueueUnavailable``."""

    def send(self, customer_id: str, dedup_id: str) -> None: ...

    def depth(self) -> QueueDepth: ...


class ReceivedLetter(Protocol):
    """One message of the dead-letter queue."""

    @property
    def body(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def receipt(self) -> str: ...


class DeadLetters(Protocol):
    """The dead-letter queue, from the receiving side. All raise ``QueueUnavailable``."""

    def receive(self, limit: int = 10) -> Sequence[ReceivedLetter]:
        """Some messages that are not in anybody's hands; none when the queue is empty."""
        ...

    def delete(self, receipt: str) -> object:
        """Take a received message out."""
        ...

    def depth(self) -> QueueDepth: ...


class NotDelivered(Exception):
    """Nothing answers where webhooks are sent to; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is, by CloudFormation."""

    account: str = ""
    region: str = ""
    status: str = "CREATE_COMPLETE"
    """CloudFormation's own word for how its last deployment ended."""

    @property
    def settled(self) -> bool:
        """Whether what was deployed last is what runs."""
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")


def _nowhere(_headers: Mapping[str, str], _body: bytes) -> tuple[int, str]:
    raise NotDelivered("there is no way to it")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the use cases of an operator need of the world."""

    stack: str
    ports: Ports
    """The worker's own; their ``wake_ups`` is ``queue``."""
    queue: Queue
    dead_letters: DeadLetters
    secrets: Secrets
    store_credentials: Callable[[Credentials], None]
    """Keep the Autotask API user. Raises ``SecretsUnavailable``."""
    autotask_as: Callable[[Credentials], Psa]
    """Autotask with other credentials than those that are kept, to try them. ``ValueError``: no header can carry them."""
    webhook_url: str
    deliver: Callable[[Mapping[str, str], bytes], tuple[int, str]] = _nowhere
    """Send a body with these headers to ``webhook_url``; status and text of the answer. Raises :class:`NotDelivered`."""
    place: Place = Place()
    stacks: Callable[[], Sequence[str]] = lambda: ()
    """The names of all our stacks in the same account and region; none where they may not be listed."""
    vendor_code: str = ""
    """The tracking identifier of a registered integration vendor; ``""``: each API user has one of its own."""
    quiet_seconds: int = 0
    """How long the queue holds a wake-up back."""
    opens_tickets: bool = False
    """Alarms open tickets in Autotask."""
    limits: Limits = field(default_factory=Limits)
    """From where on a number is wrong."""
    each: Each = map
    """``map``, or one that makes several calls at a time."""
    earlier: Callable[[datetime, Callable[[str], None]], Iterable[Document]] = lambda _moment, _on_wait: ()
    """Every record as it was at an earlier moment; tells in words while that takes its time. Raises ``TableUnavailable``."""
    caller: Callable[[], str] = lambda: ""
    """Who asks, by AWS's own account: the last part of an ARN, as in ``user/anna``; empty: AWS does not say."""
    autotask_pages: Callable[[], str] = lambda: ""
    """Start of links into Autotask's own pages; empty: it is not known. Raises ``AutotaskError`` and ``NotConfigured``."""
    close: Callable[[], None] = lambda: None
    """Give the connections back."""

    @property
    def table(self) -> Table:
        """Where the records are."""
        return self.ports.table

    @property
    def store(self) -> Store:
        """The records."""
        return self.ports.store

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.ports.clock

    @property
    def zone(self) -> ZoneInfo:
        """The partner's time zone."""
        return self.ports.zone

    @property
    def today(self) -> date:
        """The partner's local day."""
        return self.ports.today()
