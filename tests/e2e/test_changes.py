"""From a signed webhook over HTTP to Autotask's units, through every part of the deployed template."""

from __future__ import annotations

import pytest

from tests.e2e.deployed import ADV, ESS, GATEWAY, Client, Deployed, day
from timus_autotask.domain.line import State

pytestmark = pytest.mark.emulator


def test_more_seats_are_billed_from_their_day_on(client: Client) -> None:
    """28 seats instead of 25 are one adjustment on the day of the change, and nothing before it moves."""
    client.tell(7, {ADV: 28, GATEWAY: 1}, on=day(-3))
    client.rests()
    assert client.posts() == [(ADV, 3, day(-3))]
    assert [client.units(ADV, day(n)) for n in (-4, -3, 0, 40)] == [25, 28, 28, 28]
    assert client.line(ADV).state is State.APPLIED


def test_fewer_seats_are_billed_from_their_day_on(client: Client) -> None:
    """A decrease is an adjustment below zero."""
    client.tell(7, {ADV: 21, GATEWAY: 1}, on=day(-3))
    client.rests()
    assert client.posts() == [(ADV, -4, day(-3))]
    assert [client.units(ADV, day(n)) for n in (-4, -3)] == [25, 21]


def test_several_items_and_a_service_that_is_not_on_the_contract_yet(client: Client) -> None:
    """Each item is a line; a mapped service is added to the contract by its first adjustment."""
    client.tell(7, {ADV: 26, ESS: 5, GATEWAY: 3})
    client.rests()
    assert sorted(client.posts()) == [(ADV, 1, day(0)), (ESS, 5, day(0)), (GATEWAY, 2, day(0))]
    assert [client.units(sku, day(0)) for sku in (ADV, ESS, GATEWAY)] == [26, 5, 3]


def test_duplicates_post_nothing(client: Client) -> None:
    """The same delivery twice before it was worked on and once after, and the same state under another id."""
    body = client.body(7, {ADV: 28, GATEWAY: 1})
    with client.deployed.worker_away():
        assert [client.deliver("evt_first", body) for _ in range(2)] == [202, 202]
    for event_id in ("evt_first", "evt_second"):
        client.rests()
        assert client.deliver(event_id, body) == 202
    client.rests()
    assert client.posts() == [(ADV, 3, day(0))]
    assert client.events()["evt_second"].outcome == "duplicate"


def test_an_older_version_that_comes_late_changes_nothing(client: Client) -> None:
    """After version 8 was applied, version 7 is superseded: what was billed is never reversed."""
    client.tell(8, {ADV: 30, GATEWAY: 1}, on=day(-2))
    client.rests()
    client.tell(7, {ADV: 28, GATEWAY: 1}, on=day(-4))
    client.rests()
    assert client.posts() == [(ADV, 5, day(-2))]
    assert client.events()[f"evt_sub_{client.number}_7"].outcome == "superseded"


def test_changes_that_waited_in_the_wrong_order_are_each_billed_from_their_day(client: Client) -> None:
    """What comes in reverse while the worker is away is replayed in the order in which it happened."""
    with client.deployed.worker_away():
        for version, units, ago in ((9, 24, -1), (8, 30, -4), (7, 28, -6)):
            client.tell(version, {ADV: units, GATEWAY: 1}, on=day(ago))
    client.rests()
    assert client.posts() == [(ADV, 3, day(-6)), (ADV, 2, day(-4)), (ADV, -6, day(-1))]


def test_a_client_that_is_mapped_later_is_billed_from_the_days_of_the_changes(deployed: Deployed) -> None:
    """Without a mapping nothing is posted and nothing is lost; with it, each change counts from its own day."""
    client = deployed.client(mapped=False)
    client.tell(7, {ADV: 28, GATEWAY: 1}, on=day(-5))
    client.tell(8, {ADV: 30, GATEWAY: 1}, on=day(-2))
    client.rests()
    assert client.posts() == []
    assert client.status() == {(ADV, 30, "parked"), (GATEWAY, 1, "parked")}
    client.map()
    client.rests()
    assert client.status() == {(ADV, 30, "applied"), (GATEWAY, 1, "applied")}
    assert client.posts() == [(ADV, 3, day(-5)), (ADV, 2, day(-2))]


