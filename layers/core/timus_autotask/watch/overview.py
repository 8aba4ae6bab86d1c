"""Everything that ``status`` shows: every line, what waits, and what somebody has to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from timus_autotask.store.records import Store
from timus_autotask.store.runs import Run
from timus_autotask.watch.grouping import FOR_PEOPLE, standing_of
from timus_autotask.watch.listing import everything
from timus_autotask.watch.status import Records, Status, status_of


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of alignment, with what stands beside it."""

    status: Status
    dead_letters: int
    """Wake-ups that failed for good."""
    compared: Run
    """The last comparison with Autotask."""
    waits_for_person: bool = False
    """Somebody of all customers has a line that waits for a person, or something beside the lines does."""
    filtered: bool = False
    """There are lines that are not shown."""


def overview(
    store: Store,
    queued: int,
    dead_letters: int,
    now: datetime,
    zone: ZoneInfo,
    *,
    customer: str | None = None,
    contract: int | None = None,
) -> Overview:
    """Where everything stands, of everybody or of one customer or contract; whether everything is at rest is of everybody."""
    every = survey(store, queued, dead_letters, now, zone).overview
    lines = tuple(
        line
        for line in every.status.lines
        if customer in (None, line.customer) and contract in (None, line.contract_id)
    )
    events = tuple(event for event in every.status.parked_events if customer in (None, event.customer_id))
    shown = replace(every.status, lines=lines, parked_events=events)
    return replace(every, status=shown, filtered=len(lines) < len(every.status.lines))


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything from the indexes: a few reads for a thousand customers, and each a moment old."""

    records: Records
    overview: Overview


def survey(store: Store, queued: int, dead_letters: int, now: datetime, zone: ZoneInfo) -> Survey:
    """Where everything stands, for who looks often: what an index has not heard of yet is missing for a moment."""
    records, compared = everything(store, queued)
    status = status_of(records, now, zone)
    waits = any(standing_of(line) in FOR_PEOPLE for line in status.lines) or bool(status.undecided)
    return Survey(records, Overview(status, dead_letters, compared, waits))
