"""Why a line has other units in Autotask than it should, day by day: each unit of the difference with one cause. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import JournalEntry, Outcome, State
from timus_autotask.domain.reasons import AWAITING_APPROVAL, WayOut
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.month.books import BookLine
from timus_autotask.watch.remedy import NextWay


class WhyDiffers(StrEnum):
    """Why units are used and not billed, or billed and not used."""

    TRIAL = "trial"
    EXCLUDED = "excluded"
    INCLUDED = "included"
    """Free units by the terms."""
    MINIMUM = "minimum"
    DATED = "other-day"
    """By the days from which changes are billed."""
    UNMAPPED = "unmapped"
    IGNORED = "ignored"
    """Somebody said that it has no line."""
    SUPERSEDED = "superseded"
    """An older event came after newer ones were billed."""
    BEFORE = "before-we-came"
    """Or before another contract service was chosen for the line."""
    KEPT = "kept"
    """Somebody changed Autotask, and that is kept (``drift --adopt``)."""
    UNDONE = "undone"
    """Somebody took back a change that was made (``undo``)."""
    DRIFT = "drift"
    SETTLING = "settling"
    """An adjustment is under way."""
    LATE = "late"
    """Days that could not be changed any more."""
    REJECTED = "rejected"
    HELD = "held"
    PAUSED = "paused"
    REFUSED = "refused"
    PARKED = "parked"
    ENDED = "contract-ended"
    """The contract has no such day any more."""
    OBSERVING = "observing"
    SCHEDULED = "scheduled"
    """Dated on a day to come."""
    PENDING = "pending"
    """A worker is still to come."""
    OTHER = "unexplained"

    @property
    def label(self) -> str:
        """For people."""
        return _WORDS.get(self, self.value)


_WORDS = {
    WhyDiffers.TRIAL: "in a trial",
    WhyDiffers.EXCLUDED: "excluded by the terms",
    WhyDiffers.INCLUDED: "free by the terms",
    WhyDiffers.MINIMUM: "to the minimum",
    WhyDiffers.DATED: "by the days from which changes are billed",
    WhyDiffers.BEFORE: "before we came",
    WhyDiffers.KEPT: "an edit in Autotask that is kept",
    WhyDiffers.UNDONE: "undone by a person",
    WhyDiffers.DRIFT: "somebody changed Autotask",
    WhyDiffers.ENDED: "after the contract's end",
    WhyDiffers.LATE: "on days past changing",
}

BY_TERMS = (WhyDiffers.TRIAL, WhyDiffers.EXCLUDED, WhyDiffers.INCLUDED, WhyDiffers.MINIMUM, WhyDiffers.DATED)
"""Rightly so: the terms make other units of Timus's."""
SETTLED = (
    *BY_TERMS,
    WhyDiffers.IGNORED,
    WhyDiffers.SUPERSEDED,
    WhyDiffers.BEFORE,
    WhyDiffers.KEPT,
    WhyDiffers.UNDONE,
    WhyDiffers.LATE,
    WhyDiffers.REJECTED,
)
"""Nothing changes any more by waiting: it is so by the terms, by a person's decision, or because the days are past changing."""
DECIDED = (WhyDiffers.IGNORED, WhyDiffers.BEFORE, WhyDiffers.KEPT, WhyDiffers.UNDONE, WhyDiffers.REJECTED)
"""A person decided it so, or the terms keep an edit. What was posted so is told, and is not other than it should be."""
BY_ITSELF = (WhyDiffers.SETTLING, WhyDiffers.PENDING, WhyDiffers.SCHEDULED)
"""What is settled without a person."""

_BY_CODE: Mapping[str, WhyDiffers] = {
    "paused": WhyDiffers.PAUSED,
    "refused": WhyDiffers.REFUSED,
    "drift": WhyDiffers.DRIFT,
    "outcome-unclear": WhyDiffers.DRIFT,
    "rejected": WhyDiffers.REJECTED,
}


