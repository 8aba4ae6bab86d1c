"""What Timus itself shows, against our table and Autotask: for events that were lost for good.

Timus offers no list of its subscriptions to programs, so a person writes down what its portal shows, as CSV or JSON. Should there
be such a list one day, it is one more :class:`TimusSubscriptions`. What our table lacks becomes ordinary events with their
provenance, which take the same way through the inbox as Timus's own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Protocol, cast, get_args
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import effective_day, local_midnight
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.domain.reasons import SUBSCRIPTION_MOVED
from timus_autotask.domain.subscription import BillingCycle, Snapshot, Status
from timus_autotask.operate.files.plausibility import (
    PLAUSIBLE,
    Billed,
    KnownToUs,
    Suspicion,
    ToldSince,
    is_recent,
    suspicions,
    told_at,
)
from timus_autotask.operate.files.tables import (
    DAY,
    TEXT,
    Column,
    FileRefused,
    Problem,
    Row,
    code,
    one_of,
    read,
    whole,
)
from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Key, Put
from timus_autotask.store.inbox import FROM_FILE, delivery_of, put_delivery
from timus_autotask.store.sizes import in_batches
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.events import (
    LARGEST_QUANTITY,
    LARGEST_VERSION,
    NotUnderstood,
    understand,
    valid_identifier,
    valid_sku,
)
from timus_autotask.timus.rendering import UPDATED, render
from timus_autotask.watch.status import Records, StatusLine

_ID = code(valid_identifier)
COLUMNS = (
    Column("customer_id", _ID, required=True),
    Column("customer_name", TEXT),
    Column("subscription_id", _ID, required=True),
    Column("version", whole(1, LARGEST_VERSION)),
    Column("sku", code(valid_sku), required=True),
    Column("quantity", whole(0, LARGEST_QUANTITY), required=True),
    Column("status", one_of(*get_args(Status))),
    Column("billing_cycle", one_of(*get_args(BillingCycle))),
    Column("term_start", DAY),
    Column("term_end", DAY),
    Column("cancel_at", DAY),
    Column("effective_date", DAY),
)
"""The columns of a CSV file, or the fields of a JSON file's objects; docs/operations.md says what each is when left out."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One subscription as Timus shows it now."""

    customer_id: str
    subscription_id: str
    items: tuple[tuple[str, int], ...]
    customer_name: str = ""
    version: int | None = None
    status: Status = "active"
    billing_cycle: BillingCycle | None = None
    term_start: date | None = None
    term_end: date | None = None
    cancel_at: date | None = None
    effective_date: date | None = None
    row: int | None = field(default=None, compare=False)
    """Where a file names it first."""
    unsaid: frozenset[str] = field(default=frozenset(), compare=False)
    """Of ``status`` and ``cancel_at`` those for which a file has no column."""


class TimusSubscriptions(Protocol):
    """Where Timus's present state comes from."""

    name: str
    """For people, and kept with every event that follows from it."""

    def subscriptions(self) -> Sequence[Exported]:
        """Every subscription. Raises :class:`FileRefused`."""
        ...


@dataclass(frozen=True)
class ExportFile:
    """:class:`TimusSubscriptions` in a file that a person wrote."""

    name: str
    data: bytes

    def subscriptions(self) -> Sequence[Exported]:
        problems: list[Problem] = []
        found: dict[str, Exported] = {}
        for row in read(self.data, COLUMNS, within="subscriptions"):
            exported = _exported(row)
            try:
                found[exported.subscription_id] = _joined(found.get(exported.subscription_id), exported)
            except ValueError as error:
                problems.append(Problem(f"subscription {exported.subscription_id} {error}", row.number))
        if problems:
            raise FileRefused(*problems)
        return tuple(found.values())


def _exported(row: Row) -> Exported:
    values = row.values
    return Exported(
        customer_id=values["customer_id"],
        subscription_id=values["subscription_id"],
        items=((values["sku"], values["quantity"]),),
        customer_name=values["customer_name"] or "",
        version=values["version"],
        status=values["status"] or "active",
        billing_cycle=values["billing_cycle"],
        term_start=values["term_start"],
        term_end=values["term_end"],
        cancel_at=values["cancel_at"],
        effective_date=values["effective_date"],
        row=row.number,
        unsaid=frozenset({"status", "cancel_at"} - row.columns),
    )


