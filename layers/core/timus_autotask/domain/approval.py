"""What an operator decides on a change that is held back: it goes exactly as it was shown, or it is set aside.

A line has such a change as ``Line.awaiting``. Store the line that comes back, and wake its contract in the same write: the
worker does the rest. A plan change is decided as a whole, on its held side: the other side waits with it.

A decision is about one change. It counts until Timus reports something newer for the line; then everything is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from .line import Approved, HeldChange, JournalEntry, Line, Outcome, Rejection, State, with_state
from .mapping import LineKey
from .reasons import REJECTED, Parked
from .timeline import NOTHING


class NothingAwaits(Exception):
    """The line has no change that could be approved or rejected; its state says why."""


def approve(line: Line, by: str) -> Line:
    """The line with its change approved by ``by``; if it was rejected, that is over. Raises ``NothingAwaits``."""
    change = _awaiting(line)
    approved = Approved(change.day, change.delta, by, change.price, change.versions)
    return replace(
        line,
        approved=(*line.approved, approved),
        rejections=tuple(one for one in line.rejections if one != change.rejection),
        set_aside=tuple(one for one in line.set_aside if one != change),
    )


def reject(line: Line, *, by: str, at: datetime, reason: str, entry_id: str) -> tuple[Line, JournalEntry]:
    """The line with its change set aside, and the journal entry to store with it.

    Raises ``NothingAwaits``, also when it was rejected already.

    ``by`` is who rejects it, ``reason`` is theirs, and ``entry_id`` a random name for the entry. The line is parked as
    ``rejected`` at once. The change comes back when Timus reports something newer than was known when it was shown, or when
    it is approved. Approvals that the line had are void.
    """
    change = _awaiting(line)
    if change.rejection is not None:
        raise NothingAwaits(f"the change of {line.key} was rejected already")
    rejection = Rejection(change.day, change.delta, by, at, reason, change.versions, change.price)
    aside = replace(change, rejection=rejection, day_limit=None)
    facts = line.parked.facts if line.parked else {}
    units = (line.known_units or NOTHING).at(change.day)
    scheduled = tuple(one for one in line.scheduled if one != (change.day, change.delta))
    entry = JournalEntry(
        id=entry_id,
        line=line.key,
        day=change.day,
        delta=change.delta,
        units_before=units,
        units_after=units,
        outcome=Outcome.REJECTED,
        opened_at=at,
        settled_at=at,
        sources=line.sources,
        message=reason,
        linked=tuple(other for day, other in line.linked if day == change.day),
        price=change.price,
        by=by,
        causes=line.awaiting_causes,
        found=line.unsaid,
    )
    rejected = replace(
        line,
        found=None,
        approved=(),
        rejections=(*line.rejections, rejection),
        awaiting=aside,
        set_aside=(*line.set_aside, aside),
        scheduled=scheduled,
        scheduled_price=line.scheduled_price if scheduled else None,
    )
    return with_state(rejected, State.PARKED, reason_of(aside, rejection, facts), at), entry


def is_newer(versions: Mapping[str, int], known: Mapping[str, int]) -> bool:
    """True if Timus has reported something newer than ``known``, by subscription; nothing is newer than what was never noted."""
    return bool(known) and any(
        number > known.get(subscription, 0) for subscription, number in versions.items()
    )


def is_approved(change: HeldChange, approved: Approved) -> bool:
    """True if this is what was approved: the day, the units and the price that were shown, and nothing newer from Timus since."""
    shown = (approved.day, approved.delta, approved.price)
    return shown == (change.day, change.delta, change.price) and not is_newer(
        change.versions, approved.versions
    )


def waiting_for_nobody(lines: Iterable[Line]) -> set[LineKey]:
    """The lines with nothing to do but what was rejected, and the other sides of rejected plan changes: a person has decided."""
    keys: set[LineKey] = set()
    for line in lines:
        if line.parked is not None and line.parked.code == REJECTED:
            keys.add(line.key)
        days = {change.day for change in line.set_aside}
        keys.update(other for day, other in line.linked if day in days)
    return keys


def reason_of(change: HeldChange, rejection: Rejection, of_line: Mapping[str, int | str]) -> Parked:
    """Who rejected what, when and why; and what approval would let go, where that is not just the same any more."""
    facts: dict[str, int | str] = {
        **of_line,
        **change_facts(HeldChange(rejection.day, rejection.delta, rejection.price)),
        "by": rejection.by or "Somebody",
        "on": f"{rejection.at:%Y-%m-%d %H:%M} UTC",
        "why": rejection.reason,
    }
    if (change.day, change.price) != (rejection.day, rejection.price):
        facts["by_now"] = change.day.isoformat()
        facts |= {"price_by_now": str(change.price)} if change.price else {}
    return Parked(REJECTED, facts)


def others_set_aside(line: Line, shown: Parked | None) -> tuple[str, ...]:
    """What was rejected on a line and is still lacking, for people; without the one that is its reason."""
    reasons = [reason_of(one, one.rejection, {}).message for one in line.set_aside if one.rejection]
    return tuple(reason for reason in reasons if shown is None or reason != shown.message)


def change_facts(change: HeldChange) -> dict[str, int | str]:
    """What would be changed, for the reason of the line."""
    facts: dict[str, int | str] = {"delta": change.delta, "day": change.day.isoformat()}
    return facts | ({"price": str(change.price)} if change.price else {})


def _awaiting(line: Line) -> HeldChange:
    if line.awaiting is None:
        raise NothingAwaits(f"no change of {line.key} awaits approval")
    return line.awaiting
