"""What a stack needs is looked at one by one, and nothing is changed in Autotask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.autotask.faults import Fault
from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.world import SCENARIO, World
from timus_autotask.autotask.time_zones import ZONES
from timus_autotask.operate.deployment import Deployment, NotDelivered, Place
from timus_autotask.operate.enabling import (
    check_allowance,
    check_permissions,
    check_stack,
    check_time_zone,
    check_webhook,
    send_test_event,
    set_up_api_user,
    try_api_user,
    writes_notes,
)
from timus_autotask.operate.refusal import Senseless
from timus_autotask.ports.errors import NotConfigured
from timus_autotask.ports.psa import Threshold
from timus_autotask.ports.secrets import Credentials
from timus_autotask.sync.receive import HttpRequest, receive
from timus_autotask.watch.check import CheckResult, CheckVerdict
from timus_autotask.watch.gauges import last_webhook
from timus_autotask.watch.listing import listed
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.status import status_of

OK, WARN, WRONG = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.WRONG
USER = Credentials("api@msp.example", "secret", "CODE")


@pytest.fixture
def world() -> World:
    """One partner with one client."""
    return World()


@pytest.fixture
def deployment(world: World) -> Deployment:
    """The world as its operator sees it."""
    return deployment_of(world)


def permissions(
    world: World, switches: Mapping[str, Any], *, tickets: bool = False
) -> dict[str, CheckResult]:
    """What the API user may do, where Autotask has these switches."""
    world.control.set_switches(switches)
    return {one.name: one for one in check_permissions(world.ports.autotask(), tickets=tickets)}


def writes(world: World) -> list[Any]:
    """The requests that could change something: all but reads."""
    return [
        one
        for one in world.control.requests()
        if one["method"] != "GET" and not one["path"].endswith("/query")
    ]


# -- The stack


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("CREATE_COMPLETE", OK),
        ("UPDATE_COMPLETE", OK),
        ("UPDATE_ROLLBACK_COMPLETE", WARN),
        ("UPDATE_IN_PROGRESS", WARN),
    ],
)
def test_the_stack_says_where_it_is(deployment: Deployment, status: str, verdict: CheckVerdict) -> None:
    """Account and region, and whether the last deployment ended well."""
    found = check_stack(replace(deployment, place=Place("123456789012", "eu-west-1", status)))
    assert "timus-autotask in eu-west-1, account 123456789012" in found.found
    assert found.verdict is verdict
    assert bool(found.remedy) is (verdict is not OK)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "words"),
    [
        ("UTC", None, WARN, "UTC: it is 2026-03-15 09:12 there"),
        (
            "Australia/Sydney",
            None,
            OK,
            "20:12 there, and a change is billed from the day that it is there. Autotask does not say",
        ),
        ("America/New_York", "35", OK, "as in Autotask's default internal location"),
        ("America/Toronto", "035", OK, "as in Autotask's default internal location"),
        ("Europe/Amsterdam", "110", OK, "as in Autotask's default internal location"),
        ("UTC", "35", WARN, "is in America/New_York, where the day changes at another time"),
        ("UTC", "85", WARN, "is in Europe/London"),
        ("Europe/Berlin", "9999", OK, "Autotask does not say which it uses"),
    ],
)
def test_the_time_zone_is_said_aloud(
    ours: str, theirs: str | None, verdict: CheckVerdict, words: str
) -> None:
    """With the time that it is there, and compared with Autotask's where that says it; UTC may be a default that nobody chose."""
    locations = [{"id": 1, "name": "Office", "isDefault": False, "timeZone": "255"}]
    if theirs:
        locations.append({"id": 2, "name": "Headquarters", "isDefault": True, "timeZone": theirs})
    world = World(zone=ZoneInfo(ours), scenario={**SCENARIO, "internalLocations": locations})
    found = check_time_zone(deployment_of(world), world.ports.autotask())
    assert (found.verdict, words in found.found) == (verdict, True), found
    if theirs and verdict is WARN:
        assert "TIME_ZONE=A" in found.remedy or "TIME_ZONE=E" in found.remedy


def test_a_time_zone_that_may_not_be_read_is_not_guessed(world: World, deployment: Deployment) -> None:
    """The stack's own is said all the same."""
    world.control.set_switches({"denied": ["InternalLocations"]})
    assert "Autotask does not say" in check_time_zone(deployment, world.ports.autotask()).found
    assert "Autotask does not say" in check_time_zone(deployment).found


def test_every_number_of_a_time_zone_is_a_zone() -> None:
    """One that this machine knows."""
    assert all(ZoneInfo(name) for name in ZONES.values())


