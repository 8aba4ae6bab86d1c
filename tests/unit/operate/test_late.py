"""A client who is mapped weeks late: each choice with its money, chosen once, kept as the first day of the mapping."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, World
from timus_autotask.cli.failure import doubt_words
from timus_autotask.domain.mapping import Route
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.mapping.choose import CustomerRouted, route_customer
from timus_autotask.operate.mapping.importing import import_mappings
from timus_autotask.operate.mapping.late import BillFrom, Late
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.terms import put_terms

FEBRUARY, MARCH, TODAY = date(2026, 2, 10), date(2026, 3, 1), date(2026, 3, 15)
OWN_DAYS, TODAY_ONLY, OPEN_DAY = BillFrom.OWN_DAY, BillFrom.TODAY, BillFrom.OPEN_DAY


def world(*, posted: bool = False, live: bool = True) -> World:
    """Timus reports 28 seats since 10 February and 30 since 5 March; Autotask has 25. ``posted``: January and February are."""
    found = World(live=live)
    found.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 2, 10, tzinfo=UTC))
    found.tell(8, {ADV: 30, GATEWAY: 1}, effective=datetime(2026, 3, 5, tzinfo=UTC))
    found.work()
    if posted:
        found.control.approve_and_post(CONTRACT, date(2026, 2, 28).toordinal())
    return found


def mapped(world: World, bill_from: BillFrom | None = None, **more: Any) -> Proposal[CustomerRouted]:
    """The customer is mapped by Kim."""
    return route_customer(
        deployment_of(world), CUSTOMER, Route(600, CONTRACT), "kim", bill_from=bill_from, **more
    )


def choices(found: Late | None) -> dict[str, tuple[Any, ...]]:
    """Day, units, seat-days billed and not billed, and money, by choice."""
    assert found is not None
    return {
        one.bill_from.value: (one.day, one.units, one.seat_days, one.not_billed, one.estimate.so_far)
        for one in found.choices
    }


def test_each_choice_is_shown_with_its_money() -> None:
    """Nothing is posted: the first open day is its own day. 19 days of February and 4 of March with 3 seats, then 10 with 5."""
    found = mapped(world()).result.late
    full = (FEBRUARY, 5, 3 * 23 + 5 * 10, 0, Decimal("25.45") + Decimal("37.50") + Decimal("21.77"))
    assert choices(found) == {
        "today": (TODAY, 5, 0, 119, Decimal("34.27")),
        "open-day": full,
        "own-day": full,
    }


def test_posted_months_are_left_to_a_person() -> None:
    """They are listed for their own day, which is the default; the first open day is after them."""
    found = mapped(world(posted=True)).result.late
    assert found is not None
    assert {name: row[:4] for name, row in choices(found).items()} == {
        "today": (TODAY, 5, 0, 119),
        "open-day": (MARCH, 5, 62, 57),
        "own-day": (FEBRUARY, 5, 62, 57),
    }
    [left] = [one.left for one in found.choices if one.bill_from is OWN_DAYS]
    assert left == (
        "3 units are not billed from 2026-02-10 to 2026-02-28 (Autotask 25, should be 28): its period is approved and posted",
    )
    assert [one.left for one in found.choices if one.bill_from is not OWN_DAYS] == [(), ()]


@pytest.mark.parametrize(
    ("bill_from", "posted"),
    [
        (None, [(45, 3, "2026-02-10"), (45, 2, "2026-03-05")]),
        (OWN_DAYS, [(45, 3, "2026-02-10"), (45, 2, "2026-03-05")]),
        (TODAY_ONLY, [(45, 5, "2026-03-15")]),
    ],
)
def test_what_was_chosen_is_what_is_posted(bill_from: BillFrom | None, posted: list[Any]) -> None:
    """And what the preview shows; it is recorded, and stays so for the next change."""
    here = world()
    proposal = mapped(here, bill_from)
    shown = [
        (line.service_id, one.delta, str(one.day))
        for c in proposal.preview.contracts
        for line in c.lines
        for one in line.adjustments
    ]
    assert shown == posted
    proposal.commit()
    here.work()
    assert here.posted() == posted
    [decision] = here.ports.store.decisions()
    assert f"billed from {(bill_from or OWN_DAYS).label}" in decision.detail
    here.pass_time(days=1)
    here.tell(9, {ADV: 31, GATEWAY: 1})
    here.work()
    assert here.posted() == [*posted, (45, 1, "2026-03-16")]


def test_the_first_open_day_is_kept_in_the_mapping() -> None:
    """A posted month has no days left over that `status` would show."""
    here = world(posted=True)
    mapped(here, OPEN_DAY).commit()
    here.work()
    assert here.posted() == [(45, 3, "2026-03-01"), (45, 2, "2026-03-05")]
    stored = here.ports.store.customer(CUSTOMER).mapping
    assert stored is not None
    assert stored.value.first_day == MARCH
    assert here.line(ADV).past_days == ()


def test_who_is_not_late_has_no_choice() -> None:
    """Seats of today, seats that Autotask has already, and a customer whom Timus has not reported."""
    here = World()
    assert mapped(here).result.late is None
    here.tell(7, {ADV: 25, GATEWAY: 1}, effective=datetime(2026, 2, 10, tzinfo=UTC))
    here.work()
    assert mapped(here).result.late is None
    assert mapped(here, OPEN_DAY).result.first_day is None
    here.tell(8, {ADV: 30, GATEWAY: 1})
    here.work()
    assert mapped(here).result.late is None


def test_it_is_chosen_once() -> None:
    """A second mapping is a move, whose first day has an option of its own."""
    here = world()
    mapped(here, TODAY_ONLY).commit()
    here.work()
    with pytest.raises(NotDone, match="is mapped already") as refused:
        mapped(here, OWN_DAYS)
    assert refused.value.ways == (Way.MOVE_FROM,)


def test_the_open_day_needs_autotask() -> None:
    """Nobody else knows what is posted."""
    with pytest.raises(NotDone, match="which day is open"):
        mapped(world(), OPEN_DAY, unchecked=True)
    assert mapped(world(), TODAY_ONLY, unchecked=True).result.first_day == TODAY


def test_a_stack_that_observes_shows_what_its_going_live_would_bill() -> None:
    """The choice is made before anything is posted."""
    here = world(live=False)
    proposal = mapped(here)
    assert choices(proposal.result.late)["today"] == (TODAY, 5, 0, 119, Decimal("34.27"))
    assert here.posted() == []


def test_the_terms_date_what_came_before_the_mapping_too() -> None:
    """A decrease of March is credited from April on, whatever the first day that is billed."""
    for bill_from in BillFrom:
        here = World()
        here.ports.store.commit(put_terms(None, {"decreases": "start-of-next-period"}, 0))
        here.tell(7, {ADV: 30, GATEWAY: 1}, effective=datetime(2026, 2, 10, tzinfo=UTC))
        here.tell(8, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 10, tzinfo=UTC))
        here.work()
        mapped(here, bill_from).commit()
        here.work()
        day = TODAY if bill_from is TODAY_ONLY else FEBRUARY
        assert here.posted() == [(45, 5, day.isoformat())]
        assert here.line(ADV).scheduled == ((date(2026, 4, 1), -2),)


HEAD = "customer_id,company_id,contract_id"


def imported(world: World, data: str, **more: Any) -> Any:
    """A file that Kim gives."""
    return import_mappings(deployment_of(world), "clients.csv", data.encode(), "kim", **more)


def test_a_file_chooses_by_row_or_for_all() -> None:
    """Each choice of each customer is shown; the same file given again changes nothing."""
    here = world()
    here.tell(1, {ADV: 4}, customer="late", subscription="sub_2", effective=datetime(2026, 3, 13, tzinfo=UTC))
    here.work()
    rows = f"{CUSTOMER},600,{CONTRACT},\nlate,601,29683950,own-day\n"
    proposal = imported(here, f"{HEAD},bill_from\n{rows}", bill_from=TODAY_ONLY)
    assert [(one.customer, one.chosen) for one in proposal.result.late] == [
        (CUSTOMER, TODAY_ONLY),
        ("late", OWN_DAYS),
    ]
    assert choices(proposal.result.late[1])["own-day"][:4] == (date(2026, 3, 13), 4, 8, 0)
    proposal.commit()
    here.work()
    assert sorted(here.posted()) == [(45, 4, "2026-03-13"), (45, 5, "2026-03-15")]
    here.pass_time(days=1)
    assert imported(here, f"{HEAD},bill_from\n{rows}").result.unchanged == 2
    with pytest.raises(FileRefused, match="is for the first mapping"):
        imported(here, f"{HEAD},bill_from\nlate,600,{CONTRACT},today\n", share=True)


def test_who_shares_a_contract_of_somebody_billed_from_today_is_warned() -> None:
    """What the other has there from before counts as nobody's, and would be taken off; from the same day on it stays."""
    here = world()
    mapped(here, TODAY_ONLY).commit()
    here.work()
    here.tell(1, {ADV: 3}, customer="new", subscription="sub_2", effective=datetime(2026, 3, 3, tzinfo=UTC))
    here.work()

    def doubts(**more: Any) -> str:
        deployment = deployment_of(here)
        proposal = route_customer(deployment, "new", Route(600, CONTRACT), "kim", share=True, **more)
        return " ".join(map(doubt_words, proposal.doubts))

    words = (
        f"Contract {CONTRACT} bills {CUSTOMER} from 2026-03-15 on only, and new from 2026-03-03: what {CUSTOMER} has there before "
        "2026-03-15 would count as too many, and may be taken off. To leave these days alone: --bill-from today, or --from 2026-03-15."
    )
    assert words in doubts()
    assert words not in doubts(bill_from=TODAY_ONLY)
    rows = f"{HEAD}\nnew,600,{CONTRACT}\n"
    assert words in " ".join(map(doubt_words, imported(here, rows, share=True).doubts))
    assert words not in " ".join(
        map(doubt_words, imported(here, rows, share=True, bill_from=TODAY_ONLY).doubts)
    )


