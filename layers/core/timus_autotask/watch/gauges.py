"""Use case: how the whole of it is, as numbers for alarms and dashboards.

The sweep asks for it each minute; whatever costs more than one read is looked at each quarter of an hour only. All of it comes
from the table, except one number: how much of Autotask's request allowance is used, by all of the partner's integrations. That
one call also finds credentials that have expired while nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from timus_autotask.domain.approval import set_aside
from timus_autotask.domain.converge.holds import AWAITING_APPROVAL
from timus_autotask.domain.finding import DRIFT
from timus_autotask.domain.line import State
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NotConfigured,
    SecretsUnavailable,
)
from timus_autotask.store.inbox import FROM_FILE
from timus_autotask.store.records import KEPT_DAYS, EventRecord, Store
from timus_autotask.store.runs import Gauges, gauges, last_run, put_gauges
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import autotask_failed
from timus_autotask.watch.findings import LONG
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import Records, StatusLine, status_of

EVERY = timedelta(minutes=15)
"""How often the table is listed: a thousand customers cost a cent a day."""
LOOKED_BACK = (1, 2, 4, 8, 16, 32, 64, 128, KEPT_DAYS)
"""How many days back the last webhook is looked for, one after the other: it is mostly of today."""
USUAL = 3
"""So many webhooks in the month before the last one make silence worth telling."""

_DRIFTING = frozenset[str]().union(*DRIFT.values())


def take(ports: Ports, secret_age: Callable[[], timedelta | None] = lambda: None) -> None:
    """Tell how everything is. ``secret_age``: of the oldest secret that this process has read."""
    now = ports.clock.now()
    told = gauges(ports.table)
    try:
        if told is None or now - told.value.at >= EVERY:
            since = told.value.since if told else now
            _ask_allowance(ports)
            _tell_all(ports, now, since, secret_age())
            # Noted only now: should it fail, it fails each minute, and that has an alarm.
            ports.store.commit(put_gauges(Gauges(since, now), told.rev if told else 0))
    except Conflict:
        pass  # another run has measured it too
    finally:
        # Asked last, so that a circuit that was opened a moment ago is reported.
        circuit = ports.store.partner().circuit.value
        away = int(circuit.open(ports.clock.now()))
        ports.on_event("circuit", circuit_open=away, detail=circuit.reason or None)


def _ask_allowance(ports: Ports) -> None:
    if ports.store.partner().circuit.value.open(ports.clock.now()):
        return
    try:
        threshold = ports.autotask().threshold()
    except AutotaskError as error:
        autotask_failed(ports, error)
    except SecretsUnavailable as error:
        autotask_failed(ports, CredentialsRefused(str(error)))
    except NotConfigured:
        return  # a stack that nobody has finished setting up; a change that comes all the same says so
    else:
        if threshold is not None:
            ports.on_event("call-budget", budget_percent=threshold.percent)


def _tell_all(ports: Ports, now: datetime, since: datetime, secret_age: timedelta | None) -> None:
    records = listed(ports.store)
    lines = status_of(records, now, ports.zone).lines
    decided = set_aside(s.value for contract in records.contracts.values() for s in contract.lines.values())
    parked = [line for line in lines if line.state is State.PARKED and line.key not in decided]
    waits = _waiting_since(records, parked)
    finished = last_run(ports.table).value.finished
    ports.on_event(
        "vitals",
        **_alignment(lines, parked),
        events_parked=len(records.parked_events),
        parked_long=sum(since <= now - LONG for since in waits),
        oldest_change_seconds=_oldest(records, now),
        webhook_silence_days=_silence(ports.store, records.parked_events, now),
        reconcile_age_hours=int((now - max(finished or since, since)).total_seconds() // 3600),
        secret_age_days=None if secret_age is None else secret_age.days,
    )


def _alignment(lines: Sequence[StatusLine], parked: Sequence[StatusLine]) -> dict[str, int]:
    """How many customers and lines are as they should be, and how many are not, by what they wait for."""
    good = (State.APPLIED, State.SCHEDULED)
    not_aligned = {line.customer for line in lines if line.state not in good}
    held = sum(line.reason_code in AWAITING_APPROVAL for line in parked)
    return {
        "customers_aligned": len({line.customer for line in lines} - not_aligned),
        "customers_not_aligned": len(not_aligned),
        "lines_parked": len(parked) - held,
        "lines_held": held,
        "lines_settling": sum(line.state is State.SETTLING for line in lines),
        "lines_drifting": sum(line.reason_code in _DRIFTING for line in parked),
    }


def _waiting_since(records: Records, parked: Sequence[StatusLine]) -> list[datetime]:
    """Since when each thing waits that a person has to see to."""
    waits = [_since(line, records) for line in parked]
    waits += [event.merged_at for event in records.parked_events]
    # A customer's first contract that cannot be opened shows in the customer's lines already.
    waits += [one.since for one in records.provisionings if one.parked and one.since and one.wanted.renews]
    waits += [trouble.since for trouble in records.troubles]
    return waits


def _since(line: StatusLine, records: Records) -> datetime:
    """Since when a line is parked. For a quantity without a line: the day on which Timus first reported it."""
    if line.since:
        return line.since
    subscriptions = records.customers[line.customer].subscriptions.values()
    told = [v.day for s in subscriptions for v in s.value.versions if v.quantity(line.sku)]
    return datetime.combine(min(told), time(), UTC) if told else datetime.max.replace(tzinfo=UTC)


def _oldest(records: Records, now: datetime) -> int:
    """Seconds that the oldest change waits for which nobody's word and no later day is needed; 0: none waits."""
    works = [contract.state.value for contract in records.contracts.values()]
    waits = [work.since for work in works if work.since and work.generation != work.converged]
    waits += [datetime.fromtimestamp(document.due_at, UTC) for document in records.due if document.due_at]
    return max(0, *(int((now - since).total_seconds()) for since in waits)) if waits else 0


def _silence(store: Store, parked: Iterable[EventRecord], now: datetime) -> int:
    """Days since the last webhook, if there usually are some; else 0."""
    kept = [event.received_at for event in parked if _came_by_itself(event)]
    for days in LOOKED_BACK:
        newest = max(_arrivals(store, now - timedelta(days=days), kept), default=None)
        if newest is not None:
            month = _arrivals(store, newest - timedelta(days=30), kept)
            usual = len(list(islice(month, USUAL))) == USUAL
            return (now - newest).days if usual else 0
    return 0


def _arrivals(store: Store, since: datetime, kept: Iterable[datetime]) -> Iterator[datetime]:
    """When webhooks came, those that wait for a person (``kept``) among them."""
    yield from (event.received_at for event in store.events(since) if _came_by_itself(event))
    yield from (at for at in kept if at >= since)


def _came_by_itself(event: EventRecord) -> bool:
    """What an operator took in from a file says nothing about Timus's way to us."""
    return not event.event_id.startswith(FROM_FILE)
