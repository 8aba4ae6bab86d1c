"""Use case: how the whole of it is, as numbers for alarms and dashboards.

The sweep asks for it each minute; whatever costs more than one read is looked at each quarter of an hour only. All of it comes
from the table, except one number: how much of Autotask's request allowance is used, by all of the partner's integrations. That
one call also finds credentials that have expired while nothing changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from heapq import merge
from itertools import islice

from timus_autotask.domain.approval import waiting_for_nobody
from timus_autotask.domain.finding import DRIFT
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.reasons import AWAITING_APPROVAL, PAUSED
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NotConfigured,
    SecretsUnavailable,
)
from timus_autotask.store.inbox import FROM_FILE, FROM_SETUP
from timus_autotask.store.keys import NOTE
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.records import Store
from timus_autotask.store.runs import Gauges, Tally, gauges, gauges_or, last_run, put_gauges
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import MOST_NOTES
from timus_autotask.sync.worker import note_failure
from timus_autotask.watch.findings import LONG
from timus_autotask.watch.listing import of_partner, portions
from timus_autotask.watch.status import Records, Status, StatusLine, status_of

EVERY = timedelta(minutes=15)
"""How often the table is listed: a thousand customers cost a cent a day."""
AT_ONCE = 100
"""Customers that are read and counted together: a second or two."""
ROOM = timedelta(seconds=35)
"""No further customers are counted with less time than this before the deadline: tickets come after it."""
LEAST_ROOM = timedelta(seconds=10)
"""The first ones are, so that a sweep that is always busy finishes a count some time."""
USUAL = 3
"""So many webhooks in the month before the last one make silence worth telling."""

_DRIFTING = frozenset[str]().union(*DRIFT.values())


def report_gauges(
    ports: Ports,
    deadline: datetime,
    secret_age: Callable[[], timedelta | None] = lambda: None,
    at_once: int = AT_ONCE,
) -> None:
    """Tell how everything is, each quarter of an hour, as far as there is time; the next call goes on.

    ``secret_age``: of the oldest secret that this process has read.
    """
    now = ports.clock.now()
    stored = gauges_or(Gauges(now, now, Tally()), ports.table)
    known = stored.value
    try:
        if known.tally is not None or now - known.at >= EVERY:
            if known.tally is None or not known.tally.after:
                _ask_allowance(ports)
            tally, finished = _counted(known.tally or Tally(), ports, deadline, at_once)
            if finished:
                _tell(tally, ports, now, known.since, secret_age())
            # Noted only now: should it fail, it fails each minute, and that has an alarm.
            known = Gauges(known.since, now) if finished else replace(known, tally=tally)
            ports.store.commit(put_gauges(replace(known, zone=ports.zone.key), stored.rev))
    except Conflict:
        pass  # another run has measured it too
    finally:
        # Asked last, so that a circuit that was opened a moment ago is reported.
        circuit = ports.store.circuit().value
        away = int(circuit.open(ports.clock.now()))
        ports.on_event("circuit", circuit_open=away, detail=circuit.reason or None)


def _ask_allowance(ports: Ports) -> None:
    if ports.store.circuit().value.open(ports.clock.now()):
        return
    try:
        threshold = ports.autotask().threshold()
    except AutotaskError as error:
        note_failure(ports, error)
    except SecretsUnavailable as error:
        note_failure(ports, CredentialsRefused(str(error)))
    except NotConfigured:
        return  # a stack that nobody has finished setting up; a change that comes all the same says so
    else:
        if threshold is not None:
            ports.on_event("call-budget", budget_percent=threshold.percent)


def _counted(tally: Tally, ports: Ports, deadline: datetime, at_once: int) -> tuple[Tally, bool]:
    """Count on from where a count stopped; False when there was no time for all customers."""
    if ports.clock.now() + LEAST_ROOM > deadline:
        return tally, False
    unreadable: dict[str, RecordUnreadable] = {}
    noting = Store(ports.table, lambda error: unreadable.setdefault(error.record, error))
    told = 0
    for records, last in portions(noting, tally.after, at_once, of_partner(ports.store)):
        tally = _plus(tally, records, ports)
        # Whatever it says is missing here, and only a person can do something about it.
        new = [*unreadable.values()][told:]
        tally, told = replace(tally, parked_long=tally.parked_long + len(new)), len(unreadable)
        for error in new:
            ports.store.on_unreadable(error)
        if last is None:
            return tally, True
        tally = replace(tally, after=last)
        if ports.clock.now() + ROOM > deadline:
            break
    return tally, False


def _plus(tally: Tally, records: Records, ports: Ports) -> Tally:
    """With some customers more."""
    now = ports.clock.now()
    status = status_of(records, now, ports.zone)
    lines = [*_live(status, records)]
    decided = waiting_for_nobody(
        stored.value for contract in records.contracts.values() for stored in contract.lines.values()
    )
    parked = [line for line in lines if line.state is State.PARKED and line.key not in decided]
    count = Counter(kind for line in lines for kind in _kinds(line, decided))
    customers = {line.customer for line in lines}
    observing = {id_ for id_ in records.customers if not status.stages.live(id_)}
    not_aligned = {line.customer for line in lines if line.state not in (State.APPLIED, State.SCHEDULED)}
    return replace(
        tally,
        aligned=tally.aligned + len(customers - not_aligned),
        not_aligned=tally.not_aligned + len(not_aligned),
        unmapped=tally.unmapped + len(status.mapped.customers),
        ignored=tally.ignored + len(status.mapped.ignored_customers),
        observing=tally.observing + len(observing),
        parked=tally.parked + count["parked"],
        held=tally.held + count["held"],
        paused=tally.paused + count["paused"],
        rejected=tally.rejected + count["rejected"],
        settling=tally.settling + count["settling"],
        drifting=tally.drifting + count["drifting"],
        parked_long=tally.parked_long + _long((_since(line, records) for line in parked), now),
        oldest=min(filter(None, (tally.oldest, *_waiting_since(records))), default=None),
    )


def _live(status: Status, records: Records) -> Iterator[StatusLine]:
    """The customers' lines, without what is ignored or observes: that has no backlog and no drift, because nothing is adjusted there on purpose."""
    for line in status.lines:
        counts = line.state not in (State.OBSERVING, State.IGNORED) and status.stages.live(line.customer)
        if line.customer in records.customers and counts:
            yield line