def _joined(known: Exported | None, exported: Exported) -> Exported:
    """A subscription with one more of its rows. Raises ``ValueError`` when they contradict each other."""
    if known is None:
        return exported
    for each in fields(Exported):
        if (
            each.compare
            and each.name != "items"
            and getattr(known, each.name) != getattr(exported, each.name)
        ):
            raise ValueError(f"has another {each.name} in row {known.row}")
    [(sku, _)] = exported.items
    if sku in dict(known.items):
        raise ValueError(f"has {sku} twice")
    return replace(known, items=tuple(sorted((*known.items, *exported.items))))


# -- Three ways


@dataclass(frozen=True, slots=True)
class Compared:
    """One SKU of one subscription: Timus, our table, Autotask."""

    customer_id: str
    subscription_id: str
    sku: str
    timus: int | None
    """None: the file does not name the subscription."""
    table: int | None
    """What we know Timus to bill today; None: we do not know the subscription."""
    autotask: int | None
    """All that is on the line or lines of this SKU, as last read; None: it has no line."""
    note: str
    """What is different, and what becomes of it; empty: all is level."""


@dataclass(frozen=True, slots=True)
class MissingEvent:
    """An event that our table lacks."""

    customer_id: str
    subscription_id: str
    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MovedSubscription:
    """A subscription that is another customer's in the file than we know. A person has to find out whose it is."""

    subscription_id: str
    known_as: str
    """The customer as we know it."""
    told_as: str
    """The customer as the file says."""


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A subscription of which the file says otherwise than we know under the same version: only one of both can be right."""

    customer_id: str
    subscription_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything, and what would go into the inbox."""

    rows: tuple[Compared, ...]
    events: tuple[MissingEvent, ...]
    suspicions: tuple[Suspicion, ...]
    moved: tuple[MovedSubscription, ...] = ()
    contradicted: tuple[Contradicted, ...] = ()

    def accepting(self, ids: Iterable[str]) -> frozenset[str]:
        """The ids of suspicions that a person accepts. Raises :class:`NotDone` for one that no suspicion of this file has."""
        accepted, found = frozenset(ids), {one.id: one.kind.value for one in self.suspicions}
        if accepted <= found.keys():
            return accepted
        these = ", ".join(f"{id_} ({kind})" for id_, kind in found.items())
        raise NotDone(
            f"No suspicion has the id {', '.join(sorted(accepted - found.keys()))}. "
            + (f"Those of this file: {these}. " if these else "Nothing in this file is suspicious. ")
            + "Nothing was written."
        )

    def released(self, accepted: Collection[str] = ()) -> tuple[MissingEvent, ...]:
        """The events that no suspicion holds, without counting those that a person has ``accepted`` by their ids."""
        held = {one for found in self.suspicions if found.id not in accepted for one in found.holds}
        return tuple(event for event in self.events if event.subscription_id not in held)


