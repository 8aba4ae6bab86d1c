"""Use case: write a note on a contract in Autotask for a change that was made, where the terms ask for it.

The worker stores the note with the journal's entry, so none is lost; the sweep writes it, so no change waits for it. A refusal is
logged and tried again later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from timus_autotask.domain.note import GIVEN_UP, ContractNote, NoteAction, next_action
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NoCredentials,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from timus_autotask.store.notes import delete_note, note, put_note
from timus_autotask.store.reading import Stored
from timus_autotask.sync.lease import LEASE_MARGIN
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import contract_is_live, decide_stage
from timus_autotask.sync.worker import ADJUSTMENT_TAKES, note_failure

ASK_AGAIN = timedelta(hours=1)
"""How soon Autotask is asked again for what it refused, or for a contract that observes by now."""


def write_note(note_id: str, ports: Ports, deadline: datetime) -> None:
    """Bring a note as far as Autotask allows; ``deadline`` is when this process is dead."""
    stored = note(ports.table, note_id)
    if stored is None or ports.clock.now() + ADJUSTMENT_TAKES > deadline:
        return
    try:
        _drive(stored, ports, deadline)
    except (Conflict, NoCredentials):
        return  # another run is at it; or that is reported elsewhere, and it stays due
    except Refused as error:  # changes go on without a permission for notes
        _later(note_id, ports, str(error))
    except AutotaskError as error:
        note_failure(ports, error)


def _drive(stored: Stored[ContractNote], ports: Ports, deadline: datetime) -> None:
    one = stored.value
    if not _is_live(one.contract_id, ports):
        _later(one.id, ports, "the contract observes")
        return
    there = ports.autotask().has_note(one.contract_id, one.mark)
    match next_action(one, there, ports.clock.now()):
        case NoteAction.FORGET:
            ports.store.commit(delete_note(stored))
        case NoteAction.WAIT:
            ports.store.commit(put_note(one, stored.rev, one.settles_at or ports.clock.now()))
        case NoteAction.WRITE:
            _ask(stored, ports, deadline)


def _ask(stored: Stored[ContractNote], ports: Ports, deadline: datetime) -> None:
    """Ask for the note, once, after writing down that we do."""
    one, rev = stored.value, stored.rev + 1
    settles_at = deadline + LEASE_MARGIN + ports.settle
    ports.store.commit(put_note(replace(one, settles_at=settles_at), stored.rev, settles_at))
    try:
        ports.writing(live=True).create_note(one.contract_id, one.title, one.text)
    except OutcomeUnknown as error:
        settles_at = min(settles_at, ports.clock.now() + ports.settle)
        ports.store.commit(put_note(replace(one, settles_at=settles_at), rev, settles_at))
        _tell("unknown", one, ports, str(error))
    except (Refused, RetryLater, CredentialsRefused):
        ports.store.commit(put_note(replace(one, settles_at=None), rev, ports.clock.now()))
        raise
    else:
        ports.store.commit(delete_note(Stored(one, rev)))
        _tell("written", one, ports)


def _later(note_id: str, ports: Ports, why: str) -> None:
    """It waits an hour; after a week it is given up."""
    stored = note(ports.table, note_id)
    if stored is None:
        return
    now, one = ports.clock.now(), stored.value
    over = now - one.since >= GIVEN_UP
    try:
        ports.store.commit(delete_note(stored) if over else put_note(one, stored.rev, now + ASK_AGAIN))
    except Conflict:
        return  # another run is at it
    _tell("given-up" if over else "refused", one, ports, why)


def _is_live(contract_id: int, ports: Ports) -> bool:
    known = ports.store.contract(contract_id).state.value.customers
    customers = [ports.store.customer_to_bill(customer) for customer in known]
    return contract_is_live(contract_id, customers, decide_stage(ports, ports.store.partner()))


def _tell(what: str, one: ContractNote, ports: Ports, detail: str | None = None) -> None:
    ports.on_event(f"note-{what}", contract=one.contract_id, change=one.id, detail=detail)
