"""What is stored of a customer for the path of a change: mapping, notice, subscriptions, and what waits to be merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.terms import Terms
from timus_autotask.ports.table import Check, Document, Put, Write
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.history import part_of, subscription_in, subscription_writes
from timus_autotask.store.inbox import delivery_in, waits_in_inbox
from timus_autotask.store.reading import (
    OnUnreadable,
    RecordUnreadable,
    Stored,
    each_readable,
    read_as,
    require_whole,
    seconds_of,
)
from timus_autotask.store.terms import stored_stage, terms_in


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
    def known_mapping(self) -> CustomerMapping:
        """Where its units go; where nobody has said, to no contract."""
        return self.mapping.value if self.mapping else CustomerMapping(self.id, ())

    @property
    def own_stage(self) -> Stage | None:
        """The customer's own stage; None: the partner's holds."""
        return self.stage.value if self.stage else None


_MAPPING = Codec(CustomerMapping)
_NOTICE = Codec(Notice)

mapping_in = _MAPPING.load
"""A customer's mapping."""


def stored_notice(document: Document) -> Stored[Notice]:
    """A notice. Raises ``RecordUnreadable``."""
    return Stored(read_as(_NOTICE.load, document), document.rev)


def customer_in(customer_id: str, documents: Iterable[Document]) -> CustomerRecords:
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
        if not waits_in_inbox(document):
            require_whole(document.key)  # it could be a history that would be missing
        if sk == keys.LIVE:
            stage = stored_stage(document)
        elif sk == keys.NOTICES:
            notice = stored_notice(document)
        elif sk == keys.MAPPING:
            mapping = Stored(read_as(mapping_in, document), document.rev)
        elif sk == keys.POLICY:
            terms = Stored(read_as(terms_in, document), document.rev)
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


def deliveries(documents: Iterable[Document], on_unreadable: OnUnreadable) -> Iterator[Document]:
    """The documents that are events waiting to be merged, but those that cannot be read."""

    def read(document: Document) -> Document:
        read_as(lambda _: delivery_in(document), document)
        return document

    return each_readable(read, filter(waits_in_inbox, documents), on_unreadable)


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


def put_subscription(
    subscription: Subscription, known: Stored[Subscription] | None
) -> tuple[list[Write], Stored[Subscription]]:
    """What stores a subscription's history over the one that was read (None: a new one), and how it stands after that."""
    rev, parts = (known.rev, known.parts) if known else (0, ())
    writes, after = subscription_writes(subscription, rev, parts)
    return writes, Stored(subscription, rev + 1, parts=after)
