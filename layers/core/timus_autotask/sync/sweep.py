"""Use case: do what is due and what no message announces; called each minute, cheap when there is nothing.

Due are: events whose wake-up was lost, contracts whose scheduled day, settling time, retry or re-check has come, contracts that
are to be opened, and plans whose service was just chosen or is looked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from timus_autotask.domain.mapping import PlanMapping
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    NotConfigured,
    QueueUnavailable,
    SecretsUnavailable,
    TableUnavailable,
)
from timus_autotask.ports.table import Document, Key
from timus_autotask.store.records import Stored, put_plan
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.gather import match_plan
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.open_contract import open_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import autotask_failed, converge

AT_ONCE = 100
"""Documents in one run; the rest is taken by the next."""
ROOM = timedelta(seconds=35)
"""Nothing is begun with less time than this before the deadline."""


def sweep(ports: Ports, deadline: datetime) -> int:
    """Do due work until there is none, or no time; returns how many documents were done with.

    What there is no time for is handed to the workers behind the queue: after an outage there is much of it. While Autotask is
    away, only what does not need it is done. A document that fails does not stop those behind it; the first failure is raised
    when all are done.
    """
    now = ports.clock.now()
    away = ports.store.partner().circuit.value.open(now)
    failure: Exception | None = None
    done, late = 0, False
    for due in _parts(ports, now):
        mine = [document for document in due if not away or document.key.pk.startswith("CUSTOMER#")]
        for number, document in enumerate(mine):
            late = ports.clock.now() + ROOM > deadline
            if late:
                _hand_over(mine[number:], ports)
                break
            try:
                _take(document, ports, deadline)
            except TableUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up what stands behind it
                key, customers = "/".join(document.key), [*_customers(document)]
                ports.on_event("failed", error=repr(error), document=key, customers=customers or None)
                failure = failure or error
            else:
                done += 1
        if late or done >= AT_ONCE:
            break
    if failure:
        raise failure
    return done


def _parts(ports: Ports, now: datetime) -> Iterator[list[Document]]:
    """What is due, in order, some at a time.

    What fails or has to wait stays due and stands in front each time: it is passed, so that it hides nothing behind it.
    """
    seen: set[Key] = set()
    limit, found = AT_ONCE, AT_ONCE
    while found == limit:
        limit = max(AT_ONCE, 2 * len(seen))
        due = ports.table.due(int(now.timestamp()), limit)
        found = len(due)
        yield [document for document in due if document.key not in seen]
        seen.update(document.key for document in due)


def _hand_over(documents: Iterable[Document], ports: Ports) -> None:
    """Wake the workers for what is left; once in five minutes for each, so that a long backlog is not queued again and again."""
    if ports.wake_ups is None:
        return
    turn = int(ports.clock.now().timestamp()) // 300
    customers = dict.fromkeys(customer for document in documents for customer in _customers(document))
    try:
        for customer in customers:
            ports.wake_ups.send(customer, f"sweep-{customer}-{turn}")
    except QueueUnavailable:
        return  # the next sweep goes on
    ports.on_event("handed-over", customers=[*customers])


def _customers(document: Document) -> Iterable[str]:
    kind, _, identity = document.key.pk.partition("#")
    if kind == "CUSTOMER":
        return (identity,)
    return tuple(document.data.get("customers", ())) if document.key.sk == "CONTRACT" else ()


def _take(document: Document, ports: Ports, deadline: datetime) -> None:
    pk, sk = document.key
    kind, _, identity = pk.partition("#")
    if kind == "CUSTOMER":
        apply_customer(identity, ports, deadline)
    elif kind == "CONTRACT":
        converge(int(identity), ports, deadline)
    elif kind == "OPENING":
        open_contract(identity, ports, deadline)
    elif sk.startswith("PLAN#"):
        refresh_plan(sk.removeprefix("PLAN#"), ports)


def refresh_plan(sku: str, ports: Ports) -> tuple[str, ...]:
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
    except AutotaskError as error:
        autotask_failed(ports, error)  # it stays due
    except (Conflict, NotConfigured, SecretsUnavailable):
        pass  # it stays due
    return tuple(woken)
