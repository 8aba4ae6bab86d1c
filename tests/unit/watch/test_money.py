"""Estimates: units × price × days / days of the period, each period rounded for itself, half up to cents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.timeline import Timeline
from timus_autotask.watch.money import (
    NOTHING,
    Estimate,
    billed,
    estimated,
    of_days,
    of_timeline,
    rounded,
    total,
)

MONTHLY, QUARTERLY = BillingSchedule(date(2026, 1, 1)), BillingSchedule(date(2026, 1, 1), 3)
END, TODAY = date(2026, 12, 31), date(2026, 3, 15)
PRICE = Decimal("12.50")


@pytest.mark.parametrize(
    ("exact", "cents"), [("0.005", "0.01"), ("0.0049", "0.00"), ("-0.005", "-0.01"), ("20.5645", "20.56")]
)
def test_cents_are_rounded_half_up(exact: str, cents: str) -> None:
    """Away from zero, a credit as well as a charge."""
    assert rounded(Decimal(exact)) == Decimal(cents)


@pytest.mark.parametrize(
    ("day", "schedule", "so_far", "each_period"),
    [
        (date(2026, 3, 15), MONTHLY, "20.56", "37.50"),  # 3 x 12.50 x 17 / 31
        (date(2026, 3, 1), MONTHLY, "37.50", "37.50"),
        (date(2026, 2, 15), MONTHLY, "56.25", "37.50"),  # 14 / 28 of February, and March
        (date(2026, 4, 10), MONTHLY, "26.25", "37.50"),  # a day to come: 21 / 30 of April
        (date(2026, 3, 15), QUARTERLY, "7.08", "37.50"),  # 17 of 90 days
        (date(2026, 12, 15), MONTHLY, "20.56", "0.00"),  # the contract's last period
    ],
)
def test_an_adjustment_costs_its_days_and_then_whole_periods(
    day: date, schedule: BillingSchedule, so_far: str, each_period: str
) -> None:
    """From its day to the end of the period of today, or of its own if that is later."""
    assert estimated(3, PRICE, day, END, schedule, TODAY) == Estimate(Decimal(so_far), Decimal(each_period))


def test_a_price_that_is_not_known_is_counted() -> None:
    """It is in no sum."""
    unknown = estimated(3, None, TODAY, END, MONTHLY, TODAY)
    assert unknown == Estimate(NOTHING.so_far, NOTHING.each_period, 1)
    assert total([unknown, Estimate(PRICE, PRICE)]) == Estimate(PRICE, PRICE, 1)


@given(st.integers(-40, 40), st.integers(0, 330), st.integers(0, 330))
def test_whole_periods_cost_whole_prices_and_a_change_taken_back_costs_nothing(
    units: int, first: int, days: int
) -> None:
    """Whatever the days are."""
    begin = date.fromordinal(date(2026, 1, 1).toordinal() + first)
    end = date.fromordinal(min(begin.toordinal() + days, END.toordinal()))
    assert billed(units, PRICE, begin, end, MONTHLY) == -billed(-units, PRICE, begin, end, MONTHLY)
    assert billed(units, PRICE, date(2026, 1, 1), END, MONTHLY) == 12 * units * PRICE
    one = Timeline.of([(date(2026, 1, 1), units)])
    assert of_timeline(one, PRICE, begin, end, MONTHLY) == billed(units, PRICE, begin, end, MONTHLY)


def test_units_that_change_within_a_period_are_rounded_once_for_it() -> None:
    """Not for each stretch of the same units; and days of two periods for each of them, or all at once."""
    units = Timeline.of([(date(2026, 1, 1), 10), (date(2026, 3, 2), 11), (date(2026, 3, 3), 12)])
    march = date(2026, 3, 1), date(2026, 3, 31)
    assert of_timeline(units, PRICE, *march, MONTHLY) == rounded(PRICE * (10 + 11 + 12 * 29) / 31)
    from_the_15th = BillingSchedule(date(2025, 12, 15), 1)
    each = PRICE * (10 + 11 + 12 * 12) / 28, PRICE * 12 * 17 / 31
    assert of_timeline(units, PRICE, *march, from_the_15th) == rounded(each[0]) + rounded(each[1])
    assert of_days(units, PRICE, *march, from_the_15th) == rounded(each[0] + each[1])
