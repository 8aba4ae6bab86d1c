"""Reasons for parking: what ends each of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from timus_autotask.domain import reasons
from timus_autotask.domain.reasons import AWAITING_APPROVAL, BY_DECISION, REASONS, EndedBy

CONVERGE = Path(reasons.__file__).parent / "converge"
OF_A_LINE = (EndedBy.APPROVAL, EndedBy.DECISION, EndedBy.DAY, EndedBy.LOOK)


def codes_in_converge() -> set[str]:
    """Every code that the decision about a contract's lines names, in words or by its constant."""
    nodes = [node for path in CONVERGE.glob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    said = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    said |= {str(getattr(reasons, node.id, "")) for node in nodes if isinstance(node, ast.Name)}
    return said & REASONS.keys()


def test_the_reasons_of_lines_are_those_that_the_decision_about_lines_gives() -> None:
    """A line that was parked for any other reason would never be looked at again."""
    assert codes_in_converge() == {code for code, reason in REASONS.items() if reason.ended_by in OF_A_LINE}


def test_approve_lets_go_what_the_terms_hold() -> None:
    """And nothing else: who pauses, rejects or unmaps has decided already."""
    assert {code for code in REASONS if code.startswith("held-")} == AWAITING_APPROVAL
    assert {"paused", "rejected", "no-subscription"} == BY_DECISION - AWAITING_APPROVAL


@pytest.mark.parametrize(
    "name", ["DRIFT", "REFUSED", "BELOW_ZERO_LATER", "REJECTED", "PAUSED", "SUBSCRIPTION_MOVED"]
)
def test_a_constant_is_the_code_of_a_reason(name: str) -> None:
    """The codes are stored, so the constants only give them a name."""
    assert getattr(reasons, name) in REASONS
