"""The one thing that a person does next about a line: a page of the console, a button that shows what it would change, or a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.reasons import REASONS, WayOut
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.ready import Open
from timus_autotask.watch.status import StatusLine

OF_A_LINE = (
    WhyDiffers.UNMAPPED,
    WhyDiffers.HELD,
    WhyDiffers.DRIFT,
    WhyDiffers.PAUSED,
    WhyDiffers.REFUSED,
    WhyDiffers.PARKED,
    WhyDiffers.REJECTED,
)
"""Why something is open before posting that is settled with the line itself."""


@dataclass(frozen=True, slots=True)
class Action:
    """Where it is done."""

    name: str
    address: str = ""
    """A page of the console; where ``fields`` are sent, if there are any; empty: it is done in the terminal."""
    fields: Mapping[str, str | int] = field(default_factory=dict)


def customer_address(customer: str) -> str:
    """The page of a customer."""
    return f"/customers/{quote(customer, safe='')}"


def actions_of(line: StatusLine) -> Sequence[Action]:
    """What a person can do here about a line that waits, the likeliest first; none: the remedy says what to do elsewhere."""
    reason = REASONS.get(line.reason_code or "")
    found = [action for way in (reason.ways if reason else ()) for action in _actions(way, line)]
    if found or line.key is None:
        return found
    return [Action("Try again …", "/do", {"what": "retry", "contract": line.key.contract_id})]


def _actions(way: WayOut, line: StatusLine) -> Sequence[Action]:
    """A way out in the words of the console, where it has a page for it."""
    if way in (WayOut.MAP_CUSTOMER, WayOut.MAP_CONTRACT):
        return [Action("Map it", f"/mapping?{urlencode({'q': line.customer})}")]
    if way is WayOut.CHOOSE_SERVICE:
        return [Action("Choose a service", f"/mapping?{urlencode({'q': line.sku})}")]
    return _actions_on(way, line, line.key) if line.key else []


def _actions_on(way: WayOut, line: StatusLine, key: LineKey) -> Sequence[Action]:
    held = {"decision": "approve", "line": f"{key.contract_id}-{key.service_id}"}
    of = {"contract": key.contract_id, "service": key.service_id}
    match way:
        case WayOut.APPROVE | WayOut.APPROVE_NEW_PLAN:
            aside = f"/changes?{urlencode({'state': 'awaits', 'q': line.customer})}"
            return [Action("Approve …", "/changes/decide", held), Action("Reject …", aside)]
        case WayOut.APPROVE_AFTER_ALL:
            return [Action("Approve after all …", "/changes/decide", held)]
        case WayOut.ENFORCE:
            return [Action("Bring back …", "/do", {"what": "drift", "choice": "enforce", **of})]
        case WayOut.ADOPT:
            return [Action("Keep …", "/do", {"what": "drift", "choice": "adopt", **of})]
        case WayOut.CHOOSE_LINE:
            return [Action("Choose the line …", f"/mapping/lines?{urlencode(of)}")]
        case WayOut.RESUME:
            return [Action("Resume …", "/do", {"what": "resume", "customer": line.customer})]
    return []


def next_of(line: StatusLine) -> Action:
    """The one that stands first on the overview: what can be decided at a glance, else the customer's page."""
    found = actions_of(line)
    return found[0] if found and len(found) < 3 else Action("Look at it", customer_address(line.customer))


def settling(opens: Iterable[Open], lines: Iterable[StatusLine]) -> Mapping[Open, Sequence[Action]]:
    """What settles each of the things that are open before posting; what cannot be settled here is missing."""
    waiting = {line.key or (line.customer, line.sku): line for line in lines if line.reason_code}
    found = {one: _settling(one, waiting) for one in opens if one.kind in OF_A_LINE}
    return {one: actions for one, actions in found.items() if actions}


def _settling(one: Open, waiting: Mapping[LineKey | tuple[str, str], StatusLine]) -> Sequence[Action]:
    """An edit that no worker has seen is looked at first; then it is decided on with the line."""
    line = waiting.get(one.key or (one.customer, one.sku))
    reason = REASONS.get((line.reason_code if line else None) or "")
    if one.kind is WhyDiffers.DRIFT and one.key and not (reason and WayOut.ENFORCE in reason.ways):
        return [Action("Look at it …", "/do", {"what": "retry", "contract": one.key.contract_id})]
    return actions_of(line) if line else []
