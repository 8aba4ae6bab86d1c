"""Adjustments changes that schedules of the simulation have found: never two plans on a day, and never one forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import desired
from timus_autotask.domain.gap import Gap, in_all
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.domain.mapping import CustomerMapping, LineKey, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import NOTHING, Timeline

ADV, ESS, PRO = LineKey(1, 45), LineKey(1, 46), LineKey(1, 48)


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def steps(*pairs: tuple[int, int]) -> Timeline:
    """A timeline of (day of March, units)."""
    return Timeline.of((march(day), units) for day, units in pairs)


def gap(line: LineKey, wanted: Timeline, held: Timeline, start: int, *taken: int) -> Gap:
    """A line with days of March that can take no adjustment."""

    def open_day(day: date) -> date | None:
        while day in {march(n) for n in taken}:
            day += timedelta(days=1)
        return day

    return Gap(line, wanted, march(start), held, open_day)


def test_a_plan_that_had_to_wait_waits_for_what_was_left_in_the_meantime_too() -> None:
    """Wanted since the 11th, free from the 13th: on that day another plan, left just then, is billed until the 14th."""
    plan = adjustments_for(
        [
            gap(ESS, steps((9, 19), (11, 0)), steps((9, 19), (13, 0)), 9, 9, 11, 12, 13),
            gap(ADV, NOTHING, steps((13, 1)), 9, 13),
            gap(PRO, steps((11, 1), (13, 4)), NOTHING, 9),
        ],
        [Link(march(11), ESS, PRO), Link(march(13), ADV, PRO)],
    )
    assert plan.in_order == (Adjustment(ADV, march(14), -1), Adjustment(PRO, march(14), 4))


def test_a_plan_for_a_while_is_not_forgotten_where_somebody_lowered_the_old_one_later_on() -> None:
    """The old plan's fall leaves less than nothing on a later day; that bills nobody, so the new plan is still to come."""
    plan = adjustments_for(
        [
            gap(ESS, NOTHING, steps((1, 18), (13, 14)), 11),
            gap(PRO, steps((11, 27), (13, 0)), NOTHING, 11),
        ],
        [Link(march(11), ESS, PRO)],
    )
    assert Adjustment(PRO, march(11), 27) in plan.in_order


def test_a_plan_for_a_while_is_not_forgotten_where_the_old_one_comes_down_later_than_it_should() -> None:
    """The old plan's days are taken until the 15th: from the 16th to the end the new one is billed for what is left of its time."""
    plan = adjustments_for(
        [
            gap(ADV, steps((11, 17), (12, 0)), steps((1, 19), (11, 17), (15, 22)), 11, 11, 15),
            gap(ESS, steps((12, 26), (17, 0)), NOTHING, 11),
        ],
        [Link(march(12), ADV, ESS)],
    )
    assert plan.in_order == (
        Adjustment(ADV, march(16), -22),
        Adjustment(ESS, march(16), 26),
        Adjustment(ESS, march(17), -26),
    )


def test_units_that_a_person_put_on_another_plan_stop_no_rise_of_a_few_days() -> None:
    """24 instead of 16 until the next plan on the 11th; what somebody added to an older plan for then is no plan of Timus's."""
    kept = steps((11, 1))
    older = Gap(ESS, kept, march(9), kept, lambda day: day, kept=kept)
    plan = adjustments_for(
        [
            gap(ADV, steps((9, 24), (11, 0)), steps((9, 16)), 9, 9),
            older,
            gap(PRO, steps((11, 9)), NOTHING, 9),
        ],
        [Link(march(9), ESS, ADV), Link(march(11), ADV, PRO)],
    )
    assert plan.in_order == (
        Adjustment(ADV, march(10), 8),
        Adjustment(ADV, march(11), -24),
        Adjustment(PRO, march(11), 9),
    )


def test_a_rise_of_a_few_days_is_not_given_up_for_a_gateway_that_comes_back() -> None:
    """24 instead of 23 until the next plan on the 17th, while the gateway's fall is still unclear: the rise waits, and then is made.

    No day wants both, for the versions that did were overtaken; a plan that is billed again on the 17th would end the rise.
    """
    gateway = LineKey(1, 47)
    rise = gap(ADV, steps((13, 24), (17, 0)), steps((1, 23)), 13)
    back = gap(gateway, steps((17, 3)), steps((1, 3)), 13)
    links = [Link(march(13), gateway, ADV, beside=True)]
    assert adjustments_for([rise], links, {gateway: back}) == Adjustments(
        (), {ADV: Adjustment(ADV, march(13), 1)}
    )
    assert adjustments_for([rise, replace(back, observed=steps((1, 3), (13, 0)))], links).in_order == (
        Adjustment(ADV, march(13), 1),
        Adjustment(ADV, march(17), -24),
        Adjustment(gateway, march(17), 3),
    )
    plans = adjustments_for([rise], [replace(links[0], beside=False)], {gateway: back})
    assert plans.in_order == (Adjustment(ADV, march(17), -23),)


