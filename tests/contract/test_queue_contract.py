"""What every wake-up queue does: the one in memory in virtual time, the one on SQS in real time."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from tests.fakes.memory_queue import MemoryQueue, Received
from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.aws.sqs import SqsWakeUps
from timus_autotask.ports.queue import QueueDepth, wake_up_of

VISIBILITY = 60
"""How long what was received stays away, in seconds; longer than any test takes, however busy the machine."""
MOST_RECEIVES = 2


class Queue(Protocol):
    """Both sides of a queue."""

    def send(self, customer_id: str, dedup_id: str) -> None: ...
    def receive(self, limit: int = 10) -> list[Received]: ...
    def delete(self, receipt: str) -> bool: ...
    def change_visibility(self, receipt: str, seconds: int) -> bool: ...
    def depth(self) -> QueueDepth: ...
    def dead(self) -> list[Received]: ...
    def wait(self, seconds: float) -> None: ...


class InMemory(MemoryQueue):
    """The fake, with its dead letters and its clock at hand."""

    def __init__(self, delay: int, visibility: int) -> None:
        self.clock = VirtualClock()
        self.graveyard = MemoryQueue(self.clock)
        super().__init__(
            self.clock,
            delay=delay,
            visibility=visibility,
            max_receives=MOST_RECEIVES,
            dead_letters=self.graveyard,
        )

    def dead(self) -> list[Received]:
        """What was given up."""
        return self.graveyard.receive()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)


class OnSqs(SqsWakeUps):
    """The real adapter, and the receiving side that Lambda takes care of."""

    def __init__(self, client: Any, delay: int, visibility: int) -> None:
        self._dead_url = self._create(client, {})
        arn = client.get_queue_attributes(QueueUrl=self._dead_url, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": MOST_RECEIVES}
        self._url = self._create(
            client,
            {
                "DelaySeconds": str(delay),
                "VisibilityTimeout": str(visibility),
                "RedrivePolicy": json.dumps(redrive),
            },
        )
        self._sqs = client
        super().__init__(client, self._url)

    def receive(self, limit: int = 10) -> list[Received]:
        """One ReceiveMessage, without waiting."""
        return self._receive(self._url, limit)

    def dead(self) -> list[Received]:
        """What was given up."""
        return self._receive(self._dead_url, 10)

    def delete(self, receipt: str) -> bool:
        """One DeleteMessage."""
        return self._done(self._sqs.delete_message, ReceiptHandle=receipt)

    def change_visibility(self, receipt: str, seconds: int) -> bool:
        """One ChangeMessageVisibility."""
        return self._done(
            self._sqs.change_message_visibility, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    def wait(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def _done(self, call: Callable[..., Any], **request: Any) -> bool:
        try:
            call(QueueUrl=self._url, **request)
        except ClientError:
            return False
        return True

    def _receive(self, url: str, limit: int) -> list[Received]:
        answer = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=limit, MessageSystemAttributeNames=["All"]
        )
        return [
            Received(
                message_id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                group=message["Attributes"]["MessageGroupId"],
                dedup_id=message["Attributes"]["MessageDeduplicationId"],
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
                sent_at=VirtualClock().now(),
            )
            for message in answer.get("Messages", [])
        ]

    @staticmethod
    def _create(client: Any, attributes: dict[str, str]) -> str:
        name = f"{uuid.uuid4()}.fifo"
        answer = client.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})
        url: str = answer["QueueUrl"]
        return url


MakeQueue = Callable[[int, int], Queue]
"""Makes an empty queue with a delay and a visibility time-out, both in whole seconds."""


@pytest.fixture(params=["memory", pytest.param("emulator", marks=pytest.mark.emulator)])
def make_queue(request: pytest.FixtureRequest) -> MakeQueue:
    """Makes queues of either sort."""
    if request.param == "memory":
        return InMemory
    client = request.getfixturevalue("emulator").client("sqs")
    return lambda delay, visibility: OnSqs(client, delay, visibility)


@pytest.fixture
def queue(make_queue: MakeQueue) -> Queue:
    """An empty queue without delay."""
    return make_queue(0, VISIBILITY)


def ids(messages: list[Received]) -> list[str]:
    """Their deduplication ids, which tests use as names."""
    return [message.dedup_id for message in messages]


def test_a_wake_up_names_its_customer(queue: Queue) -> None:
    """What is sent can be read from the record that Lambda gets."""
    queue.send("cus_1", "evt_1")
    (message,) = queue.receive()
    assert wake_up_of(message.record()) == "cus_1"
    assert (message.group, message.dedup_id, message.receives) == ("cus_1", "evt_1", 1)


@pytest.mark.parametrize(
    "customer", ["x" * 128, "x" * 129, "a b", "Zürich 東京", "tab\there", "".join(map(chr, range(33, 127)))]
)
def test_any_customer_can_be_woken(queue: Queue, customer: str) -> None:
    """Ids that SQS would refuse are hashed, the body keeps them."""
    queue.send(customer, customer)
    queue.send("another", customer + "!")
    assert {wake_up_of(message.record()) for message in queue.receive()} == {customer, "another"}


def test_an_empty_queue_gives_nothing(queue: Queue) -> None:
    """Receiving nothing is no error."""
    assert queue.receive() == []
    assert queue.depth() == QueueDepth(0, 0, 0)


def test_a_group_is_received_in_order(queue: Queue) -> None:
    """One customer's messages keep their order, whatever else is sent between them."""
    for n in range(4):
        queue.send("a", f"a{n}")
        queue.send("b", f"b{n}")
    received = ids(queue.receive())
    assert [name for name in received if name[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [name for name in received if name[0] == "b"] == ["b0", "b1", "b2", "b3"]


def test_ten_are_received_at_most(queue: Queue) -> None:
    """The rest of a group waits for those in flight."""
    for n in range(12):
        queue.send("a", f"a{n:02}")
    first = queue.receive()
    assert ids(first) == [f"a{n:02}" for n in range(10)]
    assert queue.receive() == []
    for message in first:
        assert queue.delete(message.receipt)
    assert ids(queue.receive()) == ["a10", "a11"]


def test_a_group_in_flight_blocks_itself_and_nobody_else(queue: Queue) -> None:
    """One customer's slow work holds up that customer only."""
    queue.send("a", "a0")
    (first,) = queue.receive()
    queue.send("a", "a1")
    queue.send("b", "b0")
    assert ids(queue.receive()) == ["b0"]
    assert queue.receive() == []
    assert queue.delete(first.receipt)
    assert ids(queue.receive()) == ["a1"]


def test_one_message_in_flight_of_a_batch_blocks_its_group(queue: Queue) -> None:
    """Deleting part of what was received does not free the group."""
    for n in range(3):
        queue.send("a", f"a{n}")
    received = queue.receive(2)
    assert ids(received) == ["a0", "a1"]
    assert queue.delete(received[0].receipt)
    assert queue.receive() == []


def test_what_is_not_deleted_comes_again_in_order(make_queue: MakeQueue) -> None:
    """After the visibility time-out, with a new receipt and a higher count."""
    queue = make_queue(0, 1)
    queue.send("a", "a0")
    queue.send("a", "a1")
    first = queue.receive()
    queue.wait(1.2)
    again = queue.receive()
    assert ids(again) == ["a0", "a1"]
    assert [message.receives for message in again] == [2, 2]
    assert {message.receipt for message in first}.isdisjoint(message.receipt for message in again)


def test_an_old_receipt_deletes_nothing(queue: Queue) -> None:
    """A worker that was too slow cannot take the message from its successor."""
    queue.send("a", "a0")
    (first,) = queue.receive()
    queue.change_visibility(first.receipt, 0)
    (second,) = queue.receive()
    assert not queue.delete(first.receipt)
    assert queue.depth() == QueueDepth(0, 1, 0)
    assert queue.delete(second.receipt)
    assert queue.depth() == QueueDepth(0, 0, 0)


def test_visibility_can_be_given_back_and_extended(make_queue: MakeQueue) -> None:
    """0 seconds return the message at once; more keep it away longer."""
    queue = make_queue(0, 1)
    queue.send("a", "a0")
    (first,) = queue.receive()
    assert queue.change_visibility(first.receipt, 0)
    (second,) = queue.receive()
    assert queue.change_visibility(second.receipt, VISIBILITY)
    queue.wait(1.2)
    assert queue.receive() == []


def test_a_repeated_deduplication_id_is_dropped(queue: Queue) -> None:
    """Also for another customer, while the first is in flight, and after it was deleted."""
    queue.send("a", "x")
    queue.send("a", "x")
    queue.send("b", "x")
    (message,) = queue.receive()
    queue.send("a", "x")
    assert queue.delete(message.receipt)
    queue.send("a", "x")
    assert queue.depth() == QueueDepth(0, 0, 0)
    queue.send("a", "y")
    assert ids(queue.receive()) == ["y"]


def test_a_delayed_message_waits(make_queue: MakeQueue) -> None:
    """The quiet period: nothing is received before it is over."""
    late = make_queue(VISIBILITY, VISIBILITY)
    late.send("a", "a0")
    assert late.receive() == []
    assert late.depth() == QueueDepth(0, 0, 1)
    queue = make_queue(1, VISIBILITY)
    queue.send("a", "a0")
    queue.wait(1.2)
    assert ids(queue.receive()) == ["a0"]


def test_what_fails_too_often_is_given_up_and_frees_its_group(queue: Queue) -> None:
    """After the last receive the message goes to the dead letters, and the next of its group follows."""
    queue.send("a", "poison")
    for count in range(1, MOST_RECEIVES + 1):
        (message,) = queue.receive(1)
        assert message.receives == count
        assert queue.change_visibility(message.receipt, 0)
    queue.send("a", "next")
    assert ids(queue.receive()) == ["next"]
    (dead,) = queue.dead()
    assert (dead.dedup_id, dead.group, wake_up_of(dead.record())) == ("poison", "a", "a")


def test_depth_tells_apart_what_waits_and_what_is_worked_on(queue: Queue) -> None:
    """A message behind one in flight counts as visible."""
    queue.send("a", "a0")
    queue.send("a", "a1")
    queue.send("b", "b0")
    assert queue.depth() == QueueDepth(3, 0, 0)
    (message,) = queue.receive(1)
    assert queue.depth() == QueueDepth(2, 1, 0)
    queue.delete(message.receipt)
    assert queue.depth() == QueueDepth(2, 0, 0)
