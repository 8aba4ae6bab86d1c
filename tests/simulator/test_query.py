"""The query language: operators, fields, paging, counts, and how records are written."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulator.tenant import BASE, CONTRACT, HEADERS, LINE, SCENARIO, Tenant, error


@pytest.fixture(scope="module")
def crowd() -> Tenant:
    """A tenant with 1,200 companies."""
    names = [{"id": 1000 + n, "companyName": f"Company {n}", "isActive": n % 2 == 0} for n in range(1200)]
    return Tenant({**SCENARIO, "companies": names + SCENARIO["companies"]})


def f(op: str, field: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """One filter."""
    return {"op": op, "field": field, "value": value, **more}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f("eq", "id", 600), [600]),
        (f("eq", "ID", "600"), [600]),
        (f("noteq", "id", 600), [601]),
        (f("gt", "id", 600), [601]),
        (f("gte", "id", 600), [600, 601]),
        (f("lt", "id", 601), [600]),
        (f("lte", "id", 601), [600, 601]),
        (f("beginsWith", "companyName", "contoso"), [600]),
        (f("endsWith", "companyName", "DENTAL"), [600]),
        (f("contains", "companyName", "rik"), [601]),
        (f("eq", "companyName", "fabrikam"), [601]),
        (f("exist", "companyName"), [600, 601]),
        (f("exist", "companyNumber"), []),
        (f("notExist", "companyNumber"), [600, 601]),
        (f("in", "id", [600, 7]), [600]),
        (f("notIn", "id", [600, 7]), [601]),
        (f("in", "companyName", ["FABRIKAM"]), [601]),
        (f("noteq", "companyNumber", "x"), []),
        ({"op": "and", "items": [f("gt", "id", 0), f("lt", "id", 601)]}, [600]),
        ({"op": "or", "items": [f("eq", "id", 600), f("eq", "id", 601)]}, [600, 601]),
        ({"op": "or", "items": [{"op": "and", "items": [f("eq", "id", 600), f("eq", "id", 601)]}]}, []),
    ],
)
def test_operators(condition: dict[str, Any], expected: list[int]) -> None:
    """Each operator means what the help page says; null compares to nothing."""
    assert [one["id"] for one in Tenant().query("Companies", condition)] == expected


@pytest.mark.parametrize("op", ["ne", "EQ", "like", "", None])
def test_an_unknown_operator_is_dropped_without_a_word(op: str | None) -> None:
    """The filter vanishes and every row comes back: observed live."""
    assert len(Tenant().query("Companies", {"op": op, "field": "id", "value": 600})) == 2


def test_filters_of_the_top_level_are_all_needed(tenant: Tenant) -> None:
    """Several filters in the list are ANDed."""
    assert tenant.query("Companies", f("eq", "id", 600), f("eq", "companyName", "Fabrikam")) == []


@pytest.mark.parametrize(
    ("entity", "body", "text"),
    [
        (
            "Contracts",
            {"Filter": [f("eq", "projectID", 1)]},
            "Unable to find projectID in the Contract Entity",
        ),
        (
            "Contracts",
            {"Filter": [f("eq", "Subscription", "x")]},
            "Unable to find Subscription in the Contract Entity",
        ),
        (
            "Contracts",
            {"Filter": [f("eq", "Nothing", "x", udf=True)]},
            "Unable to find Nothing in the Contract Entity",
        ),
        ("Contracts", {"Filter": [f("exist", "id")], "IncludeFields": ["x"]}, "Unable to find x"),
        ("Contracts", {}, "Filter is required"),
        ("Contracts", {"Filter": []}, "Filter is required"),
        (
            "Contracts",
            {"Filter": [f("exist", "id")], "MaxRecords": 0},
            "maxCountOfRecordsToReturn must be between 1 and 500",
        ),
        ("Contracts", {"Filter": [f("exist", "id")], "MaxRecords": 501}, "between 1 and 500"),
        (
            "Contracts",
            {"Filter": [f("in", "id", list(range(501)))]},
            "Queries are limited to 500 or fewer 'OR' conditions",
        ),
        (
            "Contracts",
            {"Filter": [{"op": "or", "items": [f("eq", "id", n) for n in range(501)]}]},
            "500 or fewer",
        ),
        ("Contracts", {"Filter": [f("eq", "isCompliant", None)]}, "cannot be null"),
        (
            "Contracts",
            {"Filter": [f("eq", "id", True)]},
            "Unexpected character encountered while parsing value: t",
        ),
        ("Contracts", {"Filter": [f("gt", "endDate", "soon")]}, "Could not convert string to DateTime"),
        (
            "Contracts",
            {"Filter": [f("exist", "Subscription", udf=True), f("exist", "Balance", udf=True)]},
            "limited to 1 user-defined field",
        ),
    ],
)
def test_refused_queries(entity: str, body: dict[str, Any], text: str) -> None:
    """A wrong query is a 500 with Autotask's text."""
    assert text in error(Tenant().send("POST", f"{entity}/query", body))


