"""The wake-up queue: news that a customer has work waiting, on an SQS FIFO queue.

A message carries the customer and nothing else. The truth is in the table, so a wake-up that is lost, late or delivered
twice costs time and never a seat. The message group is the customer, so one customer's changes are applied one after the
other while customers do not wait for each other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# MessageGroupId and MessageDeduplicationId: at most 128 characters, alphanumeric or punctuation.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_SQS_ID = re.compile(r"[!-~]{1,128}")


class QueueUnavailable(Exception):
    """The queue could not be reached, or its answer was lost (the message may or may not be in it)."""


class QueueDepth(NamedTuple):
    """How many messages a queue holds, about: SQS counts approximately."""

    visible: int
    """Ready to be received."""
    in_flight: int
    """Received, and neither deleted nor visible again."""
    delayed: int
    """Sent, and not visible yet."""


class WakeUps(Protocol):
    """Where the receiver of a webhook says that a customer has work."""

    def send(self, customer_id: str, dedup_id: str) -> None:
        """Wake the worker for this customer.

        A second send with the same ``dedup_id`` within five minutes does nothing. Raises :class:`QueueUnavailable`.
        """
        ...


class SqsWakeUps:
    """:class:`WakeUps` on an SQS FIFO queue, with a boto3 or botocore ``sqs`` client."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, customer_id: str, dedup_id: str) -> None:
        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body_of(customer_id),
                MessageGroupId=sqs_id(customer_id),
                MessageDeduplicationId=sqs_id(dedup_id),
            )
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(f"no wake-up for customer {customer_id}: {error}") from error

    def depth(self) -> QueueDepth:
        """How many messages wait; for operators. Raises :class:`QueueUnavailable`."""
        try:
            answer = self._client.get_queue_attributes(
                QueueUrl=self._queue_url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(f"no answer about the queue's depth: {error}") from error
        counts = answer["Attributes"]
        return QueueDepth(
            visible=int(counts["ApproximateNumberOfMessages"]),
            in_flight=int(counts["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(counts["ApproximateNumberOfMessagesDelayed"]),
        )


class DeadLetter(NamedTuple):
    """A message of the dead-letter queue, as received."""

    message_id: str
    receipt: str
    body: str


class SqsDeadLetters:
    """The dead-letter queue, from the receiving side."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self, limit: int = 10) -> list[DeadLetter]:
        """Some messages that are not in anybody's hands. Raises :class:`QueueUnavailable`."""
        try:
            answer = self._client.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=limit, WaitTimeSeconds=1
            )
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(f"no answer from the dead-letter queue: {error}") from error
        return [
            DeadLetter(message["MessageId"], message["ReceiptHandle"], message["Body"])
            for message in answer.get("Messages", ())
        ]

    def delete(self, receipt: str) -> None:
        """Take a received message out. Raises :class:`QueueUnavailable`."""
        try:
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(f"a dead letter could not be deleted: {error}") from error


def body_of(customer_id: str) -> str:
    """The body of a wake-up: ``{"customer": "<id>"}``."""
    return json.dumps({"customer": customer_id})


def wake_up_of(record: Mapping[str, Any]) -> str:
    """The customer whom an SQS record (as Lambda receives it) wakes. Raises ValueError if it is no wake-up."""
    match json.loads(record["body"]):
        case {"customer": str(customer_id)} if customer_id:
            return customer_id
    raise ValueError("an SQS record that is not a wake-up")


def sqs_id(value: str) -> str:
    """``value`` where SQS takes it for a group or deduplication id, else its SHA-256 (64 hex digits)."""
    if _SQS_ID.fullmatch(value):
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
