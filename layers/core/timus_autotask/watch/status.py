"""Where every line stands: what Timus says, what Autotask has, and what has to happen before both agree.

``gather`` reads the records, ``status_of`` turns them into words and numbers without asking anybody. Nothing here writes, and
nothing asks Autotask: what it holds is what the worker last read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from timus_autotask.domain.approval import others_set_aside
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import wanted_units, whose_terms
from timus_autotask.domain.converge.holds import LineSeen, held_later
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, effective_day
from timus_autotask.domain.desired import Demand, Desired, Unrouted, desired
from timus_autotask.domain.line import Intent, Line, State, Undone
from timus_autotask.domain.mapping import LineKey, service_on
from timus_autotask.domain.past_days import PastDays, WhyPast, still_shown
from timus_autotask.domain.placement import IGNORED, NO_SERVICE
from timus_autotask.domain.policy import BillingSchedule, Policy, whose_are_strictest
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.domain.reasons import CONTRACT_ENDED, Parked
from timus_autotask.domain.stage import LIVE, Stage
from timus_autotask.domain.terms import Terms
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.table import Due, Key
from timus_autotask.store.codec import problems_of
from timus_autotask.store.contracts import ContractNames, ContractRecords, ContractState
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.keys import CONTRACT, id_of, policy_key
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.partner import Circuit, PartnerRecords
from timus_autotask.store.reading import RecordUnreadable, Stored
from timus_autotask.store.records import Store
from timus_autotask.store.terms import policy_from
from timus_autotask.store.troubles import Trouble
from timus_autotask.sync.gather import customer_from
from timus_autotask.sync.stage import contract_is_live
from timus_autotask.watch.as_known_now import by_records
from timus_autotask.watch.explanation import TERMS, Because, explained, reasons_of_difference
from timus_autotask.watch.names import NOBODY, Directory, directory, name_of, reported_name
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.undecided import Undecided, misnamed
from timus_autotask.watch.undecided import parked as parked_events
from timus_autotask.watch.wording import counted, ignored_in_words

T = TypeVar("T")
A = TypeVar("A")

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""``map``, or one that makes several calls at a time."""


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that the state of alignment follows from."""

    queued: int
    """Wake-ups that wait, are held back or are worked on."""
    due: tuple[Due, ...]
    """Whatever will have to be looked at, now or later."""
    customers: Mapping[str, CustomerRecords]
    contracts: Mapping[int, ContractRecords]
    partner: PartnerRecords
    parked_events: tuple[EventRecord, ...]
    provisionings: tuple[Provisioning, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    unreadable: tuple[RecordUnreadable, ...] = ()
    names: tuple[ContractNames, ...] = ()


def gather(store: Store, queued: Callable[[], int], each: Each = map) -> Records:
    """Read everything, from upstream to downstream: what moves on while we read is seen where it went.

    The indexes only say which customers and contracts there are; the records themselves are read as of now.
    """
    waiting = queued()
    reader = _Reader()
    store = Store(store.table, reader.note)
    due = store.due()
    owners = {id_of(document.key) for document in due if waits_in_inbox(document)}
    owners |= {subscription.customer_id for subscription in store.subscriptions()}
    mappings = [*store.mappings()]
    owners |= {mapping.customer_id for mapping in mappings}
    owners |= {customer_id for customer_id, _ in store.terms()}
    ids = store.contract_ids(mappings, due)
    customers = {records.id: records for records in reader.each(store.customer, sorted(owners), each)}
    for records in customers.values():
        for error in records.unreadable:
            reader.note(error)
        ids.update(records.mapping.value.contract_ids if records.mapping else ())
    contracts = {
        records.state.value.contract_id: records for records in reader.each(store.contract, sorted(ids), each)
    }
    provisionings = sorted(store.provisionings(), key=lambda one: one.wanted.number)
    partner = store.readable_partner()
    for error in partner.unreadable.values():
        reader.note(error)
    names = tuple(store.all_names())
    return Records(
        waiting,
        due,
        customers,
        contracts,
        partner,
        by_records(store.parked_events(), customers),
        tuple(provisionings),
        tuple(store.troubles()),
        tuple(one for _, one in sorted(reader.unreadable.items())),
        names,
    )


class _Reader:
    """Reads what can be read, and remembers what cannot."""

    def __init__(self) -> None:
        self.unreadable: dict[str, RecordUnreadable] = {}

    def note(self, error: RecordUnreadable) -> None:
        """One that cannot be read."""
        self.unreadable[error.record] = error

    def each(self, read: Callable[[A], T], ids: Iterable[A], each: Each = map) -> Iterator[T]:
        """What ``read`` returns of each."""

        def attempt(id_: A) -> T | RecordUnreadable:
            try:
                return read(id_)
            except RecordUnreadable as error:
                return error

        for found in each(attempt, ids):
            if isinstance(found, RecordUnreadable):
                self.note(found)
            else:
                yield found


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What one SKU of one customer has on one line; or, without a contract, a quantity that has no line yet."""

    customer: str
    sku: str
    contract_id: int | None
    service_id: int | None
    timus_quantity: int
    """Timus's quantity today, all subscriptions of the customer together; 0 on a line that it went away from."""
    autotask_units: int | None
    """What Autotask has today, as last read; None: never read. Everything else on the line is in it too."""
    state: State
    reason: str | None = None
    """Why it is not applied, for people."""
    reason_code: str | None = None
    remedy: str | None = None
    """The command or action that fixes it."""
    wanted_units: int | None = None
    """What the line should have today on the partner's terms, everything on it together."""
    set_aside: tuple[str, ...] = ()
    """What was rejected and is still lacking, where the reason does not say so already."""
    undone: tuple[Undone, ...] = ()
    """What people took back of it, and what still holds."""
    scheduled: tuple[tuple[date, int], ...] = ()
    """(day, change) that are planned."""
    held_later: Mapping[date, Parked] = field(default_factory=dict)
    """By day: what of it the terms will hold then, as they are now."""
    linked: tuple[tuple[date, LineKey], ...] = ()
    """(day, other line): what is planned for that day is one side of a plan change."""
    because: tuple[Because, ...] = ()
    """Why Autotask rightly has other units than Timus."""
    past_days: tuple[PastDays, ...] = ()
    """Days that stay billed otherwise, everything on the line together."""
    shared: str | None = None
    """With whom the line is shared, and whose terms count there, where others have units on it."""
    undecided: tuple[Undecided, ...] = ()
    """What waits for a person beside the line, and may change what it should have."""
    since: datetime | None = None
    """When it came into this state."""
    last_change: datetime | None = None
    """When an adjustment of ours last landed."""

    @property
    def explanation(self) -> str | None:
        """Why Autotask rightly has other units than Timus, in one sentence."""
        return (
            explained(self.timus_quantity, self.autotask_units or 0, self.because) if self.because else None
        )

    @property
    def key(self) -> LineKey | None:
        """Contract and service; None without a line."""
        if self.contract_id is None or self.service_id is None:
            return None
        return LineKey(self.contract_id, self.service_id)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, and who began it."""

    customer: str | None
    """None: everybody."""
    by: str
    at: datetime | None
    """None: it was begun before that was noted."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Who is live and who observes."""

    partner: Stage = LIVE
    """Of everybody without a stage of his own."""
    customers: Mapping[str, Stage] = field(default_factory=dict)
    """Their own, by customer."""

    def live(self, customer_id: str) -> bool:
        """Whether changes of a customer reach Autotask."""
        return self.customers.get(customer_id, self.partner).live

    @property
    def exceptions(self) -> tuple[str, ...]:
        """The customers who are not on the stage of everybody else."""
        return tuple(sorted(id_ for id_, own in self.customers.items() if own.live != self.partner.live))


