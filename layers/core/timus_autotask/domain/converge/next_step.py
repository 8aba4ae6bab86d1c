"""The next step of a contract: gather → **decide** → act. This is the decision, as a pure function of what was gathered.

A step says which records to write, at most one adjustment to post, and when to look again. Whoever performs it writes the
records first, then posts, then gathers anew and asks again, until a step posts nothing. So every post is preceded by a durable
intent, and what follows a post is decided from a fresh read, never from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import local_midnight
from timus_autotask.domain.desired import Demand, Desired
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.line import (
    Answer,
    Choice,
    Intent,
    JournalEntry,
    Line,
    Outcome,
    Refusal,
    State,
    Verdict,
    settle,
    with_state,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan import Adjustment, Plan, plan_adjustments
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import OnDrift, Policy, PostedPeriod, Renewal, SameDay
from timus_autotask.domain.provisioning import NewContract, successor
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline

DUPLICATE_DAY = "duplicate data"
"""Part of Autotask's words when a line already has an adjustment on that day, whoever made it (observed live)."""

RECHECK = timedelta(minutes=15)
"""How soon a parked line is looked at again: its cause may be gone."""
RECHECK_LATER = timedelta(hours=1)
"""How soon once it has been parked for four times that long: each look costs calls to Autotask, and in between it is looked at after a
quarter of the time that it has been parked already."""

NOWHERE = LineKey(0, 0)
"""The line of a plan whose service nobody has said: what follows on it waits."""

AWAITING_APPROVAL = (
    "held-for-approval",
    "held-over-limit",
    "held-over-day-limit",
    "held-posted-period",
    "held-with-plan-change",
    "paused",
)
"""The partner's own terms ask for a person's word."""

BY_DECISION = (*AWAITING_APPROVAL, "no-subscription")
"""Reasons that only a person's word ends; the command that gives it makes the contract due."""

LOOKS = 3
"""How often an accepted post that is not to be seen yet is looked for before it is left to settle."""

REFUSED_AGAIN = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
"""How long the same adjustment is not sent again after its first, second, … refusal; the last one repeats."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What Autotask holds of a service on a contract, as read now."""

    units: Timeline = NOTHING
    contract_service_ids: tuple[int, ...] = ()
    """More than one: the service is on the contract more than once."""
    closed: tuple[tuple[date, date], ...] = ()
    """Approved and posted stretches, inclusive, in order."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Units that were added or taken off on one day, by customer."""

    day: date | None = None
    units: Mapping[str, int] = field(default_factory=dict)

    def on(self, day: date) -> Mapping[str, int]:
        """Those of a day."""
        return self.units if day == self.day else {}

    def plus(self, day: date, customers: Sequence[str], delta: int) -> Moved:
        """With one more adjustment. A line that several customers share counts for the first of them."""
        units = dict(self.on(day))
        customer = customers[0] if customers else ""
        units[customer] = units.get(customer, 0) + abs(delta)
        return Moved(day, units)


@dataclass(frozen=True, slots=True)
class View:
    """All that was gathered for one contract, under its lease."""

    contract_id: int
    contract: Contract | None
    """None: Autotask does not have it."""
    held: Mapping[int, Observed]
    """By service; a service that is not in it has nothing on the contract."""
    desired: Desired
    lines: Mapping[LineKey, Line]
    """The lines of this contract, and of others where a plan change links them."""
    policies: Mapping[str, Policy]
    """By customer; the partner's own under the empty name."""
    zone: ZoneInfo
    now: datetime
    today: date
    alive_until: datetime
    """The end of the lease: by then the sender is surely dead."""
    settle: timedelta
    moved: Moved = field(default_factory=Moved)
    """What was posted today, for the limits of a day."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract was seen to cover, or that Autotask refused for now."""
    looks: int = 0
    """How many times this contract was read since the last post: read-after-write may lag."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next. The records are written in one transaction; a post's line is among them."""

    lines: tuple[Line, ...] = ()
    """Those that changed."""
    journal: tuple[JournalEntry, ...] = ()
    post: Line | None = None
    """The line whose intent is to be sent now."""
    extend: date | None = None
    """Extend the contract to this day first, then look again: its term was renewed."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract covers."""
    successor: NewContract | None = None
    """Open this contract: the term was renewed, and the partner wants a new one for it."""
    look_again: bool = False
    """An accepted post is not to be seen yet: read again in a moment."""
    due_at: datetime | None = None
    """When the contract must be looked at next if nothing else happens."""


