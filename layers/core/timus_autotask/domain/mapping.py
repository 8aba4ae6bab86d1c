"""Which contract and which service a quantity goes to: the partner's choices, each with a first day.

Customers, contracts and services are identified by id, never by name. To move a client to another contract is a change like any
other: from the first day of the new choice on, the old line has 0 units and the new line has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

from .names import same_company
from .timeline import Timeline


@dataclass(frozen=True, slots=True, order=True)
class LineKey:
    """A line: one service on one contract."""

    contract_id: int
    service_id: int


@dataclass(frozen=True, slots=True)
class LineChoice:
    """The contract service that a line is, where its service is on the contract more than once. A person has said so."""

    contract_service_id: int
    first_day: date | None = None
    """The units before it were billed on another contract service, and stay there; None: it was always this one."""
    earlier: tuple[tuple[date, tuple[int, ...]], ...] = ()
    """In order: (first day on which they counted no more, the contract services that counted until then)."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where units of a customer go."""

    company_id: int
    contract_id: int
    sku: str | None = None
    """Only for this SKU; None: for every SKU that has no route of its own."""
    units: int | None = None
    """At most this many units (a split); None: all that are left."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes in force from ``first_day`` on (None: always)."""

    routes: tuple[Route, ...]
    first_day: date | None = None


@dataclass(frozen=True, slots=True)
class ServiceChoice:
    """The Autotask service of a SKU from ``first_day`` on (None: always)."""

    service_id: int
    first_day: date | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A person has said that nothing of it is billed in Autotask. It waits for nobody, and nothing of it is lost."""

    reason: str
    by: str
    at: datetime
    name: str = ""
    """What Timus called it then."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What Timus calls so is this company, although Autotask calls it otherwise. A person has said so."""

    name: str
    company_id: int


@dataclass(frozen=True, slots=True)
class CustomerMapping:
    """A Timus customer in Autotask."""

    customer_id: str
    routings: tuple[Routing, ...]
    """In order of first day."""
    services: Mapping[str, tuple[ServiceChoice, ...]] = field(default_factory=dict)
    """Overrides of the partner's plan mapping, by SKU."""
    customer_name: str = ""
    company_id: int | None = None
    """The company of a customer who has no contract yet. If the partner's terms allow it, a contract is opened there."""
    ignored: Ignored | None = None
    """Set for a customer without a contract who is to have none."""
    aliases: tuple[Alias, ...] = ()
    """Names that are those of a company, though they do not look like it."""

    @property
    def contract_ids(self) -> tuple[int, ...]:
        """Every contract that this customer is or was routed to, sorted."""
        return tuple(sorted({route.contract_id for routing in self.routings for route in routing.routes}))

    @property
    def first_day(self) -> date | None:
        """The day before which this mapping says nothing (None: it always holds)."""
        return self.routings[0].first_day if self.routings else None

    @property
    def companies(self) -> tuple[int, ...]:
        """The companies that a person last said the customer is, sorted: what held before is replaced, or will be."""
        named = {self.company_id} if self.company_id else set()
        last = {route.company_id for route in self.routings[-1].routes} if self.routings else named
        return tuple(sorted(last))

    def also_called(self, aliases: Iterable[Alias]) -> CustomerMapping:
        """The mapping with what a person has said of names."""
        return replace(self, aliases=tuple(dict.fromkeys((*self.aliases, *aliases))))

    def is_called(self, name: str, company_id: int) -> bool:
        """Whether a person has said that this name is the company's."""
        return any(one.company_id == company_id and same_company(one.name, name) for one in self.aliases)

    def routes(self, sku: str, day: date) -> tuple[Route, ...]:
        """The routes of a SKU on a day, in the order in which they are filled: its own, then the general ones if its own are limited."""
        routing = in_force(self.routings, day)
        if routing is None:
            return ()
        own = tuple(route for route in routing.routes if route.sku == sku)
        general = tuple(route for route in routing.routes if route.sku is None)
        return own if any(route.units is None for route in own) else (*own, *general)

    def rerouted(self, route: Route, first_day: date | None) -> CustomerMapping:
        """The mapping with ``route`` instead of every other route of its SKU, from ``first_day`` on (None: always).

        A route with limited units replaces only the one to the same contract: it is filled after the other limited routes of its SKU
        and before an unlimited one.
        """

        def changed(routing: Routing) -> Routing:
            others = [other for other in routing.routes if other.sku != route.sku]
            if route.units is None:
                return replace(routing, routes=(*others, route))
            shared = [
                other
                for other in routing.routes
                if other.sku == route.sku and other.contract_id != route.contract_id
            ]
            limited = [other for other in shared if other.units is not None]
            unlimited = [other for other in shared if other.units is None]
            return replace(routing, routes=(*others, *limited, route, *unlimited))

        return replace(self, routings=_changed_from(self.routings, first_day, changed, Routing(())))

    def followed(self, old: int, new: int, first_day: date) -> CustomerMapping:
        """The mapping with a new contract instead of an old one, from ``first_day`` on."""

        def changed(routing: Routing) -> Routing:
            routes = (
                replace(route, contract_id=new) if route.contract_id == old else route
                for route in routing.routes
            )
            return replace(routing, routes=tuple(routes))

        return replace(self, routings=_changed_from(self.routings, first_day, changed, Routing(())))


