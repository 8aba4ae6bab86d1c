"""Whether a month may be approved and posted: what must be settled first, for each contract and billing period. Pure.

Approve and post is the one step that nobody can take back. So the answer is yes only if nothing is open: every line has the units that it
should have, and nothing that Timus has said waits. A billing period with days in the month counts whole, also where it goes on after the month:
posting shuts all of it. One that is posted already counts up to the end of the month.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import at_least_0
from timus_autotask.domain.days import ONE_DAY, each_day, period_containing
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.placement import Placement
from timus_autotask.domain.policy import BillingSchedule, PostedPeriod
from timus_autotask.domain.reasons import CONTRACT_ENDED, REASONS, Parked, WayOut
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.keys import id_of
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.watch.money import money_of_days, of_timeline
from timus_autotask.watch.month.books import (
    BookLine,
    Books,
    LinePrice,
    price_of_sku,
    price_without_line,
    rejected_units,
)
from timus_autotask.watch.month.bring_back import bring_back
from timus_autotask.watch.month.causes import (
    BY_ITSELF,
    SETTLED,
    WhyDiffers,
    differing_on,
    edited,
    stretches,
    too_few_and_too_many,
    waits_for_an_edit,
    ways_of_edit,
)
from timus_autotask.watch.month.coverage import Coverage, Ends, coverage
from timus_autotask.watch.month.ledger import why_without_line
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.month.parked import EventEffect, costs, effects, seat_days_between
from timus_autotask.watch.month.to_post import NotPosted
from timus_autotask.watch.names import NOBODY, Directory
from timus_autotask.watch.remedy import (
    NextWay,
    for_customers,
    remedy_of,
    said,
    way_later,
    will_wait,
)
from timus_autotask.watch.status import Records, Stages, StatusLine, status_of
from timus_autotask.watch.undecided import Undecided

_UTC = ZoneInfo("UTC")
YEAR = timedelta(days=366)


class Waits(StrEnum):
    """What is open that no line shows."""

    EVENT = "event"
    """Something that Timus has said has not reached a line."""
    CONTRACT = "contract"
    """The contract is not there, or is another company's."""
    NAME = "name"
    """A customer's company is called otherwise in Autotask: it may be another client's."""
    FAILED = "failed"
    """Something cannot be read, or fails."""


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that must be settled before posting; or, among what stays, one that will be billed as it is."""

    kind: WhyDiffers | Waits
    message: str
    remedy: str = ""
    """The command or action that settles it."""
    customer: str = ""
    key: LineKey | None = None
    sku: str = ""
    first: date | None = None
    """The first of its days."""
    seats: int = 0
    """The most units on a day that are billed too many; negative: that are not billed."""
    seat_days: int = 0
    """Over the days of the period, likewise."""
    estimate: Decimal | None = None
    """What that comes to, likewise; None: no price is known."""
    shut: bool = False
    """Its days are posted, so what settles it counts from a later one: it is among what stays, and a person still has to decide."""

    @property
    def stays(self) -> bool:
        """Whether it will be billed as it is, whatever is decided now."""
        return self.shut or self.kind in SETTLED


@dataclass(frozen=True, slots=True)
class ReadyLine:
    """What a line is billed in a period."""

    key: LineKey
    skus: tuple[str, ...]
    units: int
    """On the last of its days, or today if that is earlier."""
    price: LinePrice
    estimate: Decimal | None
    """The units of each day × price, with what is scheduled; None: no price is known."""
    margin: Decimal | None
    """What the partner keeps of it; None: price or cost is not known."""
    seat_days: int = 0
    """Over the days of the period, with what is scheduled."""


@dataclass(frozen=True, slots=True)
class Period:
    """A billing period of a contract."""

    contract_id: int
    customers: tuple[str, ...]
    first: date
    last: date
    posted: bool
    """It is approved and posted already."""
    lines: tuple[ReadyLine, ...]
    open: tuple[Open, ...] = ()
    """What must be settled first."""
    stays: tuple[Open, ...] = ()
    """What differs and will be billed so: rightly, by a decision, or because nothing changes it any more."""
    left: tuple[NotPosted, ...] = ()
    """Of one that is posted already: what came to it since, and waits for the next posting."""

    @property
    def level(self) -> bool:
        """Whether it may be posted."""
        return not self.open

    @property
    def empty(self) -> bool:
        """Whether there is nothing to post, and nothing to be said: nobody has a unit on any of its days, or should have one."""
        return not (self.open or self.stays or any(line.seat_days for line in self.lines))


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer."""

    month: date
    """Its first day."""
    last: date
    """Its last day."""
    today: date
    periods: tuple[Period, ...]
    open: tuple[Open, ...] = ()
    """What is open and belongs to no billing period of a contract."""
    coverage: tuple[Coverage, ...] = ()
    """What ends soon: then no contract bills it."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()
    later: tuple[Open, ...] = ()
    """Parked events that can change no day that posting shuts, nor an earlier one: they do not keep it from a yes."""
    ended: tuple[Coverage, ...] = ()
    """What no contract bills any more, and Timus has seats of."""
    stays: tuple[Open, ...] = ()
    """What stays and is no billing period's: on days that none of its contract covers, before a chosen first day, or by superseded events."""

    @property
    def after(self) -> str:
        """Why parked events do not keep the month from a yes, for people; empty: there are none of later days."""
        number = len(self.later)
        if not number:
            return ""
        events = "1 parked event is" if number == 1 else f"{number} parked events are"
        return f"{events} of later days alone, and {'does' if number == 1 else 'do'} not keep {self.month:%Y-%m} from being posted."

    @property
    def everything(self) -> tuple[Open, ...]:
        """All that is open, each thing once."""
        return tuple(one for _, one in self.things)

    @property
    def things(self) -> tuple[tuple[int | None, Open], ...]:
        """(contract, what is open on it): each thing once, for it is settled once.

        What a customer of two contracts waits for stands on both, and what a line waits for stands in each of its periods of the month.
        """
        found: dict[object, tuple[int | None, list[Open]]] = {}
        each = [(period.contract_id, one) for period in self.periods for one in period.open]
        for contract, one in (*each, *((one.key.contract_id if one.key else None, one) for one in self.open)):
            thing = (one.kind, one.key, one.message, one.remedy) if one.key else one
            these = found.setdefault(thing, (contract, []))[1]
            if one not in these:
                these.append(one)
        return tuple((contract, _as_one(these)) for contract, these in found.values())

    @property
    def staying(self) -> tuple[tuple[int | None, Open], ...]:
        """(contract, what stays): of each billing period, and of days that none covers."""
        within = [(period.contract_id, one) for period in self.periods for one in period.stays]
        return (*within, *((one.key.contract_id if one.key else None, one) for one in self.stays))

    @property
    def ready(self) -> bool:
        """Whether somebody may press Approve and Post for everybody."""
        return not self.everything

    @property
    def posted(self) -> bool:
        """Whether all of its billing periods are approved and posted already."""
        return bool(self.periods) and all(period.posted for period in self.periods)

    @property
    def left(self) -> tuple[NotPosted, ...]:
        """What came to posted periods since, and waits for the next posting."""
        return tuple(one for period in self.periods for one in period.left)

    @property
    def until(self) -> date:
        """The last day that posting shuts: of the month, or of a billing period that goes on after it."""
        return max((self.last, *(period.last for period in self.periods if not period.posted)))

    @property
    def days_to_come(self) -> int:
        """How many of the days that posting shuts are after today."""
        return max((self.until - max(self.today, self.month - ONE_DAY)).days, 0)

    @property
    def not_over(self) -> str:
        """What a yes does not cover, for people; empty: all days that it covers are over."""
        number = self.days_to_come
        of = "the month" if self.until == self.last else f"its billing periods, until {self.until},"
        days = f"1 day of {of} is" if number == 1 else f"{number} days of {of} are"
        return (
            f"That is as of today, {self.today}: {days} still to come, and what Timus reports of them is not in it."
            if number
            else ""
        )

    @property
    def kinds(self) -> Mapping[str, int]:
        """How much of each kind is open, the most first."""
        return dict(Counter(one.kind.value for one in self.everything).most_common())

    @property
    def seats(self) -> int:
        """Seats at risk: of everything that is open, whichever way."""
        return sum(abs(one.seats) for one in self.everything)

    @property
    def at_risk(self) -> Decimal:
        """Money at risk, estimated: of everything that is open, whichever way."""
        return sum((abs(one.estimate or Decimal()) for one in self.everything), Decimal("0.00"))

    @property
    def without_price(self) -> int:
        """How many of them have seats and no known price."""
        return sum(one.estimate is None and one.seats != 0 for one in self.everything)


