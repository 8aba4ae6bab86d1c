"""What of a line that several customers share is billed for each of them, by day.

Autotask bills the line as one. Where it has what the parts of all come to by Timus and the terms, each is billed for its part. Where it
has something else, as while a change is held, seats move only with adjustments, and an adjustment is that of the customer whose events
it follows from, or of those whose change it undoes. Where that does not tell either, as after somebody else's edit, nobody can say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.undone import without_undone
from timus_autotask.watch.month.line_evidence import LineEvidence, by_journal

Seats = Mapping[str, int]
"""By customer."""
Shares = dict[str, Seats]
"""By adjustment: how many seats it moved for each customer, as far as it is known."""


def landed_by_day(line: LineEvidence) -> dict[date, list[JournalEntry]]:
    """The adjustments of a line by the day from which they are billed. One that was settled twice, after ``restore``, counts once."""
    found: dict[date, list[JournalEntry]] = {}
    seen: set[str] = set()
    for entry in line.journal.entries:
        if entry.outcome is Outcome.LANDED and entry.id not in seen:
            seen.add(entry.id)
            found.setdefault(entry.day, []).append(entry)
    return found


def whose(entry: JournalEntry, line: LineEvidence) -> frozenset[str]:
    """The customers whose change an adjustment made; empty: it does not say."""
    by_id, made = {one.id: one for one in line.journal.entries}, entry
    for _ in by_id:  # an undo may be undone too
        made = by_id.get(made.undoes, made)
    customers = {cause.customer_id for cause in made.causes} or {customer for customer, _ in made.sources}
    if "" in customers or (not made.causes and len(customers) > 1):
        return frozenset()
    return frozenset(customers)


def billed_by_day(line: LineEvidence, customer: str) -> dict[date, int | None]:
    """What is billed for a customer on each day of the month, and on the day before it; None: nobody can say."""
    days = _walk(line)
    seats = _seats(days, line)
    known = {
        one.day: None if each is None else each.get(customer, 0)
        for one, each in zip(days, seats, strict=True)
    }
    first = line.days[0].day
    return {day: known.get(day, 0) for day in (first - ONE_DAY, *(one.day for one in line.days))}


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of the walk."""

    day: date
    units: int
    """The whole line."""
    parts: Seats
    """By Timus and the terms."""
    kept: int
    """Units that a person put on top: nobody says for whom."""
    undone: int
    """Units by what people undid, which are in no part; negative: that it is without."""
    entries: tuple[JournalEntry, ...]

    @property
    def settled(self) -> bool:
        """Whether the line has what all parts come to."""
        return not self.kept and not self.undone and self.units == sum(self.parts.values())

    @property
    def seats(self) -> Seats | None:
        """What is billed for each customer, as far as the day alone tells: on a line that has nothing, nothing; None: it does not."""
        if self.settled:
            return self.parts
        return None if self.units else dict.fromkeys(self.parts, 0)


def _walk(line: LineEvidence) -> list[_Day]:
    """Each day of the month, the one before it, and before and after it those on which something changes, while the contract bills."""
    if line.contract is None:
        return []
    of_journal, landed = by_journal(line.journal.entries, line.line), landed_by_day(line)
    month = {one.day: one.journal if one.autotask is None else one.autotask for one in line.days}
    parts = {one: line.whole.part(one) for one in line.whole.customers} if line.whole else {}
    turns = {*landed, *month, line.days[0].day - ONE_DAY}
    for timeline in (*parts.values(), *((of_journal,) if of_journal else ())):
        turns.update(timeline.days)
    turns |= {day - ONE_DAY for day in turns}
    kept = line.line.offset.plus(line.line.by_hand)
    undone = without_undone(line.whole, line.line.undone)
    undone = undone.minus(line.whole.units) if line.whole else undone
    found = []
    for day in sorted(turns):
        units = month.get(day, of_journal.at(day) if of_journal else None)
        if line.contract.start <= day <= line.contract.end and units is not None:
            shares = {one: units_.at(day) for one, units_ in parts.items()}
            entries = tuple(landed.get(day, ()))
            found.append(_Day(day, units, shares, kept.at(day), undone.at(day), entries))
    return found


