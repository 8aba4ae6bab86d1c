"""How seats went, by plan, and how long a change takes from its webhook to Autotask: numbers over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from timus_autotask.domain.history import Subscription
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.timeline import NOTHING, Timeline


def seats_by_sku(subscriptions: Iterable[Subscription]) -> Mapping[str, Timeline]:
    """What all customers together have in Timus, by SKU; the largest of today's first is up to whoever shows it."""
    found: dict[str, Timeline] = {}
    changes: dict[str, dict[date, int]] = {}
    for subscription in subscriptions:
        for sku in subscription.skus:
            of = changes.setdefault(sku, {})
            before = 0
            for day, units in subscription.quantity(sku).steps:
                of[day] = of.get(day, 0) + units - before
                before = units
    for sku, of in changes.items():
        units, steps = 0, []
        for day in sorted(of):
            units += of[day]
            steps.append((day, units))
        found[sku] = Timeline.of(steps) if steps else NOTHING
    return found


@dataclass(frozen=True, slots=True)
class Delays:
    """From the arrival of a webhook until its adjustment was read back in Autotask, of changes that nobody had to decide on."""

    count: int
    middle: timedelta | None = None
    """Of two in the middle the longer one; None: there is none."""
    slowest: timedelta | None = None


def delays(changes: Iterable[JournalEntry]) -> Delays:
    """Of adjustments that were made at once: dated no later than their newest webhook, approved by nobody, caused by no terms."""
    found = []
    for change in changes:
        arrived = max((cause.received_at for cause in change.causes if cause.received_at), default=None)
        if arrived is None or change.outcome is not Outcome.LANDED or change.why is not None:
            continue
        if change.day <= arrived.date() and change.settled_at >= arrived:
            found.append(change.settled_at - arrived)
    found.sort()
    return Delays(len(found), found[len(found) // 2], found[-1]) if found else Delays(0)
