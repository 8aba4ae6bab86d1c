"""A backlog of many customers: never more requests at once than Autotask allows, within the call budget, and all right in the end."""

from __future__ import annotations

from tests.bench.drain import THREADS, drained, imported

CALLS = 4
"""A customer, and one more for what the sweep asks about the allowance: docs/decisions/0034."""


def test_a_backlog_drains_without_a_refusal() -> None:
    """Five changes each of twenty customers, with two workers and the sweep at once."""
    found = drained(20, 5)
    assert found.refused == 0
    assert found.most <= THREADS
    assert found.autotask <= CALLS * found.customers + 1
    assert found.right_then == found.customers
    assert found.at_rest


def test_an_import_of_one_customer_delays_no_other_one() -> None:
    """Another customer's change takes as long beside 300 events of one customer as beside one."""
    beside_one, beside_many = imported(1), imported(300)
    assert abs(beside_many.other - beside_one.other) < 1
    assert beside_many.importing < beside_one.importing + 30
