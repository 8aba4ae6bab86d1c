"""The deployed template seen from outside: as Timus sends to it, as people see Autotask, and as an operator may look into it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.stack import STACK, LocalStack
from timus_autotask.autotask.httpx_transport import HttpxTransport
from timus_autotask.cli import main
from timus_autotask.cli.deployment import find
from timus_autotask.domain.line import Line
from timus_autotask.store import EventRecord
from timus_autotask.webhooks import sign

ADV, ESS, GATEWAY = "SASE-ADV-USER", "SASE-ESS-USER", "SASE-GATEWAY"
SERVICES = {ADV: 45, ESS: 46, GATEWAY: 47}
CLIENTS = 40
SETTLE_SECONDS = 2


def day(offset: int) -> date:
    """A day counted from today, which is a day of UTC as the stack's is."""
    return datetime.now(UTC).date() + timedelta(days=offset)


def tenant() -> dict[str, Any]:
    """A tenant with a contract for each test: 25 Advanced users and a gateway, from two months ago on."""
    company = {"companyType": 1, "isActive": True, "ownerResourceID": 1, "phone": "1"}
    service = {"billingCodeID": 9, "periodType": 2, "isActive": True, "unitPrice": 10}
    return {
        "companies": [{"id": 600 + n, "companyName": f"Client {n}", **company} for n in range(CLIENTS)],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [{"id": n, "name": sku, "sku": sku, **service} for sku, n in SERVICES.items()],
        "contracts": [
            {
                "id": 7000 + n,
                "companyID": 600 + n,
                "contractName": f"SASE of client {n}",
                "startDate": "@month-2:1",
                "endDate": "@month+9:last",
                "lines": [
                    {"id": 1200 + 2 * n, "serviceID": 45, "units": 25},
                    {"id": 1201 + 2 * n, "serviceID": 47, "units": 1},
                ],
            }
            for n in range(CLIENTS)
        ],
    }


class Answer(NamedTuple):
    """What a sender is told."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Deployed:
    """A stack that runs."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self._transport = HttpxTransport()
        with pytest.MonkeyPatch.context() as environment:
            for name, value in stack.environment().items():
                environment.setenv(name, value)
            self._found = replace(find(STACK), transport=self._transport)
        self.store = self._found.store
        self._clients = iter(range(CLIENTS))

    def close(self) -> None:
        """Close the connections of the operator's command."""
        self._transport.close()

    def client(self, *, mapped: bool = True) -> Client:
        """A client that no other test has."""
        client = Client(self, next(self._clients))
        if mapped:
            client.map()
            client.rests()
        return client

    def command(self, *words: str) -> Any:
        """What `timus-autotask … --json` prints."""
        with redirect_stdout(StringIO()) as output:
            assert main([*words, "--json"], lambda _: self._found) == 0
        return json.loads(output.getvalue())

    # -- HTTP

    def request(
        self, body: bytes, headers: Mapping[str, str], *, method: str = "POST", path: str | None = None
    ) -> Answer:
        """Send a request to the webhook, or to another path beside it."""
        url = (
            self.stack.webhook_url
            if path is None
            else self.stack.webhook_url.rsplit("/webhooks", 1)[0] + path
        )
        request = urllib.request.Request(url, body or None, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)

    def signed(self, event_id: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers of a genuine delivery, now unless told otherwise."""
        timestamp = int(time.time() if at is None else at)
        return {
            "content-type": "application/json",
            **sign(event_id, timestamp, body, self.stack.webhook_secret),
        }

    def autotask(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
        """Pull a lever of the Autotask simulator, or read its ground truth."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.stack.autotask_control_url}/{route}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    # -- AWS

    def items(self) -> list[Any]:
        """Everything in the table."""
        pages = (
            self.stack.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.stack.outputs["TableName"])
        )
        return sorted(
            (item for page in pages for item in page["Items"]), key=lambda i: (i["pk"]["S"], i["sk"]["S"])
        )

    def waiting(self, output: str = "QueueUrl") -> int:
        """How many messages a queue holds, in whatever state."""
        url = self.stack.outputs[output]
        names = ("", "NotVisible", "Delayed")
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sum(int(answer["Attributes"][f"ApproximateNumberOfMessages{name}"]) for name in names)

    @contextmanager
    def denied(self, function: str, action: str) -> Iterator[None]:
        """While this holds, IAM denies a function something that its role allows."""
        name = self.stack.outputs[f"{function}Name"]
        arn = self.stack.client("lambda").get_function_configuration(FunctionName=name)["Role"]
        role, iam = arn.rpartition("/")[2], self.stack.client("iam")
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=document)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="outage")

    @contextmanager
    def worker_away(self) -> Iterator[None]:
        """While this holds, nobody takes wake-ups from the queue."""
        functions = self.stack.client("lambda")
        name = self.stack.outputs["ApplyChangesName"]
        [source] = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)

    def kill_worker(self) -> int:
        """SIGKILL the processes in which this stack's worker runs; returns how many there were."""
        mine = (
            f"AWS_LAMBDA_FUNCTION_NAME={self.stack.outputs['ApplyChangesName']}",
            f"AWS_ENDPOINT_URL={self.stack.endpoint_url}",
        )
        killed = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_text(errors="replace").split("\0")
            except OSError:
                continue  # gone, or somebody else's
            if all(variable in environment for variable in mine):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
        return killed

    def eventually(self, check: Callable[[], bool], seconds: float = 60, *, sweep: bool = False) -> None:
        """Fail unless ``check`` comes true in time; with ``sweep`` the schedule ticks meanwhile."""
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                log = self.stack.function_log("ApplyChanges")[-4000:]
                pytest.fail(f"not within {seconds} s; the worker says:\n{log}")
            if sweep:
                self.stack.invoke("Sweep")
            time.sleep(0.1)


