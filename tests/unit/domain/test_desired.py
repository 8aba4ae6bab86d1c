"""Desired: Timus's quantities, routed and on the partner's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.dating import dated
from timus_autotask.domain.desired import (
    Demand,
    Desired,
    Source,
    Unrouted,
    desired,
)
from timus_autotask.domain.history import Cause, Subscription, Version
from timus_autotask.domain.mapping import (
    CustomerMapping,
    Ignored,
    LineKey,
    PlanMapping,
    Route,
    Routing,
    ServiceChoice,
)
from timus_autotask.domain.placement import Placement
from timus_autotask.domain.plan_change import Link, Unplaced
from timus_autotask.domain.policy import BillingSchedule, EffectiveDay, Policy
from timus_autotask.domain.timeline import NOTHING, Timeline

ADV, ESS = "ADV", "ESS"
OLD, NEW = LineKey(1, 45), LineKey(1, 46)
PLANS = {ADV: PlanMapping(ADV, (ServiceChoice(45),)), ESS: PlanMapping(ESS, (ServiceChoice(46),))}
GRIDS = {1: BillingSchedule(date(2026, 1, 15), 1)}
TODAY = date(2026, 3, 20)


def version(
    number: int, day: date, cancel_at: date | None = None, status: str = "active", **items: int
) -> Version:
    """A version with these quantities."""
    return Version(
        number, day, tuple(sorted(items.items())), status, cancel_at, date(2026, 12, 31), f"evt_{number}", "x"
    )


def subscription(*versions: Version, id: str = "sub_1") -> Subscription:  # noqa: A002 - as the record names it
    """A subscription with this history."""
    return Subscription(id, "cus_1", versions)


def mapping(*routes: Route, **more: object) -> CustomerMapping:
    """The customer routed to these contracts."""
    return CustomerMapping("cus_1", (Routing(routes or (Route(600, 1),)),), **more)  # type: ignore[arg-type]


def want(
    *subscriptions: Subscription, policy: Policy | None = None, to: CustomerMapping | None = None
) -> Desired:
    """What the lines of the customer should have."""
    customer = Customer("cus_1", to or mapping(), subscriptions, policy or Policy())
    return desired([customer], PLANS, GRIDS, TODAY)


def units(found: Desired, key: LineKey = OLD) -> tuple[tuple[str, int], ...]:
    """The steps of a line, readable."""
    return tuple((day.isoformat(), n) for day, n in found.demands[key].units.steps)


def changes(found: Desired) -> tuple[Link, ...]:
    """The plan changes of the days after the first of March, on which the histories here begin."""
    return tuple(link for link in found.links if link.day > march(1))


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def steps(*pairs: tuple[date, int]) -> Timeline:
    """A timeline."""
    return Timeline.of(pairs)


def test_versions_hold_from_their_day() -> None:
    """Each version is billed from its effective day on."""
    found = want(subscription(version(1, march(1), ADV=10), version(2, march(10), ADV=12)))
    assert units(found) == (("2026-03-01", 10), ("2026-03-10", 12))
    assert found.demands[OLD].start == march(1)


def test_what_was_billed_on_another_contract_service_is_not_made_up_for() -> None:
    """Before the day on which a person chose another one, and at most from the first day that Timus has reported."""
    customer = Customer("cus_1", mapping(), (subscription(version(1, march(3), ADV=10)),), Policy())

    def start(day: date) -> tuple[date, date | None]:
        """And the first day that Timus has reported, where that was billed on the other one."""
        demand = desired([customer], PLANS, GRIDS, TODAY, {OLD: day}).demands[OLD]
        return demand.start, demand.earliest

    assert (start(march(1)), start(march(8))) == ((march(3), None), (march(8), march(3)))
    assert start(march(3)) == (march(3), None)


def test_what_is_to_be_billed_is_told_of_each_sku() -> None:
    """Whether or not it has a line."""
    found = want(
        subscription(version(1, march(1), ADV=10, GATEWAY=1), version(2, march(5), ADV=12, GATEWAY=1))
    )
    assert found.billed == {
        ("cus_1", ADV): steps((march(1), 10), (march(5), 12)),
        ("cus_1", "GATEWAY"): steps((march(1), 1)),
    }


def test_what_was_cancelled_before_timus_said_so_is_told_of_the_line() -> None:
    """Of the SKU that is billed there, from the day of the cancellation to that of the news."""
    found = want(subscription(version(1, march(1), ADV=10), version(2, march(10), march(5), ADV=10)))
    assert found.demands[OLD].outlived == steps((march(5), 10), (march(10), 0))


def test_all_units_of_a_line_were_cancelled_where_nothing_else_of_the_sku_is_left() -> None:
    """Five are billed for two by the terms. Where only one of the two was cancelled, so is one of the five."""
    five, two = steps((march(1), 5)), steps((march(1), 2))
    of_both = Source("cus_1", ADV, two, five, outlived=steps((march(5), 1), (march(10), 2), (march(12), 0)))
    found = replace(want(subscription(version(1, march(1), ADV=2))).demands[OLD], sources=(of_both,))
    assert found.outlived == steps((march(5), 1), (march(10), 5), (march(12), 0))


def test_the_end_of_a_subscription_is_news_only_of_what_it_has_or_had_units_of() -> None:
    """Else it would undo what people decided on other lines of the client: a rejected change was made, an approval was void."""
    ends = (version(1, march(1), ADV=10), version(2, march(10), march(10), "canceled", ADV=10))
    other = subscription(version(1, march(1), ESS=4), id="sub_2")
    found = want(subscription(*ends), other).demands
    assert (found[OLD].versions, found[NEW].versions) == ({"sub_1": 2}, {"sub_2": 1})


def test_the_newest_version_of_each_subscription_is_told() -> None:
    """Also where it says of a later day what an older one said of an earlier one."""
    one = subscription(version(1, march(1), ADV=10), version(3, march(5), ADV=12))
    other = subscription(version(2, march(1), ESS=1), id="sub_2")
    assert want(one, other).newest == {"sub_1": 3, "sub_2": 2}


def test_the_families_of_several_contracts_are_in_order() -> None:
    """So that nothing depends on the order in which they were found."""
    told = subscription(version(1, march(1), ADV=10, ESS=5), version(2, march(10), ADV=8, ESS=7))
    contracts = [*range(7, 0, -1)]
    found = want(told, to=mapping(*(Route(600, one, units=1) for one in contracts), Route(600, 8)))
    assert found.families == tuple(frozenset({LineKey(n, 45), LineKey(n, 46)}) for n in range(1, 9))


def test_a_line_tells_what_of_its_units_is_whose() -> None:
    """All SKUs of a customer together; somebody who has none there has nothing."""
    found = want(subscription(version(1, march(1), ADV=10))).demands[OLD]
    other = Source("cus_2", ESS, NOTHING, steps((march(5), 2)))
    shared = replace(found, sources=(*found.sources, other, replace(other, sku=ADV)))
    assert shared.part("cus_1") == steps((march(1), 10))
    assert shared.part("cus_2") == steps((march(5), 4))
    assert shared.part("cus_3") == NOTHING


def test_a_newer_version_of_an_earlier_day_takes_over_from_there() -> None:
    """The newest version wins on every day from its own on."""
    found = want(subscription(version(1, march(10), ADV=10), version(2, march(5), ADV=12)))
    assert units(found) == (("2026-03-05", 12),)


def test_several_subscriptions_add_up_on_a_line() -> None:
    """Units of one SKU are the sum over the customer's subscriptions."""
    one = subscription(version(1, march(1), ADV=10))
    two = subscription(version(1, march(5), ADV=3), id="sub_2")
    assert units(want(one, two)) == (("2026-03-01", 10), ("2026-03-05", 13))


def test_a_sku_that_disappeared_goes_to_zero() -> None:
    """A missing SKU has quantity 0."""
    found = want(subscription(version(1, march(1), ADV=10), version(2, march(10), ESS=10)))
    assert units(found) == (("2026-03-01", 10), ("2026-03-10", 0))
    assert changes(found) == (Link(march(10), OLD, NEW),)


