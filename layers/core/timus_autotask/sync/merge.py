"""Events of a customer's inbox → histories, and every contract that they concern made due, in one transaction.

Whatever dies afterwards leaves the contract due; whatever dies before leaves the event in the inbox. Many events are many transactions.
A customer's only contract is leased in the same transaction, if it was at rest (``sync.lease``). Of many contracts the transaction
only notes that they are to be made due (``Notice``), which is done, and taken off the note, some at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from timus_autotask.domain.days import effective_day
from timus_autotask.domain.history import (
    Merge,
    Subscription,
    Version,
    believed,
    is_after_move,
    merge,
    version_of,
)
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED, Parked
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Delete, Document, Put, Write
from timus_autotask.store.contracts import ContractState, put_contract_state
from timus_autotask.store.customers import (
    CustomerRecords,
    Notice,
    check_mapping,
    put_notice,
    put_owner,
    put_subscription,
)
from timus_autotask.store.inbox import FROM_FILE, delivery_in
from timus_autotask.store.keys import event_key, notice_key
from timus_autotask.store.merged_events import EventRecord, put_event
from timus_autotask.store.reading import RecordUnreadable, Stored
from timus_autotask.store.sizes import fits
from timus_autotask.store.update import ATTEMPTS, update
from timus_autotask.sync.lease import Leased, lease_at_once
from timus_autotask.sync.ports import Ports

MOST_EVENTS = 200
"""Events of a customer that are read at once: at most 18 MB."""
MERGED_AT_ONCE = 45
"""Events in one transaction, unless they are too large or too different: each is two writes of the hundred that there may be."""
WOKEN_AT_ONCE = 40
"""Contracts that are made due in one transaction, beside what is new itself; the more they are, the likelier a worker at one of them comes first."""
DISPUTED = ("version-restarted", "contradictory")
"""Why an event is parked that says otherwise than a version of its own customer's."""
MERGE_TAKES = timedelta(seconds=5)
"""No transaction is begun with less time than this before the function's deadline."""


@dataclass(frozen=True, slots=True)
class MergedCustomer:
    """A customer whose events are merged."""

    mapping: CustomerMapping | None
    leased: Leased | None = None
    """The customer's only contract, if it was leased with the events: it is this worker's from now on."""


def merge_inbox(customer_id: str, ports: Ports, deadline: datetime) -> MergedCustomer:
    """Merge the events that wait for a customer.

    What there is no time for is handed on. Raises ``Conflict`` when others come first again and again, and nothing of it gets done.
    An event that comes while this goes on is not waited for: it has a wake-up of its own.
    """
    lost = 0
    while True:
        since = ports.clock.now()
        records = ports.store.customer_to_merge(customer_id, MOST_EVENTS)
        merge = _Merge(records, since, ports, deadline)
        try:
            if not merge.run():
                if merge.done:  # else the next worker would get nothing done either
                    ports.hand_on(customer_id)
                return merge.merged
        except Conflict as conflict:
            progress = merge.done + _drop_merged_before(records, conflict, ports)
            lost = 0 if progress else lost + 1
            if lost == ATTEMPTS:
                raise
            continue
        if merge.nothing_left:
            if records.unreadable:
                raise records.unreadable[0]  # it stays where it is, is noted, and held up nothing
            return merge.merged


def _drop_merged_before(records: CustomerRecords, conflict: Conflict, ports: Ports) -> int:
    """Take deliveries out of the inbox whose event was merged already, late second ones; returns how many."""
    merged = set(conflict.keys)
    dropped = 0
    for document in records.inbox:
        delivery = delivery_in(document)
        if event_key(records.id, delivery.key) in merged:
            try:
                ports.store.commit(Delete(document.key, document.rev))
            except Conflict:
                continue  # another worker took it out
            ports.on_event("event-duplicate", event=delivery.event_id, customer=records.id)
            dropped += 1
    return dropped