@dataclass(frozen=True, slots=True)
class UnplacedUnits:
    """Units of a customer's SKU that have no line."""

    customer: str
    sku: str
    days: tuple[tuple[date, int], ...]
    """(day, units)."""
    price: Decimal | None
    """The catalogue's; None: no service is chosen, or it shows none."""
    parked: Parked
    """Why."""
    because: WhyDiffers = WhyDiffers.UNMAPPED


def without_line(
    books: Books, days: Sequence[date], because: WhyDiffers = WhyDiffers.UNMAPPED
) -> Iterator[UnplacedUnits]:
    """Units that have no line on these days, of each customer and SKU: those that should have one, unless another cause is asked for."""
    placed: dict[tuple[str, str], Timeline] = {}
    for line in books.lines.values():
        for source in line.demand.sources if line.demand else ():
            of = source.customer_id, source.sku
            placed[of] = placed.get(of, NOTHING).plus(source.units)
    for (customer_id, sku), to_bill in books.desired.billed.items():
        lacking = to_bill.minus(placed.get((customer_id, sku), NOTHING))
        if not lacking.steps:
            continue
        customer = books.customers[customer_id]
        found = [
            (day, units)
            for day in days
            if (units := lacking.at(day))
            and why_without_line(books, customer, sku, day, to_bill.at(day)) is because
        ]
        if found:
            code = Placement(customer, books.plans).reason(sku, found[-1][0], to_bill.at(found[-1][0]))
            parked = Parked(
                code if code and code in REASONS else "customer-unmapped",
                {"customer": customer_id, "sku": sku},
            )
            price = price_without_line(books, customer_id, sku).price
            yield UnplacedUnits(customer_id, sku, tuple(found), price, parked, because)


