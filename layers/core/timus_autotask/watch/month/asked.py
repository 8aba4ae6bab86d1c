"""Who asked for a change of seats: which of the events that the journal keeps with an adjustment say something new for its day.

The journal keeps every event that a line had not followed before. Of a line that was level when it was found, those by which it has its units
are among them; so they are on another contract, to which seats were moved. An event counts only if what it says for the day of the
adjustment is another quantity than was known before, and if it is not what was billed already. Where seats only go on under another contract or
as another service, or other terms bill them otherwise, nobody asked for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise

from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import JournalEntry, Why
from timus_autotask.domain.policy import Policy

_BEGINNING = datetime.min.replace(tzinfo=UTC)

_Told = tuple[Cause, int]
"""An event, and how many seats more it says."""


class WhyNobodyAsked(StrEnum):
    """Why there is a change that nobody asked for, or a part of one; for people."""

    TERMS = "because the terms changed"
    CONTRACT = "because the seats go on under another contract"
    SERVICE = "because the seats go on as another service"


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Who asked for a change, and what of it nobody asked for."""

    by: tuple[Cause, ...] = ()
    """In order of time."""
    because: tuple[WhyNobodyAsked, ...] = ()


@dataclass(frozen=True, slots=True)
class Going:
    """What of an adjustment only goes on elsewhere, or comes from there."""

    seats: int
    """As the adjustment counts them; negative: they go."""
    because: WhyNobodyAsked


def asked_of(entry: JournalEntry, going: Going | None, by_terms: Iterable[date]) -> AskedFor:
    """Who asked for an adjustment. ``by_terms``: the days from which on other terms bill units otherwise."""
    seats = going.seats if going else 0
    because = [going.because] if going else []
    found, of_terms = asked_for(
        entry.causes,
        entry.day,
        entry.delta - seats,
        before=entry.units_before + seats,
        of_terms=is_of_terms(entry, by_terms),
    )
    return AskedFor(tuple(found), (*because, *([WhyNobodyAsked.TERMS] if of_terms else [])))


def is_of_terms(entry: JournalEntry, by_terms: Iterable[date]) -> bool:
    """Whether other terms may have made an adjustment: it says so, or it is of the first day on which they hold."""
    due = entry.follows_from
    return entry.why is Why.TERMS or (entry.why is not Why.UNDONE and due in by_terms)


def asked_for(
    causes: Iterable[Cause], day: date, more: int, *, before: int, of_terms: bool
) -> tuple[list[Cause], bool]:
    """The events that asked for ``more`` seats from a day on, where there were ``before``; and whether other terms made it instead.

    The newest ones that come to just that. If none do, terms are between: a minimum, free units.
    """
    if not more:
        return [], False
    in_turn = sorted(causes, key=lambda one: (one.occurred_at or one.received_at or _BEGINNING, one.number))
    told = [(cause, units) for cause, units in _told_for(in_turn, day) if units]
    newest = _newest_that_come_to(more, told)
    newest = newest or _newest_that_come_to(more, [(one, one.after - one.before) for one in in_turn])
    if newest or of_terms:
        return newest, not newest
    return _with_terms_between(more, told, before), False


def _with_terms_between(more: int, told: Sequence[_Told], before: int) -> list[Cause]:
    """The events that lead to a change of which the terms make another number than they say."""
    quantity = sum(units for _, units in told)
    later = [one for one in told if one[0].before and one[1] * more > 0]
    if before and (later or quantity != before + more):
        told = later  # what was said first was billed already
    return [cause for cause, _ in told]


def _told_for(causes: Sequence[Cause], day: date) -> list[_Told]:
    """Each event with how many seats more it says for a day than were known before it."""
    known: dict[tuple[str, str], int] = {}
    found: list[_Told] = []
    for one in causes:
        of = one.subscription_id, one.sku
        before = known.get(of, one.before)
        over = one.ends is not None and one.ends <= day
        known[of] = 0 if over else one.after if one.day <= day else before
        found.append((one, known[of] - before))
    return found


def _newest_that_come_to(more: int, told: Sequence[_Told]) -> list[Cause]:
    """As few as there can be; empty: none do."""
    seats = 0
    for number in range(len(told) - 1, -1, -1):
        seats += told[number][1]
        if seats == more:
            return [cause for cause, _ in told[number:]]
    return []


def days_of_terms(earlier: Sequence[tuple[date, Policy]], policy: Policy) -> frozenset[date]:
    """The days from which on other terms bill units otherwise."""
    held = [*earlier, (date.max, policy)]
    return frozenset(until for (until, one), (_, other) in pairwise(held) if _billing(one) != _billing(other))


def _billing(policy: Policy) -> tuple[object, ...]:
    return policy.included, policy.minimum, policy.excluded, policy.increases, policy.decreases
