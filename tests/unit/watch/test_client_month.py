"""A client's own page where several clients share a line: the seats and the changes that are billed for it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.months import STORIES, TERMS, Months
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.line import Why
from timus_autotask.handouts.pages import client_page
from timus_autotask.watch.month.asked import WhyNobodyAsked
from timus_autotask.watch.month.client_month import ClientLine, client_month
from timus_autotask.watch.month.evidence import evidence
from timus_autotask.watch.month.line_evidence import Month
from timus_autotask.watch.month.share import billed_by_day

MARCH = Month.of(date(2026, 3, 1))
OTHER = "cus_two"


class Shared:
    """Two clients on one line of 25 seats, 10 of the one and 15 of the other: it takes one adjustment a day, so the other's come on the second."""

    def __init__(self, mine: int = 10, theirs: int = 15) -> None:
        self.world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
        self.version = 0
        self.world.map_customer()
        self.world.map_customer(OTHER)
        self.tell(CUSTOMER, mine, work=False)
        self.tell(OTHER, theirs)

    def tell(self, customer: str, adv: int, *, days: int = 0, work: bool = True) -> None:
        """Timus reports a quantity that holds from today, or from a later day."""
        self.version += 1
        self.world.tell(
            self.version,
            {ADV: adv, GATEWAY: 1} if customer == CUSTOMER else {ADV: adv},
            customer=customer,
            subscription=f"sub_{customer}",
            effective=self.world.clock.now() + timedelta(days=days),
        )
        if work:
            self.work()

    def work(self) -> None:
        for _ in range(3):
            self.world.work()
            self.world.pass_time(minutes=20)

    def until(self, day: int) -> None:
        """Days go by until that of March."""
        while self.world.clock.now().day < day:
            self.world.pass_time(days=1)
            self.work()

    def told(self, *words: str) -> None:
        Desk(self.world).told(*words, "--yes")
        self.work()

    def edit(self, units: int, day: int | None = None) -> None:
        """Somebody changes the line by hand, from today on, or from another day of March."""
        line = self.world.api.model.find_line(CONTRACT, 45)
        assert line is not None
        on = date(2026, 3, day) if day else self.world.clock.now().date()
        self.world.control.person_adjusts(line.id, on.toordinal(), units)
        self.work()

    def undo(self) -> None:
        """Somebody undoes what was made last, if that is possible."""
        made = [one for one in self.world.ports.store.changes() if one.outcome == "landed" and one.delta]
        Desk(self.world).run("undo", made[-1].id, "--reason", "a mistake", "--yes")
        self.work()

    def page(self, customer: str) -> ClientLine:
        found = client_month(evidence(self.world.ports, customer, MARCH), "Ada & Sons", self.world.ports.zone)
        return found.lines[0]

    def seats(self, customer: str) -> list[int | None]:
        """By day of March."""
        found = evidence(self.world.ports, customer, MARCH)
        line = next(one for one in found.lines if one.key.service_id == 45)
        return [billed_by_day(line, customer)[day] for day in MARCH.days]

    def bills(self, day: date) -> int:
        self.world.api.tick()
        line = self.world.api.model.find_line(CONTRACT, 45)
        return line.units_on(day.toordinal()) if line else 0


def rows(line: ClientLine) -> list[tuple[int, int, int]]:
    """(day of the month, seats before, seats after)."""
    return [(one.day.day, one.before, one.after) for one in line.changes]


def asked(line: ClientLine) -> list[Sequence[tuple[int, int]]]:
    """What was asked for, of each change."""
    return [[(one.before, one.after) for one in change.asked] for change in line.changes]


def test_a_change_that_is_held_is_not_shown_as_billed() -> None:
    """The other one's page does not move either."""
    shared = Shared()
    shared.until(4)
    shared.tell(CUSTOMER, 13)
    shared.told("policy", "set", "approve_increases=always")
    shared.until(7)
    shared.tell(OTHER, 20)
    shared.until(9)
    assert shared.bills(date(2026, 3, 9)) == 28
    theirs, mine = shared.page(OTHER), shared.page(CUSTOMER)
    assert (theirs.last, rows(theirs)) == (15, [(2, 0, 15)])
    assert (mine.first, mine.last, rows(mine)) == (10, 13, [(4, 10, 13)])
    assert asked(mine) == [[(10, 13)]]
    assert theirs.not_known == mine.not_known == ()
    assert "for 28 of the 31 days" in mine.changes[0].explained


def test_seats_from_before_timus_spoke_of_a_client_stay_its_own_once_another_joins() -> None:
    """25 → 31 is six more; then each day's change is the client's own, and what is ordered for a later day is not billed yet."""
    world = World(start=datetime(2026, 3, 5, 8, tzinfo=UTC))
    shared = Shared.__new__(Shared)
    shared.world, shared.version = world, 0
    world.map_customer()
    shared.tell(CUSTOMER, 31)
    shared.until(8)
    world.map_customer(OTHER)
    shared.tell(OTHER, 19)
    shared.until(9)
    shared.tell(CUSTOMER, 45)
    shared.until(10)
    shared.tell(CUSTOMER, 50)
    shared.tell(CUSTOMER, 60, days=5)
    mine = shared.page(CUSTOMER)
    assert rows(mine) == [(5, 25, 31), (9, 31, 45), (10, 45, 50)]
    assert (mine.first, mine.last) == (25, 50)
    assert [one.explained.split(" from ")[0] for one in mine.changes] == [
        "6 seats more",
        "14 seats more",
        "5 seats more",
    ]
    assert "for 27 of the 31 days" in mine.changes[0].explained
    assert "for 23 of the 31 days" in mine.changes[1].explained
    assert "for 22 of the 31 days" in mine.changes[2].explained
    assert rows(shared.page(OTHER)) == [(8, 0, 19)]


