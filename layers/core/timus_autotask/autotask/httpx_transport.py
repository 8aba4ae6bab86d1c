"""The transport over the network: httpx, one connection pool, nothing done twice, a limit on the whole of each answer."""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
"""From the first byte sent to the last byte read. Autotask adds up to a second to a request when a tenant's allowance
runs low; a post of many lines takes some.
"""
LARGEST_ANSWER = 20 * 1024 * 1024
"""Bytes, as they come and unpacked; a page of 500 rows has less than one million."""
_PACKINGS = ("gzip", "x-gzip", "deflate", "compress", "br", "zstd")
_GZIP = 16 + zlib.MAX_WBITS
"""How zlib is told that what follows is gzip."""
IDLE_SECONDS = 30.0
"""A frozen Lambda wakes with connections that the other side has closed; those that were idle are not used again."""

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


class HttpxTransport:
    """Sends a request exactly once: no retries, no redirects, no cookies, no proxies from the environment."""

    def __init__(
        self,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        """``wire`` takes the place of the network in tests."""
        self._answer_seconds = answer_seconds
        self._client = httpx.Client(
            transport=wire or _Network(),
            timeout=httpx.Timeout(answer_seconds, connect=connect_seconds),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "timus-autotask", "Accept-Encoding": "gzip"},
        )

    def __call__(self, request: Request) -> Response:
        """Send, and read the whole answer; raises :class:`NotSent` or :class:`NoAnswer`, and nothing of httpx."""
        seconds = request.seconds if request.seconds is not None else self._answer_seconds
        limit = _DEADLINE.set(time.monotonic() + seconds)
        try:
            with self._client.stream(
                request.method, request.url, headers=dict(request.headers), content=request.body or None
            ) as answer:
                return Response(answer.status_code, dict(answer.headers), _whole(answer))
        except _NOT_SENT as error:
            raise NotSent(_detail(error)) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise NoAnswer(_detail(error)) from error
        finally:
            _DEADLINE.reset(limit)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _whole(answer: httpx.Response) -> bytes:
    """The body, unpacked. httpx would unpack a piece of it whole, however large that gets, and as often as the answer says."""
    named = answer.headers.get("content-encoding", "").lower().split(",")
    packed = [one for one in map(str.strip, named) if one in _PACKINGS]
    if not packed:
        return _bounded(answer.iter_raw())
    if len(packed) > 1 or packed[0] not in ("gzip", "x-gzip"):
        raise NoAnswer(f"an answer that is packed as {', '.join(packed)}, where once as gzip was asked for")
    return _unpacked(_bounded(answer.iter_raw()))


def _bounded(pieces: Iterator[bytes]) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise _too_large()
    return bytes(body)


def _unpacked(packed: bytes) -> bytes:
    """What is packed as gzip; never more of it than an answer may have. An answer without a body is not packed, whatever it says."""
    if not packed:
        return packed
    unpacking = zlib.decompressobj(_GZIP)
    try:
        body = unpacking.decompress(packed, LARGEST_ANSWER + 1)
    except zlib.error as error:
        raise NoAnswer(f"an answer that cannot be unpacked: {error}") from error
    if len(body) > LARGEST_ANSWER:
        raise _too_large()
    if not unpacking.eof:
        raise NoAnswer("an answer that ends before all of it could be unpacked")
    return body


def _too_large() -> NoAnswer:
    return NoAnswer(f"an answer of more than {LARGEST_ANSWER} bytes")


def _detail(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


_DEADLINE: ContextVar[float] = ContextVar("deadline")
"""When the answer that is being waited for must be complete, by the monotonic clock."""


def _seconds_left(limit: float | None, too_late: type[httpcore.TimeoutException]) -> float:
    """What is left of the answer's time, or ``limit`` if that is less; raises ``too_late`` when nothing is left."""
    left = _DEADLINE.get() - time.monotonic()
    if left <= 0:
        raise too_late("the whole answer took too long")
    return left if limit is None else min(limit, left)


class _Network(httpx.HTTPTransport):
    """httpx limits each read only, so an answer that comes byte by byte would be read for ever; here the whole has a limit."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(), retries=0, keepalive_expiry=IDLE_SECONDS, network_backend=_Backend()
        )


class _Backend(httpcore.NetworkBackend):
    """Connections whose every step ends with the answer's deadline."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the host's addresses one after the other. A socket that is given the name gives each address the whole limit."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            limit = _seconds_left(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(self._sockets.connect_tcp(address, port, limit, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    """The host's addresses in the resolver's order, each once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Stream(httpcore.NetworkStream):
    """A connection; the deadline is looked up at each step, since it serves many requests."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _seconds_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = _seconds_left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@cache
def _tls() -> ssl.SSLContext:
    """One for the process: it takes tens of milliseconds to make."""
    return httpx.create_ssl_context(trust_env=False)
