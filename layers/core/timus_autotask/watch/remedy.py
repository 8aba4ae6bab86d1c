"""How a remedy is said and read: the command of each way out, and each way out of a text for itself.

Nothing else in ``watch/`` types a command: there it is a value, of a reason (``WayOut``), of a check (``CheckWay``) or of something else that a
person does next (``NextWay``). They are said here and not in ``cli/``, because the digest, the evidence and ``--json`` say them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from itertools import pairwise
from shlex import quote

from timus_autotask.domain.reasons import CONTRACT_ENDED, DRIFT, PAUSED, Facts, Parked, WayOut

OR = ", or: "
"""Between the commands of a remedy of which a person chooses one."""

WORDS: Mapping[WayOut, str] = {
    WayOut.MAP_CUSTOMER: "timus-autotask map customer {customer} --company N --contract N",
    WayOut.MAP_CONTRACT: "timus-autotask map customer {customer} --company {company} --contract N",
    WayOut.MAP_ELSEWHERE: "timus-autotask map customer {customer} --company N --contract N",
    WayOut.ROUTE_SKU: "timus-autotask map customer {customer} --company N --contract N --sku {sku}",
    WayOut.CHOOSE_SERVICE: "timus-autotask map plan {sku} --service N",
    WayOut.LET_SERVICES_BE_READ: "Let the API user read services in Autotask",
    WayOut.CHOOSE_OLD_PLANS_SERVICE: "timus-autotask map plan {sku} --service N",
    WayOut.EXCLUDE_OLD_PLAN: "if it was never billed: timus-autotask policy set --customer {customer} excluded={sku}",
    WayOut.CHOOSE_LINE: "timus-autotask map line {contract} {service} --contract-service {choice}",
    WayOut.OPEN: "timus-autotask retry {number}",
    WayOut.FIX_THEN_OPEN: "Fix the cause, then: timus-autotask retry {number}",
    WayOut.FIND_THEN_OPEN: "Look for it in Autotask, then: timus-autotask retry {number}",
    WayOut.FIX_THEN_RETRY: "Fix the cause in Autotask, then: timus-autotask retry {contract}",
    WayOut.ACTIVATE_CONTRACT: "Activate it in Autotask, then: timus-autotask retry {contract}",
    WayOut.EXTEND_CONTRACT: "Extend the contract in Autotask, then: timus-autotask retry {contract}",
    WayOut.WAIT_OR_ADD_UNITS: "Before the next period is posted, or to have it now: add the units that are missing from {until} on in Autotask, then: "
    "timus-autotask retry {contract}",
    WayOut.LOOK_AT_CONTRACT: "timus-autotask status --contract {contract}",
    WayOut.SAY_ADD_ON: "if {choice} is an add-on: timus-autotask map plan {choice} --add-on",
    WayOut.ENFORCE: "timus-autotask drift {contract} {service} --enforce",
    WayOut.ADOPT: "timus-autotask drift {contract} {service} --adopt",
    WayOut.APPROVE: "timus-autotask approve {contract} {service}",
    WayOut.REJECT: "timus-autotask reject {contract} {service} --reason WHY",
    WayOut.APPROVE_NEW_PLAN: "timus-autotask approve {contract} {up}",
    WayOut.REJECT_NEW_PLAN: "timus-autotask reject {contract} {up} --reason WHY",
    WayOut.APPROVE_AFTER_ALL: "timus-autotask approve {contract} {service}",
    WayOut.RESUME: "timus-autotask resume[ --customer {paused_customer}]",
    WayOut.SHOW_EVENT: "timus-autotask events show {event}",
    WayOut.ACCEPT_EVENT: "If the event is right: timus-autotask events accept {event}",
    WayOut.ACCEPT_MOVE: "If it is {customer}'s now: timus-autotask events accept {event}",
    WayOut.DISMISS_EVENT: "if the event is a mistake: timus-autotask events dismiss {event} --reason WHY",
    WayOut.DISMISS_OLDER: "If Timus shows what is known: timus-autotask events dismiss {event} --reason WHY",
    WayOut.COMPARE_WITH_TIMUS: "if not: timus-autotask reconcile --timus-export FILE",
}
"""Templates over the facts of the case. What stands in brackets is said only where its fact is known."""

_ANOTHER_COMPANY = "If company {actual_company} is the customer's now: timus-autotask map customer {customer} --company {actual_company} --contract {contract}"
"""Before the ways out of a contract that is another company's, whose number Autotask says."""