def test_a_change_that_is_approved_later_is_billed_from_the_day_of_its_adjustment() -> None:
    """Also beside a change of the other one that was made meanwhile."""
    shared = Shared()
    shared.until(4)
    shared.told("policy", "set", "approve_increases=always")
    shared.tell(OTHER, 20)
    shared.until(6)
    shared.tell(CUSTOMER, 8)
    shared.until(9)
    shared.told("approve", str(CONTRACT), "45")
    mine, theirs = shared.seats(CUSTOMER), shared.seats(OTHER)
    known = [(day, a, b) for day, a, b in zip(MARCH.days, mine, theirs, strict=True) if day.day > 1]
    assert all(a is not None and b is not None and a + b == shared.bills(day) for day, a, b in known)
    assert (mine[-1], theirs[-1]) == (8, 20)
    assert asked(shared.page(OTHER))[-1] == [(15, 20)]


def test_seats_that_one_gives_up_and_another_takes_on_one_day_are_a_change_of_each() -> None:
    """The line has as many as before, so nothing was adjusted, and what was held waits for nobody any more."""
    shared = Shared()
    shared.until(4)
    shared.told("policy", "set", "approve_increases=always")
    shared.tell(CUSTOMER, 13)
    shared.until(5)
    shared.tell(OTHER, 12)
    shared.until(7)
    mine, theirs = shared.page(CUSTOMER), shared.page(OTHER)
    assert (rows(mine), rows(theirs)) == ([(5, 10, 13)], [(2, 0, 15), (5, 15, 12)])
    assert asked(theirs)[-1] == [(15, 12)]


def test_a_change_of_the_terms_is_shown_without_anybody_who_asked() -> None:
    """It has no event, and seats are billed by it all the same."""
    shared = Shared()
    shared.until(5)
    shared.told("policy", "set", "included.SASE-ADV-USER=2", "--customer", OTHER)
    shared.until(6)
    theirs, mine = shared.page(OTHER), shared.page(CUSTOMER)
    assert rows(theirs)[-1][1:] == (15, 13)
    assert asked(theirs)[-1] == []
    assert "The terms of billing were changed." in theirs.changes[-1].explained
    assert [row for row in rows(mine) if row[0] > 2] == []
    assert mine.last == 10


def test_what_was_undone_is_the_change_of_whose_it_was() -> None:
    """The seats are back at what they were, for the one only."""
    shared = Shared()
    shared.until(4)
    shared.tell(CUSTOMER, 13)
    shared.until(6)
    made = [one for one in shared.world.ports.store.changes() if one.delta == 3]
    shared.told("undo", made[-1].id, "--reason", "a mistake")
    shared.until(8)
    mine, theirs = shared.page(CUSTOMER), shared.page(OTHER)
    assert (mine.last, theirs.last) == (10, 15)
    assert [row[1:] for row in rows(mine)] == [(10, 13), (13, 10)]
    assert "An earlier change was taken back." in mine.changes[-1].explained
    assert [row for row in rows(theirs) if row[0] > 2] == []


@pytest.mark.parametrize("approved_on", [4, 6])
def test_what_was_undone_of_both_is_the_change_of_each(approved_on: int) -> None:
    """Three seats of the one and two of the other came with one adjustment, and go with one; so when the undo is undone, and then it is the news."""
    shared = Shared()
    shared.until(4)
    shared.told("policy", "set", "approve_increases=always")
    shared.tell(CUSTOMER, 13)
    shared.tell(OTHER, 17)
    shared.until(approved_on)
    shared.told("approve", str(CONTRACT), "45")
    shared.told("policy", "set", "approve_increases=never")
    for delta, until in ((5, 9), (-5, 12)):
        shared.until(until)
        made = [one for one in shared.world.ports.store.changes() if one.delta == delta]
        shared.told("undo", made[-1].id, "--reason", "a mistake")
    shared.until(15)
    shared.tell(OTHER, 18)
    shared.until(16)
    mine, theirs = shared.page(CUSTOMER), shared.page(OTHER)
    assert mine.not_known == theirs.not_known == ()
    assert [row[1:] for row in rows(mine)] == [(10, 13), (13, 10), (10, 13)]
    assert [row[1:] for row in rows(theirs)] == [(0, 15), (15, 17), (17, 15), (15, 17), (17, 18)]
    for each in (mine.changes[1], theirs.changes[2]):
        assert "An earlier change was taken back." in each.explained
    seats = [*zip(MARCH.days, shared.seats(CUSTOMER), shared.seats(OTHER), strict=True)]
    assert [(a or 0) + (b or 0) for _, a, b in seats] == [shared.bills(day) for day, _, _ in seats]