def test_what_a_person_put_on_a_line_is_no_plan_of_timus() -> None:
    """Kept or added for later, and the same unit only once: the rest is what a plan can be, on whichever day anything changes."""
    line = Gap(ESS, NOTHING, march(1), NOTHING, lambda day: day, kept=steps((11, 1)), added=steps((13, 2)))
    assert line.units_of_plans(steps((1, 5), (11, 6), (13, 7))) == steps((1, 5))
    assert line.units_of_plans(steps((1, 5))) == steps((1, 5), (11, 4), (13, 3))


@pytest.mark.parametrize(
    ("on", "too_many", "from_then"), [(4, 0, 0), (5, 3, 3), (9, 3, 3), (10, 0, 2), (12, 2, 2), (20, 0, 0)]
)
def test_how_many_units_of_plans_are_too_many(on: int, too_many: int, from_then: int) -> None:
    """On a day, and on that day or later; before the line's first day nothing is, and what comes down on it is another change."""
    line = Gap(ESS, steps((1, 5)), march(5), NOTHING, lambda day: day)
    observed = steps((1, 8), (10, 5), (12, 7), (20, 4))
    assert line.too_many_on(march(on), observed) == too_many
    assert line.too_many_from(march(on), observed) == from_then


def test_before_a_lines_first_day_counts_what_it_had_on_the_eve() -> None:
    """Eight on the 4th, neither the five of the days before nor the ten of the day after its first: two more are too many."""
    line = Gap(ESS, NOTHING, march(5), NOTHING, lambda day: day)
    assert line.too_many_from(march(2), steps((1, 5), (4, 8), (6, 10))) == 2


ONE = Gap(ESS, steps((1, 5)), march(3), NOTHING, lambda _: march(4))
LATER = Gap(ADV, steps((1, 1)), march(5), NOTHING, lambda _: None)


def test_lines_that_count_as_one_are_the_line_of_the_first_to_begin() -> None:
    """So are the days on which they can be changed."""
    together = in_all([(LATER, steps((1, 2))), (ONE, steps((1, 5), (3, 6)))])
    assert (together.line, together.start, together.open_day(march(1))) == (ESS, march(3), march(4))


def test_a_line_that_begins_later_than_the_others_counts_until_then_with_what_it_had_on_the_eve() -> None:
    """Wanted or not: nothing of it is known to be too many before."""
    together = in_all([(LATER, steps((1, 2), (6, 3))), (ONE, steps((1, 5), (3, 6)))])
    assert together.desired.between(march(3), march(9)) == steps((3, 7), (5, 6))
    assert together.observed.between(march(3), march(9)) == steps((3, 8), (6, 9))


def test_a_line_is_level_when_its_plan_is() -> None:
    """Beside one kept unit nothing is left from the 12th on; a second one would be of the plan."""
    line = Gap(ESS, steps((1, 1)), march(1), NOTHING, lambda day: day, kept=steps((1, 1)))
    assert line.level_from(march(10), steps((1, 5), (12, 1))) == march(12)
    assert line.level_from(march(10), steps((1, 5), (12, 2))) is None


def test_an_add_on_of_another_contract_that_is_wanted_again_later_has_not_come_down_by_then() -> None:
    """It was taken away on the 11th and comes again on the 14th: the plan waits for the other contract, and not until the 14th."""
    there = LineKey(2, 47)
    up, links = gap(ESS, steps((1, 4), (11, 12)), steps((1, 4)), 1), [Link(march(11), there, ESS)]

    def waiting(held: Timeline) -> Adjustments:
        return adjustments_for([up], links, {there: gap(there, steps((1, 2), (11, 0), (14, 2)), held, 1)})

    assert waiting(steps((1, 2))) == Adjustments((), {ESS: Adjustment(ESS, march(11), 8)})
    assert waiting(steps((1, 2), (12, 0))).in_order == (Adjustment(ESS, march(12), 8),)
    assert waiting(steps((1, 2), (11, 0))).in_order == (Adjustment(ESS, march(11), 8),)


