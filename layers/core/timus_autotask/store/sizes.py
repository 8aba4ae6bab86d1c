"""How large a write is to the table, and how writes that are too large for one transaction are made in several.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from timus_autotask.ports.table import LARGEST_DOCUMENT, LARGEST_TRANSACTION, MOST_WRITES, Check, Put, Write

ROOM = 64 * 1024
"""Bytes of a transaction that are left free: what a request adds around its items is not published."""
FEW = (LARGEST_TRANSACTION - ROOM) // LARGEST_DOCUMENT
"""Documents that fit into one transaction however large they are."""


def size_of(value: Any) -> int:
    """Bytes that DynamoDB counts for a value of a document."""
    match value:
        case str():
            return len(value.encode())
        case None | bool():
            return 1
        case int():
            return (len(str(abs(value))) + 1) // 2 + 1 + (value < 0)
        case Mapping():
            return 3 + sum(1 + len(name.encode()) + size_of(each) for name, each in value.items())
        case _:
            return 3 + sum(1 + size_of(each) for each in value)


def size_of_write(write: Write) -> int:
    """Bytes of the item that a write stores; of its key, where it stores none."""
    fields: dict[str, Any] = {"pk": write.key.pk, "sk": write.key.sk}
    if isinstance(write, Put):
        fields |= {"rev": write.expected + 1, "write": "-" * 36, "data": write.data}
        if write.due_at is not None:
            fields |= {"due": "due", "due_at": write.due_at}
        if write.kind is not None:
            fields |= {"kind": write.kind, "sort": write.sort or "-"}
        if write.expires_at is not None:
            fields["expires_at"] = write.expires_at
    return sum(len(name) + size_of(value) for name, value in fields.items())


def fits(writes: Sequence[Write]) -> bool:
    """Whether the table takes these writes in one transaction."""
    if len(writes) <= FEW:
        return True
    return len(writes) <= MOST_WRITES and sum(map(size_of_write, writes)) <= LARGEST_TRANSACTION - ROOM


def in_batches(puts: Iterable[Put]) -> Iterator[list[Put]]:
    """Puts that belong to nothing else, as few transactions: each has as many as the table takes."""
    batch: list[Put] = []
    size = 0
    for put in puts:
        more = size_of_write(put)
        if batch and (len(batch) == MOST_WRITES or size + more > LARGEST_TRANSACTION - ROOM):
            yield batch
            batch, size = [], 0
        batch.append(put)
        size += more
    if batch:
        yield batch


def in_parts(
    groups: Iterable[Sequence[Write]], last: Sequence[Write], guard: Check
) -> list[tuple[Write, ...]]:
    """The transactions that make all of these writes, in order; mostly it is one.

    ``last`` is whole, and in the last of them. Each group is whole, in any of them. Every transaction before the last one fails
    unless ``guard`` holds; ``last`` holds its own.
    """
    parts: list[tuple[Write, ...]] = []
    open_: tuple[Write, ...] = ()
    for group in groups:
        if open_ and not fits((guard, *open_, *group)):
            parts.append((guard, *open_))
            open_ = ()
        open_ = (*open_, *group)
    if open_ and not fits((*last, *open_)):
        parts.append((guard, *open_))
        open_ = ()
    return [*parts, (*last, *open_)]
