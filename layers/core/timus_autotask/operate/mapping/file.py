"""The file of mappings: what ``map export`` writes and ``map import`` reads, one row for each choice that a person has made.

What a row is follows from its cells: a customer's contract, a customer's company alone, a customer's own service for a SKU, the
service (and family) of a SKU for everybody, the contract service of a service that is on a contract more than once, or that nothing of a
customer or a SKU is billed. The rows of a customer, and those of a SKU, belong together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from unicodedata import category

from timus_autotask.domain.mapping import CustomerMapping, Ignored, LineChoice, LineKey, PlanMapping, Route
from timus_autotask.operate.files.tables import (
    DAY,
    TEXT,
    CellType,
    Column,
    Problem,
    Row,
    as_csv,
    code,
    for_json,
    one_of,
    read_each,
    whole,
)
from timus_autotask.operate.mapping.family import ADD_ON, shown
from timus_autotask.operate.mapping.first_day import FOLLOWS, FirstDay
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.refusal import Way
from timus_autotask.timus.events import LARGEST_QUANTITY, valid_identifier, valid_sku
from timus_autotask.watch.names import Directory

WITHIN = "mappings"
"""The field of a JSON file that has the rows."""
ALWAYS = "always"
LARGEST_ID = 2**53 - 1


def _first_day(parse: Any) -> Any:
    def of(value: Any) -> FirstDay:
        if value == ALWAYS:
            return FirstDay(None, follows=False)
        try:
            return FirstDay(parse(value), follows=False)
        except ValueError:
            raise ValueError("must be a day as in 2026-03-15, or always") from None

    return of


def _instant(value: Any) -> datetime:
    with suppress(TypeError, ValueError):
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return found
    raise ValueError("must be a time as in 2026-03-15T09:12:44+00:00")


_ID = whole(1, LARGEST_ID)
COLUMNS = (
    Column("customer_id", code(valid_identifier)),
    Column("customer_name", TEXT),
    Column("company_id", _ID),
    Column("company_name", TEXT),
    Column("contract_id", _ID),
    Column("contract_name", TEXT),
    Column("sku", code(valid_sku)),
    Column("units", whole(1, LARGEST_QUANTITY)),
    Column("service_id", _ID),
    Column("service_name", TEXT),
    Column("contract_service_id", _ID),
    Column("first_day", CellType(_first_day(DAY.parse), _first_day(DAY.of_json)), aliases=("from",)),
    Column("bill_from", one_of(*BillFrom)),
    Column("share", one_of("yes", "no")),
    Column("family", TEXT),
    Column("matched", one_of("yes", "no")),
    Column("ignored", TEXT),
    Column("ignored_by", TEXT),
    Column("ignored_at", CellType(_instant, _instant)),
)
"""docs/command.md says what each is when it is left out."""


class What(StrEnum):
    """What a row chooses."""

    CONTRACT = "contract"
    COMPANY = "company"
    OWN_SERVICE = "own-service"
    PLAN = "plan"
    LINE = "line"
    IGNORED = "ignored"


Subject = tuple[str, str]
"""Whose rows belong together: ("customer", id), ("sku", SKU), or ("line", contract and service)."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row, understood."""

    row: int
    what: What
    subject: Subject
    values: Mapping[str, Any] = field(repr=False)

    @property
    def route(self) -> Route:
        """Of a customer's contract: where the units go."""
        of = self.values
        return Route(of["company_id"], of["contract_id"], of["sku"], of["units"])

    @property
    def first_day(self) -> FirstDay:
        """From when it holds."""
        return self.values["first_day"] or FOLLOWS

    @property
    def shares(self) -> bool:
        """Said to be right although somebody else is billed on the contract as well."""
        return bool(self.values["share"] == "yes")

    @property
    def family(self) -> str | None:
        """As a plan keeps it."""
        said = self.values["family"]
        return "" if said == ADD_ON else said and str(said).strip()

    def wrong(self, column: str, message: str, *ways: Way) -> Problem:
        """A problem with one of its cells, and what would help."""
        return Problem(message, self.row, column, self.values[column], ways)


# -- Read


@dataclass(frozen=True, slots=True)
class Understood:
    """A file, row by row."""

    entries: tuple[MappingRow, ...]
    """The rows that are right."""
    problems: tuple[Problem, ...]
    spoiled: frozenset[Subject]
    """Of whom a row is wrong."""
    nobodys: tuple[int, ...]
    """Wrong rows that do not say whose they are: nobody can tell which of the others they belong to."""


