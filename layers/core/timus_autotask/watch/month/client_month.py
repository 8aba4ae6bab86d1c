"""A client's month in the client's own words: seats by day, who asked for each change, and what part of a period it is billed for.

There is no cost, no margin and no id of Autotask in it. A client who shares a line with others sees only what of it is billed for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import JournalEntry, Why
from timus_autotask.watch.explanation import BEFORE_MAPPING, NO_LINE, OF_THE_LINE, SUPERSEDED
from timus_autotask.watch.month.asked import (
    AskedFor,
    WhyNobodyAsked,
    asked_for,
    coming_back,
    is_of_terms,
    is_told,
    said_before,
    with_trials,
)
from timus_autotask.watch.month.evidence import MonthEvidence
from timus_autotask.watch.month.line_evidence import DayUnits, LineEvidence, Month, by_journal
from timus_autotask.watch.month.share import billed_by_day, landed_by_day, whose
from timus_autotask.watch.wording import counted

WIDTH, HEIGHT, LEFT, TOP = 640, 120, 34, 18
"""Of a chart, in its own units: the whole of it, and where the days begin."""

WHY = {
    Why.ENFORCED: " The number was corrected to what was ordered.",
    Why.TERMS: " The terms of billing were changed.",
    Why.UNDONE: " An earlier change was taken back.",
}
"""What a client is told of a change that it did not ask for."""

MADE_GOOD = " The number was brought to what is to be billed."
"""Of one that makes good what the line had otherwise before."""

BACK = " An earlier change that was taken back holds again."
"""And where newer news end an undo."""

BY_HAND = " The number was set by hand."
"""And of one that is none of our adjustments."""


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Who asked for a change."""

    by: str
    """As Timus names them; empty: Timus does not say."""
    at: datetime | None
    """In the partner's zone."""
    before: int
    """Seats that were ordered for the day of the change, as it was known before."""
    after: int
    said: str = ""
    """For people: what was asked for, where the change does not say just that."""


@dataclass(frozen=True, slots=True)
class ClientChange:
    """A change of seats that is billed, or of the contract that bills them."""

    day: date
    before: int
    after: int
    explained: str
    """What of a period it is billed for."""
    asked: tuple[AskedBy, ...]
    """Empty: nobody, or it is not known."""
    nobody: bool = False
    """Nobody asked for it, and that is known; why stands in ``explained``."""


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
    """One service of the client, on all of its contracts together."""

    name: str
    first: int | None
    """Seats that are billed on the first day of the month; None: nobody can say."""
    last: int | None
    """And on the last one."""
    chart: ClientChart
    changes: tuple[ClientChange, ...]
    not_known: tuple[str, ...] = ()
    """For people: the days of which nobody can say how many seats of a shared line are the client's."""
    by_terms: tuple[str, ...] = ()
    """For people: the days on which the terms bill other seats than the client has."""


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
    parts: dict[int, list[_Part]] = {}
    for line in found.lines:
        parts.setdefault(line.key.service_id, []).append(_Part(line, _seats(line, found.customer)))
    services = [_service(each, found) for each in parts.values()]
    lines = [
        _line(one, services, found, zone) for one in services if any(each.has_seats for each in one.parts)
    ]
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
    return {first - ONE_DAY: _on_the_day_before(line, first, seats[first] or 0), **seats}


def _on_the_day_before(line: LineEvidence, first: date, units: int) -> int:
    """What is billed before the first day of the month, on which it is ``units``."""
    day, contract = first - ONE_DAY, line.contract
    if contract is not None and contract.end < first:  # Autotask's rows of the month do not tell
        journal = by_journal(line.journal.entries, line.line)
        return journal.at(day) if journal and contract.start <= day <= contract.end else 0
    return units - sum(entry.delta for entry in _landed(line, first))