class _Merge:
    """A customer's events into its histories, in as few transactions as it takes."""

    def __init__(self, records: CustomerRecords, since: datetime, ports: Ports, deadline: datetime) -> None:
        """``since``: when it was begun to read the records."""
        self._records = records
        self._since = since
        self._ports = ports
        self._deadline = deadline
        self._known = dict(records.subscriptions)
        self._contracts = records.mapping.value.contract_ids if records.mapping else ()
        self._leased: Leased | None = None
        self.done = 0
        """Events that were merged, and contracts that were made due of those that were noted."""

    @property
    def merged(self) -> MergedCustomer:
        """What it came to."""
        return MergedCustomer(self._records.mapping.value if self._records.mapping else None, self._leased)

    @property
    def nothing_left(self) -> bool:
        """Whether the customer has nothing more to be merged or brought to the contracts, once this was run."""
        records = self._records
        if not records.inbox:
            return records.notice is None
        return self._read_all and records.notice is None and len(self._contracts) <= WOKEN_AT_ONCE

    @property
    def _read_all(self) -> bool:
        """Whether the read gave the whole inbox."""
        return len(self._records.inbox) + len(self._records.unreadable) < MOST_EVENTS

    def run(self) -> bool:
        """Merge what was read, or bring what is new to the contracts; False when there was no time for all of it. Raises ``Conflict``."""
        return self._merge() if self._records.inbox else self._bring()

    def _no_time(self) -> bool:
        return self._ports.clock.now() + MERGE_TAKES > self._deadline

    def _bring(self) -> bool:
        """Make the contracts due that are noted."""
        stored = self._records.notice
        while stored is not None:
            if self._no_time():
                return False
            number = min(WOKEN_AT_ONCE, len(stored.value.contracts))
            while True:
                writes = _wake_next(stored, number, self._ports)
                if number == 1 or fits(writes):
                    break
                number = (number + 1) // 2
            self._ports.store.commit(*writes)
            self.done += number
            left = stored.value.contracts[number:]
            stored = Stored(replace(stored.value, contracts=left), stored.rev + 1) if left else None
        return True

    def _merge(self) -> bool:
        left = deque(self._records.inbox)
        while left:
            if self._no_time():
                return False
            number = min(MERGED_AT_ONCE, len(left))
            while True:
                wake = self._wake if number < len(self._records.inbox) else self._wake_and_lease
                batch = _Batch(self._records, self._known, wake, self._ports)
                batch.take([left[at] for at in range(number)])
                if number == 1 or fits(batch.writes):
                    break
                number = (number + 1) // 2
            batch.commit()
            self._known |= batch.stored
            self.done += number
            for _ in range(number):
                left.popleft()
            self._leased = batch.leased and replace(batch.leased, customers=self._after())
        return True

    def _after(self) -> dict[str, CustomerRecords]:
        """The customer's records as they are now, without reading them again."""
        return {self._records.id: replace(self._records, inbox=(), subscriptions=self._known)}

    def _wake(self, came: datetime) -> tuple[list[Put], Leased | None]:
        """What makes the contracts due for what came in then."""
        return wake_contracts(self._records.id, self._contracts, self._ports, came), None

    def _wake_and_lease(self, came: datetime) -> tuple[list[Put], Leased | None]:
        """The same for the last of what waits: an only contract is leased at once, if it can be."""
        ports, records = self._ports, self._records
        if len(self._contracts) != 1 or not self.nothing_left or records.unreadable:
            return self._wake(came)
        try:
            contract = ports.store.contract(self._contracts[0])
        except RecordUnreadable:
            return self._wake(came)  # one of its lines: the events are merged all the same
        state, rev, due_at = woken(contract.state, ports, (records.id,), came=came)
        put, leased = lease_at_once(contract, state, self._since, ports, self._deadline) or (None, None)
        return [put or put_contract_state(state, rev, due_at)], leased


