"""The model of a tenant: companies, contracts, service lines and the unit rows that follow from their adjustments.

Nothing here reads a clock, a file or a random number: the instant is ``Model.now_ms`` and every id comes from a counter in
the state, so one sequence of requests always gives one sequence of answers.

What is stored are *events* (line, day, change of units, price, cost). The rows of ``ContractServiceUnits`` are derived:
the periods of the contract, counted from its start day, cut again wherever an event lies inside a period.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from local.autotask.schema import ENTITIES, PERIOD_TYPES, PICKLISTS, RECURRING_SERVICE, Entity, Values
from local.autotask.switches import Switches
from local.autotask.values import (
    MONEY_SCALE,
    cents,
    day_ms,
    day_text,
    local_day,
    ms_day,
    period_starts,
    share,
)

OUTSIDE_CONTRACT = (
    "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract "
    "referenced by contractID."
)
"""Exact text, observed live by others."""

DUPLICATE_PERIOD = "Attempt to insert duplicate data into contract_service_period"
"""Observed live by others, abridged by them."""

NEGATIVE_UNITS = "ContractServiceAdjustment unitChange would result in a negative number of units."
"""Only the word "negative" was observed; the rest of the wording is invented."""

POSTED_PERIOD = (
    "Unable to make changes as it would result in the deletion/modification of an already approved and posted "
    "contract period"
)
"""The text of the web page for the same act; what the API says is unknown."""

NOT_RECURRING = "ContractServiceAdjustments can only be created for Contracts of type Recurring Service."
"""The rule is documented, the wording is invented."""

CONTRACT_INACTIVE = "The Contract referenced by contractID is inactive."
"""Invented wording for the switch ``inactive_contract = refuse``."""

REPEATED_SERVICE = "The service already exists on the Contract."
"""Invented wording for the switch ``repeat_line = refuse``."""

START_LOCKED = "Contract startDate cannot be changed once the Contract has services."
"""The rule is documented for the web pages (KB360046864511); invented wording."""

PERIOD_ITEM, ADJUSTMENT_ITEM, CHARGE_ITEM = 6, 7, 4
"""billingItemType: 6 and 7 are seen in metadata for recurring services, which is which is inferred; 4 is a guess."""

API_RESOURCE = 4
"""Resource id that the API user leaves in creatorResourceID (any number)."""

PERSON_RESOURCE = 29682885
"""Resource id of the person who edits in Autotask's pages (any number)."""


class Refused(Exception):
    """Autotask refuses the request: HTTP 500 with these texts in ``errors``."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


def bad_reference(name: str, kind: str) -> Refused:
    """The observed error for a reference to something that does not exist."""
    return Refused(f"Reference value on field: {name} of type: {kind} does not exist or is invalid.")


class Record:
    """A record as the API can return it, with its JSON text kept once it was written out."""

    __slots__ = ("id", "subsets", "text", "values")

    def __init__(self, values: Values) -> None:
        self.id: int = values["id"]
        self.values = values
        self.text: str | None = None
        self.subsets: dict[tuple[str, ...], str] | None = None


@dataclass(slots=True)
class Event:
    """One adjustment of a line."""

    number: int
    """The adjustment's id. The API does not give it; it appears in ``BillingItems`` only."""
    day: int
    delta: int
    price: int | None
    cost: int | None
    source: str
    """``seed`` (how the line began), ``api`` or ``person``."""
    posted: bool = False


