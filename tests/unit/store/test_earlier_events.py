"""Events that an earlier version parked: whose the subscription was stood only in the facts of the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.fakes.memory_table import MemoryTable
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED, Parked
from timus_autotask.store.merged_events import EventRecord, put_event
from timus_autotask.store.records import Store

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
MOVE = EventRecord(
    "key", "evt_1", "", "", NOON, NOON, "parked", "cus_2",
    parked=Parked(SUBSCRIPTION_MOVED, {"other": "cus_1", "customer": "cus_2"}), other_customer="cus_1",
)  # fmt: skip


def read(record: EventRecord) -> EventRecord:
    """The record as it comes back from the table."""
    table = MemoryTable()
    table.write([put_event(record)])
    [found] = Store(table).parked_events()
    return found


def test_a_move_that_was_parked_before_says_whose_the_subscription_is() -> None:
    """Else a month of that customer would count as ready."""
    assert read(replace(MOVE, other_customer="")) == MOVE


def test_who_is_concerned_does_not_follow_from_the_words() -> None:
    """A fact makes a sentence, and the field says it."""
    told = Parked(SUBSCRIPTION_MOVED, {"customer": "cus_2"})
    assert read(replace(MOVE, parked=told)).other_customer == "cus_1"


def test_another_reason_concerns_nobody_else() -> None:
    """Whatever its facts are called."""
    other = replace(MOVE, other_customer="", parked=Parked("contradictory", {"other": "cus_1"}))
    assert read(other).other_customer == ""
