"""The oracle bites: without a rule of the protocol a promise is broken, in a schedule in which the whole product keeps them all."""

from functools import cache

import pytest

from tests.simulation.ablations import ABLATIONS, Ablation, is_caught
from tests.simulation.rates import PROFILES
from tests.simulation.world import Result, simulate
from timus_autotask.domain.converge import settling

CAUGHT = [ablation for ablation in ABLATIONS.values() if ablation.seeds]


@cache
def _whole(seed: int, profile: str = "stress") -> Result:
    return simulate(seed, PROFILES[profile])


@pytest.mark.parametrize("ablation", CAUGHT, ids=lambda ablation: ablation.name)
def test_a_promise_is_broken_without_a_rule(ablation: Ablation) -> None:
    """Where the rule is taken out a promise is broken; where it is not, none is."""
    # What a seed tells moves with every call that a change adds; then it is found again among the first ones.
    seeds = (*ablation.seeds, *range(300))

    assert any(
        is_caught(ablation.run(seed)) and not _whole(seed, ablation.profile).violations for seed in seeds
    )


@pytest.mark.parametrize("ablation", ABLATIONS.values(), ids=lambda ablation: ablation.name)
def test_every_ablation_fits_the_product(ablation: Ablation) -> None:
    """What it takes the place of is there, and takes the same arguments: else it would take out nothing, or break the code instead."""
    ablation.fits()


def test_code_that_fails_is_no_promise_that_is_broken() -> None:
    """An ablation that does not fit the product any more breaks its code in every schedule."""
    found = Ablation("stale", lambda swap: swap(settling, "settle", lambda: None), (0,))
    assert found.run(0).promise == "bug"
    assert not is_caught(found.run(0))
    with pytest.raises(TypeError):
        found.fits()


def test_a_rule_is_back_when_its_ablation_is_over() -> None:
    """A seed's trace is the same before and after."""
    before = _whole(0).digest

    ABLATIONS["no intent"].run(0)

    assert simulate(0, PROFILES["stress"]).digest == before


def test_every_ablation_is_caught_or_says_what_stands_behind_its_rule() -> None:
    """None is left without an explanation."""
    assert [one.name for one in ABLATIONS.values() if bool(one.seeds) == bool(one.behind)] == []


def test_a_dozen_rules_at_least_are_caught() -> None:
    """The others are the ones that stand before another rule."""
    assert len(CAUGHT) >= 12
