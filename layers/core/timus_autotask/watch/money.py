"""What a change of units costs, as an estimate: Autotask prorates and prices by itself, and its invoice is the only word on money.

An estimate is units × price × days of the period that are billed / days of the period. Each period of a line is rounded for itself,
half up to whole cents (0.005 → 0.01), and the sum is of rounded amounts, as an invoice has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.timeline import Timeline

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What adjustments come to, estimated; negative: a credit. In the currency of the contract's prices."""

    so_far: Decimal
    """From their days to the end of the period in which today is, or in which they begin if that is later."""
    each_period: Decimal
    """For each whole period after that, of ``months``."""
    unknown: int = 0
    """Adjustments whose price is not known; they are not in it."""

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.so_far + other.so_far, self.each_period + other.each_period, self.unknown + other.unknown
        )


NOTHING = Estimate(Decimal("0.00"), Decimal("0.00"))


def about(estimate: Estimate) -> str:
    """What something comes to, for people."""
    if estimate.unknown:
        return f"about {estimate.so_far:+} and {estimate.unknown} without a known price"
    return f"about {estimate.so_far:+}, then {estimate.each_period:+} a period"


def rounded(amount: Decimal) -> Decimal:
    """Whole cents, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def billed(
    units: int, price: Decimal, first: date, last: date, schedule: BillingSchedule, total: Decimal = Decimal()
) -> Decimal:
    """What units come to from ``first`` to ``last``, each period rounded for itself. Days before the contract cost nothing."""
    day = max(first, schedule.start)
    while day <= last:
        begins, ends = period_containing(day, schedule.start, schedule.months)
        days = (min(ends, last) - day).days + 1
        total += rounded(units * price * days / ((ends - begins).days + 1))
        day = ends + ONE_DAY
    return total


def of_timeline(
    units: Timeline, price: Decimal, first: date, last: date, schedule: BillingSchedule
) -> Decimal:
    """What units that change by day come to from ``first`` to ``last``, each period rounded for itself. Days before the contract cost nothing."""
    return sum((rounded(each) for each in _by_period(units, price, first, last, schedule)), Decimal())


def of_days(units: Timeline, price: Decimal, first: date, last: date, schedule: BillingSchedule) -> Decimal:
    """The same, rounded once: for days that are no whole periods, such as those of a month, so that it is what the ledger says of them."""
    return rounded(sum(_by_period(units, price, first, last, schedule), Decimal()))


def _by_period(
    units: Timeline, price: Decimal, first: date, last: date, schedule: BillingSchedule
) -> Iterator[Decimal]:
    """What the days of each period come to, not rounded."""
    day = max(first, schedule.start)
    while day <= last:
        begins, ends = period_containing(day, schedule.start, schedule.months)
        until = min(ends, last) + ONE_DAY
        turns = [day, *(turn for turn in units.days if day < turn < until), until]
        seat_days = sum(units.at(turn) * (after - turn).days for turn, after in pairwise(turns))
        yield price * seat_days / ((ends - begins).days + 1)
        day = ends + ONE_DAY


def estimated(
    delta: int, price: Decimal | None, day: date, last: date, schedule: BillingSchedule, today: date
) -> Estimate:
    """What one adjustment comes to on a contract that ends on ``last``."""
    return estimated_effect(Timeline(((day, delta),)), price, last, schedule, today)


def estimated_effect(
    units: Timeline, price: Decimal | None, last: date, schedule: BillingSchedule, today: date
) -> Estimate:
    """What units that are more or fewer by day come to: until the end of the period in which they change last, or in which today is.

    Each change is prorated and rounded for itself, as Autotask does.
    """
    if not units.days:
        return NOTHING
    if price is None:
        return Estimate(NOTHING.so_far, NOTHING.each_period, unknown=1)
    turn = units.days[-1]
    _, until = period_containing(max(turn, today, schedule.start), schedule.start, schedule.months)
    changes = ((day, units.at(day) - units.at(day - ONE_DAY)) for day in units.days)
    return Estimate(
        sum((billed(more, price, day, min(until, last), schedule) for day, more in changes), Decimal()),
        rounded(units.at(turn) * price) if until < last else NOTHING.each_period,
    )


def money_of_days(
    days: Collection[tuple[date, int]], price: Decimal | None, schedule: BillingSchedule
) -> Decimal | None:
    """What units of single days come to together."""
    if price is None:
        return None
    total = Decimal()
    for day, units in days:
        first, last = period_containing(max(day, schedule.start), schedule.start, schedule.months)
        total += units * price / ((last - first).days + 1)
    return rounded(total)


def total(estimates: Iterable[Estimate]) -> Estimate:
    """All of them together."""
    return sum(estimates, NOTHING)
