"""Tickets in Autotask about alarms: one for each cause, from when an alarm goes off until it has been off for a while.

Autotask would create the same ticket twice if it were asked twice, so each carries a number of ours by which it is
found again. It is looked for before it is asked for, and after an answer that got lost nothing is asked for until the request has
surely landed or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

SOLVED_AFTER = timedelta(hours=1)
"""How long an alarm must be off before its ticket is closed: one that comes and goes is one cause, and one ticket."""
LONGEST_TITLE = 255
"""Characters of ``title``."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of the stack, as it is now."""

    name: str
    description: str
    """What it means and where its runbook is; the first sentence says what is wrong."""
    on: bool
    since: datetime
    """When it came into this state."""

    def solved(self, now: datetime) -> bool:
        """Whether its ticket may be closed."""
        return not self.on and now - self.since >= SOLVED_AFTER


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that there should be."""

    alarm: str
    external_id: str
    """Ours, and the same whenever this cause is reported again."""
    title: str
    description: str
    there: bool = False
    """Autotask has it, or had it."""
    settles_at: datetime | None = None
    """It was asked for: until then the request may still land, and nobody asks again."""
    again_at: datetime | None = None
    """Autotask refused it: not asked again before."""


class TicketAction(Enum):
    """What to do next about a ticket."""

    OPEN = auto()
    KEEP = auto()
    """It is there, and its alarm is on."""
    WAIT = auto()
    """It may be on its way."""
    CLOSE = auto()
    FORGET = auto()
    """Nothing is left to do."""


def wanted(
    alarms: Iterable[Alarm], known: Mapping[str, Ticket], stack: str, first_look: str
) -> dict[str, Ticket]:
    """By alarm: the tickets that are known, and one for each alarm that has gone off since; ``first_look`` is what its reader does first."""
    fresh = {
        alarm.name: _ticket(alarm, stack, first_look)
        for alarm in alarms
        if alarm.on and alarm.name not in known
    }
    return {**known, **fresh}


def _ticket(alarm: Alarm, stack: str, first_look: str) -> Ticket:
    since = alarm.since.astimezone(UTC)
    cause = hashlib.sha256(f"{alarm.name} {since:%Y%m%d%H%M%S}".encode()).hexdigest()[:16]
    text = " ".join(alarm.description.split())
    wrong = text.partition(" Runbook: ")[0].partition(". ")[0].removesuffix(".")
    return Ticket(
        alarm.name,
        f"timus-autotask-{cause}",
        f"Timus billing sync: {wrong}"[:LONGEST_TITLE],
        f"{text}\n\nStack {stack}, alarm {alarm.name}, on since {since:%Y-%m-%d %H:%M} UTC. "
        f"First look: {first_look}\n\n"
        "This ticket closes by itself when the alarm has been off for an hour.",
    )


def next_action(ticket: Ticket, solved: bool, found: Sequence[bool], now: datetime) -> TicketAction:
    """What follows from the tickets that carry our number, as read now: one, or none; ``found`` tells of each if it is complete."""
    if found:
        if not solved:
            return TicketAction.KEEP
        return TicketAction.FORGET if all(found) else TicketAction.CLOSE
    if ticket.settles_at is not None and now < ticket.settles_at:
        return TicketAction.WAIT
    if solved:
        return TicketAction.FORGET
    return (
        TicketAction.KEEP if ticket.there else TicketAction.OPEN
    )  # one that a person deleted is not opened again
