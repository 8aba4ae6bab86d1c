"""Use case: bring Autotask to what Timus says, for one customer who was woken."""

from __future__ import annotations

from datetime import datetime

from timus_autotask.sync.merge import merge_inbox
from timus_autotask.sync.open_contract import want_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import converge


def apply_customer(customer_id: str, ports: Ports, deadline: datetime) -> None:
    """Merge what waits in a customer's inbox and converge every contract that it routes to and that is due.

    A customer who has a company and no contract gets one opened by the sweep, if the partner's terms say so.
    """
    contracts = merge_inbox(customer_id, ports)
    for contract_id in contracts:
        converge(contract_id, ports, deadline)
    if not contracts:
        want_contract(customer_id, ports)
