"""Taking in a delivery: each row of the contract's table of answers, and what is written for it.

The 429 of the contract is the gateway's own (throttling), so it is a matter of the template.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.timus import change
from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.memory_secrets import WEBHOOK_SECRET, MemorySecrets
from tests.fakes.memory_table import MemoryTable
from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.aws.secrets_manager import webhook_secrets_of
from timus_autotask.ports.errors import QueueUnavailable, TableUnavailable
from timus_autotask.ports.table import Delete, Document, Key, Write
from timus_autotask.store.inbox import delivery_in, delivery_key
from timus_autotask.sync.receive import (
    LARGEST_BODY,
    PATH,
    HttpAnswer,
    HttpRequest,
    ReceivePorts,
    receive,
    request_of,
    response_of,
)
from timus_autotask.timus.signatures import sign

QUIET = 20
BODY = change("sub_1", 1, "cus_41d0", {"SASE-ADV-USER": 28}, "2026-03-15T09:12:44Z").encode()
IDS = {"event": "evt_1", "customer": "cus_41d0", "subscription": "sub_1"}
ACCEPTED = HttpAnswer(202, '{"status":"accepted"}')
NEW_SECRET = "whsec_" + base64.b64encode(b"the secret after the rotation").decode()


class RecordingTable(MemoryTable):
    """Counts the attempts to write; ``failure`` is raised by each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0
        self.failure: Exception | None = None

    def write(self, changes: Sequence[Write]) -> None:
        self.attempts += 1
        if self.failure:
            raise self.failure
        super().write(changes)


class RecordingQueue(MemoryQueue):
    """Keeps what was sent, before deduplication; ``failure`` is raised by each send."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock, delay=QUIET)
        self.sent: list[tuple[str, str]] = []
        self.failure: Exception | None = None

    def send(self, customer_id: str, dedup_id: str) -> None:
        self.sent.append((customer_id, dedup_id))
        if self.failure:
            raise self.failure
        super().send(customer_id, dedup_id)


@dataclass
class World:
    """The use case with fakes around it."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    table: RecordingTable = field(default_factory=RecordingTable)
    outcomes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = RecordingQueue(self.clock)
        self.secrets = MemorySecrets(self.clock)
        self.ports = ReceivePorts(
            table=self.table,
            wake_ups=self.queue,
            secrets=self.secrets,
            clock=self.clock,
            quiet_seconds=QUIET,
            tolerance_seconds=300,
            on_outcome=lambda name, **fields: self.outcomes.append((name, fields)),
        )

    def request(
        self, body: bytes = BODY, event_id: str = "evt_1", secret: str = WEBHOOK_SECRET
    ) -> HttpRequest:
        """A genuine delivery as of now."""
        signed = sign(event_id, int(self.clock.now().timestamp()), body, secret)
        return HttpRequest("POST", PATH, {"content-type": "application/json", **signed}, body)

    def receive(self, request: HttpRequest) -> HttpAnswer:
        """What the sender is told."""
        return receive(request, self.ports)

    def untouched(self) -> bool:
        """Whether nobody so much as tried to write or to send."""
        return self.table.attempts == 0 and self.queue.sent == []


@pytest.fixture
def world() -> World:
    """Everything in reach, nothing received yet."""
    return World()


def test_a_new_event_is_stored_and_announced(world: World) -> None:
    """The raw bytes wait under their customer, due for the sweep after the quiet period, and a wake-up is sent."""
    assert world.receive(world.request()) == ACCEPTED
    key = delivery_key("evt_1", BODY)
    now = int(world.clock.now().timestamp())
    assert world.table.documents() == [
        Document(
            Key("CUSTOMER#cus_41d0", f"INBOX#{key}"),
            1,
            {
                "event_id": "evt_1",
                "body": BODY.decode(),
                "encoding": "utf-8",
                "received_at": "2026-03-15T09:12:44+00:00",
                "webhook_timestamp": now,
            },
            due_at=now + QUIET + 60,
        )
    ]
    assert world.queue.sent == [("cus_41d0", f"{key}~{now}000")]
    assert world.outcomes == [("accepted", IDS)]


def test_a_second_delivery_rewrites_nothing(world: World) -> None:
    """The same event again is accepted and announced again, for the first delivery may have died in between."""
    world.receive(world.request())
    first = world.table.documents()
    for _ in range(3):
        world.clock.advance(30)
        assert world.receive(world.request()) == ACCEPTED
    assert world.table.documents() == first
    assert len(world.queue.sent) == 4
    assert world.queue.depth().delayed + world.queue.depth().visible == 2
    assert [name for name, _ in world.outcomes[1:]] == ["duplicate"] * 3