def test_five_hundred_values_are_allowed(tenant: Tenant) -> None:
    """Exactly 500 OR terms pass."""
    assert tenant.query("Contracts", f("in", "id", [*range(499), CONTRACT]))[0]["id"] == CONTRACT


def test_body_keys_come_in_any_case(tenant: Tenant) -> None:
    """maxRecords, MAXRECORDS and the rest mean the same."""
    body = {"MAXRECORDS": 1, "includefields": ["ID"], "filter": [{"OP": "exist", "Field": "id"}]}
    reply = tenant.send("POST", "Companies/query", body).json()
    assert reply["items"] == [{"id": 600, "userDefinedFields": []}]


def test_a_query_by_get(tenant: Tenant) -> None:
    """GET takes the body in the search parameter, whatever the case of its name."""
    search = quote(json.dumps({"Filter": [f("eq", "id", 600)]}))
    assert (
        tenant.send("GET", f"Companies/query?Search={search}").json()["items"][0]["companyName"]
        == "Contoso Dental"
    )
    assert tenant.send("GET", f"Companies/query/count?search={search}").json() == {"queryCount": 1}


def test_count_ignores_the_page_size(crowd: Tenant) -> None:
    """query/count tells how many match."""
    reply = crowd.send("POST", "Companies/query/count", {"MaxRecords": 1, "Filter": [f("gte", "id", 1000)]})
    assert reply.body == b'{"queryCount":1200}'


def test_paging_by_post(crowd: Tenant) -> None:
    """A chain is followed by POST with the same body; its pages come in ascending id order and end with null."""
    body = {"MaxRecords": 500, "Filter": [f("gte", "id", 1000)]}
    reply = crowd.send("POST", "Companies/query", body).json()
    assert reply["pageDetails"]["count"] == reply["pageDetails"]["requestCount"] == 500
    assert reply["pageDetails"]["prevPageUrl"] is None
    ids = [one["id"] for one in reply["items"]]
    link = reply["pageDetails"]["nextPageUrl"]
    assert link.startswith("https://autotask.test/ATServicesRest/V1.0/Companies/query/next?paging=")
    pages = [reply]
    while link := pages[-1]["pageDetails"]["nextPageUrl"]:
        pages.append(crowd.api.handle("POST", link, HEADERS, json.dumps(body).encode()).json())
        ids += [one["id"] for one in pages[-1]["items"]]
    assert ids == list(range(1000, 2200))
    assert pages[-1]["pageDetails"]["count"] == 200
    back = crowd.api.handle(
        "POST", pages[-1]["pageDetails"]["prevPageUrl"], HEADERS, json.dumps(body).encode()
    ).json()
    assert [one["id"] for one in back["items"]] == list(range(1500, 2000))


def test_a_chain_by_post_cannot_be_continued_by_get(crowd: Tenant) -> None:
    """GET on its link answers 405 with a Message: observed live."""
    link = crowd.send("POST", "Companies/query", {"Filter": [f("exist", "id")]}).json()["pageDetails"][
        "nextPageUrl"
    ]
    reply = crowd.api.handle("GET", link, HEADERS)
    assert reply.status == 405
    assert reply.json() == {"Message": "The requested resource does not support http method 'GET'."}


def test_a_chain_by_get_is_continued_by_get(crowd: Tenant) -> None:
    """GET continues what GET began, and POST cannot."""
    search = quote(json.dumps({"MaxRecords": 2, "Filter": [f("exist", "id")]}))
    link = crowd.send("GET", f"Companies/query?search={search}").json()["pageDetails"]["nextPageUrl"]
    assert len(crowd.api.handle("GET", link, HEADERS).json()["items"]) == 2
    assert crowd.api.handle("POST", link, HEADERS).status == 405


def test_another_body_does_not_continue_a_chain(crowd: Tenant) -> None:
    """The same body has to come again."""
    link = crowd.send("POST", "Companies/query", {"Filter": [f("exist", "id")]}).json()["pageDetails"][
        "nextPageUrl"
    ]
    assert (
        crowd.api.handle("POST", link, HEADERS, b'{"Filter":[{"op":"gt","field":"id","value":3}]}').status
        == 500
    )


