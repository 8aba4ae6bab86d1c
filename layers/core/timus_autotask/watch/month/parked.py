"""What a parked event would change: what it says, against what counts until somebody has decided about it. Pure.

It is counted in Timus's own units, before the terms, as an acceptance would merge it. Nothing of it is in any sum: nobody knows yet
whether it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import effective_day
from timus_autotask.domain.history import Merge, Subscription, Version, believed, merge, version_of
from timus_autotask.domain.policy import BillingSchedule, EffectiveDay
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.sync.gather import customer_from
from timus_autotask.watch.month.books import Books

MOVED = "subscription-moved"


@dataclass(frozen=True, slots=True)
class EventEffect:
    """Of one parked event."""

    event: EventRecord
    units: Mapping[str, Timeline] = field(default_factory=dict)
    """By SKU, what it says beyond what counts; negative: less. Only SKUs in which the two differ on some day."""
    first: date | None = None
    """The first day that may be billed otherwise by it, with what the terms date back; None: nobody can say."""
    uncounted: str = ""
    """Why its seat-days cannot be counted, for people; empty: they are."""
    remark: str = ""
    """What else is to be known of the number."""

    @property
    def counted(self) -> bool:
        """Whether what it says can be read, and set beside what counts."""
        return not self.uncounted

    def seat_days(self, first: date, last: date) -> int | None:
        """Units × days between two days, both inclusive; None: nobody can count them."""
        return (
            sum(seat_days_between(units, first, last) for units in self.units.values())
            if self.counted
            else None
        )

    def concerns(self, last: date) -> bool:
        """Whether a day until this one may be billed otherwise by it; what cannot be dated may concern every day."""
        return self.first is None or self.first <= last

    def sentence(self, first: date, last: date) -> str:
        """What it would change on these days, or why that cannot be counted, for people."""
        if not self.counted:
            return self.uncounted
        each = [
            f"{days:+d} {sku}"
            for sku, units in self.units.items()
            if (days := seat_days_between(units, first, last))
        ]
        said = (
            f"By it: {', '.join(each)} seat-days."
            if each
            else "By it no seat-day of these days would be other."
        )
        return f"{said} {self.remark}".rstrip()


def seat_days_between(units: Timeline, first: date, last: date) -> int:
    """Units × days between two days, both inclusive."""
    if last < first:
        return 0
    ends = last + timedelta(days=1)
    cuts = [first, *(day for day in units.days if first < day <= last), ends]
    return sum(units.at(day) * (cuts[at + 1] - day).days for at, day in enumerate(cuts[:-1]))


def effects(events: Iterable[EventRecord], books: Books, zone: ZoneInfo) -> tuple[EventEffect, ...]:
    """What parked events would change, by our records."""
    waiting = tuple(events)
    schedules = {id_: one.schedule for id_, one in books.contracts.items()}
    partner = books.records.partner.terms.value
    strangers = {one.customer_id for one in waiting} - books.customers.keys()
    new = {id_: customer_from(CustomerRecords(id_), partner) for id_ in strangers}
    return tuple(effect_of(one, {**books.customers, **new}, schedules, zone) for one in waiting)


def effect_of(
    event: EventRecord,
    customers: Mapping[str, Customer],
    schedules: Mapping[int, BillingSchedule],
    zone: ZoneInfo,
) -> EventEffect:
    """What a parked event would change. ``customers``: at least its own, and for a move the one whose the subscription is, if known."""
    if event.outcome == "dismissed":
        return EventEffect(event, uncounted="Somebody set it aside as a mistake: it counts for nothing.")
    snapshot = _snapshot(event)
    if snapshot is None:
        return EventEffect(
            event, uncounted="What it says cannot be read, so its seat-days cannot be counted."
        )
    customer = customers.get(event.customer_id)
    known = {one.id: one for one in customer.subscriptions} if customer else {}
    history = known.get(snapshot.subscription_id)
    moves = event.parked is not None and event.parked.code == MOVED
    day = effective_day(snapshot.effective_at, zone)
    if moves:
        units, remark = _moving(event, snapshot, history, day)
    elif history is not None:
        units, remark = _told(history, snapshot, day)
    else:
        return EventEffect(
            event, uncounted="Nothing is known to set it beside, so its seat-days cannot be counted."
        )
    concerned = [customers.get(one) for one in (event.customer_id, *_former(event))]
    return EventEffect(event, units, _back_to(day, concerned, schedules), remark=remark)


def _snapshot(event: EventRecord) -> Snapshot | None:
    from timus_autotask.timus.events import understand  # with an event: it builds models

    found = understand(event.event_id, event.raw)
    return found if isinstance(found, Snapshot) else None


def _former(event: EventRecord) -> tuple[str, ...]:
    """Whose the subscription is until somebody decides."""
    other = event.parked.facts.get("other") if event.parked and event.parked.code == MOVED else None
    return (str(other),) if other else ()


def _moving(
    event: EventRecord, snapshot: Snapshot, there: Subscription | None, day: date
) -> tuple[Mapping[str, Timeline], str]:
    """All that it says is new with this customer, from its day on."""
    version = version_of(snapshot, day)
    before = there.quantity if there else lambda _sku: NOTHING
    skus = {sku for sku, _ in version.items} | {*(there.skus if there else ())}
    units = {sku: _beyond(version, sku, before(sku)) for sku in sorted(skus)}
    others = " and ".join(_former(event)) or "the former customer"
    return _differing(units), f"What {others} has of the subscription would end on {day}."


def _told(known: Subscription, snapshot: Snapshot, day: date) -> tuple[Mapping[str, Timeline], str]:
    """What would be known after it was accepted, or until the day of what happened later, where it cannot be the newest."""
    day = known.not_before(day)
    believing = believed(known, snapshot, day)
    if believing is not None:
        merged = merge(believing, snapshot, day)
        after, counts = merged.subscription, merged.outcome is Merge.MERGED
        remark = "" if counts else "What happened later counts in any case."
        return _differing({sku: after.quantity(sku).minus(known.quantity(sku)) for sku in after.skus}), remark
    version = version_of(snapshot, day)
    later = [one for one in known.versions if one.occurred_at and one.occurred_at > snapshot.occurred_at]
    until = min((max(one.day, day) for one in later), default=day)
    skus = sorted({*known.skus, *(sku for sku, _ in version.items)})
    units = {sku: _beyond(version, sku, known.quantity(sku), until) for sku in skus}
    return _differing(units), f"What happened later counts from {until} in any case."


def _beyond(version: Version, sku: str, counts: Timeline, until: date = date.max) -> Timeline:
    """What a version says of a SKU from its day on, less what counts there; nothing from ``until`` on."""
    says = NOTHING.set_from(version.day, version.quantity(sku))
    if version.ends is not None:
        says = says.set_from(version.ends, 0)
    apart = says.minus(counts)
    days = {version.day, *apart.days}
    return Timeline.sampled((day for day in days if version.day <= day < until), apart.at).set_from(until, 0)


def _differing(units: Mapping[str, Timeline]) -> Mapping[str, Timeline]:
    return {sku: one for sku, one in units.items() if any(one.at(day) for day in one.days)}


def _back_to(
    day: date, customers: Iterable[Customer | None], schedules: Mapping[int, BillingSchedule]
) -> date | None:
    """The first day that a change of this day may be billed on, by terms that date a change back to the start of its period."""
    first = day
    for customer in customers:
        if customer is None:
            return None
        terms = (customer.policy, *(policy for _, policy in customer.earlier))
        if all(EffectiveDay.THIS_PERIOD not in (one.increases, one.decreases) for one in terms):
            continue
        contracts = customer.mapping.contract_ids if customer.mapping else ()
        if not contracts or not {*contracts} <= schedules.keys():
            return None  # the period that it would be dated back to is not known
        first = min(first, *(schedules[id_].dated(day, EffectiveDay.THIS_PERIOD) for id_ in contracts))
    return first
