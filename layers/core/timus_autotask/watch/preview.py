"""The adjustments that would follow if something were written, as a value: every contract that it concerns, whole, with totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import chain, repeat
from typing import Generic, TypeVar

from timus_autotask.domain.approval import others_set_aside
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import Line, State
from timus_autotask.domain.mapping import LineChoice, LineKey
from timus_autotask.domain.past_days import PastDays, still_shown
from timus_autotask.domain.placement import IGNORED
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import BY_DECISION, REJECTED, Parked
from timus_autotask.domain.timeline import NOTHING as NO_UNITS
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.errors import NO_ANSWER
from timus_autotask.ports.psa import UnitRow
from timus_autotask.store.contracts import ContractRecords, contract_records
from timus_autotask.store.keys import OF_CONTRACT, OF_PARTNER, PARTNER, contract_pk
from timus_autotask.store.partner import Looks, partner_in
from timus_autotask.store.reading import RecordUnreadable, Unreadable
from timus_autotask.store.records import Store
from timus_autotask.store.terms import TermsUnreadable
from timus_autotask.sync.gather import observed_of, read_records
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.money import Estimate, estimated, total
from timus_autotask.watch.names import NOBODY, Directory, directory, name_of
from timus_autotask.watch.rehearsal import NotAnswered, Rehearsal, RehearsedAutotask, Unsettled
from timus_autotask.watch.remedy import REPAIR, remedy_of
from timus_autotask.watch.status import Each

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PreviewedAdjustment:
    """One adjustment that would be made."""

    day: date
    """From when it changes the units."""
    delta: int
    at_once: bool
    """Made as soon as it is agreed to; otherwise on its day, or when what it waits for is done."""
    price: PriceChange | None = None
    """The unit price that goes out with it, as the terms and Autotask are now; None: the line keeps the one that it has by then."""
    posted: bool = False
    """Its day is in a period that is approved and posted already: Autotask bills it as an item of its own, next to that period."""
    estimate: Estimate | None = None
    """What ``more`` comes to; None: prices were not asked for."""
    goes_on: int = 0
    """How many of its units only make up for what Autotask itself takes off or adds on that day, as where a new period begins empty."""

    @property
    def more(self) -> int:
        """By how many units more is billed from its day on than on the day before."""
        return self.delta - self.goes_on

    @property
    def compared(self) -> str:
        """How its day compares with the day before, where ``delta`` does not say it; for people."""
        if not self.goes_on:
            return ""
        return (
            f"{abs(self.more)} {'more' if self.more > 0 else 'fewer'} than before"
            if self.more
            else "as before"
        )


@dataclass(frozen=True, slots=True)
class LinePreview:
    """One line as workers would leave it."""

    service_id: int
    sources: tuple[tuple[str, str], ...]
    """(customer, SKU)."""
    units: int
    """What Autotask has today."""
    wanted: int
    """What it should have today."""
    adjustments: tuple[PreviewedAdjustment, ...]
    state: State
    reason: str | None = None
    """Why something, or everything, would not be made."""
    set_aside: tuple[str, ...] = ()
    """What was rejected and would still not be made, where the reason does not say so already."""
    undo_ends: tuple[str, ...] = ()
    """What a person took back that would count again."""
    under_way: tuple[date, int] | None = None
    """(day, change) of an adjustment whose outcome is not known yet: it is made again if it turns out to be lost."""
    code: str | None = None
    """The reason's code."""
    past_days: tuple[PastDays, ...] = ()
    """Days that stay billed otherwise, because their period is posted, or they were adjusted already."""
    observed_units: Timeline = NO_UNITS
    """What Autotask has, by day."""
    desired_units: Timeline = NO_UNITS
    """What it should have, by day."""
    posted_until: date | None = None
    """The last day of the periods that are approved and posted."""
    approved: tuple[tuple[date, int], ...] = ()
    """(day, change) of what is approved and would still wait: for its day, for another line, or for the end of a pause."""
    held: PreviewedAdjustment | None = None
    """What a person would have to let go."""
    wanted_later: tuple[tuple[date, int], ...] = ()
    """(day, units that it should have from then on) of each day to come with an adjustment, where these are others than before."""
    units_after: int = 0
    """What Autotask has on the contract's last day once everything is made."""
    no_longer_made: tuple[PreviewedAdjustment, ...] = ()
    """What was going to be made on its day or later, and would not be any more: another size or another day is another adjustment."""

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to say about it: it stays as it is, and so does what is to be made."""
        return not (self.adjustments or self.reason or self.under_way or self.no_longer_made)

    @property
    def waits_for_decision(self) -> bool:
        """Whether nothing of it is made before a person decides."""
        return self.code in BY_DECISION and self.code != REJECTED

    @property
    def estimate(self) -> Estimate | None:
        """What its adjustments come to; None: prices were not asked for."""
        found = [one.estimate for one in self.adjustments if one.estimate]
        return total(found) if found else None


@dataclass(frozen=True, slots=True)
class NoLine:
    """A quantity of a customer that goes to no line."""

    customer: str
    why: Parked


@dataclass(frozen=True, slots=True)
class ToNoLine:
    """Why quantities go to no line, with all customers whose they are."""

    message: str
    remedy: str
    customers: tuple[str, ...]


def to_no_line(contracts: Iterable[ContractPreview]) -> tuple[ToNoLine, ...]:
    """Each reason once: a SKU without a service is one matter, however many customers have it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for one in (each for contract in contracts for each in contract.without_line):
        found.setdefault((one.why.message, remedy_of(one.why)), {})[one.customer] = None
    return tuple(ToNoLine(message, remedy, tuple(of)) for (message, remedy), of in found.items())


