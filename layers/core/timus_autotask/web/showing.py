"""How a page is shown, a form is taken in, and something is proposed: what all pages have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from timus_autotask.operate.files.tables import for_excel
from timus_autotask.watch.names import NOBODY, Directory
from timus_autotask.web.desk import PATIENCE, Desk, Everything
from timus_autotask.web.kept import Kept
from timus_autotask.web.pages.layout import layout
from timus_autotask.web.proposals import ToDo
from timus_autotask.web.rendering import environment
from timus_autotask.web.security import FORM_TOKEN

HTMX = "hx-request"
"""The header of what a page asks by itself: https://htmx.org/reference/#request_headers"""

FormHandler = Callable[[Request, FormData], Response]


def with_form(handler: FormHandler) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a form: it is read here, and handled on a thread as every page is."""

    async def endpoint(request: Request) -> Response:
        async with request.form() as form:
            return await run_in_threadpool(handler, request, form)

    return endpoint


def back_to(form: FormData, otherwise: str = "/") -> str:
    """Where a form came from: a page of ours, and nothing else."""
    given = form.get("back")
    if isinstance(given, str) and given.startswith("/") and not given.startswith(("//", "/\\")):
        return given
    return otherwise


class StillReading(Exception):
    """Nothing is known yet, and it is being read."""


class Showing:
    """A desk, and what is shown of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._templates = environment(desk.deployment.zone, lambda: desk.now)

    def shown(self, request: Request, template: str, status: int = HTTPStatus.OK, **context: Any) -> Response:
        """A page, with what stands around it."""
        query = f"?{request.url.query}" if request.url.query else ""
        text = self._templates.get_template(template).render(
            around=layout(self.desk),
            here=request.url.path,
            address=f"{request.url.path}{query}",
            form_token=request.scope.get(FORM_TOKEN, ""),
            **context,
        )
        return HTMLResponse(text, status)

    def visit(self, request: Request, kept: Kept[Any]) -> None:
        """Somebody comes to look at what Autotask is asked for: it is read beside the click unless it is current.

        A page that asks by itself whether the reading is done begins no other one, or an open page would ask Autotask for ever.
        """
        seen = kept.seen
        if HTMX not in request.headers or (seen.value is None and seen.failed is None):
            self.desk.have_current(kept)

    @property
    def names(self) -> Directory:
        """What is called how, as far as it is known; nothing is read for it."""
        seen = self.desk.everything.seen.value
        return seen.status.names if seen else NOBODY

    def everything(self) -> Everything:
        """What is known; read now if nothing is, and beside this click if it is old. Raises what reading it raised."""
        kept = self.desk.everything
        if kept.seen.value is None:
            kept.soon()
        seen = kept.seen if kept.seen.value is not None else kept.wait(PATIENCE)
        if seen.value is None and seen.reading:
            raise StillReading
        if seen.value is None:
            raise seen.failed or HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing was read yet.")
        self.desk.keep_young()
        return kept.seen.value or seen.value

    def ask(self, asked: ToDo) -> Response:
        """Propose something, and go to the page that shows it: nothing is written yet."""
        return see_other(f"/proposals/{self.desk.cases.ask(asked).id}")


def see_other(address: str) -> Response:
    """Go on to another page of ours."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def text_of(form: FormData, name: str) -> str:
    """A field of a form; empty: it is not there, or is a file."""
    given = form.get(name)
    return given.strip() if isinstance(given, str) else ""


def searched(query: Mapping[str, str]) -> str:
    """What is looked for in a list, by its address."""
    return query.get("q", "").strip()[:200]


def page_of(query: Mapping[str, str]) -> int:
    """Which page of a list its address names, from 1 on; what is no number is the first."""
    page = query.get("page", "1")
    return max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1


def address_of(path: str, query: Mapping[str, str | int], default: Mapping[str, str | int]) -> str:
    """The address of a list; what is as by default is not in it."""
    said = {name: value for name, value in query.items() if value != default[name]}
    return f"{path}?{urlencode(said)}" if said else path


def download(text: str, name: str, kind: str) -> Response:
    """A file to keep."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(
        (for_excel(text) if kind == "text/csv" else text).encode(),
        media_type=f"{kind}; charset=utf-8",
        headers={"content-disposition": disposition},
    )
