"""What watching keeps between two looks: the run of a reconcile and what it found, when the gauges were measured, and the tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from timus_autotask.domain.finding import Finding
from timus_autotask.domain.ticket import Ticket
from timus_autotask.ports.table import Data, Delete, Document, Put, Table
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import OnUnreadable, RecordUnreadable, Stored, read_as, readable_or

T = TypeVar("T")

MOST_FOUND = 100
"""Findings that are kept of one contract or customer: each has a few sentences, and they stand in one document."""
GIVEN_UP = timedelta(hours=24)
"""A run that was begun longer ago is not continued."""


@dataclass(frozen=True, slots=True)
class Run:
    """One reconcile: how far it is, and what it has found."""

    id: str = ""
    started: datetime | None = None
    day: date | None = None
    """The partner's day on which it began."""
    deep: bool = False
    """Every row is read."""
    cursor: int = 0
    """Contracts with an id up to this one are done."""
    contracts: int = 0
    """How many were looked at."""
    of: int = 0
    """How many there are."""
    lines: int = 0
    calls: int = 0
    """Requests that were made of Autotask."""
    found: Mapping[str, int] = field(default_factory=dict)
    """Findings by kind."""
    drift: int = 0
    """Findings of what somebody else did."""
    woken: int = 0
    """Contracts that were made due."""
    busy: int = 0
    """Contracts that a worker was at or is about to be at: it looks at everything that is looked at here."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, for people."""
    stopped: str = ""
    """Why it stopped before the end, for people."""
    finished: datetime | None = None

    def goes_on(self, now: datetime) -> bool:
        """Whether it was begun and is to be continued."""
        begun = self.started is not None and now < self.started + GIVEN_UP
        return bool(self.id) and self.finished is None and begun


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted so far of customers and their lines."""

    after: str = ""
    """Customers with an id up to this one are counted."""
    aligned: int = 0
    """Customers."""
    not_aligned: int = 0
    unmapped: int = 0
    """Customers without a contract."""
    ignored: int = 0
    """Customers who are to have none."""
    observing: int = 0
    """Customers who are not live; they are in neither of the two."""
    parked: int = 0
    """Lines, like those that follow."""
    held: int = 0
    """Awaiting approval."""
    paused: int = 0
    rejected: int = 0
    """With a change that was rejected and is still lacking, whatever else they wait for."""
    settling: int = 0
    drifting: int = 0
    parked_long: int = 0
    oldest: datetime | None = None
    """When the oldest change came in that waits for nobody's decision and no later day."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """When the gauges were measured."""

    since: datetime
    """For the first time."""
    at: datetime
    """For the last time."""
    tally: Tally | None = None
    """A count that is not finished yet."""
    zone: str = ""
    """In which time zone the days are billed, by its IANA name. A stack that takes up the table goes by it. Empty: an earlier version wrote it."""


@dataclass(frozen=True, slots=True)
class Tickets:
    """The tickets for alarms."""

    at: datetime | None = None
    """When the alarms were last asked for."""
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    """By alarm."""


@dataclass(frozen=True, slots=True)
class SentDigest:
    """The digest that was sent last."""

    at: datetime
    """What it covers: until then. The next one goes on from there."""


_SENT = Codec(SentDigest)
_RUN, _FINDING = Codec(Run), Codec(Finding, {"message": "words"})
_GAUGES, _TICKETS = Codec(Gauges), Codec(Tickets)


def last_run(table: Table) -> Stored[Run]:
    """The run that was begun last."""
    return last_run_in([document] if (document := table.get(keys.RUN)) else ())


def last_run_in(documents: Iterable[Document]) -> Stored[Run]:
    """The same, among the partner's documents."""
    document = next((one for one in documents if one.key == keys.RUN), None)
    return readable_or(Run(), _RUN.load, document)


def put_run(run: Run, expected: int) -> Put:
    """Store how far a run is."""
    return Put(keys.RUN, _RUN.dump(run), expected)


def findings(table: Table, on_unreadable: OnUnreadable = lambda _error: None) -> Iterator[Finding]:
    """What is known to be found: by the last run, and where that has not come yet, by the one before.

    ``on_unreadable`` is told of what cannot be read; the next run writes it anew.
    """

    def loaded(data: Data) -> list[Finding]:
        return [_FINDING.load(each) for each in data["findings"]]

    for document in table.range(keys.PARTNER, *keys.FOUND_BY_RUNS):
        try:
            yield from read_as(loaded, document)
        except RecordUnreadable as error:
            on_unreadable(error)


def put_found(subject: str, run_id: str, found: Sequence[Finding], table: Table) -> Put:
    """Store what a run found about a contract or a customer, in place of what was found about it before.

    At most ``MOST_FOUND`` of it; how many there were in all is in the run.
    """
    stored = table.get(keys.found_key(subject))
    data = {"run": run_id, "findings": [_FINDING.dump(each) for each in found[:MOST_FOUND]]}
    return Put(keys.found_key(subject), data, stored.rev if stored else 0)


def delete_found_before(run_id: str, table: Table) -> Iterator[Delete]:
    """Forget what earlier runs found and this one did not."""
    for document in table.range(keys.PARTNER, *keys.FOUND_BY_RUNS):
        if document.data.get("run") != run_id:
            yield Delete(document.key, document.rev)


def gauges(table: Table) -> Stored[Gauges] | None:
    """When the gauges were measured; None: never, or it cannot be read."""
    return _if_readable(_GAUGES.load, table.get(keys.GAUGES))


def gauges_or(fresh: Gauges, table: Table) -> Stored[Gauges]:
    """The same, to be written over."""
    return readable_or(fresh, _GAUGES.load, table.get(keys.GAUGES))


def put_gauges(gauges: Gauges, expected: int) -> Put:
    """Store when the gauges were measured."""
    return Put(keys.GAUGES, _GAUGES.dump(gauges), expected)


def tickets(table: Table) -> Stored[Tickets]:
    """The tickets for alarms."""
    document = table.get(keys.TICKETS)
    return Stored(read_as(_TICKETS.load, document), document.rev) if document else Stored(Tickets())


def put_tickets(kept: Tickets, expected: int) -> Put:
    """Store the tickets for alarms."""
    return Put(keys.TICKETS, _TICKETS.dump(kept), expected)


def sent_digest(table: Table) -> Stored[SentDigest] | None:
    """The digest that was sent last; None: there was none, or it cannot be read."""
    return _if_readable(_SENT.load, table.get(keys.DIGEST))


def put_sent_digest(sent: SentDigest, expected: int) -> Put:
    """Store that one was sent."""
    return Put(keys.DIGEST, _SENT.dump(sent), expected)


def _if_readable(load: Callable[[Data], T], document: Document | None) -> Stored[T] | None:
    try:
        return Stored(read_as(load, document), document.rev) if document else None
    except RecordUnreadable:
        return None
