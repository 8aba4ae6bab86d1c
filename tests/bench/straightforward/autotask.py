"""The two requests to Autotask: how many units a contract has on a day, and a change of them."""

from __future__ import annotations

import json
import os
from datetime import date
from typing import Any

import httpx
from aws_lambda_powertools.utilities import parameters

client = httpx.Client(base_url=os.environ["AUTOTASK_URL"] + "/v1.0", timeout=30)


def _call(path: str, body: dict[str, Any]) -> dict[str, Any]:
    user = json.loads(parameters.get_secret(os.environ["AUTOTASK_SECRET_ID"], max_age=300))
    headers = {
        "UserName": user["username"],
        "Secret": user["secret"],
        "ApiIntegrationCode": user["integration_code"],
    }
    answer = client.post(path, json=body, headers=headers).raise_for_status().json()
    return dict(answer)


def units(contracts: list[int], day: date) -> dict[tuple[int, int], int]:
    """Units by contract and service on a day, of up to 500 contracts."""
    filters = [
        {"op": "in", "field": "contractID", "value": contracts},
        {"op": "lte", "field": "startDate", "value": f"{day}T23:59:59Z"},
        {"op": "gte", "field": "endDate", "value": f"{day}T00:00:00Z"},
    ]
    rows = _call("/ContractServiceUnits/query", {"filter": filters})["items"]
    return {(row["contractID"], row["serviceID"]): row["units"] for row in rows}


def adjust(contract: int, service: int, change: int, day: date) -> None:
    """Change the units of a service from a day on."""
    fields = {
        "contractID": contract,
        "serviceID": service,
        "unitChange": change,
        "effectiveDate": f"{day}T00:00:00Z",
    }
    _call("/ContractServiceAdjustments", fields)
