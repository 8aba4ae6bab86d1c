"""Who asked for a change, of the events that the journal keeps with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from timus_autotask.domain.history import Cause
from timus_autotask.domain.policy import EffectiveDay, Policy
from timus_autotask.watch.month.asked import (
    AskedFor,
    Request,
    WhyNobodyAsked,
    asked_for,
    days_of_terms,
    with_trials,
)

DAY = date(2026, 3, 15)


def told(number: int, before: int, after: int, day: int = 1, *, ends: int | None = None) -> Cause:
    """A version of that day of March."""
    at = datetime(2026, 3, 1, 8, number, tzinfo=UTC)
    over = date(2026, 3, ends) if ends else None
    return Cause(
        "sub_1",
        number,
        date(2026, 3, day),
        f"evt_{number}",
        at,
        at,
        None,
        "cus_1",
        "ADV",
        before,
        after,
        over,
    )


FIRST = told(1, 0, 10)


@pytest.mark.parametrize(
    ("causes", "before", "more", "numbers"),
    [
        ([FIRST], 0, 10, [1]),
        ([FIRST, told(2, 10, 12, 15)], 10, 2, [2]),  # the line had what was said first
        ([FIRST, told(2, 10, 15, 25), told(3, 10, 15, 15)], 10, 5, [3]),  # brought forward
        (
            [FIRST, told(2, 10, 15, 25), told(3, 15, 12, 15)],
            10,
            2,
            [3],
        ),  # what was ordered for later is none of it
        ([told(2, 10, 12, 3), told(3, 12, 15, 5)], 10, 5, [2, 3]),
        ([FIRST, told(2, 10, 10, 2, ends=15)], 10, -10, [2]),
        ([FIRST, told(2, 10, 12, 20)], 10, 2, [2]),  # the terms date it before its day
        ([told(1, 0, 31)], 25, 6, [1]),  # 25 stood in Autotask by hand
        ([told(1, 0, 3), told(2, 3, 7)], 5, 2, [2]),  # a minimum of 5
        ([FIRST], 0, 8, [1]),  # two are free
        ([FIRST], 10, -2, []),
        ([FIRST], 10, 0, []),
    ],
)
def test_an_event_asked_for_a_change_if_it_says_something_new_for_its_day(
    causes: list[Cause], before: int, more: int, numbers: list[int]
) -> None:
    """In order of time, however they stand in the journal."""
    for each in (causes, causes[::-1]):
        found = asked_for(each, DAY, more, before=before, of_terms=False)
        assert ([one.cause.number for one in found.by], found.because) == (numbers, ())


def test_other_terms_made_what_no_event_explains() -> None:
    """Not what one does, on the same day."""
    terms = AskedFor((), (WhyNobodyAsked.TERMS,))
    assert asked_for([FIRST], DAY, -2, before=10, of_terms=True) == terms
    assert asked_for([FIRST], DAY, 2, before=8, of_terms=True) == terms
    second = told(2, 10, 12, 15)
    assert asked_for([FIRST, second], DAY, 2, before=10, of_terms=True) == AskedFor(
        (Request(second, 10, 12),)
    )


@pytest.mark.parametrize(
    ("causes", "more", "words"),
    [
        ([FIRST, told(2, 10, 7, 20), told(3, 7, 12, 15)], 2, ["10 → 12 ADV"]),  # of the fifteenth
        ([FIRST, told(2, 10, 10, 2, ends=15)], -10, ["10 → 0 ADV, cancelled from 2026-03-15 on"]),
        ([FIRST, told(2, 10, 12, 20)], 2, ["10 → 12 ADV"]),  # the terms date it before its day
        ([told(1, 0, 3), told(2, 3, 7)], 2, ["3 → 7 ADV"]),  # a minimum of 5
    ],
)
def test_a_request_says_what_was_and_what_is_ordered_for_the_day_of_the_change(
    causes: list[Cause], more: int, words: list[str]
) -> None:
    """Not what the version before it says of later days."""
    before = 5 if causes[0].after == 3 else 10
    found = asked_for(causes, DAY, more, before=before, of_terms=False)
    assert [one.message for one in found.by] == words


def test_what_was_undone_comes_back_with_news_of_its_own() -> None:
    """15 were taken back to 10; with 16, one is asked for and five come back."""
    news = told(3, 15, 16, 15)
    found = asked_for([news], DAY, 6, before=10, of_terms=False, back=5)
    assert found == AskedFor((Request(news, 15, 16),), (WhyNobodyAsked.BACK,))
    assert asked_for([told(3, 10, 16, 15)], DAY, 6, before=10, of_terms=False, back=5).because == ()


def test_who_cancels_ends_what_was_undone_too() -> None:
    """Ten stayed on a plan that Timus says they had left: the cancellation has no seat of it, and is what ends them."""
    cancelled = told(3, 0, 0, 10, ends=15)
    found = asked_for([cancelled], DAY, -10, before=10, of_terms=False, back=-10)
    assert [one.message for one in found.by] == ["ADV, cancelled from 2026-03-15 on"]
    assert found.because == ()
    later = asked_for([told(3, 0, 0, 10, ends=16)], DAY, -10, before=10, of_terms=False, back=-10)
    assert later == AskedFor((), (WhyNobodyAsked.BACK,))
    revived = asked_for([cancelled, told(4, 0, 0, 12)], DAY, -10, before=10, of_terms=False, back=-10)
    assert revived == AskedFor((), (WhyNobodyAsked.BACK,))


def test_an_event_that_tells_of_a_trial_says_so() -> None:
    """Its units are not billed, and it has them."""
    trial = told(2, 10, 0, 15)
    found = asked_for([FIRST, trial], DAY, -10, before=10, of_terms=False)
    [one] = with_trials(found.by, {("sub_1", 2, "ADV"): 10})
    assert one.message == "10 → 0 ADV, 10 in a trial, which is not billed"


def test_only_terms_that_bill_other_units_make_a_change() -> None:
    """From the first day on which they hold."""
    policy = Policy()
    one, two, three = (date(2026, 3, day) for day in (3, 5, 7))
    earlier = (
        (one, policy),
        (two, replace(policy, included={"ADV": 2})),
        (three, replace(policy, included={"ADV": 2})),
    )
    assert days_of_terms(earlier, replace(policy, included={"ADV": 2}, contract_notes=True)) == {one}
    assert days_of_terms(((one, policy),), replace(policy, decreases=EffectiveDay.NEXT_PERIOD)) == {one}
