"""What waits for a posting: each change once, with its units and money, until somebody posts again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from tests.deployment import deployment_of
from tests.months import FIRST_DAYS, Months, by_hand, posted_until_april
from tests.unit.watch.posting import MARCH, april, begun, of, post
from tests.world import ADV, CONTRACT, GATEWAY
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import what_was_posted
from timus_autotask.watch.month.to_post import LeftChange, NotPosted


def test_what_nobody_has_posted_is_no_gap() -> None:
    """A period is only compared once it is posted."""
    months = begun()
    found = of(months)
    assert (found.items, found.missing, found.passed) == ((), (), ())
    assert found.not_posted == (NotPosted(CONTRACT, MARCH),)
    assert "the period from 2026-03-01." in months.desk.run("ready", "--posted", "--month", "2026-03").out
    [form] = months.desk.ask("ready", "--posted", "--month", "2026-03")["not_posted"]
    assert (form["contract_id"], form["service_id"], form["from"]) == (CONTRACT, None, "2026-03-01")


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
        NotPosted(CONTRACT, MARCH, key, LeftChange(date(2026, 3, 20), 4, Decimal("19.35")), skus=(ADV,)),
        NotPosted(CONTRACT, MARCH, key, LeftChange(date(2026, 3, 26), -3, Decimal("-7.26")), skus=(ADV,)),
    )
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    words = " ".join(said.out.split())
    assert (
        f"Not posted yet: +4 units of SASE-ADV-USER on contract {CONTRACT} Contoso SASE from 2026-03-20 on, about +19.35. "
        "The rest of the period from 2026-03-01 is posted."
    ) in words.replace("service 45 SASE Advanced", "service 45")
    forms = months.desk.run("ready", "--posted", "--month", "2026-03", "--json").json["not_posted"]
    assert [(one["day"], one["unit_change"], one["estimate"]) for one in forms] == [
        ("2026-03-20", 4, "19.35"),
        ("2026-03-26", -3, "-7.26"),
    ]
    post(months)
    assert of(months).not_posted == ()


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
    words = "Not posted yet: a new price (12.50 became 20.00 for all units) of SASE-ADV-USER"
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


def test_a_change_after_the_part_of_the_month_that_is_posted_waits_for_the_next_posting() -> None:
    """Somebody posts through the 10th; two units more from the 12th on bill 2 × 12.50 × 20 / 31 with the next one."""
    months = begun()
    months.play([("wait", None, 11)])
    months.play([("tell", {ADV: 12, GATEWAY: 1}, (date(2026, 3, 12) - months.today).days)])
    post(months, 10)
    [left] = of(months).not_posted
    assert (left.first, left.change) == (MARCH, LeftChange(date(2026, 3, 12), 2, Decimal("16.13")))
    assert months.desk.run("ready", "--posted", "--month", "2026-03").status == 0


def test_a_change_of_a_posted_periods_first_day_leaves_the_period_posted() -> None:
    """No row of it is posted any more, and its item is there: only the change waits."""
    months = begun()
    post(months)
    months.world.control.person_adjusts(1201, MARCH.toordinal(), 3)
    change = LeftChange(MARCH, 3, Decimal("37.50"))
    assert of(months).not_posted == (NotPosted(CONTRACT, MARCH, LineKey(CONTRACT, 45), change, skus=(ADV,)),)


def test_an_edit_that_is_dated_before_the_contract_waits_in_its_first_period_too() -> None:
    """Its rows stay posted, and the first period's own item is explained all the same."""
    months = posted_until_april(date(2026, 1, 1))
    by_hand(months, date(2025, 12, 20))
    january = what_was_posted(deployment_of(months.world), date(2026, 1, 1))
    assert (january.missing, january.unexplained) == ((), ())
    assert [one.change for one in january.not_posted] == [LeftChange(date(2026, 1, 1), 3, Decimal("37.50"))]
