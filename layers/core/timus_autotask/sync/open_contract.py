"""Use case: open a recurring contract in Autotask, once, and route its customers to it.

Two things ask for one: a customer who has a company and no contract (``want_contract``), and a renewed term that the partner wants on
a new contract (``converge``). Either writes a provisioning, which is due; the sweep drives it. What is asked of Autotask is written
down before, as with an adjustment; and whether it is there is only ever known from a read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import LOOKS, RECHECK
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import JournalEntry, Outcome, Why
from timus_autotask.domain.mapping import CustomerMapping, LineKey, Route, Routing
from timus_autotask.domain.policy import Policy, Renewal, RenewalLink
from timus_autotask.domain.provisioning import (
    NewContract,
    Provisioning,
    first_contract,
    next_action,
)
from timus_autotask.domain.reasons import PAUSED, Parked
from timus_autotask.domain.stage import is_live
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NoCredentials,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from timus_autotask.ports.table import Check, Delete, Write
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.customers import CustomerRecords, put_mapping
from timus_autotask.store.journal import contract_with_entries
from timus_autotask.store.keys import provisioning_key
from timus_autotask.store.reading import Stored
from timus_autotask.store.sizes import in_parts
from timus_autotask.sync.gather import customer_from
from timus_autotask.sync.lease import LEASE_MARGIN
from timus_autotask.sync.merge import wake_contract, woken
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import contract_is_live, decide_stage
from timus_autotask.sync.worker import ADJUSTMENT_TAKES, note_failure

OPEN_AGAIN = timedelta(hours=1)
"""How soon a parked provisioning is looked at again: its cause may be gone."""


def want_contract(customer_id: str, ports: Ports) -> None:
    """Ask for a contract for a customer who is live and has a company, no contract, and something to be billed."""
    records, partner = ports.store.customer(customer_id), ports.store.partner()
    if not is_live(decide_stage(ports, partner), (records.own_stage,)):
        return
    wanted = first_contract(customer_from(records, partner.terms.value), ports.today())
    if wanted is not None and ports.store.provisioning(wanted.number) is None:
        try:
            ports.store.commit(put_provisioning(Provisioning(wanted), 0, ports.clock.now()))
        except Conflict:
            return  # somebody has just asked for it


def open_contract(number: str, ports: Ports, deadline: datetime) -> None:
    """Bring one provisioning as far as Autotask and the partner's terms allow; ``deadline`` is when this process is surely dead."""
    if ports.store.circuit().value.open(ports.clock.now()):
        return
    session = _ProvisioningSession.begin(number, ports, deadline)
    if session is None:
        return
    try:
        session.run()
    except Conflict:
        return  # what it follows from has changed meanwhile: it is due again when the lease is over
    except AutotaskError as error:
        session.postpone(error)
    except NoCredentials as error:
        session.postpone(CredentialsRefused(str(error)))


