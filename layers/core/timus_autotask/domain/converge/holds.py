"""Why a line is not brought level now: the contract is wrong, the terms ask for approval, a plan change waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain, repeat
from typing import Protocol

from timus_autotask.domain.adjustments import Adjustment
from timus_autotask.domain.approval import change_facts, is_approved, reason_of
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.decided import at_the_end, change_of, decided, with_nothing_newer
from timus_autotask.domain.converge.draft import LineDraft, parts_of, policy_of, wanted_units, whose_terms
from timus_autotask.domain.converge.sides import (
    Drafts,
    by_guess,
    moves_both_sides,
    old_plan_without_service,
    old_side_settles,
    plans_left,
    waits_for,
)
from timus_autotask.domain.converge.view import ChangedUnits, Observed, View
from timus_autotask.domain.days import ONE_DAY, effective_day, local_midnight
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import HeldChange, Line, Rejection
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Policy, PostedPeriod
from timus_autotask.domain.reasons import (
    AWAITING_APPROVAL,
    BELOW_ZERO_LATER,
    CONTRACT_ENDED,
    HELD_WITH_PLAN_CHANGE,
    PAUSED,
    REFUSED,
    REJECTED,
    Parked,
)
from timus_autotask.domain.timeline import Timeline

MOST_TOLD = 4
"""Changes that wait behind another one and are told one by one."""


def wrong_contract(contract: Contract) -> str | None:
    """Why nothing may be sent to this contract, if so (promise I4)."""
    if not contract.recurring:
        return "contract-not-recurring"
    return None if contract.active else "contract-inactive"


def of_another_company(draft: LineDraft, contract: Contract) -> LineDraft:
    """Parked if the mapping of any of its customers says that the contract is another company's (promise I4).

    Autotask has one number for a line. Whose seats are in it cannot be seen, so the line is parked for all of them; lines that only
    customers of the contract's company have go on.
    """
    companies = draft.demand.companies if draft.demand else ()
    others = [(company, customer) for company, customer in companies if company != contract.company_id]
    if not others:
        return draft
    company, customer = others[0]
    return draft.park(
        "contract-of-another-company",
        customer=customer,
        company=company,
        actual_company=contract.company_id,
    )


def stays_whatever_is_approved(draft: LineDraft) -> bool:
    """Whether a decrease of the line is not made although nothing awaits approval: it was refused or rejected, or has to wait.

    So it is also where something else of the line awaits approval, or waits for another line that does.
    """
    return draft.stays_up and (
        draft.parked is None
        or draft.parked.code in (REFUSED, REJECTED, BELOW_ZERO_LATER)
        or any(one.rejection and one.delta < 0 for one in draft.set_aside)
    )


def by_itself(draft: LineDraft) -> LineDraft:
    """The line without what it only waits for because the other side of its plan change waits for a person: that is judged again in each round."""
    with_other_side = draft.parked is not None and draft.parked.code == HELD_WITH_PLAN_CHANGE
    return replace(draft, parked=None) if with_other_side else draft


def parked_or_waiting(
    drafts: Drafts, kept_back: Drafts, contract: Contract, view: View
) -> dict[LineKey, LineDraft]:
    """The lines, those parked or waiting that may not be adjusted now. ``kept_back`` are those of which that is known already."""
    out = {**drafts, **kept_back}
    for key, draft in drafts.items():
        if draft.adjustable and key not in kept_back:
            settles = old_side_settles(key, out, view) if draft.blocked else None
            out[key] = draft.wait(settles) if settles else _judged(draft, out, contract, view)
    return _waiting_together(_whole_plan_changes(out, contract, view), view)


def _waiting_together(drafts: Drafts, view: View) -> dict[LineKey, LineDraft]:
    """What goes up in place of a decrease that waits by the term ``decrease_wait`` waits with it."""
    out = dict(drafts)
    waiting = {key: draft.waits_for_more for key, draft in drafts.items() if draft.waits_for_more}
    for key, up in drafts.items() if waiting else ():
        until = max((waiting[down] for down in plans_left(key, view) if down in waiting), default=None)
        if until and up.due and not up.stopped:
            out[key] = replace(up, waits_for_more=until)
    return out


def _whole_plan_changes(drafts: Drafts, contract: Contract, view: View) -> dict[LineKey, LineDraft]:
    """Where the new plan waits for a person, or was rejected, the old one stays billed: a plan change happens whole or not at all.

    It does not stay longer than the new one would have.
    """
    out = dict(drafts)
    for link in view.desired.links:
        up, down = out.get(link.up), out.get(link.down)
        if up is None or down is None or down.parked or link.across:
            continue
        if moves_both_sides(link, down, _up_to_a_person(up)) and not _goes_before(down, link):
            stays = down.park(HELD_WITH_PLAN_CHANGE, up=link.up.service_id, **by_guess(link))
            ends = tuple(at_the_end(down, contract, link.day)) if up.set_aside else ()
            ended = replace(down, adjustments=ends) if ends and ends[0].day <= view.today else None
            out[link.down] = (_held_by_terms(ended, view) or ended) if ended else stays
    return out


def _goes_before(down: LineDraft, link: Link) -> bool:
    """True if something of an earlier day is made of the old line first, which is no part of the plan change: that waits for nobody.

    An example: +10 are due on the 5th, and one seat moves on the 10th. The +10 go, and then the old line waits with its -1.
    """
    if len(down.due) < 2 or _go_together(down):
        return False
    first, *others = down.due
    own = [one for one in others if one.delta < 0 and one.day >= link.day]
    return bool(own) and first.day < link.day


def _up_to_a_person(draft: LineDraft) -> Sequence[Adjustment | HeldChange]:
    """What is not made on a line before a person decides."""
    waits = draft.parked is not None and draft.parked.code in (*AWAITING_APPROVAL, PAUSED)
    return (*draft.set_aside, *(draft.adjustments if waits else ()))


def _judged(draft: LineDraft, drafts: Drafts, contract: Contract, view: View) -> LineDraft:
    """A line that may be adjusted, parked if it is nevertheless not brought level."""
    if draft.demand is None:
        return draft.park("no-subscription") if draft.observed.units.at(view.today) else draft
    if draft.blocked:
        old = old_plan_without_service(draft.key, view)
        if old is not None:
            return draft.park("old-plan-unmapped", sku=old.sku, **by_guess(old))
        return draft.park("waits-for-decrease", **waits_for(draft.key, drafts, view))
    draft = decided(draft, contract)
    if draft.due:
        stays = (
            _refused(draft, view)
            or _held_by_terms(draft, view, _of_other_sides(draft, drafts, view))
            or _below_zero_later(draft)
        )
        if stays is None:
            return _waiting_for_more(draft, view)
        return replace(stays, parked=stays.parked and _with_what_waits(stays.parked, draft))
    if any(one.rejection for one in draft.set_aside):
        return rejected(draft)
    return _past_end(draft, contract)


def _with_what_waits(parked: Parked, draft: LineDraft) -> Parked:
    """The reason with what else is due on the line and waits with the change that it is about: a line's changes are made in order."""
    about = (parked.facts.get("day"), parked.facts.get("delta"))
    others = [one for one in draft.due if (one.day.isoformat(), one.delta) != about]
    if not others or None in about:
        return parked

    def told_of(one: Adjustment) -> str:
        change = change_of(draft, one)
        approved = any(is_approved(change, approval) for approval in draft.line.approved)
        return f"{one.delta:+d} on {one.day.isoformat()}{' (approved)' if approved else ''}"

    told = [*map(told_of, others[:MOST_TOLD])]
    more = [f"{len(others) - MOST_TOLD} more"] if len(others) > MOST_TOLD else []
    return replace(parked, facts={**parked.facts, "waiting": ", ".join((*told, *more))})