UNMAPPED_CUSTOMER = ("customer-unmapped", "opening-off")
"""Why a quantity has no line: its customer has no contract."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What is still to be mapped, and what a person has set aside. Both sorted."""

    customers: tuple[str, ...] = ()
    """With something to be billed and no contract."""
    skus: tuple[str, ...] = ()
    """With something to be billed and no service."""
    ignored_customers: tuple[str, ...] = ()
    ignored_skus: tuple[str, ...] = ()

    @property
    def unmapped(self) -> int:
        """How much is still to be mapped: people drive it to zero."""
        return len(self.customers) + len(self.skus)


def mapped_of(lines: Iterable[StatusLine], records: Records) -> Mapped:
    """What these lines, and the records, say of it."""
    found = [*lines]

    def named(what: Callable[[StatusLine], str], codes: Collection[str]) -> tuple[str, ...]:
        return tuple(sorted({what(line) for line in found if line.reason_code in codes}))

    waiting = {
        line.sku for line in found if line.reason_code in UNMAPPED_CUSTOMER and _no_service(line, records)
    }
    return Mapped(
        named(lambda line: line.customer, UNMAPPED_CUSTOMER),
        tuple(sorted({*named(lambda line: line.sku, NO_SERVICE), *waiting})),
        tuple(
            sorted(id_ for id_, one in records.customers.items() if one.mapping and one.mapping.value.ignored)
        ),
        tuple(sorted(sku for sku, plan in records.partner.plans.items() if plan.value.ignored)),
    )


