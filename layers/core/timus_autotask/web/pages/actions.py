"""The one thing that a person does next about a line: a page of the console, a button that shows what it would change, or a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from timus_autotask.domain.approval import REJECTED
from timus_autotask.domain.converge.holds import AWAITING_APPROVAL
from timus_autotask.domain.placement import NO_SERVICE
from timus_autotask.watch.month.causes import Leak
from timus_autotask.watch.month.ready import Open
from timus_autotask.watch.status import UNMAPPED_CUSTOMER, StatusLine

OF_A_LINE = (Leak.UNMAPPED, Leak.HELD, Leak.DRIFT, Leak.PAUSED, Leak.REFUSED, Leak.PARKED, Leak.REJECTED)
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
    code, key = line.reason_code, line.key
    if code in UNMAPPED_CUSTOMER:
        return [Action("Map it", f"/mapping?{urlencode({'q': line.customer})}")]
    if code in NO_SERVICE:
        return [Action("Choose a service", f"/mapping?{urlencode({'q': line.sku})}")]
    if key is None:
        return []
    held = {"decision": "approve", "line": f"{key.contract_id}-{key.service_id}"}
    of = {"contract": key.contract_id, "service": key.service_id}
    if code in AWAITING_APPROVAL:
        aside = f"/changes?{urlencode({'state': 'awaits', 'q': line.customer})}"
        return [Action("Approve …", "/changes/decide", held), Action("Reject …", aside)]
    if code == REJECTED:
        return [Action("Approve after all …", "/changes/decide", held)]
    if code in ("drift", "outcome-unclear"):
        return [
            Action("Bring back …", "/do", {"what": "drift", "choice": "enforce", **of}),
            Action("Keep …", "/do", {"what": "drift", "choice": "adopt", **of}),
        ]
    if code in ("line-duplicated", "line-missing"):
        return [
            Action(
                "Choose the line …",
                f"/mapping/lines?{urlencode({'contract': key.contract_id, 'service': key.service_id})}",
            )
        ]
    if code == "paused":
        return [Action("Resume …", "/do", {"what": "resume", "customer": line.customer})]
    return [Action("Try again …", "/do", {"what": "retry", "contract": key.contract_id})]


def next_of(line: StatusLine) -> Action:
    """The one that stands first on the overview: what can be decided at a glance, else the customer's page."""
    found = actions_of(line)
    return found[0] if found and len(found) < 3 else Action("Look at it", customer_address(line.customer))


def settling(opens: Iterable[Open], lines: Iterable[StatusLine]) -> Mapping[Open, Sequence[Action]]:
    """What settles each of the things that are open before posting; what cannot be settled here is missing."""
    waiting = {line.key or (line.customer, line.sku): line for line in lines if line.reason_code}
    found = {
        one: actions_of(waiting[of])
        for one in opens
        if one.kind in OF_A_LINE and (of := one.key or (one.customer, one.sku)) in waiting
    }
    return {one: actions for one, actions in found.items() if actions}
