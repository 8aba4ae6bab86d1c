"""Use case: take in what was chosen from the suggestions, all of it in one proposal with one preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from timus_autotask.domain.mapping import Alias, CustomerMapping, Ignored, PlanMapping, Route, chosen_from
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.catalogue import Catalogue, conflicts
from timus_autotask.operate.mapping.choose import others_on, route_words
from timus_autotask.operate.mapping.ignoring import write_customer, write_plan
from timus_autotask.operate.mapping.late import (
    BillFrom,
    FirstDays,
    Late,
    first_day_of,
    late,
    may_be_late,
    others_billed_later,
)
from timus_autotask.operate.mapping.line_choice import Switch, switched, units_of, was_billed, write_switch
from timus_autotask.operate.mapping.suggest import Suggestions
from timus_autotask.operate.proposal import Asked, Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Doubt, NotDone
from timus_autotask.store.customers import CustomerRecords, put_mapping
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.partner import StoredPlan, put_plan
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.watch.names import NamesRead, alias_of, apart, learn_names, mapping_of, name_of
from timus_autotask.watch.wording import counted


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for customers and SKUs that were not mapped."""

    customers: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    """(company, contract) by customer; no contract: one is opened, if the terms say so."""
    skus: Mapping[str, int] = field(default_factory=dict)
    """The service by SKU."""
    ignored_customers: Mapping[str, str] = field(default_factory=dict)
    """The reason by customer."""
    ignored_skus: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """The contract service by (contract, service), where the service is on the contract more than once."""
    bill_from: BillFrom | None = None
    """From which day customers who are mapped late are billed; None: nobody has chosen, so each seat from its own day."""
    late: tuple[Late, ...] = ()
    """Those customers, with what each choice comes to; found out by :func:`accept`."""

    def __len__(self) -> int:
        return sum(map(len, (self.customers, self.skus, self.ignored_customers, self.ignored_skus)))

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customers": [
                {"customer": customer, "company_id": company_id, "contract_id": contract_id}
                for customer, (company_id, contract_id) in self.customers.items()
            ],
            "skus": [{"sku": sku, "service_id": service_id} for sku, service_id in self.skus.items()],
            "lines": [
                {"contract_id": contract_id, "service_id": service_id, "contract_service_id": one}
                for (contract_id, service_id), one in self.lines.items()
            ],
            "ignored_customers": dict(self.ignored_customers),
            "ignored_skus": dict(self.ignored_skus),
            "late": [one.to_json() for one in self.late],
        }