@dataclass(slots=True)
class LineDraft:
    """One line while it is being decided."""

    line: Line
    demand: Demand | None
    held: Observed
    policy: Policy
    known: bool = False
    """Its intent is settled and the read equals what we left behind: it may be planned and posted."""
    parked: Parked | None = None
    waits_until: datetime | None = None
    facts: dict[str, int | str] = field(default_factory=dict)

    @property
    def key(self) -> LineKey:
        return self.line.key

    @property
    def wanted(self) -> Timeline:
        """What the line should have."""
        return _wanted(self.demand, self.line)


def _wanted(demand: Demand | None, line: Line) -> Timeline:
    """What a line should have: Timus's units and what a person put on top; never below zero."""
    units = demand.units if demand else NOTHING
    return _at_least_0(units.plus(line.offset)) if line.offset.steps else units


def _at_least_0(timeline: Timeline) -> Timeline:
    return Timeline.sampled(timeline.days, lambda day: max(0, timeline.at(day)))


def next_step(view: View) -> Step:
    """The next step of a contract; see the module."""
    works = _works(view)
    wrong = _wrong_contract(view)
    contract = view.contract
    renewed: date | None = None
    new: NewContract | None = None
    journal: list[JournalEntry] = []
    plan = Plan(())
    if contract is None or wrong is not None:
        code, facts = wrong or ("contract-not-found", {})
        for work in works:
            work.parked = Parked(code, {**work.facts, **facts})
    else:
        for work in works:
            journal += _know(work, contract, view)
        renewed = _renewal(works, view, Renewal.EXTEND)
        if renewed is not None and renewed > contract.end:
            return Step(extend=renewed)
        new = _successor(works, contract, view)
        plan = _plan(works, contract, view)
    look_again = view.looks < LOOKS and any(
        work.waits_until and work.line.intent and work.line.intent.answer is Answer.ACCEPTED for work in works
    )
    post = _judge(works, plan, contract, view)
    changed = tuple(w.line for w in works if w.line != view.lines.get(w.key))
    return Step(
        lines=changed,
        journal=tuple(journal),
        post=post,
        renewed=renewed,
        successor=new,
        look_again=look_again and post is None,
        due_at=None if post else _due(works, contract, view),
    )


def _works(view: View) -> list[LineDraft]:
    """Every line that is wanted on this contract or that we left something on."""
    own = {key for key in view.lines if key.contract_id == view.contract_id}
    wanted = {key for key in view.desired.demands if key.contract_id == view.contract_id}
    works = []
    for key in sorted(own | wanted):
        line = view.lines.get(key) or Line(key.contract_id, key.service_id)
        demand = view.desired.demands.get(key)
        held = view.held.get(key.service_id, Observed())
        sources = tuple((s.customer_id, s.sku) for s in demand.sources) if demand else ()
        work = LineDraft(line, demand, held, policy_of(demand, view.policies))
        work.facts = {
            "contract": key.contract_id,
            "service": key.service_id,
            "customer": sources[0][0] if sources else (line.sources[0][0] if line.sources else ""),
            "held": held.units.at(view.today),
            "left": line.baseline.at(view.today) if line.baseline else 0,
            "desired": work.wanted.at(view.today),
        }
        works.append(work)
    return works


def policy_of(demand: Demand | None, policies: Mapping[str, Policy]) -> Policy:
    """The terms of a line: its customer's, or the partner's where several customers share it and differ.

    A pause of one of them is a pause of what they share.
    """
    customers = {source.customer_id for source in demand.sources} if demand else set()
    found = [policies[c] for c in sorted(customers) if c in policies]
    if found and all(policy == found[0] for policy in found):
        return found[0]
    partner = policies.get("", Policy())
    return replace(partner, paused=partner.paused or any(policy.paused for policy in found))


def _wrong_contract(view: View) -> tuple[str, dict[str, int | str]] | None:
    """Why nothing may be posted to this contract, if so (promise I4)."""
    contract = view.contract
    if contract is None:
        return "contract-not-found", {}
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


