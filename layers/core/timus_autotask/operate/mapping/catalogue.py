"""What Autotask has, read for many customers at once, and what speaks against a choice in it.

Each thing is read once, and many together: a list of ids is one query for each 500, never one for each row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.mapping import LineChoice
from timus_autotask.domain.price import amount
from timus_autotask.domain.reasons import Parked
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import NotDone, Way, not_asked
from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, NotConfigured
from timus_autotask.ports.psa import Company, ContractService, Psa, Service, UnitRow

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LineOffered:
    """A contract service of an offered contract."""

    contract_service_id: int
    service_id: int
    service_name: str
    units: int
    """Of today."""
    unit_price: Decimal | None
    chosen: bool = False
    """A person has chosen it among several of its service."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_service_id": self.contract_service_id,
            "service_id": self.service_id,
            "service_name": self.service_name or None,
            "units": self.units,
            "unit_price": None if self.unit_price is None else str(self.unit_price),
            "chosen": self.chosen,
        }

    def __str__(self) -> str:
        price = "" if self.unit_price is None else f" at {amount(self.unit_price)}"
        noun = "unit" if self.units == 1 else "units"
        return f"{self.contract_service_id}: {self.units} {noun}{price}{' (chosen)' if self.chosen else ''}"


class Catalogue:
    """Companies, recurring contracts, their services and the services of the catalogue.

    Every read raises :class:`NotDone` when Autotask cannot be asked; ``ways`` are what can be done then.
    """

    def __init__(self, deployment: Deployment, *ways: Way) -> None:
        self._deployment = deployment
        self._ways = ways
        self._active: dict[int, Company] | None = None
        self._companies: dict[int, Company | None] = {}
        self._contracts: dict[int, Contract | None] = {}
        self._of_company: dict[int, list[Contract]] = {}
        self._lines: dict[int, list[ContractService]] = {}
        self._units: dict[int, list[UnitRow]] = {}
        self._services: dict[int, Service | None] = {}
        self._active_services: list[Service] | None = None

    def active_companies(self) -> Mapping[int, Company]:
        """Every active company, with its user-defined fields."""
        if self._active is None:
            self._active = {one.id: one for one in self._ask(lambda autotask: autotask.active_companies())}
            self._companies |= self._active
        return self._active

    def companies(self, ids: Iterable[int]) -> Mapping[int, Company]:
        """Companies by id; missing are those that are not there or not shown to the API user."""
        return self._known(self._companies, ids, lambda autotask, fresh: autotask.companies(fresh))

    def contracts(self, ids: Iterable[int]) -> Mapping[int, Contract]:
        """Contracts of any type by id; missing are those that are not there or not shown to the API user."""
        return self._known(self._contracts, ids, lambda autotask, fresh: autotask.contracts(fresh))

    def contracts_of(self, company_ids: Iterable[int]) -> Mapping[int, list[Contract]]:
        """The recurring contracts of these companies, of any status, by company."""
        wanted = sorted(set(company_ids))
        fresh = [id_ for id_ in wanted if id_ not in self._of_company]
        found = self._ask(lambda autotask: autotask.contracts_of_companies(fresh)) if fresh else []
        self._of_company |= _grouped(fresh, found, lambda contract: contract.company_id)
        self._contracts |= {contract.id: contract for contract in found}
        return {id_: self._of_company[id_] for id_ in wanted}

    def lines(self, contract_ids: Iterable[int]) -> Mapping[int, list[ContractService]]:
        """The contract services of these contracts, by contract."""
        wanted = sorted(set(contract_ids))
        fresh = [id_ for id_ in wanted if id_ not in self._lines]
        found = self._ask(lambda autotask: autotask.contract_services_of(fresh)) if fresh else []
        self._lines |= _grouped(fresh, found, lambda line: line.contract_id)
        return {id_: self._lines[id_] for id_ in wanted}

    def units(self, contract_ids: Iterable[int]) -> Mapping[int, int]:
        """The units that each contract service of these contracts has today, by its id."""
        wanted = sorted(set(contract_ids))
        fresh = [id_ for id_ in wanted if id_ not in self._units]
        days = dict.fromkeys(fresh, self._deployment.today)
        found = self._ask(lambda autotask: autotask.units_on(days)) if fresh else []
        self._units |= _grouped(fresh, found, lambda row: row.contract_id)
        return {row.contract_service_id: row.units for id_ in wanted for row in self._units[id_]}

    def services(self, ids: Iterable[int]) -> Mapping[int, Service]:
        """Services of the catalogue by id, active or not; missing are those that are not there or not shown."""
        return self._known(self._services, ids, lambda autotask, fresh: autotask.services(fresh))

    def active_services(self) -> list[Service]:
        """Every active service of the catalogue."""
        if self._active_services is None:
            self._active_services = self._ask(lambda autotask: autotask.active_services())
            self._services |= {one.id: one for one in self._active_services}
        return self._active_services

    def _known(
        self,
        known: dict[int, V | None],
        ids: Iterable[int],
        read: Callable[[Psa, list[int]], Mapping[int, V]],
    ) -> Mapping[int, V]:
        """What there is of these; those that are not known yet are read together."""
        wanted = sorted(set(ids))
        fresh = [id_ for id_ in wanted if id_ not in known]
        found = self._ask(lambda autotask: read(autotask, fresh)) if fresh else {}
        known.update({id_: found.get(id_) for id_ in fresh})
        return {id_: value for id_ in wanted if (value := known[id_]) is not None}

    def _ask(self, question: Callable[[Psa], T]) -> T:
        return ask(self._deployment, question, *self._ways)


