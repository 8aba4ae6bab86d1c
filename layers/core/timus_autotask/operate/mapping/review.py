"""A review of the suggestions: one question after the other, an answer to each, and what was chosen at the end. Pure, and without a terminal.

Nothing is written on the way. So a review may be stopped anywhere: what was chosen until then is there to be taken in, and the rest is
suggested again next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from timus_autotask.operate.mapping.accept import Chosen
from timus_autotask.operate.mapping.catalogue import LineOffered
from timus_autotask.operate.mapping.suggest import (
    ContractOffered,
    CustomerSuggested,
    ServiceOffered,
    SkuSuggested,
    Suggestions,
)
from timus_autotask.operate.proposal import Asked

Unmapped = SkuSuggested | CustomerSuggested
Offered = ServiceOffered | ContractOffered


@dataclass(frozen=True, slots=True)
class WhichOffer:
    """Which of its offers is it? The ``number``-th question of so many."""

    unmapped: Unmapped
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class WhichLine:
    """Which contract service is billed, where the service is on the chosen contract more than once?"""

    contract_id: int
    service_id: int
    lines: tuple[LineOffered, ...]


Question = WhichOffer | WhichLine


@dataclass(frozen=True, slots=True)
class NoContract:
    """It cannot be chosen: the company has no contract, and the terms do not open one."""

    against: tuple[str, ...]
    """Why none of its contracts will do, for people."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It may be a mistake. Whoever is sure chooses it once more."""

    against: tuple[str, ...]
    """What speaks against the contract, for people."""
    contract_id: int
    chosen_for: tuple[str, ...]
    """Customers for whom this contract was chosen in the same review."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How far a review is."""

    chosen: int
    """Customers and SKUs about which something was said."""
    left: int
    """Those that are left for later."""
    taken_in: Asked[Chosen] | None = None
    """What became of what was chosen; None: nothing was, so nothing is written."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        form = self.taken_in.to_json() if self.taken_in else {"written": False}
        return {**form, "reviewed": self.chosen, "left": self.left}


@dataclass
class Review:
    """Goes through the suggestions, SKUs first. Each answer belongs to :attr:`question`, and leads to the next one."""

    suggestions: Suggestions
    _decided: dict[tuple[str, str], Offered | str] = field(default_factory=dict)
    """By kind and id: the offer, or why it is ignored. What is left for later is missing."""
    _lines: dict[tuple[int, int], int] = field(default_factory=dict)
    """By (contract, service): the contract service that was chosen."""
    _at: int = 0
    _open_lines: list[WhichLine] = field(default_factory=list)
    """What is still to be asked of the contract that was chosen last."""

    def __post_init__(self) -> None:
        self._all: Sequence[Unmapped] = [*self.suggestions.skus, *self.suggestions.customers]

    @property
    def question(self) -> Question | None:
        """What is to be answered now; None: that was all."""
        if self._open_lines:
            return self._open_lines[0]
        if self._at >= len(self._all):
            return None
        return WhichOffer(self._all[self._at], self._at + 1, len(self._all))

    def choose(self, offer: Offered, *, sure: bool = False) -> NoContract | Doubtful | None:
        """It is this offer. None: noted; otherwise it is not, and the question stays."""
        if isinstance(offer, ContractOffered):
            objection = self._objection(offer)
            if isinstance(objection, NoContract) or (objection and not sure):
                return objection
            self._open_lines = [*_which_lines(offer)]
        self._decided[self._key] = offer
        if not self._open_lines:
            self._at += 1
        return None

    def choose_line(self, line: LineOffered) -> None:
        """It is this contract service."""
        asked = self._open_lines[0]
        self._lines[asked.contract_id, asked.service_id] = line.contract_service_id
        self._next_line()

    def ignore(self, reason: str) -> None:
        """The customer or the SKU is not to be billed in Autotask."""
        self._decided[self._key] = reason
        self._at += 1

    def later(self) -> None:
        """Leave it as it is. It is suggested again, or parked until somebody chooses the contract service."""
        if self._open_lines:
            self._next_line()
            return
        self._decided.pop(self._key, None)
        self._at += 1

    def back(self) -> None:
        """Take the answer before back, and ask again; of a contract service, which contract it is."""
        if self._open_lines:
            self._open_lines = []
            return
        self._at = max(0, self._at - 1)
        self._decided.pop(self._key, None)

    @property
    def chosen(self) -> Chosen:
        """All that was decided so far."""
        customers: dict[str, tuple[int, int | None]] = {}
        skus: dict[str, int] = {}
        aside: dict[str, dict[str, str]] = {"customer": {}, "sku": {}}
        for (kind, id_), decided in self._decided.items():
            if isinstance(decided, str):
                aside[kind][id_] = decided
            elif isinstance(decided, ContractOffered):
                customers[id_] = decided.company_id, decided.contract.id if decided.contract else None
            else:
                skus[id_] = decided.service_id
        contracts = {contract_id for _, contract_id in customers.values()}
        lines = {where: one for where, one in self._lines.items() if where[0] in contracts}
        return Chosen(customers, skus, aside["customer"], aside["sku"], lines)

    @property
    def _key(self) -> tuple[str, str]:
        one = self._all[self._at]
        return ("sku", one.sku) if isinstance(one, SkuSuggested) else ("customer", one.customer)

    def _next_line(self) -> None:
        self._open_lines = self._open_lines[1:]
        if not self._open_lines:
            self._at += 1

    def _objection(self, offer: ContractOffered) -> NoContract | Doubtful | None:
        if offer.contract is None:
            return None if self.suggestions.opens_contracts else NoContract(offer.against)
        others = tuple(self._others_on(offer.contract.id))
        return Doubtful(offer.against, offer.contract.id, others) if offer.against or others else None

    def _others_on(self, contract_id: int) -> Iterator[str]:
        for (_, id_), decided in self._decided.items():
            contract = decided.contract if isinstance(decided, ContractOffered) else None
            if contract and contract.id == contract_id and id_ != self._key[1]:
                yield id_


def _which_lines(offer: ContractOffered) -> Iterator[WhichLine]:
    """One question for each service that is on the contract more than once."""
    if offer.contract is None:
        return
    for service_id in dict.fromkeys(line.service_id for line in offer.twice):
        these = tuple(line for line in offer.twice if line.service_id == service_id)
        yield WhichLine(offer.contract.id, service_id, these)
