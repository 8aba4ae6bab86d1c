"""Which unit price goes out: the partner's on purpose, one that moves along, and never over one that was set by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.price import (
    ObservedPrice,
    PriceChange,
    amount,
    price_of_line,
    price_of_new_line,
)

CATALOGUE, OURS, HAND, WANTED = (Decimal(text) for text in ("12.50", "11", "9.9", "15.00"))


@pytest.mark.parametrize(
    ("wanted", "price", "sent", "catalogue", "goes"),
    [
        (WANTED, CATALOGUE, None, CATALOGUE, PriceChange("15.00", "12.50")),
        (WANTED, OURS, OURS, None, PriceChange("15.00", "11.00")),
        (WANTED, OURS, OURS, CATALOGUE, PriceChange("15.00", "11.00")),
        (WANTED, CATALOGUE, OURS, CATALOGUE, PriceChange("15.00", "12.50")),
        (WANTED, HAND, OURS, CATALOGUE, None),
        (WANTED, HAND, None, None, None),
        (WANTED, WANTED, None, CATALOGUE, None),
        (WANTED, Decimal(15), OURS, CATALOGUE, None),
        (WANTED, None, OURS, CATALOGUE, None),
        (None, CATALOGUE, None, CATALOGUE, None),
        (None, OURS, OURS, None, None),
    ],
)
def test_the_price_of_a_line(
    wanted: Decimal | None,
    price: Decimal | None,
    sent: Decimal | None,
    catalogue: Decimal | None,
    goes: PriceChange | None,
) -> None:
    """It gives way where it is the catalogue's or ours, and where it differs from what the terms set."""
    assert price_of_line(wanted, ObservedPrice(price, sent, catalogue)) == goes


@pytest.mark.parametrize(
    ("wanted", "price", "sent", "catalogue", "goes"),
    [
        (WANTED, None, None, None, PriceChange("15.00")),
        (None, None, None, None, None),
        (WANTED, HAND, None, CATALOGUE, PriceChange("9.90")),
        (None, HAND, None, CATALOGUE, PriceChange("9.90")),
        (WANTED, CATALOGUE, None, CATALOGUE, PriceChange("15.00")),
        (None, CATALOGUE, None, CATALOGUE, None),
        (WANTED, OURS, OURS, None, PriceChange("15.00")),
        (None, OURS, OURS, None, None),
    ],
)
def test_the_price_of_a_service_that_is_new_on_the_contract(
    wanted: Decimal | None,
    price: Decimal | None,
    sent: Decimal | None,
    catalogue: Decimal | None,
    goes: PriceChange | None,
) -> None:
    """One that was set by hand on the renewed contract moves along; one of ours is what the terms say by now."""
    assert price_of_new_line(wanted, ObservedPrice(price, sent, catalogue)) == goes


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("15", "15.00"),
        ("15.5", "15.50"),
        ("15.00", "15.00"),
        ("100", "100.00"),
        ("0", "0.00"),
        ("0.0625", "0.0625"),
        ("1200.1000", "1200.10"),
    ],
)
def test_an_amount_has_two_decimals_at_least(price: str, text: str) -> None:
    """However Autotask or the terms write it."""
    assert amount(Decimal(price)) == text


def test_a_price_is_told_old_and_new() -> None:
    """Only the new one where the service is new on the contract."""
    assert str(PriceChange("15.00", "12.50")) == "12.50 → 15.00"
    assert str(PriceChange("15.00")) == "15.00"


money = st.decimals(min_value=0, max_value=10**9, places=4)


@given(money)
def test_an_amount_is_the_price(price: Decimal) -> None:
    """Nothing is lost by writing it down."""
    assert Decimal(amount(price)) == price


@given(st.none() | money, st.none() | money, st.none() | money, st.none() | money)
def test_a_price_of_somebody_elses_is_never_overwritten(
    wanted: Decimal | None, price: Decimal | None, sent: Decimal | None, catalogue: Decimal | None
) -> None:
    """What goes out is the price of the terms, it differs from what is there, and what is there is the catalogue's or ours."""
    change = price_of_line(wanted, ObservedPrice(price, sent, catalogue))
    if change is None:
        return
    assert Decimal(change.after) == wanted != price
    assert change.before is not None
    assert Decimal(change.before) == price
    assert price in (sent, catalogue)
