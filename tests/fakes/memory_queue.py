"""The wake-up queue in memory: an SQS FIFO queue in virtual time, with the receiving side that Lambda has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from timus_autotask.aws.sqs import sqs_id
from timus_autotask.ports.clock import Clock
from timus_autotask.ports.queue import QueueDepth, body_of

DEDUPLICATED = timedelta(minutes=5)
"""How long SQS remembers a deduplication id, whatever became of the message."""


@dataclass(slots=True)
class _Message:
    number: int
    body: str
    group: str
    dedup_id: str
    sent_at: datetime
    visible_at: datetime
    receives: int = 0
    receipt: str = ""

    def in_flight(self, now: datetime) -> bool:
        return self.receives > 0 and self.visible_at > now


@dataclass(frozen=True, slots=True)
class Received:
    """One message as received; ``receives`` counts this time too."""

    message_id: str
    receipt: str
    body: str
    group: str
    dedup_id: str
    receives: int
    sent_at: datetime

    def record(self) -> dict[str, Any]:
        """The record that Lambda hands to a function.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-fifo-message-event
        """
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(int(self.sent_at.timestamp() * 1000)),
                "MessageGroupId": self.group,
                "MessageDeduplicationId": self.dedup_id,
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


class MemoryQueue:
    """:class:`timus_autotask.ports.queue.WakeUps`, and the queue behind it.

    ``delay`` and ``visibility`` are in seconds. A message that was received ``max_receives`` times goes to
    ``dead_letters``, if there is such a queue, instead of being received once more.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        delay: float = 0,
        visibility: float = 360,
        max_receives: int = 3,
        dead_letters: MemoryQueue | None = None,
    ) -> None:
        self._clock = clock
        self._delay = timedelta(seconds=delay)
        self._visibility = timedelta(seconds=visibility)
        self._max_receives = max_receives
        self._dead_letters = dead_letters
        self._groups: dict[str, list[_Message]] = {}
        self._seen: dict[str, datetime] = {}
        self._sent = 0
        self._received = 0

    def send(self, customer_id: str, dedup_id: str) -> None:
        self.send_body(body_of(customer_id), customer_id, dedup_id)

    def send_body(self, body: str, group: str, dedup_id: str) -> None:
        """Send any message: what it says is the sender's question."""
        now = self._clock.now()
        dedup_id = sqs_id(dedup_id)
        self._seen = {each: at for each, at in self._seen.items() if now - at < DEDUPLICATED}
        if dedup_id not in self._seen:
            self._seen[dedup_id] = now
            self._add(body, sqs_id(group), dedup_id, self._delay)

    def receive(self, limit: int = 10) -> list[Received]:
        """Up to ``limit`` messages (SQS: at most 10), in order within a group; none of a group that has any in flight."""
        now = self._clock.now()
        received: list[Received] = []
        for group in [*self._groups]:
            for message in self._ready(group, now):
                if len(received) == min(limit, 10):
                    return received
                if self._dead_letters is not None and message.receives >= self._max_receives:
                    self._remove(message)
                    self._dead_letters._add(message.body, message.group, message.dedup_id)
                    continue
                self._received += 1
                message.receives += 1
                message.visible_at = now + self._visibility
                message.receipt = f"receipt-{self._received}"
                received.append(_as_received(message))
        return received

    def delete(self, receipt: str) -> bool:
        """Done with it. False, and nothing happens, when the receipt is not of a message in flight any more."""
        message = self._in_flight(receipt)
        if message:
            self._remove(message)
        return message is not None

    def change_visibility(self, receipt: str, seconds: float) -> bool:
        """Let it be received again after so many seconds; 0: now. False when it is not in flight any more."""
        message = self._in_flight(receipt)
        if message:
            message.visible_at = self._clock.now() + timedelta(seconds=seconds)
        return message is not None

    def redrive(self, source: MemoryQueue) -> int:
        """Move every message of this dead-letter queue that is not in flight back, as new messages; returns how many."""
        now = self._clock.now()
        moved = [message for message in self._messages() if not message.in_flight(now)]
        for message in moved:
            self._remove(message)
            source._add(message.body, message.group, message.dedup_id)
        return len(moved)

    def depth(self) -> QueueDepth:
        """How many messages are visible, in flight, delayed."""
        now = self._clock.now()
        waiting = [message for message in self._messages() if message.visible_at > now]
        in_flight = sum(message.in_flight(now) for message in waiting)
        total = sum(len(messages) for messages in self._groups.values())
        return QueueDepth(total - len(waiting), in_flight, len(waiting) - in_flight)

    def oldest_at(self) -> datetime | None:
        """When the message was sent that is here for the longest; None when the queue is empty."""
        return min((message.sent_at for message in self._messages()), default=None)

    def ready_at(self) -> datetime | None:
        """When something can next be received: maybe in the past; None when the queue is empty."""
        now = self._clock.now()
        moments = []
        for messages in self._groups.values():
            flying = [message.visible_at for message in messages if message.in_flight(now)]
            moments.append(max(flying) if flying else messages[0].visible_at)
        return min(moments, default=None)

    def _messages(self) -> Iterator[_Message]:
        for messages in self._groups.values():
            yield from messages

    def _ready(self, group: str, now: datetime) -> list[_Message]:
        messages = self._groups[group]
        if any(message.in_flight(now) for message in messages):
            return []
        return [message for message in messages if message.visible_at <= now]

    def _in_flight(self, receipt: str) -> _Message | None:
        now = self._clock.now()
        return next((m for m in self._messages() if m.receipt == receipt and m.in_flight(now)), None)

    def _add(self, body: str, group: str, dedup_id: str, delay: timedelta = timedelta()) -> None:
        now = self._clock.now()
        self._sent += 1
        message = _Message(self._sent, body, group, dedup_id, now, now + delay)
        self._groups.setdefault(group, []).append(message)

    def _remove(self, message: _Message) -> None:
        messages = self._groups[message.group]
        messages.remove(message)
        if not messages:
            del self._groups[message.group]


def _as_received(message: _Message) -> Received:
    return Received(
        message_id=f"message-{message.number}",
        receipt=message.receipt,
        body=message.body,
        group=message.group,
        dedup_id=message.dedup_id,
        receives=message.receives,
        sent_at=message.sent_at,
    )
