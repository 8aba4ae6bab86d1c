"""Observing and going live: nothing is written before, all is shown first, and a person's word is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.deployment import deployment_of
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.operate.preview import what_would_be_adjusted
from timus_autotask.operate.refusal import NotDone, Senseless, Way
from timus_autotask.operate.stage import go_live, observe
from timus_autotask.ports.table import Delete, Write
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.keys import stage_key
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.ports import Observing
from timus_autotask.watch.reconcile import reconcile
from timus_autotask.watch.status import gather, status_of

OTHER, OTHER_CONTRACT = "cus_77aa", 29683950
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def observing(**changes: object) -> World:
    """A client whose 25 seats are level, and who has three seats more in Timus since today."""
    world = World(live=None, **changes)  # type: ignore[arg-type]
    world.sweep()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1}, effective=JANUARY)
    world.tell(2, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(minutes=20)
    return world


def by_hand(world: World, units: int) -> None:
    """A person adjusts the seats in Autotask, from today on."""
    world.control.person_adjusts(1201, date(2026, 3, 15).toordinal(), units)


def with_another(world: World) -> World:
    """A second client, on a contract of its own."""
    world.map_customer(OTHER, 601, OTHER_CONTRACT)
    world.tell(1, {ESS: 4}, customer=OTHER, subscription="sub_other")
    world.work()
    world.pass_time(minutes=20)
    return world


def test_a_new_stack_observes_and_says_so() -> None:
    """Nobody has to think of it: the record is written before there is any line."""
    world = observing()
    stage = world.ports.store.partner().stage
    assert stage is not None
    assert not stage.value.live
    status = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    assert status.at_rest
    assert not status.stages.partner.live
    assert {(line.sku, line.state, line.autotask_units) for line in status.lines} == {
        (ADV, State.OBSERVING, 25),
        (GATEWAY, State.OBSERVING, 1),
    }
    assert world.line(ADV).scheduled == ((date(2026, 3, 15), 3),)
    assert world.transport.writes == []


def test_a_stack_that_posts_already_stays_live() -> None:
    """A line is there, so an earlier version has posted."""
    world = observing()
    for document in [one for one in world.table.documents() if one.key.sk == "LIVE"]:
        world.table.write([Delete(document.key, document.rev)])
    world.sweep()
    stage = world.ports.store.partner().stage
    assert stage is not None
    assert stage.value.live


def test_go_live_shows_all_that_it_posts_and_then_posts_it() -> None:
    """Lines, units, price and an estimate first; who said yes is kept."""
    world = observing()
    deployment = deployment_of(world)
    proposal = go_live(deployment, "m.lee")
    totals = proposal.preview.totals
    assert (totals.lines, totals.units_up, totals.units_down, totals.parked) == (1, 3, 0, 0)
    assert totals.estimate is not None
    # 3 seats at 12.50 for 17 of March's 31 days, then for whole months.
    assert (totals.estimate.so_far, totals.estimate.each_period) == (Decimal("20.56"), Decimal("37.50"))
    assert world.posted() == []
    assert proposal.commit().result.live
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert world.line(ADV).state is State.APPLIED
    assert [(one.kind, one.by) for one in world.ports.store.decisions()] == [("go-live", "m.lee")]


def test_go_live_has_to_be_meant() -> None:
    """Also in a script: it is a doubt, which ``--yes`` answers."""
    assert go_live(deployment_of(observing()), "m.lee").doubts


def test_what_somebody_changed_meanwhile_is_no_drift() -> None:
    """Go-live takes Autotask's rows of that moment: the three seats were typed by hand, so nothing is left to do."""
    world = observing()
    by_hand(world, 3)
    go_live(deployment_of(world), "m.lee").commit()
    world.work()
    assert world.posted() == []
    assert world.line(ADV).state is State.APPLIED
    assert world.line(ADV).baseline is not None


def test_a_change_by_hand_is_seen_each_day_and_rings_nothing() -> None:
    """The reconcile has the contract looked at again, and finds no drift."""
    world = observing()
    by_hand(world, 2)
    run = reconcile(world.ports, world.deadline, anew=True)
    assert (run.drift, dict(run.found)) == (0, {"changed-while-observing": 1})
    world.pass_time(minutes=1)
    assert world.line(ADV).scheduled == ((date(2026, 3, 15), 1),)


