"""How records are stored: as they were by earlier versions, which left it to pydantic, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from timus_autotask.domain.line import Line
from timus_autotask.domain.policy import Approval, Policy, Renewal
from timus_autotask.store import history, invoice, notes, records, runs
from timus_autotask.store.codec import Codec, Invalid, problems_of

MODULES: tuple[ModuleType, ...] = (history, invoice, notes, records, runs)
TYPES: set[Any] = {
    codec._of for module in MODULES for codec in vars(module).values() if isinstance(codec, Codec)
}
EXAMPLES = 20
"""Of each type: they share their parts."""
WITH_RULES = {
    Policy: st.builds(Policy, excluded=st.lists(st.text()).map(tuple), renewal=st.sampled_from(Renewal)),
    Approval: st.builds(Approval, st.none() | st.integers(0), st.none() | st.integers(0)),
}
"""Types of which not every value can be meant."""
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-3, minutes=-30))])
DAYS, MOMENTS = (
    st.dates(date(1, 1, 1)),
    st.datetimes(timezones=ZONES),
)
SIMPLE: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(10**18), 10**18),
    bool: st.booleans(),
    date: DAYS,
    datetime: MOMENTS,
    Any: JSON,
    NoneType: st.none(),
}


@cache
def values(of: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    for known in (SIMPLE, WITH_RULES):
        if of in known:
            return known[of]
    if is_dataclass(of):
        types = get_type_hints(of)
        return st.builds(of, **{each.name: values(types[each.name]) for each in fields(of)})  # type: ignore[arg-type]
    origin, within = get_origin(of), get_args(of)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, within))
    if origin is Literal:
        return st.sampled_from(within)
    if origin is tuple and within[1:] == (...,):
        return st.lists(values(within[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, within))
    if origin is Mapping:
        return st.dictionaries(*map(values, within), max_size=2)
    return st.sampled_from(of)


@cache
def before(of: type) -> TypeAdapter[Any]:
    """What stored a type's records in earlier versions."""
    return TypeAdapter(of)


def named(of: Any) -> str:
    """For the list of tests."""
    return str(of.__name__)


ALL = pytest.mark.parametrize("of", sorted(TYPES, key=named), ids=named)


@ALL
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_record_is_stored_as_ever_and_reads_back_as_it_was(of: Any, data: st.DataObject) -> None:
    """Earlier versions wrote what pydantic made of a record: the same, with the same order of fields; by now without those with their defaults."""
    record = data.draw(values(of))
    for whole in (True, False):
        stored = Codec(of, whole=whole).dump(record)
        as_ever = before(of).dump_python(record, mode="json", exclude_defaults=not whole)
        assert json.dumps(stored) == json.dumps(as_ever)
        assert Codec(of).load(json.loads(json.dumps(stored))) == record


@ALL
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_nothing_is_read_that_was_not_read_before(of: Any, data: st.DataObject) -> None:
    """A damaged record is refused, or read as pydantic read it."""
    stored = json.loads(json.dumps(Codec(of, whole=True).dump(data.draw(values(of)))))
    damage(stored, data)
    try:
        read = Codec(of).load(stored)
    except Invalid:
        return
    assert read == before(of).validate_python(stored)


@ALL
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_record_that_lacks_fields_gets_their_defaults(of: Any, data: st.DataObject) -> None:
    """An earlier version did not know the field; one without a default is missed by its name."""
    stored = dict(Codec(of, whole=True).dump(data.draw(values(of))))
    for name in data.draw(st.sets(st.sampled_from(sorted(stored)))):
        del stored[name]
    try:
        expected = before(of).validate_python(stored)
    except ValidationError as error:
        missing = [f"{each['loc'][0]}: is missing" for each in error.errors() if each["type"] == "missing"]
        with pytest.raises(Invalid) as refused:
            Codec(of).load(stored)
        assert problems_of(refused.value) == missing
    else:
        assert Codec(of).load(stored) == expected


def damage(stored: Any, data: st.DataObject) -> None:
    """Put something else into one place of it, at any depth."""
    while True:
        places = [*stored] if isinstance(stored, dict) else [*range(len(stored))]
        place = data.draw(st.sampled_from(places))
        inner = stored[place]
        if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
            stored = inner
            continue
        stored[place] = data.draw(JSON | DAYS.map(str) | MOMENTS.map(datetime.isoformat))
        return


