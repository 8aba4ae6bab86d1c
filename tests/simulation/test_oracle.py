"""The oracle's own rules, where the stories do not bring them about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from tests.simulation.oracle import HEARD_SECONDS, SESSION_SECONDS, Oracle, Post, Undone
from tests.simulation.scheduler import SECOND, micros
from tests.simulation.story import GATEWAY, SERVICES, ContractPlan, Said
from tests.simulation.world import found_later, later_looks, waits_elsewhere
from timus_autotask.domain.line import Intent, Line
from timus_autotask.domain.mapping import (
    CustomerMapping,
    Ignored,
    PlanMapping,
    Route,
    Routing,
    ServiceChoice,
)
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline
from timus_autotask.store.keys import plan_key
from timus_autotask.store.partner import put_plan
from timus_autotask.store.reading import Stored

ADV, ESS = "SASE-ADV-USER", "SASE-ESS-USER"
CONTRACT, SECOND_CONTRACT, COMPANY, ANOTHER = 29683949, 29683950, 600, 699
DAY = date(2026, 3, 15)
EVE = DAY - timedelta(days=1)
NOW = datetime(2026, 3, 15, 9, tzinfo=UTC)


def a_world(terms: dict[str, str] | None = None, **more: Any) -> SimpleNamespace:
    """As much of a world as the oracle asks for here."""
    plan = ContractPlan(CONTRACT, COMPANY, date(2026, 1, 1), date(2026, 12, 31))
    clients = [
        SimpleNamespace(id=f"cus_{n}", terms={}, contract=CONTRACT, gateway_contract=None) for n in (1, 2)
    ]
    story = SimpleNamespace(
        terms=terms or {},
        contracts=[plan],
        clients=clients,
        hidden_skus=(),
        switches={},
        families=False,
        settle=900,
    )
    more.setdefault("api", SimpleNamespace(model=SimpleNamespace(find_line=lambda *_line: None)))
    return SimpleNamespace(
        scheduler=SimpleNamespace(now=micros(NOW)),
        clock=SimpleNamespace(now=lambda: NOW),
        calls=SimpleNamespace(told=None),
        zone=ZoneInfo("UTC"),
        story=story,
        **more,
    )


def mapped(world: SimpleNamespace, *customers: tuple[str, int, str]) -> Oracle:
    """An oracle that knows customers by id, the company of their mapping to the contract, and the SKU of which each has 3."""
    oracle = Oracle(cast("Any", world), own_promises=False)
    for customer, company, sku in customers:
        oracle.mapped(CustomerMapping(customer, (Routing((Route(company, CONTRACT),)),)))
        said = Said(f"sub_{customer}", customer, 1, DAY, NOW, {sku: 3})
        oracle.said(said)
        oracle.answered(said, b"", None)
    return oracle


@pytest.mark.parametrize(("others_company", "promise"), [(COMPANY, []), (ANOTHER, ["I4"])])
def test_a_line_with_seats_of_another_companys_customer_takes_no_post(
    others_company: int, promise: list[str]
) -> None:
    """It is not enough that somebody on the contract is its company's (promise I4)."""
    world = a_world()
    oracle = mapped(world, ("cus_1", COMPANY, ADV), ("cus_2", others_company, ADV))
    line = CONTRACT, SERVICES[ADV]
    oracle._check_companies(line)
    assert oracle.violations == []  # who posts may not know of it yet
    world.scheduler.now += (HEARD_SECONDS + 1) * SECOND
    oracle._check_companies(line)
    assert [one.promise for one in oracle.violations] == promise


@pytest.mark.parametrize(
    ("others_company", "others_sku", "may"),
    [(ANOTHER, ADV, True), (ANOTHER, GATEWAY, False), (COMPANY, ADV, False)],
)
def test_only_a_line_that_another_companys_customer_has_a_part_in_may_stay_parked(
    others_company: int, others_sku: str, may: bool
) -> None:
    """A customer who is mapped wrongly holds up the lines that he shares, and no other line of the contract (promise I1)."""
    oracle = mapped(a_world(), ("cus_1", COMPANY, ADV), ("cus_2", others_company, others_sku))
    assert oracle._anothers((CONTRACT, SERVICES[ADV])) is may