class Line:
    """A service line (ContractService) with its events."""

    __slots__ = (
        "_by_days",
        "_record",
        "_record_key",
        "_rows",
        "_steps",
        "contract",
        "cost",
        "events",
        "id",
        "internal_description",
        "invoice_description",
        "posted",
        "price",
        "quote_item_id",
        "service",
    )

    def __init__(self, contract: Contract, line_id: int, service: Values, price: int, cost: int) -> None:
        self.contract = contract
        self.id = line_id
        self.service = service
        self.price = price
        self.cost = cost
        self.internal_description: str | None = None
        self.invoice_description: str | None = service["invoiceDescription"]
        self.quote_item_id: int | None = None
        self.events: list[Event] = []
        self.posted: dict[int, int] = {}
        """First day of each approved-and-posted period → instant of posting."""
        self._rows: list[Record] | None = None
        self._by_days: dict[tuple[int, int], Record] = {}
        self._steps: tuple[list[int], list[int]] | None = None
        self._record: Record | None = None
        self._record_key: tuple[int, int, bool] | None = None

    def changed(self) -> None:
        """Forget what was derived."""
        self._rows = None
        self._steps = None
        self._record_key = None

    def steps(self) -> tuple[list[int], list[int]]:
        """Days on which the quantity changes, and the quantity from each of them on."""
        if self._steps is None:
            days: list[int] = []
            units: list[int] = []
            total = 0
            for event in self.events:
                total += event.delta
                if days and days[-1] == event.day:
                    units[-1] = total
                else:
                    days.append(event.day)
                    units.append(total)
            self._steps = days, units
        return self._steps

    def units_on(self, day: int) -> int:
        """The quantity in force on a day; 0 outside the contract's days."""
        if not self.contract.start <= day <= self.contract.end:
            return 0
        days, units = self.steps()
        index = bisect_right(days, day) - 1
        return units[index] if index >= 0 else 0

    def price_on(self, day: int) -> tuple[int, int]:
        """Unit price and unit cost in force on a day."""
        price, cost = self.price, self.cost
        for event in self.events:
            if event.day > day:
                break
            if event.price is not None:
                price = event.price
            if event.cost is not None:
                cost = event.cost
        return price, cost

    def is_posted(self, day: int) -> bool:
        """Whether the day lies in an approved-and-posted period of this line."""
        starts = self.contract.starts
        index = bisect_right(starts, day) - 1
        return index >= 0 and starts[index] in self.posted

    def record(self, today: int, cost_visible: bool) -> Record:
        """The line as ContractServices shows it: its unit price is the one in force today."""
        price, cost = self.price_on(today)
        key = (price, cost, cost_visible)
        if self._record is None or self._record_key != key:
            self._record_key = key
            self._record = Record(
                {
                    "id": self.id,
                    "contractID": self.contract.id,
                    "internalCurrencyAdjustedPrice": price,
                    "internalCurrencyUnitPrice": price,
                    "internalDescription": self.internal_description,
                    "invoiceDescription": self.invoice_description,
                    "quoteItemID": self.quote_item_id,
                    "serviceID": self.service["id"],
                    "unitCost": cost if cost_visible else 0,
                    "unitPrice": price,
                }
            )
        return self._record

    def rows(self) -> list[Record]:
        """The unit rows, oldest first. A row whose days did not change keeps its id; a split row gets new ones."""
        if self._rows is None:
            self._rows = self._derive()
        return self._rows

    def _derive(self) -> list[Record]:
        events = self.events
        contract = self.contract
        if not events or contract.start > contract.end:
            self._by_days = {}
            return []
        model = contract.model
        switches = model.switches
        prorated = switches.split_row_price == "prorated"
        keep_zero = switches.zero_quantity == "row"
        cost_visible = switches.cost_visible
        starts, last_day = contract.starts, contract.end
        contract_id, line_id, service_id = contract.id, self.id, self.service["id"]
        vendor, level = self.service["vendorCompanyID"], contract.values["organizationalLevelAssociationID"]
        old_rows = self._by_days
        new_rows: dict[tuple[int, int], Record] = {}
        count, index, units, price, cost = len(events), 0, 0, self.price, self.cost
        first = max(events[0].day, contract.start)
        period = bisect_right(starts, first) - 1
        while starts[period] <= last_day:
            period_start, next_start = starts[period], starts[period + 1]
            period_end = min(next_start - 1, last_day)
            length = next_start - period_start
            posted_ms = self.posted.get(period_start)
            start = max(period_start, first)
            while True:
                while index < count and events[index].day <= start:
                    event = events[index]
                    units += event.delta
                    if event.price is not None:
                        price = event.price
                    if event.cost is not None:
                        cost = event.cost
                    if not event.posted and event.day >= period_start:
                        posted_ms = None
                    index += 1
                end = (
                    period_end if index >= count or events[index].day > period_end else events[index].day - 1
                )
                if units or keep_zero:
                    part = end - start + 1
                    full = part == length or not prorated
                    total = units * price
                    if not full:
                        total = share(total, part, length)
                    total_cost = 0
                    if cost_visible:
                        total_cost = units * cost if full else share(units * cost, part, length)
                    row = old_rows.get((start, end))
                    old = row.values if row is not None else None
                    if (
                        row is None
                        or old is None
                        or old["units"] != units
                        or old["price"] != total
                        or old["cost"] != total_cost
                        or old["approveAndPostDate"] != posted_ms
                        or old["organizationalLevelAssociationID"] != level
                    ):
                        row_id = model.next_id("ContractServiceUnits") if old is None else old["id"]
                        row = Record(
                            {
                                "id": row_id,
                                "approveAndPostDate": posted_ms,
                                "contractID": contract_id,
                                "contractServiceID": line_id,
                                "cost": total_cost,
                                "endDate": day_ms(end),
                                "internalCurrencyPrice": total,
                                "organizationalLevelAssociationID": level,
                                "price": total,
                                "serviceID": service_id,
                                "startDate": day_ms(start),
                                "units": units,
                                "vendorCompanyID": vendor,
                            }
                        )
                    new_rows[start, end] = row
                if end == period_end:
                    break
                start = end + 1
            period += 1
        self._by_days = new_rows
        return list(new_rows.values())


