"""The check of requests against Autotask's published API catches what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conformity import TABLE, check, disagreements

QUERY = {
    "MaxRecords": 500,
    "IncludeFields": ["id", "companyID"],
    "Filter": [{"op": "in", "field": "companyID", "value": [1, 2]}],
}
ADJUSTMENT = {"contractID": 5, "serviceID": 45, "unitChange": 1, "effectiveDate": "2026-03-15T12:00:00Z"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/ATServicesRest/v1.0/Contracts/query", QUERY),
        ("POST", "/v1.0/contracts/QUERY", {key.lower(): value for key, value in QUERY.items()}),
        ("POST", "http://127.0.0.1:8080/V1.0/Contracts/query/next", QUERY),
        ("POST", "/v1.0/ContractServiceAdjustments", ADJUSTMENT),
        ("POST", "/v1.0/Contracts/5/Services", {"contractID": 5, "serviceID": 45}),
        ("GET", "/v1.0/ThresholdInformation", None),
    ],
)
def test_conforming_requests(method: str, path: str, body: Any) -> None:
    """Case and what stands before the version do not matter."""
    assert check(method, path, {"paging": "x"} if "next" in path else {}, body) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "violation"),
    [
        ("POST", "/Contracts/query", {}, QUERY, "not below /v1.0"),
        ("GET", "/v1.0/Contracts/query", {}, None, "not published"),
        ("PATCH", "/v1.0/Contracts/5", {}, {"id": 5}, "not published"),
        ("POST", "/v1.0/Contracts/x/Services", {}, {}, "not published"),
        ("POST", "/v1.0/ContractServices", {}, {"contractID": 5, "serviceID": 45}, "not published"),
        ("GET", "/v1.0/zoneInformation", {}, None, "user is missing"),
        ("GET", "/v1.0/ThresholdInformation", {"a": "b"}, None, "no property 'a'"),
        ("GET", "/v1.0/ThresholdInformation", {}, {}, "a body where none is published"),
        ("POST", "/v1.0/Contracts/query", {}, None, "is no QueryModel"),
        ("POST", "/v1.0/Contracts/query", {}, {**QUERY, "Order": "id"}, "no property 'Order'"),
        ("POST", "/v1.0/Contracts/query", {}, {**QUERY, "MaxRecords": 501}, "maxRecords is not 1 to 500"),
        ("POST", "/v1.0/Contracts/query", {}, {**QUERY, "Filter": []}, "no filter"),
        ("POST", "/v1.0/Contracts/query", {}, {**QUERY, "IncludeFields": ["id", "name"]}, "no field 'name'"),
        ("POST", "/v1.0/Contracts/query", {}, {**QUERY, "IncludeFields": ["status"]}, "without id"),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "allowRepeatService": True},
            "no property",
        ),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "unitChange": "1"},
            "no integer:int32",
        ),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "unitChange": 2**31},
            "no integer:int32",
        ),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "unitChange": True},
            "no integer:int32",
        ),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "effectiveDate": "15.3."},
            "date-time",
        ),
        (
            "POST",
            "/v1.0/ContractServiceAdjustments",
            {},
            {**ADJUSTMENT, "contractServiceID": 1},
            "exactly one",
        ),
        ("POST", "/v1.0/ContractServiceAdjustments", {}, {"contractID": 5}, "effectiveDate is missing"),
    ],
)
def test_violations(method: str, path: str, query: dict[str, str], body: Any, violation: str) -> None:
    """Each slip is named."""
    assert any(violation in found for found in check(method, path, query, body))


@pytest.mark.parametrize(
    ("term", "violation"),
    [
        ({"op": "ne", "field": "companyID", "value": 1}, "no operator 'ne'"),
        ({"op": "eq", "field": "companyId", "value": 1}, "no field 'companyId'"),
        ({"op": "eq", "field": "companyID", "value": "1"}, "is compared with what is no integer:int32"),
        ({"op": "in", "field": "companyID", "value": 1}, "is compared with what is no integer:int32"),
        ({"op": "in", "field": "companyID", "value": list(range(501))}, "more than 500 OR terms"),
        ({"op": "eq", "field": "companyID", "value": 1, "udf": True}, "no property 'udf'"),
    ],
)
def test_violations_of_a_filter(term: dict[str, Any], violation: str) -> None:
    """Autotask drops or refuses these; the first returns every row."""
    found = check("POST", "/v1.0/Contracts/query", {}, {**QUERY, "Filter": [term]})
    assert any(violation in line for line in found)


def test_a_swagger_that_differs_is_named() -> None:
    """A path, a type or an answer that Autotask changes is found."""
    models: dict[str, Any] = {name: {"properties": {}} for name in TABLE["models"]}
    found = disagreements({"paths": {}, "definitions": models})
    assert "POST /ContractServiceAdjustments: not in the swagger" in found
    assert "ContractServiceUnitModel.units: not in the swagger" in found
