"""Somebody else's edits: parked, adopted or enforced, and never fought by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    LEVEL,
    MORE,
    NOW,
    ONE_DAY,
    SETTLE,
    TODAY,
    demand,
    facts,
    left,
    line_of,
    march,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import RECHECK, next_step
from timus_autotask.domain.converge.view import ContractServiceSeen, Observed, Step
from timus_autotask.domain.desired import Source
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Choice,
    Refusal,
    State,
    Undone,
    Why,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays, WhyPast
from timus_autotask.domain.policy import (
    OnDrift,
    Policy,
)
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.remedy import remedy_of


def test_somebody_elses_edit_is_parked_with_the_numbers() -> None:
    """What we left, what Autotask has, what Timus says."""
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(left(LEVEL),)))
    differs = "from 2026-01-01 on: 30 instead of 25"
    assert parked(step) == ("drift", facts(held=30, differs=differs))
    assert (line_of(step).baseline, line_of(step).observed) == (LEVEL, since_january(30))
    assert (step.adjust, step.due_at) == (None, NOW + RECHECK)


def test_an_edit_that_was_taken_back_is_forgotten() -> None:
    """Autotask has what we left again."""
    step = next_step(view(demand(LEVEL), lines=(left(LEVEL, observed=since_january(30)),)))
    assert (line_of(step).state, line_of(step).observed) == (State.APPLIED, None)


def test_units_on_days_that_the_contract_has_gained_are_nobodys_edit() -> None:
    """Whoever extended it, they are brought to what Timus says on the first of these days."""
    longer = since_january(25, (date(2026, 4, 1), 30))
    line = left(LEVEL, baseline_until=march(31))
    step = next_step(view(demand(LEVEL), held={45: on_contract(longer)}, lines=(line,)))
    assert (line_of(step).state, line_of(step).scheduled) == (State.SCHEDULED, ((date(2026, 4, 1), -5),))


def test_an_edit_outside_of_the_contracts_days_is_none() -> None:
    """Units before its start and after its end are never billed."""
    beyond = steps((date(2025, 12, 1), 9), *LEVEL.steps, (date(2027, 1, 1), 3))
    step = next_step(view(demand(LEVEL), held={45: on_contract(beyond)}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED


def test_an_edit_that_already_is_what_timus_says_is_adopted() -> None:
    """Nothing is left to do; what somebody changed before Timus told us anything does not matter."""
    by_hand = steps((CONTRACT.start, 20), (march(1), 28))
    told = demand(steps((march(1), 28)), start=march(1))
    step = next_step(view(told, held={45: on_contract(by_hand)}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED
    assert (line_of(step).baseline, line_of(step).offset) == (by_hand, NOTHING)


def test_a_subscription_older_than_the_contract_is_compared_from_its_start() -> None:
    """Before the contract there is nothing to bill."""
    old = demand(steps((date(2025, 6, 1), 28)), start=date(2025, 6, 1))
    step = next_step(view(old, held={45: on_contract(since_january(28))}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED


@pytest.mark.parametrize("choice", [None, *Choice])
@pytest.mark.parametrize("drift", OnDrift)
def test_a_persons_word_goes_before_the_terms(choice: Choice | None, drift: OnDrift) -> None:
    """Without either the line is parked; the word is used up by what follows from it."""
    line = left(LEVEL, choice=choice)
    by_hand = since_january(30)
    step = next_step(
        view(demand(LEVEL), held={45: on_contract(by_hand)}, lines=(line,), policy=Policy(drift=drift))
    )
    decided = choice.value if choice else drift.value
    if decided == "park":
        differs = "from 2026-01-01 on: 30 instead of 25"
        assert parked(step) == ("drift", facts(held=30, desired=25, differs=differs))
        return
    after = line_of(step)
    assert (after.baseline, after.choice) == (by_hand, None)
    if decided == "adopt":
        assert (after.offset, after.state, step.adjust) == (since_january(5), State.APPLIED, None)
    else:
        assert step.adjust is not None
        assert step.adjust.intent is not None
        assert (after.offset, step.adjust.intent.delta) == (NOTHING, -5)


# -- An edit that is over

PARKS = [Policy(drift=drift) for drift in OnDrift]


def seen_after(
    units: Timeline, wanted: Timeline, policy: Policy | None = None, choice: Choice | None = None
) -> Step:
    """What follows when Autotask has these units, on a line that was left with 25."""
    held = {45: on_contract(units)}
    return next_step(
        view(demand(wanted), held=held, lines=(left(LEVEL, choice=choice),), policy=policy or Policy())
    )


@pytest.mark.parametrize("policy", PARKS)
def test_an_edit_that_a_person_took_back_is_no_drift_for_the_days_from_now_on(policy: Policy) -> None:
    """The days in between stay as they were billed, and people are told of them; what Timus says now is made."""
    back = since_january(25, (march(5), 30), (march(9), 25))
    step = seen_after(back, since_january(25, (TODAY, 27)), policy)
    line = line_of(step)
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (TODAY, 2)
    assert line.offset == NOTHING
    assert line.past_days == (PastDays(march(5), march(9), 25, 30, WhyPast.EDITED),)


@pytest.mark.parametrize("policy", PARKS)
def test_an_edit_that_timus_says_too_by_now_is_over(policy: Policy) -> None:
    """Five fewer, entered on the 5th, are what Timus says from the 10th on: nothing is made a second time, also not later."""
    early, wanted = since_january(25, (march(5), 20)), since_january(25, (march(10), 20))
    step = seen_after(early, wanted, policy)
    line = line_of(step)
    assert (line.state, step.adjust, line.offset) == (State.APPLIED, None, NOTHING)
    assert line.past_days == (PastDays(march(5), march(10), 25, 20, WhyPast.EDITED),)
    ends = date(2026, 4, 1)
    coming = seen_after(early, since_january(25, (march(10), 20), (ends, 0)), policy)
    assert (line_of(coming).state, line_of(coming).scheduled) == (State.SCHEDULED, ((ends, -20),))


def test_what_a_person_made_some_days_after_timus_asked_for_it_is_not_made_again_for_the_days_before() -> (
    None
):
    """It would be taken off again on the day of the person's own adjustment."""
    step = seen_after(since_january(25, (march(12), 28)), since_january(25, (march(10), 28)))
    line = line_of(step)
    assert (line.state, step.adjust) == (State.APPLIED, None)
    assert line.past_days == (PastDays(march(10), march(12), 28, 25, WhyPast.EDITED),)


