"""The wake-up queue on SQS FIFO: both ends of the queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fifo-queues.html
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from timus_autotask.ports.errors import QueueUnavailable
from timus_autotask.ports.queue import DeadLetter, QueueDepth, body_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# MessageGroupId and MessageDeduplicationId: at most 128 characters, alphanumeric or punctuation.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_SQS_ID = re.compile(r"[!-~]{1,128}")


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
        return _depth(self._client, self._queue_url)


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

    def depth(self) -> QueueDepth:
        """How many messages wait. Raises :class:`QueueUnavailable`."""
        return _depth(self._client, self._queue_url)


def _depth(client: SQSClient, queue_url: str) -> QueueDepth:
    try:
        answer = client.get_queue_attributes(
            QueueUrl=queue_url,
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


def sqs_id(value: str) -> str:
    """``value`` where SQS takes it for a group or deduplication id, else its SHA-256 (64 hex digits)."""
    if _SQS_ID.fullmatch(value):
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
