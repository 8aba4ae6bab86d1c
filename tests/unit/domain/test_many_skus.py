"""A customer with many SKUs, or many subscriptions: what is decided grows with their number, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from tests.unit.domain.converge.views import SEATS, march, on_contract, since_january, view
from tests.unit.domain.test_desired import GRIDS, PLANS, TODAY, mapping, subscription, version
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import desired
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route, Routing, ServiceChoice

Outcome = TypeVar("Outcome")


def calls(skus: int) -> int:
    """Functions that are called to say what the lines of a customer should have, each SKU on a contract of its own."""
    names = [f"SKU-{number:03}" for number in range(skus)]
    items = dict.fromkeys(names, 5)
    routes = tuple(Route(600, number, sku) for number, sku in enumerate(names, 1))
    said = (items, items | {names[0]: 0, names[1]: 10}, items | {names[2]: 7})
    told = subscription(
        *(
            replace(version(number, date(2026, 3, number)), items=tuple(each.items()))
            for number, each in enumerate(said, 1)
        )
    )
    customer = Customer("cus_1", CustomerMapping("cus_1", (Routing(routes),)), (told,))
    plans = {sku: PlanMapping(sku, (ServiceChoice(number),)) for number, sku in enumerate(names, 1)}
    wanted, count = counted(lambda: desired([customer], plans, {}, TODAY))
    assert len(wanted.demands) == skus
    return count


def counted(act: Callable[[], Outcome]) -> tuple[Outcome, int]:
    """What it comes to, and how many functions are called for it."""
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        outcome = act()
    finally:
        sys.setprofile(before)
    return outcome, count


def test_twice_as_many_skus_take_little_more_than_twice_as_much() -> None:
    """Each SKU is routed by one of the routes, so that a little is left that grows faster."""
    assert calls(100) < 3 * calls(50)


def plan_changes(subscriptions: int) -> int:
    """Functions that are called to bring a contract one step on, where each subscription of a customer changes its plan on one day."""
    told = tuple(
        replace(
            subscription(version(1, march(1), ADV=5), version(2, march(10), ESS=5)), id=f"sub_{number:04}"
        )
        for number in range(subscriptions)
    )
    customer = Customer("cus_1", mapping(), told)

    def decide() -> Step:
        wanted = desired([customer], PLANS, GRIDS, TODAY)
        held = {SEATS.service_id: on_contract(since_january(5 * subscriptions))}
        return next_step(replace(view(held=held), desired=wanted))

    step, count = counted(decide)
    assert step.adjust is not None
    assert step.adjust.scheduled == ((march(10), -5 * subscriptions),)
    return count


def test_twice_as_many_plan_changes_take_little_more_than_twice_as_much() -> None:
    """A thousand subscriptions of one customer may change their plan on one day."""
    assert plan_changes(100) < 2.5 * plan_changes(50)