def test_what_a_person_made_today_is_not_made_again_for_any_day_before_if_none_was_level() -> None:
    """Timus has three more since the contract's first day; a person added them today."""
    step = seen_after(MORE, since_january(28))
    line = line_of(step)
    assert (line.state, step.adjust) == (State.APPLIED, None)
    assert line.by_hand == since_january(-3, (TODAY, 0))


@pytest.mark.parametrize("of_person", [True, False])
def test_an_adopted_edit_is_kept_until_timus_says_the_same(of_person: bool) -> None:
    """Else it would be taken off a second time. What Timus says after that is made as ever."""
    later, ends = march(20), date(2026, 4, 1)
    wanted = since_january(25, (later, 20), (ends, 22))
    policy = None if of_person else Policy(drift=OnDrift.ADOPT)
    step = seen_after(since_january(25, (march(12), 20)), wanted, policy, Choice.ADOPT if of_person else None)
    line = line_of(step)
    assert line.offset == steps((march(12), -5), (later, 0))
    assert (line.state, line.scheduled) == (State.SCHEDULED, ((ends, 2),))


def test_nothing_of_the_days_before_runs_over_into_days_that_an_edit_has_left() -> None:
    """Timus took all seats away from the 3rd on; a person's eleven of the 5th to the 8th stay as they are, and so do the days up to them."""
    edited = since_january(25, (march(5), 36), (march(9), 25))
    step = seen_after(edited, since_january(25, (march(3), 0)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(9), -25)
    assert [(one.first, one.until, one.wanted, one.autotask) for one in line_of(step).past_days] == [
        (march(3), march(5), 0, 25),
        (march(5), march(9), 0, 36),
    ]


def test_an_edit_of_a_contract_that_is_over_is_not_over() -> None:
    """No day is left on which it could be seen that nothing of it stays: a person decides."""
    over = replace(CONTRACT, end=TODAY - timedelta(days=1))
    edited = since_january(25, (march(10), 36))
    line = left(LEVEL, baseline_until=over.end)
    given = view(demand(since_january(25, (march(5), 0))), held={45: on_contract(edited)}, lines=(line,))
    assert parked(next_step(replace(given, contract=over)))[0] == "drift"


def test_an_edit_of_a_day_to_come_is_still_drift() -> None:
    """Although the line has today what Timus says, or what we left."""
    for wanted in (LEVEL, since_january(25, (march(10), 28))):
        units = since_january(25, *(((march(10), 28),) if wanted != LEVEL else ()), (march(20), 31))
        code, told = parked(seen_after(units, wanted))
        assert code == "drift"
        assert str(told["differs"]).endswith("from 2026-03-20 on: 31 instead of 25")


def test_the_days_that_differ_are_named() -> None:
    """The first three stretches of them."""
    units = since_january(25, *((march(n), 25 + n % 2) for n in range(1, 14)))
    told = parked(seen_after(units, LEVEL))[1]
    assert told["differs"] == (
        "2026-03-01 to 2026-03-01: 26 instead of 25; 2026-03-03 to 2026-03-03: 26 instead of 25; "
        "2026-03-05 to 2026-03-05: 26 instead of 25; …"
    )


def test_every_adjustment_that_brings_units_back_says_so() -> None:
    """It may take several; then the line is level, and what Timus reports later is no part of it."""
    wanted = since_january(25, (march(10), 28))
    edited = since_january(30, (march(10), 29))
    terms = Policy(drift=OnDrift.ENFORCE)
    first = next_step(
        view(demand(wanted), held={45: on_contract(edited)}, lines=(left(wanted),), policy=terms)
    )
    assert first.adjust is not None
    assert first.adjust.intent is not None
    assert (first.adjust.intent.delta, first.adjust.intent.why, first.adjust.enforcing) == (
        -5,
        Why.ENFORCED,
        True,
    )
    half = first.adjust.intent.after
    line = left(half, enforcing=True)
    second = next_step(view(demand(wanted), held={45: on_contract(half)}, lines=(line,), policy=terms))
    assert second.adjust is not None
    assert second.adjust.intent is not None
    assert (second.adjust.intent.delta, second.adjust.intent.why) == (4, Why.ENFORCED)
    line = left(wanted, enforcing=True)
    level = next_step(view(demand(wanted), held={45: on_contract(wanted)}, lines=(line,), policy=terms))
    assert line_of(level).enforcing is False


@pytest.mark.parametrize(
    ("units", "news", "taken", "scheduled", "enforcing"),
    [
        (28, None, True, (march(16), -3), True),
        (28, march(16), True, (march(16), 3), True),
        (25, march(20), True, (march(20), 6), False),
        (25, TODAY, True, (march(16), 6), False),
        (25, TODAY, False, (TODAY, 6), False),
        (25, march(10), False, (march(10), 6), True),
    ],
    ids=[
        "its day is taken",
        "together with news",
        "only news of a later day are left",
        "only news of today, whose day is taken",
        "only news of today",
        "news of a day before",
    ],
)
def test_what_brings_units_back_on_a_later_day_says_so_then(
    units: int, news: date | None, taken: bool, scheduled: tuple[date, int], enforcing: bool
) -> None:
    """Somebody's edit of a day that takes no adjustment is brought back on the next one. What Timus says of a day to come is no part of it."""
    wanted = since_january(25, *(((news, 31),) if news else ()))
    edited = since_january(25, (TODAY, units))
    line = left(edited, enforcing=True, taken=(TODAY,) if taken else ())
    told = demand(wanted, causes=(Cause("sub_1", 8, news or march(20), "evt_8"),))
    step = next_step(view(told, held={45: on_contract(edited)}, lines=(line,)))
    assert (line_of(step).scheduled, line_of(step).enforcing) == ((scheduled,), enforcing)


def test_what_brings_units_back_says_so_also_when_it_is_sent_again() -> None:
    """Nobody knows yet whether it landed, and then it did not."""
    edited, terms = since_january(30), Policy(drift=OnDrift.ENFORCE)
    given = view(demand(LEVEL), held={45: on_contract(edited)}, lines=(left(LEVEL),), policy=terms)
    sent = next_step(given).adjust
    assert sent is not None
    waits = line_of(next_step(replace(given, lines={sent.key: sent})))
    assert waits.state is State.SETTLING
    later = replace(given, lines={sent.key: waits}, now=NOW + timedelta(hours=2))
    again = next_step(later).adjust
    assert again is not None
    assert again.intent is not None
    assert (again.intent.delta, again.intent.why) == (-5, Why.ENFORCED)


APRIL = date(2026, 4, 1)
EXTENDED = left(LEVEL, baseline_until=march(31))
"""A line that was read last when its contract ended with March."""


@pytest.mark.parametrize("last", [march(31), CONTRACT.end])
def test_an_adopted_edit_adds_nothing_to_days_that_the_contract_has_gained(last: date) -> None:
    """Nobody edited those: they are brought to what Timus says."""
    given = view(
        demand(LEVEL),
        held={45: on_contract(since_january(25, (march(1), 30)))},
        lines=(left(LEVEL, baseline_until=last),),
        policy=Policy(drift=OnDrift.ADOPT),
    )
    gained = steps((APRIL, 0)).steps if last == march(31) else ()
    assert line_of(next_step(given)).offset == steps((march(1), 5), *gained)


def test_what_days_that_a_contract_has_gained_have_otherwise_is_no_part_of_an_adopted_edit() -> None:
    """Five more of March go on in April, and the three more that April has beside these are taken off."""
    units = since_january(25, (march(1), 30), (APRIL, 33))
    given = view(
        demand(LEVEL),
        held={45: on_contract(units)},
        lines=(EXTENDED,),
        policy=Policy(drift=OnDrift.ADOPT),
    )
    line = line_of(next_step(given))
    assert (line.offset, line.scheduled) == (steps((march(1), 5)), ((APRIL, -3),))


def test_an_adopted_edit_that_timus_says_too_from_the_last_day_on_ends_there() -> None:
    """The last day on which it could be seen counts like any other."""
    step = seen_after(since_january(30), since_january(25, (CONTRACT.end, 30)), Policy(drift=OnDrift.ADOPT))
    assert line_of(step).offset == since_january(5, (CONTRACT.end, 0))


@pytest.mark.parametrize("same", [march(10), TODAY, march(20)])
def test_an_adopted_edit_that_goes_on_is_added_to_what_timus_says_by_then(same: date) -> None:
    """Three of it are what Timus says, too, and are not made twice; two more, of April, are the person's alone."""
    units = since_january(25, (max(same, TODAY), 28), (APRIL, 30))
    line = line_of(seen_after(units, since_january(25, (same, 28)), Policy(drift=OnDrift.ADOPT)))
    assert line.offset == steps((APRIL, 2))
    assert (line.state is State.APPLIED) is (same >= TODAY)  # else the days before are still to be billed


@pytest.mark.parametrize(
    ("left_on_these", "corrected", "still_left", "adjusted"),
    [
        (-3, 28, -3, []),
        (-3, 27, -2, []),
        (-3, 25, 0, []),
        (-3, 20, 0, [-5]),
        (-3, 31, -3, [3]),
        (3, 22, 3, []),
        (3, 24, 1, []),
        (3, 25, 0, []),
        (1, 25, 0, []),
        (3, 30, 0, [5]),
        (3, 20, 3, [-2]),
    ],
)
def test_what_an_edit_left_counts_only_as_far_as_it_still_differs_from_what_timus_says(
    left_on_these: int, corrected: int, still_left: int, adjusted: list[int]
) -> None:
    """25 are billed from the 10th to the 14th, where Timus said 28, or 22. Then it says otherwise of these days, and later what it said before."""
    line = left(LEVEL, by_hand=steps((march(10), left_on_these), (TODAY, 0)))
    told = since_january(25, (march(10), corrected), (TODAY, 25))
    step = next_step(view(demand(told), held={45: on_contract(LEVEL)}, lines=(line,)))
    assert line_of(step).by_hand == steps((march(10), still_left), (TODAY, 0))
    assert [delta for day, delta in line_of(step).scheduled if day < TODAY] == adjusted


def test_days_that_a_contract_has_gained_say_nothing_about_an_edit_that_is_over() -> None:
    """Five more on some days of March were taken back; what April has more is brought to what Timus says."""
    units = since_january(25, (march(5), 30), (march(9), 25), (date(2026, 4, 10), 30))
    line = line_of(next_step(view(demand(LEVEL), held={45: on_contract(units)}, lines=(EXTENDED,))))
    assert (line.state, line.scheduled) == (State.SCHEDULED, ((date(2026, 4, 10), -5),))
    assert line.past_days == (PastDays(march(5), march(9), 25, 30, WhyPast.EDITED),)


def test_an_edit_that_was_taken_back_before_the_last_day_of_a_contract_is_over() -> None:
    """Today is that day, and shows it."""
    ends_today = replace(CONTRACT, end=TODAY)
    back = since_january(25, (march(5), 30), (march(9), 25))
    line = left(LEVEL, baseline_until=TODAY)
    step = next_step(view(demand(LEVEL), held={45: on_contract(back)}, lines=(line,), contract=ends_today))
    assert line_of(step).state is State.APPLIED


def test_an_edit_of_days_that_were_known_before_an_extension_only_is_for_a_person() -> None:
    """No day on which it could be seen to be over was compared."""
    back = since_january(25, (march(5), 30), (march(9), 25))
    line = left(LEVEL, baseline_until=march(10))
    step = next_step(view(demand(LEVEL), held={45: on_contract(back)}, lines=(line,)))
    assert parked(step)[0] == "drift"


def test_an_edit_since_the_first_day_that_is_over_is_kept_on_all_its_days() -> None:
    """The contract's first one among them."""
    line = line_of(seen_after(since_january(30, (march(9), 25)), LEVEL))
    assert line.by_hand == since_january(5, (march(9), 0))


def test_an_edit_of_today_that_makes_what_timus_said_leaves_the_days_alone_that_were_level_before() -> None:
    """What it was late for began on the 10th; what is told of February has a cause of its own."""
    units = since_january(25, (date(2026, 2, 1), 27), (march(1), 25), (TODAY, 28))
    before = since_january(25, (date(2026, 2, 1), 27), (march(1), 25))
    told = demand(since_january(25, (march(10), 28)))
    step = next_step(view(told, held={45: on_contract(units)}, lines=(left(before),)))
    assert line_of(step).by_hand == steps((march(10), -3), (TODAY, 0))


@pytest.mark.parametrize(
    ("units", "differs"),
    [
        (((march(1), 30), (march(31), 25)), "2026-03-01 to 2026-03-30: 30 instead of 25"),
        (((march(1), 30), (APRIL, 25)), "from 2026-03-01 on: 30 instead of 25"),
        (
            ((march(1), 30), (APRIL, 0)),
            "2026-03-01 to 2026-03-31: 30 instead of 25; from 2026-04-01 on, which the contract has gained since: 0",
        ),
    ],
)
def test_days_that_a_contract_has_gained_are_not_among_those_that_differ(
    units: tuple[tuple[date, int], ...], differs: str
) -> None:
    """An edit that lasts until the last day that was known goes on, as far as anybody can say; where they are empty, that is said."""
    step = next_step(
        view(demand(since_january(26)), held={45: on_contract(since_january(25, *units))}, lines=(EXTENDED,))
    )
    assert parked(step)[1]["differs"] == differs


def test_three_stretches_that_differ_are_all_that_there_are() -> None:
    """No dots promise more."""
    units = since_january(25, *((march(n), 25 + n % 2) for n in range(1, 6)))
    differs = str(parked(seen_after(units, LEVEL))[1]["differs"])
    assert (differs.count(";"), "…" in differs) == (2, False), differs


JUST_NOW = NOW - SETTLE + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "wanted", "state"),
    [
        (JUST_NOW, LEVEL, State.SETTLING),
        (NOW - SETTLE, LEVEL, State.APPLIED),
        (None, LEVEL, State.APPLIED),
        (JUST_NOW, since_january(26), State.SETTLING),
        (NOW - SETTLE, since_january(26), State.PARKED),
    ],
)
def test_a_read_that_does_not_show_our_last_change_may_be_stale(
    seen: datetime | None, wanted: Timeline, state: State
) -> None:
    """So nothing is said of anybody's hand before one more look, whether it is level with what Timus says by now or not."""
    line = left(MORE, last_change=seen)
    step = next_step(view(demand(wanted), lines=(line,)))
    after = line_of(step)
    assert after.state is state
    if state is State.SETTLING:
        assert seen is not None
        assert (after.baseline, step.due_at, step.adjust) == (MORE, seen + SETTLE, None)


