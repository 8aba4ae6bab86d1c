"""A held change that an operator rejects, from the webhook to Autotask's units, in one process."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SERVICES, World
from timus_autotask.domain.approval import approve, reject
from timus_autotask.store.journal import line_with_entries
from timus_autotask.store.lines import put_line
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contract, wake_contracts

TODAY = date(2026, 3, 15)


@pytest.fixture
def world() -> World:
    """One client, mapped, whose changes are all held back."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    store = world.ports.store
    always = {"above_units": 0}
    terms = {"approve_increases": always, "approve_decreases": always}
    store.commit(put_terms(None, terms, 0), *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    return world


def decide(world: World, sku: str, *, approved: bool) -> None:
    """What an operator's command writes."""
    stored = world.ports.store.contract(CONTRACT).lines[SERVICES[sku]]
    wake = wake_contract(CONTRACT, world.ports)
    if approved:
        world.ports.store.commit(put_line(approve(stored.value, "sam"), stored.rev), wake)
    else:
        line, entry = reject(
            stored.value, by="pat", at=world.clock.now(), reason="not ordered", entry_id="c1"
        )
        world.ports.store.commit(*line_with_entries(line, stored.rev, [entry])[1], wake)
    world.sweep()


def code(world: World, sku: str) -> str | None:
    """Why a line is parked."""
    parked = world.line(sku).parked
    return parked.code if parked else None


def test_it_is_set_aside_until_timus_reports_something_newer(world: World) -> None:
    """Days pass, old news come again: nothing is sent. A newer version is judged by the terms as a whole."""
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    decide(world, ADV, approved=False)
    world.pass_time(days=3)
    world.tell(8, {ADV: 28, GATEWAY: 1}, event_id="again")
    world.work()
    assert code(world, ADV) == "rejected"
    assert world.posted() == []
    [entry] = world.ports.store.changes()
    assert (entry.outcome, entry.by, entry.message) == ("rejected", "pat", "not ordered")
    world.tell(9, {ADV: 29, GATEWAY: 1})
    world.work()
    assert code(world, ADV) == "held-for-approval"
    decide(world, ADV, approved=True)
    assert world.posted() == [(45, 3, "2026-03-15")]
    decide(world, ADV, approved=True)
    assert world.units(ADV, world.ports.today()) == 29


def test_news_of_another_line_do_not_bring_it_back(world: World) -> None:
    """The gateways of the same subscription are another matter."""
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    decide(world, ADV, approved=False)
    world.tell(9, {ADV: 28, GATEWAY: 2})
    world.work()
    assert (code(world, ADV), code(world, GATEWAY)) == ("rejected", "held-for-approval")


def test_it_goes_when_somebody_approves_it_after_all(world: World) -> None:
    """As it is shown."""
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    decide(world, ADV, approved=False)
    decide(world, ADV, approved=True)
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert code(world, ADV) is None


def test_a_plan_change_is_rejected_as_a_whole(world: World) -> None:
    """The client keeps the old plan, and only that."""
    store = world.ports.store
    terms = store.partner().terms
    store.commit(put_terms(None, {"approve_new_lines": True}, terms.rev))
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    decide(world, ESS, approved=False)
    world.pass_time(days=2)
    assert (code(world, ADV), code(world, ESS)) == ("held-with-plan-change", "rejected")
    assert world.posted() == []
    assert (world.units(ADV, TODAY), world.units(ESS, TODAY)) == (25, 0)


def test_more_seats_of_another_subscription_are_approved_beside_a_plan_change_that_was_rejected(
    world: World,
) -> None:
    """Neither line waits for the other: the client keeps the old plan, and gets what was approved on the new one."""
    world.tell(1, {ESS: 9}, subscription="sub_2")
    world.work()
    decide(world, ESS, approved=True)
    world.pass_time(days=3)
    today = world.ports.today()
    moved = datetime(2026, 3, 17, tzinfo=world.ports.zone)
    world.tell(8, {ESS: 12, GATEWAY: 1}, effective=moved)
    world.tell(2, {ESS: 24}, subscription="sub_2")
    world.work()
    decide(world, ESS, approved=False)
    decide(world, ESS, approved=True)
    decide(world, ADV, approved=True)
    world.pass_time(days=1)
    assert (world.units(ADV, today), world.units(ESS, today)) == (25, 24)
    assert world.posted()[1:] == [(46, 15, today.isoformat())]
    assert (code(world, ADV), code(world, ESS)) == ("held-with-plan-change", "rejected")


@pytest.mark.parametrize("rejects", [True, False])
def test_an_earlier_change_goes_while_a_later_plan_change_of_the_line_waits(
    world: World, rejects: bool
) -> None:
    """+10 of the 15th are approved; one seat moves on the 17th and is not. The ten were never billed, and nobody could approve them again."""
    store = world.ports.store
    store.commit(
        put_terms(None, {"approve_increases": {"above_units": 0}}, store.partner().terms.rev),
        *wake_contracts(CUSTOMER, [CONTRACT], world.ports),
    )
    world.tell(8, {ADV: 35, GATEWAY: 1})
    world.work()
    world.pass_time(days=2)
    moved = datetime(2026, 3, 17, tzinfo=world.ports.zone)
    world.tell(9, {ADV: 34, ESS: 1, GATEWAY: 1}, effective=moved)
    world.work()
    if rejects:
        decide(world, ESS, approved=False)
    decide(world, ADV, approved=True)
    assert world.posted() == [(45, 10, "2026-03-15")]
    assert code(world, ADV) == "held-with-plan-change"
    decide(world, ESS, approved=True)
    assert world.posted()[1:] == [(45, -1, "2026-03-17"), (46, 1, "2026-03-17")]
