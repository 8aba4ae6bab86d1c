"""The digest in a deployed stack: its function runs with the rights of its own role, and the e-mail goes out by its own topic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.stack import LocalStack

pytestmark = pytest.mark.emulator


def test_a_stack_with_an_address_sends_its_digest(tmp_path: Path) -> None:
    """The e-mail is published, what is noted is its time, and the next one goes on from there."""
    address = {"DigestEmail": "finance@example.com", "DigestSchedule": "daily"}
    with LocalStack(
        port=0, run_dir=tmp_path / "run", env_file=tmp_path / "env", sweep_every=None, parameters=address
    ) as stack:
        [name] = [
            one["FunctionName"]
            for one in stack.client("lambda").list_functions()["Functions"]
            if "SendDigest" in one["FunctionName"]
        ]
        answer = stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        assert said["changes"] == 0
        topics = stack.client("sns").list_topics()["Topics"]
        assert len([one for one in topics if "Digest" in one["TopicArn"]]) == 1
        again = stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert json.loads(again["Payload"].read())["since"] > said["since"]
