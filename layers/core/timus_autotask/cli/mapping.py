"""``map``: which contract and which service a quantity goes to."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from timus_autotask.cli.command import DEFAULT
from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.terminal import Terminal
from timus_autotask.cli.word import go_on, wake
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import (
    CustomerMapping,
    PlanMapping,
    Route,
    ServiceChoice,
    chosen_from,
    in_force,
)
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, NotConfigured, Refused
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.table import Write
from timus_autotask.store.records import CustomerRecords, Stored, Terms, policies_from, put_mapping, put_plan
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.sweep import refresh_plan

UNCHECKED = "--unchecked maps without asking Autotask."


def map_customer(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Send a customer's units, those of one SKU, or some of them, to a contract."""
    customer, sku, units = arguments.customer, arguments.sku, arguments.units
    if arguments.contract is None:
        return _map_company(deployment, arguments, terminal)
    route = Route(arguments.company, arguments.contract, sku, units)
    names: dict[str, Any] = {"company_name": None, "contract_name": None}
    if not arguments.unchecked:
        names = _checked(deployment, route, terminal)
    store = deployment.store
    records = store.customer(customer)
    present = in_force(records.mapping.value.routings, deployment.today) if records.mapping else None
    here = {each.contract_id for each in present.routes} if present else set()
    first_day = _first_day(
        deployment,
        arguments.first_day,
        _left(deployment, records, route),
        [records],
        present.first_day if present else None,
        lambda line: line.contract_id in here,
    )
    if not known(records):
        terminal.say(f"Note: Timus has not told of a customer {customer} yet; the mapping waits for it.")
    if records.mapping:
        terminal.say(f"From {first_day or 'the beginning'} on; what was before stays as it is.")

    def mapping_of(found: CustomerRecords) -> CustomerMapping:
        known = found.mapping.value if found.mapping else CustomerMapping(customer, ())
        return known.rerouted(route, first_day)

    def changes() -> Sequence[Write]:
        found = store.customer(customer)
        mapping = mapping_of(found)
        return [
            put_mapping(mapping, found.mapping.rev if found.mapping else 0),
            *wake_contracts(customer, mapping.contract_ids, deployment.ports),
        ]

    contracts = mapping_of(records).contract_ids
    written, shown = go_on(deployment, arguments, terminal, contracts, changes)
    if written:
        wake(deployment, [customer], terminal)
        terminal.say(
            f"{customer}{f', {sku},' if sku else ''}{f' (up to {units} units)' if units else ''} "
            f"goes to contract {route.contract_id} of company {route.company_id}.",
            style="green",
        )
    return {
        "customer": customer,
        "sku": sku,
        "units": units,
        "company_id": route.company_id,
        "contract_id": route.contract_id,
        **names,
        "from": first_day,
        "written": written,
        "preview": shown,
    }


