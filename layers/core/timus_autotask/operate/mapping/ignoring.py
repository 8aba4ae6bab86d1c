"""Use cases: a customer or a SKU that is not billed in Autotask, and the way back.

Nothing of it is lost: webhooks are still taken in and merged. What is taken back is billed from its own day once it is mapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from timus_autotask.domain.mapping import CustomerMapping, Ignored, PlanMapping
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_customer, require_skus
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.decisions import Decision, put_decision
from timus_autotask.store.partner import put_plan
from timus_autotask.store.reading import Stored
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.watch.names import name_of


@dataclass(frozen=True, slots=True)
class IgnoredOrNot:
    """Customers and SKUs that are ignored, or that are not any more."""

    customers: tuple[str, ...]
    skus: tuple[str, ...]
    ignored: bool
    reason: str
    names: tuple[str, ...] = ()
    """Of the customers, as Timus says; empty: it has reported none."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customers": [
                {"customer": id_, "customer_name": name or None}
                for id_, name in zip(self.customers, self.names, strict=True)
            ],
            "skus": [*self.skus],
            "ignored": self.ignored,
            "reason": self.reason or None,
        }


def ignore(
    deployment: Deployment,
    customers: Iterable[str],
    skus: Iterable[str],
    reason: str,
    by: str,
    *,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[IgnoredOrNot]:
    """Set customers without a contract, and SKUs without a service, aside.

    Raises :class:`NotDone` for what is mapped: ignoring it would leave units in Autotask that nobody looks after.
    """
    return _propose(deployment, customers, skus, by, reason, unknown, on_progress)


def unignore(
    deployment: Deployment,
    customers: Iterable[str],
    skus: Iterable[str],
    by: str,
    *,
    on_progress: Progress = quiet,
) -> Proposal[IgnoredOrNot]:
    """Take it back. A SKU is looked for again, and a customer gets a contract if the terms open one."""
    return _propose(deployment, customers, skus, by, None, True, on_progress)


def _propose(
    deployment: Deployment,
    customers: Iterable[str],
    skus: Iterable[str],
    by: str,
    reason: str | None,
    unknown: bool,
    on_progress: Progress,
) -> Proposal[IgnoredOrNot]:
    these, those = tuple(sorted(set(customers))), tuple(sorted(set(skus)))
    reason = None if reason is None else reason.strip()
    if reason == "":
        raise NotDone("It is ignored with a reason, for everybody who looks at it.", Way.REASON)

    def prepare() -> Prepared[IgnoredOrNot]:
        if not unknown:
            for customer in these:
                require_customer(deployment, customer)
            require_skus(deployment, those)
        names = []
        for customer in these:
            records = deployment.store.customer(customer)
            _check_customer(customer, records.mapping.value if records.mapping else None, reason)
            names.append(name_of(records))
        plans = deployment.store.partner().plans
        for sku in those:
            _check_plan(deployment, sku, plans.get(sku), reason)
        result = IgnoredOrNot(these, those, reason is not None, reason or "", tuple(names))
        return Prepared(lambda ports: _write(result, by, ports))

    return propose(deployment, prepare, on_progress)


def _check_customer(customer: str, mapping: CustomerMapping | None, reason: str | None) -> None:
    if reason is None:
        if mapping is None or mapping.ignored is None:
            raise NotDone(f"Customer {customer} is not ignored. Nothing was written.")
    elif mapping and mapping.routings:
        contracts = ", ".join(map(str, mapping.contract_ids))
        raise NotDone(
            f"Customer {customer} is billed on contract {contracts}, so it cannot be ignored. Nothing was written.",
            Way.EXCLUDE_FOR_CUSTOMER,
            what=customer,
        )


def _check_plan(
    deployment: Deployment, sku: str, plan: Stored[PlanMapping] | None, reason: str | None
) -> None:
    if reason is None:
        if plan is None or plan.value.ignored is None:
            raise NotDone(f"SKU {sku} is not ignored. Nothing was written.")
        return
    on = sorted(
        {line.key for line in deployment.store.lines() for _, billed in line.sources if billed == sku}
    )
    if plan and plan.value.choices and on:
        raise NotDone(
            f"SKU {sku} is billed with service {on[0].service_id} on contract {on[0].contract_id}"
            f"{f' and {len(on) - 1} more' if on[1:] else ''}, so it cannot be ignored. Nothing was written.",
            Way.EXCLUDE_SKU,
            what=sku,
        )


def _write(result: IgnoredOrNot, by: str, ports: Ports) -> IgnoredOrNot:
    at = ports.clock.now().replace(microsecond=0)
    for customer, name in zip(result.customers, result.names, strict=True):
        given = Ignored(result.reason, by, at, name) if result.ignored else None
        write_customer(customer, given, by, ports)
    for sku in result.skus:
        given = Ignored(result.reason, by, at) if result.ignored else None
        write_plan(sku, given, by, ports)
        wake(refresh_plan(sku, ports), ports)
    wake(result.customers, ports)
    return result


def write_customer(customer: str, ignored: Ignored | None, by: str, ports: Ports) -> None:
    """Set a customer aside; None: not any more. Raises :class:`NotDone` for one that is mapped."""

    def attempt() -> None:
        found = ports.store.customer(customer).mapping
        known = found.value if found else CustomerMapping(customer, ())
        _check_customer(customer, known, ignored.reason if ignored else None)
        ports.store.commit(
            put_mapping(replace(known, ignored=ignored), found.rev if found else 0),
            put_decision(_decision("customer", customer, ignored, (customer,), by, ports)),
        )

    update(attempt)


def write_plan(sku: str, ignored: Ignored | None, by: str, ports: Ports) -> None:
    """Set a SKU aside; None: not any more. The plan is due: the sweep wakes whoever waits for it, if nobody else does."""

    def attempt() -> None:
        plan = ports.store.partner().plan(sku)
        # Looked for by its SKU again once it is taken back, as if it were new.
        changed = replace(plan.value, choices=(), matched=False, candidates=(), ignored=ignored)
        now = ports.clock.now().replace(microsecond=0)
        ports.store.commit(
            put_plan(changed, plan.rev, due_at=now),
            put_decision(_decision("plan", sku, ignored, (), by, ports)),
        )

    update(attempt)


def _decision(
    what: str, which: str, ignored: Ignored | None, customers: tuple[str, ...], by: str, ports: Ports
) -> Decision:
    kind = "map ignore" if ignored else "map unignore"
    detail = f"{what} {which}{f': {ignored.reason}' if ignored else ''}"
    return new_decision(kind, customers, by, detail, ports)
