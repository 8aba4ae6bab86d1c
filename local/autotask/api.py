"""One request in, one reply out: the HTTP face of the model, without sockets.

``AutotaskApi.handle`` raises ``NeverSent`` or ``NoAnswer`` where a client would get no answer; the server turns these into
closed or silent connections.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from local.autotask.faults import WITHOUT_EFFECT, Fault, FaultBook, NeverSent, NoAnswer
from local.autotask.query import Search, convert, lower_keys, parse_search, unexpected
from local.autotask.render import entity_information, fields_information, record_text, udf_information
from local.autotask.rules import BY_ID, Contract, Model, Record, Refused, bad_reference
from local.autotask.schema import CHILDREN, ENTITIES, Entity, Field, Values
from local.autotask.switches import Switches
from local.autotask.values import day_ms, instant_text, local_day, ms_day, parse_moment

JSON_TYPE = "application/json; charset=utf-8"
KEPT_PAGES = 50
"""Page links that the server remembers (documented: about 50)."""
DEFAULT_BASE = "/ATServicesRest"
THRESHOLD_TEXT = "IntegrationVendor exceeded the API threshold"
"""Error text of a 429, from another client's tests."""
THREADS_TEXT = "Thread Threshold Exceeded"
"""Error text that goes with Itgenatr005, from live reports."""
CODE_TEXT = "IntegrationCode is invalid."
"""Error text for a wrong tracking identifier: seen live on the SOAP API, taken over by REST clients' tests."""
LOCKED_TEXT = "The user account has been locked.  Please see your Autotask Administrator for details."
"""Error text for a locked user: seen live on the SOAP API."""
STRANGER_TEXT = "The user could not be authenticated."
"""Error text for an unknown user: invented, only the status is reported."""
DENIED_TEXT = "The logged in Resource does not have the adequate permissions to {} this entity type."
"""Error text for a missing permission: seen live."""

_EFFECTIVE_DATE = Field("effectiveDate", "date")
_ADJUSTMENTS = ENTITIES["contractserviceadjustments"]


class Reply(NamedTuple):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    """How long the answer takes. Seconds; the server waits, an in-process caller may move its own clock."""
    truncated: bool = False
    """The connection breaks before the whole body has arrived (Content-Length is that of the whole)."""

    def json(self) -> Any:
        """The body, parsed with exact decimals."""
        return json.loads(self.body, parse_float=Decimal)


class Route(NamedTuple):
    """What a path means, whatever the method."""

    kind: str
    """zone, version, threshold, collection, query, count, page, item, info, fields, udfs, child, child_item, nowhere."""
    name: str
    entity: Entity | None = None
    parent_id: int | None = None
    item_id: int | None = None
    moved: bool = False
    """The path stands under a base that the tenant has left."""


