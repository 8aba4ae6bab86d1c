"""The billing periods of a contract, and what Autotask's rows change within one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.ports.psa import UnitRow
from timus_autotask.watch.money import rounded

CENT = Decimal("0.01")


def periods_within(contract: Contract, first: date, last: date) -> Iterator[tuple[date, date]]:
    """The billing periods that have days in a month."""
    day = max(contract.start, first)
    while day <= min(last, contract.end):
        start, end = period_containing(day, contract.start, contract.months)
        yield start, min(end, contract.end)
        day = end + ONE_DAY


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a row of a period begins with, beside the one before it."""

    units: int
    """More than the day before in the same period; on its first day, all of them."""
    posted: bool
    before: int = 0
    """Units of the day before in the same period."""
    new_price: tuple[Decimal, Decimal] | None = None
    """The price of one unit before and after it, where the units that were there have another one from this day on."""


NO_CHANGE = RowChange(0, posted=True)


def changes_of(rows: Iterable[UnitRow], of_period: int) -> Mapping[date, RowChange]:
    """By day: what each row of one period of so many days changes."""
    found: dict[date, RowChange] = {}
    before = 0
    price: Decimal | None = None
    for row in sorted(rows, key=lambda row: row.start):
        now = _price_in(row, of_period)
        new = (price, now) if price is not None and now is not None and abs(now - price) >= CENT else None
        found[row.start] = RowChange(row.units - before, row.posted, before, new)
        before, price = row.units, now if now is not None else price
    return found


def _price_in(row: UnitRow, days: int) -> Decimal | None:
    """The price of one unit for a whole period of so many days, by the extended price of some of them; None: the row does not say it."""
    if row.price is None or not row.units:
        return None
    return rounded(row.price * days / (row.units * ((row.end - row.start).days + 1)))
