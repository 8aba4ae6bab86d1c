"""The partner's terms: what is billed, from which day, and after whose approval. By default all is billed day by day, without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from .days import next_period_start, period_containing

_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
"""Autotask keeps four decimals."""

MINUTES_OF_A_DAY = 24 * 60


class EffectiveDay(StrEnum):
    """From which day a change is billed."""

    CHANGE = "day-of-change"
    """Its own day; Autotask prorates the rest of the period."""
    THIS_PERIOD = "start-of-period"
    """The first day of its billing period, so that the invoice has no prorated line."""
    NEXT_PERIOD = "start-of-next-period"
    """The first day of the next billing period; a change on the first day of a period is billed from that day."""


class OnDrift(StrEnum):
    """What to do when somebody else changed the units of a line in Autotask."""

    PARK = "park"
    ADOPT = "adopt"
    """Keep the difference, on top of Timus's quantity."""
    ENFORCE = "enforce"
    """Bring the line back to Timus's quantity."""


class PostedPeriod(StrEnum):
    """What to do with a change of a day whose period was approved and posted in Autotask already."""

    NEXT_OPEN_DAY = "next-open-day"
    SAME_DAY = "same-day"
    HOLD = "hold"


class SameDay(StrEnum):
    """What to do with a second change of a line on a day for which we made an adjustment already."""

    NEXT_FREE_DAY = "next-free-day"
    ATTEMPT = "attempt"
    """Only for a tenant where a trial has shown that Autotask adds up the adjustments of one day."""


class Renewal(StrEnum):
    """What to do with the contract when a term is renewed."""

    EXTEND = "extend"
    NEW_CONTRACT = "new-contract"
    """Open a new contract, from the day after the old one's end to the last day of the renewed term."""
    OFF = "off"


class RenewalLink(StrEnum):
    """Which of two contracts names the other as its renewal.

    Autotask's documentation does not say which. Its field reads as "the contract that renewed this one", so by default the old contract
    names the new one. To be sure, look at two contracts that Autotask's own renewal has linked.
    """

    OLD_NAMES_NEW = "old-names-new"
    NEW_NAMES_OLD = "new-names-old"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Approval:
    """Which changes need a person's approval. Both None: no change. ``above_units`` 0: every change."""

    above_units: int | None = None
    above_percent: int | None = None
    """Of the units that the line has on the day."""

    def __post_init__(self) -> None:
        for name in ("above_units", "above_percent"):
            above = getattr(self, name)
            if above is not None and above < 0:
                raise ValueError(f"{name} must be 0 or more, but is {above}")

    def asks(self, delta: int, units: int) -> bool:
        """True if a change of ``delta`` on a line of ``units`` needs approval."""
        size = abs(delta)
        if self.above_units is not None and size > self.above_units:
            return True
        return self.above_percent is not None and size * 100 > self.above_percent * units


@dataclass(frozen=True, slots=True)
class BillingSchedule:
    """A contract's billing periods: they step by ``months`` from its ``start``."""

    start: date
    months: int = 1

    def dated(self, day: date, rule: EffectiveDay) -> date:
        """The day on which a change of ``day`` is billed under a rule."""
        if rule is EffectiveDay.CHANGE or day < self.start:
            return day
        first, _ = period_containing(day, self.start, self.months)
        if rule is EffectiveDay.THIS_PERIOD or first == day:
            return first
        return next_period_start(day, self.start, self.months)


