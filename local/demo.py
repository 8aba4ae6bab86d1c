"""A billing period of two sample clients, played through the whole product on one machine, with a verdict at the end.

    python -m local.demo

Timus's events are signed and sent over HTTP by the operator's own command; what reached Autotask is read from the simulator's
own books, never from the product's; what Timus says is kept here by rules of this file's own. The exit status is 0 only if
every answer, every adjustment and every day of every line is as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from local.emulator import ROOT, StartFailed, keep_to_this_machine
from local.narration import Narrator
from local.stack import STACK, LocalStack, interrupt_once
from local.timus import change
from timus_autotask.cli.deployment import find
from timus_autotask.operate.deployment import Deployment
from timus_autotask.watch.status import Status, gather, status_of

SCENARIO = ROOT / "local" / "autotask" / "scenarios" / "demo.json"
INTO_THE_PERIOD = 19
"""Today is this many days after the first day of the billing period, whatever the date is."""
PATIENCE = 60.0
"""Seconds in which a change must have arrived."""

ADV, ESS, GATEWAY = "SASE-ADV-USER", "SASE-ESS-USER", "SASE-GATEWAY"
COMMAND = "import sys; from timus_autotask.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the sample partner, in Timus and in Autotask."""

    name: str
    customer: str
    subscription: str
    company: int
    contract: int


CONTOSO = Client("Contoso Dental", "cus_contoso_dental", "sub_contoso", 600, 29683949)
FABRIKAM = Client("Fabrikam Logistics", "cus_fabrikam", "sub_fabrikam", 601, 29683948)

Units = Mapping[str, int]
"""Quantity by SKU."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a subscription in Timus."""

    client: Client
    version: int
    day: date
    items: Units
    type: str = "subscription.updated"
    hour: int = 12

    @property
    def id(self) -> str:
        """The webhook-id: the same on each delivery."""
        return f"evt_{self.client.subscription}_{self.version}"

    @property
    def body(self) -> str:
        """The body as Timus sends it."""
        return change(
            self.client.subscription,
            self.version,
            self.client.customer,
            self.items,
            f"{self.day}T{self.hour:02}:00:00Z",
            type=self.type,
            customer_name=self.client.name,
            term=(date(self.day.year - 1, 1, 1), date(self.day.year + 2, 12, 31)),
            actor="admin@msp.example",
        )


@dataclass(frozen=True, slots=True)
class Post:
    """An adjustment as Autotask got it."""

    contract: int
    sku: str
    day: date
    delta: int


Key = tuple[int, str]
"""A line: contract and SKU."""
Steps = Sequence[tuple[date, int]]
"""First days and the units from them on."""


class Failed(Exception):
    """The demo cannot go on; the message says why."""


@dataclass
class Books:
    """What Autotask has, as the simulator itself keeps it."""

    names: dict[str, str]
    lines: dict[Key, Steps]

    @property
    def in_order(self) -> list[Key]:
        """The lines, client by client."""
        return sorted(self.lines, key=lambda key: (client_of(key[0]).name, key[1]))

    def on(self, key: Key, day: date) -> int:
        """The units of a line on a day."""
        return units_on(self.lines.get(key, ()), day)


def units_on(steps: Steps, day: date) -> int:
    """The units of the last step that has begun."""
    return next((units for first, units in reversed(steps) if first <= day), 0)


