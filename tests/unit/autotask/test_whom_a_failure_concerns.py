"""Through the client: a failure concerns the caller, this request or the service, wherever it is met."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.canned_transport import SAMPLES, answer, canned, page, sample
from timus_autotask.autotask.answers import retry_after
from timus_autotask.autotask.client import PROBE_SECONDS, Autotask, HeaderCredentials
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.autotask.zone import Zone
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.ports.errors import (
    AutotaskError,
    CredentialsRefused,
    OutcomeUnknown,
    Refused,
    Rejected,
    RetryLater,
)

USER = HeaderCredentials("api@example.com", "the-secret", "THE-CODE")
ZONE = Zone("https://webservices2.autotask.net/ATServicesRest/v1.0")
FOUND = answer({"url": "https://webservices2.autotask.net/ATServicesRest/"})
ZONE_TIME = ZoneInfo("Europe/Berlin")
DAY = date(2026, 3, 15)


@dataclass(frozen=True)
class Endpoint:
    """A kind of request: how it is made, and how it is told from others."""

    path: str
    ask: Callable[[Autotask], object]
    write: bool = False
    essential: bool = False

    def is_asked_by(self, request: Request) -> bool:
        """Whether a request is of this kind, and not the read that tells whether a failure concerns everybody."""
        return request.url.endswith(self.path) and not is_probe(request)


def is_probe(request: Request) -> bool:
    """It asks for a contract that there is not."""
    return request.url.endswith("/Contracts/query") and b'"value":0' in request.body


_NEW = NewContract("timus-cus_41d0", 612, "SASE", date(2026, 1, 1), date(2026, 12, 31), 1)
ENDPOINTS = {
    one.path: one
    for one in (
        Endpoint("Contracts/query", lambda autotask: autotask.contract(5), essential=True),
        Endpoint("ContractServiceUnits/query", lambda autotask: autotask.units(5, [45]), essential=True),
        Endpoint(
            "ContractServiceAdjustments",
            lambda autotask: autotask.adjust(5, 45, 1201, 1, DAY, time_zone=ZONE_TIME),
            write=True,
            essential=True,
        ),
        Endpoint("ContractServices/query", lambda autotask: autotask.contract_services(5)),
        Endpoint("Companies/query", lambda autotask: autotask.company(5)),
        Endpoint("Services/query", lambda autotask: autotask.service(45)),
        Endpoint("ContractBillingRules/query", lambda autotask: autotask.billing_rules([5])),
        Endpoint("Tickets/query", lambda autotask: autotask.tickets_numbered(0, "x")),
        Endpoint(
            "/Contracts", lambda autotask: autotask.create_contract(_NEW, time_zone=ZONE_TIME), write=True
        ),
        Endpoint(
            "/Tickets",
            lambda autotask: autotask.create_ticket(
                0, "x", "t", "d", queue_id=None, priority=1, due=datetime(2026, 3, 15, tzinfo=UTC)
            ),
            write=True,
        ),
    )
}


@dataclass
class Tenant:
    """Answers what it is told to on the requests that match, zoneInformation and everything else as a healthy tenant."""

    told: Response | Exception
    on: Callable[[Request], bool]

    def __call__(self, request: Request) -> Response:
        if "zoneInformation" in request.url:
            return FOUND
        if not self.on(request):
            return page()
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


def outcome(endpoint: Endpoint, told: Response | Exception, on: Callable[[Request], bool]) -> AutotaskError:
    """What a request ends in."""
    with pytest.raises(AutotaskError) as raised:
        endpoint.ask(Autotask(Tenant(told, on), USER, zone=ZONE))
    return raised.value


def concerns(error: AutotaskError) -> str:
    """Whom an error speaks of; ``nobody`` knows of a lost write, whose read-back tells."""
    match error:
        case CredentialsRefused():
            return "caller"
        case RetryLater(everywhere=True):
            return "service"
        case OutcomeUnknown():
            return "nobody"
    assert isinstance(error, (Refused, RetryLater))
    return "request"


OUTAGES = [
    "We are under maintenance.",
    "Autotask is temporarily unavailable. Please try again later.",
    "The service is unavailable.",
    "The request timed out.",
]
TEXTS = st.sampled_from(
    [
        *OUTAGES,
        "IntegrationCode is invalid.",
        "The logged in Resource does not have the adequate permissions to query this entity type.",
        "Unable to find projectID in the TimeEntry Entity",
        "Itgenatr005: Thread Threshold Exceeded",
        "whatever",
    ]
)
BODIES = st.one_of(
    st.sampled_from([b"", b"<html>503</html>", b"{", b"null", b'{"Message":"no"}', b'{"errors":[]}']),
    TEXTS.map(lambda text: json.dumps({"errors": [text]}).encode()),
    st.sampled_from(sorted(path.name for path in SAMPLES.iterdir())).map(lambda case: sample(case).body),
)
ANSWERS = st.one_of(
    st.builds(Response, st.integers(100, 599), st.just({}), BODIES).filter(lambda told: told.status != 200),
    st.builds(Response, st.sampled_from([401, 403, 404, 500, 502, 503]), st.just({}), BODIES),
    st.sampled_from([NotSent("no route"), NoAnswer("reset")]),
)


@given(told=ANSWERS, path=st.sampled_from(sorted(ENDPOINTS)))
def test_what_every_request_is_answered_is_the_callers_or_the_services(
    told: Response | Exception, path: str
) -> None:
    """It opens the circuit: at once, or by the read-back of the write whose outcome it leaves open."""
    endpoint = ENDPOINTS[path]
    found = concerns(outcome(endpoint, told, lambda request: True))
    read = concerns(outcome(ENDPOINTS["ContractServiceUnits/query"], told, lambda request: True))
    assert read in ("caller", "service")
    assert found in (read, "nobody" if endpoint.write else read)


@given(told=ANSWERS, path=st.sampled_from(sorted(ENDPOINTS)))
def test_what_one_request_is_answered_stops_nothing_else(told: Response | Exception, path: str) -> None:
    """Unless its answer says by itself that it concerns everybody, or no change can be made without it."""
    endpoint = ENDPOINTS[path]
    found = concerns(outcome(endpoint, told, endpoint.is_asked_by))
    if isinstance(told, Exception):
        assert found == (
            "service" if isinstance(told, NotSent) else "nobody" if endpoint.write else "request"
        )
        return
    text = told.body.lower()
    if told.status == 429 or b"itgenatr005" in text:
        assert found == "service"
    elif (
        b"integrationcode is invalid" in text
        or b"account has been locked" in text
        or (endpoint.essential and (told.status == 401 or b"adequate permissions" in text))
    ):
        assert found == "caller"
    else:
        assert found in (("request", "nobody") if endpoint.write else ("request",))


@pytest.mark.parametrize("path", sorted(ENDPOINTS))
@pytest.mark.parametrize("words", OUTAGES)
def test_an_outage_told_in_words_is_the_services_and_never_the_users(words: str, path: str) -> None:
    """Autotask may say so as it says what it refuses; a write of that moment is read back."""
    error = outcome(ENDPOINTS[path], answer({"errors": [words]}, 500), lambda request: True)
    assert concerns(error) == ("nobody" if ENDPOINTS[path].write else "service")


def test_words_of_an_outage_hide_no_refused_user() -> None:
    """What names the caller is about the caller, whatever else it says."""
    for status, text in (
        (500, "IntegrationCode is invalid. Please try again later."),
        (500, "The account has been locked. Please try again later."),
        (401, "Unauthorized. The service is unavailable."),
    ):
        with pytest.raises(CredentialsRefused):
            Autotask(canned(FOUND, answer({"errors": [text]}, status)), USER).sign_in()
    removed = b"The resource has been removed, had its name changed, or is temporarily unavailable."
    with pytest.raises(CredentialsRefused):  # every web server's page of an address that it does not have
        Autotask(canned(FOUND, Response(404, {}, removed)), USER).sign_in()


@pytest.mark.parametrize("path", sorted(ENDPOINTS))
@pytest.mark.parametrize(
    "told", [sample("service-unavailable"), sample("user-blocked-403"), NoAnswer("late")]
)
def test_at_most_one_more_request(path: str, told: Response | Exception) -> None:
    """And it is quick, and has no effect."""
    requests: list[Request] = []

    def seen(request: Request) -> bool:
        requests.append(request)
        return True

    outcome(ENDPOINTS[path], told, seen)
    _, *more = requests
    assert len(more) <= 1
    assert all(is_probe(request) and request.seconds == PROBE_SECONDS for request in more)


def test_an_address_that_is_not_there_may_have_moved() -> None:
    """404 can come from the former zone: it is looked up again, and the request made where it is now."""
    wire = canned(
        sample("user-blocked-404"),
        answer({"url": "https://webservices31.autotask.net/ATServicesRest/"}),
        page(),
    )
    assert Autotask(wire, USER, zone=ZONE).contract(5) is None
    assert wire.requests[-1].url == "https://webservices31.autotask.net/ATServicesRest/v1.0/Contracts/query"


def test_a_zone_that_cannot_be_asked_for_is_the_services_trouble() -> None:
    """Nothing can be asked without it."""
    for told in (sample("service-unavailable"), NoAnswer("late"), NotSent("no route")):
        with pytest.raises(RetryLater) as raised:
            Autotask(canned(told), USER).contract(5)
        assert raised.value.everywhere


def test_an_outage_pauses_as_long_as_autotask_asks() -> None:
    """A throttled read for all tells how long; a broken service is asked again in half a minute."""
    asked = Response(503, {}, b"")
    throttled = Response(429, {"retry-after": "17"}, b"")
    with pytest.raises(RetryLater) as raised:
        Autotask(canned(asked, throttled), USER, zone=ZONE).contract(5)
    assert raised.value.after_seconds == retry_after(throttled.headers) == 17
    with pytest.raises(RetryLater) as raised:
        Autotask(canned(asked, asked), USER, zone=ZONE).contract(5)
    assert raised.value.after_seconds == 30


# -- Signing in


SIGN_INS: dict[str, tuple[list[Any], Rejected]] = {
    "an unknown user": ([sample("user-unknown")], Rejected.USER_NAME),
    "a zone of nobody": ([answer({"url": None})], Rejected.USER_NAME),
    "a wrong secret": ([FOUND, sample("credentials-refused")], Rejected.SECRET),
    "a wrong tracking identifier": (
        [FOUND, sample("tracking-identifier-refused")],
        Rejected.TRACKING_IDENTIFIER,
    ),
    "a locked user": ([FOUND, sample("user-locked")], Rejected.BLOCKED),
    "a blocked user, 403": ([FOUND, sample("user-blocked-403")], Rejected.BLOCKED),
    "a blocked user, 404": ([FOUND, sample("user-blocked-404")], Rejected.BLOCKED),
    "a user who may not read contracts": ([FOUND, sample("permission-missing-query")], Rejected.PERMISSION),
    "a refusal that nobody knows": ([FOUND, sample("user-refused")], Rejected.UNSAID),
}


@pytest.mark.parametrize("case", SIGN_INS)
def test_signing_in_tells_what_is_wrong(case: str) -> None:
    """Which of the three, or that the user is blocked or lacks a permission; after a single try."""
    answers, rejected = SIGN_INS[case]
    wire = canned(*answers)
    with pytest.raises(CredentialsRefused) as raised:
        Autotask(wire, USER).sign_in()
    assert raised.value.rejected is rejected
    assert not wire.answers
    assert sum("Secret" in request.headers for request in wire.requests) <= 1


def test_signing_in_makes_one_harmless_read() -> None:
    """And it names the zone."""
    wire = canned(FOUND, page())
    autotask = Autotask(wire, USER)
    autotask.sign_in()
    assert autotask.zone == ZONE
    assert is_probe(wire.requests[-1])


@pytest.mark.parametrize(
    "told",
    [
        sample("service-unavailable"),
        NoAnswer("late"),
        sample("requests-exceeded"),
        *(answer({"errors": [words]}, 500) for words in OUTAGES),
    ],
)
def test_signing_in_while_autotask_is_away(told: Any) -> None:
    """Nothing is known of the credentials then."""
    with pytest.raises(RetryLater) as raised:
        Autotask(canned(FOUND, told), USER).sign_in()
    assert raised.value.everywhere
