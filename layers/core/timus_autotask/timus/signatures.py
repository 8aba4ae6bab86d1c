"""Standard Webhooks 1.0 signatures over raw bytes.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The webhook function imports this module in each cold start, so it takes little from the standard library and
nothing else. The worker, not this function, reads what an event says (``timus/events.py``).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

# The parts are signed with full stops between them, so one within the id would let bytes move from one part to
# the next under the same signature (spec, "Signature scheme").
_EVENT_ID = re.compile(r"[!-\-/-~]+")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_PREFIX = "whsec_"

Refusal = Literal["missing", "malformed", "expired", "wrong"]


class SignatureRefused(Exception):
    """The delivery is not proven to be from Timus.

    ``reason`` is for logs and metrics only: no answer says which part of a request was wrong.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


class SecretMalformed(Exception):
    """The secret that would tell cannot be used: a fault of the configuration, never of the delivery."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    now: datetime,
    tolerance_seconds: int,
) -> None:
    """Return if any ``v1`` signature fits any of the secrets and the timestamp is near ``now``.

    A secret that is malformed is passed over (:func:`malformed` counts them): one wrong entry of a rotation must not
    refuse what the others signed. ``secrets`` has the current one first.

    Raises :class:`SignatureRefused` if not, and :class:`SecretMalformed` if that cannot be said: no secret can be used, or
    the current one cannot and no other fits. Header names in any case; a header that comes twice is refused, because two
    readers could take different ones.
    """
    event_id = _header(headers, "webhook-id")
    timestamp = _header(headers, "webhook-timestamp")
    signatures = _header(headers, "webhook-signature")
    if not _EVENT_ID.fullmatch(event_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureRefused("malformed")
    if abs(now.timestamp() - int(timestamp)) > tolerance_seconds:
        raise SignatureRefused("expired")
    if not secrets:
        raise SecretMalformed("there is no webhook secret")
    usable = [secret for secret in secrets if not _is_malformed(secret)]
    genuine = [_signature(event_id, timestamp, body, secret) for secret in usable]
    # Signatures of other versions ("v1a") may stand in the list; their prefix differs, so they never match.
    listed = [one.encode(errors="replace") for one in signatures.split(" ")]
    if not any(hmac.compare_digest(ours, theirs) for ours in genuine for theirs in listed):
        _key(secrets[0])  # it may have signed this: what cannot be judged is no forgery
        raise SignatureRefused("wrong")


def malformed(secrets: Sequence[str]) -> int:
    """How many of the secrets cannot be used."""
    return sum(map(_is_malformed, secrets))


def sign(event_id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers of a genuine delivery attempt at ``timestamp`` (unix seconds)."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signature(event_id, str(timestamp), body, secret).decode(),
    }


def _header(headers: Mapping[str, str], name: str) -> str:
    values = [value for key, value in headers.items() if key.lower() == name]
    if not values or not values[0]:
        raise SignatureRefused("missing")
    if len(values) > 1:
        raise SignatureRefused("malformed")
    return values[0]


def _signature(event_id: str, timestamp: str, body: bytes, secret: str) -> bytes:
    content = f"{event_id}.{timestamp}.".encode() + body
    return b"v1," + base64.b64encode(hmac.digest(_key(secret), content, "sha256"))


def _is_malformed(secret: str) -> bool:
    try:
        _key(secret)
    except SecretMalformed:
        return True
    return False


def _key(secret: str) -> bytes:
    encoded = secret.removeprefix(_PREFIX)
    try:
        # Some senders show their secrets without the padding of base64.
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SecretMalformed("a webhook secret is not base64") from error
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise SecretMalformed(f"a webhook secret must be {_PREFIX} and the base64 of 24 to 64 bytes")
    return key
