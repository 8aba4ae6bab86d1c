"""All of a reconciliation, decided without a terminal: what is found, in which order, and what is asked about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from tests.deployment import deployment_of
from tests.drift_table import LINE, aligned
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.operate.files.timus_export import Exported, ExportFile
from timus_autotask.operate.proposal import Asked, Proposal
from timus_autotask.operate.reconcile import (
    AgainstTimus,
    FollowedUp,
    Reconciled,
    Reconciliation,
    ToCompare,
    compare_and_decide,
)
from timus_autotask.operate.recover import MadeSafe, make_safe


@dataclass
class Decided:
    """Somebody who says the same to everything, and what he was shown and asked, in its order."""

    says: bool = True
    saw: list[str] = field(default_factory=list)

    def see_autotask(self, found: Reconciled) -> None:
        self.saw.append(f"Autotask: {len(found.findings)}")

    def see_timus(self, found: AgainstTimus) -> None:
        self.saw.append(f"Timus: {found.released} of {found.missing}")

    def follow_up(self, proposal: Proposal[FollowedUp], events: int) -> Asked[FollowedUp]:
        self.saw.append(f"take in {events}, look at {proposal.result.looked_at}?")
        return Asked(proposal, proposal.commit() if self.says else None)


@pytest.fixture
def edited() -> World:
    """A world that is level, but for three units that somebody added in Autotask."""
    world = aligned()
    world.control.person_adjusts(LINE, date(2026, 3, 16).toordinal(), 3)
    return world


def exported(quantity: int, subscription: str = "sub_8f2c1a") -> Sequence[Exported]:
    """What Timus shows: one subscription with so many seats."""
    text = f"customer_id,subscription_id,sku,quantity,term_end\n{CUSTOMER},{subscription},{ADV},{quantity},2026-12-31\n"
    return ExportFile("portal.csv", text.encode()).subscriptions()


def reconciled(world: World, who: Decided, wanted: ToCompare) -> Reconciliation:
    """Compare this world, at the wish of somebody."""
    return compare_and_decide(deployment_of(world), wanted, "kim", who)


def test_what_follows_is_one_proposal(edited: World) -> None:
    """Each thing is shown before it is asked about, and what is agreed to is done: events are taken in, and contracts looked at."""
    who = Decided()
    found = reconciled(edited, who, ToCompare(exported=exported(31), source="portal.csv"))
    assert who.saw == ["Autotask: 1", "Timus: 1 of 1", f"take in 1, look at ({CONTRACT},)?"]
    form = found.to_json()
    assert (form["taken_in"], form["looked_at"], form["written"]) == (1, [CONTRACT], True)
    assert edited.ports.store.customer(CUSTOMER).inbox
    assert (
        sum(one.key.pk == "DECISIONS" for one in edited.table.documents()) == 2
    )  # the file's, and the contract's


def test_who_says_no_changes_nothing(edited: World) -> None:
    """What was found is told all the same."""
    found = reconciled(edited, Decided(says=False), ToCompare(exported=exported(31), source="portal.csv"))
    form = found.to_json()
    assert (form["taken_in"], form["looked_at"], form["written"]) == (0, [], False)
    assert form["missing_events"][0]["customer"] == CUSTOMER
    assert not edited.ports.store.customer(CUSTOMER).inbox
    state = edited.ports.store.contract_state(CONTRACT).value
    assert state.generation == state.converged


@pytest.mark.parametrize(
    ("drift", "units", "change"), [("enforce", 30, -1), ("adopt", 32, 1), ("park", 31, 0)]
)
def test_a_line_of_which_an_event_and_an_edit_are_found_is_shown_once_as_it_will_be(
    edited: World, drift: str, units: int, change: int
) -> None:
    """By whatever terms: what the event makes of the line is in the same preview as what becomes of the edit, and it is what is made."""
    Desk(edited).told("policy", "set", f"drift={drift}")
    edited.work()
    quantity = {"enforce": 30, "adopt": 29, "park": 29}[drift]
    found = reconciled(edited, Decided(), ToCompare(exported=exported(quantity), source="portal.csv"))
    assert found.followed_up is not None
    [contract] = found.followed_up.proposal.preview.contracts
    [line] = contract.lines
    shown = [one.delta for one in line.adjustments]
    before = len(edited.posted())
    edited.work()
    edited.pass_time(hours=12)  # the edit has taken its day
    assert shown == [delta for _, delta, _ in edited.posted()[before:]] == ([change] if change else [])
    assert edited.units(ADV, date(2026, 3, 17)) == units


def test_where_nothing_is_found_nothing_is_asked() -> None:
    """Level in all three, with a file and without."""
    for wanted, saw in (
        (ToCompare(), ["Autotask: 0"]),
        (ToCompare(exported=exported(28), source="portal.csv"), ["Autotask: 0", "Timus: 0 of 0"]),
    ):
        who = Decided()
        found = reconciled(aligned(), who, wanted)
        assert (who.saw, found.followed_up) == (saw, None)


def test_what_a_suspicion_holds_is_not_asked_about_before_it_is_accepted() -> None:
    """The id of the file differs from a known one in its case alone."""
    world, who = aligned(), Decided()
    wanted = ToCompare(exported=exported(28, "SUB_8F2C1A"), source="portal.csv")
    found = reconciled(world, who, wanted)
    assert (who.saw, found.followed_up) == (["Autotask: 0", "Timus: 0 of 1"], None)
    assert found.against_timus is not None
    accepted = tuple(one.id for one in found.against_timus.open_suspicions)
    reconciled(world, who, replace(wanted, accepted=accepted))
    assert who.saw[2:] == ["Autotask: 0", "Timus: 1 of 1", "take in 1, look at ()?"]


def test_the_last_comparison_asks_autotask_nothing_and_leaves_its_contracts_alone(edited: World) -> None:
    """They were looked at, or left, when it was made."""
    reconciled(edited, Decided(says=False), ToCompare())
    edited.control.clear_requests()
    who = Decided()
    found = reconciled(edited, who, ToCompare(last=True))
    assert (who.saw, found.followed_up, edited.control.requests()) == (["Autotask: 1"], None, [])


def test_a_restored_table_is_paused_before_its_contracts_are_waited_for() -> None:
    """Those that no worker has come to by then are told."""
    world = aligned()
    told: list[object] = []

    def paused(contracts: tuple[int, ...]) -> None:
        told.append((contracts, world.ports.store.partner().terms.value.values["paused"]))

    done = make_safe(deployment_of(world), "kim", paused, told.append)
    assert told[:2] == [((CONTRACT,), True), "1 contract is still to be looked at."]
    assert done == MadeSafe((CONTRACT,), not_looked_at=1)
