"""A contract as Autotask has it, as far as anything is decided on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .policy import BillingSchedule


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
    number: str = ""
    """What Autotask's pages call "External Contract Number"; ``""`` when none is set."""

    @property
    def schedule(self) -> BillingSchedule:
        """Its billing periods."""
        return BillingSchedule(self.start, self.months)
