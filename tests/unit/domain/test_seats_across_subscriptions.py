"""A plan that is replaced by one in another subscription: of a named family no seat is billed twice, and none waits without need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.examples import examples
from tests.unit.domain.test_adjustments import applied
from tests.unit.domain.test_desired import (
    ADV,
    ESS,
    GRIDS,
    NEW,
    OLD,
    PLANS,
    TODAY,
    mapping,
    march,
    subscription,
    units,
    version,
)
from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.dating import after_seats_that_stay
from timus_autotask.domain.desired import Desired, desired
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import LineKey, PlanMapping, Route, ServiceChoice
from timus_autotask.domain.plan_change import Link, Unplaced
from timus_autotask.domain.policy import EffectiveDay, Policy
from timus_autotask.domain.timeline import Timeline

PRO = "PRO"
THIRD = LineKey(1, 48)
NAMED = {
    sku: PlanMapping(sku, (ServiceChoice(key.service_id),), family="plans")
    for sku, key in ((ADV, OLD), (ESS, NEW), (PRO, THIRD))
}
LATER = Policy(decreases=EffectiveDay.NEXT_PERIOD)
"""The period of the contract begins on the 15th."""

ENDS = subscription(
    version(1, march(1), ADV=28), version(2, march(10), cancel_at=march(10), status="canceled", ADV=28)
)
BEGINS = subscription(version(1, march(10), ESS=28), id="sub_2")


def want(
    *told: Subscription,
    plans: Mapping[str, PlanMapping] = NAMED,
    policy: Policy | None = None,
    routes: Sequence[Route] = (),
) -> Desired:
    """What the lines of the customer should have."""
    customer = Customer("cus_1", mapping(*routes), told, policy or Policy())
    return desired([customer], plans, GRIDS, TODAY)


def gaps_of(found: Desired, held: Mapping[LineKey, Timeline], shut: Mapping[LineKey, set[int]]) -> list[Gap]:
    """The lines to plan; ``shut`` are days of March that take no adjustment."""
    return [
        Gap(key, one.units, one.start, held.get(key, Timeline()), opens_march(shut.get(key, set())))
        for key, one in found.demands.items()
    ]


def opens_march(shut: set[int]) -> Callable[[date], date | None]:
    """The first day of March at or after a given one that is not shut."""

    def open_day(day: date) -> date | None:
        while day.month == 3 and day.day in shut:
            day += timedelta(days=1)
        return day

    return open_day


def planned(found: Desired, gaps: Sequence[Gap]) -> tuple[Adjustment, ...]:
    """The adjustments of these lines."""
    return adjustments_for(gaps, found.links, families=found.families).in_order


# -- Between which lines seats move


def test_a_named_family_holds_over_all_subscriptions_of_a_customer() -> None:
    """Its lines of one contract are told as a family, and what fell in one subscription is joined with what others have."""
    found = want(ENDS, BEGINS)
    assert found.families == (frozenset({OLD, NEW}),)
    assert found.links == (Link(march(10), OLD, NEW, beside=True, across=True),)


def test_whose_seats_come_with_a_plan_change_is_told() -> None:
    """Those of the subscription in which it is; from one subscription to another it may be any of the customer's."""
    across = want(ENDS, BEGINS)
    assert across.seats_that_come == {across.links[0]: frozenset({("cus_1", "", ESS)})}
    within = want(subscription(version(1, march(1), ADV=28), version(2, march(10), ESS=28)))
    change = Link(march(10), OLD, NEW)
    assert within.seats_that_come[change] == frozenset({("cus_1", "sub_1", ESS)})


def test_a_plan_of_another_subscription_without_a_service_is_told() -> None:
    """It may still be billed where we do not look."""
    nowhere = {**NAMED, ADV: replace(NAMED[ADV], choices=())}
    assert want(ENDS, BEGINS, plans=nowhere).unplaced == (Unplaced(march(10), ADV, NEW),)


def test_a_plan_that_only_one_subscription_has_is_joined_with_nothing_of_others() -> None:
    """It became another plan of the same subscription; the other one has only the first of them."""
    moves = subscription(version(1, march(1), ADV=28), version(2, march(10), ESS=28))
    stays = subscription(version(1, march(1), ADV=5), id="sub_2")
    assert not any(one.across for one in want(moves, stays).links)


def since(*pairs: tuple[int, int]) -> Timeline:
    """Units since days of March."""
    return Timeline.of((march(day), number) for day, number in pairs)


