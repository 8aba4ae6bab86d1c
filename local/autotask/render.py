"""How records are written: camelCase keys, money with four decimals, instants in UTC with a ``Z``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any

from local.autotask.rules import Record
from local.autotask.schema import PICKLISTS, Entity, Field
from local.autotask.values import instant_text, money_text


def value_text(kind: str, value: Any) -> str:
    """One value as JSON."""
    if value is None:
        return "null"
    if kind in ("int", "long"):
        return str(value)
    if kind == "money":
        return money_text(value)
    if kind in ("date", "time"):
        return f'"{instant_text(value)}"'
    if kind == "bool":
        return "true" if value else "false"
    if kind == "udf":
        return json.dumps([{"name": name, "value": one} for name, one in value.items()], ensure_ascii=False)
    return str(encode_basestring(value))


def record_text(entity: Entity, record: Record, include: tuple[str, ...] | None = None) -> str:
    """A record as JSON, all of it or some fields; written once and then remembered."""
    values = record.values
    if include is None:
        if record.text is None:
            if entity.name == "ContractServiceUnits":
                record.text = _unit_row_text(values)
            else:
                record.text = _text(entity.fields.values(), values)
        return record.text
    if record.subsets is None:
        record.subsets = {}
    text = record.subsets.get(include)
    if text is None:
        text = _text((entity.fields[name] for name in include), values)
        if entity.has_udf and "userDefinedFields" not in include:
            text = (
                text[:-1] + ("," if include else "") + '"userDefinedFields":[]}'
            )  # seen in answers to such queries
        record.subsets[include] = text
    return text


def _text(fields: Iterable[Field], values: dict[str, Any]) -> str:
    return "{" + ",".join([f'"{one.name}":{value_text(one.kind, values[one.name])}' for one in fields]) + "}"


def _unit_row_text(values: dict[str, Any]) -> str:
    posted, level, vendor = (
        values["approveAndPostDate"],
        values["organizationalLevelAssociationID"],
        values["vendorCompanyID"],
    )
    price = money_text(values["price"])
    return (
        f'{{"id":{values["id"]},"approveAndPostDate":{"null" if posted is None else _quoted(posted)}'
        f',"contractID":{values["contractID"]},"contractServiceID":{values["contractServiceID"]}'
        f',"cost":{money_text(values["cost"])},"endDate":"{instant_text(values["endDate"])}"'
        f',"internalCurrencyPrice":{price},"organizationalLevelAssociationID":{"null" if level is None else level}'
        f',"price":{price},"serviceID":{values["serviceID"]},"startDate":"{instant_text(values["startDate"])}"'
        f',"units":{values["units"]},"vendorCompanyID":{"null" if vendor is None else vendor}}}'
    )


def _quoted(ms: int) -> str:
    return f'"{instant_text(ms)}"'


_DATA_TYPES = {
    "long": "long",
    "int": "integer",
    "text": "string",
    "money": "decimal",
    "bool": "boolean",
    "date": "datetime",
    "time": "datetime",
}


def entity_information(
    entity: Entity, denied: frozenset[str] = frozenset(), *, restricted: bool = False, numbers: bool = False
) -> dict[str, Any]:
    """``/{Entity}/entityInformation``; ``denied``: the operations that the user's security level does not allow.

    ``restricted``: it shows some records only. ``numbers``: levels are numbers, and not names.
    """

    def access(offered: bool, operation: str) -> str | int:
        allowed = "Restricted" if restricted else "All"
        level = allowed if offered and operation not in denied else "None"
        return ("None", "All", "Restricted").index(level) if numbers else level

    operations = entity.operations
    create = "create" in operations or "child_create" in operations
    update = "update" in operations or "child_update" in operations
    query = "query" in operations
    return {
        "info": {
            "name": entity.singular,
            "canCreate": create,
            "canDelete": False,
            "canQuery": query,
            "canUpdate": update,
            "userAccessForCreate": access(create, "create"),
            "userAccessForDelete": access(False, "delete"),
            "userAccessForQuery": access(query, "query"),
            "userAccessForUpdate": access(update, "update"),
            "hasUserDefinedFields": entity.has_udf,
            "supportsWebhookCallouts": entity.name in ("Companies", "Tickets", "TicketNotes"),
        }
    }


def fields_information(entity: Entity) -> dict[str, Any]:
    """``/{Entity}/entityInformation/fields``; picklist values are strings here and integers in records."""
    found = []
    for one in entity.fields.values():
        if one.kind == "udf":
            continue
        picks = PICKLISTS.get((entity.name, one.name))
        found.append(
            {
                "name": one.name,
                "dataType": _DATA_TYPES[one.kind],
                "length": 0,
                "isRequired": one.required,
                "isReadOnly": one.read_only,
                "isQueryable": "query" in entity.operations,
                "isReference": False,
                "referenceEntityType": "",
                "isPickList": picks is not None,
                "picklistValues": [
                    {
                        "value": value,
                        "label": label,
                        "isDefaultValue": False,
                        "sortOrder": order,
                        "parentValue": "",
                        "isActive": True,
                        "isSystem": True,
                    }
                    for order, (value, label) in enumerate(picks)
                ]
                if picks
                else None,
                "picklistParentValueField": "",
                "isSupportedWebhookField": False,
            }
        )
    return {"fields": found}


def udf_information(names: Iterable[str]) -> dict[str, Any]:
    """``/{Entity}/entityInformation/userDefinedFields``."""
    return {
        "fields": [
            {
                "name": name,
                "dataType": "string",
                "length": 0,
                "isRequired": False,
                "isReadOnly": False,
                "isQueryable": True,
                "isReference": False,
                "referenceEntityType": "",
                "isPickList": False,
                "picklistValues": None,
            }
            for name in names
        ]
    }
