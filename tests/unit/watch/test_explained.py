"""Every billing item is explained, or named as somebody else's, by the simulated Autotask's own books."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.months import HALF_YEAR, STORIES, TERMS, Months, posted_until_april
from tests.unit.watch.posting import (
    MARCH,
    adds,
    april,
    begun,
    change_amount,
    forge,
    of,
    over_two_months,
    post,
    post_april,
)
from tests.world import ADV, CONTRACT, GATEWAY
from timus_autotask.operate.month_end import what_was_posted
from timus_autotask.watch.month.asked import events_of
from timus_autotask.watch.month.explained import Explained
from timus_autotask.watch.month.to_post import LeftChange


def truth(months: Months) -> Counter[tuple[Any, ...]]:
    """(line, day, quantity, who) of every item of March, by the simulator's own events."""
    model = months.world.api.model
    sources = {
        event.number: event.source
        for contract in model.contracts.values()
        for line in contract.lines.values()
        for event in line.events
    }
    return Counter(
        (
            one["contractServiceID"],
            one["itemDate"],
            Decimal(one["quantity"]),
            sources.get(one["contractServiceAdjustmentID"], "period")
            if one["contractServiceID"]
            else "typed",
        )
        for one in months.world.control.billing_items()
        if one["itemDate"].startswith("2026-03")
    )


WHO = {
    Explained.PERIOD: "period",
    Explained.OURS: "api",
    Explained.ELSEWHERE: "person",
    Explained.TYPED: "typed",
    Explained.CREDIT: "typed",
}


