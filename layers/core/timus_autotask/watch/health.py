"""Whether everything goes on as it should, check by check, from our own records and queues. Nothing is written.

Nobody is asked but for the days on which contracts end, if there is somebody to ask: no event tells that a person has moved one.

The numbers are those of the alarms (``watch/gauges.py``), and so are the limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import effective_day
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.finding import Finding, Kind
from timus_autotask.domain.line import State
from timus_autotask.ports.errors import AutotaskError
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.store.runs import Run, findings, gauges
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.check import CheckResult, CheckVerdict
from timus_autotask.watch.gauges import last_webhook, measured
from timus_autotask.watch.grouping import Standing, own_standing
from timus_autotask.watch.listing import everything
from timus_autotask.watch.month.coverage import HORIZONS, Coverage, Ends, coverage, within
from timus_autotask.watch.nowhere import Stretch, sent_nowhere, stretches
from timus_autotask.watch.remedy import CheckWay
from timus_autotask.watch.status import (
    Pause,
    Records,
    Stages,
    Status,
    StatusLine,
    desired_of,
    status_of,
)
from timus_autotask.watch.wording import counted, some

OK, WARN, WRONG = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.WRONG

SWEEP_LATE = timedelta(hours=1)
"""The sweep counts each quarter of an hour; with very many customers a count takes some minutes more."""
FEW = 3
"""Of many, so many are named."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a number is wrong: the stack's own parameters, which its alarms follow."""

    oldest_change: timedelta = timedelta(hours=1)
    webhook_silence_days: int = 7
    reconcile_age_hours: int = 36
    secret_age_days: int = 365
    call_budget_percent: int = 75


def check_health(
    ports: Ports,
    queued: QueueDepth,
    dead_letters: int,
    secret_age: timedelta | None,
    limits: Limits,
    autotask: Psa | None = None,
) -> Iterator[CheckResult]:
    """How everything is, one line each, what is upstream first.

    ``queued``: wake-ups that wait; ``dead_letters``: those that failed for good; ``secret_age``: of the oldest secret, None: unknown.
    ``autotask`` is asked until when contracts go, one request for five hundred; None: they are as workers last read them.
    """
    now = ports.clock.now()
    records, compared = everything(ports.store, sum(queued))
    status, numbers = status_of(records, now, ports.zone), measured(records, ports)
    yield _stage(status)
    yield _last_webhook(ports, numbers, limits, now)
    yield _queue(queued)
    yield _dead_letters(dead_letters)
    yield _sweep(ports, now)
    yield _failures(status)
    yield _oldest_change(numbers, limits)
    yield _unmapped(status)
    yield _names(status)
    yield _parked(numbers, status)
    yield _approvals(numbers)
    yield _drift(numbers)
    yield _paused(status)
    yield _last_reconcile(compared, numbers, limits)
    yield _ending(findings(ports.table, ports.store.on_unreadable))
    yield _coverage(records, ports, autotask)
    yield _secrets(secret_age, limits)


def _stage(status: Status) -> CheckResult:
    """Whether changes reach Autotask at all. What observes does so on purpose, so it is never wrong."""
    partner, others = status.stages.partner, [*status.stages.exceptions]
    if partner.live and not others:
        return CheckResult("stage", "live: changes reach Autotask")
    if partner.live:
        found = f"live, but {counted(len(others), 'customer')} observed only: {some(others, FEW)}"
        return CheckResult("stage", found, WARN, way=CheckWay.GO_LIVE, customers=tuple(others))
    found = "observing: nothing reaches Autotask" + (f", but that of {some(others, FEW)}" if others else "")
    return CheckResult("stage", found, WARN, way=CheckWay.GO_LIVE)


def _last_webhook(ports: Ports, numbers: Mapping[str, int], limits: Limits, now: datetime) -> CheckResult:
    name, last = "last webhook", last_webhook(ports.store)
    if last is None:
        return CheckResult(name, "Timus has sent nothing yet", WARN, way=CheckWay.REGISTER)
    found = f"{last:%Y-%m-%d %H:%M} UTC, {_ago(now - last)} ago"
    if numbers["webhook_silence_days"] >= limits.webhook_silence_days:
        silent = f"{found}, where there are usually some"
        return CheckResult(name, silent, WRONG, way=CheckWay.LOOK_IN_TIMUS)
    return CheckResult(name, found)


