"""May a change be undone, on which lines and from which day? A pure decision; see ``domain.undone`` for what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import permutations

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import policy_of, wanted_units
from timus_autotask.domain.converge.gaps import open_day_of, taken_days
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.desired import Demand, Source
from timus_autotask.domain.line import Approved, JournalEntry, Line, Outcome, State, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.placement import IGNORED
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.reasons import PAUSED, Parked
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.domain.undone import joined_with, known_versions, with_end_days, without_undone

Journals = Mapping[LineKey, Sequence[JournalEntry]]
"""The journal by line, oldest first: of every line of the contract, and of others that a plan change joins with them."""


class NotUndone(Exception):
    """The change cannot be undone; the message says why."""

    def __init__(
        self,
        message: str,
        *,
        first: Parked | None = None,
        other: LineKey | None = None,
        moved: Source | None = None,
    ) -> None:
        super().__init__(message)
        self.first = first
        """What is parked, and is to be ended before."""
        self.other = other
        """Another line, which does not let it."""
        self.moved = moved
        """What the mapping moved between ``other`` and the line of the change."""


def undo(
    entry: JournalEntry, journals: Journals, view: View, *, by: str, reason: str, undo_id: str
) -> tuple[Line, ...]:
    """The lines without a change: its own and, if it was a part of a plan change, those of the other sides.

    Store them, and wake the contract in the same write: the worker does the rest. Raises ``NotUndone``.

    The opposite is dated on the day of the change, or on the next one that takes an adjustment on all its sides. So the invoice shows as
    little of the change as can be. ``undo_id`` is a random name.
    """
    contract = view.contract
    if contract is None:
        raise NotUndone(f"Contract {view.contract_id} is not in Autotask.")
    if not view.live:
        raise NotUndone(f"Contract {view.contract_id} observes: nothing is adjusted on it before go-live.")
    sides = [_side(one, journals, contract, view) for one in _whole(entry, journals, view)]
    for side in sides:
        side.may_be_undone()
    for side in sides:
        _is_no_half_of_a_move(side, {one.key for one in sides}, view)
    _bring_back_one_plan(sides, view)
    day = _day(sides)
    _others_allow_it(sides, day, view)
    for side in sides:
        side.may_be_undone_from(day)
    return tuple(
        side.undone(day, by, view.now, reason, undo_id, [one.key for one in sides if one is not side])
        for side in sides
    )


def _bring_back_one_plan(sides: Sequence[_Side], view: View) -> None:
    """Raises ``NotUndone`` where a plan would come back beside another one that a subscription never had together with it (promise I7).

    So it was billed before, if somebody else had put seats on one of them.
    """
    apart = [{link.down, link.up} for link in view.desired.links if not link.beside]
    for one, other in permutations(sides, 2):
        comes_back = one.entry.delta < 0 and other.wanted.at(view.today) - other.entry.delta > 0
        if comes_back and {one.key, other.key} in apart:
            raise NotUndone(
                f"Two plans would be billed, on {one.where} and on {other.where}, and a subscription never had both at once. "
                "Change the one that is to have other seats in Autotask."
            )


def _is_no_half_of_a_move(side: _Side, own: AbstractSet[LineKey], view: View) -> None:
    """Raises ``NotUndone`` where the mapping moved seats between this line and another one on the days of the change.

    One half alone would bill them twice, or nowhere. The other half may still be held: so what the lines should have counts, and not what was
    made.
    """
    for key, demand in sorted(view.desired.demands.items(), key=lambda one: one[0]):
        if key in own:
            continue
        for there in demand.sources:
            here = side.of_same_sku(there)
            if here is not None and side.changed(here) * side.changed(there) < 0:
                raise NotUndone(_half_of_a_move(side, key, there), other=key, moved=there)


def _half_of_a_move(side: _Side, key: LineKey, moved: Source) -> str:
    there = f"service {key.service_id} on contract {key.contract_id}"
    if side.entry.delta < 0:
        return f"It is one half of a move to {there}: {moved.sku} is billed there instead, and its seats would be billed twice."
    return f"It is one half of a move from {there}: {moved.sku} was billed there before, and its seats would be billed nowhere."


# -- What belongs together


def _whole(entry: JournalEntry, journals: Journals, view: View) -> list[JournalEntry]:
    """The change with the other sides of its plan change, if it was a part of one."""
    again = _of_one_undo(entry, journals, view)
    if again:
        return again
    found = {entry.line: entry}
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        for key in sorted(_joined_with(one, view) - found.keys()):
            others = [each for each in _in_force(journals.get(key, ())) if _belong_together(one, each, view)]
            if others:
                found[key] = others[-1]
                waiting.append(others[-1])
            elif key in one.linked:
                raise NotUndone(
                    f"It is one side of a plan change, and the other one, on service {key.service_id} of contract "
                    f"{key.contract_id}, is not made or was undone. A plan change is undone as a whole."
                )
    _in_one_go(found, journals, view)
    return [found[key] for key in sorted(found)]


def _of_one_undo(entry: JournalEntry, journals: Journals, view: View) -> list[JournalEntry]:
    """What one undo made on all sides, if this is a part of it."""
    line = view.lines.get(entry.line)
    undone = next((one for one in line.undone if one.opposite == entry.id), None) if line else None
    if undone is None:
        return []
    opposites = {
        one.opposite
        for key in undone.linked
        for one in (view.lines[key].undone if key in view.lines else ())
        if one.id == undone.id
    }
    others = [one for key in undone.linked for one in journals.get(key, ()) if one.id in opposites]
    if len(others) < len(undone.linked):
        raise NotUndone(f"{entry.id} is one side of what was undone, and another one is not made yet.")
    return sorted((entry, *others), key=lambda one: one.line)


def _in_one_go(found: Mapping[LineKey, JournalEntry], journals: Journals, view: View) -> None:
    """Raises ``NotUndone`` where a plan change has more parts than one on a line, or is on two contracts."""
    elsewhere = sorted({key.contract_id for key in found} - {view.contract_id})
    if elsewhere:
        raise NotUndone(
            f"It is one side of a plan change, and the other one is on contract {elsewhere[0]}. A plan change over two contracts is "
            "not undone here: correct it in Timus."
        )
    for key, one in found.items():
        sides = [other for other in found.values() if other is not one]
        for part in _in_force(journals.get(key, ())):
            if part.id != one.id and any(_belong_together(side, part, view) for side in sides):
                raise NotUndone(
                    f"Its plan change was made in parts on service {key.service_id} ({part.id} and {one.id}), and such a one is not "
                    "undone here: correct it in Timus."
                )


def _joined_with(entry: JournalEntry, view: View) -> set[LineKey]:
    """The lines between which and this one seats may have moved."""
    return {*entry.linked, *joined_with(entry.line, view.desired)} - {entry.line}


def _belong_together(one: JournalEntry, other: JournalEntry, view: View) -> bool:
    """Whether two changes are sides of one plan change: linked on one day, or made by the same news that moved seats."""
    opposite = one.delta * other.delta < 0
    if opposite and one.day == other.day and (other.line in one.linked or one.line in other.linked):
        return True
    lines, days = {one.line, other.line}, {one.day, other.day}
    moved = opposite or any({link.down, link.up} == lines and link.day in days for link in view.desired.links)
    return moved and bool({*one.events} & {*other.events})


def _in_force(journal: Iterable[JournalEntry]) -> list[JournalEntry]:
    """The changes of a line that were made and are not undone. What undoes an undo stands for the change that it makes again."""
    found: list[JournalEntry] = []
    undone: set[str] = set()
    for entry in journal:
        if entry.outcome is not Outcome.LANDED or not entry.delta:
            continue
        if any(one.id == entry.undoes for one in found):
            found = [one for one in found if one.id != entry.undoes]
            undone.add(entry.id)
        elif entry.undoes in undone or not entry.undoes:
            found.append(entry)
    return found


def _others_allow_it(sides: Sequence[_Side], day: date, view: View) -> None:
    """What seats may have moved to or from is as it should be, and none of them is billed there by now (promise I7)."""
    own = {side.key for side in sides}
    for side in sides:
        _all_have_lines(side, view)
        for key in sorted(_joined_with(side.entry, view) - own):
            other = _Other(key, view)
            if not other.is_level:
                raise NotUndone(
                    f"Seats may move between it and service {key.service_id} of contract {key.contract_id}, which has not got what "
                    "it should have yet.",
                    other=key,
                )
            if side.entry.delta < 0 and (other.has_come_since(side) or other.is_instead_of(side.key, day)):
                raise NotUndone(
                    f"Seats may have moved to service {key.service_id} of contract {key.contract_id} since, and would be billed twice. "
                    "Undo what was made there first."
                )


def _all_have_lines(side: _Side, view: View) -> None:
    """Seats that left this line may have gone to a SKU whose service nobody has chosen yet."""
    customers = {customer for customer, _ in side.entry.sources}
    for one in view.desired.unrouted if side.entry.delta < 0 else ():
        if one.customer_id in customers and one.reason not in IGNORED:
            raise NotUndone(
                f"Seats may have moved to {one.sku}, which has no line yet. Map it first, or say that it is not billed."
            )


@dataclass(frozen=True, slots=True)
class _Other:
    """A line between which and the undone one seats may move."""

    key: LineKey
    view: View

    @property
    def line(self) -> Line:
        line = self.view.lines.get(self.key) or Line(self.key.contract_id, self.key.service_id)
        return with_end_days(line, self.view.lines, self.view.desired)

    @property
    def wanted(self) -> Timeline:
        return wanted_units(self.view.desired.demands.get(self.key), self.line)

    @property
    def is_level(self) -> bool:
        units = self.view.observed.get(self.key.service_id, Observed()).units
        if self.key.contract_id != self.view.contract_id:
            units = self.line.known_units or NOTHING
        return self.line.intent is None and units.at(self.view.today) == self.wanted.at(self.view.today)

    def has_come_since(self, side: _Side) -> bool:
        """Whether anything was made here later that takes units up and is not undone."""
        entries = _in_force(side.journals.get(self.key, ()))
        return any(one.delta > 0 and one.settled_at >= side.entry.settled_at for one in entries)

    def is_instead_of(self, key: LineKey, day: date) -> bool:
        """Whether this is billed from a day on, of two plans that a subscription never had at once."""
        plans = any(
            not one.beside and {one.down, one.up} == {key, self.key} for one in self.view.desired.links
        )
        days = (day, *(later for later in self.wanted.days if later > day))
        return plans and any(self.wanted.at(one) for one in days)


# -- One line


@dataclass(frozen=True, slots=True)
class _Side:
    """A line with the change that is undone on it."""

    entry: JournalEntry
    line: Line
    demand: Demand
    observed: Observed
    policy: Policy
    contract: Contract
    today: date
    journals: Journals
    view: View

    @property
    def key(self) -> LineKey:
        return self.line.key

    @property
    def journal(self) -> Sequence[JournalEntry]:
        return self.journals.get(self.key, ())

    @property
    def eve(self) -> date:
        """The last day before what the change follows from."""
        return self.entry.follows_from - ONE_DAY

    @property
    def where(self) -> str:
        return f"service {self.key.service_id} on contract {self.key.contract_id}"

    @property
    def wanted(self) -> Timeline:
        return wanted_units(self.demand, self.line)

    def of_same_sku(self, there: Source) -> Source | None:
        """What this line has of the same customer's SKU as another one."""
        of = there.customer_id, there.sku
        return next((one for one in self.demand.sources if (one.customer_id, one.sku) == of), None)

    def changed(self, source: Source) -> int:
        """By how many units, here or on another line, on the days of the change."""
        return source.units.at(self.entry.day) - source.units.at(self.eve)

    def may_be_undone(self) -> None:
        """Raises ``NotUndone`` where the line or the change does not let it."""
        self._is_settled()
        self._is_in_force()
        self._is_not_posted(self.entry.day)

    def _is_settled(self) -> None:
        line = self.line
        if line.intent is not None:
            until = f"{line.intent.settles_at:%Y-%m-%d %H:%M} UTC"
            raise NotUndone(
                f"What is on {self.where} settles. Try again after {until}, when it is known at the latest."
            )
        if line.parked is not None:
            raise NotUndone(f"What is on {self.where} is parked: {line.parked.message}", first=line.parked)
        if line.set_aside or line.state not in (State.APPLIED, State.SCHEDULED):
            raise NotUndone(
                f"What is on {self.where} is {line.state.value}. Wait until it has what it should have."
            )
        if self.policy.paused:
            raise NotUndone("It is paused, and an undo is an adjustment.", first=Parked(PAUSED, {}))

    def _is_in_force(self) -> None:
        entry, in_force = self.entry, _in_force(self.journal)
        made = [one for one in self.journal if one.outcome is Outcome.LANDED and one.delta]
        if entry.id not in {one.id for one in made}:
            raise NotUndone(f"{entry.id} was not made, so there is nothing to undo.")
        self._is_not_undone(in_force, made)
        newest = in_force[-1] if in_force else made[-1]
        if entry.id not in (newest.id, made[-1].id):
            raise NotUndone(
                f"A newer change builds on it: {newest.delta:+d} on {newest.day} ({newest.id}). Undo that one first."
            )

    def _is_not_undone(self, in_force: Iterable[JournalEntry], made: Iterable[JournalEntry]) -> None:
        entry = self.entry
        if any(one.entry == entry.id and one.is_still_to_be_made(self.today) for one in self.line.undone):
            raise NotUndone(f"{entry.id} is undone already; the opposite is still to be made.")
        undoing = next((one for one in made if one.undoes == entry.id), None)
        if undoing is not None and entry.id not in {one.id for one in in_force}:
            raise NotUndone(f"{entry.id} was undone already, by {undoing.id}.")

    def _is_not_posted(self, day: date) -> None:
        if self.observed.is_posted(day):
            schedule = self.contract.schedule
            first, last = period_containing(max(day, schedule.start), schedule.start, schedule.months)
            raise NotUndone(
                f"The period from {first} to {min(last, self.contract.end)} is approved and posted in Autotask, so {self.entry.id} cannot be "
                "undone. Give a credit in Autotask instead."
            )

    def first_free(self, day: date) -> date | None:
        """The first day, ``day`` or later, that takes the opposite."""
        earliest = max((day, self.entry.day, *self.line.adjusted))
        return open_day_of(taken_days(self.line, self.policy), self.observed.closed, self.contract.end)(
            earliest
        )

    def may_be_undone_from(self, day: date) -> None:
        """Raises ``NotUndone`` where the units from a day on do not let it."""
        units, end = self.observed.units, self.contract.end
        if self.entry.day < self.demand.start:
            raise NotUndone(
                f"{self.entry.id} was made before {self.demand.start}, when another line was billed."
            )
        last = min(max(day, self.today), end)
        turns = [one for one in self.demand.units.days if self.entry.day < one <= last]
        if turns or not units.same(self.wanted, day, last):
            since = turns[0] if turns else day
            raise NotUndone(
                f"What {self.where} should have has changed again from {since} on, so newer changes build on it."
            )
        least = min(units.at(one) for one in (day, *(later for later in units.days if day < later <= end)))
        if least < self.entry.delta or self.units_from(day) < 0:
            raise NotUndone(f"Without {self.entry.delta:+d}, {self.where} would have fewer than 0 units.")
        self._keeps_minimum(day)

    def _keeps_minimum(self, day: date) -> None:
        """The terms may bill a minimum; an undo does not go below it, unless the terms bill no more themselves."""
        least = billed = 0
        for source in self.demand.sources:
            policy = self.view.policies.get(source.customer_id, self.policy)
            if source.quantity.at(day) > 0 and source.sku not in policy.excluded:
                least += policy.minimum.get(source.sku, 0)
            billed += self.view.desired.billed.get((source.customer_id, source.sku), NOTHING).at(day)
        remains = billed - self.demand.units.at(day) + self.units_from(day)
        if self.entry.delta > 0 and least and remains < min(least, billed):
            raise NotUndone(
                f"Without {self.entry.delta:+d}, {remains} would be billed, and the terms have a minimum of {least}."
            )

    def units_from(self, day: date) -> int:
        """What is wanted from a day on without the change, before what a person put on top."""
        return without_undone(self.demand, self.line.undone).at(day) - self.entry.delta

    @property
    def whose(self) -> str:
        """The customer whose change it is. Empty: it is not known, or not one customer's alone."""
        entry, demand = self.entry, self.demand
        again = next((one for one in self.line.undone if one.opposite == entry.id), None)
        if again is not None:
            return again.customer if again.delta == entry.delta else ""
        parts = {customer: demand.part(customer) for customer in demand.customers}
        more = {customer: part.at(entry.day) - part.at(self.eve) for customer, part in parts.items()}
        changed = {customer: units for customer, units in more.items() if units}
        return next(iter(changed)) if [*changed.values()] == [entry.delta] else ""

    def undone(
        self, day: date, by: str, at: datetime, reason: str, undo_id: str, linked: Iterable[LineKey]
    ) -> Line:
        """The line without the change. The terms ask for no approval any more: whoever undoes it has seen what is adjusted."""
        linked = tuple(linked)
        about = {line for key in (self.key, *linked) for line in (key, *joined_with(key, self.view.desired))}
        versions = known_versions(about, self.view.desired)
        customer = self.whose
        one = Undone(
            id=undo_id,
            entry=self.entry.id,
            day=day,
            delta=-self.entry.delta,
            instead_of=self.demand.units.at(day),
            units=self.units_from(day),
            by=by,
            at=at,
            reason=reason,
            versions=versions,
            linked=linked,
            customer=customer,
            part=self.demand.part(customer).at(day),  # nobody's part is 0
        )
        approved = Approved(day, one.delta, by, versions=self.demand.versions)
        return replace(self.line, undone=(*self.line.undone, one), approved=(*self.line.approved, approved))


def _side(entry: JournalEntry, journals: Journals, contract: Contract, view: View) -> _Side:
    key = entry.line
    line, demand = view.lines.get(key), view.desired.demands.get(key)
    if line is None or demand is None or not _same_sources(entry, demand):
        raise NotUndone(
            f"What was billed on service {key.service_id} of contract {key.contract_id} is not mapped to it any more. "
            "Change the mapping instead."
        )
    return _Side(
        entry,
        with_end_days(line, view.lines, view.desired),
        demand,
        view.observed.get(key.service_id, Observed()),
        policy_of(demand, view.policies),
        contract,
        view.today,
        journals,
        view,
    )


def _same_sources(entry: JournalEntry, demand: Demand) -> bool:
    return {*entry.sources} <= {(source.customer_id, source.sku) for source in demand.sources}


def _day(sides: Sequence[_Side]) -> date:
    """The first day that takes the opposite on every side."""
    day = max(side.entry.day for side in sides)
    while True:
        free = [side.first_free(day) for side in sides]
        latest = max((one for one in free if one is not None), default=None)
        if latest is None or None in free:
            raise NotUndone("No day is left within the contract that takes the opposite adjustment.")
        if latest == day:
            return day
        day = latest
