"""From desired and held to dated adjustments: the pure heart of the product.

An adjustment adds ``delta`` units to every day from its day on. Where a day is not open (an adjustment of ours is on it
already, its period is posted), what it needs is netted into the next open day. Applying a plan and planning again gives nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .desired import Link
from .mapping import LineKey
from .timeline import Timeline


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A signed change of a line's units from ``day`` on; what one POST to ContractServiceAdjustments says."""

    line: LineKey
    day: date
    delta: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A line whose units can be planned: what it should have and what Autotask holds."""

    line: LineKey
    desired: Timeline
    start: date
    """First day to make level."""
    held: Timeline
    open_day: Callable[[date], date | None]
    """The first day at or after the given one that can take an adjustment, or None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Adjustments in the order in which they may be posted: by day, decreases first.

    ``blocked`` lines wait for a decrease of a plan change that cannot be planned now.
    """

    adjustments: tuple[Adjustment, ...]
    blocked: frozenset[LineKey] = frozenset()


def plan_adjustments(
    gaps: Sequence[Gap], links: Sequence[Link] = (), elsewhere: Mapping[LineKey, Gap] | None = None
) -> Plan:
    """The adjustments that make held equal desired on every day from the first open day on.

    ``links`` name plan changes: the line that goes up does so no earlier than the day on which the other has come down.
    ``elsewhere`` are linked lines that are not planned here (another contract's), as they are held. A linked line that is in
    neither is unknown: what goes up waits.
    """
    known = {**(elsewhere or {}), **{gap.line: gap for gap in gaps}}
    after = {line: gap.held for line, gap in known.items()}
    downs: dict[tuple[LineKey, date], list[LineKey]] = {}
    for link in links:
        downs.setdefault((link.up, link.day), []).append(link.down)
    missing = {gap.line: gap.desired.minus(gap.held) for gap in gaps}
    running = dict.fromkeys(missing, 0)
    reached: dict[LineKey, date] = {}
    blocked: set[LineKey] = set()
    out: list[Adjustment] = []

    turns = [
        (day, (gap.line, day) in downs, gap.line, gap)
        for gap in gaps
        for day in {gap.start, *(d for d in (*missing[gap.line].days, *gap.desired.days) if d > gap.start)}
    ]
    for day, _, line, gap in sorted(turns, key=lambda turn: turn[:3]):
        if line in blocked:
            continue
        on = gap.open_day(max(day, reached.get(line, day)))
        if on is None:
            continue
        if missing[line].at(on) > running[line]:
            levels = [
                _level_from(day, known[down].desired, after[down]) if down in known else None
                for down in downs.get((line, day), ())
            ]
            late = [level for level in levels if level is not None]
            if len(late) < len(levels):
                blocked.add(line)
                continue
            on = gap.open_day(max(on, *late)) if late else on
            if on is None:
                continue
        reached[line] = on
        delta = missing[line].at(on) - running[line]
        if delta:
            running[line] += delta
            after[line] = after[line].add_from(on, delta)
            out.append(Adjustment(line, on, delta))
    out.sort(key=lambda a: (a.day, a.delta > 0, a.line))
    return Plan(tuple(out), frozenset(blocked))


def _level_from(day: date, desired: Timeline, held: Timeline) -> date | None:
    """The first day at or after ``day`` on which the line has come down to what it should have."""
    for candidate in sorted({day, *(d for d in (*desired.days, *held.days) if d > day)}):
        if held.at(candidate) <= desired.at(candidate):
            return candidate
    return None