def test_a_plan_change_never_bills_both_plans(client: Client) -> None:
    """The old plan comes down before the new one goes up, on one day."""
    client.tell(7, {ADV: 25, GATEWAY: 1}, on=day(-9))
    client.tell(8, {ESS: 25, GATEWAY: 1}, on=day(-2), type="subscription.plan_changed")
    client.rests()
    assert client.posts() == [(ADV, -25, day(-2)), (ESS, 25, day(-2))]
    assert [(client.units(ADV, day(n)), client.units(ESS, day(n))) for n in (-3, -2)] == [(25, 0), (0, 25)]


def test_a_cancellation_ends_every_line(client: Client) -> None:
    """A subscription that was cancelled as of a day is billed until the day before."""
    client.tell(7, {ADV: 25, GATEWAY: 1}, on=day(-9))
    client.tell(
        8,
        {ADV: 25, GATEWAY: 1},
        on=day(-3),
        status="canceled",
        cancel_at=day(-1),
        type="subscription.canceled",
    )
    client.rests()
    assert sorted(client.posts()) == [(ADV, -25, day(-1)), (GATEWAY, -1, day(-1))]
    assert [client.units(ADV, day(n)) for n in (-2, -1)] == [25, 0]


def test_what_is_for_a_later_day_waits_for_it(client: Client) -> None:
    """A cancellation at a date is known, shown as scheduled, and costs no adjustment before its day."""
    client.tell(7, {ADV: 25, GATEWAY: 1}, cancel_at=day(5))
    client.rests()
    assert client.posts() == []
    assert client.line(ADV).state is State.SCHEDULED
    assert client.line(ADV).scheduled == ((day(5), -25),)


def test_a_trial_is_not_billed_until_it_is_a_purchase(client: Client) -> None:
    """A proof of concept brings no units; the purchase does, from its day on."""
    client.tell(1, {ESS: 10}, on=day(-6), status="trial", type="subscription.created")
    client.rests()
    assert client.posts() == []
    client.tell(2, {ESS: 10}, on=day(-1))
    client.rests()
    assert client.posts() == [(ESS, 10, day(-1))]


def test_two_subscriptions_add_up_on_one_line(client: Client) -> None:
    """A line has the sum of all subscriptions that map to it, and each of them moves it by its own change."""
    with client.deployed.worker_away():
        client.tell(1, {ADV: 25, GATEWAY: 1}, on=day(-9), subscription=f"sub_{client.number}_a")
        client.tell(1, {ADV: 4}, on=day(-6), subscription=f"sub_{client.number}_b")
        client.tell(2, {ADV: 20, GATEWAY: 1}, on=day(-3), subscription=f"sub_{client.number}_a")
    client.rests()
    assert client.posts() == [(ADV, 4, day(-6)), (ADV, -5, day(-3))]
    assert client.units(ADV, day(0)) == 24


def test_what_is_not_understood_is_kept_for_a_person_and_holds_nothing_up(client: Client) -> None:
    """A signed event without a quantity is accepted and parked with its reason; the next one is applied."""
    body = client.body(7, {ADV: 28, GATEWAY: 1}).replace(b'"quantity": 28', b'"quantity": "28"')
    assert client.deliver("evt_odd", body) == 202
    client.tell(8, {ADV: 27, GATEWAY: 1})
    client.rests()
    assert client.posts() == [(ADV, 2, day(0))]
    event = client.events()["evt_odd"]
    assert event.body == body.decode()
    assert event.parked is not None
    assert "must be a whole number" in event.parked.message


def test_a_change_that_was_made_by_mistake_is_undone(client: Client) -> None:
    """By its opposite on the next day; it stays so until Timus says something else, and the journal links the two."""
    client.tell(7, {ADV: 28, GATEWAY: 1}, on=day(-3))
    client.rests()
    [made] = client.deployed.command("changes", "--customer", client.customer)["changes"]
    said = client.deployed.command("undo", made["id"], "--reason", "ordered twice")
    assert [(one["unit_change"], one["day"]) for one in said["undone"]] == [(-3, day(-2).isoformat())]
    client.rests()
    assert client.posts() == [(ADV, 3, day(-3)), (ADV, -3, day(-2))]
    first, second = client.deployed.command("changes", "--customer", client.customer)["changes"]
    assert (first["undone_by"], second["undoes"]) == (second["id"], first["id"])
    assert client.line(ADV).state is State.APPLIED
    client.tell(8, {ADV: 30, GATEWAY: 1})
    client.rests()
    assert client.posts()[-1] == (ADV, 5, day(0))
