"""What an answer of Autotask means: pure functions from what came back to what the caller does next.

The errors are named by that next action::

    AutotaskError
    ├── Refused              not applied, and the same request would be refused again: park with Autotask's words
    ├── RetryLater           not applied (or only a read): try again after a while
    ├── CredentialsRefused   not applied: open the circuit and call a person; hammering locks the account
    └── OutcomeUnknown       a write may have been applied or not: let it settle, then read

Only a write that must not be sent twice can have an unknown outcome; everything else is simply asked again
later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from timus_autotask.autotask.http import NoAnswer, NotSent, Response
from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, OutcomeUnknown, Refused, RetryLater

Answer = dict[str, Any]
"""A JSON object of Autotask; money is ``Decimal``, never ``float``."""

RETRY_SECONDS = 30
"""Pause after a read that failed or a request that was not sent."""
THROTTLE_SECONDS = 60
"""Pause after a throttled request when Autotask names none (no ``Retry-After`` was ever seen documented)."""
LONGEST_PAUSE_SECONDS = 3600
"""Autotask counts requests over a rolling hour, so a longer pause cannot be needed."""

_MOST_WORDS = 10
_LONGEST_WORD = 500


def decipher(response: Response, expected: tuple[str, ...], *, repeatable: bool) -> Answer:
    """Return the JSON object of an accepted request.

    Accepted is: status 200, a JSON object without ``errors`` that has every key of ``expected``. A created
    adjustment answers ``{"itemId": null}``, so a value may be null; the key must be there. ``repeatable`` is
    true for requests that do no harm when sent again (reads, setting a field to a value).

    Raises:
        AutotaskError: whatever else came back, as what to do next.
    """
    answer = _json_object(response.body)
    if (
        response.status == 200
        and answer is not None
        and not answer.get("errors")
        and all(key in answer for key in expected)
    ):
        return answer
    raise _error(response, answer or {}, repeatable=repeatable)


def unanswered(error: NotSent | NoAnswer, *, repeatable: bool) -> AutotaskError:
    """What it means that no whole answer came back."""
    if repeatable or isinstance(error, NotSent):
        unreached = isinstance(error, NotSent)
        return RetryLater(RETRY_SECONDS, f"no answer from Autotask: {error}", everywhere=unreached)
    return OutcomeUnknown(f"no answer from Autotask: {error}")


def retry_after(headers: Mapping[str, str]) -> int:
    """Seconds to wait by ``Retry-After`` in either of its forms (RFC 9110, 10.2.3), 60 when there is none.

    A date is measured against the answer's own ``Date``: no clock is read, and a wrong clock does no harm.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,9}", value):
        seconds = int(value)
    else:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
        except (TypeError, ValueError, OverflowError, IndexError):
            return THROTTLE_SECONDS
        seconds = int(wait.total_seconds())
    return min(max(seconds, 1), LONGEST_PAUSE_SECONDS)


class _Meaning(Enum):
    """What an answer that is not an accepted one means."""

    CREDENTIALS = auto()
    REFUSED = auto()
    THROTTLED = auto()
    UNCLEAR = auto()


_BY_STATUS = {401: _Meaning.CREDENTIALS, 408: _Meaning.UNCLEAR, 429: _Meaning.THROTTLED}
_BY_CLASS = {3: _Meaning.REFUSED, 4: _Meaning.REFUSED}
_THROTTLED = (b"itgenatr005", b"thread threshold exceeded")


def _meaning(response: Response, errors: tuple[str, ...]) -> _Meaning:
    # A throttled request was not applied, whatever the status that it comes under.
    body = response.body.lower()
    if any(mark in body for mark in _THROTTLED):
        return _Meaning.THROTTLED
    # A failed validation is a 500 with words. A 500 without them is a fault, which may strike after the commit.
    if response.status == 500 and errors:
        return _Meaning.REFUSED
    return _BY_STATUS.get(response.status) or _BY_CLASS.get(response.status // 100, _Meaning.UNCLEAR)


def _error(response: Response, answer: Answer, *, repeatable: bool) -> AutotaskError:
    errors = _errors(answer)
    messages = errors or (_plain(response.status, answer),)
    match _meaning(response, errors):
        case _Meaning.THROTTLED:
            return RetryLater(retry_after(response.headers), "Autotask throttles requests", everywhere=True)
        case _Meaning.CREDENTIALS:
            return CredentialsRefused("; ".join(messages))
        case _Meaning.REFUSED:
            return Refused(messages, response.status)
        case _Meaning.UNCLEAR if repeatable:
            return RetryLater(RETRY_SECONDS, "; ".join(messages))
        case _Meaning.UNCLEAR:
            return OutcomeUnknown("; ".join(messages))


def _errors(answer: Answer) -> tuple[str, ...]:
    """Autotask's own words, ``{"errors": ["text", …]}``: how the API reports that a validation failed."""
    errors = answer.get("errors")
    if not isinstance(errors, list):
        return ()
    return tuple(str(error)[:_LONGEST_WORD] for error in errors[:_MOST_WORDS])


def _plain(status: int, answer: Answer) -> str:
    """Words for an answer without any: 404 and 405 come from the web server, with ``Message``, HTML or nothing."""
    message = answer.get("Message")
    said = message[:_LONGEST_WORD] if isinstance(message, str) and message else "no explanation"
    phrase = HTTPStatus(status).phrase if status in _STATUSES else "unknown status"
    return f"Autotask answered {status} ({phrase}): {said}"


_STATUSES = frozenset(HTTPStatus)
_decode = json.JSONDecoder(parse_float=Decimal).decode


def _json_object(body: bytes) -> Answer | None:
    try:
        answer = _decode(body.decode("utf-8-sig"))
    except (ValueError, ArithmeticError, RecursionError):  # ill-formed, beyond Decimal, nested beyond reason
        return None
    return answer if isinstance(answer, dict) else None
