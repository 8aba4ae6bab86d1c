"""What can go wrong between a client and Autotask, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS: Mapping[str, str] = {
    "not_sent": "the connection is refused or closed before a byte was read",
    "timeout_before": "nothing happens and nothing is answered",
    "timeout_after": "the request takes effect and nothing is answered",
    "land_late": "nothing is answered, and the request takes effect later",
    "reset_after": "the request takes effect and the connection is reset",
    "html_502": "the web server's HTML page, without effect",
    "html_502_after": "the request takes effect and the web server's HTML page is answered",
    "html_503": "the web server's page for a service that is away, without effect",
    "json_500": "an errors list, without effect",
    "json_500_after": "the request takes effect and an errors list is answered",
    "throttle_429": "refused for too many requests, without effect",
    "throttle_threads": "refused for too many threads at once, without effect",
    "unauthorized": "401, without effect",
    "truncated_body": "the request takes effect and the answer breaks off in the middle",
    "stale_read": "a read shows the state before the last write",
    "slow": "the answer comes late",
    "redirect_302": "a redirect to another host, without effect",
    "zone_moved": "the tenant has moved: the old base answers 401 until the client asks zoneInformation",
}
"""Every kind of fault."""

WITHOUT_EFFECT = frozenset(
    {
        "timeout_before",
        "html_502",
        "html_503",
        "json_500",
        "throttle_429",
        "throttle_threads",
        "unauthorized",
        "redirect_302",
    }
)
"""Kinds that answer (or do not) without the request having any effect."""


class NeverSent(Exception):
    """The request did not leave the client: no byte reached Autotask."""


class NoAnswer(Exception):
    """The request left the client and no answer came back."""

    def __init__(self, committed: bool, kind: str, seconds: float = 0.0) -> None:
        super().__init__(f"{kind} ({'committed' if committed else 'not committed'})")
        self.committed = committed
        """Whether the state has changed: the client cannot know this."""
        self.kind = kind
        self.seconds = seconds
        """How long a server stays silent before it closes the connection."""


@dataclass(slots=True)
class Fault:
    """One fault and the requests that it meets."""

    kind: str
    method: str = "*"
    """HTTP method, ``*`` for any. Queries are POST as well: see ``operation``."""
    entity: str = "*"
    """Shell pattern for the entity's name (ContractServiceAdjustments, ZoneInformation); child routes count as their entity."""
    operation: str = "*"
    """query, count, next, get, create, update, info, or ``*``."""
    times: int | None = 1
    """How many requests it meets; None = every one."""
    after: int = 0
    """How many matching requests pass unharmed first."""
    contract_id: int | None = None
    """Only requests for this contract (its id stands in the path or the body)."""
    seconds: float = 5.0
    """How late the answer (slow) or the effect (land_late) comes, and how long a server stays silent. Seconds."""
    text: str = "An unexpected error occurred."
    """The error text of json_500 and json_500_after."""
    base: str = "/Zone2/ATServicesRest"
    """The new base path for zone_moved."""
    number: int = 0
    """Given by the book."""
    met: int = 0
    """How many requests it has met."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind}; known: {', '.join(KINDS)}")

    def as_dict(self) -> dict[str, Any]:
        """For the control routes."""
        return asdict(self)


@dataclass(slots=True)
class FaultBook:
    """The faults that wait for a request."""

    waiting: list[Fault] = field(default_factory=list)
    _last: int = 0

    def add(self, fault: Fault) -> int:
        """Add a fault; gives its number."""
        self._last += 1
        fault.number = self._last
        self.waiting.append(fault)
        return fault.number

    def clear(self, number: int | None = None) -> None:
        """Take one fault away, or all."""
        self.waiting = [] if number is None else [one for one in self.waiting if one.number != number]

    def take(self, method: str, entity: str, operation: str, contract_id: int | None) -> Fault | None:
        """The fault that this request meets, if any; the oldest that fits wins."""
        for fault in self.waiting:
            if fault.method not in ("*", method) or fault.operation not in ("*", operation):
                continue
            if not fnmatchcase(entity.lower(), fault.entity.lower()):
                continue
            if fault.contract_id is not None and fault.contract_id != contract_id:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.met += 1
            if fault.times is not None and fault.met >= fault.times:
                self.waiting.remove(fault)
            return fault
        return None
