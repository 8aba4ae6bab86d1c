"""The client: whole reads, one write, and the zone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.contract.conformity import check
from tests.fakes.canned_transport import CannedTransport, answer, canned, page, sample
from timus_autotask.autotask.client import Autotask, HeaderCredentials
from timus_autotask.autotask.entities import COMPANIES, CONTRACTS
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.autotask.query import MOST_PAGES, Condition
from timus_autotask.autotask.zone import Zone
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.ports.errors import CredentialsRefused, OutcomeUnknown, Refused, RetryLater
from timus_autotask.ports.psa import Access, Permissions, RecordKind

CREDENTIALS = HeaderCredentials("api@example.com", "the-secret", "THE-CODE")
ZONE = Zone("https://webservices2.autotask.net/ATServicesRest/v1.0", "https://ww2.autotask.net/")
ELSEWHERE = Zone("https://webservices31.autotask.net/ATServicesRest/v1.0")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 3, 15)
NEW_CONTRACT = NewContract("timus-cus_41d0", 612, "SASE", date(2026, 1, 1), date(2026, 12, 31), 1)
ACCEPTED = answer({"itemId": None})
UNAUTHORISED = Response(401, {}, b"")
NO_CONTRACT = page()
"""The answer to the read that tells whether a failure concerns everybody: it does not."""


def client(transport: CannedTransport, zone: Zone | None = ZONE, **more: Any) -> Autotask:
    """A client in a known zone."""
    return Autotask(transport, CREDENTIALS, zone=zone, **more)


def zone_answer(zone: Zone) -> Response:
    """The answer of zoneInformation."""
    return answer({"url": zone.base.removesuffix("v1.0"), "webUrl": zone.web_url})


def company(company_id: int, name: str = "Acme") -> dict[str, Any]:
    """A row of Companies."""
    return {"id": company_id, "companyName": name, "isActive": True}


def contract(contract_id: int, **fields: Any) -> dict[str, Any]:
    """A row of Contracts."""
    row = {
        "id": contract_id,
        "companyID": 612,
        "contractName": "SASE",
        "contractType": 7,
        "status": 1,
        "startDate": "2026-01-01T00:00:00Z",
        "endDate": "2026-12-31T00:00:00Z",
        "contractPeriodType": 2,
    }
    return {**row, **fields}


def service(service_id: int, sku: str, **fields: Any) -> dict[str, Any]:
    """A row of Services."""
    row = {"id": service_id, "name": "Seat", "sku": sku, "isActive": True, "periodType": 2, "unitPrice": 23}
    return {**row, **fields}


def unit_row(row_id: int, end: str = "2026-03-31", **fields: Any) -> dict[str, Any]:
    """A row of ContractServiceUnits."""
    row = {
        "id": row_id,
        "contractID": 5,
        "serviceID": 45,
        "contractServiceID": 1201,
        "startDate": "2026-03-01T00:00:00Z",
        "endDate": f"{end}T00:00:00Z",
        "units": 11,
        "price": 254,
        "approveAndPostDate": None,
    }
    return {**row, **fields}


def link(path: str, zone: Zone = ZONE) -> str:
    """The address of a further page."""
    return f"{zone.base}/{path}"


# -- Reads


def test_a_recorded_contract() -> None:
    """The shape of a real record is read."""
    found = client(canned(sample("contract"))).contract(29680017)
    assert found is not None
    assert (found.name, found.recurring, found.active) == ("Régie", False, True)
    assert (found.start, found.end) == (date(2025, 1, 1), date(2026, 12, 31))


def test_recorded_units() -> None:
    """Units and extended price of a recorded row."""
    (row,) = client(canned(sample("units"))).units(29680022, [45])
    assert (row.units, row.price, row.contract_service_id, row.posted) == (
        11,
        Decimal("254.1000"),
        1201,
        False,
    )


def test_recorded_threshold() -> None:
    """The allowance is told; no body is sent with a GET."""
    wire = canned(sample("threshold"))
    threshold = client(wire).threshold()
    assert threshold is not None
    assert (threshold.limit, threshold.window_minutes, threshold.used, threshold.percent) == (
        10000,
        60,
        1234,
        12,
    )
    assert wire.requests[0].body == b""
    with pytest.raises(RetryLater, match="ThresholdInformation"):
        client(
            canned(
                answer({**json.loads(sample("threshold").body), "requestThresholdTimeframe": None}),
                NO_CONTRACT,
            )
        ).threshold()
    with pytest.raises(RetryLater):
        client(canned(NoAnswer("reset"), NO_CONTRACT)).threshold()


def test_a_server_that_does_not_tell_the_allowance_is_asked_on() -> None:
    """Who does not serve ThresholdInformation refuses it; nothing else depends on it."""
    assert client(canned(sample("not-found"), zone_answer(ZONE), NO_CONTRACT)).threshold() is None


def test_recorded_billing_items() -> None:
    """Labour that somebody billed, a line's period, and an adjustment inside it."""
    wire = canned(sample("billing-items"))
    labour, period, adjustment = client(wire).billing_items([29683363])
    assert (labour.contract_service_id, labour.quantity, labour.amount) == (
        None,
        Decimal("3.1750"),
        Decimal("386.6450"),
    )
    assert (period.day, period.quantity, period.adjustment_id) == (date(2026, 3, 1), Decimal(11), None)
    assert (adjustment.day, adjustment.quantity, adjustment.adjustment_id) == (
        date(2026, 3, 16),
        Decimal(3),
        5501,
    )
    assert period.invoice_id is None


