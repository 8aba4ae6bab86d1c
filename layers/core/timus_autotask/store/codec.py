"""How a record becomes JSON and back.

The names that stand in the table are never changed: an older version's documents must be read, and a rollback must read ours. Where
a field has a better name in the code by now, its codec says under which name it is stored.

A record is a frozen dataclass of texts, whole numbers, truth values, days, moments, enums of texts, tuples, mappings, and records. So its
type says all that there is to know, and no library is needed, which would take a quarter of a sandbox's start. What comes from outside is
not read here: see ``timus/`` and ``autotask/``.

A field that has its default is not stored, because DynamoDB bills each kilobyte of a write. So a default is never changed either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from timus_autotask.ports.table import Data

T = TypeVar("T")


class Invalid(ValueError):
    """A record that cannot be loaded. ``problems`` are pairs: the field's name, with dots before those within it, and what is wrong."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where or 'The record'}: {what}" for where, what in problems))
        self.problems = problems


class Codec(Generic[T]):
    """Records of one type. ``stored_as`` maps a field (``"message"``, or ``"intent.message"`` one level down) to its stored name.

    ``whole``: a field that has its default is stored all the same.

    The type is looked at with its first record: a cold start pays for the types that it meets.
    """

    def __init__(
        self, of: type[T], stored_as: Mapping[str, str] | None = None, *, whole: bool = False
    ) -> None:
        self._of = of
        self._whole = whole
        self._fields = [(*path.rpartition(".")[::2], stored) for path, stored in (stored_as or {}).items()]

    @cached_property
    def _form(self) -> _Form:
        return _record(self._of, self._whole)

    def load(self, data: Data) -> T:
        """The record of a document's data. Raises :class:`Invalid`."""
        if self._fields:
            data = dict(data)
            for within, name, stored in self._fields:
                _rename(data, within, stored, name)
        record: T = self._form.load(data)
        return record

    def dump(self, record: T) -> Data:
        """The record as a document's data."""
        data: dict[str, Any] = _dumped(self._form, record)
        for within, name, stored in self._fields:
            _rename(data, within, name, stored)
        return data


def problems_of(invalid: ValueError, whole: str = "The record: ") -> list[str]:
    """What is wrong with a record that could not be loaded, each with the field's name; ``whole`` stands before what concerns no single one."""
    if not isinstance(invalid, Invalid):
        return [str(invalid)]
    return [f"{where}: {what}" if where else f"{whole}{what}" for where, what in invalid.problems]


def _rename(data: dict[str, Any], within: str, old: str, new: str) -> None:
    if within:
        inner = data.get(within)
        if not isinstance(inner, Mapping):
            return
        data[within] = dict(inner)
        data = data[within]
    if old in data:
        data[new] = data.pop(old)


# -- By type


class _Form(NamedTuple):
    """How values of one type are stored."""

    load: Callable[[Any], Any]
    """The value of what is stored. Raises :class:`Invalid`."""
    dump: Callable[[Any], Any] | None = None
    """What is stored; None: the value itself."""


def _dumped(form: _Form, value: Any) -> Any:
    return form.dump(value) if form.dump else value


@cache
def _form(of: Any, whole: bool) -> _Form:
    if of in _SIMPLE:
        return _SIMPLE[of]
    if is_dataclass(of):
        return _record(of, whole)
    origin, within = get_origin(of), get_args(of)
    if origin in (Union, UnionType):
        return _either([each for each in within if each is not NoneType], whole)
    if origin is Literal:
        return _Form(_one_of({value: value for value in within}))
    if origin is tuple:
        return _tuple(within, whole)
    if origin is Mapping:
        return _mapping(*(_form(each, whole) for each in within))
    if isinstance(of, type) and issubclass(of, StrEnum):
        return _Form(_one_of({member.value: member for member in of}), str)
    raise TypeError(f"a record cannot hold {of}")


def _tuple(within: tuple[Any, ...], whole: bool) -> _Form:
    """A tuple of any length, or of these types in this order."""
    if within[1:] == (...,):
        return _list(_form(within[0], whole))
    return _row([_form(each, whole) for each in within])


def _record(of: Any, whole: bool) -> _Form:
    types = get_type_hints(of)
    forms = {each.name: _form(types[each.name], whole) for each in fields(of)}
    left_out = {} if whole else _defaults(of)
    needed = [each.name for each in fields(of) if each.default is MISSING and each.default_factory is MISSING]

    def load(data: Any) -> Any:
        if isinstance(data, of):
            return data
        if not isinstance(data, Mapping):
            _refuse("a record", data)
        try:
            return of(**{name: form.load(data[name]) for name, form in forms.items() if name in data})
        except (Invalid, TypeError):
            problems = [(name, "is missing") for name in needed if name not in data]
            problems += _problems(
                (name, form.load, data[name]) for name, form in forms.items() if name in data
            )
            if not problems:
                raise
            raise Invalid(problems) from None
        except ValueError as error:  # what its fields may not be together
            raise Invalid([("", str(error))]) from error

    def dump(record: Any) -> dict[str, Any]:
        values = ((name, form, getattr(record, name)) for name, form in forms.items())
        return {
            name: value if form.dump is None else form.dump(value)
            for name, form, value in values
            if name not in left_out or value != left_out[name]
        }

    return _Form(load, dump)


