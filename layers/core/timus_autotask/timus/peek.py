"""Which customer and subscription a body concerns: a tolerant look at raw bytes, standard library only.

The webhook function imports this module in each cold start. The worker reads what an event says (``events``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

IDENTIFIER = re.compile(r"[!-~]{1,128}")
"""What a Timus id must look like: printable ASCII without spaces, as SQS demands of a message group
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html)."""


def peek_customer(body: bytes) -> str | None:
    """The id of the customer whom the body concerns, or None if the body does not say.

    It decides only with which other events, and in which order, the event is handled.
    """
    return _identifier(body, lambda data, sub: (data if sub is None else sub)["customer"]["id"])


def peek_subscription(body: bytes) -> str | None:
    """The id of the subscription that the body concerns, or None if it does not say: for logs."""
    return _identifier(body, lambda _data, sub: sub["id"])


def _identifier(body: bytes, where: Callable[[Any, Any], Any]) -> str | None:
    try:
        data = json.loads(body.decode("utf-8-sig"))["data"]
        found = where(data, data.get("subscription"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) and IDENTIFIER.fullmatch(found) else None
