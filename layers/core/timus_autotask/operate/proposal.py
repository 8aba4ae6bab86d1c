"""What somebody asks for, in two steps: a proposal that shows every adjustment that would follow, and its commit.

A use case prepares: it finds out what is asked for, and says in one function, given the worker's ports, how it is written and who is
woken. That function is rehearsed first, on ports that reach nobody (see ``watch.preview``), and done only then. So nothing is adjusted
that was not shown; what could not be shown is not done. Where a person has thought about it in between, it is rehearsed once more right
before it is done, and is done only if the same follows: terms, events, edits in Autotask and posted periods may be others by now.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from timus_autotask.operate.deployment import Deployment, Queue
from timus_autotask.operate.mapping.amiss import billed_amiss
from timus_autotask.operate.refusal import Doubt, NotDone, Note, Way, not_asked
from timus_autotask.ports.errors import Conflict, InfrastructureError, QueueUnavailable
from timus_autotask.store.partner import Looks
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import contract_is_live, stage_of
from timus_autotask.watch.forms import in_observation_form, preview_form, totals_form, unhandled_form
from timus_autotask.watch.names import NamesRead, learn_names
from timus_autotask.watch.preview import Preview, Previewed, preview
from timus_autotask.watch.rehearsal import NotAnswered, Rehearsal, Unsettled


class Result(Protocol):
    """What a use case returns."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        ...


R = TypeVar("R", bound=Result)
T = TypeVar("T")

LOOKS = 5
"""How often a worker that is just at it is waited for."""
BETWEEN = 2.0
"""Seconds between two looks: an adjustment takes about one."""

CHANGED = "What would be done has changed since it was shown. Nothing was written; look at it again."

Progress = Callable[[int, int], None]
"""Told how many contracts of how many are read."""


def quiet(_done: int, _of: int) -> None:
    """A progress that nobody is told of."""