def rejected(draft: LineDraft) -> LineDraft:
    """Parked with what was rejected of it: nothing else is due, or what is has to wait with it. Else what is dated later is made all the same."""
    change, rejection = next((one, one.rejection) for one in draft.set_aside if one.rejection)
    return replace(draft, parked=reason_of(change, rejection, draft.facts), awaiting=change)


def _refused(draft: LineDraft, view: View) -> LineDraft | None:
    """Parked if Autotask refused what is due, and it is not to be sent again yet."""
    refusal, first = draft.line.refusal, draft.due[0]
    if refusal is None or (refusal.day, refusal.delta) != (first.day, first.delta):
        return None
    if view.now >= refusal.retry_at:
        return None
    return draft.park(REFUSED, delta=first.delta, day=first.day.isoformat(), answer=refusal.message)


def _below_zero_later(draft: LineDraft) -> LineDraft | None:
    """Parked if what is due would leave fewer than 0 units on a later day, and the increase of that day is still to come."""
    due, first = draft.due[0], draft.in_turn[0]
    if first.day <= draft.today:
        return None
    units = draft.observed.units.at(first.day)
    return draft.park(
        BELOW_ZERO_LATER, delta=due.delta, day=due.day.isoformat(), until=first.day.isoformat(), units=units
    )