@dataclass(slots=True)
class LoggedRequest:
    """One request as it arrived."""

    number: int
    at_ms: int
    method: str
    path: str
    query: str
    body: bytes
    entity: str
    operation: str
    status: int = 0
    """The status that the client saw; 0 when it saw none."""
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the control routes."""
        return {
            "number": self.number,
            "at": instant_text(self.at_ms),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "body": self.body.decode("utf-8", "replace"),
            "entity": self.entity,
            "operation": self.operation,
            "status": self.status,
            "fault": self.fault,
        }


@dataclass(slots=True)
class Posting:
    """One attempt to create an adjustment that reached Autotask, and what became of it: ground truth for tests."""

    number: int
    """Order of arrival, from 1."""
    request: int
    """Number of the request in the log."""
    received_ms: int
    body: Mapping[str, Any]
    """The adjustment as sent, keys as sent."""
    outcome: str = "lost"
    """``committed``, ``refused``, ``pending`` (lands later) or ``lost`` (had no effect and was not judged)."""
    status: int = 0
    """Status of the true answer, whether or not it arrived."""
    error: str | None = None
    answered: bool = False
    """Whether the sender got the true answer, whole."""
    fault: str | None = None
    effect_ms: int | None = None
    adjustment_id: int | None = None
    contract_id: int | None = None
    line_id: int | None = None
    service_id: int | None = None
    day: int | None = None
    """The day as stored."""
    unit_change: int = 0

    @property
    def committed(self) -> bool:
        """Whether it has changed the units (or price)."""
        return self.outcome == "committed"


@dataclass(slots=True)
class _Late:
    due_ms: int
    entry: LoggedRequest
    headers: Mapping[str, str]
    route: Route
    posting: Posting | None


@dataclass(slots=True)
class _Page:
    entity: Entity
    method: str
    search: Search
    body: bytes
    """The body that started the chain, which has to come again (POST only)."""
    after: int = 0
    earlier: tuple[int, ...] = ()


class AutotaskApi:
    """The imitated API over a model.

    ``clock`` gives the instant as seconds since 1970 (UTC) and is read once per request; without it the instant stands
    still until ``set_now`` or ``advance``.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        origin: str = "https://autotask.test",
        clock: Callable[[], float] | None = None,
        keep_requests: int | None = 100_000,
    ) -> None:
        self.model = model if model is not None else Model()
        self.origin = origin
        self.clock = clock
        self.base = DEFAULT_BASE
        self.faults = FaultBook()
        self.requests: deque[LoggedRequest] = deque(maxlen=keep_requests)
        self.postings: list[Posting] = []
        self.calls: Counter[tuple[str, str]] = Counter()
        """Requests that arrived, by (entity, operation)."""
        self.credentials: dict[str, tuple[str, str]] | None = None
        """Username → (secret, integration code); None lets every non-empty set pass."""
        self._bases = [DEFAULT_BASE.lower()]
        self._window: deque[int] = deque()
        self._late: list[_Late] = []
        self._count = 0
        self._routes: dict[str, Route] = {}
        self._searches: dict[tuple[str, bytes], Search] = {}
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._page_count = 0
        self._stale_fault = False

    # -- time -----------------------------------------------------------------------------------------------------

    @property
    def switches(self) -> Switches:
        """The tenant's unknown behaviours."""
        return self.model.switches

    @property
    def now(self) -> float:
        """The instant. Seconds since 1970-01-01T00:00:00Z."""
        return self.model.now_ms / 1000

    def set_now(self, seconds: float) -> None:
        """Set the instant; what was to land by then lands."""
        self.model.now_ms = round(seconds * 1000)
        self.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass; what was to land by then lands."""
        self.set_now(self.now + seconds)

    def tick(self) -> None:
        """Read the clock, and let land what is due."""
        if self.clock is not None:
            self.model.now_ms = round(self.clock() * 1000)
        if self._late:
            self.settle()

    def settle(self) -> int:
        """Let every late request land that is due; gives how many did."""
        due = sorted(
            (one for one in self._late if one.due_ms <= self.model.now_ms), key=lambda one: one.due_ms
        )
        for one in due:
            self._late.remove(one)
            now, self.model.now_ms = self.model.now_ms, one.due_ms
            self._land(one)
            self.model.now_ms = now
        return len(due)

    def land(self, request: int | None = None) -> int:
        """Let late requests land now, all or the one with this request number; gives how many did."""
        chosen = [one for one in self._late if request is None or one.entry.number == request]
        for one in chosen:
            self._late.remove(one)
            self._land(one)
        return len(chosen)

    @property
    def late(self) -> list[tuple[int, int]]:
        """Requests that have yet to land: (request number, due in ms since 1970)."""
        return [(one.entry.number, one.due_ms) for one in self._late]

    def _land(self, late: _Late) -> None:
        reply, before = self._effect(late.entry, late.headers, late.route, late.posting)
        if late.posting is not None:
            self._judge(late.posting, reply, before)

    # -- tenant ---------------------------------------------------------------------------------------------------

    def move_zone(self, base: str) -> None:
        """Move the tenant to another base path; the old one answers 401 from now on."""
        self.base = "/" + base.strip("/")
        if self.base.lower() not in self._bases:
            self._bases.append(self.base.lower())
            self._bases.sort(key=len, reverse=True)
        self._routes.clear()

    def set_switch(self, name: str, value: Any) -> None:
        """Set one switch and forget what was derived under the old value."""
        self.model.switches.set(name, value)
        self.model.forget()

    def forget_searches(self) -> None:
        """Forget what was understood of earlier bodies, because user-defined fields changed."""
        self._searches.clear()

    # -- requests -------------------------------------------------------------------------------------------------

    def handle(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        fault: Fault | None = None,
    ) -> Reply:
        """Answer one request. ``target`` is a path with its query (a whole URL is accepted too).

        ``fault`` makes this very request meet a fault, ahead of those in the book.
        Raises NeverSent or NoAnswer where the client would get no answer.
        """
        self.tick()
        if not target.startswith("/"):
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        route = self._routes.get(path) or self._remember_route(path)
        operation = _operation(method, route.kind)
        name = route.name
        if fault is None and self.faults.waiting:
            fault = self.faults.take(method, name, operation, self._contract_of(route, body))
        self._count += 1
        entry = LoggedRequest(self._count, self.model.now_ms, method, path, query, body, name, operation)
        if fault is None:
            self.requests.append(entry)
            self.calls[name, operation] += 1
            posting = self._posting(entry, route) if operation == "create" else None
            reply, before = self._effect(entry, headers, route, posting, counted=True)
            if posting is not None:
                self._judge(posting, reply, before)
                posting.answered = True
            entry.status = reply.status
            return reply
        return self._faulty(fault, entry, headers, route)

    def _faulty(self, fault: Fault, entry: LoggedRequest, headers: Mapping[str, str], route: Route) -> Reply:
        kind = entry.fault = fault.kind
        self.requests.append(entry)
        if kind == "not_sent":
            raise NeverSent(f"{entry.method} {entry.path}")
        self.calls[entry.entity, entry.operation] += 1
        posting = self._posting(entry, route) if entry.operation == "create" else None
        if posting is not None:
            posting.fault = kind
        if kind == "land_late":
            if posting is not None:
                posting.outcome = "pending"
            due = self.model.now_ms + round(fault.seconds * 1000)
            self._late.append(_Late(due, entry, dict(headers), route, posting))
            raise NoAnswer(False, kind, fault.seconds)
        if kind in WITHOUT_EFFECT:
            if kind == "timeout_before":
                raise NoAnswer(False, kind, fault.seconds)
            reply = self._refusal(fault)
            entry.status = reply.status
            if posting is not None:
                posting.status, posting.answered = reply.status, True
            return reply
        if kind == "zone_moved":
            self.move_zone(fault.base)
            route = route._replace(moved=True) if route.kind not in ("zone", "version", "nowhere") else route
        self._stale_fault = kind == "stale_read"
        try:
            reply, before = self._effect(entry, headers, route, posting, counted=True)
        finally:
            self._stale_fault = False
        if posting is not None:
            self._judge(posting, reply, before)
        if kind in ("timeout_after", "reset_after"):
            raise NoAnswer(self.model.revision != before, kind, fault.seconds)
        if kind == "html_502_after":
            reply = _html(502, "Bad Gateway")
        elif kind == "json_500_after":
            reply = _errors(fault.text)
        elif kind == "truncated_body":
            headers_out = {**reply.headers, "Content-Length": str(len(reply.body))}
            reply = Reply(reply.status, headers_out, reply.body[: len(reply.body) // 2], 0.0, True)
        else:
            if kind == "slow":
                reply = reply._replace(delay=reply.delay + fault.seconds)
            if posting is not None:
                posting.answered = True
        entry.status = reply.status
        return reply

    def _refusal(self, fault: Fault) -> Reply:
        if fault.kind == "html_502":
            return _html(502, "Bad Gateway")
        if fault.kind == "html_503":
            return _html(503, "Service Unavailable")
        if fault.kind == "json_500":
            return _errors(fault.text)
        if fault.kind == "throttle_429":
            return self.throttled(THRESHOLD_TEXT)
        if fault.kind == "throttle_threads":
            return self.throttled(THREADS_TEXT)
        if fault.kind == "unauthorized":
            return self._unauthorized()
        return Reply(
            302, {"Location": "https://elsewhere.invalid/ATServicesRest/", "Content-Type": "text/html"}, b""
        )

    def _effect(
        self,
        entry: LoggedRequest,
        headers: Mapping[str, str],
        route: Route,
        posting: Posting | None,
        counted: bool = False,
    ) -> tuple[Reply, int]:
        before = self.model.revision
        try:
            return self._answer(entry, headers, route, posting, counted), before
        except Refused as refused:
            return _errors(*refused.texts), before

    # -- postings -------------------------------------------------------------------------------------------------

    def _posting(self, entry: LoggedRequest, route: Route) -> Posting | None:
        if route.entity is not _ADJUSTMENTS:
            return None
        try:
            body = _body(entry.body)
        except Refused:
            body = None
        sent = body if isinstance(body, dict) else {}
        posting = Posting(len(self.postings) + 1, entry.number, entry.at_ms, sent)
        keys = lower_keys(sent)
        contract, line, service, delta, effective = (keys.get(key) for key in _POSTED_KEYS)
        posting.contract_id = contract if isinstance(contract, int) else route.parent_id
        posting.line_id = line if isinstance(line, int) else None
        posting.service_id = service if isinstance(service, int) else None
        posting.unit_change = delta if isinstance(delta, int) else 0
        if isinstance(effective, str):
            try:
                posting.day = self._day(_EFFECTIVE_DATE, effective)
            except Refused:
                posting.day = None
        self.postings.append(posting)
        return posting

    def _judge(self, posting: Posting, reply: Reply, before: int) -> None:
        posting.status = reply.status
        if self.model.revision != before:
            posting.outcome = "committed"
            posting.effect_ms = self.model.now_ms
        else:
            posting.outcome = "refused"
            posting.error = reply.body.decode("utf-8", "replace")

    def _contract_of(self, route: Route, body: bytes) -> int | None:
        if not any(one.contract_id is not None for one in self.faults.waiting):
            return None
        if route.parent_id is not None:
            return route.parent_id
        if route.name == "Contracts" and route.item_id is not None:
            return route.item_id
        try:
            keys = lower_keys(json.loads(body))
        except (ValueError, AttributeError):
            return None
        if "filter" in keys and route.entity is not None:
            try:
                search = parse_search(route.entity, keys, self.model.udfs.get(route.name, ()))
            except Refused:
                return None
            pin = search.pins.get("id" if route.name == "Contracts" else "contractID")
            if pin:
                return min(pin)
            line = self.model.lines.get(min(search.pins.get("contractServiceID") or {0}))
            return line.contract.id if line else None
        if isinstance(keys.get("contractid"), int):
            return int(keys["contractid"])
        line = self.model.lines.get(keys.get("contractserviceid") or 0)
        if line is not None:
            return line.contract.id
        return keys.get("id") if route.name == "Contracts" else None

    # -- routes ---------------------------------------------------------------------------------------------------

    def entity_name(self, target: str) -> str:
        """The entity that a target asks for, empty when there is none."""
        path = target.partition("?")[0]
        return (self._routes.get(path) or self._remember_route(path)).name

    def _remember_route(self, path: str) -> Route:
        if len(self._routes) > 20_000:
            self._routes.clear()
        route = self._routes[path] = self._route(path)
        return route

    def _route(self, path: str) -> Route:
        lower = unquote(path).lower()
        base = next((one for one in self._bases if lower.startswith(one + "/")), None)
        if base is None:
            return Route("nowhere", "")
        moved = base != self.base.lower()
        parts = lower[len(base) + 1 :].rstrip("/").split("/")
        if parts == ["versioninformation"]:
            return Route("version", "VersionInformation")
        if parts[0] != "v1.0" or len(parts) < 2:
            return Route("nowhere", "")
        parts = parts[1:]
        if len(parts) == 1 and parts[0] in _SPECIAL:
            kind, name = _SPECIAL[parts[0]]
            return Route(kind, name, moved=moved)
        entity = ENTITIES.get(parts[0])
        if entity is None:
            return Route("nowhere", "")
        queryable = "query" in entity.operations
        tail = "/".join(parts[1:])
        if tail in _TAILS:
            kind = _TAILS[tail]
            if kind in ("query", "count", "page") and not queryable:
                return Route("nowhere", "")
            return Route(kind, entity.name, entity, moved=moved)
        if not _is_id(parts[1]):
            return Route("nowhere", "")
        number = int(parts[1])
        if len(parts) == 2:
            return (
                Route("item", entity.name, entity, item_id=number, moved=moved)
                if queryable
                else Route("nowhere", "")
            )
        child = CHILDREN.get((parts[0], parts[2]))
        if child is None:
            return Route("nowhere", "")
        tail = "/".join(parts[3:])
        if not tail:
            return Route("child", child.name, child, parent_id=number, moved=moved)
        if tail in ("entityinformation", "entityinformation/fields", "entityinformation/userdefinedfields"):
            return Route(_TAILS[tail], child.name, child, parent_id=number, moved=moved)
        if _is_id(tail) and "query" in child.operations:
            return Route("child_item", child.name, child, number, int(tail), moved)
        return Route("nowhere", "")

    def _answer(
        self,
        entry: LoggedRequest,
        headers: Mapping[str, str],
        route: Route,
        posting: Posting | None,
        counted: bool,
    ) -> Reply:
        kind, method = route.kind, entry.method
        if kind == "nowhere":
            return _html(404, "404 - File or directory not found.")
        if kind == "zone":
            return self._zone(entry) if method == "GET" else self._not_allowed(method)
        if kind == "version":
            return _json('{"apiVersions":["1.0"]}') if method == "GET" else self._not_allowed(method)
        if route.moved:
            return self._unauthorized()
        turned_away = self._turned_away(headers)
        if turned_away is not None:
            return turned_away
        delay = self.switches.latency_ms / 1000
        if counted and self.switches.threshold:
            used = self._used()
            if used >= self.switches.threshold:
                return self.throttled(THRESHOLD_TEXT)
            self._window.append(self.model.now_ms)
            if self.switches.threshold_latency:
                part = used / self.switches.threshold
                delay += 1.0 if part >= 0.75 else 0.5 if part >= 0.5 else 0.0
        if route.entity is not None:
            reply = self._entity(entry, route, route.entity, posting)
        else:
            reply = self._threshold() if method == "GET" else self._not_allowed(method)
        return reply._replace(delay=delay) if delay else reply

    def _entity(self, entry: LoggedRequest, route: Route, entity: Entity, posting: Posting | None) -> Reply:
        kind, method = route.kind, entry.method
        operations = entity.operations
        denied = self._denied(entity, entry.operation)
        if denied is not None:
            return denied
        if kind == "query" and method in ("GET", "POST"):
            return self._query(_Page(entity, method, self._search(entity, entry), entry.body))
        if kind == "count" and method in ("GET", "POST"):
            return _json(f'{{"queryCount":{len(self._select(entity, self._search(entity, entry)))}}}')
        if kind == "page" and method in ("GET", "POST"):
            return self._next(entity, entry)
        if route.item_id is not None and method == "GET":
            return self._item(entity, route.item_id, route.parent_id)
        if kind == "child" and method == "GET" and "query" in operations:
            return self._children(entity, route.parent_id)
        if kind in ("collection", "child"):
            prefix = "child_" if kind == "child" else ""
            if method == "POST" and prefix + "create" in operations:
                return self._create(entity, self._values(entity, entry.body, route), posting)
            if method in ("PATCH", "PUT") and prefix + "update" in operations:
                return self._update(entity, self._values(entity, entry.body, route), method == "PUT")
        if method == "GET":
            if kind == "info":
                verbs = ("query", "create", "update")
                refused = frozenset(verb for verb in verbs if self._denies(entity, verb))
                some, numbers = (
                    entity.name in self.switches.restricted,
                    self.switches.access_levels == "numbers",
                )
                return _json(
                    json.dumps(entity_information(entity, refused, restricted=some, numbers=numbers))
                )
            if kind == "fields":
                return _json(json.dumps(fields_information(entity)))
            if kind == "udfs":
                return _json(json.dumps(udf_information(self.model.udfs.get(entity.name, ()))))
        return self._not_allowed(method)

    # -- zone, credentials, limits --------------------------------------------------------------------------------

    def _zone(self, entry: LoggedRequest) -> Reply:
        query = {key.lower(): value for key, value in parse_qsl(entry.query)}
        user = query.get("user", "")
        if not user or (self.credentials is not None and user not in self.credentials):
            style = self.switches.unknown_user
            if style == "404":
                return _html(404, "404 - File or directory not found.")
            if style == "401":
                return self._unauthorized()
            if style == "200_empty":
                return _json('{"zoneName":null,"url":null,"webUrl":null,"ci":0}')
            return _errors("Zone information could not be determined")  # seen live
        return _json(
            json.dumps(
                {
                    "zoneName": "Pre Release",
                    "url": f"{self.origin}{self.base}/",
                    "webUrl": f"{self.origin}/",
                    "ci": 30595,
                }
            )
        )

    def _turned_away(self, headers: Mapping[str, str]) -> Reply | None:
        """What a caller is answered whose credentials do not work; None for one who may go on."""
        user, secret, code = headers.get("UserName"), headers.get("Secret"), headers.get("ApiIntegrationCode")
        if not (user and secret and code):
            lower = {key.lower(): value for key, value in headers.items()}
            user, secret, code = lower.get("username"), lower.get("secret"), lower.get("apiintegrationcode")
            if not (user and secret and code):
                return self._unauthorized()
        if self.credentials is not None:
            known = self.credentials.get(user)
            if known is None:
                return self._styled(self.switches.wrong_user, STRANGER_TEXT)
            if known[0] != secret:
                return self._unauthorized()
            if known[1] != code:
                return self._styled(self.switches.wrong_code, CODE_TEXT)
        if self.switches.blocked_user != "no":
            return self._styled(self.switches.blocked_user, LOCKED_TEXT)
        return None

    def _styled(self, status: str, text: str) -> Reply:
        """A refusal of the caller, as a switch says."""
        if status == "401":
            return self._unauthorized()
        if status == "404":
            return _html(404, "404 - File or directory not found.")
        return _errors(text) if status == "500" else _html(403, "403 - Forbidden: Access is denied.")

    def _denies(self, entity: Entity, operation: str) -> bool:
        denied = self.switches.denied
        return bool(denied) and (entity.name in denied or f"{entity.name} {operation}" in denied)

    def _denied(self, entity: Entity, operation: str) -> Reply | None:
        """What is answered where the security level does not allow an operation; None where it does."""
        verb = operation if operation in ("create", "update") else "query"
        if operation == "info" or not self._denies(entity, verb):
            return None
        return self._styled(self.switches.denied_answer, DENIED_TEXT.format(verb))

    def _unauthorized(self) -> Reply:
        style = self.switches.unauthorized_body
        if style == "html":
            return _html(401, "401 - Unauthorized: Access is denied due to invalid credentials.")
        if style == "message":
            return Reply(
                401,
                {"Content-Type": JSON_TYPE},
                b'{"Message":"Authorization has been denied for this request."}',
            )
        return Reply(401, {}, b"")

    def _not_allowed(self, method: str) -> Reply:
        if self.switches.method_not_allowed_body == "html":
            return _html(405, "405 - HTTP verb used to access this page is not allowed.")
        text = json.dumps({"Message": f"The requested resource does not support http method '{method}'."})
        return Reply(405, {"Content-Type": JSON_TYPE}, text.encode())

    def throttled(self, text: str) -> Reply:
        """A refusal for too many requests or threads, in the style that the switch says."""
        style = self.switches.throttle
        if style.endswith("itgenatr005"):
            reply = _errors(f"Itgenatr005: {THREADS_TEXT}")
            return reply._replace(status=int(style[:3]))
        reply = _errors(text)._replace(status=429)
        if style == "429_retry_after":
            wait = str(self.switches.retry_after_seconds)
            reply = reply._replace(headers={**reply.headers, "Retry-After": wait})
        return reply

    def _used(self) -> int:
        window, oldest = self._window, self.model.now_ms - self.switches.threshold_minutes * 60_000
        while window and window[0] <= oldest:
            window.popleft()
        return len(window) + self.switches.other_requests

    def _threshold(self) -> Reply:
        return _json(
            f'{{"externalRequestThreshold":{self.switches.threshold},'
            f'"requestThresholdTimeframe":{self.switches.threshold_minutes},'
            f'"currentTimeframeRequestCount":{self._used()}}}'
        )

    # -- reads ----------------------------------------------------------------------------------------------------

    def _search(self, entity: Entity, entry: LoggedRequest) -> Search:
        raw = entry.body
        if entry.method == "GET":
            query = {key.lower(): value for key, value in parse_qsl(entry.query)}
            raw = query.get("search", "").encode()
        key = (entity.name, raw)
        search = self._searches.get(key)
        if search is None:
            search = parse_search(entity, _body(raw), self.model.udfs.get(entity.name, ()))
            if len(self._searches) > 10_000:
                self._searches.clear()
            self._searches[key] = search
        return search

    def _select(self, entity: Entity, search: Search) -> list[Record]:
        found = self._candidates(entity, search.pins)
        test = search.test
        if test is not None:
            found = [record for record in found if test(record.values)]
        hidden = self.switches.hidden_contracts
        if hidden:
            field = "id" if entity.name == "Contracts" else "contractID"
            if field in entity.fields:
                found = [record for record in found if record.values[field] not in hidden]
        found = list(found)
        found.sort(key=BY_ID)
        return found

    def _candidates(self, entity: Entity, pins: Mapping[str, Iterable[int]]) -> Iterable[Record]:
        name, model = entity.name, self.model
        if name not in ("ContractServiceUnits", "ContractServices"):
            ids = pins.get("id")
            if name == "Contracts":
                contracts = model.contracts
                if ids is not None:
                    return [contracts[one].record for one in ids if one in contracts]
                return [one.record for one in contracts.values()]
            table = model.tables[name]
            found = [table[one] for one in ids if one in table] if ids is not None else table.values()
            if name == "Services" and not self.switches.cost_visible:
                return [Record({**record.values, "unitCost": 0}) for record in found]
            return found
        units = name == "ContractServiceUnits"
        lines = pins.get("contractServiceID" if units else "id")
        if "contractID" in pins:
            chosen = [model.contracts[one] for one in pins["contractID"] if one in model.contracts]
        elif lines is not None:
            known = [model.lines[one].contract for one in lines if one in model.lines]
            chosen = list({contract.id: contract for contract in known}.values())
        else:
            chosen = list(model.contracts.values())
        if units and lines is not None and len(chosen) == 1 and not self._is_stale(chosen[0], peek=True):
            wanted = [chosen[0].lines[one] for one in lines if one in chosen[0].lines]
            return [row for line in wanted for row in line.rows()]
        rows: list[Record] = []
        for contract in chosen:
            if self._is_stale(contract):
                rows += (contract.before_rows if units else contract.before_lines) or ()
            else:
                rows += contract.rows() if units else contract.line_records()
        return rows

    def _is_stale(self, contract: Contract, peek: bool = False) -> bool:
        if self._stale_fault:
            return contract.before_rows is not None
        if contract.stale_left > 0:
            if not peek:
                contract.stale_left -= 1
            return True
        return False

    def _query(self, asked: _Page) -> Reply:
        entity, search, after, earlier = asked.entity, asked.search, asked.after, asked.earlier
        found = self._select(entity, search)
        if after:
            found = [record for record in found if record.id > after]
        page = found[: search.max_records]
        following = previous = "null"
        if len(found) > len(page):
            token = self._keep(replace(asked, after=page[-1].id, earlier=(*earlier, after)))
            following = f'"{self.origin}{self.base}/V1.0/{entity.name}/query/next?paging={token}"'
        if earlier:
            token = self._keep(replace(asked, after=earlier[-1], earlier=earlier[:-1]))
            previous = f'"{self.origin}{self.base}/V1.0/{entity.name}/query/prev?paging={token}"'
        items = ",".join([record_text(entity, record, search.include) for record in page])
        return _json(
            f'{{"items":[{items}],"pageDetails":{{"count":{len(page)},"requestCount":{search.max_records},'
            f'"prevPageUrl":{previous},"nextPageUrl":{following}}}}}'
        )

    def _keep(self, page: _Page) -> str:
        self._page_count += 1
        token = str(self._page_count)
        self._pages[token] = page
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return token

    def _next(self, entity: Entity, entry: LoggedRequest) -> Reply:
        query = {key.lower(): value for key, value in parse_qsl(entry.query)}
        page = self._pages.get(query.get("paging", ""))
        if page is None or page.entity is not entity:
            raise Refused("The requested page is no longer available.")  # invented wording
        if page.method != entry.method:
            return self._not_allowed(entry.method)
        if page.method == "POST" and _body(entry.body) != _body(page.body):
            raise Refused("The query does not match the requested page.")  # what happens live is unknown
        return self._query(page)

    def _children(self, entity: Entity, parent: int | None) -> Reply:
        pins = {entity.parent_field: frozenset(() if parent is None else (parent,))}
        search = Search(lambda values: bool(values[entity.parent_field] == parent), pins, 500, None)
        found = self._select(entity, search)
        items = ",".join([record_text(entity, record) for record in found])
        return _json(
            f'{{"items":[{items}],"pageDetails":{{"count":{len(found)},"requestCount":500,'
            '"prevPageUrl":null,"nextPageUrl":null}}'
        )

    def _item(self, entity: Entity, number: int, parent: int | None) -> Reply:
        wanted = frozenset((number,))
        found = self._select(entity, Search(lambda values: values["id"] == number, {"id": wanted}, 1, None))
        if not found or (parent is not None and found[0].values[entity.parent_field] != parent):
            if self.switches.missing_id == "200_null":
                return _json('{"item":null}')
            return Reply(404, {}, b"")
        return _json(f'{{"item":{record_text(entity, found[0])}}}')

    # -- writes ---------------------------------------------------------------------------------------------------

    def _values(self, entity: Entity, raw: bytes, route: Route) -> Values:
        """The fields of a body in the model's units; unknown properties are ignored without a word (inferred)."""
        body = _body(raw)
        if not isinstance(body, dict):
            raise Refused(f"Cannot create {entity.singular} from an empty body.")
        values: Values = {}
        for key, value in body.items():
            field = entity.by_lower.get(key.lower())
            if field is None:
                continue
            if field.kind == "udf":
                values[field.name] = _udf_values(value)
            elif field.kind == "date" and isinstance(value, str):
                values[field.name] = day_ms(self._day(field, value))
            else:
                values[field.name] = convert(field, value, field.name)
        if route.parent_id is not None:
            if values.setdefault(entity.parent_field, route.parent_id) is None:
                values[entity.parent_field] = route.parent_id
            if values[entity.parent_field] != route.parent_id:
                raise bad_reference(entity.parent_field, entity.parent[:-1])
        return values

    def _day(self, field: Field, text: str) -> int:
        try:
            day, ms = parse_moment(text)
        except ValueError:
            raise Refused(f"Could not convert string to DateTime: {text}. Path '{field.name}'.") from None
        return local_day(ms, self.switches.tenant_zone) if self.switches.date_rule == "convert" else day

    def _create(self, entity: Entity, values: Values, posting: Posting | None) -> Reply:
        if entity is _ADJUSTMENTS:
            return self._adjust(values, posting)
        if entity.name == "ContractServices":
            number = self.model.create_line(values)
        else:
            number = self.model.create(entity, values)
        return _json(f'{{"itemId":{number}}}')

    def _update(self, entity: Entity, values: Values, full: bool) -> Reply:
        number = values.get("id")
        if not number:
            raise Refused("Missing Required Field: id.")
        if entity.name == "Contracts" and number in self.switches.hidden_contracts:
            raise bad_reference("id", "Contract")
        if entity.name == "ContractServices":
            self.model.update_line(number, values)
        else:
            self.model.update(entity, number, values, full)
        return _json(f'{{"itemId":{number}}}')

    def _adjust(self, values: Values, posting: Posting | None) -> Reply:
        effective = values.get("effectiveDate")
        if effective is None:
            raise Refused("Missing Required Field: effectiveDate.")
        day = ms_day(effective)
        delta = values.get("unitChange") or 0
        event, line = self.model.adjust(
            day=day,
            delta=delta,
            contract_id=values.get("contractID") or None,
            line_id=values.get("contractServiceID") or None,
            service_id=values.get("serviceID") or None,
            price=values.get("adjustedUnitPrice"),
            cost=values.get("adjustedUnitCost"),
            allow_repeat=bool(values.get("allowRepeatService")),
        )
        if posting is not None:
            posting.adjustment_id, posting.line_id = event.number, line.id
            posting.contract_id, posting.service_id = line.contract.id, line.service["id"]
        return _json(f'{{"itemId":{event.number if self.switches.item_id == "id" else "null"}}}')


