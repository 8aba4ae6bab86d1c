"""Evidence of a month, against what the simulated Autotask bills: every day, every change, and whatever stands in the way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from tests.deployment import deployment_of
from tests.fakes.memory_table import MemoryTable
from tests.months import EDITED, ENDING, FIRST, STORIES, TERMS, Months
from tests.unit.cli.desk import Desk
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.domain.mapping import LineKey
from timus_autotask.handouts.pages import evidence_page
from timus_autotask.operate.files.evidence_file import to_csv
from timus_autotask.operate.mapping.ignoring import ignore
from timus_autotask.operate.month_end import ledger_since
from timus_autotask.store.contracts import ContractNames, put_names
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.watch.forms import evidence_form
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.client_month import client_month
from timus_autotask.watch.month.evidence import MonthEvidence, evidence, verdict_of
from timus_autotask.watch.month.ledger import LedgerEntry
from timus_autotask.watch.month.line_evidence import Month, SeatDays
from timus_autotask.watch.month.parked import SkuDays

MARCH = Month.of(date(2026, 3, 15))


def of(world: World, month: Month = MARCH) -> MonthEvidence:
    """The customer's evidence, as of now."""
    return evidence(world.ports, CUSTOMER, month)


def line_of(found: MonthEvidence, sku: str) -> Any:
    """One line of it."""
    [line] = [one for one in found.lines if one.key == LineKey(CONTRACT, SERVICES[sku])]
    return line


def told(world: World, version: int, adv: int, **more: Any) -> None:
    """Timus tells of a quantity, and it is followed."""
    world.tell(version, {ADV: adv, GATEWAY: 1}, **more)
    world.work()


def aligned(world: World | None = None) -> World:
    """A client with 25 seats and a gateway, as Autotask has them."""
    world = world or World()
    world.map_customer()
    told(world, 1, 25)
    return world


def person_adjusts(world: World, sku: str, day: date, units: int) -> None:
    """Somebody changes units in Autotask by hand."""
    world.api.tick()
    line = world.api.model.find_line(CONTRACT, SERVICES[sku])
    assert line is not None
    world.api.model.person_adjusts(line.id, day.toordinal(), units)


def from_day(day: date) -> dict[str, Any]:
    """The scenario with a contract that begins on a day, and has no line."""
    contracts = [{**one, "startDate": day.isoformat(), "lines": []} for one in SCENARIO["contracts"]]
    return {**SCENARIO, "contracts": contracts}


def test_a_month_is_the_calendars() -> None:
    """First and last day, in leap years too."""
    assert Month.of(date(2028, 2, 17)) == Month(date(2028, 2, 1), date(2028, 2, 29))
    assert len(Month.of(date(2026, 12, 31)).days) == 31
    assert str(MARCH) == "2026-03"


def test_each_day_has_what_timus_says_what_the_journal_says_and_what_autotask_has() -> None:
    """28 seats from the sixteenth on, and the journal alone shows them."""
    world = aligned()
    world.pass_time(days=1)
    told(world, 2, 28)
    found = of(world)
    assert found.agrees
    assert found.whole
    line = line_of(found, ADV)
    numbers = [(one.timus, one.part, one.journal, one.autotask) for one in line.days]
    assert numbers[14:16] == [(25, 25, 25, 25), (28, 28, 28, 28)]
    assert numbers[30] == (28, 28, 28, 28)
    assert found.name == "Contoso Dental"
    assert found.names.contracts == {CONTRACT: "Contoso SASE"}


def test_a_change_says_who_asked_when_and_what_came_of_it() -> None:
    """Event, person, time of happening and arrival, units before and after, Autotask's answer, what was read back."""
    world = aligned()
    happened = world.clock.now()
    world.pass_time(minutes=3)
    told(world, 2, 28, occurred=happened)
    line = next(one for one in evidence_form(of(world))["lines"] if one["service_id"] == 45)
    [change] = line["changes"]
    [cause] = [one for one in change["causes"] if one["version"] == 2]
    assert (cause["event"], cause["by"], cause["sku"]) == ("sub_8f2c1a-v2", "j.doe@msp.example", ADV)
    assert (cause["happened_at"], cause["arrived_at"]) == (happened, happened + timedelta(minutes=3))
    assert (cause["before"], cause["after"], cause["effective_day"]) == (25, 28, date(2026, 3, 15))
    assert (change["units_before"], change["units_after"], change["unit_change"]) == (25, 28, 3)
    assert (change["answer"], change["outcome"], change["day"]) == ("accepted", "landed", date(2026, 3, 15))


