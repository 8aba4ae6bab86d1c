"""What was posted, item by item: every billing item of a month beside the units of each day and the adjustments. Pure.

A line's period is explained if its items make the units of each of its posted days: the period's own item gives those of its first day, and
each item of an adjustment changes them from its day on. So the sum of a day's items is what the units change by on that day. An item
that does not fit is named, and so is a change that no item bills.

An item, and a day, is of the month that it is in, whatever month its period began in: so each is told once.

Amounts are compared with quantity × rate × days that are left / days of the period; an item that brings a new price has in it what that does
to the units that were there. Four decimals are kept until an item is posted, and two afterwards, so up to a cent is no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY, each_day, period_containing
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.reasons import WayOut
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.psa import BillingItem, UnitRow
from timus_autotask.watch.money import money_of_days, rounded
from timus_autotask.watch.month.books import BookLine, Books, days_of_period, price_of_sku
from timus_autotask.watch.month.causes import (
    BY_TERMS,
    DECIDED,
    SETTLED,
    Decider,
    WhyDiffers,
    billed_otherwise_on,
    decided_by,
    edited,
    undone_all_the_same_on,
    waits_for_an_edit,
    ways_of_edit,
)
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.month.ready import UnplacedUnits, too_few_and_too_many, without_line
from timus_autotask.watch.names import NOBODY, Directory
from timus_autotask.watch.remedy import remedy_of, said
from timus_autotask.watch.wording import counted

CENT = Decimal("0.01")
NO_LINE = LineKey(0, 0)
NOT_LACKING = (*BY_TERMS, WhyDiffers.BEFORE, WhyDiffers.SCHEDULED)
"""Causes of days that are as they should be."""


class Explained(StrEnum):
    """What explains a billing item."""

    PERIOD = "period"
    """The units of the period's first day."""
    OURS = "adjustment"
    """An adjustment that we made."""
    ELSEWHERE = "edit"
    """A change of units in Autotask that is not ours: the rows show it, and somebody else made it."""
    PRICE = "price"
    """A change of the price alone, which is not ours."""
    NOT_OURS = "other-service"
    """A contract service that no subscription maps to."""
    TYPED = "typed"
    """A charge that a person typed: it belongs to no contract service."""
    CREDIT = "credit"
    """The same, with a negative amount."""
    UNEXPLAINED = "unexplained"
    """Neither the units of the day nor an adjustment make it."""

    @property
    def label(self) -> str:
        """For people."""
        return _WORDS[self]


_WORDS = {
    Explained.PERIOD: "the units of the period's first day",
    Explained.OURS: "an adjustment of ours",
    Explained.ELSEWHERE: "somebody else changed the units in Autotask",
    Explained.PRICE: "somebody else changed the price in Autotask",
    Explained.NOT_OURS: "a service that no subscription maps to",
    Explained.TYPED: "a person typed it",
    Explained.CREDIT: "a credit that a person typed",
    Explained.UNEXPLAINED: "UNEXPLAINED: the units of the day do not make it",
}
ANOTHER_AMOUNT = "another amount than quantity, rate and days make"
SET_BACK = "If it should not be so: set the price in Autotask, and credit or charge by hand what was billed otherwise"

BY_US = (Explained.PERIOD, Explained.OURS)
"""Explained by the units of the days and by what we did."""


@dataclass(frozen=True, slots=True)
class Item:
    """A billing item, and what explains it."""

    item: BillingItem
    key: LineKey | None
    """None: it belongs to no line of ours."""
    by: Explained
    ours: JournalEntry | None = None
    """The adjustment of ours that it bills; None: none of ours, or it is not known which."""
    estimate: Decimal | None = None
    """What it should come to; None: it has no rate, or no line."""
    price: tuple[Decimal, Decimal] | None = None
    """Of one that brought a new price, too, which the amount has in it for all units: the price of one unit before and after it."""

    @property
    def note(self) -> str:
        """What is to be said of its amount, for people; empty: nothing."""
        return "; ".join(filter(None, (self._note_of_price, self._note_of_amount)))

    @property
    def _note_of_price(self) -> str:
        if self.price is None:
            return ""
        before, after = self.price
        became = f"{before:.2f} became {after:.2f} for all units"
        if self.by is Explained.OURS:
            return f"with a new price by the terms: {became}"
        by_hand = f"with a new price, by hand: {became}"
        return by_hand if self.amount_differs else f"{by_hand}. {SET_BACK}"

    @property
    def _note_of_amount(self) -> str:
        if not self.amount_differs:
            return ""
        by_hand = "; it was made by hand: look at it in Autotask, and credit or charge by hand what should not be so"
        return ANOTHER_AMOUNT + (by_hand if self.by in (Explained.ELSEWHERE, Explained.PRICE) else "")

    @property
    def amount_differs(self) -> bool:
        """Whether the amount is another one than quantity, rate and days make, with what a new price does to the units that were there."""
        return self.estimate is not None and abs(self.item.amount - self.estimate) > CENT


