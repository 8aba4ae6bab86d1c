"""What would happen if something were written: the workers themselves, on a table that forgets and an Autotask that is only read.

There is no second way of planning here, so a rehearsal cannot show anything but what the workers would do. Time stands still in it, and
nobody else is at work: a lease that a worker has on a contract holds nothing up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from itertools import count
from threading import Lock
from typing import Any, TypeVar, cast

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.line import Answer, Intent, JournalEntry, Line, Outcome, State
from timus_autotask.domain.mapping import LineChoice, LineKey
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.domain.reasons import BY_DECISION
from timus_autotask.ports.errors import NO_ANSWER, Conflict, InfrastructureError
from timus_autotask.ports.psa import ContractService, Psa, Service, UnitRow
from timus_autotask.ports.secrets import RefusedUser
from timus_autotask.ports.table import Check, Document, Due, Key, Put, Table, Write
from timus_autotask.store.contracts import ContractRecords
from timus_autotask.store.keys import CONTRACT, OPENING, PARTNER, contract_pk, customer_pk, id_of, sku_of
from timus_autotask.store.lines import journal_entries, put_line
from timus_autotask.store.reading import RecordUnreadable, Stored
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.gather import observed_of
from timus_autotask.sync.merge import MOST_EVENTS, wake_contract
from timus_autotask.sync.open_contract import open_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.sync.worker import converge
from timus_autotask.watch.status import Each

T = TypeVar("T")
A = TypeVar("A")

AT_ONCE = 50
"""Contracts that are read of Autotask together: some five pages of unit rows."""
ROUNDS = 10
"""How often contracts are looked at again because of what was made on others; each time but the first something must have been made."""


# -- The table


class ForgetfulTable:
    """A table over another one: reads see what was written here, and nothing of it reaches the other.

    What was read once stays as it was read, so that everything is rehearsed on one state. Listings are the other table's; they are
    hints only.
    """

    def __init__(self, stage: Table) -> None:
        self._stage = stage
        self._read: dict[Key, Document | None] = {}
        self._ranges: dict[tuple[str, str, str], list[Key]] = {}
        self._written: dict[Key, Document | None] = {}
        self._lock = Lock()

    def get(self, key: Key) -> Document | None:
        with self._lock:
            if key in self._written:
                return self._written[key]
            if key in self._read:
                return self._read[key]
        return self._kept(key, self._stage.get(key))

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        span = (pk, first, last)
        if span not in self._ranges:
            fresh = self._stage.range(pk, first, last)
            for document in fresh:
                self._kept(document.key, document)
            self._ranges[span] = [document.key for document in fresh]
        with self._lock:
            found = {key: self._read[key] for key in self._ranges[span]}
            found |= {k: d for k, d in self._written.items() if k.pk == pk and first <= k.sk <= last}
        return [document for _, document in sorted(found.items()) if document is not None][:limit]

    def write(self, changes: Sequence[Write]) -> None:
        moved = [change.key for change in changes if self._rev(change.key) != change.expected]
        if moved:
            raise Conflict(moved)
        with self._lock:
            for change in changes:
                if isinstance(change, Put):
                    self._written[change.key] = Document(
                        change.key,
                        change.expected + 1,
                        change.data,
                        change.due_at,
                        change.kind,
                        change.sort,
                        change.expires_at,
                    )
                elif not isinstance(change, Check):
                    self._written[change.key] = None

    def get_many(self, keys: Sequence[Key]) -> list[Document]:
        with self._lock:
            fresh = [key for key in keys if key not in self._written and key not in self._read]
        found = {document.key: document for document in self._stage.get_many(fresh)}
        for key in fresh:
            self._kept(key, found.get(key))
        with self._lock:
            known = (
                self._written[key] if key in self._written else self._read[key] for key in dict.fromkeys(keys)
            )
            return [document for document in known if document is not None]

    def due(self, until: int, limit: int) -> list[Due]:
        return self._stage.due(until, limit)

    def list(
        self, kind: str, first: str = "", last: str = "\U0010ffff", *, backwards: bool = False
    ) -> Iterator[Document]:
        return self._stage.list(kind, first, last, backwards=backwards)

    def written(self) -> Iterable[Document]:
        """What was written here and is still there."""
        with self._lock:
            return [document for document in self._written.values() if document is not None]

    def before(self, pk: str, first: str, last: str) -> Iterator[Document]:
        """The documents of a partition as they were read; without those that were not read."""
        with self._lock:
            read = [one for one in self._read.values() if one is not None]
        return (one for one in read if one.key.pk == pk and first <= one.key.sk <= last)

    def _kept(self, key: Key, document: Document | None) -> Document | None:
        if document is not None and document.data.get("lease"):
            document = replace(document, data={**document.data, "lease": None, "lease_until": None})
        with self._lock:
            return self._read.setdefault(key, document)

    def _rev(self, key: Key) -> int:
        document = self.get(key)
        return document.rev if document else 0


# -- Autotask


class RehearsedAutotask:
    """:class:`Psa` as far as workers use it: reads are Autotask's, each made once; writes change what is read here from then on.

    A contract that would be opened has a negative id.
    """

    def __init__(self, autotask: Callable[[], Psa], *, left_empty: bool = False) -> None:
        self._autotask = autotask
        self._left_empty = left_empty
        """Days that an extension adds have no units; otherwise they have those of the last day."""
        self._contracts: dict[int, Contract | None] = {}
        self._rows: dict[int, list[UnitRow]] = {}
        self._lines: dict[int, list[ContractService]] = {}
        self._services: dict[int, Service | None] = {}
        self._by_sku: dict[str, list[Service]] = {}
        self._ids = count(-1, -1)
        self._lock = Lock()
        self.rows_before: dict[int, list[UnitRow]] = {}
        """Unit rows by contract, as they were read."""
        self.made = 0
        """Adjustments."""
        self.ended: dict[int, date] = {}
        """By contract that was extended: its last day before."""
        self.extended: dict[int, date] = {}
        """New last days by contract."""
        self.opened: dict[int, NewContract] = {}
        """By the id that stands for the contract here."""
        self.failure: Exception | None = None
        """The first question that was not answered; workers note such a thing and go on."""

    def load(self, ids: Sequence[int]) -> None:
        """Read these contracts and their unit rows together."""
        fresh = [id_ for id_ in ids if id_ not in self._contracts]
        found = self._ask(lambda autotask: autotask.contracts(fresh)) if fresh else {}
        services = [contract.id for contract in found.values() if contract.recurring]
        rows = self._ask(lambda autotask: autotask.units_of_contracts(services)) if services else []
        for id_ in fresh:
            self._contracts[id_] = found.get(id_)
            self._rows[id_] = self.rows_before[id_] = []
        for row in rows:
            self._rows[row.contract_id].append(row)
        self.rows_before |= {id_: [*self._rows[id_]] for id_ in fresh}

    # -- Reads

    def contract(self, contract_id: int) -> Contract | None:
        if contract_id not in self._contracts:
            self.load([contract_id])
        return self._contracts[contract_id]

    def units(
        self, contract_id: int, service_ids: Iterable[int], first_day: date | None = None
    ) -> list[UnitRow]:
        wanted = {*service_ids}
        if contract_id not in self._rows:
            self.load([contract_id])
        return [
            row
            for row in self._rows[contract_id]
            if row.service_id in wanted and (first_day is None or row.end >= first_day)
        ]

    def contract_services(self, contract_id: int) -> list[ContractService]:
        with self._lock:
            if contract_id in self.opened:
                self._lines.setdefault(contract_id, [])
            if contract_id not in self._lines:
                self._load_lines(contract_id)
        return self._lines[contract_id]

    def _load_lines(self, contract_id: int) -> None:
        """Read the lines of a contract, and with them those of others, which are asked for next."""
        others = (one.id for one in self._contracts.values() if one and one.recurring and one.id > 0)
        more = [id_ for id_ in others if id_ != contract_id and id_ not in self._lines][: AT_ONCE - 1]
        ids = sorted([contract_id, *more])
        found = self._ask(lambda autotask: autotask.contract_services_of(ids))
        self._lines |= {id_: [] for id_ in ids}
        for line in found:
            self._lines[line.contract_id].append(line)

    def contracts_numbered(self, company_id: int, number: str) -> list[Contract]:
        opened = [self._contracts[id_] for id_, new in self.opened.items() if new.number == number]
        found = self._ask(lambda autotask: autotask.contracts_numbered(company_id, number))
        return [*found, *(contract for contract in opened if contract)]

    def service(self, service_id: int) -> Service | None:
        if service_id not in self._services:
            self._services[service_id] = self._ask(lambda autotask: autotask.service(service_id))
        return self._services[service_id]

    def load_services(self, ids: Iterable[int]) -> None:
        """Read these services of the catalogue together."""
        fresh = sorted({*ids} - {*self._services})
        if fresh:
            found = self._ask(lambda autotask: autotask.services(fresh))
            self._services |= {id_: found.get(id_) for id_ in fresh}

    def service_names(self, ids: Iterable[int]) -> dict[int, str]:
        """How services are called. Those that were not read are read together; nothing fails where they cannot be."""
        known = {one.id: one for found in self._by_sku.values() for one in found}
        wanted = {*ids}
        with suppress(*NO_ANSWER):
            self.load_services(wanted - {*known})
        known |= {one.id: one for one in self._services.values() if one}
        return {id_: known[id_].name for id_ in sorted(wanted & {*known})}

    def services_by_sku(self, skus: Collection[str]) -> list[Service]:
        fresh = [sku for sku in skus if sku not in self._by_sku]
        if fresh:
            found = self._ask(lambda autotask: autotask.services_by_sku(fresh))
            self._by_sku |= {sku: [one for one in found if one.sku == sku] for sku in fresh}
        return [service for sku in skus for service in self._by_sku[sku]]

    def _ask(self, question: Callable[[Psa], T]) -> T:
        try:
            return question(self._autotask())
        except NO_ANSWER as error:
            self.failure = self.failure or error
            raise

    # -- Writes

    def adjust(
        self,
        contract_id: int,
        service_id: int,
        contract_service_id: int | None,
        unit_change: int,
        effective_date: date,
        *,
        time_zone: tzinfo,  # noqa: ARG002 - of the port
        unit_price: Decimal | None = None,
    ) -> None:
        self.change(contract_id, service_id, contract_service_id, unit_change, effective_date, unit_price)
        self.made += 1

    def change(
        self,
        contract_id: int,
        service_id: int,
        contract_service_id: int | None,
        unit_change: int,
        effective_date: date,
        unit_price: Decimal | None,
    ) -> None:
        """Let an adjustment take effect."""
        contract = self.contract(contract_id)
        if contract is None:
            raise ValueError(f"contract {contract_id} is adjusted and not there")
        lines = self.contract_services(contract_id) if unit_price is not None else []
        line_id = contract_service_id if contract_service_id is not None else next(self._ids)
        mine = [row for row in self._rows[contract_id] if _of_line(row, service_id, line_id)]
        others = [row for row in self._rows[contract_id] if not _of_line(row, service_id, line_id)]
        empty = UnitRow(contract_id, service_id, line_id, effective_date, contract.end, 0, None, None)
        changed = [*adjusted(mine, empty, unit_change)]
        self._rows[contract_id] = [*others, *changed]
        if unit_price is not None:
            rest = [line for line in lines if line.id != line_id]
            self._lines[contract_id] = [*rest, ContractService(line_id, contract_id, service_id, unit_price)]

    def extend_contract(self, contract_id: int, end: date, *, time_zone: tzinfo) -> None:  # noqa: ARG002
        contract = self.contract(contract_id)
        if contract is not None:
            self.ended.setdefault(contract_id, contract.end)
            self._contracts[contract_id] = replace(contract, end=end)
            self.extended[contract_id] = end
            if self._left_empty:
                return
            last = max((row.end for row in self._rows[contract_id]), default=end)
            self._rows[contract_id] = [
                replace(row, end=max(row.end, end)) if row.end == last else row
                for row in self._rows[contract_id]
            ]

    def link_renewal(self, contract_id: int, renewed_contract_id: int) -> None:
        """Nothing that is read here shows it."""

    def create_contract(self, new: NewContract, *, time_zone: tzinfo) -> int | None:  # noqa: ARG002
        id_ = next(self._ids)
        self.opened[id_] = new
        self._contracts[id_] = Contract(
            id_, new.company_id, True, True, new.start, new.end, new.months, new.name, new.number
        )
        self._rows[id_] = self.rows_before[id_] = []
        return id_


def _of_line(row: UnitRow, service_id: int, line_id: int) -> bool:
    return row.service_id == service_id and row.contract_service_id == line_id


def adjusted(rows: Sequence[UnitRow], empty: UnitRow, delta: int) -> Iterator[UnitRow]:
    """A line's rows after an adjustment from ``empty.start`` on; ``empty`` has no units and ends with the contract.

    A day without a row has 0 units (observed: Autotask splits the row of the day and changes all later ones).
    """
    day, covered = empty.start, empty.start - ONE_DAY
    for row in sorted(rows, key=lambda row: row.start):
        if row.end < day:
            yield row
            continue
        if row.start > covered + ONE_DAY:
            yield replace(empty, start=covered + ONE_DAY, end=row.start - ONE_DAY, units=delta)
        if row.start < day:
            yield replace(row, end=day - ONE_DAY)
        yield replace(row, start=max(row.start, day), units=row.units + delta)
        covered = row.end
    if covered < empty.end:
        yield replace(empty, start=covered + ONE_DAY, units=delta)


# -- The rehearsal


class NotAnswered(Exception):
    """A rehearsal that does not show everything, because Autotask cannot be asked; ``error`` is why, and so is the message."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Unsettled(Exception):
    """What would be done is not known yet: the outcome of an adjustment that is under way is not known before ``until``."""

    def __init__(self, contract_id: int, until: datetime) -> None:
        super().__init__(f"contract {contract_id} has a change whose outcome is not known yet")
        self.contract_id = contract_id
        self.until = until


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A clock in whose world no time passes."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Nothing happens meanwhile."""


