"""What can happen to a subscription, and what must come of it in Autotask: on the running stack, with real days.

The contracts began on 31 January 2024 and are billed monthly: their periods begin on 31 January, 29 February, 31 March, 30 April.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.e2e.deployed import ADV, ESS, GATEWAY, Client, Deployed
from tests.e2e.lives import Life, Lives, Story, gather
from timus_autotask.domain.line import State

pytestmark = pytest.mark.emulator

STORIES: list[Story] = []
story = gather(STORIES)

FEB_28, LEAP_DAY, MAR_1 = date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)
BEGAN = date(2024, 1, 31)


def began(client: Client) -> None:
    """Timus and Autotask agree since the contract began."""
    client.tell(1, {ADV: 25, GATEWAY: 1}, on=BEGAN)


@story
def created(client: Client) -> Life:
    """The first units of a service that is not on the contract yet come with its first adjustment, on a leap day."""
    client.tell(1, {ADV: 25, GATEWAY: 1, ESS: 5}, on=LEAP_DAY, type="subscription.created")
    yield
    assert client.posts() == [(ESS, 5, LEAP_DAY)]
    assert [client.units(ESS, d) for d in (FEB_28, LEAP_DAY)] == [0, 5]


@story
def created_after_a_persons_word(client: Client) -> Life:
    """By its terms, a service that is not on the contract yet is shown with its plan and waits."""
    client.terms("approve_new_lines=yes")
    client.tell(1, {ADV: 26, GATEWAY: 1, ESS: 5}, on=LEAP_DAY, type="subscription.created")
    yield
    assert client.posts() == [(ADV, 1, LEAP_DAY)]
    assert client.reason(ESS) == "held-for-approval"
    assert client.line(ESS).scheduled == ((LEAP_DAY, 5),)
    client.approve(ESS)
    yield
    assert client.posts()[1:] == [(ESS, 5, LEAP_DAY)]


@story
def seats_up_and_down(client: Client) -> Life:
    """One adjustment for each day; within the period Autotask prorates, on its first day there is nothing to prorate."""
    began(client)
    client.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
    client.tell(3, {ADV: 24, GATEWAY: 1}, on=MAR_1)
    yield
    assert client.posts() == [(ADV, 3, LEAP_DAY), (ADV, -4, MAR_1)]
    assert client.post_through(date(2024, 3, 30)) == [
        (ADV, 25, BEGAN),
        (ADV, 28, LEAP_DAY),
        (ADV, -4, MAR_1),
        (GATEWAY, 1, BEGAN),
        (GATEWAY, 1, LEAP_DAY),
    ]


@story
def plan_change(client: Client) -> Life:
    """The old plan goes to 0 first, the new one comes on the same day, and each is shown as a side of one change."""
    began(client)
    client.tell(2, {ESS: 25, GATEWAY: 1}, on=LEAP_DAY, type="subscription.plan_changed")
    yield
    assert client.posts() == [(ADV, -25, LEAP_DAY), (ESS, 25, LEAP_DAY)]
    assert [(client.units(ADV, d), client.units(ESS, d)) for d in (FEB_28, LEAP_DAY)] == [(25, 0), (0, 25)]
    changes = client.deployed.command("changes", "--contract", str(client.contract))["changes"]
    assert [(one["service_id"], one["plan_change_with"][0]["service_id"]) for one in changes] == [
        (45, 46),
        (46, 45),
    ]
    assert {one["events"][-1] for one in changes} == {f"evt_sub_{client.number}_2"}


@story
def gateway_added_and_removed(client: Client) -> Life:
    """A gateway has its own line, and its going is no plan change."""
    began(client)
    client.tell(2, {ADV: 25, GATEWAY: 2}, on=LEAP_DAY)
    client.tell(3, {ADV: 25}, on=date(2024, 3, 31))
    yield
    assert client.posts() == [(GATEWAY, 1, LEAP_DAY), (GATEWAY, -2, date(2024, 3, 31))]


@story
def cancelled_now(client: Client) -> Life:
    """Every line goes to 0 from the day of the cancellation on; the period before it is billed whole."""
    began(client)
    client.tell(
        2,
        {ADV: 25, GATEWAY: 1},
        on=LEAP_DAY,
        status="canceled",
        cancel_at=LEAP_DAY,
        type="subscription.canceled",
    )
    yield
    assert sorted(client.posts()) == [(ADV, -25, LEAP_DAY), (GATEWAY, -1, LEAP_DAY)]
    assert [client.units(ADV, d) for d in (FEB_28, LEAP_DAY)] == [25, 0]


@story
def cancelled_at_a_date_and_reopened(client: Client) -> Life:
    """It is billed until the day before; what is bought again later comes back on its own day."""
    began(client)
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=date(2024, 2, 10), cancel_at=LEAP_DAY)
    yield
    client.tell(3, {ADV: 5}, on=date(2024, 3, 31))
    yield
    assert sorted(client.posts()) == [
        (ADV, -25, LEAP_DAY),
        (ADV, 5, date(2024, 3, 31)),
        (GATEWAY, -1, LEAP_DAY),
    ]


@story
def ends_after_the_contract(client: Client) -> Life:
    """An end after the contract's own last day needs nothing, and nobody."""
    last = date.fromisoformat(client.in_autotask()["endDate"])
    client.tell(1, {ADV: 25, GATEWAY: 1}, on=BEGAN, cancel_at=last + timedelta(days=1))
    yield
    assert client.posts() == []
    assert client.line(ADV).state is State.APPLIED
    assert client.line(ADV).scheduled == ()


