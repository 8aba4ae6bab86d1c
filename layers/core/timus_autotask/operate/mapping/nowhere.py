"""Seats that a mapping would take off every contract, and days before a first mapping that nobody bills.

The preview of a day to come shows only what leaves a line. That it comes to no other one has to be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import desired
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import Doubt, Note, Way
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.reading import Unreadable
from timus_autotask.sync.gather import customer_from
from timus_autotask.watch.nowhere import Stretch, sent_nowhere, stretches, takes_everything
from timus_autotask.watch.wording import counted

Said = TypeVar("Said", Doubt, Note)


@dataclass(frozen=True, slots=True)
class SentNowhere:
    """What should be known of a changed mapping."""

    doubts: tuple[Doubt, ...] = ()
    """Units that are taken off every contract."""
    notes: tuple[Note, ...] = ()
    """Units that a first mapping leaves where they were: on none."""


def sent_to_none(
    deployment: Deployment,
    read_partner: Callable[[], PartnerRecords],
    records: CustomerRecords,
    after: CustomerMapping,
    *,
    chosen: bool,
) -> SentNowhere:
    """What a customer's mapping would send to no contract. The partner's records are read only where that is in question.

    ``chosen``: from when a client who is mapped late is billed was asked, with what stays unbilled, so nothing more is said of that.
    """
    before = records.known_mapping
    skus = {sku for stored in records.subscriptions.values() for sku in stored.value.skus}
    doubtful = sorted(sku for sku in skus if not takes_everything(after, sku))
    if not doubtful or not after.routings:
        return SentNowhere()
    try:
        partner = read_partner()
        billed = _to_bill(deployment, partner, records, after)
    except Unreadable:
        return SentNowhere()  # the preview says that nothing can be done for it
    plans = partner.plan_mappings
    lost: list[Stretch] = []
    left: list[Stretch] = []
    for sku in doubtful:
        then = sent_nowhere(after, plans, sku, billed[sku])
        if before.routings:
            lost += stretches(sku, _more(then, sent_nowhere(before, plans, sku, billed[sku])))
        else:
            ends, rest = _of_a_first_one(sku, then, after, deployment.today, chosen=chosen)
            lost += ends
            left += rest
    return _in_words(records.id, lost, left, after.first_day or date.min)


def _to_bill(
    deployment: Deployment, partner: PartnerRecords, records: CustomerRecords, after: CustomerMapping
) -> Mapping[str, Timeline]:
    """What the terms bill of each SKU by day."""
    customer = replace(customer_from(records, partner.terms.value), mapping=after)
    states = deployment.each(deployment.store.contract_state, after.contract_ids)
    schedules = {
        one.value.contract_id: one.value.contract.schedule for one in states if one.value.contract is not None
    }
    found = desired([customer], partner.plan_mappings, schedules, deployment.today).billed
    return {sku: units for (_, sku), units in found.items()}


def _more(then: Timeline, was: Timeline) -> Timeline:
    """What goes nowhere and did not before."""
    return Timeline.sampled((*then.days, *was.days), lambda day: max(0, then.at(day) - was.at(day)))


def _of_a_first_one(
    sku: str, then: Timeline, after: CustomerMapping, today: date, *, chosen: bool
) -> tuple[list[Stretch], list[Stretch]]:
    """What has a contract by a first mapping and loses it with a later choice; and what stays unbilled.

    What the workers can say of today, or of the first day, is in the preview itself.
    """
    begins = after.first_day or date.min
    holding = Timeline.sampled((*then.days, begins), lambda day: then.at(day) if day >= begins else 0)
    turns = {routing.first_day for routing in after.routings[1:]}
    whole = [*stretches(sku, holding)]
    lost = [one for one in whole if one.first in turns]
    early = [] if chosen or begins == date.min else [*stretches(sku, then.set_from(begins, 0))]
    never = [one for one in whole if one not in lost and not one.has(max(today, begins))]
    return lost, [*early, *never]


def _in_words(customer: str, lost: Sequence[Stretch], left: Sequence[Stretch], begins: date) -> SentNowhere:
    early = [Note(_early_words(customer, one, begins)) for one in left if one.first < begins]
    never = [Note(_never_words(customer, one)) for one in left if one.first >= begins]
    doubts = [Doubt(_lost_words(customer, one)) for one in lost]
    return SentNowhere(
        _with_way(doubts, Way.SEND_TOO),
        (*_with_way(early, Way.BILL_EARLIER), *_with_way(never, Way.SEND_TOO)),
    )


def _days(one: Stretch) -> str:
    return f"From {one.first} to {one.until - ONE_DAY}" if one.until else f"From {one.first} on"


def _lost_words(customer: str, one: Stretch) -> str:
    return (
        f"{_days(one)} customer {customer} has contracts, but none of them takes {counted(one.units, 'unit')} of {one.sku}: "
        f"{'it' if one.units == 1 else 'they'} would be billed nowhere."
    )


def _early_words(customer: str, one: Stretch, begins: date) -> str:
    return f"{_left_words(customer, one)}, because its mapping holds only from {begins} on."


def _never_words(customer: str, one: Stretch) -> str:
    return f"{_left_words(customer, one)}, because none of its contracts takes {'it' if one.units == 1 else 'them'}."


def _left_words(customer: str, one: Stretch) -> str:
    are = "is" if one.units == 1 else "are"
    return f"Note: {_days(one)} {counted(one.units, 'unit')} of {one.sku} of {customer} {are} billed nowhere"


def _with_way(said: Sequence[Said], way: Way) -> tuple[Said, ...]:
    """How to do it otherwise stands behind the last one, for all of them."""
    last = len(said) - 1
    return tuple(replace(one, ways=(way,)) if at == last else one for at, one in enumerate(said))
