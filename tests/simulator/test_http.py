"""The same over HTTP on 127.0.0.1: connections, silence, limits of threads, and the program itself."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from local.autotask.server import Simulator
from tests.simulator.tenant import BASE, CONTRACT, HEADERS, LINE, SCENARIO

pytestmark = pytest.mark.loopback

UNITS = {"Filter": [{"op": "eq", "field": "contractID", "value": CONTRACT}]}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running server, its clock stopped within the contract."""
    with Simulator(SCENARIO) as running:
        running.control.set_clock(now=1773154800)
        yield running


class Client:
    """One connection."""

    def __init__(self, simulator: Simulator, timeout: float = 60) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """One request; a path that does not begin with a slash stands beneath ``/v1.0/``."""
        raw = None if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else BASE + path
        self.connection.request(method, path, raw, {**HEADERS, **headers})
        reply = self.connection.getresponse()
        return reply.status, reply.read()


def adjustment(change: int = 1, day: str = "2026-03-20") -> dict[str, Any]:
    """A body for the line."""
    return {"contractServiceID": LINE, "unitChange": change, "effectiveDate": day}


def test_many_requests_share_a_connection(simulator: Simulator) -> None:
    """Keep-alive holds over successes, refusals and pages of HTML."""
    with Client(simulator) as client:
        client.connection.connect()
        opened = client.connection.sock
        for _ in range(3):
            assert client.send("POST", "ContractServiceUnits/query", UNITS)[0] == 200
            assert client.send("GET", "Nope/1")[0] == 404
            assert client.send("PATCH", f"Contracts/{CONTRACT}", {})[0] == 405
        assert client.connection.sock is opened


def test_the_zone_is_the_servers_own_address(simulator: Simulator) -> None:
    """A client that asks for its zone finds the simulator again."""
    with Client(simulator) as client:
        told = json.loads(client.send("GET", "zoneInformation?user=x")[1])["url"]
    assert told == f"http://127.0.0.1:{simulator.port}/ATServicesRest/"


@pytest.mark.parametrize(("kind", "held"), [("not_sent", 10), ("reset_after", 11)])
def test_a_broken_connection(simulator: Simulator, kind: str, held: int) -> None:
    """The client sees its connection break."""
    simulator.control.add_fault(kind)
    with Client(simulator) as client, pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.send("POST", "ContractServiceAdjustments", adjustment())
    assert simulator.api.model.units_on(LINE, simulator.api.model.today() + 20) == held


@pytest.mark.parametrize(("kind", "held"), [("timeout_before", 10), ("timeout_after", 11), ("land_late", 10)])
def test_silence(simulator: Simulator, kind: str, held: int) -> None:
    """The client waits in vain."""
    simulator.control.add_fault(kind, seconds=60)
    with Client(simulator, timeout=0.2) as client, pytest.raises(TimeoutError):
        client.send("POST", "ContractServiceAdjustments", adjustment())
    with Client(simulator) as client:  # the simulator may need longer to read it than the client waits
        while client.send("GET", "/_control/counters")[1].count(b'"total": 1') == 0:
            pass
    assert simulator.api.model.units_on(LINE, simulator.api.model.today() + 20) == held


def test_silence_is_bounded(simulator: Simulator) -> None:
    """After the fault's seconds the connection is closed."""
    simulator.control.add_fault("timeout_before", seconds=0.05)
    with Client(simulator) as client, pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.send("GET", f"Contracts/{CONTRACT}")


def test_a_truncated_body(simulator: Simulator) -> None:
    """The client reads less than Content-Length promised."""
    simulator.control.add_fault("truncated_body")
    with Client(simulator) as client, pytest.raises(http.client.IncompleteRead):
        client.send("POST", "ContractServiceAdjustments", adjustment())


def test_three_threads_per_entity(simulator: Simulator) -> None:
    """A fourth request in flight for one entity and integration code is refused; other entities and codes are not."""
    simulator.control.add_fault("slow", entity="Companies", times=3, seconds=60)
    query = {"Filter": [{"op": "exist", "field": "id"}]}

    def ask() -> None:
        with Client(simulator, timeout=120) as client:
            client.send("POST", "Companies/query", query)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    with Client(simulator) as client:
        while client.send("GET", "/_control/counters")[1].count(b'"total": 3') == 0:
            pass
        status, body = client.send("POST", "Companies/query", query)
        assert (status, json.loads(body)["errors"]) == (429, ["Thread Threshold Exceeded"])
        assert client.send("POST", "Services/query", query)[0] == 200
        assert client.send("POST", "Companies/query", query, ApiIntegrationCode="other")[0] == 200
        assert client.send("GET", "zoneInformation?user=x")[0] == 200
    simulator.stopping.set()
    for thread in threads:
        thread.join()
    with Client(simulator) as client:
        assert client.send("POST", "Companies/query", query)[0] == 200


def test_control_over_http(simulator: Simulator) -> None:
    """The levers have routes on the same port and need no credentials."""
    with Client(simulator) as client:
        client.send("POST", "ContractServiceAdjustments", adjustment())
        told = json.loads(client.send("GET", "/_control/adjustments")[1])
        assert [one["outcome"] for one in told] == ["committed"]
        assert client.send("POST", "/_control/nope")[0] == 404


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
def test_odd_requests_end_the_connection(simulator: Simulator, raw: bytes) -> None:
    """What is no HTTP/1.1 is answered, if at all, and closed."""
    with Client(simulator) as client:
        client.connection.connect()
        client.connection.sock.sendall(raw)
        while client.connection.sock.recv(4096):
            pass


def test_chunked_bodies_and_expectations(simulator: Simulator) -> None:
    """A chunked body is read, and a client that asks to continue is told to."""
    with Client(simulator) as client:
        parts = [json.dumps(UNITS).encode()[:10], json.dumps(UNITS).encode()[10:]]
        client.connection.request(
            "POST", BASE + "ContractServiceUnits/query", iter(parts), HEADERS, encode_chunked=True
        )
        assert client.connection.getresponse().read().startswith(b'{"items":[{"id"')
    with Client(simulator) as client:
        assert client.send("POST", "Companies/query", {"Filter": []}, Expect="100-continue")[0] == 500


def test_the_program(tmp_path: Path) -> None:
    """It says when it is ready, serves the scenario that it was given, and ends on SIGTERM."""
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(SCENARIO, default=float), encoding="utf-8")
    command = [sys.executable, "-m", "local.autotask", "--port", "0", "--scenario", str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env={**os.environ}) as program:
        assert program.stdout is not None
        word, url = program.stdout.readline().decode().split()
        assert word == "ready"
        with urllib.request.urlopen(f"{url}/v1.0/zoneInformation?user=x", timeout=60) as reply:
            assert json.load(reply)["url"] == f"{url}/"
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0
