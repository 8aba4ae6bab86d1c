"""The PSA port: what the product asks of the partner's Autotask, in records that know nothing of its JSON.

Every method raises ``Refused``, ``RetryLater`` or ``CredentialsRefused``; those that create something raise ``OutcomeUnknown`` as
well (see ``errors``). A read gives whole lists or nothing; a write is sent once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.provisioning import NewContract


@dataclass(frozen=True, slots=True)
class Company:
    """A client of the partner."""

    id: int
    name: str
    is_active: bool
    number: str = ""
    """Where partners keep a customer's id of another system; ``""`` when none is set."""
    web_address: str = ""
    """As it was typed, with or without ``https://`` and a path."""
    user_defined: Mapping[str, str] = field(default_factory=dict)
    """The partner's own fields by name, those that are set; only with ``active_companies``."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the catalogue."""

    id: int
    name: str
    sku: str
    """``""`` when none is set."""
    is_active: bool
    months: int
    """Length of a billing period."""
    unit_price: Decimal
    """The catalogue's price; a contract's line keeps its own."""


@dataclass(frozen=True, slots=True)
class ContractService:
    """A line of a contract: which service it bills. It is never removed, also when it has no units any more."""

    id: int
    contract_id: int
    service_id: int
    unit_price: Decimal | None
    """The line's current price for one unit and period; None when Autotask shows none."""
    unit_cost: Decimal | None = None
    """Its cost; None when Autotask shows none, and 0 as well where the API user may not read costs."""
    internal_price: Decimal | None = None
    """``unit_price`` in the partner's own currency; None when Autotask shows none."""

    @property
    def foreign(self) -> bool | None:
        """Whether the client pays in another currency than the partner's own; None: nothing shows it."""
        if not self.unit_price or not self.internal_price:
            return None
        return self.unit_price != self.internal_price


@dataclass(frozen=True, slots=True)
class BillingItem:
    """One item that a person has approved and posted: a line's period, an adjustment inside one, or anything else."""

    id: int
    company_id: int
    contract_id: int
    contract_service_id: int | None
    """None: no line accounts for it, such as a charge or a credit that a person typed."""
    service_id: int | None
    adjustment_id: int | None
    """None: not from an adjustment."""
    name: str
    day: date
    """A period's first day, or the day of an adjustment."""
    posted_on: date
    quantity: Decimal
    """Units of the period's first day, or the signed change."""
    rate: Decimal | None
    """Price of one unit for a whole period."""
    amount: Decimal
    """Before tax."""
    cost: Decimal | None
    """None when Autotask shows none, and 0 as well where the API user may not read costs."""
    is_billable: bool
    """False: somebody marked it as non-billable, and it charges nobody."""
    invoice_id: int | None
    """None: on no invoice yet."""


class RecordKind(StrEnum):
    """What an API user may be allowed to see or to change."""

    COMPANIES = "companies"
    CONTRACTS = "contracts"
    CONTRACT_SERVICES = "contract-services"
    UNITS = "units"
    ADJUSTMENTS = "adjustments"
    SERVICES = "services"
    BILLING_RULES = "billing-rules"
    BILLING_ITEMS = "billing-items"
    CONTRACT_NOTES = "contract-notes"
    TICKETS = "tickets"


class Access(StrEnum):
    """How far an API user may go."""

    NONE = "none"
    RESTRICTED = "restricted"
    """Under conditions of its security level, such as only some companies."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What an API user may do with one kind of record, by Autotask's own account."""

    read: Access
    create: Access
    change: Access


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A line's units over a stretch of days: a billing period, or the part of one between two adjustments.

    Rows exist for every period of the contract, past and future. Their ids are not kept, because Autotask splits
    and rewrites rows that are not posted.
    """

    contract_id: int
    service_id: int
    contract_service_id: int
    start: date
    end: date
    """Last day, inclusive."""
    units: int
    price: Decimal | None
    """Extended (units times rate); None when Autotask shows none."""
    posted_on: date | None
    """Day on which a person approved the period and posted it to billing; None: not yet."""

    @property
    def posted(self) -> bool:
        """Whether the period is approved and posted: it bills what it bills."""
        return self.posted_on is not None


@dataclass(frozen=True, slots=True)
class BillingRule:
    """A rule by which Autotask itself counts a client's users or devices, and charges a product for them."""

    id: int
    contract_id: int
    is_active: bool
    description: str
    """``""`` when none is set."""


@dataclass(frozen=True, slots=True)
class ServiceTicket:
    """A ticket of the service desk."""

    id: int
    external_id: str
    """The name that we gave it."""
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """How much of the tenant's request allowance is used, by all its integrations together."""

    limit: int
    window_minutes: int
    used: int

    @property
    def percent(self) -> int:
        """Whole percent of the allowance that are used."""
        return self.used * 100 // max(self.limit, 1)


