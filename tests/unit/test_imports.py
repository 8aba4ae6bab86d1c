"""What imports what, beyond the table of docs/architecture.md: no cycles, a light webhook function, and a layer without the command."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_simulator_is_independent import imported_modules

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core"
PACKAGE = CORE / "timus_autotask"
FUNCTIONS = ("receive_webhook", "apply_changes", "sweep", "reconcile", "send_digest")


def name_of(path: Path) -> str:
    """The full name of a module."""
    return ".".join(path.relative_to(CORE).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {name_of(path): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def imports_of(name: str, source: str) -> set[str]:
    """The modules of the package that a module imports, wherever in it."""
    package = name if name == "timus_autotask" else name.rpartition(".")[0]
    return {found for found in imported_modules(source, package) if found in SOURCES and found != name}


IMPORTS = {name: imports_of(name, source) for name, source in SOURCES.items()}


def at_once(source: str) -> str:
    """A module without what its functions import when they are called, and without what only a type checker reads."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            node.body = [ast.Pass()]
    return ast.unparse(tree)


# -- Cycles


def a_cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """The names along a cycle, if there is one."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for other in sorted(edges.get(name, ())):
                if found := visit(other, [*path, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := visit(name, []))), [])


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Modules can be read from the bottom up."""
    modules = {
        name: {other for other in found if not name.startswith(f"{other}.")}
        for name, found in IMPORTS.items()
    }
    assert a_cycle(modules) == []


def test_no_folder_imports_itself_by_way_of_others() -> None:
    """Folders too: each stands on those below it."""

    def folder(name: str) -> str:
        return name.split(".")[1] if "." in name else name

    edges: dict[str, set[str]] = {}
    for name, found in IMPORTS.items():
        edges.setdefault(folder(name), set()).update({folder(other) for other in found} - {folder(name)})
    assert len(edges) > 10
    assert a_cycle({name: found - {"timus_autotask"} for name, found in edges.items()}) == []


def test_the_check_sees_a_cycle() -> None:
    """It would say along which modules."""
    assert a_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


# -- The webhook function

DELIVERY = """
import json, sys
from timus_autotask import bootstrap
from timus_autotask.sync.receive import ReceivePorts
from timus_autotask.timus.signatures import sign
from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.memory_secrets import WEBHOOK_SECRET, MemorySecrets
from tests.fakes.memory_table import MemoryTable
from tests.fakes.virtual_clock import VirtualClock
from datetime import UTC, datetime

bootstrap.receive_webhook()  # as Lambda builds it: with the clients of AWS and with telemetry
clock = VirtualClock(datetime(2026, 3, 15, tzinfo=UTC))
handler = bootstrap.receive_handler(
    ReceivePorts(MemoryTable(), MemoryQueue(clock), MemorySecrets(clock), clock, quiet_seconds=0, tolerance_seconds=300)
)
body = '{"data": {"customer": {"id": "cus_1"}}}'
headers = {"content-type": "application/json", **sign("evt", int(clock.now().timestamp()), body.encode(), WEBHOOK_SECRET)}
event = {"rawPath": "/webhooks/timus", "headers": headers, "body": body, "requestContext": {"http": {"method": "POST"}}}
answer = handler(event, None)
print(json.dumps({"status": answer["statusCode"], "modules": sorted(sys.modules)}))
"""

IDLE = """
import json, sys
from tests.running import Context
from tests.world import World
from timus_autotask.bootstrap import reconcile_handler, sweep_handler

world = World()
world.map_customer()
world.pass_time(minutes=10)  # until nothing is due
swept = sweep_handler(world.ports)({}, Context(60))
compared = reconcile_handler(world.ports)({"now": True}, Context(60))
print(json.dumps({**swept, **compared, "modules": sorted(sys.modules)}))
"""

BUILT = """
import json, sys
from timus_autotask import bootstrap
getattr(bootstrap, {function!r})()
print(json.dumps(sorted(sys.modules)))
"""


