"""The README names every lever that there is."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

from local.autotask import Control, Switches
from local.autotask.faults import KINDS
from local.autotask.scenario import SCENARIOS
from local.autotask.switches import CHOICES

README = (SCENARIOS.parent / "README.md").read_text(encoding="utf-8")


def test_every_switch_with_every_value() -> None:
    """Switches and their values are explained."""
    assert [one.name for one in fields(Switches) if f"`{one.name}`" not in README] == []
    for name, values in CHOICES.items():
        assert f"| `{name}` | {', '.join(values)} |" in README
        assert getattr(Switches(), name) == values[0]


def test_every_fault() -> None:
    """Faults are explained."""
    assert [kind for kind in KINDS if f"`{kind}`" not in README] == []


def test_every_control_route_and_method() -> None:
    """Routes and methods are explained."""
    routes = re.findall(r'case "[A-Z]+"(?: \| "[A-Z]+")?, "([a-z_/]+)"', inspect.getsource(Control))
    assert len(routes) > 20
    assert [route for route in routes if not re.search(rf"`[^`|]*\b{route}\b[^`|]*`", README)] == []
    methods = [
        name for name, _ in inspect.getmembers(Control, inspect.isfunction) if not name.startswith("_")
    ]
    assert [name for name in methods if name != "handle" and f"`{name}`" not in README] == []
