"""An event loop has a pair of Unix sockets of its own; every other socket stays closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def a_loop_of_its_own() -> Iterator[None]:
    """Let an event loop be made."""
    pytest_socket.enable_socket()  # one guard within another would still refuse
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()  # the next test has a guard of its own