def _defaults(of: Any) -> dict[str, Any]:
    """By field that has one."""
    found = {each.name: each.default for each in fields(of) if each.default is not MISSING}
    made = {each.name: each.default_factory for each in fields(of) if each.default_factory is not MISSING}
    return found | {name: make() for name, make in made.items()}


def _either(kinds: list[Any], whole: bool) -> _Form:
    """One of several simple types, or one type or None."""
    if len(kinds) > 1:

        def load_simple(value: Any) -> Any:
            if type(value) not in kinds:
                _refuse(f"of the type {' or '.join(kind.__name__ for kind in kinds)}", value)
            return value

        return _Form(load_simple, _as_json)
    load, dump = _form(kinds[0], whole)

    def load_unless_none(value: Any) -> Any:
        return None if value is None else load(value)

    def dump_unless_none(value: Any) -> Any:
        return None if value is None or dump is None else dump(value)

    return _Form(load_unless_none, dump_unless_none if dump else None)


def _list(each: _Form) -> _Form:
    load, dump = each

    def load_list(values: Any) -> tuple[Any, ...]:
        if not isinstance(values, list | tuple):
            _refuse("a list", values)
        try:
            return tuple(map(load, values))
        except Invalid:
            numbered = enumerate(values)
            raise Invalid(_problems((str(number), load, value) for number, value in numbered)) from None

    def dump_list(values: Any) -> list[Any]:
        return [*map(dump, values)] if dump else [*values]

    return _Form(load_list, dump_list)


def _row(forms: list[_Form]) -> _Form:
    def load(values: Any) -> tuple[Any, ...]:
        if not isinstance(values, list | tuple) or len(values) != len(forms):
            _refuse(f"a list of {len(forms)}", values)
        try:
            return tuple([form.load(value) for form, value in zip(forms, values, strict=True)])
        except Invalid:
            numbered = zip(map(str, range(len(forms))), (form.load for form in forms), values, strict=True)
            raise Invalid(_problems(numbered)) from None

    def dump(values: Any) -> list[Any]:
        return [*map(_dumped, forms, values)]

    return _Form(load, dump)


def _mapping(key: _Form, each: _Form) -> _Form:
    def load(data: Any) -> dict[Any, Any]:
        if not isinstance(data, Mapping):
            _refuse("a mapping", data)
        try:
            return {key.load(name): each.load(value) for name, value in data.items()}
        except Invalid:
            named = data.items()
            problems = _problems((str(name), key.load, name) for name, _ in named)
            problems += _problems((str(name), each.load, value) for name, value in named)
            raise Invalid(problems) from None

    def dump(values: Any) -> dict[str, Any]:  # the names of JSON are texts
        return {str(name): _dumped(each, value) for name, value in values.items()}

    return _Form(load, dump)


# -- Simple values


def _text(value: Any) -> str:
    if not isinstance(value, str):
        _refuse("a text", value)
    return value


_NUMBER = re.compile(r"[+-]?[0-9]{1,38}")


def _number(value: Any) -> int:
    """Also of a text: that is how JSON names a mapping's entry, and how a person types a term."""
    if type(value) is int:
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        _refuse("a whole number", value)
    return int(value)


_TRUE, _FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")


def _truth(value: Any) -> bool:
    """Also of a word, as a person types a term."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in (*_TRUE, *_FALSE):
        _refuse("true or false", value)
    return value.lower() in _TRUE


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        _refuse("a day", value)


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        _refuse("a time", value)


def _dumped_moment(value: datetime) -> str:
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _one_of(values: Mapping[str, Any]) -> Callable[[Any], Any]:
    def load(value: Any) -> Any:
        if not isinstance(value, str) or value not in values:
            _refuse(f"one of {', '.join(values)}", value)
        return values[value]

    return load


def _as_json(value: Any) -> Any:
    """A value of any type, where it is not known in advance."""
    if isinstance(value, str):  # an enum too
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_as_json, value)]
    return value


def _as_it_is(value: Any) -> Any:
    return value


_SIMPLE: Mapping[Any, _Form] = {
    str: _Form(_text, str),
    int: _Form(_number),
    bool: _Form(_truth),
    date: _Form(_day, date.isoformat),
    datetime: _Form(_moment, _dumped_moment),
    Any: _Form(_as_it_is, _as_json),
}


# -- What is wrong


def _refuse(wanted: str, value: Any) -> NoReturn:
    raise Invalid([("", f"must be {wanted}, but is {value!r:.60}")])


def _problems(attempts: Iterable[tuple[str, Callable[[Any], Any], Any]]) -> list[tuple[str, str]]:
    """What is wrong with each of these: where it is, what loads it, and what is stored."""
    found = []
    for where, load, value in attempts:
        try:
            load(value)
        except Invalid as invalid:
            found += [(".".join(filter(None, (where, within))), what) for within, what in invalid.problems]
    return found
