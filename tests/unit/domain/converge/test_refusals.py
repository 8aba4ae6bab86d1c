"""What Autotask refuses is parked with its message, and tried again later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
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
    midnight,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import RECHECK, next_step
from timus_autotask.domain.converge.settling import REFUSED_AGAIN
from timus_autotask.domain.line import (
    Answer,
    Line,
    Outcome,
    Refusal,
    State,
)
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import (
    Policy,
    SameDay,
)
from timus_autotask.domain.reasons import Parked


def refused(words: str = "no such thing", **more: Any) -> Line:
    """A line whose post was refused."""
    return left(LEVEL, intent=intent(Answer.REFUSED, message=words), **more)


def test_a_refusal_is_parked_with_autotasks_words() -> None:
    """It is not sent again at once; the contract is due when it may be."""
    step = next_step(view(demand(MORE), lines=(refused(),)))
    assert parked(step) == ("refused", facts(delta=3, day="2026-03-15", answer="no such thing"))
    line = line_of(step)
    assert line.refusal == Refusal(TODAY, 3, "no such thing", NOW + timedelta(minutes=15), 1, NOW)
    assert line.intent is None
    assert line.adjusted == ()
    assert [(c.outcome, c.message) for c in step.journal] == [(Outcome.REFUSED, "no such thing")]
    assert step.due_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("before", "times", "wait"),
    [
        (None, 1, REFUSED_AGAIN[0]),
        (Refusal(TODAY, 3, "no", NOW, 1), 2, REFUSED_AGAIN[1]),
        (Refusal(TODAY, 3, "no", NOW, 2), 3, REFUSED_AGAIN[2]),
        (Refusal(TODAY, 3, "no", NOW, 9), 10, REFUSED_AGAIN[2]),
        (Refusal(TODAY, 4, "no", NOW, 2), 1, REFUSED_AGAIN[0]),
        (Refusal(march(14), 3, "no", NOW, 2), 1, REFUSED_AGAIN[0]),
    ],
)
def test_the_same_refusal_waits_longer_each_time(before: Refusal | None, times: int, wait: timedelta) -> None:
    """A quarter of an hour, an hour, six hours; another adjustment starts anew."""
    line = line_of(next_step(view(demand(MORE), lines=(refused(refusal=before),))))
    assert line.refusal == Refusal(TODAY, 3, "no such thing", NOW + wait, times, NOW)


def test_the_same_refusal_is_parked_since_its_first_try() -> None:
    """Another adjustment that is refused is parked since now."""
    first = NOW - timedelta(days=2)
    same = line_of(
        next_step(view(demand(MORE), lines=(refused(refusal=Refusal(TODAY, 3, "", NOW, 9, first)),)))
    )
    other = line_of(
        next_step(view(demand(MORE), lines=(refused(refusal=Refusal(TODAY, 4, "", NOW, 9, first)),)))
    )
    assert (same.since, other.since) == (first, NOW)


def test_a_plan_that_waits_for_a_refused_one_stays_parked_while_that_is_tried_again() -> None:
    """It has waited since the first try, too."""
    first = NOW - timedelta(days=2)
    tried = intent(delta=-25, before=LEVEL)
    old = left(LEVEL, intent=tried, refusal=Refusal(TODAY, -25, "no", NOW, 9, first))
    reason = Parked("waits-for-decrease", {})
    new = left(steps(), PLUS, state=State.PARKED, parked=reason, since=first)
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 0))),
            demand(steps((TODAY, 25)), PLUS),
            lines=(old, new),
            links=(Link(TODAY, SEATS, PLUS),),
        )
    )
    assert line_of(step).state is State.SETTLING
    assert parked(step, PLUS)[0] == "waits-for-decrease"
    assert line_of(step, PLUS).since == first


def test_the_waits_are_a_quarter_an_hour_and_six() -> None:
    """As the operator is told."""
    assert [wait.total_seconds() / 60 for wait in REFUSED_AGAIN] == [15, 60, 360]
    assert RECHECK.total_seconds() / 60 == 15


@pytest.mark.parametrize(
    ("refusal", "posts"),
    [
        (Refusal(TODAY, 3, "no", NOW + timedelta(seconds=1)), False),
        (Refusal(TODAY, 3, "no", NOW), True),
        (Refusal(TODAY, 2, "no", NOW + timedelta(hours=1)), True),
        (Refusal(march(14), 3, "no", NOW + timedelta(hours=1)), True),
    ],
)
def test_what_was_refused_is_tried_again_when_its_time_has_come(refusal: Refusal, posts: bool) -> None:
    """Only the very same adjustment waits."""
    step = next_step(view(demand(MORE), lines=(left(LEVEL, refusal=refusal),)))
    assert (step.adjust is not None) is posts


def test_a_refusal_that_waits_is_due_when_it_may_be_sent_again() -> None:
    """The moment stands in the refusal, however often the contract is looked at."""
    until = NOW + timedelta(hours=5)
    step = next_step(view(demand(MORE), lines=(left(LEVEL, refusal=Refusal(TODAY, 3, "no", until)),)))
    assert step.due_at == until


@pytest.mark.parametrize("same_day", SameDay)
def test_a_day_that_autotask_says_is_taken_is_left_out(same_day: SameDay) -> None:
    """Somebody's adjustment is on that day: ours goes to the next, whatever the terms are, and nothing is parked."""
    answered = intent(Answer.REFUSED, message="some duplicate data found", day_taken=True)
    line = left(LEVEL, intent=answered, taken=(march(20),))
    step = next_step(view(demand(MORE), lines=(line,), policy=Policy(same_day=same_day)))
    after = line_of(step)
    assert (after.taken, after.adjusted, after.refusal) == ((TODAY, march(20)), (), None)
    assert (after.state, after.scheduled) == (State.SCHEDULED, ((march(16), 3),))
    assert step.due_at == midnight(march(16))
    assert [c.outcome for c in step.journal] == [Outcome.REFUSED]


def test_an_old_refusal_does_not_postpone_another_reason() -> None:
    """A line that drifted is looked at again soon, whatever was refused before."""
    refusal = Refusal(TODAY, 3, "no", NOW + timedelta(hours=5))
    drifted = {45: on_contract(since_january(30))}
    step = next_step(view(demand(MORE), held=drifted, lines=(left(LEVEL, refusal=refusal),)))
    assert step.due_at == NOW + RECHECK
