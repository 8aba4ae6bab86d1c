"""Whether a month may be posted: yes exactly when nothing is open."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from tests.deployment import deployment_of
from tests.months import ENDING, STORIES, TERMS, Months
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import ledger_since, may_be_posted, what_was_posted
from timus_autotask.watch.month.causes import SETTLED, WhyDiffers
from timus_autotask.watch.month.digest import digest
from timus_autotask.watch.month.ready import Open, Ready, Waits
from timus_autotask.watch.month.to_post import LeftChange
from timus_autotask.watch.remedy import ways

MARCH = date(2026, 3, 1)
LAST = date(2026, 3, 31)


def of(months: Months) -> Ready:
    """Of March."""
    return may_be_posted(deployment_of(months.world), date(2026, 3, 1))


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, st.booleans(), ENDING, st.booleans())
def test_yes_exactly_when_nothing_is_open(
    terms: tuple[str, ...], mapped: bool, story: list[tuple[str, object, int]], at_rest: bool
) -> None:
    """What is named, as open or as staying, is all that differs from Timus's seats on the terms, to the seat-day; and nothing waits at a yes."""
    months = Months()
    months.begin(terms, mapped)
    months.play(story)
    if at_rest:
        months.work()
    found = of(months)
    assert found.ready is not bool(found.everything)
    store = months.world.ports.store
    waits = bool(store.customer(CUSTOMER).inbox) or any(store.parked_events())
    assert not (found.ready and waits)
    stays = [one for _, one in found.staying]
    assert all(one.kind in SETTLED or one.shut for one in stays)
    assert not any(one.kind in SETTLED or one.shut for one in found.everything)
    words = {what for what, _, _ in story}
    if mapped and not waits and "ignore" not in words and not set(terms) & {*DATING}:
        named = [one for one in (*stays, *found.everything) if one.kind is not WhyDiffers.SUPERSEDED]
        assert -sum(one.seat_days for one in named) == _seat_days_off(months, terms)


HELD_TOMORROW = [
    (("approve_increases.above_units=2",), {ADV: 22, GATEWAY: 1}, {45}),
    (("approve_increases.above_percent=20",), {ADV: 22, GATEWAY: 1}, {45}),
    (("line_limit=9",), {ADV: 22, GATEWAY: 1}, {45}),
    (("customer_day_limit=9",), {ADV: 22, GATEWAY: 1}, {45}),
    (("partner_day_limit=9",), {ADV: 22, GATEWAY: 1}, {45}),
    (("approve_decreases=always",), {ADV: 5, GATEWAY: 1}, {45}),
    (("approve_new_lines=yes",), {ESS: 12, GATEWAY: 1}, {45, 46}),
    (("approve_decreases.above_units=5",), {ESS: 12, GATEWAY: 1}, {45, 46}),
    (("approve_increases.above_units=2",), {ADV: 14, GATEWAY: 1}, set()),
    (("line_limit=10",), {ADV: 22, GATEWAY: 1}, set()),
]


@pytest.mark.parametrize(("terms", "then", "waiting"), HELD_TOMORROW)
def test_what_the_terms_will_hold_on_its_day_is_said_before(
    terms: tuple[str, ...], then: dict[str, int], waiting: set[int]
) -> None:
    """A day that is taken moves a change to the next one. What is held there waits for a person today; everything else needs nobody."""
    months = Months()
    months.begin((), mapped=True)
    months.play([("wait", None, 3), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    months.desk.told("policy", "set", *terms, "--yes")
    months.play([("tell", then, 0)])
    today = of(months)
    assert {
        one.key.service_id for one in today.everything if one.key and one.kind is WhyDiffers.HELD
    } == waiting
    assert all(
        "will wait for approval then" in one.message
        for one in today.everything
        if one.kind is WhyDiffers.HELD
    )
    assert ("will wait for approval then" in months.desk.told("status")) is bool(waiting)
    waits = digest(months.world.ports, months.world.clock.now() - timedelta(days=1)).waiting
    assert {one.key.service_id for one in waits if one.key} == waiting
    months.play([("wait", None, 1)])
    lines = months.world.ports.store.contract(CONTRACT).lines
    assert {service for service, one in lines.items() if one.value.state is State.PARKED} == waiting


def test_what_is_scheduled_after_a_rejected_change_is_open() -> None:
    """It is made all the same, so there is no yes before its day; or it is held then, where the terms say so."""
    months = begun("approve_increases.above_units=5")
    told: list[tuple[str, object, int]] = [
        ("tell", {ADV: 22, GATEWAY: 1}, 0),
        ("tell", {ADV: 23, GATEWAY: 1}, 5),
    ]
    months.play([("wait", None, 3), *told, ("reject", None, 0)])
    one = only(of(months))
    assert (one.kind, one.first, one.seats) == (WhyDiffers.SCHEDULED, date(2026, 3, 9), -1)
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    one = only(of(months))
    assert (one.kind, one.message) == (
        WhyDiffers.HELD,
        "+1 on 2026-03-09 will wait for approval then: the terms ask for it.",
    )


def test_what_is_scheduled_while_all_is_paused_says_so() -> None:
    """It is not made on its day, and the way out is to resume."""
    months = Months()
    months.begin((), mapped=True)
    months.play([("wait", None, 3), ("tell", {ADV: 12, GATEWAY: 1}, 0), ("tell", {ADV: 22, GATEWAY: 1}, 0)])
    [one] = of(months).everything
    assert one.kind is WhyDiffers.SCHEDULED
    months.desk.told("pause", "--customer", CUSTOMER)
    [one] = of(months).everything
    assert (one.kind, one.message) == (
        WhyDiffers.PAUSED,
        "+10 on 2026-03-05 will not be made then: changes are paused.",
    )
    assert one.remedy == f"timus-autotask resume --customer {CUSTOMER}"
    [adv] = [line for line in months.desk.ask("status")["lines"] if line["sku"] == ADV]
    assert adv["held_later"] == [{"day": "2026-03-05", "reason_code": "paused", "remedy": one.remedy}]


DATING = {"decreases=start-of-next-period"}


def _seat_days_off(months: Months, terms: tuple[str, ...]) -> int:
    """Seat-days of March that should be billed and are not, by what Timus said and what the simulated Autotask has."""
    days = months.days(date(2026, 3, 1), LAST)
    superseded = {one.version for one in months.world.ports.store.events() if one.outcome == "superseded"}
    months.told = [one for one in months.told if one.number not in superseded]
    return sum(
        _on_terms(months.used(sku, day, trials=False), sku, terms) - months.billed(service, day)
        for sku, service in SERVICES.items()
        for day in days
    )


def _on_terms(seats: int, sku: str, terms: tuple[str, ...]) -> int:
    """Written anew for the tests."""
    said = dict(term.split("=") for term in terms)
    if not seats or said.get("excluded") == sku:
        return 0
    return max(seats - int(said.get(f"included.{sku}", 0)), int(said.get(f"minimum.{sku}", 0)), 0)


def begun(*terms: str, live: bool = True) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), live=live))
    months.begin(terms, mapped=True)
    return months


