"""Who may speak to the console: the browser that was opened with this run's own address, and nobody else.

The console runs on the operator's machine with the operator's own rights, so any page of the internet that the same browser shows, and any
program of the same machine, is a stranger to it. What keeps them out:

* a *key*, random and good for one use, in the first address; it is exchanged for a cookie that no script and no other site can use
  (https://developer.mozilla.org/en-US/docs/Web/HTTP/Cookies#security);
* the ``Host`` header, which must be ours: a foreign name that resolves to this machine is refused (DNS rebinding);
* for whatever is not a plain read, ``Origin`` and a token that only our own pages carry;
* headers with which the browser neither runs nor loads nor frames anything that is not ours.

It is one layer around the application, which knows nothing of it but the token of its forms. Behind a managed sign-in another layer takes its place.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, MutableMapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY = "key"
"""The parameter of the first address."""
FORM_TOKEN = "form_token"  # noqa: S105 - the name of one
"""Where the application finds the token for its forms: in the scope of a request, and in the form that comes back."""
HEADER = "x-form-token"
"""The same for a request that a script of ours sends."""
READS = ("GET", "HEAD")

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with it a browser sends "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


class Keys:
    """The key of the first address, good once; a new one takes its place. And the sessions that were begun with one."""

    def __init__(self, on_new: Callable[[str], None] = lambda _key: None) -> None:
        self._on_new = on_new
        self._key = secrets.token_urlsafe(32)
        self._sessions: set[str] = set()

    @property
    def key(self) -> str:
        """The one that is good now."""
        return self._key

    def spend(self, key: str) -> str | None:
        """A new session for a good key, which is good no more; None for any other."""
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            return None
        self._key = secrets.token_urlsafe(32)
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        self._on_new(self._key)
        return session

    def knows(self, session: str) -> bool:
        """Whether a session was begun in this run."""
        return any(hmac.compare_digest(session.encode(), one.encode()) for one in self._sessions)


def form_token(session: str) -> str:
    """What the forms of a session carry."""
    return hmac.new(session.encode(), b"form", sha256).hexdigest()


class Guard:
    """The layer around the application."""

    def __init__(self, app: ASGIApp, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._cookie = f"timus-autotask-{port}"  # cookies know no ports, and two consoles may run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer strangers, and hand everybody else on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._stranger(scope)
        if answer is None and scope["method"] not in READS:
            body = await _body(receive)
            answer = _refused(413, "This is too large.") if body is None else await self._forged(scope, body)
            receive = _once_more(body or b"")
        await (answer or self._app)(scope, receive, secured)

    def _stranger(self, scope: Scope) -> Response | None:
        """What somebody is answered who was not let in; None for those who were."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refused(421, "This console answers under its own address only.")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(KEY)
        session = self._session(headers)
        if given is not None and scope["method"] == "GET":
            begun = None if session else self._keys.spend(given)
            if session or begun:
                left = urlencode([one for one in query if one[0] != KEY])
                answer = RedirectResponse(f"{_path(scope)}{'?' if left else ''}{left}", 303)
                if begun:
                    answer.set_cookie(self._cookie, begun, httponly=True, samesite="strict", path="/")
                return answer
            return _refused(403, "This address was used already. The terminal shows the next one.")
        if session is None:
            return _refused(403, "Open the console with the address that the terminal shows.")
        scope[FORM_TOKEN] = form_token(session)
        return None

    def _session(self, headers: Headers) -> str | None:
        for one in headers.getlist("cookie"):
            try:
                morsel = SimpleCookie(one).get(self._cookie)
            except CookieError:
                continue
            if morsel is not None and self._keys.knows(morsel.value):
                return morsel.value
        return None

    async def _forged(self, scope: Scope, body: bytes) -> Response | None:
        """What a request is answered that no page of ours has sent."""
        headers = Headers(scope=scope)
        if headers.getlist("origin") not in [[origin] for origin in self._origins]:
            return _refused(403, "This request comes from another site.")
        given = headers.get(HEADER) or await _token_of(scope, body)
        if not hmac.compare_digest(given.encode(), scope[FORM_TOKEN].encode()):
            return _refused(403, "This form is not one of this run: open the page again.")
        return None


def _refused(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


def _path(scope: Scope) -> str:
    """The path, which never leads to another host."""
    return "/" + scope["raw_path"].decode("latin-1").lstrip("/\\") if scope.get("raw_path") else "/"


LARGEST = 6 * 1024 * 1024
"""Bytes of a form: a file of mappings with ten thousand rows has two million."""


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None: it is too large."""
    found: bytes = b""
    while True:
        message = await receive()
        found += bytes(message.get("body", b""))
        if len(found) > LARGEST:
            return None
        if not message.get("more_body", False):
            return found


def _once_more(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _token_of(scope: Scope, body: bytes) -> str:
    """The token that a form carries, in either encoding of a browser; empty: it carries none, or several."""
    try:
        async with Request(scope, _once_more(body)).form(max_files=1, max_part_size=LARGEST) as form:
            found = form.getlist(FORM_TOKEN)
    except HTTPException:
        return ""
    return found[0] if len(found) == 1 and isinstance(found[0], str) else ""
