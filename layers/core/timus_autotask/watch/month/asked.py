"""Who asked for a change of seats: which of the events that the journal keeps with an adjustment say something new for its day.

The journal keeps every event that a line had not followed before. Of a line that was level when it was found, those by which it has its units
are among them; so they are on another contract, to which seats were moved. An event counts only if what it says for the day of the
adjustment is another quantity than was known before, and if it is not what was billed already. Where seats only go on under another contract or
as another service, or other terms bill them otherwise, nobody asked for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise, takewhile

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import JournalEntry, Outcome, Why
from timus_autotask.domain.policy import Policy

_BEGINNING = datetime.min.replace(tzinfo=UTC)

Trials = Mapping[tuple[str, int, str], int]
"""Units in a trial, by subscription, number of its version, and SKU."""


class WhyNobodyAsked(StrEnum):
    """Why there is a change that nobody asked for, or a part of one; for people."""

    TERMS = "because the terms changed"
    CONTRACT = "because the seats go on under another contract"
    SERVICE = "because the seats go on as another service"
    BACK = "because what was undone before comes back with newer news"
    UNDONE = "because an earlier change was taken back"
    ENFORCED = "because somebody changed units in Autotask, and they are brought back"
    FOUND = "because the line had other units than Timus and the terms come to"


@dataclass(frozen=True, slots=True)
class Request:
    """An event that asked for a change, with what it says for the day of the change."""

    cause: Cause
    before: int
    """Timus's quantity on that day, as it was known before the event."""
    after: int
    """And by the event."""
    ends: date | None = None
    """The first day on which nothing is billed any more, if it is by then: it was cancelled."""
    trial: int = 0
    """Units that are in a trial by the event, which is not billed."""

    @property
    def more(self) -> int:
        """How many seats more it says."""
        return self.after - self.before

    @property
    def message(self) -> str:
        """For people: "10 → 0 SASE-ADV-USER, cancelled from 2026-04-20 on"."""
        said = f"{self.before} → {self.after} {self.cause.sku}"
        if self.ends:
            # On a plan that it had left, and that somebody put back, Timus has nothing to end.
            return f"{said if self.more else self.cause.sku}, cancelled from {self.ends} on"
        return f"{said}, {self.trial} in a trial, which is not billed" if self.trial else said


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Who asked for a change, and what of it nobody asked for."""

    by: tuple[Request, ...] = ()
    """In order of time."""
    because: tuple[WhyNobodyAsked, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.by and not self.because


@dataclass(frozen=True, slots=True)
class Going:
    """What of an adjustment only goes on elsewhere, or comes from there."""

    seats: int
    """As the adjustment counts them; negative: they go."""
    because: WhyNobodyAsked


def asked_of(
    entry: JournalEntry,
    going: Going | None,
    by_terms: Iterable[date],
    entries: Sequence[JournalEntry],
    trials: Trials,
) -> AskedFor:
    """Who asked for an adjustment. ``by_terms``: the days from which on other terms bill units otherwise; ``entries``: its line's journal."""
    seats = going.seats if going else 0
    found = asked_for(
        entry.causes,
        entry.day,
        entry.delta - seats,
        before=entry.units_before + seats,
        of_terms=is_of_terms(entry, by_terms),
        back=coming_back([entry], entries),
        enforced=entry.why is Why.ENFORCED,
    )
    undone = [WhyNobodyAsked.UNDONE] if entry.undoes else []
    because = (*undone, *([going.because] if going else []), *found.because)
    asked = AskedFor(found.by, because)
    if asked.is_empty:
        asked = AskedFor(said_before(entry, entries, entry.delta))
    if asked.is_empty and is_told(entry):
        asked = AskedFor(because=(WhyNobodyAsked.FOUND,))
    return replace(asked, by=with_trials(asked.by, trials))


def with_trials(requests: Iterable[Request], trials: Trials) -> tuple[Request, ...]:
    """With the units that are in a trial by each of them."""
    of = ((one, (one.cause.subscription_id, one.cause.number, one.cause.sku)) for one in requests)
    return tuple(replace(one, trial=trials.get(key, 0)) for one, key in of)


def trials_of(customer: Customer) -> Trials:
    """A customer's units in a trial."""
    return {
        (one.id, version.number, sku): units
        for one in customer.subscriptions
        for version in one.versions
        if version.status == "trial"
        for sku, units in version.items
    }


def events_of(entry: JournalEntry) -> tuple[str, ...]:
    """The ids of the events that asked for an adjustment; where the journal does not tell, of all that it keeps with it."""
    asked = asked_of(entry, None, (), (), {}).by
    return tuple(dict.fromkeys(one.cause.event_id for one in asked)) or entry.events


def is_told(entry: JournalEntry) -> bool:
    """Whether the journal tells what an adjustment follows from: entries of earlier versions name events, and not what these said."""
    return bool(entry.causes) or not entry.events


def said_before(
    entry: JournalEntry, entries: Iterable[JournalEntry], more: int, customer: str | None = None
) -> tuple[Request, ...]:
    """The events by which an adjustment without causes of its own has ``more`` seats from its day on; of one customer, or of any.

    An order for a later day and a cancellation stand with the first adjustment after them, which may be of an earlier day. ``entries``:
    its line's journal.
    """
    if entry.causes:
        return ()
    made = takewhile(lambda one: one.id != entry.id, entries)
    causes = {(one.subscription_id, one.number, one.sku): one for each in made for one in each.causes}
    of: dict[tuple[str, str], list[Cause]] = {}
    for one in sorted(causes.values(), key=_happened):
        of.setdefault((one.subscription_id, one.sku), []).append(one)
    found = [_turning(each, entry.follows_from) for each in of.values()]
    asked = [one for one in found if one and one.more and customer in (None, one.cause.customer_id)]
    return tuple(asked) if sum(one.more for one in asked) * more > 0 else ()