@pytest.mark.parametrize(
    ("drift", "choice"),
    [
        (OnDrift.ENFORCE, None),
        (OnDrift.ADOPT, None),
        (OnDrift.PARK, Choice.ENFORCE),
        (OnDrift.PARK, Choice.ADOPT),
    ],
)
def test_a_read_that_may_be_stale_is_neither_enforced_nor_adopted(
    drift: OnDrift, choice: Choice | None
) -> None:
    """Our change would be made twice, or taken for a person's: what was chosen is done when the read can be trusted."""
    line = left(MORE, last_change=JUST_NOW, choice=choice)
    for wanted in (MORE, since_january(26)):
        step = next_step(view(demand(wanted), lines=(line,), policy=Policy(drift=drift)))
        after = line_of(step)
        assert (after.state, after.baseline, after.choice, step.adjust) == (
            State.SETTLING,
            MORE,
            choice,
            None,
        )
        assert (after.offset, step.due_at) == (NOTHING, JUST_NOW + SETTLE)
    trusted = replace(line, last_change=NOW - SETTLE)
    step = next_step(view(demand(MORE), lines=(trusted,), policy=Policy(drift=drift)))
    assert line_of(step).state is not State.SETTLING


@pytest.mark.parametrize(
    ("before", "by_hand", "refusal", "adjusted", "state"),
    [
        (since_january(3), since_january(8), -5, (), State.APPLIED),
        (since_january(4), since_january(5), -5, (), State.APPLIED),
        (NOTHING, steps((TODAY, 5)), -5, (), State.APPLIED),
        (since_january(3), since_january(4), -5, (), State.PARKED),
        (since_january(5), since_january(8), -5, (), State.PARKED),
        (since_january(3), since_january(8), None, (), State.PARKED),
        (since_january(3), since_january(8), -5, (march(1),), State.PARKED),
    ],
    ids=["room", "just enough", "nothing before", "not enough", "room before", "not refused", "ours"],
)
def test_room_that_was_made_for_a_refused_change_is_no_drift(
    before: Timeline, by_hand: Timeline, refusal: int | None, adjusted: tuple[date, ...], state: State
) -> None:
    """Units that would have fallen below zero do not any more: on a line with nothing of ours that is a first sight, and it goes on."""
    line = left(
        before,
        refusal=Refusal(TODAY, refusal, "below zero", NOW) if refusal else None,
        adjusted=adjusted,
    )
    step = next_step(
        view(demand(since_january(1), start=march(20)), held={45: on_contract(by_hand)}, lines=(line,))
    )
    after = line_of(step)
    if state is State.PARKED:
        assert parked(step)[0] == "drift"
        assert after.baseline == before
    else:
        assert after.parked is None
        assert after.baseline == by_hand


