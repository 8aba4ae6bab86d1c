"""What people read when Autotask does not let the API user work: for every recorded failure of credentials, permissions and zone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.deployment import deployment_of
from tests.fakes.canned_transport import SAMPLES, page, sample
from tests.fakes.memory_secrets import CREDENTIALS
from tests.world import World
from timus_autotask.autotask.client import Autotask, HeaderCredentials
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.operate.enabling import check_permissions, check_time_zone, try_api_user
from timus_autotask.ports.psa import Psa
from timus_autotask.watch.check import CheckResult, CheckVerdict

OK, WARN, WRONG = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.WRONG
Told = str | Exception
"""A recorded answer by its name, or what happened on the way."""


class Recorded:
    """Autotask with some recorded answers, by a part of the address or of the request's body; it accepts everything else."""

    def __init__(self, **told: Told) -> None:
        self._told = {place.replace("__", "/"): what for place, what in told.items()}
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        for place, what in self._told.items():
            if place in request.url or place.encode() in request.body:
                if isinstance(what, Exception):
                    raise what
                return sample(what)
        if "zoneInformation" in request.url:
            return sample("zone")
        if "Adjustments/entityInformation" in request.url:
            return sample("permissions-adjustments")
        if "entityInformation" in request.url:
            return Response(200, {}, sample("permissions").body.replace(b"Restricted", b"All"))
        return sample("threshold") if "ThresholdInformation" in request.url else page()


def said(check: CheckResult) -> tuple[str, str, CheckVerdict, str]:
    """What people read of a check."""
    return check.name, check.found, check.verdict, check.remedy


def login(wire: Recorded) -> CheckResult:
    """What ``setup`` and ``doctor`` say of an API user."""

    def sign_in(_given: Any) -> Psa:
        return Autotask(wire, HeaderCredentials("api@example.com", "the-secret", "THE-CODE"))

    deployment = replace(deployment_of(World()), autotask_as=sign_in)
    check = try_api_user(deployment, CREDENTIALS).check
    assert "the-secret" not in check.found + check.remedy
    return check


SECRET = (
    "Generate a new secret on the API user's page in Autotask. If the secret is right, check the tracking identifier too: Autotask "
    "may answer the same to a wrong one."
)
BLOCKED = "On the API user's page in Autotask, tick Active, clear Locked, and choose the security level API User (system) or a copy of it."
UNKNOWN = "Copy the user name again from the API user's page in Autotask (Username/Key)."
AGAIN = (
    "Try again in a minute. If it stays so, see Autotask's status page, and who uses its requests: Admin > Extensions & Integrations > "
    "Other Extensions & Tools > API Activity by Hour"
)
NOBODY = "Autotask does not know the API user api@example.com"
ASKED_LATER = "Autotask cannot be asked just now"

