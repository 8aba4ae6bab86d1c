"""What was posted: every billing item explained, or named as somebody else's, by the simulated Autotask's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.autotask.schema import ENTITIES
from tests.deployment import deployment_of
from tests.months import FIRST_DAYS, HALF_YEAR, STORIES, TERMS, Months, by_hand, posted_until_april
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import what_was_posted
from timus_autotask.watch.month.asked import events_of
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.posted import Explained, LeftChange, NotPosted, Posted, PostedDays

MARCH = date(2026, 3, 1)


def of(months: Months) -> Posted:
    """Of March."""
    return what_was_posted(deployment_of(months.world), MARCH)


def begun(*terms: str) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=True)
    return months


def post(months: Months, day: int = 31) -> None:
    """Somebody approves and posts."""
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, day).toordinal())


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


def forge(months: Months) -> None:
    """Put an item of two units beside that of the ten which the period has, as nobody in Autotask can."""
    items = months.world.api.model.tables["BillingItems"]
    period = next(one for one in items.values() if one.values["quantity"] == 10 * 10**4)
    months.world.api.model.add(
        ENTITIES["billingitems"],
        {**{k: v for k, v in period.values.items() if k != "id"}, "quantity": 2 * 10**4},
    )


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


def test_a_change_that_was_held_while_somebody_posted() -> None:
    """Its days, what it costs, and the ways to bring it right."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    post(months)
    [passed] = of(months).passed
    assert (passed.cause, passed.first, passed.last) == (WhyDiffers.HELD, date(2026, 3, 4), date(2026, 3, 31))
    assert (passed.seat_days, passed.estimate) == (-84, Decimal("-33.87"))
    assert passed.ways[0].startswith(f"timus-autotask approve {CONTRACT} 45")
    assert "a charge of about 33.87" in passed.ways[1]
    assert passed.whole is None
    assert "un-post" in passed.ways[2]


def over_two_months() -> Months:
    """A contract whose periods begin on the 20th; ten seats and a gateway since 21 March."""
    first = {**SCENARIO["contracts"][0], "startDate": "2026-01-20", "endDate": "2027-01-19"}
    scenario = {**SCENARIO, "contracts": [first, *SCENARIO["contracts"][1:]]}
    months = Months(World(start=datetime(2026, 3, 21, 8, tzinfo=UTC), scenario=scenario))
    months.begin((), mapped=True)
    return months


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


def test_posted_days_that_go_on_in_another_month_are_said_with_what_they_come_to_in_all() -> None:
    """Each month has its own days and money, and both say the whole: a credit or a charge is made of it once."""
    months = over_two_months()
    months.play([("wait", None, 1), ("post", None, 0), ("tell", {ADV: 22, GATEWAY: 1}, 0)])
    [march] = of(months).passed
    [april] = what_was_posted(deployment_of(months.world), date(2026, 4, 1)).passed
    assert (march.first, march.last, march.estimate) == (
        date(2026, 3, 22),
        date(2026, 3, 31),
        Decimal("-48.39"),
    )
    assert (april.first, april.last, april.estimate) == (
        date(2026, 4, 1),
        date(2026, 4, 19),
        Decimal("-91.94"),
    )
    assert (
        march.whole
        == april.whole
        == PostedDays(date(2026, 3, 22), date(2026, 4, 19), -348, Decimal("-140.32"))
    )
    assert (
        "a charge of about 48.39 on contract 29683949 for this month; its period goes beyond it: 2026-03-22 to 2026-04-19, "
        "about 140.32 in all, each month in its own report"
    ) in march.ways[0]


