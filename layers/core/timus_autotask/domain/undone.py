"""Undo: a person takes back a change that was made. From a day on, the line is wanted without it, until Timus says something new.

Nothing else is needed: the line then differs from Autotask by just the opposite adjustment, and that is planned, sent, read back and
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


def noted(line: Line, lines: Mapping[LineKey, Line], desired: Desired) -> Line:
    """The line with the days on which what was undone ends."""
    if not line.undone:
        return line
    ends = _ends({**lines, line.key: line}, desired)
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
    """By subscription: the newest version that changed what any of these lines should have."""
    newest: dict[str, int] = {}
    for key in keys:
        demand = desired.demands.get(key)
        for subscription, number in (demand.versions if demand else {}).items():
            newest[subscription] = max(number, newest.get(subscription, 0))
    return newest


_Side = tuple[LineKey, Undone]
"""What was undone, on one of the lines of a plan change."""


_Ends = Mapping[str, date | None]
"""By undo: the first day on which it does not hold any more; None: nothing ends it yet."""


def _ends(lines: Mapping[LineKey, Line], desired: Desired) -> _Ends:
    """When each undo ends: by whatever comes first, on whichever side of a plan change.

    The end of one may be the end of another: a plan is billed again then, in place of what the other keeps up. So all of them are looked at
    until none ends any earlier.
    """
    undos: dict[str, list[_Side]] = defaultdict(list)
    for key, line in lines.items():
        for one in line.undone:
            undos[one.id].append((key, one))
    ends: _Ends = {name: _ended_by_timus(sides, desired) for name, sides in undos.items()}
    while True:
        earlier = {
            name: _earliest(ends[name], *_taken_over(sides, lines, desired, ends))
            for name, sides in undos.items()
        }
        if earlier == ends:
            return ends
        ends = earlier


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _ended_by_timus(sides: Sequence[_Side], desired: Desired) -> date | None:
    """The first day for which Timus has said something new of it, or of lines that seats may move to. Else they might be billed twice (promise I7)."""
    return _earliest(
        *(_other_quantity(each, desired.demands.get(side)) for side, each in sides),
        *(
            _news(each, desired.demands.get(line))
            for side, each in sides
            for line in (side, *joined_with(side, desired))
        ),
    )


def _taken_over(
    sides: Sequence[_Side], lines: Mapping[LineKey, Line], desired: Desired, ends: _Ends
) -> Iterator[date | None]:
    """The first days of the plans that would be billed beside a side which stays up: once one of them is billed, it ends."""
    mine = {line for line, _ in sides}
    for side, each in sides:
        if each.units > each.instead_of:
            for plan, since in _plans_instead(side, desired).items():
                if plan not in mine:
                    yield _billed_from(plan, max(since, each.day), each, lines, desired, ends)


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


def _billed_from(
    key: LineKey, day: date, back: Undone, lines: Mapping[LineKey, Line], desired: Desired, ends: _Ends
) -> date | None:
    """The first day since ``day`` on which a line is wanted for whom a decrease was taken back, without what was undone of it.

    It may have got its service only now.
    """
    demand, line = desired.demands.get(key), lines.get(key)
    if demand is not None and back.customer:
        own = tuple(source for source in demand.sources if source.customer_id == back.customer)
        demand = replace(demand, sources=own, units=demand.part(back.customer))
    fewer = [one for one in (line.undone if line else ()) if one.units <= one.instead_of]
    undone = [replace(one, until=ends[one.id]) for one in fewer]
    units = without_undone(demand, undone)
    return next((one for one in (day, *units.days) if one >= day and units.at(one)), None)


def _other_quantity(one: Undone, demand: Demand | None) -> date | None:
    """The first day on which Timus and the terms want something else of what was undone."""
    units = _concerned(one, demand)
    days = (one.day, *(day for day in units.days if day > one.day))
    return next((day for day in days if units.at(day) != _as_it_was(one)), None)


def _news(one: Undone, demand: Demand | None) -> date | None:
    """The first day on which a quantity was said anew."""
    news = [
        max(cause.day, one.day)
        for cause in (demand.causes if demand else ())
        if cause.before != cause.after
        and cause.number > one.versions.get(cause.subscription_id, 0)
        and one.customer in ("", cause.customer_id)
    ]
    return min(news, default=None)