def test_other_stacks_of_ours_are_named(deployment: Deployment) -> None:
    """So that nobody sets up the wrong one."""
    both = replace(deployment, stacks=lambda: ["acme", "timus-autotask"])
    found = check_stack(both)
    assert "of ours there are also acme" in found.found
    assert found.remedy == "To look at another one: --stack NAME"


# -- The API user


def test_the_stored_user_is_let_in(deployment: Deployment) -> None:
    """With the zone, and how much of the allowance is used."""
    user = try_api_user(deployment, None)
    assert user.check.verdict is OK
    assert "api@msp.example is let in at https://autotask.test" in user.check.found
    assert user.allowance is not None


def test_a_user_that_nobody_has_set_is_asked_for(world: World, deployment: Deployment) -> None:
    """Nothing is asked of Autotask then."""
    world.secrets.replace_credentials(None)
    user = try_api_user(deployment, None)
    assert (user.check.verdict, user.autotask) == (WRONG, None)
    assert world.control.requests() == []


def test_a_stored_user_that_no_header_can_carry_is_never_sent(world: World, deployment: Deployment) -> None:
    """Somebody typed it into Secrets Manager with a blank behind it. Workers take it for none that is set."""
    world.secrets.replace_credentials(Credentials("api@msp.example ", "secret", "CODE"))
    found = try_api_user(deployment, None).check
    assert (found.verdict, "has blanks around it" in found.found) == (WRONG, True)
    with pytest.raises(NotConfigured, match="has blanks around it"):
        world.ports.autotask()
    assert world.control.requests() == []


def test_a_stored_user_that_was_refused_is_not_tried_again(world: World, deployment: Deployment) -> None:
    """However often somebody looks: failed logins lock an API user. A person who changed something can say so."""
    world.control.set_credentials("api@msp.example", "another", "CODE")
    refused = try_api_user(deployment, None)
    assert refused.check.verdict is WRONG
    asked = len(world.control.requests())
    for _ in range(5):
        again = try_api_user(deployment, None).check
        assert again.verdict is WRONG
        assert "It is not asked again before 09:27 UTC" in again.found
    assert len(world.control.requests()) == asked
    world.control.set_credentials("api@msp.example", "secret", "CODE")
    assert try_api_user(deployment, None, again=True).check.verdict is OK
    assert not world.ports.store.partner().circuit.value.open(world.clock.now()), "changes go on at once"
    assert try_api_user(deployment, None).check.verdict is OK


def test_a_user_who_was_stored_since_is_not_taken_for_the_one_who_was_refused(
    world: World, deployment: Deployment
) -> None:
    """Whoever reads "refused" would set the right user again, and again."""
    world.control.set_credentials("new@msp.example", "rotated", "CODE")
    assert try_api_user(deployment, None).check.verdict is WRONG
    world.secrets.replace_credentials(Credentials("new@msp.example", "rotated", "CODE"))
    world.clock.advance(301)
    found = try_api_user(deployment, None).check
    assert found.verdict is OK
    assert "new@msp.example is let in" in found.found
    assert "workers may still hold the one before, who was refused, and go on at 09:27 UTC" in found.found


def test_given_values_that_were_refused_are_not_sent_a_second_time(
    world: World, deployment: Deployment
) -> None:
    """A script that runs each minute with a wrong secret would lock the API user. A person who corrected it in Autotask can say so."""
    world.control.set_credentials("api@msp.example", "secret", "CODE")
    wrong = Credentials("api@msp.example", "bad", "CODE")
    first = try_api_user(deployment, wrong)
    asked = len(world.control.requests())
    for _ in range(4):
        again = try_api_user(deployment, wrong).check
        assert again.verdict is WRONG
        assert (
            "refused exactly this user name, secret and tracking identifier at 2026-03-15 09:12 UTC"
            in again.found
        )
        assert "--try-again" in again.remedy
    assert (first.check.verdict, len(world.control.requests())) == (WRONG, asked)
    assert try_api_user(deployment, USER).check.verdict is OK, "another one is asked for"
    world.control.set_credentials("api@msp.example", "bad", "CODE")
    assert try_api_user(deployment, wrong, again=True).check.verdict is OK
    assert try_api_user(deployment, wrong).check.verdict is OK, "it is let in by now"


