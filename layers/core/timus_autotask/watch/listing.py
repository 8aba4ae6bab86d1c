"""Every record at once, from the indexes: a few reads for a thousand customers, and each a moment old."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TypeVar

from timus_autotask.domain.history import Subscription
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.terms import Terms
from timus_autotask.ports.table import Document, Due
from timus_autotask.store import keys
from timus_autotask.store.contracts import (
    ContractRecords,
    ContractState,
    provisioning_in,
    stored_contract_state,
)
from timus_autotask.store.customers import CustomerRecords, deliveries, stored_notice
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.keys import id_of
from timus_autotask.store.partner import PartnerRecords, partner_in
from timus_autotask.store.reading import RecordUnreadable, Stored, each_readable, read_as
from timus_autotask.store.records import Store, contracts_among
from timus_autotask.store.runs import Run, last_run_in
from timus_autotask.store.troubles import trouble_in
from timus_autotask.watch.as_known_now import by_records
from timus_autotask.watch.status import Records

T = TypeVar("T")


def everything(store: Store, queued: int) -> tuple[Records, Run]:
    """Every record and every name, with what cannot be read, and the last comparison with Autotask; ``queued``: wake-ups that wait."""
    unreadable: dict[str, RecordUnreadable] = {}
    noting = Store(store.table, lambda error: unreadable.update({error.record: error}))
    of_partner = store.table.range(keys.PARTNER, *keys.WITH_RUN)
    partner = partner_in(of_partner)
    unreadable.update({error.record: error for error in partner.unreadable.values()})
    records = listed(noting, partner)
    names = tuple(noting.all_names())
    found = tuple(one for _, one in sorted(unreadable.items()))
    return replace(records, queued=queued, names=names, unreadable=found), last_run_in(of_partner).value


def listed(store: Store, partner: PartnerRecords | None = None) -> Records:
    """Every record. Revisions are not known: to write a record, read it again. ``partner``: what was read of it already.

    What is due and what contracts are at is read by key after the rest, as of now, a hundred in a request: what a worker ends meanwhile is
    seen there, or among what was due before.
    """
    due = store.due()
    mappings = {mapping.customer_id: mapping for mapping in store.mappings()}
    terms, stages = dict(store.terms()), dict(store.stages())
    subscriptions: dict[str, dict[str, Stored[Subscription]]] = {}
    for subscription in store.subscriptions():
        subscriptions.setdefault(subscription.customer_id, {})[subscription.id] = Stored(subscription, 1)
    lines: dict[int, dict[int, Stored[Line]]] = {}
    for line in store.lines():
        lines.setdefault(line.contract_id, {})[line.service_id] = Stored(line, 1)
    ids = contracts_among(lines, mappings.values(), due)
    now = _as_of_now(store, due, ids)
    inbox: dict[str, list[Document]] = {}
    for document in deliveries(now, store.on_unreadable):
        inbox.setdefault(id_of(document.key), []).append(document)
    states = {one.value.contract_id: one for one in _each(stored_contract_state, keys.CONTRACT, now, store)}
    notices = {one.value.customer_id: one for one in _each(stored_notice, keys.NOTICES, now, store)}
    customers = {
        id_: CustomerRecords(
            id_,
            tuple(inbox.get(id_, ())),
            _known(mappings, id_),
            Stored(terms[id_], 1) if id_ in terms else None,
            subscriptions.get(id_, {}),
            Stored(stages[id_], 1) if id_ in stages else None,
            notices.get(id_),
        )
        for id_ in sorted({*mappings, *subscriptions, *terms, *inbox})
    }
    return Records(
        queued=0,
        due=due,
        customers=customers,
        contracts={
            id_: ContractRecords(states.get(id_, Stored(ContractState(id_))), lines.get(id_, {}))
            for id_ in sorted(ids)
        },
        partner=partner or store.partner(),
        parked_events=by_records(store.parked_events(), customers),
        provisionings=tuple(_each(partial(read_as, provisioning_in), keys.OPENING, now, store)),
        troubles=tuple(_each(partial(read_as, trouble_in), keys.TROUBLE, now, store)),
    )


_KEPT_DUE = (keys.NOTICES, keys.OPENING, keys.TROUBLE)
"""What is due for as long as it is there, beside the events of the inbox: so the due index lists it."""


def _as_of_now(store: Store, due: Iterable[Due], contract_ids: Iterable[int]) -> list[Document]:
    """What waits of what is due, and the states of contracts, in as few requests as may be."""
    waiting = [one.key for one in due if waits_in_inbox(one) or one.key.sk.startswith(_KEPT_DUE)]
    return store.table.get_many([*waiting, *map(keys.contract_key, sorted(contract_ids))])


def _each(read: Callable[[Document], T], sk: str, documents: Iterable[Document], store: Store) -> Iterator[T]:
    """The records of those documents whose sort key begins so, in the order of their keys."""
    these = sorted((one for one in documents if one.key.sk.startswith(sk)), key=attrgetter("key"))
    return each_readable(read, these, store.on_unreadable)


def _known(mappings: Mapping[str, CustomerMapping], customer_id: str) -> Stored[CustomerMapping] | None:
    return Stored(mappings[customer_id], 1) if customer_id in mappings else None


def of_partner(store: Store) -> Records:
    """What belongs to no customer and no contract: the partner's records, and what waits for people."""
    return Records(
        queued=0,
        due=(),
        customers={},
        contracts={},
        partner=store.readable_partner(),
        parked_events=tuple(store.parked_events()),
        provisionings=tuple(store.provisionings()),
        troubles=tuple(store.troubles()),
    )