def in_a_fresh_process(code: str) -> Any:
    """What it prints last, as a function's sandbox would run it."""
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, CORE))),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/changes.fifo",
        "POWERTOOLS_SERVICE_NAME": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "test",
        "PATH": os.environ["PATH"],
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("function", ["apply_changes", "sweep", "reconcile", "send_digest"])
def test_a_sandbox_loads_pydantic_and_httpx_with_the_first_event_and_the_first_call(function: str) -> None:
    """An idle run has neither, and each is a sixth of what a sandbox takes to start."""
    modules = in_a_fresh_process(BUILT.format(function=function))
    assert [name for name in modules if name in ("pydantic", "httpx", "httpcore")] == []


def test_an_idle_sweep_and_a_reconcile_meet_no_pydantic() -> None:
    """Only what comes from outside is read with it: our own records need no library."""
    run = in_a_fresh_process(IDLE)
    assert run["looked_at"] == 0
    assert run["contracts"] == 1
    assert "timus_autotask.store.codec" in run["modules"]
    assert [name for name in run["modules"] if name.startswith("pydantic")] == []


def test_the_webhook_function_meets_no_pydantic_no_httpx_and_no_planning() -> None:
    """A delivery is taken in without what only the worker needs: each cold start would pay for it."""
    taken_in = in_a_fresh_process(DELIVERY)
    assert taken_in["status"] == 202
    heavy = (
        "pydantic",
        "httpx",
        "timus_autotask.domain",
        "timus_autotask.autotask.client",
        "timus_autotask.store.codec",
    )
    assert [name for name in taken_in["modules"] if name.startswith(heavy)] == []


# -- The layer


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the layer's recipe copies it."""
    artifacts = tmp_path_factory.mktemp("layer")
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make here")
    subprocess.run(
        [make, "-s", "-C", CORE, "package", f"ARTIFACTS_DIR={artifacts}"],
        check=True,
        capture_output=True,
    )
    return artifacts / "python"


def within_bootstrap(name: str) -> Iterator[str]:
    """The source of a function of ``bootstrap``, and of every function of it that this one names."""
    functions = {
        node.name: node
        for node in ast.parse(SOURCES["timus_autotask.bootstrap"]).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    left, seen = [name], set[str]()
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        yield ast.unparse(functions[current])
        named = {node.id for node in ast.walk(functions[current]) if isinstance(node, ast.Name)}
        left += sorted(named & functions.keys())


def needed() -> set[str]:
    """Every module that one of the functions may import, at once or when it is called."""
    bootstrap = "timus_autotask.bootstrap"
    found = {bootstrap, *imports_of(bootstrap, at_once(SOURCES[bootstrap]))}
    for function in FUNCTIONS:
        entry = (ROOT / "functions" / function / "app.py").read_text(encoding="utf-8")
        assert f"bootstrap.{function}()" in entry
        for source in within_bootstrap(function):
            found |= imports_of(bootstrap, source)
    left = [*found - {bootstrap}]
    while left:
        fresh = IMPORTS[left.pop()] - found
        found |= fresh
        left += fresh
    packages = {name.rpartition(".")[0] for name in found}
    return found | packages | {"timus_autotask.domain", "timus_autotask"} - {""}


def test_the_layer_has_what_the_functions_need_and_nothing_that_only_the_command_uses(layer: Path) -> None:
    """What is missing fails at night, in a branch that nobody tried; what is too much is loaded with each deployment."""
    names = {
        ".".join(path.relative_to(layer).with_suffix("").parts).removesuffix(".__init__")
        for path in layer.rglob("*.py")
    }
    assert sorted(needed() - names - {""}) == [], "take it off COMMAND_ONLY in layers/core/Makefile"
    assert sorted(names - needed()) == [], "add it to COMMAND_ONLY in layers/core/Makefile"


def test_the_layer_carries_no_bytecode_of_this_machine(layer: Path) -> None:
    """The recipe compiles for the runtime, or not at all."""
    assert [*layer.rglob("*.pyc")] == []
    assert (layer / "timus_autotask" / "py.typed").exists()
