"""How the command says what is foreseen to go wrong."""

from __future__ import annotations

from collections.abc import Mapping

from timus_autotask.cli.failure import REFUSED, UNREACHABLE, USAGE, refusal
from timus_autotask.operate.foreseen import Foreseen, foreseen
from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.watch.remedy import REPAIR, NextWay, said

FAILURES: Mapping[Foreseen, str] = {
    Foreseen.RECORD_UNREADABLE: f"{{sentence}} Nothing was written. {REPAIR}",
    Foreseen.TERMS_UNREADABLE: f"The stored terms cannot be read: {{error}}. See: {said(NextWay.SEE_STATUS)}",
    Foreseen.NOT_CONFIGURED: f"{{sentence}} Set them with: {said(NextWay.SET_UP)}",
    Foreseen.CONFLICT: "Somebody else wrote the same at the same moment. Try again.",
    Foreseen.AUTOTASK: f"{{sentence}} See: {said(NextWay.SEE_HEALTH)}",
    Foreseen.INFRASTRUCTURE: "{sentence} Try again; check the AWS credentials and their permissions.",
}
"""How the command says a failure; a refusal has words of its own (``cli/failure.py``)."""


def said_of(error: Exception) -> tuple[str, int] | None:
    """What a person reads of a failure, and the exit status; None for one that nobody foresaw."""
    if isinstance(error, NotDone):
        return refusal(error), USAGE if isinstance(error, Senseless) else REFUSED
    kind = foreseen(error)
    if kind is None:
        return None
    status = UNREACHABLE if kind is Foreseen.INFRASTRUCTURE else REFUSED
    return FAILURES[kind].format(error=error, sentence=_sentence(error)), status


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:].rstrip(".") + "."
