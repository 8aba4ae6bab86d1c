"""Parked events as they stand now: what came since may have made one of them unacceptable.

An event is parked with the reason of that moment. Merging a newer one reads no other events, so it leaves the reason as it is; what
holds now is found when the event is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.records import Store
from timus_autotask.sync.merge import DISPUTED, overtaken_since


def by_records(
    events: Iterable[EventRecord], customers: Mapping[str, CustomerRecords]
) -> tuple[EventRecord, ...]:
    """Events, those among them that cannot be accepted any more with the reason for it, by what is known of their customers."""
    return tuple(_as_known_now(events, customers.get))


def by_store(events: Iterable[EventRecord], store: Store) -> tuple[EventRecord, ...]:
    """The same, where nothing is read of their customers yet: only those are read that an event disagrees with."""

    @cache
    def records(customer_id: str) -> CustomerRecords | None:
        try:
            return store.customer_to_bill(customer_id)
        except RecordUnreadable:
            return None

    return tuple(_as_known_now(events, records))


def _as_known_now(
    events: Iterable[EventRecord], records: Callable[[str], CustomerRecords | None]
) -> Iterator[EventRecord]:
    for event in events:
        disputed = event.parked is not None and event.parked.code in DISPUTED
        customer = records(event.customer_id) if disputed else None
        known = customer.subscriptions.get(event.subscription_id) if customer else None
        parked = overtaken_since(event, known.value) if known else None
        yield replace(event, parked=parked) if parked else event
