"""``map review``: one keystroke for each suggestion, and one preview for all that was chosen."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import Any

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import as_billed_from, carry_out, operator, progress
from timus_autotask.cli.suggesting import (
    OTHERWISE,
    count,
    customer_line,
    looked_up,
    offer_lines,
    said,
    service_lines,
    sku_line,
)
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.accept import Chosen, accept
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.review import KEYS, MOST, Item, Review
from timus_autotask.operate.mapping.suggest import SkuSuggested, Suggestions
from timus_autotask.store.terms import policies_from

COMMAND = "map review"


def map_review(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go through the suggestions with a person, and take in what was chosen."""
    if not terminal.asks:
        raise Failed(
            "map review asks for one key for each suggestion, so it needs a terminal. What a script can read: "
            "timus-autotask map suggest --json",
            USAGE,
        )
    catalogue = Catalogue(deployment, OTHERWISE)
    found = looked_up(deployment, catalogue, terminal)
    if not len(found):
        terminal.say("Every customer and SKU that Timus has reported is mapped.", style="green")
        return {"reviewed": 0, "left": 0, "written": False}
    policy, _ = policies_from(deployment.store.partner().terms.value)
    review = Review(arguments.reason, policy.open_contracts)
    terminal.say(f"{len(found)} to look at. {KEYS}")
    try:
        chosen = review.run(found, _Person(terminal))
    except (KeyboardInterrupt, EOFError):
        chosen = review.chosen
    return _taken_in(deployment, chosen, found, catalogue, arguments, terminal)


def _taken_in(
    deployment: Deployment,
    chosen: Chosen,
    found: Suggestions,
    catalogue: Catalogue,
    arguments: Namespace,
    terminal: Terminal,
) -> dict[str, Any]:
    left = len(found) - len(chosen)
    terminal.say("")
    if not chosen:
        terminal.say("Nothing was chosen, and nothing was written.")
        return {"reviewed": 0, "left": left, "written": False}
    terminal.say("Chosen:", style="bold")
    terminal.say(*(f"  {line}" for line in said(chosen, found)))
    proposal = as_billed_from(
        lambda bill_from: accept(
            deployment,
            replace(chosen, bill_from=bill_from),
            COMMAND,
            operator(arguments),
            catalogue,
            seen=True,
            on_progress=progress(terminal),
        ),
        lambda accepted: accepted.late,
        arguments,
        terminal,
    )

    def done(chosen: Chosen) -> None:
        terminal.say(f"Written: {count(chosen)}.", style="green")
        if left:
            terminal.say(f"{left} left for later; to go on: timus-autotask map review")
        terminal.say("What comes of it, with money:", Whole("→ timus-autotask preview"))

    result = carry_out(proposal, arguments, terminal, done)
    return {**result, "reviewed": len(chosen), "left": left}


class _Person:
    """Whoever sits at the terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def look(self, item: Item, number: int, of: int) -> None:
        """The suggestion with its offers."""
        terminal = self._terminal
        words = sku_line(item) if isinstance(item, SkuSuggested) else customer_line(item)
        terminal.say("", f"{number} of {of}  {words}", style="bold")
        if isinstance(item, SkuSuggested):
            for at, service in enumerate(item.offers[:MOST], 1):
                terminal.say(*service_lines(at, service))
        else:
            for at, offer in enumerate(item.offers[:MOST], 1):
                terminal.say(*offer_lines(at, offer))
        if not item.offers:
            terminal.say("  nothing is called alike: i ignores it, l leaves it for later")

    def key(self) -> str:
        """What is pressed."""
        return self._terminal.key()

    def say(self, words: str) -> None:
        """What there is to say about it."""
        self._terminal.say(f"  {words}", style="yellow")
