"""The transport over the network: httpx, one connection pool, nothing done twice."""

from __future__ import annotations

import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
"""Autotask adds up to a second to a request when a tenant's allowance runs low; a post of many lines takes some."""
LARGEST_ANSWER = 20 * 1024 * 1024
"""Bytes; a page of 500 rows has less than one million."""
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
        read_seconds: float = READ_SECONDS,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        """``wire`` takes the place of the network in tests."""
        self._client = httpx.Client(
            transport=wire or _network(),
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "timus-autotask"},
        )

    def __call__(self, request: Request) -> Response:
        """Send, and read the whole answer; raises :class:`NotSent` or :class:`NoAnswer`, and nothing of httpx."""
        try:
            with self._client.stream(
                request.method, request.url, headers=dict(request.headers), content=request.body or None
            ) as answer:
                return Response(answer.status_code, dict(answer.headers), _whole(answer))
        except _NOT_SENT as error:
            raise NotSent(_words(error)) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise NoAnswer(_words(error)) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _whole(answer: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise NoAnswer(f"an answer of more than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _network() -> httpx.HTTPTransport:
    return httpx.HTTPTransport(
        verify=_tls(), retries=0, trust_env=False, limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    )


@cache
def _tls() -> ssl.SSLContext:
    """One for the process: it takes tens of milliseconds to make."""
    return httpx.create_ssl_context(trust_env=False)