def test_a_plan_that_falls_twice_has_fallen_since_the_first_time() -> None:
    """Until Autotask has followed, both decreases may be open there."""
    told = subscription(
        version(1, march(1), ADV=10), version(2, march(10), ADV=8), version(3, march(15), ADV=5)
    )
    placement = Placement(Customer("cus_1", mapping(), (told,)), PLANS)
    assert dated(told, placement, GRIDS).fallen == {ADV: march(10)}


def test_a_plan_change_whose_new_plan_gets_another_service_later_comes_there_too() -> None:
    """From the day on which the service is another one; the old plan may have to come down before that."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(10), ESS=10))
    to = mapping(services={ESS: (ServiceChoice(46), ServiceChoice(48, march(15)))})
    assert changes(want(told, to=to)) == (
        Link(march(10), OLD, NEW),
        Link(march(15), OLD, LineKey(1, 48)),
    )


def test_a_cancellation_ends_and_an_uncancel_takes_it_back() -> None:
    """A scheduled end is taken back by the next version that does not have it."""
    ended = (version(1, march(1), ADV=10), version(2, march(5), march(20), ADV=10))
    assert units(want(subscription(*ended))) == (("2026-03-01", 10), ("2026-03-20", 0))
    assert units(want(subscription(*ended, version(3, march(8), ADV=10)))) == (("2026-03-01", 10),)


def test_without_a_mapping_everything_is_unrouted() -> None:
    """A customer whom nobody mapped has quantities without a line."""
    found = desired(
        [Customer("cus_1", None, (subscription(version(1, march(1), ADV=10)),))], PLANS, {}, TODAY
    )
    assert found.demands == {}
    assert [(u.sku, u.units, u.reason) for u in found.unrouted] == [(ADV, 10, "customer-unmapped")]


def test_a_sku_without_a_service_is_unrouted() -> None:
    """Without a chosen or matched service the reason says which it is."""
    customer = Customer("cus_1", mapping(), (subscription(version(1, march(1), ADV=10)),))
    assert desired([customer], {}, {}, TODAY).unrouted[0].reason == "sku-unmapped"
    twice = {ADV: PlanMapping(ADV, candidates=(45, 46))}
    assert desired([customer], twice, {}, TODAY).unrouted[0].reason == "sku-ambiguous"


def test_a_customers_own_service_goes_before_the_partners() -> None:
    """An override of the plan mapping holds for that customer only."""
    found = want(subscription(version(1, march(1), ADV=10)), to=mapping(services={ADV: (ServiceChoice(99),)}))
    assert list(found.demands) == [LineKey(1, 99)]


def test_a_split_fills_fixed_units_first() -> None:
    """Fixed units go to one contract and all that is left to the other."""
    to = mapping(Route(600, 2, units=4), Route(600, 1))
    found = want(subscription(version(1, march(1), ADV=10), version(2, march(10), ADV=3)), to=to)
    assert units(found, LineKey(2, 45)) == (("2026-03-01", 4), ("2026-03-10", 3))
    assert units(found, LineKey(1, 45)) == (("2026-03-01", 6), ("2026-03-10", 0))


def test_a_skus_own_route_goes_before_the_general_one() -> None:
    """A second contract can take one SKU."""
    found = want(
        subscription(version(1, march(1), ADV=10, ESS=2)), to=mapping(Route(600, 1), Route(600, 2, sku=ESS))
    )
    assert sorted(found.demands) == [LineKey(1, 45), LineKey(2, 46)]


def test_a_move_to_another_contract_is_a_plan() -> None:
    """From the day of the new routing the old line has 0 and the new one the units."""
    moved = CustomerMapping(
        "cus_1", (Routing((Route(600, 1),)), Routing((Route(600, 2),), first_day=march(10)))
    )
    found = want(subscription(version(1, march(1), ADV=10)), to=moved)
    assert units(found, LineKey(1, 45)) == (("2026-03-01", 10), ("2026-03-10", 0))
    assert units(found, LineKey(2, 45)) == (("2026-03-10", 10),)
    assert found.demands[LineKey(2, 45)].start == march(10)


def test_included_minimum_and_excluded() -> None:
    """Included units are free, a minimum is kept while there is any unit, an excluded SKU is never billed."""
    told = subscription(
        version(1, march(1), ADV=10), version(2, march(10), ADV=2), version(3, march(12), ADV=0)
    )
    assert units(want(told, policy=Policy(included={ADV: 3}))) == (
        ("2026-03-01", 7),
        ("2026-03-10", 0),
    )
    assert units(want(told, policy=Policy(minimum={ADV: 5}))) == (
        ("2026-03-01", 10),
        ("2026-03-10", 5),
        ("2026-03-12", 0),
    )
    assert units(want(told, policy=Policy(excluded=(ADV,)))) == ()


NEXT, THIS = EffectiveDay.NEXT_PERIOD, EffectiveDay.THIS_PERIOD


def test_decreases_wait_for_the_next_period() -> None:
    """Periods begin on the 15th here: a drop on the 20th is billed from the 15th of the next month."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ADV=8))
    assert units(want(told, policy=Policy(decreases=NEXT))) == (("2026-03-01", 10), ("2026-04-15", 8))


def test_a_change_on_a_periods_first_day_does_not_wait() -> None:
    """On a boundary there is nothing to prorate."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(15), ADV=8))
    assert units(want(told, policy=Policy(decreases=NEXT))) == (("2026-03-01", 10), ("2026-03-15", 8))


def test_a_waiting_decrease_is_netted_with_what_came_meanwhile() -> None:
    """10 → 8 waits; 8 → 11 brings one more than is billed, at once, and nothing waits any more."""
    told = subscription(
        version(1, march(1), ADV=10), version(2, march(20), ADV=8), version(3, march(25), ADV=11)
    )
    assert units(want(told, policy=Policy(decreases=NEXT))) == (("2026-03-01", 10), ("2026-03-25", 11))


def test_a_part_of_a_waiting_decrease_taken_back_still_waits() -> None:
    """10 → 8 → 9 while 10 is billed is a decrease to 9, from the next period on."""
    told = subscription(
        version(1, march(1), ADV=10), version(2, march(20), ADV=8), version(3, march(25), ADV=9)
    )
    assert units(want(told, policy=Policy(decreases=NEXT))) == (("2026-03-01", 10), ("2026-04-15", 9))


def test_increases_from_the_start_of_the_period() -> None:
    """An increase is billed for the whole period that it falls in, and never lowers a day."""
    told = subscription(
        version(1, march(1), ADV=12), version(2, march(20), ADV=10), version(3, march(25), ADV=11)
    )
    assert units(want(told, policy=Policy(increases=THIS))) == (
        ("2026-03-01", 12),
        ("2026-03-20", 11),
    )


def test_a_change_is_not_the_first_bill_because_a_later_day_changed_already() -> None:
    """10 from the 10th on and 12 from the 20th; what the 17th says waits for the next period like any increase."""
    told = subscription(
        version(1, march(10), ADV=10), version(2, march(20), ADV=12), version(3, march(17), ADV=14)
    )
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-10", 10), ("2026-04-15", 14))


def test_increases_from_the_next_period() -> None:
    """An increase that waits keeps what is billed until then."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ADV=12))
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-01", 10), ("2026-04-15", 12))


def test_an_end_that_changes_no_quantity_waits_for_no_increase() -> None:
    """Ten seats that end on the 25th: that increases wait for a period is no reason to bill them until then."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), cancel_at=march(25), ADV=10))
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-01", 10), ("2026-03-25", 0))


def test_a_first_bill_is_not_a_change() -> None:
    """The first quantities of a subscription are billed from their day whatever the terms for changes are."""
    told = subscription(version(1, march(20), ADV=10))
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-20", 10),)


@pytest.mark.parametrize("rule", [THIS, NEXT])
def test_a_first_bill_that_is_dated_back_is_none_either(rule: EffectiveDay) -> None:
    """A newer version of an earlier day takes the first one's place: its seats neither wait for a period nor are billed from before its day."""
    told = subscription(version(1, march(20), ADV=10), version(2, march(17), ADV=12))
    other = subscription(version(1, march(1), ADV=5), id="sub_2")
    found = want(told, other, policy=Policy(increases=rule))
    assert units(found) == (("2026-03-01", 5), ("2026-03-17", 17))