def causes_on(one: BookLine, day: date, today: date) -> dict[WhyDiffers, int]:
    """What a line lacks on a day, by cause; negative: what it has too much. Together exactly the difference."""
    lacking = one.wanted.at(day) - one.has.at(day)
    found: dict[WhyDiffers, int] = {}
    for cause, units in _claims(one, day, today):
        if not lacking:
            break
        rejected = sum(units for _, units in _rejected(one, day)) if cause is WhyDiffers.DRIFT else 0
        taken = _within(units, lacking - rejected)  # what was rejected is lacking beside an edit
        if taken:
            found[cause] = found.get(cause, 0) + taken
            lacking -= taken
    if lacking:
        rest = _rest(one, day, today)
        found[rest] = found.get(rest, 0) + lacking
    return found


def billed_otherwise_on(one: BookLine, day: date, today: date) -> dict[WhyDiffers, int]:
    """What is billed on a day otherwise than by Timus on the terms, by cause: all of it lacking, or (negative) all of it too many.

    Together exactly the difference. What one cause lacks and another has too many is billed as Timus says, so neither has it.
    """
    return _without_opposites({**causes_on(one, day, today), **decided_on(one, day)})


def differing_on(one: BookLine, day: date, today: date) -> dict[WhyDiffers, int]:
    """The same for who has to settle it: what waits stands in full, and what stays as far as something else that stays does not make up for it."""
    causes = causes_on(one, day, today)
    stay = {cause: units for cause, units in causes.items() if cause in SETTLED}
    waits = {cause: units for cause, units in causes.items() if cause not in SETTLED}
    return {**waits, **_without_opposites({**stay, **decided_on(one, day)})}


def decided_on(one: BookLine, day: date) -> dict[WhyDiffers, int]:
    """What a line is wanted without on a day of Timus's units on the terms (negative: with more), because a person undid a change or an edit is kept."""
    found = {WhyDiffers.UNDONE: one.undone.at(day), WhyDiffers.KEPT: one.kept.at(day)}
    return {cause: units for cause, units in found.items() if units}


def undone_all_the_same_on(one: BookLine, day: date, today: date) -> int:
    """Units that a person undid on a day that was past changing before the opposite came: they are billed as Timus says (negative: are not)."""
    undone, late = (
        decided_on(one, day).get(WhyDiffers.UNDONE, 0),
        causes_on(one, day, today).get(WhyDiffers.LATE, 0),
    )
    left = billed_otherwise_on(one, day, today)
    return _within(undone - left.get(WhyDiffers.UNDONE, 0), left.get(WhyDiffers.LATE, 0) - late)