class _Batch:
    """Some events in one transaction."""

    def __init__(
        self,
        records: CustomerRecords,
        known: Mapping[str, Stored[Subscription]],
        wake: Callable[[datetime], tuple[list[Put], Leased | None]],
        ports: Ports,
    ) -> None:
        """``wake``: what makes the contracts due for what came in at a moment."""
        self._records = records
        self._known = known
        self._wake = wake
        self._ports = ports
        self._outcomes: list[EventRecord] = []
        self.writes: list[Write] = []
        self.stored: dict[str, Stored[Subscription]] = {}
        """The histories as they are after it."""
        self.leased: Leased | None = None
        """The customer's only contract, if it is leased with it."""

    def take(self, inbox: Sequence[Document]) -> None:
        """Decide what becomes of these events, and of the histories and contracts that they concern."""
        ports, now = self._ports, self._ports.clock.now()
        histories = {key: stored.value for key, stored in self._known.items()}
        for document in inbox:
            record = _merge_event(document, self._records.id, histories, self.writes, now, ports)
            self._outcomes.append(record)
            self.writes += [Delete(document.key, document.rev), put_event(record)]
        for subscription in histories.values():
            known = self._known.get(subscription.id)
            if known is None or known.value != subscription:
                writes, self.stored[subscription.id] = put_subscription(subscription, known)
                self.writes += writes
        if self.stored:
            self.writes.append(check_mapping(self._records.id, self._records.mapping))
            waiting = [delivery_in(document) for document in inbox]
            fresh = [delivery.received_at for delivery in waiting if delivery.outcome is None]
            came = min(fresh, default=now)  # a replayed event has come in now
            woken_contracts, self.leased = self._wake(came)
            self.writes += woken_contracts

    def commit(self) -> None:
        """Write it, and log; raises ``Conflict``."""
        self._ports.store.commit(*self.writes)
        for record in self._outcomes:
            self._ports.on_event(
                f"event-{record.outcome}",
                event=record.event_id,
                customer=record.customer_id,
                subscription=record.subscription_id,
                version=record.version,
                event_type=record.event_type,
            )


def _merge_event(
    document: Document,
    customer_id: str,
    subscriptions: dict[str, Subscription],
    changes: list[Write],
    now: datetime,
    ports: Ports,
) -> EventRecord:
    """Merge one event into ``subscriptions``; what else has to be written goes to ``changes``."""
    from timus_autotask.timus.events import (
        Noted,
        NotUnderstood,
        understand,
    )  # with an event: it builds models

    delivery = delivery_in(document)
    base = EventRecord(
        key=delivery.key,
        event_id=delivery.event_id,
        body=delivery.body,
        encoding=delivery.encoding,
        received_at=delivery.received_at,
        merged_at=now,
        outcome="parked",
        customer_id=customer_id,
    )
    event = understand(base.event_id, delivery.raw)
    facts: dict[str, int | str] = {"event": base.key, "customer": customer_id}
    if isinstance(event, NotUnderstood):
        return replace(base, parked=Parked("not-understood", {**facts, "answer": event.reason}))
    if isinstance(event, Noted):
        return replace(base, outcome="noted", event_type=event.event_type)
    day = effective_day(event.effective_at, ports.zone)
    base = replace(
        base,
        event_type=event.event_type,
        subscription_id=event.subscription_id,
        version=event.version,
        day=day.isoformat(),
        actor=event.actor,
    )
    facts |= {"subscription": event.subscription_id, "version": event.version}
    known = subscriptions.get(event.subscription_id)
    if known is None:
        owner = ports.store.owner(event.subscription_id)
        if owner is None:
            changes.append(put_owner(event.subscription_id, customer_id))
        elif owner.value != customer_id:
            return _of_another_customer(base, owner.value, facts)
    elif is_after_move(known, event):
        return _of_another_customer(base, known.moved_to, facts)
    record = _merge_into(subscriptions, known, event, day, base, facts)
    replayed = delivery.outcome not in (None, "parked", "dismissed")
    if replayed and record.outcome in (Merge.DUPLICATE, Merge.SUPERSEDED):
        return replace(record, outcome=str(delivery.outcome))  # with nothing new in it
    return record