def more(months: Months) -> None:
    """Three seats more on 4 March."""
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])


def only(found: Ready) -> Open:
    """The one thing that is open."""
    [one] = found.everything
    assert not found.ready
    return one


def test_a_level_month_is_ready() -> None:
    """With each line's units, price and estimate; nothing is open, and nothing stays."""
    months = begun("posted_period=hold")
    more(months)
    found = of(months)
    assert found.ready
    [period] = found.periods
    assert (period.first, period.last, period.posted, period.stays[1:]) == (MARCH, LAST, False, ())
    seats, gateway = period.lines
    assert (seats.skus, seats.units, seats.price.price) == ((ADV,), 13, Decimal("12.5"))
    assert seats.estimate == Decimal("158.87")  # 10 × 12.50, and 3 × 12.50 × 28 / 31, each stretch rounded
    assert (gateway.units, gateway.estimate) == (1, Decimal("45.00"))


def test_what_awaits_approval_is_open() -> None:
    """With its seats, seat-days and money until the end of the period, and the command."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    more(months)
    one = only(of(months))
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.HELD, date(2026, 3, 4), -3, -84)
    assert one.estimate == Decimal("-33.87")
    line = f"{CONTRACT} 45"
    assert ways(one.remedy) == [
        f"timus-autotask approve {line}",
        f"timus-autotask reject {line} --reason WHY",
    ]


def test_what_a_person_rejected_stays() -> None:
    """It was decided, so it holds nothing up, and it is said."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    more(months)
    months.play([("reject", None, 0)])
    found = of(months)
    assert found.ready
    assert [one.kind for one in found.periods[0].stays if one.first != MARCH] == [WhyDiffers.REJECTED]


def test_what_a_person_undid_stays() -> None:
    """Three seats from 5 March on, until Timus reports something else: it holds nothing up, and it is said."""
    months = begun()
    more(months)
    months.play([("wait", None, 1), ("undo", None, 0)])
    found = of(months)
    assert found.ready
    [one] = [one for one in found.periods[0].stays if one.first != MARCH]
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.UNDONE, date(2026, 3, 5), -3, -81)
    opposite = next(each.id for each in months.world.ports.store.changes() if each.delta == -3)
    assert one.remedy == f"To bring it back: timus-autotask undo {opposite} --reason WHY"
    months.desk.told("undo", opposite, "--reason", "needed after all", "--yes")
    months.play([("wait", None, 1)])
    assert months.billed(45, LAST) == 13
    [over] = [each for each in of(months).periods[0].stays if each.kind is WhyDiffers.UNDONE]
    assert (over.seat_days, over.remedy) == (-3, "")


def test_an_undo_that_is_still_to_be_made_is_withdrawn() -> None:
    """And one whose day is posted by now has no way back: a credit or a charge in Autotask is what is left."""
    months = begun()
    more(months)
    [id_] = [one.id for one in months.world.ports.store.changes() if one.delta == 3]
    months.desk.told("undo", id_, "--reason", "a mistake", "--yes")
    months.work()
    [one] = [each for period in of(months).periods for each in period.stays if each.kind is WhyDiffers.UNDONE]
    assert one.remedy == f"timus-autotask undo {id_} --withdraw --reason WHY"
    months.play([("wait", None, 2), ("post", None, 0)])
    [one] = [each for period in of(months).periods for each in period.stays if each.kind is WhyDiffers.UNDONE]
    assert one.remedy == ""


@pytest.mark.parametrize(("told", "open_", "undone"), [(10, -25, 15), (31, -25, -6)])
def test_what_a_person_undid_stays_apart_on_days_that_no_contract_covers(
    told: int, open_: int, undone: int
) -> None:
    """The line would go on without the change, and Timus says otherwise: both rows together are its seats, whichever way the change went."""
    months = begun()
    months.play([("wait", None, 1), ("tell", {ADV: 25, GATEWAY: 1}, 0), ("wait", None, 1)])
    months.play([("tell", {ADV: told, GATEWAY: 1}, 0), ("undo", None, 0), ("end", None, 0)])
    for days in (0, 1, 30):  # on the contract's last day, after it, and when the month has no period any more
        months.play([("wait", None, days)])
        found = may_be_posted(deployment_of(months.world), months.today.replace(day=1))
        [waits] = [one for one in found.open if one.sku == ADV]
        [stays] = [one for one in found.stays if one.sku == ADV]
        assert (waits.kind, waits.seats) == (Waits.CONTRACT, open_)
        assert (stays.kind, stays.first, stays.seats) == (WhyDiffers.UNDONE, waits.first, undone)
        number = -waits.seat_days // 25
        assert waits.seat_days + stays.seat_days == -told * number
        assert stays in [one for _, one in found.staying]
        assert stays not in found.everything
    form = json.loads(months.desk.run("ready", "--json").out)
    assert [(one["kind"], one["seats"]) for one in form["stays"]] == [("undone", undone)]
    assert "Billed as it is (1)" in months.desk.run("ready").out


@pytest.mark.parametrize(
    ("ends", "remedy"),
    [
        (
            "2026-03-20",
            (
                f"Extend the contract in Autotask, then: timus-autotask retry {CONTRACT}; if another contract goes on for it: "
                f"timus-autotask map customer {CUSTOMER} --company N --contract N --from 2026-03-21"
            ),
        ),
        (None, f"timus-autotask map customer {CUSTOMER} --company 600 --contract N"),
    ],
)
def test_days_that_no_contract_covers_have_a_way_out_of_their_own(ends: str | None, remedy: str) -> None:
    """Whatever else the line waits for: an approval would not bill them."""
    months = begun()
    if ends:
        months.world.control.person_edits_contract(CONTRACT, {"endDate": ends})
    else:
        months.world.control.person_edits_contract(CONTRACT, {"startDate": "2026-04-01"})
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 0)])
    outside = [one for one in of(months).open if one.kind is Waits.CONTRACT]
    assert {one.remedy for one in outside} == {remedy}


