"""Rounds of killing: webhooks in, workers dead in the middle of it, and the books compared when everything is at rest."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from local.stack import LocalStack
from local.timus import change
from tests.processes.story import ADV, BEFORE, ESS, GATEWAY, SKUS, Story, story
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.aws.sqs import SqsWakeUps
from timus_autotask.domain.line import Answer, State
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.records import Store
from timus_autotask.timus.signatures import sign
from timus_autotask.watch.status import Status, gather, status_of

CLIENTS = 3
"""Clients of a round; no other round has them."""
SETTLE_SECONDS = 3
HELD_SECONDS = 4.0
"""How long the simulator keeps an answer to itself, so that a kill can fall into the POST."""
LATENCY_MS = 40
"""How long every other call of the simulator takes, so that a kill at a random moment falls into calls too."""
FAULTS = ("slow", "slow", "timeout_before", "timeout_after", "land_late")
"""What becomes of a POST whose sender is killed: it has taken effect, it never does, or it does later."""
WORKERS = ("ApplyChanges", "Sweep")
QUICK_TIMEOUTS = {"ApplyChanges": 36, "Sweep": 40}
"""Seconds; with these a dead worker's lease ends sooner than the template's do. Nothing else of the deployment differs."""
SERVICES = {ADV: 45, ESS: 46, GATEWAY: 47}


@dataclass
class Client:
    """A client of the partner, its story, and where it is in Autotask."""

    number: int
    story: Story

    @property
    def customer(self) -> str:
        """Its id in Timus."""
        return f"cus_{self.number}"

    @property
    def contract(self) -> int:
        """Its contract in Autotask."""
        return 10_000 + self.number


@dataclass
class Killing:
    """One round: what was killed, and in the middle of what."""

    number: int
    aimed: bool
    """At a POST, not at a random moment."""
    fault: str = ""
    """What a POST of one of its clients meets."""
    killed: int = 0
    """Processes."""
    during_post: list[str] = field(default_factory=list)
    """The fates of the POSTs, of this round's clients or others', that had left and whose answer had not come: the simulator had
    them, and the line's intent was open without an answer."""
    waiting: int = 0
    """Clients of the round whose events were not merged yet."""
    working: int = 0
    """Contracts of the round that a worker was at."""
    clients: list[Client] = field(default_factory=list)


@dataclass
class Outcome:
    """All rounds."""

    rounds: list[Killing] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Every difference between the books."""
    seconds: float = 0.0
    rest_seconds: float = 0.0
    """From the last kill until everything was at rest."""
    idle: int = 0
    """Kills that found nothing in flight; they are no rounds."""
    posts: Counter[str] = field(default_factory=Counter)
    """Adjustments that reached Autotask, by what became of them."""
    lines: int = 0
    days: int = 0
    """Line days that were compared."""
    dead_letters: int = 0


def tenant(clients: int) -> dict[str, Any]:
    """A tenant with a contract for each client: 25 Advanced users and a gateway, from two months ago on."""
    company = {"companyType": 1, "isActive": True, "ownerResourceID": 1, "phone": "1"}
    service = {"billingCodeID": 9, "periodType": 2, "isActive": True, "unitPrice": 10}
    return {
        "companies": [{"id": 10_000 + n, "companyName": f"Client {n}", **company} for n in range(clients)],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [{"id": n, "name": sku, "sku": sku, **service} for sku, n in SERVICES.items()],
        "contracts": [
            {
                "id": 10_000 + n,
                "companyID": 10_000 + n,
                "contractName": f"SASE of client {n}",
                "startDate": "@month-2:1",
                "endDate": "@month+2:last",
                "lines": [
                    {"id": 20_000 + 2 * n, "serviceID": SERVICES[ADV], "units": BEFORE[ADV]},
                    {"id": 20_001 + 2 * n, "serviceID": SERVICES[GATEWAY], "units": BEFORE[GATEWAY]},
                ],
            }
            for n in range(clients)
        ],
        # Its limits on requests would only make the run longer: the worker backs off for a minute each time.
        "switches": {"latency_ms": LATENCY_MS, "threshold": 0, "max_threads": 0},
    }


def run(
    rounds: int,
    seed: int,
    folder: Path,
    *,
    quick: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Kill in as many rounds, wait until everything is at rest, and compare the books.

    ``folder`` is the caller's; it gets the stack's logs. ``quick`` deploys shorter time-outs of functions and messages.
    """
    spare = rounds // 2 + 4  # for kills that find nothing in flight
    scenario = folder / "tenant.json"
    scenario.write_text(json.dumps(tenant((rounds + spare) * CLIENTS)))
    with LocalStack(
        0,
        scenario=str(scenario),
        settle_seconds=SETTLE_SECONDS,
        run_dir=folder / "run",
        progress=progress,
    ) as stack:
        arena = _Arena(stack, seed)
        if quick:
            arena.hurry()
        return arena.run(rounds, rounds + spare, progress)


