"""The deployed template seen from outside: as Timus sends to it, as people see Autotask, and as an operator may look into it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.stack import STACK, LocalStack
from local.timus import change
from timus_autotask.cli import main
from timus_autotask.cli.deployment import find
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.store.contracts import put_contract_state
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.lines import put_line
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.timus.signatures import sign

SECOND = 8000
"""Number of the first client's second contract."""
ADV, ESS, GATEWAY = "SASE-ADV-USER", "SASE-ESS-USER", "SASE-GATEWAY"
SERVICES = {ADV: 45, ESS: 46, GATEWAY: 47}
CLIENTS, LEAPERS, WATCHERS = 40, 60, 15
"""Clients with a contract that began two months ago; with one that began on 31 January of a leap year; and with one whose next
billing period begins tomorrow."""
SETTLE_SECONDS = 2


_STARTED = datetime.now(UTC)
ZONE = "UTC" if _STARTED.hour < 12 else "Etc/GMT+11"
"""The partner's time zone: one with no midnight for the next eleven hours, because events and expectations name days."""


def day(offset: int) -> date:
    """A day counted from the partner's today, which stays the same for as long as the tests run."""
    return _STARTED.date() + timedelta(days=offset)


class Midnight(NamedTuple):
    """A midnight that can be made to come: the partner's zone before and after it, and the last day before it.

    Time cannot be moved on under deployed functions. But when the partner moves over the date line, a day is over for them.
    """

    before: str
    after: str
    eve: date

    @property
    def morning(self) -> date:
        """The day that begins."""
        return self.eve + timedelta(days=1)


MIDNIGHT = (
    Midnight(ZONE, "Pacific/Kiritimati", day(0))
    if _STARTED.hour >= 10
    else Midnight("Etc/GMT+12", "UTC", day(-1))
)
"""The one that can be had for two hours from now on, at least: from 10:00 UTC on it is tomorrow on Kiritimati, and until noon it is
yesterday far west."""


def _first_day(number: int) -> str:
    if number < CLIENTS:
        return "@month-2:1"
    if number < CLIENTS + LEAPERS:
        return "2024-01-31"
    morning = MIDNIGHT.morning
    if (morning.month, morning.day) == (2, 29):
        return date(morning.year, 1, 31).isoformat()  # its periods begin on 29 February, too
    return morning.replace(year=morning.year - 1).isoformat()


def tenant() -> dict[str, Any]:
    """A tenant with a contract for each test, each with 25 Advanced users and a gateway; and a second, empty one beside it."""
    company = {"companyType": 1, "isActive": True, "ownerResourceID": 1, "phone": "1"}
    service = {"billingCodeID": 9, "periodType": 2, "isActive": True, "unitPrice": 10}
    everybody = range(CLIENTS + LEAPERS + WATCHERS)
    return {
        "companies": [{"id": 600 + n, "companyName": f"Client {n}", **company} for n in everybody],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [{"id": n, "name": sku, "sku": sku, **service} for sku, n in SERVICES.items()],
        "contracts": [
            {
                "id": 7000 + n,
                "companyID": 600 + n,
                "contractName": f"SASE of client {n}",
                "startDate": _first_day(n),
                "endDate": "@month+9:last",
                "lines": [
                    {"id": 1200 + 2 * n, "serviceID": 45, "units": 25},
                    {"id": 1201 + 2 * n, "serviceID": 47, "units": 1},
                ],
            }
            for n in everybody
        ]
        + [
            {
                "id": SECOND + n,
                "companyID": 600 + n,
                "contractName": f"Branch of client {n}",
                "startDate": _first_day(n),
                "endDate": "@month+9:last",
            }
            for n in everybody
            if n >= CLIENTS
        ],
    }


