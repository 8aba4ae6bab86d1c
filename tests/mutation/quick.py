"""A pytest plugin for mutated code: the same examples in every run, none of them shrunk, and the quick tests first."""

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
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
