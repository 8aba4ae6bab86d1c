"""Plan changes: a subscription leaves one plan and comes to another, and is never billed for both on the same day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .mapping import LineKey


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A plan change between two lines: from ``day`` on, ``up`` may have units of it only once ``down`` has come down."""

    day: date
    down: LineKey
    up: LineKey
    beside: bool = False
    """The subscription once had both at the same time, as a plan and its add-on are: then ``down`` is not another plan."""


@dataclass(frozen=True, slots=True, order=True)
class Unplaced:
    """A plan change whose old plan has no line: nobody has chosen the Autotask service of ``sku``.

    Autotask may still bill that plan on a service that we do not look at.
    """

    day: date
    sku: str
    up: LineKey
