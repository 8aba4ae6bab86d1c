"""Paths, verbs, credentials, zones, limits and metadata."""

from __future__ import annotations

from typing import Any

import pytest

from local.autotask import Fault
from tests.simulator.tenant import BASE, CONTRACT, HEADERS, LINE, SCENARIO, Tenant, error


def test_zone_information_needs_no_credentials(tenant: Tenant) -> None:
    """It names the zone, the base with a trailing slash, the web pages and the database."""
    reply = tenant.api.handle("GET", "/atservicesrest/V1.0/ZoneInformation?USER=a%40b", {})
    assert reply.json() == {
        "zoneName": "Pre Release",
        "url": "https://autotask.test/ATServicesRest/",
        "webUrl": "https://autotask.test/",
        "ci": 30595,
    }


@pytest.mark.parametrize(("style", "status"), [("500", 500), ("404", 404), ("401", 401), ("200_empty", 200)])
def test_an_unknown_user_has_no_zone(style: str, status: int) -> None:
    """What a stranger gets is a switch."""
    tenant = Tenant(unknown_user=style)
    tenant.control.set_credentials("api@example.com", "secret", "code")
    reply = tenant.api.handle("GET", BASE + "zoneInformation?user=stranger", {})
    assert reply.status == status
    assert status != 200 or reply.json()["url"] is None
    assert tenant.api.handle("GET", BASE + "zoneInformation?user=api@example.com", {}).status == 200


def test_version_information() -> None:
    """It stands beside v1.0 or beneath it and needs no credentials."""
    api = Tenant().api
    for path in ("/atservicesrest/versionInformation", "/ATServicesRest/V1.0/VersionInformation"):
        assert api.handle("GET", path, {}).json() == {"apiVersions": ["1.0"]}


@pytest.mark.parametrize("missing", ["ApiIntegrationCode", "UserName", "Secret"])
def test_every_header_is_needed(missing: str) -> None:
    """Without one of the three headers the answer is 401 with an empty body."""
    headers = {key: value for key, value in HEADERS.items() if key != missing}
    reply = Tenant().api.handle("GET", BASE + f"Contracts/{CONTRACT}", headers)
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize("name", ["UserName", "Secret", "ApiIntegrationCode"])
def test_wrong_credentials(name: str) -> None:
    """With credentials set, each of the three has to be right; header names come in any case."""
    tenant = Tenant(wrong_user="401", wrong_code="401")
    tenant.control.set_credentials("api@example.com", "secret", "code")
    right = {key.upper(): value for key, value in HEADERS.items()}
    assert tenant.api.handle("GET", BASE + f"Contracts/{CONTRACT}", right).status == 200
    assert tenant.api.handle("GET", BASE + f"Contracts/{CONTRACT}", {**HEADERS, name: "other"}).status == 401


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("UserName", 500, "The user could not be authenticated."),
        ("Secret", 401, ""),
        ("ApiIntegrationCode", 500, "IntegrationCode is invalid."),
    ],
)
def test_each_of_the_three_is_answered_in_its_own_way(name: str, status: int, text: str) -> None:
    """Only a wrong secret gets 401, as clients report; a read and a write are answered alike."""
    tenant = Tenant()
    tenant.control.set_credentials("api@example.com", "secret", "code")
    for method, path in (("GET", f"Contracts/{CONTRACT}"), ("POST", "ContractServiceAdjustments")):
        reply = tenant.api.handle(method, BASE + path, {**HEADERS, name: "other"}, b"{}")
        assert reply.status == status
        assert not text or error(reply) == text


@pytest.mark.parametrize("status", ["403", "404", "401", "500"])
def test_a_blocked_user(status: str) -> None:
    """Nothing is answered but zone and version; what is answered is a switch."""
    tenant = Tenant(blocked_user=status)
    for path in (f"Contracts/{CONTRACT}", "ThresholdInformation", "Contracts/entityInformation"):
        assert tenant.send("GET", path).status == int(status)
    assert tenant.send("GET", "zoneInformation?user=api@example.com").status == 200
    tenant.control.set_switches({"blocked_user": "no"})
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 200