@dataclass(frozen=True, slots=True)
class Billed:
    """What a line is billed for from a day on, by its items."""

    units: Decimal = Decimal()
    rate: Decimal | None = None
    """Price of one unit for a whole period; None: no item says it."""


@dataclass(frozen=True, slots=True)
class MissingItem:
    """A change of units on a posted day that no item bills, or not all of it."""

    key: LineKey
    day: date
    expected: int
    """Units by which the day's items should change what is billed; on a period's first day, all its units."""
    billed: Decimal
    """By which they do."""
    estimate: Decimal | None
    """What the difference comes to until the end of the period: what is not billed; None: no price is known."""
    skus: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    """How it can be brought right, for people."""


@dataclass(frozen=True, slots=True)
class PostedDays:
    """Days with what they come to."""

    first: date
    last: date
    seat_days: int
    """Billed too many; negative: not billed."""
    estimate: Decimal | None
    """What that comes to, likewise; None: no price is known."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Posted days on which a line had other units than Timus says on the terms: a change that was held or late while somebody posted, or a decision."""

    key: LineKey | None
    """None: these units have no line, as nobody has mapped their SKU."""
    customer: str
    cause: WhyDiffers
    first: date
    last: date
    seat_days: int
    """Billed too many; negative: not billed."""
    estimate: Decimal | None
    """What that comes to, likewise; None: no price is known."""
    ways: tuple[str, ...]
    """How it can be brought right, for people."""
    whole: PostedDays | None = None
    """With the posted days of the same billing periods in other months, which the reports of these months have; None: there are none."""
    skus: tuple[str, ...] = ()
    comes: bool = False
    """Once it is settled, these days are billed with the next posting."""
    who: tuple[Decider, ...] = ()
    """Who decided it so; empty: nobody did, or the line does not say who."""


@dataclass(frozen=True, slots=True)
class InNoPosting:
    """Days until today with seats that no posting has had, and that are of no billing period that is still to be posted: nobody bills them by itself."""

    key: LineKey | None
    """None: these seats have no line, as their customer has no contract."""
    customer: str
    """Empty: several customers', or nobody's any more."""
    skus: tuple[str, ...]
    cause: WhyDiffers
    first: date
    last: date
    seat_days: int
    """Not billed, so negative as elsewhere in this report."""
    estimate: Decimal | None
    """What that comes to, likewise; None: no price is known."""


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
    """What of the line is left; None: all of it."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The report of a month."""

    month: date
    last: date
    items: tuple[Item, ...] = ()
    missing: tuple[MissingItem, ...] = ()
    passed: tuple[Passed, ...] = ()
    """Other than it should."""
    decided: tuple[Passed, ...] = ()
    """Other than Timus says, as a person decided or the terms keep it."""
    not_posted: tuple[NotPosted, ...] = ()
    """By contract and period."""
    in_no_posting: tuple[InNoPosting, ...] = ()
    read: bool = True
    """False: the API user may not read billing items; the rest stands."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[Item, ...]:
        """Items that neither the units of the days nor what we did explains."""
        return tuple(one for one in self.items if one.by is Explained.UNEXPLAINED)

    @property
    def by_others(self) -> tuple[Item, ...]:
        """Items that somebody else brought about: an edit, a charge or credit that was typed, another service."""
        return tuple(one for one in self.items if one.by not in (*BY_US, Explained.UNEXPLAINED))

    @property
    def right(self) -> bool:
        """Whether everything that was posted is explained, nothing is missing, and no posted day is off."""
        wrong = self.unexplained or self.missing or self.passed
        return self.read and not wrong and not any(one.amount_differs for one in self.items)

    @property
    def seat_days_in_no_posting(self) -> int:
        """How many seat-days nobody bills by itself: a positive number."""
        return -sum(one.seat_days for one in self.in_no_posting)

    @property
    def amount(self) -> Decimal:
        """What was posted, before tax, all items together."""
        return sum((one.item.amount for one in self.items), Decimal("0.00"))


def posted(books: Books, items: Sequence[BillingItem] | None, month: date) -> Posted:
    """What was posted in a month. ``items`` are those of the books' contracts, from ``items_since`` its first day on; None: they may not be read."""
    first, last = month_of(month)
    return _Explanation(books, items, first, last).all()