def test_a_first_bill_that_is_dated_back_with_another_plan_is_none_either() -> None:
    """The first plan was never billed by that day, but may be in Autotask: it leaves on the day on which the other one comes."""
    told = subscription(version(1, march(20), ADV=10), version(2, march(17), ESS=10))
    found = want(told, policy=Policy(increases=NEXT, decreases=NEXT))
    assert (units(found, OLD), units(found, NEW)) == ((), (("2026-03-17", 10),))
    assert Link(march(17), OLD, NEW) in changes(found)


def test_what_changes_after_the_first_bill_is_a_change() -> None:
    """Also on its own day, and after a trial."""
    same_day = subscription(version(1, march(20), ADV=10), version(2, march(20), ADV=12))
    assert units(want(same_day, policy=Policy(increases=NEXT))) == (("2026-03-20", 10), ("2026-04-15", 12))
    trial = subscription(
        version(1, march(2), status="trial", ADV=10),
        version(2, march(17), ADV=10),
        version(3, march(18), ADV=12),
    )
    assert units(want(trial, policy=Policy(increases=NEXT))) == (("2026-03-17", 10), ("2026-04-15", 12))


def test_what_the_terms_bill_from_before_the_first_bill_makes_no_change_of_it() -> None:
    """An add-on of a later version, billed from the start of its period, does not make a change of a first bill that is dated back."""
    told = subscription(
        version(1, march(18), ADV=10),
        version(2, march(20), ADV=10, ESS=2),
        version(3, march(17), ADV=10, ESS=2),
    )
    other = subscription(version(1, march(1), ADV=5), id="sub_2")
    found = want(told, other, policy=Policy(increases=THIS))
    assert units(found) == (("2026-03-01", 5), ("2026-03-17", 15))


def test_a_plan_change_keeps_its_sides_together() -> None:
    """With decreases at the next period the whole plan change waits: never both plans at once."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ESS=10))
    found = want(told, policy=Policy(decreases=NEXT))
    assert units(found, OLD) == (("2026-03-01", 10), ("2026-04-15", 0))
    assert units(found, NEW) == (("2026-04-15", 10),)
    assert changes(found) == (Link(date(2026, 4, 15), OLD, NEW),)


def test_a_plan_change_of_a_single_seat_keeps_its_sides_together_too() -> None:
    """One unit more of the new plan is already one side of it."""
    told = subscription(version(1, march(1), ADV=1), version(2, march(20), ESS=1))
    found = want(told, policy=Policy(decreases=NEXT))
    assert units(found, OLD) == (("2026-03-01", 1), ("2026-04-15", 0))
    assert units(found, NEW) == (("2026-04-15", 1),)


def test_a_plan_that_comes_does_so_no_earlier_than_the_one_before_it_left() -> None:
    """Told in two versions, one takes the old plan away and the next brings the new one: still never both on one day."""
    told = subscription(
        version(1, march(1), ADV=10), version(2, march(20), ADV=0), version(3, march(20), ESS=10)
    )
    found = want(told, policy=Policy(increases=THIS))
    assert units(found, OLD) == (("2026-03-01", 10), ("2026-03-20", 0))
    assert units(found, NEW) == (("2026-03-20", 10),)
    assert changes(found) == (Link(march(20), OLD, NEW),)


def test_a_plan_that_left_long_ago_is_linked_by_the_day_on_which_it_did() -> None:
    """News in between that do not concern it do not make it leave again."""
    told = subscription(
        version(1, march(1), ADV=10),
        version(2, march(10), ADV=0),
        version(3, march(15), ADV=0),
        version(4, march(20), ESS=10),
    )
    assert changes(want(told)) == (Link(march(10), OLD, NEW),)


def test_what_stays_as_it_is_has_no_part_in_a_plan_change() -> None:
    """A gateway beside both plans waits for nothing."""
    told = subscription(version(1, march(1), ADV=10, GW=1), version(2, march(10), ESS=10, GW=1))
    plans = PLANS | {"GW": PlanMapping("GW", (ServiceChoice(47),))}
    found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
    assert changes(found) == (Link(march(10), OLD, NEW),)


def test_an_add_on_is_told_from_a_plan_by_any_version_that_had_both() -> None:
    """Also where a version of an earlier day has overtaken that one, so that no day wants both."""
    plans = PLANS | {"GW": PlanMapping("GW", (ServiceChoice(47),))}
    told = subscription(
        version(1, march(17), ADV=24, GW=3),
        version(2, march(13), ADV=24),
        version(3, march(17), ESS=24, GW=3),
    )
    found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
    assert {link for link in found.links if 47 in (link.down.service_id, link.up.service_id)} == set()
    assert Link(march(17), OLD, NEW) in found.links


def test_a_service_chosen_from_a_day_on_moves_the_units() -> None:
    """Also where nothing else changes on that day; a plan change is of the lines of its own day."""
    plans = PLANS | {ADV: PlanMapping(ADV, (ServiceChoice(44), ServiceChoice(45, march(10))))}
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ESS=10))
    found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
    assert units(found, LineKey(1, 44)) == (("2026-03-01", 10), ("2026-03-10", 0))
    assert units(found, OLD) == (("2026-03-10", 10), ("2026-03-20", 0))
    assert changes(found) == (Link(march(20), OLD, NEW),)


def test_a_customers_own_service_that_is_chosen_from_a_day_on_moves_the_units() -> None:
    """As the partner's does."""
    own = mapping(services={ADV: (ServiceChoice(44), ServiceChoice(45, march(10)))})
    found = want(subscription(version(1, march(1), ADV=10)), to=own)
    assert units(found, LineKey(1, 44)) == (("2026-03-01", 10), ("2026-03-10", 0))
    assert units(found, OLD) == (("2026-03-10", 10),)


def test_units_that_move_on_their_first_day_leave_the_line_of_the_day_before() -> None:
    """Not one of an earlier day; by the SKU's own route, and with the company that it had."""
    plans = {
        ADV: PlanMapping(ADV, (ServiceChoice(44), ServiceChoice(45, march(9)), ServiceChoice(46, march(10))))
    }
    to = CustomerMapping(
        "cus_1",
        (
            Routing((Route(601, 8),)),
            Routing((Route(602, 9), Route(602, 7, sku=ADV)), march(9)),
            Routing((Route(600, 1),), march(10)),
        ),
    )
    told = subscription(version(1, march(10), ADV=10))
    found = desired([Customer("cus_1", to, (told,))], plans, GRIDS, TODAY).demands
    assert {key: (demand.companies, demand.units.at(TODAY)) for key, demand in found.items()} == {
        LineKey(7, 45): (((602, "cus_1"),), 0),
        LineKey(1, 46): (((600, "cus_1"),), 10),
    }


def test_shares_of_one_contract_add_up() -> None:
    """A SKU's own limited route and the general one may lead to the same line."""
    to = mapping(Route(600, 1, sku=ADV, units=4), Route(600, 1))
    assert units(want(subscription(version(1, march(1), ADV=10)), to=to)) == (("2026-03-01", 10),)


def test_more_of_a_new_plan_is_not_dated_into_days_of_the_old_one() -> None:
    """The period began on the old plan; what is an add-on to both is dated by the terms alone."""
    told = subscription(
        version(1, march(1), ADV=10, GW=1),
        version(2, march(18), ESS=5, GW=1),
        version(3, march(20), ESS=7, GW=2),
    )
    plans = PLANS | {"GW": PlanMapping("GW", (ServiceChoice(47),))}
    customer = Customer("cus_1", mapping(), (told,), Policy(increases=THIS))
    found = desired([customer], plans, GRIDS, TODAY)
    assert units(found, NEW) == (("2026-03-18", 7),)
    assert units(found, LineKey(1, 47)) == (("2026-03-01", 1), ("2026-03-15", 2))


def test_a_plan_that_comes_back_and_more_of_one_that_stayed_keep_their_dates() -> None:
    """Neither comes in place of another one."""
    back = subscription(
        version(1, march(1), ADV=10), version(2, march(20), ADV=0), version(3, march(22), ADV=12)
    )
    assert units(want(back, policy=Policy(increases=THIS))) == (("2026-03-01", 10), ("2026-03-15", 12))
    more = subscription(
        version(1, march(1), ADV=10, ESS=1), version(2, march(20), ADV=10), version(3, march(22), ADV=12)
    )
    assert units(want(more, policy=Policy(increases=THIS))) == (("2026-03-01", 10), ("2026-03-15", 12))