def _queue(depth: QueueDepth) -> CheckResult:
    waits = f"{counted(depth.visible, 'wake-up')} ready, {depth.in_flight} being worked on, {depth.delayed} in the quiet period"
    return CheckResult("queue", waits if sum(depth) else "empty")


def _dead_letters(number: int) -> CheckResult:
    if not number:
        return CheckResult("dead letters", "none")
    found = f"{counted(number, 'wake-up')} failed for good; the worker's log says why"
    return CheckResult("dead letters", found, WRONG, way=CheckWay.REDRIVE)


def _sweep(ports: Ports, now: datetime) -> CheckResult:
    stored = gauges(ports.table)
    if stored is None:
        return CheckResult(
            "sweep",
            "it has not finished its first count yet",
            WARN,
            "It runs each minute: look again in a few",
        )
    found = f"it last counted everything {_ago(now - stored.value.at)} ago"
    if now - stored.value.at < SWEEP_LATE:
        return CheckResult("sweep", found)
    return CheckResult("sweep", found, WRONG, way=CheckWay.LOOK_AT_SWEEP)


def _failures(status: Status) -> CheckResult:
    found = [f"{one.record} cannot be read" for one in status.unreadable]
    found += [f"{one.kind} {one.id} fails: {one.error}" for one in status.troubles]
    if not found:
        return CheckResult("failures", "none")
    way = CheckWay.REPAIR if status.unreadable else CheckWay.SEE_FAILURES
    return CheckResult("failures", some(found, FEW), WRONG, way=way)


def _oldest_change(numbers: Mapping[str, int], limits: Limits) -> CheckResult:
    seconds = numbers["oldest_change_seconds"]
    if not seconds:
        return CheckResult("oldest change", "nothing waits that needs no decision")
    waits = timedelta(seconds=seconds)
    found = f"one waits for {_ago(waits)} that needs no decision"
    if waits < limits.oldest_change:
        return CheckResult("oldest change", found)
    return CheckResult("oldest change", found, WRONG, way=CheckWay.SEE_OUTSTANDING)


def _unmapped(status: Status) -> CheckResult:
    mapped = status.mapped
    if not mapped.unmapped:
        return CheckResult("unmapped", "no customer and no SKU")
    kinds = (("customer", mapped.customers), ("SKU", mapped.skus))
    found = "; ".join(f"{counted(len(names), what)}: {some(names, FEW)}" for what, names in kinds if names)
    return CheckResult("unmapped", found, WARN, way=CheckWay.SUGGEST)


def _names(status: Status) -> CheckResult:
    found = [one for one in status.undecided if one.of_name]
    if not found:
        return CheckResult("names", "no company of a mapped customer is called like another one")
    said = some((one.message for one in found), FEW, "; ")
    if len(found) == 1:
        return CheckResult("names", said, WARN, found[0].remedy)
    return CheckResult("names", said, WARN, way=CheckWay.SEE_UNDECIDED)


def _parked(numbers: Mapping[str, int], status: Status) -> CheckResult:
    lines, events, long = numbers["lines_parked"], numbers["events_parked"], numbers["parked_long"]
    observing = sum(map(partial(_waits_in_observation, stages=status.stages), status.lines))
    if not lines and not events and not long and not observing:
        return CheckResult("parked", "nothing")
    found = f"{counted(lines, 'line')} and {counted(events, 'event')}, the unmapped included; for longer than a day {long}"
    if observing:
        found += f"; in observation {counted(observing, 'line')}, which go-live would not bill"
    return CheckResult("parked", found, WRONG if long else WARN, way=CheckWay.SEE_WAITING)


def _waits_in_observation(line: StatusLine, stages: Stages) -> bool:
    """Whether a line waits for a person that counts nowhere else, because nothing of it reaches Autotask yet."""
    observes = line.state is State.OBSERVING or not stages.live(line.customer)
    return observes and own_standing(line) is Standing.WAITING


def _approvals(numbers: Mapping[str, int]) -> CheckResult:
    held = numbers["lines_held"]
    if not held:
        return CheckResult("approvals", "none is waited for")
    return CheckResult(
        "approvals", f"{counted(held, 'change')} awaiting approval", WARN, way=CheckWay.SEE_HELD
    )


def _drift(numbers: Mapping[str, int]) -> CheckResult:
    drifting = numbers["lines_drifting"]
    if not drifting:
        return CheckResult("drift", "none is known")
    found = f"{counted(drifting, 'line')}: units or a contract in Autotask are not as the line needs them"
    return CheckResult("drift", found, WRONG, way=CheckWay.SEE_DRIFT)