def test_single_customers_stay_in_observation() -> None:
    """``--except`` keeps one back, and ``--customer`` lets him go later."""
    world = with_another(observing())
    deployment = deployment_of(world)
    done = go_live(deployment, "m.lee", excepted=[CUSTOMER]).commit().result
    world.work()
    assert done.observing == (CUSTOMER,)
    assert world.posted() == [(46, 4, "2026-03-15")]
    status = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    assert status.stages.exceptions == (CUSTOMER,)
    go_live(deployment, "m.lee", [CUSTOMER]).commit()
    world.work()
    assert world.posted() == [(46, 4, "2026-03-15"), (45, 3, "2026-03-15")]


def test_going_live_takes_nobody_out_of_billing() -> None:
    """Whoever is live, with everybody or on his own, is refused as an exception: before a yes, and after one that came late."""
    world = with_another(observing())
    deployment = deployment_of(world)
    late = go_live(deployment, "m.lee", excepted=[CUSTOMER])
    go_live(deployment, "m.lee", [CUSTOMER]).commit()
    with pytest.raises(NotDone, match="cus_41d0 is live already") as refused:
        go_live(deployment, "m.lee", excepted=[CUSTOMER])
    assert refused.value.ways == (Way.PAUSE_CUSTOMER, Way.OBSERVE_AGAIN)
    with pytest.raises(NotDone, match="cus_41d0 is live already"):
        late.commit()
    go_live(deployment, "m.lee").commit()
    with pytest.raises(NotDone, match="cus_41d0, cus_77aa are live already"):
        go_live(deployment, "m.lee", excepted=[CUSTOMER, OTHER])
    assert world.ports.store.stage(OTHER) is None
    observe(deployment, "m.lee", [OTHER])
    assert go_live(deployment, "m.lee", excepted=[OTHER]).commit().result.observing == (OTHER,)


def test_a_contract_is_live_only_if_all_who_are_mapped_onto_it_are() -> None:
    """One of two goes live: what they share stays in observation, and that is said."""
    world = observing()
    world.map_customer(OTHER)
    world.tell(1, {ADV: 4}, customer=OTHER, subscription="sub_other")
    world.work()
    proposal = go_live(deployment_of(world), "m.lee", [OTHER])
    assert proposal.notes == (
        f"Contract {CONTRACT} stays in observation as a whole, because {CUSTOMER} observes.",
    )
    proposal.commit()
    world.work()
    assert world.transport.writes == []


def test_what_stays_in_observation_is_not_counted_with_what_is_adjusted() -> None:
    """Lines, units and money are of those who go live; the others stand apart, before the question and after it."""
    world = with_another(observing())
    deployment = deployment_of(world)
    proposal = go_live(deployment, "m.lee", excepted=[CUSTOMER])
    totals, apart = proposal.preview.totals, proposal.preview.totals_observing
    assert (totals.lines, totals.units_up, totals.estimate and totals.estimate.so_far) == (
        1,
        4,
        Decimal("18.65"),
    )
    assert (apart.lines, apart.units_up) == (1, 3)
    assert [one.contract_id for one in proposal.preview.observing] == [CONTRACT]
    proposal.commit()
    world.work()
    assert len(world.posted()) == totals.lines
    later = what_would_be_adjusted(deployment)
    assert (later.preview.totals.lines, later.preview.totals_observing.units_up) == (0, 3)


def test_a_preview_of_one_of_two_on_a_contract_says_why_nothing_would_be_adjusted() -> None:
    """It shares the contract with somebody who observes."""
    world = observing()
    world.map_customer(OTHER)
    world.tell(1, {ADV: 4}, customer=OTHER, subscription="sub_other")
    world.work()
    found = what_would_be_adjusted(deployment_of(world), OTHER)
    assert found.preview.totals.lines == 0
    assert found.preview.totals_observing.units_up == 7
    assert found.notes == (
        f"Contract {CONTRACT} stays in observation as a whole, because {CUSTOMER} observes.",
    )


