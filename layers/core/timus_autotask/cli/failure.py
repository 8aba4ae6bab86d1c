"""How the command fails: one sentence that says what to do, and an exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from timus_autotask.operate.files.tables import FileRefused, Problem
from timus_autotask.operate.refusal import Doubt, NotDone, Way
from timus_autotask.watch.remedy import commands

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit statuses: failed or refused; the command line makes no sense; AWS or the stack is out of reach."""

WAYS: Mapping[Way, str] = {
    Way.REASON: "Say why: --reason WHY.",
    Way.NAME: "Say who you are: --by NAME.",
    Way.STILL_TO_COME: "If it is meant, and still to come: --unknown.",
    Way.SHARE: "If it is to be billed on it as well: --share; if only from a day on: --from DAY.",
    Way.SHARE_ALL: "For all rows at once: --share.",
    Way.UNASKED: "--unchecked maps without asking Autotask.",
    Way.UNASKED_BY_ID: "Or say it by id: timus-autotask map customer CUSTOMER --company N --contract N --unchecked",
    Way.ASK_AUTOTASK: "To have Autotask asked, leave --unchecked out.",
    Way.FROM_DAY: "So say: --from {day}.",
    Way.MOVE_FROM: "From when a move holds is said with --from DAY, not with --bill-from.",
    Way.KEEP_UNITS: "If these units are not Timus's, and are to stay: --keep-units.",
    Way.EVERYBODY: "To set it, leave --customer out.",
    Way.ADD_ON: "That a SKU is in no family is said with --add-on.",
    Way.CONTRACT: "Choose another one with --contract.",
    Way.ONCE_FROM: "To bill them once: --from {day}.",
    Way.LEAVE_ALONE: "To leave these days alone: --bill-from today, or --from {day}.",
    Way.COLUMNS: "Name its columns once, and it is kept: --column sku=Product --column quantity=Seats --column customer=Client "
    "--column first_day=From --column last_day=To --column amount=Total (with --days day-first or month-first, if days are not 2026-03-15); "
    "a column that is not needed: --column ignore=Notes",
    Way.WHICH_CUSTOMER: "By its id: --is-customer NAME=ID.",
    Way.SEE_CHANGES: "See: timus-autotask changes",
    Way.SEE_STATUS: "See: timus-autotask status",
    Way.SEE_CONTRACT: "See: timus-autotask status --contract {what}",
    Way.WITHDRAW: "To leave the change as it is after all: timus-autotask undo {what} --withdraw --reason WHY",
    Way.BRING_BACK: "To bring it back: timus-autotask undo {what} --reason WHY",
    Way.SHOW_EVENT: "See: timus-autotask events show {what}",
    Way.MERGE_AGAIN: "Merge the event again: timus-autotask replay --since DAY --parked",
    Way.COMPARE_WITH_TIMUS: "Compare with Timus: timus-autotask reconcile --timus-export FILE",
}
"""How the command says what would help."""


class Failed(Exception):
    """The command cannot do what it was asked. The message is for the person at the terminal."""

    def __init__(
        self,
        message: str,
        status: int = REFUSED,
        result: Mapping[str, Any] | None = None,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        """More, a line each."""
        self.result = result
        """What ``--json`` prints nevertheless."""


def refusal(error: NotDone) -> str:
    """Why a use case refuses, and what would help."""
    facts: dict[str, int | str] = {"what": error.what}
    if error.day:
        facts["day"] = str(error.day)
    return " ".join([str(error), *(commands(WAYS[way], facts) for way in error.ways)])


def doubt_words(doubt: Doubt) -> str:
    """What may be a mistake, and how to do it otherwise."""
    return doubt.with_help(WAYS)


def problem_words(problem: Problem) -> str:
    """What is wrong with a file, and what would help."""
    return problem.with_help(WAYS)


def file_refused(name: str, refused: FileRefused) -> Failed:
    """A file that comes in has problems: the first ones, each with its row."""
    few = [*map(problem_words, refused.problems[:10])]
    more = len(refused.problems) - len(few)
    details = (*few, f"and {more} more") if more else few
    return Failed(f"{name} cannot be used; nothing was written.", USAGE, details=details)


class NoSuchStack(Failed):
    """There is no stack of the name; ``stacks`` are those of ours that there are."""

    def __init__(self, message: str, stacks: Sequence[str]) -> None:
        super().__init__(message, UNREACHABLE)
        self.stacks = stacks
