"""A command returns the form that a typed result has, and makes none: a console and a test get the same without a terminal."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import timus_autotask

CLI = Path(timus_autotask.__file__).parent / "cli"
NO_FORM = {
    ("failure.py", "refusal"): "what a way is about, for its command",
    ("invoicing.py", "_changed"): "the sides of an invoice, for a sentence",
}
"""Functions that make a mapping by names, with the reason."""


def _mappings(tree: ast.AST) -> Iterator[ast.Dict]:
    """Every mapping by names, or of another one with more, but those that fill in a command."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "commands":
            continue
        if isinstance(node, ast.Dict) and any(
            key is None or (isinstance(key, ast.Constant) and isinstance(key.value, str)) for key in node.keys
        ):
            yield node
        yield from _mappings(node)


def test_no_command_makes_a_form() -> None:
    """Forms are made in ``watch/forms.py``, and by ``to_json`` of the results of ``operate/``."""
    made = {
        (path.name, function.name)
        for path in sorted(CLI.glob("*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef) and any(_mappings(function))
    }
    assert made == {*NO_FORM}


def test_a_form_would_be_found() -> None:
    """Returned, handed on or put together; what fills in a command is none."""
    source = 'def a(b):\n    b.result({"x": 1})\n    c = {**b, "y": 2}\n    commands("z {z}", {"z": 3})\n    return {**c}'
    assert len([*_mappings(ast.parse(source))]) == 3
