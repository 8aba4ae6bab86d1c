"""What waits for a posting: billing periods that nobody has posted, and what came to a posted one since. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.domain.days import ONE_DAY, each_day
from timus_autotask.domain.mapping import LineKey
from timus_autotask.ports.psa import BillingItem, UnitRow
from timus_autotask.watch.money import money_of_days
from timus_autotask.watch.month.books import BookLine, Books, days_of_period
from timus_autotask.watch.month.causes import edited
from timus_autotask.watch.month.periods import NO_CHANGE, RowChange, changes_of, periods_within
from timus_autotask.watch.wording import counted

NO_LINE = LineKey(0, 0)


@dataclass(frozen=True, slots=True)
class LeftChange:
    """A change of units, or of the price, that came after the rest of its line's period was posted, and waits for the next posting."""

    day: date
    units: int
    """By which the units change from that day on, without what is billed of it already."""
    estimate: Decimal | None
    """What that comes to until the end of the period, with what a new price does to the units that were there; negative: a credit; None: no price is known."""
    price: tuple[Decimal, Decimal] | None = None
    """Where it brings a new price for all units: the price of one unit before and after it."""


@dataclass(frozen=True, slots=True)
class NotPosted:
    """A billing period that nobody has posted yet, or of which one line is left, or one change of a line."""

    contract_id: int
    first: date
    """The period's first day."""
    line: LineKey | None = None
    """The line that is left, as one that came to the contract later, while the rest of the period is posted; None: nothing of it is posted."""
    change: LeftChange | None = None
    """What of the line is left; None: nobody can say, or nothing of the whole period is posted."""
    whole: bool = False
    """Nothing of the line is posted in this period."""
    skus: tuple[str, ...] = ()
    """Of the line."""

    @property
    def day(self) -> date:
        """From which day on it is left."""
        return self.change.day if self.change else self.first


@dataclass(frozen=True, slots=True)
class LinePeriod:
    """A billing period of a contract service, with what of it is in a month."""

    id: int
    """The contract service's."""
    line: BookLine
    first: date
    last: date
    rows: Sequence[UnitRow]
    """Of the whole period."""
    changes: Mapping[date, RowChange]
    """What the rows change, by day of the month."""
    items: Mapping[date, Sequence[BillingItem]]
    """Likewise what was billed."""
    begun: bool
    """Whether anything of it is posted."""
    beside: bool
    """Whether anything of the contract is posted in it."""

    @property
    def days(self) -> Sequence[date]:
        """Those on which anything changes or is billed."""
        return sorted({*self.items, *self.changes})


