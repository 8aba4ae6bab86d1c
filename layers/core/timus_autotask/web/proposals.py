"""What somebody asks for in the console, from the first preview until it is done: each has an address of its own.

A proposal is bound to what its page shows. If that has changed by the time it is agreed to, nothing is written: a new one takes its place
and shows what would be done now. It is done at most once, however often its form is sent.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from timus_autotask.operate.proposal import Progress, Proposal
from timus_autotask.operate.refusal import NotDone
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.kept import Start

MOST = 100
"""So many are kept, the newest."""
PATIENCE = 2.0
"""Seconds for which a click waits for a preview before it shows how far that is."""


@dataclass(frozen=True, slots=True)
class ToDo:
    """What somebody asks for."""

    title: str
    """In a few words, as a heading: "Approve 2 changes"."""
    propose: Callable[[Progress], Proposal[Any]]
    """Raises what use cases raise."""
    back: str
    """The address of the page from which it was asked."""
    verb: str = "Do it"
    """What the button says."""
    sentences: Callable[[Any], Sequence[str]] = lambda _result: ()
    """What it would do, and has done, in sentences, beside what would be adjusted."""
    otherwise: ToDo | None = None
    """What can be asked for instead, where this is refused."""


@dataclass
class Case:
    """One such thing, and how far it is."""

    id: str
    asked: ToDo
    proposal: Proposal[Any] | None = None
    """None: it is still being found out, or it was refused."""
    failure: Failure | None = None
    """Why it cannot be proposed, or was not done."""
    moved: bool = False
    """It takes the place of one that had changed since it was shown."""
    result: Any = None
    done: bool = False
    queued: bool = True
    """False: the queue was out of reach, and the sweep takes it up."""
    next: str = ""
    """The id of the one that has taken its place."""
    read: tuple[int, int] | None = None
    """So many contracts of so many are read for the preview."""
    ready: Event = field(default_factory=Event)
    turn: Lock = field(default_factory=Lock)

    @property
    def sentences(self) -> Sequence[str]:
        """What it would do, or has done."""
        result = self.result if self.done else self.proposal.result if self.proposal else None
        return self.asked.sentences(result) if result is not None else ()


class Cases:
    """All of them, by id."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._lock = Lock()

    def find(self, id_: str) -> Case | None:
        """None: there is none, or it is long ago."""
        return self._cases.get(id_)

    def ask(self, asked: ToDo, *, moved: bool = False) -> Case:
        """Have it proposed, beside everything else; returns when that is done, or after a while."""
        case = Case(secrets.token_urlsafe(12), asked, moved=moved)
        with self._lock:
            self._cases[case.id] = case
            while len(self._cases) > MOST:
                self._cases.popitem(last=False)
        self._start(lambda: _propose(case))
        case.ready.wait(PATIENCE)
        return case

    def commit(self, case: Case) -> Case:
        """Do what was shown; returns the case to show next: itself, or the one that has taken its place."""
        with case.turn:
            if case.next:
                return self._cases.get(case.next, case)
            if case.done or case.proposal is None:
                return case
            try:
                done = case.proposal.commit(thought_over=True)
            except NotDone as why:
                fresh = self.ask(case.asked, moved=True)
                fresh.ready.wait()
                if fresh.proposal is None:
                    fresh.failure = fresh.failure or failure_of(why)
                case.next = fresh.id
                return fresh
            except Exception as error:  # noqa: BLE001 - whoever has asked is told, whatever it is
                case.failure = failure_of(error)
                case.proposal = None  # nobody knows how much of it was written: it is looked at anew
                return case
            case.result, case.queued, case.done = done.result, done.queued, True
            return case


def _propose(case: Case) -> None:
    def progress(done: int, of: int) -> None:
        case.read = done, of

    try:
        case.proposal = case.asked.propose(progress)
    except Exception as error:  # noqa: BLE001 - the page says why
        case.failure = failure_of(error)
    finally:
        case.ready.set()
