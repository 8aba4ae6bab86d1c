"""One keystroke for each suggestion: accept, choose another, ignore, later. Pure: keys come in, what was chosen goes out.

Nothing is written on the way. So a review may be stopped anywhere: what was chosen until then is there to be taken in, and the rest is
suggested again next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from timus_autotask.operate.mapping.accept import Chosen
from timus_autotask.operate.mapping.suggest import (
    ContractOffered,
    CustomerSuggested,
    ServiceOffered,
    SkuSuggested,
    Suggestions,
)

Item = SkuSuggested | CustomerSuggested
Offer = ServiceOffered | ContractOffered

MOST = 9
"""Offers that a key can name."""
KEYS = "a accept 1, 1-9 choose, i ignore, l later, b back, q stop"
"""What can be pressed, for people."""
ACCEPT = ("a", "\r", "\n")
STOP = ("", "q", "\x03", "\x04")
"""Ctrl-C and the end of input too."""
_STEPS = {"i": 1, "l": 1, " ": 1, "b": -1}
"""Keys that need no offer: how far they go on."""


class Person(Protocol):
    """Who looks at the suggestions."""

    def look(self, item: Item, number: int, of: int) -> None:
        """Show a suggestion, the ``number``-th of so many."""
        ...

    def key(self) -> str:
        """One keystroke; ``""`` when nobody is there any more."""
        ...

    def say(self, words: str) -> None:
        """Answer to a keystroke."""
        ...


@dataclass
class Review:
    """What a person has decided so far."""

    reason: str
    """Noted with what is ignored."""
    opens: bool = False
    """Whether the terms open a contract for a customer who has a company only."""
    decisions: dict[tuple[str, str], Offer | str] = field(default_factory=dict)
    """By kind and id: the offer, or why it is ignored. What is left for later is missing."""
    lines: dict[tuple[int, int], int] = field(default_factory=dict)
    """By (contract, service): the contract service that was chosen, where the service is on the contract more than once."""

    def run(self, suggestions: Suggestions, person: Person) -> Chosen:
        """Go through all of it, until the end or until the person stops."""
        items: Sequence[Item] = [*suggestions.skus, *suggestions.customers]
        at = 0
        while at < len(items):
            person.look(items[at], at + 1, len(items))
            step = self._ask(items[at], person)
            if step is None:
                break
            at = max(0, at + step)
            if step < 0:
                self.decisions.pop(_key(items[at]), None)
        return self.chosen

    @property
    def chosen(self) -> Chosen:
        """All of it."""
        customers: dict[str, tuple[int, int | None]] = {}
        skus: dict[str, int] = {}
        aside: dict[str, dict[str, str]] = {"customer": {}, "sku": {}}
        for (kind, id_), decided in self.decisions.items():
            if isinstance(decided, str):
                aside[kind][id_] = decided
            elif isinstance(decided, ContractOffered):
                customers[id_] = decided.company_id, decided.contract.id if decided.contract else None
            else:
                skus[id_] = decided.service_id
        contracts = {contract_id for _, contract_id in customers.values()}
        lines = {where: one for where, one in self.lines.items() if where[0] in contracts}
        return Chosen(customers, skus, aside["customer"], aside["sku"], lines)

    def _ask(self, item: Item, person: Person) -> int | None:
        """Ask until there is an answer: 1 go on, -1 go back, None stop."""
        warned = ""
        while True:
            pressed = person.key().lower()
            if pressed in STOP:
                return None
            if pressed in _STEPS:
                self._set_aside(item, pressed)
                return _STEPS[pressed]
            offer = self._offer(item, pressed)
            why_not = self._impossible(offer)
            against = "; ".join(self._against(item, offer))
            if why_not or offer is None:
                person.say(why_not)
            elif against and warned != pressed:
                person.say(f"But {against}. Once more, if it is meant.")
                warned = pressed
            else:
                self.decisions[_key(item)] = offer
                return self._ask_lines(offer, person)

    def _ask_lines(self, offer: Offer, person: Person) -> int | None:
        """Ask which contract service is billed, of each service that is on the contract more than once; as :meth:`_ask`."""
        if not isinstance(offer, ContractOffered) or offer.contract is None:
            return 1
        for service_id in dict.fromkeys(line.service_id for line in offer.twice):
            these = [line for line in offer.twice if line.service_id == service_id][:MOST]
            told = "; ".join(f"{at}  {line}" for at, line in enumerate(these, 1))
            name = these[0].service_name or f"Service {service_id}"
            person.say(
                f"{name} stands on it more than once. Which one is billed: {told}; l leaves it for later"
            )
            while (pressed := person.key().lower()) not in (*STOP, "l", "b"):
                if pressed in tuple("123456789") and int(pressed) <= len(these):
                    self.lines[offer.contract.id, service_id] = these[int(pressed) - 1].contract_service_id
                    break
                person.say(f"1 to {len(these)}, or l")
            if pressed in STOP:
                return None
            if pressed == "b":
                return 0
        return 1

    def _set_aside(self, item: Item, pressed: str) -> None:
        """Note that it is ignored, or left for later."""
        if pressed == "i":
            self.decisions[_key(item)] = self.reason
        elif pressed != "b":
            self.decisions.pop(_key(item), None)

    def _offer(self, item: Item, pressed: str) -> Offer | None:
        """The offer that a key names."""
        number = 1 if pressed in ACCEPT else int(pressed) if pressed in tuple("123456789") else 0
        offers: Sequence[Offer] = item.offers[:MOST]
        return offers[number - 1] if 0 < number <= len(offers) else None

    def _impossible(self, offer: Offer | None) -> str:
        """Why it cannot be chosen; empty: it can."""
        if offer is None:
            return f"There is nothing of that kind here. {KEYS}"
        if isinstance(offer, ContractOffered) and offer.contract is None and not self.opens:
            return f"{'; '.join(offer.against)}: open one in Autotask and come back (l), or let it be opened: timus-autotask policy set open_contracts=yes"
        return ""

    def _against(self, item: Item, offer: Offer | None) -> Iterator[str]:
        """Why it may be a mistake."""
        if not isinstance(offer, ContractOffered) or offer.contract is None:
            return
        yield from offer.against
        for (_, id_), decided in self.decisions.items():
            chosen = decided.contract if isinstance(decided, ContractOffered) else None
            if chosen and chosen.id == offer.contract.id and id_ != _key(item)[1]:
                yield f"contract {chosen.id} was chosen for {id_} a moment ago"


def _key(item: Item) -> tuple[str, str]:
    return ("sku", item.sku) if isinstance(item, SkuSuggested) else ("customer", item.customer)
