"""A change that an operator rejects is set aside until Timus reports something newer, or until it is approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    END,
    LEVEL,
    MORE,
    NOW,
    ONE_DAY,
    PLUS,
    SEATS,
    SETTLE,
    THERE,
    TODAY,
    demand,
    facts,
    intent,
    left,
    line_of,
    march,
    midnight,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.approval import (
    NothingAwaits,
    approve,
    others_set_aside,
    reject,
    waiting_for_nobody,
)
from timus_autotask.domain.converge.decided import with_nothing_newer
from timus_autotask.domain.converge.draft import drafts_of
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import ChangedUnits, Step, View
from timus_autotask.domain.desired import Demand, Source
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Answer, Approved, Head, HeldChange, Line, Outcome, Rejection, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Approval, OnDrift, Policy, PostedPeriod
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.remedy import remedy_of

ALWAYS = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))
LATER = NOW + timedelta(hours=1)


def told(units: Timeline, *versions: int, **more: object) -> Demand:
    """What a line should have, by these versions of one subscription."""
    return demand(units, causes=tuple(Cause("sub_1", n, TODAY, f"evt_{n}") for n in versions), **more)  # type: ignore[arg-type]


def held() -> Line:
    """A line whose three more seats await approval; version 8 brought them."""
    return line_of(next_step(view(told(MORE, 7, 8), lines=(left(LEVEL),), policy=ALWAYS)))


def rejected(line: Line | None = None) -> Line:
    """The line once somebody has rejected what it shows."""
    return reject(line or held(), by="pat", at=LATER, reason="not ordered", entry_id="c1")[0]


def later(*demands: Demand, lines: tuple[Line, ...], policy: Policy = ALWAYS, **more: object) -> View:
    """What a worker sees an hour later."""
    return view(*demands, lines=lines, policy=policy, now=LATER, **more)  # type: ignore[arg-type]


def test_what_awaits_approval_is_kept_as_it_is_shown() -> None:
    """The change, and the newest version that it was shown with: what is newer brings a rejected change back."""
    assert held().awaiting == HeldChange(TODAY, 3, versions={"sub_1": 8})


def test_a_rejected_change_says_what_who_when_and_why() -> None:
    """At once, as the worker says it later; the remedy is to approve it after all."""
    line = rejected()
    assert line.rejections == (Rejection(TODAY, 3, "pat", LATER, "not ordered", {"sub_1": 8}),)
    assert (line.state, line.since) == (State.PARKED, LATER)
    assert line.parked is not None
    assert line.parked.code == "rejected"
    assert line.parked.message == (
        "The change of +3 on 2026-03-15 is set aside until Timus reports something newer. "
        "pat rejected it on 2026-03-14 21:00 UTC: not ordered"
    )
    assert remedy_of(line.parked) == "timus-autotask approve 1 45"
    assert next_step(later(told(MORE, 7, 8), lines=(line,))).lines == ()


def test_a_rejection_is_journalled() -> None:
    """Who, when and why; the units stay as they are."""
    _, entry = reject(held(), by="pat", at=LATER, reason="not ordered", entry_id="c1")
    assert (entry.id, entry.line, entry.outcome, entry.by, entry.message) == (
        "c1",
        SEATS,
        Outcome.REJECTED,
        "pat",
        "not ordered",
    )
    assert (entry.day, entry.delta, entry.units_before, entry.units_after) == (TODAY, 3, 25, 25)
    assert (entry.opened_at, entry.settled_at) == (LATER, LATER)
    assert entry.sources == held().sources
    assert [(cause.number, cause.event_id) for cause in entry.causes] == [(7, "evt_7"), (8, "evt_8")]


def test_the_journal_says_once_what_autotask_had() -> None:
    """The entry of a rejection is the line's first one, or follows somebody else's edit: the line does not say it again after that."""
    first = replace(held(), found=since_january(24))
    for line, found in ((held(), LEVEL), (replace(first, head=Head(1, "c3" * 32)), since_january(24))):
        after, entry = reject(line, by="pat", at=LATER, reason="not ordered", entry_id="c1")
        assert (entry.found, after.found) == (found, None)


def test_what_else_is_scheduled_keeps_its_price() -> None:
    """Without the rejected change; where nothing else is left, there is no price either."""
    price = PriceChange("15.00", "12.50")
    line = replace(held(), scheduled=((TODAY, 3), (APRIL, 2)), scheduled_price=price)
    assert (rejected(line).scheduled, rejected(line).scheduled_price) == (((APRIL, 2),), price)
    alone = rejected(replace(line, scheduled=((TODAY, 3),)))
    assert (alone.scheduled, alone.scheduled_price) == ((), None)


def test_who_is_not_known_is_somebody() -> None:
    """The reason is a whole sentence all the same."""
    line, _ = reject(held(), by="", at=LATER, reason="not ordered", entry_id="c1")
    assert line.parked is not None
    assert "Somebody rejected it on 2026-03-14 21:00 UTC: not ordered" in line.parked.message


def test_what_a_days_limit_held_is_judged_anew_after_newer_news() -> None:
    """It was rejected meanwhile, so the limit of the day on which it was shown holds it no more."""
    policy = Policy(customer_day_limit=5)
    full = view(
        told(MORE, 8), lines=(left(LEVEL),), policy=policy, changed_today=ChangedUnits(TODAY, {CUSTOMER: 4})
    )
    line = line_of(next_step(full))
    assert line.awaiting is not None
    assert line.awaiting.day_limit == 5
    step = next_step(later(told(MORE, 8, 9), lines=(rejected(line),), policy=policy, today=march(16)))
    assert posted(step) == (TODAY, 3)


def test_a_rejected_plan_change_waits_for_nobody_on_either_side() -> None:
    """Nor does a line that has nothing else to do; another line waits for whoever it waited for."""
    up = replace(rejected(), linked=((TODAY, PLUS), (march(20), LineKey(1, 47))))
    other = replace(
        left(LEVEL, THERE), state=State.PARKED, parked=Parked("drift", {}), linked=((TODAY, SEATS),)
    )
    assert waiting_for_nobody([other]) == set()
    assert waiting_for_nobody([up, other, left(LEVEL, PLUS)]) == {SEATS, PLUS}
    goes_on = replace(up, parked=None)
    assert waiting_for_nobody([goes_on]) == {PLUS}


def test_what_else_was_rejected_is_told_beside_the_reason_of_the_line() -> None:
    """Each change in its own words, but not twice; what only waits together with a rejected change was not rejected."""
    line = rejected()
    later_one = replace(
        line.set_aside[0],
        day=march(20),
        delta=2,
        rejection=replace(line.rejections[0], day=march(20), delta=2),
    )
    both_ = replace(line, set_aside=(*line.set_aside, later_one, HeldChange(march(10), 1)))
    told_of = [one.split(" is set aside")[0] for one in others_set_aside(both_, line.parked)]
    assert told_of == ["The change of +2 on 2026-03-20"]
    told_of = [one.split(" is set aside")[0] for one in others_set_aside(both_, None)]
    assert told_of == ["The change of +3 on 2026-03-15", "The change of +2 on 2026-03-20"]


def test_a_rejected_change_is_never_sent_by_itself() -> None:
    """Not when the terms ask for nothing any more, not on another day, and not when its day has moved."""
    line = rejected()
    for more in (
        {"policy": Policy()},
        {"policy": Policy(paused=True)},
        {"today": march(20), "policy": Policy()},
        {"held": {45: on_contract(LEVEL, closed=((march(1), march(31)),))}, "policy": Policy()},
    ):
        step = next_step(later(told(MORE, 7, 8), lines=(line,), **more))
        assert step.adjust is None
        shown = next((one for one in step.lines if one.key == SEATS), line)
        assert shown.state is State.PARKED
        assert shown.parked is not None
        assert shown.parked.code == "rejected"


def test_only_a_decision_or_a_later_day_makes_a_rejected_line_due() -> None:
    """Nobody looks at it each quarter of an hour."""
    assert next_step(later(told(MORE, 7, 8), lines=(rejected(),))).due_at == END
    ends = since_january(25, (TODAY, 28), (march(31), 0))
    assert next_step(later(told(ends, 7, 8), lines=(rejected(),))).due_at == midnight(march(31))


def test_an_open_day_that_is_still_to_come_is_shown() -> None:
    """What approval would let go by now, as for every change that is held."""
    closed = {45: on_contract(LEVEL, closed=((march(1), march(31)),))}
    line = line_of(next_step(later(told(MORE, 7, 8), held=closed, lines=(rejected(),))))
    [rejection] = line.rejections
    assert line.awaiting == HeldChange(march(31) + ONE_DAY, 3, versions={"sub_1": 8}, rejection=rejection)
    code, shown = parked(next_step(later(told(MORE, 7, 8), held=closed, lines=(rejected(),))))
    assert (code, shown["day"], shown["by_now"]) == ("rejected", "2026-03-15", "2026-04-01")
    assert line.parked is not None
    assert line.parked.message == (
        "The change of +3 on 2026-03-15 is set aside until Timus reports something newer (approved now, it would be made on "
        "2026-04-01). pat rejected it on 2026-03-14 21:00 UTC: not ordered"
    )


@pytest.mark.parametrize(("policy", "code"), [(ALWAYS, "held-for-approval"), (Policy(), None)])
def test_newer_news_from_timus_bring_it_back(policy: Policy, code: str | None) -> None:
    """The whole difference is judged by the terms again, as if nobody had decided anything."""
    newer = told(since_january(25, (TODAY, 29)), 7, 8, 9)
    step = next_step(later(newer, lines=(rejected(),), policy=policy))
    line = line_of(step)
    assert line.rejections == ()
    assert (line.parked.code if line.parked else None) == code
    assert (step.adjust is not None) is (code is None)


@pytest.mark.parametrize("versions", [(7, 8), (6, 7, 8), (8,)])
def test_what_was_known_or_older_does_not_bring_it_back(versions: tuple[int, ...]) -> None:
    """An old version that arrives late is nothing newer."""
    step = next_step(later(told(MORE, *versions), lines=(rejected(),)))
    assert step.adjust is None
    assert step.lines == ()


def test_another_subscription_brings_it_back() -> None:
    """One that the line did not know of when the change was shown."""
    causes = (Cause("sub_1", 8, TODAY, "e8"), Cause("sub_2", 1, TODAY, "e1"))
    line = line_of(next_step(later(demand(MORE, causes=causes), lines=(rejected(),))))
    assert line.rejections == ()


def test_it_is_over_when_autotask_has_what_timus_says() -> None:
    """Somebody made the change by hand: what Timus says later has nothing to do with it."""
    line = line_of(next_step(later(told(MORE, 7, 8), held={45: on_contract(MORE)}, lines=(rejected(),))))
    assert (line.state, line.rejections) == (State.APPLIED, ())


def test_a_rejection_that_knows_of_nothing_yet_learns_what_the_line_knows() -> None:
    """A line of an earlier version does not say which versions it was shown with."""
    old = rejected(replace(held(), awaiting=HeldChange(TODAY, 3)))
    line = line_of(next_step(later(told(MORE, 7, 8), lines=(old,))))
    [known] = line.rejections
    assert known.versions == {"sub_1": 8}
    assert line.state is State.PARKED


def test_an_approval_ends_it() -> None:
    """Exactly what is shown goes, once."""
    line = approve(rejected(), "sam")
    assert (line.rejections, line.set_aside) == ((), ())
    assert line.approved == (Approved(TODAY, 3, "sam", versions={"sub_1": 8}),)
    step = next_step(later(told(MORE, 7, 8), lines=(line,)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (TODAY, 3)


def test_what_was_approved_before_is_not_approved_any_more() -> None:
    """Whoever rejects the second of two changes that go together rejects the first."""
    line = rejected(replace(held(), approved=(Approved(march(10), 5, "sam"),)))
    assert line.approved == ()


@pytest.mark.parametrize(
    "line",
    [left(LEVEL), left(LEVEL, state=State.PARKED)],
    ids=["level", "parked for something else"],
)
def test_what_awaits_nothing_can_be_neither_approved_nor_rejected(line: Line) -> None:
    """There must be a change that was shown."""
    with pytest.raises(NothingAwaits, match="awaits approval"):
        approve(line, "sam")
    with pytest.raises(NothingAwaits, match="awaits approval"):
        rejected(line)


def test_nothing_is_rejected_twice() -> None:
    """The second one would only overwrite who it was."""
    with pytest.raises(NothingAwaits, match="was rejected already"):
        rejected(rejected())


@pytest.mark.parametrize("policy", [Policy(paused=True), Policy()])
def test_a_line_that_nobody_has_to_approve_awaits_nothing(policy: Policy) -> None:
    """A pause ends for everything at once, and what is adjusted by itself needs nobody."""
    assert line_of(next_step(view(told(MORE, 8), lines=(left(LEVEL),), policy=policy))).awaiting is None


@pytest.mark.parametrize(
    "policy",
    [
        ALWAYS,
        Policy(line_limit=2),
        Policy(customer_day_limit=2),
        Policy(posted_period=PostedPeriod.HOLD),
    ],
)
def test_whatever_the_terms_hold_back_can_be_decided(policy: Policy) -> None:
    """For whichever reason."""
    closed = ((march(1), march(31)),) if policy.posted_period is PostedPeriod.HOLD else ()
    held = {45: on_contract(LEVEL, closed=closed)}
    line = line_of(next_step(view(told(MORE, 8), held=held, lines=(left(LEVEL),), policy=policy)))
    assert line.awaiting is not None
    assert (line.awaiting.day, line.awaiting.delta) == (TODAY, 3)


# -- What goes on although something was rejected

APRIL = march(31) + ONE_DAY


def posted(step: Step) -> tuple[date, int] | None:
    """Day and units of the adjustment that is made."""
    return (step.adjust.intent.day, step.adjust.intent.delta) if step.adjust and step.adjust.intent else None


def on(day: date, units: Timeline, line: Line, held: Timeline = LEVEL, policy: Policy = ALWAYS) -> Step:
    """What a worker does on a day."""
    return next_step(
        view(told(units, 8), lines=(line,), held={45: on_contract(held)}, policy=policy, today=day)
    )


@pytest.mark.parametrize(
    ("units", "delta"),
    [(0, -25), (20, -5), (26, None), (25, None), (30, 2)],
    ids=["the end", "a decrease below", "a part taken back", "all taken back", "an increase"],
)
def test_later_changes_go_their_way(units: int, delta: int | None) -> None:
    """Twenty-eight were wanted and three rejected: what comes later is made from 25, and never brings what was rejected."""
    wanted = since_january(25, (TODAY, 28), (APRIL, units))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    assert on(TODAY, wanted, line).adjust is None
    shown = next((one for one in on(TODAY, wanted, line).lines), line)
    assert shown.scheduled == (((APRIL, delta),) if delta else ())
    assert [(one.day, one.delta) for one in shown.set_aside] == [(TODAY, 3)]
    assert posted(on(APRIL, wanted, shown, policy=Policy())) == ((APRIL, delta) if delta else None)
    held_again = on(APRIL, wanted, shown)
    assert held_again.adjust is None
    if delta:
        later_on = line_of(held_again)
        assert parked(held_again)[0] == "held-for-approval"
        assert (later_on.awaiting, later_on.rejections) == (
            HeldChange(APRIL, delta, versions={"sub_1": 8}),
            shown.rejections,
        )


def test_the_end_leaves_nothing_billed() -> None:
    """Once it is made, what was rejected is over: no day that can still be changed lacks it."""
    ends = since_january(25, (TODAY, 28), (APRIL, 0))
    line = rejected(line_of(next_step(view(told(ends, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    ended = since_january(25, (APRIL, 0))
    made = replace(line, adjusted=(APRIL,), baseline=ended)
    gone = on(APRIL + ONE_DAY * 14, ends, made, ended)
    assert gone.adjust is None
    assert (line_of(gone).awaiting, line_of(gone).state) == (None, State.APPLIED)
    assert [(one.wanted, one.autotask) for one in line_of(gone).past_days] == [(28, 25)]


@pytest.mark.parametrize(("units", "delta"), [(0, -25), (18, -2), (22, None), (30, 5)])
def test_later_changes_go_their_way_after_a_rejected_decrease(units: int, delta: int | None) -> None:
    """Five less were rejected, so 25 stay billed: an end ends them too, and an increase first takes them back."""
    wanted = since_january(25, (TODAY, 20), (APRIL, units))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    assert posted(on(APRIL, wanted, line, policy=Policy())) == ((APRIL, delta) if delta else None)


def test_a_second_change_is_rejected_beside_the_first() -> None:
    """Each stands for itself, and is approved by itself, one after the other."""
    wanted = since_january(25, (TODAY, 28), (APRIL, 30))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    both = rejected(line_of(on(APRIL, wanted, line)))
    assert [(one.day, one.delta) for one in both.rejections] == [(TODAY, 3), (APRIL, 2)]
    step = on(APRIL, wanted, both, policy=Policy())
    assert step.adjust is None
    shown = line_of(step)
    assert [(one.day, one.delta) for one in shown.set_aside] == [(TODAY, 3), (APRIL, 2)]
    one_left = approve(shown, "sam")
    assert [(one.day, one.delta) for one in one_left.rejections] == [(APRIL, 2)]
    assert posted(on(APRIL, wanted, one_left, policy=Policy())) == (TODAY, 3)


def test_a_decrease_takes_back_all_that_was_rejected_before_it() -> None:
    """Three seats and then two more were rejected: that all five are gone again changes nothing."""
    wanted = since_january(25, (TODAY, 28), (APRIL, 30), (APRIL + ONE_DAY, 25))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    both = rejected(line_of(on(APRIL, wanted, line)))
    step = on(APRIL + ONE_DAY, wanted, both, policy=Policy())
    assert step.adjust is None
    assert line_of(step).scheduled == ()


@pytest.mark.parametrize(
    ("units", "made"),
    [
        ((26, 23), ((APRIL + ONE_DAY, -2),)),
        ((25, 23), ((APRIL + ONE_DAY, -2),)),
        ((20, 18), ((APRIL, -5), (APRIL + ONE_DAY, -2))),
    ],
    ids=["two and then one of them", "all three at once", "three and more at once"],
)
def test_what_was_rejected_is_taken_back_once(
    units: tuple[int, int], made: tuple[tuple[date, int], ...]
) -> None:
    """Three seats more were rejected, and 25 stay billed; whatever falls below these is made."""
    wanted = since_january(25, (TODAY, 28), (APRIL, units[0]), (APRIL + ONE_DAY, units[1]))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    step = on(APRIL + ONE_DAY, wanted, line, policy=Policy())
    assert step.adjust is not None
    assert step.adjust.scheduled == made


def test_what_is_planned_otherwise_is_judged_by_the_terms() -> None:
    """Nobody rejected what nobody saw: five free seats make -2 of the three more."""
    less = since_january(25, (TODAY, 23))
    code, shown = parked(on(TODAY, less, rejected()))
    assert (code, shown["delta"]) == ("held-for-approval", -2)
    assert "by" not in shown
    assert posted(on(TODAY, less, rejected(), policy=Policy())) == (TODAY, -2)


def test_what_was_rejected_is_still_rejected_once_it_is_planned_again() -> None:
    """The free seats were taken back, and Timus has said nothing new."""
    less = line_of(on(TODAY, since_january(25, (TODAY, 23)), rejected()))
    assert parked(on(TODAY, MORE, less, policy=Policy()))[0] == "rejected"


@pytest.mark.parametrize(
    ("added", "delta"), [(2, -2), (12, -12), (-4, 4)], ids=["fewer than rejected", "more", "taken off"]
)
@pytest.mark.parametrize("taken", [(), (TODAY + ONE_DAY,)], ids=["on its own day", "on the next free day"])
def test_an_edit_that_is_brought_back_is_not_set_off_against_what_was_rejected(
    added: int, delta: int, taken: tuple[date, ...]
) -> None:
    """+3 of today is rejected. Somebody changes the units tomorrow: all of that is taken back, and the three stay off."""
    line = replace(rejected(), taken=taken)
    edited = since_january(25, (TODAY + ONE_DAY, 25 + added))
    enforce = Policy(drift=OnDrift.ENFORCE)
    day = TODAY + ONE_DAY * (2 if taken else 1)
    step = on(day, MORE, line, edited, enforce)
    assert posted(step) == (day, delta)


def test_an_edit_is_brought_back_beside_a_rejected_decrease_whose_day_is_taken() -> None:
    """-8 of today is rejected. Somebody takes three off tomorrow: these come back, and nothing else is made."""
    less = since_january(25, (TODAY, 17))
    first = next_step(view(told(less, 8), lines=(left(LEVEL),), policy=ALWAYS))
    line = replace(rejected(line_of(first)), taken=(TODAY, TODAY + ONE_DAY))
    edited = since_january(25, (TODAY + ONE_DAY, 22))
    day = TODAY + ONE_DAY * 2
    assert posted(on(day, less, line, edited, Policy(drift=OnDrift.ENFORCE))) == (day, 3)


def test_another_change_of_the_same_size_is_not_what_was_rejected() -> None:
    """Somebody made the rejected one by hand."""
    wanted = since_january(25, (TODAY, 28), (APRIL, 31))
    line = rejected(line_of(next_step(view(told(wanted, 8), lines=(left(LEVEL),), policy=ALWAYS))))
    by_hand = Policy(drift=OnDrift.ENFORCE)
    assert posted(on(APRIL, wanted, line, MORE, by_hand)) == (APRIL, 3)


def test_a_later_change_of_the_same_size_goes_where_the_rejected_day_needs_something_else() -> None:
    """The rejected change was not moved: its day can still be adjusted, and is."""
    wanted = since_january(25, (TODAY, 23), (APRIL, 26))
    step = on(APRIL, wanted, replace(rejected(), baseline=LEVEL), policy=Policy())
    assert posted(step) == (TODAY, -2)
    assert step.adjust is not None
    assert (step.adjust.scheduled, step.adjust.set_aside) == (((TODAY, -2), (APRIL, 3)), ())


@pytest.mark.parametrize("fell", [march(12), TODAY])
def test_what_is_only_right_with_the_rejected_change_waits_with_it(fell: date) -> None:
    """One of two that go together would leave the day between with what nobody wanted."""
    two = since_january(25, (march(5), 5), (march(10), 30), (fell, 29))
    fell_later = since_january(25, (fell, 24))
    line = left(fell_later, adjusted=(fell,))
    held_ = on(TODAY, two, line, fell_later, Policy(approve_increases=Approval(0)))
    assert line_of(held_).awaiting == HeldChange(march(10), 25, versions={"sub_1": 8})
    step = on(TODAY, two, rejected(line_of(held_)), fell_later, Policy())
    assert step.adjust is None
    assert [(one.day, one.delta) for one in line_of(step).set_aside] == [(march(10), 25)]
    assert line_of(step).scheduled == ()


# -- Approvals


def test_an_approval_of_what_waits_with_a_rejected_change_counts_once_that_is_approved_too() -> None:
    """Nobody is asked a second time for what cannot go alone."""
    two = since_january(25, (march(5), 5), (march(10), 30), (march(12), 29))
    fell = since_january(25, (march(12), 24))
    approved = Approved(march(5), -20, "anna", versions={"sub_1": 8})
    held_ = on(TODAY, two, left(fell, adjusted=(march(12),)), fell, Policy(approve_increases=Approval(0)))
    line = replace(rejected(line_of(held_)), approved=(approved,))
    step = on(TODAY, two, line, fell, ALWAYS)
    assert line_of(step).approved == (approved,)
    both = replace(line_of(step), rejections=(), approved=(approved, Approved(march(10), 25, "anna")))
    assert posted(on(TODAY, two, both, fell, ALWAYS)) == (march(5), -20)


def test_an_approval_of_what_was_taken_back_lets_nothing_through() -> None:
    """Timus takes it back and brings the same again: nobody has approved that."""
    line = approve(held(), "anna")
    back = line_of(next_step(later(told(LEVEL, 7, 8, 9), lines=(line,))))
    assert (back.state, back.approved) == (State.APPLIED, ())
    again = next_step(later(told(MORE, 7, 8, 9, 10), lines=(back,)))
    assert again.adjust is None
    assert parked(again)[0] == "held-for-approval"
    at_once = next_step(later(told(MORE, 7, 8, 9, 10), lines=(line,)))
    assert at_once.adjust is None
    assert line_of(at_once).approved == ()


@pytest.mark.parametrize(
    ("known", "noted"),
    [({}, {"sub_1": 8}), ({"sub_1": 8, "sub_2": 3}, {"sub_1": 8, "sub_2": 3})],
    ids=["nothing yet", "what was shown"],
)
def test_an_approval_that_knows_of_nothing_yet_learns_what_the_line_knows(
    known: dict[str, int], noted: dict[str, int]
) -> None:
    """One that says with which versions it was shown keeps them."""
    line = replace(held(), approved=(Approved(TODAY, 3, "anna", versions=known),))
    paused = next_step(later(told(MORE, 7, 8), lines=(line,), policy=replace(ALWAYS, paused=True)))
    assert [one.versions for one in line_of(paused).approved] == [noted]


def test_a_pause_holds_what_was_approved_too() -> None:
    """And it goes when the pause is over."""
    line = approve(held(), "anna")
    paused = next_step(later(told(MORE, 7, 8), lines=(line,), policy=replace(ALWAYS, paused=True)))
    assert parked(paused)[0] == "paused"
    assert posted(next_step(later(told(MORE, 7, 8), lines=(line_of(paused),)))) == (TODAY, 3)


# -- Plan changes

GONE, COME = since_january(25, (TODAY, 0)), steps((TODAY, 25))
CHANGE = Link(TODAY, SEATS, PLUS)


def both(*lines: Line, policy: Policy) -> View:
    """A plan change of today."""
    causes = (Cause("sub_1", 8, TODAY, "e8"),)
    demands = (demand(GONE, causes=causes), demand(COME, PLUS, start=TODAY, causes=causes))
    return view(*demands, links=(CHANGE,), lines=lines or (left(LEVEL),), policy=policy)


def test_a_rejected_new_plan_leaves_the_old_one_billed() -> None:
    """A plan change is rejected as a whole: the side that would fall waits too."""
    policy = Policy(approve_increases=Approval(0))
    first = next_step(both(policy=policy))
    up, down = line_of(first, PLUS), line_of(first)
    step = next_step(both(down, rejected(up), policy=policy))
    assert step.adjust is None
    assert down.parked is not None
    assert down.parked.code == "held-with-plan-change"
    assert down.awaiting is None
    assert step.lines == ()


def test_a_rejected_old_plan_keeps_the_new_one_away() -> None:
    """It has to come down first, and does not."""
    policy = Policy(approve_decreases=Approval(0))
    first = next_step(both(policy=policy))
    step = next_step(both(rejected(line_of(first)), line_of(first, PLUS), policy=policy))
    assert step.adjust is None
    assert line_of(first, PLUS).parked is not None
    assert line_of(first, PLUS).parked.code == "waits-for-decrease"  # type: ignore[union-attr]
    assert step.lines == ()


MOVED, MORE_COME = since_january(25, (march(10), 0)), steps((march(10), 25), (TODAY, 27))


def moves(*lines: Line, policy: Policy, old: Timeline = LEVEL) -> View:
    """A plan change of five days ago, and two more seats of the new plan today."""
    causes = (Cause("sub_1", 8, march(10), "e8"), Cause("sub_1", 9, TODAY, "e9"))
    demands = (demand(MOVED, causes=causes), demand(MORE_COME, PLUS, start=march(10), causes=causes))
    links = (Link(march(10), SEATS, PLUS),)
    return view(*demands, links=links, held={45: on_contract(old)}, lines=lines, policy=policy)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(line_limit=4), "held-over-limit"),
        (Policy(approve_increases=Approval(4)), "held-with-plan-change"),
    ],
)
def test_more_of_a_rejected_new_plan_waits_while_the_old_one_is_billed(policy: Policy, code: str) -> None:
    """The client keeps the old plan, and only that: two seats of the new one beside it are on no order (promise I7)."""
    first = next_step(moves(left(LEVEL), policy=policy))
    up, down = rejected(line_of(first, PLUS)), line_of(first)
    step = next_step(moves(down, up, policy=policy))
    assert step.adjust is None
    assert down.parked is not None
    assert down.parked.code == code
    shown = next((one for one in step.lines if one.key == PLUS), up)
    assert shown.parked is not None
    assert (shown.parked.code, shown.scheduled) == ("rejected", ((TODAY, 2),))
    assert shown.awaiting is not None
    assert (shown.awaiting.day, shown.awaiting.delta) == (march(10), 25)


def test_more_of_a_rejected_new_plan_waits_also_if_somebody_lets_the_old_one_go() -> None:
    """The two are one order: the approval of its old side is not one of the whole."""
    policy = Policy(line_limit=4)
    first = next_step(moves(left(LEVEL), policy=policy))
    lines = approve(line_of(first), "sam"), rejected(line_of(first, PLUS))
    assert next_step(moves(*lines, policy=policy)).adjust is None
    both_sides = approve(line_of(first), "sam"), approve(rejected(line_of(first, PLUS)), "sam")
    assert posted(next_step(moves(*both_sides, policy=policy))) == (march(10), -25)


def test_more_of_a_rejected_new_plan_that_is_approved_still_shows_what_was_rejected() -> None:
    """Else each side would name the other one, and nobody could let the plan change go after all."""
    policy = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))
    first = next_step(moves(left(LEVEL), policy=policy))
    down, up = line_of(first), rejected(line_of(first, PLUS))
    more = line_of(next_step(moves(down, up, policy=policy)), PLUS)
    assert more.awaiting is not None
    assert more.awaiting.delta == 2
    step = next_step(moves(down, approve(more, "sam"), policy=policy))
    shown = line_of(step, PLUS)
    assert step.adjust is None
    assert shown.parked is not None
    assert shown.awaiting is not None
    assert (shown.parked.code, shown.awaiting.delta) == ("rejected", 25)
    lines = approve(down, "sam"), approve(shown, "sam")
    assert posted(next_step(moves(*lines, policy=policy))) == (march(10), -25)


def test_more_of_a_rejected_new_plan_goes_its_way_once_the_old_one_has_come_down() -> None:
    """Somebody took the old plan off by hand: then nothing is billed twice."""
    policy = Policy(line_limit=4)
    first = next_step(moves(left(LEVEL), policy=policy))
    step = next_step(moves(left(MOVED), rejected(line_of(first, PLUS)), policy=policy, old=MOVED))
    assert posted(step) == (TODAY, 2)


@pytest.mark.parametrize(
    ("stay", "come", "goes"),
    [(5, 2, (TODAY, 2)), (4, 2, None), (3, 2, None), (5, 1, (TODAY, 1)), (4, 1, None)],
)
def test_seats_of_a_rejected_part_are_not_billed_again_as_seats_that_come_later(
    stay: int, come: int, goes: tuple[date, int] | None
) -> None:
    """20 of 25 seats were to move, then one or two more come: from outside, or from the five that had stayed (promise I7)."""
    old, new = since_january(25, (march(10), 5), (TODAY, stay)), steps((march(10), 20), (TODAY, 20 + come))
    policy = Policy(approve_increases=Approval(4))
    links = (Link(march(10), SEATS, PLUS, beside=True),)
    causes = (Cause("sub_1", 8, march(10), "e8"), Cause("sub_1", 9, TODAY, "e9"))
    demands = (demand(old, causes=causes), demand(new, PLUS, start=march(10), causes=causes))
    first = next_step(view(*demands, links=links, lines=(left(LEVEL),), policy=policy))
    lines = line_of(first), rejected(line_of(first, PLUS))
    step = next_step(view(*demands, links=links, lines=lines, policy=policy))
    assert posted(step) == goes


@pytest.mark.parametrize("drifted", [False, True], ids=["alone", "beside an edited line"])
def test_what_was_bought_among_rejected_seats_makes_room_for_as_many_that_come_later(drifted: bool) -> None:
    """15 were to move and five to come from outside, and all 20 were rejected. Two more that move go: all together there are no more than wanted."""
    old, new = since_january(25, (march(10), 10), (TODAY, 8)), steps((march(10), 20), (TODAY, 22))
    policy = Policy(approve_increases=Approval(4))
    links = (Link(march(10), SEATS, PLUS, beside=True),)
    causes = (Cause("sub_1", 8, march(10), "e8"), Cause("sub_1", 9, TODAY, "e9"))
    third = LineKey(1, 47)
    demands = [demand(old, causes=causes), demand(new, PLUS, start=march(10), causes=causes)]
    demands += [demand(since_january(2), third)] if drifted else []
    others = [left(since_january(2), third, contract_service_id=1203)] if drifted else []
    held = {45: on_contract(LEVEL), 47: on_contract(since_january(3), 1203)}
    given = {"held": held, "links": links, "policy": policy}
    first = next_step(view(*demands, lines=(left(LEVEL), *others), **given))  # type: ignore[arg-type]
    lines = (line_of(first), rejected(line_of(first, PLUS)), *others)
    step = next_step(view(*demands, lines=lines, **given))  # type: ignore[arg-type]
    assert posted(step) == (TODAY, 2)


def test_seats_beside_a_rejected_part_come_once_another_plan_that_they_leave_has_come_down() -> None:
    """Two of a third plan come today, and left it three days ago; today nothing more can be adjusted there."""
    third = LineKey(1, 47)
    gone, come = since_january(2, (march(12), 0)), steps((march(10), 20), (TODAY, 22))
    links = (Link(march(10), SEATS, PLUS, beside=True), Link(march(12), third, PLUS, beside=True))
    causes = (Cause("sub_1", 8, march(10), "e8"), Cause("sub_1", 9, TODAY, "e9"))
    demands = (
        demand(since_january(25, (march(10), 5)), causes=causes),
        demand(come, PLUS, start=march(10), causes=causes),
        demand(gone, third),
    )
    there = {45: on_contract(LEVEL), 47: on_contract(since_january(2), 1203)}
    other = left(since_january(2), third, contract_service_id=1203, taken=(TODAY,))
    policy = Policy(approve_increases=Approval(4))
    first = next_step(view(*demands, held=there, links=links, lines=(left(LEVEL), other), policy=policy))
    lines = (line_of(first), rejected(line_of(first, PLUS)), other)
    step = next_step(view(*demands, held=there, links=links, lines=lines, policy=policy))
    assert step.adjust is not None
    assert (step.adjust.key, posted(step)) == (third, (march(12), -2))
    plus = next((one for one in step.lines if one.key == PLUS), lines[1])
    assert (plus.parked, plus.scheduled) == (None, ((TODAY, 2),))


def test_the_journal_names_the_other_side() -> None:
    """As it does for each adjustment of a plan change."""
    first = next_step(both(policy=Policy(approve_increases=Approval(0))))
    _, entry = reject(line_of(first, PLUS), by="pat", at=LATER, reason="no", entry_id="c1")
    assert entry.linked == (SEATS,)


def test_a_rejection_that_waits_for_something_else_is_kept() -> None:
    """Drift is shown first; once it is decided, the change is still rejected."""
    edited = {45: on_contract(since_january(30))}
    step = next_step(later(told(MORE, 7, 8), held=edited, lines=(rejected(),)))
    assert parked(step)[0] == "drift"
    assert line_of(step).rejections == rejected().rejections
    assert line_of(step).set_aside == rejected().set_aside
    assert line_of(step).awaiting is None
    enforced = Policy(drift=OnDrift.ENFORCE)
    step = next_step(later(told(MORE, 7, 8), held=edited, lines=(line_of(step),), policy=enforced))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (CONTRACT.start, -5)
    assert [(one.day, one.delta) for one in step.adjust.set_aside] == [(TODAY, 3)]


def test_without_its_subscription_there_is_nothing_to_reject() -> None:
    """Whatever was rejected, a line that nobody maps to is for whoever maps it."""
    line = replace(rejected(), baseline=NOTHING)
    step = next_step(later(held={45: on_contract(NOTHING)}, lines=(line,)))
    assert line_of(step).state is State.APPLIED


def test_both_numbers_are_shown() -> None:
    """What Autotask has and what Timus says, as for every reason."""
    step = next_step(later(told(MORE, 7, 8), lines=(replace(rejected(), parked=None),)))
    assert parked(step) == (
        "rejected",
        facts(delta=3, day="2026-03-15", by="pat", on="2026-03-14 21:00 UTC", why="not ordered"),
    )


def test_what_is_still_open_settles_first() -> None:
    """An adjustment that was sent before is not undone by a rejection."""
    line = replace(rejected(), intent=intent(Answer.ACCEPTED, settles_at=LATER + SETTLE))
    step = next_step(later(told(MORE, 7, 8), held={45: on_contract(MORE)}, lines=(line,)))
    assert [entry.outcome for entry in step.journal] == [Outcome.LANDED]
    assert line_of(step).rejections == ()


@pytest.mark.parametrize(
    ("known", "without"), [({"sub_1": 8}, {CUSTOMER}), ({"sub_1": 8, "sub_2": 1}, {CUSTOMER, "cus_2"})]
)
def test_the_first_version_of_a_subscription_that_a_rejection_did_not_know_is_news(
    known: dict[str, int], without: set[str]
) -> None:
    """Of its customer only, on a line that two share."""
    causes = (
        Cause("sub_1", 8, TODAY, "evt_8", customer_id=CUSTOMER),
        Cause("sub_2", 1, TODAY, "evt_1", customer_id="cus_2"),
    )
    sources = (Source(CUSTOMER, "SKU-45", MORE), Source("cus_2", "SKU-45", MORE))
    [draft] = drafts_of(view(demand(MORE.plus(MORE), sources=sources, causes=causes)))
    assert with_nothing_newer(Rejection(TODAY, 3, "pat", LATER, "not ordered", known), draft) == without


OVER = march(20)


def until_the_end(
    *lines: Line, policy: Policy, today: date = TODAY, held: Timeline = LEVEL, over: date = OVER
) -> View:
    """A plan change of a subscription that Timus ends five days later: only the new plan's line says so."""
    causes = (Cause("sub_1", 8, TODAY, "e8", before=25, after=0, ends=over),)
    demands = (
        demand(GONE, causes=causes),
        demand(steps((TODAY, 25), (over, 0)), PLUS, start=TODAY, causes=causes),
    )
    there = {45: on_contract(held)}
    return view(
        *demands, links=(CHANGE,), lines=lines or (left(LEVEL),), policy=policy, today=today, held=there
    )


