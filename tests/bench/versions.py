"""Both versions on one stage: each with tables, a queue and a simulated Autotask of its own, and each function in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from local.autotask.server import Simulator
from local.emulator import CREDENTIALS, REGION, ROOT
from local.sign import api_gateway_event
from local.timus import change
from tests.bench.cloud import Cloud
from tests.bench.units import Tally
from tests.crowd import tenant
from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.world import ADV, SERVICES
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.stage import Stage
from timus_autotask.ports.clock import SystemClock
from timus_autotask.ports.errors import NotConfigured
from timus_autotask.ports.secrets import RefusedUser
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.partner import put_plan
from timus_autotask.store.terms import put_stage
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports

FUNCTIONS = ("webhook", "worker", "sweep", "reconcile")
PRODUCT, STRAIGHTFORWARD = "product", "straightforward"
HANDLERS: Mapping[str, Mapping[str, str]] = {
    PRODUCT: {
        "webhook": "functions/receive_webhook/app.py",
        "worker": "functions/apply_changes/app.py",
        "sweep": "functions/sweep/app.py",
        "reconcile": "functions/reconcile/app.py",
    },
    STRAIGHTFORWARD: {name: f"straightforward.{name}" for name in FUNCTIONS},
}
UNITS = 5
"""Of the line that is measured, on each contract, at first."""
WORKER, RECONCILE = 60, 300
"""Seconds that a function has, by the template."""
BATCH = 10
"""Messages that a worker gets at once, at most: SQS FIFO gives no more."""


@dataclass(frozen=True)
class Package:
    """How the functions are run: an interpreter, and where its modules are."""

    python: str = sys.executable
    path: Sequence[Path] = (ROOT, ROOT / "layers" / "core", ROOT / "tests" / "bench")
    variables: Mapping[str, str] = field(default_factory=dict)
    root: Path = ROOT
    """Where ``functions/`` is."""
    flags: Sequence[str] = ("-P",)
    """Of the interpreter."""

    def command(self, handler: str = "") -> list[str]:
        """What runs ``child.py``."""
        named = str(self.root / handler) if handler.endswith(".py") else handler
        return [self.python, *self.flags, str(Path(__file__).with_name("child.py")), *filter(None, [named])]

    def environment(self) -> dict[str, str]:
        """A clean one, with nothing of this machine's."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            "PYTHONHASHSEED": "0",
            "LANG": "C.UTF-8",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(self.root),
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
            "POWERTOOLS_SERVICE_NAME": "measured",
            "POWERTOOLS_METRICS_NAMESPACE": "Measured",
            **CREDENTIALS,
            **self.variables,
        }


@dataclass(frozen=True)
class Invoked:
    """What an invocation gave and took."""

    answer: Any
    cpu: float
    """Seconds of the processor."""
    logged: int
    """Bytes."""


class Child:
    """A warm sandbox."""

    def __init__(self, package: Package, handler: str, variables: Mapping[str, str], folder: Path) -> None:
        self._log = tempfile.NamedTemporaryFile(dir=folder, suffix=".log", delete=False)  # noqa: SIM115
        self._process = subprocess.Popen(
            package.command(handler),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**package.environment(), **variables, "BENCH_LOG": self._log.name, "HOME": str(folder)},
            cwd=folder,
            text=True,
        )
        self.loaded: dict[str, Any] = self._read()
        """``modules``: how many the import loaded; ``cpu``: its seconds."""

    def __call__(self, event: Mapping[str, Any]) -> Invoked:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        return Invoked(**self._read())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the function ended: {Path(self._log.name).read_text()[-2000:]}")
        read: dict[str, Any] = json.loads(line)
        return read

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()


@dataclass
class Cost:
    """What some changes took."""

    changes: int
    autotask: int = 0
    tally: Tally = field(default_factory=Tally)
    webhook_cpu: list[float] = field(default_factory=list)
    worker_cpu: list[float] = field(default_factory=list)
    logged: int = 0

    @property
    def sqs(self) -> int:
        """Requests to the queue: those of the functions, and for each batch Lambda's own receive and delete."""
        return self.tally.of("sqs.SendMessage", "sqs.SendMessageBatch") + 2 * len(self.worker_cpu)