def test_a_delivery_after_the_event_was_merged_is_announced_anew(world: World) -> None:
    """The queue forgets what it has had within five minutes, so the event that waits again has a wake-up of its own."""
    world.receive(world.request())
    (document,) = world.table.documents()
    world.table.write([Delete(document.key, document.rev)])
    world.clock.advance(1)
    world.receive(world.request())
    assert len(world.table.documents()) == 1
    assert world.queue.depth().delayed + world.queue.depth().visible == 2


def test_one_id_with_two_contents_is_two_events(world: World) -> None:
    """Whatever comes under an id that is known already, neither content hides the other."""
    other = BODY.replace(b"updated", b"created")
    assert [world.receive(world.request(body)) for body in (BODY, other)] == [ACCEPTED, ACCEPTED]
    assert {delivery_in(each).raw for each in world.table.documents()} == {BODY, other}


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"not json", b"\xff\xfe", b'{"type": "of.tomorrow"}', b'{"data":{"customer":{"id":" "}}}'],
)
def test_signed_bytes_are_kept_whatever_they_are(world: World, body: bytes) -> None:
    """Signed bytes that nobody can read are accepted, and wait for a person under no customer."""
    assert world.receive(world.request(body)) == ACCEPTED
    (document,) = world.table.documents()
    assert document.key.pk == "CUSTOMER#-"
    assert delivery_in(document).raw == body
    assert world.queue.sent[0][0] == "-"


@pytest.mark.parametrize(
    "path", ["/", "", "/webhooks", "/webhooks/timus/", "/webhooks/timus/x", "/WEBHOOKS/timus"]
)
def test_another_path_is_not_found(world: World, path: str) -> None:
    """Only the one path is ours, whatever the method."""
    assert world.receive(replace(world.request(), path=path)).status == 404
    assert world.receive(replace(world.request(), path=path, method="GET")).status == 404
    assert world.untouched()
    assert world.outcomes[0] == ("rejected", {"status": 404})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"])
def test_another_method_is_not_allowed(world: World, method: str) -> None:
    """The answer tells which method is."""
    answer = world.receive(replace(world.request(), method=method))
    assert (answer.status, answer.headers) == (405, {"allow": "POST"})
    assert world.untouched()


def test_a_body_has_its_limit(world: World) -> None:
    """64 KiB are taken in and one byte more is not, before anything is computed over it."""
    assert world.receive(world.request(b"x" * (LARGEST_BODY + 1))).status == 413
    assert world.untouched()
    assert world.receive(world.request(b"x" * LARGEST_BODY)) == ACCEPTED


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("Application/JSON; charset=utf-8", 202),
        ("application/json;charset=ISO-8859-1;x=y", 202),
        (" application/json ", 202),
        ("text/plain", 415),
        ("application/json-patch+json", 415),
        ("application/jsonp", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_only_json_is_taken(world: World, content_type: str | None, status: int) -> None:
    """The content type says JSON, with any parameters, or the delivery is not for us."""
    request = world.request()
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    assert world.receive(replace(request, headers=headers)).status == status
    assert world.untouched() == (status == 415)


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("webhook-id", "", "missing"),
        ("webhook-id", "evt_2", "wrong"),
        ("webhook-signature", "", "missing"),
        ("webhook-signature", "v1,AAAA", "wrong"),
        ("webhook-timestamp", "soon", "malformed"),
        ("webhook-timestamp", "1000000000", "expired"),
    ],
)
def test_what_is_not_proven_gets_one_answer(world: World, header: str, value: str, reason: str) -> None:
    """Whatever is wrong with a signature, the sender reads the same bytes, and only the log knows more."""
    request = world.request()
    answer = world.receive(replace(request, headers={**request.headers, header: value}))
    assert answer == HttpAnswer(401, '{"error":"unauthorized"}')
    assert world.untouched()
    assert world.outcomes == [("refused", {"reason": reason})]


def unavailable(world: World) -> None:
    """The sender is asked to try again."""
    answer = world.receive(world.request())
    assert (answer.status, answer.headers) == (503, {"retry-after": "30"})


def test_without_the_table_it_is_tried_again(world: World) -> None:
    """What cannot be stored is not accepted, and nobody is woken for it."""
    world.table.failure = TableUnavailable("out of reach")
    unavailable(world)
    assert world.queue.sent == []
    world.table.failure = None
    assert world.receive(world.request()) == ACCEPTED


def test_without_the_queue_it_is_tried_again_and_not_lost(world: World) -> None:
    """The event is stored and due, so the sweep finds it even if nobody delivers it again."""
    world.queue.failure = QueueUnavailable("out of reach")
    unavailable(world)
    due = int(world.clock.now().timestamp()) + QUIET + 60
    waiting = world.table.get_many([one.key for one in world.table.due(due, 10)])
    assert [delivery_in(document).raw for document in waiting] == [BODY]
    world.queue.failure = None
    assert world.receive(world.request()) == ACCEPTED
    assert world.queue.depth().delayed == 1