def billed(terms: dict[str, str], units: dict[date, int]) -> Oracle:
    """An oracle of a world whose every line has these units in Autotask."""
    by_day = {day.toordinal(): has for day, has in units.items()}
    found = SimpleNamespace(units_on=by_day.get, steps=lambda: ([*by_day], [*by_day.values()]))
    api = SimpleNamespace(model=SimpleNamespace(find_line=lambda *_: found))
    return Oracle(cast("Any", a_world(terms, api=api)))


@pytest.mark.parametrize(("terms", "promises"), [({"increases": "start-of-next-period"}, []), ({}, ["I2"])])
def test_a_day_may_be_raised_before_a_decrease_also_where_the_terms_choose_the_days(
    terms: dict[str, str], promises: list[str]
) -> None:
    """Seats end tomorrow and would be billed from next month: none of them is, and the four of before end a day earlier than thought."""
    line = CONTRACT, SERVICES[ADV]
    oracle = billed(terms, {EVE: 4, DAY: 4})
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    for number, day, ends in ((1, DAY, DAY), (2, EVE, DAY + timedelta(days=1))):
        said = Said("sub_1", "cus_1", number, day, NOW, {ADV: 31}, "canceled", ends)
        oracle.said(said)
        oracle.sent(said)
        oracle._arrived_at["sub_1", number] = 0
    oracle._committed[line].append((DAY, 4))
    oracle._really_had(line, DAY)
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(
    ("drift", "edited", "raised", "promises"),
    [
        ("adopt", DAY, 2, []),
        ("park", DAY, 2, ["I2"]),
        ("adopt", EVE, 2, ["I2"]),
        ("adopt", None, 2, ["I2"]),
        ("adopt", DAY, 1, ["I2"]),
    ],
    ids=["kept", "not kept", "of another day", "nobody's", "room enough before"],
)
def test_a_day_that_is_raised_before_a_decrease_keeps_what_a_person_put_on_it(
    drift: str, edited: date | None, raised: int, promises: list[str]
) -> None:
    """14 seats became 12 and a person's one. Then all 14 are off since the day before, and the one stays: the day has 15 for a moment."""
    line = CONTRACT, SERVICES[ADV]
    oracle = billed({"drift": drift}, {EVE: 14, DAY: 15})
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    for number, day, units in ((1, DAY, 12), (2, EVE, 0)):
        said = Said("sub_1", "cus_1", number, day, NOW, {ADV: units})
        oracle.said(said)
        oracle.sent(said)
    if edited is not None:
        oracle.edited_before(*line, edited, 1)
    oracle._committed[line].append((DAY, raised))
    oracle._really_had(line, DAY)
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(
    ("terms", "news_on", "promises"),
    [
        ({"decreases": "start-of-period"}, date(2026, 3, 31), []),
        ({"decreases": "start-of-period"}, date(2026, 4, 1), ["undo"]),
        ({"decreases": "start-of-period"}, None, ["undo"]),
        ({"increases": "start-of-period"}, date(2026, 3, 31), ["undo"]),
        ({}, date(2026, 3, 31), ["undo"]),
        ({}, DAY, []),
    ],
)
@pytest.mark.parametrize("ends", [False, True])
def test_an_undo_ends_on_the_day_from_which_the_terms_bill_what_is_new(
    terms: dict[str, str], news_on: date | None, promises: list[str], ends: bool
) -> None:
    """Four seats that were taken off are back by an undo of it. Timus takes them off later in the period, or reports their end then."""
    line = CONTRACT, SERVICES[ADV]
    oracle = Oracle(cast("Any", a_world(terms)), own_promises=False)
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    said = [Said("sub_1", "cus_1", 1, DAY, NOW, {ADV: 4})]
    if news_on and ends:
        said.append(Said("sub_1", "cus_1", 2, DAY, NOW, {ADV: 4}, "active", news_on))
    elif news_on:
        said.append(Said("sub_1", "cus_1", 2, news_on, NOW, {ADV: 0}))
    for one in said:
        oracle.said(one)
    undone = Undone("undo", line, DAY, 4, instead_of=4, units=4, known={"sub_1": 1}, others=())
    oracle._undos[line].append(undone)
    oracle._committed[line] += [(DAY, 4), (DAY, -4), (DAY, 4)]
    oracle._stays_undone(undone, Post(line, None, DAY, -4))
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(("stored", "order"), [(False, [2, 1]), (True, [1, 2])])
def test_a_version_arrives_when_it_is_stored_whatever_was_answered(stored: bool, order: list[int]) -> None:
    """Its first delivery failed; a newer version is stored before it comes again. Whether it came too late is told by the table alone."""
    names = ["INBOX#sub_1-v1~0a"] if stored else []
    oracle = Oracle(cast("Any", a_world(memory=SimpleNamespace(_sort_keys={"CUSTOMER#cus_1": names}))))
    one, two = (Said("sub_1", "cus_1", n, DAY, NOW, {ADV: 3 + n}) for n in (1, 2))
    for said, status in ((one, 503), (two, 202), (one, 202)):
        oracle.said(said)
        if status == 202:
            names.append(f"INBOX#sub_1-v{said.number}~0a")
        oracle.answered(said, b"", status)
    assert oracle._arrived == [("sub_1", number) for number in order]
    late = frozenset({("sub_1", 1)})
    assert (late in oracle._variants(["sub_1"])) is not stored
    assert oracle.violations == []