def _renewal(works: Sequence[LineDraft], view: View, how: Renewal) -> date | None:
    """The last day of the latest renewed term that bills here and is to be followed in this way.

    One that the contract was seen to cover is over and done with: whoever shortens the contract afterwards meant it.
    """
    wanted = [
        work.demand.renewed_until
        for work in works
        if work.demand and work.demand.renewed_until and work.policy.renewal is how and not work.policy.paused
    ]
    until = max(wanted, default=None)
    return until if until is not None and (view.renewed is None or until > view.renewed) else None


def _successor(works: Sequence[LineDraft], contract: Contract, view: View) -> NewContract | None:
    """The new contract for a renewed term that ends after this one, if the partner wants one."""
    until = _renewal(works, view, Renewal.NEW_CONTRACT)
    if until is None or until <= contract.end:
        return None
    policy = next(work.policy for work in works if work.policy.renewal is Renewal.NEW_CONTRACT)
    return successor(contract, until, policy)


def _know(work: LineDraft, contract: Contract, view: View) -> list[JournalEntry]:
    """Settle an open intent and find out whether the line is as we left it. Returns what the journal gains."""
    first, last = contract.start, contract.end
    held = work.held.units
    journal: list[JournalEntry] = []
    if len(work.held.contract_service_ids) > 1:
        work.parked = Parked("line-duplicated", work.facts)
        return journal
    if work.held.contract_service_ids:
        work.line = replace(work.line, contract_service_id=work.held.contract_service_ids[0])
    intent = work.line.intent
    if intent is not None:
        verdict = settle(intent, held, first, last, view.now)
        if verdict is Verdict.WAIT:
            work.waits_until = intent.settles_at
            return journal
        if verdict is Verdict.UNCLEAR and work.line.choice is None and not _level(work, contract):
            work.parked = Parked("outcome-unclear", {**work.facts, **_facts_of(intent)})
            return journal
        journal.append(_change(work.line, intent, verdict, held, view.now))
        work.line = _settled(work.line, intent, verdict, held, view)
        if verdict is Verdict.UNCLEAR and work.line.choice is Choice.ADOPT and work.demand is not None:
            # Nobody knows what of it is ours, so it is kept as a whole; what Timus has for later days still comes.
            by_now = Timeline(tuple(step for step in work.demand.units.steps if step[0] <= view.today))
            offset = held.minus(by_now).between(work.demand.start, date.max)
            work.line = replace(work.line, offset=offset, baseline=held)
    baseline = work.line.baseline
    if baseline is None or _raised_above_zero(work.line, baseline, held):
        work.line = replace(work.line, baseline=held, first_held=held)
    elif work.demand is not None and not held.same(baseline, first, last):
        seen = work.line.last_change
        acts = work.line.choice is not None or work.policy.drift is not OnDrift.PARK
        if seen is not None and view.now < seen + view.settle and (acts or _level(work, contract)):
            # We saw a change of ours land just now, and this read does not show it: it may be stale. So we look once more before
            # anything is done about it, or a difference that is none any more is put down to somebody's hand.
            work.waits_until = seen + view.settle
            return journal
        drifted = _drifted(work, held, baseline, contract)
        if drifted:
            work.parked = Parked("drift", work.facts)
            return journal
    work.line = replace(work.line, baseline=held, choice=None)
    work.known = True
    return journal


def _raised_above_zero(line: Line, baseline: Timeline, held: Timeline) -> bool:
    """Whether a person has made room for an adjustment that was refused because units would have fallen below zero.

    That is the mend that was asked for, no drift; on a line that has nothing of ours, it is looked at as at first sight.
    """
    if line.refusal is None or line.adjusted:
        return False
    day, delta = line.refusal.day, line.refusal.delta
    below = [any(units < 0 for _, units in one.add_from(day, delta).steps) for one in (baseline, held)]
    return below == [True, False]


def _level(work: LineDraft, contract: Contract) -> bool:
    """Whether Autotask holds just what the line should have, whoever brought it there."""
    if work.demand is None:
        return False
    return work.held.units.same(work.wanted, max(work.demand.start, contract.start), contract.end)


def _drifted(work: LineDraft, held: Timeline, baseline: Timeline, contract: Contract) -> bool:
    """Somebody else was there: True parks the line. Someone's edit is never fought unless a person or the terms say so."""
    choice = work.line.choice
    if _level(work, contract):
        return False
    if choice is Choice.ADOPT or (choice is None and work.policy.drift is OnDrift.ADOPT):
        work.line = replace(work.line, offset=work.line.offset.plus(held.minus(baseline)))
        return False
    return not (choice is Choice.ENFORCE or work.policy.drift is OnDrift.ENFORCE)


