"""What a read says of a line: how its open intent ended, and whether Autotask has what we left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from timus_autotask.domain.approval import is_approved
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft, wanted_units
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import (
    Answer,
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
from timus_autotask.domain.past_days import WhyPast, past_days
from timus_autotask.domain.policy import OnDrift
from timus_autotask.domain.reasons import BELOW_ZERO_LATER, DRIFT
from timus_autotask.domain.timeline import NOTHING, Timeline

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
        "lines": ", ".join(one.message(draft.today) for one in offered),
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
    verdict = settle(intent, units, contract.start, _comparable_until(intent.until, contract), view.now)
    if verdict is Verdict.WAIT:
        return draft.wait(intent.settles_at)
    unclear = verdict is Verdict.UNCLEAR
    if unclear and draft.line.choice is None and not draft.level(contract):
        before, after = intent.before.at(intent.day), intent.after.at(intent.day)
        day = intent.day.isoformat()
        known = {} if intent.answer is Answer.UNKNOWN else {"answered": intent.answer.value}
        return _unknown(
            draft, "outcome-unclear", delta=intent.delta, day=day, before=before, after=after, **known
        )
    line = _ended(draft.line, intent, verdict, draft.observed, contract, view.now)
    if unclear and line.choice is Choice.ADOPT and draft.demand is not None:
        # Nobody knows what of it is ours, so it is kept as a whole; what Timus has for later days still comes.
        by_now = Timeline(tuple(step for step in draft.demand.units.steps if step[0] <= view.today))
        offset = (
            units.minus(by_now).minus(_still_to_make(draft, intent)).between(draft.demand.start, date.max)
        )
        line = replace(
            _with_read(line, units, contract), offset=offset, found=draft.observed.by_day.until(contract.end)
        )
    entry = _entry(draft.line, intent, verdict, units, view.now)
    return replace(draft, line=line, journal=(entry,))


def _still_to_make(draft: LineDraft, intent: Intent) -> Timeline:
    """By how much Autotask had other units on later days than today before an adjustment, but for what is kept of an edit: it is to be made level.

    A renewal that leaves the new periods empty is such a case: nobody has put these days to 0.
    """
    before = intent.before.minus(draft.line.offset)
    return before.add_from(date.min, -before.at(draft.today)).set_between(date.min, draft.today, 0)


def _ended(
    line: Line, intent: Intent, verdict: Verdict, observed: Observed, contract: Contract, now: datetime
) -> Line:
    """The line once its intent has ended."""
    line, units = replace(line, intent=None, found=None), observed.units
    if verdict is Verdict.LANDED:
        return replace(
            _with_read(line, units, contract),
            found=None
            if _goes_on(intent.after, intent.until, units, contract)
            else observed.by_day.until(contract.end),
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
        return replace(draft, line=line, adjustable=True)
    if line.baseline is not None and _edited(draft, line.baseline, contract):
        bare = _without_taken_back(draft, line.baseline, contract)
        answer = answer_to_edit(bare, line.baseline, contract)
        until = line.last_change + view.settle if line.last_change else view.now
        if view.now < until:
            # We saw a change of ours land just now, and this read does not show it: it may be stale. So we look once more before
            # anything is done about it, or a difference that is none any more is put down to somebody's hand. Until then lines that
            # are linked to this one count with the most that it may have.
            return draft.wait(until)
        if answer is OnDrift.PARK:
            return _unknown(draft, DRIFT, differs=_days_that_differ(draft, line.baseline, contract))
        line = _with_edit(bare, line.baseline, answer, contract)
        draft = replace(draft, enforced=answer is OnDrift.ENFORCE)
    found = _found(line, draft.observed, contract)
    line = _without_corrected(line, draft)
    line = replace(_with_read(line, units, contract), observed=None, choice=None, found=found)
    return replace(draft, line=line, adjustable=True)


def _with_edit(draft: LineDraft, baseline: Timeline, answer: OnDrift | None, contract: Contract) -> Line:
    """The line with what is kept of an edit."""
    line = draft.line
    if answer is OnDrift.ADOPT:
        return replace(line, offset=line.offset.plus(_to_keep(draft, baseline, contract)))
    if answer is None:
        left = _left_of(draft, baseline, contract)
        seats = _seats_among(left, draft, baseline)
        return replace(line, by_hand=line.by_hand.plus(left), left_billed=line.left_billed.plus(seats))
    return line


def _found(line: Line, observed: Observed, contract: Contract) -> Timeline | None:
    """What of this read the journal does not say yet; see ``Line.found``. A line's first entry says it anyway."""
    if line.head is None:
        return None
    if line.baseline is not None and _goes_on(line.baseline, line.baseline_until, observed.units, contract):
        return line.found
    return observed.by_day.until(contract.end)


