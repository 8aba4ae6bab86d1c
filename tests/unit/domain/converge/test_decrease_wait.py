"""The term ``decrease_wait``: a decrease to 0 of a subscription waits for what may replace it, and what goes up in its place waits with it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.converge.views import (
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SEATS,
    SETTLE,
    TODAY,
    ZONE,
    demand,
    intent,
    left,
    line_of,
    march,
    midnight,
    on_contract,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Line, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Approval, Policy
from timus_autotask.domain.timeline import Timeline

HALF_AN_HOUR = Policy(decrease_wait=30)
ENDED = since_january(25, (TODAY, 0))
THIRD = LineKey(1, 47)


def ends(at: datetime | None = NOW, key: LineKey = SEATS) -> Demand:
    """All 25 seats go today, by what happened at a time."""
    return demand(ENDED, key, causes=(Cause("sub_1", 8, TODAY, "evt_8", at, before=25),))


def waits(step: Step, key: LineKey = SEATS) -> datetime | None:
    """Until when a line waits."""
    return line_of(step, key).waits_for_more


def test_a_wrong_clock_makes_nothing_wait() -> None:
    """A decrease of a whole line waits for what happened just now, and for nothing of an hour ago or of a day to come."""
    found = []
    for minutes in (-60, -10, 0, 10, 24 * 60):
        cause = Cause("sub_1", 8, TODAY, "evt_8", NOW + timedelta(minutes=minutes))
        none = demand(since_january(25, (TODAY, 0)), causes=(cause,))
        step = next_step(view(none, lines=(left(LEVEL),), policy=HALF_AN_HOUR))
        found.append(None if step.adjust else line_of(step).waits_for_more)
        assert step.adjust is not None or step.due_at == line_of(step).waits_for_more
    assert found == [
        None,
        NOW + timedelta(minutes=20),
        NOW + timedelta(minutes=30),
        NOW + timedelta(minutes=40),
        None,
    ]


def test_a_decrease_waits_also_after_another_change_of_the_line_was_made_first() -> None:
    """Of two subscriptions of a line one rose some days ago and the other ends just now: what is made first follows nothing of the end."""
    units = since_january(25, (march(12), 28), (TODAY, 23))
    rose = Cause("sub_2", 2, march(12), "evt_2", NOW - timedelta(days=3), before=20, after=23)
    ended = Cause("sub_1", 8, TODAY, "evt_8", NOW, before=5)
    wanted = demand(units, causes=(rose, ended))
    first = next_step(view(wanted, lines=(left(LEVEL),), policy=HALF_AN_HOUR)).adjust
    assert first is not None
    assert first.intent is not None
    assert (first.intent.delta, first.intent.versions) == (3, {"sub_2": 2})
    made = first.intent.after
    line = left(made, versions=first.intent.versions, adjusted=(march(12),))
    step = next_step(view(wanted, held={45: on_contract(made)}, lines=(line,), policy=HALF_AN_HOUR))
    assert waits(step) == NOW + timedelta(minutes=30)


def test_a_decrease_waits_also_for_a_subscription_whose_first_version_ends_it() -> None:
    """Whatever number it has: the line has not followed it yet."""
    ended = Cause("sub_1", 1, march(10), "evt_1", NOW, before=0, after=5, ends=march(12))
    wanted = demand(since_january(25, (TODAY, 20)), causes=(ended,))
    assert waits(next_step(view(wanted, lines=(left(LEVEL),), policy=HALF_AN_HOUR))) is not None
    followed = left(LEVEL, versions={"sub_1": 1})
    assert next_step(view(wanted, lines=(followed,), policy=HALF_AN_HOUR)).adjust is not None


def test_only_a_decrease_of_a_whole_subscription_waits() -> None:
    """Others are made at once."""
    cause = Cause("sub_1", 8, TODAY, "evt_8", NOW, before=25, after=1)
    some = demand(since_january(25, (TODAY, 1)), causes=(cause,))
    assert next_step(view(some, lines=(left(LEVEL),), policy=HALF_AN_HOUR)).adjust is not None


@pytest.mark.parametrize(
    ("happened", "waits_until"),
    [
        (timedelta(minutes=-30), None),
        (timedelta(minutes=-30, seconds=1), NOW + timedelta(seconds=1)),
        (timedelta(minutes=30), NOW + timedelta(hours=1)),
        (timedelta(minutes=30, seconds=1), None),
    ],
    ids=["over", "the last second", "just not wrong", "a wrong clock"],
)
def test_the_wait_has_two_ends(happened: timedelta, waits_until: datetime | None) -> None:
    """It is over on the minute, and what seems to happen later than it is long is a wrong clock."""
    step = next_step(view(ends(NOW + happened), lines=(left(LEVEL),), policy=HALF_AN_HOUR))
    assert (step.adjust is None, waits(step)) == (waits_until is not None, waits_until)


def told_ahead(
    day: date = TODAY, ends_on: date | None = None, *, told: timedelta = timedelta(days=4)
) -> Demand:
    """All 25 seats go today, as was told some time ago: by a change that is dated ahead, or by a cancellation."""
    cause = Cause("sub_1", 8, day, "evt_8", NOW - told, before=25, after=25 if ends_on else 0, ends=ends_on)
    return demand(ENDED, causes=(cause,))


DATED_AHEAD = pytest.mark.parametrize(
    "dated", [(TODAY, None), (march(11), TODAY)], ids=["a change", "a cancellation"]
)


@DATED_AHEAD
@pytest.mark.parametrize(
    ("minutes", "waits_until"),
    [
        (30, None),
        (9 * 60, None),
        (9 * 60 + 1, NOW + timedelta(minutes=1)),
        (1440, midnight(march(16))),
    ],
    ids=["over", "the last minute is over", "the last minute", "all of the day"],
)
def test_what_was_told_ahead_waits_from_the_beginning_of_its_day(
    dated: tuple[date, date | None], minutes: int, waits_until: datetime | None
) -> None:
    """It is nine in the morning; what replaces the subscription comes on the day itself."""
    step = next_step(view(told_ahead(*dated), lines=(left(LEVEL),), policy=Policy(decrease_wait=minutes)))
    assert (step.adjust is None, waits(step)) == (waits_until is not None, waits_until)


@DATED_AHEAD
def test_what_was_told_ahead_waits_on_a_line_with_others_too(dated: tuple[date, date | None]) -> None:
    """Also if another change of the line was made since it was told."""
    day, ends_on = dated
    cause = Cause(
        "sub_1", 8, day, "evt_8", NOW - timedelta(days=4), before=5, after=5 if ends_on else 0, ends=ends_on
    )
    fewer = demand(since_january(25, (TODAY, 20)), causes=(cause,))
    followed = {"sub_1": 8 if ends_on else 7, "sub_2": 2}
    step = next_step(view(fewer, lines=(left(LEVEL, versions=followed),), policy=Policy(decrease_wait=1440)))
    assert waits(step) == midnight(march(16))


@DATED_AHEAD
def test_what_was_due_on_a_day_before_does_not_wait(dated: tuple[date, date | None]) -> None:
    """Its day is over, as after an outage: what replaces it has come."""
    day, ends_on = dated
    ended = since_january(25, (march(14), 0))
    shifted = told_ahead(min(day, march(14)), ends_on and march(14))
    wanted = demand(ended, causes=shifted.causes)
    step = next_step(view(wanted, lines=(left(LEVEL),), policy=Policy(decrease_wait=1440)))
    assert step.adjust is not None


def test_late_news_does_not_wait_for_the_end_of_another_cancellation() -> None:
    """The end that counts is the one that makes the decrease, not one that was taken back since."""
    taken_back = Cause(
        "sub_1", 7, march(2), "evt_7", NOW - timedelta(days=9), before=25, after=25, ends=TODAY
    )
    late = Cause("sub_1", 8, march(10), "evt_8", NOW - timedelta(days=4), before=25)
    wanted = demand(since_january(25, (march(10), 0)), causes=(taken_back, late))
    step = next_step(view(wanted, lines=(left(LEVEL),), policy=Policy(decrease_wait=1440)))
    assert step.adjust is not None


@given(
    st.integers(-3000, 3000),
    st.integers(1, 1440),
    st.sampled_from([march(11), march(14), TODAY]),
    st.sampled_from([None, march(14), TODAY]),
)
def test_the_wait_is_as_long_as_the_term_says_and_ends_with_the_day(
    ago: int, minutes: int, day: date, ends_on: date | None
) -> None:
    """From the later of what happened and of the beginning of its day; a day that began before it happened changes nothing."""
    happened, wait = NOW - timedelta(minutes=ago), timedelta(minutes=minutes)
    if ends_on is not None and ends_on < day:
        ends_on = day  # as Timus's versions are read
    cause = Cause("sub_1", 8, day, "evt_8", happened, before=25, after=25 if ends_on else 0, ends=ends_on)
    wanted = demand(ENDED, causes=(cause,))
    step = next_step(view(wanted, lines=(left(LEVEL),), policy=Policy(decrease_wait=minutes)))
    begun = max(happened, midnight(TODAY)) if TODAY in (day, ends_on) else happened
    until = min(begun + wait, midnight(begun.astimezone(ZONE).date() + timedelta(days=1)))
    waiting = begun - wait <= NOW < until
    assert (step.adjust is None, waits(step)) == (waiting, until if waiting else None)


def test_what_happened_at_an_unknown_time_waits_for_nothing() -> None:
    """An earlier version did not keep it."""
    assert next_step(view(ends(None), lines=(left(LEVEL),), policy=HALF_AN_HOUR)).adjust is not None


def test_without_the_term_nothing_waits() -> None:
    """Nor with a wait of no minutes."""
    for policy in (Policy(), Policy(decrease_wait=0)):
        assert next_step(view(ends(), lines=(left(LEVEL),), policy=policy)).adjust is not None


def test_an_increase_waits_for_nothing_of_its_own() -> None:
    """However new it is."""
    more = demand(MORE, causes=(Cause("sub_1", 8, TODAY, "evt_8", NOW, before=25, after=28),))
    assert next_step(view(more, lines=(left(LEVEL),), policy=HALF_AN_HOUR)).adjust is not None


def test_the_day_ends_without_the_decrease() -> None:
    """At midnight where the partner is, it is made for the day that is over then."""
    step = next_step(view(ends(), lines=(left(LEVEL),), policy=Policy(decrease_wait=1440)))
    assert waits(step) == midnight(march(16))


@pytest.mark.parametrize(
    ("causes", "waiting"),
    [
        ((Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5),), True),
        ((Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5, after=1),), False),
        ((Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5, after=5, ends=TODAY),), True),
        ((Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5, after=5, ends=march(16)),), False),
        ((Cause("sub_1", 7, TODAY, "evt_7", NOW, sku="ADV", before=5),), False),
        ((Cause("sub_1", 8, march(16), "evt_8", NOW, sku="ADV", before=5),), False),
        (
            (
                Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5),
                Cause("sub_1", 9, TODAY, "evt_9", NOW, sku="ADV", after=2),
            ),
            False,
        ),
        (
            (
                Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ADV", before=5),
                Cause("sub_1", 8, TODAY, "evt_8", NOW, sku="ESS", after=5),
            ),
            True,
        ),
        ((Cause("sub_2", 1, march(1), "evt_1", NOW, sku="ADV", after=5, ends=TODAY),), True),
    ],
    ids=[
        "all of a subscription",
        "a part of it",
        "cancelled for today",
        "cancelled for tomorrow",
        "followed before",
        "of a day to come",
        "some are back",
        "another SKU of it came",
        "its first version ends it",
    ],
)
def test_on_a_line_with_others_the_end_of_one_subscription_waits(
    causes: tuple[Cause, ...], waiting: bool
) -> None:
    """20 of the line's 25 units are of somebody else."""
    fewer = demand(since_january(25, (TODAY, 20)), causes=causes)
    step = next_step(view(fewer, lines=(left(LEVEL, versions={"sub_1": 7}),), policy=HALF_AN_HOUR))
    assert (step.adjust is None) is waiting


