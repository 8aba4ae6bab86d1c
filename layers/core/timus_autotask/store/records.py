"""Reads and listings of every record of the path of a change, and the one commit. What a record is, and what stores it, is in the modules beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from timus_autotask.domain.history import Subscription
from timus_autotask.domain.line import JournalEntry, Line
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.terms import Terms
from timus_autotask.ports.table import Check, Data, Delete, Document, Due, Key, Put, Table
from timus_autotask.store import keys
from timus_autotask.store.contracts import (
    ContractNames,
    ContractRecords,
    ContractState,
    contract_records,
    names_in,
    provisioning_in,
    stored_contract_state,
)
from timus_autotask.store.customers import CustomerRecords, Notice, customer_in, mapping_in, stored_notice
from timus_autotask.store.decisions import Decision, decision_in
from timus_autotask.store.history import HistoryPart, is_split, is_whole, part_of, subscription_in
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.lines import JOURNAL_ENTRY, line_in
from timus_autotask.store.merged_events import EventRecord, event_in
from timus_autotask.store.partner import Circuit, PartnerRecords, circuit_in, partner_in
from timus_autotask.store.reading import (
    OnUnreadable,
    Stored,
    each_readable,
    read_as,
    readable_or,
    whole,
)
from timus_autotask.store.terms import stage_in, stored_stage, terms_in
from timus_autotask.store.troubles import Trouble, trouble_in

T = TypeVar("T")

_EVERYBODYS = (keys.POLICY, keys.LIVE, keys.MOVED.sk)
"""Of the partner's records: without them nothing can be decided for anybody."""
_PARTNERS = (keys.policy_key(None), keys.stage_key(None))
"""They are listed among the customers'."""

EVERYTHING = 2**53
"""Unix seconds after every due time, and more documents than there can be."""


def contracts_among(
    with_line: Iterable[int], mappings: Iterable[CustomerMapping], due: Iterable[Due]
) -> set[int]:
    """Every contract that has a line, that a customer is mapped to, or that is due; nothing is decided on any other."""
    mapped = {id_ for mapping in mappings for id_ in mapping.contract_ids}
    return {*with_line} | mapped | {int(keys.id_of(one.key)) for one in due if one.key.sk == keys.CONTRACT}


class _ListedHistories:
    """Histories whose heads and parts are listed side by side: both by customer."""

    def __init__(self, table: Table, first: str) -> None:
        self._table = table
        self._listed = groupby(self._parts(first), attrgetter("sort"))
        self._customer_id = ""
        self._of_customer: list[Document] = []

    def _parts(self, first: str) -> Iterator[Document]:
        yield from self._table.list(
            "subscription-part", first
        )  # asked for with the first head that has parts

    def subscription(self, head: Document) -> Subscription:
        """The history of the next head. Raises ``RecordUnreadable``."""
        if not is_split(head):
            return read_as(lambda _: subscription_in(head), head)[0]
        while self._customer_id < head.sort:
            self._customer_id, parts = next(self._listed, ("\U0010ffff", iter(())))
            self._of_customer = [*parts]
        listed = self._of_customer if self._customer_id == head.sort else []
        history, known = self._with_parts(head, listed)
        if is_whole(head, known):
            return history
        # An index follows a moment later, for each document by itself.
        now = self._table.get(head.key) or head
        return self._with_parts(now, self._table.range(now.key.pk, *keys.parts_of(_id_of(now))))[0]

    @staticmethod
    def _with_parts(
        head: Document, found: Iterable[Document]
    ) -> tuple[Subscription, tuple[HistoryPart, ...]]:
        id_ = _id_of(head)
        parts = [one for one in found if read_as(lambda _, part=one: part_of(part), one) == id_]  # type: ignore[misc]
        return read_as(lambda _: subscription_in(head, parts), head)


def _id_of(head: Document) -> str:
    return read_as(lambda data: str(data["id"]), head)