def compare(
    exported: Sequence[Exported],
    records: Records,
    lines: Sequence[StatusLine],
    today: date,
    zone: ZoneInfo,
    file: str,
    operator: str,
) -> Comparison:
    """Timus, our table and Autotask. Raises :class:`FileRefused` for what could not be followed."""
    known = _known_now(records)
    exported = [_with_what_is_known(one, known.get(one.subscription_id), today) for one in exported]
    observed = _observed(lines)
    rows: list[Compared] = []
    events: list[MissingEvent] = []
    problems: list[Problem] = []
    for one in sorted(exported, key=lambda one: (one.customer_id, one.subscription_id)):
        subscription = known.get(one.subscription_id)
        if subscription is None and one.term_end is None:
            missing = f"subscription {one.subscription_id} is not known to us: its term_end is needed"
            problems.append(Problem(missing, one.row))
            continue
        note, version = _judge(one, subscription, records, today, zone)
        if version is not None:
            event = _event(one, subscription, records, version, today, zone, file, operator)
            understood = understand(event.event_id, event.body)
            if isinstance(understood, NotUnderstood):
                problems.append(Problem(f"subscription {one.subscription_id}: {understood.reason}", one.row))
            events.append(event)
        ours = _in_force(subscription, today) if subscription else None
        rows += _rows_of(one, ours, observed, note)
    new = {event.subscription_id for event in events}
    told_since = [*_told_since(exported, new, known)]
    suspicious = suspicions(
        [_exported_billed(one, today) for one in exported],
        new,
        _known_billed([*known.values()], records, today),
        told_since,
    )
    older_than = min((one.at for one in told_since if one.at), default=None)
    rows += _not_named({one.subscription_id for one in exported}, known, observed, today, older_than)
    if problems:
        raise FileRefused(*problems)
    return Comparison(
        tuple(rows),
        tuple(events),
        suspicious,
        tuple(_moved(exported, known)),
        tuple(_contradictions(exported, known, records)),
    )


def _known_now(records: Records) -> dict[str, Subscription]:
    """The subscriptions by id, each with the customer whose it is now."""
    found = (one.value for of in records.customers.values() for one in of.subscriptions.values())
    return {one.id: one for one in found if not one.moved_to}


def _with_what_is_known(exported: Exported, subscription: Subscription | None, today: date) -> Exported:
    """The same, where the file has no column for something as we know it: that it says nothing is no news.

    What has ended, and is in the file all the same, goes on by it.
    """
    if subscription is None or subscription.customer_id != exported.customer_id:
        return exported
    ours = _in_force(subscription, today)
    if ours.status == "canceled" or (ours.cancel_at is not None and ours.cancel_at <= today):
        return exported
    status = ours.status if "status" in exported.unsaid else exported.status
    cancel_at = ours.cancel_at if "cancel_at" in exported.unsaid else exported.cancel_at
    return replace(exported, status=cast("Status", status), cancel_at=cancel_at)


def _moved(exported: Sequence[Exported], known: Mapping[str, Subscription]) -> Iterator[MovedSubscription]:
    for one in sorted(exported, key=lambda one: one.subscription_id):
        ours = known.get(one.subscription_id)
        if ours is not None and ours.customer_id != one.customer_id:
            yield MovedSubscription(one.subscription_id, ours.customer_id, one.customer_id)


def _contradictions(
    exported: Sequence[Exported], known: Mapping[str, Subscription], records: Records
) -> Iterator[Contradicted]:
    for one in exported:
        found = _contradicted(one, known.get(one.subscription_id))
        if found is not None and not _has_waiting(one, records):
            yield found


def _observed(lines: Sequence[StatusLine]) -> dict[tuple[str, str], int]:
    """What Autotask has by customer and SKU, all lines together; a line that was never read is not in it."""
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.contract_id is not None and line.autotask_units is not None:
            key = (line.customer, line.sku)
            found[key] = found.get(key, 0) + line.autotask_units
    return found


def _rows_of(
    exported: Exported, ours: Version | None, observed: Mapping[tuple[str, str], int], note: str
) -> list[Compared]:
    """One row for each SKU that the file or our table has for a subscription."""
    skus = {sku for sku, _ in exported.items} | {sku for sku, _ in (ours.items if ours else ())}
    return [
        Compared(
            exported.customer_id,
            exported.subscription_id,
            sku,
            dict(exported.items).get(sku, 0),
            ours.quantity(sku) if ours else None,
            observed.get((exported.customer_id, sku)),
            note,
        )
        for sku in sorted(skus)
    ]


def _exported_billed(exported: Exported, today: date) -> Billed:
    day = exported.effective_date or today
    says = Version(
        exported.version or 1,
        day,
        exported.items,
        exported.status,
        exported.cancel_at,
        exported.term_end,
        "",
        "",
    )
    given = {
        column: getattr(exported, column) for column in PLAUSIBLE if getattr(exported, column) is not None
    }
    return replace(
        _billed(exported.subscription_id, exported.customer_id, says, day),
        version=exported.version,
        days=given,
    )