def test_offsets_add_up() -> None:
    """A second adopted edit comes on top of the first."""
    line = left(since_january(30), offset=since_january(5), choice=Choice.ADOPT)
    step = next_step(view(demand(LEVEL), held={45: on_contract(since_january(32))}, lines=(line,)))
    assert line_of(step).offset == since_january(7)


@pytest.mark.parametrize("drift", list(OnDrift))
@pytest.mark.parametrize("wanted", [LEVEL, since_january(25, (APRIL, 28))], ids=["for ever", "until April"])
def test_a_kept_edit_that_a_person_takes_back_is_over_from_that_day_on(
    drift: OnDrift, wanted: Timeline
) -> None:
    """-3 was kept on the 5th. On the 10th somebody adds the three again: the line has what Timus says, and nobody is asked."""
    line = left(since_january(25, (march(5), 22)), offset=steps((march(5), -3)))
    back = on_contract(since_january(25, (march(5), 22), (march(10), 25)))
    after = line_of(
        next_step(view(demand(wanted), held={45: back}, lines=(line,), policy=Policy(drift=drift)))
    )
    assert (after.parked, after.offset, after.by_hand) == (
        None,
        steps((march(5), -3), (march(10), 0)),
        NOTHING,
    )
    assert after.scheduled == tuple((day, 3) for day in wanted.days if day == APRIL)


