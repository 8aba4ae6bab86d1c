"""The partner's own invoice beside Timus, Autotask and the posted items: each difference once, and the sums add up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.months import ENDING, FIRST, FIRST_DAYS, TERMS, Months, posted_until_april
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.operate.files.timus_invoice import (
    ComparedInvoice,
    InvoiceTaken,
    Naming,
    beside_timus_invoice,
    four_sides_csv,
    take_invoice,
)
from timus_autotask.store.invoice import invoice_profile, sign_offs
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.four_sides import (
    KINDS,
    Between,
    DifferenceKind,
    FourSides,
    SideDifference,
    SideRow,
)
from timus_autotask.watch.month.side_remedy import remedy_of_difference

HEAD = "customer,sku,quantity,first_day,last_day,amount"
AS_KEPT = Naming()
SKUS = (ADV, ESS, GATEWAY)


def of(months: Months, rows: Iterable[str], head: str = HEAD, said: Naming = AS_KEPT) -> ComparedInvoice:
    """A file beside March."""
    data = "\r\n".join((head, *rows)).encode()
    return beside_timus_invoice(deployment_of(months.world), data, FIRST, said)


def begun(*terms: str, mapped: bool = True) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=mapped)
    return months


def march(months: Months) -> list[date]:
    """Its days, until today."""
    return months.days(FIRST, min(months.today, date(2026, 3, 31)))


def row(beside: ComparedInvoice, sku: str, customer: str = CUSTOMER) -> SideRow:
    """That of a customer's SKU."""
    [one] = [one for one in beside.found.rows if one.customer == customer and sku in one.skus]
    return one


def why(one: SideRow) -> dict[DifferenceKind, int]:
    """Seat-days by kind."""
    return {each.kind: each.seat_days for each in one.differences}


def whole(months: Months, **units: int) -> list[str]:
    """A file that charges so many of each SKU on every day of the month."""
    names = {"adv": ADV, "ess": ESS, "gateway": GATEWAY}
    return [f"{CUSTOMER},{names[name]},{number},,," for name, number in units.items()]


# -- Against the simulated Autotask and what Timus said


def billed_by_items(months: Months, services: Collection[int]) -> int:
    """Seat-days of March that were posted of these services, by the simulator's own billing items. A contract that is over bills no more."""
    last, total = date(2026, 3, 31), 0
    for one in months.world.control.billing_items():
        day = date.fromisoformat(one["itemDate"][:10])
        line = months.world.api.model.lines.get(one["contractServiceID"])
        if line and line.service["id"] in services and FIRST <= day <= last:
            until = min(last, months.today, date.fromordinal(line.contract.end))
            total += int(Decimal(one["quantity"])) * max(0, (until - day).days + 1)
    return total


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    TERMS,
    st.booleans(),
    ENDING,
    st.lists(
        st.tuples(st.sampled_from(SKUS), st.integers(-4, 15), st.integers(0, 30), st.integers(0, 30)),
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from([0, 12]),
)
def test_each_difference_is_named_once_and_the_sums_add_up(
    terms: tuple[str, ...],
    mapped: bool,
    story: list[tuple[str, object, int]],
    charged: list[tuple[str, int, int, int]],
    by_customer: bool,
    least: int,
) -> None:
    """Over random months and invoices: each side is that of its source to the seat-day, and so is what stands between them."""
    months = begun(*terms, mapped=mapped)
    if least:
        months.desk.told("policy", "set", f"pooled_minimum.{ADV}={least}", "--yes")
    months.play(story)
    months.work()
    rows, paid = [], Counter[tuple[str, date]]()
    days = march(months)
    for sku, units, begin, length in charged:
        first, last = FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + length)
        whom = CUSTOMER if by_customer else ""
        rows.append(f"{whom},{sku},{units},{first},{last},")
        for day in days:
            paid[sku, day] += units if first <= day <= last else 0
    found = of(months, rows or [f"{CUSTOMER},{ADV},0,,,"]).found
    assert all(one.adds_up for one in found.rows)
    if by_customer:  # else a SKU is paid for in one row, and billed in others
        assert all(one.paid - one.billed == one.paid_not_billed - one.billed_not_paid for one in found.rows)
    total = found.total
    assert total.paid == sum(paid.values())
    assert total.paid - total.billed == total.paid_not_billed - total.billed_not_paid
    used = {(sku, day): months.used(sku, day, trials=False) for sku in SKUS for day in days}
    assert total.timus == sum(used.values())
    # Of who is not mapped, nobody knows the contract.
    bills = {*SERVICES.values()} if mapped else {key.service_id for one in found.rows for key in one.keys}
    assert total.autotask == sum(months.billed(service, day) for service in bills for day in days)
    assert total.posted == billed_by_items(months, bills)
    assert Between.NOT_POSTED not in total.kinds
    assert Between.POSTED_MORE not in total.kinds
    more = {each: paid[each] - number for each, number in used.items()}
    over = sum(number for number in more.values() if number > 0)
    assert total.kinds.get(Between.NOT_INVOICED, 0) == sum(number for number in more.values() if number < 0)
    # A SKU that Timus has never reported is a name that nobody knows.
    named = sum(
        total.kinds.get(kind, 0) for kind in (Between.NOT_IN_TIMUS, Between.UNKNOWN, WhyDiffers.TRIAL)
    )
    assert named + total.kinds.get(Between.POOLED_MINIMUM, 0) == over
    lacking = {day: max(least - used[ADV, day], 0) for day in days}
    assert [one.seat_days for one in found.shortfalls] == ([sum(lacking.values())] if least else [])
    up_to = sum(min(lacking[day], max(more[ADV, day], 0)) for day in days)
    assert total.kinds.get(Between.POOLED_MINIMUM, 0) == (up_to if charged and not by_customer else 0)


# -- Each kind by itself