_AGAINST_A_FILE = (
    "Version {version} that counts came from a file (event {from_file}), perhaps with a number of ours. "
    "If Timus shows what this event says: timus-autotask events accept {event}"
)
"""Instead of the first way out of two states of one version, where the first one came from a file: its number is guessed if the file has none."""

_RENEWED_ELSEWHERE = "if another contract goes on for it: timus-autotask map customer {customer} --company N --contract N --from {day_after}"
"""Beside the way out of a contract that ended: to extend it would bill both. A move from today on leaves the days in between to the old one."""

_WITH_ITS_OWN_DAY = (
    "To have what Timus says from its own day on (units that are changed back by hand have it only from that day on): "
    "timus-autotask drift {contract} {service} --enforce"
)
"""Where a change of Timus's waits behind the edit: days until the edit is taken back by hand stay as they are."""

REPAIR = "Update timus-autotask, if a newer version wrote it; else bring the records back: timus-autotask restore --to TIME"
"""What to do about a record that cannot be read."""


class CheckWay(Enum):
    """What helps where a check finds something. The command and the console show the same command for it, which can be copied."""

    CHOOSE_STACK = "choose-stack"
    """Look at another one of the stacks."""
    DEPLOY_AGAIN = "deploy-again"
    """Finish the stack's deployment."""
    CORRECT_ZONE = "correct-zone"
    """Deploy the stack with the right time zone."""
    MEND_WEBHOOK = "mend-webhook"
    """Put right values into the webhook's secret."""
    SET_UP = "set-up"
    """Set an API user."""
    TRY_AGAIN = "try-again"
    """Say that the API user was corrected in Autotask, instead of what the check says."""
    THEN_TRY_AGAIN = "then-try-again"
    """Do what the check says, and have it tried again."""
    CORRECT_API_USER = "correct-api-user"
    """Correct the API user that was refused, or set another one."""
    SEE_REFUSED_WEBHOOKS = "see-refused-webhooks"
    SEE_FAILURES = "see-failures"
    REPAIR = "repair"
    """Have a record read that cannot be."""
    GO_LIVE = "go-live"
    REGISTER = "register"
    """Register the webhook in Timus."""
    LOOK_IN_TIMUS = "look-in-timus"
    """See whether Timus still sends."""
    REDRIVE = "redrive"
    LOOK_AT_SWEEP = "look-at-sweep"
    SEE_OUTSTANDING = "see-outstanding"
    SEE_UNDECIDED = "see-undecided"
    SEE_WAITING = "see-waiting"
    """Lines and events: each has its own command."""
    SEE_DRIFT = "see-drift"
    SEE_HELD = "see-held"
    SEE_PAUSED = "see-paused"
    RESUME = "resume"
    SUGGEST = "suggest"
    """Map what is not mapped."""
    RECONCILE = "reconcile"
    EXTEND = "extend"
    """Extend contracts, by hand or by the terms."""
    SEE_COVERAGE = "see-coverage"
    SEE_MAPPING = "see-mapping"
    """See where units go, and from when, and map what goes nowhere."""
    RENEW_SECRETS = "renew-secrets"


