"""One worker at one contract: under its lease, gather → decide (``domain.converge``) → act, until there is nothing to do.

Whatever dies on the way leaves the contract due, and an intent that was opened stays open until a read settles it. Everything that
Autotask says becomes a record. Three things are raised: ``InfrastructureError`` when our own infrastructure fails, ``Conflict`` where others
come first again and again, and ``RecordUnreadable`` for a record that this version cannot read.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.line import MOST_CAUSES, Answer, Intent, JournalEntry, Line, Outcome, State, Why
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.note import is_noted, note_of
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.provisioning import NewContract, Provisioning
from timus_autotask.domain.undone import renewed_until
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NoCredentials,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from timus_autotask.ports.secrets import RefusedUser
from timus_autotask.ports.table import Key, Put, Write
from timus_autotask.store.contracts import check_contract_state, put_provisioning
from timus_autotask.store.customers import CustomerRecords, put_subscription
from timus_autotask.store.journal import contract_with_entries, journal_key, line_with_entries
from timus_autotask.store.keys import line_key
from timus_autotask.store.notes import put_note
from timus_autotask.store.partner import PartnerRecords, put_changed_today, put_circuit
from timus_autotask.store.reading import Stored
from timus_autotask.store.sizes import in_parts
from timus_autotask.store.update import update
from timus_autotask.sync.former_terms import former_terms
from timus_autotask.sync.gather import Gathered, ask_prices, read_customers, read_records, view_of
from timus_autotask.sync.lease import LEASE_MARGIN, Leased, take_lease
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.services import store_missing_services
from timus_autotask.sync.stage import decide_stage

ADJUSTMENT_TAKES = timedelta(seconds=30)
"""No adjustment is begun with less time than this before the function's deadline: it must be answered and read back."""
CREDENTIALS_PAUSE = timedelta(minutes=15)
"""How long Autotask is not asked after it refused the credentials: bad logins in a row lock the account."""
AWAY_PAUSE = timedelta(minutes=1)
"""How long nobody asks Autotask after several contracts failed in a row; it grows while they fail again."""
LONGEST_PAUSE = timedelta(minutes=8)
"""Shorter than a period of the alarms on failed work and on an Autotask that is away, so that they stay on."""
REPLACED_SECONDS = 5
"""Until somebody signs in with an API user that was stored a moment ago."""
EXTEND_AGAIN = timedelta(hours=1)
"""How soon Autotask is asked again to extend a contract that it refused to extend."""


def converge(contract_id: int, ports: Ports, deadline: datetime, leased: Leased | None = None) -> None:
    """Bring one contract to rest, or as far as Autotask and time allow; the rest stays due.

    ``deadline`` is when this process is surely dead; ``leased``: it is this worker's already. Another worker at the contract is left
    alone: what made it due is in its generation, which that one looks at again before it rests.
    """
    leased = leased or take_lease(contract_id, ports, deadline)
    if leased is None:
        return
    session = _ContractSession(leased, ports, deadline)
    try:
        session.run()
        if leased.partner.circuit.value.failing and session.was_answered:
            note_answered(ports)
    except AutotaskError as error:
        session.postpone(error)
    except NoCredentials as error:
        session.postpone(CredentialsRefused(str(error)))