def both_once_it_is_rejected(policy: Policy) -> tuple[Line, Line]:
    """The old plan's line and the new one's, after a person has rejected the plan change on the side that awaited approval."""
    first = next_step(until_the_end(policy=policy))
    lines = (line_of(first), line_of(first, PLUS))
    old, new = (rejected(one) if one.awaiting else one for one in lines)
    shown = {one.key: one for one in next_step(until_the_end(old, new, policy=policy)).lines}
    return shown.get(SEATS, old), shown.get(PLUS, new)


def test_the_end_of_the_subscription_ends_an_old_plan_whose_decrease_was_rejected() -> None:
    """Nobody has the seats any more, on either plan: they are billed on the old one until then, and the end awaits approval like any decrease."""
    old, new = both_once_it_is_rejected(Policy(approve_decreases=Approval(0)))
    assert (old.state, old.scheduled) == (State.PARKED, ((OVER, -25),))
    assert [(one.day, one.delta) for one in old.set_aside] == [(TODAY, -25)]
    step = next_step(until_the_end(old, new, policy=Policy(approve_decreases=Approval(0)), today=OVER))
    assert line_of(step).awaiting == HeldChange(OVER, -25, versions={"sub_1": 8})
    assert posted(next_step(until_the_end(old, new, policy=Policy(), today=OVER))) == (OVER, -25)


