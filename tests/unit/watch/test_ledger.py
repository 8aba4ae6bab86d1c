"""The ledger: what is used, what is billed, and what is between them, to the seat-day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.months import ENDING, FIRST, ONE_DAY, TERMS, Months
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SERVICES
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import ledger_since
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.ledger import Ledger, LedgerEntry, LedgerMonth, Sums, not_adding_up, total


def of(months: Months) -> Ledger:
    """Since March."""
    return ledger_since(deployment_of(months.world), FIRST)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, st.booleans(), st.booleans(), ENDING)
def test_it_adds_up_over_random_months(
    terms: tuple[str, ...], mapped: bool, shared: bool, story: list[tuple[str, object, int]]
) -> None:
    """Used and billed are those of Timus and of Autotask to the seat-day; all that is between them has a cause; so has the money."""
    months = Months()
    months.begin(terms, mapped)
    shared = shared and mapped
    if shared:
        months.world.map_customer("cus_two")
        months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.play(story)
    months.work()
    found = of(months)
    for month in found.months:
        days = months.days(month.first, month.last)
        for entry in month.entries:
            assert entry.seat_days.adds_up
            assert entry.estimate is None or entry.estimate.adds_up
            assert WhyDiffers.OTHER not in entry.seat_days.causes, entry
        lines = {entry.key.service_id for entry in month.entries if entry.key}
        assert sum(entry.seat_days.billed for entry in month.entries) == sum(
            months.billed(service, day)
            for service in (SERVICES.values() if mapped else lines)
            for day in days
        )
        assert (
            sum(entry.seat_days.used for entry in month.entries)
            == sum(months.used(sku, day) for sku in (ADV, ESS, GATEWAY) for day in days)
            + 4 * len(days) * shared
        )


def begun(*terms: str) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=True)
    return months


def entry(found: Ledger, service: int | None = 45, customer: str = CUSTOMER) -> LedgerEntry:
    """That of a line, of the last month."""
    [one] = [
        one
        for one in found.months[-1].entries
        if one.customer == customer and (one.key.service_id if one.key else None) == service
    ]
    return one


def test_free_units_and_a_minimum_are_by_terms() -> None:
    """They explain the whole difference: nothing is lost."""
    months = begun("included.SASE-ADV-USER=3", "minimum.SASE-ADV-USER=8")
    months.play([("wait", None, 2)])
    one = entry(of(months))
    assert one.seat_days.granted == {WhyDiffers.INCLUDED: -9, WhyDiffers.MINIMUM: 3}
    assert (one.seat_days.used, one.seat_days.billed) == (
        30,
        24 - one.seat_days.causes.get(WhyDiffers.LATE, 0),
    )


def test_what_is_held_is_not_billed() -> None:
    """From its own day on, with money at the line's price."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 2)])
    one = entry(of(months))
    assert one.seat_days.causes == {WhyDiffers.HELD: 9}
    assert one.estimate
    assert one.estimate.causes == {WhyDiffers.HELD: Decimal("3.63")}  # 9 × 12.50 / 31


def test_what_came_late_is_said_until_it_is_billed() -> None:
    """A change of a posted day is billed from the next open day on."""
    months = begun()
    months.play(
        [("wait", None, 1), ("post", None, 0), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 33)]
    )
    found = of(months)
    [march] = [one for one in found.months[0].entries if one.key and one.key.service_id == 45]
    assert march.seat_days.causes == {WhyDiffers.LATE: 3 * 30}
    assert entry(found).seat_days.causes == {}


