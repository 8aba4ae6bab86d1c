"""What explains a billing item: the units of the days, and the adjustments. Pure.

A line's period is explained if its items make the units of each of its posted days: the period's own item gives those of its first day, and
each item of an adjustment changes them from its day on. So the sum of a day's items is what the units change by on that day. An item
that does not fit is named, and so is a change that no item bills.

Amounts are compared with quantity × rate × days that are left / days of the period; an item that brings a new price has in it what that does
to the units that were there. Four decimals are kept until an item is posted, and two afterwards, so up to a cent is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from timus_autotask.domain.days import each_day, period_containing
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.mapping import LineKey
from timus_autotask.ports.psa import BillingItem
from timus_autotask.watch.money import money_of_days, rounded
from timus_autotask.watch.month.books import BookLine, Books
from timus_autotask.watch.month.by_hand import by_hand
from timus_autotask.watch.month.periods import CENT, NO_CHANGE
from timus_autotask.watch.month.to_post import LinePeriod, ToPost, before_a_change, is_period


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
RIGHT_TOGETHER = "its amount is right together with the other items of its day"
END_MOVED = "If the contract's end was moved after it was posted, credit or charge the days between by hand"
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
    until: date | None = None
    """The day until which its amount goes, where that is not the last one of its period; None: no day explains the amount."""
    together: bool = False
    """Whether all items of its day together come to what they should: which of them has a new price in it, nobody can say."""
    price: tuple[Decimal, Decimal] | None = None
    """Of one that brought a new price, too, which the amount has in it for all units: the price of one unit before and after it."""

    @property
    def note(self) -> str:
        """What is to be said of its amount, for people; empty: nothing."""
        beside = RIGHT_TOGETHER if self.together and self._differs else ""
        return "; ".join(filter(None, (self._note_of_price, self._note_of_amount, beside)))

    @property
    def _note_of_price(self) -> str:
        if self.price is None:
            return ""
        before, after = self.price
        became = f"{before:.2f} became {after:.2f} for all units"
        if self.ours is not None and self.ours.price is not None:
            return f"with a new price by the terms: {became}"
        by_hand = f"with a new price, by hand: {became}"
        return by_hand if self.amount_differs else f"{by_hand}. {SET_BACK}"

    @property
    def _note_of_amount(self) -> str:
        if not self.amount_differs:
            return ""
        if self.until is not None:
            return f"{ANOTHER_AMOUNT}: it goes until {self.until}. {END_MOVED}"
        by_hand = "; it was made by hand: look at it in Autotask, and credit or charge by hand what should not be so"
        return ANOTHER_AMOUNT + (by_hand if self.by in (Explained.ELSEWHERE, Explained.PRICE) else "")

    @property
    def amount_differs(self) -> bool:
        """Whether the amount is another one than quantity, rate and days make, with what a new price does to the units that were there."""
        return self._differs and not self.together

    @property
    def _differs(self) -> bool:
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


def explained(
    books: Books, items: Sequence[BillingItem] | None, to_post: ToPost, first: date, last: date
) -> tuple[list[Item], list[MissingItem]]:
    """The items of a month, each with what explains it, and the changes that none bills."""
    return _Explanation(books, items, to_post, first, last).all()


class _Explanation:
    def __init__(
        self,
        books: Books,
        items: Sequence[BillingItem] | None,
        to_post: ToPost,
        first: date,
        last: date,
    ) -> None:
        self._books = books
        self._items = items
        self._to_post = to_post
        self._first = first
        self._last = last

    def all(self) -> tuple[list[Item], list[MissingItem]]:
        found, missing = [*self._others()], list[MissingItem]()
        if self._items is not None:
            for period in self._to_post.periods(self._first, self._last):
                these, lacks = self._period(period)
                found += these
                missing += lacks
        return sorted(found, key=lambda one: (one.item.contract_id, one.item.day, one.item.id)), missing

    def _in_month(self) -> Iterator[BillingItem]:
        return (item for item in self._items or () if self._first <= item.day <= self._last)

    def _others(self) -> Iterator[Item]:
        """Items that no line of ours accounts for."""
        for item in self._in_month():
            if item.contract_service_id in self._to_post.lines:
                continue
            if item.contract_service_id is not None:
                yield Item(item, None, Explained.NOT_OURS)
            else:
                yield Item(item, None, Explained.CREDIT if item.amount < 0 else Explained.TYPED)

    def _period(self, period: LinePeriod) -> tuple[list[Item], list[MissingItem]]:
        """The items of the month of one contract service in one period, and what they leave out."""
        line, first, last = period.line, period.first, period.last
        found, missing = list[Item](), list[MissingItem]()
        for day in period.days:
            change, of_day = period.changes.get(day, NO_CHANGE), period.items.get(day, ())
            fitting = _fitting(of_day, change.units)
            if self._to_post.waiting(period, day) is not None:
                fitting = before_a_change(of_day, first)
            elif change.units and not fitting:
                units = sum((one.quantity for one in of_day), Decimal())
                missing.append(self._missing(line, day, last, change.units, units))
            ours = _ours(of_day, line, first)
            found += _seen_together(
                [
                    self._explained(one, line, first, last, ours.get(one.id), fits=one in fitting)
                    for one in of_day
                ]
            )
        return found, missing

    def _missing(self, line: BookLine, day: date, last: date, expected: int, billed: Decimal) -> MissingItem:
        price, schedule = line.price.price, self._books.contracts[line.key.contract_id].schedule
        days = [(one, int(expected - billed)) for one in each_day(day, last)]
        money = money_of_days(days, price, schedule)
        ways = tuple(_ways_of_missing(line.key.contract_id, money))
        return MissingItem(line.key, day, expected, billed, money, line.skus, ways)

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
        if fits and is_period(item, first):
            by = Explained.PERIOD
        elif fits or not item.quantity:
            others = Explained.ELSEWHERE if item.quantity else Explained.PRICE
            by = Explained.OURS if ours is not None else others
        found = Item(item, line.key, by, ours)
        before = [Billed()] if by is Explained.PERIOD else [*self._billed_before(item, first, ours)]
        readings = [self._with_estimate(found, line, last, ours, billed) for billed in before]
        right = (one for one in readings if not one.amount_differs)
        return next(right, next((one for one in readings if one.until is not None), readings[0]))

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
        if not item.quantity and billed.rate is None:
            return replace(found, price=price)
        each = (item.quantity * rate + of_price) / ((end - start).days + 1)
        money = rounded(each * ((last - item.day).days + 1))
        found = replace(found, estimate=money, price=price)
        return replace(found, until=_billed_until(item, each, end)) if found.amount_differs else found


def _ways_of_missing(contract_id: int, money: Decimal | None) -> Iterator[str]:
    """How a change of units that no item bills can still be billed."""
    yield "In Autotask: look whether its item was left out of Approve and Post, and post it"
    yield next(by_hand(None if money is None else -money, f"on contract {contract_id}"))


def _seen_together(of_day: Sequence[Item]) -> Sequence[Item]:
    """The items of a day: where one has in it what another one lacks, all of them are right together."""
    estimates = [one.estimate for one in of_day if one.estimate is not None]
    apart = abs(sum((one.item.amount for one in of_day), Decimal()) - sum(estimates, Decimal()))
    if len(of_day) != len(estimates) or apart > CENT * len(of_day):
        return of_day
    return [replace(one, together=len(of_day) > 1, until=None) for one in of_day]


def _billed_until(item: BillingItem, each_day_costs: Decimal, end: date) -> date | None:
    """The one day until which an amount goes, in a period with this last day; None: there is none, or more than one."""
    days = [
        day
        for day in each_day(item.day, end)
        if abs(rounded(each_day_costs * ((day - item.day).days + 1)) - item.amount) <= CENT
    ]
    return days[0] if len(days) == 1 else None


def _fitting(of_day: Sequence[BillingItem], expected: int) -> Sequence[BillingItem]:
    """Those of a day's items that make its change of units: all of them, else the one that does alone, else none."""
    if sum((one.quantity for one in of_day), Decimal()) == expected:
        return of_day
    return [one for one in of_day if one.quantity == expected][:1]


def _order(item: BillingItem) -> tuple[date, bool, int]:
    """The order in which the items of a period bill it: its own one first."""
    return item.day, item.adjustment_id is not None, item.id


def _together(items: Sequence[BillingItem]) -> Billed:
    """What items of one line in one period bill, in order."""
    units = sum((one.quantity for one in items), Decimal())
    return Billed(units, items[-1].rate) if items else Billed()


def _ours(of_day: Iterable[BillingItem], line: BookLine, first: date) -> Mapping[int, JournalEntry]:
    """By item: the adjustment of ours that it bills, each at most once.

    One that came after later periods were posted is billed once in each of them, on its first day. Autotask gives no id of an adjustment
    to who makes it, so day and units are compared.
    """
    left = [one for one in line.changes if one.outcome is Outcome.LANDED]
    found: dict[int, JournalEntry] = {}
    for item in of_day:
        if is_period(item, first):
            continue
        for change in left:
            on_day = change.day == item.day or (change.day < item.day == first)
            if on_day and change.delta == item.quantity:
                found[item.id] = change
                left.remove(change)
                break
    return found