class _Explanation:
    def __init__(
        self,
        books: Books,
        items: Sequence[BillingItem] | None,
        first: date,
        last: date,
    ) -> None:
        self._books = books
        self._items = items
        self._first = first
        self._last = last
        self._rows: dict[int, list[UnitRow]] = {}
        self._in: dict[int, list[UnitRow]] = {}
        for row in books.rows:
            self._rows.setdefault(row.contract_service_id, []).append(row)
            self._in.setdefault(row.contract_id, []).append(row)
        self._of: dict[int, LineKey] = {}
        for id_, of in self._rows.items():
            key = LineKey(of[0].contract_id, of[0].service_id)
            line = books.lines.get(key)
            if line is not None and not line.other_than(id_):
                self._of[id_] = key

    def all(self) -> Posted:
        books = self._books
        found, missing = [*self._others()], list[MissingItem]()
        not_posted: set[NotPosted] = set()
        for id_, key in sorted(self._of.items(), key=lambda each: (each[1], each[0])):
            line, contract = books.lines[key], books.contracts[key.contract_id]
            for first, last in periods_within(contract, self._first, self._last):
                whole = [row for row in self._rows[id_] if first <= row.start <= last]
                begun = any(row.posted for row in whole) or self._has_items(id_, first, last)
                if whole and not begun:
                    rest = any(row.posted for row in self._in[contract.id] if first <= row.start <= last)
                    not_posted.add(NotPosted(contract.id, first, key if rest else None))
                if self._items is not None:
                    these, lacks, changed = self._period(id_, line, first, last, whole)
                    found += these
                    missing += lacks
                    if begun:
                        not_posted.update(NotPosted(contract.id, first, key, one) for one in changed)
        return Posted(
            self._first,
            self._last,
            tuple(sorted(found, key=lambda one: (one.item.contract_id, one.item.day, one.item.id))),
            tuple(missing),
            *_decided_apart([*self._passed(), *self._passed_without_line(), *self._passed_superseded()]),
            tuple(sorted(not_posted, key=_order_of_left)),
            (
                *self._lines_in_no_posting(not_posted),
                *self._others_in_no_posting(not_posted),
                *self._superseded_in_no_posting(not_posted),
            ),
            self._items is not None,
            books.names,
            (*books.notes, *self._undone_all_the_same()),
        )

    # -- Items

    def _has_items(self, id_: int, first: date, last: date) -> bool:
        """Whether a contract service was billed in a period. A change of the period's first day that came later leaves no row of it that is posted."""
        return any(one.contract_service_id == id_ and first <= one.day <= last for one in self._items or ())

    def _in_month(self) -> Iterator[BillingItem]:
        return (item for item in self._items or () if self._first <= item.day <= self._last)

    def _others(self) -> Iterator[Item]:
        """Items that no line of ours accounts for."""
        for item in self._in_month():
            if item.contract_service_id in self._of:
                continue
            if item.contract_service_id is not None:
                yield Item(item, None, Explained.NOT_OURS)
            else:
                yield Item(item, None, Explained.CREDIT if item.amount < 0 else Explained.TYPED)

    def _period(
        self, id_: int, line: BookLine, first: date, last: date, rows: Sequence[UnitRow]
    ) -> tuple[list[Item], list[MissingItem], list[LeftChange]]:
        """The items of the month of one contract service in one period, what they leave out, and what no posting has had yet."""
        by_day: dict[date, list[BillingItem]] = {}
        for item in self._in_month():
            if item.contract_service_id == id_ and first <= item.day <= last:
                by_day.setdefault(item.day, []).append(item)
        whole = days_of_period(self._books, line.key, first)
        changes = {day: of for day, of in _changes(rows, whole).items() if self._first <= day <= self._last}
        found, missing, left = list[Item](), list[MissingItem](), list[LeftChange]()
        for day in sorted({*by_day, *changes}):
            change, of_day = changes.get(day, NO_CHANGE), by_day.get(day, [])
            waits = self._waiting(id_, line, day, first, last, change, of_day)
            fitting = _fitting(of_day, change.units)
            if waits is not None:
                left.append(waits)
                fitting = _before_a_change(of_day, first)
            elif change.units and not fitting:
                units = sum((one.quantity for one in of_day), Decimal())
                missing.append(self._missing(line, day, last, change.units, units))
            ours = _ours(of_day, line, first)
            found += [
                self._explained(one, line, first, last, ours.get(one.id), fits=one in fitting)
                for one in of_day
            ]
        return found, missing, left

    def _waiting(
        self,
        id_: int,
        line: BookLine,
        day: date,
        first: date,
        last: date,
        change: _Change,
        of_day: Sequence[BillingItem],
    ) -> LeftChange | None:
        """What a change leaves for the next posting; None: nothing."""
        stand = _before_a_change(of_day, first)
        lacking = int(change.units - sum((one.quantity for one in stand), Decimal()))
        if lacking and (not change.posted or self._waits(id_, line, day, first, lacking)):
            return self._left(line, day, last, lacking, change, of_day)
        if change.new_price and not change.posted and not of_day:
            return self._left(line, day, last, lacking, change, of_day)
        return None

    def _missing(self, line: BookLine, day: date, last: date, expected: int, billed: Decimal) -> MissingItem:
        price, schedule = line.price.price, self._books.contracts[line.key.contract_id].schedule
        days = [(one, int(expected - billed)) for one in each_day(day, last)]
        money = money_of_days(days, price, schedule)
        ways = tuple(_ways_of_missing(line.key.contract_id, money))
        return MissingItem(line.key, day, expected, billed, money, line.skus, ways)

    def _left(
        self,
        line: BookLine,
        day: date,
        last: date,
        units: int,
        change: _Change,
        of_day: Sequence[BillingItem],
    ) -> LeftChange:
        """``units`` of a change that wait for the next posting, with the price that it brings."""
        schedule = self._books.contracts[line.key.contract_id].schedule
        days = [*each_day(day, last)]
        prices = None if of_day else change.new_price
        price = prices[1] if prices else line.price.price
        money = money_of_days([(one, units) for one in days], price, schedule)
        if prices and money is not None:
            more = money_of_days([(one, change.before) for one in days], prices[1] - prices[0], schedule)
            money += more or Decimal()
        return LeftChange(day, units, money, prices)

    def _waits(self, id_: int, line: BookLine, day: date, first: date, lacking: int) -> bool:
        """Whether units that a posted period lacks on its first day are of changes of earlier periods, which wait for the next posting."""
        if day != first:
            return False
        return comes(lacking, carried_into(self._books, line.key, self._rows[id_], self._items or (), first))

    def _explained(
        self,
        item: BillingItem,
        line: BookLine,
        first: date,
        last: date,
        ours: JournalEntry | None,
        *,
        fits: bool,
    ) -> Item:
        by = Explained.UNEXPLAINED
        if fits and _is_period(item, first):
            by = Explained.PERIOD
        elif fits or not item.quantity:
            others = Explained.ELSEWHERE if item.quantity else Explained.PRICE
            by = Explained.OURS if ours is not None else others
        found = Item(item, line.key, by, ours)
        before = [Billed()] if by is Explained.PERIOD else [*self._billed_before(item, first, ours)]
        readings = [self._with_estimate(found, line, last, ours, billed) for billed in before]
        return next((one for one in readings if not one.amount_differs), readings[0])

    def _billed_before(self, item: BillingItem, first: date, ours: JournalEntry | None) -> Iterator[Billed]:
        """What its line was billed when an item came: by the items of the period, and by the journal where the item is ours.

        Of several that were posted on one day, the ids say which was there first, if anything does.
        """
        earlier = sorted(
            (
                one
                for one in self._items or ()
                if one.contract_service_id == item.contract_service_id
                and first <= one.day
                and one.posted_on <= item.posted_on
                and _order(one) < _order(item)
            ),
            key=_order,
        )
        yield _together(earlier)
        yield _together([one for one in earlier if one.id < item.id])
        if ours is not None and ours.price is not None and ours.price.before is not None:
            yield Billed(Decimal(ours.units_before), Decimal(ours.price.before))

    def _with_estimate(
        self, found: Item, line: BookLine, last: date, ours: JournalEntry | None, billed: Billed
    ) -> Item:
        """With what it should come to where the line was billed so before it. A new price is in the amount of all units, and in no quantity."""
        item = found.item
        rate = Decimal(ours.price.after) if ours is not None and ours.price is not None else item.rate
        if rate is None or line.contract is None:
            return found
        price = (billed.rate, rate) if billed.rate is not None and billed.rate != rate else None
        of_price = billed.units * (price[1] - price[0]) if price else Decimal()
        start, end = period_containing(item.day, line.contract.start, line.contract.months)
        part = Decimal((last - item.day).days + 1) / ((end - start).days + 1)
        money = (
            rounded((item.quantity * rate + of_price) * part)
            if item.quantity or billed.rate is not None
            else None
        )
        return replace(found, estimate=money, price=price)

    # -- Days

    def _passed(self) -> Iterator[Passed]:
        """Posted days on which a line had other units than it should: each cause, and too few and too many, for itself."""
        for line in self._books.lines.values():
            if line.contract is None:
                continue
            for cause, comes, every in self._off(line, line.contract):
                of = [(day, units) for day, units in every if self._first <= day <= self._last]
                if not of:
                    continue
                here = _stretch(line, line.contract, of)
                whole = _stretch(line, line.contract, every) if len(of) < len(every) else None
                yield Passed(
                    line.key,
                    line.customers[0] if len(line.customers) == 1 else "",
                    cause,
                    here.first,
                    here.last,
                    here.seat_days,
                    here.estimate,
                    tuple(_ways(line, cause, here.estimate, whole)),
                    whole,
                    line.skus,
                    comes,
                    decided_by(line, cause),
                )

    def _off(
        self, line: BookLine, contract: Contract
    ) -> Iterator[tuple[WhyDiffers, bool, Sequence[tuple[date, int]]]]:
        """Causes, whether settling them brings the days, and the posted days with (day, units that are lacking): too few and too many apart."""
        days: dict[tuple[WhyDiffers, bool], list[tuple[date, int]]] = {}
        for day in self._posted_days(line, *self._periods(contract)):
            for cause, units in billed_otherwise_on(line, day, self._books.today).items():
                if cause not in NOT_LACKING:
                    comes = cause not in SETTLED and not line.is_shut(day)
                    days.setdefault((cause, comes), []).append((day, units))
        for (cause, comes), every in sorted(days.items()):
            yield from ((cause, comes, side) for side in too_few_and_too_many(every))

    def _undone_all_the_same(self) -> Iterator[str]:
        """For people: posted days that are billed as Timus says, although a person undid it."""
        for line in self._books.lines.values():
            if line.contract is None:
                continue
            posted = self._posted_days(line, self._first, self._last)
            days = [(day, undone_all_the_same_on(line, day, self._books.today)) for day in posted]
            for side in too_few_and_too_many(days):
                here = _stretch(line, line.contract, [(day, -units) for day, units in side])
                who = "; ".join(one.words for one in decided_by(line, WhyDiffers.UNDONE))
                by_hand = next(_by_hand(here.estimate, f"on contract {line.key.contract_id}"))
                yield (
                    f"Posted as Timus says, although it was undone {who}. {counted(abs(here.seat_days), 'seat-day')} of "
                    f"{', '.join(line.skus)}, {here.first} to {here.last}: these days were past changing before the opposite was made. "
                    f"If they should not be so: {by_hand}."
                )

    def _passed_without_line(self) -> Iterator[Passed]:
        """Units that have no line, on days that are posted on a contract of their customer."""
        for one in self._without_line([*each_day(self._first, self._last)]):
            days = [(day, -units) for day, units in one.days if self._has_posted(one.customer, day)]
            if days:
                money = money_of_days(days, one.price, BillingSchedule(self._first))
                unmapped = one.because is WhyDiffers.UNMAPPED
                yield Passed(
                    None,
                    one.customer,
                    one.because,
                    days[0][0],
                    days[-1][0],
                    sum(units for _, units in days),
                    money,
                    (*([remedy_of(one.parked)] if unmapped else []), *_by_hand(money, "for this client")),
                    skus=(one.sku,),
                    comes=unmapped,
                )

    def _without_line(self, days: Sequence[date]) -> Iterator[UnplacedUnits]:
        """Units that nobody has mapped to a line, and those of days before the first one that was chosen, as far as nobody billed them by hand."""
        yield from without_line(self._books, days)
        for one in without_line(self._books, days, WhyDiffers.BEFORE):
            _, key = price_of_sku(self._books, one.customer, one.sku)
            billed = self._books.lines[key].has if key else NOTHING
            yield replace(
                one,
                days=tuple((day, more) for day, units in one.days if (more := units - billed.at(day)) > 0),
            )

    def _has_posted(self, customer: str, day: date) -> bool:
        """Whether a day is posted on a contract of a customer."""
        mapping = self._books.customers[customer].mapping
        on = [row for id_ in (mapping.contract_ids if mapping else ()) for row in self._in.get(id_, ())]
        return any(row.posted and row.start <= day <= row.end for row in on)

    def _superseded(self) -> Iterator[tuple[str, str, BookLine | None, Decimal | None, Timeline]]:
        """(customer, SKU, its line, price, units that are lacking) of what Timus had by superseded events."""
        for (customer, sku), units in self._books.superseded.items():
            price, key = price_of_sku(self._books, customer, sku)
            yield customer, sku, self._books.lines[key] if key else None, price.price, units

    def _passed_superseded(self) -> Iterator[Passed]:
        """What superseded events say of days that were posted without it."""
        month = [*each_day(self._first, self._last)]
        for customer, sku, line, price, units in self._superseded():
            of = (
                [*self._posted_days(line, self._first, self._last)]
                if line
                else [day for day in month if self._has_posted(customer, day)]
            )
            for side in too_few_and_too_many([(day, units.at(day)) for day in of]):
                days = [(day, -lacking) for day, lacking in side]
                money = money_of_days(days, price, self._schedule(line))
                yield Passed(
                    line.key if line else None,
                    customer,
                    WhyDiffers.SUPERSEDED,
                    days[0][0],
                    days[-1][0],
                    sum(each for _, each in days),
                    money,
                    tuple(_by_hand(money, "for this client")),
                    skus=(sku,),
                )

    def _superseded_in_no_posting(self, not_posted: Collection[NotPosted]) -> Iterator[InNoPosting]:
        """What superseded events say of days that no posting has."""
        for customer, sku, line, price, units in self._superseded():
            told = self._told(line, not_posted) if line else {*self._days_of(customer, not_posted)}
            days = [
                (day, -lacking)
                for day in self._days_until_today()
                if day not in told and (lacking := units.at(day)) > 0
            ]
            if days:
                money = money_of_days(days, price, self._schedule(line))
                yield _in_no_posting(
                    line.key if line else None, customer, (sku,), WhyDiffers.SUPERSEDED, days, money
                )

    def _schedule(self, line: BookLine | None) -> BillingSchedule:
        return line.contract.schedule if line and line.contract else BillingSchedule(self._first)

    def _told(self, line: BookLine, not_posted: Collection[NotPosted]) -> set[date]:
        """Days of a line that are posted, or of a billing period that is still to be posted."""
        told = {*self._posted_days(line, self._first, self._last)}
        return told | self._days_to_post(not_posted, [line.key.contract_id], line.key)

    def _days_of(self, customer: str, not_posted: Collection[NotPosted]) -> Iterator[date]:
        """The same of all contracts of a customer."""
        mapping = self._books.customers[customer].mapping
        yield from self._days_to_post(not_posted, mapping.contract_ids if mapping else ())
        yield from (day for day in self._days_until_today() if self._has_posted(customer, day))

    def _lines_in_no_posting(self, not_posted: Collection[NotPosted]) -> Iterator[InNoPosting]:
        """Seats that lines lack on days that no posting has, each cause for itself."""
        for line in self._books.lines.values():
            told = self._told(line, not_posted)
            days: dict[WhyDiffers, list[tuple[date, int]]] = {}
            for day in self._days_until_today():
                if day in told:
                    continue
                for cause, units in billed_otherwise_on(line, day, self._books.today).items():
                    if units > 0 and cause not in (*NOT_LACKING, WhyDiffers.UNDONE, WhyDiffers.KEPT):
                        days.setdefault(cause, []).append((day, -units))
            schedule = self._schedule(line)
            customer = line.customers[0] if len(line.customers) == 1 else ""
            for cause, of in sorted(days.items()):
                yield _in_no_posting(
                    line.key, customer, line.skus, cause, of, money_of_days(of, line.price.price, schedule)
                )

    def _others_in_no_posting(self, not_posted: Collection[NotPosted]) -> Iterator[InNoPosting]:
        """Seats that no line has, on days on which nothing of their customer is posted, or still to be posted."""
        for one in self._without_line(self._days_until_today()):
            told = {*self._days_of(one.customer, not_posted)}
            days = [(day, -units) for day, units in one.days if day not in told]
            if days:
                money = money_of_days(days, one.price, BillingSchedule(self._first))
                yield _in_no_posting(None, one.customer, (one.sku,), one.because, days, money)

    def _days_until_today(self) -> Sequence[date]:
        return [*each_day(self._first, min(self._last, self._books.today))]

    def _days_to_post(
        self, not_posted: Iterable[NotPosted], contract_ids: Collection[int], key: LineKey | None = None
    ) -> set[date]:
        """Days of billing periods that nobody has posted yet, of these contracts; and of one line, where the rest of its period is posted."""
        found = set[date]()
        for one in not_posted:
            if one.change is None and one.contract_id in contract_ids and one.line in (None, key):
                contract = self._books.contracts[one.contract_id]
                _, last = period_containing(one.first, contract.start, contract.months)
                found.update(each_day(one.first, min(last, contract.end)))
        return found

    def _periods(self, contract: Contract) -> tuple[date, date]:
        """From the first to the last day of the billing periods that have days in the month."""
        periods = [*periods_within(contract, self._first, self._last)]
        return (periods[0][0], periods[-1][1]) if periods else (self._last, self._first)

    def _posted_days(self, line: BookLine, first: date, last: date) -> Iterator[date]:
        """Those from ``first`` to ``last``. A service that was not on the contract yet has no rows: it was left out with what the others were posted."""
        on = self._in.get(line.key.contract_id, [])
        own = [
            row
            for row in on
            if row.service_id == line.key.service_id and not line.other_than(row.contract_service_id)
        ]
        for day in each_day(first, last):
            here = [row for row in own if row.start <= day <= row.end]
            if any(row.posted and row.start <= day <= row.end for row in here or on):
                yield day


