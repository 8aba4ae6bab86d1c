"""Posted days on which a line had other units than Timus says: what was held or late while somebody posted, and what people decided so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import each_day
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.reasons import WayOut
from timus_autotask.watch.money import money_of_days
from timus_autotask.watch.month.books import BookLine, Books
from timus_autotask.watch.month.by_hand import by_hand
from timus_autotask.watch.month.causes import (
    BY_TERMS,
    DECIDED,
    SETTLED,
    Decider,
    WhyDiffers,
    billed_otherwise_on,
    decided_by,
    too_few_and_too_many,
    undone_all_the_same_on,
    waits_for_an_edit,
    ways_of_edit,
)
from timus_autotask.watch.month.periods import periods_within
from timus_autotask.watch.month.postings import Postings, schedule_of
from timus_autotask.watch.remedy import remedy_of, said
from timus_autotask.watch.wording import counted

NOT_LACKING = (*BY_TERMS, WhyDiffers.BEFORE, WhyDiffers.SCHEDULED)
"""Causes of days that are as they should be."""


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


def passed(
    books: Books, postings: Postings, first: date, last: date
) -> tuple[tuple[Passed, ...], tuple[Passed, ...]]:
    """Of the days of a month: what was posted other than it should, and what was decided so."""
    found = _Passed(books, postings, first, last)
    return _decided_apart([*found.of_lines(), *found.without_line(), *found.superseded()])


def undone_all_the_same(books: Books, postings: Postings, first: date, last: date) -> Iterator[str]:
    """For people: posted days of a month that are billed as Timus says, although a person undid it."""
    for line in books.lines.values():
        if line.contract is None:
            continue
        days = [
            (day, undone_all_the_same_on(line, day, books.today))
            for day in postings.days_of(line, first, last)
        ]
        for side in too_few_and_too_many(days):
            here = _stretch(line, line.contract, [(day, -units) for day, units in side])
            who = "; ".join(one.words for one in decided_by(line, WhyDiffers.UNDONE))
            way = next(by_hand(here.estimate, f"on contract {line.key.contract_id}"))
            yield (
                f"Posted as Timus says, although it was undone {who}. {counted(abs(here.seat_days), 'seat-day')} of "
                f"{', '.join(line.skus)}, {here.first} to {here.last}: these days were past changing before the opposite was made. "
                f"If they should not be so: {way}."
            )


class _Passed:
    def __init__(self, books: Books, postings: Postings, first: date, last: date) -> None:
        self._books = books
        self._postings = postings
        self._first = first
        self._last = last

    def of_lines(self) -> Iterator[Passed]:
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
        for day in self._postings.days_of(line, *self._periods(contract)):
            for cause, units in billed_otherwise_on(line, day, self._books.today).items():
                if cause not in NOT_LACKING:
                    comes = cause not in SETTLED and not line.is_shut(day)
                    days.setdefault((cause, comes), []).append((day, units))
        for (cause, comes), every in sorted(days.items()):
            yield from ((cause, comes, side) for side in too_few_and_too_many(every))

    def without_line(self) -> Iterator[Passed]:
        """Units that have no line, on days that are posted on a contract of their customer."""
        for one in self._postings.without_line([*each_day(self._first, self._last)]):
            days = [(day, -units) for day, units in one.days if self._postings.has(one.customer, day)]
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
                    (*([remedy_of(one.parked)] if unmapped else []), *by_hand(money, "for this client")),
                    skus=(one.sku,),
                    comes=unmapped,
                )

    def superseded(self) -> Iterator[Passed]:
        """What superseded events say of days that were posted without it."""
        month = [*each_day(self._first, self._last)]
        for customer, sku, line, price, units in self._postings.superseded():
            of = (
                [*self._postings.days_of(line, self._first, self._last)]
                if line
                else [day for day in month if self._postings.has(customer, day)]
            )
            for side in too_few_and_too_many([(day, units.at(day)) for day in of]):
                days = [(day, -lacking) for day, lacking in side]
                money = money_of_days(days, price, schedule_of(line, self._first))
                yield Passed(
                    line.key if line else None,
                    customer,
                    WhyDiffers.SUPERSEDED,
                    days[0][0],
                    days[-1][0],
                    sum(each for _, each in days),
                    money,
                    tuple(by_hand(money, "for this client")),
                    skus=(sku,),
                )

    def _periods(self, contract: Contract) -> tuple[date, date]:
        """From the first to the last day of the billing periods that have days in the month."""
        periods = [*periods_within(contract, self._first, self._last)]
        return (periods[0][0], periods[-1][1]) if periods else (self._last, self._first)


def _decided_apart(passed: Iterable[Passed]) -> tuple[tuple[Passed, ...], tuple[Passed, ...]]:
    """What was posted other than it should, and what was decided so."""
    found: dict[bool, list[Passed]] = {False: [], True: []}
    for one in passed:
        found[one.cause in DECIDED].append(one)
    return tuple(found[False]), tuple(found[True])


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
    yield from by_hand(money, f"on contract {line.key.contract_id}{_in_all(whole)}")


def _in_all(whole: PostedDays | None) -> str:
    """What the days of other months add to it, within a sentence."""
    if whole is None:
        return ""
    about = f", about {abs(whole.estimate)} in all" if whole.estimate is not None else ""
    return f" for this month; its period goes beyond it: {whole.first} to {whole.last}{about}, each month in its own report"