@dataclass(frozen=True, slots=True)
class _Part:
    """A service on one of the client's contracts."""

    line: LineEvidence
    seats: Mapping[date, int | None]
    """What is billed for the client on each day of the month, and on the one before it; None: nobody can say."""

    @property
    def has_seats(self) -> bool:
        """Whether anything is billed for the client in the month, or may be: of days of which nobody can say, by its part."""
        seats = [self.seats[one.day] for one in self.line.days]
        return any(seats) or (None in seats and any(one.part for one in self.line.days))

    @property
    def wanted(self) -> Mapping[date, int]:
        """The client's part on each day of the month, billed or not."""
        return {one.day: one.part for one in self.line.days}

    def turns_by(self, day: date) -> int:
        """How many seats more there are than the day before."""
        return (self.seats[day] or 0) - (self.seats[day - ONE_DAY] or 0)


@dataclass(frozen=True, slots=True)
class _Service:
    """A service as the client knows it: on all of its contracts together."""

    name: str
    skus: frozenset[str]
    parts: Sequence[_Part]
    seats: Mapping[date, int | None]
    """Of all parts together."""

    def turns_by(self, day: date) -> int:
        """How many seats more there are than the day before; 0 also where nobody can say."""
        before, after = self.seats[day - ONE_DAY], self.seats[day]
        return 0 if before is None or after is None else after - before


def _service(parts: Sequence[_Part], found: MonthEvidence) -> _Service:
    first = parts[0].line
    return _Service(
        found.names.services.get(first.key.service_id) or ", ".join(first.skus),
        frozenset(sku for one in parts for sku in one.line.skus),
        parts,
        {day: _together([one.seats[day] for one in parts]) for day in parts[0].seats},
    )


def _line(
    service: _Service, services: Sequence[_Service], found: MonthEvidence, zone: ZoneInfo
) -> ClientLine:
    seats = [service.seats[day] for day in found.month.days]
    return ClientLine(
        service.name,
        seats[0],
        seats[-1],
        _chart(seats),
        tuple(_changes(service, services, found, zone)),
        tuple(_not_known(service.seats, found)),
        tuple(said for one in service.parts for said in _by_terms(one, found)),
    )


def _by_terms(part: _Part, found: MonthEvidence) -> Iterator[str]:
    """For people: each stretch of days until today on which what the terms make of the client's seats is billed."""
    stretches: list[list[DayUnits]] = []
    for one in (_of_what_counts(each) for each in part.line.days):
        if one.day > found.today or not one.why or part.seats[one.day] != one.part:
            continue
        last = stretches[-1][-1] if stretches else None
        if last and replace(last, day=one.day, journal=one.journal, autotask=one.autotask) == one:
            stretches[-1].append(one)
        else:
            stretches.append([one])
    for days in stretches:
        first, last_day = day_of(days[0].day), day_of(days[-1].day)
        when = f"On {first}" if first == last_day else f"From {first} to {last_day}"
        if said := _of_terms(days[0]):
            yield f"{when} you had {said}."


def _of_what_counts(day: DayUnits) -> DayUnits:
    """Without reasons that are no terms: what came too late to be billed, and why the whole line has other units than all parts come to."""
    return replace(day, why=tuple(one for one in day.why if one.code not in (SUPERSEDED, *OF_THE_LINE)))


def _of_terms(day: DayUnits) -> str:
    """For people: "3 seats, and at least 8 are billed"."""
    of = {one.code: one for one in day.why}
    trial = of.pop("trial", None)
    of.pop("other-line", None)
    said = [counted(day.timus, "seat")] if of or day.timus else []
    if of:
        said += [_of_codes({code: one.units for code, one in of.items()}, day)]
    if trial:
        said += [trial.message if said else trial.message.removeprefix("and ")]
    return ", ".join(said)


def _of_codes(units: Mapping[str, int], day: DayUnits) -> str:
    are = "is" if day.part == 1 else "are"
    match [*units]:
        case ["minimum"]:
            return f"and at least {day.part} {are} billed"
        case ["included"]:
            free = f"{'is' if units['included'] == -1 else 'are'} free"
            return f"and {-units['included']} of them {free}" if day.part else f"which {free}"
        case ["other-day"]:
            return f"and {day.part} {are} billed, as by the terms of billing a change counts from another day"
        case [code] if code == NO_LINE:
            return f"and {day.part} {are} billed"
        case [code] if code == BEFORE_MAPPING:
            return f"and {day.part} {are} billed, as billing here begins on a later day"
    return f"and by the terms of billing {day.part} {are} billed"


