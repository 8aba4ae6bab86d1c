"""Whether requests are what Autotask publishes: paths, verbs, property names and their types.

``autotask_requests.json`` is distilled from Autotask's swagger and holds what the client uses, nothing more, so a property
that is not in it is a violation (Autotask ignores a misspelt one without a word). The table is proved against a full
swagger file by ``python -m tests.contract.conformity --swagger FILE``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("autotask_requests.json").read_text())

# https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_Basic_Query_Calls.htm
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
MOST_RECORDS = 500
MOST_OR_TERMS = 500

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "integer:int32": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "integer:int64": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "number:double": lambda value: type(value) in (int, float),
    "string": lambda value: type(value) is str,
    "string:date-time": lambda value: (
        type(value) is str and bool(re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z?)?", value))
    ),
    "boolean": lambda value: type(value) is bool,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) in (int, str, bool, list),  # a filter's value, by its description
}


def check(method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
    """What is wrong with a request; nothing if it conforms.

    ``path`` may have anything before ``/v1.0``; ``body`` is parsed JSON, None for an empty one.
    """
    at = path.lower().find("/v1.0/")
    if at < 0:
        return [f"{path}: not below /v1.0"]
    name = f"{method} {path[at + len('/v1.0') :]}"
    # Links to further pages are Autotask's own and are not in its swagger; they repeat the query that began the list.
    name, links, _ = name.partition("/query/next")
    name += "/query" if links else ""
    rule = next((rule for known, rule in TABLE["requests"].items() if _template(known).fullmatch(name)), None)
    if rule is None:
        return [f"{name}: not published, or not known to be used"]
    found = [] if links else list(_properties(rule.get("query", {}), query, list(rule.get("query", {}))))
    if "body" not in rule:
        found += [] if body is None else ["a body where none is published"]
    elif not isinstance(body, dict):
        found.append(f"the body is no {rule['body']}")
    elif "rows" in rule:
        found += _query(body, TABLE["models"][rule["rows"]])
    else:
        found += _properties(TABLE["models"][rule["body"]], body, rule["required"])
        if "one_of" in rule and len(body.keys() & set(rule["one_of"])) != 1:
            found.append(f"not exactly one of {rule['one_of']}")
    return [f"{name}: {violation}" for violation in found]


def disagreements(swagger: Mapping[str, Any]) -> list[str]:
    """Where the table and a full swagger file differ."""
    found = []
    paths = {path.lower(): verbs for path, verbs in swagger["paths"].items()}
    for name, rule in TABLE["requests"].items():
        verb, path = name.split(" ")
        operation = paths.get(f"/v1.0{path}".lower(), {}).get(verb.lower())
        if operation is None:
            found.append(f"{name}: not in the swagger")
            continue
        parameters = [p for p in operation["parameters"] if "$ref" not in p]
        bodies = [p["schema"]["$ref"].rpartition("/")[2] for p in parameters if p["in"] == "body"]
        if bodies != ([rule["body"]] if "body" in rule else []):
            found.append(f"{name}: the body is {bodies}")
        queries = {p["name"]: p["type"] for p in parameters if p["in"] == "query"}
        if queries != rule.get("query", {}):
            found.append(f"{name}: the query is {queries}")
        answer = operation["responses"]["200"]["schema"]["$ref"].rpartition("/")[2]
        expected = (
            f"QueryActionResult[{rule['rows']},"
            if "rows" in rule
            else rule.get("answer", "OperationResultModel")
        )
        if not answer.startswith(expected):
            found.append(f"{name}: the answer is {answer}")
    for model, properties in TABLE["models"].items():
        published = swagger["definitions"][model]["properties"]
        for name, kind in properties.items():
            now = published.get(name, {})
            if ":".join(filter(None, (now.get("type"), now.get("format")))) != kind:
                found.append(f"{model}.{name}: {now or 'not in the swagger'}")
    return found


def _template(name: str) -> re.Pattern[str]:
    return re.compile(name.replace("{parentId}", "[0-9]+"), re.IGNORECASE)


def _properties(model: Mapping[str, str], given: Mapping[str, Any], required: list[str]) -> Iterator[str]:
    for name, value in given.items():
        if name not in model:
            yield f"no property {name!r}"
        elif not _TYPES[model[name]](value):
            yield f"{name} is no {model[name]}: {value!r}"
    for name in required:
        if name not in given:
            yield f"{name} is missing"


def _query(body: Mapping[str, Any], row: Mapping[str, str]) -> Iterator[str]:
    model = TABLE["models"]["QueryModel"]
    # The swagger itself writes these names in either case.
    given = {
        next((k for k in model if k.lower() == name.lower()), name): value for name, value in body.items()
    }
    yield from _properties(model, given, ["filter"])
    if not 1 <= given.get("maxRecords", MOST_RECORDS) <= MOST_RECORDS:
        yield f"maxRecords is not 1 to {MOST_RECORDS}"
    fields = given.get("includeFields", [])
    yield from (f"no field {field!r}" for field in fields if field not in row)
    if fields and "id" not in fields:
        yield "includeFields without id"
    terms = 0
    for term in _flat(given.get("filter", [])):
        if term.get("op") in ("and", "or"):
            yield from _properties(TABLE["models"]["Filter"], term, ["op", "items"])
            terms += len(term["items"]) if term["op"] == "or" else 0
            continue
        yield from _properties(TABLE["models"]["Filter"], term, ["op", "field"])
        terms += len(term["value"]) if isinstance(term.get("value"), list) else 0
        if term.get("op") not in OPERATORS:
            yield f"no operator {term.get('op')!r}"
        kind = row.get(term.get("field", ""))
        values = term.get("value") if term.get("op") in ("in", "notIn") else [term.get("value")]
        if kind is None:
            yield f"no field {term.get('field')!r}"
        elif not isinstance(values, list) or not all(_TYPES[kind](value) for value in values):
            yield f"{term.get('field')} is compared with what is no {kind}: {term.get('value')!r}"
    if not given.get("filter"):
        yield "no filter"
    if terms > MOST_OR_TERMS:
        yield f"more than {MOST_OR_TERMS} OR terms"


def _flat(terms: list[Any]) -> Iterator[Any]:
    """Every term, and those that are nested in it."""
    for term in terms:
        yield term
        yield from _flat(term.get("items", []))


def main() -> int:
    """Compare the table with a swagger file."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("--swagger", type=Path, required=True, help="Autotask's swagger, a JSON file")
    found = disagreements(json.loads(arguments.parse_args().swagger.read_text()))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "The table agrees with the swagger.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