def test_an_edit_that_was_itself_taken_back_leaves_what_is_kept() -> None:
    """-3 is kept since the 5th. One more from the 8th to the 9th is over: the three stay off."""
    line = left(since_january(25, (march(5), 22)), offset=steps((march(5), -3)))
    over = on_contract(since_january(25, (march(5), 22), (march(8), 23), (march(10), 22)))
    after = line_of(next_step(view(demand(LEVEL), held={45: over}, lines=(line,))))
    assert (after.parked, after.offset) == (None, steps((march(5), -3)))


def test_a_correction_of_days_before_an_edit_that_was_brought_back_is_made_there() -> None:
    """Somebody added 5 on the 10th, whose day took nothing more, and we took them off on the 11th. Then Timus says 3 fewer since the 5th."""
    held = since_january(25, (march(5), 28), (march(10), 33), (march(11), 28))
    line = left(held, adjusted=(march(5), march(11)), taken=(march(10), march(11)))
    step = next_step(view(demand(LEVEL), held={45: on_contract(held)}, lines=(line,)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(6), -3)


UNDONE = Undone(
    "u1", "e1", march(5), -3, 25, 22, "pat", NOW, "ordered twice", opposite="i1", part=25, customer=CUSTOMER
)
"""Three of the 25 that Timus says, taken back from the 5th on."""


@pytest.mark.parametrize("drift", list(OnDrift))
def test_what_was_undone_and_a_person_makes_again_by_hand_counts_from_that_day_on(drift: OnDrift) -> None:
    """On the 10th somebody adds the three again: the line has what Timus says, and nobody is asked."""
    line = left(since_january(25, (march(5), 22)), undone=(UNDONE,))
    again = on_contract(since_january(25, (march(5), 22), (march(10), 25)))
    wanted = demand(LEVEL, sources=(Source(CUSTOMER, "SKU-45", LEVEL, LEVEL),))
    seen = view(wanted, held={45: again}, lines=(line,), policy=Policy(drift=drift))
    step = next_step(seen)
    after = line_of(step)
    assert (after.parked, after.state, step.adjust, after.past_days) == (None, State.APPLIED, None, ())
    assert after.undone == (replace(UNDONE, until=march(10), taken_back=march(10)),)
    # And the next look finds the same.
    assert next_step(view(wanted, held={45: again}, lines=(after,), policy=Policy(drift=drift))).lines == ()


def test_an_undone_plan_change_is_not_made_again_by_an_edit_of_one_of_its_lines() -> None:
    """Its sides end together: a person is asked."""
    line = left(
        since_january(25, (march(5), 22)), undone=(replace(UNDONE, linked=(LineKey(CONTRACT.id, 46),)),)
    )
    again = on_contract(since_january(25, (march(5), 22), (march(10), 25)))
    wanted = demand(LEVEL, sources=(Source(CUSTOMER, "SKU-45", LEVEL, LEVEL),))
    assert parked(next_step(view(wanted, held={45: again}, lines=(line,))))[0] == "drift"


def test_a_new_edit_that_makes_another_number_takes_nothing_back() -> None:
    """Two of the three are added again: a person is asked, and what was kept stays until then."""
    line = left(since_january(25, (march(5), 22)), offset=steps((march(5), -3)))
    more = on_contract(since_january(25, (march(5), 22), (march(10), 24)))
    step = next_step(view(demand(LEVEL), held={45: more}, lines=(line,)))
    assert parked(step)[0] == "drift"
    assert line_of(step).offset == steps((march(5), -3))


def test_an_offset_is_kept_on_top_of_what_timus_says() -> None:
    """Three more seats at Timus are three more in Autotask, whatever a person put on top."""
    line = left(since_january(30), offset=since_january(5))
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(line,)))
    assert step.adjust is not None
    assert step.adjust.desired == since_january(30, (TODAY, 33))
    assert step.adjust.scheduled == ((TODAY, 3),)


