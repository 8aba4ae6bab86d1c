"""Seats that no posting has had and that nobody bills by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.months import Months
from tests.unit.watch.posting import MARCH, begun, of, post
from tests.world import ADV, CONTRACT, SCENARIO, World
from timus_autotask.domain.mapping import LineKey
from timus_autotask.watch.month.causes import WhyDiffers


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
