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


COUNTED: Mapping[str, Metric] = {
    "accepted": Metric("WebhookAccepted"),
    "refused": Metric("SignatureRefused"),
    "unavailable": Metric("WebhookUnavailable"),
    "event-merged": Metric("EventMerged"),
    "event-superseded": Metric("EventSuperseded"),
    "event-parked": Metric("EventParked"),
    "adjustment-landed": Metric("AdjustmentLanded"),
    "adjustment-refused": Metric("AdjustmentRefused"),
    "adjustment-unclear": Metric("AdjustmentUnclear"),
    "outcome-unknown": Metric("OutcomeUnknown"),
    "line-parked": Metric("LineParked"),
    "autotask-away": Metric("AutotaskAway"),
    "credentials-refused": Metric("CredentialsRefused"),
    "reconciled": Metric("ReconcileFinished"),
    "reconcile-stopped": Metric("ReconcileStopped"),
    "failed": Metric("WorkFailed"),
}
"""What happened → the metric that counts it. What is not in it is only logged: ``rejected`` among others, since the gateway
counts each of them as 4xx, with those that never reach a function, and that costs nothing."""

MEASURED: Mapping[str, Metric] = {
    "seats_changed": Metric("SeatsChanged"),
    "delay_seconds": Metric("ChangeDelay", MetricUnit.Seconds),
    "budget_percent": Metric("CallBudgetUsed", MetricUnit.Percent),
    "drift_found": Metric("DriftFound"),
    "autotask_call": Metric("AutotaskCall", MetricUnit.Seconds),
    "secret_age_days": Metric("SecretAgeDays"),
    "malformed_secrets": Metric("MalformedSecrets"),
    "circuit_open": Metric("CircuitOpen"),
    "oldest_change_seconds": Metric("OldestChangeAge", MetricUnit.Seconds),
    "customers_aligned": Metric("CustomersAligned"),
    "customers_not_aligned": Metric("CustomersNotAligned"),
    "lines_parked": Metric("LinesParked"),
    "lines_held": Metric("LinesHeld"),
    "lines_settling": Metric("LinesSettling"),
    "lines_drifting": Metric("LinesDrifting"),
    "parked_long": Metric("ParkedOverADay"),
    "events_parked": Metric("EventsParked"),
    "webhook_silence_days": Metric("WebhookSilenceDays"),
    "reconcile_age_hours": Metric("ReconcileAgeHours"),
}
"""A field of an event → the metric that takes its value. An event without the field does not count."""

UNWATCHED: Mapping[str, str] = {
    "AdjustmentUnclear": "each one parks its line, and parked lines are counted",
    "EventSuperseded": "an old event that came late; nothing is wrong",
    "LineParked": "how many are parked is what matters, and is a gauge",
    "EventParked": "the same",
    "WebhookUnavailable": "the gateway counts it as 5xx, together with what never reached the function",
    "ReconcileStopped": "it goes on automatically; what matters is when the last one was finished",
}
"""Metrics that no alarm and no dashboard shows, and why: they are there to be asked for."""


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
            if measured:
                self.metrics.add_metric(measured.name, measured.unit, value)

    def called(self, _entity: str, _verb: str, seconds: float) -> None:
        """Told of every request to Autotask: its metric counts them and has their times."""
        self.measure(autotask_call=round(seconds, 3))