def chosen_from(
    choices: Sequence[ServiceChoice], service_id: int, first_day: date | None
) -> tuple[ServiceChoice, ...]:
    """The choices with this service from ``first_day`` on (None: always)."""
    return _changed_from(
        choices, first_day, lambda choice: replace(choice, service_id=service_id), ServiceChoice(service_id)
    )


@dataclass(frozen=True, slots=True)
class PlanMapping:
    """A Timus SKU in Autotask, for every customer without an override."""

    sku: str
    choices: tuple[ServiceChoice, ...] = ()
    matched: bool = False
    """Found by equal SKU, not chosen by a person."""
    candidates: tuple[int, ...] = ()
    """If there is no choice: the active services with this SKU (none, or several)."""
    refused: str = ""
    """If there is no choice: Autotask's words when it refused to look for a service, the last time; empty: it did not refuse."""
    family: str | None = None
    """SKUs of one family are plans that seats move between. Empty: an add-on, which no seat moves to or from. None: nobody has said."""
    ignored: Ignored | None = None
    """Set for a SKU without a service that is to have none."""


_Dated = TypeVar("_Dated", Routing, ServiceChoice)


def in_force(choices: Sequence[_Dated], day: date) -> _Dated | None:
    """The last choice whose first day has come."""
    found: _Dated | None = None
    for choice in choices:
        if choice.first_day is None or choice.first_day <= day:
            found = choice
    return found


def days_on(routings: Sequence[Routing], contract_id: int) -> Timeline:
    """The days on which units go to a contract: 1 on each of them, 0 on all others."""
    return Timeline.of(
        (one.first_day or date.min, int(any(route.contract_id == contract_id for route in one.routes)))
        for one in routings
    )


def replaced_from(before: Sequence[_Dated], choices: Sequence[_Dated]) -> tuple[_Dated, ...]:
    """These choices, in order of first day; what held before the first of them stays."""
    first = (choices[0].first_day or date.min) if choices else date.max
    found: list[_Dated] = [one for one in before if (one.first_day or date.min) < first]
    found += choices
    return tuple(found)


def differ_from(one: Sequence[_Dated], other: Sequence[_Dated]) -> date | None:
    """The first day on which other choices are in force; ``date.min``: on every day of the past too. None: they never differ."""

    def on(choices: Sequence[_Dated], day: date) -> _Dated | None:
        found = in_force(choices, day)
        return None if found is None else replace(found, first_day=None)

    days = sorted({date.min, *(each.first_day or date.min for each in (*one, *other))})
    return next((day for day in days if on(one, day) != on(other, day)), None)


def _changed_from(
    choices: Sequence[_Dated], first_day: date | None, change: Callable[[_Dated], _Dated], none: _Dated
) -> tuple[_Dated, ...]:
    """Apply ``change`` to what is in force from a day on. ``none`` stands for nothing in force. Repetitions are left out."""
    day = first_day or date.min
    found = in_force(choices, day)
    at_day: _Dated = replace(none if found is None else found, first_day=first_day)
    changed: list[_Dated] = [choice for choice in choices if (choice.first_day or date.min) < day]
    changed.append(change(at_day))
    changed += [change(choice) for choice in choices if (choice.first_day or date.min) > day]
    return tuple(
        choice
        for number, choice in enumerate(changed)
        if number == 0 or replace(choice, first_day=None) != replace(changed[number - 1], first_day=None)
    )


def service_on(mapping: CustomerMapping, plans: Mapping[str, PlanMapping], sku: str, day: date) -> int | None:
    """The service of a SKU for a customer on a day, or None when nobody has chosen one."""
    plan = plans.get(sku)
    choice = in_force(mapping.services.get(sku, ()), day) or in_force(plan.choices if plan else (), day)
    return choice.service_id if choice else None


def shares(routes: Sequence[Route], units: int) -> tuple[tuple[Route, int], ...]:
    """Split units over routes in their order: each takes up to its limit, one without a limit all that are left."""
    out: list[tuple[Route, int]] = []
    left = units
    for route in routes:
        take = left if route.units is None else min(left, route.units)
        out.append((route, take))
        left -= take
    return tuple(out)
