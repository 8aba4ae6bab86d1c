"""Use case: do what is due and what no message announces; called each minute, cheap when there is nothing.

Due are: events whose wake-up was lost, contracts whose scheduled day, settling time, retry or re-check has come, contracts that
are to be opened, and plans whose service was just chosen or is looked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, groupby
from operator import attrgetter

from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    NoCredentials,
    QueueUnavailable,
    TableUnavailable,
)
from timus_autotask.ports.table import Delete, Document, Due, Key, Put
from timus_autotask.store.keys import (
    CIRCUIT,
    CONTRACT,
    IN_HAND,
    LAST,
    NOTE,
    TROUBLE,
    contract_key,
    id_of,
    is_ours,
    is_whole,
    sku_of,
    subject_of,
    trouble_key,
)
from timus_autotask.store.partner import StoredPlan, Waking, is_missing, looked_for, put_plan
from timus_autotask.store.reading import RecordUnreadable, require_whole
from timus_autotask.store.troubles import Trouble, put_in_hand, put_trouble
from timus_autotask.store.update import update
from timus_autotask.sync.apply import merge_customer
from timus_autotask.sync.merge import wake_customer
from timus_autotask.sync.note import write_note
from timus_autotask.sync.open_contract import open_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.services import store_services
from timus_autotask.sync.stage import decide_stage
from timus_autotask.sync.worker import ADJUSTMENT_TAKES, converge, growing, note_failure

AT_ONCE = 100
"""Documents in one run; the rest is taken by the next."""
MOST_NOTES = 10
"""Notes on contracts that are written in one run, with two requests each: at most an eighth of Autotask's hourly allowance."""
ROOM = timedelta(seconds=35)
"""Nothing is begun with less time than this before the deadline."""
LAST_ROOM = timedelta(seconds=10)
"""Nothing is handed over with less time than this before the deadline: the gauges come after it."""
WAKING_TAKES = timedelta(seconds=15)
"""How long customers are woken for SKUs in one run: it leaves some time to whatever else is due, and ends long before the deadline."""
WOKEN_TOGETHER = 25
"""Customers who are woken before it is noted how far that came."""
FIRST_PAUSE = timedelta(seconds=45)
"""How long what could not be handled is left alone: the next run tries it again. Twice as long each further time in a row."""
MOST_SAID = 500
"""Characters of an error that are kept."""


def sweep(ports: Ports, deadline: datetime) -> int:
    """Do due work until there is none, or no time; returns how many documents were done with.

    What there is no time for is handed to the workers behind the queue: after an outage there is much of it. While Autotask is
    away, only what does not need it is done. Whatever cannot be handled is left alone for a while, which people see, and holds up
    nothing else. Raises ``TableUnavailable`` when the table itself is away: then nothing can be done for anybody.
    """
    return _Sweep(ports, deadline).run()


class CutOff(Exception):
    """A run ended in the middle of something: it had no time left, or no memory."""

    def __init__(self) -> None:
        super().__init__("a run ended in the middle of it: no time was left, or no memory")


