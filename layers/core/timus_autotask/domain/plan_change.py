"""Plan changes: a subscription leaves one plan for another, and is never billed for both on the same day (promise I7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .history import Subscription
from .mapping import LineKey, PlanMapping
from .placement import NO_SERVICE, Placement


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A plan change between two lines: from ``day`` on, ``up`` may go up only as far as ``down`` has come down."""

    day: date
    down: LineKey
    up: LineKey
    beside: bool = False
    """The subscription once had both at the same time: seats move between the two, and each may keep some. Then ``up`` waits only for
    as many units as ``down`` has too many; else it waits for all of ``down``."""


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
    """Seats of a subscription move from one SKU to another, all of them or a part."""

    subscription: Subscription
    day: date
    """By this day the seats have left the old SKU."""
    old: str
    new: str
    known: bool
    """Timus had listed the old SKU before, so that we may have billed it ourselves."""

    @property
    def beside(self) -> bool:
        """True if the subscription once had both at the same time."""
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


def are_plans(
    old: str,
    new: str,
    mapped: Mapping[str, PlanMapping],
    told: Subscription,
    exchanged: Sequence[frozenset[str]],
) -> bool:
    """True if seats move between two SKUs, so that no day may be billed more of both than the subscription had.

    What people said at the mapping counts. Where nobody said anything, two SKUs are plans if the subscription ``told`` never had both
    at once, or if they are in one group of those that it ``exchanged``. All else is an add-on, such as a gateway, and waits for nothing.
    """
    families = [mapped[sku].family if sku in mapped else None for sku in (old, new)]
    if "" in families:
        return False
    if None not in families:
        return families[0] == families[1]
    return not told.had_both(old, new) or any(old in group and new in group for group in exchanged)
