"""Notes on contracts that are still to be written in Autotask."""

from __future__ import annotations

from datetime import datetime

from timus_autotask.domain.note import ContractNote
from timus_autotask.ports.table import Delete, Put, Table
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import Stored, read_as, seconds_of

_NOTE = Codec(ContractNote)


def note(table: Table, note_id: str) -> Stored[ContractNote] | None:
    """A note; None: it is there in Autotask, or was given up. Raises ``RecordUnreadable``."""
    document = table.get(keys.note_key(note_id))
    return Stored(read_as(_NOTE.load, document), document.rev) if document else None


def put_note(one: ContractNote, expected: int, due_at: datetime) -> Put:
    """Store a note that there should be; the sweep looks at it at ``due_at``."""
    return Put(keys.note_key(one.id), _NOTE.dump(one), expected, due_at=seconds_of(due_at))


def delete_note(stored: Stored[ContractNote]) -> Delete:
    """Forget one that is there."""
    return Delete(keys.note_key(stored.value.id), stored.rev)
