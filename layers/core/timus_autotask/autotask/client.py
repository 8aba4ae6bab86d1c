"""The Autotask client: reads whole lists or nothing, and sends a write once.

Every method raises ``Refused``, ``RetryLater`` or ``CredentialsRefused`` (see ``answers``); those that create something raise
``OutcomeUnknown`` as well. A failure that could concern everybody or just this request is followed by one more read, which tells
(docs/decisions/0011-whom-a-failure-concerns.md). The client does no I/O but through its transport, keeps no state but the zone,
and never sleeps.

Entities, fields and calls are those of https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_API_Calls.htm
and of the entity pages beneath https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from timus_autotask.autotask.answers import (
    RETRY_SECONDS,
    Answer,
    FailedRequest,
    Subject,
    concluded,
    not_believed,
    unanswered,
    understood,
)
from timus_autotask.autotask.entities import (
    BILLING_ITEMS,
    BILLING_RULES,
    COMPANIES,
    COMPANIES_IN_FULL,
    COMPLETE,
    CONTRACT_SERVICES,
    CONTRACTS,
    LOCATIONS,
    NAMES,
    NEW,
    NOTES,
    RECURRING_SERVICE,
    SERVICE_COSTS,
    SERVICES,
    TICKETS,
    UNITS,
    Entity,
    NotAsPublished,
    contract_fields,
    parse_permissions,
    parse_threshold,
)
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Transport
from timus_autotask.autotask.query import (
    MOST_PAGES,
    PAGE,
    PAGE_SIZE,
    Condition,
    membership,
    on_days,
    page_of,
    parts,
    with_texts,
)
from timus_autotask.autotask.zone import (
    AUTOTASK,
    Zone,
    api_base,
    below,
    is_autotask,
    lookup_url,
    origin,
    trusts,
)
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.ports.errors import CredentialsRefused, Refused, Rejected, RetryLater
from timus_autotask.ports.psa import (
    BillingItem,
    BillingRule,
    Company,
    ContractService,
    Permissions,
    RecordKind,
    Service,
    ServiceTicket,
    Threshold,
    UnitRow,
)

T = TypeVar("T")

PROBE_SECONDS = 5.0
"""For the read that tells whether a failure concerns everybody. Short, so that the worker still has time to note what it knows."""
ESSENTIAL = frozenset(
    {("Contracts", "query"), ("ContractServiceUnits", "query"), ("ContractServiceAdjustments", "")}
)
"""Entity and path: the requests without which no change can be made."""

OnCall = Callable[[str, str, float], None]
"""Told of every request that was made: entity, verb and seconds taken."""


@dataclass(frozen=True, slots=True)
class HeaderCredentials:
    """The API user. Its secret has full rights over the tenant, so no ``repr`` shows it.

    https://autotask.net/help/developerhelp/Content/APIs/REST/General_Topics/REST_Security_Auth.htm
    """

    user_name: str
    secret: str
    integration_code: str
    """The tracking identifier (``ApiIntegrationCode``)."""

    def __post_init__(self) -> None:
        for name in ("user_name", "secret", "integration_code"):
            value = getattr(self, name)
            if not value or value != value.strip() or not (value.isascii() and value.isprintable()):
                raise ValueError(
                    f"Autotask's {name} is empty, or has blanks around it or characters no header can carry"
                )

    def __repr__(self) -> str:
        return f"HeaderCredentials(user_name={self.user_name!r})"


class Autotask:
    """:class:`~timus_autotask.ports.psa.Psa` on Autotask's REST API v1.0.

    ``server`` is Autotask's public address, or that of another server that speaks the same API (a simulator);
    credentials go to hosts below ``autotask.net`` only, or to that other server only. ``zone`` is one that was kept
    from an earlier run; :attr:`zone` is the present one.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: HeaderCredentials,
        *,
        server: str = AUTOTASK,
        zone: Zone | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        if origin(server) is None:
            raise ValueError(f"Autotask's server is no http(s) address: {server!r}")
        self._transport = transport
        self._user = credentials.user_name
        self._server = server
        self._on_call = on_call
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "ApiIntegrationCode": credentials.integration_code,
            "UserName": credentials.user_name,
            "Secret": credentials.secret,
        }
        self.zone = zone if zone is not None and trusts(server, zone.base) else None
        self.calls = 0
        """Requests made so far."""

    def web_url(self) -> str:
        """Start of links into Autotask's own pages; ``""`` where it names none, or one that is not to be trusted."""
        if self.zone is None:
            self.zone = self._look_up()
        return self.zone.web_url if trusts(self._server, self.zone.web_url) else ""

    def sign_in(self) -> str:
        """Look the zone up and make the one read that every change needs."""
        self.zone = self._look_up()
        failure = self._probe()
        if failure is not None:
            raise failure.of_everybody().error(repeatable=True)
        return self.zone.base

    # -- Reads

    def companies(self, ids: Iterable[int]) -> dict[int, Company]:
        """Companies by id; missing are those that do not exist or are hidden from the API user."""
        return {company.id: company for company in self.query(COMPANIES, Condition("id", "in", ids))}

    def company(self, company_id: int) -> Company | None:
        """One company; None when it does not exist or is hidden from the API user."""
        return self.companies([company_id]).get(company_id)

    def active_companies(self) -> list[Company]:
        """Every active company, with its user-defined fields. One request for each 500."""
        return self.query(COMPANIES_IN_FULL, Condition("isActive", "eq", True))

    def contracts(self, ids: Iterable[int]) -> dict[int, Contract]:
        """Contracts of any type by id; missing are those that do not exist or are hidden from the API user."""
        return {contract.id: contract for contract in self.query(CONTRACTS, Condition("id", "in", ids))}

    def contract(self, contract_id: int) -> Contract | None:
        """One contract; None when it does not exist or is hidden from the API user."""
        return self.contracts([contract_id]).get(contract_id)

    def contracts_of(self, company_id: int) -> list[Contract]:
        """Every contract of a company, of any type and status."""
        return self.query(CONTRACTS, Condition("companyID", "eq", company_id))

    def contracts_of_companies(self, company_ids: Iterable[int]) -> list[Contract]:
        """Every recurring service contract of these companies, of any status."""
        of = Condition("companyID", "in", company_ids)
        return self.query(CONTRACTS, of, Condition("contractType", "eq", RECURRING_SERVICE))

    def contracts_numbered(self, company_id: int, number: str) -> list[Contract]:
        """Contracts of a company whose ``contractNumber`` is exactly this."""
        company, numbered = (
            Condition("companyID", "eq", company_id),
            Condition("contractNumber", "eq", number),
        )
        # Autotask compares without regard to case.
        return [
            contract for contract in self.query(CONTRACTS, company, numbered) if contract.number == number
        ]

    def services_by_sku(self, skus: Collection[str]) -> list[Service]:
        """Active services of the catalogue whose SKU is exactly one of these; there may be several of one."""
        active = Condition("isActive", "eq", True)
        found = (one for asked in with_texts("sku", skus) for one in self.query(SERVICES, asked, active))
        return [service for service in found if service.sku in skus]

    def service(self, service_id: int) -> Service | None:
        """One service of the catalogue, active or not."""
        return next(iter(self.query(SERVICES, Condition("id", "eq", service_id))), None)

    def services(self, ids: Iterable[int]) -> dict[int, Service]:
        """Services of the catalogue by id, active or not."""
        return {service.id: service for service in self.query(SERVICES, Condition("id", "in", ids))}

    def active_services(self) -> list[Service]:
        """Every active service of the catalogue. One request for each 500."""
        return self.query(SERVICES, Condition("isActive", "eq", True))

    def contract_services(self, contract_id: int) -> list[ContractService]:
        """Every line of a contract, also those without units."""
        return self.query(CONTRACT_SERVICES, Condition("contractID", "eq", contract_id))

    def contract_services_of(self, contract_ids: Iterable[int]) -> list[ContractService]:
        """Every line of these contracts; unordered."""
        return self.query(CONTRACT_SERVICES, Condition("contractID", "in", contract_ids))

    def units(
        self, contract_id: int, service_ids: Iterable[int], first_day: date | None = None
    ) -> list[UnitRow]:
        """Unit rows of some services of a contract that end on ``first_day`` or later (None: all); unordered."""
        contract = Condition("contractID", "eq", contract_id)
        return self._units(first_day, contract, Condition("serviceID", "in", service_ids))

    def units_of_contracts(self, contract_ids: Iterable[int], first_day: date | None = None) -> list[UnitRow]:
        """Unit rows of whole contracts that end on ``first_day`` or later (None: all); unordered."""
        return self._units(first_day, Condition("contractID", "in", contract_ids))

    def units_on(self, days: Mapping[int, date]) -> list[UnitRow]:
        """The unit rows of whole contracts that cover one day each, given by contract; unordered.

        One row a line comes back, so that a page of 500 serves a hundred contracts or more.
        """
        rows = (row for condition in on_days(days) for row in self.query(UNITS, condition))
        # Half a day of margin, so that it does not matter in which zone Autotask compares; what that lets in goes out here.
        return [row for row in rows if row.start <= days[row.contract_id] <= row.end]

    def billing_rules(self, contract_ids: Iterable[int]) -> list[BillingRule]:
        """The rules by which Autotask itself counts and charges on these contracts, active or not."""
        return self.query(BILLING_RULES, Condition("contractID", "in", contract_ids))

    def billing_items(self, contract_ids: Iterable[int], first_day: date | None = None) -> list[BillingItem]:
        """What was approved and posted on these contracts, of ``first_day`` or later (None: all); unordered.

        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/BillingItemsEntity.htm
        """
        of = Condition("contractID", "in", contract_ids)
        since = [] if first_day is None else [_since("itemDate", first_day)]
        items = self.query(BILLING_ITEMS, of, *since)
        return [item for item in items if first_day is None or item.day >= first_day]

    def permissions(self, kind: RecordKind) -> Permissions:
        """What the API user may do with a kind of record. Nothing is changed; raises ``Refused`` where Autotask does not tell."""
        name = NAMES[kind]
        info = self._call("GET", name, "entityInformation", b"", ("info",), repeatable=True)["info"]
        with self._believed(name):
            return parse_permissions(info if isinstance(info, dict) else {})

    def costs_visible(self) -> bool | None:
        """Whether the catalogue shows a cost that is not 0, in its first 500 active services; None: it has no services."""
        page = {"MaxRecords": PAGE_SIZE, "IncludeFields": SERVICE_COSTS.fields}
        body = _json({**page, "Filter": [Condition("isActive", "eq", True).filter]})
        answer = self._call("POST", "Services", "query", body, PAGE, repeatable=True)
        with self._believed("Services"):
            costs = [SERVICE_COSTS.parse(row) for row in page_of(answer)[0]]
        return any(costs) if costs else None

    def time_zone(self) -> str:
        """The IANA name of the zone of the tenant's default internal location; ``""`` where that is not known.

        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/InternalLocationsEntity.htm
        """
        return next(iter(self.query(LOCATIONS, Condition("isDefault", "eq", True))), "")

    def tickets_numbered(self, company_id: int, external_id: str) -> list[ServiceTicket]:
        """Tickets of a company whose ``externalID`` is exactly this."""
        company, numbered = (
            Condition("companyID", "eq", company_id),
            Condition("externalID", "eq", external_id),
        )
        return [one for one in self.query(TICKETS, company, numbered) if one.external_id == external_id]

    def has_note(self, contract_id: int, mark: str) -> bool:
        """Whether a contract has a note with this mark in its title. Autotask writes notes of its own, which have none.

        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/ContractNotesEntity.htm
        """
        of, marked = Condition("contractID", "eq", contract_id), Condition("title", "contains", mark)
        return bool(self.query(NOTES, of, marked))

    def threshold(self) -> Threshold | None:
        """How much of the request allowance is used; None where the server refuses to tell. The call itself counts: ask rarely.

        https://autotask.net/help/developerhelp/Content/APIs/REST/General_Topics/REST_Thresholds_Limits.htm
        """
        expected = ("externalRequestThreshold", "requestThresholdTimeframe", "currentTimeframeRequestCount")
        try:
            answer = self._call("GET", "ThresholdInformation", "", b"", expected, repeatable=True)
        except Refused:
            return None
        with self._believed("ThresholdInformation"):
            return parse_threshold(answer)

    def query(self, entity: Entity[T], *conditions: Condition) -> list[T]:
        """Every record that meets all conditions; a read that fails on any page returns nothing.

        At most one condition is ``in``; it is asked in parts, and an empty one asks nothing.
        """
        return [record for part in parts(conditions) for record in self._pages(entity, part)]

    # -- Writes

    def adjust(
        self,
        contract_id: int,
        service_id: int,
        contract_service_id: int | None,
        unit_change: int,
        effective_date: date,
        *,
        time_zone: tzinfo,
        unit_price: Decimal | None = None,
    ) -> None:
        """Change a line's units by a signed number from a day on, and its unit price if one is given.

        ``contract_service_id`` names the line where there is one; without it the adjustment makes the line.
        There is nothing to return: Autotask answers ``{"itemId": null}`` (seen live), and only the unit rows show what
        happened. ``allowRepeatService`` is never sent: it would allow a second line for the same service.
        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/ContractServiceAdjustmentsEntity.htm
        """
        if unit_change == 0 and unit_price is None:
            raise ValueError("an adjustment changes the units, the price or both")
        line = (
            {"serviceID": service_id}
            if contract_service_id is None
            else {"contractServiceID": contract_service_id}
        )
        fields: dict[str, Any] = {
            "contractID": contract_id,
            **line,
            "unitChange": unit_change,
            "effectiveDate": effective_instant(effective_date, time_zone),
        }
        if unit_price is not None:
            # Autotask keeps four decimals; a float's shortest form gives up to 15 digits back unchanged.
            fields["adjustedUnitPrice"] = float(unit_price)
        self._create("ContractServiceAdjustments", "", fields)

    def extend_contract(self, contract_id: int, end: date, *, time_zone: tzinfo) -> None:
        """Set the last day of a contract; may be repeated.

        An ``end`` before the present one destroys units and adjustments (https://kb.datto.com, article 360035806752): the caller
        makes sure that it is not. PATCH goes to the collection, with the id in the body:
        https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_Updating_Data_PATCH.htm
        """
        body = _json({"id": contract_id, "endDate": effective_instant(end, time_zone)})
        self._call("PATCH", "Contracts", "", body, ("itemId",), repeatable=True)

    def link_renewal(self, contract_id: int, renewed_contract_id: int) -> None:
        """Set a contract's ``renewedContractID``; may be repeated."""
        body = _json({"id": contract_id, "renewedContractID": renewed_contract_id})
        self._call("PATCH", "Contracts", "", body, ("itemId",), repeatable=True)

    def create_contract(self, new: NewContract, *, time_zone: tzinfo) -> int | None:
        """Create a contract and return its id, None when Autotask tells none; its days are the partner's local ones."""
        fields = contract_fields(new)
        days = {k: effective_instant(v, time_zone) for k, v in fields.items() if isinstance(v, date)}
        return self._create("Contracts", "", {**fields, **days})

    def create_ticket(
        self,
        company_id: int,
        external_id: str,
        title: str,
        description: str,
        *,
        queue_id: int | None,
        priority: int,
        due: datetime,
    ) -> int | None:
        """Create a new ticket and return its id, None when Autotask tells none.

        Company, title, status, priority and due time are what Autotask asks of every ticket; most tenants want a queue too.
        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/TicketsEntity.htm
        """
        fields: dict[str, Any] = {
            "companyID": company_id,
            "externalID": external_id,
            "title": title,
            "description": description,
            "status": NEW,
            "priority": priority,
            "dueDateTime": f"{due.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        if queue_id is not None:
            fields["queueID"] = queue_id
        return self._create("Tickets", "", fields)

    def create_note(self, contract_id: int, title: str, text: str) -> int | None:
        """Write a note on a contract and return its id, None when Autotask tells none.

        Notes are written through their contract:
        https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/ContractNotesEntity.htm
        """
        fields = {"contractID": contract_id, "title": title, "description": text}
        return self._create("Contracts", f"{contract_id}/Notes", fields)

    def complete_ticket(self, ticket_id: int, resolution: str) -> None:
        """Set a ticket's status to complete; may be repeated."""
        body = _json({"id": ticket_id, "status": COMPLETE, "resolution": resolution})
        self._call("PATCH", "Tickets", "", body, ("itemId",), repeatable=True)

    # -- One request

    def _create(self, entity: str, path: str, fields: Mapping[str, Any]) -> int | None:
        created = self._call("POST", entity, path, _json(fields), ("itemId",), repeatable=False)["itemId"]
        return created if type(created) is int else None

    def _units(self, first_day: date | None, *conditions: Condition) -> list[UnitRow]:
        if first_day is None:
            return self.query(UNITS, *conditions)
        since = _since("endDate", first_day)
        return [row for row in self.query(UNITS, *conditions, since) if row.end >= first_day]

    def _pages(self, entity: Entity[T], conditions: tuple[Condition, ...]) -> Iterator[T]:
        filters = [condition.filter for condition in conditions]
        include = {"IncludeFields": entity.fields} if entity.fields else {}
        body = _json({"MaxRecords": PAGE_SIZE, **include, "Filter": filters})
        belongs = membership(conditions)
        path, read = "query", set[str]()
        with self._believed(entity.name):
            while path:
                answer = self._page(entity.name, path, body, first=not read)
                read.add(path)
                rows, following = page_of(answer)
                for row in rows:
                    belongs(row)
                    yield entity.parse(row)
                path = self._next_page(entity.name, following, read) if following else ""

    def _page(self, entity: str, path: str, body: bytes, *, first: bool) -> Answer:
        try:
            return self._call("POST", entity, path, body, PAGE, repeatable=True)
        except Refused as refusal:
            if first:
                raise
            # Autotask keeps only some 50 pages, so a link may have expired: the list is read again from its start, later.
            raise RetryLater(RETRY_SECONDS, f"a further page of {entity} was refused: {refusal}") from None

    def _next_page(self, entity: str, following: str, read: Collection[str]) -> str:
        """The path of the page that follows those that were ``read``. Raises ``NotAsPublished``.

        Pages that a POST began are read on by POST with the same body: GET answers 405 (seen live:
        https://github.com/WYRE-AI/autotask-mcp/pull/170).
        """
        path = below(f"{self.zone.base}/{entity}/", following) if self.zone else None
        if path is None:
            raise NotAsPublished("the link to its next page leads elsewhere")
        if path.rstrip("?") in read:
            raise NotAsPublished("the link to its next page leads back")
        if len(read) == MOST_PAGES:
            raise NotAsPublished(f"more than {MOST_PAGES} pages")
        return path

    @contextmanager
    def _believed(self, entity: str) -> Iterator[None]:
        """What is read of an answer here must be as Autotask publishes it; if not, one more read tells whether that concerns everybody."""
        try:
            yield
        except NotAsPublished as error:
            found = not_believed(entity, str(error))
            raise concluded(found, self._probe, repeatable=True) from error

    def _call(
        self, verb: str, entity: str, path: str, body: bytes, expected: tuple[str, ...], *, repeatable: bool
    ) -> Answer:
        """Make one request; raises ``AutotaskError``.

        Zones move, and then the right credentials get 401 (seen live) or 404: the zone is looked up again, and the request is made
        again where it is now. That is safe for writes too, since such an answer comes before anything is applied.
        """
        known, target = self.zone, f"{entity}/{path}".rstrip("/")
        essential = (entity, path.partition("/")[0].partition("?")[0]) in ESSENTIAL

        def attempt(zone: Zone) -> Answer | FailedRequest:
            request = Request(verb, f"{zone.base}/{target}", self._headers, body)
            return self._sent(entity, request, expected, essential=essential)

        zone = self.zone = known or self._look_up()
        found = attempt(zone)
        if known and isinstance(found, FailedRequest) and found.status in (401, 404):
            self.zone = self._look_up()
            if self.zone.base != zone.base:
                found = attempt(self.zone)
        if not isinstance(found, FailedRequest):
            return found
        raise concluded(found, self._probe, repeatable=repeatable)

    def _probe(self) -> FailedRequest | None:
        """Ask for a contract that does not exist, which Autotask answers quickly; None when that is accepted."""
        zone = self.zone or self._look_up()
        body = _json({"MaxRecords": 1, "IncludeFields": ["id"], "Filter": [Condition("id", "eq", 0).filter]})
        request = Request("POST", f"{zone.base}/Contracts/query", self._headers, body, PROBE_SECONDS)
        found = self._sent("Contracts", request, PAGE, essential=True)
        if isinstance(found, FailedRequest):
            return found
        try:
            rows, _ = page_of(found)
        except NotAsPublished as error:
            return not_believed("Contracts", str(error))
        return not_believed("Contracts", "a row came that was not asked for") if rows else None

    def _look_up(self) -> Zone:
        """Ask which zone the API user lives in. It is documented to need no credentials, and gets none.

        https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_API_Calls.htm
        """
        request = Request("GET", lookup_url(self._server, self._user), {"Accept": "application/json"})
        answer = self._sent("zoneInformation", request, (), essential=True)
        if isinstance(answer, FailedRequest):
            if answer.subject is Subject.SERVICE:
                raise answer.of_everybody().error(repeatable=True)
            if is_autotask(self._server) or answer.status != 404:
                raise self._stranger("; ".join(answer.messages))
            answer = {}
        url, web_url = answer.get("url"), answer.get("webUrl")
        if isinstance(url, str) and trusts(self._server, url):
            return Zone(api_base(url), web_url if isinstance(web_url, str) else "")
        if is_autotask(self._server):
            raise self._stranger("it names no zone of Autotask")
        return Zone(api_base(self._server))

    def _stranger(self, detail: str) -> CredentialsRefused:
        """For an unknown user, Autotask answers 500 with "Zone information could not be determined" (seen live, not documented).

        https://github.com/KelvinTegelaar/AutotaskAPI/issues/17
        """
        return CredentialsRefused(
            f"Autotask does not know the API user {self._user} (zoneInformation: {detail})",
            Rejected.USER_NAME,
        )

    def _sent(
        self, entity: str, request: Request, expected: tuple[str, ...], *, essential: bool
    ) -> Answer | FailedRequest:
        began = time.perf_counter()
        self.calls += 1
        try:
            return understood(self._transport(request), expected, essential=essential)
        except (NotSent, NoAnswer) as error:
            return unanswered(error)
        finally:
            if self._on_call is not None:
                self._on_call(entity, request.method, time.perf_counter() - began)


def _since(field: str, day: date) -> Condition:
    """A day not before ``day``. One day more is asked for, so that it does not matter in which zone Autotask compares."""
    return Condition(field, "gte", f"{day - ONE_DAY}T00:00:00Z")


def effective_instant(day: date, time_zone: tzinfo) -> str:
    """The instant to send for a day, so that Autotask keeps that day, whichever rule for dates it follows.

    Autotask's help says that a date-only field loses its time and keeps its date as sent. Older reports say that the instant is
    converted to the tenant's zone or to US Eastern before its date is taken, as on the SOAP API
    (https://autotask.net/help/developerhelp/Content/APIs/SOAP/General_Topics/Time_Date.htm). So the instant has the date ``day``
    in UTC, in the partner's zone and in US Eastern, as near to noon as possible: midnight UTC is the day before in America, noon
    UTC the day after in Auckland. If no instant fits all three (a day that a zone skipped), US Eastern is given up first, then the
    partner's zone.
    """
    for zones in ((time_zone, _EASTERN), (time_zone,)):
        for hour in _HOURS:
            instant = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            if all(instant.astimezone(zone).date() == day for zone in zones):
                return f"{day}T{hour:02}:00:00Z"
    return f"{day}T12:00:00Z"


_EASTERN = ZoneInfo("America/New_York")
_HOURS = sorted(range(24), key=lambda hour: abs(hour - 12))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