def test_it_names_the_days_on_which_somebody_else_was_there() -> None:
    """And the difference, in units and seat-days."""
    world = aligned()
    told(world, 2, 28)
    person_adjusts(world, ADV, date(2026, 3, 20), 5)
    found = of(world)
    assert found.agrees is False
    [difference] = line_of(found, ADV).differences
    assert (difference.first, difference.last) == (date(2026, 3, 20), date(2026, 3, 31))
    assert (difference.journal, difference.autotask, difference.seat_days) == (28, 33, 60)
    assert difference.message == "Autotask has 33 from 2026-03-20 to 2026-03-31, and by the journal it is 28"


def test_an_edit_that_is_kept_stands_with_its_seat_days_and_who_decided_so() -> None:
    """3 units on top from the second on: three days until today."""
    world = aligned()
    world.pass_time(days=1)
    kept_from = world.clock.now().date()
    person_adjusts(world, ADV, kept_from, 3)
    desk = Desk(world)
    desk.run("retry", str(CONTRACT), "--yes")
    world.work()
    desk.told("drift", str(CONTRACT), str(SERVICES[ADV]), "--adopt", "--yes", "--by", "Ada")
    world.work()
    world.pass_time(days=2)
    line = line_of(of(world), ADV)
    assert [(one.first, one.seat_days, one.by.split(",")[0]) for one in [line.kept]] == [
        (kept_from, 9, "Ada")
    ]
    [day] = [one for one in line.days if one.day == kept_from]
    assert [(one.code, one.units) for one in day.why] == [("kept", 3)]
    shown = desk.told("evidence", "--customer", CUSTOMER, "--month", str(MARCH))
    assert line.kept.message in " ".join(shown.split())


def test_what_an_edit_left_before_anybody_decided_is_not_kept_by_anybody() -> None:
    """Four seats are held from the 5th, and a person adds them on the 8th: the days between are past changing."""
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)))
    months.begin(("approve_increases=always",), mapped=True)
    months.play([("wait", None, 4), ("tell", {ADV: 14, GATEWAY: 1}, 0), ("wait", None, 3), ("edit", 4, 0)])
    months.desk.told("retry", str(CONTRACT), "--yes")
    months.work()
    line = line_of(of(months.world), ADV)
    assert line.kept is None
    why = {one.day.day: [(each.code, each.units) for each in one.why] for one in line.days[:9]}
    assert {day: each for day, each in why.items() if each} == {
        day: [("past-changing", -4)] for day in (5, 6, 7)
    }


def test_a_day_that_has_what_it_should_needs_no_why() -> None:
    """Somebody adds ten from the 10th on, Timus says 20 from the second on and, once the edit is in force, 10 after all: the second has 10."""
    months = begun()
    months.play([("wait", None, 4), ("edit", 10, 5), ("tell", {ADV: 20, GATEWAY: 1}, -3), ("wait", None, 7)])
    months.play([("tell", {ADV: 10, GATEWAY: 1}, -11), ("wait", None, 1)])
    found = of(months.world)
    days = line_of(found, ADV).days
    assert (days[1].part, days[1].autotask, days[1].why) == (10, 10, ())
    assert [one.day for one in days if one.part == one.autotask and one.why] == []
    page = client_month(found, "Ada & Sons", months.world.ports.zone)
    assert [one.by_terms for one in page.lines] == [(), ()]


def test_a_day_says_why_its_part_is_not_what_timus_says() -> None:
    """The term by which other units are billed."""
    world = aligned()
    Desk(world).told("policy", "set", "minimum.SASE-ADV-USER=30", "--yes")
    world.work()
    line = line_of(of(world), ADV)
    assert [one.message for one in line.days[-1].why] == ["+5 to the minimum of 30"]
    assert line.kept is None


def test_what_is_held_says_what_it_costs_to_wait() -> None:
    """Three seats that are used and not billed, on each day until today."""
    world = aligned()
    store = world.ports.store
    terms = put_terms(None, {"approve_increases": {"above_units": 0}}, 0)
    store.commit(terms, *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    world.tell(2, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=4)
    line = line_of(of(world), ADV)
    assert line.seat_days == SeatDays(0, 15)
    assert line.parked
    [held] = line.open_changes
    assert (held.day, held.delta) == (date(2026, 3, 15), 3)


def begun(*terms: str) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=True)
    return months


