"""Bytecode in the layer: an interpreter to make it with, and whether the artifact has it.

Lambda cannot write bytecode, and a cold start that compiles takes twice as long. Only an interpreter of the runtime's own minor
version makes bytecode that the runtime reads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.build import read_template
from local.emulator import ROOT

ARTIFACT = ROOT / ".aws-sam" / "build" / "CoreLayer" / "python"
"""What `sam build` makes of the layer."""
UV = "uv==0.13.9"
"""The package that fetches an interpreter where there is none: pinned, and it checks the interpreter's hash."""
FETCHED = ROOT / ".tools" / "python"

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def runtime() -> str:
    """The functions' Python by its minor version, as in ``3.13``."""
    name: str = read_template()["Globals"]["Function"]["Runtime"]
    return name.removeprefix("python")


def find(version: str, environment: Mapping[str, str]) -> str | None:
    """An interpreter of this version on this machine: this one, on PATH, one of pyenv's, or one that was fetched."""
    return next((python for python in _candidates(version, environment) if _version(python) == version), None)


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[str]:
    yield sys.executable
    for folder in environment.get("PATH", "").split(os.pathsep):
        yield str(Path(folder) / f"python{version}")
    pyenv = Path(environment.get("PYENV_ROOT") or Path(environment.get("HOME", "")) / ".pyenv")
    for root, inside in ((pyenv / "versions", version), (FETCHED, f"cpython-{version}")):
        yield from map(str, sorted(root.glob(f"{inside}.*/bin/python{version}")))


def _version(python: str) -> str | None:
    try:
        done = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()  # a shim of pyenv's for a version that is not chosen prints nothing


def fetch(version: str) -> str | None:
    """Have uv install an interpreter into the checkout; None if it cannot."""
    tool = ROOT / ".tools" / "uv"
    commands: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", tool],
        [tool / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", UV],
        [tool / "bin" / "uv", "python", "install", version, "--install-dir", FETCHED, "--no-bin"],
    ]
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError):
        return None
    return find(version, {})


def missing(layer: Path, version: str) -> list[Path]:
    """The modules of a built layer that have no bytecode which that version reads without a look at its source."""
    tag = f"cpython-{version.replace('.', '')}"
    return [
        module
        for module in sorted(layer.rglob("*.py"))
        if not _unchecked(module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc")
    ]


def _unchecked(bytecode: Path) -> bool:
    """Whether it is there and says of itself that it is never compared with its source.

    https://peps.python.org/pep-0552/: four bytes of magic, then flags, of which 1 is "by hash" and 2 "to be checked".
    """
    return bytecode.exists() and bytecode.read_bytes()[4:8] == b"\x01\0\0\0"


def main() -> int:
    """``interpreter`` prints the path of one, or nothing; ``report`` says on one line what the artifact has."""
    parser = argparse.ArgumentParser(prog="python -m local.bytecode", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("interpreter", "report"))
    version = runtime()
    if parser.parse_args().what == "interpreter":
        python = find(version, os.environ)
        if python is None:
            print(f"there is no Python {version} here: fetching one into .tools/python", file=sys.stderr)
            python = fetch(version)
        print(python or "")
        return 0
    print(report(version))
    return 0


def report(version: str, layer: Path = ARTIFACT) -> str:
    """One line about a built layer."""
    without = len(missing(layer, version))
    if not without:
        return f"The layer carries bytecode for Python {version}."
    return (
        f"The layer carries NO bytecode for {without} of its modules, so each cold start takes about twice as long: "
        f"install Python {version} (pyenv install {version}, apt install python{version}, uv python install {version}) "
        "and build again."
    )


if __name__ == "__main__":
    sys.exit(main())
