"""Use case: bring Autotask to what Timus says, from a wake-up or because something is due.

merge:     events of a customer's inbox → histories, and every contract it concerns made due, in one transaction
converge:  under the contract's lease: gather → decide (``domain.converge``) → act, until there is nothing to do

Whatever dies in between leaves the contract due, and an intent that was opened stays open until a read settles it. Only failures
of our own infrastructure (``TableUnavailable``) are raised; everything that Autotask says becomes a record.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from timus_autotask.autotask.answers import (
    AutotaskError,
    CredentialsRefused,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from timus_autotask.autotask.client import Autotask
from timus_autotask.autotask.entities import UnitRow
from timus_autotask.clock import Clock
from timus_autotask.domain.converge import LOOKS, Contract, Held, Step, View, next_step
from timus_autotask.domain.days import effective_day
from timus_autotask.domain.desired import Customer, Desired, desired
from timus_autotask.domain.history import Merge, Subscription, merge
from timus_autotask.domain.line import Answer, Change, Intent, Line, Outcome, State
from timus_autotask.domain.mapping import LineKey, PlanMapping, ServiceChoice
from timus_autotask.domain.policy import Grid, Policy
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.receive import stored_body
from timus_autotask.secrets import NotConfigured, SecretsUnavailable
from timus_autotask.store import (
    Circuit,
    ContractRecords,
    CustomerRecords,
    EventRecord,
    PartnerRecords,
    Store,
    Stored,
    check_mapping,
    check_work,
    policy_from,
    put_change,
    put_circuit,
    put_event,
    put_line,
    put_moved,
    put_owner,
    put_plan,
    put_subscription,
    put_work,
)
from timus_autotask.table import Change as TableChange
from timus_autotask.table import Conflict, Delete, Document, Put, Table, TableUnavailable
from timus_autotask.timus_events import Noted, NotUnderstood, understand

POST_TAKES = timedelta(seconds=30)
"""No post is begun with less time than this before the function's deadline: it must be answered and read back."""
LEASE_MARGIN = timedelta(seconds=5)
"""How far the lease outlives the function's deadline: more than two clocks can differ."""
MERGED_AT_ONCE = 15
"""Events in one merging transaction; a transaction has at most 100 changes and 4 MB."""
ATTEMPTS = 20
"""How often a write that somebody else came before is tried again."""
CREDENTIALS_PAUSE = timedelta(minutes=15)
"""How long Autotask is not asked after it refused the credentials: bad logins in a row lock the account."""
EXTEND_AGAIN = timedelta(hours=1)
"""How soon Autotask is asked again to extend a contract that it refused to extend."""
UNMATCHED_RECHECK = timedelta(minutes=15)
"""How soon a SKU that no service carries is looked for again."""


@dataclass(frozen=True, slots=True)
class ApplyPorts:
    """What the worker needs of the world."""

    table: Table
    autotask: Callable[[], Autotask]
    """The client, signed in. Raises ``NotConfigured`` or ``SecretsUnavailable``."""
    credentials_refused: Callable[[], None]
    """Told when Autotask refused the credentials, so that they are read anew next time."""
    clock: Clock
    zone: ZoneInfo
    """The partner's time zone."""
    settle: timedelta
    """How long an unknown outcome settles."""
    on_event: Callable[..., None] = lambda _name, **_fields: None
    """Told of what happened, for logs and metrics: a name and fields."""

    @property
    def store(self) -> Store:
        """The records."""
        return Store(self.table)

    def today(self) -> date:
        """The partner's local day."""
        return effective_day(self.clock.now(), self.zone)


def apply_customer(customer_id: str, ports: ApplyPorts, deadline: datetime) -> None:
    """Merge what waits in a customer's inbox and converge every contract that it routes to and that is due."""
    for contract_id in merge_inbox(customer_id, ports):
        converge(contract_id, ports, deadline)


# -- Merge