def test_back_to_observing() -> None:
    """Nothing more is posted, of everybody: also of who went live on his own."""
    world = with_another(observing())
    deployment = deployment_of(world)
    go_live(deployment, "m.lee", [OTHER]).commit()
    world.work()
    go_live(deployment, "m.lee").commit()
    world.work()
    before = [*world.transport.writes]
    world.pass_time(minutes=1)
    assert observe(deployment, "m.lee").live is False
    world.tell(3, {ADV: 40, GATEWAY: 2})
    world.tell(2, {ESS: 9}, customer=OTHER, subscription="sub_other")
    world.work()
    world.pass_time(hours=2)
    assert world.transport.writes == before
    assert world.line(ADV).state is State.OBSERVING
    go_live(deployment, "m.lee").commit()
    world.work()
    # The day has an adjustment of ours already, so the rest is billed from the next one.
    assert world.line(ADV).state is State.SCHEDULED
    assert [one.kind for one in world.ports.store.decisions()] == ["go-live", "go-live", "observe", "go-live"]
    assert [one.customers for one in world.ports.store.decisions()].count((OTHER,)) == 1


def test_who_goes_back_loses_no_adjustment_under_way() -> None:
    """Its answer was lost: it is settled by a read, and then the line observes."""
    world = observing()
    deployment = deployment_of(world)
    go_live(deployment, "m.lee").commit()
    world.control.add_fault("reset_after", entity="ContractServiceAdjustments")
    world.work()
    assert world.line(ADV).intent is not None
    assert observe(deployment, "m.lee").settling == 1
    world.pass_time(minutes=30)
    assert world.line(ADV).state is State.OBSERVING
    assert [entry.outcome.value for entry in world.ports.store.changes()] == ["landed"]


def test_a_contract_that_would_be_opened_is_opened_at_go_live() -> None:
    """Until then nothing asks for it, and the preview shows it."""
    world = World(live=None)
    world.sweep()
    world.ports.store.commit(
        put_terms(
            None, {"open_contracts": True, "contract_category": 13, "contract_organizational_level": 18}, 0
        )
    )
    world.ports.store.commit(put_mapping(CustomerMapping(CUSTOMER, (), company_id=COMPANY), 0))
    world.tell(1, {ADV: 3})
    world.work()
    world.pass_time(hours=2)
    assert [*world.ports.store.provisionings()] == []
    [line] = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone).lines
    assert (line.state, line.reason) == (State.OBSERVING, "A contract would be opened for company 600.")
    deployment = deployment_of(world)
    assert [one.opened is not None for one in what_would_be_adjusted(deployment).preview.contracts] == [True]
    assert world.transport.writes == []
    go_live(deployment, "m.lee").commit()
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert [delta for _, delta, _ in world.posted()] == [3]


def test_the_preview_of_one_customer_is_of_him_alone() -> None:
    """As ``go-live --customer`` would post it."""
    world = with_another(observing())
    shown = what_would_be_adjusted(deployment_of(world), OTHER)
    assert not shown.live
    assert [
        (c.contract_id, [one.delta for line in c.lines for one in line.adjustments])
        for c in shown.preview.contracts
    ] == [(OTHER_CONTRACT, [4])]


def test_who_is_named_twice_or_unknown_is_refused() -> None:
    """Either who goes live, or who does not; and nobody whom nobody knows."""
    deployment = deployment_of(observing())
    with pytest.raises(Senseless):
        go_live(deployment, "m.lee", [CUSTOMER], [OTHER])
    with pytest.raises(NotDone):
        go_live(deployment, "m.lee", ["cus_nobody"])
    with pytest.raises(NotDone):
        observe(deployment, "m.lee", ["cus_nobody"])


def test_there_is_no_other_way_to_a_write() -> None:
    """The worker's own word is not enough: what is not live gets no client to write with."""
    with pytest.raises(Observing):
        World().ports.writing(live=False)


def test_who_stays_in_observation_is_told_before_everybody_else_goes_live() -> None:
    """Else a worker that has read the customer already, and the stack's stage only then, would take it for live."""
    world = with_another(observing())
    before = world.ports.store.contract_state(OTHER_CONTRACT).value.generation
    told: list[int] = []
    write = world.table.write

    def noted(changes: Sequence[Write]) -> None:
        if any(change.key == stage_key(None) for change in changes):
            told.append(world.ports.store.contract_state(OTHER_CONTRACT).value.generation)
        write(changes)

    world.table.write = noted  # type: ignore[method-assign]
    go_live(deployment_of(world), "a person", excepted=(OTHER,)).commit()
    assert told == [before + 1]
