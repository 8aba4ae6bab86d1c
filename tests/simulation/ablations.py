"""``python -m tests.simulation.ablations [--seeds 2000] [--jobs J] [--write]``: the protocol with one rule taken out.

Each ablation swaps a function of the product for one without the rule, from outside and only while it is tried. A promise must then be
broken within so many seeds, of the profile ``stress`` or of another one that it names; a seed counts only where the whole product keeps every promise. Exit status 1 when one is not
caught. Some rules stand behind another one: taken out alone they harm nothing. They are tried too, and told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from inspect import Parameter, signature
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from tests.pages import write_part
from tests.simulation import world
from tests.simulation.crew import spread
from tests.simulation.rates import PROFILES
from tests.simulation.world import Result, simulate
from timus_autotask.autotask import client
from timus_autotask.autotask.answers import FailedRequest, Subject, understood
from timus_autotask.autotask.client import Autotask
from timus_autotask.autotask.query import parts
from timus_autotask.bootstrap import Handler, apply_handler
from timus_autotask.domain.adjustments import Adjustments, adjustments_for
from timus_autotask.domain.converge import draft, gaps, settling
from timus_autotask.domain.converge import next_step as deciding
from timus_autotask.domain.converge import rounds as judging
from timus_autotask.domain.converge import undo as undoing
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.history import Merged, Subscription
from timus_autotask.domain.history import merge as merge_snapshot
from timus_autotask.domain.line import Answer, Intent, Line, Undone, Verdict
from timus_autotask.domain.line import settle as as_it_is
from timus_autotask.domain.policy import SameDay
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.domain.timeline import Timeline
from timus_autotask.domain.undone import without_undone
from timus_autotask.operate import parked_events
from timus_autotask.ports.errors import Conflict, OutcomeUnknown, RetryLater, TableUnavailable
from timus_autotask.ports.table import Check, Delete, Document, Put, Write
from timus_autotask.store.inbox import delivery_in
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.reading import Stored
from timus_autotask.store.records import Store
from timus_autotask.sync import merge, receive
from timus_autotask.sync import worker as converge
from timus_autotask.sync.gather import Gathered
from timus_autotask.sync.lease import Leased
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import _Sweep
from timus_autotask.watch.rehearsal import Rehearsal

Swap = Callable[[object, str, Any], None]
"""Puts something in the place of an attribute of a module or class until the ablation ends."""

AFTERWARDS = 50
"""Seeds that are run on after the first that was caught, to see by which promises."""

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

_Session = converge._ContractSession


@dataclass(frozen=True)
class Ablation:
    """One rule taken out. ``seeds``: some that showed it; ``behind``: what stands behind the rule if nothing is to be seen."""

    name: str
    take_out: Callable[[Swap], None]
    seeds: tuple[int, ...] = ()
    behind: str = ""
    profile: str = "stress"
    """The schedules in which it matters."""

    @property
    def words(self) -> str:
        """What is done instead, and what one expects of it."""
        return " ".join((self.take_out.__doc__ or "").split())

    @contextmanager
    def out(self) -> Iterator[None]:
        """While the rule is taken out, of everything that runs in this process."""
        with ExitStack() as undo:
            self.take_out(lambda owner, name, new: undo.enter_context(patch.object(owner, name, new)))
            yield

    def run(self, seed: int) -> Result:
        """The seed's schedule without the rule."""
        with self.out():
            return self.whole(seed)

    def whole(self, seed: int) -> Result:
        """The same with every rule."""
        return simulate(seed, PROFILES[self.profile])

    def fits(self) -> None:
        """Raises where the product has no such function any more, or calls it with other arguments."""

        def compared(owner: object, name: str, new: Any) -> None:
            old = getattr(owner, name)
            if callable(old) and callable(new):
                takes = signature(old).parameters.values()
                named = {one.name: None for one in takes if one.kind is one.KEYWORD_ONLY}
                signature(new).bind(*(None for one in takes if one.kind in POSITIONAL), **named)

        self.take_out(compared)


ABLATIONS: dict[str, Ablation] = {}


def _ablation(
    name: str, *seeds: int, behind: str = "", profile: str = "stress"
) -> Callable[[Callable[[Swap], None]], Callable[[Swap], None]]:
    def kept(take_out: Callable[[Swap], None]) -> Callable[[Swap], None]:
        ABLATIONS[name] = Ablation(name, take_out, seeds, behind, profile)
        return take_out

    return kept


