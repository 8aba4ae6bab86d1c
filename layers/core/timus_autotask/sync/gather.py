"""Read everything that a contract's next step depends on: our records, and what Autotask has now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import ContractServiceSeen, Observed, View
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.desired import Desired, desired
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineChoice, LineKey
from timus_autotask.domain.policy import BillingSchedule, Policy
from timus_autotask.domain.price import ObservedPrice, amount
from timus_autotask.domain.terms import Terms
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import ContractService, UnitRow
from timus_autotask.store.contracts import ContractRecords
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.records import Store
from timus_autotask.store.terms import policies_from, policy_from
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.services import skus_without_choice
from timus_autotask.sync.stage import contract_is_live, stage_of


@dataclass(slots=True)
class Gathered:
    """The records of one contract and everything that feeds it, with the revisions at which they were read."""

    contract: ContractRecords
    customers: Mapping[str, CustomerRecords]
    partner: PartnerRecords
    elsewhere: Mapping[LineKey, Line] = field(default_factory=dict)
    sharing: Mapping[str, CustomerRecords] = field(default_factory=dict)
    """Who else has units on lines of other contracts from which seats come to this one: else theirs would count as too many there."""
    first_days: Mapping[LineKey, date] = field(default_factory=dict)
    """Of lines that were another contract service before."""
    schedules: dict[int, BillingSchedule] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    """By customer; the partner's own under the empty name."""
    live: bool = False
    """Whether anything may be written to Autotask for this contract."""

    wanted: tuple[date, Desired] | None = None
    """What was wanted on a day, worked out once: it follows from nothing that this worker writes."""

    def desired(self, today: date) -> Desired:
        """What the lines of all customers on this contract should have."""
        if self.wanted is not None and self.wanted[0] == today:
            return self.wanted[1]
        wanted = self.worked_out(today)
        self.wanted = today, wanted
        return wanted

    def worked_out(self, today: date) -> Desired:
        """The same, by what is known so far."""
        plans = self.partner.plan_mappings
        everybody = sorted({**self.sharing, **self.customers}.items())
        customers = [customer_from(records, self.partner.terms.value) for _, records in everybody]
        return desired(customers, plans, self.schedules, today, self.first_days)


def read_records(
    contract: ContractRecords,
    ports: Ports,
    partner: PartnerRecords | None = None,
    known: Mapping[str, CustomerRecords] = MappingProxyType({}),
) -> Gathered:
    """The records of everything that feeds a contract, whose own were read already. Nothing is written, and Autotask is not asked.

    ``partner`` and ``known``: what was read of the partner and of customers with them. The partner's are read before a customer's: who
    is to stay in observation is noted before everybody else goes live.
    """
    store, contract_id = ports.store, contract.state.value.contract_id
    partner = partner or store.partner()
    customers = read_customers(contract, store, known)
    skus_without_choice(customers, partner)  # raises where it cannot be read what one is billed as
    live = contract_is_live(contract_id, customers.values(), stage_of(partner, store))
    gathered = Gathered(contract, customers, partner, live=live)
    gathered.policies = {"": policy_from(partner.terms.value.values), **_policies(customers, partner)}
    mapped = {
        c for records in customers.values() if records.mapping for c in records.mapping.value.contract_ids
    }
    elsewhere: dict[LineKey, Line] = {}
    first_days = contract.state.value.first_days
    for other in sorted(mapped - {contract_id}):
        there = store.contract(other)
        elsewhere.update({stored.value.key: stored.value for stored in there.lines.values()})
        first_days |= there.state.value.first_days
        if there.state.value.contract:
            gathered.schedules[other] = there.state.value.contract.schedule
    gathered.elsewhere, gathered.first_days = elsewhere, first_days
    gathered.sharing = {c: store.customer_to_bill(c) for c in _who_shares(gathered, ports.today())}
    gathered.policies |= _policies(gathered.sharing, partner)
    return gathered


def read_customers(
    contract: ContractRecords, store: Store, known: Mapping[str, CustomerRecords] = MappingProxyType({})
) -> dict[str, CustomerRecords]:
    """The records of each customer on a contract, by id; ``known`` were read already."""
    return {c: known.get(c) or store.customer_to_bill(c) for c in contract.state.value.customers}


def _who_shares(gathered: Gathered, today: date) -> list[str]:
    """The customers of other contracts only who have units there on a line from which seats come to this contract."""
    having = {
        key: {customer for customer, _ in line.sources} - gathered.customers.keys()
        for key, line in gathered.elsewhere.items()
    }
    if not any(having.values()):
        return []
    # The billing periods of this contract are not known yet, so it is worked out again when they are.
    contract_id, links = gathered.contract.state.value.contract_id, gathered.worked_out(today).links
    if not any(link.up.contract_id == contract_id != link.down.contract_id for link in links):
        return []
    lines = {line for link in links for line in (link.down, link.up)} & gathered.elsewhere.keys()
    return sorted({customer for line in lines for customer in having[line]})