def test_billing_items_from_a_day_on() -> None:
    """One day more is asked for than is given back."""
    items = json.loads(sample("billing-items").body)["items"]
    wire = canned(page(*items[1:]))
    found = client(wire).billing_items([29683363], date(2026, 3, 2))
    assert [item.day for item in found] == [date(2026, 3, 16)]
    assert next(wire.bodies())["Filter"] == [
        {"op": "eq", "field": "contractID", "value": 29683363},
        {"op": "gte", "field": "itemDate", "value": "2026-03-01T00:00:00Z"},
    ]


def test_recorded_companies() -> None:
    """All active ones, with every field, so that the user-defined ones come along."""
    wire = canned(sample("companies"))
    contoso, fabrikam = client(wire).active_companies()
    assert (contoso.number, contoso.web_address) == ("C-600", "https://www.contoso-dental.example/")
    assert contoso.user_defined == {"Timus Customer": "cus_41d0"}
    assert (fabrikam.number, fabrikam.user_defined) == ("", {})
    (body,) = wire.bodies()
    assert body == {"MaxRecords": 500, "Filter": [{"op": "eq", "field": "isActive", "value": True}]}


def test_recorded_permissions() -> None:
    """Autotask's own account, asked for without changing anything."""
    wire = canned(sample("permissions"))
    found = client(wire).permissions(RecordKind.COMPANIES)
    assert found == Permissions(Access.RESTRICTED, Access.ALL, Access.ALL)
    assert (wire.requests[0].method, wire.requests[0].url) == ("GET", link("Companies/entityInformation"))
    with pytest.raises(RetryLater, match="cannot be relied on"):
        client(canned(answer({"info": None}), NO_CONTRACT)).permissions(RecordKind.TICKETS)
    with pytest.raises(Refused):
        client(canned(sample("permission-missing-query"), page())).permissions(RecordKind.TICKETS)


def test_what_does_not_exist_is_none_or_missing() -> None:
    """An empty list is an answer."""
    assert client(canned(page())).company(1) is None
    assert client(canned(page())).contract(1) is None
    assert client(canned(page())).service(1) is None
    assert client(canned(page(company(2)))).companies([1, 2]).keys() == {2}
    assert client(canned(page(contract(2)))).contracts([1, 2]).keys() == {2}


def test_what_exists_is_found() -> None:
    """Single reads give the record."""
    assert client(canned(page(company(1, "Acme")))).company(1) == client(canned(page(company(1)))).company(1)
    found = client(canned(page(service(45, "S1", isActive=False)))).service(45)
    assert found is not None
    assert not found.is_active
    lines = [{"id": 1201, "contractID": 5, "serviceID": 45, "unitPrice": 23}]
    assert client(canned(page(*lines))).contract_services(5)[0].service_id == 45
    assert [c.id for c in client(canned(page(contract(5), contract(6)))).contracts_of(612)] == [5, 6]


def test_nothing_asked_is_nothing_sent() -> None:
    """An empty list of ids costs no request: an `in` without values might return everything."""
    assert client(canned()).contracts([]) == {}
    assert client(canned()).units(5, []) == []


def test_long_lists_are_asked_in_parts() -> None:
    """At most 500 ids a request; each once, in order."""
    first, second = range(1, 501), range(501, 551)
    wire = canned(page(*map(company, first)), page(*map(company, second)))
    assert len(client(wire).companies([*reversed(second), *first, 7])) == 550
    assert [body["Filter"][0]["value"] for body in wire.bodies()] == [[*first], [*second]]