@pytest.mark.parametrize(("decimals", "period"), [("2", "set"), ("4", "null")])
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, STORIES, st.booleans())
def test_every_item_is_explained_and_those_of_others_are_named(
    decimals: str, period: str, terms: tuple[str, ...], story: list[tuple[str, object, int]], priced: bool
) -> None:
    """Over random months: ours and the periods' are explained, what a person did is exactly what is named as somebody else's."""
    months = begun(*terms)
    months.world.control.set_switches({"posted_decimals": decimals, "adjustment_period": period})
    if priced:
        months.desk.told("policy", "set", "prices.SASE-ADV-USER=15.00", "prices.SASE-ESS-USER=7.00", "--yes")
    months.play([*story[: len(story) // 2], ("post", None, 0), *story[len(story) // 2 :]])
    months.work()
    post(months)
    months.world.control.person_bills(CONTRACT, date(2026, 3, 20).toordinal(), "Goodwill", -1, "20.25")
    found = of(months)
    assert Counter(
        (one.item.contract_service_id, f"{one.item.day}", one.item.quantity, WHO.get(one.by, one.by.value))
        for one in found.items
    ) == truth(months)
    assert not found.missing
    assert not any(one.amount_differs for one in found.items)


def test_a_change_is_explained_with_its_event() -> None:
    """The adjustment of ours that an item bills, and the event from which it followed."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    post(months)
    found = of(months)
    [change] = [one for one in found.items if one.by is Explained.OURS]
    assert (change.item.day, change.item.quantity) == (date(2026, 3, 4), Decimal(3))
    assert change.ours is not None
    assert events_of(change.ours) == (f"sub_8f2c1a-v{months.number}",)
    assert change.estimate == change.item.amount
    assert found.right


def test_an_item_names_the_event_that_asked_for_it_and_no_earlier_one() -> None:
    """The journal keeps the first report with a line's first adjustment; the gateway was ended by the second one."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 10}, 0)])
    post(months)
    [item] = [one for one in of(months).items if one.by is Explained.OURS]
    [entry] = [one for one in months.world.ports.store.changes() if one.delta == -1]
    asked = f"sub_8f2c1a-v{months.number}"
    assert len(entry.events) == 2
    assert item.ours == entry
    assert events_of(entry) == (asked,)
    [row] = [line for line in months.desk.told("changes").split("\n") if entry.id in line]
    assert asked in row
    assert entry.events[0] not in months.desk.told("changes", "--since", "2026-03-04")


def test_an_item_of_an_undo_names_what_it_undoes_and_who() -> None:
    """In the words of `changes`."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 1)])
    [made] = [one for one in months.world.ports.store.changes() if one.delta == 3]
    months.desk.told("undo", made.id, "--reason", "a mistake", "--by", "anna", "--yes")
    months.work()
    post(months)
    [item] = [one for one in of(months).items if one.item.quantity == -3]
    assert item.by is Explained.OURS
    assert item.ours is not None
    assert item.ours.undoes == made.id
    said = " ".join(months.desk.run("ready", "--posted", "--month", "2026-03").out.split())
    assert f"undoes {made.id}, by " in said


def test_an_item_that_was_taken_out_is_missing() -> None:
    """A prorated item can be removed from Approve and Post, and not from the contract: the units show it."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    post(months)
    items = months.world.api.model.tables["BillingItems"]
    [gone] = [id_ for id_, one in items.items() if one.values["quantity"] == 3 * 10**4]
    del items[gone]
    found = of(months)
    [missing] = found.missing
    assert (missing.day, missing.expected, missing.billed) == (date(2026, 3, 4), 3, Decimal())
    assert missing.estimate == Decimal("33.87")  # 3 × 12.50 × 28 / 31
    assert missing.skus == (ADV,)
    assert [way.removeprefix("In Autotask: ") for way in missing.ways] == [
        "look whether its item was left out of Approve and Post, and post it",
        f"a charge of about 33.87 on contract {CONTRACT}",
    ]
    assert not found.right


def test_an_item_that_nothing_makes_is_unexplained() -> None:
    """The one beside it that fits stays explained."""
    months = begun()
    post(months)
    forge(months)
    found = of(months)
    assert [one.item.quantity for one in found.unexplained] == [2]
    assert not found.missing
    assert not found.right


def test_an_amount_that_was_changed_is_named() -> None:
    """By more than the cent that rounding may make."""
    months = begun()
    post(months)
    for one in months.world.api.model.tables["BillingItems"].values():
        one.values["extendedPrice"] = one.values["totalAmount"] = 10 * 10**4
        one.text = one.subsets = None
    found = of(months)
    assert {one.by for one in found.items} == {Explained.PERIOD}
    assert all(one.amount_differs for one in found.items)
    assert not found.right


def test_each_item_is_told_in_the_month_of_its_day() -> None:
    """Items of a period that goes on into the next month are not told twice, and all months together are all that was posted."""
    months = over_two_months()
    months.play([("wait", None, 31)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 5, 19).toordinal())
    found = {
        number: what_was_posted(deployment_of(months.world), date(2026, number, 1)) for number in range(1, 6)
    }
    posted = months.world.control.billing_items()
    assert sorted(one.item.id for each in found.values() for one in each.items) == sorted(
        one["id"] for one in posted
    )
    for number, each in found.items():
        assert {one.item.day.month for one in each.items} <= {number}
        assert not each.missing
        assert not each.unexplained


def test_an_edit_that_brings_a_new_price_is_named_as_made_by_hand() -> None:
    """Two units more and 20.00 for all twelve from the 10th: 2 × 20.00 and 10 × 7.50, on 22 of 31 days."""
    months = begun()
    months.play([("wait", None, 9)])
    months.world.control.person_adjusts(1201, date(2026, 3, 10).toordinal(), 2, "20")
    months.work()
    months.play([("adopt", None, 0)])
    post(months)
    found = of(months)
    [item] = [one for one in found.items if one.by is Explained.ELSEWHERE]
    assert (item.item.amount, item.estimate) == (Decimal("81.61"), Decimal("81.61"))
    assert item.price == (Decimal("12.50"), Decimal(20))
    assert not item.amount_differs
    said = " ".join(months.desk.run("ready", "--posted", "--month", "2026-03").out.split())
    assert "with a new price, by hand: 12.50 became 20.00 for all units" in said
    change_amount(months, 2, 90)
    [item] = [one for one in of(months).items if one.by is Explained.ELSEWHERE]
    assert item.amount_differs
    assert (item.estimate, item.price) == (Decimal("81.61"), (Decimal("12.50"), Decimal(20)))
    assert "12.50 became 20.00 for all units" in item.note
    assert "it was made by hand: look at it in Autotask" in item.note


def test_a_new_price_by_hand_on_the_day_of_our_own_change_is_right_together_with_it() -> None:
    """Our two units at 12.50, and then one more with 20.00 for all: Autotask's rate of both is 20.00, and which has the new price in it, nobody can say."""
    months = begun()
    months.play([("wait", None, 9), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    months.world.control.person_adjusts(1201, date(2026, 3, 10).toordinal(), 1, "20")
    post(months)
    found = of(months)
    ours, by_hand = (one for one in found.items if one.item.day == date(2026, 3, 10))
    assert (ours.item.amount, by_hand.item.amount) == (Decimal("17.74"), Decimal("78.06"))
    assert not any(one.amount_differs for one in found.items)
    assert "right together with the other items of its day" in by_hand.note
    assert "by the terms" not in ours.note
    months.world.api.model.tables["BillingItems"].pop(by_hand.item.id)
    assert [one.amount_differs for one in of(months).items if one.item.id == ours.item.id] == [True]


@pytest.mark.parametrize(("before", "after"), [("2026-12-31", "2026-03-20"), ("2026-03-20", "2026-12-31")])
def test_an_item_of_a_contract_whose_end_was_moved_says_until_when_it_goes(before: str, after: str) -> None:
    """The amount is another one than the days make by now: what is between is credited or charged by hand."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": before})
    post(months)
    months.world.control.person_edits_contract(CONTRACT, {"endDate": after})
    found = of(months)
    until = min(date.fromisoformat(before), date(2026, 3, 31))
    assert {one.until for one in found.items} == {until}
    assert all(f"it goes until {until}" in one.note for one in found.items)
    assert not found.right
    change_amount(months, 10, 999)
    [other] = [one for one in of(months).items if one.item.quantity == 10]
    assert other.until is None


def test_our_own_change_of_the_price_is_said_and_its_amount_checked() -> None:
    """Two units more and 15.00 for all twelve from the 10th by the terms: 2 × 15.00 and 10 × 2.50, on 22 of 31 days."""
    months = begun()
    months.desk.told("policy", "set", "prices.SASE-ADV-USER=15.00", "--yes")
    months.play([("wait", None, 9), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    post(months)
    found = of(months)
    [item] = [one for one in found.items if one.by is Explained.OURS]
    assert found.right
    assert (item.item.amount, item.estimate) == (Decimal("39.03"), Decimal("39.03"))
    assert item.note == "with a new price by the terms: 12.50 became 15.00 for all units"
    change_amount(months, 2, 999)
    found = of(months)
    [item] = [one for one in found.items if one.by is Explained.OURS]
    assert (item.estimate, item.amount_differs, found.right) == (Decimal("39.03"), True, False)


def test_a_change_of_the_price_alone_is_somebody_elses_and_its_amount_is_checked() -> None:
    """Ten units at 11.11 instead of 12.50 from the 12th, on 20 of 31 days."""
    months = begun()
    months.world.control.person_adjusts(1201, date(2026, 3, 12).toordinal(), 0, "11.11")
    post(months)
    found = of(months)
    [item] = found.by_others
    assert (item.by, item.item.amount, item.estimate) == (
        Explained.PRICE,
        Decimal("-8.97"),
        Decimal("-8.97"),
    )
    assert "12.50 became 11.11 for all units" in item.note
    assert found.right
    change_amount(months, 0, -500)
    found = of(months)
    [item] = found.by_others
    assert (item.estimate, item.amount_differs, found.right) == (Decimal("-8.97"), True, False)


def test_an_item_stays_explained_when_another_change_of_its_day_comes_later() -> None:
    """Four of ours were posted with their own day; then somebody adds two on that day: these wait, and the item is still ours."""
    months = begun("posted_period=same-day")
    post(months)
    months.play([("wait", None, 31)])
    months.play([("tell", {ADV: 14, GATEWAY: 1}, (date(2026, 3, 20) - months.today).days)])
    post(months)
    months.world.control.person_adjusts(1201, date(2026, 3, 20).toordinal(), 2)
    found = of(months)
    assert found.right
    [four] = [one for one in found.items if one.item.quantity == 4]
    assert four.by is Explained.OURS
    left = LeftChange(date(2026, 3, 20), 2, Decimal("9.68"))  # 2 × 12.50 × 12 / 31
    assert [one.change for one in found.not_posted] == [left]


def test_a_forged_item_stays_unexplained_when_another_change_of_its_day_comes_later() -> None:
    """It is of no adjustment, and the period has its own item already."""
    months = begun()
    post(months)
    forge(months)
    months.world.control.person_adjusts(1201, MARCH.toordinal(), 3)
    assert [one.item.quantity for one in of(months).unexplained] == [2]


def test_a_change_that_waits_leaves_the_posted_item_of_another_one_explained() -> None:
    """One unit more in February was posted, in April as an item of its own; then one fewer in March waits: April has ten, as its first item alone has."""
    months = posted_until_april(date(2026, 2, 1))
    adds(months, date(2026, 2, 10), 1)
    post_april(months)
    adds(months, date(2026, 3, 10), -1)
    found = april(months)
    assert (found.unexplained, found.missing) == ((), ())
    assert [one.change for one in found.not_posted] == [LeftChange(date(2026, 4, 1), -1, Decimal("-12.50"))]


def test_items_of_one_day_stay_explained_when_another_change_makes_it_what_one_of_them_does_alone() -> None:
    """Two more and one fewer were posted; then one more waits: 12.50 × 12 / 31."""
    months = posted_until_april(date(2026, 2, 1))
    for units in (2, -1):
        adds(months, date(2026, 3, 20), units)
    post_april(months)
    adds(months, date(2026, 3, 20), 1)
    found = of(months)
    assert (found.unexplained, found.missing) == ((), ())
    assert [one.change for one in found.not_posted] == [LeftChange(date(2026, 3, 20), 1, Decimal("4.84"))]


EDITS = st.tuples(
    st.sampled_from([-2, -1, 1, 2]), st.one_of(st.integers(0, 98), st.sampled_from([0, 28, 59, 89]))
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(st.sampled_from([2, 3, HALF_YEAR]), st.lists(st.lists(EDITS, max_size=3), min_size=1, max_size=3))
def test_nothing_is_unexplained_or_missing_in_whatever_order_it_is_changed_and_posted(
    period: int, rounds: list[list[tuple[int, int]]]
) -> None:
    """Edits of any day after it was posted, and again after they were."""
    months = posted_until_april(date(2026, 2, 1), period=period)
    for edits in rounds:
        for units, days in edits:
            adds(months, date(2026, 2, 1) + timedelta(days=days), units)
        for month in (2, 3, 4):
            found = what_was_posted(deployment_of(months.world), date(2026, month, 1))
            assert (found.unexplained, found.missing) == ((), ())
        post_april(months)


def test_an_item_that_was_taken_out_is_missing_also_while_an_earlier_change_waits() -> None:
    """What is lacking on a later period's first day waits only as far as the earlier change goes."""
    months = begun("posted_period=same-day")
    months.world.pass_time(days=62)
    months.work()
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    months.play([("tell", {ADV: 14, GATEWAY: 1}, (date(2026, 3, 20) - months.today).days)])
    [gone] = [
        one["id"]
        for one in months.world.control.billing_items()
        if one["itemDate"].startswith("2026-04-01") and Decimal(one["quantity"]) == 10
    ]
    del months.world.api.model.tables["BillingItems"][gone]
    [missing] = what_was_posted(deployment_of(months.world), date(2026, 4, 1)).missing
    assert (missing.day, missing.expected, missing.billed) == (date(2026, 4, 1), 14, Decimal())