class _ProvisioningSession:
    """One worker at one provisioning, under its lease."""

    def __init__(self, stored: Stored[Provisioning], ports: Ports, deadline: datetime) -> None:
        self._stored = stored
        self._ports = ports
        self._deadline = deadline

    @classmethod
    def begin(cls, number: str, ports: Ports, deadline: datetime) -> _ProvisioningSession | None:
        """Take the lease; None when somebody has it or there is nothing to do."""
        stored, now = ports.store.provisioning(number), ports.clock.now()
        if stored is None or not stored.due(now):
            return None
        until = stored.value.lease_until
        if stored.value.lease is not None and until is not None and now < until:
            return None
        session = cls(stored, ports, deadline)
        try:
            session._put(
                replace(stored.value, lease=ports.new_id(), lease_until=session._lease_until),
                session._lease_until,
            )
        except Conflict:
            return None  # somebody else came first
        return session

    @property
    def _lease_until(self) -> datetime:
        return self._deadline + LEASE_MARGIN

    def run(self) -> None:
        """Look for the contract, ask for it if it may be asked for, and look again, until it is in use or waits."""
        looks = 0
        while True:
            provisioning, now = self._stored.value, self._ports.clock.now()
            action = next_action(provisioning, self._find(), now)
            if action.use is not None:
                self._finish(action.use)
                return
            if action.parked is not None:
                self._park(action.parked)
                return
            if action.wait_until is not None:
                if provisioning.accepted and looks < LOOKS:
                    looks += 1
                    self._ports.clock.sleep(looks)
                    continue
                self._rest(provisioning, action.wait_until)
                return
            if now + ADJUSTMENT_TAKES > self._deadline:
                self._rest(provisioning, now)
                return
            if not self._confirm() or not self._send():
                return

    def postpone(self, error: AutotaskError) -> None:
        """Autotask cannot be asked now: stay due."""
        error = note_failure(self._ports, error)
        after = error.after_seconds if isinstance(error, RetryLater) else RECHECK.total_seconds()
        self._rest(self._stored.value, self._ports.clock.now() + timedelta(seconds=after))

    def _find(self) -> list[Contract]:
        wanted = self._stored.value.wanted
        return self._ports.autotask().contracts_numbered(wanted.company_id, wanted.number)

    # -- Whether it is still wanted

    def _confirm(self) -> bool:
        """Just before it is asked for: whether it is still wanted, and as what. What is not wanted any more is dropped.

        So is what observes by now: it is asked for anew at go-live.
        """
        provisioning = self._stored.value
        if provisioning.wanted.renews is not None:
            if self._is_live(provisioning.wanted) and self._renewal_stands(
                provisioning.wanted, provisioning.wanted.renews
            ):
                return True
            self._drop(
                wake_contract(provisioning.wanted.renews, self._ports)
            )  # it is decided anew from there
            return False
        records = self._ports.store.customer(provisioning.wanted.customer_id)
        customer = customer_from(records, self._ports.store.partner().terms.value)
        wanted = first_contract(customer, self._ports.today())
        if wanted is None or not self._is_live(wanted):
            self._drop()
            return False
        facts: dict[str, int | str] = {"customer": customer.id, "company": wanted.company_id}
        if customer.policy.paused or not customer.policy.open_contracts:
            self._park(Parked(PAUSED if customer.policy.paused else "opening-off", facts))
            return False
        self._stored = replace(self._stored, value=replace(provisioning, wanted=wanted))
        return True

    def _is_live(self, wanted: NewContract) -> bool:
        """Whether everybody whom the contract is for is live."""
        store = self._ports.store
        partner = decide_stage(self._ports, store.partner())
        if wanted.renews is None:
            return is_live(partner, (store.customer(wanted.customer_id).own_stage,))
        known = store.contract(wanted.renews).state.value.customers
        return contract_is_live(wanted.renews, map(store.customer, known), partner)

    def _renewal_stands(self, wanted: NewContract, old_id: int) -> bool:
        old = self._ports.autotask().contract(old_id)
        policies = [policy for policy, _ in self._routed(old_id, wanted)]
        return (
            old is not None
            and old.end + ONE_DAY == wanted.start
            and any(policy.renewal is Renewal.NEW_CONTRACT for policy in policies)
            and not any(policy.paused for policy in policies)
        )

    def _routed(self, contract_id: int, wanted: NewContract) -> list[tuple[Policy, CustomerRecords]]:
        """Every customer who is routed to a contract on the new one's first day."""
        partner = self._ports.store.partner().terms.value
        found: list[tuple[Policy, CustomerRecords]] = []
        for customer_id in self._ports.store.contract(contract_id).state.value.customers:
            records = self._ports.store.customer(customer_id)
            mapping = records.mapping.value if records.mapping else None
            if mapping and mapping.followed(contract_id, 0, wanted.start) != mapping:
                found.append((customer_from(records, partner).policy, records))
        return found

    # -- Asking for it

    def _send(self) -> bool:
        """Ask for the contract, once, after writing down that we do. False when it waits for a person or for time."""
        settles_at = self._lease_until + self._ports.settle
        asked = replace(self._stored.value, settles_at=settles_at, parked=None, since=None)
        self._put(asked, self._lease_until)
        try:
            self._ports.writing(live=self._is_live(asked.wanted)).create_contract(
                asked.wanted, time_zone=self._ports.zone
            )
        except Refused as error:
            self._stored = replace(self._stored, value=replace(asked, settles_at=None))
            facts: dict[str, int | str] = {"company": asked.wanted.company_id, "number": asked.wanted.number}
            facts |= {"name": asked.wanted.name, "answer": "; ".join(error.messages)}
            self._park(Parked("opening-refused", facts))
            return False
        except OutcomeUnknown:
            settles_at = min(settles_at, self._ports.clock.now() + self._ports.settle)
            self._ports.on_event("outcome-unknown", **_ids(asked.wanted))
            self._rest(replace(asked, settles_at=settles_at), settles_at)
            return False
        except (RetryLater, CredentialsRefused):
            self._stored = replace(self._stored, value=replace(asked, settles_at=None))
            raise
        self._stored = replace(self._stored, value=replace(asked, accepted=True))
        return True

    # -- Using it

    def _finish(self, contract: Contract) -> None:
        """Route the customers to the contract, wake it, and be done.

        Where they are more than one transaction takes, the first of them are routed before; the contracts are woken when all are.
        """
        provisioning, now = self._stored.value, self._ports.clock.now()
        wanted = provisioning.wanted
        message = f"contract {contract.id} {contract.name} opened from {contract.start} to {contract.end}"
        if wanted.renews is not None:
            message += f", renewing contract {wanted.renews}" + self._link(contract, wanted.renews)
            mappings = [
                (records, records.mapping.value.followed(wanted.renews, contract.id, contract.start))
                for _, records in self._routed(wanted.renews, wanted)
                if records.mapping
            ]
        else:
            mappings = self._first_mapping(contract)
        customers = self._routed_before(contract.id)
        customers += [records.id for records, _ in mappings]
        routed = [put_mapping(mapping, one.mapping.rev if one.mapping else 0) for one, mapping in mappings]
        changes: list[Write] = []
        if customers and wanted.renews is not None:
            changes.append(wake_contract(wanted.renews, self._ports, customers))
        change = JournalEntry(
            id=self._ports.new_id(),
            line=LineKey(contract.id, 0),
            day=contract.start,
            delta=0,
            units_before=0,
            units_after=0,
            outcome=Outcome.LANDED,
            opened_at=now,
            settled_at=now,
            sources=tuple((customer, "") for customer in customers),
            message=message,
            why=Why.RENEWED if wanted.renews is not None else None,
        )
        known = self._ports.store.contract_state(contract.id)
        due = datetime.fromtimestamp(known.due_at, UTC) if known.due_at is not None else None
        state = (
            woken(known, self._ports, customers, renews=wanted.renews)
            if customers
            else (known.value, known.rev, due)
        )
        self._drop(*changes, *contract_with_entries(*state, [change]), before=routed)
        self._ports.on_event("opened", **{**_ids(wanted), "customers": customers}, opened=contract.id)

    def _routed_before(self, contract_id: int) -> list[str]:
        """The customers of the old contract who are routed to the new one already: an earlier worker died before all were."""
        old, store = self._stored.value.wanted.renews, self._ports.store
        known = store.contract(old).state.value.customers if old is not None else ()
        mappings = ((id_, store.mapping(id_)) for id_ in known)
        return [id_ for id_, mapping in mappings if mapping and contract_id in mapping.contract_ids]

    def _first_mapping(self, contract: Contract) -> list[tuple[CustomerRecords, CustomerMapping]]:
        """The customer's mapping with the contract; nothing if a person has chosen another one meanwhile."""
        records = self._ports.store.customer(self._stored.value.wanted.customer_id)
        mapping = records.mapping.value if records.mapping else None
        if mapping is None or mapping.routings or mapping.company_id != contract.company_id:
            return []
        return [(records, replace(mapping, routings=(Routing((Route(contract.company_id, contract.id),)),)))]

    def _link(self, contract: Contract, old_id: int) -> str:
        """Let the old contract name the new one, if it is to; a refusal is logged and holds nothing up."""
        wanted = self._stored.value.wanted
        if wanted.link is not RenewalLink.OLD_NAMES_NEW:
            return ""
        live = self._is_live(wanted)
        if not live:
            return "; the link was left out, for the contract observes by now"
        try:
            self._ports.writing(live=live).link_renewal(old_id, contract.id)
        except Refused as error:
            return f"; the link was refused: {error}"
        return ""

    # -- The record

    def _put(self, provisioning: Provisioning, due_at: datetime) -> None:
        self._ports.store.commit(put_provisioning(provisioning, self._stored.rev, due_at))
        self._stored = Stored(provisioning, self._stored.rev + 1)

    def _rest(self, provisioning: Provisioning, due_at: datetime) -> None:
        """Release the lease and stay due; the faster worker has decided on something newer."""
        try:
            self._put(replace(provisioning, lease=None, lease_until=None), due_at)
        except Conflict:
            return

    def _park(self, parked: Parked) -> None:
        provisioning, now = self._stored.value, self._ports.clock.now()
        same = provisioning.parked is not None and provisioning.parked.code == parked.code
        since = provisioning.since if same else now
        self._rest(replace(provisioning, parked=parked, since=since), now + OPEN_AGAIN)
        self._ports.on_event(
            "opening-parked", **_ids(provisioning.wanted), reason=parked.code, detail=parked.message
        )

    def _drop(self, *changes: Write, before: Iterable[Write] = ()) -> None:
        """Be done with the provisioning, together with these changes, and with others, or as many of them as fit ``before`` it.

        Raises ``Conflict``.
        """
        key, rev = provisioning_key(self._stored.value.wanted.number), self._stored.rev
        groups = [[change] for change in before]
        for part in in_parts(groups, [Delete(key, rev), *changes], Check(key, rev)):
            self._ports.store.commit(*part)


def _ids(wanted: NewContract) -> dict[str, Any]:
    """What names a provisioning in a log."""
    return {
        "number": wanted.number,
        "company": wanted.company_id,
        "customers": [wanted.customer_id] if wanted.customer_id else None,
        "contract": wanted.renews,
    }
