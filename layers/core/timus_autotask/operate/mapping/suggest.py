"""Use cases: what every unmapped customer and SKU may be in Autotask, with the reason for each; and taking in what a person chose.

Nothing is chosen here. Only what rests on keys alone, and is unique, counts as *exact* (see ``matching``): it is the only thing that may
be taken in without a person, and only if that is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, service_on
from timus_autotask.domain.terms import Terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.catalogue import (
    Catalogue,
    LineOffered,
    conflicts,
    offered,
    other_currency,
    to_choose_from,
)
from timus_autotask.operate.mapping.matching import Basis, Companies, Match, Services
from timus_autotask.operate.proposal import Progress, quiet
from timus_autotask.ports.psa import ContractService
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.terms import TermsUnreadable, policy_from
from timus_autotask.sync.gather import customer_from
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import Records, status_of

OFFERED = 5
"""Companies that are offered for a customer: nobody reads more."""
OTHER_CURRENCY = "its prices are in another currency than the company's other contracts"


@dataclass(frozen=True, slots=True)
class ContractOffered:
    """A company that a customer may be, with a contract that its units may go to."""

    match: Match
    company_name: str
    contract: Contract | None = None
    """None: the company has no contract that could be used."""
    reasons: tuple[str, ...] = ()
    """What speaks for the contract, for people."""
    against: tuple[str, ...] = ()
    """What speaks against it, for people."""
    lines: tuple[LineOffered, ...] = ()
    """The contract services of the customer's SKUs."""
    exact: bool = False
    """It rests on a key alone, and nothing else does."""

    @property
    def company_id(self) -> int:
        """The company."""
        return self.match.id

    @property
    def twice(self) -> tuple[LineOffered, ...]:
        """The contract services among which a person has to choose: their service stands on the contract more than once."""
        return to_choose_from(self.lines)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "company_id": self.company_id,
            "company_name": self.company_name or None,
            "basis": self.match.basis.value,
            "reason": self.match.reason,
            "score": self.match.score,
            "contract_id": self.contract.id if self.contract else None,
            "contract_name": self.contract.name if self.contract else None,
            "contract_end": self.contract.end if self.contract else None,
            "for": [*self.reasons],
            "against": [*self.against],
            "lines": [line.to_json() for line in self.lines],
            "exact": self.exact,
        }


@dataclass(frozen=True, slots=True)
class CustomerSuggested:
    """A customer without a contract, with what it may be."""

    customer: str
    name: str
    domain: str
    units: tuple[tuple[str, int], ...]
    """(SKU, units of today)."""
    offers: tuple[ContractOffered, ...]
    """The likeliest first."""

    @property
    def exact(self) -> ContractOffered | None:
        """The offer that may be taken in without a person."""
        return next((offer for offer in self.offers if offer.exact), None)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customer": self.customer,
            "customer_name": self.name or None,
            "customer_domain": self.domain or None,
            "units": [{"sku": sku, "units": units} for sku, units in self.units],
            "candidates": [offer.to_json() for offer in self.offers],
        }


@dataclass(frozen=True, slots=True)
class ServiceOffered:
    """A service that a SKU may be."""

    match: Match
    name: str
    unit_price: Decimal
    exact: bool = False
    """It rests on a key alone, and nothing else does."""

    @property
    def service_id(self) -> int:
        """The service."""
        return self.match.id

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "service_id": self.service_id,
            "service_name": self.name or None,
            "basis": self.match.basis.value,
            "reason": self.match.reason,
            "score": self.match.score,
            "unit_price": str(self.unit_price),
            "exact": self.exact,
        }