def _goes_on(expected: Timeline, until: date | None, units: Timeline, contract: Contract) -> bool:
    """Whether a read has what is expected until a day, and the same units on the days that the contract has gained since."""
    return units.same(expected.until(until or contract.end), contract.start, contract.end)


def _with_read(line: Line, units: Timeline, contract: Contract) -> Line:
    """The line with what Autotask has now as its baseline."""
    empty_from = _gained_empty(line, units, contract) or line.empty_from
    return replace(line, baseline=units, baseline_until=contract.end, empty_from=empty_from)


def _gained_empty(line: Line, units: Timeline, contract: Contract) -> date | None:
    """The first of the days that a contract has gained since the baseline was read, if the units end there; see ``Line.empty_from``."""
    last = _comparable_until(line.baseline_until, contract)
    gained = last + ONE_DAY
    return gained if gained <= contract.end and units.at(last) and not units.at(gained) else None


def _comparable_until(last: date | None, contract: Contract) -> date:
    """The last day on which an earlier read, made when ``last`` was the contract's last day, can be compared with one of now.

    Days that the contract has gained since, by our extension or a person's, had no units that anybody could have changed.
    """
    return contract.end if last is None else min(last, contract.end)


def _edited(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    """Whether somebody else changed the units of a line that is ours to judge."""
    until = _comparable_until(draft.line.baseline_until, contract)
    if draft.demand is None or draft.observed.units.same(baseline, contract.start, until):
        return False
    units = draft.observed.units
    return not (
        _raised_above_zero(draft.line, baseline, units)
        or _made_room(draft, baseline, contract)
        or _filled_by_now(draft.line, baseline, units, contract)
    )


def _filled_by_now(line: Line, baseline: Timeline, units: Timeline, contract: Contract) -> bool:
    """True if only periods that the contract has gained, and that had no units, now go on with those of the last day before them.

    Autotask may fill them a moment after it was read, or a person does what we would have done.
    """
    first = line.empty_from
    if first is None or any(baseline.at(day) for day in (first, *baseline.days) if day >= first):
        return False
    filled = baseline.set_from(first, baseline.at(first - ONE_DAY))
    return units.same(filled, contract.start, contract.end)


def _made_room(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    """True if a person only raised days to come that our decrease of now would push below 0.

    That is what ``below-zero-later`` asks for; we would have raised them on that day.
    """
    if draft.line.parked is None or draft.line.parked.code != BELOW_ZERO_LATER:
        return False
    units, too_many = draft.observed.units, baseline.at(draft.today) - draft.wanted.at(draft.today)
    added = units.minus(baseline).between(contract.start, contract.end)
    first = added.days[0]
    return first > draft.today and baseline.at(first) < too_many <= units.at(first)


def _from_today(draft: LineDraft, baseline: Timeline, contract: Contract) -> Timeline:
    """What somebody has added to what we left, from today on."""
    until = _comparable_until(draft.line.baseline_until, contract)
    return draft.observed.units.minus(baseline).between(max(draft.today, contract.start), until)


def _is_over(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    """Whether nothing of an edit is left from today on: it was taken back, or Timus says the same by now.

    What Timus says of days to come is still made then. An edit that goes on changing on later days is not over. An example: we left 25, and
    Timus says 28 since the 10th. If somebody makes them 28 from the 12th on, that is over. If he makes them 30, it is not, nor if he makes
    them 28 until the end of the month and 25 again after it.
    """
    end = _comparable_until(draft.line.baseline_until, contract) + ONE_DAY
    if draft.today >= end:
        return False  # no day is left on which it could show
    added = _from_today(draft, baseline, contract)
    if any(draft.today < day != end for day in added.days):
        return False
    units = draft.observed.units.at(draft.today)
    return not added.steps or units == draft.wanted.at(draft.today)


def _left_of(draft: LineDraft, baseline: Timeline, contract: Contract) -> Timeline:
    """What an edit that is over has left on the days before today: they stay as they are, and nothing more is made of them.

    Where it has made what we had still to make, these are also the days of that before it. Two examples; we left 25 in both:

    * 25 are wanted all the time. Somebody makes them 30 on the 5th, and 25 again on the 9th: +5 is left on the 5th to the 8th.
    * 28 are wanted since the 10th. Somebody makes them 28 on the 12th, before we do: -3 is left on the 10th and 11th.
    """
    if draft.demand is None:
        return NOTHING
    units, wanted, first = draft.observed.units, draft.wanted, max(draft.demand.start, contract.start)
    days = sorted(
        {day for day in (first, *units.days, *baseline.days, *wanted.days) if first <= day < draft.today}
    )
    touched = [day for day in days if units.at(day) != baseline.at(day)]
    instead = units.at(draft.today) == wanted.at(draft.today) != baseline.at(draft.today)
    begins = min(touched, default=draft.today)
    level = (day for day in reversed(days) if day < begins and units.at(day) == wanted.at(day))
    # Made by the edit instead of by us: it also counts after the last day before it on which the line had what it should have.
    before = next(level, date.min) if instead else date.max

    def instead_of_wanted(day: date) -> int:
        return units.at(day) - wanted.at(day) if day in touched or day > before else 0

    return Timeline.sampled(days, instead_of_wanted).set_from(draft.today, 0)


def _seats_among(left: Timeline, draft: LineDraft, baseline: Timeline) -> Timeline:
    """What of the units that an edit has left are seats that were billed before it: it took them off later than Timus.

    An example: 25 were billed, and 5 are wanted since the 10th. Somebody makes them 5 on the 20th: 20 seats are left on the 10th to the 19th.
    The plan to which they went is not billed for them before the 20th.
    """
    days = (*left.days, *baseline.days, *draft.wanted.days)
    return Timeline.sampled(
        days, lambda day: max(0, min(left.at(day), baseline.at(day) - draft.wanted.at(day)))
    )


def _without_corrected(line: Line, draft: LineDraft) -> Line:
    """The line with what an edit has left on days of the past as far as they still differ from what Timus says.

    An example: 20 are wanted since the 2nd, and 10 are left until the 9th. Then Timus says that it was 10 all along. That is what these days
    have, and nothing of it is taken off again.
    """
    if not line.by_hand.steps:
        return line
    units, left = draft.observed.units, line.by_hand
    wanted = wanted_units(draft.demand, replace(line, by_hand=NOTHING))

    def still_left(day: date) -> int:
        return _in_common(left.at(day), units.at(day) - wanted.at(day))

    days = (*left.days, *(day for day in (*units.days, *wanted.days) if left.at(day)))
    by_hand = Timeline.sampled(days, still_left)
    seats = line.left_billed
    still_billed = Timeline.sampled(
        (*seats.days, *by_hand.days), lambda day: max(0, min(seats.at(day), by_hand.at(day)))
    )
    return replace(line, by_hand=by_hand, left_billed=still_billed)


def _in_common(one: int, other: int) -> int:
    """What two changes have in common: the smaller one, if both go the same way."""
    if one > 0:
        return min(one, max(0, other))
    return max(one, min(0, other))


def _to_keep(draft: LineDraft, baseline: Timeline, contract: Contract) -> Timeline:
    """What an adopted edit adds to what Timus says: until the day on which Timus, as far as is known, says what the line has then anyway.

    Only what the edit goes on to change after that day is added again. What it made of a change that was due before it is no addition. An
    example: we left 25, 5 are wanted since the 10th, and the terms hold that. Somebody makes them 7: nothing is kept, and -2 is still to be
    made. If he makes them 3, -2 is kept.
    """
    units, until = draft.observed.units, _comparable_until(draft.line.baseline_until, contract)
    still_due = draft.wanted.at(draft.today) - baseline.at(draft.today)
    whole = units.minus(baseline)
    begins = min((day for day in whole.days if whole.at(day)), default=draft.today)
    # What fills an empty term is made by no edit that begins before it.
    due = (
        delta
        for day, delta in draft.line.scheduled
        if day <= draft.today and not begins < day == draft.line.empty_from
    )
    was_due = sum(due)
    made = _in_common(whole.at(draft.today), _in_common(still_due, was_due))
    difference = Timeline.sampled(whole.days, lambda day: whole.at(day) - _in_common(whole.at(day), made))
    days = (draft.today, *(day for day in draft.wanted.days if draft.today < day <= until))
    same = next((day for day in days if units.at(day) == draft.wanted.at(day) != baseline.at(day)), None)
    return (difference.add_from(same, -difference.at(same)) if same else difference).until(until)


_MOST_STRETCHES = 3


def _days_that_differ(draft: LineDraft, baseline: Timeline, contract: Contract) -> str:
    """The days on which Autotask has other units than we left, for people."""
    units, last = draft.observed.units, _comparable_until(draft.line.baseline_until, contract)
    found = past_days(baseline, units, contract.start, last, lambda _: WhyPast.EDITED)
    empty_from = _gained_empty(draft.line, units, contract)
    words = [
        f"{one.first} to {one.until - ONE_DAY}: {one.autotask} instead of {one.wanted}"
        if one.until <= last or empty_from
        else f"from {one.first} on: {one.autotask} instead of {one.wanted}"
        for one in found[:_MOST_STRETCHES]
    ]
    if len(found) > _MOST_STRETCHES:
        words.append("…")
    if empty_from:
        words.append(f"from {empty_from} on, which the contract has gained since: 0")
    return "; ".join(words)


def answer_to_edit(draft: LineDraft, baseline: Timeline, contract: Contract) -> OnDrift | None:
    """What to do about units that somebody else changed; None: nothing, for the line has just what it should have, or from today on.

    Someone's edit is never fought unless a person or the terms say so. A person's decision goes before the terms.
    """
    if _needs_nobody(draft, baseline, contract):
        return None
    return OnDrift(draft.line.choice) if draft.line.choice else draft.policy.drift


def _needs_nobody(draft: LineDraft, baseline: Timeline, contract: Contract) -> bool:
    return draft.level(contract) or _is_over(draft, baseline, contract)


def _without_taken_back(draft: LineDraft, baseline: Timeline, contract: Contract) -> LineDraft:
    """The line without what is kept of an earlier edit or was undone, from the day on which an edit takes that back and makes just what Timus says.

    An example: 10 are wanted, and -3 is kept. Somebody adds the three again on the 10th: from then on nothing is kept. The sides of a plan
    change that was undone stay together: an edit of one line ends none of it.
    """
    line, units = draft.line, draft.observed.units
    if not (line.offset.steps or line.undone) or _needs_nobody(draft, baseline, contract):
        return draft
    begins = min(day for day in (*units.days, *baseline.days) if units.at(day) != baseline.at(day))
    bare = replace(draft, line=_without_decisions_from(begins, line))
    return bare if _needs_nobody(bare, baseline, contract) else draft


def _without_decisions_from(day: date, line: Line) -> Line:
    """The line with nothing that a person keeps or undid from a day on, but for plan changes."""
    undone = tuple(
        one
        if one.linked or (one.until is not None and one.until <= day)
        else replace(one, until=day, taken_back=day)
        for one in line.undone
    )
    return replace(line, offset=line.offset.set_from(day, 0), undone=undone)


def _raised_above_zero(line: Line, baseline: Timeline, units: Timeline) -> bool:
    """Whether a person has made room for an adjustment that was refused because units would have fallen below zero.

    This is the fix that we asked for, not drift. A line without any adjustment of ours is judged as on first sight.
    """
    if line.refusal is None or line.adjusted:
        return False
    day, delta = line.refusal.day, line.refusal.delta
    below = [any(there < 0 for _, there in one.add_from(day, delta).steps) for one in (baseline, units)]
    return below == [True, False]
