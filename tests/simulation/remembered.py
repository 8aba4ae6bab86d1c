"""What a run reads and works out again and again, kept while it lasts: it then takes two thirds of the time, and comes to the same.

Each of these functions is pure, and a document never changes: a write stores another one.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any
from unittest.mock import patch

from tests.fakes.memory_table import MemoryTable, Row
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Desired
from timus_autotask.ports.table import Data, Document
from timus_autotask.store import contracts, customers, records, terms
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.sync import gather


class SharedTable(MemoryTable):
    """A table that gives each stored document out as one and the same value, for whoever only looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[int, tuple[Row, Document]] = {}

    def _document(self, row: Row) -> Document:
        given = self._given.get(id(row))
        if given is None:
            given = self._given[id(row)] = row, super()._document(row)
        return given[1]

    def changed(self) -> list[Document]:
        """Documents that somebody changed who only read them: there must be none."""
        rows = self._rows.values()
        given = [self._given[id(row)] for row in rows if id(row) in self._given]
        return [document for row, document in given if marshal.loads(row.data) != document.data]  # noqa: S302 - our own bytes


@contextmanager
def remembering() -> Iterator[None]:
    """Keep what is read and worked out until the end of the block."""
    with ExitStack() as undo:
        for owner, name, keep in (
            (records, "read_as", _kept_records),
            (contracts, "read_as", _kept_records),
            (customers, "read_as", _kept_records),
            (terms, "read_as", _kept_records),
            (records, "customer_in", _kept_customers),
            (gather, "desired", _kept_desired),
        ):
            undo.enter_context(patch.object(owner, name, keep(getattr(owner, name))))
        yield


def _kept_records(read_as: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[tuple[int, object], tuple[Document, Any]] = {}

    def kept(load: Callable[[Data], Any], document: Document) -> Any:
        if load.__name__ == "<lambda>":
            return read_as(load, document)  # it looks at more than the document
        found = known.get((id(document), load))
        if found is None:
            found = known[id(document), load] = document, read_as(load, document)
        return found[1]

    return kept


def _kept_customers(customer: Callable[..., CustomerRecords]) -> Callable[..., CustomerRecords]:
    known: dict[tuple[str, tuple[int, ...]], tuple[list[Document], CustomerRecords]] = {}

    def kept(customer_id: str, documents: Iterable[Document]) -> CustomerRecords:
        documents = [*documents]
        key = customer_id, tuple(map(id, documents))
        found = known.get(key)
        if found is None:
            found = known[key] = documents, customer(customer_id, documents)
        return found[1]

    return kept


def _kept_desired(desired: Callable[..., Desired]) -> Callable[..., Desired]:
    known: dict[tuple[object, ...], tuple[tuple[object, ...], Desired]] = {}
    """By customers and contracts: what they were asked with last, and what came of it."""

    def kept(
        customers: Sequence[Customer],
        plans: Mapping[str, Any],
        schedules: Mapping[int, Any],
        today: date,
        first_days: Mapping[Any, date],
    ) -> Desired:
        key = (*(one.id for one in customers), *schedules)
        asked = [*customers], dict(plans), dict(schedules), today, dict(first_days)
        found = known.get(key)
        if found is None or found[0] != asked:
            found = known[key] = asked, desired(*asked)
        return found[1]

    return kept
