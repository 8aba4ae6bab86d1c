"""Evidence of a customer's month: the units of every day, each change with who asked for it, and whether journal and Autotask agree.

The units of a day are worked out from the journal alone, from what it says was there before our first adjustment, and compared with
Autotask's rows, which are read now. One read of the table for the customer, one for its events, one for the partner, and one for each
contract. Autotask is asked for these contracts only: until when they bill, their units, and their services with price and cost.

A line may be shared by several customers. Then its units are those of all of them, and the customer's part is what the terms make of
its own quantities: Autotask bills the line as one. Each of the others is read too, for what all parts come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, effective_day
from timus_autotask.domain.desired import Demand, Desired, desired
from timus_autotask.domain.line import Choice, Head, JournalEntry, Line, Outcome, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import BillingSchedule
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.errors import NO_ANSWER
from timus_autotask.store.contracts import ContractNames
from timus_autotask.store.journal import Journal, Journalled, contract_head, first_broken, journalled
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.records import Store
from timus_autotask.sync.gather import customer_from, observed_of
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.explanation import (
    Because,
    by_undo,
    kept,
    outside,
    past_changing,
    reasons_of_part,
    rejected,
    superseded,
)
from timus_autotask.watch.money import of_days
from timus_autotask.watch.month.asked import (
    Going,
    Trials,
    WhyNobodyAsked,
    asked_of,
    days_of_terms,
    trials_of,
)
from timus_autotask.watch.month.books import UNKNOWN, BookLine, LinePrice
from timus_autotask.watch.month.causes import (
    WhyDiffers,
    billed_otherwise_on,
    causes_on,
    decided_by,
    decided_on,
)
from timus_autotask.watch.month.ledger import superseded_units
from timus_autotask.watch.month.line_evidence import (
    DayUnits,
    JournalDifference,
    KeptEdit,
    LineEvidence,
    Month,
    SeatDays,
    by_journal,
)
from timus_autotask.watch.month.parked import EventEffect, SkuDays, days_of, effects_of, words_of
from timus_autotask.watch.month.share import billed_by_day
from timus_autotask.watch.month.unplaced_evidence import WithoutLine, without_line_of
from timus_autotask.watch.names import NOBODY, Directory, directory, name_of

SUPERSEDED = "It came after a newer version had been billed: to follow it would take that back."
"""Why a superseded event changes nothing."""


@dataclass(frozen=True, slots=True)
class ContractEvidence:
    """The journal of a contract: the head of each of its chains, and of all together."""

    contract_id: int
    head: str
    heads: Mapping[int, Head]
    """By service; 0 is the contract itself."""
    changes: tuple[JournalEntry, ...]
    """What concerns the contract itself, such as a renewal, and the month."""
    journal: Journal
    """All of that."""
    broken: int | None = None


@dataclass(frozen=True, slots=True)
class LateEvent:
    """An event that changed nothing, and what it would change in the month, or would have changed."""

    event: EventRecord
    by_sku: tuple[SkuDays, ...] | None
    """Units × days of the whole month that it says beyond what counts, and short of it; None: nobody can say."""
    sentence: str = ""
    """The same for people, or why it cannot be counted."""


@dataclass(frozen=True, slots=True)
class MonthEvidence:
    """All that there is to say of a customer's month."""

    customer: str
    name: str
    month: Month
    today: date
    at: datetime
    lines: tuple[LineEvidence, ...]
    contracts: tuple[ContractEvidence, ...]
    late: tuple[LateEvent, ...] = ()
    """Superseded, parked and dismissed events."""
    without_line: tuple[WithoutLine, ...] = ()
    """What has no line in the month, also what somebody ignores, and the days before the mapping."""
    not_compared: str = ""
    """Why Autotask could not be read."""
    names: Directory = NOBODY
    known: bool = True
    """Whether anything is known of the customer."""
    not_priced: str = ""
    """Why prices could not be read."""
    by_terms: frozenset[date] = frozenset()
    """The days from which on other terms bill the customer's units otherwise."""
    trials: Trials = field(default_factory=dict)
    """The customer's units in a trial."""

    @property
    def days_to_come(self) -> int:
        """How many days of the month are after today."""
        return sum(day > self.today for day in self.month.days)

    @property
    def compared(self) -> bool:
        """Whether there is a day of the month on which a line has units to compare."""
        return any(None not in (day.journal, day.autotask) for line in self.lines for day in line.days)

    @property
    def too_many(self) -> int:
        """Seat-days until today that are billed too many, of each line and day alone: what another one lacks does not hide it.

        Of a line of several customers, those of this one.
        """
        return sum(one.of_customer.too_many for one in self.lines)

    @property
    def not_billed(self) -> int:
        """Seat-days until today that are not billed, likewise, and those of what has no line."""
        lacking = sum(one.of_customer.not_billed for one in self.lines)
        return lacking + sum(one.missing for one in self.without_line)

    @property
    def agrees(self) -> bool | None:
        """Whether journal and Autotask have the same units on each day of the month; None: Autotask could not be read."""
        return None if self.not_compared else not any(line.differences for line in self.lines)

    @property
    def whole(self) -> bool:
        """Whether no chain of the journal is broken."""
        return not any(broken for _, broken in self._journals)

    @property
    def unchained(self) -> int:
        """Entries of an earlier version, which are in no chain."""
        return sum(len(journal.unchained) for journal, _ in self._journals)

    @property
    def _journals(self) -> Iterator[tuple[Journal, int | None]]:
        yield from ((one.journal, one.broken) for one in self.lines)
        yield from ((one.journal, one.broken) for one in self.contracts)