def test_what_is_paid_and_not_reported_is_named_with_its_money() -> None:
    """Twelve on the invoice, ten in Timus, Autotask and among the items."""
    months = begun()
    months.play([("wait", None, 31)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    found = of(months, [f"{CUSTOMER},{ADV},12,,,96.00", f"{CUSTOMER},{GATEWAY},1,,,30.00"])
    one = row(found, ADV)
    assert (one.paid, one.timus, one.autotask, one.posted, one.to_post) == (372, 310, 310, 310, 0)
    assert why(one) == {Between.NOT_IN_TIMUS: 62}
    assert one.differences[0].estimate == Decimal("25.00")  # 2 × 12.50
    assert (one.amount, one.estimate, one.margin) == (Decimal("96.00"), Decimal("125.00"), Decimal("29.00"))
    assert not row(found, GATEWAY).differences
    assert found.found.total.amount == Decimal("126.00")


def test_what_is_paid_after_a_contracts_last_day_is_billed_to_nobody() -> None:
    """The days that the contract does not have any more are not billed, although its last row goes up to its end."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 31)])
    one = row(of(months, whole(months, adv=10)), ADV)
    assert (one.paid, one.autotask, one.billed) == (310, 200, 200)
    assert why(one) == {WhyDiffers.ENDED: 110}


def test_what_waits_is_paid_and_billed_to_nobody() -> None:
    """A held change is in Timus and on the invoice, and not in Autotask."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 28)])
    rows = [
        f"{CUSTOMER},{ADV},10,,,",
        f"{CUSTOMER},{ADV},3,2026-03-04,2026-03-31,",
        f"{CUSTOMER},{GATEWAY},1,,,",
    ]
    assert why(row(of(months, rows), ADV)) == {WhyDiffers.HELD: 84}


def test_what_is_paid_and_billed_is_not_missing_although_timus_has_not_reported_it(tmp_path: Path) -> None:
    """Two kinds make up for each other: both are named, and nothing is billed to nobody. No credit is asked for what a client pays."""
    months = begun()
    months.world.control.person_adjusts(1201, FIRST.toordinal(), 2)
    months.play([("wait", None, 31)])
    file = tmp_path / "march.csv"
    file.write_text("\n".join((HEAD, *whole(months, adv=12, gateway=1))))
    found = of(months, whole(months, adv=12, gateway=1)).found
    [one] = [each for each in found.rows if each.differences]
    assert {each.kind: each.seat_days for each in one.differences} == {
        Between.NOT_IN_TIMUS: 62,
        WhyDiffers.DRIFT: -62,
    }
    assert (one.paid_not_billed, one.billed_not_paid) == (0, 0)
    assert (found.total.paid_not_billed, found.total.estimate_paid_not_billed) == (0, Decimal("0.00"))
    assert (found.total.billed_not_paid, found.total.estimate_billed_not_paid) == (0, Decimal("0.00"))
    words = months.desk.run("reconcile", "--timus-invoice", str(file), "--month", "2026-03").out
    assert "Ask Timus for a credit" not in words
    assert "All of it is billed" in words


def headline(found: FourSides) -> tuple[int, int]:
    """Paid and billed to nobody, and billed and not paid."""
    return found.total.paid_not_billed, found.total.billed_not_paid


def test_an_invoice_without_customers_pays_for_what_any_of_them_is_billed() -> None:
    """Two seats that a person added by hand are on the invoice too, which says no customer."""
    months = begun()
    months.world.control.person_adjusts(1201, FIRST.toordinal(), 2)
    months.play([("wait", None, 31)])
    found = of(months, [f",{ADV},12,,,", f",{GATEWAY},1,,,"]).found
    assert headline(found) == (0, 0)
    assert headline(of(months, [f",{ADV},11,,,", f",{GATEWAY},1,,,"]).found) == (0, 31)


def test_days_that_nothing_changes_any_more_have_a_command_that_shows_them(tmp_path: Path) -> None:
    """It can be pasted as it stands: with the customer and the month."""
    months = Months()
    months.begin((), mapped=False)
    months.play([("wait", None, 4), ("map", "today", 0)])
    file = tmp_path / "march.csv"
    file.write_text(f"customer,sku,quantity\n{CUSTOMER},{ADV},10\n{CUSTOMER},{GATEWAY},1\n")
    said = months.desk.run("reconcile", "--timus-invoice", str(file), "--month", "2026-03").out
    assert "before we came" in said
    assert f"timus-autotask evidence --customer {CUSTOMER} --month 2026-03" in " ".join(said.split())


def shared() -> Months:
    """A month of a line of two customers, with 10 and 15 seats: the second one's are billed from 2 March on."""
    months = Months()
    months.world.map_customer()
    months.world.map_customer("cus_two")
    months.begin((), mapped=False)
    months.world.tell(1, {ADV: 15}, customer="cus_two", subscription="sub_two")
    months.work()
    months.play([("wait", None, 31)])
    return months


def test_a_line_that_two_customers_share_bills_both() -> None:
    """Each pays for his own seats, and the line has those of both. The second one's are billed from the day after they were told."""
    months = shared()
    rows = [
        f"{CUSTOMER},{ADV},10,,,",
        f"{CUSTOMER},{GATEWAY},1,,,",
        f"cus_two,{ADV},15,2026-03-02,2026-03-31,",
    ]
    assert headline(of(months, rows).found) == (0, 0)
    more = f"cus_two,{ADV},17,2026-03-02,2026-03-31,"
    found = of(months, [*rows[:2], more])
    assert headline(found.found) == (60, 0)
    two = row(found, ADV, "cus_two")
    assert (two.paid, two.autotask, two.billed, two.paid_not_billed) == (510, 465, 465, 60)
    assert why(two) == {
        Between.NOT_IN_TIMUS: 60,
        Between.NOT_INVOICED: -15,
    }  # his part of 1 March is not billed yet
    assert (row(found, ADV, "").billed, why(row(found, ADV, ""))) == (-15, {WhyDiffers.LATE: 15})
    assert all(one.adds_up for one in found.found.rows)
    [text] = [one for one in four_sides_csv(found.found).splitlines() if ",60," in one]
    assert "cus_two" in text


def test_what_one_of_a_shared_line_pays_too_much_another_may_pay_too_little() -> None:
    """The line bills all that is paid, so nothing is billed to nobody; each row has what is his own, and says so."""
    months = shared()
    rows = [
        f"{CUSTOMER},{ADV},8,,,",
        f"{CUSTOMER},{GATEWAY},1,,,",
        f"cus_two,{ADV},17,,,",
    ]
    found = of(months, rows)
    assert headline(found.found) == (15, 0)  # on 1 March the second one is not billed yet
    first, two, line = row(found, ADV), row(found, ADV, "cus_two"), row(found, ADV, "")
    assert (first.paid - first.billed, two.paid - two.billed, line.paid - line.billed) == (-62, 62, 15)
    assert (first.billed_not_paid, two.paid_not_billed + line.paid_not_billed) == (0, 15)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, ENDING, st.integers(0, 15), st.integers(0, 8))
def test_the_rows_of_a_shared_line_add_up_each_by_itself(
    terms: tuple[str, ...], story: list[tuple[str, object, int]], one: int, two: int
) -> None:
    """Also while something is held, after an edit, and after the contract's end; together they are what the simulated Autotask has."""
    months = begun(*terms)
    months.world.map_customer("cus_two")
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.play(story)
    months.work()
    found = of(months, [f"{CUSTOMER},{ADV},{one},,,", f"cus_two,{ADV},{two},,,"]).found
    assert all(each.adds_up for each in found.rows), [each for each in found.rows if not each.adds_up]
    total = found.total
    days = march(months)
    assert total.autotask == sum(months.billed(service, day) for service in SERVICES.values() for day in days)
    assert total.paid - total.billed == total.paid_not_billed - total.billed_not_paid


def test_one_day_does_not_make_up_for_another() -> None:
    """Too much on the invoice in one week, and too little in the next, stand for themselves, with their money."""
    months = begun()
    months.play([("wait", None, 31)])
    rows = [
        f"{CUSTOMER},{ADV},13,2026-03-01,2026-03-10,",
        f"{CUSTOMER},{ADV},9,2026-03-11,2026-03-31,",
        f"{CUSTOMER},{GATEWAY},1,,,",
    ]
    total = of(months, rows).found.total
    assert (total.paid_not_billed, total.billed_not_paid) == (30, 21)
    assert total.estimate_paid_not_billed == Decimal("12.10")  # 30 × 12.50 / 31
    assert total.estimate_billed_not_paid == Decimal("8.47")


def test_what_the_terms_give_and_take_is_named_so() -> None:
    """Free units are paid and not billed; a minimum is billed and not paid for."""
    months = begun("included.SASE-ADV-USER=3", "minimum.SASE-ADV-USER=8")
    months.play([("wait", None, 31)])
    found = of(months, whole(months, adv=10, gateway=1))
    one = row(found, ADV)
    assert {kind: days for kind, days in why(one).items() if kind is not WhyDiffers.LATE} == {
        WhyDiffers.INCLUDED: 93,
        WhyDiffers.MINIMUM: -31,
    }
    assert all(each.rightly for each in one.differences if each.kind is not WhyDiffers.LATE)


def test_an_item_that_was_taken_out_is_in_autotask_and_not_posted() -> None:
    """A prorated item can be removed from Approve and Post, and not from the contract."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 28)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    items = months.world.api.model.tables["BillingItems"]
    [gone] = [id_ for id_, one in items.items() if one.values["quantity"] == 3 * 10**4]
    del items[gone]
    rows = [f"{CUSTOMER},{ADV},10,,,", f"{CUSTOMER},{ADV},3,2026-03-04,2026-03-31,"]
    assert why(row(of(months, rows), ADV)) == {Between.NOT_POSTED: 84}


@FIRST_DAYS
def test_what_the_next_posting_bills_in_a_posted_month_is_still_to_be_posted(
    begins: date, terms: tuple[str, ...], change: Callable[[Months, date], None], day: date
) -> None:
    """Three units that came to April after it was posted, by a change that leaves no posted row of its period."""
    months = posted_until_april(begins, *terms)
    change(months, day)
    file = "\r\n".join((HEAD, f"{CUSTOMER},{ADV},13,,,")).encode()
    compared = beside_timus_invoice(deployment_of(months.world), file, date(2026, 4, 1), AS_KEPT)
    one, days = row(compared, ADV), months.today.day
    assert (one.posted, one.to_post, one.adds_up) == (10 * days, 3 * days, True)
    assert not {Between.NOT_POSTED, Between.POSTED_MORE} & {*why(one)}


def test_an_item_that_charges_nobody_bills_nothing() -> None:
    """Somebody may mark a posted item as non-billable: its units are in Autotask, and no invoice has them."""
    months = begun()
    months.play([("wait", None, 31)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    items = months.world.api.model.tables["BillingItems"]
    [free] = [one for one in items.values() if one.values["quantity"] == 10 * 10**4]
    free.values["nonBillable"] = 1
    beside = of(months, whole(months, adv=10, gateway=1))
    assert why(row(beside, ADV)) == {Between.NOT_POSTED: 310}
    assert why(row(beside, GATEWAY)) == {}
    [note] = [note for note in beside.found.notes if "non-billable" in note]
    assert note.startswith("1 posted item is marked as non-billable")
    assert f"2026-03-01 on contract {CONTRACT}" in note
    form = json.loads(months.desk.run("ready", "--posted", "--month", "2026-03", "--json").out)
    assert form["right"] is False
    assert any("non-billable" in note for note in form["notes"])


def test_a_minimum_that_the_invoice_brings_up_to_is_the_partners_own() -> None:
    """Of what it charges without a customer, that is named apart from what is too much."""
    months = begun()
    months.desk.told("policy", "set", "pooled_minimum.SASE-ADV-USER=15", "--yes")
    months.play([("wait", None, 31)])
    found = of(months, [*whole(months, adv=10, gateway=1), f",{ADV},7,,,"])
    assert why(row(found, ADV, "")) == {Between.POOLED_MINIMUM: 155, Between.NOT_IN_TIMUS: 62}
    assert [one.estimate for one in row(found, ADV, "").differences] == [Decimal("25.00"), Decimal("62.50")]
    [short] = found.found.shortfalls
    assert (short.minimum, short.most, short.seat_days, short.paid) == (15, 5, 155, 155)


@pytest.mark.parametrize(("now", "not_invoiced"), [(12, None), (18, -33)])
def test_seats_that_were_dated_back_are_in_the_minimum_that_was_charged(
    now: int, not_invoiced: int | None
) -> None:
    """Ten seats and five up to the minimum were charged: on eleven days the client has more, and you owe more only beyond fifteen."""
    months = begun()
    months.desk.told("policy", "set", "pooled_minimum.SASE-ADV-USER=15", "--yes")
    months.play([("wait", None, 31), ("tell", {ADV: now, GATEWAY: 1}, -12)])
    beside = of(months, [*whole(months, adv=10, gateway=1), f",{ADV},5,,,"])
    within = 11 * min(now - 10, 5)
    assert why(row(beside, ADV, "")) == {Between.POOLED_MINIMUM: 155}
    rest = {} if not_invoiced is None else {Between.NOT_INVOICED: not_invoiced}
    assert why(row(beside, ADV)) == {Between.POOLED_MINIMUM: -within, **rest}
    assert all(one.adds_up for one in beside.found.rows)
    assert [one.kind for one in beside.found.open] == [*rest]
    total = beside.found.total
    assert (total.paid_not_billed, total.billed_not_paid) == (155 - within, -(not_invoiced or 0))


def test_an_invoice_without_customers_is_compared_as_a_whole() -> None:
    """Each customer is taken to be charged what Timus reports; the rest is the partner's own."""
    months = begun()
    months.play([("wait", None, 31)])
    found = of(months, [f"{ADV},12", f"{GATEWAY},1"], "sku,quantity")
    assert not row(found, ADV).differences
    assert why(row(found, ADV, "")) == {Between.NOT_IN_TIMUS: 62}
    assert found.found.total.paid == 12 * 31 + 31


def test_a_customer_or_a_product_that_nobody_knows_is_named() -> None:
    """It is paid and billed to nobody until a person says who or what it is; that is kept."""
    months = begun()
    months.play([("wait", None, 31)])
    rows = [f"Northwind Dentla,{ADV},10,,,", f"{CUSTOMER},Gateway (monthly),1,,,"]
    found = of(months, rows)
    assert found.unknown_customers == ("Northwind Dentla",)
    assert found.unknown_skus == ("Gateway (monthly)",)
    assert found.found.total.kinds[Between.UNKNOWN] == 11 * 31
    said = Naming(customers=(("Northwind Dentla", CUSTOMER),), skus=(("Gateway (monthly)", GATEWAY),))
    found = of(months, rows, said=said)
    assert not found.found.total.kinds
    assert not found.unknown_customers


def test_a_customer_is_found_by_the_name_that_exactly_one_has() -> None:
    """Two with one name are refused with what to say."""
    months = Months()
    months.world.map_customer()
    months.world.tell(1, {ADV: 10}, customer_name="Northwind Dental")
    months.work()
    assert row(of(months, [f"northwind  DENTAL,{ADV},10,,,"]), ADV).paid
    months.world.tell(
        1, {ADV: 4}, customer="cus_two", subscription="sub_two", customer_name="Northwind dental"
    )
    months.work()
    with pytest.raises(Exception, match="say which"):
        of(months, [f"Northwind Dental,{ADV},10,,,"])


def test_a_service_without_a_subscription_is_billed_and_not_paid_for() -> None:
    """It stands on a contract that we know, and nothing maps to it."""
    months = begun()
    months.desk.told("map", "plan", ESS, "--service", str(SERVICES[ESS]), "--unknown", "--yes")
    months.world.control.person_adds_line(CONTRACT, SERVICES[ESS], date(2026, 3, 30).toordinal(), 3)
    months.play([("wait", None, 31)])
    [one] = [each for each in of(months, whole(months, adv=10, gateway=1)).found.rows if each.differences]
    assert why(one) == {Between.NO_SUBSCRIPTION: -6}
    assert (one.customer, one.adds_up) == ("", True)


def test_days_outside_the_month_are_counted_and_not_compared() -> None:
    """With what is charged for them, by days."""
    months = begun()
    months.play([("wait", None, 31)])
    found = of(months, [f"{CUSTOMER},{ADV},10,2026-03-22,2026-04-10,200.00"]).found
    assert (found.outside, found.amount_outside) == (100, Decimal("100.00"))
    assert found.total.paid == 100
    assert found.total.amount == Decimal("100.00")


def test_what_is_charged_for_days_to_come_is_not_compared_yet() -> None:
    """In a month that is not over, a charge for all of it counts for the days until today, as the units do."""
    months = begun()
    months.play([("wait", None, 4)])
    assert months.today == date(2026, 3, 5)
    found = of(months, [f"{CUSTOMER},{ADV},10,,,70.00"]).found
    assert (found.total.amount, found.outside, found.amount_outside) == (
        Decimal("11.29"),
        260,
        Decimal("58.71"),
    )
    one = row(of(months, [f"{CUSTOMER},{ADV},10,,,70.00"]), ADV)
    assert (one.paid, one.amount, one.estimate, one.margin) == (
        50,
        Decimal("11.29"),
        Decimal("20.16"),
        Decimal("8.87"),
    )


def test_items_that_may_not_be_read_leave_autotasks_units(tmp_path: Path) -> None:
    """What Autotask has stands for what is billed, and it is said; nobody reads that 0 was posted."""
    months = begun()
    months.play([("wait", None, 31)])
    months.world.control.set_switches({"denied": ["BillingItems"]})
    found = of(months, whole(months, adv=10, gateway=1)).found
    assert (found.total.billed, found.total.posted, found.posted_read) == (341, 0, False)
    file = tmp_path / "invoice.csv"
    file.write_text(
        "\n".join(["customer,sku,quantity,first_day,last_day,amount", *whole(months, adv=10, gateway=1)])
    )
    said = months.desk.run("reconcile", "--timus-invoice", str(file), "--month", "2026-03").out
    [sums] = [line for line in said.splitlines() if "all together" in line]
    assert "may not be read" in sums
    assert "not known" in sums


def test_a_quarterly_contract_is_compared_by_the_days_of_the_month() -> None:
    """Its item was posted for the whole quarter, before the month; an adjustment inside it counts from its day."""
    contract = {**SCENARIO["contracts"][0], "contractPeriodType": 3}
    world = World(
        start=datetime(2026, 3, 1, 8, tzinfo=UTC),
        scenario={**SCENARIO, "contracts": [contract, *SCENARIO["contracts"][1:]]},
    )
    months = Months(world)
    months.begin((), mapped=True)
    months.play([("wait", None, 10), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 21)])
    world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    rows = [*whole(months, adv=10, gateway=1), f"{CUSTOMER},{ADV},3,2026-03-11,2026-03-31,"]
    one = row(of(months, rows), ADV)
    assert one.paid == one.timus == 10 * 31 + 3 * 21
    assert (one.posted, one.to_post) == (one.autotask, 0)
    assert one.adds_up


