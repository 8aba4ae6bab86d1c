"""The table port: versioned documents, strongly consistent reads, all-or-nothing conditional writes.

One concept carries every record of the product. A document has a key, a revision that grows with every write, and data. A
write names the revision that it replaces; if somebody else wrote first, nothing is written and :class:`Conflict` is
raised. Leases, intents and idempotency are ordinary fields of such documents, so there are no update expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Data = Mapping[str, Any]
"""JSON-like: strings, whole numbers, booleans, None, lists and maps of these."""


@dataclass(frozen=True, slots=True)
class Damaged(Mapping[str, Any]):
    """What stands in a document that a hand has damaged: a map without fields, which no record is read from.

    It is no map, or the document has no revision. An empty map is something else: a record may have all its defaults.
    """

    found: Any
    """What stands where the data should be. None: nothing."""
    unrevised: bool = False
    """The document has no revision; its data may be whole."""

    @property
    def why(self) -> str:
        """What is wrong, for people."""
        if self.unrevised:
            return "it has no revision (rev), so it was written by hand"
        is_ = "there is nothing" if self.found is None else f"it is {self.found!r:.60}"
        return f"its data must be a map, but {is_}"

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


LOST = 10**9
"""Stands for the revision of a document that has none: no document gets there by writes. What is written over it goes on from here."""


def data_in(stored: Any, rev: int = 1) -> Data:
    """The data of a document with this revision, of what is stored as such."""
    if rev == LOST:
        return Damaged(stored, unrevised=True)
    return stored if isinstance(stored, Mapping) else Damaged(stored)


class Key(NamedTuple):
    """Where a document lives."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document. ``rev`` is 1 after the first write, and ``LOST`` where there is none."""

    key: Key
    rev: int
    data: Data
    due_at: int | None = None
    """Unix seconds from when the sweep must look at it; None: never."""
    kind: str | None = None
    """Listed by ``Table.list(kind)``; None: not listed."""
    sort: str = ""
    """Order within the kind."""
    expires_at: int | None = None
    """Unix seconds after which the table may delete it; None: kept."""


@dataclass(frozen=True, slots=True)
class Due:
    """A document that must be looked at: the index knows no more of it."""

    key: Key
    due_at: int
    """Unix seconds from when."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document whole. ``expected`` is the revision that it replaces; 0: it must not exist yet."""

    key: Key
    data: Data
    expected: int
    due_at: int | None = None
    kind: str | None = None
    sort: str = ""
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a document at exactly this revision."""

    key: Key
    expected: int


@dataclass(frozen=True, slots=True)
class Check:
    """Change nothing, but fail the write unless the document is at this revision (0: does not exist)."""

    key: Key
    expected: int


Write = Put | Delete | Check

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_WRITES = 100
"""Writes in one transaction."""
MOST_GOT = 100
"""Documents in one request that reads them by their keys."""
LARGEST_TRANSACTION = 4 * 1024 * 1024
"""Bytes of all of them together."""
LARGEST_DOCUMENT = 400 * 1024
"""Bytes of one document, names of its fields included."""


class Table(Protocol):
    """What the product asks of its store. All methods raise :class:`TableUnavailable` when it is out of reach."""

    def get(self, key: Key) -> Document | None:
        """The document as of now (strongly consistent), or None."""
        ...

    def get_many(self, keys: Sequence[Key]) -> list[Document]:
        """The documents of these keys, in their order and each once, without those that there are not (strongly consistent, each by itself)."""
        ...

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        """Documents of ``pk`` with ``first <= sk <= last``, by ``sk`` (strongly consistent).

        All of them, or the first ``limit``.
        """
        ...

    def write(self, changes: Sequence[Write]) -> None:
        """All or nothing; raises :class:`Conflict` when a revision does not match.

        ``ValueError`` for more than ``MOST_WRITES``, two writes of one document, or one that can never be stored.
        """
        ...

    def due(self, until: int, limit: int) -> list[Due]:
        """Keys of documents with ``due_at <= until``, earliest first, at most ``limit`` (a hint: eventually consistent)."""
        ...

    def list(
        self, kind: str, first: str = "", last: str = "\U0010ffff", *, backwards: bool = False
    ) -> Iterator[Document]:
        """Documents of a kind by ``sort`` within [first, last] (eventually consistent), page by page as they are taken.

        ``backwards``: the last one first, in small pages: for who needs a few of them.
        """
        ...
