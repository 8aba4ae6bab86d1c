"""What an event of Timus says."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sign import SAMPLE_SECRET, SAMPLES, signed_sample
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.sync.receive import request_of
from timus_autotask.timus.events import Noted, NotUnderstood, understand
from timus_autotask.timus.peek import peek_customer, peek_subscription
from timus_autotask.timus.signatures import verify

EVENT: dict[str, Any] = json.loads((SAMPLES / "timus" / "subscription.updated.json").read_text())
SUBSCRIPTION: dict[str, Any] = EVENT["data"]["subscription"]
MISSING = object()
PEOPLES = ("customer.name", "customer.domain", "items.0.name")
"""Texts of a subscription that are only for people."""

bodies = sorted(SAMPLES.glob("timus/*.json"))


def changed(path: str, value: Any, event: Mapping[str, Any] = EVENT) -> bytes:
    """A valid event with one field set to another value, or without it."""
    event = copy.deepcopy(dict(event))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = event
    for step in steps:
        place = place[step]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return json.dumps(event).encode()


def snapshot(body: bytes) -> Snapshot:
    """The snapshot in a body that has one."""
    understood = understand("evt_1", body)
    assert isinstance(understood, Snapshot), understood
    return understood


def reason(body: bytes) -> str:
    """Why a body is not understood."""
    understood = understand("evt_1", body)
    assert isinstance(understood, NotUnderstood), understood
    return understood.reason


def test_the_contracts_example_is_understood_whole() -> None:
    """Every field of the event arrives in the snapshot, instants in UTC and items by SKU."""
    assert snapshot(json.dumps(EVENT).encode()) == Snapshot(
        subscription_id="sub_8f2c1a",
        version=7,
        customer_id="cus_41d0",
        customer_name="Contoso Dental",
        customer_domain="contoso-dental.example",
        status="active",
        billing_cycle="monthly",
        items=(("SASE-ADV-USER", 28), ("SASE-GATEWAY", 1)),
        term_start=date(2026, 1, 1),
        term_end=date(2026, 12, 31),
        cancel_at=None,
        effective_at=datetime(2026, 3, 15, 9, 12, 40, tzinfo=UTC),
        event_type="subscription.updated",
        event_id="evt_1",
        occurred_at=datetime(2026, 3, 15, 9, 12, 44, tzinfo=UTC),
        actor="j.doe@msp.example",
        item_names=(("SASE-ADV-USER", "Timus SASE Advanced, user"), ("SASE-GATEWAY", "Dedicated gateway")),
    )


@pytest.mark.parametrize("path", bodies, ids=lambda path: path.stem)
def test_every_sample_is_understood_and_signed(path: Path) -> None:
    """Each sample body says what its type says, and its signed form is genuine and what the generator writes."""
    understood = understand("evt_1", path.read_bytes())
    bare = path.stem in ("customer.updated", "webhook.test")
    assert isinstance(understood, Noted if bare else Snapshot), understood
    assert understood.event_type == path.stem
    signed = (SAMPLES / "api-gateway" / path.name).read_text()
    assert signed == signed_sample(path)
    request = request_of(json.loads(signed))
    assert request.body == path.read_bytes()
    now = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    verify(request.headers, request.body, [SAMPLE_SECRET], now, tolerance_seconds=0)


def test_there_is_a_sample_of_each_type() -> None:
    """The samples cover the contract's types, each body with its signed form."""
    types = {
        "subscription.created",
        "subscription.updated",
        "subscription.plan_changed",
        "subscription.canceled",
        "subscription.renewed",
        "customer.updated",
        "webhook.test",
    }
    assert {path.stem for path in bodies} == types
    assert {path.stem for path in SAMPLES.glob("api-gateway/*.json")} == types


def test_without_a_subscription_there_is_something_to_note() -> None:
    """A customer's new name and a test are kept for people, with the customer if one is named."""
    customer = {"type": "customer.updated", "timestamp": "2026-03-15T09:12:44Z", "data": {"customer": {}}}
    customer["data"] = {"customer": {"id": "cus_41d0", "name": "Contoso", "domain": None}}
    assert understand("e", json.dumps(customer).encode()) == Noted(
        "e", "customer.updated", "cus_41d0", "Contoso", None
    )
    test = {"type": "webhook.test", "timestamp": "2026-03-15T09:12:44Z", "data": {"subscription": None}}
    assert understand("e", json.dumps(test).encode()) == Noted("e", "webhook.test", None, None, None)
    assert "data.customer.id" in reason(changed("data.customer.id", 5, customer))


