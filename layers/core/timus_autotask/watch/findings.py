"""What a look at a contract can find that no message announced: pure comparison of records with what was read of Autotask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from timus_autotask.domain.approval import waiting_for_nobody
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import wanted_units
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.finding import DRIFT, Finding, Kind
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.line import Line, State
from timus_autotask.domain.past_days import still_shown
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.psa import BillingRule, UnitRow
from timus_autotask.store.contracts import ContractRecords
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.inbox import delivery_in
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.watch.wording import counted

NOTICE = timedelta(days=30)
"""How long before its day a renewal or an end is reported."""
LONG = timedelta(days=1)
"""What is parked for longer than this has been overlooked."""
UNMERGED = timedelta(hours=1)
"""An event that waits for longer than this is stuck."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of one contract in Autotask."""

    contract: Contract | None
    """None: there is none, or the API user may not see it."""
    units: tuple[Mapping[int, Mapping[int, int]], ...] = ()
    """For each of ``days``: units by service and line."""
    days: tuple[date, ...] = ()
    """In order; the last one is the contract's last day."""
    whole: Mapping[int, Timeline] | None = None
    """By service, of a deep look: the units of every day."""
    rules: tuple[BillingRule, ...] = ()

    def observed(self, service_id: int, at: int) -> int:
        """Units of a service on ``days[at]``, all of its lines together."""
        return sum(self.units[at].get(service_id, {}).values())


_Found = Callable[..., Finding]


def units_by_line(rows: Iterable[UnitRow], day: date) -> dict[int, dict[int, int]]:
    """Units by service and line on a day."""
    found: dict[int, dict[int, int]] = {}
    for row in rows:
        if row.start <= day <= row.end:
            found.setdefault(row.service_id, {})[row.contract_service_id] = row.units
    return found


def of_contract(
    records: ContractRecords, demands: Mapping[int, Demand], look: Look, today: date, now: datetime
) -> Iterator[Finding]:
    """Everything about one contract. ``demands`` are what its lines should have, by service."""
    contract_id, contract = records.state.value.contract_id, look.contract
    lines = {service_id: stored.value for service_id, stored in records.lines.items()}
    parked = {line.parked.code for line in lines.values() if line.parked}

    def found(kind: Kind, message: str, day: date | None = None) -> Finding:
        return Finding(kind, message, contract_id, day=day, known=bool(DRIFT.get(kind, frozenset()) & parked))

    yield from _long_parked(lines.values(), now)
    if contract is None:
        yield found(
            Kind.CONTRACT_MISSING, f"Autotask has no contract {contract_id}, or the API user may not see it."
        )
        return
    yield from _of_another_company(demands.values(), contract, found)
    if not contract.recurring:
        yield found(
            Kind.CONTRACT_NOT_RECURRING,
            f"Contract {contract_id} is not a recurring service contract any more.",
        )
    if not contract.active:
        yield found(Kind.CONTRACT_INACTIVE, f"Contract {contract_id} is inactive.")
    yield from _ends(records, demands, contract, today, found)
    for rule in look.rules:
        if rule.is_active:
            yield found(
                Kind.BILLING_RULE,
                f"Billing rule {rule.id} ({rule.description or 'without a description'}) on contract {contract_id} counts by "
                "itself: make sure that it does not bill the same users again.",
            )
    for service_id in sorted({*lines, *demands}):
        yield from _of_line(
            # A line that nobody has a record of was never looked at: it should not be at rest like that.
            lines.get(service_id, Line(contract_id, service_id, state=State.APPLIED)),
            demands.get(service_id),
            contract,
            look,
            today,
        )


def _of_another_company(demands: Collection[Demand], contract: Contract, found: _Found) -> Iterator[Finding]:
    """Each customer who is mapped to the contract as another company's."""
    for company, customer in sorted({each for demand in demands for each in demand.companies}):
        if company != contract.company_id:
            yield found(
                Kind.CONTRACT_MOVED,
                f"Contract {contract.id} belongs to company {contract.company_id}; customer {customer} is mapped to it as "
                f"company {company}'s.",
            )


def _ends(
    records: ContractRecords, demands: Mapping[int, Demand], contract: Contract, today: date, found: _Found
) -> Iterator[Finding]:
    """What has to do with the contract's last day."""
    before = records.state.value.contract
    billed = [d for d in demands.values() if d.units.at(max(today, contract.end + ONE_DAY))]
    if contract.end < today:
        if billed or any(demand.units.at(today) for demand in demands.values()):
            yield found(
                Kind.CONTRACT_ENDED,
                f"Contract {contract.id} ended on {contract.end}; Timus still bills what it is for.",
                contract.end,
            )
        return
    if before and before.end > contract.end:
        yield found(
            Kind.CONTRACT_SHORTENED,
            f"The last day of contract {contract.id} was moved from {before.end} to {contract.end}.",
            contract.end,
        )
    if billed and contract.end <= today + NOTICE:
        yield found(
            Kind.ENDS_FIRST,
            f"Contract {contract.id} ends on {contract.end}, before the subscription that it bills.",
            contract.end,
        )


def _of_line(
    line: Line, demand: Demand | None, contract: Contract, look: Look, today: date
) -> Iterator[Finding]:
    """What is on one line, against what we left there and what it should have."""
    if line.intent is not None:
        return  # it settles, and then it is looked at
    twice = _service_twice(line, look)
    if twice:
        yield twice
        return
    for one in still_shown(line.past_days, today):
        yield _found(line, Kind.PAST_DAY_OFF, f"{one.message}.", one.first, one.wanted, one.autotask)
    edit = _edit(line, contract, look, today)
    if edit and line.state is State.OBSERVING:
        _, day, ours, observed = edit
        message = f"{counted(ours, 'unit was', 'units were')} seen for {day}, and somebody has made it {observed} since."
        yield _found(line, Kind.CHANGED_WHILE_OBSERVING, message, day, ours, observed)
    elif edit:
        kind, day, ours, observed = edit
        message = f"we left {counted(ours, 'unit')} for {day}, Autotask has {observed}."
        yield _found(line, kind, message, day, ours, observed)
    else:
        yield from _not_as_demanded(line, demand, contract, look, today)