class _Arena:
    """A stack whose workers are killed."""

    def __init__(self, stack: LocalStack, seed: int) -> None:
        self._stack = stack
        self._seed = seed
        self._store = Store(DynamoTable(stack.client("dynamodb"), stack.outputs["TableName"]))
        self._wake_ups = SqsWakeUps(stack.client("sqs"), stack.outputs["QueueUrl"])
        self._orphans: set[int] = set()
        """POSTs whose senders were killed, by their number."""
        self._names = {stack.outputs[f"{function}Name"] for function in WORKERS}

    def hurry(self) -> None:
        """Shorten what a dead worker leaves behind: its lease, and its messages' invisibility."""
        functions = self._stack.client("lambda")
        for function, seconds in QUICK_TIMEOUTS.items():
            name = self._stack.outputs[f"{function}Name"]
            functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        self._stack.client("sqs").set_queue_attributes(
            QueueUrl=self._stack.outputs["QueueUrl"],
            Attributes={"VisibilityTimeout": str(QUICK_TIMEOUTS["ApplyChanges"] + 4)},
        )

    def run(self, rounds: int, most: int, progress: Callable[[str], None]) -> Outcome:
        """All rounds, one after the other, while those before are still recovering."""
        outcome = Outcome()
        began = time.monotonic()
        clients: list[Client] = []
        for number in range(most):
            killing = self._round(number)
            clients += killing.clients
            if killing.killed and (killing.during_post or killing.waiting or killing.working):
                outcome.rounds.append(killing)
            else:
                outcome.idle += 1
            progress(
                f"{len(outcome.rounds)} of {rounds} rounds, {sum(bool(k.during_post) for k in outcome.rounds)} during a POST"
            )
            if len(outcome.rounds) == rounds:
                break
        last = time.monotonic()
        progress("waiting for rest")
        status = self._rest(progress)
        outcome.rest_seconds = time.monotonic() - last
        self._compare(clients, status, outcome)
        outcome.dead_letters = self._waiting("DeadLetterQueueUrl")
        outcome.seconds = time.monotonic() - began
        return outcome

    # -- One round

    def _round(self, number: int) -> Killing:
        dice = random.Random(f"{self._seed}/{number}")
        today = datetime.now(UTC).date()
        clients = [Client(number * CLIENTS + n, story(dice, today)) for n in range(CLIENTS)]
        killing = Killing(number, aimed=dice.random() < 0.6, clients=clients)
        for client in clients:
            routing = Routing((Route(client.contract, client.contract),))
            self._store.commit(put_mapping(CustomerMapping(client.customer, (routing,)), 0))
        if killing.aimed:
            killing.fault = dice.choice(FAULTS)
            fault = {
                "kind": killing.fault,
                "entity": "ContractServiceAdjustments",
                "contract_id": dice.choice(clients).contract,
                "seconds": HELD_SECONDS,
                "after": dice.choice((0, 0, 1)),
            }
            self._control("POST", "faults", fault)
        self._tell(clients)
        if killing.aimed:
            self._until_a_post(30.0)
            time.sleep(dice.uniform(0, 0.5))
        else:
            time.sleep(dice.uniform(0, 5.0))
        self._kill(killing)
        return killing

    def _tell(self, clients: Sequence[Client]) -> None:
        """Deliver every client's story, clients side by side, each story in its own order."""
        with ThreadPoolExecutor(len(clients)) as threads:
            list(threads.map(self._tell_one, clients))

    def _tell_one(self, client: Client) -> None:
        for number, told in enumerate(client.story.deliveries):
            body = change(
                f"sub_{client.number}",
                told.version,
                client.customer,
                told.items,
                f"{told.day}T00:00:01Z",
                customer_name=f"Client {client.number}",
                term=(date(2026, 1, 1), date(2199, 12, 31)),
            ).encode()
            headers = sign(
                f"evt_{client.number}_{number}", int(time.time()), body, self._stack.webhook_secret
            )
            headers["content-type"] = "application/json"
            request = urllib.request.Request(self._stack.webhook_url, body, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 202

    def _until_a_post(self, seconds: float) -> None:
        """Return as soon as a POST that is not answered has reached the simulator, or when time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._in_flight():
            time.sleep(0.03)

    def _in_flight(self) -> list[dict[str, Any]]:
        """POSTs that arrived within the time for which the simulator keeps silent, and whose senders have not been killed."""
        recently = datetime.now(UTC) - timedelta(seconds=HELD_SECONDS)
        return [
            post
            for post in self._adjustments()[-20:]
            if post["fault"]
            and post["number"] not in self._orphans
            and datetime.fromisoformat(post["receivedAt"]) > recently
        ]

    def _kill(self, killing: Killing) -> None:
        """SIGKILL every worker process, then see what they left in the middle."""
        posts = self._in_flight()
        for _ in range(100):
            killing.killed = self._kill_workers()
            if killing.killed:
                break
            time.sleep(0.02)
        for post in posts:
            self._orphans.add(post["number"])
            lines = self._store.contract(post["contractID"]).lines.values()
            opened = [stored.value.intent for stored in lines]
            if any(intent is not None and intent.answer is Answer.UNKNOWN for intent in opened):
                killing.during_post.append(post["fault"])
        for client in killing.clients:
            killing.waiting += bool(self._store.customer(client.customer).inbox)
            killing.working += self._store.contract(client.contract).state.value.lease is not None

    def _kill_workers(self) -> int:
        """The processes of this stack's workers: the emulator starts them with the function's name in their environment."""
        emulator = f"AWS_ENDPOINT_URL={self._stack.endpoint_url}"
        names = {f"AWS_LAMBDA_FUNCTION_NAME={name}" for name in self._names}
        killed = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone, or somebody else's
                environment = set((process / "environ").read_text(errors="replace").split("\0"))
                if emulator in environment and environment & names:
                    os.kill(int(process.name), signal.SIGKILL)
                    killed += 1
        return killed

    # -- Rest, and the books

    def _rest(self, progress: Callable[[str], None]) -> Status:
        """Wait until nothing is outstanding, as `timus-autotask status` shows it."""
        deadline = time.monotonic() + 15 * 60
        while True:
            records = gather(self._store, lambda: self._waiting("QueueUrl"))
            status = status_of(records, datetime.now(UTC), ZoneInfo("UTC"))
            if status.at_rest:
                return status
            if time.monotonic() > deadline:
                raise TimeoutError("; ".join(status.outstanding))
            progress("; ".join(status.outstanding))
            time.sleep(5)

    def _compare(self, clients: Sequence[Client], status: Status, outcome: Outcome) -> None:
        """Every line on every day, and every adjustment: what Autotask bills and what Timus said."""
        contracts = {contract["id"]: contract for contract in self._control("GET", "state")["contracts"]}
        posts = self._adjustments()
        outcome.posts = Counter(post["outcome"] for post in posts)
        states = {(line.customer, line.sku): line.state for line in status.lines}
        skus = {number: sku for sku, number in SERVICES.items()}
        committed: dict[int, list[tuple[str, int, date]]] = {}
        for post in posts:
            if post["outcome"] == "committed":
                lines = contracts[post["contractID"]]["lines"]
                sku = skus.get(post["serviceID"]) or next(
                    line["sku"] for line in lines if line["id"] == post["contractServiceID"]
                )
                day = date.fromisoformat(post["effectiveDate"])
                committed.setdefault(post["contractID"], []).append((sku, post["unitChange"], day))
        today = datetime.now(UTC).date()
        for client in clients:
            bills = _bills(contracts[client.contract])
            first = min(told.day for told in client.story.deliveries)
            # What came in the wrong order may have been superseded: only from today on it has to be as Timus says.
            since = first - timedelta(days=5) if client.story.in_order else today
            for sku in SKUS:
                outcome.lines += 1
                for day in (since + timedelta(days=n) for n in range((today - since).days + 30)):
                    outcome.days += 1
                    if bills(sku, day) != client.story.units(sku, day):
                        outcome.wrong.append(
                            f"{client.customer} {sku} {day}: Autotask bills {bills(sku, day)}, "
                            f"Timus says {client.story.units(sku, day)} ({client.story})"
                        )
                        break
                state = states.get((client.customer, sku), State.APPLIED)
                if state is not State.APPLIED:
                    outcome.wrong.append(f"{client.customer} {sku} is {state} ({client.story})")
            done = Counter(committed.get(client.contract, []))
            twice = [entry for entry, times in done.items() if times > 1]
            if twice or (client.story.in_order and done != client.story.steps()):
                outcome.wrong.append(
                    f"{client.customer}: posted {dict(done)}, needed {dict(client.story.steps())}"
                )

    # -- The stack

    def _control(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._stack.autotask_control_url}/{route}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _adjustments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._control("GET", "adjustments")
        return found

    def _waiting(self, output: str) -> int:
        names = ("", "NotVisible", "Delayed")
        answer = self._stack.client("sqs").get_queue_attributes(
            QueueUrl=self._stack.outputs[output], AttributeNames=["All"]
        )
        return sum(int(answer["Attributes"][f"ApproximateNumberOfMessages{name}"]) for name in names)


def _bills(contract: Mapping[str, Any]) -> Callable[[str, date], int]:
    """The units that a contract bills by SKU and day, all lines of a service together."""

    def units(sku: str, day: date) -> int:
        total = 0
        for line in contract["lines"]:
            if line["sku"] == sku:
                steps = [step["units"] for step in line["timeline"] if step["from"] <= day.isoformat()]
                total += steps[-1] if steps else 0
        return total

    return units
