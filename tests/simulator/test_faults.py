"""Faults: what the client sees, what truly happened, and which requests they meet."""

from __future__ import annotations

from typing import Any

import pytest

from local.autotask import Fault, NeverSent, NoAnswer
from local.autotask.faults import KINDS
from tests.simulator.tenant import CONTRACT, LINE, Tenant, error

DAY = "2026-03-20"


def truth(tenant: Tenant) -> tuple[int, str, bool]:
    """Units on the day, outcome of the last attempt and whether its sender knows."""
    last = tenant.control.adjustments()[-1]
    return tenant.held(DAY), last["outcome"], last["answered"]


def test_not_sent_leaves_no_trace_but_the_log(tenant: Tenant) -> None:
    """The request never arrives: no posting, no count."""
    with pytest.raises(NeverSent):
        tenant.adjust(DAY, 1, fault=Fault("not_sent"))
    assert tenant.held(DAY) == 10
    assert tenant.control.adjustments() == []
    assert tenant.control.counters()["total"] == 0
    assert tenant.control.requests()[0]["fault"] == "not_sent"


@pytest.mark.parametrize(
    ("kind", "committed", "expected"),
    [
        ("timeout_before", False, (10, "lost", False)),
        ("timeout_after", True, (11, "committed", False)),
        ("reset_after", True, (11, "committed", False)),
        ("land_late", False, (10, "pending", False)),
    ],
)
def test_lost_answers(kind: str, committed: bool, expected: tuple[int, str, bool]) -> None:
    """No answer comes, and only the simulator knows whether the adjustment counts."""
    tenant = Tenant()
    with pytest.raises(NoAnswer) as lost:
        tenant.adjust(DAY, 1, fault=Fault(kind))
    assert (lost.value.committed, lost.value.kind) == (committed, kind)
    assert truth(tenant) == expected


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after"])
def test_a_lost_refusal_commits_nothing(kind: str) -> None:
    """When the request was refused and the answer lost, nothing was committed."""
    tenant = Tenant()
    with pytest.raises(NoAnswer) as lost:
        tenant.adjust(DAY, -11, fault=Fault(kind))
    assert lost.value.committed is False
    assert truth(tenant) == (10, "refused", False)


@pytest.mark.parametrize(
    ("kind", "status", "start", "expected"),
    [
        ("html_502", 502, b"<!DOCTYPE", (10, "lost", True)),
        ("html_502_after", 502, b"<!DOCTYPE", (11, "committed", False)),
        ("html_503", 503, b"<!DOCTYPE", (10, "lost", True)),
        ("json_500", 500, b'{"errors"', (10, "lost", True)),
        ("json_500_after", 500, b'{"errors"', (11, "committed", False)),
        ("throttle_429", 429, b'{"errors"', (10, "lost", True)),
        ("throttle_threads", 429, b'{"errors"', (10, "lost", True)),
        ("unauthorized", 401, b"", (10, "lost", True)),
        ("redirect_302", 302, b"", (10, "lost", True)),
        ("slow", 200, b'{"itemId"', (11, "committed", True)),
        ("stale_read", 200, b'{"itemId"', (11, "committed", True)),
    ],
)
def test_answers_that_mislead(kind: str, status: int, start: bytes, expected: tuple[int, str, bool]) -> None:
    """Each kind answers as it says, with or without effect."""
    tenant = Tenant()
    reply = tenant.adjust(DAY, 1, fault=Fault(kind))
    assert reply.status == status
    assert reply.body.startswith(start)
    assert truth(tenant) == expected


def test_a_redirect_points_elsewhere(tenant: Tenant) -> None:
    """The Location is another host."""
    assert (
        tenant.adjust(DAY, 1, fault=Fault("redirect_302"))
        .headers["Location"]
        .startswith("https://elsewhere.")
    )


def test_a_truncated_body_breaks_off(tenant: Tenant) -> None:
    """Content-Length tells of more than arrives."""
    reply = tenant.adjust(DAY, 1, fault=Fault("truncated_body"))
    assert reply.truncated
    assert int(reply.headers["Content-Length"]) > len(reply.body) > 0
    assert truth(tenant) == (11, "committed", False)


def test_slow_answers_say_how_slow(tenant: Tenant) -> None:
    """The delay is in seconds."""
    assert tenant.adjust(DAY, 1, fault=Fault("slow", seconds=2.5)).delay == 2.5


def test_landing_late(tenant: Tenant) -> None:
    """The effect comes after the given seconds of the clock, at that instant."""
    with pytest.raises(NoAnswer):
        tenant.adjust(DAY, 1, fault=Fault("land_late", seconds=600))
    tenant.control.set_clock(advance=599)
    assert tenant.held(DAY) == 10
    tenant.control.set_clock(advance=100)
    assert truth(tenant) == (11, "committed", False)
    assert tenant.control.adjustments()[0]["effectAt"] == "2026-03-10T15:10:00Z"


def test_landing_when_told(tenant: Tenant) -> None:
    """It can be told to land at once; it is judged by the rules of that moment."""
    with pytest.raises(NoAnswer):
        tenant.adjust(DAY, -6, fault=Fault("land_late", seconds=600))
    tenant.adjust("2026-03-21", -6)
    assert tenant.control.land() == 1
    assert truth(tenant)[0] == 10
    assert tenant.control.adjustments()[0]["outcome"] == "refused"


