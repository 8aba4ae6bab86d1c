"""What each line should have on each day: Timus's quantities, on the partner's terms, split over lines by the mapping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial, reduce
from types import MappingProxyType
from typing import TypeVar

from .customer import Customer
from .dating import Dated, after_seats_that_stay, dated
from .history import Cause, Subscription, Version, newest_versions
from .mapping import LineKey, PlanMapping
from .placement import Placed, Placement
from .plan_change import (
    Link,
    PlanChange,
    SeatsThatCome,
    UnitsOf,
    Unplaced,
    changes_across,
    named_across,
    nobodys_units,
)
from .policy import BillingSchedule
from .reasons import Parked
from .timeline import NOTHING, Timeline

OneKind = TypeVar("OneKind", Link, Unplaced)


@dataclass(frozen=True, slots=True)
class Source:
    """A SKU of a customer that is billed on a line."""

    customer_id: str
    sku: str
    quantity: Timeline
    """Timus's own quantity by day, without the partner's terms: all subscriptions of the customer together."""
    units: Timeline = NOTHING
    """What of it is billed on the line by day, on the partner's terms."""
    outlived: Timeline = NOTHING
    """What of ``quantity`` Timus had cancelled by then already; see ``Subscription.outlived``."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a line should have."""

    key: LineKey
    companies: tuple[tuple[int, str], ...]
    """(company, customer) of everything that is billed on it, sorted: whose contract each customer's mapping says it is."""
    units: Timeline
    start: date
    """The first day that Timus has reported, or that a person chose; what the line has before it is not our concern."""
    sources: tuple[Source, ...]
    causes: tuple[Cause, ...] = ()
    brought_forward: tuple[Cause, ...] = ()
    """Versions that only let what one before them says hold from an earlier day: they tell who asked for that, and decide nothing."""
    redated: Mapping[tuple[str, int, str], date] = field(default_factory=dict)
    """By subscription, version and SKU of a cause: the first day on which it is billed, where the terms say another one than its own."""
    renewed_until: date | None = None
    """The last day of a renewed term that is billed on this line."""
    renewals: tuple[Cause, ...] = ()
    """By what Timus reported these renewals: of the latest renewed term of each of its SKUs."""
    renewed_unbilled: date | None = None
    """The last day of a renewed term of which nothing is billed on this line, but that a person may have put back, by an undo."""
    earliest: date | None = None
    """The first day that Timus has reported, if that was billed on another contract service; None: it is ``start``."""

    @property
    def outlived(self) -> Timeline:
        """What of its units Timus had cancelled by then already."""
        return reduce(Timeline.plus, (_outlived(source) for source in self.sources), NOTHING)

    @property
    def versions(self) -> dict[str, int]:
        """By subscription: the newest version that changed what the line should have."""
        return newest_versions(self.causes)

    @property
    def customers(self) -> tuple[str, ...]:
        """Whose units are billed on it at some time, sorted."""
        return tuple(sorted({source.customer_id for source in self.sources}))

    def billed_from(self, cause: Cause) -> date:
        """The first day on which what a cause changed is billed."""
        return self.redated.get((cause.subscription_id, cause.number, cause.sku), cause.day)

    def part(self, customer_id: str) -> Timeline:
        """What of its units is a customer's."""
        own = (source.units for source in self.sources if source.customer_id == customer_id)
        return reduce(Timeline.plus, own, NOTHING)


@dataclass(frozen=True, slots=True)
class Unrouted:
    """A SKU of a customer that has no line for all its units today."""

    customer_id: str
    sku: str
    units: int
    """What is to be billed today."""
    reason: str
    """A code of ``reasons``, or one of ``placement.IGNORED``."""
    answer: str = ""
    """Autotask's words, where it refused to look for a service."""

    @property
    def parked(self) -> Parked:
        """The reason with its facts; not for one of ``placement.IGNORED``."""
        return Parked(self.reason, {"customer": self.customer_id, "sku": self.sku, "answer": self.answer})


