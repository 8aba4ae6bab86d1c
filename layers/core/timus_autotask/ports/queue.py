"""The wake-up queue: says that a customer has work waiting, on an SQS FIFO queue.

A message carries the customer and nothing else. The truth is in the table, so a wake-up that is lost, late or delivered
twice costs time and never a seat. The message group is the customer, so one customer's changes are applied one after the
other while customers do not wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class QueueDepth(NamedTuple):
    """How many messages a queue holds, about: SQS counts approximately."""

    visible: int
    """Ready to be received."""
    in_flight: int
    """Received, and neither deleted nor visible again."""
    delayed: int
    """Sent, and not visible yet."""


class WakeUps(Protocol):
    """Where the receiver of a webhook says that a customer has work."""

    def send(self, customer_id: str, dedup_id: str) -> None:
        """Wake the worker for this customer.

        A second send with the same ``dedup_id`` within five minutes does nothing. Raises :class:`QueueUnavailable`.
        """
        ...


class DeadLetter(NamedTuple):
    """A message of the dead-letter queue, as received."""

    message_id: str
    receipt: str
    body: str


def body_of(customer_id: str) -> str:
    """The body of a wake-up: ``{"customer": "<id>"}``."""
    return json.dumps({"customer": customer_id})


def wake_up_of(record: Mapping[str, Any]) -> str:
    """The customer whom an SQS record (as Lambda receives it) wakes. Raises ValueError if it is no wake-up."""
    match json.loads(record["body"]):
        case {"customer": str(customer_id)} if customer_id:
            return customer_id
    raise ValueError("an SQS record that is not a wake-up")
