"""Use cases: which contract a customer's units go to. A mapping is proposed first, with the adjustments that would follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.mapping import (
    Alias,
    CustomerMapping,
    Route,
    Routing,
    days_on,
    in_force,
    service_on,
)
from timus_autotask.domain.terms import Terms
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.catalogue import (
    Catalogue,
    ask,
    conflicts,
    how_to_choose,
    in_other_currency,
    offered,
    to_choose_from,
)
from timus_autotask.operate.mapping.dropped import dropped_doubts, dropped_of_customer
from timus_autotask.operate.mapping.first_day import FOLLOWS, FirstDay, holds_from
from timus_autotask.operate.mapping.known import customer_is_no_slip, is_reported, require_skus
from timus_autotask.operate.mapping.late import (
    BillFrom,
    FirstDays,
    Late,
    first_day_of,
    late,
    may_be_late,
    others_billed_later,
)
from timus_autotask.operate.mapping.nowhere import sent_to_none
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Doubt, NotDone, Note, Way
from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import Psa, Service
from timus_autotask.store.contracts import ContractState
from timus_autotask.store.customers import CustomerRecords, put_mapping
from timus_autotask.store.decisions import Decision, put_decision
from timus_autotask.store.reading import Stored
from timus_autotask.store.terms import policies_from, policy_from
from timus_autotask.store.update import update
from timus_autotask.sync.gather import customer_from
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.names import NamesRead, alias_of, apart, learn_names, mapping_of, name_of
from timus_autotask.watch.status import strict_words
from timus_autotask.watch.wording import counted

EVERY_DAY = Timeline(((date.min, 1),))


@dataclass(frozen=True, slots=True)
class CustomerRouted:
    """Where a customer's units go, all of them, those of one SKU, or some."""

    customer: str
    route: Route
    first_day: date | None
    """None: always."""
    customer_name: str = ""
    """As Timus says; empty: it has reported none."""
    company_name: str | None = None
    contract: Contract | None = None
    """None: Autotask was not asked."""
    changed: bool = False
    """It replaces an earlier mapping."""
    shared_with: tuple[str, ...] = ()
    """Other customers whose units go to the same contract."""
    late: Late | None = None
    """He had seats before: what each choice comes to."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customer": self.customer,
            "customer_name": self.customer_name or None,
            "sku": self.route.sku,
            "units": self.route.units,
            "company_id": self.route.company_id,
            "contract_id": self.route.contract_id,
            "company_name": self.company_name,
            "contract_name": self.contract.name if self.contract else None,
            "shared_with": [*self.shared_with],
            "late": self.late.to_json() if self.late else None,
            "from": self.first_day,
        }


@dataclass(frozen=True, slots=True)
class CompanyNamed:
    """Whose a customer is, with no contract yet."""

    customer: str
    company_id: int
    customer_name: str = ""
    company_name: str = ""
    opens_contract: bool = False
    """Whether the terms open one."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customer": self.customer,
            "customer_name": self.customer_name or None,
            "company_id": self.company_id,
            "company_name": self.company_name or None,
            "opens_contract": self.opens_contract,
        }


# -- A customer's contract


