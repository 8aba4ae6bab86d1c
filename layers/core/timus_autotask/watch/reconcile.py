"""Use case: look at every managed contract in Autotask, read-only, for what no message announces.

Reads are batched over many contracts: the contracts, the units of their lines today and on the contracts' last days, and billing
rules. What differs from what we left behind becomes a finding, and its contract is made due: ``converge``, with all of its
rules, is the only judge of what is done about it, so nothing is corrected here.

If every row of every contract fits into a few pages, every day is compared. If there are more, only today and the last day are
compared. Then future edits that cancel each other out are found only by a ``deep`` run, which reads every row.

A run is a record: it goes on where it stopped, and of two that write it at once, one gives way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.finding import Finding, Kind
from timus_autotask.domain.line import State
from timus_autotask.ports.errors import AutotaskError, Conflict, CredentialsRefused, NoCredentials, Refused
from timus_autotask.ports.psa import BillingRule, Company, Psa, Service, UnitRow
from timus_autotask.store.contracts import ContractNames, ContractRecords
from timus_autotask.store.keys import contract_pk, customer_pk
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.records import Store
from timus_autotask.store.runs import Run, delete_found_before, last_run, put_found, put_run
from timus_autotask.store.update import update
from timus_autotask.sync.gather import counted, observed_of
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import contract_is_live
from timus_autotask.sync.worker import note_failure
from timus_autotask.watch.findings import Look, of_contract, of_customer, units_by_line
from timus_autotask.watch.listing import listed
from timus_autotask.watch.names import NamesRead, are_old, learn_names
from timus_autotask.watch.status import Records, stages_of, wanted_of

AT_ONCE = 500
"""Contracts that are read and judged together, and not again after an interruption: a full query of them."""
EVERY_ROW = 6000
"""Unit rows that are read whole, each day: a dozen pages, some hundred and fifty contracts of three lines for a year."""
ROOM = timedelta(seconds=60)
"""Nothing is begun with less time than this before the deadline: some twenty calls, slowed down by Autotask's limits."""
BUDGET = 75
"""Percent of Autotask's request allowance: from here on it slows every request down, and live changes come first."""
ASK_AGAIN = 200
"""Calls after which the allowance is asked for again."""
LATE, LATE_BY = 20, timedelta(minutes=2)
"""Where so much has been due for so long, live changes wait already."""

T = TypeVar("T")


def reconcile(
    ports: Ports,
    deadline: datetime,
    *,
    anew: bool = False,
    deep: bool = False,
    on_progress: Callable[[Run], None] = lambda _run: None,
    at_once: int = AT_ONCE,
    every_row: int = EVERY_ROW,
    to_look_at: dict[int, frozenset[str]] | None = None,
) -> Run:
    """Continue the run that was interrupted, or make today's; ``anew``: begin one now. Returns how far it came.

    ``deep``: read every row even if there are more than ``every_row``. ``to_look_at``: where it is given, contracts that a worker has to
    look at are noted there, with their customers, and not made due: for who wants to show first what would be adjusted.

    It stops, to be continued by the next call, when its time is up, when live changes wait, when much of Autotask's request
    allowance is used and when Autotask is away; ``Run.stopped`` says why. Raises ``TableUnavailable``.
    """
    now = ports.clock.now()
    stored = last_run(ports.table)
    run = replace(stored.value, stopped="")
    if anew or not run.goes_on(now):
        if not anew and run.day == ports.today():
            return stored.value
        run = Run(ports.new_id(), now, ports.today(), deep)
    try:
        return _Reconcile(ports, deadline, run, stored.rev, on_progress, at_once, to_look_at).go(every_row)
    except Conflict:
        return replace(last_run(ports.table).value, stopped="another reconcile is running")


class _Stop(Exception):
    """Something comes before; the message says what."""


