"""A held change is decided on by a program: no terminal, no arguments of a command line."""

from __future__ import annotations

from datetime import date

import pytest

from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, GATEWAY, World
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.operate.terms import TermChange


@pytest.fixture
def world() -> World:
    """Three seats more, which the terms hold."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    terms.set_terms(deployment_of(world), [TermChange("approve_increases", "always")], None, "kim").commit()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    return world


@pytest.fixture
def deployment(world: World) -> Deployment:
    """What a console is given."""
    return deployment_of(world)


def test_a_held_change_is_approved_without_a_terminal(world: World, deployment: Deployment) -> None:
    """The proposal is a value: what is approved, and everything that follows from it."""
    proposal = decisions.approve(deployment, CONTRACT, 45, "j.doe")
    assert (proposal.result.delta, proposal.result.day, proposal.result.by) == (3, date(2026, 3, 15), "j.doe")
    assert proposal.preview.totals.units_up_at_once == 3
    proposal.commit()
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    noted = {(one.kind, one.by, one.detail) for one in deployment.store.decisions()}
    assert ("approve", "j.doe", "+3 on 2026-03-15") in noted


def test_a_held_change_is_rejected_without_a_terminal(world: World, deployment: Deployment) -> None:
    """It stays set aside until Timus tells something newer."""
    proposal = decisions.reject(deployment, CONTRACT, 45, "not ordered", "j.doe")
    assert proposal.preview.totals.lines == 0
    proposal.commit()
    world.work()
    world.pass_time(days=1)
    assert world.posted() == []
    [entry] = deployment.store.changes()
    assert (entry.outcome, entry.by, entry.message) == ("rejected", "j.doe", "not ordered")
    world.tell(9, {ADV: 27, GATEWAY: 1})
    world.work()
    decisions.approve(deployment, CONTRACT, 45, "kim").commit()
    world.work()
    assert sum(delta for _, delta, _ in world.posted()) in (2, 3)


def test_what_cannot_be_decided_is_refused(deployment: Deployment) -> None:
    """With the state that the line is in."""
    with pytest.raises(Senseless, match="--reason"):
        decisions.reject(deployment, CONTRACT, 45, " ", "j.doe")
    with pytest.raises(NotDone, match="no line of ours with service 99"):
        decisions.approve(deployment, CONTRACT, 99, "j.doe")
    with pytest.raises(NotDone, match=r"Service 47 .* is applied, so there is nothing to reject"):
        decisions.reject(deployment, CONTRACT, 47, "no", "j.doe")
    terms.pause(deployment, None, "kim")
