"""Until which day a contract bills each subscription, and what is at risk where one ends first, or has ended. Pure.

At risk is what is billed until then: by the terms, without what people undid or rejected, and with what they added in Autotask and is kept.
It may be more or less than the seats in Timus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import wanted_units
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, each_day
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Policy, Renewal
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.money import money_of_days, rounded
from timus_autotask.watch.month.books import rejected_units
from timus_autotask.watch.wording import counted

K = TypeVar("K")

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
    """The last day on which it is billed; before today, it has ended."""
    units: int
    """Of the subscription that are billed on this day, and not on the next one; of one that has ended, those that are not billed today."""
    seats: int
    """What it has in Timus on the day after; of one that has ended, today."""
    by_terms: bool
    """Whether a renewal, once Timus reports it, goes on billing by the terms."""
    renewal: str
    """What it would do, for people."""
    each_period: Decimal | None = None
    """What is not billed then, for each whole period, estimated; None: no price is known, or it is not billed on some days only."""
    back: date | None = None
    """The last of these days: from the next one on a contract bills it again, or it has no seats; None: nothing says when that is."""
    of_days: Decimal | None = None
    """What is not billed until ``back``, estimated; None: no price is known, or there is no such day."""

    @property
    def unbilled_from(self) -> date:
        """The first day on which no contract bills it."""
        return self.until + ONE_DAY

    @property
    def money(self) -> str:
        """What is not billed, for people; empty: no price is known."""
        if self.of_days is not None and self.back is not None:
            return f"about {self.of_days:,.2f} in all, until {self.back}"
        return "" if self.each_period is None else f"about {self.each_period:,.2f} each period"

    def within(self, today: date) -> int | None:
        """The nearest horizon that it is in; None: it is further off, or has ended."""
        left = (self.until - today).days
        return next((days for days in HORIZONS if 0 <= left <= days), None)


@dataclass(frozen=True, slots=True)
class Ends:
    """What no contract bills any more, or will bill soon; each the soonest first."""

    soon: tuple[Coverage, ...] = ()
    """Within the farthest horizon."""
    ended: tuple[Coverage, ...] = ()
    """With seats in Timus, and since some day on no contract."""


def subscriptions_of(these: Iterable[Coverage]) -> int:
    """How many subscriptions these are: one has a part for each of its SKUs."""
    return len({(one.customer, one.subscription) for one in these})


def within(these: Sequence[Coverage], today: date) -> str:
    """How many subscriptions end within so many days, the farthest first, for people."""
    near = [(one, days) for one in these if (days := one.within(today)) is not None]
    number = {most: subscriptions_of(one for one, days in near if days <= most) for most in HORIZONS}
    farthest, *nearer = reversed(HORIZONS)
    first = f"{counted(number[farthest], 'subscription')} within {farthest} days"
    return ", ".join([first, *(f"{number[days]} within {days} days" for days in nearer)])


def coverage(
    customers: Mapping[str, Customer],
    desired: Desired,
    contracts: Mapping[int, Contract],
    today: date,
    lines: Mapping[LineKey, Line],
    prices: Mapping[LineKey, Decimal | None] | None = None,
) -> Ends:
    """What no contract bills. ``prices`` are those of one unit and period, by line."""
    covered = _CoveredUnits(desired, contracts, today, lines, prices or {})
    found = [
        one
        for customer in customers.values()
        for subscription in customer.subscriptions
        for one in covered.of(customer, subscription)
    ]
    found.sort(key=lambda one: (one.until, one.customer, one.subscription, one.sku))
    return Ends(
        tuple(one for one in found if one.within(today) is not None),
        tuple(one for one in found if one.until < today),
    )


class _CoveredUnits:
    def __init__(
        self,
        desired: Desired,
        contracts: Mapping[int, Contract],
        today: date,
        lines: Mapping[LineKey, Line],
        prices: Mapping[LineKey, Decimal | None],
    ) -> None:
        self._desired = desired
        self._contracts = contracts
        self._today = today
        self._lines = lines
        self._prices = prices
        self._on: dict[tuple[str, str], dict[LineKey, Timeline]] = {}
        for key, demand in desired.demands.items():
            for source in demand.sources:
                on = self._on.setdefault((source.customer_id, source.sku), {})
                on[key] = on.get(key, NOTHING).plus(source.units)

    def of(self, customer: Customer, subscription: Subscription) -> Iterator[Coverage]:
        for sku in subscription.skus:
            quantity, on = subscription.quantity(sku), self._on.get((customer.id, sku), {})
            for last, key in _last_days(on, self._contracts, quantity, self._today):
                day = max(last, self._today)  # of what has ended, what is not billed now
                units = self._billed(customer, subscription, sku, key, day)
                price, back = self._prices.get(key), _back(on, self._contracts, quantity, last)
                if units:  # else it is billed no more already, as somebody decided
                    yield Coverage(
                        customer.id,
                        subscription.id,
                        sku,
                        key,
                        last,
                        units,
                        quantity.at(max(last + ONE_DAY, self._today)),
                        *_renewal(customer.policy, subscription, key.contract_id, last),
                        None if price is None or back else rounded(price * units),
                        back,
                        self._of_days(customer, subscription, sku, key, last, back) if back else None,
                    )

    def _of_days(
        self, customer: Customer, subscription: Subscription, sku: str, key: LineKey, last: date, back: date
    ) -> Decimal | None:
        """What the days after ``last`` come to, until ``back``."""
        days = [
            (day, self._billed(customer, subscription, sku, key, day))
            for day in each_day(last + ONE_DAY, back)
        ]
        return money_of_days(days, self._prices.get(key), self._contracts[key.contract_id].schedule)

    def _billed(
        self, customer: Customer, subscription: Subscription, sku: str, key: LineKey, day: date
    ) -> int:
        """What of a line's units is a subscription's: by what each SKU of each customer has on it, and then by their subscriptions."""
        demand = self._desired.demands[key]
        line = self._lines.get(key) or Line(key.contract_id, key.service_id)
        of_all = {(one.customer_id, one.sku): 0 for one in demand.sources}
        for one in demand.sources:
            of_all[one.customer_id, one.sku] += one.units.at(day)
        units = max(wanted_units(demand, line).at(day) - rejected_units(line).at(day), 0)
        own = _shared(units, of_all)[customer.id, sku]
        seats = {one.id: one.quantity(sku).at(day) for one in customer.subscriptions}
        return _shared(own, seats)[subscription.id]


def _shared(units: int, among: Mapping[K, int]) -> Mapping[K, int]:
    """Whole units, shared in proportion; what is left over goes to those with the largest parts of a unit, in order."""
    whole = sum(among.values())
    if not whole:
        return dict.fromkeys(among, 0)
    found = {one: units * part // whole for one, part in among.items()}
    for one in sorted(among, key=lambda one: -(units * among[one] % whole))[: units - sum(found.values())]:
        found[one] += 1
    return found


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


def _back(
    on: Mapping[LineKey, Timeline], contracts: Mapping[int, Contract], quantity: Timeline, last: date
) -> date | None:
    """The last day after ``last`` on which no contract bills the subscription; None: nothing says when that is."""
    turns = {*quantity.days, *(day for units in on.values() for day in units.days)}
    turns |= {contracts[key.contract_id].start for key in on if key.contract_id in contracts}
    for day in sorted(day for day in turns if day > last + ONE_DAY):
        billed = any(
            units.at(day) and _covers(contracts.get(key.contract_id), day) for key, units in on.items()
        )
        if billed or not quantity.at(day):
            return day - ONE_DAY
    return None


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
    by_hand = f"if it is not renewed, extend contract {contract_id} in Autotask."
    if policy.renewal is Renewal.EXTEND:
        return (
            True,
            f"{when}, contract {contract_id} is extended to the end of the new term (renewal=extend); {by_hand}",
        )
    if policy.renewal is Renewal.NEW_CONTRACT:
        opened = f"a new contract is opened from {last + ONE_DAY} on (renewal=new-contract)"
        return True, f"{when}, {opened}; {by_hand}"
    return (
        False,
        f"The terms do nothing (renewal=off): extend or renew contract {contract_id} in Autotask.",
    )
