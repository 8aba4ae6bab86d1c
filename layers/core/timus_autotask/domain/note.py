"""Notes on contracts in Autotask, one for each change, where the terms ask for them: what was changed, why, and from which events.

Autotask would create the same note twice if it were asked twice, and it writes notes of its own. So each of ours carries the change's
id in its title, by which it is found again: it is looked for before it is asked for, and after an answer that got lost nothing is
asked for until the request has surely landed or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from .line import JournalEntry, Outcome, Why
from .policy import Policy

LONGEST_TITLE = 250
"""Characters that Autotask takes for a title."""
LONGEST_TEXT = 8000
"""Characters that it takes for a description."""
MOST_EVENTS = 20
"""Events that a note names."""
GIVEN_UP = timedelta(days=7)
"""So long a note is tried that Autotask refuses."""


@dataclass(frozen=True, slots=True)
class ContractNote:
    """A note that there should be."""

    id: str
    """The change's."""
    contract_id: int
    title: str
    """Ends with ``mark``."""
    text: str
    since: datetime
    """When the change was settled."""
    settles_at: datetime | None = None
    """It was asked for: until then the request may still land, and nobody asks again."""

    @property
    def mark(self) -> str:
        """What it is found by."""
        return f"[{self.id}]"


class NoteAction(Enum):
    """What to do next about a note."""

    WRITE = auto()
    WAIT = auto()
    """It may be on its way."""
    FORGET = auto()
    """It is there."""


def next_action(note: ContractNote, there: bool, now: datetime) -> NoteAction:
    """What follows from whether Autotask has it, as read now."""
    if there:
        return NoteAction.FORGET
    if note.settles_at is not None and now < note.settles_at:
        return NoteAction.WAIT
    return NoteAction.WRITE


def is_noted(entry: JournalEntry, *policies: Policy) -> bool:
    """Whether a change gets a note by the terms of those whom it concerns."""
    return entry.outcome is Outcome.LANDED and any(policy.contract_notes for policy in policies)


def note_of(entry: JournalEntry) -> ContractNote:
    """The note of a change that landed."""
    skus = ", ".join(dict.fromkeys(sku for _, sku in entry.sources)) or f"service {entry.line.service_id}"
    what = f"{entry.delta:+d} {skus} from {entry.day}" if entry.line.service_id else entry.message
    mark = f" [{entry.id}]"
    title = f"Timus billing sync: {what}"[: LONGEST_TITLE - len(mark)]
    text = "\n".join(
        [*_what(entry, skus), *_why(entry), "", "Written by timus-autotask, once for this change."]
    )
    return ContractNote(entry.id, entry.line.contract_id, title + mark, text[:LONGEST_TEXT], entry.settled_at)


def _what(entry: JournalEntry, skus: str) -> list[str]:
    if not entry.line.service_id:
        return [entry.message]
    units = (
        f"{entry.delta:+d} units from {entry.day} on: {entry.units_before} before, {entry.units_after} after"
    )
    words = [f"{skus}, service {entry.line.service_id}: {units}."]
    if entry.price:
        words.append(f"Unit price: {entry.price.before or 'none'} before, {entry.price.after} after.")
    if entry.postponed:
        words.append(f"It was due on {entry.postponed.day}, which could not be changed any more.")
    return words


def _why(entry: JournalEntry) -> list[str]:
    words = [_REASONS.get(entry.why, "Reported by Timus.") if entry.why else "Reported by Timus."]
    if entry.by:
        words.append(f"By {entry.by}.")
    if entry.terms:
        words.append(f"Terms: {', '.join(entry.terms)}.")
    actors = dict.fromkeys(cause.actor for cause in entry.causes if cause.actor)
    if actors:
        words.append(f"Asked for in Timus by {', '.join([*actors][:MOST_EVENTS])}.")
    if entry.events:
        more = f", and {len(entry.events) - MOST_EVENTS} more" if len(entry.events) > MOST_EVENTS else ""
        words.append(f"Events: {', '.join(entry.events[:MOST_EVENTS])}{more}.")
    return words


_REASONS = {
    Why.APPROVED: "Reported by Timus, approved by a person.",
    Why.ENFORCED: "Brings back what somebody changed in Autotask.",
    Why.RENEWED: "The term was renewed.",
    Why.TERMS: "The terms were changed.",
    Why.UNDONE: "A person took back what was made before.",
}
