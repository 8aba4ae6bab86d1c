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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.line import Head, JournalEntry, Line, Outcome
from timus_autotask.domain.mapping import LineChoice
from timus_autotask.ports.table import Data, Document, Key, Put, Table
from timus_autotask.store import keys
from timus_autotask.store.contracts import (
    ContractNames,
    ContractState,
    contract_state_in,
    names_in,
    put_contract_state,
)
from timus_autotask.store.lines import JOURNAL_ENTRY, line_in, put_line
from timus_autotask.store.reading import read_as, readable_or
from timus_autotask.store.records import Store


def hash_of(content: Data) -> str:
    """The hash of an entry's stored content: keys sorted, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Half a character, from outside, is no reason to stop.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


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


# -- Reading it


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of a line, or of what concerns a contract itself, in order of the chain; those of an earlier version first."""

    entries: tuple[JournalEntry, ...] = ()
    contents: tuple[Data, ...] = ()
    """As they are stored: what the hashes are of."""

    @property
    def unchained(self) -> tuple[JournalEntry, ...]:
        """Entries of an earlier version, which are in no chain."""
        return tuple(entry for entry in self.entries if not entry.number)


@dataclass(frozen=True, slots=True)
class Journalled:
    """A contract with all of its journal, in one read."""

    contract_id: int
    contract: Contract | None
    """As Autotask last said."""
    chosen: Mapping[int, LineChoice]
    """The contract service of a line, where a person has chosen it; by service."""
    head: Head | None
    """Of what concerns the contract itself."""
    lines: Mapping[int, Line]
    """By service."""
    journals: Mapping[int, Journal]
    """By service; 0 is the contract itself."""
    names: ContractNames | None = None


def journalled(store: Store, contract_id: int) -> Journalled:
    """A contract with all of its journal."""
    state, names = ContractState(contract_id), None
    lines: dict[int, Line] = {}
    entries: list[Document] = []
    for document in store.table.range(keys.contract_pk(contract_id), *keys.WITH_JOURNAL):
        sk = document.key.sk
        if sk.startswith(keys.CHANGE):
            entries.append(document)
        elif sk.startswith(keys.LINE):
            line = read_as(line_in, document)
            lines[line.service_id] = line
        elif sk == keys.CONTRACT:
            state = read_as(contract_state_in, document)
        elif sk == keys.NAMES:
            names = readable_or(ContractNames(contract_id), names_in, document).value
    journals = _by_service(entries)
    return Journalled(contract_id, state.contract, state.chosen, state.head, lines, journals, names)


def _by_service(documents: Iterable[Document]) -> dict[int, Journal]:
    entries: dict[int, list[tuple[JournalEntry, Data]]] = {}
    for document in documents:
        entry = read_as(JOURNAL_ENTRY.load, document)
        entries.setdefault(entry.line.service_id, []).append((entry, document.data))
    return {service_id: _in_order(found) for service_id, found in entries.items()}


def _in_order(found: Iterable[tuple[JournalEntry, Data]]) -> Journal:
    ordered = sorted(found, key=lambda one: (one[0].number, one[0].settled_at, one[0].id))
    return Journal(tuple(entry for entry, _ in ordered), tuple(content for _, content in ordered))


def first_broken(journal: Journal, head: Head | None) -> int | None:
    """The number of the first entry that is missing, or does not follow from the one before; None: the chain is whole up to its head."""
    number, previous = 0, ""
    for content in journal.contents:
        if not content.get("number"):
            continue
        number += 1
        if (content["number"], content["previous"]) != (number, previous):
            return number
        previous = hash_of(content)
    if head is None:
        return min(number, 1) or None
    if (number, previous) == (head.number, head.hash):
        return None
    return number + 1 if number < head.number else head.number


def contract_head(heads: Mapping[int, Head]) -> str:
    """One hash over the heads of a contract, by service: SHA-256 of ``[[service, number, hash], …]`` in order, as canonical JSON."""
    listed = [[service_id, head.number, head.hash] for service_id, head in sorted(heads.items())]
    text = json.dumps(listed, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# -- Restoring


def journals_of(table: Table, contract_id: int) -> dict[int, Journal]:
    """The journals of a contract by service, as :class:`Journalled` has them. Raises :class:`RecordUnreadable`."""
    return _by_service(table.range(keys.contract_pk(contract_id), keys.CHANGE, keys.CHANGE + keys.LAST))


def with_newest_head(earlier: Data, present: Data) -> Data:
    """A contract's record of an earlier time with the head of the present one: the journal's entries since then stay.

    Without it, the next entry would follow one that has a successor already.
    """
    head = present.get("head")
    return {**earlier, "head": head} if head else earlier


def with_what_was_done_since(earlier: Line, present: Line | None, journal: Journal) -> Line:
    """A line of an earlier time with what its journal says of the time since then, and with what a person undid or rejected.

    Autotask has these adjustments: without them one of ours would look like somebody's edit. A change that was undone or rejected would be
    made. What else a person decided since then is asked again, or parked. ``present`` is the line before it was brought back; None: it was lost.
    """
    known = earlier.head.number if earlier.head else 0
    since = [
        (entry, content)
        for entry, content in zip(journal.entries, journal.contents, strict=True)
        if entry.number > known
    ]
    line = earlier
    if present:
        line = replace(earlier, undone=present.undone, rejections=present.rejections, intent=present.intent)
    if not since:
        return line
    made = [entry for entry, _ in since if entry.outcome is Outcome.LANDED]
    baseline = earlier.baseline
    if baseline is not None:
        for entry in made:
            baseline = baseline.add_from(entry.day, entry.delta)
    newest, content = since[-1]
    ended = line.intent is not None and line.intent.id in {entry.id for entry, _ in since}
    return replace(
        line,
        baseline=baseline,
        intent=None if ended else line.intent,
        adjusted=tuple(sorted({*earlier.adjusted, *(entry.day for entry in made)})),
        last_change=made[-1].settled_at if made else earlier.last_change,
        head=Head(newest.number, hash_of(content)),
        # What the next entry was to say then, a later one has said.
        found=None,
    )
