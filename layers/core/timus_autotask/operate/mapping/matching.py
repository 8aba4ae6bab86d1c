"""Which company a customer may be, and which service a SKU: keys first, then names. Pure; rapidfuzz measures how near two names are.

Nothing is ever chosen by a name without a person. A *key* is what somebody entered to tell one record from all others: an id of Timus in
a user-defined field or as the company's number, and the SKU of a service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from rapidfuzz import fuzz, process, utils

from timus_autotask.domain.names import domain_of, forms
from timus_autotask.ports.psa import Company, Service

NEAR = 80
"""Least likeness, of 100, from which a name is offered: a letter in five may differ."""
MOST = 3
"""Near names that are offered of each."""


class Basis(StrEnum):
    """Why something may be it: the strongest first."""

    USER_DEFINED_FIELD = "user-defined-field"
    NUMBER = "company-number"
    SKU = "sku"
    CHOSEN = "chosen"
    """A person has said so already."""
    DOMAIN = "web-domain"
    NAME = "name"
    NEAR_NAME = "near-name"

    @property
    def is_key(self) -> bool:
        """Whether somebody entered it to tell this one from all others."""
        return self in (Basis.USER_DEFINED_FIELD, Basis.NUMBER, Basis.SKU)


@dataclass(frozen=True, slots=True)
class Match:
    """One record that may be it."""

    id: int
    basis: Basis
    reason: str
    """For people."""
    score: int = 100
    """Likeness of the names, of 100; 100 where something is equal."""
    unique: bool = True
    """Nothing else is equal in the same way."""


class _Named(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


class Companies:
    """Companies, to be found by what is known of a customer."""

    def __init__(self, companies: Iterable[Company]) -> None:
        found = list(companies)
        self._fields: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._numbers: dict[str, list[int]] = defaultdict(list)
        self._domains: dict[str, list[int]] = defaultdict(list)
        for company in found:
            for field, value in company.user_defined.items():
                self._fields[value.strip().casefold()].append((company.id, field))
            self._numbers[company.number.strip().casefold()].append(company.id)
            self._domains[domain_of(company.web_address)].append(company.id)
        self._names = _Names(found)

    def matches(self, customer: str, name: str, domain: str) -> list[Match]:
        """The companies that may be a customer's, the likeliest first, each once for its best reason."""
        return _best(
            *self._by_key(customer),
            *_equal(
                self._domains, domain_of(domain), Basis.DOMAIN, f"its web address is {domain_of(domain)} too"
            ),
            *self._names.matches(name),
        )

    def _by_key(self, customer: str) -> Iterator[Match]:
        key = customer.strip().casefold()
        named = self._fields.get(key, [])
        unique = len({id_ for id_, _ in named}) == 1
        for id_, field in named:
            reason = f"its user-defined field {field} is {customer}"
            yield Match(id_, Basis.USER_DEFINED_FIELD, reason, unique=unique)
        yield from _equal(self._numbers, key, Basis.NUMBER, f"its company number is {customer}")


class Services:
    """Active services of the catalogue, to be found by a SKU."""

    def __init__(self, services: Iterable[Service]) -> None:
        found = list(services)
        self._skus: dict[str, list[int]] = defaultdict(list)
        for service in found:
            self._skus[service.sku].append(service.id)
        self._names = _Names(found)

    def matches(self, sku: str) -> list[Match]:
        """The services that may be a SKU, the likeliest first."""
        return _best(*_equal(self._skus, sku, Basis.SKU, "it carries this SKU"), *self._names.matches(sku))


class _Names:
    """Records by their names."""

    def __init__(self, records: Iterable[N]) -> None:
        self._called: dict[int, str] = {}
        self._by_form: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._plain: dict[int, str] = {}
        for record in records:
            self._called[record.id] = record.name
            self._plain[record.id] = _plain(record.name)
            for form in forms(record.name):
                self._by_form[form].append(record.id)

    def matches(self, name: str) -> Iterator[Match]:
        """Those of an equal name, then those of a near one."""
        if not name.strip():
            return
        same = {id_ for form in forms(name) for id_ in self._by_form.get(form, ())}
        for id_ in sorted(same):
            reason = f"it is called {self._called[id_]}"
            yield Match(id_, Basis.NAME, reason, unique=len(same) == 1)
        near = process.extract(
            _plain(name), self._plain, scorer=fuzz.token_sort_ratio, score_cutoff=NEAR, limit=MOST + len(same)
        )
        for _, score, id_ in near:
            if id_ not in same:
                reason = f"it is called {self._called[id_]}, {int(score)} % alike"
                yield Match(id_, Basis.NEAR_NAME, reason, int(score), unique=False)


def _plain(name: str) -> str:
    """The words that tell a company, as one text."""
    shortest = min(
        forms(utils.default_process(name)), key=lambda words: (len(" ".join(words)), words), default=()
    )
    return " ".join(shortest)


def _equal(by: Mapping[str, list[int]], value: str, basis: Basis, reason: str) -> Iterator[Match]:
    ids = sorted(set(by.get(value, ()))) if value else []
    for id_ in ids:
        yield Match(id_, basis, reason, unique=len(ids) == 1)


_ORDER = list(Basis)


def _best(*matches: Match) -> list[Match]:
    """Each record once, for its strongest reason; the strongest first. Where a key or a whole name is equal, near names say nothing."""
    is_sure = any(one.basis.is_key or one.basis is Basis.NAME for one in matches)
    found: dict[int, Match] = {}
    for one in sorted(matches, key=lambda one: (_ORDER.index(one.basis), -one.score, one.id)):
        if one.basis is not Basis.NEAR_NAME or not is_sure:
            found.setdefault(one.id, one)
    return list(found.values())
