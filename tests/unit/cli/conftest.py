"""Every test of the command has a desk of its own."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Desk
from timus_autotask.cli.terminal import Terminal


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk in a clean environment."""
    for name in ("USERNAME", "SECRET", "INTEGRATION_CODE"):
        monkeypatch.delenv(f"AUTOTASK_{name}", raising=False)
    for name in ("TIMUS_WEBHOOK_URL", "TIMUS_WEBHOOK_SECRET", "TIMUS_AUTOTASK_STACK"):
        monkeypatch.delenv(name, raising=False)
    return Desk()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A terminal whose person says no; the questions."""
    questions: list[str] = []

    def no(_self: Terminal, question: str) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr(Terminal, "asks", property(lambda self: not self.json))
    monkeypatch.setattr(Terminal, "confirm", no)
    return questions