def test_both_answers_in_a_row_are_refused() -> None:
    """A first day, and from when to bill."""
    with pytest.raises(FileRefused, match="two answers to one question"):
        imported(World(), f"{HEAD},bill_from,first_day\n{CUSTOMER},600,{CONTRACT},today,always\n")


histories = st.lists(
    st.tuples(st.dates(date(2026, 1, 2), TODAY), st.integers(0, 40), st.integers(0, 3)),
    min_size=1,
    max_size=4,
).map(sorted)


@settings(max_examples=25, deadline=None)
@given(histories, st.sampled_from([0, 1, 2]), st.sampled_from(BillFrom))
def test_what_a_choice_says_is_what_it_bills(
    history: list[tuple[date, int, int]], posted: int, bill_from: BillFrom
) -> None:
    """Over any history and posted months: units, seat-days and first day; what is billed and what is not add up to the same."""
    here = World()
    for number, (day, seats, gateways) in enumerate(history, 1):
        here.tell(
            number,
            {ADV: seats, GATEWAY: gateways},
            effective=datetime(day.year, day.month, day.day, tzinfo=UTC),
        )
    here.work()
    if posted:
        here.control.approve_and_post(CONTRACT, date(2026, posted, 28).toordinal())
    proposal = mapped(here, bill_from)
    found = proposal.result.late
    proposal.commit()
    here.work()
    made = [(units, date.fromisoformat(day)) for _, units, day in here.posted()]
    if found is None:
        assert all(day == TODAY for _, day in made)
        return
    [choice] = [one for one in found.choices if one.bill_from is bill_from]
    assert choice.units == sum(units for units, _ in made)
    assert choice.seat_days == sum(units * (TODAY - day).days for units, day in made)
    assert all(day >= choice.day for _, day in made)
    assert len({one.seat_days + one.not_billed for one in found.choices}) == 1