def test_nobody_is_billed_on_a_day_on_which_the_line_has_nothing() -> None:
    """Whoever took all of it away: that is known of each of them."""
    shared = Shared()
    shared.until(5)
    shared.edit(-25)
    shared.until(7)
    for customer in (CUSTOMER, OTHER):
        assert shared.seats(customer)[4:] == [0] * 27
        assert shared.page(customer).not_known == ()


def test_nobody_is_billed_after_the_contracts_last_day() -> None:
    """Also where no worker has read that day yet; that it ends is a row of its own, and nobody asked for it."""
    shared = Shared()
    shared.until(8)
    shared.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-10"})
    shared.world.pass_time(days=5)
    for customer, seats in ((CUSTOMER, 10), (OTHER, 15)):
        assert shared.seats(customer)[8:] == [seats, seats, *[0] * 21]
        line = shared.page(customer)
        assert (line.not_known, line.last) == ((), 0)
        assert [row for row in rows(line) if row[0] > 2] == [(11, seats, 0)]
        assert asked(line)[-1] == []
        assert line.changes[-1].explained == (
            f"The contract ends on 10 March 2026: {seats} seats are not billed from 11 March 2026."
        )


@pytest.mark.parametrize("today", [8, 20])
def test_a_change_is_billed_until_the_contracts_last_day(today: int) -> None:
    """That day is within a billing period: Autotask prorates to it, before it comes and after."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    shared.tell(CUSTOMER, 25)
    shared.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-17"})
    shared.until(5)
    shared.tell(CUSTOMER, 28)
    shared.until(today)
    line = shared.page(CUSTOMER)
    assert rows(line) == [(5, 25, 28), (18, 28, 0)]
    assert line.changes[0].explained == (
        "3 seats more from 5 March 2026. They are billed for 13 of the 31 days from 1 March 2026 to 31 March 2026, "
        "as the contract ends on 17 March 2026."
    )
    assert line.changes[1].explained == (
        "The contract ends on 17 March 2026: 28 seats are not billed from 18 March 2026."
    )


def people(line: ClientLine) -> list[tuple[int, list[str]]]:
    """(day of the month, who asked), of each change."""
    return [(one.day.day, [each.by for each in one.asked]) for one in line.changes]


def alone(adv: int, **more: int) -> Shared:
    """A client with a line of its own from the first of March on, as it was found: ann had asked for it."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    shared.world.tell(1, {ADV: adv, GATEWAY: 1, **more}, actor="ann")
    shared.work()
    return shared


ANOTHER = 29683950
"""A contract of another company."""


def moving(last: str = "", said_on: int = 8, first: str = "2026-03-10") -> Shared:
    """A client of its own with ten seats, who is moved to another contract from a day on; and perhaps the last day of the one before."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    shared.tell(CUSTOMER, 10)
    shared.until(8)
    if last:
        shared.world.control.person_edits_contract(CONTRACT, {"endDate": last})
    shared.until(said_on)
    move(shared, first)
    return shared


def move(shared: Shared, first: str) -> None:
    """To the other contract, from a day on."""
    shared.told("map", "customer", CUSTOMER, "--company", "601", "--contract", str(ANOTHER), "--from", first)


def sections(shared: Shared, month: Month = MARCH) -> list[ClientLine]:
    """Of the whole page."""
    return [*client_month(evidence(shared.world.ports, CUSTOMER, month), "A", shared.world.ports.zone).lines]


GOES_ON = (
    "10 seats go on under another contract from 10 March 2026. Each contract bills them for its own days."
)


@pytest.mark.parametrize(("last", "said_on"), [("", 8), ("2026-03-09", 8), ("2026-03-09", 12)])
def test_seats_that_go_on_on_another_contract_are_neither_more_nor_fewer(last: str, said_on: int) -> None:
    """One section for each service, as many seats as before, and nobody who asked for it; also where the contract before has ended."""
    shared = moving(last, said_on)
    shared.until(14)
    adv, gateway = sections(shared)
    assert (adv.first, adv.last, gateway.first, gateway.last) == (10, 10, 1, 1)
    assert rows(adv)[1:] == [(10, 10, 10)]
    assert asked(adv)[1:] == [[]]
    assert adv.changes[-1].explained == GOES_ON
    assert [one.explained for one in gateway.changes] == [
        "1 seat goes on under another contract from 10 March 2026. Each contract bills it for its own days."
    ]
    page = client_page(
        client_month(evidence(shared.world.ports, CUSTOMER, MARCH), "A", shared.world.ports.zone)
    )
    assert '<td class="n">10</td>' in page


def test_what_is_asked_for_on_the_day_of_another_contract_is_more() -> None:
    """Only that, by who asked for it."""
    shared = moving()
    shared.tell(CUSTOMER, 13, days=2)
    shared.until(14)
    adv, _ = sections(shared)
    assert rows(adv)[1:] == [(10, 10, 13)]
    assert asked(adv)[1:] == [[(10, 13)]]
    assert adv.changes[-1].explained.startswith(f"{GOES_ON} 3 seats more from 10 March 2026.")


def test_what_is_less_on_the_day_of_another_contract_is_fewer() -> None:
    """Only that, by who asked for it."""
    shared = moving()
    shared.tell(CUSTOMER, 8, days=2)
    shared.until(14)
    adv, _ = sections(shared)
    assert rows(adv)[1:] == [(10, 10, 8)]
    assert adv.changes[-1].explained.startswith("8 seats go on under another contract from 10 March 2026.")
    assert "2 seats fewer from 10 March 2026." in adv.changes[-1].explained


def test_what_no_contract_billed_for_some_days_is_billed_again() -> None:
    """The client has asked for nothing either."""
    shared = moving("2026-03-09", 12, "2026-03-12")
    shared.until(14)
    adv, _ = sections(shared)
    assert rows(adv)[1:] == [(10, 10, 0), (12, 0, 10)]
    assert asked(adv)[1:] == [[], []]
    assert (
        adv.changes[-1].explained == "10 seats are billed again from 12 March 2026, under another contract."
    )


def test_seats_that_are_billed_as_another_service_are_neither_more_nor_fewer() -> None:
    """The partner has chosen it for the SKU: the client has asked for nothing."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    shared.tell(CUSTOMER, 10)
    shared.until(8)
    shared.told("map", "plan", ADV, "--service", "46", "--from", "2026-03-10")
    shared.tell(CUSTOMER, 13, days=2)
    shared.until(14)
    before, after, _ = sections(shared)
    assert (rows(before)[-1], rows(after)) == ((10, 10, 0), [(10, 0, 13)])
    assert before.changes[-1].explained == f"10 seats go on as {after.name} from 10 March 2026."
    assert after.changes[0].explained.startswith(
        f"10 seats that were {before.name} before go on here from 10 March 2026. 3 seats more from 10 March 2026."
    )
    assert (asked(before)[-1], asked(after)) == ([], [[(10, 13)]])