def test_what_was_refused_is_forgotten_after_a_day(world: World, deployment: Deployment) -> None:
    """Somebody may have corrected it in Autotask, and nobody here remembers."""
    world.control.set_credentials("api@msp.example", "secret", "CODE")
    wrong = Credentials("api@msp.example", "bad", "CODE")
    try_api_user(deployment, wrong)
    world.control.set_credentials("api@msp.example", "bad", "CODE")
    world.clock.advance(86_399)
    assert try_api_user(deployment, wrong).check.verdict is WRONG
    world.clock.advance(1)
    assert try_api_user(deployment, wrong).check.verdict is OK


def test_no_secret_can_be_read_back_from_what_is_remembered(world: World, deployment: Deployment) -> None:
    """Whoever reads the table learns that somebody was refused, and not with what."""
    world.control.set_credentials("api@msp.example", "secret", "CODE")
    try_api_user(deployment, Credentials("api@msp.example", "bad", "CODE"))
    [remembered] = world.ports.store.circuit().value.refused
    assert len(remembered) == 32
    assert {"bad", "api@msp.example", "CODE"}.isdisjoint(remembered)


def test_a_user_without_the_first_permission_is_told_about_each(world: World, deployment: Deployment) -> None:
    """All that is to be granted, at one look, with where."""
    world.control.set_switches({"denied": ["Contracts"]})
    user = try_api_user(deployment, None)
    assert (user.check.verdict, user.works) == (WRONG, False)
    assert "Security Levels" in user.check.remedy
    assert "timus-autotask setup --try-again" in user.check.remedy
    assert user.autotask is not None
    tried = {one.name: one.verdict for one in check_permissions(user.autotask)}
    assert tried["read contracts"] is WRONG
    assert tried["read companies"] is OK


def test_a_given_user_that_is_refused_does_not_stop_the_workers(world: World, deployment: Deployment) -> None:
    """The stored one may work all the same."""
    world.control.set_credentials("api@msp.example", "another", "CODE")
    assert try_api_user(deployment, USER).rejected is not None
    assert not world.ports.store.partner().circuit.value.credentials


@dataclass
class Setting:
    """Somebody who sets the stack up, and what he was asked."""

    answer: Credentials | None = None
    """The API user that he names; None: nobody is there to ask."""
    agrees: bool = True
    asked: list[str] = field(default_factory=list)

    @property
    def can_be_asked(self) -> bool:
        return self.answer is not None

    def api_user(self, refused: CheckResult | None) -> Credentials:
        assert self.answer is not None
        self.asked.append(refused.found if refused else "who?")
        return self.answer

    def stores(self, waits: Preview, look: Callable[[], Preview]) -> bool:
        self.asked.append(f"store, with {len(waits.contracts)} waiting?")
        return self.agrees


OTHER = Credentials("new@msp.example", "hush", "CODE")


def stored(world: World) -> list[str]:
    """Which API users somebody stored, as it was recorded."""
    return [one.detail for one in world.ports.store.decisions() if one.kind == "setup"]


def test_the_user_that_is_given_goes_before_the_one_that_is_stored(
    world: World, deployment: Deployment
) -> None:
    """It is asked only whether it is stored."""
    world.control.set_credentials("new@msp.example", "hush", "CODE")
    who = Setting()
    found = set_up_api_user(deployment, OTHER, "kim", who)
    assert found.user.check.found.endswith("; it is stored")
    assert (world.secrets.autotask_credentials(), who.asked) == (OTHER, ["store, with 0 waiting?"])
    assert stored(world) == ["API user new@msp.example"]


def test_the_stored_user_is_kept_while_it_works(world: World, deployment: Deployment) -> None:
    """Nobody is asked for another one."""
    who = Setting(OTHER)
    assert set_up_api_user(deployment, None, "kim", who).user.works
    assert (who.asked, stored(world)) == ([], [])


def test_another_user_is_asked_for_where_the_stored_one_is_refused(
    world: World, deployment: Deployment
) -> None:
    """With what is wrong with that one; where nobody can be asked, this is what was found."""
    world.control.set_credentials("new@msp.example", "hush", "CODE")
    alone = set_up_api_user(deployment, None, "kim", Setting())
    assert (alone.user.check.verdict, stored(world)) == (WRONG, [])
    who = Setting(OTHER)
    assert set_up_api_user(deployment, None, "kim", who).user.works
    assert "api@msp.example" in who.asked[0]
    assert stored(world) == ["API user new@msp.example"]


def test_a_user_is_asked_for_where_none_is_stored(world: World, deployment: Deployment) -> None:
    """There is nothing to be tried before."""
    world.secrets.replace_credentials(None)
    who = Setting(USER)
    assert set_up_api_user(deployment, None, "kim", who).user.works
    assert who.asked[0] == "who?"


