"""How an open intent ends: landed, not landed, unclear; and what the journal says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.converge.views import (
    CUSTOMER,
    END,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SEATS,
    TODAY,
    demand,
    facts,
    intent,
    left,
    line_of,
    march,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import LOOKS, RECHECK, next_step
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Answer,
    Approved,
    Choice,
    JournalEntry,
    Outcome,
    Refusal,
    State,
    Undone,
    Why,
)
from timus_autotask.domain.past_days import Postponed, WhyPast
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Approval, Policy, SameDay
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline


def test_an_open_outcome_is_waited_for() -> None:
    """Nothing is posted on the line; it is due when the outcome may be read."""
    line = left(LEVEL, intent=intent())
    step = next_step(view(demand(MORE), lines=(line,)))
    assert line_of(step) == replace(line, desired=MORE, state=State.SETTLING, since=NOW)
    assert (step.adjust, step.journal, step.look_again) == (None, (), False)
    assert step.due_at == NOW + timedelta(minutes=10)


def test_an_open_outcome_holds_up_no_other_line() -> None:
    """The other service's change is posted meanwhile."""
    step = next_step(
        view(
            demand(MORE),
            demand(MORE, PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(LEVEL)},
            lines=(left(LEVEL, intent=intent(Answer.ACCEPTED)),),
        )
    )
    assert step.adjust is not None
    assert step.adjust.key == PLUS
    assert not step.look_again, "there is something better to do"


@pytest.mark.parametrize(
    ("looks", "answer", "again"),
    [
        (0, Answer.ACCEPTED, True),
        (LOOKS - 1, Answer.ACCEPTED, True),
        (LOOKS, Answer.ACCEPTED, False),
        (0, Answer.UNKNOWN, False),
        (0, Answer.REFUSED, False),
    ],
)
def test_an_accepted_post_that_is_not_to_be_seen_is_looked_for(
    looks: int, answer: Answer, again: bool
) -> None:
    """A read may lag behind a write: a few more looks, then it is left to settle."""
    held = {45: on_contract(since_january(24))} if answer is Answer.REFUSED else None
    step = next_step(view(demand(MORE), lines=(left(LEVEL, intent=intent(answer)),), looks=looks, held=held))
    assert step.look_again is again
    assert line_of(step).state is State.SETTLING


def test_a_level_line_is_not_looked_at_again() -> None:
    """Without an open post there is nothing to look for."""
    assert not next_step(view(demand(LEVEL))).look_again


def test_a_post_that_landed_is_settled_and_journalled() -> None:
    """The line is level, its day is taken, and what stood in its way is forgotten, with approvals of what nobody wants any more."""
    sent = intent(
        Answer.ACCEPTED,
        events=("evt_8",),
        versions={"sub_1": 8},
        price="11.00",
        price_before="10.00",
        message="as it was said",
        causes=(Cause("sub_1", 8, TODAY, "evt_8", actor="j.doe", before=25, after=28),),
        linked=(PLUS,),
        by="pat",
        why=Why.TERMS,
        terms=("same_day=attempt",),
        postponed=Postponed(march(14), WhyPast.DAY_TAKEN),
    )
    line = left(
        LEVEL,
        intent=sent,
        adjusted=(march(20), march(2)),
        refusal=Refusal(TODAY, 3, "no", NOW),
        approved=(Approved(TODAY, 3, "pat"), Approved(march(14), 3, "pat"), Approved(TODAY, 4, "pat")),
        versions={"sub_1": 7, "sub_2": 4},
        price="10.00",
    )
    step = next_step(view(demand(MORE), held={45: on_contract(MORE)}, lines=(line,)))
    assert line_of(step) == replace(
        line,
        baseline=MORE,
        intent=None,
        adjusted=(march(2), TODAY, march(20)),
        refusal=None,
        approved=(),
        last_change=NOW,
        price="11.00",
        versions={"sub_1": 8, "sub_2": 4},
        desired=MORE,
    )
    assert step.journal == (
        JournalEntry(
            "i1",
            SEATS,
            TODAY,
            3,
            units_before=25,
            units_after=28,
            outcome=Outcome.LANDED,
            opened_at=sent.opened_at,
            settled_at=NOW,
            events=("evt_8",),
            sources=((CUSTOMER, "SKU-45"),),
            message="as it was said",
            price=PriceChange("11.00", "10.00"),
            linked=(PLUS,),
            by="pat",
            why=Why.TERMS,
            terms=("same_day=attempt",),
            postponed=Postponed(march(14), WhyPast.DAY_TAKEN),
            causes=sent.causes,
            answer=Answer.ACCEPTED,
            found=LEVEL,
        ),
    )
    assert (step.adjust, step.due_at) == (None, END)


