"""The table port in memory: what DynamoDB does for us, and no more."""

from __future__ import annotations

import marshal
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import LOST, Damaged, Delete, Document, Due, Key, Put, Write, data_in

LARGEST_ITEM = 400 * 1024
LARGEST_TRANSACTION = 4 * 1024 * 1024
"""Bytes. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

KEYS = 8 * 1024
"""Bytes: more than all keys and attributes of an item that are not its data."""
_PLAIN_BYTES = 2
"""The format of ``marshal`` without references: no value counts for more than twice its bytes in DynamoDB."""


class Row(NamedTuple):
    """A stored document; its data as bytes, so that nobody can change it through what they wrote or read."""

    key: Key
    rev: int
    data: bytes
    due_at: int | None
    kind: str | None
    sort: str
    expires_at: int | None

    @property
    def most_bytes(self) -> int:
        """More than its ``item_size``, and known at once."""
        return 2 * len(self.data) + KEYS


class _Indexes:
    """``due-index`` and ``kind-index``: each a sorted list with the row at the end of an entry."""

    def __init__(self) -> None:
        self.due: list[tuple[int, str, str, Row]] = []
        self.kinds: dict[str, list[tuple[str, str, str, Row]]] = {}

    def copy(self) -> _Indexes:
        copy = _Indexes()
        copy.due = self.due.copy()
        copy.kinds = {kind: rows.copy() for kind, rows in self.kinds.items()}
        return copy

    def add(self, row: Row) -> None:
        pk, sk = row.key
        if row.due_at is not None:
            insort(self.due, (row.due_at, pk, sk, row))
        if row.kind is not None:
            insort(self.kinds.setdefault(row.kind, []), (row.sort, pk, sk, row))

    def remove(self, row: Row) -> None:
        if row.due_at is not None:
            del self.due[bisect_left(self.due, (row.due_at, *row.key))]
        if row.kind is not None:
            rows = self.kinds[row.kind]
            del rows[bisect_left(rows, (row.sort, *row.key))]


class MemoryTable:
    """:class:`timus_autotask.ports.table.Table` in memory.

    The indexes follow at once, until :meth:`hold_indexes`; then :meth:`due` and :meth:`list` answer from what was,
    until :meth:`let_indexes_follow`. Nothing expires by itself: :meth:`expire`.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._sort_keys: dict[str, list[str]] = {}
        self._indexes = _Indexes()
        self._held: _Indexes | None = None
        self._lock = threading.Lock()

    def get(self, key: Key) -> Document | None:
        row = self._rows.get(key)
        return self._document(row) if row else None

    def get_many(self, keys: Sequence[Key]) -> list[Document]:
        with self._lock:
            rows = (self._rows.get(key) for key in dict.fromkeys(keys))
            return [self._document(row) for row in rows if row]

    def _document(self, row: Row) -> Document:
        """A copy of what a row stores."""
        key, rev, data, due_at, kind, sort, expires_at = row
        plain = marshal.loads(data)  # noqa: S302 - our own bytes; three times as fast as JSON
        return Document(key, rev, data_in(plain, rev), due_at, kind, sort, expires_at)

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        with self._lock:
            sks = self._sort_keys.get(pk, [])
            found = sks[bisect_left(sks, first) : bisect_right(sks, last)][:limit]
            return [self._document(self._rows[Key(pk, sk)]) for sk in found]

    def write(self, changes: Sequence[Write]) -> None:
        if len(changes) > 100:
            raise ValueError("more than 100 changes in one write")
        rows = [_row_of(change) if isinstance(change, Put) else None for change in changes]
        if sum(row.most_bytes for row in rows if row) > LARGEST_ITEM:
            _check_sizes(changes)
        with self._lock:
            stored = self._rows
            conflicts: list[Key] = []
            for change in changes:
                row = stored.get(change.key)
                if (row.rev if row else 0) != change.expected:
                    conflicts.append(change.key)
            if len(changes) > 1 and len({change.key for change in changes}) < len(changes):
                raise ValueError("two changes of one document in one write")
            if conflicts:
                raise Conflict(conflicts)
            for change, new in zip(changes, rows, strict=True):
                if new:
                    self._put(new)
                elif isinstance(change, Delete) and change.expected:
                    self._delete(change.key)

    def due(self, until: int, limit: int) -> list[Due]:
        with self._lock:
            due = (self._held or self._indexes).due
            found = due[: min(bisect_left(due, (until + 1,)), max(0, limit))]
            return [Due(row.key, due_at) for due_at, _, _, row in found]

    def documents(self) -> list[Document]:
        """Everything there is, by key: for a test's eyes only."""
        with self._lock:
            return [self._document(row) for _, row in sorted(self._rows.items())]

    def list(
        self, kind: str, first: str = "", last: str = "\U0010ffff", *, backwards: bool = False
    ) -> Iterator[Document]:
        with self._lock:
            rows = (self._held or self._indexes).kinds.get(kind, [])
            found = [entry[3] for entry in rows if first <= entry[0] <= last]
        if backwards:
            found.reverse()
        return map(self._document, found)

    def hold_indexes(self) -> None:
        """From now on the indexes lag: they show the table as it is at this moment."""
        with self._lock:
            self._held = self._indexes.copy()

    def let_indexes_follow(self) -> None:
        """The indexes show the table as it is again."""
        with self._lock:
            self._held = None

    def expire(self, now: int) -> int:
        """Delete what may be deleted at ``now`` (unix seconds), as the TTL does some time later; returns how many."""
        with self._lock:
            dead = [r.key for r in self._rows.values() if r.expires_at is not None and r.expires_at < now]
            for key in dead:
                self._delete(key)
        return len(dead)

    def _put(self, row: Row) -> None:
        old = self._rows.get(row.key)
        if old:
            self._indexes.remove(old)
        else:
            insort(self._sort_keys.setdefault(row.key.pk, []), row.key.sk)
        self._rows[row.key] = row
        self._indexes.add(row)

    def _delete(self, key: Key) -> None:
        self._indexes.remove(self._rows.pop(key))
        sks = self._sort_keys[key.pk]
        del sks[bisect_left(sks, key.sk)]


