"""The simulator behind a socket: HTTP/1.1 with keep-alive on 127.0.0.1, one lock around the model.

The request is read by hand, because a test suite makes many thousands of them; it understands what HTTP clients send to a
JSON API (Content-Length or chunked bodies, ``Expect: 100-continue``) and nothing more.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Self

from local.autotask.api import AutotaskApi, Reply
from local.autotask.control import PREFIX, Control
from local.autotask.faults import Fault, NeverSent, NoAnswer

MAX_LINE = 65_537
"""Longest line of a request's head that is read. Bytes."""

LONGEST_SILENCE = 60.0
"""A request that is never answered keeps its connection this long at most. Seconds."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Tcp

    def handle(self) -> None:
        """Answer the requests of one connection, one after the other."""
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError):
            return

    def _one(self) -> bool:
        line = self.rfile.readline(MAX_LINE)
        words = line.decode("latin-1").split()
        if len(words) != 3:
            return False
        method, target, version = words
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(MAX_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        keep = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        simulator = self.server.simulator
        try:
            reply = simulator.answer(method, target, headers, body)
        except NeverSent:
            self._reset()
            return False
        except NoAnswer as lost:
            if lost.kind != "reset_after":
                simulator.stopping.wait(min(lost.seconds, LONGEST_SILENCE))
            self._reset()
            return False
        self._write(reply, keep and not reply.truncated, method)
        return keep and not reply.truncated

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline(MAX_LINE).split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline(MAX_LINE)
            while self.rfile.readline(MAX_LINE) not in (b"\r\n", b"\n", b""):
                pass
            return b"".join(parts)
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _write(self, reply: Reply, keep: bool, method: str) -> None:
        headers = dict(reply.headers)
        headers.setdefault("Content-Length", str(len(reply.body)))
        headers["Connection"] = "keep-alive" if keep else "close"
        head = [
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        answer = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
        self.connection.sendall(answer if method == "HEAD" else answer + reply.body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.connection.close()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class _Tcp(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    simulator: Simulator

    def shutdown_request(self, request: Any) -> None:
        """Close without a shutdown of a socket that was already reset."""
        try:
            super().shutdown_request(request)
        except OSError:
            self.close_request(request)


class Simulator:
    """A running server over one simulated tenant; use as a context manager, or start and stop it.

    Args:
        scenario: the name of a scenario that comes along, or a document.
        port: 0 lets the system choose.
        origin: what the links in answers begin with, where clients reach the server by another name.
    """

    def __init__(
        self, scenario: str | Mapping[str, Any] = "demo", *, port: int = 0, origin: str | None = None
    ) -> None:
        self._tcp = _Tcp(("127.0.0.1", port), _Handler)
        self._tcp.simulator = self
        self.port: int = self._tcp.server_address[1]
        self.origin = origin if origin is not None else f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.api = AutotaskApi(origin=self.origin, clock=time.time)
        self.control = Control(self.api, wall_clock=time.time)
        self.control.load(scenario)
        self._in_flight: Counter[tuple[str, str]] = Counter()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base of the API, without ``/v1.0``."""
        return f"{self.origin}{self.api.base}"

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; silent connections are closed."""
        self.stopping.set()
        if self._thread is not None:
            self._tcp.shutdown()
            self._thread.join()
        self._tcp.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request of whichever face; waits as long as the answer is said to take."""
        if target.startswith(PREFIX):
            with self.lock:
                return self.control.handle(method, target, body)
        thread = (headers.get("apiintegrationcode", ""), self.api.entity_name(target))
        with self.lock:
            self._in_flight[thread] += 1
            limit = self.api.switches.max_threads
            exceeds = limit and thread[1] != "ZoneInformation" and self._in_flight[thread] > limit
            fault = Fault("throttle_threads") if exceeds else None
            try:
                reply = self.api.handle(method, target, headers, body, fault=fault)
            except BaseException:
                self._in_flight[thread] -= 1
                raise
        if reply.delay:
            self.stopping.wait(reply.delay)
        with self.lock:
            self._in_flight[thread] -= 1
        return reply