def understood(data: bytes) -> Understood:
    """What a file says. Raises :class:`FileRefused` for one that cannot be read at all."""
    rows, unread = read_each(data, COLUMNS, WITHIN)
    problems = [*unread]
    wrong = {problem.row for problem in unread}
    entries: list[MappingRow] = []
    spoiled: set[Subject] = set()
    nobodys = {problem.row for problem in unread if problem.row} - {row.number for row in rows}
    for row in rows:
        subject = _subject(row)
        if isinstance(subject, Problem):
            nobodys.add(row.number)
            problems += [subject] if row.number not in wrong else []
            continue
        entry = _entry(row, subject) if row.number not in wrong else None
        if isinstance(entry, MappingRow):
            entries.append(entry)
        else:
            spoiled.add(subject)
            problems += [entry] if entry else []
    for entry, problem in _twice(entries):
        spoiled.add(entry.subject)
        problems.append(problem)
    return Understood(tuple(entries), tuple(problems), frozenset(spoiled), tuple(sorted(nobodys)))


def _subject(row: Row) -> Subject | Problem:
    values = row.values
    if values["customer_id"]:
        return "customer", values["customer_id"]
    if values["contract_service_id"]:
        return "line", f"{values['contract_id']}/{values['service_id']}"
    of_customer = (
        "customer_name",
        "company_id",
        "company_name",
        "contract_id",
        "contract_name",
        "units",
        "share",
    )
    given = next((name for name in of_customer if values[name] is not None), None)
    if given or not values["sku"]:
        which = (
            f"is missing: {given} is about a customer" if given else "is missing, and there is no sku either"
        )
        return Problem(which, row.number, "customer_id")
    return "sku", values["sku"]


def _entry(row: Row, subject: Subject) -> MappingRow | Problem:
    """The row, or what is wrong with it."""
    has = {name for name, value in row.values.items() if value is not None}
    if subject[0] == "line" or "contract_service_id" in has:
        what, wrong = What.LINE, _wrong_line(has)
    elif has & IGNORING:
        what, wrong = What.IGNORED, _wrong_ignored(has)
    elif subject[0] == "sku":
        what, wrong = What.PLAN, _wrong_plan(has)
    elif "service_id" in has:
        what, wrong = What.OWN_SERVICE, _wrong_service(has)
    elif "contract_id" in has:
        what, wrong = What.CONTRACT, _wrong_contract(has)
    else:
        what, wrong = What.COMPANY, _wrong_company(has)
    if wrong:
        column, message = wrong
        return Problem(message, row.number, column, row.values[column])
    return MappingRow(row.number, what, subject, row.values)


_Wrong = tuple[str, str] | None
"""A column and what is wrong with it."""


IGNORING = frozenset(("ignored", "ignored_by", "ignored_at"))


def _wrong_ignored(has: set[str]) -> _Wrong:
    if "ignored" not in has:
        return "ignored", "is missing: why is nothing billed?"
    allowed = {"customer_id", "customer_name"} if "customer_id" in has else {"sku", "family"}
    more = sorted(has - allowed - IGNORING)
    return (more[0], "stands beside the reason why nothing is billed") if more else None


def _wrong_line(has: set[str]) -> _Wrong:
    if has & {"customer_id", "sku"}:
        clause = "is the same for everybody on the contract: it stands in a row of its own, with contract_id and service_id"
        return "contract_service_id", clause
    for name in ("contract_id", "service_id"):
        if name not in has:
            return name, "is missing: which service on which contract is it?"
    allowed = {
        "contract_id",
        "contract_name",
        "service_id",
        "service_name",
        "contract_service_id",
        "first_day",
    }
    more = sorted(has - allowed)
    return (more[0], "stands beside a contract service, which is the same for everybody") if more else None


def _wrong_plan(has: set[str]) -> _Wrong:
    if "service_id" in has:
        return None
    if "family" not in has:
        return "service_id", "is missing: with which service is the SKU billed?"
    if has & {"first_day", "matched"}:
        return "service_id", "is missing: first_day and matched are about a service"
    return None


def _wrong_service(has: set[str]) -> _Wrong:
    if has & {"company_id", "contract_id", "units", "bill_from"}:
        return "service_id", "and a contract are two choices: write two rows"
    if "sku" not in has:
        return "sku", "is missing: which SKU is billed with the service?"
    return _everybodys(has)


def _wrong_contract(has: set[str]) -> _Wrong:
    if has >= {"first_day", "bill_from"}:
        return "bill_from", "and first_day are two answers to one question: leave one out"
    return _everybodys(has) if "company_id" in has else ("company_id", "is missing")


def _wrong_company(has: set[str]) -> _Wrong:
    for name in ("sku", "units", "first_day", "bill_from", "share"):
        if name in has:
            return name, "is about a contract, and contract_id is missing"
    return _wrong_contract(has)


def _everybodys(has: set[str]) -> _Wrong:
    for name in ("family", "matched"):
        if name in has:
            return name, "is the same for every customer: it stands in a row without customer_id"
    return None


