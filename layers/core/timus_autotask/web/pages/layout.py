"""What stands around every page: where one may go, what waits there, what concerns everybody, and how old all of it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from timus_autotask.watch.grouping import Standing
from timus_autotask.web.desk import Desk, Everything
from timus_autotask.web.failing import Failure, in_words
from timus_autotask.web.kept import Seen
from timus_autotask.web.words import count


@dataclass(frozen=True, slots=True)
class Place:
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


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it."""

    stack: str
    by: str
    places: tuple[Place, ...]
    banners: tuple[Banner, ...]
    at: datetime | None
    """As of when; None: nothing was read yet."""
    reading: bool
    failure: Failure | None
    """Why what is shown is old."""


def layout(desk: Desk) -> Layout:
    """As it is now, without reading anything."""
    seen = desk.everything.seen
    return Layout(
        desk.deployment.stack,
        desk.by,
        tuple(places(seen.value)),
        tuple(_banners(seen)),
        seen.at,
        seen.reading,
        in_words(seen.failed) if seen.failed else None,
    )


def places(found: Everything | None) -> Iterator[Place]:
    """Where one may go."""
    need = awaits = unmapped = 0
    if found is not None:
        need = sum(group.standing in (Standing.UNMAPPED, Standing.WAITING) for group in found.groups)
        unmapped = found.status.mapped.unmapped
    yield Place("Overview", "/")
    yield Place("Customers", "/customers", need, "need a person")
    yield Place("Health", "/health")
    del awaits, unmapped


def _banners(seen: Seen[Everything]) -> Iterator[Banner]:
    found = seen.value
    if found is None:
        return
    status = found.status
    if status.circuit is not None:
        credentials = status.circuit.credentials
        yield Banner(
            "away",
            "Autotask refuses the API user" if credentials else "Autotask is away",
            f"{status.circuit.reason} Nothing is lost: changes wait and are made as soon as Autotask answers. What stands here is what was "
            "read last.",
            "timus-autotask credentials set" if credentials else "",
        )
    stages = status.stages
    if not stages.partner.live:
        others = f" Live are only: {', '.join(stages.exceptions)}." if stages.exceptions else ""
        yield Banner(
            "observing",
            "This stack observes",
            f"Nothing is written to Autotask. What is shown would be done after go-live.{others}",
            "timus-autotask go-live",
        )
    elif stages.exceptions:
        names = ", ".join(stages.exceptions[:5]) + (" …" if len(stages.exceptions) > 5 else "")
        yield Banner("observing", f"{count(len(stages.exceptions), 'customer')} observed only", f"{names}.")
    for pause in status.paused:
        whose = pause.customer or "everybody"
        by = f" by {pause.by}" if pause.by else ""
        remedy = "timus-autotask resume" + (f" --customer {pause.customer}" if pause.customer else "")
        yield Banner(
            "paused", f"Changes are paused for {whose}", f"Begun{by}. What Timus reports waits.", remedy
        )
    overview = found.survey.overview
    if overview.dead_letters:
        yield Banner(
            "wrong",
            f"{count(overview.dead_letters, 'wake-up')} failed for good",
            "The worker's log says why.",
            "timus-autotask redrive",
        )
    for one in status.unreadable:
        yield Banner("wrong", f"The record {one.record} cannot be read", f"It is missing here: {one.why}")
    for error in found.lacking:
        failure = in_words(error)
        yield Banner("wrong", failure.title, failure.message, failure.remedy)
