"""Levers and ground truth: each route does what its method does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.autotask import named_scenario
from local.autotask.scenario import SCENARIOS, resolve_day
from tests.simulator.tenant import CONTRACT, LINE, NOW, SCENARIO, Tenant, ordinal


def call(tenant: Tenant, method: str, route: str, body: Any = None, status: int = 200) -> Any:
    """One control request."""
    raw = b"" if body is None else json.dumps(body).encode()
    reply = tenant.control.handle(method, f"/_control/{route}", raw)
    assert reply.status == status, reply.body
    return reply.json()


def test_state_shows_lines_and_their_steps(tenant: Tenant) -> None:
    """Contracts, lines, today's units and the steps within a range of days."""
    tenant.adjust("2026-04-01", 2)
    state = call(tenant, "GET", "state?from=2026-03-10&to=@month+1:last")
    assert (state["today"], state["now"]) == ("2026-03-10", "2026-03-10T15:00:00Z")
    line = next(one for one in state["contracts"] if one["id"] == CONTRACT)["lines"][0]
    assert (line["id"], line["sku"], line["unitsToday"], line["unitPrice"]) == (LINE, "ADV", 10, "12.5000")
    assert line["timeline"] == [{"from": "2026-03-10", "units": 10}, {"from": "2026-04-01", "units": 12}]
    assert line["events"][-1] == {"day": "2026-04-01", "unitChange": 2, "source": "api", "posted": False}
    assert call(tenant, "GET", f"timeline?line={LINE}&from=2026-04-02") == [
        {"from": "2026-04-02", "units": 12}
    ]


def test_a_timeline_ends_with_its_contract(tenant: Tenant) -> None:
    """Outside the contract a line holds nothing."""
    steps = call(tenant, "GET", f"timeline?line={LINE}&from=2026-01-01&to=2027-12-31")
    assert steps == [
        {"from": "2026-01-01", "units": 0},
        {"from": "2026-01-15", "units": 10},
        {"from": "2027-01-15", "units": 0},
    ]


def test_adjustments_are_told_in_order_of_arrival(tenant: Tenant) -> None:
    """What was sent, what became of it, and whether the sender knows."""
    tenant.adjust("2026-03-20", 1, serviceID=45)
    tenant.adjust("2026-03-20", 1)
    first, second = call(tenant, "GET", "adjustments")
    assert (first["number"], first["outcome"], first["answered"], first["status"]) == (
        1,
        "committed",
        True,
        200,
    )
    assert (first["contractServiceID"], first["unitChange"], first["effectiveDate"]) == (
        LINE,
        1,
        "2026-03-20",
    )
    assert first["sent"] == {
        "contractID": CONTRACT,
        "effectiveDate": "2026-03-20",
        "serviceID": 45,
        "unitChange": 1,
    }
    assert (second["outcome"], second["status"]) == ("refused", 500)
    assert "duplicate" in second["error"]


def test_the_log_holds_every_request(tenant: Tenant) -> None:
    """Method, path, query, body, status; it can be read on from a number and cleared."""
    tenant.send("GET", "Contracts/1?x=1")
    tenant.adjust("2026-03-20", 1)
    log = call(tenant, "GET", "requests")
    assert (log[0]["method"], log[0]["path"], log[0]["query"], log[0]["status"]) == (
        "GET",
        "/ATServicesRest/v1.0/Contracts/1",
        "x=1",
        404,
    )
    assert json.loads(log[1]["body"])["unitChange"] == 1
    assert [one["number"] for one in call(tenant, "GET", "requests?after=1")] == [2]
    call(tenant, "DELETE", "requests")
    assert call(tenant, "GET", "requests") == []


def test_counters(tenant: Tenant) -> None:
    """Requests by entity and operation; child routes count as their entity."""
    tenant.adjust("2026-03-20", 1)
    tenant.send("GET", f"Contracts/{CONTRACT}/Services")
    tenant.query("ContractServices")
    assert call(tenant, "GET", "counters") == {
        "total": 3,
        "entities": {"ContractServiceAdjustments": 1, "ContractServices": 2},
        "operations": {
            "ContractServiceAdjustments create": 1,
            "ContractServices get": 1,
            "ContractServices query": 1,
        },
    }


