"""`make deploy` on the emulator, with the real SAM CLI."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import bytecode
from local.deploy import SAM, Ask, NotDeployed, deploy, make_build
from local.emulator import CREDENTIALS, REGION, Emulator, keep_to_this_machine

AWKWARD = """a"b\\c$d'e\\"f`g\\"""
"""What the template takes and tools read something into; see test_parameters.py."""

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.sam,
    pytest.mark.skipif(not SAM.exists(), reason="`make check` installs the SAM CLI"),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An AWS account of one's own; gives the environment that leads there."""
    folder = tmp_path_factory.mktemp("account")
    keep_to_this_machine()
    emulator = Emulator(folder)
    variables = {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "HOME": str(folder),
        "SAM_CLI_TELEMETRY": "0",
        "PYENV_ROOT": os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv"),
    }
    if bytecode.find(bytecode.runtime(), os.environ) is None:
        variables["BYTECODE"] = "none"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables
    emulator.stop()


def told(stack: str) -> dict[str, str]:
    """The parameters of a stack."""
    [described] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}


build_once = functools.cache(lambda: make_build(os.environ))


def make_deploy(stack: str, folder: Path, ask: Ask | None = None, **variables: str) -> list[str]:
    """`make deploy STACK=… NAME=value …`, in a script if there is nobody to ask; gives what it said."""
    told: list[str] = []
    environment = {**os.environ, **variables}
    deploy(stack, environment, ask, told.append, folder, lambda _: build_once(), said=variables)
    return told


def outputs(stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    [described] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def test_a_stack_is_told_once_and_no_other_stack_hears_of_it(
    account: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told at first, kept by later deployments, changed by what is said then or in the console, and never another stack's."""
    said = make_deploy(
        "partner-a",
        tmp_path,
        TIME_ZONE="America/Denver",
        ALARM_EMAIL="a@msp.example",
        PARAMETERS="QuietSeconds=120 VendorTrackingIdentifier=" + AWKWARD,
    )
    assert told("partner-a")["VendorTrackingIdentifier"] == AWKWARD
    assert (
        told("partner-a").items()
        >= {"TimeZone": "America/Denver", "AlarmEmail": "a@msp.example", "QuietSeconds": "120"}.items()
    )
    assert any("timus-autotask setup" in line for line in said)
    assert not any("NOBODY" in line for line in said)

    make_deploy("partner-a", tmp_path, ALARM_EMAIL="noc@msp.example")
    assert (
        told("partner-a").items()
        >= {"TimeZone": "America/Denver", "AlarmEmail": "noc@msp.example", "QuietSeconds": "120"}.items()
    )

    monkeypatch.setenv("ALARM_EMAIL", "left@in.a.shell")
    with pytest.raises(NotDeployed, match=r"AlarmEmail of this stack is noc@msp\.example"):
        make_deploy("partner-a", tmp_path)
    monkeypatch.delenv("ALARM_EMAIL")

    with pytest.raises(NotDeployed, match="TIME_ZONE"):
        make_deploy("partner-b", tmp_path)
    said = make_deploy("partner-b", tmp_path, TIME_ZONE="Europe/Berlin")
    assert (
        told("partner-b").items()
        >= {"TimeZone": "Europe/Berlin", "AlarmEmail": "", "QuietSeconds": "60"}.items()
    )
    assert any("NOBODY WILL BE TOLD" in line for line in said)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["partner-a.toml", "partner-b.toml"]
    table = outputs("partner-a")["TableName"]
    with pytest.raises(NotDeployed, match=f"partner-a works with {table}"):
        make_deploy("partner-c", tmp_path, TIME_ZONE="UTC", EXISTING_TABLE=table)
    with pytest.raises(NotDeployed, match="there is no table nonsense"):
        make_deploy("partner-c", tmp_path, TIME_ZONE="UTC", EXISTING_TABLE="nonsense")


def test_a_kept_table_says_in_which_zone_it_was_billed(account: Any, tmp_path: Path) -> None:
    """The sweep of the deleted stack wrote it; a new stack that takes the table up goes on in it, and in another one only if a person types that."""
    make_deploy("partner-d", tmp_path, TIME_ZONE="America/Denver")
    there = outputs("partner-d")
    answer: Any = boto3.client("lambda").invoke(FunctionName=there["SweepName"], Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    cloudformation = boto3.client("cloudformation")
    cloudformation.delete_stack(StackName="partner-d")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="partner-d", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )

    table = there["TableName"]
    with pytest.raises(NotDeployed, match=f"the table {table} are billed in America/Denver"):
        make_deploy("partner-e", tmp_path, EXISTING_TABLE=table, TIME_ZONE="Pacific/Auckland")
    said = make_deploy("partner-e", tmp_path, EXISTING_TABLE=table)
    assert told("partner-e").items() >= {"TimeZone": "America/Denver", "ExistingTableName": table}.items()
    assert f"  Table: {table}, billed in America/Denver, observing" in said
