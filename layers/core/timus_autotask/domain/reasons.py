"""Why something is parked: the message that people read, and the command that ends it. Each reason stands here once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for parking. ``message`` and ``remedy`` are templates over the facts of the case."""

    message: str
    remedy: str


_ACCEPT_OR_DISMISS = (
    "If the event is right: timus-autotask events accept {event}; if it is a mistake: "
    "timus-autotask events dismiss {event} --reason WHY"
)

ENFORCE_OR_ADOPT = "timus-autotask drift {contract} {service} --enforce, or: timus-autotask drift {contract} {service} --adopt"
OR = ", or: "
"""Between the commands of a remedy of which a person chooses one."""

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "opening-off": Reason(
            "Customer {customer} has company {company} and no contract, and the terms (open_contracts) do not open one.",
            "timus-autotask map customer {customer} --company {company} --contract N",
        ),
        "opening-refused": Reason(
            "Autotask refused to open contract {name} for company {company}: {answer}",
            "Fix the cause, then: timus-autotask retry {number}",
        ),
        "opening-differs": Reason(
            "Contract {contract} carries our number {number}, but it is not an active recurring contract of company {company} "
            "from {start} to {end}. Map it by hand, or fix it in Autotask.",
            "timus-autotask retry {number}",
        ),
        "opening-doubled": Reason(
            "Several contracts of company {company} carry our number {number}: {contracts}. Only one of them may.",
            "timus-autotask retry {number}",
        ),
        "opening-unclear": Reason(
            "Autotask said that it opened contract {number} for company {company}, but the contract cannot be found.",
            "Look for it in Autotask, then: timus-autotask retry {number}",
        ),
        "customer-unmapped": Reason(
            "Customer {customer} has no Autotask company and contract yet.",
            "timus-autotask map customer {customer} --company N --contract N",
        ),
        "sku-unmapped": Reason(
            "No Autotask service is chosen for {sku}, and no active service carries that SKU.",
            "timus-autotask map plan {sku} --service N",
        ),
        "sku-ambiguous": Reason(
            "Several active Autotask services carry the SKU {sku}, so none of them is chosen.",
            "timus-autotask map plan {sku} --service N",
        ),
        "sku-refused": Reason(
            "No Autotask service is chosen for {sku}, and Autotask refused to look for one: {answer}",
            "Let the API user read services in Autotask, or: timus-autotask map plan {sku} --service N",
        ),
        "sku-unrouted": Reason(
            "Customer {customer} has contracts, but none of them takes {sku}, or not all of its units.",
            "timus-autotask map customer {customer} --company N --contract N --sku {sku}",
        ),
        "contract-not-found": Reason(
            "Autotask has no contract {contract}, or the API user may not see it.",
            "timus-autotask map customer {customer} --company N --contract N",
        ),
        "contract-of-another-company": Reason(
            "Contract {contract} belongs to company {actual_company}, but customer {customer} is mapped to it as company {company}'s.",
            "timus-autotask map customer {customer} --company N --contract N",
        ),
        "contract-not-recurring": Reason(
            "Contract {contract} is not a recurring service contract, so it has no units.",
            "timus-autotask map customer {customer} --company N --contract N",
        ),
        "contract-inactive": Reason(
            "Contract {contract} is inactive in Autotask.",
            "Activate it in Autotask, then: timus-autotask retry {contract}",
        ),
        "contract-ended": Reason(
            "Contract {contract} ends on {contract_end}; {units} units are to be billed after it.",
            "Extend the contract in Autotask, then: timus-autotask retry {contract}",
        ),
        "line-duplicated": Reason(
            "Service {service} is on contract {contract} more than once{offered_told}, so it is not clear which line to change.",
            "timus-autotask map line {contract} {service} --contract-service {choice}",
        ),
        "line-missing": Reason(
            "Contract service {contract_service} was chosen for service {service} on contract {contract}, and Autotask does not have it "
            "any more{offered_told}.",
            "timus-autotask map line {contract} {service} --contract-service {choice}",
        ),
        "drift": Reason(
            "Somebody changed the units in Autotask: we left {left}, Autotask has {held}, Timus says {desired}.{differs_told}",
            ENFORCE_OR_ADOPT,
        ),
        "outcome-unclear": Reason(
            "An adjustment of {delta:+d} on {day} got no clear answer. Autotask now has {held} units, "
            "which is neither the {before} before it nor the {after} after it. Timus says {desired}.",
            ENFORCE_OR_ADOPT,
        ),
        "refused": Reason(
            "Autotask refused {delta:+d} on {day}: {answer}",
            "Fix the cause in Autotask, then: timus-autotask retry {contract}",
        ),
        "below-zero-later": Reason(
            "{delta:+d} on {day} is made on {until}. Autotask has {units} units from that day on, and refuses to go below 0 there, "
            "so the increase of that day comes first.",
            "Nothing to do. To have it now: add the units that are missing from {until} on in Autotask, then: "
            "timus-autotask retry {contract}",
        ),
        "waits-for-decrease": Reason(
            "The plan change waits: the old plan on service {down} has to come down first.",
            "timus-autotask status --contract {contract}",
        ),
        "old-plan-unmapped": Reason(
            "The plan change waits: no service is chosen for the old plan {sku}, so Autotask may still bill it where we do not look.",
            "timus-autotask map plan {sku} --service N, or if it was never billed: "
            "timus-autotask policy set --customer {customer} excluded={sku}",
        ),
        "held-for-approval": Reason(
            "A change of {delta:+d} on {day}{at_price} awaits approval.{shared_told}",
            "timus-autotask approve {contract} {service}",
        ),
        "held-over-limit": Reason(
            "A change of {delta:+d} on {day}{at_price} is larger than the limit of {limit}, so it awaits approval.{shared_told}",
            "timus-autotask approve {contract} {service}",
        ),
        "held-over-day-limit": Reason(
            "A change of {delta:+d} on {day}{at_price} awaits approval: it brings the units that change in one day above the limit of {limit}.{shared_told}",
            "timus-autotask approve {contract} {service}",
        ),
        "held-with-plan-change": Reason(
            "The plan change waits as a whole: the new plan on service {up} is not approved.",
            "timus-autotask approve {contract} {up}",
        ),
        "held-posted-period": Reason(
            "A change of {delta:+d}{at_price} awaits approval: its day, {day}, is in a period that is approved and posted.{shared_told}",
            "timus-autotask approve {contract} {service}",
        ),
        "rejected": Reason(
            "The change of {delta:+d} on {day}{at_price} is set aside until Timus reports something newer{by_now_told}. "
            "{by} rejected it on {on}: {why}",
            "timus-autotask approve {contract} {service}",
        ),
        "paused": Reason("Changes are paused.", "timus-autotask resume --customer {paused_customer}"),
        "no-subscription": Reason(
            "No subscription maps to this line any more; Autotask has {held} units.",
            "timus-autotask map customer {customer} --company N --contract N",
        ),
        "not-understood": Reason(
            "The event is signed by Timus but not understood: {answer}",
            "timus-autotask events show {event}",
        ),
        "contradictory": Reason(
            "Two different states claim version {version} of subscription {subscription}; the first one counts.",
            _ACCEPT_OR_DISMISS,
        ),
        "version-restarted": Reason(
            "The event says version {version} of subscription {subscription}: {told}. Version {known_version} is known: {known}. "
            "Numbers and times disagree about which of both is newer. What is known counts until somebody decides.",
            _ACCEPT_OR_DISMISS,
        ),
        "version-overtaken": Reason(
            "The event says version {version} of subscription {subscription}: {told}. Version {known_version} happened later and says "
            "otherwise: {known}. So this event cannot be the newest, and changes nothing.",
            "If Timus shows what is known: timus-autotask events dismiss {event} --reason WHY; if not: "
            "timus-autotask reconcile --timus-export FILE",
        ),
        "subscription-moved": Reason(
            "Subscription {subscription} is customer {other}'s, and this event says {customer}. {other} is billed for it as before, and "
            "{customer} is not, until somebody decides.",
            "If it is {customer}'s now: timus-autotask events accept {event}; if the event is a mistake: "
            "timus-autotask events dismiss {event} --reason WHY",
        ),
    }
)


