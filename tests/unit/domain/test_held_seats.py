"""A decrease that is held keeps back as many seats as it leaves billed, whatever day the others come on and whoever's they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.fakes.examples import examples
from tests.unit.domain.test_adjustments import applied
from tests.unit.domain.test_desired import (
    ADV,
    ESS,
    GRIDS,
    NEW,
    OLD,
    TODAY,
    mapping,
    march,
    subscription,
    version,
)
from tests.unit.domain.test_seats_across_subscriptions import (
    NAMED,
    THIRD,
    gaps_of,
    histories,
    sum_told,
)
from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Desired, desired
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import LineKey, PlanMapping
from timus_autotask.domain.plan_change import Link, Whose
from timus_autotask.domain.policy import Policy

Told = Mapping[str, Sequence[Subscription]]
"""What Timus says, by customer."""

MOVED = subscription(version(1, march(1), ADV=10, ESS=1), version(2, march(10), ADV=9, ESS=2))
"""One seat of two plans that the subscription has side by side."""
CHANGED = subscription(version(1, march(1), ADV=1), version(2, march(10), ESS=1))
"""The only seat goes to another plan."""
UNNAMED = {key: replace(one, family=None) for key, one in NAMED.items()}


def want(told: Told, plans: Mapping[str, PlanMapping]) -> Desired:
    """What the lines of these customers should have."""
    every = [
        Customer(one, replace(mapping(), customer_id=one), tuple(theirs), Policy())
        for one, theirs in told.items()
    ]
    return desired(every, plans, GRIDS, TODAY)


def plan_of(found: Desired, gaps: Sequence[Gap], stuck: Collection[LineKey]) -> Adjustments:
    """What is made while nothing of some lines is."""
    seats_that_come = {one: theirs for one, theirs in found.seats_that_come.items() if isinstance(one, Link)}
    held = [one.as_stuck() if one.line in stuck else one for one in gaps]
    return adjustments_for(
        held, found.links, families=found.families, seats_that_come=seats_that_come, units_of=found.units_of
    )


def after(
    told: Told, *, stuck: Collection[LineKey], plans: Mapping[str, PlanMapping] = NAMED
) -> list[Adjustment]:
    """What is made of the other lines, where all was level before the 10th."""
    found = want(told, plans)
    level = {key: one.units.until(march(9)) for key, one in found.demands.items()}
    return [*plan_of(found, gaps_of(found, level, {}), stuck).in_order]


@pytest.mark.parametrize("plans", [NAMED, UNNAMED], ids=["named", "unnamed"])
@pytest.mark.parametrize("customer", ["cus_1", "cus_2"])
@pytest.mark.parametrize("day", [10, 11, 12])
@pytest.mark.parametrize("first", [MOVED, CHANGED], ids=["in part", "as a whole"])
def test_one_seat_waits_and_all_others_go(
    first: Subscription, day: int, customer: str, plans: Mapping[str, PlanMapping]
) -> None:
    """Fifty seats of another subscription come on its day or later, of the same customer or of another one."""
    others = subscription(version(1, march(day), ESS=50), id="sub_2")
    told = {"cus_1": [first, others]} if customer == "cus_1" else {"cus_1": [first], customer: [others]}
    assert after(told, stuck={OLD}, plans=plans) == [Adjustment(NEW, march(day), 50)]


def test_what_comes_still_later_goes_too() -> None:
    """The line waits since the 10th; it goes up on the 11th and again on the 14th."""
    others = subscription(version(1, march(11), ESS=50), version(2, march(14), ESS=60), id="sub_2")
    made = after({"cus_1": [MOVED, others]}, stuck={OLD})
    assert made == [Adjustment(NEW, march(11), 50), Adjustment(NEW, march(14), 10)]


def test_seats_that_come_as_others_end_do_not_wait_for_the_plan_that_those_left() -> None:
    """Three moved here and end on the 12th, when three of another customer begin: the line should have as many all the time."""
    moved = subscription(
        version(1, march(1), ADV=3), version(2, march(10), ESS=3), version(3, march(12), ESS=0)
    )
    others = subscription(version(1, march(12), ESS=3), id="sub_2")
    assert after({"cus_1": [moved], "cus_2": [others]}, stuck={OLD}, plans=UNNAMED) == [
        Adjustment(NEW, march(12), 3)
    ]


def test_a_decrease_of_a_line_of_which_a_seat_waits_is_made() -> None:
    """Ten of another subscription's seats end while one waits."""
    others = subscription(version(1, march(1), ESS=50), version(2, march(14), ESS=40), id="sub_2")
    assert after({"cus_1": [MOVED, others]}, stuck={OLD}) == [Adjustment(NEW, march(14), -9)]


@pytest.mark.parametrize(
    ("first", "edited", "waiting"),
    [(MOVED, False, 1), (MOVED, True, 1), (CHANGED, False, 1), (CHANGED, True, 1)],
    ids=["part, parked there", "part, edited", "whole, parked there", "whole, edited"],
)
def test_a_line_that_is_parked_without_being_adjusted_here_keeps_back_as_many(
    first: Subscription, edited: bool, waiting: int
) -> None:
    """On another contract, or because somebody changed it by hand. While one only settles, all wait: that is known soon."""
    found = want({"cus_1": [first, subscription(version(1, march(12), ESS=50), id="sub_2")]}, UNNAMED)
    level = {key: one.units.until(march(9)) for key, one in found.demands.items()}
    old, new = gaps_of(found, level, {})
    seats_that_come = {one: theirs for one, theirs in found.seats_that_come.items() if isinstance(one, Link)}

    def made(elsewhere: Gap) -> Adjustments:
        return adjustments_for(
            [new], found.links, {OLD: elsewhere}, found.families, seats_that_come, found.units_of
        )

    plan = made(replace(old, parked=True, edited=edited))
    assert plan.in_order == (Adjustment(NEW, march(12), 50),)
    assert plan.blocked == {NEW: Adjustment(NEW, march(10), waiting)}
    assert made(old).in_order == ()