class ToPost:
    """What is posted of each line of the books, and what waits for a posting. ``items`` are those from ``items_since`` on; None: they may not be read."""

    def __init__(self, books: Books, items: Sequence[BillingItem] | None) -> None:
        self._books = books
        self._items = items
        self._rows: dict[int, list[UnitRow]] = {}
        self.on: dict[int, list[UnitRow]] = {}
        """The rows of each contract."""
        for row in books.rows:
            self._rows.setdefault(row.contract_service_id, []).append(row)
            self.on.setdefault(row.contract_id, []).append(row)
        self.lines: dict[int, LineKey] = {}
        """The line of each contract service that is billed for one."""
        for id_, of in self._rows.items():
            key = LineKey(of[0].contract_id, of[0].service_id)
            line = books.lines.get(key)
            if line is not None and not line.other_than(id_):
                self.lines[id_] = key

    def periods(self, first: date, last: date) -> Iterator[LinePeriod]:
        """The billing periods of every line that have days in a month."""
        for id_, key in sorted(self.lines.items(), key=lambda each: (each[1], each[0])):
            line, contract = self._books.lines[key], self._books.contracts[key.contract_id]
            for begins, ends in periods_within(contract, first, last):
                rows = [row for row in self._rows[id_] if begins <= row.start <= ends]
                items = [one for one in self._items_of(id_) if begins <= one.day <= ends]
                by_day: dict[date, list[BillingItem]] = {}
                for one in items:
                    if first <= one.day <= last:
                        by_day.setdefault(one.day, []).append(one)
                changes = changes_of(rows, days_of_period(self._books, key, begins))
                yield LinePeriod(
                    id_,
                    line,
                    begins,
                    ends,
                    rows,
                    {day: of for day, of in changes.items() if first <= day <= last},
                    by_day,
                    # A change of the period's first day that came later leaves no row of it that is posted.
                    bool(items) or any(row.posted for row in rows),
                    any(row.posted for row in self.on[contract.id] if begins <= row.start <= ends),
                )

    def not_posted(self, first: date, last: date) -> tuple[NotPosted, ...]:
        """What waits of a month, by contract and period."""
        found = set[NotPosted]()
        for one in self.periods(first, last):
            key = one.line.key
            if one.rows and not one.begun and not one.beside:
                found.add(NotPosted(key.contract_id, one.first))
            elif one.rows and not one.begun:
                found.update(self._whole(one, last))
            if one.begun and self._items is not None:
                waits = (self.waiting(one, day) for day in one.days)
                of = one.line.skus
                found.update(
                    NotPosted(key.contract_id, one.first, key, left, skus=of) for left in waits if left
                )
        return tuple(sorted(found, key=_order_of_left))

    def has_units(self, key: LineKey, first: date, last: date) -> bool:
        """Whether a line has any units in rows that begin between two days."""
        rows = (row for row in self.on.get(key.contract_id, ()) if row.service_id == key.service_id)
        return any(row.units for row in rows if first <= row.start <= last)

    def _whole(self, of: LinePeriod, last: date) -> Iterator[NotPosted]:
        """A line that came to a posted period later: all that it changes until a day, for no part of it is of another month's posting."""
        key = of.line.key
        changes = changes_of(of.rows, days_of_period(self._books, key, of.first))
        until = [(day, change) for day, change in changes.items() if day <= last]
        sure = self._items is not None or not changes.get(of.first, NO_CHANGE).units
        left = [self._left(of, day, one.units, one, with_price=True) for day, one in until if sure]
        known: list[LeftChange | None] = [one for one in left if one.units or one.price]
        yield from (
            NotPosted(key.contract_id, of.first, key, one, whole=True, skus=of.line.skus)
            for one in known or [None]
        )

    def waiting(self, of: LinePeriod, day: date) -> LeftChange | None:
        """What a day's change leaves for the next posting; None: nothing."""
        change, of_day = of.changes.get(day, NO_CHANGE), of.items.get(day, ())
        stand = before_a_change(of_day, of.first)
        lacking = int(change.units - sum((one.quantity for one in stand), Decimal()))
        waits = (lacking or (change.new_price and not of_day)) and not change.posted
        if waits or (lacking and self._carried(of, day, lacking)):
            return self._left(of, day, lacking, change, with_price=not of_day)
        return None

    def _left(
        self, of: LinePeriod, day: date, units: int, change: RowChange, *, with_price: bool
    ) -> LeftChange:
        """``units`` of a change that wait for the next posting, with the price that it brings."""
        line, schedule = of.line, self._books.contracts[of.line.key.contract_id].schedule
        days = [*each_day(day, of.last)]
        prices = change.new_price if with_price else None
        price = prices[1] if prices else line.price.price
        money = money_of_days([(one, units) for one in days], price, schedule)
        if prices and money is not None:
            more = money_of_days([(one, change.before) for one in days], prices[1] - prices[0], schedule)
            money += more or Decimal()
        return LeftChange(day, units, money, prices)

    def _carried(self, of: LinePeriod, day: date, lacking: int) -> bool:
        """Whether units that a posted period lacks on its first day are of changes of earlier periods, which wait for the next posting."""
        if day != of.first:
            return False
        rows, items = self._rows[of.id], self._items or ()
        return comes(lacking, carried_into(self._books, of.line.key, rows, items, of.first))

    def _items_of(self, id_: int) -> Iterator[BillingItem]:
        return (one for one in self._items or () if one.contract_service_id == id_)


def before_a_change(of_day: Sequence[BillingItem], first: date) -> Sequence[BillingItem]:
    """Those of a day's items that stand although another change of the day came later: each of an adjustment, and the period's own one."""
    own = [one for one in of_day if is_period(one, first)][:1]
    return [one for one in of_day if one.adjustment_id is not None or one in own]


def is_period(item: BillingItem, first: date) -> bool:
    """Whether it bills a period with the units of its first day, and no adjustment."""
    return item.adjustment_id is None and item.day == first


