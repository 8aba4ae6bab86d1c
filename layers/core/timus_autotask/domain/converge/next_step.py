"""The next step of a contract: gather → **decide** → act. This is the decision, as a pure function of what was gathered.

A step says which records to write, at most one adjustment to make, and when to look again. Whoever performs it writes the
records first, then sends the adjustment, then gathers anew and asks again, until a step adjusts nothing. So every adjustment is
preceded by a durable intent, and what follows it is decided from a fresh read, never from memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from timus_autotask.domain.adjustments import Adjustment, in_order
from timus_autotask.domain.approval import is_approved
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.by_terms import by_terms
from timus_autotask.domain.converge.decided import change_of
from timus_autotask.domain.converge.draft import LineDraft, drafts_of
from timus_autotask.domain.converge.gaps import adjustments_of
from timus_autotask.domain.converge.holds import of_another_company, wrong_contract
from timus_autotask.domain.converge.pricing import unread_prices
from timus_autotask.domain.converge.rounds import judged_in_rounds
from timus_autotask.domain.converge.settling import settled
from timus_autotask.domain.converge.sides import Drafts, falls_first, lacking, other_sides
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.days import ONE_DAY, local_midnight
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.history import Cause, ending_after, newest_versions
from timus_autotask.domain.line import (
    MOST_CAUSES,
    Answer,
    HeldChange,
    Intent,
    Line,
    State,
    Undone,
    Why,
    with_state,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import postponed
from timus_autotask.domain.policy import Renewal
from timus_autotask.domain.provisioning import NewContract, successor
from timus_autotask.domain.reasons import REASONS, REFUSED, EndedBy
from timus_autotask.domain.undone import links_back, renewed_until

RECHECK = timedelta(minutes=15)
"""How soon a parked line is looked at again: its cause may be gone."""
RECHECK_LATER = timedelta(hours=1)
"""How soon once it has been parked for four hours. Before that, it is looked at after a quarter of the time that it has been parked.
Each look costs calls to Autotask."""

LOOKS = 3
"""How often an accepted adjustment that is not to be seen yet is looked for before it is left to settle."""


def _with_links_back(desired: Desired, lines: Mapping[LineKey, Line]) -> Desired:
    """With what is undone of plan changes. Whose seats come back with it is not what Timus says of the same two lines and day."""
    back = tuple(links_back(lines, desired))
    coming = {one: theirs for one, theirs in desired.seats_that_come.items() if one not in back}
    return replace(desired, links=(*desired.links, *back), seats_that_come=coming)


def next_step(view: View) -> Step:
    """The next step of a contract; see the module."""
    view = replace(view, desired=_with_links_back(view.desired, view.lines))
    drafts = drafts_of(view)
    contract = view.contract
    if contract is None:
        return _nothing_goes(drafts, view, "contract-not-found")
    drafts = [of_another_company(draft, contract) for draft in drafts]
    wrong = wrong_contract(contract)
    if wrong is not None:
        return _nothing_goes(drafts, view, wrong)
    ours = [draft for draft in drafts if not draft.parked]
    drafts = [draft if draft.parked else settled(draft, contract, view) for draft in drafts]
    adjustments = adjustments_of(drafts, contract, view)
    unread = unread_prices([draft.with_adjustments(adjustments) for draft in drafts], view)
    if unread:
        return Step(ask_prices=unread)
    step = _brought_level(judged_in_rounds(drafts, adjustments, contract, view), contract, view)
    renewed = _renewal(ours, view, Renewal.EXTEND)
    if renewed is not None and renewed > contract.end:
        if view.live and not _takes_off(step):
            return Step(extend=renewed)
        renewed = None  # it is not covered yet
    return replace(step, renewed=renewed, successor=_successor(ours, contract, view) if view.live else None)


def _brought_level(drafts: Drafts, contract: Contract, view: View) -> Step:
    """The one adjustment that is made now, and what is shown of every line."""
    adjustment = _chosen(drafts, view) if view.live else None
    lines = {key: _shown(draft, drafts, view) for key, draft in drafts.items()}
    adjusted: Line | None = None
    if adjustment is not None:
        line = lines[adjustment.line]
        intent = by_terms(_intent(adjustment, drafts, contract, view), line, view)
        adjusted = replace(line, intent=intent)
        lines[adjusted.key] = adjusted
    return Step(
        lines=_changed(lines.values(), view),
        journal=tuple(entry for draft in drafts.values() for entry in draft.journal),
        adjust=adjusted,
        look_again=adjusted is None and view.looks < LOOKS and any(map(_accepted_unseen, drafts.values())),
        due_at=None if adjusted else _due(drafts, lines, contract, view),
    )


def _nothing_goes(drafts: Iterable[LineDraft], view: View, code: str) -> Step:
    """Every line is parked: nothing may be sent to the contract at all."""
    parked = {draft.key: draft if draft.parked else draft.park(code) for draft in drafts}
    lines = {key: _shown(draft, parked, view) for key, draft in parked.items()}
    return Step(lines=_changed(lines.values(), view), due_at=_due(parked, lines, None, view))


def _changed(lines: Iterable[Line], view: View) -> tuple[Line, ...]:
    return tuple(line for line in lines if line != view.lines.get(line.key))


def _accepted_unseen(draft: LineDraft) -> bool:
    """Whether Autotask accepted the line's adjustment and does not show it yet."""
    intent = draft.line.intent
    return draft.waits_until is not None and intent is not None and intent.answer is Answer.ACCEPTED