def portions(store: Store, after: str, most: int, partner: Records) -> Iterator[tuple[Records, str | None]]:
    """The customers after one, by id, ``most`` at a time, with their contracts, beside what is the partner's: fewer where they have many contracts.

    Each time with the last of them; None when there are no more. Mappings and subscriptions are listed once for all portions: a list that
    is begun anew for each reads a page of a megabyte anew for each.
    """
    beyond = f"{after}\0" if after else ""
    known: Iterator[tuple[str, CustomerMapping | Subscription]] = merge(
        ((mapping.customer_id, mapping) for mapping in store.mappings(beyond)),
        ((subscription.customer_id, subscription) for subscription in store.subscriptions(beyond)),
        key=itemgetter(0),
    )
    groups = ((id_, [one for _, one in group]) for id_, group in groupby(known, itemgetter(0)))
    following = next(groups, None)
    if following is None:
        yield partner, None
    while following is not None:
        these, following = _until_many(following, groups, most)
        first, last = these[0][0], these[-1][0]
        terms, stages = dict(store.terms(first, last)), dict(store.stages(first, last))
        customers = {id_: _customer(id_, of_it, terms.get(id_), stages.get(id_)) for id_, of_it in these}
        ids = {id_ for one in customers.values() if one.mapping for id_ in one.mapping.value.contract_ids}
        contracts = dict(_readable_contracts(sorted(ids), store))
        yield replace(partner, customers=customers, contracts=contracts), last if following else None


_Listed = tuple[str, list[CustomerMapping | Subscription]]
"""A customer, and what is listed of it."""


def _until_many(first: _Listed, others: Iterator[_Listed], most: int) -> tuple[list[_Listed], _Listed | None]:
    """The next customers, until they or their contracts are so many; and the one who follows."""
    these: list[_Listed] = []
    contracts = 0
    following: _Listed | None = first
    while following is not None and max(len(these), contracts) < most:
        these.append(following)
        contracts += sum(len(one.contract_ids) for one in following[1] if isinstance(one, CustomerMapping))
        following = next(others, None)
    return these, following


def _readable_contracts(ids: Iterable[int], store: Store) -> Iterator[tuple[int, ContractRecords]]:
    for id_ in ids:
        try:
            yield id_, store.contract(id_)
        except RecordUnreadable as error:
            store.on_unreadable(error)


def _customer(
    id_: str, listed: Sequence[CustomerMapping | Subscription], terms: Terms | None, stage: Stage | None
) -> CustomerRecords:
    return CustomerRecords(
        id_,
        mapping=next((Stored(one, 1) for one in listed if isinstance(one, CustomerMapping)), None),
        terms=Stored(terms, 1) if terms else None,
        subscriptions={one.id: Stored(one, 1) for one in listed if isinstance(one, Subscription)},
        stage=Stored(stage, 1) if stage else None,
    )