@dataclass(frozen=True, slots=True)
class NewContractPreview:
    """A contract that would be opened."""

    number: str
    company_id: int
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class LeftEmpty:
    """What would be made instead, should Autotask add the days of an extension without units: only the extension shows that."""

    day: date
    """The first of these days."""
    lines: tuple[LinePreview, ...]

    def in_words(self, names: Directory) -> tuple[str, ...]:
        """For people: what it is about, and then each line of the contract."""
        about = f"Autotask may add the days from {self.day} on without units. Then this is made there instead of what is shown:"
        return (about, *(f"{_called(one.service_id, names)}: {_in_words(one)}" for one in self.lines))


def _called(service_id: int, names: Directory) -> str:
    """A service, for a sentence."""
    return f"{service_id} {names.services.get(service_id, '')}".rstrip()


def _in_words(line: LinePreview) -> str:
    made = (f"{one.delta:+d} from {one.day}{' (at once)' if one.at_once else ''}" for one in line.adjustments)
    return ". ".join(filter(None, [", ".join(made), (line.reason or "").removesuffix(".")])) or "nothing"


@dataclass(frozen=True, slots=True)
class ContractPreview:
    """What would become of a contract."""

    contract_id: int | None
    """None: it would be opened first."""
    name: str
    company_id: int | None
    lines: tuple[LinePreview, ...]
    without_line: tuple[NoLine, ...] = ()
    """Quantities of its customers that would still have no line."""
    extended_to: date | None = None
    """Its last day would be moved to here, for the term was renewed."""
    if_left_empty: LeftEmpty | None = None
    """None: the same is made then."""
    opened: NewContractPreview | None = None
    last_day: date | None = None
    """The day after which nothing of it is billed; None: it is not in Autotask."""

    @property
    def changes(self) -> bool:
        """Whether anything would be done in Autotask."""
        return bool(self.extended_to or self.opened or any(line.adjustments for line in self.lines))

    @property
    def no_longer_made(self) -> bool:
        """Whether anything that was going to be made would not be made any more."""
        return any(line.no_longer_made for line in self.lines)

    @property
    def observes(self) -> bool:
        """Whether nothing of it is adjusted before go-live."""
        return any(line.state is State.OBSERVING for line in self.lines)


