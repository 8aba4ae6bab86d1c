"""``map review``: one keystroke for each suggestion, and one preview for all that was chosen."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import ask
from timus_autotask.cli.suggesting import (
    count,
    customer_line,
    looked_up,
    offer_lines,
    proposed,
    said,
    service_lines,
    sku_line,
)
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.accept import Chosen
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.review import (
    Doubtful,
    NoContract,
    Offered,
    Review,
    Reviewed,
    Unmapped,
    WhichLine,
    WhichOffer,
)
from timus_autotask.operate.mapping.suggest import SkuSuggested, Suggestions
from timus_autotask.operate.refusal import Way

T = TypeVar("T")

MOST = 9
"""Offers that a key can name."""
KEYS = "a accept 1, 1-9 choose, i ignore, l later, b back, q stop"
"""What can be pressed, for people."""
ACCEPT = ("a", "\r", "\n")
STOP = ("", "q", "\x03", "\x04")
"""Ctrl-C and the end of input too."""


def map_review(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go through the suggestions with a person, and take in what was chosen."""
    if not terminal.asks:
        raise Failed(
            "map review asks for one key for each suggestion, so it needs a terminal. What a script can read: "
            "timus-autotask map suggest --json",
            USAGE,
        )
    catalogue = Catalogue(deployment, Way.UNASKED_BY_ID)
    found = looked_up(deployment, catalogue, terminal)
    if not len(found):
        terminal.say("Every customer and SKU that Timus has reported is mapped.", style="green")
        return Reviewed(0, 0).to_json()
    review = Review(found)
    terminal.say(f"{len(found)} to look at. {KEYS}")
    with suppress(KeyboardInterrupt, EOFError):
        go_through(review, _AtTerminal(terminal), arguments.reason)
    return _taken_in(deployment, review.chosen, found, catalogue, arguments, terminal)


def _taken_in(
    deployment: Deployment,
    chosen: Chosen,
    found: Suggestions,
    catalogue: Catalogue,
    arguments: Namespace,
    terminal: Terminal,
) -> dict[str, Any]:
    reviewed = Reviewed(len(chosen), len(found) - len(chosen))
    terminal.say("")
    if not chosen:
        terminal.say("Nothing was chosen, and nothing was written.")
        return reviewed.to_json()
    terminal.say("Chosen:", style="bold")
    terminal.say(*(f"  {line}" for line in said(chosen, found)))
    proposal = proposed(chosen, "map review", deployment, catalogue, arguments, terminal, seen=True)

    def done(chosen: Chosen) -> None:
        terminal.say(f"Written: {count(chosen)}.", style="green")
        if reviewed.left:
            terminal.say(f"{reviewed.left} left for later; to go on: timus-autotask map review")
        terminal.say("What comes of it, with money:", Whole("→ timus-autotask preview"))

    return replace(reviewed, taken_in=ask(proposal, arguments, terminal, done)).to_json()


class Person(Protocol):
    """Who looks at the suggestions."""

    def look(self, one: Unmapped, number: int, of: int) -> None:
        """Show a suggestion, the ``number``-th of so many."""
        ...

    def key(self) -> str:
        """One keystroke; ``""`` when nobody is there any more."""
        ...

    def say(self, message: str) -> None:
        """Answer to a keystroke."""
        ...


def go_through(review: Review, person: Person, reason: str) -> None:
    """Ask until the end of the review, or until the person stops. ``reason`` is noted with what is ignored."""
    while (question := review.question) is not None:
        if isinstance(question, WhichLine):
            answered = _line_answered(review, question, person)
        else:
            answered = _answered(review, question, person, reason)
        if not answered:
            return


def _answered(review: Review, question: WhichOffer, person: Person, reason: str) -> bool:
    """Whether there was an answer; False: the person stops."""
    person.look(question.unmapped, question.number, question.of)
    warned = ""
    while (pressed := person.key().lower()) not in STOP:
        match pressed:
            case "i":
                review.ignore(reason)
                return True
            case "l" | " ":
                review.later()
                return True
            case "b":
                review.back()
                return True
        offers: Sequence[Offered] = question.unmapped.offers
        offer = _named("1" if pressed in ACCEPT else pressed, offers)
        if offer is None:
            person.say(f"There is nothing of that kind here. {KEYS}")
            continue
        objection = review.choose(offer, sure=pressed == warned)
        if objection is None:
            return True
        person.say(_in_words(objection))
        if isinstance(objection, Doubtful):
            warned = pressed
    return False


def _line_answered(review: Review, question: WhichLine, person: Person) -> bool:
    """The same of a contract service."""
    lines = question.lines[:MOST]
    listed = "; ".join(f"{at}  {line}" for at, line in enumerate(lines, 1))
    name = lines[0].service_name or f"Service {question.service_id}"
    person.say(f"{name} stands on it more than once. Which one is billed: {listed}; l leaves it for later")
    while (pressed := person.key().lower()) not in STOP:
        line = _named(pressed, lines)
        if line is not None:
            review.choose_line(line)
        elif pressed == "l":
            review.later()
        elif pressed == "b":
            review.back()
        else:
            person.say(f"1 to {len(lines)}, or l")
            continue
        return True
    return False


def _named(pressed: str, offers: Sequence[T]) -> T | None:
    """What a key names by its number."""
    number = int(pressed) if pressed in tuple("123456789") else 0
    return offers[number - 1] if 0 < number <= len(offers) else None


def _in_words(objection: NoContract | Doubtful) -> str:
    if isinstance(objection, NoContract):
        return (
            f"{'; '.join(objection.against)}: open one in Autotask and come back (l), "
            "or let it be opened: timus-autotask policy set open_contracts=yes"
        )
    before = (
        f"contract {objection.contract_id} was chosen for {one} a moment ago" for one in objection.chosen_for
    )
    return f"But {'; '.join([*objection.against, *before])}. Once more, if it is meant."


class _AtTerminal:
    """Whoever sits at the terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def look(self, one: Unmapped, number: int, of: int) -> None:
        """The suggestion with its offers."""
        terminal = self._terminal
        title = sku_line(one) if isinstance(one, SkuSuggested) else customer_line(one)
        terminal.say("", f"{number} of {of}  {title}", style="bold")
        if isinstance(one, SkuSuggested):
            for at, service in enumerate(one.offers[:MOST], 1):
                terminal.say(*service_lines(at, service))
        else:
            for at, offer in enumerate(one.offers[:MOST], 1):
                terminal.say(*offer_lines(at, offer))
        if not one.offers:
            terminal.say("  nothing is called alike: i ignores it, l leaves it for later")

    def key(self) -> str:
        """What is pressed."""
        return self._terminal.key()

    def say(self, message: str) -> None:
        """What there is to say about it."""
        self._terminal.say(f"  {message}", style="yellow")