def merge_inbox(customer_id: str, ports: ApplyPorts) -> tuple[int, ...]:
    """Merge every event that waits for a customer; returns the contracts that it routes to."""
    for _ in range(ATTEMPTS):
        records = ports.store.customer(customer_id)
        contracts = records.mapping.value.contract_ids if records.mapping else ()
        if not records.inbox:
            return contracts
        try:
            _merge_some(records, records.inbox[:MERGED_AT_ONCE], contracts, ports)
        except Conflict as conflict:
            _drop_merged_before(records, conflict, ports)
    raise TableUnavailable(f"the inbox of customer {customer_id} changes faster than it can be merged")


def _drop_merged_before(records: CustomerRecords, conflict: Conflict, ports: ApplyPorts) -> None:
    """Take deliveries out of the inbox whose event was merged already: a late second delivery."""
    merged = {key.sk.removeprefix("EVENT#") for key in conflict.keys if key.sk.startswith("EVENT#")}
    for document in records.inbox:
        if document.key.sk.removeprefix("INBOX#") in merged:
            try:
                ports.store.commit(Delete(document.key, document.rev))
            except Conflict:
                continue  # another worker took it out
            ports.on_event("duplicate", event=document.data["event_id"], customer=records.id)


def _merge_some(
    records: CustomerRecords, inbox: Iterable[Document], contracts: Iterable[int], ports: ApplyPorts
) -> None:
    now = ports.clock.now()
    subscriptions = {key: stored.value for key, stored in records.subscriptions.items()}
    changes: list[TableChange] = []
    outcomes: list[EventRecord] = []
    for document in inbox:
        record = _merged(document, records.id, subscriptions, changes, now, ports)
        outcomes.append(record)
        changes += [Delete(document.key, document.rev), put_event(record)]
    for subscription in subscriptions.values():
        known = records.subscriptions.get(subscription.id)
        if known is None or known.value != subscription:
            changes.append(put_subscription(subscription, known.rev if known else 0))
    if any(record.outcome == Merge.MERGED for record in outcomes):
        changes.append(check_mapping(records.id, records.mapping))
        changes += [_grown(ports.store.contract(contract), records.id, now) for contract in contracts]
    ports.store.commit(*changes)
    for record in outcomes:
        ports.on_event(
            record.outcome,
            event=record.event_id,
            customer=records.id,
            subscription=record.subscription_id,
            version=record.version,
            event_type=record.event_type,
        )


def _merged(
    document: Document,
    customer_id: str,
    subscriptions: dict[str, Subscription],
    changes: list[TableChange],
    now: datetime,
    ports: ApplyPorts,
) -> EventRecord:
    """Merge one event into ``subscriptions``; what else has to be written goes to ``changes``."""
    data = document.data
    base = EventRecord(
        key=document.key.sk.removeprefix("INBOX#"),
        event_id=data["event_id"],
        body=data["body"],
        encoding=data["encoding"],
        received_at=datetime.fromisoformat(data["received_at"]),
        merged_at=now,
        outcome="parked",
        customer_id=customer_id,
    )
    news = understand(base.event_id, stored_body(data))
    facts: dict[str, int | str] = {"event": base.key, "customer": customer_id}
    if isinstance(news, NotUnderstood):
        return replace(base, parked=Parked("not-understood", {**facts, "answer": news.reason}))
    if isinstance(news, Noted):
        return replace(base, outcome="noted", event_type=news.event_type)
    day = effective_day(news.effective_at, ports.zone)
    base = replace(
        base,
        event_type=news.event_type,
        subscription_id=news.subscription_id,
        version=news.version,
        day=day.isoformat(),
        actor=news.actor,
    )
    facts |= {"subscription": news.subscription_id, "version": news.version}
    known = subscriptions.get(news.subscription_id)
    if known is None:
        owner = ports.store.owner(news.subscription_id)
        if owner not in (None, customer_id):
            return replace(base, parked=Parked("subscription-moved", {**facts, "other": str(owner)}))
        if owner is None:
            changes.append(put_owner(news.subscription_id, customer_id))
    return _into(subscriptions, known, news, day, base, facts)