def test_switches(tenant: Tenant) -> None:
    """They are read and set; a wrong name or value is refused with what is possible."""
    assert call(tenant, "PUT", "switches", {"same_day": "sum"})["same_day"] == "sum"
    assert call(tenant, "GET", "switches")["same_day"] == "sum"
    assert "refuse, override, sum" in call(tenant, "PUT", "switches", {"same_day": "x"}, 400)["error"]
    assert "unknown switch" in call(tenant, "PUT", "switches", {"samedy": "sum"}, 400)["error"]
    assert "must be int" in call(tenant, "PUT", "switches", {"stale_reads": "2"}, 400)["error"]


def test_a_switch_takes_effect_at_once(tenant: Tenant) -> None:
    """Rows that were read before follow a switch."""
    tenant.adjust("2026-03-20", -10)
    assert len(tenant.units()) == 13
    call(tenant, "PUT", "switches", {"zero_quantity": "no_row"})
    assert len(tenant.units()) == 3


def test_faults_over_the_route(tenant: Tenant) -> None:
    """They are added, listed and cleared; what waits to land is listed too."""
    number = call(tenant, "POST", "faults", {"kind": "unauthorized", "entity": "Contracts", "times": 2})[
        "number"
    ]
    assert call(tenant, "GET", "faults")["waiting"][0]["times"] == 2
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 401
    call(tenant, "DELETE", f"faults?number={number}")
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 200
    assert "unknown fault" in call(tenant, "POST", "faults", {"kind": "x"}, 400)["error"]
    assert call(tenant, "POST", "land", {}) == {"landed": 0}


def test_the_clock(tenant: Tenant) -> None:
    """It is set, moved on and read; a running clock runs on when moved."""
    assert call(tenant, "PUT", "clock", {"now": "2026-05-01T00:00:00Z"})["today"] == "2026-04-30"
    assert call(tenant, "PUT", "clock", {"advance_seconds": 86400})["now"] == "2026-05-02T00:00:00Z"
    running = [NOW]
    tenant.control.wall_clock = lambda: running[0]
    assert call(tenant, "PUT", "clock", {"real": True})["seconds"] == NOW
    call(tenant, "PUT", "clock", {"advance_seconds": 100})
    running[0] += 5
    assert call(tenant, "GET", "clock")["seconds"] == NOW + 105


def test_what_people_do(tenant: Tenant) -> None:
    """A person adjusts lines, also in the future, edits contracts beyond the API's rules, adds and removes lines."""
    call(tenant, "POST", "person/adjust", {"contractServiceID": LINE, "day": "@today+30", "unitChange": 3})
    assert tenant.held("2026-04-09") == 13
    call(tenant, "POST", "person/adjust", {"contractServiceID": LINE, "day": "@today+30", "unitChange": 1})
    assert tenant.held("2026-04-09") == 14
    assert (
        "negative"
        in call(
            tenant,
            "POST",
            "person/adjust",
            {"contractServiceID": LINE, "day": "@today", "unitChange": -11},
            400,
        )["error"]
    )
    edit = {"id": CONTRACT, "companyID": 601, "contractType": 1, "status": 0, "endDate": "2026-06-14"}
    call(tenant, "POST", "person/contract", edit)
    item = tenant.send("GET", f"Contracts/{CONTRACT}").json()["item"]
    assert (item["companyID"], item["contractType"], item["status"], item["endDate"][:10]) == (
        601,
        1,
        0,
        "2026-06-14",
    )
    added = call(
        tenant,
        "POST",
        "person/add_line",
        {"contractID": CONTRACT, "serviceID": 45, "day": "@today", "units": 2},
    )
    assert tenant.held("2026-03-10", added["id"]) == 2
    call(tenant, "POST", "person/remove_line", {"contractServiceID": LINE})
    assert tenant.units() == []
    assert tenant.adjust("2026-03-20", 1, contractID=None).status == 500


def test_a_persons_adjustment_counts_for_the_day(tenant: Tenant) -> None:
    """The rule against two on one date sees people's adjustments."""
    tenant.control.person_adjusts(LINE, ordinal("2026-03-20"), 1)
    assert tenant.adjust("2026-03-20", 1).status == 500


