"""API Gateway → queue: verify the signature, validate the body, send it on."""

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters

from .models import Event, Message

logger, tracer, metrics = Logger(), Tracer(), Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
sqs: Any = boto3.client("sqs")

TOLERANCE = 300


@app.post("/webhooks/timus")
@tracer.capture_method
def receive(event: Annotated[Event, Body()]) -> Response[str]:
    """Take in a change."""
    headers = {name.lower(): value for name, value in app.current_event.headers.items()}
    verify(headers, app.current_event.decoded_body or "")
    subscription = event.data.subscription
    logger.append_keys(subscription=subscription.id, version=subscription.version)
    sqs.send_message(
        QueueUrl=os.environ["QUEUE_URL"],
        MessageBody=Message(id=headers["webhook-id"], event=event).model_dump_json(),
        MessageGroupId=subscription.customer.id,
        MessageDeduplicationId=headers["webhook-id"],
    )
    metrics.add_metric("Accepted", MetricUnit.Count, 1)
    logger.info("accepted")
    return Response(status_code=202, content_type="application/json", body='{"status":"accepted"}')


def verify(headers: dict[str, str], body: str) -> None:
    """Standard Webhooks: raises ``UnauthorizedError``."""
    stored = parameters.get_secret(os.environ["WEBHOOK_SECRET_ID"], max_age=300)
    secret = base64.b64decode(json.loads(stored)["current"].removeprefix("whsec_"))
    id_, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
    expected = base64.b64encode(hmac.digest(secret, f"{id_}.{at}.{body}".encode(), hashlib.sha256)).decode()
    signatures = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split()]
    if abs(time.time() - int(at)) > TOLERANCE or not any(
        hmac.compare_digest(each, expected) for each in signatures
    ):
        raise UnauthorizedError("unauthorized")


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An API Gateway event in, an HTTP answer out."""
    return app.resolve(event, context)
