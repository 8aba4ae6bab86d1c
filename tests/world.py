"""The whole product in one process: real use cases over fakes, and the Autotask simulator behind the real client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from local.autotask.api import AutotaskApi
from local.autotask.control import Control
from local.autotask.faults import NeverSent
from local.autotask.faults import NoAnswer as LostAnswer
from local.timus import change
from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.memory_secrets import WEBHOOK_SECRET, MemorySecrets
from tests.fakes.memory_table import MemoryTable
from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.bootstrap import autotask_client
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import Alias, CustomerMapping, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.stage import Stage
from timus_autotask.store.contracts import ContractNames, put_names
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.partner import put_plan
from timus_autotask.store.terms import put_stage
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.receive import HttpRequest, ReceivePorts, receive
from timus_autotask.sync.sweep import sweep
from timus_autotask.timus.signatures import sign

CUSTOMER, COMPANY, CONTRACT = "cus_41d0", 600, 29683949
ADV, ESS, GATEWAY = "SASE-ADV-USER", "SASE-ESS-USER", "SASE-GATEWAY"
AUTOTASK = "https://autotask.test/ATServicesRest"
SERVICES = {ADV: 45, ESS: 46, GATEWAY: 47}

SCENARIO: Mapping[str, Any] = {
    "companies": [
        {
            "id": 600,
            "companyName": "Contoso Dental",
            "companyType": 1,
            "isActive": True,
            "ownerResourceID": 1,
            "phone": "1",
        },
        {
            "id": 601,
            "companyName": "Fabrikam",
            "companyType": 1,
            "isActive": True,
            "ownerResourceID": 1,
            "phone": "2",
        },
    ],
    "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
    "services": [
        {
            "id": n,
            "name": sku,
            "sku": sku,
            "billingCodeID": 9,
            "periodType": 2,
            "isActive": True,
            "unitPrice": price,
        }
        for n, sku, price in ((45, ADV, 12.5), (46, ESS, 8.5), (47, GATEWAY, 45))
    ],
    "contracts": [
        {
            "id": CONTRACT,
            "companyID": COMPANY,
            "contractName": "Contoso SASE",
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
            "lines": [{"id": 1201, "serviceID": 45, "units": 25}, {"id": 1202, "serviceID": 47, "units": 1}],
        },
        {
            "id": 29683950,
            "companyID": 601,
            "contractName": "Fabrikam SASE",
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
        },
    ],
}


def is_read(method: str, url: str) -> bool:
    """Whether a request to Autotask changes nothing: ``GET``, and a query, or its next page, that is sent as ``POST``."""
    return method == "GET" or (method == "POST" and urlsplit(url).path.endswith(("/query", "/query/next")))


FORBIDDEN: list[tuple[str, str]] = []
"""Writes that came to a simulator while nobody was live. After each test it must be empty: see ``tests/conftest.py``."""


class InProcess:
    """A transport into the simulator, without sockets."""

    def __init__(self, api: AutotaskApi, may_write: Callable[[], bool] = lambda: True) -> None:
        self.api = api
        self.may_write = may_write
        self.writes: list[tuple[str, str]] = []
        """(method, path) of every request that may change anything: the guard that shows that what observes only reads."""

    def __call__(self, request: Request) -> Response:
        if not is_read(request.method, request.url):
            self.writes.append((request.method, urlsplit(request.url).path))
            if not self.may_write():
                FORBIDDEN.append(self.writes[-1])
        try:
            reply = self.api.handle(request.method, request.url, request.headers, request.body)
        except NeverSent as error:
            raise NotSent(str(error)) from error
        except LostAnswer as error:
            raise NoAnswer(str(error)) from error
        if reply.truncated:
            raise NoAnswer("the answer broke off")
        return Response(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.body)


@dataclass
class World:
    """One partner with one client, by default on 15 March 2026."""

    start: datetime = datetime(2026, 3, 15, 9, 12, 44, tzinfo=UTC)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    scenario: Mapping[str, Any] = field(default_factory=lambda: SCENARIO)
    settle: timedelta = timedelta(minutes=15)
    live: bool | None = True
    """Whether it begins live, or observes; None: nobody has decided yet, as on a stack that was just deployed."""

    def __post_init__(self) -> None:
        self.clock = VirtualClock(self.start)
        self.table = MemoryTable()
        if self.live is not None:
            self.table.write([put_stage(None, Stage(self.live), 0)])
        self.queue = MemoryQueue(self.clock)
        self.secrets = MemorySecrets(self.clock)
        self.api = AutotaskApi(clock=lambda: self.clock.now().timestamp())
        self.control = Control(self.api)
        self.control.load(self.scenario)
        self.transport = InProcess(self.api, self._anybody_is_live)
        client, refused = autotask_client(self.transport, self.secrets, AUTOTASK)
        self.happened: list[tuple[str, dict[str, Any]]] = []
        self.ports = Ports(
            table=self.table,
            autotask=client,
            credentials_refused=refused,
            clock=self.clock,
            zone=self.zone,
            settle=self.settle,
            on_event=lambda name, **fields: self.happened.append((name, fields)),
        )
        self.receive_ports = ReceivePorts(
            table=self.table,
            wake_ups=self.queue,
            secrets=self.secrets,
            clock=self.clock,
            quiet_seconds=0,
            tolerance_seconds=300,
        )

    def _anybody_is_live(self) -> bool:
        return any(document.data["live"] for document in self.table.list("stage"))

    # -- What people do

    def map_customer(
        self, customer: str = CUSTOMER, company: int = COMPANY, contract: int = CONTRACT, **more: Any
    ) -> None:
        """Map a customer to one contract."""
        records = self.ports.store.customer(customer)
        # `tell` calls every customer Contoso Dental: whoever maps here has seen that.
        more.setdefault("aliases", () if company == COMPANY else (Alias("Contoso Dental", company),))
        mapping = CustomerMapping(customer, (Routing((Route(company, contract),)),), **more)
        self.ports.store.commit(
            put_mapping(mapping, records.mapping.rev if records.mapping else 0),
            *wake_contracts(customer, mapping.contract_ids, self.ports),
        )
        self._name(company, contract)
        self.queue.send(customer, f"map-{self.clock.now().isoformat()}")

    def _name(self, company: int, contract: int) -> None:
        """Keep how they are called, as mapping does."""
        known = self.ports.store.names(contract)
        named = {kind: {one["id"]: one for one in self.scenario[kind]} for kind in ("companies", "contracts")}
        names = ContractNames(
            contract,
            named["contracts"].get(contract, {}).get("contractName", ""),
            company,
            named["companies"].get(company, {}).get("companyName", ""),
            at=self.clock.now(),
        )
        self.ports.store.commit(put_names(names, known.rev))

    def map_plan(self, sku: str, service: int) -> None:
        """Choose the service of a SKU."""
        plan = self.ports.store.partner().plans.get(sku)
        choice = PlanMapping(sku, (ServiceChoice(service),))
        self.ports.store.commit(put_plan(choice, plan.rev if plan else 0, self.clock.now()))

    # -- What Timus does

    def tell(
        self,
        version: int,
        items: Mapping[str, int],
        *,
        effective: datetime | None = None,
        occurred: datetime | None = None,
        status: str = "active",
        cancel_at: date | None = None,
        customer: str = CUSTOMER,
        subscription: str = "sub_8f2c1a",
        term_end: date = date(2026, 12, 31),
        event_id: str | None = None,
        type: str = "subscription.updated",  # noqa: A002 - as the event names it
        before: bytes = b"",
        customer_name: str = "Contoso Dental",
        customer_domain: str = "contoso-dental.example",
        actor: str = "j.doe@msp.example",
    ) -> int:
        """Send a signed webhook, with ``before`` in front of its JSON; returns the status of the answer.

        Without ``occurred`` it tells of something that happens now.
        """
        event = change(
            subscription,
            version,
            customer,
            items,
            effective or self.clock.now(),
            type=type,
            timestamp=occurred or self.clock.now(),
            customer_name=customer_name,
            customer_domain=customer_domain,
            status=status,
            term=(date(2026, 1, 1), term_end),
            cancel_at=cancel_at,
            actor=actor,
        )
        body = before + event.encode()
        headers = sign(
            event_id or f"{subscription}-v{version}", int(self.clock.now().timestamp()), body, WEBHOOK_SECRET
        )
        request = HttpRequest(
            "POST", "/webhooks/timus", {**headers, "content-type": "application/json"}, body
        )
        return receive(request, self.receive_ports).status

    # -- What time does

    @property
    def deadline(self) -> datetime:
        """When a function that starts now is dead."""
        return self.clock.now() + timedelta(seconds=60)

    def work(self) -> None:
        """Deliver every wake-up."""
        while received := self.queue.receive(10):
            for message in received:
                apply_customer(json.loads(message.body)["customer"], self.ports, self.deadline)
                self.queue.delete(message.receipt)

    def sweep(self) -> int:
        """One tick of the schedule."""
        return sweep(self.ports, self.deadline)

    def pass_time(self, **delta: float) -> None:
        """Let time pass, with a sweep at its end."""
        self.clock.advance(timedelta(**delta).total_seconds())
        self.sweep()

    # -- What is

    def units(self, sku: str, day: date, contract: int = CONTRACT) -> int:
        """What the simulated Autotask bills."""
        model = self.api.model
        self.api.tick()
        line = model.find_line(contract, SERVICES[sku])
        return line.units_on(day.toordinal()) if line else 0

    def posted(self) -> list[tuple[int, int, str]]:
        """(service, units, day) of every adjustment that took effect, in order."""
        self.api.tick()
        return [
            (p.service_id or 0, p.unit_change, date.fromordinal(p.day or 1).isoformat())
            for p in self.api.postings
            if p.committed
        ]

    def line(self, sku: str, contract: int = CONTRACT) -> Line:
        """Our record of a line."""
        return self.ports.store.contract(contract).lines[SERVICES[sku]].value