@pytest.mark.parametrize("kind", ["subscription.upgraded", "customer.updated", "webhook.test", ""])
def test_the_state_counts_whatever_the_type_is(kind: str) -> None:
    """A whole subscription is a snapshot under a new type too, and no renewal."""
    understood = snapshot(changed("type", kind))
    assert (understood.event_type, understood.version, understood.renews) == (kind, 7, False)


@pytest.mark.parametrize("path", bodies, ids=lambda path: path.stem)
def test_only_a_renewal_says_that_a_term_was_renewed(path: Path) -> None:
    """Timus says it by the event's type; nobody else has to know how."""
    understood = understand("evt_1", path.read_bytes())
    assert getattr(understood, "renews", False) is (path.stem == "subscription.renewed")


@pytest.mark.parametrize("value", [MISSING, None])
def test_an_unknown_type_without_a_subscription_is_not_understood(value: object) -> None:
    """Only the types that we know have a meaning without a subscription."""
    event = json.loads(changed("data.subscription", value))
    assert reason(changed("type", "invoice.paid", event)).startswith("data.subscription ")
    assert reason(changed("type", "subscription.updated", event)).startswith("data.subscription ")


@pytest.mark.parametrize(
    "path", ["data.customer", "data.subscription.plan", "data.subscription.items.0.price", "v"]
)
def test_fields_that_we_do_not_know_are_ignored(path: str) -> None:
    """Timus may add fields, of any type, beside ours."""
    assert snapshot(changed(path, ["anything"])) == snapshot(json.dumps(EVENT).encode())


@given(
    st.sampled_from(["type", "data.actor", *(f"data.subscription.{each}" for each in PEOPLES)]),
    st.integers(0, 50_000),
)
def test_a_text_for_people_is_cut_and_stops_no_seat(path: str, length: int) -> None:
    """It is kept with every change that follows: 200 characters say who it was, and the event's body has all of it."""
    long = "ä" * length
    understood = snapshot(changed(path, long))
    texts = [
        understood.event_type,
        understood.actor,
        understood.customer_name,
        understood.customer_domain,
        *(name for _, name in understood.item_names),
    ]
    assert (long if length <= 200 else "ä" * 199 + "…") in texts
    assert all(len(text or "") <= 200 for text in texts)


@pytest.mark.parametrize(
    "path", [f"data.subscription.{each}" for each in ("id", "customer.id", "items.0.sku")]
)
def test_an_id_is_never_cut(path: str) -> None:
    """A shorter one would be another one: up to 128 characters it is whole, beyond them a person looks at the event."""
    snapshot(changed(path, "x" * 128))
    assert "1 to 128 printable" in reason(changed(path, "x" * 129))


@pytest.mark.parametrize(
    "path", ["data.actor", "data.subscription.customer.domain", "data.subscription.items.0.name"]
)
def test_what_is_only_for_people_may_be_missing(path: str) -> None:
    """A missing or null name, domain or actor stops no seat."""
    for value in (MISSING, None):
        assert snapshot(changed(path, value)).items == (("SASE-ADV-USER", 28), ("SASE-GATEWAY", 1))


def test_a_missing_cancellation_is_none() -> None:
    """Senders that leave out what is null mean the same as those that write it."""
    assert snapshot(changed("data.subscription.cancel_at", MISSING)) == snapshot(json.dumps(EVENT).encode())
    cancelled = snapshot(changed("data.subscription.cancel_at", "2026-06-01"))
    assert cancelled.cancel_at == date(2026, 6, 1)


REQUIRED = [
    "type",
    "timestamp",
    "data",
    "data.effective_at",
    *(f"data.subscription.{name}" for name in SUBSCRIPTION if name != "cancel_at"),
    "data.subscription.customer.id",
    "data.subscription.customer.name",
    "data.subscription.items.0.sku",
    "data.subscription.items.1.quantity",
    "data.subscription.term.start",
    "data.subscription.term.end",
]


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_field_is_named(path: str) -> None:
    """What decides a quantity must be there, and the reason names the field that is not."""
    name = path.replace(".0.", "[0].").replace(".1.", "[1].")
    assert reason(changed(path, MISSING)) == f"{name} is missing"