def test_only_recent_pages_are_kept(crowd: Tenant) -> None:
    """A link is good for about 50 further pages."""
    body = {"MaxRecords": 1, "Filter": [f("exist", "id")]}
    raw = json.dumps(body).encode()
    link = crowd.send("POST", "Companies/query", body).json()["pageDetails"]["nextPageUrl"]
    assert crowd.api.handle("POST", link, HEADERS, raw).status == 200
    for _ in range(50):
        crowd.send("POST", "Companies/query", body)
    assert crowd.api.handle("POST", link, HEADERS, raw).status == 500


def test_user_defined_fields(tenant: Tenant) -> None:
    """They are listed with null when unset, patched one by one, and queried with udf: true."""
    assert tenant.send("GET", f"Contracts/{CONTRACT}").json()["item"]["userDefinedFields"] == [
        {"name": "Subscription", "value": None},
        {"name": "Balance", "value": None},
    ]
    fields = [{"name": "Subscription", "value": "sub_1"}]
    assert tenant.send("PATCH", "Contracts", {"Id": CONTRACT, "userDefinedFields": fields}).status == 200
    tenant.send(
        "PATCH", "Contracts", {"id": CONTRACT, "userDefinedFields": [{"name": "Balance", "value": 23.45}]}
    )
    item = tenant.query("Contracts", f("eq", "Subscription", "sub_1", udf=True))[0]
    assert item["userDefinedFields"] == [
        {"name": "Subscription", "value": "sub_1"},
        {"name": "Balance", "value": "23.45"},
    ]
    assert len(tenant.query("Contracts", f("notExist", "Subscription", udf=True))) == 1
    unknown = {"id": CONTRACT, "userDefinedFields": [{"name": "Nope", "value": "x"}]}
    assert "Unable to find Nope" in error(tenant.send("PATCH", "Contracts", unknown))


def test_how_a_contract_is_written(tenant: Tenant) -> None:
    """Keys are camelCase, money has four decimals, dates are midnight UTC with a Z, empty texts can be empty."""
    text = tenant.send("GET", f"Contracts/{CONTRACT}").body.decode()
    assert text.startswith('{"item":{"id":29683949,')
    assert '"setupFee":0.0000' in text
    assert '"startDate":"2026-01-15T00:00:00Z"' in text
    assert '"purchaseOrderNumber":""' in text


@pytest.mark.parametrize(
    ("conditions", "starts"),
    [
        (
            [f("lte", "startDate", "2026-03-10T23:59:59Z"), f("gte", "endDate", "2026-03-10T00:00:00Z")],
            ["2026-02-15"],
        ),
        (
            [f("lte", "startDate", "2026-03-15"), f("gte", "endDate", "2026-03-14")],
            ["2026-02-15", "2026-03-15"],
        ),
        ([f("eq", "startDate", "2026-03-15T00:00:00.000Z")], ["2026-03-15"]),
        ([f("gt", "startDate", "2026-11-15T00:00:00")], ["2026-12-15"]),
    ],
)
def test_unit_rows_by_date(conditions: list[dict[str, Any]], starts: list[str]) -> None:
    """Rows of a day are found by startDate and endDate."""
    rows = Tenant().query("ContractServiceUnits", f("eq", "contractID", CONTRACT), *conditions)
    assert [row["startDate"][:10] for row in rows] == starts


def test_children_of_a_contract(tenant: Tenant) -> None:
    """GET on a child collection lists it with page details; a child of another parent is missing."""
    reply = tenant.send("GET", f"Contracts/{CONTRACT}/Services").json()
    assert [one["id"] for one in reply["items"]] == [LINE]
    assert reply["pageDetails"]["count"] == 1
    assert tenant.send("GET", f"Contracts/{CONTRACT}/Services/{LINE}").json()["item"]["id"] == LINE
    assert tenant.send("GET", f"Contracts/29683353/Services/{LINE}").status == 404
    assert len(tenant.send("GET", f"contracts/{CONTRACT}/serviceunits").json()["items"]) == 12


def test_a_query_by_id_of_a_unit_row(tenant: Tenant) -> None:
    """A unit row can be read by its id."""
    row = tenant.query("ContractServiceUnits")[3]
    assert tenant.send("GET", f"ContractServiceUnits/{row['id']}").json()["item"] == row


def test_paths_are_case_insensitive() -> None:
    """ATServicesRest, V1.0 and entity names come in any case."""
    api = Tenant().api
    path = (BASE + f"Contracts/{CONTRACT}").swapcase()
    assert api.handle("GET", path, HEADERS).status == 200