class _ContractSession:
    """One worker at one contract, from its lease to giving it back."""

    def __init__(self, leased: Leased, ports: Ports, deadline: datetime) -> None:
        state = leased.contract.state.value
        self._id = state.contract_id
        self._ports = ports
        self._deadline = deadline
        self._lease = state.lease
        self._read: Leased | None = leased
        """What was read with the lease, until it is used."""
        self._answers: dict[str, Intent] = {}
        """Intents that this worker sent, with what it was answered; by id."""
        self._contract: Contract | None = None
        self._asked = False
        self._since: datetime | None = None
        """When the oldest change came in that brought us here."""
        self._renewed: date | None = None
        self._unextended = ""
        """Autotask's words when it refused to extend the contract."""
        self._catalogue: dict[int, Decimal | None] = {}
        """The catalogue's prices that this worker has read, by service."""
        self._journal: list[JournalEntry] = []
        """What this worker did besides adjusting, to be written when it gives the contract back: with the head of its chain."""
        self._renewal_noted = False
        self._policies: dict[str, Policy] = {}
        """The terms by which this worker has gone on so far, by customer."""

    def run(self) -> None:
        """Gather → decide → act, until there is nothing to do, no time, or no lease."""
        gathered = self._gather()
        looks = 0
        while gathered is not None:
            now = self._ports.clock.now()
            try:
                if now + ADJUSTMENT_TAKES > self._deadline:
                    at_once = now.replace(microsecond=0)  # due times are rounded up to whole seconds
                    self._release(gathered, self._kept(gathered, at_once), rested=False)
                    self._hand_on(gathered)
                    return
                view = self._view(gathered, looks)
                step = self._decide(view)
                if step.look_again:
                    looks += 1
                    self._ports.clock.sleep(looks)
                    continue
                if step.extend is not None:
                    self._extend(step.extend, view, now)
                    gathered = self._gather()
                    continue
                if step.adjust is None:
                    self._release(gathered, step)
                    return
                gathered = self._open(gathered, step, step.adjust)
            except Conflict:
                gathered = self._gather()
                continue
            looks = 0
            gathered = self._send(gathered, step.adjust)

    def _decide(self, view: View) -> Step:
        """The next step; the prices that it asks for are read, and it is decided again."""
        step = next_step(view)
        if step.ask_prices:
            prices = ask_prices(view, step.ask_prices, self._catalogue_price, self._ports)
            step = next_step(replace(view, prices=prices))
        return step

    def _catalogue_price(self, service_id: int) -> Decimal | None:
        if service_id not in self._catalogue:
            service = self._ports.autotask().service(service_id)
            self._catalogue[service_id] = service.unit_price if service else None
        return self._catalogue[service_id]

    @property
    def was_answered(self) -> bool:
        """Whether Autotask was asked, and answered all that was asked of it."""
        return self._asked

    def postpone(self, error: AutotaskError) -> None:
        """Autotask cannot be asked now: note why, keep what was answered, and stay due."""
        error = note_failure(self._ports, error, self._id)
        until = self._ports.clock.now() + _pause(error)

        def release() -> None:
            gathered = self._gather(quick=True)
            if gathered is None:
                return
            step = self._kept(gathered, until)
            self._release(gathered, step, rested=False, trouble=str(error) or "no answer")

        update(release)

    def _kept(self, gathered: Gathered, due_at: datetime) -> Step:
        """What must not be lost when this worker ends before its time: what it was answered. The rest is due then."""
        lines = [self._answered(stored.value) for stored in gathered.contract.lines.values()]
        known = gathered.contract.lines
        changed = tuple(line for line in lines if line != known[line.service_id].value)
        return Step(lines=changed, due_at=due_at)

    def _hand_on(self, gathered: Gathered) -> None:
        """Let the next worker go on at once, if this one came forward; else the next would end like it, again and again."""
        customers = gathered.contract.state.value.customers
        if customers and self._answers:
            self._ports.hand_on(customers[0])

    # -- Gather

    def _gather(self, *, quick: bool = False) -> Gathered | None:
        """Read every record anew, but the first time what was read with the lease; None when the lease is not ours any more.

        ``quick``: only the contract's own.
        """
        read, self._read = self._read, None
        contract = read.contract if read else self._ports.store.contract(self._id)
        if contract.state.value.lease != self._lease:
            return None
        self._since = contract.state.value.since or self._since
        if quick:
            return Gathered(contract, {}, PartnerRecords(), policies=self._policies)
        store, known = self._ports.store, read.customers if read else {}
        partner = read.partner if read else store.partner()
        decide_stage(self._ports, partner)  # before this worker writes a line
        customers = read_customers(contract, store, known)
        partner = store_missing_services(customers, partner, self._ports)
        gathered = read_records(contract, self._ports, partner, customers)
        self._policies = gathered.policies
        if not self._asked:
            self._contract = self._ports.autotask().contract(self._id)
            self._asked = True
        if self._contract:
            gathered.schedules[self._id] = self._contract.schedule
        return gathered

    def _view(self, gathered: Gathered, looks: int) -> View:
        view = view_of(
            gathered,
            self._contract,
            self._ports,
            self._deadline + LEASE_MARGIN,
            answered=self._answered,
            renewed=self._renewed,
            looks=looks,
        )
        return replace(view, former_terms=partial(former_terms, gathered, view.today))

    def _answered(self, line: Line) -> Line:
        """The line with what this worker was answered, which may not be stored yet."""
        if line.intent and line.intent.id in self._answers:
            return replace(line, intent=self._answers[line.intent.id])
        return line

    # -- Act

    def _open(self, gathered: Gathered, step: Step, line: Line) -> Gathered:
        """Make the intent durable, and everything else that the step found out; raises ``Conflict``."""
        intent = line.intent
        if intent is None:
            raise ValueError("an adjustment without an intent")
        intent = replace(intent, id=self._ports.new_id())
        lines = tuple(replace(one, intent=intent) if one.key == line.key else one for one in step.lines)
        today = self._ports.today()
        gathered, floors = _floors(gathered, today)
        written, own, others = self._records(gathered, replace(step, lines=lines), line)
        last: list[Write] = [check_contract_state(gathered.contract.state), *own]
        changed = gathered.partner.changed_today
        if any(
            p.customer_day_limit is not None or p.partner_day_limit is not None
            for p in gathered.policies.values()
        ):
            news = line.news_in(intent.day, intent.delta, intent.before)
            grown = changed.value.plus(today, [customer for customer, _ in line.sources], news)
            last.append(put_changed_today(grown, changed.rev))
            changed = Stored(grown, changed.rev + 1)
        self._commit([*others, *floors], last, step, gathered)
        gathered = replace(gathered, partner=replace(gathered.partner, changed_today=changed))
        return _after(gathered, written)

    def _extend(self, end: date, view: View, now: datetime) -> None:
        """Extend the contract to a renewed term's last day. It sets a day, so doing it twice does no harm."""
        before = self._contract.end if self._contract else end
        try:
            self._ports.writing(live=view.live).extend_contract(self._id, end, time_zone=self._ports.zone)
        except Refused as error:
            self._renewed, self._unextended = end, f"the renewal to {end} was refused: {error}"
            return
        self._contract = self._ports.autotask().contract(self._id)
        if self._contract is None or self._contract.end < end:
            self._renewed, self._unextended = end, f"the renewal to {end} is not to be seen on the contract"
            return
        self._renewal_noted = True
        self._journal.append(self._renewal(before, end, view.desired, view.lines, now))

    def _renewal(
        self, before: date, end: date, wanted: Desired, lines: Mapping[LineKey, Line], now: datetime
    ) -> JournalEntry:
        """The journal's entry for a contract that was extended."""
        own = {key: demand for key, demand in wanted.demands.items() if key.contract_id == self._id}
        undone = {key: lines[key].undone if key in lines else () for key in own}
        until = {key: renewed_until(demand, undone[key]) for key, demand in own.items()}
        causes = dict.fromkeys(
            one for key, demand in own.items() if until[key] == end for one in demand.renewals
        )
        renewed = (demand for key, demand in own.items() if until[key])
        return JournalEntry(
            id=self._ports.new_id(),
            line=LineKey(self._id, 0),
            day=end,
            delta=0,
            units_before=0,
            units_after=0,
            outcome=Outcome.LANDED,
            opened_at=now,
            settled_at=self._ports.clock.now(),
            sources=tuple(
                dict.fromkeys((one.customer_id, one.sku) for demand in renewed for one in demand.sources)
            ),
            events=tuple(dict.fromkeys(one.event_id for one in causes)),
            message=f"contract extended from {before} to {end}: the term was renewed",
            why=Why.RENEWED,
            causes=tuple(causes)[-MOST_CAUSES:],
        )

    def _note_renewal(self, gathered: Gathered, step: Step) -> None:
        """Note a renewal that the contract covers by now although nobody noted it: the worker died right after it had extended it."""
        known, contract = gathered.contract.state.value.contract, self._contract
        if self._renewal_noted or step.renewed is None or known is None or contract is None:
            return
        if known.end < contract.end == step.renewed:
            wanted = gathered.desired(self._ports.today())
            lines = {stored.value.key: stored.value for stored in gathered.contract.lines.values()}
            now = self._ports.clock.now()
            self._journal.append(self._renewal(known.end, contract.end, wanted, lines, now))
            self._renewal_noted = True

    def _send(self, gathered: Gathered, adjusted: Line) -> Gathered:
        """Send the adjustment whose intent is durable, once, and keep what was answered."""
        line = gathered.contract.lines[adjusted.service_id].value
        intent = line.intent
        if intent is None:
            raise ValueError("an adjustment without an intent")
        answered = replace(intent, answer=Answer.ACCEPTED)
        failure: AutotaskError | None = None
        try:
            self._ports.writing(live=gathered.live).adjust(
                self._id,
                line.service_id,
                line.contract_service_id,
                intent.delta,
                intent.day,
                time_zone=self._ports.zone,
                unit_price=Decimal(intent.price) if intent.price is not None else None,
            )
        except Refused as error:
            answered = replace(
                intent,
                answer=Answer.REFUSED,
                message="; ".join(error.messages),
                day_taken=error.day_taken,
            )
        except OutcomeUnknown as error:
            until = self._ports.clock.now() + self._ports.settle
            answered = replace(intent, settles_at=min(intent.settles_at, until), message=str(error))
            self._ports.on_event("outcome-unknown", **_ids(line, intent.id, intent.events), detail=str(error))
        except (RetryLater, CredentialsRefused) as error:
            answered = replace(intent, answer=Answer.NOT_APPLIED, message=str(error))
            failure = error
        self._answers[intent.id] = answered
        if failure is not None:
            raise failure
        return gathered

    def _records(
        self, gathered: Gathered, step: Step, adjusted: Line | None = None
    ) -> tuple[list[Line], list[Write], list[list[Write]]]:
        """The step's lines as they are stored, and as writes, each with its journal: that of ``adjusted``, and each other one."""
        now = self._ports.clock.now()
        known = gathered.contract.lines
        lines: list[Line] = []
        own: list[Write] = []
        others: list[list[Write]] = []
        for line in step.lines:
            stored = known.get(line.service_id)
            entries = [entry for entry in step.journal if entry.line == line.key]
            kept, puts = line_with_entries(replace(line, seen_at=now), stored.rev if stored else 0, entries)
            puts += _notes(entries, gathered, now)
            lines.append(kept)
            if adjusted is not None and line.key == adjusted.key:
                own += puts
            else:
                others.append([*puts])
        return lines, own, others

    def _release(self, gathered: Gathered, step: Step, *, rested: bool = True, trouble: str = "") -> None:
        """Write what is left to write and give the lease back; raises ``Conflict`` when something new has come."""
        state = gathered.contract.state
        released = replace(
            state.value,
            lease=None,
            lease_until=None,
            converged=state.value.generation if rested else state.value.converged,
            rested_at=self._ports.clock.now() if rested else state.value.rested_at,
            since=None if rested else state.value.since,
            contract=self._contract or state.value.contract,
            trouble=trouble or self._unextended,
            renewed=max((day for day in (state.value.renewed, step.renewed) if day), default=None),
        )
        due_at = step.due_at
        if self._unextended:
            again = self._ports.clock.now() + EXTEND_AGAIN
            due_at = min(due_at, again) if due_at else again
        self._note_renewal(gathered, step)
        _, own, others = self._records(gathered, step)
        last = [*contract_with_entries(released, state.rev, due_at, self._journal), *own]
        last += _notes(self._journal, gathered, self._ports.clock.now())
        if step.successor:
            last += self._asked_for(step.successor)
        if rested and all(self._level(gathered, step)):
            others += _floors(gathered, self._ports.today())[1]
        self._commit(others, last, step, gathered)

    def _asked_for(self, successor: NewContract) -> list[Write]:
        """Ask for a contract for the renewed term; one that may be on its way to Autotask stays as it was asked for."""
        known = self._ports.store.provisioning(successor.number)
        if known and (known.value.settles_at or known.value.wanted == successor):
            return []
        return [put_provisioning(Provisioning(successor), known.rev if known else 0, self._ports.clock.now())]

    def _commit(
        self, groups: Iterable[Sequence[Write]], last: Sequence[Write], step: Step, gathered: Gathered
    ) -> None:
        """Write ``last`` in one transaction, and before it, or with it, what need not be in the same one.

        Raises ``Conflict`` when something new has come. Then a part of ``groups`` may be written: each of them is true by itself.
        """
        written: set[Key] = set()
        try:
            for part in in_parts(groups, last, check_contract_state(gathered.contract.state)):
                self._ports.store.commit(*part)
                written.update(write.key for write in part)
        finally:
            self._report(step, gathered, written)

    def _level(self, gathered: Gathered, step: Step) -> list[bool]:
        lines = {s.value.service_id: s.value for s in gathered.contract.lines.values()}
        lines |= {line.service_id: line for line in step.lines}
        return [line.state in (State.APPLIED, State.SCHEDULED) for line in lines.values()]

    def _report(self, step: Step, gathered: Gathered, written: Container[Key]) -> None:
        """Report what was written."""
        written_lines = [
            line for line in step.lines if line_key(line.contract_id, line.service_id) in written
        ]
        lines = {line.key: line for line in written_lines}
        for change in (entry for entry in step.journal if journal_key(entry) in written):
            landed = change.outcome is Outcome.LANDED and change.delta != 0
            waited = self._ports.clock.now() - self._since if landed and self._since else None
            self._ports.on_event(
                f"adjustment-{change.outcome.value}",
                **_ids(
                    lines.get(change.line, Line(change.line.contract_id, change.line.service_id)),
                    change.id,
                    change.events,
                ),
                day=change.day.isoformat(),
                delta=change.delta,
                seats_changed=abs(change.delta) if landed else None,
                delay_seconds=round(waited.total_seconds()) if waited else None,
                detail=change.message or None,
            )
        for line in written_lines:
            if line.parked:
                ids = _ids(line) | _waiting_for(line, gathered)
                self._ports.on_event(
                    "line-parked", **ids, reason=line.parked.code, detail=line.parked.message
                )