# -- Intent, settling, reading back


@_ablation("no settling time", 8)
def _no_settling_time(swap: Swap) -> None:
    """An unknown outcome is decided by the first read. An adjustment that lands late is made twice."""

    def settle(intent: Intent, held: Timeline, first: date, last: date, now: datetime) -> Verdict:
        return as_it_is(intent, held, first, last, max(now, intent.settles_at))

    swap(settling, "settle", settle)


@_ablation("settling without the sender's death", 19)
def _sender_alive(swap: Swap) -> None:
    """The settling time counts from the intent, not from when the sender is surely dead. A frozen sender sends during it."""
    view = _Session._view

    def from_now(self: _Session, gathered: Gathered, looks: int) -> View:
        seen = view(self, gathered, looks)
        return replace(seen, alive_until=seen.now)

    swap(_Session, "_view", from_now)


@_ablation("no intent", 0, 1, 2)
def _no_intent(swap: Swap) -> None:
    """Nothing is written before an adjustment is sent. After a crash nobody knows of it."""

    def in_memory(self: _Session, gathered: Gathered, _step: Step, line: Line) -> Gathered:
        assert line.intent is not None
        sent = replace(line, intent=replace(line.intent, id=self._ports.new_id()))
        lines = dict(gathered.contract.lines)
        known = lines.get(line.service_id)
        lines[line.service_id] = Stored(sent, known.rev if known else 0)
        return replace(gathered, contract=replace(gathered.contract, lines=lines))

    swap(_Session, "_open", in_memory)


@_ablation("no mutual exclusion", 115)
def _no_mutual_exclusion(swap: Swap) -> None:
    """No lease, no check of the contract, and an intent may replace another one. Two workers adjust one line at once."""
    _no_lease(swap)
    _no_generation(swap)
    commit = Store.commit

    def over(self: Store, *changes: Write) -> None:
        commit(self, *(_whatever_stands_there(self, change) for change in changes))

    swap(Store, "commit", over)


def _whatever_stands_there(store: Store, change: Write) -> Write:
    if not isinstance(change, Put) or not change.key.sk.startswith("LINE#"):
        return change
    inner: Any = store.table
    there = getattr(inner, "inner", inner).get(change.key)
    return replace(change, expected=there.rev if there else 0)


@_ablation(
    "no lease",
    behind="an intent is written only if its contract and its line are as they were read, and holds the line until it is settled",
)
def _no_lease(swap: Swap) -> None:
    """Every worker that finds a contract due works on it. Two workers decide at once."""

    def take(contract_id: int, ports: Ports, _deadline: datetime) -> Leased | None:
        contract = ports.store.contract(contract_id)
        return Leased(contract, ports.store.partner()) if contract.state.due(ports.clock.now()) else None

    swap(converge, "take_lease", take)
    swap(merge, "lease_at_once", lambda *_: None)


@_ablation(
    "generation not checked when an intent opens",
    behind="the lease keeps others away, and the condition on the floor sees a newer version of the subscription",
)
def _no_generation(swap: Swap) -> None:
    """An intent is written although its contract has changed since it was read. The decision may be stale."""
    commit = Store.commit

    def unchecked(self: Store, *changes: Write) -> None:
        commit(self, *(c for c in changes if not (isinstance(c, Check) and c.key.sk == "CONTRACT")))

    swap(Store, "commit", unchecked)


@_ablation("unknown outcome sent again at once", 0)
def _retried(swap: Swap) -> None:
    """An adjustment without an answer is sent again, at most twice. One that landed lands again."""
    adjust = Autotask.adjust

    def again(self: Autotask, *args: Any, **named: Any) -> None:
        for _ in range(2):
            try:
                return adjust(self, *args, **named)
            except OutcomeUnknown:
                continue
        return adjust(self, *args, **named)

    swap(Autotask, "adjust", again)


@_ablation("not read back", 131)
def _not_read_back(swap: Swap) -> None:
    """An accepted adjustment is settled whatever the read shows. A stale read becomes the baseline."""

    def settle(intent: Intent, held: Timeline, first: date, last: date, now: datetime) -> Verdict:
        believed = intent.answer is Answer.ACCEPTED
        return Verdict.LANDED if believed else as_it_is(intent, held, first, last, now)

    swap(settling, "settle", settle)


