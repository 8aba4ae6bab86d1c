"""The gateway answers as an HTTP API of API Gateway would, whatever stands behind it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.gateway import LARGEST_BODY, Gateway

pytestmark = pytest.mark.loopback


class _Upstream(BaseHTTPRequestHandler):
    """Answers what it was asked; /fails answers as the emulator does for a function that raised."""

    protocol_version = "HTTP/1.1"

    def _echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("latin-1"),
        }
        content = json.dumps(seen).encode()
        self.send_response(502 if self.path.endswith("/fails") else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _echo  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[ThreadingHTTPServer]:
    """A server in the emulator's place."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def gateway(upstream: ThreadingHTTPServer) -> Iterator[Gateway]:
    """A gateway before it."""
    gateway = Gateway(0, f"http://127.0.0.1:{upstream.server_port}", "abc123")
    yield gateway
    gateway.stop()


@pytest.fixture
def connection(gateway: Gateway) -> Iterator[http.client.HTTPConnection]:
    """A client's connection, kept open from request to request."""
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
    yield connection
    connection.close()


def answer(connection: http.client.HTTPConnection) -> tuple[int, Any]:
    """Status and JSON body of the answer that is due."""
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_request_reaches_the_api_unchanged(connection: http.client.HTTPConnection) -> None:
    """Method, path, query and the exact bytes of the body pass; AWS's own headers are added."""
    body = bytes(range(256))
    connection.request("POST", "/webhooks/timus?a=1", body, {"X-Forwarded-For": "192.0.2.1"})
    status, seen = answer(connection)
    assert (status, seen["method"], seen["path"]) == (
        202,
        "POST",
        "/_aws/execute-api/abc123/webhooks/timus?a=1",
    )
    assert seen["body"].encode("latin-1") == body
    assert seen["headers"]["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"
    assert seen["headers"]["x-amzn-trace-id"].startswith("Root=1-")


def test_a_body_may_come_in_chunks(connection: http.client.HTTPConnection) -> None:
    """A client that does not know the length yet is served like any other."""
    connection.request("POST", "/webhooks/timus", iter([b"ab", b"cd"]), encode_chunked=True)
    assert answer(connection)[1]["body"] == "abcd"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_every_method_passes(connection: http.client.HTTPConnection, method: str) -> None:
    """Which methods are allowed is for the route to say."""
    connection.request(method, "/webhooks/timus")
    assert answer(connection)[1]["method"] == method


def test_ten_megabytes_are_the_most(connection: http.client.HTTPConnection) -> None:
    """API Gateway refuses a larger body itself, and the connection is over."""
    connection.putrequest("POST", "/webhooks/timus")
    connection.putheader("Content-Length", str(LARGEST_BODY + 1))
    connection.endheaders()
    assert answer(connection) == (413, {"message": "Request Entity Too Large"})


def test_a_function_that_fails_is_a_500_that_says_nothing(connection: http.client.HTTPConnection) -> None:
    """The emulator shows the error's text; AWS does not."""
    connection.request("POST", "/fails")
    assert answer(connection) == (500, {"message": "Internal Server Error"})


def test_nothing_behind_it_is_a_503(gateway: Gateway, upstream: ThreadingHTTPServer) -> None:
    """An emulator that is gone looks as AWS does when it is overloaded."""
    upstream.socket.close()
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/webhooks/timus")
    assert answer(connection) == (503, {"message": "Service Unavailable"})
    connection.close()


def test_requests_share_a_connection(connection: http.client.HTTPConnection) -> None:
    """HTTP/1.1 keeps it open."""
    for number in range(3):
        connection.request("POST", "/webhooks/timus", str(number).encode())
        assert answer(connection)[1]["body"] == str(number)