def _decided_apart(passed: Iterable[Passed]) -> tuple[tuple[Passed, ...], tuple[Passed, ...]]:
    """What was posted other than it should, and what was decided so."""
    found: dict[bool, list[Passed]] = {False: [], True: []}
    for one in passed:
        found[one.cause in DECIDED].append(one)
    return tuple(found[False]), tuple(found[True])


def _in_no_posting(
    key: LineKey | None,
    customer: str,
    skus: tuple[str, ...],
    cause: WhyDiffers,
    days: Sequence[tuple[date, int]],
    money: Decimal | None,
) -> InNoPosting:
    total = sum(units for _, units in days)
    return InNoPosting(key, customer, skus, cause, days[0][0], days[-1][0], total, money)


def _stretch(line: BookLine, contract: Contract, lacking: Sequence[tuple[date, int]]) -> PostedDays:
    days = [(day, -units) for day, units in lacking]
    money = money_of_days(days, line.price.price, contract.schedule)
    return PostedDays(days[0][0], days[-1][0], sum(units for _, units in days), money)


def _ways(
    line: BookLine, cause: WhyDiffers, money: Decimal | None, whole: PostedDays | None
) -> Iterator[str]:
    """How days that are posted can still be brought right."""
    of = {"contract": line.key.contract_id, "service": line.key.service_id}
    billed = "it is billed as the term posted_period says"
    if not line.observed.contract_service_ids:
        billed = "it comes to the contract on its own day, and is billed with the next posting"
    if cause is WhyDiffers.HELD:
        yield f"{said(WayOut.APPROVE, **of)}: {billed}, shown first; or reject it"
    elif cause is WhyDiffers.DRIFT or waits_for_an_edit(line, [cause]):
        yield said(*ways_of_edit(line), **of)
    elif cause not in SETTLED:
        yield f"{said(WayOut.LOOK_AT_CONTRACT, **of)}: settle it; {billed}"
    yield from _by_hand(money, f"on contract {line.key.contract_id}{_in_all(whole)}")


