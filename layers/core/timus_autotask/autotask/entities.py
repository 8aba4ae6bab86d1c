"""The records of Autotask that the product reads, and how they are parsed: strictly, for money follows.

Field names and types are those of Autotask's published swagger (REST API v1.0); what they mean stands on the entity pages,
https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/ContractsEntity.htm and its neighbours.

Habits of the API that are undone here: an empty text comes as null or as ``""`` (``""`` here), a day as ``2026-03-01T00:00:00Z``
with or without the ``Z`` (a day here), money may come as a whole number (``Decimal`` here), and a field that may be null may be
left out. Anything else that is not as published raises :class:`NotAsPublished`: an answer that is read only in part is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

from timus_autotask.autotask.time_zones import ZONES
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.policy import RenewalLink
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.ports.psa import (
    Access,
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

Row = Mapping[str, Any]
"""One element of ``items``: JSON with ``Decimal`` in place of ``float``."""

RECURRING_SERVICE = 7
"""``Contracts.contractType`` of a recurring service contract; the only type whose services have units."""
IN_EFFECT = 1
"""``Contracts.status`` of an active contract; 0 is inactive, and its services still bill until the end date
(Autotask's knowledge base, KB370000000540).
"""
PERIOD_TYPES: Mapping[int, int] = {1: 2, 3: 3, 6: 4, 12: 5}
"""``Contracts.contractPeriodType`` and ``Services.periodType`` by the months of a billing period (seen live: 2 monthly,
3 quarterly, 4 half-yearly, 5 yearly).
"""
_MONTHS: Mapping[int | None, int] = {type_: months for months, type_ in PERIOD_TYPES.items()}

NEW, COMPLETE = 1, 5
"""``Tickets.status``: two that every tenant has and none can remove."""


class NotAsPublished(Exception):
    """A record is not as Autotask publishes it: a field is missing or of another type."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entity(Generic[T]):
    """How a record is asked for and read."""

    name: str
    """Autotask's name, as it stands in the URL."""
    fields: tuple[str, ...]
    """For ``IncludeFields``; ``id`` is among them, since Autotask needs it for reads of several pages. Empty: all fields."""
    parse: Callable[[Row], T]
    """Raises :class:`NotAsPublished`."""


def _whole(row: Row, name: str) -> int:
    value = row.get(name)
    if type(value) is int:  # not isinstance: True is an int
        return value
    raise _unreadable(row, name)


def _whole_or_none(row: Row, name: str) -> int | None:
    return None if row.get(name) is None else _whole(row, name)


def _flag(row: Row, name: str) -> bool:
    value = row.get(name)
    if value is None or value is True or value is False:
        return value is True
    raise _unreadable(row, name)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if type(value) is str:
        return value
    raise _unreadable(row, name)


def _money(row: Row, name: str) -> Decimal:
    value = row.get(name)
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    raise _unreadable(row, name)


def _money_or_none(row: Row, name: str) -> Decimal | None:
    return None if row.get(name) is None else _money(row, name)


def _day(row: Row, name: str) -> date:
    value = row.get(name)
    if type(value) is str:
        day = parse_day(value)
        if day is not None:
            return day
    raise _unreadable(row, name)


def _day_or_none(row: Row, name: str) -> date | None:
    return None if row.get(name) in (None, "") else _day(row, name)


_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|\+00:00)?)?")


@lru_cache(maxsize=4096)
def parse_day(text: str) -> date | None:
    """The day of ``2026-03-01`` or ``2026-03-01T00:00:00[.000][Z|+00:00]``; None for any other text.

    Autotask cuts the time off its date-only fields and never converts them, so the date is the one that is written.
    """
    match = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _unreadable(row: Row, name: str) -> NotAsPublished:
    return NotAsPublished(f"{name} is {row[name]!r:.100}" if name in row else f"{name} is missing")


def _user_defined(row: Row) -> dict[str, str]:
    """User-defined fields that are set. Where no record of an answer has any, the field is left out.

    https://autotask.net/help/DeveloperHelp/Content/APIs/REST/Entities/UserdefinedFieldsUDFs.htm
    """
    fields = row.get("userDefinedFields")
    if fields is None:
        return {}
    if not isinstance(fields, list) or not all(isinstance(one, dict) for one in fields):
        raise _unreadable(row, "userDefinedFields")
    return {_text(one, "name"): value for one in fields if (value := _value(one))}


def _value(field: Row) -> str:
    """Texts, and numbers as they are written; ``""`` when none is set."""
    value = field.get("value")
    return str(value) if type(value) in (int, Decimal) else _text(field, "value")