def test_services_by_sku_are_exact() -> None:
    """Autotask's database compares without regard to case and trailing blanks; a SKU is exact."""
    wire = canned(page(service(1, "S1"), service(2, "s1 "), service(3, "S1")))
    assert [found.id for found in client(wire).services_by_sku(["S1"])] == [1, 3]


def test_the_services_of_many_skus_are_one_request() -> None:
    """Each SKU once; a hundred in a request, because each is a term of its own."""
    wire = canned(page(service(1, "S1"), service(2, "S2")), page())
    skus = ["S1", "S2", "S1", *(f"T{number}" for number in range(99))]
    assert [found.id for found in client(wire).services_by_sku(skus)] == [1, 2]
    bodies = [*wire.bodies()]
    one_of, active = bodies[0]["Filter"]
    assert one_of["op"] == "or"
    assert one_of["items"][:2] == [{"op": "eq", "field": "sku", "value": sku} for sku in ("S1", "S2")]
    assert active == {"op": "eq", "field": "isActive", "value": True}
    assert [len(body["Filter"][0].get("items", [0])) for body in bodies] == [100, 1]


def test_a_service_of_a_sku_that_was_not_asked_for_is_not_believed() -> None:
    """Autotask may have dropped the filter."""
    with pytest.raises(RetryLater, match="not asked for"):
        client(canned(page(service(1, "S3")), NO_CONTRACT)).services_by_sku(["S1", "S2"])


def test_units_from_a_day_on() -> None:
    """A day more is asked for, whatever zone Autotask compares in; rows that ended before are dropped."""
    wire = canned(page(unit_row(1, "2026-03-14"), unit_row(2, "2026-03-15"), unit_row(3, "2026-04-30")))
    assert [row.end.day for row in client(wire).units(5, [45], DAY)] == [15, 30]
    assert next(wire.bodies())["Filter"][-1] == {
        "op": "gte",
        "field": "endDate",
        "value": "2026-03-14T00:00:00Z",
    }


def test_units_on_a_day_of_each_contract() -> None:
    """Contracts of one day share a list, one alone is named; half a day of margin serves any zone, and goes out again."""
    wire = canned(
        page(
            unit_row(1, contractID=5),
            unit_row(2, "2026-03-14", contractID=6),
            unit_row(3, "2026-12-31", contractID=7, startDate="2026-12-01T00:00:00Z"),
        )
    )
    end = date(2026, 12, 31)
    found = client(wire).units_on({5: DAY, 6: DAY, 7: end})
    assert [row.contract_id for row in found] == [5, 7]
    [sent] = wire.bodies()
    [either] = sent["Filter"]
    assert either == {
        "op": "or",
        "items": [
            {
                "op": "and",
                "items": [
                    {"op": "in", "field": "contractID", "value": [5, 6]},
                    {"op": "lte", "field": "startDate", "value": "2026-03-15T12:00:00Z"},
                    {"op": "gte", "field": "endDate", "value": "2026-03-14T12:00:00Z"},
                ],
            },
            {
                "op": "and",
                "items": [
                    {"op": "eq", "field": "contractID", "value": 7},
                    {"op": "lte", "field": "startDate", "value": "2026-12-31T12:00:00Z"},
                    {"op": "gte", "field": "endDate", "value": "2026-12-30T12:00:00Z"},
                ],
            },
        ],
    }
    assert check("POST", "/v1.0/ContractServiceUnits/query", {}, sent) == []


@pytest.mark.parametrize("days", [1, 2, 3, 499, 500, 501, 1000])
def test_units_on_days_keep_to_the_terms_of_a_query(days: int) -> None:
    """However the contracts share their days, no query has more than 500 OR terms, and none is left out or asked twice."""
    wanted = {n: DAY + timedelta(days=n % days) for n in range(1, 1001)}
    wire = canned(*[page()] * 5)
    assert client(wire).units_on(wanted) == []
    asked: list[int] = []
    for body in wire.bodies():
        assert check("POST", "/v1.0/ContractServiceUnits/query", {}, body) == []
        [condition] = body["Filter"]
        for one in condition["items"] if condition["op"] == "or" else [condition]:
            ids = one["items"][0]["value"]
            asked += ids if isinstance(ids, list) else [ids]
    assert sorted(asked) == sorted(wanted)
    assert len(wire.requests) <= 4