def test_the_end_of_the_subscription_ends_an_old_plan_whose_new_plan_was_rejected() -> None:
    """It is billed for as long as the new one would have been, and the days before stay as they are."""
    policy = Policy(approve_increases=Approval(0))
    old, new = both_once_it_is_rejected(policy)
    eve = next_step(until_the_end(old, new, policy=policy, today=march(19)))
    assert eve.adjust is None
    assert posted(next_step(until_the_end(old, new, policy=policy, today=OVER))) == (OVER, -25)
    ended = since_january(25, (OVER, 0))
    made = replace(old, adjusted=(OVER,), baseline=ended, parked=None, state=State.APPLIED)
    gone = next_step(until_the_end(made, new, policy=policy, today=march(21), held=ended))
    assert gone.adjust is None
    assert [line_of(gone, key).state for key in (SEATS, PLUS)] == [State.APPLIED, State.APPLIED]
    assert [(one.first, one.wanted, one.autotask) for one in line_of(gone).past_days] == [(TODAY, 0, 25)]


def test_an_end_after_the_contracts_last_day_ends_nothing() -> None:
    """Nothing is billed there any more, so the old plan's line has nothing to do but what was rejected."""
    policy, over = Policy(approve_decreases=Approval(0)), CONTRACT.end + ONE_DAY * 9
    first = next_step(until_the_end(policy=policy, over=over))
    lines = rejected(line_of(first)), line_of(first, PLUS)
    shown = {one.key: one for one in next_step(until_the_end(*lines, policy=policy, over=over)).lines}
    assert shown.get(SEATS, lines[0]).scheduled == ()
    gone = next_step(until_the_end(*lines, policy=Policy(), over=over, today=over))
    assert gone.adjust is None