def _ways_of_missing(contract_id: int, money: Decimal | None) -> Iterator[str]:
    """How a change of units that no item bills can still be billed."""
    yield "In Autotask: look whether its item was left out of Approve and Post, and post it"
    yield next(_by_hand(None if money is None else -money, f"on contract {contract_id}"))


def _by_hand(money: Decimal | None, where: str) -> Iterator[str]:
    about = f" of about {abs(money)}" if money else ""
    kind = "a credit" if money is not None and money > 0 else "a charge"
    yield f"In Autotask: {kind}{about} {where}"
    yield "In Autotask: un-post the period (void its invoice first), correct the units there, and post again"


def _in_all(whole: PostedDays | None) -> str:
    """What the days of other months add to it, within a sentence."""
    if whole is None:
        return ""
    about = f", about {abs(whole.estimate)} in all" if whole.estimate is not None else ""
    return f" for this month; its period goes beyond it: {whole.first} to {whole.last}{about}, each month in its own report"


def _fitting(of_day: Sequence[BillingItem], expected: int) -> Sequence[BillingItem]:
    """Those of a day's items that make its change of units: all of them, else the one that does alone, else none."""
    if sum((one.quantity for one in of_day), Decimal()) == expected:
        return of_day
    return [one for one in of_day if one.quantity == expected][:1]


