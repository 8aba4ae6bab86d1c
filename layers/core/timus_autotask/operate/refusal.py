"""How a use case refuses or doubts: why, as a sentence, and what would help, as a value. The command and the console each have their own words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from math import ceil

from timus_autotask.domain.reasons import Parked
from timus_autotask.ports.errors import CredentialsRefused, NotConfigured, RetryLater
from timus_autotask.watch.wording import counted


class Way(Enum):
    """What to say with it, or to leave out, so that it is done. ``cli/failure.py`` and ``web/failing.py`` say how."""

    REASON = "reason"
    """Say why."""
    NAME = "name"
    """Say who it is."""
    STILL_TO_COME = "still-to-come"
    """Say that Timus will report the customer or the SKU later."""
    SHARE = "share"
    """Say that several customers are billed on the contract, or from which day one is."""
    SHARE_ALL = "share-all"
    """Say it for every row of a file."""
    UNASKED = "unasked"
    """Do it without asking Autotask."""
    UNASKED_BY_ID = "unasked-by-id"
    """The same, for each customer by its ids."""
    ASK_AUTOTASK = "ask-autotask"
    """Let Autotask be asked."""
    FROM_DAY = "from-day"
    """Say from when it holds: from the day that the refusal names, or a later one."""
    MOVE_FROM = "move-from"
    """Say from when the move holds."""
    KEEP_UNITS = "keep-units"
    """Say that the units are not Timus's, and are to stay."""
    EVERYBODY = "everybody"
    """Ask for all customers, not for one."""
    ADD_ON = "add-on"
    """Say that the SKU is in no family."""
    CONTRACT = "contract"
    """Choose another contract."""
    ONCE_FROM = "once-from"
    """Say that it holds from the day on from which nothing is billed twice."""
    SEND_TOO = "send-too"
    """Say where units go that would go to no contract."""
    BILL_EARLIER = "bill-earlier"
    """Say an earlier first day, or bill the days before by hand."""
    LEAVE_ALONE = "leave-alone"
    """Say that days before are not looked at: from today on, or from the day that the doubt names."""
    COLUMNS = "columns"
    """Say how the columns of a file are called."""
    DAYS = "days"
    """Say how a file writes days."""
    WHICH_CUSTOMER = "which-customer"
    """Say which customer a name means."""
    WHICH_PRODUCT = "which-product"
    """Say which SKU a product of a file means, or that such rows charge nothing."""
    WHOSE_ROW = "whose-row"
    """Say which customer a row of a file means, or that such rows charge nothing."""
    SEE_CHANGES = "see-changes"
    """Look at the changes, and at their ids."""
    SEE_STATUS = "see-status"
    """Look at the lines, and at the contracts that are being opened."""
    SEE_CONTRACT = "see-contract"
    """Look at what the contract waits for."""
    LOOK_AGAIN = "look-again"
    """Have the contract looked at."""
    WITHDRAW = "withdraw"
    """Take the undo of the change back."""
    BRING_BACK = "bring-back"
    """Undo the change that took another one back."""
    CONTRACT_BACK = "contract-back"
    """Map the customer back to the contract from which the mapping moved its seats."""
    WHOLE_CONTRACT_BACK = "whole-contract-back"
    """The same, where all of its seats were on that contract."""
    UNITS_BY_HAND = "units-by-hand"
    """Change the units in Autotask, and keep that: the contract from which the seats came has ended."""
    SERVICE_BACK = "service-back"
    """Choose the service again from which the mapping moved the seats of the SKU."""
    SHOW_EVENT = "show-event"
    """Look at the event."""
    MERGE_AGAIN = "merge-again"
    """Have parked events merged again."""
    SEE_PARKED = "see-parked"
    """Look at the events that are parked."""
    COMPARE_WITH_TIMUS = "compare-with-timus"
    """Compare everything with what Timus exports."""
    SEE_HEALTH = "see-health"
    """Look at what is the matter with Autotask, or with us."""
    SET_CREDENTIALS = "set-credentials"
    """Set an API user."""
    TRY_AGAIN = "try-again"
    """Say that the API user was corrected in Autotask."""
    THEN_TRY_AGAIN = "then-try-again"
    """Correct it in Autotask, and have it tried again."""
    NAME_IN_DOUBT = "name-in-doubt"
    """Say that a company of another name is the customer's, or map it to another one."""
    MAP_CUSTOMER = "map-customer"
    """Say which company and contract the customer has."""
    OPEN_CONTRACTS = "open-contracts"
    """Let the terms open contracts."""
    PAUSE = "pause"
    """Pause: everybody, or the customer."""
    PAUSE_CUSTOMER = "pause-customer"
    """Pause a customer, to stop what is made for a while."""
    OBSERVE_AGAIN = "observe-again"
    """Let a customer observe again."""
    RESUME = "resume"
    """End a pause: of everybody, or of the customer."""
    PAUSE_FIRST = "pause-first"
    """Pause before units are changed in Autotask, lest the terms bring them back."""
    EXCLUDE_FOR_CUSTOMER = "exclude-for-customer"
    """Let the terms bill SKUs of the customer no more."""
    EXCLUDE_SKU = "exclude-sku"
    """Let the terms bill the SKU no more."""
    LEAVE_OUT = "leave-out"
    """Say which rows of a file charge nothing."""
    LEAVE_IN = "leave-in"
    """Take that back."""


class NotDone(Exception):
    """What was asked for cannot be done, and nothing was written. The message says why; ``ways`` are what would help."""

    def __init__(
        self,
        message: str,
        *ways: Way,
        day: date | None = None,
        what: int | str = "",
        first: Parked | None = None,
        facts: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(message)
        self.ways = ways
        self.day = day
        """Of ``Way.FROM_DAY``: the earliest."""
        self.what = what
        """What a way is about: the id of a contract, change, event, customer or SKU."""
        self.first = first
        """What has to end before, with its own ways out."""
        self.facts = facts or {}
        """What else a way names: the ids of a company, a contract and a service."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What may be a mistake: it is done only if whoever asks says that it is meant. ``ways`` are how to do it otherwise."""

    message: str
    ways: tuple[Way, ...] = ()
    day: date | None = None
    """Of ``Way.ONCE_FROM`` and ``Way.LEAVE_ALONE``: from when."""
    choose: Parked | None = None
    """What would wait for a person, whose ways out are what to choose from."""
    what: int | str = ""
    """What a way is about."""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Note:
    """What whoever asks should know. ``ways`` are what would help."""

    message: str
    ways: tuple[Way, ...] = ()
    what: int | str = ""
    """What a way is about."""

    def __str__(self) -> str:
        return self.message


def not_asked(error: Exception, *ways: Way, of: str = "", more: str = "") -> NotDone:
    """Autotask cannot be asked: why, and what to do. What waiting does not change is not to be waited for.

    ``of`` is what cannot be done without.
    """
    why = f"{of}Autotask cannot be asked ({str(error).rstrip('.') or type(error).__name__})"
    if isinstance(error, RetryLater):
        minutes = ceil(error.after_seconds / 60)
        when = "a minute" if minutes <= 1 else counted(minutes, "minute")
        return NotDone(f"{why}; try again in {when}. {more}".rstrip(), *ways)
    helps = Way.SET_CREDENTIALS if isinstance(error, CredentialsRefused | NotConfigured) else Way.SEE_HEALTH
    return NotDone(f"{why}. {more}".rstrip(), helps, *ways)


class Senseless(NotDone):
    """What was asked for makes no sense, whatever the records say."""