def test_nothing_is_billed_after_the_last_day_of_a_contract() -> None:
    """In its own month and in those after it: what goes on in Timus is not billed, whatever was on the line until then."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 45)])
    found = of(months)
    [march] = [one for one in found.months[0].entries if one.key and one.key.service_id == 45]
    assert (march.seat_days.used, march.seat_days.billed) == (310, 200)
    assert march.seat_days.causes == {WhyDiffers.ENDED: 110}
    april = entry(found)
    assert (april.seat_days.used, april.seat_days.billed) == (170, 0)
    assert april.seat_days.causes == {WhyDiffers.ENDED: 170}
    assert april.estimate
    assert april.estimate.causes == {
        WhyDiffers.ENDED: Decimal("70.83")
    }  # 17 of April's 30 days of 10 × 12.50


def test_nothing_else_explains_a_day_after_the_contracts_last() -> None:
    """An approval bills none of these days, and that they are gone is nobody's edit of the units."""
    months = begun("approve_increases=always")
    months.play([("wait", None, 2), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-10"})
    months.play([("wait", None, 10)])
    assert entry(of(months)).seat_days.causes == {WhyDiffers.HELD: 3 * 8, WhyDiffers.ENDED: 13 * 4}


def test_an_edit_that_is_kept_is_billed_beyond_timus() -> None:
    """Undecided it is drift; adopted it is kept."""
    months = begun()
    months.world.control.person_adjusts(1201, FIRST.toordinal(), 2)
    assert entry(of(months)).seat_days.causes == {WhyDiffers.DRIFT: -2}
    Desk(months.world).told("reconcile", "--yes")
    months.work()
    months.play([("adopt", None, 0)])
    assert entry(of(months)).seat_days.causes == {WhyDiffers.KEPT: -2}


def test_what_a_person_undid_is_used_and_not_billed() -> None:
    """From the day of the opposite on; the day that the change had taken was billed."""
    months = begun()
    months.play([("wait", None, 1), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 2), ("undo", None, 0)])
    assert entry(of(months)).seat_days.causes == {WhyDiffers.UNDONE: 6}


def test_what_one_cause_lacks_and_another_has_too_many_is_billed_right() -> None:
    """Undone, and posted before the opposite came: Autotask bills what Timus says, so no cause has these days."""
    months = begun()
    months.play([("wait", None, 9), ("tell", {ADV: 18, GATEWAY: 1}, 0), ("undo", None, 0)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    months.play([("wait", None, 10)])
    march = entry(of(months)).seat_days
    assert march.used == march.billed > 10 * 20
    assert march.causes == {}


def test_what_was_rejected_in_an_earlier_month_and_typed_by_hand_later_is_rejected() -> None:
    """The ledger looks for the rejection before its own first day, as far back as the edit left days without it."""
    months = begun("approve_increases.above_units=2")
    months.play([("wait", None, 25), ("tell", {ADV: 18, GATEWAY: 1}, 0)])
    months.desk.told("reject", str(CONTRACT), "45", "--reason", "not ordered", "--yes")
    months.play([("wait", None, 7), ("edit", 8, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 2)])
    assert months.today.month == 4
    since_april = ledger_since(deployment_of(months.world), months.today)
    for found in (of(months), since_april):
        causes = entry(found).seat_days.causes
        assert list(causes) == [WhyDiffers.REJECTED]
        assert causes[WhyDiffers.REJECTED] % 8 == 0


def test_who_is_mapped_from_today_was_not_billed_before() -> None:
    """The days before the mapping are no loss: they are from before the customer came to us."""
    months = Months()
    months.begin((), mapped=False)
    months.play([("wait", None, 4)])
    assert total(of(months).months[-1].entries).seat_days.causes == {WhyDiffers.UNMAPPED: 55}
    months.play([("map", "today", 0)])
    found = of(months)
    before = [one for one in found.months[-1].entries if one.key is None]
    assert {why for one in before for why in one.seat_days.causes} == {WhyDiffers.BEFORE}
    assert total(found.months[-1].entries).seat_days.not_billed == 0
    said = months.desk.told("ledger", "--since", "2026-03")
    assert f"→ timus-autotask evidence --customer {CUSTOMER} --month 2026-03" in said
    assert "→" not in begun().desk.told("ledger", "--since", "2026-03")


def test_a_line_of_two_customers_has_its_difference_in_a_row_of_its_own() -> None:
    """Nobody knows whose the edit is."""
    months = begun()
    months.world.map_customer("cus_two")
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.work()
    months.world.pass_time(days=1)
    months.work()
    months.world.control.person_adjusts(1201, (FIRST + ONE_DAY).toordinal(), 1)
    found = of(months)
    assert entry(found, customer="").seat_days.causes[WhyDiffers.DRIFT] == -1
    assert (entry(found).seat_days.used, entry(found, customer="cus_two").seat_days.used) == (20, 8)
    assert all(one.seat_days.adds_up for one in found.months[-1].entries)


def _two_whose_contract_ends(*terms: str) -> Months:
    """Ten seats of the one and four of the other on a line whose contract ends on 10 March."""
    months = begun(*terms)
    months.world.map_customer("cus_two")
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.work()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-10"})
    months.play([("wait", None, 3)])
    return months


def test_what_two_customers_share_is_billed_to_neither_after_the_contracts_last_day() -> None:
    """So each row says itself what of it is not billed, less its own free units, and the row of both says nothing of these days."""
    months = _two_whose_contract_ends()
    months.desk.told("policy", "set", "included.SASE-ADV-USER=1", "--customer", "cus_two", "--from", "always")
    months.play([("wait", None, 38)])
    found = of(months)
    days = found.months[-1].last.day
    one, two = entry(found), entry(found, customer="cus_two")
    assert (one.seat_days.used, one.seat_days.billed) == (10 * days, 0)
    assert one.seat_days.causes == {WhyDiffers.ENDED: 10 * days}
    assert (two.seat_days.used, two.seat_days.billed) == (4 * days, 0)
    assert two.seat_days.causes == {WhyDiffers.ENDED: 3 * days}
    assert not [one for one in found.months[-1].entries if not one.customer]
    march = {
        one.customer: one.seat_days for one in found.months[0].entries if one.key and one.key.service_id == 45
    }
    assert march[CUSTOMER].causes == {WhyDiffers.ENDED: 10 * 21}
    assert march["cus_two"].causes[WhyDiffers.ENDED] == 3 * 21
    assert sum(march[""].causes.values()) == march[""].used - march[""].billed
    assert WhyDiffers.ENDED not in march[""].causes


def test_what_a_person_put_on_a_shared_line_is_billed_until_the_contracts_last_day_only() -> None:
    """A unit that is kept is in the row of both until then, and in none afterwards."""
    months = begun()
    months.world.map_customer("cus_two")
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.work()
    months.play([("wait", None, 1), ("edit", 2, 0), ("tell", {ADV: 11, GATEWAY: 1}, 0), ("adopt", None, 0)])
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-10"})
    months.play([("wait", None, 40)])
    found = of(months)
    assert not [one for one in found.months[-1].entries if not one.customer]
    assert entry(found).seat_days.causes == {WhyDiffers.ENDED: 11 * found.months[-1].last.day}
    [march] = [one for one in found.months[0].entries if not one.customer]
    assert march.seat_days.causes[WhyDiffers.KEPT] < 0


def test_an_entry_that_does_not_add_up_is_named() -> None:
    """Twenty used, nineteen billed and no cause: whoever reads the ledger is told not to rely on it. One that adds up is not named."""
    key = LineKey(CONTRACT, 45)
    wrong = LedgerEntry("cus_1", key, (ADV,), Sums(20, 19, {}, {}), None, None)
    right = LedgerEntry("cus_1", None, (ESS,), Sums(20, 19, {}, {WhyDiffers.DRIFT: 1}), None, None)
    money = Sums(Decimal("2.00"), Decimal("1.00"), {}, {})
    wrong_money = LedgerEntry("", None, (GATEWAY,), Sums(0, 0, {}, {}), money, None)
    said = [*not_adding_up([LedgerMonth(FIRST, FIRST, (wrong, right, wrong_money))])]
    assert said == [
        f"Do not rely on 2026-03 of cus_1 on contract {CONTRACT}, service 45 ({ADV}): it does not add up. Please report it.",
        f"Do not rely on 2026-03 of several customers ({GATEWAY}): it does not add up. Please report it.",
    ]


def test_a_sku_on_two_contracts_adds_up() -> None:
    """Five seats on one, the others on the other: used once, billed on both."""
    months = begun()
    words = (
        "map",
        "customer",
        CUSTOMER,
        "--company",
        "601",
        "--contract",
        "29683950",
        "--sku",
        ADV,
        "--units",
        "4",
    )
    months.desk.told(*words, "--share", "--yes", "--from", "2026-03-02")
    months.play([("wait", None, 3)])
    found = of(months)
    entries = [one for one in found.months[-1].entries if ADV in one.skus]
    assert sum(one.seat_days.used for one in entries) == 40
    assert {one.key.contract_id: one.seat_days.used for one in entries if one.key} == {
        CONTRACT: 28,
        29683950: 12,
    }
    assert all(one.seat_days.adds_up for one in entries)


def test_too_many_of_one_line_does_not_hide_what_is_missing_on_another() -> None:
    """Not among the lines of a month, and not among months; what lies between both sides adds up all the same."""
    cause = WhyDiffers.DRIFT
    price = Decimal("2.00")

    def entry(units: int) -> LedgerEntry:
        money = Sums(Decimal("0.00"), -units * price, {}, {cause: units * price})
        return LedgerEntry(
            "cus", LineKey(1, abs(units)), (ADV,), Sums(0, -units, {}, {cause: units}), money, None
        )

    found = total([entry(3), entry(-3), entry(5)])
    assert (found.seat_days.not_billed, found.seat_days.too_many) == (8, 3)
    assert (found.estimate.not_billed, found.estimate.too_many) == (Decimal("16.00"), Decimal("6.00"))
    assert found.seat_days.causes == {cause: 5}
    assert found.seat_days.adds_up
    both = entry(3).plus(entry(-3))
    assert (both.seat_days.not_billed, both.seat_days.too_many, both.seat_days.causes) == (3, 3, {cause: 0})


def test_sums_of_months_and_years() -> None:
    """A year has its months; what is not billed does not hide what is billed too much."""
    months = begun()
    months.play([("wait", None, 40)])
    found = of(months)
    assert [month.first.month for month in found.months] == [3, 4]
    year = found.years[2026]
    assert year.seat_days == total(one for month in found.months for one in month.entries).seat_days
    assert year.seat_days.adds_up
    assert year.estimate.adds_up
    [line] = [one for one in found.by_line if one.skus == (ADV,)]
    assert line.seat_days.used == line.seat_days.billed == 10 * ((months.today - FIRST).days + 1)


def test_the_command_and_its_file() -> None:
    """A file that Excel opens as it is: what looks like a formula is text."""
    months = Months()
    months.world.map_customer()
    months.world.tell(1, {ADV: 25}, customer_name="=HYPERLINK(1)")
    months.work()
    with TemporaryDirectory() as folder:
        file = Path(folder, "ledger.csv")
        said = months.desk.told("ledger", "--since", "2026-03", "--csv", str(file))
        text = file.read_bytes()
    assert "used + by terms - billed = difference" in said
    assert text.startswith(b"\xef\xbb\xbfmonth,")
    assert b'"=""=HYPERLINK(1)"""' in text
    form = months.desk.ask("ledger", "--since", "2026-03")
    assert form["months"][0]["month"] == "2026-03"
    assert set(form["years"]) == {"2026"}
    assert "month to come" in months.desk.refused("ledger", "--since", "2027-01", status=2)
    assert "cannot be written" in months.desk.refused("ledger", "--csv", "/nowhere/at/all.csv", status=2)


def test_a_superseded_event_is_a_cause() -> None:
    """What Timus had by an event that came after a newer one was billed: used, and never billed."""
    months = begun()
    months.play([("wait", None, 5), ("tell", {ADV: 12, GATEWAY: 1}, 0), ("late", {ADV: 14, GATEWAY: 1}, -2)])
    one = entry(of(months))
    assert one.seat_days.causes == {
        WhyDiffers.SUPERSEDED: 8
    }  # four seats on two days, until the newer one held


def test_a_superseded_event_takes_the_place_of_a_trial() -> None:
    """What Timus had on a day of it is used once: not as a trial, and as seats besides."""
    months = begun()
    months.play([("wait", None, 2), ("trial", {ADV: 10, GATEWAY: 1}, 0), ("wait", None, 3)])
    months.play([("tell", {ADV: 12, GATEWAY: 1}, 0), ("late", {ADV: 14, GATEWAY: 1}, -2)])
    found = of(months)
    days = months.days(found.months[-1].first, found.months[-1].last)
    one = entry(found)
    assert one.seat_days.used == sum(months.used(ADV, day) for day in days)
    assert one.seat_days.granted == {WhyDiffers.TRIAL: -10}
    assert one.seat_days.causes == {WhyDiffers.SUPERSEDED: 2 * 14}
    assert one.seat_days.adds_up


def test_a_superseded_event_takes_the_place_of_a_trial_also_of_what_it_does_not_have() -> None:
    """A SKU that was in the trial and is not in the event was not there on its days: it was not used on them."""
    months = begun()
    months.play([("wait", None, 2), ("trial", {ADV: 10, ESS: 3, GATEWAY: 1}, 0), ("wait", None, 3)])
    months.play([("tell", {ADV: 12, GATEWAY: 1}, 0), ("late", {ADV: 14, GATEWAY: 1}, -2)])
    found = of(months)
    [one] = [one for one in found.months[-1].entries if one.skus == (ESS,)]
    assert one.seat_days.used == 3 * 1
    assert one.seat_days.granted == {WhyDiffers.TRIAL: -3}
    assert one.seat_days.adds_up


def test_a_superseded_trial_is_used_and_not_billed_by_the_terms() -> None:
    """Timus had the units of the trial on its days, and not those that are billed: these are too many."""
    months = begun()
    months.play([("wait", None, 5), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    months.tell({ADV: 14, GATEWAY: 1}, -2, late=True, status="trial")
    months.work()
    one = entry(of(months))
    assert one.seat_days.used == 3 * 10 + 2 * 14 + 12
    assert one.seat_days.granted == {WhyDiffers.TRIAL: -2 * 14}
    assert one.seat_days.causes == {WhyDiffers.SUPERSEDED: -2 * 10}
    assert one.seat_days.adds_up


def test_a_superseded_event_counts_no_more_on_days_that_newer_news_are_dated_back_to() -> None:
    """Timus had one quantity on each day: that of the newest version that holds."""
    months = begun()
    months.play([("wait", None, 5), ("tell", {ADV: 12, GATEWAY: 1}, 0), ("late", {ADV: 14, GATEWAY: 1}, -2)])
    months.play([("wait", None, 1), ("tell", {ADV: 13, GATEWAY: 1}, -4)])
    found = of(months)
    days = months.days(found.months[-1].first, found.months[-1].last)
    assert entry(found).seat_days.used == sum(months.used(ADV, day) for day in days)
    assert WhyDiffers.SUPERSEDED not in entry(found).seat_days.causes


def test_of_two_superseded_events_the_newer_one_counts() -> None:
    """Timus had one quantity on each day."""
    months = begun()
    months.play([("wait", None, 6), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    first = months.spoke
    months.play([("wait", None, 1), ("tell", {ADV: 12, GATEWAY: 2}, 0)])
    for number, units, day in ((5, 14, 3), (7, 15, 4)):
        when = first - timedelta(minutes=1) if number == 5 else months.spoke - timedelta(minutes=1)
        effective = datetime(2026, 3, day, 6, tzinfo=UTC)
        months.world.tell(number, {ADV: units, GATEWAY: 1}, effective=effective, occurred=when)
        months.work()
    one = entry(of(months))
    assert {event.outcome for event in months.world.ports.store.events() if event.version in (5, 7)} == {
        "superseded"
    }
    day_of_first, day_of_second = 7, 8
    four = 4 * 1  # 3 March, by the older one
    five = 5 * (day_of_first - 4) + 3 * (day_of_second - day_of_first)  # from the 4th on, by the newer one
    assert one.seat_days.causes == {WhyDiffers.SUPERSEDED: four + five}


def test_too_many_of_one_line_does_not_hide_what_it_lacks_on_other_days() -> None:
    """Also of one cause in one month: three days with two seats too many, and three with two too few."""
    months = begun()
    months.play([("edit", 2, 0), ("wait", None, 3), ("edit", -4, 0), ("wait", None, 2)])
    found = of(months)
    one = entry(found)
    for sums in (one.seat_days, total(found.months[0].entries).seat_days, found.years[2026].seat_days):
        assert (sums.not_billed, sums.too_many) == (6, 6)
        assert sums.causes_apart == ((WhyDiffers.DRIFT, 6), (WhyDiffers.DRIFT, -6))
        assert sums.adds_up
    assert one.estimate is not None
    assert one.estimate.not_billed == one.estimate.too_many > 0
    assert one.estimate.adds_up
    said = months.desk.told("ledger", "--since", "2026-03")
    assert "+6 somebody changed Autotask" in said
    assert "-6 somebody changed Autotask" in said


def test_only_what_differs_from_what_we_left_is_an_edit() -> None:
    """What Timus has reported since waits for the decision about the edit, and nobody changed Autotask for it."""
    months = begun()
    months.play([("edit", 2, 0), ("wait", None, 3)])
    months.tell({ADV: 14, GATEWAY: 1}, 0)
    months.play([("wait", None, 2)])
    one = entry(of(months))
    assert one.seat_days.causes == {WhyDiffers.DRIFT: -6, WhyDiffers.PARKED: 6}
    assert (one.seat_days.not_billed, one.seat_days.too_many) == (6, 6)
    rows = json.loads(months.desk.run("ready", "--month", "2026-03", "--json").out)["periods"][0]["open"]
    assert {(row["kind"], row["seats"] > 0, row["seat_days"] > 0) for row in rows} == {
        ("drift", True, True),
        ("parked", False, False),
    }