def test_days_that_an_edit_left_otherwise_and_nobody_kept_are_billed_too_many() -> None:
    """Five more from 3 March until Timus says as many: seven days, which nobody can change any more."""
    months = begun()
    months.play([("wait", None, 4), ("edit", 5, -2), ("wait", None, 5), ("tell", {ADV: 15, GATEWAY: 1}, 0)])
    assert months.today == date(2026, 3, 10)
    found = of(months.world)
    assert line_of(found, ADV).seat_days == SeatDays(35, 0)
    assert (found.too_many, found.not_billed) == (35, 0)
    shown = months.desk.told("evidence", "--customer", CUSTOMER, "--month", str(MARCH))
    assert "35 seat-days too many are billed in this month until today." in " ".join(shown.split())
    assert "35 seat-days too many are billed" in evidence_page(found)


def test_too_many_on_one_day_does_not_hide_what_another_lacks() -> None:
    """Nine too few on the fourth and nine too many on the sixth: each was said for a minute, and the day could not be changed again."""
    months = begun()
    for days, seats in ((3, 1), (2, 19)):
        months.play([("wait", None, days), ("tell", {ADV: seats, GATEWAY: 1}, 0)])
        months.play([("tell", {ADV: 10, GATEWAY: 1}, 0)])
    months.play([("wait", None, 2)])
    found = of(months.world)
    assert (found.too_many, found.not_billed) == (9, 9)
    said = "9 seat-days too many and 9 too few are billed in this month until today."
    shown = months.desk.told("evidence", "--customer", CUSTOMER, "--month", str(MARCH))
    assert said in " ".join(shown.split())
    assert said in evidence_page(found)
    [form] = [one for one in evidence_form(found)["lines"] if one["service_id"] == SERVICES[ADV]]
    assert (form["seat_days_too_many"], form["seat_days_not_billed"]) == (9, 9)


def test_what_was_undone_has_its_seat_days() -> None:
    """Three seats that Timus says and a person took back, on two days until today: not billed, as in the ledger."""
    months = begun()
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 1), ("undo", None, 0)])
    months.play([("wait", None, 1)])
    found = of(months.world)
    line = line_of(found, ADV)
    assert (line.seat_days, line.by_undo, found.not_billed) == (SeatDays(0, 6), SeatDays(0, 6), 6)
    assert [[each.message for each in line.days[n].why] for n in (3, 4, 5)] == [
        [],
        [f"-3 undone by {line.line.undone[0].by}"],
        [f"-3 undone by {line.line.undone[0].by}"],
    ]
    said = "Of that, by what was undone: 6 too few."
    assert said in " ".join(
        months.desk.told("evidence", "--customer", CUSTOMER, "--month", "2026-03").split()
    )
    assert said in evidence_page(found)


def test_what_was_undone_too_late_has_no_seat_days() -> None:
    """Autotask bills what Timus says, as the month was posted before the opposite came: both are said of the days, and none of them is off."""
    months = begun()
    months.play([("wait", None, 9), ("tell", {ADV: 18, GATEWAY: 1}, 0), ("undo", None, 0)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    months.play([("wait", None, 10)])
    line = line_of(of(months.world), ADV)
    assert (line.seat_days, line.by_undo) == (SeatDays(), SeatDays())
    by = line.line.undone[0].by
    assert [each.message for each in line.days[15].why] == [
        f"-8 undone by {by}",
        "+8 on a day that cannot be changed any more",
    ]


def test_what_one_client_lacks_on_a_shared_line_is_not_the_others() -> None:
    """Three seats of the one are undone: the line lacks them, and in the other one's totals they are not."""
    months = begun()
    months.world.map_customer("cus_two")
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 1), ("undo", None, 0)])
    months.play([("wait", None, 1)])
    month = Month.of(date(2026, 3, 1))
    mine, theirs = (evidence(months.world.ports, one, month) for one in (CUSTOMER, "cus_two"))
    lines = line_of(mine, ADV), line_of(theirs, ADV)
    assert lines[0].seat_days == lines[1].seat_days
    assert lines[0].by_undo == SeatDays(0, 6)
    assert (mine.not_billed, theirs.not_billed) == (6, lines[1].seat_days.not_billed - 6)
    shown = months.desk.told("evidence", "--customer", "cus_two", "--month", "2026-03")
    assert "That is the whole line; of this customer:" in " ".join(shown.split())