_DECODER = json.JSONDecoder(parse_float=Decimal)

_POSTED_KEYS = ("contractid", "contractserviceid", "serviceid", "unitchange", "effectivedate")

_SPECIAL = {
    "zoneinformation": ("zone", "ZoneInformation"),
    "versioninformation": ("version", "VersionInformation"),
    "thresholdinformation": ("threshold", "ThresholdInformation"),
}

_TAILS = {
    "": "collection",
    "query": "query",
    "query/count": "count",
    "query/next": "page",
    "query/prev": "page",
    "entityinformation": "info",
    "entityinformation/fields": "fields",
    "entityinformation/userdefinedfields": "udfs",
}

_OPERATIONS = {
    "zone": "get",
    "version": "get",
    "threshold": "get",
    "query": "query",
    "count": "count",
    "page": "next",
    "item": "get",
    "child_item": "get",
    "info": "info",
    "fields": "info",
    "udfs": "info",
    "nowhere": "nowhere",
}


def _operation(method: str, kind: str) -> str:
    if kind in ("collection", "child"):
        return {"POST": "create", "PATCH": "update", "PUT": "update"}.get(method, "get")
    return _OPERATIONS[kind]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _body(raw: bytes) -> Any:
    try:
        return _DECODER.decode(raw.decode())
    except ValueError:
        text = raw.decode("utf-8", "replace").strip()
        if not text:
            return None
        raise Refused(
            f"Unexpected character encountered while parsing value: {text[0]}. Path '', line 0, position 0."
        ) from None


