"""Every adjustment in one list, whatever became of it: those that await a person or a day, and those that were made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from timus_autotask.domain.approval import is_approved
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import HeldChange, JournalEntry, Line, Outcome, Rejection, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.price import PriceChange
from timus_autotask.watch.happened import by_whom
from timus_autotask.watch.month.asked import asked_for, is_of_terms
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.status import Records


class Became(StrEnum):
    """What became of an adjustment, in the order in which people look at it."""

    AWAITS = "awaits approval"
    WAITS = "waits"
    """For something else: it is made as soon as that is done."""
    UNDER_WAY = "under way"
    WOULD = "after go-live"
    SCHEDULED = "scheduled"
    MADE = "made"
    REJECTED = "rejected"
    REFUSED = "refused by Autotask"
    NOT_MADE = "not made"
    UNCLEAR = "unclear"


BECAME = {
    Outcome.LANDED: Became.MADE,
    Outcome.NOT_LANDED: Became.NOT_MADE,
    Outcome.REFUSED: Became.REFUSED,
    Outcome.UNCLEAR: Became.UNCLEAR,
    Outcome.REJECTED: Became.REJECTED,
}


@dataclass(frozen=True, slots=True)
class ListedAdjustment:
    """One change of a line's units."""

    id: str
    """The same at every look, as long as it is the same change."""
    key: LineKey
    sources: tuple[tuple[str, str], ...]
    """(customer, SKU)."""
    day: date
    """From when it changes the units."""
    before: int
    delta: int
    after: int
    became: Became
    at: datetime | None = None
    """When that was: made, or held since."""
    price: PriceChange | None = None
    causes: tuple[Cause, ...] = ()
    by: str = ""
    """Who let it go or rejected it, or why it was made though Timus reported nothing; for people."""
    reason: str = ""
    """Why it waits, or what Autotask said."""
    remedy: str = ""
    rejected: bool = False
    """It was set aside, and can still be approved."""
    entry: JournalEntry | None = None
    """Of what was made, or rejected: its entry in the journal."""

    @property
    def asked(self) -> Cause | None:
        """The last one who asked for it; None: nobody, or it is not known."""
        of_terms = self.entry is not None and is_of_terms(self.entry, ())
        found = asked_for(self.causes, self.day, self.delta, before=self.before, of_terms=of_terms).by
        return found[-1].cause if found else None

    @property
    def decidable(self) -> bool:
        """Whether a person can approve it, or reject it."""
        return self.became is Became.AWAITS or (self.became is Became.REJECTED and self.rejected)


def adjustments(records: Records, changes: Iterable[JournalEntry]) -> Iterator[ListedAdjustment]:
    """What waits, by day; then what was made, the newest first."""
    lines = [stored.value for one in records.contracts.values() for stored in one.lines.values()]
    waiting = [found for line in lines for found in _waiting(line)]
    yield from sorted(waiting, key=lambda one: ([*Became].index(one.became), one.day, one.key))
    aside = {(line.key, one.day, one.delta) for line in lines if (one := _set_aside(line))}
    for entry in sorted(changes, key=lambda one: one.settled_at, reverse=True):
        if entry.line.service_id:
            yield _made(entry, still_aside=(entry.line, entry.day, entry.delta) in aside)


def _set_aside(line: Line) -> Rejection | None:
    """What was rejected and can still be approved."""
    return line.awaiting.rejection if line.awaiting else None


def _waiting(line: Line) -> Iterator[ListedAdjustment]:
    if line.intent is not None:
        intent = line.intent
        yield _of(
            line,
            intent.day,
            intent.delta,
            Became.UNDER_WAY,
            intent.opened_at,
            intent.price_change,
            intent.causes,
        )
    held = line.awaiting
    if held is not None and held.rejection is None:
        yield _held(line, held)
    if line.intent is not None:
        return  # what is scheduled beyond it is decided anew once it is settled
    for number, (day, delta) in enumerate(line.scheduled):
        if held is None or held.rejection is not None or (day, delta) != (held.day, held.delta):
            price = line.scheduled_price if number == 0 else None
            yield _of(line, day, delta, _scheduled(line), line.since, price)


def _held(line: Line, held: HeldChange) -> ListedAdjustment:
    """What awaits a person; or, once it is approved, the worker."""
    approved = next((one for one in line.approved if is_approved(held, one)), None)
    if approved is not None:
        made = _of(line, held.day, held.delta, Became.UNDER_WAY, line.since, held.price, line.awaiting_causes)
        return replace(made, by=f"approved by {approved.by}" if approved.by else "approved")
    return _of(line, held.day, held.delta, Became.AWAITS, line.since, held.price, line.awaiting_causes)


def _scheduled(line: Line) -> Became:
    if line.state is State.OBSERVING:
        return Became.WOULD
    return Became.WAITS if line.state is State.PARKED else Became.SCHEDULED


def _of(
    line: Line,
    day: date,
    delta: int,
    became: Became,
    at: datetime | None,
    price: PriceChange | None,
    causes: tuple[Cause, ...] = (),
) -> ListedAdjustment:
    units = line.baseline if line.observed is None else line.observed
    before = units.at(day) if units else 0
    parked = line.parked if became in (Became.AWAITS, Became.WAITS) else None
    return ListedAdjustment(
        f"{line.contract_id}-{line.service_id}-{day}{delta:+d}",
        line.key,
        line.sources,
        day,
        before,
        delta,
        before + delta,
        became,
        at,
        price,
        causes,
        reason=parked.message if parked else "",
        remedy=remedy_of(parked) if parked else "",
    )


def _made(entry: JournalEntry, *, still_aside: bool) -> ListedAdjustment:
    return ListedAdjustment(
        entry.id,
        entry.line,
        entry.sources,
        entry.day,
        entry.units_before,
        entry.delta,
        entry.units_after,
        BECAME[entry.outcome],
        entry.settled_at,
        entry.price,
        entry.causes,
        by_whom(entry),
        entry.message,
        rejected=still_aside and entry.outcome is Outcome.REJECTED,
        entry=entry,
    )
