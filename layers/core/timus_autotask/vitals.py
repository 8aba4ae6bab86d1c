"""Use case: how the whole of it is, as numbers for alarms and dashboards.

The sweep asks for it each minute; whatever costs more than one read is looked at each quarter of an hour only. All of it comes
from the table but for one number: how much of Autotask's request allowance is used, by all of the partner's integrations. That
one call also finds credentials that have expired while nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from timus_autotask.autotask.answers import AutotaskError, CredentialsRefused
from timus_autotask.converge import autotask_failed
from timus_autotask.domain.converge import HELD
from timus_autotask.domain.line import State
from timus_autotask.findings import DRIFT, LONG
from timus_autotask.listing import listed
from timus_autotask.ports import ApplyPorts
from timus_autotask.reconcile import last_run
from timus_autotask.secrets import NotConfigured, SecretsUnavailable
from timus_autotask.status import Records, StatusLine, status_of
from timus_autotask.store import PARTNER, Store
from timus_autotask.table import Conflict, Key, Put

EVERY = timedelta(minutes=15)
"""How often the table is listed: a thousand customers cost a cent a day."""
LOOKED_BACK = timedelta(days=64)
"""How far back webhooks are looked for."""
USUAL = 3
"""So many webhooks in the month before the last one make silence worth telling."""

_KEY = Key(PARTNER, "VITALS")
_DRIFTING = frozenset[str]().union(*DRIFT.values())


def take(ports: ApplyPorts, secret_age: Callable[[], timedelta | None] = lambda: None) -> None:
    """Tell how everything is. ``secret_age``: of the oldest secret that this process has read."""
    now = ports.clock.now()
    document = ports.table.get(_KEY)
    data = document.data if document else {"since": now.isoformat()}
    if document is None or now - datetime.fromisoformat(data["at"]) >= EVERY:
        put = Put(_KEY, {"since": data["since"], "at": now.isoformat()}, document.rev if document else 0)
        try:
            ports.store.commit(put)
        except Conflict:
            return  # somebody else is at it
        _ask_allowance(ports)
        _tell_all(ports, now, datetime.fromisoformat(data["since"]), secret_age())
    # Asked last, so that a circuit that was opened a moment ago is told.
    circuit = ports.store.partner().circuit.value
    ports.on_event("circuit", circuit_open=int(circuit.open(ports.clock.now())), words=circuit.reason or None)


def _ask_allowance(ports: ApplyPorts) -> None:
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
        ports.on_event("call-budget", budget_percent=threshold.used * 100 // max(threshold.limit, 1))


def _tell_all(ports: ApplyPorts, now: datetime, since: datetime, secret_age: timedelta | None) -> None:
    records = listed(ports.store)
    lines = status_of(records, now, ports.zone).lines
    parked = [line for line in lines if line.state is State.PARKED]
    held = [line for line in parked if line.reason_code in HELD]
    good = (State.APPLIED, State.SCHEDULED)
    customers = {line.customer for line in lines}
    not_aligned = {line.customer for line in lines if line.state not in good}
    events = records.parked_events
    finished = last_run(ports.table).value.finished
    ports.on_event(
        "vitals",
        customers_aligned=len(customers - not_aligned),
        customers_not_aligned=len(not_aligned),
        lines_parked=len(parked) - len(held),
        lines_held=len(held),
        lines_settling=sum(line.state is State.SETTLING for line in lines),
        lines_drifting=sum(line.reason_code in _DRIFTING for line in parked),
        events_parked=len(events),
        parked_long=sum(_since(line, records) <= now - LONG for line in parked)
        + sum(event.merged_at <= now - LONG for event in events),
        oldest_change_seconds=_oldest(records, now),
        webhook_silence_days=_silence(ports.store, now),
        reconcile_age_hours=int((now - max(finished or since, since)).total_seconds() // 3600),
        secret_age_days=None if secret_age is None else secret_age.days,
    )


def _since(line: StatusLine, records: Records) -> datetime:
    """When a parked line came to be so. A quantity that has no line yet: the day on which Timus first told of it."""
    if line.since:
        return line.since
    subscriptions = records.customers[line.customer].subscriptions.values()
    told = [v.day for s in subscriptions for v in s.value.versions if v.quantity(line.sku)]
    return datetime.combine(min(told), time(), UTC) if told else datetime.max.replace(tzinfo=UTC)


def _oldest(records: Records, now: datetime) -> int:
    """Seconds that the oldest change waits for which nobody's word and no later day is needed; 0: none waits."""
    works = [contract.work.value for contract in records.contracts.values()]
    waits = [work.since for work in works if work.since and work.generation != work.converged]
    waits += [datetime.fromtimestamp(document.due_at, UTC) for document in records.due if document.due_at]
    return max(0, *(int((now - since).total_seconds()) for since in waits)) if waits else 0


def _silence(store: Store, now: datetime) -> int:
    """Days since the last webhook, if there usually are some; else 0."""
    for days in (1, 2, 4, 8, 16, 32, LOOKED_BACK.days):
        newest = max((event.received_at for event in store.events(now - timedelta(days=days))), default=None)
        if newest is not None:
            month = store.events(newest - timedelta(days=30))
            usual = len(list(islice(month, USUAL))) == USUAL
            return (now - newest).days if usual else 0
    return 0
