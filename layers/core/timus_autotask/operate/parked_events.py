"""Use cases: what a person decides about an event that is parked.

accept:   an event is believed that says otherwise than what is known, by its number or its time; what followed it is merged again
dismiss:  an event was a mistake; it changes nothing, nobody has to look at it any more, and it is still shown with the reason
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from timus_autotask.domain.days import effective_day
from timus_autotask.domain.history import Merge, Subscription, believed, merge, version_of
from timus_autotask.domain.reasons import commands
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.operate.decisions import QUIET
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, wake
from timus_autotask.operate.recover import put_again, replay
from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.table import Write
from timus_autotask.store.records import (
    Decision,
    Dismissal,
    EventRecord,
    Store,
    put_decision,
    put_event,
    put_subscription,
)
from timus_autotask.store.update import update
from timus_autotask.sync.merge import overtaken
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.events import understand
from timus_autotask.watch.history import event as events_named

ACCEPTABLE = ("version-restarted", "contradictory")
"""Reasons for which an event is parked that says something else than what is known; all others cannot be followed at all."""

# -- Accept


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

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "event": self.event,
            "customer": self.customer_id,
            "subscription": self.subscription_id,
            "version": self.version,
            "counted_as": self.counted_as,
            "merged_again": self.merged_again,
        }


def accept(deployment: Deployment, key: str, by: str, on_progress: Progress = QUIET) -> Proposal[Accepted]:
    """Believe an event that disagrees with what is known about which is the newer; ``key`` is its key or its ``webhook-id``.

    From it on the subscription is counted anew, if its number is lower. Every later event of the subscription that had no part in its
    history so far is merged again. Raises :class:`NotDone` for an event of which this cannot be said.
    """

    def prepare() -> Prepared[Accepted]:
        event = _one(deployment.store, key)
        if event.parked is None or event.parked.code not in ACCEPTABLE:
            raise NotDone(
                f"Event {event.key} is {event.parked.code if event.parked else event.outcome}: only an event that says otherwise than "
                f"what is known ({' or '.join(ACCEPTABLE)}) can be accepted. See: {_show(event)}"
            )
        snapshot = _understood(event)
        if snapshot is None:
            raise NotDone(f"Event {event.key} cannot be read any more: {_show(event)}")
        following, dismissed = _following(deployment.store, event, snapshot)
        _believing(deployment.ports, snapshot)  # refuses what would only be parked again

        def act(ports: Ports) -> Accepted:
            counted, after = update(lambda: _accept(event, snapshot, by, ports))
            for one in _parked_before(ports.store, event, snapshot):
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
        f"after {history.newest.number}"
    )
    ports.store.commit(
        *writes,
        *put_again(stored, ports),
        put_decision(
            Decision(
                ports.new_id(), ports.clock.now(), "events accept", by, (event.customer_id,), detail=detail
            )
        ),
    )
    return counted, merge(history, snapshot, effective_day(snapshot.effective_at, ports.zone)).subscription


def _parked_before(store: Store, event: EventRecord, snapshot: Snapshot) -> list[EventRecord]:
    """Earlier events of the subscription that wait for the same question."""
    return [
        one
        for one in store.parked_events()
        if one.customer_id == event.customer_id
        and one.subscription_id == snapshot.subscription_id
        and one.key != event.key
        and one.parked is not None
        and one.parked.code in ACCEPTABLE
        and (says := _understood(one)) is not None
        and says.occurred_at < snapshot.occurred_at
    ]


def _overtaken(event: EventRecord, known: Subscription, ports: Ports) -> None:
    """Say of an earlier event what holds now, if it cannot be accepted any more."""
    stored, says = ports.store.event(event.customer_id, event.key), _understood(event)
    if stored is None or stored.value.outcome != "parked" or says is None:
        return
    day = effective_day(says.effective_at, ports.zone)
    if believed(known, says, day) is None:
        facts: dict[str, int | str] = {
            "event": event.key,
            "customer": event.customer_id,
            "subscription": says.subscription_id,
            "version": says.version,
        }
        parked = overtaken(known, version_of(says, day), facts)
        ports.store.commit(put_event(replace(stored.value, parked=parked), stored.rev))


def _believing(ports: Ports, snapshot: Snapshot) -> tuple[Subscription, Sequence[Write], int]:
    """The subscription as it is when an event is believed, what stores it, and the number under which the event is counted.

    Raises :class:`NotDone` if the event would only be parked again.
    """
    stored = ports.store.customer_to_bill(snapshot.customer_id).subscriptions.get(snapshot.subscription_id)
    if stored is None:
        raise NotDone(f"Subscription {snapshot.subscription_id} is not known any more.")
    known = stored.value
    found = believed(known, snapshot, effective_day(snapshot.effective_at, ports.zone))
    if found is None:
        raise NotDone(
            f"Version {known.timus_version} of subscription {known.id} (event {known.newest.event_id}) happened later and says otherwise, "
            "so this event cannot be the newest. Compare with Timus: timus-autotask reconcile --timus-export FILE"
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
    decision = Decision(
        ports.new_id(),
        now,
        "events dismiss",
        by,
        (event.customer_id,),
        detail=f"event {event.key}: {reason}",
    )
    ports.store.commit(put_event(dismissed, stored.rev), put_decision(decision))


# -- Both


def _one(store: Store, key: str) -> EventRecord:
    """The event of a key, or of a ``webhook-id`` that only one event has."""
    found = events_named(store, key)
    if not found:
        raise NotDone(f"There is no merged event {key}; list them with: timus-autotask events --parked")
    if len(found) > 1:
        raise NotDone(
            f"Several events have the webhook-id {key}; give a key: {', '.join(one.key for one in found)}"
        )
    return found[0]


def _show(event: EventRecord) -> str:
    return commands("timus-autotask events show {event}", {"event": event.key})


def _understood(event: EventRecord) -> Snapshot | None:
    snapshot = understand(event.event_id, event.raw)
    return snapshot if isinstance(snapshot, Snapshot) else None
