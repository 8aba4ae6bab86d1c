"""A pytest plugin for mutated code: the same few examples in every run, none of them shrunk, and the quick tests first.

A mutant that survives goes through every test that reaches it. What only the fiftieth example of a property would notice is
better held to an example of its own. So all mutants are tried with the examples first, and with the properties only those that are left.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")


EXAMPLES_ONLY = "MUTATION_EXAMPLES_ONLY"
"""Set in the environment: no mutant is tried with a property."""


def is_property(item: pytest.Item) -> bool:
    """Whether it makes up its examples."""
    return item.get_closest_marker("hypothesis") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mutant that an example kills need not wait for a hundred of them."""
    items.sort(key=is_property)
    # Mutmut also runs the tests without a mutant, to find out what each of them reaches.
    if EXAMPLES_ONLY in os.environ and "__mutmut_" in os.environ.get("MUTANT_UNDER_TEST", ""):
        items[:] = [item for item in items if not is_property(item)]
