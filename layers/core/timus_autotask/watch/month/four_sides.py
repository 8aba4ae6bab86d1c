"""What the partner pays Timus for, beside what Timus reports, what Autotask has and what was posted: four sides of a month. Pure.

All is counted in seat-days. Between two sides that stand beside each other, each difference has one kind, so for each row
paid - billed = the sum of its differences, exactly. On a day, one kind may make up for another: what is paid and billed to nobody, and what
is billed and not paid for, is what is left of the two sides on each day of each row. Billed is what was posted, and on days that nobody has posted yet the units that
Autotask has; so are units that the next posting bills in posted periods, by changes of earlier ones. Money is an estimate at the client's price, but for what the invoice says itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import TypeVar

from timus_autotask.domain.days import ONE_DAY, each_day
from timus_autotask.domain.history import joined
from timus_autotask.domain.mapping import LineKey, in_force
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.psa import BillingItem, UnitRow
from timus_autotask.watch.money import rounded
from timus_autotask.watch.month.books import (
    NO_COSTS,
    UNKNOWN,
    BookLine,
    Books,
    days_of_period,
    price_without_line,
)
from timus_autotask.watch.month.bring_back import bring_back
from timus_autotask.watch.month.causes import BY_TERMS, WhyDiffers, ended
from timus_autotask.watch.month.ledger import LedgerEntry, Missed, entries_of, trial
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.month.periods import periods_within
from timus_autotask.watch.month.to_post import carried_into, comes
from timus_autotask.watch.names import NOBODY, Directory

NO_MONEY = Decimal("0.00")


class Between(StrEnum):
    """Why two sides differ that the ledger does not compare."""

    UNKNOWN = "unknown-name"
    """The invoice names a customer or a product that nobody knows."""
    NOT_IN_TIMUS = "not-in-timus"
    """It is on the invoice, and Timus has reported no such seats."""
    NOT_INVOICED = "not-invoiced"
    """Timus has reported it, and it is not on the invoice."""
    POOLED_MINIMUM = "pooled-minimum"
    """The invoice brings all customers together to the minimum that the partner owes."""
    NOT_POSTED = "not-posted"
    """Autotask has the units, the days are posted, and no item bills them, nor will the next posting."""
    POSTED_MORE = "posted-more"
    """Items bill more than the units of the days."""
    NO_SUBSCRIPTION = "no-subscription"
    """A service of Timus is on a contract, and no subscription maps to it."""

    @property
    def label(self) -> str:
        """For people."""
        return _WORDS[self]


_WORDS = {
    Between.UNKNOWN: "a name that nobody knows",
    Between.NOT_IN_TIMUS: "on the invoice, not reported by Timus",
    Between.NOT_INVOICED: "reported by Timus, not on the invoice",
    Between.POOLED_MINIMUM: "in the minimum that you owe",
    Between.NOT_POSTED: "in Autotask, and no item bills it",
    Between.POSTED_MORE: "posted beyond the units",
    Between.NO_SUBSCRIPTION: "on a contract without a subscription",
}
DifferenceKind = Between | WhyDiffers
KINDS: tuple[DifferenceKind, ...] = (*Between, *WhyDiffers)
RIGHTLY = (*BY_TERMS, Between.POOLED_MINIMUM)
"""So by the partner's own terms: nothing is to be done about it."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A row of the invoice."""

    row: int
    customer: str
    """The id; as it is written, where nobody knows it; empty: the partner's own."""
    sku: str
    units: int
    """Negative: a credit."""
    first: date
    last: date
    amount: Decimal | None = None
    known: bool = True
    """Whether customer and SKU are known to us."""

    @property
    def timeline(self) -> Timeline:
        """Its units by day."""
        return NOTHING.add_from(self.first, self.units).add_from(self.last + ONE_DAY, -self.units)

    def within(self, first: date, last: date) -> int:
        """How many of its days are in a stretch."""
        return max(0, (min(self.last, last) - max(self.first, first)).days + 1)


