"""Days that are past changing: each kind is told with both numbers and why, and the change that is made later says from where it came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    NOW,
    ONE_DAY,
    PLUS,
    SEATS,
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
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.desired import Source
from timus_autotask.domain.line import Refusal, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays, Postponed, WhyPast
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Policy, PostedPeriod

LEVEL, MORE = since_january(25), since_january(25, (TODAY, 28))
APRIL = date(2026, 4, 1)
POSTED = {45: on_contract(LEVEL, closed=((CONTRACT.start, march(31)),))}


def test_a_posted_period_moves_a_change_to_the_next_month_and_says_so() -> None:
    """At once, with the days to come; in April the change says from which day it was moved."""
    step = next_step(view(demand(MORE), held=POSTED, lines=(left(LEVEL),)))
    line = line_of(step)
    assert (line.state, line.scheduled) == (State.SCHEDULED, ((APRIL, 3),))
    assert line.past_days == (PastDays(TODAY, APRIL, 28, 25, WhyPast.PERIOD_POSTED),)
    later = next_step(view(demand(MORE), held=POSTED, lines=(line,), today=APRIL))
    assert later.adjust is not None
    assert later.adjust.intent is not None
    assert (later.adjust.intent.day, later.adjust.intent.postponed) == (
        APRIL,
        Postponed(TODAY, WhyPast.PERIOD_POSTED),
    )


def test_a_change_that_is_billed_in_a_posted_period_all_the_same_is_not_moved() -> None:
    """By the term `posted_period=same-day`."""
    policy = Policy(posted_period=PostedPeriod.SAME_DAY)
    step = next_step(view(demand(MORE), held=POSTED, lines=(left(LEVEL),), policy=policy))
    assert line_of(step).past_days == ()
    assert step.adjust is not None


def test_the_last_day_of_a_contract_that_is_taken_is_told() -> None:
    """Nothing is left to adjust, and the line is applied."""
    contract = replace(CONTRACT, end=TODAY)
    held = {45: on_contract(MORE)}
    line = left(MORE, adjusted=(TODAY,), baseline_until=TODAY)
    wanted = since_january(25, (TODAY, 31), (TODAY + ONE_DAY, 0))
    shown = line_of(next_step(view(demand(wanted), held=held, lines=(line,), contract=contract)))
    assert (shown.state, shown.scheduled) == (State.APPLIED, ())
    assert shown.past_days == (PastDays(TODAY, TODAY + ONE_DAY, 31, 28, WhyPast.DAY_TAKEN),)


CHANGE = Link(TODAY, SEATS, PLUS)
LONG_AGO = Link(march(5), PLUS, SEATS)


@pytest.mark.parametrize("link", [CHANGE, replace(CHANGE, beside=True, across=True)], ids=["one", "two"])
def test_a_plan_change_that_had_to_wait_is_told_on_both_sides(link: Link) -> None:
    """The old plan's day is taken, so both plans change on the next day; also where they are of two subscriptions."""
    tomorrow = TODAY + ONE_DAY
    held = {45: on_contract(MORE), 46: on_contract(steps(), 1202)}
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 0))),
            demand(steps((TODAY, 28)), PLUS),
            held=held,
            lines=(left(MORE, adjusted=(TODAY,)), left(steps(), PLUS, contract_service_id=1202)),
            links=(link,),
        )
    )
    assert line_of(step).past_days == (PastDays(TODAY, tomorrow, 0, 28, WhyPast.DAY_TAKEN),)
    assert line_of(step, PLUS).past_days == (PastDays(TODAY, tomorrow, 28, 0, WhyPast.PLAN_CHANGE),)
    assert line_of(step, PLUS).scheduled == ((tomorrow, 28),)