def test_an_approval_is_used_up_by_what_it_let_go() -> None:
    """Three more of the same day are another change, although it looks the same."""
    terms = Policy(same_day=SameDay.ATTEMPT, approve_increases=Approval(0))
    line = left(LEVEL, intent=intent(Answer.ACCEPTED), approved=(Approved(TODAY, 3, "pat"),))
    more = demand(since_january(25, (TODAY, 31)))
    step = next_step(view(more, held={45: on_contract(MORE)}, lines=(line,), policy=terms))
    assert step.adjust is None
    assert parked(step)[0] == "held-for-approval"
    assert line_of(step).approved == ()


def test_a_post_without_a_price_leaves_the_one_that_was_sent() -> None:
    """Our own last price stays ours."""
    line = left(LEVEL, intent=intent(Answer.ACCEPTED), price="10.00")
    step = next_step(view(demand(MORE), held={45: on_contract(MORE)}, lines=(line,)))
    assert line_of(step).price == "10.00"


def test_a_post_that_did_not_land_is_sent_anew() -> None:
    """The journal tells of the first try, and the second has an intent of its own."""
    line = left(LEVEL, intent=intent(Answer.NOT_APPLIED, message="throttled"), approved=(Approved(TODAY, 3),))
    step = next_step(view(demand(MORE), lines=(line,)))
    assert [(c.outcome, c.units_before, c.units_after) for c in step.journal] == [
        (Outcome.NOT_LANDED, 25, 25)
    ]
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.id, step.adjust.intent.answer) == ("", Answer.UNKNOWN)
    assert (step.adjust.adjusted, step.adjust.approved) == ((), (Approved(TODAY, 3),))


def test_an_outcome_that_is_neither_is_for_a_person() -> None:
    """Held is neither before nor after: both numbers are told, and the intent stays open."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert parked(step) == (
        "outcome-unclear",
        facts(held=31, delta=3, day="2026-03-15", before=25, after=28),
    )
    assert line_of(step).intent == line.intent
    assert (step.journal, step.adjust) == ((), None)
    assert step.due_at == NOW + RECHECK


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer.UNKNOWN,
            "what became of an adjustment of +3 on 2026-03-15. Autotask now has 31 units, which",
        ),
        (Answer.ACCEPTED, "an adjustment of +3 on 2026-03-15, which Autotask accepted. Autotask now has"),
        (Answer.REFUSED, "an adjustment of +3 on 2026-03-15, which Autotask refused. Autotask now has"),
    ],
)
def test_an_outcome_that_is_neither_says_what_autotask_answered(answer: Answer, words: str) -> None:
    """A tenant may accept an adjustment and count another one of that day no more: that is no missing answer."""
    line = left(LEVEL, intent=intent(answer, settles_at=NOW))
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert words in Parked(*parked(step)).message


def test_an_outcome_that_is_neither_but_level_needs_nobody() -> None:
    """Whoever brought the line to what Timus says, there is nothing left to decide."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    step = next_step(
        view(demand(since_january(31)), held={45: on_contract(since_january(31))}, lines=(line,))
    )
    assert [c.outcome for c in step.journal] == [Outcome.UNCLEAR]
    assert (line_of(step).state, line_of(step).intent) == (State.APPLIED, None)


