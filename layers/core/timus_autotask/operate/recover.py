"""Use cases: bring back what failed, was lost or was not understood. Each is safe to repeat.

redrive:        wake-ups that failed for good go back into the queue; they are wake-ups only, so one too many does nothing
replay:         events that were merged go into the inbox again; the history says of each that it knows it
put_back:       the records of an earlier time are brought back into the table
after_restore:  a table from an earlier point in time is made safe to work with
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from timus_autotask.domain.line import Line
from timus_autotask.operate.deployment import DeadLetters
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.queue import WakeUps, wake_up_of
from timus_autotask.ports.table import Delete, Document, Put, Table
from timus_autotask.store.inbox import Delivery, put_delivery
from timus_autotask.store.keys import CHANGE, EVENT, event_key, policy_key
from timus_autotask.store.records import EventRecord, Store, Stored, put_line, put_terms
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.status import Each


def redrive(dead: DeadLetters, wake_ups: WakeUps) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Send every dead letter's wake-up again: (customers that were woken, bodies that are no wake-up and stay).

    A message is deleted once its wake-up is sent; should this die in between, the customer is woken twice.
    """
    woken: list[str] = []
    strange: list[str] = []
    seen: set[str] = set()
    while letters := [letter for letter in dead.receive() if letter.message_id not in seen]:
        for letter in letters:
            seen.add(letter.message_id)
            try:
                customer = wake_up_of({"body": letter.body})
            except ValueError:
                strange.append(letter.body)
                continue
            wake_ups.send(customer, f"redrive-{letter.message_id}")
            dead.delete(letter.receipt)
            woken.append(customer)
    return tuple(dict.fromkeys(woken)), tuple(strange)


def replayable(
    store: Store, since: datetime, customer_id: str | None = None, *, parked: bool = False
) -> Iterator[EventRecord]:
    """Merged events that arrived since then, oldest first; ``parked``: only those that a person has to look at."""
    events = [event for event in store.parked_events() if event.received_at >= since]
    if not parked:
        events += store.events(since)
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
    now = ports.clock.now()
    known = stored.value
    waiting = Delivery(
        known.key, known.event_id, known.received_at, known.body, known.encoding, outcome=known.outcome
    )
    inbox = put_delivery(known.customer_id, waiting, int(now.timestamp()))
    gone = Delete(event_key(known.customer_id, known.key), stored.rev)
    try:
        ports.store.commit(gone, inbox)
    except Conflict:
        return False
    return True


def pause_all(ports: Ports) -> None:
    """Let nothing be posted any more, until a person ends it."""

    def paused() -> None:
        terms = ports.store.partner().terms
        put = put_terms(None, replace(terms.value, values=_paused(terms.value.values)), terms.rev)
        ports.store.commit(put)

    update(paused)


def _paused(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "paused": True}


def put_back(documents: Iterable[Document], table: Table, each: Each = map) -> int:
    """Bring the records of an earlier time back; returns how many were changed.

    What was told and what was posted since stays: those records are never written twice. The partner's terms come back paused.
    What the earlier time did not know stays as it is. A second time there is nothing left to do.
    """
    return sum(each(lambda document: _put_back(document, table), documents))


def _put_back(document: Document, table: Table) -> bool:
    key, data = document.key, document.data
    if key == policy_key(None):
        data = {**data, "values": _paused(data["values"])}

    def put_back() -> bool:
        known = table.get(key)
        if known is not None and key.sk.startswith((EVENT, CHANGE)):
            return False
        wanted = replace(document, data=data, rev=known.rev if known else 0)
        if known == wanted:
            return False
        fields = (wanted.due_at, wanted.kind, wanted.sort, wanted.expires_at)
        table.write([Put(key, data, wanted.rev, *fields)])
        return True

    return update(put_back)


def after_restore(ports: Ports) -> tuple[int, ...]:
    """Pause everything and have every contract looked at, after the table was restored; returns the contracts.

    The table is older than Autotask then. A line that Autotask holds as it should be is taken as it is; every other one parks
    as drift, for what we know to have left there is not the last that we did. But a change that Timus took back since is not
    known any more, and following what is known would post it again. So nothing is posted until a person has compared with
    Timus (``timus_export``) and ends the pause. Approvals are dropped: they may have been used already.
    """
    pause_all(ports)
    contracts = tuple(sorted({work.contract_id for work, _ in ports.store.contract_states()}))
    for contract_id in contracts:
        update(partial(_look_at, contract_id, ports))
    return contracts


def _look_at(contract_id: int, ports: Ports) -> None:
    """Make a contract due, without the approvals of its lines."""
    lines = ports.store.contract(contract_id).lines.values()
    approved = [_without_approval(line) for line in lines if line.value.approved or line.value.choice]
    ports.store.commit(*approved, wake_contract(contract_id, ports))


def _without_approval(line: Stored[Line]) -> Put:
    return put_line(replace(line.value, approved=(), choice=None), line.rev)