def test_seats_that_change_the_plan_are_fewer_of_the_one_and_more_of_the_other() -> None:
    """The client has asked for that: the SKUs are two."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
    world.map_customer()
    shared = Shared.__new__(Shared)
    shared.world, shared.version = world, 0
    shared.tell(CUSTOMER, 10)
    shared.until(8)
    world.tell(5, {ESS: 4, ADV: 6, GATEWAY: 1}, customer=CUSTOMER, subscription=f"sub_{CUSTOMER}")
    shared.until(10)
    adv, ess, _ = sections(shared)
    assert adv.changes[-1].explained.startswith("4 seats fewer from 8 March 2026.")
    assert ess.changes[-1].explained.startswith("4 seats more from 8 March 2026.")


def test_another_contract_from_the_first_of_a_month_is_no_change_either() -> None:
    """What the one before billed on its last day is not in Autotask's rows of the month."""
    shared = moving("2026-03-31", 20, "2026-04-01")
    for _ in range(15):
        shared.world.pass_time(days=1)
        shared.work()
    adv, _ = sections(shared, Month.of(date(2026, 4, 1)))
    assert (adv.first, rows(adv)) == (10, [(1, 10, 10)])
    assert asked(adv) == [[]]


def test_who_leaves_a_shared_line_for_another_contract_has_as_many_seats() -> None:
    """The other one's page does not move."""
    shared = Shared()
    shared.until(8)
    move(shared, "2026-03-10")
    shared.until(14)
    adv = shared.page(CUSTOMER)
    assert (rows(adv)[-1], adv.changes[-1].explained) == ((10, 10, 10), GOES_ON)
    assert rows(shared.page(OTHER)) == [(2, 0, 15)]


def test_of_days_on_which_somebody_else_changed_the_line_the_page_says_that_it_cannot_say() -> None:
    """No number is shown for them, nor a change; what was known before stands."""
    shared = Shared()
    shared.until(5)
    shared.edit(4)
    shared.until(7)
    for customer, before in ((CUSTOMER, 10), (OTHER, 15)):
        seats = shared.seats(customer)
        assert seats[3] == before
        assert seats[4:] == [None] * 27
        line = shared.page(customer)
        assert line.not_known == (
            "From 5 March 2026 to 31 March 2026 this page cannot say how many seats you are billed for.",
        )
        assert line.last is None
        assert [row for row in rows(line) if row[0] > 2] == []