def test_a_new_plan_is_not_dated_into_days_of_the_old_one() -> None:
    """Cancelled on the 10th and back on another plan the same day: the period's start is the old plan's, not the new one's."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(10)), version(3, march(10), ESS=10))
    found = want(told, policy=Policy(increases=THIS))
    assert units(found, OLD) == (("2026-03-01", 10), ("2026-03-10", 0))
    assert units(found, NEW) == (("2026-03-10", 10),)


def test_a_plan_change_is_of_the_day_from_which_the_terms_bill_the_new_plan() -> None:
    """Cancelled for the 18th and back with another plan on the 19th: the terms date both to the 15th, so the new one waits from then on."""
    told = subscription(
        version(1, march(1), ADV=8), version(2, march(16), march(18), ADV=8), version(3, march(19), ESS=27)
    )
    found = want(told, policy=Policy(increases=THIS, decreases=THIS))
    assert units(found, OLD) == (("2026-03-01", 8), ("2026-03-15", 0))
    assert units(found, NEW) == (("2026-03-15", 27),)
    assert Link(march(15), OLD, NEW) in found.links


def test_more_of_a_plan_waits_from_the_day_from_which_the_terms_bill_it() -> None:
    """Seats that left a plan in part on the 16th hold back what comes to the other on the 19th, which the terms date to the 15th."""
    told = subscription(
        version(1, march(1), ADV=8, ESS=1),
        version(2, march(16), ADV=4, ESS=1),
        version(3, march(19), ADV=4, ESS=5),
    )
    families = {sku: replace(plan, family="plans") for sku, plan in PLANS.items()}
    terms = Policy(increases=THIS, decreases=THIS)
    found = desired([Customer("cus_1", mapping(), (told,), terms)], families, GRIDS, TODAY)
    assert units(found, NEW) == (("2026-03-01", 1), ("2026-03-15", 5))
    assert Link(march(15), OLD, NEW, beside=True) in found.links


def test_a_plan_that_was_changed_on_its_first_day_leaves_no_day_of_its_own() -> None:
    """It was never billed, so the new one may be dated to the start of the period; after a single day of it not."""
    terms = Policy(increases=THIS, decreases=THIS)
    for day, first in ((20, "2026-03-15"), (19, "2026-03-20")):
        told = subscription(
            version(1, march(1)), version(2, march(day), ESS=10), version(3, march(20), ADV=10)
        )
        assert units(want(told, policy=terms)) == ((first, 10),)


def test_a_plan_that_pauses_in_between_keeps_the_days_of_the_other() -> None:
    """ESS for two days, nothing, ESS again, then ADV in mid-period: of the period ADV has only what no ESS was billed on at its end."""
    told = subscription(
        version(1, march(16), ESS=10),
        version(2, march(17)),
        version(3, march(18), ESS=10),
        version(4, march(20)),
        version(5, march(23), ADV=10),
    )
    assert units(want(told, policy=Policy(increases=THIS))) == (("2026-03-20", 10),)


def test_news_that_leave_a_quantity_as_it_is_bill_nothing_anew() -> None:
    """A drop was billed on its day by the terms of then; more of something else does not move it under the terms of now."""
    told = subscription(
        version(1, march(15), ADV=12),
        version(2, march(18), ADV=10),
        version(3, march(22), ADV=10, ESS=1),
    )
    customer = Customer("cus_1", mapping(), (told,), Policy(decreases=THIS), earlier=((march(20), Policy()),))
    assert units(desired([customer], PLANS, GRIDS, TODAY)) == (("2026-03-15", 12), ("2026-03-18", 10))


def test_an_end_by_period_takes_the_whole_period_back() -> None:
    """By the terms of its own day, and also the days before another plan that came and went in that period."""
    told = subscription(
        version(1, march(15), ADV=10),
        version(2, march(17), ESS=10),
        version(3, march(19), ADV=10),
        version(4, march(22), march(25), ADV=10),
    )
    customer = Customer("cus_1", mapping(), (told,), Policy(decreases=THIS), earlier=((march(20), Policy()),))
    found = desired([customer], PLANS, GRIDS, TODAY)
    assert units(found) == ()
    assert units(found, NEW) == (("2026-03-17", 10), ("2026-03-19", 0))


def test_a_cancellation_waits_as_a_decrease_does() -> None:
    """With decreases at the next period, an end in mid-period bills the period out."""
    told = subscription(version(1, march(1), march(20), ADV=10))
    assert units(want(told, policy=Policy(decreases=NEXT))) == (("2026-03-01", 10), ("2026-04-15", 0))


histories = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
).map(
    lambda told: subscription(
        *(
            version(n + 1, date(2026, 2, 1) + timedelta(days=day), ADV=adv, ESS=ess)
            for n, (day, adv, ess) in enumerate(told)
        )
    )
)
rules = st.sampled_from(EffectiveDay)


@given(histories)
def test_native_terms_bill_what_timus_said(told: Subscription) -> None:
    """On default terms each day has the quantity of the newest version that holds on it."""
    found = want(told)
    for n in range(100):
        day = date(2026, 2, 1) + timedelta(days=n)
        holding = [v for v in told.versions if v.day <= day]
        expected = dict(max(holding, key=lambda v: v.number).items)[ADV] if holding else 0
        assert found.demands[OLD].units.at(day) == expected


@given(histories, rules, rules)
def test_terms_end_at_what_timus_says(
    told: Subscription, increases: EffectiveDay, decreases: EffectiveDay
) -> None:
    """Whatever the dating, two periods after the last change the newest quantities are billed."""
    found = want(told, policy=Policy(increases=increases, decreases=decreases))
    late = max(v.day for v in told.versions) + timedelta(days=63)
    assert found.demands[OLD].units.at(late) == dict(told.newest.items)[ADV]


@given(histories, rules, rules)
def test_no_day_bills_what_timus_never_said(
    told: Subscription, increases: EffectiveDay, decreases: EffectiveDay
) -> None:
    """Dating moves days; it never makes up a quantity."""
    found = want(told, policy=Policy(increases=increases, decreases=decreases))
    said = {dict(v.items)[ADV] for v in told.versions} | {0}
    assert {n for _, n in found.demands[OLD].units.steps} <= said


@given(histories)
def test_decreases_next_period_never_drop_inside_a_period(told: Subscription) -> None:
    """With decreases at the next period, units only come down where a period begins."""
    in_order = subscription(*sorted(told.versions, key=lambda v: v.day))
    in_order = replace(
        in_order, versions=tuple(replace(v, number=n + 1) for n, v in enumerate(in_order.versions))
    )
    found = want(in_order, policy=Policy(decreases=NEXT, increases=NEXT))
    before = 0
    for day, n in found.demands[OLD].units.steps:
        if n < before:
            assert day.day == 15
        before = n


def test_units_that_move_on_their_very_first_day_leave_where_they_were() -> None:
    """They may have been posted there that day: the former line has 0 units, it is not forgotten."""
    moved = mapping().rerouted(Route(600, 2), march(1))
    found = want(subscription(version(1, march(1), ADV=10)), to=moved)
    assert units(found, LineKey(1, 45)) == ()
    assert found.demands[LineKey(1, 45)].start == march(1)
    assert units(found, LineKey(2, 45)) == (("2026-03-01", 10),)


def test_a_service_chosen_on_the_very_first_day_leaves_the_former_line_empty() -> None:
    """The same where the service changes."""
    chosen = mapping(services={ADV: (ServiceChoice(46, march(1)),)})
    found = want(subscription(version(1, march(1), ADV=10)), to=chosen)
    assert units(found, OLD) == ()
    assert units(found, NEW) == (("2026-03-01", 10),)


# -- Everything that a demand says


def test_a_demand_says_from_whom_and_from_what_it_comes() -> None:
    """Company, first day, each customer's quantity, the news that changed anything, and the renewed term."""
    one = subscription(
        version(1, march(1), ADV=0),
        version(2, march(5), ADV=10),
        version(3, march(6), ADV=10, ESS=1),
        version(4, march(7), date(2026, 9, 1), ADV=10),
    )
    two = subscription(version(1, march(3), ADV=3), id="sub_2")
    other = Subscription("sub_3", "cus_2", (version(9, march(2), ADV=5),))
    routed = CustomerMapping("cus_2", (Routing((Route(600, 1),)),))
    customers = [Customer("cus_1", mapping(), (one, two)), Customer("cus_2", routed, (other,))]
    found = desired(customers, PLANS, GRIDS, TODAY).demands
    mine = steps(
        (march(3), 3),
        (march(5), 13),
        (date(2026, 9, 1), 3),
    )
    assert found[OLD] == Demand(
        OLD,
        ((600, "cus_1"), (600, "cus_2")),
        mine.plus(steps((march(2), 5))),
        march(1),
        (Source("cus_1", ADV, mine, mine), Source("cus_2", ADV, *[steps((march(2), 5))] * 2)),
        (
            Cause("sub_1", 2, march(5), "evt_2", customer_id="cus_1", sku=ADV, after=10),
            Cause(
                "sub_1",
                4,
                march(7),
                "evt_4",
                customer_id="cus_1",
                sku=ADV,
                before=10,
                after=10,
                ends=date(2026, 9, 1),
            ),
            Cause("sub_2", 1, march(3), "evt_1", customer_id="cus_1", sku=ADV, after=3),
            Cause("sub_3", 9, march(2), "evt_9", customer_id="cus_2", sku=ADV, after=5),
        ),
        redated={("sub_1", 4, ADV): date(2026, 9, 1)},
    )
    assert found[NEW].start == march(1)
    assert found[NEW].causes == (
        Cause("sub_1", 3, march(6), "evt_3", customer_id="cus_1", sku=ESS, after=1),
        Cause("sub_1", 4, march(7), "evt_4", customer_id="cus_1", sku=ESS, before=1, ends=date(2026, 9, 1)),
    )


