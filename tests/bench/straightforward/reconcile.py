"""Each day: compare every contract with Autotask, and report what differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.conditions import Attr

from .autotask import units
from .changes import customer_of, differences, logger, metrics, table, tracer


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A tick of the schedule in; how many differences there are out."""
    pages = table.meta.client.get_paginator("scan").paginate(
        TableName=table.name, FilterExpression=Attr("sk").eq("MAPPING")
    )
    customers = [customer_of(item["pk"]) for page in pages for item in page["Items"]]
    has = units([mapping.contract for mapping, _ in customers], datetime.now(UTC).date())
    drifted = 0
    for mapping, known in customers:
        found = differences(mapping, known, has)
        if found:
            logger.warning("drift", extra={"contract": mapping.contract, "differences": found})
        drifted += len(found)
    metrics.add_metric("Drift", MetricUnit.Count, drifted)
    return {"contracts": len(customers), "drift": drifted}