def test_two_who_come_to_a_line_on_one_day_have_no_number_before_it() -> None:
    """What the line had was theirs together, and nobody can say whose."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 5, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    shared.world.map_customer(OTHER)
    for customer, units in ((CUSTOMER, 10), (OTHER, 15)):
        shared.world.tell(1, {ADV: units}, customer=customer, subscription=f"sub_{customer}")
    shared.until(7)
    line = shared.page(CUSTOMER)
    seats = shared.seats(CUSTOMER)
    assert seats[:4] == [None] * 4
    assert seats[-1] == 10
    assert line.not_known[0].startswith("From 1 March 2026 to 4 March 2026")


def test_a_line_of_its_own_shows_each_day_on_which_autotask_bills_other_seats() -> None:
    """Also where no adjustment of ours made it so."""
    world = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC))
    shared = Shared.__new__(Shared)
    shared.world, shared.version = world, 0
    world.map_customer()
    shared.tell(CUSTOMER, 25)
    shared.until(3)
    shared.edit(4)
    line = shared.page(CUSTOMER)
    assert (line.first, line.last, rows(line)) == (25, 29, [(3, 25, 29)])
    assert asked(line) == [[]]
    assert line.changes[0].nobody
    assert line.changes[0].explained.endswith("31 March 2026. The number was set by hand.")


def test_who_brings_an_order_forward_asked_for_it() -> None:
    """Not who had reported the seats first, nor who wanted it later."""
    shared = alone(25)
    shared.until(9)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    shared.world.tell(2, {ADV: 30, GATEWAY: 1}, effective=at.replace(day=25), actor="bob")
    shared.work()
    shared.world.tell(3, {ADV: 30, GATEWAY: 1}, effective=at.replace(day=15), actor="eve")
    shared.until(27)
    assert people(shared.page(CUSTOMER)) == [(15, ["eve"])]
    shared.world.tell(4, {ADV: 31, GATEWAY: 1}, actor="kim")
    shared.until(28)
    assert people(shared.page(CUSTOMER)) == [(15, ["eve"]), (27, ["kim"])]


def test_nobody_asked_for_what_other_terms_bill() -> None:
    """The line was level when it was found, so nothing of it was followed before; and then an undo ends with the terms."""
    shared = alone(25)
    shared.until(5)
    shared.told("policy", "set", "included.SASE-ADV-USER=2")
    shared.until(8)
    shared.world.tell(2, {ADV: 30, GATEWAY: 1}, actor="kim")
    shared.until(10)
    made = [one for one in shared.world.ports.store.changes() if one.delta == 5]
    shared.told("undo", made[-1].id, "--reason", "a mistake")
    shared.until(12)
    shared.told("policy", "set", "included.SASE-ADV-USER=4")
    shared.until(14)
    line = shared.page(CUSTOMER)
    assert rows(line) == [(5, 25, 23), (8, 23, 28), (9, 28, 23), (12, 23, 26)]
    assert people(line) == [(5, []), (8, ["kim"]), (9, []), (12, [])]
    for change in (line.changes[0], line.changes[3]):
        assert change.explained.endswith(" The terms of billing were changed.")


def test_who_cancels_after_a_plan_change_was_undone_is_named() -> None:
    """The seats are back on the old plan, of which the cancellation says nothing: its plan is the new one."""
    shared = alone(25)
    shared.until(5)
    shared.world.tell(2, {ESS: 25, GATEWAY: 1}, actor="kim")
    shared.until(7)
    shared.undo()
    shared.until(10)
    cancelled = shared.world.clock.now()
    shared.world.tell(
        4,
        {ESS: 25, GATEWAY: 1},
        actor="eve",
        status="canceled",
        cancel_at=date(2026, 3, 12),
        effective=cancelled,
    )
    shared.until(15)
    line = shared.page(CUSTOMER)
    assert rows(line)[-1] == (12, 25, 0)
    assert people(line)[-1] == (12, ["eve"])
    assert [one.said for one in line.changes[-1].asked] == ["cancelled from 12 March 2026"]
    found = Desk(shared.world).told("evidence", "--customer", CUSTOMER, "--month", "2026-03")
    assert f"eve: {ADV}, cancelled from 2026-03-12 on" in found


def test_a_free_seat_that_ends_is_a_change_of_the_terms_although_timus_says_just_that_number() -> None:
    """23 were billed for 25 from the beginning."""
    shared = Shared.__new__(Shared)
    shared.world, shared.version = World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)), 0
    shared.world.map_customer()
    Desk(shared.world).told("policy", "set", "included.SASE-ADV-USER=2", "--yes")
    shared.world.tell(1, {ADV: 27, GATEWAY: 1}, actor="ann")
    shared.until(5)
    shared.told("policy", "set", "included.SASE-ADV-USER=")
    shared.until(6)
    line = shared.page(CUSTOMER)
    assert (rows(line), people(line)) == ([(5, 25, 27)], [(5, [])])
    assert line.changes[0].explained.endswith(" The terms of billing were changed.")


@pytest.mark.parametrize(
    ("terms", "adv", "said"),
    [
        ("minimum.SASE-ADV-USER=8", 3, "you had 3 seats, and at least 8 are billed."),
        ("included.SASE-ADV-USER=1", 3, "you had 3 seats, and 1 of them is free."),
        ("included.SASE-ADV-USER=4", 3, "you had 3 seats, which are free."),
        (
            "decreases=start-of-next-period",
            3,
            "you had 3 seats, and 10 are billed, as by the terms of billing a change counts from another day.",
        ),
    ],
)
def test_where_the_terms_bill_other_seats_than_the_client_has_the_page_says_so(
    terms: str, adv: int, said: str
) -> None:
    """Of each day until today, also where nothing that is billed changes."""
    shared = alone(10)
    shared.told("policy", "set", terms)
    shared.until(5)
    shared.world.tell(2, {ADV: adv, GATEWAY: 1})
    shared.until(8)
    assert shared.page(CUSTOMER).by_terms[-1] == f"From 5 March 2026 to 8 March 2026 {said}"


def test_what_is_held_is_not_said_to_a_client_as_a_term() -> None:
    """It is not decided yet."""
    shared = alone(10)
    shared.told("policy", "set", "approve_decreases=always")
    shared.until(5)
    shared.world.tell(2, {ADV: 3, GATEWAY: 1})
    shared.until(8)
    assert shared.page(CUSTOMER).by_terms == ()


def test_what_was_undone_of_one_is_not_said_to_another_as_a_term() -> None:
    """On their line both have what they ordered, but for what was undone of the one."""
    shared = Shared()
    shared.until(4)
    shared.tell(CUSTOMER, 13)
    shared.undo()
    shared.until(8)
    assert shared.seats(OTHER)[3:7] == [15, 15, 15, 15]
    assert [one for one in shared.page(OTHER).by_terms if "15 are billed" in one] == []
    assert [one for one in shared.page(CUSTOMER).by_terms if "13 are billed" in one] == []


def test_a_cancellation_is_called_one() -> None:
    """With the seats that go, and the day from which it holds."""
    shared = alone(25)
    shared.until(9)
    shared.world.tell(2, {ADV: 25, GATEWAY: 1}, status="canceled", cancel_at=date(2026, 3, 20), actor="kim")
    shared.until(21)
    [change] = shared.page(CUSTOMER).changes
    [one] = change.asked
    assert (change.day.day, change.before, change.after) == (20, 25, 0)
    assert (one.by, one.before, one.after, one.said) == ("kim", 25, 0, "cancelled from 20 March 2026")


def test_a_trial_is_called_one() -> None:
    """Its seats are there, and not billed."""
    shared = alone(25)
    shared.until(9)
    shared.world.tell(2, {ADV: 25, GATEWAY: 1}, status="trial", actor="kim")
    shared.until(10)
    [change] = shared.page(CUSTOMER).changes
    assert [one.said for one in change.asked] == ["25 in a trial, which is not billed"]


def test_news_that_end_an_undo_asked_for_their_own_seats_only() -> None:
    """One seat is new, and five that were undone come back with it: partner and client read so."""
    shared = alone(25)
    shared.until(4)
    shared.world.tell(2, {ADV: 30, GATEWAY: 1}, actor="ann")
    shared.until(6)
    made = [one for one in shared.world.ports.store.changes() if one.delta == 5]
    shared.told("undo", made[-1].id, "--reason", "a mistake")
    shared.until(9)
    shared.world.tell(3, {ADV: 31, GATEWAY: 1}, actor="bob")
    shared.until(10)
    line = shared.page(CUSTOMER)
    assert (rows(line)[-1], people(line)[-1]) == ((9, 25, 31), (9, ["bob"]))
    assert [one.said for one in line.changes[-1].asked] == ["30 → 31"]
    assert "5 seats of that come back" in line.changes[-1].explained
    found = evidence(shared.world.ports, CUSTOMER, MARCH).lines[0]
    assert found.asked[found.changes[-1].id].because == (WhyNobodyAsked.BACK,)


def test_the_numbers_beside_a_request_are_those_of_the_day_of_the_change() -> None:
    """Not those that an order for a later day had left."""
    shared = alone(25)
    shared.until(4)
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    shared.world.tell(2, {ADV: 20, GATEWAY: 1}, effective=at.replace(day=25), actor="ann")
    shared.world.tell(3, {ADV: 28, GATEWAY: 1}, effective=at.replace(day=8), actor="bob")
    shared.until(9)
    line = shared.page(CUSTOMER)
    assert (people(line), asked(line)) == ([(8, ["bob"])], [[(25, 28)]])


def test_nobody_is_said_to_have_asked_for_what_brings_an_edit_back() -> None:
    """Nor for any day of it."""
    shared = alone(25)
    shared.told("policy", "set", "drift=enforce")
    shared.until(6)
    shared.edit(3, day=3)
    shared.told("retry", str(CONTRACT))
    line = shared.page(CUSTOMER)
    assert (rows(line), people(line)) == ([(3, 25, 28), (4, 28, 25)], [(3, []), (4, [])])
    assert line.changes[-1].explained.endswith(
        "from 1 March 2026 to 31 March 2026. The number was corrected to what was ordered."
    )
    found = evidence(shared.world.ports, CUSTOMER, MARCH).lines[0]
    assert {found.asked[one.id].because for one in found.changes} == {(WhyNobodyAsked.ENFORCED,)}


def test_what_brings_back_a_change_of_ours_that_somebody_took_back_on_its_day_says_so() -> None:
    """Eve asked for it once, and not for the correction."""
    shared = alone(25)
    shared.told("policy", "set", "drift=enforce")
    shared.until(3)
    shared.world.tell(2, {ADV: 28, GATEWAY: 1}, actor="eve")
    shared.work()
    shared.edit(-3)
    shared.told("retry", str(CONTRACT))
    shared.until(5)
    line = shared.page(CUSTOMER)
    assert (rows(line), people(line)) == ([(4, 25, 28)], [(4, [])])
    landed = [one for one in shared.world.ports.store.changes() if one.outcome == "landed"]
    assert [(one.day.day, one.delta, one.why) for one in landed] == [(3, 3, None), (4, 3, Why.ENFORCED)]


def test_nobody_is_said_to_have_asked_for_what_brings_an_edit_of_a_day_to_come_back() -> None:
    """It says why on its day. Whoever asked for a change that comes before it did ask for that one."""
    shared = alone(25)
    shared.told("policy", "set", "drift=enforce")
    shared.until(3)
    shared.edit(3, day=8)
    shared.told("retry", str(CONTRACT))
    when = shared.world.clock.now() + timedelta(days=2)
    shared.world.tell(2, {ADV: 30, GATEWAY: 1}, actor="eve", effective=when)
    shared.until(10)
    line = shared.page(CUSTOMER)
    assert (rows(line), people(line)) == (
        [(5, 25, 30), (8, 30, 33), (9, 33, 30)],
        [(5, ["eve"]), (8, []), (9, [])],
    )
    landed = [one for one in shared.world.ports.store.changes() if one.outcome == "landed"]
    assert [(one.delta, one.why) for one in landed] == [(5, None), (-3, Why.ENFORCED)]


@pytest.mark.parametrize("own", [False, True], ids=["refused", "taken by our own"])
def test_nobody_is_said_to_have_asked_for_what_brings_an_edit_back_on_the_day_after(own: bool) -> None:
    """The day of the edit takes no adjustment, so it is brought back a day later, and says why all the same."""
    shared = alone(25)
    shared.told("policy", "set", "drift=enforce")
    shared.until(3)
    if own:
        shared.world.tell(2, {ADV: 30, GATEWAY: 1}, actor="bob")
        shared.work()
    shared.edit(3)
    shared.told("retry", str(CONTRACT))
    shared.until(5)
    line = shared.page(CUSTOMER)
    assert (rows(line)[-1], people(line)[-1]) == ((4, 33, 30) if own else (4, 28, 25), (4, []))
    assert line.changes[-1].explained.endswith("The number was corrected to what was ordered.")
    [back] = [
        one for one in shared.world.ports.store.changes() if one.delta == -3 and one.outcome == "landed"
    ]
    assert back.why is Why.ENFORCED
    shared.world.tell(3, {ADV: 20, GATEWAY: 1}, actor="eve")
    shared.work()
    assert people(shared.page(CUSTOMER))[-1] == (5, ["eve"])


def without_who(world: World, customer: str) -> list[object]:
    """Each row of evidence, and of the client's page, where neither stands who asked nor why nobody did."""
    found = evidence(world.ports, customer, MARCH)
    changes = [(line.asked[one.id], one) for line in found.lines for one in line.changes]
    page = client_month(found, "Ada & Sons", world.ports.zone)
    rows = [one for line in page.lines for one in line.changes]
    return [
        *(one for who, one in changes if who.is_empty),
        *(one for one in rows if not one.asked and not (one.nobody and re.search(REASON, one.explained))),
    ]