def _settled(line: Line, intent: Intent, verdict: Verdict, held: Timeline, view: View) -> Line:
    """The line once its intent has ended."""
    line = replace(line, intent=None)
    if verdict is Verdict.LANDED:
        adjusted = tuple(sorted({*line.adjusted, intent.day}))
        return replace(
            line,
            baseline=held,
            adjusted=adjusted,
            refusal=None,
            approved=tuple(a for a in line.approved if (a.day, a.delta) != (intent.day, intent.delta)),
            last_change=view.now,
            price=intent.price or line.price,
            versions={**line.versions, **intent.versions},
        )
    # An unclear one's day may carry it: a change from before must not run over into it, where it could not be set right.
    refused, unclear = verdict is Verdict.REFUSED, verdict is Verdict.UNCLEAR
    if (refused and DUPLICATE_DAY in intent.message) or (unclear and intent.day in held.days):
        return replace(line, taken=tuple(sorted({*line.taken, intent.day})))
    if refused:
        again = line.refusal and (line.refusal.day, line.refusal.delta) == (intent.day, intent.delta)
        times = line.refusal.times + 1 if again and line.refusal else 1
        wait = REFUSED_AGAIN[min(times, len(REFUSED_AGAIN)) - 1]
        return replace(
            line, refusal=Refusal(intent.day, intent.delta, intent.message, view.now + wait, times)
        )
    return line


def _change(line: Line, intent: Intent, verdict: Verdict, held: Timeline, now: datetime) -> JournalEntry:
    return JournalEntry(
        id=intent.id,
        line=line.key,
        day=intent.day,
        delta=intent.delta,
        units_before=intent.before.at(intent.day),
        units_after=held.at(intent.day),
        outcome=Outcome(verdict.value),
        opened_at=intent.opened_at,
        settled_at=now,
        events=intent.events,
        sources=line.sources,
        message=intent.message,
        linked=intent.linked,
    )


def _facts_of(intent: Intent) -> dict[str, int | str]:
    return {
        "delta": intent.delta,
        "day": intent.day.isoformat(),
        "before": intent.before.at(intent.day),
        "after": intent.after.at(intent.day),
    }


def _plan(works: Sequence[LineDraft], contract: Contract, view: View) -> Plan:
    """The plan over all lines in a known state; linked lines of other contracts count as we left them.

    What settles counts with the most that it may have.
    """
    gaps = [_gap(work, work.demand, contract, view.today) for work in works if work.known and work.demand]
    settling = {work.key for work in works if work.waits_until and not work.known}
    elsewhere = {}
    for key, demand in view.desired.demands.items():
        line = view.lines.get(key)
        if line is None or line.baseline is None:
            continue
        if key in settling or (key.contract_id != view.contract_id and line.intent is None):
            wanted, kept = _wanted(demand, line), _at_least_0(line.offset)
            most = _at_most(line.baseline, line.intent)
            # What settles may not have landed, and then its day is free.
            taken = frozenset() if key in settling else _taken(line, policy_of(demand, view.policies))
            elsewhere[key] = Gap(key, wanted, demand.start, most, _open_day(taken), kept=kept)
    unknown = [Link(one.day, NOWHERE, one.up) for one in view.desired.unplaced]
    return plan_adjustments(gaps, (*view.desired.links, *unknown), elsewhere)


def _at_most(baseline: Timeline, intent: Intent | None) -> Timeline:
    """The most that a line may have, whether what was sent has landed or not."""
    if intent is None:
        return baseline
    after = intent.after
    return Timeline.sampled((*baseline.days, *after.days), lambda day: max(baseline.at(day), after.at(day)))


def _gap(work: LineDraft, demand: Demand, contract: Contract, today: date) -> Gap:
    closed = work.held.closed if work.policy.posted_period is PostedPeriod.NEXT_OPEN_DAY else ()
    open_day = _open_day(_taken(work.line, work.policy), closed, contract.end)
    start = max(demand.start, contract.start)
    kept, held = _at_least_0(work.line.offset), work.held.units
    # We post nothing ahead of its day: what is more on a day to come than today is a person's.
    later = [day for day in held.days if day > today]
    added = Timeline.sampled(later, lambda day: max(0, held.at(day) - held.at(today)))
    return Gap(work.key, work.wanted, start, held, open_day, contract.end, kept, added)


