"""The unit price that goes out with an adjustment, where the partner's terms set one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A line's unit price, old and new, as amounts: ``12.50``."""

    after: str
    before: str | None = None
    """None: the service is new on the contract."""

    def __str__(self) -> str:
        return f"{self.before} → {self.after}" if self.before else self.after


def amount(price: Decimal) -> str:
    """A price as text, with two decimals at least; Autotask keeps four."""
    whole, _, decimals = f"{price.normalize():f}".partition(".")
    return f"{whole}.{decimals:0<2}"
