"""Seats that a move would bill on two lines at once, or on none.

One of the two lines follows at once, and the other one waits. Or the contract of the old line ended before the day of the move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.past_days import WhyPast
from timus_autotask.domain.reasons import AWAITING_APPROVAL, BELOW_ZERO_LATER, CONTRACT_ENDED
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.refusal import Doubt, Way
from timus_autotask.watch.preview import LinePreview, Preview
from timus_autotask.watch.wording import counted

NEVER = date.max
"""The last day of a contract that is not in Autotask."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with what it has once all is made that would be made."""

    contract_id: int | None
    line: LinePreview
    after: Timeline
    """It ends with its contract: beyond that nothing is billed, whatever the rows say that Autotask has."""
    last_day: date
    """Of its contract."""

    @property
    def turns(self) -> tuple[date, ...]:
        """The days on which it has, or should have, other units."""
        return (*self.after.days, *self.line.desired_units.days)

    @property
    def why(self) -> str:
        """Why it keeps units, within a sentence."""
        why = self.line.reason or next((one.cause.message for one in self.line.past_days), "its day is taken")
        return f"{why[0].lower()}{why[1:].rstrip('.')}"

    @property
    def begins(self) -> date:
        """Its contract's first day, where it should have units before that."""
        before = (one.until for one in self.line.past_days if one.cause is WhyPast.BEFORE_CONTRACT)
        return max(before, default=date.min)

    def too_many(self, day: date) -> int:
        """Units that it has and should not have."""
        return max(0, self.after.at(day) - self.line.desired_units.at(day))

    def lacks(self, day: date) -> int:
        """Units that it should have and has not, by all that would be made."""
        return max(0, self.line.desired_units.at(day) - self.after.at(day))

    def goes(self, day: date) -> int:
        """Units that would be taken off, and that it should not have."""
        less = self.line.observed_units.at(day) - self.after.at(day)
        return max(0, min(less, self.line.observed_units.at(day) - self.line.desired_units.at(day)))

    def stays_from(self, day: date, today: date) -> bool:
        """Whether it should have units from a day on, and still should today."""
        wanted = self.line.desired_units
        return bool(wanted.at(day) and wanted.at(max(day, today)))

    def comes(self, day: date) -> int:
        """Units that it would get, and then has as it should."""
        more = self.after.at(day) - self.line.observed_units.at(day)
        return max(0, min(more, self.line.desired_units.at(day) - self.line.observed_units.at(day)))


def billed_amiss(preview: Preview, today: date) -> tuple[Doubt, ...]:
    """What a move would bill twice or nowhere, by SKU and customer: on which days, why, and how not to."""
    lines = _by_source(preview, today)
    twice = (doubt for source, of in lines.items() for doubt in _twice(source, of, today))
    nowhere = (doubt for source, of in lines.items() for doubt in _nowhere(source, of))
    ended = (doubt for source, of in lines.items() for doubt in _ended_before(source, of, today))
    too_early = (doubt for source, of in lines.items() for doubt in _too_early(source, of))
    return (*twice, *nowhere, *ended, *too_early)


def _by_source(preview: Preview, today: date) -> dict[tuple[str, str], list[_Line]]:
    """By customer and SKU: the lines that it is billed on, or was."""
    lines: dict[tuple[str, str], list[_Line]] = {}
    for contract in preview.contracts:
        for line in contract.lines:
            last_day = contract.last_day or NEVER
            after = _after(line, last_day, today)
            for source in line.sources:
                lines.setdefault(source, []).append(_Line(contract.contract_id, line, after, last_day))
    return lines


def _after(line: LinePreview, last_day: date, today: date) -> Timeline:
    """What a line has once all is made that would be made. What waits until a later day has units is made on that day."""
    waits_until = None
    if line.code == BELOW_ZERO_LATER:
        waits_until = min((one.day for one in line.adjustments if one.day > today), default=None)
    after = line.observed_units
    for one in line.adjustments:
        after = after.add_from(max(one.day, waits_until or one.day), one.delta)
    return after if last_day == NEVER else after.set_from(last_day + ONE_DAY, 0)


@dataclass(frozen=True, slots=True)
class _Pair:
    """An old line with those that get its units."""

    old: _Line
    others: Sequence[_Line]

    @property
    def days(self) -> list[date]:
        """The first day on which another line gets units, and every later one on which any has other units."""
        since = min((a.day for one in self.others for a in one.line.adjustments if a.delta > 0), default=None)
        if since is None:
            return []
        turns = [day for one in (self.old, *self.others) for day in one.turns]
        return sorted({since, *(day for day in turns if day > since)})

    def twice(self, day: date) -> int:
        """Units that both would bill."""
        return min(self.old.too_many(day), sum(one.comes(day) for one in self.others))


