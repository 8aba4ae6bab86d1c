"""Credentials are checked before they are kept; the webhook is shown; events are sent as Timus sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.autotask.faults import Fault
from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.unit.cli.desk import Desk
from tests.world import ADV, InProcess, World
from timus_autotask.autotask.http import Request, Response
from timus_autotask.cli.failure import Failed
from timus_autotask.operate.deployment import NotDelivered
from timus_autotask.operate.sending import Deliver
from timus_autotask.ports.secrets import Credentials
from timus_autotask.sync.receive import HttpRequest, receive

GIVEN = ("--username", "new@msp.example", "--secret", "hush", "--integration-code", "CODE")
SAMPLE = Path(__file__).parents[3] / "events" / "timus" / "subscription.updated.json"


def test_credentials_are_checked_and_kept(desk: Desk) -> None:
    """One harmless call proves them; the secret is never shown."""
    said = desk.run("credentials", "set", *GIVEN)
    assert said.status == 0
    assert "new@msp.example" in said.out
    assert "hush" not in said.out + said.err
    assert desk.stored == [Credentials("new@msp.example", "hush", "CODE")]
    again = desk.ask("credentials", "set", *GIVEN)
    assert again["stored"] is True
    assert "hush" not in json.dumps(again)


@pytest.mark.parametrize(
    "words", [("credentials", "set"), ("credentials", "set", "--unchecked"), ("setup", "--yes")]
)
def test_who_stored_an_api_user_is_recorded_without_the_secret(desk: Desk, words: tuple[str, ...]) -> None:
    """Everything is made by that user from then on; a refused one, a dry run and a second check of the stored one leave nothing."""
    desk.run(*words, "--by", "anna", *GIVEN)
    [one] = desk.ask("changes")["decisions"]
    assert (one["decision"], one["by"]) == (" ".join(words[:2]) if words[0] != "setup" else "setup", "anna")
    assert (one["customers"], one["detail"]) == ([], "API user new@msp.example")
    stored = json.dumps([[*one.key, one.data] for one in desk.world.table.documents()])
    assert "hush" not in stored
    assert "CODE" not in stored
    desk.run("setup", "--yes")
    desk.run("credentials", "set", "--dry-run", *GIVEN)
    desk.world.control.set_credentials("new@msp.example", "another", "CODE")
    desk.refused("credentials", "set", *GIVEN)
    assert len(desk.ask("changes")["decisions"]) == 1


@pytest.mark.parametrize("words", [("credentials", "set"), ("setup", "--yes")])
def test_who_stored_an_api_user_is_who_aws_says_it_was(
    desk: Desk, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the command finds the stack itself; a name that was given stands before it."""
    plain = desk.deployment
    monkeypatch.setattr(desk, "deployment", lambda stack="": replace(plain(stack), caller=lambda: "user/bob"))
    desk.run(*words, "--by", "anna", *GIVEN)
    desk.run(*words, "--username", "other@msp.example", *GIVEN[2:])
    said = [one["by"] for one in desk.ask("changes")["decisions"]]
    assert sorted(said) == ["anna (user/bob)", "user/bob"]


def test_a_dry_run_checks_the_credentials_and_stores_nothing(desk: Desk) -> None:
    """Whoever has a new API user can try it first: one login, and what waits for it."""
    said = desk.ask("credentials", "set", *GIVEN, "--dry-run")
    assert (said["username"], said["stored"]) == ("new@msp.example", False)
    assert said["zone"]
    assert desk.stored == []
    desk.world.control.set_credentials("new@msp.example", "another", "CODE")
    assert "secret" in desk.refused("credentials", "set", *GIVEN, "--dry-run")