def test_landing_follows_the_callers_clock() -> None:
    """With a clock of the caller's, landing is due at the next request."""
    tenant = Tenant()
    now = [tenant.api.now]
    tenant.api.clock = lambda: now[0]
    with pytest.raises(NoAnswer):
        tenant.adjust(DAY, 1, fault=Fault("land_late", seconds=10))
    assert tenant.units()[-1][2] == 10
    now[0] += 11
    assert tenant.units()[-1][2] == 11


def test_a_stale_read_shows_the_state_before_the_last_write(tenant: Tenant) -> None:
    """Once, and then the truth again."""
    assert tenant.adjust(DAY, 1).status == 200
    tenant.control.add_fault("stale_read", entity="ContractServiceUnits")
    assert tenant.units()[-1][2] == 10
    assert tenant.units()[-1][2] == 11


@pytest.mark.parametrize(
    ("details", "met"),
    [
        ({"entity": "ContractServiceUnits"}, [0, 1]),
        ({"entity": "ContractService*"}, [0, 1]),
        ({"operation": "get"}, [2]),
        ({"method": "GET"}, [2]),
        ({"method": "POST"}, [0, 1]),
        ({"after": 1}, [1]),
        ({"after": 1, "times": 2}, [1, 2]),
        ({"times": None}, [0, 1, 2, 3]),
        ({"contract_id": CONTRACT}, [0, 2]),
        ({"entity": "Tickets"}, []),
    ],
)
def test_which_requests_a_fault_meets(details: dict[str, Any], met: list[int]) -> None:
    """By method, entity, operation and contract; after some have passed; once, n times or for ever."""
    tenant = Tenant()
    details = {"times": 1, **details}
    if details["times"] == 1 and met in ([0, 1], [0, 2]):
        details["times"] = 2
    tenant.control.add_fault("unauthorized", **details)
    contract = {"op": "eq", "field": "contractID", "value": CONTRACT}
    requests: list[tuple[str, str, Any]] = [
        ("POST", "ContractServiceUnits/query", {"Filter": [contract]}),
        ("POST", "ContractServices/query", {"Filter": [{"op": "exist", "field": "id"}]}),
        ("GET", f"Contracts/{CONTRACT}", None),
        ("POST", "Companies/query", {"Filter": [{"op": "exist", "field": "id"}]}),
    ]
    if details.get("entity") == "ContractServiceUnits":
        requests[1] = ("POST", "contractserviceunits/query/count", {"Filter": [contract]})
    statuses = [tenant.send(*request).status for request in requests]
    assert [index for index, status in enumerate(statuses) if status == 401] == met


@pytest.mark.parametrize(
    "body", [{"contractID": CONTRACT, "serviceID": 45}, {"contractServiceID": LINE}, {"CONTRACTID": CONTRACT}]
)
def test_a_fault_knows_the_contract_of_an_adjustment(body: dict[str, Any]) -> None:
    """Whichever way the line is named."""
    tenant = Tenant()
    tenant.control.add_fault("json_500", contract_id=CONTRACT, text="boom")
    reply = tenant.send("POST", "ContractServiceAdjustments", {**body, "effectiveDate": DAY, "unitChange": 1})
    assert error(reply) == "boom"


def test_faults_are_met_in_order_and_can_be_cleared(tenant: Tenant) -> None:
    """The oldest that fits is met first; a cleared one is not met."""
    tenant.control.add_fault("unauthorized")
    second = tenant.control.add_fault("html_502")
    tenant.control.add_fault("json_500")
    assert tenant.send("GET", "Contracts/1").status == 401
    tenant.control.clear_faults(second)
    assert tenant.send("GET", "Contracts/1").status == 500
    tenant.control.add_fault("json_500")
    tenant.control.clear_faults()
    assert tenant.send("GET", "Contracts/1").status == 404


def test_an_unknown_fault_or_detail_is_an_error(tenant: Tenant) -> None:
    """A misspelt lever does not pass in silence."""
    with pytest.raises(ValueError, match="unknown fault nothing"):
        tenant.control.add_fault("nothing")
    with pytest.raises(ValueError, match="unknown detail entty"):
        tenant.control.add_fault("slow", entty="x")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_meets_a_read_without_harm(kind: str) -> None:
    """A read changes nothing, whatever befalls it."""
    tenant = Tenant()
    before = tenant.api.model.revision
    committed = False
    try:
        tenant.send("GET", f"Contracts/{CONTRACT}", fault=Fault(kind))
    except NeverSent:
        pass
    except NoAnswer as lost:
        committed = lost.committed
    tenant.control.set_clock(advance=60)
    assert not committed
    assert tenant.api.model.revision == before


def test_one_sequence_of_requests_gives_one_sequence_of_answers() -> None:
    """Two tenants that live through the same end the same, to the byte."""

    def live() -> list[Any]:
        tenant = Tenant(stale_reads=1)
        seen: list[Any] = []
        for step, kind in enumerate(sorted(KINDS)):
            try:
                seen.append(tenant.adjust(f"2026-04-{step + 1:02d}", 1, fault=Fault(kind)))
            except (NeverSent, NoAnswer) as lost:
                seen.append(str(lost))
            seen.append(
                tenant.send(
                    "POST", "ContractServiceUnits/query", {"Filter": [{"op": "exist", "field": "id"}]}
                )
            )
            tenant.control.set_clock(advance=2)
        return [*seen, tenant.control.adjustments(), tenant.control.state()]

    assert live() == live()
