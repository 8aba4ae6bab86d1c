"""The inbox: an accepted event that waits to be merged. Its document is made and read here and nowhere else.

The webhook function imports this module in each cold start: standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from timus_autotask.ports.table import Document, Due, Put
from timus_autotask.store.keys import INBOX, inbox_key

NOBODY = "-"
"""Stands for the customer if a body does not name one."""

FROM_FILE = "timus-export"
"""How the id of an event begins that a person took in from a file."""

FROM_SETUP = "timus-autotask-test"
"""How the id of a test event begins that an operator sent."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An accepted event, its bytes as they came."""

    key: str
    """Under which the event is kept; see :func:`delivery_key`."""
    event_id: str
    received_at: datetime
    body: str
    encoding: str
    """``utf-8``: ``body`` is the text of the bytes; ``base64``: they are no text, and ``body`` is their Base64."""
    sent_at: int | None = None
    """Unix seconds at which the sender says that it sent it; None: it is no delivery of the sender."""
    outcome: str | None = None
    """Of an event that was merged before and is replayed: what became of it then."""

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        return raw_of(self.body, self.encoding)


def raw_of(body: str, encoding: str) -> bytes:
    """The bytes that are kept as ``body``."""
    return base64.b64decode(body) if encoding == "base64" else body.encode()


def delivery_of(event_id: str, raw: bytes, received_at: datetime, sent_at: int | None = None) -> Delivery:
    """A delivery as it came in."""
    try:
        body, encoding = raw.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(raw).decode(), "base64"
    return Delivery(delivery_key(event_id, raw), event_id, received_at, body, encoding, sent_at)


def delivery_key(event_id: str, raw: bytes) -> str:
    """The key under which an event is kept: at most 113 characters that no part of the product treats specially.

    It depends on the content too, so that one ``webhook-id`` with two contents makes two events and neither hides
    the other.
    """
    plain = event_id if _PLAIN_ID.fullmatch(event_id) else hashlib.sha256(event_id.encode()).hexdigest()
    return f"{plain}~{hashlib.sha256(raw).hexdigest()[:12]}"


def put_delivery(customer_id: str, delivery: Delivery, due_at: int) -> Put:
    """Let an event wait for a customer's next merge; the sweep looks at it at ``due_at`` (unix seconds).

    It waits there once: a second one with the same key raises ``Conflict``.
    """
    data: dict[str, Any] = {
        "event_id": delivery.event_id,
        "received_at": delivery.received_at.isoformat(),
        "body": delivery.body,
        "encoding": delivery.encoding,
    }
    if delivery.sent_at is not None:
        data["webhook_timestamp"] = delivery.sent_at
    if delivery.outcome is not None:
        data["outcome"] = delivery.outcome
    return Put(inbox_key(customer_id, delivery.key), data, expected=0, due_at=due_at)


def waits_in_inbox(document: Document | Due) -> bool:
    """Whether a document is an event that waits to be merged."""
    return document.key.sk.startswith(INBOX)


def delivery_in(document: Document) -> Delivery:
    """The delivery that a document of the inbox holds."""
    data = document.data
    return Delivery(
        key=document.key.sk.removeprefix(INBOX),
        event_id=data["event_id"],
        received_at=datetime.fromisoformat(data["received_at"]),
        body=data["body"],
        encoding=data["encoding"],
        sent_at=data.get("webhook_timestamp"),
        outcome=data.get("outcome"),
    )
