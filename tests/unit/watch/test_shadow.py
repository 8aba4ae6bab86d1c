"""The shadow report: what a hand did otherwise than the product would have, in seats, seat-days and money."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.world import ADV, ESS, GATEWAY, World
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.preview import what_people_did
from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.watch.shadow import ByHand, episodes

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def units(*changes: tuple[int, int]) -> Timeline:
    """25 units since January, and others from days of March on."""
    return Timeline.of([(date(2026, 1, 1), 25), *((march(day), number) for day, number in changes)])


@pytest.mark.parametrize(
    ("wanted", "has", "kind", "first", "until", "seats", "seat_days"),
    [
        (units((10, 28)), units(), ByHand.MISSED, 10, 32, -3, -66),
        (units((10, 28)), units((14, 28)), ByHand.LATE, 10, 14, -3, -12),
        (units((10, 28)), units((7, 28)), ByHand.WRONG_DAY, 7, 10, 3, 9),
        (units((10, 28)), units((10, 30)), ByHand.WRONG_QUANTITY, 10, 32, 2, 44),
        (units(), units((5, 26)), ByHand.WRONG_QUANTITY, 5, 32, 1, 27),
        (units(), units((5, 26), (8, 25)), ByHand.WRONG_QUANTITY, 5, 8, 1, 3),
        (units((10, 28), (12, 25)), units(), ByHand.MISSED, 10, 12, -3, -6),
        (units((10, 20)), units(), ByHand.MISSED, 10, 32, 5, 110),
    ],
)
def test_what_a_hand_did(
    wanted: Timeline, has: Timeline, kind: ByHand, first: int, until: int, seats: int, seat_days: int
) -> None:
    """Each kind with its days, seats and seat-days."""
    [one] = episodes(wanted, has, FIRST, LAST)
    assert (one.kind, one.seats, one.seat_days) == (kind, seats, seat_days)
    assert (one.first, one.until) == (march(first), march(1) + timedelta(days=until - 1))


def test_what_differed_before_is_no_hands_doing_since() -> None:
    """Nobody knows from these days how it came about."""
    [one] = episodes(units(), Timeline.of([(date(2026, 1, 1), 24)]), FIRST, LAST)
    assert one.kind is ByHand.BEFORE


W = ByHand.WRONG_QUANTITY


@pytest.mark.parametrize(
    ("wanted", "has", "told"),
    [
        # Followed late, and to a wrong number.
        (units((10, 28)), units((12, 27)), [(ByHand.LATE, 10, 12, -6), (W, 12, 32, -20)]),
        # Three too few since the tenth, and then five more than that: too many.
        (units((10, 28)), units((20, 30)), [(ByHand.LATE, 10, 20, -30), (W, 20, 32, 24)]),
        # Lowered instead, and put right later.
        (
            units((10, 28)),
            units((12, 24), (14, 28)),
            [(ByHand.LATE, 10, 12, -6), (W, 12, 14, -8)],
        ),
        # Timus changed twice before anybody followed, and twice without.
        (units((10, 28), (12, 30)), units((14, 30)), [(ByHand.LATE, 10, 12, -6), (ByHand.LATE, 12, 14, -10)]),
        (units((10, 28), (12, 30)), units(), [(ByHand.MISSED, 10, 12, -6), (ByHand.MISSED, 12, 32, -100)]),
        # What is left of a wrong quantity, once Timus came closer to it, is the same hand's.
        (units((10, 27)), units((7, 28)), [(W, 7, 10, 9), (W, 10, 32, 22)]),
        # Timus went past it: that was not followed.
        (units((10, 28)), units((5, 26)), [(W, 5, 10, 5), (ByHand.MISSED, 10, 32, -44)]),
    ],
)
def test_a_hand_that_erred_twice_is_told_twice(
    wanted: Timeline, has: Timeline, told: list[tuple[ByHand, int, int, int]]
) -> None:
    """Days that differ by another number stand for themselves, so that too many and too few are not set off."""
    assert [
        (one.kind, (one.first - FIRST).days + 1, (one.until - FIRST).days + 1, one.seat_days)
        for one in episodes(wanted, has, FIRST, LAST)
    ] == told


def test_what_differed_before_ends_where_the_difference_changes() -> None:
    """What a hand did since then is told as such, and what remains is from before."""
    before = Timeline.of([(date(2026, 1, 1), 24)])
    erred = [*episodes(units(), before.set_from(march(9), 30), FIRST, LAST)]
    assert [(one.kind, one.seat_days) for one in erred] == [(ByHand.BEFORE, -8), (W, 115)]
    followed = before.set_from(march(12), 27)
    assert [(one.kind, one.seats) for one in episodes(units((10, 28)), followed, FIRST, LAST)] == [
        (ByHand.BEFORE, -1),
        (ByHand.LATE, -4),
        (ByHand.BEFORE, -1),
    ]
    closer = Timeline.of([(date(2026, 1, 1), 28), (FIRST, 25)])
    assert [one.kind for one in episodes(closer, before, FIRST, LAST)] == [ByHand.BEFORE]


def test_nothing_is_from_before_timus_reported() -> None:
    """A line that was there before the first report, and was not brought to it, was missed or late."""
    assert [one.kind for one in episodes(units(), Timeline.of([(date(2025, 1, 1), 10)]), FIRST, LAST)] == [
        ByHand.BEFORE
    ]
    [one] = episodes(
        Timeline.of([(FIRST, 14)]), Timeline.of([(date(2025, 1, 1), 10)]), FIRST, LAST, known_before=False
    )
    assert one.kind is ByHand.MISSED


timelines = st.lists(st.tuples(st.integers(1, 31), st.integers(0, 9)), max_size=5).map(
    lambda changes: Timeline.of([(date(2026, 1, 1), 5), *sorted({march(d): n for d, n in changes}.items())])
)


@given(timelines, timelines)
def test_every_day_that_differs_is_in_one_episode(wanted: Timeline, has: Timeline) -> None:
    """And no other day is; the seat-days are their sum."""
    days = [FIRST + timedelta(days=number) for number in range(31)]
    found = [*episodes(wanted, has, FIRST, LAST)]
    covered = [day for one in found for day in days if one.first <= day < one.until]
    assert covered == [day for day in days if wanted.at(day) != has.at(day)]
    assert all(
        has.at(day) - wanted.at(day) == one.seats
        for one in found
        for day in days
        if one.first <= day < one.until
    )
    assert sum(one.seat_days for one in found) == sum(has.at(day) - wanted.at(day) for day in days)


def observed() -> World:
    """Three seats more in Timus since the 5th, typed by hand from the 9th on; the gateway that came on the 7th was forgotten."""
    world = World(live=False)
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1}, effective=JANUARY)
    world.tell(2, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 5, 9, tzinfo=UTC))
    world.tell(3, {ADV: 28, GATEWAY: 2}, effective=datetime(2026, 3, 7, 9, tzinfo=UTC))
    world.work()
    world.control.person_adjusts(1201, march(9).toordinal(), 3)
    return world


def test_seats_days_and_money() -> None:
    """Late by four days, and missed until today; nothing is written for it."""
    world = observed()
    found = what_people_did(deployment_of(world), FIRST)
    assert [
        (one.key.service_id, one.episode.kind, one.episode.seat_days, one.estimate) for one in found.lines
    ] == [
        (45, ByHand.LATE, -12, Decimal("-4.84")),  # 3 x 12.50 x 4 / 31
        (47, ByHand.MISSED, -9, Decimal("-13.06")),  # 45 x 9 / 31
    ]
    assert (found.too_few, found.too_many, found.unbilled, found.overbilled) == (
        21,
        0,
        Decimal("17.90"),
        Decimal("0.00"),
    )
    assert world.transport.writes == []


def test_a_service_that_is_not_on_the_contract_yet_has_the_catalogues_price() -> None:
    """As in the preview of the same line. What Autotask has no price for is counted."""
    world = World(live=False)
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1, ESS: 2}, effective=datetime(2026, 3, 1, tzinfo=UTC))
    world.work()
    [one] = what_people_did(deployment_of(world), date(2026, 2, 1)).lines
    assert (one.key.service_id, one.episode.kind, one.estimate) == (46, ByHand.MISSED, Decimal("-8.23"))
    world.map_plan(ESS, 999)
    world.work()
    desk = Desk(world)
    assert "1 without a known price are not in the money." in desk.told("preview", "--since", "2026-02-01")
    assert desk.ask("preview", "--since", "2026-02-01")["totals"]["without_price"] == 1


def test_the_command_says_it_with_its_limits() -> None:
    """For people and for programs."""
    desk = Desk(observed())
    words = desk.told("preview", "--since", "2026-03-01")
    assert "1 late, 1 missed" in words
    assert "21 not billed (about 17.90)" in words
    assert "not when somebody typed it" in words
    said = desk.ask("preview", "--since", "2026-03-01", "--customer", "cus_41d0")
    assert said["totals"]["seat_days_not_billed"] == 21
    assert [line["kind"] for line in said["lines"]] == ["late", "missed"]
    assert "is a day to come" in desk.refused("preview", "--since", "2026-03-16", status=2)
    level = Desk(World(live=False))
    assert "Every line was right on each day." in level.told("preview", "--since", "2026-03-01")


def test_days_to_come_and_an_autotask_that_is_away_are_refused() -> None:
    """With what to do."""
    world = observed()
    with pytest.raises(Senseless):
        what_people_did(deployment_of(world), date(2026, 4, 1))
    world.control.add_fault("json_500", times=None)
    with pytest.raises(NotDone):
        what_people_did(deployment_of(world), FIRST)