def _into(
    subscriptions: dict[str, Subscription],
    known: Subscription | None,
    news: Snapshot,
    day: date,
    base: EventRecord,
    facts: Mapping[str, int | str],
) -> EventRecord:
    merged = merge(known, news, day)
    if merged.outcome is Merge.CONTRADICTORY:
        return replace(base, parked=Parked("contradictory", facts))
    subscriptions[news.subscription_id] = merged.subscription
    evidence = tuple(
        (sku, first.isoformat(), until.isoformat() if until else None, units)
        for sku, first, until, units in merged.evidence
    )
    return replace(base, outcome=merged.outcome.value, evidence=evidence)


def _grown(contract: ContractRecords, customer_id: str | None, now: datetime) -> Put:
    """The contract with one more reason to be looked at, due now."""
    work = contract.work.value
    grown = replace(
        work,
        generation=work.generation + 1,
        customers=tuple(sorted({*work.customers, customer_id})) if customer_id else work.customers,
        since=work.since if work.since and work.generation != work.converged else now,
    )
    # Due times are whole seconds, rounded up; what is due now must be so for who comes within this very second.
    return put_work(grown, contract.work.rev, now.replace(microsecond=0))


def wake_contracts(customer_id: str, contract_ids: Iterable[int], ports: ApplyPorts) -> list[Put]:
    """What makes contracts due for a customer, to be committed together with the change that is the cause."""
    now = ports.clock.now()
    return [_grown(ports.store.contract(contract), customer_id, now) for contract in contract_ids]


def wake_contract(contract_id: int, ports: ApplyPorts) -> Put:
    """What makes a contract due for a person's word on it, to be committed together with that word."""
    return _grown(ports.store.contract(contract_id), None, ports.clock.now())


# -- Converge


def converge(contract_id: int, ports: ApplyPorts, deadline: datetime) -> None:
    """Bring one contract to rest, or as far as Autotask and time allow; the rest stays due.

    ``deadline`` is when this process is surely dead. Somebody else at work on the contract is left alone: what made it due is in
    its generation, which they look at again before they rest.
    """
    partner = ports.store.partner()
    if partner.circuit.value.open(ports.clock.now()):
        return
    session = _Session.begin(contract_id, ports, deadline)
    if session is None:
        return
    try:
        session.run()
    except AutotaskError as error:
        session.postpone(error)
    except (NotConfigured, SecretsUnavailable) as error:
        session.postpone(CredentialsRefused(str(error)))


def foresee(contract_id: int, ports: ApplyPorts, deadline: datetime) -> tuple[View, Step] | None:
    """What ``converge`` would gather and decide first, with nothing of it done; None when there is nothing to do.

    The table has to be one whose writes do not last (see ``preview``): the lease is taken from whoever has it. Autotask is only
    read. Raises ``AutotaskError``, ``NotConfigured`` and ``SecretsUnavailable``.
    """
    work = ports.store.contract(contract_id).work
    now = ports.clock.now().replace(microsecond=0)
    ports.store.commit(put_work(replace(work.value, lease=None), work.rev, now))
    session = _Session.begin(contract_id, ports, deadline)
    return session.foresee() if session else None


@dataclass(slots=True)
class _Gathered:
    """The records of one contract and everything that feeds it, with the revisions at which they were read."""

    contract: ContractRecords
    customers: Mapping[str, CustomerRecords]
    partner: PartnerRecords
    elsewhere: Mapping[LineKey, Line] = field(default_factory=dict)
    grids: dict[int, Grid] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)