def _policies(customers: Mapping[str, CustomerRecords], partner: PartnerRecords) -> dict[str, Policy]:
    return {
        customer_id: policy_from(
            partner.terms.value.values, records.terms.value.values if records.terms else {}
        )
        for customer_id, records in customers.items()
    }


def view_of(
    gathered: Gathered,
    contract: Contract | None,
    ports: Ports,
    alive_until: datetime,
    *,
    answered: Callable[[Line], Line] = lambda line: line,
    renewed: date | None = None,
    looks: int = 0,
) -> View:
    """All that a contract's next step is decided from; its units are read now. Raises ``AutotaskError``.

    ``answered`` gives a line with what its worker was answered, which may not be stored yet; ``renewed``: the last day of a renewal that
    this worker has seen covered; ``looks``: how often it has read since the last adjustment.
    """
    state, now, today = gathered.contract.state.value, ports.clock.now(), ports.today()
    wanted = gathered.desired(today)
    own = {stored.value.key: answered(stored.value) for stored in gathered.contract.lines.values()}
    services = {key.service_id for key in (*wanted.demands, *own) if key.contract_id == state.contract_id}
    return View(
        contract_id=state.contract_id,
        contract=contract,
        observed=ask_units(contract, services, state.chosen, ports) if contract else {},
        desired=wanted,
        lines={**gathered.elsewhere, **own},
        policies=gathered.policies,
        zone=ports.zone,
        now=now,  # from before the read: what it shows is as old as that
        today=today,
        alive_until=alive_until,
        settle=ports.settle,
        changed_today=gathered.partner.changed_today.value,
        renews=state.renews,
        renewed=max((day for day in (state.renewed, renewed) if day), default=None),
        live=gathered.live,
        looks=looks,
    )


def ask_units(
    contract: Contract, services: Iterable[int], chosen: Mapping[int, LineChoice], ports: Ports
) -> dict[int, Observed]:
    """What Autotask has of these services on the contract now. Raises ``AutotaskError``.

    Where a person has to choose the contract service, or it is not known whether the chosen one is still there, the contract services
    are read too.
    """
    wanted = sorted(services)
    rows = ports.autotask().units(contract.id, wanted) if wanted else []
    observed = {
        id_: _posted_to_the_end(one, contract) for id_, one in observed_of(rows, contract.end, chosen).items()
    }
    several = {id_ for id_, one in observed.items() if len(one.contract_service_ids) > 1}
    unseen = {id_ for id_ in wanted if id_ in chosen and id_ not in observed}
    if several or unseen:
        there = _contract_services(contract.id, ports, needed=bool(unseen))
        observed |= {id_: _unseen(id_, chosen[id_], there, rows, contract.end) for id_ in unseen}
        observed |= {
            id_: replace(observed[id_], offered=_offered(id_, there, rows, contract.end)) for id_ in several
        }
    return observed


def _contract_services(contract_id: int, ports: Ports, *, needed: bool) -> list[ContractService]:
    try:
        return ports.autotask().contract_services(contract_id)
    except Refused:
        if needed:
            raise
        return []  # they only show prices


def _unseen(
    service_id: int,
    choice: LineChoice,
    there: Iterable[ContractService],
    rows: Sequence[UnitRow],
    contract_end: date,
) -> Observed:
    """A chosen contract service without units: it has none, or it is not on the contract any more."""
    if any((one.id, one.service_id) == (choice.contract_service_id, service_id) for one in there):
        units = units_by_contract_service((row for row in rows if row.service_id == service_id), contract_end)
        return as_chosen(Observed(contract_service_ids=(choice.contract_service_id,)), choice, units)
    offered = _offered(service_id, there, rows, contract_end)
    return Observed(missing=choice.contract_service_id, offered=offered)


def _offered(
    service_id: int, there: Iterable[ContractService], rows: Iterable[UnitRow], contract_end: date
) -> tuple[ContractServiceSeen, ...]:
    """The contract services of a service, with units and prices."""
    prices = {one.id: one.unit_price for one in there if one.service_id == service_id}
    units = units_by_contract_service((row for row in rows if row.service_id == service_id), contract_end)
    return tuple(
        ContractServiceSeen(id_, units.get(id_, NOTHING), None if price is None else amount(price))
        for id_, price in sorted({**dict.fromkeys(units), **prices}.items())
    )


def ask_prices(
    view: View, services: Mapping[int, int | None], catalogue: Callable[[int], Decimal | None], ports: Ports
) -> dict[int, ObservedPrice]:
    """The prices that a step asked for. ``catalogue`` gives a service's own. Raises ``AutotaskError``."""
    found: dict[int, ObservedPrice] = {}
    if any(services.values()):
        own = {
            key.service_id: line for key, line in view.lines.items() if key.contract_id == view.contract_id
        }
        by_id = {one.id: one for one in ports.autotask().contract_services(view.contract_id)}
        found |= {
            service_id: _observed_price(by_id.get(line_id), own.get(service_id))
            for service_id, line_id in services.items()
            if line_id is not None
        }
    if view.renews is not None and None in services.values():
        old = {id_: stored.value for id_, stored in ports.store.contract(view.renews).lines.items()}
        there = ports.autotask().contract_services(view.renews)
        found |= {
            service_id: _observed_price(
                _line_before(service_id, old.get(service_id), there), old.get(service_id)
            )
            for service_id, line_id in services.items()
            if line_id is None
        }
    # The catalogue only shows whether a price that is not ours was set by hand.
    return {
        service_id: replace(one, catalogue=catalogue(service_id)) if one.by_hand else one
        for service_id, one in found.items()
    }