def _no_service(line: StatusLine, records: Records) -> bool:
    """Whether nobody has chosen a service for a SKU whose customer has no contract: that is hidden behind the contract."""
    plan, mapping = records.partner.plans.get(line.sku), records.customers[line.customer].mapping
    own = mapping and mapping.value.services.get(line.sku)
    return not own and not (plan and (plan.value.choices or plan.value.ignored))


@dataclass(frozen=True, slots=True)
class Status:
    """The state of alignment."""

    lines: tuple[StatusLine, ...]
    parked_events: tuple[EventRecord, ...]
    outstanding: tuple[str, ...]
    """What will still be done automatically, for people; empty: everything is at rest."""
    circuit: Circuit | None = None
    """Set while Autotask is not asked at all."""
    names: Directory = NOBODY
    """How customers, companies, contracts and services are called."""
    provisionings: tuple[Provisioning, ...] = ()
    """Contracts that are being opened; those that wait for something are parked with a reason."""
    troubles: tuple[Trouble, ...] = ()
    """What could not be handled, for a reason that nobody foresaw."""
    paused: tuple[Pause, ...] = ()
    """For whom everything is held back until ``resume``: everybody first."""
    unreadable: tuple[RecordUnreadable, ...] = ()
    """Records that a newer version wrote, or that are damaged. What they say is missing from the lines."""
    mapped: Mapped = Mapped()
    """What has no contract or service yet, and what is ignored."""
    stages: Stages = field(default_factory=Stages)
    """Who is live and who observes."""
    undecided: tuple[Undecided, ...] = ()
    """What waits for a person and is no line's own, of everybody."""

    @property
    def at_rest(self) -> bool:
        """Nothing is queued, due or settling. What is scheduled for a later day, held, parked or only observed does not count."""
        return not self.outstanding


def status_of(records: Records, now: datetime, zone: ZoneInfo) -> Status:
    """Where everything stands."""
    today = effective_day(now, zone)
    records = replace(records, contracts=_with_troubles(records))
    customers = _customers(records)
    wanted = _desired(records, customers, today)
    circuit = records.partner.circuit.value if records.partner.circuit.value.open(now) else None
    lines = [_without_line(missing, customers, records, circuit, today) for missing in wanted.unrouted]
    for key in _keys(wanted, records):
        lines += _lines(key, wanted.demands.get(key), records, customers, circuit, today)
    later = _held_later(wanted, customers, records, today)
    lines = [replace(one, held_later=later.get(one.key, {})) if one.key else one for one in lines]
    theirs = _by_customer(wanted)
    lines = [
        _with_reasons(line, theirs.get(line.customer, {}), customers, wanted.billed, today) for line in lines
    ]
    lines = [
        replace(line, because=tuple(_by_whom(one, line, records) for one in line.because)) for line in lines
    ]
    names = directory({id_: name_of(found) for id_, found in records.customers.items()}, records.names)
    undecided = tuple(_undecided(records, names))
    lines = _beside(lines, undecided)
    lines.sort(key=lambda one: (one.customer, one.sku, one.contract_id or 0, one.service_id or 0))
    outstanding = [*_outstanding(records, now)]
    moving = sum(line.state in (State.PENDING, State.SETTLING) for line in lines)
    if moving:
        outstanding.append(f"{counted(moving, 'line')} not level yet")
    return Status(
        tuple(lines),
        tuple(sorted(records.parked_events, key=lambda event: event.received_at)),
        tuple(outstanding),
        circuit,
        names,
        records.provisionings,
        records.troubles,
        tuple(_pauses(records)),
        tuple(_unreadable(records)),
        mapped_of(lines, records),
        stages_of(records),
        undecided,
    )