def test_without_secrets_it_is_tried_again(world: World) -> None:
    """What cannot be judged is neither accepted nor refused."""
    world.secrets.available = False
    unavailable(world)
    assert world.untouched()


@pytest.mark.parametrize("secrets", [(), ("whsec_short",), ("whsec_?", NEW_SECRET)])
def test_a_bad_configuration_is_our_fault(world: World, secrets: tuple[str, ...]) -> None:
    """With no secret or a broken one, genuine deliveries must come again and not be refused."""
    world.secrets.rotate(*secrets)
    unavailable(world)
    assert world.untouched()


@pytest.mark.parametrize(
    "previous",
    [["old-plain-secret"], [f"{WEBHOOK_SECRET}\n"], [f"v1,{WEBHOOK_SECRET}"], None, WEBHOOK_SECRET, [5]],
)
def test_a_previous_secret_in_a_wrong_form_stops_nobody(world: World, previous: object) -> None:
    """During a rotation by hand: what the current secret signed is taken in, what nothing signed is refused, and both are told."""
    world.secrets.rotate(*webhook_secrets_of({"current": WEBHOOK_SECRET, "previous": previous}))
    assert world.receive(world.request()) == ACCEPTED
    assert world.receive(world.request(event_id="evt_2", secret=NEW_SECRET)).status == 401
    assert world.outcomes == [
        ("accepted", {"malformed_secrets": 1, **IDS}),
        ("refused", {"malformed_secrets": 1, "reason": "wrong"}),
    ]


def test_a_good_previous_secret_is_used_beside_a_current_one_in_a_wrong_form(world: World) -> None:
    """A sender who has not followed the rotation yet is heard; one who has must come again."""
    world.secrets.rotate("whsec_?", WEBHOOK_SECRET)
    assert world.receive(world.request()) == ACCEPTED
    assert world.receive(world.request(event_id="evt_2", secret=NEW_SECRET)).status == 503
    assert [fields["malformed_secrets"] for _, fields in world.outcomes] == [1, 1]


@pytest.mark.parametrize("current", ["", "whsec_", None, [WEBHOOK_SECRET]])
def test_a_good_previous_secret_is_used_beside_none(world: World, current: object) -> None:
    """What it signed is taken in, and told as a secret that cannot be used."""
    world.secrets.rotate(*webhook_secrets_of({"current": current, "previous": [WEBHOOK_SECRET]}))
    assert world.receive(world.request()) == ACCEPTED
    assert world.receive(world.request(event_id="evt_2", secret=NEW_SECRET)).status == 503
    assert [fields["malformed_secrets"] for _, fields in world.outcomes] == [1, 1]


def test_the_address_that_nobody_guesses_is_the_same_webhook(world: World) -> None:
    """What the gateway took for its own second route is read like the first; a path alone proves nothing."""
    request = world.request()
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": f"{PATH}/0d0c27f0-aaaa-11f0-9e3b-0a58a9feac02",
        "headers": request.headers,
        "body": BODY.decode(),
    }
    routed = event | {"routeKey": f"POST {event['rawPath']}"}
    assert world.receive(request_of(routed)) == ACCEPTED
    for route_key in (
        {},
        {"routeKey": f"POST {PATH}"},
        {"routeKey": f"ANY {PATH}"},
        {"routeKey": "$default"},
    ):
        assert world.receive(request_of(event | route_key)).status == 404


def test_a_bug_loses_nothing(world: World) -> None:
    """An error that nobody foresaw is told with what it is about, and the delivery asked for again; nobody is told the body."""
    world.table.failure = KeyError("a bug")
    unavailable(world)
    assert world.outcomes == [("failed", {"error": "KeyError", **IDS})]


def test_a_dying_process_is_not_held_up(world: World) -> None:
    """What ends the process is no exception to answer."""
    world.table.failure = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        world.receive(world.request())


def test_a_rotated_secret_is_looked_up(world: World) -> None:
    """A delivery signed with a newer secret than our copy is genuine as soon as the copy may be dropped."""
    world.receive(world.request())
    world.secrets.rotate(NEW_SECRET, WEBHOOK_SECRET)
    world.clock.advance(61)
    assert world.receive(world.request(event_id="evt_2", secret=NEW_SECRET)) == ACCEPTED
    assert world.receive(world.request(event_id="evt_3")) == ACCEPTED
    assert world.secrets.reads == 2


def test_forgeries_are_no_load_on_the_secret_store(world: World) -> None:
    """Wrong signatures make the secrets be read once a minute at most, and other refusals never."""
    forged = NEW_SECRET
    for _ in range(120):
        world.clock.advance(1)
        assert world.receive(world.request(secret=forged)).status == 401
    assert world.secrets.reads <= 3
    world.clock.advance(61)
    reads = world.secrets.reads
    stale = replace(world.request(), headers={**world.request().headers, "webhook-timestamp": "1000000000"})
    assert world.receive(stale).status == 401
    assert world.secrets.reads == reads


