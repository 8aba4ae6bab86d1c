"""Where a partner's Autotask lives, and which hosts may be handed the credentials.

Each tenant is in a zone with its own host, which ``zoneInformation`` names and which can change. Every request carries the
credentials, so an address is trusted only by the rules here, whether the zone answer, a cache or a page link names it.
https://autotask.net/help/developerhelp/Content/APIs/REST/API_Calls/REST_API_Calls.htm
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

AUTOTASK = "https://webservices.autotask.net/atservicesrest"
"""The public address that knows every zone."""

Origin = tuple[str, str, int | None]
"""Scheme, host in lower case, and port (None when it is the scheme's own)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a tenant is. Kept between runs, it saves a request in each."""

    base: str
    """Every API address starts with it; ends in ``/v1.0``."""
    web_url: str = ""
    """Start of links into Autotask's user interface; ``""`` when unknown."""


def api_base(url: str) -> str:
    """An API address that ends in ``/v1.0``; zones are named with and without it."""
    url = url.rstrip("/")
    return url if url.lower().endswith("/v1.0") else url + "/v1.0"


def lookup_url(server: str, user: str) -> str:
    """The address that tells an API user's zone; it needs no credentials."""
    return f"{api_base(server)}/zoneInformation?user={quote(user, safe='')}"


def origin(url: str) -> Origin | None:
    """The origin of an absolute http(s) address without user information; None when it is anything else."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or parts.username is not None or not _HOST.fullmatch(host):
        return None
    return parts.scheme, host, None if port == _PORTS[parts.scheme] else port


def is_autotask(url: str) -> bool:
    """Whether an address is https on ``autotask.net`` or a host below it (the list of zones is open)."""
    match origin(url):
        case ("https", host, None):
            return host == "autotask.net" or host.endswith(".autotask.net")
    return False


def trusts(server: str, url: str) -> bool:
    """Whether ``server`` may send us to ``url``: Autotask to any of its hosts, any other server to itself."""
    if is_autotask(server):
        return is_autotask(url)
    return origin(url) is not None and origin(url) == origin(server)


def below(home: str, url: str) -> str | None:
    """The part of an address after ``home`` (which ends in a slash); None when the address is not below it.

    Paths are compared without regard to case: Autotask writes them differently in its links and its zones.
    """
    if _place(url) is None or _place(url) != _place(home):
        return None
    start, link = urlsplit(home).path, urlsplit(url)
    if not link.path.lower().startswith(start.lower()):
        return None
    return f"{link.path[len(start) :]}?{link.query}"


def _place(url: str) -> Origin | None:
    """The origin, with one name for this machine: a server here may call itself ``localhost`` or 127.0.0.1."""
    match origin(url):
        case (scheme, "localhost", port):
            return scheme, "127.0.0.1", port
        case place:
            return place


_PORTS = {"https": 443, "http": 80}
# URL parsers disagree on backslashes, blanks and non-ASCII letters; an honest address has none of them.
_PLAIN = re.compile(r"[!-\[\]-~]*")
_HOST = re.compile(r"[a-z0-9.:-]+")