def _together(seats: Sequence[int | None]) -> int | None:
    known = [one for one in seats if one is not None]
    return sum(known) if len(known) == len(seats) else None


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
    service: _Service, services: Sequence[_Service], found: MonthEvidence, zone: ZoneInfo
) -> Iterator[ClientChange]:
    """Each day on which other seats are billed than the day before, or are billed otherwise, with the adjustments that made it so."""
    for day in found.month.days:
        before, after = service.seats[day - ONE_DAY], service.seats[day]
        turning = [one for one in service.parts if one.turns_by(day)]
        if before is not None and after is not None and turning:
            yield from _change_of(day, (before, after), turning, service, services, found, zone)


def _change_of(
    day: date,
    seats: tuple[int, int],
    turning: Sequence[_Part],
    service: _Service,
    services: Sequence[_Service],
    found: MonthEvidence,
    zone: ZoneInfo,
) -> Iterator[ClientChange]:
    """The change of a day, if it is one. ``seats``: before it and after it; ``turning``: the contracts on which they change."""
    before, after = seats
    moved = _moved(one.turns_by(day) for one in turning)
    again = _again(service.parts, day, after - before, moved)
    other, name = _of_another(service, services, day, after - before - again)
    goes_on = bool(moved or again or other)
    if not goes_on and not any(_is_shown(one.line, day) for one in turning):
        return
    said, by, known = [*_go_on(moved, again, day), *_go_on_as(other, name, day)], tuple[AskedBy, ...](), True
    if more := after - before - again - other:
        most = max(turning, key=lambda one: more * one.turns_by(day)).line
        explained, asked, known = _asked_and_explained(most, day, more, after - more, found)
        said.append(explained)
        by = tuple(_asked(asked, after - before, zone))
    yield ClientChange(day, before, after, " ".join(said), by, known and not by)


def _moved(turns: Iterable[int]) -> int:
    """Seats that come to some contracts and go from others."""
    ups = [*turns]
    return min(sum(up for up in ups if up > 0), -sum(up for up in ups if up < 0))


def _again(parts: Sequence[_Part], day: date, more: int, moved: int) -> int:
    """Seats that go on on another contract after days on which none billed them, as their own one had ended."""
    wanted = [one.wanted for one in parts]
    if day - ONE_DAY not in wanted[0]:
        return 0
    return max(min(more, _moved(each[day] - each[day - ONE_DAY] for each in wanted) - moved), 0)


def _go_on(moved: int, again: int, day: date) -> list[str]:
    """For people: the client has asked for nothing, and has as many seats as before."""
    said = []
    if moved:
        go, them = ("1 seat goes", "it") if moved == 1 else (f"{moved} seats go", "them")
        said.append(
            f"{go} on under another contract from {day_of(day)}. Each contract bills {them} for its own days."
        )
    if again:
        are = "1 seat is" if again == 1 else f"{again} seats are"
        said.append(f"{are} billed again from {day_of(day)}, under another contract.")
    return said


def _of_another(service: _Service, services: Sequence[_Service], day: date, more: int) -> tuple[int, str]:
    """Seats that come from another service to which the same SKU went before, or (negative) go to one; with that one's name."""
    for other in services:
        turn = other.turns_by(day)
        if other is not service and service.skus & other.skus and turn * more < 0:
            return (min(-turn, more) if more > 0 else max(-turn, more)), other.name
    return 0, ""


def _go_on_as(seats: int, name: str, day: date) -> Iterator[str]:
    """For people: what the client has is billed as another service."""
    if seats < 0:
        yield f"{'1 seat goes' if seats == -1 else f'{-seats} seats go'} on as {name} from {day_of(day)}."
    elif seats:
        were = "1 seat that was" if seats == 1 else f"{seats} seats that were"
        yield f"{were} {name} before {'goes' if seats == 1 else 'go'} on here from {day_of(day)}."