@pytest.mark.parametrize("path", REQUIRED)
@pytest.mark.parametrize("value", [True, 1.5, [[]], {"a": 1}, "\ud800", -1], ids=repr)
def test_an_ill_typed_field_is_named(path: str, value: object) -> None:
    """A value of another type is never bent into one that fits, and the reason names its field."""
    name = path.replace(".0.", "[0].").replace(".1.", "[1].")
    assert reason(changed(path, value)).startswith(name)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("items.0.quantity", True, "items[0].quantity must be a whole number, but is true"),
        ("items.0.quantity", 28.0, "items[0].quantity must be a whole number, but is 28.0"),
        ("items.0.quantity", "28", 'items[0].quantity must be a whole number, but is "28"'),
        ("items.0.quantity", -1, "items[0].quantity must be 0 or more, but is -1"),
        ("items.0.quantity", 2**31, "items[0].quantity must be 2147483647 or less, but is 2147483648"),
        ("version", 0, "version must be 1 or more, but is 0"),
        ("status", "paused", "status must be 'active', 'trial', 'past_due' or 'canceled', but is \"paused\""),
        ("billing_cycle", "weekly", "billing_cycle must be 'monthly' or 'annual', but is \"weekly\""),
        ("items.1.sku", "SASE-ADV-USER", 'items must have each SKU once, but "SASE-ADV-USER" comes 2 times'),
        ("items.1.sku", " ", "items[1].sku must be 1 to 128 printable characters without spaces around them"),
        ("id", "a b", "id must be 1 to 128 printable ASCII characters without spaces"),
        ("customer.id", "x" * 129, "customer.id must be 1 to 128 printable ASCII characters without spaces"),
        ("term.end", "2025-12-31", "term must not end (2025-12-31) before it starts (2026-01-01)"),
        ("cancel_at", "2026-02-30", "cancel_at must be a day as in 2026-03-15"),
        ("cancel_at", "2026-02-28T00:00:00Z", "cancel_at must be a day as in 2026-03-15"),
        ("cancel_at", "20260228", "cancel_at must be a day as in 2026-03-15"),
        ("cancel_at", 1767276000, "cancel_at must be a day as in 2026-03-15"),
        ("items", {}, "items must be a list"),
        ("customer", [], "customer must be an object"),
        ("customer.name", "\ud800", "customer.name must be a text"),
    ],
)
def test_the_reason_is_in_plain_words(path: str, value: object, words: str) -> None:
    """A person reads what is wrong and where, without knowing any library."""
    assert reason(changed(f"data.subscription.{path}", value)).startswith(f"data.subscription.{words}")


def test_many_faults_are_counted() -> None:
    """The first three faults are told, the others counted."""
    text = reason(changed("data.subscription", {}))
    assert text.count("is missing") == 3
    assert text.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-15T09:12:40Z", "2026-03-15T09:12:40+00:00"),
        ("2026-03-15t09:12:40.123456789z", "2026-03-15T09:12:40.123456+00:00"),
        ("2026-03-15T22:57:40+13:45", "2026-03-15T09:12:40+00:00"),
        ("2026-03-15 09:12:40-00:00", "2026-03-15T09:12:40+00:00"),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, instant: str) -> None:
    """Every writing of RFC 3339 is the instant that it means."""
    assert snapshot(changed("data.effective_at", text)).effective_at == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-15T09:12:40",
        "2026-03-15",
        "2026-03-15T09:12Z",
        "2026-W11-7T09:12:40Z",
        "2026-03-15T24:00:00Z",
        "2026-02-30T09:12:40Z",
        "2026-03-15T09:12:40+25:00",
        "2026-03-15T09:12:40+00:60",
        "2026-03-15T09:12:40-05:99",
        "0001-01-01T00:00:00+14:00",
        1773565960,
        None,
    ],
)
def test_a_time_without_an_offset_is_no_time(value: object) -> None:
    """A time that leaves open which instant it is could end on another billing day."""
    assert reason(changed("data.effective_at", value)).startswith("data.effective_at must be a time as in")