def whose_evidence(store: Store) -> list[str]:
    """Everybody whom Timus has reported or somebody has mapped."""
    reported = {one.customer_id for one in store.subscriptions()}
    return sorted(reported | {one.customer_id for one in store.mappings()})


def evidence(ports: Ports, customer_id: str, month: Month) -> MonthEvidence:
    """The evidence of a customer's month; what Autotask has is read now."""
    store, today = ports.store, ports.today()
    records, partner = store.customer(customer_id), store.readable_partner()
    events = [*store.events_of(customer_id)]
    contract_ids = records.mapping.value.contract_ids if records.mapping else ()
    read = [journalled(store, id_) for id_ in contract_ids]
    read, observed, not_compared = _autotask(ports, read, month)
    customer = customer_from(records, partner.terms.value)
    plans = partner.plan_mappings
    schedules = {one.id: one.schedule for one in _contracts(read)}
    wanted = desired([customer], plans, schedules, today)
    parked = {
        effect.event.key: effect
        for effect in effects_of(
            (one for one in events if one.outcome in ("parked", "dismissed")),
            {customer_id: customer},
            schedules,
            ports.zone,
            events,
        )
    }
    prices, not_priced = _prices(ports, read, observed)
    trials = trials_of(customer)
    reasons = _reasons_of(customer, wanted, trials, events)
    lines = [
        _line(one, service_id, reasons, observed.get(one.contract_id), month, ports)
        for one in read
        for service_id in sorted(_services(one, customer_id, wanted.demands))
    ]
    lines = [_priced(one, prices.get(one.key, UNKNOWN), observed, month) for one in lines]
    lines = _shared(ports, customer, lines, partner, schedules)
    lines = _all_compared(lines, wanted, today, customer_id)
    by_terms = days_of_terms(customer.earlier, customer.policy)
    lines = _asked(lines, by_terms, trials)
    return MonthEvidence(
        customer_id,
        name_of(records),
        month,
        today,
        ports.clock.now(),
        tuple(lines),
        tuple(_contract(one, month, ports) for one in read),
        tuple(_late(events, parked, month, ports)),
        tuple(without_line_of(customer, plans, wanted, month, today)),
        not_compared,
        directory({customer_id: name_of(records)}, _names(store, read, lines), _contracts(read)),
        known=bool(records.subscriptions or records.mapping or events),
        not_priced=not_priced,
        by_terms=by_terms,
        trials=trials,
    )


def _asked(lines: Sequence[LineEvidence], by_terms: frozenset[date], trials: Trials) -> list[LineEvidence]:
    """With who asked for each change."""
    asked = {
        (line.key, one.id): asked_of(one, _going(one, line, lines), by_terms, line.journal.entries, trials)
        for line in lines
        for one in line.changes
    }
    return [replace(line, asked={one.id: asked[line.key, one.id] for one in line.changes}) for line in lines]


def _going(change: JournalEntry, line: LineEvidence, lines: Sequence[LineEvidence]) -> Going | None:
    """What of a change goes on on another line of the customer on the same day, or comes from there: its SKU is billed there, too."""
    due = change.follows_from
    sign = 1 if change.delta > 0 else -1
    there = [one for one in lines if one is not line and {*one.skus} & {*line.skus}]
    turns = {one.key: min(_turn(one, due) * sign, 0) for one in there}
    seats = min(abs(change.delta), -sum(turns.values()), max(_turn(line, due) * sign, 0))
    if not seats:
        return None
    contracts = {key.contract_id for key, turn in turns.items() if turn}
    same = contracts == {line.key.contract_id}
    return Going(sign * seats, WhyNobodyAsked.SERVICE if same else WhyNobodyAsked.CONTRACT)


