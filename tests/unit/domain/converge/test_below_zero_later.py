"""A decrease that would leave fewer than 0 units on a later day comes after the increase of that day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.unit.domain.converge.views import (
    LEVEL,
    NOW,
    PLUS,
    SEATS,
    TODAY,
    demand,
    facts,
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
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Answer, Approved, Rejection, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Approval, Policy, SameDay
from timus_autotask.domain.timeline import Timeline

APRIL = date(2026, 4, 1)
EMPTY = since_january(25, (APRIL, 0))
"""25 units, and none in the periods that an extension of the contract has added."""
FEWER = since_january(25, (TODAY, 20))
RENEWED = date(2027, 12, 31)


def posted(step: Step) -> tuple[LineKey, date, int] | None:
    """What is sent."""
    if step.adjust is None or step.adjust.intent is None:
        return None
    return step.adjust.key, step.adjust.intent.day, step.adjust.intent.delta


def landed(before: View, step: Step) -> View:
    """The same contract, once what the step sends has landed."""
    assert step.adjust is not None
    assert step.adjust.intent is not None
    lines = {**before.lines, **{line.key: line for line in step.lines}}
    intent = step.adjust.intent
    lines[step.adjust.key] = replace(step.adjust, intent=replace(intent, answer=Answer.ACCEPTED))
    observed = {**before.observed, step.adjust.service_id: on_contract(intent.after)}
    return replace(before, lines=lines, observed=observed)


def all_posted(now: View) -> tuple[list[tuple[LineKey, date, int]], Step]:
    """Everything that is sent, in order, and the step that sends nothing any more."""
    sent: list[tuple[LineKey, date, int]] = []
    for _ in range(20):
        step = next_step(now)
        one = posted(step)
        if one is None:
            return sent, step
        sent.append(one)
        now = landed(now, step)
    raise AssertionError(sent)


def asked(before: View, then: Timeline) -> View:
    """The same contract once its lines are shown, with other units in Autotask."""
    lines = {**before.lines, **{line.key: line for line in next_step(before).lines}}
    return replace(before, lines=lines, observed={45: on_contract(then)})


def of_one_line(wanted: Timeline, *, today: date = TODAY, policy: Policy | None = None) -> View:
    """What was gathered of a line with empty periods."""
    return view(
        demand(wanted), held={45: on_contract(EMPTY)}, lines=(left(EMPTY),), today=today, policy=policy
    )


def test_a_decrease_goes_before_the_extension() -> None:
    """The periods that it adds may be empty, and a decrease that leaves fewer than 0 units there would wait for their first day."""
    before = view(demand(FEWER, renewed_until=RENEWED), held={45: on_contract(LEVEL)}, lines=(left(LEVEL),))
    step = next_step(before)
    assert (posted(step), step.extend, step.renewed) == ((SEATS, TODAY, -5), None, None)
    assert next_step(landed(before, step)) == Step(extend=RENEWED)


def test_a_decrease_that_waits_for_a_person_holds_no_extension_up() -> None:
    """Nor does one of a later day: the contract would end meanwhile."""
    held = view(
        demand(FEWER, renewed_until=RENEWED),
        lines=(left(LEVEL),),
        policy=Policy(approve_decreases=Approval(above_units=0)),
    )
    assert next_step(held) == Step(extend=RENEWED)
    later = since_january(25, (march(20), 20))
    assert next_step(view(demand(later, renewed_until=RENEWED), lines=(left(LEVEL),))) == Step(extend=RENEWED)


def test_before_that_day_the_decrease_waits_with_its_own_reason() -> None:
    """Autotask would refuse it. Nothing is sent, and the contract is due on that day, not every hour."""
    step = next_step(of_one_line(FEWER))
    assert step.adjust is None
    assert parked(step) == (
        "below-zero-later",
        facts(desired=20, delta=-5, day="2026-03-15", until="2026-04-01", units=0),
    )
    line = line_of(step)
    assert line.scheduled == ((TODAY, -5), (APRIL, 25))
    assert step.due_at == midnight(APRIL)
    assert line.parked is not None
    assert "-5 on 2026-03-15 is made on 2026-04-01" in line.parked.message


def test_on_that_day_the_increase_comes_first_and_both_terms_are_right() -> None:
    """Then the decrease from its own day."""
    sent, step = all_posted(of_one_line(FEWER, today=APRIL))
    assert sent == [(SEATS, APRIL, 25), (SEATS, TODAY, -5)]
    assert line_of(step).state is State.APPLIED
    assert line_of(step).past_days == ()


@pytest.mark.parametrize("then", [0, 18, 23, 40])
def test_a_new_term_may_begin_with_another_quantity(then: int) -> None:
    """The first day of the new term takes one adjustment, and the decrease of the old one reaches it."""
    wanted = since_january(25, (TODAY, 20), (APRIL, then))
    sent, step = all_posted(of_one_line(wanted, today=APRIL))
    increase = [(SEATS, APRIL, then + 5)]
    assert sent == [*increase, (SEATS, TODAY, -5)]
    assert line_of(step).past_days == ()


def test_a_cancellation_before_the_new_term_is_made_on_its_first_day() -> None:
    """25 are billed until the 15th, and none after."""
    sent, step = all_posted(of_one_line(since_january(25, (TODAY, 0)), today=APRIL))
    assert sent == [(SEATS, APRIL, 25), (SEATS, TODAY, -25)]
    assert line_of(step).state is State.APPLIED


def test_more_seats_before_the_new_term_bring_the_decrease_with_them() -> None:
    """Once they are there, the new term keeps five: 30 seats are billed from their day on, and do not wait for months."""
    wanted = since_january(25, (march(10), 20), (march(12), 30))
    sent, left_over = all_posted(of_one_line(wanted))
    assert sent == [(SEATS, march(12), 10), (SEATS, march(10), -5)]
    assert line_of(left_over).parked is None


def test_seats_that_come_one_by_one_bring_a_decrease_with_them_once_they_are_enough() -> None:
    """-5, +2 and +8: neither is enough for the other term by itself, and together they are."""
    wanted = since_january(25, (march(8), 15), (march(10), 22), (march(12), 30))
    sent, _ = all_posted(of_one_line(wanted))
    assert sent == [(SEATS, march(12), 8), (SEATS, march(10), 7), (SEATS, march(8), -10)]


def test_fewer_seats_than_are_billed_wait_for_the_new_term_whatever_came_of_them_since() -> None:
    """-5 and +2: the new term would have -3."""
    wanted = since_january(25, (march(10), 20), (march(12), 22))
    assert parked(next_step(of_one_line(wanted)))[0] == "below-zero-later"


def test_a_decrease_that_leaves_units_on_every_day_does_not_wait() -> None:
    """The periods are not all empty: 5 of 25 may go."""
    held = since_january(25, (APRIL, 5))
    step = next_step(view(demand(FEWER), held={45: on_contract(held)}, lines=(left(held),)))
    assert posted(step) == (SEATS, TODAY, -5)


def test_a_decrease_for_which_nothing_makes_room_is_sent() -> None:
    """Nobody wants units there: Autotask's own words say what is wrong."""
    wanted = since_january(25, (TODAY, 20), (APRIL, 0))
    step = next_step(
        view(
            demand(wanted),
            held={45: on_contract(EMPTY)},
            lines=(left(EMPTY, adjusted=(APRIL,), taken=(APRIL,)),),
        )
    )
    assert posted(step) in (None, (SEATS, TODAY, -5))