def _waiting_for_more(draft: LineDraft, view: View) -> LineDraft:
    """A line whose decrease waits by the term ``decrease_wait``: a subscription that replaces another one comes a little later."""
    due = draft.adjustments[0] if _go_together(draft) else draft.due[0]
    minutes = draft.policy.decrease_wait
    may_be_replaced = _what_may_be_replaced(draft, due.day)
    occurred = max((cause.occurred_at for cause in may_be_replaced if cause.occurred_at), default=None)
    if not minutes or occurred is None or due.delta > 0:
        return draft
    wait, since = timedelta(minutes=minutes), occurred
    if any(due.day in (cause.day, cause.ends) for cause in may_be_replaced):
        # What was told ahead is replaced on its own day.
        since = max(occurred, local_midnight(due.day, view.zone))
    # The day does not end without it. A cause of a time to come is a wrong clock, and waits for nothing.
    until = min(since + wait, local_midnight(effective_day(since, view.zone) + ONE_DAY, view.zone))
    return replace(draft, waits_for_more=until) if since - wait <= view.now < until else draft


def _what_may_be_replaced(draft: LineDraft, day: date) -> Sequence[Cause]:
    """What Timus has reported, if the line comes down to 0 by a day; else the causes by which a subscription has nothing there any more."""
    causes = draft.causes
    if not draft.wanted.at(day):
        return causes
    followed = draft.line.versions
    newest = {(one.subscription_id, one.sku): one for one in causes if one.day <= day}
    # A cancellation is followed on its day, also where the line followed a change of its version before.
    new = [
        one for one in newest.values() if one.ends == day or one.number > followed.get(one.subscription_id, 0)
    ]
    return [one for one in new if not one.after or (one.ends is not None and one.ends <= day)]


def _past_end(draft: LineDraft, contract: Contract) -> LineDraft:
    """Parked if there are units after the contract's end, which nothing bills. An end there, or before it, needs nothing."""
    after = contract.end + ONE_DAY
    if after > draft.today:
        return draft
    days = (day for day in (after, *draft.wanted.days) if after <= day <= draft.today)
    units = next((draft.wanted.at(day) for day in days if draft.wanted.at(day)), None)
    if units is None:
        return draft
    return draft.park(CONTRACT_ENDED, contract_end=contract.end.isoformat(), units=units)


# -- The partner's terms


class OnADay(Protocol):
    """What the terms are asked with, besides the line."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By customer; the partner's own under the empty name."""

    @property
    def changed_today(self) -> ChangedUnits:
        """The units that were changed that day, for its limits."""

    @property
    def today(self) -> date:
        """That day."""


@dataclass(frozen=True, slots=True)
class _DayToCome:
    """A day on which nothing was changed yet."""

    policies: Mapping[str, Policy]
    today: date
    changed_today: ChangedUnits = field(default_factory=ChangedUnits)


@dataclass(frozen=True, slots=True)
class LineSeen:
    """What is known of a line without a worker's look."""

    line: Line
    demand: Demand | None
    observed: Observed


def held_later(
    lines: Iterable[LineSeen], policies: Mapping[str, Policy], today: date
) -> Mapping[LineKey, Mapping[date, Parked]]:
    """What is scheduled on these lines and will be held by the terms on its day: by line and day, with the reason.

    That is as of the terms and units of now, and for each change alone: what else moves on its day is not known yet. The other sides of
    a plan change wait for the same.
    """
    scheduled = {one.line.key: one for one in lines if any(day > today for day, _ in one.line.scheduled)}
    own = {key: dict(_days_held(one, policies, today)) for key, one in scheduled.items()}
    found = {key: {**days} for key, days in own.items()}
    for key, one in scheduled.items():
        for day, other in one.line.linked:
            if day in own.get(other, {}):
                found[key].setdefault(day, own[other][day])
    return {key: days for key, days in found.items() if days}


