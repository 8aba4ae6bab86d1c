"""A record as it was read: with its revision, or why this version cannot read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from timus_autotask.ports.table import Damaged, Data, Document, Due, Key
from timus_autotask.store.codec import problems_of
from timus_autotask.store.history import HistoryPart
from timus_autotask.store.keys import is_whole

T = TypeVar("T")
D = TypeVar("D", Document, Due)

BROKEN_KEY = "its key is broken, and a key cannot be changed: delete it in the DynamoDB console"
"""For people."""


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record with the revision at which it was read; 0: it is not stored yet."""

    value: T
    rev: int = 0
    due_at: int | None = None
    """Unix seconds from when it must be looked at."""
    parts: tuple[HistoryPart, ...] = ()
    """Of a history that does not fit into one document: where its older versions are."""

    def due(self, now: datetime) -> bool:
        """Whether it must be looked at now."""
        return self.due_at is not None and self.due_at <= now.timestamp()


class Unreadable(ValueError):
    """What is stored cannot be used by this version: nothing is decided on it."""


class RecordUnreadable(Unreadable):
    """A record that this version cannot read: a newer one wrote it, or it is damaged."""

    def __init__(self, record: str, why: str) -> None:
        super().__init__(f"the record {record} cannot be read: {why}")
        self.record = record
        """Its keys."""
        self.why = why


OnUnreadable = Callable[[RecordUnreadable], object]
"""Told of a record that cannot be read and is passed over."""


def require_whole(key: Key) -> None:
    """Raise ``RecordUnreadable`` for a key that no record of this product has: whose it is, or what, is not known."""
    if not is_whole(key):
        raise RecordUnreadable("/".join(key), BROKEN_KEY)


def whole(found: Iterable[D], on_unreadable: OnUnreadable) -> Iterator[D]:
    """These, but those whose key is broken."""
    for one in found:
        try:
            require_whole(one.key)
        except RecordUnreadable as error:
            on_unreadable(error)
        else:
            yield one


def read_as(load: Callable[[Data], T], document: Document) -> T:
    """The record of a document. Raises ``RecordUnreadable``."""
    require_whole(document.key)
    if isinstance(document.data, Damaged):
        raise RecordUnreadable("/".join(document.key), document.data.why)
    try:
        return load(document.data)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        why = "; ".join(problems_of(error)) if isinstance(error, ValueError) else repr(error)
        raise RecordUnreadable("/".join(document.key), why) from error


def each_readable(
    read: Callable[[Document], T], documents: Iterable[Document], on_unreadable: OnUnreadable
) -> Iterator[T]:
    """The records of documents, but those that cannot be read."""
    for document in documents:
        try:
            yield read(document)
        except RecordUnreadable as error:
            on_unreadable(error)


def readable_or(default: T, load: Callable[[Data], T], document: Document | None) -> Stored[T]:
    """The record of a document, or the default where there is none, or none that can be read: it is written over with the next write."""
    if document is None:
        return Stored(default)
    try:
        return Stored(read_as(load, document), document.rev, document.due_at)
    except RecordUnreadable:
        return Stored(default, document.rev, document.due_at)


def seconds_of(moment: datetime | None) -> int | None:
    """Unix seconds, rounded up: never due before its time."""
    return None if moment is None else -int(-moment.timestamp() // 1)