def _keys(wanted: Desired, records: Records) -> list[LineKey]:
    """Every line that something is wanted of, or that there is."""
    stored = (one.value for contract in records.contracts.values() for one in contract.lines.values())
    return sorted({*wanted.demands, *(line.key for line in stored)})


def _undecided(records: Records, names: Directory) -> Iterator[Undecided]:
    """Names that are another one's, then parked events, the oldest first."""
    called = {
        id_: (
            reported_name(stored.value for _, stored in sorted(one.subscriptions.items())),
            one.mapping.value if one.mapping else None,
        )
        for id_, one in records.customers.items()
    }
    yield from misnamed(called, names.companies)
    yield from parked_events(sorted(records.parked_events, key=lambda event: event.received_at))


def _beside(lines: Iterable[StatusLine], undecided: Iterable[Undecided]) -> list[StatusLine]:
    """The lines, each with what waits beside it."""
    of: dict[str, list[Undecided]] = {}
    for one in undecided:
        for customer in one.customers:
            of.setdefault(customer, []).append(one)
    return [replace(line, undecided=tuple(of.get(line.customer, ()))) for line in lines]


def stages_of(records: Records) -> Stages:
    """Who is live and who observes. Where nobody has decided yet, a stack with a line is live (see ``sync.stage``)."""
    own = {id_: one.own_stage for id_, one in records.customers.items() if one.own_stage}
    return Stages(stage_of_everybody(records), own)


def stage_of_everybody(records: Records) -> Stage:
    """Of everybody without a stage of his own."""
    partner = records.partner.stage
    return partner.value if partner else Stage(any(one.lines for one in records.contracts.values()))


def _pauses(records: Records) -> Iterator[Pause]:
    everybody = records.partner.terms.value
    if everybody.paused:
        yield Pause(None, everybody.paused_by, everybody.paused_at)
    for id_, found in sorted(records.customers.items()):
        terms = found.terms.value if found.terms else Terms()
        if terms.paused:
            yield Pause(id_, terms.paused_by, terms.paused_at)


def _with_troubles(records: Records) -> Mapping[int, ContractRecords]:
    """The contracts; those that could not be handled say why."""
    why = {trouble.id: trouble.error for trouble in records.troubles if trouble.kind == "contract"}

    def with_trouble(id_: int, contract: ContractRecords) -> ContractRecords:
        state = contract.state
        if str(id_) not in why:
            return contract
        return replace(contract, state=replace(state, value=replace(state.value, trouble=why[str(id_)])))

    return {id_: with_trouble(id_, contract) for id_, contract in records.contracts.items()}


def wanted_of(records: Records, today: date) -> Mapping[LineKey, Demand]:
    """What every line should have."""
    return desired_of(records, today)[1].demands


def desired_of(records: Records, today: date) -> tuple[Mapping[str, Customer], Desired]:
    """The customers by id, and what all of their lines should have."""
    customers = _customers(records)
    return customers, _desired(records, customers, today)


def _customers(records: Records) -> dict[str, Customer]:
    return {id_: _customer(found, records.partner.terms.value)[0] for id_, found in records.customers.items()}


def _customer(found: CustomerRecords, partner: Terms) -> tuple[Customer, RecordUnreadable | None]:
    """A customer; on the default terms where the terms cannot be read, with what is wrong with them."""
    try:
        return customer_from(found, partner), None
    except ValueError as error:
        own = replace(found, terms=None)
        why = "; ".join(problems_of(error))
    try:
        return customer_from(own, partner), _unreadable_terms(found.id, why)
    except ValueError:
        return customer_from(own, Terms()), _unreadable_terms(None, why)


def _unreadable_terms(customer_id: str | None, why: str) -> RecordUnreadable:
    return RecordUnreadable("/".join(policy_key(customer_id)), why)


def _unreadable(records: Records) -> Iterator[RecordUnreadable]:
    """What could not be read, and terms that make no sense."""
    partner = records.partner.terms.value
    found = [*records.unreadable, *(_customer(one, partner)[1] for one in records.customers.values())]
    yield from {one.record: one for one in found if one is not None}.values()