@_ablation("accepted and not to be seen: taken for lost", 77)
def _unseen_is_lost(swap: Swap) -> None:
    """An accepted adjustment that the first read does not show is sent again. After a stale read it lands twice."""

    def settle(intent: Intent, held: Timeline, first: date, last: date, now: datetime) -> Verdict:
        unseen = intent.answer is Answer.ACCEPTED and held.same(intent.before, first, last)
        return Verdict.NOT_LANDED if unseen else as_it_is(intent, held, first, last, now)

    swap(settling, "settle", settle)


@_ablation("neither before nor after: taken for not landed", 50)
def _neither_is_lost(swap: Swap) -> None:
    """A read that shows neither the units before nor those after is no reason to park. The journal misses an adjustment."""

    def settle(intent: Intent, held: Timeline, first: date, last: date, now: datetime) -> Verdict:
        verdict = as_it_is(intent, held, first, last, now)
        return Verdict.NOT_LANDED if verdict is Verdict.UNCLEAR else verdict

    swap(settling, "settle", settle)


@_ablation("no drift check", 16, 49, 52)
def _no_drift_check(swap: Swap) -> None:
    """Units that somebody else changed count as known. People's edits are undone."""
    swap(settling, "_edited", lambda *_: False)


# -- News


@_ablation("no order of versions", 4, 5, 9)
def _last_arrival_wins(swap: Swap) -> None:
    """The version that arrives last counts as the newest. A late one reverses what was adjusted."""
    original = merge_snapshot

    def last(
        known: Subscription | None, snapshot: Snapshot, day: date, received_at: datetime | None
    ) -> Merged:
        number = known.newest.number + 1 if known else snapshot.version
        return original(known, replace(snapshot, version=number), day, received_at)

    swap(merge, "merge", last)


@_ablation("a counter that begins again", 19, 33)
def _counter_that_begins_again(swap: Swap) -> None:
    """The number alone says which version is newer. After a restart of Timus's counter everything new is superseded."""
    swap(Subscription, "contradicted_by", lambda _subscription, _version: None)


@_ablation("what follows an accepted event", 19, 74)
def _what_follows_an_accepted_event(swap: Swap) -> None:
    """Only the event that a person accepts is merged again. Later ones of the new count stay parked or superseded."""
    swap(parked_events, "_following", lambda _store, _event, _news: ([], []))


@_ablation("what a preview shows", 307)
def _what_a_preview_shows(swap: Swap) -> None:
    """A preview leaves out what is made at once. People agree to what they have not seen."""
    swap(Rehearsal, "made", lambda _rehearsal: [])


@_ablation(
    "an older version replayed after a newer one was applied",
    behind="a day that carries an adjustment takes no other one, so a late version changes only days before it",
)
def _no_floor(swap: Swap) -> None:
    """A late version is followed for its own days although a newer one was billed. Past days are billed again."""
    swap(Subscription, "raise_floor", lambda self, _today: self)


@_ablation("effective day from the clock", 12, 13, 14)
def _day_from_the_clock(swap: Swap) -> None:
    """The effective day is the day of the merge, not the event's own. Seats are billed from a wrong day."""
    original = merge._merge_event

    def now_counts(
        document: Document, customer: str, known: Any, changes: Any, now: datetime, ports: Ports
    ) -> EventRecord:
        event = json.loads(delivery_in(document).raw)
        event["data"]["effective_at"] = now.isoformat()
        data = {**document.data, "body": json.dumps(event), "encoding": "utf-8"}
        return original(replace(document, data=data), customer, known, changes, now, ports)

    swap(merge, "_merge_event", now_counts)


@_ablation("no signature", 3, 14)
def _no_signature(swap: Swap) -> None:
    """Every delivery is believed. Forged seats are billed."""
    swap(receive, "_verify", lambda *_: None)


@_ablation("acknowledged before it is durable", 28)
def _acknowledged_unwritten(swap: Swap) -> None:
    """A delivery is answered 202 and the worker woken although the event could not be written. The event is lost."""
    take_in = receive._take_in

    class Careless:
        def __init__(self, table: Any) -> None:
            self._table = table

        def write(self, changes: Sequence[Write]) -> None:
            try:
                self._table.write(changes)
            except TableUnavailable:
                return

    swap(
        receive,
        "_take_in",
        lambda request, ports, now: take_in(request, replace(ports, table=Careless(ports.table)), now),
    )