def _order_of_left(one: NotPosted) -> tuple[int, date, LineKey, date]:
    return one.contract_id, one.first, one.line or NO_LINE, one.day


def that_came_since(these: Sequence[NotPosted]) -> str:
    """How many changes of posted periods wait for the next posting, as the end of a sentence."""
    changes = counted(len(these), "change that came since waits", "changes that came since wait")
    return f"{changes} for the next posting"


def left_of_posted(
    books: Books, items: Sequence[BillingItem] | None, first: date, last: date
) -> tuple[NotPosted, ...]:
    """What is left of the billing periods with days between two, of which the rest is posted."""
    to_post = ToPost(books, items)
    return tuple(
        one
        for one in to_post.not_posted(first, last)
        if one.line is not None and (one.change is not None or to_post.has_units(one.line, one.first, last))
    )


def may_be_left(books: Books, first: date, last: date) -> frozenset[int]:
    """The contracts whose rows show that something may be left of a posted period with days between two: only then billing items say more."""
    found = set[int]()
    for id_, rows in ToPost(books, None).on.items():
        periods = [*periods_within(books.contracts[id_], first, last)]
        posted = any(row.posted and begins <= row.start <= ends for begins, ends in periods for row in rows)
        if posted and any(not row.posted and row.start <= periods[-1][1] for row in rows):
            found.add(id_)
    return frozenset(found)


def comes(lacking: int, carried: int) -> bool:
    """Whether the next posting bills all that a posted period lacks on its first day, by what ``carried_into`` says of it."""
    return 0 < lacking <= carried or 0 > lacking >= carried


def carried_into(
    books: Books, key: LineKey, rows: Sequence[UnitRow], items: Sequence[BillingItem], first: date
) -> int:
    """Units that a contract service has on a period's first day by changes of earlier days that no posting has had; negative: fewer.

    The next posting bills them in each later period that is posted already. ``rows`` are those of the contract service, ``items`` those from
    ``items_since`` on. A change of a posted period's first day leaves no row of it that is posted, and no item bills it.
    """
    contract, units, carried = books.contracts[key.contract_id], 0, 0
    before_it = edited_at_the_start(books, books.lines[key])
    if first <= contract.start:
        return before_it
    billed: dict[date, Decimal] = {}
    for one in items:
        if rows and one.contract_service_id == rows[0].contract_service_id:
            billed[one.day] = billed.get(one.day, Decimal()) + one.quantity
    for begins, ends in periods_within(contract, books.first, first - ONE_DAY):
        of = [row for row in rows if begins <= row.start <= ends]
        begun = any(row.posted or row.start in billed for row in of)
        changes = changes_of(of, days_of_period(books, key, begins))
        for day, change in _unbilled(changes, contract.start if before_it else None):
            if day != begins:
                carried += change.units - int(billed.get(day, 0))
            elif begun:  # what came from earlier periods is in its units, too
                carried = change.units - int(billed.get(day, 0))
            else:
                carried += change.units - units
        units = max(of, key=lambda row: row.start).units if of else 0
    return carried


def _unbilled(changes: Mapping[date, RowChange], start: date | None) -> Iterator[tuple[date, RowChange]]:
    """Those that a posting may not have had yet: they are not posted, or of the contract's first day that somebody edited."""
    yield from ((day, change) for day, change in changes.items() if not change.posted or day == start)


def edited_at_the_start(books: Books, line: BookLine) -> int:
    """Units that somebody put on a contract's first day (negative: took off), as far as its rows were read.

    An edit that is dated before that day leaves all rows posted, and the next posting bills it.
    """
    if line.contract is None or line.contract.start < books.first:
        return 0
    return edited(line, line.contract.start) or line.line.on_top.at(line.contract.start)


def items_since(books: Books, first: date) -> date:
    """From which day on billing items say what was posted from ``first`` on: of earlier days, those whose rows are not posted may have items all the same.

    So may the first day of a contract, where somebody has changed the units of that day.
    """
    starts = (
        line.contract.start
        for line in books.lines.values()
        if line.contract is not None and edited_at_the_start(books, line)
    )
    return min((first, *starts, *(row.start for row in books.rows if not row.posted)))