@pytest.mark.parametrize("links", [(), (LONG_AGO,), (replace(LONG_AGO, beside=True, across=True),)])
def test_a_change_from_before_a_day_that_is_taken_is_told(links: tuple[Link, ...]) -> None:
    """An adjustment of its own day would run over into the taken one. Seats that left another plan long ago are no reason."""
    wanted, has = since_january(25, (march(10), 26), (march(12), 30)), since_january(25, (march(12), 30))
    line = left(has, adjusted=(march(12),))
    gone = demand(since_january(3, (march(5), 0)), PLUS)
    held = {45: on_contract(has), 46: on_contract(gone.units, 1202)}
    shown = line_of(next_step(view(demand(wanted), gone, held=held, lines=(line,), links=links)))
    assert shown.past_days == (PastDays(march(10), march(12), 26, 25, WhyPast.LATER_DAY_TAKEN),)


@pytest.mark.parametrize(
    ("closed", "cause"),
    [
        ((march(10), march(20)), WhyPast.PERIOD_POSTED),
        ((march(1), march(10)), WhyPast.PERIOD_POSTED),
        ((march(1), march(9)), WhyPast.LATER_DAY_TAKEN),
    ],
    ids=["the first day of the period", "its last day", "the day after it"],
)
def test_why_a_day_is_past_changing(closed: tuple[date, date], cause: WhyPast) -> None:
    """A posted period has both its days; plan changes of other lines, and later ones of this line, have no part in it."""
    wanted, has = since_january(25, (march(10), 26), (march(12), 30)), since_january(25, (march(12), 30))
    line = left(has, adjusted=(march(11), march(12)))
    links = (Link(march(1), SEATS, PLUS), Link(march(20), PLUS, SEATS))
    given = view(demand(wanted), held={45: on_contract(has, closed=(closed,))}, lines=(line,), links=links)
    past = line_of(next_step(given)).past_days[0]
    assert (past.first, past.cause) == (march(10), cause)


def test_days_before_the_contract_begins_are_told() -> None:
    """No contract can bill them; what Timus said before its own first day is not meant."""
    first = date(2025, 11, 1)
    wanted = replace(demand(steps((first, 25), (TODAY, 28))), start=first)
    step = next_step(view(wanted, held={45: on_contract(MORE)}, lines=(left(MORE),)))
    assert line_of(step).past_days == (PastDays(first, CONTRACT.start, 25, 0, WhyPast.BEFORE_CONTRACT),)


def test_a_contract_that_begins_later_says_from_which_day_its_first_change_was_moved() -> None:
    """Today is told, too, and what is billed from the contract's first day on."""
    contract = replace(CONTRACT, start=APRIL)
    wanted = replace(demand(steps((TODAY, 28))), start=TODAY)
    step = next_step(view(wanted, held={}, contract=contract))
    line = line_of(step)
    assert line.past_days == (PastDays(TODAY, APRIL, 28, 0, WhyPast.BEFORE_CONTRACT),)
    assert line.scheduled == ((APRIL, 28),)
    later = next_step(view(wanted, held={}, lines=(line,), contract=contract, today=APRIL))
    assert later.adjust is not None
    assert later.adjust.intent is not None
    assert later.adjust.intent.postponed == Postponed(TODAY, WhyPast.BEFORE_CONTRACT)


def test_a_subscription_that_begins_with_the_contract_has_no_such_days() -> None:
    """Nor one that begins later."""
    for first in (CONTRACT.start, TODAY):
        wanted = replace(demand(steps((first, 28))), start=first)
        has = {45: on_contract(steps((first, 28)))}
        step = next_step(view(wanted, held=has, lines=(left(steps((first, 28))),)))
        assert [line.past_days for line in step.lines] in ([], [()])


