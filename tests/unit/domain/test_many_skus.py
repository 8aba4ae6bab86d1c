"""A customer with many SKUs: what is decided grows with their number, not with its square."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date

from tests.unit.domain.test_desired import TODAY, subscription, version
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import desired
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route, Routing, ServiceChoice


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
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        wanted = desired([customer], plans, {}, TODAY)
    finally:
        sys.setprofile(before)
    assert len(wanted.demands) == skus
    return count


def test_twice_as_many_skus_take_little_more_than_twice_as_much() -> None:
    """Each SKU is routed by one of the routes, so that a little is left that grows faster."""
    assert calls(100) < 3 * calls(50)
