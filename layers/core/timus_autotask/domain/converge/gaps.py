"""What each line lacks, on which days it can be made up for, and the adjustments of all lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft, at_least_0, policy_of, wanted_units
from timus_autotask.domain.converge.sides import plans_left
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.gap import Gap, within_reach
from timus_autotask.domain.line import Intent, Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays, WhyPast, past_days, still_shown
from timus_autotask.domain.plan_change import Link, SeatsThatCome
from timus_autotask.domain.policy import Policy, PostedPeriod, SameDay
from timus_autotask.domain.reasons import DRIFT
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.domain.undone import with_end_days

NOWHERE = LineKey(0, 0)
"""The line of a plan whose service nobody has said: what follows on it waits."""


def adjustments_of(
    drafts: Sequence[LineDraft], contract: Contract, view: View, stuck: Collection[LineKey] = ()
) -> Adjustments:
    """The adjustments of all lines that may be adjusted; linked lines that are not adjusted here count with the most that they may have.

    ``stuck`` are lines whose adjustments are parked: they keep what they have.
    """
    return _adjustments(_gaps(drafts, contract, stuck), drafts, contract, view)


def may_rise(
    rise: Adjustment,
    drafts: Sequence[LineDraft],
    contract: Contract,
    view: View,
    stuck: Collection[LineKey],
) -> bool:
    """Whether a line may go up on a day while the other lines that are ``stuck`` stay: none of the units are seats that these still bill.

    What the line lacks on days before was rejected, and is left out.
    """
    gaps = [
        replace(gap, start=max(gap.start, rise.day)) if gap.line == rise.line else gap
        for gap in _gaps(drafts, contract, {*stuck} - {rise.line})
    ]
    found = _adjustments(gaps, drafts, contract, view).in_order
    return rise.delta <= sum(one.delta for one in found if (one.line, one.day) == (rise.line, rise.day))


def _gaps(drafts: Sequence[LineDraft], contract: Contract, stuck: Collection[LineKey]) -> list[Gap]:
    gaps = [_gap(draft, draft.demand, contract) for draft in drafts if draft.adjustable and draft.demand]
    return [gap.as_stuck() if gap.line in stuck else gap for gap in gaps]


def _adjustments(
    gaps: Sequence[Gap], drafts: Sequence[LineDraft], contract: Contract, view: View
) -> Adjustments:
    settling = frozenset(draft.key for draft in drafts if draft.waits_until and not draft.adjustable)
    elsewhere = _not_adjusted_here(settling, view) | {
        draft.key: _edited(draft, draft.demand, contract)
        for draft in drafts
        if draft.demand and _is_drift(draft)
    }
    unknown = {one: Link(one.day, NOWHERE, one.up) for one in view.desired.unplaced}
    links, families = (*view.desired.links, *unknown.values()), view.desired.families
    seats_that_come: dict[Link, SeatsThatCome] = {}
    for one, theirs in view.desired.seats_that_come.items():
        link = one if isinstance(one, Link) else unknown[one]
        seats_that_come[link] = seats_that_come.get(link, frozenset()) | theirs
    return adjustments_for(gaps, links, elsewhere, families, seats_that_come, view.desired.units_of)


def _is_drift(draft: LineDraft) -> bool:
    return draft.parked is not None and draft.parked.code == DRIFT and draft.line.baseline is not None


def _edited(draft: LineDraft, demand: Demand, contract: Contract) -> Gap:
    """The gap of a line whose units somebody changed by hand: units that were added are no seats of Timus's, so that none waits for them."""
    gap, baseline = _gap(draft, demand, contract), draft.line.baseline or NOTHING
    days = (*gap.observed.days, *baseline.days)
    ours = Timeline.sampled(days, lambda day: min(gap.observed.at(day), baseline.at(day)))
    return replace(gap, observed=ours, added=NOTHING, parked=True, edited=True)


