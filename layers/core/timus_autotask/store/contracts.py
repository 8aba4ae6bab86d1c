"""What is stored of a contract: its state, how it is called, and its provisioning. Its lines are in :mod:`timus_autotask.store.lines`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.line import Head, Line
from timus_autotask.domain.mapping import LineChoice, LineKey
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.ports.table import Check, Document, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.lines import line_in
from timus_autotask.store.reading import Stored, read_as, seconds_of
from timus_autotask.store.sizes import size_of

MOST_NAMED, LONGEST_NAME = 200, 120
"""Services of a contract whose names are kept, and characters of a name: some 30 KB at most."""
ROOM_FOR_CUSTOMERS = 352 * 1024
"""Bytes of a contract's state that its customers may take; the rest of the document is for all else that it holds."""


@dataclass(frozen=True, slots=True)
class ContractState:
    """A contract as the workers see it: what changed for it, which worker has it, and what we know of it."""

    contract_id: int
    generation: int = 0
    """Grows with everything that may change what the contract should have."""
    converged: int = 0
    """The generation that was last brought to rest."""
    rested_at: datetime | None = None
    """When that was, by the clock of the worker that did it, read after all that it went by; None: not known."""
    lease: str | None = None
    """The random name of the worker that has it."""
    lease_until: datetime | None = None
    customers: tuple[str, ...] = ()
    """Those that route here, or did."""
    contract: Contract | None = None
    """As Autotask last said."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract was seen to cover."""
    trouble: str = ""
    """Why it could not be looked at last time, for people; empty if it could."""
    since: datetime | None = None
    """When the oldest change that is not converged came in."""
    renews: int | None = None
    """The contract that it carries on, if we opened it for a renewed term."""
    head: Head | None = None
    """The newest entry of the journal about the contract itself, such as a renewal; None: there is none that is chained."""
    chosen: Mapping[int, LineChoice] = field(default_factory=dict)
    """By service: the contract service that a person chose."""
    left: Mapping[int, tuple[date, ...]] = field(default_factory=dict)
    """By contract service that was billed before another one was chosen: the days that carry an adjustment of ours."""

    @property
    def first_days(self) -> dict[LineKey, date]:
        """By line: the day before which it was another contract service."""
        return {
            LineKey(self.contract_id, service_id): choice.first_day
            for service_id, choice in self.chosen.items()
            if choice.first_day
        }

    def has_room_for(self, customer_id: str) -> bool:
        """Whether one more customer can be noted here; always for one who is."""
        return size_of((*self.customers, customer_id)) <= ROOM_FOR_CUSTOMERS or customer_id in self.customers

    def leased(self, now: datetime) -> bool:
        """True if a worker may have it."""
        return self.lease is not None and self.lease_until is not None and now < self.lease_until


@dataclass(frozen=True, slots=True)
class ContractRecords:
    """A contract's state and its lines, in one read."""

    state: Stored[ContractState]
    lines: Mapping[int, Stored[Line]]
    """By service."""

    @property
    def progress(self) -> tuple[int, int]:
        """(news so far, entries of the journal so far): whatever comes of it, one of them grows.

        An adjustment counts from when its intent is open, so that one which is only settled is nothing new.
        """
        heads = [self.state.value.head, *(stored.value.head for stored in self.lines.values())]
        under_way = sum(stored.value.intent is not None for stored in self.lines.values())
        return self.state.value.generation, under_way + sum(head.number for head in heads if head)


@dataclass(frozen=True, slots=True)
class ContractNames:
    """How a contract, its company and its services are called in Autotask. Nothing is decided by it: people read it."""

    contract_id: int
    contract: str = ""
    company_id: int | None = None
    company: str = ""
    services: Mapping[int, str] = field(default_factory=dict)
    """By id. A service is called the same on every contract."""
    at: datetime | None = None
    """When they were read."""

    def learned(
        self,
        contract: Contract | None,
        companies: Mapping[int, str],
        services: Mapping[int, str],
        at: datetime,
    ) -> ContractNames:
        """With what was read now; what was not read stays. Where the contract was not, all of it is read again as before."""
        company_id = contract.company_id if contract else self.company_id
        kept = self.company if company_id == self.company_id else ""
        known = sorted({**self.services, **services}.items())
        return replace(
            self,
            contract=_short(contract.name) if contract else self.contract,
            company_id=company_id,
            company=_short(companies.get(company_id or 0, kept)),
            services={id_: _short(name) for id_, name in known[:MOST_NAMED]},
            at=at if contract else self.at,
        )


def _short(name: str) -> str:
    return name[:LONGEST_NAME]


_CONTRACT = Codec(ContractState)
_NAMES = Codec(ContractNames)
_OPENING = Codec(Provisioning)

contract_state_in = _CONTRACT.load
"""A contract's state."""
names_in = _NAMES.load
"""How a contract, its company and its services are called."""
provisioning_in = _OPENING.load
"""A contract that is being opened."""


def stored_contract_state(document: Document) -> Stored[ContractState]:
    """A contract's state. Raises ``RecordUnreadable``."""
    return Stored(read_as(contract_state_in, document), document.rev, document.due_at)


def contract_records(contract_id: int, documents: Iterable[Document]) -> ContractRecords:
    """The records that a contract's documents hold."""
    state: Stored[ContractState] = Stored(ContractState(contract_id))
    lines: dict[int, Stored[Line]] = {}
    for document in documents:
        if document.key.sk == keys.CONTRACT:
            state = stored_contract_state(document)
        else:
            line = read_as(line_in, document)
            lines[line.service_id] = Stored(line, document.rev)
    return ContractRecords(state, lines)


def put_contract_state(state: ContractState, expected: int, due_at: datetime | None) -> Put:
    """Store a contract's state; ``due_at`` is when the sweep must look at it."""
    return Put(
        keys.contract_key(state.contract_id),
        _CONTRACT.dump(state),
        expected,
        due_at=seconds_of(due_at),
    )


def check_contract_state(state: Stored[ContractState]) -> Check:
    """Fail unless the contract's state is as it was read: the lease is ours and nothing new has come."""
    return Check(keys.contract_key(state.value.contract_id), state.rev)


def put_names(names: ContractNames, expected: int) -> Put:
    """Store how a contract, its company and its services are called."""
    key = keys.names_key(names.contract_id)
    return Put(key, _NAMES.dump(names), expected, kind="names", sort=f"{names.contract_id:020}")


def put_provisioning(provisioning: Provisioning, expected: int, due_at: datetime) -> Put:
    """Store a contract that is being opened; ``due_at`` is when the sweep must look at it."""
    number = provisioning.wanted.number
    key = keys.provisioning_key(number)
    return Put(
        key, _OPENING.dump(provisioning), expected, due_at=seconds_of(due_at), kind="opening", sort=number
    )
