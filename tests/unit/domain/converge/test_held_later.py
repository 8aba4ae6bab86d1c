"""What is scheduled for a day to come and will be held by the terms then, as it is said before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    CUSTOMER,
    LEVEL,
    PLUS,
    SEATS,
    TODAY,
    demand,
    left,
    march,
    on_contract,
    since_january,
)
from timus_autotask.domain.converge.holds import LineSeen, held_later
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.desired import Source
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Approval, Policy
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline

THEN, LATER = march(20), march(25)
INCREASES = Policy(approve_increases=Approval(0))


def known(*scheduled: tuple[date, int], key: LineKey = SEATS, **more: Any) -> LineSeen:
    """A line with 25 seats, for which these changes are scheduled."""
    wanted = LEVEL
    for day, delta in scheduled:
        wanted = wanted.add_from(day, delta)
    line: Line = left(LEVEL, key, scheduled=scheduled, **more)
    return LineSeen(line, demand(wanted, key), on_contract(LEVEL))


def later(*lines: LineSeen, partner: Policy | None = None, own: Policy | None = None) -> dict[LineKey, Any]:
    """The reasons, by line and day."""
    policies = {"": partner or Policy()} | ({CUSTOMER: own} if own else {})
    return dict(held_later(lines, policies, TODAY))


def test_a_change_of_a_day_to_come_is_told_with_the_reason_that_will_hold_it() -> None:
    """One that is due today is held, or made, today; and what the terms let through is not told."""
    line = known((TODAY, 2), (THEN, 3), (LATER, -1))
    facts: dict[str, int | str] = {"contract": 1, "service": 45, "delta": 3, "day": "2026-03-20"}
    assert later(line, partner=INCREASES) == {SEATS: {THEN: Parked("held-for-approval", facts)}}
    assert later(line) == {}
    assert later(known((TODAY, 2)), partner=INCREASES) == {}


def test_the_terms_of_the_customer_are_those_that_count() -> None:
    """As on the day itself."""
    line = known((THEN, 3))
    assert later(line, partner=INCREASES, own=Policy()) == {}
    assert [*later(line, own=INCREASES)[SEATS]] == [THEN]


def test_each_change_is_judged_by_what_the_line_has_once_those_before_it_are_made() -> None:
    """Ten of fifty are few; ten of twenty-five are many. And a line is new only until its first change."""
    percent = Policy(approve_increases=Approval(above_percent=30))
    assert [*later(known((THEN, 25), (LATER, 10)), partner=percent)[SEATS]] == [THEN]
    assert [*later(known((TODAY, 25), (LATER, 10)), partner=percent)] == []
    new = replace(known((THEN, 25), (LATER, 10)), observed=Observed(NOTHING))
    assert [*later(new, partner=Policy(approve_new_lines=True))[SEATS]] == [THEN]


def test_the_price_goes_out_with_the_first_change_only() -> None:
    """So only its reason names it; one that is due today has taken it already."""
    price = PriceChange("15.00", "12.50")
    found = later(known((THEN, 3), (LATER, 2), scheduled_price=price), partner=INCREASES)[SEATS]
    assert [reason.facts.get("price") for reason in found.values()] == [str(price), None]
    today = later(known((TODAY, 3), (LATER, 2), scheduled_price=price), partner=INCREASES)[SEATS]
    assert [reason.facts.get("price") for reason in today.values()] == [None]


@pytest.mark.parametrize(("code", "told"), [("drift", False), ("rejected", True)])
def test_a_line_that_is_parked_says_already_why_it_waits(code: str, told: bool) -> None:
    """But for what was rejected of it: the rest goes its way."""
    found = later(known((THEN, 3), parked=Parked(code, {})), partner=INCREASES)
    assert (SEATS in found) is told


def test_the_other_side_of_a_plan_change_waits_for_the_same() -> None:
    """On that day only, and with a reason of its own where it has one."""
    down = known((THEN, -3), (LATER, -2), linked=((THEN, PLUS), (LATER, PLUS)))
    up = known((THEN, 3), key=PLUS)
    other = known((THEN, -1), key=LineKey(1, 47))
    found = later(down, up, other, partner=INCREASES)
    assert found == {SEATS: found[PLUS], PLUS: found[PLUS]}
    assert [*found[SEATS]] == [THEN]
    both = later(down, up, partner=replace(INCREASES, approve_decreases=Approval(0)))
    assert [reason.facts["delta"] for reason in both[SEATS].values()] == [-3, -2]
    alone = known((THEN, -3), linked=((THEN, PLUS),))
    assert later(alone, partner=INCREASES) == {}


def test_a_pause_and_the_limit_of_a_day_hold_what_comes_then_too() -> None:
    """Nothing has moved yet on a day to come."""
    line = known((THEN, 3))
    paused = later(line, own=Policy(paused=True))[SEATS][THEN]
    assert (paused.code, paused.facts["paused_customer"]) == ("paused", CUSTOMER)
    assert later(line, partner=Policy(customer_day_limit=3)) == {}
    over = later(line, partner=Policy(customer_day_limit=2))[SEATS][THEN]
    assert (over.code, over.facts["limit"]) == ("held-over-day-limit", 2)


def shared(a: Timeline, b: Timeline, of_a: Policy, of_b: Policy) -> dict[date, Parked]:
    """The reasons of a line of two customers that is level today, by what each of them is to be billed."""
    wanted = a.plus(b)
    now = wanted.at(TODAY)
    scheduled = ((THEN, wanted.at(THEN) - now),)
    sources = (Source("a", "X", a, units=a), Source("b", "X", b, units=b))
    line = LineSeen(
        left(wanted.until(TODAY), scheduled=scheduled),
        demand(wanted, sources=sources),
        on_contract(wanted.until(TODAY)),
    )
    found = held_later([line], {"": Policy(), "a": of_a, "b": of_b}, TODAY)
    return dict(found.get(SEATS, {}))


def test_of_a_shared_line_the_terms_of_those_count_who_have_units_there_then() -> None:
    """As on the day itself: who left it long ago does not count any more."""
    gone, grows = since_january(5, (march(1), 0)), since_january(20, (THEN, 23))
    assert shared(gone, grows, of_a=INCREASES, of_b=Policy()) == {}
    assert [*shared(gone, grows, of_a=Policy(), of_b=INCREASES)] == [THEN]


def test_what_a_change_of_a_shared_line_contains_and_by_whose_terms_it_will_wait_is_told() -> None:
    """All of them, in order."""
    reason = shared(since_january(5, (THEN, 8)), since_january(20, (THEN, 27)), INCREASES, INCREASES)[THEN]
    assert (reason.facts["contains"], reason.facts["by_terms"]) == ("a +3, b +7", "a, b")


def test_a_decrease_to_nothing_is_held_by_the_terms_of_who_leaves() -> None:
    """Where nobody knows of a subscription, the partner's own terms count."""
    gone = LineSeen(
        left(LEVEL, scheduled=((THEN, -25),)), demand(since_january(25, (THEN, 0))), on_contract(LEVEL)
    )
    assert [*later(gone, own=Policy(approve_decreases=Approval(0)))[SEATS]] == [THEN]
    nobody = replace(gone, demand=None)
    assert later(nobody, own=Policy(approve_decreases=Approval(0))) == {}