@dataclass
class Demo:
    """The play, and how it went."""

    narrator: Narrator
    today: date
    folder: Path
    sent: int = 0
    number: int = 0
    failures: list[str] = field(default_factory=list)
    reported: dict[Client, list[Event]] = field(default_factory=dict)
    seen: int = 0
    """Adjustments that were shown already."""
    observes: bool = False
    """Nothing is written to Autotask until go-live, after the last scene."""
    held: list[Post] = field(default_factory=list)
    """What go-live will make."""

    # -- The calendar

    def day(self, ago: int) -> date:
        """A day before today; a negative number is a day after it."""
        return self.today - timedelta(days=ago)

    @property
    def period(self) -> date:
        """The first day of the current billing period."""
        return self.day(INTO_THE_PERIOD)

    @property
    def span(self) -> list[date]:
        """Every day of the current and the next billing period."""
        days = (self.period_start(2) - self.period).days
        return [self.period + timedelta(days=n) for n in range(days)]

    def period_start(self, number: int) -> date:
        """The first day of a billing period: 0 the current one, 1 the next."""
        year, month = divmod(self.period.year * 12 + self.period.month - 1 + number, 12)
        return date(year, month + 1, min(self.period.day, monthrange(year, month + 1)[1]))

    def tenant(self) -> dict[str, Any]:
        """The sample tenant, with contracts whose billing periods begin on ``period``'s day of the month.

        They start in a December, which has every day of the month, so that this works in each month.
        """
        document: dict[str, Any] = json.loads(SCENARIO.read_text(encoding="utf-8"))
        start = date(self.period.year - 1, 12, self.period.day)
        end = date(self.period.year + 1, 12, self.period.day) - timedelta(days=1)
        for contract in document["contracts"]:
            contract |= {"startDate": start.isoformat(), "endDate": end.isoformat()}
        return document

    # -- The play

    def play(self, then: Callable[[Deployment], None] | None = None) -> bool:
        """Start everything, play each scene, compare. True: all is as it should be.

        ``then`` is given the deployment before all of it is stopped.
        """
        self.title()
        scenario = self.folder / "tenant.json"
        scenario.write_text(json.dumps(self.tenant()), encoding="utf-8")
        with LocalStack(
            0, scenario=str(scenario), observe=self.observes, progress=self.narrator.progress
        ) as stack:
            self.stack = stack
            self.environment = {
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core"))),
                "LANG": "C.UTF-8",
                **stack.environment(),
            }
            os.environ.update(stack.environment())  # this process is an operator too
            self.found = find(STACK)
            self.first = self.books()
            self.open()
            self.scenes()
            if self.observes:
                self.go_live()
            right = self.verdict()
            if then is not None:
                then(self.found)
            else:
                self.narrator.say(
                    "open the console on these clients: make console; on your own stack: timus-autotask console"
                )
            return right

    def scenes(self) -> None:
        """The period as it happens."""
        gateway = {GATEWAY: 1}
        up = Event(CONTOSO, 2, self.day(16), {ADV: 17, **gateway})
        down = Event(CONTOSO, 3, self.day(13), {ADV: 15, **gateway})
        wrong = Event(CONTOSO, 4, self.day(9), {ADV: 18, **gateway}, hour=10)
        right = Event(CONTOSO, 5, self.day(9), {ADV: 20, **gateway}, hour=11)
        plan = Event(CONTOSO, 6, self.day(6), {ESS: 20, **gateway}, "subscription.plan_changed")
        forged = Event(CONTOSO, 7, self.day(2), {ESS: 500, **gateway})
        later = Event(CONTOSO, 7, self.day(-5), {ESS: 22, **gateway})
        more = Event(FABRIKAM, 4, self.day(4), {ESS: 31})

        self.scene("Seats up", f"{CONTOSO.name} went from 12 to 17 Advanced users on {short(up.day)}.")
        self.send(up)
        self.expect(Post(CONTOSO.contract, ADV, up.day, +5))

        self.scene("Seats down", f"Two users left on {short(down.day)}: 15 remain.")
        self.send(down)
        self.expect(Post(CONTOSO.contract, ADV, down.day, -2))

        self.scene(
            "The same webhook again",
            "Timus delivers twice when an answer is lost. Nobody may be billed twice.",
        )
        self.send(down, new=False)
        self.expect()

        self.scene(
            "Out of order",
            f"On {short(right.day)} somebody set 18 users and an hour later 20. The second message arrives first.",
        )
        self.send(right)
        self.expect(Post(CONTOSO.contract, ADV, right.day, +5))
        self.narrator.say(
            "Now the first one, late. It is older than what is billed already, so it changes nothing."
        )
        self.send(wrong)
        self.expect()

        self.scene(
            "A plan change",
            f"On {short(plan.day)} all 20 users moved from Advanced to Essential. The old plan comes down before the new "
            "one goes up; the contract had no Essential line until now.",
        )
        self.send(plan)
        self.expect(
            Post(CONTOSO.contract, ADV, plan.day, -20),
            Post(CONTOSO.contract, ESS, plan.day, +20),
        )

        self.scene(
            "A forgery", "Somebody without the secret claims 500 users. It is refused, and nothing is stored."
        )
        self.forge(forged)

        self.scene(
            "A client that nobody has mapped",
            f"{FABRIKAM.name} went from 25 to 31 users on {short(more.day)}, but no contract is named for it yet.",
        )
        self.send(more)
        self.expect()
        self.parked(FABRIKAM)
        self.map(FABRIKAM)
        self.expect(Post(FABRIKAM.contract, ESS, more.day, +6))

        self.scene(
            "A change for a later day",
            f"Two more users will start on {short(later.day)}. The change waits: no adjustment is made before its day.",
        )
        self.send(later)
        self.expect()

    def go_live(self) -> None:
        """What was held back until now is shown, and made."""
        self.scene(
            "Go live",
            "Until now Autotask was only read. What would have been adjusted is shown first, and then made, each from its own day.",
        )
        totals = self.command("preview")["totals"]
        self.narrator.fact(
            "Preview",
            f"{many(totals['lines'], 'line')}, +{totals['units_up']} and -{totals['units_down']} units",
        )
        self.command("go-live", "--yes")
        self.observes = False
        self.expect(*self.held)

    # -- What people do

    def send(self, event: Event, *, new: bool = True) -> None:
        """Let Timus deliver an event, and show the answer."""
        file = self.folder / f"{event.id.removeprefix('evt_sub_')}.json"
        file.write_text(event.body, encoding="utf-8")
        if new:
            self.reported.setdefault(event.client, []).append(event)
        answer = self.command("send", file.name, "--id", event.id)
        self.sent += 1
        self.answered(answer.get("status"), answer.get("answer", ""), 202)

    def forge(self, event: Event) -> None:
        """Post an event without a signature; everything must stay as it was."""
        before = self.footprint()
        self.narrator.command(f"POST {self.stack.webhook_url} without a signature")
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.stack.webhook_url, event.body.encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own address
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        after = self.footprint()
        self.sent += 1
        self.answered(status, text, 401)
        self.check(before == after, "the table and the queue are as they were", "it left something behind")
        self.expect()

    def map(self, client: Client) -> None:
        """Name the contract of a client."""
        ids = ("--company", str(client.company), "--contract", str(client.contract))
        self.command("map", "customer", client.customer, *ids)

    def parked(self, client: Client) -> None:
        """Show why a client's change waits, as the product itself says it."""
        lines = self.command("status", "--customer", client.customer)["lines"]
        states = {line["state"] for line in lines}
        for line in lines:
            self.narrator.fact("Parked", line["reason"] or "")
            self.narrator.fact("Remedy", line["remedy"] or "")
        self.check(
            states == {"parked"}, "kept, and shown with what to do about it", f"it is {states or 'not shown'}"
        )

    # -- What is shown and compared

    def title(self) -> None:
        """Say what this is."""
        self.narrator.title("Timus seats → Autotask contracts")
        self.narrator.say(
            "Seat changes in Timus reach the recurring contract in Autotask through its own adjustments, so that Autotask "
            "prorates them. Everything here runs on this machine, AWS and Autotask included."
        )

    def open(self) -> None:
        """Show what Autotask has before anything happens, and map the first client."""
        last = self.period_start(1) - timedelta(days=1)
        self.narrator.say(
            f"Billing period {short(self.period)} to {short(last)}; today is {short(self.today)} {self.today.year}. "
            "This is what Autotask bills:"
        )
        rows = [
            (client_of(key[0]).name, self.first.names[key[1]], str(self.first.on(key, self.today)))
            for key in self.first.in_order
        ]
        self.narrator.table(("Client", "Service", "Units"), rows)
        self.map(CONTOSO)

    def scene(self, title: str, story: str) -> None:
        """Begin a scene."""
        self.number += 1
        self.narrator.heading(f"{self.number}  {title}")
        self.narrator.say(story)
        self.before = self.books()

    def expect(self, *posts: Post) -> None:
        """Wait until the product is at rest; show what reached Autotask since, and the units before and after."""
        self.rest()
        before, after = self.before, self.books()
        adjustments = self.autotask("adjustments")
        new = [a for a in adjustments[self.seen :] if a["outcome"] == "committed"]
        refused = len(adjustments) - self.seen - len(new)
        self.seen = len(adjustments)
        got = [self.post(adjustment) for adjustment in new]
        for one in got:
            self.narrator.fact("Adjusted", f"{one.delta:+d} {after.names[one.sku]}, from {short(one.day)}")
        if not got:
            self.narrator.fact("Adjusted", "nothing")
        for key in [key for key in after.in_order if before.lines.get(key, ()) != after.lines[key]]:
            self.narrator.fact("Units", after.names[key[1]])
            self.narrator.fact("  before", " · ".join(self.in_words(before.lines.get(key, ()))))
            self.narrator.fact("  after", " · ".join(self.in_words(after.lines[key])))
        self.before = after
        if self.observes:
            self.held += posts
            posts = ()
        right = sorted(got, key=str) == sorted(posts, key=str) and not refused
        down_first = bool(self.held) or [one.delta for one in got] == sorted(one.delta for one in got)
        wanted = "; ".join(f"{p.delta:+d} {p.sku} from {short(p.day)}" for p in posts) or "nothing"
        good = "Autotask is level" if posts else "Autotask is as it was"
        self.check(right and down_first, good, f"expected instead: {wanted}")

    def verdict(self) -> bool:
        """Compare every line on every day, and say how it ended."""
        self.narrator.heading("The verdict")
        status = self.command("status")
        shown = {(line["contract_id"], line["sku"]): line for line in status["lines"]}
        books, span = self.books(), self.span
        self.narrator.say(
            f"Autotask's own books beside what Timus says, on every day of this billing period and the next, "
            f"{short(span[0])} to {short(span[-1])} {span[-1].year}:"
        )
        rows = []
        coming = 0
        for key in books.in_order:
            timus = self.says(key)
            coming += sum(day > self.today for day, _ in timus)
            # A change of a later day is not made before it: until then Autotask has what holds today.
            unequal = [day for day in span if books.on(key, day) != units_on(timus, min(day, self.today))]
            state = self.judge(key, unequal, timus, books, shown.get(key))
            client, service = client_of(key[0]).name, books.names[key[1]]
            rows.append(
                (
                    f"{service}\n{client}",
                    str(units_on(timus, self.today)) if sold(key) else "–",
                    str(books.on(key, self.today)),
                    "\n".join(self.in_words(books.lines[key])),
                    state,
                    f"{len(span) - len(unequal)} of {len(span)} days",
                )
            )
        self.narrator.table(("Line", "Timus", "Autotask", "Billed", "State", "Equal"), rows)
        extra = shown.keys() - books.lines.keys()
        self.check(not extra, "no other line is shown", f"`timus-autotask status` shows {extra} besides")
        self.check(status["at_rest"], "nothing is left to do", "the product is not at rest")
        return self.ending(len(books.lines), len(span), coming)

    def judge(
        self, key: Key, unequal: Sequence[date], timus: Steps, books: Books, line: Mapping[str, Any] | None
    ) -> str:
        """Note what is wrong with a line; returns its state for people."""
        name = f"{books.names[key[1]]} of {client_of(key[0]).name}"
        if unequal:
            self.failures.append(
                f"{name} differs on {many(len(unequal), 'day')}, first on {short(unequal[0])}"
            )
        if not sold(key):
            if line:
                self.failures.append(f"{name} is shown as Timus's")
            return "not Timus's"
        if line is None:
            self.failures.append(f"{name} is not shown by `timus-autotask status`")
            return "missing"
        coming = [
            {"day": day.isoformat(), "unit_change": units - units_on(timus, day - timedelta(days=1))}
            for day, units in timus
            if day > self.today
        ]
        seen = (line["timus_quantity"], line["autotask_units"], line["state"], line["scheduled"])
        true = (
            units_on(timus, self.today),
            books.on(key, self.today),
            "scheduled" if coming else "applied",
            coming,
        )
        if seen != true:
            self.failures.append(f"`timus-autotask status` says of {name}: {seen}; it is {true}")
        later = [
            f"{one['unit_change']:+d} on {short(date.fromisoformat(one['day']))}" for one in line["scheduled"]
        ]
        return "\n".join([line["state"], *later])

    def ending(self, lines: int, days: int, coming: int) -> bool:
        """The end."""
        calls = self.autotask("counters")["total"]
        self.narrator.gap()
        if self.failures:
            self.narrator.say(*(f"✗ {failure}" for failure in self.failures), style="red")
            self.narrator.say("Autotask did not end as Timus says.", style="bold red")
        else:
            self.narrator.say(
                f"✓ Autotask ended as Timus says: {lines} lines, {days} days each, equal on every day.",
                style="bold green",
            )
        self.narrator.say(
            f"{many(self.sent, 'webhook')}, {many(self.seen, 'adjustment')} made and {coming} scheduled, "
            f"{many(calls, 'Autotask call')}, {self.narrator.seconds:.0f} seconds.",
            style="dim",
        )
        return not self.failures

    # -- What Timus says, by rules of the demo's own

    def says(self, key: Key) -> Steps:
        """The units of a line by day: of the events that hold on a day, the newest version counts."""
        steps = [*self.first.lines.get(key, ())]
        for event in sorted(self.reported.get(client_of(key[0]), ()), key=lambda event: event.version):
            units = event.items.get(key[1], 0)
            steps = [step for step in steps if step[0] < event.day]
            if sold(key) and units_on(steps, event.day) != units:
                steps.append((event.day, units))
        return steps

    # -- The world

    def books(self) -> Books:
        """What Autotask has now."""
        state = self.autotask("state")
        ours = (CONTOSO.contract, FABRIKAM.contract)
        return Books(
            {service["sku"]: service["name"] for service in state["services"]},
            {
                (contract["id"], line["sku"]): [
                    (date.fromisoformat(step["from"]), step["units"]) for step in line["timeline"]
                ]
                for contract in state["contracts"]
                if contract["id"] in ours
                for line in contract["lines"]
            },
        )

    def post(self, adjustment: Mapping[str, Any]) -> Post:
        """An adjustment of the simulator's books."""
        state = self.autotask("state")
        skus = {service["id"]: service["sku"] for service in state["services"]}
        skus_of_lines = {line["id"]: line["sku"] for c in state["contracts"] for line in c["lines"]}
        sku = skus_of_lines.get(adjustment["contractServiceID"]) or skus[adjustment["serviceID"]]
        day = date.fromisoformat(adjustment["effectiveDate"])
        return Post(adjustment["contractID"], sku, day, adjustment["unitChange"])

    def autotask(self, route: str) -> Any:
        """Ask the simulator for its ground truth."""
        url = f"{self.stack.autotask_control_url}/{route}"
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - our own address
            return json.load(response)

    def footprint(self) -> object:
        """The table's items and the queue's messages."""
        table, queue = self.stack.outputs["TableName"], self.stack.outputs["QueueUrl"]
        items = self.stack.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.stack.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sorted(map(repr, items)), counts["Attributes"]

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run the operator's command as a person would, and show it; what it prints with ``--json``."""
        self.narrator.command(f"$ timus-autotask {' '.join(arguments)}")
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments, "--json"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise Failed(f"timus-autotask {arguments[0]} failed: {done.stderr.strip()}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def rest(self) -> None:
        """Wait until there is nothing left to do."""
        deadline = time.monotonic() + PATIENCE
        with self.narrator.waiting("the worker is busy"):
            while not (found := self.status()).at_rest:
                self.stack.check()
                if time.monotonic() > deadline:
                    raise Failed(f"not at rest within {PATIENCE:.0f} seconds: {'; '.join(found.outstanding)}")
                time.sleep(0.1)

    def status(self) -> Status:
        """What `timus-autotask status` shows, without starting it."""
        records = gather(self.found.store, lambda: sum(self.found.queue.depth()))
        return status_of(records, self.found.clock.now(), self.found.zone)

    # -- Judging

    def answered(self, status: object, text: str, expected: int) -> None:
        """Show an answer and judge it."""
        self.narrator.fact("Answer", f"{status} {text}")
        if status != expected:
            self.failures.append(f"scene {self.number}: answered {status} instead of {expected}")

    def check(self, right: bool, good: str, bad: str) -> None:
        """Judge something."""
        self.narrator.fact("", f"✓ {good}" if right else f"✗ {bad}", "green" if right else "red")
        if not right:
            self.failures.append(f"scene {self.number}: {bad}" if self.number else bad)

    def in_words(self, steps: Steps) -> list[str]:
        """The units at the start of the period, and each change of them since."""
        later = [f"{units} from {short(day)}" for day, units in steps if day > self.period]
        return [str(units_on(steps, self.period)), *later]


def many(count: int, what: str) -> str:
    """A number of things for people."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def short(day: date) -> str:
    """A day for people."""
    return f"{day.day} {day:%b}"


def sold(key: Key) -> bool:
    """Whether a line is one of Timus's."""
    return key[1] in (ADV, ESS, GATEWAY)


def client_of(contract: int) -> Client:
    """The client of a contract."""
    return CONTOSO if contract == CONTOSO.contract else FABRIKAM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``timus-autotask demo``."""
    parser.add_argument(
        "--console",
        action="store_true",
        help="then show the clients in a browser on this machine, until Ctrl-C",
    )
    parser.add_argument(
        "--observe",
        action="store_true",
        help="begin as a deployed stack does: nothing is written to Autotask until go-live, which is the last scene",
    )
    parser.add_argument("--port", type=int, default=8799, help="serve the console here (default %(default)s)")


def run_demo(arguments: argparse.Namespace) -> int:
    """Play the demo; returns the exit status: 0 right, 1 not, 130 stopped."""
    keep_to_this_machine()
    interrupt_once()
    narrator = Narrator()
    try:
        with tempfile.TemporaryDirectory(prefix="timus-autotask-demo-") as folder:
            demo = Demo(narrator, datetime.now(UTC).date(), Path(folder), observes=arguments.observe)
            right = demo.play(console_at(arguments.port, narrator) if arguments.console else None)
    except (Failed, StartFailed) as error:
        narrator.say(str(error), style="red")
        return 1
    except KeyboardInterrupt:
        narrator.gap()
        narrator.say("Stopped; nothing is left running.")
        return 130
    return 0 if right else 1


def console_at(port: int, narrator: Narrator) -> Callable[[Deployment], None]:
    """Shows a deployment in a browser until Ctrl-C."""
    from timus_autotask.web.serve import PortTaken, serve

    def show(deployment: Deployment) -> None:
        try:
            serve(
                deployment,
                "the demo",
                port,
                lambda address: narrator.say(f"open the console: {address}", style="bold"),
            )
        except PortTaken as taken:
            raise Failed(f"Port {port} is taken ({taken}). Choose another one: --port N") from taken

    return show


def main() -> None:
    """Run ``python -m local.demo``."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__.splitlines()[0])
    add_arguments(parser)
    sys.exit(run_demo(parser.parse_args()))


if __name__ == "__main__":
    main()
