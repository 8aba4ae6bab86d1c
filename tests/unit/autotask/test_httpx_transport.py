"""The transport over httpx: sends once, and lets nothing of httpx out."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import httpcore
import httpx
import pytest

from timus_autotask.autotask import httpx_transport
from timus_autotask.autotask.http import NoAnswer, NotSent, Request
from timus_autotask.autotask.httpx_transport import HttpxTransport

REQUEST = Request("POST", "https://webservices2.autotask.net/v1.0/Contracts/query", {"Secret": "s"}, b"{}")
NOT_SENT = {"ConnectError", "ConnectTimeout", "InvalidURL", "PoolTimeout", "UnsupportedProtocol"}


FOREIGN = [
    cls
    for cls in (getattr(httpx, name) for name in httpx.__all__)
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    # Only raise_for_status raises the one, and cookies, which are never kept, the other.
    and cls not in (httpx.HTTPStatusError, httpx.CookieConflict)
]


def raised(cls: type[Exception], request: httpx.Request) -> Exception:
    """An exception of httpx, made the way that its class wants it."""
    if issubclass(cls, httpx.RequestError):
        return cls("boom", request=request)
    if issubclass(cls, httpx.StreamError) and cls is not httpx.StreamError:
        return cls()  # type: ignore[call-arg]  # these words are their own
    return cls("boom")


def over(handler: Callable[[httpx.Request], httpx.Response]) -> HttpxTransport:
    """A transport with a handler in place of the network."""
    return HttpxTransport(wire=httpx.MockTransport(handler))


def zipped(body: bytes, encoding: str = "gzip") -> httpx.Response:
    """An answer that says it is packed, as it comes off the wire."""
    return off_the_wire(200, {"Content-Encoding": encoding}, body)


def off_the_wire(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> httpx.Response:
    """An answer whose body nobody has read yet."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


class Replaying(httpx.BaseTransport):
    """Gives one answer, unpacked by nobody yet."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Give the answer."""
        return self.answer


@pytest.mark.parametrize("cls", FOREIGN)
def test_no_foreign_exception_leaks(cls: type[Exception]) -> None:
    """Each of httpx's exceptions becomes NotSent only if nothing can have been sent, else NoAnswer."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise raised(cls, request)

    with pytest.raises(NotSent if cls.__name__ in NOT_SENT else NoAnswer, match=cls.__name__):
        over(fail)(REQUEST)


def test_a_request_arrives_as_it_is() -> None:
    """Method, address, headers and the exact body are sent; the answer comes whole, header names in lower case."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return off_the_wire(429, {"Retry-After": "7"}, b"later")

    answer = over(handler)(REQUEST)
    assert (seen[0].method, str(seen[0].url), seen[0].content) == ("POST", REQUEST.url, b"{}")
    assert seen[0].headers["Secret"] == "s"
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"later")


def test_redirects_are_not_followed() -> None:
    """Credentials are not carried to another address."""
    answer = over(lambda request: off_the_wire(302, {"Location": "https://evil.example/"}))(REQUEST)
    assert answer.status == 302


