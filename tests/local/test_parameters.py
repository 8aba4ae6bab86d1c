"""Every value that the template takes goes through make and the SAM CLI as it was typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from local.deploy import GIVEN, SAM, TEMPLATE, given, objection, parameter_file, sam_command
from local.emulator import ROOT

AWKWARD = """a"b\\c$d'e#f\\"g`h$(i)${j}\\\\k%l&&m;n<o>p|q~r*s?t[u]v!w=x,y\\"""
"""What shells, make, SAM and TOML each read something into."""

READER = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
read = CfnParameterOverridesType()
print(json.dumps([read.convert((file,), None, None) for file in json.load(sys.stdin)]))
"""


def values(name: str) -> st.SearchStrategy[str]:
    """Values of a parameter that the template takes."""
    rule = TEMPLATE["Parameters"][name]
    if "AllowedValues" in rule:
        return st.sampled_from([str(value) for value in rule["AllowedValues"]])
    if "MaxValue" in rule:
        return st.integers(rule["MinValue"], rule["MaxValue"]).map(str)
    if name == "TimeZone":
        return st.sampled_from(["UTC", "America/Argentina/Buenos_Aires", "America/Port-au-Prince"])
    drawn = st.from_regex(rule["AllowedPattern"], fullmatch=True)
    awkward = st.text(AWKWARD + " ü\U0001f600\x7f\x85", max_size=12)
    mixed = st.tuples(drawn, awkward).map("".join) | st.tuples(awkward, drawn).map("".join)
    return (drawn | mixed).filter(lambda value: not objection(name, value))


every_parameter = st.fixed_dictionaries({name: values(name) for name in TEMPLATE["Parameters"]})
"""A value of each of the template's parameters."""


@pytest.mark.sam
@pytest.mark.skipif(not SAM.exists(), reason="`make check` installs the SAM CLI")
def test_sam_takes_every_value_as_it_was_typed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Read by SAM's own code, from the file that its command names: quotes, backslashes and all that the patterns take."""
    folder = tmp_path_factory.mktemp("parameters")
    wanted = [{"VendorTrackingIdentifier": AWKWARD}]

    # Of some twenty parameters at once, one is often refused, and then all are drawn anew.
    @settings(
        database=None,
        deadline=None,
        max_examples=50,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @drawn(every_parameter)
    def collect(parameters: dict[str, str]) -> None:
        wanted.append(parameters)

    collect()
    named = []
    for number, parameters in enumerate(wanted):
        file = folder / f"{number}.toml"
        file.write_text(parameter_file(parameters), encoding="utf-8")
        named.append(sam_command("acme", "eu-west-1", file)[-1])
    python = SAM.parent / "python"
    read = subprocess.run(
        [str(python), "-c", READER], input=json.dumps(named), capture_output=True, text=True, check=True
    )
    assert json.loads(read.stdout) == wanted


@settings(deadline=None, max_examples=50)
@drawn(every_parameter)
def test_parameters_are_taken_as_they_were_typed_or_refused(parameters: dict[str, str]) -> None:
    """PARAMETERS has them one after the other, each of them up to white space, which no pattern takes."""
    typed = " ".join(f"{name}={value}" for name, value in parameters.items())
    assert {name: told.value for name, told in given({"PARAMETERS": typed}).items()} == parameters


def through_make(folder: Path, *words: str, **exported: str) -> tuple[list[str], dict[str, str]]:
    """What `make deploy` calls with these words and variables: the words of its call, and the variables in it."""
    shutil.copy(ROOT / "Makefile", folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n"
    )
    python.chmod(0o755)
    there = {name: value for name, value in os.environ.items() if name not in (*GIVEN, "PARAMETERS")}
    [version] = re.findall(r"^SAM_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    installed = [".venv/.installed", f".tools/sam/.{version}"]
    done = subprocess.run(
        [str(shutil.which("make")), "-s", *(f"--old-file={stamp}" for stamp in installed), "deploy", *words],
        cwd=folder,
        env={**there, **exported},
        capture_output=True,
        text=True,
        check=True,
    )
    call, variables = json.loads(done.stdout)
    return call, variables


def test_make_hands_on_what_was_typed_and_says_where_it_stands(tmp_path: Path) -> None:
    """Without reading anything into a `$`, on the command line as in the environment; what is not there stays so."""
    typed, address = f"VendorTrackingIdentifier={AWKWARD}", "a$b@msp.example"
    call, variables = through_make(tmp_path, "STACK=acme", f"PARAMETERS={typed}", ALARM_EMAIL=address)
    assert call == ["-m", "local.deploy", "acme", "--said", "PARAMETERS"]
    assert variables["PARAMETERS"] == typed
    assert variables["ALARM_EMAIL"] == address
    assert not {"TIME_ZONE", "EXISTING_TABLE"} & variables.keys()

    call, variables = through_make(
        tmp_path, "TIME_ZONE=UTC", f"ALARM_EMAIL={address}", "EXISTING_TABLE=", PARAMETERS=typed, SAID="all"
    )
    assert call[-1] == "TIME_ZONE ALARM_EMAIL EXISTING_TABLE"
    assert variables["PARAMETERS"] == typed
    assert variables["ALARM_EMAIL"] == address
    assert variables["EXISTING_TABLE"] == ""
