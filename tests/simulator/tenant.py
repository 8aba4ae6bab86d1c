"""A small simulated tenant and the shortest way to talk to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from local.autotask import AutotaskApi, Control, Fault, Reply
from local.autotask.values import parse_day, parse_moment

HEADERS = {"ApiIntegrationCode": "code", "UserName": "api@example.com", "Secret": "secret"}
BASE = "/ATServicesRest/v1.0/"
NOW = parse_moment("2026-03-10T15:00:00Z")[1] / 1000
CONTRACT, LINE, SERVICE = 29683949, 1201, 45

SCENARIO: dict[str, Any] = {
    "udfs": {"Contracts": ["Subscription", "Balance"]},
    "companies": [{"id": 600, "companyName": "Contoso Dental"}, {"id": 601, "companyName": "Fabrikam"}],
    "services": [
        {
            "id": 45,
            "name": "Advanced",
            "sku": "ADV",
            "unitPrice": Decimal("12.5"),
            "unitCost": 7,
            "periodType": 2,
        },
        {"id": 46, "name": "Essential", "sku": "ESS", "unitPrice": 8, "unitCost": 4, "periodType": 2},
    ],
    "contracts": [
        {
            "id": CONTRACT,
            "companyID": 600,
            "contractName": "Recurring",
            "startDate": "2026-01-15",
            "endDate": "2027-01-14",
            "lines": [{"id": LINE, "serviceID": SERVICE, "units": 10}],
        },
        {
            "id": 29683353,
            "companyID": 600,
            "contractName": "Labour",
            "contractType": 1,
            "contractPeriodType": None,
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
        },
    ],
}


class Tenant:
    """The simulator in-process, at a fixed instant."""

    def __init__(self, scenario: Mapping[str, Any] = SCENARIO, **switches: Any) -> None:
        self.api = AutotaskApi()
        self.api.set_now(NOW)
        self.control = Control(self.api)
        self.control.load(scenario)
        self.control.set_switches(switches)

    def send(self, method: str, path: str, body: Any = None, *, fault: Fault | None = None) -> Reply:
        """One request under ``/v1.0/``."""
        raw = (
            body
            if isinstance(body, bytes)
            else b""
            if body is None
            else json.dumps(body, default=float).encode()
        )
        return self.api.handle(method, BASE + path, HEADERS, raw, fault=fault)

    def query(self, entity: str, *filters: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
        """The items of a query (everything, without a filter)."""
        chosen = list(filters) or [{"op": "exist", "field": "id"}]
        reply = self.send("POST", f"{entity}/query", {"MaxRecords": 500, "Filter": chosen, **more})
        assert reply.status == 200, reply.body
        items: list[dict[str, Any]] = reply.json()["items"]
        return items

    def adjust(
        self, day: str, change: int | None = None, *, fault: Fault | None = None, **more: Any
    ) -> Reply:
        """POST an adjustment of the tenant's line, unless ``more`` names another."""
        body: dict[str, Any] = {"contractID": CONTRACT, "effectiveDate": day}
        if "serviceID" not in more:
            body["contractServiceID"] = LINE
        if change is not None:
            body["unitChange"] = change
        body.update(more)
        return self.send("POST", "ContractServiceAdjustments", body, fault=fault)

    def units(self, line: int = LINE) -> list[tuple[str, str, int]]:
        """(first day, last day, units) of a line's unit rows, oldest first."""
        rows = self.query("ContractServiceUnits", {"op": "eq", "field": "contractServiceID", "value": line})
        return sorted((row["startDate"][:10], row["endDate"][:10], row["units"]) for row in rows)

    def held(self, day: str, line: int = LINE) -> int:
        """The truth of a day."""
        return self.api.model.units_on(line, parse_day(day))


def error(reply: Reply) -> str:
    """The first text of a refusal, which is always a 500 with an errors list."""
    assert reply.status == 500, (reply.status, reply.body)
    texts: list[str] = reply.json()["errors"]
    return texts[0]


def ordinal(text: str) -> int:
    """A day's number."""
    return date.fromisoformat(text).toordinal()
