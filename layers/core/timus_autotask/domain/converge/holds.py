"""Why a line is not brought level now: the contract is wrong, the terms ask for approval, a plan change waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.sides import (
    Drafts,
    moves_both_sides,
    old_plan_without_service,
    old_service,
    old_side_settles,
)
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan import Adjustment
from timus_autotask.domain.policy import Policy, PostedPeriod
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline

AWAITING_APPROVAL = (
    "held-for-approval",
    "held-over-limit",
    "held-over-day-limit",
    "held-posted-period",
    "held-with-plan-change",
    "paused",
)
"""The partner's own terms ask for approval."""

BY_DECISION = (*AWAITING_APPROVAL, "no-subscription")
"""Reasons that only a decision of a person ends; the command that takes it makes the contract due."""


def wrong_contract(contract: Contract, view: View) -> tuple[str, dict[str, int | str]] | None:
    """Why nothing may be sent to this contract, if so (promise I4)."""
    companies = {
        demand.company_id
        for key, demand in view.desired.demands.items()
        if key.contract_id == view.contract_id
    }
    other = companies - {contract.company_id}
    if other:
        return "contract-of-another-company", {"company": min(other), "actual_company": contract.company_id}
    if not contract.recurring:
        return "contract-not-recurring", {}
    if not contract.active:
        return "contract-inactive", {}
    return None


def held_back(drafts: Drafts, contract: Contract, view: View) -> dict[LineKey, LineDraft]:
    """The lines, those parked or waiting that may not be adjusted now."""
    out = dict(drafts)
    for key, draft in drafts.items():
        if draft.known:
            settles = old_side_settles(key, out, view) if draft.blocked else None
            parked = None if settles else _why_not(draft, contract, view)
            out[key] = replace(draft, waits_until=settles, parked=parked)
    return _whole_plan_changes(out, view)


def _whole_plan_changes(drafts: Drafts, view: View) -> dict[LineKey, LineDraft]:
    """Where the new plan awaits approval, the old one stays billed: a plan change happens whole or not at all."""
    out = dict(drafts)
    for link in view.desired.links:
        up, down = out.get(link.up), out.get(link.down)
        if up is None or down is None or down.parked or not _awaits_approval(up):
            continue
        if moves_both_sides(link, down, up):
            out[link.down] = down.park("held-with-plan-change", up=link.up.service_id)
    return out


def _awaits_approval(draft: LineDraft) -> bool:
    return draft.parked is not None and draft.parked.code in AWAITING_APPROVAL


def _why_not(draft: LineDraft, contract: Contract, view: View) -> Parked | None:
    """Why a line in a known state is nevertheless not brought level, or None."""
    if draft.demand is None:
        return draft.reason("no-subscription") if draft.observed.units.at(view.today) else None
    if draft.blocked:
        old = old_plan_without_service(draft.key, view)
        if old is not None:
            return draft.reason("old-plan-unmapped", sku=old)
        return draft.reason("waits-for-decrease", down=old_service(draft.key, view))
    if draft.due:
        return _refused(draft, view) or _asks_first(draft, view)
    return _past_end(draft, contract)


def _refused(draft: LineDraft, view: View) -> Parked | None:
    """Whether Autotask refused what is due, and it is not to be sent again yet."""
    refusal, first = draft.line.refusal, draft.due[0]
    if refusal is None or (refusal.day, refusal.delta) != (first.day, first.delta):
        return None
    if view.now >= refusal.retry_at:
        return None
    return draft.reason("refused", **_facts_of(first), answer=refusal.message)


def _past_end(draft: LineDraft, contract: Contract) -> Parked | None:
    """Units after the contract's end, which nothing bills. An end there, or before it, needs nothing."""
    after = contract.end + timedelta(days=1)
    if after > draft.today:
        return None
    days = (after, *(day for day in draft.wanted.days if after < day <= draft.today))
    units = next((draft.wanted.at(day) for day in days if draft.wanted.at(day)), 0)
    if not units:
        return None
    return draft.reason("contract-ended", contract_end=contract.end.isoformat(), units=units)


# -- The partner's terms


def _asks_first(draft: LineDraft, view: View) -> Parked | None:
    """Whether the partner's terms ask for approval before the first of a line's due adjustments is made.

    Each is judged in its turn. But where the line was adjusted on a later day already, they are judged, and go, together: until
    the last is made, the first alone would give that day a quantity that was never wanted.
    """
    units = draft.observed.units
    together = any(draft.due[0].day < day <= view.today for day in units.days)
    moved = 0
    for adjustment in draft.due if together else draft.due[:1]:
        moved += abs(adjustment.delta)
        if not any((a.day, a.delta) == (adjustment.day, adjustment.delta) for a in draft.line.approved):
            reason = _asks(draft, adjustment, units, moved, view)
            if reason is not None:
                return reason
        units = units.add_from(adjustment.day, adjustment.delta)
    return None


def _asks(draft: LineDraft, adjustment: Adjustment, units: Timeline, moved: int, view: View) -> Parked | None:
    """Whether the terms ask for approval of an adjustment, given what the line has by then and what it moves in all."""
    policy, facts = draft.policy, _facts_of(adjustment)
    if policy.paused:
        return draft.reason("paused", **facts)
    if policy.posted_period is PostedPeriod.HOLD and _is_posted(adjustment, draft.observed.closed):
        return draft.reason("held-posted-period", **facts)
    if policy.line_limit is not None and abs(adjustment.delta) > policy.line_limit:
        return draft.reason("held-over-limit", **facts, limit=policy.line_limit)
    over = _over_day_limit(draft, adjustment, moved, view)
    if over is not None:
        return draft.reason("held-over-day-limit", **facts, limit=over)
    new_line = not draft.observed.contract_service_ids and not draft.line.adjusted
    large = policy.approval(adjustment.delta).asks(adjustment.delta, units.at(adjustment.day))
    if large or (new_line and policy.approve_new_lines):
        return draft.reason("held-for-approval", **facts)
    return None


def _is_posted(adjustment: Adjustment, closed: Sequence[tuple[date, date]]) -> bool:
    return any(first <= adjustment.day <= last for first, last in closed)


def _over_day_limit(draft: LineDraft, adjustment: Adjustment, more: int, view: View) -> int | None:
    """The limit of a day that ``more`` units would break, of the customer or of the partner.

    What it has held once awaits approval: another day's limit does not let it through while nobody looks.
    """
    moved = view.moved.on(view.today)
    own, partner = draft.policy.customer_day_limit, view.policies.get("", Policy()).partner_day_limit
    was = draft.line.parked
    if was is not None and was.code == "held-over-day-limit":
        held = (was.facts["delta"], was.facts["day"]) == (adjustment.delta, adjustment.day.isoformat())
        if held and was.facts["limit"] in (own, partner):
            return int(was.facts["limit"])
    if own is not None and moved.get(draft.customer, 0) + more > own:
        return own
    if partner is not None and sum(moved.values()) + more > partner:
        return partner
    return None


def _facts_of(adjustment: Adjustment) -> dict[str, int | str]:
    return {"delta": adjustment.delta, "day": adjustment.day.isoformat()}