def test_cookies_are_not_kept() -> None:
    """A request depends on nothing that came before it."""
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Cookie"))
        return off_the_wire(200, {"Set-Cookie": "a=b; Path=/"})

    transport = over(handler)
    transport(REQUEST)
    transport(REQUEST)
    assert seen == [None, None]


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that would fill the memory is none, also when it is small on the wire."""
    monkeypatch.setattr(httpx_transport, "LARGEST_ANSWER", 1000)
    assert len(over(lambda request: off_the_wire(200, body=b"x" * 1000))(REQUEST).body) == 1000
    packed = zipped(gzip.compress(b"x" * 1001))
    for large in (off_the_wire(200, body=b"x" * 1001), packed):
        with pytest.raises(NoAnswer, match="more than 1000 bytes"):
            HttpxTransport(wire=Replaying(large))(REQUEST)


def test_gzip_alone_is_asked_for_and_unpacked() -> None:
    """By either of its names; what is not packed, or has no body, is taken as it is."""
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Accept-Encoding"])
        return zipped(gzip.compress(b"{}"), "X-GZip")

    assert over(handler)(REQUEST).body == b"{}"
    assert seen == ["gzip"]
    for body, encoding in ((b"{}", "identity"), (b"", "gzip")):
        assert HttpxTransport(wire=Replaying(zipped(body, encoding)))(REQUEST).body == body


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,GZIP", "deflate, gzip", "deflate", "br", "zstd"])
def test_an_answer_that_is_packed_otherwise_is_none(encoding: str) -> None:
    """Packed twice, a few bytes become more than there is memory, before anybody could count them."""
    twice = gzip.compress(gzip.compress(b"{}"))
    with pytest.raises(NoAnswer, match="once as gzip was asked for"):
        HttpxTransport(wire=Replaying(zipped(twice, encoding)))(REQUEST)


def test_unpacking_stops_at_the_bound() -> None:
    """The memory that it takes is a small multiple of the largest answer, and not what a bomb says."""
    bomb = gzip.compress(b"\0" * (10 * httpx_transport.LARGEST_ANSWER), 1)
    transport = HttpxTransport(wire=Replaying(zipped(bomb)))
    tracemalloc.start()
    try:
        with pytest.raises(NoAnswer, match="an answer of more than"):
            transport(REQUEST)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 3 * httpx_transport.LARGEST_ANSWER


def test_an_answer_that_breaks_off_within_what_is_packed_is_none() -> None:
    """Half of a page would look like a page."""
    with pytest.raises(NoAnswer, match="ends before all of it"):
        HttpxTransport(wire=Replaying(zipped(gzip.compress(b"x" * 1000)[:-9])))(REQUEST)


def test_a_broken_encoding_is_no_answer() -> None:
    """What cannot be unpacked was not received whole."""
    with pytest.raises(NoAnswer, match="cannot be unpacked"):
        HttpxTransport(wire=Replaying(zipped(b"this is not gzip")))(REQUEST)


@pytest.mark.parametrize("url", ["https://x\x00/", "ftp://x/", "x", "https://[::1"])
def test_addresses_that_cannot_be_sent_to(url: str) -> None:
    """Nothing leaves for an address that is none."""
    with pytest.raises(NotSent):
        HttpxTransport()(Request("GET", url))


def test_one_tls_context_that_verifies() -> None:
    """Made once in a process, and it checks certificates and names."""
    context = httpx_transport._tls()
    assert context is httpx_transport._tls()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


class Server(BaseHTTPRequestHandler):
    """Answers by the path: whole, cut off, or not at all."""

    protocol_version = "HTTP/1.1"
    paths: ClassVar[list[str]] = []
    given_up = threading.Event()

    def do_GET(self) -> None:
        """Answer as the path says."""
        self.paths.append(self.path)
        self.close_connection = True
        if self.path.startswith("/drip"):
            self._drip()
            return
        if self.path == "/late":
            self.given_up.wait(60)
        if self.path in ("/late", "/reset"):
            return
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"01234" if self.path == "/cut" else b"0123456789")

    def _drip(self) -> None:
        """Send one byte after the other, well before any single read would give up."""
        head = b"HTTP/1.1 200 OK\r\nX-Long: " if self.path == "/drip/head" else b"HTTP/1.1 200 OK\r\n\r\n"
        self.wfile.write(head)
        with suppress(OSError):
            while not self.given_up.wait(0.02):
                self.wfile.write(b"x")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name in the base class
        """Keep quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine, which serves one connection after the other."""
    Server.paths.clear()
    Server.given_up.clear()
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Server.given_up.set()
        server.shutdown()
        thread.join()


@pytest.mark.loopback
def test_over_a_real_socket(address: str) -> None:
    """A whole answer is whole; one cut off, reset or late is none, and nothing is sent twice."""
    patient, hurried = HttpxTransport(answer_seconds=60), HttpxTransport(answer_seconds=0.2)
    for transport, path, words in (
        (patient, "/cut", "RemoteProtocolError"),
        (patient, "/reset", "RemoteProtocolError"),
        (hurried, "/late", "ReadTimeout"),
    ):
        with pytest.raises(NoAnswer, match=words):
            transport(Request("GET", address + path))
    Server.given_up.set()
    # Connections are served in their order: what was sent a second time would have come before this one.
    assert patient(Request("GET", f"{address}/whole")).body == b"0123456789"
    assert Server.paths == ["/cut", "/reset", "/late", "/whole"]
    patient.close()
    hurried.close()


@pytest.mark.loopback
@pytest.mark.parametrize("path", ["/drip/head", "/drip/body"])
def test_an_answer_that_drips_ends_with_its_time(address: str, path: str) -> None:
    """Each byte comes in time, the whole never does: it is no answer, so a write's outcome is unknown."""
    transport = HttpxTransport(answer_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        transport(Request("GET", address + path))
    assert 0.25 < time.monotonic() - began < 5
    Server.given_up.set()
    assert transport(Request("GET", f"{address}/whole")).body == b"0123456789"
    transport.close()


@pytest.mark.loopback
def test_a_request_may_ask_for_less_time(address: str) -> None:
    """Its own limit goes before the transport's."""
    transport = HttpxTransport(answer_seconds=60)
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        transport(Request("GET", f"{address}/drip/body", seconds=0.1))
    with pytest.raises(NotSent, match="ConnectTimeout"):
        transport(Request("GET", f"{address}/whole", seconds=0))
    transport.close()


@pytest.mark.loopback
def test_nobody_listens(address: str) -> None:
    """A refused connection is surely not sent."""
    with HTTPServer(("127.0.0.1", 0), Server) as closed:
        port = closed.server_port
    transport = HttpxTransport()
    with pytest.raises(NotSent, match="ConnectError"):
        transport(Request("GET", f"http://127.0.0.1:{port}/"))
    transport.close()


def resolved_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name have these addresses."""
    monkeypatch.setattr(httpx_transport, "_addresses", lambda host, port: list(addresses))


class Silent(httpcore.NetworkBackend):
    """A network on which no address answers a connection."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any
    ) -> httpcore.NetworkStream:
        """Wait as long as was said, then give up."""
        self.tried.append(host)
        time.sleep(timeout or 60)
        raise httpcore.ConnectTimeout


