"""A held change is decided on by a program: no terminal, no arguments of a command line."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest

from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, GATEWAY, World
from timus_autotask.domain.line import State
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import NotDone, Senseless, Way
from timus_autotask.operate.terms import TermChange
from timus_autotask.watch.status import StatusLine, gather, status_of


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


def shown(world: World) -> StatusLine:
    """The line of the seats, as people see it."""
    found = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    [line] = [one for one in found.lines if one.service_id == 45]
    return line


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
    """It stays set aside until Timus reports another quantity; then it is approved, and the seat that went a day later is taken off."""
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
    assert world.posted() == [(45, 3, "2026-03-15"), (45, -1, "2026-03-16")]


def test_what_cannot_be_decided_is_refused(deployment: Deployment) -> None:
    """With the state that the line is in."""
    with pytest.raises(Senseless, match="with a reason") as refused:
        decisions.reject(deployment, CONTRACT, 45, " ", "j.doe")
    assert refused.value.ways == (Way.REASON,)
    for ask, why in (
        (partial(decisions.approve, deployment, CONTRACT, 99, "j.doe"), "no line of ours with service 99"),
        (partial(decisions.retry, deployment, 7999, "j.doe"), "Nothing of ours is on contract 7999"),
        (
            partial(decisions.retry_provisioning, deployment, "T-1", "j.doe"),
            "No contract T-1 is being opened",
        ),
    ):
        with pytest.raises(NotDone, match=f"{why}.*") as unknown:
            ask()
        assert unknown.value.ways == (Way.SEE_STATUS,)
        assert "timus-autotask" not in str(unknown.value), "each reader has words of its own for it"
    with pytest.raises(NotDone, match=r"Service 47 .* is applied, so there is nothing to reject"):
        decisions.reject(deployment, CONTRACT, 47, "no", "j.doe")
    terms.pause(deployment, None, "kim")


def test_what_has_to_end_before_a_decision_is_a_value(world: World, deployment: Deployment) -> None:
    """A pause: the sentence says what is the matter, and each reader has words of its own for the way out."""
    terms.pause(deployment, None, "kim")
    world.work()
    with pytest.raises(NotDone, match="paused") as refused:
        decisions.approve(deployment, CONTRACT, 45, "j.doe")
    assert refused.value.first is not None
    assert refused.value.first.code == "paused"
    assert "timus-autotask" not in str(refused.value)


def test_a_rejection_stops_only_its_own_change(world: World, deployment: Deployment) -> None:
    """The same version cancels in April: the end is shown beside what is set aside, and nothing stays billed."""
    world.tell(9, {ADV: 28, GATEWAY: 1}, effective=world.clock.now(), cancel_at=date(2026, 4, 1))
    world.work()
    proposal = decisions.reject(deployment, CONTRACT, 45, "not ordered", "pat")
    [line] = [one for one in proposal.preview.contracts[0].lines if one.service_id == 45]
    assert [(one.day, one.delta) for one in line.adjustments] == [(date(2026, 4, 1), -25)]
    assert "pat rejected it" in (line.reason or "")
    proposal.commit()
    world.work()
    line_ = shown(world)
    assert (line_.state, line_.reason_code, line_.set_aside) == (State.PARKED, "rejected", ())
    assert line_.scheduled == ((date(2026, 4, 1), -25),)
    world.pass_time(days=30)
    assert world.units(ADV, date(2026, 3, 31)) == 25
    assert world.units(ADV, date(2026, 4, 14)) == 0
    assert world.line(ADV).state is State.APPLIED


def test_what_nobody_rejected_is_not_called_rejected(world: World, deployment: Deployment) -> None:
    """Free seats make another change of it: the terms judge it, and no name of a person stands beside it."""
    decisions.reject(deployment, CONTRACT, 45, "not ordered", "pat").commit()
    world.work()
    change = [TermChange("included", "5", ADV), TermChange("approve_decreases", "always")]
    terms.set_terms(deployment, change, None, "kim").commit()
    world.work()
    line = shown(world)
    assert (line.reason, line.set_aside) == ("A change of -2 on 2026-03-15 awaits approval.", ())
    assert decisions.approve(deployment, CONTRACT, 45, "sam").result.delta == -2


def test_what_is_set_aside_is_shown_beside_what_is_held(world: World, deployment: Deployment) -> None:
    """The end asks for an approval too; the rejected change is named with it."""
    world.tell(9, {ADV: 28, GATEWAY: 1}, effective=world.clock.now(), cancel_at=date(2026, 4, 1))
    world.work()
    decisions.reject(deployment, CONTRACT, 45, "not ordered", "pat").commit()
    terms.set_terms(deployment, [TermChange("approve_decreases", "always")], None, "kim").commit()
    world.pass_time(days=20)
    line = shown(world)
    assert line.reason == "A change of -25 on 2026-04-01 awaits approval."
    [aside] = line.set_aside
    assert aside.startswith("The change of +3 on 2026-03-15 is set aside")
    decisions.approve(deployment, CONTRACT, 45, "sam").commit()
    world.work()
    assert world.units(ADV, date(2026, 4, 14)) == 0


def test_a_price_is_shown_before_it_goes_out_on_a_later_day(world: World, deployment: Deployment) -> None:
    """Units and price, in the preview of the terms that set it."""
    later = [TermChange("increases", "start-of-next-period"), TermChange("approve_increases", "never")]
    terms.set_terms(deployment, later, None, "kim").commit()
    world.tell(9, {ADV: 29, GATEWAY: 1})
    world.work()
    proposal = terms.set_terms(deployment, [TermChange("prices", "15.00", ADV)], None, "kim")
    [line] = [one for one in proposal.preview.contracts[0].lines if one.service_id == 45]
    assert [(one.day, one.delta, str(one.price)) for one in line.adjustments] == [
        (date(2026, 4, 1), 4, "12.50 → 15.00")
    ]
    proposal.commit()
    world.pass_time(days=20)
    entry = world.ports.store.changes()
    assert [str(one.price) for one in entry if one.delta == 4] == ["12.50 → 15.00"]
