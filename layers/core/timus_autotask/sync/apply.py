"""Use case: bring Autotask to what Timus says, for one customer who was woken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.sync.lease import Leased
from timus_autotask.sync.merge import merge_inbox
from timus_autotask.sync.open_contract import want_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import ADJUSTMENT_TAKES, converge


def merge_customer(customer_id: str, ports: Ports, deadline: datetime) -> Mapping[int, Leased | None]:
    """Merge what waits in a customer's inbox; returns the contracts that it routes to, and which of them is leased already.

    A customer who has a company and no contract gets one opened by the sweep, if the partner's terms say so.
    """
    merged = merge_inbox(customer_id, ports, deadline)
    mapping = merged.mapping
    if mapping is not None and not mapping.routings:
        want_contract(customer_id, ports)
    return dict.fromkeys(mapping.contract_ids if mapping else (), merged.leased)


def apply_customer(customer_id: str, ports: Ports, deadline: datetime) -> None:
    """Merge what waits in a customer's inbox and converge every contract that it routes to and that is due.

    What fails does not stop the rest: events that cannot be read stay in the inbox, and a contract that fails stays due. The first
    failure is raised when all were tried. Contracts for which no time is left are handed on.
    """
    failure: Exception | None = None
    try:
        contracts = merge_customer(customer_id, ports, deadline)
    except RecordUnreadable as error:
        failure = error
        mapping = ports.store.mapping(customer_id)
        contracts = dict.fromkeys(mapping.contract_ids if mapping else ())
    for number, (contract_id, leased) in enumerate(contracts.items()):
        if number and ports.clock.now() + ADJUSTMENT_TAKES > deadline:
            ports.hand_on(customer_id)
            break
        try:
            converge(contract_id, ports, deadline, leased)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the other contracts
            failure = failure or error
    if failure is not None:
        raise failure
