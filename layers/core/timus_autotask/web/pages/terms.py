"""The partner's terms: what holds in words, with the rule and its worked example beside it; how they are changed, and who set what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from timus_autotask.domain.terms import FormerTerms
from timus_autotask.operate.refusal import Senseless
from timus_autotask.operate.terms import (
    TERMS,
    TermsInForce,
    pause,
    set_terms,
    terms_in_force,
)
from timus_autotask.watch.wording import counted
from timus_autotask.web.pages.term_words import APPROVALS, TERM_WORDS, TermWords, all_said, change_of
from timus_autotask.web.proposals import ToDo
from timus_autotask.web.showing import Showing, back_to, see_other, text_of, with_form

RULES = Path(__file__).parents[5] / "docs" / "billing-rules.md"
"""The page with every term and its worked examples, which tests play. It is in the checkout that the command runs from."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the page says of some terms."""

    title: str
    text: str
    """Its first paragraph, or its table of values."""
    example: str
    """The first worked example."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term, as it holds."""

    name: str
    wording: TermWords
    said: str
    """What holds."""
    origin: str
    """The customer, ``partner`` or ``default``."""
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class TermsPage:
    """What the template shows."""

    customer: str
    terms: tuple[Term, ...]
    found: TermsInForce
    earlier: tuple[tuple[FormerTerms, str], ...]
    """What held before, the newest first, in words."""
    own: tuple[str, ...]
    """Customers with terms of their own."""
    paused: bool
    chosen: Term
    """The one that the form sets."""

    @property
    def sentence(self) -> str:
        """How much is not as it would be by itself."""
        here = self.customer or "partner"
        set_here = sum(one.origin == here for one in self.terms)
        if not set_here:
            return "as everybody's" if self.customer else "the defaults hold"
        rest = "is as everybody's" if self.customer else "holds by default"
        return f"{counted(set_here, 'is', 'are')} set, the rest {rest}"


def terms_page(
    found: TermsInForce, own: Sequence[str], rules: Mapping[str, Rule], chosen: str = ""
) -> TermsPage:
    """What is in force, of everybody or of one customer. ``chosen``: the term to be set; the first, if there is no such."""
    values = asdict(found.policy)
    terms = tuple(
        Term(name, wording, wording.said(values[name]), found.origins[name], rules.get(name))
        for name in TERMS
        if (wording := TERM_WORDS.get(name))
    )
    return TermsPage(
        found.customer or "",
        terms,
        found,
        tuple((one, all_said(one.values)) for one in reversed(found.earlier)),
        tuple(own),
        found.policy.paused,
        next((one for one in terms if one.name == chosen), terms[0]),
    )


@cache
def rules() -> Mapping[str, Rule]:
    """By term: the section of the page that is named after it, else the first that mentions it; nothing without the page."""
    try:
        text = RULES.read_text(encoding="utf-8")
    except OSError:
        return {}
    sections = [section.partition("\n") for section in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]]
    found: dict[str, Rule] = {}
    for part in (0, 2):  # the titles of all of them first, and then what stands below
        for section in sections:
            for name in re.findall(r"`([a-z_]+)[`=.]", section[part]):
                found.setdefault(name, _rule(section[0], section[2]))
    return found


def _rule(title: str, body: str) -> Rule:
    example = re.search(r"```example\n(.*?)```", body, re.DOTALL)
    return Rule(_plain(title), "\n".join(_paragraph(body)), example[1].rstrip() if example else "")


def _paragraph(body: str) -> Iterator[str]:
    """Its values, where it is a table of them; else its first paragraph, in one line."""
    paragraph: list[str] = []
    for line in body.strip().splitlines():
        if line.startswith("|"):
            cells = [_plain(cell) for cell in line.strip("|").split("|")]
            if not set(line) <= {"|", "-", " "} and cells[0] != "value":
                yield ": ".join(filter(None, cells))
        elif line.strip() and not line.startswith("```"):
            paragraph.append(_plain(line))
        else:
            break
    if paragraph:
        yield " ".join(paragraph)


def _plain(text: str) -> str:
    """Markdown without its signs."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[`*]", "", text).strip()


# -- Changing them


def routes(pages: Showing) -> list[Route]:
    """What is done about terms."""
    handlers = _Handlers(pages)
    return [
        Route("/terms", handlers.show),
        Route("/terms/set", with_form(handlers.set), methods=["POST"]),
        Route("/terms/pause", with_form(handlers.pause), methods=["POST"]),
    ]


class _Handlers:
    """The page Terms: what is asked of it, and what its forms do."""

    def __init__(self, pages: Showing) -> None:
        self._pages = pages
        self._desk = pages.desk

    def show(self, request: Request) -> Response:
        found = self._pages.everything()
        customer = request.query_params.get("customer", "").strip() or None
        held = terms_in_force(self._desk.deployment.store, customer)
        records = found.survey.records.customers
        own = sorted(id_ for id_, one in records.items() if one.terms and one.terms.value.values)
        page = terms_page(held, own, rules(), request.query_params.get("term", ""))
        skus = sorted({line.sku for line in found.status.lines} | found.survey.records.partner.plans.keys())
        customers = sorted(records, key=lambda id_: found.status.names.customers.get(id_, id_).casefold())
        return self._pages.shown(
            request,
            "terms.html",
            page=page,
            shared=sorted(
                {line.shared for line in found.status.lines if line.customer == customer and line.shared}
            ),
            names=found.status.names,
            customers=customers,
            skus=skus,
            approvals=APPROVALS,
            today=self._desk.deployment.today,
        )

    def set(self, _request: Request, form: FormData) -> Response:
        """One term, from a day on."""
        customer = text_of(form, "customer") or None
        change = change_of(text_of(form, "name"), text_of(form, "part"), text_of(form, "value"))
        about = TERM_WORDS[change.name].about if change.name in TERM_WORDS else change.path
        unknown = bool(text_of(form, "unknown"))
        first_day, always = text_of(form, "first_day"), bool(text_of(form, "always"))
        try:
            since = date.fromisoformat(first_day) if first_day and not always else None
        except ValueError:
            raise Senseless(f"{first_day} is no day.") from None
        deployment, by = self._desk.deployment, self._desk.by

        def sentences(done: TermsInForce) -> list[str]:
            whose = done.customer or "everybody"
            changed = [
                f"{wording.about}, for {whose}: {wording.said(before)} → {wording.said(after)}"
                for name, (before, after) in (done.changed or {}).items()
                if (wording := TERM_WORDS.get(name))
            ]
            return changed or [f"Nothing changes for {whose}."]

        return self._pages.ask(
            ToDo(
                f"{about}: set it for {customer or 'everybody'}",
                lambda progress: set_terms(
                    deployment,
                    [change],
                    customer,
                    by,
                    first_day=since,
                    from_today_if_billed=since is None and not always,
                    unknown=unknown,
                    on_progress=progress,
                ),
                back_to(form, "/terms"),
                "Set it",
                sentences,
            )
        )

    def pause(self, _request: Request, form: FormData) -> Response:
        """Make no adjustment until ``resume``. It posts nothing, so it is done at once."""
        pause(self._desk.deployment, text_of(form, "customer") or None, self._desk.by)
        self._desk.decided()
        return see_other(back_to(form, "/terms"))
