"""Read everything that a contract's next step depends on: our records, and what Autotask holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Desired, desired
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineKey, PlanMapping, ServiceChoice
from timus_autotask.domain.policy import BillingSchedule, Policy
from timus_autotask.domain.price import ObservedPrice
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.psa import ContractService, UnitRow
from timus_autotask.store.records import (
    ContractRecords,
    CustomerRecords,
    PartnerRecords,
    Stored,
    Terms,
    policies_from,
    policy_from,
    put_plan,
)
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import contract_is_live, partner_stage

UNMATCHED_RECHECK = timedelta(minutes=15)
"""How soon a SKU that no service carries is looked for again."""


@dataclass(slots=True)
class Gathered:
    """The records of one contract and everything that feeds it, with the revisions at which they were read."""

    contract: ContractRecords
    customers: Mapping[str, CustomerRecords]
    partner: PartnerRecords
    elsewhere: Mapping[LineKey, Line] = field(default_factory=dict)
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
        plans = {sku: stored.value for sku, stored in self.partner.plans.items()}
        customers = [
            customer_from(records, self.partner.terms.value) for _, records in sorted(self.customers.items())
        ]
        wanted = desired(customers, plans, self.schedules, today)
        self.wanted = today, wanted
        return wanted


def read_records(contract: ContractRecords, ports: Ports) -> Gathered:
    """The records of everything that feeds a contract, whose own were read already.

    A SKU that nobody has chosen a service for is looked up in Autotask on the way; raises ``AutotaskError``.
    """
    store, contract_id = ports.store, contract.state.value.contract_id
    customers = {c: store.customer_to_bill(c) for c in contract.state.value.customers}
    partner = _matched(store.partner(), customers, ports)
    live = contract_is_live(contract_id, customers.values(), partner_stage(ports, partner))
    gathered = Gathered(contract, customers, partner, live=live)
    gathered.policies[""] = policy_from(partner.terms.value.values)
    for customer_id, records in customers.items():
        gathered.policies[customer_id] = customer_from(records, partner.terms.value).policy
    mapped = {
        c for records in customers.values() if records.mapping for c in records.mapping.value.contract_ids
    }
    elsewhere: dict[LineKey, Line] = {}
    for other in sorted(mapped - {contract_id}):
        there = store.contract(other)
        elsewhere.update({stored.value.key: stored.value for stored in there.lines.values()})
        if there.state.value.contract:
            gathered.schedules[other] = there.state.value.contract.schedule
    gathered.elsewhere = elsewhere
    return gathered


def _matched(
    partner: PartnerRecords, customers: Mapping[str, CustomerRecords], ports: Ports
) -> PartnerRecords:
    """Look for the service of every SKU that nobody has chosen one for: the one active service with that SKU."""
    wanted = {
        sku
        for records in customers.values()
        for stored in records.subscriptions.values()
        for sku in stored.value.skus
        if not (records.mapping and sku in records.mapping.value.services)
    }
    unreadable = partner.unreadable_plan(sorted(wanted))
    if unreadable is not None:
        raise unreadable  # where its units go is not known, and so not what a line should have
    missing = sorted(sku for sku in wanted if sku not in partner.plans)
    for sku in missing:
        match_plan(sku, Stored(PlanMapping(sku)), ports)
    return ports.store.partner() if missing else partner


def ask_units(contract: Contract, services: Iterable[int], ports: Ports) -> dict[int, Observed]:
    """What Autotask holds of these services on the contract now. Raises ``AutotaskError``."""
    wanted = sorted(services)
    return held_of(ports.autotask().units(contract.id, wanted), contract.end) if wanted else {}


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
        there = {one.service_id: one for one in ports.autotask().contract_services(view.renews)}
        found |= {
            service_id: _observed_price(there.get(service_id), old.get(service_id))
            for service_id, line_id in services.items()
            if line_id is None
        }
    # The catalogue only shows whether a price that is not ours was set by hand.
    return {
        service_id: replace(one, catalogue=catalogue(service_id)) if one.by_hand else one
        for service_id, one in found.items()
    }


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


def held_of(rows: Iterable[UnitRow], contract_end: date) -> dict[int, Observed]:
    """What Autotask holds, by service, from its unit rows. A day of the contract without a row has 0 units."""
    lines: dict[int, dict[int, list[UnitRow]]] = {}
    for row in rows:
        lines.setdefault(row.service_id, {}).setdefault(row.contract_service_id, []).append(row)
    return {service_id: _held(by_line, contract_end) for service_id, by_line in lines.items()}


def _held(by_line: Mapping[int, list[UnitRow]], contract_end: date) -> Observed:
    """One service. It may be on the contract twice; only lines that bill on the same day make it unclear."""
    one_day = timedelta(days=1)
    timelines: dict[int, Timeline] = {}
    for line_id, rows in by_line.items():
        steps: list[tuple[date, int]] = []
        covered: date | None = None
        for row in sorted(rows, key=lambda row: row.start):
            if covered is not None and row.start > covered + one_day:
                steps.append((covered + one_day, 0))
            steps.append((row.start, row.units))
            covered = row.end
        if covered is not None and covered < contract_end:
            steps.append((covered + one_day, 0))
        timelines[line_id] = Timeline.of(steps)
    units = NOTHING
    for timeline in timelines.values():
        units = units.plus(timeline)
    twice = any(sum(t.at(day) > 0 for t in timelines.values()) > 1 for day in units.days)
    latest = max(timelines, key=lambda line_id: (timelines[line_id].days[-1:] or (date.min,), line_id))
    closed = sorted({(row.start, row.end) for rows in by_line.values() for row in rows if row.posted})
    return Observed(units, tuple(sorted(timelines)) if twice else (latest,), tuple(closed))


def match_plan(sku: str, plan: Stored[PlanMapping], ports: Ports) -> bool:
    """Choose the one active Autotask service whose SKU equals ``sku``; never by name. True when one was found.

    Without one, the SKU is looked for again after a while, because a person may add or correct the service in Autotask.
    """
    found = ports.autotask().services_by_sku(sku)
    ids = tuple(sorted(service.id for service in found))
    if len(ids) == 1:
        matched = replace(plan.value, choices=(ServiceChoice(ids[0]),), matched=True, candidates=())
        due_at = ports.clock.now() if plan.rev else None
    else:
        matched = replace(plan.value, choices=(), matched=False, candidates=ids)
        due_at = ports.clock.now() + UNMATCHED_RECHECK
    try:
        ports.store.commit(put_plan(matched, plan.rev, due_at))
    except Conflict:
        return False  # somebody chose at the same moment; what they chose is read next
    return len(ids) == 1
