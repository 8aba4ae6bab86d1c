"""Which terms hold, and which held on a day: the partner's, with a customer's over them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from timus_autotask.domain.terms import FormerTerms, Terms, former_layers, layered

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("partner", "customer", "value"),
    [
        ({}, {}, None),
        ({"drift": "park"}, {}, "park"),
        ({"drift": "park"}, {"drift": "correct"}, "correct"),
    ],
)
def test_what_a_customer_says_goes_before_what_the_partner_says(
    partner: dict[str, Any], customer: dict[str, Any], value: str | None
) -> None:
    """A term that the customer does not have is the partner's."""
    assert layered(partner, customer).get("drift") == value


def test_terms_by_sku_are_laid_over_each_other_sku_by_sku() -> None:
    """A customer's price of one SKU leaves the partner's price of another."""
    found = layered({"prices": {"A": "1", "B": "2"}}, {"prices": {"B": "3"}})
    assert found["prices"] == {"A": "1", "B": "3"}


@pytest.mark.parametrize("layers", [({"paused": True}, {"paused": False}), ({}, {"paused": True})])
def test_a_pause_of_any_layer_is_a_pause(layers: tuple[dict[str, Any], ...]) -> None:
    """A customer cannot take back what is paused for everybody."""
    assert layered(*layers)["paused"] is True


def test_former_terms_are_told_by_the_day_until_which_they_held() -> None:
    """On a day between two changes, each layer is taken as it was on that day."""
    partner = Terms({"drift": "new"}, earlier=(FormerTerms({"drift": "old"}, date(2026, 3, 1)),))
    customer = Terms(
        {"included": {"A": 2}}, earlier=(FormerTerms({"included": {"A": 1}}, date(2026, 3, 10)),)
    )
    assert [
        (until, values["drift"], values["included"]) for until, values in former_layers(partner, customer)
    ] == [
        (date(2026, 3, 1), "old", {"A": 1}),
        (date(2026, 3, 10), "new", {"A": 1}),
    ]


def test_terms_that_were_set_as_if_they_had_always_held_leave_no_day_before_them() -> None:
    """Nothing was billed under what they replaced."""
    terms = Terms({"drift": "old"}).changed({"drift": "new"}, "ann", NOON, first_day=None)
    assert [*former_layers(terms)] == []
