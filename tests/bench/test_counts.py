"""What a change costs is counted, not timed: no more calls, requests, units and modules than tests/bench/bounds.py says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.bounds import COUNTS, MODULES, SLOPES
from tests.bench.growth import (
    GROWTHS,
    Counts,
    a_burst,
    a_seat_more,
    counted,
    growths,
    many_customers,
    of_a_hundred,
    one_change,
)
from tests.bench.versions import HANDLERS, PRODUCT, Child, Package
from tests.world import World

CASES: dict[str, tuple[Callable[[], World], Callable[[World], None], int]] = {
    "a change alone": (one_change, a_seat_more, 1),
    "a burst of 100": (one_change, a_burst, 1),
    "100 customers, each": (lambda: many_customers(100), of_a_hundred, 100),
}


def excess(found: Counts, bound: Counts) -> dict[str, tuple[float, float]]:
    """What is more than its bound, with the bound."""
    names = Counts.__dataclass_fields__
    pairs = {name: (getattr(found, name), getattr(bound, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] > pair[1]}


@pytest.mark.parametrize("name", COUNTS)
def test_a_change_asks_no_more_than_its_bound(name: str) -> None:
    """Of Autotask and of DynamoDB."""
    world, change, changes = CASES[name]
    assert not excess(counted(world(), change, changes), COUNTS[name])


@pytest.mark.parametrize("name", GROWTHS)
def test_a_change_costs_the_same_among_many(name: str) -> None:
    """But for what is named, with how much it may grow."""
    (growth,) = growths(short=True, names=[name])
    assert not excess(Counts(**growth.per_thousand), SLOPES[name])


@pytest.mark.parametrize("function", MODULES)
def test_a_function_loads_no_more_modules(function: str, tmp_path: Path) -> None:
    """Each costs time at a cold start."""
    nowhere = {"TABLE_NAME": "t", "QUEUE_URL": "q", "WEBHOOK_SECRET_ID": "w", "AUTOTASK_SECRET_ID": "a"}
    child = Child(Package(), HANDLERS[PRODUCT][function], nowhere, tmp_path)
    child.stop()
    assert child.loaded["modules"] <= MODULES[function]
