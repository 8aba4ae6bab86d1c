"""Instructions until a function's first answer, counted by valgrind: what a cold start costs, whatever else the machine does.

Each function runs in a process of its own, with the modules that Lambda's runtime loads, over TLS to the services of AWS on this machine. The
interpreter is the runtime's own minor version, where there is one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from local.bytecode import find, runtime
from local.emulator import ROOT
from tests.bench.cloud import Cloud
from tests.bench.versions import HANDLERS, PRODUCT, STRAIGHTFORWARD, UNITS, Package, Version

INSTALL = Path(__file__).with_name("install-valgrind")
CONTRACTS = 60
"""That the reconcile compares."""
NEEDS = ("boto3", "aws-xray-sdk")
RUNTIME_CLIENT = "awslambdaric==4.2.2"
"""What Lambda's Python runtime is made of: https://github.com/aws/aws-lambda-python-runtime-interface-client"""
PLAIN = "straightforward, without bytecode"
"""As a plain build ships it."""
VALGRIND = (
    "setarch",
    "-R",
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
)
FLAGS = ("-P", "-S")
"""Nothing of what is installed beside the interpreter is looked at."""
PATIENCE = 3600
"""Seconds that a function has: under valgrind it takes fifty times as long."""


Tell = Callable[[str, str, float], None]
"""Called with a version, a function and its millions, as soon as they are counted."""


class CannotCount(Exception):
    """Something is missing; the message says what, and what to do."""


def million(folder: Path, tell: Tell) -> dict[str, dict[str, float]]:
    """Millions of instructions by version and function, and of the runtime alone. Raises :class:`CannotCount`."""
    if subprocess.run([INSTALL], check=False).returncode:
        raise CannotCount(
            "valgrind is missing, so no instructions were counted: tests/bench/install-valgrind"
        )
    python = interpreter()
    compiled, plain = _libraries(python)
    certificate = _certificate(folder)
    packages = _packages(folder, python, compiled, plain, certificate[0])
    found = {"runtime": {"alone": _count(packages[PRODUCT], "", {}, [], folder)}}
    with Cloud(folder, certificate) as cloud:
        for name, package in packages.items():
            of = PRODUCT if name == PRODUCT else STRAIGHTFORWARD
            with Version(of, cloud, folder, CONTRACTS, package) as version:
                found[name] = dict(_functions(version, package, folder, partial(tell, name)))
    return found


def interpreter() -> str:
    """One of the runtime's own minor version, or this one."""
    return find(runtime(), os.environ) or sys.executable


def version() -> str:
    """Which Python that is."""
    return subprocess.run([interpreter(), "-V"], capture_output=True, text=True, check=True).stdout.strip()


def _functions(
    version: Version, package: Package, folder: Path, tell: Callable[[str, float], None]
) -> Iterator[tuple[str, float]]:
    version.run([version.event(n, 1, UNITS) for n in range(1, CONTRACTS + 1)])  # all are level
    while version.child("sweep")({}).answer["looked_at"]:  # what the setting up made due
        pass
    event = version.event(1, 2, UNITS + 3)
    version.child("webhook")(event)
    (records,) = islice(version.receive(), 1)
    events = {
        "worker": {"Records": records},
        "sweep": {},
        "reconcile": {"now": True},
    }
    for function in ("worker", "sweep", "reconcile", "webhook"):
        handler = HANDLERS[version.name][function]
        if function == "webhook":  # signed now: a signature is good for five minutes
            events[function] = version.event(2, 2, UNITS + 3)
        count = _count(package, handler, version.variables, [events[function]], folder)
        tell(function, count)
        yield function, count


def _count(
    package: Package, handler: str, variables: Mapping[str, str], events: list[Any], folder: Path
) -> float:
    """Millions of instructions of a process that imports a function and answers these events."""
    report = folder / "valgrind.log"
    done = subprocess.run(
        [*VALGRIND, f"--log-file={report}", *package.command(handler)],
        input="".join(json.dumps(event) + "\n" for event in events),
        env={
            **package.environment(),
            **variables,
            "BENCH_LOG": str(folder / "cold.log"),
            "HOME": str(folder),
        },
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()][1:]
    if done.returncode or len(answers) != len(events):
        raise CannotCount(f"a function ended under valgrind: {(folder / 'cold.log').read_text()[-2000:]}")
    for answer in answers:
        assert answer["answer"].get("batchItemFailures", []) == [], answer
        assert answer["answer"].get("statusCode", 202) == 202, answer
    (counted,) = re.findall(r"I\s+refs:\s+([\d,]+)", report.read_text())
    return round(int(counted.replace(",", "")) / 10**6, 1)


# -- What is run


def _libraries(python: str) -> tuple[Path, Path]:
    """The libraries of both versions as they are locked, for an interpreter: with and without bytecode."""
    locks = [ROOT / "requirements-dev.lock", ROOT / "layers" / "core" / "requirements.lock"]
    lines = "\n".join(lock.read_text(encoding="utf-8") for lock in locks).splitlines()
    needed = [line for line in lines if line.partition("==")[0] in NEEDS]
    wanted = json.dumps([python, needed, RUNTIME_CLIENT, locks[1].read_text(encoding="utf-8")])
    folder = ROOT / ".tools" / "bench"
    compiled, plain, stamp = folder / "compiled", folder / "plain", folder / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*pip, "--target", plain, "-r", locks[1], *needed, RUNTIME_CLIENT], check=True)
        shutil.copytree(plain, compiled)
        _compile(python, compiled)
        stamp.write_text(wanted)
    return compiled, plain


def _compile(python: str, folder: Path) -> None:
    """Bytecode as the layer's recipe makes it."""
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _packages(
    folder: Path, python: str, compiled: Path, plain: Path, certificate: Path
) -> dict[str, Package]:
    """Each version as it is shipped: the product trusts Amazon's own roots for AWS, the other one those that the SDK brings."""
    own, theirs, bare = (folder / name for name in ("own", "theirs", "bare"))
    ignored = shutil.ignore_patterns("__pycache__")
    core = ROOT / "layers" / "core" / "timus_autotask"
    shutil.copytree(core, own / "timus_autotask", ignore=ignored)
    shutil.copytree(ROOT / "functions", own / "functions", ignore=ignored)
    for root in (theirs, bare):
        shutil.copytree(
            ROOT / "tests" / "bench" / "straightforward", root / "straightforward", ignore=ignored
        )
    _compile(python, own)
    _compile(python, theirs)
    bundles = {}
    for name, roots in (
        ("amazon", core / "aws" / "amazon_roots.pem"),
        ("all", plain / "botocore" / "cacert.pem"),
    ):
        bundles[name] = folder / f"{name}.pem"
        bundles[name].write_text(roots.read_text(encoding="utf-8") + certificate.read_text(encoding="utf-8"))
    variables = {
        "BENCH_RUNTIME": "1",
        "BENCH_SECONDS": str(PATIENCE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_CA_BUNDLE": str(bundles["all"]),
    }
    ours = variables | {"AWS_CA_BUNDLE": str(bundles["amazon"])}
    shipped = Package(python, (theirs, compiled), variables, theirs, FLAGS)
    return {
        PRODUCT: Package(python, (own, compiled), ours, own, FLAGS),
        STRAIGHTFORWARD: shipped,
        PLAIN: replace(shipped, path=(bare, plain), root=bare),
    }


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-out", str(certificate), "-keyout", str(key)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
