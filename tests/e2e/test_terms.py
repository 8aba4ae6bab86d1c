"""The partner's terms and what Autotask refuses, on the running stack, with real days.

Most contracts began on 31 January 2024 and are billed monthly: their periods begin on 31 January, 29 February, 31 March, 30 April.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.deployed import ADV, ESS, GATEWAY, MIDNIGHT, SECOND, SERVICES, Client, Deployed, day
from tests.e2e.lives import Life, Lives, Story, gather
from timus_autotask.domain.days import local_midnight
from timus_autotask.domain.line import State
from timus_autotask.watch.remedy import remedy_of, ways

pytestmark = pytest.mark.emulator

BEGAN, FEB_10, LEAP_DAY, MAR_1 = date(2024, 1, 31), date(2024, 2, 10), date(2024, 2, 29), date(2024, 3, 1)
MAR_15, MAR_30, MAR_31, APR_29 = date(2024, 3, 15), date(2024, 3, 30), date(2024, 3, 31), date(2024, 4, 29)

STORIES: list[Story] = []
story = gather(STORIES)


def began(client: Client) -> None:
    """Timus and Autotask agree since the contract began."""
    client.tell(1, {ADV: 25, GATEWAY: 1}, on=BEGAN)


# -- The effective day


def effective_day(orders: str, *changes: tuple[int, date], posts: list[tuple[int, date]], name: str) -> None:
    """A story of changes under terms on their days: (seats, day) → (units, day)."""

    def life(client: Client) -> Life:
        client.terms(*orders.split())
        began(client)
        for version, (units, on) in enumerate(changes, 2):
            client.tell(version, {ADV: units, GATEWAY: 1}, on=on)
        yield
        assert client.posts() == [(ADV, units, on) for units, on in posts]

    life.__name__ = name
    STORIES.append(life)


effective_day(
    "increases=day-of-change decreases=day-of-change",
    (28, FEB_10),
    (24, LEAP_DAY),
    posts=[(3, FEB_10), (-4, LEAP_DAY)],
    name="both_directions_from_their_own_day",
)
effective_day(
    "increases=start-of-period", (28, MAR_15), posts=[(3, LEAP_DAY)], name="more_from_the_start_of_the_period"
)
effective_day(
    "decreases=start-of-period",
    (20, MAR_15),
    posts=[(-5, LEAP_DAY)],
    name="fewer_from_the_start_of_the_period",
)
effective_day(
    "increases=start-of-next-period",
    (28, FEB_10),
    (30, LEAP_DAY),
    posts=[(5, LEAP_DAY)],
    name="more_from_the_next_period_and_on_its_first_day_at_once",
)
effective_day(
    "decreases=start-of-next-period",
    (20, FEB_10),
    (27, date(2024, 2, 15)),
    (22, date(2024, 2, 20)),
    posts=[(2, date(2024, 2, 15)), (-5, LEAP_DAY)],
    name="fewer_from_the_next_period_netted_with_what_came_meanwhile",
)
effective_day(
    "increases=start-of-period decreases=start-of-next-period",
    (28, MAR_15),
    (20, date(2024, 3, 20)),
    posts=[(3, LEAP_DAY), (-8, MAR_31)],
    name="each_direction_by_its_own_rule",
)


@story
def a_second_change_of_a_day(client: Client) -> Life:
    """A line that has an adjustment of ours on the day takes the next one on the next day that is free."""
    began(client)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
    yield
    client.tell(3, {ADV: 30, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts() == [(ADV, 3, LEAP_DAY), (ADV, 2, MAR_1)]


@story
def a_second_change_of_a_day_attempted(client: Client) -> Life:
    """Where Autotask is wrongly said to sum, it is tried once, and the next free day takes it after all."""
    client.terms("same_day=attempt")
    began(client)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
    yield
    client.tell(3, {ADV: 30, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts() == [(ADV, 3, LEAP_DAY), (ADV, 2, LEAP_DAY), (ADV, 2, MAR_1)]
    assert client.posts("committed") == [(ADV, 3, LEAP_DAY), (ADV, 2, MAR_1)]


# -- Approval, limits, pause


@story
def a_decrease_waits_for_a_persons_word(client: Client) -> Life:
    """What is held is shown with its plan; time does not let it go, and an approval posts it on its own day."""
    client.terms("approve_decreases=always")
    began(client)
    client.tell(2, {ADV: 20, GATEWAY: 2}, on=LEAP_DAY)
    yield
    assert client.posts() == [(GATEWAY, 1, LEAP_DAY)]
    assert client.reason(ADV) == "held-for-approval"
    assert client.line(ADV).scheduled == ((LEAP_DAY, -5),)
    client.comes_due(client.contract)
    client.deployed.stack.invoke("Sweep")
    assert client.reason(ADV) == "held-for-approval"
    client.approve(ADV)
    yield
    assert client.posts()[1:] == [(ADV, -5, LEAP_DAY)]


@story
def an_increase_above_a_size_waits(client: Client) -> Life:
    """Ten more seats go at once, eleven need a word."""
    client.terms("approve_increases.above_units=10")
    began(client)
    client.tell(2, {ADV: 35, GATEWAY: 1}, on=LEAP_DAY)
    client.tell(3, {ADV: 46, GATEWAY: 1}, on=MAR_1)
    yield
    assert client.posts() == [(ADV, 10, LEAP_DAY)]
    assert client.reason(ADV) == "held-for-approval"
    client.approve(ADV)
    yield
    assert client.posts() == [(ADV, 10, LEAP_DAY), (ADV, 11, MAR_1)]


@story
def a_decrease_above_a_share_waits(client: Client) -> Life:
    """A fifth of the line may go at once; more than that of what is left may not."""
    client.terms("approve_decreases.above_percent=20")
    began(client)
    client.tell(2, {ADV: 20, GATEWAY: 1}, on=LEAP_DAY)
    client.tell(3, {ADV: 15, GATEWAY: 1}, on=MAR_1)
    yield
    assert client.posts() == [(ADV, -5, LEAP_DAY)]
    assert client.reason(ADV) == "held-for-approval"
    client.approve(ADV)
    yield
    assert client.posts() == [(ADV, -5, LEAP_DAY), (ADV, -5, MAR_1)]


@story
def the_largest_change_of_a_line(client: Client) -> Life:
    """Beyond the limit a change is held, up or down."""
    client.terms("line_limit=10")
    began(client)
    client.tell(2, {ADV: 14, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts() == []
    assert client.reason(ADV) == "held-over-limit"
    client.approve(ADV)
    yield
    assert client.posts() == [(ADV, -11, LEAP_DAY)]


@story
def the_most_units_of_a_customer_in_a_day(client: Client) -> Life:
    """What would bring the units that change today over the limit is held, also when it is looked at again."""
    client.terms("customer_day_limit=10")
    began(client)
    client.tell(2, {ADV: 33, GATEWAY: 4}, on=LEAP_DAY)
    yield
    assert client.posts() == [(ADV, 8, LEAP_DAY)]
    assert client.reason(GATEWAY) == "held-over-day-limit"
    client.approve(GATEWAY)
    yield
    assert client.posts() == [(ADV, 8, LEAP_DAY), (GATEWAY, 3, LEAP_DAY)]


@story
def one_customer_paused(client: Client) -> Life:
    """Events are taken in as ever; what waited is posted on its own day after the pause."""
    began(client)
    client.deployed.command("pause", "--customer", client.customer)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts() == []
    assert client.reason(ADV) == "paused"
    client.deployed.command("resume", "--customer", client.customer)
    yield
    assert client.posts() == [(ADV, 3, LEAP_DAY)]


# -- Periods that are approved and posted


def posted_until_march_30(client: Client, *orders: str) -> None:
    """Somebody has approved and posted two periods; afterwards a change of the second one comes in."""
    client.terms(*orders)
    began(client)
    assert client.post_through(MAR_30)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=MAR_15)


@story
def a_posted_period_moves_a_change_to_the_next_open_day(client: Client) -> Life:
    """By default what was posted stays untouched; the first day of the next period takes the change."""
    posted_until_march_30(client, "posted_period=next-open-day")
    yield
    assert client.posts() == [(ADV, 3, MAR_31)]
    assert client.post_through(APR_29) == [(ADV, 28, MAR_31), (GATEWAY, 1, MAR_31)]


@story
def a_posted_period_takes_a_change_on_its_day(client: Client) -> Life:
    """By setting; Autotask bills it with the next posting, as a line of its own."""
    posted_until_march_30(client, "posted_period=same-day")
    yield
    assert client.posts() == [(ADV, 3, MAR_15)]
    assert client.post_through(APR_29) == [(ADV, 3, MAR_15), (ADV, 28, MAR_31), (GATEWAY, 1, MAR_31)]


@story
def a_posted_period_holds_a_change(client: Client) -> Life:
    """By setting, a person decides."""
    posted_until_march_30(client, "posted_period=hold")
    yield
    assert client.posts() == []
    assert client.reason(ADV) == "held-posted-period"
    client.approve(ADV)
    yield
    assert client.posts() == [(ADV, 3, MAR_15)]


# -- Units


@story
def free_units_a_minimum_and_a_sku_that_is_not_billed(client: Client) -> Life:
    """The minimum is of all subscriptions together, and holds while there is any unit."""
    client.terms(f"included.{GATEWAY}=1", f"minimum.{ADV}=10", f"excluded={ESS}")
    client.tell(1, {ADV: 4, GATEWAY: 3, ESS: 7}, on=LEAP_DAY)
    client.tell(1, {ADV: 3}, on=MAR_1, subscription=f"sub_{client.number}_b")
    client.tell(2, {ADV: 9, GATEWAY: 1}, on=MAR_15)
    client.tell(3, {}, on=MAR_31)
    client.tell(2, {}, on=MAR_31, subscription=f"sub_{client.number}_b")
    yield
    assert client.posts() == [
        (ADV, -15, LEAP_DAY),
        (GATEWAY, 1, LEAP_DAY),
        (GATEWAY, -2, MAR_15),
        (ADV, 2, MAR_15),
        (ADV, -12, MAR_31),
    ]


# -- Somebody changed the units in Autotask


def edited(client: Client, *orders: str) -> Life:
    """Five seats are added by hand on the leap day, then Timus says 28 from 1 March on."""
    client.terms(*(orders or ("drift=park",)))
    began(client)
    yield
    client.adjusted_by_hand(ADV, LEAP_DAY, 5)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=MAR_1)
    yield


@story
def drift_is_parked_and_adopted_by_a_person(client: Client) -> Life:
    """Both numbers are shown; adopted, the difference stays on top of what Timus says."""
    yield from edited(client)
    parked = client.line(ADV).parked
    assert client.posts() == []
    assert parked is not None
    assert "we left 25, Autotask has 30, Timus says 28" in parked.message
    enforce, adopt = ways(remedy_of(parked))
    assert enforce.startswith("To have what Timus says from its own day on")
    assert enforce.endswith(f"timus-autotask drift {client.contract} 45 --enforce")
    assert adopt == f"timus-autotask drift {client.contract} 45 --adopt"
    client.deployed.command("drift", str(client.contract), "45", "--adopt")
    yield
    assert client.posts() == [(ADV, 3, MAR_1)]
    assert client.units(ADV, MAR_1) == 33


@story
def drift_is_parked_and_enforced_by_a_person(client: Client) -> Life:
    """The line is brought back from the next day that is free on."""
    yield from edited(client)
    client.deployed.command("drift", str(client.contract), "45", "--enforce")
    yield
    assert client.posts("committed") == [(ADV, -2, MAR_1)]
    assert [client.units(ADV, d) for d in (LEAP_DAY, MAR_1)] == [30, 28]


@story
def drift_is_adopted_by_the_terms(client: Client) -> Life:
    """The difference stays on top, without a person's word."""
    yield from edited(client, "drift=adopt")
    assert client.posts() == [(ADV, 3, MAR_1)]
    assert client.units(ADV, MAR_1) == 33


