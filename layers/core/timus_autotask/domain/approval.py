"""What an operator decides on a change that is held back: it goes exactly as it was shown, or it is set aside.

A line has such a change as ``Line.awaiting``. Store the line that comes back, and wake its contract in the same write: the
worker does the rest. A plan change is decided as a whole, on its held side: the other side waits with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from .line import Approved, HeldChange, JournalEntry, Line, Outcome, Rejection, State, with_state
from .mapping import LineKey
from .reasons import Parked

REJECTED = "rejected"
"""The code of the reason with which a rejected line is parked."""


class NothingAwaits(Exception):
    """The line has no change that could be approved or rejected; its state says why."""


def approve(line: Line, by: str) -> Line:
    """The line with its change approved by ``by``; a rejection of it is over. Raises ``NothingAwaits``."""
    change = _awaiting(line)
    approved = Approved(change.day, change.delta, by, change.price)
    return replace(line, approved=(*line.approved, approved), rejection=None)


def reject(line: Line, *, by: str, at: datetime, reason: str, entry_id: str) -> tuple[Line, JournalEntry]:
    """The line with its change set aside, and the journal entry to store with it.

    Raises ``NothingAwaits``, also when it was rejected already.

    ``by`` is who rejects it, ``reason`` is theirs, and ``entry_id`` a random name for the entry. The line is parked as
    ``rejected`` at once. It comes back when Timus reports something newer than was known when the change was shown, or
    when it is approved. Approvals that it had are void.
    """
    change = _awaiting(line)
    if line.rejection is not None:
        raise NothingAwaits(f"the change of {line.key} was rejected already")
    rejection = Rejection(change.day, change.delta, by, at, reason, change.versions, change.price)
    known = line.parked.facts if line.parked else {}
    parked = Parked(REJECTED, {**known, **rejection_facts(rejection, change)})
    units = line.last_read.at(change.day) if line.last_read else 0
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
    )
    set_aside = replace(line, approved=(), rejection=rejection)
    return with_state(set_aside, State.PARKED, parked, at), entry


def set_aside(lines: Iterable[Line]) -> set[LineKey]:
    """The lines whose change was rejected, and the other sides of those plan changes: decided, and waiting for nobody."""
    rejected = [line for line in lines if line.parked is not None and line.parked.code == REJECTED]
    return {key for line in rejected for key in (line.key, *(other for _, other in line.linked))}


def rejection_facts(rejection: Rejection, change: HeldChange) -> dict[str, int | str]:
    """Who rejected what, when and why, for the reason of the line."""
    return {
        **change_facts(change),
        "by": rejection.by or "Somebody",
        "on": f"{rejection.at:%Y-%m-%d %H:%M} UTC",
        "why": rejection.reason,
    }


def change_facts(change: HeldChange) -> dict[str, int | str]:
    """What would be changed, for the reason of the line."""
    facts: dict[str, int | str] = {"delta": change.delta, "day": change.day.isoformat()}
    return facts | ({"price": str(change.price)} if change.price else {})


def _awaiting(line: Line) -> HeldChange:
    if line.awaiting is None:
        raise NothingAwaits(f"no change of {line.key} awaits approval")
    return line.awaiting
