"""Who asked for a change, of the events that the journal keeps with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from timus_autotask.domain.history import Cause
from timus_autotask.domain.policy import EffectiveDay, Policy
from timus_autotask.watch.month.asked import asked_for, days_of_terms

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
        found, of_terms = asked_for(each, DAY, more, before=before, of_terms=False)
        assert ([one.number for one in found], of_terms) == (numbers, False)


def test_other_terms_made_what_no_event_explains() -> None:
    """Not what one does, on the same day."""
    assert asked_for([FIRST], DAY, -2, before=10, of_terms=True) == ([], True)
    assert asked_for([FIRST], DAY, 2, before=8, of_terms=True) == ([], True)
    second = told(2, 10, 12, 15)
    assert asked_for([FIRST, second], DAY, 2, before=10, of_terms=True) == ([second], False)


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
