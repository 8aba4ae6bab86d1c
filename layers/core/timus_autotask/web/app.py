"""The console as an ordinary ASGI application: it knows neither where it runs nor who serves it.

Whoever serves it puts a layer around it that says who may come in, and gives its forms their token (``web/security.py`` on the operator's
own machine; a managed sign-in elsewhere).
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from timus_autotask.operate import parked_events
from timus_autotask.operate.foreseen import KINDS
from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.web import doing
from timus_autotask.web.desk import Desk
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.pages import changes, mapping, month, posted, terms
from timus_autotask.web.pages.changes import changes_page
from timus_autotask.web.pages.customers import SORTS, CustomersQuery, customer_page, customers_page
from timus_autotask.web.pages.health import PLACES, health_page
from timus_autotask.web.pages.overview import overview_page
from timus_autotask.web.rendering import FOLDER
from timus_autotask.web.showing import Showing, StillReading, back_to, see_other, text_of, with_form


def console(desk: Desk) -> Starlette:
    """The application over a desk."""
    pages = Pages(desk)
    routes = [
        Route("/", pages.overview),
        Route("/customers", pages.customers),
        Route("/customers/{customer:path}", pages.customer),
        Route("/changes", pages.changes),
        Route("/changes/decide", with_form(pages.decide), methods=["POST"]),
        *mapping.routes(pages),
        *month.routes(pages),
        *posted.routes(pages),
        *terms.routes(pages),
        Route("/events/dismiss", with_form(pages.dismiss), methods=["POST"]),
        Route("/do", with_form(pages.do), methods=["POST"]),
        Route("/proposals/{id}", pages.proposal),
        Route("/proposals/{id}", with_form(pages.commit), methods=["POST"]),
        Route("/health", pages.health),
        Route("/health/look", with_form(pages.look), methods=["POST"]),
        Route("/fresh", with_form(pages.fresh), methods=["POST"]),
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(KINDS, pages.broke)
    return Starlette(
        routes=routes,
        exception_handlers={
            **handlers,
            HTTPException: pages.failed,
            StillReading: pages.reading,
            Exception: pages.broke,
        },
    )


class Pages(Showing):
    """The pages that have no module of their own for what is done on them."""

    # -- Reading

    def overview(self, request: Request) -> Response:
        """How everything stands."""
        found = self.everything()
        today = self.desk.deployment.today
        kept = self.desk.month(today)
        running, looked = kept.seen, kept.seen.value
        page = overview_page(found, looked.ready if looked else None, today)
        return self.shown(
            request,
            "overview.html",
            page=page,
            names=found.status.names,
            month=running,
            month_current=self.desk.current(kept),
            month_failure=failure_of(running.failed) if running.failed else None,
            today=today,
        )

    def customers(self, request: Request) -> Response:
        """All of them, as asked for."""
        found = self.everything()
        page = customers_page(found, CustomersQuery.of(request.query_params))
        return self.shown(request, "customers.html", page=page, sorts=SORTS, names=found.status.names)

    def customer(self, request: Request) -> Response:
        """One of them."""
        found = self.everything()
        running = self.desk.month(self.desk.deployment.today).seen
        books = running.value.books if running.value else None
        customer = request.path_params["customer"]
        page = customer_page(found, customer, self.desk.deployment.today, books, running.at)
        if page is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"Nobody knows a customer {customer}.")
        return self.shown(request, "customer.html", page=page, names=found.status.names, priced=running.at)

    def health(self, request: Request) -> Response:
        """What ``doctor`` says."""
        kept = self.desk.checks
        self.visit(request, kept)
        page = health_page(kept.seen, current=self.desk.current(kept))
        return self.shown(request, "health.html", page=page, names=self.names, places=PLACES)

    def changes(self, request: Request) -> Response:
        """Every adjustment, as asked for."""
        found = self.everything()
        today = self.desk.deployment.today
        page = changes_page(found, changes.ChangesQuery.of(request.query_params), today)
        running = self.desk.month(today).seen.value
        prices = {key: one.price.price for key, one in running.books.lines.items()} if running else {}
        return self.shown(
            request,
            "changes.html",
            page=page,
            names=found.status.names,
            days=changes.DAYS,
            prices=prices,
        )

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
        return self.shown(request, "proposal.html", case=case, names=self.names)

    # -- Deciding

    def commit(self, request: Request, form: FormData) -> Response:
        """Do what was shown; or look at it again."""
        case = self.desk.cases.find(request.path_params["id"])
        if case is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, "This was looked at long ago, or in another run. Nothing was written."
            )
        if form.get("otherwise") and case.asked.otherwise is not None:
            return self.ask(case.asked.otherwise)
        if form.get("again"):
            return self.ask(case.asked)
        shown = self.desk.cases.commit(case)
        if shown.done:
            self.desk.decided()
        return RedirectResponse(f"/proposals/{shown.id}", HTTPStatus.SEE_OTHER)

    def do(self, _request: Request, form: FormData) -> Response:
        """One thing, by its name."""
        return self.ask(doing.asked(self.desk, form))

    def dismiss(self, _request: Request, form: FormData) -> Response:
        """Set a parked event aside as a mistake. It posts nothing, so it is done at once."""
        event, reason = text_of(form, "event"), text_of(form, "reason")
        if not reason:
            raise Senseless("An event is dismissed with a reason.")
        parked_events.dismiss(self.desk.deployment, [event], reason, self.desk.by)
        self.desk.decided()
        return see_other(back_to(form))

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
            return self.ask(changes.rejection(deployment, keys, text_of(form, "reason"), by, back))
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
        self.desk.anew()
        return see_other(back_to(form))

    # -- Failing

    def reading(self, request: Request, _error: Exception) -> Response:
        """The first look takes its time."""
        return self.shown(request, "reading.html")

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
        failure = failure_of(error)
        if isinstance(error, NotDone) and request.method == "GET":
            failure = replace(failure, title="There is nothing to show")
        return self.shown(request, "failed.html", status, failure=failure)