# -- Renewed terms


def _renewal(drafts: Iterable[LineDraft], view: View, how: Renewal) -> date | None:
    """The last day of the latest renewed term that bills here and is to be followed in this way.

    One that the contract was seen to cover is over and done with: whoever shortens the contract afterwards meant it.
    """
    wanted = [
        _renewed(draft, how) for draft in drafts if draft.policy.renewal is how and not draft.policy.paused
    ]
    until = max((one for one in wanted if one), default=None)
    return until if until is not None and (view.renewed is None or until > view.renewed) else None


def _renewed(draft: LineDraft, how: Renewal) -> date | None:
    """The last day of a renewed term of a line. What a person has undone is so on this contract, and does not move to a new one."""
    if how is Renewal.EXTEND:
        return renewed_until(draft.demand, draft.line.undone)
    return draft.demand.renewed_until if draft.demand else None


def _takes_off(step: Step) -> bool:
    """Whether a decrease is made in this step: it goes before an extension.

    The periods that one adds may be empty, and Autotask refuses what would leave fewer than 0 units in them (see ``below-zero-later``).
    """
    intent = step.adjust.intent if step.adjust else None
    return intent is not None and intent.delta < 0


def _successor(drafts: Sequence[LineDraft], contract: Contract, view: View) -> NewContract | None:
    """The new contract for a renewed term that ends after this one, if the partner wants one."""
    until = _renewal(drafts, view, Renewal.NEW_CONTRACT)
    if until is None or until <= contract.end:
        return None
    policy = next(draft.policy for draft in drafts if draft.policy.renewal is Renewal.NEW_CONTRACT)
    return successor(contract, until, policy)


# -- The adjustment


def _chosen(drafts: Drafts, view: View) -> Adjustment | None:
    """The adjustment that is made now, if any: a rise never before the decreases of its day and earlier."""
    for adjustment in in_order(one for draft in drafts.values() for one in draft.adjustments):
        draft = drafts[adjustment.line]
        if draft.stopped or adjustment.day > view.today or draft.in_turn[0] != adjustment:
            continue
        makes_room = (
            adjustment != draft.adjustments[0]
        )  # the decreases that it makes room for may be what others wait for
        if makes_room or not falls_first(adjustment, drafts, view):
            return adjustment
    return None


