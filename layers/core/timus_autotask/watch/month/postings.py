"""Which days are posted, of a line and of a customer, and what no line has on them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from timus_autotask.domain.days import each_day
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.month.books import BookLine, Books, price_of_sku
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.ready import UnplacedUnits, without_line
from timus_autotask.watch.month.to_post import ToPost


class Postings:
    """The days that somebody has posted."""

    def __init__(self, books: Books, to_post: ToPost) -> None:
        self._books = books
        self._to_post = to_post

    def days_of(self, line: BookLine, first: date, last: date) -> Iterator[date]:
        """Those from ``first`` to ``last``. A service that was not on the contract yet has no rows: it was left out with what the others were posted."""
        on = self._to_post.on.get(line.key.contract_id, [])
        own = [
            row
            for row in on
            if row.service_id == line.key.service_id and not line.other_than(row.contract_service_id)
        ]
        for day in each_day(first, last):
            here = [row for row in own if row.start <= day <= row.end]
            if any(row.posted and row.start <= day <= row.end for row in here or on):
                yield day

    def has(self, customer: str, day: date) -> bool:
        """Whether a day is posted on a contract of a customer."""
        mapping = self._books.customers[customer].mapping
        on = [
            row for id_ in (mapping.contract_ids if mapping else ()) for row in self._to_post.on.get(id_, ())
        ]
        return any(row.posted and row.start <= day <= row.end for row in on)

    def without_line(self, days: Sequence[date]) -> Iterator[UnplacedUnits]:
        """Units that nobody has mapped to a line, and those of days before the first one that was chosen, as far as nobody billed them by hand."""
        yield from without_line(self._books, days)
        for one in without_line(self._books, days, WhyDiffers.BEFORE):
            _, key = price_of_sku(self._books, one.customer, one.sku)
            billed = self._books.lines[key].has if key else NOTHING
            yield replace(
                one,
                days=tuple((day, more) for day, units in one.days if (more := units - billed.at(day)) > 0),
            )

    def superseded(self) -> Iterator[tuple[str, str, BookLine | None, Decimal | None, Timeline]]:
        """(customer, SKU, its line, price, units that are lacking) of what Timus had by superseded events."""
        for (customer, sku), units in self._books.superseded.items():
            price, key = price_of_sku(self._books, customer, sku)
            yield customer, sku, self._books.lines[key] if key else None, price.price, units


def schedule_of(line: BookLine | None, first: date) -> BillingSchedule:
    """The billing periods of a line; without a contract, months from a day on."""
    return line.contract.schedule if line and line.contract else BillingSchedule(first)
