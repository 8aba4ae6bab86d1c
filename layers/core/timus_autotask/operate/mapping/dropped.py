"""Choices of days to come that a new mapping does not have: somebody has said them, and nothing would be done of them any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Routing, ServiceChoice, in_force
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import Doubt
from timus_autotask.store.decisions import Decision

Dated = TypeVar("Dated", Routing, ServiceChoice)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A choice of a day to come that does not hold then any more."""

    day: date
    customer: str
    """Empty: it is everybody's."""
    whose: str
    """For people, at the beginning of what was chosen."""
    was: str
    """What was chosen, for people."""
    then: str
    """What would hold on that day instead, for people."""
    said: tuple[str, ...]
    """How a decision that chose it words it."""


def dropped_doubts(deployment: Deployment, found: Sequence[Dropped]) -> tuple[Doubt, ...]:
    """Each of them as a doubt, with who said it where that is known."""
    decisions = [*deployment.store.decisions()] if found else []

    def who(one: Dropped) -> str:
        said = next((each for each in reversed(decisions) if _chose(each, one)), None)
        if said is None or not said.by:
            return ""
        return f", as {said.by} said on {said.at.astimezone(deployment.zone).date()}"

    return tuple(
        Doubt(
            f"From {one.day} on {one.whose} was to be billed {one.was}{who(one)}. That is dropped by this: {one.then} then."
        )
        for one in found
    )


def _chose(decision: Decision, one: Dropped) -> bool:
    """Whether a decision is the one that chose it: by whom it concerns and by its words, which people read as well."""
    whose = (one.customer,) if one.customer else ()
    return (
        decision.kind.startswith("map ")
        and decision.customers == whose
        and any(words in decision.detail for words in one.said)
    )


def dropped_of_customer(known: CustomerMapping, after: CustomerMapping, today: date) -> Iterator[Dropped]:
    """What another mapping of a customer drops: moves to other contracts, and services of its own."""
    id_ = known.customer_id
    for one, then in _later(known.routings, after.routings, today, lambda routing: {*routing.routes}):
        day, contracts = one.first_day or today, _contracts(one)
        said = tuple(
            f"to contract {route.contract_id} of company {route.company_id} from {day}"
            for route in one.routes
        )
        yield Dropped(
            day, id_, id_, f"on {contracts}", f"it would be on {_contracts(then) if then else 'none'}", said
        )
    for sku, choices in known.services.items():
        yield from _of_services(id_, sku, choices, after.services.get(sku, ()), today)


def dropped_of_plan(known: PlanMapping, after: PlanMapping, today: date) -> Iterator[Dropped]:
    """What another mapping of a SKU drops for everybody: services."""
    return _of_services("", known.sku, known.choices, after.choices, today)


def _of_services(
    customer: str,
    sku: str,
    known: Sequence[ServiceChoice],
    after: Sequence[ServiceChoice],
    today: date,
) -> Iterator[Dropped]:
    for one, then in _later(known, after, today, lambda choice: {choice.service_id}):
        day = one.first_day or today
        yield Dropped(
            day,
            customer,
            f"{sku} of {customer}" if customer else sku,
            f"with service {one.service_id}",
            f"it would be with {f'service {then.service_id}' if then else 'none'}",
            (f"{sku} with service {one.service_id} from {day}",),
        )


def _later(
    known: Sequence[Dated], after: Sequence[Dated], today: date, parts: Callable[[Dated], set[object]]
) -> Iterator[tuple[Dated, Dated | None]]:
    """Each choice of a day to come whose change does not hold on that day any more, with what would hold then.

    Its change is what it adds to the choice before it, and what it ends.
    """
    now: set[object] = set()
    for one in known:
        was, now = now, parts(one)
        if one.first_day is None or one.first_day <= today:
            continue
        then = in_force(after, one.first_day)
        there = parts(then) if then else set()
        if not now - was <= there or (was - now) & there:
            yield one, then


def _contracts(routing: Routing) -> str:
    ids = [*dict.fromkeys(str(route.contract_id) for route in routing.routes)]
    return f"contract {' and '.join(ids)}" if ids else "none"
