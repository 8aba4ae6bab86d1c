"""A change that was made is taken back by a program: previewed with units and money, then posted, and linked in the journal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from local.autotask.faults import Fault
from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.cli.failure import refusal
from timus_autotask.domain.converge.undo import NotUndone
from timus_autotask.domain.line import State, Why
from timus_autotask.domain.mapping import LineKey, Route
from timus_autotask.domain.reasons import Parked
from timus_autotask.operate import terms
from timus_autotask.operate import undo as undoing
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.refusal import NotDone, Senseless, Way
from timus_autotask.operate.undo import undo, withdraw
from timus_autotask.watch.money import Estimate


@pytest.fixture
def world() -> World:
    """25 seats since yesterday, and three more; today is 2026-03-16."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=3)
    return world


@pytest.fixture
def deployment(world: World) -> Deployment:
    """What a console is given."""
    return deployment_of(world)


def change(world: World, delta: int = 3) -> str:
    """The id of a change that was made."""
    [found] = [one.id for one in world.ports.store.changes() if one.delta == delta]
    return found


def test_it_is_shown_with_units_and_money_before_it_is_posted(world: World, deployment: Deployment) -> None:
    """The opposite, from the next free day on, until the end of the contract."""
    proposal = undo(deployment, change(world), "ordered twice", "j.doe")
    [side] = proposal.result.sides
    assert (side.day, side.delta, side.units, side.instead_of) == (date(2026, 3, 16), -3, 25, 28)
    assert proposal.preview.totals.units_down_at_once == 3
    estimate = proposal.preview.totals.estimate
    assert estimate is not None
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_its_money_is_the_undos_own(world: World, deployment: Deployment) -> None:
    """What is scheduled is no part of it, and ends it; one day moved, and it says why."""
    world.tell(9, {ADV: 35, GATEWAY: 1}, effective=datetime(2026, 3, 26, 6, tzinfo=UTC))
    world.work()
    proposal = undo(deployment, change(world), "ordered twice", "j.doe")
    [side] = proposal.result.sides
    # 3 x 12.50 x 16 / 31 less, and 3 x 12.50 x 6 / 31 again
    [line] = [one for one in proposal.preview.contracts[0].lines if one.service_id == 45]
    assert [(one.day.day, one.delta) for one in line.adjustments] == [(16, -3), (26, 10)]
    assert side.until == date(2026, 3, 26)
    assert proposal.result.estimate == Estimate(Decimal("-12.09"), Decimal("0.00"))
    assert proposal.result.moved_from == date(2026, 3, 15)
    assert "A day of a line takes one adjustment" in proposal.result.taken_days
    assert proposal.result.to_json()["estimate"] == {
        "so_far": "-12.09",
        "each_period": "0.00",
        "without_price": 0,
    }


def test_its_money_has_the_whole_periods_until_it_ends(world: World, deployment: Deployment) -> None:
    """Scheduled for 26 May: 16 days of March, April, and 25 days of May are less."""
    world.tell(9, {ADV: 35, GATEWAY: 1}, effective=datetime(2026, 5, 26, 6, tzinfo=UTC))
    world.work()
    found = undo(deployment, change(world), "ordered twice", "j.doe").result
    # 3 x 12.50 x 16 / 31, 3 x 12.50, and 3 x 12.50 x 25 / 31
    assert found.estimate == Estimate(Decimal("-87.09"), Decimal("0.00"))


def test_it_is_posted_once_and_the_line_stays_without_it(world: World, deployment: Deployment) -> None:
    """Timus still says 28; no look at the contract makes it again."""
    undo(deployment, change(world), "ordered twice", "j.doe").commit()
    world.work()
    world.pass_time(days=2)
    assert world.posted() == [(45, 3, "2026-03-15"), (45, -3, "2026-03-16")]
    assert world.units(ADV, date(2026, 3, 20)) == 25
    assert world.line(ADV).state is State.APPLIED


def test_what_ends_an_undo_says_so_before(world: World, deployment: Deployment) -> None:
    """All of it is billed on the contract that the customer goes to: the preview has the reason, and only where an undo ends by it."""
    undo(deployment, change(world), "ordered twice", "j.doe").commit()
    world.work()
    world.pass_time(days=1)

    def ending(contract: int) -> list[str]:
        route = Route(600 if contract == CONTRACT else 601, contract)
        proposal = route_customer(deployment_of(world), CUSTOMER, route, "j.doe")
        found = [text for one in proposal.preview.contracts for line in one.lines for text in line.undo_ends]
        proposal.commit()
        world.work()
        world.pass_time(days=1)
        return found

    assert ending(29683950) == [
        "The undo by j.doe (-3 on 2026-03-16) ends on 2026-03-19: from then on what Timus reports counts again."
    ]
    assert ending(CONTRACT) == []