def test_an_approval_is_asked_for_before_that_day() -> None:
    """A person does not have to be there on the first night of the new term."""
    step = next_step(of_one_line(FEWER, policy=Policy(line_limit=1)))
    assert parked(step)[0] == "held-over-limit"


ENDED_YESTERDAY = since_january(25, (march(14), 0))
"""A person took all seats off, or the terms exclude them since."""
FEWER_BEFORE = since_january(25, (march(10), 21), (march(14), 0))
"""Then it turns out that four had left before. Those are back on the 14th for as long as their decrease is not made."""
ALL_ASKED = Policy(approve_decreases=Approval(above_units=0), decrease_wait=30)


def of_an_earlier_day(wanted: Timeline, policy: Policy, *, caused_at: datetime | None = None) -> View:
    """What was gathered of a line that was adjusted on a later day than its next decrease, as some tenants allow again on that day."""
    cause = Cause("sub_1", 8, march(10), "evt_8", caused_at, before=25)
    policy = replace(policy, same_day=SameDay.ATTEMPT)
    lines = (left(ENDED_YESTERDAY, adjusted=(march(14),)),)
    held = {45: on_contract(ENDED_YESTERDAY)}
    return view(demand(wanted, causes=(cause,)), held=held, lines=lines, policy=policy)


def test_what_makes_room_goes_only_together_with_a_decrease_that_needs_an_approval() -> None:
    """Alone it would bill four seats that nobody had, until a person approves the decrease, or for ever."""
    held = of_an_earlier_day(FEWER_BEFORE, ALL_ASKED)
    step = next_step(held)
    assert posted(step) is None
    told = facts(held=0, left=0, desired=0, delta=-4, day="2026-03-10", waiting="+4 on 2026-03-14")
    assert parked(step) == ("held-for-approval", told)
    approved = replace(line_of(step), approved=(Approved(march(10), -4, "Ann"),))
    sent, _ = all_posted(replace(held, lines={SEATS: approved}))
    assert sent == [(SEATS, march(14), 4), (SEATS, march(10), -4)]
    rejected = replace(line_of(step), rejections=(Rejection(march(10), -4, "Ann", NOW, "not so"),))
    assert all_posted(replace(held, lines={SEATS: rejected}))[0] == []


def test_what_makes_room_waits_together_with_a_decrease_that_waits_for_more() -> None:
    """Of a subscription that may be replaced by another one in a moment."""
    gone = since_january(25, (march(10), 0))
    step = next_step(of_an_earlier_day(gone, Policy(decrease_wait=30), caused_at=NOW))
    assert posted(step) is None
    assert line_of(step).waits_for_more == NOW + timedelta(minutes=30)