class _Sweep:
    """One tick of the schedule."""

    def __init__(self, ports: Ports, deadline: datetime) -> None:
        self._ports = ports
        self._deadline = deadline
        self._tried: dict[Key, bool] = {}
        """By the key of its trouble: what was tried in this run, and whether it went well."""
        self._notes_left = MOST_NOTES
        self._wakes_until: datetime | None = None
        self._cut_off: Key | None = None
        """The key of the trouble of what the run before did not end."""
        self._in_hand = 0
        """The revision of the record of what this run has in hand; 0: there is none."""

    def run(self) -> int:
        """Part after part of what is due."""
        ports = self._ports
        with suppress(RecordUnreadable):  # each contract says so itself, and nothing is adjusted
            partner = ports.store.partner()
            if partner.in_hand:
                self._cut_off, self._in_hand = trouble_key(partner.in_hand.value.key), partner.in_hand.rev
            decide_stage(ports, partner)  # decided before there is any line
        done = self._do_what_is_due()
        if self._in_hand:
            self._forget(Delete(IN_HAND, self._in_hand))
        return done

    def _do_what_is_due(self) -> int:
        ports = self._ports
        now = ports.clock.now()
        away = ports.store.circuit().value.open(now)
        done = 0
        for due in _parts(ports, now):
            mine = [document for document in due if not away or _is_news(document)]
            mine = sorted(self._without_some_notes(mine), key=_is_news, reverse=True)
            for number, document in enumerate(mine):
                if ports.clock.now() + ROOM > self._deadline:
                    _hand_over(mine[number:], ports, self._deadline)
                    return done
                done += self._handle(document, mine[number:])
            if done >= AT_ONCE:
                break
        return done

    def _without_some_notes(self, documents: Sequence[Due]) -> list[Due]:
        """Notes come last, and only some in one run: after a busy day they leave the request allowance to changes."""
        notes = [document for document in documents if document.key.sk == NOTE][: self._notes_left]
        self._notes_left -= len(notes)
        return [*(document for document in documents if document.key.sk != NOTE), *notes]

    def _handle(self, document: Due, due: Sequence[Due]) -> bool:
        """Handle what a document is about; False when it could not be. ``due``: what else is due."""
        key = document.key
        if trouble_key(key) == self._cut_off:
            self._cut_off = None
            self._set_aside(key, CutOff(), due)
            return False
        self._take_in_hand(key)
        trouble = self._ports.store.trouble_rev(key) if key == trouble_key(key) else 0
        if not self._attempt(key, partial(self._take, key), due):
            return False
        if trouble:
            self._forget(Delete(key, trouble))
        return True

    def _attempt(self, key: Key, handle: Callable[[], None], due: Sequence[Due] = ()) -> bool:
        subject = trouble_key(key)
        if self._tried.get(subject) is False:
            return False
        try:
            handle()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up what stands behind it
            if isinstance(error, TableUnavailable):
                self._ports.table.get(
                    CIRCUIT
                )  # raises, too, if the table is away, and not just this document
            self._set_aside(key, error, due)
        else:
            self._tried[subject] = True
        return self._tried[subject]

    def _set_aside(self, key: Key, error: Exception, due: Sequence[Due]) -> None:
        """Say that something could not be handled, and leave it alone for a while."""
        subject = trouble_key(key)
        customers = _customers(due[:1], self._ports)
        self._ports.on_event("failed", error=repr(error), document="/".join(key), customers=customers or None)
        of_it = [one.key for one in due if trouble_key(one.key) == subject]
        self._leave_alone(key, error, of_it[:AT_ONCE])  # what else is due of it is passed in this run
        self._tried[subject] = False

    def _take_in_hand(self, key: Key) -> None:
        """Say what is begun: whatever kills this run does so once, and is left alone by the next one. A contract's lease does the same."""
        if key.pk.partition("#")[0] == CONTRACT or trouble_key(key) in self._tried:
            return
        with suppress(Conflict):  # another run is at work, and says what it has in hand
            self._ports.store.commit(put_in_hand(key, self._in_hand))
            self._in_hand += 1

    def _take(self, key: Key) -> None:
        if self._is_over(key):
            return
        identity = id_of(key)
        match key.pk.partition("#")[0]:
            case "CUSTOMER":
                contracts = merge_customer(identity, self._ports, self._deadline)
                for number, (contract_id, leased) in enumerate(contracts.items()):
                    if number and self._ports.clock.now() + ADJUSTMENT_TAKES > self._deadline:
                        self._ports.hand_on(identity)  # they are due
                        break
                    handle = partial(converge, contract_id, self._ports, self._deadline, leased)
                    self._attempt(contract_key(contract_id), handle)
            case "CONTRACT":
                converge(int(identity), self._ports, self._deadline)
            case "NOTE":
                write_note(identity, self._ports, self._deadline)
            case "OPENING":
                open_contract(identity, self._ports, self._deadline)
            case _:  # raises if it is no SKU either
                refresh_plan(sku_of(key), self._ports, self._until())

    def _is_over(self, key: Key) -> bool:
        """Whether it is about a broken key that is there no more. Raises ``RecordUnreadable`` for one that is."""
        table, subject = self._ports.table, subject_of(key)
        if key.sk == TROUBLE and not is_ours(key.pk):
            there = [one.key for one in table.range(key.pk, "", LAST, 2) if one.key != key]
        elif not is_whole(subject):
            there = [subject] if table.get(subject) else []
        else:
            return False
        for one in there:
            require_whole(one)
        return True

    def _until(self) -> datetime:
        """Until when customers are woken for SKUs in this run, all SKUs together."""
        self._wakes_until = self._wakes_until or self._ports.clock.now() + WAKING_TAKES
        return self._wakes_until

    def _leave_alone(self, key: Key, error: Exception, due: Iterable[Key]) -> None:
        """Note why something could not be handled, and let it and what is due of it wait: longer each time."""
        ports, now = self._ports, self._ports.clock.now()

        def note() -> Trouble:
            rev = ports.store.trouble_rev(key)
            try:
                known = ports.store.trouble(key)
            except RecordUnreadable:
                known = None  # written over
            since, times = (known.value.since, known.value.times) if known else (now, 0)
            until = now + growing(FIRST_PAUSE, times)
            subject = trouble_key(key).sk.partition("#")[2] or key.pk
            trouble = Trouble(subject, repr(error)[:MOST_SAID], since, times + 1, until)
            ports.store.commit(put_trouble(key, trouble, rev))
            return trouble

        until = int(update(note).until.timestamp())
        for each in sorted({key, *due} - {trouble_key(key)}):  # a set has another order in each process
            found = ports.table.get(each)
            if found is None or found.due_at is None or found.due_at >= until:
                continue
            try:
                ports.table.write([_due_at(until, found)])
            except (Conflict, TypeError):
                continue  # it has changed, or a hand has written what only a hand can: it may be tried at once

    def _forget(self, trouble: Delete) -> None:
        try:
            self._ports.store.commit(trouble)
        except Conflict:
            return  # it was noted again


