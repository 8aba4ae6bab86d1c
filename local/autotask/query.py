"""The query language: a search body becomes a test of records, an order and a page size.

Rules and error texts: REST_Basic_Query_Calls and REST_Advanced_Query_Features; what differs from them was observed live by
others and says so where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from local.autotask.rules import Refused
from local.autotask.schema import Entity, Field, Values
from local.autotask.values import day_ms, money, parse_moment

Test = Callable[[Values], bool]

OPERATORS = frozenset(
    [
        "eq",
        "noteq",
        "gt",
        "gte",
        "lt",
        "lte",
        "beginsWith",
        "endsWith",
        "contains",
        "exist",
        "notExist",
        "in",
        "notIn",
        "and",
        "or",
    ]
)
"""Exactly these, in this spelling."""

MAX_OR_TERMS = 500
MAX_PAGE = 500

TOO_MANY_OR = "Queries are limited to 500 or fewer 'OR' conditions"
"""Observed live by others."""
BAD_MAX_RECORDS = "maxCountOfRecordsToReturn must be between 1 and 500"
"""Observed live by others."""
NO_FILTER = "Filter is required."
"""That it is required is documented; the wording is invented."""

PINNABLE = frozenset({"id", "contractID", "contractServiceID"})
"""Fields by which records can be found without looking at all of them."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search body, understood."""

    test: Test | None
    """None: every record matches."""
    pins: Mapping[str, frozenset[int]]
    """Values that the field must have, for fields that every match must satisfy."""
    max_records: int
    include: tuple[str, ...] | None
    """The fields to return; None = all."""


def unexpected(value: object, path: str) -> Refused:
    """The error of Autotask's JSON reader, observed live for a bool sent to an integer (abridged by the observer)."""
    return Refused(
        f"Unexpected character encountered while parsing value: {json.dumps(value)[:1]}. Path '{path}'."
    )


def convert(field: Field, value: Any, path: str) -> Any:
    """A JSON value in the model's own units; a text that reads as a number counts as the number.

    The wording of the conversion errors other than "Unexpected character" is inferred from the reader that gives it.
    """
    kind = field.kind
    if value is None:
        return None
    if kind in ("int", "long"):
        if isinstance(value, (bool, list, dict)):
            raise unexpected(value, path)
        try:
            number = int(value) if not isinstance(value, Decimal) else _whole(value)
        except ValueError:
            raise Refused(f"Could not convert string to integer: {value}. Path '{path}'.") from None
        limit = 2**31 if kind == "int" else 2**63
        if not -limit <= number < limit:
            raise Refused(
                f"JSON integer {value} is too large or small for an Int{32 if kind == 'int' else 64}. Path '{path}'."
            )
        return number
    if kind == "money":
        if isinstance(value, (bool, list, dict)):
            raise unexpected(value, path)
        try:
            return money(value)
        except (InvalidOperation, ValueError):
            raise Refused(f"Could not convert string to decimal: {value}. Path '{path}'.") from None
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, int):
            return value != 0
        raise Refused(f"Could not convert string to boolean: {value}. Path '{path}'.")
    if kind in ("date", "time"):
        if not isinstance(value, str):
            raise unexpected(value, path)
        try:
            day, ms = parse_moment(value)
        except ValueError:
            raise Refused(f"Could not convert string to DateTime: {value}. Path '{path}'.") from None
        return day_ms(day) if kind == "date" else ms
    if isinstance(value, (list, dict)):
        raise unexpected(value, path)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise ValueError(value)
    return int(value)


def lower_keys(body: Mapping[str, Any]) -> dict[str, Any]:
    """Body keys are accepted in any case."""
    return {key.lower(): value for key, value in body.items()}


def parse_search(entity: Entity, body: object, udfs: Collection[str]) -> Search:
    """Understand a search body; raises Refused with Autotask's text."""
    if not isinstance(body, dict):
        raise Refused(NO_FILTER)
    keys = lower_keys(body)
    filters = keys.get("filter")
    if not isinstance(filters, list) or not filters:
        raise Refused(NO_FILTER)
    size = keys.get("maxrecords", MAX_PAGE)
    try:
        size = MAX_PAGE if size is None else int(size)
    except (TypeError, ValueError):
        raise unexpected(size, "MaxRecords") from None
    if not 1 <= size <= MAX_PAGE or isinstance(keys.get("maxrecords"), bool):
        raise Refused(BAD_MAX_RECORDS)
    reader = _Reader(entity, frozenset(udfs))
    pins: dict[str, frozenset[int]] = {}
    test = _all(reader.group(filters, pins))
    if reader.or_terms > MAX_OR_TERMS:
        raise Refused(TOO_MANY_OR)
    include: tuple[str, ...] | None = None
    if keys.get("includefields"):
        found = []
        for name in keys["includefields"]:
            field = entity.by_lower.get(str(name).lower())
            if field is None and name not in udfs:
                raise Refused(f"Unable to find {name} in the {entity.singular} Entity")
            if field is not None:
                found.append(field.name)
        include = tuple(name for name in entity.fields if name in found)
    return Search(test, pins, size, include)