def _map_company(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Say whose a customer is, with no contract yet: one is opened if the terms say so."""
    customer, company_id, store = arguments.customer, arguments.company, deployment.store
    if arguments.sku or arguments.units:
        raise Failed("--sku and --units choose what goes to a contract: give --contract too.", USAGE)
    name = ""
    if not arguments.unchecked:
        try:
            found = _autotask(deployment).company(company_id)
        except AutotaskError as error:
            raise Failed(_away(error)) from error
        if found is None:
            raise Failed(f"Autotask has no company {company_id}; nothing was written. {UNCHECKED}")
        name = found.name
        terminal.say(f"Company {company_id} {name}")
    policy, _ = policies_from(
        store.partner().terms.value, (store.customer(customer).terms or Stored(Terms())).value
    )
    if not policy.open_contracts:
        terminal.say("Contracts are not opened by themselves: timus-autotask policy set open_contracts=yes")

    def changes() -> Sequence[Write]:
        records = store.customer(customer)
        known = records.mapping.value if records.mapping else CustomerMapping(customer, ())
        if known.routings:
            raise Failed(f"{customer} has a contract already; choose another one with --contract.")
        mapping = replace(known, company_id=company_id)
        return [put_mapping(mapping, records.mapping.rev if records.mapping else 0)]

    written, _ = go_on(deployment, arguments, terminal, (), changes)
    if written:
        wake(deployment, [customer], terminal)
        terminal.say(f"{customer} is company {company_id}.", style="green")
    return {
        "customer": customer,
        "company_id": company_id,
        "company_name": name or None,
        "opens_contract": policy.open_contracts,
        "written": written,
    }


def known(records: CustomerRecords) -> bool:
    """Whether Timus has told of this customer."""
    return bool(records.subscriptions or records.inbox)


def _checked(deployment: Deployment, route: Route, terminal: Terminal) -> dict[str, Any]:
    """Ask Autotask about the contract and its company; raises :class:`Failed` when nothing could be billed there."""
    autotask = _autotask(deployment)
    try:
        contract = autotask.contract(route.contract_id)
        if contract is None:
            raise Failed(
                f"Autotask has no contract {route.contract_id}, or the API user may not see it; nothing was written. {UNCHECKED}"
            )
        wrong = _wrong(contract, route)
        if wrong:
            raise Failed(f"{wrong} Nothing was written. {UNCHECKED}")
        company = _company(autotask, route.company_id)
    except AutotaskError as error:
        raise Failed(_away(error)) from error
    if contract.end < deployment.today:
        terminal.say(f"Note: the contract has ended on {contract.end}.")
    terminal.say(
        f"Company {route.company_id} {company}".rstrip()
        + f", contract {contract.id} {contract.name} ({contract.start} to {contract.end})"
    )
    return {"company_name": company or None, "contract_name": contract.name}


def _wrong(contract: Contract, route: Route) -> str | None:
    if contract.company_id != route.company_id:
        return f"Contract {contract.id} {contract.name} belongs to company {contract.company_id}, not to {route.company_id}."
    if not contract.recurring:
        return (
            f"Contract {contract.id} {contract.name} is not a recurring service contract, so it has no units."
        )
    if not contract.active:
        return f"Contract {contract.id} {contract.name} is inactive in Autotask; activate it there first."
    return None


def _company(autotask: Psa, company_id: int) -> str:
    """The company's name. Its contract was found, so it exists; that its name may not be read does not matter."""
    try:
        company = autotask.company(company_id)
    except Refused:
        return ""
    return company.name if company else ""


def _autotask(deployment: Deployment) -> Psa:
    try:
        return deployment.ports.autotask()
    except NotConfigured as error:
        raise Failed(
            f"There are no Autotask credentials yet; set them with: timus-autotask credentials set. {UNCHECKED}"
        ) from error


def _away(error: AutotaskError) -> str:
    if isinstance(error, CredentialsRefused):
        return f"Autotask refuses the credentials ({error}); set others with: timus-autotask credentials set. {UNCHECKED}"
    return f"Autotask cannot be asked just now ({error}); try again in a minute. {UNCHECKED}"


def _left(deployment: Deployment, records: CustomerRecords, route: Route) -> list[tuple[Line, str, str]]:
    """The lines of other contracts that units leave for this route, with whose (customer, SKU) they are."""
    mapping = records.mapping.value if records.mapping else CustomerMapping(records.id, ())

    def leaves(sku: str) -> bool:
        if route.sku is not None:
            return sku == route.sku
        return any(each.sku is None for each in mapping.routes(sku, deployment.today))

    return [
        (stored.value, customer, sku)
        for contract_id in mapping.contract_ids
        if contract_id != route.contract_id
        for stored in deployment.store.contract(contract_id).lines.values()
        for customer, sku in stored.value.sources
        if customer == records.id and leaves(sku)
    ]


def _first_day(
    deployment: Deployment,
    given: Any,
    left: Iterable[tuple[Line, str, str]],
    customers: Iterable[CustomerRecords],
    since: date | None,
    present: Callable[[Line], bool],
) -> date | None:
    """When it holds from: as said, else today where units are billed by the present choice, else as long as that one.

    ``since`` is the first day of the present choice, ``present`` tells its lines.

    Units cannot leave a line before the day on which they came to it: nothing would take them off again.
    """
    first: dict[tuple[str, str], date] = {
        (records.id, sku): min(version.day for version in stored.value.versions)
        for records in customers
        for stored in records.subscriptions.values()
        for sku in stored.value.skus
    }
    billed = [
        (line, first.get((customer, sku), deployment.today))
        for line, customer, sku in left
        if line.intent or line.adjusted or (line.baseline and line.baseline.steps)
    ]
    if given is DEFAULT:
        return deployment.today if any(present(line) for line, _ in billed) else since
    came = [day for _, day in billed]
    if came and (given is None or given < max(came)):
        raise Failed(
            f"Units are billed elsewhere since {max(came)} already, so they can move on that day at the earliest: "
            f"--from {max(came)}. Nothing was written."
        )
    chosen: date | None = given
    return chosen


def map_plan(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Choose the service of a SKU, for every customer or for one."""
    sku, service_id, customer = arguments.sku, arguments.service, arguments.customer
    name = None if arguments.unchecked else _checked_service(deployment, service_id, terminal)
    store = deployment.store
    customers = (
        [customer]
        if customer
        else sorted({each.customer_id for each in store.subscriptions() if sku in each.skus})
    )
    found = {each: store.customer(each) for each in customers}
    left = [
        (line, whose, billed)
        for line in store.lines()
        if line.service_id != service_id
        for whose, billed in line.sources
        if billed == sku and whose in found
    ]
    plans = {plan: stored.value for plan, stored in store.partner().plans.items()}
    mapping = found[customer].mapping if customer else None
    own = in_force(mapping.value.services.get(sku, ()), deployment.today) if mapping else None
    present = own or (in_force(plans[sku].choices, deployment.today) if sku in plans else None)
    first_day = _first_day(
        deployment,
        arguments.first_day,
        left,
        found.values(),
        present.first_day if present else None,
        lambda line: present is not None and line.service_id == present.service_id,
    )
    contracts = sorted({c for r in found.values() if r.mapping for c in r.mapping.value.contract_ids})

    def chosen(choices: Sequence[ServiceChoice]) -> tuple[ServiceChoice, ...]:
        return chosen_from(choices, service_id, first_day)

    def for_one() -> Sequence[Write]:
        records = store.customer(customer)
        mapping = records.mapping.value if records.mapping else CustomerMapping(customer, ())
        # Until the first day of an override, the partner's own choice holds.
        mapping = replace(mapping, services={**mapping.services, sku: chosen(mapping.services.get(sku, ()))})
        rev = records.mapping.rev if records.mapping else 0
        return [
            put_mapping(mapping, rev),
            *wake_contracts(customer, mapping.contract_ids, deployment.ports),
        ]

    def for_all() -> Sequence[Write]:
        plan = store.partner().plans.get(sku, Stored(PlanMapping(sku)))
        now = deployment.clock.now().replace(microsecond=0)
        return [put_plan(PlanMapping(sku, chosen(plan.value.choices)), plan.rev, due_at=now)]

    written, shown = go_on(deployment, arguments, terminal, contracts, for_one if customer else for_all)
    if written:
        # What is not woken here, should this be interrupted, is woken by the sweep: the plan is due.
        wake(deployment, [customer] if customer else refresh_plan(sku, deployment.ports), terminal)
        whose = f" for {customer}" if customer else ""
        terminal.say(f"{sku} is billed with service {service_id}{whose}.", style="green")
    return {
        "sku": sku,
        "service_id": service_id,
        "service_name": name,
        "customer": customer,
        "from": first_day,
        "written": written,
        "preview": shown,
    }


def _checked_service(deployment: Deployment, service_id: int, terminal: Terminal) -> str:
    try:
        service = _autotask(deployment).service(service_id)
    except AutotaskError as error:
        raise Failed(_away(error)) from error
    if service is None:
        raise Failed(
            f"Autotask has no service {service_id}, or the API user may not see it; nothing was written. {UNCHECKED}"
        )
    if not service.is_active:
        raise Failed(
            f"Service {service_id} {service.name} is inactive in Autotask; nothing was written. {UNCHECKED}"
        )
    terminal.say(f"Service {service_id} {service.name}")
    return service.name


def map_list(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Every mapping there is."""
    mappings = sorted(deployment.store.mappings(), key=lambda mapping: mapping.customer_id)
    plans = [stored.value for _, stored in sorted(deployment.store.partner().plans.items())]
    terminal.say("Customers", style="bold")
    terminal.table(
        ("customer", "SKU", "units", "company", "contract", "from"),
        [
            (
                mapping.customer_id,
                route.sku or "all",
                f"up to {route.units}" if route.units else "all",
                route.company_id,
                route.contract_id,
                _from(routing.first_day),
            )
            for mapping in mappings
            for routing in mapping.routings
            for route in routing.routes
        ],
        empty="none yet: timus-autotask map customer CUSTOMER --company N --contract N",
    )
    terminal.say("", "Plans", style="bold")
    terminal.table(
        ("SKU", "service", "customer", "from", "chosen by"),
        [*_plan_rows(plans), *_override_rows(mappings)],
        empty="none yet: a SKU is matched to the one active service that carries it",
    )
    return {
        "customers": [
            {
                "customer": mapping.customer_id,
                "routings": [
                    {
                        "from": routing.first_day,
                        "routes": [
                            {
                                "sku": r.sku,
                                "company_id": r.company_id,
                                "contract_id": r.contract_id,
                                "units": r.units,
                            }
                            for r in routing.routes
                        ],
                    }
                    for routing in mapping.routings
                ],
                "services": {sku: _choices(choices) for sku, choices in mapping.services.items()},
            }
            for mapping in mappings
        ],
        "plans": [
            {
                "sku": plan.sku,
                "services": _choices(plan.choices),
                "matched": plan.matched,
                "candidates": [*plan.candidates],
            }
            for plan in plans
        ],
    }


def _choices(choices: Iterable[ServiceChoice]) -> list[dict[str, Any]]:
    return [{"from": choice.first_day, "service_id": choice.service_id} for choice in choices]


def _from(first_day: date | None) -> str:
    return first_day.isoformat() if first_day else "always"


def _plan_rows(plans: Iterable[PlanMapping]) -> Iterable[tuple[Any, ...]]:
    for plan in plans:
        for choice in plan.choices:
            by = "equal SKU" if plan.matched else "a person"
            yield plan.sku, choice.service_id, "all", _from(choice.first_day), by
        if not plan.choices:
            several = ", ".join(map(str, plan.candidates))
            yield plan.sku, None, "all", "", f"nobody: {several or 'no service'} carries it"


def _override_rows(mappings: Iterable[CustomerMapping]) -> Iterable[tuple[Any, ...]]:
    for mapping in mappings:
        for sku, choices in sorted(mapping.services.items()):
            for choice in choices:
                yield sku, choice.service_id, mapping.customer_id, _from(choice.first_day), "a person"