def _of_another_customer(base: EventRecord, other: str, facts: Mapping[str, int | str]) -> EventRecord:
    """Parked: the subscription is the ``other`` customer's, as far as is known."""
    parked = Parked(SUBSCRIPTION_MOVED, {**facts, "other": other})
    return replace(base, parked=parked, other_customer=other)


def _merge_into(
    subscriptions: dict[str, Subscription],
    known: Subscription | None,
    snapshot: Snapshot,
    day: date,
    base: EventRecord,
    facts: Mapping[str, int | str],
) -> EventRecord:
    merged = merge(known, snapshot, day, base.received_at)
    disputed = merged.outcome is Merge.CONTRADICTORY or merged.against is not None
    if known is not None and disputed and believed(known, snapshot, day) is None:
        return replace(base, parked=overtaken(known, version_of(snapshot, day), facts))
    if known is not None and merged.outcome is Merge.CONTRADICTORY:
        says = version_of(snapshot, day, known.counted_from(snapshot.occurred_at))
        first = next(one for one in known.versions if one.number == says.number)
        told = {**_readings(says, known, first), **_of_a_file(first, says)}
        return replace(base, parked=Parked("contradictory", {**facts, **told}))
    if known is not None and merged.against is not None:
        readings = _readings(version_of(snapshot, day), known, merged.against)
        return replace(base, parked=Parked("version-restarted", {**facts, **readings}))
    subscriptions[snapshot.subscription_id] = merged.subscription
    return replace(base, outcome=merged.outcome.value, would_change=merged.would_change)


def _of_a_file(first: Version, says: Version) -> dict[str, int | str]:
    """What is to be known where the version that counts came from a file: its number may be the next one that was free, and not Timus's own."""
    from_file = first.event_id.startswith(FROM_FILE) and not says.event_id.startswith(FROM_FILE)
    return {"from_file": first.event_id} if from_file else {}


def overtaken(known: Subscription, says: Version, facts: Mapping[str, int | str]) -> Parked:
    """Why an event is parked that could not be the newest even if a person believed it."""
    return Parked("version-overtaken", {**facts, **_readings(says, known, later_than(says, known))})


def later_than(says: Version, known: Subscription) -> Version:
    """The known version that happened last, if it was later than one that says otherwise.

    The newest one may have happened earlier, where its number leapt ahead: then it is another one that keeps what is said from counting.
    """
    told = says.occurred_at
    later = [
        (one.occurred_at, one.number, one)
        for one in known.versions
        if told and one.occurred_at and one.occurred_at > told and not says.adds_nothing_to(one)
    ]
    return max(later)[-1] if later else known.newest


def overtaken_since(event: EventRecord, known: Subscription) -> Parked | None:
    """Why a parked event that says otherwise than what is known cannot be accepted, after what has come since.

    None: it can be accepted, or it is parked for another reason, or cannot be read.
    """
    from timus_autotask.timus.events import understand  # with an event: it builds models

    if event.outcome != "parked" or event.parked is None or event.parked.code not in DISPUTED:
        return None
    says = understand(event.event_id, event.raw)
    if not isinstance(says, Snapshot):
        return None
    day = date.fromisoformat(event.day)
    if believed(known, says, day) is not None:
        return None
    facts: dict[str, int | str] = {
        "event": event.key,
        "customer": event.customer_id,
        "subscription": says.subscription_id,
        "version": says.version,
    }
    return overtaken(known, version_of(says, day), facts)


def _readings(says: Version, known: Subscription, against: Version) -> dict[str, int | str]:
    """Two versions that contradict each other, as facts for a person."""
    differ = [name for name in _SAID if getattr(says, name) != getattr(against, name)]
    return {
        "told": _reading(says, differ),
        "known_version": known.as_timus_counts(against),
        "known": _reading(against, differ),
    }


_SAID = ("status", "cancel_at", "term_end")
"""What of a version is shown besides units and days, where two versions differ in it."""