class _Reconcile:
    """One call of ``reconcile``."""

    def __init__(
        self,
        ports: Ports,
        deadline: datetime,
        run: Run,
        rev: int,
        on_progress: Callable[[Run], None],
        at_once: int,
        to_look_at: dict[int, frozenset[str]] | None,
    ) -> None:
        self._ports = ports
        self._deadline = deadline
        self._run = run
        self._rev = rev
        self._on_progress = on_progress
        self._at_once = at_once
        self._to_look_at = to_look_at
        self._observing: frozenset[int] = frozenset()
        """Contracts that observe: whatever somebody does there is no drift."""
        self._allowed_at: int | None = None
        """Calls of this run when the allowance was last asked for."""
        self._names: dict[int, ContractNames] = {}

    def go(self, every_row: int) -> Run:
        """Chunk after chunk, until the end or until something comes before."""
        self._names = {names.contract_id: names for names in self._ports.store.all_names()}
        records = self._readable()
        today = self._ports.today()
        wanted = wanted_of(records, today)
        self._observing = _observing(records)
        ids = sorted(records.contracts)
        left = [contract_id for contract_id in ids if contract_id > self._run.cursor]
        few = sum(_rows(contract) for contract in records.contracts.values()) <= every_row
        self._save(replace(self._run, of=len(ids), deep=self._run.deep or few))
        demands = {
            contract_id: {key.service_id: wanted[key] for key in keys}
            for contract_id, keys in groupby(sorted(wanted), key=lambda key: key.contract_id)
        }
        try:
            for start in range(0, len(left), self._at_once):
                self._yield_to_others()
                chunk = {id_: records.contracts[id_] for id_ in left[start : start + self._at_once]}
                self._look(chunk, demands, today)
                self._on_progress(self._run)
        except _Stop as stop:
            self._save(replace(self._run, stopped=str(stop)))
            self._ports.on_event("reconcile-stopped", run=self._run.id, detail=str(stop))
            return self._run
        return self._finish(records, today)

    def _readable(self) -> Records:
        """Every record, without the contracts of those of whom something cannot be read: they would look as if nothing was billed there."""
        unreadable: dict[str, RecordUnreadable] = {}
        records = listed(Store(self._ports.table, lambda error: unreadable.setdefault(error.record, error)))
        unreadable |= {one.record: one for one in records.partner.unreadable.values()}
        for error in unreadable.values():
            self._ports.store.on_unreadable(error)
        owners = {record.partition("/")[0] for record in unreadable}
        left = {
            id_: one
            for id_, one in records.contracts.items()
            if contract_pk(id_) not in owners and not owners & {*map(customer_pk, one.state.value.customers)}
        }
        notes = dict.fromkeys(
            (*self._run.notes, *(f"{str(one)[0].upper()}{str(one)[1:]}" for one in unreadable.values()))
        )
        self._run = replace(self._run, notes=tuple(notes))
        return replace(records, contracts=left)

    # -- What comes before

    def _yield_to_others(self) -> None:
        """Raise ``_Stop`` when something else is more urgent than this."""
        ports, now = self._ports, self._ports.clock.now()
        if now + ROOM > self._deadline:
            raise _Stop("its time was up")
        if len(ports.table.due(int((now - LATE_BY).timestamp()), LATE)) == LATE:
            raise _Stop("changes are due, and come first")
        if refusal := ports.store.circuit().value.refusal(now):
            raise _Stop(f"Autotask cannot be asked: {refusal}")
        if self._allowed_at is None or self._run.calls - self._allowed_at >= ASK_AGAIN:
            threshold = self._ask(lambda autotask: autotask.threshold())
            self._allowed_at = self._run.calls
            if threshold is None:
                return
            ports.on_event("call-budget", budget_percent=threshold.percent)
            if threshold.percent >= BUDGET:
                raise _Stop(f"{threshold.percent} % of Autotask's request allowance is used")

    def _ask(self, question: Callable[[Psa], T]) -> T:
        """An answer of Autotask; raises ``_Stop`` when there is none."""
        try:
            autotask = self._ports.autotask()
        except NoCredentials as error:
            raise self._away(CredentialsRefused(str(error))) from error
        before = autotask.calls
        try:
            return question(autotask)
        except AutotaskError as error:
            raise self._away(error) from error
        finally:
            self._run = replace(self._run, calls=self._run.calls + autotask.calls - before)

    def _away(self, error: AutotaskError) -> _Stop:
        note_failure(self._ports, error)
        return _Stop(f"Autotask cannot be asked: {error}")

    def _if_shown(self, what: str, question: Callable[[Psa], T], none: T) -> T:
        """What the API user may not see is noted, and holds nothing up."""

        def asked(autotask: Psa) -> tuple[T, str]:
            try:
                return question(autotask), ""
            except Refused as error:
                return none, f"{what} could not be read: {error}"

        answer, note = self._ask(asked)
        if note:
            self._run = replace(self._run, notes=tuple(dict.fromkeys((*self._run.notes, note))))
        return answer

    # -- One chunk

    def _look(
        self,
        chunk: Mapping[int, ContractRecords],
        demands: Mapping[int, Mapping[int, Demand]],
        today: date,
    ) -> None:
        """Read some contracts, report what is found, and make them due where the worker has to decide."""
        began = self._ports.clock.now()
        looks = self._read(chunk, today)
        found: dict[int, list[Finding]] = {}
        woken = busy = 0
        for contract_id, known in chunk.items():
            wanted = demands.get(contract_id, {})
            these, at_work = self._found_on(known, wanted, looks[contract_id], today, began)
            busy += at_work
            if any(_asks_for_a_look(one) for one in these) or self._went_live(known):
                woken += self._wake(
                    contract_id, {s.customer_id for one in wanted.values() for s in one.sources}
                )
            if these:
                found[contract_id] = these
        self._name(chunk, looks)
        self._keep({f"CONTRACT#{id_:020}": these for id_, these in found.items()})
        run = self._run
        self._save(
            replace(
                run,
                cursor=max(chunk),
                contracts=run.contracts + len(chunk),
                lines=run.lines + sum(len(records.lines) for records in chunk.values()),
                woken=run.woken + woken,
                busy=run.busy + busy,
            )
        )

    def _found_on(
        self, known: ContractRecords, wanted: Mapping[int, Demand], look: Look, today: date, began: datetime
    ) -> tuple[list[Finding], bool]:
        """What is found on a contract; True: no drift is told, because one of our workers may have changed it in the meantime."""
        these = [*of_contract(known, wanted, look, today, began)]
        if not any(one.is_drift for one in these):
            return these, False
        fresh = self._ports.store.contract(known.state.value.contract_id)
        if _at_work(fresh, began):
            return [one for one in these if not one.is_drift], True
        return [*of_contract(fresh, wanted, look, today, began)], False

    def _read(self, chunk: Mapping[int, ContractRecords], today: date) -> dict[int, Look]:
        ids = [*chunk]
        contracts = self._ask(lambda autotask: autotask.contracts(ids))
        services = {
            id_: contract
            for id_, contract in contracts.items()
            if contract.recurring and contract.start <= contract.end
        }
        near = {id_: min(max(today, one.start), one.end) for id_, one in services.items()}
        last = {id_: one.end for id_, one in services.items()}
        rows = self._rows(near, last)
        none: list[BillingRule] = []
        rules = self._if_shown("Billing rules", lambda autotask: autotask.billing_rules(contracts), none)
        by_contract: dict[int, list[UnitRow]] = {id_: [] for id_ in ids}
        for row in rows:
            by_contract[row.contract_id].append(row)
        counts: dict[int, list[BillingRule]] = {id_: [] for id_ in ids}
        for rule in rules:
            counts[rule.contract_id].append(rule)
        return {
            id_: self._of(
                contracts.get(id_),
                [*counted(by_contract[id_], known.state.value.chosen)],
                counts[id_],
                near.get(id_),
            )
            for id_, known in chunk.items()
        }

    def _rows(self, near: Mapping[int, date], last: Mapping[int, date]) -> list[UnitRow]:
        """The units of these contracts on two days, the near one and the last; deep: on all of them."""
        if self._run.deep:
            return self._ask(lambda autotask: autotask.units_of_contracts(near))
        rows = self._ask(lambda autotask: autotask.units_on(near))
        return rows + self._ask(
            lambda autotask: autotask.units_on({i: d for i, d in last.items() if d != near[i]})
        )

    def _of(
        self,
        contract: Contract | None,
        rows: list[UnitRow],
        rules: list[BillingRule],
        near: date | None,
    ) -> Look:
        if contract is None or near is None:
            return Look(contract, rules=tuple(rules))
        days = tuple(sorted({near, contract.end}))
        whole = None
        if self._run.deep:
            whole = {service: observed.units for service, observed in observed_of(rows, contract.end).items()}
        return Look(contract, tuple(units_by_line(rows, day) for day in days), days, whole, tuple(rules))

    def _name(self, chunk: Mapping[int, ContractRecords], looks: Mapping[int, Look]) -> None:
        """Keep how contracts, companies and services are called now, where that was read long ago."""
        now = self._ports.clock.now()
        contracts = {id_: look.contract for id_, look in looks.items() if look.contract}
        old = [id_ for id_ in contracts if are_old(self._names.get(id_), now)]
        if not old:
            return
        of = [contracts[id_].company_id for id_ in old]
        on = [service_id for id_ in old for service_id in chunk[id_].lines]
        companies: dict[int, Company] = {}
        companies = self._if_shown("Companies", lambda autotask: autotask.companies(of), companies)
        services: dict[int, Service] = {}
        services = self._if_shown("Services", lambda autotask: autotask.services(on), services)
        called = {id_: company.name for id_, company in companies.items()}
        theirs = {
            id_: {one: services[one].name for one in chunk[id_].lines if one in services} for id_ in old
        }
        learn_names(self._ports, [NamesRead(id_, contracts[id_], called, theirs[id_]) for id_ in old])

    def _went_live(self, records: ContractRecords) -> bool:
        """Whether a contract is live and no worker has looked at all of it since."""
        lines = (stored.value for stored in records.lines.values())
        live = records.state.value.contract_id not in self._observing
        return live and any(line.state is State.OBSERVING for line in lines)

    def _wake(self, contract_id: int, customers: Iterable[str]) -> int:
        """Let a worker look at a contract; returns 1 if it does."""
        if self._to_look_at is not None:
            self._to_look_at[contract_id] = frozenset(customers)
            return 0
        update(lambda: self._ports.store.commit(wake_contract(contract_id, self._ports, customers)))
        return 1

    # -- What is kept

    def _keep(self, found: Mapping[str, list[Finding]]) -> None:
        """Store what was found, one document for a contract or a customer, and report it."""
        for subject, these in found.items():
            self._ports.store.commit(put_found(subject, self._run.id, these, self._ports.table))
        every = [one for these in found.values() for one in these]
        for one in every:
            self._ports.on_event(
                "found",
                kind=one.kind.value,
                drift=int(self._is_drift(one) and not one.known),
                contract=one.contract_id,
                service=one.service_id,
                customer=one.customer_id,
                ours=one.ours,
                autotask=one.autotask,
                detail=one.message,
            )
        counts = Counter(self._run.found) + Counter(one.kind.value for one in every)
        drift = self._run.drift + sum(map(self._is_drift, every))
        self._run = replace(self._run, found=dict(sorted(counts.items())), drift=drift)

    def _is_drift(self, found: Finding) -> bool:
        return found.is_drift and found.contract_id not in self._observing

    def _save(self, run: Run) -> None:
        """Store how far it is. Raises ``Conflict`` when another run writes it too."""
        self._ports.store.commit(put_run(run, self._rev))
        self._rev += 1
        self._run = run

    def _finish(self, records: Records, today: date) -> Run:
        """Tell what needs nobody's answer but the table's, forget what is not true any more, and end the run."""
        now = self._ports.clock.now()
        found = {
            f"CUSTOMER#{id_}": these
            for id_, customer in records.customers.items()
            if (these := [*of_customer(customer, records.parked_events, today, now)])
        }
        self._keep(found)
        for gone in delete_found_before(self._run.id, self._ports.table):
            self._ports.store.commit(gone)
        self._save(replace(self._run, finished=self._ports.clock.now()))
        run = self._run
        self._ports.on_event(
            "reconciled",
            run=run.id,
            contracts=run.contracts,
            lines=run.lines,
            calls=run.calls,
            drift_found=run.drift,
            woken=run.woken,
            found=dict(run.found),
        )
        return run


def _asks_for_a_look(found: Finding) -> bool:
    """Whether a worker has to look at the contract because of it."""
    return (found.is_drift and not found.known) or found.kind is Kind.CHANGED_WHILE_OBSERVING


def _observing(records: Records) -> frozenset[int]:
    partner = stages_of(records).partner

    def live(id_: int) -> bool:
        known = records.contracts[id_].state.value.customers
        customers = [records.customers[one] for one in known if one in records.customers]
        return contract_is_live(id_, customers, partner)

    return frozenset(id_ for id_ in records.contracts if not live(id_))


def _rows(records: ContractRecords) -> int:
    """How many unit rows a contract has, about: one for each month of each line."""
    contract = records.state.value.contract
    days = (contract.end - contract.start).days if contract else 365
    return (days // 30 + 1) * max(len(records.lines), 1)


def _at_work(records: ContractRecords, began: datetime) -> bool:
    """Whether a worker is at a contract, is about to be, or was there while it was being read."""
    state = records.state.value
    if state.generation != state.converged or state.lease is not None:
        return True
    return any(
        stored.value.intent is not None or (stored.value.seen_at is not None and stored.value.seen_at > began)
        for stored in records.lines.values()
    )
