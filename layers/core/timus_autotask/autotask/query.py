"""Queries: filters that are checked on the rows, lists in parts that Autotask takes, pages that are read whole or not at all.

Pure functions. Autotask's rules:
https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_Basic_Query_Calls.htm
https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_Advanced_Query_Features.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from timus_autotask.autotask.answers import Answer
from timus_autotask.autotask.entities import NotAsPublished
from timus_autotask.domain.days import ONE_DAY

PAGE = ("items", "pageDetails")
"""What every page has."""
PAGE_SIZE = 500
"""Rows of a page; Autotask allows 1 to 500."""
MOST_PAGES = 100
"""A read of more than 50,000 rows is a mistake; Autotask keeps only some 50 pages."""
MOST_TERMS = 500
"""OR terms in one query; Autotask counts each value of an ``in`` list and each item of an ``or``."""

MOST_TEXTS = 100
"""Texts in one query: they are long, and each is a term of its own."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One term of a filter.

    Autotask silently drops an operator that it does not know and returns every row (seen live:
    https://github.com/WYRE-AI/autotask-mcp/issues/193). So only operators that we can check on the rows ourselves are allowed
    (``ValueError`` otherwise).
    """

    field: str
    """Empty for ``and`` and ``or``."""
    op: str
    """``eq``, ``in``, ``gte`` and ``lte`` (on days) or ``contains``; ``and`` and ``or`` of other conditions."""
    value: Any

    def __post_init__(self) -> None:
        if self.op not in _HOLDS and (self.op not in _NESTS or self.field):
            raise ValueError(
                f"the operator {self.op!r} cannot be checked; known: {', '.join((*_HOLDS, *_NESTS))}"
            )

    @property
    def filter(self) -> dict[str, Any]:
        """As Autotask takes it."""
        if self.op in _NESTS:
            return {"op": self.op, "items": [condition.filter for condition in self.value]}
        return {"op": self.op, "field": self.field, "value": self.value}


def parts(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, ...]]:
    """Split a query with an ``in`` list into queries with lists as long as Autotask takes."""
    for at, condition in enumerate(conditions):
        if condition.op == "in":
            values = sorted(set(condition.value))
            for i in range(0, len(values), MOST_TERMS):
                part = _one_of(condition.field, values[i : i + MOST_TERMS])
                yield (*conditions[:at], part, *conditions[at + 1 :])
            return
    yield conditions


def _one_of(field: str, values: list[Any]) -> Condition:
    return Condition(field, "eq", values[0]) if len(values) == 1 else Condition(field, "in", values)


def on_days(days: Mapping[int, date]) -> Iterator[Condition]:
    """Conditions on unit rows that cover a contract's day: one for each query, with as many terms as Autotask takes."""
    by_day: dict[date, list[int]] = {}
    for contract_id, day in sorted(days.items(), key=lambda item: (item[1], item[0])):
        by_day.setdefault(day, []).append(contract_id)
    covers: list[Condition] = []
    terms = 0
    for day, ids in by_day.items():
        left = ids
        while left:
            # A list costs its values and, beside others, its own place in the ``or``; a single id only its place.
            room = MOST_TERMS - terms
            if not room:
                yield _either(covers)
                covers, terms = [], 0
                continue
            few = left[: max(1, room - 1)] if covers else left[:room]
            left = left[len(few) :]
            covers.append(_covers(few, day))
            terms = min(MOST_TERMS, terms + len(few) + (len(few) > 1))
    if covers:
        yield _either(covers)


def with_texts(field: str, texts: Iterable[str]) -> Iterator[Condition]:
    """Conditions on a field that has one of these texts, one for each query: ``in`` is documented for numbers only."""
    asked = [Condition(field, "eq", text) for text in dict.fromkeys(texts)]
    for first in range(0, len(asked), MOST_TEXTS):
        yield _either(asked[first : first + MOST_TEXTS])


def _either(conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else Condition("", "or", tuple(conditions))


def _covers(contract_ids: list[int], day: date) -> Condition:
    """Rows of these contracts that have begun on ``day`` and not ended before it."""
    of = _one_of("contractID", contract_ids)
    begun = Condition("startDate", "lte", f"{day}T12:00:00Z")
    not_over = Condition("endDate", "gte", f"{day - ONE_DAY}T12:00:00Z")
    return Condition("", "and", (of, begun, not_over))


def page_of(answer: Answer) -> tuple[list[Answer], str]:
    """The rows of a page and the link to the next (``""`` for none). Raises :class:`NotAsPublished` for what is no page of a list."""
    rows, details = answer["items"], answer["pageDetails"]
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) and isinstance(details, dict):
        following = details.get("nextPageUrl") or ""
        if following and not rows:
            raise NotAsPublished("an empty page names a next one")
        if "nextPageUrl" in details and isinstance(following, str):
            return rows, following
    raise NotAsPublished("a page is not as published")


def membership(conditions: tuple[Condition, ...]) -> Callable[[Answer], None]:
    """A check that a row meets the filter and comes once; it raises :class:`NotAsPublished`.

    If Autotask dropped a filter, the rows of other companies would come back with status 200.
    """
    checks = [(condition.field or "value", _check(condition)) for condition in conditions]
    seen = set()

    def belongs(row: Answer) -> None:
        row_id = row.get("id")
        if type(row_id) is not int or row_id in seen:
            raise NotAsPublished("a row came twice or without an id")
        seen.add(row_id)
        for field, holds in checks:
            if not holds(row):
                raise NotAsPublished(f"a row came whose {field} was not asked for")

    return belongs


def _check(condition: Condition) -> Callable[[Answer], bool]:
    """Whether a row meets a condition."""
    if condition.op in _NESTS:
        checks, nest = [_check(each) for each in condition.value], _NESTS[condition.op]
        return lambda row: nest(check(row) for check in checks)
    field, holds = condition.field, _HOLDS[condition.op]
    asked = frozenset(condition.value) if condition.op == "in" else condition.value
    return lambda row: holds(row.get(field), asked)


def _same(value: Any, asked: Any) -> bool:
    """Equal; texts without regard to case and surrounding blanks, as Autotask's database compares them."""
    if isinstance(value, str) and isinstance(asked, str):
        return value.strip().casefold() == asked.strip().casefold()
    return type(value) is type(asked) and bool(value == asked)


def _day_not_before(value: Any, asked: Any) -> bool:
    return isinstance(value, str) and value[:10] >= asked[:10]


def _day_not_after(value: Any, asked: Any) -> bool:
    return isinstance(value, str) and value[:10] <= asked[:10]


def _has(value: Any, asked: Any) -> bool:
    return isinstance(value, str) and asked.strip().casefold() in value.casefold()


_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": _same,
    "in": lambda value, asked: type(value) is int and value in asked,
    "gte": _day_not_before,
    "lte": _day_not_after,
    "contains": _has,
}
_NESTS: Mapping[str, Callable[[Iterable[bool]], bool]] = {"and": all, "or": any}