def test_an_add_on_of_another_contract_that_cannot_come_down_before_it_is_wanted_again_is_not_waited_for() -> (
    None
):
    """Wanted no more from the 11th to the 14th, on days that are taken: it is level on the 14th, and the plan goes up then."""
    there = LineKey(2, 47)
    up, links = gap(ESS, steps((1, 4), (11, 12)), steps((1, 4)), 1), [Link(march(11), there, ESS)]

    def waiting(*taken: int) -> Adjustments:
        other = gap(there, steps((1, 2), (11, 0), (14, 2)), steps((1, 2)), 1, *taken)
        return adjustments_for([up], links, {there: other})

    assert waiting(11, 12, 13).in_order == (Adjustment(ESS, march(14), 8),)
    assert waiting(11, 12) == Adjustments((), {ESS: Adjustment(ESS, march(11), 8)})


def test_a_plan_that_was_over_when_we_first_heard_of_it_counts_for_the_next_one() -> None:
    """Autotask may bill it from before: the new plan waits for it like for any other."""

    def version(number: int, day: int, cancel_at: date | None = None, **items: int) -> Version:
        return Version(
            number, march(day), tuple(items.items()), "active", cancel_at, None, f"evt_{number}", "x"
        )

    over = version(2, 12, cancel_at=march(10), ADV=14)
    plans = {
        sku: PlanMapping(sku, (ServiceChoice(line.service_id),)) for sku, line in (("ADV", ADV), ("ESS", ESS))
    }
    mapping = CustomerMapping("cus_1", (Routing((Route(600, 1),)),))
    subscription = Subscription("sub_1", "cus_1", (over, version(4, 10, ESS=14)))
    found = desired([Customer("cus_1", mapping, (subscription,))], plans, {}, march(11))
    assert Link(march(10), ADV, ESS) in found.links


def test_a_plan_that_comes_back_from_before_the_other_one_waits_for_it() -> None:
    """By what Timus says it never left; in Autotask it came down for the other one, which has to go first."""

    def version(number: int, day: int, **items: int) -> Version:
        return Version(number, march(day), tuple(items.items()), "active", None, None, f"evt_{number}", "x")

    subscription = Subscription(
        "sub_1", "cus_1", (version(1, 14, ADV=38), version(2, 16, ESS=9), version(3, 15, ADV=8))
    )
    plans = {
        sku: PlanMapping(sku, (ServiceChoice(line.service_id),)) for sku, line in (("ADV", ADV), ("ESS", ESS))
    }
    mapping = CustomerMapping("cus_1", (Routing((Route(600, 1),)),))
    found = desired([Customer("cus_1", mapping, (subscription,))], plans, {}, march(17))
    assert found.demands[ADV].units == steps((14, 38), (15, 8))
    assert any(link.down == ESS and link.up == ADV and link.day <= march(17) for link in found.links)


GATEWAY = LineKey(1, 47)


@pytest.mark.parametrize(
    ("named", "waits"),
    [(("ADV", "ESS"), False), (("ADV",), True), ((), True)],
    ids=["both users", "one of them", "nobody said"],
)
def test_seats_of_a_named_family_wait_for_no_sku_of_which_nobody_said_anything(
    named: tuple[str, ...], waits: bool
) -> None:
    """10 gateways go and 12 users come on one day: by the numbers they might be seats that move, and people said that they are not."""
    lines = (("ADV", ADV), ("ESS", ESS), ("GW", GATEWAY))
    plans = {
        sku: PlanMapping(sku, (ServiceChoice(line.service_id),), family="users" if sku in named else None)
        for sku, line in lines
    }

    def version(number: int, day: int, **items: int) -> Version:
        return Version(number, march(day), tuple(items.items()), "active", None, None, f"evt_{number}", "x")

    versions = (version(1, 10, ADV=19, ESS=2, GW=10), version(2, 11, ADV=20, ESS=14))
    mapping = CustomerMapping("cus_1", (Routing((Route(600, 1),)),))
    customer = Customer("cus_1", mapping, (Subscription("sub_1", "cus_1", versions),))
    found = desired([customer], plans, {}, march(12))
    assert any(link.down == GATEWAY and link.up == ESS for link in found.links) is waits
    assert any(GATEWAY in family and ESS in family for family in found.families) is waits
    assert any({ADV, ESS} <= family for family in found.families) is ("ESS" in named)


def test_units_for_a_while_are_left_out_where_they_could_not_be_taken_back() -> None:
    """16 for two days, told late: on the 4th, which is taken, they would stay on top of the 17 for good."""
    wanted, held = steps((1, 16), (3, 0)), steps((4, 17))
    plan = adjustments_for([gap(ADV, wanted, held, 1, 4)])
    assert plan.in_order == (Adjustment(ADV, march(5), -17),)


