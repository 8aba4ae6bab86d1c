"""What an answer of Autotask means: pure functions from what came back to whom it concerns and what the caller does next.

Every answer is accepted, or it is a :class:`FailedRequest` that concerns exactly one :class:`Subject`: the caller, this request,
or the service. Where an answer does not say which, one more read decides (``concluded``): one that every change needs.

The errors are named by what to do next::

    AutotaskError
    ├── Refused              not applied, and the same request would be refused again: park with Autotask's messages
    ├── RetryLater           not applied (or only a read): try again after a while; ``everywhere``: nobody else need try before
    ├── CredentialsRefused   not applied: open the circuit and call a person; hammering locks the account
    └── OutcomeUnknown       a write may have been applied or not: let it settle, then read

Only a write that must not be sent twice can have an unknown outcome; everything else is simply asked again
later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from timus_autotask.autotask.http import NoAnswer, NotSent, Response
from timus_autotask.ports.errors import (
    AutotaskError,
    CredentialsRefused,
    OutcomeUnknown,
    Refused,
    Rejected,
    RetryLater,
)

Answer = dict[str, Any]
"""A JSON object of Autotask; money is ``Decimal``, never ``float``."""

RETRY_SECONDS = 30
"""Pause after a read that failed or a request that was not sent."""
THROTTLE_SECONDS = 60
"""Pause after a throttled request when Autotask names none (no ``Retry-After`` was ever seen documented)."""
LONGEST_PAUSE_SECONDS = 3600
"""Autotask counts requests over a rolling hour, so a longer pause cannot be needed."""

_DUPLICATE_DAY = "duplicate data"
"""Part of Autotask's message when a line already has an adjustment on that day, whoever made it (seen live)."""
_MOST_MESSAGES = 10
_LONGEST_MESSAGE = 500


class Subject(Enum):
    """Whom a failed request speaks of."""

    CALLER = auto()
    """The API user: no request that a change needs would be accepted. A person has to act."""
    REQUEST = auto()
    """This request: others may be accepted."""
    SERVICE = auto()
    """Autotask, or the way to it: nobody's requests are answered. It passes."""


class Effect(Enum):
    """What a failed write may have done."""

    NONE = auto()
    """Nothing, whatever else is wrong: it was turned away before it was looked at."""
    DENIED = auto()
    """Nothing, if the answer can be believed."""
    OPEN = auto()
    """Nobody knows: no answer came, or none that says anything."""


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request that was not accepted, as far as its own answer tells."""

    subject: Subject
    certain: bool
    """False: another subject could have been answered the same."""
    effect: Effect
    messages: tuple[str, ...]
    """Autotask's own, or a description of the answer."""
    status: int = 0
    """0: nothing came back."""
    rejected: Rejected = Rejected.UNSAID
    """What of the caller is not accepted, should it be the caller."""
    pause_seconds: int = RETRY_SECONDS

    def error(self, *, repeatable: bool) -> AutotaskError:
        """What to do next; ``repeatable`` requests do no harm when sent again (reads, setting a field to a value)."""
        detail = "; ".join(self.messages)
        if self.effect is Effect.OPEN and not repeatable:
            return OutcomeUnknown(detail)
        match self.subject:
            case Subject.CALLER:
                return CredentialsRefused(f"{_REJECTED[self.rejected]}: {detail}", self.rejected)
            case Subject.SERVICE:
                return RetryLater(self.pause_seconds, detail, everywhere=True)
            case Subject.REQUEST if self.effect is Effect.OPEN:
                return RetryLater(self.pause_seconds, detail)
            case Subject.REQUEST:
                return Refused(self.messages, self.status, day_taken=_DUPLICATE_DAY in detail)

    def of_everybody(self) -> FailedRequest:
        """The failure of a request that everybody makes: it concerns the service or the caller."""
        return replace(self, subject=Subject.SERVICE if self.subject is Subject.SERVICE else Subject.CALLER)

    def among(self, others: FailedRequest | None) -> FailedRequest:
        """An uncertain failure, when ``others`` is what a request met that everybody makes (None: it was accepted)."""
        if others is None:
            return replace(self, subject=Subject.REQUEST)
        # A write that was refused while everything is refused is not believed to have had no effect.
        effect = Effect.NONE if self.effect is Effect.NONE else Effect.OPEN
        return replace(others.of_everybody(), effect=effect)