def test_the_journal_links_the_two_and_says_who_and_why(world: World, deployment: Deployment) -> None:
    """So does the list of decisions."""
    id_ = change(world)
    undo(deployment, id_, "ordered twice", "j.doe").commit()
    world.work()
    opposite = [*deployment.store.changes()][-1]
    assert (opposite.undoes, opposite.by, opposite.message) == (id_, "j.doe", "ordered twice")
    assert opposite.why is Why.UNDONE
    [decision] = [one for one in deployment.store.decisions() if one.kind == "undo"]
    assert decision.by == "j.doe"
    assert decision.detail == f"{id_}: -3 on 2026-03-16 on service 45: ordered twice"


def test_news_brings_the_line_to_what_timus_says(world: World, deployment: Deployment) -> None:
    """From its own day on."""
    undo(deployment, change(world), "ordered twice", "j.doe").commit()
    world.work()
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    assert world.posted()[-1] == (45, 5, "2026-03-18")


def test_an_undo_is_undone_by_its_own_change(world: World, deployment: Deployment) -> None:
    """That is a person's word: the line has again what Timus says."""
    undo(deployment, change(world), "ordered twice", "j.doe").commit()
    world.work()
    undo(deployment, change(world, -3), "they do want it", "kim").commit()
    world.work()
    assert world.posted()[-1] == (45, 3, "2026-03-17")