def offered(
    catalogue: Catalogue,
    contract_id: int,
    services: Container[int],
    called: Mapping[int, str],
    chosen: Mapping[int, LineChoice],
) -> tuple[LineOffered, ...]:
    """The contract services of some services on a contract. ``called`` are the services' names, ``chosen`` what a person chose."""
    choices = {choice.contract_service_id for choice in chosen.values()}
    units, lines = catalogue.units([contract_id]), catalogue.lines([contract_id])[contract_id]
    return tuple(
        LineOffered(
            line.id,
            line.service_id,
            called.get(line.service_id, ""),
            units.get(line.id, 0),
            line.unit_price,
            line.id in choices,
        )
        for line in lines
        if line.service_id in services
    )


def to_choose_from(lines: Sequence[LineOffered]) -> tuple[LineOffered, ...]:
    """Those of which the service stands on the contract more than once, and nobody has chosen one."""
    times = Counter(line.service_id for line in lines)
    settled = {line.service_id for line in lines if line.chosen}
    return tuple(line for line in lines if times[line.service_id] > 1 and line.service_id not in settled)


def how_to_choose(contract_id: int, lines: Sequence[LineOffered]) -> Iterator[tuple[str, Parked]]:
    """For each service that stands on a contract more than once: which contract services there are, for people, and what chooses one."""
    for service_id in dict.fromkeys(line.service_id for line in lines):
        these = [line for line in lines if line.service_id == service_id]
        name = these[0].service_name or f"Service {service_id}"
        yield (
            f"{name} stands on it more than once: {'; '.join(map(str, these))}",
            Parked(
                "line-duplicated",
                {
                    "contract": contract_id,
                    "service": service_id,
                    "choices": " | ".join(str(line.contract_service_id) for line in these),
                },
            ),
        )


def _grouped(ids: Iterable[int], found: Iterable[V], of: Callable[[V], int]) -> dict[int, list[V]]:
    groups: dict[int, list[V]] = {id_: [] for id_ in ids}
    for one in found:
        groups[of(one)].append(one)
    return groups


def ask(deployment: Deployment, question: Callable[[Psa], T], *ways: Way) -> T:
    """The answer of Autotask. Raises :class:`NotDone` where it cannot be asked, with ``ways`` as what can be done then."""
    try:
        return question(deployment.ports.autotask())
    except NotConfigured as error:
        raise NotDone("There are no Autotask credentials yet.", Way.SET_CREDENTIALS, *ways) from error
    except CredentialsRefused as error:
        why = f"Autotask refuses the credentials ({str(error).rstrip('.')})."
        raise NotDone(why, Way.SET_CREDENTIALS, *ways) from error
    except AutotaskError as error:
        raise not_asked(error, *ways) from error


def conflicts(contract: Contract, company_id: int, today: date) -> Iterator[str]:
    """Why nothing of a company may be billed on a contract, one sentence each."""
    which = f"Contract {contract.id} {contract.name}".rstrip()
    if contract.company_id != company_id:
        yield f"{which} belongs to company {contract.company_id}, not to {company_id}."
    if not contract.recurring:
        yield f"{which} is not a recurring service contract, so it has no units."
    if not contract.active:
        yield f"{which} is inactive in Autotask; activate it there first."
    if contract.end < today:
        yield f"{which} has ended on {contract.end}; extend it in Autotask, or choose the one that follows it."


def in_other_currency(catalogue: Catalogue, contracts: Iterable[Contract]) -> Iterator[int]:
    """Which of these contracts are in another currency than their company's other ones, as far as it is seen; by id."""
    asked = [*contracts]
    of_company = catalogue.contracts_of(contract.company_id for contract in asked)
    lines = catalogue.lines(contract.id for of in of_company.values() for contract in of)
    for one in asked:
        others = [
            line for other in of_company[one.company_id] if other.id != one.id for line in lines[other.id]
        ]
        if other_currency(lines.get(one.id, ()), others):
            yield one.id


def other_currency(lines: Iterable[ContractService], others: Iterable[ContractService]) -> bool:
    """Whether the prices of a contract are in another currency than those of its company's other contracts, as far as that is seen.

    Autotask shows a line's price in the client's currency and in the partner's own. They differ on one side and not on the other.
    """
    these = {line.foreign for line in lines} - {None}
    those = {line.foreign for line in others} - {None}
    return bool(these and those and not these & those)
