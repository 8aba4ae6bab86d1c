"""Why something is parked: the message that people read, and the ways out of it. Each reason stands here once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class WayOut(Enum):
    """What a person can do, so that it is not parked any more. The command for it is in ``watch/remedy.py``, the console's button in ``web/pages/actions.py``."""

    MAP_CUSTOMER = "map-customer"
    """Say which company and contract the customer has; it has none yet."""
    MAP_CONTRACT = "map-contract"
    """The same, where the company is known."""
    MAP_ELSEWHERE = "map-elsewhere"
    """Say that the customer has another contract than the one that is said."""
    ROUTE_SKU = "route-sku"
    """Say which of the customer's contracts takes the SKU."""
    CHOOSE_SERVICE = "choose-service"
    """Choose the service of the SKU."""
    LET_SERVICES_BE_READ = "let-services-be-read"
    """Give the API user the right to look for it."""
    CHOOSE_OLD_PLANS_SERVICE = "choose-old-plans-service"
    """Choose the service of the SKU that seats move away from."""
    EXCLUDE_OLD_PLAN = "exclude-old-plan"
    """Say that this SKU was never billed."""
    CHOOSE_LINE = "choose-line"
    """Choose one of the contract services of a service; the fact ``choices`` has their ids."""
    OPEN = "open"
    """Have the contract looked for, and opened, again."""
    FIX_THEN_OPEN = "fix-then-open"
    """The same, once the cause is fixed."""
    FIND_THEN_OPEN = "find-then-open"
    """The same, once it was looked for in Autotask."""
    FIX_THEN_RETRY = "fix-then-retry"
    """Fix the cause in Autotask, and have it tried again."""
    ACTIVATE_CONTRACT = "activate-contract"
    EXTEND_CONTRACT = "extend-contract"
    WAIT_OR_ADD_UNITS = "wait-or-add-units"
    """Its day comes by itself, but a period that is posted before keeps what it has; whoever adds the units that lack later on has it now."""
    LOOK_AT_CONTRACT = "look-at-contract"
    """See what the other line waits for."""
    SAY_ADD_ON = "say-add-on"
    """Say that no seats move to or from a SKU, if they were only guessed to; the fact ``unsaid`` has those of which it may be said."""
    ENFORCE = "enforce"
    """Bring the line back to what Timus says."""
    ADOPT = "adopt"
    """Keep what somebody did in Autotask."""
    APPROVE = "approve"
    REJECT = "reject"
    APPROVE_NEW_PLAN = "approve-new-plan"
    """Approve the increase that the line's own change goes with."""
    REJECT_NEW_PLAN = "reject-new-plan"
    """Reject it, and with it the line's own change."""
    APPROVE_AFTER_ALL = "approve-after-all"
    """Approve what was rejected."""
    RESUME = "resume"
    SHOW_EVENT = "show-event"
    ACCEPT_EVENT = "accept-event"
    """Say that the event is right."""
    ACCEPT_MOVE = "accept-move"
    """The same of one that says that the subscription is another customer's."""
    DISMISS_EVENT = "dismiss-event"
    """Say that the event is a mistake."""
    DISMISS_OLDER = "dismiss-older"
    """Say that Timus shows what is known, so that the event is older."""
    COMPARE_WITH_TIMUS = "compare-with-timus"
    """Else compare everything with what Timus exports."""


class EndedBy(Enum):
    """What ends a reason, so that what is parked is judged again."""

    APPROVAL = "approval"
    """``approve`` or ``reject``: the partner's own terms ask a person."""
    DECISION = "decision"
    """Another decision of a person. No approval ends it."""
    DAY = "day"
    """A day that is known already: the contract is due on it."""
    LOOK = "look"
    """Something in Autotask or at another line, which no message announces: the contract is looked at again after 15 minutes to an hour."""
    MAPPING = "mapping"
    """What a person maps. It is no line's yet."""
    OPENING = "opening"
    """A contract that is opened, or chosen: it is the customer's, and no line's."""
    EVENT = "event"
    """What a person decides on the event itself. It is no line's."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for parking. ``message`` is a template over the facts of the case; of ``ways`` a person chooses one."""

    message: str
    ways: tuple[WayOut, ...]
    ended_by: EndedBy


