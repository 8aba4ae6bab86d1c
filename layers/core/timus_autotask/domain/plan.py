"""From desired and observed to dated adjustments: the pure heart of the product.

An adjustment adds ``delta`` units to every day from its day on. Where a day is not open (an adjustment of ours is on it
already, its period is posted), what it needs is netted into the next open day. Applying a plan and planning again gives nothing.

So a change dated before a day that is not open, on which the units change, would run over into it: 28 units that are wanted
from Monday, where Wednesday already went from 0 to 26, would make 54 on Wednesday. Such days stay as they are, and the line is
made level from the next open day on: no day ever gets a quantity that was never wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from heapq import heapify, heappop, heappush

from .gap import Gap, within_reach
from .mapping import LineKey
from .plan_change import Link
from .timeline import Timeline


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A signed change of a line's units from ``day`` on; what one POST to ContractServiceAdjustments says."""

    line: LineKey
    day: date
    delta: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Adjustments in the order in which they may be posted: by day, decreases first.

    ``blocked`` lines wait, from the given day on, for a decrease of a plan change that cannot be planned now.
    """

    adjustments: tuple[Adjustment, ...]
    blocked: Mapping[LineKey, date] = field(default_factory=dict)


def plan_adjustments(
    gaps: Sequence[Gap], links: Sequence[Link] = (), elsewhere: Mapping[LineKey, Gap] | None = None
) -> Plan:
    """The adjustments that make observed equal desired on every day from the first open day on.

    ``links`` name plan changes: the line that goes up does so no earlier than the day on which the other has come down.
    ``elsewhere`` are linked lines that are not planned here (another contract's, or settling), with the most that they may hold. A
    linked line that is in neither is unknown: what goes up waits, unless it went up before.
    """
    while True:
        plan, after = _planned(gaps, links, elsewhere or {})
        strays = {gap.line: _strays_on(gap, after[gap.line]) for gap in gaps if gap.line not in plan.blocked}
        if not any(strays.values()):
            return plan
        gaps = [replace(gap, start=strays.get(gap.line) or gap.start) for gap in gaps]


def _strays_on(gap: Gap, after: Timeline) -> date | None:
    """The first day that cannot be changed and would come to more or less than it has and should have, or None.

    A rise that was to make up on that day for an earlier fall may have to wait for another plan until after it.
    """
    for day in sorted({*gap.desired.days, *gap.observed.days, *after.days}):
        if gap.start < day <= gap.last and gap.open_day(day) != day:
            least, most = sorted((gap.observed.at(day), gap.desired.at(day)))
            if not least <= after.at(day) <= most:
                return day
    return None


def _planned(
    gaps: Sequence[Gap], links: Sequence[Link], elsewhere: Mapping[LineKey, Gap]
) -> tuple[Plan, Mapping[LineKey, Timeline]]:
    """A plan, and what every line has after it."""
    known = {**elsewhere, **{gap.line: gap for gap in gaps}}
    after = {line: gap.observed for line, gap in known.items()}
    missing = {gap.line: within_reach(gap) for gap in gaps}
    running = dict.fromkeys(missing, 0)
    wanted: dict[LineKey, date] = {}  # since when a line waits for its rise
    blocked: dict[LineKey, date] = {}
    out: list[Adjustment] = []

    def level_from(other: LineKey, day: date) -> date | None:
        first = known[other].level_from(day, after[other])
        if other in missing or first == day or first in after[other].days:
            return first
        # It comes down by a plan of its own, not by being wanted again later, unless no such plan changes the days until then.
        _, alone = _planned([known[other]], (), {})
        return first if known[other].level_from(day, alone[other]) == first else None

    ordered = sorted(gaps, key=lambda gap: gap.line)
    turns = [
        (day, _rises(missing[gap.line], day, gap.start), number)
        for number, gap in enumerate(ordered)
        for day in {gap.start, *(d for d in (*missing[gap.line].days, *gap.desired.days) if d > gap.start)}
    ]
    heapify(turns)
    while turns:
        day, _, number = heappop(turns)
        gap = ordered[number]
        line = gap.line
        if line in blocked:
            continue
        on = gap.open_day(day)
        if on is None:
            continue
        if missing[line].at(on) > running[line]:
            since = wanted.setdefault(line, day)
            if on > day:
                heappush(turns, (on, True, number))  # after what comes down until then
                continue
            back = next(
                (d for d in missing[line].days if d > on and missing[line].at(d) < missing[line].at(on)), None
            )
            if back is not None:
                others = _other_plans(gap, links, known)
                met = [o for o in others if _billed_from(known[o].billed_of_plans(after[o]), back)]
                waits = [o for o in met if level_from(o, back) is None]
                if any(other not in missing for other in waits):
                    blocked[line] = since  # it is for another contract's plan to say when it comes down
                    continue
                later = min((turn for turn, _, _ in turns if day < turn < back), default=None)
                if waits and later is not None:
                    heappush(turns, (later, True, number))  # it may come down by then
                    continue
                if met:
                    missing[line] = missing[line].set_between(on, back, running[line])
                    wanted.pop(line)
                    continue
            levels = [
                level_from(link.down, day) if link.down in known else None
                for link in links
                if link.up == line and link.day <= day
                if link.down in known or link.day == day or not after[line].at(day)
            ]
            late = [level for level in levels if level is not None]
            if len(late) < len(levels):
                blocked[line] = since
                continue
            on = gap.open_day(max(on, *late)) if late else on
            if on is None:
                continue
            if on > day:
                heappush(turns, (on, True, number))  # a plan that is left in the meantime counts too
                continue
        wanted.pop(line, None)
        delta = missing[line].at(on) - running[line]
        if delta:
            running[line] += delta
            after[line] = after[line].add_from(on, delta)
            out.append(Adjustment(line, on, delta))
    out.sort(key=lambda a: (a.day, a.delta > 0, a.line))
    return Plan(tuple(out), blocked), after


def _other_plans(gap: Gap, links: Sequence[Link], known: Mapping[LineKey, Gap]) -> set[LineKey]:
    """The known lines that a plan change joins with this one, and that are never wanted beside it, as a gateway is.

    Days do not tell all: a version that had both may have been overtaken by one of an earlier day, or of the same.
    """
    plans = [link for link in links if not link.beside]
    ends = {(link.down, link.up) for link in plans} | {(link.up, link.down) for link in plans}
    others = {other for one, other in ends if one == gap.line and other in known}
    return {other for other in others if not _together(gap.desired, known[other].desired)}


def _together(one: Timeline, other: Timeline) -> bool:
    """Whether there is a day on which both have units."""
    return any(one.at(day) and other.at(day) for day in (*one.days, *other.days))


def _billed_from(observed: Timeline, day: date) -> bool:
    """Whether there are units on ``day`` or later."""
    return any(observed.at(d) > 0 for d in (day, *(d for d in observed.days if d > day)))


def _rises(missing: Timeline, day: date, start: date) -> bool:
    return missing.at(day) > (missing.at(day - timedelta(days=1)) if day > start else 0)
