"""A client who is mapped late: from which day the earlier seats are billed, with what each choice comes to.

The choice becomes the first day of the mapping, so nothing else has to know of it: before its first day a mapping says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any, cast

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.mapping import days_on
from timus_autotask.domain.past_days import WhyPast
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Progress, or_not_done, rehearse
from timus_autotask.operate.refusal import Doubt, NotDone, Way
from timus_autotask.operate.stage import rehearse_go_live
from timus_autotask.ports.psa import Psa
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.forms import estimate_form
from timus_autotask.watch.money import NOTHING, Estimate
from timus_autotask.watch.preview import LinePreview, Preview


class BillFrom(StrEnum):
    """From which day a client who is mapped late is billed."""

    TODAY = "today"
    OPEN_DAY = "open-day"
    """The first day after the periods that are approved and posted."""
    OWN_DAY = "own-day"
    """Each seat from its own day, by dated adjustments; days that are posted are left to a person."""

    @property
    def label(self) -> str:
        """For people."""
        return {"today": "today", "open-day": "the first open day", "own-day": "its own day"}[self]


@dataclass(frozen=True, slots=True)
class LateStart:
    """What one of them comes to. Money is an estimate."""

    bill_from: BillFrom
    first_day: date | None
    """Of the mapping; None: always."""
    day: date
    """The first day that is billed."""
    units: int
    """By how much the units of today change."""
    seat_days: int
    """Units × days before today that it bills, on top of what Autotask bills already."""
    not_billed: int
    """Units × days before today that stay unbilled."""
    estimate: Estimate
    left: tuple[str, ...] = ()
    """Posted days that are left to a person."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "bill_from": self.bill_from.value,
            "first_day": self.first_day,
            "day": self.day,
            "units": self.units,
            "seat_days": self.seat_days,
            "seat_days_not_billed": self.not_billed,
            "estimate": estimate_form(self.estimate),
            "left_to_a_person": [*self.left],
        }


@dataclass(frozen=True, slots=True)
class Late:
    """A customer whose seats begin before the mapping."""

    customer: str
    since: date
    """The first day that Timus reports."""
    choices: tuple[LateStart, ...]
    chosen: BillFrom = BillFrom.OWN_DAY
    said: bool = False
    """Whether somebody has chosen; otherwise it is the default."""

    def with_choice(self, bill_from: BillFrom | None) -> Late:
        """The same with what somebody has chosen; None: nobody has."""
        return replace(self, chosen=bill_from or BillFrom.OWN_DAY, said=bill_from is not None)

    def first_day(self, bill_from: BillFrom) -> date | None:
        """Of the mapping, with a choice."""
        return next(one.first_day for one in self.choices if one.bill_from is bill_from)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customer": self.customer,
            "since": self.since,
            "chosen": self.chosen.value,
            "choices": [one.to_json() for one in self.choices],
        }


def first_day_of(
    bill_from: BillFrom | None, late_one: Late | None, today: date, *, unchecked: bool
) -> date | None:
    """The first day of a mapping (None: always), whether its customer is late or not.

    Raises :class:`NotDone` for the first open day, if Autotask was not asked.
    """
    if unchecked and bill_from is BillFrom.OPEN_DAY:
        raise NotDone("Only Autotask knows which day is open. Nothing was written.", Way.ASK_AUTOTASK)
    if late_one is not None:
        return late_one.first_day(bill_from or BillFrom.OWN_DAY)
    return today if bill_from is BillFrom.TODAY else None


FirstDays = Mapping[str, date | None]
"""Of the mappings of customers; who is missing has None: always."""


def may_be_late(records: CustomerRecords, today: date) -> bool:
    """Whether Timus reports seats before today of a customer who has no contract yet."""
    mapped = records.mapping is not None and records.mapping.value.routings
    return not mapped and any(day < today for day in _first_days(records).values())


def others_billed_later(
    deployment: Deployment, records: CustomerRecords, contract_id: int, since: date | None
) -> Iterator[Doubt]:
    """Whom a contract bills from a later day on than this customer, although they had seats before: what it has until then is compared.

    Until a customer's mapping holds, nothing says which of the units on the contract are his, so they would count as too many.
    """
    begins = max(since or date.min, min(_first_days(records).values(), default=date.max))
    for other in deployment.store.contract_state(contract_id).value.customers:
        there = deployment.store.customer(other)
        days = days_on(there.mapping.value.routings, contract_id) if there.mapping else Timeline()
        first = next((day for day, on in days.steps if on), date.min)
        reported = min(_first_days(there).values(), default=date.max)
        if other != records.id and begins < first and reported < first:
            yield Doubt(
                f"Contract {contract_id} bills {other} from {first} on only, and {records.id} from {begins}: what {other} has there before "
                f"{first} would count as too many, and may be taken off.",
                (Way.LEAVE_ALONE,),
                first,
            )


