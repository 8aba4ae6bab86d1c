"""What `sam build` makes of the template, without Docker and without Lambda's interpreter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from local import bytecode
from local.emulator import ROOT

SAM = ROOT / ".tools" / "sam" / "bin" / "sam"

pytestmark = [
    pytest.mark.sam,
    pytest.mark.skipif(not SAM.exists(), reason="`make check` installs the SAM CLI"),
]


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer as `sam build` makes it."""
    folder = tmp_path_factory.mktemp("sam")
    subprocess.run(
        [SAM, "build", "--build-dir", folder / "build"],
        cwd=ROOT,
        env={
            **os.environ,
            "SAM_CLI_TELEMETRY": "0",
            "HOME": str(folder),
            "RUNTIME_PYTHON": bytecode.find(bytecode.runtime(), os.environ) or "",
        },
        check=True,
        capture_output=True,
        timeout=300,
    )
    return folder / "build" / "CoreLayer" / "python"


def test_the_layer_serves_both_architectures(layer: Path) -> None:
    """Compiled parts are there for Lambda's Python on arm64 and on x86-64, and for nothing else."""
    compiled = {path.name.split(".", 1)[1] for path in layer.rglob("*.so")}
    assert compiled == {"cpython-313-aarch64-linux-gnu.so", "cpython-313-x86_64-linux-gnu.so"}


def test_the_layer_carries_the_package_and_no_more_than_it_needs(layer: Path) -> None:
    """The package and its dependencies are in; the operator's command, and what Lambda's runtime brings, are not."""
    names = {path.name for path in layer.iterdir()}
    assert {"timus_autotask", "httpx", "pydantic", "aws_lambda_powertools", "tzdata"} <= names
    assert not {"boto3", "botocore", "rich", "bin"} & names
    assert (layer / "timus_autotask" / "domain").is_dir()
    assert not (layer / "timus_autotask" / "cli").exists()


def test_bytecode_is_of_the_runtimes_version_or_absent(layer: Path) -> None:
    """Bytecode of another interpreter would only be weight."""
    assert {path.name.split(".")[-2] for path in layer.rglob("*.pyc")} <= {"cpython-313"}


def test_every_module_has_its_bytecode(layer: Path) -> None:
    """Compiling at a cold start doubles it, and Lambda keeps nothing of what it compiled."""
    version = bytecode.runtime()
    if bytecode.find(version, os.environ) is None:
        pytest.skip(f"no Python {version} on this machine: the layer that it builds has no bytecode")
    assert bytecode.missing(layer, version) == []
