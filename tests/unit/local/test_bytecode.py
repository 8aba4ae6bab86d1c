"""Where an interpreter for the layer's bytecode is found, and what is said of a layer."""

from __future__ import annotations

import compileall
import py_compile
import sys
from pathlib import Path

import pytest

from local import bytecode
from local.emulator import ROOT

OURS = f"{sys.version_info[0]}.{sys.version_info[1]}"


def interpreter(path: Path, version: str) -> Path:
    """A program that calls itself an interpreter of a version; of none: it fails, as a shim of pyenv's may."""
    path.parent.mkdir(parents=True)
    path.write_text(
        f"#!/bin/sh\necho {version}\n" if version else "#!/bin/sh\necho not chosen >&2\nexit 127\n"
    )
    path.chmod(0o755)
    return path


def test_the_interpreter_at_hand_will_do() -> None:
    """Where the checkout's own Python is of the runtime's version, nothing is looked for."""
    assert bytecode.find(OURS, {}) == sys.executable


def test_an_interpreter_is_found_on_the_path_and_among_pyenvs(tmp_path: Path) -> None:
    """A shim for a version that is not chosen does not stand in the way of the version itself."""
    interpreter(tmp_path / "shims" / "python3.99", "")
    environment = {"PATH": str(tmp_path / "shims"), "HOME": str(tmp_path)}
    assert bytecode.find("3.99", environment) is None
    pyenvs = interpreter(tmp_path / ".pyenv" / "versions" / "3.99.1" / "bin" / "python3.99", "3.99")
    assert bytecode.find("3.99", environment) == str(pyenvs)
    elsewhere = {"PATH": "", "PYENV_ROOT": str(tmp_path / ".pyenv")}
    assert bytecode.find("3.99", elsewhere) == str(pyenvs)
    found = interpreter(tmp_path / "bin" / "python3.99", "3.99")
    assert bytecode.find("3.99", {**environment, "PATH": f"{tmp_path / 'shims'}:{tmp_path / 'bin'}"}) == str(
        found
    )


def test_what_calls_itself_so_and_is_another_is_not_taken(tmp_path: Path) -> None:
    """Bytecode of another version would only be weight."""
    interpreter(tmp_path / "bin" / "python3.99", "3.98")
    assert bytecode.find("3.99", {"PATH": str(tmp_path / "bin")}) is None


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer of two modules without bytecode."""
    for name in ("one.py", "inside/two.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    return tmp_path


def test_a_layer_without_bytecode_says_so(layer: Path) -> None:
    """With what to install; and of the runtime's version, not of the one that runs here."""
    assert "NO bytecode for 2 of its modules" in bytecode.report(OURS, layer)
    compileall.compile_dir(layer, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert bytecode.report(OURS, layer) == f"The layer carries bytecode for Python {OURS}."
    assert "install Python 3.99" in bytecode.report("3.99", layer)


def test_bytecode_that_is_compared_with_its_source_does_not_count(layer: Path) -> None:
    """An archive does not keep the times that Python compares, so it would be compiled again at each cold start."""
    compileall.compile_dir(layer, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    assert len(bytecode.missing(layer, OURS)) == 2


def test_the_runtime_is_the_templates() -> None:
    """The layer's recipe makes it for the same one."""
    makefile = (ROOT / "layers" / "core" / "Makefile").read_text(encoding="utf-8")
    assert f"RUNTIME ?= {bytecode.runtime()}\n" in makefile
