"""What a person reads of a failure: what is the matter, and what to do about it. A missing right of AWS is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from timus_autotask.operate.files.tables import FileRefused, Problem
from timus_autotask.operate.foreseen import Foreseen, foreseen
from timus_autotask.operate.refusal import Doubt, NotDone, Note, Way
from timus_autotask.watch.remedy import REPAIR, NextWay, remedy_of, said

_NOT_AUTHORIZED = re.compile(
    r"User: (?P<user>\S+) is not authorized to perform: (?P<right>[\w-]+:\w+)(?: on resource: (?P<where>\S+))?"
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""

WAYS: Mapping[Way, str] = {
    Way.REASON: "",  # the page leads back to the form, where its field is
    Way.NAME: "Write your name into its field.",
    Way.STILL_TO_COME: "If it is meant: tick “still to come”.",
    Way.SHARE: "Two customers on one contract are mapped with the command, which asks whether that is meant.",
    Way.SHARE_ALL: "It is said in the file, row by row.",
    Way.UNASKED: "Without asking Autotask, it is mapped with the command.",
    Way.UNASKED_BY_ID: "Without asking Autotask, it is mapped with the command.",
    Way.ASK_AUTOTASK: "Let Autotask be asked.",
    Way.FROM_DAY: "Choose {day}, or a later day.",
    Way.MOVE_FROM: "Choose the day from which the move holds.",
    Way.KEEP_UNITS: "If these units are not Timus's, and are to stay: that is said with the command.",
    Way.EVERYBODY: "Set it for everybody.",
    Way.ADD_ON: "Leave the family empty.",
    Way.CONTRACT: "Choose another contract. Where the right company has none, open a recurring contract for it in Autotask first.",
    Way.ONCE_FROM: "To bill them once, let it hold from {day} on.",
    Way.SEND_TOO: "To have them billed, say where they go from that day on too; in a file, with one more row of that first_day.",
    Way.BILL_EARLIER: "To bill these days too, let it hold from an earlier day on. Else bill them by hand.",
    Way.LEAVE_ALONE: "To leave these days alone, have it billed from today on, or let it hold from {day} on.",
    Way.COLUMNS: "How its columns are called is said with the command.",
    Way.DAYS: "How it writes days is said with the command.",
    Way.WHICH_CUSTOMER: "That is said with the command.",
    Way.WHOSE_ROW: "What such a row is, is said with the command.",
    Way.WHICH_PRODUCT: "What such a row is, is said with the command.",
    Way.SEE_CHANGES: "The page Changes has it.",
    Way.SEE_STATUS: "The page Customers has every line.",
    Way.SEE_CONTRACT: "The page of its customer says what it waits for.",
    Way.LOOK_AGAIN: "The page of its customer has a button for it.",
    Way.WITHDRAW: "That the change stays as it is after all is said with the command.",
    Way.BRING_BACK: "To bring it back, undo that one.",
    Way.CONTRACT_BACK: "Map them back instead, on the page Mapping.",
    Way.WHOLE_CONTRACT_BACK: "Map them back instead, on the page Mapping.",
    Way.UNITS_BY_HAND: "The contract from which they came has ended, so they cannot be mapped back. Let Timus report the right quantity; or change the "
    "units in Autotask, and keep them on the customer's page.",
    Way.SERVICE_BACK: "Choose its service again instead, on the page Mapping.",
    Way.SHOW_EVENT: "What the event says is shown by the command.",
    Way.MERGE_AGAIN: "The event is merged again with the command.",
    Way.SEE_PARKED: "The command lists those that are parked.",
    Way.COMPARE_WITH_TIMUS: "Everything is compared with Timus by the command.",
    Way.SEE_HEALTH: "The page Health says what is to be done about it.",
    Way.SET_CREDENTIALS: "An API user is set with the command.",
    Way.TRY_AGAIN: "If the API user was corrected in Autotask instead, that is said with the command.",
    Way.THEN_TRY_AGAIN: "Then it is tried again with the command.",
    Way.NAME_IN_DOUBT: "If it is another company, choose that one on the page Mapping; that it is right is said with the command.",
    Way.MAP_CUSTOMER: "The page Mapping maps it.",
    Way.OPEN_CONTRACTS: "The page Terms lets them be opened.",
    Way.PAUSE: "The page Terms has a button for it.",
    Way.PAUSE_CUSTOMER: "The page Terms pauses a customer.",
    Way.OBSERVE_AGAIN: "With the command, a customer observes again.",
    Way.RESUME: "The button Resume ends it.",
    Way.PAUSE_FIRST: "Where the terms enforce units, pause before that, on the page Terms.",
    Way.EXCLUDE_FOR_CUSTOMER: "What is not to be billed any more is excluded on the page Terms.",
    Way.EXCLUDE_SKU: "What is not to be billed any more is excluded on the page Terms.",
    Way.LEAVE_OUT: "Which rows charge nothing is said with the command.",
    Way.LEAVE_IN: "That is taken back with the command.",
}
"""How the console says what would help: in the words of its forms, or that the command does it."""

FAILURES: Mapping[Foreseen, tuple[str, str]] = {
    Foreseen.RECORD_UNREADABLE: ("A record cannot be read", REPAIR),
    Foreseen.TERMS_UNREADABLE: ("The terms cannot be read", said(NextWay.SEE_STATUS)),
    Foreseen.NOT_CONFIGURED: ("Nobody has set it up yet", said(NextWay.SET_UP)),
    Foreseen.CONFLICT: ("Somebody else wrote at the same moment", "Try again."),
    Foreseen.AUTOTASK: ("Autotask does not do it", said(NextWay.SEE_HEALTH)),
    Foreseen.INFRASTRUCTURE: (
        "AWS is out of reach",
        "Check the network and the AWS credentials, and try again.",
    ),
}
"""A failure's title, and what to do about it; a refusal has words of its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """For people."""

    title: str
    message: str
    remedy: str = ""
    details: tuple[str, ...] = ()
    """More, a line each."""
    right: str = ""
    """The right of AWS that is missing, as in ``dynamodb:Query``."""