@pytest.mark.parametrize(
    ("reported", "first"),
    [(date(2025, 12, 1), CONTRACT.start), (date(2026, 2, 1), date(2026, 2, 1))],
    ids=["before the contract", "after its first day"],
)
def test_days_that_were_billed_otherwise_on_the_contract_service_before_are_told(
    reported: date, first: date
) -> None:
    """A person chose the one that counts since the 1st: nothing on the other one is adjusted any more."""
    units = steps((reported, 28))
    wanted = demand(units, start=march(1), earliest=reported)
    chosen = Observed(steps((march(1), 28)), (2,), earlier=since_january(25), first_day=march(1))

    def told(observed: Observed) -> list[PastDays]:
        lines = next_step(view(wanted, held={45: observed})).lines
        return [day for line in lines for day in line.past_days if day.cause is WhyPast.BILLED_ELSEWHERE]

    assert told(chosen) == [PastDays(first, march(1), 28, 25, WhyPast.BILLED_ELSEWHERE)]
    assert told(replace(chosen, earlier=units)) == told(replace(chosen, earlier=steps())) == []


def test_days_after_a_cancellation_that_was_said_too_late_are_told() -> None:
    """Cancelled for the 10th, which Timus said today: the days between stay billed, and why is said."""
    ended, over = since_january(25, (TODAY, 0)), steps((march(10), 25), (TODAY, 0))
    wanted = demand(ended, sources=(Source("cus_1", "ADV", ended, ended, over),))
    step = next_step(view(wanted, held={45: on_contract(ended)}, lines=(left(ended),)))
    assert line_of(step).past_days == (PastDays(march(10), TODAY, 0, 25, WhyPast.CANCELLED_LATER),)


def test_what_will_be_made_level_is_not_told() -> None:
    """A change that is due, or held by the terms, has its own place."""
    due = next_step(view(demand(MORE), lines=(left(LEVEL),)))
    held = next_step(view(demand(MORE), lines=(left(LEVEL),), policy=Policy(line_limit=1)))
    assert (line_of(due).past_days, line_of(held).past_days) == ((), ())


def test_a_day_that_has_been_corrected_is_told_no_more() -> None:
    """Nor is anything of a line that nobody subscribes to any more."""
    off = (PastDays(TODAY, TODAY + ONE_DAY, 28, 25, WhyPast.DAY_TAKEN),)
    corrected = next_step(
        view(demand(MORE), held={45: on_contract(MORE)}, lines=(left(LEVEL, past_days=off),))
    )
    gone = next_step(view(lines=(left(LEVEL, past_days=off),)))
    assert (line_of(corrected).past_days, line_of(gone).past_days) == ((), ())


ONE_DAY_LATER = TODAY + ONE_DAY
TWICE = (PastDays(TODAY, ONE_DAY_LATER, 40, 8, WhyPast.DAY_TAKEN),)
"""40 were reported by mistake, once the day had its adjustment."""


@pytest.mark.parametrize("told", [TWICE, ()], ids=["told before", "new"])
def test_the_days_of_a_line_that_waits_are_counted_anew(told: tuple[PastDays, ...]) -> None:
    """Timus says 19 by now. The day that is taken stays as it is, whatever becomes of the days after it once the old plan comes down."""
    has = steps((TODAY, 8))
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 9))),
            demand(steps((TODAY, 19)), PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(has, 1202)},
            lines=(
                left(LEVEL, refusal=Refusal(TODAY, -16, "no", NOW + ONE_DAY)),
                left(has, PLUS, adjusted=(TODAY,), past_days=told),
            ),
            links=(replace(CHANGE, beside=True),),
        )
    )
    line = line_of(step, PLUS)
    assert line.parked is not None
    assert line.parked.code == "waits-for-decrease"
    assert line.past_days == (PastDays(TODAY, ONE_DAY_LATER, 19, 8, WhyPast.DAY_TAKEN),)


def test_no_day_of_a_line_that_waits_is_told_as_lost_that_may_still_be_billed() -> None:
    """No day of the new plan has an adjustment yet: all of it comes once the old plan comes down."""
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 0))),
            demand(steps((TODAY, 25)), PLUS),
            lines=(
                left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + ONE_DAY)),
                left(steps(), PLUS, past_days=TWICE),
            ),
            links=(CHANGE,),
        )
    )
    assert line_of(step, PLUS).past_days == ()


