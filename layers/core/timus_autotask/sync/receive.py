"""Use case: take in one delivery of Timus, durably and at once; what it says is the worker's question.

Every answer but 2xx is retried by the sender for days, so an answer is 4xx only for what will never be right. Signed
bytes are kept whatever they say; bytes that are not proven to be from Timus change nothing anywhere.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from timus_autotask.ports.clock import Clock
from timus_autotask.ports.errors import Conflict, InfrastructureError
from timus_autotask.ports.queue import WakeUps
from timus_autotask.ports.secrets import Secrets
from timus_autotask.ports.table import Table
from timus_autotask.store.inbox import NOBODY, delivery_of, put_delivery
from timus_autotask.timus.peek import peek_customer, peek_subscription
from timus_autotask.timus.signatures import SecretMalformed, SignatureRefused, malformed, verify

PATH = "/webhooks/timus"
LARGEST_BODY = 64 * 1024
"""Bytes, after API Gateway's base64 is undone."""
SWEEP_GRACE = 60
"""Seconds after the quiet period in which the wake-up has its chance before the sweep looks at the event."""
RETRY_AFTER = 30
"""Seconds that we ask for while something of ours is out of reach."""

_CONTENT_TYPE = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came, with the body as raw bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to the sender. ``body`` is JSON."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def _no_outcome(name: str, **fields: Any) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class ReceivePorts:
    """What the use case needs of the world."""

    table: Table
    wake_ups: WakeUps
    secrets: Secrets
    clock: Clock
    quiet_seconds: int
    """How long the queue holds a wake-up back, so that a burst of changes is handled as one."""
    tolerance_seconds: int
    """How far the timestamp of a delivery attempt may be from now."""
    on_outcome: Callable[..., None] = _no_outcome
    """Called once a request with what became of it and fields for logs: ``accepted`` and ``duplicate``, ``refused`` (reason),
    ``rejected`` (status), ``unavailable`` and ``failed`` (error). Once the signature is right, with the ids of the event, its
    customer and its subscription. ``malformed_secrets`` says how many webhook secrets cannot be used, if there are any."""


_ACCEPTED = HttpAnswer(202, '{"status":"accepted"}')
_NOT_FOUND = HttpAnswer(404, '{"error":"not found"}')
_METHOD_NOT_ALLOWED = HttpAnswer(405, '{"error":"method not allowed"}', {"allow": "POST"})
_TOO_LARGE = HttpAnswer(413, '{"error":"larger than 64 KiB"}')
_NOT_JSON = HttpAnswer(415, '{"error":"the content type must be application/json"}')
_UNAUTHORIZED = HttpAnswer(401, '{"error":"unauthorized"}')
_UNAVAILABLE = HttpAnswer(503, '{"error":"try again later"}', {"retry-after": str(RETRY_AFTER)})


def receive(request: HttpRequest, ports: ReceivePorts) -> HttpAnswer:
    """Verify a delivery, store it, wake the worker, and say so. Never raises for anything but a dying process."""
    rejection = _rejection(request)
    if rejection:
        ports.on_outcome("rejected", status=rejection.status)
        return rejection
    known: dict[str, Any] = {}
    try:
        now = ports.clock.now()
        _verify(request, ports, now, known)
        known |= _ids(request)
        outcome = _take_in(request, ports, now)
    except SignatureRefused as refused:
        ports.on_outcome("refused", reason=refused.reason, **known)
        return _UNAUTHORIZED
    except (InfrastructureError, SecretMalformed) as unavailable:
        ports.on_outcome("unavailable", error=f"{type(unavailable).__name__}: {unavailable}", **known)
        return _UNAVAILABLE
    except Exception as bug:  # noqa: BLE001 - Timus delivers again, so nothing is lost while the bug is found
        ports.on_outcome("failed", error=type(bug).__name__, **known)
        return _UNAVAILABLE
    ports.on_outcome(outcome, **known)
    return _ACCEPTED


def _ids(request: HttpRequest) -> dict[str, str | None]:
    """What a signed delivery is about, for logs."""
    [event] = [value for name, value in request.headers.items() if name.lower() == "webhook-id"]
    return {
        "event": event,
        "customer": peek_customer(request.body),
        "subscription": peek_subscription(request.body),
    }


def _rejection(request: HttpRequest) -> HttpAnswer | None:
    if request.path != PATH:
        return _NOT_FOUND
    if request.method != "POST":
        return _METHOD_NOT_ALLOWED
    if len(request.body) > LARGEST_BODY:
        return _TOO_LARGE
    content_type = next((v for k, v in request.headers.items() if k.lower() == "content-type"), "")
    if not _CONTENT_TYPE.fullmatch(content_type.strip()):
        return _NOT_JSON
    return None


def _verify(request: HttpRequest, ports: ReceivePorts, now: datetime, known: dict[str, Any]) -> None:
    """Return if the delivery is genuine; ``known`` gets what there is to say about our secrets."""

    def check() -> None:
        secrets = ports.secrets.webhook_secrets()
        known.pop("malformed_secrets", None)  # they may have been corrected since
        if bad := malformed(secrets):
            known["malformed_secrets"] = bad
        verify(request.headers, request.body, secrets, now, ports.tolerance_seconds)

    try:
        check()
    except SignatureRefused as refused:
        # It may be signed with a secret that is newer than our copy.
        if refused.reason != "wrong" or not ports.secrets.refresh():
            raise
        check()


def _take_in(request: HttpRequest, ports: ReceivePorts, now: datetime) -> str:
    """Store a delivery and wake the worker; returns ``accepted``, or ``duplicate`` when it waits there already."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    delivery = delivery_of(headers["webhook-id"], request.body, now, int(headers["webhook-timestamp"]))
    customer = peek_customer(request.body) or NOBODY
    outcome = "accepted"
    # The queue forgets a wake-up that it has had in the last five minutes. An event that is delivered again after it was
    # merged waits in the inbox again, so it needs a wake-up of its own.
    wake_up = f"{delivery.key}~{int(now.timestamp() * 1000)}"
    try:
        due_at = int(now.timestamp()) + ports.quiet_seconds + SWEEP_GRACE
        ports.table.write([put_delivery(customer, delivery, due_at)])
    except Conflict:
        # The same id with the same bytes waits there already. Its first delivery may have died before its wake-up.
        outcome, wake_up = "duplicate", delivery.key
    ports.wake_ups.send(customer, wake_up)
    return outcome


def request_of(event: Mapping[str, Any]) -> HttpRequest:
    """The request in an event of API Gateway (HTTP API, payload format 2.0).

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

    The template has a second route for the same, with a last part that nobody guesses; that the gateway took the request for
    it is all there is to check.
    """
    guarded = event.get("routeKey", "").startswith(f"POST {PATH}/")
    body: str = event.get("body") or ""
    return HttpRequest(
        method=event["requestContext"]["http"]["method"],
        path=PATH if guarded else event["rawPath"],
        headers=event.get("headers") or {},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(errors="surrogatepass"),
    )


def response_of(answer: HttpAnswer) -> dict[str, Any]:
    """The answer as API Gateway (HTTP API, payload format 2.0) takes it from a function."""
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json", **answer.headers},
        "body": answer.body,
        "isBase64Encoded": False,
    }