def test_an_outcome_that_is_neither_on_a_line_that_nobody_maps_to_is_for_a_person() -> None:
    """There is nothing that it could be level with."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    assert parked(next_step(view(held={45: on_contract(NOTHING)}, lines=(line,))))[0] == "outcome-unclear"


def test_a_persons_word_ends_an_unclear_outcome() -> None:
    """Enforced: back to what Timus says."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ENFORCE)
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert [(c.outcome, c.units_after) for c in step.journal] == [(Outcome.UNCLEAR, 31)]
    post = step.adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.delta, post.intent.before) == (-6, since_january(31))
    assert (post.choice, post.offset, post.baseline) == (None, NOTHING, since_january(31))
    assert (post.adjusted, post.taken) == ((), ())


def test_a_change_from_before_an_unclear_outcome_does_not_run_over_into_its_day() -> None:
    """12 may have landed today, where they could not be set right again; 16 since yesterday would make 28 of them."""
    line = left(NOTHING, intent=intent(settles_at=NOW, before=NOTHING), choice=Choice.ENFORCE)
    since = demand(steps((march(14), 16)), start=march(14))
    held = steps((TODAY, 12), (march(20), 13))
    step = next_step(view(since, held={45: on_contract(held)}, lines=(line,)))
    assert step.adjust is None
    assert line_of(step).scheduled == ((march(16), 4), (march(20), -1))


def test_an_unclear_outcome_that_is_adopted_is_kept_as_it_is() -> None:
    """Nobody knows which part of it is ours: what Autotask has is right, and only Timus's next change is put on it."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT, last_change=NOW - RECHECK / 2)
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert [(c.outcome, c.units_after) for c in step.journal] == [(Outcome.UNCLEAR, 31)]
    assert step.adjust is None
    kept = line_of(step)
    assert (kept.state, kept.choice, kept.baseline) == (State.APPLIED, None, since_january(31))
    assert kept.offset == since_january(31).minus(MORE)


def test_units_that_a_person_took_off_hold_up_no_other_plan() -> None:
    """The old plan is at 0 and someone's -4 on it is kept: nothing of it is billed that a plan of a few days could meet."""
    fewer = Timeline.of([(march(1), -4)])
    old = left(NOTHING, offset=fewer)
    new = demand(Timeline.of([(TODAY, 25), (march(21), 0)]), PLUS)
    link = Link(TODAY, SEATS, PLUS)
    step = next_step(view(demand(NOTHING), new, held={}, lines=(old,), links=(link,)))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((TODAY, 25), (march(21), -25)))


def test_units_that_a_person_added_for_days_to_come_hold_up_no_other_plan() -> None:
    """The old plan is down since today; someone's unit from the 17th on is taken off on the 17th, and the new plan waits for none."""
    down = since_january(3, (TODAY, 0), (march(17), 1))
    old = left(down, adjusted=(TODAY,))
    new = demand(steps((TODAY, 12)), PLUS)
    link = Link(TODAY, SEATS, PLUS)
    wanted = demand(since_january(3, (TODAY, 0)))
    step = next_step(view(wanted, new, held={45: on_contract(down)}, lines=(old,), links=(link,)))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((TODAY, 12),))
    assert line_of(step).scheduled == ((march(17), -1),)


def test_units_of_a_person_on_a_plan_that_is_still_billed_are_not_taken_for_its_fall() -> None:
    """Timus's unit stays until tomorrow, when someone's kept unit begins: one of the two is left, and the new plan waits."""
    held = since_january(1, (march(16), 2))
    old = left(held, offset=steps((march(16), 1)), adjusted=(TODAY,))
    new = demand(steps((TODAY, 1)), PLUS)
    wanted = demand(since_january(1, (TODAY, 0)))
    link = Link(TODAY, SEATS, PLUS)
    step = next_step(view(wanted, new, held={45: on_contract(held)}, lines=(old,), links=(link,)))
    assert step.adjust is None
    assert line_of(step).scheduled == ((march(16), -1),)
    assert line_of(step, PLUS).scheduled == ((march(16), 1),)