# -- The command


def test_the_command_reads_a_file_as_its_profile_says_and_keeps_it(tmp_path: Path) -> None:
    """Named once: the next month needs no options. What nobody named is refused with how to name it."""
    months = begun()
    months.play([("wait", None, 31)])
    file = tmp_path / "march.csv"
    file.write_bytes(
        "\ufeffClient;Product;Seats;From;To;Total;Notes\r\n"
        f"{CUSTOMER};{ADV};10,00;03/01/2026;03/31/2026;80,00;ok\r\n"
        f"{CUSTOMER};{GATEWAY};1;03/01/2026;03/31/2026;20,00;\r\n".encode()
    )
    words = ("reconcile", "--timus-invoice", str(file), "--month", "2026-03")
    refused = months.desk.refused(*words, status=2)
    assert "--column sku=Product" in refused
    assert "--column amount=Total" in refused
    names = {
        "customer": "Client",
        "sku": "Product",
        "quantity": "Seats",
        "first_day": "From",
        "last_day": "To",
    }
    columns = [
        f"--column={ours}={theirs}"
        for ours, theirs in {**names, "amount": "Total", "ignore": "Notes"}.items()
    ]
    said = months.desk.told(*words, *columns, "--days", "month-first", "--by", "Ann")
    assert "Every seat-day that you pay for is billed" in said
    form = months.desk.ask(*words)
    assert form["total"]["amount_paid"] == "100.00"
    assert invoice_profile(months.world.table).value.columns["sku"] == "Product"
    assert "how the invoice is read" in months.desk.told("changes")