def test_rows_are_checked_against_nested_conditions() -> None:
    """A row that is of another contract, or of another day, was not asked for."""
    for row in (unit_row(1, contractID=9), unit_row(1, "2026-03-13"), unit_row(1, startDate="2026-03-16")):
        with pytest.raises(RetryLater, match="was not asked for"):
            client(canned(page(row), NO_CONTRACT)).units_on({5: DAY, 6: DAY + timedelta(days=40)})


def test_billing_rules_of_contracts() -> None:
    """Whether a rule counts on a contract, in one request."""
    row = {"id": 1, "contractID": 5, "isActive": True, "invoiceDescription": None}
    [rule] = client(canned(page(row))).billing_rules([5, 6])
    assert (rule.contract_id, rule.is_active, rule.description) == (5, True, "")


def test_units_of_several_contracts() -> None:
    """One request reads whole contracts."""
    wire = canned(page(unit_row(1), unit_row(2, contractID=6, serviceID=46)))
    assert [(row.contract_id, row.service_id) for row in client(wire).units_of_contracts([5, 6])] == [
        (5, 45),
        (6, 46),
    ]


def test_pages_are_followed_by_post() -> None:
    """A list begun by POST goes on by POST with the same body, to the address that Autotask names."""
    following = link("Companies/query/next?paging=a%2Fb").replace("v1.0", "V1.0")
    wire = canned(page(company(1), following=following), page(company(2), following=""))
    assert client(wire).companies([1, 2]).keys() == {1, 2}
    first, second = wire.requests
    assert (second.method, second.url) == ("POST", link("Companies/query/next?paging=a%2Fb"))
    assert second.body == first.body


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/ATServicesRest/v1.0/Companies/query/next",
        "https://webservices3.autotask.net/ATServicesRest/v1.0/Companies/query/next",
        "http://webservices2.autotask.net/ATServicesRest/v1.0/Companies/query/next",
        "https://webservices2.autotask.net@evil.example/ATServicesRest/v1.0/Companies/query/next",
        link("Contracts/query/next"),
        "/ATServicesRest/v1.0/Companies/query/next",
        "next",
    ],
)
def test_hostile_page_links(following: str) -> None:
    """Credentials never leave the zone: such a read fails, and the link is not followed."""
    wire = canned(page(company(1), following=following), NO_CONTRACT)
    with pytest.raises(RetryLater, match="leads elsewhere"):
        client(wire).companies([1])
    assert [request.url for request in wire.requests] == [link("Companies/query"), link("Contracts/query")]


def test_endless_pages() -> None:
    """A list that does not end is given up, and nothing of it is taken for the whole."""
    pages = (page(company(n), following=link(f"Companies/query/next?p={n}")) for n in range(MOST_PAGES))
    with pytest.raises(RetryLater, match="more than 100 pages"):
        client(canned(*pages, NO_CONTRACT)).companies(range(MOST_PAGES))


def test_as_many_pages_as_may_be() -> None:
    """The last of them is read as well."""
    pages = (page(company(n), following=link(f"Companies/query/next?p={n}")) for n in range(MOST_PAGES - 1))
    found = client(canned(*pages, page(company(MOST_PAGES)))).companies(range(MOST_PAGES + 1))
    assert len(found) == MOST_PAGES


@pytest.mark.parametrize("back", ["Companies/query", "Companies/query/next?p=1", "Companies/query/next?p=2"])
def test_a_page_that_was_read_before_ends_the_read(back: str) -> None:
    """A link that leads back would be followed for ever."""
    ahead = [link("Companies/query/next?p=1"), link("Companies/query/next?p=2"), link(back)]
    pages = [page(company(n), following=following) for n, following in enumerate(ahead)]
    wire = canned(*pages, NO_CONTRACT)
    with pytest.raises(RetryLater, match="leads back") as raised:
        client(wire).companies(range(5))
    assert not raised.value.everywhere


def test_an_empty_page_has_no_next_one() -> None:
    """It would cost a request for each page, and gives nothing."""
    wire = canned(page(following=link("Companies/query/next?p=1")), NO_CONTRACT)
    with pytest.raises(RetryLater, match="an empty page names a next one"):
        client(wire).companies([1])


NO_ANSWERS_OF_A_QUERY = {
    "no page": answer({"items": None, "pageDetails": None}),
    "texts": answer({"items": ["x"], "pageDetails": {"count": 1, "nextPageUrl": None}}),
    "a row that was not asked for": page(contract(77)),
    "an empty page with a next": page(following=link("Contracts/query/next?p=1")),
    "not one of the API": Response(200, {}, b"<html>"),
}