def _as_one(these: Sequence[Open]) -> Open:
    """What a line waits for in all its periods."""
    estimates = [one.estimate for one in these]
    return replace(
        these[0],
        first=min((one.first for one in these if one.first), default=None),
        seats=max((one.seats for one in these), key=abs),
        seat_days=sum(one.seat_days for one in these),
        estimate=None if None in estimates else sum((one or Decimal() for one in estimates), Decimal()),
    )


@dataclass(frozen=True, slots=True)
class Unheard:
    """Something that Timus has said and that has not reached a line, and nobody knows yet what it says."""

    customer: str
    """Empty: nobody knows whose it is."""
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the books."""

    unheard: tuple[Unheard, ...] = ()
    parked: tuple[EventRecord, ...] = ()
    """Events that are parked."""
    zone: ZoneInfo = _UTC
    """The partner's, whose days are billed."""
    misnamed: tuple[Undecided, ...] = ()
    """Names that are another one's."""
    failed: tuple[str, ...] = ()
    """What cannot be read, or fails."""
    lines: tuple[StatusLine, ...] = ()
    """For the words that people know from ``status``."""
    stages: Stages = field(default_factory=Stages)
    """Who is live and who observes."""


def beside_of(records: Records, now: datetime, zone: ZoneInfo, dead_letters: int = 0) -> Beside:
    """What has not reached a line, and what fails, by these records."""
    status = status_of(records, now, zone)
    inbox = {id_of(one.key) for one in records.due if waits_in_inbox(one)}
    inbox |= {id_of(document.key) for one in records.customers.values() for document in one.inbox}
    unheard = [
        Unheard(customer, "Timus has sent something that is not merged yet.", "Look again in a minute")
        for customer in sorted(inbox)
    ]
    if dead_letters:
        unheard.append(Unheard("", f"{dead_letters} wake-ups failed for good.", said(NextWay.REDRIVE)))
    failed = [f"{one.kind} {one.id} fails: {one.error}" for one in records.troubles]
    failed += [f"The record {one.record} cannot be read: {one.why}" for one in status.unreadable]
    parked = tuple(event for event in records.parked_events if event.parked)
    misnamed = tuple(one for one in status.undecided if one.of_name)
    return Beside(tuple(unheard), parked, zone, misnamed, tuple(failed), status.lines, status.stages)


def _by_contract(books: Books) -> dict[int, list[BookLine]]:
    """The lines of each contract that Autotask has."""
    on: dict[int, list[BookLine]] = {id_: [] for id_ in sorted(books.contracts)}
    for line in books.lines.values():
        if line.key.contract_id in on:
            on[line.key.contract_id].append(line)
    return on


def ready(books: Books, month: date, beside: Beside, left: Iterable[NotPosted] = ()) -> Ready:
    """Whether the month of this day may be posted, for everybody. ``left``: what is left of its periods of which the rest is posted."""
    found = _OpenThings(books, *month_of(month), beside).all()
    of: dict[tuple[int, date], list[NotPosted]] = {}
    for one in left:
        of.setdefault((one.contract_id, one.first), []).append(one)
    return replace(
        found,
        periods=tuple(
            replace(each, left=tuple(of.get((each.contract_id, each.first), ()) if each.posted else ()))
            for each in found.periods
        ),
    )


