"""A customer: the subscriptions, the mapping to Autotask, and the partner's terms day by day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import reduce

from .history import Subscription
from .mapping import CustomerMapping
from .policy import Policy
from .timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True)
class Customer:
    """All that we know of a customer."""

    id: str
    mapping: CustomerMapping | None
    """None: nobody has mapped the customer to Autotask yet."""
    subscriptions: tuple[Subscription, ...]
    policy: Policy = field(default_factory=Policy)
    """The terms of today."""
    earlier: tuple[tuple[date, Policy], ...] = ()
    """(first day on which they no longer held, terms), in order of day: new terms do not change what is billed for past days."""

    @property
    def name(self) -> str:
        """The name to show: the newest that Timus sent, else the one in the mapping, else the id."""
        names = [subscription.customer_name for subscription in self.subscriptions]
        mapped = self.mapping.customer_name if self.mapping else ""
        return next((name for name in (*reversed(names), mapped) if name), self.id)

    @property
    def skus(self) -> tuple[str, ...]:
        """Every SKU of every subscription, sorted."""
        return tuple(sorted({sku for subscription in self.subscriptions for sku in subscription.skus}))

    def quantity(self, sku: str) -> Timeline:
        """Timus's own quantity of a SKU by day, all subscriptions together."""
        return reduce(Timeline.plus, (one.quantity(sku) for one in self.subscriptions), NOTHING)

    def outlived(self, sku: str) -> Timeline:
        """What of it was cancelled already, all subscriptions together; see ``Subscription.outlived``."""
        return reduce(Timeline.plus, (one.outlived(sku) for one in self.subscriptions), NOTHING)

    def policy_on(self, day: date) -> Policy:
        """The terms of a day."""
        return next((policy for until, policy in self.earlier if day < until), self.policy)
