"""Who may open sockets: nobody, unless a marker says so, and then only on this machine."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests marked `loopback` or `emulator` reach 127.0.0.1; the rest keep `--disable-socket`."""
    for item in items:
        if item.get_closest_marker("loopback") or item.get_closest_marker("emulator"):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))