class Contract:
    """A contract, its lines and what a stale read of it still shows."""

    __slots__ = (
        "_rows",
        "before_lines",
        "before_rows",
        "end",
        "id",
        "lines",
        "model",
        "record",
        "stale_left",
        "start",
        "starts",
    )

    def __init__(self, model: Model, record: Record) -> None:
        self.model = model
        self.lines: dict[int, Line] = {}
        self.record = record
        self.id: int = record.values["id"]
        self.start = 0
        self.end = 0
        self.starts: tuple[int, ...] = ()
        self._rows: list[Record] | None = None
        self.before_lines: list[Record] | None = None
        self.before_rows: list[Record] | None = None
        self.stale_left = 0
        self.replace(record)

    @property
    def values(self) -> Values:
        """The contract's fields."""
        return self.record.values

    def replace(self, record: Record) -> None:
        """Take new field values and forget what was derived from the old ones."""
        self.record = record
        values = record.values
        self.start, self.end = ms_day(values["startDate"]), ms_day(values["endDate"])
        months = PERIOD_TYPES.get(values["contractPeriodType"] or 2, ("", 1))[1]
        self.starts = period_starts(self.start, self.end, months) if self.start <= self.end else ()
        for line in self.lines.values():
            line.changed()
        self._rows = None

    def changed(self) -> None:
        """Forget the merged rows, after a line has changed."""
        self._rows = None

    def forget(self) -> None:
        """Forget everything derived, because a switch changed."""
        for line in self.lines.values():
            line.changed()
        self._rows = None

    def rows(self) -> list[Record]:
        """The unit rows of all lines, by ascending id."""
        if self._rows is None:
            merged = [row for line in self.lines.values() for row in line.rows()]
            merged.sort(key=BY_ID)
            self._rows = merged
        return self._rows

    def line_records(self) -> list[Record]:
        """The lines as ContractServices shows them today."""
        model = self.model
        today, visible = model.today(), model.switches.cost_visible
        return [line.record(today, visible) for line in self.lines.values()]

    def remember(self) -> None:
        """Keep the state before a write, for reads that are stale."""
        self.before_lines = self.line_records()
        self.before_rows = self.rows()
        self.stale_left = self.model.switches.stale_reads


BY_ID = attrgetter("id")
"""Sort key of answers."""

_FIRST_IDS = {
    "Companies": 601,
    "Contracts": 29683950,
    "ContractServices": 1301,
    "ContractServiceUnits": 50001,
    "ContractServiceAdjustments": 9001,
    "ContractNotes": 30001,
    "ContractBillingRules": 301,
    "Services": 201,
    "BillingItems": 26040,
    "BillingCodes": 29683503,
    "InternalLocations": 2,
    "Tickets": 29800,
    "TicketNotes": 40001,
}


