"""What a read says of a line: how its open intent ended, and whether Autotask has what we left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from timus_autotask.domain.approval import is_approved
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.line import (
    Choice,
    Intent,
    JournalEntry,
    Line,
    Outcome,
    Refusal,
    Undone,
    Verdict,
    settle,
)
from timus_autotask.domain.policy import OnDrift
from timus_autotask.domain.timeline import Timeline

REFUSED_AGAIN = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
"""How long the same adjustment is not sent again after its first, second, … refusal; the last one repeats."""


def settled(draft: LineDraft, contract: Contract, view: View) -> LineDraft:
    """The line with its intent ended and its baseline read anew; otherwise parked or waiting, with the reason."""
    observed, ids = draft.observed, draft.observed.contract_service_ids
    if observed.missing is not None:
        return _unknown(draft, "line-missing", contract_service=observed.missing, **_choice(draft))
    if len(ids) > 1:
        return _unknown(draft, "line-duplicated", **_choice(draft))
    if ids and ids[0] != draft.line.contract_service_id:
        draft = replace(draft, line=replace(draft.line, contract_service_id=ids[0]))
    draft = _without_intent(draft, contract, view)
    return draft if draft.stopped else _with_baseline(draft, contract, view)


def _choice(draft: LineDraft) -> dict[str, int | str]:
    """What there is to choose from, where it was read."""
    offered = draft.observed.offered
    if not offered:
        return {}
    return {
        "lines": ", ".join(one.words(draft.today) for one in offered),
        "choices": " | ".join(str(one.id) for one in offered),
    }


def _unknown(draft: LineDraft, code: str, **more: int | str) -> LineDraft:
    """Parked with what Autotask has now, which is not what we left behind."""
    parked = draft.park(code, **more)
    return replace(parked, line=replace(parked.line, observed=draft.observed.units))


# -- The intent


def _without_intent(draft: LineDraft, contract: Contract, view: View) -> LineDraft:
    intent = draft.line.intent
    if intent is None:
        return draft
    units = draft.observed.units
    verdict = settle(intent, units, contract.start, _known_until(intent.until, contract), view.now)
    if verdict is Verdict.WAIT:
        return draft.wait(intent.settles_at)
    unclear = verdict is Verdict.UNCLEAR
    if unclear and draft.line.choice is None and not draft.level(contract):
        before, after = intent.before.at(intent.day), intent.after.at(intent.day)
        day = intent.day.isoformat()
        return _unknown(draft, "outcome-unclear", delta=intent.delta, day=day, before=before, after=after)
    line = _ended(draft.line, intent, verdict, units, contract, view.now)
    if unclear and line.choice is Choice.ADOPT and draft.demand is not None:
        # Nobody knows what of it is ours, so it is kept as a whole; what Timus has for later days still comes.
        by_now = Timeline(tuple(step for step in draft.demand.units.steps if step[0] <= view.today))
        offset = units.minus(by_now).between(draft.demand.start, date.max)
        line = replace(_with_read(line, units, contract), offset=offset, found=units.until(contract.end))
    entry = _entry(draft.line, intent, verdict, units, view.now)
    return replace(draft, line=line, journal=(entry,))


def _ended(
    line: Line, intent: Intent, verdict: Verdict, units: Timeline, contract: Contract, now: datetime
) -> Line:
    """The line once its intent has ended."""
    line = replace(line, intent=None, found=None)
    if verdict is Verdict.LANDED:
        return replace(
            _with_read(line, units, contract),
            found=None
            if _goes_on(intent.after, intent.until, units, contract)
            else units.until(contract.end),
            adjusted=tuple(sorted({*line.adjusted, intent.day})),
            refusal=None,
            approved=tuple(one for one in line.approved if not is_approved(intent.change, one)),
            last_change=now,
            price=intent.price or line.price,
            versions={**line.versions, **intent.versions},
            undone=tuple(_made(one, intent) for one in line.undone),
        )
    if _takes_no_more(intent, verdict, units):
        return replace(line, taken=tuple(sorted({*line.taken, intent.day})))
    if verdict is Verdict.REFUSED:
        return replace(line, refusal=_refusal(line.refusal, intent, now))
    return line


def _made(undone: Undone, intent: Intent) -> Undone:
    """What was undone, with its opposite if that is what was made."""
    if undone.opposite or undone.entry != intent.undoes:
        return undone
    return replace(undone, opposite=intent.id)


def _takes_no_more(intent: Intent, verdict: Verdict, units: Timeline) -> bool:
    """Whether the day of an intent that did not land takes no further adjustment.

    An unclear one's day may carry it: a change from before must not run over into it, where it could not be set right.
    """
    if verdict is Verdict.REFUSED:
        return intent.day_taken
    return verdict is Verdict.UNCLEAR and intent.day in units.days


def _refusal(last: Refusal | None, intent: Intent, now: datetime) -> Refusal:
    before = last if last is not None and last.is_of(intent) else None
    times = before.times + 1 if before else 1
    since = (before.since if before else None) or now
    wait = REFUSED_AGAIN[min(times, len(REFUSED_AGAIN)) - 1]
    return Refusal(intent.day, intent.delta, intent.message, now + wait, times, since)


def _entry(line: Line, intent: Intent, verdict: Verdict, units: Timeline, now: datetime) -> JournalEntry:
    return JournalEntry(
        id=intent.id,
        line=line.key,
        day=intent.day,
        delta=intent.delta,
        units_before=intent.before.at(intent.day),
        units_after=units.at(intent.day),
        outcome=Outcome(verdict.value),
        opened_at=intent.opened_at,
        settled_at=now,
        events=intent.events,
        sources=line.sources,
        message=intent.message or _why_undone(line, intent),
        linked=intent.linked,
        by=intent.by,
        why=intent.why,
        terms=intent.terms,
        postponed=intent.postponed,
        price=intent.price_change,
        causes=intent.causes,
        answer=intent.answer,
        found=line.found if line.head else _first_found(intent),
        undoes=intent.undoes,
    )


def _why_undone(line: Line, intent: Intent) -> str:
    """The words of whoever undid what this takes back."""
    return next((one.reason for one in reversed(line.undone) if one.entry == intent.undoes), "")


def _first_found(intent: Intent) -> Timeline:
    """What Autotask had before our first adjustment, without the end of the contract."""
    return intent.before.until(intent.until) if intent.until else intent.before


# -- The baseline


def _with_baseline(draft: LineDraft, contract: Contract, view: View) -> LineDraft:
    line, units = draft.line, draft.observed.units
    if not view.live:
        # Nothing here is ours yet, so nothing is drift: the first look after go-live takes what it reads then as the baseline.
        line = replace(line, baseline=None, baseline_until=None, observed=units, choice=None)
        return replace(draft, line=line, known=True)
    if line.baseline is not None and _edited(draft, line.baseline, contract):
        answer = answer_to_edit(draft, contract)
        until = line.last_change + view.settle if line.last_change else view.now
        if answer is not OnDrift.PARK and view.now < until:
            # We saw a change of ours land just now, and this read does not show it: it may be stale. So we look once more before
            # anything is done about it, or a difference that is none any more is put down to somebody's hand.
            return draft.wait(until)
        if answer is OnDrift.PARK:
            return _unknown(draft, "drift")
        if answer is OnDrift.ADOPT:
            difference = units.minus(line.baseline).until(_known_until(line.baseline_until, contract))
            line = replace(line, offset=line.offset.plus(difference))
        draft = replace(draft, enforced=answer is OnDrift.ENFORCE)
    found = _found(line, draft.observed, contract)
    line = replace(line, baseline=units, baseline_until=contract.end, observed=None, choice=None, found=found)
    return replace(draft, line=line, known=True)


def _found(line: Line, observed: Observed, contract: Contract) -> Timeline | None:
    """What of this read the journal does not say yet; see ``Line.found``. A line's first entry says it anyway."""
    if line.head is None:
        return None
    if line.baseline is not None and _goes_on(line.baseline, line.baseline_until, observed.units, contract):
        return line.found
    return observed.by_day.until(contract.end)