def _turn(line: LineEvidence, day: date) -> int:
    """How many more of the line's units are the customer's than the day before: by its mapping of now, or what was adjusted by a former one."""
    by_mapping = line.part.at(day) - line.part.at(day - ONE_DAY)
    if by_mapping or line.others:
        return by_mapping
    landed = {one.id: one for one in line.journal.entries if one.outcome is Outcome.LANDED and one.day == day}
    return sum(one.delta for one in landed.values())


def _shared(
    ports: Ports,
    customer: Customer,
    lines: Sequence[LineEvidence],
    partner: PartnerRecords,
    schedules: Mapping[int, BillingSchedule],
) -> list[LineEvidence]:
    """With what all who share a line are to be billed on it: one read for each of the others, and for each other contract of theirs."""
    others = sorted({other for line in lines for other in line.others})
    if not others:
        return [*lines]
    records = [ports.store.customer_to_bill(other) for other in others]
    elsewhere = {id_ for one in records if one.mapping for id_ in one.mapping.value.contract_ids}
    periods = {**schedules}
    for id_ in sorted(elsewhere - periods.keys()):
        if contract := ports.store.contract(id_).state.value.contract:
            periods[id_] = contract.schedule
    plans = partner.plan_mappings
    together = [customer, *(customer_from(one, partner.terms.value) for one in records)]
    of_all = desired(together, plans, periods, ports.today()).demands
    return [replace(one, whole=of_all.get(one.key)) if one.others else one for one in lines]


def _contracts(read: Iterable[Journalled]) -> Iterator[Contract]:
    return (one.contract for one in read if one.contract)


def _names(store: Store, read: Iterable[Journalled], lines: Iterable[LineEvidence]) -> list[ContractNames]:
    """How the customer's contracts are called; those of everybody, where a service is new on them: it is called the same elsewhere."""
    own = [one.names for one in read if one.names]
    known = {id_ for one in own for id_, name in one.services.items() if name}
    return own if {line.key.service_id for line in lines} <= known else [*store.all_names()]


def _autotask(
    ports: Ports, read: Sequence[Journalled], month: Month
) -> tuple[list[Journalled], dict[int, dict[int, Observed]], str]:
    """The contracts as Autotask has them now, the units that it has by contract and service, and why it could not be read, if so."""
    contracts = {one.contract_id: one.contract for one in read if one.contract}
    chosen = {one.contract_id: one.chosen for one in read}
    unseen = [str(one.contract_id) for one in read if not one.contract]
    if unseen or not contracts:
        why = f"contract {', '.join(unseen)} was not looked at yet" if unseen else "there is no contract"
        return [*read], {}, why
    try:
        contracts |= ports.autotask().contracts(sorted(contracts))
        rows = ports.autotask().units_of_contracts(sorted(contracts), month.first)
    except NO_ANSWER as error:
        return [*read], {}, str(error) or type(error).__name__
    observed = {
        id_: observed_of((row for row in rows if row.contract_id == id_), contract.end, chosen[id_])
        for id_, contract in contracts.items()
    }
    return [replace(one, contract=contracts[one.contract_id]) for one in read], observed, ""


def _prices(
    ports: Ports, read: Sequence[Journalled], observed: Mapping[int, Mapping[int, Observed]]
) -> tuple[dict[LineKey, LinePrice], str]:
    """The price and cost of each line as Autotask has them now, and why they could not be read, if so.

    Where a service is on a contract more than once, they are those of the contract service that bills.
    """
    if not observed:
        return {}, ""
    try:
        there = ports.autotask().contract_services_of(sorted(observed))
    except NO_ANSWER as error:
        return {}, str(error) or type(error).__name__
    costs = any(one.unit_cost for one in there)  # all of them 0: the API user may not read costs
    chosen = {
        (one.contract_id, id_): choice.contract_service_id
        for one in read
        for id_, choice in one.chosen.items()
    }
    found: dict[LineKey, LinePrice] = {}
    for one in sorted(there, key=lambda one: one.id):
        has = observed[one.contract_id].get(one.service_id)
        billing = has.contract_service_ids if has else ()
        other = chosen.get((one.contract_id, one.service_id), one.id) != one.id
        if not other and (not billing or one.id in billing):
            price = LinePrice(one.unit_price, one.unit_cost if costs else None)
            found[LineKey(one.contract_id, one.service_id)] = price
    return found, ""


