"""In a calm world the straightforward version does what it is compared for: a change comes in, and the seat is on the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.cloud import Cloud
from tests.bench.versions import PRODUCT, STRAIGHTFORWARD, UNITS, Version

pytestmark = pytest.mark.emulator

CUSTOMERS = 5


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """AWS for this module."""
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module", params=[PRODUCT, STRAIGHTFORWARD])
def version(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Version]:
    """Each of the two, with customers who are level; each test has its own ones."""
    with Version(request.param, cloud, tmp_path_factory.mktemp("version"), customers=CUSTOMERS) as version:
        version.run([version.event(customer, 1, UNITS) for customer in range(1, CUSTOMERS + 1)])
        yield version


def test_a_change_reaches_the_contract(version: Version) -> None:
    """Once, although it is delivered twice."""
    version.run([version.event(1, 2, 8), version.event(1, 2, 8)])
    assert version.units(1) == 8


def test_seats_are_added_and_taken_away(version: Version) -> None:
    """An older version that comes late changes nothing; each contract has its own customer's."""
    version.run([version.event(2, 3, 3), version.event(3, 2, 9)])
    version.run([version.event(2, 2, 7)])
    assert [version.units(2), version.units(3)] == [3, 9]


def test_a_wrong_signature_changes_nothing(version: Version) -> None:
    """It is refused."""
    event = version.event(4, 2, 9)
    event["body"] = event["body"].replace(" 9", " 8")
    assert version.child("webhook")(event).answer["statusCode"] == 401
    assert not list(version.receive())


def test_the_schedules_find_nothing_to_do(version: Version) -> None:
    """The sweep, and the comparison with Autotask."""
    before = len(version.simulator.api.postings)
    version.child("sweep")({})
    assert version.child("reconcile")({"now": True}).answer["contracts"] == CUSTOMERS
    assert len(version.simulator.api.postings) == before


def test_a_change_of_a_later_day_waits(version: Version) -> None:
    """Until that day."""
    version.run([version.event(5, 2, 9, days=1)])
    version.child("sweep")({})
    assert version.units(5) == UNITS