@pytest.mark.parametrize("status", ["500", "401", "403"])
def test_a_missing_permission(status: str) -> None:
    """By entity, or by one operation of it; everything else goes on, and metadata can still be read."""
    tenant = Tenant(denied=["Companies", "ContractServiceAdjustments create"], denied_answer=status)
    assert tenant.send("GET", "Companies/600").status == int(status)
    refused = tenant.send("POST", "Companies/query", {"Filter": [{"op": "exist", "field": "id"}]})
    assert refused.status == int(status)
    if status == "500":
        text = "The logged in Resource does not have the adequate permissions to {} this entity type."
        assert error(refused) == text.format("query")
        assert error(tenant.adjust("2026-03-20", 1)) == text.format("create")
    assert tenant.adjust("2026-03-20", 1).status == int(status)
    assert tenant.held("2026-03-20") == 10
    assert tenant.units()
    told = {
        name: tenant.send("GET", f"{name}/entityInformation").json()["info"]
        for name in ("Companies", "ContractServiceAdjustments", "Contracts")
    }
    assert [told[name]["userAccessForQuery"] for name in told] == ["None", "None", "All"]
    assert [told[name]["userAccessForCreate"] for name in told] == ["None", "None", "All"]
    assert told["ContractServiceAdjustments"]["canCreate"] is True


@pytest.mark.parametrize(("levels", "some", "nothing"), [("names", "Restricted", "None"), ("numbers", 2, 0)])
def test_a_restricted_permission(levels: str, some: str | int, nothing: str | int) -> None:
    """It is told in the metadata alone, in either form."""
    tenant = Tenant(restricted=["Contracts"], access_levels=levels)
    info = tenant.send("GET", "Contracts/entityInformation").json()["info"]
    assert (info["userAccessForQuery"], info["userAccessForDelete"]) == (some, nothing)
    assert tenant.send("GET", f"Contracts/{CONTRACT}").status == 200


def test_costs_that_may_not_be_read() -> None:
    """They are 0 in the catalogue too."""
    tenant = Tenant()
    everything = {"Filter": [{"op": "gte", "field": "id", "value": 0}]}

    def costs() -> set[float]:
        rows = tenant.send("POST", "Services/query", everything).json()["items"]
        return {row["unitCost"] or 0 for row in rows}

    for service in tenant.api.model.tables["Services"].values():
        service.values["unitCost"] = 70_000  # in ten-thousandths
    assert costs() == {7}
    tenant.control.set_switches({"cost_visible": False})
    assert costs() == {0}


def test_the_time_zone_stands_in_the_default_location() -> None:
    """As the number that Microsoft gives it, in a text."""
    tenant = Tenant()
    tenant.control.load("demo")
    default = {"Filter": [{"op": "eq", "field": "isDefault", "value": True}]}
    [location] = tenant.send("POST", "InternalLocations/query", default).json()["items"]
    assert location["timeZone"] == "35"


@pytest.mark.parametrize(
    ("style", "start"), [("empty", b""), ("html", b"<!DOCTYPE"), ("message", b'{"Message"')]
)
def test_the_body_of_a_401_is_a_switch(style: str, start: bytes) -> None:
    """Nothing, a page or a message."""
    reply = Tenant(unauthorized_body=style).api.handle("GET", BASE + "ThresholdInformation", {})
    assert reply.status == 401
    assert reply.body.startswith(start)
    assert bool(reply.body) is bool(start)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/other",
        "/ATServicesRest/v2.0/Contracts/1",
        BASE,
        BASE + "Nope/query",
        BASE + "Contracts/query/x",
    ],
)
def test_unknown_paths_get_the_web_servers_page(path: str) -> None:
    """404 is HTML."""
    reply = Tenant().api.handle("GET", path, HEADERS)
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.body.startswith(b"<!DOCTYPE")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"Contracts/{CONTRACT}"),
        ("DELETE", f"Contracts/{CONTRACT}"),
        ("GET", "Contracts"),
        ("POST", "ContractServices"),
        ("PATCH", "ContractServices"),
        ("POST", "ContractServiceUnits"),
        ("DELETE", f"Contracts/{CONTRACT}/Services/{LINE}"),
        ("DELETE", "Contracts/query"),
        ("POST", "ThresholdInformation"),
        ("POST", "zoneInformation"),
    ],
)
def test_verbs_that_do_not_exist(method: str, path: str) -> None:
    """405 with a Message, or a page, as the switch says."""
    reply = Tenant().send(method, path, {"id": CONTRACT})
    assert reply.status == 405
    assert method in reply.json()["Message"]
    page = Tenant(method_not_allowed_body="html").send(method, path)
    assert (page.status, page.body[:9]) == (405, b"<!DOCTYPE")


