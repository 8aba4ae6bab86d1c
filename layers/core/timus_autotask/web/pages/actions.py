"""The one thing that a person does next about a line: a page of the console, or a command to copy."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from timus_autotask.watch.status import StatusLine


@dataclass(frozen=True, slots=True)
class Action:
    """Where it is done."""

    name: str
    address: str = ""
    """A page of the console; empty: it is done elsewhere."""
    command: str = ""
    """What to do in the terminal, or in Autotask."""


def customer_address(customer: str) -> str:
    """The page of a customer."""
    return f"/customers/{quote(customer, safe='')}"


def action_of(line: StatusLine) -> Action:
    """What a person does about a line that waits."""
    return Action("Look at it", customer_address(line.customer), line.remedy or "")