def _notes(entries: Iterable[JournalEntry], gathered: Gathered, now: datetime) -> list[Put]:
    """Notes on the contract, by the terms of those whom a change concerns: stored with it, written by the sweep."""
    return [
        put_note(note_of(entry), 0, now)
        for entry in entries
        if is_noted(
            entry,
            *(
                gathered.policies.get(customer, gathered.policies[""])
                for customer, _ in entry.sources or (("", ""),)
            ),
        )
    ]


def _ids(line: Line, change: str | None = None, events: Iterable[str] = ()) -> dict[str, Any]:
    """What names a line in a log: everything that a person may look for."""
    return {
        "contract": line.contract_id,
        "service": line.service_id,
        "customers": sorted({customer for customer, _ in line.sources}),
        "subscriptions": sorted({*line.versions, *(line.intent.versions if line.intent else ())}),
        "change": change,
        "events": list(events),
    }


def _waiting_for(line: Line, gathered: Gathered) -> dict[str, list[str]]:
    """The subscriptions that are billed on a line, and their events that it has not followed yet."""
    subscriptions = [
        stored.value
        for customer_id, sku in line.sources
        if customer_id in gathered.customers
        for stored in gathered.customers[customer_id].subscriptions.values()
        if sku in stored.value.skus
    ]
    waiting = (
        version.event_id
        for subscription in subscriptions
        for version in subscription.versions
        if version.number > line.versions.get(subscription.id, 0)
    )
    return {"subscriptions": sorted({one.id for one in subscriptions}), "events": [*dict.fromkeys(waiting)]}