class _Session:
    """One worker at one contract, from taking the lease to giving it back."""

    def __init__(self, contract_id: int, ports: ApplyPorts, deadline: datetime, lease: str) -> None:
        self._id = contract_id
        self._ports = ports
        self._deadline = deadline
        self._lease = lease
        self._answers: dict[str, Intent] = {}
        """Intents that this worker sent, with what it was answered; by id."""
        self._contract: Contract | None = None
        self._asked = False
        self._renewed: date | None = None
        self._unextended = ""
        """Autotask's words when it refused to extend the contract."""
        self._journal: list[Change] = []
        """What this worker did besides posting, to be written with the next records."""

    @classmethod
    def begin(cls, contract_id: int, ports: ApplyPorts, deadline: datetime) -> _Session | None:
        """Take the lease; None when somebody has it or there is nothing to do."""
        session = cls(contract_id, ports, deadline, random.token_hex(8))
        until = deadline + LEASE_MARGIN
        for _ in range(ATTEMPTS):
            now = ports.clock.now()
            work = ports.store.contract(contract_id).work
            if not work.due(now) or work.value.leased(now):
                return None
            leased = replace(work.value, lease=session._lease, lease_until=until)
            try:
                ports.store.commit(put_work(leased, work.rev, until))
            except Conflict:
                continue
            return session
        raise TableUnavailable(f"contract {contract_id} changes faster than it can be leased")

    def run(self) -> None:
        """Gather → decide → act, until there is nothing to do, no time, or no lease."""
        gathered = self._gather()
        looks = 0
        while gathered is not None:
            now = self._ports.clock.now()
            if now + POST_TAKES > self._deadline:
                self._release(gathered, Step(due_at=now), rested=False)
                return
            view = self._view(gathered, looks)
            step = next_step(view)
            if step.look_again:
                looks += 1
                self._ports.clock.sleep(looks)
                continue
            try:
                if step.extend is not None:
                    self._extend(step.extend, now)
                    gathered = self._gather()
                    continue
                if step.post is None:
                    self._release(gathered, step)
                    return
                gathered = self._open(gathered, step, step.post)
            except Conflict:
                gathered = self._gather()
                continue
            looks = 0
            gathered = self._sent(gathered, step.post)

    def foresee(self) -> tuple[View, Step] | None:
        """The first decision and what it was made from."""
        gathered = self._gather()
        if gathered is None:
            return None
        view = self._view(gathered, LOOKS)
        return view, next_step(view)

    def postpone(self, error: AutotaskError) -> None:
        """Autotask cannot be asked now: note why, keep what was answered, and stay due."""
        now = self._ports.clock.now()
        until = now + _pause(error)
        if isinstance(error, CredentialsRefused) or (isinstance(error, RetryLater) and error.everywhere):
            _open_circuit(self._ports, error, until)
        for _ in range(ATTEMPTS):
            gathered = self._gather(quick=True)
            if gathered is None:
                return
            lines = [
                replace(stored.value, intent=self._answers[stored.value.intent.id])
                for stored in gathered.contract.lines.values()
                if stored.value.intent and stored.value.intent.id in self._answers
            ]
            try:
                self._release(
                    gathered, Step(lines=tuple(lines), due_at=until), trouble=str(error) or "no answer"
                )
            except Conflict:
                continue
            return

    # -- Gather

    def _gather(self, *, quick: bool = False) -> _Gathered | None:
        """Read every record anew; None when the lease is not ours any more. ``quick``: only the contract's own."""
        store = self._ports.store
        contract = store.contract(self._id)
        if contract.work.value.lease != self._lease:
            return None
        if quick:
            return _Gathered(contract, {}, PartnerRecords())
        customers = {c: store.customer(c) for c in contract.work.value.customers}
        partner = self._matched(store.partner(), customers)
        gathered = _Gathered(contract, customers, partner)
        gathered.policies[""] = policy_from(partner.terms.value)
        for customer_id, records in customers.items():
            own = records.terms.value if records.terms else {}
            gathered.policies[customer_id] = policy_from(partner.terms.value, own)
        if not self._asked:
            self._contract = self._ask_contract()
            self._asked = True
        if self._contract:
            gathered.grids[self._id] = self._contract.grid
        others = {
            other
            for r in customers.values()
            if r.mapping
            for other in r.mapping.value.contract_ids
            if other != self._id
        }
        elsewhere: dict[LineKey, Line] = {}
        for other in sorted(others):
            records_there = store.contract(other)
            elsewhere.update({stored.value.key: stored.value for stored in records_there.lines.values()})
            if records_there.work.value.contract:
                gathered.grids[other] = records_there.work.value.contract.grid
        gathered.elsewhere = elsewhere
        return gathered

    def _matched(self, partner: PartnerRecords, customers: Mapping[str, CustomerRecords]) -> PartnerRecords:
        """Look for the service of every SKU that nobody has chosen one for: the one active service with that SKU."""
        wanted = {
            sku
            for records in customers.values()
            for stored in records.subscriptions.values()
            for sku in stored.value.skus
            if not (records.mapping and sku in records.mapping.value.services)
        }
        missing = sorted(sku for sku in wanted if sku not in partner.plans)
        for sku in missing:
            match_plan(sku, Stored(PlanMapping(sku)), self._ports)
        return self._ports.store.partner() if missing else partner

    def _ask_contract(self) -> Contract | None:
        found = self._ports.autotask().contract(self._id)
        if found is None:
            return None
        return Contract(
            id=found.id,
            company_id=found.company_id,
            recurring=found.is_recurring,
            active=found.is_active,
            start=found.start,
            end=found.end,
            months=MONTHS.get(found.period_type or 0, 1),
            name=found.name,
        )

    def _view(self, gathered: _Gathered, looks: int) -> View:
        now = self._ports.clock.now()
        today = effective_day(now, self._ports.zone)
        wanted = self._desired(gathered, today)
        lines = {
            **gathered.elsewhere,
            **{s.value.key: self._answered(s.value) for s in gathered.contract.lines.values()},
        }
        services = {key.service_id for key in (*wanted.demands, *lines) if key.contract_id == self._id}
        held = self._ask_units(services, self._contract) if services and self._contract else {}
        return View(
            contract_id=self._id,
            contract=self._contract,
            held=held,
            desired=wanted,
            lines=lines,
            policies=gathered.policies,
            zone=self._ports.zone,
            now=self._ports.clock.now(),
            today=today,
            alive_until=self._deadline + LEASE_MARGIN,
            settle=self._ports.settle,
            moved=gathered.partner.moved.value,
            renewed=max(
                (day for day in (gathered.contract.work.value.renewed, self._renewed) if day), default=None
            ),
            looks=looks,
        )

    def _desired(self, gathered: _Gathered, today: date) -> Desired:
        plans = {sku: stored.value for sku, stored in gathered.partner.plans.items()}
        customers = [
            customer_of(records, gathered.policies.get(customer_id, Policy()))
            for customer_id, records in sorted(gathered.customers.items())
        ]
        return desired(customers, plans, gathered.grids, today)

    def _answered(self, line: Line) -> Line:
        """The line with what this worker was answered, which may not be stored yet."""
        if line.intent and line.intent.id in self._answers:
            return replace(line, intent=self._answers[line.intent.id])
        return line

    def _ask_units(self, services: Iterable[int], contract: Contract) -> dict[int, Held]:
        return held_of(self._ports.autotask().units(self._id, sorted(services)), contract.end)

    # -- Act

    def _open(self, gathered: _Gathered, step: Step, post: Line) -> _Gathered:
        """Make the intent durable, and everything else that the step found out; raises ``Conflict``."""
        intent = post.intent
        if intent is None:
            raise ValueError("a post without an intent")
        intent = replace(intent, id=random.token_hex(8), price=self._price(gathered, post))
        lines = tuple(replace(line, intent=intent) if line.key == post.key else line for line in step.lines)
        today = self._ports.today()
        floors = _floors(gathered, today)
        changes: list[TableChange] = [check_work(gathered.contract.work)]
        changes += self._records(gathered, replace(step, lines=lines)) + floors
        moved = gathered.partner.moved
        if any(
            p.customer_day_limit is not None or p.partner_day_limit is not None
            for p in gathered.policies.values()
        ):
            grown = moved.value.plus(today, [customer for customer, _ in post.sources], intent.delta)
            changes.append(put_moved(grown, moved.rev))
            moved = Stored(grown, moved.rev + 1)
        self._commit(changes, step)
        gathered = replace(gathered, partner=replace(gathered.partner, moved=moved))
        return _after(gathered, lines, today)

    def _extend(self, end: date, now: datetime) -> None:
        """Extend the contract to a renewed term's last day. It sets a day, so doing it twice does no harm."""
        before = self._contract.end if self._contract else end
        try:
            self._ports.autotask().extend_contract(self._id, end, time_zone=self._ports.zone)
        except Refused as error:
            self._renewed, self._unextended = end, f"the renewal to {end} was refused: {error}"
            return
        self._contract = self._ask_contract()
        if self._contract is None or self._contract.end < end:
            self._renewed, self._unextended = end, f"the renewal to {end} is not to be seen on the contract"
            return
        self._journal.append(
            Change(
                id=random.token_hex(8),
                line=LineKey(self._id, 0),
                day=end,
                delta=0,
                units_before=0,
                units_after=0,
                outcome=Outcome.LANDED,
                opened_at=now,
                settled_at=self._ports.clock.now(),
                words=f"contract extended from {before} to {end}",
            )
        )

    def _sent(self, gathered: _Gathered, post: Line) -> _Gathered:
        """Send the post whose intent is durable, once, and keep what was answered."""
        line = gathered.contract.lines[post.service_id].value
        intent = line.intent
        if intent is None:
            raise ValueError("a post without an intent")
        answered = replace(intent, answer=Answer.ACCEPTED)
        failure: AutotaskError | None = None
        try:
            self._ports.autotask().adjust(
                self._id,
                line.service_id,
                line.contract_service_id,
                intent.delta,
                intent.day,
                time_zone=self._ports.zone,
                unit_price=Decimal(intent.price) if intent.price is not None else None,
            )
        except Refused as error:
            answered = replace(intent, answer=Answer.REFUSED, words="; ".join(error.words))
        except OutcomeUnknown as error:
            until = self._ports.clock.now() + self._ports.settle
            answered = replace(intent, settles_at=min(intent.settles_at, until), words=str(error))
            self._ports.on_event("unknown", contract=self._id, service=line.service_id, change=intent.id)
        except (RetryLater, CredentialsRefused) as error:
            answered = replace(intent, answer=Answer.NOT_APPLIED, words=str(error))
            failure = error
        self._answers[intent.id] = answered
        if failure is not None:
            raise failure
        return gathered

    def _price(self, gathered: _Gathered, line: Line) -> str | None:
        """The unit price that the partner has set on purpose for what the line bills; None: leave it as it is.

        A price in Autotask that is neither ours nor the catalogue's was set by hand, and is never overwritten.
        """
        prices = [
            price
            for customer_id, sku in line.sources
            if (price := gathered.policies.get(customer_id, Policy()).prices.get(sku)) is not None
        ]
        if not prices:
            return None
        wanted = prices[0]
        if line.contract_service_id is None:
            return wanted
        autotask = self._ports.autotask()
        lines = autotask.contract_services(self._id)
        current = next((one.unit_price for one in lines if one.id == line.contract_service_id), None)
        if current is None or current == Decimal(wanted):
            return None
        if line.price is not None and current == Decimal(line.price):
            return wanted
        service = autotask.service(line.service_id)
        return wanted if service is not None and service.unit_price == current else None

    def _records(self, gathered: _Gathered, step: Step) -> list[TableChange]:
        """The step's records as writes."""
        now = self._ports.clock.now()
        known = gathered.contract.lines
        puts: list[TableChange] = []
        for line in step.lines:
            stored = known.get(line.service_id)
            puts.append(put_line(replace(line, seen_at=now), stored.rev if stored else 0))
        return puts + [put_change(change) for change in (*self._journal, *step.journal)]

    def _release(self, gathered: _Gathered, step: Step, *, rested: bool = True, trouble: str = "") -> None:
        """Write what is left to write and give the lease back; raises ``Conflict`` when something new has come."""
        work = gathered.contract.work
        released = replace(
            work.value,
            lease=None,
            lease_until=None,
            converged=work.value.generation if rested else work.value.converged,
            since=None if rested else work.value.since,
            contract=self._contract or work.value.contract,
            trouble=trouble or self._unextended,
            renewed=max((day for day in (work.value.renewed, step.renewed) if day), default=None),
        )
        due_at = step.due_at
        if self._unextended:
            again = self._ports.clock.now() + EXTEND_AGAIN
            due_at = min(due_at, again) if due_at else again
        changes: list[TableChange] = [put_work(released, work.rev, due_at)]
        changes += self._records(gathered, step)
        if rested and all(self._level(gathered, step)):
            changes += _floors(gathered, self._ports.today())
        self._commit(changes, step)

    def _commit(self, changes: Iterable[TableChange], step: Step) -> None:
        self._ports.store.commit(*changes)
        self._journal = []
        self._tell(step)

    def _level(self, gathered: _Gathered, step: Step) -> list[bool]:
        lines = {s.value.service_id: s.value for s in gathered.contract.lines.values()}
        lines |= {line.service_id: line for line in step.lines}
        return [line.state in (State.APPLIED, State.SCHEDULED) for line in lines.values()]

    def _tell(self, step: Step) -> None:
        for change in step.journal:
            self._ports.on_event(
                change.outcome.value,
                contract=self._id,
                service=change.line.service_id,
                change=change.id,
                day=change.day.isoformat(),
                delta=change.delta,
                events=list(change.events),
            )
        for line in step.lines:
            if line.parked:
                self._ports.on_event(
                    "parked",
                    contract=self._id,
                    service=line.service_id,
                    reason=line.parked.code,
                    words=line.parked.words,
                )


