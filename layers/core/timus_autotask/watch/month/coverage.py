"""Until which day a contract will bill each subscription, and what is at risk where one ends first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Policy, Renewal
from timus_autotask.domain.timeline import Timeline
from timus_autotask.watch.money import rounded

ONE_DAY = timedelta(days=1)

HORIZONS = (7, 30, 60)
"""Days ahead that are looked at, the nearest first."""
TOO_FAR = 20
"""So many contracts, one after the other, are followed."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A SKU of a subscription that goes on after the last contract that bills it."""

    customer: str
    subscription: str
    sku: str
    key: LineKey
    """The line that bills it last."""
    until: date
    """The last day on which it is billed."""
    units: int
    """Of the subscription on the day after."""
    by_terms: bool
    """Whether a renewal, once Timus reports it, goes on billing by the terms."""
    renewal: str
    """What it would do, for people."""
    each_period: Decimal | None = None
    """What is not billed then, for each whole period, estimated; None: no price is known."""

    def within(self, today: date) -> int | None:
        """The nearest horizon that it is in; None: it is further off."""
        left = (self.until - today).days
        return next((days for days in HORIZONS if left <= days), None)


def coverage(
    customers: Mapping[str, Customer],
    desired: Desired,
    contracts: Mapping[int, Contract],
    today: date,
    prices: Mapping[LineKey, Decimal | None] | None = None,
) -> tuple[Coverage, ...]:
    """What no contract will bill within the farthest horizon, the soonest first. ``prices`` are those of one unit and period, by line."""
    lines: dict[tuple[str, str], dict[LineKey, Timeline]] = {}
    for key, demand in desired.demands.items():
        for source in demand.sources:
            lines.setdefault((source.customer_id, source.sku), {})[key] = source.units
    found = [
        one
        for customer in customers.values()
        for subscription in customer.subscriptions
        for one in _of(customer, subscription, lines, contracts, today, prices or {})
        if one.within(today) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.until, one.customer, one.subscription, one.sku)))


def _of(
    customer: Customer,
    subscription: Subscription,
    lines: Mapping[tuple[str, str], Mapping[LineKey, Timeline]],
    contracts: Mapping[int, Contract],
    today: date,
    prices: Mapping[LineKey, Decimal | None],
) -> Iterator[Coverage]:
    for sku in subscription.skus:
        quantity, on = subscription.quantity(sku), lines.get((customer.id, sku), {})
        for last, key in _last_days(on, contracts, quantity, today):
            units, price = quantity.at(last + ONE_DAY), prices.get(key)
            yield Coverage(
                customer.id,
                subscription.id,
                sku,
                key,
                last,
                units,
                *_renewal(customer.policy, subscription, key.contract_id, last),
                None if price is None else rounded(price * units),
            )


def _last_days(
    on: Mapping[LineKey, Timeline], contracts: Mapping[int, Contract], quantity: Timeline, today: date
) -> Iterator[tuple[date, LineKey]]:
    """The day on which the first of the contracts ends that nothing follows, with its line; nothing where the subscription ends before."""
    day = today
    for _ in range(TOO_FAR):
        ends = [
            (contracts[key.contract_id].end, key)
            for key, units in on.items()
            if units.at(day) and key.contract_id in contracts
        ]
        if not ends or not quantity.at(day):
            return
        last, key = min(ends)
        if last < today:
            yield last, key  # it has ended already
            return
        day = last + ONE_DAY
        if not quantity.at(day):
            return
        if not any(
            units.at(day) and _covers(contracts.get(one.contract_id), day) for one, units in on.items()
        ):
            yield last, key
            return


def _covers(contract: Contract | None, day: date) -> bool:
    return contract is not None and contract.start <= day <= contract.end


def _renewal(policy: Policy, subscription: Subscription, contract_id: int, last: date) -> tuple[bool, str]:
    term = subscription.newest.term_end
    if term is not None and term > last:
        return (
            False,
            f"The term runs until {term}, so no renewal comes first: extend contract {contract_id} in Autotask.",
        )
    when = f"When the term that ends on {term} is renewed" if term else "When the term is renewed"
    if policy.renewal is Renewal.EXTEND:
        return (
            True,
            f"{when}, contract {contract_id} is extended to the end of the new term (renewal=extend).",
        )
    if policy.renewal is Renewal.NEW_CONTRACT:
        return True, f"{when}, a new contract is opened from {last + ONE_DAY} on (renewal=new-contract)."
    return (
        False,
        f"The terms do nothing (renewal=off): extend or renew contract {contract_id} in Autotask.",
    )