def _intent(adjustment: Adjustment, drafts: Drafts, contract: Contract, view: View) -> Intent:
    draft = drafts[adjustment.line]
    causes = _all_causes(draft, adjustment.day)
    undone = _undone_by(adjustment, draft)
    why, by = (Why.UNDONE, undone.by) if undone else _why(adjustment, draft)
    told: Sequence[Cause] = causes
    if why is Why.RENEWED and draft.demand:
        told, causes = draft.demand.renewals, [*ending_after(causes, adjustment.day)]
    elif why is Why.ENFORCED:
        told = [cause for cause in causes if cause.before]  # what was said first was billed already
    return Intent(
        id="",
        day=adjustment.day,
        delta=adjustment.delta,
        before=draft.observed.units,
        opened_at=view.now,
        settles_at=view.alive_until + view.settle,
        events=tuple(dict.fromkeys(cause.event_id for cause in told)),
        versions=newest_versions(_causes(draft, adjustment.day)),
        price=draft.price.after if draft.price else None,
        price_before=draft.price.before if draft.price else None,
        linked=undone.linked if undone else other_sides(draft.key, adjustment, drafts, view),
        until=contract.end,
        by=by,
        why=why,
        undoes=undone.entry if undone else "",
        postponed=postponed(draft.line.past_days, adjustment.day, adjustment.delta),
        causes=_newest(causes),
    )


def _why(adjustment: Adjustment, draft: LineDraft) -> tuple[Why | None, str]:
    """Why an adjustment is made, where it is not just what Timus reported, and by whom it is."""
    change = change_of(draft, adjustment)
    approved = next((one for one in draft.line.approved if is_approved(change, one)), None)
    if approved is not None:
        return Why.APPROVED, approved.by
    enforces = draft.enforced or (draft.line.enforcing and _brings_back(adjustment, draft))
    if enforces:
        return Why.ENFORCED, draft.line.enforced_by
    return (Why.RENEWED if _fills_renewed_term(adjustment, draft) else None), ""


def _fills_renewed_term(adjustment: Adjustment, draft: LineDraft) -> bool:
    """Whether an adjustment only goes on with the units of the former term, where Autotask left the periods of the new one empty."""
    news = draft.line.news_in(adjustment.day, adjustment.delta, draft.observed.units)
    until = draft.demand.renewed_until if draft.demand else None
    return news == 0 and until is not None and adjustment.day <= until


def _brings_back(adjustment: Adjustment, draft: LineDraft) -> bool:
    """Whether an adjustment of a line that brings an edit back may be a part of that.

    News of today or later are not: what is by just as much as is wanted more or less from its day on, and follows from something new.
    """
    moved = postponed(draft.line.past_days, adjustment.day, adjustment.delta)
    day = moved.day if moved else adjustment.day
    step = draft.wanted.at(day) - draft.wanted.at(day - ONE_DAY)
    return day < draft.today or adjustment.delta != step or not _causes(draft, adjustment.day)


def _undone_by(adjustment: Adjustment, draft: LineDraft) -> Undone | None:
    """What a person undid, if this adjustment makes the opposite of it: alone, or with what another customer of the line has more or less."""
    shared = draft.demand is not None and len(draft.demand.customers) > 1 and not draft.enforced
    return next(
        (
            one
            for one in draft.line.undone
            if not one.opposite
            and (one.delta == adjustment.delta or (shared and one.customer))
            and one.day <= adjustment.day
            and (one.until is None or adjustment.day < one.until)
        ),
        None,
    )


def _all_causes(draft: LineDraft, day: date) -> list[Cause]:
    """The same as ``_causes``, with what only brought something forward: nobody else asked for it on that day."""
    return _causes(draft, day, draft.demand.brought_forward if draft.demand else ())


def _causes(draft: LineDraft, day: date, more: Sequence[Cause] = ()) -> list[Cause]:
    """What the adjustment of a day follows from: what Timus has reported that the line has not followed yet. ``more`` is looked at, too.

    Each adjustment follows from what is billed from its own day on, or from an earlier one that takes no adjustment of its own. What was
    replaced by something newer before it was made goes with that.
    """
    followed, demand = draft.line.versions, draft.demand
    new = [one for one in (*draft.causes, *more) if one.number > followed.get(one.subscription_id, 0)]
    days = {*(one.day for one in draft.adjustments), *(one.day for one in draft.set_aside)}
    before = max((one for one in days if one < day), default=date.min)
    own = [one for one in new if demand and before < demand.billed_from(one) <= day]
    newest = newest_versions(own)
    return [one for one in new if one.number <= newest.get(one.subscription_id, 0)]