def test_a_host_of_many_silent_addresses_takes_no_longer_than_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each address has the time of a connection, all of them together the time of the answer."""
    silent = Silent()
    monkeypatch.setattr(httpcore, "SyncBackend", lambda: silent)
    resolved_to(monkeypatch, *(f"192.0.2.{n}" for n in range(1, 9)))
    with pytest.raises(NotSent, match="ConnectTimeout"):
        HttpxTransport(connect_seconds=0.05, answer_seconds=0.12)(Request("GET", "http://zone.example/"))
    assert silent.tried == [f"192.0.2.{n}" for n in range(1, len(silent.tried) + 1)]
    assert len(silent.tried) <= 3


class OneRefuses(httpcore.SyncBackend):
    """The network, on which one address refuses every connection."""

    def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Refuse, or connect."""
        if host == "192.0.2.1":
            raise httpcore.ConnectError("refused")
        return super().connect_tcp(host, *args, **kwargs)


@pytest.mark.loopback
def test_the_next_address_is_tried_where_one_refuses(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a dead address is reached at the other one."""
    monkeypatch.setattr(httpcore, "SyncBackend", OneRefuses)
    resolved_to(monkeypatch, "192.0.2.1", "127.0.0.1")
    transport = HttpxTransport()
    port = address.rpartition(":")[2]
    assert transport(Request("GET", f"http://zone.example:{port}/whole")).body == b"0123456789"
    transport.close()


def test_a_host_without_an_address_was_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows is no unknown outcome."""

    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    # Put back before the guard around the tests' own sockets is.
    with monkeypatch.context() as resolver:
        resolver.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(NotSent, match="Name or service not known"):
            HttpxTransport()(Request("GET", "http://zone.example/"))
