"""Undo: a person takes back a change that was made. From a day on, the line is wanted without it, until Timus says something new.

Nothing else is needed: the line then differs from Autotask by just the opposite adjustment, and that is decided, sent, read back and
settled like any other. A plan change is undone on all its sides or on none, and it ends for all of them together.

Several customers may share a line. Where the change was one customer's, only what Timus says of this customer ends the undo.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from .desired import Demand, Desired
from .line import Line, Undone
from .mapping import LineKey
from .plan_change import Link
from .timeline import NOTHING, Timeline


def without_undone(demand: Demand | None, undone: Sequence[Undone]) -> Timeline:
    """What a line is wanted with, given what it should have by Timus and the terms."""
    wanted = demand.units if demand else NOTHING
    for one in undone:
        wanted = _without(one, wanted, _concerned(one, demand))
    return wanted


def renewed_until(demand: Demand | None, undone: Sequence[Undone]) -> date | None:
    """The last day of a renewed term in which a line is to have units by Timus and the terms, without what was undone; None: there is none.

    What is kept of an edit does not count: no term renews it.
    """
    until = (demand.renewed_until or demand.renewed_unbilled) if demand else None
    return until if until is not None and without_undone(demand, undone).at(until) else None


def _without(one: Undone, before: Timeline, concerned: Timeline) -> Timeline:
    """What a line is wanted with, given what it was wanted with ``before`` something was undone.

    Where that was one customer's change, what others have on the line counts as it is by now.
    """
    days = (*concerned.days, *before.days, one.day, *([one.until] if one.until else ()))

    def units(day: date) -> int:
        if not _holds(one, day, concerned):
            return before.at(day)
        return max(0, before.at(day) + one.delta) if one.customer else one.units

    return Timeline.sampled(days, units)


def _concerned(one: Undone, demand: Demand | None) -> Timeline:
    """What Timus and the terms want of that which was undone: of a customer's part of the line, or of the whole."""
    if demand is None:
        return NOTHING
    return demand.part(one.customer) if one.customer else demand.units


def with_end_days(line: Line, lines: Mapping[LineKey, Line], desired: Desired) -> Line:
    """The line with the days on which what was undone ends."""
    if not line.undone:
        return line
    ends = _Undos({**lines, line.key: line}, desired).ends()
    return replace(line, undone=tuple(replace(one, until=ends[one.id]) for one in line.undone))


def links_back(lines: Mapping[LineKey, Line], desired: Desired) -> Iterator[Link]:
    """What is undone of a plan change goes the other way: the old plan goes up again as the new one comes down (promise I7)."""
    beside = {(link.down, link.up): link.beside for link in desired.links}
    for key, line in lines.items():
        for one in line.undone:
            for other in one.linked if one.delta < 0 else ():
                if (other, key) in beside:
                    yield Link(one.day, key, other, beside[other, key])


def _holds(one: Undone, day: date, concerned: Timeline) -> bool:
    ended = one.until is not None and day >= one.until
    return one.day <= day and not ended and concerned.at(day) == _as_it_was(one)


def _as_it_was(one: Undone) -> int:
    """What Timus and the terms wanted, when it was undone, of that which was undone."""
    return one.part if one.customer else one.instead_of


def joined_with(key: LineKey, desired: Desired) -> set[LineKey]:
    """The lines between which and this one seats may move."""
    joined = {
        other for link in desired.links if key in (link.down, link.up) for other in (link.down, link.up)
    }
    joined |= {other for family in desired.families if key in family for other in family}
    return joined - {key}


def known_versions(keys: Iterable[LineKey], desired: Desired) -> dict[str, int]:
    """By subscription: the newest version that is known, of all that may say something of these lines.

    A version may say something of another line only, which seats are found to move to later. Or it may have taken away what an older one, that
    comes late, says of these lines. Neither is news then.
    """
    newest = dict(desired.newest)
    for key in keys:
        demand = desired.demands.get(key)
        for subscription, number in (demand.versions if demand else {}).items():
            newest[subscription] = max(number, newest.get(subscription, 0))
    return newest


_OnLine = tuple[LineKey, Undone]
"""What one undo takes back on one line."""


