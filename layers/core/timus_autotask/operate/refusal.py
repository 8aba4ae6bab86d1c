"""How a use case refuses: one sentence that says why, and what to do."""

from __future__ import annotations

from timus_autotask.ports.errors import RetryLater


class NotDone(Exception):
    """What was asked for cannot be done, and nothing was written. The message says why, and what to do."""


def not_asked(error: Exception) -> str:
    """For people: why Autotask cannot be asked, and what to do. What waiting does not change is not to be waited for."""
    passes = isinstance(error, RetryLater)
    what = "try again in a minute" if passes else "timus-autotask doctor says what is to be done about it"
    return f"Autotask cannot be asked ({str(error).rstrip('.') or type(error).__name__}); {what}."


class Senseless(NotDone):
    """What was asked for makes no sense, whatever the records say."""