def _found(line: Line, kind: Kind, message: str, day: date, ours: int, observed: int) -> Finding:
    customer = line.sources[0][0] if line.sources else ""
    code = line.parked.code if line.parked else ""
    where = f"Service {line.service_id} on contract {line.contract_id}: "
    known = code in DRIFT.get(kind, frozenset())
    return Finding(
        kind, where + message, line.contract_id, line.service_id, customer, day, ours, observed, known
    )


def _service_twice(line: Line, look: Look) -> Finding | None:
    """The first day on which the service is on the contract more than once."""
    for at, day in enumerate(look.days):
        lines = look.units[at].get(line.service_id, {})
        if sum(units > 0 for units in lines.values()) > 1:
            numbers = " and ".join(map(str, sorted(lines.values())))
            message = f"it is on the contract more than once, with {numbers} units on {day}."
            left = line.known_units.at(day) if line.known_units else 0
            return _found(line, Kind.SERVICE_TWICE, message, day, left, sum(lines.values()))
    return None


def _not_as_demanded(
    line: Line, demand: Demand | None, contract: Contract, look: Look, today: date
) -> Iterator[Finding]:
    """Units of today that no subscription asks for, or that are not level although nothing was to be done."""
    observed = look.observed(line.service_id, 0) if look.days else 0
    if demand is None:
        if observed and contract.start <= today <= contract.end:
            message = f"{counted(observed, 'unit is', 'units are')} billed, and no subscription maps to it any more."
            yield _found(line, Kind.NO_SUBSCRIPTION, message, today, 0, observed)
        return
    wanted = wanted_units(demand, line).at(today)
    level = line.state is State.APPLIED and not any(day <= today for day, _ in line.scheduled)
    if level and max(demand.start, contract.start) <= today <= contract.end and wanted != observed:
        message = f"it should have {counted(wanted, 'unit')} today and Autotask has {observed}, and nothing was to be done about it."
        yield _found(line, Kind.NOT_LEVEL, message, today, wanted, observed)


def _edit(line: Line, contract: Contract, look: Look, today: date) -> tuple[Kind, date, int, int] | None:
    """The first day that was looked at on which Autotask does not have what we left there, with both numbers."""
    left = line.known_units
    if left is None:
        return None
    until = min(contract.end, line.baseline_until or contract.end)
    if look.whole is not None:
        whole = look.whole.get(line.service_id, NOTHING)
        days = sorted({contract.start, today, *whole.days, *left.days})
        pairs = [(day, left.at(day), whole.at(day)) for day in days if contract.start <= day <= until]
        # Today's is the number that people look at first.
        pairs.sort(key=lambda pair: (pair[0] > today, pair[0] != today, pair[0]))
    else:
        pairs = [
            (day, left.at(day), look.observed(line.service_id, at))
            for at, day in enumerate(look.days)
            if day <= until
        ]
    for day, ours, observed in pairs:
        if ours != observed:
            if day > today:
                return Kind.FUTURE_EDIT, day, ours, observed
            kind = Kind.EDITED_UP if observed > ours else Kind.EDITED_DOWN if observed else Kind.LINE_REMOVED
            return kind, day, ours, observed
    return None


def _long_parked(lines: Collection[Line], now: datetime) -> Iterator[Finding]:
    decided = waiting_for_nobody(lines)
    for line in lines:
        if line.key in decided:
            continue
        if line.state is State.PARKED and line.parked and line.since and line.since <= now - LONG:
            yield Finding(
                Kind.PARKED_LONG,
                f"Service {line.service_id} on contract {line.contract_id} is parked since {line.since:%Y-%m-%d}: "
                f"{line.parked.message}",
                line.contract_id,
                line.service_id,
                line.sources[0][0] if line.sources else "",
                line.since.date(),
                known=True,
            )


def of_customer(
    records: CustomerRecords, parked: Iterable[EventRecord], today: date, now: datetime
) -> Iterator[Finding]:
    """Renewals to come and events that did not get through; nothing of it is asked of Autotask."""
    for document in records.inbox:
        waiting = delivery_in(document)
        if waiting.received_at <= now - UNMERGED:
            yield Finding(
                Kind.NOT_MERGED,
                f"Event {waiting.event_id} of {waiting.received_at:%Y-%m-%d %H:%M} UTC is not merged yet.",
                customer_id=records.id,
                day=waiting.received_at.date(),
            )
    for stored in records.subscriptions.values():
        yield from _renewal(stored.value, today)
    for event in parked:
        if event.customer_id == records.id and event.merged_at <= now - LONG:
            yield Finding(
                Kind.PARKED_LONG,
                f"Event {event.event_id} is parked since {event.merged_at:%Y-%m-%d}: "
                f"{event.parked.message if event.parked else ''}",
                customer_id=records.id,
                day=event.merged_at.date(),
                known=True,
            )


def _renewal(subscription: Subscription, today: date) -> Iterator[Finding]:
    newest = subscription.newest
    term_end = newest.term_end
    if term_end is None or not newest.billed or newest.ends is not None:
        return
    if today <= term_end <= today + NOTICE:
        yield Finding(
            Kind.RENEWAL,
            f"Subscription {subscription.id} renews after {term_end}.",
            customer_id=subscription.customer_id,
            day=term_end,
        )