def test_a_new_term_goes_on_with_what_is_billed_while_the_decrease_awaits_approval() -> None:
    """The client is not billed nothing only because nobody was there to approve."""
    sent, step = all_posted(of_one_line(FEWER, today=APRIL, policy=ALL_ASKED))
    assert sent == [(SEATS, APRIL, 25)]
    assert parked(step)[0] == "held-for-approval"


@pytest.mark.parametrize("then", [0, 18])
def test_a_new_term_takes_no_quantity_that_was_never_wanted_while_a_decrease_awaits_approval(
    then: int,
) -> None:
    """23 would make room for the five that leave 18; and nobody who has left comes back for as long."""
    wanted = since_january(25, (TODAY, 20 if then else 0), (APRIL, then))
    sent, step = all_posted(of_one_line(wanted, today=APRIL, policy=ALL_ASKED))
    assert (sent, parked(step)[0]) == ([], "held-for-approval")


@pytest.mark.parametrize("seats", [25, 1])
def test_a_plan_change_waits_as_a_whole_and_is_made_on_that_day(seats: int) -> None:
    """The old plan comes down first; together they never have more seats than Timus."""
    wanted = demand(since_january(25, (TODAY, 25 - seats)))
    new = demand(steps((TODAY, seats)), PLUS)
    now = view(
        wanted, new, held={45: on_contract(EMPTY)}, lines=(left(EMPTY),), links=(Link(TODAY, SEATS, PLUS),)
    )
    step = next_step(now)
    assert step.adjust is None
    assert (parked(step)[0], parked(step, PLUS)[0]) == ("below-zero-later", "waits-for-decrease")
    now = replace(now, lines={line.key: line for line in step.lines}, today=APRIL)
    sent, _ = all_posted(now)
    assert sent == [(SEATS, APRIL, 25), (SEATS, TODAY, -seats), (PLUS, TODAY, seats)]


def test_an_increase_waits_for_no_decrease_of_a_later_plan_change() -> None:
    """Seats leave that plan for this one only on the 20th."""
    now = view(
        demand(since_january(25, (TODAY, 20))),
        demand(steps((TODAY, 3)), PLUS),
        held={45: on_contract(EMPTY)},
        lines=(left(EMPTY),),
        links=(Link(march(20), SEATS, PLUS),),
        today=APRIL,
    )
    sent, _ = all_posted(now)
    assert sent == [(PLUS, TODAY, 3), (SEATS, APRIL, 25), (SEATS, TODAY, -5)]


def test_two_plans_with_empty_periods_do_not_wait_for_each_other_for_ever() -> None:
    """Seats have gone one way and back: both lines have a decrease, and both new terms begin with nothing."""
    adv = demand(since_january(25, (march(10), 20), (march(12), 22)))
    ess = demand(since_january(10, (march(10), 15), (march(12), 13)), PLUS)
    less = since_january(10, (APRIL, 0))
    now = view(
        adv,
        ess,
        held={45: on_contract(EMPTY), 46: on_contract(less, 1202)},
        lines=(left(EMPTY), left(less, PLUS, contract_service_id=1202)),
        today=APRIL,
    )
    now = replace(now, desired=replace(now.desired, families=(frozenset({SEATS, PLUS}),)))
    sent, step = all_posted(now)
    after = {SEATS: EMPTY, PLUS: less}
    for key, day, delta in sent:
        after[key] = after[key].add_from(day, delta)
    assert after == {SEATS: adv.units, PLUS: ess.units}
    assert {line.state for line in step.lines} <= {State.APPLIED}


@pytest.mark.parametrize(
    ("added", "then"), [(25, ()), (20, ((APRIL, 5),)), (30, ((APRIL, -5),)), (5, ((APRIL, 20),))]
)
def test_a_person_may_make_room_before_that_day(added: int, then: tuple[tuple[date, int], ...]) -> None:
    """It is what the reason asks for, and no drift; the decrease is made at once."""
    room = since_january(25, (APRIL, added))
    now = asked(of_one_line(FEWER), room)
    sent, step = all_posted(now)
    assert sent == [(SEATS, TODAY, -5)]
    assert line_of(step).scheduled == then


@pytest.mark.parametrize(
    "edited",
    [since_january(25, (APRIL, 3)), since_january(25, (march(20), 30), (APRIL, 25)), since_january(30)],
)
def test_another_edit_is_still_drift(edited: Timeline) -> None:
    """Too few to make room, or days that are not concerned."""
    now = asked(of_one_line(FEWER), edited)
    assert parked(next_step(now))[0] == "drift"


def test_units_where_the_decrease_leaves_enough_are_still_drift() -> None:
    """Nobody was asked for them: April has room for it, May has none."""
    held = since_january(25, (APRIL, 5), (date(2026, 5, 1), 0))
    now = view(demand(FEWER), held={45: on_contract(held)}, lines=(left(held),))
    edited = since_january(25, (APRIL, 8), (date(2026, 5, 1), 0))
    assert parked(next_step(now))[0] == "below-zero-later"
    assert parked(next_step(asked(now, edited)))[0] == "drift"
