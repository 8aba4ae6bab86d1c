"""What the worker and the sweep do with a change."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.conditions import Key

from .autotask import adjust, units
from .models import Mapping, Message, Stored, Subscription

logger, tracer, metrics = Logger(), Tracer(), Metrics()
table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


@tracer.capture_method
def apply(message: Message) -> None:
    """Bring the customer's contract to what the event says; one of a later day waits until then."""
    change = message.event.data
    subscription, today = change.subscription, datetime.now(UTC).date()
    customer = f"CUSTOMER#{subscription.customer.id}"
    day = change.effective_at.astimezone(UTC).date()
    if day > today:
        scheduled = {"due": "due", "day": day.isoformat(), "message": message.model_dump_json()}
        table.put_item(Item={"pk": customer, "sk": f"SCHEDULED#{message.id}", **scheduled})
        return
    mapping, known = customer_of(customer)
    stored = known.get(subscription.id)
    if stored is not None and stored.version >= subscription.version:
        logger.info("superseded", extra={"event": message.id})
        return
    known[subscription.id] = Stored(version=subscription.version, items=quantities(subscription, today))
    bring(mapping, known, day)
    item = known[subscription.id].model_dump()
    table.put_item(Item={"pk": customer, "sk": f"SUBSCRIPTION#{subscription.id}", **item})


def customer_of(pk: str) -> tuple[Mapping, dict[str, Stored]]:
    """A customer's mapping and subscriptions; ``ValueError``: the customer has no mapping."""
    items = table.query(
        KeyConditionExpression=Key("pk").eq(pk) & Key("sk").between("MAPPING", "SUBSCRIPTION#~"),
        ConsistentRead=True,
    )["Items"]
    by_key = {str(item["sk"]): item for item in items}
    if "MAPPING" not in by_key:
        raise ValueError(f"{pk} is not mapped")
    known = {
        sk.removeprefix("SUBSCRIPTION#"): Stored.model_validate(item)
        for sk, item in by_key.items()
        if sk.startswith("SUBSCRIPTION#")
    }
    return Mapping.model_validate(by_key["MAPPING"]), known


def quantities(subscription: Subscription, today: date) -> dict[str, int]:
    """Seats by SKU; none of a subscription that is over."""
    over = subscription.status in ("canceled", "trial") or (
        subscription.cancel_at is not None and subscription.cancel_at <= today
    )
    return {item.sku: 0 if over else item.quantity for item in subscription.items}


def differences(
    mapping: Mapping, known: dict[str, Stored], has: dict[tuple[int, int], int]
) -> dict[int, int]:
    """By how much the units of each service differ from what is billed in Timus."""
    wanted = {
        service: sum(one.items.get(sku, 0) for one in known.values())
        for sku, service in mapping.services.items()
    }
    found = {service: units - has.get((mapping.contract, service), 0) for service, units in wanted.items()}
    return {service: change for service, change in found.items() if change}


def bring(mapping: Mapping, known: dict[str, Stored], day: date) -> None:
    """Adjust what differs; decreases go first."""
    has = units([mapping.contract], day)
    for service, change in sorted(differences(mapping, known, has).items(), key=lambda each: each[1]):
        adjust(mapping.contract, service, change, day)
        logger.info("adjusted", extra={"contract": mapping.contract, "service": service, "change": change})
        metrics.add_metric("Adjusted", MetricUnit.Count, 1)