CHECK_WORDS: Mapping[CheckWay, str] = {
    CheckWay.CHOOSE_STACK: "To look at another one: --stack NAME",
    CheckWay.DEPLOY_AGAIN: "Its last deployment did not end well, or is under way. Look at its events in CloudFormation, then: "
    "make deploy STACK={stack}",
    CheckWay.CORRECT_ZONE: "If the stack's is wrong, correct it: make deploy STACK={stack} TIME_ZONE={zone}",
    CheckWay.MEND_WEBHOOK: "Put a right value into it in Secrets Manager, or deploy again: make deploy STACK={stack}",
    CheckWay.SET_UP: "timus-autotask setup",
    CheckWay.TRY_AGAIN: "If the API user was corrected in Autotask instead: timus-autotask setup --try-again",
    CheckWay.THEN_TRY_AGAIN: "Then: timus-autotask setup --try-again",
    CheckWay.CORRECT_API_USER: "Correct it on the API user's page in Autotask, then: timus-autotask setup --try-again, or: "
    "set another one: timus-autotask credentials set",
    CheckWay.SEE_REFUSED_WEBHOOKS: "See the webhooks that were not accepted: timus-autotask logs queries",
    CheckWay.SEE_FAILURES: "See the failures of our own: timus-autotask logs queries",
    CheckWay.REPAIR: REPAIR,
    CheckWay.GO_LIVE: "It is shown first: timus-autotask go-live",
    CheckWay.REGISTER: "Register in Timus: timus-autotask webhook show",
    CheckWay.LOOK_IN_TIMUS: "Look in Timus whether its webhook is on and what it was answered: timus-autotask webhook show",
    CheckWay.REDRIVE: "Once the cause is fixed: timus-autotask redrive",
    CheckWay.LOOK_AT_SWEEP: "Is the stack's EventBridge rule enabled? Look at the function's errors: timus-autotask logs queries",
    CheckWay.SEE_OUTSTANDING: "Its last lines say what is outstanding: timus-autotask status",
    CheckWay.SEE_UNDECIDED: "The commands for each stand beside it: timus-autotask status",
    CheckWay.SEE_WAITING: "The command for each stands beside it: timus-autotask status",
    CheckWay.SEE_DRIFT: "The ways out stand beside each: timus-autotask status",
    CheckWay.SEE_HELD: "timus-autotask status",
    CheckWay.SEE_PAUSED: "When it is time: timus-autotask status",
    CheckWay.RESUME: "When it is time: timus-autotask resume",
    CheckWay.SUGGEST: "timus-autotask map suggest",
    CheckWay.RECONCILE: "timus-autotask reconcile",
    CheckWay.EXTEND: "Extend or renew them in Autotask. If the terms say renewal=off, let them do it once Timus reports a renewal: timus-autotask policy set renewal=extend",
    CheckWay.SEE_COVERAGE: "The last tables have each with the money and what a renewal would do: timus-autotask ready",
    CheckWay.SEE_MAPPING: "Map what is missing, from its day on; every mapping with its first day: timus-autotask map list",
    CheckWay.RENEW_SECRETS: "For Autotask: a new secret on the API user's page, then timus-autotask credentials set; for the webhook: "
    "docs/operations.md, Secret old",
}
"""Templates over the facts of the check; the customers whom a check names are added to the command at the end."""


class NextWay(Enum):
    """What a person does next about something that is no line's own reason and no check: before posting, in a mail or a ticket."""

    CONFIRM_NAME = "confirm-name"
    """Say that a company of another name is the customer's."""
    MAP_AGAIN = "map-again"
    """Map the customer to another company."""
    SEE_STATUS = "see-status"
    SEE_HEALTH = "see-health"
    """See what is the matter with Autotask, or with us."""
    SET_UP = "set-up"
    SEE_ALL = "see-all"
    """See what was left out of a list."""
    REDRIVE = "redrive"
    RETRY = "retry"
    """Have the contract looked at again."""
    RETRY_LATER = "retry-later"
    """The same, if nothing happens by itself."""
    GO_LIVE = "go-live"
    RECONCILE = "reconcile"
    BRING_BACK = "bring-back"
    """Undo an undo."""
    WITHDRAW = "withdraw"
    """Take back an undo that is not made yet."""
    DIGEST = "digest"
    READY = "ready"
    """See what is open: of a month, or of this one."""
    SEE_POSTED = "see-posted"
    """See what was posted otherwise in a month."""
    SEE_CHANGES = "see-changes"
    """See every change since a day."""
    SEE_CUSTOMER = "see-customer"
    """See the lines: of the customer, if it is one customer's."""
    SEE_DAYS = "see-days"
    """See the days of a customer's month that differ."""
    SEE_DAYS_OF_ALL = "see-days-of-all"
    COMPARE_WITH_TIMUS = "compare-with-timus"
    """Look whether an event was lost."""
    SUGGEST = "suggest"
    """See to which customer a contract may belong, or take the service off it."""
    REVIEW = "review"
    """Map what is not mapped."""
    PREVIEW = "preview"