def _desired(records: Records, customers: Mapping[str, Customer], today: date) -> Desired:
    plans = records.partner.plan_mappings
    schedules: dict[int, BillingSchedule] = {
        id_: found.state.value.contract.schedule
        for id_, found in records.contracts.items()
        if found.state.value.contract
    }
    first_days = {
        key: day for found in records.contracts.values() for key, day in found.state.value.first_days.items()
    }
    return desired([customers[id_] for id_ in sorted(customers)], plans, schedules, today, first_days)


def _quantity(customer: Customer | None, sku: str, today: date) -> int:
    """Timus's own quantity, all subscriptions together."""
    subscriptions = customer.subscriptions if customer else ()
    return sum(subscription.quantity(sku).at(today) for subscription in subscriptions)


def _without_line(
    missing: Unrouted,
    customers: Mapping[str, Customer],
    records: Records,
    circuit: Circuit | None,
    today: date,
) -> StatusLine:
    customer = customers[missing.customer_id]
    quantity = _quantity(customer, missing.sku, today)
    if missing.reason in IGNORED:
        return _ignored(missing, customer, records, quantity)
    looked_for = missing.sku in records.partner.plans
    awaited = [] if looked_for or missing.reason != "sku-unmapped" else _awaited(customer, records)
    if awaited:
        trouble = next((_trouble(state, circuit) for state in awaited), None)
        return StatusLine(
            missing.customer_id, missing.sku, None, None, quantity, None, State.PENDING, trouble
        )
    would_open = _would_open(customer, records)
    if would_open and missing.reason == "customer-unmapped":
        return StatusLine(
            missing.customer_id, missing.sku, None, None, quantity, None, State.OBSERVING, would_open
        )
    parked = missing.parked
    provisioning = next(
        (one for one in records.provisionings if one.wanted.customer_id == missing.customer_id), None
    )
    if provisioning is not None and missing.reason == "customer-unmapped":
        if provisioning.parked is None:
            return StatusLine(missing.customer_id, missing.sku, None, None, quantity, None, State.PENDING)
        parked = provisioning.parked
    return StatusLine(
        customer=missing.customer_id,
        sku=missing.sku,
        contract_id=None,
        service_id=None,
        timus_quantity=quantity,
        autotask_units=None,
        state=State.PARKED,
        reason=parked.message,
        reason_code=parked.code,
        remedy=remedy_of(parked),
        wanted_units=missing.units,
    )


def _would_open(customer: Customer, records: Records) -> str | None:
    """What go-live would do for a customer who observes and has a company and no contract; None: nothing."""
    company = customer.mapping.company_id if customer.mapping and customer.policy.open_contracts else None
    own = records.customers[customer.id].own_stage
    if company is None or (own or stage_of_everybody(records)).live:
        return None
    return f"A contract would be opened for company {company}."


def _ignored(missing: Unrouted, customer: Customer, records: Records, quantity: int) -> StatusLine:
    """A quantity that is to have no line, with who said so."""
    plan = records.partner.plans.get(missing.sku)
    of_customer, of_plan = customer.mapping and customer.mapping.ignored, plan and plan.value.ignored
    ignored = of_customer if missing.reason == "customer-ignored" else of_plan
    return StatusLine(
        missing.customer_id,
        missing.sku,
        None,
        None,
        quantity,
        None,
        State.IGNORED,
        reason=ignored_in_words(ignored) if ignored else None,
        reason_code=missing.reason,
        wanted_units=missing.units,
    )


def _awaited(customer: Customer, records: Records) -> list[ContractState]:
    """The customer's contracts that a worker is still to come to."""
    ids = customer.mapping.contract_ids if customer.mapping else ()
    states = [records.contracts[id_].state.value for id_ in ids if id_ in records.contracts]
    return [state for state in states if _unconverged(state)]


def _trouble(state: ContractState, circuit: Circuit | None) -> str | None:
    """Why a contract could not be looked at, if so."""
    return state.trouble or (circuit.reason if circuit else "") or None