@pytest.mark.parametrize(("secret", "agrees"), [("another", True), ("hush", False)])
def test_a_user_who_is_not_let_in_or_not_agreed_to_is_not_stored(
    world: World, deployment: Deployment, secret: str, agrees: bool
) -> None:
    """And this is said of it."""
    world.control.set_credentials("new@msp.example", secret, "CODE")
    found = set_up_api_user(deployment, OTHER, "kim", Setting(agrees=agrees))
    assert found.user.check.found.endswith("; nothing was stored")
    assert (world.secrets.autotask_credentials(), stored(world)) == (USER, [])


def test_a_given_user_that_no_header_can_carry_is_refused(deployment: Deployment) -> None:
    """Before anybody is asked."""
    with pytest.raises(Senseless, match=r"has blanks around it.*; nothing was stored\."):
        set_up_api_user(deployment, Credentials("a ", "b", "c"), "kim", Setting())


def test_nothing_is_known_while_autotask_is_away(world: World, deployment: Deployment) -> None:
    """It is not the user's fault."""
    world.api.faults.add(Fault("html_503", times=None))
    user = try_api_user(deployment, None)
    assert (user.check.verdict, user.rejected) == (WRONG, None)
    assert "cannot be asked just now" in user.check.found


@pytest.mark.parametrize(("used", "verdict"), [(4999, OK), (5000, WARN), (7499, WARN), (7500, WRONG)])
def test_the_call_budget_says_who_uses_it(used: int, verdict: CheckVerdict) -> None:
    """From half of it on Autotask delays requests, at all of it it refuses them."""
    found = check_allowance(Threshold(10_000, 60, used))
    assert found.verdict is verdict
    assert ("API Activity by Hour" in found.remedy) is (verdict is not OK)


def test_a_budget_that_nobody_tells_is_no_fault() -> None:
    """Some tenants refuse the call."""
    assert check_allowance(None).verdict is OK


# -- Permissions


def test_everything_that_is_needed_is_tried_and_nothing_is_written(world: World) -> None:
    """Reads that find nothing, and Autotask's own information."""
    found = permissions(world, {}, tickets=True)
    assert [*found] == [
        "read companies",
        "read contracts",
        "read contract services",
        "read units of services",
        "read services",
        "make adjustments",
        "change contracts",
        "see costs",
        "read billing items",
        "open tickets",
    ]
    assert {one.verdict for one in found.values()} == {OK}
    assert writes(world) == []


@pytest.mark.parametrize("answer", ["500", "401", "403"])
@pytest.mark.parametrize(
    ("denied", "name"),
    [
        ("Companies", "read companies"),
        ("ContractServices", "read contract services"),
        ("Services", "read services"),
    ],
)
def test_what_may_not_be_read_is_named(world: World, denied: str, name: str, answer: str) -> None:
    """Alone, with where in Autotask to allow it, however Autotask words it; the others are tried too."""
    found = permissions(world, {"denied": [denied], "denied_answer": answer})
    assert {one.name for one in found.values() if one.verdict is WRONG} == {name}
    assert "Security Levels" in found[name].remedy
    assert "make adjustments" in found


@pytest.mark.parametrize("denied", ["Contracts", "ContractServiceUnits"])
def test_a_permission_that_looks_like_a_wrong_secret_ends_it(world: World, denied: str) -> None:
    """Autotask's documentation has 401 for both; more requests could lock the user."""
    world.ports.autotask().sign_in()
    found = permissions(world, {"denied": [denied], "denied_answer": "401"})
    assert [*found.values()][-1].verdict is WRONG
    assert "see costs" not in found


@pytest.mark.parametrize("levels", ["names", "numbers"])
def test_what_may_be_read_in_part_is_said(world: World, levels: str) -> None:
    """The rest is missing without an error, so a client's contract would be too."""
    found = permissions(world, {"restricted": ["Contracts"], "access_levels": levels})["read contracts"]
    assert (found.verdict, "for some contracts only" in found.found) == (WARN, True)


def test_adjustments_that_may_not_be_made_are_found_without_making_one(world: World) -> None:
    """By the information on the entity."""
    found = permissions(world, {"denied": ["ContractServiceAdjustments create"]})["make adjustments"]
    assert (found.verdict, "not allowed" in found.found) == (WRONG, True)
    assert "service/bundle selections" in found.remedy
    assert writes(world) == []


def test_contracts_that_may_not_be_changed_are_a_warning(world: World) -> None:
    """Seats are billed all the same; a renewal stops."""
    found = permissions(world, {"denied": ["Contracts update"]})["change contracts"]
    assert (found.verdict, "extended when its subscription is renewed" in found.found) == (WARN, True)