def failure_of(error: Exception) -> Failure:
    """What is the matter; of a failure that nobody foresaw, its own words."""
    message = str(error) or type(error).__name__
    denied = _NOT_AUTHORIZED.search(message)
    if denied:
        return _denied(denied)
    match error:
        case FileRefused():
            problems = tuple(map(_problem, error.problems))
            many = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
            return Failure(f"The file has {many}", "Nothing was written.", details=problems)
        case NotDone():
            return _not_done(error, message)
    kind = foreseen(error)
    if kind is None:
        return Failure("Something failed that nobody foresaw", f"{type(error).__name__}: {message}")
    title, remedy = FAILURES[kind]
    return Failure(title, "Nothing was written." if kind is Foreseen.CONFLICT else message, remedy)


def _denied(refusal: re.Match[str]) -> Failure:
    """A right of AWS that is missing."""
    right, user = refusal["right"], refusal["user"]
    where = f" on {refusal['where']}" if refusal["where"] else ""
    return Failure(
        f"Your AWS user lacks the right {right}",
        f"AWS refused {right}{where} to {user}.",
        f"Have {right} allowed for it, or start the console with another AWS_PROFILE.",
        right=right,
    )


def _not_done(error: NotDone, message: str) -> Failure:
    ways = (WAYS[way].format(day=error.day or "the day") for way in error.ways)
    first = remedy_of(error.first) if error.first else ""
    return Failure("Nothing was written", " ".join(filter(None, [message, *ways])), first)


def doubt_words(doubt: Doubt) -> str:
    """What may be a mistake, and how to do it otherwise."""
    choose = ["Choose one on the page Mapping."] if doubt.choose else []
    return " ".join([doubt.message, *(WAYS[way].format(day=doubt.day) for way in doubt.ways), *choose])


def note_words(note: Note | str) -> str:
    """What whoever asks should know, and what would help."""
    return note if isinstance(note, str) else " ".join([note.message, *(WAYS[way] for way in note.ways)])


def _problem(problem: Problem) -> str:
    return problem.with_help(WAYS)
