"""An API user is checked once, and what was found is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.deployment import deployment_of
from tests.fakes.canned_transport import answer, canned, page, sample
from tests.world import World
from timus_autotask.autotask.client import Autotask, HeaderCredentials
from timus_autotask.autotask.http import NoAnswer, Response
from timus_autotask.operate.credentials import (
    REMEDIES,
    ApiUserOffered,
    CredentialsCheck,
    check_credentials,
    set_credentials,
)
from timus_autotask.ports.errors import Rejected, RetryLater
from timus_autotask.ports.secrets import Credentials
from timus_autotask.watch.preview import Preview

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


class Says:
    """Somebody who says the same each time."""

    def __init__(self, agrees: bool = True) -> None:
        self.agrees = agrees
        self.asked: list[Preview] = []

    def stores(self, waits: Preview, look: Callable[[], Preview]) -> bool:
        self.asked.append(waits)
        return self.agrees


NEW = Credentials("new@msp.example", "hush", "CODE")


@pytest.fixture
def world() -> World:
    """A partner whose Autotask knows the new API user alone."""
    found = World()
    found.control.set_credentials(NEW.username, NEW.secret, NEW.integration_code)
    return found


def test_an_api_user_is_let_in_then_shown_what_waits_then_stored(world: World) -> None:
    """What Autotask said comes first; who stored it is recorded."""
    told: list[CredentialsCheck] = []
    who = Says()
    found = set_credentials(deployment_of(world), NEW, "kim", who, on_let_in=told.append)
    assert isinstance(found, ApiUserOffered)
    assert ([one.zone for one in told], found.stored, len(who.asked)) == ([found.zone], True, 1)
    assert world.secrets.autotask_credentials() == NEW
    [decision] = world.ports.store.decisions()
    assert (decision.kind, decision.by) == ("credentials set", "kim")


def test_an_api_user_who_is_not_let_in_is_not_asked_about(world: World) -> None:
    """What was found comes back, and the one before stays."""
    who, before = Says(), world.secrets.autotask_credentials()
    found = set_credentials(deployment_of(world), replace(NEW, secret="wrong"), "kim", who)
    assert isinstance(found, CredentialsCheck)
    assert (found.works, who.asked) == (False, [])
    assert world.secrets.autotask_credentials() == before


def test_an_api_user_who_is_not_agreed_to_is_not_stored(world: World) -> None:
    """Not even where it works."""
    before = world.secrets.autotask_credentials()
    found = set_credentials(deployment_of(world), NEW, "kim", Says(agrees=False))
    assert isinstance(found, ApiUserOffered)
    assert (found.stored, world.secrets.autotask_credentials()) == (False, before)
    assert not [*world.ports.store.decisions()]


def test_unchecked_asks_autotask_nothing(world: World) -> None:
    """It is stored as it is."""
    found = set_credentials(deployment_of(world), NEW, "kim", Says(), unchecked=True)
    assert isinstance(found, ApiUserOffered)
    assert (found.stored, found.zone, world.control.requests()) == (True, None, [])
