"""What the product reports about itself: a log line with fields for each thing that happens, and metrics for some of them.

Use cases say what happened by name, with fields (``on_event("line-parked", reason=…)``); how that is logged and counted
stands here once. Metrics go to CloudWatch within the log, in its embedded metric format, under the namespace and the single
dimension ``service`` that the template sets, so that an alarm sees them whichever function they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit


class Metric(NamedTuple):
    """A metric as CloudWatch knows it."""

    name: str
    unit: MetricUnit = MetricUnit.Count
    least: float = 0
    """The smallest value that is sent. No alarm can have a lower threshold."""


COUNTED: Mapping[str, Metric] = {
    "accepted": Metric("WebhookAccepted"),
    "refused": Metric("SignatureRefused"),
    "event-merged": Metric("EventMerged"),
    "adjustment-landed": Metric("AdjustmentLanded"),
    "adjustment-refused": Metric("AdjustmentRefused"),
    "outcome-unknown": Metric("OutcomeUnknown"),
    "autotask-away": Metric("AutotaskAway"),
    "credentials-refused": Metric("CredentialsRefused"),
    "reconciled": Metric("ReconcileFinished"),
    "failed": Metric("WorkFailed"),
}
"""What happened → the metric that counts it. What is not in it is only logged: ``rejected`` among others, since the gateway
counts each of them as 4xx, with those that never reach a function, and that costs nothing."""

MEASURED: Mapping[str, Metric] = {
    "seats_changed": Metric("SeatsChanged"),
    "delay_seconds": Metric("ChangeDelay", MetricUnit.Seconds),
    "drift_found": Metric("DriftFound", least=1),
    "autotask_call": Metric("AutotaskCall", MetricUnit.Seconds),
    "malformed_secrets": Metric("MalformedSecrets"),
    "secret_age_days": Metric("SecretAgeDays"),
    # From half of the allowance on Autotask delays requests; a lower limit than that makes no sense.
    "budget_percent": Metric("CallBudgetUsed", MetricUnit.Percent, least=50),
    "circuit_open": Metric("CircuitOpen", least=1),
    "oldest_change_seconds": Metric("OldestChangeAge", MetricUnit.Seconds, least=1),
    "lines_drifting": Metric("LinesDrifting", least=1),
    "parked_long": Metric("ParkedOverADay", least=1),
    "webhook_silence_days": Metric("WebhookSilenceDays", least=1),
    # It runs once a day, so until then nothing is late.
    "reconcile_age_hours": Metric("ReconcileAgeHours", least=25),
}
"""A field of an event → the metric that takes its value. An event without the field does not count.

CloudWatch bills a metric for each hour in which it is sent, so a value that is no trouble is not sent: the alarms take missing data for
"all is well". Every value is in the log line, with those that only people look at.
"""


QUIET = frozenset({"circuit"})
"""Said each minute: logged for those who look for it only."""
FAILURES = frozenset({"failed"})
"""Said while a bug or a failure of our own is handled: logged as an error, with its traceback."""


class Telemetry:
    """Logs and counts what happened; called as ``on_event`` and ``on_outcome`` by the use cases."""

    def __init__(self, logger: Logger, metrics: Metrics) -> None:
        self.logger = logger
        self.metrics = metrics

    def __call__(self, name: str, **fields: Any) -> None:
        said = {key: value for key, value in fields.items() if value is not None}
        if name in FAILURES:
            self.logger.error(name, extra=said, exc_info=True)  # noqa: LOG014 - its handler calls us
        else:
            (self.logger.debug if name in QUIET else self.logger.info)(name, extra=said)
        counted = COUNTED.get(name)
        if counted:
            self.metrics.add_metric(counted.name, counted.unit, 1)
        self.measure(**said)

    def measure(self, **fields: Any) -> None:
        """Take the values of fields that have a metric; nothing is logged."""
        for field, value in fields.items():
            measured = MEASURED.get(field)
            if measured and value >= measured.least:
                self.metrics.add_metric(measured.name, measured.unit, value)

    def called(self, entity: str, _verb: str, seconds: float) -> None:
        """Told of every request to Autotask: its metric counts them and has their times.

        But for the one about the allowance: it is all that an idle stack asks, each quarter of an hour.
        """
        if entity != "ThresholdInformation":
            self.measure(autotask_call=round(seconds, 3))