_OPTION = re.compile(r"(--[a-z-]+) \{(\w+)\}")
_POSITIONAL = re.compile(
    r"(timus-autotask(?: [a-z]+)+) \{(\w+)\}((?: --[a-z-]+(?:[ =][^\s,;:-][^\s,;:]*|=\{\w+\})?)*)"
)


def commands(template: str, facts: Mapping[str, int | str]) -> str:
    """A sentence with commands, filled in so that a shell and the command line take each fact as it is.

    A fact that begins with a dash would be taken for an option: it is written ``--option=-x``, or behind ``--`` at the end.
    """

    def dashed(name: str) -> bool:
        return str(facts.get(name, "")).startswith("-")

    template = _OPTION.sub(lambda m: f"{m[1]}={{{m[2]}}}" if dashed(m[2]) else m[0], template)
    template = _POSITIONAL.sub(lambda m: f"{m[1]}{m[3]} -- {{{m[2]}}}" if dashed(m[2]) else m[0], template)
    shown = {name: quote(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return template.format_map(_Facts(shown))


@dataclass(frozen=True, slots=True)
class Parked:
    """A reason with the facts of the case, as the table above tells it."""

    code: str
    facts: Mapping[str, int | str]

    @property
    def message(self) -> str:
        """The reason, for people."""
        return REASONS[self.code].message.format_map(_Facts(self.facts))

    @property
    def remedy(self) -> str:
        """The command or action that ends it, written so that a shell takes it."""
        template = REASONS[self.code].remedy
        choices = str(self.facts["choices"]).split(" | ") if self.facts.get("choices") else ["N"]
        remedy = OR.join(
            dict.fromkeys(commands(template, {**self.facts, "choice": choice}) for choice in choices)
        )
        return remedy.replace(" --customer PAUSED_CUSTOMER", "")  # everybody is paused


class _Facts(dict[str, int | str]):
    """A fact that is not known is shown by its name. Some are there only where there is something to say."""

    def __missing__(self, key: str) -> str:
        if key == "at_price":
            return self._price("price")
        if key == "offered_told":
            return f" ({self['lines']})" if self.get("lines") else ""
        if key == "shared_told":
            contains = f" It contains {self['contains']}." if "contains" in self else ""
            strict = (
                f" It waits by the terms of {self['by_terms']}, which count on the shared line."
                if "by_terms" in self
                else ""
            )
            return contains + strict
        if key == "differs_told":
            return f" Other units than we left: {self['differs']}." if self.get("differs") else ""
        if key == "by_now_told":
            made = f" (approved now, it would be made on {self.get('by_now')}{self._price('price_by_now')})"
            return made if "by_now" in self else ""
        return key.upper()

    def _price(self, fact: str) -> str:
        return f" at a unit price of {self[fact]}" if fact in self else ""