def test_a_new_service_that_was_held_while_somebody_posted() -> None:
    """It has no rows yet, and the invoice went without it; once it is approved, it waits for the next posting."""
    months = begun()
    months.desk.told("policy", "set", "approve_new_lines=yes", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 10, GATEWAY: 1, ESS: 7}, 0), ("wait", None, 2)])
    assert of(months).passed == ()
    post(months)
    found = of(months)
    [passed] = found.passed
    assert not found.right
    assert (passed.key, passed.cause, passed.customer) == (LineKey(CONTRACT, 46), WhyDiffers.HELD, CUSTOMER)
    assert (passed.first, passed.last) == (date(2026, 3, 4), date(2026, 3, 31))
    assert (passed.seat_days, passed.estimate) == (-196, Decimal("-53.74"))
    assert passed.ways[0].startswith(f"timus-autotask approve {CONTRACT} 46")
    assert "billed with the next posting" in passed.ways[0]
    months.desk.told("approve", str(CONTRACT), "46", "--yes")
    months.work()
    after = of(months)
    assert (after.passed, after.not_posted) == ((), (NotPosted(CONTRACT, MARCH, LineKey(CONTRACT, 46)),))
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0
    assert (
        f"Not posted yet: service 46 on contract {CONTRACT} Contoso SASE, of the period from 2026-03-01. "
        "The rest of the period is posted."
    ) in " ".join(said.out.split())
    [form] = months.desk.ask("ready", "--posted", "--month", "2026-03")["not_posted"]
    assert (form["contract_id"], form["service_id"], form["from"]) == (CONTRACT, 46, "2026-03-01")
    post(months)
    assert of(months).not_posted == ()


def test_a_sku_that_nobody_had_mapped_while_somebody_posted() -> None:
    """It has no line, and the client's invoice went without it; before that it is no matter of this report."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 10, GATEWAY: 1, "SASE-NEW": 7}, 0), ("wait", None, 2)])
    assert of(months).passed == ()
    post(months)
    [passed] = of(months).passed
    assert (passed.key, passed.customer, passed.skus) == (None, CUSTOMER, ("SASE-NEW",))
    assert (passed.cause, passed.seat_days, passed.estimate) == (WhyDiffers.UNMAPPED, -196, None)
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert (said.status, "SASE-NEW" in said.out) == (1, True)
    assert "→ timus-autotask map plan SASE-NEW" in said.out
    form = months.desk.run("ready", "--posted", "--month", "2026-03", "--json").json
    [told] = form["passed"]
    assert (told["skus"], told["contract_id"], told["service_id"]) == (["SASE-NEW"], None, None)
    assert told["comes_once_settled"]
    assert "posted with other units" not in months.desk.told("digest")  # it waits there, and counts once


def test_what_nobody_has_posted_is_no_gap() -> None:
    """A period is only compared once it is posted."""
    months = begun()
    found = of(months)
    assert (found.items, found.missing, found.passed) == ((), (), ())
    assert found.not_posted == (NotPosted(CONTRACT, MARCH),)
    assert "the period from 2026-03-01." in months.desk.run("ready", "--posted", "--month", "2026-03").out
    [form] = months.desk.ask("ready", "--posted", "--month", "2026-03")["not_posted"]
    assert (form["contract_id"], form["service_id"], form["from"]) == (CONTRACT, None, "2026-03-01")


def test_items_that_may_not_be_read_are_said_and_the_rest_stands() -> None:
    """The days that were posted otherwise need no billing items."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    post(months)
    months.world.control.set_switches({"denied": ["BillingItems"]})
    found = of(months)
    assert not found.read
    assert not found.right
    assert any(note.startswith("Billing items could not be read") for note in found.notes)
    assert [one.cause for one in found.passed] == [WhyDiffers.HELD]


def test_the_command_says_it() -> None:
    """With exit status 0 if all is explained; a credit that a person typed is said as such."""
    months = begun()
    post(months)
    months.world.control.person_bills(
        CONTRACT, date(2026, 3, 20).toordinal(), "Good\x1b[31mwill", -1, "20.25"
    )
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0, said
    assert "a credit that a person typed" in said.out
    assert "3 items, 149.75 before tax: 0 unexplained, 0 missing; 1 is somebody else's." in said.out
    assert "\x1b" not in said.out
    form = months.desk.ask("ready", "--posted", "--month", "2026-03")
    assert (form["right"], form["amount"]) == (True, "149.7500")
    assert [one["explained_by"] for one in form["items"]] == ["period", "period", "credit"]


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


def change_amount(months: Months, quantity: int, amount: int) -> None:
    """Somebody types another amount into the items of a quantity."""
    for one in months.world.api.model.tables["BillingItems"].values():
        if one.values["quantity"] == quantity * 10**4:
            one.values["extendedPrice"] = one.values["totalAmount"] = amount * 10**4
            one.text = one.subsets = None


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


