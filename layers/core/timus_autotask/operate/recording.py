"""The one maker of a decision as it is recorded: who decided what, and when."""

from __future__ import annotations

from timus_autotask.store.contracts import ContractState
from timus_autotask.store.decisions import Decision
from timus_autotask.sync.ports import Ports


def new_decision(
    kind: str,
    customers: tuple[str, ...],
    by: str,
    detail: str,
    ports: Ports,
    *,
    contract_id: int | None = None,
    service_id: int | None = None,
) -> Decision:
    """What ``by`` has just decided, under the name ``kind`` (see ``Decision``). Write it together with what was decided; no customers: everybody."""
    return Decision(ports.new_id(), ports.clock.now(), kind, by, customers, contract_id, service_id, detail)


def new_decision_on(
    kind: str, contract: ContractState, service_id: int | None, by: str, detail: str, ports: Ports
) -> Decision:
    """The same about a contract and its customers, or about one of its lines."""
    return new_decision(
        kind, contract.customers, by, detail, ports, contract_id=contract.contract_id, service_id=service_id
    )
