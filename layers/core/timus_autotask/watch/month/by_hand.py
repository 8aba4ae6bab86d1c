"""How posted days are brought right by hand, in Autotask."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal


def by_hand(money: Decimal | None, where: str) -> Iterator[str]:
    """The ways, for people. ``money``: what was billed too much; negative: too little; None: no price is known. ``where``: of whom, or on what."""
    about = f" of about {abs(money)}" if money else ""
    kind = "a credit" if money is not None and money > 0 else "a charge"
    yield f"In Autotask: {kind}{about} {where}"
    yield "In Autotask: un-post the period (void its invoice first), correct the units there, and post again"