REASON = (
    "goe?s? on|billed again|contract ends|corrected to what|terms of billing were|taken back|holds again|set by hand|"
    "brought to what"
)


def test_an_undo_says_that_nobody_asked_for_it_on_a_line_of_several_clients_too() -> None:
    """The client reads why, and so does the partner."""
    shared = Shared()
    shared.until(4)
    shared.tell(OTHER, 12)
    shared.until(6)
    shared.undo()
    shared.until(8)
    line = shared.page(OTHER)
    assert (rows(line)[-2:], line.changes[-1].nobody) == ([(4, 15, 12), (5, 12, 15)], True)
    assert line.changes[-1].explained.endswith("An earlier change was taken back.")
    found = evidence(shared.world.ports, OTHER, MARCH).lines[0]
    assert found.asked[found.changes[-1].id].because == (WhyNobodyAsked.UNDONE,)


def test_seats_that_come_back_with_another_clients_news_say_so() -> None:
    """Five are new for the one, and all of the other's that were undone come back with them."""
    shared = Shared()
    shared.until(4)
    shared.undo()
    shared.until(8)
    shared.tell(CUSTOMER, 15)
    shared.until(9)
    theirs = shared.page(OTHER)
    assert (rows(theirs)[-1], theirs.changes[-1].nobody, theirs.changes[-1].asked) == ((8, 0, 15), True, ())
    assert theirs.changes[-1].explained.endswith("An earlier change that was taken back holds again.")
    assert without_who(shared.world, CUSTOMER) == without_who(shared.world, OTHER) == []


