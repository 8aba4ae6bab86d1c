"""A thousand customers with three thousand lines on the local stack: one reconcile by the deployed function, with the calls counted.

And what else wants a stack to itself: tickets for alarms.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.stack import STACK, LocalStack
from tests.crowd import settled, tenant
from tests.e2e.deployed import Deployed
from timus_autotask.ports.table import Delete, Document, Key, Put
from timus_autotask.store.keys import stage_key
from timus_autotask.store.runs import last_run
from timus_autotask.watch.reconcile import AT_ONCE

pytestmark = [pytest.mark.emulator, pytest.mark.last]

CUSTOMERS, MOST_CALLS = 1000, 20


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A stack with a thousand customers that are level, and tickets for its alarms. Nobody sweeps but the schedule."""
    now = datetime.now(UTC)
    world = settled(CUSTOMERS, now - timedelta(minutes=10))
    folder = tmp_path_factory.mktemp("crowded")
    scenario = folder / "tenant.json"
    scenario.write_text(json.dumps(tenant(CUSTOMERS, now.year)), encoding="utf-8")
    parameters = {"TicketCompany": "1", "TicketQueue": "8"}
    with LocalStack(
        port=0, scenario=str(scenario), run_dir=folder / "run", sweep_every=None, parameters=parameters
    ) as stack:
        deployed = Deployed(stack)
        _copy(world.table.documents(), deployed)
        yield deployed
        deployed.close()


def _copy(documents: list[Document], deployed: Deployed) -> None:
    """The records into the stack's table, twenty at a time; merged events are not needed, and the stack is live already."""
    wanted = [d for d in documents if not d.key.sk.startswith("EVENT#") and d.key != stage_key(None)]
    puts = [Put(d.key, d.data, 0, d.due_at, d.kind, d.sort, d.expires_at) for d in wanted]
    for first in range(0, len(puts), 20):
        deployed.store.commit(*puts[first : first + 20])


def _queries(deployed: Deployed) -> list[set[int]]:
    """The contracts of every query that asked for more than one: what the sweep asks is about one, or the allowance."""
    queries = []
    for one in deployed.autotask("GET", "requests"):
        ids = _ids(json.loads(one["body"])["Filter"]) if one["method"] == "POST" else set()
        queries += [ids] if len(ids) > 1 else []
    return queries


def _ids(terms: list[dict[str, Any]]) -> set[int]:
    """Every contract that a filter names."""
    found: set[int] = set()
    for term in terms:
        found |= _ids(term.get("items", []))
        if term.get("field") in ("contractID", "id"):
            found |= set(term["value"]) if isinstance(term["value"], list) else {term["value"]}
    return found


def test_a_thousand_customers_are_reconciled_within_the_budget(crowded: Deployed) -> None:
    """What was edited is found, and nothing else, in twenty calls at most, by either side's count."""
    person = {"contractServiceID": 5000, "day": "@today", "unitChange": 2}
    crowded.autotask("POST", "person/adjust", person)
    crowded.autotask("DELETE", "requests")
    answer = crowded.stack.invoke("Reconcile", {"now": True})
    assert answer["finished"]
    assert (answer["contracts"], answer["found"]) == (CUSTOMERS, {"edited-up": 1})
    assert answer["calls"] <= MOST_CALLS
    assert len(_queries(crowded)) <= MOST_CALLS - 1  # and the allowance


def test_a_run_whose_function_is_killed_half_way_goes_on(crowded: Deployed) -> None:
    """SIGKILL in its second half: the next call reads the other half only."""
    crowded.autotask("DELETE", "requests")
    # Billing rules are the last that is read of each half.
    slow = {"kind": "slow", "entity": "ContractBillingRules", "after": 1, "times": 1, "seconds": 60}
    crowded.autotask("POST", "faults", slow)
    outcome: list[str] = []

    def run() -> None:
        try:
            outcome.append(f"ended: {crowded.stack.invoke('Reconcile', {'now': True})}")
        except Exception as error:  # noqa: BLE001 - however the emulator says that the function died
            outcome.append(f"died: {error!r}")

    thread = threading.Thread(target=run)
    thread.start()
    crowded.eventually(lambda: _is_slow(crowded), 60)
    assert last_run(crowded.store.table).value.contracts == AT_ONCE
    assert crowded.kill("Reconcile") == 1
    thread.join(60)
    assert outcome
    assert outcome[0].startswith("died"), outcome
    before = len(_queries(crowded))
    crowded.autotask("DELETE", "faults")
    answer = crowded.stack.invoke("Reconcile")
    assert answer["finished"], answer
    assert answer["contracts"] == CUSTOMERS
    done = set().union(*_queries(crowded)[: before // 2])
    again = _queries(crowded)[before:]
    assert len(done) == AT_ONCE
    assert not done & set().union(*again)
    assert len(again) <= MOST_CALLS // 2


def _is_slow(crowded: Deployed) -> bool:
    """Whether the second half's last question is under way."""
    asked = [one["path"] for one in crowded.autotask("GET", "requests")]
    return sum("ContractBillingRules" in path for path in asked) == 2


def test_an_alarm_opens_one_ticket(crowded: Deployed) -> None:
    """The deployed sweep may ask CloudWatch which alarms are on; a lost record makes no second ticket."""
    alarms = crowded.stack.client("cloudwatch")
    names = [a["AlarmName"] for a in alarms.describe_alarms(AlarmNamePrefix=f"{STACK}-")["MetricAlarms"]]
    [drift] = [name for name in names if "DriftAlarm" in name]
    alarms.set_alarm_state(AlarmName=drift, StateValue="ALARM", StateReason="a test")
    for _ in range(2):
        known = crowded.store.table.get(Key("PARTNER", "TICKETS"))
        if known:
            crowded.store.commit(Delete(known.key, known.rev))
        crowded.stack.invoke("Sweep")
    made = [
        json.loads(one["body"])
        for one in crowded.autotask("GET", "requests")
        if one["method"] == "POST" and one["path"].endswith("/Tickets")
    ]
    about = [
        ticket for ticket in made if ticket["title"].startswith("Timus billing sync: Somebody changed units")
    ]
    assert [(ticket["companyID"], ticket["queueID"]) for ticket in about] == [(1, 8)]
