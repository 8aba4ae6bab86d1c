"""What was done, and what people decided: the journal and the decisions, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from timus_autotask.domain.line import JournalEntry, Outcome, Why
from timus_autotask.domain.policy import shortfall
from timus_autotask.store.customers import deliveries
from timus_autotask.store.decisions import Decision
from timus_autotask.store.inbox import delivery_in, waits_in_inbox
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.records import Store
from timus_autotask.store.terms import policy_from
from timus_autotask.watch.as_known_now import by_store
from timus_autotask.watch.names import NOBODY, Directory, known_names


@dataclass(frozen=True, slots=True)
class History:
    """Oldest first."""

    changes: tuple[JournalEntry, ...]
    decisions: tuple[Decision, ...]
    names: Directory = NOBODY
    """How what stands in it is called."""

    @property
    def in_order(self) -> Iterator[JournalEntry | Decision]:
        """All of it by time."""
        both: list[tuple[datetime, JournalEntry | Decision]] = [(one.opened_at, one) for one in self.changes]
        both += [(one.at, one) for one in self.decisions]
        return (one for _, one in sorted(both, key=lambda each: each[0]))


def history(
    store: Store, since: datetime | None = None, customer: str | None = None, contract: int | None = None
) -> History:
    """What was done and decided since then, of everybody or of one customer or contract; what concerns everybody concerns each."""
    changes = [
        one
        for one in store.changes(since)
        if contract in (None, one.line.contract_id)
        and (customer is None or customer in [source for source, _ in one.sources])
    ]
    decisions = [
        one
        for one in store.decisions(since)
        if contract in (None, one.contract_id)
        and (customer is None or customer in (one.customers or (customer,)))
    ]
    return History(
        tuple(sorted(changes, key=lambda one: (one.settled_at, one.opened_at, one.delta > 0))),
        tuple(sorted(decisions, key=lambda one: one.at)),
        known_names(store) if changes or decisions else NOBODY,
    )


OVERLAP = timedelta(minutes=10)
"""An index is a moment old: so much of what was read already is read again."""


def later(known: History, store: Store, since: datetime, names: Directory) -> History:
    """What is known with what came after it, from ``since`` on, for everybody: only what is new is read."""
    newest = max([since, *(one.settled_at for one in known.changes), *(one.at for one in known.decisions)])
    begin = max(since, newest - OVERLAP)
    changes = {one.id: one for one in known.changes if one.settled_at >= since}
    changes.update((one.id, one) for one in store.changes(begin))
    decisions = {one.id: one for one in known.decisions if one.at >= since}
    decisions.update((one.id, one) for one in store.decisions(begin))
    return History(
        tuple(sorted(changes.values(), key=lambda one: (one.settled_at, one.opened_at, one.delta > 0))),
        tuple(sorted(decisions.values(), key=lambda one: one.at)),
        names,
    )


def undone_by(changes: Iterable[JournalEntry]) -> dict[str, str]:
    """By entry of the journal: the newest one that took it back."""
    made = (one for one in changes if one.undoes and one.outcome is Outcome.LANDED)
    return {one.undoes: one.id for one in made}


def by_whom(change: JournalEntry) -> str:
    """Who let a change go, or rejected it; or why it was made though Timus reported nothing."""
    terms = f"by the terms: {', '.join(change.terms)}" if change.terms else ""
    set_by = f"{terms}, set by {change.by or 'somebody'}"
    if change.why is Why.TERMS:
        return set_by
    if change.why is Why.UNDONE:
        return f"undoes {change.undoes}, by {change.by}"
    if change.why is Why.RENEWED and change.line.service_id:
        return "goes on in the renewed term, whose periods Autotask left empty"
    if change.why is Why.ENFORCED:
        who = f"; {set_by}" if terms else change.by and f", by {change.by}"
        return f"brings back what somebody changed in Autotask{who}"
    if change.by:
        verb = "rejected" if change.outcome is Outcome.REJECTED else "approved"
        return f"{verb} by {change.by}" + (f"; {terms}" if terms else "")
    return ""


def events(
    store: Store, since: datetime | None = None, customer: str | None = None, *, parked: bool = False
) -> list[EventRecord]:
    """Merged events by the time of their arrival; ``parked``: only those that a person has to look at."""
    found = [one for one in store.parked_events() if since is None or one.received_at >= since]
    if not parked:
        found += store.events(since)
    found = [one for one in found if customer in (None, one.customer_id)]
    return sorted(by_store(found, store), key=lambda one: (one.received_at, one.key))


def event(store: Store, key: str) -> list[EventRecord]:
    """The merged events of this key, or of this ``webhook-id``, as they are stored."""
    return [one for one in (*store.parked_events(), *store.events()) if key in (one.key, one.event_id)]


def is_on_its_way(store: Store, key: str) -> bool:
    """Whether an event of this key, or of this ``webhook-id``, waits to be merged, for the first time or again."""
    due = store.due()
    found = store.table.get_many([one.key for one in due if waits_in_inbox(one)])
    waiting = map(delivery_in, deliveries(found, store.on_unreadable))
    return any(key in (one.key, one.event_id) for one in waiting)


@dataclass(frozen=True, slots=True)
class Owed:
    """What the partner owes Timus at least of a SKU, and what all customers together have."""

    sku: str
    minimum: int
    used: int
    shortfall: int


def pooled_minimum(store: Store, today: date) -> list[Owed]:
    """By SKU."""
    least = policy_from(store.partner().terms.value.values).pooled_minimum
    used: Counter[str] = Counter()
    for subscription in store.subscriptions():
        used.update({sku: subscription.quantity(sku).at(today) for sku in subscription.skus})
    return [Owed(sku, *numbers) for sku, numbers in shortfall(least, used).items()]