@story
def drift_is_enforced_by_the_terms(client: Client) -> Life:
    """The line is brought back, without a person's word."""
    yield from edited(client, "drift=enforce")
    assert client.posts("committed") == [(ADV, -2, MAR_1)]


# -- Contracts


@story
def a_sku_goes_to_another_contract(client: Client) -> Life:
    """From its day on: down here, up there."""
    began(client)
    yield
    second = SECOND + client.number
    client.map("--sku", GATEWAY, "--from", LEAP_DAY.isoformat(), contract=second)
    client.tell(2, {ADV: 26, GATEWAY: 2}, on=MAR_1)
    yield
    assert client.posts() == [(GATEWAY, -1, LEAP_DAY), (ADV, 1, MAR_1)]
    assert client.posts(contract=second) == [(GATEWAY, 1, LEAP_DAY), (GATEWAY, 1, MAR_1)]


@story
def seats_are_split_over_two_contracts(client: Client) -> Life:
    """Four units go to the branch, the rest stays; the rest goes first when there are fewer."""
    began(client)
    yield
    second = SECOND + client.number
    client.map("--sku", ADV, "--units", "4", "--from", LEAP_DAY.isoformat(), contract=second)
    client.tell(2, {ADV: 3, GATEWAY: 1}, on=MAR_1)
    yield
    assert client.posts() == [(ADV, -4, LEAP_DAY), (ADV, -21, MAR_1)]
    assert client.posts(contract=second) == [(ADV, 4, LEAP_DAY), (ADV, -1, MAR_1)]


