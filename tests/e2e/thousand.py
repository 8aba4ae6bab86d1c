"""A thousand customers with three thousand lines on the local stack: one reconcile by the deployed function, calls counted.

``python -m tests.e2e.thousand`` takes some minutes, most of which the emulator needs to take the records in.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from local.stack import LocalStack
from tests.crowd import settled, tenant
from timus_autotask.dynamodb import DynamoTable
from timus_autotask.table import Put

CUSTOMERS, MOST_CALLS = 1000, 20


def main() -> int:
    """Set up, reconcile, and say what it took; 0 if it kept to its calls and found what was edited."""
    now = datetime.now(UTC)
    world = settled(CUSTOMERS, now - timedelta(minutes=10))
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "tenant.json"
        scenario.write_text(json.dumps(tenant(CUSTOMERS, now.year)), encoding="utf-8")
        with LocalStack(
            port=0, scenario=str(scenario), run_dir=Path(folder) / "run", sweep_every=None
        ) as stack:
            _copy(world.table.documents(), stack)
            _control(stack, "POST", "person/adjust", contractServiceID=5000, day="@today", unitChange=2)
            _control(stack, "DELETE", "requests")
            began = time.monotonic()
            answer = stack.invoke("Reconcile", {"now": True})
            seconds = time.monotonic() - began
            # The sweep may have asked something in the meantime; its requests are of one contract, or of the allowance.
            calls = [r for r in _control(stack, "GET", "requests") if r["method"] != "GET"]
    print(json.dumps({**answer, "seconds": round(seconds, 1), "queries_seen": len(calls)}, indent=2))  # noqa: T201
    good = answer["finished"] and answer["calls"] <= MOST_CALLS and answer["found"] == {"edited-up": 1}
    return 0 if good else 1


def _copy(documents: list[Any], stack: LocalStack) -> None:
    """The records into the stack's table, twenty at a time."""
    environment = stack.environment()
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
    client = session.client("dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL"])
    table = DynamoTable(client, stack.outputs["TableName"])
    wanted = [d for d in documents if not d.key.sk.startswith("EVENT#")]
    for first in range(0, len(wanted), 20):
        table.write(
            [
                Put(d.key, d.data, 0, d.due_at, d.kind, d.sort, d.expires_at)
                for d in wanted[first : first + 20]
            ]
        )


def _control(stack: LocalStack, method: str, route: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{stack.autotask_control_url}/{route}", json.dumps(body).encode() if body else None, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main())
