from __future__ import annotations

import pytest

from tests.simulator.tenant import Tenant


@pytest.fixture
def tenant() -> Tenant:
    """A small tenant with every switch at its default."""
    return Tenant()