@story
def opened_for_a_customer_who_has_none(client: Client) -> Life:
    """By the terms: its name, period, billing day and length; its units are billed from the first day on."""
    client.terms(
        "open_contracts=yes",
        "contract_name=SASE of {customer}",
        "contract_months=3",
        "contract_billing_day=15",
        "contract_length=36",
    )
    client.deployed.command("map", "customer", client.customer, "--company", str(client.company))
    client.tell(1, {ADV: 10}, on=LEAP_DAY)
    yield
    client.deployed.eventually(lambda: new_contract(client) is not None, sweep=True)
    client.rests(sweep=True)
    new = new_contract(client)
    assert new is not None
    assert client.posts(contract=new) == [(ADV, 10, LEAP_DAY)]
    opened = client.in_autotask(new)
    assert (opened["startDate"], opened["endDate"]) == ("2024-02-15", "2027-02-14")
    assert (opened["contractName"], opened["contractPeriodType"]) == (f"SASE of Client {client.number}", 3)


# -- Prices


def prices(client: Client) -> list[Any]:
    """The unit prices that were sent, None where none was."""
    adjustments = client.deployed.autotask("GET", "adjustments")
    return [
        one["sent"].get("adjustedUnitPrice") for one in adjustments if one["contractID"] == client.contract
    ]