def _turning(causes: Sequence[Cause], day: date) -> Request | None:
    """The event that holds for a day, with what was there the day before; None: none of them does."""
    begun = [one for one in causes if one.day <= day]
    if not begun:
        return None
    eve = [one for one in begun if one.day < day]
    before = _on(eve[-1], day - ONE_DAY) if eve else begun[-1].before
    now = begun[-1]
    return Request(now, before, _on(now, day), now.ends if now.ends and now.ends <= day else None)


def _on(cause: Cause, day: date) -> int:
    return 0 if cause.ends is not None and cause.ends <= day else cause.after


def is_of_terms(entry: JournalEntry, by_terms: Iterable[date]) -> bool:
    """Whether other terms may have made an adjustment: it says so, or it is of the first day on which they hold."""
    due = entry.follows_from
    return entry.why is Why.TERMS or (entry.why is not Why.UNDONE and due in by_terms)


def coming_back(made: Iterable[JournalEntry], entries: Sequence[JournalEntry]) -> int:
    """How many seats were undone just before an adjustment, and may come back with it: newer news end an undo. ``entries``: its line's journal."""
    ids, seats = {one.id for one in made}, 0
    for one in entries:
        if one.id in ids:
            return seats
        if one.outcome is Outcome.LANDED:
            seats = seats - one.delta if one.undoes else 0
    return 0


def asked_for(
    causes: Iterable[Cause],
    day: date,
    more: int,
    *,
    before: int,
    of_terms: bool,
    back: int = 0,
    enforced: bool = False,
) -> AskedFor:
    """Who asked for ``more`` seats from a day on, where there were ``before``; and whether other terms, or the end of an undo, made it instead.

    The newest events that come to just that, or to it with what may come ``back``. If none do, terms are between: a minimum, free units.
    ``enforced``: it brings back what somebody changed in Autotask, and what is news follows with it.
    """
    in_turn = sorted(causes, key=_happened)
    told = [one for one in _told_for(in_turn, day) if one.more]
    if enforced:
        return AskedFor(tuple(one for one in told if one.cause.before), (WhyNobodyAsked.ENFORCED,))
    if not more:
        return AskedFor()
    newest = _newest_that_come_to(more, told)
    if not newest and back and (newest := _newest_that_come_to(more - back, told)):
        return AskedFor(tuple(newest), (WhyNobodyAsked.BACK,))
    newest = newest or _newest_that_come_to(more, [Request(one, one.before, one.after) for one in in_turn])
    if newest:
        return AskedFor(tuple(newest))
    if of_terms:
        return AskedFor(because=(WhyNobodyAsked.TERMS,))
    return (
        _what_was_undone(in_turn, day)
        if more == back
        else AskedFor(tuple(_with_terms_between(more, told, before)))
    )


def _what_was_undone(causes: Sequence[Cause], day: date) -> AskedFor:
    """Who asked for the end of an undo where no event says just these seats: whoever cancelled, or nobody."""
    ended = _ended_by(causes, day)
    return AskedFor(ended) if ended else AskedFor(because=(WhyNobodyAsked.BACK,))


def _ended_by(causes: Sequence[Cause], day: date) -> tuple[Request, ...]:
    """The cancellations by which a subscription has ended on a day. What was undone of it ends too, also on a plan that Timus says it had left."""
    newest = {one.subscription_id: one for one in causes}
    ended = {one.number for one in newest.values() if one.ends is not None and one.ends <= day}
    return tuple(one for one in _told_for(causes, day) if one.ends and one.cause.number in ended)


def _happened(cause: Cause) -> tuple[datetime, int]:
    return cause.occurred_at or cause.received_at or _BEGINNING, cause.number


def _with_terms_between(more: int, told: Sequence[Request], before: int) -> Sequence[Request]:
    """The events that lead to a change of which the terms make another number than they say."""
    quantity = sum(one.more for one in told)
    later = [one for one in told if one.cause.before and one.more * more > 0]
    if before and (later or quantity != before + more):
        return later  # what was said first was billed already
    return told


def _told_for(causes: Sequence[Cause], day: date) -> list[Request]:
    """Each event with what it says for a day, and what was known before it."""
    known: dict[tuple[str, str], int] = {}
    found: list[Request] = []
    for one in causes:
        of = one.subscription_id, one.sku
        before = known.get(of, one.before)
        over = one.ends is not None and one.ends <= day
        known[of] = 0 if over else one.after if one.day <= day else before
        found.append(Request(one, before, known[of], one.ends if over else None))
    return found


def _newest_that_come_to(more: int, told: Sequence[Request]) -> list[Request]:
    """As few as there can be; empty: none do."""
    seats = 0
    for number in range(len(told) - 1, -1, -1):
        seats += told[number].more
        if seats == more:
            return [*told[number:]]
    return []


def days_of_terms(earlier: Sequence[tuple[date, Policy]], policy: Policy) -> frozenset[date]:
    """The days from which on other terms bill units otherwise."""
    held = [*earlier, (date.max, policy)]
    return frozenset(until for (until, one), (_, other) in pairwise(held) if _billing(one) != _billing(other))


def _billing(policy: Policy) -> tuple[object, ...]:
    return policy.included, policy.minimum, policy.excluded, policy.increases, policy.decreases