def _priced(
    line: LineEvidence, price: LinePrice, observed: Mapping[int, Mapping[int, Observed]], month: Month
) -> LineEvidence:
    """With what the days of the month come to."""
    has = observed.get(line.key.contract_id, {}).get(line.key.service_id)
    contract, money = line.contract, None
    if contract is None or has is None or price.price is None:
        return replace(line, price=price)

    def comes_to(each: Decimal) -> Decimal:
        return of_days(has.by_day, each, month.first, min(month.last, contract.end), contract.schedule)

    money = comes_to(price.price)
    return replace(
        line,
        price=price,
        estimate=money,
        margin=None if price.cost is None else money - comes_to(price.cost),
    )


def _services(read: Journalled, customer_id: str, demands: Mapping[LineKey, Demand]) -> set[int]:
    """The lines of a contract on which the customer is billed, or was."""
    found = {key.service_id for key in demands if key.contract_id == read.contract_id}
    found |= {id_ for id_, line in read.lines.items() if customer_id in dict(line.sources)}
    found |= {
        id_
        for id_, journal in read.journals.items()
        if any(customer_id in dict(entry.sources) for entry in journal.entries)
    }
    return found - {0}


def _line(
    read: Journalled,
    service_id: int,
    reasons: _Reasons,
    observed: Mapping[int, Observed] | None,
    month: Month,
    ports: Ports,
) -> LineEvidence:
    line = read.lines.get(service_id, Line(read.contract_id, service_id))
    journal = read.journals.get(service_id, Journal())
    demand, customer = reasons.demands.get(line.key), reasons.customer
    has = None
    if observed is not None:
        has = observed[service_id].by_day if service_id in observed else NOTHING
    by_entries = by_journal(journal.entries, line)
    days = tuple(_days(read.contract, line, by_entries, has, month, reasons))
    sources = {one for entry in journal.entries for one in entry.sources} | {*line.sources}
    sources |= {(one.customer_id, one.sku) for one in (demand.sources if demand else ())}
    return LineEvidence(
        line,
        tuple(sorted({sku for source, sku in sources if source == customer.id and sku})),
        tuple(sorted({source for source, _ in sources} - {customer.id})),
        days,
        tuple(entry for entry in journal.entries if _concerns(entry, month, ports)),
        journal,
        first_broken(journal, line.head),
        tuple(_differences(days)),
        contract=read.contract,
        part=_part(demand),
        kept=_kept(line, days, ports),
    )


def _part(demand: Demand | None) -> Timeline:
    sources = demand.sources if demand else ()
    return reduce(Timeline.plus, (one.units for one in sources), NOTHING)


def _days(
    contract: Contract | None,
    line: Line,
    journal: Timeline | None,
    autotask: Timeline | None,
    month: Month,
    reasons: _Reasons,
) -> Iterator[DayUnits]:
    demand = reasons.demands.get(line.key)
    sources = demand.sources if demand else ()
    timus = reduce(Timeline.plus, (one.quantity for one in sources), NOTHING)
    part = _part(demand)
    for day in month.days:
        billed = contract is not None and contract.start <= day <= contract.end
        units = journal.at(day) if journal and billed else None
        has = autotask.at(day) if autotask and billed else None
        why = tuple(reasons.of(line, day, contract, part.at(day))) if contract else ()
        yield DayUnits(day, timus.at(day), part.at(day), units, has, why)


@dataclass(frozen=True, slots=True)
class _Reasons:
    """Why lines have other units than Timus's."""

    customer: Customer
    demands: Mapping[LineKey, Demand]
    trials: AbstractSet[tuple[str, int, str]]
    """Subscription, version and SKU of all that is, or was, in a trial."""
    late: Mapping[str, Timeline]
    """By SKU: what Timus had by superseded events beyond what counts, trials among it."""
    to_bill: Mapping[str, Timeline]
    """By SKU: what the terms bill, on lines and where there is none."""

    def of(self, line: Line, day: date, contract: Contract, part: int) -> Iterator[Because]:
        """Of a line on a day; ``part``: what of it is the customer's."""
        demand = self.demands.get(line.key)
        for one in demand.sources if demand else ():
            timus = one.quantity.at(day)
            if demand and (timus != one.units.at(day) or self.trials):
                to_bill = self.to_bill[one.sku].at(day)
                yield from reasons_of_part(demand, self.demands, self.customer, one.sku, timus, day, to_bill)
            yield from superseded(self.late.get(one.sku, NOTHING).at(day))
        if contract.start <= day <= contract.end:
            yield from kept(line.offset.at(day))
        else:
            yield from outside(contract, part, day)


