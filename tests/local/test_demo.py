"""The demo ends well, leaves nothing behind, notices what is wrong, and can be run on any day."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.autotask.scenario import load_scenario
from local.demo import ADV, CONTOSO, GATEWAY, INTO_THE_PERIOD, Books, Demo, Event
from local.emulator import ROOT
from local.narration import Narrator

DEMO = (sys.executable, "-m", "local.demo")
PATH = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core"))), "LANG": "C.UTF-8"}


def left_by(process: int) -> list[str]:
    """Processes and folders of the stack that a process started."""
    run = f"{ROOT}/.run/local-{process}-"
    found = [str(folder) for folder in (ROOT / ".run").glob(f"local-{process}-*")]
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [link.parent.name] if str(link.readlink()).startswith(run) else []
        except OSError:
            continue  # gone, or somebody else's
    return found


@pytest.mark.emulator
def test_the_demo_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Exit status 0 with a verdict in words, in well under 90 seconds of a processor; no process, port or file stays.

    It runs with a proxy and an AWS profile in the environment that lead nowhere, as a machine at work may have them.
    """
    unhelpful = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "AWS_PROFILE": "nowhere",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "COLUMNS": "100", **PATH, **unhelpful},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "✓ Autotask ended as Timus says: 5 lines" in output
    assert "✗" not in output
    assert "open the console" in output.splitlines()[-1]
    for words in ("202", "401", "parked", "scheduled", "+20", "-20", "9 webhooks, 6 adjustments"):
        assert words.lower() in output.lower()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    assert left_by(process.pid) == []
    assert list(tmp_path.iterdir()) == []
    port = re.search(r"POST http://127\.0\.0\.1:(\d+)/", output)
    assert port is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port[1]))) != 0


@pytest.mark.emulator
def test_a_demo_that_observes_adjusts_nothing_before_it_goes_live(tmp_path: Path) -> None:
    """As a deployed stack does. Then it makes the same adjustments, and ends as well."""
    done = subprocess.run(
        (*DEMO, "--observe"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "COLUMNS": "100", **PATH},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout
    assert done.returncode == 0, output + done.stderr
    before, _, after = output.partition("Go live")
    assert {*re.findall(r"Adjusted +(\S+)", before)} == {"nothing"}
    assert after.count("Adjusted") == 6
    assert "✓ Autotask ended as Timus says: 5 lines" in after
    assert "✗" not in output


@pytest.mark.emulator
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C in the middle ends it calmly, also where a shell started it in the background."""
    process = subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", **PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - one thread: nothing to lock
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "deploying" in line:
            break
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert left_by(process.pid) == []
    assert list(tmp_path.iterdir()) == []


class _Played(Demo):
    """A demo after its last scene, over books and a status that a test writes."""

    now: Books
    lines: list[dict[str, Any]]
    at_rest = True

    def books(self) -> Books:
        return self.now

    def command(self, *words: str) -> dict[str, Any]:
        return {"lines": self.lines, "at_rest": self.at_rest}

    def autotask(self, route: str) -> Any:
        return {"total": 4}


@pytest.fixture
def played() -> _Played:
    """Contoso Dental went from 12 to 17 users ten days ago, will have 20 in five days, and all is right."""
    demo = _Played(Narrator(), date(2024, 2, 29), Path())
    key = (CONTOSO.contract, ADV)
    demo.first = Books({ADV: "Advanced"}, {key: [(demo.period, 12)]})
    demo.now = Books({ADV: "Advanced"}, {key: [(demo.period, 12), (demo.day(10), 17)]})
    demo.reported[CONTOSO] = [
        Event(CONTOSO, 2, demo.day(10), {ADV: 17}),
        Event(CONTOSO, 3, demo.day(-5), {ADV: 20}),
    ]
    line = {"contract_id": CONTOSO.contract, "sku": ADV, "timus_quantity": 17, "autotask_units": 17}
    coming = [{"day": demo.day(-5).isoformat(), "unit_change": 3}]
    demo.lines = [{**line, "state": "scheduled", "scheduled": coming}]
    return demo


def test_the_verdict_is_good_when_all_is_right(played: _Played) -> None:
    """Every day is equal, and what is for a later day is scheduled."""
    assert played.verdict() is True


@pytest.mark.parametrize(
    ("steps", "status", "words"),
    [
        ([(10, 18)], {}, "differs on 51 days, first on 19 Feb"),
        ([(9, 17)], {}, "differs on 1 day, first on 19 Feb"),
        ([(10, 17), (-5, 20)], {}, "differs on 36 days, first on 5 Mar"),
        ([(10, 17)], {"timus_quantity": 18}, "says of Advanced of Contoso Dental"),
        ([(10, 17)], {"autotask_units": 16}, "says of Advanced of Contoso Dental"),
        ([(10, 17)], {"state": "pending"}, "says of Advanced of Contoso Dental"),
        ([(10, 17)], {"scheduled": []}, "says of Advanced of Contoso Dental"),
        ([(10, 17)], {"sku": GATEWAY}, "is not shown"),
    ],
)
def test_the_verdict_is_no_formality(
    played: _Played, steps: list[tuple[int, int]], status: dict[str, Any], words: str
) -> None:
    """A unit or a day that differs, an adjustment ahead of its day, and a status that is not so each fail the demo."""
    key = (CONTOSO.contract, ADV)
    played.now.lines[key] = [(played.period, 12), *((played.day(ago), units) for ago, units in steps)]
    played.lines[0] |= status
    assert played.verdict() is False
    assert words in " ".join(played.failures)


def test_a_product_that_is_not_at_rest_fails_the_verdict(played: _Played) -> None:
    """Equal units are not enough while something is still to be done."""
    played.at_rest = False
    assert played.verdict() is False


@given(st.dates(date(2023, 1, 1), date(2033, 1, 1)))
def test_the_demo_has_its_days_on_whatever_date_it_runs(today: date) -> None:
    """The contract's billing period begins as many days ago as the scenes need, on the first of March as on a leap day."""
    demo = Demo(Narrator(), today, Path())
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC).timestamp()
    contract = load_scenario(demo.tenant(), noon).contracts[CONTOSO.contract]
    starts = [date.fromordinal(day) for day in contract.starts]
    assert demo.period == today - timedelta(days=INTO_THE_PERIOD)
    assert demo.period in starts
    following = [day for day in starts if day > demo.period]
    assert following[:2] == [demo.period_start(1), demo.period_start(2)]
    assert demo.span[0] == demo.period
    assert demo.span[-1] + timedelta(days=1) == following[1]
    assert today + timedelta(days=5) < following[0]