@story
def a_price_is_sent_only_where_it_is_set_on_purpose(client: Client) -> Life:
    """It goes with the adjustment; what has none keeps the contract's price."""
    client.terms(f"prices.{ADV}=11.00")
    began(client)
    client.tell(2, {ADV: 26, GATEWAY: 2}, on=LEAP_DAY)
    yield
    assert client.posts() == [(ADV, 1, LEAP_DAY), (GATEWAY, 1, LEAP_DAY)]
    assert prices(client) == [11.0, None]
    assert {one["sku"]: float(one["unitPrice"]) for one in client.in_autotask()["lines"]} == {
        ADV: 11,
        GATEWAY: 10,
    }


@story
def a_price_set_by_hand_stays(client: Client) -> Life:
    """It is neither the catalogue's nor ours."""
    client.terms(f"prices.{ADV}=11.00")
    began(client)
    client.adjusted_by_hand(ADV, FEB_10, 0, unitPrice="99.00")
    client.tell(2, {ADV: 26, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts() == [(ADV, 1, LEAP_DAY)]
    assert prices(client) == [None]


# -- What Autotask refuses


def refused(
    name: str, reason: str, break_: Callable[[Client], Any], mend: Callable[[Client, Any], Any]
) -> None:
    """A story of a cause that comes and goes: parked with words and a command, and driven again by itself."""

    def life(client: Client) -> Life:
        began(client)
        yield
        came = break_(client)
        client.tell(2, {ADV: 28, GATEWAY: 1}, on=day(0))
        yield
        assert client.posts("committed") == []
        parked = client.line(ADV).parked
        assert parked is not None
        assert parked.code == reason
        assert "timus-autotask" in remedy_of(parked)
        if reason == "refused":
            assert OUTSIDE in parked.message
        mend(client, came)
        client.looked_at_again()
        yield
        assert client.posts("committed") == [(ADV, 3, day(0))]
        assert client.line(ADV).state is State.APPLIED

    life.__name__ = name
    STORIES.append(life)


OUTSIDE = "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract referenced by contractID."

refused(
    "a_contract_that_has_ended",
    "contract-ended",
    lambda client: client.edited_by_hand(endDate=day(-1).isoformat()),
    lambda client, _: client.edited_by_hand(endDate=day(300).isoformat()),
)
refused(
    "a_contract_that_is_not_recurring",
    "contract-not-recurring",
    lambda client: client.edited_by_hand(contractType=1),
    lambda client, _: client.edited_by_hand(contractType=7),
)
refused(
    "a_contract_of_another_company",
    "contract-of-another-company",
    lambda client: client.edited_by_hand(companyID=600),
    lambda client, _: client.edited_by_hand(companyID=client.company),
)
refused(
    "a_service_that_is_on_the_contract_twice",
    "line-duplicated",
    lambda client: client.deployed.autotask(
        "POST",
        "person/add_line",
        {"contractID": client.contract, "serviceID": SERVICES[ADV], "day": BEGAN.isoformat(), "units": 4},
    ),
    lambda client, line: client.deployed.autotask(
        "POST", "person/remove_line", {"contractServiceID": line["id"]}
    ),
)
refused(
    "outside_of_the_contract",  # somebody edited it between our read and our post, and has edited it back
    "refused",
    lambda client: client.fault("json_500", text=OUTSIDE),
    lambda client, _: None,
)


@story
def units_that_would_fall_below_zero(client: Client) -> Life:
    """A line that somebody lowers later: its days from the next free one on are made level, and those before are past changing."""
    client.adjusted_by_hand(ADV, MAR_31, -20)
    client.tell(1, {ADV: 15, GATEWAY: 1}, on=LEAP_DAY)
    yield
    assert client.posts("committed") == [(ADV, 10, date(2024, 4, 1))]
    assert client.line(ADV).state is State.APPLIED


# -- What waits for midnight

TONIGHT: list[Story] = []
tonight = gather(TONIGHT)
"""Stories of clients whose next billing period begins at the next midnight, which comes after their third rest."""

EVE, MORNING = MIDNIGHT.eve, MIDNIGHT.morning


def ago(days: int) -> date:
    """A day before the eve."""
    return EVE - timedelta(days=days)


def agreed(client: Client) -> None:
    """Timus and Autotask agree since a while ago."""
    client.tell(1, {ADV: 25, GATEWAY: 1}, on=ago(200))


@tonight
def a_decrease_waits_for_the_next_period(client: Client) -> Life:
    """It is shown as scheduled, netted with what comes meanwhile, and posted on its day."""
    client.terms("decreases=start-of-next-period")
    agreed(client)
    client.tell(2, {ADV: 20, GATEWAY: 1}, on=ago(5))
    yield
    assert client.line(ADV).state is State.SCHEDULED
    assert client.line(ADV).scheduled == ((MORNING, -5),)
    client.tell(3, {ADV: 22, GATEWAY: 1}, on=ago(2))
    yield
    assert client.line(ADV).scheduled == ((MORNING, -3),)
    assert client.posts() == []
    yield
    assert client.posts() == [(ADV, -3, MORNING)]


@tonight
def an_increase_that_is_taken_back_before_its_day(client: Client) -> Life:
    """What cancels out before its day causes no post."""
    client.terms("increases=start-of-next-period", "decreases=start-of-next-period")
    agreed(client)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=ago(5))
    yield
    assert client.line(ADV).scheduled == ((MORNING, 3),)
    client.tell(3, {ADV: 25, GATEWAY: 1}, on=ago(2))
    yield
    yield
    assert client.posts() == []


@tonight
def a_second_change_of_today(client: Client) -> Life:
    """It waits for the next day."""
    agreed(client)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=EVE)
    yield
    client.tell(3, {ADV: 30, GATEWAY: 1}, on=EVE)
    yield
    assert client.posts() == [(ADV, 3, EVE)]
    assert client.line(ADV).scheduled == ((MORNING, 2),)
    yield
    assert client.posts() == [(ADV, 3, EVE), (ADV, 2, MORNING)]


