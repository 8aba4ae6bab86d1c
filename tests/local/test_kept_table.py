"""A table that outlived its stack is taken up by a new one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.build import deploy
from local.emulator import CREDENTIALS, REGION, Emulator, keep_to_this_machine
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.ports.table import Key, Put
from timus_autotask.timus.signatures import sign

pytestmark = pytest.mark.emulator

SETTINGS = {"QuietSeconds": "0"}


def test_a_new_stack_goes_on_with_the_table_of_a_deleted_one(tmp_path: Path) -> None:
    """Deploy, write, delete, deploy again with the table's name: what was there is there, and its functions read and write it."""
    keep_to_this_machine()
    emulator = Emulator(tmp_path)
    try:
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        first = deploy(session, emulator.url, "first", SETTINGS)
        table = DynamoTable(session.client("dynamodb", endpoint_url=emulator.url), first["TableName"])
        mapping = Key("CUSTOMER#cus_1", "MAPPING")
        table.write([Put(mapping, {"kept": True}, 0)])

        cloudformation = session.client("cloudformation", endpoint_url=emulator.url)
        cloudformation.delete_stack(StackName="first")
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="first", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

        second = deploy(
            session, emulator.url, "second", {**SETTINGS, "ExistingTableName": first["TableName"]}
        )
        assert second["TableName"] == first["TableName"]
        assert second["QueueUrl"] != first["QueueUrl"]
        kept = table.get(mapping)
        assert kept is not None
        assert kept.data == {"kept": True}

        assert _receive(session, emulator.url, second) == 202
        assert [document.key.sk[:10] for document in table.range("CUSTOMER#-", "INBOX#", "INBOX#~")] == [
            "INBOX#evt-"
        ]
        answer = session.client("lambda", endpoint_url=emulator.url).invoke(
            FunctionName=second["SweepName"], Payload=b"{}"
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
    finally:
        emulator.stop()


def _receive(session: boto3.Session, url: str, outputs: dict[str, str]) -> int:
    """What the webhook's function answers to a genuine delivery; with the rights of its own role."""
    stored = session.client("secretsmanager", endpoint_url=url).get_secret_value(
        SecretId=outputs["WebhookSecretArn"]
    )
    secret = f"whsec_{json.loads(stored['SecretString'])['current']}"
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": "/webhooks/timus",
        "headers": {"content-type": "application/json", **sign("evt-1", int(time.time()), b"{}", secret)},
        "body": "{}",
    }
    answer = session.client("lambda", endpoint_url=url).invoke(
        FunctionName=outputs["ReceiveWebhookName"], Payload=json.dumps(event).encode()
    )
    answered: Any = json.load(answer["Payload"])
    return int(answered["statusCode"])