def _twice(entries: Iterable[MappingRow]) -> Iterator[tuple[MappingRow, Problem]]:
    """Rows that say a second time, or otherwise, what another row says."""
    seen: dict[tuple[Any, ...], int] = {}
    for entry in entries:
        values = entry.values
        day = values["first_day"]
        column, said = {
            What.CONTRACT: ("contract_id", (values["sku"], day, values["contract_id"])),
            What.COMPANY: ("company_id", ()),
            What.OWN_SERVICE: ("service_id", (values["sku"], day)),
            What.PLAN: ("service_id", (day,)),
            What.IGNORED: ("ignored", ()),
            What.LINE: ("contract_service_id", ()),
        }[entry.what]
        keys: list[tuple[Any, ...]] = [(entry.what, *entry.subject, *said)]
        if entry.what is What.CONTRACT and values["units"] is None:
            keys.append(("all", *entry.subject, values["sku"], day))
        first = next((seen[key] for key in keys if key in seen), None)
        if first is not None:
            clause = f"is said in row {first} already, of the same units and day"
            if entry.what is What.LINE:
                clause = f"is a second one beside row {first}: everybody on a contract is billed on one contract service of a service"
            yield entry, entry.wrong(column, clause)
        for key in keys:
            seen.setdefault(key, entry.row)


# -- Written


def rows_of(
    customers: Sequence[CustomerMapping],
    plans: Sequence[PlanMapping],
    names: Directory,
    lines: Iterable[tuple[LineKey, LineChoice]] = (),
) -> list[dict[str, Any]]:
    """Everything that these mappings hold, a row for each choice."""
    users: dict[int, set[str]] = {}
    for one in customers:
        for contract_id in one.contract_ids:
            users.setdefault(contract_id, set()).add(one.customer_id)
    found = [row for plan in plans for row in _plan_rows(plan)]
    found += [
        {
            "contract_id": key.contract_id,
            "service_id": key.service_id,
            "contract_service_id": choice.contract_service_id,
            "first_day": choice.first_day or ALWAYS,
        }
        for key, choice in lines
    ]
    for one in customers:
        kept = one.customer_name or (one.ignored.name if one.ignored else "")
        name = kept or names.customers.get(one.customer_id)
        found += [
            {"customer_id": one.customer_id, "customer_name": name, **row}
            for row in _customer_rows(one, users)
        ]
    return [_named(row, names) for row in found]


def _plan_rows(plan: PlanMapping) -> Iterator[dict[str, Any]]:
    family = shown(plan.family)
    for choice in plan.choices:
        yield {
            "sku": plan.sku,
            "service_id": choice.service_id,
            "first_day": choice.first_day or ALWAYS,
            "family": family,
            "matched": "yes" if plan.matched else None,
        }
    if plan.ignored:
        yield {"sku": plan.sku, "family": family, **_ignored_row(plan.ignored)}
    elif not plan.choices and family is not None:
        yield {"sku": plan.sku, "family": family}


def _customer_rows(mapping: CustomerMapping, users: Mapping[int, set[str]]) -> Iterator[dict[str, Any]]:
    if mapping.ignored:
        yield _ignored_row(mapping.ignored)
    if mapping.company_id is not None:
        yield {"company_id": mapping.company_id}
    for routing in mapping.routings:
        for route in routing.routes:
            yield {
                "company_id": route.company_id,
                "contract_id": route.contract_id,
                "sku": route.sku,
                "units": route.units,
                "first_day": routing.first_day or ALWAYS,
                "share": "yes" if len(users[route.contract_id]) > 1 else None,
            }
    for sku, choices in sorted(mapping.services.items()):
        for choice in choices:
            yield {"sku": sku, "service_id": choice.service_id, "first_day": choice.first_day or ALWAYS}


def _ignored_row(ignored: Ignored) -> dict[str, Any]:
    return {
        "ignored": _readable(ignored.reason),
        "ignored_by": _readable(ignored.by),
        "ignored_at": ignored.at.isoformat(),
    }


def _named(row: dict[str, Any], names: Directory) -> dict[str, Any]:
    known = (
        ("company", names.companies),
        ("contract", names.contracts),
        ("service", names.services),
    )
    with_names = {f"{what}_name": of.get(row.get(f"{what}_id", 0)) for what, of in known}
    whole = {**row, **with_names}
    whole |= {name: _readable(value) for name, value in whole.items() if name.endswith("_name")}
    return {each.name: whole[each.name] for each in COLUMNS if whole.get(each.name) is not None}


def _readable(name: str | None) -> str | None:
    """A name as the reader takes it: without control characters and half characters."""
    return (
        "".join(each for each in name if category(each) not in ("Cc", "Cs")).strip() or None if name else None
    )


def to_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """As CSV."""
    return as_csv(COLUMNS, rows)


@dataclass(frozen=True, slots=True)
class MappingsFile:
    """A file of mappings that was written."""

    file: str
    rows: int

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"file": self.file, "rows": self.rows}


def to_json(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """As an object for JSON."""
    return {
        WITHIN: [
            {each.name: for_json(each, row[each.name]) for each in COLUMNS if each.name in row}
            for row in rows
        ]
    }