def test_days_that_an_edit_left_otherwise_are_named_although_the_line_is_level() -> None:
    """Four seats are held from the 5th, a person adds six on the 8th and takes two off on the 11th: nobody kept that, and it is billed so."""
    months = begun("approve_increases=always")
    months.play([("wait", None, 4), ("tell", {ADV: 14, GATEWAY: 1}, 0), ("wait", None, 3)])
    months.play([("edit", 6, 0), ("wait", None, 2), ("edit", -2, 0)])
    months.desk.told("retry", str(CONTRACT), "--yes")
    months.work()
    found = of(months)
    assert found.ready
    assert [(one.kind, one.first, one.seat_days) for one in found.periods[0].stays] == [
        (WhyDiffers.LATE, date(2026, 3, 5), -12),
        (WhyDiffers.LATE, date(2026, 3, 8), 6),
    ]
    [sums] = [
        one.seat_days
        for one in ledger_since(deployment_of(months.world), MARCH).months[0].entries
        if one.seat_days.causes
    ]
    assert sums.causes_apart == ((WhyDiffers.LATE, 12), (WhyDiffers.LATE, -6))
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    posted = what_was_posted(deployment_of(months.world), MARCH)
    assert [(one.cause, one.first, one.last, one.seat_days) for one in posted.passed] == [
        (WhyDiffers.LATE, date(2026, 3, 5), date(2026, 3, 7), -12),
        (WhyDiffers.LATE, date(2026, 3, 8), date(2026, 3, 10), 6),
    ]
    assert not posted.right


def test_days_that_an_edit_left_otherwise_are_named_as_long_as_they_are_asked_for() -> None:
    """The line's own list of past days forgets them after a quarter; the ledger of the year does not."""
    months = begun("approve_increases=always")
    months.play([("wait", None, 4), ("tell", {ADV: 14, GATEWAY: 1}, 0), ("wait", None, 3), ("edit", 4, 0)])
    months.desk.told("retry", str(CONTRACT), "--yes")
    months.play([("wait", None, 1)])
    months.world.pass_time(days=100)
    months.tell({ADV: 15, GATEWAY: 1}, 0)
    months.play([("approve", None, 0)])
    march = ledger_since(deployment_of(months.world), MARCH).months[0]
    assert [one.seat_days.causes for one in march.entries if one.seat_days.causes] == [{WhyDiffers.LATE: 12}]
    assert not months.world.ports.store.contract(CONTRACT).lines[45].value.past_days


def test_an_edit_is_open_also_where_its_number_is_right() -> None:
    """Somebody has to decide about it; the decision may change the units."""
    months = begun()
    months.world.control.person_adjusts(1201, date(2026, 3, 10).toordinal(), 2)
    one = only(of(months))
    assert (one.kind, one.first, one.seats, one.estimate) == (
        WhyDiffers.DRIFT,
        date(2026, 3, 10),
        2,
        Decimal("17.74"),
    )
    assert one.remedy == f"timus-autotask retry {CONTRACT}"


def test_what_is_offered_about_an_edit_works_now() -> None:
    """Nobody can decide on an edit that no worker has seen; once the contract was looked at, a person decides."""
    months = begun()
    months.world.control.person_adjusts(1201, date(2026, 3, 10).toordinal(), 2)
    months.desk.told(*only(of(months)).remedy.removeprefix("timus-autotask ").split(), "--yes")
    months.work()
    enforce, adopt = ways(only(of(months)).remedy)
    assert enforce.endswith("45 --enforce")
    months.desk.told(*adopt.removeprefix("timus-autotask ").split(), "--yes")
    months.work()
    assert of(months).ready


def test_a_change_of_a_later_day_of_the_month_is_open() -> None:
    """And one of the month after is not."""
    months = begun()
    months.tell({ADV: 12, GATEWAY: 1}, 20)
    months.work()
    one = only(of(months))
    assert (one.kind, one.first, one.seats) == (WhyDiffers.SCHEDULED, date(2026, 3, 21), -2)
    months.tell({ADV: 10, GATEWAY: 1}, 5)
    months.tell({ADV: 12, GATEWAY: 1}, 40)
    months.work()
    assert of(months).ready


IF_POSTED_BEFORE = [
    ((), 12, "post after it, or its units are never billed for the days until the end of the billing period"),
    ((), 7, "post after it, or its units stay billed until the end of the billing period"),
    (
        ("posted_period=same-day",),
        12,
        "post after it, or it is billed as an item of its own with a later posting, if Autotask takes changes of posted days",
    ),
    (("posted_period=hold",), 12, "post after it, or it waits for approval then"),
]


@pytest.mark.parametrize(("terms", "seats", "words"), IF_POSTED_BEFORE)
def test_what_posting_before_its_day_does_to_a_scheduled_change_goes_by_the_terms(
    terms: tuple[str, ...], seats: int, words: str
) -> None:
    """By the default, the days until the end of the period are never billed; only by ``same-day`` they are, later."""
    months = begun(*terms)
    months.tell({ADV: seats, GATEWAY: 1}, 20)
    months.work()
    assert only(of(months)).remedy == f"It is made on its day, automatically: {words}"
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    months.play([("wait", None, 35)])
    april = {"next-open-day": 10, "same-day": seats, "hold": 10}
    assert months.billed(45, LAST) == april[(terms or ("=next-open-day",))[0].split("=")[1]]


def test_a_scheduled_change_that_goes_up_and_down_leaves_its_days_as_they_are_posted() -> None:
    """Two more for a while, and then three fewer: some days have too few units, and some too many."""
    months = begun()
    months.tell({ADV: 12, GATEWAY: 1}, 10)
    months.tell({ADV: 7, GATEWAY: 1}, 20)
    months.work()
    assert only(of(months)).remedy.endswith(
        "or the days until the end of the billing period stay as they are posted"
    )


def test_a_scheduled_change_of_a_service_that_is_new_on_the_contract_is_billed_all_the_same() -> None:
    """Nothing of it is posted, so it comes from its own day."""
    months = begun()
    months.tell({ADV: 10, ESS: 2, GATEWAY: 1}, 20)
    months.work()
    assert only(of(months)).remedy.endswith("post after it, or it is billed with a later posting")
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    months.play([("wait", None, 25)])
    assert (months.billed(46, date(2026, 3, 20)), months.billed(46, date(2026, 3, 21))) == (0, 2)