SUB, OTHER_PART = "sub_1", "sub_1 of cus_2"


def heard(*versions: tuple[str, int, int]) -> Oracle:
    """An oracle that was told of a subscription's versions: customer, number, day of March."""
    oracle = Oracle(cast("Any", a_world()), own_promises=False)
    for customer, number, day in versions:
        said = Said(SUB, customer, number, date(2026, 3, day), NOW, {ADV: 3})
        oracle.said(said)
        oracle.sent(said)
        oracle.answered(said, b"", None)
    return oracle


def days_of(oracle: Oracle) -> dict[str, list[tuple[int, int]]]:
    """By part: (number, day of March) of each version that counts."""
    return {part: [(one.number, one.day.day) for one in said] for part, said in oracle.history.items()}


@pytest.mark.parametrize(("waited", "known"), [(HEARD_SECONDS - 1, False), (HEARD_SECONDS + 1, True)])
def test_what_a_line_has_from_before_counts_only_once_the_news_that_reach_back_may_be_known(
    waited: int, known: bool
) -> None:
    """One subscription has the plan since today, another one, which a person has just brought here, since yesterday (promise I7)."""
    world = a_world()
    oracle = mapped(world, ("cus_1", COMPANY, ADV))
    world.scheduler.now += (HEARD_SECONDS + 1) * SECOND
    brought = Said("sub_another", "cus_1", 1, EVE, NOW, {ADV: 2})
    oracle.said(brought)
    oracle.answered(brought, b"", None)
    line = CONTRACT, SERVICES[ADV]
    world.scheduler.now += waited * SECOND
    heard = world.scheduler.now - HEARD_SECONDS * SECOND
    assert oracle._is_known(line, EVE, heard) is known
    assert oracle._is_known(line, DAY, heard)


def test_what_lands_may_have_been_decided_before_each_of_the_versions_that_came_lately() -> None:
    """Two versions came in the last minutes: both, only the later one or none may have been unknown, and never only the earlier one."""
    world = a_world()
    oracle = Oracle(cast("Any", world), own_promises=False)
    for number in (1, 2, 3):
        said = Said("sub_1", "cus_1", number, DAY, NOW, {ADV: number})
        oracle.said(said)
        oracle.answered(said, b"", None)
        world.scheduler.now += (SESSION_SECONDS + 901 if number == 1 else 60) * SECOND
    first, second, third = (("sub_1", number) for number in (1, 2, 3))
    unknown = oracle._unknown_by_then(["sub_1"])
    assert {*unknown} == {frozenset(), frozenset({third}), frozenset({second, third})}
    assert all(first not in one for one in unknown)


@pytest.mark.parametrize(("units", "known"), [(3, 1), (4, 0)])
def test_a_new_count_that_says_what_holds_is_known_as_what_it_repeats(units: int, known: int) -> None:
    """It is merged under its own number, as an older version; one that says something else waits for a person."""
    oracle = Oracle(cast("Any", a_world()), own_promises=False)
    first = Said("sub_1", "cus_1", 1, DAY, NOW, {ADV: 3}, counted=41)
    oracle.said(first)
    oracle.said(replace(first, number=2, items={ADV: units}, counted=1, anew=True))
    assert oracle._known("sub_1", 1) == known
    assert oracle._known("sub_1", 41) == 1


