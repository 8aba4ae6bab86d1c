"""Each row of the webhook's table of answers over real HTTP, and that nothing unsigned changes anything."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import pytest

from tests.e2e.deployed import ADV, ESS, GATEWAY, Client, Deployed, day

pytestmark = pytest.mark.emulator

UNAUTHORIZED = {"error": "unauthorized"}


def test_what_is_signed_is_accepted_whatever_it_says(client: Client) -> None:
    """New, duplicate, older, of an unknown type, no JSON at all: 202 with one constant body."""
    new = client.body(8, {ADV: 25, GATEWAY: 1})
    older = client.body(7, {ADV: 25, GATEWAY: 1})
    unknown = client.body(9, {ADV: 25, GATEWAY: 1}, type="subscription.admired")
    for event_id, body in (
        ("evt_a1", new),
        ("evt_a1", new),
        ("evt_a2", older),
        ("evt_a3", unknown),
        ("evt_a4", b"\x00 no JSON"),
    ):
        answer = client.deployed.request(body, client.deployed.signed(event_id, body))
        assert (answer.status, answer.body) == (202, {"status": "accepted"})


def test_an_event_as_large_as_allowed_is_read_whole(client: Client) -> None:
    """64 KiB are taken in and applied; one byte more is 413."""
    body = client.body(7, {ADV: 27, GATEWAY: 1})
    body = body[:-1] + b" " * (64 * 1024 - len(body)) + b"}"
    assert client.deliver("evt_large", body) == 202
    assert client.deliver("evt_larger", body + b" ") == 413
    client.rests()
    assert client.posts() == [(ADV, 2, day(0))]


def test_other_methods_and_paths(deployed: Deployed) -> None:
    """405 with the allowed method, 404, 415; none of them looks at the signature."""
    body = b"{}"
    headers = deployed.signed("evt_route", body)
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        answer = deployed.request(b"" if method in ("GET", "HEAD") else body, headers, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
    for path in ("/webhooks", "/webhooks/timus/more", "/webhooks/autotask", "/"):
        assert deployed.request(body, headers, path=path).status == 404
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        assert deployed.request(body, {**headers, "content-type": kind}).status == 415
    assert (
        deployed.request(body, {**headers, "content-type": "Application/JSON; charset=utf-8"}).status == 202
    )


def _changed(name: str, value: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: {**headers, name: value}


def _without(name: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def test_nothing_unsigned_writes_anything(deployed: Deployed) -> None:
    """Missing, malformed, wrong and expired signatures: 401, one constant body, and table, queues and Autotask stay as they were."""
    client = deployed.client()
    client.tell(7, {ADV: 25, GATEWAY: 1})
    client.rests()
    body = client.body(8, {ADV: 500, GATEWAY: 1})
    genuine = deployed.signed("evt_forged", body)
    signature = genuine["webhook-signature"]
    attempts: list[tuple[bytes, Mapping[str, str]]] = [
        (body, {"content-type": "application/json"}),
        *(
            (body, _without(name)(genuine))
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ),
        (body, _changed("webhook-id", "evt_other")(genuine)),
        (body, _changed("webhook-id", "evt.forged")(genuine)),
        (body, _changed("webhook-timestamp", str(int(time.time()) - 1))(genuine)),
        (body, _changed("webhook-timestamp", "now")(genuine)),
        (body, _changed("webhook-signature", "")(genuine)),
        (body, _changed("webhook-signature", signature.replace("v1,", "v2,"))(genuine)),
        (body, _changed("webhook-signature", signature[:-4] + "AAA=")(genuine)),
        (body, _changed("webhook-signature", "v1,%%%")(genuine)),
        (body + b" ", genuine),
        (body, deployed.signed("evt_old", body, at=time.time() - 301)),
        (body, deployed.signed("evt_early", body, at=time.time() + 360)),
        (b"", deployed.signed("evt_empty", body)),
    ]

    def everything() -> object:
        return deployed.items(), deployed.waiting(), deployed.waiting("DeadLetterQueueUrl"), client.posts()

    deployed.stack.invoke("Sweep")  # what the schedule notes of itself is noted now
    before = everything()
    answers = [deployed.request(content, headers) for content, headers in attempts]
    assert [(answer.status, answer.body) for answer in answers] == [(401, UNAUTHORIZED)] * len(attempts)
    assert len({frozenset(answer.headers) for answer in answers}) == 1
    assert everything() == before
    assert deployed.request(body, genuine).status == 202, "the signature itself was good"
    client.rests()
    assert client.posts() == [(ADV, 475, day(0))]


def test_two_signatures_of_which_one_is_ours(client: Client) -> None:
    """During a rotation the sender lists several signatures; any genuine one is enough."""
    body = client.body(7, {ESS: 3, ADV: 25, GATEWAY: 1})
    headers = client.deployed.signed("evt_rotated", body)
    headers["webhook-signature"] = f"v1,{'A' * 43}= {headers['webhook-signature']}"
    assert client.deployed.request(body, headers).status == 202
    client.rests()
    assert client.posts() == [(ESS, 3, day(0))]


def test_a_body_that_arrives_in_chunks(client: Client) -> None:
    """Without a content length the signature still covers the bytes as they came."""
    body = client.body(7, {ADV: 26, GATEWAY: 1})
    url = urlsplit(client.deployed.stack.webhook_url)
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    parts = iter([body[:100], body[100:]])
    connection.request(
        "POST", url.path, parts, client.deployed.signed("evt_chunks", body), encode_chunked=True
    )
    assert connection.getresponse().status == 202
    connection.close()
    client.rests()
    assert client.posts() == [(ADV, 1, day(0))]


@pytest.mark.parametrize("action", ["dynamodb:PutItem", "sqs:SendMessage"])
def test_our_own_fault_is_503_and_the_sender_tries_again(client: Client, action: str) -> None:
    """With the table or the queue out of reach nothing is accepted; the same delivery later is applied once."""
    body = client.body(7, {ADV: 28, GATEWAY: 1})
    with client.deployed.denied("ReceiveWebhook", action):
        answer = client.deployed.request(body, client.deployed.signed("evt_retried", body))
        assert (answer.status, answer.body) == (503, {"error": "try again later"})
        assert int(answer.headers["retry-after"]) > 0
    assert client.deliver("evt_retried", body) == 202
    client.rests()
    assert client.posts() == [(ADV, 3, day(0))]
