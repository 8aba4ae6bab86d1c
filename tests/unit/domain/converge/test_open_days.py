"""Which days take an adjustment."""

from __future__ import annotations

from datetime import date

from tests.unit.domain.converge.views import (
    CONTRACT,
    LEVEL,
    MORE,
    TODAY,
    demand,
    left,
    line_of,
    march,
    on_contract,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.policy import (
    Policy,
    PostedPeriod,
    SameDay,
)


def test_a_day_that_carries_an_adjustment_of_ours_is_not_used_again() -> None:
    """The next change goes to the next free day, or to the same where the partner wants that."""
    line = left(LEVEL, adjusted=(TODAY, march(16)))
    assert line_of(next_step(view(demand(MORE), lines=(line,)))).scheduled == ((march(17), 3),)
    same = next_step(view(demand(MORE), lines=(line,), policy=Policy(same_day=SameDay.ATTEMPT)))
    assert same.adjust is not None
    assert same.adjust.scheduled == ((TODAY, 3),)


POSTED = ((march(1), march(15)), (march(16), march(31)))


def test_a_posted_stretch_moves_a_change_behind_it() -> None:
    """To the first day that is not approved and posted, which may be taken itself."""
    held = {45: on_contract(LEVEL, closed=POSTED)}
    line = left(LEVEL, adjusted=(date(2026, 4, 1),))
    assert line_of(next_step(view(demand(MORE), held=held))).scheduled == ((date(2026, 4, 1), 3),)
    step = next_step(view(demand(MORE), held=held, lines=(line,)))
    assert line_of(step).scheduled == ((date(2026, 4, 2), 3),)
    early = next_step(view(demand(since_january(25, (date(2026, 2, 28), 28))), held=held))
    assert early.adjust is not None
    assert early.adjust.scheduled == ((date(2026, 2, 28), 3),)


def test_a_posted_stretch_does_not_matter_where_the_partner_says_so() -> None:
    """The change is dated on its own day."""
    held = {45: on_contract(LEVEL, closed=POSTED)}
    step = next_step(view(demand(MORE), held=held, policy=Policy(posted_period=PostedPeriod.SAME_DAY)))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((TODAY, 3),)


def test_nothing_is_dated_outside_of_the_contract() -> None:
    """Never before its first day, and on its last one still."""
    early = demand(steps((date(2025, 6, 1), 28)), start=date(2025, 6, 1))
    first = next_step(view(early, held={45: on_contract(LEVEL)}))
    assert first.adjust is not None
    assert first.adjust.scheduled == ((CONTRACT.start, 3),)
    late = next_step(view(demand(since_january(25, (CONTRACT.end, 28)))))
    assert line_of(late).scheduled == ((CONTRACT.end, 3),)
    full = next_step(
        view(demand(since_january(25, (CONTRACT.end, 28))), lines=(left(LEVEL, adjusted=(CONTRACT.end,)),))
    )
    assert line_of(full).scheduled == ()


def test_days_before_timus_told_anything_are_left_alone() -> None:
    """The line is ours to judge from the first day that we were told about."""
    told = demand(steps((march(10), 28)), start=march(10))
    step = next_step(view(told))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((march(10), 3),)