def test_what_says_another_customer_counts_for_nobody_until_a_person_confirms_it() -> None:
    """The one who is known keeps the subscription (decision 0035)."""
    oracle = heard(("cus_1", 1, 1), ("cus_2", 2, 5), ("cus_2", 3, 7))
    assert days_of(oracle) == {SUB: [(1, 1)]}
    assert [one.number for one in oracle.owners.waiting(SUB)] == [2, 3]


def test_a_subscription_that_goes_to_another_customer_ends_on_the_day_on_which_it_begins_there() -> None:
    """No day is owed by both, and none by neither; what is dated back further holds from that day on."""
    oracle = heard(("cus_1", 1, 1), ("cus_2", 2, 5), ("cus_2", 3, 4))
    oracle.goes(SUB, 2)
    assert days_of(oracle) == {SUB: [(1, 1), (2, 5)], OTHER_PART: [(2, 5), (3, 5)]}
    units = [[oracle._units(part, ADV, date(2026, 3, day)) for part in (SUB, OTHER_PART)] for day in (4, 5)]
    assert units == [[3, 0], [0, 3]]
    assert oracle.owners.waiting(SUB) == []


def test_what_was_said_of_another_customer_before_the_version_that_a_person_confirms_counts_for_nobody() -> (
    None
):
    """Its days would be owed by both."""
    oracle = heard(("cus_1", 1, 1), ("cus_2", 2, 5), ("cus_2", 3, 7))
    oracle.goes(SUB, 3)
    assert days_of(oracle) == {SUB: [(1, 1), (3, 7)], OTHER_PART: [(3, 7)]}


def test_a_subscription_comes_back_no_earlier_than_it_went() -> None:
    """What the former customer is said to have meanwhile waits for a person, too."""
    oracle = heard(("cus_1", 1, 1), ("cus_2", 2, 5))
    oracle.goes(SUB, 2)
    oracle.said(Said(SUB, "cus_1", 3, date(2026, 3, 2), NOW, {ADV: 4}))
    assert [one.number for one in oracle.owners.waiting(SUB)] == [3]
    oracle.goes(SUB, 3)
    assert days_of(oracle) == {SUB: [(1, 1), (2, 5), (3, 5)], OTHER_PART: [(2, 5), (3, 5)]}
    assert oracle._units(SUB, ADV, date(2026, 3, 5)) == 4


def test_the_customer_under_whom_it_is_seen_first_has_it() -> None:
    """Where the former one's events come only afterwards."""
    oracle = heard(("cus_1", 1, 1), ("cus_2", 2, 5))
    oracle.first_seen(SUB, "cus_2")
    assert days_of(oracle) == {OTHER_PART: [(2, 5)]}
    assert [one.number for one in oracle.owners.waiting(SUB)] == [1]


def a_gateway_elsewhere(units: int, gateways: int, *versions: tuple[str, dict[str, int]]) -> Oracle:
    """An oracle of a client whose gateways are on a second contract: Essentials had 5 and were brought to so many, the gateway has so many."""
    has = {
        (CONTRACT, SERVICES[ESS]): {EVE: 5, DAY: units},
        (SECOND_CONTRACT, SERVICES[GATEWAY]): {DAY: gateways},
    }

    def find_line(contract: int, service: int) -> SimpleNamespace:
        by_day = {day.toordinal(): n for day, n in has.get((contract, service), {DAY: 0}).items()}
        return SimpleNamespace(units_on=lambda day: by_day.get(day, 0), steps=lambda: ([*by_day], []))

    world = a_world(api=SimpleNamespace(model=SimpleNamespace(find_line=find_line)))
    first = world.story.contracts[0]
    world.story.contracts.append(ContractPlan(SECOND_CONTRACT, COMPANY, first.start, first.end))
    oracle = Oracle(cast("Any", world), own_promises=False)
    routes = Route(COMPANY, CONTRACT), Route(COMPANY, SECOND_CONTRACT, GATEWAY)
    oracle.mapped(CustomerMapping("cus_1", (Routing(routes),)))
    for number, (sub, items) in enumerate(versions, 1):
        said = Said(sub, "cus_1", number, DAY, NOW, items)
        oracle.said(said)
        oracle.sent(said)
        oracle.answered(said, b"", None)
    oracle._committed[CONTRACT, SERVICES[ESS]].append((DAY, units - 5))
    return oracle


