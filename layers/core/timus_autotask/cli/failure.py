"""How the command fails: one sentence that says what to do, and an exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from timus_autotask.operate.files.tables import FileRefused, Problem
from timus_autotask.operate.refusal import Doubt, NotDone, Note, Way
from timus_autotask.watch.remedy import NEXT_WORDS, NextWay, commands, remedy_of

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
    Way.CONTRACT: "Choose another one with --contract. Where the right company has none, open a recurring contract for it in Autotask first; "
    "the units move there then.",
    Way.ONCE_FROM: "To bill them once: --from {day} (in a file: first_day {day}).",
    Way.SEND_TOO: "To have them billed, say where they go from that day on: with --contract, or in a file with one more row of that first_day.",
    Way.BILL_EARLIER: "To bill these days too: --from an earlier day, or always (in a file: first_day). Else bill them by hand.",
    Way.LEAVE_ALONE: "To leave these days alone: --bill-from today, or --from {day}.",
    Way.COLUMNS: "Name its columns once, and it is kept: --column sku=Product --column quantity=Seats --column customer=Client "
    "--column first_day=From --column last_day=To --column amount=Total (with --days day-first or month-first, if days are not 2026-03-15); "
    "a column that is not needed: --column ignore=Notes",
    Way.DAYS: "If it writes them otherwise, say so, and it is kept: --days iso (2026-03-15), --days month-first (3/15/2026) or --days day-first (15.3.2026)",
    Way.WHICH_CUSTOMER: "By its id: --is-customer NAME=ID.",
    Way.WHICH_PRODUCT: "Say once what it is, and it is kept: --leave-out ITS_TEXT (it charges nothing; say, Total), or --is-sku PRODUCT=SKU",
    Way.WHOSE_ROW: "Say once what it is, and it is kept: --leave-out ITS_TEXT (it charges nothing; say, Total), or --is-customer NAME=ID",
    Way.SEE_CHANGES: "See: timus-autotask changes",
    Way.SEE_STATUS: "See: timus-autotask status",
    Way.SEE_CONTRACT: "See: timus-autotask status --contract {what}",
    Way.LOOK_AGAIN: "First: timus-autotask retry {what}",
    Way.WITHDRAW: "To leave the change as it is after all: timus-autotask undo {what} --withdraw --reason WHY",
    Way.BRING_BACK: "To bring it back: timus-autotask undo {what} --reason WHY",
    Way.CONTRACT_BACK: "Map them back instead: timus-autotask map customer {what} --company N --contract N",
    Way.WHOLE_CONTRACT_BACK: "Map them back instead: timus-autotask map customer {what} --company {company} --contract {contract}",
    Way.UNITS_BY_HAND: "Contract {what} has ended, so they cannot be mapped back. Let Timus report the right quantity; or change the units in Autotask, then: "
    "timus-autotask drift {contract} {service} --adopt",
    Way.SERVICE_BACK: "Choose its service again instead: timus-autotask map plan {what} --service N",
    Way.SHOW_EVENT: "See: timus-autotask events show {what}",
    Way.MERGE_AGAIN: "Merge the event again: timus-autotask replay --since DAY --parked",
    Way.SEE_PARKED: "List them with: timus-autotask events --parked",
    Way.COMPARE_WITH_TIMUS: "Compare with Timus: timus-autotask reconcile --timus-export FILE",
    Way.SEE_HEALTH: "What is to be done about it: timus-autotask doctor.",
    Way.SET_CREDENTIALS: "Set an API user with: timus-autotask credentials set.",
    Way.TRY_AGAIN: "If the API user was corrected in Autotask instead, say so: --try-again",
    Way.THEN_TRY_AGAIN: "Then: timus-autotask setup --try-again",
    Way.NAME_IN_DOUBT: f"{NEXT_WORDS[NextWay.CONFIRM_NAME]}; {NEXT_WORDS[NextWay.MAP_AGAIN]}",
    Way.MAP_CUSTOMER: "To map it: timus-autotask map customer {what} --company N --contract N",
    Way.OPEN_CONTRACTS: "To have them opened: timus-autotask policy set open_contracts=yes",
    Way.PAUSE: "It is said with: timus-autotask pause[ --customer {what}]",
    Way.PAUSE_CUSTOMER: "To stop it for a while: timus-autotask pause --customer {what}",
    Way.OBSERVE_AGAIN: "To observe again: timus-autotask observe --customer {what}",
    Way.RESUME: "It is said with: timus-autotask resume[ --customer {what}]",
    Way.PAUSE_FIRST: "Where the terms enforce units, before that: timus-autotask pause.",
    Way.EXCLUDE_FOR_CUSTOMER: "What is not to be billed any more: timus-autotask policy set --customer {what} excluded=SKU",
    Way.EXCLUDE_SKU: "What is not to be billed any more: timus-autotask policy set excluded={what}",
    Way.LEAVE_OUT: "Say it once, and it is kept: --leave-out ITS_TEXT (say, Total)",
    Way.LEAVE_IN: "Take it back: --leave-in {what}",
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
    facts: dict[str, int | str] = {**error.facts, "what": error.what}
    if error.day:
        facts["day"] = str(error.day)
    first = [f"First: {remedy_of(error.first)}"] if error.first else []
    return " ".join([str(error), *(commands(WAYS[way], facts) for way in error.ways), *first])


def doubt_words(doubt: Doubt) -> str:
    """What may be a mistake, and how to do it otherwise."""
    ways = (
        commands(WAYS[way], {"what": doubt.what, "customer": doubt.what, "day": str(doubt.day)})
        for way in doubt.ways
    )
    choose = [f"Choose one: {remedy_of(doubt.choose)}"] if doubt.choose else []
    return " ".join([doubt.message, *ways, *choose])


def note_words(note: Note | str) -> str:
    """What whoever asks should know, and what would help."""
    if isinstance(note, str):
        return note
    return " ".join([note.message, *(commands(WAYS[way], {"what": note.what}) for way in note.ways)])


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