@dataclass(frozen=True, slots=True)
class Desired:
    """The demands of all given customers, by line."""

    demands: Mapping[LineKey, Demand]
    links: tuple[Link, ...] = ()
    unrouted: tuple[Unrouted, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    families: tuple[frozenset[LineKey], ...] = ()
    """Lines of one contract between which seats of a subscription move: together they are never billed more than Timus has."""
    seats_that_come: Mapping[Link | Unplaced, SeatsThatCome] = field(default_factory=dict)
    """By plan change: whose seats come with it. These may have to wait for the old plan, and no others."""
    units_of: UnitsOf = field(default=nobodys_units, compare=False)
    """What a line would not have without some of these seats."""
    newest: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that is known."""
    billed: Mapping[tuple[str, str], Timeline] = field(default_factory=dict)
    """By (customer, SKU): what is to be billed on the terms by day, on all lines together and where there is none."""


def desired(
    customers: Sequence[Customer],
    plans: Mapping[str, PlanMapping],
    schedules: Mapping[int, BillingSchedule],
    today: date,
    first_days: Mapping[LineKey, date] = MappingProxyType({}),
) -> Desired:
    """What the lines of these customers should have.

    ``schedules`` has the billing periods by contract, for the terms that date by period; a contract that is not in it is billed from
    the day of the change. ``today`` only decides which quantities without a line are reported. ``first_days``: what a line has before
    that day is not our concern (see ``LineChoice``).
    """
    contributions: dict[LineKey, list[_Contribution]] = defaultdict(list)
    seats_that_come: dict[Link | Unplaced, SeatsThatCome] = defaultdict(frozenset)
    seats: dict[str, _Seats] = {}
    families: set[frozenset[LineKey]] = set()
    unrouted: list[Unrouted] = []
    to_bill: dict[tuple[str, str], Timeline] = {}
    for customer in customers:
        placement = Placement(customer, plans)
        named = named_across(customer.subscriptions, plans)
        replayed = _not_twice(
            [dated(one, placement, schedules) for one in customer.subscriptions], customer, named.values()
        )
        lines: dict[str, list[LineKey]] = {}
        for sku in customer.skus:
            billed = to_bill[customer.id, sku] = _billed(customer, sku, replayed)
            unrouted += _unrouted(placement, sku, billed, today)
            reported = _reported(customer, sku, replayed)
            on_lines = placement.placed(sku, billed, reported.first)
            lines[sku] = [placed.line for placed in on_lines]
            for placed in on_lines:
                contributions[placed.line].append(_Contribution(placed, reported))
        seats[customer.id] = _Seats(placement, replayed, to_bill)
        for one, theirs in _that_come_with(_plan_changes(customer, replayed, named.values()), placement):
            seats_that_come[one] |= theirs
        for skus in (*(skus for one in replayed for skus in one.families), *named.values()):
            families.update(_by_contract(line for sku in skus for line in lines[sku]))
    return Desired(
        demands={
            line: _demand(line, contributions[line], first_days.get(line, date.min))
            for line in sorted(contributions)
        },
        links=_sorted(seats_that_come, Link),
        unrouted=tuple(unrouted),
        unplaced=_sorted(seats_that_come, Unplaced),
        families=tuple(sorted(families, key=sorted)),
        seats_that_come=seats_that_come,
        units_of=partial(_units_of, seats),
        newest={one.id: one.newest.number for customer in customers for one in customer.subscriptions},
        billed=to_bill,
    )


def _sorted(found: Iterable[Link | Unplaced], kind: type[OneKind]) -> tuple[OneKind, ...]:
    """Those of one kind."""
    return tuple(sorted(one for one in found if isinstance(one, kind)))


def _that_come_with(
    changes: Iterable[PlanChange], placement: Placement
) -> Iterator[tuple[Link | Unplaced, SeatsThatCome]]:
    """What each plan change of a customer is on lines, with its subscription; with all where it may be from one to another."""
    for change in changes:
        subscription = "" if change.across else change.subscription.id
        whose = frozenset({(placement.customer.id, subscription, change.new)})
        yield from ((link, whose) for link in change.links(placement))
        yield from ((unplaced, whose) for unplaced in change.unplaced(placement))


def _units_of(seats: Mapping[str, _Seats], line: LineKey, whose: SeatsThatCome) -> Timeline:
    """What a line would not have without these seats."""
    subscriptions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for customer, subscription, sku in whose:
        subscriptions[customer, sku].add(subscription)
    each = (
        seats[customer].units(line, sku, frozenset(some)) for (customer, sku), some in subscriptions.items()
    )
    return reduce(Timeline.plus, each, NOTHING)


class _Seats:
    """A customer's seats on lines, by subscription. There may be a thousand, each with a plan change, so what was worked out is kept."""

    def __init__(
        self, placement: Placement, replayed: Sequence[Dated], billed: Mapping[tuple[str, str], Timeline]
    ) -> None:
        self._placement = placement
        self._replayed = {
            its.id: one for its, one in zip(placement.customer.subscriptions, replayed, strict=True)
        }
        self._billed = billed
        self._quantities: dict[str, Timeline] = {}
        """By SKU, that of all subscriptions."""
        self._rest: dict[tuple[str, frozenset[str]], dict[LineKey, Timeline]] = {}
        """By SKU and subscriptions, what is billed without these, by line."""

    def units(self, line: LineKey, sku: str, subscriptions: frozenset[str]) -> Timeline:
        """What a line would not have of a SKU without these subscriptions; with an empty one among them: without all."""
        if "" in subscriptions:
            subscriptions = frozenset(self._replayed)
        whole, rest = self._without(sku, frozenset()), self._without(sku, subscriptions)
        return whole.get(line, NOTHING).minus(rest.get(line, NOTHING))

    def _without(self, sku: str, subscriptions: frozenset[str]) -> dict[LineKey, Timeline]:
        if (sku, subscriptions) not in self._rest:
            customer = self._placement.customer
            if sku not in self._quantities:
                self._quantities[sku] = _quantity(sku, self._replayed.values())
            theirs = _quantity(sku, [self._replayed[one] for one in subscriptions])
            rest = _on_terms(customer, sku, self._quantities[sku].minus(theirs))
            first = next(iter(self._billed[customer.id, sku].days), None)
            on_lines = self._placement.placed(sku, rest, first) if first else ()
            self._rest[sku, subscriptions] = {placed.line: placed.units for placed in on_lines}
        return self._rest[sku, subscriptions]


def _not_twice(
    replayed: Sequence[Dated], customer: Customer, families: Iterable[AbstractSet[str]]
) -> list[Dated]:
    """The same, where seats of named families that come in one subscription wait for those that the terms keep billed in another."""
    billed = [{**one.billed} for one in replayed]
    for skus in families:
        each = [(n, sku) for n, one in enumerate(billed) for sku in sorted(skus) if sku in one]
        reported = [customer.subscriptions[n].quantity(sku) for n, sku in each]
        waiting = after_seats_that_stay([billed[n][sku] for n, sku in each], reported)
        for (n, sku), timeline in zip(each, waiting, strict=True):
            billed[n][sku] = timeline
    return [replace(one, billed=units) for one, units in zip(replayed, billed, strict=True)]


def _plan_changes(
    customer: Customer, replayed: Sequence[Dated], families: Iterable[AbstractSet[str]]
) -> Iterator[PlanChange]:
    """Those within each subscription, and those that may be from one to another."""
    yield from (change for one in replayed for change in one.plan_changes)
    fallen = [
        (subscription, one.fallen) for subscription, one in zip(customer.subscriptions, replayed, strict=True)
    ]
    yield from changes_across(families, fallen)


def _by_contract(lines: Iterable[LineKey]) -> Iterator[frozenset[LineKey]]:
    """The lines of each contract that has several of them."""
    found: dict[int, set[LineKey]] = defaultdict(set)
    for line in lines:
        found[line.contract_id].add(line)
    yield from (frozenset(together) for together in found.values() if len(together) > 1)


def _billed(customer: Customer, sku: str, replayed: Sequence[Dated]) -> Timeline:
    """What is billed for a SKU by day: all subscriptions together, included units off and minimums kept."""
    return _on_terms(customer, sku, _quantity(sku, replayed))


def _quantity(sku: str, replayed: Iterable[Dated]) -> Timeline:
    return reduce(Timeline.plus, (replay.billed.get(sku, NOTHING) for replay in replayed), NOTHING)


def _on_terms(customer: Customer, sku: str, quantity: Timeline) -> Timeline:
    days = (*quantity.days, *(until for until, _ in customer.earlier))
    return Timeline.sampled(days, lambda day: customer.policy_on(day).billable(sku, quantity.at(day)))


def _unrouted(placement: Placement, sku: str, billed: Timeline, today: date) -> Iterator[Unrouted]:
    """What is billed for a SKU today or later, if it has no line today."""
    units = billed.at(today)
    reason = placement.reason(sku, today, units)
    if reason and (units or any(day > today for day in billed.days)):
        plan = placement.plans.get(sku)
        yield Unrouted(placement.customer.id, sku, units, reason, plan.refused if plan else "")


@dataclass(frozen=True, slots=True)
class _Reported:
    """What Timus has reported about one SKU of a customer, all subscriptions together."""

    source: Source
    first: date
    """The first day of a subscription that has the SKU."""
    causes: tuple[Cause, ...]
    brought_forward: tuple[Cause, ...]
    redated: Mapping[tuple[str, int, str], date]
    renewed_until: date | None
    """The last day of a renewed term."""
    renewals: tuple[Cause, ...]
    """By what Timus reported it."""


@dataclass(frozen=True, slots=True)
class _Contribution:
    """What one SKU of one customer adds to a line."""

    placed: Placed
    reported: _Reported

    @property
    def is_renewed(self) -> bool:
        """Whether the line still has units of it on the last day of a renewed term."""
        until = self.reported.renewed_until
        return until is not None and self.placed.units.at(until) > 0


def _outlived(source: Source) -> Timeline:
    """What of the units of a line was cancelled already: all of them, where nothing else of the SKU is left."""
    units, over, quantity = source.units, source.outlived, source.quantity
    if not over.steps:
        return NOTHING
    return Timeline.sampled(
        (*units.days, *over.days, *quantity.days),
        lambda day: units.at(day) if over.at(day) == quantity.at(day) else min(units.at(day), over.at(day)),
    )


def _reported(customer: Customer, sku: str, replayed: Sequence[Dated]) -> _Reported:
    pairs = zip(customer.subscriptions, replayed, strict=True)
    having = [one for one, its in pairs if sku in its.billed]
    first = min(version.day for one in having for version in one.versions)
    until, renewals = _renewed(having, sku)
    return _Reported(
        Source(customer.id, sku, customer.quantity(sku), outlived=customer.outlived(sku)),
        first,
        tuple(cause for one in customer.subscriptions for cause in _causes(one, sku)),
        tuple(cause for one in customer.subscriptions for cause in _brought_forward(one, sku)),
        {
            (subscription.id, number, sku): day
            for subscription, one in zip(customer.subscriptions, replayed, strict=True)
            for number, day in one.redated.get(sku, {}).items()
        },
        until,
        renewals,
    )


def _renewed(having: Iterable[Subscription], sku: str) -> tuple[date | None, tuple[Cause, ...]]:
    """The last day of the latest renewed term of these subscriptions, and by what Timus reported it."""
    found = [(until, one, one.renewal) for one in having if (until := one.renewed_until)]
    latest = max((until for until, _, _ in found), default=None)
    return latest, tuple(
        _cause(renewal, one, sku, renewal.quantity(sku))
        for until, one, renewal in found
        if until == latest and renewal
    )


def _causes(subscription: Subscription, sku: str) -> Iterator[Cause]:
    """The versions that changed a SKU's quantity or the subscription's end."""
    before: _SaidOf = (0, None)
    for version, now in _said_of(subscription, sku):
        if now != before:
            yield _cause(version, subscription, sku, before[0])
        before = now


def _brought_forward(subscription: Subscription, sku: str) -> Iterator[Cause]:
    """The versions that say the same of a SKU as the one before, from an earlier day: what changes then is what that one had changed."""
    before: _SaidOf = (0, None)
    quantity, since = 0, date.min
    for version, now in _said_of(subscription, sku):
        if now != before:
            quantity, since = before[0], version.day
        elif version.day < since:
            since = version.day
            yield _cause(version, subscription, sku, quantity)
        before = now


_SaidOf = tuple[int, date | None]
"""What a version says of a SKU: its quantity, and when that ends."""


def _said_of(subscription: Subscription, sku: str) -> Iterator[tuple[Version, _SaidOf]]:
    """What each version says of a SKU. The end of a subscription is no news of a SKU that it never had."""
    had = False
    for version in subscription.versions:
        quantity = version.quantity(sku)
        had = had or quantity > 0
        yield version, (quantity, version.ends if had else None)


def _cause(version: Version, subscription: Subscription, sku: str, before: int) -> Cause:
    return Cause(
        subscription.id,
        version.number,
        version.day,
        version.event_id,
        version.occurred_at,
        version.received_at,
        version.actor,
        subscription.customer_id,
        sku,
        before,
        version.quantity(sku),
        version.ends,
    )


def _demand(line: LineKey, contributions: Sequence[_Contribution], first_day: date) -> Demand:
    """What a line should have, all contributions together."""
    reported = min(one.placed.start for one in contributions)
    return Demand(
        key=line,
        companies=_companies(contributions),
        units=reduce(Timeline.plus, (one.placed.units for one in contributions)),
        start=max(first_day, reported),
        sources=tuple(replace(one.reported.source, units=one.placed.units) for one in contributions),
        causes=_every(one.reported.causes for one in contributions),
        brought_forward=_every(one.reported.brought_forward for one in contributions),
        redated={cause: day for one in contributions for cause, day in one.reported.redated.items()},
        renewed_until=_latest_term(one for one in contributions if one.is_renewed),
        renewals=_every(one.reported.renewals for one in contributions),
        renewed_unbilled=_latest_term(one for one in contributions if not one.is_renewed),
        earliest=reported if reported < first_day else None,
    )


def _companies(contributions: Iterable[_Contribution]) -> tuple[tuple[int, str], ...]:
    found = {
        (company, one.reported.source.customer_id)
        for one in contributions
        for company in one.placed.companies
    }
    return tuple(sorted(found))


def _every(causes: Iterable[Iterable[Cause]]) -> tuple[Cause, ...]:
    return tuple(cause for each in causes for cause in each)


def _latest_term(contributions: Iterable[_Contribution]) -> date | None:
    ends = (one.reported.renewed_until for one in contributions)
    return max((end for end in ends if end is not None), default=None)
