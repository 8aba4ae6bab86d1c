"""A stack is found by its name, and a failure says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from mypy_boto3_cloudformation import CloudFormationClient

from local.build import read_template
from timus_autotask.aws.cloudformation import describe, meaning_of, stacks
from timus_autotask.ports.errors import (
    AwsNotSet,
    AwsRefuses,
    AwsUnreachable,
    InfrastructureError,
    StackMissing,
)
from timus_autotask.settings import Misconfigured, StackSettings
from timus_autotask.watch.health import Limits

OUTPUTS = {
    "TableName": "t",
    "QueueUrl": "q",
    "DeadLetterQueueUrl": "d",
    "WebhookUrl": "w",
    "WebhookSecretArn": "ws",
    "AutotaskSecretArn": "as",
}


@pytest.fixture
def client() -> CloudFormationClient:
    """A client that reaches nobody."""
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    client: CloudFormationClient = session.client("cloudformation")
    return client


@pytest.fixture
def stub(client: CloudFormationClient) -> Iterator[Stubber]:
    """What AWS answers."""
    with Stubber(client) as stubber:
        yield stubber


def test_outputs_and_parameters_are_read(client: CloudFormationClient, stub: Stubber) -> None:
    """By their names."""
    stack = {
        "StackName": "s",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": "TableName", "OutputValue": "t"}],
        "Parameters": [{"ParameterKey": "TimeZone", "ParameterValue": "Europe/Berlin"}],
    }
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "s"})
    found = describe(client, "s")
    assert (found.outputs, found.parameters) == ({"TableName": "t"}, {"TimeZone": "Europe/Berlin"})


def test_where_a_stack_is_stands_in_its_name(client: CloudFormationClient, stub: Stubber) -> None:
    """Account and region, without another question; and how its last deployment ended."""
    stack = {
        "StackName": "acme",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/acme/0a1b",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "UPDATE_COMPLETE",
    }
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "acme"})
    found = describe(client, "acme")
    assert (found.region, found.account, found.status) == ("eu-west-1", "123456789012", "UPDATE_COMPLETE")


def test_every_stack_is_listed(client: CloudFormationClient, stub: Stubber) -> None:
    """Page by page; ours are told by their outputs."""
    ours = [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()]
    made = {"CreationTime": "2026-01-01T00:00:00Z", "StackStatus": "CREATE_COMPLETE"}
    first = [{"StackName": "acme", "Outputs": ours, **made}, {"StackName": "website", **made}]
    stub.add_response("describe_stacks", {"Stacks": first, "NextToken": "more"}, {})
    stub.add_response(
        "describe_stacks",
        {"Stacks": [{"StackName": "bravo", "Outputs": ours, **made}]},
        {"NextToken": "more"},
    )
    found = {stack.name: StackSettings.fits(stack.outputs) for stack in stacks(client)}
    assert found == {"acme": True, "website": False, "bravo": True}


def test_stacks_that_may_not_be_listed(client: CloudFormationClient, stub: Stubber) -> None:
    """A user may be allowed one stack only."""
    stub.add_client_error("describe_stacks", "AccessDenied", "not authorized")
    with pytest.raises(AwsRefuses):
        list(stacks(client))


def test_a_stack_that_is_not_there_is_missing(client: CloudFormationClient, stub: Stubber) -> None:
    """CloudFormation calls it an error of validation."""
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
    with pytest.raises(StackMissing):
        describe(client, "s")
    stub.add_response("describe_stacks", {"Stacks": []})
    with pytest.raises(StackMissing):
        describe(client, "s")


def test_a_refusal_is_told_with_its_code(client: CloudFormationClient, stub: Stubber) -> None:
    """Whoever runs the command can ask for the permission."""
    stub.add_client_error("describe_stacks", "AccessDenied", "not authorized")
    with pytest.raises(AwsRefuses, match="not authorized") as refused:
        describe(client, "s")
    assert refused.value.code == "AccessDenied"


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks"), StackMissing),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeStacks"), AwsRefuses),
        (NoCredentialsError(), AwsNotSet),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), AwsUnreachable),
        (ValueError("Invalid endpoint: nowhere"), AwsUnreachable),
    ],
)
def test_whatever_keeps_a_stack_out_of_reach_is_a_failure_of_our_infrastructure(
    failure: BotoCoreError | ClientError | ValueError, meaning: type[Exception]
) -> None:
    """So whoever does not tell the reasons apart catches one error, as of the table and the queue."""
    found = meaning_of(failure)
    assert type(found) is meaning
    assert isinstance(found, InfrastructureError)


def test_the_settings_of_a_stack() -> None:
    """What its template does not say has a default."""
    settings = StackSettings.read(OUTPUTS, {"TimeZone": "Europe/Berlin"})
    assert (settings.zone.key, settings.settle.total_seconds()) == ("Europe/Berlin", 900)
    assert settings.autotask_url.startswith("https://webservices.autotask.net")
    given = StackSettings.read(OUTPUTS, {"AutotaskUrl": "http://127.0.0.1:1", "SettleSeconds": "5"})
    assert (given.autotask_url, given.settle.total_seconds()) == ("http://127.0.0.1:1", 5)


@pytest.mark.parametrize(
    ("outputs", "parameters", "words"),
    [
        ({"TableName": "t"}, {}, "no output AutotaskSecretArn, DeadLetterQueueUrl"),
        (
            OUTPUTS,
            {"TimeZone": "Mars/Olympus"},
            "TimeZone is no IANA time zone that this machine knows: Mars/Olympus",
        ),
    ],
)
def test_a_stack_that_cannot_be_used(outputs: dict[str, str], parameters: dict[str, str], words: str) -> None:
    """The sentence names what is missing."""
    with pytest.raises(Misconfigured, match=words):
        StackSettings.read(outputs, parameters)


def test_what_doctor_calls_wrong_rings_an_alarm_too() -> None:
    """The template's defaults are the command's, and a stack's own parameters go before."""
    template = read_template()["Parameters"]
    names = (
        "OldestChangeSeconds",
        "WebhookSilenceDays",
        "ReconcileAgeHours",
        "SecretAgeDays",
        "CallBudgetPercent",
        "QuietSeconds",
    )
    defaults = {name: str(template[name]["Default"]) for name in names}
    assert StackSettings.read(OUTPUTS, {}) == StackSettings.read(OUTPUTS, defaults)
    own = StackSettings.read(
        OUTPUTS, {"OldestChangeSeconds": "60", "VendorTrackingIdentifier": "VENDOR", "TicketCompany": "0"}
    )
    assert (own.oldest_change.total_seconds(), own.vendor_code, own.opens_tickets) == (60, "VENDOR", True)
    settings = StackSettings.read(OUTPUTS, {})
    assert Limits() == Limits(
        settings.oldest_change,
        settings.webhook_silence_days,
        settings.reconcile_age_hours,
        settings.secret_age_days,
        settings.call_budget_percent,
    )