def open_since(books: Books, first: date, beside: Beside) -> tuple[Open, ...]:
    """What is open today with all that it comes to, each thing once: the days from the month of ``first`` to the end of this month's periods.

    Units without a line count from the first of them on, a year back at most. Posted days that no decision changes are told with what was
    posted. Where a person has to decide about no other days, the thing is there without money.
    """
    today = books.today
    last = month_of(today)[1]
    found = _OpenThings(books, first.replace(day=1), last, beside, (today - YEAR).replace(day=1)).all()
    told = {(one.kind, one.key) for one in found.everything}
    shut = {(one.kind, one.key): one for _, one in reversed(found.staying) if one.shut}
    without = (replace(one, seat_days=0, estimate=Decimal("0.00")) for one in shut.values())
    return (*found.everything, *(one for one in without if (one.kind, one.key) not in told))


def waits_since(books: Books, beside: Beside, since: date, of_late: date) -> date:
    """The first day from ``since`` on of which something waits for a person on a line, or in a parked event; today, if nothing does.

    What nothing explains waits where it goes on: on a line on which it is so ``of_late``, from that day on, too. Of older days alone the journal may
    just not have been read.
    """
    found = [books.today]
    for line in books.lines.values():
        lately = (
            differing_on(line, begins, books.today)
            for begins, _ in stretches(line, of_late, books.today, books.today)
        )
        unexplained = any(WhyDiffers.OTHER in causes for causes in lately)
        none = (*SETTLED, *BY_ITSELF, *(() if unexplained else (WhyDiffers.OTHER,)))
        for begins, _ in stretches(line, since, books.today, books.today):
            causes = differing_on(line, begins, books.today)
            if any(cause not in none for cause in causes) or edited(line, begins):
                found.append(begins)
                break
    found += [one.first for one in effects(beside.parked, books, beside.zone) if one.first]
    return max(min(found), since)


