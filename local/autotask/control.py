"""What people do in Autotask's own pages, the ground truth, and the levers of a test: in-process and under ``/_control/``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from local.autotask.api import AutotaskApi, Posting, Reply
from local.autotask.faults import Fault
from local.autotask.query import convert
from local.autotask.rules import Contract, Line, Refused
from local.autotask.scenario import load_scenario, named_scenario, resolve_day
from local.autotask.schema import ENTITIES, Entity, Values
from local.autotask.values import day_ms, day_text, instant_text, money, money_text, ms_day, parse_moment

PREFIX = "/_control/"
_EMPTY: Mapping[str, Any] = {}


class Control:
    """The levers over one simulator. Every public method has a route of the same meaning (see README)."""

    def __init__(self, api: AutotaskApi, wall_clock: Callable[[], float] | None = None) -> None:
        self.api = api
        self.wall_clock = wall_clock
        """Gives the real time for ``set_clock(real=True)``; the server passes ``time.time``."""
        self._loaded: Mapping[str, Any] = _EMPTY

    # -- state ----------------------------------------------------------------------------------------------------

    def load(self, scenario: str | Mapping[str, Any]) -> None:
        """Start over in a scenario's state: the name of one that comes along, or a document. Clears faults, log, postings."""
        api = self.api
        api.tick()
        document = named_scenario(scenario) if isinstance(scenario, str) else scenario
        model = load_scenario(document, api.now)
        credentials = document.get("credentials")
        fresh = AutotaskApi(model, origin=api.origin, clock=api.clock, keep_requests=api.requests.maxlen)
        if credentials is not None:
            fresh.credentials = {
                one["userName"]: (one["secret"], one["integrationCode"]) for one in credentials
            }
        api.__dict__.update(fresh.__dict__)
        self._loaded = document

    def reset(self) -> None:
        """Start over in the state of the scenario loaded last."""
        self.load(self._loaded)

    def state(self, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        """Companies, contracts, lines and the steps of each line, cut to a range of days."""
        self.api.tick()
        model = self.api.model
        return {
            "now": instant_text(model.now_ms),
            "today": day_text(model.today()),
            "base": self.api.base,
            "companies": [
                {"id": one.values["id"], "companyName": one.values["companyName"]}
                for one in model.tables["Companies"].values()
            ],
            "services": [
                {name: one.values[name] for name in ("id", "name", "sku")}
                for one in model.tables["Services"].values()
            ],
            "contracts": [self._contract(contract, first, last) for contract in model.contracts.values()],
        }

    def _contract(self, contract: Contract, first: int | None, last: int | None) -> dict[str, Any]:
        values = contract.values
        return {
            **{name: values[name] for name in ("id", "companyID", "contractName", "contractType", "status")},
            "contractPeriodType": values["contractPeriodType"],
            "startDate": day_text(contract.start),
            "endDate": day_text(contract.end),
            "lines": [self._line(line, first, last) for line in contract.lines.values()],
        }

    def _line(self, line: Line, first: int | None, last: int | None) -> dict[str, Any]:
        model = self.api.model
        price, cost = line.price_on(model.today())
        return {
            "id": line.id,
            "serviceID": line.service["id"],
            "serviceName": line.service["name"],
            "sku": line.service["sku"],
            "unitPrice": money_text(price),
            "unitCost": money_text(cost),
            "unitsToday": line.units_on(model.today()),
            "timeline": self.timeline(line.id, first, last),
            "events": [
                {
                    "day": day_text(one.day),
                    "unitChange": one.delta,
                    "source": one.source,
                    "posted": one.posted,
                }
                for one in line.events
            ],
        }

    def timeline(
        self, line_id: int, first: int | None = None, last: int | None = None
    ) -> list[dict[str, Any]]:
        """Steps of a line as texts: from which day on it holds how many units."""
        self.api.tick()
        steps = self.api.model.timeline(line_id, first, last)
        return [{"from": day_text(day), "units": units} for day, units in steps]

    def adjustments(self) -> list[dict[str, Any]]:
        """Every attempt to create an adjustment that reached Autotask, in order of arrival, and what became of it."""
        self.api.tick()
        return [_posting(one) for one in self.api.postings]

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """The log of requests with a number greater than ``after``."""
        return [one.as_dict() for one in self.api.requests if one.number > after]

    def clear_requests(self) -> None:
        """Forget the log and the counters (not the adjustments)."""
        self.api.requests.clear()
        self.api.calls.clear()

    def counters(self) -> dict[str, Any]:
        """Requests that arrived: in all, by entity, and by entity and operation."""
        calls = self.api.calls
        by_entity: dict[str, int] = {}
        for (entity, _), count in calls.items():
            by_entity[entity] = by_entity.get(entity, 0) + count
        return {
            "total": sum(calls.values()),
            "entities": by_entity,
            "operations": {f"{entity} {operation}": count for (entity, operation), count in calls.items()},
        }

    def billing_items(self, contract_id: int | None = None) -> list[dict[str, Any]]:
        """What approve-and-post has billed."""
        return [
            {
                "id": one["id"],
                "contractID": one["contractID"],
                "contractServiceID": one["contractServiceID"],
                "contractServicePeriodID": one["contractServicePeriodID"],
                "contractServiceAdjustmentID": one["contractServiceAdjustmentID"],
                "itemDate": day_text(ms_day(one["itemDate"])),
                "quantity": money_text(one["quantity"]),
                "rate": money_text(one["rate"]),
                "extendedPrice": money_text(one["extendedPrice"]),
            }
            for one in (record.values for record in self.api.model.tables["BillingItems"].values())
            if contract_id is None or one["contractID"] == contract_id
        ]

    # -- levers ---------------------------------------------------------------------------------------------------

    def set_switches(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Set some switches; gives all of them."""
        for name, value in changes.items():
            self.api.set_switch(name, value)
        return self.api.switches.as_dict()

    def add_fault(self, kind: str, **details: Any) -> int:
        """Add a fault (see ``faults.Fault`` for the details); gives its number."""
        known = {one.name for one in fields(Fault)} - {"number", "met"}
        unknown = set(details) - known
        if unknown:
            raise ValueError(
                f"unknown detail {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
            )
        return self.api.faults.add(Fault(kind, **details))

    def clear_faults(self, number: int | None = None) -> None:
        """Take one fault away, or all. What waits to land late still lands."""
        self.api.faults.clear(number)

    def set_clock(self, now: float | None = None, advance: float | None = None, real: bool = False) -> float:
        """Stop the clock at an instant, move it on by seconds (a running clock runs on), or let it follow the real time.

        Gives the instant.
        """
        api = self.api
        if real:
            api.clock = self.wall_clock
        elif now is not None:
            api.clock = None
            api.set_now(now)
        elif advance is not None:
            if api.clock is None:
                api.advance(advance)
            else:
                running, ahead = api.clock, advance
                api.clock = lambda: running() + ahead
        api.tick()
        return api.now

    def set_credentials(self, user: str | None, secret: str = "", code: str = "") -> None:
        """Let only this user in (None: every non-empty set of credentials)."""
        self.api.credentials = None if user is None else {user: (secret, code)}

    def move_zone(self, base: str) -> None:
        """Move the tenant to another base path."""
        self.api.move_zone(base)

    def land(self, request: int | None = None) -> int:
        """Let late requests land now; gives how many did."""
        self.api.tick()
        return self.api.land(request)

    # -- people ---------------------------------------------------------------------------------------------------

    def approve_and_post(self, contract_id: int, through: int) -> list[int]:
        """A person approves and posts a contract up to a day; gives the ids of the billing items."""
        self.api.tick()
        return self.api.model.approve_and_post(contract_id, through)

    def person_adjusts(
        self, line_id: int, day: int, unit_change: int, unit_price: Decimal | int | str | None = None
    ) -> int:
        """A person adjusts a line on a day, past or future; gives the adjustment's id. Refused below zero."""
        self.api.tick()
        price = None if unit_price is None else money(unit_price)
        return self.api.model.person_adjusts(line_id, day, unit_change, price).number

    def person_edits_contract(self, contract_id: int, changes: Mapping[str, Any]) -> None:
        """A person edits a contract: any field, among them companyID, startDate, endDate, status and contractType."""
        self.api.tick()
        entity = ENTITIES["contracts"]
        self.api.model.edit_contract(contract_id, _read_fields(entity, changes, self.api.model.today()))

    def person_removes_line(self, line_id: int) -> None:
        """A person removes a line with all its units."""
        self.api.tick()
        self.api.model.remove_line(line_id)

    def person_adds_line(self, contract_id: int, service_id: int, day: int, units: int) -> int:
        """A person adds a service to a contract with units from a day on, a repeated one too; gives the line's id."""
        self.api.tick()
        model = self.api.model
        model.contracts[contract_id].remember()
        line = model.add_line(contract_id, service_id)
        model.person_adjusts(line.id, day, units)
        return line.id

    def person_bills(
        self, contract_id: int, day: int, name: str, quantity: Decimal | int | str, rate: Decimal | int | str
    ) -> int:
        """A person bills something that no line accounts for, a charge or a credit note; gives the billing item's id."""
        self.api.tick()
        return self.api.model.person_bills(contract_id, day, name, money(quantity), money(rate))

    # -- HTTP -----------------------------------------------------------------------------------------------------

    def handle(self, method: str, target: str, body: bytes = b"") -> Reply:
        """Answer a request under ``/_control/``: 200 with JSON, or 400/404 with ``{"error": …}``."""
        path, _, query_text = target.partition("?")
        query = dict(parse_qsl(query_text))
        try:
            given = json.loads(body, parse_float=Decimal) if body.strip() else {}
            answer = self._route(method, path.removeprefix(PREFIX).strip("/"), query, given)
        except _NoRoute:
            return _reply(404, {"error": f"no control route {method} {path}"})
        except Refused as refused:
            return _reply(400, {"error": str(refused)})
        except KeyError as missing:
            return _reply(400, {"error": f"missing or unknown: {missing}"})
        except (ValueError, TypeError, AttributeError) as wrong:
            return _reply(400, {"error": str(wrong)})
        return _reply(200, answer)

    def _route(self, method: str, route: str, query: Mapping[str, str], given: Mapping[str, Any]) -> Any:
        api = self.api
        match method, route:
            case "GET", "state":
                return self.state(self._day(query.get("from")), self._day(query.get("to")))
            case "GET", "timeline":
                return self.timeline(
                    int(query["line"]), self._day(query.get("from")), self._day(query.get("to"))
                )
            case "GET", "adjustments":
                return self.adjustments()
            case "GET", "billing":
                contract = query.get("contract")
                return self.billing_items(int(contract) if contract else None)
            case "GET", "requests":
                return self.requests(int(query.get("after", "0")))
            case "DELETE", "requests":
                self.clear_requests()
            case "GET", "counters":
                return self.counters()
            case "GET", "switches":
                return api.switches.as_dict()
            case "PUT" | "POST", "switches":
                return self.set_switches(given)
            case "GET", "faults":
                return {
                    "waiting": [one.as_dict() for one in api.faults.waiting],
                    "late": [{"request": number, "due": instant_text(due)} for number, due in api.late],
                }
            case "POST", "faults":
                return {
                    "number": self.add_fault(given["kind"], **{k: v for k, v in given.items() if k != "kind"})
                }
            case "DELETE", "faults":
                self.clear_faults(int(query["number"]) if "number" in query else None)
            case "GET", "clock":
                api.tick()
                return _clock(api)
            case "PUT" | "POST", "clock":
                now = given.get("now")
                advance = given.get("advance_seconds")
                self.set_clock(
                    _instant(now) if now is not None else None,
                    float(advance) if advance is not None else None,
                    bool(given.get("real")),
                )
                return _clock(api)
            case "PUT" | "POST", "scenario":
                self.load(given["name"] if set(given) == {"name"} else given)
            case "POST", "reset":
                self.reset()
            case "PUT" | "POST", "credentials":
                self.set_credentials(
                    given.get("userName"), given.get("secret", ""), given.get("integrationCode", "")
                )
            case "POST", "zone":
                self.move_zone(given["base"])
            case "POST", "land":
                return {"landed": self.land(given.get("request"))}
            case "POST", "approve":
                return {
                    "billingItems": self.approve_and_post(
                        given["contractID"], self._needed_day(given["through"])
                    )
                }
            case "POST", "person/adjust":
                day = self._needed_day(given["day"])
                line = given["contractServiceID"]
                return {"id": self.person_adjusts(line, day, given["unitChange"], given.get("unitPrice"))}
            case "POST", "person/contract":
                self.person_edits_contract(given["id"], {k: v for k, v in given.items() if k != "id"})
            case "POST", "person/remove_line":
                self.person_removes_line(given["contractServiceID"])
            case "POST", "person/add_line":
                day = self._needed_day(given["day"])
                return {
                    "id": self.person_adds_line(given["contractID"], given["serviceID"], day, given["units"])
                }
            case "POST", "person/bill":
                day = self._needed_day(given["day"])
                contract = given["contractID"]
                return {
                    "id": self.person_bills(contract, day, given["name"], given["quantity"], given["rate"])
                }
            case _:
                raise _NoRoute
        return {"ok": True}

    def _needed_day(self, text: str) -> int:
        return resolve_day(text, self.api.model.today())

    def _day(self, text: str | None) -> int | None:
        """A day of a query, where an unescaped ``+`` has arrived as a space."""
        return None if text is None else resolve_day(text.replace(" ", "+"), self.api.model.today())


class _NoRoute(Exception):
    pass


def _read_fields(entity: Entity, changes: Mapping[str, Any], today: int) -> Values:
    values: Values = {}
    for name, value in changes.items():
        field = entity.fields.get(name)
        if field is None:
            raise ValueError(f"{entity.name} has no field {name}")
        if field.kind == "date":
            day = parse_moment(value)[0] if "T" in value else resolve_day(value, today)
            values[name] = day_ms(day)
        else:
            values[name] = convert(field, value, name)
    return values


def _posting(one: Posting) -> dict[str, Any]:
    return {
        "number": one.number,
        "request": one.request,
        "receivedAt": instant_text(one.received_ms),
        "effectAt": None if one.effect_ms is None else instant_text(one.effect_ms),
        "contractID": one.contract_id,
        "contractServiceID": one.line_id,
        "serviceID": one.service_id,
        "unitChange": one.unit_change,
        "effectiveDate": None if one.day is None else day_text(one.day),
        "sent": {
            key: float(value) if isinstance(value, Decimal) else value for key, value in one.body.items()
        },
        "outcome": one.outcome,
        "status": one.status,
        "error": one.error,
        "answered": one.answered,
        "fault": one.fault,
        "adjustmentID": one.adjustment_id,
    }


def _instant(value: Any) -> float:
    return parse_moment(value)[1] / 1000 if isinstance(value, str) else float(value)


def _clock(api: AutotaskApi) -> dict[str, Any]:
    return {
        "now": instant_text(api.model.now_ms),
        "seconds": api.now,
        "today": day_text(api.model.today()),
        "real": api.clock is not None,
    }


def _reply(status: int, answer: Any) -> Reply:
    text = json.dumps(answer, default=str, ensure_ascii=False)
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, text.encode())