def understood(response: Response, expected: tuple[str, ...], *, essential: bool) -> Answer | FailedRequest:
    """The JSON object of an accepted request, or whom its failure concerns.

    Accepted is: status 200, a JSON object without ``errors`` that has every key of ``expected``. A created
    adjustment answers ``{"itemId": null}``, so a value may be null; the key must be there. ``essential``: no change can
    be made without this kind of request, so a missing permission for it concerns the caller.
    """
    answer = _json_object(response.body)
    if (
        response.status == 200
        and answer is not None
        and not answer.get("errors")
        and all(key in answer for key in expected)
    ):
        return answer
    errors = _errors(answer or {})
    said = _Said(response.status, response.body.lower(), bool(errors), essential)
    failure = next((meaning for applies, meaning in _MEANINGS if applies(said)), _FAULT)
    if failure is _THROTTLED:
        return replace(failure, pause_seconds=retry_after(response.headers))
    messages = errors or (_described(response.status, answer or {}),)
    return replace(failure, status=response.status, messages=messages)


def unanswered(error: NotSent | NoAnswer) -> FailedRequest:
    """What it means that no whole answer came back."""
    sent = isinstance(error, NoAnswer)
    effect = Effect.OPEN if sent else Effect.NONE
    return FailedRequest(Subject.SERVICE, not sent, effect, (f"no answer from Autotask: {error}",))


def not_believed(entity: str, why: str) -> FailedRequest:
    """What it means that a read was answered, and not with what Autotask publishes: nothing is decided on a part of it."""
    detail = f"Autotask's answer on {entity} cannot be relied on: {why}"
    return FailedRequest(Subject.SERVICE, False, Effect.OPEN, (detail,), HTTPStatus.OK)


def concluded(
    failure: FailedRequest, ask: Callable[[], FailedRequest | None], *, repeatable: bool
) -> AutotaskError:
    """What to do after a failed request; ``ask`` makes a read that every change needs (None: it was accepted).

    It is asked only where the failed request's own answer does not tell whom it concerns. What that read meets, everybody meets.
    Nothing is asked about a write whose outcome is unknown: its read-back will tell.
    """
    lost_write = failure.effect is Effect.OPEN and not repeatable
    if not failure.certain and not lost_write:
        failure = failure.among(ask())
    return failure.error(repeatable=repeatable)


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


@dataclass(frozen=True, slots=True)
class _Said:
    """What of an answer decides on its meaning."""

    status: int
    body: bytes
    """In lower case."""
    errors: bool
    """Whether it has an errors list: ``{"errors": ["text", …]}``, how the API reports that a validation failed."""
    essential: bool

    def has(self, *marks: bytes) -> bool:
        return any(mark in self.body for mark in marks)


_THROTTLED = FailedRequest(Subject.SERVICE, True, Effect.NONE, ("Autotask throttles requests",))
_FAULT = FailedRequest(Subject.SERVICE, False, Effect.OPEN, ())
"""A fault may strike after the commit. So may whatever else is not understood."""
_REJECTION = FailedRequest(Subject.CALLER, True, Effect.NONE, ())
_REFUSAL = FailedRequest(Subject.REQUEST, False, Effect.DENIED, ())
_WORDS_OF_AN_OUTAGE = (
    b"under maintenance",
    b"maintenance window",
    b"scheduled maintenance",
    b"down for maintenance",
    b"temporarily unavailable",
    b"currently unavailable",
    b"service is unavailable",
    b"service unavailable",
    b"try again later",
    b"timed out",
    b"timeout expired",
    b"time-out",
)
"""What a service says of itself, in lower case. Nobody has recorded Autotask's own words for it."""
_LACKS_PERMISSION = b"does not have the adequate permissions"