def _without_opposites(causes: Mapping[WhyDiffers, int]) -> dict[WhyDiffers, int]:
    """The causes of one day as far as none makes up for another; what was decided gives way first, then the less sure."""
    total = sum(causes.values())
    same = {cause: units for cause, units in causes.items() if units * total > 0}
    over = sum(same.values()) - total
    for cause in reversed(same):
        made_up = _within(same[cause], over)
        same[cause] -= made_up
        over -= made_up
    return {cause: units for cause, units in same.items() if units}


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decided, and why."""

    by: str
    reason: str

    @property
    def words(self) -> str:
        """For people."""
        return f"by {self.by}: {self.reason}"


def decided_by(one: BookLine, cause: WhyDiffers) -> tuple[Decider, ...]:
    """Who rejected or undid something on a line; empty: nobody did, or the line does not say who."""
    people: Sequence[Decider] = ()
    if cause is WhyDiffers.REJECTED:
        aside = [change.rejection for change in one.line.set_aside if change.rejection is not None]
        people = [Decider(each.by, each.reason) for each in aside]
        people += [Decider(each.by, each.message) for each in _rejected_before_an_edit(one)]
    elif cause is WhyDiffers.UNDONE:
        people = [Decider(each.by, each.reason) for each in one.line.undone]
    return tuple(dict.fromkeys(people))


def turns_of(one: BookLine) -> set[date]:
    """Each day from which on a line may have other units, lack others, or lack them by other causes; the day after today aside."""
    line, days = one.line, _days_of_units(one)
    days |= {day for past in line.past_days for day in (past.first, past.until)}
    days |= {change.day for change in one.changes}
    days |= {change.postponed.day for change in one.changes if change.postponed}
    days |= {day for day, _ in line.scheduled}
    days |= {day for first, last in one.shut if line.scheduled for day in (first, last + ONE_DAY)}
    days |= {change.day for change in (line.intent, line.awaiting, *line.set_aside) if change}
    days |= {one.demand.start} if one.demand else set()
    days |= {line.baseline_until + ONE_DAY} if line.baseline_until else set()
    return days | ({one.contract.start, one.contract.end + ONE_DAY} if one.contract else set())


def _days_of_units(one: BookLine) -> set[date]:
    line, own = one.line, one.demand.units if one.demand else NOTHING
    timelines = (own, one.wanted, one.undone, one.has, line.offset, line.by_hand, line.baseline or NOTHING)
    return {day for each in timelines for day in each.days}


def stretches(one: BookLine, first: date, last: date, today: date) -> Iterator[tuple[date, date]]:
    """(first, last) of each stretch of days on which a line lacks the same, by the same causes."""
    inside = sorted(day for day in turns_of(one) | {today + ONE_DAY} if first < day <= last)
    if first <= last:
        yield from ((begins, until - ONE_DAY) for begins, until in pairwise([first, *inside, last + ONE_DAY]))


def too_few_and_too_many(lacking: Sequence[tuple[date, int]]) -> Iterator[Sequence[tuple[date, int]]]:
    """(day, units that are lacking): the days with too few units, and those with too many, so that neither makes up for the other."""
    yield from filter(None, ([one for one in lacking if one[1] > 0], [one for one in lacking if one[1] < 0]))


def edited(one: BookLine, day: date) -> int:
    """Units that somebody else put on a day (negative: took off), as far as nobody has decided about them."""
    left = _left(one, day)
    return 0 if left is None else one.has.at(day) - left


def waits_for_an_edit(one: BookLine, causes: Collection[WhyDiffers]) -> bool:
    """Whether one of these causes is that somebody has to decide about an edit first."""
    return WhyDiffers.PARKED in causes and one.line.parked is not None and one.line.parked.code == "drift"


def _left(one: BookLine, day: date) -> int | None:
    """The units that we left on a day, where any other number is somebody else's edit; None: nobody can tell, or it is no edit."""
    line, baseline = one.line, one.line.baseline
    if baseline is None or line.intent is not None or not one.live or ended(one, day):
        return None
    if line.baseline_until is not None and day > line.baseline_until:
        return None
    return baseline.at(day)


def ways_of_edit(one: BookLine) -> tuple[WayOut | NextWay, ...]:
    """What a person can do now about an edit: decide; or have the contract looked at first, where no worker has seen the edit yet."""
    parked = one.line.parked
    seen = parked is not None and WayOut.ENFORCE in parked.ways
    return (WayOut.ENFORCE, WayOut.ADOPT) if seen else (NextWay.RETRY,)


def _within(units: int, lacking: int) -> int:
    """As much of a claim as there is to explain."""
    if units > 0 < lacking:
        return min(units, lacking)
    return max(units, lacking) if units < 0 > lacking else 0


def _claims(one: BookLine, day: date, today: date) -> Iterator[tuple[WhyDiffers, int]]:
    """What may explain a difference, the surest first: cause, and units that are lacking by it."""
    line = one.line
    yield from _not_ours(one, day)
    if ended(
        one, day
    ):  # whatever else waits, it bills none of these days; what was rejected is billed on no contract
        yield from _rejected(one, day)
        yield WhyDiffers.ENDED, one.wanted.at(day) - one.has.at(day)
    yield WhyDiffers.DRIFT, -edited(one, day)
    if line.intent is not None and line.intent.day <= day:
        yield WhyDiffers.SETTLING, line.intent.delta
    yield from _rejected(one, day)
    yield from _late(one, day)
    held = line.awaiting
    if held is not None and held.rejection is None and held.day <= day:
        yield WhyDiffers.HELD, held.delta
    for scheduled, delta in line.scheduled:
        if scheduled <= day:
            cause = _of_scheduled(one, scheduled, today)
            # Posted before a worker has seen it: it will be made after these days.
            yield WhyDiffers.LATE if cause is WhyDiffers.SCHEDULED and one.is_shut(day) else cause, delta


