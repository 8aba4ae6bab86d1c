"""A client's month in the client's own words: seats by day, who asked for each change, and what part of a period it is billed for.

There is no cost, no margin and no id of Autotask in it. A client who shares a line with others sees only what of it is billed for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import period_containing
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import JournalEntry, Why
from timus_autotask.watch.month.evidence import ONE_DAY, LineEvidence, Month, MonthEvidence
from timus_autotask.watch.month.share import billed_by_day, landed_by_day, whose

WIDTH, HEIGHT, LEFT, TOP = 640, 120, 34, 18
"""Of a chart, in its own units: the whole of it, and where the days begin."""

WHY = {
    Why.ENFORCED: " The number was corrected to what was ordered.",
    Why.TERMS: " The terms of billing were changed.",
    Why.UNDONE: " An earlier change was taken back.",
}
"""What a client is told of a change that it did not ask for."""


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
    first: int | None
    """Seats that are billed on the first day of the month; None: nobody can say."""
    last: int | None
    """And on the last one."""
    chart: ClientChart
    changes: tuple[ClientChange, ...]
    not_known: tuple[str, ...] = ()
    """For people: the days of which nobody can say how many seats of a shared line are the client's."""


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
    lines = [one for line in found.lines for one in _line(line, found, zone)]
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


def _seats(line: LineEvidence, customer: str) -> dict[date, int | None]:
    """What is billed for the client on each day, and on the one before the month; None: nobody can say."""
    if line.others:
        return billed_by_day(line, customer)
    seats: dict[date, int | None] = {
        one.day: one.journal or 0 if one.autotask is None else one.autotask for one in line.days
    }
    first = line.days[0].day
    made = sum(entry.delta for entry in landed_by_day(line).get(first, ()))
    return {first - ONE_DAY: (seats[first] or 0) - made, **seats}


def _has_seats(line: LineEvidence, seats: Collection[int | None]) -> bool:
    """Whether anything is billed for the client, or may be: of days of which nobody can say, by its part."""
    return any(seats) or (None in seats and any(one.part for one in line.days))


def _line(line: LineEvidence, found: MonthEvidence, zone: ZoneInfo) -> Iterator[ClientLine]:
    by_day = _seats(line, found.customer)
    seats = [by_day[one.day] for one in line.days]
    if _has_seats(line, seats):
        yield ClientLine(
            found.names.services.get(line.key.service_id) or ", ".join(line.skus),
            seats[0],
            seats[-1],
            _chart(seats),
            tuple(_changes(line, by_day, found, zone)),
            tuple(_not_known(by_day, found)),
        )


def _not_known(by_day: Mapping[date, int | None], found: MonthEvidence) -> Iterator[str]:
    """For people: each stretch of days of the month of which nobody can say what is billed for the client."""
    stretches: list[list[date]] = []
    for day in found.month.days:
        if by_day[day] is None:
            if not stretches or stretches[-1][-1] + ONE_DAY != day:
                stretches.append([])
            stretches[-1].append(day)
    for days in stretches:
        first, last = day_of(days[0]), day_of(days[-1])
        when = f"On {first}" if first == last else f"From {first} to {last}"
        yield f"{when} this page cannot say how many seats you are billed for."


def _changes(
    line: LineEvidence, by_day: Mapping[date, int | None], found: MonthEvidence, zone: ZoneInfo
) -> Iterator[ClientChange]:
    """Each day on which other seats are billed than the day before, with the adjustments that made it so."""
    landed = landed_by_day(line)
    for day in found.month.days:
        before, after = by_day[day - ONE_DAY], by_day[day]
        entries = landed.get(day, [])
        if before is None or after is None or before == after or not (entries or _goes_on(line, day)):
            continue
        mine = [one for one in _causes(line, day, entries) if one.customer_id == found.customer]
        if line.others:
            entries = [one for one in entries if _tells(one, line, found.customer)]
        explained = _explained(entries, day, after - before, line)
        yield ClientChange(day, before, after, explained, tuple(_asked(_since(mine, before), zone)))


def _causes(line: LineEvidence, day: date, entries: Sequence[JournalEntry]) -> list[Cause]:
    """What the adjustments of a day follow from. Where one client's change made up for another's, nothing was to be adjusted."""
    if line.whole and not entries:
        return [one for one in line.whole.causes if line.whole.billed_from(one) == day]
    return [cause for one in entries for cause in one.causes]


def _tells(entry: JournalEntry, line: LineEvidence, customer: str) -> bool:
    """Whether what is said of an adjustment of a shared line may be said to a customer: it is nobody else's, or undoes a change that was its too."""
    owners = whose(entry, line)
    return owners <= {customer} or (bool(entry.undoes) and customer in owners)


def _goes_on(line: LineEvidence, day: date) -> bool:
    """Whether the contract bills the day and the one before: that it begins or ends is no change of seats."""
    return line.contract is not None and line.contract.start < day <= line.contract.end


def _since(causes: list[Cause], units: int) -> list[Cause]:
    """Those that lead on from these units: what Timus had reported first may have been billed already."""
    begins = [number for number, cause in enumerate(causes) if cause.before == units]
    return causes[begins[-1] :] if begins else causes


def _asked(causes: Iterable[Cause], zone: ZoneInfo) -> Iterator[AskedBy]:
    for cause in causes:
        at = cause.occurred_at.astimezone(zone) if cause.occurred_at else None
        yield AskedBy(cause.actor or "", at, cause.before, cause.after)


def _explained(entries: Sequence[JournalEntry], day: date, delta: int, line: LineEvidence) -> str:
    """For people: "3 seats more from 16 March 2026. They are billed for 16 of the 31 days from 1 March 2026 to 31 March 2026."."""
    seats = f"{abs(delta)} {'seat' if abs(delta) == 1 else 'seats'}"
    said = f"{seats} {'more' if delta > 0 else 'fewer'} from {day_of(day)}."
    contract = line.contract
    if contract is None or day < contract.start:
        return said
    first, last = period_containing(day, contract.start, contract.months)
    days, of = (last - day).days + 1, (last - first).days + 1
    part = f"{days} of the {of} days from {day_of(first)} to {day_of(last)}"
    if days == of:
        part = f"the whole period from {day_of(first)} to {day_of(last)}"
    said += (
        f" {'They are' if abs(delta) != 1 else 'It is'} {'billed' if delta > 0 else 'not billed'} for {part}."
    )
    postponed = next((one.postponed for one in entries if one.postponed), None)
    if postponed:
        said += f" It was asked for from {day_of(postponed.day)}."
    return said + "".join(words for why, words in WHY.items() if any(one.why is why for one in entries))


def _chart(seats: Sequence[int | None]) -> ClientChart:
    """With a gap on the days of which nobody can say."""
    most = max((*(one for one in seats if one is not None), 1))
    width, height = (WIDTH - LEFT) / len(seats), HEIGHT - TOP - 18
    points: list[str] = []
    labels: list[tuple[float, float, str]] = []
    before: int | None = None
    for number, units in enumerate(seats):
        x = round(LEFT + number * width, 1)
        if before is not None and units != before:
            points.append(f"H{x}")
        if units is not None and units != before:
            y = round(TOP + height * (1 - units / most), 1)
            points.append(f"M{x} {y}" if before is None else f"V{y}")
            labels.append((x, y - 4, str(units)))
        before = units
    if before is not None:
        points.append(f"H{WIDTH}")
    days = tuple((round(LEFT + number * width, 1), str(number + 1)) for number in range(0, len(seats), 5))
    return ClientChart("".join(points), tuple(labels), days)