def test_a_day_without_what_was_rejected_says_who_rejected_it() -> None:
    """Also after somebody typed it into Autotask by hand, from a later day on."""
    months = begun("approve_increases.above_units=2")
    months.play([("wait", None, 3), ("tell", {ADV: 18, GATEWAY: 1}, 0)])
    months.desk.told("reject", str(CONTRACT), str(SERVICES[ADV]), "--reason", "not ordered", "--yes")
    said = [[each.message for each in line_of(of(months.world), ADV).days[3].why]]
    months.play([("wait", None, 2), ("edit", 8, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 2)])
    line = line_of(of(months.world), ADV)
    said.append([each.message for each in line.days[3].why])
    assert said == [[f"-8 rejected by {line.changes[-1].by}"]] * 2
    assert line.days[-1].why == ()


def test_an_edit_that_makes_up_for_an_undo_is_not_kept() -> None:
    """With it the line has what Timus says: the undo is over, and only the days before it are told."""
    months = begun("drift=adopt")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 1), ("undo", None, 0)])
    months.play([("wait", None, 2), ("edit", 3, 0)])
    months.desk.told("reconcile", "--yes")
    months.play([("wait", None, 3)])
    line = line_of(of(months.world), ADV)
    assert line.kept is None
    assert line.seat_days == SeatDays(0, 6)


COUNTED_APART = (WhyDiffers.KEPT, WhyDiffers.SUPERSEDED, WhyDiffers.IGNORED, WhyDiffers.BEFORE)
"""What docs/evidence.md says is in none of the totals."""


def by_ledger(entries: list[LedgerEntry]) -> SeatDays:
    """The ledger's causes of these entries."""
    numbers = [
        number for one in entries for why, number in one.seat_days.causes_apart if why not in COUNTED_APART
    ]
    return SeatDays(-sum(one for one in numbers if one < 0), sum(one for one in numbers if one > 0))


@given(TERMS, st.booleans(), st.booleans(), st.one_of(ENDING, EDITED))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
def test_its_totals_are_those_of_the_ledger(
    terms: tuple[str, ...], mapped: bool, shared: bool, story: list[tuple[str, object, int]]
) -> None:
    """Of each line and of the customer, what is billed too many and what is not billed come to the ledger's causes, but for what stands apart."""
    months = Months()
    months.begin(terms, mapped)
    if shared and mapped:
        months.world.map_customer("cus_two")
        months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two")
        months.work()
    months.play(story)
    months.work()
    for month in ledger_since(deployment_of(months.world), FIRST).months:
        found = of(months.world, Month.of(month.first))
        entries = [one for one in month.entries if one.key or one.customer == CUSTOMER]
        for line in found.lines:
            assert line.seat_days == by_ledger([one for one in entries if one.key == line.key]), line.key
        alone = [one for one in found.lines if not one.others]
        keys = {one.key for one in alone}
        of_its_own = by_ledger([one for one in entries if one.key is None or one.key in keys])
        missing = sum(one.missing for one in found.without_line)
        assert of_its_own == SeatDays(
            sum(one.seat_days.too_many for one in alone),
            sum(one.seat_days.not_billed for one in alone) + missing,
        )
        theirs = {
            one.key: one for one in evidence(months.world.ports, "cus_two", Month.of(month.first)).lines
        }
        for line in (one for one in found.lines if one.others):
            each = [line.of_customer, theirs[line.key].of_customer, line.unsaid]
            assert sum(one.not_billed - one.too_many for one in each) == (
                line.seat_days.not_billed - line.seat_days.too_many
            ), line.key


def test_what_is_superseded_says_what_it_would_have_changed() -> None:
    """An older version that came after a newer one was billed."""
    world = aligned()
    world.pass_time(days=5)
    told(world, 5, 28)
    told(world, 4, 40, effective=datetime(2026, 3, 17, tzinfo=UTC), occurred=world.start)
    [late] = of(world).late
    assert late.event.outcome == "superseded"
    assert (
        late.sentence == "It came after a newer version had been billed: to follow it would take that back. "
        f"By it: +45 {ADV} seat-days."
    )
    assert late.by_sku == (SkuDays(ADV, 15 * 3, 0),)


def test_a_superseded_plan_change_does_not_come_to_nothing() -> None:
    """Ten of ADV fewer and ten of ESS more from the 17th on until 28 of the 20th: each SKU stands for itself."""
    world = aligned()
    world.pass_time(days=5)
    told(world, 5, 28)
    items = {ADV: 15, ESS: 10, GATEWAY: 1}
    world.tell(4, items, effective=datetime(2026, 3, 17, tzinfo=UTC), occurred=world.start)
    world.work()
    [late] = of(world).late
    assert late.by_sku == (SkuDays(ADV, 0, 30), SkuDays(ESS, 30, 0))
    assert late.sentence.endswith(f"By it: -30 {ADV}, +30 {ESS} seat-days.")
    assert late.sentence in evidence_page(of(world))
    [form] = evidence_form(of(world))["events"]
    assert form["seat_days_by_sku"][0] == {"sku": ADV, "more": 0, "fewer": 30}