def _is_news(document: Due) -> bool:
    """Whether it waits to be merged. That comes first: units of an older event could be billed that a newer one takes away again."""
    return document.key.pk.startswith("CUSTOMER#")


def _parts(ports: Ports, now: datetime) -> Iterator[list[Due]]:
    """What is due, in order, some at a time.

    What fails or has to wait stays due and stands in front each time: it is passed, so that it hides nothing behind it.
    """
    seen: set[Key] = set()
    limit, found = AT_ONCE, AT_ONCE
    while found == limit:
        limit = max(AT_ONCE, 2 * len(seen))
        due = ports.table.due(int(now.timestamp()), limit)
        found = len(due)
        yield [document for document in due if document.key not in seen]
        seen.update(document.key for document in due)


def _hand_over(documents: Iterable[Due], ports: Ports, deadline: datetime) -> None:
    """Wake the workers for what is left, as far as there is time; once in five minutes for each, so that a long backlog is not queued again and again."""
    if ports.wake_ups is None:
        return
    turn = int(ports.clock.now().timestamp()) // 300
    customers = _customers(documents, ports)
    for number, customer in enumerate(customers):
        if ports.clock.now() + LAST_ROOM > deadline:
            customers = customers[:number]  # the others stay due
            break
        try:
            ports.wake_ups.send(customer, f"sweep-{customer}-{turn}")
        except QueueUnavailable:
            return  # the next sweep goes on
    ports.on_event("handed-over", customers=customers)


def _customers(due: Iterable[Due], ports: Ports) -> list[str]:
    """Whom what is due concerns, in order."""
    due = [one for one in due if is_whole(one.key)]
    contracts = ports.table.get_many([one.key for one in due if one.key.sk == CONTRACT])
    of_contract = {document.key: document.data.get("customers") for document in contracts}
    found: dict[str, None] = {}
    for one in due:
        if one.key.pk.startswith("CUSTOMER#"):
            found[id_of(one.key)] = None
        elif isinstance(customers := of_contract.get(one.key), list | tuple):
            found |= dict.fromkeys(map(str, customers))
    return [*found]


def _due_at(due_at: int, document: Document) -> Put:
    """The same document, due then."""
    return Put(
        document.key,
        document.data,
        document.rev,
        due_at,
        document.kind,
        document.sort,
        document.expires_at,
    )