def _udf_values(value: Any) -> dict[str, str | None]:
    """User-defined fields as sent: a list of {name, value}; numbers and dates are accepted and read back as text."""
    if value is None:
        return {}
    if not isinstance(value, list):
        raise unexpected(value, "userDefinedFields")
    found: dict[str, str | None] = {}
    for one in value:
        keys = lower_keys(one) if isinstance(one, dict) else {}
        if not isinstance(keys.get("name"), str):
            raise unexpected(one, "userDefinedFields")
        given = keys.get("value")
        found[keys["name"]] = None if given is None else str(given)
    return found


_JSON_HEADERS: Mapping[str, str] = {"Content-Type": JSON_TYPE}
_HTML_HEADERS: Mapping[str, str] = {"Content-Type": "text/html"}


def _json(text: str) -> Reply:
    return Reply(200, _JSON_HEADERS, text.encode())


def _errors(*texts: str) -> Reply:
    return Reply(500, _JSON_HEADERS, json.dumps({"errors": list(texts)}, ensure_ascii=False).encode())


def _html(status: int, title: str) -> Reply:
    page = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n'
        f"<html><head><title>{title}</title></head><body><h2>{title}</h2></body></html>\n"
    )
    return Reply(status, _HTML_HEADERS, page.encode())


__all__ = ["AutotaskApi", "LoggedRequest", "NeverSent", "NoAnswer", "Posting", "Reply"]
