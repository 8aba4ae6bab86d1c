"""Use case: a person says that a customer is mapped rightly, although Timus and Autotask call it differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_customer
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.table import Put
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.names import apart, called_otherwise, directory, reported_name


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Customers whose mapping is right, whatever it is called."""

    customers: tuple[str, ...]
    names: tuple[str, ...]
    """What both call it, for people."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"customers": [*self.customers], "names": [*self.names]}


def confirm(deployment: Deployment, customers: Iterable[str], by: str) -> Confirmed:
    """Say so, of some customers. It is done at once: no seat moves by it. Raises :class:`NotDone` where no name is in doubt."""
    ids = tuple(dict.fromkeys(customers))
    for customer in ids:
        require_customer(deployment, customer)
        if not _confirmed(customer, deployment)[1]:
            raise NotDone(f"No name of customer {customer} is in doubt. Nothing was written.")
    said: list[str] = []
    for customer in ids:
        update(lambda customer=customer: said.extend(_write(customer, by, deployment)))  # type: ignore[misc]
    return Confirmed(ids, tuple(said))


def _write(customer: str, by: str, deployment: Deployment) -> Iterable[str]:
    put, names = _confirmed(customer, deployment)
    if put is not None:
        ports: Ports = deployment.ports
        ports.store.commit(
            put, put_decision(new_decision("map confirm", (customer,), by, "; ".join(names), ports))
        )
    return names


def _confirmed(customer: str, deployment: Deployment) -> tuple[Put | None, tuple[str, ...]]:
    """What stores it, and what is said by it; None: nothing is in doubt."""
    records = deployment.store.customer(customer)
    if records.mapping is None:
        return None, ()
    name = reported_name(stored.value for _, stored in sorted(records.subscriptions.items()))
    companies = directory({}, deployment.store.all_names()).companies
    mapping = records.mapping.value
    found = [*called_otherwise(mapping, name, companies)]
    names = tuple(apart(customer, one, companies[one.company_id]) for one in found)
    return (put_mapping(mapping.also_called(found), records.mapping.rev) if found else None), names