@tonight
def a_cancellation_as_of_tomorrow(client: Client) -> Life:
    """Nothing is posted ahead of its day."""
    agreed(client)
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=ago(5), cancel_at=MORNING)
    yield
    yield
    assert client.posts() == []
    yield
    assert sorted(client.posts()) == [(ADV, -25, MORNING), (GATEWAY, -1, MORNING)]


@tonight
def a_cancellation_that_is_taken_back(client: Client) -> Life:
    """Midnight comes, and nothing with it."""
    agreed(client)
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=ago(5), cancel_at=MORNING)
    yield
    assert client.line(ADV).scheduled == ((MORNING, -25),)
    client.tell(3, {ADV: 25, GATEWAY: 1}, on=ago(2))
    yield
    yield
    assert client.posts() == []


@tonight
def the_period_until_tonight_is_posted(client: Client) -> Life:
    """Its next open day is tomorrow."""
    agreed(client)
    client.post_through(EVE)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=ago(3))
    yield
    yield
    assert client.posts() == []
    assert client.line(ADV).scheduled == ((MORNING, 3),)
    yield
    assert client.posts() == [(ADV, 3, MORNING)]


@tonight
def held_by_the_limit_of_a_day(client: Client) -> Life:
    """Tomorrow has a limit of its own, and yet a person has to say the word."""
    client.terms("customer_day_limit=5")
    agreed(client)
    client.tell(2, {ADV: 29, GATEWAY: 3}, on=ago(3))
    yield
    yield
    yield
    assert client.posts() == [(ADV, 4, ago(3))]
    assert client.reason(GATEWAY) == "held-over-day-limit"


