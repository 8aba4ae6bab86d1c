"""Use case: bring Autotask to what Timus says, for one customer who was woken."""

from __future__ import annotations

from datetime import datetime

from timus_autotask.sync.merge import merge_inbox
from timus_autotask.sync.open_contract import want_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import converge


def merge_customer(customer_id: str, ports: Ports, deadline: datetime) -> tuple[int, ...]:
    """Merge what waits in a customer's inbox; returns the contracts that it routes to.

    A customer who has a company and no contract gets one opened by the sweep, if the partner's terms say so.
    """
    mapping = merge_inbox(customer_id, ports, deadline)
    if mapping is not None and not mapping.routings:
        want_contract(customer_id, ports)
    return mapping.contract_ids if mapping else ()


def apply_customer(customer_id: str, ports: Ports, deadline: datetime) -> None:
    """Merge what waits in a customer's inbox and converge every contract that it routes to and that is due.

    A contract that fails does not stop the others; the first failure is raised when all were tried.
    """
    failure: Exception | None = None
    for contract_id in merge_customer(customer_id, ports, deadline):
        try:
            converge(contract_id, ports, deadline)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the other contracts
            failure = failure or error
    if failure is not None:
        raise failure