def test_a_change_that_came_after_its_period_was_posted_waits_for_the_next_posting() -> None:
    """With its day, units and money: 4 × 12.50 × 12 / 31 of ours, and less of what somebody edits; until somebody posts again."""
    months = begun("posted_period=same-day")
    post(months)
    assert of(months).not_posted == ()
    months.play([("wait", None, 31)])
    months.play([("tell", {ADV: 14, GATEWAY: 1}, (date(2026, 3, 20) - months.today).days)])
    months.world.control.person_adjusts(1201, date(2026, 3, 26).toordinal(), -3)
    key = LineKey(CONTRACT, 45)
    assert of(months).not_posted == (
        NotPosted(CONTRACT, MARCH, key, LeftChange(date(2026, 3, 20), 4, Decimal("19.35"))),
        NotPosted(CONTRACT, MARCH, key, LeftChange(date(2026, 3, 26), -3, Decimal("-7.26"))),
    )
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    words = " ".join(said.out.split())
    assert (
        f"Not posted yet: +4 units of service 45 on contract {CONTRACT} Contoso SASE from 2026-03-20 on, about +19.35. "
        "The rest of the period from 2026-03-01 is posted."
    ) in words.replace("service 45 SASE Advanced", "service 45")
    forms = months.desk.run("ready", "--posted", "--month", "2026-03", "--json").json["not_posted"]
    assert [(one["day"], one["unit_change"], one["estimate"]) for one in forms] == [
        ("2026-03-20", 4, "19.35"),
        ("2026-03-26", -3, "-7.26"),
    ]
    post(months)
    assert of(months).not_posted == ()


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


def test_a_change_of_the_price_alone_that_came_after_posting_is_named() -> None:
    """Ten units go from 12.50 to 20.00 on six days, and no item bills it yet: 10 × 7.50 × 6 / 31."""
    months = begun()
    post(months)
    months.world.control.person_adjusts(1201, date(2026, 3, 26).toordinal(), 0, unit_price=Decimal(20))
    [one] = of(months).not_posted
    prices = (Decimal("12.50"), Decimal("20.00"))
    assert one.change == LeftChange(date(2026, 3, 26), 0, Decimal("14.52"), prices)
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0
    words = "Not posted yet: a new price (12.50 became 20.00 for all units) of service 45"
    assert words in " ".join(said.out.split())
    [form] = months.desk.run("ready", "--posted", "--month", "2026-03", "--json").json["not_posted"]
    assert (form["unit_change"], form["unit_price"]) == (0, ["12.50", "20.00"])
    post(months)
    assert of(months).not_posted == ()


def test_a_change_of_march_that_came_after_april_was_posted_is_missing_in_neither() -> None:
    """Autotask bills it with the next posting, in March from its day on and in April whole."""
    months = begun("posted_period=same-day")
    months.world.pass_time(days=62)
    months.work()
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    months.play([("tell", {ADV: 14, GATEWAY: 1}, (date(2026, 3, 20) - months.today).days)])
    april = what_was_posted(deployment_of(months.world), date(2026, 4, 1))
    assert (april.missing, april.right) == ((), True)
    assert [one.change for one in (*of(months).not_posted, *april.not_posted)] == [
        LeftChange(date(2026, 3, 20), 4, Decimal("19.35")),
        LeftChange(date(2026, 4, 1), 4, Decimal("50.00")),
    ]
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    after = what_was_posted(deployment_of(months.world), date(2026, 4, 1))
    assert (after.not_posted, after.missing, after.right) == ((), (), True)


def april(months: Months) -> Posted:
    """Of April."""
    return what_was_posted(deployment_of(months.world), date(2026, 4, 1))


@FIRST_DAYS
def test_a_change_that_leaves_no_posted_row_of_its_period_is_missing_in_no_later_one(
    begins: date, terms: tuple[str, ...], change: Callable[[Months, date], None], day: date
) -> None:
    """Autotask bills it with the next posting, in April from its first day on."""
    months = posted_until_april(begins, *terms)
    change(months, day)
    waits = april(months)
    assert (waits.unexplained, waits.missing) == ((), ())
    assert [one.change for one in waits.not_posted] == [LeftChange(date(2026, 4, 1), 3, Decimal("37.50"))]
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    after = april(months)
    assert (after.not_posted, after.missing, after.unexplained) == ((), (), ())
    assert sum(one.item.quantity for one in after.items if one.key == LineKey(CONTRACT, 45)) == 13