@dataclass(frozen=True, slots=True)
class ExactApplied:
    """Suggestions, and what became of those that rest on unique keys alone."""

    suggested: Suggestions
    taken_in: Asked[Chosen] | None = None
    """None: there is none, so nothing is written."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        suggested = self.suggested.to_json()
        if self.taken_in is None:
            return {**suggested, "applied": Chosen().to_json(), "written": False}
        return {**suggested, **self.taken_in.to_json(), "applied": self.taken_in.proposal.result.to_json()}


def exact(suggestions: Suggestions) -> Chosen:
    """What rests on unique keys alone."""
    customers: dict[str, tuple[int, int | None]] = {}
    for one in suggestions.customers:
        if one.exact and one.exact.contract:
            customers[one.customer] = one.exact.company_id, one.exact.contract.id
    return Chosen(customers, {one.sku: one.exact.service_id for one in suggestions.skus if one.exact})


def accept(
    deployment: Deployment,
    chosen: Chosen,
    command: str,
    by: str,
    catalogue: Catalogue,
    *,
    seen: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[Chosen]:
    """Map, and set aside, all of it. ``command`` is what the decisions are noted under.

    ``seen``: a person has seen both names of each customer, so that names which differ are no doubt. Raises :class:`NotDone` where
    something has been mapped meanwhile, or a contract cannot be used any more.
    """

    def prepare() -> Prepared[Chosen]:
        _check(deployment, chosen, catalogue)
        lines = catalogue.lines(_contract_ids(chosen))
        on_contracts = {line.service_id for found in lines.values() for line in found}
        services = catalogue.services({*on_contracts, *chosen.skus.values()})
        called = {id_: service.name for id_, service in services.items()}

        switches = [_switch(deployment, *where, one, catalogue) for where, one in chosen.lines.items()]

        def write(ports: Ports, days: FirstDays) -> None:
            at = ports.clock.now().replace(microsecond=0)
            for sku, service_id in chosen.skus.items():
                _choose(sku, service_id, command, by, ports)
            for sku, reason in chosen.ignored_skus.items():
                write_plan(sku, Ignored(reason, by, at), by, ports)
            for switch in switches:
                write_switch(switch, (), command, by, ports)
            for customer, where in chosen.customers.items():
                alias = aliases.get(customer)
                _map(customer, where, days.get(customer), bill_from.get(customer), alias, command, by, ports)
            for customer, reason in chosen.ignored_customers.items():
                name = name_of(ports.store.customer(customer))
                write_customer(customer, Ignored(reason, by, at, name), by, ports)
            _learn(chosen, catalogue, called, ports)
            # What is not woken here, should this be interrupted, is woken by the sweep.
            woken = {id_ for sku in (*chosen.skus, *chosen.ignored_skus) for id_ in refresh_plan(sku, ports)}
            wake({*woken, *chosen.customers, *chosen.ignored_customers}, ports)

        names, aliases = _names_that_differ(deployment, chosen, catalogue)
        bill_from: dict[str, BillFrom] = {}
        found = late(deployment, _may_be_late(deployment, chosen), write, on_progress)
        lately = {id_: one.with_choice(chosen.bill_from) for id_, one in found.items()}
        bill_from = {id_: one.chosen for id_, one in lately.items()}
        days = {
            id_: first_day_of(chosen.bill_from, lately.get(id_), deployment.today, unchecked=False)
            for id_ in chosen.customers
        }
        result = replace(chosen, late=tuple(lately.values()))

        def act(ports: Ports) -> Chosen:
            write(ports, days)
            return result

        return Prepared(
            act,
            doubts=(
                *map(Doubt, (*(() if seen else names), *_shared(deployment, chosen))),
                *_billed_later(deployment, chosen, days),
            ),
        )

    return propose(deployment, prepare, on_progress)


def _may_be_late(deployment: Deployment, chosen: Chosen) -> list[CustomerRecords]:
    on_contracts = [id_ for id_, (_, contract_id) in chosen.customers.items() if contract_id is not None]
    records = deployment.each(deployment.store.customer, on_contracts)
    return [one for one in records if may_be_late(one, deployment.today)]


def _switch(
    deployment: Deployment, contract_id: int, service_id: int, contract_service_id: int, catalogue: Catalogue
) -> Switch:
    """What choosing a contract service changes. Raises :class:`NotDone` where another one is billed."""
    records = deployment.store.contract(contract_id)
    contract = catalogue.contracts([contract_id])[contract_id]
    billed = was_billed(records, service_id)
    units = units_of(deployment, contract, service_id) if billed else {}
    return switched(records, service_id, contract_service_id, units, contract.end, deployment.today)


def _contract_ids(chosen: Chosen) -> list[int]:
    return [contract_id for _, contract_id in chosen.customers.values() if contract_id is not None]


def _check(deployment: Deployment, chosen: Chosen, catalogue: Catalogue) -> None:
    found = catalogue.contracts(_contract_ids(chosen))
    for customer, (company_id, contract_id) in chosen.customers.items():
        mapping = deployment.store.customer(customer).mapping
        if mapping and mapping.value.routings:
            raise NotDone(f"Customer {customer} has been mapped meanwhile. Nothing was written; look again.")
        if contract_id is None:
            continue
        contract = found.get(contract_id)
        if contract is None:
            raise NotDone(
                f"Autotask has no contract {contract_id} any more. Nothing was written; look again."
            )
        for why in conflicts(contract, company_id, deployment.today):
            raise NotDone(f"{why} Nothing was written.")
    plans = deployment.store.partner().plans
    for sku in chosen.skus:
        if sku in plans and plans[sku].value.choices:
            raise NotDone(f"SKU {sku} has been mapped meanwhile. Nothing was written; look again.")


def _names_that_differ(
    deployment: Deployment, chosen: Chosen, catalogue: Catalogue
) -> tuple[Sequence[str], Mapping[str, Alias]]:
    """In words, and as it is kept, by customer."""
    sentences, aliases = [], {}
    companies = catalogue.companies(company_id for company_id, _ in chosen.customers.values())
    for customer, (company_id, _) in chosen.customers.items():
        company = companies[company_id].name if company_id in companies else None
        records = deployment.store.customer(customer)
        alias = alias_of(name_of(records), company_id, company, mapping_of(records))
        if alias:
            sentences.append(f"{apart(customer, alias, company)}.")
            aliases[customer] = alias
    return sentences, aliases


def _shared(deployment: Deployment, chosen: Chosen) -> Iterator[str]:
    """Contracts on which more than one customer would be billed."""
    for contract_id, times in Counter(_contract_ids(chosen)).items():
        others = others_on(deployment, chosen.customers, contract_id)
        if others:
            yield f"Contract {contract_id} is the contract of {', '.join(others)} as well."
        if times > 1:
            yield f"Contract {contract_id} is chosen for {counted(times, 'customer')}."


def _billed_later(deployment: Deployment, chosen: Chosen, days: FirstDays) -> Iterator[Doubt]:
    for customer, (_, contract_id) in chosen.customers.items():
        if contract_id is not None and deployment.store.contract_state(contract_id).value.customers:
            records = deployment.store.customer(customer)
            yield from others_billed_later(deployment, records, contract_id, days[customer])


def _map(
    customer: str,
    where: tuple[int, int | None],
    since: date | None,
    bill_from: BillFrom | None,
    alias: Alias | None,
    command: str,
    by: str,
    ports: Ports,
) -> None:
    company_id, contract_id = where

    def attempt() -> None:
        found = ports.store.customer(customer).mapping
        known = found.value if found else CustomerMapping(customer, ())
        if known.routings:
            raise NotDone(f"Customer {customer} has been mapped meanwhile; look again.")
        if contract_id is None:
            mapping, detail = replace(known, company_id=company_id), f"company {company_id}"
        else:
            route = Route(company_id, contract_id)
            mapping = known.rerouted(route, since)
            detail = route_words(route, since) + (f", billed from {bill_from.label}" if bill_from else "")
        ports.store.commit(
            put_mapping(
                replace(mapping, ignored=None).also_called([alias] if alias else ()),
                found.rev if found else 0,
            ),
            *wake_contracts(customer, mapping.contract_ids, ports),
            put_decision(new_decision(command, (customer,), by, detail, ports)),
        )

    update(attempt)


def _choose(sku: str, service_id: int, command: str, by: str, ports: Ports) -> None:
    def attempt() -> None:
        plan = ports.store.partner().plans.get(sku, StoredPlan(PlanMapping(sku)))
        choices = chosen_from(plan.value.choices, service_id, None)
        ports.store.commit(
            put_plan(
                replace(plan.value, choices=choices, matched=False, candidates=(), ignored=None),
                plan.rev,
                due_at=ports.clock.now().replace(microsecond=0),
            ),
            put_decision(new_decision(command, (), by, f"{sku} with service {service_id}", ports)),
        )

    update(attempt)


def _learn(chosen: Chosen, catalogue: Catalogue, called: Mapping[int, str], ports: Ports) -> None:
    """Keep how the contracts, their companies and services are called: all of it was read already."""
    contracts = catalogue.contracts(_contract_ids(chosen))
    companies = catalogue.companies(company_id for company_id, _ in chosen.customers.values())
    lines = catalogue.lines(contracts)
    names = {id_: company.name for id_, company in companies.items()}

    def on(id_: int) -> Mapping[int, str]:
        ids = {line.service_id for line in lines[id_]} | {*chosen.skus.values()}
        return {service_id: called[service_id] for service_id in sorted(ids) if service_id in called}

    learn_names(ports, [NamesRead(id_, contract, names, on(id_)) for id_, contract in contracts.items()])
