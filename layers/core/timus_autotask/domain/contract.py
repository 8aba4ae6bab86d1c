"""A contract as Autotask has it, as far as anything is decided on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .policy import BillingSchedule

PERIOD_TYPES: Mapping[int, int] = {1: 2, 3: 3, 6: 4, 12: 5}
"""``contractPeriodType`` by the months of a billing period (observed live: 2 monthly, 3 quarterly, 4 half-yearly, 5 yearly)."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What Autotask says of a contract, as read now."""

    id: int
    company_id: int
    recurring: bool
    active: bool
    start: date
    end: date
    """Inclusive."""
    months: int = 1
    """Length of a billing period."""
    name: str = ""

    @property
    def schedule(self) -> BillingSchedule:
        """Its billing periods."""
        return BillingSchedule(self.start, self.months)