def _taken(line: Line, policy: Policy) -> frozenset[date]:
    """The days of a line that take no further adjustment."""
    days = frozenset(line.taken)
    return days | frozenset(line.adjusted) if policy.same_day is SameDay.NEXT_FREE_DAY else days


def _open_day(
    taken: frozenset[date], closed: Sequence[tuple[date, date]] = (), end: date = date.max
) -> Callable[[date], date | None]:
    """The first day at or after a given one, ``end`` at the latest, that is neither taken nor in a closed stretch."""

    def open_day(day: date) -> date | None:
        while day <= end:
            stretch = next((last for first, last in closed if first <= day <= last), None)
            if stretch is not None:
                day = stretch + timedelta(days=1)
            elif day in taken:
                day += timedelta(days=1)
            else:
                return day
        return None

    return open_day


def _judge(works: Sequence[LineDraft], plan: Plan, contract: Contract | None, view: View) -> Line | None:
    """Give every line its state for people, and pick the one adjustment that is posted now, if any."""
    by_key = {work.key: work for work in works}
    planned: dict[LineKey, list[Adjustment]] = {key: [] for key in by_key}
    for adjustment in plan.adjustments:
        planned[adjustment.line].append(adjustment)
    for work in works:
        settling = [
            by_key[link.down].waits_until for link in view.desired.links if _holds(link, work, by_key)
        ]
        if work.known and plan.blocked.get(work.key, date.max) <= view.today and any(settling):
            work.waits_until = max(moment for moment in settling if moment)
        elif work.known and contract is not None:
            work.parked = _why_not(work, planned[work.key], plan, contract, view)
    _hold_whole_plan_changes(by_key, planned, view)
    waiting = {key for key, work in by_key.items() if planned[key] and planned[key][0].day <= view.today}
    post: Line | None = None
    for adjustment in plan.adjustments:
        work = by_key[adjustment.line]
        if post is not None or work.parked or work.waits_until or adjustment.day > view.today:
            continue
        blockers = _waits_for(adjustment, plan, view, waiting)
        if blockers:
            if any(by_key[key].parked for key in blockers):
                work.parked = Parked("waits-for-decrease", {**work.facts, "down": min(blockers).service_id})
            continue
        if planned[work.key][0] == adjustment:
            post = _with_intent(work, adjustment, _linked(adjustment, by_key, planned, view), view)
    for work in works:
        work.line = _shown(work, by_key, planned, view)
    if post is not None:
        shown = by_key[post.key].line
        post = replace(shown, intent=post.intent, state=State.PENDING, parked=None)
        by_key[post.key].line = post
    return post


def _hold_whole_plan_changes(
    by_key: Mapping[LineKey, LineDraft], planned: Mapping[LineKey, Sequence[Adjustment]], view: View
) -> None:
    """Where the new plan waits for a person, the old one stays billed: a plan change happens whole or not at all."""
    for link in view.desired.links:
        up, down = by_key.get(link.up), by_key.get(link.down)
        if (
            up is None
            or down is None
            or down.parked
            or not up.parked
            or up.parked.code not in AWAITING_APPROVAL
        ):
            continue
        falls = any(a.delta < 0 and a.day <= view.today for a in planned[link.down])
        rises = any(a.delta > 0 and a.day >= link.day for a in planned[link.up])
        if falls and rises:
            down.parked = Parked("held-with-plan-change", {**down.facts, "up": link.up.service_id})


def _holds(link: Link, work: LineDraft, by_key: Mapping[LineKey, LineDraft]) -> bool:
    return link.up == work.key and link.down in by_key


def _down_of(up: LineKey, view: View) -> int | str:
    """The service that has to come down before ``up`` may go up, for people."""
    downs = [link.down.service_id for link in view.desired.links if link.up == up]
    return downs[-1] if downs else ""


def _waits_for(adjustment: Adjustment, plan: Plan, view: View, waiting: set[LineKey]) -> set[LineKey]:
    """The lines that have to come down before this increase may be posted (promise I7)."""
    if adjustment.delta <= 0:
        return set()
    downs = {
        link.down for link in view.desired.links if link.up == adjustment.line and link.day <= adjustment.day
    }
    return {
        other.line
        for other in plan.adjustments
        if other.line in downs and other.delta < 0 and other.day <= adjustment.day and other.line in waiting
    }