@pytest.mark.parametrize("case", NO_ANSWERS_OF_A_QUERY)
@pytest.mark.parametrize("ask", [lambda one: one.contract(5), lambda one: one.units(5, [45])])
def test_what_no_query_answers_is_the_services_failure(case: str, ask: Callable[[Autotask], object]) -> None:
    """If the read that everybody makes is answered no better, nobody's is (decision 0011); else it is this request's."""
    told = NO_ANSWERS_OF_A_QUERY[case]
    with pytest.raises(RetryLater) as raised:
        ask(client(canned(told, told)))
    assert raised.value.everywhere
    with pytest.raises(RetryLater) as raised:
        ask(client(canned(told, NO_CONTRACT)))
    assert not raised.value.everywhere


@pytest.mark.parametrize("case", NO_ANSWERS_OF_A_QUERY)
def test_signing_in_to_what_answers_no_query(case: str) -> None:
    """Autotask is away then, whatever its status says."""
    with pytest.raises(RetryLater) as raised:
        client(canned(zone_answer(ZONE), NO_ANSWERS_OF_A_QUERY[case])).sign_in()
    assert raised.value.everywhere


def test_a_dead_page_link_is_a_failed_read() -> None:
    """Autotask keeps some 50 pages; a refused link is no refusal of the question."""
    wire = canned(
        page(company(1), following=link("Companies/query/next?p=1")),
        answer({"errors": ["gone"]}, 500),
        NO_CONTRACT,
    )
    with pytest.raises(RetryLater, match="gone"):
        client(wire).companies([1, 2])


def test_a_refused_question_is_refused() -> None:
    """Autotask's words reach the caller."""
    with pytest.raises(Refused, match="Unable to find projectID"):
        client(canned(sample("query-unknown-field"), NO_CONTRACT)).company(1)


def broken(body: Any) -> Response:
    """A page that is not as published."""
    return answer(body)


@pytest.mark.parametrize(
    "response",
    [
        broken({"items": []}),
        broken({"pageDetails": {"nextPageUrl": None}}),
        broken({"items": None, "pageDetails": {"nextPageUrl": None}}),
        broken({"items": {}, "pageDetails": {"nextPageUrl": None}}),
        broken({"items": [None], "pageDetails": {"nextPageUrl": None}}),
        broken({"items": [], "pageDetails": None}),
        broken({"items": [], "pageDetails": {}}),
        broken({"items": [], "pageDetails": {"nextPageUrl": 5}}),
        page(company(1), company(1)),
        page({"companyName": "Acme", "isActive": True}),
        page({**company(1), "id": [1]}),
        page({**company(1), "id": True}),
        page({**company(1), "isActive": "yes"}),
        page(company(3)),
        Response(200, {}, page(company(1)).body[:-5]),
        Response(503, {}, b"<html>"),
        sample("threads-exceeded"),
        NoAnswer("reset"),
        NotSent("no route"),
    ],
)
def test_a_partial_read_is_no_read(response: Response | Exception) -> None:
    """Whatever is wrong with a read, nothing is returned and it is tried later."""
    with pytest.raises(RetryLater):
        client(canned(response, NO_CONTRACT)).companies([1, 2])


def test_rows_that_came_twice_over_pages() -> None:
    """A page that repeats another's rows is not trusted."""
    wire = canned(page(company(1), following=link("Companies/query/next?p=1")), page(company(1)), NO_CONTRACT)
    with pytest.raises(RetryLater, match="twice"):
        client(wire).companies([1, 2])


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        (Condition("companyID", "eq", 612), [612], [613, "612", None, True]),
        (Condition("companyID", "in", [612, 1]), [612, 1], [613, "612", None, True, [612]]),
        (Condition("contractName", "eq", "sase"), ["SASE", " sase "], ["SASE 2", 5, None]),
        (Condition("contractName", "contains", " AS "), ["SASE", "as"], ["X", 5, None]),
        (
            Condition("endDate", "gte", "2026-03-15T00:00:00Z"),
            ["2026-03-15", "2027-01-01T00:00:00"],
            ["2026-03-14", 5],
        ),
    ],
)
def test_rows_are_checked_against_the_filter(condition: Condition, good: list[Any], bad: list[Any]) -> None:
    """Were a filter dropped on the way, foreign rows would come under status 200."""
    for value in good:
        rows = page(contract(1, **{condition.field: value}))
        assert len(client(canned(rows)).query(CONTRACTS, condition)) == 1
    for value in bad:
        wire = canned(page(contract(1, **{condition.field: value})), NO_CONTRACT)
        with pytest.raises(RetryLater, match=f"a row came whose {condition.field} was not asked for"):
            client(wire).query(CONTRACTS, condition)