def refresh_plan(sku: str, ports: Ports, until: datetime | None = None) -> tuple[str, ...]:
    """Look again for a SKU's service; where there is one, wake every customer who has been waiting for it. Returns who was woken.

    ``until``: whoever is not woken by then is woken by the next call. The first failure is raised when all were tried.
    """
    walk = _Walk(until)
    try:
        update(lambda: _refresh(sku, ports, walk))
        if walk.failure is not None:
            raise walk.failure
    except AutotaskError as error:
        note_failure(ports, error)  # it stays due
    except (Conflict, NoCredentials):
        pass  # it stays due
    return tuple(walk.woken)


@dataclass(slots=True)
class _Walk:
    """One call's way through the customers who have a SKU."""

    until: datetime | None
    woken: dict[str, None] = field(default_factory=dict)
    failure: Exception | None = None
    """The first one, of a customer who was tried after all others."""


def _refresh(sku: str, ports: Ports, walk: _Walk) -> None:
    """Look and wake. Raises ``Conflict`` when others wrote the plan meanwhile: they chose anew, or woke the same customers."""
    partner, now = ports.store.partner(), ports.clock.now()
    plan = partner.plan(sku)
    if not plan.due(now):
        return
    if looked_for(plan, now):
        if partner.circuit.value.open(now):
            return
        store_services([plan], ports)
        plan = ports.store.partner().plan(sku)
        if not plan.value.matched:
            return
    if _wake_having(plan, ports, walk) and is_missing(plan.value):
        _refresh(sku, ports, walk)  # they were woken for another reason; its service is looked for now


def _wake_having(plan: StoredPlan, ports: Ports, walk: _Walk) -> bool:
    """Wake those who have a SKU and were not woken yet; False when some are left.

    How far that came is noted in the plan, some customers at a time. So a run that is cut off repeats a few of them, and one who fails
    holds up nobody. Whoever writes the plan meanwhile takes the note away: then all are woken again. Raises ``Conflict``.
    """
    rev, waking, unnoted = plan.rev, plan.waking or Waking(), 0
    due_at = datetime.fromtimestamp(plan.due_at or 0, UTC)
    walk.failure = None
    again = [(customer_id, LAST, True) for customer_id in waking.left]
    for customer_id, after, has_it in chain(_by_customer(plan.value.sku, waking.after, ports), again):
        left = [one for one in waking.left if one != customer_id]
        if has_it and not _wake(customer_id, ports, walk):
            left.append(customer_id)
        waking, unnoted = Waking(after, tuple(left)), unnoted + has_it
        late = walk.until is not None and ports.clock.now() >= walk.until
        if late or unnoted == WOKEN_TOGETHER:
            ports.store.commit(put_plan(plan.value, rev, due_at, waking))
            rev, unnoted = rev + 1, 0
        if late:
            walk.failure = None  # whoever failed is tried again
            return False
    if waking.left:
        ports.store.commit(put_plan(plan.value, rev, due_at, Waking(LAST, waking.left)))
        return False
    ports.store.commit(put_plan(plan.value, rev, due_at if is_missing(plan.value) else None))
    return True


def _by_customer(sku: str, after: str, ports: Ports) -> Iterator[tuple[str, str, bool]]:
    """Each customer after one, by id: the id, up to where the walk has come with it, and whether the customer has a SKU."""
    listed = ports.store.subscriptions(f"{after}\0" if after else "")
    for customer_id, subscriptions in groupby(listed, attrgetter("customer_id")):
        yield customer_id, customer_id, any(sku in one.skus for one in subscriptions)


def _wake(customer_id: str, ports: Ports, walk: _Walk) -> bool:
    """Wake one customer; False when it failed."""
    try:
        if wake_customer(customer_id, ports):
            walk.woken[customer_id] = None
    except RecordUnreadable as error:
        ports.store.on_unreadable(error)  # no worker does anything for this one until it can be read
    except Exception as error:  # noqa: BLE001 - the others wait for this SKU too
        walk.failure = walk.failure or error
        return False
    return True
