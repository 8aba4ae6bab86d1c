"""A pytest plugin for mutated code: the same few examples in every run, none of them shrunk, and the quick tests first.

A mutant that survives goes through every test that reaches it. What only the fiftieth example of a property would notice is
better held to an example of its own.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mutant that an example kills need not wait for a hundred of them."""
    items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)