def _paused(status: Status) -> CheckResult:
    if not status.paused:
        return CheckResult("paused", "nobody")
    whom = [one.customer or "everybody" for one in status.paused]
    by = sorted({one.by for one in status.paused if one.by})
    way, customers = _resume(status.paused)
    found = some(whom, FEW) + (f", by {some(by, FEW)}" if by else "")
    return CheckResult("paused", found, WARN, way=way, customers=customers)


def _resume(paused: Sequence[Pause]) -> tuple[CheckWay, tuple[str, ...]]:
    """What ends it, and for whom; where several customers are paused, what shows each one's command."""
    only = tuple(one.customer for one in paused if one.customer is not None)
    if len(only) < len(paused):
        return CheckWay.RESUME, ()
    return (CheckWay.RESUME, only) if len(only) == 1 else (CheckWay.SEE_PAUSED, ())


def _last_reconcile(run: Run, numbers: Mapping[str, int], limits: Limits) -> CheckResult:
    name, late = "last reconcile", numbers["reconcile_age_hours"] >= limits.reconcile_age_hours
    if run.finished is None:
        found = f"not finished yet{f': {run.stopped}' if run.stopped else ''}"
        if late:
            return CheckResult(name, found, WRONG, way=CheckWay.RECONCILE)
        return CheckResult(name, found, WARN, "It runs each night by itself")
    found = f"{run.finished:%Y-%m-%d %H:%M} UTC, {counted(run.contracts, 'contract')}, {counted(sum(run.found.values()), 'finding')}"
    return CheckResult(name, found, WRONG, way=CheckWay.RECONCILE) if late else CheckResult(name, found)


def _ending(found: Iterator[Finding]) -> CheckResult:
    ending = [one for one in found if one.kind is Kind.ENDS_FIRST]
    if not ending:
        return CheckResult(
            "contracts that end", "none ended before its subscription within 30 days at the last reconcile"
        )
    named = [f"{one.contract_id} on {one.day}" for one in ending]
    whose = "its" if len(ending) == 1 else "their"
    said = f"{len(ending)} before {whose} subscription at the last reconcile: {some(named, FEW)}"
    return CheckResult("contracts that end", said, WARN, way=CheckWay.EXTEND)


def _coverage(records: Records, ports: Ports, autotask: Psa | None) -> CheckResult:
    """Until when contracts bill the subscriptions; where Autotask does not say, as they were last read, and that is said."""
    name, today = "coverage", ports.today()
    customers, desired = desired_of(records, today)
    ids = sorted({*records.contracts, *(key.contract_id for key in desired.demands)})
    contracts, as_of = _contracts_now(ids, autotask), ""
    if contracts is None:
        contracts, as_of = _contracts_as_read(records, ports)
    lines = {
        stored.value.key: stored.value for one in records.contracts.values() for stored in one.lines.values()
    }
    ends = coverage(customers, desired, contracts, today, lines)
    early = _not_begun(desired, contracts, today)
    of_contracts = [*([early] if early else []), *_ends(ends, today)]
    nowhere, how_near = _sent_nowhere(customers, desired, records, today)
    if not of_contracts and not nowhere:
        return CheckResult(name, f"contracts bill every subscription for {HORIZONS[-1]} days and more{as_of}")
    found = f"{'. '.join([*nowhere, *of_contracts])}{as_of}"
    verdict = max(how_near, WRONG if early else _how_wrong(ends, today), key=_GRAVITY.index)
    if verdict is OK:
        return CheckResult(name, found)
    way = CheckWay.SEE_COVERAGE if of_contracts else CheckWay.SEE_MAPPING
    return CheckResult(name, found, verdict, way=way)


_GRAVITY = (OK, WARN, WRONG)


def _how_wrong(ends: Ends, today: date) -> CheckVerdict:
    """Wrong within a week, where no renewal by the terms comes first."""
    near = [one for one in ends.soon if one.within(today) == HORIZONS[0]]
    if any(not one.by_terms for one in (*ends.ended, *near)):
        return WRONG
    return WARN if ends.ended or any(not one.by_terms for one in ends.soon) else OK


_Nowhere = tuple[date, str, Stretch]
"""From which day (or, of what is before a mapping, until which), whose, and what goes to no contract."""


