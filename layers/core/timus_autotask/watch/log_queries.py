"""Queries for CloudWatch Logs Insights, for what an operator looks for."""

from __future__ import annotations

from typing import NamedTuple


class Query(NamedTuple):
    """One query, ready to paste."""

    title: str
    functions: tuple[str, ...]
    text: str

    def log_groups(self, stack: str) -> list[str]:
        """Where it looks."""
        return [group_of(stack, function) for function in self.functions]


_ALL = ("receive-webhook", "apply-changes", "sweep", "reconcile")
_WORK = ("apply-changes", "sweep")

QUERIES = (
    Query(
        "Everything about one customer, from the webhook to Autotask",
        _ALL,
        "fields @timestamp, message, subscription, event, change, contract, service, delta, reason\n"
        '| filter customer = "cus_41d0" or @message like /"cus_41d0"/\n'
        "| sort @timestamp",
    ),
    Query(
        "Everything about one event",
        _ALL,
        'fields @timestamp, message, customer, change, delta, detail\n| filter @message like /"evt_1"/\n| sort @timestamp',
    ),
    Query(
        "Adjustments, and how they ended",
        _WORK,
        "fields @timestamp, message, customers.0, contract, service, day, delta, change, detail\n"
        "| filter message like /^adjustment-/\n"
        "| sort @timestamp desc",
    ),
    Query(
        "How long changes took, by hour",
        _WORK,
        'filter message = "adjustment-landed"\n'
        "| stats count(*), pct(delay_seconds, 50), pct(delay_seconds, 99) by bin(1h)",
    ),
    Query(
        "Why Autotask was away",
        (*_WORK, "reconcile"),
        'fields @timestamp, message, detail\n| filter message in ["autotask-away", "credentials-refused", "outcome-unknown"]\n'
        "| sort @timestamp desc",
    ),
    Query(
        "What was parked, by reason",
        _WORK,
        'filter message = "line-parked"\n| stats count(*), latest(detail) by reason, contract, service',
    ),
    Query(
        "Webhooks that were not accepted",
        ("receive-webhook",),
        "fields @timestamp, message, reason, status, error\n"
        '| filter message in ["refused", "rejected", "unavailable", "failed"]\n'
        "| sort @timestamp desc",
    ),
    Query(
        "Failures of our own",
        _ALL,
        "fields @timestamp, coalesce(message, @message) as what, error, document, customer, exception\n"
        # The second half is what Lambda itself writes of a function that raised, ran out of time or died.
        r'| filter level = "ERROR" or @message like /^\[ERROR\]|Task timed out|Runtime exited/'
        "\n"
        "| sort @timestamp desc",
    ),
    Query(
        "What reconciles have found",
        ("reconcile",),
        'fields @timestamp, kind, contract, service, customer, ours, autotask, detail\n| filter message = "found"\n'
        "| sort @timestamp desc",
    ),
)


def group_of(stack: str, function: str) -> str:
    """The log group of a function, as the template names it."""
    return f"/aws/lambda/{stack}-{function}"