def test_zero_and_no_items_are_states_too() -> None:
    """A quantity of 0 is kept as such, and a subscription may have no items left."""
    zero = snapshot(changed("data.subscription.items.0.quantity", 0))
    assert zero.items == (("SASE-ADV-USER", 0), ("SASE-GATEWAY", 1))
    assert snapshot(changed("data.subscription.items", [])).items == ()


def test_items_are_in_order_of_sku() -> None:
    """The order in which Timus lists items means nothing."""
    turned = changed("data.subscription.items", SUBSCRIPTION["items"][::-1])
    assert snapshot(turned) == snapshot(json.dumps(EVENT).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not UTF-8 text"),
        (json.dumps(EVENT).encode("utf-16"), "the body is not UTF-8 text"),
        (b"\xef\xbb\xbf" * 2 + b"{}", "the body is not JSON"),
        (b"{\xef\xbb\xbf}", "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b"5", "the body is not a JSON object"),
        (b'{"a": NaN}', "the body is not JSON: NaN is no number"),
        (b'{"a": ' + b"1" * 5000 + b"}", "the body is not JSON"),
        (b'{"quantity": 2, "quantity": 3}', 'the field "quantity" comes twice in one object'),
        (b"[" * 65_000, "the body is nested too deeply"),
        (b'{"a":' * 13_000, "the body is nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_not_understood(body: bytes, words: str) -> None:
    """Bytes that two readers could read differently, or not at all, are left to a person."""
    assert reason(body) == words


def test_a_byte_order_mark_before_the_json_is_skipped() -> None:
    """RFC 8259, section 8.1, lets a reader ignore it, and senders on .NET write it; the customer is found as well."""
    body = json.dumps(EVENT).encode()
    marked = b"\xef\xbb\xbf" + body
    assert understand("e", marked) == understand("e", body)
    assert peek_customer(marked) == peek_customer(body) == "cus_41d0"
    assert peek_subscription(marked) == "sub_8f2c1a"


numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**53, 10**4000, -1, 0])
texts = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["\ud800", "2026-03-15", "2026-03-15T09:12:44Z"]
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "data", "subscription", "customer", "x"]) | texts, inner, max_size=4
        )
    ),
    max_leaves=10,
)


def paths(value: Any, prefix: str = "") -> list[str]:
    """The path of every field within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for step, each in inner:
        found += [f"{prefix}{step}", *paths(each, f"{prefix}{step}.")]
    return found


def judged(body: bytes) -> None:
    """Whatever is understood can be stored, is in range, and is of the customer whom the receiver saw."""
    understood = understand("evt_1", body)
    if isinstance(understood, NotUnderstood):
        assert understood.reason
        understood.reason.encode()
        return
    repr(understood).encode()
    assert understood.customer_id == peek_customer(body)
    if isinstance(understood, Snapshot):
        assert all(type(quantity) is int and quantity >= 0 for _, quantity in understood.items)
        assert list(understood.items) == sorted(dict(understood.items).items())
        assert type(understood.version) is int
        assert understood.version >= 1
        assert understood.effective_at.utcoffset() is not None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing(body: bytes) -> None:
    """No bytes can stop the worker."""
    judged(body)


@given(json_values)
def test_arbitrary_json_raises_nothing(value: object) -> None:
    """No JSON can stop the worker, nor can it slip through with a value that the table could not hold."""
    judged(json.dumps(value).encode())
    judged(b"\xef\xbb\xbf" + json.dumps(value).encode())


@given(st.sampled_from(paths(EVENT)), json_values | st.just(MISSING))
def test_a_valid_event_with_one_field_changed_raises_nothing(path: str, value: object) -> None:
    """Next to the valid events there is none that stops the worker."""
    judged(changed(path, value))


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_a_valid_event_with_bytes_changed_raises_nothing(place: int, piece: bytes) -> None:
    """A damaged event is understood as what it says now, or not at all."""
    body = json.dumps(EVENT).encode()
    place %= len(body)
    judged(body[:place] + piece + body[place + len(piece) :])