MONTHS: Mapping[int, int] = {2: 1, 3: 3, 4: 6, 5: 12}
"""Months of a billing period by ``contractPeriodType`` (observed live: 2 monthly, 3 quarterly, 4 half-yearly, 5 yearly)."""


def customer_of(records: CustomerRecords, policy: Policy) -> Customer:
    """A customer as the domain knows it."""
    return Customer(
        id=records.id,
        mapping=records.mapping.value if records.mapping else None,
        subscriptions=tuple(stored.value for _, stored in sorted(records.subscriptions.items())),
        policy=policy,
    )


def held_of(rows: Iterable[UnitRow], contract_end: date) -> dict[int, Held]:
    """What Autotask holds, by service, from its unit rows. A day of the contract without a row has 0 units."""
    lines: dict[int, dict[int, list[UnitRow]]] = {}
    for row in rows:
        lines.setdefault(row.service_id, {}).setdefault(row.contract_service_id, []).append(row)
    return {service_id: _held(by_line, contract_end) for service_id, by_line in lines.items()}


def _held(by_line: Mapping[int, list[UnitRow]], contract_end: date) -> Held:
    """One service. It may be on the contract twice; only lines that bill on the same day make it unclear."""
    one_day = timedelta(days=1)
    timelines: dict[int, Timeline] = {}
    for line_id, rows in by_line.items():
        steps: list[tuple[date, int]] = []
        covered: date | None = None
        for row in sorted(rows, key=lambda row: row.start):
            if covered is not None and row.start > covered + one_day:
                steps.append((covered + one_day, 0))
            steps.append((row.start, row.units))
            covered = row.end
        if covered is not None and covered < contract_end:
            steps.append((covered + one_day, 0))
        timelines[line_id] = Timeline.of(steps)
    units = NOTHING
    for timeline in timelines.values():
        units = units.plus(timeline)
    twice = any(sum(t.at(day) > 0 for t in timelines.values()) > 1 for day in units.days)
    latest = max(timelines, key=lambda line_id: (timelines[line_id].days[-1:] or (date.min,), line_id))
    closed = sorted({(row.start, row.end) for rows in by_line.values() for row in rows if row.posted})
    return Held(units, tuple(sorted(timelines)) if twice else (latest,), tuple(closed))


