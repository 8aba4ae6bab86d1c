"""Use case: which service a SKU is billed with, for every customer or for one. Proposed first, with the adjustments that would follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from timus_autotask.domain.mapping import CustomerMapping, ServiceChoice, chosen_from, in_force
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.catalogue import ask
from timus_autotask.operate.mapping.dropped import (
    Dropped,
    dropped_doubts,
    dropped_of_customer,
    dropped_of_plan,
)
from timus_autotask.operate.mapping.first_day import FOLLOWS, FirstDay, holds_from
from timus_autotask.operate.mapping.known import customer_is_no_slip, require_skus
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.partner import put_plan
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.watch.names import NamesRead, learn_names


@dataclass(frozen=True, slots=True)
class ServiceChosen:
    """With which service a SKU is billed."""

    sku: str
    service_id: int
    service_name: str | None
    customer: str | None
    """None: for every customer without a choice of its own."""
    first_day: date | None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "sku": self.sku,
            "service_id": self.service_id,
            "service_name": self.service_name,
            "customer": self.customer,
            "from": self.first_day,
        }


def choose_service(
    deployment: Deployment,
    sku: str,
    service_id: int,
    by: str,
    *,
    customer: str | None = None,
    first_day: FirstDay = FOLLOWS,
    unchecked: bool = False,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[ServiceChosen]:
    """Bill a SKU with a service, for every customer or for one."""

    def prepare() -> Prepared[ServiceChosen]:
        name = None if unchecked else _service_name(deployment, service_id)
        if not unknown:
            require_skus(deployment, [sku])
            if customer:
                customer_is_no_slip(deployment, deployment.store.customer(customer))
        since = _service_from(deployment, sku, service_id, customer, first_day)
        result = ServiceChosen(sku, service_id, name, customer, since)
        write = _for_one if customer else _for_all
        doubts = dropped_doubts(deployment, [*_dropped(deployment, result)])
        return Prepared(
            lambda ports: write(result, by, ports), doubts=doubts, unchecked=unchecked, moves=True
        )

    return propose(deployment, prepare, on_progress)


def _dropped(deployment: Deployment, chosen: ServiceChosen) -> Iterator[Dropped]:
    """Services of days to come that would not be billed with any more."""
    store, today = deployment.store, deployment.today
    if chosen.customer:
        known = store.customer(chosen.customer).known_mapping
        return dropped_of_customer(known, _with_own_service(known, chosen), today)
    plan = store.partner().plan(chosen.sku).value
    choices = chosen_from(plan.choices, chosen.service_id, chosen.first_day)
    return dropped_of_plan(plan, replace(plan, choices=choices), today)


def _with_own_service(mapping: CustomerMapping, chosen: ServiceChosen) -> CustomerMapping:
    """A customer's mapping with the service. Until its first day, the partner's own choice holds."""
    choices = chosen_from(mapping.services.get(chosen.sku, ()), chosen.service_id, chosen.first_day)
    return replace(mapping, services={**mapping.services, chosen.sku: choices})


def _service_from(
    deployment: Deployment, sku: str, service_id: int, customer: str | None, first_day: FirstDay
) -> date | None:
    store = deployment.store
    having = {customer} if customer else {one.customer_id for one in store.subscriptions() if sku in one.skus}
    left = [
        (line, source, billed)
        for line in store.lines()
        if line.service_id != service_id
        for source, billed in line.sources
        if billed == sku and source in having
    ]
    present = _service_now(deployment, sku, customer)
    return holds_from(
        deployment,
        first_day,
        left,
        deployment.each(store.customer, sorted(having)),
        present.first_day if present else None,
        lambda line: present is not None and line.service_id == present.service_id,
    )


def _service_now(deployment: Deployment, sku: str, customer: str | None) -> ServiceChoice | None:
    """The service that a SKU is billed with today, for a customer (None: for those without a choice of their own)."""
    store, today = deployment.store, deployment.today
    mapping = store.customer(customer).mapping if customer else None
    own = in_force(mapping.value.services.get(sku, ()), today) if mapping else None
    plan = store.partner().plans.get(sku)
    return own or (in_force(plan.value.choices, today) if plan else None)


def _for_one(chosen: ServiceChosen, by: str, ports: Ports) -> ServiceChosen:
    customer = str(chosen.customer)

    def attempt() -> None:
        records = ports.store.customer(customer)
        mapping = _with_own_service(records.known_mapping, chosen)
        ports.store.commit(
            put_mapping(mapping, records.mapping.rev if records.mapping else 0),
            *wake_contracts(customer, mapping.contract_ids, ports),
            put_decision(new_decision("map plan", (customer,), by, _chosen_words(chosen), ports)),
        )

    update(attempt)
    _learn_service(chosen, ports)
    wake([customer], ports)
    return chosen


def _for_all(chosen: ServiceChosen, by: str, ports: Ports) -> ServiceChosen:
    def attempt() -> None:
        plan = ports.store.partner().plan(chosen.sku)
        now = ports.clock.now().replace(microsecond=0)
        choices = chosen_from(plan.value.choices, chosen.service_id, chosen.first_day)
        ports.store.commit(
            put_plan(
                replace(plan.value, choices=choices, matched=False, candidates=(), ignored=None),
                plan.rev,
                now,
            ),
            put_decision(new_decision("map plan", (), by, _chosen_words(chosen), ports)),
        )

    update(attempt)
    _learn_service(chosen, ports)
    # What is not woken here, should this be interrupted, is woken by the sweep: the plan is due.
    wake(refresh_plan(chosen.sku, ports), ports)
    return chosen


def _learn_service(chosen: ServiceChosen, ports: Ports) -> None:
    """Keep how the service is called, with any contract: it is called the same on all of them."""
    contracts = (id_ for mapping in ports.store.mappings() for id_ in mapping.contract_ids)
    first = next(contracts, None)
    if first is not None and chosen.service_name:
        learn_names(ports, [NamesRead(first, None, {}, {chosen.service_id: chosen.service_name})])


def _chosen_words(chosen: ServiceChosen) -> str:
    return f"{chosen.sku} with service {chosen.service_id} from {chosen.first_day or 'the beginning'}"


def _service_name(deployment: Deployment, service_id: int) -> str:
    service = ask(deployment, lambda autotask: autotask.service(service_id), Way.UNASKED)
    if service is None:
        raise NotDone(
            f"Autotask has no service {service_id}, or the API user may not see it; nothing was written.",
            Way.UNASKED,
        )
    if not service.is_active:
        raise NotDone(
            f"Service {service_id} {service.name} is inactive in Autotask; nothing was written.", Way.UNASKED
        )
    return service.name
