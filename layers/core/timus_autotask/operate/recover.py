"""Use cases: bring back what failed, was lost or was not understood. Each is safe to repeat.

redrive:        wake-ups that failed for good go back into the queue; they are wake-ups only, so one too many does nothing
replay:         events that were merged go into the inbox again; the history says of each that it knows it
put_back:       the records of an earlier time are brought back into the table
after_restore:  a table from an earlier point in time is made safe to work with
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from timus_autotask.domain.line import Line
from timus_autotask.operate.deployment import DeadLetters, Deployment, ReceivedLetter
from timus_autotask.operate.mapping.known import require_customer
from timus_autotask.operate.proposal import Asked, Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.reconcile import AT_MOST, Reconciled, compare_with_autotask, unseen
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Senseless
from timus_autotask.ports.errors import Conflict, QueueUnavailable
from timus_autotask.ports.queue import wake_up_of
from timus_autotask.ports.table import Damaged, Data, Delete, Document, Put, Table, Write
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.inbox import Delivery, put_delivery
from timus_autotask.store.journal import Journal, journals_of, with_newest_head, with_what_was_done_since
from timus_autotask.store.keys import CHANGE, CONTRACT, EVENT, LINE, event_key, policy_key
from timus_autotask.store.lines import line_in, put_line
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.reading import RecordUnreadable, Stored, read_as, readable_or
from timus_autotask.store.records import Store
from timus_autotask.store.runs import Run
from timus_autotask.store.terms import put_terms
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.forms import adjustments_form
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.status import Each
from timus_autotask.watch.wording import counted

# -- Redrive


@dataclass(frozen=True, slots=True)
class Redriven:
    """Wake-ups that failed for good and are sent again."""

    woken: tuple[str, ...]
    """Customers."""
    strange: tuple[str, ...] = ()
    """Bodies that are no wake-up; they stay where they are."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"woken": [*self.woken], "strange": [*self.strange]}


def redrive(deployment: Deployment, by: str, on_progress: Progress = quiet) -> Proposal[Redriven]:
    """Send every dead letter's wake-up again.

    A message is deleted once its wake-up is sent; should this die in between, the customer is woken twice.
    """
    letters = {letter.message_id: letter for letter in _received(deployment.dead_letters)}
    woken, strange = _dead_wake_ups(letters.values())
    customers = tuple(dict.fromkeys(woken.values()))

    def act(ports: Ports) -> Redriven:
        if customers:
            ports.store.commit(put_decision(new_decision("redrive", customers, by, "", ports)))
        for message_id, customer in woken.items():
            if ports.wake_ups is not None:
                ports.wake_ups.send(customer, f"redrive-{message_id}")
        return Redriven(customers, strange)

    def finish(queued: bool) -> None:
        if not queued:
            raise QueueUnavailable(
                "not every wake-up could be sent again; those that failed stay where they are"
            )
        _take_out([letters[message_id] for message_id in woken], deployment.dead_letters)

    return propose(deployment, lambda: Prepared(act, finish=finish), on_progress)