MOVED = ("sub_1", {ESS: 5, GATEWAY: 4}), ("sub_2", {GATEWAY: 1}), ("sub_1", {ESS: 9})
"""Four gateways go as four Essentials come, and another subscription has one gateway on the same line."""


@pytest.mark.parametrize(
    ("units", "gateways", "versions", "promises"),
    [
        (7, 3, MOVED, []),
        (8, 3, MOVED, ["I2"]),
        (6, 3, MOVED, ["I2"]),
        (7, 1, MOVED, ["I2"]),
        (
            7,
            3,
            (("sub_1", {ESS: 5}), ("sub_2", {GATEWAY: 4}), ("sub_1", {ESS: 9}), ("sub_2", {GATEWAY: 1})),
            ["I2"],
        ),
        (18, 3, (*MOVED[:2], ("sub_1", {ESS: 20})), ["I2"]),
        (7, 3, (("sub_1", {GATEWAY: 4}), MOVED[1], ("sub_1", {ESS: 9})), ["I2"]),
        (7, 7, (*MOVED[:2], ("sub_1", {ESS: 9, GATEWAY: 4})), ["I2"]),
    ],
    ids=[
        "as many wait as are too many",
        "fewer wait",
        "more wait",
        "none is too many",
        "another subscription's",
        "an add-on by its numbers",
        "never both at once",
        "not left",
    ],
)
def test_seats_wait_for_those_that_are_still_billed_on_another_contract(
    units: int, gateways: int, versions: tuple[tuple[str, dict[str, int]], ...], promises: list[str]
) -> None:
    """The gateway's day takes no more adjustments, and has two too many. So two of the four Essentials wait: 7 of 9 are billed."""
    oracle = a_gateway_elsewhere(units, gateways, *versions)
    oracle._really_had((CONTRACT, SERVICES[ESS]), DAY)
    assert [one.promise for one in oracle.violations] == promises


APART = ("sub_1", {GATEWAY: 4}), ("sub_2", {GATEWAY: 1}), ("sub_1", {ESS: 9})
"""The same, where the subscription never had both."""


@pytest.mark.parametrize(
    ("gateways", "versions", "lacking", "promises"),
    [
        (3, MOVED, 2, []),
        (3, MOVED, 3, ["held"]),
        (1, MOVED, 1, ["held"]),
        (3, APART, 11, []),
        (3, APART, 12, ["held"]),
    ],
)
def test_no_more_seats_wait_than_the_plan_that_they_leave_has_too_many(
    gateways: int, versions: tuple[tuple[str, dict[str, int]], ...], lacking: int, promises: list[str]
) -> None:
    """One gateway of so many should be left: the others may keep back as many, and all nine of a plan that changed as a whole."""
    oracle = a_gateway_elsewhere(0, gateways, *versions)
    oracle._committed.clear()
    oracle._waits_for_no_more((CONTRACT, SERVICES[ESS]), lacking)
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(("by_hand", "promises"), [(1, ["I2"]), (2, ["I2"]), (0, [])])
def test_what_a_person_put_on_another_contract_holds_no_seat_back(by_hand: int, promises: list[str]) -> None:
    """Of the two gateways too many, so many are a person's."""
    oracle = a_gateway_elsewhere(7, 3, *MOVED)
    if by_hand:
        oracle.edited_before(SECOND_CONTRACT, SERVICES[GATEWAY], DAY, by_hand)
    oracle._really_had((CONTRACT, SERVICES[ESS]), DAY)
    assert [one.promise for one in oracle.violations] == promises