@_ablation("taken out of the inbox before it is merged", 0, 1, 2)
def _emptied_first(swap: Swap) -> None:
    """The inbox item is deleted in one write, the history is stored in the next. A crash between them loses the event."""
    commit = Store.commit

    def in_two(self: Store, *changes: Write) -> None:
        gone = [change for change in changes if isinstance(change, Delete)]
        rest = [change for change in changes if not isinstance(change, Delete)]
        for part in (gone, rest):
            if part:
                commit(self, *part)

    swap(Store, "commit", in_two)


@_ablation("merged in one write, made due in the next", 43)
def _due_in_a_second_write(swap: Swap) -> None:
    """The contract is made due only after the merge is durable. A crash between them forgets it."""
    commit = Store.commit

    def in_two(self: Store, *changes: Write) -> None:
        merges = any(isinstance(change, Delete) for change in changes)
        due = [c for c in changes if merges and isinstance(c, Put) and c.key.sk == "CONTRACT"]
        commit(self, *(change for change in changes if change not in due))
        if due:
            commit(self, *due)

    swap(Store, "commit", in_two)


@_ablation("message deleted although the merge failed", behind="the inbox item is due: the sweep merges it")
def _deleted_anyway(swap: Swap) -> None:
    """A wake-up is deleted whatever happened. An event may stay in the inbox."""
    original = apply_handler

    def handler(ports: Ports) -> Handler:
        inner = original(ports)

        def handle(event: Any, context: Any) -> Any:
            inner(event, context)
            return {"batchItemFailures": []}

        return handle

    swap(world, "apply_handler", handler)


@_ablation("no sweep", 0, 3)
def _no_sweep(swap: Swap) -> None:
    """Only wake-ups start work. What is scheduled or settling never ends."""
    swap(_Sweep, "_take", lambda *_: None)


@_ablation(
    "one failing piece of work ends the sweep",
    behind="wake-ups are handled customer by customer, and the sweep runs again a minute later",
)
def _sweep_stops(swap: Swap) -> None:
    """What is due after something that fails has to wait. One customer holds up another."""

    def stopping(_self: Any, _key: Any, work: Callable[[], None], _due: Any = ()) -> bool:
        work()
        return True

    swap(_Sweep, "_attempt", stopping)


@_ablation(
    "lease released although an event has come",
    behind="a customer's wake-ups come one after the other, so an event rarely meets a worker, and the next event makes the contract due",
)
def _rest_at_any_price(swap: Swap) -> None:
    """Releasing the lease overwrites what made the contract due meanwhile. The change waits for the next event."""
    release = _Session._release

    def overruling(self: _Session, gathered: Gathered, step: Step, **named: Any) -> None:
        for _ in range(20):
            try:
                return release(self, gathered, step, **named)
            except Conflict:
                fresh = self._ports.store.contract(self._id)
                gathered = replace(gathered, contract=replace(gathered.contract, state=fresh.state))
        return release(self, gathered, step, **named)

    swap(_Session, "_release", overruling)


# -- What is posted, where, and when


@_ablation("increase first in a plan change", 18)
def _increase_first(swap: Swap) -> None:
    """The new plan goes up on its own day, before the old one comes down. Both are billed."""
    original = adjustments_for

    def increases_first(gaps: Sequence[Gap], *_others: Any) -> Adjustments:
        found = original(gaps).in_order
        return Adjustments(tuple(sorted(found, key=lambda a: (a.day, a.delta < 0, a.line))))

    swap(gaps, "adjustments_for", increases_first)
    _no_wait_for_decrease(swap)


@_ablation("increase although the decrease did not land", 82, 123, profile="policies")
def _no_wait_for_decrease(swap: Swap) -> None:
    """In a plan change decreases are made first, and nobody checks that they landed. Both plans are billed where a decrease was refused."""
    swap(deciding, "falls_first", lambda *_: set())


@_ablation("a line waits as a whole for a decrease", 259, profile="seats")
def _whole_lines_wait(swap: Swap) -> None:
    """While one seat waits for a held decrease, all later changes of its line wait. Seats of others are not billed."""
    original = adjustments_for

    def waiting(*given: Any) -> Adjustments:
        found = original(*given)
        since = {line: one.day for line, one in found.blocked.items()}
        goes = (one for one in found.in_order if one.day < since.get(one.line, date.max))
        return replace(found, in_order=tuple(goes))

    swap(gaps, "adjustments_for", waiting)