DRIFT = "drift"
"""Somebody else changed the units of a line."""
REFUSED = "refused"
"""Autotask refused what is due. The same is not sent again yet."""
BELOW_ZERO_LATER = "below-zero-later"
"""A decrease waits for the day of an increase that makes room for it."""
CONTRACT_ENDED = "contract-ended"
"""The contract bills nothing any more, and its line should have units after its end."""
HELD_WITH_PLAN_CHANGE = "held-with-plan-change"
"""A decrease waits because the plan that comes in its place waits for a person."""
REJECTED = "rejected"
"""A line has nothing to do but what a person rejected."""
PAUSED = "paused"
"""Nothing is made until somebody resumes; no approval ends it."""
SUBSCRIPTION_MOVED = "subscription-moved"
"""An event says another customer than the one that is known."""

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "opening-off": Reason(
            "Customer {customer} has company {company} and no contract, and the terms (open_contracts) do not open one.",
            (WayOut.MAP_CONTRACT,),
            EndedBy.OPENING,
        ),
        "opening-refused": Reason(
            "Autotask refused to open contract {name} for company {company}: {answer}",
            (WayOut.FIX_THEN_OPEN,),
            EndedBy.OPENING,
        ),
        "opening-differs": Reason(
            "Contract {contract} carries our number {number}, but it is not an active recurring contract of company {company} "
            "from {start} to {end}. Map it by hand, or fix it in Autotask.",
            (WayOut.OPEN,),
            EndedBy.OPENING,
        ),
        "opening-doubled": Reason(
            "Several contracts of company {company} carry our number {number}: {contracts}. Only one of them may.",
            (WayOut.OPEN,),
            EndedBy.OPENING,
        ),
        "opening-unclear": Reason(
            "Autotask said that it opened contract {number} for company {company}, but the contract cannot be found.",
            (WayOut.FIND_THEN_OPEN,),
            EndedBy.OPENING,
        ),
        "customer-unmapped": Reason(
            "Customer {customer} has no Autotask company and contract yet.",
            (WayOut.MAP_CUSTOMER,),
            EndedBy.MAPPING,
        ),
        "sku-unmapped": Reason(
            "No Autotask service is chosen for {sku}, and no active service carries that SKU.",
            (WayOut.CHOOSE_SERVICE,),
            EndedBy.MAPPING,
        ),
        "sku-ambiguous": Reason(
            "Several active Autotask services carry the SKU {sku}, so none of them is chosen.",
            (WayOut.CHOOSE_SERVICE,),
            EndedBy.MAPPING,
        ),
        "sku-refused": Reason(
            "No Autotask service is chosen for {sku}, and Autotask refused to look for one: {answer}",
            (WayOut.LET_SERVICES_BE_READ, WayOut.CHOOSE_SERVICE),
            EndedBy.MAPPING,
        ),
        "sku-unrouted": Reason(
            "Customer {customer} has contracts, but none of them takes {sku}, or not all of its units.",
            (WayOut.ROUTE_SKU,),
            EndedBy.MAPPING,
        ),
        "contract-not-found": Reason(
            "Autotask has no contract {contract}, or the API user may not see it.",
            (WayOut.MAP_ELSEWHERE,),
            EndedBy.LOOK,
        ),
        "contract-of-another-company": Reason(
            "Contract {contract} belongs to company {actual_company}, but customer {customer} is mapped to it as company {company}'s.",
            (WayOut.MAP_ELSEWHERE,),
            EndedBy.LOOK,
        ),
        "contract-not-recurring": Reason(
            "Contract {contract} is not a recurring service contract, so it has no units.",
            (WayOut.MAP_ELSEWHERE,),
            EndedBy.LOOK,
        ),
        "contract-inactive": Reason(
            "Contract {contract} is inactive in Autotask.",
            (WayOut.ACTIVATE_CONTRACT,),
            EndedBy.LOOK,
        ),
        CONTRACT_ENDED: Reason(
            "Contract {contract} ends on {contract_end}, with {units_counted} to be billed after it.",
            (WayOut.EXTEND_CONTRACT,),
            EndedBy.LOOK,
        ),
        "line-duplicated": Reason(
            "Service {service} is on contract {contract} more than once{offered_told}, so it is not clear which line to change.",
            (WayOut.CHOOSE_LINE,),
            EndedBy.LOOK,
        ),
        "line-missing": Reason(
            "Contract service {contract_service} was chosen for service {service} on contract {contract}, and Autotask does not have it "
            "any more{offered_told}.",
            (WayOut.CHOOSE_LINE,),
            EndedBy.LOOK,
        ),
        DRIFT: Reason(
            "Somebody changed the units in Autotask: we left {left}, Autotask has {held}, Timus says {desired}.{differs_told}",
            (WayOut.ENFORCE, WayOut.ADOPT),
            EndedBy.LOOK,
        ),
        "outcome-unclear": Reason(
            "It is not clear what became of an adjustment of {delta:+d} on {day}{answer_told}. Autotask now has {held_counted}, "
            "which is neither the {before} before it nor the {after} after it. Timus says {desired}.",
            (WayOut.ENFORCE, WayOut.ADOPT),
            EndedBy.LOOK,
        ),
        REFUSED: Reason(
            "Autotask refused {delta:+d} on {day}: {answer}{waiting_told}",
            (WayOut.FIX_THEN_RETRY,),
            EndedBy.LOOK,
        ),
        BELOW_ZERO_LATER: Reason(
            "{delta:+d} on {day} is made on {until}. Autotask has {units_counted} from that day on, and refuses to go below 0 there, "
            "so the increase of that day comes first. What is posted before that is billed without this change.{waiting_told}",
            (WayOut.WAIT_OR_ADD_UNITS,),
            EndedBy.DAY,
        ),
        "waits-for-decrease": Reason(
            "The plan change waits: the old plan on service {down} has to come down first.{guess_told}",
            (WayOut.LOOK_AT_CONTRACT, WayOut.SAY_ADD_ON),
            EndedBy.LOOK,
        ),
        "old-plan-unmapped": Reason(
            "The plan change waits: no service is chosen for the old plan {sku}, so Autotask may still bill it where we do not look."
            "{guess_told}",
            (WayOut.CHOOSE_OLD_PLANS_SERVICE, WayOut.EXCLUDE_OLD_PLAN, WayOut.SAY_ADD_ON),
            EndedBy.LOOK,
        ),
        "held-for-approval": Reason(
            "A change of {delta:+d} on {day}{at_price} awaits approval.{shared_told}{waiting_told}",
            (WayOut.APPROVE, WayOut.REJECT),
            EndedBy.APPROVAL,
        ),
        "held-over-limit": Reason(
            "A change of {delta:+d} on {day}{at_price} is larger than the limit of {limit}, so it awaits approval.{shared_told}{waiting_told}",
            (WayOut.APPROVE, WayOut.REJECT),
            EndedBy.APPROVAL,
        ),
        "held-over-day-limit": Reason(
            "A change of {delta:+d} on {day}{at_price} awaits approval: it brings the units that change in one day above the limit of {limit}.{shared_told}{waiting_told}",
            (WayOut.APPROVE, WayOut.REJECT),
            EndedBy.APPROVAL,
        ),
        HELD_WITH_PLAN_CHANGE: Reason(
            "The plan change waits as a whole: the new plan on service {up} is not approved.{guess_told}",
            (WayOut.APPROVE_NEW_PLAN, WayOut.REJECT_NEW_PLAN, WayOut.SAY_ADD_ON),
            EndedBy.APPROVAL,
        ),
        "held-posted-period": Reason(
            "A change of {delta:+d}{at_price} awaits approval: its day, {day}, is in a period that is approved and posted.{shared_told}{waiting_told}",
            (WayOut.APPROVE, WayOut.REJECT),
            EndedBy.APPROVAL,
        ),
        REJECTED: Reason(
            "The change of {delta:+d} on {day}{at_price} is set aside until Timus reports something newer{by_now_told}. "
            "{by} rejected it on {on}: {why}",
            (WayOut.APPROVE_AFTER_ALL,),
            EndedBy.DECISION,
        ),
        PAUSED: Reason(
            "Changes are paused.",
            (WayOut.RESUME,),
            EndedBy.DECISION,
        ),
        "no-subscription": Reason(
            "No subscription maps to this line any more; Autotask has {held_counted}.",
            (WayOut.MAP_ELSEWHERE,),
            EndedBy.DECISION,
        ),
        "not-understood": Reason(
            "The event is signed by Timus but not understood: {answer}",
            (WayOut.SHOW_EVENT,),
            EndedBy.EVENT,
        ),
        "contradictory": Reason(
            "Two different states claim version {version} of subscription {subscription}; the first one counts.{readings_told}",
            (WayOut.ACCEPT_EVENT, WayOut.DISMISS_EVENT),
            EndedBy.EVENT,
        ),
        "version-restarted": Reason(
            "The event says version {version} of subscription {subscription}: {told}. Version {known_version} is known: {known}. "
            "Numbers and times disagree about which of both is newer. What is known counts until somebody decides.",
            (WayOut.ACCEPT_EVENT, WayOut.DISMISS_EVENT),
            EndedBy.EVENT,
        ),
        "version-overtaken": Reason(
            "The event says version {version} of subscription {subscription}: {told}. Version {known_version} happened later and says "
            "otherwise: {known}. So this event cannot be the newest, and changes nothing.",
            (WayOut.DISMISS_OLDER, WayOut.COMPARE_WITH_TIMUS),
            EndedBy.EVENT,
        ),
        SUBSCRIPTION_MOVED: Reason(
            "Subscription {subscription} is customer {other}'s, and this event says {customer}. {other} is billed for it as before, and "
            "{customer} is not, until somebody decides.",
            (WayOut.ACCEPT_MOVE, WayOut.DISMISS_EVENT),
            EndedBy.EVENT,
        ),
    }
)