def test_days_that_are_written_otherwise_than_was_said_are_refused_with_the_option_that_says_so(
    tmp_path: Path,
) -> None:
    """Also where an earlier file had others, and a person does not know that this is kept."""
    months = begun()
    months.play([("wait", None, 31)])
    file = tmp_path / "march.csv"
    words = ("reconcile", "--timus-invoice", str(file), "--month", "2026-03")

    def write(first: str, last: str) -> None:
        file.write_text(f"customer,sku,quantity,first_day,last_day\n{CUSTOMER},{ADV},10,{first},{last}\n")

    write("3/1/2026", "3/31/2026")
    refused = months.desk.refused(*words, status=2)
    assert "its days are read as iso. If it writes them otherwise" in refused
    assert "--days month-first (3/15/2026)" in refused
    months.desk.run(*words, "--days", "month-first")
    write("2026-03-01", "2026-03-31")
    refused = months.desk.refused(*words, status=2)
    assert "its days are read as month-first, as was said for an earlier file." in refused
    assert "--days iso (2026-03-15)" in refused


def told_of_an_undo(months: Months, units: int, tmp_path: Path) -> str:
    """What is said beside a file that charges so many seats on every day of March."""
    file = tmp_path / "march.csv"
    file.write_text("customer,sku,quantity\n" + f"{CUSTOMER},{ADV},{units}\n{CUSTOMER},{GATEWAY},1\n")
    return months.desk.run("reconcile", "--timus-invoice", str(file), "--month", "2026-03").out