def test_tickets_are_tried_only_where_alarms_open_some(world: World) -> None:
    """Nobody needs to grant what is not used."""
    switches = {"denied": ["Tickets"]}
    assert "open tickets" not in permissions(world, switches)
    assert permissions(world, switches, tickets=True)["open tickets"].verdict is WRONG


def test_notes_are_tried_only_where_the_terms_ask_for_some(world: World, deployment: Deployment) -> None:
    """A customer's terms are enough."""
    assert not writes_notes(deployment.store)
    desk = Desk(world)
    desk.told("policy", "set", "contract_notes=yes", "--customer", "cus_41d0", "--unknown", "--yes")
    assert writes_notes(deployment.store)
    world.control.set_switches({"denied": ["ContractNotes"]})
    found = {one.name: one for one in check_permissions(world.ports.autotask(), notes=True)}["write notes"]
    assert (found.verdict, "contract_notes" in found.found) == (WRONG, True)
    assert "write notes" not in permissions(world, {})


def test_billing_items_that_may_not_be_read_are_said_and_stop_nothing(world: World) -> None:
    """Only what explains a posted month needs them."""
    found = permissions(world, {"denied": ["BillingItems"]})["read billing items"]
    assert (found.verdict, "what was posted cannot be explained" in found.found) == (WARN, True)
    assert "Security Levels" in found.remedy


def test_hidden_costs_are_said_and_are_no_fault(world: World) -> None:
    """They read as 0; nothing that is billed needs them."""
    for service in world.api.model.tables["Services"].values():
        service.values["unitCost"] = 7
    assert permissions(world, {})["see costs"].found == "allowed"
    found = permissions(world, {"cost_visible": False})["see costs"]
    assert (found.verdict, "all costs read as 0" in found.found) == (OK, True)


# -- The way from Timus


def test_the_webhook_has_a_secret(world: World, deployment: Deployment) -> None:
    """One that can sign; a former one that cannot is said."""
    assert check_webhook(deployment).verdict is OK
    world.secrets.rotate("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plain")
    world.clock.advance(600)
    assert check_webhook(deployment).verdict is WARN
    world.secrets.rotate("whsec_plain")
    world.clock.advance(600)
    assert check_webhook(deployment).verdict is WRONG


def test_a_test_event_is_taken_in_and_makes_no_customer(world: World, deployment: Deployment) -> None:
    """It is an event among the others, and nobody is unmapped for it."""
    found = send_test_event(deployment)
    assert found.verdict is OK, found
    [event] = world.ports.store.events()
    assert (event.event_type, event.outcome, event.subscription_id) == ("webhook.test", "noted", "")
    records = listed(world.ports.store)
    assert records.customers == {}
    status = status_of(records, world.clock.now(), world.zone)
    assert (status.lines, status.at_rest) == ((), True)
    assert last_webhook(world.ports.store) is None, "it says nothing about Timus"
    assert world.control.requests() == []


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((401, '{"error":"unauthorized"}'), "answers 401"),
        ((503, ""), "answers 503"),
        ((202, ""), "not in the stack's table"),
    ],
)
def test_a_test_event_that_goes_astray(deployment: Deployment, answers: tuple[int, str], words: str) -> None:
    """What was answered, or that it was accepted somewhere else."""
    found = send_test_event(replace(deployment, deliver=lambda _headers, _body: answers))
    assert (found.verdict, words in found.found) == (WRONG, True)


def test_a_test_event_that_nobody_comes_for(world: World, deployment: Deployment) -> None:
    """It is stored, and no worker runs: the quiet period and two and a half minutes are waited for."""
    waited: list[str] = []
    sleepy = replace(deployment, quiet_seconds=60)
    found = send_test_event(replace(sleepy, deliver=_only_received(world)), waited.append)
    assert (found.verdict, "no worker has come" in found.found) == (WRONG, True)
    assert 210 <= len(waited) <= 212


def _only_received(world: World) -> Any:
    def deliver(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        asked = HttpRequest("POST", "/webhooks/timus", {**headers, "content-type": "application/json"}, body)
        answer = receive(asked, world.receive_ports)
        return answer.status, answer.body

    return deliver


def test_a_webhook_that_does_not_answer(deployment: Deployment) -> None:
    """The network, or an API that is gone."""

    def nobody(_headers: Mapping[str, str], _body: bytes) -> tuple[int, str]:
        raise NotDelivered("connection refused")

    found = send_test_event(replace(deployment, deliver=nobody))
    assert (found.verdict, "does not answer: connection refused" in found.found) == (WRONG, True)