def test_credentials_come_from_the_environment_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no secret stands on a command line."""
    monkeypatch.setenv("AUTOTASK_USERNAME", "env@msp.example")
    monkeypatch.setenv("AUTOTASK_SECRET", "hush")
    monkeypatch.setenv("AUTOTASK_INTEGRATION_CODE", "CODE")
    assert desk.ask("credentials", "set")["username"] == "env@msp.example"


@pytest.mark.parametrize(
    ("given", "switches", "rejected", "told"),
    [
        (("somebody", "hush", "CODE"), {}, "user-name", "does not know the API user somebody"),
        (("new@msp.example", "wrong", "CODE"), {}, "secret", "does not accept the API user's secret"),
        (("new@msp.example", "hush", "WRONG"), {}, "tracking-identifier", "IntegrationCode is invalid."),
        (("new@msp.example", "hush", "CODE"), {"blocked_user": "403"}, "blocked", "clear Locked"),
        (("new@msp.example", "hush", "CODE"), {"blocked_user": "404"}, "blocked", "clear Locked"),
        (("new@msp.example", "hush", "CODE"), {"blocked_user": "500"}, "blocked", "has been locked"),
        (("new@msp.example", "hush", "CODE"), {"denied": ["Contracts"]}, "permission", "view all contracts"),
    ],
)
def test_credentials_that_do_not_work_are_not_kept(
    desk: Desk, given: tuple[str, str, str], switches: dict[str, object], rejected: str, told: str
) -> None:
    """What is wrong is said, with Autotask's message and what to do; one try, for failed ones lock the account."""
    desk.world.control.set_credentials("new@msp.example", "hush", "CODE")
    desk.world.control.set_switches(switches)
    user, secret, code = given
    arguments = ("credentials", "set", "--username", user, "--secret", secret, "--integration-code", code)
    refused = desk.refused(*arguments)
    assert told in refused
    assert "nothing was stored" in refused
    assert desk.stored == []
    tries = [one for one in desk.world.control.requests() if one["entity"] != "ZoneInformation"]
    assert len(tries) == (0 if rejected == "user-name" else 1)
    assert json.loads(desk.run(*arguments, "--json", "--try-again").out)["rejected"] == rejected
    assert "hush" not in refused


@pytest.mark.parametrize(
    "told",
    [
        Response(500, {}, b'{"errors":["no"]}'),
        Response(403, {}, b""),
        Response(404, {}, b""),
        Response(401, {}, b""),
    ],
)
def test_only_an_accepted_answer_is_kept(desk: Desk, told: Response) -> None:
    """Whatever else Autotask answers to everything."""
    inner = InProcess(desk.world.api)

    def transport(request: Request) -> Response:
        return inner(request) if "zoneInformation" in request.url else told

    desk.transport = transport
    assert "nothing was stored" in desk.refused("credentials", "set", *GIVEN)
    assert desk.stored == []


def test_credentials_that_cannot_be_checked_are_kept_only_on_demand(desk: Desk) -> None:
    """While Autotask is away nothing is stored, unless a person says so."""
    desk.world.api.faults.add(Fault("not_sent", times=None))
    assert "--unchecked" in desk.refused("credentials", "set", *GIVEN)
    assert desk.stored == []
    assert desk.ask("credentials", "set", *GIVEN, "--unchecked")["zone"] is None
    assert len(desk.stored) == 1


def test_a_part_that_is_missing_is_named(desk: Desk) -> None:
    """Without a terminal nothing is asked."""
    assert "AUTOTASK_SECRET is missing" in desk.refused("credentials", "set", "--username", "a", status=2)
    assert "empty, or has blanks" in desk.refused(
        "credentials", "set", "--username", "a b ", "--secret", "x ", "--integration-code", "c", status=2
    )


def test_changes_go_on_soon_after_new_credentials(desk: Desk) -> None:
    """A quarter of an hour was waited after the refusal; now only until no worker holds the old ones."""
    world = desk.world
    world.map_customer()
    world.api.faults.add(Fault("unauthorized", times=None))
    world.tell(7, {ADV: 28})
    world.work()
    world.api.faults.clear()
    said = desk.ask("credentials", "set", *GIVEN)
    assert said["resumes_at"] == "2026-03-15T09:17:44+00:00"
    world.pass_time(minutes=4)
    assert world.posted() == []
    world.pass_time(minutes=2)
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_what_to_register_in_timus_is_shown(desk: Desk) -> None:
    """The URL, and the secret as Timus takes it."""
    assert desk.ask("webhook", "show") == {
        "url": "https://api.test/webhooks/timus",
        "secret": WEBHOOK_SECRET,
        "previous_secrets": 0,
        "malformed_secrets": 0,
    }
    assert WEBHOOK_SECRET in desk.told("webhook", "show")


def test_a_stored_secret_that_cannot_be_used_is_named(desk: Desk) -> None:
    """Of two earlier values one is no base64: it is counted apart, and said."""
    desk.world.secrets.rotate(WEBHOOK_SECRET, f"whsec_{'A1b2' * 11}", "whsec_old-plain-secret")
    shown = desk.ask("webhook", "show")
    assert (shown["previous_secrets"], shown["malformed_secrets"]) == (1, 1)
    assert "1 of the stored values cannot be used" in desk.told("webhook", "show")