def test_the_terms_of_everybody_on_a_shared_line_say_what_posting_before_does() -> None:
    """The strictest count: who has ``same-day`` for himself alone is not billed for these days either."""
    months = begun()
    months.desk.told("policy", "set", "posted_period=same-day", "--customer", CUSTOMER, "--yes")
    months.world.tell(1, {ADV: 2}, customer="cus_b", subscription="sub_b")
    months.work()
    words = "map", "customer", "cus_b", "--company", "600", "--contract", str(CONTRACT), "--share", "--yes"
    months.desk.told(*words)
    months.work()
    months.tell({ADV: 12, GATEWAY: 1}, 20)
    months.work()
    assert "its units are never billed" in only(of(months)).remedy
    months.desk.told("policy", "set", "posted_period=same-day", "--customer", "cus_b", "--yes")
    assert "as an item of its own" in only(of(months)).remedy


def test_what_is_posted_before_the_day_of_a_scheduled_change_is_billed_as_it_is() -> None:
    """Also before a worker has seen it: nothing is left to be settled, and a change that is made in it is told so."""
    months = begun()
    months.tell({ADV: 12, GATEWAY: 1}, 20)
    months.work()
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    found = of(months)
    assert found.ready
    [stays] = [one for _, one in found.staying]
    assert (stays.kind, stays.first, stays.seat_days) == (WhyDiffers.LATE, date(2026, 3, 21), -22)
    months.desk.told("policy", "set", "posted_period=same-day", "--yes")
    assert "its period is posted already, so it is billed as an item of its own" in only(of(months)).remedy


def test_what_timus_sent_and_nobody_merged_is_open() -> None:
    """On the contract of its customer."""
    months = begun()
    months.tell({ADV: 13, GATEWAY: 1}, 0)
    found = of(months)
    assert [one.kind for one in found.periods[0].open] == [Waits.EVENT]
    assert found.open == ()


def test_who_has_no_contract_is_open_for_everybody() -> None:
    """With the catalogue's price where the SKU has a service."""
    months = begun()
    months.world.tell(1, {ADV: 3}, customer="cus_new", subscription="sub_new")
    months.work()
    found = of(months)
    [one] = found.open
    assert (one.kind, one.customer, one.seats, one.estimate) == (
        WhyDiffers.UNMAPPED,
        "cus_new",
        -3,
        Decimal("-37.50"),
    )
    assert found.periods[0].level
    months.desk.told("map", "ignore", "customer", "cus_new", "--reason", "ours", "--yes")
    assert of(months).ready


def test_what_only_observes_is_open_while_it_differs() -> None:
    """Once somebody has typed it, the invoice is right."""
    months = begun(live=False)
    assert {(one.kind, one.remedy) for one in of(months).everything} == {
        (WhyDiffers.OBSERVING, "timus-autotask go-live")
    }
    months.desk.told("go-live", "--except", CUSTOMER, "--yes")
    assert {one.remedy for one in of(months).everything} == {f"timus-autotask go-live --customer {CUSTOMER}"}
    months.world.control.person_adjusts(1201, MARCH.toordinal(), -15)
    assert of(months).ready


def test_an_adjustment_under_way_is_open() -> None:
    """Its answer was lost: a read settles it."""
    months = begun()
    months.play([("wait", None, 1)])
    months.world.api.faults.add(Fault("timeout_after", entity="ContractServiceAdjustments", times=1))
    months.tell({ADV: 12, GATEWAY: 1}, 0)
    months.world.work()
    assert only(of(months)).kind is WhyDiffers.SETTLING
    months.work()
    assert of(months).ready


def test_a_contract_that_is_gone_or_over_is_open() -> None:
    """It has no billing period in the month."""
    months = begun()
    months.world.control.set_switches({"hidden_contracts": [CONTRACT]})
    found = of(months)
    assert {one.kind for one in found.open} == {Waits.CONTRACT}
    assert found.notes
    months.world.control.set_switches({"hidden_contracts": []})
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    march = of(months)
    assert [(one.kind, one.first, one.seat_days) for one in march.open if one.sku == ADV] == [
        (Waits.CONTRACT, date(2026, 3, 21), -110)
    ]
    april = may_be_posted(deployment_of(months.world), date(2026, 4, 1))
    assert {(one.kind, one.sku) for one in april.open} == {(Waits.CONTRACT, ADV), (Waits.CONTRACT, GATEWAY)}


def test_a_quarter_counts_with_all_of_its_days() -> None:
    """What is open in January holds March up, for it is one period."""
    contract = {**SCENARIO["contracts"][0], "contractPeriodType": 3}
    world = World(
        start=datetime(2026, 3, 1, 8, tzinfo=UTC),
        scenario={**SCENARIO, "contracts": [contract, SCENARIO["contracts"][1]]},
    )
    months = Months(world)
    months.begin((), mapped=True)
    months.world.control.person_adjusts(1201, date(2026, 1, 10).toordinal(), 1)
    found = of(months)
    assert [(one.first, one.last) for one in found.periods] == [(date(2026, 1, 1), LAST)]
    assert only(found).first == date(2026, 1, 10)


def test_costs_margins_and_prices_by_hand() -> None:
    """Costs where the API user may read them; a price that is not the catalogue's is marked."""
    services = [{**one, "unitCost": 7} for one in SCENARIO["services"]]
    months = Months(
        World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario={**SCENARIO, "services": services})
    )
    months.begin((), mapped=True)
    months.world.control.person_adjusts(1202, MARCH.toordinal(), 0, "40")
    seats, gateway = of(months).periods[0].lines
    assert (seats.price.margin, seats.margin, seats.price.by_hand) == (
        Decimal("5.5"),
        Decimal("55.00"),
        False,
    )
    assert (gateway.price.price, gateway.price.by_hand) == (Decimal(40), True)
    assert "40.00 by hand" in months.desk.told("ready")
    months.world.control.set_switches({"cost_visible": False})
    found = of(months)
    assert {line.margin for line in found.periods[0].lines} == {None}
    assert any("costs" in note for note in found.notes)