def _known_billed(subscriptions: Sequence[Subscription], records: Records, today: date) -> KnownToUs:
    found = {
        one.id: replace(
            _billed(one.id, one.customer_id, _in_force(one, today), today),
            version=one.timus_version,
            first_told=one.versions[0].occurred_at,
        )
        for one in subscriptions
    }
    skus = {sku for one in subscriptions for sku in one.skus}
    return KnownToUs(found, records.customers.keys(), {*skus, *records.partner.plans}, today)


def _billed(subscription_id: str, customer_id: str, version: Version, today: date) -> Billed:
    ended = version.ends is not None and version.ends <= today
    units = {sku: 0 if ended else version.quantity(sku) for sku, _ in version.items}
    days = {"term_end": version.term_end} if version.term_end is not None else {}
    return Billed(subscription_id, customer_id, units, version.ends is not None and not ended, days=days)


def _in_force(subscription: Subscription, today: date) -> Version:
    """What holds today: the portal shows nothing of later days."""
    begun = [version for version in subscription.versions if version.day <= today]
    return begun[-1] if begun else subscription.versions[0]


def _judge(
    exported: Exported, subscription: Subscription | None, records: Records, today: date, zone: ZoneInfo
) -> tuple[str, int | None]:
    """What is different, for people, and the version of the event that is missing, if one is."""
    if _has_waiting(exported, records):
        return "events of this customer wait to be merged; compare again in a minute", None
    if subscription is None:
        return "not known to us: becomes an event", exported.version or 1
    if subscription.customer_id != exported.customer_id:
        return _judge_moved(exported, subscription, _waiting(exported, records), zone)
    ours, newest = _in_force(subscription, today), subscription.newest
    version = subscription.timus_version
    same = _says(exported) == _known(ours, exported)
    if exported.version is not None:
        if exported.version < version:
            return "" if same else f"we know of version {version}, which is newer", None
        if exported.version == version:
            otherwise = _contradicted(exported, subscription)
            return f"version {version} says otherwise here; ask Timus" if otherwise else "", None
        return "a newer version: becomes an event", exported.version
    if same:
        return "", None
    if newest.day > today:
        return (
            f"version {version} changes it on {newest.day} anyway; give its version to say more",
            None,
        )
    return f"differs: becomes version {version + 1}", version + 1


def _has_waiting(exported: Exported, records: Records) -> bool:
    """Whether events of the customer wait to be merged, so that nothing can be said yet."""
    customer = records.customers.get(exported.customer_id)
    return customer is not None and bool(customer.inbox)


def _contradicted(exported: Exported, subscription: Subscription | None) -> Contradicted | None:
    """What a person has to ask Timus, if the file says otherwise than what we know under its version."""
    if subscription is None or exported.customer_id != subscription.customer_id:
        return None
    version = subscription.timus_version
    if exported.version != version or _says(exported) == _known(subscription.newest, exported):
        return None
    return Contradicted(exported.customer_id, exported.subscription_id, version)


def _judge_moved(
    exported: Exported, subscription: Subscription, waiting: Sequence[Snapshot], zone: ZoneInfo
) -> tuple[str, int | None]:
    """The same of a subscription that we know as another customer's: its event is parked, and a person decides whose it is."""
    ours, version = f"it is known as customer {subscription.customer_id}'s", subscription.timus_version
    if exported.version is not None and exported.version < version:
        return f"{ours}, by version {version}, which is newer", None
    for one in waiting:
        day = effective_day(one.effective_at, zone)
        says = {sku: n for sku, n in one.items if n}, one.status, one.cancel_at
        if says == _says(exported)[:3] and exported.effective_date in (None, day):
            return f"{ours}; an event that says so waits for a person", None
    newest = max([version, *(one.version for one in waiting)])
    return f"{ours}: an event for a person to decide on", exported.version or newest + 1