def test_an_edit_that_is_dated_before_the_contract_waits_in_its_first_period_too() -> None:
    """Its rows stay posted, and the first period's own item is explained all the same."""
    months = posted_until_april(date(2026, 1, 1))
    by_hand(months, date(2025, 12, 20))
    january = what_was_posted(deployment_of(months.world), date(2026, 1, 1))
    assert (january.missing, january.unexplained) == ((), ())
    assert [one.change for one in january.not_posted] == [LeftChange(date(2026, 1, 1), 3, Decimal("37.50"))]


def adds(months: Months, day: date, units: int) -> None:
    """Somebody adds units."""
    line = months.world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    months.world.control.person_adjusts(line.id, day.toordinal(), units)


def post_april(months: Months) -> None:
    """Somebody approves and posts through April."""
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())


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
"""Units, and how many days after 1 February; often on the first day of a month."""


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


def test_a_change_after_the_part_of_the_month_that_is_posted_waits_for_the_next_posting() -> None:
    """Somebody posts through the 10th; two units more from the 12th on bill 2 × 12.50 × 20 / 31 with the next one."""
    months = begun()
    months.play([("wait", None, 11)])
    months.play([("tell", {ADV: 12, GATEWAY: 1}, (date(2026, 3, 12) - months.today).days)])
    post(months, 10)
    [left] = of(months).not_posted
    assert (left.first, left.change) == (MARCH, LeftChange(date(2026, 3, 12), 2, Decimal("16.13")))
    assert months.desk.run("ready", "--posted", "--month", "2026-03").status == 0


def test_seats_of_a_client_without_a_contract_are_in_no_posting() -> None:
    """48 seats of a month, and nothing of theirs was posted: "0 missing" alone would read as all right."""
    months = begun()
    months.world.tell(1, {ADV: 48}, customer="cus_new", subscription="sub_new", customer_name="New Client")
    months.play([("wait", None, 32)])
    post(months)
    [one] = of(months).in_no_posting
    assert (one.key, one.customer, one.skus, one.cause) == (None, "cus_new", (ADV,), WhyDiffers.UNMAPPED)
    assert (one.first, one.last, one.seat_days) == (MARCH, date(2026, 3, 31), -48 * 31)
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    words = " ".join(said.out.split())
    assert said.status == 0
    assert f"In no posting: 1,488 seat-days of {ADV} of cus_new New Client, 2026-03-01 to 2026-03-31" in words
    assert "→ timus-autotask ready --month 2026-03" in words
    assert "0 missing; 1,488 seat-days in no posting." in words
    [form] = months.desk.ask("ready", "--posted", "--month", "2026-03")["in_no_posting"]
    assert (form["customer"], form["contract_id"], form["seat_days"]) == ("cus_new", None, -1488)


def test_seats_of_a_contract_whose_lines_are_all_held_are_in_no_posting() -> None:
    """It has nothing that can be posted; once its seats are approved and posted, nothing is left."""
    empty = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "lines": []}]}
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario=empty))
    months.begin(("approve_new_lines=yes",), mapped=True)
    months.play([("wait", None, 4)])
    found = of(months)
    until = (months.today - MARCH).days + 1
    assert (found.items, found.not_posted, found.passed) == ((), (), ())
    assert {(one.key, one.cause, one.seat_days) for one in found.in_no_posting} == {
        (LineKey(CONTRACT, 45), WhyDiffers.HELD, -10 * until),
        (LineKey(CONTRACT, 47), WhyDiffers.HELD, -until),
    }
    for service in ("45", "47"):
        months.desk.told("approve", str(CONTRACT), service, "--yes")
    months.work()
    assert of(months).in_no_posting == ()
    post(months)
    assert of(months).in_no_posting == ()