def match_plan(sku: str, plan: Stored[PlanMapping], ports: ApplyPorts) -> bool:
    """Choose the one active Autotask service whose SKU equals ``sku``; never by name. True when one was found.

    Without one, the SKU is looked for again after a while, for a person may add or mend the service in Autotask.
    """
    found = ports.autotask().services_by_sku(sku)
    ids = tuple(sorted(service.id for service in found))
    if len(ids) == 1:
        matched = replace(plan.value, choices=(ServiceChoice(ids[0]),), matched=True, candidates=())
        due_at = ports.clock.now() if plan.rev else None
    else:
        matched = replace(plan.value, choices=(), matched=False, candidates=ids)
        due_at = ports.clock.now() + UNMATCHED_RECHECK
    try:
        ports.store.commit(put_plan(matched, plan.rev, due_at))
    except Conflict:
        return False  # somebody chose at the same moment; what they chose is read next
    return len(ids) == 1


def _floors(gathered: _Gathered, today: date) -> list[TableChange]:
    """Mark the versions that hold today as applied: older news that comes later is superseded."""
    puts: list[TableChange] = []
    for records in gathered.customers.values():
        for stored in records.subscriptions.values():
            raised = stored.value.raise_floor(today)
            if raised is not stored.value:
                puts.append(put_subscription(raised, stored.rev))
    return puts


