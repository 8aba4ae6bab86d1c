"""Which adjustment is the opposite of what a person undid, so that the journal says of it that it takes this back."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.domain.converge.views import (
    CUSTOMER,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    TODAY,
    demand,
    left,
    march,
    on_contract,
    since_january,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step
from timus_autotask.domain.desired import Source
from timus_autotask.domain.line import Intent, Undone, Why
from timus_autotask.domain.policy import OnDrift, Policy
from timus_autotask.domain.timeline import Timeline

THREE_BACK = Undone("u1", "e1", TODAY, -3, 28, 25, "pat", NOW, "not ordered", customer=CUSTOMER, part=28)
"""Three more seats of today, taken back."""


def sent(step: Step) -> Intent:
    """What is about to be sent."""
    assert step.adjust is not None
    assert step.adjust.intent is not None
    return step.adjust.intent


def with_undone(
    *undone: Undone, units: Timeline = MORE, held: Timeline = MORE, drift: bool = False
) -> Intent:
    """What is sent for a line on which this was undone."""
    policy = Policy(drift=OnDrift.ENFORCE) if drift else Policy()
    left_ = left(MORE if drift else held, undone=undone)
    wanted = demand(units, sources=(Source(CUSTOMER, "SKU-45", units, units),))
    return sent(next_step(view(wanted, held={45: on_contract(held)}, lines=(left_,), policy=policy)))


def test_the_opposite_names_what_it_takes_back_and_the_lines_that_this_was_linked_with() -> None:
    """Though no plan change is to be seen by now."""
    found = with_undone(replace(THREE_BACK, linked=(PLUS,)))
    assert (found.delta, found.why, found.undoes, found.linked) == (-3, Why.UNDONE, "e1", (PLUS,))


def test_what_two_undos_of_one_customer_come_to_is_the_opposite_of_neither() -> None:
    """Only where others have units on the line may an opposite be of another size."""
    one_back = replace(THREE_BACK, id="u2", entry="e2", delta=-1, units=27)
    found = with_undone(THREE_BACK, one_back)
    assert (found.delta, found.why, found.undoes) == (-4, None, "")


def test_what_brings_back_somebodys_edit_too_is_the_opposite_of_nothing() -> None:
    """A fourth seat was added by hand."""
    found = with_undone(THREE_BACK, held=since_january(25, (TODAY, 29)), drift=True)
    assert (found.delta, found.why, found.undoes) == (-4, Why.ENFORCED, "")


def test_what_timus_brings_on_the_day_on_which_an_undo_ends_is_not_its_opposite() -> None:
    """Three seats less were undone, and nothing was left to do; three more that come today are Timus's."""
    has = since_january(28, (march(5), 25), (march(10), 28))
    back = Undone("u1", "e1", march(10), 3, 25, 28, "pat", NOW, "still needed")
    found = with_undone(back, units=since_january(28, (march(5), 25), (TODAY, 31)), held=has)
    assert (found.day, found.delta, found.undoes) == (TODAY, 3, "")


def test_the_opposite_is_made_once() -> None:
    """The same number of seats less, after it was made, is somebody else's."""
    made = replace(THREE_BACK, day=march(10), instead_of=25, units=22, part=25, opposite="i1")
    found = with_undone(made, units=since_january(25, (TODAY, 22)), held=LEVEL)
    assert (found.delta, found.undoes) == (-3, "")