@dataclass
class Client:
    """A client of the partner: a customer in Timus, a company and a contract in Autotask."""

    deployed: Deployed
    number: int

    def __post_init__(self) -> None:
        self.customer = f"cus_{self.number}"
        self.company, self.contract = 600 + self.number, 7000 + self.number

    # -- What an operator does

    def map(self) -> None:
        """Send its units to its contract."""
        ids = ("--company", str(self.company), "--contract", str(self.contract))
        self.deployed.command("map", "customer", self.customer, *ids)

    # -- What Timus does

    def body(
        self,
        version: int,
        items: Mapping[str, int],
        *,
        on: date | None = None,
        status: str = "active",
        cancel_at: date | None = None,
        subscription: str | None = None,
        type: str = "subscription.updated",  # noqa: A002 - as the event names it
    ) -> bytes:
        """An event's body; the change holds from noon of a day on, today's unless told otherwise."""
        effective = f"{on or day(0)}T12:00:00Z"
        event = {
            "type": type,
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {
                "subscription": {
                    "id": subscription or f"sub_{self.number}",
                    "version": version,
                    "customer": {"id": self.customer, "name": f"Client {self.number}"},
                    "status": status,
                    "billing_cycle": "monthly",
                    "items": [{"sku": sku, "quantity": quantity} for sku, quantity in items.items()],
                    "term": {"start": "2026-01-01", "end": "2199-12-31"},
                    "cancel_at": cancel_at.isoformat() if cancel_at else None,
                },
                "effective_at": effective,
            },
        }
        return json.dumps(event).encode()

    def deliver(self, event_id: str, body: bytes) -> int:
        """Send a signed body; returns the status of the answer."""
        return self.deployed.request(body, self.deployed.signed(event_id, body)).status

    def tell(self, version: int, items: Mapping[str, int], **more: Any) -> None:
        """Send a signed event that is taken in."""
        subscription = more.get("subscription") or f"sub_{self.number}"
        assert self.deliver(f"evt_{subscription}_{version}", self.body(version, items, **more)) == 202

    # -- What is

    def status(self) -> set[tuple[str, int, str]]:
        """(SKU, Timus's quantity, state) of each line, as `timus-autotask status` tells them."""
        lines = self.deployed.command("status", "--customer", self.customer)["lines"]
        return {(line["sku"], line["timus_quantity"], line["state"]) for line in lines}

    def at_rest(self) -> bool:
        """Whether everything that came for this client has been dealt with."""
        records = self.deployed.store.customer(self.customer)
        if records.inbox:
            return False
        contracts = records.mapping.value.contract_ids if records.mapping else ()
        works = [self.deployed.store.contract(contract).work.value for contract in contracts]
        return all(w.generation == w.converged and w.lease is None for w in works) and not self.open

    def rests(self, seconds: float = 60, *, sweep: bool = False) -> None:
        """Wait until it is at rest."""
        self.deployed.eventually(self.at_rest, seconds, sweep=sweep)

    @property
    def open(self) -> list[Line]:
        """Lines with a post whose outcome is not known."""
        return [s.value for s in self.deployed.store.contract(self.contract).lines.values() if s.value.intent]

    def line(self, sku: str) -> Line:
        """Our record of a line."""
        return self.deployed.store.contract(self.contract).lines[SERVICES[sku]].value

    def events(self) -> dict[str, EventRecord]:
        """The merged events of this client by their id."""
        found = [*self.deployed.store.events(), *self.deployed.store.parked_events()]
        return {event.event_id: event for event in found if event.customer_id == self.customer}

    def units(self, sku: str, on: date) -> int:
        """What Autotask bills on a day."""
        state = self.deployed.autotask("GET", "state")
        [contract] = [c for c in state["contracts"] if c["id"] == self.contract]
        units = 0
        for line in contract["lines"]:
            steps = [s["units"] for s in line["timeline"] if s["from"] <= on.isoformat()]
            units += steps[-1] if line["sku"] == sku and steps else 0
        return units

    def posts(self, outcome: str | None = None) -> list[tuple[str, int, date]]:
        """(SKU, units, day) of the adjustments that reached Autotask, in order of arrival."""
        skus = {service: sku for sku, service in SERVICES.items()}
        lines = {1200 + 2 * self.number: ADV, 1201 + 2 * self.number: GATEWAY}
        return [
            (
                skus[p["serviceID"]] if p["serviceID"] else lines.get(p["contractServiceID"], ESS),
                p["unitChange"],
                date.fromisoformat(p["effectiveDate"]),
            )
            for p in self.deployed.autotask("GET", "adjustments")
            if p["contractID"] == self.contract and outcome in (None, p["outcome"])
        ]

    def fault(self, kind: str, seconds: float = 0.2) -> None:
        """Let the next adjustment of this contract meet a fault."""
        body = {
            "kind": kind,
            "entity": "ContractServiceAdjustments",
            "contract_id": self.contract,
            "seconds": seconds,
        }
        self.deployed.autotask("POST", "faults", body)


def _answer(answer: Any) -> Answer:
    content = answer.read()
    return Answer(answer.status, json.loads(content) if content else None, dict(answer.headers.items()))
