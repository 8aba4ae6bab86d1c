"""No unit test serves anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timus_autotask.web import serve as serving


@pytest.fixture(autouse=True)
def nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """``console`` tells its address, and ends at once."""

    def serve(_deployment: object, _by: str, port: int, on_address: Callable[[str], None]) -> None:
        on_address(serving.address(port, "key"))

    monkeypatch.setattr(serving, "serve", serve)