def test_a_new_clients_first_month_is_posted_too() -> None:
    """Its lines begin in the middle of the period, so that none of their posted rows has its first day."""
    contract = {**SCENARIO["contracts"][0], "lines": []}
    world = World(
        start=datetime(2026, 3, 10, 8, tzinfo=UTC),
        scenario={**SCENARIO, "contracts": [contract, SCENARIO["contracts"][1]]},
    )
    months = Months(world)
    months.begin((), mapped=True)
    assert not of(months).posted
    world.control.approve_and_post(CONTRACT, LAST.toordinal())
    assert of(months).posted
    assert "2026-03 is approved and posted already." in months.desk.told("ready", "--month", "2026-03")


def test_a_month_that_is_posted_already_gets_no_yes_to_post_it() -> None:
    """It is said, with the command that says whether each item is right."""
    months = begun()
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    assert of(months).posted
    said = months.desk.run("ready", "--month", "2026-03")
    assert said.status == 0
    assert "2026-03 is approved and posted already." in said.out
    assert "timus-autotask ready --posted --month 2026-03" in said.out
    assert "YES" not in said.out


def held_since_the_10th(*terms: str, **contract: object) -> Months:
    """Four seats are held since 10 March; it is 5 April, and March is posted."""
    months = Months(
        World(
            start=datetime(2026, 3, 1, 8, tzinfo=UTC),
            scenario={**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], **contract}]},
        )
    )
    months.begin(terms, mapped=True)
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.world.pass_time(days=9)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=26)
    months.world.control.approve_and_post(CONTRACT, LAST.toordinal())
    return months


def test_what_is_held_on_posted_days_stays_and_a_decision_counts_later() -> None:
    """March is posted without it, and an approval bills it from April on: so it is open in April alone."""
    months = held_since_the_10th()
    march = of(months)
    assert (march.ready, march.posted) == (True, True)
    [(_, one)] = march.staying
    assert (one.kind, one.seats, one.estimate, one.shut) == (WhyDiffers.HELD, -4, Decimal("-35.48"), True)
    assert one.message.endswith("These days are posted already: what settles it counts from a later day on.")
    [april] = may_be_posted(deployment_of(months.world), date(2026, 4, 1)).everything
    assert (april.kind, april.estimate) == (WhyDiffers.HELD, Decimal("-50.00"))
    said = months.desk.run("ready", "--month", "2026-03")
    assert (said.status, "do not post" in said.out) == (0, False)
    assert months.desk.ask("ready", "--month", "2026-03")["periods"][0]["stays"][0]["days_posted"]


def test_what_is_held_on_posted_days_is_open_where_the_terms_bill_it_on_its_own_day() -> None:
    """An approval brings these days with a later posting; nobody is told not to post what is posted."""
    months = held_since_the_10th("posted_period=same-day")
    one = only(of(months))
    assert (one.kind, one.estimate, one.shut) == (WhyDiffers.HELD, Decimal("-35.48"), False)
    said = months.desk.run("ready", "--month", "2026-03")
    assert (said.status, "do not post" in said.out) == (1, False)
    assert (
        "is approved and posted already, and what is settled now is billed with a later posting: 1 held"
        in (" ".join(said.out.split()))
    )
    assert "2026-03 is posted already, and 1 thing has to be settled." in said.err


def test_the_command_answers_with_its_exit_status() -> None:
    """0: yes; 1: not yet, with what is open also as JSON; nothing that came from outside steers the terminal."""
    months = begun()
    assert "YES: 2026-03 may be approved and posted" in months.desk.told("ready")
    months.world.tell(1, {ADV: 3}, customer="cus_new", subscription="sub_new", customer_name="\x1b[31mRed")
    months.work()
    said = months.desk.run("ready")
    assert said.status == 1
    assert "NO: do not post 2026-03 yet: 1 unmapped." in said.out
    assert "\x1b" not in said.out
    form = months.desk.run("ready", "--json").json
    assert (form["ready"], form["open"], form["kinds"]) == (False, 1, {"unmapped": 1})
    assert form["elsewhere"][0]["estimate"] == "-37.50"
    months.world.tell(1, {ADV: 3}, customer="cus_new", subscription="sub_new")
    for number in (51, 53):
        months.world.tell(number, {ADV: 3}, customer=f"cus_{number}", subscription="sub_new")
    months.work()
    words = months.desk.run("ready").out
    assert "2 events" in words.split("NO: do not post")[1]
    assert "1 of 1 billing period is level" in words


def test_a_month_that_is_not_over_is_said_to_be_so() -> None:
    """A yes is as of today: what Timus reports of the days to come is not in it."""
    months = begun()
    found = of(months)
    assert (found.ready, found.days_to_come) == (True, (LAST - found.today).days)
    assert f"That is as of today, {found.today}: " in months.desk.told("ready")
    april = months.desk.run("ready", "--month", "2026-04")
    assert "30 days of the month are still to come" in april.out
    assert months.desk.run("ready", "--month", "2026-04", "--json").json["days_to_come"] == 30
    months.world.pass_time(days=40)
    assert "as of today" not in months.desk.told("ready", "--month", "2026-03")


def test_a_month_without_any_line_is_no_clear_yes() -> None:
    """There is nothing to post, and that is said."""
    months = begun()
    said = months.desk.told("ready", "--month", "2019-05")
    assert "nothing is billed for Timus in 2019-05" in said
    assert "may be approved and posted" not in said


def test_what_ends_first_is_said() -> None:
    """With the money of each period and what a renewal would do."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-04-20"})
    found = of(months)
    assert [(one.sku, one.until, one.units, one.each_period) for one in found.coverage] == [
        (ADV, date(2026, 4, 20), 10, Decimal("125.00")),
        (GATEWAY, date(2026, 4, 20), 1, Decimal("45.00")),
    ]
    assert found.coverage[0].within(found.today) == 60
    assert "extend contract" in found.coverage[0].renewal
    said = months.desk.told("ready")
    assert (
        "Billed by no contract soon: 1 subscription within 60 days, 0 within 30 days, 0 within 7 days" in said
    )


def test_what_has_ended_is_said_apart_from_what_ends_soon() -> None:
    """On its last day it still ends soon; from the next one on it has ended, also when that was long ago."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.world.pass_time(days=(date(2026, 3, 20) - months.today).days)
    assert [one.sku for one in of(months).coverage] == [ADV, GATEWAY]
    assert of(months).ended == ()
    for days in (1, 80):
        months.world.pass_time(days=days)
        found = of(months)
        assert found.coverage == ()
        assert [(one.sku, one.until, one.units, one.within(found.today)) for one in found.ended] == [
            (ADV, date(2026, 3, 20), 10, None),
            (GATEWAY, date(2026, 3, 20), 1, None),
        ]
        ran = months.desk.run("ready")
        assert "Billed by no contract soon" not in ran.out
        assert "Ended, with seats in Timus (1 subscription): billed by no contract any more" in ran.out
        form = months.desk.run("ready", "--json").json
        assert [len(form[name]) for name in ("coverage", "ended")] == [0, 2]


