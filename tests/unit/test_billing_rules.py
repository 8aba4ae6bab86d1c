"""Every worked example of docs/billing-rules.md, played with the command, the product and the simulated Autotask."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import World
from timus_autotask.domain.policy import Policy, shortfall

RULES = Path(__file__).parents[2] / "docs" / "billing-rules.md"
CUSTOMER, COMPANY, FIRST, SECOND = "cus_41d0", 600, 7001, 7002
SKUS = {"Advanced": "SASE-ADV-USER", "Essential": "SASE-ESS-USER", "Gateway": "SASE-GATEWAY"}
SERVICES = {"Advanced": 45, "Essential": 46, "Gateway": 47}
PLANS = {service: plan for plan, service in SERVICES.items()}


def examples() -> Iterator[Any]:
    """(title, lines) of each example."""
    title = ""
    block: list[str] | None = None
    for line in RULES.read_text().splitlines():
        if line.startswith("#"):
            title = line.strip("# ")
        if line == "```example":
            block = []
        elif line == "```" and block is not None:
            yield pytest.param(block, id=title)
            block = None
        elif block is not None:
            block.append(line)


def scenario() -> Mapping[str, Any]:
    """Contoso with two contracts for 2026, billed monthly; 25 Advanced on the first."""
    company = {"companyType": 1, "isActive": True, "ownerResourceID": 1, "phone": "1"}
    service = {"billingCodeID": 9, "periodType": 2, "isActive": True, "unitPrice": 10}
    year = {"companyID": COMPANY, "startDate": "2026-01-01", "endDate": "2026-12-31"}
    return {
        "companies": [{"id": COMPANY, "companyName": "Contoso Dental", **company}],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [{"id": n, "name": plan, "sku": SKUS[plan], **service} for plan, n in SERVICES.items()],
        "contracts": [
            {
                "id": FIRST,
                "contractName": "Contoso SASE",
                **year,
                "lines": [{"id": 1, "serviceID": 45, "units": 25}],
                "postedThrough": "2026-02-28",
            },
            {"id": SECOND, "contractName": "Contoso Branch", **year},
        ],
    }


class Example:
    """One example while it is played."""

    def __init__(self) -> None:
        self.world = World(start=datetime(2026, 3, 1, 12, tzinfo=UTC), scenario=scenario())
        self.desk = Desk(self.world)
        self.versions: dict[str, int] = {}
        self.seen = 0

    def begin(self) -> None:
        """25 Advanced, in Timus and in Autotask, since January."""
        self.desk.ask(
            "map", "customer", CUSTOMER, "--company", str(COMPANY), "--contract", str(FIRST), "--yes"
        )
        self.tell("Advanced 25", datetime(2026, 1, 1, 12, tzinfo=UTC))
        self.settle()
        assert self.new_adjustments() == []

    def go_to(self, day: date) -> None:
        """Let the days pass."""
        while self.today < day:
            self.world.clock.advance(86400)
            self.settle()

    @property
    def today(self) -> date:
        return self.world.clock.now().date()

    def settle(self) -> None:
        """The worker, and the sweep until nothing is due."""
        self.world.work()
        while self.world.table.due(int(self.world.clock.now().timestamp()), 10):
            self.world.sweep()

    def tell(self, words: str, effective: datetime | None = None) -> None:
        """``[sub_2 [of cus_b]:] Advanced 25, Gateway 1 [trial | past due | ends DAY | renewed until DAY] [as version N] [since DAY]``."""
        subscription, _, words = words.rpartition(": ")
        subscription, _, customer = (subscription or "sub_1").partition(" of ")
        version = re.search(r"as version (\d+)", words)
        number = int(version[1]) if version else self.versions.get(subscription, 0) + 1
        self.versions[subscription] = max(number, self.versions.get(subscription, 0))
        since = re.search(r"since ([0-9-]+)", words)
        if since:
            effective = datetime.fromisoformat(f"{since[1]}T12:00:00+00:00")
        items = {SKUS[plan]: int(units) for plan, units in re.findall(r"([A-Z]\w+) (\d+)", words)}
        ends = re.search(r"ends ([0-9-]+)", words)
        renewed = re.search(r"renewed until ([0-9-]+)", words)
        status = next((each for each in ("trial", "past due") if each in words), "active").replace(" ", "_")
        answer = self.world.tell(
            number,
            items,
            effective=effective,
            status=status,
            subscription=subscription,
            customer=customer or CUSTOMER,
            cancel_at=date.fromisoformat(ends[1]) if ends else None,
            term_end=date.fromisoformat(renewed[1]) if renewed else date(2026, 12, 31),
            type="subscription.renewed" if renewed else "subscription.updated",
        )
        assert answer == 202

    def new_adjustments(self) -> list[str]:
        """The adjustments since the last time, as the page writes them."""
        lines = {
            line.id: line
            for contract in self.world.api.model.contracts.values()
            for line in contract.lines.values()
        }
        posted = [p for p in self.world.api.postings if p.committed]
        new, self.seen = posted[self.seen :], len(posted)
        words = []
        for one in new:
            service = one.service_id or lines[one.line_id or 0].service["id"]
            contract = one.contract_id or lines[one.line_id or 0].contract.id
            price = f" at {one.body['adjustedUnitPrice']:.2f}" if "adjustedUnitPrice" in one.body else ""
            place = "" if contract == FIRST else f" on {contract}"
            day = date.fromordinal(one.day or 1)
            words.append(f"{PLANS[service]} {one.unit_change:+d} from {day}{price}{place}")
        return words

    def scheduled(self) -> list[str]:
        """What waits for its day."""
        return [
            f"{PLANS[line['service_id']]} {one['unit_change']:+d} from {one['day']}"
            for line in self.desk.ask("status")["lines"]
            for one in line["scheduled"]
            if line["service_id"] and one["day"] > self.today.isoformat()
        ]

    def invoice(self) -> list[str]:
        """Approve and post everything up to today: the items that go to billing."""
        model = self.world.api.model
        before = len(model.tables["BillingItems"])
        for contract in (FIRST, SECOND):
            self.world.control.approve_and_post(contract, self.today.toordinal())
        items = [one for contract in (FIRST, SECOND) for one in self.world.control.billing_items(contract)]
        new = sorted(items, key=lambda one: one["id"])[before:]
        words = []
        for one in new:
            service = model.lines[one["contractServiceID"]].service["id"]
            whole = one["contractServiceAdjustmentID"] is None
            units = int(float(str(one["quantity"])))
            place = "" if one["contractID"] == FIRST else f" on {one['contractID']}"
            words.append(
                f"{PLANS[service]} {units if whole else format(units, '+d')} from {one['itemDate']}{place}"
            )
        return words

    def perform(self, verb: str, words: str) -> None:
        """One line of an example."""
        parts = [] if words == "nothing" else [each.strip() for each in words.split(",")]
        match verb:
            case "Timus":
                for each in words.split("; "):
                    self.tell(each)
                self.settle()
            case "operator":
                newest = max(self.world.ports.store.changes(), key=lambda one: one.settled_at, default=None)
                words = words.replace("CHANGE", newest.id if newest else "")
                said = self.desk.run(
                    *shlex.split(words)[1:], *(("--yes",) if " map " in words or " approve " in words else ())
                )
                assert said.status == 0, said.err
                self.settle()
            case "person":
                plan, units = words.split()
                line = self.world.api.model.find_line(FIRST, SERVICES[plan])
                assert line is not None
                self.world.control.person_adjusts(line.id, self.today.toordinal(), int(units))
            case "adjusted":
                assert sorted(self.new_adjustments()) == sorted(parts)
            case "scheduled":
                assert sorted(self.scheduled()) == sorted(parts)
            case "parked":
                lines = self.desk.ask("status")["lines"]
                found = [
                    f"{_plan(line['sku'])} {line['reason_code']}" for line in lines if line["reason_code"]
                ]
                assert sorted(found) == sorted(parts)
            case "invoice":
                assert sorted(self.invoice()) == sorted(parts)
            case "contract":
                number, end = re.findall(r"\d{4}-\d\d-\d\d|\d+", words)[::2]
                contract = self.world.api.model.contracts[int(number)]
                assert date.fromordinal(contract.end).isoformat() == end
            case "noted":
                notes = self.world.api.model.tables["ContractNotes"].values()
                titles = [one.values["title"] for one in notes if one.values["title"].startswith("Timus")]
                assert [title.rpartition(" [")[0] for title in titles] == parts
            case _:
                raise AssertionError(f"nobody can {verb}")


def _plan(sku: str) -> str:
    return next(plan for plan, each in SKUS.items() if each == sku)


@pytest.mark.parametrize("lines", list(examples()))
def test_the_example_is_what_happens(lines: list[str]) -> None:
    """Each line of the example, on its day; and nothing is adjusted that the example does not show."""
    example = Example()
    if lines[0].split() != ["nothing", "yet"]:
        example.begin()
    else:
        lines = lines[1:]
    for line in lines:
        day, verb, words = line.split(maxsplit=2)
        example.go_to(date.fromisoformat(day))
        try:
            example.perform(verb, words)
        except AssertionError as error:
            raise AssertionError(
                f"{line}\n{error}\n{json.dumps(example.desk.ask('status')['lines'], indent=1)}"
            ) from error
    example.settle()
    assert example.new_adjustments() == []


def test_every_policy_has_its_place() -> None:
    """No term is left unexplained."""
    names = {each.name for each in fields(Policy)} - {"paused"}
    text = RULES.read_text()
    assert {name for name in names if f"`{name}" not in text} == set()


def test_the_pooled_minimum_is_what_the_table_says() -> None:
    """Minimum, used and missing, by SKU."""
    [row] = re.findall(r"^\| (SASE-\S+) \| (\d+) \| (\d+) \| (\d+) \|$", RULES.read_text(), re.MULTILINE)
    sku, least, used, missing = row[0], *map(int, row[1:])
    assert shortfall({sku: least}, {sku: used}) == {sku: (least, used, missing)}