def test_what_is_held_of_one_client_does_not_move_what_was_undone_of_another() -> None:
    """Seven fewer were undone, and the other's seven more are held: the line has what both parts come to, and nobody's seats move."""
    shared = Shared(10, 7)
    shared.until(3)
    shared.tell(CUSTOMER, 3)
    shared.until(5)
    shared.undo()
    shared.told("policy", "set", "approve_increases=always")
    shared.until(8)
    shared.tell(OTHER, 14)
    shared.until(10)
    assert (shared.bills(date(2026, 3, 10)), shared.page(CUSTOMER).last, shared.page(OTHER).last) == (
        17,
        10,
        7,
    )
    assert rows(shared.page(OTHER)) == [(2, 0, 7)]
    assert without_who(shared.world, CUSTOMER) == without_who(shared.world, OTHER) == []


def test_who_cancelled_stands_with_the_day_on_which_it_ends() -> None:
    """The cancellation came with news of an earlier day, so the adjustment of the last day has no event of its own."""
    shared = alone(25)
    shared.until(4)
    ends = datetime(2026, 3, 9, tzinfo=UTC)
    shared.world.tell(2, {ADV: 28, GATEWAY: 1}, status="canceled", cancel_at=ends.date(), actor="eve")
    shared.until(11)
    line = shared.page(CUSTOMER)
    assert (rows(line), people(line)) == ([(4, 25, 28), (9, 28, 0)], [(4, ["eve"]), (9, ["eve"])])
    assert [one.said for one in line.changes[-1].asked] == ["cancelled from 9 March 2026"]
    found = evidence(shared.world.ports, CUSTOMER, MARCH).lines[0]
    last = found.changes[-1]
    assert (last.causes, [one.message for one in found.asked[last.id].by]) == (
        (),
        ["28 → 0 SASE-ADV-USER, cancelled from 2026-03-09 on"],
    )