def test_a_cause_is_billed_from_the_day_that_the_terms_say() -> None:
    """Its own day, the start of its period or of the next one; of news that only end a subscription it is the end."""
    told = subscription(
        version(1, march(1), ADV=10),
        version(2, march(5), ADV=12),
        version(3, march(18), ADV=9),
        version(4, march(19), march(28), ADV=9),
    )
    demand = want(told, policy=Policy(increases=THIS, decreases=NEXT)).demands[OLD]
    next_period = date(2026, 4, 15)
    days = [demand.billed_from(cause) for cause in demand.causes]
    assert days == [march(1), date(2026, 2, 15), next_period, next_period]
    own = want(told).demands[OLD]
    assert [own.billed_from(cause) for cause in own.causes] == [march(1), march(5), march(18), march(28)]


def test_a_cause_keeps_when_its_event_happened_and_came_and_whose_it_was() -> None:
    """The journal outlives the event."""
    told = replace(
        version(1, march(1), ADV=10),
        occurred_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
        received_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
        actor="j.doe",
    )
    [cause] = want(subscription(told)).demands[OLD].causes
    assert (cause.occurred_at, cause.received_at, cause.actor) == (
        told.occurred_at,
        told.received_at,
        "j.doe",
    )
    assert cause.before == 0


def test_what_is_shown_is_timus_quantity_and_not_what_is_billed() -> None:
    """Included units are a matter of the invoice; a source tells what Timus has."""
    [source] = (
        want(subscription(version(1, march(1), ADV=10)), policy=Policy(included={ADV: 3}))
        .demands[OLD]
        .sources
    )
    assert source == Source("cus_1", ADV, steps((march(1), 10)), steps((march(1), 7)))


def test_native_units_end_with_the_subscription() -> None:
    """From the end on there are none, until a newer version says otherwise."""
    told = subscription(version(1, march(1), march(9), ADV=10), version(2, march(12), ADV=4, ESS=9))
    assert told.quantity(ADV) == steps((march(1), 10), (march(9), 0), (march(12), 4))
    assert told.quantity(ESS) == steps((march(12), 9))


def renewed(number: int, day: date, end: date, **items: int) -> Version:
    """A version whose term ends on a day."""
    return replace(version(number, day), items=tuple(sorted(items.items())), term_end=end)


def test_a_renewed_term_belongs_to_the_lines_that_it_bills() -> None:
    """A line whose units are gone by then, and one of another subscription, are not renewed."""
    later = date(2027, 12, 31)
    told = subscription(
        renewed(1, march(1), date(2026, 12, 31), ADV=10, ESS=2), renewed(2, march(9), later, ADV=10)
    )
    found = want(told).demands
    assert (found[OLD].renewed_until, found[NEW].renewed_until) == (later, None)
    longest = date(2028, 6, 30)
    more = subscription(
        renewed(1, march(1), date(2026, 12, 31), ADV=1), renewed(2, march(9), longest, ADV=1), id="sub_2"
    )
    both = (more, told), (told, more)
    assert [want(*subs).demands[OLD].renewed_until for subs in both] == [longest, longest]
    for subs, by in (((told,), ("sub_1", 2)), (both[0], ("sub_2", 2))):
        assert [(one.subscription_id, one.number) for one in want(*subs).demands[OLD].renewals] == [by]
    assert want(subscription(version(1, march(1), ADV=10))).demands[OLD].renewed_until is None


def test_a_renewed_term_of_which_nothing_is_billed_is_known() -> None:
    """The terms bill none of its seats, or it has lost the SKU: a person may have put them back."""
    later, latest, first = date(2027, 12, 31), date(2028, 6, 30), date(2026, 12, 31)
    told = subscription(renewed(1, march(1), first, ADV=1), renewed(2, march(9), latest, ADV=1))
    lost = subscription(renewed(1, march(1), first, ADV=1), renewed(2, march(9), latest, ESS=1))
    none = Policy(excluded=(ADV,))
    for found in (want(told, policy=none), want(lost)):
        line = found.demands[OLD]
        assert (line.renewed_until, line.renewed_unbilled) == (None, latest)
    routed = CustomerMapping("cus_2", (Routing((Route(600, 1),)),))
    billed = renewed(1, march(1), first, ADV=1), renewed(2, march(9), later, ADV=1)
    both = [
        Customer("cus_1", mapping(), (told,), none),
        Customer("cus_2", routed, (Subscription("sub_2", "cus_2", billed),)),
    ]
    line = desired(both, PLANS, GRIDS, TODAY).demands[OLD]
    assert (line.renewed_until, line.renewed_unbilled) == (later, latest)


def test_of_two_customers_on_a_line_the_later_renewal_counts() -> None:
    """The contract has to cover both."""
    routed = CustomerMapping("cus_2", (Routing((Route(600, 1),)),))
    found = []
    for mine, others in ((2027, 2028), (2028, 2027)):
        ends = [date(year, 12, 31) for year in (mine, others)]
        one, two = (
            (renewed(1, march(1), date(2026, 12, 31), ADV=1), renewed(2, march(2), end, ADV=1))
            for end in ends
        )
        customers = [
            Customer("cus_1", mapping(), (subscription(*one),)),
            Customer("cus_2", routed, (Subscription("sub_2", "cus_2", two),)),
        ]
        found.append(desired(customers, PLANS, GRIDS, TODAY).demands[OLD].renewed_until)
    assert found == [date(2028, 12, 31)] * 2


# -- Without a line


def reasons(to: CustomerMapping, plans: Mapping[str, PlanMapping] = PLANS, **items: int) -> list[Unrouted]:
    """What has no line today."""
    told = replace(version(1, march(1)), items=tuple(sorted(items.items())))
    customer = Customer("cus_1", to, (subscription(told),))
    return list(desired([customer], plans, GRIDS, TODAY).unrouted)


def test_units_beyond_every_share_have_no_line() -> None:
    """Routes that take at most so many leave the rest without one, and none left is none missing."""
    to = mapping(Route(600, 1, units=4), Route(600, 2, units=6))
    assert reasons(to, ADV=10) == []
    assert reasons(to, ADV=11) == [Unrouted("cus_1", ADV, 11, "sku-unrouted")]


IGNORED = Ignored("billed elsewhere", "pat", datetime(2026, 3, 1, tzinfo=UTC))


