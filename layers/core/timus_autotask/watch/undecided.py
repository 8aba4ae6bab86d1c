"""What waits for a person and is no line's own: while it waits, nobody can say that its customers are level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.reasons import WayOut
from timus_autotask.store.inbox import NOBODY
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.records import Store
from timus_autotask.watch.names import apart, called_otherwise, directory, reported_name
from timus_autotask.watch.remedy import NextWay, said

MOST = 5
"""So many of them are named in a sentence each."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """One thing that a person has to decide."""

    customers: tuple[str, ...]
    """Whose lines may be other ones by it."""
    message: str
    """For people, without a full stop."""
    ways: tuple[WayOut | NextWay, ...]
    """What settles it, or shows how: a person chooses one."""
    event: str = ""
    """The key of the event that it is about; empty: it is about what a customer is called."""

    @property
    def of_name(self) -> bool:
        """Whether it is about what a customer is called."""
        return not self.event

    @property
    def remedy(self) -> str:
        """The commands for it."""
        return said(*self.ways, customer=self.customers[0], event=self.event)

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


def parked(events: Iterable[EventRecord]) -> Iterator[Undecided]:
    """Events that are parked: nobody knows yet whether what they say counts."""
    for event in events:
        if event.parked:
            whose = (
                ", which names no customer," if event.customer_id == NOBODY else f" of {event.customer_id}"
            )
            other = (event.other_customer,) if event.other_customer else ()
            yield Undecided(
                tuple(dict.fromkeys((event.customer_id, *other))),
                f"event {event.key}{whose} waits for a person",
                (WayOut.SHOW_EVENT,),
                event.key,
            )


def misnamed(
    customers: Mapping[str, tuple[str, CustomerMapping | None]], companies: Mapping[int, str]
) -> Iterator[Undecided]:
    """Customers whose company has another one's name: their seats may be on the wrong client. ``customers``: Timus's name, mapping."""
    for customer, (name, mapping) in sorted(customers.items()):
        for alias in called_otherwise(mapping, name, companies) if mapping else ():
            message = apart(customer, alias, companies[alias.company_id])
            yield Undecided((customer,), message, (NextWay.CONFIRM_NAME, NextWay.MAP_AGAIN))


def misnamed_in(store: Store) -> Iterator[Undecided]:
    """The same, of everybody: listings only."""
    subscriptions: dict[str, list[Subscription]] = {}
    for one in store.subscriptions():
        subscriptions.setdefault(one.customer_id, []).append(one)
    customers = {
        one.customer_id: (reported_name(subscriptions.get(one.customer_id, ())), one)
        for one in store.mappings()
    }
    yield from misnamed(customers, directory({}, store.all_names()).companies)


def named(undecided: tuple[Undecided, ...]) -> tuple[str, ...]:
    """The first of them, a sentence each, and how many more there are."""
    more = len(undecided) - MOST
    rest = (f"{more} more: {said(NextWay.SEE_ALL)}",) if more > 0 else ()
    return (*map(str, undecided[:MOST]), *rest)
