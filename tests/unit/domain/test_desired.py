"""Desired: Timus's quantities, routed and on the partner's terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.desired import Customer, Desired, Link, desired
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.domain.mapping import (
    CustomerMapping,
    LineKey,
    PlanMapping,
    Route,
    Routing,
    ServiceChoice,
)
from timus_autotask.domain.policy import EffectiveDay, Grid, Policy

ADV, ESS = "ADV", "ESS"
OLD, NEW = LineKey(1, 45), LineKey(1, 46)
PLANS = {ADV: PlanMapping(ADV, (ServiceChoice(45),)), ESS: PlanMapping(ESS, (ServiceChoice(46),))}
GRIDS = {1: Grid(date(2026, 1, 15), 1)}
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


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def test_versions_hold_from_their_day() -> None:
    """Each version is billed from its effective day on."""
    found = want(subscription(version(1, march(1), ADV=10), version(2, march(10), ADV=12)))
    assert units(found) == (("2026-03-01", 10), ("2026-03-10", 12))
    assert found.demands[OLD].start == march(1)


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
    assert found.links == (Link(march(10), OLD, NEW),)


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


def test_increases_from_the_next_period() -> None:
    """An increase that waits keeps what is billed until then."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ADV=12))
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-01", 10), ("2026-04-15", 12))


def test_a_first_bill_is_not_a_change() -> None:
    """The first quantities of a subscription are billed from their day whatever the terms for changes are."""
    told = subscription(version(1, march(20), ADV=10))
    assert units(want(told, policy=Policy(increases=NEXT))) == (("2026-03-20", 10),)


def test_a_plan_change_keeps_its_sides_together() -> None:
    """With decreases at the next period the whole plan change waits: never both plans at once."""
    told = subscription(version(1, march(1), ADV=10), version(2, march(20), ESS=10))
    found = want(told, policy=Policy(decreases=NEXT))
    assert units(found, OLD) == (("2026-03-01", 10), ("2026-04-15", 0))
    assert units(found, NEW) == (("2026-04-15", 10),)
    assert found.links == (Link(date(2026, 4, 15), OLD, NEW),)


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