@story
def uncancelled(client: Client) -> Life:
    """A cancellation that is taken back before its day leaves no trace in Autotask."""
    began(client)
    ahead = date.fromisoformat(client.in_autotask()["endDate"]) - timedelta(days=30)
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=LEAP_DAY, cancel_at=ahead)
    yield
    assert client.line(ADV).scheduled == ((ahead, -25),)
    client.tell(3, {ADV: 25, GATEWAY: 1}, on=MAR_1)
    yield
    assert client.line(ADV).scheduled == ()
    assert client.posts() == []


@story
def renewed(client: Client) -> Life:
    """The contract's end follows the renewed term; units and prices stay, and an earlier term never shortens it."""
    before = client.in_autotask()
    later = date.fromisoformat(before["endDate"]) + timedelta(days=400)
    client.tell(1, {ADV: 25, GATEWAY: 1}, on=BEGAN, term_end=later, type="subscription.renewed")
    yield
    after = client.in_autotask()
    assert after["endDate"] == later.isoformat()
    assert [(one["sku"], one["unitPrice"]) for one in after["lines"]] == [
        (one["sku"], one["unitPrice"]) for one in before["lines"]
    ]
    assert client.units(ADV, later) == 25
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=LEAP_DAY, term_end=LEAP_DAY, type="subscription.renewed")
    yield
    assert client.in_autotask()["endDate"] == later.isoformat()
    assert client.posts() == []


@story
def several_changes_that_waited(client: Client) -> Life:
    """Told in the wrong order before the worker came: each is billed from its own day."""
    for version, units, on in (
        (4, 24, date(2024, 3, 31)),
        (3, 30, LEAP_DAY),
        (2, 28, FEB_28),
        (1, 25, BEGAN),
    ):
        client.tell(version, {ADV: units, GATEWAY: 1}, on=on)
    yield
    assert client.posts() == [(ADV, 3, FEB_28), (ADV, 2, LEAP_DAY), (ADV, -6, date(2024, 3, 31))]


@story
def an_older_version_that_comes_late(client: Client) -> Life:
    """It is superseded, and what it would have changed on which days is kept for a person."""
    began(client)
    client.tell(3, {ADV: 30, GATEWAY: 1}, on=MAR_1)
    yield
    client.tell(2, {ADV: 28}, on=FEB_28)
    yield
    assert client.posts() == [(ADV, 5, MAR_1)]
    [event] = client.deployed.command("events", "show", f"evt_sub_{client.number}_2")["events"]
    assert event["outcome"] == "superseded"
    assert event["evidence"] == [
        {"sku": ADV, "from": "2024-02-28", "until": "2024-03-01", "units": 28, "instead_of": 25},
        {"sku": GATEWAY, "from": "2024-02-28", "until": "2024-03-01", "units": 0, "instead_of": 1},
    ]


@story
def trial_then_paid(client: Client) -> Life:
    """Nothing while it is tried, then units from the first paid day, whatever the terms say about changes."""
    client.terms("increases=start-of-next-period")
    client.tell(1, {ESS: 10}, on=date(2024, 2, 5), status="trial", type="subscription.created")
    client.tell(2, {ESS: 10}, on=MAR_1)
    yield
    assert client.posts() == [(ESS, 10, MAR_1)]


@story
def renamed_and_a_second_subscription(client: Client) -> Life:
    """Another name changes nothing, for the mapping is by id; units of one SKU add up on the line."""
    began(client)
    yield
    client.tell(2, {ADV: 25, GATEWAY: 1}, on=FEB_28, name="Contoso Dental and Sons")
    client.tell(1, {ADV: 4}, on=LEAP_DAY, subscription=f"sub_{client.number}_b")
    client.tell(3, {ADV: 20, GATEWAY: 1}, on=MAR_1, name="Contoso Dental and Sons")
    yield
    assert client.posts() == [(ADV, 4, LEAP_DAY), (ADV, -5, MAR_1)]
    assert client.units(ADV, MAR_1) == 24


@pytest.fixture(scope="module")
def lives(deployed: Deployed) -> Lives:
    """All of them, lived through."""
    lives = Lives(deployed, STORIES, deployed.leaper)
    while lives.round():
        pass
    return lives


@pytest.mark.parametrize("life", STORIES, ids=lambda one: one.__name__)
def test_what_comes_of_an_event(lives: Lives, life: Story) -> None:
    """Each story ends as it tells."""
    lives.ended(life)