class _OpenThings:
    """What is open on some days. ``unplaced``: from which day on units without a line count, if not from the first of the days."""

    def __init__(
        self, books: Books, first: date, last: date, beside: Beside, unplaced: date | None = None
    ) -> None:
        self._books = books
        self._first = first
        self._unplaced = unplaced or first
        self._last = last
        self._beside = beside
        self._status = {line.key: line for line in beside.lines if line.key}
        self._by_contract = _by_contract(books)
        self._contracts: dict[str, list[int]] = {}
        for one in books.customers.values():
            mapped = one.mapping.contract_ids if one.mapping else ()
            self._contracts[one.id] = [id_ for id_ in mapped if [*self._periods(id_)]]
        self._until = {id_: self._shut_until(contracts) for id_, contracts in self._contracts.items()}

    def all(self) -> Ready:
        books = self._books
        now, later = self._of_events()
        without = [*self._without_line(), *self._unheard(), *self._misnamed(), *now]
        periods = tuple(self._by_period(without))
        prices = {key: line.price.price for key, line in books.lines.items()}
        lines = {key: line.line for key, line in books.lines.items()}
        ends = coverage(books.customers, books.desired, books.contracts, books.today, lines, prices)
        elsewhere = [one for one in without if not self._contracts.get(one.customer)]
        elsewhere += self._outside(ends)
        elsewhere += [Open(Waits.FAILED, one, said(NextWay.SEE_STATUS)) for one in self._beside.failed]
        return Ready(
            self._first,
            self._last,
            books.today,
            periods,
            tuple(elsewhere),
            ends.soon,
            books.names,
            books.notes,
            later,
            ends.ended,
            (*self._staying_outside(), *self._before(), *self._superseded()),
        )

    def _by_period(self, without: Sequence[Open]) -> Iterator[Period]:
        """Each billing period of each contract, with what has no line in the period of its first day."""
        for id_, lines in self._by_contract.items():
            left = [one for one in without if id_ in self._contracts.get(one.customer, ())]
            for first, last, final in _marked(self._periods(id_)):
                here = [one for one in left if final or not one.first or one.first <= last]
                left = [one for one in left if one not in here]
                period = self._period(self._books.contracts[id_], first, last, lines, here)
                if lines or period.open:
                    yield period

    def _periods(self, contract_id: int) -> Iterator[tuple[date, date]]:
        """The billing periods of a contract that have days in the month."""
        contract = self._books.contracts.get(contract_id)
        if contract is None or not contract.recurring:
            return
        day = max(contract.start, self._first)
        while day <= min(self._last, contract.end):
            first, last = period_containing(day, contract.start, contract.months)
            yield first, min(last, contract.end)
            day = last + ONE_DAY

    def _is_posted(self, contract_id: int, first: date, last: date) -> bool:
        """Whether a billing period is approved and posted. A line that had no units at its beginning has none that is posted there."""
        rows = (stretch for line in self._by_contract[contract_id] for stretch in line.observed.closed)
        return any(start <= last and first <= end for start, end in rows)

    def _shut_until(self, contracts: Iterable[int]) -> date:
        """The last day that posting shuts on these contracts, or that of the month."""
        ends = (
            last
            for id_ in contracts
            for first, last in self._periods(id_)
            if not self._is_posted(id_, first, last)
        )
        return max((self._last, *ends))

    def _period(
        self, contract: Contract, first: date, last: date, lines: Sequence[BookLine], more: Iterable[Open]
    ) -> Period:
        """A billing period; days of the month before the contract begins, which none can bill, stand in its first one."""
        begins = self._first if first == contract.start > self._first else first
        posted = self._is_posted(contract.id, first, last)
        window = begins, min(last, self._last) if posted else last
        found = [one for line in lines for one in self._of_line(line, *window)]
        found += self._of_contract(contract, lines)
        return Period(
            contract.id,
            tuple(sorted({customer for line in lines for customer in line.customers})),
            first,
            last,
            posted,
            tuple(_line(line, contract, first, last, self._books.today) for line in lines),
            (*(one for one in found if not one.stays), *more),
            tuple(one for one in found if one.stays),
        )

    # -- A line

    def _of_line(self, line: BookLine, first: date, last: date) -> Iterator[Open]:
        """What of a line is not as it should be, one for each cause."""
        days: dict[WhyDiffers, list[tuple[date, int]]] = {}
        for begins, ends in stretches(line, first, last, self._books.today):
            for cause, units in differing_on(line, begins, self._books.today).items():
                days.setdefault(cause, []).extend((day, units) for day in each_day(begins, ends))
            if edited(line, begins) and WhyDiffers.DRIFT not in days:
                days[WhyDiffers.DRIFT] = [
                    (begins, 0)
                ]  # the number is right, and somebody still has to decide
        if waits_for_an_edit(line, days) and not any(units for _, units in days.get(WhyDiffers.DRIFT, ())):
            days.pop(WhyDiffers.DRIFT, None)  # what waits for the decision about the edit says so
        intent = line.line.intent
        if intent is not None and intent.day <= last and WhyDiffers.SETTLING not in days:
            days[WhyDiffers.SETTLING] = [(max(intent.day, first), 0)]
        yield from self._late(line, days.pop(WhyDiffers.LATE, ()))
        for cause, stretch in days.items():
            yield from self._apart(line, cause, stretch)

    def _apart(
        self, line: BookLine, cause: WhyDiffers, lacking: Sequence[tuple[date, int]]
    ) -> Iterator[Open]:
        """What stays has too few and too many apart; what a person settles is one thing, whichever way its days differ.

        Of that, posted days that no decision of today changes are apart.
        """
        if cause in SETTLED:
            yield from (self._open(line, cause, side) for side in too_few_and_too_many(lacking))
            return
        shut = [] if cause in BY_ITSELF else [one for one in lacking if line.is_shut(one[0])]
        left = [one for one in lacking if one not in shut]
        if shut:
            one = self._open(line, cause, shut)
            yield replace(one, message=_and(one.message, SHUT), shut=True)
        if left:
            yield self._open(line, cause, left)

    def _late(self, line: BookLine, late: Sequence[tuple[date, int]]) -> Iterator[Open]:
        """Days past changing; those before the contract begins apart, for nobody can correct them on it."""
        begins = line.contract.start if line.contract else date.min
        early = [one for one in late if one[0] < begins]
        for one in self._apart(line, WhyDiffers.LATE, early):
            yield replace(one, message=BEFORE_CONTRACT)
        yield from self._apart(line, WhyDiffers.LATE, [one for one in late if one not in early])

    def _open(self, line: BookLine, cause: WhyDiffers, lacking: Sequence[tuple[date, int]]) -> Open:
        message, remedy = self._message(line, cause)
        if cause is WhyDiffers.SCHEDULED:
            remedy = _made_by_itself(line, lacking)
        schedule = line.contract.schedule if line.contract else BillingSchedule(self._first)
        return Open(
            cause,
            message,
            remedy,
            line.customers[0] if len(line.customers) == 1 else "",
            line.key,
            ", ".join(line.skus),
            *_sizes(lacking, line.price.price, schedule),
        )

    def _message(self, line: BookLine, cause: WhyDiffers) -> tuple[str, str]:
        """What is said of a cause on a line, and what settles it."""
        status, usual = self._status.get(line.key), _MESSAGES[cause]
        message, remedy = usual.message, usual.remedy(line.key)
        if status and status.reason and cause not in SETTLED and cause is not WhyDiffers.SCHEDULED:
            message = status.reason
            remedy = status.remedy or remedy
        if cause in (WhyDiffers.HELD, WhyDiffers.PAUSED) and line.held_later:
            message, remedy = _held_later(line)
        if cause is WhyDiffers.DRIFT and NextWay.RETRY in ways_of_edit(line):
            message = "Somebody changed the units in Autotask, and no worker has looked at them yet. Have the contract looked at: then you decide."
            remedy = said(NextWay.RETRY, contract=line.key.contract_id)
        if cause is WhyDiffers.UNDONE:
            remedy = bring_back(line, self._books.today)
        stages = self._beside.stages
        if cause is WhyDiffers.OBSERVING and stages.partner.live:
            remedy = for_customers(remedy, [one for one in line.customers if not stages.live(one)])
        return message, remedy

    # -- What is no line's

    def _of_contract(self, contract: Contract, lines: Iterable[BookLine]) -> Iterator[Open]:
        """Whose it is."""
        companies = {each for line in lines if line.demand for each in line.demand.companies}
        for company, customer in sorted(companies):
            if company != contract.company_id:
                facts: dict[str, int | str] = {
                    "contract": contract.id,
                    "actual_company": contract.company_id,
                    "customer": customer,
                    "company": company,
                }
                parked = Parked("contract-of-another-company", facts)
                yield Open(Waits.CONTRACT, parked.message, remedy_of(parked), customer)

    def _outside(self, ends: Ends) -> Iterator[Open]:
        """Lines to be billed this month on a contract that has no days in it, ends within it, or is not there."""
        for line, uncovered in self._uncovered():
            first, units = uncovered[0], _without_rejected(line)
            renewals = (
                f" {one.renewal}" for one in (*ends.ended, *ends.soon) if one.key == line.key and one.by_terms
            )
            days = [(day, units.at(day)) for day in uncovered if units.at(day)]
            if days:
                yield replace(
                    self._open(line, WhyDiffers.PARKED, days),
                    kind=Waits.CONTRACT,
                    message=f"{_covers_none(line, first)}{next(renewals, '')}",
                    remedy=_another_contract(line, first),
                )

    def _staying_outside(self) -> Iterator[Open]:
        """What people undid and rejected on these days: together with what no contract covers it comes to Timus's units, on the terms."""
        for line, uncovered in self._uncovered():
            rejected, undone = line.wanted.minus(_without_rejected(line)), line.undone
            yield from self._apart(line, WhyDiffers.UNDONE, [(day, undone.at(day)) for day in uncovered])
            yield from self._apart(line, WhyDiffers.REJECTED, [(day, rejected.at(day)) for day in uncovered])

    def _before(self) -> Iterator[Open]:
        """Units of days before the first one that a person chose for a customer's contract."""
        for one in without_line(self._books, [*each_day(self._first, self._last)], WhyDiffers.BEFORE):
            sizes = _sizes(one.days, one.price, BillingSchedule(self._first))
            yield Open(WhyDiffers.BEFORE, BEFORE_CHOSEN, "", one.customer, None, one.sku, *sizes)

    def _superseded(self) -> Iterator[Open]:
        """What Timus had by events that came after what followed them was billed."""
        days = [*each_day(self._first, self._last)]
        for (customer, sku), units in self._books.superseded.items():
            price, key = price_of_sku(self._books, customer, sku)
            contract = self._books.contracts.get(key.contract_id) if key else None
            schedule = contract.schedule if contract else BillingSchedule(self._first)
            for side in too_few_and_too_many([(day, units.at(day)) for day in days]):
                sizes = _sizes(side, price.price, schedule)
                yield Open(
                    WhyDiffers.SUPERSEDED,
                    _MESSAGES[WhyDiffers.SUPERSEDED].message,
                    "",
                    customer,
                    key,
                    sku,
                    *sizes,
                )

    def _uncovered(self) -> Iterator[tuple[BookLine, Sequence[date]]]:
        """Each line that is somebody's, with the days of the month that come after all that its contract has in it."""
        for line in self._books.lines.values():
            covered = [*self._periods(line.key.contract_id)]
            days = [*each_day(covered[-1][1] + ONE_DAY if covered else self._first, self._last)]
            if days and line.demand is not None:
                yield line, days

    def _without_line(self) -> Iterator[Open]:
        latest = max((self._last, *self._until.values()))
        for one in without_line(self._books, [*each_day(self._unplaced, latest)]):
            until = self._until.get(one.customer, self._last)
            days = [(day, units) for day, units in one.days if day <= until]
            if not days:
                continue
            yield Open(
                WhyDiffers.UNMAPPED,
                one.parked.message,
                remedy_of(one.parked),
                one.customer,
                None,
                one.sku,
                *_sizes(days, one.price, BillingSchedule(self._unplaced)),
            )

    def _unheard(self) -> Iterator[Open]:
        for one in self._beside.unheard:
            yield Open(Waits.EVENT, one.message, one.remedy, one.customer)

    def _misnamed(self) -> Iterator[Open]:
        for one in self._beside.misnamed:
            yield Open(Waits.NAME, f"{one.message}.", one.remedy, one.customers[0])

    def _of_events(self) -> tuple[tuple[Open, ...], tuple[Open, ...]]:
        """The parked events that can concern the month, and those that cannot."""
        found: dict[bool, list[Open]] = {True: [], False: []}
        for one in effects(self._beside.parked, self._books, self._beside.zone):
            until = max(self._until.get(customer, self._last) for customer in one.customers)
            found[one.concerns(until)].extend(self._parked(one, until))
        return tuple(found[True]), tuple(found[False])

    def _parked(self, effect: EventEffect, until: date) -> Iterator[Open]:
        """A parked event, with what it would change until a day: one for each SKU, or one where that is nothing, or cannot be counted."""
        event, parked = effect.event, effect.event.parked
        if parked is None:
            return
        if not effect.concerns(until):
            why = f"It is of {effect.first}, after what would be posted, and changes no earlier day."
            yield Open(
                Waits.EVENT,
                _and(parked.message, why),
                remedy_of(parked),
                event.customer_id,
                first=effect.first,
            )
            return
        whole = Open(
            Waits.EVENT,
            _and(parked.message, effect.sentence(self._first, until)),
            remedy_of(parked),
            event.customer_id,
            first=effect.first,
        )
        found = costs(effect, self._books, self._first, until)
        for one in found:  # negative, as it is not billed
            money = None if one.estimate is None else -one.estimate
            yield replace(
                whole, sku=one.sku, first=one.first, seats=-one.most, seat_days=-one.seat_days, estimate=money
            )
        if not found:
            yield whole


