"""Use case: sign an event and send it as Timus would, once it was shown what would be adjusted because of it."""

from __future__ import annotations

import json
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import or_not_done, quiet, rehearse, wake
from timus_autotask.operate.refusal import Senseless
from timus_autotask.ports.errors import Conflict
from timus_autotask.store.inbox import delivery_of, put_delivery
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.events import AS_A_FILE, TEST, WITHOUT_SUBSCRIPTION
from timus_autotask.timus.peek import peek_customer
from timus_autotask.timus.signatures import SecretMalformed, sign
from timus_autotask.watch.forms import preview_form
from timus_autotask.watch.preview import Preview

Deliver = Callable[[Mapping[str, str], bytes], tuple[int, str]]
"""Sends a body with headers to a webhook; status and text of the answer. Raises ``NotDelivered``."""


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event as it goes out."""

    id: str
    headers: Mapping[str, str]
    body: bytes

    def send(self, deliver: Deliver) -> Sent:
        """Send it, once. Raises ``NotDelivered``."""
        return Sent(*deliver(self.headers, self.body))


@dataclass(frozen=True, slots=True)
class Sent:
    """How an event was answered."""

    status: int
    answer: str

    @property
    def accepted(self) -> bool:
        """Whether it was taken in."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Sending:
    """An event on its way to a webhook."""

    event_id: str
    url: str
    preview: Preview
    """What follows from it."""
    sent: Sent | None = None
    """None: it was not sent."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.event_id,
            "url": self.url,
            "status": self.sent.status if self.sent else None,
            "answer": self.sent.answer if self.sent else "",
            "preview": preview_form(self.preview),
        }


def signed(body: bytes, secret: str, at: datetime | int, event_id: str = "") -> SignedEvent:
    """An event with its signature; ``at`` is the time of the attempt (unix seconds). Without an id it gets a new one.

    Raises :class:`Senseless` for a secret that is none.
    """
    event_id = event_id or f"evt_{random.token_hex(12)}"
    seconds = at if isinstance(at, int) else int(at.timestamp())
    try:
        return SignedEvent(event_id, sign(event_id, seconds, body, secret), body)
    except SecretMalformed as error:
        raise Senseless(f"{error}.") from None


def require_event(body: bytes) -> None:
    """Raises :class:`Senseless` for a file that is no event of anybody: it would be signed and parked, and wait for a person."""
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise Senseless("The file is no event: it has no JSON object. Nothing was sent.")
    kind = event.get("type")
    if not isinstance(kind, str) or not kind:
        raise Senseless(f"The file is no event: the field type is missing. {_RIGHT}")
    if kind == TEST or peek_customer(body) is not None:
        return
    field = "data.customer.id" if kind in WITHOUT_SUBSCRIPTION else "data.subscription.customer.id"
    raise Senseless(
        f"The event names no customer: the field {field} is missing, or is no id of Timus (1 to 128 printable ASCII characters without spaces). {_RIGHT}"
    )


_RIGHT = f"Nothing was sent. A right file begins like this: {AS_A_FILE}"


def with_field(body: bytes, path: Sequence[str], value: Any) -> bytes:
    """An event with one field set; ``path`` is the way to it, with the places in lists as digits.

    Raises :class:`Senseless` where the event has no such field.
    """
    try:
        event = json.loads(body)
        *steps, last = [int(step) if step.isdigit() else step for step in path]
        place = event
        for step in steps:
            place = place[step]
        place[last] = value
    except (ValueError, LookupError, TypeError) as error:
        raise Senseless(f"The event has no field {'.'.join(path)}.") from error
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


def what_follows(deployment: Deployment, event: SignedEvent) -> Preview:
    """Every adjustment that would follow from an event. One that names no customer is parked, and nothing follows.

    Raises :class:`NotDone` when it cannot be shown.
    """
    customer = peek_customer(event.body)
    if customer is None:
        return Preview()

    def act(ports: Ports) -> None:
        now = ports.clock.now()
        try:
            delivery = delivery_of(event.id, event.body, now)
            ports.store.commit(put_delivery(customer, delivery, int(now.timestamp())))
        except Conflict:
            return  # it waits already
        wake([customer], ports)

    with or_not_done():
        return rehearse(deployment, act, quiet).preview