def _kinds(line: StatusLine, decided: Collection[LineKey | None]) -> Iterator[str]:
    """As what a line counts. One that a person has decided on waits for nobody."""
    if line.set_aside or line.key in decided:
        yield "rejected"
    if line.state is State.SETTLING:
        yield "settling"
    if line.state is not State.PARKED or line.key in decided:
        return
    if line.reason_code in _DRIFTING:
        yield "drifting"
    if line.reason_code in AWAITING_APPROVAL:
        yield "held"
    else:
        yield "paused" if line.reason_code == PAUSED else "parked"


def _waiting_since(records: Records) -> Iterator[datetime | None]:
    """When the oldest change came in of each contract that is not converged."""
    for contract in records.contracts.values():
        state = contract.state.value
        if state.generation != state.converged:
            yield state.since


def _long(waits: Iterable[datetime], now: datetime) -> int:
    return sum(since <= now - LONG for since in waits)


def measured(records: Records, ports: Ports) -> Mapping[str, int]:
    """The same numbers, of everything at once, by the names under which they are logged."""
    now, stored = ports.clock.now(), gauges(ports.table)
    return _numbers(
        _plus(Tally(), records, ports), records, ports, now, stored.value.since if stored else now
    )


def _tell(tally: Tally, ports: Ports, now: datetime, since: datetime, secret_age: timedelta | None) -> None:
    """Tell what was counted, and what belongs to no customer."""
    days = None if secret_age is None else secret_age.days
    numbers = _numbers(tally, of_partner(ports.store), ports, now, since)
    ports.on_event("vitals", **numbers, secret_age_days=days)


