"""Use cases: what a person decides about an event that is parked.

accept:   an event is believed that says otherwise than what is known, by its number, its time or its customer; what followed it is merged again
dismiss:  an event was a mistake; it changes nothing, nobody has to look at it any more, and it is still shown with the reason
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from timus_autotask.domain.days import effective_day
from timus_autotask.domain.history import Merge, Subscription, believed, merge, moved, version_of
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.recover import put_again, replay
from timus_autotask.operate.refusal import NotDone, Note, Way
from timus_autotask.ports.table import Write
from timus_autotask.store.customers import CustomerRecords, check_mapping, put_owner, put_subscription
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.merged_events import Dismissal, EventRecord, put_event
from timus_autotask.store.reading import Stored
from timus_autotask.store.records import Store
from timus_autotask.store.update import update
from timus_autotask.sync.merge import DISPUTED, later_than, overtaken_since, wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.events import understand
from timus_autotask.watch.as_known_now import by_store
from timus_autotask.watch.happened import event as events_named
from timus_autotask.watch.happened import is_on_its_way
from timus_autotask.watch.wording import some

ACCEPTABLE = (*DISPUTED, SUBSCRIPTION_MOVED)
"""Reasons for which an event is parked that says something else than what is known; all others cannot be followed at all."""

# -- Accept


def can_be_accepted(
    event: EventRecord, parked: Iterable[EventRecord], customers: Mapping[str, CustomerRecords]
) -> bool:
    """Whether :func:`accept` would take an event, by all parked events and what is known of the customers, who were read already."""
    if event.parked is None or event.parked.code not in ACCEPTABLE:
        return False
    snapshot = _understood(event)
    if snapshot is None:
        return False
    if event.parked.code != SUBSCRIPTION_MOVED:
        return not _to_decide_first(event, snapshot, parked)
    former = customers.get(event.other_customer)
    known = former.subscriptions.get(event.subscription_id) if former else None
    return known is not None and not _is_newer(known.value, snapshot)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is believed, and what follows from it."""

    event: str
    """Its key."""
    customer_id: str
    subscription_id: str
    version: int
    """As Timus counts."""
    counted_as: int
    """Its place in the history that we know."""
    merged_again: int
    """Events that are merged again, this one included."""
    moved_from: str = ""
    """The customer who had the subscription before; empty: it stays whose it is."""
    day: date | None = None
    """From which day it is another customer's."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "event": self.event,
            "customer": self.customer_id,
            "subscription": self.subscription_id,
            "version": self.version,
            "counted_as": self.counted_as,
            "merged_again": self.merged_again,
            "moved_from": self.moved_from or None,
            "day": self.day,
        }


def accept(deployment: Deployment, key: str, by: str, on_progress: Progress = quiet) -> Proposal[Accepted]:
    """Believe an event that disagrees with what is known about which is the newer, or whose it is; ``key`` is its key or its ``webhook-id``.

    From it on the subscription is counted anew, if its number is lower. Every later event of the subscription that had no part in its
    history so far is merged again. If it says another customer, the subscription ends with the former one and goes on with this one, from
    its effective day on. Raises :class:`NotDone` for an event of which this cannot be said, or that would leave out the days of an earlier one.
    """

    def prepare() -> Prepared[Accepted]:
        event = _one(deployment.store, key)
        if event.parked is None or event.parked.code not in ACCEPTABLE:
            raise NotDone(
                f"Event {event.key} is {event.parked.code if event.parked else event.outcome}: only an event that says otherwise than "
                f"what is known ({' or '.join(ACCEPTABLE)}) can be accepted.",
                Way.SHOW_EVENT,
                what=event.key,
            )
        snapshot = _understood(event)
        if snapshot is None:
            raise NotDone(f"Event {event.key} cannot be read any more.", Way.SHOW_EVENT, what=event.key)
        following, dismissed = _following(deployment.store, event, snapshot)
        if event.parked.code == SUBSCRIPTION_MOVED:
            moving = _moving(event, snapshot, following, by, deployment.ports)
            notes: tuple[Note | str, ...] = _not_mapped(snapshot.customer_id, deployment.store)
            notes += _stay_dismissed(dismissed)
            return Prepared(moving, notes=notes)
        _believing(deployment.ports, snapshot)  # refuses what would only be parked again
        _leaves_nothing_out(deployment.store, event, snapshot)

        def act(ports: Ports) -> Accepted:
            counted, after = update(lambda: _accept(event, snapshot, by, ports))
            for one in _parked_before(ports.store.parked_events(), event, snapshot):
                update(lambda one=one: _overtaken(one, after, ports))  # type: ignore[misc]
            again = 1 + sum(replay(one, ports) for one in following)
            wake((event.customer_id,), ports)
            return Accepted(
                event.key, event.customer_id, snapshot.subscription_id, snapshot.version, counted, again
            )

        return Prepared(act, notes=_stay_dismissed(dismissed))

    return propose(deployment, prepare, on_progress)


def _accept(event: EventRecord, snapshot: Snapshot, by: str, ports: Ports) -> tuple[int, Subscription]:
    """Write that an event is believed, and let it be merged again; returns its number in the history, and the history with it."""
    history, writes, counted = _believing(ports, snapshot)
    stored = ports.store.event(event.customer_id, event.key)
    if stored is None:
        raise NotDone(f"Event {event.key} waits to be merged just now; look at it again in a minute.")
    detail = (
        f"event {event.key}: version {snapshot.version} of {history.id} is right and counts as {counted}, "
        f"after {counted - snapshot.version}"
    )
    ports.store.commit(
        *writes,
        *put_again(stored, ports),
        put_decision(new_decision("events accept", (event.customer_id,), by, detail, ports)),
    )
    return counted, merge(history, snapshot, effective_day(snapshot.effective_at, ports.zone)).subscription


def _moving(
    event: EventRecord, snapshot: Snapshot, following: Sequence[EventRecord], by: str, ports: Ports
) -> Callable[[Ports], Accepted]:
    """What brings a subscription under the customer of an event. Raises :class:`NotDone` if it is not to be followed."""
    _histories(snapshot, ports)

    def act(ports: Ports) -> Accepted:
        found = update(lambda: _move(event, snapshot, by, ports))
        before = _parked_before(ports.store.parked_events(), event, snapshot, (SUBSCRIPTION_MOVED,))
        others = [*before, *following]
        again = 1 + sum(replay(one, ports) for one in others)
        wake((found.moved_from, found.customer_id), ports)
        return replace(found, merged_again=again)

    return act


def _not_mapped(customer_id: str, store: Store) -> tuple[Note, ...]:
    """What is to be known if nothing can be billed for the new customer yet."""
    if store.mapping(customer_id) is not None:
        return ()
    message = f"Customer {customer_id} is not mapped: nothing is billed there until it is."
    return (Note(message, (Way.MAP_CUSTOMER,), customer_id),)


def _histories(
    snapshot: Snapshot, ports: Ports
) -> tuple[Stored[str], Stored[Subscription], CustomerRecords, CustomerRecords]:
    """Whose the subscription is, its history there, and the records of the former and the new customer.

    Raises :class:`NotDone` if something newer says that it is the former customer's.
    """
    id_, customer_id = snapshot.subscription_id, snapshot.customer_id
    owner = ports.store.owner(id_)
    before = ports.store.customer_to_bill(owner.value) if owner else None
    known = before.subscriptions.get(id_) if before else None
    if owner is None or before is None or known is None:
        raise NotDone(f"Subscription {id_} is not known any more.")
    if owner.value == customer_id:
        raise NotDone(f"Subscription {id_} is customer {customer_id}'s already.", Way.MERGE_AGAIN)
    if _is_newer(known.value, snapshot):
        newest = known.value.newest
        raise NotDone(
            f"Version {known.value.timus_version} of subscription {id_} (event {newest.event_id}) is newer and says that it is customer "
            f"{owner.value}'s.",
            Way.COMPARE_WITH_TIMUS,
        )
    return owner, known, before, ports.store.customer_to_bill(customer_id)


def _is_newer(known: Subscription, snapshot: Snapshot) -> bool:
    """Whether what is known came after what an event says, so that the event moves nothing."""
    newest = known.newest
    number = snapshot.version + known.counted_from(snapshot.occurred_at)
    return number < newest.number and not (
        newest.occurred_at is not None and newest.occurred_at < snapshot.occurred_at
    )


def _move(event: EventRecord, snapshot: Snapshot, by: str, ports: Ports) -> Accepted:
    """Write in one transaction that a subscription ends with one customer and goes on with another, with the event merged."""
    owner, known, before, after = _histories(snapshot, ports)
    stored = ports.store.event(event.customer_id, event.key)
    if stored is None:
        raise NotDone(f"Event {event.key} waits to be merged just now; look at it again in a minute.")
    id_, day = snapshot.subscription_id, effective_day(snapshot.effective_at, ports.zone)
    there = after.subscriptions.get(id_)
    ended, goes_on = moved(
        known.value, there.value if there else None, snapshot, day, stored.value.received_at
    )
    now, counted, day = ports.clock.now(), goes_on.newest.number, goes_on.newest.day
    merged = replace(stored.value, outcome=Merge.MERGED.value, parked=None, merged_at=now)
    detail = (
        f"event {event.key}: {id_} of customer {before.id} is customer {after.id}'s from {day} on; version {snapshot.version} "
        f"counts as {counted}"
    )
    old, new = ([*one.mapping.value.contract_ids] if one.mapping else [] for one in (before, after))
    ports.store.commit(
        *put_subscription(ended, known)[0],
        *put_subscription(goes_on, there)[0],
        put_owner(id_, after.id, owner.rev),
        put_event(merged, stored.rev),
        check_mapping(before.id, before.mapping),
        check_mapping(after.id, after.mapping),
        *wake_contracts(before.id, old, ports),
        *wake_contracts(after.id, [one for one in new if one not in old], ports),
        put_decision(new_decision("events accept", (before.id, after.id), by, detail, ports)),
    )
    return Accepted(event.key, after.id, id_, snapshot.version, counted, 1, before.id, day)


def _parked_before(
    parked: Iterable[EventRecord],
    event: EventRecord,
    snapshot: Snapshot,
    codes: Collection[str] = DISPUTED,
) -> list[EventRecord]:
    """Earlier events of the subscription that wait for the same question, in order of time."""
    found = [
        (says.occurred_at, one.key, one)
        for one in parked
        if one.customer_id == event.customer_id
        and one.subscription_id == snapshot.subscription_id
        and one.key != event.key
        and one.parked is not None
        and one.parked.code in codes
        and (says := _understood(one)) is not None
        and says.occurred_at < snapshot.occurred_at
    ]
    return [one for *_, one in sorted(found)]


def _to_decide_first(
    event: EventRecord, snapshot: Snapshot, parked: Iterable[EventRecord]
) -> list[EventRecord]:
    """Those of ``parked`` that would change nothing any more once an event is accepted, although they say something of days before it."""
    return [one for one in _parked_before(parked, event, snapshot) if one.day < event.day]


def _leaves_nothing_out(store: Store, event: EventRecord, snapshot: Snapshot) -> None:
    """Raises :class:`NotDone` if earlier events are to be decided on first."""
    waiting = by_store(_parked_before(store.parked_events(), event, snapshot), store)
    first = _to_decide_first(event, snapshot, waiting)
    if first:
        those = some((f"version {one.version} (event {one.key})" for one in first), 3)
        raise NotDone(
            f"Events of the subscription that came before this one, and hold from earlier days, are parked too: {those}. Once this one is "
            "accepted they would change nothing, and their days would stay as they are. Accept the oldest first: those that followed it are "
            "merged again.",
            first=first[0].parked,
        )


def _overtaken(event: EventRecord, known: Subscription, ports: Ports) -> None:
    """Say of an earlier event what holds now, if it cannot be accepted any more."""
    stored = ports.store.event(event.customer_id, event.key)
    parked = overtaken_since(stored.value, known) if stored else None
    if stored and parked:
        ports.store.commit(put_event(replace(stored.value, parked=parked), stored.rev))


def _believing(ports: Ports, snapshot: Snapshot) -> tuple[Subscription, Sequence[Write], int]:
    """The subscription as it is when an event is believed, what stores it, and the number under which the event is counted.

    Raises :class:`NotDone` if the event would only be parked again.
    """
    stored = ports.store.customer_to_bill(snapshot.customer_id).subscriptions.get(snapshot.subscription_id)
    if stored is None:
        raise NotDone(f"Subscription {snapshot.subscription_id} is not known any more.")
    known, day = stored.value, effective_day(snapshot.effective_at, ports.zone)
    found = believed(known, snapshot, day)
    if found is None:
        later = later_than(version_of(snapshot, day), known)
        raise NotDone(
            f"Version {known.as_timus_counts(later)} of subscription {known.id} (event {later.event_id}) happened later and says otherwise, "
            "so this event cannot be the newest.",
            Way.COMPARE_WITH_TIMUS,
        )
    writes = put_subscription(found, stored)[0] if found != known else ()
    return found, writes, snapshot.version + found.counted_from(snapshot.occurred_at)


def _following(
    store: Store, event: EventRecord, snapshot: Snapshot
) -> tuple[list[EventRecord], list[EventRecord]]:
    """Later events of the subscription that had no part in its history so far, in order of time; and those that were dismissed."""
    found: list[tuple[datetime, EventRecord]] = []
    for one in store.events_of(event.customer_id):
        if (
            one.subscription_id != snapshot.subscription_id
            or one.outcome == Merge.MERGED
            or one.key == event.key
        ):
            continue
        says = _understood(one)
        if says is not None and says.occurred_at >= snapshot.occurred_at:
            found.append((says.occurred_at, one))
    found.sort(key=lambda each: each[0])
    later = [one for _, one in found]
    return [one for one in later if not one.dismissed], [one for one in later if one.dismissed]


def _stay_dismissed(dismissed: Iterable[EventRecord]) -> tuple[str, ...]:
    keys = ", ".join(one.key for one in dismissed)
    return (
        (f"Later events that were dismissed stay so, unless they are accepted too: {keys}",) if keys else ()
    )


# -- Dismiss


@dataclass(frozen=True, slots=True)
class Dismissed:
    """Events that nobody has to look at any more."""

    events: tuple[str, ...]
    """Their keys."""
    by: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"events": [*self.events], "by": self.by, "reason": self.reason, "written": True}


def dismiss(deployment: Deployment, keys: Sequence[str], reason: str, by: str) -> Dismissed:
    """Set parked events aside: what is known stays as it is. Nothing is adjusted because of it.

    Raises :class:`NotDone`, with nothing written, if one of them is not parked.
    """
    ports = deployment.ports
    found = [_one(deployment.store, key) for key in dict.fromkeys(keys)]
    for event in found:
        if event.outcome != "parked":
            raise NotDone(f"Event {event.key} is {event.outcome}, and not parked: nothing was written.")
    for event in found:
        update(lambda event=event: _dismiss(event, reason, by, ports))  # type: ignore[misc]
    return Dismissed(tuple(event.key for event in found), by, reason)


def _dismiss(event: EventRecord, reason: str, by: str, ports: Ports) -> None:
    stored = ports.store.event(event.customer_id, event.key)
    if stored is None or stored.value.outcome != "parked":
        raise NotDone(f"Event {event.key} is not parked any more; look at it again.")
    now = ports.clock.now()
    dismissed = replace(stored.value, outcome="dismissed", dismissed=Dismissal(now, by, reason))
    detail = f"event {event.key}: {reason}"
    decision = new_decision("events dismiss", (event.customer_id,), by, detail, ports)
    ports.store.commit(put_event(dismissed, stored.rev), put_decision(decision))


# -- Both


def _one(store: Store, key: str) -> EventRecord:
    """The event of a key, or of a ``webhook-id`` that only one event has."""
    found = events_named(store, key)
    if not found:
        if is_on_its_way(store, key):
            raise NotDone(f"Event {key} waits to be merged just now; look at it again in a minute.")
        raise NotDone(f"There is no merged event {key}.", Way.SEE_PARKED)
    if len(found) > 1:
        raise NotDone(
            f"Several events have the webhook-id {key}; give a key: {', '.join(one.key for one in found)}"
        )
    return found[0]


def _understood(event: EventRecord) -> Snapshot | None:
    snapshot = understand(event.event_id, event.raw)
    return snapshot if isinstance(snapshot, Snapshot) else None
