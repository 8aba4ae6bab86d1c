"""Scenarios: a tenant as a JSON document, with days relative to the day on which it is loaded.

A day is written ``2026-03-15``, or relative to today: ``@today``, ``@today-3``, ``@today+30``; or as a day of a month
counted from the current one: ``@month:1``, ``@month-2:15``, ``@month+9:last``. A day that the month does not have becomes the
month's last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from local.autotask.query import convert
from local.autotask.rules import Model
from local.autotask.schema import ENTITIES, Entity, Values
from local.autotask.switches import Switches
from local.autotask.values import day_ms, money, month_days, parse_day

_TODAY = re.compile(r"@today(?:([+-])(\d+))?\Z")
_MONTH = re.compile(r"@month(?:([+-])(\d+))?:(\d{1,2}|last)\Z")

SCENARIOS = Path(__file__).parent / "scenarios"
"""The scenarios that come with the simulator."""

_TABLES = (
    ("companies", "companies"),
    ("services", "services"),
    ("billingCodes", "billingcodes"),
    ("internalLocations", "internallocations"),
    ("billingRules", "contractbillingrules"),
    ("tickets", "tickets"),
)

_CONTRACT_EXTRAS = frozenset({"lines", "postedThrough"})


def resolve_day(text: str, today: int) -> int:
    """A day in the notation above; raises ValueError for anything else."""
    match = _TODAY.match(text)
    if match:
        return today + int(f"{match[1] or '+'}{match[2] or 0}")
    match = _MONTH.match(text)
    if match:
        now = date.fromordinal(today)
        year, month0 = divmod(now.year * 12 + now.month - 1 + int(f"{match[1] or '+'}{match[2] or 0}"), 12)
        last = month_days(year, month0 + 1)
        day = last if match[3] == "last" else min(max(int(match[3]), 1), last)
        return date(year, month0 + 1, day).toordinal()
    return parse_day(text)


def named_scenario(name: str) -> dict[str, Any]:
    """One of the scenarios that come with the simulator."""
    return read_scenario(SCENARIOS / f"{name}.json")


def read_scenario(path: Path) -> dict[str, Any]:
    """A scenario file."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return loaded


def _record(entity: Entity, given: Mapping[str, Any], today: int) -> Values:
    values: Values = {}
    for name, value in given.items():
        field = entity.fields.get(name)
        if field is None:
            raise ValueError(f"{entity.name} has no field {name}")
        if field.kind == "udf":
            values[name] = dict(value)
        elif field.kind in ("date", "time") and isinstance(value, str) and "T" not in value:
            values[name] = day_ms(resolve_day(value, today))
        else:
            values[name] = convert(field, value, name)
    return values


def load_scenario(scenario: Mapping[str, Any], now: float) -> Model:
    """A model in the scenario's state. ``now``: seconds since 1970-01-01T00:00:00Z."""
    switches = Switches()
    for name, value in scenario.get("switches", {}).items():
        switches.set(name, value)
    model = Model(switches, round(now * 1000))
    today = model.today()
    model.udfs = {name: list(names) for name, names in scenario.get("udfs", {}).items()}
    for key, entity_name in _TABLES:
        if entity_name == "contractbillingrules":
            continue
        for given in scenario.get(key, ()):
            model.add(ENTITIES[entity_name], _record(ENTITIES[entity_name], given, today))
    for given in scenario.get("contracts", ()):
        _load_contract(model, given, today)
    rules = ENTITIES["contractbillingrules"]
    for given in scenario.get("billingRules", ()):
        model.add(rules, _record(rules, given, today))
    for contract in model.contracts.values():
        contract.before_lines = contract.before_rows = None
        contract.stale_left = 0
    model.revision = 0
    return model


def _load_contract(model: Model, given: Mapping[str, Any], today: int) -> None:
    contracts = ENTITIES["contracts"]
    fields = {key: value for key, value in given.items() if key not in _CONTRACT_EXTRAS}
    values: Values = {
        "billingPreference": 2,
        "contractPeriodType": 2,
        "contractType": 7,
        "isCompliant": True,
        "isDefaultContract": False,
        "estimatedCost": 0,
        "estimatedHours": 0,
        "estimatedRevenue": 0,
        "internalCurrencySetupFee": 0,
        "lastModifiedDateTime": model.now_ms,
        "purchaseOrderNumber": "",
        "setupFee": 0,
        "status": 1,
        "timeReportingRequiresStartAndStopTimes": 0,
    }
    values.update(_record(contracts, fields, today))
    contract = model.contracts[model.add(contracts, values)]
    for line_given in given.get("lines", ()):
        line = model.add_line(
            contract.id,
            line_given["serviceID"],
            line_id=line_given.get("id"),
            price=_money(line_given.get("unitPrice")),
            cost=_money(line_given.get("unitCost")),
        )
        line.internal_description = line_given.get("internalDescription")
        if "units" in line_given:
            begins = line_given.get("from")
            model.seed(line.id, resolve_day(begins, today) if begins else contract.start, line_given["units"])
        for change in line_given.get("adjustments", ()):
            model.person_adjusts(
                line.id,
                resolve_day(change["day"], today),
                change.get("unitChange", 0),
                _money(change.get("unitPrice")),
                _money(change.get("unitCost")),
            )
    if given.get("postedThrough"):
        model.approve_and_post(contract.id, resolve_day(given["postedThrough"], today))


def _money(value: Any) -> int | None:
    return None if value is None else money(value)