class Store:
    """Reads and the making of writes; ``commit`` is the only thing that changes the table."""

    def __init__(self, table: Table, on_unreadable: OnUnreadable = lambda _error: None) -> None:
        """``on_unreadable`` is told of what a listing passes over."""
        self.table = table
        self.on_unreadable = on_unreadable

    # -- Reads

    def customer(self, customer_id: str) -> CustomerRecords:
        """A customer's inbox, mapping, terms and subscriptions."""
        return customer_in(customer_id, self.table.range(keys.customer_pk(customer_id), *keys.OF_CUSTOMER))

    def customer_to_merge(self, customer_id: str, most: int) -> CustomerRecords:
        """The same with ``most`` events of the inbox, so that a read is bounded however many wait.

        Where none waits, it is without subscriptions: nothing is to be merged into them.
        """
        pk = keys.customer_pk(customer_id)
        first = self.table.range(pk, *keys.OF_CUSTOMER, most)
        waiting = [document for document in first if waits_in_inbox(document)]
        if not waiting:
            histories = (keys.SUBSCRIPTION, keys.SUBSCRIPTION_PART)
            return customer_in(customer_id, [one for one in first if not one.key.sk.startswith(histories)])
        if len(first) < most:
            return customer_in(customer_id, first)
        if len(waiting) == most:
            return customer_in(customer_id, [*waiting, *self.table.range(pk, *keys.BUT_INBOX)])
        *known, last = first  # read again with what follows: then no document is missing or there twice
        return customer_in(customer_id, [*known, *self.table.range(pk, last.key.sk, keys.OF_CUSTOMER[1])])

    def customer_to_bill(self, customer_id: str) -> CustomerRecords:
        """The same without the inbox: what a contract's next step depends on."""
        return customer_in(customer_id, self.table.range(keys.customer_pk(customer_id), *keys.BUT_INBOX))

    def knows_customer(self, customer_id: str) -> bool:
        """Whether anything at all is stored of a customer, readable or not."""
        return bool(self.table.range(keys.customer_pk(customer_id), "", keys.LAST, 1))

    def knows_contract(self, contract_id: int) -> bool:
        """The same of a contract."""
        return bool(self.table.range(keys.contract_pk(contract_id), "", keys.LAST, 1))

    def mapping(self, customer_id: str) -> CustomerMapping | None:
        """A customer's mapping; None: it is not mapped."""
        document = self.table.get(keys.mapping_key(customer_id))
        return read_as(mapping_in, document) if document else None

    def stage(self, customer_id: str) -> Stored[Stage] | None:
        """A customer's own stage; None: it is everybody's."""
        document = self.table.get(keys.stage_key(customer_id))
        return Stored(read_as(stage_in, document), document.rev) if document else None

    def notice(self, customer_id: str) -> Stored[Notice] | None:
        """The contracts that are still to be told that something is new of a customer; None: all know."""
        document = self.table.get(keys.notice_key(customer_id))
        return stored_notice(document) if document else None

    def contract_state(self, contract_id: int) -> Stored[ContractState]:
        """A contract's state; one that is not stored is fresh."""
        document = self.table.get(keys.contract_key(contract_id))
        return stored_contract_state(document) if document else Stored(ContractState(contract_id))

    def contract(self, contract_id: int) -> ContractRecords:
        """A contract's state and lines; a state that is not stored is fresh."""
        documents = self.table.range(keys.contract_pk(contract_id), *keys.OF_CONTRACT)
        return contract_records(contract_id, documents)

    def circuit(self) -> Stored[Circuit]:
        """Whether Autotask may be asked. It concerns the last minutes: one that cannot be read is written over."""
        return readable_or(Circuit(), circuit_in, self.table.get(keys.CIRCUIT))

    def partner(self) -> PartnerRecords:
        """The partner's plans, terms, stage and circuit.

        A plan that cannot be read concerns its SKU only, and is not among them. Raises ``RecordUnreadable`` for what concerns everybody.
        """
        found = self.readable_partner()
        for sk, error in found.unreadable.items():
            if sk in _EVERYBODYS:
                raise error
        return found

    def readable_partner(self) -> PartnerRecords:
        """What can be read of them, to be shown: nothing may be decided by it."""
        return partner_in(self.table.range(keys.PARTNER, *keys.OF_PARTNER))

    def event(self, customer_id: str, key: str) -> Stored[EventRecord] | None:
        """A merged event."""
        document = self.table.get(keys.event_key(customer_id, key))
        return Stored(read_as(event_in, document), document.rev) if document else None

    def provisioning(self, number: str) -> Stored[Provisioning] | None:
        """A contract that is being opened."""
        document = self.table.get(keys.provisioning_key(number))
        return Stored(read_as(provisioning_in, document), document.rev, document.due_at) if document else None

    def trouble(self, key: Key) -> Stored[Trouble] | None:
        """Why a document could not be handled last time; None: it could."""
        document = self.table.get(keys.trouble_key(key))
        return Stored(read_as(trouble_in, document), document.rev, document.due_at) if document else None

    def trouble_rev(self, key: Key) -> int:
        """The revision of a trouble, whether it can be read or not; 0: there is none."""
        document = self.table.get(keys.trouble_key(key))
        return document.rev if document else 0

    def names(self, contract_id: int) -> Stored[ContractNames]:
        """How a contract, its company and its services are called; nothing is known of one that is not stored."""
        return self.names_of([contract_id])[contract_id]

    def names_of(self, contract_ids: Iterable[int]) -> dict[int, Stored[ContractNames]]:
        """The same of several contracts, a hundred in a request."""
        key_of = {id_: keys.names_key(id_) for id_ in contract_ids}
        found = {one.key: one for one in self.table.get_many([*key_of.values()])}
        return {id_: readable_or(ContractNames(id_), names_in, found.get(key)) for id_, key in key_of.items()}

    def owner(self, subscription_id: str) -> Stored[str] | None:
        """The customer whose a subscription is: under whom it was first seen, or to whom a person let it go."""
        document = self.table.get(keys.owner_key(subscription_id))
        if document is None:
            return None
        return Stored(read_as(lambda data: str(data["customer"]), document), document.rev)

    # -- Listings (hints: the indexes follow a moment later). A record that cannot be read is passed over.

    def readable(self, load: Callable[[Data], T], documents: Iterable[Document]) -> Iterator[T]:
        """The records of these documents, but those that cannot be read."""
        return each_readable(partial(read_as, load), documents, self.on_unreadable)

    def due(self) -> tuple[Due, ...]:
        """All that will have to be looked at, now or later."""
        return tuple(whole(self.table.due(EVERYTHING, EVERYTHING), self.on_unreadable))

    def mappings(self, first: str = "") -> Iterator[CustomerMapping]:
        """Every mapped customer, from an id on, by id."""
        return self.readable(mapping_in, self.table.list("mapping", first))

    def subscriptions(self, first: str = "") -> Iterator[Subscription]:
        """Every subscription, of customers from an id on, by their ids."""
        found = self.table.list("subscription", first)
        return each_readable(_ListedHistories(self.table, first).subscription, found, self.on_unreadable)

    def lines(self) -> Iterator[Line]:
        """Every line."""
        return self.readable(line_in, self.table.list("line"))

    def terms(self, first: str = "", last: str = keys.LAST) -> Iterator[tuple[str, Terms]]:
        """The overrides of every customer who has any, from an id to another."""
        found = self.table.list("policy", first, last)
        listed = (document for document in found if document.key not in _PARTNERS)
        return each_readable(_terms_of_customer, listed, self.on_unreadable)

    def stages(self, first: str = "", last: str = keys.LAST) -> Iterator[tuple[str, Stage]]:
        """Every customer with a stage of his own, from an id to another."""
        found = self.table.list("stage", first, last)
        listed = (document for document in found if document.key not in _PARTNERS)
        return each_readable(_stage_of_customer, listed, self.on_unreadable)

    def contract_ids(
        self, mappings: Iterable[CustomerMapping] | None = None, due: Iterable[Due] | None = None
    ) -> set[int]:
        """The contracts that there are, see :func:`contracts_among`; ``mappings`` and ``due``: what was listed of these already."""
        due = self.due() if due is None else due
        lines = whole(self.table.list("line"), self.on_unreadable)
        with_line = (int(keys.id_of(document.key)) for document in lines)
        return contracts_among(with_line, self.mappings() if mappings is None else mappings, due)

    def contract_states(self, ids: Iterable[int] | None = None) -> Iterator[tuple[ContractState, int | None]]:
        """Contracts with the unix second from which each is due, as of now; None: every one of ``contract_ids``."""
        wanted = sorted(self.contract_ids() if ids is None else ids)
        found = self.table.get_many([keys.contract_key(id_) for id_ in wanted])
        return each_readable(_state_and_due_time, found, self.on_unreadable)

    def all_names(self) -> Iterator[ContractNames]:
        """How every contract, its company and its services are called."""
        return self.readable(names_in, self.table.list("names"))

    def provisionings(self) -> Iterator[Provisioning]:
        """Every contract that is being opened."""
        return self.readable(provisioning_in, self.table.list("opening"))

    def changes(self, since: datetime | None = None) -> Iterator[JournalEntry]:
        """The journal, oldest first."""
        first = since.isoformat() if since else ""
        return self.readable(JOURNAL_ENTRY.load, self.table.list("change", first))

    def newest_changes(self) -> Iterator[JournalEntry]:
        """The journal, newest first: for who looks for one entry."""
        return self.readable(JOURNAL_ENTRY.load, self.table.list("change", backwards=True))

    def decisions(self, since: datetime | None = None) -> Iterator[Decision]:
        """What people decided, oldest first."""
        first = since.isoformat() if since else ""
        return self.readable(decision_in, self.table.list("decision", first))

    def events(self, since: datetime | None = None) -> Iterator[EventRecord]:
        """Merged events by the time of their arrival, oldest first."""
        first = since.isoformat() if since else ""
        return self.readable(event_in, self.table.list("event", first))

    def events_of(self, customer_id: str) -> Iterator[EventRecord]:
        """Every merged event of a customer, by key; strongly consistent."""
        return self.readable(event_in, self.table.range(keys.customer_pk(customer_id), *keys.EVENTS))

    def newest_events(self) -> Iterator[EventRecord]:
        """Merged events by the time of their arrival, newest first: for who needs a few of them."""
        return self.readable(event_in, self.table.list("event", backwards=True))

    def parked_events(self) -> Iterator[EventRecord]:
        """Events that a person must look at."""
        return self.readable(event_in, self.table.list("parked-event"))

    def troubles(self) -> Iterator[Trouble]:
        """Everything that could not be handled last time."""
        return self.readable(trouble_in, self.table.list("trouble"))

    # -- Writes

    def commit(self, *changes: Put | Delete | Check) -> None:
        """All or nothing. Raises ``Conflict`` when a record was changed by someone else since it was read."""
        self.table.write(changes)


def _terms_of_customer(document: Document) -> tuple[str, Terms]:
    return keys.id_of(document.key), read_as(terms_in, document)


def _stage_of_customer(document: Document) -> tuple[str, Stage]:
    return keys.id_of(document.key), stored_stage(document).value


def _state_and_due_time(document: Document) -> tuple[ContractState, int | None]:
    stored = stored_contract_state(document)
    return stored.value, stored.due_at