class Psa(Protocol):
    """What the product asks of Autotask."""

    @property
    def calls(self) -> int:
        """Requests made so far."""
        ...

    def sign_in(self) -> str:
        """Make one read that every change needs, and return the address of the tenant.

        Raises ``CredentialsRefused`` with what is not accepted. One request with the secret, for failed ones lock the account.
        """
        ...

    # -- Reads

    def companies(self, ids: Iterable[int]) -> dict[int, Company]:
        """Companies by id; missing are those that do not exist or are hidden from the API user."""
        ...

    def company(self, company_id: int) -> Company | None:
        """One company; None when it does not exist or is hidden from the API user."""
        ...

    def active_companies(self) -> list[Company]:
        """Every active company, with its user-defined fields. One request for each 500."""
        ...

    def contracts(self, ids: Iterable[int]) -> dict[int, Contract]:
        """Contracts of any type by id; missing are those that do not exist or are hidden from the API user."""
        ...

    def contract(self, contract_id: int) -> Contract | None:
        """One contract; None when it does not exist or is hidden from the API user."""
        ...

    def contracts_of(self, company_id: int) -> list[Contract]:
        """Every contract of a company, of any type and status."""
        ...

    def contracts_of_companies(self, company_ids: Iterable[int]) -> list[Contract]:
        """Every recurring service contract of these companies, of any status."""
        ...

    def contracts_numbered(self, company_id: int, number: str) -> list[Contract]:
        """Contracts of a company that carry exactly this number of ours."""
        ...

    def services_by_sku(self, skus: Collection[str]) -> list[Service]:
        """Active services of the catalogue whose SKU is exactly one of these; there may be several of one."""
        ...

    def service(self, service_id: int) -> Service | None:
        """One service of the catalogue, active or not."""
        ...

    def services(self, ids: Iterable[int]) -> dict[int, Service]:
        """Services of the catalogue by id, active or not."""
        ...

    def active_services(self) -> list[Service]:
        """Every active service of the catalogue. One request for each 500."""
        ...

    def contract_services(self, contract_id: int) -> list[ContractService]:
        """Every line of a contract, also those without units."""
        ...

    def contract_services_of(self, contract_ids: Iterable[int]) -> list[ContractService]:
        """Every line of these contracts; unordered."""
        ...

    def units(
        self, contract_id: int, service_ids: Iterable[int], first_day: date | None = None
    ) -> list[UnitRow]:
        """Unit rows of some services of a contract that end on ``first_day`` or later (None: all); unordered."""
        ...

    def units_of_contracts(self, contract_ids: Iterable[int], first_day: date | None = None) -> list[UnitRow]:
        """Unit rows of whole contracts that end on ``first_day`` or later (None: all); unordered."""
        ...

    def units_on(self, days: Mapping[int, date]) -> list[UnitRow]:
        """The unit rows of whole contracts that cover one day each, given by contract; unordered."""
        ...

    def billing_rules(self, contract_ids: Iterable[int]) -> list[BillingRule]:
        """The rules by which Autotask itself counts and charges on these contracts, active or not."""
        ...

    def billing_items(self, contract_ids: Iterable[int], first_day: date | None = None) -> list[BillingItem]:
        """What was approved and posted on these contracts, of ``first_day`` or later (None: all); unordered."""
        ...

    def permissions(self, kind: RecordKind) -> Permissions:
        """What the API user may do with a kind of record. Nothing is changed; raises ``Refused`` where Autotask does not say."""
        ...

    def costs_visible(self) -> bool | None:
        """Whether the catalogue shows a cost that is not 0, in its first 500 active services; None: it has no services."""
        ...

    def time_zone(self) -> str:
        """The IANA name of the zone of the tenant's default internal location; ``""`` where that is not known."""
        ...

    def tickets_numbered(self, company_id: int, external_id: str) -> list[ServiceTicket]:
        """Tickets of a company that carry exactly this external id."""
        ...

    def has_note(self, contract_id: int, mark: str) -> bool:
        """Whether a contract has a note with this mark in its title, whatever its capitals."""
        ...

    def threshold(self) -> Threshold | None:
        """How much of the request allowance is used; None where the server refuses to say. The call itself counts: ask rarely."""
        ...

    # -- Writes

    def adjust(
        self,
        contract_id: int,
        service_id: int,
        contract_service_id: int | None,
        unit_change: int,
        effective_date: date,
        *,
        time_zone: tzinfo,
        unit_price: Decimal | None = None,
    ) -> None:
        """Change a line's units by a signed number from a day on, and its unit price if one is given.

        ``contract_service_id`` names the line where there is one; without it the adjustment makes the line. There is nothing to
        return: only the unit rows show what happened. Must not be repeated.
        """
        ...

    def extend_contract(self, contract_id: int, end: date, *, time_zone: tzinfo) -> None:
        """Set the last day of a contract; may be repeated.

        An ``end`` before the present one destroys units and adjustments: the caller makes sure that it is not.
        """
        ...

    def link_renewal(self, contract_id: int, renewed_contract_id: int) -> None:
        """Let a contract name the one that renews it; may be repeated."""
        ...

    def create_contract(self, new: NewContract, *, time_zone: tzinfo) -> int | None:
        """Create a contract and return its id, None when Autotask gives none. Must not be repeated."""
        ...

    def create_ticket(
        self,
        company_id: int,
        external_id: str,
        title: str,
        description: str,
        *,
        queue_id: int | None,
        priority: int,
        due: datetime,
    ) -> int | None:
        """Create a new ticket and return its id, None when Autotask gives none. Must not be repeated.

        ``queue_id`` None: the tenant's default.
        """
        ...

    def create_note(self, contract_id: int, title: str, text: str) -> int | None:
        """Write a note on a contract and return its id, None when Autotask gives none. Must not be repeated."""
        ...

    def complete_ticket(self, ticket_id: int, resolution: str) -> None:
        """Set a ticket's status to complete; may be repeated."""
        ...
