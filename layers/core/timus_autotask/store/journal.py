"""The journal and its chain: here, and nowhere else, an entry is stored, together with the head of its chain.

Each line has a chain of its own, because a line is written whole in one transaction and a contract is not. What concerns the contract
itself, such as a renewal, has a chain in the contract's state. A head and its entries are written together, and a write names the
revision of the document with the head. So an entry has one successor, whoever writes.

The hash of an entry is the SHA-256 of its stored content as canonical JSON, in which the hash of the entry before stands. It is kept in
the entry after it, or in the head. See decision 0027.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from timus_autotask.domain.line import Head, JournalEntry, Line
from timus_autotask.ports.table import Data, Key, Put
from timus_autotask.store import keys
from timus_autotask.store.records import JOURNAL_ENTRY, ContractState, put_contract_state, put_line


def hash_of(content: Data) -> str:
    """The hash of an entry's stored content: keys sorted, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def journal_key(entry: JournalEntry) -> Key:
    """Where an entry stands."""
    return keys.change_key(entry.line.contract_id, entry.settled_at.isoformat(), entry.id)


def line_with_entries(
    line: Line, expected: int, entries: Iterable[JournalEntry] = ()
) -> tuple[Line, list[Put]]:
    """The line with its chain grown by these entries, and what stores all of it."""
    head, puts = _chained(line.head, entries)
    grown = replace(line, head=head)
    return grown, [put_line(grown, expected), *puts]


def contract_with_entries(
    state: ContractState, expected: int, due_at: datetime | None, entries: Iterable[JournalEntry]
) -> list[Put]:
    """What stores a contract's state, with its chain grown by these entries."""
    head, puts = _chained(state.head, entries)
    return [put_contract_state(replace(state, head=head), expected, due_at), *puts]


def _chained(head: Head | None, entries: Iterable[JournalEntry]) -> tuple[Head | None, list[Put]]:
    puts: list[Put] = []
    for entry in entries:
        number, previous = (head.number, head.hash) if head else (0, "")
        data = JOURNAL_ENTRY.dump(replace(entry, number=number + 1, previous=previous))
        puts.append(Put(journal_key(entry), data, 0, kind="change", sort=entry.settled_at.isoformat()))
        head = Head(number + 1, hash_of(data))
    return head, puts


def with_newest_head(earlier: Data, present: Data) -> Data:
    """A line's or contract's record of an earlier time with the head of the present one: the journal's entries since then stay.

    Without it, the next entry would follow one that has a successor already.
    """
    return {**earlier, "head": present["head"]} if present.get("head") else earlier
