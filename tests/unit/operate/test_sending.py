"""An event that a person sends as Timus would, without a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.world import World
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.bootstrap import delivery
from timus_autotask.operate.deployment import NotDelivered
from timus_autotask.operate.refusal import Senseless
from timus_autotask.operate.sending import require_event, signed, with_field
from timus_autotask.sync.receive import HttpRequest, receive

URL = "https://api.test/webhooks/timus"

EVENTS = Path(__file__).parents[3] / "events" / "timus"


def test_what_is_signed_is_accepted() -> None:
    """The receiving function itself takes it in, under the id that it got."""
    world = World()
    event = signed(b'{"type": "webhook.test"}', WEBHOOK_SECRET, world.clock.now())

    def deliver(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        typed = {**headers, "content-type": "application/json"}
        answer = receive(HttpRequest("POST", "/webhooks/timus", typed, body), world.receive_ports)
        return answer.status, answer.body

    sent = event.send(deliver)
    assert (sent.status, sent.accepted, event.headers["webhook-id"]) == (202, True, event.id)


def test_a_secret_that_is_none_signs_nothing() -> None:
    """The one who gave it learns what it must be."""
    with pytest.raises(Senseless, match="not base64"):
        signed(b"{}", "x", 1)


@pytest.mark.parametrize("body", [b"customer,company\ncus_1,600\n", b"[]", b"", b"\xff\xfe"])
def test_a_file_that_cannot_be_an_event_is_not_sent(body: bytes) -> None:
    """Such as a file of mappings: it would be signed, parked, and wait for a person."""
    with pytest.raises(Senseless, match="no event"):
        require_event(body)
    require_event(b'{"type": "webhook.test"}')


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "type"),
        ({"type": 7}, "type"),
        ({"type": "subscription.updated"}, "data.subscription.customer.id"),
        (
            {"type": "subscription.updated", "data": {"subscription": {"id": "s"}}},
            "data.subscription.customer.id",
        ),
        (
            {"type": "subscription.updated", "data": {"customer": {"id": "a b"}}},
            "data.subscription.customer.id",
        ),
        ({"type": "customer.updated", "data": {}}, "data.customer.id"),
    ],
)
def test_an_event_of_nobody_is_not_sent(event: object, field: str) -> None:
    """The field that is missing is named, and what a right file looks like."""
    with pytest.raises(Senseless) as raised:
        require_event(json.dumps(event).encode())
    for words in (f"the field {field} is missing", "Nothing was sent", '"customer": {"id": "cus_41d0"}'):
        assert words in str(raised.value)


@pytest.mark.parametrize("sample", sorted(EVENTS.glob("*.json")), ids=lambda path: path.name)
def test_every_sample_may_be_sent(sample: Path) -> None:
    """They are what a right file is."""
    require_event(sample.read_bytes())


def test_one_field_is_set() -> None:
    """Also in a list; a field that the event has not is refused."""
    body = b'{"data": {"items": [{"quantity": 1}]}}'
    assert json.loads(with_field(body, ["data", "items", "0", "quantity"], 31)) == {
        "data": {"items": [{"quantity": 31}]}
    }
    for path in (["data", "nothing", "here"], ["data", "items", "7", "quantity"]):
        with pytest.raises(Senseless, match=r"no field data\."):
            with_field(body, path, 1)
    with pytest.raises(Senseless):
        with_field(b"no JSON", ["data"], 1)


@pytest.mark.parametrize("failure", [NotSent("no such host"), NoAnswer("it broke off")])
def test_a_webhook_out_of_reach_is_named(failure: Exception) -> None:
    """Whether or not a byte has left."""

    def transport(request: Request) -> Response:
        assert request.url == URL
        raise failure

    with pytest.raises(NotDelivered, match=str(failure)):
        delivery(transport, URL)({}, b"{}")


def test_a_delivery_is_json_and_its_answer_is_text() -> None:
    """As API Gateway gives it."""
    asked: list[Request] = []

    def transport(request: Request) -> Response:
        asked.append(request)
        return Response(202, {}, b"taken in")

    assert delivery(transport, URL)({"webhook-id": "evt_1"}, b"{}") == (202, "taken in")
    assert (asked[0].method, asked[0].url, asked[0].headers["content-type"]) == (
        "POST",
        URL,
        "application/json",
    )
