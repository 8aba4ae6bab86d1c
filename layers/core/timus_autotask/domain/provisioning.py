"""Opening a contract: for a customer who has a company and no contract, and for a renewed term.

Autotask would create the same contract twice if it were asked twice, so each one that we open carries a number of ours
(``contractNumber``, on the page "External Contract Number") by which it is found again. It is looked for before it is asked for,
and after an answer that cannot be trusted nothing is asked for until the request has surely landed or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .contract import Contract
from .customer import Customer
from .days import period_containing
from .policy import Policy, RenewalLink
from .reasons import Parked
from .timeline import NOTHING

ONE_DAY = timedelta(days=1)
LONGEST_NAME = 100
"""Characters of ``contractName``."""
RENEWAL_OF = "Renewal of "
"""How Autotask's own pages name the contract that renews another."""


@dataclass(frozen=True, slots=True)
class NewContract:
    """A contract that is to be opened."""

    number: str
    """Ours, and the same whenever it is asked for: one for each customer, one for each contract that is renewed."""
    company_id: int
    name: str
    start: date
    end: date
    """Inclusive."""
    months: int
    category: int | None = None
    organizational_level: int | None = None
    customer_id: str = ""
    """For whom it is opened; empty for a renewal, which is for all who are routed to the old contract."""
    renews: int | None = None
    """The contract whose renewed term it carries."""
    link: RenewalLink = RenewalLink.OFF


@dataclass(frozen=True, slots=True)
class Provisioning:
    """A contract that is being opened, until customers are routed to it."""

    wanted: NewContract
    lease: str | None = None
    """The random name of the worker that is at it."""
    lease_until: datetime | None = None
    settles_at: datetime | None = None
    """It was asked for: until then the request may still land, and nobody asks again."""
    accepted: bool = False
    """Autotask has said that it is there."""
    parked: Parked | None = None
    since: datetime | None = None
    """Since when it is parked for this reason."""


@dataclass(frozen=True, slots=True)
class NextAction:
    """What to do next about an opening. With nothing set: ask for the contract."""

    use: Contract | None = None
    parked: Parked | None = None
    wait_until: datetime | None = None


def first_contract(customer: Customer, today: date) -> NewContract | None:
    """The contract that a customer needs who has a company, no contract, and something to be billed.

    It begins on the first billed day, or on the billing day before it, and has whole lengths until today is within it.
    """
    mapping, policy = customer.mapping, customer.policy
    if mapping is None or mapping.company_id is None or mapping.routings:
        return None
    first = _first_billed_day(customer)
    if first is None:
        return None
    start = first
    if policy.contract_billing_day is not None:
        year_before = date(first.year - 1, first.month, policy.contract_billing_day)
        start, _ = period_containing(first, year_before, 1)
    _, end = period_containing(max(first, today), start, policy.contract_length)
    return NewContract(
        number=f"timus-{customer.id}",
        company_id=mapping.company_id,
        name=policy.contract_name.replace("{customer}", customer.name)[:LONGEST_NAME],
        start=start,
        end=end,
        months=policy.contract_months,
        category=policy.contract_category,
        organizational_level=policy.contract_organizational_level,
        customer_id=customer.id,
    )


def _first_billed_day(customer: Customer) -> date | None:
    days: list[date] = []
    for sku in {sku for subscription in customer.subscriptions for sku in subscription.skus}:
        quantity = NOTHING
        for subscription in customer.subscriptions:
            quantity = quantity.plus(subscription.quantity(sku))
        days += [day for day, units in quantity.steps if customer.policy_on(day).billable(sku, units)]
    return min(days, default=None)


def successor(contract: Contract, until: date, policy: Policy) -> NewContract:
    """The contract that carries a renewed term: from the day after the old one's end to the term's last day."""
    return NewContract(
        number=f"timus-renews-{contract.id}",
        company_id=contract.company_id,
        name=(RENEWAL_OF + contract.name.removeprefix(RENEWAL_OF))[:LONGEST_NAME],
        start=contract.end + ONE_DAY,
        end=until,
        months=contract.months,
        category=policy.contract_category,
        organizational_level=policy.contract_organizational_level,
        renews=contract.id,
        link=policy.renewal_link,
    )


def next_action(opening: Provisioning, found: Sequence[Contract], now: datetime) -> NextAction:
    """What follows from the contracts of the company that carry our number, as read now."""
    wanted = opening.wanted
    facts: dict[str, int | str] = {"number": wanted.number, "company": wanted.company_id}
    if len(found) > 1:
        contracts = ", ".join(str(contract.id) for contract in found)
        return NextAction(parked=Parked("opening-doubled", {**facts, "contracts": contracts}))
    if found:
        [contract] = found
        fitting = contract.company_id == wanted.company_id and contract.recurring and contract.active
        if fitting and (contract.start, contract.end, contract.months) == (
            wanted.start,
            wanted.end,
            wanted.months,
        ):
            return NextAction(use=contract)
        facts |= {"contract": contract.id, "start": wanted.start.isoformat(), "end": wanted.end.isoformat()}
        return NextAction(parked=Parked("opening-differs", facts))
    if opening.settles_at is not None and now < opening.settles_at:
        return NextAction(wait_until=opening.settles_at)
    if opening.accepted:
        return NextAction(parked=Parked("opening-unclear", facts))
    return NextAction()