@pytest.mark.parametrize(
    ("style", "status", "body"), [("404", 404, b""), ("200_null", 200, b'{"item":null}')]
)
def test_a_missing_id(style: str, status: int, body: bytes) -> None:
    """404, or 200 with a null item: both are reported."""
    reply = Tenant(missing_id=style).send("GET", "Contracts/7")
    assert (reply.status, reply.body) == (status, body)


def test_threshold_information_counts_itself(tenant: Tenant) -> None:
    """It tells the limit, the window in minutes and the use within it."""
    tenant.query("Companies")
    assert tenant.send("GET", "ThresholdInformation").json() == {
        "externalRequestThreshold": 10000,
        "requestThresholdTimeframe": 60,
        "currentTimeframeRequestCount": 2,
    }


def test_the_window_rolls(tenant: Tenant) -> None:
    """Requests leave the count after 60 minutes."""
    tenant.query("Companies")
    tenant.control.set_clock(advance=3599)
    assert tenant.send("GET", "ThresholdInformation").json()["currentTimeframeRequestCount"] == 2
    tenant.control.set_clock(advance=1)
    assert tenant.send("GET", "ThresholdInformation").json()["currentTimeframeRequestCount"] == 2


@pytest.mark.parametrize(
    ("style", "status", "text", "retry"),
    [
        ("429", 429, "IntegrationVendor exceeded the API threshold", None),
        ("429_retry_after", 429, "IntegrationVendor exceeded the API threshold", "7"),
        ("429_itgenatr005", 429, "Itgenatr005: Thread Threshold Exceeded", None),
        ("500_itgenatr005", 500, "Itgenatr005: Thread Threshold Exceeded", None),
    ],
)
def test_refusal_at_the_threshold(style: str, status: int, text: str, retry: str | None) -> None:
    """At 100 % everything is refused without effect, until the window has rolled on."""
    tenant = Tenant(threshold=3, throttle=style, retry_after_seconds=7)
    for _ in range(3):
        tenant.query("Companies")
    reply = tenant.adjust("2026-03-20", 1)
    assert (reply.status, reply.json()["errors"], reply.headers.get("Retry-After")) == (status, [text], retry)
    assert tenant.held("2026-03-20") == 10
    assert tenant.api.handle("GET", BASE + "zoneInformation?user=x", {}).status == 200
    tenant.control.set_clock(advance=3601)
    assert tenant.adjust("2026-03-20", 1).status == 200


@pytest.mark.parametrize(
    ("others", "delay"), [(0, 0.0), (49, 0.0), (50, 0.5), (74, 0.5), (75, 1.0), (99, 1.0)]
)
def test_latency_grows_with_the_use(others: int, delay: float) -> None:
    """Half a second from 50 %, a second from 75 %; other integrations count."""
    tenant = Tenant(threshold=100, other_requests=others)
    assert tenant.send("GET", "ThresholdInformation").delay == delay


def test_a_moved_tenant_answers_on_its_new_base(tenant: Tenant) -> None:
    """The old base answers 401 for ever; zoneInformation tells the new one on both."""
    tenant.control.move_zone("/Zone2/ATServicesRest")
    old = f"{BASE}Contracts/{CONTRACT}"
    assert tenant.api.handle("GET", old, HEADERS).status == 401
    told = tenant.api.handle("GET", BASE + "zoneInformation?user=x", {}).json()["url"]
    assert told == "https://autotask.test/Zone2/ATServicesRest/"
    assert tenant.api.handle("GET", f"{told}v1.0/Contracts/{CONTRACT}", HEADERS).status == 200
    assert tenant.api.handle("GET", old, HEADERS).status == 401


def test_the_zone_can_move_at_any_request(tenant: Tenant) -> None:
    """As a fault, the move meets a request in the middle of a run, without effect."""
    reply = tenant.adjust("2026-03-20", 1, fault=Fault("zone_moved"))
    assert reply.status == 401
    assert tenant.held("2026-03-20") == 10
    assert tenant.api.base == "/Zone2/ATServicesRest"