def late(
    deployment: Deployment,
    customers: Iterable[CustomerRecords],
    act: Callable[[Ports, FirstDays], object],
    on_progress: Progress,
) -> dict[str, Late]:
    """What each choice comes to, by customer; only those for whom it makes a difference.

    ``act`` maps the customers, with first days. Each choice is rehearsed as if the customers were live, and Autotask is read once for
    all of them. Raises ``NotDone`` where it cannot be shown.
    """
    known = {one.id: _first_days(one) for one in customers}
    if not known:
        return {}
    autotask = cache(lambda: cast("Psa", _Remembered(deployment.ports.autotask())))
    once = replace(deployment, ports=replace(deployment.ports, autotask=autotask))

    def preview_from(days: FirstDays) -> Preview:
        def rehearsal(ports: Ports) -> None:
            act(ports, days)
            rehearse_go_live(ports, deployment, sorted(known))

        with or_not_done():
            return rehearse(once, rehearsal, on_progress, money=True).preview

    own = preview_from({})
    lacking = {
        id_: [_lacking(line, days, deployment.today) for line in _lines(own, id_)]
        for id_, days in known.items()
    }
    behind = {id_: days for id_, days in known.items() if any(units.steps for units in lacking[id_])}
    if not behind:
        return {}
    opened = {id_: _open_day(own, id_, min(days.values())) for id_, days in behind.items()}
    today = dict.fromkeys(behind, deployment.today)
    previews = {BillFrom.OWN_DAY: own, BillFrom.OPEN_DAY: own, BillFrom.TODAY: preview_from(today)}
    if any(opened.values()):
        previews[BillFrom.OPEN_DAY] = preview_from(opened)
    first_days: Mapping[BillFrom, FirstDays] = {BillFrom.OPEN_DAY: opened, BillFrom.TODAY: today}
    return {
        id_: Late(
            id_,
            min(days.values()),
            tuple(
                _choice(
                    one,
                    first_days.get(one, {}).get(id_),
                    previews[one],
                    id_,
                    min(days.values()),
                    sum(_days_of(units, deployment.today) for units in lacking[id_]),
                    deployment.today,
                )
                for one in BillFrom
            ),
        )
        for id_, days in behind.items()
    }


def _first_days(records: CustomerRecords) -> dict[str, date]:
    """By SKU, the first day on which Timus reports it."""
    found: dict[str, date] = {}
    for stored in records.subscriptions.values():
        for version in stored.value.versions:
            for sku, _ in version.items:
                found[sku] = min(found.get(sku, version.day), version.day)
    return found


def _lines(preview: Preview, customer: str) -> list[LinePreview]:
    return [
        line
        for contract in preview.contracts
        for line in contract.lines
        if any(source == customer for source, _ in line.sources)
    ]


def _lacking(line: LinePreview, first: Mapping[str, date], today: date) -> Timeline:
    """The units that Autotask has too few (negative: too many) of a line, from the customer's first day until yesterday."""
    start = min((first[sku] for _, sku in line.sources if sku in first), default=today)
    return line.desired_units.minus(line.observed_units).between(start, today - ONE_DAY)


def _days_of(units: Timeline, today: date) -> int:
    """Units × days before today."""
    return sum(
        units.at(day) * (until - day).days
        for day, until in pairwise((*(day for day in units.days if day < today), today))
    )


def _open_day(preview: Preview, customer: str, since: date) -> date | None:
    """The first day after what is posted of a customer's lines; None: nothing of his days is posted."""
    posted = [line.posted_until for line in _lines(preview, customer) if line.posted_until]
    day = max(posted) + ONE_DAY if posted else since
    return day if day > since else None


def _choice(
    bill_from: BillFrom,
    first_day: date | None,
    preview: Preview,
    customer: str,
    since: date,
    wanted: int,
    today: date,
) -> LateStart:
    lines = _lines(preview, customer)
    made = [one for line in lines for one in line.adjustments if one.day <= today]
    seat_days = sum(one.delta * (today - one.day).days for one in made)
    return LateStart(
        bill_from,
        first_day,
        first_day or since,
        sum(one.delta for one in made),
        seat_days,
        wanted - seat_days,
        sum((line.estimate for line in lines if line.estimate), NOTHING),
        tuple(
            one.message
            for line in lines
            for one in line.past_days
            if one.cause is WhyPast.PERIOD_POSTED and bill_from is BillFrom.OWN_DAY
        ),
    )


class _Remembered:
    """Autotask, each question ask once."""

    def __init__(self, autotask: Psa) -> None:
        self._autotask = autotask
        self._answers: dict[tuple[Any, ...], Any] = {}

    def __getattr__(self, name: str) -> Any:
        def ask(*arguments: Any) -> Any:
            given = [tuple(one) if isinstance(one, list) else one for one in arguments]
            key = (name, *given)
            if key not in self._answers:
                self._answers[key] = getattr(self._autotask, name)(*arguments)
            return self._answers[key]

        return ask