def test_what_a_person_ignored_is_apart_from_what_is_unmapped() -> None:
    """A customer as long as nobody maps it; a SKU where the customer has no service of its own for it."""
    assert [one.reason for one in reasons(CustomerMapping("cus_1", (), ignored=IGNORED), ADV=1)] == [
        "customer-ignored"
    ]
    assert reasons(mapping(ignored=IGNORED), ADV=1) == []
    plans = {ADV: PlanMapping(ADV, (), ignored=IGNORED)}
    assert [one.reason for one in reasons(mapping(), plans, ADV=1)] == ["sku-ignored"]
    own = mapping(services={ADV: (ServiceChoice(99, march(1)),)})
    assert reasons(own, plans, ADV=1) == []


def test_a_sku_whose_service_autotask_refused_to_look_for_says_so() -> None:
    """With Autotask's words."""
    plans = {ADV: PlanMapping(ADV, (), refused="no permission")}
    assert reasons(mapping(), plans, ADV=10) == [Unrouted("cus_1", ADV, 10, "sku-refused", "no permission")]


def test_a_sku_without_a_route_has_no_line() -> None:
    """Contracts that are meant for other SKUs only do not take it."""
    assert reasons(mapping(Route(600, 1, sku=ESS)), ADV=10, ESS=2) == [
        Unrouted("cus_1", ADV, 10, "sku-unrouted")
    ]


def test_a_mapping_without_routes_maps_nothing() -> None:
    """A customer whose routes are still to come is not mapped yet."""
    assert reasons(CustomerMapping("cus_1", ()), ADV=10) == [Unrouted("cus_1", ADV, 10, "customer-unmapped")]


def test_a_mapping_of_a_later_day_is_a_mapping() -> None:
    """What it will route is not reported as missing; before it nothing goes anywhere."""
    to = CustomerMapping("cus_1", (Routing((Route(600, 1),), march(25)),))
    assert reasons(to, ADV=10) == []


def test_services_of_a_later_day_are_none_yet() -> None:
    """Until its day has come nobody has chosen one."""
    later = {ADV: PlanMapping(ADV, (ServiceChoice(45, march(21)),))}
    assert [found.reason for found in reasons(mapping(), later, ADV=10)] == ["sku-unmapped"]
    now = {ADV: PlanMapping(ADV, (ServiceChoice(45, TODAY),))}
    assert reasons(mapping(), now, ADV=10) == []


def test_one_candidate_is_not_several() -> None:
    """Ambiguous is only what is there more than once."""
    one = {ADV: PlanMapping(ADV, candidates=(45,))}
    assert [found.reason for found in reasons(mapping(), one, ADV=10)] == ["sku-unmapped"]


def test_only_what_is_billed_now_or_later_is_missed() -> None:
    """Nothing is reported of what is over, of what is free and of what is never billed; what comes is."""
    nowhere: dict[str, PlanMapping] = {}

    def missing(told: Subscription, policy: Policy | None = None) -> list[Unrouted]:
        customer = Customer("cus_1", mapping(), (told,), policy or Policy())
        return list(desired([customer], nowhere, GRIDS, TODAY).unrouted)

    over = subscription(version(1, march(1), march(10), ADV=10))
    ahead = subscription(version(1, march(1), ADV=0), version(2, march(25), ADV=4))
    there = subscription(version(1, march(1), ADV=10))
    assert missing(over) == []
    assert missing(ahead) == [Unrouted("cus_1", ADV, 0, "sku-unmapped")]
    assert missing(there, Policy(included={ADV: 10})) == []
    assert missing(there, Policy(excluded=(ADV,))) == []
    assert missing(subscription(version(1, march(1), TODAY, ADV=10))) == []


# -- Dated by period


def test_a_drop_from_the_start_of_the_period_lowers_what_lies_between() -> None:
    """Days between are lowered towards the new units, never raised, and earlier ones stay."""
    told = subscription(
        version(1, march(1), ADV=12), version(2, march(18), ADV=9), version(3, march(20), ADV=10)
    )
    assert units(want(told, policy=Policy(decreases=THIS))) == (
        ("2026-03-01", 12),
        ("2026-03-15", 9),
        ("2026-03-20", 10),
    )


def test_a_rise_from_the_start_of_the_period_is_on_that_very_day() -> None:
    """From the period's first day on, and not from the day after it."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ADV=12))
    assert units(want(told, policy=Policy(increases=THIS))) == (("2026-03-01", 10), ("2026-03-15", 12))


def test_a_rise_is_dated_by_the_contract_that_it_goes_to_on_its_day() -> None:
    """The periods are those of the contract in force, by the service in force."""
    schedules = {1: BillingSchedule(date(2026, 1, 15), 1), 2: BillingSchedule(date(2026, 1, 5), 1)}
    to = CustomerMapping("cus_1", (Routing((Route(600, 1),)), Routing((Route(600, 2),), march(10))))
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ADV=12))
    customer = Customer("cus_1", to, (told,), Policy(increases=NEXT))
    found = desired([customer], PLANS, schedules, TODAY)
    assert units(found, LineKey(2, 45)) == (("2026-03-10", 10), ("2026-04-05", 12))
    assert units(desired([customer], PLANS, {}, TODAY), LineKey(2, 45)) == (
        ("2026-03-10", 10),
        ("2026-03-20", 12),
    )


def test_changed_terms_hold_from_their_day() -> None:
    """The day before they changed is billed on the old ones, whatever is told when."""
    told = subscription(version(1, march(1), ADV=10))
    customer = Customer(
        "cus_1",
        mapping(),
        (told,),
        Policy(included={ADV: 3}),
        earlier=((march(5), Policy(included={ADV: 1})), (march(9), Policy(included={ADV: 2}))),
    )
    found = desired([customer], PLANS, GRIDS, TODAY)
    assert units(found) == (("2026-03-01", 9), ("2026-03-05", 8), ("2026-03-09", 7))
    assert [customer.policy_on(march(n)).included[ADV] for n in (4, 5, 8, 9)] == [1, 2, 2, 3]


# -- Plan changes between lines


def test_a_plan_change_links_the_lines_to_which_both_plans_have_moved_since() -> None:
    """It is reported only after the move, with a day before it: the old plan is billed on the new contract by then, and comes down first."""
    told = subscription(version(1, march(1), ADV=20), version(2, march(5), ESS=22))
    moved = mapping().rerouted(Route(600, 2), march(10))
    assert changes(want(told, to=moved)) == (
        Link(march(5), OLD, NEW),
        Link(march(10), LineKey(2, 45), LineKey(2, 46)),
    )


def test_a_plan_change_links_the_lines_of_its_day() -> None:
    """Services and contracts are those that are in force then; one SKU that stays where it is links nothing."""
    plans = {ADV: PLANS[ADV], ESS: PlanMapping(ESS, (ServiceChoice(45), ServiceChoice(46, march(10))))}
    told = subscription(version(1, march(1), ADV=10), version(2, march(10), ESS=10))
    customer = Customer("cus_1", mapping(), (told,))
    assert changes(desired([customer], plans, GRIDS, TODAY)) == (Link(march(10), OLD, NEW),)
    same = {ADV: PLANS[ADV], ESS: PlanMapping(ESS, (ServiceChoice(45),))}
    assert desired([customer], same, GRIDS, TODAY).links == ()
    assert desired([replace(customer, mapping=None)], plans, GRIDS, TODAY).links == ()
    routed = replace(customer, mapping=mapping(Route(600, 1, sku=ADV), Route(600, 2, sku=ESS)))
    assert desired([routed], plans, GRIDS, TODAY).links == (Link(march(10), OLD, LineKey(2, 46)),)


def test_the_first_plan_waits_for_one_that_only_a_later_version_has() -> None:
    """Autotask may bill it on that contract from before; in another contract it is billed for somebody's own reason."""
    told = subscription(version(1, march(5), ADV=10), version(2, march(10), ESS=0))
    assert want(told).links == (Link(march(5), NEW, OLD),)
    apart = mapping(Route(600, 1, sku=ADV), Route(600, 2, sku=ESS))
    assert want(told, to=apart).links == ()
    unknown = desired([Customer("cus_1", mapping(), (told,))], {ADV: PLANS[ADV]}, GRIDS, TODAY)
    assert unknown.unplaced == ()


def test_a_plan_that_only_superseded_versions_had_counts_in_another_contract_too() -> None:
    """We had heard of it, so it may have been billed by us."""
    told = Subscription("sub_1", "cus_1", (version(1, march(5), ADV=10),), gone=(ESS,))
    apart = mapping(Route(600, 1, sku=ADV), Route(600, 2, sku=ESS))
    assert want(told, to=apart).links == (Link(march(5), LineKey(2, 46), OLD),)