def _seats(days: Sequence[_Day], line: LineEvidence) -> list[Seats | None]:
    """What is billed for each customer on each day: what is known of a day leads to the next, and where it does not, to the one before."""
    found: list[Seats | None] = [one.seats for one in days]
    steps = [*enumerate(pairwise(days))]
    shares: Shares = {}
    for number, (before, day) in steps:
        known, then = found[number], found[number + 1]
        moves = _moves(before, day, known, line, shares)
        if known is None:
            continue
        if then is None:
            found[number + 1] = _moved(known, moves, 1)
        elif len(day.entries) == 1 and day.units - before.units == day.entries[0].delta:
            shares[day.entries[0].id] = _between(known, then)
    for number, (before, day) in reversed(steps):
        known = found[number + 1]
        if found[number] is None and known is not None and len(_concerned(before, day, line)) <= 1:
            found[number] = _moved(known, _moves(before, day, None, line, shares), -1)
    return found


def _between(before: Seats, after: Seats) -> Seats:
    """How many seats more each customer has."""
    return {one: after.get(one, 0) - before.get(one, 0) for one in {*before, *after}}


def _moved(seats: Seats, moves: Seats | None, sign: int) -> Seats | None:
    """The seats after these moves, or before them; None: they are not known, or cannot be."""
    if moves is None:
        return None
    found = {one: seats.get(one, 0) + sign * moves.get(one, 0) for one in {*seats, *moves}}
    return found if min(found.values(), default=0) >= 0 else None


def _moves(before: _Day, day: _Day, known: Seats | None, line: LineEvidence, shares: Shares) -> Seats | None:
    """How many seats the adjustments of a day moved for each customer, which is noted of each; None: nobody can say."""
    found: dict[str, int] = {}
    for entry in day.entries:
        shared = _taken_back(entry, shares) or _shared_out(entry, before, day, known, line)
        if shared is None:
            return None
        shares[entry.id] = shared
        for one, delta in shared.items():
            found[one] = found.get(one, 0) + delta
    edited = day.units - before.units != sum(found.values()) or day.kept != before.kept
    return None if edited else found


def _taken_back(entry: JournalEntry, shares: Shares) -> Seats | None:
    """Of an undo: the opposite of what the change moved for each customer; None: it is none, or that is not known."""
    share = shares.get(entry.undoes, {})
    return {one: -units for one, units in share.items()} if sum(share.values()) == -entry.delta else None


def _shared_out(
    entry: JournalEntry, before: _Day, day: _Day, known: Seats | None, line: LineEvidence
) -> Seats | None:
    """How many seats an adjustment moved for each customer; None: nobody can say."""
    turned, owners = _turned(before, day), whose(entry, line)
    if len(owners) == 1:
        [owner] = owners
        # Others whose part turns on the day may be in it too, unless it is just what its own customer lacked.
        lacked = None if known is None else day.parts.get(owner, 0) - known.get(owner, 0)
        if turned.keys() <= owners or entry.delta == lacked:
            return {owner: entry.delta}
    concerned = {one: delta for one, delta in turned.items() if not owners or one in owners}
    return concerned if sum(concerned.values()) == entry.delta else None


def _turned(before: _Day, day: _Day) -> Seats:
    """Whose part by Timus and the terms is another one than the day before, and by how much."""
    deltas = {one: units - before.parts.get(one, 0) for one, units in day.parts.items()}
    return {one: delta for one, delta in deltas.items() if delta}


def _concerned(before: _Day, day: _Day, line: LineEvidence) -> set[str]:
    """Whose seats may have moved on a day. Of one customer, what it had before follows from what it has."""
    return {*_turned(before, day), *(one for entry in day.entries for one in whose(entry, line))}