def test_a_flag_is_checked_too() -> None:
    """Only active services were asked for."""
    with pytest.raises(RetryLater, match="isActive"):
        client(canned(page(service(1, "S1", isActive=False)), NO_CONTRACT)).services_by_sku(["S1"])


@pytest.mark.parametrize("op", ["ne", "noteq", "", "EQ", "and", "or"])
def test_operators_that_cannot_be_checked_cannot_be_asked(op: str) -> None:
    """Autotask drops an unknown operator silently and returns every row."""
    with pytest.raises(ValueError, match="cannot be checked"):
        Condition("id", op, 1)


# -- Writes


def test_adjusting_a_known_line() -> None:
    """The line is named by its own id; nothing allows a second line for the service."""
    wire = canned(sample("adjustment-accepted"))
    client(wire).adjust(5, 45, 1201, -3, DAY, time_zone=BERLIN)
    (request,) = wire.requests
    assert (request.method, request.url) == ("POST", link("ContractServiceAdjustments"))
    assert json.loads(request.body) == {
        "contractID": 5,
        "contractServiceID": 1201,
        "unitChange": -3,
        "effectiveDate": "2026-03-15T12:00:00Z",
    }


def test_adjusting_makes_a_line() -> None:
    """Without a line the service is named, and the adjustment makes the line."""
    wire = canned(ACCEPTED)
    client(wire).adjust(
        5, 45, None, 3, DAY, time_zone=ZoneInfo("Pacific/Auckland"), unit_price=Decimal("23.1000")
    )
    assert wire.requests[0].body == (
        b'{"contractID":5,"serviceID":45,"unitChange":3,"effectiveDate":"2026-03-15T10:00:00Z","adjustedUnitPrice":23.1}'
    )


def test_a_price_alone_may_change() -> None:
    """Autotask takes a price without a change of units; a change of nothing is a mistake of ours."""
    wire = canned(ACCEPTED)
    client(wire).adjust(5, 45, 1201, 0, DAY, time_zone=BERLIN, unit_price=Decimal("-0.5"))
    with pytest.raises(ValueError, match="the units, the price or both"):
        client(wire).adjust(5, 45, 1201, 0, DAY, time_zone=BERLIN)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (sample("adjustment-outside-contract"), Refused),
        (sample("adjustment-fault-html"), OutcomeUnknown),
        (sample("adjustment-truncated"), OutcomeUnknown),
        (answer({"items": []}), OutcomeUnknown),
        (NoAnswer("reset"), OutcomeUnknown),
        (NotSent("no route"), RetryLater),
        (sample("threads-exceeded"), RetryLater),
    ],
)
def test_writes_that_fail(outcome: Response | Exception, error: type[Exception]) -> None:
    """A write is sent once, whatever comes of it."""
    creations: list[Callable[[Autotask], object]] = [
        lambda autotask: autotask.adjust(5, 45, None, 3, DAY, time_zone=BERLIN),
        lambda autotask: autotask.create_contract(NEW_CONTRACT, time_zone=BERLIN),
    ]
    for create in creations:
        wire = canned(outcome, NO_CONTRACT)
        with pytest.raises(error):
            create(client(wire))
        first, *others = wire.requests
        assert [request.url for request in others] in ([], [link("Contracts/query")])
        assert first.url != link("Contracts/query")


def test_creations_tell_an_id_if_autotask_does() -> None:
    """Ids of what was created, None when none is told."""
    assert client(canned(answer({"itemId": 77}))).create_contract(NEW_CONTRACT, time_zone=BERLIN) == 77
    assert client(canned(ACCEPTED)).create_contract(NEW_CONTRACT, time_zone=BERLIN) is None


def test_extending_a_contract() -> None:
    """A new last day may be set again, so no outcome is unknown."""
    wire = canned(sample("contract-extended"), NoAnswer("reset"), NO_CONTRACT)
    autotask = client(wire)
    autotask.extend_contract(5, date(2027, 3, 31), time_zone=BERLIN)
    assert (wire.requests[0].method, wire.requests[0].url) == ("PATCH", link("Contracts"))
    assert next(wire.bodies()) == {"id": 5, "endDate": "2027-03-31T12:00:00Z"}
    with pytest.raises(RetryLater):
        autotask.extend_contract(5, date(2027, 3, 31), time_zone=BERLIN)


# -- Zone