def _reasons_of(
    customer: Customer, wanted: Desired, trials: Trials, events: Iterable[EventRecord]
) -> _Reasons:
    missed = superseded_units(events, {customer.id: customer})
    late = {sku: one.units.plus(one.trial) for (_, sku), one in missed.items()}
    to_bill = {sku: units for (_, sku), units in wanted.billed.items()}
    return _Reasons(customer, wanted.demands, {*trials}, late, to_bill)


_LOOKED_FOR = timedelta(days=100)
"""So long before the first day of an edit the decision to keep it is looked for."""


def _kept(line: Line, days: Iterable[DayUnits], ports: Ports) -> KeptEdit | None:
    """What is kept on a line; the decisions are read only if something is."""
    on = [one.day for one in days if any(each.code == "kept" for each in one.why)]
    if not on:
        return None
    since = datetime.combine(line.offset.days[0] - _LOOKED_FOR, time(), ports.zone)
    decided = [
        one
        for one in ports.store.decisions(since.astimezone(UTC))
        if (one.kind, one.contract_id, one.service_id) == ("drift", line.contract_id, line.service_id)
        and one.detail.startswith(Choice.ADOPT)
    ]
    if not decided:
        return KeptEdit(on[0])
    return KeptEdit(on[0], by=decided[-1].by or "somebody", at=decided[-1].at.astimezone(ports.zone))


def _concerns(entry: JournalEntry, month: Month, ports: Ports) -> bool:
    made = effective_day(entry.opened_at, ports.zone)
    return entry.day in month or made in month


def _differences(days: Iterable[DayUnits]) -> Iterable[JournalDifference]:
    found: list[JournalDifference] = []
    for one in days:
        if one.journal is None or one.autotask is None or one.journal == one.autotask:
            continue
        last = found[-1] if found else None
        if last and (last.last + ONE_DAY, last.journal, last.autotask) == (
            one.day,
            one.journal,
            one.autotask,
        ):
            found[-1] = replace(last, last=one.day)
        else:
            found.append(JournalDifference(one.day, one.day, one.journal, one.autotask))
    return found


_COUNTED_APART = (WhyDiffers.KEPT, WhyDiffers.BEFORE)
"""Causes of which a line's seat-days say nothing: an edit that is kept has its own, and nobody wants units before the line is our concern."""


def _all_compared(
    lines: Iterable[LineEvidence], wanted: Desired, today: date, customer: str
) -> list[LineEvidence]:
    """``wanted``: what is to be billed of the customer's own; a line of several customers has what all of them should have."""
    return [
        _compared(one, one.whole, today, billed_by_day(one, customer))
        if one.others
        else _compared(one, wanted.demands.get(one.key), today)
        for one in lines
    ]


def _compared(
    line: LineEvidence,
    demand: Demand | None,
    today: date,
    billed_of: Mapping[date, int | None] | None = None,
) -> LineEvidence:
    """With its seat-days, by the causes that the ledger has, and what they say of single days.

    ``demand``: what all who are billed on the line should have; ``billed_of``: of a line of several, what the customer is billed on each day.
    """
    has = {one.day: _has(one, line.contract) for one in line.days}
    known = {day: units for day, units in has.items() if units is not None}
    units = Timeline.sampled(known, lambda day: known[day])
    observes = line.line.state is State.OBSERVING
    book = BookLine(
        line.key,
        demand,
        line.line,
        line.contract,
        Observed(units),
        live=not observes,
        changes=line.journal.entries,
    )
    all_of_it, undone, kept_units, days = SeatDays(), SeatDays(), 0, list[DayUnits]()
    for one in line.days:
        if one.day not in known:
            days.append(one)
            continue
        causes = billed_otherwise_on(book, one.day, today) if one.day <= today else {}
        for cause, units_of_it in causes.items():
            if cause not in _COUNTED_APART:
                all_of_it = all_of_it.with_units(units_of_it)
        undone = undone.with_units(causes.get(WhyDiffers.UNDONE, 0))
        kept_units -= causes.get(WhyDiffers.KEPT, 0)
        billed = line.contract is not None and line.contract.start <= one.day <= line.contract.end
        why = tuple(_of_line(book, one.day, today)) if billed else ()
        days.append(replace(one, why=(*one.why, *why)))
    if billed_of is not None:
        line = _with_own(line, book, billed_of, [day for day in known if day <= today], today)
    kept_edit = replace(line.kept, seat_days=kept_units) if line.kept else None
    return replace(line, days=tuple(days), seat_days=all_of_it, by_undo=undone, kept=kept_edit)


