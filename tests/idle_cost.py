"""What a stack costs a month in which nothing changes, by list price: ``python -m tests.idle_cost --write`` writes it into docs/cost.md.

What is there is counted in template.yaml. What happens is counted in a day of the running code: a client whose contract is level, the
sweep each minute, the reconcile in its hour. What no code here can tell is an assumption, with its reason beside it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.emulator import ROOT
from tests.pages import with_part
from tests.running import RESOURCES, TEMPLATE, Running
from tests.world import ADV, World

PAGE = ROOT / "docs" / "cost.md"
DAYS = 365 / 12
"""Of a month."""
GB = 10**9


@dataclass(frozen=True, slots=True)
class Price:
    """A price of the list for us-east-1, November 2026, in dollars."""

    dollars: float
    unit: str
    free: float
    """Of these units a month, what an account has free without end."""
    source: str


PRICES = {
    "alarms": Price(0.10, "alarm", 10, "cloudwatch"),
    "metrics": Price(0.30, "metric", 10, "cloudwatch"),
    "dashboards": Price(3.00, "dashboard", 3, "cloudwatch"),
    "logs": Price(0.50, "GB of logs taken in", 5, "cloudwatch"),
    "secrets": Price(0.40, "secret", 0, "secrets-manager"),
    "secret reads": Price(0.05 / 10_000, "read of a secret", 0, "secrets-manager"),
    "keys": Price(1.00, "key", 0, "kms"),
    "key requests": Price(0.03 / 10_000, "use of the table's key", 20_000, "kms"),
    "runs": Price(0.20 / 10**6, "run", 10**6, "lambda"),
    "seconds": Price(0.0000133334, "GB-second", 400_000, "lambda"),
    "ticks": Price(1.00 / 10**6, "tick of a schedule", 0, "eventbridge"),
    "polls": Price(0.50 / 10**6, "request to a FIFO queue", 10**6, "sqs"),
    "reads": Price(0.125 / 10**6, "read unit", 0, "dynamodb/on-demand"),
    "writes": Price(0.625 / 10**6, "write unit", 0, "dynamodb/on-demand"),
    "mails": Price(2.00 / 10**5, "e-mail", 1000, "sns"),
}
"""https://aws.amazon.com/<source>/pricing"""

SECONDS_A_DIGEST = 20  # a dozen calls of Autotask
SECONDS_A_RUN = 0.2  # a warm sweep: half a dozen reads over a kept connection, with a third of a processor
LAMBDAS_OWN_LINES = 350  # bytes of START, END and REPORT
POLLS_A_MINUTE = 15  # five pollers of an event source mapping, each waits 20 seconds for a message
SECRETS_KEPT = 300  # seconds for which a sandbox believes what it has read
OPTIONS = {"Dashboard": "on", "EncryptAlarms": "on", "DigestEmail": "finance@example.com"}
"""Parameters that are off, and cost something while nothing changes."""
DASHBOARD_METRICS = 50
"""A dashboard of the free three shows at most so many metrics: https://aws.amazon.com/cloudwatch/pricing/"""


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day without a change."""

    runs: Counter[str]
    """By function."""
    metric_hours: dict[str, int]
    """Metric → the hours in which it was sent; CloudWatch bills it for these."""
    logged: int
    """Bytes."""
    reads: int
    writes: int


def quiet_day() -> Day:
    """A day with the sweep each minute and the reconcile in its hour, of one client who is level."""
    world = World()
    running = Running(world)
    running.telemetry.metrics.clear_metrics()
    world.map_customer()
    world.tell(1, {ADV: 28})
    running.apply()
    running.minutes(20)
    runs: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    for name in ("get", "range", "due", "list", "write"):
        setattr(world.table, name, _counted(getattr(world.table, name), touched, name))
    world.secrets.written_at = world.clock.now()
    running.points.clear()
    running.logged = 0
    reconcile_hour = int(TEMPLATE["Parameters"]["ReconcileHour"]["Default"])
    for _ in range(24 * 60):
        running.minutes(1)
        runs["Sweep"] += 1
        now = world.clock.now()
        if now.hour == reconcile_hour and now.minute % 10 == 0:
            running.invoke("Reconcile")
            runs["Reconcile"] += 1
    hours: dict[str, set[int]] = defaultdict(set)
    for point in running.points:
        if not point.namespace.startswith("AWS/"):
            hours[point.name].add(int(point.at // 3600))
    return Day(
        runs=runs,
        metric_hours={name: min(24, len(found)) for name, found in sorted(hours.items())},
        logged=running.logged,
        reads=sum(number for name, number in touched.items() if name != "write"),
        writes=touched["write"],
    )


def _counted(method: Callable[..., Any], counter: Counter[str], name: str) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        counter[name] += 1
        return method(*args, **kwargs)

    return counted


def holds(condition: Any, parameters: Mapping[str, str]) -> bool:
    """Whether a condition of the template holds."""
    match condition:
        case {"Fn::Equals": [{"Ref": str(name)}, value]}:
            return bool(parameters[name] == value)
        case {"Fn::Not": [inner]}:
            return not holds(inner, parameters)
        case {"Fn::And": [*inner]}:
            return all(holds(each, parameters) for each in inner)
        case {"Condition": str(name)}:
            return holds(TEMPLATE["Conditions"][name], parameters)
    raise ValueError(f"a condition of another form: {condition}")


def amounts(day: Day, **parameters: str) -> dict[str, float]:
    """How many of each there are in a month; ``parameters`` are those that differ from their defaults."""
    told = {name: str(each["Default"]) for name, each in TEMPLATE["Parameters"].items()} | parameters
    kinds = Counter(
        resource["Type"]
        for resource in RESOURCES.values()
        if "Condition" not in resource or holds(TEMPLATE["Conditions"][resource["Condition"]], told)
    )
    memory = TEMPLATE["Globals"]["Function"]["MemorySize"] / 1024
    digests = 0 if not told["DigestEmail"] else DAYS if told["DigestSchedule"] == "daily" else DAYS / 7
    runs = sum(day.runs.values()) * DAYS + digests
    return {
        "alarms": kinds["AWS::CloudWatch::Alarm"],
        "metrics": sum(day.metric_hours.values()) / 24,
        "dashboards": kinds["AWS::CloudWatch::Dashboard"],
        "logs": (day.logged + LAMBDAS_OWN_LINES * sum(day.runs.values())) * DAYS / GB,
        "secrets": kinds["AWS::SecretsManager::Secret"],
        "secret reads": DAYS * 86400 / SECRETS_KEPT,
        "keys": kinds["AWS::KMS::Key"],
        "key requests": DAYS * 86400 / SECRETS_KEPT,
        "runs": runs,
        "seconds": ((runs - digests) * SECONDS_A_RUN + digests * SECONDS_A_DIGEST) * memory,
        "ticks": runs,
        "polls": POLLS_A_MINUTE * 1440 * DAYS,
        "reads": day.reads * DAYS,
        "writes": day.writes * DAYS * 3,  # the document and at most two indexes
        "mails": digests,
    }


def charted() -> int:
    """How many metrics the dashboard shows."""
    body = json.loads(RESOURCES["SyncDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    return sum(len(widget["properties"].get("metrics", ())) for widget in body["widgets"])


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's cost of one thing, in dollars."""

    name: str
    amount: float
    further: float
    """For a stack in an account that has used up what is free."""
    first: float
    """For the only thing in an account."""