def _nowhere(source: tuple[str, str], lines: Sequence[_Line]) -> Iterator[Doubt]:
    """Each line that waits for an approval while as many units are taken off other lines."""
    customer, sku = source
    for new in lines:
        others = [one for one in lines if one is not new]
        days = sorted({a.day for one in others for a in one.line.adjustments if a.delta < 0})
        units = {day: min(new.lacks(day), sum(one.goes(day) for one in others)) for day in days}
        first = next((day for day in days if units[day]), None)
        if first is not None and new.line.code in AWAITING_APPROVAL:
            yield Doubt(
                f"From {first} until somebody decides {counted(max(units.values()), 'unit')} of {sku} of {customer} would not be billed "
                f"anywhere: contract {new.contract_id} (service {new.line.service_id}) waits for them, because {new.why}. Once that is approved "
                "they are billed from that day; if it is rejected they never are."
            )


def _ended_before(source: tuple[str, str], lines: Sequence[_Line], today: date) -> Iterator[Doubt]:
    """Each line whose contract ended before its units move, with what another contract has of them on the days in between.

    Whoever extends that contract then, as it asks for, bills them on both.
    """
    customer, sku = source
    for old in lines:
        others = [one for one in lines if one is not old]
        found = _between(old, others) if old.line.code == CONTRACT_ENDED else None
        if found is None:
            continue
        first, until = found
        new = [one for one in others if one.stays_from(until, today)]
        if not new:
            continue  # they have moved on since, and not by this move
        units = old.lacks(first)
        there = min(units, sum(one.too_many(first) for one in new))
        has = (
            f", and contract {new[0].contract_id} has {counted(there, 'unit')} of them there already"
            if there
            else ""
        )
        begins = max(one.begins for one in new)
        late = (
            f" Contract {new[0].contract_id} begins only on {begins}: bill the days before by hand."
            if begins > first
            else ""
        )
        yield Doubt(
            f"From {first} to {until - ONE_DAY} {counted(units, 'unit')} of {sku} of {customer} would stay with contract {old.contract_id} "
            f"(service {old.line.service_id}), which has ended and bills nothing on these days{has}.{late}",
            () if late else (Way.ONCE_FROM,),
            first,
        )


def _between(old: _Line, others: Sequence[_Line]) -> tuple[date, date] | None:
    """The first day on which a line should have units that it cannot bill any more, and the first one after on which it need not."""
    days = sorted({day for one in (old, *others) for day in one.turns})
    first = next((day for day in days if old.lacks(day) and not old.after.at(day)), None)
    until = next((day for day in days if first and day > first and not old.line.desired_units.at(day)), None)
    return (first, until) if first and until else None


def _too_early(source: tuple[str, str], lines: Sequence[_Line]) -> Iterator[Doubt]:
    """Each line whose contract begins only after other lines have given its units up."""
    customer, sku = source
    for new in lines:
        for gap in (one for one in new.line.past_days if one.cause is WhyPast.BEFORE_CONTRACT):
            others = [one for one in lines if one is not new]
            days = {a.day for one in others for a in one.line.adjustments if gap.first <= a.day < gap.until}
            units = max((sum(one.goes(day) for one in others) for day in {gap.first, *days}), default=0)
            units = min(units, gap.wanted - gap.autotask)
            if units > 0:
                stays = _bills_until(gap.until, gap.first, others)
                yield Doubt(
                    f"From {gap.first} to {gap.until - ONE_DAY} {counted(units, 'unit')} of {sku} of {customer} would not be billed anywhere: "
                    f"contract {new.contract_id} begins only after that.",
                    (Way.ONCE_FROM,) if stays else (),
                    gap.until if stays else None,
                )


def _bills_until(until: date, first: date, lines: Sequence[_Line]) -> bool:
    """Whether a contract that gives units up on a day could bill them until another one."""
    return any(one.last_day >= until - ONE_DAY for one in lines if one.goes(first))


def _twice(source: tuple[str, str], lines: Sequence[_Line], today: date) -> Iterator[Doubt]:
    customer, sku = source
    for old in lines:
        pair = _Pair(old, [one for one in lines if one is not old])
        days = pair.days
        twice = [day for day in days if pair.twice(day)]
        if not twice:
            continue
        # That its contract ends is no decision.
        until = next((day for day in days if twice[-1] < day <= old.last_day), None)
        stretch = (
            f"From {twice[0]} to {until - ONE_DAY}" if until else f"From {twice[0]} until somebody decides"
        )
        instead = until if until and until > today else None
        yield Doubt(
            f"{stretch} {counted(max(map(pair.twice, twice)), 'unit')} of {sku} of {customer} would be billed twice: contract {old.contract_id} "
            f"(service {old.line.service_id}) keeps them, because {old.why}.",
            (Way.ONCE_FROM,) if instead else (),
            instead,
        )