def test_an_old_plan_that_somebody_has_ended_already_is_not_ended_again() -> None:
    """Its new plan was rejected, and on the day of the end nothing of the old one is billed any more."""
    ended, policy = since_january(25, (OVER, 0)), Policy(approve_increases=Approval(0))
    first = next_step(until_the_end(policy=policy))
    lines = replace(line_of(first), baseline=ended), rejected(line_of(first, PLUS))
    step = next_step(until_the_end(*lines, policy=Policy(), held=ended, today=OVER))
    assert step.adjust is None
    assert parked(step)[0] == "held-with-plan-change"


def test_an_end_that_was_rejected_itself_is_not_made_and_no_earlier_approval_lets_it_go() -> None:
    """Its plan has seats moving away from it at other times; of the new one there are none."""
    policy, causes = Policy(approve_decreases=Approval(0)), (Cause("sub_1", 8, TODAY, "e8"),)
    gone = view(demand(GONE, causes=causes), lines=(left(LEVEL),), links=(CHANGE,), policy=policy)
    line = rejected(line_of(next_step(gone)))
    approved = replace(line, approved=(Approved(TODAY, -25, "anna", versions={"sub_1": 8}),))
    for terms in (policy, Policy()):
        step = next_step(replace(gone, lines={line.key: approved}, policies={"": terms, CUSTOMER: terms}))
        shown = line_of(step)
        assert (step.adjust, shown.scheduled, shown.approved) == (None, (), ())
        assert shown.parked is not None
        assert shown.parked.code == "rejected"