class _Message(NamedTuple):
    """What is said of a cause, where the line itself says no more."""

    message: str
    ways: tuple[WayOut | NextWay, ...] = ()
    """What settles it: a person chooses one."""
    advice: str = ""
    """What happens where nobody has to do anything."""

    def remedy(self, key: LineKey) -> str:
        """What settles it on a line, or what happens by itself."""
        return (
            said(*self.ways, contract=key.contract_id, service=key.service_id) if self.ways else self.advice
        )


SHUT = "These days are posted already: what settles it counts from a later day on."
BEFORE_CHOSEN = "These days are before the first day that was chosen for the customer's contract."
BEFORE_CONTRACT = "The contract begins only after these days, so it can bill none of them: map the customer to a contract that covers them, or charge them by hand."

_MESSAGES: Mapping[WhyDiffers, _Message] = {
    WhyDiffers.KEPT: _Message("An edit in Autotask is kept: somebody decided so, or the terms say so."),
    WhyDiffers.SUPERSEDED: _Message(
        "An older event came after what followed it was billed, so what Timus had by it is on no bill: bill or credit it by hand."
    ),
    WhyDiffers.BEFORE: _Message("These days are from before the customer came to us."),
    WhyDiffers.LATE: _Message(
        "These days are past changing: correct them in Autotask, or bill or credit them by hand."
    ),
    WhyDiffers.UNDONE: _Message(
        "Somebody undid a change that was made; it stays so until Timus reports another quantity, or the terms make it another."
    ),
    WhyDiffers.REJECTED: _Message("Somebody rejected the change.", (WayOut.APPROVE_AFTER_ALL,)),
    WhyDiffers.DRIFT: _Message("Somebody changed the units in Autotask.", (WayOut.ENFORCE, WayOut.ADOPT)),
    WhyDiffers.SETTLING: _Message(
        "An adjustment is under way.",
        advice="It is settled within a quarter of an hour, automatically: look again then",
    ),
    WhyDiffers.HELD: _Message("A change awaits approval.", (WayOut.APPROVE, WayOut.REJECT)),
    WhyDiffers.PAUSED: _Message("Changes are paused.", (WayOut.RESUME,)),
    WhyDiffers.REFUSED: _Message("Autotask refused the change.", (NextWay.RETRY,)),
    WhyDiffers.PARKED: _Message("The line waits for a person.", (WayOut.LOOK_AT_CONTRACT,)),
    WhyDiffers.ENDED: _Message("The contract has ended.", (WayOut.LOOK_AT_CONTRACT,)),
    WhyDiffers.OBSERVING: _Message(
        "Nothing is written to Autotask: change the units there by hand, or go live.", (NextWay.GO_LIVE,)
    ),
    WhyDiffers.SCHEDULED: _Message("A change is scheduled for a day of this period."),
    WhyDiffers.PENDING: _Message("A worker is still to come.", (NextWay.RETRY_LATER,)),
    WhyDiffers.OTHER: _Message(
        "The units differ, and nothing was to be done about it.", (NextWay.RECONCILE,)
    ),
}