_MEANINGS: tuple[tuple[Callable[[_Said], bool], FailedRequest], ...] = (
    # A throttled request was not applied, whatever the status that it comes under.
    # https://autotask.net/help/developerhelp/Content/APIs/REST/General_Topics/REST_Thresholds_Limits.htm
    # https://autotask.net/help/developerhelp/Content/APIs/General/ThreadLimiting.htm
    (
        lambda said: said.status == 429 or said.has(b"itgenatr005", b"thread threshold exceeded"),
        _THROTTLED,
    ),
    # Not documented; seen live: 500 for a wrong tracking identifier (https://github.com/apigrate/autotask-restapi/issues/19;
    # the text: https://github.com/MattParr/python-atws/issues/64) and the text for a locked user
    # (https://github.com/AutotaskDevelopment/Sample-Code/issues/2).
    (
        lambda said: said.errors and said.has(b"integrationcode is invalid"),
        replace(_REJECTION, rejected=Rejected.TRACKING_IDENTIFIER),
    ),
    (
        lambda said: said.errors and said.has(b"account has been locked"),
        replace(_REJECTION, rejected=Rejected.BLOCKED),
    ),
    # A missing permission is a 500 with this text (seen live by several clients).
    (
        lambda said: said.errors and said.essential and said.has(_LACKS_PERMISSION),
        replace(_REJECTION, rejected=Rejected.PERMISSION),
    ),
    (
        lambda said: said.errors and said.has(_LACKS_PERMISSION),
        # Of one kind of request, or of all of them.
        replace(_REFUSAL, effect=Effect.NONE, rejected=Rejected.PERMISSION),
    ),
    # "Failed authentication to the REST API will result in the return of a 401 error", also for a user without access:
    # https://autotask.net/help/developerhelp/Content/APIs/REST/General_Topics/REST_Security_Auth.htm
    # Nothing more is asked where it makes no difference: bad logins lock the account.
    (lambda said: said.status == 401 and said.essential, replace(_REJECTION, rejected=Rejected.SECRET)),
    (lambda said: said.status == 401, replace(_REJECTION, certain=False, rejected=Rejected.SECRET)),
    # Autotask's own fault comes with an errors list too (seen live: https://github.com/Anteris-Dev/autotask-client/issues/34).
    (lambda said: said.errors and said.has(b"an unexpected error has occurred"), _FAULT),
    # So may an outage: whatever it is answered to, its words say whom it concerns. Pages are not read so: a web server says
    # "temporarily unavailable" of every address that it does not have, and a blocked user may get such a page.
    (lambda said: said.errors and said.has(*_WORDS_OF_AN_OUTAGE), _FAULT),
    # A failed validation is a 500 with an errors list, and so is an unknown user.
    (lambda said: said.status == 500 and said.errors, _REFUSAL),
    # A blocked user is answered 403 or 404 (reported); so is what does not exist.
    (lambda said: said.status in (403, 404), replace(_REFUSAL, rejected=Rejected.BLOCKED)),
    (lambda said: said.status // 100 == 4 and said.status != 408, _REFUSAL),
)
"""What an answer means that is not an accepted one: the first that applies, else ``_FAULT``."""

_REJECTED: Mapping[Rejected, str] = {
    Rejected.USER_NAME: "Autotask does not know the API user",
    Rejected.SECRET: "Autotask does not accept the API user's secret",
    Rejected.TRACKING_IDENTIFIER: "Autotask does not accept the tracking identifier",
    Rejected.BLOCKED: "Autotask does not let the API user in, as if it were locked or inactive",
    Rejected.PERMISSION: "The API user lacks a permission that every change needs",
    Rejected.UNSAID: "Autotask accepts no request of the API user",
}


def _errors(answer: Answer) -> tuple[str, ...]:
    """Autotask's own messages."""
    errors = answer.get("errors")
    if not isinstance(errors, list):
        return ()
    return tuple(str(error)[:_LONGEST_MESSAGE] for error in errors[:_MOST_MESSAGES])


def _described(status: int, answer: Answer) -> str:
    """A message for an answer without any: 404 and 405 come from the web server, with ``Message``, HTML or nothing."""
    message = answer.get("Message")
    nothing = "not what was asked for" if status == HTTPStatus.OK else "no explanation"
    said = message[:_LONGEST_MESSAGE] if isinstance(message, str) and message else nothing
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
