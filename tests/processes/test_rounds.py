"""A handful of rounds of killing; ``python -m tests.processes`` runs two hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.rounds import run

pytestmark = [pytest.mark.emulator, pytest.mark.last]


def test_killed_workers_leave_every_line_right(tmp_path: Path) -> None:
    """SIGKILL in the middle of posts and at random moments: each change is billed once, on its day."""
    outcome = run(6, 3, tmp_path, quick=True)
    assert outcome.wrong == []
    assert len(outcome.rounds) == 6
    assert sum(bool(killing.during_post) for killing in outcome.rounds) >= 2