def test_more_on_some_days_of_an_event_does_not_hide_fewer_on_others() -> None:
    """30 from the 16th on, where 25 counts, from the 18th 40, and from the 20th 28: five more for two days, then ten fewer for two."""
    world = aligned()
    told(world, 3, 40, effective=datetime(2026, 3, 18, tzinfo=UTC))
    world.pass_time(days=5)
    told(world, 5, 28)
    told(world, 4, 30, effective=datetime(2026, 3, 16, tzinfo=UTC), occurred=world.start)
    [late] = of(world).late
    assert late.by_sku == (SkuDays(ADV, 10, 20),)
    assert late.sentence.endswith(f"By it: +10 {ADV}, -20 {ADV} seat-days.")


def test_the_days_of_a_superseded_event_say_what_timus_had_by_it() -> None:
    """40 from the 17th on until 28 of the 20th: 15 more than what counts, which the ledger has as used. The client's page has no word of it."""
    world = aligned()
    world.pass_time(days=5)
    told(world, 5, 28)
    told(world, 4, 40, effective=datetime(2026, 3, 17, tzinfo=UTC), occurred=world.start)
    days = line_of(of(world), ADV).days
    assert [[each.message for each in days[n].why] for n in (15, 16, 18, 19)] == [
        [],
        ["and 15 more in Timus by a superseded event"],
        ["and 15 more in Timus by a superseded event"],
        [],
    ]
    assert client_month(of(world), "Ada & Sons", world.ports.zone).lines[0].by_terms == ()


@given(TERMS, STORIES)
@settings(max_examples=25, deadline=None)
def test_the_days_come_to_all_that_timus_said(
    terms: tuple[str, ...], story: list[tuple[str, object, int]]
) -> None:
    """What counts, and beside it what is in a trial, or came too late."""
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)))
    months.begin(terms, mapped=True)
    months.play(story)
    months.work()
    for line in of(months.world).lines:
        for day in line.days:
            beside = " ".join(one.message for one in day.why)
            trial = sum(map(int, re.findall(r"and (\d+) in a trial", beside)))
            more = sum(map(int, re.findall(r"and (\d+) more in Timus", beside)))
            fewer = sum(map(int, re.findall(r"and (\d+) fewer in Timus", beside)))
            if day.day <= months.today:
                [sku] = line.skus
                assert day.timus + trial + more - fewer == months.used(sku, day.day)


def test_a_line_of_two_customers_says_whose_part_is_whose() -> None:
    """Its units are those of both, and the customer's part is what is billed for it."""
    world = aligned()
    world.map_customer("cus_b", 600, CONTRACT)
    world.tell(1, {ADV: 7}, customer="cus_b", subscription="sub_b", customer_name="Branch")
    world.work()
    found = of(world)
    line = line_of(found, ADV)
    assert line.others == ("cus_b",)
    assert (line.days[20].part, line.days[20].journal, line.days[20].autotask) == (25, 32, 32)
    assert found.agrees


def test_without_autotask_the_journal_still_stands() -> None:
    """Nothing is compared, and it says why."""
    world = aligned()
    told(world, 2, 28)
    world.ports = replace(world.ports, autotask=_away)
    found = of(world)
    assert (found.agrees, found.not_compared) == (None, "it is away")
    assert line_of(found, ADV).days[20].journal == 28


def _away() -> Any:
    from timus_autotask.ports.errors import RetryLater

    raise RetryLater(60, "it is away")


def test_who_is_not_mapped_has_no_line() -> None:
    """What is to be billed and has no contract is named."""
    world = World()
    world.tell(1, {ADV: 5})
    world.work()
    found = of(world)
    assert found.lines == ()
    assert (found.agrees, found.not_compared) == (None, "there is no contract")
    [one] = found.without_line
    assert (one.sku, one.units, one.code) == (ADV, 5, "customer-unmapped")
    assert (one.first, one.last, one.seat_days) == (date(2026, 3, 15), date(2026, 3, 31), 5)
    world.pass_time(days=3)
    assert (of(world).without_line[0].seat_days, of(world).not_billed, of(world).too_many) == (20, 20, 0)
    [form] = evidence_form(of(world))["without_line"]
    assert (form["seat_days"], form["remedy"][:27]) == (-20, "timus-autotask map customer")