@dataclass(frozen=True, slots=True)
class Invoice:
    """What Timus charges, as a file says."""

    charges: tuple[Charge, ...]
    by_customer: bool = True
    """False: it names no customers. Then each is taken to be charged what Timus reports, and the rest is the partner's own."""


@dataclass(frozen=True, slots=True)
class SideDifference:
    """Between two sides."""

    kind: DifferenceKind
    seat_days: int
    """By how much more is paid than billed; negative: less."""
    estimate: Decimal | None
    """What that comes to at the client's price, likewise; None: no price is known."""

    @property
    def rightly(self) -> bool:
        """Whether the terms make it so."""
        return self.kind in RIGHTLY


@dataclass(frozen=True, slots=True)
class SideRow:
    """A customer's SKU, or several that are billed on one line, on all four sides."""

    customer: str
    """As the invoice writes it, where nobody knows it. Empty: the partner's own, or a line that several customers share."""
    skus: tuple[str, ...]
    keys: tuple[LineKey, ...]
    paid: int
    """Seat-days on the invoice, like those that follow."""
    timus: int
    """As Timus reports, without trials."""
    autotask: int
    posted: int
    to_post: int
    """Autotask's on days that nobody has posted yet, without what was posted of them, and what the next posting bills in posted periods; all, if billing
    items may not be read."""
    differences: tuple[SideDifference, ...]
    paid_not_billed: int = 0
    """Seat-days by which more is paid than billed, of the days on which it is more."""
    billed_not_paid: int = 0
    """The same of the days on which it is less; a positive number."""
    estimate_paid_not_billed: Decimal | None = None
    """What that comes to at the client's price; None: no price is known."""
    estimate_billed_not_paid: Decimal | None = None
    amount: Decimal | None = None
    """What the invoice charges; None: it says no amounts, or nothing of this."""
    estimate: Decimal | None = None
    """What Autotask's units come to; None: no price is known."""
    bring_back: tuple[str, ...] = ()
    """The commands that bring back what was undone on its lines; empty: none does, or nothing was."""

    @property
    def billed(self) -> int:
        """Seat-days that are billed, or will be."""
        return self.posted + self.to_post

    @property
    def differs(self) -> bool:
        """Whether the sides are not the same, on some day."""
        return bool(self.differences or self.paid_not_billed or self.billed_not_paid)

    @property
    def tells_something(self) -> bool:
        """Whether there is anything to be shown of it."""
        return self.differs or any(getattr(self, side) for side in SIDES)

    @property
    def adds_up(self) -> bool:
        """Whether no difference is missing and none counted twice."""
        return self.paid - self.billed == sum(one.seat_days for one in self.differences)

    @property
    def margin(self) -> Decimal | None:
        """What the partner keeps, estimated: what the units come to, less what the invoice charges."""
        return None if self.estimate is None or self.amount is None else self.estimate - self.amount


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What of a SKU all customers together have less than the partner owes Timus."""

    sku: str
    minimum: int
    most: int
    """Units that are missing on the worst day."""
    seat_days: int
    paid: int
    """Seat-days of it that are on the invoice as the partner's own."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows together."""

    paid: int
    timus: int
    autotask: int
    posted: int
    to_post: int
    paid_not_billed: int
    """Seat-days that the partner pays for and bills to nobody."""
    billed_not_paid: int
    """Seat-days that he bills and does not pay for."""
    estimate_paid_not_billed: Decimal
    estimate_billed_not_paid: Decimal
    amount: Decimal | None
    estimate: Decimal
    without_price: int
    """Differences without a known price; their money is not in it."""
    kinds: Mapping[DifferenceKind, int]
    """Seat-days by kind."""

    @property
    def billed(self) -> int:
        """Seat-days that are billed, or will be."""
        return self.posted + self.to_post