def test_a_plan_change_as_a_whole_waits_with_all_its_own_seats() -> None:
    """One seat became three of the other plan: none is billed beside the old one, and another subscription's are."""
    three = subscription(version(1, march(1), ADV=1), version(2, march(10), ESS=3))
    others = subscription(version(1, march(12), ESS=50), id="sub_2")
    assert after({"cus_1": [three, others]}, stuck={OLD}, plans=UNNAMED) == [Adjustment(NEW, march(12), 50)]


def test_an_old_plan_without_a_service_keeps_back_only_those_that_left_it() -> None:
    """Nobody knows what Autotask bills for it."""
    nowhere = {**UNNAMED, ADV: replace(NAMED[ADV], choices=(), family=None)}
    others = subscription(version(1, march(12), ESS=50), id="sub_2")
    found = want({"cus_1": [CHANGED], "cus_2": [others]}, nowhere)
    [unplaced] = found.unplaced
    whose = found.seats_that_come[unplaced]
    assert whose == {("cus_1", "sub_1", ESS)}
    assert found.units_of(NEW, whose).at(march(12)) == 1


def test_whose_seats_come_is_told_without_what_the_terms_give_for_nothing() -> None:
    """Two of a customer's seats are included: of three in two subscriptions one is billed, and it would not be without either of them."""
    free = Policy(included={ESS: 2})
    others = subscription(version(1, march(1), ESS=2), id="sub_2")
    customer = Customer("cus_1", mapping(), (CHANGED, others), free)
    found = desired([customer], UNNAMED, GRIDS, TODAY)
    [whose] = [one for link, one in found.seats_that_come.items() if (link.up, link.day) == (NEW, march(10))]
    assert whose == {("cus_1", "sub_1", ESS)}
    assert found.units_of(NEW, whose).at(march(12)) == 1


@pytest.mark.parametrize(
    ("staying", "made"),
    [(0, []), (1, [Adjustment(NEW, march(10), 31)]), (35, [Adjustment(NEW, march(10), 35)])],
    ids=["nobody else", "one seat that stays", "more seats than the minimum"],
)
def test_a_minimum_is_not_billed_beside_the_old_plans_of_all_seats_that_come(
    staying: int, made: list[Adjustment]
) -> None:
    """At least 31 are billed: of 7 and 26 seats that come, each adds two to the other. All wait but for what is billed without both."""
    seven = subscription(version(1, march(1), ADV=7), version(2, march(10), ESS=7))
    others = subscription(version(1, march(1), ADV=26), version(2, march(10), ESS=26), id="sub_2")
    more = [subscription(version(1, march(10), ESS=staying), id="sub_3")] if staying else []
    customer = Customer("cus_1", mapping(), (seven, others, *more), Policy(minimum={ESS: 31}))
    found = desired([customer], UNNAMED, GRIDS, TODAY)
    level = {key: one.units.until(march(9)) for key, one in found.demands.items()}
    assert [*plan_of(found, gaps_of(found, level, {}), {OLD}).in_order] == made


def lacking_at_most(found: Desired, gaps: Sequence[Gap], line: LineKey) -> int:
    """What the other lines have too many at the end, and the seats of plan changes that happen as a whole."""
    end = march(31)
    too_many = sum(max(0, one.observed.at(end) - one.desired.at(end)) for one in gaps if one.line != line)
    whole = frozenset[Whose]().union(
        *(
            theirs
            for link, theirs in found.seats_that_come.items()
            if link.up == line and not getattr(link, "beside", False)
        )
    )
    return too_many + found.units_of(line, whole).at(end)


@pytest.mark.parametrize("stuck", [{OLD}, {OLD, NEW}, {THIRD}], ids=["one", "two", "third"])
@pytest.mark.parametrize("plans", [NAMED, UNNAMED], ids=["named", "unnamed"])
@settings(max_examples=examples(60))
@given(histories(), histories())
def test_a_line_lacks_no_more_than_the_held_ones_have_too_many(
    plans: Mapping[str, PlanMapping],
    stuck: Collection[LineKey],
    one: list[Subscription],
    other: list[Subscription],
) -> None:
    """Of two customers who share the lines; and no rise bills more seats of a named family than Timus has."""
    told = {"cus_1": one, "cus_2": [replace(each, id=f"{each.id}b", customer_id="cus_2") for each in other]}
    found = want(told, plans)
    had = sum_told([*told["cus_1"], *told["cus_2"]])
    gaps = gaps_of(found, {}, {})
    for today in (march(n) for n in range(1, 16)):
        held = stuck if today >= march(8) else ()
        due = [each for each in plan_of(found, gaps, held).in_order if each.day <= today]
        gaps = [
            replace(gap, observed=applied(gap.observed, Adjustments(tuple(due)), gap.line)) for gap in gaps
        ]
        if plans is NAMED and any(each.delta > 0 for each in due):
            billed = sum(gap.observed.at(today) for gap in gaps)
            assert billed <= had.at(today)
    for gap in gaps:
        if gap.line not in stuck:
            lacks = gap.desired.at(march(31)) - gap.observed.at(march(31))
            assert 0 <= lacks <= lacking_at_most(found, gaps, gap.line)