def test_what_somebody_ignores_keeps_its_days_and_says_who_ignored_it_and_why() -> None:
    """It is to be billed on no line, so nothing of it is missing."""
    world = World()
    world.map_customer()
    told(world, 1, 25)
    world.tell(2, {ADV: 25, GATEWAY: 1, "SASE-NEW": 2})
    world.work()
    deployment = deployment_of(world)
    [before] = of(world).without_line
    assert (before.sku, before.code, of(world).not_billed) == ("SASE-NEW", "sku-unmapped", 2)
    ignore(deployment, [], ["SASE-NEW"], "a gift", "kim").commit()
    [one] = of(world).without_line
    assert (one.days, one.seat_days) == (before.days, before.seat_days)
    assert (one.code, one.remedy, of(world).not_billed) == ("sku-ignored", "", 0)
    assert one.message == "Ignored by kim since 2026-03-15: a gift"


def test_a_customer_who_is_ignored_keeps_its_days_too() -> None:
    """3 seats from the 15th on, and who ignores them stands on each form of it."""
    world = World()
    world.tell(1, {ADV: 3})
    world.work()
    world.pass_time(days=2)
    desk = Desk(world)
    desk.told("map", "ignore", "customer", CUSTOMER, "--reason", "our own seats", "--by", "anna", "--yes")
    [form] = evidence_form(of(world))["without_line"]
    assert (form["reason_code"], form["seat_days"], form["remedy"]) == ("customer-ignored", -9, None)
    said = " ".join(desk.told("evidence", "--customer", CUSTOMER, "--month", str(MARCH)).split())
    assert "9 seat-days until today not billed. Ignored by anna" in said
    assert form["reason"].endswith("since 2026-03-17: our own seats")
    assert form["reason"] in evidence_page(of(world))
    assert form["reason"] in to_csv(of(world))


def test_days_before_the_mapping_say_so_and_are_not_missing() -> None:
    """10 seats from the first on, mapped on the fifth and billed from that day on: the customer has a contract."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
    world.tell(1, {ESS: 10})
    world.work()
    world.pass_time(days=4)
    chosen = ("--company", str(COMPANY), "--contract", str(CONTRACT), "--bill-from", "today")
    Desk(world).told("map", "customer", CUSTOMER, *chosen, "--yes")
    world.work()
    found = of(world)
    [one] = found.without_line
    assert (one.first, one.last, one.seat_days) == (date(2026, 3, 1), date(2026, 3, 4), 40)
    assert (one.code, one.remedy, found.not_billed) == ("before-mapping", "", 0)
    assert one.message == f"The mapping of {CUSTOMER} counts from 2026-03-05 on, and not for days before it."
    days = line_of(found, ESS).days
    assert [each.message for each in days[3].why] == ["-10 before the first day of the mapping"]
    assert days[4].why == ()
    page = client_month(found, "Ada & Sons", world.ports.zone).lines[0]
    assert page.by_terms == (
        "From 1 March 2026 to 4 March 2026 you had 10 seats, and 0 are billed, as billing here begins on a later day.",
    )


def test_days_before_a_service_is_chosen_say_from_when_on_it_is() -> None:
    """10 seats from the first on, whose SKU has a service from the fifth on: the days before are on no line, by no terms."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
    world.map_customer()
    world.tell(1, {"SASE-NEW": 10})
    world.work()
    world.pass_time(days=6)
    Desk(world).told("map", "plan", "SASE-NEW", "--service", "46", "--from", "2026-03-05", "--yes")
    world.work()
    [one] = of(world).without_line
    assert (one.last, one.seat_days, of(world).not_billed) == (date(2026, 3, 4), 40, 40)
    assert one.message == "The service of SASE-NEW is chosen from 2026-03-05 on, and not for days before it."
    assert one.remedy.startswith("timus-autotask map plan SASE-NEW")
    days = line_of(of(world), ESS).days
    assert [[each.message for each in days[n].why] for n in (3, 4)] == [["-10 on no line"], []]
    page = client_month(of(world), "Ada & Sons", world.ports.zone).lines[0]
    assert page.by_terms == ("From 1 March 2026 to 4 March 2026 you had 10 seats, and 0 are billed.",)