@pytest.mark.parametrize(("rising", "falling"), [(ADV, ESS), (ESS, ADV)])
def test_a_plan_for_a_while_whose_day_is_taken_goes_up_as_the_other_comes_down_on_that_very_day(
    rising: LineKey, falling: LineKey
) -> None:
    """Wanted are 5 from the 10th, 4 from the 12th, which is the first free day, and 0 from the 20th. Which line has the lower number does not matter."""
    plan = adjustments_for(
        [
            gap(rising, steps((10, 5), (12, 4), (20, 0)), NOTHING, 1, *range(1, 12)),
            gap(falling, NOTHING, steps((12, 4)), 1),
        ],
        [Link(march(10), falling, rising)],
    )
    assert plan.in_order == (
        Adjustment(falling, march(12), -4),
        Adjustment(rising, march(12), 4),
        Adjustment(rising, march(20), -4),
    )


def test_what_a_plan_lacks_for_a_while_is_not_left_out_on_the_day_on_which_the_other_comes_down() -> None:
    """4 are wanted since the 3rd, and 1 is billed from the 9th on: on the 11th it lacks 3, fewer than before, as the other plan comes down."""
    plan = adjustments_for(
        [
            gap(ESS, steps((3, 4)), steps((9, 1), (12, 2)), 1, 1),
            gap(PRO, NOTHING, steps((9, 1), (11, 3)), 1, 3, 8, 12),
        ],
        [Link(march(12), PRO, ESS)],
    )
    assert plan.in_order == (
        Adjustment(PRO, march(9), -1),
        Adjustment(PRO, march(11), -2),
        Adjustment(ESS, march(11), 3),
        Adjustment(ESS, march(12), -1),
    )


def test_what_is_too_many_comes_off_before_the_day_of_an_edit_that_was_brought_back() -> None:
    """Somebody added 10 on the 10th, and we took them off from the 11th on. Then Timus says 10 less since the 2nd, whose day is taken.

    The edit stays on its own day. It is no reason to leave the days from the 3rd on as they are.
    """
    held = steps((1, 10), (2, 20), (10, 30), (11, 20))
    edited = replace(gap(ADV, steps((1, 10)), held, 1, 2, 10, 11), edited_on=frozenset({march(10)}))
    assert adjustments_for([edited]).in_order == (Adjustment(ADV, march(3), -10),)


def test_what_comes_to_the_day_of_an_edit_is_what_the_days_before_get() -> None:
    """The same, and from the 12th on Timus says 14: these are no reason either."""
    held = steps((1, 10), (2, 20), (10, 30), (11, 20))
    wanted = steps((1, 10), (12, 14))
    edited = replace(gap(ADV, wanted, held, 1, 2, 10, 11), edited_on=frozenset({march(10)}))
    assert adjustments_for([edited]).in_order == (
        Adjustment(ADV, march(3), -10),
        Adjustment(ADV, march(12), 4),
    )


def test_what_is_missing_before_the_day_of_an_edit_that_was_brought_back_is_made() -> None:
    """Somebody took 10 off on the 10th, and we put them on again on the 11th. Then Timus says 5 more since the 2nd."""
    held = steps((1, 10), (2, 20), (10, 10), (11, 20))
    edited = replace(gap(ADV, steps((1, 10), (2, 25)), held, 1, 2, 10, 11), edited_on=frozenset({march(10)}))
    assert adjustments_for([edited]).in_order == (Adjustment(ADV, march(3), 5),)


some_steps = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 9)), max_size=4).map(
    lambda pairs: steps(*sorted(pairs))
)


@given(some_steps, some_steps, st.sets(st.integers(1, 12), max_size=4))
def test_nothing_is_left_half_way(wanted: Timeline, held: Timeline, taken: set[int]) -> None:
    """However often it is planned anew: in the end each day that could be changed is as wanted, or as it was."""
    shut, now, posts = set(taken), held, 0
    while plan := adjustments_for([gap(ADV, wanted, now, 1, *shut)]).in_order:
        first = plan[0]
        assert first.day.day not in shut
        now, shut, posts = now.add_from(first.day, first.delta), shut | {first.day.day}, posts + 1
        assert posts < 30
        if any(units < 0 for _, units in now.steps):
            return  # Autotask refuses that, and a person is told
    for day in sorted({*range(1, 31)} - taken):
        assert now.at(march(day)) in (wanted.at(march(day)), held.at(march(day)))