def test_metadata(tenant: Tenant) -> None:
    """Picklist values are strings in metadata; adjustments can be created and not queried."""
    fields = tenant.send("GET", "Contracts/entityInformation/fields").json()["fields"]
    period = next(one for one in fields if one["name"] == "contractPeriodType")
    assert [(one["value"], one["label"]) for one in period["picklistValues"]] == [
        ("2", "Monthly"),
        ("3", "Quarterly"),
        ("4", "Semi-Annual"),
        ("5", "Yearly"),
    ]
    info = tenant.send("GET", f"Contracts/{CONTRACT}/ServiceAdjustments/entityInformation").json()["info"]
    assert (info["canCreate"], info["canQuery"], info["canUpdate"], info["canDelete"]) == (
        True,
        False,
        False,
        False,
    )
    names = tenant.send("GET", "Contracts/entityInformation/userDefinedFields").json()["fields"]
    assert [one["name"] for one in names] == ["Subscription", "Balance"]


CREATE: dict[str, Any] = {
    "companyID": 600,
    "contractName": "New",
    "contractType": 7,
    "status": 1,
    "startDate": "2026-04-01",
    "endDate": "2027-03-31",
    "contractPeriodType": 2,
    "timeReportingRequiresStartAndStopTimes": 0,
    "setupFee": 0,
}


def test_a_contract_is_created(tenant: Tenant) -> None:
    """The least body that works live works here, and its lines take adjustments."""
    number = tenant.send("POST", "Contracts", CREATE).json()["itemId"]
    assert tenant.adjust("2026-04-01", 3, contractID=number, serviceID=45).status == 200
    item = tenant.send("GET", f"Contracts/{number}").json()["item"]
    assert (item["billingPreference"], item["lastModifiedDateTime"]) == (2, "2026-03-10T15:00:00Z")


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("contractName", None, "Missing Required Field: contractName"),
        (
            "companyID",
            999,
            "Reference value on field: companyID of type: Company does not exist or is invalid.",
        ),
        ("status", 9, "Picklist value [9] does not exist for status."),
        ("contractPeriodType", "m", "Could not convert string to integer"),
        (
            "timeReportingRequiresStartAndStopTimes",
            False,
            "Unexpected character encountered while parsing value: f",
        ),
        ("endDate", "2026-03-31", "endDate"),
    ],
)
def test_a_wrong_contract_is_refused(field: str, value: Any, text: str) -> None:
    """Required fields, references, picklists and types are checked."""
    assert text in error(Tenant().send("POST", "Contracts", {**CREATE, field: value}))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"companyID": 601}, "companyID is a read-only field"),
        ({"contractType": 1}, "contractType is a read-only field"),
        ({"contractPeriodType": 3}, "contractPeriodType is a read-only field"),
        ({"startDate": "2026-01-16"}, "startDate cannot be changed"),
        ({"contractName": None}, "Missing Required Field: contractName"),
    ],
)
def test_what_cannot_be_patched(change: dict[str, Any], text: str) -> None:
    """Company, type and period type never change; the start is locked once there are services."""
    assert text in error(Tenant().send("PATCH", "Contracts", {"id": CONTRACT, **change}))


def test_patch_names_its_record_in_the_body(tenant: Tenant) -> None:
    """Fields that are not sent stay; an id that does not exist is refused."""
    assert tenant.send("PATCH", "Contracts", {"id": CONTRACT, "description": "x"}).json() == {
        "itemId": CONTRACT
    }
    item = tenant.send("GET", f"Contracts/{CONTRACT}").json()["item"]
    assert (item["description"], item["contractName"]) == ("x", "Recurring")
    assert "does not exist" in error(tenant.send("PATCH", "Contracts", {"id": 7, "description": "x"}))
    assert "Missing Required Field: id" in error(tenant.send("PATCH", "Contracts", {"description": "x"}))