def test_a_line_that_goes_up_in_all_waits_for_nothing() -> None:
    """One subscription ends and another one brings more."""
    causes = (
        Cause("sub_1", 8, TODAY, "evt_8", NOW, before=5),
        Cause("sub_2", 1, TODAY, "evt_1", NOW, after=6),
    )
    one_more = demand(since_january(25, (TODAY, 26)), causes=causes)
    assert next_step(view(one_more, lines=(left(LEVEL),), policy=HALF_AN_HOUR)).adjust is not None


def test_units_that_a_new_period_lacks_wait_for_nothing() -> None:
    """20 of 25 stay from the 5th on. The contract goes on from the 10th, where it has none yet: these come first, and the decrease after them."""
    has = since_january(25, (march(10), 0))
    ended = Cause("sub_1", 8, march(5), "evt_8", NOW, before=5)
    fewer = demand(since_january(25, (march(5), 20)), causes=(ended,))
    step = next_step(view(fewer, held={45: on_contract(has)}, lines=(left(has),), policy=HALF_AN_HOUR))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(10), 25)


def changes(
    *more: Demand, plus: Timeline | None = None, lines: tuple[Line, ...] = (), **given: object
) -> Step:
    """What is done where 25 seats leave one plan for another today, and the decrease waits."""
    up = demand(plus or steps((TODAY, 25)), PLUS)
    values: dict[str, object] = {
        "links": (Link(TODAY, SEATS, PLUS),),
        "held": {45: on_contract(LEVEL)},
        "policy": HALF_AN_HOUR,
        **given,
    }
    return next_step(view(ends(), up, *more, lines=(left(LEVEL), *lines), **values))  # type: ignore[arg-type]


