"""Which contract and which service hold on a day, after any number of dated choices."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.mapping import (
    CustomerMapping,
    Route,
    Routing,
    ServiceChoice,
    chosen_from,
    in_force,
)

DAY = date(2026, 3, 15)
days = st.none() | st.integers(0, 20).map(lambda n: DAY + timedelta(days=n))
routes = st.builds(Route, st.just(600), st.integers(1, 4), st.sampled_from([None, "ADV", "ESS"]))
orders = st.lists(st.tuples(routes, days), min_size=1, max_size=6)


def mapped(*orders: tuple[Route, date | None]) -> CustomerMapping:
    """A mapping after these orders."""
    mapping = CustomerMapping("cus_1", ())
    for route, first_day in orders:
        mapping = mapping.rerouted(route, first_day)
    return mapping


def test_a_first_route_holds_always() -> None:
    """Units that Timus told of before the customer was mapped are routed too."""
    assert mapped((Route(600, 1), None)).routings == (Routing((Route(600, 1),)),)


def test_a_move_holds_from_its_day_and_leaves_what_was_before() -> None:
    """Until the day before, the units stay on the earlier contract."""
    mapping = mapped((Route(600, 1), None), (Route(600, 2), DAY))
    assert mapping.routes("ADV", DAY - timedelta(days=1)) == (Route(600, 1),)
    assert mapping.routes("ADV", DAY) == (Route(600, 2),)
    assert mapping.contract_ids == (1, 2)


def test_mapping_the_same_again_changes_nothing() -> None:
    """A choice that repeats what holds leaves no trace."""
    mapping = mapped((Route(600, 1), None))
    assert mapping.rerouted(Route(600, 1), DAY) == mapping


@given(orders, routes, days)
def test_a_route_holds_from_its_day_for_its_sku_and_touches_nothing_else(
    earlier: list[tuple[Route, date | None]], route: Route, first_day: date | None
) -> None:
    """Every other SKU, and every earlier day, is routed as before."""
    before = mapped(*earlier)
    after = before.rerouted(route, first_day)
    for day in (DAY + timedelta(days=n) for n in range(-1, 22)):
        for sku in (None, "ADV", "ESS"):
            was = _routes_for(before, sku, day)
            changed = sku == route.sku and (first_day is None or day >= first_day)
            assert _routes_for(after, sku, day) == ((route,) if changed else was)
    assert list(after.routings) == sorted(after.routings, key=lambda r: r.first_day or date.min)


def _routes_for(mapping: CustomerMapping, sku: str | None, day: date) -> tuple[Route, ...]:
    routing = in_force(mapping.routings, day)
    return tuple(route for route in routing.routes if route.sku == sku) if routing else ()


def test_a_service_is_chosen_from_a_day_on() -> None:
    """The earlier service keeps the days before."""
    choices = chosen_from(chosen_from((), 45, None), 46, DAY)
    assert choices == (ServiceChoice(45), ServiceChoice(46, DAY))
