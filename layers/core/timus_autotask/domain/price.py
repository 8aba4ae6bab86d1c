"""The unit price that goes out with an adjustment: the partner's, where the terms set one on purpose, or one that moves along.

A price in Autotask that is neither the catalogue's nor the one that we sent last was set by hand, and is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A line's unit price, new and old, as amounts: ``15.00`` and ``12.50``."""

    after: str
    before: str | None = None
    """None: the service is new on the contract."""

    def __str__(self) -> str:
        return f"{self.before} → {self.after}" if self.before else self.after


@dataclass(frozen=True, slots=True)
class ObservedPrice:
    """A line's unit price in Autotask, as read now. For a new line: the price of the line that it continues."""

    price: Decimal | None = None
    """None: there is no such line, or Autotask shows no price."""
    sent: Decimal | None = None
    """What we sent last for that line."""
    catalogue: Decimal | None = None
    """The service's own; None: not read, because the price is ours anyhow."""

    @property
    def by_hand(self) -> bool:
        """Whether somebody set it."""
        return self.price not in (None, self.sent, self.catalogue)


def price_of_line(wanted: Decimal | None, observed: ObservedPrice) -> PriceChange | None:
    """The price that goes out with an adjustment of a line on the contract; None: the line keeps the one that it has.

    ``wanted`` is what the terms set.
    """
    if wanted is None or observed.price is None or observed.price == wanted or observed.by_hand:
        return None
    return PriceChange(amount(wanted), amount(observed.price))


def price_of_new_line(wanted: Decimal | None, carried_on: ObservedPrice) -> PriceChange | None:
    """The price of a service that is new on the contract; None: Autotask takes the catalogue's.

    On the contract of a renewed term, a price that was set by hand on the old one moves along. It goes before the terms.
    """
    price = carried_on.price if carried_on.by_hand else wanted
    return None if price is None else PriceChange(amount(price))


def amount(price: Decimal) -> str:
    """A price as text, with two decimals at least; Autotask keeps four."""
    whole, _, decimals = f"{price.normalize():f}".partition(".")
    return f"{whole}.{decimals:0<2}"