@dataclass(frozen=True, slots=True)
class Prepared(Generic[R]):
    """What a use case has found out that is to be done."""

    act: Callable[[Ports], R]
    """Writes it and wakes whom it concerns; returns what was done. May be called more than once, with different ports."""
    notes: tuple[Note | str, ...] = ()
    """What whoever asks should know."""
    doubts: tuple[Doubt, ...] = ()
    """What may be a mistake: whoever asks has to say that it is meant."""
    unchecked: bool = False
    """Do it even if Autotask cannot be asked, so that it cannot be shown what would be adjusted."""
    finish: Callable[[bool], None] = lambda _queued: None
    """Done last, and once; it is given whether the queue was in reach."""
    money: bool = False
    """Prices are read too, for an estimate."""
    goes_live: bool = False
    """It is about what is adjusted from now on: prices are read too, for an estimate, and what stays in observation is set apart."""
    moves: bool = False
    """Units may go to another line by it: what both lines would bill for some days is a doubt."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """What was done."""

    result: R
    queued: bool
    """False: the queue was out of reach; the sweep does within a minute what a wake-up would do at once."""


@dataclass(frozen=True, slots=True)
class Proposal(Generic[R]):
    """What would be done, and every adjustment that would follow. Nothing of it is written yet."""

    result: R
    """As it would be."""
    preview: Preview
    notes: tuple[Note | str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    not_shown: str = ""
    """Why it cannot be shown what would be adjusted; only where this was asked for."""
    _deployment: Deployment | None = field(default=None, repr=False, compare=False)
    _prepare: Callable[[], Prepared[R]] | None = field(default=None, repr=False, compare=False)
    _prepared: Prepared[R] | None = field(default=None, repr=False, compare=False)
    _progress: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    _looks: Looks = field(default_factory=dict, repr=False, compare=False)
    _on_progress: Progress = field(default=quiet, repr=False, compare=False)

    def commit(self, *, thought_over: bool = False) -> Done[R]:
        """Do it.

        What has changed since may change what is adjusted, also if a worker has only made what was due, or a service is known by now or
        looked for again: then it is proposed anew, and done only if the new proposal is the same. Raises :class:`NotDone` when it is not.

        ``thought_over``: a person has taken time to agree. Then it is proposed anew in any case, with all that is read of Autotask: what
        people do there, and events and terms of customers who are on no contract yet, show in no contract's record.
        """
        if self._deployment is None or self._prepare is None or self._prepared is None:
            raise ValueError("a proposal that was not proposed")
        deployment, prepared = self._deployment, self._prepared
        if thought_over or self._overtaken(deployment):
            fresh = propose(deployment, self._prepare, self._on_progress)
            if fresh != self or fresh._prepared is None:  # noqa: SLF001 - its own kind
                raise NotDone(CHANGED)
            prepared = fresh._prepared  # noqa: SLF001
        wake_ups = _Tolerant(deployment.queue)
        try:
            result = prepared.act(replace(deployment.ports, wake_ups=wake_ups))
        except Conflict as conflict:
            raise NotDone(
                "Workers change the records all the time. Look at the status, and try again."
            ) from conflict
        prepared.finish(wake_ups.reached)
        named = self.preview.named.items()
        with suppress(InfrastructureError):  # it is done, and a name is read again the next time
            learn_names(deployment.ports, [NamesRead(id_, None, {}, of) for id_, of in named if id_ > 0])
        return Done(result, wake_ups.reached)

    def to_json(self, done: Done[R] | None, doubts: Sequence[str]) -> dict[str, Any]:
        """For programs: what was ``done``, or would be (None), with the whole preview; ``doubts`` in the words of whoever asks."""
        return {
            **(done.result if done else self.result).to_json(),
            "written": done is not None,
            "doubts": [*doubts],
            "not_shown": self.not_shown or None,
            "preview": preview_form(self.preview),
            "unhandled": unhandled_form(self.preview),
            "totals": totals_form(self.preview.totals),
            **self._in_observation(),
        }

    def _in_observation(self) -> dict[str, Any]:
        """What going live leaves out, set apart from what is adjusted."""
        goes_live = self._prepared is not None and self._prepared.goes_live
        return {"in_observation": in_observation_form(self.preview)} if goes_live else {}

    def _overtaken(self, deployment: Deployment) -> bool:
        if not self._progress:
            return False
        if deployment.store.readable_partner().looks(deployment.clock.now()) != self._looks:
            return True
        found = deployment.each(deployment.store.contract, self._progress)
        return any(
            records.progress != known for records, known in zip(found, self._progress.values(), strict=True)
        )


@dataclass(frozen=True, slots=True)
class Asked(Generic[R]):
    """A proposal that was shown, and what became of it."""

    proposal: Proposal[R]
    done: Done[R] | None
    """None: nothing was written."""
    doubts: tuple[str, ...] = ()
    """In the words of whoever asked."""

    def to_json(self) -> dict[str, Any]:
        """For programs: what was done, or would be, with the whole preview."""
        return self.proposal.to_json(self.done, self.doubts)


@dataclass(frozen=True, slots=True)
class Written(Generic[R]):
    """What was asked for where there is nothing to propose, and whether it was written."""

    result: R
    written: bool

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**self.result.to_json(), "written": self.written}


def propose(
    deployment: Deployment,
    prepare: Callable[[], Prepared[R]],
    on_progress: Progress = quiet,
) -> Proposal[R]:
    """Prepare something and rehearse it. ``prepare`` may be called more than once.

    Raises :class:`NotDone` when it cannot be shown what would be adjusted.
    """
    prepared = prepare()
    not_shown, money = "", prepared.money or prepared.goes_live
    try:
        if prepared.unchecked:
            shown = rehearse(deployment, prepared.act, on_progress, money=money)
        else:
            with or_not_done():
                shown = rehearse(deployment, prepared.act, on_progress, money=money)
    except NotAnswered as error:
        shown = Previewed(act_unseen(deployment, prepared.act, error), Preview())
        not_shown = f"Autotask cannot be asked: {error}"
    return Proposal(
        shown.result,
        shown.preview.set_apart() if prepared.goes_live else shown.preview,
        prepared.notes,
        (*prepared.doubts, *(billed_amiss(shown.preview, deployment.today) if prepared.moves else ())),
        not_shown,
        deployment,
        prepare,
        prepared,
        {**shown.progress},
        {**shown.looks},
        on_progress,
    )


def still_the_same(shown: Preview, look: Callable[[], Preview]) -> None:
    """Look once more at what would be adjusted, after a person has thought about it. Raises :class:`NotDone` when it is another.

    For what is done elsewhere and so is no proposal: an event that is sent, an API user that is stored.
    """
    if look() != shown:
        raise NotDone(CHANGED)


def act_unseen(deployment: Deployment, act: Callable[[Ports], T], error: NotAnswered, *ways: Way) -> T:
    """What would be done while Autotask cannot be asked. Raises :class:`NotDone` where any adjustment could follow.

    ``ways`` are what would help, where ``error`` itself does not say it.
    """
    rehearsal = Rehearsal(deployment.ports)
    result = act(rehearsal.ports)
    store = rehearsal.ports.store
    stage = stage_of(store.partner(), store)
    contracts = {records.state.value.contract_id for records in rehearsal.contracts()}
    woken = (store.customer(customer).mapping for customer in rehearsal.woken)
    contracts |= {id_ for mapping in woken if mapping for id_ in mapping.value.contract_ids}
    for contract_id in sorted(contracts):
        customers = [store.customer(one) for one in store.contract_state(contract_id).value.customers]
        reported = any(one.subscriptions or one.inbox for one in customers)
        if reported and contract_is_live(contract_id, customers, stage):
            of = f"It cannot be shown what would be done on contract {contract_id}, which is live: "
            refused = not_asked(error.error, of=of, more="Nothing was written.")
            raise NotDone(str(refused), *(ways or refused.ways)) from error
    return result


@contextmanager
def or_not_done() -> Iterator[None]:
    """Raises :class:`NotDone` where a rehearsal was not answered."""
    try:
        yield
    except NotAnswered as error:
        of = "It cannot be shown what would be done: "
        raise not_asked(error.error, of=of, more="Nothing was written.") from error


def rehearse(
    deployment: Deployment, act: Callable[[Ports], T], on_progress: Progress, *, money: bool = False
) -> Previewed[T]:
    """What would be adjusted if something were done; a worker that is just at it is waited for.

    Raises ``NotAnswered`` when Autotask cannot be asked, and :class:`NotDone` while it is not known yet what became of an adjustment.
    """
    for look in range(1, LOOKS + 1):
        try:
            return preview(act, deployment.ports, deployment.each, on_progress, money=money)
        except Unsettled as unsettled:
            state = deployment.store.contract(unsettled.contract_id).state.value
            if look == LOOKS or not state.leased(deployment.clock.now()):
                raise NotDone(
                    f"It cannot be shown yet what would be done: {unsettled}. Nothing was written; try again after "
                    f"{unsettled.until:%Y-%m-%d %H:%M} UTC, when it is known at the latest."
                ) from unsettled
            deployment.clock.sleep(BETWEEN)
    raise AssertionError("the last look returns or raises")


class _Tolerant:
    """The queue, without which it goes on: the sweep finds what is due."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.reached = True

    def send(self, customer_id: str, dedup_id: str) -> None:
        try:
            self._queue.send(customer_id, dedup_id)
        except QueueUnavailable:
            self.reached = False


def wake(customers: Iterable[str], ports: Ports) -> None:
    """Let workers come at once; without it the sweep finds within a minute what is due."""
    if ports.wake_ups is None:
        return
    for customer in sorted(set(customers)):
        ports.wake_ups.send(customer, f"decision-{random.token_hex(12)}")