header_values = st.text(st.characters(codec="utf-8"), max_size=80)


@st.composite
def unsigned_requests(draw: st.DrawFn) -> HttpRequest:
    """A genuine delivery with at least one signed part changed, and perhaps anything else."""
    genuine = World().request(event_id=draw(st.sampled_from(["evt_1", "x"])))
    headers = dict(genuine.headers)
    body = genuine.body
    for part in draw(st.sets(st.sampled_from([*headers, "body", "secret"]), min_size=1)):
        match part:
            case "body":
                body = draw(st.binary(max_size=100) | st.just(body + b" "))
            case "secret":
                headers |= World().request(secret=NEW_SECRET).headers
            case _:
                match draw(st.sampled_from(["drop", "change", "double"])):
                    case "drop":
                        headers.pop(part, None)
                    case "change":
                        headers[part] = draw(header_values)
                    case _:
                        headers[part.upper()] = draw(header_values)
    return HttpRequest(
        draw(st.sampled_from(["POST", "POST", "POST", "PUT"])),
        draw(st.sampled_from([PATH, PATH, "/"])),
        headers,
        body,
    )


def proven(request: HttpRequest, world: World) -> bool:
    """Whether the signed parts are what the secret's owner signs, found by signing again."""
    names = [name.lower() for name in request.headers]
    if any(names.count(name) != 1 for name in ("webhook-id", "webhook-timestamp", "webhook-signature")):
        return False
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers["webhook-timestamp"] != str(int(world.clock.now().timestamp())):
        return False
    again = world.request(request.body, headers["webhook-id"]).headers["webhook-signature"]
    return again in headers["webhook-signature"].split(" ")


@given(unsigned_requests())
def test_nothing_unsigned_causes_a_write(request: HttpRequest) -> None:
    """A request that is not proven genuine writes nothing and sends nothing, whatever else it is (promise I6)."""
    world = World()
    answer = world.receive(request)
    assert 400 <= answer.status < 500 or proven(request, world)
    assert world.untouched() == (answer.status != 202)


@given(st.text(min_size=1, max_size=300), st.binary(max_size=40), st.binary(max_size=40))
def test_an_events_key_is_short_plain_and_its_own(event_id: str, body: bytes, other: bytes) -> None:
    """The key has none of the characters that keys are made with, fits everywhere, and tells contents apart."""
    event_id = event_id.encode("utf-8", "replace").decode()
    key = delivery_key(event_id, body)
    assert len(key) <= 113
    assert key.replace("~", "").replace("_", "").replace("-", "").isalnum()
    assert key.isascii()
    assert (delivery_key(event_id, other) == key) == (other == body)
    assert delivery_key(event_id + "#", body) != key


@given(st.binary(max_size=60), st.booleans())
def test_the_body_comes_as_the_bytes_that_were_sent(body: bytes, as_base64: bool) -> None:
    """API Gateway hands over text, or base64 of what is no text; both are the sender's bytes again, also once stored."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        as_base64 = True
        text = ""
    event = {
        "rawPath": PATH,
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"content-type": "application/json"},
        "body": base64.b64encode(body).decode() if as_base64 else text,
        "isBase64Encoded": as_base64,
    }
    assert request_of(event) == HttpRequest("POST", PATH, {"content-type": "application/json"}, body)
    world = World()
    assert world.receive(world.request(body)) == ACCEPTED
    assert [delivery_in(document).raw for document in world.table.documents()] == [body]


def test_the_limit_counts_decoded_bytes(world: World) -> None:
    """Base64 of the gateway makes a body longer, and its limit is still that of the sender's bytes."""
    body = b"\xff" * LARGEST_BODY
    genuine = world.request(body)
    event = {
        "rawPath": PATH,
        "requestContext": {"http": {"method": "POST"}},
        "headers": genuine.headers,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    assert world.receive(request_of(event)) == ACCEPTED


def test_an_event_may_have_no_body_and_no_headers() -> None:
    """API Gateway leaves out what a request does not have."""
    event = {"rawPath": "/", "requestContext": {"http": {"method": "GET"}}}
    assert request_of(event) == HttpRequest("GET", "/", {}, b"")


def test_answers_are_json_for_the_gateway(world: World) -> None:
    """Every answer is JSON with its status and headers as API Gateway takes them."""
    response = response_of(world.receive(replace(world.request(), method="GET")))
    assert response["statusCode"] == 405
    assert response["headers"] == {"content-type": "application/json", "allow": "POST"}
    assert response["isBase64Encoded"] is False
    assert json.loads(response["body"]) == {"error": "method not allowed"}