def _sent_nowhere(
    customers: Mapping[str, Customer], desired: Desired, records: Records, today: date
) -> tuple[list[str], CheckVerdict]:
    """What mappings send to no contract within the farthest horizon, and how bad that is: wrong within a week.

    Before its first day a mapping says nothing; a person chose that day, so it is a warning.
    """
    plans = records.partner.plan_mappings
    before: list[_Nowhere] = []
    nowhere: list[_Nowhere] = []
    for (id_, sku), billed in sorted(desired.billed.items()):
        mapping = customers[id_].mapping
        if mapping is None or not mapping.routings:
            continue
        begins = mapping.first_day or today
        for one in stretches(sku, sent_nowhere(mapping, plans, sku, billed).between(today, date.max)):
            if one.first < begins:
                before.append((begins, id_, one))
            elif (one.first - today).days <= HORIZONS[-1]:
                nowhere.append((one.first, id_, one))
    near = any((day - today).days <= HORIZONS[0] for day, _, _ in nowhere)
    said = [
        *_said_of(nowhere, "on no contract by the mapping", "from"),
        *_said_of(before, "billed nowhere before the mapping begins", "billed from"),
    ]
    return said, WRONG if near else WARN if said else OK


def _said_of(these: Sequence[_Nowhere], what: str, since: str) -> Iterator[str]:
    """How many seats, and those that come first."""
    if these:
        number = sum(one.units for _, _, one in these)
        day, id_, one = min(these, key=lambda each: each[:2])
        are = "is" if number == 1 else "are"
        yield f"{counted(number, 'seat')} {are} {what}: first {one.units} {one.sku} of {id_}, {since} {day}"


def _not_begun(desired: Desired, contracts: Mapping[int, Contract], today: date) -> str:
    """How many units of today are on contracts that begin only later; empty: none."""
    units: Counter[int] = Counter()
    for key, demand in desired.demands.items():
        if key.contract_id in contracts and contracts[key.contract_id].start > today:
            units[key.contract_id] += demand.units.at(today)
    if not (number := units.total()):
        return ""
    first = min((contracts[id_] for id_ in +units), key=lambda one: (one.start, one.id))
    said = (
        f"{counted(number, 'seat')} {'is' if number == 1 else 'are'} billed nowhere before a contract begins"
    )
    return f"{said}: first {first.id} on {first.start}"


def _ends(ends: Ends, today: date) -> Iterator[str]:
    """How much goes on after its contract has ended, and how much will, and how soon."""
    if ends.ended:
        yield _go_on(ends.ended, "has ended", "")
    if ends.soon:
        yield _go_on(ends.soon, "ends", f"{within(ends.soon, today)}; ")


def _go_on(these: Sequence[Coverage], ends: str, counts: str) -> str:
    number, first = sum(one.units for one in these), these[0]
    goes = "goes on after its" if number == 1 else "go on after their"
    return f"{counted(number, 'seat')} {goes} contract {ends}: {counts}first {first.key.contract_id} on {first.until}"


def _contracts_now(ids: Sequence[int], autotask: Psa | None) -> Mapping[int, Contract] | None:
    """As Autotask says now; None: it does not."""
    if autotask is None:
        return None
    try:
        return autotask.contracts(ids) if ids else {}
    except AutotaskError:
        return None


def _contracts_as_read(records: Records, ports: Ports) -> tuple[Mapping[int, Contract], str]:
    """As workers last read them, with words that say so."""
    states = [found.state.value for found in records.contracts.values()]
    contracts = {one.contract_id: one.contract for one in states if one.contract is not None}
    read = [one.rested_at for one in states if one.contract is not None and one.rested_at is not None]
    oldest = f", the longest ago on {effective_day(min(read), ports.zone)}" if read else ""
    return contracts, f" (Autotask was not asked: by the contracts as workers last read them{oldest})"


def _secrets(age: timedelta | None, limits: Limits) -> CheckResult:
    if age is None:
        return CheckResult("secrets", "their age is not known")
    found = f"the oldest is {counted(age.days, 'day')} old"
    if age.days < limits.secret_age_days:
        return CheckResult("secrets", found)
    return CheckResult("secrets", found, WARN, way=CheckWay.RENEW_SECRETS)


# -- Words


def _ago(time: timedelta) -> str:
    """How long, in one unit."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(minutes // (24 * 60), "day")