def ended(one: BookLine, day: date) -> bool:
    """Whether a day is after the contract's last one: nobody is billed for it."""
    return one.contract is not None and day > one.contract.end


def _not_ours(one: BookLine, day: date) -> Iterator[tuple[WhyDiffers, int]]:
    """Days before the line is our concern. What was billed on another contract service then, and not as it should, is said too."""
    if one.demand is not None and day < one.demand.start:
        yield from _late(one, day)
        yield WhyDiffers.BEFORE, one.wanted.at(day) - one.has.at(day)


def _rejected(one: BookLine, day: date) -> Iterator[tuple[WhyDiffers, int]]:
    """What somebody set aside."""
    for change in one.line.set_aside:
        since = change.rejection.day if change.rejection else change.day
        if min(since, change.day) <= day:
            yield WhyDiffers.REJECTED, change.delta
    for entry in _rejected_before_an_edit(one):
        if _goes_on(one.line.by_hand, entry, day):
            yield WhyDiffers.REJECTED, entry.delta


def _rejected_before_an_edit(one: BookLine) -> Iterator[JournalEntry]:
    """What somebody rejected, and what an edit made later in Autotask: the days before the edit lack it still, and they begin with it."""
    left = one.line.by_hand
    for entry in one.changes:
        begins = left.at(entry.day) - left.at(entry.day - ONE_DAY)
        if entry.outcome is Outcome.REJECTED and begins * entry.delta < 0:
            yield entry


def _goes_on(left: Timeline, entry: JournalEntry, day: date) -> bool:
    """Whether the days that lack a rejected change go on until a day."""
    turns = (entry.day, *(turn for turn in left.days if entry.day < turn <= day))
    return entry.day <= day and all(left.at(turn) * entry.delta < 0 for turn in turns)


def _late(one: BookLine, day: date) -> Iterator[tuple[WhyDiffers, int]]:
    """What was billed from a later day on, or never, because this one could not be changed any more."""
    for past in one.line.past_days:
        if past.first <= day < past.until:
            yield WhyDiffers.LATE, past.wanted - past.autotask
            return
    yield WhyDiffers.LATE, -one.line.by_hand.at(day)  # these days are not listed for ever
    for change in one.changes:
        moved = change.postponed
        if moved is not None and change.outcome is Outcome.LANDED and moved.day <= day < change.day:
            yield WhyDiffers.LATE, change.delta


def _of_scheduled(one: BookLine, scheduled: date, today: date) -> WhyDiffers:
    waits = _waiting(one, scheduled)
    # What is dated later than a rejected change is made all the same.
    if waits is not None and (waits is not WhyDiffers.REJECTED or scheduled <= today):
        return waits
    if scheduled <= today:
        return WhyDiffers.PENDING
    later = one.held_later.get(scheduled)
    if later is None:
        return WhyDiffers.SCHEDULED
    return _BY_CODE.get(later.code, WhyDiffers.HELD)


def _waiting(one: BookLine, day: date) -> WhyDiffers | None:
    """Why the line waits on a day, if it does."""
    parked = one.line.parked
    if one.line.state is State.OBSERVING or not one.live:
        return WhyDiffers.OBSERVING
    if parked is None:
        return None
    if parked.code in AWAITING_APPROVAL:
        return WhyDiffers.HELD
    cause = _BY_CODE.get(parked.code, WhyDiffers.PARKED)
    # The edit is what differs from what we left. What else is lacking waits until somebody decides about the edit.
    return WhyDiffers.PARKED if cause is WhyDiffers.DRIFT and _left(one, day) is not None else cause


def _rest(one: BookLine, day: date, today: date) -> WhyDiffers:
    contract, waits = one.contract, _waiting(one, day)
    outside = contract is None or not contract.start <= day <= contract.end
    if waits is None and outside:
        return WhyDiffers.PARKED
    if waits is not None:
        return waits
    if one.line.state in (State.PENDING, State.SETTLING) or one.line.seen_at is None:
        return WhyDiffers.PENDING
    return WhyDiffers.SCHEDULED if day > today else WhyDiffers.OTHER
