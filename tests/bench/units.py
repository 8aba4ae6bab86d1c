"""What DynamoDB bills: read units and write units, by the sizes of items as its API writes them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
Indexes = Mapping[str, tuple[str, str]]
"""Index → its partition and sort key."""
KEYS_ONLY = "due-index"
"""Projects the keys of the table and its own; every other index projects everything."""


def size_of(item: Item) -> int:
    """Bytes of an item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(attribute: Mapping[str, Any]) -> int:
    kind: str
    value: Any
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(str(value).encode())
        case "N":
            digits = str(value).lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + str(value).startswith("-")
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
        case "L":
            return 3 + sum(1 + _size(each) for each in value)
    return 1


@dataclass
class Tally:
    """Requests and units of a while."""

    requests: Counter[str] = field(default_factory=Counter)
    """By service and operation, as in ``dynamodb.PutItem``."""
    read_units: float = 0
    read_bytes: int = 0
    """What DynamoDB read for it, whether the caller took it or not."""
    write_units: int = 0
    index_units: int = 0
    """Write units of the indexes."""

    def read(self, items: Iterable[Item], *, consistent: bool) -> None:
        """A read that gave these items."""
        size = sum(map(size_of, items))
        units = max(1, ceil(size / 4096))
        self.read_bytes += size
        self.read_units += units if consistent else units / 2

    def wrote(self, old: Item | None, new: Item | None, indexes: Indexes, *, transaction: bool) -> None:
        """A write of one item. A transaction writes each item twice, and each index once."""
        largest = max((size_of(item) for item in (old, new) if item), default=0)
        self.write_units += max(1, ceil(largest / 1024)) * (2 if transaction else 1)
        if old == new:  # a condition that was checked
            return
        for index, names in indexes.items():
            before, after = (_entry(item, index, names) for item in (old, new))
            if index == KEYS_ONLY and before == after:  # it is as it was
                continue
            if before and after and before[0] == after[0]:
                self.index_units += max(before[1], after[1])
            else:
                self.index_units += sum(entry[1] for entry in (before, after) if entry)

    @property
    def all_write_units(self) -> int:
        """Of the table and its indexes."""
        return self.write_units + self.index_units

    def of(self, *operations: str) -> int:
        """How many requests of these operations."""
        return sum(self.requests[operation] for operation in operations)

    @property
    def reads(self) -> int:
        """Requests to DynamoDB that read."""
        return self.of("dynamodb.GetItem", "dynamodb.Query", "dynamodb.Scan", "dynamodb.BatchGetItem")

    @property
    def writes(self) -> int:
        """Requests to DynamoDB that write."""
        return sum(n for name, n in self.requests.items() if name.startswith("dynamodb.")) - self.reads


def _entry(item: Item | None, index: str, names: tuple[str, str]) -> tuple[tuple[str, ...], int] | None:
    if item is None or not all(name in item for name in names):
        return None
    projected = {name: item[name] for name in ("pk", "sk", *names)} if index == KEYS_ONLY else item
    return tuple(str(item[name]) for name in names), ceil(size_of(projected) / 1024)