def test_the_zone_is_looked_up_once() -> None:
    """The first request asks where the tenant lives, without credentials; the answer is kept and can be cached."""
    wire = canned(sample("zone"), page(), page())
    autotask = client(wire, zone=None)
    autotask.contract(1)
    autotask.contract(1)
    assert [request.url for request in wire.requests] == [
        "https://webservices.autotask.net/atservicesrest/v1.0/zoneInformation?user=api%40example.com",
        link("Contracts/query"),
        link("Contracts/query"),
    ]
    assert not wire.requests[0].headers.keys() & {"Secret", "UserName", "ApiIntegrationCode"}
    assert autotask.zone == ZONE


def test_a_kept_zone_saves_the_lookup() -> None:
    """A cached zone is used as it is; one on a host that is not Autotask's is not."""
    wire = canned(page())
    client(wire).contract(1)
    assert len(wire.requests) == 1
    assert client(canned(), zone=Zone("https://evil.example/v1.0")).zone is None


def test_a_zone_that_moved_is_found_again() -> None:
    """Zones move, and then right credentials get 401: ask once, and make the same request there, also a write."""
    wire = canned(UNAUTHORISED, zone_answer(ELSEWHERE), ACCEPTED)
    autotask = client(wire)
    autotask.adjust(5, 45, 1201, 1, DAY, time_zone=BERLIN)
    first, _, second = wire.requests
    assert second.url == first.url.replace("webservices2", "webservices31")
    assert second.body == first.body
    assert autotask.zone == ELSEWHERE


@pytest.mark.parametrize(
    ("zone", "answers"),
    [
        (ZONE, [UNAUTHORISED, zone_answer(ZONE)]),
        (ZONE, [UNAUTHORISED, zone_answer(ELSEWHERE), UNAUTHORISED]),
        (None, [zone_answer(ZONE), UNAUTHORISED]),
        (None, [UNAUTHORISED]),
        (None, [Response(404, {}, b"")]),
        (None, [answer({"errors": ["no such user"]}, 500)]),
        (None, [answer({})]),
        (None, [answer({"url": None})]),
        (None, [answer({"url": "https://evil.example/ATServicesRest/"})]),
        (None, [answer({"url": "http://webservices2.autotask.net/ATServicesRest/"})]),
        (ZONE, [UNAUTHORISED, answer({"url": "https://evil.example/"})]),
    ],
)
def test_credentials_are_not_hammered(zone: Zone | None, answers: list[Response]) -> None:
    """Bad credentials cost one question for the zone and no more; credentials go to Autotask's hosts only."""
    wire = canned(*answers)
    with pytest.raises(CredentialsRefused):
        client(wire, zone=zone).contract(1)
    assert not wire.answers


@pytest.mark.parametrize(
    "failed", [NotSent("x"), NoAnswer("x"), Response(503, {}, b""), Response(429, {}, b"")]
)
def test_a_failed_lookup_is_tried_later(failed: Response | Exception) -> None:
    """Neither a write whose zone is unknown nor one that got 401 was applied."""
    for zone, answers in ((None, [failed]), (ZONE, [UNAUTHORISED, failed])):
        with pytest.raises(RetryLater):
            client(canned(*answers), zone=zone).adjust(5, 45, 1201, 1, DAY, time_zone=BERLIN)


def test_the_rest_of_a_list_after_a_move() -> None:
    """A page link may mean nothing in the new zone; then the read has failed."""
    following = link("Companies/query/next?p=1")
    wire = canned(
        page(company(1), following=following),
        UNAUTHORISED,
        zone_answer(ELSEWHERE),
        Response(404, {}, b""),
        NO_CONTRACT,
    )
    with pytest.raises(RetryLater):
        client(wire).companies([1, 2])
    assert [request.url for request in wire.requests[-2:]] == [
        link("Companies/query/next?p=1", ELSEWHERE),
        link("Contracts/query", ELSEWHERE),
    ]


@pytest.mark.parametrize(
    ("lookup", "base"),
    [
        (
            answer({"url": "http://127.0.0.1:8080/ATServicesRest/"}),
            "http://127.0.0.1:8080/ATServicesRest/v1.0",
        ),
        (answer({"url": "https://webservices2.autotask.net/ATServicesRest/"}), "http://127.0.0.1:8080/v1.0"),
        (answer({"zoneName": "x"}), "http://127.0.0.1:8080/v1.0"),
        (Response(404, {}, b""), "http://127.0.0.1:8080/v1.0"),
    ],
)
def test_another_server(lookup: Response, base: str) -> None:
    """A server given by hand answers for itself, with or without zoneInformation."""
    wire = canned(lookup, page())
    autotask = client(wire, zone=ZONE, server="http://127.0.0.1:8080/")
    assert autotask.zone is None
    autotask.contract(1)
    assert [request.url for request in wire.requests] == [
        "http://127.0.0.1:8080/v1.0/zoneInformation?user=api%40example.com",
        f"{base}/Contracts/query",
    ]
    assert autotask.zone == Zone(base)