@_ablation("decrease before the increase that makes room for it", 2, 62, 109, profile="policies")
def _no_room(swap: Swap) -> None:
    """A line's adjustments are made by day alone. Autotask refuses a decrease that leaves fewer than 0 units in the empty periods of a new term."""
    swap(LineDraft, "in_turn", property(lambda draft: draft.adjustments))


@_ablation("company not checked", 32, 36, 43)
def _no_company_check(swap: Swap) -> None:
    """Nobody checks that a contract belongs to the mapped company. Another client is billed."""
    swap(deciding, "wrong_contract", lambda *_: None)
    swap(deciding, "of_another_company", lambda draft, _: draft)


@_ablation("made ahead of the day", 1, 3, 5)
def _ahead_of_the_day(swap: Swap) -> None:
    """A change of the next two days is made today. Whatever changes until then cannot be undone."""
    original = deciding.next_step
    swap(converge, "next_step", lambda view: original(replace(view, today=view.today + timedelta(days=2))))


@_ablation("second adjustment of a day not moved", 5, 8)
def _same_day(swap: Swap) -> None:
    """A line is adjusted a second time on one day. Autotask may refuse it, or replace the first one."""
    gap = gaps._gap

    def attempting(draft: LineDraft, *rest: Any) -> Gap:
        policy = replace(draft.policy, same_day=SameDay.ATTEMPT)
        return gap(replace(draft, policy=policy), *rest)

    swap(gaps, "_gap", attempting)


# -- Answers of Autotask


def _believed(swap: Swap, when: Callable[[Any, FailedRequest], bool]) -> None:
    def gullible(response: Any, expected: Any, *, essential: bool) -> Any:
        found = understood(response, expected, essential=essential)
        write = expected == ("itemId",)
        return (
            {"itemId": None}
            if isinstance(found, FailedRequest) and write and when(response, found)
            else found
        )

    swap(client, "understood", gullible)


@_ablation("HTTP 500 and HTML taken for success", 3)
def _failure_is_success(swap: Swap) -> None:
    """An adjustment that is answered 5xx counts as accepted. A refused one is waited for in vain."""
    _believed(swap, lambda response, _failure: response.status >= 500)


@_ablation("throttled taken for applied", 29)
def _throttled_is_success(swap: Swap) -> None:
    """An adjustment that was throttled counts as accepted. It is waited for in vain."""
    _believed(swap, lambda _response, failure: failure.subject is Subject.SERVICE and failure.certain)


@_ablation("some pages taken for the whole read", 18)
def _pages_that_came(swap: Swap) -> None:
    """If a page of a read fails, the pages before it count as everything. Units are missed, and added again."""

    def what_came(self: Autotask, entity: Any, *conditions: Any) -> list[Any]:
        rows: list[Any] = []
        try:
            for part in parts(conditions):
                for row in self._pages(entity, part):
                    rows.append(row)  # noqa: PERF402 - what came before the failure stays
        except RetryLater:
            if not rows:
                raise
        return rows

    swap(client, "PAGE_SIZE", 4)
    swap(Autotask, "query", what_came)


@_ablation("a failed read taken for an empty one", 22)
def _failed_is_empty(swap: Swap) -> None:
    """A read that fails counts as an empty one. All units are added again."""
    query = Autotask.query

    def nothing(self: Autotask, *args: Any) -> list[Any]:
        try:
            return query(self, *args)
        except RetryLater:
            return []

    swap(Autotask, "query", nothing)


@_ablation("past days are not told", 5, 7)
def _no_past_days(swap: Swap) -> None:
    """The days that stay billed otherwise are not reported: a second change of a day leaves that day wrong, and the line is applied."""
    swap(judging, "with_past_days", lambda draft, _contract, _view: draft)


# -- Undo


@_ablation("an undo is not kept", 24, 29)
def _undo_not_kept(swap: Swap) -> None:
    """What a person undid counts only until its opposite is made. The next look at the contract makes the change again."""

    def until_made(demand: Demand | None, undone: Sequence[Undone]) -> Timeline:
        return without_undone(demand, [one for one in undone if not one.opposite])

    swap(draft, "without_undone", until_made)


