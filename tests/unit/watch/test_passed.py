"""Posted days on which a line had other units than Timus says: what each comes to, who decided it, and the ways to bring it right."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.deployment import deployment_of
from tests.months import Months
from tests.unit.watch.posting import MARCH, begun, of, over_two_months, post
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import what_was_posted
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.passed import PostedDays
from timus_autotask.watch.month.to_post import LeftChange, NotPosted


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
    change = LeftChange(date(2026, 3, 4), 7, Decimal("53.74"))
    left = NotPosted(CONTRACT, MARCH, LineKey(CONTRACT, 46), change, whole=True, skus=(ESS,))
    assert (after.passed, after.not_posted) == ((), (left,))
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0
    assert (
        f"Not posted yet: +7 units of SASE-ESS-USER on contract {CONTRACT} Contoso SASE from 2026-03-04 on, about +53.74. "
        "The rest of the period from 2026-03-01 is posted."
    ) in " ".join(said.out.split())
    [form] = months.desk.ask("ready", "--posted", "--month", "2026-03")["not_posted"]
    assert (form["contract_id"], form["service_id"], form["from"]) == (CONTRACT, 46, "2026-03-01")
    assert (form["day"], form["unit_change"], form["estimate"]) == ("2026-03-04", 7, "53.74")
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
    evidence = months.desk.told("evidence", "--customer", CUSTOMER, "--month", "2026-03")
    assert "10 instead of 18 was meant; these days are past changing and have 18" in evidence
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
