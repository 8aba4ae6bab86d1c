"""What can go wrong on the way to the outside, named by what to do next.

::

    InfrastructureError     our own infrastructure failed: the caller gives up, what is due stays due
    ├── TableUnavailable
    ├── QueueUnavailable
    ├── StackOutOfReach     an operator's command cannot look at the stack that it is for
    │   ├── StackMissing
    │   ├── AwsRefuses
    │   ├── AwsNotSet
    │   └── AwsUnreachable
    └── NoCredentials       nobody can sign in: nothing can be asked or checked until the secrets are there
        ├── SecretsUnavailable
        └── NotConfigured   nobody has filled the secret in yet
    Conflict                somebody else wrote first: read again and decide again
    AutotaskError           Autotask did not do what it was asked, or nobody knows whether it did
    ├── Refused              not applied, and the same request would be refused again: park with Autotask's words
    ├── RetryLater           not applied (or only a read): try again after a while
    ├── CredentialsRefused   not applied: open the circuit and call a person; hammering locks the account
    └── OutcomeUnknown       a write may have been applied or not: let it settle, then read
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timus_autotask.ports.table import Key


class InfrastructureError(Exception):
    """Something of our own, the table, the queue or the secrets, cannot be used just now."""


class Conflict(Exception):
    """Somebody else wrote first: nothing of this write happened. ``keys`` are the documents that had moved."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        super().__init__(", ".join(f"{k.pk}/{k.sk}" for k in keys))
        self.keys = tuple(keys)


class TableUnavailable(InfrastructureError):
    """The table could not be reached, or a write's answer was lost (it may or may not have happened)."""


class QueueUnavailable(InfrastructureError):
    """The queue could not be reached, or its answer was lost (the message may or may not be in it)."""


class StackOutOfReach(InfrastructureError):
    """An operator's command cannot look at the stack that it is for."""


class StackMissing(StackOutOfReach):
    """There is no stack of this name in the account and region that were asked."""


class AwsRefuses(StackOutOfReach):
    """AWS answers, and does not let this user see the stack; ``code`` is AWS's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwsNotSet(StackOutOfReach):
    """AWS cannot be asked: credentials, profile or region are missing."""


class AwsUnreachable(StackOutOfReach):
    """AWS does not answer, or its address is none."""


class NoCredentials(InfrastructureError):
    """There is nothing to sign in with, or to check a signature with."""


class SecretsUnavailable(NoCredentials):
    """The secrets could not be read just now."""


class NotConfigured(NoCredentials):
    """The secret was read, and nobody has filled it in yet (or not in the agreed form)."""


class AutotaskError(Exception):
    """Autotask did not do what it was asked, or nobody knows whether it did."""


class Refused(AutotaskError):
    """Not applied, and would be refused again. ``messages`` are Autotask's own where it gave any.

    ``day_taken`` is true of an adjustment on a day that has one of that line already, of ours or of others.
    """

    def __init__(self, messages: tuple[str, ...], status: int, *, day_taken: bool = False) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.status = status
        self.day_taken = day_taken


class RetryLater(AutotaskError):
    """Not applied, or only a read that failed: ask again after ``after_seconds``.

    ``everywhere`` is true when it concerns every request and not just this one (throttled, out of reach, broken), so that nobody
    else need try before.
    """

    def __init__(self, after_seconds: int, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds
        self.reason = reason
        self.everywhere = everywhere


class Rejected(StrEnum):
    """What of the API user Autotask does not accept."""

    USER_NAME = "user-name"
    SECRET = "secret"  # noqa: S105  # the name of one, not one
    TRACKING_IDENTIFIER = "tracking-identifier"
    BLOCKED = "blocked"
    """It is locked, inactive, or not allowed to use the API."""
    PERMISSION = "permission"
    """Its security level lacks something that every change needs."""
    UNSAID = "unsaid"
    """It is refused, and nothing says why."""


class CredentialsRefused(AutotaskError):
    """Not applied: no request that a change needs is accepted from this API user. ``rejected`` is what is wrong with it."""

    def __init__(self, reason: str, rejected: Rejected = Rejected.UNSAID) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rejected = rejected


class OutcomeUnknown(AutotaskError):
    """A write that must not be repeated may have been applied or not; only a later read can show which."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


NO_ANSWER = (AutotaskError, NoCredentials)
"""Autotask cannot be asked just now, whatever the reason: for who shows that, and does no more about it."""