@_ablation(
    "one side of a plan change undone",
    behind="an undo that brings an old plan back ends from the day on which the other plan is wanted, so that it is not shown, and not done",
)
def _one_side_undone(swap: Swap) -> None:
    """A plan change is undone on the line that was named, and nobody looks at the other one. Both plans would be billed."""
    swap(undoing, "_whole", lambda entry, _journals, _view: [entry])
    swap(undoing, "_others_allow_it", lambda _sides, _day, _view: None)


# -- Trying them


@dataclass
class Found:
    """The result of trying an ablation."""

    name: str
    tried: int = 0
    caught: list[int] = field(default_factory=list)
    promises: Counter[str] = field(default_factory=Counter)
    """By promise: in how many seeds it was the first that was broken."""
    words: str = ""
    """Of the first seed that was caught."""


def is_caught(result: Result) -> bool:
    """Whether a promise is broken without a rule. Code that fails is no promise: then the ablation does not fit the product any more."""
    return result.promise not in ("", "bug")


def hunt(name: str, seeds: int, afterwards: int = AFTERWARDS) -> Found:
    """Try an ablation on the seeds from 0 on: until it is caught, and some more."""
    ablation, found = ABLATIONS[name], Found(name)
    for seed in range(seeds):
        if found.caught and seed > found.caught[0] + afterwards:
            break
        found.tried += 1
        result = ablation.run(seed)
        if not is_caught(result) or ablation.whole(seed).violations:
            continue
        found.words = found.words or str(result.violations[0])
        found.caught.append(seed)
        found.promises[result.promise] += 1
    return found


def page(found: Sequence[Found], seeds: int) -> str:
    """The tables, for the docs."""
    needed = [one for one in found if not ABLATIONS[one.name].behind]
    behind = [one for one in found if ABLATIONS[one.name].behind]
    lines = [
        (
            "One rule at a time is taken out from outside. The stress schedules, or those of the profile that is named, then run from "
            "seed 0 until a promise is broken, and some more after that. A seed counts only if the whole product keeps every promise on it. "
            "`drift` stands for: an edit that a person made in Autotask is never undone without a decision. "
            f"{sum(bool(one.caught) for one in needed)} of {len(needed)} are caught within {seeds:,} seeds."
        ),
        "",
        "| without | what is done instead, and what follows | first caught at seed | by promise (seeds that it broke in first) |",
        "|---|---|---:|---|",
        *(
            f"| {one.name} | {ABLATIONS[one.name].words} | {_first(one)} | {_promises(one)} |"
            for one in needed
        ),
    ]
    if behind:
        lines += [
            "",
            "Behind each of these stands another rule, which is named. The last column says whether taking out this one alone does harm.",
            "",
            "| without | what is done instead, and what follows | what stands behind it | seeds tried | caught |",
            "|---|---|---|---:|---|",
            *(
                f"| {one.name} | {ABLATIONS[one.name].words} | {ABLATIONS[one.name].behind} | {one.tried:,} "
                f"| {f'seed {one.caught[0]}, {_promises(one)}' if one.caught else 'no'} |"
                for one in behind
            ),
        ]
    return "\n".join(lines)


def _first(found: Found) -> str:
    profile = ABLATIONS[found.name].profile
    of = "" if profile == "stress" else f" of `{profile}`"
    return f"{found.caught[0]}{of}" if found.caught else "not caught"


def _promises(found: Found) -> str:
    return ", ".join(
        f"{promise} ({times} of {found.tried})" for promise, times in found.promises.most_common()
    )


def main(arguments: list[str] | None = None) -> int:
    """Try all, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.ablations", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="at most so many (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument("--only", nargs="+", choices=list(ABLATIONS), help="only these")
    parser.add_argument("--write", action="store_true", help="put the table into docs/exactness.md")
    chosen = parser.parse_args(arguments)
    names = chosen.only or list(ABLATIONS)
    table = Table("without", "caught at", "by promise", "seeds", "in words")
    found: list[Found] = []
    for one in spread(partial(hunt, seeds=chosen.seeds), names, chosen.jobs, "ablations"):
        found.append(one)
        seeds = ", ".join(map(str, one.caught[:3])) or ABLATIONS[one.name].behind or "[red]not caught[/]"
        table.add_row(one.name, seeds, _promises(one), str(one.tried), one.words)
    Console(width=200).print(table)
    if chosen.write:
        write_part("exactness.md", "ablations", "make ablations", page(found, chosen.seeds))
    return 0 if all(one.caught or ABLATIONS[one.name].behind for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