def _days_held(seen: LineSeen, policies: Mapping[str, Policy], today: date) -> Iterator[tuple[date, Parked]]:
    line, demand, observed = seen.line, seen.demand, seen.observed
    if line.parked is not None and line.parked.code != REJECTED:
        return  # why it waits is said already
    customers = whose_terms(demand, observed.units, wanted_units(demand, line), today)
    policy = policy_of(demand, policies, customers)
    facts: dict[str, int | str] = {"contract": line.contract_id, "service": line.service_id}
    prices = chain([line.scheduled_price], repeat(None))
    for (day, delta), price in zip(line.scheduled, prices, strict=False):
        if day > today:
            alone = (Adjustment(line.key, day, delta),)
            draft = LineDraft(line, demand, observed, policy, day, facts, customers, adjustments=alone)
            held = _held_by_terms(replace(draft, price=price), _DayToCome(policies, day))
            if held is not None and held.parked is not None:
                yield day, held.parked
        # By the day of the next one it is made, also if a person is asked first.
        observed = replace(observed, units=observed.units.add_from(day, delta))
        line = replace(line, adjusted=(*line.adjusted, day))


def _who_is_paused(draft: LineDraft, view: OnADay) -> dict[str, str]:
    """The customer whose own pause it is; nothing where everybody is paused."""
    customers = {customer for customer, _ in draft.sources}
    paused = sorted(one for one in customers if view.policies.get(one, Policy()).paused)
    if view.policies.get("", Policy()).paused or not paused:
        return {}
    return {"paused_customer": paused[0]}


def _of_other_sides(draft: LineDraft, drafts: Drafts, view: View) -> int:
    """The units of the other side of a plan change, for the limit of a day: a plan change is judged as a whole before its old side comes down.

    What is still to come down for this line is changed on that day too. What has come down is not judged again: it is counted as changed, and
    as many go up in its place. Then they are taken off.
    """
    first = draft.due[0]
    if first.delta <= 0 or not _day_limits(draft, view):
        return 0
    downs = [drafts[one] for one in plans_left(draft.key, view, first.day) if one in drafts]
    still_to_come = sum(-one.delta for down in downs if not down.stopped for one in down.due if one.delta < 0)
    return still_to_come or -min(first.delta, sum(_came_down(down, first.day) for down in downs))


def _came_down(down: LineDraft, day: date) -> int:
    """How many units an adjustment of ours has taken off a line on a day."""
    units = down.observed.units
    return max(0, units.at(day - ONE_DAY) - units.at(day)) if day in down.line.adjusted else 0


def _held_by_terms(draft: LineDraft, view: OnADay, of_other_sides: int = 0) -> LineDraft | None:
    """Parked if all is paused, or the partner's terms ask for approval before the first of a line's due adjustments is made.

    Each is judged in its turn, or all of them together. ``of_other_sides`` counts towards the limit of a day; see ``_of_other_sides``.
    """
    units = draft.observed.units
    if draft.policy.paused:
        facts = change_facts(change_of(draft, draft.due[0]))
        return draft.park(PAUSED, **facts, **_who_is_paused(draft, view))
    to_move = of_other_sides
    for adjustment in draft.due if _go_together(draft) else draft.due[:1]:
        to_move += abs(adjustment.delta)
        change = change_of(draft, adjustment)
        if not any(is_approved(change, one) for one in draft.line.approved):
            held = _held_with_its_parts(draft, change, units, to_move, view)
            if held is not None:
                return held
        units = units.add_from(adjustment.day, adjustment.delta)
    return None


def _go_together(draft: LineDraft) -> bool:
    """True if making only the first of what is due would leave a day with a quantity that Timus never asked for: then all of it is judged together.

    * So it is where the line was adjusted on a later day already, and where the first makes room for a decrease of a day before it.
    * Units that an empty new period lacks go alone, if that period then has what is billed on the day before.
    """
    first, units = draft.due[0], draft.observed.units
    if first != draft.adjustments[0]:
        there = units.at(first.day)
        goes_on = there + first.delta == units.at(first.day - ONE_DAY)
        return there >= draft.wanted.at(first.day) or not goes_on
    return draft.changes_a_later_day(first)