@dataclass(frozen=True, slots=True)
class FourSides:
    """The report of a month."""

    month: date
    until: date
    """The last day that is compared: the month's last, or today."""
    rows: tuple[SideRow, ...]
    shortfalls: tuple[Shortfall, ...] = ()
    outside: int = 0
    """Seat-days of the file on other days: of other months, or still to come."""
    amount_outside: Decimal = Decimal("0.00")
    """What it charges for them, by days."""
    posted_read: bool = True
    """False: the API user may not read billing items; what Autotask has stands for them."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Sum:
        """All rows together."""
        every = [one for row in self.rows for one in row.differences]
        return Sum(
            **{side: sum(getattr(row, side) for row in self.rows) for side in SIDES},
            paid_not_billed=sum(row.paid_not_billed for row in self.rows),
            billed_not_paid=sum(row.billed_not_paid for row in self.rows),
            estimate_paid_not_billed=_sum(row.estimate_paid_not_billed for row in self.rows),
            estimate_billed_not_paid=_sum(row.estimate_billed_not_paid for row in self.rows),
            amount=_amount(self.rows),
            estimate=_sum(row.estimate for row in self.rows),
            without_price=len([one for one in every if one.estimate is None]),
            kinds=_by_kind(every),
        )

    @property
    def open(self) -> tuple[SideDifference, ...]:
        """The differences that are not by the terms."""
        return tuple(one for row in self.rows for one in row.differences if not one.rightly)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((one for one in amounts if one is not None), NO_MONEY)


def _amount(rows: Iterable[SideRow]) -> Decimal | None:
    amounts = [row.amount for row in rows if row.amount is not None]
    return _sum(amounts) if amounts else None


def _by_kind(differences: Iterable[SideDifference]) -> Mapping[DifferenceKind, int]:
    found = Counter[DifferenceKind]()
    for one in differences:
        found[one.kind] += one.seat_days
    return {kind: found[kind] for kind in KINDS if kind in found}


SIDES = ("paid", "timus", "autotask", "posted", "to_post")


def four_sides(
    books: Books,
    month: date,
    invoice: Invoice,
    items: Sequence[BillingItem] | None,
    missed: Mapping[tuple[str, str], Missed],
    pooled_minimum: Mapping[str, int],
) -> FourSides:
    """A month on all four sides. ``missed`` are units by superseded events; ``items`` None: they may not be read."""
    first, last = month_of(month)
    return _Comparison(books, first, last, invoice, missed, pooled_minimum).all(items)


@dataclass
class _Group:
    """What is counted of one row."""

    customer: str
    skus: set[str]
    keys: set[LineKey] = field(default_factory=set)
    sides: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    days: dict[DifferenceKind, int] = field(default_factory=lambda: defaultdict(int))
    parts: dict[DifferenceKind, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Units × part of a period, of what the ledger has no money for."""
    money: dict[DifferenceKind, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    left: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    """Paid less billed, by day."""
    amount: Decimal | None = None
    estimate: Decimal = NO_MONEY
    priced: bool = True

    @property
    def key(self) -> LineKey | None:
        return min(self.keys) if self.keys else None

    def differ(self, kind: DifferenceKind, units: int, of_period: int) -> None:
        """On one day."""
        if units:
            self.days[kind] += units
            self.parts[kind] += Decimal(units) / of_period

    def bill(self, side: str, day: date, units: int) -> None:
        """Units that are billed on one day: ``posted``, or ``to_post``."""
        self.sides[side] += units
        self.left[day] -= units

    def take(self, entry: LedgerEntry) -> None:
        """What the ledger has of it. A trial is in neither side."""
        days, money = entry.seat_days, entry.estimate
        self.sides["timus"] += days.used + days.granted.get(WhyDiffers.TRIAL, 0)
        self.sides["autotask"] += days.billed
        for why, number in _signed(days.causes, days.granted):
            self.days[why] += number
        if money is None:
            self.priced = self.priced and not days.billed and not days.causes
            return
        self.estimate += money.billed
        for why, amount in _signed(money.causes, money.granted):
            self.money[why] += amount

    def row(
        self, price: Decimal | None, of_period: Callable[[date], int], bring_back: Iterable[str]
    ) -> SideRow:
        """``price``: of a unit; ``of_period``: the days of the period that a day is in; ``bring_back``: commands."""

        def money_of(kind: DifferenceKind) -> Decimal | None:
            if kind in self.parts:
                return None if price is None else self.money[kind] + rounded(price * self.parts[kind])
            return self.money.get(kind) if self.priced else None

        def comes_to(these: Mapping[date, int]) -> Decimal | None:
            parts = (Decimal(units) / of_period(day) for day, units in these.items())
            return None if price is None else rounded(price * sum(parts, Decimal()))

        more = {day: units for day, units in self.left.items() if units > 0}
        less = {day: -units for day, units in self.left.items() if units < 0}
        return SideRow(
            self.customer,
            tuple(sorted(self.skus)),
            tuple(sorted(self.keys)),
            **self.sides,
            differences=tuple(
                SideDifference(kind, self.days[kind], money_of(kind)) for kind in KINDS if kind in self.days
            ),
            paid_not_billed=sum(more.values()),
            billed_not_paid=sum(less.values()),
            estimate_paid_not_billed=comes_to(more),
            estimate_billed_not_paid=comes_to(less),
            amount=self.amount,
            estimate=self.estimate if self.priced else None,
            bring_back=tuple(dict.fromkeys(bring_back)),
        )


N = TypeVar("N", int, Decimal)


def _signed(
    causes: Mapping[WhyDiffers, N], granted: Mapping[WhyDiffers, N]
) -> Iterator[tuple[WhyDiffers, N]]:
    yield from causes.items()
    yield from ((why, -number) for why, number in granted.items() if why is not WhyDiffers.TRIAL)


class _Comparison:
    def __init__(
        self,
        books: Books,
        first: date,
        last: date,
        invoice: Invoice,
        missed: Mapping[tuple[str, str], Missed],
        pooled_minimum: Mapping[str, int],
    ) -> None:
        self._books = books
        self._first = first
        self._last = last
        self._until = min(last, books.today)
        self._invoice = invoice
        self._missed = missed
        self._minimum = pooled_minimum
        self._groups: list[_Group] = []
        self._rows: dict[LineKey, dict[int, list[UnitRow]]] = {}
        for row in books.rows:
            of = self._rows.setdefault(LineKey(row.contract_id, row.service_id), {})
            of.setdefault(row.contract_service_id, []).append(row)
        self._paid_minimum = Counter[str]()
        self._within_minimum: dict[tuple[str, str], Counter[date]] = defaultdict(Counter)
        """By customer and SKU: units of a day that are charged with the minimum; negative: in place of the customer."""
        self._reported = {
            (one.id, sku): one.quantity(sku).plus(missed.get((one.id, sku), Missed()).units)
            for one in books.customers.values()
            for sku in one.skus
        }
        """What Timus has by customer and SKU, trials aside."""

    def all(self, items: Sequence[BillingItem] | None) -> FourSides:
        self._from_ledger()
        self._paid()
        for line in self._books.lines.values():
            self._posted(line, items)
        self._without_subscription()
        self._amounts()
        self._share_days()
        rows = [
            group.row(
                self._price(group),
                partial(days_of_period, self._books, group.key),
                self._ways_back(group),
            )
            for group in sorted(self._groups, key=lambda one: (one.customer, *sorted(one.skus)))
        ]
        inside = self._charged(lambda one: one.within(self._first, self._until))
        every = self._charged(lambda one: one.within(one.first, one.last))
        return FourSides(
            self._first,
            self._until,
            tuple(row for row in rows if row.tells_something),
            tuple(self._shortfalls()),
            every - inside,
            sum((one.amount for one in self._invoice.charges if one.amount), NO_MONEY)
            - sum((group.amount for group in self._groups if group.amount), NO_MONEY),
            items is not None,
            self._books.names,
            tuple(note for note in self._books.notes if note != NO_COSTS),  # the invoice says what it costs
        )

    def _ways_back(self, group: _Group) -> Iterator[str]:
        lines = (self._books.lines[key] for key in sorted(group.keys) if key in self._books.lines)
        yield from filter(None, (bring_back(line, self._books.today) for line in lines))

    # -- Rows

    def _group(self, customer: str, skus: Iterable[str], key: LineKey | None = None) -> _Group:
        """The row of a customer that has one of these SKUs, or this line. Rows that turn out to be one are joined."""
        named = {*skus}
        found = [
            one
            for one in self._groups
            if one.customer == customer
            and ((key is not None and key in one.keys) or (customer and one.skus & named))
        ]
        if not found:
            found = [_Group(customer, set())]
            self._groups.append(found[0])
        [group, *more] = found
        for other in more:
            self._groups.remove(other)
            _join(group, other)
        group.skus |= named
        if key is not None:
            group.keys.add(key)
        return group

    def _own(self, sku: str) -> _Group:
        """The partner's own row of a SKU."""
        found = next(
            (one for one in self._groups if not one.customer and not one.keys and sku in one.skus), None
        )
        if found is None:
            found = _Group("", {sku})
            self._groups.append(found)
        return found

    def _price(self, group: _Group) -> Decimal | None:
        lines = self._books.lines
        known = [lines[key].price.price for key in sorted(group.keys) if key in lines]
        known += [price_without_line(self._books, group.customer, sku).price for sku in sorted(group.skus)]
        known += [self._listed(sku) for sku in sorted(group.skus)]
        return next((price for price in known if price is not None), None)

    def _listed(self, sku: str) -> Decimal | None:
        """The catalogue's price of a SKU that is nobody's."""
        plan = self._books.plans.get(sku)
        choice = in_force(plan.choices, self._until) if plan else None
        return self._books.services.get(choice.service_id, UNKNOWN).price if choice else None

    def _days(self) -> Iterator[date]:
        return each_day(self._first, self._until)

    def _from_ledger(self) -> None:
        for entry in entries_of(self._books, self._first, self._until, self._missed):
            self._group(entry.customer, entry.skus, entry.key).take(entry)

    def _share_days(self) -> None:
        """Set the two sides against each other where one row has what is paid and another one what is billed.

        A line that several customers share bills all of them; and an invoice without customers pays for all of a SKU. What is left on a day
        stands in the rows that it is of.
        """
        for pool in self._pools():
            for day in sorted({day for row in pool for day in row.left}):
                more = sum(max(row.left[day], 0) for row in pool)
                less = sum(max(-row.left[day], 0) for row in pool)
                for sign in (1, -1):
                    rest = min(more, less)
                    for row in pool:
                        taken = min(rest, max(sign * row.left[day], 0))
                        row.left[day] -= sign * taken
                        rest -= taken

    def _pools(self) -> Iterator[list[_Group]]:
        """The rows of which one may have what is paid and another one what is billed of it."""
        together = [
            {
                number
                for number, row in enumerate(self._groups)
                if line.key in row.keys or (row.customer in line.customers and row.skus & {*line.skus})
            }
            for line in self._books.lines.values()
            if len(line.customers) > 1
        ]
        if not self._invoice.by_customer:
            skus = {sku for row in self._groups for sku in row.skus}
            together += [
                {number for number, row in enumerate(self._groups) if sku in row.skus} for sku in skus
            ]
        for numbers in joined(filter(None, together)):
            yield [self._groups[number] for number in sorted(numbers)]

    # -- The invoice beside Timus

    def _paid(self) -> None:
        paid: dict[tuple[str, str], Timeline] = defaultdict(lambda: NOTHING)
        unknown = {(one.customer, one.sku) for one in self._invoice.charges if not one.known}
        for one in self._invoice.charges:
            of = (one.customer if self._invoice.by_customer else "", one.sku)
            paid[of] = paid[of].plus(one.timeline)
        if not self._invoice.by_customer:
            unknown = {("", sku) for _, sku in unknown}
            for of, reported in self._reported.items():
                paid[of] = reported
                own = "", of[1]
                paid[own] = paid[own].minus(reported)
        if self._invoice.by_customer:
            for sku in self._minimum:
                self._dated_back_within_minimum(sku, paid)
        for customer, sku in sorted({*paid, *self._reported}):
            self._pay(customer, sku, paid[customer, sku], known=(customer, sku) not in unknown)

    def _dated_back_within_minimum(self, sku: str, paid: Mapping[tuple[str, str], Timeline]) -> None:
        """Units that customers have and are not charged for, as the invoice charges them with what it brings up to the minimum: they were dated back."""
        missing, own = self._missing(sku), paid.get(("", sku), NOTHING)
        for day in self._days() if own.steps else ():
            left = own.at(day) - missing.at(day)
            for of, reported in sorted(self._reported.items()):
                lacking = reported.at(day) - paid.get(of, NOTHING).at(day) if of[1] == sku else 0
                units = min(left, lacking)
                if units > 0:
                    left -= units
                    self._within_minimum[of][day] -= units
                    self._within_minimum["", sku][day] += units

    def _pay(self, customer: str, sku: str, paid: Timeline, *, known: bool) -> None:
        one = self._books.customers.get(customer)
        quantity = self._reported.get((customer, sku), NOTHING)
        on_trial = trial(one.subscriptions, sku) if one else NOTHING
        on_trial = on_trial.plus(self._missed.get((customer, sku), Missed()).trial)
        missing = self._missing(sku) if not customer else NOTHING
        if not any(timeline.steps for timeline in (paid, quantity)):
            return
        group = self._group(customer, (sku,)) if customer else self._own(sku)
        for day in self._days():
            within = self._within_minimum[customer, sku][day]
            more, of_period = (
                paid.at(day) - quantity.at(day) - within,
                days_of_period(self._books, group.key, day),
            )
            group.sides["paid"] += paid.at(day)
            group.left[day] += paid.at(day) - within
            group.differ(Between.POOLED_MINIMUM, within, of_period)
            if more < 0:
                group.differ(Between.NOT_INVOICED, more, of_period)
                continue
            of_minimum, of_trial = min(more, missing.at(day)), min(more, on_trial.at(day))
            self._paid_minimum[sku] += of_minimum
            group.differ(Between.POOLED_MINIMUM, of_minimum, of_period)
            group.differ(WhyDiffers.TRIAL, of_trial, of_period)
            rest = Between.NOT_IN_TIMUS if known else Between.UNKNOWN
            group.differ(rest, more - of_minimum - of_trial, of_period)

    def _amounts(self) -> None:
        """What is charged for the days that are compared, row by row of the file, each rounded for itself."""
        for one in self._invoice.charges:
            if one.amount is None:
                continue
            days, inside = one.within(one.first, one.last), one.within(self._first, self._until)
            own = not self._invoice.by_customer or not one.customer
            group = self._own(one.sku) if own else self._group(one.customer, (one.sku,))
            group.amount = (group.amount or NO_MONEY) + rounded(one.amount * inside / days)

    def _charged(self, days: Callable[[Charge], int]) -> int:
        return sum(one.units * days(one) for one in self._invoice.charges)

    # -- The minimum

    def _missing(self, sku: str) -> Timeline:
        """By how much all customers together have less of a SKU than the partner owes."""
        least = self._minimum.get(sku, 0)
        used = NOTHING
        for (_, each), timeline in self._reported.items():
            used = used.plus(timeline) if each == sku else used
        return Timeline.sampled(self._days(), lambda day: max(least - used.at(day), 0))

    def _shortfalls(self) -> Iterator[Shortfall]:
        for sku, least in sorted(self._minimum.items()):
            missing = self._missing(sku)
            by_day = [missing.at(day) for day in self._days()]
            yield Shortfall(sku, least, max(by_day), sum(by_day), self._paid_minimum[sku])

    # -- Autotask beside what was posted

    def _posted(self, line: BookLine, items: Sequence[BillingItem] | None) -> None:
        whose = line.customers[0] if len(line.customers) == 1 else ""
        these = items or ()
        posted, coming = self._billed_by_day(line, these), self._coming(line, these)
        parts = self._parts(line) if not whose else []
        if not posted.steps and not line.has.steps and not parts:
            return
        group = self._group(whose, line.skus, line.key)
        seen_from = line.observed.first_day or date.min
        for day in self._days():
            units = line.has.at(day)
            if items is None or day < seen_from:  # before it, another contract service was billed
                group.bill("to_post", day, units)
                self._bill_parts(group, parts, "to_post", day, line)
                continue
            group.bill("posted", day, posted.at(day))
            more, of_period = units - posted.at(day), days_of_period(self._books, line.key, day)
            closed = line.observed.is_posted(day)
            if closed:
                group.bill("to_post", day, coming.at(day))
                more -= coming.at(day)
                group.differ(Between.NOT_POSTED if more > 0 else Between.POSTED_MORE, more, of_period)
            else:
                group.bill("to_post", day, more)
            self._bill_parts(group, parts, "posted" if closed or posted.at(day) else "to_post", day, line)

    def _parts(self, line: BookLine) -> list[tuple[_Group, Timeline]]:
        """Of a line that several customers share: the row of each, with his part by Timus and the terms."""
        sources = line.demand.sources if line.demand else ()
        return [
            (self._group(source.customer_id, (source.sku,), line.key), source.units) for source in sources
        ]

    @staticmethod
    def _bill_parts(
        rest: _Group, parts: Iterable[tuple[_Group, Timeline]], side: str, day: date, line: BookLine
    ) -> None:
        """Each customer is billed for his part, as the ledger has it; what a shared line bills beside the parts of all stands by itself."""
        for group, units in parts if not ended(line, day) else ():
            group.bill(side, day, units.at(day))
            rest.bill(side, day, -units.at(day))

    def _billed_by_day(self, line: BookLine, items: Iterable[BillingItem]) -> Timeline:
        """Units that items bill: from each one's day to the end of its period."""
        ids = self._rows_of(line)
        found = NOTHING
        if line.contract is None:
            return found
        periods = [*periods_within(line.contract, self._first, self._until)]
        for item in items:
            if item.contract_service_id not in ids:
                continue
            for first, last in periods:
                if first <= item.day <= last:
                    units = int(item.quantity)
                    found = found.add_from(item.day, units).add_from(last + ONE_DAY, -units)
        return found

    def _coming(self, line: BookLine, items: Sequence[BillingItem]) -> Timeline:
        """Units that the next posting bills in posted periods, because they are of changes of earlier periods that no posting has had."""
        found = NOTHING
        if line.contract is None:
            return found
        for id_, rows in self._rows_of(line).items():
            billed = Counter[date]()
            for item in items:
                if item.contract_service_id == id_:
                    billed[item.day] += int(item.quantity)
            for first, last in periods_within(line.contract, self._first, self._until):
                lacking = sum(row.units for row in rows if row.start == first) - billed[first]
                carried = carried_into(self._books, line.key, rows, items, first) if lacking else 0
                if comes(lacking, carried):
                    found = found.add_from(first, lacking).add_from(last + ONE_DAY, -lacking)
        return found

    def _rows_of(self, line: BookLine) -> Mapping[int, Sequence[UnitRow]]:
        """Autotask's rows of a line, by contract service."""
        rows = self._rows.get(line.key, {})
        return {id_: of for id_, of in rows.items() if not line.other_than(id_)}

    def _without_subscription(self) -> None:
        """Timus's services on contracts that we know, to which nothing maps."""
        books = self._books
        services = {key.service_id for key in books.lines}
        services |= {choice.service_id for plan in books.plans.values() for choice in plan.choices}
        for row in books.rows:
            key = LineKey(row.contract_id, row.service_id)
            if key in books.lines or row.service_id not in services or not row.units:
                continue
            group = self._group("", (), key)
            for day in self._days():
                if row.start <= day <= row.end:
                    group.sides["autotask"] += row.units
                    group.sides["posted" if row.posted else "to_post"] += row.units
                    group.left[day] -= row.units
                    group.differ(Between.NO_SUBSCRIPTION, -row.units, days_of_period(books, key, day))


def _join(group: _Group, other: _Group) -> None:
    group.skus |= other.skus
    group.keys |= other.keys
    group.priced = group.priced and other.priced
    group.estimate += other.estimate
    for side, number in other.sides.items():
        group.sides[side] += number
    for kind, days in other.days.items():
        group.days[kind] += days
    for kind, part in other.parts.items():
        group.parts[kind] += part
    for kind, money in other.money.items():
        group.money[kind] += money
    for day, units in other.left.items():
        group.left[day] += units
