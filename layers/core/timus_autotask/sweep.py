"""Use case: do what is due and what no message announces; called each minute, cheap when there is nothing.

Due are: events whose wake-up was lost, contracts whose scheduled day, settling time, retry or re-check has come, and plans whose
service was just chosen or is looked for again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from timus_autotask.apply import apply_customer
from timus_autotask.autotask.answers import AutotaskError
from timus_autotask.converge import converge
from timus_autotask.domain.mapping import PlanMapping
from timus_autotask.gather import match_plan
from timus_autotask.merge import wake_contracts
from timus_autotask.ports import ApplyPorts
from timus_autotask.secrets import NotConfigured, SecretsUnavailable
from timus_autotask.store import Stored, put_plan
from timus_autotask.table import Conflict, Document

AT_ONCE = 100
"""Documents in one run; the rest is taken by the next."""
ROOM = timedelta(seconds=35)
"""Nothing is begun with less time than this before the deadline."""


def sweep(ports: ApplyPorts, deadline: datetime) -> int:
    """Do due work until there is none, or no time; returns how many documents were looked at."""
    done = 0
    for document in ports.table.due(int(ports.clock.now().timestamp()), AT_ONCE):
        if ports.clock.now() + ROOM > deadline:
            break
        _take(document, ports, deadline)
        done += 1
    return done


def _take(document: Document, ports: ApplyPorts, deadline: datetime) -> None:
    pk, sk = document.key
    kind, _, identity = pk.partition("#")
    if kind == "CUSTOMER":
        apply_customer(identity, ports, deadline)
    elif kind == "CONTRACT":
        converge(int(identity), ports, deadline)
    elif sk.startswith("PLAN#"):
        refresh_plan(sk.removeprefix("PLAN#"), ports)


def refresh_plan(sku: str, ports: ApplyPorts) -> tuple[str, ...]:
    """Look again for a SKU's service, or wake every contract that has been waiting for it; returns whose were woken."""
    partner = ports.store.partner()
    plan = partner.plans.get(sku, Stored(PlanMapping(sku)))
    now = ports.clock.now()
    woken: list[str] = []
    if not plan.due(now):
        return ()
    try:
        if not plan.value.choices:
            if not partner.circuit.value.open(now):
                match_plan(sku, plan, ports)
            return ()
        for customer_id in sorted({s.customer_id for s in ports.store.subscriptions() if sku in s.skus}):
            records = ports.store.customer(customer_id)
            if records.mapping:
                ports.store.commit(*wake_contracts(customer_id, records.mapping.value.contract_ids, ports))
                woken.append(customer_id)
        ports.store.commit(put_plan(plan.value, plan.rev))
    except (AutotaskError, Conflict, NotConfigured, SecretsUnavailable):
        pass  # it stays due
    return tuple(woken)