def test_a_line_that_had_other_units_says_that_it_was_brought_to_what_is_billed() -> None:
    """Autotask had 25 of which Timus said 10: nobody asked for 15 fewer."""
    shared = alone(10)
    line = shared.page(CUSTOMER)
    assert rows(line) == [(1, 25, 10)]
    assert without_who(shared.world, CUSTOMER) == []


def test_seats_that_come_back_are_not_said_to_be_of_fewer() -> None:
    """Five that were undone come back with a decrease by two: three more."""
    shared = alone(25)
    shared.until(4)
    shared.world.tell(2, {ADV: 30, GATEWAY: 1}, actor="ann")
    shared.until(6)
    shared.undo()
    shared.until(9)
    shared.world.tell(3, {ADV: 28, GATEWAY: 1}, actor="bob")
    shared.until(10)
    line = shared.page(CUSTOMER)
    assert (rows(line)[-1], people(line)[-1]) == ((9, 25, 28), (9, ["bob"]))
    assert line.changes[-1].explained.startswith("3 seats more from 9 March 2026.")
    assert line.changes[-1].explained.endswith(
        "5 seats come back: an earlier change that was taken back holds again. Besides, 2 seats fewer were ordered."
    )


@given(TERMS, st.booleans(), STORIES)
@settings(max_examples=25, deadline=None)
def test_each_change_says_who_asked_for_it_or_why_nobody_did(
    terms: tuple[str, ...], mapped: bool, story: list[tuple[str, object, int]]
) -> None:
    """Whatever was told, undone, edited, posted and cancelled."""
    months = Months()
    months.begin(terms, mapped)
    months.play(story)
    months.work()
    assert without_who(months.world, CUSTOMER) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "tell",
                    "tell",
                    "tell",
                    "hold",
                    "free",
                    "approve",
                    "approve",
                    "reject",
                    "edit",
                    "late",
                    "undo",
                    "undo",
                    "end",
                ]
            ),
            st.sampled_from([CUSTOMER, OTHER]),
            st.integers(0, 20),
            st.integers(0, 3),
        ),
        max_size=7,
    )
)
@settings(max_examples=15, deadline=None)
def test_the_parts_that_are_shown_come_to_what_autotask_bills(story: list[tuple[str, str, int, int]]) -> None:
    """On each day either nobody's seats are shown, or those of all are just what is billed; and each page's changes lead from day to day."""
    shared = Shared()
    for what, customer, units, days in story:
        if what in ("tell", "late"):
            shared.tell(customer, units, days=-1 if what == "late" else 0)
        elif what in ("hold", "free"):
            shared.told("policy", "set", f"approve_increases={'always' if what == 'hold' else 'never'}")
        elif what == "edit":
            shared.edit(units % 3 + 1)
        elif what == "undo":
            shared.undo()
        elif what == "end":
            last = (shared.world.clock.now().date() + timedelta(days=units)).isoformat()
            shared.world.control.person_edits_contract(CONTRACT, {"endDate": last})
        else:
            more = ("--reason", "no") if what == "reject" else ()
            Desk(shared.world).run(what, str(CONTRACT), "45", *more, "--yes")
            shared.work()
        shared.until(shared.world.clock.now().day + days)
    mine, theirs = shared.seats(CUSTOMER), shared.seats(OTHER)
    for day, one, two in zip(MARCH.days, mine, theirs, strict=True):
        assert (one is None) == (two is None)
        assert one is None or two is None or (one + two == shared.bills(day) and min(one, two) >= 0)
    for customer, seats in ((CUSTOMER, mine), (OTHER, theirs)):
        assert without_who(shared.world, customer) == []
        found = client_month(evidence(shared.world.ports, customer, MARCH), "A", shared.world.ports.zone)
        for change in (
            one
            for line in found.lines
            if line.name.endswith(("ADV-USER", "(per user)"))
            for one in line.changes
        ):
            number = change.day.day - 1
            assert change.after == seats[number]
            assert number == 0 or change.before == seats[number - 1]