def test_what_goes_up_in_its_place_waits_with_it() -> None:
    """Both are shown with the same moment, at which the contract is due."""
    step = changes()
    assert step.adjust is None
    assert [waits(step, key) for key in (SEATS, PLUS)] == [NOW + timedelta(minutes=30)] * 2
    assert step.due_at == NOW + timedelta(minutes=30)


def test_what_has_nothing_to_do_with_it_does_not_wait() -> None:
    """A line of another kind goes up at once."""
    step = changes(demand(steps((TODAY, 3)), THIRD))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.waits_for_more) == (THIRD, None)


def test_what_goes_up_on_a_later_day_does_not_wait() -> None:
    """The wait is over by then."""
    step = changes(plus=steps((march(20), 25)))
    assert (line_of(step, PLUS).state, waits(step, PLUS)) == (State.SCHEDULED, None)


def test_what_is_held_for_a_reason_of_its_own_keeps_it() -> None:
    """It waits for a person, not for a moment."""
    policy = Policy(decrease_wait=30, approve_increases=Approval(0))
    step = changes(policy=policy)
    assert line_of(step, PLUS).state is State.PARKED
    assert waits(step, PLUS) is None


def test_of_several_plans_that_wait_the_last_one_counts() -> None:
    """Two plans became one."""
    later = demand(
        ENDED, THIRD, causes=(Cause("sub_2", 3, TODAY, "evt_3", NOW + timedelta(minutes=9), before=25),)
    )
    step = changes(
        later,
        plus=steps((TODAY, 50)),
        held={45: on_contract(LEVEL), 47: on_contract(LEVEL, 1203)},
        links=(Link(TODAY, SEATS, PLUS), Link(TODAY, THIRD, PLUS)),
        lines=(left(LEVEL, THIRD, contract_service_id=1203),),
    )
    assert waits(step) == NOW + timedelta(minutes=30)
    assert waits(step, PLUS) == NOW + timedelta(minutes=39)


def test_what_is_still_settling_is_not_waiting_for_more() -> None:
    """The adjustment before it has to end first."""
    sent = intent(delta=1, before=since_january(24), settles_at=NOW + SETTLE)
    step = next_step(view(ends(), lines=(left(since_january(24), intent=sent),), policy=HALF_AN_HOUR))
    assert (line_of(step).state, waits(step)) == (State.SETTLING, None)
