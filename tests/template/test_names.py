"""Names that the template gives: within AWS's limits for every stack name, and never the same for two stacks."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from local.build import read_template

RESOURCES: dict[str, Any] = read_template()["Resources"]

LONGEST_STACK_NAME = 128
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
LONGEST_REGION = 25  # the longest today has 14
UUID = "0d0c27f0-aaaa-11f0-9e3b-0a58a9feac02"

LIMITS = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    ("AWS::SQS::Queue", "QueueName"): 80,
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    ("AWS::Logs::LogGroup", "LogGroupName"): 512,
    # https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
    ("AWS::Serverless::LayerVersion", "LayerName"): 140,
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigatewayv2-api.html
    ("AWS::ApiGatewayV2::Api", "Name"): 128,
}
"""(type, property) → the most characters that AWS takes."""
OF_THE_ACCOUNT = {"AWS::CloudWatch::Dashboard"}
"""What all regions of an account share; everything else is of one region."""
WITHIN_ANOTHER = {("AWS::IAM::Policy", "PolicyName"), ("AWS::ApiGatewayV2::Stage", "StageName")}
"""Names within a resource that has a name of its own."""
REFERENCES = {("AWS::Lambda::Permission", "FunctionName")}
"""Not a name that is given, but another resource's."""


def names() -> dict[str, tuple[str, str, Any]]:
    """Logical id → type, property and value of every name that the template gives."""
    return {
        logical_id: (resource["Type"], key, given)
        for logical_id, resource in RESOURCES.items()
        for key, given in resource["Properties"].items()
        if re.fullmatch(r"(\w+)?(?<!Display)(?<!Metric)(?<!Table)Name", key)
        and (resource["Type"], key) not in WITHIN_ANOTHER | REFERENCES
    }


def rendered(given: Any, stack: str, region: str, uuid: str) -> str:
    """A name as CloudFormation makes it."""
    values = {"AWS::StackName": stack, "AWS::Region": region}
    match given:
        case {"Ref": str(name)}:
            return values[name]
        case {"Fn::Sub": [str(text), dict(more)]}:
            [(name, value)] = more.items()
            assert value == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
            values[name] = uuid
        case {"Fn::Sub": str(text)}:
            pass
        case _:
            raise AssertionError(f"a name that two stacks would share: {given}")
    return re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], text)


@pytest.mark.parametrize("logical_id", list(names()))
def test_a_name_fits_whatever_the_stack_is_called(logical_id: str) -> None:
    """The longest stack name that CloudFormation takes makes no name that AWS refuses."""
    kind, key, given = names()[logical_id]
    name = rendered(given, "s" * LONGEST_STACK_NAME, "r" * LONGEST_REGION, UUID)
    assert len(name) <= LIMITS[kind, key]


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in names().values()}))
def test_two_stacks_share_no_name(kind: str) -> None:
    """Neither in one region, nor in two where all regions share the names; nor within one stack."""
    stacks = ("a", "a-a", "a-webhook", "a-core", "a-us-east-1", "a-sweep")
    regions = ("us-east-1", "eu-west-1") if kind in OF_THE_ACCOUNT else ("us-east-1",)
    made = [
        rendered(given, stack, region, f"{UUID}-{number}")
        for number, (stack, region) in enumerate(itertools.product(stacks, regions))
        for of, _, given in names().values()
        if of == kind
        and of != "AWS::ApiGatewayV2::Api"  # whose name is for people: AWS tells two by their ids
    ]
    assert len(made) == len(set(made))


def test_a_fifo_queue_is_named() -> None:
    """CloudFormation makes a name of the stack's and the resource's, and does not keep it within SQS's 80 characters."""
    queues = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::SQS::Queue"}
    assert queues <= set(names())
    for queue in queues:
        assert rendered(names()[queue][2], "a", "r", UUID).endswith(".fifo")