def bills(day: Day, **parameters: str) -> Iterator[Bill]:
    """Each thing's cost."""
    for name, amount in amounts(day, **parameters).items():
        price = PRICES[name]
        free = 0 if name == "dashboards" and charted() > DASHBOARD_METRICS else price.free
        yield Bill(name, amount, amount * price.dollars, max(0.0, amount - free) * price.dollars)


def totals(day: Day, **parameters: str) -> tuple[float, float]:
    """Dollars a month: the first stack of an account, and each further one."""
    lines = list(bills(day, **parameters))
    return sum(line.first for line in lines), sum(line.further for line in lines)


def rendered(day: Day) -> str:
    """The table, as it stands in the docs."""
    rows = [
        "| what | a month | each, $ | first stack, $ | further ones, $ |",
        "|---|--:|--:|--:|--:|",
    ]
    for line in bills(day):
        price = PRICES[line.name]
        if not line.amount:
            continue
        amount = f"{line.amount:,.2f}" if line.amount < 100 and line.amount % 1 else f"{line.amount:,.0f}"
        each = f"{price.dollars:.2f}" if price.dollars >= 0.01 else f"{price.dollars * 10**6:,.2f} a million"
        rows.append(f"| {price.unit} | {amount} | {each} | {line.first:.2f} | {line.further:.2f} |")
    first, further = totals(day)
    rows.append(f"| **together** | | | **{first:.2f}** | **{further:.2f}** |")
    for name, value in OPTIONS.items():
        more = [
            with_it - without
            for with_it, without in zip(totals(day, **{name: value}), (first, further), strict=True)
        ]
        rows.append(f"| and with `{name}={value}` | | | +{more[0]:.2f} | +{more[1]:.2f} |")
    return "\n".join(rows)


def with_table(page: str, day: Day) -> str:
    """The page's text with the table as it is counted now."""
    return with_part(page, "cost", "python -m tests.idle_cost --write", rendered(day))


def main() -> int:
    """Compare the page with what is counted now; with ``--write``, write it."""
    day = quiet_day()
    text = PAGE.read_text(encoding="utf-8")
    new = with_table(text, day)
    if "--write" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
    return 0 if "--write" in sys.argv or new == text else 1


if __name__ == "__main__":
    sys.exit(main())