def _held_with_its_parts(
    draft: LineDraft, change: HeldChange, units: Timeline, to_move: int, view: OnADay
) -> LineDraft | None:
    """Parked if the terms ask for approval of a change, given what the line has by then and what it is to move in all.

    On a line that several customers share, each one's part is judged like the whole: what is asked for stays asked for, whatever another
    one's news make of the sum. The reason says what the change contains, and by whose terms it waits.
    """
    parts = parts_of(draft, change.day, units)
    news = draft.line.news_in(change.day, change.delta, units)
    deltas, there = (news, *parts.values()), units.at(change.day) + change.delta - news
    held = _terms_ask(draft, change, deltas, there, to_move, view)
    if held is None and any(_was_rejected(one, parts, draft) for one in draft.overtaken):
        held = draft.hold("held-for-approval", change)
    if held is None or held.parked is None or len(draft.customers) < 2:
        return held
    strict = [
        one
        for one in draft.customers
        if _terms_ask(_alone(draft, one, view), change, deltas, there, to_move, view)
    ]
    of_each = {
        "contains": ", ".join(f"{one} {more:+d}" for one, more in parts.items()),
        "by_terms": ", ".join(strict),
    }
    facts = {**held.parked.facts, **{name: words for name, words in of_each.items() if words}}
    return replace(held, parked=replace(held.parked, facts=facts))


def _alone(draft: LineDraft, customer: str, view: OnADay) -> LineDraft:
    """The line as if it were one customer's."""
    own = (customer,)
    return replace(draft, policy=policy_of(draft.demand, view.policies, own), customers=own)


def _was_rejected(rejection: Rejection, parts: Mapping[str, int], draft: LineDraft) -> bool:
    """Whether a change may contain what was rejected: somebody has a part of it of whom nothing new was reported since."""
    return bool(with_nothing_newer(rejection, draft) & parts.keys()) or not parts


def _terms_ask(
    draft: LineDraft, change: HeldChange, deltas: Sequence[int], there: int, to_move: int, view: OnADay
) -> LineDraft | None:
    """Parked if the terms of the line ask for approval. ``deltas`` are those of the change, and of its parts; ``there`` are the units before."""
    policy, size = draft.policy, max(map(abs, deltas))
    if policy.posted_period is PostedPeriod.HOLD and draft.observed.is_posted(change.day):
        return draft.hold("held-posted-period", change)
    if not size:
        return None
    if policy.line_limit is not None and size > policy.line_limit:
        return draft.hold("held-over-limit", change, limit=policy.line_limit)
    more = to_move - abs(change.delta) + size
    over = _over_day_limit(draft, change, more, view) if more > 0 else None
    if over is not None:
        return draft.hold("held-over-day-limit", replace(change, day_limit=over), limit=over)
    new_line = not draft.observed.contract_service_ids and not draft.line.adjusted
    large = any(policy.approval(delta).asks(delta, there) for delta in deltas)
    if large or (new_line and policy.approve_new_lines):
        return draft.hold("held-for-approval", change)
    return None


def _over_day_limit(draft: LineDraft, change: HeldChange, more: int, view: OnADay) -> int | None:
    """The limit of a day that ``more`` units would break, of the customer or of the partner.

    What it has held once awaits approval: another day's limit does not let it through while nobody looks.
    """
    limits, changed, was = _day_limits(draft, view), view.changed_today.on(view.today), draft.line.awaiting
    if was and (was.day, was.delta) == (change.day, change.delta) and was.day_limit in limits.values():
        return was.day_limit
    everybodys = limits.pop("", None)
    over = [limit for one, limit in limits.items() if changed.get(one, 0) + more > limit]
    if over:
        return min(over)
    if everybodys is not None and view.changed_today.in_all(view.today) + more > everybodys:
        return everybodys
    return None


def _day_limits(draft: LineDraft, view: OnADay) -> dict[str, int]:
    """The limits of a day that there are for a line: by customer, and of all together under the empty name."""
    partner = view.policies.get("", Policy())
    limits = {one: view.policies.get(one, partner).customer_day_limit for one in draft.customers}
    limits[""] = partner.partner_day_limit
    return {one: limit for one, limit in limits.items() if limit is not None}