@pytest.mark.parametrize(
    ("unclear", "units", "promises"),
    [(EVE, 25, []), (EVE, 26, ["I2"]), (DAY, 25, ["I2"]), (None, 25, ["I2"])],
    ids=["what its day has", "one more", "a change of another day", "no change is unclear"],
)
def test_what_a_person_keeps_of_an_unclear_change_is_what_its_own_day_has(
    unclear: date | None, units: int, promises: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eve has 24 where Timus says 20, today has 20. Both are kept, and Timus says one more since."""
    has = {EVE.toordinal(): 24, DAY.toordinal(): 20}
    found = SimpleNamespace(units_on=lambda day: has.get(day, 0), steps=lambda: ([*has], []))
    api = SimpleNamespace(model=SimpleNamespace(find_line=lambda *_: found))
    world = a_world(api=api, memory=SimpleNamespace(_sort_keys={}))
    oracle, line = Oracle(cast("Any", world), own_promises=False), (CONTRACT, SERVICES[ESS])
    intent = SimpleNamespace(day=unclear) if unclear else None
    record = SimpleNamespace(intent=intent, choice=None)
    monkeypatch.setattr(oracle, "_record", lambda _: record)
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    for number, (day, seats) in enumerate(((EVE, 20), (DAY, 21)), 1):
        if day == DAY:
            oracle.chose(*line, "adopt")
        said = Said("sub_1", "cus_1", number, day, NOW, {ESS: seats})
        oracle.said(said)
        oracle.sent(said)
        oracle.answered(said, b"", None)
    has[DAY.toordinal()] = units
    oracle._committed[line].append((DAY, units - 20))
    oracle._really_had(line, DAY)
    assert [one.promise for one in oracle.violations] == promises


PRO = "SASE-PRO-USER"
CHAIN = ("sub_1", {PRO: 13}), ("sub_2", {ESS: 13}), ("sub_1", {ESS: 13}), ("sub_2", {ADV: 18})
"""One leaves Professional for Essentials, which another one leaves for Advanced."""


@pytest.mark.parametrize(
    ("pro", "ess", "adv", "versions", "promises"),
    [
        (13, 13, 5, CHAIN, []),
        (13, 13, 6, CHAIN, ["I2"]),
        (0, 13, 5, CHAIN, ["I2"]),
        (13, 13, 5, (("sub_3", {PRO: 13}), *CHAIN[1:2], ("sub_1", {ESS: 13}), CHAIN[3]), ["I2"]),
        (13, 0, 5, (CHAIN[0], CHAIN[1], ("sub_2", {ADV: 18})), ["I2"]),
    ],
    ids=["as many as Timus", "one more", "none is too many", "no move", "nobody comes after them"],
)
def test_seats_wait_for_those_that_come_after_them_from_a_third_plan(
    pro: int, ess: int, adv: int, versions: tuple[tuple[str, dict[str, int]], ...], promises: list[str]
) -> None:
    """Professional keeps 13 until tomorrow, since its day takes no more. So five of 18 go up: 31 are billed, as many as Timus has."""
    has = {SERVICES[PRO]: pro, SERVICES[ESS]: ess, SERVICES[ADV]: adv}

    def find_line(_: int, service: int) -> SimpleNamespace:
        units = has.get(service, 0)
        return SimpleNamespace(
            units_on=lambda on: units if on >= DAY.toordinal() else 0, steps=lambda: ([DAY.toordinal()], [])
        )

    api, memory = SimpleNamespace(model=SimpleNamespace(find_line=find_line)), SimpleNamespace(_sort_keys={})
    oracle = Oracle(cast("Any", a_world(api=api, memory=memory)), own_promises=False)
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    for number, (sub, items) in enumerate(versions, 1):
        said = Said(sub, "cus_1", number, DAY, NOW, items)
        oracle.said(said)
        oracle.sent(said)
        oracle.answered(said, b"", None)
    oracle._committed[CONTRACT, SERVICES[ADV]].append((DAY, adv))
    oracle._really_had((CONTRACT, SERVICES[ADV]), DAY)
    assert [one.promise for one in oracle.violations] == promises


WAITING = PlanMapping(GATEWAY)
FOUND = PlanMapping(GATEWAY, (ServiceChoice(47),), matched=True)
SOON = int((NOW + timedelta(seconds=10)).timestamp())


@pytest.mark.parametrize(
    ("plan", "due_at", "later"),
    [
        (WAITING, SOON, True),
        (WAITING, int(NOW.timestamp()), False),  # the preview counts on what is found now
        (WAITING, None, False),
        (FOUND, SOON, False),  # known, and its contracts are told
        (replace(WAITING, ignored=Ignored("free", "a person", NOW)), SOON, False),
    ],
)
def test_a_service_that_is_looked_for_only_after_a_preview_may_come_in_between(
    plan: PlanMapping, due_at: int | None, later: bool
) -> None:
    """What was to be looked for at once is no such case: the preview must have it."""
    looks = later_looks([Stored(plan, 1, due_at)], NOW)
    assert looks == (frozenset({plan_key(GATEWAY)}) if later else frozenset())


@pytest.mark.parametrize(
    ("stored", "between"),
    [
        (FOUND, True),
        (WAITING, False),  # looked for in vain
        (replace(FOUND, sku=ADV), False),  # another one, on which the preview counts
    ],
)
def test_only_a_service_that_is_found_comes_in_between(stored: PlanMapping, between: bool) -> None:
    """Nothing else that is stored about services excuses that more was posted than was shown."""
    assert found_later({plan_key(GATEWAY)}, [put_plan(stored, 1)]) == between


@pytest.mark.parametrize(
    ("code", "elsewhere", "waits"),
    [
        ("waits-for-decrease", SECOND_CONTRACT, True),
        ("waits-for-decrease", CONTRACT, False),
        ("waits-for-decrease", None, False),
        ("refused", SECOND_CONTRACT, False),
    ],
    ids=["settles there", "settles here", "nothing settles", "waits for nobody"],
)
def test_what_a_preview_has_shown_may_come_once_another_contract_has_settled(
    code: str, elsewhere: int | None, waits: bool
) -> None:
    """Only while a line waits for a decrease, and only while something settles on another contract, or is still to be looked at there."""
    parked = Line(CONTRACT, SERVICES[ADV], parked=Parked(code, {}))
    intent = Intent("i", DAY, 1, Timeline(), NOW, NOW)
    open_one = [Line(elsewhere, SERVICES[ESS], intent=intent)] if elsewhere else []
    assert waits_elsewhere(CONTRACT, [parked, *open_one]) is waits
    assert waits_elsewhere(CONTRACT, [parked, *open_one], [CONTRACT]) is waits
    assert waits_elsewhere(CONTRACT, [parked], [CONTRACT, SECOND_CONTRACT]) is (code != "refused")


@pytest.mark.parametrize(
    ("terms", "put_back", "end", "promises"),
    [
        ({}, False, date(2026, 12, 31), ["term"]),
        ({}, False, date(2027, 12, 31), []),
        ({"excluded": (ADV,)}, True, date(2026, 12, 31), ["term"]),
        ({"excluded": (ADV,)}, True, date(2027, 12, 31), []),
        ({"excluded": (ADV,)}, False, date(2026, 12, 31), []),
        ({}, False, date(2026, 12, 30), ["term", "term"]),
    ],
    ids=["billed", "extended", "put back", "put back and extended", "an edit only", "shortened"],
)
def test_a_contract_lasts_as_long_as_a_renewed_term_of_what_it_is_to_bill(
    terms: dict[str, Any], put_back: bool, end: date, promises: list[str]
) -> None:
    """Seats that the terms bill, or an undo has put back, are billed to the end of the term. For what only an edit has left nothing is extended."""
    line = CONTRACT, SERVICES[ADV]
    known = SimpleNamespace(value=SimpleNamespace(parked=None))
    model = SimpleNamespace(
        find_line=lambda *_: SimpleNamespace(units_on=lambda _: 3),
        contracts={CONTRACT: SimpleNamespace(end=end.toordinal())},
    )
    world = a_world(
        terms,
        api=SimpleNamespace(model=model),
        store=SimpleNamespace(contract=lambda _: SimpleNamespace(lines={line[1]: known})),
        poison=None,
        curse=None,
    )
    oracle = Oracle(cast("Any", world))
    oracle.mapped(CustomerMapping("cus_1", (Routing((Route(COMPANY, CONTRACT),)),)))
    renewed = date(2027, 12, 31)
    oracle.said(Said("sub_1", "cus_1", 1, DAY, NOW, {ADV: 3}, term_end=renewed, renews=True))
    oracle._arrived.append(("sub_1", 1))
    if put_back:
        undone = Undone("undo", line, DAY, 3, instead_of=0, units=3, known={"sub_1": 1}, others=())
        oracle._undos[line].append(undone)
    oracle._terms_of_contracts()
    assert [one.promise for one in oracle.violations] == promises