def test_what_was_undone_stands_with_the_command_that_brings_it_back(tmp_path: Path) -> None:
    """Its period is open; and that is the command itself, for no other report may have it."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 2), ("undo", None, 0)])
    months.play([("wait", None, 20)])
    [opposite] = [one for one in months.world.ports.store.changes() if one.undoes]
    told = told_of_an_undo(months, 13, tmp_path)
    assert "undone by a person" in told
    assert f"To bring it back: timus-autotask undo {opposite.id} --reason WHY" in told
    months.desk.told("undo", opposite.id, "--reason", "it was right", "--yes")


@pytest.mark.parametrize("posted", [True, False])
def test_what_was_undone_and_no_command_brings_back_is_billed_by_hand(posted: bool, tmp_path: Path) -> None:
    """Its period is posted, or Timus has reported another quantity since: the evidence says who undid it, and why."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 2), ("undo", None, 0)])
    months.play(
        [("wait", None, 10), *([("post", None, 0)] if posted else [("tell", {ADV: 20, GATEWAY: 1}, 0)])]
    )
    months.play([("wait", None, 20)])
    told = told_of_an_undo(months, 13, tmp_path)
    assert "undone by a person" in told
    assert "No command brings it back" in told
    assert "undo " not in told
    [see] = [line for line in told.splitlines() if "evidence --customer" in line]
    words = see.split("timus-autotask ")[1].split("│")[0].split()
    assert f"was undone by {months.desk.ask('changes')['decisions'][0]['by']}" in months.desk.told(*words)


