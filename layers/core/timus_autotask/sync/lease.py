"""A contract's lease: taken for what is due, or in the transaction that merges what is new; and what was read for its holder.

Whoever has the lease goes on with what was read before it was taken, because each of its writes fails unless the contract is as it was
read. So it must not be older than the contract's own record, or nothing may have come in between: decision 0037.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from timus_autotask.ports.table import Put
from timus_autotask.store.contracts import ContractRecords, ContractState, put_contract_state
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.reading import RecordUnreadable, Stored
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports

LEASE_MARGIN = timedelta(seconds=5)
"""How far the lease outlives the function's deadline: more than two clocks can differ."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A contract that this worker has, and what was read for it."""

    contract: ContractRecords
    """With the lease, at the revision that it has since."""
    partner: PartnerRecords
    customers: Mapping[str, CustomerRecords] = field(default_factory=dict)
    """Those that were read already; the others of the contract are still to be read."""


def take_lease(contract_id: int, ports: Ports, deadline: datetime) -> Leased | None:
    """Take a contract that is due; None when somebody has it, there is nothing to do, or Autotask must not be asked.

    ``deadline`` is when this process is surely dead.
    """

    def take() -> Leased | None:
        now = ports.clock.now()
        contract = ports.store.contract(contract_id)
        if not contract.state.due(now) or contract.state.value.leased(now):
            return None
        partner = ports.store.partner()  # after the contract: what changes from here on grows its revision
        if partner.circuit.value.open(now):
            return None
        put, leased = _with_lease(contract, contract.state.value, ports, deadline)
        ports.store.commit(put)
        return Leased(leased, partner)

    return update(take)


def lease_at_once(
    contract: ContractRecords, state: ContractState, since: datetime, ports: Ports, deadline: datetime
) -> tuple[Put, Leased] | None:
    """What makes a contract due as ``state`` and takes it at once; None where it has to be taken by itself.

    ``since``: when the first thing was read for it. It was at rest since before then, so nothing has come in between, or the lease is not
    to be had so.
    """
    now = ports.clock.now()
    if contract.state.value.leased(now) or not _at_rest_since(contract.state.value, since):
        return None
    try:
        partner = ports.store.partner()
    except RecordUnreadable:
        return None  # what is new is merged all the same, and the contract's own worker says so
    if partner.circuit.value.open(now):
        return None
    put, leased = _with_lease(contract, state, ports, deadline)
    return put, Leased(leased, partner)


def _at_rest_since(state: ContractState, moment: datetime) -> bool:
    """Whether nothing has come for a contract from that moment until it was read, however far the clocks differ."""
    rested_at = state.rested_at
    return state.generation == state.converged and rested_at is not None and rested_at + LEASE_MARGIN < moment


def _with_lease(
    contract: ContractRecords, state: ContractState, ports: Ports, deadline: datetime
) -> tuple[Put, ContractRecords]:
    """What stores ``state`` with a lease over the contract as it was read, and the contract after it. It is due when the lease ends."""
    until = deadline + LEASE_MARGIN
    leased = replace(state, lease=ports.new_id(), lease_until=until)
    put = put_contract_state(leased, contract.state.rev, until)
    after = Stored(leased, contract.state.rev + 1, put.due_at)
    return put, replace(contract, state=after)
