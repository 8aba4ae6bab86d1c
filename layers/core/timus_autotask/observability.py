"""What the product tells about itself: one structured log line and, where it counts, one metric for each thing that happens.

Use cases say what happened by name (``on_event("parked", reason=…)``); how that is logged and counted stands here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

COUNTED: Mapping[str, str] = {
    "accepted": "WebhookAccepted",
    "duplicate": "WebhookDuplicate",
    "refused": "SignatureRefused",
    "merged": "EventMerged",
    "superseded": "EventSuperseded",
    "landed": "AdjustmentLanded",
    "not-landed": "AdjustmentNotLanded",
    "unclear": "AdjustmentUnclear",
    "unknown": "OutcomeUnknown",
    "parked": "Parked",
    "autotask-away": "AutotaskAway",
    "credentials-refused": "CredentialsRefused",
}
"""What happened → the metric that counts it. What is not in it is only logged."""


class Telemetry:
    """Logs and counts what happened; called as ``on_event`` and ``on_outcome`` by the use cases."""

    def __init__(self, logger: Logger, metrics: Metrics) -> None:
        self.logger = logger
        self.metrics = metrics

    def __call__(self, name: str, **fields: Any) -> None:
        self.logger.info(name, **fields)
        metric = COUNTED.get(name)
        if metric:
            self.metrics.add_metric(metric, MetricUnit.Count, 1)
