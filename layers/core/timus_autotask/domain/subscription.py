"""What Timus says about a subscription: one snapshot of its whole state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Status = Literal["active", "trial", "past_due", "canceled"]
"""``trial`` is a proof of concept and never billed; ``past_due`` is billed as ``active``."""

BillingCycle = Literal["monthly", "annual"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state of a subscription after one change of it, as an event carried it.

    It is a state, never a difference: of two snapshots of a subscription the one with the larger ``version``
    is the newer, whatever the order in which they arrived, and a SKU that is missing from ``items`` has the
    quantity 0.
    """

    subscription_id: str
    version: int
    """1 or more; grows with each change of this subscription."""
    customer_id: str
    customer_name: str
    customer_domain: str | None
    status: Status
    billing_cycle: BillingCycle
    items: tuple[tuple[str, int], ...]
    """``(sku, quantity)`` sorted by SKU, each SKU once, quantity 0 or more; zero quantities are kept."""
    term_start: date
    term_end: date
    """Inclusive, as ``term_start`` is."""
    cancel_at: date | None
    """The first day on which nothing is billed any more."""
    effective_at: datetime
    """From when the quantities hold (aware); the billing day is its date in the partner's zone."""
    event_type: str
    """As Timus calls it: for people and metrics. Nothing is decided by it."""
    event_id: str
    """The ``webhook-id`` of the delivery."""
    occurred_at: datetime
    """When it happened at Timus (aware)."""
    actor: str | None = None
    """Who changed it, as Timus names them."""
    item_names: tuple[tuple[str, str], ...] = ()
    """``(sku, name for people)`` sorted by SKU, for the SKUs that came with a name."""
    renews: bool = False
    """The event says that its term is a renewed one. The snapshot alone cannot say it of a subscription that is new to us."""