def test_the_days_of_an_edited_line_are_counted_anew() -> None:
    """Nobody has decided yet about the two units that somebody took off; no other day is told because of them."""
    has, edited = since_january(25, (TODAY, 28)), since_january(23, (TODAY, 26))
    told = (PastDays(TODAY, ONE_DAY_LATER, 40, 28, WhyPast.DAY_TAKEN),)
    line = left(has, adjusted=(TODAY,), past_days=told)
    wanted = demand(since_january(25, (TODAY, 30)))
    shown = line_of(next_step(view(wanted, held={45: on_contract(edited)}, lines=(line,))))
    assert shown.parked is not None
    assert shown.parked.code == "drift"
    assert shown.past_days == (PastDays(TODAY, ONE_DAY_LATER, 30, 26, WhyPast.DAY_TAKEN),)


def test_an_increase_that_is_given_up_for_the_plan_that_follows_says_so() -> None:
    """No day of the line has an adjustment. Autotask has 25 until the -4 is made, which was refused."""
    moved = march(14)
    followed = steps((moved, 26))
    step = next_step(
        view(
            demand(since_january(25, (march(10), 21), (march(12), 26), (moved, 0))),
            demand(followed, PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(followed, 1202)},
            lines=(
                left(LEVEL, refusal=Refusal(march(10), -4, "no", NOW + ONE_DAY)),
                left(followed, PLUS, adjusted=(moved,)),
            ),
            links=(Link(moved, SEATS, PLUS),),
        )
    )
    lost = PastDays(march(12), moved, 26, 21, WhyPast.FOLLOWED, ahead=True)
    assert line_of(step).scheduled == ((march(10), -4), (moved, -21))
    assert line_of(step).past_days == (lost,)


THIRD = LineKey(1, 47)


@pytest.mark.parametrize(
    ("links", "families"),
    [((), (frozenset({SEATS, PLUS}),)), ((replace(CHANGE, up=THIRD), Link(TODAY, THIRD, PLUS)), ())],
    ids=["of a family", "by way of a third"],
)
def test_a_line_that_waited_for_another_without_a_plan_change_from_it_says_so(
    links: tuple[Link, ...], families: tuple[frozenset[LineKey], ...]
) -> None:
    """No later day of it has an adjustment: the other line comes down tomorrow, and so it goes up tomorrow."""
    kept = since_january(28)
    given = view(
        demand(since_january(25, (TODAY, 0))),
        demand(kept, THIRD),
        demand(steps((TODAY, 28)), PLUS),
        held={45: on_contract(MORE), 47: on_contract(kept, 1203)},
        lines=(left(MORE, adjusted=(TODAY,)), left(kept, THIRD)),
        links=tuple(replace(link, beside=True) for link in links),
    )
    step = next_step(replace(given, desired=replace(given.desired, families=families)))
    assert line_of(step, PLUS).scheduled == ((ONE_DAY_LATER, 28),)
    assert line_of(step, PLUS).past_days == (PastDays(TODAY, ONE_DAY_LATER, 28, 0, WhyPast.PLAN_CHANGE),)


def test_units_too_many_are_never_put_down_to_a_plan_change_towards_the_line() -> None:
    """The seats of the other plan come down late, and 24 of this line were wanted before a day that is taken."""
    wanted, has = since_january(25, (march(10), 24), (march(12), 30)), since_january(25, (march(12), 30))
    other = since_january(3, (march(10), 0))
    given = view(
        demand(wanted),
        demand(other, PLUS),
        held={45: on_contract(has), 46: on_contract(since_january(3, (march(12), 0)), 1202)},
        lines=(
            left(has, adjusted=(march(12),)),
            left(since_january(3, (march(12), 0)), PLUS, adjusted=(march(10), march(12))),
        ),
        links=(Link(march(10), PLUS, SEATS, beside=True),),
    )
    assert line_of(next_step(given)).past_days == (
        PastDays(march(10), march(12), 24, 25, WhyPast.LATER_DAY_TAKEN),
    )
