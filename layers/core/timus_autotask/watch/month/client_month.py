"""A client's month in the client's own words: seats by day, who asked for each change, and what part of a period it is billed for.

There is no cost, no margin and no id of Autotask in it. A client who shares a line with others sees its own part of it only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import period_containing
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import JournalEntry, Outcome, Why
from timus_autotask.watch.month.evidence import LineEvidence, Month, MonthEvidence

WIDTH, HEIGHT, LEFT, TOP = 640, 120, 34, 18
"""Of a chart, in its own units: the whole of it, and where the days begin."""


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Who asked for a change."""

    by: str
    """As Timus names them; empty: Timus does not say."""
    at: datetime | None
    """In the partner's zone."""
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ClientChange:
    """A change of seats that is billed."""

    day: date
    before: int
    after: int
    explained: str
    """What of a period it is billed for."""
    asked: tuple[AskedBy, ...]


@dataclass(frozen=True, slots=True)
class ClientChart:
    """A step chart, as coordinates of an SVG."""

    path: str
    labels: tuple[tuple[float, float, str], ...]
    """(x, y, seats), where the number changes."""
    days: tuple[tuple[float, str], ...]
    """(x, day of the month)."""


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One service of the client."""

    name: str
    first: int
    """Seats on the first day of the month that is billed."""
    last: int
    chart: ClientChart
    changes: tuple[ClientChange, ...]


@dataclass(frozen=True, slots=True)
class ClientMonth:
    """The page."""

    partner: str
    client: str
    month: Month
    made_on: date
    lines: tuple[ClientLine, ...]
    not_over: bool = False
    """Some of its days are still to come."""


def client_month(found: MonthEvidence, partner: str, zone: ZoneInfo) -> ClientMonth:
    """What a client is shown of its evidence."""
    lines = [_line(line, found, zone) for line in found.lines if any(_seats(line))]
    return ClientMonth(
        partner,
        found.name or found.customer,
        found.month,
        found.today,
        tuple(lines),
        bool(found.days_to_come),
    )


def day_of(day: date) -> str:
    """A day for people: "16 March 2026"."""
    return f"{day.day} {day:%B %Y}"


def _seats(line: LineEvidence) -> list[int]:
    """What is billed for the client on each day."""
    if line.others:
        return [one.part for one in line.days]
    return [one.journal or 0 if one.autotask is None else one.autotask for one in line.days]


def _line(line: LineEvidence, found: MonthEvidence, zone: ZoneInfo) -> ClientLine:
    seats = _seats(line)
    return ClientLine(
        found.names.services.get(line.key.service_id) or ", ".join(line.skus),
        seats[0],
        seats[-1],
        _chart(seats),
        tuple(_changes(line, found, zone)),
    )


def _changes(line: LineEvidence, found: MonthEvidence, zone: ZoneInfo) -> Iterator[ClientChange]:
    seen: set[str] = set()
    for entry in line.changes:
        if entry.outcome is not Outcome.LANDED or entry.day not in found.month or entry.id in seen:
            continue
        seen.add(entry.id)
        mine = [cause for cause in entry.causes if cause.customer_id == found.customer]
        if line.others and not mine:
            continue  # another customer's
        before, after = entry.units_before, entry.units_after
        if line.others:
            before, after = mine[0].before, mine[-1].after
        asked = tuple(_asked(_since(mine, before), zone))
        yield ClientChange(entry.day, before, after, _explained(entry, after - before, line), asked)


def _since(causes: list[Cause], units: int) -> list[Cause]:
    """Those that lead on from these units: what Timus had reported first may have been billed already."""
    begins = [number for number, cause in enumerate(causes) if cause.before == units]
    return causes[begins[-1] :] if begins else causes


def _asked(causes: Iterable[Cause], zone: ZoneInfo) -> Iterator[AskedBy]:
    for cause in causes:
        at = cause.occurred_at.astimezone(zone) if cause.occurred_at else None
        yield AskedBy(cause.actor or "", at, cause.before, cause.after)


def _explained(entry: JournalEntry, delta: int, line: LineEvidence) -> str:
    """For people: "3 seats more from 16 March 2026. They are billed for 16 of the 31 days from 1 March 2026 to 31 March 2026."."""
    seats = f"{abs(delta)} {'seat' if abs(delta) == 1 else 'seats'}"
    said = f"{seats} {'more' if delta > 0 else 'fewer'} from {day_of(entry.day)}."
    contract = line.contract
    if contract is None or entry.day < contract.start:
        return said
    first, last = period_containing(entry.day, contract.start, contract.months)
    days, of = (last - entry.day).days + 1, (last - first).days + 1
    part = f"{days} of the {of} days from {day_of(first)} to {day_of(last)}"
    if days == of:
        part = f"the whole period from {day_of(first)} to {day_of(last)}"
    said += (
        f" {'They are' if abs(delta) != 1 else 'It is'} {'billed' if delta > 0 else 'not billed'} for {part}."
    )
    if entry.postponed:
        said += f" It was asked for from {day_of(entry.postponed.day)}."
    if entry.why is Why.ENFORCED:
        said += " The number was corrected to what was ordered."
    if entry.why is Why.TERMS:
        said += " The terms of billing were changed."
    if entry.why is Why.UNDONE:
        said += " An earlier change was taken back."
    return said


def _chart(seats: list[int]) -> ClientChart:
    most = max((*seats, 1))
    width, height = (WIDTH - LEFT) / len(seats), HEIGHT - TOP - 18
    points: list[str] = []
    labels: list[tuple[float, float, str]] = []
    before: int | None = None
    for number, units in enumerate(seats):
        x, y = round(LEFT + number * width, 1), round(TOP + height * (1 - units / most), 1)
        if units != before:
            points.append(f"{'M' if before is None else 'H'}{x}{f' {y}' if before is None else f'V{y}'}")
            labels.append((x, y - 4, str(units)))
        before = units
    points.append(f"H{WIDTH}")
    days = tuple((round(LEFT + number * width, 1), str(number + 1)) for number in range(0, len(seats), 5))
    return ClientChart("".join(points), tuple(labels), days)
