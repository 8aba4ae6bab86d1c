"""Lines of a file that charge nothing, such as totals: left out by what they say, and their own numbers set beside the rows."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import accumulate
from typing import Any

from timus_autotask.operate.files.tables import Column, Row

SUMMED = ("quantity", "amount")
"""Columns whose numbers a total adds up."""
_EITHER_WAY = re.compile(r"(-?[1-9][0-9]{0,2})[.,]([0-9]{3})")
"""A number of which nobody can say whether it has thousands or decimals: a sum is right by either."""
_TOTAL = re.compile(r"(grand |net |gross )?(sub[ -]?)?totals?( due| amount)?:?")


@dataclass(frozen=True, slots=True)
class OtherSum:
    """A number of such a line that is not the sum of its rows: rows may be missing from the file, there twice, or changed."""

    column: str
    """Our name of it."""
    says: str
    """As it is written, but for thousands apart."""
    rows: Decimal
    """What the rows come to; of several stretches that may be meant, the nearest."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of the file that charges nothing, as a person said once."""

    row: int
    text: str
    """Its cells."""
    by: str
    """What of the profile it was left out by."""
    numbers: Mapping[str, tuple[Decimal, ...]] = field(default_factory=dict)
    """What it says in columns that are summed: each way to read it."""
    other_sums: tuple[OtherSum, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        sums = [
            {"column": other.column, "says": other.says, "rows": str(other.rows)} for other in self.other_sums
        ]
        return {"row": self.row, "text": self.text, "by": self.by, "other_sums": sums}


class Leaving:
    """Leaves out the lines that the profile names, and only if they can be no charge: they name no SKU, or are the header again.

    What names a SKU is looked at once all rows are read: see ``like_totals``.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.left: list[LeftOut] = []

    def __call__(
        self, row: int, cells: Sequence[str], names: Sequence[str], columns: Sequence[Column | None]
    ) -> bool:
        sku = _cell_of("sku", cells, columns)
        first = next(cell for cell in cells if cell)
        by = next((one for one in self.words if says(one, first) or says(one, sku)), "")
        again = [*map(plain, cells)] == [*map(plain, names)]
        charges = bool(sku) and not says(by, sku) and not again
        if not by or charges:
            return False
        text = " | ".join(cell for cell in cells if cell)
        self.left.append(LeftOut(row, text, by, dict(_numbers(cells, columns))))
        return True


def says(word: str, cell: str) -> bool:
    """Whether a cell says it: as a whole, or from its beginning where a * stands at its end."""
    if word.endswith("*"):
        return plain(cell).startswith(plain(word.removesuffix("*")))
    return plain(cell) == plain(word)


def plain(name: str) -> str:
    """A name as it is compared: neither case nor spaces make a difference."""
    return " ".join(name.casefold().split())


def _cell_of(column: str, cells: Sequence[str], columns: Sequence[Column | None]) -> str:
    """What stands in a column; empty where the line is too short for it."""
    found = (cell for cell, one in zip(cells, columns, strict=False) if one and one.name == column)
    return next(found, "")


def _numbers(
    cells: Sequence[str], columns: Sequence[Column | None]
) -> Iterator[tuple[str, tuple[Decimal, ...]]]:
    for cell, column in zip(cells, columns, strict=False):
        if column and column.name in SUMMED and (read := _readings(cell, column)):
            yield column.name, read


def _readings(cell: str, column: Column) -> tuple[Decimal, ...]:
    """Each way to read a cell as a number; none: it is no number."""
    try:
        return (Decimal(column.kind.parse(cell)),)
    except ValueError:
        either = _EITHER_WAY.fullmatch(cell)
        return (Decimal(f"{either[1]}.{either[2]}"), Decimal(f"{either[1]}{either[2]}")) if either else ()


def with_sums(left: Iterable[LeftOut], rows: Sequence[Row]) -> tuple[LeftOut, ...]:
    """The lines, each with the numbers of it that are not the sum of its rows."""
    found = list(left)
    for column in SUMMED:
        summing = [one for one in found if column in one.numbers]
        other = dict(_other_sums(column, summing, _Charges(column, rows)))
        found = [
            replace(one, other_sums=(*one.other_sums, other[one.row])) if one.row in other else one
            for one in found
        ]
    return tuple(found)


class _Charges:
    """The numbers of a column in the rows of a file, to be summed."""

    def __init__(self, column: str, rows: Sequence[Row]) -> None:
        self._rows = [row.number for row in rows]
        self._sums = [*accumulate((Decimal(row.values[column] or 0) for row in rows), initial=Decimal())]
        self.whole = self._sums[-1]
        self.last = self._rows[-1]

    def stretches(self, row: int, others: Iterable[int]) -> Iterator[Decimal]:
        """The sums of the rows between a line and any other such line, or an end of the file; none of no rows."""
        for end in (0, *others, self.last + 1):
            first, until = bisect_right(self._rows, min(row, end)), bisect_left(self._rows, max(row, end))
            if first < until:
                yield self._sums[until] - self._sums[first]


def _other_sums(column: str, summing: Sequence[LeftOut], charges: _Charges) -> Iterator[tuple[int, OtherSum]]:
    """By row.

    A line may stand for the rows above it or below it, up to any other such line or to an end of the file. What stands below a total of
    the whole file that is right, and below every charge, is no sum of rows: a tax, say, and what is due with it.
    """
    lines = [one.row for one in summing]
    for one in summing:
        readings, sums = one.numbers[column], {charges.whole, *charges.stretches(one.row, lines)}
        if not sums.intersection(readings):
            apart = ((abs(reading - each), reading, each) for reading in readings for each in sums)
            _, stated, rows = min(apart)
            yield one.row, OtherSum(column, str(stated), rows)
        elif charges.whole in readings and one.row > charges.last:
            return


@dataclass(frozen=True, slots=True)
class MayBeNoCharge:
    """A row that names a product, and may charge nothing."""

    row: Row
    column: str
    """What nobody knows of it: ``sku`` or ``customer``."""
    why: str


def like_totals(
    rows: Sequence[Row], unknown: Collection[int], unknown_customers: Collection[int]
) -> Iterator[MayBeNoCharge]:
    """Rows of no product that is known, or of no customer who is, that may charge nothing: by how they are called, or by their numbers.

    Both are numbers of rows. A number of seats alone may be that of one other row by chance, and so may all numbers of a row of a known
    product: what a customer nobody knows has of it is a sum only if it is that of several rows of this product.
    """
    doubts = _Doubts(rows, unknown, unknown_customers)
    for row in rows:
        found = doubts.by_its_name(row) or doubts.by_its_numbers(row)
        if found is not None:
            yield found


class _Doubts:
    """What speaks against the rows of a file."""

    def __init__(
        self, rows: Sequence[Row], unknown: Collection[int], unknown_customers: Collection[int]
    ) -> None:
        others = [row for row in rows if row.number not in unknown]
        whose = [row for row in others if row.number not in unknown_customers]
        self._unknown = {"customer": unknown_customers, "sku": unknown}
        self._lines = sorted(unknown)
        self._of_each = _Sums(others)
        self._of_product = _by_product(whose or others)  # a file may name no customer at all
        self._by_customer = bool(whose)

    def by_its_name(self, row: Row) -> MayBeNoCharge | None:
        """What stands where a customer or a product should."""
        columns = (name for name, these in self._unknown.items() if row.number in these)
        called = next((name for name in columns if _is_called_so(row, name)), "")
        return MayBeNoCharge(row, called, "it is called like a total") if called else None

    def by_its_numbers(self, row: Row) -> MayBeNoCharge | None:
        """Other rows come to the same."""
        sku = row.values["sku"]
        if row.number in self._unknown["sku"]:
            sums = (one.make(row, (), 2) for one in self._of_product.values())
            is_sum = self._of_each.make(row, self._lines, 1) or any(sums)
            return MayBeNoCharge(row, "sku", "its numbers are the sum of other rows") if is_sum else None
        nobodys = self._by_customer and row.number in self._unknown["customer"] and sku in self._of_product
        if not nobodys or not self._of_product[sku].make(row, (), 2):
            return None
        return MayBeNoCharge(row, "customer", "its numbers are the sum of other rows of this product")


def _is_called_so(row: Row, column: str) -> bool:
    return _TOTAL.fullmatch(plain(row.values[column] or "")) is not None


def _by_product(rows: Iterable[Row]) -> dict[str, _Sums]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.values["sku"], []).append(row)
    return {sku: _Sums(of) for sku, of in found.items()}


class _Sums:
    """The numbers of rows, to be summed over any stretch of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._at = [row.number for row in rows]
        self._sums = {
            name: [*accumulate((Decimal(row.values[name] or 0) for row in rows), initial=Decimal())]
            for name in SUMMED
        }

    def make(self, row: Row, lines: Sequence[int], least: int) -> bool:
        """Whether the numbers of a row are the sum of so many of these at least; without an amount, of two at least."""
        says = {name: Decimal(row.values[name]) for name in SUMMED if row.values[name]}
        least = least if "amount" in says else 2
        return bool(says) and any(
            until - first >= least
            and all(
                self._sums[name][until] - self._sums[name][first] == number for name, number in says.items()
            )
            for first, until in _around(row.number, self._at, lines)
        )


def equal_rows(rows: Iterable[Row]) -> list[tuple[int, ...]]:
    """The numbers of rows that are the same in each column: one of them may be there twice."""
    found: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        found.setdefault(tuple(row.values.values()), []).append(row.number)
    return [tuple(these) for these in found.values() if len(these) > 1]


def left_out_of(doubt: MayBeNoCharge, words: Iterable[str]) -> LeftOut | None:
    """The row of a doubt about its customer, if a person said that what stands there marks what charges nothing; None: nobody did."""
    values = doubt.row.values
    by = next((one for one in words if values["customer"] and says(one, values["customer"])), "")
    if not by or doubt.column != "customer":
        return None
    text = " | ".join(str(value) for value in values.values() if value is not None)
    return LeftOut(doubt.row.number, text, by)


def _around(row: int, at: Sequence[int], lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """What a line may stand for: all rows, or those above it or below it, up to the next such line or to the end of the file."""
    here, line, end = bisect_left(at, row), bisect_left(lines, row), len(at)
    above = bisect_left(at, lines[line - 1]) if line else 0
    below = bisect_left(at, lines[line + 1]) if line + 1 < len(lines) else end
    yield from ((0, end), (0, here), (above, here), (here, below), (here, end))