NEXT_WORDS: Mapping[NextWay, str] = {
    NextWay.CONFIRM_NAME: "If that is right: timus-autotask map confirm {customer}",
    NextWay.MAP_AGAIN: "if not: timus-autotask map customer {customer} --company N --contract N",
    NextWay.SEE_STATUS: "timus-autotask status",
    NextWay.SEE_HEALTH: "timus-autotask doctor",
    NextWay.SET_UP: "timus-autotask setup",
    NextWay.SEE_ALL: "timus-autotask status --all",
    NextWay.REDRIVE: "timus-autotask redrive",
    NextWay.RETRY: "timus-autotask retry {contract}",
    NextWay.RETRY_LATER: "Look again in a minute; then: timus-autotask retry {contract}",
    NextWay.GO_LIVE: "timus-autotask go-live",
    NextWay.RECONCILE: "timus-autotask reconcile",
    NextWay.BRING_BACK: "To bring it back: timus-autotask undo {change} --reason WHY",
    NextWay.WITHDRAW: "timus-autotask undo {change} --withdraw --reason WHY",
    NextWay.DIGEST: "timus-autotask digest",
    NextWay.READY: "timus-autotask ready[ --month {month}]",
    NextWay.SEE_POSTED: "timus-autotask ready --posted --month {month}",
    NextWay.SEE_CHANGES: "timus-autotask changes --since {since}",
    NextWay.SEE_CUSTOMER: "timus-autotask status[ --customer {customer}]",
    NextWay.SEE_DAYS: "To see them: timus-autotask evidence --customer {customer} --month {month}",
    NextWay.SEE_DAYS_OF_ALL: "To see them: timus-autotask ready --month {month}",
    NextWay.COMPARE_WITH_TIMUS: "if the seats are there: timus-autotask reconcile --timus-export FILE",
    NextWay.SUGGEST: "timus-autotask map suggest; if it is not sold any more, take it off the contract in Autotask",
    NextWay.REVIEW: "timus-autotask map review",
    NextWay.PREVIEW: "timus-autotask preview",
}
"""Templates over the facts of the case."""

_WORD = r"""(?=['"\w=<>/|@#+-])(?:'[^']*'|"[^"]*"|[^\s,;:'"])+"""
COMMAND = re.compile(rf"(?:timus-autotask|make deploy)(?: (?!(?:and|or)\b){_WORD}(?<!\.))+")
"""A command within a sentence, with what a shell quotes in it. It is copied as it stands."""
_BETWEEN = re.compile(r"[.,;]?\s*(?:or:? |then: )?")
"""What stands between two ways out."""

_IF_KNOWN = re.compile(r"\[([^\[\]{]*\{(\w+)\})\]")
_OPTION = re.compile(r"(--[a-z-]+) \{(\w+)\}")
_POSITIONAL = re.compile(
    r"(timus-autotask(?: [a-z]+)+) \{(\w+)\}((?: --[a-z-]+(?:[ =][^\s,;:-][^\s,;:]*|=\{\w+\})?)*)"
)

FEW = 3
"""So many customers are named in one command."""