def _waiting(exported: Exported, records: Records) -> list[Snapshot]:
    """The events that are parked because they say that the subscription is the customer's of the file."""
    waiting = (
        understand(one.event_id, one.raw)
        for one in records.parked_events
        if (one.customer_id, one.subscription_id) == (exported.customer_id, exported.subscription_id)
        and one.parked is not None
        and one.parked.code == SUBSCRIPTION_MOVED
    )
    return [one for one in waiting if isinstance(one, Snapshot)]


_Content = tuple[Mapping[str, int], str, date | None, date | None]


def _says(exported: Exported) -> _Content:
    return {sku: n for sku, n in exported.items if n}, exported.status, exported.cancel_at, exported.term_end


def _known(version: Version, exported: Exported) -> _Content:
    """What we know, with the term only if the file has it."""
    items = {sku: n for sku, n in version.items if n}
    return items, version.status, version.cancel_at, version.term_end if exported.term_end else None


# -- Older than what Timus told


def _told_since(
    exported: Iterable[Exported], new: Collection[str], known: Mapping[str, Subscription]
) -> Iterator[ToldSince]:
    """Of those that would become events: what Timus told since, if the file may be older."""
    for one in sorted(exported, key=lambda one: one.subscription_id):
        ours = known.get(one.subscription_id)
        if one.subscription_id not in new or ours is None or ours.customer_id != one.customer_id:
            continue
        # A version, or a later day, says that it is newer.
        later = one.effective_date is not None and one.effective_date > ours.newest.day
        if one.version is None and not later and (found := _what_was_told_since(one, ours)):
            version, seems = found
            yield ToldSince(
                one.subscription_id, version.occurred_at, _older_in_words(one, ours, version, seems)
            )


def _what_was_told_since(exported: Exported, ours: Subscription) -> tuple[Version, str] | None:
    """The first change of which the file knows nothing, with what it has instead; None: nothing shows that it is older."""
    has = _in_words(exported.items, exported.status, exported.cancel_at, exported.term_end)
    same = [at for at, version in enumerate(ours.versions) if _known(version, exported) == _says(exported)]
    if same:
        return ours.versions[same[-1] + 1], f"has {has} here, which was so before"
    day = exported.effective_date
    if day is not None and day < ours.newest.day:
        return next(one for one in ours.versions if one.day > day), f"has {has} from {day} on here, and not"
    if _ends(ours.newest) and exported.status != "canceled" and exported.cancel_at is None:
        ended = next(at for at in range(len(ours.versions)) if all(map(_ends, ours.versions[at:])))
        return ours.versions[ended], f"goes on with {has} here, and not by"
    return None


def _ends(version: Version) -> bool:
    return version.status == "canceled" or version.cancel_at is not None


def _older_in_words(exported: Exported, ours: Subscription, version: Version, seems: str) -> str:
    def told(one: Version) -> str:
        term_end = one.term_end if exported.term_end else None
        at = f", told on {told_at(one.occurred_at)}" if one.occurred_at else ""
        says = _in_words(one.items, one.status, one.cancel_at, term_end)
        return f"version {ours.as_timus_counts(one)} ({says} from {one.day} on{at})"

    by_now = f" The newest is {told(ours.newest)}." if version is not ours.newest else ""
    return (
        f"Subscription {exported.subscription_id} of {exported.customer_id} {seems} {told(version)}.{by_now} "
        "Is the file older than that?"
    )


def _in_words(
    items: Iterable[tuple[str, int]], status: str, cancel_at: date | None, term_end: date | None
) -> str:
    """What bills: "28 SASE-ADV-USER, canceled, cancel_at 2026-04-01"."""
    units = ", ".join(f"{units} {sku}" for sku, units in sorted(items) if units) or "nothing"
    more = [status] if status != "active" else []
    more += [
        f"{name} {day}" for name, day in (("cancel_at", cancel_at), ("term_end", term_end)) if day is not None
    ]
    return ", ".join((units, *more))