def _goes_on(known: Timeline, until: date | None, units: Timeline, contract: Contract) -> bool:
    """Whether a read has what is known until a day, and the same units on the days that the contract has gained since."""
    return units.same(known.until(until or contract.end), contract.start, contract.end)


def _with_read(line: Line, units: Timeline, contract: Contract) -> Line:
    """The line with what Autotask has now as its baseline."""
    return replace(line, baseline=units, baseline_until=contract.end, observed=None)


def _known_until(noted: date | None, contract: Contract) -> date:
    """The last day on which an earlier read, made when ``noted`` was the contract's last day, can be compared with one of now.

    Days that the contract has gained since, by our extension or a person's, had no units that anybody could have changed.
    """
    return contract.end if noted is None else min(noted, contract.end)


def _edited(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    """Whether somebody else changed the units of a line that is ours to judge."""
    until = _known_until(draft.line.baseline_until, contract)
    if draft.demand is None or draft.observed.units.same(baseline, contract.start, until):
        return False
    units = draft.observed.units
    return not (_raised_above_zero(draft.line, baseline, units) or _made_room(draft, baseline, contract))


def _made_room(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    """Whether a person has only added units to days to come that a decrease of now would have left with fewer than 0.

    That is what ``below-zero-later`` asks for; we would have added them on that day.
    """
    if draft.line.parked is None or draft.line.parked.code != "below-zero-later":
        return False
    units, too_many = draft.observed.units, baseline.at(draft.today) - draft.wanted.at(draft.today)
    added = units.minus(baseline).between(contract.start, contract.end)
    first = added.days[0]
    return first > draft.today and baseline.at(first) < too_many <= units.at(first)


def answer_to_edit(draft: LineDraft, contract: Contract) -> OnDrift | None:
    """What to do about units that somebody else changed; None: nothing, for the line has just what it should have.

    Someone's edit is never fought unless a person or the terms say so. A person's decision goes before the terms.
    """
    if draft.level(contract):
        return None
    return OnDrift(draft.line.choice) if draft.line.choice else draft.policy.drift


def _raised_above_zero(line: Line, baseline: Timeline, units: Timeline) -> bool:
    """Whether a person has made room for an adjustment that was refused because units would have fallen below zero.

    This is the fix that we asked for, not drift. A line without any adjustment of ours is judged as on first sight.
    """
    if line.refusal is None or line.adjusted:
        return False
    day, delta = line.refusal.day, line.refusal.delta
    below = [any(left < 0 for _, left in one.add_from(day, delta).steps) for one in (baseline, units)]
    return below == [True, False]