def _after(gathered: _Gathered, lines: Iterable[Line], today: date) -> _Gathered:
    """The records as they are after ``_open``, without reading them again: every write grew its revision by one."""
    known = dict(gathered.contract.lines)
    for line in lines:
        stored = known.get(line.service_id)
        known[line.service_id] = Stored(line, (stored.rev if stored else 0) + 1)
    customers = {}
    for customer_id, records in gathered.customers.items():
        subscriptions = {}
        for key, sub in records.subscriptions.items():
            raised = sub.value.raise_floor(today)
            subscriptions[key] = sub if raised is sub.value else Stored(raised, sub.rev + 1)
        customers[customer_id] = replace(records, subscriptions=subscriptions)
    return replace(gathered, contract=replace(gathered.contract, lines=known), customers=customers)


def _pause(error: AutotaskError) -> timedelta:
    if isinstance(error, RetryLater):
        return timedelta(seconds=error.after_seconds)
    return CREDENTIALS_PAUSE


def _open_circuit(ports: ApplyPorts, error: AutotaskError, until: datetime) -> None:
    """Tell every worker not to ask Autotask before ``until``."""
    refused = isinstance(error, CredentialsRefused)
    if refused:
        ports.credentials_refused()
    ports.on_event("credentials-refused" if refused else "autotask-away", words=str(error))
    for _ in range(ATTEMPTS):
        known = ports.store.partner().circuit
        circuit = Circuit(until, str(error), refused, known.value.since or ports.clock.now())
        if known.value.open_until and known.value.open_until >= until:
            return
        try:
            ports.store.commit(put_circuit(circuit, known.rev))
        except Conflict:
            continue
        return