def test_as_many_seats_that_come_wait_as_the_terms_keep_billed() -> None:
    """Five stay until the 15th: three and two of those that come on the 10th wait for them, the other two do not."""
    told = [since((1, 5), (10, 0)), since((10, 3)), since((10, 4))]
    billed = [since((1, 5), (15, 0)), *told[1:]]
    assert after_seats_that_stay(billed, told) == [billed[0], since((15, 3)), since((10, 2), (15, 4))]


def test_what_is_bought_beside_does_not_wait_for_seats_that_stay_until_their_own_plan_change() -> None:
    """Four seats move on the 10th, and the terms bill both sides from the 15th. So 26 others come on the 10th: with the four they are all."""
    told = [since((1, 4), (10, 0)), since((10, 4)), since((10, 26))]
    billed = [since((1, 4), (15, 0)), since((15, 4)), since((10, 26))]
    assert after_seats_that_stay(billed, told) == billed


def test_what_timus_had_only_while_it_waited_is_not_billed_afterwards() -> None:
    """One of three waits until the 13th, and is gone since the 12th."""
    told = [since((1, 1), (10, 0)), since((10, 3), (12, 1))]
    billed = [since((1, 1), (13, 0)), since((10, 3), (15, 1))]
    assert after_seats_that_stay(billed, told) == [billed[0], since((10, 2), (15, 1))]


def test_what_the_terms_bill_before_it_is_reported_keeps_nothing_waiting() -> None:
    """Increases from the start of the period."""
    told = [since((5, 3)), since((1, 2))]
    billed = [since((1, 3)), since((1, 2))]
    assert after_seats_that_stay(billed, told) == billed


@pytest.mark.parametrize(
    "families",
    [(None, None), ("plans", None), ("plans", "dns"), ("plans", "")],
    ids=["nobody has said", "one of two", "two families", "an add-on"],
)
def test_without_one_name_for_both_two_subscriptions_have_nothing_to_do_with_each_other(
    families: tuple[str | None, str | None],
) -> None:
    """Even where the numbers are equal: a client may give up one thing and order another on one day."""
    plans = {sku: replace(PLANS[sku], family=one) for sku, one in zip((ADV, ESS), families, strict=True)}
    found = want(ENDS, BEGINS, plans=plans)
    assert (found.families, found.links) == ((), ())


def test_two_customers_of_a_contract_do_not_wait_for_each_other() -> None:
    """A family is one customer's seats."""
    other = replace(BEGINS, customer_id="cus_2")
    customers = [
        Customer("cus_1", mapping(), (ENDS,), Policy()),
        Customer("cus_2", replace(mapping(), customer_id="cus_2"), (other,), Policy()),
    ]
    found = desired(customers, NAMED, GRIDS, TODAY)
    assert (found.families, found.links) == ((), ())


def test_a_plan_on_another_contract_is_none_of_this_one() -> None:
    """A family holds per contract."""
    found = want(ENDS, BEGINS, routes=(Route(600, 1), Route(600, 2, ESS)))
    assert (found.families, found.links) == ((), ())


def test_a_subscription_alone_is_told_as_before() -> None:
    """What moves within one waits for all of the plan that it leaves, if it never had both."""
    found = want(subscription(version(1, march(1), ADV=28), version(2, march(10), ESS=28)))
    assert found.families == ()
    assert [one.across for one in found.links if one.day == march(10)] == [False]


# -- Seat by seat

HELD = {OLD: Timeline.of([(march(1), 28)])}


def test_the_new_plan_waits_until_the_old_one_can_come_down() -> None:
    """28 + 28 were billed on the taken day before."""
    found = want(ENDS, BEGINS)
    assert planned(found, gaps_of(found, HELD, {OLD: {10, 11}})) == (
        Adjustment(OLD, march(12), -28),
        Adjustment(NEW, march(12), 28),
    )


def test_a_part_of_the_seats_waits_and_more_go_up_at_once() -> None:
    """20 leave one subscription and 25 come in the other: five of these are new."""
    less = subscription(version(1, march(1), ADV=28), version(2, march(10), ADV=8))
    found = want(less, subscription(version(1, march(10), ESS=25), id="sub_2"))
    assert planned(found, gaps_of(found, HELD, {OLD: {10}})) == (
        Adjustment(NEW, march(10), 5),
        Adjustment(OLD, march(11), -20),
        Adjustment(NEW, march(11), 20),
    )


def test_seats_that_come_before_others_leave_do_not_wait() -> None:
    """Timus had both on those days."""
    found = want(ENDS, subscription(version(1, march(8), ESS=28), id="sub_2"))
    assert planned(found, gaps_of(found, HELD, {OLD: {10}})) == (
        Adjustment(NEW, march(8), 28),
        Adjustment(OLD, march(11), -28),
    )


