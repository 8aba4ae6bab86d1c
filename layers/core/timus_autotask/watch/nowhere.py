"""Seats that a customer's mapping sends to no contract, today or on a later day. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, service_on, shares
from timus_autotask.domain.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in a row on which units of a SKU go to no contract."""

    sku: str
    first: date
    until: date | None
    """The first day after it; None: it has no end."""
    units: int
    """The most of them on one of these days."""

    def has(self, day: date) -> bool:
        """Whether a day is one of them."""
        return self.first <= day and (self.until is None or day < self.until)


def takes_everything(mapping: CustomerMapping, sku: str) -> bool:
    """Whether all units of a SKU have a contract on every day, however many they are."""
    days = [one.first_day or date.min for one in mapping.routings]
    return mapping.first_day is None and all(
        any(route.units is None for route in mapping.routes(sku, day)) for day in days or [date.min]
    )


def sent_nowhere(
    mapping: CustomerMapping, plans: Mapping[str, PlanMapping], sku: str, billed: Timeline
) -> Timeline:
    """What of the units that are to be billed of a SKU goes to no contract, by day; nothing of a SKU that is ignored."""

    def left(day: date) -> int:
        units = billed.at(day)
        if sku in plans and plans[sku].ignored and service_on(mapping, plans, sku, day) is None:
            return 0
        return units - sum(taken for _, taken in shares(mapping.routes(sku, day), units))

    if takes_everything(mapping, sku):
        return Timeline()
    plan = plans.get(sku)
    turns = [one.first_day for one in mapping.routings]
    turns += [one.first_day for one in mapping.services.get(sku, ())]
    turns += [one.first_day for one in (plan.choices if plan else ())]
    return Timeline.sampled((*billed.days, *(day for day in turns if day)), left)


def stretches(sku: str, units: Timeline) -> Iterator[Stretch]:
    """Days in a row with any units, the earliest first."""
    first, most = None, 0
    for day, number in units.steps:
        if number > 0:
            first, most = first or day, max(most, number)
        elif first:
            yield Stretch(sku, first, day, most)
            first, most = None, 0
    if first:
        yield Stretch(sku, first, None, most)