def _row_of(put: Put) -> Row:
    key = put.key
    if not (key.pk and key.sk) or put.kind == "":
        raise ValueError("no key is empty in DynamoDB, neither of the table nor of an index")
    stored = put.data
    plain = _plain(stored.found) if isinstance(stored, Damaged) else _plain_map(stored)
    data = marshal.dumps(plain, _PLAIN_BYTES)
    kind = put.kind
    unrevised = isinstance(stored, Damaged) and stored.unrevised
    return Row(
        Key(*key),
        LOST if unrevised else put.expected + 1,
        data,
        put.due_at,
        kind,
        put.sort if kind is not None else "",
        put.expires_at,
    )


def _check_sizes(changes: Sequence[Write]) -> None:
    sizes = [item_size(change) for change in changes if isinstance(change, Put)]
    if max(sizes, default=0) > LARGEST_ITEM:
        raise ValueError("an item is at most 400 KB")
    if len(changes) > 1 and sum(sizes) > LARGEST_TRANSACTION:
        raise ValueError("the items of a transaction are at most 4 MB together")


def item_size(put: Put) -> int:
    """Bytes of the item that a put stores, exactly as DynamoDB counts them.

    Names and texts in UTF-8; a number's significant digits by twos and one byte, one more for a sign; one byte for null and
    true; three bytes for a list or a map, and one for each of its elements.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    size = len("pksk") + _bytes(put.key.pk) + _bytes(put.key.sk)
    size += len("rev") + _number(put.expected + 1) + len("write") + 36 + len("data") + _value(put.data)
    if put.due_at is not None:
        size += len("due") + len("due") + len("due_at") + _number(put.due_at)
    if put.kind is not None:
        size += len("kind") + _bytes(put.kind) + len("sort") + max(1, _bytes(put.sort))
    if put.expires_at is not None:
        size += len("expires_at") + _number(put.expires_at)
    return size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(value: int) -> int:
    digits = str(abs(value)).rstrip("0")
    # The digits are kept by twos from the decimal point, so zeros at the end are free only by twos.
    zeros = len(str(abs(value))) - len(digits)
    return (len(digits) + zeros % 2 + 1) // 2 + 1 + (value < 0)


def _value(value: Any) -> int:
    if isinstance(value, str):
        return _bytes(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, Mapping):
        return 3 + sum(1 + _bytes(str(name)) + _value(each) for name, each in value.items())
    return 3 + sum(1 + _value(each) for each in value) if isinstance(value, list | tuple) else 0


_ATOMS = frozenset({str, bool, type(None)})


def _plain_map(value: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {}
    for name, each in value.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"a map in a document cannot have the name {name!r}")
        plain[name] = each if type(each) in _ATOMS else _plain(each)
    return plain


def _plain(value: Any) -> Any:
    """A copy of exact built-in types; TypeError and ValueError for what the adapter of DynamoDB refuses."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, int):
        if abs(value) >= 10**38:
            raise ValueError("a whole number has at most 38 digits")
        return int(value)
    if isinstance(value, (list, tuple)):
        return [each if type(each) in _ATOMS else _plain(each) for each in value]
    if isinstance(value, (dict, Mapping)):  # a dict is told at once, any other map by its methods
        return _plain_map(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"a document cannot hold {type(value).__name__}")