def test_days_of_another_reason_stand_for_themselves() -> None:
    """Before the mapping nobody has to do anything; since then, the SKU has no service."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
    world.tell(1, {"SASE-NEW": 2})
    world.work()
    world.pass_time(days=4)
    chosen = ("--company", str(COMPANY), "--contract", str(CONTRACT), "--bill-from", "today")
    Desk(world).told("map", "customer", CUSTOMER, *chosen, "--yes")
    before, since = of(world).without_line
    assert (before.code, before.last, since.code, since.first) == (
        "before-mapping",
        date(2026, 3, 4),
        "sku-unmapped",
        date(2026, 3, 5),
    )
    assert of(world).not_billed == since.seat_days == 2


def test_seats_from_before_the_contract_begins_are_billed_too_few() -> None:
    """10 seats since the first, a contract from the fourth on: three days, each with its reason."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario=from_day(date(2026, 3, 4)))
    world.map_customer()
    told(world, 1, 10)
    world.pass_time(days=5)
    world.work()
    line = line_of(of(world), ADV)
    assert line.seat_days == SeatDays(0, 30)
    assert of(world).not_billed == 30 + 3  # the gateway too
    reasons = [[(each.code, each.units) for each in one.why] for one in line.days[:4]]
    assert reasons == [[("before-contract", -10)]] * 3 + [[]]
    assert "-10 before the contract begins" in to_csv(of(world))


def test_a_service_that_is_new_on_the_contract_is_called_as_elsewhere() -> None:
    """The client reads its name, not its SKU, from the first day on."""
    world = aligned()
    learned = ContractNames(999).learned(None, {}, {45: "Timus SASE Advanced (per user)"}, world.clock.now())
    world.ports.store.commit(put_names(learned, 0))
    found = of(world)
    assert found.names.services[45] == "Timus SASE Advanced (per user)"
    assert (
        client_month(found, "Ada & Sons", world.ports.zone).lines[0].name == "Timus SASE Advanced (per user)"
    )


def test_too_many_on_one_line_does_not_hide_what_another_lacks() -> None:
    """Each line stands alone in the sums of a customer."""
    world = aligned()
    told(world, 2, 28)
    person_adjusts(world, ADV, date(2026, 3, 15), 2)
    person_adjusts(world, GATEWAY, date(2026, 3, 15), -1)
    world.pass_time(days=1)
    found = of(world)
    assert (found.too_many, found.not_billed) == (2 * 2, 1 * 2)


def test_each_line_has_its_price_its_cost_and_what_the_month_comes_to() -> None:
    """Beside the units, as an estimate; where the API user reads no cost, there is no margin."""
    services = [{**one, "unitCost": 7} for one in SCENARIO["services"]]
    world = aligned(World(scenario={**SCENARIO, "services": services}))
    told(world, 2, 28)
    line = line_of(of(world), ADV)
    assert (line.price.price, line.price.cost) == (Decimal("12.50"), Decimal("7.00"))
    # 25 seats on 14 of 31 days and 28 on 17, rounded once
    assert line.estimate == Decimal("333.06")
    assert line.margin == line.estimate - Decimal("186.52")
    form = next(one for one in evidence_form(of(world))["lines"] if one["service_id"] == 45)
    assert (form["unit_price"], form["unit_margin"], form["estimate"]) == ("12.5000", "5.5000", "333.06")
    assert form["unit_price_by_hand"] is None  # the catalogue is not read for it
    world.control.set_switches({"cost_visible": False})
    line = line_of(of(world), ADV)
    assert (line.price.cost, line.margin, line.estimate) == (None, None, Decimal("333.06"))
    world.control.set_switches({"denied": ["ContractServices"]})
    found = of(world)
    assert (found.agrees, line_of(found, ADV).estimate) == (True, None)
    assert "permission" in found.not_priced


def test_a_month_with_nothing_to_compare_agrees_with_nothing() -> None:
    """A month before everything, and one that is still to come, are said to be so."""
    world = aligned()
    before = of(world, Month.of(date(2019, 5, 1)))
    assert not before.compared
    assert verdict_of(before).startswith("Nothing is billed on a line of the customer")
    assert "16 days of the month are still to come" in verdict_of(of(world))
    assert of(world, Month.of(date(2026, 4, 1))).days_to_come == 30


def test_who_asked_outlives_the_event() -> None:
    """Thirteen months later the event is gone, and the journal has what it said."""
    world = aligned()
    told(world, 2, 28)
    world.clock.advance(timedelta(days=500).total_seconds())
    assert world.table.expire(int(world.clock.now().timestamp())) >= 2
    assert [*world.ports.store.events_of(CUSTOMER)] == []
    [change] = line_of(of(world), ADV).changes
    assert [(one.actor, one.before, one.after) for one in change.causes][-1] == ("j.doe@msp.example", 25, 28)