def _before_a_change(of_day: Sequence[BillingItem], first: date) -> Sequence[BillingItem]:
    """Those of a day's items that stand although another change of the day came later: each of an adjustment, and the period's own one."""
    own = [one for one in of_day if _is_period(one, first)][:1]
    return [one for one in of_day if one.adjustment_id is not None or one in own]


def _order_of_left(one: NotPosted) -> tuple[int, date, LineKey, date]:
    return one.contract_id, one.first, one.line or NO_LINE, one.change.day if one.change else one.first


def _order(item: BillingItem) -> tuple[date, bool, int]:
    """The order in which the items of a period bill it: its own one first."""
    return item.day, item.adjustment_id is not None, item.id


def _together(items: Sequence[BillingItem]) -> Billed:
    """What items of one line in one period bill, in order."""
    units = sum((one.quantity for one in items), Decimal())
    return Billed(units, items[-1].rate) if items else Billed()


def _is_period(item: BillingItem, first: date) -> bool:
    """Whether it bills a period with the units of its first day, and no adjustment."""
    return item.adjustment_id is None and item.day == first


def _ours(of_day: Iterable[BillingItem], line: BookLine, first: date) -> Mapping[int, JournalEntry]:
    """By item: the adjustment of ours that it bills, each at most once.

    One that came after later periods were posted is billed once in each of them, on its first day. Autotask gives no id of an adjustment
    to who makes it, so day and units are compared.
    """
    left = [one for one in line.changes if one.outcome is Outcome.LANDED]
    found: dict[int, JournalEntry] = {}
    for item in of_day:
        if _is_period(item, first):
            continue
        for change in left:
            on_day = change.day == item.day or (change.day < item.day == first)
            if on_day and change.delta == item.quantity:
                found[item.id] = change
                left.remove(change)
                break
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    """What a row of a period begins with, beside the one before it."""

    units: int
    """More than the day before in the same period; on its first day, all of them."""
    posted: bool
    before: int = 0
    """Units of the day before in the same period."""
    new_price: tuple[Decimal, Decimal] | None = None
    """The price of one unit before and after it, where the units that were there have another one from this day on."""