@dataclass(frozen=True, slots=True)
class SkuSuggested:
    """A SKU without a service, with what it may be."""

    sku: str
    customers: int
    units: int
    """Of today, of all customers."""
    offers: tuple[ServiceOffered, ...]

    @property
    def exact(self) -> ServiceOffered | None:
        """The offer that may be taken in without a person."""
        return next((offer for offer in self.offers if offer.exact), None)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "sku": self.sku,
            "customers": self.customers,
            "units": self.units,
            "candidates": [offer.to_json() for offer in self.offers],
        }


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Everything that is not mapped yet."""

    skus: tuple[SkuSuggested, ...]
    """They come first: with them it is known which services a contract should hold."""
    customers: tuple[CustomerSuggested, ...]
    ignored: int = 0
    """Customers and SKUs that a person has set aside."""
    opens_contracts: bool = False
    """Whether the terms open a contract for a customer who has a company only."""

    def __len__(self) -> int:
        return len(self.skus) + len(self.customers)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "skus": [one.to_json() for one in self.skus],
            "customers": [one.to_json() for one in self.customers],
            "ignored": self.ignored,
        }


def suggest(
    deployment: Deployment,
    catalogue: Catalogue | None = None,
    on_progress: Progress = quiet,
) -> Suggestions:
    """What every unmapped customer and SKU may be. Some ten calls of Autotask for forty customers of a tenant of two thousand companies.

    ``on_progress`` is told how many of the five reads are done. Raises :class:`NotDone` when Autotask cannot be asked.
    """
    records = listed(deployment.store)
    status = status_of(records, deployment.clock.now(), deployment.zone)
    partner = records.partner.terms.value
    customers = {id_: _known(one, partner) for id_, one in records.customers.items()}
    wanted = [customers[id_] for id_ in status.mapped.customers]
    skus = _without_service(customers.values(), records, deployment.today)
    ignored = len(status.mapped.ignored_customers) + len(status.mapped.ignored_skus)
    if not wanted and not skus:
        return Suggestions((), (), ignored)
    found = _Finder(deployment, catalogue or Catalogue(deployment), records, on_progress)
    offers = found.services(skus)
    opens = policy_from(partner.values).open_contracts
    return Suggestions(offers, found.companies(wanted, offers), ignored, opens)


def _known(records: CustomerRecords, partner: Terms) -> Customer:
    """A customer, with the terms for everybody where its own cannot be read: which company it is does not depend on them."""
    try:
        return customer_from(records, partner)
    except TermsUnreadable:
        return customer_from(replace(records, terms=None), partner)


def _without_service(
    customers: Iterable[Customer], records: Records, today: date
) -> dict[str, list[tuple[str, int]]]:
    """(customer, units of today) of every SKU that has no service and is to have one."""
    plans = records.partner.plan_mappings
    found: dict[str, list[tuple[str, int]]] = {}
    for customer in customers:
        if customer.mapping and customer.mapping.ignored:
            continue
        for sku in customer.skus:
            units = customer.quantity(sku)
            asked_for = units.at(today) or any(day > today for day in units.days)
            if asked_for and _lacks_service(customer, sku, plans, today):
                found.setdefault(sku, []).append((customer.id, units.at(today)))
    return found


def _lacks_service(customer: Customer, sku: str, plans: Mapping[str, PlanMapping], today: date) -> bool:
    """Whether a customer's SKU is billed with no service, although nobody wants it so."""
    plan, mapping = plans.get(sku), customer.mapping
    if (plan and plan.ignored) or sku in customer.policy.excluded:
        return False
    chosen = service_on(mapping, plans, sku, today) if mapping else plan and plan.choices
    return not chosen