def _with_own(
    line: LineEvidence, book: BookLine, billed: Mapping[date, int | None], days: Iterable[date], today: date
) -> LineEvidence:
    """Of a line of several customers: with what this one has otherwise than its part, on these days."""
    own, unsaid = SeatDays(), SeatDays()
    for day in days:
        causes = billed_otherwise_on(book, day, today)
        has = billed[day]
        if has is None:
            units = sum(units for cause, units in causes.items() if cause not in _COUNTED_APART)
            unsaid = unsaid.with_units(units)
        elif not causes.keys() & {*_COUNTED_APART}:
            own = own.with_units(line.part.at(day) - has)
    return replace(line, own_seat_days=own, unsaid=unsaid)


def _of_line(book: BookLine, day: date, today: date) -> Iterator[Because]:
    """Why the whole line has other units than all parts come to, where nothing is to be done about it: also what makes up for something else."""
    yield from by_undo(-decided_on(book, day).get(WhyDiffers.UNDONE, 0), book.line.undone)
    causes = causes_on(book, day, today)
    people = [one.by for one in decided_by(book, WhyDiffers.REJECTED)]
    yield from rejected(-causes.get(WhyDiffers.REJECTED, 0), people)
    yield from past_changing(-causes.get(WhyDiffers.LATE, 0))


def _has(one: DayUnits, contract: Contract | None) -> int | None:
    """What is billed on a day, by Autotask or else by the journal; None: nobody knows."""
    if contract is not None and not contract.start <= one.day <= contract.end:
        return 0  # nobody bills days that the contract does not have
    return one.journal if one.autotask is None else one.autotask


def _contract(read: Journalled, month: Month, ports: Ports) -> ContractEvidence:
    heads = {id_: line.head for id_, line in read.lines.items() if line.head}
    if read.head:
        heads[0] = read.head
    journal = read.journals.get(0, Journal())
    return ContractEvidence(
        read.contract_id,
        contract_head(heads),
        dict(sorted(heads.items())),
        tuple(entry for entry in journal.entries if _concerns(entry, month, ports)),
        journal,
        first_broken(journal, read.head),
    )


def _late(
    events: Iterable[EventRecord], parked: Mapping[str, EventEffect], month: Month, ports: Ports
) -> Iterable[LateEvent]:
    for event in sorted(events, key=lambda one: (one.received_at, one.key)):
        effect = parked.get(event.key)
        if effect is None and event.outcome != "superseded":
            continue
        if effect:
            by_sku, why = effect.by_sku(month.first, month.last), effect.sentence(month.first, month.last)
        else:
            by_sku, why = _superseded(event, month)
        if by_sku or effective_day(event.received_at, ports.zone) in month:
            yield LateEvent(event, by_sku, why)


def _superseded(event: EventRecord, month: Month) -> tuple[tuple[SkuDays, ...], str]:
    """What it would have changed, and the same for people."""
    units: dict[str, Timeline] = {}
    for one in event.would_change:
        more, until = one.units - (one.instead_of or 0), one.until or month.last + ONE_DAY
        units[one.sku] = units.get(one.sku, NOTHING).set_between(one.first, max(one.first, until), more)
    found = days_of(units, month.first, month.last)
    return found, f"{SUPERSEDED} By it: {words_of(found)}." if found else SUPERSEDED


def verdict_of(found: MonthEvidence) -> str:
    """Whether journal and Autotask agree, for people, and for which days that says nothing yet."""
    if found.agrees is None:
        return f"Not compared with Autotask: {found.not_compared.rstrip('.')}."
    if not found.compared:
        return "Nothing is billed on a line of the customer in this month, so there is nothing to compare."
    said = (
        "Journal and Autotask have the same units on each day."
        if found.agrees
        else "Journal and Autotask differ; the days stand below."
    )
    if found.days_to_come:
        days = (
            "1 day of the month is"
            if found.days_to_come == 1
            else f"{found.days_to_come} days of the month are"
        )
        said += f" {days} still to come, and may change."
    return said
