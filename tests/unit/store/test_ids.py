"""Any id that is accepted comes back through every key, range and index, and beside any other id."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, World
from timus_autotask.aws.sqs import sqs_id
from timus_autotask.domain.finding import Finding, Kind
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping
from timus_autotask.domain.provisioning import NewContract, Provisioning
from timus_autotask.domain.terms import Terms
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.customers import put_mapping, put_owner, put_subscription
from timus_autotask.store.inbox import delivery_in, delivery_of, put_delivery
from timus_autotask.store.keys import contract_key, id_of, inbox_key, subscription_key
from timus_autotask.store.merged_events import EventRecord, put_event
from timus_autotask.store.partner import put_plan
from timus_autotask.store.records import Store
from timus_autotask.store.runs import findings, put_found
from timus_autotask.store.terms import put_terms
from timus_autotask.store.troubles import Trouble, put_trouble
from timus_autotask.timus.events import valid_identifier, valid_sku
from timus_autotask.timus.peek import IDENTIFIER

NOW = datetime(2026, 3, 15, 9, tzinfo=UTC)
HOSTILE = ("~x", "~", "-", "#", "a#b", "POLICY", "~~~", "MAPPING#", "\x7e" * 128, "!", "INBOX#~", "TROUBLE")

ids = st.from_regex(IDENTIFIER, fullmatch=True) | st.sampled_from(HOSTILE)
skus = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=128).filter(
    str.isprintable
) | st.sampled_from(("~", "#", "PLAN#", "\U0001f642", "é", "POLICY"))


def version(number: int = 1, sku: str = ADV) -> Version:
    """Five units of a SKU."""
    return Version(number, date(2026, 3, 1), ((sku, 5),), "active", None, None, "evt", "subscription.updated")


@given(
    customers=st.lists(ids, min_size=1, max_size=3, unique=True),
    subscriptions=st.lists(ids, min_size=1, max_size=4, unique=True),
    events=st.lists(ids, min_size=1, max_size=3, unique=True),
    sku_names=st.lists(skus, min_size=1, max_size=3, unique=True),
)
@example(customers=["~"], subscriptions=["~x"], events=["~"], sku_names=["~"])
@example(customers=["a", "a#b"], subscriptions=["b", "b#c"], events=["e"], sku_names=["é"])
def test_every_record_comes_back(
    customers: list[str], subscriptions: list[str], events: list[str], sku_names: list[str]
) -> None:
    """Whatever the ids are: each customer has exactly its own inbox, mapping, terms, subscriptions and events; each list has all."""
    for identity in (*customers, *subscriptions, *events):
        assert valid_identifier(identity) == identity
    for sku in sku_names:
        assert valid_sku(sku) == sku
    store = Store(MemoryTable())
    raw = {event: event.encode() for event in events}
    for customer in customers:
        store.commit(
            put_mapping(CustomerMapping(customer, ()), 0), put_terms(customer, Terms({"paused": True}), 0)
        )
        for subscription in subscriptions:
            store.commit(*put_subscription(Subscription(subscription, customer, (version(),)), None)[0])
        for event in events:
            delivery = delivery_of(event, raw[event], NOW)
            store.commit(
                put_delivery(customer, delivery, 1), put_event(merged(customer, delivery.key, event))
            )
        number = f"timus-{customer}"
        wanted = NewContract(number, 1, "", date(2026, 3, 1), date(2026, 12, 31), 1, customer_id=customer)
        store.commit(put_provisioning(Provisioning(wanted), 0, NOW))
        key = inbox_key(customer, "x")
        store.commit(put_trouble(key, Trouble(key.pk, "?", NOW, 1, NOW), 0))
        found = [Finding(Kind.RENEWAL, "", customer_id=customer)]
        store.commit(put_found(f"CUSTOMER#{customer}", "run", found, store.table))
    for subscription in subscriptions:
        store.commit(put_owner(subscription, customers[0]))
    for sku in sku_names:
        store.commit(put_plan(PlanMapping(sku), 0))
    store.commit(put_terms(None, Terms(), 0))

    for customer in customers:
        records = store.customer(customer)
        assert records.mapping is not None
        assert records.mapping.value.customer_id == customer
        assert records.terms is not None
        assert {stored.value.id for stored in records.subscriptions.values()} == {*subscriptions}
        assert {stored.value.customer_id for stored in records.subscriptions.values()} == {customer}
        waiting = [delivery_in(document) for document in records.inbox]
        assert {each.event_id: each.raw for each in waiting} == raw
        assert {id_of(document.key) for document in records.inbox} == {customer}
        for each in waiting:
            event_record = store.event(customer, each.key)
            assert event_record is not None
            assert event_record.value.event_id == each.event_id
        assert store.provisioning(f"timus-{customer}") is not None
        trouble = store.trouble(subscription_key(customer, "y"))
        assert trouble is not None
        assert (trouble.value.kind, trouble.value.id) == ("customer", customer)
    owners = [store.owner(subscription) for subscription in subscriptions]
    assert {owner.value for owner in owners if owner} == {customers[0]}
    assert all(owners)
    partner = store.partner()
    assert partner.plans.keys() == {*sku_names}
    assert partner.terms.rev == 1

    assert sorted(mapping.customer_id for mapping in store.mappings()) == sorted(customers)
    assert sorted((s.customer_id, s.id) for s in store.subscriptions()) == sorted(
        (customer, subscription) for customer in customers for subscription in subscriptions
    )
    assert sorted(customer for customer, _ in store.terms()) == sorted(customers)
    assert len([*store.events()]) == len(customers) * len(events)
    assert sorted(one.wanted.customer_id for one in store.provisionings()) == sorted(customers)
    assert sorted(trouble.id for trouble in store.troubles()) == sorted(customers)
    assert sorted(finding.customer_id for finding in findings(store.table)) == sorted(customers)
    due = [document.key for document in store.table.due(2**40, 1000) if document.key.sk.startswith("INBOX#")]
    assert {id_of(key) for key in due} == {*customers}


def merged(customer: str, key: str, event: str) -> EventRecord:
    """A merged event."""
    return EventRecord(key, event, "", "utf-8", NOW, NOW, "merged", customer)


@given(customer=ids, other=ids)
def test_wake_ups_of_one_customer_are_one_group(customer: str, other: str) -> None:
    """The queue takes every id, and two customers never share a group."""
    assert 1 <= len(sqs_id(customer)) <= 128
    assert (sqs_id(customer) == sqs_id(other)) == (customer == other)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_change_of_any_subscription_is_billed(hostile: str) -> None:
    """Through webhook, inbox, queue, merge and worker: it is billed and shown, and so is its next version."""
    world = World()
    world.map_customer()
    world.work()
    for number, units in ((1, 30), (2, 31)):
        world.tell(number, {ADV: units}, subscription=hostile, event_id=f"evt_{number}")
        world.work()
        assert world.units(ADV, date(2026, 3, 16)) == units
        world.clock.advance(86400)
    assert [one.id for one in world.ports.store.subscriptions()] == [hostile]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(customer=ids, subscription=ids)
def test_a_change_of_any_customer_is_billed(customer: str, subscription: str) -> None:
    """Also when its wake-up is lost, and only the sweep finds it."""
    world = World()
    world.map_customer(customer)
    world.sweep()
    world.tell(1, {ADV: 30}, customer=customer, subscription=subscription, event_id="evt")
    world.pass_time(minutes=3)
    assert world.units(ADV, date(2026, 3, 16)) == 30
    assert world.ports.store.contract(29683949).state.value.customers == (customer,)
    assert world.table.get(contract_key(29683949)) is not None