class Version:
    """One of the two, with what it stands on."""

    def __init__(
        self, name: str, cloud: Cloud, folder: Path, customers: int = 1, package: Package | None = None
    ) -> None:
        self.name = name
        self.cloud = cloud
        self.customers = customers
        self.simulator = Simulator(tenant(customers, datetime.now(UTC).year))
        self.simulator.start()
        self._folder = folder
        self._package = package or Package()
        self._children: dict[str, Child] = {}
        self._now = datetime.now(UTC)
        queues = cloud.client("sqs")
        number = time.monotonic_ns()
        self.table, self._done = f"table-{number}", f"done-{number}"
        self._queues = queues
        self.queue: str = queues.create_queue(
            QueueName=f"changes-{number}.fifo", Attributes={"FifoQueue": "true"}
        )["QueueUrl"]
        if name == PRODUCT:
            indexes = {"due-index": ("due", "due_at"), "kind-index": ("kind", "sort")}
        else:
            indexes = {"due-index": ("due", "day")}
            cloud.make_table(self._done, ("id",), {})
        cloud.make_table(self.table, ("pk", "sk"), indexes)
        secrets = cloud.client("secretsmanager")
        user = {"username": "api@msp.example", "secret": "secret", "integration_code": "CODE"}
        stored = {"webhook": {"current": WEBHOOK_SECRET}, "autotask": user}
        self._secrets = {
            kind: secrets.create_secret(Name=f"{kind}-{number}", SecretString=json.dumps(value))["ARN"]
            for kind, value in stored.items()
        }
        (self._map_product if name == PRODUCT else self._map_straightforward)()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its functions, besides that of every function."""
        return {
            "AWS_ENDPOINT_URL": self.cloud.url,
            "TABLE_NAME": self.table,
            "IDEMPOTENCY_TABLE": self._done,
            "QUEUE_URL": self.queue,
            "WEBHOOK_SECRET_ID": self._secrets["webhook"],
            "AUTOTASK_SECRET_ID": self._secrets["autotask"],
            "AUTOTASK_URL": self.simulator.url,
            "PARTNER_TIME_ZONE": "UTC",
            "QUIET_SECONDS": "0",
            "STACK_NAME": "measured",
        }

    def _map_product(self) -> None:
        table = DynamoTable(self.cloud.dynamodb, self.table)

        def nobody() -> Any:
            raise NotConfigured("nothing is asked here")

        ports = Ports(table, nobody, RefusedUser, SystemClock(), ZoneInfo("UTC"), timedelta(minutes=15))
        plans = [
            put_plan(PlanMapping(sku, (ServiceChoice(service),)), 0, self._now)
            for sku, service in SERVICES.items()
        ]
        table.write([put_stage(None, Stage(True), 0), *plans])
        for n in range(1, self.customers + 1):
            mapping = CustomerMapping(f"cus_{n}", (Routing((Route(n, 10_000 + n),)),))
            ports.store.commit(
                put_mapping(mapping, 0), *wake_contracts(mapping.customer_id, mapping.contract_ids, ports)
            )

    def _map_straightforward(self) -> None:
        services = {"M": {sku: {"N": str(service)} for sku, service in SERVICES.items()}}
        for n in range(1, self.customers + 1):
            keys = {"pk": {"S": f"CUSTOMER#cus_{n}"}, "sk": {"S": "MAPPING"}}
            item = keys | {"contract": {"N": str(10_000 + n)}, "services": services}
            self.cloud.dynamodb.put_item(TableName=self.table, Item=item)

    # -- Its functions

    def child(self, function: str) -> Child:
        """The warm sandbox of a function."""
        if function not in self._children:
            self._children[function] = self.fresh(function)
        return self._children[function]

    def fresh(self, function: str) -> Child:
        """A new sandbox; the caller stops it."""
        variables = self.variables | {"BENCH_SECONDS": str(RECONCILE if function == "reconcile" else WORKER)}
        return Child(self._package, HANDLERS[self.name][function], variables, self._folder)

    def event(self, customer: int, version: int, units: int, *, days: int = 0) -> dict[str, Any]:
        """What API Gateway hands over for a signed change, which holds from now on or in so many days."""
        items = {sku: UNITS + i for i, sku in enumerate(SERVICES)} | {ADV: units}
        at = self._now + timedelta(days=days)
        term = date(self._now.year, 1, 1), date(self._now.year + 2, 12, 31)
        body = change(f"sub_{customer}", version, f"cus_{customer}", items, at, term=term)
        return api_gateway_event(f"{customer}_v{version}", body, int(time.time()), WEBHOOK_SECRET)

    def receive(self) -> Iterator[list[dict[str, Any]]]:
        """Batches of the queue as Lambda hands them over, until it is empty; each is deleted after it was handled."""
        while messages := self._queues.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=BATCH,
            AttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            yield [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:changes.fifo",
                    "awsRegion": REGION,
                }
                for each in messages
            ]
            for each in messages:
                self._queues.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])

    def run(self, events: Sequence[dict[str, Any]]) -> Cost:
        """Let these changes in, and let the worker do them; what it took. Raises ``AssertionError`` where one fails."""
        self.simulator.control.clear_requests()
        self.cloud.tally = Tally()
        cost = Cost(len(events), tally=self.cloud.tally)
        for event in events:
            taken = self.child("webhook")(event)
            assert taken.answer["statusCode"] == 202, taken.answer
            cost.webhook_cpu.append(taken.cpu)
            cost.logged += taken.logged
        for records in self.receive():
            done = self.child("worker")({"Records": records})
            assert done.answer == {"batchItemFailures": []}, done.answer
            cost.worker_cpu.append(done.cpu)
            cost.logged += done.logged
        cost.autotask = len(self.simulator.control.requests())
        return cost

    def units(self, customer: int, sku: str = ADV) -> int:
        """What the simulated Autotask bills today."""
        with self.simulator.lock:
            line = self.simulator.api.model.find_line(10_000 + customer, SERVICES[sku])
            return line.units_on(datetime.now(UTC).date().toordinal()) if line else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children.values():
            child.stop()
        self.simulator.stop()