def test_units_are_never_below_zero() -> None:
    """A person's reduction that is larger than what Timus says leaves nothing, not less."""
    line = left(NOTHING, offset=since_january(-30), desired=LEVEL)
    step = next_step(view(demand(LEVEL), held={45: on_contract(NOTHING)}, lines=(line,)))
    assert line_of(step).desired == NOTHING
    assert step.adjust is None


def test_a_used_word_on_a_line_that_did_not_drift_is_forgotten() -> None:
    """It was for what was shown, and that is over."""
    step = next_step(view(demand(LEVEL), lines=(left(LEVEL, choice=Choice.ENFORCE),)))
    assert line_of(step).choice is None


def test_a_service_that_is_on_the_contract_twice_is_parked() -> None:
    """Nobody can tell which of them to change."""
    step = next_step(view(demand(MORE), held={45: on_contract(LEVEL, 1201, 1202)}, lines=(left(LEVEL),)))
    assert parked(step) == ("line-duplicated", facts())
    assert line_of(step).contract_service_id == 1201
    assert (step.adjust, step.due_at) == (None, NOW + RECHECK)


def test_the_contract_services_to_choose_from_are_told_with_units_and_price() -> None:
    """Those of today; one whose price is not shown has none."""
    seen = (
        ContractServiceSeen(1201, since_january(20, (TODAY, 25)), "12.50"),
        ContractServiceSeen(1300, since_january(5)),
    )
    twice = replace(on_contract(since_january(30), 1201, 1300), offered=seen)
    step = next_step(view(demand(MORE), held={45: twice}, lines=(left(LEVEL),)))
    told: dict[str, int | str] = {
        "lines": "1201 with 25 units at 12.50, 1300 with 5 units",
        "choices": "1201 | 1300",
    }
    assert parked(step) == ("line-duplicated", {**facts(held=30), **told})
    reason = line_of(step).parked
    assert reason is not None
    assert f"({told['lines']})" in reason.message
    assert remedy_of(reason).endswith("map line 1 45 --contract-service 1300")