def test_a_contract_that_nobody_has_looked_at_is_not_compared() -> None:
    """Its days are not known yet."""
    world = World()
    world.map_customer()
    assert of(world).not_compared == f"contract {CONTRACT} was not looked at yet"


class Counted:
    """A table that counts what is read."""

    def __init__(self, table: MemoryTable) -> None:
        self.table, self.reads = table, 0

    def __getattr__(self, name: str) -> Any:
        self.reads += name in ("get", "range", "list", "due")
        return getattr(self.table, name)


def test_after_a_last_day_that_no_worker_has_read_yet_there_is_nothing_to_compare() -> None:
    """The last day is as Autotask says now. Nobody's edit took these units away; that nobody bills them is said in seat-days."""
    world = aligned()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-17"})
    world.pass_time(days=4)
    found = of(world)
    line = line_of(found, ADV)
    assert found.agrees
    assert [(one.journal, one.autotask) for one in line.days[16:18]] == [(25, 25), (None, None)]
    assert line.seat_days == SeatDays(0, 2 * 25)
    assert found.not_billed == 2 * 25 + 2
    Desk(world).told("retry", str(CONTRACT), "--yes")
    world.work()
    known = of(world)
    assert (known.agrees, known.not_billed) == (True, found.not_billed)


def test_forty_changes_cost_ten_reads_at_most_and_three_calls() -> None:
    """However many there are: the journal of a contract is one range, and Autotask is asked for its contracts and their rows only."""
    world = aligned()
    for version in range(2, 42):
        told(world, version, 25 + version % 3 + version // 3)
        world.pass_time(hours=15)
    table = Counted(world.table)
    world.ports = replace(world.ports, table=table)
    calls = world.ports.autotask().calls
    found = of(world)
    assert found.agrees
    assert len(line_of(found, ADV).journal.entries) > 20
    assert table.reads <= 10
    assert world.ports.autotask().calls - calls == 3


# -- Random histories


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),  # seats
            st.integers(0, 12),  # of the other plan
            st.integers(0, 60),  # hours until then
            st.sampled_from(
                [
                    "",
                    "",
                    "",
                    "timeout_before",
                    "timeout_after",
                    "json_500",
                    "throttle_429",
                    "by hand",
                    "renewed",
                ]
            ),
            st.integers(-9, 9),
        ),
        max_size=9,
    ),
    st.sampled_from(["park", "adopt", "enforce"]),
    st.sampled_from(["quantity", "empty"]),
)
@settings(max_examples=25, deadline=None)
def test_it_reproduces_every_day_that_autotask_bills(
    history: list[tuple[int, int, int, str, int]], drift: str, extended: str
) -> None:
    """Whatever is told, lost or changed by hand: but for an edit that waits for a person, the journal gives the units of each day."""
    world, term_end = aligned(), date(2026, 12, 31)
    world.api.set_switch("extended_periods", extended)
    store = world.ports.store
    store.commit(put_terms(None, {"drift": drift}, 0), *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    for version, (adv, ess, hours, what, units) in enumerate(history, 2):
        if what not in ("", "by hand", "renewed"):
            world.api.faults.add(Fault(what, entity="ContractServiceAdjustments"))
        if what == "by hand":
            line = world.api.model.find_line(CONTRACT, 45)
            if line and line.units_on(world.clock.now().date().toordinal()) + units >= 0:
                person_adjusts(world, ADV, world.clock.now().date() + timedelta(days=1), units)
        if what == "renewed":
            term_end = date(2027, 12, 31)
        world.tell(version, {ADV: adv, ESS: ess, GATEWAY: 1}, term_end=term_end)
        world.work()
        world.pass_time(hours=hours)
    world.pass_time(hours=2)
    world.pass_time(hours=2)
    for day in (world.start.date(), world.clock.now().date(), date(2027, 1, 1)):
        found = of(world, Month.of(day))
        assert found.whole
        for one_line in found.lines:
            sku = {id_: sku for sku, id_ in SERVICES.items()}[one_line.key.service_id]
            billed = [world.units(sku, one.day) for one in one_line.days]
            assert [one.autotask or 0 for one in one_line.days] == billed
            parked = one_line.line.parked
            if parked is None or parked.code not in ("drift", "outcome-unclear"):
                assert one_line.differences == ()
