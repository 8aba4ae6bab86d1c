"""How customers, companies, contracts and services are called, beside their ids. Nothing is decided by a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.history import Subscription
from timus_autotask.domain.mapping import Alias, CustomerMapping
from timus_autotask.domain.names import same_company
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Put
from timus_autotask.store.contracts import ContractNames, put_names
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.records import Store
from timus_autotask.store.sizes import in_batches
from timus_autotask.sync.ports import Ports

KEPT = timedelta(days=7)
"""How long names are not read again: two calls for five hundred contracts."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Names by id; what has none is missing."""

    customers: Mapping[str, str] = field(default_factory=dict)
    """As Timus says."""
    companies: Mapping[int, str] = field(default_factory=dict)
    contracts: Mapping[int, str] = field(default_factory=dict)
    company_of: Mapping[int, int] = field(default_factory=dict)
    """The company of a contract."""
    services: Mapping[int, str] = field(default_factory=dict)


NOBODY = Directory()
"""No name is known."""


def directory(
    customers: Mapping[str, str], contracts: Iterable[ContractNames], now: Iterable[Contract] = ()
) -> Directory:
    """The names of these customers and contracts, and of all that stands on the contracts.

    ``now``: contracts as Autotask has them now. Of one that was opened since names were read, nothing else says how it is called.
    """
    kept = sorted(contracts, key=lambda names: names.at.timestamp() if names.at else 0)
    known = [*kept, *(ContractNames(one.id, one.name, one.company_id) for one in now)]  # the newest counts
    return Directory(
        {id_: name for id_, name in customers.items() if name},
        {one.company_id: one.company for one in known if one.company_id is not None and one.company},
        {one.contract_id: one.contract for one in known if one.contract},
        {one.contract_id: one.company_id for one in known if one.company_id is not None},
        {id_: name for one in known for id_, name in one.services.items() if name},
    )


def customer_name(subscriptions: Iterable[Subscription], mapping: CustomerMapping | None) -> str:
    """The customer's name as Timus said it last, else as it stands in the mapping; empty: nobody has said."""
    newest = [subscription.customer_name for subscription in subscriptions]
    mapped = mapping.customer_name if mapping else ""
    return next((name for name in (*reversed(newest), mapped) if name), "")


def reported_name(subscriptions: Iterable[Subscription]) -> str:
    """The customer's name as Timus said it last; empty: it has said none."""
    return customer_name(subscriptions, None)


def alias_of(
    name: str, company_id: int, company: str | None, mapping: CustomerMapping | None
) -> Alias | None:
    """What a person says who maps a customer to a company that is called otherwise; None: it is not, nobody knows, or somebody has said so."""
    differs = name and company and not same_company(name, company)
    return (
        Alias(name, company_id) if differs and not (mapping and mapping.is_called(name, company_id)) else None
    )


def apart(customer: str, alias: Alias, company: str | None) -> str:
    """A name of Timus's and one of Autotask's that are not the same, for people."""
    return f"Timus calls customer {customer} “{alias.name}”, Autotask calls company {alias.company_id} “{company}”"


def called_otherwise(mapping: CustomerMapping, name: str, companies: Mapping[int, str]) -> Iterator[Alias]:
    """The companies of a customer that Autotask calls otherwise than Timus calls him, and nobody has said that it is right.

    Names are compared when a mapping is made; where Timus had said none by then, this is the first time that they can be.
    """
    for company_id in mapping.companies:
        found = alias_of(name, company_id, companies.get(company_id), mapping)
        if found:
            yield found


def mapping_of(records: CustomerRecords) -> CustomerMapping | None:
    """Where a customer's units go; None: nobody has said."""
    return records.mapping.value if records.mapping else None


def name_of(records: CustomerRecords) -> str:
    """The name of a customer of whom the records were read."""
    newest = [stored.value for _, stored in sorted(records.subscriptions.items())]
    return customer_name(newest, mapping_of(records))


def are_old(names: ContractNames | None, now: datetime) -> bool:
    """Whether they are to be read again."""
    return names is None or names.at is None or now - names.at >= KEPT


@dataclass(frozen=True, slots=True)
class NamesRead:
    """What was read of a contract that has to do with names."""

    contract_id: int
    contract: Contract | None
    """None: only its services were read."""
    companies: Mapping[int, str]
    services: Mapping[int, str]


def learn_names(ports: Ports, read: Iterable[NamesRead]) -> None:
    """Keep what was read of contracts, of each once. If somebody else writes one just now, theirs is as good.

    One request reads the names of a hundred contracts and one writes them, where one by one they were two for each. In a transaction a
    write costs twice: a unit more for each contract, once a week.
    """
    new = {one.contract_id: one for one in read}
    now = ports.clock.now()
    known = ports.store.names_of(new)
    writes = [
        put_names(known[id_].value.learned(one.contract, one.companies, one.services, now), known[id_].rev)
        for id_, one in new.items()
    ]
    for batch in in_batches(writes):
        _write(batch, ports)


def _write(names: Sequence[Put], ports: Ports) -> None:
    """Store names but those that somebody else has written since they were read."""
    left = [*names]
    while left:
        try:
            ports.store.commit(*left)
            return
        except Conflict as conflict:
            others = [one for one in left if one.key not in conflict.keys]
            left = others if len(others) < len(left) else []


def known_names(store: Store) -> Directory:
    """Every name that is kept. Listings only: a few reads for a thousand customers."""
    subscriptions: dict[str, list[Subscription]] = {}
    for one in store.subscriptions():
        subscriptions.setdefault(one.customer_id, []).append(one)
    mappings = {one.customer_id: one for one in store.mappings()}
    customers = {
        id_: customer_name(subscriptions.get(id_, ()), mappings.get(id_))
        for id_ in {*subscriptions, *mappings}
    }
    return directory(customers, store.all_names())