def test_a_chosen_contract_service_that_is_gone_parks_the_line() -> None:
    """Also while an adjustment is under way: its outcome cannot be read on another one."""
    gone = Observed(missing=1201, offered=(ContractServiceSeen(1300, since_january(5)),))
    step = next_step(view(demand(MORE), held={45: gone}, lines=(left(LEVEL),)))
    told = facts(held=0, contract_service=1201, lines="1300 with 5 units", choices="1300")
    assert parked(step) == ("line-missing", told)
    assert (step.adjust, line_of(step).baseline, line_of(step).contract_service_id) == (None, LEVEL, 1201)
    assert step.due_at == NOW + RECHECK


def test_days_that_the_contract_has_gained_are_no_edit() -> None:
    """Autotask has nothing on them yet, where we left 25: nobody has changed that, and what is due goes without another look."""
    until, just_now = CONTRACT.end + timedelta(days=365), NOW - timedelta(minutes=1)
    held = {45: on_contract(since_january(25, (CONTRACT.end + ONE_DAY, 0)))}
    line = left(LEVEL, last_change=just_now)
    step = next_step(view(demand(MORE), held=held, lines=(line,), contract=replace(CONTRACT, end=until)))
    assert step.adjust is not None
    assert line_of(step).scheduled == ((TODAY, 3), (CONTRACT.end + ONE_DAY, 25))