# -- What is wrong is said


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        ({"adjusted": ["2026-01-01", "then"]}, "adjusted.1: must be a day, but is 'then'"),
        ({"since": 7}, "since: must be a time, but is 7"),
        ({"versions": {"sub_1": True}}, "versions.sub_1: must be a whole number, but is True"),
        (
            {"offset": {"steps": [["2026-01-01"]]}},
            "offset.steps.0: must be a list of 2, but is ['2026-01-01']",
        ),
        ({"offset": []}, "offset: must be a record, but is []"),
        ({"approved": {}}, "approved: must be a list, but is {}"),
        ({"versions": []}, "versions: must be a mapping, but is []"),
        ({"price": 12}, "price: must be a text, but is 12"),
        ({"enforcing": 2}, "enforcing: must be true or false, but is 2"),
        ({"choice": "give up"}, "choice: must be one of enforce, adopt, but is 'give up'"),
        (
            {"parked": {"code": "unmapped", "facts": {"units": None}}},
            "parked.facts.units: must be of the type int or str, but is None",
        ),
        ({"price": ["x" * 1000]}, f"price: must be a text, but is ['{'x' * 58}"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_with_its_place(damaged: dict[str, Any], problem: str) -> None:
    """Whoever repairs it knows where to look, and a long value does not hide it."""
    with pytest.raises(Invalid) as refused:
        Codec(Line).load({"contract_id": 1, "service_id": 2, **damaged})
    assert problems_of(refused.value) == [problem]
    assert str(refused.value) == problem


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """So that it is repaired once."""
    with pytest.raises(Invalid) as refused:
        Codec(Line).load({"service_id": "two", "state": "asleep", "adjusted": ["now", "then"]})
    assert [problem.partition(": ")[0] for problem in problems_of(refused.value)] == [
        "contract_id",
        "service_id",
        "adjusted.0",
        "adjusted.1",
        "state",
    ]


def test_what_fields_may_not_be_together_is_said_of_their_record() -> None:
    """Some values are right alone only."""
    with pytest.raises(Invalid) as refused:
        Codec(Policy).load({"line_limit": -1, "approve_increases": {}})
    assert problems_of(refused.value) == ["The record: line_limit must be 0 or more units, but is -1"]
    with pytest.raises(Invalid) as refused:
        Codec(Policy).load({"approve_increases": {"above_units": -1}})
    assert problems_of(refused.value) == ["approve_increases: above_units must be 0 or more, but is -1"]


def test_a_term_may_be_a_word_as_a_person_types_it() -> None:
    """Numbers, truth values, days and choices come as words."""
    typed = {
        "line_limit": "12",
        "paused": "Yes",
        "contract_notes": "off",
        "renewal": "off",
        "excluded": ["A"],
    }
    expected = Policy(line_limit=12, paused=True, contract_notes=False, renewal=Renewal.OFF, excluded=("A",))
    assert Codec(Policy).load(typed) == expected
    for wrong in ({"line_limit": "1.5"}, {"line_limit": "\u0661"}, {"paused": "maybe"}):
        with pytest.raises(Invalid):
            Codec(Policy).load(wrong)


def test_an_enum_among_values_of_any_type_is_stored_as_its_text() -> None:
    """Terms hold what a policy has, as it is."""

    @dataclass(frozen=True)
    class Held:
        values: Mapping[str, Any]
        fact: int | str

    class Word(StrEnum):
        A = "a"

    stored = Codec(Held).dump(Held({"x": (Word.A, {Word.A: 1})}, Word.A))
    assert json.dumps(stored) == '{"values": {"x": ["a", {"a": 1}]}, "fact": "a"}'
    assert type(stored["fact"]) is str


def test_a_record_cannot_hold_what_has_no_form() -> None:
    """A new type of field is noticed by the first test that stores it, and not by a partner."""

    @dataclass(frozen=True)
    class Heavy:
        weight: float

    with pytest.raises(TypeError, match="a record cannot hold <class 'float'>"):
        Codec(Heavy).dump(Heavy(1.5))
