"""The records of the product and where each lives in the table: typed values in, versioned documents out.

Everything that is decided stays in ``domain``; this module only knows keys, kinds and how a record becomes JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Moved
from timus_autotask.domain.history import Evidence, Subscription
from timus_autotask.domain.line import Head, HeldChange, JournalEntry, Line, Rejection
from timus_autotask.domain.mapping import CustomerMapping, LineChoice, LineKey, PlanMapping
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.table import Check, Data, Delete, Document, Key, Put, Table, Write
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec, problems_of
from timus_autotask.store.former_terms import compact, whole
from timus_autotask.store.history import Part, is_split, part_of, subscription_in, subscription_writes
from timus_autotask.store.inbox import delivery_in, raw_of, waits_in_inbox

T = TypeVar("T")

KEPT_TERMS = 50
"""How many replaced terms are kept that held on no day: they only say who changed what."""
MOST_NAMED, LONGEST_NAME = 200, 120
"""Services of a contract whose names are kept, and characters of a name: some 30 KB at most."""
MOST_REFUSED = 8
"""API users that Autotask refused, as far as they are remembered."""
KEPT_DAYS = 400
"""How long a merged event is kept: thirteen months, a year's audit and the month before."""


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record with the revision at which it was read; 0: it is not stored yet."""

    value: T
    rev: int = 0
    due_at: int | None = None
    """Unix seconds from when it must be looked at."""
    parts: tuple[Part, ...] = ()
    """Of a history that does not fit into one document: where its older versions are."""

    def due(self, now: datetime) -> bool:
        """Whether it must be looked at now."""
        return self.due_at is not None and self.due_at <= now.timestamp()


@dataclass(frozen=True, slots=True)
class ContractState:
    """A contract as the workers see it: what changed for it, which worker has it, and what we know of it."""

    contract_id: int
    generation: int = 0
    """Grows with everything that may change what the contract should have."""
    converged: int = 0
    """The generation that was last brought to rest."""
    rested_at: datetime | None = None
    """When that was, by the clock of the worker that did it, read after all that it went by; None: not known."""
    lease: str | None = None
    """The random name of the worker that has it."""
    lease_until: datetime | None = None
    customers: tuple[str, ...] = ()
    """Those that route here, or did."""
    contract: Contract | None = None
    """As Autotask last said."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract was seen to cover."""
    trouble: str = ""
    """Why it could not be looked at last time, for people; empty if it could."""
    since: datetime | None = None
    """When the oldest change that is not converged came in."""
    renews: int | None = None
    """The contract that it carries on, if we opened it for a renewed term."""
    head: Head | None = None
    """The newest entry of the journal about the contract itself, such as a renewal; None: there is none that is chained."""
    chosen: Mapping[int, LineChoice] = field(default_factory=dict)
    """By service: the contract service that a person chose."""
    left: Mapping[int, tuple[date, ...]] = field(default_factory=dict)
    """By contract service that was billed before another one was chosen: the days that carry an adjustment of ours."""

    @property
    def first_days(self) -> dict[LineKey, date]:
        """By line: the day before which it was another contract service."""
        return {
            LineKey(self.contract_id, service_id): choice.first_day
            for service_id, choice in self.chosen.items()
            if choice.first_day
        }

    def leased(self, now: datetime) -> bool:
        """True if a worker may have it."""
        return self.lease is not None and self.lease_until is not None and now < self.lease_until


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether Autotask may be asked at all."""

    open_until: datetime | None = None
    reason: str = ""
    credentials: bool = False
    """The credentials were refused: asking on would lock the account."""
    since: datetime | None = None
    refused: Mapping[str, datetime] = field(default_factory=dict)
    """When Autotask refused which API users, by their fingerprints; the last ``MOST_REFUSED``. None is tried twice by itself."""

    def open(self, now: datetime) -> bool:
        """Nobody asks Autotask before ``open_until``."""
        return self.open_until is not None and now < self.open_until

    def with_refused(self, fingerprint: str, at: datetime) -> Circuit:
        """The same, with one more who was refused (``""``: nobody)."""
        if not fingerprint:
            return self
        others = [(who, when) for who, when in self.refused.items() if who != fingerprint]
        return replace(self, refused=dict([*others, (fingerprint, at)][-MOST_REFUSED:]))

    def without_refused(self, fingerprint: str) -> Circuit:
        """The same, without one who is let in again."""
        return replace(self, refused={who: at for who, at in self.refused.items() if who != fingerprint})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What could not be handled, for a reason that nobody foresaw: it is left alone for a while, and everything else goes on."""

    subject: str
    """What it is: ``CUSTOMER#<id>``, ``CONTRACT#<id>``, ``OPENING#<number>`` or ``PLAN#<sku>``."""
    error: str
    """As it was raised last."""
    since: datetime
    times: int
    """How often in a row."""
    until: datetime
    """When it is tried again."""

    @property
    def kind(self) -> str:
        """``customer``, ``contract``, ``opening`` or ``plan``."""
        return self.subject.partition("#")[0].lower()

    @property
    def id(self) -> str:
        """Its id, number or SKU."""
        return self.subject.partition("#")[2]


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A person said that a parked event was a mistake."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A merged event: its bytes as they came, and what became of it."""

    key: str
    event_id: str
    body: str
    encoding: str
    received_at: datetime
    merged_at: datetime
    outcome: str
    """``merged``, ``duplicate``, ``superseded``, ``noted``, ``parked`` or ``dismissed``."""
    customer_id: str
    event_type: str = ""
    subscription_id: str = ""
    version: int = 0
    day: str = ""
    """The effective day that was decided, as ``YYYY-MM-DD``."""
    parked: Parked | None = None
    evidence: tuple[Evidence, ...] = ()
    """Of a superseded event: what it would have changed."""
    actor: str | None = None
    dismissed: Dismissal | None = None
    """Of a dismissed event, which keeps what it was parked for."""

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        return raw_of(self.body, self.encoding)


