"""The ledger: seat-days that were used in Timus against seat-days that are billed in Autotask, each difference with its cause. Pure.

A seat-day is one unit on one day. For each customer, line and month: used + granted by the terms - billed = the sum of the causes, exactly.
Money is an estimate, at the line's price of today; its parts are rounded first, so that they add up as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Generic, TypeVar

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.history import Subscription, version_of
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.placement import IGNORED, Placement
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.watch.money import rounded
from timus_autotask.watch.month.books import (
    UNKNOWN,
    BookLine,
    Books,
    LinePrice,
    days_of_period,
    price_of_sku,
    price_without_line,
)
from timus_autotask.watch.month.causes import WhyDiffers, billed_otherwise_on, ended, turns_of
from timus_autotask.watch.month.parked import EventEffect, costs, snapshot_in
from timus_autotask.watch.names import Directory

N = TypeVar("N", int, Decimal)


@dataclass(frozen=True, slots=True)
class Sums(Generic[N]):
    """Both sides, and what is between them. ``used`` + all of ``granted`` - ``billed`` = all of ``causes``."""

    used: N
    billed: N
    granted: Mapping[WhyDiffers, N]
    """By the terms, with their sign: free units are negative, a minimum is positive."""
    causes: Mapping[WhyDiffers, N]
    """Not billed; negative: billed too much."""
    lacking: Mapping[WhyDiffers, N] | None = field(default=None, compare=False)
    """Of the causes, what is not billed: the rest of each is billed too much, on other days or lines. None: each of them is one or the other."""

    @property
    def adds_up(self) -> bool:
        """Whether nothing is missing and nothing counted twice."""
        return self.used + sum(self.granted.values()) - self.billed == sum(self.causes.values())

    @property
    def not_billed(self) -> N | int:
        """Of the causes, what is used and not billed, since we came."""
        return sum(number for why, number in self._lacking.items() if why is not WhyDiffers.BEFORE)

    @property
    def too_many(self) -> N | int:
        """Of the causes, what is billed and not used, since we came; a positive number."""
        return self.not_billed - sum(
            number for why, number in self.causes.items() if why is not WhyDiffers.BEFORE
        )

    @property
    def causes_apart(self) -> tuple[tuple[WhyDiffers, N], ...]:
        """The causes, with what is not billed and, as a negative number, what is too much of each, so that one does not hide the other."""
        lacking = self._lacking
        sides = ((why, (lacking[why], number - lacking[why])) for why, number in self.causes.items())
        return tuple((why, number) for why, both in sides for number in both if number)

    @property
    def _lacking(self) -> Mapping[WhyDiffers, N]:
        if self.lacking is not None:
            return self.lacking
        return {why: max(number, number * 0) for why, number in self.causes.items()}

    def __add__(self, other: Sums[N]) -> Sums[N]:
        return Sums(
            self.used + other.used,
            self.billed + other.billed,
            _merged(self.granted, other.granted),
            _merged(self.causes, other.causes),
            _merged(self._lacking, other._lacking),
        )


def _merged(one: Mapping[WhyDiffers, N], other: Mapping[WhyDiffers, N]) -> Mapping[WhyDiffers, N]:
    found = dict(one)
    for why, number in other.items():
        found[why] = found[why] + number if why in found else number
    return {why: found[why] for why in WhyDiffers if why in found}


NO_DAYS: Sums[int] = Sums(0, 0, {}, {})
NO_MONEY: Sums[Decimal] = Sums(Decimal("0.00"), Decimal("0.00"), {}, {})


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one customer used and is billed on one line in one month."""

    customer: str
    """Empty: the line is shared by several customers, or nobody's any more."""
    key: LineKey | None
    """None: it has no line."""
    skus: tuple[str, ...]
    seat_days: Sums[int]
    estimate: Sums[Decimal] | None
    """None: no price is known."""
    cost: Decimal | None
    """What is billed costs the partner, estimated; None: costs are not known."""
    price: LinePrice = UNKNOWN

    @property
    def margin(self) -> Decimal | None:
        """What the partner keeps of what is billed, estimated."""
        return None if self.estimate is None or self.cost is None else self.estimate.billed - self.cost

    def plus(self, other: LedgerEntry) -> LedgerEntry:
        """Together with another month of the same line; its price is that of today in both."""
        one, more = self.estimate, other.estimate
        return replace(
            self,
            skus=tuple(sorted({*self.skus, *other.skus})),
            seat_days=self.seat_days + other.seat_days,
            estimate=None if one is None or more is None else one + more,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Total:
    """Entries together."""

    seat_days: Sums[int] = NO_DAYS
    estimate: Sums[Decimal] = NO_MONEY
    margin: Decimal | None = None
    """Of the entries with a known cost; None: there is none."""
    without_price: int = 0
    """Entries whose price is not known; their money is not in it."""


def total(entries: Iterable[LedgerEntry]) -> Total:
    """All of them together."""
    found, money, without, margins = NO_DAYS, NO_MONEY, 0, list[Decimal]()
    for entry in entries:
        found = found + entry.seat_days
        if entry.estimate is None:
            without += 1
        else:
            money = money + entry.estimate
        if entry.margin is not None:
            margins.append(entry.margin)
    return Total(found, money, sum(margins, Decimal("0.00")) if margins else None, without)


@dataclass(frozen=True, slots=True)
class UndecidedMonth:
    """What falls into one month of it."""

    first: date
    """The first day of the month."""
    seat_days: int
    estimate: Decimal | None
    sentence: str


@dataclass(frozen=True, slots=True)
class UndecidedEvent:
    """What a parked event says of a SKU beyond what counts, or short of it. It is in no sum: nobody has decided yet whether it counts."""

    event: EventRecord
    sku: str = ""
    """Empty: it says nothing else than what counts, it stands with another event, or it cannot be counted."""
    seat_days: int | None = None
    """From the ledger's first day until its last; None: nobody can say."""
    estimate: Decimal | None = None
    """What that comes to at the price of today; None: no price is known."""
    sentence: str = ""
    """The same for people, or why it cannot be counted."""
    months: tuple[UndecidedMonth, ...] = ()
    """Each month that has a part in it, oldest first; they add up to the whole."""
    key: LineKey | None = None
    """The line that bills the SKU; None: it has none."""
    price: LinePrice = UNKNOWN


@dataclass(frozen=True, slots=True)
class LedgerMonth:
    """A month of the ledger."""

    first: date
    last: date
    """Its last day, or today."""
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All months, oldest first."""

    months: tuple[LedgerMonth, ...]
    names: Directory = field(default_factory=Directory)
    notes: tuple[str, ...] = ()
    """What could not be read, and what does not add up."""
    undecided: tuple[UndecidedEvent, ...] = ()
    """Parked events, in order of arrival."""

    @property
    def years(self) -> Mapping[int, Total]:
        """The sums of each year, as far as its months are in it."""
        years = sorted({month.first.year for month in self.months})
        return {
            year: total(entry for month in self.months if month.first.year == year for entry in month.entries)
            for year in years
        }

    @property
    def by_line(self) -> tuple[LedgerEntry, ...]:
        """All months of each customer and line together, sorted."""
        found: dict[tuple[str, LineKey | None, tuple[str, ...]], LedgerEntry] = {}
        for entry in (one for month in self.months for one in month.entries):
            of = entry.customer, entry.key, () if entry.key else entry.skus
            found[of] = found[of].plus(entry) if of in found else entry
        return tuple(found.values())


# -- Making it


def months_between(first: date, last: date) -> Iterator[tuple[date, date]]:
    """First and last day of each month from that of ``first`` on; the last one ends with ``last``."""
    start = date.min.replace(year=first.year, month=first.month)
    while start <= last:
        _, end = period_containing(start, start, 1)
        yield start, min(end, last)
        start = end + ONE_DAY


def ledger(
    books: Books,
    since: date,
    late: Iterable[EventRecord] = (),
    customer: str | None = None,
    parked: Iterable[EventEffect] = (),
) -> Ledger:
    """The ledger from the month of ``since`` until today.

    ``late`` are events, of which the superseded ones count; ``parked`` what parked events would change.
    """
    missed = superseded_units(late, books.customers)
    found = []
    for first, last in months_between(since, books.today):
        entries = entries_of(books, first, last, missed)
        found.append(
            LedgerMonth(first, last, tuple(entry for entry in entries if customer in (None, entry.customer)))
        )
    waiting = [one for one in parked if customer in (None, one.event.customer_id)]
    waiting.sort(key=lambda one: (one.event.received_at, one.event.key))
    return Ledger(
        tuple(found),
        books.names,
        (*books.notes, *not_adding_up(found)),
        tuple(each for one in waiting for each in _undecided(books, one, since.replace(day=1))),
    )


def _undecided(books: Books, effect: EventEffect, first: date) -> Iterator[UndecidedEvent]:
    """One for each SKU, more and fewer apart, or one where there is nothing to count."""
    sentence = effect.sentence(first, books.today)
    of: dict[tuple[str, bool], list[UndecidedMonth]] = {}
    for begins, ends in months_between(first, books.today):
        said = effect.sentence(begins, ends)
        for cost in costs(effect, books, begins, ends):
            month = UndecidedMonth(begins, cost.seat_days, cost.estimate, said)
            of.setdefault((cost.sku, cost.seat_days < 0), []).append(month)
    for (sku, _), months in sorted(of.items()):
        price, key = price_of_sku(books, effect.event.customer_id, sku)
        seat_days = sum(one.seat_days for one in months)
        money = [one.estimate for one in months if one.estimate is not None]
        estimate = sum(money, Decimal()) if money else None
        yield UndecidedEvent(effect.event, sku, seat_days, estimate, sentence, tuple(months), key, price)
    if not of:
        yield UndecidedEvent(effect.event, seat_days=0 if effect.counted else None, sentence=sentence)


def not_adding_up(months: Iterable[LedgerMonth]) -> Iterator[str]:
    """For people: each entry whose sides and causes differ. That is a mistake of ours, so none of its numbers can be relied on."""
    for month in months:
        for entry in month.entries:
            if not (entry.seat_days.adds_up and (entry.estimate is None or entry.estimate.adds_up)):
                on = (
                    f" on contract {entry.key.contract_id}, service {entry.key.service_id}"
                    if entry.key
                    else ""
                )
                yield (
                    f"Do not rely on {month.first:%Y-%m} of {entry.customer or 'several customers'}{on} "
                    f"({', '.join(entry.skus)}): it does not add up. Please report it."
                )


def entries_of(
    books: Books, first: date, last: date, missed: Mapping[tuple[str, str], Missed]
) -> tuple[LedgerEntry, ...]:
    """What each customer used and is billed on each line on these days of one month. ``missed`` are units by superseded events."""
    sheet = _Sheet(books, first, last)
    for one in books.customers.values():
        for sku in one.skus:
            sheet.of_sku(one, sku, missed.get((one.id, sku), Missed()))
    for line in books.lines.values():
        sheet.of_line(line)
    return tuple(sheet.entries())


@dataclass(frozen=True, slots=True)
class Missed:
    """What Timus had of a SKU by superseded events, beyond what is known without them; negative: less."""

    units: Timeline = NOTHING
    trial: Timeline = NOTHING
    """Units in a trial, which are in none of the others."""

    def plus(self, other: Missed) -> Missed:
        """With those of another subscription."""
        return Missed(self.units.plus(other.units), self.trial.plus(other.trial))


def superseded_units(
    late: Iterable[EventRecord], customers: Mapping[str, Customer]
) -> dict[tuple[str, str], Missed]:
    """By customer and SKU: what Timus had by superseded events. Each day has the newest version that holds on it, theirs among the others."""
    of: dict[tuple[str, str], list[EventRecord]] = defaultdict(list)
    for event in late:
        if event.outcome == "superseded":
            of[event.customer_id, event.subscription_id].append(event)
    found: dict[tuple[str, str], Missed] = {}
    for (customer_id, subscription_id), events in of.items():
        customer = customers.get(customer_id)
        for known in customer.subscriptions if customer else ():
            if known.id == subscription_id:
                for sku, missed in _missed(known, events):
                    key = customer_id, sku
                    found[key] = found.get(key, Missed()).plus(missed)
    return found


def with_superseded(books: Books, late: Iterable[EventRecord]) -> Books:
    """The books with what Timus had by superseded events among these."""
    found = superseded_units(late, books.customers)
    return replace(books, superseded={of: missed.units for of, missed in found.items()})


def _missed(known: Subscription, late: Iterable[EventRecord]) -> Iterator[tuple[str, Missed]]:
    """By SKU, what the superseded events of a subscription say beyond what is known of it."""
    versions = [
        version_of(
            said, known.not_before(date.fromisoformat(event.day)), known.counted_from(said.occurred_at)
        )
        for event in late
        if (said := snapshot_in(event)) is not None
    ]
    whole = replace(
        known, versions=tuple(sorted((*known.versions, *versions), key=lambda version: version.number))
    )
    for sku in whole.skus:
        more, on_trial = whole.quantity(sku).minus(known.quantity(sku)), trial([whole], sku)
        yield sku, Missed(more, on_trial.minus(trial([known], sku)))


def granted(policy: Policy, sku: str, units: int) -> dict[WhyDiffers, int]:
    """What the terms make of Timus's units: what is free (negative), and what is billed on top."""
    if units <= 0:
        return {}
    if sku in policy.excluded:
        return {WhyDiffers.EXCLUDED: -units}
    free = min(units, policy.included.get(sku, 0))
    more = policy.billable(sku, units) - (units - free)
    return {
        why: number for why, number in ((WhyDiffers.INCLUDED, -free), (WhyDiffers.MINIMUM, more)) if number
    }


def trial(subscriptions: Iterable[Subscription], sku: str) -> Timeline:
    """Units in a trial by day, which are in none of the other numbers."""
    found = NOTHING
    for subscription in subscriptions:
        of = Timeline.of(())
        for version in subscription.versions:
            of = of.set_from(version.day, dict(version.items).get(sku, 0) if version.status == "trial" else 0)
            if version.ends is not None:
                of = of.set_from(version.ends, 0)
        found = found.plus(of)
    return found


class _Account:
    """What is counted of a customer on a line."""

    def __init__(self, price: LinePrice) -> None:
        self.price = price
        self.skus: set[str] = set()
        self.days: dict[str, dict[WhyDiffers | None, int]] = {
            "used": defaultdict(int),
            "billed": defaultdict(int),
            "granted": defaultdict(int),
            "causes": defaultdict(int),
            "lacking": defaultdict(int),
        }
        """``lacking``: of the causes, what is not billed; the rest is billed too much, and one does not hide the other."""
        self.periods: dict[str, dict[WhyDiffers | None, Decimal]] = {
            name: defaultdict(Decimal) for name in self.days
        }
        """The same in units × part of a period, not rounded."""

    def add(self, side: str, units: int, days: int, of_period: int, why: WhyDiffers | None = None) -> None:
        if units:
            self.days[side][why] += units * days
            self.periods[side][why] += Decimal(units * days) / of_period
        if side == "causes" and units > 0:
            self.add("lacking", units, days, of_period, why)

    def seat_days(self) -> Sums[int]:
        return Sums(
            sum(self.days["used"].values()),
            sum(self.days["billed"].values()),
            _named(self.days["granted"]),
            *self._causes(self.days, lambda number: number),
        )

    def estimate(self) -> Sums[Decimal] | None:
        price = self.price.price
        if price is None:
            return None
        billed = rounded(price * sum(self.periods["billed"].values(), Decimal()))
        by_terms = {why: rounded(price * part) for why, part in _named(self.periods["granted"]).items()}
        causes, lacking = self._causes(self.periods, lambda part: rounded(price * part))
        # The parts are rounded, and what was used is what they leave: so an estimate adds up too.
        zero = Decimal("0.00")
        used = billed + sum(causes.values(), zero) - sum(by_terms.values(), zero)
        return Sums(used, billed, by_terms, causes, lacking)

    def _causes(
        self, of: Mapping[str, Mapping[WhyDiffers | None, N]], shown: Callable[[N], N]
    ) -> tuple[Mapping[WhyDiffers, N], Mapping[WhyDiffers, N]]:
        """Every cause that there was, also where what it lacks and what it has too much make up for each other; and what it lacks."""
        every = [why for why in WhyDiffers if self.days["causes"].get(why) or self.days["lacking"].get(why)]
        causes, lacking = of["causes"], of["lacking"]
        return (
            {why: shown(causes[why]) for why in every},
            {why: shown(lacking.get(why, causes[why] * 0)) for why in every},
        )

    def cost(self) -> Decimal | None:
        cost = self.price.cost
        return None if cost is None else rounded(cost * sum(self.periods["billed"].values(), Decimal()))


def _named(numbers: Mapping[WhyDiffers | None, N]) -> Mapping[WhyDiffers, N]:
    return {why: numbers[why] for why in WhyDiffers if numbers.get(why)}


class _Sheet:
    """One month."""

    def __init__(self, books: Books, first: date, last: date) -> None:
        self._books = books
        self._first = first
        self._last = last
        self._starts = self._period_starts()
        self._accounts: dict[tuple[str, LineKey | None, str], _Account] = {}
        self._lines_of: dict[tuple[str, str], dict[LineKey, Timeline]] = defaultdict(dict)
        for key, line in books.lines.items():
            for source in line.demand.sources if line.demand else ():
                of = self._lines_of[source.customer_id, source.sku]
                of[key] = of.get(key, NOTHING).plus(source.units)

    def entries(self) -> Iterator[LedgerEntry]:
        for (customer, key, _), one in sorted(
            self._accounts.items(), key=lambda each: (each[0][0], each[0][1] or LineKey(0, 0), each[0][2])
        ):
            days = one.seat_days()
            if days.used or days.billed or days.granted or days.causes:
                yield LedgerEntry(
                    customer, key, tuple(sorted(one.skus)), days, one.estimate(), one.cost(), one.price
                )

    def of_sku(self, customer: Customer, sku: str, missed: Missed) -> None:
        """What Timus has, what the terms make of it, and to which lines it goes."""
        quantity, late = customer.quantity(sku), missed.units
        on_trial = trial(customer.subscriptions, sku).plus(missed.trial)
        billed = self._books.desired.billed.get((customer.id, sku), NOTHING)
        lines = self._lines_of[customer.id, sku]
        turns = [until for until, _ in customer.earlier]
        if customer.mapping:
            turns += [one.first_day for one in customer.mapping.routings if one.first_day]
        turns += (day for key in lines for day in _turns_for_each(self._books.lines[key]))
        for day, days in self._stretches([quantity, on_trial, billed, late, *lines.values()], turns):
            placed = {key: units.at(day) for key, units in lines.items()}
            without = billed.at(day) - sum(placed.values())
            main = _main(placed, without)
            used = quantity.at(day) + on_trial.at(day) + late.at(day)
            used -= sum(units for key, units in placed.items() if key != main)
            used -= without if main is not None else 0
            self._place(customer, sku, placed, main, day, days)
            self._leave(customer, sku, without, main, day, days, billed.at(day))
            account, of_period = self._account(customer.id, main, sku), self._period(main, day)
            account.add("used", used, days, of_period)
            account.add("causes", late.at(day), days, of_period, WhyDiffers.SUPERSEDED)
            account.add("granted", -on_trial.at(day), days, of_period, WhyDiffers.TRIAL)
            policy = customer.policy_on(day)
            for why, units in granted(policy, sku, quantity.at(day)).items():
                account.add("granted", units, days, of_period, why)
            dated = billed.at(day) - policy.billable(sku, quantity.at(day))
            account.add("granted", dated, days, of_period, WhyDiffers.DATED)

    def _place(
        self,
        customer: Customer,
        sku: str,
        placed: Mapping[LineKey, int],
        main: LineKey | None,
        day: date,
        days: int,
    ) -> None:
        """What goes to each line. The first one also takes what the terms make of the whole SKU."""
        for key, units in placed.items():
            there, of_period = self._account(customer.id, key, sku), self._period(key, day)
            over = _over_for_each(self._books.lines[key], day)
            if over is None:
                there.add("billed", units, days, of_period)
            else:
                there.add("causes", units, days, of_period, over)
            if key != main:
                there.add("used", units, days, of_period)

    def _leave(
        self,
        customer: Customer,
        sku: str,
        units: int,
        main: LineKey | None,
        day: date,
        days: int,
        billed: int,
    ) -> None:
        """What has no line."""
        if units:
            account, of_month = self._account(customer.id, None, sku), self._period(None, day)
            reason = why_without_line(self._books, customer, sku, day, billed)
            account.add("causes", units, days, of_month, reason)
            if main is not None:
                account.add("used", units, days, of_month)

    def of_line(self, line: BookLine) -> None:
        """What Autotask has otherwise than the line should have."""
        customers = line.customers
        whose = customers[0] if len(customers) == 1 else ""
        own = line.demand.units if line.demand else NOTHING
        account = self._account(whose, line.key, *line.skus)
        for day, days in self._stretches((), turns_of(line)):
            if _over_for_each(line, day) is not None:
                continue
            of_period = self._period(line.key, day)
            account.add("billed", line.has.at(day) - own.at(day), days, of_period)
            for why, units in billed_otherwise_on(line, day, self._books.today).items():
                account.add("causes", units, days, of_period, why)

    def _account(self, customer: str, key: LineKey | None, *skus: str) -> _Account:
        """That of a line; without a line, that of a SKU."""
        of = customer, key, "" if key else skus[0]
        if of not in self._accounts:
            price = (
                self._books.lines[key].price if key else price_without_line(self._books, customer, skus[0])
            )
            self._accounts[of] = _Account(price)
        self._accounts[of].skus.update(skus)
        return self._accounts[of]

    def _period(self, key: LineKey | None, day: date) -> int:
        return days_of_period(self._books, key, day)

    def _stretches(self, timelines: Sequence[Timeline], turns: Iterable[date]) -> Iterator[tuple[date, int]]:
        """First day, and number of days, of each stretch on which nothing changes."""
        cuts = {day for one in timelines for day in one.days} | {*turns} | self._starts
        inside = sorted(day for day in cuts if self._first < day <= self._last)
        for day, until in pairwise([self._first, *inside, self._last + ONE_DAY]):
            yield day, (until - day).days

    def _period_starts(self) -> set[date]:
        """Each day of the month on which a period of some contract begins: the length of a period may change there."""
        found = set()
        for contract in self._books.contracts.values():
            day = max(contract.start, self._first)
            while day <= self._last:
                first, last = period_containing(day, contract.start, contract.months)
                found.add(first)
                day = last + ONE_DAY
        return found


def _over_for_each(line: BookLine, day: date) -> WhyDiffers | None:
    """Why each of several customers is billed nothing on a day after the contract's last one; None: what is billed is not known of each."""
    if line.demand is None or len(line.customers) < 2 or not ended(line, day):
        return None
    return WhyDiffers.BEFORE if day < line.demand.start else WhyDiffers.ENDED


def _turns_for_each(line: BookLine) -> Iterator[date]:
    """Each day from which on ``_over_for_each`` may say another thing."""
    if line.contract is not None and line.demand is not None and len(line.customers) > 1:
        yield from (line.contract.end + ONE_DAY, line.demand.start)


def _main(placed: Mapping[LineKey, int], without: int) -> LineKey | None:
    """The line that stands for a SKU on a day; None: it has none."""
    billing = next((key for key, units in placed.items() if units), None)
    return billing if billing is not None or without else next(iter(placed), None)


def why_without_line(books: Books, customer: Customer, sku: str, day: date, units: int) -> WhyDiffers:
    """Why units have no line on a day."""
    placement = Placement(customer, books.plans)
    mapped = customer.mapping.first_day if customer.mapping else None
    if mapped is not None and day < mapped:
        return WhyDiffers.BEFORE
    return WhyDiffers.IGNORED if placement.reason(sku, day, units) in IGNORED else WhyDiffers.UNMAPPED
