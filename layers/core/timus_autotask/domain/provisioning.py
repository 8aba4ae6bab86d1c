"""Opening a contract: for a customer who has a company and no contract, and for a renewed term.

If Autotask is asked twice, it creates the contract twice. So each contract that we open has a number of ours (on Autotask's
page "External Contract Number") by which it is found again. We look for it before we ask for it. After an answer that
cannot be trusted we do not ask again before the first request has landed or can land no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from .contract import Contract
from .customer import Customer
from .days import ONE_DAY, period_containing
from .policy import Policy, RenewalLink
from .reasons import Parked

LONGEST_NAME = 100
"""Characters that Autotask takes for a contract's name."""
RENEWAL_OF = "Renewal of "
"""How Autotask's own pages name the contract that renews another."""


@dataclass(frozen=True, slots=True)
class NewContract:
    """A contract that is to be opened."""

    number: str
    """Our number for it, always the same: one for each customer, and one for each contract that is renewed."""
    company_id: int
    name: str
    start: date
    end: date
    """Inclusive."""
    months: int
    category: int | None = None
    organizational_level: int | None = None
    customer_id: str = ""
    """The customer for whom it is opened; empty for a renewal, which is for all customers of the old contract."""
    renews: int | None = None
    """The contract that it follows."""
    link: RenewalLink = RenewalLink.OFF


@dataclass(frozen=True, slots=True)
class Provisioning:
    """A contract that is being opened, until customers are routed to it."""

    wanted: NewContract
    lease: str | None = None
    """The random name of the worker that works on it."""
    lease_until: datetime | None = None
    settles_at: datetime | None = None
    """Autotask was asked for it. Until then that request may still land, and nobody asks again."""
    accepted: bool = False
    """Autotask has answered that it created the contract."""
    parked: Parked | None = None
    since: datetime | None = None
    """The time from which on it is parked for this reason."""


@dataclass(frozen=True, slots=True)
class NextAction:
    """What to do next: use a contract, park, wait, or (with nothing set) ask Autotask for the contract."""

    use: Contract | None = None
    parked: Parked | None = None
    wait_until: datetime | None = None


def first_contract(customer: Customer, today: date) -> NewContract | None:
    """The contract that a customer with a company needs; None if there is one already or nothing is billed.

    It begins on the first billed day, or on the billing day before it. It ends after one length, or after as many lengths as it takes
    to include today.
    """
    mapping, policy = customer.mapping, customer.policy
    if mapping is None or mapping.company_id is None or mapping.routings or mapping.ignored:
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
    billed = (
        day
        for sku in customer.skus
        for day, units in customer.quantity(sku).steps
        if customer.policy_on(day).billable(sku, units)
    )
    return min(billed, default=None)


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


def next_action(provisioning: Provisioning, found: Sequence[Contract], now: datetime) -> NextAction:
    """What follows from the contracts of the company that have our number, as read now."""
    wanted = provisioning.wanted
    facts: dict[str, int | str] = {"number": wanted.number, "company": wanted.company_id}
    if len(found) > 1:
        contracts = ", ".join(str(contract.id) for contract in found)
        return NextAction(parked=Parked("opening-doubled", {**facts, "contracts": contracts}))
    if found:
        [contract] = found
        if _is_as_wanted(contract, wanted):
            return NextAction(use=contract)
        facts |= {"contract": contract.id, "start": wanted.start.isoformat(), "end": wanted.end.isoformat()}
        return NextAction(parked=Parked("opening-differs", facts))
    if provisioning.settles_at is not None and now < provisioning.settles_at:
        return NextAction(wait_until=provisioning.settles_at)
    if provisioning.accepted:
        return NextAction(parked=Parked("opening-unclear", facts))
    return NextAction()


def _is_as_wanted(contract: Contract, wanted: NewContract) -> bool:
    """True if a contract can be used as the one that we wanted to open."""
    usable = contract.company_id == wanted.company_id and contract.recurring and contract.active
    dates = (contract.start, contract.end, contract.months)
    return usable and dates == (wanted.start, wanted.end, wanted.months)
