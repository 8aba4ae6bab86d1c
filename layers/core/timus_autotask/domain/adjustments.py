"""From gaps to dated adjustments: the pure heart of the product. A *plan* here is one of Timus, a SKU that seats have.

How far one line can be made level is decided by its gap (:mod:`.gap`). Here lines wait for one another: in a plan change the new
plan goes up no earlier than the old plan has come down. A change of a locked day is made on the next open day, together with what
came until then. Once these adjustments are made, a second run finds nothing left to adjust.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import heapify, heappop, heappush
from sys import maxsize
from typing import NamedTuple

from .days import ONE_DAY
from .gap import Gap, in_all, within_reach
from .mapping import LineKey
from .plan_change import Link, SeatsThatCome, UnitsOf, Whose, nobodys_units
from .timeline import Timeline

ALL = maxsize
"""However many units there are."""

NOBODY_SAID: Mapping[Link, SeatsThatCome] = {}
"""Of no plan change it is known whose seats come with it."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A signed change of a line's units from ``day`` on: what Autotask is asked for in one request."""

    line: LineKey
    day: date
    delta: int


def in_order(adjustments: Iterable[Adjustment]) -> tuple[Adjustment, ...]:
    """By day, decreases first: so they may be made one after the other."""
    return tuple(sorted(adjustments, key=lambda a: (a.day, a.delta > 0, a.line)))


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Adjustments in the order in which they may be made: by day, decreases first."""

    in_order: tuple[Adjustment, ...]
    blocked: Mapping[LineKey, Adjustment] = field(default_factory=dict)
    """The increase of each line that waits for an old plan to come down, which is not adjusted here; its day is since when it waits."""
    ahead: frozenset[LineKey] = frozenset()
    """The lines of these that go up on a day before: what waits comes on top of it."""
    left_out: Mapping[LineKey, Sequence[tuple[date, date]]] = field(default_factory=dict)
    """Of each line, from which day until before which one an increase is not made at all: another plan is billed from then on."""


def adjustments_for(
    gaps: Sequence[Gap],
    links: Sequence[Link] = (),
    elsewhere: Mapping[LineKey, Gap] | None = None,
    families: Sequence[AbstractSet[LineKey]] = (),
    seats_that_come: Mapping[Link, SeatsThatCome] = NOBODY_SAID,
    units_of: UnitsOf = nobodys_units,
) -> Adjustments:
    """The adjustments that bring these lines to what they should have, from the first open day on.

    ``links`` are the plan changes: a line goes up no earlier than the day on which the linked line has come down. ``elsewhere`` has
    the linked lines that cannot be adjusted now (of another contract, or settling), with the most that they may have. A linked line
    that is in neither is unknown: then seats of it wait, unless the line went up before. ``families`` are lines between which seats
    move: none of them goes up as long as others have too many, but for what is more than these. ``seats_that_come`` tells whose seats come with
    a plan change: where all of the old plan has to come down first, or nobody knows how much of it is left, these wait and all others go.
    """
    while True:
        lines = _Lines(gaps, links, elsewhere or {}, families, seats_that_come, units_of)
        found = _Adjuster(lines).run()
        # An increase that was to make up for an earlier decrease may have had to wait until after a locked day in between.
        spoiled = {gap.line: gap.spoiled_day(lines.after[gap.line]) for gap in gaps}
        if not any(spoiled.values()):
            return found
        gaps = [replace(gap, start=spoiled.get(gap.line) or gap.start) for gap in gaps]


class _Turn(NamedTuple):
    """A day on which a line is looked at. On one day decreases come first, for an increase may wait for them."""

    day: date
    increases: bool
    line: LineKey


@dataclass(frozen=True, slots=True)
class _Later:
    """The increase is looked at again on this day. None: no open day is left for it."""

    day: date | None


@dataclass(frozen=True, slots=True)
class _Blocked:
    """The increase waits for a line that is not adjusted here: nobody knows yet when that one comes down."""

    whole: bool
    """That is known soon. Until then all of the line waits: what is made now would take the day that the increase may need."""
    later: date | None = None
    """The next day on which fewer seats may have to wait."""


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """What of the increase would end on this day is not made at all: another plan that is billed then is in its way. What goes on is looked at anew."""

    until: date


@dataclass(frozen=True, slots=True)
class _OnlyAPart:
    """Only so many units go up now: the other seats are still billed on the plan that they leave. The rest is looked at on a later day.

    None: nobody knows yet when that plan comes down.
    """

    units: int
    later: date | None


_Obstacle = _Later | _Blocked | _LeftOut | _OnlyAPart
"""Why an increase is not made on its turn."""


class _Lines:
    """What each line has after the adjustments that are made so far, and for which others an increase of it has to wait."""

    def __init__(
        self,
        gaps: Sequence[Gap],
        links: Sequence[Link],
        elsewhere: Mapping[LineKey, Gap],
        families: Sequence[AbstractSet[LineKey]],
        seats_that_come: Mapping[Link, SeatsThatCome] = NOBODY_SAID,
        units_of: UnitsOf = nobodys_units,
    ) -> None:
        self.gaps = {gap.line: gap for gap in gaps}
        """The lines that are adjusted here."""
        self.known = {**elsewhere, **self.gaps}
        self.after = {line: gap.observed for line, gap in self.known.items()}
        """What each known line has by now."""
        self._sure = {line for line, gap in self.known.items() if not gap.edited}
        """Those of which it is known what they should have."""
        self.links = links
        self._links_to: dict[LineKey, list[Link]] = {}
        """The plan changes of each line that goes up by them: of many SKUs there are as many as pairs."""
        for link in links:
            self._links_to.setdefault(link.up, []).append(link)
        self._families = families
        self._seats_that_come = seats_that_come
        self._units_of = units_of
        self.waiting_since: dict[LineKey, date] = {}
        """Since when seats of each line wait for another line. A part of them that goes does not end it: it ends when none waits any more."""

    def add(self, line: LineKey, day: date, delta: int) -> None:
        """An adjustment is made."""
        self.after[line] = self.after[line].add_from(day, delta)

    # -- Which lines concern one another

    def links_to(self, line: LineKey) -> Sequence[Link]:
        """The plan changes by which a line goes up."""
        return self._links_to.get(line, ())

    def must_wait_for(self, link: Link, line: LineKey, day: date) -> bool:
        """True if an increase of the line on ``day`` is one side of this plan change, whose other side has to come first.

        Where nothing is known of the old line and the new one has units already, a plan change of an earlier day is over.
        """
        if link.up != line or link.day > day:
            return False
        since = min(day, self.waiting_since.get(line, day))
        return link.down in self.known or link.day >= since or not self.after[line].at(day)

    def coming(self, line: LineKey, links: Iterable[Link], day: date) -> int:
        """How many units of a line are seats on ``day`` that come with these plan changes of it; all, where nobody knows whose they are."""
        every = [self._seats_that_come.get(link) for link in links]
        known = [whose for whose in every if whose is not None]
        if len(known) < len(every):
            return ALL
        return max(0, self._units_of(line, frozenset[Whose]().union(*known)).at(day))

    def other_plans(self, line: LineKey) -> set[LineKey]:
        """The known lines that a plan change joins with this one, and that are never wanted on the same day as it.

        Days do not tell all: a version that had both may have been overtaken by one of an earlier day, or of the same day.
        """
        joined = {
            link.up if link.down == line else link.down
            for link in self.links
            if not link.beside and line in (link.down, link.up)
        }
        return {other for other in joined & self._sure if not self._wanted_together(line, other)}

    def _wanted_together(self, line: LineKey, other: LineKey) -> bool:
        one, two = self.known[line].desired, self.known[other].desired
        return any(one.at(day) and two.at(day) for day in (*one.days, *two.days))

    def plans_that_seats_leave(self, line: LineKey, day: date) -> dict[LineKey, int]:
        """The other lines from which seats move to this one and keep some, also by way of a third; and at most how many wait for each.

        Two subscriptions may share that third line: it has few enough only once the one has left it and the other has come. An example: 15
        seats move from A to B, and on the same day 15 others from B to C. B has 15 before and after, lacks nothing, and does not wait. So C has
        to wait until A has come down, or 15 seats are billed on A and on C.
        """
        found: dict[LineKey, int] = {}
        ups = {line: ALL}
        while ups:
            up, most = ups.popitem()
            left = self._left_for(up, ALL if up == line else self._kept(up, day), day)
            by_family = ((one, ALL) for one in self._family_of(up, line))
            for down, units in (*left, *by_family):
                if down != line and min(most, units) > found.get(down, 0):
                    found[down] = min(most, units)
                    if down in self.known:
                        ups[down] = found[down]
        return found

    def plans_left(self, line: LineKey, day: date) -> _PlansLeft:
        """The same, with how many seats wait for all of them: of plans that are left as a whole no more than come from these."""
        waiting = self.plans_that_seats_leave(line, day)
        whole = [link for link in self.links_to(line) if self.must_wait_for(link, line, day)]
        in_part = ALL in waiting.values() or any(link.beside for link in whole)
        return _PlansLeft(self, waiting, ALL if in_part else self.coming(line, whole, day))

    def _left_for(self, up: LineKey, kept: int, day: date) -> Iterator[tuple[LineKey, int]]:
        """The lines that seats leave for ``up``, each with how many of them may take the place of others that leave ``up`` that day.

        Where as many come as leave, ``up`` lacks nothing and does not wait itself. A plan that is left as a whole for ``up`` can hide no more
        than the seats that come from it, nor than what ``up`` has and keeps; one of which nothing is known hides nothing.
        """
        for link in self.links_to(up):
            if (link.beside or link.down in self.known) and self.must_wait_for(link, up, day):
                yield link.down, ALL if link.beside else min(kept, self.coming(up, [link], day))

    def _family_of(self, up: LineKey, line: LineKey) -> set[LineKey]:
        """The other lines of the families of ``up``: nothing more than ``line`` has found already in a family of both."""
        families = self.families(up)
        return {one for family in families if up == line or line not in family for one in family}

    def families(self, line: LineKey) -> list[AbstractSet[LineKey]]:
        """The families that a line belongs to: the known lines of each."""
        return [family & self._sure for family in self._families if line in family]

    def _kept(self, line: LineKey, day: date) -> int:
        """How many of the units of plans that a known line has it should have. What a person added is no seat, and hides none."""
        gap = self.known[line]
        return min(gap.units_of_plans(self.after[line]).at(day), gap.desired.minus(gap.kept).at(day))

    def days_of_coming_seats(self, line: LineKey) -> set[date]:
        """The days on which other units of a line than before are seats that come with its plan changes."""
        every = {whose for link in self.links_to(line) for whose in self._seats_that_come.get(link, ())}
        return {day for whose in every for day in self._units_of(line, frozenset({whose})).days}

    # -- Whether a line comes down

    def down_from(self, line: LineKey, day: date) -> date | None:
        """The first day, ``day`` or later, from which on the line has come down for good; None: not as far as we know.

        A line that is not adjusted here has to come down by adjustments of its own. That more is wanted again on a later day does not count,
        nor that Autotask takes units off by itself before these have come, unless none of them can change the days before. A line that
        is stuck has to be down on ``day``: what it has on later days may change once it is adjusted.
        """
        gap = self.known.get(line)
        if gap is None or gap.edited:
            return None
        first = gap.level_from(day, self.after[line])
        if gap.stuck and first != day:
            return None
        for_good = [d for d in self.after[line].days if d <= gap.sure_until]
        if line in self.gaps or first == day or first in for_good:
            return first
        alone = _adjusted_alone(gap)
        return first if gap.level_from(day, alone) == first else None

    def comes_down(self, old: LineKey, day: date) -> bool:
        """True if a line that is not adjusted here has no unit too many on ``day``, or fewer of them on a later day.

        As in ``down_from``, a later increase of a line that is adjusted elsewhere is left out if the line comes down first, and so is
        what Autotask takes off by itself.
        """
        gap, after = self.known[old], self.after[old]
        too_many = gap.too_many_from(day, after)
        days = [d for d in after.days if day < d <= gap.sure_until]
        alone = _adjusted_alone(gap)
        if gap.too_many_from(day, alone) == too_many:
            days += [d for d in gap.desired.days if d > day]
        return not too_many or any(gap.too_many_from(d, after) < too_many for d in days)

    def too_many(self, lines: Iterable[LineKey], day: date) -> int:
        """How many units of plans these lines have more than they should, on ``day`` or later."""
        return sum(self.known[line].too_many_from(day, self.after[line]) for line in lines)

    def would_be_too_many(self, family: AbstractSet[LineKey], line: LineKey, day: date, more: int) -> bool:
        """True if so many units more of a line on ``day`` bring its family to more seats than it should have, then or later.

        As many as the others have too many do not count: so many wait in any case.
        """
        after = {one: self.after[one] for one in family} | {line: self.after[line].add_from(day, more)}
        together = in_all([(self.known[one], units) for one, units in after.items()])
        return together.too_many_from(day, together.observed) > self.too_many(family - {line}, day)


@dataclass(frozen=True, slots=True)
class _PlansLeft:
    """The plans that seats leave for one line, and that may keep others: whether these seats are still billed there."""

    among: _Lines
    waiting: Mapping[LineKey, int]
    """By plan: at most how many seats wait for it. See ``_Lines.plans_that_seats_leave``."""
    in_all: int
    """At most how many seats wait for all of them: a subscription that left several plans one after the other has its seats once."""

    @property
    def lines(self) -> AbstractSet[LineKey]:
        """The lines of these plans."""
        return self.waiting.keys()

    def still_billed_from(self, day: date, among: Collection[LineKey] | None = None) -> int:
        """How many of the seats are still billed there on ``day`` or later, beyond what these plans keep: on all that are known, or on some."""
        found = (
            min(most, self.among.too_many([old], day))
            for old, most in self.waiting.items()
            if old in self.among.known and (among is None or old in among)
        )
        return min(self.in_all, sum(found))

    def still_billed_on(self, day: date) -> int:
        """How many of them are on ``day`` itself."""
        found = (
            min(most, self.among.known[old].too_many_on(day, self.among.after[old]))
            for old, most in self.waiting.items()
            if old in self.among.known
        )
        return min(self.in_all, sum(found))

    def come_to(self, olds: Collection[LineKey], since: date, day: date) -> int:
        """How many seats these plans should get after ``since``, until ``day``: they hide as many of those that are still billed there."""
        came = 0
        for old in olds:
            desired = self.among.known[old].desired
            least = min(desired.at(one) for one in (since, *(d for d in desired.days if since < d <= day)))
            came += min(self.waiting[old], desired.at(day) - least)
        return came

    def staying_elsewhere(self, day: date) -> set[LineKey]:
        """Those that are not adjusted here, have too many on ``day``, and do not come down by adjustments of their own as far as we know."""
        elsewhere = self.lines & self.among.known.keys() - self.among.gaps.keys()
        return {old for old in elsewhere if not self.among.comes_down(old, day)}


class _Adjuster:
    """Takes the lines' turns in order of day, and makes the adjustment of each unless it has to wait for another line."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._gaps = lines.gaps
        self._known = lines.known
        self._lacking = {line: within_reach(gap) for line, gap in self._gaps.items()}
        """What each line still lacks by day."""
        self._put_off_since: dict[LineKey, date] = {}
        """The first turn on which each line's increase was not made. It ends with the line's next adjustment, also of a part."""
        self._blocked: dict[LineKey, Adjustment] = {}
        self._ahead: set[LineKey] = set()
        """The lines that went up before the day since when seats of them wait for somebody's decision."""
        self._left_out: dict[LineKey, list[tuple[date, date]]] = {}
        """From which day until before which one increases are left out."""
        self._halted: set[LineKey] = set()
        """The lines of which nothing more is made for now."""
        self._adjustments: list[Adjustment] = []
        self._turns = [turn for gap in self._gaps.values() for turn in self._first_turns(gap)]
        heapify(self._turns)

    def run(self) -> Adjustments:
        """The adjustments; ``_Lines.after`` is what comes of them."""
        while self._turns:
            self._take(heappop(self._turns))
        ahead = frozenset(self._ahead)
        return Adjustments(in_order(self._adjustments), self._blocked, ahead, self._left_out)

    def _first_turns(self, gap: Gap) -> Iterator[_Turn]:
        """One turn on each day on which the line lacks more or less than before, or should have more or less, or has other seats that may wait."""
        lacking = self._lacking[gap.line]
        for day in {d for d in (gap.start, *lacking.days, *gap.desired.days) if d >= gap.start}:
            before = lacking.at(day - ONE_DAY) if day > gap.start else 0
            yield _Turn(day, lacking.at(day) > before, gap.line)
        for day in self._lines.days_of_coming_seats(gap.line):
            if day > gap.start:
                yield _Turn(day, True, gap.line)

    def _take(self, turn: _Turn) -> None:
        """Make what the line lacks on its turn, as far as nothing is in the way of it. A decrease waits for nobody."""
        line = turn.line
        day = self._gaps[line].open_day(turn.day)
        if day is None or line in self._halted:
            return
        allowed: int | None = None
        if self._lacking[line].at(day) > 0:
            since = self._put_off_since.setdefault(line, turn.day)
            self._lines.waiting_since.setdefault(line, turn.day)
            match self._obstacle(turn, day):
                case _Later(later):
                    self._look_again(line, later)
                    return
                case _Blocked() as blocked:
                    self._block(Adjustment(line, since, self._lacking[line].at(day)), blocked)
                    return
                case _LeftOut(until):
                    self._left_out.setdefault(line, []).append((day, until))
                    stays = self._staying(line, day, until)
                    self._lacking[line] = self._lacking[line].set_between(day, until, stays)
                    if stays:
                        self._look_again(line, day)
                        return
                case _OnlyAPart(units, later):
                    allowed = units
                    self._look_again(line, later)
        self._put_off_since.pop(line, None)
        if allowed is None and line not in self._blocked:
            self._lines.waiting_since.pop(line, None)
        self._adjust(line, day, allowed)

    def _staying(self, line: LineKey, day: date, until: date) -> int:
        """How many units of an increase go on after the day on which a part of it would end.

        None, where the line has other units by then: the days until then would get a quantity that Timus has on no day.
        """
        after = self._lines.after[line]
        days = {day, until, *(one for one in after.days if day < one < until)}
        return max(0, self._lacking[line].at(until)) if len({after.at(one) for one in days}) == 1 else 0

    def _block(self, waits: Adjustment, why: _Blocked) -> None:
        """Note what waits, and whether the line has gone up before."""
        line = waits.line
        if why.whole:
            self._halted.add(line)
        elif any(one.line == line and one.delta > 0 and one.day < waits.day for one in self._adjustments):
            self._ahead.add(line)
        self._look_again(line, why.later)
        self._blocked.setdefault(line, waits)

    def _look_again(self, line: LineKey, day: date | None) -> None:
        """Give an increase that waits another turn, if there is a day for it."""
        if day is not None:
            heappush(self._turns, _Turn(day, True, line))

    def _adjust(self, line: LineKey, day: date, allowed: int | None) -> None:
        """Bring the line on ``day`` to what it should have, or up by what is ``allowed``."""
        delta = self._lacking[line].at(day) if allowed is None else allowed
        if delta:
            self._lacking[line] = self._lacking[line].add_from(day, -delta)
            self._lines.add(line, day, delta)
            self._adjustments.append(Adjustment(line, day, delta))

    # -- Why an increase is not made on its turn

    def _obstacle(self, turn: _Turn, day: date) -> _Obstacle | None:
        """Why the increase is not made on ``day``, the first open day of its turn, or None."""
        if day > turn.day:
            return _Later(day)  # there its turn comes after the decreases of the days in between
        lacking = self._lacking[turn.line]
        until = next((d for d in lacking.days if d > day and lacking.at(d) < lacking.at(day)), None)
        in_the_way = None if until is None else self._until_it_ends(turn.line, day, until)
        return in_the_way or self._old_plan(turn.line, day)

    def _until_it_ends(self, line: LineKey, day: date, until: date) -> _Obstacle | None:
        """What is in the way of an increase that ends on ``until``: in Autotask it holds for ever until its end is made too.

        That may be long: the terms may hold the end, and Autotask may refuse it.
        """
        return self._following_plan(line, day, until) or self._following_seats(line, day, until)

    def _following_plan(self, line: LineKey, day: date, until: date) -> _Obstacle | None:
        """What is in the way of an increase that ends on ``until``: another plan that is billed from then on, and would be beside it."""
        billed = [
            other
            for other in self._lines.other_plans(line)
            if self._known[other].bills_a_plan_from(until, self._lines.after[other])
        ]
        staying = [other for other in billed if self._lines.down_from(other, until) is None]
        stuck = any(self._known[other].stuck for other in billed)
        if stuck or any(other not in self._gaps for other in staying):
            return _Blocked(self._is_known_soon(staying))
        if self._decrease_is_to_come(staying, day):
            return _Later(day)
        later = self._next_turn(day, until)
        if staying and later is not None:
            return _Later(later)  # the other plan may come down by then
        return _LeftOut(until) if billed else None

    def _following_seats(self, line: LineKey, day: date, until: date) -> _Obstacle | None:
        """What is in the way of an increase that ends on ``until``: other plans of a family have its seats from a later day on already."""
        lacking = self._lacking[line].at(day)
        crowded = [
            one
            for one in self._lines.families(line)
            if self._lines.would_be_too_many(one, line, day, lacking)
        ]
        elsewhere = {one for family in crowded for one in family - self._gaps.keys()}
        if elsewhere:
            return _Blocked(self._is_known_soon(elsewhere))
        later = self._next_turn(day, until) if crowded else None
        if later is not None:
            return _Later(later)  # the other plans may come down by then
        return _LeftOut(until) if crowded else None

    def _next_turn(self, day: date, until: date) -> date | None:
        """The next day before ``until`` on which a line has a turn."""
        return min((turn.day for turn in self._turns if day < turn.day < until), default=None)

    def _old_plan(self, line: LineKey, day: date) -> _Obstacle | None:
        """What is in the way of the new plan of a plan change: an old plan that has not come down by ``day``.

        Only the seats that come with the plan change wait for it. All others go.
        """
        late = self._not_down(line, day)
        lacking = self._lacking[line].at(day)
        undated = [link.down for link, down in late.items() if down is None]
        no_date = _Blocked(self._is_known_soon(undated)) if undated else None
        if no_date and no_date.whole:
            return no_date
        if late and self._lines.coming(line, late, day) >= lacking:
            # On that day the plans that were left in the meantime count too.
            return no_date or _Later(self._when_down(line, late))
        return self._seats_still_billed(line, day, late)

    def _not_down(self, line: LineKey, day: date) -> dict[Link, date | None]:
        """The plan changes of a line whose old plan has to come down altogether and has not by ``day``, each with the day on which it has."""
        found = {
            link: self._lines.down_from(link.down, day)
            for link in self._lines.links_to(line)
            if not link.beside and self._lines.must_wait_for(link, line, day)
        }
        return {link: down for link, down in found.items() if down != day}

    def _when_down(self, line: LineKey, late: Mapping[Link, date | None]) -> date | None:
        """The first open day of a line on which the old plans of these plan changes have come down; None: nobody knows of any."""
        downs = [down for down in late.values() if down is not None]
        return self._gaps[line].open_day(max(downs)) if downs and len(downs) == len(late) else None

    def _seats_still_billed(
        self, line: LineKey, day: date, late: Mapping[Link, date | None]
    ) -> _Obstacle | None:
        """What is in the way of seats that come from plans which keep others: as many as are still billed there wait.

        So do those of the plan changes that are ``late``, whose old plans are no such plans.

        An example. Of 25 seats of the old plan 15 move on the 10th, and 3 of the new one are bought: it lacks 18. The old plan

        * has its -15 on that day, too: it comes first, and +18 goes when the new plan is looked at again;
        * is down already: +18 goes;
        * can come down on the 20th only: +3 goes on the 10th, and +15 on the 20th. If nothing is bought, all of it waits for the 20th;
        * has its -15 parked: +3 goes, and 15 wait until somebody decides;
        * is adjusted elsewhere, and its -15 has no date yet: all 18 wait, for +3 would take the day that the others may need in a moment;
        * is down, but seats came to it on the 10th from a third plan, of which nothing is known: all 18 wait, for what it keeps may be these;
        * has its -15 parked, and should get one seat on the 20th: that one is billed there, so all 15 wait on.

        They also wait together where a plan has too many only on a later day: a part of them now would be a quantity that Timus never had.
        """
        plans = self._lines.plans_left(line, day)
        unknown = self._from_unknown(line, plans, day)
        if unknown is None:
            return _Blocked(whole=False)
        if self._decrease_is_to_come(plans.lines, day):
            return _Later(day)
        undated = plans.staying_elsewhere(day)
        if self._is_known_soon(undated):
            return _Blocked(whole=True)
        waiting = plans.still_billed_from(day)
        whole = {**late, **dict.fromkeys(unknown)}
        # Where another subscription moves seats between the same two lines, some of its seats are counted on both sides.
        twice = plans.still_billed_from(day, {link.down for link in whole})

        def waiting_on(one: date) -> int:
            return waiting + max(0, self._lines.coming(line, whole, one) - twice)

        if not waiting_on(day):
            return None
        down = self._when_down(line, whole)
        looks = [down, self._next_look(line, plans, day) if waiting else None]
        later = min((one for one in looks if one is not None), default=None)
        free = self._free(line, day, down or date.max, waiting_on)
        free -= plans.come_to(self._staying_until_decided(plans), self._lines.waiting_since[line], day)
        if free > 0 and waiting == plans.still_billed_on(day):
            return _OnlyAPart(free, later)
        nobody_knows = later is None or None in whole.values() or self._too_many_until_decided(plans, day)
        return _Blocked(whole=False, later=later) if nobody_knows else _Later(later)

    def _free(self, line: LineKey, day: date, down: date, waiting_on: Callable[[date], int]) -> int:
        """How many units that a line lacks on ``day`` are none of the seats that wait, until the old plans are ``down``.

        Where the terms bill a minimum, units may become the seats that wait once those of another subscription have ended.
        """
        lacking, days = self._lacking[line], self._lines.days_of_coming_seats(line)
        until = (day, *(one for one in days if day < one < down))
        return min(max(lacking.at(day), lacking.at(one)) - waiting_on(one) for one in until)

    def _is_known_soon(self, lines: Iterable[LineKey]) -> bool:
        """Whether one of these lines is adjusted elsewhere without a person: its adjustment settles, or is still to be made there."""
        return any(
            line in self._known and line not in self._gaps and not self._known[line].parked for line in lines
        )

    def _from_unknown(self, line: LineKey, plans: _PlansLeft, day: date) -> list[Link] | None:
        """The plan changes of a line whose old plan keeps seats, and of which nobody knows what it has; None: it is one by way of a third."""
        unknown = plans.lines - self._known.keys()
        links = [
            link
            for link in self._lines.links_to(line)
            if link.beside and link.down in unknown and self._lines.must_wait_for(link, line, day)
        ]
        return links if unknown == {link.down for link in links} else None

    def _decrease_is_to_come(self, olds: Collection[LineKey], day: date) -> bool:
        """True if one of these lines may still come down on this very day."""
        return any(turn.day == day and turn.line in olds and not turn.increases for turn in self._turns)

    def _too_many_until_decided(self, plans: _PlansLeft, day: date) -> bool:
        """Whether one of these plans has too many on a line of which nothing is made before somebody decides."""
        return self._lines.too_many(self._staying_until_decided(plans), day) > 0

    def _staying_until_decided(self, plans: _PlansLeft) -> list[LineKey]:
        return [old for old in plans.lines & self._known.keys() if self._stays_until_decided(old)]

    def _stays_until_decided(self, line: LineKey) -> bool:
        return self._known[line].stuck or self._known[line].parked

    def _next_look(self, line: LineKey, plans: _PlansLeft, day: date) -> date | None:
        """The next open day on which the old plans may have fewer units too many; None: nobody knows of any.

        As in ``_Lines.down_from``, what a line that waits for a decision has on later days may change once it is adjusted.
        """
        olds = plans.lines & self._known.keys()
        free = {
            old for old in olds if not (self._stays_until_decided(old) and self._lines.too_many([old], day))
        }
        days = {turn.day for turn in self._turns if turn.line in free}
        days.update(
            *(self._known[old].desired.days for old in olds), *(self._lines.after[old].days for old in free)
        )
        after = min((d for d in days if d > day), default=None)
        return None if after is None else self._gaps[line].open_day(after)


def _adjusted_alone(gap: Gap) -> Timeline:
    """What a line comes to that waits for no other."""
    lines = _Lines([gap], (), {}, ())
    _Adjuster(lines).run()
    return lines.after[gap.line]
