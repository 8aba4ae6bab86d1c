"""From which day a choice of a contract or a service holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from timus_autotask.domain.converge.gaps import open_day_of, taken_days
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import CustomerMapping, service_on
from timus_autotask.domain.terms import Terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.terms import policies_from


@dataclass(frozen=True, slots=True)
class FirstDay:
    """From when a choice holds: as said, or as follows from what is billed already."""

    given: date | None = None
    """None: always."""
    follows: bool = True
    """Nobody has said: today where units are billed by the present choice, else as long as that one."""

    def __str__(self) -> str:
        """As people write it."""
        return "" if self.follows else str(self.given or "always")


FOLLOWS = FirstDay()


def holds_from(
    deployment: Deployment,
    first_day: FirstDay,
    left: Iterable[tuple[Line, str, str]],
    customers: Iterable[CustomerRecords],
    since: date | None,
    present: Callable[[Line], bool],
) -> date | None:
    """When a choice holds from. ``since`` is the first day of the present one, ``present`` tells its lines.

    ``left`` are the lines that units leave for it, with whose (customer, SKU) they are. They cannot leave a line before the day on
    which they came to it, nor on the day on which a choice of that day brought them there: nothing would take them off again. A choice
    without a first day of its own also waits until the lines that are left can be adjusted, so that no seat is billed on both.
    """
    left, today = [*left], deployment.today
    known = {records.id: records for records in customers}
    partner = deployment.store.readable_partner() if left else PartnerRecords()
    billed = [
        (line, _may_leave_from(line, known.get(customer), sku, partner, today))
        for line, customer, sku in left
        if line.is_ours
    ]
    earliest = max((day for _, day in billed), default=None)
    if first_day.follows:
        if earliest is None or not any(present(line) for line, _ in billed):
            return since
        return max(today, earliest, *_free_days(left, known, partner, today))
    given = first_day.given
    if earliest and (given is None or given < earliest):
        raise NotDone(
            f"Units are billed elsewhere already, so they can move from {earliest} on at the earliest. Nothing was written.",
            Way.FROM_DAY,
            day=earliest,
        )
    return given


def _free_days(
    left: Iterable[tuple[Line, str, str]],
    known: Mapping[str, CustomerRecords],
    partner: PartnerRecords,
    today: date,
) -> Iterator[date]:
    """When each of the lines that bill something takes another adjustment."""
    for line, customer, _ in left:
        if _bills(line, today):
            yield _free_day(line, known.get(customer), partner, today)


def _may_leave_from(
    line: Line, records: CustomerRecords | None, sku: str, partner: PartnerRecords, today: date
) -> date:
    """The first day on which a customer's units of a SKU may leave a line."""
    if records is None:
        return today
    of = [stored.value for stored in records.subscriptions.values() if sku in stored.value.skus]
    reported = min((version.day for one in of for version in one.versions), default=today)
    came = _came(line, records.mapping.value, sku, partner, today) if records.mapping else None
    return reported if came is None else max(reported, came + ONE_DAY)


def _came(
    line: Line, mapping: CustomerMapping, sku: str, partner: PartnerRecords, today: date
) -> date | None:
    """The first day of the choice by which a SKU goes to a line today; None: always, or it does not go there."""
    plans = {each: stored.value for each, stored in partner.plans.items()}
    plan = plans.get(sku)
    first_days = [one.first_day for one in mapping.routings]
    first_days += [one.first_day for one in (*mapping.services.get(sku, ()), *(plan.choices if plan else ()))]
    turns = sorted({day or date.min for day in first_days})
    came: date | None = None
    there = False
    for day in turns:
        if day > today:
            break
        routes = mapping.routes(sku, day)
        goes = service_on(mapping, plans, sku, day) == line.service_id and any(
            route.contract_id == line.contract_id for route in routes
        )
        came = (came if there else day) if goes else None
        there = goes
    return None if came == date.min else came


def _bills(line: Line, day: date) -> bool:
    return bool(line.intent or (line.baseline and line.baseline.at(day)))


def _free_day(line: Line, records: CustomerRecords | None, partner: PartnerRecords, today: date) -> date:
    """The first day on which a line takes another adjustment of ours, as far as our own records tell."""
    own = records.terms.value if records and records.terms else Terms()
    policy, _ = policies_from(partner.terms.value, own)
    return open_day_of(taken_days(line, policy))(today) or today
