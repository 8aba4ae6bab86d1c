"""The functions of the stack in one process, and what CloudWatch would make of what they do and print.

Each line in the embedded metric format becomes data points under its namespace, name and dimensions. What AWS itself publishes
follows from what happens: a function that raises or outlives its timeout is an error of AWS/Lambda, an answer of 5xx one of
AWS/ApiGateway, and the queues are looked at each minute. An alarm is judged by the statistic, period, threshold and comparison
that it has in the template.
"""

from __future__ import annotations

import io
import json
import operator
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from local.build import read_template
from tests.fakes.memory_queue import MemoryQueue
from tests.world import InProcess, World
from timus_autotask.autotask.http import Request, Response
from timus_autotask.aws.telemetry import Telemetry
from timus_autotask.bootstrap import (
    Handler,
    _counted,
    apply_handler,
    autotask_client,
    receive_handler,
    reconcile_handler,
    sweep_handler,
)

TEMPLATE = read_template()
RESOURCES = TEMPLATE["Resources"]
VARIABLES = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
STACK = "acme-sync"
_LOGGERS = count()
OURS = VARIABLES["POWERTOOLS_METRICS_NAMESPACE"]
"""The namespace of our metrics."""
ALARMS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def value(given: Any) -> Any:
    """A value of the template as it is deployed: parameters have their defaults, and a resource is named like its logical id."""
    match given:
        case {"Ref": "AWS::StackName"}:
            return STACK
        case {"Ref": str(name)} if name in RESOURCES:
            return name
        case {"Ref": str(name)}:
            return TEMPLATE["Parameters"][name]["Default"]
        case {"Fn::GetAtt": [str(name), "QueueName"]}:
            return name
    return given


@dataclass(frozen=True)
class Point:
    """One value of a metric, as CloudWatch keeps it."""

    at: float
    """Unix seconds."""
    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    value: float


@dataclass
class Context:
    """Lambda's context, for a function that has just been called."""

    seconds: int
    """Its timeout."""
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """What it has."""
        return self.seconds * 1000


