"""The console as an ordinary ASGI application: it knows neither where it runs nor who serves it.

Whoever serves it puts a layer around it that says who may come in, and gives its forms their token (``web/security.py`` on the operator's
own machine; a managed sign-in elsewhere).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.ports.errors import AutotaskError, Conflict, InfrastructureError
from timus_autotask.store.records import Unreadable
from timus_autotask.web.desk import Desk, Everything
from timus_autotask.web.failing import Failure, in_words
from timus_autotask.web.pages import changes
from timus_autotask.web.pages.changes import changes_page
from timus_autotask.web.pages.customers import SORTS, Asked, customer_page, customers_page
from timus_autotask.web.pages.health import health_page
from timus_autotask.web.pages.layout import layout
from timus_autotask.web.pages.overview import overview_page
from timus_autotask.web.proposals import Asked as ToDo
from timus_autotask.web.rendering import FOLDER, environment
from timus_autotask.web.security import FORM_TOKEN

FORESEEN = (NotDone, InfrastructureError, AutotaskError, Conflict, Unreadable)
"""What may go wrong on any page, and is a sentence for the person."""

FormHandler = Callable[[Request, FormData], Response]


def console(desk: Desk) -> Starlette:
    """The application over a desk."""
    pages = Pages(desk)
    routes = [
        Route("/", pages.overview),
        Route("/customers", pages.customers),
        Route("/customers/{customer:path}", pages.customer),
        Route("/changes", pages.changes),
        Route("/changes/decide", posted(pages.decide), methods=["POST"]),
        Route("/proposals/{id}", pages.proposal),
        Route("/proposals/{id}", posted(pages.commit), methods=["POST"]),
        Route("/health", pages.health),
        Route("/health/look", posted(pages.look), methods=["POST"]),
        Route("/fresh", posted(pages.fresh), methods=["POST"]),
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(FORESEEN, pages.broke)
    return Starlette(
        routes=routes, exception_handlers={**handlers, HTTPException: pages.failed, Exception: pages.broke}
    )


def posted(handler: FormHandler) -> Callable[[Request], Awaitable[Response]]:
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


class Pages:
    """Each page: takes what was asked from the address, has it looked up, and shows it."""

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

    def everything(self) -> Everything:
        """What is known; read now if nothing is, and beside this click if it is old. Raises what reading it raised."""
        kept = self.desk.everything
        seen = kept.first()
        if seen.value is None:
            raise seen.failed or HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing was read yet.")
        self.desk.keep_young()
        return seen.value

    # -- Reading

    def overview(self, request: Request) -> Response:
        """How everything stands."""
        found = self.everything()
        today = self.desk.deployment.today
        month = self.desk.month(today).seen
        looked = month.value
        page = overview_page(found, looked.ready if looked else None, today)
        return self.shown(
            request,
            "overview.html",
            page=page,
            names=found.status.names,
            month=month,
            month_failure=in_words(month.failed) if month.failed else None,
            today=today,
        )

    def customers(self, request: Request) -> Response:
        """All of them, as asked for."""
        found = self.everything()
        page = customers_page(found, Asked.of(request.query_params))
        return self.shown(request, "customers.html", page=page, sorts=SORTS, names=found.status.names)

    def customer(self, request: Request) -> Response:
        """One of them."""
        found = self.everything()
        month = self.desk.month(self.desk.deployment.today).seen
        books = month.value.books if month.value else None
        customer = request.path_params["customer"]
        page = customer_page(found, customer, self.desk.deployment.today, books)
        if page is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"Nobody knows a customer {customer}.")
        return self.shown(request, "customer.html", page=page, names=found.status.names, priced=month.at)

    def health(self, request: Request) -> Response:
        """What ``doctor`` says."""
        kept = self.desk.checks
        if kept.seen.value is None and kept.seen.failed is None:
            kept.soon()
        return self.shown(request, "health.html", page=health_page(kept.seen))

    def changes(self, request: Request) -> Response:
        """Every adjustment, as asked for."""
        found = self.everything()
        page = changes_page(found, changes.Asked.of(request.query_params), self.desk.deployment.today)
        return self.shown(request, "changes.html", page=page, names=found.status.names, days=changes.DAYS)

    def proposal(self, request: Request) -> Response:
        """What would be done, or was."""
        case = self.desk.cases.find(request.path_params["id"])
        if case is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND,
                "This was looked at long ago, or in another run. Nothing of it was written by looking.",
            )
        if case.next and not case.done:
            return RedirectResponse(f"/proposals/{case.next}", HTTPStatus.SEE_OTHER)
        return self.shown(request, "proposal.html", case=case)

    # -- Deciding

    def ask(self, asked: ToDo) -> Response:
        """Propose something, and go to the page that shows it: nothing is written yet."""
        return RedirectResponse(f"/proposals/{self.desk.cases.ask(asked).id}", HTTPStatus.SEE_OTHER)

    def commit(self, request: Request, form: FormData) -> Response:
        """Do what was shown; or look at it again."""
        case = self.desk.cases.find(request.path_params["id"])
        if case is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, "This was looked at long ago, or in another run. Nothing was written."
            )
        if form.get("again"):
            return self.ask(case.asked)
        shown = self.desk.cases.commit(case)
        if shown.done:
            self.desk.decided()
        return RedirectResponse(f"/proposals/{shown.id}", HTTPStatus.SEE_OTHER)

    def decide(self, _request: Request, form: FormData) -> Response:
        """Approve held changes, or reject them."""
        back = back_to(form, "/changes")
        try:
            keys = changes.keys_of([str(one) for one in form.getlist("line")])
        except ValueError:
            keys = []
        if not keys:
            raise Senseless("Choose at least one change.")
        deployment, by = self.desk.deployment, self.desk.by
        if form.get("decision") == "reject":
            return self.ask(changes.rejection(deployment, keys, str(form.get("reason", "")), by, back))
        if form.get("decision") == "approve":
            return self.ask(changes.approval(deployment, keys, by, back))
        raise Senseless("Approve or reject?")

    # -- Asking anew

    def look(self, _request: Request, _form: FormData) -> Response:
        """Make the checks again."""
        self.desk.checks.soon()
        return RedirectResponse("/health", HTTPStatus.SEE_OTHER)

    def fresh(self, _request: Request, form: FormData) -> Response:
        """Read everything again."""
        self.desk.everything.fresh()
        return RedirectResponse(back_to(form), HTTPStatus.SEE_OTHER)

    # -- Failing

    def failed(self, request: Request, error: Exception) -> Response:
        """There is no such page, or nothing to show on it."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        title = "There is no such page" if status == HTTPStatus.NOT_FOUND else HTTPStatus(status).phrase
        detail = str(error.detail) if isinstance(error, HTTPException) else str(error)
        message = "" if detail == HTTPStatus(status).phrase else detail
        return self.shown(request, "failed.html", status, failure=Failure(title, message))

    def broke(self, request: Request, error: Exception) -> Response:
        """Something could not be read or done."""
        status = HTTPStatus.BAD_REQUEST if isinstance(error, NotDone) else HTTPStatus.SERVICE_UNAVAILABLE
        return self.shown(request, "failed.html", status, failure=in_words(error))