def _why_not(
    work: LineDraft, planned: Sequence[Adjustment], plan: Plan, contract: Contract, view: View
) -> Parked | None:
    """Why a line in a known state is nevertheless not brought level, or None."""
    line = work.line
    if work.demand is None:
        return Parked("no-subscription", work.facts) if work.held.units.at(view.today) else None
    if plan.blocked.get(work.key, date.max) <= view.today:
        old = next((one.sku for one in view.desired.unplaced if one.up == work.key), None)
        if old is not None:
            return Parked("old-plan-unmapped", {**work.facts, "sku": old})
        return Parked("waits-for-decrease", {**work.facts, "down": _down_of(work.key, view)})
    due = [adjustment for adjustment in planned if adjustment.day <= view.today]
    if due:
        first = due[0]
        refusal = line.refusal
        if (
            refusal
            and (refusal.day, refusal.delta) == (first.day, first.delta)
            and view.now < refusal.retry_at
        ):
            return Parked("refused", {**work.facts, **_facts_of_adjustment(first), "answer": refusal.message})
        return _held_back(work, due, view)
    return _past_end(work, contract, view.today)


def _facts_of_adjustment(adjustment: Adjustment) -> dict[str, int | str]:
    return {"delta": adjustment.delta, "day": adjustment.day.isoformat()}


def _past_end(work: LineDraft, contract: Contract, today: date) -> Parked | None:
    """Units after the contract's end, which nothing bills. An end there, or before it, needs nothing."""
    after = contract.end + timedelta(days=1)
    days = (after, *(day for day in work.wanted.days if after < day <= today))
    units = next((work.wanted.at(day) for day in days if work.wanted.at(day)), 0)
    if after > today or not units:
        return None
    return Parked("contract-ended", {**work.facts, "contract_end": contract.end.isoformat(), "units": units})


def _held_back(work: LineDraft, due: Sequence[Adjustment], view: View) -> Parked | None:
    """Whether the partner's terms ask for a person's word before the first of a line's due adjustments is posted.

    Each is judged in its turn. But where the line was adjusted on a later day already, they are judged, and go, together: until
    the last is posted, the first alone would give that day a quantity that was never wanted.
    """
    held = work.held.units
    together = any(due[0].day < day <= view.today for day in held.days)
    moved = 0
    for adjustment in due if together else due[:1]:
        moved += abs(adjustment.delta)
        if not any((a.day, a.delta) == (adjustment.day, adjustment.delta) for a in work.line.approved):
            reason = _asks(work, adjustment, held, moved, view)
            if reason is not None:
                return reason
        held = held.add_from(adjustment.day, adjustment.delta)
    return None


def _asks(work: LineDraft, adjustment: Adjustment, held: Timeline, moved: int, view: View) -> Parked | None:
    """Whether the terms ask for a person's word on an adjustment, given what the line holds by then and what it moves in all."""
    policy = work.policy
    facts = {**work.facts, **_facts_of_adjustment(adjustment)}
    if policy.paused:
        return Parked("paused", facts)
    if policy.posted_period is PostedPeriod.HOLD and any(
        a <= adjustment.day <= b for a, b in work.held.closed
    ):
        return Parked("held-posted-period", facts)
    if policy.line_limit is not None and abs(adjustment.delta) > policy.line_limit:
        return Parked("held-over-limit", {**facts, "limit": policy.line_limit})
    over = _over_day_limit(work, adjustment, moved, view)
    if over is not None:
        return Parked("held-over-day-limit", {**facts, "limit": over})
    new_line = not work.held.contract_service_ids and not work.line.adjusted
    if policy.approval(adjustment.delta).asks(adjustment.delta, held.at(adjustment.day)) or (
        new_line and policy.approve_new_lines
    ):
        return Parked("held-for-approval", facts)
    return None


def _over_day_limit(work: LineDraft, adjustment: Adjustment, more: int, view: View) -> int | None:
    """The limit of a day that ``more`` units would break, of the customer or of the partner.

    What it has held once waits for a person: another day's limit does not let it through while nobody looks.
    """
    moved = view.moved.on(view.today)
    customer = str(work.facts["customer"])
    own, partner = work.policy.customer_day_limit, view.policies.get("", Policy()).partner_day_limit
    was = work.line.parked
    if was is not None and was.code == "held-over-day-limit":
        held = (was.facts["delta"], was.facts["day"]) == (adjustment.delta, adjustment.day.isoformat())
        if held and was.facts["limit"] in (own, partner):
            return int(was.facts["limit"])
    if own is not None and moved.get(customer, 0) + more > own:
        return own
    if partner is not None and sum(moved.values()) + more > partner:
        return partner
    return None


