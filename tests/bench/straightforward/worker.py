"""Queue → Autotask: each event once."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from .changes import apply, logger, metrics, tracer
from .models import Message

processor = SqsFifoPartialProcessor()
done = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=30 * 86_400)


@idempotent_function(data_keyword_argument="message", persistence_store=done, config=config)  # type: ignore[untyped-decorator]
def once(message: dict[str, Any]) -> None:
    """Do what a message says, if that was not done."""
    apply(Message.model_validate(message))


@tracer.capture_method
def handle(record: SQSRecord) -> None:
    """One message."""
    once(message=record.json_body)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch of messages in, the ones to deliver again out."""
    config.register_lambda_context(context)
    return dict(process_partial_response(event, handle, processor, context))