def test_put_empties_what_is_not_sent(tenant: Tenant) -> None:
    """PUT makes writable fields null that were not sent; required ones have to be there."""
    tenant.send("PATCH", "Contracts", {"id": CONTRACT, "description": "x"})
    assert "Missing Required Field" in error(tenant.send("PUT", "Contracts", {"id": CONTRACT}))
    full = {**CREATE, "id": CONTRACT, "startDate": "2026-01-15", "endDate": "2027-01-14"}
    assert tenant.send("PUT", "Contracts", full).status == 200
    assert tenant.send("GET", f"Contracts/{CONTRACT}").json()["item"]["description"] is None


def test_extending_carries_the_last_quantity(tenant: Tenant) -> None:
    """A later endDate makes new periods with the last quantity and price."""
    tenant.adjust("2026-12-20", 5)
    tenant.send("PATCH", "Contracts", {"id": CONTRACT, "endDate": "2028-01-14"})
    assert tenant.units()[-1] == ("2027-12-15", "2028-01-14", 15)
    assert len(tenant.units()) == 25


def test_shortening_destroys_what_lies_behind(tenant: Tenant) -> None:
    """Units, adjustments and lines after the new end are gone, and extending again does not bring them back."""
    tenant.adjust("2026-03-20", 1)
    tenant.adjust("2026-06-20", 5)
    tenant.adjust("2026-06-20", 5, serviceID=46)
    tenant.send("PATCH", "Contracts", {"id": CONTRACT, "endDate": "2026-05-14"})
    assert tenant.units()[-1] == ("2026-04-15", "2026-05-14", 11)
    tenant.send("PATCH", "Contracts", {"id": CONTRACT, "endDate": "2027-01-14"})
    assert tenant.units()[-1] == ("2026-12-15", "2027-01-14", 11)
    assert [line["serviceID"] for line in tenant.query("ContractServices")] == [45]


def test_shortening_over_posted_periods_is_refused(tenant: Tenant) -> None:
    """An approved-and-posted period cannot be cut off."""
    tenant.control.approve_and_post(CONTRACT, tenant.api.model.today())
    reply = tenant.send("PATCH", "Contracts", {"id": CONTRACT, "endDate": "2026-03-13"})
    assert "already approved and posted contract period" in error(reply)
    assert tenant.send("PATCH", "Contracts", {"id": CONTRACT, "endDate": "2026-03-14"}).status == 200


def test_tickets_are_a_simple_store(tenant: Tenant) -> None:
    """A ticket is created, found by its externalID, patched and noted upon."""
    body = {"companyID": 600, "title": "Seats", "status": 1, "priority": 2, "externalID": "k-1"}
    number = tenant.send("POST", "Tickets", body).json()["itemId"]
    assert tenant.send("PATCH", "Tickets", {"id": number, "status": 5}).status == 200
    note = {"ticketID": number, "description": "d", "title": "t", "noteType": 1, "publish": 1}
    assert tenant.send("POST", f"Tickets/{number}/Notes", note).status == 200
    ticket = tenant.query("Tickets", {"op": "eq", "field": "externalID", "value": "k-1"})[0]
    assert (ticket["status"], ticket["ticketNumber"][:10]) == (5, "T20260310.")
    assert tenant.query("TicketNotes")[0]["ticketID"] == number
    assert "priority" in error(tenant.send("POST", "Tickets", {"companyID": 600, "title": "x", "status": 1}))


def test_descriptions_of_a_line_can_be_patched(tenant: Tenant) -> None:
    """PATCH on the child collection changes the descriptions of a line and nothing else."""
    change = {"id": LINE, "internalDescription": "sub_1", "unitPrice": 1}
    assert tenant.send("PATCH", f"Contracts/{CONTRACT}/Services", change).json() == {"itemId": LINE}
    line = tenant.query("ContractServices")[0]
    assert (line["internalDescription"], str(line["unitPrice"])) == ("sub_1", "12.5000")


def test_billing_rules_and_services_can_be_read() -> None:
    """Billing rules of a contract and catalogue services by sku are found."""
    rule = {"id": 301, "contractID": CONTRACT, "productID": 9, "isActive": True}
    tenant = Tenant({**SCENARIO, "billingRules": [rule]})
    assert (
        tenant.query("ContractBillingRules", {"op": "eq", "field": "contractID", "value": CONTRACT})[0]["id"]
        == 301
    )
    assert tenant.query("Services", {"op": "eq", "field": "sku", "value": "ess"})[0]["id"] == 46
