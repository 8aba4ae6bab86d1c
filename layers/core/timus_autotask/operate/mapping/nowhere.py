"""Seats that a mapping would take off every contract, and days before a first mapping that nobody bills.

The preview of a day to come shows only what leaves a line. That it comes to no other one has to be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import desired
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import Doubt, Note, Way
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.reading import Unreadable
from timus_autotask.sync.gather import customer_from
from timus_autotask.watch.nowhere import Stretch, sent_nowhere, stretches, takes_everything
from timus_autotask.watch.wording import counted


@dataclass(frozen=True, slots=True)
class SentNowhere:
    """What should be known of a changed mapping."""

    doubts: tuple[Doubt, ...] = ()
    """Units that are taken off every contract."""
    notes: tuple[Note, ...] = ()
    """Units that a first mapping leaves where they were: on none."""


def sent_to_none(
    deployment: Deployment, records: CustomerRecords, after: CustomerMapping, *, chosen: bool
) -> SentNowhere:
    """What a customer's mapping would send to no contract.

    ``chosen``: from when a client who is mapped late is billed was asked, with what stays unbilled, so nothing more is said of that.
    """
    before = records.mapping.value if records.mapping else CustomerMapping(records.id, ())
    skus = {sku for stored in records.subscriptions.values() for sku in stored.value.skus}
    doubtful = sorted(sku for sku in skus if not takes_everything(after, sku))
    if not doubtful or not after.routings:
        return SentNowhere()
    try:
        plans, billed = _to_bill(deployment, records, after)
    except Unreadable:
        return SentNowhere()  # the preview says that nothing can be done for it
    lost: list[Stretch] = []
    left: list[Stretch] = []
    for sku in doubtful:
        then = sent_nowhere(after, plans, sku, billed[sku])
        was = sent_nowhere(before, plans, sku, billed[sku])
        lost += stretches(sku, _more(then, was))
        if not before.routings:
            left += _of_a_first_one(sku, then, after.first_day, deployment.today, chosen=chosen)
    notes = [Note(_left_words(records.id, one, after.first_day)) for one in left]
    return SentNowhere(
        tuple(_with_way([Doubt(_lost_words(records.id, one)) for one in lost])),
        (*notes[:-1], *(replace(one, ways=(Way.BILL_EARLIER,)) for one in notes[-1:])),
    )


def _to_bill(
    deployment: Deployment, records: CustomerRecords, after: CustomerMapping
) -> tuple[Mapping[str, PlanMapping], Mapping[str, Timeline]]:
    """The SKUs' services for everybody, and what the terms bill of each SKU by day."""
    partner = deployment.store.partner()
    plans = {sku: stored.value for sku, stored in partner.plans.items()}
    customer = replace(customer_from(records, partner.terms.value), mapping=after)
    states = deployment.each(deployment.store.contract_state, after.contract_ids)
    schedules = {
        one.value.contract_id: one.value.contract.schedule for one in states if one.value.contract is not None
    }
    found = desired([customer], plans, schedules, deployment.today).billed
    return plans, {sku: units for (_, sku), units in found.items()}


def _more(then: Timeline, was: Timeline) -> Timeline:
    """What goes nowhere and did not before."""
    return Timeline.sampled((*then.days, *was.days), lambda day: max(0, then.at(day) - was.at(day)))


def _of_a_first_one(
    sku: str, then: Timeline, first_day: date | None, today: date, *, chosen: bool
) -> Iterator[Stretch]:
    """What stays unbilled. What the workers can say of today, or of the first day, is in the preview itself."""
    begins = first_day or date.min
    if not chosen and begins > date.min:
        yield from stretches(sku, then.set_from(begins, 0))
    later = Timeline.sampled((*then.days, begins), lambda day: then.at(day) if day >= begins else 0)
    shown = max(today, begins)
    for one in stretches(sku, later):
        if not (one.first <= shown and (one.until is None or shown < one.until)):
            yield one


def _days(one: Stretch) -> str:
    return f"From {one.first} to {one.until - ONE_DAY}" if one.until else f"From {one.first} on"


def _lost_words(customer: str, one: Stretch) -> str:
    return (
        f"{_days(one)} customer {customer} has contracts, but none of them takes {counted(one.units, 'unit')} of {one.sku}: "
        f"{'it' if one.units == 1 else 'they'} would be billed nowhere."
    )


def _left_words(customer: str, one: Stretch, first_day: date | None) -> str:
    units = f"{counted(one.units, 'unit')} of {one.sku} of {customer}"
    are = "is" if one.units == 1 else "are"
    why = (
        f"its mapping holds only from {first_day} on"
        if first_day and one.first < first_day
        else "none of its contracts takes them"
    )
    return f"Note: {_days(one)} {units} {are} billed nowhere, because {why}."


def _with_way(doubts: Iterable[Doubt]) -> list[Doubt]:
    """How to do it otherwise stands behind the last one, for all of them."""
    found = [*doubts]
    return [*found[:-1], *(replace(one, ways=(Way.SEND_TOO,)) for one in found[-1:])]