def test_a_rejected_decrease_to_nothing_is_no_end() -> None:
    """Seats that were to go by themselves, and stay because a person wants them, stay after that day, too."""
    policy = Policy(approve_decreases=Approval(0))
    gone = view(demand(GONE, causes=(Cause("sub_1", 8, TODAY, "e8"),)), lines=(left(LEVEL),), policy=policy)
    line = rejected(line_of(next_step(gone)))
    later_on = next_step(replace(gone, lines={line.key: line}, today=OVER))
    assert later_on.adjust is None
    assert line_of(later_on).scheduled == () if later_on.lines else line.scheduled == ()


def test_an_approval_of_that_end_counts_where_both_sides_await_one() -> None:
    """The old plan's decrease was approved for the day of the plan change; the end is another change, and is approved by itself."""
    policy = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))
    first = next_step(until_the_end(policy=policy))
    old = approve(line_of(first), "anna")
    new = rejected(line_of(first, PLUS))
    old = line_of(next_step(until_the_end(old, new, policy=policy)))
    asks = next_step(until_the_end(old, new, policy=policy, today=OVER))
    assert line_of(asks).awaiting == HeldChange(OVER, -25, versions={"sub_1": 8})
    assert posted(
        next_step(until_the_end(approve(line_of(asks), "anna"), new, policy=policy, today=OVER))
    ) == (OVER, -25)