def test_what_nothing_waits_for_does_not_send_to_the_status(tmp_path: Path) -> None:
    """What was undone is brought back by its command; what is past changing is billed by hand."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("tell", {ADV: 20, GATEWAY: 1}, 0)])
    months.play([("wait", None, 2), ("undo", None, 0), ("wait", None, 30)])
    said = told_of_an_undo(months, 20, tmp_path)
    assert "undone by a person" in said
    assert "timus-autotask undo" in said
    assert "bill or credit" in said
    assert "status" not in said


def test_what_is_to_be_done_is_the_same_in_the_table_the_json_and_the_page(tmp_path: Path) -> None:
    """The command decides none of it, so a program and a reader of the page are told as much as whoever types."""
    months = begun()
    months.play([("wait", None, 31)])
    file, page = tmp_path / "march.csv", tmp_path / "march.html"
    file.write_text("customer,sku,quantity\n" + f"{CUSTOMER},{ADV},12\n{CUSTOMER},{GATEWAY},1\n")
    words = ("reconcile", "--timus-invoice", str(file), "--month", "2026-03")
    shown = " ".join(months.desk.run(*words, "--html", str(page)).out.split())
    form = json.loads(months.desk.run(*words, "--json").out)
    [remedy] = [one["remedy"] for row in form["rows"] for one in row["differences"]]
    assert (
        remedy
        == "Ask Timus for a credit; if the seats are there: timus-autotask reconcile --timus-export FILE"
    )
    assert "timus-autotask reconcile --timus-export FILE" in shown
    assert "Ask Timus for a credit" in page.read_text()
    assert "timus-autotask reconcile --timus-export FILE" in page.read_text()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("customer", [CUSTOMER, "-a b", ""])
def test_each_kind_of_difference_has_what_is_to_be_done_unless_the_terms_make_it_so(
    kind: DifferenceKind, customer: str
) -> None:
    """A command can be pasted as it stands, whoever the customer is."""
    one = SideDifference(kind, 3, None)
    remedy = remedy_of_difference(one, SideRow(customer, (ADV,), (), 3, 0, 0, 0, 0, (one,)), FIRST)
    assert bool(remedy) is not (one.rightly or kind is Between.UNKNOWN)
    assert "{" not in remedy
    if customer == "-a b" and "--customer" in remedy:
        assert "--customer='-a b'" in remedy


def test_an_invoice_is_shown_before_it_is_signed_off_and_a_trial_keeps_nothing() -> None:
    """Whoever signs has seen it; the sign-off holds for exactly these numbers, and is found again."""
    months = begun()
    deployment, seen = deployment_of(months.world), list[int]()
    said = Naming(skus=(("Users", ADV),))

    def taken(*rows: str, **more: Any) -> InvoiceTaken:
        def show(_compared: ComparedInvoice) -> None:
            seen.append(len(sign_offs(deployment.table, "2026-03")))

        data = "\r\n".join((HEAD, *rows)).encode()
        return take_invoice(deployment, "march.csv", data, FIRST, said, "kim", on_compared=show, **more)

    row = f"{CUSTOMER},Users,12,,,"
    trial = taken(row, sign=True, keep=False)
    assert (trial.signed, trial.undecided > 0) == (None, True)
    assert "Users" not in invoice_profile(deployment.table).value.skus
    now = taken(row, sign=True)
    assert (now.signed_now, now.undecided, seen) == (True, 0, [0, 0])
    assert invoice_profile(deployment.table).value.skus["Users"] == ADV
    again = taken(row)
    assert (again.signed, again.signed_now, again.undecided) == (now.signed, False, 0)
    assert taken(f"{CUSTOMER},Users,13,,,").signed is None


def test_a_sign_off_is_kept_with_name_file_and_numbers(tmp_path: Path) -> None:
    """Unsettled differences fail until somebody takes them; what changes afterwards is said."""
    months = begun()
    months.play([("wait", None, 31)])
    file, page = tmp_path / "march.csv", tmp_path / "march.html"
    file.write_text("customer,sku,quantity\n" + f"{CUSTOMER},{ADV},12\n{CUSTOMER},{GATEWAY},1\n")
    words = ("reconcile", "--timus-invoice", str(file), "--month", "2026-03")
    assert "--sign-off" in months.desk.refused(*words)
    assert not sign_offs(months.world.table, "2026-03")
    said = months.desk.told(
        *words, "--sign-off", "--note", "credit asked for", "--by", "Ann", "--html", str(page)
    )
    assert "Signed off by Ann" in said
    assert "credit asked for" in page.read_text()
    [kept] = sign_offs(months.world.table, "2026-03")
    assert (kept.by, kept.sides["paid"], kept.differences) == ("Ann", 13 * 31, {"not-in-timus": 62})
    assert "sign-off" in months.desk.told("changes")
    assert months.desk.ask(*words)["signed_off"]["by"] == "Ann"
    months.world.control.person_adjusts(1201, date(2026, 3, 20).toordinal(), 1)
    again = months.desk.run(*words)
    assert again.status == 1
    assert "Since then it has changed: autotask 341, now 353" in again.out


def test_its_file_opens_in_a_spreadsheet_as_it_is(tmp_path: Path) -> None:
    """What looks like a formula is text."""
    months = begun()
    months.play([("wait", None, 31)])
    file, out = tmp_path / "march.csv", tmp_path / "out.csv"
    file.write_bytes(f'customer,sku,quantity\r\n"=""=HYPERLINK(1)""",{ADV},12\r\n'.encode())
    words = (
        "reconcile",
        "--timus-invoice",
        str(file),
        "--month",
        "2026-03",
        "--csv",
        str(out),
        "--sign-off",
        "--by",
        "Ann",
    )
    said = months.desk.told(*words)
    assert "is not known" in said
    text = out.read_bytes()
    assert text.startswith(b"\xef\xbb\xbfmonth,")
    assert b'"=""=HYPERLINK(1)"""' in text
    assert b",paid_not_billed,billed_not_paid," in text


@pytest.mark.parametrize("amount", ["1,090.50", "1.090,50", "1090.50", "1090,5"])
def test_an_amount_may_have_its_thousands_apart(amount: str, tmp_path: Path) -> None:
    """As invoices write them, where that can be read in one way only."""
    months = begun()
    file = tmp_path / "march.csv"
    file.write_text(f'customer,sku,quantity,amount\n{CUSTOMER},{ADV},10,"{amount}"\n')
    months.play([("wait", None, 31)])
    said = months.desk.run("reconcile", "--timus-invoice", str(file), "--month", "2026-03", "--json")
    assert said.json["total"]["amount_paid"] == "1090.50"


@pytest.mark.parametrize(
    "amount", ["1,090", "1.090", "1,09,050.00", "01,090.50", "1.090.50", "$5", "1,090.50.1"]
)
def test_an_amount_that_may_be_two_is_refused(amount: str, tmp_path: Path) -> None:
    """It is not guessed."""
    months = begun()
    file = tmp_path / "march.csv"
    file.write_text(f'customer,sku,quantity,amount\n{CUSTOMER},{ADV},10,"{amount}"\n')
    said = months.desk.refused("reconcile", "--timus-invoice", str(file), "--month", "2026-03", status=2)
    assert "row 2: amount must" in said


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (f"{CUSTOMER},{ADV},10.5", "whole units"),
        (f"{CUSTOMER},{ADV},1,234", "has 4 cells"),
        (f'{CUSTOMER},{ADV},"1,234"', "thousands apart or with decimals"),
        (f"{CUSTOMER},{ADV},", "is missing"),
        (f"1.20E+05,{ADV},10", "a spreadsheet has rewritten"),
        (f"#N/A,{ADV},10", "an error of a spreadsheet"),
        (f'{CUSTOMER},"{ADV},10', "does not end it"),
    ],
)
def test_a_file_that_is_damaged_is_refused_with_its_row(cells: str, words: str, tmp_path: Path) -> None:
    """Nothing of it is compared, and nothing kept."""
    months = begun()
    file = tmp_path / "march.csv"
    file.write_text(f"customer,sku,quantity\n{cells}\n")
    said = months.desk.refused("reconcile", "--timus-invoice", str(file), "--month", "2026-03", status=2)
    assert words in said
    assert "row 2" in said


def test_options_of_an_invoice_need_one() -> None:
    """They are not silently left out."""
    months = begun()
    assert "--timus-invoice" in months.desk.refused("reconcile", "--sign-off", status=2)
    assert "--month" in months.desk.refused("reconcile", "--month", "2026-03", status=2)


# -- Rows that charge nothing

