"""The transport under the Autotask client: one request in, one answer out, and what can go wrong in between.

The client above is pure with respect to I/O: it builds :class:`Request` values and reads :class:`Response`
values. Only a transport touches the network, so the deterministic simulation can stand behind this one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``url`` is absolute, ``body`` the exact bytes (empty for none)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Never shown: they carry the credentials."""
    body: bytes = b""
    seconds: float | None = None
    """How long it may take until the whole answer is here; None: as long as the transport allows."""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, received whole; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """The request never reached Autotask: DNS, connect or TLS failed before a byte was sent."""


class NoAnswer(Exception):
    """The request may have reached Autotask, but no whole answer came back: time-out, reset, truncation."""


class Transport(Protocol):
    """Sends exactly once: no retries, no redirects. Raises :class:`NotSent` or :class:`NoAnswer`."""

    def __call__(self, request: Request) -> Response: ...


def made_when_used(make: Callable[[], Transport]) -> Transport:
    """A transport that is made for its first request, so that who never asks Autotask does not pay for it."""
    made = cache(make)

    def send(request: Request) -> Response:
        return made()(request)

    return send