class _Reader:
    def __init__(self, entity: Entity, udfs: frozenset[str]) -> None:
        self.entity = entity
        self.udfs = udfs
        self.or_terms = 0
        self.udf_seen = False

    def group(self, filters: list[Any], pins: dict[str, frozenset[int]] | None) -> list[Test]:
        """The tests of a list of filters; those that are dropped leave no test."""
        tests = []
        for one in filters:
            if not isinstance(one, dict):
                raise unexpected(one, "Filter")
            test = self.one(lower_keys(one), pins)
            if test is not None:
                tests.append(test)
        return tests

    def one(self, one: dict[str, Any], pins: dict[str, frozenset[int]] | None) -> Test | None:
        op = one.get("op")
        if op not in OPERATORS:
            return None  # Observed live by others: an unknown operator is dropped without a word.
        if op in ("and", "or"):
            items = one.get("items") or []
            if op == "and":
                return _all(self.group(items, pins))
            branches: list[dict[str, frozenset[int]]] = [{} for _ in items]
            tests = [
                test for item, own in zip(items, branches, strict=True) for test in self.group([item], own)
            ]
            self.or_terms += len(tests)
            if pins is not None and len(tests) == len(items):
                for name in set.intersection(*({*own} for own in branches)) if branches else ():
                    either = frozenset[int]().union(*(own[name] for own in branches))
                    pins[name] = pins[name] & either if name in pins else either
            return _any(tests)
        if one.get("udf"):
            return self.udf(op, one)
        field = self.entity.by_lower.get(str(one.get("field")).lower())
        if field is None or field.kind == "udf":
            raise Refused(f"Unable to find {one.get('field')} in the {self.entity.singular} Entity")
        name = field.name
        if op == "exist":
            return lambda values: values[name] is not None
        if op == "notExist":
            return lambda values: values[name] is None
        value = one.get("value")
        if op in ("in", "notIn"):
            if not isinstance(value, list):
                raise unexpected(value, name)
            self.or_terms += len(value)
            wanted = frozenset(_fold(self.value(field, item)) for item in value)
            if op == "in":
                if pins is not None and name in PINNABLE:
                    pins[name] = pins[name] & wanted if name in pins else wanted
                return _in(name, wanted, field.kind == "text")
            return _not_in(name, wanted, field.kind == "text")
        if value is None and field.kind == "bool":
            raise Refused(f"Value cannot be null. Parameter name: {name}")
        plain = self.value(field, value)
        if op == "eq" and pins is not None and name in PINNABLE and plain is not None:
            only = frozenset((plain,))
            pins[name] = pins[name] & only if name in pins else only
        return _compare(op, name, plain, field.kind == "text")

    def value(self, field: Field, value: Any) -> Any:
        if field.kind == "date" and isinstance(value, str):
            field = Field(
                field.name, "time"
            )  # In a filter a date-only field is compared with the instant as sent.
        return convert(field, value, field.name)

    def udf(self, op: str, one: dict[str, Any]) -> Test:
        name = one.get("field")
        if not self.entity.has_udf or name not in self.udfs:
            raise Refused(f"Unable to find {name} in the {self.entity.singular} Entity")
        if self.udf_seen:
            raise Refused("Queries are limited to 1 user-defined field.")  # documented rule, invented wording
        self.udf_seen = True
        value = one.get("value")
        if op in ("in", "notIn"):
            inner = (_in if op == "in" else _not_in)(
                "udf", frozenset(_fold(str(item)) for item in value or ()), True
            )
        elif op in ("exist", "notExist"):
            inner = (
                (lambda values: values["udf"] is not None)
                if op == "exist"
                else (lambda values: values["udf"] is None)
            )
        else:
            inner = _compare(op, "udf", None if value is None else str(value), True)
        return lambda values: inner({"udf": values["userDefinedFields"].get(name)})


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _all(tests: list[Test]) -> Test | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, two = tests
        return lambda values: one(values) and two(values)
    if len(tests) == 3:
        a, b, c = tests
        return lambda values: a(values) and b(values) and c(values)
    return lambda values: all(test(values) for test in tests)


def _any(tests: list[Test]) -> Test | None:
    if not tests:
        return None
    return lambda values: any(test(values) for test in tests)


def _in(name: str, wanted: frozenset[Any], text: bool) -> Test:
    if text:
        return lambda values: _fold(values[name]) in wanted
    return lambda values: values[name] in wanted


def _not_in(name: str, wanted: frozenset[Any], text: bool) -> Test:
    if text:
        return lambda values: values[name] is not None and _fold(values[name]) not in wanted
    return lambda values: values[name] is not None and values[name] not in wanted


def _compare(op: str, name: str, wanted: Any, text: bool) -> Test:
    """A comparison; as in a database, null compares to nothing, and texts compare without regard to case (inferred)."""
    if op in ("beginsWith", "endsWith", "contains"):
        part = str(wanted).casefold()
        if op == "beginsWith":
            return lambda values: values[name] is not None and str(values[name]).casefold().startswith(part)
        if op == "endsWith":
            return lambda values: values[name] is not None and str(values[name]).casefold().endswith(part)
        return lambda values: values[name] is not None and part in str(values[name]).casefold()
    if wanted is None:
        if op == "noteq":
            return lambda values: values[name] is not None
        return lambda values: op == "eq" and values[name] is None
    if text:
        want = _fold(wanted)
        compare = _COMPARISONS[op]
        return lambda values: values[name] is not None and compare(_fold(values[name]), want)
    if op == "eq":
        return lambda values: bool(values[name] == wanted)
    if op == "noteq":
        return lambda values: values[name] is not None and values[name] != wanted
    if op == "gt":
        return lambda values: values[name] is not None and values[name] > wanted
    if op == "gte":
        return lambda values: values[name] is not None and values[name] >= wanted
    if op == "lt":
        return lambda values: values[name] is not None and values[name] < wanted
    return lambda values: values[name] is not None and values[name] <= wanted


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "noteq": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
}