@dataclass(frozen=True, slots=True)
class FormerTerms:
    """Terms that were replaced, with who had set them."""

    values: Mapping[str, Any]
    until: date
    """First day on which they held no more."""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The partner's terms, or a customer's overrides of them, as they were set: what is not in ``values`` is not said."""

    values: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    """Who set them."""
    at: datetime | None = None
    earlier: tuple[FormerTerms, ...] = ()
    """Oldest first. What was billed under them stays as it is."""
    paused_by: str = ""
    """Who paused, while ``paused`` is among the values."""
    paused_at: datetime | None = None

    @property
    def paused(self) -> bool:
        """Whether these terms hold everything back until ``resume``."""
        return self.values.get("paused") not in (None, False)

    def pause(self, by: str, at: datetime) -> Terms:
        """The same, paused. No history: a pause changes when something is adjusted, and never what is billed."""
        return replace(self, values={**self.values, "paused": True}, paused_by=by, paused_at=at)

    def resume(self) -> Terms:
        """The same, not paused any more."""
        values = {name: value for name, value in self.values.items() if name != "paused"}
        return replace(self, values=values, paused_by="", paused_at=None)

    def changed(self, values: Mapping[str, Any], by: str, at: datetime, first_day: date | None) -> Terms:
        """With other values from ``first_day`` on; None: as if they had always held."""
        day = first_day or date.min
        earlier = (*self.earlier, FormerTerms(self.values, day, self.by, self.at))
        shortened = [one if one.until <= day else replace(one, until=day) for one in earlier]
        return replace(self, values=values, by=by, at=at, earlier=tuple(_kept(shortened)))

    @property
    def before(self) -> Terms | None:
        """The terms before they were changed last; None: they never were."""
        if not self.earlier:
            return None
        *earlier, last = self.earlier
        return Terms(last.values, last.by, last.at, tuple(earlier))

    def set_by(self, name: str, part: str) -> tuple[str, datetime | None] | None:
        """Who set a term for a SKU to what it is, and when; None: these terms do not say it."""
        value = _part(self.values, name, part)
        if value is None:
            return None
        before = self.before
        if before is not None and _part(before.values, name, part) == value:
            return before.set_by(name, part)
        return self.by, self.at

    def on(self, day: date) -> Mapping[str, Any]:
        """The values that hold on a day."""
        return next((former.values for former in self.earlier if day < former.until), self.values)


def _kept(earlier: Sequence[FormerTerms]) -> Iterator[FormerTerms]:
    """All that held on some day, because what was billed under them stays; of the others the newest."""
    begins = date.min
    for number, former in enumerate(earlier):
        if former.until > begins or number >= len(earlier) - KEPT_TERMS:
            yield former
        begins = max(begins, former.until)


def _part(values: Mapping[str, Any], name: str, part: str) -> Any:
    """What terms say of a SKU; None: nothing."""
    value = values.get(name)
    if isinstance(value, Mapping):
        return value.get(part)
    return True if isinstance(value, list | tuple) and part in value else None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided: who, when and about what. It is written with what was decided, and never changed."""

    id: str
    at: datetime
    kind: str
    """The command: ``approve``, ``pause``, ``policy set`` …"""
    by: str
    customers: tuple[str, ...] = ()
    """Whom it concerns; empty: everybody."""
    contract_id: int | None = None
    service_id: int | None = None
    detail: str = ""
    """What was decided, for people."""


