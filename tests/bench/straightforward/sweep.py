"""Each minute: what waited for its day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.conditions import Key

from .changes import apply, logger, metrics, table, tracer
from .models import Message


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A tick of the schedule in; how many changes were looked at out."""
    today = datetime.now(UTC).date().isoformat()
    due = table.query(
        IndexName="due-index", KeyConditionExpression=Key("due").eq("due") & Key("day").lte(today)
    )["Items"]
    for item in due:
        apply(Message.model_validate_json(item["message"]))
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    return {"looked_at": len(due)}