def test_a_move_that_is_to_come_stands_beside_the_choice() -> None:
    """The choice is for what holds today. Where another row names an earlier day, there is nothing to choose."""
    here = world()
    rows = f"{HEAD},bill_from,first_day\n{CUSTOMER},600,{CONTRACT},today,\n{CUSTOMER},601,29683950,,"
    proposal = imported(here, f"{rows}2026-04-01\n")
    assert [one.chosen for one in proposal.result.late] == [TODAY_ONLY]
    proposal.commit()
    stored = here.ports.store.customer(CUSTOMER).mapping
    assert stored is not None
    assert [one.first_day for one in stored.value.routings] == [TODAY, date(2026, 4, 1)]
    assert imported(here, f"{rows}2026-04-01\n").result.unchanged == 1
    with pytest.raises(FileRefused, match="is for the first mapping"):
        imported(world(), f"{rows}2026-03-01\n")


def test_the_option_is_for_first_mappings_only() -> None:
    """A file may have moves beside them; they keep their own rule."""
    here = world()
    mapped(here).commit()
    here.work()
    proposal = imported(here, f"{HEAD}\n{CUSTOMER},601,29683950\n", bill_from=TODAY_ONLY)
    assert proposal.result.late == ()
    assert "billed from" not in proposal.result.changed[0].detail