def _event(
    exported: Exported,
    subscription: Subscription | None,
    records: Records,
    version: int,
    today: date,
    zone: ZoneInfo,
    file: str,
    operator: str,
) -> MissingEvent:
    """The event that Timus would have sent. The same file gives the same bytes on the same day."""
    day = exported.effective_date or today
    term_end = exported.term_end or (subscription.newest.term_end if subscription else None) or day
    instant = local_midnight(day, zone)
    # The file shows what holds now, so it is not older than anything that we know.
    known = [one.occurred_at for one in _waiting(exported, records)]
    known += [subscription.known_until] if subscription and subscription.known_until else []
    name = (
        subscription.customer_name
        if subscription and exported.customer_id == subscription.customer_id
        else ""
    )
    snapshot = Snapshot(
        subscription_id=exported.subscription_id,
        version=version,
        customer_id=exported.customer_id,
        customer_name=exported.customer_name or name,
        customer_domain=None,
        status=exported.status,
        billing_cycle=exported.billing_cycle or (subscription.billing_cycle if subscription else "monthly"),
        items=exported.items,
        term_start=exported.term_start or min(day, term_end),
        term_end=term_end,
        cancel_at=exported.cancel_at,
        effective_at=instant,
        event_type=UPDATED,
        event_id="",  # follows from the body
        occurred_at=max([instant, *known]),
        actor=operator,
    )
    body = render(snapshot, {"source": FROM_FILE, "file": file, "operator": operator})
    event_id = f"{FROM_FILE}-{hashlib.sha256(body).hexdigest()[:24]}"
    return MissingEvent(exported.customer_id, exported.subscription_id, event_id, body)


def _not_named(
    named: set[str],
    known: Mapping[str, Subscription],
    observed: Mapping[tuple[str, str], int],
    today: date,
    older_than: datetime | None,
) -> Iterator[Compared]:
    """Subscriptions that we bill and the file does not name: only reported, because a file may be a part.

    Nor can it have what is new since it was made. ``older_than``: the file looks older than that.
    """
    for subscription in known.values():
        version = _in_force(subscription, today)
        if subscription.id in named:
            continue
        first = subscription.versions[0].occurred_at
        is_new = is_recent(first, today) or (
            older_than is not None and first is not None and first >= older_than
        )
        too_new = (
            f", which may be older: Timus told of it first on {told_at(first)}" if first and is_new else ""
        )
        for sku, _ in version.items:
            if version.quantity(sku):
                note = (
                    f"not in the file{too_new}; if Timus does not bill it any more, give it with quantity 0"
                )
                where = observed.get((subscription.customer_id, sku))
                yield Compared(
                    subscription.customer_id, subscription.id, sku, None, version.quantity(sku), where, note
                )


def take_in(found: Comparison, ports: Ports, accepted: Collection[str] = ()) -> int:
    """Put the missing events into the inbox, where they are merged like any other; returns how many were new.

    Those that a suspicion holds stay out, unless its id is among the ``accepted``.
    """
    now: datetime = ports.clock.now()
    puts: dict[str, list[Put]] = defaultdict(list)
    events: dict[Key, MissingEvent] = {}
    for event in found.released(accepted):
        delivery = delivery_of(event.event_id, event.body, now, int(now.timestamp()))
        if ports.store.event(event.customer_id, delivery.key) is None:
            put = put_delivery(event.customer_id, delivery, int(now.timestamp()))
            puts[event.customer_id].append(put)
            events[put.key] = event
    new = 0
    # A subscription that replaces another is two events, of which the one without the other would bill both or neither.
    for some in (some for theirs in puts.values() for some in in_batches(theirs)):
        for put in _stored(some, ports):
            event = events[put.key]
            ports.on_event("accepted-from-file", event=event.event_id, customer=event.customer_id)
            new += 1
    return new


def _stored(puts: Sequence[Put], ports: Ports) -> Sequence[Put]:
    """Put events into the inbox, all of them or none; returns those that are new. Some may wait there already: then one by one."""
    try:
        ports.store.commit(*puts)
    except Conflict:
        return [one for put in puts for one in _stored([put], ports)] if len(puts) > 1 else []
    return puts