def _landed(line: LineEvidence, day: date) -> Sequence[JournalEntry]:
    return landed_by_day(line).get(day, [])


def _asked_and_explained(
    line: LineEvidence, day: date, more: int, before: int, found: MonthEvidence
) -> tuple[str, AskedFor, bool]:
    """What is said to the client of ``more`` seats on a line, who asked for them, and whether that is known.

    Those ``before`` may have been billed elsewhere.
    """
    told, mine = _told(line, day, found.customer)
    terms = any(is_of_terms(one, found.by_terms) for one in told) or (not told and day in found.by_terms)
    back = coming_back(told, line.journal.entries)
    enforced = any(one.why is Why.ENFORCED for one in told)
    asked = asked_for(mine, day, more, before=before, of_terms=terms, back=back, enforced=enforced)
    if asked.is_empty:
        asked = _of_others(line, day, more, found)
    whys = {one.why for one in told} | {_WHY_OF[one] for one in asked.because if one in _WHY_OF}
    said = _explained(told, day, more, line, bool(asked.by)) + _why(line, day, whys)
    if WhyNobodyAsked.BACK in asked.because:
        said += _come_back(back, more) if back else BACK
    known = not asked.is_empty or Why.UNDONE in whys or _has_ended(line, day)
    nobody = "" if known else _of_nobody(told, line)
    return said + nobody, replace(asked, by=with_trials(asked.by, found.trials)), known or bool(nobody)


def _of_nobody(told: Sequence[JournalEntry], line: LineEvidence) -> str:
    """For people: what a change is that nobody asked for; empty: that is not known."""
    if told:
        return MADE_GOOD if all(map(is_told, told)) else ""
    return "" if line.others else BY_HAND


_WHY_OF = {WhyNobodyAsked.TERMS: Why.TERMS, WhyNobodyAsked.UNDONE: Why.UNDONE}


def _of_others(line: LineEvidence, day: date, more: int, found: MonthEvidence) -> AskedFor:
    """Who asked for seats of which the adjustments of a day do not tell: earlier, or nobody.

    On a shared line, another client's news may end an undo of this one's change, or an undo of another's change take it with it.
    """
    made, entries = _landed(line, day), line.journal.entries
    for one in made:
        if earlier := said_before(one, entries, more, found.customer):
            return AskedFor(earlier)
    if not line.others or not made:
        return AskedFor()
    if any(one.undoes for one in made):
        return AskedFor(because=(WhyNobodyAsked.UNDONE,))
    since = min(one.follows_from for one in made)
    if any(is_of_terms(one, ()) for one in made) or any(since <= one <= day for one in found.by_terms):
        return AskedFor(because=(WhyNobodyAsked.TERMS,))
    return AskedFor(because=(WhyNobodyAsked.BACK,) if coming_back(made, entries) else ())


def _come_back(seats: int, more: int) -> str:
    """For people: what was taken back before comes back, and is among the seats ``more``, or makes up for what is less."""
    rest = more - seats
    apart = seats * rest < 0
    are = f"{counted(abs(seats), 'seat')}{' fewer' if seats < 0 else ''}{'' if apart else ' of that'}"
    comes = "" if seats < 0 else " comes back" if seats == 1 else " come back"
    said = f" {are}{comes}:{BACK[:1]}{BACK[1:2].lower()}{BACK[2:]}"
    if not apart:
        return said
    others = f"{counted(abs(rest), 'seat')} {'more' if rest > 0 else 'fewer'}"
    return f"{said} Besides, {others} {'was' if abs(rest) == 1 else 'were'} ordered."


def _told(line: LineEvidence, day: date, customer: str) -> tuple[Sequence[JournalEntry], list[Cause]]:
    """The adjustments of which may be said to the client what they are, and what the client asked for."""
    entries = _landed(line, day)
    mine = [one for one in _causes(line, day, entries) if one.customer_id == customer]
    return [one for one in entries if not line.others or _tells(one, line, customer)], mine