def _gap(draft: LineDraft, demand: Demand, contract: Contract) -> Gap:
    units = draft.observed.units
    # We adjust nothing ahead of its day: what is more on a day to come than today is a person's.
    later = [day for day in units.days if day > draft.today]
    now = units.at(draft.today)
    return Gap(
        line=draft.key,
        desired=draft.wanted,
        start=max(demand.start, contract.start),
        observed=units,
        open_day=open_day_of(
            taken_days(draft.line, draft.policy) | _edited_days(draft), _closed(draft), contract.end
        ),
        last=contract.end,
        kept=at_least_0(draft.line.on_top),
        left_billed=draft.line.left_billed,
        added=Timeline.sampled(later, lambda day: max(0, units.at(day) - now)),
        edited_on=frozenset(draft.line.taken) - frozenset(draft.line.adjusted),
    )


def _edited_days(draft: LineDraft) -> frozenset[date]:
    """The past days on which an edit that is over begins or changes: they stay as they are, so nothing of a day before runs over into them."""
    by_hand = draft.line.by_hand
    return frozenset(day for day in by_hand.days if day < draft.today and by_hand.at(day))


def with_past_days(draft: LineDraft, contract: Contract, view: View) -> LineDraft:
    """The line with the days that nothing makes level any more, as far as it is known what will be made."""
    if draft.adjustable:
        found = _past_days(draft, draft.demand, contract, view) if draft.demand else ()
    elif draft.demand and _is_drift(draft):
        found = _told_anew(draft, draft.demand)
    else:
        return draft
    shown = still_shown(found, draft.today)
    if shown == draft.line.past_days:
        return draft
    return replace(draft, line=replace(draft.line, past_days=shown))


def _past_days(draft: LineDraft, demand: Demand, contract: Contract, view: View) -> tuple[PastDays, ...]:
    units, gap, last = draft.observed.units, _gap(draft, demand, contract), contract.end
    adjusted = units
    for adjustment in draft.adjustments:
        adjusted = adjusted.add_from(adjustment.day, adjustment.delta)
    wanted = _wanted_of_past(draft, demand)
    if draft.waits_since:
        # Nobody knows what becomes of the days from then on, but of those that take no adjustment.
        goes = gap.open_day(draft.waits_since)
        last = goes - ONE_DAY if goes else last

    @cache
    def alone() -> Timeline:
        return within_reach(gap)

    def why(day: date) -> WhyPast:
        return _why_past(day, draft, view, alone, lacks=wanted.at(day) > adjusted.at(day))

    return (
        *_days_before(draft, demand, contract),
        *_past_days_elsewhere(draft, demand, contract),
        *(
            replace(one, ahead=units.at(one.first) != one.autotask)
            for one in past_days(wanted, adjusted, gap.start, last, why)
        ),
    )


def _told_anew(draft: LineDraft, demand: Demand) -> tuple[PastDays, ...]:
    """The days that are told already of a line that waits for a decision about an edit, with what is wanted and what Autotask has by now."""
    wanted, has = _wanted_of_past(draft, demand), draft.observed.by_day
    return tuple(
        replace(anew, cause=one.cause)
        for one in draft.line.past_days
        for anew in past_days(wanted, has, one.first, one.until - ONE_DAY, lambda _: WhyPast.EDITED)
    )


def _wanted_of_past(draft: LineDraft, demand: Demand) -> Timeline:
    """What the line should have by all that Timus says now, and without what an edit that is over has left."""
    by_hand, outlived = draft.line.by_hand, demand.outlived
    if by_hand.steps or outlived.steps:
        return at_least_0(draft.wanted.minus(by_hand).minus(outlived))
    return draft.wanted


def _days_before(draft: LineDraft, demand: Demand, contract: Contract) -> tuple[PastDays, ...]:
    """Days that Timus has reported and on which there is no contract yet."""
    first, last = demand.earliest or demand.start, contract.start - ONE_DAY
    return past_days(draft.wanted, NOTHING, first, last, lambda _: WhyPast.BEFORE_CONTRACT)


def _past_days_elsewhere(draft: LineDraft, demand: Demand, contract: Contract) -> tuple[PastDays, ...]:
    """Days that were billed otherwise on the contract services that counted before a person chose this one."""
    if demand.earliest is None or not draft.observed.earlier.steps:
        return ()
    first, last = max(demand.earliest, contract.start), min(demand.start - ONE_DAY, contract.end)
    return past_days(draft.wanted, draft.observed.earlier, first, last, lambda _: WhyPast.BILLED_ELSEWHERE)