def test_what_has_ended_and_has_no_seats_any_more_is_not_said() -> None:
    """Timus and Autotask agree: nobody has it."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 10), ("tell", {GATEWAY: 1}, 0), ("wait", None, 20)])
    assert [one.sku for one in of(months).ended] == [GATEWAY]


def test_what_has_ended_is_what_nobody_bills_today() -> None:
    """Fourteen seats, two of them free: twelve, and not the eight that were billed on the contract's last day."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.desk.told("policy", "set", "included.SASE-ADV-USER=2", "--yes")
    months.play([("wait", None, 25), ("tell", {ADV: 14, GATEWAY: 1}, 0)])
    [adv, _] = of(months).ended
    assert (adv.until, adv.units, adv.seats) == (date(2026, 3, 20), 12, 14)


def ends(months: Months) -> list[tuple[str, int, int, Decimal | None]]:
    """What ends with the contract on 20 April: SKU, units that are billed, seats in Timus, money of each period."""
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-04-20"})
    return [(one.sku, one.units, one.seats, one.each_period) for one in of(months).coverage]


GATEWAY_ENDS = (GATEWAY, 1, 1, Decimal("45.00"))


@pytest.mark.parametrize(
    ("terms", "billed"),
    [
        (("included.SASE-ADV-USER=3",), 7),
        (("minimum.SASE-ADV-USER=12",), 12),
        (("excluded=SASE-ADV-USER",), 0),
    ],
)
def test_what_ends_is_what_the_terms_bill(terms: tuple[str, ...], billed: int) -> None:
    """Free units are no money that is lost, and units up to a minimum are."""
    adv = [(ADV, billed, 10, billed * Decimal("12.50"))] if billed else []
    assert ends(begun(*terms)) == [*adv, GATEWAY_ENDS]


def test_what_ends_is_without_what_was_undone() -> None:
    """Thirteen seats in Timus, of which ten are billed, and so end being billed; nothing ends where all was undone."""
    months = begun()
    more(months)
    months.play([("wait", None, 1), ("undo", None, 0)])
    assert ends(months) == [(ADV, 10, 13, Decimal("125.00")), GATEWAY_ENDS]


def test_nothing_ends_where_all_was_undone() -> None:
    """It is billed no more already, as somebody decided."""
    happened = [("wait", None, 1), ("tell", {ADV: 10, GATEWAY: 1, ESS: 3}, 0), ("wait", None, 1)]
    months, undone = begun(), begun()
    months.play(happened)
    undone.play([*happened, ("undo", None, 0)])
    assert [sku for sku, *_ in ends(months)] == [ADV, ESS, GATEWAY]
    assert [sku for sku, *_ in ends(undone)] == [ADV, GATEWAY]


def test_what_ends_is_with_an_edit_that_is_kept() -> None:
    """Two units that a person added are billed, and no term renews them."""
    months = begun()
    months.play([("wait", None, 1), ("edit", 2, 0), ("tell", {ADV: 10, GATEWAY: 1}, 0), ("adopt", None, 0)])
    assert ends(months) == [(ADV, 12, 10, Decimal("150.00")), GATEWAY_ENDS]


def test_what_ends_of_several_subscriptions_is_shared_among_them() -> None:
    """Three of their fifteen seats are free: the money of both together is that of the twelve that are billed."""
    months = begun("included.SASE-ADV-USER=3")
    months.world.tell(1, {ADV: 5}, subscription="sub_more")
    months.work()
    found = ends(months)
    assert sorted(found) == sorted(
        [(ADV, 8, 10, Decimal("100.00")), (ADV, 4, 5, Decimal("50.00")), GATEWAY_ENDS]
    )


def test_it_only_reads_and_asks_little() -> None:
    """Five calls of Autotask, however many contracts there are in a full query; one more for the billing items."""
    months = begun()
    autotask = months.world.ports.autotask()
    writes, calls = len(months.world.transport.writes), autotask.calls
    of(months)
    assert autotask.calls - calls == 5
    what_was_posted(deployment_of(months.world), MARCH)
    assert autotask.calls - calls == 11
    ledger_since(deployment_of(months.world), MARCH)
    assert autotask.calls - calls == 16
    assert len(months.world.transport.writes) == writes


def came_later() -> Months:
    """March is posted, and from the 12th on there are four seats of a service that is new on the contract: 4 × 8.50 × 20 / 31."""
    months = begun()
    months.play([("post", None, 0), ("wait", None, 11), ("tell", {ADV: 10, ESS: 4, GATEWAY: 1}, 0)])
    return months


def test_a_service_that_came_after_posting_is_left_of_a_posted_month() -> None:
    """Nothing has to be settled first, and it is in no posting: the answer is no "posted already" without it."""
    months = came_later()
    found = of(months)
    assert (found.ready, found.posted) == (True, True)
    [left] = found.left
    assert left.line == LineKey(CONTRACT, 46)
    assert left.change == LeftChange(date(2026, 3, 12), 4, Decimal("21.94"))
    said = months.desk.run("ready", "--month", "2026-03")
    words = " ".join(said.out.split())
    assert said.status == 0
    assert "posted, but for what came since" in words
    assert f"+4 units of SASE-ESS-USER on contract {CONTRACT}" in words
    assert "about +21.94" in words
    assert "nothing is left" not in words
    [form] = months.desk.ask("ready", "--month", "2026-03")["not_posted"]
    assert (form["service_id"], form["day"], form["unit_change"]) == (46, "2026-03-12", 4)
    months.play([("post", None, 0)])
    assert of(months).left == ()
    assert "posted already" in months.desk.told("ready", "--month", "2026-03")


def test_billing_items_are_read_only_where_the_rows_show_that_something_is_left() -> None:
    """One call of Autotask more."""
    months = begun()
    autotask = months.world.ports.autotask()
    calls = []
    for play in ((), [("post", None, 0)], [("tell", {ADV: 10, ESS: 4, GATEWAY: 1}, 0)]):
        months.play(play)
        before = autotask.calls
        of(months)
        calls.append(autotask.calls - before)
    assert calls == [5, 5, 6]