def _lines(
    key: LineKey,
    demand: Demand | None,
    records: Records,
    customers: Mapping[str, Customer],
    circuit: Circuit | None,
    today: date,
) -> list[StatusLine]:
    """One line, once for each customer and SKU that is billed on it."""
    contract = records.contracts.get(key.contract_id)
    known = contract.state.value if contract else ContractState(key.contract_id)
    stored = contract.lines.get(key.service_id) if contract else None
    line = stored.value if stored else Line(key.contract_id, key.service_id)
    state, reason = _state(line, stored, known, circuit, today, live=is_live(known, records))
    parked = line.parked if state in (State.PARKED, State.OBSERVING) else None
    if ended := _past_end(line, demand, known.contract, state, today):
        state, reason, parked = ended
    sources = [(s.customer_id, s.sku) for s in demand.sources] if demand else [*line.sources]
    policies = policies_on(demand, line, customers, today)
    partner = partner_policy(records)
    return [
        StatusLine(
            customer=customer,
            sku=sku,
            contract_id=key.contract_id,
            service_id=key.service_id,
            timus_quantity=_quantity_on(key, customers.get(customer), sku, records, today),
            autotask_units=_units(line, known.contract, today),
            state=state,
            reason=reason,
            reason_code=parked.code if parked else None,
            remedy=remedy_of(parked) if parked else None,
            wanted_units=wanted_units(demand, line).at(today),
            set_aside=others_set_aside(line, parked),
            undone=tuple(one for one in line.undone if one.until is None or one.until > today),
            scheduled=line.scheduled,
            linked=line.linked,
            past_days=still_shown(line.past_days, today),
            shared=shared_words(policies, partner, customer) if customer in policies else None,
            since=line.since,
            last_change=line.last_change,
        )
        for customer, sku in sources
    ]


def _past_end(
    line: Line, demand: Demand | None, contract: Contract | None, state: State, today: date
) -> tuple[State, str, Parked] | None:
    """What the worker will say of units after a contract's last day, where that is known and no worker has come since; None: nothing."""
    at_rest = state in (State.APPLIED, State.SCHEDULED, State.OBSERVING) and line.parked is None
    if demand is None or contract is None or contract.end >= today or not at_rest:
        return None
    after, wanted = contract.end + ONE_DAY, wanted_units(demand, line)
    days = (day for day in (after, *wanted.days) if after <= day <= today)
    units = next((units for day in days if (units := wanted.at(day))), None)
    if units is None:
        return None
    facts: dict[str, int | str] = {
        "contract": contract.id,
        "service": line.service_id,
        "customer": next((one.customer_id for one in demand.sources), ""),
        "contract_end": contract.end.isoformat(),
        "units": units,
    }
    parked = Parked(CONTRACT_ENDED, facts)
    return (State.OBSERVING if state is State.OBSERVING else State.PARKED), parked.message, parked


def partner_policy(records: Records) -> Policy:
    """The partner's terms; the default ones where they cannot be read."""
    try:
        return policy_from(records.partner.terms.value.values)
    except ValueError:
        return Policy()


def policies_of(customers: Mapping[str, Customer], records: Records) -> Mapping[str, Policy]:
    """The terms of today by customer; the partner's own under the empty name."""
    return {"": partner_policy(records), **{id_: one.policy for id_, one in customers.items()}}


def _held_later(
    wanted: Desired, customers: Mapping[str, Customer], records: Records, today: date
) -> Mapping[LineKey, Mapping[date, Parked]]:
    """What is scheduled and will be held by the terms, by what Autotask had when it was last read."""
    known = [
        LineSeen(line, wanted.demands.get(line.key), _last_seen(line))
        for one in records.contracts.values()
        if is_live(one.state.value, records)
        for line in (stored.value for stored in one.lines.values())
    ]
    return held_later(known, policies_of(customers, records), today)


def _last_seen(line: Line) -> Observed:
    ids = () if line.contract_service_id is None else (line.contract_service_id,)
    return Observed(line.known_units or NOTHING, ids)


def policies_on(
    demand: Demand | None, line: Line, customers: Mapping[str, Customer], today: date
) -> Mapping[str, Policy]:
    """The terms of everybody who shares a line now, by customer."""
    units = (line.baseline if line.observed is None else line.observed) or NOTHING
    counting = whose_terms(demand, units, wanted_units(demand, line), today)
    return {one: customers[one].policy for one in counting if one in customers}


def shared_words(policies: Mapping[str, Policy], partner: Policy, customer: str) -> str | None:
    """With whom a customer shares a line, and whose terms count there. ``policies`` are those of everybody on it."""
    others = sorted(policies.keys() - {customer})
    if not others:
        return None
    strict = strict_words(policies, partner)
    return f"The line is shared with {', '.join(others)}" + (f"; {strict}" if strict else "")


