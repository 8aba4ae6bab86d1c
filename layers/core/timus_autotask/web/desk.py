"""What the console keeps between two clicks: everything it has read, with its age, and the proposals that somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.enabling import look_at_everything
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.suggest import Suggestions, suggest
from timus_autotask.operate.month_end import Looked, ledger_since, look_at_month, what_was_posted
from timus_autotask.ports.errors import QueueUnavailable
from timus_autotask.watch.adjustments import ListedAdjustment, adjustments
from timus_autotask.watch.check import CheckResult
from timus_autotask.watch.grouping import Group, grouped
from timus_autotask.watch.happened import History, later
from timus_autotask.watch.month.ledger import Ledger
from timus_autotask.watch.month.posted import Posted
from timus_autotask.watch.overview import Survey, survey
from timus_autotask.watch.status import Status
from timus_autotask.web.kept import Kept, Start, in_background
from timus_autotask.web.proposals import Cases

YOUNG = timedelta(seconds=60)
"""What is younger is not read again by a click, and what Autotask said counts for so long."""
PATIENCE = 2.0
"""Seconds for which a click waits for what is being read."""
JUST_DECIDED = timedelta(seconds=3)
"""The same for a minute after a decision: a worker takes some seconds."""
HISTORY = timedelta(days=92)
"""So far back the journal is kept here; older entries are read when somebody asks for them."""


@dataclass(frozen=True, slots=True)
class Everything:
    """One look at the table, and what follows from it."""

    survey: Survey
    groups: Sequence[Group]
    """By customer, those that need a person first."""
    history: History
    adjustments: tuple[ListedAdjustment, ...]
    """What waits, and what was made in the last months."""
    lacking: tuple[Exception, ...] = ()
    """What could not be read beside the table."""

    @property
    def status(self) -> Status:
        """Where every line stands."""
        return self.survey.overview.status


@dataclass(frozen=True, slots=True)
class Suggested:
    """What everything that is not mapped may be, and the catalogue in which that was looked up."""

    found: Suggestions
    catalogue: Catalogue


@dataclass
class Desk:
    """A deployment, and what was read of it."""

    deployment: Deployment
    by: str = ""
    """Who decides here."""
    start: Start = in_background
    everything: Kept[Everything] = field(init=False)
    checks: Kept[tuple[CheckResult, ...]] = field(init=False)
    """What ``doctor`` says. It asks AWS and Autotask, so it is read only when somebody asks."""
    suggested: Kept[Suggested] = field(init=False)
    """Autotask is asked for it, so it is read when somebody comes to map."""
    links: Kept[str] = field(init=False)
    """Where links into Autotask begin."""
    cases: Cases = field(init=False)
    """What somebody has asked for here."""

    def __post_init__(self) -> None:
        clock = self.deployment.clock
        self.everything = Kept(self._read, clock, self.start)
        self.checks = Kept(lambda _: tuple(look_at_everything(self.deployment)), clock, self.start)
        self.suggested = Kept(lambda _: self._suggest(), clock, self.start)
        self.links = Kept(lambda _: self.deployment.autotask_pages(), clock, self.start)
        self._months: dict[date, Kept[Looked]] = {}
        self._posted: dict[date, Kept[Posted]] = {}
        self._ledgers: dict[date, Kept[Ledger]] = {}
        self.cases = Cases(self.start)
        self._decided: datetime | None = None
        self._anew: datetime | None = None

    def month(self, month: date) -> Kept[Looked]:
        """Whether a month may be posted. Autotask is asked, so it is read only when somebody asks."""
        first = month.replace(day=1)
        if first not in self._months:
            self._months[first] = Kept(
                lambda _: look_at_month(self.deployment, first), self.deployment.clock, self.start
            )
        return self._months[first]

    def posted(self, month: date) -> Kept[Posted]:
        """What was posted in a month. Autotask is asked, so it is read only when somebody asks."""
        first = month.replace(day=1)
        if first not in self._posted:
            self._posted[first] = Kept(
                lambda _: what_was_posted(self.deployment, first), self.deployment.clock, self.start
            )
        return self._posted[first]

    def begin(self) -> None:
        """Have read what the first page shows, before somebody looks at it: also what the running month comes to in money."""
        self.everything.soon()
        self.links.soon()
        self.month(self.deployment.today).soon()

    def keep_young(self) -> None:
        """Have everything read beside this click if it is old.

        Shortly after something was decided this click waits for it: whoever goes back sees what became of it, and nothing to decide again.
        """
        seen = self.everything.seen
        lately = self._decided is not None and self.now - self._decided < YOUNG
        if lately and seen.at is not None and seen.failed is None and self.now - seen.at >= JUST_DECIDED:
            self.everything.fresh()
        else:
            self.everything.soon(YOUNG)

    def decided(self) -> None:
        """Something was decided: what is shown is read anew, and again until the workers are done with it."""
        self._decided = self.now
        self.anew()

    def anew(self) -> None:
        """Have everything read again; a moment is waited for it, and where that is not enough, the page says that it is being read."""
        self._anew = self.now
        self.everything.soon()
        self.everything.wait(PATIENCE)

    def current(self, kept: Kept[Any]) -> bool:
        """Whether what Autotask said still counts: a minute long, unless something was decided since, or all was to be read again.

        Beyond that nothing good is said of it: what Timus has reported meanwhile is not in it.
        """
        at, anew = kept.seen.at, self._anew
        return (
            at is not None
            and kept.seen.failed is None
            and self.now - at < YOUNG
            and (anew is None or at >= anew)
        )

    def have_current(self, kept: Kept[Any]) -> None:
        """Have it read beside this click, unless it is current."""
        if not self.current(kept):
            kept.soon()

    def ledger(self, since: date) -> Kept[Ledger]:
        """Seats used against seats billed from a month on. Autotask is asked, so it is read only when somebody asks."""
        first = since.replace(day=1)
        if first not in self._ledgers:
            self._ledgers[first] = Kept(
                lambda _: ledger_since(self.deployment, first), self.deployment.clock, self.start
            )
        return self._ledgers[first]

    @property
    def now(self) -> datetime:
        """The time."""
        return self.deployment.clock.now()

    def _suggest(self) -> Suggested:
        catalogue = Catalogue(self.deployment)
        return Suggested(suggest(self.deployment, catalogue), catalogue)

    def _read(self, before: Everything | None) -> Everything:
        lacking: list[Exception] = []

        def number(read: Callable[[], int]) -> int:
            try:
                return read()
            except QueueUnavailable as error:
                lacking.append(error)
                return 0

        deployment = self.deployment
        queued = number(lambda: sum(deployment.queue.depth()))
        dead = number(lambda: deployment.dead_letters.depth().visible)
        found = survey(deployment.store, queued, dead, self.now, deployment.zone)
        known = before.history if before else History((), ())
        history = later(known, deployment.store, self.now - HISTORY, found.overview.status.names)
        listed = tuple(adjustments(found.records, history.changes))
        return Everything(found, grouped(found.overview.status.lines), history, listed, tuple(lacking))