def _why_past(
    day: date, draft: LineDraft, view: View, alone: Callable[[], Timeline], *, lacks: bool
) -> WhyPast:
    """Why a day stays billed otherwise. Only what a line ``lacks`` waits for other lines; ``alone`` is what could be made if it did not."""
    if draft.line.by_hand.at(day):
        return WhyPast.EDITED
    if draft.demand and draft.demand.outlived.at(day):
        return WhyPast.CANCELLED_LATER
    if draft.policy.posted_period is PostedPeriod.NEXT_OPEN_DAY and draft.observed.is_posted(day):
        return WhyPast.PERIOD_POSTED
    if day in taken_days(draft.line, draft.policy):
        return WhyPast.DAY_TAKEN
    if any(first <= day < until for first, until in draft.left_out):
        return WhyPast.FOLLOWED
    if lacks and (
        any(_has_too_many(old, day, view) for old in plans_left(draft.key, view, day)) or alone().at(day) > 0
    ):
        return WhyPast.PLAN_CHANGE
    return WhyPast.LATER_DAY_TAKEN


def _has_too_many(key: LineKey, day: date, view: View) -> bool:
    """Whether it is known that Autotask has more units of a line on a day than it should."""
    demand, line = view.desired.demands.get(key), view.lines.get(key)
    seen = view.observed.get(key.service_id) if key.contract_id == view.contract_id else None
    units = seen.units if seen else line.known_units if line else None
    if demand is None or units is None or day < demand.start:
        return False
    return units.at(day) > (wanted_units(demand, line) if line else demand.units).at(day)


def _not_adjusted_here(settling: frozenset[LineKey], view: View) -> dict[LineKey, Gap]:
    """Linked lines of other contracts as we left them, and what settles here with the most that it may have."""
    gaps = {}
    for key, demand in view.desired.demands.items():
        line = view.lines.get(key)
        units = line.known_units if line else None
        if line is None or units is None:
            continue
        line = with_end_days(line, view.lines, view.desired)
        if key in settling or (key.contract_id != view.contract_id and line.intent is None):
            # What settles may not have landed, and then its day is free.
            taken = frozenset() if key in settling else taken_days(line, policy_of(demand, view.policies))
            gaps[key] = Gap(
                line=key,
                desired=wanted_units(demand, line),
                start=demand.start,
                observed=_at_most(units, line.intent),
                open_day=open_day_of(taken),
                kept=at_least_0(line.on_top),
                left_billed=line.left_billed,
                sure_until=_before_decreases(line, view.today),
                parked=key not in settling and line.parked is not None,
            )
    return gaps


def _before_decreases(line: Line, today: date) -> date:
    """The last day before a line's own decreases: those that are still to be made there, and what may be decided there on any later day."""
    return min([today, *(day - ONE_DAY for day, delta in line.scheduled if delta < 0)])


def _at_most(baseline: Timeline, intent: Intent | None) -> Timeline:
    """The most that a line may have, whether what was sent has landed or not."""
    if intent is None:
        return baseline
    after = intent.after
    return Timeline.sampled((*baseline.days, *after.days), lambda day: max(baseline.at(day), after.at(day)))


def _closed(draft: LineDraft) -> Sequence[tuple[date, date]]:
    """The posted stretches in which nothing is adjusted."""
    return draft.observed.closed if draft.policy.posted_period is PostedPeriod.NEXT_OPEN_DAY else ()


def taken_days(line: Line, policy: Policy) -> frozenset[date]:
    """The days of a line that take no further adjustment."""
    days = frozenset(line.taken)
    return days | frozenset(line.adjusted) if policy.same_day is SameDay.NEXT_FREE_DAY else days


def open_day_of(
    taken: frozenset[date], closed: Sequence[tuple[date, date]] = (), end: date = date.max
) -> Callable[[date], date | None]:
    """The first day at or after a given one, ``end`` at the latest, that is neither taken nor in a closed stretch."""

    def open_day(day: date) -> date | None:
        while day <= end:
            stretch = next((last for first, last in closed if first <= day <= last), None)
            if stretch is not None:
                day = stretch + ONE_DAY
            elif day in taken:
                day += ONE_DAY
            else:
                return day
        return None

    return open_day
