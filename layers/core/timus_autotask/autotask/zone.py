"""Where a partner's Autotask lives, and which hosts may be handed the credentials.

Each database is in a zone with its own host, which ``zoneInformation`` names and which can move. Credentials
travel on every request, so an address is trusted only by the rules here, whoever names it: the zone answer, a
cache or a page link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

AUTOTASK = "https://webservices.autotask.net/atservicesrest"
"""The public address at which every zone can be asked for."""

Origin = tuple[str, str, int | None]
"""Scheme, host in lower case, and port (None when it is the scheme's own)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A resolved zone. Worth keeping between runs: it saves a request in each."""

    base: str
    """Every API address starts with it; ends in ``/v1.0``."""
    web_url: str = ""
    """Start of links into Autotask's user interface; ``""`` when unknown."""


def api_base(url: str) -> str:
    """Bring an API address to one form: ends in ``/v1.0``, with which and without which zones are named."""
    url = url.rstrip("/")
    return url if url.lower().endswith("/v1.0") else url + "/v1.0"


def lookup_url(server: str, user: str) -> str:
    """Where the zone of an API user is asked for; needs no credentials."""
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
    """What of an address comes after ``home`` (which ends in a slash); None when it is not below it.

    Paths of Autotask are compared without regard to case: its links and its zone differ in theirs.
    """
    if _place(url) is None or _place(url) != _place(home):
        return None
    start, link = urlsplit(home).path, urlsplit(url)
    if not link.path.lower().startswith(start.lower()):
        return None
    return f"{link.path[len(start) :]}?{link.query}"


def _place(url: str) -> Origin | None:
    """The origin, with one name for this machine: a server here may name itself otherwise than it was asked."""
    match origin(url):
        case (scheme, "localhost", port):
            return scheme, "127.0.0.1", port
        case place:
            return place


_PORTS = {"https": 443, "http": 80}
# URL parsers disagree on backslashes, blanks and letters beyond ASCII; an honest address has none of them.
_PLAIN = re.compile(r"[!-\[\]-~]*")
_HOST = re.compile(r"[a-z0-9.:-]+")