def _linked(
    adjustment: Adjustment,
    by_key: Mapping[LineKey, LineDraft],
    planned: Mapping[LineKey, Sequence[Adjustment]],
    view: View,
) -> tuple[LineKey, ...]:
    """The other lines of the plan change that an adjustment is a part of: those that move the other way on its day."""
    rises, day = adjustment.delta > 0, adjustment.day
    others = {
        link.down if rises else link.up
        for link in view.desired.links
        if link.day <= day and adjustment.line == (link.up if rises else link.down)
    }

    def moves(other: LineKey) -> bool:
        """Whether it has an adjustment on that day, posted or still to come."""
        if other in by_key:
            return day in (*by_key[other].line.adjusted, *(each.day for each in planned[other]))
        there = view.lines.get(other)
        return there is not None and day in (*there.adjusted, *(each for each, _ in there.scheduled))

    return tuple(sorted(other for other in others if moves(other)))


def _with_intent(work: LineDraft, adjustment: Adjustment, linked: tuple[LineKey, ...], view: View) -> Line:
    events, versions = _news(work, view)
    intent = Intent(
        id="",
        day=adjustment.day,
        delta=adjustment.delta,
        before=work.held.units,
        opened_at=view.now,
        settles_at=view.alive_until + view.settle,
        events=events,
        versions=versions,
        linked=linked,
    )
    return replace(work.line, intent=intent)


def _news(work: LineDraft, view: View) -> tuple[tuple[str, ...], dict[str, int]]:
    """The events that an adjustment follows from, and the newest version of each subscription among them."""
    versions: dict[str, int] = {}
    events: list[str] = []
    for news in work.demand.causes if work.demand else ():
        if news.day <= view.today and news.number > work.line.versions.get(news.subscription_id, 0):
            events.append(news.event_id)
            versions[news.subscription_id] = max(news.number, versions.get(news.subscription_id, 0))
    return tuple(dict.fromkeys(events)), versions


def _shown(
    work: LineDraft,
    by_key: Mapping[LineKey, LineDraft],
    plans: Mapping[LineKey, Sequence[Adjustment]],
    view: View,
) -> Line:
    """The line with what people see of it."""
    demand, planned = work.demand, plans[work.key]
    line = replace(
        work.line,
        desired=work.wanted,
        scheduled=tuple((a.day, a.delta) for a in planned),
        linked=tuple((a.day, other) for a in planned for other in _linked(a, by_key, plans, view)),
        sources=tuple((s.customer_id, s.sku) for s in demand.sources) if demand else work.line.sources,
    )
    if work.parked:
        return with_state(line, State.PARKED, work.parked, view.now)
    if work.waits_until:
        return with_state(line, State.SETTLING, None, view.now)
    if any(a.day <= view.today for a in planned):
        return with_state(line, State.PENDING, None, view.now)
    return with_state(line, State.SCHEDULED if planned else State.APPLIED, None, view.now)


def _due(works: Sequence[LineDraft], contract: Contract | None, view: View) -> datetime | None:
    """When the contract must be looked at again if no message announces anything."""
    moments: list[datetime] = []
    for work in works:
        if work.waits_until:
            moments.append(max(work.waits_until, view.now))
        elif work.parked and work.parked.code not in BY_DECISION:
            refusal = work.line.refusal if work.parked.code == "refused" else None
            moments.append(refusal.retry_at if refusal else view.now + _recheck(work.line, view.now))
        moments += [local_midnight(day, view.zone) for day, _ in work.line.scheduled if day > view.today]
        moments += [local_midnight(day, view.zone) for day, _ in work.wanted.steps if day > view.today][:1]
        if contract and contract.end >= view.today and work.wanted.at(contract.end + timedelta(days=1)):
            moments.append(local_midnight(contract.end + timedelta(days=1), view.zone))
    return min(moments, default=None)


def _recheck(line: Line, now: datetime) -> timedelta:
    parked_for = now - (line.since or now)
    return min(max(parked_for / 4, RECHECK), RECHECK_LATER)
