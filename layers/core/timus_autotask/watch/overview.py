"""Everything that ``status`` shows: every line, what waits, and what somebody has to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from timus_autotask.store.records import Store
from timus_autotask.store.runs import Run, last_run
from timus_autotask.watch.listing import everything
from timus_autotask.watch.status import Each, Records, Status, gather, status_of


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of alignment, with what stands beside it."""

    status: Status
    dead_letters: int
    """Wake-ups that failed for good."""
    compared: Run
    """The last comparison with Autotask."""
    filtered: bool = False
    """There are lines that are not shown."""


def overview(
    store: Store,
    queued: Callable[[], int],
    dead_letters: Callable[[], int],
    now: datetime,
    zone: ZoneInfo,
    each: Each = map,
    *,
    customer: str | None = None,
    contract: int | None = None,
) -> Overview:
    """Where everything stands, of everybody or of one customer or contract; whether everything is at rest is of everybody."""
    dead = dead_letters()
    status = status_of(gather(store, queued, each), now, zone)
    lines = tuple(
        line
        for line in status.lines
        if customer in (None, line.customer) and contract in (None, line.contract_id)
    )
    events = tuple(event for event in status.parked_events if customer in (None, event.customer_id))
    shown = replace(status, lines=lines, parked_events=events)
    return Overview(shown, dead, last_run(store.table).value, len(lines) < len(status.lines))


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything from the indexes: a few reads for a thousand customers, and each a moment old."""

    records: Records
    overview: Overview


def survey(store: Store, queued: int, dead_letters: int, now: datetime, zone: ZoneInfo) -> Survey:
    """Where everything stands, for who looks often: what an index has not heard of yet is missing for a moment."""
    records = everything(store, queued)
    return Survey(records, Overview(status_of(records, now, zone), dead_letters, last_run(store.table).value))
