"""What is foreseen to go wrong in any use case, as one kind each. The command and the console have their own words for a kind."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.errors import AutotaskError, Conflict, InfrastructureError, NotConfigured
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.terms import TermsUnreadable


class Foreseen(Enum):
    """A kind of failure that is a sentence for whoever asked, and no bug."""

    NOT_DONE = "not-done"
    """The use case refuses, and says why."""
    RECORD_UNREADABLE = "record-unreadable"
    TERMS_UNREADABLE = "terms-unreadable"
    NOT_CONFIGURED = "not-configured"
    """Nobody has stored an API user or a webhook secret yet."""
    CONFLICT = "conflict"
    """Somebody else wrote the same at the same moment."""
    AUTOTASK = "autotask"
    """Autotask did not do what it was asked."""
    INFRASTRUCTURE = "infrastructure"
    """AWS is out of reach or refuses."""


KINDS: Mapping[type[Exception], Foreseen] = {
    NotDone: Foreseen.NOT_DONE,
    RecordUnreadable: Foreseen.RECORD_UNREADABLE,
    TermsUnreadable: Foreseen.TERMS_UNREADABLE,
    NotConfigured: Foreseen.NOT_CONFIGURED,
    Conflict: Foreseen.CONFLICT,
    AutotaskError: Foreseen.AUTOTASK,
    InfrastructureError: Foreseen.INFRASTRUCTURE,
}
"""The first class that fits decides, so a narrower one stands before its base."""


def foreseen(error: Exception) -> Foreseen | None:
    """The kind of a failure; None: nobody foresaw it."""
    return next((kind for each, kind in KINDS.items() if isinstance(error, each)), None)