def _dead_wake_ups(letters: Iterable[ReceivedLetter]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Customers by the id of the message that was to wake them, and bodies that are no wake-up."""
    customers: dict[str, str] = {}
    strange: list[str] = []
    for letter in letters:
        try:
            customers[letter.message_id] = wake_up_of({"body": letter.body})
        except ValueError:
            strange.append(letter.body)
    return customers, tuple(strange)


def _take_out(letters: Iterable[ReceivedLetter], dead: DeadLetters) -> None:
    """Delete messages.

    A receipt is good for half a minute, and people take longer to decide: messages whose time is over are received again.
    """
    left: set[str] = set()
    for letter in letters:
        try:
            if dead.delete(letter.receipt) is False:
                left.add(letter.message_id)
        except QueueUnavailable:
            left.add(letter.message_id)
    for letter in _received(dead) if left else ():
        if letter.message_id in left:
            dead.delete(letter.receipt)


def _received(dead: DeadLetters) -> Iterator[ReceivedLetter]:
    """Every message once."""
    seen: set[str] = set()
    while letters := [letter for letter in dead.receive() if letter.message_id not in seen]:
        seen.update(letter.message_id for letter in letters)
        yield from letters


# -- Replay


@dataclass(frozen=True, slots=True)
class Replayed:
    """Stored events that are merged again."""

    events: int
    customers: int
    replayed: int
    """How many of them went into the inbox: not those that waited there already."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"events": self.events, "replayed": self.replayed}


@dataclass(frozen=True, slots=True)
class ReplayAsked:
    """What became of a replay that was shown."""

    asked: Asked[Replayed]

    def to_json(self) -> dict[str, Any]:
        """For programs. What was only shown has replayed nothing."""
        form = self.asked.to_json()
        return form if self.asked.done else {**form, "replayed": 0}


def replay_since(
    deployment: Deployment,
    since: datetime,
    by: str,
    *,
    customer: str | None = None,
    parked: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[Replayed]:
    """Put stored events into the inbox again; ``parked``: only those that a person has to look at."""

    def prepare() -> Prepared[Replayed]:
        if customer is not None:
            require_customer(deployment, customer)
        events = [*replayable(deployment.store, since, customer, parked=parked)]
        customers = tuple(dict.fromkeys(event.customer_id for event in events))

        def act(ports: Ports) -> Replayed:
            again = sum(replay(event, ports) for event in events)
            if again:
                detail = f"{counted(again, 'event')} since {since.isoformat()}"
                ports.store.commit(put_decision(new_decision("replay", customers, by, detail, ports)))
            wake(customers, ports)
            return Replayed(len(events), len(customers), again)

        return Prepared(act)

    return propose(deployment, prepare, on_progress)


def replayable(
    store: Store, since: datetime, customer_id: str | None = None, *, parked: bool = False
) -> Iterator[EventRecord]:
    """Merged events that arrived since then, oldest first; ``parked``: only those that a person has to look at.

    Those that a person dismissed stay dismissed.
    """
    events = [event for event in store.parked_events() if event.received_at >= since]
    if not parked:
        events += (event for event in store.events(since) if not event.dismissed)
    events.sort(key=lambda event: event.received_at)
    return (event for event in events if customer_id in (None, event.customer_id))


def replay(event: EventRecord, ports: Ports) -> bool:
    """Put a merged event into the inbox again; False when it was there already, or is gone.

    What is merged then is what the history does not know: nothing, unless the history was lost or the event is understood only
    now. An event that changes nothing keeps what it was.
    """
    stored = ports.store.event(event.customer_id, event.key)
    if stored is None:
        return False
    try:
        ports.store.commit(*put_again(stored, ports))
    except Conflict:
        return False
    return True


def put_again(stored: Stored[EventRecord], ports: Ports) -> tuple[Write, Write]:
    """What puts a merged event into the inbox again."""
    known, now = stored.value, ports.clock.now()
    waiting = Delivery(
        known.key, known.event_id, known.received_at, known.body, known.encoding, outcome=known.outcome
    )
    inbox = put_delivery(known.customer_id, waiting, int(now.timestamp()))
    return Delete(event_key(known.customer_id, known.key), stored.rev), inbox


# -- A table from an earlier time

LOOKED_EACH = 15
"""Seconds between two looks at how far the workers are."""
KEPT_FOR = timedelta(days=35)
"""How far back point-in-time recovery goes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html"""
OVERLAP = timedelta(days=1)
"""So much more than what came since a restored time is merged again: one event too many changes nothing."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Records of an earlier time, with everything paused."""

    records: int = 0
    contracts: tuple[int, ...] = ()
    """That are looked at."""
    events: int = 0
    """That are merged again."""
    not_looked_at: int = 0
    """Contracts that no worker had looked at when the waiting ended."""
    compared: Reconciled | None = None
    """The comparison with Autotask afterwards; None: there was none, because contracts are still to be looked at."""
    written: bool = False

    def to_json(self) -> dict[str, Any]:
        """For programs. While everything is paused, no adjustment is made."""
        return {
            "records": self.records,
            "contracts": [*self.contracts],
            "events": self.events,
            "written": self.written,
            **adjustments_form(Preview()),
            **(self.compared.to_json() if self.compared else {}),
        }


def in_the_past(moment: datetime, deployment: Deployment) -> datetime:
    """The moment itself. Raises :class:`Senseless` for a time that has not been, or that DynamoDB does not keep any more."""
    now = deployment.clock.now()
    if moment >= now:
        raise Senseless("Records can only be restored to a time in the past.")
    if moment < now - KEPT_FOR:
        raise Senseless(f"DynamoDB keeps records for {counted(KEPT_FOR.days, 'day')} only.")
    return moment


def restore(
    deployment: Deployment,
    moment: datetime,
    by: str,
    tell: Callable[[str], None] = lambda _message: None,
    on_compared: Callable[[Run], None] = unseen,
) -> Restored:
    """Bring the records back to what they were at a moment, with everything paused, so that no adjustment is made.

    Then wait for the workers, and compare with Autotask. ``tell`` gets messages while that takes time. Events and changes since stay
    on record, and the events are merged again. Raises :class:`Senseless` for a time that has not been.
    """
    in_the_past(moment, deployment)
    ports = deployment.ports
    with suppress(
        RecordUnreadable
    ):  # nothing is adjusted on terms that cannot be read, and they come back paused
        pause_all(ports, by)
    documents = deployment.earlier(moment, tell)
    records = put_back(documents, deployment.table, deployment.each)
    tell(f"{counted(records, 'record was', 'records were')} put back.")
    contracts = _made_safe(ports, by)
    kept = [*replayable(deployment.store, moment - OVERLAP)]
    events = sum(replay(event, ports) for event in kept)
    detail = f"to {moment.isoformat()}: {counted(records, 'record')}, {counted(events, 'event')} merged again"
    ports.store.commit(put_decision(new_decision("restore", (), by, detail, ports)))
    wake({event.customer_id for event in kept}, ports)
    tell(
        f"{counted(len(contracts), 'contract is', 'contracts are')} looked at, and {counted(events, 'event is', 'events are')} merged again."
    )
    left = wait_for_workers(deployment, tell)
    compared = None if left else compare_with_autotask(deployment, on_compared=on_compared)
    return Restored(records, contracts, events, left, compared, written=True)


def wait_for_workers(deployment: Deployment, tell: Callable[[str], None] = lambda _message: None) -> int:
    """Wait until workers have looked at every contract, half an hour at most; returns how many are left.

    A comparison with Autotask leaves out what a worker is about to look at.
    """
    until = deployment.clock.now() + AT_MOST
    left = _to_be_looked_at(deployment.store)
    while left:
        if deployment.clock.now() > until:
            return len(left)
        tell(f"{counted(len(left), 'contract is', 'contracts are')} still to be looked at.")
        deployment.clock.sleep(LOOKED_EACH)
        # Events that are merged meanwhile may have woken others.
        left = _to_be_looked_at(deployment.store, left) or _to_be_looked_at(deployment.store)
    return 0


def _to_be_looked_at(store: Store, ids: Collection[int] | None = None) -> list[int]:
    """The contracts that a worker has still to come to, among these; None: among all."""
    return [
        state.contract_id for state, _ in store.contract_states(ids) if state.generation != state.converged
    ]


def pause_all(ports: Ports, by: str = "") -> None:
    """Let nothing be adjusted any more, until a person ends it."""

    def pause() -> None:
        terms = ports.store.partner().terms
        ports.store.commit(put_terms(None, terms.value.pause(by, ports.clock.now()), terms.rev))

    update(pause)


def _paused(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "paused": True}


def put_back(documents: Iterable[Document], table: Table, each: Each = map) -> int:
    """Bring the records of an earlier time back; returns how many were changed.

    What Timus reported and what was adjusted since stays: those records are never written twice. The partner's terms come back paused.
    What the earlier time did not know stays as it is, and so do the heads of the journal. A second time there is nothing left to do.
    """
    journals = cache(lambda contract_id: journals_of(table, contract_id))
    return sum(each(lambda document: _put_back(document, table, journals), documents))


_Journals = Callable[[int], Mapping[int, Journal]]
"""The journals of a contract, by service."""


def _put_back(document: Document, table: Table, journals: _Journals) -> bool:
    key, data = document.key, document.data
    if isinstance(data, Damaged):
        return False  # it was no record then either: what is there now stays
    if key == policy_key(None):
        data = {**data, "values": _paused(data.get("values") or {})}

    def put_back() -> bool:
        known = table.get(key)
        if known is not None and key.sk.startswith((EVENT, CHANGE)):
            return False
        kept = data
        if known is not None and key.sk == CONTRACT:
            kept = with_newest_head(data, known.data)
        if key.sk.startswith(LINE):
            kept = _with_what_was_done_since(document, known, journals)
        wanted = replace(document, data=kept, rev=known.rev if known else 0)
        if known == wanted:
            return False
        fields = (wanted.due_at, wanted.kind, wanted.sort, wanted.expires_at)
        table.write([Put(key, kept, wanted.rev, *fields)])
        return True

    return update(put_back)


def _with_what_was_done_since(document: Document, known: Document | None, journals: _Journals) -> Data:
    """A line's record of an earlier time with what was done since; as it is where one of the records cannot be read."""
    try:
        earlier = read_as(line_in, document)
        present = readable_or(None, line_in, known).value if known else None
        journal = journals(earlier.contract_id).get(earlier.service_id, Journal())
    except RecordUnreadable:
        return document.data
    line = with_what_was_done_since(earlier, present, journal)
    return document.data if line == earlier else put_line(line, 0).data


def after_restore(ports: Ports, by: str = "") -> tuple[int, ...]:
    """Pause everything and have every contract looked at, after the table was restored, and record who did; returns the contracts.

    The table is older than Autotask then. A line that has the desired units in Autotask is taken as it is. A line that differs parks
    as drift, because our baseline is older than our last adjustment. But a change that Timus took back since is not known any
    more, and following what is known would make it again. So no adjustment is made until a person has compared with Timus
    (``timus_export``) and ends the pause. Approvals are dropped: they may have been used already.
    """
    contracts = _made_safe(ports, by)
    detail = f"everything paused, contracts looked at: {len(contracts)}"
    ports.store.commit(put_decision(new_decision("reconcile --after-restore", (), by, detail, ports)))
    return contracts


@dataclass(frozen=True, slots=True)
class MadeSafe:
    """A table from an earlier time with everything paused, and its contracts looked at."""

    contracts: tuple[int, ...] = ()
    not_looked_at: int = 0
    """Contracts that no worker had looked at when the waiting ended."""


def make_safe(
    deployment: Deployment,
    by: str,
    on_paused: Callable[[tuple[int, ...]], None] = lambda _contracts: None,
    tell: Callable[[str], None] = lambda _message: None,
) -> MadeSafe:
    """``after_restore``, and wait for the workers. ``on_paused`` gets the contracts before that, ``tell`` messages meanwhile."""
    contracts = after_restore(deployment.ports, by)
    on_paused(contracts)
    return MadeSafe(contracts, wait_for_workers(deployment, tell))


def _made_safe(ports: Ports, by: str) -> tuple[int, ...]:
    """Everything paused, no approval left, and every contract due."""
    pause_all(ports, by)
    contracts = tuple(sorted(ports.store.contract_ids()))
    for contract_id in contracts:
        try:
            update(partial(_look_at, contract_id, ports))
        except RecordUnreadable as error:
            ports.store.on_unreadable(error)  # nothing is adjusted there
    return contracts


def _look_at(contract_id: int, ports: Ports) -> None:
    """Make a contract due, without the approvals of its lines."""
    for line in ports.store.contract(contract_id).lines.values():
        if (
            line.value.approved or line.value.choice
        ):  # one by one: there may be more than one transaction takes
            ports.store.commit(_without_approval(line))
    ports.store.commit(wake_contract(contract_id, ports))


def _without_approval(line: Stored[Line]) -> Put:
    return put_line(replace(line.value, approved=(), choice=None), line.rev)