def test_seats_after_a_contracts_last_day_are_in_no_posting() -> None:
    """Ten seats on 11 days."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 32)])
    post(months)
    [seats, _gateway] = of(months).in_no_posting
    assert (seats.key, seats.cause, seats.first) == (
        LineKey(CONTRACT, 45),
        WhyDiffers.ENDED,
        date(2026, 3, 21),
    )
    assert (seats.last, seats.seat_days, seats.estimate) == (date(2026, 3, 31), -110, Decimal("-44.35"))


def test_a_change_of_a_posted_periods_first_day_leaves_the_period_posted() -> None:
    """No row of it is posted any more, and its item is there: only the change waits."""
    months = begun()
    post(months)
    months.world.control.person_adjusts(1201, MARCH.toordinal(), 3)
    change = LeftChange(MARCH, 3, Decimal("37.50"))
    assert of(months).not_posted == (NotPosted(CONTRACT, MARCH, LineKey(CONTRACT, 45), change),)


def test_what_was_undone_too_late_is_posted_as_timus_says() -> None:
    """Eight seats undone, and their month posted the same evening: neither too many nor not billed, and said once, with the credit."""
    months = begun()
    months.play([("wait", None, 9), ("tell", {ADV: 18, GATEWAY: 1}, 0), ("undo", None, 0)])
    post(months)
    months.play([("wait", None, 21)])
    found = of(months)
    assert (found.passed, found.decided, found.right) == ((), (), True)
    [said] = [note for note in found.notes if "undone" in note]
    assert said.startswith("Posted as Timus says, although it was undone by ")
    assert (
        f"a mistake. 168 seat-days of {ADV}, 2026-03-11 to 2026-03-31: these days were past changing" in said
    )
    assert said.endswith(
        f"If they should not be so: In Autotask: a credit of about 67.74 on contract {CONTRACT}."
    )
    shown = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert shown.status == 0
    assert said in " ".join(shown.out.split())
    assert "posted" not in months.desk.told("digest")


def rejected_and_then_typed() -> Months:
    """Eight seats more are rejected, and some days later somebody types them into Autotask: the line is level from then on."""
    months = begun("approve_increases.above_units=2")
    months.play([("wait", None, 3), ("tell", {ADV: 18, GATEWAY: 1}, 0)])
    months.desk.told("reject", str(CONTRACT), "45", "--reason", "not ordered", "--by", "anna", "--yes")
    months.play([("wait", None, 2), ("edit", 8, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 2)])
    return months


def test_what_was_rejected_stays_so_after_somebody_typed_it_by_hand() -> None:
    """Its days are no days past changing, for which a charge would be asked: a person decided about them."""
    months = rejected_and_then_typed()
    [stays] = months.desk.run("ready", "--month", "2026-03", "--json").json["periods"][0]["stays"]
    assert stays["kind"] == "rejected"
    post(months)
    found = of(months)
    assert (found.passed, found.right) == ((), True)
    [rejected] = found.decided
    assert (rejected.cause, rejected.first, rejected.seat_days) == (
        WhyDiffers.REJECTED,
        date(2026, 3, 4),
        stays["seat_days"],
    )
    assert ["not ordered" in one.reason for one in rejected.who] == [True]
    [march] = months.desk.ask("digest")["posted_otherwise"]
    assert (march["passed"], len(march["decided"])) == ([], 1)


def test_an_edit_after_what_was_rejected_is_typed_by_hand_is_not_rejected() -> None:
    """Three fewer for two days, and put back before anybody decided: these days are past changing, and nobody rejected them."""
    months = rejected_and_then_typed()
    months.play([("edit", -3, 0), ("wait", None, 2), ("edit", 3, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 1)])
    post(months)
    found = of(months)
    assert [(one.cause, one.first > date(2026, 3, 6)) for one in found.passed] == [(WhyDiffers.LATE, True)]
    assert [(one.cause, one.last < date(2026, 3, 8)) for one in found.decided] == [
        (WhyDiffers.REJECTED, True)
    ]


def test_an_edit_that_makes_up_for_an_undo_is_neither_too_many_nor_not_billed() -> None:
    """From the 7th on Autotask has what Timus says again: only the two days before it were posted without the undone seats."""
    months = begun("drift=adopt")
    months.play([("wait", None, 3), ("tell", {ADV: 18, GATEWAY: 1}, 0), ("wait", None, 1), ("undo", None, 0)])
    months.play([("wait", None, 2), ("edit", 8, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 2)])
    post(months)
    [undone] = of(months).decided
    assert (undone.cause, undone.seat_days, undone.last) == (WhyDiffers.UNDONE, -16, date(2026, 3, 6))
    [stays] = months.desk.run("ready", "--month", "2026-03", "--json").json["periods"][0]["stays"]
    assert (stays["kind"], stays["seat_days"]) == ("undone", -16)


def test_what_a_person_rejected_or_undid_is_posted_as_decided() -> None:
    """Not other than it should be: with who and why, in the digest as in this report, and on the page."""
    months = begun("approve_increases.above_units=2")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.desk.told("reject", str(CONTRACT), "45", "--reason", "not ordered", "--by", "anna", "--yes")
    months.play([("tell", {ADV: 13, GATEWAY: 2}, 0), ("wait", None, 1)])
    [made] = [one for one in months.world.ports.store.changes() if one.delta == 1 and one.day.day == 4]
    months.desk.told("undo", made.id, "--reason", "a mistake", "--by", "bert", "--yes")
    months.work()
    post(months)
    found = of(months)
    assert (found.passed, found.right) == ((), True)
    rejected, undone = sorted(found.decided, key=lambda one: one.cause)
    assert (rejected.cause, rejected.seat_days, rejected.estimate) == (
        WhyDiffers.REJECTED,
        -84,
        Decimal("-33.87"),
    )
    assert (undone.cause, undone.seat_days) == (
        WhyDiffers.UNDONE,
        -27,
    )  # its day is taken: it is undone from the 5th on
    assert ["not ordered" in one.reason for one in rejected.who] == [True]
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0
    words = " ".join(said.out.split())
    assert f"Posted as decided: -84 seat-days of {ADV} of {CUSTOMER}" in words
    assert "about -33.87: rejected; by " in words
    assert ": not ordered." in words
    [march] = months.desk.ask("digest")["posted_otherwise"]
    assert (march["passed"], len(march["decided"])) == ([], 2)
    digest = " ".join(months.desk.told("digest").split())
    assert "other than it should" not in digest
    assert "March 2026 was posted as decided by " in digest
    assert "other than Timus says, on 2 lines of contract 29683949 Contoso SASE: about " in digest


def test_an_edit_that_is_kept_is_posted_as_decided() -> None:
    """Its item is named as somebody's edit, and its days as kept."""
    months = begun()
    months.play([("wait", None, 3), ("edit", 2, 0)])
    months.desk.told("reconcile")
    months.work()
    months.play([("adopt", None, 0)])
    post(months)
    found = of(months)
    assert found.right
    [kept] = found.decided
    assert (kept.cause, kept.seat_days, kept.estimate) == (WhyDiffers.KEPT, 56, Decimal("22.58"))