def _line_before(
    service_id: int, line: Line | None, there: Iterable[ContractService]
) -> ContractService | None:
    """The contract service that was billed on the contract before; where that is not known, the last of its service."""
    of = {one.id: one for one in there if one.service_id == service_id}
    known = of.get(line.contract_service_id or 0) if line else None
    return known or next(reversed([*of.values()]), None)


def _observed_price(there: ContractService | None, line: Line | None) -> ObservedPrice:
    return ObservedPrice(
        price=there.unit_price if there else None,
        sent=Decimal(line.price) if line and line.price is not None else None,
    )


def customer_from(records: CustomerRecords, partner: Terms) -> Customer:
    """A customer as the domain knows it; ``partner`` are the terms for everybody."""
    policy, earlier = policies_from(partner, records.terms.value if records.terms else Terms())
    return Customer(
        id=records.id,
        mapping=records.mapping.value if records.mapping else None,
        subscriptions=tuple(stored.value for _, stored in sorted(records.subscriptions.items())),
        policy=policy,
        earlier=earlier,
    )


def counted(rows: Iterable[UnitRow], chosen: Mapping[int, LineChoice]) -> Iterator[UnitRow]:
    """The rows that count: of a service of which a person chose the contract service, only those of that one."""
    for row in rows:
        choice = chosen.get(row.service_id)
        if choice is None or row.contract_service_id == choice.contract_service_id:
            yield row


def _posted_to_the_end(observed: Observed, contract: Contract) -> Observed:
    """With the rest of each period of which something is posted: a row that an adjustment has begun in it is not marked so."""
    closed = {
        (first, max(last, period_containing(max(last, contract.start), contract.start, contract.months)[1]))
        for first, last in observed.closed
    }
    return replace(observed, closed=tuple(sorted(closed))) if closed else observed


def observed_of(
    rows: Iterable[UnitRow], contract_end: date, chosen: Mapping[int, LineChoice] = MappingProxyType({})
) -> dict[int, Observed]:
    """What Autotask has, by service, from its unit rows. A day of the contract without a row has 0 units."""
    every = [*rows]
    lines: dict[int, list[UnitRow]] = {}
    for row in counted(every, chosen):
        lines.setdefault(row.service_id, []).append(row)
    observed = {service_id: _observed(of, contract_end) for service_id, of in lines.items()}
    for service_id, choice in chosen.items():
        if service_id in observed and choice.earlier:
            of = units_by_contract_service(
                (row for row in every if row.service_id == service_id), contract_end
            )
            observed[service_id] = as_chosen(observed[service_id], choice, of)
    return observed


def as_chosen(observed: Observed, choice: LineChoice, units: Mapping[int, Timeline]) -> Observed:
    """A chosen contract service, with what those had that counted before it. ``units`` is what each of its service has."""
    earlier, since = NOTHING, date.min
    for until, counting in choice.earlier:
        for id_ in counting:
            earlier = earlier.plus(units.get(id_, NOTHING).between(since, until - ONE_DAY))
        since = until
    return replace(observed, earlier=earlier, first_day=choice.first_day)


def _observed(rows: Sequence[UnitRow], contract_end: date) -> Observed:
    """One service. It may be on the contract twice; only lines that bill on the same day make it unclear."""
    timelines = units_by_contract_service(rows, contract_end)
    units = NOTHING
    for timeline in timelines.values():
        units = units.plus(timeline)
    twice = any(sum(t.at(day) > 0 for t in timelines.values()) > 1 for day in units.days)
    latest = max(timelines, key=lambda line_id: (timelines[line_id].days[-1:] or (date.min,), line_id))
    closed = sorted({(row.start, row.end) for row in rows if row.posted})
    return Observed(units, tuple(sorted(timelines)) if twice else (latest,), tuple(closed))


def units_by_contract_service(rows: Iterable[UnitRow], contract_end: date) -> dict[int, Timeline]:
    """The units of each contract service by day. A day of the contract without a row has 0 units."""
    by_line: dict[int, list[UnitRow]] = {}
    for row in rows:
        by_line.setdefault(row.contract_service_id, []).append(row)
    timelines: dict[int, Timeline] = {}
    for line_id, of in by_line.items():
        steps: list[tuple[date, int]] = []
        covered: date | None = None
        for row in sorted(of, key=lambda row: row.start):
            if covered is not None and row.start > covered + ONE_DAY:
                steps.append((covered + ONE_DAY, 0))
            steps.append((row.start, row.units))
            covered = row.end
        if covered is not None and covered < contract_end:
            steps.append((covered + ONE_DAY, 0))
        timelines[line_id] = Timeline.of(steps)
    return timelines
