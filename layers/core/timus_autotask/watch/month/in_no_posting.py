"""Days with seats that no posting has had, and that no billing period still to be posted has: nobody bills them by itself. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.domain.days import each_day, period_containing
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.watch.money import money_of_days
from timus_autotask.watch.month.books import BookLine, Books
from timus_autotask.watch.month.causes import WhyDiffers, billed_otherwise_on
from timus_autotask.watch.month.passed import NOT_LACKING
from timus_autotask.watch.month.postings import Postings, schedule_of
from timus_autotask.watch.month.to_post import NotPosted


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


def in_no_posting(
    books: Books, postings: Postings, not_posted: Collection[NotPosted], first: date, last: date
) -> tuple[InNoPosting, ...]:
    """Of the days of a month until today, beside what waits for a posting."""
    found = _InNoPosting(books, postings, not_posted, first, last)
    return (*found.of_lines(), *found.without_line(), *found.superseded())


class _InNoPosting:
    def __init__(
        self,
        books: Books,
        postings: Postings,
        not_posted: Collection[NotPosted],
        first: date,
        last: date,
    ) -> None:
        self._books = books
        self._postings = postings
        self._not_posted = not_posted
        self._first = first
        self._last = last

    def of_lines(self) -> Iterator[InNoPosting]:
        """Seats that lines lack on days that no posting has, each cause for itself."""
        for line in self._books.lines.values():
            told = self._told(line)
            days: dict[WhyDiffers, list[tuple[date, int]]] = {}
            for day in self._days_until_today():
                if day in told:
                    continue
                for cause, units in billed_otherwise_on(line, day, self._books.today).items():
                    if units > 0 and cause not in (*NOT_LACKING, WhyDiffers.UNDONE, WhyDiffers.KEPT):
                        days.setdefault(cause, []).append((day, -units))
            schedule = schedule_of(line, self._first)
            customer = line.customers[0] if len(line.customers) == 1 else ""
            for cause, of in sorted(days.items()):
                yield _of_days(
                    line.key, customer, line.skus, cause, of, money_of_days(of, line.price.price, schedule)
                )

    def without_line(self) -> Iterator[InNoPosting]:
        """Seats that no line has, on days on which nothing of their customer is posted, or still to be posted."""
        for one in self._postings.without_line(self._days_until_today()):
            told = {*self._days_of(one.customer)}
            days = [(day, -units) for day, units in one.days if day not in told]
            if days:
                money = money_of_days(days, one.price, BillingSchedule(self._first))
                yield _of_days(None, one.customer, (one.sku,), one.because, days, money)

    def superseded(self) -> Iterator[InNoPosting]:
        """What superseded events say of days that no posting has."""
        for customer, sku, line, price, units in self._postings.superseded():
            told = self._told(line) if line else {*self._days_of(customer)}
            days = [
                (day, -lacking)
                for day in self._days_until_today()
                if day not in told and (lacking := units.at(day)) > 0
            ]
            if days:
                money = money_of_days(days, price, schedule_of(line, self._first))
                yield _of_days(
                    line.key if line else None, customer, (sku,), WhyDiffers.SUPERSEDED, days, money
                )

    def _told(self, line: BookLine) -> set[date]:
        """Days of a line that are posted, or of a billing period that is still to be posted."""
        told = {*self._postings.days_of(line, self._first, self._last)}
        return told | self._days_to_post([line.key.contract_id], line.key)

    def _days_of(self, customer: str) -> Iterator[date]:
        """The same of all contracts of a customer."""
        mapping = self._books.customers[customer].mapping
        yield from self._days_to_post(mapping.contract_ids if mapping else ())
        yield from (day for day in self._days_until_today() if self._postings.has(customer, day))

    def _days_until_today(self) -> Sequence[date]:
        return [*each_day(self._first, min(self._last, self._books.today))]

    def _days_to_post(self, contract_ids: Collection[int], key: LineKey | None = None) -> set[date]:
        """Days of billing periods that nobody has posted yet, of these contracts; and of one line, where the rest of its period is posted."""
        found = set[date]()
        for one in self._not_posted:
            if (
                (one.change is None or one.whole)
                and one.contract_id in contract_ids
                and one.line in (None, key)
            ):
                contract = self._books.contracts[one.contract_id]
                _, last = period_containing(one.first, contract.start, contract.months)
                found.update(each_day(one.first, min(last, contract.end)))
        return found


def _of_days(
    key: LineKey | None,
    customer: str,
    skus: tuple[str, ...],
    cause: WhyDiffers,
    days: Sequence[tuple[date, int]],
    money: Decimal | None,
) -> InNoPosting:
    total = sum(units for _, units in days)
    return InNoPosting(key, customer, skus, cause, days[0][0], days[-1][0], total, money)