TOTALS = (
    f"Client,Product,Seats,Total\n{CUSTOMER},{ADV},10,80.00\n"
    "Subtotal Contoso,,10,80.00\n"
    ",,,\n"
    "Client,Product,Seats,Total\n"
    f"{CUSTOMER},{GATEWAY},1,20.00\n"
    'Total,,11,"1,00.00"\n'
    "Generated on 1 April\n"
)
NAMES = (
    "--column=customer=Client",
    "--column=sku=Product",
    "--column=quantity=Seats",
    "--column=amount=Total",
)
OUT = (
    "--leave-out",
    "Total",
    "--leave-out",
    "Subtotal*",
    "--leave-out",
    "client",
    "--leave-out",
    "Generated on*",
)


def with_totals(tmp_path: Path, text: str = TOTALS) -> tuple[Months, tuple[str, ...]]:
    """A month that is over, and the words for its invoice."""
    months = begun()
    months.play([("wait", None, 31)])
    file = tmp_path / "march.csv"
    file.write_text(text)
    return months, ("reconcile", "--timus-invoice", str(file), "--month", "2026-03", *NAMES)


def test_a_total_is_refused_until_somebody_says_what_it_is(tmp_path: Path) -> None:
    """Each of its relatives with its row; nothing is guessed."""
    months, words = with_totals(tmp_path)
    said = months.desk.refused(*words, status=2)
    for row_ in (3, 5, 7, 8):
        assert f"row {row_}" in said
    assert "--leave-out ITS_TEXT (say, Total)" in " ".join(said.split())


def test_totals_subtotals_footers_and_headers_are_left_out_as_was_said_once(tmp_path: Path) -> None:
    """Each is named and counted, on the terminal, in the JSON and on the page; the next time nobody has to say it again."""
    months, words = with_totals(tmp_path)
    page = tmp_path / "march.html"
    said = " ".join(months.desk.told(*words, *OUT, "--html", str(page)).split())
    assert "4 rows are left out of the file" in said
    assert "row 3: Subtotal Contoso | 10 | 80.00" in said
    form = months.desk.ask(*words)
    assert [(one["row"], one["by"]) for one in form["file"]["left_out"]] == [
        (3, "Subtotal*"),
        (5, "client"),
        (7, "Total"),
        (8, "Generated on*"),
    ]
    assert form["total"]["paid"] == 11 * 31
    assert form["total"]["amount_paid"] == "100.00"
    assert "row 8: Generated on 1 April" in page.read_text()
    assert "rows that say Total are left out" in " ".join(months.desk.told("changes").split())


def test_what_is_not_left_out_any_more_is_refused_again(tmp_path: Path) -> None:
    """A slip can be taken back."""
    months, words = with_totals(tmp_path)
    months.desk.told(*words, *OUT)
    assert "row 7" in months.desk.refused(*words, "--leave-in", "Total", status=2)


def test_a_row_that_names_a_sku_is_a_charge_unless_it_may_be_a_total(tmp_path: Path) -> None:
    """Total Care is a customer whom nobody knows, whatever is left out."""
    months, words = with_totals(tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},10\nTotal Care,{ADV},5\n")
    found = months.desk.run(*words, "--leave-out", "Total*", "--json")
    assert found.json["file"]["left_out"] == []
    assert found.json["total"]["paid"] == 15 * 31


TWO_CLIENTS = f"Client,Product,Seats,Total\n{CUSTOMER},{ADV},10,96.50\n{CUSTOMER},{GATEWAY},1,30.00\ncus_two,{ADV},5,48.25\n"


@pytest.mark.parametrize(
    ("last", "why", "out"),
    [
        (
            f"Total,{ADV},15,144.75",
            "'Total' is no customer who is known, and it is called like a total",
            "Total",
        ),
        (f"Total,{ADV},16,", "'Total' is no customer who is known, and it is called like a total", "Total"),
        (f"All users,{ADV},15,144.75", "its numbers are the sum of other rows of this product", "All*"),
        (f",{ADV},15,144.75", "it names no customer, and its numbers are the sum of other rows", ""),
        ("Total,Subtotal users,15,144.75", "'Total' is no customer who is known", "Total"),
        (f"{CUSTOMER},Subtotal users,15,144.75", "its numbers are the sum of other rows", "Subtotal users"),
    ],
)
def test_a_total_of_one_product_is_no_charge(last: str, why: str, out: str, tmp_path: Path) -> None:
    """Rows of other products may stand between; it is refused until somebody says what it is."""
    months, words = with_totals(tmp_path, TWO_CLIENTS + last + "\n")
    months.world.tell(1, {ADV: 5}, customer="cus_two", subscription="sub_two", customer_name="Zwei")
    months.work()
    said = " ".join(months.desk.refused(*words, status=2).split())
    assert why in said
    assert "row 5: " in said
    if out:
        assert "--leave-out ITS_TEXT" in said
        form = months.desk.run(*words, "--leave-out", out, "--json").json
        assert [one["row"] for one in form["file"]["left_out"]] == [5]
        assert (form["total"]["paid"], form["total"]["amount_paid"]) == (16 * 31, "174.75")


def test_what_a_person_named_is_no_total(tmp_path: Path) -> None:
    """Somebody may have as many seats as two others together."""
    months, words = with_totals(tmp_path, TWO_CLIENTS + f"All users,{ADV},15,144.75\n")
    months.world.tell(1, {ADV: 5}, customer="cus_two", subscription="sub_two", customer_name="Zwei")
    months.world.tell(1, {ADV: 15}, customer="cus_all", subscription="sub_all", customer_name="All")
    months.work()
    form = months.desk.run(*words, "--is-customer", "All users=cus_all", "--json").json
    assert form["total"]["paid"] == 31 * 31


def test_rows_that_are_equal_are_charged_and_said(tmp_path: Path) -> None:
    """A customer may have two subscriptions of the same size, and a row may be there twice."""
    months, words = with_totals(
        tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},5\n{CUSTOMER},{GATEWAY},1\n{CUSTOMER},{ADV},5\n"
    )
    said = " ".join(months.desk.told(*words).split())
    assert "Look at the file: rows 2, 4 are equal in each column, and each is charged." in said


def test_a_longer_name_is_not_the_word(tmp_path: Path) -> None:
    """Total Care is somebody, and Total is not a beginning without its *."""
    months, words = with_totals(tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},10\nTotal Care,,5\n")
    assert "row 3" in months.desk.refused(*words, "--leave-out", "Total", status=2)