@pytest.fixture
def posted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    """What was posted; answered by the receiving function itself."""
    requests: list[HttpRequest] = []

    def webhook(url: str) -> Deliver:
        def deliver(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
            if url == "https://away.test":
                raise NotDelivered("refused")
            typed = {**headers, "content-type": "application/json"}
            requests.append(HttpRequest("POST", urlsplit(url).path, typed, body))
            answer = receive(requests[-1], desk.world.receive_ports)
            return answer.status, answer.body

        return deliver

    class Now:
        @staticmethod
        def now() -> object:
            return desk.world.clock.now()

    monkeypatch.setattr("timus_autotask.cli.access.webhook_at", webhook)
    monkeypatch.setattr("timus_autotask.cli.access.SystemClock", Now)
    return requests


def test_an_event_is_sent_as_timus_would(desk: Desk, posted: list[HttpRequest]) -> None:
    """Its bytes as they are, signed with the stack's secret, under an id of its own."""
    first = desk.ask("send", str(SAMPLE))
    second = desk.ask("send", str(SAMPLE))
    assert (first["status"], first["answer"]) == (202, '{"status":"accepted"}')
    assert first["id"] != second["id"]
    assert posted[0].body == SAMPLE.read_bytes()


def test_an_event_can_be_sent_with_fields_of_ones_own(desk: Desk, posted: list[HttpRequest]) -> None:
    """Any field, the id and the time of the attempt."""
    desk.ask(
        "send",
        str(SAMPLE),
        "--set",
        "data.subscription.items.0.quantity=31",
        "--set",
        "type=x",
        "--id",
        "evt_1",
        "--timestamp",
        "1773565964",
    )
    event = json.loads(posted[0].body)
    assert (event["data"]["subscription"]["items"][0]["quantity"], event["type"]) == (31, "x")
    assert posted[0].headers["webhook-id"] == "evt_1"
    assert posted[0].headers["webhook-timestamp"] == "1773565964"
    desk.refused("send", str(SAMPLE), "--set", "data.nothing.here=1", status=2)


def test_an_event_that_is_not_accepted_fails(desk: Desk, posted: list[HttpRequest]) -> None:
    """With its answer, and an exit status that a script sees."""
    other = "whsec_c2FtcGxlIHNlY3JldCBvZiBub2JvZHkgYXQgYWxsISE="
    said = desk.run("send", str(SAMPLE), "--secret", other, "--json")
    assert said.status == 1
    assert said.json["status"] == 401
    assert "not accepted" in desk.refused("send", str(SAMPLE), "--secret", other)


def test_what_cannot_be_sent_is_told(desk: Desk, posted: list[HttpRequest]) -> None:
    """A missing file, a secret that is none, a server that does not answer."""
    assert "cannot be read" in desk.refused("send", "/no/such/file", status=2)
    assert "a webhook secret is not base64" in desk.refused("send", str(SAMPLE), "--secret", "x", status=2)
    assert "does not answer" in desk.refused("send", str(SAMPLE), "--url", "https://away.test", status=3)
    assert posted == []


def test_an_event_of_nobody_asks_no_stack(tmp_path: Path) -> None:
    """What is wrong with the file is said first."""
    file = tmp_path / "event.json"
    file.write_text('{"type": "subscription.updated", "data": {}}')
    world = World()
    before = world.table.documents()
    assert "data.subscription.customer.id" in Desk(world).refused("send", str(file), status=2)
    assert world.table.documents() == before


@pytest.mark.parametrize("named", ["--url", "TIMUS_WEBHOOK_URL"])
def test_what_goes_to_the_stacks_own_webhook_is_shown_first_however_it_is_named(
    named: str, desk: Desk, posted: list[HttpRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent elsewhere, nobody knows what follows, and that is said."""
    desk.world.map_customer()
    expected = desk.ask("send", str(SAMPLE), "--dry-run")["preview"]
    assert expected
    for url, preview in ((desk.deployment("").webhook_url, expected), ("https://other.test/w", [])):
        order = ["send", str(SAMPLE), "--dry-run"]
        if named == "--url":
            order += ["--url", url]
        else:
            monkeypatch.setenv(named, url)
        assert desk.ask(*order)["preview"] == preview
        said = desk.run(*order).out
        assert ("is not known to be this stack's webhook" in said) is (url == "https://other.test/w")
    assert posted == []


def test_sending_needs_no_stack_when_url_and_secret_are_given(
    desk: Desk, posted: list[HttpRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of the local stack are enough."""
    monkeypatch.setenv("TIMUS_WEBHOOK_URL", "https://api.test/webhooks/timus")
    monkeypatch.setenv("TIMUS_WEBHOOK_SECRET", WEBHOOK_SECRET)

    def missing(_stack: str) -> None:
        raise Failed("there is no stack")

    monkeypatch.setattr(desk, "deployment", missing)
    assert desk.ask("send", str(SAMPLE))["status"] == 202
