"""Where a customer's SKUs go: to which lines of Autotask, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from .customer import Customer
from .days import ONE_DAY
from .mapping import CustomerMapping, LineKey, PlanMapping, service_on, shares
from .timeline import Timeline

NO_SERVICE = ("sku-unmapped", "sku-ambiguous", "sku-refused")
"""Why a SKU has no line although it has a contract."""
IGNORED = ("customer-ignored", "sku-ignored")
"""Why a SKU has no line and is to have none."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The units of a customer's SKU that go to one line."""

    line: LineKey
    companies: frozenset[int]
    """Whose contract it is by the mapping: by the last day on which the SKU goes there."""
    start: date
    """The first day on which the SKU goes to this line."""
    units: Timeline


class _Share(NamedTuple):
    companies: frozenset[int]
    units: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A customer's mapping, with the services that the partner has chosen for everybody."""

    customer: Customer
    plans: Mapping[str, PlanMapping]

    @property
    def first_day(self) -> date:
        """The day before which the mapping says nothing; the earliest day there is: it always holds."""
        return self.mapping.first_day or date.min

    def reason(self, sku: str, day: date, units: int) -> str | None:
        """Why a SKU has no line for all its units on a day (a code of ``reasons``, or one of ``IGNORED``), or None."""
        mapping, plan = self.mapping, self.plans.get(sku)
        if not mapping.routings and mapping.ignored:
            return "customer-ignored"
        if plan and plan.ignored and self._service(sku, day) is None:
            return "sku-ignored"
        if not mapping.routings:
            return "customer-unmapped"
        if sku in self.customer.policy.excluded:
            return None
        routes = mapping.routes(sku, max(day, mapping.first_day or day))
        if not routes or sum(taken for _, taken in shares(routes, units)) < units:
            return "sku-unrouted"
        if self._service(sku, day) is None:
            return _no_service(plan)
        return None

    def lines(self, sku: str, day: date) -> set[LineKey]:
        """The lines of a SKU on a day."""
        service = self._service(sku, day)
        if service is None:
            return set()
        return {LineKey(route.contract_id, service) for route in self.mapping.routes(sku, day)}

    def placed(self, sku: str, billed: Timeline, first: date) -> list[Placed]:
        """Split what is billed for a SKU from ``first`` on over its lines, in order of line.

        The lines of the day before ``first`` are among them too, with 0 units. If the SKU moves to another line on its very first day, its
        units may have been added to the former line already, and have to come down there.
        """
        start = max(first, self.mapping.first_day or first)
        days = {day for day in (start, *billed.days, *self.turns(sku)) if day >= start}
        eve = start - ONE_DAY
        shares_on = {eve: self._shares(sku, eve, 0)}
        shares_on |= {day: self._shares(sku, day, billed.at(day)) for day in sorted(days)}
        starts: dict[LineKey, date] = {}
        companies: dict[LineKey, frozenset[int]] = {}
        for day, on_day in shares_on.items():
            for line, share in on_day.items():
                starts.setdefault(line, max(day, start))
                companies[line] = share.companies

        def units(line: LineKey) -> Timeline:
            return Timeline.of(
                (day, on_day[line].units if line in on_day else 0) for day, on_day in shares_on.items()
            )

        return [Placed(line, companies[line], starts[line], units(line)) for line in sorted(starts)]

    @property
    def mapping(self) -> CustomerMapping:
        """The customer's own, or one that says nothing."""
        return self.customer.mapping or CustomerMapping(self.customer.id, ())

    def _service(self, sku: str, day: date) -> int | None:
        return service_on(self.mapping, self.plans, sku, day)

    def turns(self, sku: str) -> list[date]:
        """The days from which on the SKU may go elsewhere."""
        mapping, plan = self.mapping, self.plans.get(sku)
        turns = [routing.first_day for routing in mapping.routings]
        turns += [choice.first_day for choice in mapping.services.get(sku, ())]
        turns += [choice.first_day for choice in (plan.choices if plan else ())]
        return [day for day in turns if day is not None]

    def _shares(self, sku: str, day: date, units: int) -> dict[LineKey, _Share]:
        """How ``units`` of a SKU are split over lines on a day."""
        service = self._service(sku, day)
        found: dict[LineKey, _Share] = {}
        if service is not None:
            for route, taken in shares(self.mapping.routes(sku, day), units):
                line = LineKey(route.contract_id, service)
                before = found.get(line, _Share(frozenset(), 0))
                found[line] = _Share(before.companies | {route.company_id}, before.units + taken)
        return found


def _no_service(plan: PlanMapping | None) -> str:
    """Why a SKU has no service: one of ``NO_SERVICE``."""
    if plan and len(plan.candidates) > 1:
        return "sku-ambiguous"
    return "sku-refused" if plan and plan.refused else "sku-unmapped"