def _of_whom(name: str, customers: Sequence[str]) -> str:
    if customers:
        return f"of {' and '.join(customers)}"
    return "by a person's decision" if name in ("drift", "renewal") else "of each"


def strict_words(policies: Mapping[str, Policy], partner: Policy) -> str:
    """Whose terms count for several customers together; empty: they do not differ."""
    strict = whose_are_strictest(policies, partner)
    listed = ", ".join(f"{name} {_of_whom(name, of)}" for name, of in strict.items())
    return f"where terms differ, the strictest counts: {listed}" if listed else ""


def _by_customer(wanted: Desired) -> Mapping[str, Mapping[LineKey, Demand]]:
    """What lines should have, by each customer who is billed on them."""
    found: dict[str, dict[LineKey, Demand]] = {}
    for key, demand in wanted.demands.items():
        for source in demand.sources:
            found.setdefault(source.customer_id, {})[key] = demand
    return found


def _with_reasons(
    line: StatusLine,
    demands: Mapping[LineKey, Demand],
    customers: Mapping[str, Customer],
    billed: Mapping[tuple[str, str], Timeline],
    today: date,
) -> StatusLine:
    """The line with why its numbers differ, if nothing is to be done about it today.

    ``demands`` are those of its customer, ``billed`` what is to be billed of each customer and SKU.
    """
    demand = demands.get(line.key) if line.key else None
    customer = customers.get(line.customer)
    if demand is None or customer is None or line.state not in (State.APPLIED, State.SCHEDULED):
        return line
    autotask = line.autotask_units or 0
    numbers = line.timus_quantity, max(0, line.wanted_units or 0), autotask
    before = any(
        one.cause is WhyPast.BEFORE_CONTRACT and one.first <= today < one.until for one in line.past_days
    )
    to_bill = billed.get((customer.id, line.sku))
    because = reasons_of_difference(
        demand,
        demands,
        customer,
        line.sku,
        numbers,
        today,
        before_contract=before,
        undone=line.undone,
        to_bill=None if to_bill is None else to_bill.at(today),
    )
    return replace(line, because=because)


def _by_whom(reason: Because, line: StatusLine, records: Records) -> Because:
    """A reason that the terms are, with who set them and when."""
    if reason.code not in TERMS:
        return reason
    own = records.customers[line.customer].terms
    found = (own and own.value.set_by(reason.code, line.sku)) or records.partner.terms.value.set_by(
        reason.code, line.sku
    )
    by, at = found or ("", None)
    said = [f"set by {by}" if by else "", f"on {at:%Y-%m-%d}" if by and at else ""]
    more = " ".join(filter(None, said))
    return replace(reason, message=f"{reason.message} ({more})") if more else reason


def is_live(state: ContractState, records: Records) -> bool:
    """Whether a contract is surely live: all of its customers are known here, and are."""
    if not all(id_ in records.customers for id_ in state.customers):
        return False
    customers = [records.customers[id_] for id_ in state.customers]
    return contract_is_live(state.contract_id, customers, stage_of_everybody(records))


def _quantity_on(key: LineKey, customer: Customer | None, sku: str, records: Records, today: date) -> int:
    """Timus's own quantity, if the SKU goes to this line."""
    return _quantity(customer, sku, today) if _goes_to(key, customer, sku, records, today) else 0


def _goes_to(key: LineKey, customer: Customer | None, sku: str, records: Records, today: date) -> bool:
    """Whether a SKU is routed to this line today, or will be from the mapping's first day on."""
    mapping = customer.mapping if customer else None
    if mapping is None:
        return False
    plans = {plan: stored.value for plan, stored in records.partner.plans.items()}
    day = max(today, mapping.first_day or today)
    service = service_on(mapping, plans, sku, day)
    return service == key.service_id and any(
        route.contract_id == key.contract_id for route in mapping.routes(sku, day)
    )


def _units(line: Line, contract: Contract | None, today: date) -> int | None:
    """What Autotask has today, as it was read last: nothing after the contract's last day, whatever was on it until then."""
    units = line.baseline if line.observed is None else line.observed
    if units is None:
        return None
    until = line.baseline_until if line.observed is None else None
    ended = contract is not None and contract.end < today
    return 0 if ended or (until is not None and until < today) else units.at(today)


def _unconverged(state: ContractState) -> bool:
    return state.generation != state.converged