def test_what_is_left_is_said_where_billing_items_may_not_be_read() -> None:
    """The rows alone show a service that is new; and it is said what could not be read."""
    months = came_later()
    months.world.control.set_switches({"denied": ["BillingItems"]})
    found = of(months)
    assert [one.change for one in found.left] == [LeftChange(date(2026, 3, 12), 4, Decimal("21.94"))]
    assert any("Billing items could not be read" in note for note in found.notes)


@settings(max_examples=20, deadline=None, suppress_health_check=[*HealthCheck])
@given(TERMS, STORIES, STORIES)
def test_what_is_left_of_a_posted_month_is_what_the_report_after_posting_says(
    terms: tuple[str, ...], story: list[tuple[str, object, int]], after: list[tuple[str, object, int]]
) -> None:
    """Over random months that go on after somebody posted: no change that waits for the next posting is left out of the answer before it."""
    months = begun(*terms)
    months.play([*story, ("post", None, 0), *after])
    found = of(months)
    posted = what_was_posted(deployment_of(months.world), MARCH)
    assert found.posted
    assert found.left == tuple(one for one in posted.not_posted if one.change)


def test_what_concerns_two_contracts_counts_once() -> None:
    """It stands on both, and is one thing to settle; and a strange id breaks nothing."""
    months = begun()
    words = "map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--sku", GATEWAY
    months.desk.told(*words, "--yes", "--from", "2026-03-02")
    months.work()
    months.tell({ADV: 11, GATEWAY: 1, "{weird}": 2}, 0)
    months.play([("wait", None, 1)])
    found = of(months)
    assert [len(period.open) for period in found.periods] == [1, 1]
    assert only(found).sku == "{weird}"


def _beginning(start: str, end: str, **more: object) -> Months:
    """The client's contract begins on a day within a month, and today is 1 March."""
    contract = {**SCENARIO["contracts"][0], "startDate": start, "endDate": end, **more}
    scenario = {**SCENARIO, "contracts": [contract, SCENARIO["contracts"][1]]}
    return Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario=scenario))


def test_what_is_open_in_two_periods_is_one_thing() -> None:
    """It is settled once: its days and money are those of both."""
    months = _beginning("2026-01-10", "2027-01-09")
    months.begin((), mapped=True)
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 2), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.work()
    found = of(months)
    assert [len(period.open) for period in found.periods] == [1, 1]
    one = only(found)
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.HELD, date(2026, 3, 3), -3, -114)
    assert (found.seats, found.at_risk) == (3, Decimal("46.87"))
    words = months.desk.run("ready", "--month", "2026-03").out
    assert "To be settled first (1)" in words
    assert words.count("awaits approval") == 1


def goes_on_after_february(terms: str = "", **contract: object) -> Months:
    """Ten seats, and on 4 March three more: the billing period of the last days of February goes on until 14 March, or as the contract says."""
    months = _beginning("2026-01-15", "2027-01-14", **contract)
    months.begin((), mapped=True)
    if terms:
        months.desk.told("policy", "set", terms, "--yes")
    months.play([("wait", None, 3)])
    return months


FEBRUARY = date(2026, 2, 1)


def of_february(months: Months) -> Ready:
    """Of the month before."""
    return may_be_posted(deployment_of(months.world), FEBRUARY)


def test_what_is_held_later_in_a_period_that_goes_on_keeps_the_month_from_a_yes() -> None:
    """Posting the month shuts the whole period, and the held seats would be billed only from the next one on."""
    months = goes_on_after_february("approve_increases=always")
    assert of_february(months).ready
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 0)])
    one = only(of_february(months))
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.HELD, date(2026, 3, 4), -3, -33)
    earlier = digest(months.world.ports, months.world.clock.now() - timedelta(days=1)).earlier
    assert earlier is not None
    assert not earlier.ready
    months.world.control.approve_and_post(CONTRACT, date(2026, 2, 28).toordinal())
    months.desk.told("reconcile")
    assert of_february(months).ready


def test_what_is_scheduled_later_in_a_quarter_keeps_its_first_month_from_a_yes() -> None:
    """It cannot be billed from its day on once the quarter is posted; once it is, nothing more is to be settled for its first month."""
    months = goes_on_after_february(startDate="2026-02-01", contractPeriodType=3)
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 16)])
    one = only(of_february(months))
    assert (one.kind, one.first, one.seats) == (WhyDiffers.SCHEDULED, date(2026, 3, 20), -3)
    words = months.desk.run("ready", "--month", "2026-02").out
    assert "57 days of its billing periods, until 2026-04-30, are still to come" in words
    months.world.control.approve_and_post(CONTRACT, date(2026, 2, 28).toordinal())
    assert of_february(months).ready


def test_a_parked_event_of_a_later_day_of_the_period_keeps_the_month_from_a_yes() -> None:
    """With what it would change until the end of the period; one of a later day does not."""
    for days, open_until_april in ((5, [-5 * 6]), (20, [])):
        months = goes_on_after_february()
        day = months.world.clock.now() + timedelta(days=days)
        months.world.tell(1, {ADV: 15, GATEWAY: 1}, effective=day, event_id="again_1")
        months.work()
        assert len([*months.world.ports.store.parked_events()]) == 1
        assert [one.seat_days for one in of_february(months).everything] == open_until_april


def test_a_sku_without_a_service_on_a_later_day_of_the_period_keeps_the_month_from_a_yes() -> None:
    """Its customer's period is shut by posting, so it counts with what the customer has there."""
    months = goes_on_after_february()
    months.play([("tell", {ADV: 10, GATEWAY: 1, "SASE-NEW": 2}, 0)])
    one = only(of_february(months))
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.UNMAPPED, date(2026, 3, 4), -2, -22)