@dataclass
class Model:
    """The whole state of one tenant."""

    switches: Switches = field(default_factory=Switches)
    now_ms: int = 0
    """The instant, set from outside. Milliseconds since 1970-01-01T00:00:00Z."""
    revision: int = 0
    """Counts the writes that took effect."""

    def __post_init__(self) -> None:
        self.tables: dict[str, dict[int, Record]] = {
            one.name: {}
            for one in ENTITIES.values()
            if one.name
            not in ("Contracts", "ContractServices", "ContractServiceUnits", "ContractServiceAdjustments")
        }
        self.contracts: dict[int, Contract] = {}
        self.lines: dict[int, Line] = {}
        self.udfs: dict[str, list[str]] = {}
        """Names of the user-defined fields by entity."""
        self._next = dict(_FIRST_IDS)

    # -- ids, days ------------------------------------------------------------------------------------------------

    def next_id(self, name: str) -> int:
        """The next id of an entity."""
        number = self._next[name]
        self._next[name] = number + 1
        return number

    def reserve_id(self, name: str, number: int) -> None:
        """Make sure that later ids of the entity are greater than one that a scenario chose."""
        if number >= self._next[name]:
            self._next[name] = number + 1

    def today(self) -> int:
        """The day in the tenant's zone."""
        return local_day(self.now_ms, self.switches.tenant_zone)

    def forget(self) -> None:
        """Forget everything derived, because a switch changed."""
        for contract in self.contracts.values():
            contract.forget()

    # -- plain records --------------------------------------------------------------------------------------------

    def add(self, entity: Entity, values: Mapping[str, Any]) -> int:
        """Put a record in as it is, with or without an id; no rule is applied."""
        full = entity.blank()
        full.update(values)
        number = full["id"]
        if number is None:
            number = full["id"] = self.next_id(entity.name)
        else:
            self.reserve_id(entity.name, number)
        if entity.has_udf:
            udf: dict[str, str | None] = dict.fromkeys(self.udfs.get(entity.name, ()))
            udf.update(full["userDefinedFields"] or {})
            full["userDefinedFields"] = udf
        record = Record(full)
        if entity.name == "Contracts":
            self.contracts[number] = Contract(self, record)
        else:
            self.tables[entity.name][number] = record
        return int(number)

    def create(self, entity: Entity, given: Mapping[str, Any]) -> int:
        """Create a record as the API does: required fields, references, defaults, creation times."""
        for one in entity.fields.values():
            if one.required and given.get(one.name) is None:
                raise Refused(f"Missing Required Field: {one.name}.")
        values = {key: value for key, value in given.items() if not entity.fields[key].read_only}
        self._check(entity, values)
        for name in (
            "createDate",
            "createDateTime",
            "lastActivityDate",
            "lastModifiedDate",
            "lastModifiedDateTime",
        ):
            if name in entity.fields:
                values[name] = self.now_ms
        if "creatorResourceID" in entity.fields:
            values["creatorResourceID"] = API_RESOURCE
        if entity.name == "Contracts":
            for name, default in _CONTRACT_DEFAULTS.items():
                if values.get(name) is None:
                    values[name] = default
        number = self.add(entity, values)
        if entity.name == "Tickets":
            day = day_text(self.today()).replace("-", "")
            self.tables["Tickets"][number].values["ticketNumber"] = f"T{day}.{number % 10_000:04d}"
        self.revision += 1
        return number

    def update(self, entity: Entity, number: int, given: Mapping[str, Any], full: bool) -> None:
        """PATCH (only what was sent) or PUT (``full``: writable fields that were not sent become null)."""
        if entity.name == "Contracts":
            contract = self.contracts.get(number)
            current = contract.record if contract else None
        else:
            contract = None
            current = self.tables[entity.name].get(number)
        if current is None:
            raise bad_reference("id", entity.singular)
        values = dict(current.values)
        changes: Values = {}
        for one in entity.fields.values():
            if one.read_only or one.name == "id" or one.kind == "udf":
                continue
            if one.name in given:
                value = given[one.name]
            elif full and not one.create_only:
                value = None
            else:
                continue
            if one.create_only and value != values[one.name]:
                raise Refused(f"{one.name} is a read-only field and cannot be changed.")
            if one.required and value is None:
                raise Refused(f"Missing Required Field: {one.name}.")
            changes[one.name] = value
        sent_udf = {"userDefinedFields": given.get("userDefinedFields")}
        self._check(entity, {**values, **changes, **sent_udf}, changes)
        values.update(changes)
        if given.get("userDefinedFields"):
            values["userDefinedFields"] = {**values["userDefinedFields"], **given["userDefinedFields"]}
        for name in (
            "lastActivityDate",
            "lastModifiedDate",
            "lastModifiedDateTime",
            "lastTrackedModificationDateTime",
        ):
            if name in entity.fields:
                values[name] = self.now_ms
        if contract is not None:
            self._replace_contract(contract, values, force=False)
        else:
            self.tables[entity.name][number] = Record(values)
        self.revision += 1

    def _check(
        self, entity: Entity, values: Mapping[str, Any], changes: Mapping[str, Any] | None = None
    ) -> None:
        touched = values if changes is None else changes
        for name, value in touched.items():
            picks = PICKLISTS.get((entity.name, name))
            if picks and value is not None and str(value) not in [pick[0] for pick in picks]:
                raise Refused(f"Picklist value [{value}] does not exist for {name}.")
        company = touched.get("companyID")
        if company is not None and company not in self.tables["Companies"]:
            raise bad_reference("companyID", "Company")
        parent = touched.get("contractID")
        if parent is not None and parent not in self.contracts:
            raise bad_reference("contractID", "Contract")
        if entity.name == "Contracts":
            if values["startDate"] > values["endDate"]:
                raise Refused("Contract endDate must be on or after the startDate.")
            if values["contractType"] == RECURRING_SERVICE and values.get("contractPeriodType") is None:
                raise Refused("Missing Required Field: contractPeriodType.")
        names = values.get("userDefinedFields") if entity.has_udf else None
        for name in names or ():
            if name not in self.udfs.get(entity.name, ()):
                raise Refused(f"Unable to find {name} in the {entity.singular} Entity")

    # -- contracts ------------------------------------------------------------------------------------------------

    def _replace_contract(self, contract: Contract, values: Values, force: bool) -> None:
        start, end = ms_day(values["startDate"]), ms_day(values["endDate"])
        if not force and contract.lines and start != contract.start:
            raise Refused(START_LOCKED)
        if end < contract.end and not force:
            for line in contract.lines.values():
                for index, first in enumerate(contract.starts[:-1]):
                    if first in line.posted and min(contract.starts[index + 1] - 1, contract.end) > end:
                        raise Refused(POSTED_PERIOD)
        contract.remember()
        if end < contract.end:
            for line in list(contract.lines.values()):
                kept = [event for event in line.events if event.day <= end]
                if line.events and not kept:
                    self._drop_line(line)
                else:
                    line.events = kept
                    line.posted = {first: at for first, at in line.posted.items() if first <= end}
        if end > contract.end and self.switches.extended_periods == "empty":
            for line in contract.lines.values():
                units = line.units_on(contract.end)
                if units:
                    self._insert(line, contract.end + 1, -units, None, None, "seed")
        contract.replace(Record(values))

    def _drop_line(self, line: Line) -> None:
        del line.contract.lines[line.id]
        del self.lines[line.id]
        line.contract.changed()

    def edit_contract(self, contract_id: int, changes: Mapping[str, Any]) -> None:
        """A person changes a contract's fields in the database's own way: no rule refuses it."""
        contract = self.contracts[contract_id]
        values = {**contract.values, **changes, "lastModifiedDateTime": self.now_ms}
        self._replace_contract(contract, values, force=True)
        self.revision += 1

    def add_line(
        self,
        contract_id: int,
        service_id: int,
        *,
        line_id: int | None = None,
        price: int | None = None,
        cost: int | None = None,
    ) -> Line:
        """Put a line on a contract; it has no units until an adjustment gives it some."""
        contract, service = self.contracts[contract_id], self.tables["Services"][service_id].values
        if line_id is None:
            line_id = self.next_id("ContractServices")
        else:
            self.reserve_id("ContractServices", line_id)
        line = Line(
            contract,
            line_id,
            service,
            price if price is not None else service["unitPrice"] or 0,
            cost if cost is not None else service["unitCost"] or 0,
        )
        contract.lines[line_id] = line
        self.lines[line_id] = line
        contract.changed()
        return line

    def create_line(self, given: Mapping[str, Any]) -> int:
        """POST /Contracts/{id}/Services: the line only, "the units stay empty until an adjustment supplies them"."""
        for name in ("contractID", "serviceID"):
            if given.get(name) is None:
                raise Refused(f"Missing Required Field: {name}.")
        contract = self._contract(given["contractID"])
        if given["serviceID"] not in self.tables["Services"]:
            raise bad_reference("serviceID", "Service")
        if contract.values["contractType"] != RECURRING_SERVICE:
            raise Refused(NOT_RECURRING)
        if self.switches.repeat_line == "refuse" and self._lines_of(contract, given["serviceID"]):
            raise Refused(REPEATED_SERVICE)
        contract.remember()
        line = self.add_line(contract.id, given["serviceID"], cost=given.get("unitCost"))
        line.internal_description = given.get("internalDescription")
        line.invoice_description = given.get("invoiceDescription") or line.invoice_description
        line.quote_item_id = given.get("quoteItemID")
        self._note(contract, line, "added", API_RESOURCE)
        self.revision += 1
        return line.id

    def update_line(self, line_id: int, given: Mapping[str, Any]) -> None:
        """PATCH /Contracts/{id}/Services: only the descriptions can change."""
        line = self.lines.get(line_id)
        if line is None:
            raise bad_reference("id", "ContractService")
        line.contract.remember()
        if "internalDescription" in given:
            line.internal_description = given["internalDescription"]
        if "invoiceDescription" in given:
            line.invoice_description = given["invoiceDescription"]
        line.changed()
        self.revision += 1

    def remove_line(self, line_id: int) -> None:
        """A person removes a line in Autotask's pages (the API has no delete)."""
        line = self.lines[line_id]
        line.contract.remember()
        self._drop_line(line)
        self._note(line.contract, line, "removed", PERSON_RESOURCE)
        self.revision += 1

    def _contract(self, contract_id: int) -> Contract:
        contract = self.contracts.get(contract_id)
        if contract is None or contract_id in self.switches.hidden_contracts:
            raise bad_reference("contractID", "Contract")
        return contract

    @staticmethod
    def _lines_of(contract: Contract, service_id: int) -> list[Line]:
        return [line for line in contract.lines.values() if line.service["id"] == service_id]

    # -- adjustments ----------------------------------------------------------------------------------------------

    def adjust(
        self,
        *,
        day: int,
        delta: int,
        contract_id: int | None = None,
        line_id: int | None = None,
        service_id: int | None = None,
        price: int | None = None,
        cost: int | None = None,
        allow_repeat: bool = False,
    ) -> tuple[Event, Line]:
        """POST ContractServiceAdjustments: check every rule, then change the line (and create it when it is missing).

        With ``service_id`` alone and two lines of that service the choice is undefined; here it is the older line.
        """
        switches = self.switches
        line: Line | None = None
        new_service = 0
        if line_id is not None:
            line = self.lines.get(line_id)
            if line is None or line.contract.id in switches.hidden_contracts:
                raise bad_reference("contractServiceID", "ContractService")
            if contract_id is not None and contract_id != line.contract.id:
                self._contract(contract_id)
                raise bad_reference("contractServiceID", "ContractService")
            if service_id is not None and service_id != line.service["id"]:
                raise bad_reference("serviceID", "Service")
            contract = line.contract
        else:
            if contract_id is None:
                raise Refused("Missing Required Field: contractID.")
            contract = self._contract(contract_id)
            if service_id is None:
                raise Refused("Missing Required Field: serviceID.")
            if service_id not in self.tables["Services"]:
                raise bad_reference("serviceID", "Service")
            new_service = service_id
            if not allow_repeat:
                line = next(iter(self._lines_of(contract, service_id)), None)
        if contract.values["contractType"] != RECURRING_SERVICE:
            raise Refused(NOT_RECURRING)
        if contract.values["status"] != 1 and switches.inactive_contract == "refuse":
            raise Refused(CONTRACT_INACTIVE)
        if not contract.start <= day <= contract.end:
            raise Refused(OUTSIDE_CONTRACT)
        events = line.events if line else []
        same_day = [
            event
            for event in events
            if event.day == day
            and event.source != "seed"
            and (event.delta != 0 or switches.same_day_price_only == "counts")
        ]
        if line is not None and switches.posted_period == "refuse" and line.is_posted(day):
            raise Refused(POSTED_PERIOD)
        if same_day and switches.same_day == "refuse":
            raise Refused(DUPLICATE_PERIOD)
        if switches.same_day == "override":
            kept = [event for event in events if event not in same_day] if same_day else events
            for event in same_day:
                price = event.price if price is None else price
                cost = event.cost if cost is None else cost
        else:
            kept = events
        self._check_not_negative(kept, day, delta, replaced=kept is not events)
        contract.remember()
        if line is None:
            line = self.add_line(contract.id, new_service, price=price, cost=cost)
        line.events = kept if kept is not events else line.events
        event = self._insert(line, day, delta, price, cost, "api")
        self._note(contract, line, f"units {delta:+d} from {day_text(day)}", API_RESOURCE)
        if switches.contract_modified:
            contract.values["lastModifiedDateTime"] = self.now_ms
            contract.record.text = contract.record.subsets = None
        self.revision += 1
        return event, line

    @staticmethod
    def _check_not_negative(events: Iterable[Event], day: int, delta: int, replaced: bool = False) -> None:
        """The quantity must not fall below zero on the day or on any later one."""
        if delta >= 0 and not replaced:
            return
        total, lowest, last_day = 0, None, day
        for event in events:
            if event.day > last_day:  # Judge whole days: what happens within one never shows.
                lowest = total if lowest is None or total < lowest else lowest
                last_day = event.day
            total += event.delta
        lowest = total if lowest is None or total < lowest else lowest
        if lowest + delta < 0:
            raise Refused(NEGATIVE_UNITS)

    def _insert(
        self, line: Line, day: int, delta: int, price: int | None, cost: int | None, source: str
    ) -> Event:
        event = Event(self.next_id("ContractServiceAdjustments"), day, delta, price, cost, source)
        events = line.events
        index = len(events)
        while index and events[index - 1].day > day:
            index -= 1
        events.insert(index, event)
        line.changed()
        line.contract.changed()
        return event

    def seed(self, line_id: int, day: int, units: int) -> Event:
        """How a line began: its first quantity, which is no adjustment that a later one could collide with."""
        return self._insert(self.lines[line_id], day, units, None, None, "seed")

    def person_adjusts(
        self, line_id: int, day: int, delta: int, price: int | None = None, cost: int | None = None
    ) -> Event:
        """A person adjusts a line in Autotask's pages; refused only if the units would fall below zero."""
        line = self.lines[line_id]
        self._check_not_negative(line.events, day, delta)
        line.contract.remember()
        event = self._insert(line, day, delta, price, cost, "person")
        self._note(line.contract, line, f"units {delta:+d} from {day_text(day)}", PERSON_RESOURCE)
        self.revision += 1
        return event

    def _note(self, contract: Contract, line: Line, what: str, author: int) -> None:
        """Every change of services writes a contract note (documented; its wording is unknown)."""
        if author == API_RESOURCE and self.switches.own_notes == "people":
            return
        entity = ENTITIES["contractnotes"]
        name = line.service["name"]
        values = entity.blank()
        values.update(
            id=self.next_id("ContractNotes"),
            contractID=contract.id,
            createDateTime=self.now_ms,
            creatorResourceID=author,
            description=f"{name}: {what}.",
            lastActivityDate=self.now_ms,
            title="Contract service changed",
        )
        self.tables["ContractNotes"][values["id"]] = Record(values)

    # -- approve and post -----------------------------------------------------------------------------------------

    def approve_and_post(self, contract_id: int, through: int) -> list[int]:
        """A person approves and posts everything of a contract that is dated up to a day; gives the BillingItems' ids.

        A period posts on its first day, with the quantity held then. An adjustment inside a period posts as an item of its
        own, prorated by days; one that came after the posting of later periods posts once for each of them.
        The proration formula is not published: inclusive days of the part ÷ inclusive days of the period (inferred).
        """
        contract = self.contracts[contract_id]
        contract.remember()
        made: list[int] = []
        for line in contract.lines.values():
            if line.events:
                made += self._post_line(contract, line, through)
        contract.changed()
        self.revision += 1
        return made

    def _post_line(self, contract: Contract, line: Line, through: int) -> list[int]:
        made: list[int] = []
        row_ids = {ms_day(row.values["startDate"]): row.values["id"] for row in line.rows()}
        posted_before = set(line.posted)
        first = line.events[0].day
        periods = [
            (start, contract.starts[index + 1], min(contract.starts[index + 1] - 1, contract.end))
            for index, start in enumerate(contract.starts[:-1])
            if (start <= through or start in posted_before)
            and min(contract.starts[index + 1] - 1, contract.end) >= first
        ]
        for start, following, end in periods:
            units, price, cost = 0, line.price, line.cost
            opening = 0
            items: list[tuple[Event, int]] = []
            for event in line.events:
                if event.day > end:
                    break
                value = units * price
                units += event.delta
                price = event.price if event.price is not None else price
                cost = event.cost if event.cost is not None else cost
                inside = event.day > start
                if not inside:
                    opening = units
                if event.posted or event.day > through:
                    continue
                if inside or start in posted_before:
                    change = units * price - value
                    part = end - max(event.day, start) + 1
                    items.append((event, share(change, part, following - start)))
            opening_price, opening_cost = line.price_on(start)
            if start not in posted_before and opening and first <= start:
                total = share(opening * opening_price, end - start + 1, following - start)
                total_cost = share(opening * opening_cost, end - start + 1, following - start)
                made.append(
                    self._bill(
                        line,
                        PERIOD_ITEM,
                        start,
                        opening,
                        opening_price,
                        total,
                        total_cost,
                        row_ids.get(start),
                    )
                )
            for event, total in items:
                if total or event.delta:
                    rate, unit_cost = line.price_on(max(event.day, start))
                    part = end - max(event.day, start) + 1
                    total_cost = share(event.delta * unit_cost, part, following - start)
                    day = max(event.day, start)
                    made.append(
                        self._bill(
                            line,
                            ADJUSTMENT_ITEM,
                            day,
                            event.delta,
                            rate,
                            total,
                            total_cost,
                            row_ids.get(start) if self.switches.adjustment_period == "set" else None,
                            event.number,
                        )
                    )
            line.posted.setdefault(start, self.now_ms)
        for event in line.events:
            if event.day <= through:
                event.posted = True
        line.changed()
        return made

    def _bill(
        self,
        line: Line,
        kind: int,
        day: int,
        quantity: int,
        rate: int,
        total: int,
        cost: int,
        period_id: int | None,
        adjustment_id: int | None = None,
    ) -> int:
        values = line.contract.values
        if self.switches.posted_decimals == "2":
            total, cost = cents(total), cents(cost)
        return self.add(
            ENTITIES["billingitems"],
            {
                "billingCodeID": line.service["billingCodeID"],
                "billingItemType": kind,
                "companyID": values["companyID"],
                "contractID": line.contract.id,
                "contractServiceAdjustmentID": adjustment_id,
                "contractServiceID": line.id,
                "contractServicePeriodID": period_id,
                "description": line.invoice_description,
                "extendedPrice": total,
                "internalCurrencyExtendedPrice": total,
                "internalCurrencyRate": rate,
                "internalCurrencyTaxDollars": 0,
                "internalCurrencyTotalAmount": total,
                "invoiceID": 0,
                "itemApproverID": PERSON_RESOURCE,
                "itemDate": day_ms(day),
                "itemName": line.service["name"],
                "nonBillable": 0,
                "organizationalLevelAssociationID": values["organizationalLevelAssociationID"],
                "ourCost": cost if self.switches.cost_visible else 0,
                "postedDate": day_ms(self.today()),
                "postedOnTime": self.now_ms,
                "purchaseOrderNumber": "",
                "quantity": quantity * MONEY_SCALE,
                "rate": rate,
                "serviceID": line.service["id"],
                "sortOrderID": 0,
                "taxDollars": 0,
                "totalAmount": total,
                "vendorID": line.service["vendorCompanyID"],
            },
        )

    def person_bills(self, contract_id: int, day: int, name: str, quantity: int, rate: int) -> int:
        """A person bills something on a contract that no line accounts for (a credit has a negative quantity); gives its id."""
        contract = self.contracts[contract_id]
        total = quantity * rate // MONEY_SCALE
        return self.add(
            ENTITIES["billingitems"],
            {
                "billingItemType": CHARGE_ITEM,
                "companyID": contract.values["companyID"],
                "contractID": contract_id,
                "extendedPrice": total,
                "invoiceID": 0,
                "itemApproverID": PERSON_RESOURCE,
                "itemDate": day_ms(day),
                "itemName": name,
                "nonBillable": 0,
                "ourCost": 0,
                "postedDate": day_ms(self.today()),
                "postedOnTime": self.now_ms,
                "quantity": quantity,
                "rate": rate,
                "totalAmount": total,
            },
        )

    # -- ground truth ---------------------------------------------------------------------------------------------

    def units_on(self, line_id: int, day: int) -> int:
        """What a line truly holds on a day; 0 for a line that does not exist."""
        line = self.lines.get(line_id)
        return line.units_on(day) if line else 0

    def timeline(
        self, line_id: int, first: int | None = None, last: int | None = None
    ) -> list[tuple[int, int]]:
        """Steps (day, units from that day on) of a line, cut to a range of days, starting with the first day of the range."""
        line = self.lines[line_id]
        first = line.contract.start if first is None else first
        last = line.contract.end if last is None else last
        steps = [(first, line.units_on(first))]
        days, _ = line.steps()
        ends = [line.contract.start, line.contract.end + 1]
        for day in sorted({*days, *ends}):
            if first < day <= last:
                units = line.units_on(day)
                if units != steps[-1][1]:
                    steps.append((day, units))
        return steps

    def find_line(self, contract_id: int, service_id: int) -> Line | None:
        """The oldest line of a service on a contract."""
        contract = self.contracts.get(contract_id)
        return next(iter(self._lines_of(contract, service_id)), None) if contract else None


_CONTRACT_DEFAULTS: Values = {
    "billingPreference": 2,
    "isCompliant": True,
    "isDefaultContract": False,
    "purchaseOrderNumber": "",
    "estimatedCost": 0,
    "estimatedHours": 0,
    "estimatedRevenue": 0,
    "setupFee": 0,
    "internalCurrencySetupFee": 0,
}