def test_a_line_is_named_by_what_autotask_has_now() -> None:
    """When somebody removed a line and added it again, ours follows; without one the last known stays."""
    renamed = next_step(view(demand(LEVEL), held={45: on_contract(LEVEL, 1300)}, lines=(left(LEVEL),)))
    assert line_of(renamed).contract_service_id == 1300
    gone = next_step(view(demand(NOTHING), held={}, lines=(left(NOTHING),)))
    assert gone == Step()


def test_a_parked_line_says_since_when() -> None:
    """From the moment at which it was parked."""
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(left(LEVEL),)))
    assert line_of(step).since == NOW


@pytest.mark.parametrize(("units", "kept"), [(7, 0), (5, 0), (3, -2), (28, 3)])
def test_what_an_edit_made_of_a_change_that_was_held_is_not_kept_on_top(units: int, kept: int) -> None:
    """We left 25, 5 are wanted since the 10th, and the terms hold that. Only what goes beyond it is kept."""
    line = left(LEVEL, scheduled=((march(10), -20),))
    told = demand(since_january(25, (march(10), 5)))
    held = {45: on_contract(since_january(25, (march(14), units)))}
    step = next_step(view(told, held=held, lines=(line,), policy=Policy(drift=OnDrift.ADOPT)))
    assert line_of(step).offset.at(TODAY) == kept


def test_new_periods_that_autotask_fills_after_they_were_read_are_nobodys_edit() -> None:
    """We extended the contract, and the read just after that did not show units in its new periods yet."""
    april, longer = date(2026, 4, 1), since_january(25)
    line = left(since_january(25, (april, 0)), empty_from=april)
    step = next_step(view(demand(LEVEL), held={45: on_contract(longer)}, lines=(line,)))
    assert (line_of(step).state, line_of(step).parked, line_of(step).baseline) == (
        State.APPLIED,
        None,
        longer,
    )


@pytest.mark.parametrize("units", [since_january(25, (date(2026, 4, 1), 30)), since_january(30)])
def test_other_units_in_new_periods_are_somebodys(units: Timeline) -> None:
    """They do not go on with those of the last day, or that day was changed as well."""
    april = date(2026, 4, 1)
    line = left(since_january(25, (april, 0)), empty_from=april)
    step = next_step(view(demand(LEVEL), held={45: on_contract(units)}, lines=(line,)))
    assert parked(step)[0] == "drift"


def test_an_edit_of_a_day_to_come_made_nothing_of_a_change_that_is_held_today() -> None:
    """All of it is kept on top."""
    line = left(LEVEL, scheduled=((march(10), -20),))
    told = demand(since_january(25, (march(10), 5)))
    held = {45: on_contract(since_january(25, (march(20), 7)))}
    step = next_step(view(told, held=held, lines=(line,), policy=Policy(drift=OnDrift.ADOPT)))
    assert line_of(step).offset == steps((march(20), -18))


@pytest.mark.parametrize(("begins", "kept"), [(9, 11), (12, 0)])
def test_an_edit_that_begins_before_an_empty_term_fills_none_of_it(begins: int, kept: int) -> None:
    """From the 12th on Autotask had 15 fewer, and the sweep of that day has not come yet. Who added 11 on that day has filled a part of it."""
    line = left(since_january(25, (march(12), 10)), empty_from=march(12), scheduled=((march(12), 15),))
    edited = line.known_units.add_from(march(begins), 11) if line.known_units else LEVEL
    step = next_step(
        view(demand(LEVEL), held={45: on_contract(edited)}, lines=(line,), policy=Policy(drift=OnDrift.ADOPT))
    )
    assert line_of(step).offset.at(TODAY) == kept
