"""What every line should have on every day: Timus's quantities, routed by the mapping, on the partner's terms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .customer import Customer
from .history import Subscription
from .mapping import LineKey, PlanMapping, service_on, shares
from .plan_change import Link, Unplaced
from .policy import BillingSchedule, EffectiveDay
from .timeline import Timeline

NO_SERVICE = ("sku-unmapped", "sku-ambiguous")
"""Why a SKU has no line although it has a contract."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one SKU of one customer contributes to a line."""

    customer_id: str
    sku: str
    quantity: Timeline
    """Timus's quantity by day, before the partner's terms; all subscriptions of the customer together."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A version that changed what a line should have."""

    subscription_id: str
    number: int
    day: date
    event_id: str


@dataclass(frozen=True, slots=True)
class Demand:
    """What a line should have."""

    key: LineKey
    company_id: int
    units: Timeline
    start: date
    """The first day that Timus has told us about; before it the line is not ours to judge."""
    sources: tuple[Source, ...]
    causes: tuple[Cause, ...] = ()
    renewed_until: date | None = None
    """The last day of a renewed term that bills on this line."""


@dataclass(frozen=True, slots=True)
class Unrouted:
    """A quantity that has no line, with the reason's code (see ``reasons``)."""

    customer_id: str
    sku: str
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class Desired:
    """The demands of all given customers, by line."""

    demands: Mapping[LineKey, Demand]
    links: tuple[Link, ...] = ()
    unrouted: tuple[Unrouted, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()


def desired(
    customers: Sequence[Customer],
    plans: Mapping[str, PlanMapping],
    schedules: Mapping[int, BillingSchedule],
    today: date,
) -> Desired:
    """What the lines of these customers should have.

    ``grids`` gives the billing periods by contract, for the terms that date by period; a contract that is not in it is dated
    natively. ``today`` only decides which quantities without a line are reported.
    """
    units: dict[LineKey, Timeline] = defaultdict(Timeline)
    starts: dict[LineKey, date] = {}
    companies: dict[LineKey, int] = {}
    sources: dict[LineKey, list[Source]] = defaultdict(list)
    news: dict[LineKey, list[Cause]] = defaultdict(list)
    renewed: dict[LineKey, date] = {}
    links: set[Link] = set()
    unplaced: set[Unplaced] = set()
    unrouted: list[Unrouted] = []
    for customer in customers:
        placement = _Placement(customer, plans)
        dated = [(s, *_dated(s, customer, placement, schedules)) for s in customer.subscriptions]
        for sku in sorted({sku for _, timelines, _ in dated for sku in timelines}):
            quantity = Timeline()
            first = min(v.day for s in customer.subscriptions if sku in s.skus for v in s.versions)
            for _, timelines, _ in dated:
                quantity = quantity.plus(timelines.get(sku, Timeline()))
            billed = _on_terms(customer, sku, quantity)
            told = Timeline()
            for subscription in customer.subscriptions:
                told = told.plus(subscription.quantity(sku))
            reason = placement.reason(sku, today, billed.at(today))
            if reason and (billed.at(today) or any(day > today for day in billed.days)):
                unrouted.append(Unrouted(customer.id, sku, billed.at(today), reason))
            for key, company, start, part in placement.place(sku, billed, first):
                units[key] = units[key].plus(part)
                starts[key] = min(start, starts.get(key, start))
                companies[key] = company
                sources[key].append(Source(customer.id, sku, told))
                until = max(
                    (s.renewed_until or first for s in customer.subscriptions if sku in s.skus), default=first
                )
                if until > first and part.at(until):
                    renewed[key] = max(until, renewed.get(key, until))
                news[key] += [n for subscription in customer.subscriptions for n in _news(subscription, sku)]
        for subscription, _, moves in dated:
            for day, down, up, heard in moves:
                links.update(
                    Link(day, d, u, beside=not _apart(subscription, old, new))
                    for old in down
                    for new in up
                    for d in placement.lines((old,), day)
                    for u in placement.lines((new,), day)
                    if d != u and (heard or d.contract_id == u.contract_id)
                )
                unplaced.update(
                    Unplaced(day, old, line)
                    for old in down
                    if heard
                    and any(v.billed and dict(v.items).get(old) for v in subscription.versions)
                    and placement.reason(old, day, 0) in NO_SERVICE
                    for new in up
                    if _apart(subscription, old, new)
                    for line in placement.lines((new,), day)
                )
    return Desired(
        demands={
            key: Demand(
                key,
                companies[key],
                units[key],
                starts[key],
                tuple(sources[key]),
                tuple(news[key]),
                renewed.get(key),
            )
            for key in sorted(starts)
        },
        links=tuple(sorted(links)),
        unrouted=tuple(unrouted),
        unplaced=tuple(sorted(unplaced)),
    )


def _on_terms(customer: Customer, sku: str, quantity: Timeline) -> Timeline:
    days = (*quantity.days, *(until for until, _ in customer.earlier))
    return Timeline.sampled(days, lambda day: customer.policy_on(day).billable(sku, quantity.at(day)))


def _news(subscription: Subscription, sku: str) -> list[Cause]:
    """The versions that changed a SKU's quantity or its end."""
    out: list[Cause] = []
    before: tuple[int, date | None] = (0, None)
    for version in subscription.versions:
        now = version.quantity(sku), version.ends
        if now != before:
            out.append(Cause(subscription.id, version.number, version.day, version.event_id))
        before = now
    return out


class _Placement:
    """Where a customer's SKUs go, day by day."""

    def __init__(self, customer: Customer, plans: Mapping[str, PlanMapping]) -> None:
        self._customer = customer
        self._plans = plans

    def reason(self, sku: str, day: date, units: int) -> str | None:
        """Why a SKU has no line for all its units on a day, or None."""
        mapping = self._customer.mapping
        if mapping is None or not mapping.routings:
            return "customer-unmapped"
        if sku in self._customer.policy.excluded:
            return None
        routes = mapping.routes(sku, max(day, mapping.first_day or day))
        if not routes or sum(taken for _, taken in shares(routes, units)) < units:
            return "sku-unrouted"
        if service_on(mapping, self._plans, sku, day) is None:
            plan = self._plans.get(sku)
            return "sku-ambiguous" if plan and len(plan.candidates) > 1 else "sku-unmapped"
        return None

    def lines(self, skus: Sequence[str], day: date) -> set[LineKey]:
        """The lines of these SKUs on a day."""
        mapping = self._customer.mapping
        if mapping is None:
            return set()
        found: set[LineKey] = set()
        for sku in skus:
            service = service_on(mapping, self._plans, sku, day)
            if service is not None:
                found.update(LineKey(route.contract_id, service) for route in mapping.routes(sku, day))
        return found

    def place(self, sku: str, billed: Timeline, first: date) -> list[tuple[LineKey, int, date, Timeline]]:
        """Split a SKU's billed units over lines: (line, company, first day, units) for each."""
        mapping = self._customer.mapping
        if mapping is None or not mapping.routings:
            return []
        start = max(first, mapping.first_day or first)
        turns = [routing.first_day for routing in mapping.routings]
        turns += [choice.first_day for choice in mapping.services.get(sku, ())]
        plan = self._plans.get(sku)
        turns += [choice.first_day for choice in (plan.choices if plan else ())]
        days = sorted({start, *(d for d in (*billed.days, *(t for t in turns if t)) if d > start)})
        parts: dict[LineKey, list[tuple[date, int]]] = defaultdict(list)
        companies: dict[LineKey, int] = {}
        former = service_on(mapping, self._plans, sku, start - timedelta(days=1)) if start in turns else None
        if former is not None:
            # What was told for this day may have been posted where it went before: there it has to come down again.
            for route in mapping.routes(sku, start - timedelta(days=1)):
                parts[LineKey(route.contract_id, former)] = []
                companies[LineKey(route.contract_id, former)] = route.company_id
        for day in days:
            service = service_on(mapping, self._plans, sku, day)
            on_day: dict[LineKey, int] = defaultdict(int)
            if service is not None:
                for route, units in shares(mapping.routes(sku, day), billed.at(day)):
                    key = LineKey(route.contract_id, service)
                    on_day[key] += units
                    companies[key] = route.company_id
            for key in {*parts, *on_day}:
                parts[key].append((day, on_day.get(key, 0)))
        return [
            (key, companies[key], steps[0][0], Timeline.of(steps)) for key, steps in sorted(parts.items())
        ]


PlanChange = tuple[date, tuple[str, ...], tuple[str, ...], bool]
"""A plan change: (day, SKUs that were taken away by then, SKUs that went up, whether what was taken away had been heard of by then)."""


def _dated(
    subscription: Subscription,
    customer: Customer,
    placement: _Placement,
    schedules: Mapping[int, BillingSchedule],
) -> tuple[dict[str, Timeline], list[PlanChange]]:
    """Replay the versions on the terms of their days: the billed quantity of each SKU by day, and the plan changes.

    A version takes everything scheduled by older ones off from its own day on. One that takes a SKU away altogether and
    brings more of another is a plan change: both sides keep to one day, the later of the two rules', for the client is never
    billed for both. What an earlier version took away may still be on its way down, so it counts for later ones too.
    """
    billed: dict[str, Timeline] = {sku: Timeline() for sku in subscription.skus}
    moves: list[PlanChange] = []
    heard = set(subscription.gone)
    left: dict[str, date] = {}

    def grid_of(sku: str, day: date) -> BillingSchedule | None:
        found = [
            schedules[key.contract_id] for key in placement.lines((sku,), day) if key.contract_id in schedules
        ]
        return found[0] if found else None

    def dated(sku: str, day: date, delta: int) -> date:
        rule = customer.policy_on(day).effective_day(delta)
        schedule = None if rule is EffectiveDay.CHANGE else grid_of(sku, day)
        return schedule.dated(day, rule) if schedule else day

    for version in subscription.versions:
        day = version.day
        wanted = {sku: version.quantity(sku) for sku in billed}
        down = tuple(sku for sku, units in wanted.items() if units == 0 < billed[sku].at(day))
        up = tuple(sku for sku, units in wanted.items() if units > billed[sku].at(day))
        together = max((dated(s, day, wanted[s] - billed[s].at(day)) for s in (*down, *up)), default=day)
        # A subscription's first bill, be it after a trial, is no change: the terms on changes do not concern it.
        first_bill = not any(timeline.steps for timeline in billed.values())
        for sku, units in wanted.items():
            before = billed[sku].at(day)
            changes_plan = down and up and sku in (*down, *up)
            on = together if changes_plan else day if first_bill else dated(sku, day, units - before)
            if units > before:  # never into days on which another plan was billed
                on = max(
                    (on, *(_free_from(billed[o], on, day) for o in billed if _apart(subscription, sku, o)))
                )
            billed[sku] = _from(billed[sku], day, on, units)
            if version.ends is not None and version.ends > day:
                end = dated(sku, version.ends, -1) if units else version.ends
                billed[sku] = billed[sku].set_from(max(end, on), 0)
        if down and up:
            moves.append((together, down, up, True))
        heard |= {sku for sku, _ in version.items}
        # Also what was ended or gone when we first heard of it, and what only a later version has: Autotask may bill it from before.
        left = {sku: min(left.get(sku, day), day) for sku in sorted(wanted) if not wanted[sku]}
        for sku, since in left.items():
            # Not only what goes up by what Timus says: in Autotask a plan that came back may have come down already.
            new = [s for s, units in wanted.items() if units and not (sku in down and s in up)]
            ups = tuple(s for s in new if (s in up and sku in heard) or _apart(subscription, sku, s))
            if ups:
                moves.append((since, (sku,), ups, sku in heard))
    return billed, moves


def _apart(subscription: Subscription, sku: str, other: str) -> bool:
    """Whether the two were never wanted together, as plans are and an add-on with its plan is not."""
    return sku != other and not any(v.quantity(sku) and v.quantity(other) for v in subscription.versions)


def _free_from(timeline: Timeline, first: date, until: date) -> date:
    """The first day, ``first`` or later, from which on there are no units until ``until``."""
    eve = until - timedelta(days=1)
    days = (day for day in (first, *timeline.days, until) if day >= first)
    return min(day for day in days if not timeline.between(day, eve).steps)


def _from(timeline: Timeline, day: date, on: date, units: int) -> Timeline:
    """``units`` from ``day`` on, billed from ``on``: earlier days are only ever raised or lowered towards it."""
    before = timeline.at(day)
    if units == before:
        return timeline.set_from(day, units)
    if on >= day:
        return timeline.set_from(day, before).set_from(on, units)
    towards = max if units > before else min
    days = (*timeline.days, on, day)
    return Timeline.sampled(
        days, lambda d: units if d >= day else towards(timeline.at(d), units) if d >= on else timeline.at(d)
    )
