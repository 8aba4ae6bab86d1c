"""What parked events would change: what they say, against what counts until somebody has decided about them. Pure.

It is counted in Timus's own units, before the terms, as an acceptance would merge it. Nothing of it is in any sum: nobody knows yet
whether it counts. Several of one subscription are counted together, as its history with all of them: with the first one that is
accepted, those that followed it are merged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, each_day, effective_day
from timus_autotask.domain.history import Merge, Subscription, Version, believed, merge, moved, version_of
from timus_autotask.domain.policy import BillingSchedule, EffectiveDay
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.sync.gather import customer_from
from timus_autotask.watch.money import rounded
from timus_autotask.watch.month.books import WITHOUT_PART, Books, days_of_period, price_of_sku
from timus_autotask.watch.month.causes import too_few_and_too_many


@dataclass(frozen=True, slots=True)
class EventEffect:
    """Of one parked event. Of several of one subscription, what they change stands with the one whose days begin first."""

    event: EventRecord
    units: Mapping[str, Timeline] = field(default_factory=dict)
    """By SKU, what it says beyond what counts; negative: less. Only SKUs in which the two differ on some day."""
    first: date | None = None
    """The first day that may be billed otherwise by it, with what the terms date back; None: nobody can say."""
    uncounted: str = ""
    """Why its seat-days cannot be counted, for people; empty: they are."""
    remark: str = ""
    """What else is to be known of the number."""
    others: int = 0
    """How many other parked events of the subscription are counted in it."""
    counted_with: str = ""
    """The event with which it is counted, by its key; empty: its number stands here."""

    @property
    def customers(self) -> tuple[str, ...]:
        """Whose seats it may change: of a move, also of the customer whose the subscription is until somebody decides."""
        return self.event.customer_id, _former(self.event)

    @property
    def counted(self) -> bool:
        """Whether what it says can be read, and set beside what counts."""
        return not self.uncounted

    def by_sku(self, first: date, last: date) -> tuple[SkuDays, ...] | None:
        """What it changes between two days, both inclusive; None: nobody can count it."""
        return days_of(self.units, first, last) if self.counted else None

    def concerns(self, last: date) -> bool:
        """Whether a day until this one may be billed otherwise by it; what cannot be dated may concern every day."""
        return self.first is None or self.first <= last

    def sentence(self, first: date, last: date) -> str:
        """What it would change on these days, or why that cannot be counted, for people."""
        if not self.counted:
            return self.uncounted
        if self.counted_with:
            return f"What it changes is counted with event {self.counted_with}."
        each = words_of(days_of(self.units, first, last))
        said = f"{self._by}: {each}." if each else f"{self._by} no seat-day of these days would be other."
        return f"{said} {self.remark}".rstrip()

    @property
    def _by(self) -> str:
        if not self.others:
            return "By it"
        others = "other parked event" if self.others == 1 else f"{self.others} other parked events"
        return f"By it and the {others} of the subscription together"


@dataclass(frozen=True, slots=True)
class SkuDays:
    """Units × days of a SKU that an event says beyond what counts, and short of it on other days. Neither makes up for the other."""

    sku: str
    more: int
    fewer: int


def days_of(units: Mapping[str, Timeline], first: date, last: date) -> tuple[SkuDays, ...]:
    """What these units, by SKU, come to between two days, both inclusive; only SKUs that have any."""
    found = (
        SkuDays(
            sku,
            seat_days_between(_only(of_sku, 1), first, last),
            seat_days_between(_only(of_sku, -1), first, last),
        )
        for sku, of_sku in units.items()
    )
    return tuple(one for one in found if one.more or one.fewer)


def _only(units: Timeline, sign: int) -> Timeline:
    """The units that are more (1), or fewer (-1), without their sign."""
    return Timeline.sampled(units.days, lambda day: max(units.at(day) * sign, 0))


def words_of(each: Iterable[SkuDays]) -> str:
    """For people: "-75 SASE-ADV-USER, +75 SASE-ESS-USER seat-days"; empty: there are none."""
    sides = [(one.sku, days) for one in each for days in (one.more, -one.fewer) if days]
    if not sides:
        return ""
    said = ", ".join(f"{days:+d} {sku}" for sku, days in sides)
    return f"{said} {'seat-day' if [abs(days) for _, days in sides] == [1] else 'seat-days'}"


def seat_days_between(units: Timeline, first: date, last: date) -> int:
    """Units × days between two days, both inclusive."""
    if last < first:
        return 0
    ends = last + ONE_DAY
    cuts = [first, *(day for day in units.days if first < day <= last), ends]
    return sum(units.at(day) * (cuts[at + 1] - day).days for at, day in enumerate(cuts[:-1]))


# -- What it comes to


@dataclass(frozen=True, slots=True)
class Cost:
    """What parked events come to on some days, of one SKU: those with more units, or those with fewer. Neither makes up for the other."""

    sku: str
    first: date
    """The first day with other units."""
    most: int
    """The most units on a day; negative: fewer."""
    seat_days: int
    estimate: Decimal | None
    """At the price of today; None: no price is known."""


def costs(effect: EventEffect, books: Books, first: date, last: date) -> tuple[Cost, ...]:
    """What it comes to between two days, both inclusive: of each SKU that would have other units on one of them, more and fewer apart."""
    days = [*each_day(first, last)]
    found = []
    for sku, units in effect.units.items():
        price, key = price_of_sku(books, effect.event.customer_id, sku)
        for other in too_few_and_too_many([(day, units.at(day)) for day in days]):
            parts = sum((Decimal(more) / days_of_period(books, key, day) for day, more in other), Decimal())
            found.append(
                Cost(
                    sku,
                    other[0][0],
                    max((more for _, more in other), key=abs),
                    sum(more for _, more in other),
                    None if price.price is None else rounded(price.price * parts),
                )
            )
    return tuple(found)


# -- What it says


def effects(events: Iterable[EventRecord], books: Books, zone: ZoneInfo) -> tuple[EventEffect, ...]:
    """What parked events would change, by our records: one for each, in their order."""
    waiting = tuple(events)
    schedules = {id_: one.schedule for id_, one in books.contracts.items()}
    partner = books.records.partner.terms.value
    strangers = {one.customer_id for one in waiting} - books.customers.keys()
    new = {id_: customer_from(CustomerRecords(id_), partner) for id_ in strangers}
    return effects_of(waiting, {**books.customers, **new}, schedules, zone, books.without_part)


def effects_of(
    events: Iterable[EventRecord],
    customers: Mapping[str, Customer],
    schedules: Mapping[int, BillingSchedule],
    zone: ZoneInfo,
    without_part: Iterable[EventRecord] = (),
) -> tuple[EventEffect, ...]:
    """What parked events would change: one for each, in their order.

    ``customers``: at least their own, and for a move the one whose the subscription is, if known. ``without_part``: events that changed
    nothing, but are merged again once an earlier one of their subscription is accepted; others among them are passed over.
    """
    waiting = tuple(events)
    found: dict[str, EventEffect] = {}
    together: dict[tuple[str, str], list[_Told]] = {}
    for event in waiting:
        told = _told(event, zone)
        if event.outcome == "dismissed":
            found[event.key] = EventEffect(event, uncounted=_DISMISSED)
        elif told is None:
            found[event.key] = EventEffect(event, uncounted=_UNREADABLE)
        else:
            together.setdefault(told.of, []).append(told)
    again: dict[tuple[str, str], list[_Told]] = {}
    for event in without_part:
        of = event.customer_id, event.subscription_id
        told = _told(event, zone) if event.outcome in WITHOUT_PART and of in together else None
        if told is not None:
            again.setdefault(of, []).append(told)
    for of, these in together.items():
        these.sort(key=lambda one: one.at)
        for effect in _of_subscription(these, again.get(of, ()), customers, schedules):
            found[effect.event.key] = effect
    return tuple(found[event.key] for event in waiting)


_DISMISSED = "Somebody set it aside as a mistake: it counts for nothing."
_UNREADABLE = "What it says cannot be read, so its seat-days cannot be counted."
_ALONE = "Nothing is known to set it beside, so its seat-days cannot be counted."


@dataclass(frozen=True, slots=True)
class _Told:
    """An event, and what it says."""

    event: EventRecord
    snapshot: Snapshot
    day: date

    @property
    def of(self) -> tuple[str, str]:
        """The customer and the subscription that it is about."""
        return self.event.customer_id, self.snapshot.subscription_id

    @property
    def at(self) -> tuple[datetime, datetime, str]:
        """When it happened, and what decides between two of one moment."""
        return self.snapshot.occurred_at, self.event.received_at, self.event.key

    @property
    def moves(self) -> bool:
        """Whether it says another customer than the one whose the subscription is."""
        return _moves(self.event)

    @property
    def former(self) -> str:
        """Of a move, whose the subscription is until somebody decides; empty: nobody can say."""
        return _former(self.event)


def _moves(event: EventRecord) -> bool:
    return event.parked is not None and event.parked.code == SUBSCRIPTION_MOVED


def _former(event: EventRecord) -> str:
    return event.other_customer if _moves(event) else ""


def snapshot_in(event: EventRecord) -> Snapshot | None:
    """What an event says of a subscription; None: it cannot be read, or says nothing of any."""
    from timus_autotask.timus.events import understand  # with an event: it builds models

    found = understand(event.event_id, event.raw)
    return found if isinstance(found, Snapshot) else None


def _told(event: EventRecord, zone: ZoneInfo) -> _Told | None:
    """None: what it says cannot be read."""
    found = snapshot_in(event)
    return None if found is None else _Told(event, found, effective_day(found.effective_at, zone))


def _of_subscription(
    waiting: list[_Told],
    again: Iterable[_Told],
    customers: Mapping[str, Customer],
    schedules: Mapping[int, BillingSchedule],
) -> Iterator[EventEffect]:
    """Of all parked events of one subscription, in order of time."""
    history = _history_of(*waiting[0].of, customers)
    if history is None:  # nothing is known before a move says so
        begins = next((at for at, one in enumerate(waiting) if one.moves), len(waiting))
        yield from (EventEffect(one.event, uncounted=_ALONE) for one in waiting[:begins])
        waiting = waiting[begins:]
    if not waiting:
        return
    firsts = {one.event.key: _back_to(one, customers, schedules) for one in waiting}
    counted = min(waiting, key=lambda one: firsts[one.event.key] or date.min)
    parked = {one.event.key for one in waiting}
    grown = _Grown(history, customers)
    for one in sorted((*waiting, *again), key=lambda one: one.at):
        if one.event.key in parked:
            grown.take(one)
        else:
            grown.take_again(one)
    for one in waiting:
        first = firsts[one.event.key]
        if one is counted:
            yield EventEffect(
                one.event, grown.units(), first, remark=" ".join(grown.remarks), others=len(waiting) - 1
            )
        else:
            yield EventEffect(one.event, first=first, counted_with=counted.event.key)


def _history_of(
    customer_id: str, subscription_id: str, customers: Mapping[str, Customer]
) -> Subscription | None:
    customer = customers.get(customer_id)
    return (
        next((one for one in customer.subscriptions if one.id == subscription_id), None) if customer else None
    )


class _Grown:
    """A subscription's history, as it grows with events that are accepted in order of time."""

    def __init__(self, known: Subscription | None, customers: Mapping[str, Customer]) -> None:
        self._known = known
        """What counts until somebody has decided."""
        self._history = known
        self._customers = customers
        self._moved = False
        self._accepted = False
        self._overtaken: list[_Told] = []
        self.remarks: dict[str, None] = {}

    def take(self, one: _Told) -> None:
        """A parked event."""
        if one.moves and not self._moved:
            self._move(one)
        elif self._history is not None:
            self._believe(one, self._history)

    def take_again(self, one: _Told) -> None:
        """An event that is merged again with an earlier one that was accepted; it may have to be accepted then, too."""
        known = self._history
        if self._accepted and known is not None:
            day = known.not_before(one.day)
            believing = believed(known, one.snapshot, day) or known
            self._history = merge(believing, one.snapshot, day).subscription

    def _move(self, one: _Told) -> None:
        """All that it says is new with this customer, from its day on."""
        # If nothing is known of the former customer's history, it may as well be what the event says.
        there = _history_of(one.former, one.snapshot.subscription_id, self._customers) or Subscription(
            one.snapshot.subscription_id, one.former, (version_of(one.snapshot, one.day),)
        )
        self._history = moved(there, self._history, one.snapshot, one.day)[1]
        self._moved = self._accepted = True
        others = one.former or "the former customer"
        self._remark(f"What {others} has of the subscription would end on {self._history.newest.day}.")

    def _believe(self, one: _Told, known: Subscription) -> None:
        """What would be known after it was accepted, or until the day of what happened later, where it cannot be the newest."""
        day = known.not_before(one.day)
        believing = believed(known, one.snapshot, day)
        if believing is None:
            self._overtaken.append(one)
            self._remark(f"What happened later counts from {_until(one, known)} in any case.")
            return
        merged = merge(believing, one.snapshot, day)
        if merged.outcome is not Merge.MERGED:
            self._remark("What happened later counts in any case.")
        self._history, self._accepted = merged.subscription, True

    def _remark(self, words: str) -> None:
        self.remarks[words] = None

    def units(self) -> Mapping[str, Timeline]:
        """By SKU, what is known with all of them beyond what counts; only SKUs in which the two differ on some day."""
        grown = self._history
        if grown is None:
            return {}
        meanwhile = [
            (version_of(one.snapshot, grown.not_before(one.day)), _until(one, grown))
            for one in self._overtaken
        ]
        skus = {*grown.skus, *(sku for version, _ in meanwhile for sku, _ in version.items)}
        found = {}
        for sku in sorted(skus):
            units = grown.quantity(sku)
            for version, until in meanwhile:
                units = _told_until(units, version, sku, until)
            apart = units.minus(self._known.quantity(sku) if self._known else NOTHING)
            if any(apart.at(day) for day in apart.days):
                found[sku] = apart
        return found