def test_what_timus_had_by_a_superseded_event_was_posted_without_it() -> None:
    """Ten seats on two days are on no bill: here as in the digest."""
    months = begun()
    months.world.pass_time(days=9)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=2)
    months.play([("late", {ADV: 20, GATEWAY: 1}, -4)])
    assert of(months).passed == ()
    post(months)
    [passed] = of(months).passed
    assert (passed.cause, passed.first, passed.last) == (
        WhyDiffers.SUPERSEDED,
        date(2026, 3, 8),
        date(2026, 3, 9),
    )
    assert (passed.seat_days, passed.estimate) == (-20, Decimal("-8.06"))
    assert passed.ways[0].startswith("In Autotask: a charge of about 8.06")
    assert (
        "other units than it should on 1 line of contract 29683949 Contoso SASE: about 8.06 not billed"
        in months.desk.told("digest")
    )


def test_days_before_the_first_one_that_was_chosen_are_told_and_are_not_wrong() -> None:
    """A person chose the day. Two of ten seats were on the contract by hand until then: eight, and the gateway, are on no bill."""
    contract = {**SCENARIO["contracts"][0], "lines": [{"id": 1201, "serviceID": 45, "units": 2}]}
    months = Months(
        World(
            start=datetime(2026, 3, 1, 8, tzinfo=UTC),
            scenario={**SCENARIO, "contracts": [contract, *SCENARIO["contracts"][1:]]},
        )
    )
    months.begin((), mapped=False)
    months.world.pass_time(days=17)
    months.play([("map", "today", 0)])
    post(months)
    found = of(months)
    assert found.right
    told = [(one.cause, one.skus, one.seat_days) for one in found.decided]
    told += [(one.cause, one.skus, one.seat_days) for one in found.in_no_posting]
    assert told == [(WhyDiffers.BEFORE, (ADV,), -136), (WhyDiffers.BEFORE, (GATEWAY,), -17)]
    assert "as decided" not in months.desk.told("digest")