def _company(row: Row) -> Company:
    return Company(
        id=_whole(row, "id"),
        name=_text(row, "companyName"),
        is_active=_flag(row, "isActive"),
        number=_text(row, "companyNumber"),
        web_address=_text(row, "webAddress"),
        user_defined=_user_defined(row),
    )


def _contract(row: Row) -> Contract:
    return Contract(
        id=_whole(row, "id"),
        company_id=_whole(row, "companyID"),
        name=_text(row, "contractName"),
        number=_text(row, "contractNumber"),
        recurring=_whole(row, "contractType") == RECURRING_SERVICE,
        active=_whole(row, "status") == IN_EFFECT,
        start=_day(row, "startDate"),
        end=_day(row, "endDate"),
        months=_MONTHS.get(_whole_or_none(row, "contractPeriodType"), 1),
    )


def _service(row: Row) -> Service:
    return Service(
        id=_whole(row, "id"),
        name=_text(row, "name"),
        sku=_text(row, "sku"),
        is_active=_flag(row, "isActive"),
        months=_MONTHS.get(_whole(row, "periodType"), 1),
        unit_price=_money(row, "unitPrice"),
    )


def _contract_service(row: Row) -> ContractService:
    return ContractService(
        id=_whole(row, "id"),
        contract_id=_whole(row, "contractID"),
        service_id=_whole(row, "serviceID"),
        unit_price=_money_or_none(row, "unitPrice"),
        unit_cost=_money_or_none(row, "unitCost"),
        internal_price=_money_or_none(row, "internalCurrencyUnitPrice"),
    )


def _unit_row(row: Row) -> UnitRow:
    return UnitRow(
        _whole(row, "contractID"),
        _whole(row, "serviceID"),
        _whole(row, "contractServiceID"),
        _day(row, "startDate"),
        _day(row, "endDate"),
        _whole(row, "units"),
        _money_or_none(row, "price"),
        _day_or_none(row, "approveAndPostDate"),
    )


def _billing_item(row: Row) -> BillingItem:
    return BillingItem(
        id=_whole(row, "id"),
        company_id=_whole(row, "companyID"),
        contract_id=_whole(row, "contractID"),
        contract_service_id=_whole_or_none(row, "contractServiceID"),
        service_id=_whole_or_none(row, "serviceID"),
        adjustment_id=_whole_or_none(row, "contractServiceAdjustmentID"),
        name=_text(row, "itemName"),
        day=_day(row, "itemDate"),
        posted_on=_day(row, "postedDate"),
        quantity=_money(row, "quantity"),
        rate=_money_or_none(row, "rate"),
        amount=_money(row, "extendedPrice"),
        cost=_money_or_none(row, "ourCost"),
        is_billable=_whole_or_none(row, "nonBillable") in (None, 0),
        invoice_id=_whole_or_none(row, "invoiceID") or None,
    )


def _billing_rule(row: Row) -> BillingRule:
    return BillingRule(
        id=_whole(row, "id"),
        contract_id=_whole(row, "contractID"),
        is_active=_flag(row, "isActive"),
        description=_text(row, "invoiceDescription"),
    )


def _ticket(row: Row) -> ServiceTicket:
    return ServiceTicket(_whole(row, "id"), _text(row, "externalID"), _whole(row, "status") == COMPLETE)


def contract_fields(new: NewContract) -> dict[str, Any]:
    """A new contract in Autotask's own fields: the smallest body with which contracts were seen to be created.

    Days are ``date``. ``setupFee`` is billed once if it is not 0; ``timeReportingRequiresStartAndStopTimes`` must be a number.
    https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/ContractsEntity.htm
    """
    optional = {
        "contractCategory": new.category,
        "organizationalLevelAssociationID": new.organizational_level,
        "renewedContractID": new.renews if new.link is RenewalLink.NEW_NAMES_OLD else None,
    }
    return {
        "companyID": new.company_id,
        "contractName": new.name,
        "contractNumber": new.number,
        "contractType": RECURRING_SERVICE,
        "status": IN_EFFECT,
        "startDate": new.start,
        "endDate": new.end,
        "contractPeriodType": PERIOD_TYPES[new.months],
        "timeReportingRequiresStartAndStopTimes": 0,
        "setupFee": 0,
        **{name: value for name, value in optional.items() if value is not None},
    }