@dataclass
class Running:
    """The functions of the stack, in one process, with what they print."""

    world: World
    seconds_a_call: float = 0.0
    """How long Autotask takes for an answer."""
    points: list[Point] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """Log lines."""

    logged: int = 0
    """Bytes of what was printed and logged."""

    throttled: bool = False
    """AWS starts no worker."""

    def __post_init__(self) -> None:
        world = self.world
        changes = RESOURCES["ChangesQueue"]["Properties"]
        self.dead_letters = MemoryQueue(world.clock)
        world.queue = MemoryQueue(
            world.clock,
            visibility=changes["VisibilityTimeout"],
            max_receives=changes["RedrivePolicy"]["maxReceiveCount"],
            dead_letters=self.dead_letters,
        )
        autotask = InProcess(world.api)

        def transport(request: Request) -> Response:
            world.clock.advance(self.seconds_a_call)
            return autotask(request)

        client, refused = autotask_client(
            transport, world.secrets, "https://autotask.test/ATServicesRest", self._called
        )
        self.logs = io.StringIO()
        self.telemetry = Telemetry(
            Logger(service=f"{STACK}-{next(_LOGGERS)}", stream=self.logs),  # kept by its service
            Metrics(namespace=VARIABLES["POWERTOOLS_METRICS_NAMESPACE"], service=STACK),
        )
        world.ports = replace(
            world.ports,
            autotask=client,
            credentials_refused=refused,
            on_event=self.telemetry,
            wake_ups=world.queue,
        )
        world.receive_ports = replace(world.receive_ports, on_outcome=self.telemetry, wake_ups=world.queue)
        self.handlers: dict[str, Handler] = {
            "ReceiveWebhook": _counted(receive_handler(world.receive_ports), self.telemetry, world.secrets),
            "ApplyChanges": _counted(apply_handler(world.ports), self.telemetry),
            "Sweep": _counted(sweep_handler(world.ports, world.secrets.age), self.telemetry),
            "Reconcile": _counted(reconcile_handler(world.ports), self.telemetry),
        }

    def _called(self, entity: str, verb: str, seconds: float) -> None:
        self.telemetry.called(entity, verb, seconds)

    def invoke(self, function: str, event: dict[str, Any] | None = None) -> Any:
        """Call a function as Lambda does, and read what it printed."""
        printed = io.StringIO()
        timeout, began = RESOURCES[function]["Properties"]["Timeout"], self.world.clock.now()
        self._published("AWS/Lambda", "Invocations", {"FunctionName": function})
        failed = True
        try:
            with redirect_stdout(printed):
                answer = self.handlers[function](event or {}, Context(timeout))
            failed = (self.world.clock.now() - began).total_seconds() > timeout
            return answer
        finally:
            self._published("AWS/Lambda", "Errors", {"FunctionName": function}, int(failed))
            self.logged += len(printed.getvalue().encode()) + len(self.logs.getvalue().encode())
            for line in printed.getvalue().splitlines():
                self.points += self._points(json.loads(line))
            self.lines += [json.loads(line) for line in self.logs.getvalue().splitlines()]
            self.logs.seek(0)
            self.logs.truncate()

    def _points(self, document: dict[str, Any]) -> Iterator[Point]:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        at = self.world.clock.now().timestamp()
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, document[name]) for name in names))
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    for one in values if isinstance(values, list) else [values]:
                        yield Point(
                            at, directive["Namespace"], metric["Name"], metric["Unit"], dimensions, one
                        )

    def _published(self, namespace: str, name: str, dimensions: dict[str, str], number: float = 1) -> None:
        """What AWS itself reports."""
        at = self.world.clock.now().timestamp()
        self.points.append(Point(at, namespace, name, "", tuple(sorted(dimensions.items())), number))

    # -- What happens

    def deliver(self, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
        """Send to the webhook, through the gateway."""
        event = {
            "requestContext": {"http": {"method": method}},
            "rawPath": "/webhooks/timus",
            "headers": {"content-type": "application/json", **headers},
            "body": body.decode(),
        }
        status = int(self.invoke("ReceiveWebhook", event)["statusCode"])
        for name, low in (("4xx", 400), ("5xx", 500)):
            of = {"ApiId": "HttpApi", "Stage": "WebhookStage"}
            self._published("AWS/ApiGateway", name, of, int(low <= status < low + 100))
        return status

    def apply(self) -> None:
        """Hand every wake-up to the worker; those that it hands back come again."""
        if self.throttled:
            self._published("AWS/Lambda", "Throttles", {"FunctionName": "ApplyChanges"})
            return
        while received := self.world.queue.receive(10):
            records = [message.record() for message in received]
            answer = self.invoke("ApplyChanges", {"Records": records})
            back = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message in received:
                if message.message_id not in back:
                    self.world.queue.delete(message.receipt)

    def minutes(self, count: int) -> None:
        """Let minutes pass, each with its sweep."""
        for _ in range(count):
            self.world.clock.advance(60)
            with suppress(Exception):  # AWS counts it, and comes again in a minute
                self.invoke("Sweep")
            self._look_at_queues()

    def _look_at_queues(self) -> None:
        for name, queue in (("ChangesQueue", self.world.queue), ("DeadLetterQueue", self.dead_letters)):
            oldest, now = queue.oldest_at(), self.world.clock.now()
            of = {"QueueName": name}
            self._published("AWS/SQS", "ApproximateNumberOfMessagesVisible", of, queue.depth().visible)
            age = (now - oldest).total_seconds() if oldest else 0
            self._published("AWS/SQS", "ApproximateAgeOfOldestMessage", of, age)

    # -- What the alarms say

    def fires(self, name: str) -> bool:
        """Whether an alarm is on now, by its own definition."""
        alarm = ALARMS[name]
        period, threshold = value(alarm["Period"]), value(alarm["Threshold"])
        now = self.world.clock.now().timestamp()
        dimensions = tuple(sorted((each["Name"], value(each["Value"])) for each in alarm["Dimensions"]))
        breaches = []
        for back in range(alarm["EvaluationPeriods"]):
            values = [
                point.value
                for point in self.points
                if (point.namespace, point.name, point.dimensions)
                == (alarm["Namespace"], alarm["MetricName"], dimensions)
                and now - period * (back + 1) < point.at <= now - period * back
            ]
            if values:
                compare = _COMPARISONS[alarm["ComparisonOperator"]]
                breaches.append(compare(_statistic(alarm["Statistic"], values), threshold))
            else:
                breaches.append(alarm["TreatMissingData"] == "breaching")
        return all(breaches)


_COMPARISONS = {"GreaterThanOrEqualToThreshold": operator.ge, "LessThanThreshold": operator.lt}


def _statistic(name: str, values: list[float]) -> float:
    return {"Sum": sum(values), "Maximum": max(values), "Average": sum(values) / len(values)}[name]
