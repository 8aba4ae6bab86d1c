"""The events of a client in a round, and what must follow, worked out without any of the product's code."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

ADV, ESS, GATEWAY = "SASE-ADV-USER", "SASE-ESS-USER", "SASE-GATEWAY"
SKUS = (ADV, ESS, GATEWAY)
BEFORE: Mapping[str, int] = {ADV: 25, ESS: 0, GATEWAY: 1}
"""What every client's contract holds at first."""


class Told(NamedTuple):
    """One version of a subscription."""

    version: int
    day: date
    items: Mapping[str, int]


@dataclass(frozen=True)
class Story:
    """The versions of one client's subscription, on days of their own, in the order in which they are delivered."""

    kind: str
    deliveries: tuple[Told, ...]

    @property
    def in_order(self) -> bool:
        """Whether newer versions were delivered after older ones."""
        versions = [told.version for told in self.deliveries]
        return versions == sorted(versions)

    def units(self, sku: str, day: date) -> int:
        """What Timus says of a day: the newest version that holds then; before all of them, what was there."""
        holding = [told for told in self.deliveries if told.day <= day]
        if not holding:
            return BEFORE[sku]
        return max(holding, key=lambda told: told.version).items.get(sku, 0)

    def steps(self) -> Counter[tuple[str, int, date]]:
        """(SKU, change, day) of every adjustment that brings the contract there, one for each day on which units change."""
        days = sorted({told.day for told in self.deliveries})
        one_day = timedelta(days=1)
        return Counter(
            (sku, change, day)
            for day in days
            for sku in SKUS
            if (change := self.units(sku, day) - self.units(sku, day - one_day))
        )


def story(dice: random.Random, today: date) -> Story:
    """A client's story: seats up and down, with a plan change, or events in the wrong order."""
    kind = dice.choice(("seats", "seats", "plan change", "reordered"))
    number = {"reordered": 2, "plan change": dice.randint(2, 3)}.get(kind, dice.randint(1, 3))
    days = sorted(dice.sample([today - timedelta(days=n) for n in range(10)], number))
    # Units from before the first event are not Timus's, so the old plan needs an event first.
    changes_at = dice.randrange(1, number) if kind == "plan change" else number
    told: list[Told] = []
    seats = BEFORE[ADV]
    for n, day in enumerate(days):
        seats = dice.choice([units for units in range(5, 60) if units != seats])
        gateways = dice.choice((1, 1, 2))
        told.append(Told(7 + n, day, {ESS if n >= changes_at else ADV: seats, GATEWAY: gateways}))
    if kind == "reordered":
        told.reverse()
    if dice.random() < 0.3:
        told.append(told[-1])  # Timus delivers again
    return Story(kind, tuple(told))