@tonight
def a_renewal_on_a_new_contract(client: Client) -> Life:
    """It is opened from the day after the old one's end, linked with it, and filled from its first day."""
    client.terms("renewal=new-contract")
    client.edited_by_hand(endDate=EVE.isoformat())
    agreed(client)
    client.tell(
        2, {ADV: 25, GATEWAY: 1}, on=ago(3), term_end=EVE + timedelta(days=365), type="subscription.renewed"
    )
    yield
    client.deployed.eventually(lambda: new_contract(client) is not None, sweep=True)
    new = new_contract(client)
    assert new is not None
    opened = client.in_autotask(new)
    assert (opened["startDate"], opened["endDate"]) == (
        MORNING.isoformat(),
        (EVE + timedelta(days=365)).isoformat(),
    )
    assert opened["companyID"] == client.company
    edits = [
        json.loads(one["body"])
        for one in client.deployed.autotask("GET", "requests")
        if one["entity"] == "Contracts" and one["method"] == "PATCH"
    ]
    links = [edit["renewedContractID"] for edit in edits if edit["id"] == client.contract]
    assert links == [new]
    client.rests(sweep=True)
    yield
    assert client.posts(contract=new) == []
    yield
    assert sorted(client.posts(contract=new)) == [(ADV, 25, MORNING), (GATEWAY, 1, MORNING)]
    assert client.posts() == []