def route_customer(
    deployment: Deployment,
    customer: str,
    route: Route,
    by: str,
    *,
    first_day: FirstDay = FOLLOWS,
    bill_from: BillFrom | None = None,
    share: bool = False,
    unchecked: bool = False,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[CustomerRouted]:
    """Send a customer's units to a contract.

    ``bill_from``: from which day, where the customer had seats before. ``share``: although another customer's go there. ``unchecked``:
    without asking Autotask. ``unknown``: also of a SKU that nobody knows, or a customer whose id looks like a known one's.
    """
    wanted = _Wanted(customer, route, by, first_day, bill_from, unchecked)

    def prepare() -> Prepared[CustomerRouted]:
        if route.sku and not unknown:
            require_skus(deployment, [route.sku])
        records = deployment.store.customer(customer)
        if not unknown:
            customer_is_no_slip(deployment, records)
        _require_room(deployment, customer, route.contract_id)
        there = None if unchecked else _check(deployment, route)
        begin = _begin(wanted, records, deployment, on_progress)
        others = _others(deployment, records, route, begin.since)
        if others and not share:
            raise NotDone(
                f"Contract {route.contract_id} is the contract of {', '.join(others)}. Nothing was written.",
                Way.SHARE,
            )
        result = CustomerRouted(
            customer,
            route,
            begin.since,
            name_of(records),
            there.company if there else None,
            there.contract if there else None,
            records.mapping is not None,
            tuple(others),
            begin.late.with_choice(bill_from) if begin.late else None,
        )

        alias = alias_of(result.customer_name, route.company_id, result.company_name, mapping_of(records))

        def act(ports: Ports) -> CustomerRouted:
            _write_wanted(wanted, begin, ports, alias)
            if there is not None:
                there.learn_names(ports)
            wake([customer], ports)
            return result

        known = records.known_mapping
        after = known.rerouted(route, begin.since)
        first = wanted.is_first(records)
        nowhere = sent_to_none(deployment, deployment.store.partner, records, after, chosen=first)
        dropped = [*dropped_of_customer(known, after, deployment.today)]
        notes: tuple[Note | str, ...] = (*_routing_notes(deployment, records, result), *nowhere.notes)
        doubts = (
            *_routing_doubts(deployment, records, result, there),
            *dropped_doubts(deployment, dropped),
            *nowhere.doubts,
        )
        return Prepared(act, notes, doubts, unchecked, moves=True)

    return propose(deployment, prepare, on_progress)


def _require_room(deployment: Deployment, customer: str, contract_id: int) -> None:
    state = deployment.store.contract_state(contract_id).value
    if not state.has_room_for(customer):
        raise NotDone(
            f"Contract {contract_id} is, or was, the contract of {counted(len(state.customers), 'customer')}, and its record holds no more. Send "
            f"{customer} to another contract. Nothing was written."
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Where somebody wants a customer's units to go."""

    customer: str
    route: Route
    by: str
    first_day: FirstDay
    bill_from: BillFrom | None
    unchecked: bool

    def is_first(self, records: CustomerRecords) -> bool:
        """Whether they go anywhere for the first time; otherwise they move."""
        return self.first_day.follows and not (records.mapping and records.mapping.value.routings)


@dataclass(frozen=True, slots=True)
class _Begin:
    """From when the units go there."""

    since: date | None
    """None: always."""
    late: Late | None = None
    """What each choice of that day comes to, of a customer who is mapped for the first time and late."""


@dataclass(frozen=True, slots=True)
class _There:
    """What Autotask has where the units are to go."""

    contract: Contract
    company: str | None
    """The company's name."""
    services: Mapping[int, Service]
    """Of the contract."""

    def learn_names(self, ports: Ports) -> None:
        """Keep how all of it is called."""
        companies = {self.contract.company_id: self.company} if self.company else {}
        names = {id_: service.name for id_, service in self.services.items()}
        learn_names(ports, [NamesRead(self.contract.id, self.contract, companies, names)])


def _begin(
    wanted: _Wanted, records: CustomerRecords, deployment: Deployment, on_progress: Progress
) -> _Begin:
    """From when: of a first mapping what is chosen of the days before it, of a move the first day that is possible."""
    if not wanted.is_first(records):
        if wanted.bill_from:
            raise NotDone(
                f"{wanted.customer} is mapped already, so it moves: from when it is billed is chosen the first time only. Nothing was written.",
                Way.MOVE_FROM,
            )
        return _Begin(_route_from(deployment, records, wanted.route, wanted.first_day))
    lately: Late | None = None
    if not wanted.unchecked and may_be_late(records, deployment.today):

        def act(ports: Ports, days: FirstDays) -> None:
            _write_wanted(wanted, _Begin(days.get(wanted.customer)), ports)

        lately = late(deployment, [records], act, on_progress).get(wanted.customer)
    since = first_day_of(wanted.bill_from, lately, deployment.today, unchecked=wanted.unchecked)
    return _Begin(since, lately)


def _write_wanted(wanted: _Wanted, begin: _Begin, ports: Ports, alias: Alias | None = None) -> None:
    chosen = wanted.bill_from or (begin.late.chosen if begin.late else None)
    detail = route_words(wanted.route, begin.since) + (f", billed from {chosen.label}" if chosen else "")

    def attempt() -> None:
        decision = new_decision("map customer", (wanted.customer,), wanted.by, detail, ports)
        _write_route(wanted.customer, wanted.route, begin.since, decision, alias, ports)

    update(attempt)


def _routing_notes(deployment: Deployment, records: CustomerRecords, routed: CustomerRouted) -> Iterable[str]:
    """What a person should know of it."""
    if not is_reported(records):
        yield f"Note: Timus has not reported a customer {records.id} yet; the mapping waits for it."
    if routed.shared_with:
        yield from _terms_that_differ(deployment, records, routed.route.contract_id)


def _routing_doubts(
    deployment: Deployment, records: CustomerRecords, routed: CustomerRouted, there: _There | None
) -> Iterable[Doubt]:
    """Why it may be a mistake."""
    route = routed.route
    company = there.company if there else None
    alias = alias_of(name_of(records), route.company_id, company, mapping_of(records))
    yield from _doubts(records.id, alias, company)
    yield from others_billed_later(deployment, records, route.contract_id, routed.first_day)
    if there is not None:
        yield from _to_choose(deployment, records, routed, there.services)


def _to_choose(
    deployment: Deployment, records: CustomerRecords, routed: CustomerRouted, on: Mapping[int, Service]
) -> Iterable[Doubt]:
    """The services of a customer that stand on the contract more than once, with how one is chosen. Only hints: unread, there are none.

    ``on`` are the services on the contract. A SKU that nobody has chosen a service for is matched by the SKU of a service.
    """
    contract_id, today = routed.route.contract_id, deployment.today
    known = records.known_mapping
    plans = deployment.store.readable_partner().plan_mappings
    services: set[int] = set()
    for sku in {sku for stored in records.subscriptions.values() for sku in stored.value.skus}:
        if routed.route.sku in (None, sku):
            service = service_on(known, plans, sku, today)
            carrying = [id_ for id_, one in on.items() if one.sku == sku]
            services.update(carrying if service is None else [service])
    called = {id_: one.name for id_, one in on.items()}
    chosen = deployment.store.contract_state(contract_id).value.chosen
    with suppress(NotDone):
        lines = offered(Catalogue(deployment), contract_id, services, called, chosen) if services else ()
        found = how_to_choose(contract_id, to_choose_from(lines))
        return [Doubt(f"Contract {contract_id}: {question}.", choose=choose) for question, choose in found]
    return ()


def _write_route(
    customer: str, route: Route, since: date | None, decision: Decision, alias: Alias | None, ports: Ports
) -> None:
    found = ports.store.customer(customer).mapping
    known = found.value if found else CustomerMapping(customer, ())
    mapping = replace(known.rerouted(route, since), ignored=None).also_called([alias] if alias else ())
    # Also those that it leaves, from the beginning.
    concerned = sorted({*known.contract_ids, *mapping.contract_ids})
    ports.store.commit(
        put_mapping(mapping, found.rev if found else 0),
        *wake_contracts(customer, concerned, ports),
        put_decision(decision),
    )


def name_company(
    deployment: Deployment,
    customer: str,
    company_id: int,
    by: str,
    *,
    unchecked: bool = False,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[CompanyNamed]:
    """Say whose a customer is, with no contract yet: one is opened if the terms say so."""

    def prepare() -> Prepared[CompanyNamed]:
        records = deployment.store.customer(customer)
        if not unknown:
            customer_is_no_slip(deployment, records)
        company = "" if unchecked else _company_that_is_there(deployment, company_id)
        policy, _ = policies_from(
            deployment.store.partner().terms.value, (records.terms or Stored(Terms())).value
        )
        name = name_of(records)
        result = CompanyNamed(customer, company_id, name, company, policy.open_contracts)
        alias = alias_of(name, company_id, company, mapping_of(records))

        def act(ports: Ports) -> CompanyNamed:
            def attempt() -> None:
                found = ports.store.customer(customer)
                known = found.known_mapping
                if known.routings:
                    there = ", ".join(map(str, known.contract_ids))
                    raise NotDone(f"{customer} has a contract already ({there}).", Way.CONTRACT)
                ports.store.commit(
                    put_mapping(
                        replace(known, company_id=company_id, ignored=None).also_called(
                            [alias] if alias else ()
                        ),
                        found.mapping.rev if found.mapping else 0,
                    ),
                    put_decision(
                        new_decision("map customer", (customer,), by, f"company {company_id}", ports)
                    ),
                )

            update(attempt)
            wake([customer], ports)
            return result

        notes = (
            ()
            if policy.open_contracts
            else (Note("Contracts are not opened by themselves.", (Way.OPEN_CONTRACTS,)),)
        )
        return Prepared(act, notes, _doubts(customer, alias, company), unchecked)

    return propose(deployment, prepare, on_progress)


def _doubts(customer: str, alias: Alias | None, company: str | None) -> tuple[Doubt, ...]:
    """A name of Timus's and one of Autotask's that are not the same."""
    return (Doubt(f"{apart(customer, alias, company)}."),) if alias else ()


def _others(deployment: Deployment, records: CustomerRecords, route: Route, since: date | None) -> list[str]:
    """Customers whose contract a customer comes to, on days on which it is theirs."""
    known = records.known_mapping
    comes = new_days(known, known.rerouted(route, since), route.contract_id)
    return others_on(deployment, {records.id}, route.contract_id, comes)


def new_days(known: CustomerMapping, after: CustomerMapping, contract_id: int) -> Timeline:
    """The days on which a changed mapping comes to a contract: 1 on each of them, 0 on all others."""
    was = days_on(known.routings, contract_id)
    there = days_on(after.routings, contract_id)
    return Timeline.sampled((*was.days, *there.days), lambda day: max(there.at(day) - was.at(day), 0))


def _terms_that_differ(deployment: Deployment, records: CustomerRecords, contract_id: int) -> list[str]:
    """Whose terms count on the lines that a customer comes to share, where they differ."""
    state, partner = deployment.store.contract_state(contract_id).value, deployment.store.partner()
    everybody = [records, *(deployment.store.customer(one) for one in state.customers if one != records.id)]
    policies = {one.id: customer_from(one, partner.terms.value).policy for one in everybody}
    strict = strict_words(policies, policy_from(partner.terms.value.values))
    return [f"On the lines that they share, {strict}."] if strict else []


def others_on(
    deployment: Deployment, but: Collection[str], contract_id: int, days: Timeline = EVERY_DAY
) -> list[str]:
    """Customers whose units go to a contract on some of these days, but for some customers."""
    state = deployment.store.contract_state(contract_id).value
    found = []
    for other in state.customers:
        if other in but:
            continue
        records = deployment.store.customer(other)
        if records.mapping:
            there = days_on(records.mapping.value.routings, contract_id)
            found += named_if_there(other, name_of(records), days, there, deployment.today)
    return found


def named_if_there(customer: str, name: str, days: Timeline, there: Timeline, today: date) -> list[str]:
    """The customer, for people, if it is ``there`` on some of these days; and until when, if that is over."""
    both = Timeline.sampled((*days.days, *there.days), lambda day: min(days.at(day), there.at(day)))
    if not both.steps:
        return []
    until = both.days[-1]
    over = until <= today and not both.at(today)
    return [
        f"customer {customer}"
        + (f" ({name})" if name else "")
        + (f" until {until - ONE_DAY}" if over else "")
    ]


def routes_to(routings: Sequence[Routing], contract_id: int, today: date) -> bool:
    """Whether units go to a contract, today or later."""
    present = in_force(routings, today)
    coming = [one for one in routings if one is present or (one.first_day and one.first_day > today)]
    return any(route.contract_id == contract_id for routing in coming for route in routing.routes)


def route_words(route: Route, since: date | None) -> str:
    """Where units go, for people."""
    what = f"{route.sku} " if route.sku else ""
    some = f"up to {counted(route.units, 'unit')} " if route.units else ""
    return f"{what}{some}to contract {route.contract_id} of company {route.company_id} from {since or 'the beginning'}"


def _route_from(
    deployment: Deployment, records: CustomerRecords, route: Route, first_day: FirstDay
) -> date | None:
    mapping = records.known_mapping
    present = in_force(mapping.routings, deployment.today)
    here = {each.contract_id for each in present.routes} if present else set()

    def leaves(sku: str) -> bool:
        if route.sku is not None:
            return sku == route.sku
        return any(each.sku is None for each in mapping.routes(sku, deployment.today))

    contracts = {id_: deployment.store.contract(id_) for id_ in mapping.contract_ids}
    left = [
        (stored.value, customer, sku)
        for contract_id, records in contracts.items()
        if contract_id != route.contract_id and not of_another(records.state.value, mapping)
        for stored in records.lines.values()
        for customer, sku in stored.value.sources
        if customer == mapping.customer_id and leaves(sku)
    ]
    since = present.first_day if present else None
    return holds_from(deployment, first_day, left, [records], since, lambda line: line.contract_id in here)


def of_another(state: ContractState, mapping: CustomerMapping) -> bool:
    """Whether a contract belongs to none of the companies that the customer is mapped to it as: nothing of his was ever billed there."""
    companies = {
        route.company_id
        for routing in mapping.routings
        for route in routing.routes
        if route.contract_id == state.contract_id
    }
    return state.contract is not None and state.contract.company_id not in companies


# -- What Autotask says


def _check(deployment: Deployment, route: Route) -> _There:
    """What Autotask has there; raises :class:`NotDone` when nothing could be billed there."""

    def question(autotask: Psa) -> _There:
        contract = autotask.contract(route.contract_id)
        if contract is None:
            raise NotDone(
                f"Autotask has no contract {route.contract_id}, or the API user may not see it; nothing was written.",
                Way.UNASKED,
            )
        wrong = " ".join(conflicts(contract, route.company_id, deployment.today))
        if wrong:
            raise NotDone(f"{wrong} Nothing was written.", Way.UNASKED)
        return _There(
            contract, _company_name(autotask, route.company_id), _services_on(autotask, contract.id)
        )

    found = ask(deployment, question, Way.UNASKED)
    if _in_other_currency(deployment, found.contract):
        raise NotDone(
            f"Contract {route.contract_id} is in another currency than the company's other contracts. Nothing was written.",
            Way.UNASKED,
        )
    return found


def _in_other_currency(deployment: Deployment, contract: Contract) -> bool:
    """Whether it is, as far as it is seen; that prices may not be read does not matter."""
    with suppress(NotDone):
        return any(True for _ in in_other_currency(Catalogue(deployment), [contract]))
    return False


def _company_name(autotask: Psa, company_id: int) -> str | None:
    """The company's name. Its contract was found, so it exists; that its name may not be read does not matter."""
    try:
        company = autotask.company(company_id)
    except Refused:
        return None
    return company.name or None if company else None


def _services_on(autotask: Psa, contract_id: int) -> Mapping[int, Service]:
    """The services of a contract. That they may not be read does not matter."""
    try:
        on = {line.service_id for line in autotask.contract_services(contract_id)}
        return autotask.services(on)
    except Refused:
        return {}


def _company_that_is_there(deployment: Deployment, company_id: int) -> str:
    found = ask(deployment, lambda autotask: autotask.company(company_id), Way.UNASKED)
    if found is None:
        raise NotDone(f"Autotask has no company {company_id}; nothing was written.", Way.UNASKED)
    return found.name