class Rehearsal:
    """The workers on a stage of their own.

    ``each`` makes several reads at a time; ``on_progress`` is told how many contracts of how many are read. An adjustment that is under
    way, so that its outcome is not known yet, counts as landed here, or with ``lost`` as without effect. Days that an extension adds have
    the units of the last day here, or with ``left_empty`` none: which of it Autotask does is seen only afterwards.
    """

    def __init__(
        self,
        ports: Ports,
        each: Each = map,
        on_progress: Callable[[int, int], None] = lambda _done, _of: None,
        *,
        lost: bool = False,
        left_empty: bool = False,
    ) -> None:
        self.now = ports.clock.now()
        self.before = ports.store
        """The records as they are without it."""
        self.table = ForgetfulTable(ports.table)
        self.autotask = RehearsedAutotask(self._signed_in, left_empty=left_empty)
        self._autotask = ports.autotask
        self._on_event = ports.on_event
        self._each = each
        self._on_progress = on_progress
        self._lost = lost
        self._woken: dict[str, None] = {}
        self._open_before: list[Intent] = []
        """Adjustments that were sent before: a worker that settles one here does not make it."""
        self.troubles: dict[str, Exception] = {}
        """What workers could not handle, by its partition: why. They leave it alone and go on, and so does this."""
        self.under_way: dict[LineKey, Intent] = {}
        """Adjustments whose outcome is not known yet, and not to be seen either."""
        self.ports = replace(
            ports,
            table=self.table,
            autotask=lambda: cast("Psa", self.autotask),  # as much of it as workers use
            credentials_refused=RefusedUser,
            clock=_Stopped(self.now),
            wake_ups=self,
            on_event=self._note,
        )

    def _note(self, name: str, **fields: Any) -> None:
        """Nothing of it has happened; but what cannot be read is so."""
        if name == "record-unreadable":
            self._on_event(name, **fields)

    def send(self, customer_id: str, dedup_id: str) -> None:  # noqa: ARG002 - of the queue's port
        """Wake a customer's worker, in this rehearsal."""
        self._woken[customer_id] = None

    def run(self, act: Callable[[Ports], T]) -> T:
        """Do something, and everything that workers would do at once because of it.

        Raises :class:`NotAnswered` and :class:`Unsettled`, so that what it returns is all there is.
        """
        result = act(self.ports)
        self._prefetch()
        for turn in range(ROUNDS):
            made = self.autotask.made
            self._work_off()
            if self.autotask.failure is not None:
                raise NotAnswered(self.autotask.failure) from self.autotask.failure
            # What one contract waits for may be known once another was looked at for the first time.
            if (turn and self.autotask.made == made) or not self._look_again():
                break
        contracts = self.contracts()
        if contracts:
            self._signed_in()
        self._all_settled(contracts)
        return result

    @property
    def woken(self) -> tuple[str, ...]:
        """Customers whose workers are to come."""
        return tuple(self._woken)

    def made(self) -> list[JournalEntry]:
        """Every adjustment that workers made, in the order in which they did."""
        before = {intent.id for intent in self._open_before}
        found = journal_entries(self.table.written())
        return [one for one in found if one.delta and one.outcome is Outcome.LANDED and one.id not in before]

    def contracts(self) -> list[ContractRecords]:
        """Every contract that workers looked at, as they left it."""
        ids = {int(id_of(document.key)) for document in self.table.written() if document.key.sk == CONTRACT}
        return [*self._readable(self.ports.store.contract, contract_pk, sorted(ids))]

    def _readable(
        self, read: Callable[[A], T], pk: Callable[[A], str], ids: Iterable[A], each: Each = map
    ) -> Iterator[T]:
        """What ``read`` gives of each; what cannot be read is in trouble."""

        def attempt(id_: A) -> T | RecordUnreadable:
            try:
                return read(id_)
            except RecordUnreadable as error:
                return error

        for id_, found in zip(ids, each(attempt, ids), strict=True):
            if isinstance(found, RecordUnreadable):
                self._trouble(pk(id_), found)
            else:
                yield found

    def _trouble(self, partition: str, error: Exception) -> None:
        self.troubles.setdefault(partition, error)

    def _signed_in(self) -> Psa:
        """Autotask, unless every worker leaves it alone just now."""
        if refusal := self.ports.store.circuit().value.refusal(self.now):
            raise NotAnswered(refusal)
        return self._autotask()

    def _due(self) -> Iterator[Document]:
        """What was written here and has to be looked at now."""
        moment = self.now.timestamp()
        return (one for one in self.table.written() if one.due_at is not None and one.due_at <= moment)

    def _prefetch(self) -> None:
        """Read at a time what workers would read one after the other."""
        store = self.ports.store
        customers = [*self._readable(store.customer_to_bill, customer_pk, sorted(self._woken), self._each)]
        ids = {contract for one in customers if one.mapping for contract in one.mapping.value.contract_ids}
        ids |= {records.state.value.contract_id for records in self.contracts()}
        contracts = [*self._readable(store.contract, contract_pk, sorted(ids), self._each)]
        chunks = [sorted(ids)[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
        done = 0
        for loaded in self._each(self._load, chunks):
            done += loaded
            self._on_progress(done, len(ids))
        for contract in contracts:
            for stored in contract.lines.values():
                self._assume(stored, contract.state.value.chosen)

    def _assume(self, stored: Stored[Line], chosen: Mapping[int, LineChoice]) -> None:
        """Decide what became of an adjustment that is under way: nobody can know it yet."""
        line, intent = stored.value, stored.value.intent
        if intent is None:
            return
        self._open_before.append(intent)
        contract = self.autotask.contract(line.contract_id)
        if intent.settles_at <= self.now or contract is None:
            return
        if intent.answer in (Answer.REFUSED, Answer.NOT_APPLIED):
            return
        rows = self.autotask.units(line.contract_id, [line.service_id])
        units = observed_of(rows, contract.end, chosen).get(line.service_id, Observed()).units
        landed = units.same(intent.after, contract.start, contract.end)
        if not landed and not units.same(intent.before, contract.start, contract.end):
            return  # somebody else was there too: it is not settled here
        if not landed:
            self.under_way[line.key] = intent
            if not self._lost:
                price = Decimal(intent.price) if intent.price else None
                where = (line.contract_id, line.service_id, line.contract_service_id)
                self.autotask.change(*where, intent.delta, intent.day, price)
        answer = Answer.ACCEPTED if landed or not self._lost else Answer.NOT_APPLIED
        known = replace(line, intent=replace(intent, answer=answer))
        self.ports.store.commit(put_line(known, stored.rev))

    def _load(self, ids: Sequence[int]) -> int:
        try:
            self.autotask.load(ids)
        except NO_ANSWER as error:
            raise NotAnswered(error) from error
        return len(ids)

    def _work_off(self) -> None:
        """Let workers do what is due, until nothing is; what stays due after they were there waits for something else."""
        deadline = self.now + timedelta(hours=1)
        seen: Counter[tuple[Key, int]] = Counter()
        while True:
            while self._woken:
                for customer in self._next_woken():
                    self._attempt(
                        customer_pk(customer), partial(apply_customer, customer, self.ports, deadline)
                    )
            due = [document for document in self._due() if not seen[document.key, document.rev]]
            for document in due:
                seen[document.key, document.rev] += 1
                key = document.key
                subject = "/".join(key) if key.pk == PARTNER else key.pk
                self._attempt(subject, partial(self._take_up, key, deadline))
            if not due and not self._woken:
                return

    def _next_woken(self) -> list[str]:
        """The customers who were woken, those with news first.

        In which order workers come is open. What news makes of a line is the last word on it, so nothing is shown that it would overtake.
        """
        customers = [*self._woken]
        self._woken.clear()
        return sorted(customers, key=self._has_no_news)

    def _has_no_news(self, customer_id: str) -> bool:
        try:
            return not self.ports.store.customer_to_merge(customer_id, MOST_EVENTS).inbox
        except RecordUnreadable:
            return True  # its worker says so

    def _attempt(self, subject: str, handle: Callable[[], None]) -> None:
        """Do something; whatever is raised by it is noted, and everything else goes on: the workers do the same (promise I9)."""
        try:
            handle()
        except (NotAnswered, Unsettled, InfrastructureError):
            raise  # it concerns everything, or it is not known what would be done
        except Exception as error:  # noqa: BLE001 - whatever it is, the preview must name it and show the others
            self._trouble(subject, error)

    def _take_up(self, key: Key, deadline: datetime) -> None:
        """Do what a document is due for, as the sweep does; but for notes, which bill nothing."""
        match key.pk.partition("#")[0]:
            case "CUSTOMER":
                apply_customer(id_of(key), self.ports, deadline)
            case "CONTRACT":
                converge(int(id_of(key)), self.ports, deadline)
            case "OPENING":
                open_contract(id_of(key), self.ports, deadline)
            case "NOTE":
                return
            case _:  # raises if it is no SKU either
                refresh_plan(sku_of(key), self.ports)

    def _look_again(self) -> bool:
        """Wake the contracts on which something waits that may have been made possible just now."""
        waiting = [
            records.state.value.contract_id
            for records in self.contracts()
            if any(
                stored.value.state is State.PENDING
                or (stored.value.parked is not None and stored.value.parked.code not in BY_DECISION)
                for stored in records.lines.values()
            )
        ]
        for contract_id in waiting:
            self.ports.store.commit(wake_contract(contract_id, self.ports))
        return bool(waiting)

    def _all_settled(self, contracts: Iterable[ContractRecords]) -> None:
        for records in contracts:
            for stored in records.lines.values():
                if stored.value.state is State.SETTLING:
                    due_at = datetime.fromtimestamp(records.state.due_at or self.now.timestamp(), UTC)
                    intent = stored.value.intent
                    raise Unsettled(records.state.value.contract_id, intent.settles_at if intent else due_at)
        for document in self.table.written():
            provisioning = (
                self.ports.store.provisioning(id_of(document.key)) if document.key.sk == OPENING else None
            )
            if provisioning and provisioning.value.settles_at and provisioning.value.settles_at > self.now:
                raise Unsettled(0, provisioning.value.settles_at)