def _held_later(line: BookLine) -> tuple[str, str]:
    """Of what is scheduled and will be held: what, and the way out."""
    day, parked = min(line.held_later.items(), key=lambda one: one[0])
    units = dict(line.line.scheduled).get(day, 0)
    return f"{units:+d} on {day} {will_wait(parked)}.", way_later(day, parked)


def _made_by_itself(line: BookLine, lacking: Sequence[tuple[date, int]]) -> str:
    """When a scheduled change is made, and what posting its period before that does."""
    posted = line.observed.is_posted(lacking[0][0])
    before = "its period is posted already, so" if posted else "post after it, or"
    return f"It is made on its day, automatically: {before} {_if_posted_before(line, lacking)}"


def _if_posted_before(line: BookLine, lacking: Sequence[tuple[date, int]]) -> str:
    """What becomes of a scheduled change if its period is posted before its day. Without numbers: it may be one row of several periods."""
    if not line.observed.contract_service_ids:  # of a service that is not on the contract, nothing is posted
        return "it is billed with a later posting"
    if line.posted_period is PostedPeriod.SAME_DAY:
        return "it is billed as an item of its own with a later posting, if Autotask takes changes of posted days"
    if line.posted_period is PostedPeriod.HOLD:
        return "it waits for approval then"
    if all(units > 0 for _, units in lacking):
        return "its units are never billed for the days until the end of the billing period"
    if all(units < 0 for _, units in lacking):
        return "its units stay billed until the end of the billing period"
    return "the days until the end of the billing period stay as they are posted"