def _numbers(tally: Tally, partner: Records, ports: Ports, now: datetime, since: datetime) -> dict[str, int]:
    waits = [event.merged_at for event in partner.parked_events]
    # A customer's first contract that cannot be opened shows in his lines already.
    waits += [one.since for one in partner.provisionings if one.parked and one.since and one.wanted.renews]
    waits += [trouble.since for trouble in partner.troubles]
    finished = last_run(ports.table).value.finished
    plans = partner.partner.plans.values()
    return {
        "customers_aligned": tally.aligned,
        "customers_not_aligned": tally.not_aligned,
        "customers_unmapped": tally.unmapped,
        "customers_ignored": tally.ignored,
        "skus_unmapped": sum(not one.value.choices and not one.value.ignored for one in plans),
        "skus_ignored": sum(one.value.ignored is not None for one in plans),
        "customers_observing": tally.observing,
        "lines_parked": tally.parked,
        "lines_held": tally.held,
        "lines_paused": tally.paused,
        "lines_rejected": tally.rejected,
        "lines_settling": tally.settling,
        "lines_drifting": tally.drifting,
        "events_parked": len(partner.parked_events),
        "parked_long": tally.parked_long + _long(waits, now),
        "oldest_change_seconds": _oldest(tally, partner, ports, now),
        "webhook_silence_days": _silence(ports.store, partner.parked_events, now),
        "reconcile_age_hours": int((now - max(finished or since, since)).total_seconds() // 3600),
    }


def _since(line: StatusLine, records: Records) -> datetime:
    """Since when a line is parked. For a quantity without a line: since when it is known here."""
    if line.since:
        return line.since
    subscriptions = records.customers[line.customer].subscriptions.values()
    versions = (v for s in subscriptions for v in s.value.versions if v.quantity(line.sku))
    known = [v.received_at or datetime.combine(v.day, time(), UTC) for v in versions]
    return min(known, default=datetime.max.replace(tzinfo=UTC))


def _oldest(tally: Tally, partner: Records, ports: Ports, now: datetime) -> int:
    """Seconds that the oldest change waits for which no decision and no later day is needed; 0: none waits."""
    waits = [trouble.since for trouble in partner.troubles]
    waits += [tally.oldest] if tally.oldest else []
    due = [one for one in ports.table.due(int(now.timestamp()), MOST_NOTES + 1) if one.key.sk != NOTE][:1]
    waits += [datetime.fromtimestamp(document.due_at, UTC) for document in due if document.due_at]
    return max(0, *(int((now - since).total_seconds()) for since in waits)) if waits else 0


def last_webhook(store: Store) -> datetime | None:
    """When Timus last sent something; None: never."""
    return next(_webhooks(store, store.parked_events()), None)


def _webhooks(store: Store, parked: Iterable[EventRecord]) -> Iterator[datetime]:
    """When Timus sent something, newest first. Only as many events are read as are asked for."""
    kept = sorted((event.received_at for event in parked if _came_by_itself(event)), reverse=True)
    merged = (event.received_at for event in store.newest_events() if _came_by_itself(event))
    return merge(kept, merged, reverse=True)


def _silence(store: Store, parked: Iterable[EventRecord], now: datetime) -> int:
    """Days since the last webhook, if there usually are some; else 0."""
    newest = list(islice(_webhooks(store, parked), USUAL))
    usual = len(newest) == USUAL and newest[-1] >= newest[0] - timedelta(days=30)
    return (now - newest[0]).days if usual else 0


def _came_by_itself(event: EventRecord) -> bool:
    """What an operator took in from a file, or sent as a test, says nothing about Timus's way to us."""
    return not event.event_id.startswith((FROM_FILE, FROM_SETUP))