def test_a_total_in_the_column_of_products_is_left_out(tmp_path: Path) -> None:
    """Where the client stands before it."""
    months, words = with_totals(
        tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},10\n{CUSTOMER},Subtotal,10\n"
    )
    form = months.desk.run(*words, "--leave-out", "Subtotal", "--json").json
    assert [one["row"] for one in form["file"]["left_out"]] == [3]
    assert form["total"]["paid"] == 310


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((",Total,10,70.00",), "row 3: 'Total' is no product that is known, and it is called like a total"),
        ((f"{CUSTOMER},Sub-total,12,",), "row 3: 'Sub-total' is no product"),
        ((",Summe,10,70.00",), "row 3: 'Summe' is no product that is known, and its numbers are the sum"),
        ((f"{CUSTOMER},{GATEWAY},1,20.00", ",Alles,11,90.00"), "row 4: 'Alles' is no product"),
        ((f"{CUSTOMER},{GATEWAY},1,", ",Alles,11,"), "row 4: 'Alles' is no product"),
        ((",Contoso,10,70.00", f"{CUSTOMER},{GATEWAY},1,20.00", ",Gateways,1,20.00"), "row 5: 'Gateways'"),
        ((",Total,,70.00",), "row 3: quantity is missing"),
    ],
)
def test_a_total_in_the_column_of_products_is_no_charge(
    rows: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """It would be charged twice. The file is refused until somebody says what it is, with both commands."""
    text = "\n".join(("Client,Product,Seats,Total", f"{CUSTOMER},{ADV},10,70.00", *rows))
    months, command = with_totals(tmp_path, text)
    said = " ".join(months.desk.refused(*command, status=2).split())
    assert words in said
    assert "--leave-out ITS_TEXT" in said
    assert ("--is-sku PRODUCT=SKU" in said) == ("is missing" not in said)
    name = rows[-1].split(",")[1]
    left = months.desk.run(*command, "--leave-out", name, "--leave-out", "Contoso", "--json")
    assert Decimal(left.json["total"]["amount_paid"]) in (Decimal("70.00"), Decimal("90.00"))


def test_a_product_that_nobody_knows_and_that_sums_nothing_is_compared(tmp_path: Path) -> None:
    """With both commands: which SKU it is, or that it charges nothing. As many seats as one other row has are no sum."""
    text = f"Client,Product,Seats,Total\n{CUSTOMER},{ADV},10,\n{CUSTOMER},SASE Total Care,10,\n"
    months, command = with_totals(tmp_path, text)
    said = months.desk.run(*command).out
    assert "--is-sku 'SASE Total Care=SKU'" in said
    assert "--leave-out 'SASE Total Care'" in said


@pytest.mark.parametrize("word", [ADV, ADV[:4] + "*", "*", " ", "SASE Advanced"])
def test_what_is_a_product_or_nothing_cannot_be_left_out(word: str, tmp_path: Path) -> None:
    """A charge is never lost by it, and nothing is kept."""
    months, words = with_totals(tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},10\n")
    months.desk.refused(*words, "--is-sku", f"SASE Advanced={ADV}", "--leave-out", word, status=2)
    assert invoice_profile(months.world.table).value.left_out == ()


def test_a_file_of_nothing_but_totals_is_refused(tmp_path: Path) -> None:
    """It charges nothing, and that is hardly what was meant."""
    months, words = with_totals(tmp_path, "Client,Product,Seats\nTotal,,10\n")
    assert "there are no rows" in months.desk.refused(*words, "--leave-out", "Total", status=2)


def sums_told(beside: ComparedInvoice) -> list[str]:
    """What is said of sums in the file."""
    return [note for note in beside.found.notes if "sum" in note]


BOTH = Naming(
    columns=(("amount", "Amount"), ("quantity", "Seats")), leave_out=("Total*", "Subtotal*", "Tax*")
)
SUMMED = "customer,sku,Seats,Amount"
TWO = (f"{CUSTOMER},{ADV},10,80.00", f"{CUSTOMER},{GATEWAY},1,20.00")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((*TWO, "Total,,11,100.00"), ()),
        (
            (*TWO, "Total,,12,100.00"),
            ("row 4: Total | 12 | 100.00 says 12 in Seats, and its rows come to 11",),
        ),
        (
            (*TWO, 'Total,,11,"1,100.00"'),
            ("row 4: Total | 11 | 1,100.00 says 1100.00 in Amount, and its rows come to 100.00",),
        ),
        (
            (TWO[0], "Subtotal,,10,81.00", TWO[1], "Subtotal,,1,20.00", "Total,,11,100.00"),
            ("row 3: Subtotal | 10 | 81.00 says 81.00 in Amount, and its rows come to 80.00",),
        ),
        (("Total,,11,100.00", *TWO), ()),
        (("Total,,11,101.00", *TWO), ("row 2: Total | 11 | 101.00 says 101.00 in Amount",)),
        ((*TWO, "Total,,,100.00", "Tax 19 %,,,19.00", "Total due,,,119.00"), ()),
        ((*TWO, "Total,,eleven,"), ()),
        ((f"{CUSTOMER},{ADV},10,1090.00", "Total,,10,1.090"), ()),
        (
            (f"{CUSTOMER},{ADV},10,1090.00", "Total,,10,1.091"),
            ("says 1091 in Amount, and its rows come to 1090.00",),
        ),
    ],
)
def test_the_numbers_of_a_row_that_is_left_out_are_set_beside_the_sum_of_its_rows(
    rows: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """Of the rows above or below it, up to another such row or to the end of the file; what stands below a right total, such as a tax, is no sum."""
    said = sums_told(of(begun(), rows, SUMMED, BOTH))
    assert len(said) == len(told)
    for note, words in zip(said, told, strict=True):
        assert words in note


def test_a_total_that_differs_refuses_nothing_and_stands_in_the_json(tmp_path: Path) -> None:
    """Somebody may have left a row out of the file, or changed one: it is said on the terminal, on the page and for programs."""
    months, words = with_totals(
        tmp_path, f"Client,Product,Seats\n{CUSTOMER},{ADV},10\n{CUSTOMER},{GATEWAY},1\nTotal,,15\n"
    )
    page = tmp_path / "march.html"
    said = " ".join(months.desk.told(*words, "--leave-out", "Total", "--html", str(page)).split())
    assert "says 15 in Seats, and its rows come to 11" in said
    assert "says 15 in Seats" in page.read_text()
    [left] = months.desk.run(*words, "--json").json["file"]["left_out"]
    assert left["other_sums"] == [{"column": "quantity", "says": "15", "rows": "11"}]