def test_an_add_on_that_comes_later_holds_up_no_plan() -> None:
    """The two are billed side by side."""
    told = subscription(version(1, march(5), ADV=10), version(2, march(10), ADV=10, ESS=1))
    assert want(told).links == ()


def test_seats_that_were_exchanged_exactly_are_a_plan_change_in_part() -> None:
    """The other plan keeps seats of its own, so the rise waits seat by seat; and so does every later rise."""
    part = Link(march(10), OLD, NEW, beside=True)
    told = subscription(version(1, march(1), ADV=10, ESS=1), version(2, march(10), ADV=5, ESS=6))
    assert want(told).links == (part,)
    assert part in want(replace(told, versions=(*told.versions, version(3, march(12), ADV=5, ESS=9)))).links


def test_a_version_of_an_earlier_day_takes_seats_off_a_later_one() -> None:
    """18 Advanced since the third; a newer version of the first knows one of them and 17 Essentials: these wait for Advanced to fall."""
    told = subscription(version(2, march(3), ADV=18), version(4, march(1), ADV=1, ESS=17))
    found = desired([Customer("cus_1", mapping(), (told,))], PLANS, GRIDS, TODAY)
    assert Link(march(1), LineKey(1, 45), LineKey(1, 46), beside=True) in found.links


def test_a_family_is_the_lines_of_one_contract() -> None:
    """Said by people, or shown by numbers; an add-on is in none, nor is what the subscription had only one after the other."""
    beside = subscription(version(1, march(1), ADV=18), version(2, march(3), ADV=1, ESS=17))
    after = subscription(version(1, march(1), ADV=18), version(2, march(3), ESS=18))
    first = subscription(version(1, march(1), ADV=10, ESS=1))
    lines = (frozenset({LineKey(1, 45), LineKey(1, 46)}),)

    def families(told: Subscription, adv: str | None, ess: str | None) -> tuple[frozenset[LineKey], ...]:
        plans = {ADV: replace(PLANS[ADV], family=adv), ESS: replace(PLANS[ESS], family=ess)}
        return desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY).families

    assert [families(told, None, None) for told in (beside, after, first)] == [lines, (), ()]
    assert [families(told, "sase", "sase") for told in (beside, after, first)] == [lines, (), lines]
    assert [families(told, "sase", "") for told in (beside, after, first)] == [(), (), ()]


def test_an_add_on_that_goes_makes_no_room_for_users() -> None:
    """Never both at once, but it was there for other users, who stay. Without them, or with as many, the numbers show a plan change."""

    def links(*told: Version) -> int:
        plans = {**PLANS, "PRO": PlanMapping("PRO", (ServiceChoice(48),))}
        found = desired([Customer("cus_1", mapping(), (subscription(*told),))], plans, GRIDS, TODAY)
        return len([one for one in changes(found) if one.down == LineKey(1, 46)])

    assert links(version(1, march(1), ADV=28, ESS=1), version(2, march(10), ADV=28, PRO=12)) == 0
    assert links(version(1, march(1), ESS=1), version(2, march(10), PRO=12)) == 1
    assert links(version(1, march(1), ADV=28, ESS=6), version(2, march(10), ADV=28, PRO=12)) == 1


