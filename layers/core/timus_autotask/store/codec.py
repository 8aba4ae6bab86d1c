"""How a record becomes JSON and back.

The names that stand in the table are never changed: an older version's documents must be read, and a rollback must read ours. Where
a field has a better name in the code by now, its codec says under which name it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from timus_autotask.ports.table import Data

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class Codec(Generic[T]):
    """Records of one type. ``stored_as`` maps a field (``"message"``, or ``"intent.message"`` one level down) to its stored name.

    Pydantic is loaded, and the type's validator built, with the first record: a cold start pays for the types that it meets.
    """

    def __init__(self, of: type[T], stored_as: Mapping[str, str] | None = None) -> None:
        self._of = of
        self._fields = [(*path.rpartition(".")[::2], stored) for path, stored in (stored_as or {}).items()]

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        from pydantic import TypeAdapter

        return TypeAdapter(self._of)

    def load(self, data: Data) -> T:
        """The record of a document's data. Raises ``pydantic.ValidationError``, a ``ValueError``."""
        if self._fields:
            data = dict(data)
            for within, name, stored in self._fields:
                _rename(data, within, stored, name)
        return self._adapter.validate_python(data)

    def dump(self, record: T) -> Data:
        """The record as a document's data."""
        data: dict[str, Any] = self._adapter.dump_python(record, mode="json")
        for within, name, stored in self._fields:
            _rename(data, within, name, stored)
        return data


def problems_of(invalid: ValueError) -> list[str]:
    """What is wrong with a record that could not be loaded, each with the field's name."""
    from pydantic import ValidationError

    if not isinstance(invalid, ValidationError):
        return [str(invalid)]
    return [
        f"{'.'.join(map(str, error['loc'])) or 'The record'}: {error['msg'].removeprefix('Value error, ')}"
        for error in invalid.errors(include_url=False)
    ]


def _rename(data: dict[str, Any], within: str, old: str, new: str) -> None:
    if within:
        inner = data.get(within)
        if not isinstance(inner, Mapping):
            return
        data[within] = dict(inner)
        data = data[within]
    if old in data:
        data[new] = data.pop(old)