@dataclass(frozen=True, slots=True)
class NoLongerMade:
    """How much was going to be made, and would not be any more, over all contracts."""

    lines: int
    units_up: int
    units_down: int
    """A positive number."""
    estimate: Estimate | None = None
    """What it would have come to; None: prices were not asked for."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How much would be changed, over all contracts."""

    contracts: int
    """On which anything would be done."""
    lines: int
    units_up: int
    """By how much more is billed, as ``PreviewedAdjustment.more`` says of each."""
    units_down: int
    """A positive number."""
    units_up_at_once: int
    units_down_at_once: int
    parked: int = 0
    """Lines that wait for a person, and quantities without a line."""
    estimate: Estimate | None = None
    """None: prices were not asked for, or nothing would be adjusted."""
    no_longer_made: NoLongerMade = NoLongerMade(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Unhandled:
    """A customer, contract or SKU for which workers cannot do anything now: they leave it alone, and try again later."""

    subject: str
    """As in ``CUSTOMER#cus_41d0``."""
    error: str
    remedy: str = ""
    """What a person can do about it, if that is known."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Every adjustment that would be made."""

    contracts: tuple[ContractPreview, ...] = ()
    unhandled: tuple[Unhandled, ...] = ()
    """For whom nothing would be adjusted, although something may be due."""
    names: Directory = field(default=NOBODY, compare=False)
    """How what stands in it is called."""
    named: Mapping[int, Mapping[int, str]] = field(default_factory=dict, compare=False)
    """By contract: services whose names are kept nowhere and were read for this, as those that are not on their contract yet."""
    observing: tuple[ContractPreview, ...] = ()
    """Contracts that stay in observation, where they are set apart: nothing of them is adjusted."""

    def set_apart(self) -> Preview:
        """The same, with everything that stays in observation apart: neither shown nor counted with what is adjusted."""
        observing = tuple(one for one in self.contracts if one.observes)
        live = tuple(one for one in self.contracts if not one.observes)
        return replace(self, contracts=live, observing=observing)

    @property
    def changes(self) -> bool:
        """Whether anything would be done in Autotask, now or later."""
        return any(one.changes for one in self.contracts)

    @property
    def without_line(self) -> tuple[ToNoLine, ...]:
        """Why quantities go to no line, each once."""
        return to_no_line(self.contracts)

    @property
    def totals(self) -> Totals:
        """Of everything that is shown, without what is set apart."""
        return _totals(self.contracts)

    @property
    def totals_observing(self) -> Totals:
        """Of what is set apart."""
        return _totals(self.observing)


def _totals(contracts: Sequence[ContractPreview]) -> Totals:
    lines = [line for contract in contracts for line in contract.lines if line.adjustments]
    all_ = [adjustment for line in lines for adjustment in line.adjustments]
    at_once = [adjustment for adjustment in all_ if adjustment.at_once]
    estimates = [one.estimate for one in all_ if one.estimate]
    return Totals(
        contracts=sum(contract.changes for contract in contracts),
        lines=len(lines),
        units_up=_up(all_),
        units_down=_down(all_),
        units_up_at_once=_up(at_once),
        units_down_at_once=_down(at_once),
        parked=sum(
            len(one.without_line) + sum(line.reason is not None for line in one.lines) for one in contracts
        ),
        estimate=total(estimates) if estimates else None,
        no_longer_made=_no_longer_made(contracts),
    )


def _no_longer_made(contracts: Sequence[ContractPreview]) -> NoLongerMade:
    lines = [line for contract in contracts for line in contract.lines if line.no_longer_made]
    all_ = [one for line in lines for one in line.no_longer_made]
    estimates = [one.estimate for one in all_ if one.estimate]
    return NoLongerMade(len(lines), _up(all_), _down(all_), total(estimates) if estimates else None)


def _up(adjustments: Iterable[PreviewedAdjustment]) -> int:
    return sum(max(0, one.more) for one in adjustments)


def _down(adjustments: Iterable[PreviewedAdjustment]) -> int:
    return sum(max(0, -one.more) for one in adjustments)


@dataclass(frozen=True, slots=True)
class Previewed(Generic[T]):
    """What was rehearsed: what it returned, and the adjustments that would be made."""

    result: T
    preview: Preview
    progress: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """How far each contract had come when it was read. Farther means that something has changed since: there is news, or a worker has
    made by now what would have been made."""
    looks: Looks = field(default_factory=dict)
    """By SKU: the state of its plan, and whether its service was looked for again. Otherwise by now: a worker may know a service that was
    not known here, also if nobody has told its contracts yet."""


def preview(
    act: Callable[[Ports], T],
    ports: Ports,
    each: Each = map,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    money: bool = False,
) -> Previewed[T]:
    """The adjustments that workers would make at once, and later, if ``act`` were done; it is given ports that reach nobody.

    ``money``: read the prices of what would be changed, for an estimate.

    Raises ``NotAnswered`` and ``Unsettled`` (see ``rehearsal``): then nothing is known, and nothing may be done.
    """
    rehearsal = Rehearsal(ports, each, on_progress)
    result = rehearsal.run(act)
    if rehearsal.under_way:
        _same_if_lost(rehearsal, act, ports, each)
    contracts = rehearsal.contracts()
    before = {(id_ := records.state.value.contract_id): _as_it_was(id_, rehearsal) for records in contracts}
    progress = {id_: records.progress for id_, records in before.items()}
    looks = partner_in(rehearsal.table.before(PARTNER, *OF_PARTNER)).looks(rehearsal.now)
    names, named = _names(contracts, rehearsal)  # first: with the names, prices of most new services are read
    show = partial(_contract, before=before, made=_made(rehearsal), rehearsal=rehearsal, money=money)
    try:
        if money:
            rehearsal.autotask.load_services(_new_services(contracts))
        shown = tuple((each if money else map)(show, filter(_handled, contracts)))
        if rehearsal.autotask.extended:
            shown = _also_if_left_empty(shown, rehearsal, act, ports, each)
    except NO_ANSWER as error:
        raise NotAnswered(error) from error
    unhandled = tuple(_unhandled(subject, error) for subject, error in sorted(rehearsal.troubles.items()))
    return Previewed(result, Preview(shown, unhandled, names, named), progress, looks)


def _as_it_was(contract_id: int, rehearsal: Rehearsal) -> ContractRecords:
    """A contract as it was read, before anything was done."""
    return contract_records(contract_id, rehearsal.table.before(contract_pk(contract_id), *OF_CONTRACT))


def _made(rehearsal: Rehearsal) -> dict[LineKey, list[PreviewedAdjustment]]:
    """By line, what workers made at once."""
    made: dict[LineKey, list[PreviewedAdjustment]] = {}
    for entry in rehearsal.made():
        one = PreviewedAdjustment(entry.day, entry.delta, True, entry.price)
        made.setdefault(entry.line, []).append(one)
    return made


def _handled(records: ContractRecords) -> bool:
    """Whether workers came to the end of a contract; else its lines are as they were, and it is among what cannot be handled."""
    return records.state.value.generation == records.state.value.converged


def _unhandled(subject: str, error: Exception) -> Unhandled:
    message = str(error) or type(error).__name__
    match error:
        case TermsUnreadable():
            return Unhandled(subject, f"its terms cannot be read: {message}", REPAIR)
        case RecordUnreadable():
            return Unhandled(subject, message, REPAIR)
    return Unhandled(subject, message)


def _new_services(contracts: Iterable[ContractRecords]) -> Iterator[int]:
    """Services that are not on their contract yet, so that the catalogue has their price."""
    for records in contracts:
        for stored in records.lines.values():
            if (stored.value.contract_service_id or 0) <= 0:  # a rehearsal gives a new one a negative id
                yield stored.value.service_id


def _names(
    contracts: Sequence[ContractRecords], rehearsal: Rehearsal
) -> tuple[Directory, Mapping[int, Mapping[int, str]]]:
    """How everything is called; and of that, the services whose names are not kept yet."""
    store = rehearsal.ports.store
    ids = {id_ for records in contracts for id_ in records.state.value.customers}
    customers = {id_: _name(id_, store) for id_ in sorted(ids)}
    names = directory(customers, (store.names(one.state.value.contract_id).value for one in contracts))
    # What is not on a contract yet has no name there, and a bare number tells nobody what would be billed.
    first = {
        service_id: records.state.value.contract_id for records in contracts for service_id in records.lines
    }
    found = rehearsal.autotask.service_names(first.keys() - names.services.keys())
    named: dict[int, dict[int, str]] = {}
    for service_id, name in found.items():
        named.setdefault(first[service_id], {})[service_id] = name
    return replace(names, services={**names.services, **found}), named


def _name(customer: str, store: Store) -> str:
    try:
        return name_of(store.customer_to_bill(customer))
    except Unreadable:
        return ""  # it is among what cannot be handled


def _same_if_lost(rehearsal: Rehearsal, act: Callable[[Ports], T], ports: Ports, each: Each) -> None:
    """Whether no more would be adjusted, if what is under way turned out to be lost, than itself once more.

    Raises ``Unsettled`` otherwise.
    """
    other = Rehearsal(ports, each, lost=True)
    other.run(act)
    shown = Counter((one.line, one.day, one.delta) for one in rehearsal.made())
    shown += Counter((key, intent.day, intent.delta) for key, intent in rehearsal.under_way.items())
    made = Counter((one.line, one.day, one.delta) for one in other.made())
    if made - shown or [*other.autotask.opened.values()] != [*rehearsal.autotask.opened.values()]:
        key, intent = max(rehearsal.under_way.items(), key=lambda each: each[1].settles_at)
        raise Unsettled(key.contract_id, intent.settles_at)


def _also_if_left_empty(
    shown: tuple[ContractPreview, ...],
    rehearsal: Rehearsal,
    act: Callable[[Ports], T],
    ports: Ports,
    each: Each,
) -> tuple[ContractPreview, ...]:
    """The same, with what would be made instead where Autotask adds the days of an extension without units."""
    other = Rehearsal(ports, each, left_empty=True)
    other.run(act)
    show = partial(_contract, before={}, made=_made(other), rehearsal=other, money=False)
    instead = {one.contract_id: one for one in map(show, filter(_handled, other.contracts()))}
    ended = rehearsal.autotask.ended
    first = min(ended.values())

    def with_both(one: ContractPreview) -> ContractPreview:
        then = instead.get(one.contract_id)
        if then is None or _plan(then) == _plan(one):
            return one
        return replace(
            one, if_left_empty=LeftEmpty(ended.get(then.contract_id or 0, first) + ONE_DAY, then.lines)
        )

    return tuple(map(with_both, shown))


def _plan(contract: ContractPreview) -> list[tuple[int, list[tuple[date, int, bool]], str | None]]:
    """What would be made on each line, without what it comes to."""
    return [
        (line.service_id, [(one.day, one.delta, one.at_once) for one in line.adjustments], line.reason)
        for line in contract.lines
    ]


def _contract(
    records: ContractRecords,
    before: Mapping[int, ContractRecords],
    made: Mapping[LineKey, Sequence[PreviewedAdjustment]],
    rehearsal: Rehearsal,
    *,
    money: bool,
) -> ContractPreview:
    """``before`` has the contracts as they were; without one of them, nothing of it was going to be made."""
    id_, autotask, today = records.state.value.contract_id, rehearsal.autotask, rehearsal.ports.today()
    contract = autotask.contract(id_)
    rows, chosen = autotask.rows_before.get(id_, ()), records.state.value.chosen
    there = _there(rows, contract, chosen, today)
    last = max(contract.end, today) if contract else today
    after = observed_of(autotask.units(id_, records.lines), last, chosen) if contract else {}
    ending = _undos_that_end(records, rehearsal)
    was_to_be = _lines_before(id_, before)
    lines = []
    for service_id, stored in sorted(records.lines.items()):
        known, was = stored.value, there.get(service_id, Observed())
        line = _line(known, was.units.at(today), made.get(known.key, ()), today)
        line = replace(line, undo_ends=ending.get(service_id, ()), under_way=_under_way(known.key, rehearsal))
        line = replace(line, no_longer_made=_falls_away(was_to_be.get(service_id), line))
        line = _against(line, was, known.desired)
        line = _with_what_goes_on(line, after.get(service_id, Observed()).units, last, today)
        if money:
            line = _estimated(line, known.contract_service_id, contract, rehearsal)
        lines.append(line)
    new = autotask.opened.get(id_)
    return ContractPreview(
        contract_id=None if new else id_,
        name=contract.name if contract else "",
        company_id=contract.company_id if contract else None,
        lines=tuple(lines),
        without_line=_unrouted(records, rehearsal.ports, today),
        extended_to=autotask.extended.get(id_),
        opened=NewContractPreview(new.number, new.company_id, new.start, new.end) if new else None,
        last_day=contract.end if contract else None,
    )


def _lines_before(contract_id: int, before: Mapping[int, ContractRecords]) -> Mapping[int, Line]:
    """By service: the lines as they were."""
    records = before.get(contract_id)
    return {id_: stored.value for id_, stored in records.lines.items()} if records else {}


def _there(
    rows: Sequence[UnitRow], contract: Contract | None, chosen: Mapping[int, LineChoice], today: date
) -> Mapping[int, Observed]:
    """By service: what Autotask has before anything is done."""
    if contract is None:
        return {}
    found = observed_of(rows, contract.end, chosen)
    return _until(contract.end, found) if contract.end < today else found


def _until(last: date, observed: Mapping[int, Observed]) -> dict[int, Observed]:
    """With no units after a day: what was read up to a contract's last one stays as it is for ever."""
    after = last + ONE_DAY
    return {id_: replace(one, units=one.units.set_from(after, 0)) for id_, one in observed.items()}


def _under_way(key: LineKey, rehearsal: Rehearsal) -> tuple[date, int] | None:
    """Day and units of an adjustment whose outcome is not known yet."""
    intent = rehearsal.under_way.get(key)
    return (intent.day, intent.delta) if intent else None


def _unrouted(records: ContractRecords, ports: Ports, today: date) -> tuple[NoLine, ...]:
    """Which units of the contract's customers go to no line, and why."""
    try:
        unrouted = read_records(records, ports).desired(today).unrouted
    except Unreadable:
        return ()  # it is among what cannot be handled
    return tuple(NoLine(one.customer_id, one.parked) for one in unrouted if one.reason not in IGNORED)


def _undos_that_end(records: ContractRecords, rehearsal: Rehearsal) -> Mapping[int, tuple[str, ...]]:
    """By service: each undo that holds now, and would not after this."""
    ended = {
        service_id: [one for one in stored.value.undone if one.until is not None]
        for service_id, stored in records.lines.items()
    }
    if not any(ended.values()):
        return {}
    known = rehearsal.before.contract(records.state.value.contract_id).lines
    holding = {
        (service_id, one.id, one.entry)
        for service_id, stored in known.items()
        for one in stored.value.undone
        if one.until is None
    }
    return {
        service_id: tuple(
            f"The undo by {one.by} ({one.delta:+d} on {one.day}) ends on {one.until}: from then on what Timus reports counts again."
            for one in undone
            if (service_id, one.id, one.entry) in holding
        )
        for service_id, undone in ended.items()
    }


def _against(line: LinePreview, observed: Observed, desired: Timeline) -> LinePreview:
    """The line with what Autotask has and should have, and what of it is posted."""
    return replace(
        line,
        adjustments=tuple(_with_posted(one, observed) for one in line.adjustments),
        observed_units=observed.units,
        desired_units=desired,
        posted_until=max((last for _, last in observed.closed), default=None),
    )


def _with_what_goes_on(line: LinePreview, units: Timeline, last: date, today: date) -> LinePreview:
    """The line with what Autotask has on the last day, and with how much more is billed by each adjustment.

    ``units`` is what Autotask has once what is made at once is made.
    """
    without, all_ = units, units
    for one in line.adjustments:
        if one.at_once:
            without = without.add_from(one.day, -one.delta)
        else:
            all_ = all_.add_from(one.day, one.delta)
    left = {
        one.day: without.at(one.day - ONE_DAY) - without.at(one.day)
        for one in line.adjustments
        if one.day > today
    }
    last_of = {one.day: place for place, one in enumerate(line.adjustments)}
    found = []
    for place, one in enumerate(line.adjustments):
        missing = left.get(one.day, 0)
        against = missing * one.delta > 0
        goes_on = missing if place == last_of[one.day] else min(missing, one.delta, key=abs)
        found.append(replace(one, goes_on=goes_on if against else 0))
        left[one.day] = missing - found[-1].goes_on
    return replace(line, adjustments=tuple(found), units_after=all_.at(last))


def _with_posted(one: PreviewedAdjustment, observed: Observed) -> PreviewedAdjustment:
    return replace(one, posted=observed.is_posted(one.day))


def _estimated(
    line: LinePreview, contract_service_id: int | None, contract: Contract | None, rehearsal: Rehearsal
) -> LinePreview:
    """The line with what each adjustment comes to, at the price that the line has then."""
    if contract is None or not (line.adjustments or line.no_longer_made):
        return line
    price = _price(line.service_id, contract_service_id, contract.id, rehearsal.autotask)
    today, end, schedule = rehearsal.ports.today(), contract.end, contract.schedule

    def with_money(these: Iterable[PreviewedAdjustment]) -> tuple[PreviewedAdjustment, ...]:
        return tuple(
            replace(one, estimate=estimated(one.more, price, one.day, end, schedule, today)) for one in these
        )

    return replace(
        line, adjustments=with_money(line.adjustments), no_longer_made=with_money(line.no_longer_made)
    )


def _price(
    service_id: int, contract_service_id: int | None, contract_id: int, autotask: RehearsedAutotask
) -> Decimal | None:
    """The unit price of a line once all is made; of a service that is new on the contract, the catalogue's. None: it is not shown."""
    there = [one for one in autotask.contract_services(contract_id) if one.service_id == service_id]
    if there:
        return next((one for one in there if one.id == contract_service_id), there[-1]).unit_price
    service = autotask.service(service_id)
    return service.unit_price if service else None


def _line(line: Line, units: int, made: Sequence[PreviewedAdjustment], today: date) -> LinePreview:
    held = _is_held(line)
    adjustments = (*made, *_later(line))
    return LinePreview(
        service_id=line.service_id,
        sources=line.sources,
        units=units,
        wanted=line.desired.at(today),
        adjustments=adjustments,
        state=State.PENDING if made and line.parked is None else line.state,
        reason=line.parked.message if line.parked else None,
        set_aside=others_set_aside(line, line.parked),
        code=line.parked.code if line.parked else None,
        past_days=still_shown(line.past_days, today),
        approved=tuple((one.day, one.delta) for one in line.approved),
        held=PreviewedAdjustment(awaiting.day, awaiting.delta, False, awaiting.price)
        if held and (awaiting := line.awaiting)
        else None,
        wanted_later=tuple(_wanted_later(line.desired, adjustments, today)),
    )


def _is_held(line: Line) -> bool:
    """Whether only a decision lets it go. A rejected change is not among what is scheduled, and holds nothing else up."""
    return line.parked is not None and line.parked.code in BY_DECISION and line.parked.code != REJECTED


def _later(line: Line) -> tuple[PreviewedAdjustment, ...]:
    """What is made of a line without anybody's doing: what waits for anything but a decision is made automatically."""
    prices = chain([line.scheduled_price], repeat(None))
    found = zip(() if _is_held(line) else line.scheduled, prices, strict=False)
    return tuple(PreviewedAdjustment(day, delta, False, price) for (day, delta), price in found)


def _falls_away(before: Line | None, line: LinePreview) -> tuple[PreviewedAdjustment, ...]:
    """What was going to be made and is not among what is made now.

    While a line observes nothing is going to be made: what would be is compared with what would be.
    """
    if before is None or (before.state is State.OBSERVING and line.state is not State.OBSERVING):
        return ()
    made = Counter((one.day, one.delta) for one in line.adjustments)
    if before.intent is not None:  # it is under way, and becomes known by itself
        made[before.intent.day, before.intent.delta] += 1
    found = []
    for one in _later(before):
        if made[one.day, one.delta]:
            made[one.day, one.delta] -= 1
        else:
            found.append(one)
    return tuple(found)


def _wanted_later(
    desired: Timeline, adjustments: Iterable[PreviewedAdjustment], today: date
) -> Iterator[tuple[date, int]]:
    before = desired.at(today)
    for day in sorted({one.day for one in adjustments if one.day > today}):
        if desired.at(day) != before:
            before = desired.at(day)
            yield day, before