def new_contract(client: Client) -> int | None:
    """The contract that the client's units go to besides the first."""
    mapping = client.deployed.store.customer(client.customer).mapping
    others = {*mapping.value.contract_ids} - {client.contract} if mapping else set()
    return next(iter(others), None)


# -- All of them at the same time


@pytest.fixture(scope="module")
def lives(deployed: Deployed) -> Lives:
    """The stories, lived through."""
    lives = Lives(deployed, STORIES, deployed.leaper, unmapped=opened_for_a_customer_who_has_none.__name__)
    while lives.round():
        pass
    return lives


@pytest.mark.parametrize("life", STORIES, ids=lambda one: one.__name__)
def test_what_comes_of_the_terms(lives: Lives, life: Story) -> None:
    """Each story ends as it tells."""
    lives.ended(life)


@pytest.fixture(scope="module")
def night(deployed: Deployed) -> Lives:
    """The stories around a midnight, lived through."""
    with deployed.zone(MIDNIGHT.before):
        lives = Lives(deployed, TONIGHT, deployed.watcher)
        for _ in range(3):
            lives.round()
        coming = local_midnight(MORNING, ZoneInfo(MIDNIGHT.before)).timestamp()
    with deployed.zone(MIDNIGHT.after):
        for client in lives.clients:
            for contract in filter(None, (client.contract, new_contract(client))):
                due_at = deployed.store.contract(contract).state.due_at
                assert due_at is None or due_at >= coming
                if due_at == coming:
                    client.comes_due(contract)
        deployed.stack.invoke("Sweep")
        while lives.round():
            pass
    return lives


@pytest.mark.parametrize("life", TONIGHT, ids=lambda one: one.__name__)
def test_what_comes_at_midnight(night: Lives, life: Story) -> None:
    """Each story ends as it tells."""
    night.ended(life)


# -- What is not a contract's own


def test_a_second_change_of_a_day_where_autotask_sums(deployed: Deployed) -> None:
    """Attempted on the day itself, as the terms say, and that is where it lands."""
    client = deployed.leaper()
    client.terms("same_day=attempt")
    client.has_been_mapped()
    deployed.autotask("PUT", "switches", {"same_day": "sum"})
    try:
        for version, units in ((1, 25), (2, 28), (3, 30)):
            client.tell(version, {ADV: units}, on=BEGAN if version == 1 else LEAP_DAY)
            client.rests()
    finally:
        deployed.autotask("PUT", "switches", {"same_day": "refuse"})
    assert client.posts()[-2:] == [(ADV, 3, LEAP_DAY), (ADV, 2, LEAP_DAY)]


def test_changes_within_the_quiet_period_make_one_adjustment(deployed: Deployed) -> None:
    """A technician adds five users one by one."""
    client = deployed.client()
    sqs, url = deployed.stack.client("sqs"), deployed.stack.outputs["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    assert before == {"DelaySeconds": "0"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    try:
        for version in range(1, 6):
            client.tell(version, {ADV: 25 + version, GATEWAY: 1})
        assert client.posts() == []
        client.rests()
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)
    assert client.posts() == [(ADV, 5, day(0))]
