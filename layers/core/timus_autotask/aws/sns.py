"""E-mails through a topic of SNS: whoever is subscribed to it gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsMails:
    """Publishes to one topic, with a boto3 or botocore ``sns`` client. Raises ``ClientError`` or ``BotoCoreError``."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def __call__(self, subject: str, text: str) -> None:
        self._client.publish(TopicArn=self._topic, Subject=subject, Message=text)
