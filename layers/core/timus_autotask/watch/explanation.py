"""Why Autotask rightly has other units than Timus: the terms, the mapping, what somebody added and we keep. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Demand, Source
from timus_autotask.domain.line import Undone
from timus_autotask.domain.mapping import LineKey, shares
from timus_autotask.domain.undone import without_undone

TERMS = ("excluded", "included", "minimum")
"""Codes of reasons that are terms, and called as these are."""
SUPERSEDED = "superseded"
"""Code of the reason that says what Timus had by an event that came too late to count."""
OF_THE_LINE = ("kept", "undone", "rejected", "past-changing")
"""Codes of reasons why a whole line has other units than all parts come to. Of one part they say nothing."""
NO_LINE = "no-line"
"""Code of the reason that units are to be billed and have no line."""
BEFORE_MAPPING = "before-mapping"
"""Code of the reason of days before the first one of the customer's mapping."""


@dataclass(frozen=True, slots=True)
class Because:
    """One reason, with the units that it adds (or takes off, if negative)."""

    code: str
    """``excluded``, ``included``, ``minimum``, ``other-line``, ``no-line``, ``other-day``, ``same-line``, ``undone``, ``kept``, ``rejected``,
    ``past-changing``, ``before-contract``, ``after-contract``, ``before-mapping``,
    ``superseded``, ``trial``."""
    units: int
    message: str


def explained(timus: int, autotask: int, because: tuple[Because, ...]) -> str:
    """In one sentence: "40 = 4 in Timus, +36 to the minimum of 40"."""
    return ", ".join((f"{autotask} = {timus} in Timus", *(one.message for one in because)))


def reasons_of_difference(
    demand: Demand,
    demands: Mapping[LineKey, Demand],
    customer: Customer,
    sku: str,
    numbers: tuple[int, int, int],
    today: date,
    *,
    before_contract: bool = False,
    undone: Sequence[Undone] = (),
    to_bill: int | None = None,
) -> tuple[Because, ...]:
    """Why a line has other units than a SKU of a customer has in Timus.

    ``numbers`` are Timus's units of the SKU that go to the line, those that the line should have, and those of Autotask. Timus's
    units and those of all reasons add up to Autotask's. ``before_contract``: today is before the contract's first day.
    ``undone``: what people took back of what was made. ``to_bill``: see :func:`reasons_of_part`.
    """
    timus, wanted, autotask = numbers
    found = [*reasons_of_part(demand, demands, customer, sku, timus, today, to_bill)]
    for one in demand.sources:
        if (one.customer_id, one.sku) != (customer.id, sku):
            units = one.units.at(today)
            found += _some("same-line", units, f"of {one.sku} of {one.customer_id} on the same line")
    taken_back = without_undone(demand, undone).at(today) - demand.units.at(today)
    found += by_undo(taken_back, undone)
    found += kept(wanted - taken_back - sum(one.units.at(today) for one in demand.sources))
    if before_contract:
        found += _some("before-contract", autotask - wanted, "before the contract begins")
    else:
        found += _some("past-changing", autotask - wanted, "that cannot be changed for today any more")
    return tuple(found)


def reasons_of_part(
    demand: Demand,
    demands: Mapping[LineKey, Demand],
    customer: Customer,
    sku: str,
    timus: int,
    day: date,
    to_bill: int | None = None,
) -> Iterator[Because]:
    """Why other units of a SKU of a customer are to be billed on a line than Timus has of it: ``timus`` and those of all reasons add up to them.

    ``to_bill``: what the terms bill of the SKU on the day, on all lines together and on none; None: it is not known, and all of it has a line.
    """
    own = [one for one in demand.sources if (one.customer_id, one.sku) == (customer.id, sku)]
    mine = sum(one.units.at(day) for one in own)
    yield from _trial(customer, sku, day)
    if mine == timus:
        return
    if is_before_mapping(customer, day):
        yield from _some(BEFORE_MAPPING, mine - timus, "before the first day of the mapping")
        return
    elsewhere = sum(one.units.at(day) for one in _elsewhere(demand, demands, customer, sku))
    nowhere = 0 if to_bill is None else to_bill - mine - elsewhere
    if timus:
        yield from _terms(customer, sku, timus, day)
        billed = customer.policy_on(day).billable(sku, timus)
        yield from _some("other-line", -elsewhere, "on another line")
        yield from _some(NO_LINE, -nowhere, _where_none_is(customer, sku, day, to_bill or 0))
        mine -= billed - elsewhere - nowhere
    yield from _some("other-day", mine, "by the days from which changes are billed")