def _floors(gathered: Gathered, today: date) -> tuple[Gathered, list[list[Write]]]:
    """Mark the versions that hold today as applied: an older version that comes later is superseded."""
    groups: list[list[Write]] = []
    customers: dict[str, CustomerRecords] = {}
    for customer_id, records in gathered.customers.items():
        subscriptions = dict(records.subscriptions)
        for key, stored in records.subscriptions.items():
            raised = stored.value.raise_floor(today)
            if raised is not stored.value:
                writes, subscriptions[key] = put_subscription(raised, stored)
                groups.append(writes)
        customers[customer_id] = replace(records, subscriptions=subscriptions)
    return replace(gathered, customers=customers), groups


def _after(gathered: Gathered, lines: Iterable[Line]) -> Gathered:
    """The contract's lines as they are after ``_open``, without reading them again: every write grew its revision by one."""
    known = dict(gathered.contract.lines)
    for line in lines:
        stored = known.get(line.service_id)
        known[line.service_id] = Stored(line, (stored.rev if stored else 0) + 1)
    return replace(gathered, contract=replace(gathered.contract, lines=known))


def growing(pause: timedelta, times: int) -> timedelta:
    """A pause after something that failed so often before in a row: twice as long each further time, ``LONGEST_PAUSE`` at most."""
    return min(pause * (1 << min(times, 9)), LONGEST_PAUSE)