@dataclass(frozen=True, slots=True)
class Policy:
    """The terms that a partner can choose, for all customers or for one."""

    increases: EffectiveDay = EffectiveDay.CHANGE
    decreases: EffectiveDay = EffectiveDay.CHANGE
    approve_increases: Approval = Approval()
    approve_decreases: Approval = Approval()
    approve_new_lines: bool = False
    """The first units of a service that is not on the contract yet need approval."""
    posted_period: PostedPeriod = PostedPeriod.NEXT_OPEN_DAY
    same_day: SameDay = SameDay.NEXT_FREE_DAY
    drift: OnDrift = OnDrift.PARK
    renewal: Renewal = Renewal.EXTEND
    included: Mapping[str, int] = field(default_factory=dict)
    """Units by SKU that are free."""
    minimum: Mapping[str, int] = field(default_factory=dict)
    """Units by SKU that are billed at least, while there is any unit."""
    excluded: tuple[str, ...] = ()
    """SKUs that are never billed."""
    prices: Mapping[str, str] = field(default_factory=dict)
    """Unit price by SKU, sent with the adjustment; a SKU without one keeps the contract's price."""
    decrease_wait: int | None = None
    """Minutes that a decrease to 0 of a subscription waits after its cause, or after the beginning of its day if it was told before, at most until the end of
    the partner's day: what replaces the subscription may come. Increases that wait for it wait with it."""
    line_limit: int | None = None
    """The largest change of one line that needs no approval."""
    customer_day_limit: int | None = None
    """The most units that change for one customer in a day without approval."""
    partner_day_limit: int | None = None
    """The same for all customers together."""
    pooled_minimum: Mapping[str, int] = field(default_factory=dict)
    """Units by SKU that the partner owes Timus at least, for all customers together. Reported, never billed to a client."""
    open_contracts: bool = False
    """Open a contract for a customer who is mapped to a company without one."""
    contract_name: str = "Timus SASE {customer}"
    """Name of a contract that we open; ``{customer}`` is the customer's name in Timus."""
    contract_months: int = 1
    """Length of its billing period: 1, 3, 6 or 12."""
    contract_billing_day: int | None = None
    """Day of the month on which its periods begin, 1 to 28; None: that of the first billed day."""
    contract_length: int = 12
    """Months from its first day to its end."""
    contract_category: int | None = None
    """The number of its category in Autotask; some tenants require one."""
    contract_organizational_level: int | None = None
    """The number of its organizational level in Autotask; some tenants require one, and a wrong one hides the contract."""
    renewal_link: RenewalLink = RenewalLink.OLD_NAMES_NEW
    contract_notes: bool = False
    """Write a note on the contract for each change: what, why, and from which events."""
    paused: bool = False

    def __post_init__(self) -> None:
        self._check_units()
        self._check_decrease_wait()
        self._check_new_contract()
        for sku, price in self.prices.items():
            if not _PRICE.fullmatch(price):
                raise ValueError(
                    f"the price of {sku} must be an amount of up to four decimals, as in 12.50, but is {price}"
                )

    def _check_units(self) -> None:
        for name in ("line_limit", "customer_day_limit", "partner_day_limit"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise ValueError(f"{name} must be 0 or more units, but is {limit}")
        for name in ("included", "minimum", "pooled_minimum"):
            for sku, units in getattr(self, name).items():
                if units < 0:
                    raise ValueError(f"{name} of {sku} must be 0 or more units, but is {units}")

    def _check_decrease_wait(self) -> None:
        if self.decrease_wait is not None and not 0 <= self.decrease_wait <= MINUTES_OF_A_DAY:
            raise ValueError(
                f"decrease_wait must be 0 to {MINUTES_OF_A_DAY} minutes, but is {self.decrease_wait}; "
                f"{MINUTES_OF_A_DAY} is until the end of the day"
            )

    def _check_new_contract(self) -> None:
        if self.contract_months not in (1, 3, 6, 12):
            raise ValueError(f"contract_months must be 1, 3, 6 or 12, but is {self.contract_months}")
        if self.contract_billing_day is not None and not 1 <= self.contract_billing_day <= 28:
            raise ValueError(
                f"contract_billing_day must be 1 to 28, which every month has, but is {self.contract_billing_day}"
            )
        if not 1 <= self.contract_length <= 120:
            raise ValueError(f"contract_length must be 1 to 120 months, but is {self.contract_length}")
        if not self.contract_name.strip():
            raise ValueError("contract_name must not be empty")

    def billable(self, sku: str, units: int) -> int:
        """What is billed for Timus's quantity: without the included units, but at least the minimum while there is any unit."""
        if sku in self.excluded or units <= 0:
            return 0
        return max(units - self.included.get(sku, 0), self.minimum.get(sku, 0))

    def approval(self, delta: int) -> Approval:
        """The rule for a change of this direction."""
        return self.approve_increases if delta > 0 else self.approve_decreases

    def effective_day(self, delta: int) -> EffectiveDay:
        """The dating rule for a change of this direction."""
        return self.increases if delta > 0 else self.decreases


def strictest(own: Sequence[Policy], partner: Policy) -> Policy:
    """The terms of a line that several customers share: of each term the strictest of theirs.

    A smaller limit and a longer wait are stricter. So is a pause, an approval that is asked for, and what leaves a posted period or an
    adjusted day alone. Where there is no such order (``drift``, ``renewal``) and they differ, it is the value that asks a person. How a
    contract is opened is the partner's affair. What is billed for a customer's units, and from which day, is decided on its own terms
    before units come together.
    """
    if own and all(policy == own[0] for policy in own):
        return own[0]
    every = own or (partner,)
    chosen = {
        name: choose([getattr(policy, name) for policy in every]) for name, choose in _OF_A_LINE.items()
    }
    return replace(partner, **chosen, paused=partner.paused or any(policy.paused for policy in every))


def whose_are_strictest(own: Mapping[str, Policy], partner: Policy) -> dict[str, tuple[str, ...]]:
    """By term of a line in which the customers who share it differ: those whose value counts; nobody where it is none of theirs."""
    together = strictest([*own.values()], partner)
    return {
        name: tuple(
            sorted(one for one, policy in own.items() if getattr(policy, name) == getattr(together, name))
        )
        for name in (*_OF_A_LINE, "paused")
        if len({getattr(policy, name) for policy in own.values()}) > 1
    }


def _strictest_approval(every: Sequence[Approval]) -> Approval:
    return Approval(
        _least(approval.above_units for approval in every),
        _least(approval.above_percent for approval in every),
    )


def _least(limits: Iterable[int | None]) -> int | None:
    """The smallest limit; None: there is none."""
    return min((limit for limit in limits if limit is not None), default=None)


def _agreed(otherwise: StrEnum, values: Sequence[StrEnum]) -> StrEnum:
    """What all say, if all say the same."""
    return values[0] if all(value is values[0] for value in values) else otherwise


def _first_of(order: Sequence[StrEnum], values: Sequence[StrEnum]) -> StrEnum:
    """The first in an order that anybody says."""
    return min(values, key=order.index)


def _longest(waits: Sequence[int | None]) -> int | None:
    """The longest wait; None: there is none."""
    return max(wait or 0 for wait in waits) or None


_OF_A_LINE: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "approve_increases": _strictest_approval,
    "approve_decreases": _strictest_approval,
    "approve_new_lines": any,
    "posted_period": partial(
        _first_of, [PostedPeriod.HOLD, PostedPeriod.NEXT_OPEN_DAY, PostedPeriod.SAME_DAY]
    ),
    "same_day": partial(_first_of, [SameDay.NEXT_FREE_DAY, SameDay.ATTEMPT]),
    "drift": partial(_agreed, OnDrift.PARK),
    "renewal": partial(_agreed, Renewal.OFF),
    "decrease_wait": _longest,
    "line_limit": _least,
    "customer_day_limit": _least,
}
"""The terms that are decided on a line as a whole, and which of several values is the strictest."""


def shortfall(
    pooled_minimum: Mapping[str, int], used: Mapping[str, int]
) -> Mapping[str, tuple[int, int, int]]:
    """(minimum, used, missing) by SKU. The missing units are what the partner pays to Timus although no customer has them.

    ``used`` are Timus's quantities of all customers together. What is missing belongs to no client and is never billed to one.
    """
    return {
        sku: (least, used.get(sku, 0), max(least - used.get(sku, 0), 0))
        for sku, least in sorted(pooled_minimum.items())
    }
