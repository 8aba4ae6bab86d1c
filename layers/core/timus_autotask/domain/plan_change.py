"""Plan changes: a subscription leaves one plan for another, and is never billed for both on the same day (promise I7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from .history import Subscription
from .mapping import LineKey
from .placement import NO_SERVICE, Placement


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


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A subscription leaves one SKU and has units of another."""

    subscription: Subscription
    day: date
    """By this day the old SKU has been taken away."""
    old: str
    new: str
    known: bool
    """Timus had listed the old SKU before, so that we may have billed it ourselves."""

    @property
    def beside(self) -> bool:
        """True if the subscription once had both at the same time, as a plan and its add-on are."""
        return self.subscription.had_both(self.old, self.new)

    def links(self, placement: Placement) -> Iterator[Link]:
        """Each line of the old SKU with each line of the new one.

        An old SKU that we did not know counts on the same contract only: on another one it is billed for reasons of its own.
        """
        for down in placement.lines(self.old, self.day):
            for up in placement.lines(self.new, self.day):
                if down != up and (self.known or down.contract_id == up.contract_id):
                    yield Link(self.day, down, up, self.beside)

    def unplaced(self, placement: Placement) -> Iterator[Unplaced]:
        """Each line of the new SKU, if the old one was another plan, was billed, and nobody has chosen its service."""
        billed = self.known and not self.beside and self.subscription.was_billed(self.old)
        if billed and placement.reason(self.old, self.day, 0) in NO_SERVICE:
            for up in placement.lines(self.new, self.day):
                yield Unplaced(self.day, self.old, up)