def _pause(error: AutotaskError) -> timedelta:
    if isinstance(error, RetryLater):
        return timedelta(seconds=error.after_seconds)
    return CREDENTIALS_PAUSE


def note_failure(ports: Ports, error: AutotaskError, contract_id: int | None = None) -> AutotaskError:
    """Tell every worker for how long not to ask Autotask, if the failure concerns every request.

    So it does, too, once it is the same with several contracts in a row. ``contract_id``: whose request it was, if it was one's.

    Returns what it comes to for who met it: a refusal of an API user that was replaced meanwhile says nothing about the new one, who is
    tried at once.
    """
    refused = isinstance(error, CredentialsRefused)
    if not refused and not (isinstance(error, RetryLater) and error.everywhere):
        if isinstance(error, RetryLater) and contract_id is not None:
            _note_failing(contract_id, error, ports)
        return error
    now = ports.clock.now()
    until, user = now + _pause(error), ports.credentials_refused() if refused else RefusedUser()
    if user.replaced:
        ports.on_event("credentials-replaced", detail=str(error))
        return RetryLater(
            REPLACED_SECONDS, "the API user was replaced while a worker still used the former one"
        )
    ports.on_event("credentials-refused" if refused else "autotask-away", detail=str(error))

    def open_circuit() -> None:
        known = ports.store.circuit()
        seen = known.value.with_refused(user.fingerprint, now)
        if seen.open_until is None or seen.open_until < until:
            seen = seen.opened(now, until, str(error), credentials=refused)
        if seen != known.value:
            ports.store.commit(put_circuit(seen, known.rev))

    update(open_circuit)
    return error


def _note_failing(contract_id: int, error: RetryLater, ports: Ports) -> None:
    """Note that a contract's own request failed. After several contracts in a row nobody is asked for a while, twice as long each further time."""
    now = ports.clock.now()

    def note() -> bool:
        known = ports.store.circuit()
        seen = known.value.with_failing(contract_id)
        opens = seen.many_fail and not seen.open(now)
        if opens:
            until, reason = (
                now + growing(AWAY_PAUSE, seen.pauses),
                f"the requests of several contracts failed: {error}",
            )
            seen = replace(seen.opened(now, until, reason), pauses=seen.pauses + 1)
        if seen != known.value:
            ports.store.commit(put_circuit(seen, known.rev))
        return opens

    if update(note):
        ports.on_event("autotask-away", detail=str(error))


def note_answered(ports: Ports) -> None:
    """Note that a contract's requests went well: what failed before was these contracts' own, or is over."""

    def note() -> None:
        known = ports.store.circuit()
        if known.value.failing:
            ports.store.commit(put_circuit(known.value.without_failing(), known.rev))

    update(note)