def commands(template: str, facts: Mapping[str, int | str]) -> str:
    """A sentence with commands, filled in so that a shell and the command line take each fact as it is.

    A fact that begins with a dash would be taken for an option: it is written ``--option=-x``, or behind ``--`` at the end.
    """

    def dashed(name: str) -> bool:
        return str(facts.get(name, "")).startswith("-")

    template = _IF_KNOWN.sub(lambda m: m[1] if facts.get(m[2]) else "", template)
    template = _OPTION.sub(lambda m: f"{m[1]}={{{m[2]}}}" if dashed(m[2]) else m[0], template)
    template = _POSITIONAL.sub(lambda m: f"{m[1]}{m[3]} -- {{{m[2]}}}" if dashed(m[2]) else m[0], template)
    shown = {name: quote(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return template.format_map(Facts(shown))


def said(*ways: WayOut | NextWay, **facts: int | str) -> str:
    """Ways out as one text, of which a person chooses one; there is one at least."""
    return either(
        *(commands(NEXT_WORDS[way] if isinstance(way, NextWay) else WORDS[way], facts) for way in ways)
    )


def remedy_of(parked: Parked) -> str:
    """The command or action that ends it, written so that a shell takes it; of several a person chooses one."""
    facts = parked.facts
    words = _words_for(parked)
    each = dict.fromkeys(
        commands(words[way], {**facts, "choice": choice})
        for way in parked.ways
        for choice in _choices(way, facts)
    )
    known = [commands(_ANOTHER_COMPANY, facts)] if facts.get("actual_company") else []
    return either(*known, *each, *_elsewhere(parked))


def _choices(way: WayOut, facts: Mapping[str, int | str]) -> Sequence[str]:
    """What a way out is said once for each of."""
    if way is WayOut.SAY_ADD_ON:
        return str(facts["unsaid"]).split(" | ") if facts.get("unsaid") else []
    return str(facts["choices"]).split(" | ") if facts.get("choices") else ["N"]


def _words_for(parked: Parked) -> Mapping[WayOut, str]:
    """The words of its ways out, where the facts make one of them another one."""
    facts = parked.facts
    if facts.get("from_file"):
        return {**WORDS, WayOut.ACCEPT_EVENT: _AGAINST_A_FILE}
    if parked.code == DRIFT and facts.get("desired") != facts.get("left"):
        return {**WORDS, WayOut.ENFORCE: _WITH_ITS_OWN_DAY}
    return WORDS


def _elsewhere(parked: Parked) -> Iterator[str]:
    """The way out of a contract that ended, where its client goes on under another one."""
    end = parked.facts.get("contract_end")
    if parked.code == CONTRACT_ENDED and end and parked.facts.get("customer"):
        after = date.fromisoformat(str(end)) + timedelta(days=1)
        yield commands(_RENEWED_ELSEWHERE, {**parked.facts, "day_after": str(after)})


def will_wait(parked: Parked) -> str:
    """What becomes of a scheduled change that will be held on its day for this reason, for people."""
    return (
        "will not be made then: changes are paused"
        if parked.code == PAUSED
        else "will wait for approval then: the terms ask for it"
    )


def way_later(day: date, parked: Parked) -> str:
    """The command that lets it go: an approval is taken on its day."""
    remedy = remedy_of(parked)
    return remedy if parked.code == PAUSED else f"From {day} on: {remedy}"


def either(*each: str) -> str:
    """Ways out as one text: what begins with its own condition stands behind a semicolon."""
    first, *others = each
    return first + "".join((OR if one.startswith("timus-autotask") else "; ") + one for one in others)


def ways(remedy: str) -> list[str]:
    """Each way out of it, with one command at most: a line for each, so that a person copies what is meant. Of ``""`` there is none."""
    return [way for one in remedy.split(OR) for way in _ways(one)] if remedy else []


def _ways(remedy: str) -> Iterator[str]:
    """Cut behind each command that another one follows."""
    begin = 0
    for before, _ in pairwise(COMMAND.finditer(remedy)):
        yield remedy[begin : before.end()]
        begin = _BETWEEN.match(remedy, before.end()).end()  # type: ignore[union-attr]  # it matches nothing, too
    yield remedy[begin:]


def for_customers(command: str, customers: Sequence[str]) -> str:
    """A command for these customers, written so that a shell takes it; for more than a few, with a place for one."""
    if len(customers) > FEW:
        return f"{command} --customer CUSTOMER"
    facts = {f"customer_{at}": one for at, one in enumerate(customers)}
    return commands(command + "".join(f" --customer {{{name}}}" for name in facts), facts)
