"""The alarms of the stack, as CloudWatch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from timus_autotask.domain.ticket import Alarm

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class CloudWatchAlarms:
    """Every alarm that goes to the stack's topic, with a boto3 or botocore ``cloudwatch`` client.

    Raises ``ClientError`` or ``BotoCoreError`` when CloudWatch cannot be asked.
    """

    def __init__(self, client: CloudWatchClient, stack: str, topic_arn: str) -> None:
        self._client = client
        self._prefix = f"{stack}-"  # CloudFormation names what a template leaves unnamed by its stack
        self._topic = topic_arn

    def __call__(self) -> Sequence[Alarm]:
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self._prefix, AlarmTypes=["MetricAlarm"]
        )
        return [
            Alarm(
                alarm["AlarmName"],
                alarm.get("AlarmDescription", ""),
                alarm["StateValue"] == "ALARM",
                # The first of them also moves when only the reason is worded differently.
                alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
            )
            for page in pages
            for alarm in page["MetricAlarms"]
            # A stack whose name begins with ours has a topic of its own.
            if self._topic in alarm.get("AlarmActions", ())
        ]