NO_CHANGE = _Change(0, posted=True)


def _changes(rows: Iterable[UnitRow], of_period: int) -> Mapping[date, _Change]:
    """By day: what each row of one period of so many days changes."""
    found: dict[date, _Change] = {}
    before = 0
    price: Decimal | None = None
    for row in sorted(rows, key=lambda row: row.start):
        now = _price_in(row, of_period)
        new = (price, now) if price is not None and now is not None and abs(now - price) >= CENT else None
        found[row.start] = _Change(row.units - before, row.posted, before, new)
        before, price = row.units, now if now is not None else price
    return found


def _price_in(row: UnitRow, days: int) -> Decimal | None:
    """The price of one unit for a whole period of so many days, by the extended price of some of them; None: the row does not say it."""
    if row.price is None or not row.units:
        return None
    return rounded(row.price * days / (row.units * ((row.end - row.start).days + 1)))


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
        changes = _changes(of, days_of_period(books, key, begins))
        for day, change in _unbilled(changes, contract.start if before_it else None):
            if day != begins:
                carried += change.units - int(billed.get(day, 0))
            elif begun:  # what came from earlier periods is in its units, too
                carried = change.units - int(billed.get(day, 0))
            else:
                carried += change.units - units
        units = max(of, key=lambda row: row.start).units if of else 0
    return carried


def _unbilled(changes: Mapping[date, _Change], start: date | None) -> Iterator[tuple[date, _Change]]:
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


def periods_within(contract: Contract, first: date, last: date) -> Iterator[tuple[date, date]]:
    """The billing periods that have days in a month."""
    day = max(contract.start, first)
    while day <= min(last, contract.end):
        start, end = period_containing(day, contract.start, contract.months)
        yield start, min(end, contract.end)
        day = end + ONE_DAY