def _where_none_is(customer: Customer, sku: str, day: date, units: int) -> str:
    """What units lack that have no line: a contract, or a service."""
    routes = customer.mapping.routes(sku, day) if customer.mapping else ()
    taken = sum(share for _, share in shares(routes, units))
    return "on no contract of the mapping" if taken < units else "on no line"


def superseded(units: int) -> Iterator[Because]:
    """Units that Timus had by a superseded event, beyond what counts. They are in none of the numbers."""
    if units:
        more = "more" if units > 0 else "fewer"
        yield Because(SUPERSEDED, 0, f"and {abs(units)} {more} in Timus by a superseded event")


def outside(contract: Contract, units: int, day: date) -> Iterator[Because]:
    """Units that nobody bills on a day that the contract does not have."""
    if day < contract.start:
        yield from _some("before-contract", -units, "before the contract begins")
    elif day > contract.end:
        yield from _some("after-contract", -units, "after the contract's last day")


def is_before_mapping(customer: Customer, day: date) -> bool:
    """Whether the customer's mapping says nothing of a day, as it counts from a later one on."""
    mapped = customer.mapping.first_day if customer.mapping else None
    return mapped is not None and day < mapped


def kept(units: int) -> Iterator[Because]:
    """What somebody's edit in Autotask has put on top, and what stays."""
    yield from _some("kept", units, "from an edit in Autotask that is kept")


def by_undo(units: int, undone: Sequence[Undone]) -> Iterator[Because]:
    """What people took back of what was made."""
    yield from _some("undone", units, f"undone by {', '.join(dict.fromkeys(one.by for one in undone))}")


def rejected(units: int, people: Iterable[str]) -> Iterator[Because]:
    """What somebody rejected, and what a day lacks by it."""
    yield from _some("rejected", units, f"rejected by {', '.join(dict.fromkeys(people))}")


def past_changing(units: int) -> Iterator[Because]:
    """What a day has too many or too few of (negative), and nobody can change any more."""
    yield from _some("past-changing", units, "on a day that cannot be changed any more")


def _some(code: str, units: int, message: str) -> Iterator[Because]:
    if units:
        yield Because(code, units, f"{units:+d} {message}")


def _terms(customer: Customer, sku: str, timus: int, today: date) -> Iterator[Because]:
    """What the terms make of Timus's units."""
    policy = customer.policy_on(today)
    billed = policy.billable(sku, timus)
    least = policy.minimum.get(sku, 0)
    if sku in policy.excluded:
        yield from _some("excluded", -timus, "excluded by the terms")
    elif billed == least and least > max(0, timus - policy.included.get(sku, 0)):
        yield from _some("minimum", billed - timus, f"to the minimum of {least}")
    else:
        yield from _some("included", billed - timus, "included for free")


def _elsewhere(
    demand: Demand, demands: Mapping[LineKey, Demand], customer: Customer, sku: str
) -> Iterator[Source]:
    """What other lines have of the same SKU of the customer."""
    for other in demands.values():
        if other.key != demand.key:
            yield from (one for one in other.sources if (one.customer_id, one.sku) == (customer.id, sku))


def _trial(customer: Customer, sku: str, today: date) -> Iterator[Because]:
    """Units that Timus has in a trial. They are in none of the numbers."""
    for subscription in customer.subscriptions:
        newest = next((one for one in reversed(subscription.versions) if one.day <= today), None)
        units = dict(newest.items).get(sku, 0) if newest and newest.status == "trial" else 0
        if units:
            yield Because("trial", 0, f"and {units} in a trial, which is not billed")
