"""The services of SKUs: which one a SKU is billed as is looked up in Autotask by the SKU that it carries, and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from timus_autotask.domain.mapping import PlanMapping, ServiceChoice
from timus_autotask.ports.errors import Conflict, Refused
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords, StoredPlan, looked_for, put_plan
from timus_autotask.sync.ports import Ports

UNMATCHED_RECHECK = timedelta(minutes=15)
"""How soon a SKU that no service carries is looked for again."""


def skus_without_choice(customers: Mapping[str, CustomerRecords], partner: PartnerRecords) -> list[str]:
    """The customers' SKUs that no mapping of theirs gives a service. Raises ``RecordUnreadable`` where the partner's choice cannot be read."""
    skus = sorted(
        {
            sku
            for records in customers.values()
            for stored in records.subscriptions.values()
            for sku in stored.value.skus
            if not (records.mapping and sku in records.mapping.value.services)
        }
    )
    unreadable = partner.unreadable_plan(skus)
    if unreadable is not None:
        raise unreadable  # where its units go is not known, and so not what a line should have
    return skus


def store_missing_services(
    customers: Mapping[str, CustomerRecords], partner: PartnerRecords, ports: Ports
) -> PartnerRecords:
    """Look for the service of every SKU that nobody has chosen one for, and store what was found. Raises ``AutotaskError`` but ``Refused``.

    Returns the partner's records as they are then. A SKU without a service is looked for again here when its time has come, and is not left
    to the sweep: what a preview shows would lack what the sweep finds a moment later.
    """
    now = ports.clock.now()
    plans = map(partner.plan, skus_without_choice(customers, partner))
    missing = [plan for plan in plans if plan.rev == 0 or looked_for(plan, now)]
    store_services(missing, ports)
    return ports.store.partner() if missing else partner


def store_services(plans: Sequence[StoredPlan], ports: Ports) -> None:
    """Look for the services of SKUs, and store what was found. Raises ``AutotaskError`` but ``Refused``.

    A SKU without one is looked for again after a while, because a person may add or correct the service in Autotask.
    """
    found = find_services([plan.value for plan in plans], ports)
    for plan in plans:
        of_sku, due_at = found[plan.value.sku], ports.clock.now() + UNMATCHED_RECHECK
        until = (ports.clock.now() if plan.rev else None) if of_sku.matched else due_at
        with suppress(Conflict):  # somebody chose at the same moment; what they chose is read next
            ports.store.commit(put_plan(of_sku, plan.rev, until))


def find_services(plans: Sequence[PlanMapping], ports: Ports) -> dict[str, PlanMapping]:
    """By SKU: with the one active Autotask service that carries it; never by name. Without one, with those that it may be.

    All are asked for together. Where Autotask refuses that, each by itself: then only the SKU that it refuses waits, and no other one of the
    contract. Raises ``AutotaskError`` but ``Refused``.
    """
    if not plans:
        return {}
    try:
        services = ports.autotask().services_by_sku([plan.sku for plan in plans])
    except Refused as error:
        if len(plans) > 1:
            return {sku: found for plan in plans for sku, found in find_services([plan], ports).items()}
        return {plan.sku: replace(plan, refused=str(error)) for plan in plans}
    return {
        plan.sku: _with_service(plan, sorted(one.id for one in services if one.sku == plan.sku))
        for plan in plans
    }


def _with_service(plan: PlanMapping, ids: Sequence[int]) -> PlanMapping:
    if len(ids) == 1:
        return replace(plan, choices=(ServiceChoice(ids[0]),), matched=True, candidates=(), refused="")
    return replace(plan, choices=(), matched=False, candidates=tuple(ids), refused="")