def _codes(*ended_by: EndedBy) -> frozenset[str]:
    return frozenset(code for code, reason in REASONS.items() if reason.ended_by in ended_by)


AWAITING_APPROVAL = _codes(EndedBy.APPROVAL)
"""The partner's own terms ask for approval."""
BY_DECISION = _codes(EndedBy.APPROVAL, EndedBy.DECISION)
"""Reasons that only a decision of a person ends; the command that takes it makes the contract due."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A reason with the facts of the case, as the table above tells it."""

    code: str
    facts: Mapping[str, int | str]

    @property
    def message(self) -> str:
        """The reason, for people."""
        return REASONS[self.code].message.format_map(Facts(self.facts))

    @property
    def ways(self) -> tuple[WayOut, ...]:
        """What a person can do about it."""
        return REASONS[self.code].ways


_WHERE_KNOWN: Mapping[str, Sequence[tuple[str, str]]] = {
    "offered_told": [("lines", " ({lines})")],
    "shared_told": [
        ("contains", " It contains {contains}."),
        ("by_terms", " It waits by the terms of {by_terms}, which count on the shared line."),
    ],
    "readings_told": [("told", " It says: {known}. This event says: {told}.")],
    "waiting_told": [("waiting", " Waiting with it: {waiting}.")],
    "answer_told": [("answered", ", which Autotask {answered}")],
    "guess_told": [("unsaid", " That it is a plan change is guessed from Timus's numbers.")],
    "differs_told": [("differs", " Other units than we left: {differs}.")],
}
"""Parts of a reason that are there only where a fact is known: by the name in the template, each with that fact."""


class Facts(dict[str, int | str]):
    """The facts of a case, for a template. One that is not known is shown by its name; some are there only where there is something to say."""

    def __missing__(self, key: str) -> str:
        if key.endswith("_counted"):
            number = self[key.removesuffix("_counted")]
            return f"{number} unit" if number == 1 else f"{number} units"
        if key == "at_price":
            return self._price("price")
        if key == "by_now_told":
            made = f" (approved now, it would be made on {self.get('by_now')}{self._price('price_by_now')})"
            return made if "by_now" in self else ""
        if key in _WHERE_KNOWN:
            return "".join(words.format_map(self) for fact, words in _WHERE_KNOWN[key] if self.get(fact))
        return key.upper()

    def _price(self, fact: str) -> str:
        return f" at a unit price of {self[fact]}" if fact in self else ""