def _until(one: _Told, known: Subscription) -> date:
    """The day of what happened next."""
    day = known.not_before(one.day)
    later = [
        each for each in known.versions if each.occurred_at and each.occurred_at > one.snapshot.occurred_at
    ]
    return min((max(each.day, day) for each in later), default=day)


def _told_until(units: Timeline, version: Version, sku: str, until: date) -> Timeline:
    """Units of a SKU with what a version says of it from its day on, until another day."""
    ends = until if version.ends is None else min(version.ends, until)
    return units.set_between(version.day, ends, version.quantity(sku)).set_between(ends, until, 0)


def _back_to(
    one: _Told, customers: Mapping[str, Customer], schedules: Mapping[int, BillingSchedule]
) -> date | None:
    """The first day that it may be billed on, by terms that date a change back to the start of its period."""
    first = one.day
    for id_ in (one.event.customer_id, *([one.former] if one.former else ())):
        customer = customers.get(id_)
        if customer is None:
            return None
        terms = (customer.policy, *(policy for _, policy in customer.earlier))
        if all(EffectiveDay.THIS_PERIOD not in (each.increases, each.decreases) for each in terms):
            continue
        contracts = customer.mapping.contract_ids if customer.mapping else ()
        if not contracts or not {*contracts} <= schedules.keys():
            return None  # the period that it would be dated back to is not known
        first = min(first, *(schedules[each].dated(one.day, EffectiveDay.THIS_PERIOD) for each in contracts))
    return first
