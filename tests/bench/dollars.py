"""What changes cost by AWS's list price, beyond what a stack costs while nothing changes (``tests/idle_cost.py`` has the prices)."""

from __future__ import annotations

from tests.bench.versions import STRAIGHTFORWARD, Cost
from tests.idle_cost import GB, LAMBDAS_OWN_LINES, PRICES

GATEWAY = 1.00 / 10**6
"""Dollars a request to an HTTP API: https://aws.amazon.com/api-gateway/pricing/"""
TRACE = 5.00 / 10**6
"""Dollars a trace: https://aws.amazon.com/xray/pricing/"""
TRACED = 0.05
"""Of the requests, X-Ray's own sampling."""
MEMORY = 512
PROCESSORS = MEMORY / 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
WAITS = {"dynamodb": 0.005, "sqs": 0.010, "autotask": 0.300}
"""Seconds that an answer takes: assumed, for nothing here runs on AWS."""


def seconds(cost: Cost) -> float:
    """For which Lambda bills, all changes together."""
    asked = cost.tally.requests
    waited = sum(number * WAITS.get(name.partition(".")[0], 0) for name, number in asked.items())
    return (
        (sum(cost.webhook_cpu) + sum(cost.worker_cpu)) / PROCESSORS
        + waited
        + cost.autotask * WAITS["autotask"]
    )


def parts(cost: Cost, version: str) -> dict[str, float]:
    """Dollars by what they are for, for a million changes of this kind."""
    runs = len(cost.webhook_cpu) + len(cost.worker_cpu)
    billed = {
        "gateway": len(cost.webhook_cpu) * GATEWAY,
        "runs": runs * PRICES["runs"].dollars,
        "Lambda's time": seconds(cost) * MEMORY / 1024 * PRICES["seconds"].dollars,
        "queue": cost.sqs * PRICES["polls"].dollars,
        "table": cost.tally.read_units * PRICES["reads"].dollars
        + cost.tally.all_write_units * PRICES["writes"].dollars,
        "logs": (cost.logged + LAMBDAS_OWN_LINES * runs) / GB * PRICES["logs"].dollars,
        "traces": runs * TRACED * TRACE if version == STRAIGHTFORWARD else 0.0,
    }
    return {name: dollars / cost.changes * 10**6 for name, dollars in billed.items()}
