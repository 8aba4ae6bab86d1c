"""The queue port around SQS, and what the in-memory queue does that takes too long in real time."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.aws.sqs import SqsWakeUps, sqs_id
from timus_autotask.ports.errors import QueueUnavailable
from timus_autotask.ports.queue import QueueDepth, body_of, wake_up_of

SESSION: Any = boto3.Session("test", "test", region_name="eu-west-1")
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/wake-ups.fifo"


def sqs() -> Any:
    """A client that is allowed one attempt."""
    return SESSION.client("sqs", config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize(
    "code", ["QueueDoesNotExist", "AccessDenied", "ThrottlingException", "InternalError", "RequestThrottled"]
)
def test_an_answer_that_refuses_is_unavailable(code: str) -> None:
    """The receiver has stored the event already; whatever the reason, the sweep will find it."""
    client = sqs()
    with Stubber(client) as stub:
        stub.add_client_error("send_message", code)
        stub.add_client_error("get_queue_attributes", code)
        with pytest.raises(QueueUnavailable, match="cus_1"):
            SqsWakeUps(client, URL).send("cus_1", "evt_1")
        with pytest.raises(QueueUnavailable):
            SqsWakeUps(client, URL).depth()


def test_a_queue_out_of_reach_is_unavailable() -> None:
    """No exception of the client gets through."""
    client = sqs()

    def out_of_reach(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=URL)

    client.meta.events.register("before-send.sqs", out_of_reach)
    with pytest.raises(QueueUnavailable):
        SqsWakeUps(client, URL).send("cus_1", "evt_1")
    with pytest.raises(QueueUnavailable):
        SqsWakeUps(client, URL).depth()


@given(st.text(st.characters(), min_size=1))
@example("a b")
@example("a" * 129)
def test_any_text_becomes_an_id_that_sqs_takes(text: str) -> None:
    """At most 128 characters of letters, digits and punctuation; the same text gives the same id."""
    made = sqs_id(text)
    assert 1 <= len(made) <= 128
    assert all("!" <= character <= "~" for character in made)
    assert made == sqs_id(text)


def test_ids_that_sqs_takes_stay_readable() -> None:
    """People look for a customer's group in the console."""
    assert sqs_id("cus_41d0") == "cus_41d0"
    assert sqs_id("a" * 129) != sqs_id("a" * 130)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_wake_up_is_read_back(customer: str) -> None:
    """The body carries the customer's id whole, whatever was made of it for the group."""
    assert wake_up_of({"body": body_of(customer)}) == customer


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", "{}", '{"customer": 7}', '{"customer": ""}', '"customer"']
)
def test_what_is_no_wake_up_is_a_value_error(body: str) -> None:
    """A foreign message is nobody's customer."""
    with pytest.raises(ValueError, match=r"."):
        wake_up_of({"body": body})


class TestMemoryQueue:
    def test_a_deduplication_id_is_free_again_after_five_minutes(self) -> None:
        """Five minutes from the send that was accepted: those that were dropped do not prolong it."""
        clock = VirtualClock()
        queue = MemoryQueue(clock)
        queue.send("a", "x")
        clock.advance(299)
        queue.send("a", "x")
        assert queue.depth() == QueueDepth(1, 0, 0)
        clock.advance(1)
        queue.send("a", "x")
        assert queue.depth() == QueueDepth(2, 0, 0)

    def test_dead_letters_are_redriven_as_new_messages(self) -> None:
        """They count from the beginning, and no deduplication drops them."""
        clock = VirtualClock()
        dead = MemoryQueue(clock)
        queue = MemoryQueue(clock, max_receives=1, visibility=30, dead_letters=dead)
        queue.send("a", "x")
        queue.receive()
        clock.advance(30)
        assert queue.receive() == []
        assert dead.redrive(queue) == 1
        assert dead.depth() == QueueDepth(0, 0, 0)
        (message,) = queue.receive()
        assert (message.group, message.dedup_id, message.receives) == ("a", "x", 1)

    def test_without_dead_letters_a_message_comes_for_ever(self) -> None:
        """Nothing is lost only because it failed often."""
        clock = VirtualClock()
        queue = MemoryQueue(clock, max_receives=1, visibility=30)
        queue.send("a", "x")
        for count in range(1, 5):
            (message,) = queue.receive()
            assert message.receives == count
            clock.advance(30)

    def test_an_expired_receipt_deletes_nothing(self) -> None:
        """SQS refuses it on a FIFO queue even before anybody else has received the message."""
        clock = VirtualClock()
        queue = MemoryQueue(clock, visibility=30)
        queue.send("a", "x")
        (message,) = queue.receive()
        clock.advance(30)
        assert not queue.delete(message.receipt)
        assert not queue.change_visibility(message.receipt, 60)
        assert queue.depth() == QueueDepth(1, 0, 0)

    def test_it_knows_when_something_can_be_received(self) -> None:
        """A simulation can let the time pass that nobody would see."""
        clock = VirtualClock()
        start = clock.now()
        queue = MemoryQueue(clock, delay=10, visibility=30)
        assert queue.ready_at() is None
        queue.send("a", "a0")
        ready = queue.ready_at()
        assert ready
        assert (ready - start).total_seconds() == 10
        clock.advance_to(ready)
        assert len(queue.receive()) == 1
        ready = queue.ready_at()
        assert ready
        assert (ready - start).total_seconds() == 40