class _Finder:
    """One look at Autotask for all of them."""

    def __init__(
        self, deployment: Deployment, catalogue: Catalogue, records: Records, on_progress: Progress
    ) -> None:
        self._today = deployment.today
        self._catalogue = catalogue
        self._plans = records.partner.plan_mappings
        self._mapped: dict[int, list[str]] = {}
        """Who is on a contract already."""
        self._contracts_known = records.contracts
        for id_, one in sorted(records.customers.items()):
            for contract_id in one.mapping.value.contract_ids if one.mapping else ():
                self._mapped.setdefault(contract_id, []).append(id_)
        self._done = 0
        self._on_progress = on_progress

    def _step(self) -> None:
        self._done += 1
        self._on_progress(self._done, 5)

    # -- SKUs

    def services(self, skus: Mapping[str, Sequence[tuple[str, int]]]) -> tuple[SkuSuggested, ...]:
        """What each SKU may be."""
        active = {one.id: one for one in self._catalogue.active_services()}
        self._step()
        services = Services(active.values())
        return tuple(
            SkuSuggested(
                sku,
                len(having),
                sum(units for _, units in having),
                tuple(
                    ServiceOffered(
                        match,
                        active[match.id].name,
                        active[match.id].unit_price,
                        match.basis.is_key and match.unique,
                    )
                    for match in services.matches(sku)
                ),
            )
            for sku, having in sorted(skus.items())
        )

    # -- Customers

    def companies(
        self, customers: Sequence[Customer], skus: Sequence[SkuSuggested]
    ) -> tuple[CustomerSuggested, ...]:
        """What each customer may be, and which contract its units may go to."""
        if not customers:
            return ()
        active = self._catalogue.active_companies()
        self._step()
        companies = Companies(active.values())
        matches = {one.id: self._matches(one, companies) for one in customers}
        of = self._catalogue.contracts_of(match.id for found in matches.values() for match in found)
        self._step()
        usable = [
            contract.id
            for company_id, contracts in of.items()
            for contract in contracts
            if not [*conflicts(contract, company_id, self._today)]
        ]
        self._catalogue.lines(usable)
        self._step()
        self._catalogue.units(usable)
        self._step()
        named = self._catalogue.companies(match.id for found in matches.values() for match in found)
        names = {id_: company.name for id_, company in named.items()}
        likely = {one.sku: [offer.service_id for offer in one.offers] for one in skus}
        found = [self._customer(one, matches[one.id], of, names, likely) for one in customers]
        return tuple(_exact(found))

    def _matches(self, customer: Customer, companies: Companies) -> list[Match]:
        named = customer.mapping.company_id if customer.mapping else None
        if named is not None:
            return [Match(named, Basis.CHOSEN, "a person has said so")]
        found = companies.matches(customer.id, _name(customer), _domain(customer))
        return found[:OFFERED]

    def _customer(
        self,
        customer: Customer,
        matches: Sequence[Match],
        of: Mapping[int, Sequence[Contract]],
        names: Mapping[int, str],
        likely: Mapping[str, Sequence[int]],
    ) -> CustomerSuggested:
        units = {sku: customer.quantity(sku).at(self._today) for sku in customer.skus}
        services = self._services_of(customer, units, likely)
        offers = [
            offer
            for match in matches
            for offer in self._contracts(match, of[match.id], names.get(match.id, ""), services)
        ]
        return CustomerSuggested(
            customer.id,
            _name(customer),
            _domain(customer),
            tuple((sku, count) for sku, count in sorted(units.items()) if count),
            tuple(sorted(offers, key=_likeliest)),
        )

    def _services_of(
        self, customer: Customer, units: Mapping[str, int], likely: Mapping[str, Sequence[int]]
    ) -> set[int]:
        """The services that the customer's SKUs are, or may be."""
        found: set[int] = set()
        for sku in units:
            mapping = customer.mapping or CustomerMapping(customer.id, ())
            chosen = service_on(mapping, self._plans, sku, self._today)
            found.update([chosen] if chosen is not None else likely.get(sku, ()))
        return found

    def _contracts(
        self,
        match: Match,
        contracts: Sequence[Contract],
        company_name: str,
        services: set[int],
    ) -> list[ContractOffered]:
        usable = [one for one in contracts if not [*conflicts(one, match.id, self._today)]]
        if not usable:
            why = "it has no recurring contract"
            if contracts:
                last = max(contracts, key=lambda one: one.end)
                why = f"its last recurring contract, {last.id} {last.name}, " + (
                    f"has ended on {last.end}" if last.end < self._today else "is inactive"
                )
            return [ContractOffered(match, company_name, against=(why,))]
        lines = self._catalogue.lines(one.id for one in usable)
        offers = [self._contract(match, one, company_name, services, lines) for one in usable]
        return sorted(offers, key=_rank)

    def _contract(
        self,
        match: Match,
        contract: Contract,
        company_name: str,
        services: set[int],
        lines: Mapping[int, Sequence[ContractService]],
    ) -> ContractOffered:
        called = {one.id: one.name for one in self._catalogue.active_services()}
        state = self._contracts_known.get(contract.id)
        chosen = state.state.value.chosen if state else {}
        already = offered(self._catalogue, contract.id, services, called, chosen)
        reasons = [f"recurring, active, until {contract.end}"]
        if len(lines) == 1:
            reasons.append("the only one of the company")
        if already:
            on = dict.fromkeys(f"{line.service_id} {line.service_name}".strip() for line in already)
            reasons.append(f"already has {', '.join(on)}")
        against = [f"it is the contract of {one} already" for one in self._mapped.get(contract.id, ())]
        if contract.start > self._today:
            against.append(f"it does not begin before {contract.start}")
        others = [line for id_, found in lines.items() if id_ != contract.id for line in found]
        if other_currency(lines[contract.id], others):
            against.append(OTHER_CURRENCY)
        return ContractOffered(match, company_name, contract, tuple(reasons), tuple(against), already)


def _likeliest(offer: ContractOffered) -> tuple[int, int, bool]:
    """By how much speaks for the company; of two for which as much does, the one with a contract first."""
    return [*Basis].index(offer.match.basis), -offer.match.score, offer.contract is None


def _rank(offer: ContractOffered) -> tuple[Any, ...]:
    """Contracts of one company: those that nothing speaks against, that hold the services, and that run longest, first."""
    end = offer.contract.end if offer.contract else date.min
    return bool(offer.against), not offer.lines, -end.toordinal(), offer.contract.id if offer.contract else 0


def _exact(customers: Sequence[CustomerSuggested]) -> Iterable[CustomerSuggested]:
    """With what is exact: one company by a key, with one contract that nothing speaks against, and of no other customer here."""
    sole = {one.customer: _sole(one.offers) for one in customers}
    wanted = Counter(id_ for one in customers for id_ in {offer.company_id for offer in _keyed(one.offers)})
    for one in customers:
        offer = sole[one.customer]
        exact = offer is not None and wanted[offer.company_id] == 1
        yield replace(one, offers=tuple(replace(each, exact=exact and each is offer) for each in one.offers))


def _keyed(offers: Iterable[ContractOffered]) -> list[ContractOffered]:
    """What a key that no other company has speaks for."""
    return [offer for offer in offers if offer.match.basis.is_key and offer.match.unique]


def _sole(offers: Sequence[ContractOffered]) -> ContractOffered | None:
    """The one contract of the one company that keys speak for, if nothing speaks against it."""
    keyed = _keyed(offers)
    if len(keyed) != 1 or any(offer.match.basis.is_key and not offer.match.unique for offer in offers):
        return None
    [offer] = keyed
    return None if offer.contract is None or offer.against or offer.twice else offer


def _name(customer: Customer) -> str:
    return "" if customer.name == customer.id else customer.name


def _domain(customer: Customer) -> str:
    domains = [one.customer_domain for one in customer.subscriptions if one.customer_domain]
    return domains[-1] if domains else ""