def _causes_of_awaiting(draft: LineDraft) -> tuple[Cause, ...]:
    """What a held change follows from. One that was rejected follows from what was known then."""
    held = draft.awaiting
    if held is None:
        return ()
    return draft.line.awaiting_causes if held.rejection else _newest(_all_causes(draft, held.day))


def _newest(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    return tuple(sorted(causes, key=lambda cause: (cause.day, cause.number))[-MOST_CAUSES:])


# -- What people see, and when to look again


def _shown(draft: LineDraft, drafts: Drafts, view: View) -> Line:
    """The line with what people see of it."""
    enforcing = _enforcing(draft)
    line = replace(
        draft.line,
        enforcing=enforcing,
        enforced_by=draft.line.enforced_by if enforcing or draft.line.choice else "",
        awaiting=draft.awaiting,
        awaiting_causes=_causes_of_awaiting(draft),
        waits_for_more=draft.waits_for_more,
        desired=draft.wanted,
        set_aside=_set_aside(draft),
        scheduled=tuple((a.day, a.delta) for a in draft.adjustments),
        scheduled_price=draft.price if draft.adjustments else None,
        linked=tuple(
            (one.day, other) for one in lacking(draft) for other in other_sides(draft.key, one, drafts, view)
        ),
        sources=draft.sources,
    )
    if (
        not view.live and line.intent is None and line.baseline is not None
    ):  # also where nothing was read: nothing is ours
        line = replace(line, baseline=None, baseline_until=None, observed=line.known_units)
    return with_state(line, _state(draft, view), draft.parked, view.now)


def _enforcing(draft: LineDraft) -> bool:
    """Whether an edit is still to be brought back; as before, of a line of which nobody knows what it lacks now."""
    if not draft.adjustable or draft.blocked:
        return draft.line.enforcing
    enforces = draft.enforced or draft.line.enforcing
    return enforces and any(_brings_back(one, draft) for one in draft.adjustments)


def _set_aside(draft: LineDraft) -> tuple[HeldChange, ...]:
    """What was rejected and is still lacking; as it was shown before, of a line of which nobody knows what it lacks now."""
    if not draft.adjustable or draft.blocked:
        return draft.line.set_aside
    return tuple(one for one in draft.set_aside if one.rejection)


def _state(draft: LineDraft, view: View) -> State:
    if not view.live and draft.waits_until is None:
        return State.OBSERVING
    if draft.parked:
        return State.PARKED
    if draft.waits_until:
        return State.SETTLING
    if draft.due:
        return State.PENDING
    return State.SCHEDULED if draft.adjustments else State.APPLIED


def _due(
    drafts: Drafts, lines: Mapping[LineKey, Line], contract: Contract | None, view: View
) -> datetime | None:
    """When the contract must be looked at again if no message announces anything."""
    moments: list[datetime] = []
    for key, draft in drafts.items():
        moments += _look_again(draft, lines[key], view.now)
        moments += [local_midnight(day, view.zone) for day in _days_to_come(draft, contract)]
    return min(moments, default=None)


def _look_again(draft: LineDraft, line: Line, now: datetime) -> list[datetime]:
    """When what a line waits for may have come."""
    if draft.waits_until:
        return [max(draft.waits_until, now)]
    if draft.waits_for_more:
        return [draft.waits_for_more]
    if draft.parked is None or REASONS[draft.parked.code].ended_by is not EndedBy.LOOK:
        return []
    if draft.parked.code == REFUSED and line.refusal:
        return [line.refusal.retry_at]
    parked_for = now - (line.since or now)
    return [now + min(max(parked_for / 4, RECHECK), RECHECK_LATER)]


def _days_to_come(draft: LineDraft, contract: Contract | None) -> list[date]:
    """Days on which there may be something to do on a line: to be adjusted, wanted otherwise, or not billed any more."""
    days = [adjustment.day for adjustment in draft.adjustments] + [*draft.wanted.days]
    if contract and draft.wanted.at(contract.end + ONE_DAY):
        days.append(contract.end + ONE_DAY)
    return [day for day in days if day > draft.today]