def _state(
    line: Line,
    stored: Stored[Line] | None,
    state: ContractState,
    circuit: Circuit | None,
    today: date,
    *,
    live: bool,
) -> tuple[State, str | None]:
    """The state for a person: the worker's last word, unless something has come since."""
    if line.intent and not line.parked:
        return State.SETTLING, _settling(line.intent)
    trouble = _trouble(state, circuit)
    if stored is None or _unconverged(state) or _is_overtaken(line, today, live=live):
        return State.PENDING, trouble
    if line.parked:
        return line.state, line.parked.message
    if line.state in (State.PENDING, State.OBSERVING) and not trouble:
        return line.state, _waiting(line)
    return line.state, trouble if state.trouble or line.state is State.PENDING else None


def _is_overtaken(line: Line, today: date, *, live: bool) -> bool:
    """Whether a scheduled day has come, or a line that was observed is live now."""
    if line.state is State.SCHEDULED:
        return any(day <= today for day, _ in line.scheduled)
    return line.state is State.OBSERVING and live


def _settling(intent: Intent) -> str:
    return (
        f"An adjustment of {intent.delta:+d} on {intent.day} was begun and its outcome is not known yet; "
        f"it is settled by a read no later than {intent.settles_at:%Y-%m-%d %H:%M} UTC."
    )


def _waiting(line: Line) -> str | None:
    """What a change waits for that needs nobody, if so."""
    until = line.waits_for_more
    if until is None:
        return None
    return f"The change waits until {until:%Y-%m-%d %H:%M} UTC for what may replace the subscription (decrease_wait)."


def _outstanding(records: Records, now: datetime) -> Iterable[str]:
    """What will be done without anybody's decision, one sentence each."""
    for trouble in sorted(records.troubles, key=lambda trouble: trouble.since):
        yield (
            f"{trouble.kind} {trouble.id} fails since {trouble.since:%Y-%m-%d %H:%M} UTC and is tried again at "
            f"{trouble.until:%H:%M} UTC: {trouble.error}"
        )
    if records.queued:
        yield f"{counted(records.queued, 'wake-up')} queued"
    inbox = _in_inbox(records)
    if inbox:
        yield f"{counted(len(inbox), 'event')} not merged yet"
    noted = {one.value.customer_id for one in (c.notice for c in records.customers.values()) if one}
    yield from _named(noted, "customer", "whose contracts are still to be told what is new")
    numbers = [one.wanted.number for one in records.provisionings if one.parked is None]
    plans = [sku for sku, plan in records.partner.plans.items() if _is_due(plan.due_at, now)]
    yield from _named(_due_contracts(records, now), "contract", "to be looked at")
    yield from _named(numbers, "contract", "to be opened")
    yield from _named(plans, "SKU", "to be looked at")


def _in_inbox(records: Records) -> set[Key]:
    """The events that are not merged yet."""
    listed = {one.key for one in records.due if waits_in_inbox(one)}
    return listed | {document.key for customer in records.customers.values() for document in customer.inbox}


def _named(which: Iterable[str], what: str, to_do: str) -> Iterable[str]:
    """How many there are, and the first five of them; nothing if there is none."""
    names = sorted(which)
    if names:
        yield f"{counted(len(names), what)} {to_do}: {', '.join(names[:5])}" + (
            " …" if len(names) > 5 else ""
        )


def _due_contracts(records: Records, now: datetime) -> set[str]:
    """The contracts that a worker is at, or has to come to now."""
    listed = (d for d in records.due if d.key.sk == CONTRACT and _is_due(d.due_at, now))
    return {id_of(document.key) for document in listed} | {
        str(id_) for id_, contract in records.contracts.items() if _unfinished(contract, now)
    }


def _unfinished(contract: ContractRecords, now: datetime) -> bool:
    state = contract.state.value
    if _unconverged(state) or state.lease is not None or _is_due(contract.state.due_at, now):
        return True
    return any(_open(stored.value, now) for stored in contract.lines.values())


def _open(line: Line, now: datetime) -> bool:
    """True if the outcome of an adjustment will still be found out automatically."""
    return line.intent is not None and (not line.parked or now < line.intent.settles_at)


def _is_due(due_at: int | None, now: datetime) -> bool:
    return due_at is not None and due_at <= now.timestamp() + 1