def parse_threshold(answer: Row) -> Threshold:
    """Read the answer of ``ThresholdInformation``; raises :class:`NotAsPublished`."""
    return Threshold(
        limit=_whole(answer, "externalRequestThreshold"),
        window_minutes=_whole(answer, "requestThresholdTimeframe"),
        used=_whole(answer, "currentTimeframeRequestCount"),
    )


def _time_zone(row: Row) -> str:
    """The zone of an internal location; ``""`` for a number that is not known. It is published as text, and is one."""
    value = row.get("timeZone")
    number = str(value).strip() if type(value) in (int, str) else ""
    return ZONES.get(int(number), "") if number.isascii() and number.isdigit() else ""


_LEVELS: Mapping[object, Access] = {
    "None": Access.NONE,
    "Restricted": Access.RESTRICTED,
    "All": Access.ALL,
    0: Access.NONE,
    1: Access.ALL,
    2: Access.RESTRICTED,
}
"""``userAccessFor…``: numbers by the documentation, their names as seen live."""


def parse_permissions(info: Row) -> Permissions:
    """Read ``info`` of ``entityInformation``; raises :class:`NotAsPublished`.

    What nobody can do with an entity (``canCreate`` false) no user may.
    https://autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_EntityInformationCall.htm
    """

    def access(verb: str) -> Access:
        name = f"userAccessFor{verb}"
        level = info.get(name)
        if type(level) not in (str, int) or level not in _LEVELS:
            raise _unreadable(info, name)
        return _LEVELS[level] if _flag(info, f"can{verb}") else Access.NONE

    return Permissions(read=access("Query"), create=access("Create"), change=access("Update"))


NAMES: Mapping[RecordKind, str] = {
    RecordKind.COMPANIES: "Companies",
    RecordKind.CONTRACTS: "Contracts",
    RecordKind.CONTRACT_SERVICES: "ContractServices",
    RecordKind.UNITS: "ContractServiceUnits",
    RecordKind.ADJUSTMENTS: "ContractServiceAdjustments",
    RecordKind.SERVICES: "Services",
    RecordKind.BILLING_RULES: "ContractBillingRules",
    RecordKind.BILLING_ITEMS: "BillingItems",
    RecordKind.CONTRACT_NOTES: "ContractNotes",
    RecordKind.TICKETS: "Tickets",
}
"""Autotask's names of the kinds of record."""

COMPANIES = Entity("Companies", ("id", "companyName", "isActive", "companyNumber", "webAddress"), _company)
COMPANIES_IN_FULL = Entity("Companies", (), _company)
"""With every field, since it is not known whether ``IncludeFields`` can name the user-defined ones."""
CONTRACTS = Entity(
    "Contracts",
    (
        "id",
        "companyID",
        "contractName",
        "contractType",
        "status",
        "startDate",
        "endDate",
        "contractPeriodType",
        "contractNumber",
    ),
    _contract,
)
SERVICES = Entity("Services", ("id", "name", "sku", "isActive", "periodType", "unitPrice"), _service)
SERVICE_COSTS = Entity("Services", ("id", "unitCost"), lambda row: _money_or_none(row, "unitCost"))
"""What services cost: 0 where the security level may not read costs."""
CONTRACT_SERVICES = Entity(
    "ContractServices",
    ("id", "contractID", "serviceID", "unitPrice", "unitCost", "internalCurrencyUnitPrice"),
    _contract_service,
)
UNITS = Entity(
    "ContractServiceUnits",
    (
        "id",
        "contractID",
        "serviceID",
        "contractServiceID",
        "startDate",
        "endDate",
        "units",
        "price",
        "approveAndPostDate",
    ),
    _unit_row,
)
BILLING_ITEMS = Entity(
    "BillingItems",
    (
        "id",
        "companyID",
        "contractID",
        "contractServiceID",
        "serviceID",
        "contractServiceAdjustmentID",
        "itemName",
        "itemDate",
        "postedDate",
        "quantity",
        "rate",
        "extendedPrice",
        "ourCost",
        "nonBillable",
        "invoiceID",
    ),
    _billing_item,
)
BILLING_RULES = Entity(
    "ContractBillingRules", ("id", "contractID", "isActive", "invoiceDescription"), _billing_rule
)
LOCATIONS = Entity("InternalLocations", ("id", "isDefault", "timeZone"), _time_zone)
NOTES = Entity("ContractNotes", ("id", "contractID", "title"), lambda row: _text(row, "title"))
TICKETS = Entity("Tickets", ("id", "companyID", "externalID", "status"), _ticket)