def test_an_adopted_unclear_outcome_still_ends_with_the_subscription() -> None:
    """31 are kept instead of 28 until the cancellation; then the difference alone is left."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT)
    wanted = demand(since_january(28, (march(21), 0)))
    step = next_step(view(wanted, held={45: on_contract(since_january(31))}, lines=(line,)))
    assert step.adjust is None
    assert line_of(step).scheduled == ((march(21), -28),)


def test_an_adopted_unclear_outcome_adds_nothing_to_days_before_it_was_ours_to_judge() -> None:
    """What was held before Timus's first day is nobody's difference: news of an earlier day are not put on top of it."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT)
    first = march(10)
    wanted = replace(demand(Timeline.of([(first, 28)])), start=first)
    step = next_step(view(wanted, held={45: on_contract(since_january(31))}, lines=(line,)))
    assert line_of(step).offset == Timeline.of([(first, 3)])


def test_an_adopted_unclear_outcome_is_not_kept_on_days_that_a_renewal_has_added() -> None:
    """The new periods are empty, and we were to make them level from the 20th on: 31 are kept until then, and three more than Timus says after it."""
    empty = since_january(25, (march(20), 0))
    line = left(empty, intent=intent(settles_at=NOW, before=empty), choice=Choice.ADOPT)
    found = since_january(31, (march(20), 6))
    step = next_step(view(demand(MORE), held={45: on_contract(found)}, lines=(line,)))
    assert step.adjust is None
    assert line_of(step).offset == since_january(31).minus(MORE)
    assert line_of(step).scheduled == ((march(20), 25),)


def test_an_adopted_unclear_outcome_keeps_an_earlier_edit_of_a_day_to_come() -> None:
    """Two more from the 20th on were kept before, and are there: they stay on top."""
    edited = since_january(25, (march(20), 27))
    line = left(
        edited,
        offset=steps((march(20), 2)),
        intent=intent(settles_at=NOW, before=edited),
        choice=Choice.ADOPT,
    )
    found = since_january(31, (march(20), 33))
    step = next_step(view(demand(MORE), held={45: on_contract(found)}, lines=(line,)))
    assert (step.adjust, line_of(step).scheduled) == (None, ())
    assert line_of(step).offset == found.minus(MORE)


def test_what_landed_is_the_opposite_of_that_which_it_takes_back() -> None:
    """Of nothing else that was undone on the line, and of nothing whose opposite was made before."""
    made = Undone("u0", "e0", march(10), -1, 29, 28, "pat", NOW, "by mistake", opposite="i0")
    back = Undone("u1", "e1", TODAY, -3, 28, 25, "pat", NOW, "not ordered")
    other = Undone("u2", "e2", march(20), -2, 28, 23, "pat", NOW, "not ordered")
    line = left(
        MORE, intent=intent(Answer.ACCEPTED, before=MORE, delta=-3, undoes="e1"), undone=(made, back, other)
    )
    step = next_step(view(demand(MORE), held={45: on_contract(LEVEL)}, lines=(line,)))
    assert [one.outcome for one in step.journal] == [Outcome.LANDED]
    assert [(one.entry, one.opposite) for one in line_of(step).undone] == [
        ("e0", "i0"),
        ("e1", "i1"),
        ("e2", ""),
    ]


def test_everything_that_settled_is_in_the_journal() -> None:
    """Two lines whose posts were answered are two lines of it."""
    step = next_step(
        view(
            demand(MORE),
            demand(MORE, PLUS),
            held={45: on_contract(MORE), 46: on_contract(MORE, 1202)},
            lines=(
                left(LEVEL, intent=intent(Answer.ACCEPTED)),
                left(LEVEL, PLUS, intent=intent(Answer.ACCEPTED, day=TODAY)),
            ),
        )
    )
    assert [change.line for change in step.journal] == [SEATS, PLUS]
    assert [change.message for change in step.journal] == ["", ""], (
        "Autotask said nothing, and nobody undid anything"
    )
