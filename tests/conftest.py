"""Who may open sockets: nobody, unless a marker says so, and then only on this machine. And how properties are tried.

``HYPOTHESIS_PROFILE=explore pytest`` tries other examples each time; without it a test says the same today and tomorrow.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a busy machine takes its time over is still right. A profile that somebody asked for is left alone.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", patient)
settings.register_profile("repeat", patient, derandomize=True, database=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


ONE_STACK = Path(__file__).parent / "e2e"
"""Its tests share one stack, so that one process runs them all."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests marked `loopback`, `emulator` or `browser` reach 127.0.0.1; the rest keep `--disable-socket`.

    The tests of a file run in one process, because they share what they have built.
    """
    for item in items:
        together = item.path.parent if item.path.is_relative_to(ONE_STACK) else item.path
        item.add_marker(pytest.mark.xdist_group(str(together)))
        if any(map(item.get_closest_marker, ("loopback", "emulator", "browser"))):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Until go-live nothing may be written to Autotask, in any test of any path."""
    world = sys.modules.get("tests.world")
    forbidden = [*world.FORBIDDEN] if world else []
    if world and forbidden:
        world.FORBIDDEN.clear()
        pytest.fail(f"{item.name} wrote to Autotask while nobody was live: {forbidden}")