def _reading(version: Version, differ: Iterable[str]) -> str:
    """One of them: "28 SASE-ADV-USER from 2026-03-15, status trial (reported 2026-03-15 09:12 UTC)"."""
    units = ", ".join(f"{quantity} {sku}" for sku, quantity in version.items) or "nothing"
    more = "".join(f", {name} {getattr(version, name) or 'none'}" for name in differ)
    at = f" (reported {version.occurred_at:%Y-%m-%d %H:%M} UTC)" if version.occurred_at else ""
    return f"{units} from {version.day}{more}{at}"


def _grown(state: ContractState, customers: Iterable[str], came: datetime) -> ContractState:
    """The contract with one more reason to be looked at, which came in then."""
    return replace(
        state,
        generation=state.generation + 1,
        customers=tuple(sorted({*state.customers, *customers})),
        since=state.since if state.since and state.generation != state.converged else came,
    )


def wake_customer(customer_id: str, ports: Ports) -> bool:
    """Make every contract due that a customer routes to; False when the customer is not mapped."""

    def make_due() -> bool:
        mapping = ports.store.customer(customer_id).mapping
        if mapping is not None:
            ports.store.commit(*wake_contracts(customer_id, mapping.value.contract_ids, ports))
        return mapping is not None

    return update(make_due)


def wake_contracts(
    customer_id: str, contract_ids: Iterable[int], ports: Ports, came: datetime | None = None
) -> list[Put]:
    """What makes contracts due for a customer, to be committed together with the change that is the cause.

    More than ``WOKEN_AT_ONCE`` are noted only: a worker or the sweep makes them due. ``came``: when the change came in, if not now; it is
    what its delay is counted from.
    """
    contracts = [*contract_ids]
    if len(contracts) <= WOKEN_AT_ONCE:
        return [wake_contract(contract, ports, (customer_id,), came=came) for contract in contracts]
    now = ports.clock.now()
    known = ports.store.notice(customer_id)
    noted = known.value if known else Notice(customer_id, (), now)
    notice = Notice(customer_id, tuple(sorted({*noted.contracts, *contracts})), min(noted.since, came or now))
    return [put_notice(notice, known.rev if known else 0, now.replace(microsecond=0))]


def _wake_next(notice: Stored[Notice], number: int, ports: Ports) -> list[Write]:
    """What makes the next so many contracts due and takes them off the note."""
    noted = notice.value
    now, left = ports.clock.now(), noted.contracts[number:]
    woken = [
        wake_contract(contract, ports, (noted.customer_id,), came=noted.since)
        for contract in noted.contracts[:number]
    ]
    if not left:
        return [*woken, Delete(notice_key(noted.customer_id), notice.rev)]
    return [*woken, put_notice(replace(noted, contracts=left), notice.rev, now.replace(microsecond=0))]


def wake_contract(
    contract_id: int,
    ports: Ports,
    customers: Iterable[str] = (),
    *,
    renews: int | None = None,
    came: datetime | None = None,
    change: Callable[[ContractState], ContractState] = lambda state: state,
) -> Put:
    """What makes a contract due, to be committed together with the change or the decision that is the cause.

    ``change``: what of its record changes besides.
    """
    known = ports.store.contract_state(contract_id)
    state, rev, due_at = woken(known, ports, customers, renews=renews, came=came)
    return put_contract_state(change(state), rev, due_at)


def woken(
    known: Stored[ContractState],
    ports: Ports,
    customers: Iterable[str] = (),
    *,
    renews: int | None = None,
    came: datetime | None = None,
) -> tuple[ContractState, int, datetime]:
    """The contract's state made due, the revision that it replaces, and since when it is due."""
    now = ports.clock.now()
    state = _grown(known.value, customers, came or now)
    # Due times are whole seconds, rounded up; what is due now must be so for who comes within this very second.
    return replace(state, renews=renews or state.renews), known.rev, now.replace(microsecond=0)