LOGINS: dict[str, tuple[dict[str, Told], str, str]] = {
    "a user that no zone knows": (
        {"zoneInformation": "user-unknown"},
        f"{NOBODY} (zoneInformation: Zone information could not be determined)",
        UNKNOWN,
    ),
    "the same as a page": (
        {"zoneInformation": "zone-page-404"},
        f"{NOBODY} (zoneInformation: Autotask answered 404 (Not Found): no explanation)",
        UNKNOWN,
    ),
    "the same as 401": (
        {"zoneInformation": "zone-refused-401"},
        f"{NOBODY} (zoneInformation: Autotask answered 401 (Unauthorized): no explanation)",
        UNKNOWN,
    ),
    "the same as an empty zone": (
        {"zoneInformation": "zone-without-address"},
        f"{NOBODY} (zoneInformation: it names no zone of Autotask)",
        UNKNOWN,
    ),
    "a zone that is not Autotask's gets no secret": (
        {"zoneInformation": "zone-elsewhere"},
        f"{NOBODY} (zoneInformation: it names no zone of Autotask)",
        UNKNOWN,
    ),
    "no zone while Autotask is away": (
        {"zoneInformation": "zone-away-503"},
        f"{ASKED_LATER} (Autotask answered 503 (Service Unavailable): no explanation)",
        AGAIN,
    ),
    "no zone without a network": (
        {"zoneInformation": NotSent("ConnectError: no route")},
        f"{ASKED_LATER} (no answer from Autotask: ConnectError: no route)",
        AGAIN,
    ),
    "a wrong secret": (
        {"Contracts__query": "credentials-refused"},
        "Autotask does not accept the API user's secret: Autotask answered 401 (Unauthorized): no explanation",
        SECRET,
    ),
    "a wrong secret as a page": (
        {"Contracts__query": "login-refused-page"},
        "Autotask does not accept the API user's secret: Autotask answered 401 (Unauthorized): no explanation",
        SECRET,
    ),
    "a wrong secret with a message": (
        {"Contracts__query": "login-refused-message"},
        (
            "Autotask does not accept the API user's secret: Autotask answered 401 (Unauthorized): Authorization has been denied for "
            "this request."
        ),
        SECRET,
    ),
    "a wrong tracking identifier": (
        {"Contracts__query": "tracking-identifier-refused"},
        "Autotask does not accept the tracking identifier: IntegrationCode is invalid.",
        (
            "Copy the tracking identifier again from the API user's page in Autotask (27 characters). Only the one that is chosen there is "
            "accepted."
        ),
    ),
    "a user that only the zone knows": (
        {"Contracts__query": "user-refused"},
        "Autotask accepts no request of the API user: The user could not be authenticated.",
        (
            "Autotask does not say what is wrong with it. Check the tracking identifier first, then the user name, and whether the API user "
            "is active and not locked."
        ),
    ),
    "a locked user": (
        {"Contracts__query": "user-locked"},
        (
            "Autotask does not let the API user in, as if it were locked or inactive: The user account has been locked.  Please see your "
            "Autotask Administrator for details."
        ),
        BLOCKED,
    ),
    "a blocked user as 403": (
        {"Contracts__query": "user-blocked-403"},
        "Autotask does not let the API user in, as if it were locked or inactive: Autotask answered 403 (Forbidden): no explanation",
        BLOCKED,
    ),
    "a blocked user as 404": (
        {"Contracts__query": "user-blocked-404"},
        "Autotask does not let the API user in, as if it were locked or inactive: Autotask answered 404 (Not Found): no explanation",
        BLOCKED,
    ),
    "a user who may not read contracts": (
        {"Contracts__query": "permission-missing-query"},
        (
            "The API user lacks a permission that every change needs: The logged in Resource does not have the adequate permissions to query "
            "this entity type."
        ),
        (
            "In Autotask, Admin > Organization Settings & Users > Resources/Users (HR) > Security > Security Levels, let the API user's level "
            "view all contracts, or choose API User (system). Then: timus-autotask setup --try-again"
        ),
    ),
    "too many requests": (
        {"Contracts__query": "requests-exceeded"},
        f"{ASKED_LATER} (Autotask throttles requests)",
        AGAIN,
    ),
    "too many threads": (
        {"Contracts__query": "threads-exceeded"},
        f"{ASKED_LATER} (Autotask throttles requests)",
        AGAIN,
    ),
    "Autotask is away": (
        {"Contracts__query": "service-unavailable"},
        f"{ASKED_LATER} (Autotask answered 503 (Service Unavailable): no explanation)",
        AGAIN,
    ),
    "a redirect is not followed": (
        {"Contracts__query": "moved"},
        f"{ASKED_LATER} (Autotask answered 302 (Found): no explanation)",
        AGAIN,
    ),
    "no answer": (
        {"Contracts__query": NoAnswer("ReadTimeout")},
        f"{ASKED_LATER} (no answer from Autotask: ReadTimeout)",
        AGAIN,
    ),
}


@pytest.mark.parametrize("what", LOGINS)
def test_an_api_user_that_does_not_work(what: str) -> None:
    """Its words, what to do, and one login."""
    told, found, remedy = LOGINS[what]
    wire = Recorded(**told)
    assert said(login(wire)) == ("API user", found, WRONG, remedy)
    assert len([one for one in wire.requests if "zoneInformation" not in one.url]) <= 1


def test_an_api_user_that_works() -> None:
    """The zone; whether Autotask says how much it was asked is no condition."""
    expected = CheckResult(
        "API user", "api@msp.example is let in at https://webservices2.autotask.net/ATServicesRest/v1.0"
    )
    assert login(Recorded()) == expected
    assert login(Recorded(ThresholdInformation="threshold-refused")) == expected


def permission(name: str, **told: Told) -> CheckResult:
    """What is said of one permission."""
    autotask = Autotask(Recorded(**told), HeaderCredentials("api@example.com", "the-secret", "THE-CODE"))
    return next(one for one in check_permissions(autotask, tickets=True) if one.name == name)