def test_days_before_a_contract_begins_stay_and_are_said() -> None:
    """No contract bills them: as many seat-days as the ledger has."""
    contract = {**SCENARIO["contracts"][0], "startDate": "2026-03-10", "endDate": "2027-03-09", "lines": []}
    scenario = {**SCENARIO, "contracts": [contract, SCENARIO["contracts"][1]]}
    months = Months(World(start=datetime(2026, 3, 12, 8, tzinfo=UTC), scenario=scenario))
    months.world.map_customer()
    months.tell({ADV: 10}, -11)
    months.work()
    found = of(months)
    assert found.ready
    [one] = found.periods[0].stays
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.LATE, MARCH, -10, -90)
    for words in (one.message, months.desk.told("status")):
        assert "map the customer to a contract that covers them, or charge them by hand" in words
        assert "correct them in Autotask" not in words
    [month] = ledger_since(deployment_of(months.world), MARCH).months
    [entry] = month.entries
    assert dict(entry.seat_days.causes) == {WhyDiffers.LATE: 90}
    april = may_be_posted(deployment_of(months.world), date(2026, 4, 1))
    assert [stay for period in april.periods for stay in period.stays] == []


def test_what_ends_is_without_what_was_rejected() -> None:
    """Fifteen seats in Timus, and ten are billed: also what waits says ten, before the end and after it."""
    months = begun("approve_increases=always")
    months.play([("wait", None, 1), ("tell", {ADV: 15, GATEWAY: 1}, 0), ("reject", None, 0)])
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    found = of(months)
    assert [(one.units, one.each_period) for one in found.coverage if one.sku == ADV] == [
        (10, Decimal("125.00"))
    ]
    assert [one.seats for one in found.open if one.sku == ADV] == [-10]
    assert [(one.kind, one.seats) for one in found.stays] == [(WhyDiffers.REJECTED, -5)]
    months.play([("wait", None, 25)])
    found = of(months)
    assert [(one.units, one.each_period) for one in found.ended if one.sku == ADV] == [
        (10, Decimal("125.00"))
    ]
    assert [one.seats for one in found.open if one.sku == ADV] == [-10]


@pytest.mark.parametrize(
    ("until", "money"), [(date(2026, 4, 9), Decimal("37.50")), (date(2026, 5, 15), Decimal("185.48"))]
)
def test_where_only_some_days_are_billed_by_nobody_it_is_the_money_of_these(
    until: date, money: Decimal
) -> None:
    """A subscription that is cancelled some days after the contract's end: 10 × 12.50 × 9 / 30, or a month and 15 of 31 days."""
    months = begun()
    months.play([("wait", None, 1)])
    months.tell({ADV: 10, GATEWAY: 1}, 0, ends=until + timedelta(days=1))
    months.work()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-31"})
    [adv, _] = of(months).coverage
    assert (adv.until, adv.back, adv.each_period, adv.of_days) == (date(2026, 3, 31), until, None, money)
    said = months.desk.told("ready", "--month", "2026-02")
    assert f"about {money:,.2f} in all, until {until}" in said


def test_where_another_contract_goes_on_it_is_the_money_of_the_days_between() -> None:
    """Four days in April."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-31"})
    months.desk.told(
        *("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950"),
        *("--from", "2026-04-05", "--yes"),
    )
    months.work()
    adv = next(one for one in of(months).coverage if one.sku == ADV)
    assert (adv.until, adv.back, adv.of_days) == (date(2026, 3, 31), date(2026, 4, 4), Decimal("16.67"))


def test_what_waits_says_of_a_renewal_what_stands_with_what_ends() -> None:
    """Where the terms extend the contract once Timus reports the renewal, both say so, and what helps if it does not come."""
    months = begun()
    months.play([("wait", None, 1)])
    months.world.tell(5, {ADV: 10, GATEWAY: 1}, term_end=date(2026, 3, 20))
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 25)])
    found = of(months)
    [renewal] = {one.renewal for one in found.ended}
    assert "(renewal=extend); if it is not renewed, extend contract" in renewal
    words = f"Contract {CONTRACT} covers no day after 2026-03-20. {renewal}"
    assert {one.message for one in found.open} == {words}


def test_a_contract_that_begins_only_later_says_so() -> None:
    """Ten seats and a gateway are mapped to it already."""
    later = {**SCENARIO["contracts"][0], "startDate": "2026-05-01", "lines": []}
    months = Months(
        World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario={**SCENARIO, "contracts": [later]})
    )
    months.begin((), mapped=True)
    assert {one.message for one in of(months).open} == {f"Contract {CONTRACT} begins only on 2026-05-01."}


def test_what_waits_for_the_decision_about_an_edit_is_one_thing() -> None:
    """Two seats more by hand, and nine more in Timus: seven are lacking, and the same decision settles both."""
    months = begun()
    months.play([("wait", None, 1), ("edit", 2, 0)])
    months.tell({ADV: 19, GATEWAY: 1}, 0)
    months.work()
    [one] = of(months).everything
    assert (one.kind, one.seats) == (WhyDiffers.PARKED, -7)
    assert "Somebody changed the units in Autotask" in one.message
    assert "--enforce" in one.remedy


def test_an_edit_that_is_kept_stays() -> None:
    """It is billed as it is, and keeps no yes."""
    months = begun()
    months.play([("wait", None, 3), ("edit", 2, 0)])
    months.desk.told("reconcile")
    months.work()
    months.play([("adopt", None, 0)])
    found = of(months)
    assert found.ready
    [(_, one)] = found.staying
    assert (one.kind, one.first, one.seats, one.seat_days) == (WhyDiffers.KEPT, date(2026, 3, 4), 2, 56)


def test_what_timus_had_by_a_superseded_event_stays() -> None:
    """Fourteen seats from the 10th are billed when an older report comes, of twenty from the 8th: ten are on no bill for two days."""
    months = begun()
    months.world.pass_time(days=9)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=2)
    months.play([("late", {ADV: 20, GATEWAY: 1}, -4)])
    found = of(months)
    assert found.ready
    [(contract, one)] = found.staying
    assert (one.kind, one.first, one.seats, one.seat_days) == (
        WhyDiffers.SUPERSEDED,
        date(2026, 3, 8),
        -10,
        -20,
    )
    assert (contract, one.customer, one.estimate) == (CONTRACT, CUSTOMER, Decimal("-8.06"))


def test_days_before_the_first_one_that_was_chosen_stay() -> None:
    """Ten seats and a gateway since 1 March, and a client that is mapped from the 18th on: seventeen days of each."""
    months = Months()
    months.begin((), mapped=False)
    months.world.pass_time(days=17)
    months.play([("map", "today", 0)])
    found = of(months)
    assert found.ready
    assert [(one.kind, one.sku, one.first, one.seat_days) for one in found.stays] == [
        (WhyDiffers.BEFORE, ADV, MARCH, -170),
        (WhyDiffers.BEFORE, GATEWAY, MARCH, -17),
    ]
