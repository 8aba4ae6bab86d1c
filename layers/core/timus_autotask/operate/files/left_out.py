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
    """Leaves out the lines that the profile names, and only if they can be no charge: they name no SKU, or are the header again."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self.left: list[LeftOut] = []

    def __call__(
        self, row: int, cells: Sequence[str], names: Sequence[str], columns: Sequence[Column | None]
    ) -> bool:
        sku = _cell_of("sku", cells, columns)
        first = next(cell for cell in cells if cell)
        by = next((one for one in self._words if says(one, first) or says(one, sku)), "")
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


def like_totals(rows: Sequence[Row], unknown: Collection[int]) -> Iterator[tuple[int, str]]:
    """Rows, by number, that are of no product that is known and may charge nothing, with why: how they are called, or their numbers.

    ``unknown``: the numbers of the rows of no product that is known. A number of seats alone may be that of one other row by chance.
    """
    others = [row for row in rows if row.number not in unknown]
    at, lines = [row.number for row in others], sorted(unknown)
    sums = {
        name: [*accumulate((Decimal(row.values[name] or 0) for row in others), initial=Decimal())]
        for name in SUMMED
    }

    def is_sum(row: Row) -> bool:
        says = {name: Decimal(row.values[name]) for name in SUMMED if row.values[name]}
        return any(
            all(sums[name][until] - sums[name][first] == number for name, number in says.items())
            for first, until in _around(row.number, at, lines)
            if "amount" in says or (says and until - first > 1)
        )

    for row in rows:
        if row.number in unknown and _TOTAL.fullmatch(plain(row.values["sku"])):
            yield row.number, "it is called like a total"
        elif row.number in unknown and is_sum(row):
            yield row.number, "its numbers are the sum of other rows"


def _around(row: int, at: Sequence[int], lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """What a line may stand for: all rows, or those above it or below it, up to the next such line or to the end of the file."""
    here, line, end = bisect_left(at, row), bisect_left(lines, row), len(at)
    above = bisect_left(at, lines[line - 1]) if line else 0
    below = bisect_left(at, lines[line + 1]) if line + 1 < len(lines) else end
    yield from ((0, end), (0, here), (above, here), (here, below), (here, end))
