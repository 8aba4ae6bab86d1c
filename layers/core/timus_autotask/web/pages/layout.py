"""What stands around every page: where one may go, what waits there, what concerns everybody, and how old all of it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from timus_autotask.operate.credentials import OTHERS_STORED
from timus_autotask.store.partner import Circuit
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.watch.adjustments import Became
from timus_autotask.watch.grouping import Standing
from timus_autotask.watch.names import Directory
from timus_autotask.watch.remedy import REPAIR, commands
from timus_autotask.watch.status import Pause, Stages
from timus_autotask.watch.wording import counted, some
from timus_autotask.web.desk import Desk, Everything
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.pages.actions import Action

FEW = 5
"""So many are named in a banner."""


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page that one may go to."""

    name: str
    address: str
    waits: int = 0
    """So much waits there for a person."""
    what: str = ""
    """What that is, for who cannot see the number's place."""


@dataclass(frozen=True, slots=True)
class Banner:
    """What concerns everybody."""

    kind: str
    """``observing``, ``paused``, ``away``, ``wrong``."""
    title: str
    text: str
    remedy: str = ""
    """The command that ends it."""
    actions: tuple[Action, ...] = ()
    """What ends it here."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it."""

    stack: str
    by: str
    places: tuple[PageLink, ...]
    banners: tuple[Banner, ...]
    at: datetime | None
    """As of when; None: nothing was read yet."""
    reading: bool
    failure: Failure | None
    """Why what is shown is old."""
    autotask: str
    """Where links into Autotask begin; empty: it is not known."""
    zone: str
    """The partner's: that of every day and time."""


def layout(desk: Desk) -> Layout:
    """As it is now, without reading anything."""
    seen = desk.everything.seen
    return Layout(
        desk.deployment.stack,
        desk.by,
        tuple(places(seen.value)),
        tuple(_banners(seen.value)) if seen.value else (),
        seen.at,
        seen.reading,
        failure_of(seen.failed) if seen.failed else None,
        (desk.links.seen.value or "").rstrip("/"),
        str(desk.deployment.zone),
    )


def places(found: Everything | None) -> Iterator[PageLink]:
    """Where one may go."""
    groups = found.groups if found else ()
    awaits = sum(one.became is Became.AWAITS for one in found.adjustments) if found else 0
    need = sum(group.standing in (Standing.UNMAPPED, Standing.WAITING) for group in groups)
    yield PageLink("Overview", "/")
    yield PageLink("Customers", "/customers", need, "need a person")
    yield PageLink("Changes", "/changes", awaits, "await approval")
    yield PageLink("Mapping", "/mapping", found.status.mapped.unmapped if found else 0, "to be mapped")
    yield PageLink("Terms", "/terms")
    yield PageLink("Ready to post", "/ready")
    yield PageLink("Ledger", "/ledger")
    yield PageLink("Health", "/health")


def _banners(found: Everything) -> Iterator[Banner]:
    status = found.status
    if status.circuit is not None:
        yield _away(status.circuit)
    yield from _stage(status.stages, status.names)
    yield from _pauses(status.paused, status.names)
    if dead := found.survey.overview.dead_letters:
        title = f"{counted(dead, 'wake-up')} failed for good"
        yield Banner("wrong", title, "The worker's log says why.", "timus-autotask redrive")
    yield from _unreadable(status.unreadable)
    for error in found.lacking:
        failure = failure_of(error)
        yield Banner("wrong", failure.title, failure.message, failure.remedy)


def _away(circuit: Circuit) -> Banner:
    title = "Autotask refuses the API user" if circuit.credentials else "Autotask is away"
    if circuit.reason.startswith(OTHERS_STORED):
        title = "Autotask is asked again in a moment"
    return Banner(
        "away",
        title,
        f"{circuit.reason} Nothing is lost: changes wait and are made as soon as Autotask answers. What stands here is what was read last.",
        "timus-autotask credentials set" if circuit.credentials else "",
    )


def _stage(stages: Stages, names: Directory) -> Iterator[Banner]:
    others = some([names.customers.get(one) or one for one in stages.exceptions], FEW)
    if not stages.partner.live:
        live = f" Live are only: {others}." if others else ""
        text = f"Nothing is written to Autotask. What is shown would be done after go-live.{live}"
        go_live = Action("Go live …", "/do", {"what": "go-live"})
        yield Banner("observing", "This stack observes", text, "timus-autotask go-live", (go_live,))
    elif others:
        yield Banner(
            "observing", f"{counted(len(stages.exceptions), 'customer')} observed only", f"{others}."
        )


def _pauses(pauses: Sequence[Pause], names: Directory) -> Iterator[Banner]:
    """One banner for all customers, however many are paused; one for everybody."""
    yield from (_paused(one, names) for one in pauses if one.customer is None)
    customers = [one for one in pauses if one.customer is not None]
    if len(customers) == 1:
        yield _paused(customers[0], names)
    elif customers:
        called = [names.customers.get(one.customer or "") or one.customer or "" for one in customers]
        title = f"Changes are paused for {counted(len(called), 'customer')}"
        show = Action("Show who waits", "/customers?standing=waiting")
        yield Banner("paused", title, f"What Timus reports waits. {some(called, FEW)}.", actions=(show,))


def _unreadable(records: Sequence[RecordUnreadable]) -> Iterator[Banner]:
    if len(records) == 1:
        one = records[0]
        yield Banner(
            "wrong", f"The record {one.record} cannot be read", f"It is missing here: {one.why}", REPAIR
        )
    elif records:
        which = some([one.record for one in records], FEW)
        title = f"{counted(len(records), 'record')} cannot be read"
        yield Banner("wrong", title, f"They are missing here: {which}. The first: {records[0].why}", REPAIR)


def _paused(pause: Pause, names: Directory) -> Banner:
    id_ = pause.customer
    whom = (names.customers.get(id_) or id_) if id_ else "everybody"
    by = f" Paused by {pause.by}." if pause.by else ""
    remedy = (
        commands("timus-autotask resume --customer {customer}", {"customer": id_})
        if id_
        else "timus-autotask resume"
    )
    resume = Action("Resume …", "/do", {"what": "resume", "customer": id_ or ""})
    return Banner(
        "paused", f"Changes are paused for {whom}", f"What Timus reports waits.{by}", remedy, (resume,)
    )
