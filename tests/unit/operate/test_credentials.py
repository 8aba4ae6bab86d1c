"""An API user is checked once, and what was found is said."""

from __future__ import annotations

import pytest

from tests.fakes.canned_transport import answer, canned, page, sample
from timus_autotask.autotask.client import Autotask, HeaderCredentials
from timus_autotask.autotask.http import NoAnswer, Response
from timus_autotask.operate.credentials import REMEDIES, check_credentials
from timus_autotask.ports.errors import Rejected, RetryLater

USER = HeaderCredentials("api@example.com", "the-secret", "THE-CODE")
ZONE = answer({"url": "https://webservices2.autotask.net/ATServicesRest/"})


def test_a_user_who_works() -> None:
    """The zone and the use of the allowance are told."""
    found = check_credentials(Autotask(canned(ZONE, page(), sample("threshold")), USER))
    assert found.works
    assert found.zone == "https://webservices2.autotask.net/ATServicesRest/v1.0"
    assert found.allowance is not None
    assert (found.allowance.used, found.remedy) == (1234, "")


def test_the_allowance_is_no_condition() -> None:
    """The user has proved to work when it is asked for."""
    found = check_credentials(Autotask(canned(ZONE, page(), sample("requests-exceeded")), USER))
    assert found.works
    assert found.allowance is None


@pytest.mark.parametrize(
    ("case", "rejected"),
    [
        ("credentials-refused", Rejected.SECRET),
        ("tracking-identifier-refused", Rejected.TRACKING_IDENTIFIER),
        ("user-locked", Rejected.BLOCKED),
        ("user-refused", Rejected.UNSAID),
    ],
)
def test_a_user_who_does_not(case: str, rejected: Rejected) -> None:
    """Autotask's message and a remedy; the allowance is not asked for, since that would be a second failed login."""
    wire = canned(ZONE, sample(case))
    found = check_credentials(Autotask(wire, USER))
    assert not found.works
    assert (found.rejected, found.remedy) == (rejected, REMEDIES[rejected])
    assert "Autotask" in found.message
    assert len(wire.requests) == 2


def test_every_rejection_has_a_remedy() -> None:
    """Nobody is left with a name of a cause alone."""
    assert set(REMEDIES) == set(Rejected)


@pytest.mark.parametrize("told", [NoAnswer("late"), Response(503, {}, b"")])
def test_nothing_is_known_while_autotask_is_away(told: Response | Exception) -> None:
    """So nothing is said about the user."""
    with pytest.raises(RetryLater):
        check_credentials(Autotask(canned(ZONE, told), USER))