def _covers_none(line: BookLine, day: date) -> str:
    """Why a line's contract covers no day from this one on, with the contract's own days: these stand in the reports of many months."""
    contract = line.contract
    if contract is None:
        return Parked("contract-not-found", {"contract": line.key.contract_id}).message
    if not contract.recurring:
        return Parked("contract-not-recurring", {"contract": contract.id}).message
    if day <= contract.end:
        return f"Contract {contract.id} begins only on {contract.start}."
    return f"Contract {contract.id} covers no day after {contract.end}."


def _another_contract(line: BookLine, day: date) -> str:
    """What has a line billed from a day on that its contract does not cover, whatever else the line waits for."""
    contract, customer = line.contract, next(iter(line.customers), "")
    facts: dict[str, int | str] = {"contract": line.key.contract_id, "customer": customer}
    if contract is None:
        return remedy_of(Parked("contract-not-found", facts))
    if not contract.recurring or day <= contract.end:  # it begins only later
        return said(WayOut.MAP_CONTRACT, customer=customer, company=contract.company_id)
    return remedy_of(Parked(CONTRACT_ENDED, {**facts, "contract_end": contract.end.isoformat()}))


def _without_rejected(line: BookLine) -> Timeline:
    """The units that a line should have, without what somebody rejected."""
    return at_least_0(line.wanted.minus(rejected_units(line.line)))


def _sizes(
    lacking: Sequence[tuple[date, int]], price: Decimal | None, schedule: BillingSchedule
) -> tuple[date, int, int, Decimal | None]:
    """First day, seats, seat-days and money of what is lacking: negative, as it is not billed."""
    days = [(day, -units) for day, units in lacking]
    seats = max((units for _, units in days), key=abs)
    return days[0][0], seats, sum(units for _, units in days), money_of_days(days, price, schedule)


def _marked(periods: Iterable[tuple[date, date]]) -> Iterator[tuple[date, date, bool]]:
    """With whether it is the last one: what begins after a contract's end stands there."""
    these = [*periods]
    return ((first, last, at == len(these)) for at, (first, last) in enumerate(these, 1))


def _and(message: str, more: str) -> str:
    """Two sentences."""
    return f"{message.rstrip('.')}. {more}"


def _line(line: BookLine, contract: Contract, first: date, last: date, today: date) -> ReadyLine:
    price, cost = line.price.price, line.price.cost
    money = None if price is None else of_timeline(line.has, price, first, last, contract.schedule)
    paid = None if cost is None else of_timeline(line.has, cost, first, last, contract.schedule)
    return ReadyLine(
        line.key,
        line.skus,
        line.has.at(min(max(today, first), last)),
        line.price,
        money,
        None if money is None or paid is None else money - paid,
        seat_days_between(line.has, first, last),
    )