def test_a_plan_change_says_of_which_skus_nobody_said_that_they_are_plans() -> None:
    """As far as people did not name a family of both, it is a guess; also where the old plan has no service."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(10), ESS=10))

    def unsaid(adv: str | None, ess: str | None, services: tuple[ServiceChoice, ...]) -> set[str] | None:
        plans = {ADV: PlanMapping(ADV, services, family=adv), ESS: replace(PLANS[ESS], family=ess)}
        found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
        each: list[Link | Unplaced] = [*found.links, *found.unplaced]
        assert all(set(one.unsaid) == set(each[0].unsaid) for one in each)
        return set(each[0].unsaid) if each else None

    for services in (PLANS[ADV].choices, ()):
        assert unsaid(None, None, services) == {ADV, ESS}
        assert unsaid("sase", None, services) == {ESS}
        assert unsaid("sase", "sase", services) == set()
        assert unsaid("", None, services) is None


def test_other_numbers_are_a_plan_change_in_part_only_if_people_said_so() -> None:
    """One family: plans. Different families, or an add-on: none, even where the numbers fit. One of two said: the numbers decide.

    They fit as long as what came is no more than twice as much as what went.
    """
    more = (version(1, march(1), ADV=10, ESS=1), version(2, march(10), ADV=5, ESS=12))
    about = (more[0], version(2, march(10), ADV=5, ESS=11))
    whole = (version(1, march(1), ADV=10), version(2, march(10), ESS=10))

    def links(told: tuple[Version, ...], adv: str | None, ess: str | None) -> int:
        plans = {ADV: replace(PLANS[ADV], family=adv), ESS: replace(PLANS[ESS], family=ess)}
        return len(
            changes(desired([Customer("cus_1", mapping(), (subscription(*told),))], plans, GRIDS, TODAY))
        )

    assert [links(told, None, None) for told in (more, about, whole)] == [0, 1, 1]
    assert [links(told, "sase", "sase") for told in (more, about, whole)] == [1, 1, 1]
    assert [links(told, "sase", "dns") for told in (more, about, whole)] == [0, 0, 0]
    assert [links(told, "sase", "") for told in (more, about, whole)] == [0, 0, 0]
    assert [links(told, "sase", None) for told in (more, about, whole)] == [0, 1, 1]
    assert [links(told, "", "") for told in (more, about, whole)] == [0, 0, 0]
    assert [links(told, "", None) for told in (more, about, whole)] == [0, 0, 0]
    assert [links(told, None, "") for told in (more, about, whole)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("peak", "other", "beside", "add_on"),
    [(5, 6, 2, True), (6, 28, 2, False), (5, 5, 2, False), (5, 28, 1, False)],
    ids=["small beside a large one", "half as much", "the third is small, too", "the third had gone before"],
)
def test_when_a_plan_was_but_an_add_on(peak: int, other: int, beside: int, add_on: bool) -> None:
    """Less than half of the twelve that come later, and beside a third of at least half as many, which is there with both."""
    plans = {**PLANS, "PRO": PlanMapping("PRO", (ServiceChoice(48),))}
    third = other if beside == 2 else 0
    told = subscription(
        version(1, march(1), ADV=other, ESS=peak),
        version(2, march(5), ADV=third, ESS=1),
        version(3, march(10), ADV=third, ESS=0, PRO=12),
    )
    found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
    moved = [one for one in found.links if (one.down, one.up) == (NEW, LineKey(1, 48))]
    assert (moved == []) is add_on


def test_what_was_exchanged_by_way_of_a_third_plan_are_plans() -> None:
    """ADV for ESS, then ESS for PRO: so ADV and PRO are plans of one kind, whatever the numbers of a later version."""
    plans = PLANS | {"PRO": PlanMapping("PRO", (ServiceChoice(48),))}
    told = subscription(
        version(1, march(1), ADV=9, ESS=1, PRO=1),
        version(2, march(2), ADV=8, ESS=2, PRO=1),
        version(3, march(3), ADV=8, ESS=1, PRO=2),
        version(4, march(10), ADV=3, ESS=1, PRO=9),
    )
    found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
    assert Link(march(10), OLD, LineKey(1, 48), beside=True) in found.links


@pytest.mark.parametrize("elsewhere", [False, True], ids=["one contract", "another contract"])
@pytest.mark.parametrize("stays", [5, 0], ids=["a part", "all"])
@pytest.mark.parametrize("comes", [5, 1, 0])
def test_seats_that_left_a_plan_earlier_hold_back_a_later_rise_of_its_family(
    comes: int, stays: int, elsewhere: bool
) -> None:
    """Two versions, a fall and then a rise, be it of one seat: the fall may still be on its way down in Autotask. Without a rise none waits."""
    plans = {sku: replace(plan, family="sase") for sku, plan in PLANS.items()}
    told = subscription(
        version(1, march(1), ADV=10, ESS=1),
        version(2, march(10), ADV=stays, ESS=1),
        version(3, march(12), ADV=stays, ESS=1 + comes),
    )
    to = mapping(Route(600, 1), Route(600, 2, sku=ESS)) if elsewhere else mapping()
    found = desired([Customer("cus_1", to, (told,))], plans, GRIDS, TODAY)
    new = LineKey(2, 46) if elsewhere else NEW
    assert found.links == ((Link(march(10), OLD, new, beside=True),) if comes else ())


def test_both_sides_of_a_plan_change_in_part_keep_to_one_day() -> None:
    """The later of the two days that the terms give them."""
    told = subscription(version(1, march(1), ADV=28, ESS=1), version(2, march(10), ADV=8, ESS=21))
    found = want(told, policy=Policy(decreases=EffectiveDay.NEXT_PERIOD))
    assert units(found) == (("2026-03-01", 28), ("2026-03-15", 8))
    assert units(found, NEW) == (("2026-03-01", 1), ("2026-03-15", 21))


def test_a_customers_name_is_what_timus_said_last() -> None:
    """Else what the mapping says, else its id."""
    told = [replace(subscription(version(1, march(1))), customer_name=name) for name in ("Old", "New", "")]
    named = replace(mapping(), customer_name="Mapped")
    assert Customer("cus_1", named, tuple(told)).name == "New"
    assert Customer("cus_1", named, ()).name == "Mapped"
    assert Customer("cus_1", None, (told[2],)).name == "cus_1"


def test_a_customers_quantity_of_a_sku_is_that_of_all_subscriptions_together() -> None:
    """Without a subscription there is none."""
    one = subscription(version(1, march(1), ADV=10, ESS=2))
    two = subscription(version(1, march(5), ADV=3), id="sub_2")
    both = Customer("cus_1", None, (one, two))
    assert both.skus == (ADV, ESS)
    assert both.quantity(ADV) == steps((march(1), 10), (march(5), 13))
    none = Customer("cus_1", None, ())
    assert (none.skus, none.quantity(ADV)) == ((), steps())


# -- Plan changes away from a plan without a line


def unplaced(
    *versions: Version, to: CustomerMapping | None = None, policy: Policy | None = None
) -> tuple[Unplaced, ...]:
    """The old plans of which nobody knows where they are billed; no service is chosen for ADV."""
    customer = Customer("cus_1", to or mapping(), (subscription(*versions),), policy or Policy())
    return desired([customer], {ESS: PLANS[ESS]}, GRIDS, TODAY).unplaced


CHANGED = version(1, march(1), ADV=10), version(2, march(10), ESS=10)


def test_an_old_plan_without_a_service_is_told_with_the_line_that_came_in_its_place() -> None:
    """Also where several services could be meant, and for each contract that the new plan goes to."""
    assert unplaced(*CHANGED) == (Unplaced(march(10), ADV, NEW),)
    split = mapping(Route(600, 2, units=4), Route(600, 1))
    assert unplaced(*CHANGED, to=split) == (
        Unplaced(march(10), ADV, NEW),
        Unplaced(march(10), ADV, LineKey(2, 46)),
    )
    twice = PLANS | {ADV: PlanMapping(ADV, candidates=(44, 45))}
    customer = Customer("cus_1", mapping(), (subscription(*CHANGED),))
    assert desired([customer], twice, GRIDS, TODAY).unplaced == (Unplaced(march(10), ADV, NEW),)


def test_an_old_plan_that_was_over_when_we_first_heard_of_it_is_unplaced_too() -> None:
    """Autotask may bill it from before; a trial was never billed."""
    over = version(1, march(10), cancel_at=march(10), status="canceled", ADV=10)
    assert unplaced(over, version(2, march(10), ESS=10)) == (Unplaced(march(10), ADV, NEW),)
    trial = version(1, march(1), status="trial", ADV=10)
    assert unplaced(trial, version(2, march(10), ESS=10)) == ()


def test_an_old_plan_that_is_known_or_never_billed_is_not_unplaced() -> None:
    """It has its line, or the partner said that it has none, or no contract takes it."""
    assert want(subscription(*CHANGED)).unplaced == ()
    assert unplaced(*CHANGED, policy=Policy(excluded=(ADV,))) == ()
    assert unplaced(*CHANGED, to=mapping(Route(600, 1, sku=ESS))) == ()


def test_a_plan_of_a_family_without_a_service_holds_up_what_comes_beside_it() -> None:
    """People have said that both are plans; what only the numbers say holds up nothing."""
    told = subscription(version(1, march(1), ADV=10, ESS=1), version(2, march(10), ADV=5, ESS=6))
    for family, unplaced in (("sase", (Unplaced(march(10), ADV, NEW),)), (None, ())):
        plans = {ADV: PlanMapping(ADV, (), family=family), ESS: replace(PLANS[ESS], family=family)}
        found = desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY)
        assert found.unplaced == unplaced


def test_a_plan_that_autotask_refused_to_look_for_holds_up_what_comes_beside_it() -> None:
    """Its service may be there, and is looked for again soon. One that was looked for and is not there holds up nothing."""
    told = subscription(version(1, march(1), ADV=10, ESS=1), version(2, march(10), ADV=5, ESS=6))
    for refused, unplaced in (("an error", (Unplaced(march(10), ADV, NEW),)), ("", ())):
        plans = {ADV: PlanMapping(ADV, (), refused=refused), ESS: PLANS[ESS]}
        assert desired([Customer("cus_1", mapping(), (told,))], plans, GRIDS, TODAY).unplaced == unplaced


def test_what_was_wanted_beside_the_new_plan_is_no_old_plan() -> None:
    """An add-on that goes while the plan grows may stay billed; so does a plan that only comes."""
    together = version(1, march(1), ADV=1, ESS=9), version(2, march(10), ESS=10)
    assert unplaced(*together) == ()
    assert unplaced(version(1, march(1), ADV=1), version(2, march(5)), version(3, march(9), ADV=1)) == ()


def test_a_service_of_the_day_of_the_change_places_the_old_plan() -> None:
    """One that is chosen only from a later day on does not."""
    new = PlanMapping(ESS, (ServiceChoice(44), ServiceChoice(46, march(10)), ServiceChoice(47, march(11))))
    for first, found in ((march(10), ()), (march(11), (Unplaced(march(10), ADV, NEW),))):
        plans = {ESS: new, ADV: PlanMapping(ADV, (ServiceChoice(45, first),))}
        customer = Customer("cus_1", mapping(), (subscription(*CHANGED),))
        assert desired([customer], plans, GRIDS, TODAY).unplaced == found


def test_what_has_no_line_says_so_with_its_customer_its_sku_and_autotasks_words() -> None:
    """As a reason, with the command that ends it."""
    reason = Unrouted("cus_1", ADV, 11, "sku-refused", "no permission").parked
    assert reason.code == "sku-refused"
    assert reason.facts == {"customer": "cus_1", "sku": ADV, "answer": "no permission"}


def test_who_brings_a_change_forward_is_told_and_decides_nothing() -> None:
    """It is no cause: the quantity is as it was said before. A version of the same or a later day brings nothing forward."""
    said = (
        version(1, date(2026, 3, 1), ADV=10, ESS=6),
        version(2, date(2026, 3, 25), ADV=10, ESS=3),
        version(3, date(2026, 3, 15), ADV=12, ESS=3),
        version(4, date(2026, 3, 15), ADV=12, ESS=3),
        version(5, date(2026, 3, 20), ADV=12, ESS=3),
        version(6, date(2026, 3, 12), ADV=12, ESS=3),
    )
    demands = want(subscription(*said)).demands

    def told(causes: tuple[Cause, ...]) -> list[tuple[int, int, int]]:
        return [(one.number, one.before, one.after) for one in causes]

    assert told(demands[OLD].causes) == [(1, 0, 10), (3, 10, 12)]
    assert told(demands[OLD].brought_forward) == [(6, 10, 12)]
    assert told(demands[NEW].causes) == [(1, 0, 6), (2, 6, 3)]
    assert told(demands[NEW].brought_forward) == [(3, 6, 3), (6, 6, 3)]
    assert demands[NEW].versions == {"sub_1": 2}
    single = subscription(version(1, march(10), ADV=1), version(2, march(5), ADV=1))
    assert told(want(single).demands[OLD].brought_forward) == [(2, 0, 1)]