def test_approve_and_billing_routes(tenant: Tenant) -> None:
    """Approve-and-post gives the items' ids, and the items can be read."""
    made = call(tenant, "POST", "approve", {"contractID": CONTRACT, "through": "@today"})["billingItems"]
    assert [one["id"] for one in call(tenant, "GET", f"billing?contract={CONTRACT}")] == made


def test_billing_by_a_person_over_the_route(tenant: Tenant) -> None:
    """It is one more billing item."""
    bill = {"contractID": CONTRACT, "day": "@today", "name": "Setup", "quantity": 1, "rate": "99.50"}
    number = call(tenant, "POST", "person/bill", bill)["id"]
    assert [one["id"] for one in call(tenant, "GET", "billing")] == [number]


def test_credentials_and_zone_routes(tenant: Tenant) -> None:
    """One user can be let in, and the tenant moved."""
    call(tenant, "PUT", "credentials", {"userName": "u", "secret": "s", "integrationCode": "c"})
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 500  # who this user is, nobody knows
    call(tenant, "PUT", "credentials", {"userName": None})
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 200
    call(tenant, "POST", "zone", {"base": "/Z/ATServicesRest"})
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 401


def test_scenarios_over_the_route(tenant: Tenant) -> None:
    """One is loaded by name or whole; reset begins it anew and clears faults, log and adjustments."""
    tenant.control.add_fault("unauthorized", times=None)
    call(tenant, "POST", "scenario", {"name": "demo"})
    assert call(tenant, "GET", "requests") == []
    tenant.control.person_adjusts(1201, tenant.api.model.today(), 5)
    call(tenant, "POST", "reset")
    assert tenant.api.model.units_on(1201, tenant.api.model.today()) == 12
    call(tenant, "POST", "scenario", {"companies": [], "contracts": []})
    assert tenant.query("Contracts") == []


@pytest.mark.parametrize(
    ("method", "route", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "state", None, 404),
        ("GET", "timeline?line=7", None, 400),
        ("GET", "timeline", None, 400),
        ("POST", "approve", {"contractID": 7, "through": "@today"}, 400),
        ("POST", "approve", {"contractID": CONTRACT, "through": "tomorrow"}, 400),
        ("POST", "person/contract", {"id": CONTRACT, "nope": 1}, 400),
        ("POST", "faults", [1], 400),
        ("PUT", "clock", {"now": "late"}, 400),
    ],
)
def test_wrong_control_requests_are_told(method: str, route: str, body: Any, status: int) -> None:
    """A wrong lever is 400 or 404 with an error in words."""
    assert call(Tenant(), method, route, body, status)["error"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-03", "2026-02-03"),
        ("@today", "2026-03-31"),
        ("@today-31", "2026-02-28"),
        ("@today+1", "2026-04-01"),
        ("@month:1", "2026-03-01"),
        ("@month-1:31", "2026-02-28"),
        ("@month+9:last", "2026-12-31"),
        ("@month-15:15", "2024-12-15"),
    ],
)
def test_relative_days(text: str, day: str) -> None:
    """Days count from today or from the current month, clamped to the month's end."""
    assert resolve_day(text, ordinal("2026-03-31")) == ordinal(day)


@pytest.mark.parametrize("text", ["@tomorrow", "@month", "@month+1:0x", "2026-13-01", ""])
def test_wrong_days(text: str) -> None:
    """Anything else is an error."""
    with pytest.raises(ValueError, match=r"."):
        resolve_day(text, ordinal("2026-03-31"))


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.json")))
@pytest.mark.parametrize("offset", [0, 5, 19, 50, 200, 355])
def test_scenarios_always_have_a_current_period(name: str, offset: int) -> None:
    """Whatever the day of loading, every line of a recurring contract holds units today and in a month."""
    tenant = Tenant()
    tenant.control.set_clock(now=NOW + offset * 86_400)
    tenant.control.load(named_scenario(name))
    today = tenant.api.model.today()
    lines = list(tenant.api.model.lines.values())
    assert lines
    assert all(line.units_on(day) > 0 for line in lines for day in (today, today + 30))


def test_a_scenario_with_an_unknown_field_is_refused() -> None:
    """A misspelt field does not pass in silence."""
    with pytest.raises(ValueError, match="no field companyNam"):
        Tenant({**SCENARIO, "companies": [{"id": 1, "companyNam": "x"}]})