def test_another_server_may_refuse_too() -> None:
    """Only a missing zoneInformation is forgiven."""
    with pytest.raises(CredentialsRefused):
        client(canned(Response(403, {}, b"")), zone=None, server="http://127.0.0.1:8080").contract(1)
    with pytest.raises(ValueError, match="no http"):
        client(canned(), server="127.0.0.1:8080")


# -- Credentials and measurements


def test_credentials_travel_in_headers_only() -> None:
    """Three headers on every request, and never in a representation."""
    wire = canned(page())
    client(wire).contract(1)
    (request,) = wire.requests
    assert request.headers == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "ApiIntegrationCode": "THE-CODE",
        "UserName": "api@example.com",
        "Secret": "the-secret",
    }
    for shown in (repr(CREDENTIALS), str(CREDENTIALS), repr(request), repr(client(wire)), request.url):
        assert "the-secret" not in shown
        assert "THE-CODE" not in shown


@pytest.mark.parametrize("value", ["", " ", " x", "x\n", "x\r\nHost: evil", "x\x00", "schlüssel"])
def test_credentials_that_no_header_can_carry(value: str) -> None:
    """A slip of the paste is named before the first request, without showing the secret."""
    for field in ("user_name", "secret", "integration_code"):
        given = {"user_name": "u", "secret": "s", "integration_code": "c", field: value}
        with pytest.raises(ValueError, match=field) as raised:
            HeaderCredentials(**given)
        assert not value.strip() or value not in str(raised.value)


def test_every_request_is_reported() -> None:
    """Entity, verb and seconds of each request, also of one that failed."""
    seen: list[tuple[str, str]] = []

    def on_call(entity: str, verb: str, seconds: float) -> None:
        assert 0 <= seconds < 60
        seen.append((entity, verb))

    autotask = client(canned(sample("zone"), page(), NoAnswer("reset")), zone=None, on_call=on_call)
    autotask.contract(1)
    with pytest.raises(OutcomeUnknown):
        autotask.create_contract(NEW_CONTRACT, time_zone=BERLIN)
    assert seen == [("zoneInformation", "GET"), ("Contracts", "POST"), ("Contracts", "POST")]


# -- Conformity


def violations(request: Request) -> list[str]:
    """What Autotask's published API says against a request."""
    address, _, query = request.url.partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
    return check(request.method, address, pairs, json.loads(request.body) if request.body else None)


def test_every_request_is_as_published() -> None:
    """Each method of the client keeps to the paths, verbs, names and types that Autotask publishes."""
    wire = canned(
        sample("zone"),
        page(company(1), following=link("Companies/query/next?paging=x")),
        *(page() for _ in range(10)),
        sample("threshold"),
        *(answer({"itemId": 1}) for _ in range(5)),
    )
    autotask = client(wire, zone=None)
    autotask.company(1)
    autotask.companies([1, 2])
    autotask.contract(5)
    autotask.contracts([5, 6])
    autotask.contracts_of(612)
    autotask.services_by_sku(["S1"])
    autotask.service(45)
    autotask.contract_services(5)
    autotask.units(5, [45], DAY)
    autotask.units_of_contracts([5, 6], DAY)
    autotask.threshold()
    autotask.adjust(5, 45, None, 1, DAY, time_zone=BERLIN, unit_price=Decimal("23.10"))
    autotask.adjust(5, 45, 1201, -1, DAY, time_zone=BERLIN)
    autotask.extend_contract(5, DAY, time_zone=BERLIN)
    autotask.create_contract(NEW_CONTRACT, time_zone=BERLIN)
    autotask.create_contract(replace(NEW_CONTRACT, category=13, organizational_level=8), time_zone=BERLIN)
    assert not wire.answers
    assert [found for request in wire.requests for found in violations(request)] == []


def test_operators_of_ours_are_documented() -> None:
    """Every operator that the client allows is one that Autotask documents."""
    for op, value in (("eq", 1), ("in", [1]), ("gte", 1), ("contains", 1)):
        wire = canned(page())
        client(wire).query(COMPANIES, Condition("id", op, value))
        assert violations(wire.requests[0]) == []