class _Undos:
    """Every undo on some lines, each with its sides: it ends for all of them together, by whatever comes first.

    The end of one may bring the end of another, so the days are moved up until none ends any earlier. An example: PRO came in place of 25 seats
    of ADV, and each of the two changes was undone by itself, so ADV has 25 and PRO has 0. From the 20th on PRO is to have 28, as was known
    then already. That ends the undo of PRO on the 20th. So PRO is billed again, and the undo of ADV ends on that day too: else 25 seats would
    be billed twice.
    """

    def __init__(self, lines: Mapping[LineKey, Line], desired: Desired) -> None:
        self._lines = lines
        self._desired = desired
        self._sides: dict[str, list[_OnLine]] = defaultdict(list)
        for key, line in lines.items():
            for one in line.undone:
                self._sides[one.id].append((key, one))
        self._ends: dict[str, date | None] = {}

    def ends(self) -> Mapping[str, date | None]:
        """By undo: the first day on which it does not hold any more; None: nothing ends it yet."""
        self._ends = {
            name: _earliest(self._ended_by_timus(sides), *(one.taken_back for _, one in sides))
            for name, sides in self._sides.items()
        }
        while True:
            earlier = {
                name: _earliest(
                    self._ends[name], *self._ended_by_other_plans(sides), *self._ends_of_undone(sides)
                )
                for name, sides in self._sides.items()
            }
            if earlier == self._ends:
                return earlier
            self._ends = earlier

    def _ended_by_timus(self, sides: Sequence[_OnLine]) -> date | None:
        """The first day for which Timus says something else of it, or anything new of lines that seats may move to.

        Else they might be billed twice (promise I7).
        """
        demands = self._desired.demands
        return _earliest(
            *(_other_quantity(one, demands.get(key)) for key, one in sides),
            *(
                _said_anew(one, demands.get(line))
                for key, one in sides
                for line in (key, *joined_with(key, self._desired))
            ),
        )

    def _ended_by_other_plans(self, sides: Sequence[_OnLine]) -> Iterator[date | None]:
        """The first days on which other plans are billed that a side which stays up was never billed beside."""
        own = {key for key, _ in sides}
        for key, one in sides:
            if one.units > one.instead_of:
                for plan, since in _plans_instead(key, self._desired).items():
                    if plan not in own:
                        yield self._billed_from(plan, max(since, one.day), one.customer)

    def _ends_of_undone(self, sides: Sequence[_OnLine]) -> Iterator[date | None]:
        """The ends of what was undone again: an undo of an undo makes a change again that Timus itself wants once the first one has ended."""
        for key, one in sides:
            for other in self._lines[key].undone:
                if other.opposite and other.opposite == one.entry:
                    yield self._ends[other.id]

    def _billed_from(self, key: LineKey, day: date, customer: str) -> date | None:
        """The first day since ``day`` on which a line is wanted for a customer (empty: for anybody), without what was undone of it.

        An undo that takes units off counts until it ends, as far as that is found by now. The line may have got its service only now.
        """
        demand, line = self._desired.demands.get(key), self._lines.get(key)
        if demand is not None and customer:
            own = tuple(source for source in demand.sources if source.customer_id == customer)
            demand = replace(demand, sources=own, units=demand.part(customer))
        fewer = [one for one in (line.undone if line else ()) if one.units <= one.instead_of]
        units = without_undone(demand, [replace(one, until=self._ends[one.id]) for one in fewer])
        return next((one for one in (day, *units.days) if one >= day and units.at(one)), None)


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _plans_instead(key: LineKey, desired: Desired) -> dict[LineKey, date]:
    """The lines of plans that a subscription never had together with this one; with the day since when seats move between the two.

    Another subscription may have the two together, and had them before that day.
    """
    since: dict[LineKey, date] = {}
    for link in desired.links:
        if not link.beside and key in (link.down, link.up):
            other = link.up if key == link.down else link.down
            since[other] = min(link.day, since.get(other, link.day))
    return since


def _other_quantity(one: Undone, demand: Demand | None) -> date | None:
    """The first day on which Timus and the terms want something else of what was undone."""
    units = _concerned(one, demand)
    days = (one.day, *(day for day in units.days if day > one.day))
    return next((day for day in days if units.at(day) != _as_it_was(one)), None)


def _said_anew(one: Undone, demand: Demand | None) -> date | None:
    """The first day on which a quantity was said anew."""
    news = [
        max(cause.day, one.day)
        for cause in (demand.causes if demand else ())
        if cause.before != cause.after
        and cause.number > one.versions.get(cause.subscription_id, 0)
        and one.customer in ("", cause.customer_id)
    ]
    return min(news, default=None)