def _causes(line: LineEvidence, day: date, entries: Sequence[JournalEntry]) -> list[Cause]:
    """What the adjustments of a day follow from. Where one client's change made up for another's, nothing was to be adjusted."""
    if line.whole and not entries:
        every = (*line.whole.causes, *line.whole.brought_forward)
        return [one for one in every if line.whole.billed_from(one) == day]
    return [cause for one in entries for cause in one.causes]


def _tells(entry: JournalEntry, line: LineEvidence, customer: str) -> bool:
    """Whether what is said of an adjustment of a shared line may be said to a customer: it is nobody else's, or undoes a change that was its too."""
    owners = whose(entry, line)
    return owners <= {customer} or (bool(entry.undoes) and customer in owners)


def _is_shown(line: LineEvidence, day: date) -> bool:
    """Whether other seats than the day before are a change: adjusted, of a day and one before that the contract bills, or after its last one."""
    return bool(_landed(line, day)) or _goes_on(line, day) or _has_ended(line, day)


def _goes_on(line: LineEvidence, day: date) -> bool:
    """Whether the contract bills the day and the one before: that it begins is no change of seats."""
    return line.contract is not None and line.contract.start < day <= line.contract.end


def _has_ended(line: LineEvidence, day: date) -> bool:
    """Whether the contract's last day was before."""
    return line.contract is not None and line.contract.end < day


def _asked(asked: AskedFor, more: int, zone: ZoneInfo) -> Iterator[AskedBy]:
    just_that = len(asked.by) == 1 and asked.by[0].more == more
    for one in asked.by:
        at = one.cause.occurred_at.astimezone(zone) if one.cause.occurred_at else None
        said = [] if just_that or (one.ends and not one.more) else [f"{one.before} → {one.after}"]
        said += [f"cancelled from {day_of(one.ends)}"] if one.ends else []
        said += [f"{one.trial} in a trial, which is not billed"] if one.trial else []
        yield AskedBy(one.cause.actor or "", at, one.before, one.after, ", ".join(said))


def _explained(
    entries: Sequence[JournalEntry], day: date, delta: int, line: LineEvidence, somebody_asked: bool
) -> str:
    """For people: "3 seats more from 16 March 2026. They are billed for 16 of the 31 days from 1 March 2026 to 31 March 2026."."""
    contract, single = line.contract, abs(delta) == 1
    seats = counted(abs(delta), "seat")
    if contract is not None and _has_ended(line, day):
        are = "is" if single else "are"
        return f"The contract ends on {day_of(contract.end)}: {seats} {are} not billed from {day_of(day)}."
    said = f"{seats} {'more' if delta > 0 else 'fewer'} from {day_of(day)}."
    if contract is None or day < contract.start:
        return said
    are = "It is" if single else "They are"
    said += f" {are} {'billed' if delta > 0 else 'not billed'} for {_part_of_period(day, contract)}."
    postponed = next((one.postponed for one in entries if one.postponed), None)
    if postponed and somebody_asked:
        said += f" It was asked for from {day_of(postponed.day)}."
    return said


def _why(line: LineEvidence, day: date, whys: AbstractSet[Why | None]) -> str:
    """For people: why there was a change that the client did not ask for."""
    return "" if _has_ended(line, day) else "".join(words for why, words in WHY.items() if why in whys)


def _part_of_period(day: date, contract: Contract) -> str:
    """For people: what a change of a day is billed for, of a contract that bills the day. Days after its last one are billed to nobody."""
    first, last = period_containing(day, contract.start, contract.months)
    days, of = (min(last, contract.end) - day).days + 1, (last - first).days + 1
    if days == of:
        return f"the whole period from {day_of(first)} to {day_of(last)}"
    part = f"{days} of the {of} days from {day_of(first)} to {day_of(last)}"
    return part if last <= contract.end else f"{part}, as the contract ends on {day_of(contract.end)}"


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
