"""What nobody has seen documented: each such behaviour of Autotask is a switch, and the product must be right under each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

CHOICES: dict[str, tuple[str, ...]] = {
    "same_day": ("refuse", "override", "sum"),
    "same_day_price_only": ("counts", "ignored"),
    "posted_period": ("accept", "refuse"),
    "inactive_contract": ("accept", "refuse"),
    "zero_quantity": ("row", "no_row"),
    "date_rule": ("keep", "convert"),
    "split_row_price": ("prorated", "full"),
    "missing_id": ("404", "200_null"),
    "unknown_user": ("500", "404", "401", "200_empty"),
    "wrong_user": ("500", "401"),
    "wrong_code": ("500", "401"),
    "blocked_user": ("no", "403", "404", "401", "500"),
    "denied_answer": ("500", "401", "403"),
    "access_levels": ("names", "numbers"),
    "posted_decimals": ("2", "4"),
    "adjustment_period": ("set", "null"),
    "throttle": ("429", "429_retry_after", "429_itgenatr005", "500_itgenatr005"),
    "item_id": ("null", "id"),
    "unauthorized_body": ("empty", "html", "message"),
    "method_not_allowed_body": ("message", "html"),
    "repeat_line": ("refuse", "accept"),
    "extended_periods": ("quantity", "empty"),
    "own_notes": ("all", "people"),
}
"""The values that a text switch may have; the first is the default."""


@dataclass(slots=True)
class Switches:
    """The behaviours of a tenant that are unknown or differ between tenants."""

    same_day: str = "refuse"
    """A second adjustment of one line on one date. ``refuse``: seen live as "duplicate data"; ``override``: another
    vendor's help says that the last change of a day wins; ``sum``: both count."""

    same_day_price_only: str = "counts"
    """Whether an earlier price-only adjustment (unitChange 0) makes the second of the day a duplicate: unknown."""

    posted_period: str = "accept"
    """An adjustment dated in an approved-and-posted period: unknown, inferred to be accepted."""

    inactive_contract: str = "accept"
    """An adjustment on a contract with status 0: unknown. Such contracts still bill (KB370000000540)."""

    zero_quantity: str = "row"
    """A line at zero: a unit row with ``units`` 0, or no row. Both are described."""

    date_rule: str = "keep"
    """``keep``: the date as sent, time cut (the help's own example); ``convert``: the instant's date in the tenant's zone."""

    tenant_zone: str = "America/New_York"
    """The zone of the tenant: for ``date_rule = convert`` and for the day whose price a line shows."""

    split_row_price: str = "prorated"
    """Price of a unit row that is shorter than its period: prorated by days, or in full: unknown."""

    stale_reads: int = 0
    """After each write to a contract, how many reads of its units or lines still show the state before: unknown."""

    missing_id: str = "404"
    """A single read of an id that does not exist: 404, or 200 with ``item`` null. Both are reported."""

    unknown_user: str = "500"
    """zoneInformation for a user that no zone knows: 500 with an errors list was seen live, the others were not."""

    wrong_user: str = "500"
    """Any other request of a user that Autotask does not know: 500 is reported (apigrate/autotask-restapi #19), the
    documentation says 401 (REST_Security_Auth)."""

    wrong_code: str = "500"
    """A known user with the right secret and another tracking identifier: 500 is reported (apigrate/autotask-restapi #19),
    the documentation says 401 (REST_Security_Auth)."""

    blocked_user: str = "no"
    """The user is blocked: ``no``, or how it is then answered. 403 and 404 are reported, the rest is guessed."""

    denied: list[str] = field(default_factory=list)
    """What the security level does not allow: entities (``Tickets``), or an entity with query, create or update
    (``ContractServiceAdjustments create``)."""

    denied_answer: str = "500"
    """How a missing permission is answered: 500 with an errors list was seen live, 401 is documented
    (REST_Security_Auth), 403 is declared in the swagger."""

    restricted: list[str] = field(default_factory=list)
    """Entities of which the security level shows some records only, by ``entityInformation``; ``hidden_contracts`` hides some."""

    access_levels: str = "names"
    """How ``entityInformation`` gives an access level: as a name (recorded by a client), or as a number (documented)."""

    throttle: str = "429"
    """How a refusal for too many requests or threads looks; ``Itgenatr005`` comes under other statuses too."""

    retry_after_seconds: int = 60
    """Value of Retry-After where the throttle answer carries one. Seconds."""

    threshold: int = 10_000
    """Requests per rolling window for the whole database, 0 = no limit (REST_Thresholds_Limits)."""

    threshold_minutes: int = 60
    """Length of the rolling window. Minutes."""

    other_requests: int = 0
    """Requests in the window that other integrations of the tenant have used."""

    threshold_latency: bool = True
    """Half a second more per request from 50 % of the threshold, a second from 75 % (REST_Thresholds_Limits)."""

    max_threads: int = 3
    """Requests in flight per integration code and entity, 0 = no limit (ThreadLimiting). Only the server counts them."""

    latency_ms: int = 0
    """How long every request takes. Milliseconds."""

    item_id: str = "null"
    """``itemId`` after an adjustment: null seen live; an id has never been seen."""

    contract_modified: bool = False
    """Whether an adjustment moves the contract's ``lastModifiedDateTime``: unknown."""

    unauthorized_body: str = "empty"
    """Body of a 401: unknown."""

    method_not_allowed_body: str = "message"
    """Body of a 405: ``{"Message": …}`` seen live, HTML from the web server also reported."""

    posted_decimals: str = "2"
    """Decimals of a billing item's amounts: four are kept until it is posted, and two afterwards (online help,
    SystemSettingsContracts); a system setting and the only recorded item say four."""

    adjustment_period: str = "set"
    """Whether the item of an adjustment carries ``contractServicePeriodID``: others group the items of a period by it,
    so it is set (inferred)."""

    repeat_line: str = "refuse"
    """POST of a second ContractService for a service that the contract already has: unknown."""

    own_notes: str = "all"
    """For whose changes of services Autotask writes a contract note of its own: for those of people it is documented, for those of
    the API other vendors' help says so."""

    extended_periods: str = "quantity"
    """The periods that a later ``endDate`` adds to a contract: with the last quantity of each line, or empty: unknown."""

    cost_visible: bool = True
    """Without the cost permission, costs read as 0."""

    hidden_contracts: list[int] = field(default_factory=list)
    """Contracts that line-of-business rules hide from the API user: rows are missing, without an error."""

    def set(self, name: str, value: Any) -> None:
        """Set one switch; raises ValueError for an unknown name or a value that it cannot have."""
        known = {one.name for one in fields(self)}
        if name not in known:
            raise ValueError(f"unknown switch {name}; known: {', '.join(sorted(known))}")
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, not {value!r}")
        current = getattr(self, name)
        if type(value) is not type(current):
            raise ValueError(f"{name} must be {type(current).__name__}, not {type(value).__name__}")
        setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All switches by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}
