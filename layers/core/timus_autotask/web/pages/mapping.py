"""Which contract and which service everything goes to: what is not mapped yet with what it may be, what is mapped, and files of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from timus_autotask.domain.mapping import CustomerMapping, PlanMapping
from timus_autotask.operate.mapping.accept import Chosen, accept, exact
from timus_autotask.operate.mapping.file import to_csv
from timus_autotask.operate.mapping.ignoring import unignore
from timus_autotask.operate.mapping.importing import Imported, exported, import_mappings
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.mapping.line_choice import choose_line, lines_to_choose_from
from timus_autotask.operate.mapping.suggest import CustomerSuggested, SkuSuggested
from timus_autotask.operate.refusal import Senseless
from timus_autotask.watch.status import Mapped
from timus_autotask.watch.wording import counted, with_sign
from timus_autotask.web.desk import Everything, Suggested
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.kept import Seen
from timus_autotask.web.proposals import ToDo
from timus_autotask.web.showing import (
    Showing,
    address_of,
    back_to,
    download,
    page_of,
    searched,
    see_other,
    text_of,
    with_form,
)

MAPPED_AT_ONCE = 50
"""Mapped customers on one page."""
OFFERS_AT_ONCE = 50
"""Customers who are still to be mapped on one page, each with what it may be: a form has an end."""


@dataclass(frozen=True, slots=True)
class MappingPage:
    """What the template shows."""

    text: str
    mapped: Mapped
    customers: tuple[CustomerSuggested, ...]
    skus: tuple[SkuSuggested, ...]
    """Both with what they may be, as far as Autotask was asked."""
    more: int
    """So many more such customers stand here once these are mapped."""
    waiting: tuple[str, ...]
    """Unmapped customers and SKUs for which nothing was looked up yet."""
    exact: int
    """So many rest on unique keys alone."""
    rows: tuple[CustomerMapping, ...]
    found: int
    page: int
    pages: int
    plans: tuple[PlanMapping, ...]
    ignored: tuple[CustomerMapping, ...]
    looking: bool = False
    failure: Failure | None = None

    def address(self, page: int) -> str:
        """Another page of what is mapped, with the same looked for."""
        return address_of("/mapping", {"q": self.text, "page": page}, {"q": "", "page": 1})


def mapping_page(found: Everything, suggested: Seen[Suggested], text: str, page: int) -> MappingPage:
    """``text``: only what has it in its name or id."""
    unmapped = {*found.status.mapped.customers, *found.status.mapped.skus}
    customers, skus = _looked_up(suggested.value, unmapped)
    known = {*(one.customer for one in customers), *(one.sku for one in skus)}
    offered = [one for one in customers if _has(text, one.customer, one.name)]
    rows, plans = _mapped(found, text), found.survey.records.partner.plans
    pages = max(1, -(-len(rows) // MAPPED_AT_ONCE))
    page = min(max(1, page), pages)
    return MappingPage(
        text,
        found.status.mapped,
        tuple(offered[:OFFERS_AT_ONCE]),
        tuple(one for one in skus if _has(text, one.sku)),
        len(offered[OFFERS_AT_ONCE:]),
        tuple(sorted(unmapped - known)),
        _exact(suggested.value, unmapped),
        tuple(rows[(page - 1) * MAPPED_AT_ONCE : page * MAPPED_AT_ONCE]),
        len(rows),
        page,
        pages,
        tuple(plan.value for _, plan in sorted(plans.items())),
        tuple(one for one in _mappings(found) if one.ignored),
        suggested.reading,
        failure_of(suggested.failed) if suggested.failed else None,
    )


def _looked_up(
    known: Suggested | None, unmapped: set[str]
) -> tuple[list[CustomerSuggested], list[SkuSuggested]]:
    """What was suggested and is still to be mapped."""
    if known is None:
        return [], []
    customers = [one for one in known.found.customers if one.customer in unmapped]
    return customers, [one for one in known.found.skus if one.sku in unmapped]


def _mappings(found: Everything) -> list[CustomerMapping]:
    return [one.mapping.value for one in found.survey.records.customers.values() if one.mapping]


def _mapped(found: Everything, text: str) -> list[CustomerMapping]:
    """Those that go somewhere, by name."""
    names = found.status.names.customers
    rows = [
        one
        for one in _mappings(found)
        if one.routings and _has(text, one.customer_id, names.get(one.customer_id))
    ]
    return sorted(rows, key=lambda one: names.get(one.customer_id, one.customer_id).casefold())


def _has(text: str, *names: str | None) -> bool:
    return not text or any(text.casefold() in name.casefold() for name in names if name)


def _exact(known: Suggested | None, unmapped: set[str]) -> int:
    chosen = exact(known.found) if known else Chosen()
    return len({*chosen.customers, *chosen.skus} & unmapped)


# -- Doing


def routes(pages: Showing) -> list[Route]:
    """What is done about mappings."""
    return [
        Route("/mapping", _Handlers(pages).show),
        Route("/mapping/look", with_form(_Handlers(pages).look), methods=["POST"]),
        Route("/mapping/accept", with_form(_Handlers(pages).accept), methods=["POST"]),
        Route("/mapping/unignore", with_form(_Handlers(pages).unignore), methods=["POST"]),
        Route("/mapping/line", with_form(_Handlers(pages).line), methods=["POST"]),
        Route("/mapping/lines", _Handlers(pages).lines),
        Route("/mapping/import", with_form(_Handlers(pages).take_in), methods=["POST"]),
        Route("/mapping/mappings.csv", _Handlers(pages).export),
    ]


class _Handlers:
    """The page Mapping: what is asked of it, and what its forms do."""

    def __init__(self, pages: Showing) -> None:
        self._pages = pages
        self._desk = pages.desk

    def show(self, request: Request) -> Response:
        found, kept = self._pages.everything(), self._desk.suggested
        if found.status.mapped.unmapped and kept.seen.value is None and kept.seen.failed is None:
            kept.soon()
        query = request.query_params
        view = mapping_page(found, kept.seen, searched(query), page_of(query))
        return self._pages.shown(
            request, "mapping.html", page=view, names=found.status.names, at=kept.seen.at
        )

    def look(self, _request: Request, form: FormData) -> Response:
        self._desk.suggested.soon()
        return see_other(back_to(form, "/mapping"))

    def export(self, _request: Request) -> Response:
        return download(to_csv(exported(self._desk.deployment)), "mappings.csv", "text/csv")

    def accept(self, _request: Request, form: FormData) -> Response:
        """Take in what was chosen: one, by its own button, or all that are marked."""
        known = self._desk.suggested.seen.value
        if known is None:
            raise Senseless("Look first what everything may be.")
        if text_of(form, "exact"):
            chosen = exact(known.found)
        else:
            one = text_of(form, "one")
            chosen = _chosen([one] if one else _marked(form), text_of(form, "reason"))
        if not len(chosen):
            raise Senseless("Choose something first.")
        deployment, by = self._desk.deployment, self._desk.by
        return self._pages.ask(
            ToDo(
                f"Map {counted(len(chosen), 'customer or SKU', 'customers and SKUs')}",
                lambda progress: accept(
                    deployment, chosen, "map review", by, known.catalogue, on_progress=progress
                ),
                back_to(form, "/mapping"),
                "Map",
                lambda done: [*_in_words(done)],
            )
        )

    def unignore(self, _request: Request, form: FormData) -> Response:
        customer, sku = text_of(form, "customer"), text_of(form, "sku")
        deployment, by = self._desk.deployment, self._desk.by
        return self._pages.ask(
            ToDo(
                f"Do not ignore {customer or sku} any more",
                lambda progress: unignore(
                    deployment, [customer] if customer else [], [sku] if sku else [], by, on_progress=progress
                ),
                back_to(form, "/mapping"),
                "Take it back",
            )
        )

    def lines(self, request: Request) -> Response:
        """The contract services among which a person chooses, as Autotask has them now."""
        query = request.query_params
        contract, service = query.get("contract", ""), query.get("service", "")
        if not (contract.isascii() and contract.isdigit() and service.isascii() and service.isdigit()):
            raise Senseless("Which contract, and which service?")
        offers = lines_to_choose_from(self._desk.deployment, int(contract), int(service))
        names = self._pages.everything().status.names
        return self._pages.shown(
            request, "lines.html", contract=int(contract), service=int(service), offers=offers, names=names
        )

    def line(self, _request: Request, form: FormData) -> Response:
        """The contract service, where a service is on a contract more than once."""
        try:
            contract, service, chosen = (int(one) for one in text_of(form, "line").split(":"))
        except ValueError:
            raise Senseless("Which contract service?") from None
        deployment, by = self._desk.deployment, self._desk.by
        return self._pages.ask(
            ToDo(
                f"Bill service {service} on contract service {chosen}",
                lambda progress: choose_line(deployment, contract, service, chosen, by, on_progress=progress),
                back_to(form, "/mapping"),
                "Choose it",
            )
        )

    def take_in(self, _request: Request, form: FormData) -> Response:
        """A file of mappings."""
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Senseless("Choose a file first.")
        data, given = file.file.read(), text_of(form, "bill_from")
        bill_from = BillFrom(given) if given in [*BillFrom] else None
        return self._pages.ask(
            self._import(file.filename, data, bill_from, back_to(form, "/mapping"), partial=False)
        )

    def _import(
        self, name: str, data: bytes, bill_from: BillFrom | None, back: str, *, partial: bool
    ) -> ToDo:
        deployment, by = self._desk.deployment, self._desk.by
        return ToDo(
            f"Take in {name}" + (", without the rows that are wrong" if partial else ""),
            lambda progress: import_mappings(
                deployment, name, data, by, bill_from=bill_from, partial=partial, on_progress=progress
            ),
            back,
            "Write it",
            _imported_in_words,
            otherwise=None if partial else self._import(name, data, bill_from, back, partial=True),
        )


def _marked(form: FormData) -> list[str]:
    return [str(value) for name, value in form.multi_items() if name.startswith("choice:") and value]


def _chosen(given: Sequence[str], reason: str) -> Chosen:
    """From the values of a form: ``customer:<id>:<company>:<contract>``, ``sku:<sku>:<service>``, ``ignore-customer:<id>``, ``ignore-sku:<sku>``."""
    customers: dict[str, tuple[int, int | None]] = {}
    skus: dict[str, int] = {}
    aside: dict[str, dict[str, str]] = {"ignore-customer": {}, "ignore-sku": {}}
    for one in given:
        kind, _, rest = one.partition(":")
        try:
            if kind == "customer":
                customer, company, contract = rest.rsplit(":", 2)
                customers[customer] = int(company), int(contract) if contract else None
            elif kind == "sku":
                sku, service = rest.rsplit(":", 1)
                skus[sku] = int(service)
            else:
                aside[kind][rest] = reason
        except (ValueError, KeyError):
            raise Senseless("That cannot be chosen.") from None
    if any(aside.values()) and not reason:
        raise Senseless("Say why it is ignored, for everybody who looks at it.")
    return Chosen(customers, skus, aside["ignore-customer"], aside["ignore-sku"])


def _in_words(chosen: Chosen) -> Iterator[str]:
    for sku, service in chosen.skus.items():
        yield f"SKU {sku} is service {service}"
    for customer, (company, contract) in chosen.customers.items():
        where = f"contract {contract}" if contract is not None else "a contract that is opened"
        yield f"Customer {customer} is company {company}, on {where}"
    for id_, reason in (*chosen.ignored_customers.items(), *chosen.ignored_skus.items()):
        yield f"{id_} is ignored: {reason}"


def _imported_in_words(found: Imported) -> list[str]:
    sentences = [
        f"Row {', '.join(map(str, one.rows))}: {one.subject[1]} {one.name}: {one.detail}"
        for one in found.changed
    ]
    if found.unchanged:
        sentences.append(
            f"{counted(found.unchanged, 'customer or SKU', 'customers and SKUs')} stay as they are."
        )
    for late in found.late:
        sentences += [
            f"{late.customer} had seats since {late.since}; billed from {choice.bill_from.label}: {with_sign(choice.units, 'unit')}, "
            f"{counted(choice.seat_days, 'seat-day')}{' (chosen)' if late.chosen is choice.bill_from else ''}"
            for choice in late.choices
        ]
    return sentences + [
        f"Left out: row {one.row}, {one.column or ''} {one.message}" for one in found.problems
    ]