def test_a_plan_change_is_undone_on_both_sides(world: World, deployment: Deployment) -> None:
    """The new plan comes down before the old one goes up."""
    world.tell(9, {ESS: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    proposal = undo(deployment, change(world, 28), "the wrong client", "j.doe")
    assert [(one.service_id, one.delta) for one in proposal.result.sides] == [(45, 28), (46, -28)]
    proposal.commit()
    world.work()
    assert [(service, delta) for service, delta, _ in world.posted()[-2:]] == [(46, -28), (45, 28)]


def test_what_is_shown_and_has_changed_meanwhile_is_not_done(world: World, deployment: Deployment) -> None:
    """News came while somebody was asked."""
    proposal = undo(deployment, change(world), "ordered twice", "j.doe")
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    with pytest.raises(NotDone, match="builds on it"):
        proposal.commit()
    assert [delta for _, delta, _ in world.posted()] == [3, 2]


def test_news_that_waits_in_the_inbox_is_shown_beside_it(world: World, deployment: Deployment) -> None:
    """The rehearsal merges it: what is undone, and what follows from the news."""
    world.tell(9, {ADV: 30, GATEWAY: 1})
    [contract] = undo(deployment, change(world), "ordered twice", "j.doe").preview.contracts
    [line] = [one for one in contract.lines if one.service_id == 45]
    assert [(one.day.day, one.delta) for one in line.adjustments] == [(16, -3), (18, 5)]


def test_what_news_of_an_earlier_day_overtakes_is_not_undone(world: World, deployment: Deployment) -> None:
    """It holds from the day of the change on, so that the opposite would be another one."""
    world.tell(9, {ADV: 30, GATEWAY: 1}, effective=world.clock.now() - timedelta(days=3))
    with pytest.raises(NotDone, match=r"would not be made: there is something newer, and \+2 on 2026-03-16"):
        undo(deployment, change(world), "ordered twice", "j.doe")


def shared(other: str) -> World:
    """The same on a line that another customer has 4 seats of."""
    world = World()
    world.map_customer()
    world.map_customer(other)
    world.tell(1, {ADV: 4}, customer=other, subscription="sub_other")
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=3)
    return world


BEFORE_AND_AFTER = pytest.mark.parametrize("other", ["cus_1", "cus_9"])
"""Customers whose worker is woken before the one with the news, and after it."""


@BEFORE_AND_AFTER
def test_on_a_shared_line_too_news_of_an_earlier_day_overtakes_it(other: str) -> None:
    """Whoever is woken first: the other customer has no news, and the line has one number."""
    world = shared(other)
    newest = change(world)
    world.tell(9, {ADV: 30, GATEWAY: 1}, effective=world.clock.now() - timedelta(days=2))
    with pytest.raises(NotDone, match=r"would not be made: there is something newer, and \+2 on "):
        undo(deployment_of(world), newest, "ordered twice", "j.doe")


@BEFORE_AND_AFTER
def test_on_a_shared_line_what_is_shown_beside_news_is_what_is_made(other: str) -> None:
    """What is undone, and what follows from news of today."""
    world = shared(other)
    newest, posted = change(world), len(world.posted())
    world.tell(9, {ADV: 30, GATEWAY: 1})
    proposal = undo(deployment_of(world), newest, "ordered twice", "j.doe")
    [contract] = proposal.preview.contracts
    [line] = [one for one in contract.lines if one.service_id == 45]
    proposal.commit()
    world.work()
    made = [(45, one.delta, one.day.isoformat()) for one in line.adjustments]
    assert world.posted()[posted:] == made
    assert [delta for _, delta, _ in made] == [-3, 5]


def test_a_change_is_named_by_its_id_or_how_it_begins(world: World, deployment: Deployment) -> None:
    """What is no change, or several, is refused."""
    assert undo(deployment, change(world)[:6], "ordered twice", "j.doe").result.sides
    with pytest.raises(NotDone, match="nope is no change"):
        undo(deployment, "nope", "why", "j.doe")
    with pytest.raises(NotDone, match="is no change"):
        undo(deployment, "", "why", "j.doe")
    with pytest.raises(Senseless, match="with a reason") as refused:
        undo(deployment, change(world), " ", "j.doe")
    assert refused.value.ways == (Way.REASON,)


def test_what_is_refused_says_why(world: World, deployment: Deployment) -> None:
    """Here: everything is paused."""
    terms.pause(deployment, None, "kim")
    with pytest.raises(NotDone, match="paused"):
        undo(deployment, change(world), "ordered twice", "j.doe")


def made_today(world: World) -> str:
    """Two seats more today: their opposite would be tomorrow's."""
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    return change(world, 2)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            NotUndone("It is paused, and an undo is an adjustment.", first=Parked("paused", {})),
            "It is paused, and an undo is an adjustment. First: timus-autotask resume",
        ),
        (
            NotUndone("It is parked: edited.", first=Parked("drift", {"contract": 1, "service": 45})),
            "It is parked: edited. First: timus-autotask drift 1 45 --enforce, or: timus-autotask drift 1 45 --adopt",
        ),
        (
            NotUndone("Another line is not level.", other=LineKey(7, 46)),
            "Another line is not level. See: timus-autotask status --contract 7",
        ),
        (NotUndone("It was not made."), "It was not made."),
    ],
)
def test_what_is_to_be_done_first_is_named_with_its_command(
    world: World, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, error: NotUndone, says: str
) -> None:
    """The decision says what is in the way; here it gets the words that a person copies."""

    def refuses(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(undoing, "lines_without", refuses)
    with pytest.raises(NotDone) as refused:
        undo(deployment, change(world), "ordered twice", "j.doe")
    assert refusal(refused.value) == says


def test_a_price_that_the_change_brought_stays_and_is_named() -> None:
    """12.50 until then, 10.00 for all units since: the undo takes units back only."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    desk = Desk(world)
    desk.told("policy", "set", "prices.SASE-ADV-USER=10.00", "--yes")
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=3)
    proposal = undo(deployment_of(world), change(world), "ordered twice", "j.doe")
    said = "the unit price of service 45 stays 10.00 for all units, where it was 12.50 before the change"
    assert said in proposal.result.prices_that_stay
    assert proposal.result.to_json()["unit_prices_that_stay"] == [
        {"service_id": 45, "from": "12.50", "to": "10.00"}
    ]
    shown = desk.run("undo", change(world), "--reason", "ordered twice", "--dry-run").out
    assert said in " ".join(shown.split())


def test_what_was_done_to_a_contract_itself_is_no_change_of_units() -> None:
    """A renewal, which says so, and not that something is not mapped."""
    end = [{**one, "endDate": "2026-03-31"} for one in SCENARIO["contracts"]]
    world = World(scenario={**SCENARIO, "contracts": end})
    Desk(world).told("policy", "set", "renewal=new-contract", "--yes")
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1}, term_end=date(2026, 3, 31))
    world.work()
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 3, 31))
    for _ in range(4):
        world.work()
        world.pass_time(minutes=20)
    [renewal] = [one for one in world.ports.store.changes() if not one.line.service_id]
    with pytest.raises(NotDone, match="its renewal, and changed no units"):
        undo(deployment_of(world), renewal.id, "by mistake", "j.doe")


def test_an_undo_that_is_still_to_be_made_is_withdrawn(world: World, deployment: Deployment) -> None:
    """Nothing was made, nothing is made, and both decisions are kept."""
    id_ = made_today(world)
    undo(deployment, id_, "by mistake", "j.doe").commit()
    world.work()
    assert world.line(ADV).state is State.SCHEDULED
    with pytest.raises(NotDone, match=r"undone already by j\.doe: -2 on ") as refused:
        undo(deployment, id_, "again", "kim")
    assert f"undo {id_} --withdraw" in refusal(refused.value)
    proposal = withdraw(deployment, id_, "they do want it", "kim")
    assert proposal.preview.totals.lines == 0
    proposal.commit()
    world.work()
    world.pass_time(days=3)
    assert [delta for _, delta, _ in world.posted()] == [3, 2]
    line = world.line(ADV)
    assert (line.state, line.undone, line.approved) == (State.APPLIED, (), ())
    assert {"undo", "undo-withdrawn"} <= {one.kind for one in deployment.store.decisions()}


def test_an_undo_can_follow_one_that_was_withdrawn(world: World, deployment: Deployment) -> None:
    """The line is as if nobody had undone it."""
    id_ = made_today(world)
    undo(deployment, id_, "by mistake", "j.doe").commit()
    withdraw(deployment, id_, "they do want it", "kim").commit()
    undo(deployment, id_, "they do not", "kim").commit()
    world.pass_time(days=2)
    assert [delta for _, delta, _ in world.posted()] == [3, 2, -2]


def test_a_plan_change_is_withdrawn_on_both_sides(world: World, deployment: Deployment) -> None:
    """Never one of them."""
    world.tell(9, {ESS: 28, GATEWAY: 1})
    world.work()
    undo(deployment, change(world, 28), "the wrong client", "j.doe").commit()
    shown = withdraw(deployment, change(world, -28), "it was right", "kim")
    assert {one.service_id for one in shown.result.sides} == {45, 46}
    shown.commit()
    world.pass_time(days=3)
    assert [delta for _, delta, _ in world.posted()] == [3, -28, 28]
    assert (world.line(ADV).undone, world.line(ESS).undone) == ((), ())


def test_two_people_at_once_undo_and_withdraw_it_once(world: World, deployment: Deployment) -> None:
    """Whoever comes second is told what the first one did, and writes nothing."""
    id_ = made_today(world)
    first, second = undo(deployment, id_, "by mistake", "j.doe"), undo(deployment, id_, "by mistake", "kim")
    first.commit()
    with pytest.raises(NotDone, match=r"undone already by j\.doe"):
        second.commit()
    first, second = (
        withdraw(deployment, id_, "after all", "j.doe"),
        withdraw(deployment, id_, "after all", "kim"),
    )
    first.commit()
    with pytest.raises(NotDone, match="no undo that is still to be made"):
        second.commit()
    world.pass_time(days=3)
    assert [delta for _, delta, _ in world.posted()] == [3, 2]


def test_what_was_made_is_not_withdrawn(world: World, deployment: Deployment) -> None:
    """It is undone by its own id, and the refusal says so; so does that of a second undo."""
    id_ = change(world)
    proposal = undo(deployment, id_, "ordered twice", "j.doe")
    with pytest.raises(NotDone, match="no undo that is still to be made"):
        withdraw(deployment, id_, "why", "kim")
    proposal.commit()
    shown = withdraw(deployment, id_, "why", "kim")
    world.work()
    with pytest.raises(NotDone, match="no undo that is still to be made"):
        shown.commit()
    opposite = change(world, -3)
    with pytest.raises(NotDone) as again:
        undo(deployment, id_, "again", "kim")
    words = f"was undone already, by {opposite}. To bring it back: timus-autotask undo {opposite}"
    assert words in refusal(again.value)
    with pytest.raises(Senseless, match="with a reason") as refused:
        withdraw(deployment, id_, " ", "kim")
    assert refused.value.ways == (Way.REASON,)


def test_a_plan_change_that_waited_for_others_is_undone_as_a_whole(
    world: World, deployment: Deployment
) -> None:
    """After a pause, each change of a line names its own event: one of another day is no part of the plan change."""
    terms.pause(deployment, None, "kim")
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.tell(10, {ESS: 30, GATEWAY: 1})
    world.work()
    terms.resume(deployment, None, "kim").commit()
    world.work()
    world.pass_time(days=1)
    named = {one.delta: one.events for one in world.ports.store.changes()}
    assert named[2] == ("sub_8f2c1a-v9",)
    assert named[30] == named[-30] == ("sub_8f2c1a-v10",)
    sides = undo(deployment, change(world, 30), "the wrong client", "j.doe").result.sides
    assert {side.delta for side in sides} == {30, -30}


def test_an_undone_plan_change_says_so_when_it_is_undone_again(world: World, deployment: Deployment) -> None:
    """On either of its sides, with the command that brings it back."""
    world.tell(9, {ESS: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    first = change(world, 28)
    undo(deployment, first, "the wrong client", "j.doe").commit()
    world.work()
    with pytest.raises(NotDone, match=r"was undone already, by ") as refused:
        undo(deployment, first, "again", "kim")
    assert refused.value.ways == (Way.BRING_BACK,)
    assert "To bring it back" in refusal(refused.value)


def test_nothing_is_written_while_autotask_cannot_be_asked(world: World, deployment: Deployment) -> None:
    """What the line has, and which periods are posted, is read first."""
    id_ = change(world)
    world.api.faults.add(Fault("html_503", times=None))
    with pytest.raises(NotDone, match="Autotask cannot be asked"):
        undo(deployment, id_, "ordered twice", "j.doe")