LEVELS = "In Autotask, Admin > Organization Settings & Users > Resources/Users (HR) > Security > Security Levels, the API user's level, "
OR = "; or choose the level API User (system)"
VIEW_ALL = f"{LEVELS}Contracts, Object Permissions: View All{OR}"
NO_QUERY = "The logged in Resource does not have the adequate permissions to query this entity type."
PERMISSIONS: dict[str, tuple[str, dict[str, Told], CheckVerdict, str, str]] = {
    "companies": (
        "read companies",
        {"Companies__query": "permission-missing-query"},
        WRONG,
        f"not allowed: {NO_QUERY}",
        f"{LEVELS}CRM, Organization & Contact Access: All{OR}",
    ),
    "companies as 401": (
        "read companies",
        {"Companies__query": "permission-missing-401"},
        WRONG,
        "not allowed: Autotask answered 401 (Unauthorized): no explanation",
        f"{LEVELS}CRM, Organization & Contact Access: All{OR}",
    ),
    "companies as 403": (
        "read companies",
        {"Companies__query": "permission-missing-403"},
        WRONG,
        "not allowed: Autotask answered 403 (Forbidden): no explanation",
        f"{LEVELS}CRM, Organization & Contact Access: All{OR}",
    ),
    "some companies only": (
        "read companies",
        {"Companies__entityInformation": "permissions"},
        WARN,
        "allowed for some companies only; Autotask leaves the others out without an error",
        f"{LEVELS}CRM, Organization & Contact Access: All{OR}",
    ),
    "some contracts only": (
        "read contracts",
        {"Contracts__entityInformation": "permissions-some-contracts"},
        WARN,
        "allowed for some contracts only; Autotask leaves the others out without an error",
        VIEW_ALL,
    ),
    "units": (
        "read units of services",
        {"Units__query": "permission-missing-query"},
        WRONG,
        f"not allowed: The API user lacks a permission that every change needs: {NO_QUERY}",
        VIEW_ALL,
    ),
    "services": (
        "read services",
        {"/Services__query": "permission-missing-query"},
        WRONG,
        f"not allowed: {NO_QUERY}",
        f"{LEVELS}Inventory and Contracts: services{OR}",
    ),
    "adjustments": (
        "make adjustments",
        {"Adjustments__entityInformation": "permissions-no-adjustments"},
        WRONG,
        "not allowed: no change can be billed",
        f"{LEVELS}Contracts: Can modify service/bundle selections{OR}",
    ),
    "adjustments of which nothing is said": (
        "make adjustments",
        {"Adjustments__entityInformation": "permission-missing-query"},
        WARN,
        f"Autotask does not say whether it is allowed: {NO_QUERY}",
        f"{LEVELS}Contracts: Can modify service/bundle selections{OR}",
    ),
    "changes of contracts": (
        "change contracts",
        {"Contracts__entityInformation": "permissions-adjustments"},
        WARN,
        "not allowed: no contract can be extended when its subscription is renewed",
        f"{LEVELS}Contracts, Object Permissions: View All and Add{OR}",
    ),
    "changes of contracts of which nothing is said": (
        "change contracts",
        {"Contracts__entityInformation": "permission-missing-query"},
        WARN,
        f"Autotask does not say whether it is allowed: {NO_QUERY}",
        f"{LEVELS}Contracts, Object Permissions: View All and Add{OR}",
    ),
    "costs": (
        "see costs",
        {'"id","unitCost"': "services-without-costs"},
        OK,
        "all costs read as 0: none are set, or the level is API User (system) Can't Read Costs. Billing does not need them",
        "",
    ),
    "tickets": (
        "open tickets",
        {"Tickets__entityInformation": "permissions-no-adjustments"},
        WRONG,
        "not allowed: alarms open no tickets",
        f"{LEVELS}Service Desk, Object Permissions: tickets, View All, Add and Edit{OR}",
    ),
}


@pytest.mark.parametrize("what", PERMISSIONS)
def test_a_permission_that_is_missing(what: str) -> None:
    """What is not allowed, and where in Autotask to allow it."""
    name, told, verdict, found, remedy = PERMISSIONS[what]
    assert said(permission(name, **told)) == (name, found, verdict, remedy)


def test_permissions_while_autotask_is_away() -> None:
    """Nothing more is tried."""
    autotask = Autotask(
        Recorded(ContractServices="service-unavailable"),
        HeaderCredentials("api@example.com", "the-secret", "THE-CODE"),
    )
    found = [*check_permissions(autotask)]
    assert [one.name for one in found] == ["read companies", "read contracts", "permissions"]
    assert found[-1].remedy == AGAIN


def test_the_zone_of_a_recorded_location() -> None:
    """A number of Microsoft's."""
    autotask = Autotask(
        Recorded(InternalLocations="internal-location"),
        HeaderCredentials("api@example.com", "the-secret", "THE-CODE"),
    )
    assert "is in America/New_York" in check_time_zone(deployment_of(World()), autotask).found


def test_every_recorded_failure_has_its_words() -> None:
    """A new sample of a refusal must say what people read."""
    tables: list[dict[str, Told]] = [told for told, _, _ in LOGINS.values()]
    tables += [told for _, told, _, _, _ in PERMISSIONS.values()]
    shown = {what for told in tables for what in told.values() if isinstance(what, str)} | {
        "threshold-refused"
    }
    about = ("credentials-", "login-", "permission", "tracking-", "user-", "zone-")
    failures = {path.name for path in SAMPLES.iterdir() if path.name.startswith(about)}
    of_writes = {"permission-missing-create"}  # shown by `status`: the line is parked with these words
    assert failures - shown == of_writes
