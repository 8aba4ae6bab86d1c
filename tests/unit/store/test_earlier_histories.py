"""Histories that an earlier version wrote: which events were renewals stood only in their type."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.fakes.memory_table import MemoryTable
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.ports.table import Data, Put
from timus_autotask.store import history
from timus_autotask.store.customers import put_subscription
from timus_autotask.store.keys import subscription_key
from timus_autotask.store.records import Store

TERM_END = date(2026, 12, 31)
RENEWAL = Version(
    1,
    date(2026, 1, 1),
    (("ADV", 25),),
    "active",
    None,
    TERM_END,
    "evt_1",
    "subscription.renewed",
    renews=True,
)


def as_earlier(versions: list[Data]) -> list[Data]:
    """Versions as they were stored before they said that they renew."""
    assert any("renews" in version for version in versions)
    return [{name: value for name, value in version.items() if name != "renews"} for version in versions]


def test_a_renewal_that_was_stored_by_its_type_still_renews() -> None:
    """The first event of a subscription was its renewal, and an earlier version merged it."""
    table = MemoryTable()
    [put], _ = history.subscription_writes(Subscription("sub", "cus", (RENEWAL,)), 0)
    assert isinstance(put, Put)
    table.write([replace(put, data={**put.data, "versions": as_earlier(put.data["versions"])})])
    read = Store(table).customer("cus").subscriptions["sub"].value
    assert read == Subscription("sub", "cus", (RENEWAL,))
    assert read.renewed_until == TERM_END


def test_a_renewal_in_an_older_part_still_renews(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is read as the head is, and is not written again because of it."""
    monkeypatch.setattr(history, "HEAD", 200)
    later = replace(RENEWAL, number=2, event_type="subscription.updated", renews=False)
    whole = Subscription("sub", "cus", (RENEWAL, later))
    table = MemoryTable()
    writes, _ = history.subscription_writes(whole, 0)
    puts = [write for write in writes if isinstance(write, Put)]
    head = subscription_key("cus", "sub")
    [part] = [put for put in puts if put.key != head]
    earlier = {**part.data["part"], "versions": as_earlier(part.data["part"]["versions"])}
    table.write(
        [put if put.key == head else replace(put, data={**put.data, "part": earlier}) for put in puts]
    )
    read = Store(table).customer("cus").subscriptions["sub"]
    assert read.value == whole
    again, _ = put_subscription(replace(whole, customer_name="Contoso"), read)
    assert [write.key for write in again] == [head]


def test_what_does_not_renew_is_stored_as_before() -> None:
    """Only a renewal has a field more: an event is not larger for it."""
    plain = replace(RENEWAL, event_type="subscription.updated", renews=False)
    [put], _ = history.subscription_writes(Subscription("sub", "cus", (plain,)), 0)
    assert isinstance(put, Put)
    assert "renews" not in put.data["versions"][0]