@dataclass(frozen=True, slots=True)
class Names:
    """How a contract, its company and its services are called in Autotask. Nothing is decided by it: people read it."""

    contract_id: int
    contract: str = ""
    company_id: int | None = None
    company: str = ""
    services: Mapping[int, str] = field(default_factory=dict)
    """By id. A service is called the same on every contract."""
    at: datetime | None = None
    """When they were read."""

    def learned(
        self,
        contract: Contract | None,
        companies: Mapping[int, str],
        services: Mapping[int, str],
        at: datetime,
    ) -> Names:
        """With what was read now; what was not read stays."""
        company_id = contract.company_id if contract else self.company_id
        kept = self.company if company_id == self.company_id else ""
        known = sorted({**self.services, **services}.items())
        return replace(
            self,
            contract=_short(contract.name) if contract else self.contract,
            company_id=company_id,
            company=_short(companies.get(company_id or 0, kept)),
            services={id_: _short(name) for id_, name in known[:MOST_NAMED]},
            at=at,
        )


def _short(name: str) -> str:
    return name[:LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class Notice:
    """Contracts that are still to be made due because something is new of a customer: more of them than one transaction takes with it."""

    customer_id: str
    contracts: tuple[int, ...]
    since: datetime
    """When the oldest of it came in."""


@dataclass(frozen=True, slots=True)
class CustomerRecords:
    """All that a worker needs of a customer, in one read."""

    id: str
    inbox: tuple[Document, ...] = ()
    mapping: Stored[CustomerMapping] | None = None
    terms: Stored[Terms] | None = None
    subscriptions: Mapping[str, Stored[Subscription]] = field(default_factory=dict)
    stage: Stored[Stage] | None = None
    """The customer's own; None: the partner's holds."""
    notice: Stored[Notice] | None = None
    """None: every contract knows all that is new."""
    unreadable: tuple[RecordUnreadable, ...] = ()
    """Events of the inbox that cannot be read: they stay there, and the others are merged."""

    @property
    def own_stage(self) -> Stage | None:
        """The customer's own stage; None: the partner's holds."""
        return self.stage.value if self.stage else None


@dataclass(frozen=True, slots=True)
class ContractRecords:
    """A contract's state and its lines, in one read."""

    state: Stored[ContractState]
    lines: Mapping[int, Stored[Line]]
    """By service."""

    @property
    def progress(self) -> tuple[int, int]:
        """(news so far, entries of the journal so far): whatever comes of it, one of them grows.

        An adjustment counts from when its intent is open, so that one which is only settled is nothing new.
        """
        heads = [self.state.value.head, *(stored.value.head for stored in self.lines.values())]
        under_way = sum(stored.value.intent is not None for stored in self.lines.values())
        return self.state.value.generation, under_way + sum(head.number for head in heads if head)


@dataclass(frozen=True, slots=True)
class PartnerRecords:
    """What holds for all customers, in one read."""

    plans: Mapping[str, Stored[PlanMapping]] = field(default_factory=dict)
    terms: Stored[Terms] = Stored(Terms())
    circuit: Stored[Circuit] = Stored(Circuit())
    moved: Stored[Moved] = Stored(Moved())
    stage: Stored[Stage] | None = None
    """None: nobody has decided yet; see ``sync.stage``."""
    unreadable: Mapping[str, RecordUnreadable] = field(default_factory=dict)
    """By sort key: what of it cannot be read."""

    def plan(self, sku: str) -> Stored[PlanMapping]:
        """The service of a SKU; one that is not stored is fresh. Raises ``RecordUnreadable``."""
        unreadable = self.unreadable_plan([sku])
        if unreadable is not None:
            raise unreadable
        return self.plans.get(sku, Stored(PlanMapping(sku)))

    def unreadable_plan(self, skus: Iterable[str]) -> RecordUnreadable | None:
        """Why it is not known which service one of these SKUs is."""
        return next(
            (self.unreadable[key.sk] for key in map(keys.plan_key, skus) if key.sk in self.unreadable), None
        )


_MAPPING = Codec(CustomerMapping)
_PLAN = Codec(PlanMapping)
_LINE = Codec(
    Line,
    {"baseline": "left", "awaiting_causes": "news", "intent.message": "words", "refusal.message": "words"},
)
_REJECTION = Codec(Rejection)
_CONTRACT = Codec(ContractState)
JOURNAL_ENTRY = Codec(JournalEntry, {"message": "words"})
_DECISION = Codec(Decision)
_CIRCUIT = Codec(Circuit)
_EVENT = Codec(EventRecord)
_POLICY = Codec(Policy)
_MOVED = Codec(Moved)
_TERMS = Codec(Terms)
_OPENING = Codec(Provisioning)
_TROUBLE = Codec(Trouble)
_NAMES = Codec(Names)
_STAGE = Codec(Stage)
_NOTICE = Codec(Notice)

BY_SKU = ("included", "minimum", "prices", "pooled_minimum")
"""Terms by SKU: a customer's come on top of the partner's, SKU by SKU. All others replace the partner's."""


class Unreadable(ValueError):
    """What is stored cannot be used by this version: nothing is decided on it."""


class TermsUnreadable(Unreadable):
    """Terms that there are not, or that cannot be meant; the message has each, with its name."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("; ".join(problems))


def policy_from(*terms: Mapping[str, Any]) -> Policy:
    """The policy of the given terms, later ones over earlier ones; a pause of any is a pause.

    Raises ``TermsUnreadable`` for terms that there are not, or that cannot be meant.
    """
    merged: dict[str, Any] = {}
    for each in terms:
        by_sku = {name: {**merged.get(name, {}), **each[name]} for name in BY_SKU if name in each}
        merged |= {**each, **by_sku}
    merged["paused"] = next(
        (each["paused"] for each in terms if each.get("paused") not in (None, False)), False
    )
    unknown = set(merged) - {each.name for each in fields(Policy)}
    if unknown:
        raise TermsUnreadable([f"there is no policy {', '.join(sorted(unknown))}"])
    try:
        return _POLICY.load(merged)
    except ValueError as error:
        raise TermsUnreadable(problems_of(error)) from error


def policies_from(*terms: Terms) -> tuple[Policy, tuple[tuple[date, Policy], ...]]:
    """The policy of today, and those that held until a day, in order of that day; later terms over earlier ones.

    Terms that are replaced today hold no more; terms of a day to come are not known.
    """
    untils = sorted({former.until for each in terms for former in each.earlier} - {date.min})
    one_day = timedelta(days=1)
    earlier = tuple((until, policy_from(*(each.on(until - one_day) for each in terms))) for until in untils)
    return policy_from(*(each.values for each in terms)), earlier


_READ_BY_AUTOTASK = ("drift", "outcome-unclear", "line-duplicated", "line-missing")
_APPROVABLE = ("held-for-approval", "held-over-limit", "held-over-day-limit", "held-posted-period")


def contract_state_in(data: Data) -> ContractState:
    """A contract's state."""
    return _CONTRACT.load(data)


def names_in(data: Data) -> Names:
    """How a contract, its company and its services are called."""
    return _NAMES.load(data)


def line_in(data: Data) -> Line:
    """A line. Earlier versions knew one rejection, and wrote other things only into the facts of the reason."""
    line = _LINE.load(data)
    if data.get("rejection"):
        rejection = _REJECTION.load(data["rejection"])
        awaiting = replace(line.awaiting, rejection=rejection) if line.awaiting else None
        return replace(line, rejections=(rejection,), awaiting=awaiting)
    if line.parked is None or line.awaiting is not None or line.observed is not None:
        return line
    code, facts = line.parked.code, line.parked.facts
    if code in _APPROVABLE:
        limit = int(facts["limit"]) if code == "held-over-day-limit" else None
        day, delta = date.fromisoformat(str(facts["day"])), int(facts["delta"])
        return replace(line, awaiting=HeldChange(day, delta, day_limit=limit))
    if code in _READ_BY_AUTOTASK:
        return replace(line, observed=Timeline(((date.min, int(facts["held"])),)))
    return line


REPAIR = "Update timus-autotask, if a newer version wrote it; else bring the records back: timus-autotask restore --to TIME"
"""What to do about a record that cannot be read."""


class RecordUnreadable(Unreadable):
    """A record that this version cannot read: a newer one wrote it, or it is damaged."""

    def __init__(self, record: str, why: str) -> None:
        super().__init__(f"the record {record} cannot be read: {why}")
        self.record = record
        """Its keys."""
        self.why = why


OnUnreadable = Callable[[RecordUnreadable], object]
"""Told of a record that cannot be read and is passed over."""


def read_as(load: Callable[[Data], T], document: Document) -> T:
    """The record of a document. Raises ``RecordUnreadable``."""
    try:
        return load(document.data)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        why = "; ".join(problems_of(error)) if isinstance(error, ValueError) else repr(error)
        raise RecordUnreadable("/".join(document.key), why) from error


def _each(
    read: Callable[[Document], T], documents: Iterable[Document], on_unreadable: OnUnreadable
) -> Iterator[T]:
    """The records of documents, but those that cannot be read."""
    for document in documents:
        try:
            yield read(document)
        except RecordUnreadable as error:
            on_unreadable(error)


def readable_or(default: T, load: Callable[[Data], T], document: Document | None) -> Stored[T]:
    """The record of a document, or the default where there is none, or none that can be read: it is written over with the next write."""
    if document is None:
        return Stored(default)
    try:
        return Stored(read_as(load, document), document.rev, document.due_at)
    except RecordUnreadable:
        return Stored(default, document.rev, document.due_at)


def _terms(data: Data) -> Terms:
    return _TERMS.load(whole(data))


def _terms_of_customer(document: Document) -> tuple[str, Terms]:
    return keys.id_of(document.key), read_as(_terms, document)


def _stage_of_customer(document: Document) -> tuple[str, Stage]:
    return keys.id_of(document.key), _stage(document).value


def _stage(document: Document) -> Stored[Stage]:
    return Stored(read_as(_STAGE.load, document), document.rev)


def _notice(document: Document) -> Stored[Notice]:
    return Stored(read_as(_NOTICE.load, document), document.rev)


def _state_and_due_time(document: Document) -> tuple[ContractState, int | None]:
    return read_as(_CONTRACT.load, document), document.due_at


def deliveries(documents: Iterable[Document], on_unreadable: OnUnreadable) -> Iterator[Document]:
    """The documents that are events waiting to be merged, but those that cannot be read."""

    def read(document: Document) -> Document:
        read_as(lambda _: delivery_in(document), document)
        return document

    return _each(read, filter(waits_in_inbox, documents), on_unreadable)


def _customer(customer_id: str, documents: Iterable[Document]) -> CustomerRecords:
    """The records that a customer's documents hold."""
    documents = [*documents]
    unreadable: list[RecordUnreadable] = []
    inbox = deliveries(documents, unreadable.append)
    heads: list[Document] = []
    parts: dict[str, list[Document]] = {}
    mapping: Stored[CustomerMapping] | None = None
    terms: Stored[Terms] | None = None
    stage: Stored[Stage] | None = None
    notice: Stored[Notice] | None = None
    for document in documents:
        sk = document.key.sk
        if sk == keys.LIVE:
            stage = _stage(document)
        elif sk == keys.NOTICES:
            notice = _notice(document)
        elif sk == keys.MAPPING:
            mapping = Stored(read_as(_MAPPING.load, document), document.rev)
        elif sk == keys.POLICY:
            terms = Stored(read_as(_terms, document), document.rev)
        elif sk.startswith(keys.SUBSCRIPTION):
            heads.append(document)
        elif sk.startswith(keys.SUBSCRIPTION_PART):
            parts.setdefault(read_as(lambda _, one=document: part_of(one), document), []).append(document)  # type: ignore[misc]
    subscriptions: dict[str, Stored[Subscription]] = {}
    for head in heads:
        mine = parts.get(str(head.data.get("id")), ())
        subscription, own = read_as(lambda _, head=head, mine=mine: subscription_in(head, mine), head)  # type: ignore[misc]
        subscriptions[subscription.id] = Stored(subscription, head.rev, parts=own)
    return CustomerRecords(
        customer_id, tuple(inbox), mapping, terms, subscriptions, stage, notice, tuple(unreadable)
    )


def contract_records(contract_id: int, documents: Iterable[Document]) -> ContractRecords:
    """The records that a contract's documents hold."""
    state: Stored[ContractState] = Stored(ContractState(contract_id))
    lines: dict[int, Stored[Line]] = {}
    for document in documents:
        if document.key.sk == keys.CONTRACT:
            state = Stored(read_as(_CONTRACT.load, document), document.rev, document.due_at)
        else:
            line = read_as(line_in, document)
            lines[line.service_id] = Stored(line, document.rev)
    return ContractRecords(state, lines)


def journal_entries(documents: Iterable[Document]) -> Iterator[JournalEntry]:
    """The entries of the journal among some documents."""
    return (read_as(JOURNAL_ENTRY.load, one) for one in documents if one.key.sk.startswith(keys.CHANGE))


class Store:
    """Reads and the making of writes; ``commit`` is the only thing that changes the table."""

    def __init__(self, table: Table, on_unreadable: OnUnreadable = lambda _error: None) -> None:
        """``on_unreadable`` is told of what a listing passes over."""
        self.table = table
        self.on_unreadable = on_unreadable

    # -- Reads

    def customer(self, customer_id: str) -> CustomerRecords:
        """A customer's inbox, mapping, terms and subscriptions."""
        return _customer(customer_id, self.table.range(keys.customer_pk(customer_id), *keys.OF_CUSTOMER))

    def customer_to_merge(self, customer_id: str, most: int) -> CustomerRecords:
        """The same with ``most`` events of the inbox, so that a read is bounded however many wait.

        Where none waits, it is without subscriptions: a wake-up that finds nothing to do costs the same whatever their histories are.
        """
        pk = keys.customer_pk(customer_id)
        first = self.table.range(pk, *keys.BUT_PARTS, most)
        waiting = [document for document in first if waits_in_inbox(document)]
        if not waiting:
            return _customer(
                customer_id, [one for one in first if not one.key.sk.startswith(keys.SUBSCRIPTION)]
            )
        if len(first) < most and not any(map(is_split, first)):
            return _customer(customer_id, first)
        return _customer(customer_id, [*waiting, *self.table.range(pk, *keys.BUT_INBOX)])

    def customer_to_bill(self, customer_id: str) -> CustomerRecords:
        """The same without the inbox: what a contract's next step depends on."""
        return _customer(customer_id, self.table.range(keys.customer_pk(customer_id), *keys.BUT_INBOX))

    def mapping(self, customer_id: str) -> CustomerMapping | None:
        """A customer's mapping; None: it is not mapped."""
        document = self.table.get(keys.mapping_key(customer_id))
        return read_as(_MAPPING.load, document) if document else None

    def stage(self, customer_id: str) -> Stored[Stage] | None:
        """A customer's own stage; None: it is everybody's."""
        document = self.table.get(keys.stage_key(customer_id))
        return Stored(read_as(_STAGE.load, document), document.rev) if document else None

    def notice(self, customer_id: str) -> Stored[Notice] | None:
        """The contracts that are still to be told that something is new of a customer; None: all know."""
        document = self.table.get(keys.notice_key(customer_id))
        return _notice(document) if document else None

    def contract_state(self, contract_id: int) -> Stored[ContractState]:
        """A contract's state; one that is not stored is fresh."""
        document = self.table.get(keys.contract_key(contract_id))
        if document is None:
            return Stored(ContractState(contract_id))
        return Stored(read_as(_CONTRACT.load, document), document.rev, document.due_at)

    def contract(self, contract_id: int) -> ContractRecords:
        """A contract's state and lines; a state that is not stored is fresh."""
        documents = self.table.range(keys.contract_pk(contract_id), *keys.OF_CONTRACT)
        return contract_records(contract_id, documents)

    def circuit(self) -> Stored[Circuit]:
        """Whether Autotask may be asked. It concerns the last minutes: one that cannot be read is written over."""
        return readable_or(Circuit(), _CIRCUIT.load, self.table.get(keys.CIRCUIT))

    def partner(self) -> PartnerRecords:
        """The partner's plans, terms, stage and circuit.

        A plan that cannot be read concerns its SKU only, and is not among them. Raises ``RecordUnreadable`` for what concerns everybody.
        """
        found = self.readable_partner()
        for sk, error in found.unreadable.items():
            if not sk.startswith(keys.PLAN):
                raise error
        return found

    def readable_partner(self) -> PartnerRecords:
        """What can be read of them, to be shown: nothing may be decided by it."""
        plans: dict[str, Stored[PlanMapping]] = {}
        terms: Stored[Terms] = Stored(Terms())
        circuit, moved = Stored(Circuit()), Stored(Moved())
        stage: Stored[Stage] | None = None
        unreadable: dict[str, RecordUnreadable] = {}
        for document in self.table.range(keys.PARTNER, *keys.OF_PARTNER):
            sk = document.key.sk
            try:
                if sk.startswith(keys.PLAN):
                    plan = read_as(_PLAN.load, document)
                    plans[plan.sku] = Stored(plan, document.rev, document.due_at)
                elif sk == keys.POLICY:
                    terms = Stored(read_as(_terms, document), document.rev)
                elif sk == keys.LIVE:
                    stage = _stage(document)
                elif document.key == keys.CIRCUIT:
                    circuit = readable_or(Circuit(), _CIRCUIT.load, document)
                elif document.key == keys.MOVED:
                    moved = Stored(read_as(_MOVED.load, document), document.rev)
            except RecordUnreadable as error:
                unreadable[sk] = error
        return PartnerRecords(plans, terms, circuit, moved, stage, unreadable)

    def event(self, customer_id: str, key: str) -> Stored[EventRecord] | None:
        """A merged event."""
        document = self.table.get(keys.event_key(customer_id, key))
        return Stored(read_as(_EVENT.load, document), document.rev) if document else None

    def provisioning(self, number: str) -> Stored[Provisioning] | None:
        """A contract that is being opened."""
        document = self.table.get(keys.provisioning_key(number))
        return Stored(read_as(_OPENING.load, document), document.rev, document.due_at) if document else None

    def trouble(self, key: Key) -> Stored[Trouble] | None:
        """Why a document could not be handled last time; None: it could."""
        document = self.table.get(keys.trouble_key(key))
        return Stored(read_as(_TROUBLE.load, document), document.rev, document.due_at) if document else None

    def trouble_rev(self, key: Key) -> int:
        """The revision of a trouble, whether it can be read or not; 0: there is none."""
        document = self.table.get(keys.trouble_key(key))
        return document.rev if document else 0

    def names(self, contract_id: int) -> Stored[Names]:
        """How a contract, its company and its services are called; nothing is known of one that is not stored."""
        return readable_or(Names(contract_id), _NAMES.load, self.table.get(keys.names_key(contract_id)))

    def owner(self, subscription_id: str) -> Stored[str] | None:
        """The customer whose a subscription is: under whom it was first seen, or to whom a person let it go."""
        document = self.table.get(keys.owner_key(subscription_id))
        if document is None:
            return None
        return Stored(read_as(lambda data: str(data["customer"]), document), document.rev)

    # -- Listings (hints: the indexes follow a moment later). A record that cannot be read is passed over.

    def _listed(self, load: Callable[[Data], T], documents: Iterable[Document]) -> Iterator[T]:
        return _each(partial(read_as, load), documents, self.on_unreadable)

    def mappings(self, first: str = "") -> Iterator[CustomerMapping]:
        """Every mapped customer, from an id on, by id."""
        return self._listed(_MAPPING.load, self.table.list("mapping", first))

    def subscriptions(self, first: str = "") -> Iterator[Subscription]:
        """Every subscription, of customers from an id on, by their ids."""
        found = self.table.list("subscription", first)
        return _each(self._listed_subscription, found, self.on_unreadable)

    def _listed_subscription(self, head: Document) -> Subscription:
        parts: Sequence[Document] = ()
        if is_split(head):
            id_ = read_as(lambda data: str(data["id"]), head)
            first, last = keys.parts_of(id_)
            found = self.table.range(head.key.pk, first, last)
            parts = [one for one in found if read_as(lambda _, part=one: part_of(part), one) == id_]  # type: ignore[misc]
        return read_as(lambda _: subscription_in(head, parts), head)[0]

    def lines(self) -> Iterator[Line]:
        """Every line."""
        return self._listed(line_in, self.table.list("line"))

    def terms(self, first: str = "", last: str = "\U0010ffff") -> Iterator[tuple[str, Terms]]:
        """The overrides of every customer who has any, from an id to another."""
        found = self.table.list("policy", first, last)
        listed = (document for document in found if document.key.pk != keys.PARTNER)
        return _each(_terms_of_customer, listed, self.on_unreadable)

    def stages(self, first: str = "", last: str = "\U0010ffff") -> Iterator[tuple[str, Stage]]:
        """Every customer with a stage of his own, from an id to another."""
        found = self.table.list("stage", first, last)
        listed = (document for document in found if document.key.pk != keys.PARTNER)
        return _each(_stage_of_customer, listed, self.on_unreadable)

    def contract_states(self) -> Iterator[tuple[ContractState, int | None]]:
        """Every contract with the unix second from which it is due."""
        return _each(_state_and_due_time, self.table.list("contract"), self.on_unreadable)

    def all_names(self) -> Iterator[Names]:
        """How every contract, its company and its services are called."""
        return self._listed(_NAMES.load, self.table.list("names"))

    def provisionings(self) -> Iterator[Provisioning]:
        """Every contract that is being opened."""
        return self._listed(_OPENING.load, self.table.list("opening"))

    def changes(self, since: datetime | None = None) -> Iterator[JournalEntry]:
        """The journal, oldest first."""
        first = since.isoformat() if since else ""
        return self._listed(JOURNAL_ENTRY.load, self.table.list("change", first))

    def newest_changes(self) -> Iterator[JournalEntry]:
        """The journal, newest first: for who looks for one entry."""
        return self._listed(JOURNAL_ENTRY.load, self.table.list("change", backwards=True))

    def decisions(self, since: datetime | None = None) -> Iterator[Decision]:
        """What people decided, oldest first."""
        first = since.isoformat() if since else ""
        return self._listed(_DECISION.load, self.table.list("decision", first))

    def events(self, since: datetime | None = None) -> Iterator[EventRecord]:
        """Merged events by the time of their arrival, oldest first."""
        first = since.isoformat() if since else ""
        return self._listed(_EVENT.load, self.table.list("event", first))

    def events_of(self, customer_id: str) -> Iterator[EventRecord]:
        """Every merged event of a customer, by key; strongly consistent."""
        return self._listed(_EVENT.load, self.table.range(keys.customer_pk(customer_id), *keys.EVENTS))

    def newest_events(self) -> Iterator[EventRecord]:
        """Merged events by the time of their arrival, newest first: for who needs a few of them."""
        return self._listed(_EVENT.load, self.table.list("event", backwards=True))

    def parked_events(self) -> Iterator[EventRecord]:
        """Events that a person must look at."""
        return self._listed(_EVENT.load, self.table.list("parked-event"))

    def troubles(self) -> Iterator[Trouble]:
        """Everything that could not be handled last time."""
        return self._listed(_TROUBLE.load, self.table.list("trouble"))

    # -- Writes

    def commit(self, *changes: Put | Delete | Check) -> None:
        """All or nothing. Raises ``Conflict`` when a record was changed by someone else since it was read."""
        self.table.write(changes)


def put_owner(subscription_id: str, customer_id: str, expected: int = 0) -> Put:
    """Note whose a subscription is, when it is first seen or goes to another customer."""
    return Put(keys.owner_key(subscription_id), {"customer": customer_id}, expected)


def put_mapping(mapping: CustomerMapping, expected: int) -> Put:
    """Store a customer's mapping."""
    key = keys.mapping_key(mapping.customer_id)
    return Put(key, _MAPPING.dump(mapping), expected, kind="mapping", sort=mapping.customer_id)


def check_mapping(customer_id: str, mapping: Stored[CustomerMapping] | None) -> Check:
    """Fail unless the mapping is as it was read."""
    return Check(keys.mapping_key(customer_id), mapping.rev if mapping else 0)


def put_notice(notice: Notice, expected: int, due_at: datetime) -> Put:
    """Store which contracts are still to be told that something is new of a customer; the sweep looks at it at ``due_at``."""
    return Put(keys.notice_key(notice.customer_id), _NOTICE.dump(notice), expected, due_at=seconds_of(due_at))


def put_terms(customer_id: str | None, terms: Terms | Mapping[str, Any], expected: int) -> Put:
    """Store the partner's terms, or a customer's overrides of them. Bare values hold always, with nothing before them."""
    record = terms if isinstance(terms, Terms) else Terms(terms)
    return Put(
        keys.policy_key(customer_id),
        compact(_TERMS.dump(record)),
        expected,
        kind="policy",
        sort=customer_id or "-",
    )


def put_stage(customer_id: str | None, stage: Stage, expected: int) -> Put:
    """Store whether a customer is live; None: everybody without a stage of his own."""
    key = keys.stage_key(customer_id)
    return Put(key, _STAGE.dump(stage), expected, kind="stage", sort=customer_id or "-")


def put_subscription(
    subscription: Subscription, known: Stored[Subscription] | None
) -> tuple[list[Write], Stored[Subscription]]:
    """What stores a subscription's history over the one that was read (None: a new one), and how it stands after that."""
    rev, parts = (known.rev, known.parts) if known else (0, ())
    writes, after = subscription_writes(subscription, rev, parts)
    return writes, Stored(subscription, rev + 1, parts=after)


def put_plan(plan: PlanMapping, expected: int, due_at: datetime | None = None) -> Put:
    """Store the service of a SKU; ``due_at`` makes the sweep look at it."""
    return Put(
        keys.plan_key(plan.sku),
        _PLAN.dump(plan),
        expected,
        due_at=seconds_of(due_at),
        kind="plan",
        sort=plan.sku,
    )


def put_circuit(circuit: Circuit, expected: int) -> Put:
    """Store whether Autotask may be asked."""
    return Put(keys.CIRCUIT, _CIRCUIT.dump(circuit), expected)


def put_moved(moved: Moved, expected: int) -> Put:
    """Store how many units were moved on a day."""
    return Put(keys.MOVED, _MOVED.dump(moved), expected)


def put_contract_state(state: ContractState, expected: int, due_at: datetime | None) -> Put:
    """Store a contract's state; ``due_at`` is when the sweep must look at it."""
    return Put(
        keys.contract_key(state.contract_id),
        _CONTRACT.dump(state),
        expected,
        due_at=seconds_of(due_at),
        kind="contract",
        sort=f"{state.contract_id:020}",
    )


def put_provisioning(provisioning: Provisioning, expected: int, due_at: datetime) -> Put:
    """Store a contract that is being opened; ``due_at`` is when the sweep must look at it."""
    number = provisioning.wanted.number
    key = keys.provisioning_key(number)
    return Put(
        key, _OPENING.dump(provisioning), expected, due_at=seconds_of(due_at), kind="opening", sort=number
    )


def put_trouble(key: Key, trouble: Trouble, expected: int) -> Put:
    """Store why a document could not be handled; the sweep tries it again when its time has come."""
    due_at = seconds_of(trouble.until)
    return Put(
        keys.trouble_key(key),
        _TROUBLE.dump(trouble),
        expected,
        due_at=due_at,
        kind="trouble",
        sort=trouble.subject,
    )


def check_contract_state(state: Stored[ContractState]) -> Check:
    """Fail unless the contract's state is as it was read: the lease is ours and nothing new has come."""
    return Check(keys.contract_key(state.value.contract_id), state.rev)


def check_line(contract_id: int, service_id: int, expected: int) -> Check:
    """Fail unless a line is as it was read (0: it is not stored)."""
    return Check(keys.line_key(contract_id, service_id), expected)


def put_line(line: Line, expected: int) -> Put:
    """Store a line."""
    key = keys.line_key(line.contract_id, line.service_id)
    return Put(key, _LINE.dump(line), expected, kind="line", sort=f"{line.contract_id:020}#{line.service_id}")


def put_names(names: Names, expected: int) -> Put:
    """Store how a contract, its company and its services are called."""
    key = keys.names_key(names.contract_id)
    return Put(key, _NAMES.dump(names), expected, kind="names", sort=f"{names.contract_id:020}")


def put_decision(decision: Decision) -> Put:
    """Note what a person decided."""
    at = decision.at.isoformat()
    key = keys.decision_key(at, decision.id)
    return Put(key, _DECISION.dump(decision), 0, kind="decision", sort=at)


def put_event(record: EventRecord, expected: int = 0) -> Put:
    """Store a merged event. It exists once: a second one with the same key raises ``Conflict``."""
    return Put(
        keys.event_key(record.customer_id, record.key),
        _EVENT.dump(record),
        expected,
        kind="parked-event" if record.outcome == "parked" else "event",
        sort=record.received_at.isoformat(),
        expires_at=None
        if record.outcome == "parked"
        else int(record.received_at.timestamp()) + KEPT_DAYS * 86400,
    )


def seconds_of(moment: datetime | None) -> int | None:
    """Unix seconds, rounded up: never due before its time."""
    return None if moment is None else -int(-moment.timestamp() // 1)
