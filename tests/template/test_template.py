"""House rules of template.yaml that no linter knows."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from local.build import TEMPLATE, read_template
from local.emulator import ROOT
from timus_autotask.aws.cloudwatch import CloudWatchAlarms
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
from timus_autotask.aws.sns import SnsMails
from timus_autotask.aws.sqs import SqsWakeUps
from timus_autotask.cli.parsing import parser
from timus_autotask.domain.reasons import REASONS

ONE_TEMPLATE = read_template()
RESOURCES: dict[str, Any] = ONE_TEMPLATE["Resources"]

# What CloudWatch really publishes: (namespace, metric) → dimensions and the statistics that mean something.
# AWS/SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# AWS/Lambda: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# AWS/ApiGateway: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ({"QueueName"}, {"Maximum"}),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ({"QueueName"}, {"Maximum"}),
    ("AWS/Lambda", "Errors"): ({"FunctionName"}, {"Sum"}),
    ("AWS/Lambda", "Invocations"): ({"FunctionName"}, {"Sum"}),
    ("AWS/Lambda", "Throttles"): ({"FunctionName"}, {"Sum"}),
    ("AWS/ApiGateway", "4xx"): ({"ApiId", "Stage"}, {"Sum"}),
    ("AWS/ApiGateway", "5xx"): ({"ApiId", "Stage"}, {"Sum"}),
}
OURS = "TimusAutotask"
DIMENSIONS = {
    "QueueName": ("Fn::GetAtt", "AWS::SQS::Queue"),
    "FunctionName": ("Ref", "AWS::Serverless::Function"),
    "ApiId": ("Ref", "AWS::ApiGatewayV2::Api"),
    "Stage": ("Ref", "AWS::ApiGatewayV2::Stage"),
}


def of_type(kind: str) -> list[str]:
    """The logical ids of the resources of a type."""
    return [name for name, resource in RESOURCES.items() if resource["Type"] == kind]


def properties(name: str) -> Any:
    """The properties of a resource."""
    return RESOURCES[name]["Properties"]


def target(value: Any) -> str:
    """The logical id that a Ref or GetAtt names."""
    [(function, argument)] = value.items()
    return str(argument if function == "Ref" else argument[0])


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy of a role, with the resource that holds it."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", []):
                yield from ((name, each) for each in policy["PolicyDocument"]["Statement"])
        elif resource["Type"] == "AWS::IAM::Policy":
            yield from ((name, each) for each in resource["Properties"]["PolicyDocument"]["Statement"])


def as_list(value: Any) -> list[Any]:
    """IAM writes one thing without its list."""
    return value if isinstance(value, list) else [value]


def allowed(function: str) -> set[str]:
    """Every action that the role of a function may take."""
    role = target(properties(function)["Role"])
    actions = set()
    for holder, statement in statements():
        roles = [target(each) for each in RESOURCES[holder]["Properties"].get("Roles", [])]
        if holder == role or role in roles:
            actions |= set(as_list(statement["Action"]))
    return actions


@pytest.mark.parametrize("name", of_type("AWS::CloudWatch::Alarm"))
def test_an_alarm_watches_a_metric_that_exists(name: str) -> None:
    """An alarm on a metric, dimension or statistic that AWS does not publish can never fire."""
    alarm = properties(name)
    if alarm["Namespace"] == OURS:
        return  # tests/unit/test_alarms.py makes each of them fire
    dimensions, statistics = METRICS[alarm["Namespace"], alarm["MetricName"]]
    assert {each["Name"] for each in alarm["Dimensions"]} == dimensions
    assert alarm["Statistic"] in statistics
    for dimension in alarm["Dimensions"]:
        function, kind = DIMENSIONS[dimension["Name"]]
        assert set(dimension["Value"]) == {function}
        assert RESOURCES[target(dimension["Value"])]["Type"] == kind


@pytest.mark.parametrize("name", of_type("AWS::CloudWatch::Alarm"))
def test_an_alarm_tells_somebody_when_it_fires_and_when_it_is_over(name: str) -> None:
    """Alarms go to the topic, say what to do, and take silence for health: but for the sweep, which is never silent."""
    alarm = properties(name)
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] == ("breaching" if name == "SweepMissingAlarm" else "notBreaching")


@pytest.mark.parametrize("name", of_type("AWS::CloudWatch::Alarm"))
def test_an_alarm_names_a_command_and_its_section_in_the_runbook(name: str) -> None:
    """Who gets the e-mail cannot open a path of the docs: the command shows what is wrong, and the title is what to look for."""
    text = properties(name)["AlarmDescription"].strip()
    said = re.fullmatch(r"(.+) Look: timus-autotask (.+)\. Runbook: (.+), (\S+)#(\S+)", text)
    assert said, text
    _, command, title, page, place = said.groups()
    assert parser().parse_args(command.split()).command.name in command
    assert {place} == anchors(f"# {title}")
    assert place in anchors((ROOT / page).read_text(encoding="utf-8"))
    assert len(text) <= 1024


@pytest.mark.parametrize("name", of_type("AWS::CloudWatch::Alarm"))
def test_a_threshold_has_its_reason_beside_it(name: str) -> None:
    """In the alarm itself, or at the default of the parameter that sets it."""
    text = TEMPLATE.read_text(encoding="utf-8")
    alarm = re.search(rf"^  {name}:\n(?:(?:    .*)?\n)+", text, re.MULTILINE)
    assert alarm
    [line] = re.findall(r"^      Threshold: (.*)$", alarm[0], re.MULTILINE)
    if parameter := re.fullmatch(r"!Ref (\w+)", line):
        default = re.search(rf"^  {parameter[1]}:\n    Type: \w+\n    Default: (.*)$", text, re.MULTILINE)
        assert default
        line = default[1]
    assert re.fullmatch(r"[\d.]+  # .{10,}", line)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_reason_for_parking_has_a_section_in_the_runbook(code: str) -> None:
    """Each reason is explained where an operator looks for it."""
    assert code in anchors((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_main_path_is_watched() -> None:
    """Dead letters, a worker that lags or fails, a sweep that fails and webhooks answered 5xx each have an alarm."""
    watched = {
        (properties(name)["MetricName"], target(properties(name)["Dimensions"][0]["Value"]))
        for name in of_type("AWS::CloudWatch::Alarm")
    }
    assert watched >= {
        ("ApproximateNumberOfMessagesVisible", "DeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "ChangesQueue"),
        ("Errors", "ApplyChanges"),
        ("Errors", "Sweep"),
        ("4xx", "HttpApi"),
        ("5xx", "HttpApi"),
    }


def test_the_alarm_topic_can_be_published_to_by_alarms() -> None:
    """CloudWatch may use the topic's key; with alias/aws/sns its messages are lost without a word."""
    condition, encrypted, plain = properties("AlarmTopic")["KmsMasterKeyId"]["Fn::If"]
    assert (condition, plain) == ("EncryptsAlarms", {"Ref": "AWS::NoValue"})
    key = properties(target(encrypted))
    [grant] = [
        each
        for each in key["KeyPolicy"]["Statement"]
        if each["Principal"].get("Service") == "cloudwatch.amazonaws.com"
    ]
    assert set(grant["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.mark.parametrize("name", of_type("AWS::Serverless::Function"))
def test_a_function_logs_into_a_group_that_forgets(name: str) -> None:
    """Each function has its own log group with the retention parameter, and may write to that one only."""
    group = target(properties(name)["LoggingConfig"]["LogGroup"])
    assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    role = target(properties(name)["Role"])
    [logs] = [
        each
        for holder, each in statements()
        if holder == role and as_list(each["Action"])[0].startswith("logs:")
    ]
    assert logs["Resource"] == {"Fn::GetAtt": [group, "Arn"]}


def test_every_log_group_forgets() -> None:
    """No log is kept for ever."""
    assert all(
        properties(name)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        for name in of_type("AWS::Logs::LogGroup")
    )


def test_what_is_stored_is_encrypted() -> None:
    """Table and queues are encrypted at rest, the topic if asked; secrets and logs are by AWS itself."""
    assert properties("SyncTable")["SSESpecification"]["SSEEnabled"] is True
    assert all(properties(name)["SqsManagedSseEnabled"] is True for name in of_type("AWS::SQS::Queue"))
    assert all("KmsMasterKeyId" in properties(name) for name in of_type("AWS::SNS::Topic"))


def test_the_table_outlives_the_stack() -> None:
    """The table is retained, can be restored to any second, and forgets only what carries a time to."""
    table = RESOURCES["SyncTable"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_table_has_the_keys_that_the_store_uses() -> None:
    """The key and both indexes are those of the table port."""
    table = properties("SyncTable")
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    keys = {"table": table["KeySchema"]} | {
        index["IndexName"]: index["KeySchema"] for index in table["GlobalSecondaryIndexes"]
    }
    assert {
        name: [(key["AttributeName"], types[key["AttributeName"]]) for key in schema]
        for name, schema in keys.items()
    } == {
        "table": [("pk", "S"), ("sk", "S")],
        "due-index": [("due", "S"), ("due_at", "N")],
        "kind-index": [("kind", "S"), ("sort", "S")],
    }


@pytest.mark.parametrize(("holder", "statement"), list(statements()))
def test_no_policy_has_a_wildcard(holder: str, statement: dict[str, Any]) -> None:
    """Roles name each action and each resource, but for X-Ray, which has none to name, and the list of alarms."""
    assert not any("*" in action for action in as_list(statement["Action"]))
    if holder not in ("TracingPolicy", "DigestTracingPolicy", "TicketPolicy"):
        assert not any(resource == "*" for resource in as_list(statement["Resource"]))


@pytest.mark.parametrize("name", of_type("AWS::Serverless::Function"))
def test_a_function_has_a_role_of_its_own(name: str) -> None:
    """SAM adds broad managed policies to the roles that it makes itself."""
    assert RESOURCES[target(properties(name)["Role"])]["Type"] == "AWS::IAM::Role"
    assert "Policies" not in properties(name)
    assert "dynamodb:Scan" not in allowed(name)


def test_who_may_do_what() -> None:
    """The receiver cannot read Autotask's credentials or delete; worker and sweep cannot read the webhook's secret."""
    readers = {
        (target(statement["Resource"]), holder)
        for holder, statement in statements()
        if statement["Action"] == "secretsmanager:GetSecretValue"
    }
    assert readers == {
        ("WebhookSecret", "ReceiveWebhookRole"),
        ("AutotaskSecret", "WorkPolicy"),
        ("AutotaskSecret", "SendDigestRole"),
    }
    assert not {"dynamodb:DeleteItem", "sqs:SendMessage"} & allowed("SendDigest")
    assert "sqs:SendMessage" in allowed("Sweep")
    assert not {action for action in allowed("Reconcile") if action.startswith("sqs:")}
    assert "dynamodb:DeleteItem" not in allowed("ReceiveWebhook")
    assert "sqs:SendMessage" in allowed("ReceiveWebhook")
    assert "sqs:SendMessage" in allowed("ApplyChanges")


# What the code asks of each service, and the right that it needs.
# DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
RIGHTS = {
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "get_item": {"dynamodb:GetItem"},
    "query": {"dynamodb:Query"},
    "put_item": {"dynamodb:PutItem"},
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"},
    "get_secret_value": {"secretsmanager:GetSecretValue"},
    "send_message": {"sqs:SendMessage"},
    "publish": {"sns:Publish"},
    "get_paginator('describe_alarms')": {"cloudwatch:DescribeAlarms"},
}
TRANSACTIONS = {"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
POLLS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda does for an event source mapping, with the rights of the function."""
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
OPERATORS = {"depth", "store_credentials"}
"""Methods that only the operator's command calls."""


def asked(*adapters: type) -> set[str]:
    """The rights that the methods of these classes need."""
    rights: set[str] = set()
    for adapter in adapters:
        for method in ast.parse(textwrap.dedent(inspect.getsource(adapter))).body[0].body:  # type: ignore[attr-defined]
            if isinstance(method, ast.FunctionDef) and method.name not in OPERATORS:
                calls = re.findall(r"self\._client\.(\w+(?:\('\w+'\))?)", ast.unparse(method))
                rights |= set().union(*(RIGHTS[call] for call in calls))
    return rights


@pytest.mark.parametrize(
    ("function", "rights"),
    [
        # It only ever puts one document, under a condition: one PutItem and no transaction.
        ("ReceiveWebhook", {"dynamodb:PutItem"} | asked(SqsWakeUps, SecretsManagerSecrets)),
        ("ApplyChanges", POLLS | asked(DynamoTable, SqsWakeUps, SecretsManagerSecrets)),
        ("Sweep", asked(DynamoTable, SqsWakeUps, SecretsManagerSecrets, CloudWatchAlarms)),
        ("Reconcile", asked(DynamoTable, SecretsManagerSecrets)),
        # All that it writes is when it sent the last one: one PutItem and no transaction.
        ("SendDigest", asked(DynamoTable, SecretsManagerSecrets, SnsMails) - TRANSACTIONS),
    ],
)
def test_a_function_may_do_what_its_code_does_and_nothing_else(function: str, rights: set[str]) -> None:
    """A right that is missing fails on the emulator too; one that nobody uses is only found here."""
    assert allowed(function) == rights | LOGS | TRACES


def test_the_receiver_puts_only_what_belongs_to_a_customer() -> None:
    """It answers the internet: no contract, no terms and no plan is in its reach. The emulator does not check this condition."""
    [put] = [
        statement
        for holder, statement in statements()
        if holder == "ReceiveWebhookRole" and "dynamodb" in str(statement["Action"])
    ]
    assert put["Action"] == "dynamodb:PutItem"
    assert put["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CUSTOMER#*"]}}
    assert "index" not in json.dumps(put["Resource"])


def test_what_floods_one_route_takes_nothing_from_another() -> None:
    """Timus's address, the plain one and other methods each have a throttle; settings of a route wait for the route."""
    routes = {name: properties(name)["RouteKey"] for name in of_type("AWS::ApiGatewayV2::Route")}
    assert routes.pop("TimusRoute")["Fn::Sub"][0] == "POST /webhooks/timus/${Id}"
    assert set(routes.values()) == {"POST /webhooks/timus", "ANY /webhooks/timus"}
    stage = properties("WebhookStage")
    assert set(stage["RouteSettings"]) == set(routes.values())
    assert set(RESOURCES["WebhookStage"]["DependsOn"]) == set(routes)
    assert stage["DefaultRouteSettings"] == stage["RouteSettings"]["POST /webhooks/timus"]
    assert stage["RouteSettings"]["ANY /webhooks/timus"]["ThrottlingRateLimit"] == 1


def test_a_message_stays_hidden_for_six_times_the_workers_timeout() -> None:
    """Else a slow batch would be handed out a second time while the first still works on it."""
    assert properties("ChangesQueue")["VisibilityTimeout"] == 6 * properties("ApplyChanges")["Timeout"]


def test_the_worker_uses_two_of_autotasks_three_threads() -> None:
    """Partial batch answers, and a concurrency that leaves the third thread to the sweep, which never overlaps itself."""
    mapping = properties("ApplyChanges")["Events"]["Changes"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    sweep = properties("Sweep")
    assert sweep["Events"]["EachMinute"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert sweep["Timeout"] < 60
    assert sweep["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_queue_and_dead_letter_queue_are_of_one_kind() -> None:
    """A FIFO queue needs a FIFO dead-letter queue, which the emulator does not check; dead letters wait the longest."""
    assert properties("ChangesQueue")["FifoQueue"] is properties("DeadLetterQueue")["FifoQueue"] is True
    assert target(properties("ChangesQueue")["RedrivePolicy"]["deadLetterTargetArn"]) == "DeadLetterQueue"
    assert properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * 86400


def test_the_webhook_secret_is_what_standard_webhooks_asks_for() -> None:
    """44 characters of base64's own alphabet without padding: 33 random bytes, between the 24 and 64 of the contract."""
    secret = properties("WebhookSecret")["GenerateSecretString"]
    assert secret["PasswordLength"] * 6 // 8 == 33
    assert secret["PasswordLength"] % 4 == 0
    assert secret["ExcludePunctuation"] is True
    assert secret["GenerateStringKey"] == "current"


@pytest.mark.parametrize("name", list(ONE_TEMPLATE["Parameters"]))
def test_a_parameter_explains_itself(name: str) -> None:
    """Every parameter has a description, a default, and bounds on what it takes."""
    parameter = ONE_TEMPLATE["Parameters"][name]
    assert parameter["Description"]
    assert "Default" in parameter
    assert {"AllowedPattern", "AllowedValues", "MaxValue"} & set(parameter)


def test_every_parameter_is_asked_for_in_a_group() -> None:
    """The console shows the parameters in the order of the groups; none is left over."""
    groups = ONE_TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(ONE_TEMPLATE["Parameters"])


def test_the_outputs_say_where_everything_is() -> None:
    """The operator's command finds the stack's parts by these names."""
    assert set(ONE_TEMPLATE["Outputs"]) >= {
        "WebhookUrl",
        "TableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "WebhookSecretArn",
        "AutotaskSecretArn",
        "ReceiveWebhookName",
        "ApplyChangesName",
        "SweepName",
        "ReconcileName",
        "AlarmTopicArn",
    }


def test_the_template_uses_no_yaml_aliases() -> None:
    """CloudFormation does not read anchors and aliases, though every tool here does."""
    tokens = yaml.scan(TEMPLATE.read_text(encoding="utf-8"))
    assert not any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in tokens)


def test_the_dashboard_is_what_cloudwatch_reads() -> None:
    """A body of widgets whose boxes do not overlap, in a grid of 24 columns; billing stands above the plumbing."""
    widgets = json.loads(properties("SyncDashboard")["DashboardBody"]["Fn::Sub"])["widgets"]
    taken: set[tuple[int, int]] = set()
    for widget in widgets:
        box = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not box & taken
        assert max(x for x, _ in box) < 24
        taken |= box
    titles = [widget["properties"]["markdown"] for widget in widgets if widget["type"] == "text"]
    assert titles == ["## Billing", "## Plumbing"]


# What AWS publishes beside what alarms watch: (namespace, metric) → the dimension that it is shown by.
SHOWN = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName",
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "QueueName",
    ("AWS/Lambda", "Errors"): "FunctionName",
    ("AWS/Lambda", "Throttles"): "FunctionName",
    ("AWS/Lambda", "Duration"): "FunctionName",
    ("AWS/ApiGateway", "Count"): "ApiId",
    ("AWS/ApiGateway", "4xx"): "ApiId",
    ("AWS/ApiGateway", "5xx"): "ApiId",
    ("AWS/ApiGateway", "Latency"): "ApiId",
}


def test_the_dashboard_shows_metrics_that_aws_publishes() -> None:
    """What is not ours has the name and the dimension that AWS gives it; tests/unit/test_alarms.py sees to ours."""
    widgets = json.loads(properties("SyncDashboard")["DashboardBody"]["Fn::Sub"])["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    theirs = [metric for metric in shown if metric[0] != OURS]
    assert theirs
    for namespace, name, dimension, of, _ in theirs:
        assert SHOWN[namespace, name] == dimension
        _, kind = DIMENSIONS[dimension]
        assert RESOURCES[re.sub(r"\$\{(\w+)(\.QueueName)?\}", r"\1", of)]["Type"] == kind


def test_without_an_address_there_is_no_digest_and_none_of_it_costs_anything() -> None:
    """Topic, schedule, function and all that they need stand under one condition, which is off by default."""
    assert ONE_TEMPLATE["Parameters"]["DigestEmail"]["Default"] == ""
    assert ONE_TEMPLATE["Conditions"]["HasDigest"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "DigestEmail"}, ""]}]
    }
    of_digest = {name: each.get("Condition") for name, each in RESOURCES.items() if "Digest" in name}
    assert {name: condition for name, condition in of_digest.items() if condition != "HasDigest"} == {
        "DigestTracingPolicy": "TracesDigest"
    }
    assert ONE_TEMPLATE["Conditions"]["TracesDigest"] == {
        "Fn::And": [{"Condition": "HasDigest"}, {"Condition": "TracingIsOn"}]
    }
    needed = {
        name for name, each in RESOURCES.items() if "Digest" not in name and "Digest" in json.dumps(each)
    }
    assert needed == set(), "something else refers to what may not be there"


def test_finance_gets_the_digest_and_not_the_alarms() -> None:
    """A topic of its own; weekly unless it is asked for daily."""
    assert target(properties("DigestEmailSubscription")["TopicArn"]) == "DigestTopic"
    assert properties("DigestEmailSubscription")["Endpoint"] == {"Ref": "DigestEmail"}
    assert not any("DigestTopic" in json.dumps(RESOURCES[name]) for name in of_type("AWS::CloudWatch::Alarm"))
    [schedule] = properties("SendDigest")["Events"].values()
    assert schedule["Properties"]["Schedule"] == {
        "Fn::If": ["DigestIsDaily", "cron(0 6 * * ? *)", "cron(0 6 ? * MON *)"]
    }
    assert ONE_TEMPLATE["Parameters"]["DigestSchedule"]["Default"] == "weekly"


def test_the_digest_writes_only_when_it_was_sent() -> None:
    """No customer and no contract is in its reach. The emulator does not check this condition."""
    [put] = [
        statement
        for holder, statement in statements()
        if holder == "SendDigestRole" and statement["Action"] == "dynamodb:PutItem"
    ]
    assert put["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["PARTNER"]}}