# -- By the terms


def test_what_comes_waits_for_what_the_terms_keep_billed() -> None:
    """Decreases are billed from the next period on: 28 of the old plan until then, and only what is more of the new one."""
    found = want(ENDS, subscription(version(1, march(10), ESS=30), id="sub_2"), policy=LATER)
    assert units(found) == (("2026-03-01", 28), ("2026-03-15", 0))
    assert units(found, NEW) == (("2026-03-10", 2), ("2026-03-15", 30))


def test_the_same_plan_in_another_subscription_waits_too() -> None:
    """One line: 28 seats stay 28."""
    found = want(ENDS, subscription(version(1, march(10), ADV=28), id="sub_2"), policy=LATER)
    assert units(found) == (("2026-03-01", 28),)


def test_seats_that_were_there_before_keep_their_bill() -> None:
    """Ten of them; and what is taken off again meanwhile has never come."""
    second = subscription(
        version(1, march(1), ESS=10),
        version(2, march(10), ESS=20),
        version(3, march(12), ESS=15),
        id="sub_2",
    )
    assert units(want(ENDS, second, policy=LATER), NEW) == (("2026-03-01", 10), ("2026-03-15", 15))


def test_what_is_billed_before_timus_reports_it_makes_nothing_wait() -> None:
    """An increase that the terms date back to the start of its period has left nothing: a third subscription comes on its day."""
    early = Policy(increases=EffectiveDay.THIS_PERIOD)
    second = subscription(version(1, march(1), ESS=10), version(2, march(20), ESS=38), id="sub_2")
    third = subscription(version(1, march(17), PRO=5), id="sub_3")
    found = want(subscription(version(1, march(1), ADV=28)), second, third, policy=early)
    assert units(found, NEW) == (("2026-03-01", 10), ("2026-03-15", 38))
    assert units(found, THIRD) == (("2026-03-17", 5),)


# -- Whatever happens


@st.composite
def histories(draw: st.DrawFn) -> list[Subscription]:
    """Two or three subscriptions of three plans, each with up to three versions; some end."""
    found = []
    for n in range(draw(st.integers(2, 3))):
        days = sorted(draw(st.sets(st.integers(1, 14), min_size=1, max_size=3)))
        versions = [
            version(
                number,
                march(day),
                march(draw(st.integers(day, 14))) if draw(st.booleans()) else None,
                "active",
                **draw(st.dictionaries(st.sampled_from([ADV, ESS, PRO]), st.integers(0, 5), min_size=1)),
            )
            for number, day in enumerate(days, 1)
        ]
        found.append(subscription(*versions, id=f"sub_{n}"))
    return found


def sum_told(told: Sequence[Subscription]) -> Timeline:
    """What Timus has of all plans together."""
    return reduce(Timeline.plus, (one.quantity(sku) for one in told for sku in one.skus), Timeline())


@settings(max_examples=examples(300))
@given(histories(), st.sampled_from([Policy(), LATER]))
def test_the_terms_bill_no_rise_above_what_timus_has(told: list[Subscription], policy: Policy) -> None:
    """On each day there are no more seats to bill than Timus has, or than were billed the day before."""
    found = want(*told, policy=policy)
    billed = reduce(Timeline.plus, (one.units for one in found.demands.values()))
    had = sum_told(told)
    for day in billed.days:
        assert billed.at(day) <= max(had.at(day), billed.at(day - timedelta(days=1)))
    assert billed.at(march(31)) == had.at(march(31))


@settings(max_examples=examples(300))
@given(
    histories(),
    st.fixed_dictionaries({key: st.sets(st.integers(2, 16), max_size=4) for key in (OLD, NEW, THIRD)}),
)
def test_no_rise_bills_more_seats_than_timus_has_over_all_subscriptions(
    told: list[Subscription], shut: dict[LineKey, set[int]]
) -> None:
    """Whatever day takes no adjustment; in the end all lines are level."""
    found, had = want(*told), sum_told(told)
    gaps = gaps_of(found, {}, shut)
    for n in range(1, 25):
        today = march(n)
        due = [one for one in planned(found, gaps) if one.day <= today]
        gaps = [
            replace(one, observed=applied(one.observed, Adjustments(tuple(due)), one.line)) for one in gaps
        ]
        billed = sum(one.observed.at(today) for one in gaps)
        assert billed <= had.at(today) or not any(one.delta > 0 for one in due)
    assert [one.observed.at(march(24)) for one in gaps] == [one.desired.at(march(24)) for one in gaps]