class Answer(NamedTuple):
    """What a sender gets."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Deployed:
    """A stack that runs."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        with pytest.MonkeyPatch.context() as environment:
            for name, value in stack.environment().items():
                environment.setenv(name, value)
            self._found = find(STACK)
            self._found.caller()  # kept: it is asked with these credentials, and later ones are not there
        self.store = self._found.store
        self._clients = iter(range(CLIENTS))
        self._leapers = iter(range(CLIENTS, CLIENTS + LEAPERS))
        self._watchers = iter(range(CLIENTS + LEAPERS, CLIENTS + LEAPERS + WATCHERS))

    def close(self) -> None:
        """Close the connections of the operator's command."""
        self._found.close()

    def client(self, *, mapped: bool = True) -> Client:
        """A client that no other test has."""
        client = Client(self, next(self._clients))
        if mapped:
            client.map()
            client.rests()
        return client

    def leaper(self) -> Client:
        """A client of its own, not mapped yet, whose contract began on 31 January 2024."""
        return Client(self, next(self._leapers))

    def watcher(self) -> Client:
        """A client of its own, not mapped yet, whose next billing period begins at the next midnight."""
        return Client(self, next(self._watchers))

    @contextmanager
    def zone(self, name: str) -> Iterator[None]:
        """While this holds, the partner lives in another time zone."""
        functions = self.stack.client("lambda")
        former = {}
        for function in ("ApplyChanges", "Sweep"):
            known = self.stack.outputs[f"{function}Name"]
            variables = functions.get_function_configuration(FunctionName=known)["Environment"]["Variables"]
            if variables["PARTNER_TIME_ZONE"] == name:
                continue
            former[known] = variables
            moved = {"Variables": {**variables, "PARTNER_TIME_ZONE": name}}
            functions.update_function_configuration(FunctionName=known, Environment=moved)
        try:
            yield
        finally:
            for known, variables in former.items():
                functions.update_function_configuration(
                    FunctionName=known, Environment={"Variables": variables}
                )

    def command(self, *words: str) -> Any:
        """What `timus-autotask … --json` prints; given again while a change of another test settles, for nothing is previewed then."""
        until = time.monotonic() + 120
        while True:
            with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as said:
                status = main([*words, "--json"], lambda _: self._found)
            if status == 0:
                return json.loads(output.getvalue())
            assert "cannot be shown yet" in said.getvalue(), said.getvalue()
            assert time.monotonic() < until, said.getvalue()
            time.sleep(1)

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
        """The headers of a genuine delivery, by default now."""
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
        return self.kill("ApplyChanges")

    def kill(self, function: str) -> int:
        """SIGKILL the processes in which a function of this stack runs; returns how many there were."""
        mine = (
            f"AWS_LAMBDA_FUNCTION_NAME={self.stack.outputs[f'{function}Name']}",
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

    def map(self, *more: str, contract: int | None = None) -> None:
        """Send its units to its contract, or to another one."""
        ids = ("--company", str(self.company), "--contract", str(contract or self.contract))
        self.deployed.command("map", "customer", self.customer, *ids, *more)

    def has_been_mapped(self) -> None:
        """Its units go to its contract, as if an operator had mapped it before the first event."""
        routing = Routing((Route(self.company, self.contract),))
        self.deployed.store.commit(put_mapping(CustomerMapping(self.customer, (routing,)), 0))

    def terms(self, *orders: str) -> None:
        """Set terms for this client, as if they had always held."""
        self.deployed.command(
            "policy", "set", *orders, "--customer", self.customer, "--from", "always", "--unknown"
        )

    def approve(self, sku: str) -> None:
        """Let what is held go."""
        self.deployed.command("approve", str(self.contract), str(SERVICES[sku]))

    # -- What people do in Autotask

    def post_through(self, last: date) -> list[tuple[str, int, date]]:
        """Approve and post everything up to a day; returns what goes to billing: (SKU, units, day)."""
        body = {"contractID": self.contract, "through": last.isoformat()}
        new = self.deployed.autotask("POST", "approve", body)["billingItems"]
        skus = {line["id"]: line["sku"] for line in self._lines()}
        return [
            (skus[one["contractServiceID"]], int(float(one["quantity"])), date.fromisoformat(one["itemDate"]))
            for one in self.deployed.autotask("GET", f"billing?contract={self.contract}")
            if one["id"] in new
        ]

    def adjusted_by_hand(self, sku: str, on: date, units: int, **more: Any) -> None:
        """Somebody changes the units of a line."""
        [line] = [line["id"] for line in self._lines() if line["sku"] == sku]
        body = {"contractServiceID": line, "day": on.isoformat(), "unitChange": units, **more}
        self.deployed.autotask("POST", "person/adjust", body)

    def edited_by_hand(self, **fields: Any) -> None:
        """Somebody edits the contract."""
        self.deployed.autotask("POST", "person/contract", {"id": self.contract, **fields})

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
        name: str | None = None,
        term_end: date = date(2199, 12, 31),
        type: str = "subscription.updated",  # noqa: A002 - as the event names it
    ) -> bytes:
        """An event's body; the change holds from noon of a day on, by default today. One of a past day happened then."""
        noon = f"{on or day(0)}T12:00:00+00:00"
        return change(
            subscription or f"sub_{self.number}",
            version,
            self.customer,
            items,
            noon,
            type=type,
            timestamp=min(datetime.now(UTC), datetime.fromisoformat(noon)),
            customer_name=name or f"Client {self.number}",
            status=status,
            term=(date(2024, 1, 31), term_end),
            cancel_at=cancel_at,
        ).encode()

    def deliver(self, event_id: str, body: bytes) -> int:
        """Send a signed body; returns the status of the answer."""
        return self.deployed.request(body, self.deployed.signed(event_id, body)).status

    def tell(self, version: int, items: Mapping[str, int], **more: Any) -> None:
        """Send a signed event that is taken in."""
        subscription = more.get("subscription") or f"sub_{self.number}"
        assert self.deliver(f"evt_{subscription}_{version}", self.body(version, items, **more)) == 202

    # -- What is

    def status(self) -> set[tuple[str, int, str]]:
        """(SKU, Timus's quantity, state) of each line, as `timus-autotask status` shows them."""
        lines = self.deployed.command("status", "--customer", self.customer)["lines"]
        return {(line["sku"], line["timus_quantity"], line["state"]) for line in lines}

    def at_rest(self) -> bool:
        """Whether everything that came for this client has been dealt with."""
        records = self.deployed.store.customer(self.customer)
        if records.inbox:
            return False
        contracts = records.mapping.value.contract_ids if records.mapping else ()
        works = [self.deployed.store.contract(contract).state.value for contract in contracts]
        return all(w.generation == w.converged and w.lease is None for w in works) and not self.open

    def rests(self, seconds: float = 60, *, sweep: bool = False) -> None:
        """Wait until it is at rest."""
        self.deployed.eventually(self.at_rest, seconds, sweep=sweep)

    @property
    def open(self) -> list[Line]:
        """Lines with a post whose outcome is not known."""
        return [s.value for s in self.deployed.store.contract(self.contract).lines.values() if s.value.intent]

    def line(self, sku: str, contract: int | None = None) -> Line:
        """Our record of a line."""
        return self.deployed.store.contract(contract or self.contract).lines[SERVICES[sku]].value

    def reason(self, sku: str) -> str | None:
        """Why a line is parked, by the reason's code."""
        parked = self.line(sku).parked
        return parked.code if parked else None

    def looked_at_again(self) -> None:
        """Let the time come at which the contract is looked at again, in a quarter of an hour at the latest."""
        due_at = self.deployed.store.contract(self.contract).state.due_at
        assert due_at is not None
        assert due_at <= time.time() + 16 * 60
        self.comes_due(self.contract)
        self.deployed.stack.invoke("Sweep")

    def comes_due(self, contract: int) -> None:
        """Let the time come for which a contract waits."""
        now = datetime.now(UTC)
        known = self.deployed.store.contract(contract)
        waits = [s for s in known.lines.values() if s.value.refusal]
        changes = [put_contract_state(known.state.value, known.state.rev, now.replace(microsecond=0))]
        for stored in waits:
            refusal = stored.value.refusal and replace(stored.value.refusal, retry_at=now)
            changes.append(put_line(replace(stored.value, refusal=refusal), stored.rev))
        self.deployed.store.commit(*changes)

    def events(self) -> dict[str, EventRecord]:
        """The merged events of this client by their id."""
        found = [*self.deployed.store.events(), *self.deployed.store.parked_events()]
        return {event.event_id: event for event in found if event.customer_id == self.customer}

    def in_autotask(self, contract: int | None = None) -> Any:
        """A contract as Autotask's people see it."""
        state = self.deployed.autotask("GET", "state")
        [found] = [c for c in state["contracts"] if c["id"] == (contract or self.contract)]
        return found

    def _lines(self, contract: int | None = None) -> Any:
        return self.in_autotask(contract)["lines"]

    def units(self, sku: str, on: date, contract: int | None = None) -> int:
        """What Autotask bills on a day."""
        units = 0
        for line in self._lines(contract):
            steps = [s["units"] for s in line["timeline"] if s["from"] <= on.isoformat()]
            units += steps[-1] if line["sku"] == sku and steps else 0
        return units

    def posts(self, outcome: str | None = None, contract: int | None = None) -> list[tuple[str, int, date]]:
        """(SKU, units, day) of the adjustments that reached Autotask, in order of arrival."""
        skus = {service: sku for sku, service in SERVICES.items()}
        lines = {line["id"]: line["sku"] for line in self._lines(contract)}
        return [
            (
                skus[p["serviceID"]] if p["serviceID"] else lines[p["contractServiceID"]],
                p["unitChange"],
                date.fromisoformat(p["effectiveDate"]),
            )
            for p in self.deployed.autotask("GET", "adjustments")
            if p["contractID"] == (contract or self.contract) and outcome in (None, p["outcome"])
        ]

    def fault(self, kind: str, seconds: float = 0.2, **more: Any) -> None:
        """Let the next adjustment of this contract meet a fault."""
        body = {
            "kind": kind,
            "entity": "ContractServiceAdjustments",
            "contract_id": self.contract,
            "seconds": seconds,
            **more,
        }
        self.deployed.autotask("POST", "faults", body)


def _answer(answer: Any) -> Answer:
    content = answer.read()
    return Answer(answer.status, json.loads(content) if content else None, dict(answer.headers.items()))
