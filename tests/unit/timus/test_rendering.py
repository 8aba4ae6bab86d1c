"""A snapshot as Timus would send it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.subscription import Snapshot
from timus_autotask.timus.events import Noted, understand
from timus_autotask.timus.peek import peek_customer, peek_subscription
from timus_autotask.timus.rendering import render, render_test

ID = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
NAME = st.text(st.characters(codec="utf-8"), max_size=20)
DAY = st.dates(date(2000, 1, 1), date(2199, 12, 31))
MOMENT = st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have no zone
SKUS = st.dictionaries(ID, st.tuples(st.integers(0, 2**31 - 1), st.none() | NAME), max_size=4)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Any state that an event can carry."""
    skus = sorted(draw(SKUS).items())
    start, end = sorted((draw(DAY), draw(DAY)))
    return Snapshot(
        subscription_id=draw(ID),
        version=draw(st.integers(1, 2**53 - 1)),
        customer_id=draw(ID),
        customer_name=draw(NAME),
        customer_domain=draw(st.none() | NAME),
        status=draw(st.sampled_from(["active", "trial", "past_due", "canceled"])),
        billing_cycle=draw(st.sampled_from(["monthly", "annual"])),
        items=tuple((sku, quantity) for sku, (quantity, _) in skus),
        term_start=start,
        term_end=end,
        cancel_at=draw(st.none() | DAY),
        effective_at=draw(MOMENT),
        event_type=draw(NAME),
        event_id="evt_1",
        occurred_at=draw(MOMENT),
        actor=draw(st.none() | NAME),
        item_names=tuple((sku, name) for sku, (_, name) in skus if name is not None),
    )


@given(snapshots())
def test_what_is_rendered_is_understood_as_the_same(snapshot: Snapshot) -> None:
    """Reading undoes writing, and the receiving function finds both ids."""
    body = render(snapshot, {"source": "a test"})
    assert understand("evt_1", body) == snapshot
    assert (peek_customer(body), peek_subscription(body)) == (snapshot.customer_id, snapshot.subscription_id)


@given(snapshots())
def test_the_bytes_follow_from_the_values(snapshot: Snapshot) -> None:
    """The same state gives the same bytes, so that a file that is given twice makes one event; the id is not among them."""
    assert render(snapshot, {"a": "1"}) == render(replace(snapshot, event_id="other"), {"a": "1"})
    assert render(snapshot, {"a": "1"}) != render(snapshot, {"a": "2"})


def test_a_test_of_the_way_concerns_nobody() -> None:
    """It is noted for people; its moment is that of its sender, as Timus writes one."""
    body = render_test(datetime(2026, 3, 15, 10, 12, 44, tzinfo=ZoneInfo("Europe/Berlin")))
    assert understand("evt_1", body) == Noted("evt_1", "webhook.test", None, None, None)
    assert b'"timestamp": "2026-03-15T09:12:44Z"' in body
