"""Whether what a file says can be: a look at all of it before any of it becomes an event.

A file is signed by nobody and has often been through a spreadsheet. It may be well-formed and still hold another id or another
number than Timus has. A suspicion holds the subscriptions that it is about until a person accepts it by its id, and with them what goes
the other way for the same client: half of a replacement would be billed twice, or not at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from timus_autotask.watch.wording import counted, some

FEW = 5
"""Units. A change by no more than these is everyday, however small the client is: a few people come, a few people go."""
SHARE = 0.5
"""A change by more than this share of the units, and by more than ``FEW``, is rare. A digit too many or too few, or the number of
another row, is mostly beyond it."""
NEW_CLIENT = 100
"""Units. A client that has none may begin with as many as the largest client that we know has, or with these, whichever is more: clients
are small and medium companies, and a larger one is rare enough to be looked at once."""
MOST = 0.5
"""Of the clients that are billed. Where more than these change the same way in one file, and at least two, a person looks: clients come and go
each for themselves, and what moves them together is mostly another day's export, or a column that was reckoned with."""
MUCH = 0.2
"""Of the units of all clients that the file names. Several clients who change by more than this together, and by more than ``FEW``, are rare: a
month moves a few in a hundred. A new subscription that differs from a known one by no more than this, and by no more than ``FEW``, is nearly
its copy: an export that lists next term's renewals has such ones."""
PART = 0.5
"""Of the clients that are billed. A file that names fewer is meant as a part. In one that names more, what is missing is suspicious."""
DIGITS = 15
"""Digits that a spreadsheet keeps of a number; it writes zeros for those that follow
(https://learn.microsoft.com/en-us/troubleshoot/microsoft-365-apps/excel/last-digits-changed-to-zeros)."""
LEAP = 100
"""Versions. A subscription changes some times a month, so more than these, and than twice as many as are known, were not missed: the
number is of another column, and would make every event of Timus's own an old one."""
TERM = 6 * 366
"""Days. Terms of up to five years are sold."""
LONGER = 2 * 366
"""Days. A renewal adds a term of its own, mostly of a year; that most clients renew for longer at once is rare."""
MONTHS = 300
"""Days. A slip in the year is further away; what was missed, or is ordered ahead, is mostly nearer."""
PLAUSIBLE = {
    "effective_date": (MONTHS, MONTHS),
    "term_start": (TERM, MONTHS),
    "term_end": (MONTHS, TERM),
    "cancel_at": (MONTHS, TERM),
}
"""How many days before and after today a day of each column may be."""
RECENT = timedelta(days=7)
"""What Timus told first within these may be missing in a file only because the file is older: hardly any is kept for longer before it is used."""
OTHERS_BESIDE = 5
"""One row of so many that changed may have changed besides, where the others have the numbers of one another."""
SHOWN = 5
"""Ids that one message lists."""


class SuspicionKind(StrEnum):
    """What is suspicious."""

    ALIKE = "id-alike"
    NUMBER = "id-a-number"
    IN_PLACE = "in-place-of-another"
    COPY = "copy-of-another"
    LARGE = "large-change"
    EXCHANGED = "exchanged"
    WHOLE = "all-together"
    VERSION = "version-leaps"
    DAY = "day-far-away"
    MOVED = "customer-changed"
    TO_NOTHING = "client-to-nothing"
    CLIENTS_MISSING = "clients-missing"
    TOLD_SINCE = "told-since"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something in a file that a person has to look at."""

    id: str
    """A hash of what it says: once accepted, it covers this and nothing else, also when the same file is given again."""
    kind: SuspicionKind
    message: str
    holds: tuple[str, ...]
    """The subscriptions whose events wait for it, sorted."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What one subscription has: as a file says, or as we know it."""

    subscription_id: str
    customer_id: str
    units: Mapping[str, int]
    """By SKU, what is billed; in a file those SKUs that have a row."""
    ends: bool
    """It is cancelled for a day to come."""
    version: int | None = None
    """As Timus counts; None: the file does not say."""
    days: Mapping[str, date] = field(default_factory=dict)
    """By column, those that the file gives."""
    first_told: datetime | None = None
    """Of what we know: when Timus told of it first, if that was kept."""

    def total(self) -> int:
        """All SKUs together."""
        return sum(self.units.values())

    def filled(self) -> Mapping[str, int]:
        """The SKUs that have units."""
        return {sku: units for sku, units in self.units.items() if units}


@dataclass(frozen=True, slots=True)
class KnownToUs:
    """What we know."""

    subscriptions: Mapping[str, Billed]
    customers: Collection[str]
    skus: Collection[str]
    today: date

    def owner(self, subscription_id: str) -> str | None:
        """The customer of a subscription; None: we do not know it."""
        found = self.subscriptions.get(subscription_id)
        return found.customer_id if found else None


@dataclass(frozen=True, slots=True)
class ToldSince:
    """A change that Timus told and of which a file knows nothing, as it seems: the file may be older."""

    subscription_id: str
    at: datetime | None
    """When it happened at Timus, if that was kept."""
    message: str


def suspicions(
    given: Sequence[Billed], new: Collection[str], known: KnownToUs, told_since: Sequence[ToldSince] = ()
) -> tuple[Suspicion, ...]:
    """All suspicions about what a file says, by kind.

    ``new`` are the subscriptions of the file that would become events. Where nothing follows, nothing is suspicious.
    """
    # What is known as another customer's is suspicious as a whole.
    moved = [one for one in given if known.owner(one.subscription_id) not in (None, one.customer_id)]
    given = [one for one in given if one not in moved]
    news = [*_changed(_among(given, new), known)]
    twice = [*_in_place(given, known), *_swallowed(given, known), *_copies(given, news, known)]
    # These say the units already, so a person sees them in any case.
    seen = {one for each in twice for one in each.holds}
    changed = [change for change in news if change.one.subscription_id in known.subscriptions]
    made_up = _made_up(news, known)
    of_clients = [*_clients(_among(given, {*new} - seen), known)]
    by_themselves = {one for each in (*twice, *of_clients) for one in each.holds}
    found = [
        *_alike(given, known),
        *_numbers(given, known),
        *twice,
        *_changes(given, made_up, known),
        *of_clients,
        *_exchanged(changed),
        *_all_together(_Together(news, made_up, by_themselves), given, new, known),
        *_versions(given, known),
        *_days(given, known.today),
        *_terms_together(given, new, known),
        *_clients_missing(given, known, new),
        *_older(told_since, new),
        *_moved(moved, known),
        *_mixed(moved, new, known),
    ]
    return tuple(sorted(_held(found, new, news), key=lambda one: (one.kind, one.holds, one.message)))


def _among(given: Iterable[Billed], ids: Collection[str]) -> list[Billed]:
    return [one for one in given if one.subscription_id in ids]


def _suspicion(
    kind: SuspicionKind, message: str, holds: Iterable[str], about: Iterable[str] = ()
) -> Suspicion:
    """``about`` is what the message is too short to list."""
    says = "\n".join((kind, message, *sorted(about)))
    return Suspicion(sha256(says.encode()).hexdigest()[:8], kind, message, tuple(sorted({*holds})))


def _held(found: Iterable[Suspicion], new: Collection[str], news: Sequence[_Change]) -> Iterator[Suspicion]:
    """The suspicions that hold something that would become an event, with what waits with it."""
    for one in found:
        if holds := tuple(each for each in one.holds if each in new):
            yield _with_the_other_way(replace(one, holds=holds), news)


def _with_the_other_way(found: Suspicion, news: Iterable[_Change]) -> Suspicion:
    """A suspicion that also holds what its clients' subscriptions have more, where it holds one that has less, and the reverse."""
    clients: dict[str, list[_Change]] = {}
    for change in news:
        clients.setdefault(change.customer, []).append(change)
    with_it = [
        change
        for changes in clients.values()
        if any(one.one.subscription_id in found.holds for one in changes)
        and min(one.more for one in changes) < 0 < max(one.more for one in changes)
        for change in changes
        if change.one.subscription_id not in found.holds
    ]
    if not with_it:
        return found
    message = f"{found.message} Held with it, for the one may make up for the other: {_listed(with_it)}."
    holds = [*found.holds, *(change.one.subscription_id for change in with_it)]
    # Its own id says what it was about before.
    return _suspicion(found.kind, message, holds, [found.id, *map(str, with_it)])


def _moved(moved: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """Subscriptions that are another customer's than we know."""
    for one in moved:
        owner = known.owner(one.subscription_id)
        message = (
            f"Subscription {one.subscription_id} is customer {one.customer_id}'s here, and we know it as customer {owner}'s. Its event would "
            "be parked, for a person to decide whose it is."
        )
        yield _suspicion(SuspicionKind.MOVED, message, (one.subscription_id,))


def _mixed(moved: Sequence[Billed], new: Collection[str], known: KnownToUs) -> Iterator[Suspicion]:
    """Subscriptions of several customers that are others' here: what else the file says may be of another row, too."""
    ways = {(known.owner(one.subscription_id), one.customer_id) for one in moved}
    if len(ways) > 1:
        ids = sorted(one.subscription_id for one in moved)
        message = (
            f"{counted(len(ids), 'subscription is', 'subscriptions are')} other customers' here, not all of one to one other: {some(ids, SHOWN)}. Rows may have been "
            "exchanged, or a column moved."
        )
        yield _suspicion(SuspicionKind.EXCHANGED, message, new, ids)


# -- Ids


_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""What a spreadsheet takes for a number."""


def _written_alike(text: str, digits: int = 200) -> str:
    """The same for all ids that a spreadsheet makes of one: it drops zeros in front, writes 12e4 as 120000, 12345 as 12345.0 or 12,345.

    Those that differ in case only are alike too. With ``digits`` the rest of a number counts as zeros.
    """
    if re.fullmatch(r"[0-9]{1,3}([.,'][0-9]{3})+", text):
        text = re.sub("[.,']", "", text)
    if _NUMBER.fullmatch(text):
        context = Context(prec=digits, rounding="ROUND_DOWN", Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
        number = context.create_decimal(text).normalize(context)
        if number.is_finite():
            return str(number)
    return text.casefold()


def _are_alike(given: str, known: str) -> bool:
    return _written_alike(given) in (_written_alike(known), _written_alike(known, DIGITS))


def _alike_among(ids: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in sorted(ids):
        for writing in {_written_alike(each), _written_alike(each, DIGITS)}:
            found.setdefault(writing, []).append(each)
    return found


_MAY_BE = "A spreadsheet may have changed it."


def _alike(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """Ids and SKUs that are new, and equal to others except for what spreadsheets change."""
    yield from _subscriptions_alike(given, known)
    yield from _names_alike("Customer", given, known.customers, lambda one: [one.customer_id])
    yield from _names_alike("SKU", given, known.skus, lambda one: [*one.units])


def _subscriptions_alike(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    others = _alike_among({*known.subscriptions, *(one.subscription_id for one in given)})
    for one in given:
        new, customer = one.subscription_id, one.customer_id
        for other in others[_written_alike(new)] if new not in known.subscriptions else ():
            if other in known.subscriptions:
                message = f"Subscription {new} of {customer} is new, and {other} is known. {_MAY_BE}"
                yield _suspicion(SuspicionKind.ALIKE, message, (new, other))
            elif other < new:
                message = f"Subscriptions {other} and {new} of {customer} are new, and may be one. {_MAY_BE}"
                yield _suspicion(SuspicionKind.ALIKE, message, (new, other))


def _names_alike(
    what: str, given: Sequence[Billed], known: Collection[str], names: Callable[[Billed], Collection[str]]
) -> Iterator[Suspicion]:
    """New names, of which ``names`` gives those of a subscription, that look like known ones; they hold all that have them."""
    others = _alike_among(known)
    for new in sorted({name for one in given for name in names(one)} - {*known}):
        for other in others.get(_written_alike(new), ()):
            holds = [one.subscription_id for one in given if new in names(one)]
            yield _suspicion(
                SuspicionKind.ALIKE, f"{what} {new} is new, and {other} is known. {_MAY_BE}", holds
            )


def _numbers(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """New ids that are mere numbers where no known one is."""

    def strange(new: str, ids: Collection[str]) -> bool:
        numbers = (each for each in ids if _NUMBER.fullmatch(each))
        return bool(ids) and new not in ids and bool(_NUMBER.fullmatch(new)) and not any(numbers)

    for customer in sorted({one.customer_id for one in given}):
        if strange(customer, known.customers):
            holds = [one.subscription_id for one in given if one.customer_id == customer]
            message = f"Customer {customer} is new and a mere number, as no customer is that we know."
            yield _suspicion(SuspicionKind.NUMBER, message, holds)
    for one in given:
        if strange(one.subscription_id, known.subscriptions):
            message = f"Subscription {one.subscription_id} is new and a mere number, as no subscription is that we know."
            yield _suspicion(SuspicionKind.NUMBER, message, (one.subscription_id,))


# -- Units


def _by_customer(ones: Iterable[Billed]) -> Mapping[str, list[Billed]]:
    found: dict[str, list[Billed]] = {}
    for one in sorted(ones, key=lambda one: one.subscription_id):
        found.setdefault(one.customer_id, []).append(one)
    return found


def _in_place(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """New subscriptions with what is billed for another one, of which the file does not say what became."""
    named = {one.subscription_id: one for one in given}
    clients = _by_customer(known.subscriptions.values())
    lost = [
        one for customer in clients.keys() - {one.customer_id for one in given} for one in clients[customer]
    ]
    lacks = {*known.subscriptions} - {*named} if _is_whole(given, known) else set()
    written = {_written_alike(each) for each in named}
    lacks = {each for each in lacks if _written_alike(each) not in written}  # that one is said already
    for one in given:
        if one.subscription_id in known.subscriptions:
            continue
        yield from _beside(one, clients.get(one.customer_id, ()), named, lacks)
        if one.customer_id not in known.customers and one.filled():
            for other in lost:
                if one.filled() == other.filled():
                    yield _replaced(one, other, [*one.filled()], {one.subscription_id})


def _beside(
    new: Billed, others: Iterable[Billed], named: Mapping[str, Billed], lacks: Collection[str]
) -> Iterator[Suspicion]:
    """The client's known subscriptions that the new one may replace, of which the file does not say what became.

    They have a SKU of the new one, or nearly as many units. Those that a whole file ``lacks`` may have anything: a plan may be replaced
    by fewer seats of another one.
    """
    for other in others:
        if _are_alike(new.subscription_id, other.subscription_id):
            continue  # that is said already
        says = named[other.subscription_id].units if other.subscription_id in named else {}
        if both := [sku for sku in new.filled() if other.units.get(sku) and sku not in says]:
            yield _replaced(new, other, both, {new.subscription_id, other.subscription_id} & {*named})
        elif not says and other.filled() and new.filled():
            nearly = not _is_large(other.total(), new.total())
            if nearly or other.subscription_id in lacks:
                yield _replaced(new, other, [*new.filled()], {new.subscription_id})


def _swallowed(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """Known subscriptions that rise by what another one of the client has, or by more, where the file does not say what became of that."""
    named = {one.subscription_id: one.units for one in given}
    clients = _by_customer(known.subscriptions.values())
    for one in given:
        ours = known.subscriptions.get(one.subscription_id)
        for other in clients.get(one.customer_id, ()) if ours else ():
            for sku, units in sorted(other.filled().items()):
                rise = one.units.get(sku, 0) - (ours.units.get(sku, 0) if ours else 0)
                if sku not in named.get(other.subscription_id, {}) and rise >= units:
                    message = (
                        f"Subscription {one.subscription_id} of {one.customer_id} rises by {rise} {sku}; the file does not say what became "
                        f"of {units} in {other.subscription_id}, so both would be billed. If they are part of the rise, give "
                        f"{other.subscription_id} with quantity 0 in the same file."
                    )
                    holds = {one.subscription_id, other.subscription_id} & {*named}
                    yield _suspicion(SuspicionKind.IN_PLACE, message, holds)


def _replaced(one: Billed, other: Billed, skus: Sequence[str], holds: Iterable[str]) -> Suspicion:
    has = ", ".join(f"{one.units[sku]} {sku}" for sku in sorted(skus))
    message = (
        f"Subscription {one.subscription_id} of {one.customer_id} is new, with {has}; the file does not say what became of "
        f"{_has(other, skus)} in {other.subscription_id} of {other.customer_id}, so both would be billed. If one replaces the other, give "
        f"{other.subscription_id} with quantity 0 in the same file."
    )
    return _suspicion(SuspicionKind.IN_PLACE, message, holds)


def _has(other: Billed, skus: Iterable[str]) -> str:
    """What the other one has: just “that” where both have the same SKUs."""
    if any(other.units.get(sku) for sku in skus):
        return "that"
    return _items(other)


def _items(one: Billed) -> str:
    return ", ".join(f"{units} {sku}" for sku, units in sorted(one.filled().items()))


def _copies(given: Sequence[Billed], news: Iterable[_Change], known: KnownToUs) -> Iterator[Suspicion]:
    """New subscriptions that have what a known one of the client has in the same file, or nearly, and that the client would have more by.

    Two new ones may be equal: a client with two sites looks so, and nothing that is known says otherwise.
    """
    rise: Counter[tuple[str, str]] = Counter()
    for change in news:
        rise[change.customer, change.sku] += change.more
    clients = _by_customer(one for one in given if one.subscription_id in known.subscriptions)
    for one in given:
        others = () if one.subscription_id in known.subscriptions else clients.get(one.customer_id, ())
        there = [other for other in others if _are_both_billed(one, other, known.today)]
        copied = (other for is_copy in (_is_copy, _is_nearly_copy) for other in there if is_copy(one, other))
        twin = next(copied, None)
        if twin and any(rise[one.customer_id, sku] > 0 for sku in one.filled()):
            has, name = _items(one), twin.subscription_id
            both = (
                f"all that it has, {name} has in the same file too: {has}"
                if _is_copy(one, twin)
                else f"has {has}; {name} has nearly the same in the same file: {_items(twin)}"
            )
            message = (
                f"Subscription {one.subscription_id} of {one.customer_id} is new, and {both}. Both would be billed. If it is {name} under "
                f"another id, leave it out; if it replaces {name}, give {name} with quantity 0 in the same file."
            )
            yield _suspicion(SuspicionKind.COPY, message, {one.subscription_id})


def _are_both_billed(new: Billed, other: Billed, today: date) -> bool:
    """Whether there are days on which both are billed."""
    if _are_alike(new.subscription_id, other.subscription_id):
        return False  # that is said already
    begins, ends = new.days.get("effective_date", today), other.days.get("cancel_at")
    return not (other.ends and (ends is None or ends <= begins))


def _is_copy(new: Billed, other: Billed) -> bool:
    """Whether a new one has as many units as another one, of all SKUs or of some with more than a few units."""
    has, there = new.filled(), other.filled()
    return has == there or (new.total() > FEW and has.items() <= there.items())


def _is_nearly_copy(new: Billed, other: Billed) -> bool:
    """Whether a new one with more than a few units differs by a few from what another one has of its SKUs."""
    there = {sku: other.units.get(sku, 0) for sku in new.filled()}
    differs = sum(abs(new.units[sku] - units) for sku, units in there.items())
    return new.total() > FEW and differs <= min(FEW, MUCH * sum(there.values()))


def _changes(
    given: Sequence[Billed], made_up: Collection[tuple[str, str]], known: KnownToUs
) -> Iterator[Suspicion]:
    """Changes that are large for the subscription, and clients who would be billed nothing any more.

    ``made_up`` are the clients and SKUs whose units stay what they are: there no explicit change is large.
    """
    named = {one.subscription_id for one in given}
    clients = _by_customer(known.subscriptions.values())
    for customer, after in _by_customer(given).items():
        before = clients.get(customer, [])
        total = _lasting(before)
        if total and not _lasting([*after, *(one for one in before if one.subscription_id not in named)]):
            message = (
                f"Customer {customer} would be billed nothing any more; it is {counted(total, 'unit')} today."
            )
            yield _suspicion(SuspicionKind.TO_NOTHING, message, [one.subscription_id for one in after])
            continue
        for one in after:
            ours = known.subscriptions.get(one.subscription_id)
            stays = {sku for client, sku in made_up if client == customer}
            if ours and (changed := [*_large(ours, one, stays)]):
                message = f"Subscription {one.subscription_id} of {customer}: {', '.join(changed)}."
                yield _suspicion(SuspicionKind.LARGE, message, (one.subscription_id,))


def _lasting(subscriptions: Iterable[Billed]) -> int:
    """The units of those that do not end."""
    return sum(one.total() for one in subscriptions if not one.ends)


def _large(before: Billed, after: Billed, stays: Collection[str]) -> Iterator[str]:
    """What changes by much, unless the client's units of it stay, and what would go to 0 only because it has no row."""
    for sku in sorted({*before.units, *after.units}):
        old, new = _both(before, after, sku)
        no_row = old > 0 and sku not in after.units
        if no_row or (sku not in stays and _is_large(old, new)):
            yield f"{sku} from {old} to {new}" + (", for it has no row" if no_row else "")


def _made_up(news: Iterable[_Change], known: KnownToUs) -> frozenset[tuple[str, str]]:
    """The clients and SKUs of which as many units are gained as lost on one day: a subscription that is replaced, or seats that move."""
    of_each: dict[tuple[str, str], list[_Change]] = {}
    for change in news:
        of_each.setdefault((change.customer, change.sku), []).append(change)

    def on_one_day(changes: Iterable[_Change]) -> bool:
        ones = [change.one for change in changes]
        days = {(one.days.get("effective_date"), one.days.get("cancel_at")) for one in ones}
        # What ends on a day to come is still billed until then.
        ours = (known.subscriptions.get(one.subscription_id) for one in ones)
        return len(days) == 1 and not any(one.ends for one in (*ones, *ours) if one)

    return frozenset(
        of
        for of, changes in of_each.items()
        if sum(change.more for change in changes) == 0 and on_one_day(changes)
    )


def _both(before: Billed | None, after: Billed, sku: str) -> tuple[int, int]:
    """The units of a SKU before and after. A cancellation that only one of both knows of counts as if it had come."""
    old, new = before.units.get(sku, 0) if before else 0, after.units.get(sku, 0)
    if before and before.ends != after.ends:
        return (0, new) if before.ends else (old, 0)
    return old, new


def _clients(new: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """Clients who change by much as a whole: by new subscriptions, or by many small changes."""
    clients = _by_customer(known.subscriptions.values())
    totals = {customer: sum(one.total() for one in ones) for customer, ones in clients.items()}
    largest = max(totals.values(), default=0)
    for customer, given in _by_customer(new).items():
        if totals.get(customer):
            yield from _client(customer, clients[customer], given, known)
        elif (total := sum(one.total() for one in given)) > max(NEW_CLIENT, largest):
            message = (
                f"Customer {customer} has nothing today and would begin with {counted(total, 'unit')}; the largest client that we know has "
                f"{largest:,}."
            )
            yield _suspicion(SuspicionKind.LARGE, message, [one.subscription_id for one in given])


def _client(
    customer: str, before: Sequence[Billed], given: Sequence[Billed], known: KnownToUs
) -> Iterator[Suspicion]:
    """Beside what is large for one subscription. By new ones a SKU may double, and a new SKU may have as many units as all others together."""
    total = sum(one.total() for one in before)
    for sku in sorted({sku for one in given for sku in one.units}):
        moves = [*_moves(sku, given, known)]
        had, change = sum(one.units.get(sku, 0) for one in before), sum(move.units for move in moves)
        opens = change > 0 and any(move.new for move in moves)
        # With what is large by itself, too: a subscription that goes may make up for one that comes.
        whole = sum(one.more for one in _changed(given, known) if one.sku == sku)
        if min(abs(change), abs(whole)) > max(FEW, (had or total) if opens else SHARE * had):
            which = ", ".join(map(str, moves))
            message = f"Customer {customer}: {sku} from {had:,} to {had + change:,} by {which}."
            yield _suspicion(SuspicionKind.LARGE, message, [move.subscription_id for move in moves])


class _Move(NamedTuple):
    subscription_id: str
    units: int
    new: bool

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.units:+,}{' (new)' if self.new else ''}"


def _moves(sku: str, given: Iterable[Billed], known: KnownToUs) -> Iterator[_Move]:
    """By how much the subscriptions change a SKU, but for those that are large by themselves."""
    for one in given:
        ours = known.subscriptions.get(one.subscription_id)
        old, new = _both(ours, one, sku)
        if old != new and (ours is None or not _is_large(old, new)):
            yield _Move(one.subscription_id, new - old, ours is None)


# -- The file as a whole: each change is small by itself


class _Change(NamedTuple):
    """A SKU of a subscription, before and after; one that we do not know had 0."""

    one: Billed
    sku: str
    old: int
    new: int

    @property
    def customer(self) -> str:
        return self.one.customer_id

    @property
    def more(self) -> int:
        """Negative: fewer."""
        return self.new - self.old

    def __str__(self) -> str:
        return f"{self.one.subscription_id} of {self.customer}: {self.sku} from {self.old:,} to {self.new:,}"


def _listed(changes: Iterable[_Change]) -> str:
    return some(sorted(map(str, changes)), SHOWN, "; ")


def _changed(given: Iterable[Billed], known: KnownToUs) -> Iterator[_Change]:
    for one in given:
        ours = known.subscriptions.get(one.subscription_id)
        for sku in sorted({*(ours.units if ours else ()), *one.units}):
            old, units = _both(ours, one, sku)
            if old != units:
                yield _Change(one, sku, old, units)


def _exchanged(changed: Sequence[_Change]) -> Iterator[Suspicion]:
    """Changes by which two rows just get each other's number, or all of them those of other rows: rows or a column may have been moved."""
    by_numbers: dict[tuple[int, int], list[_Change]] = {}
    for change in changed:
        by_numbers.setdefault((change.old, change.new), []).append(change)
    pairs = [
        [*ones, *by_numbers[new, old]]
        for (old, new), ones in sorted(by_numbers.items())
        if old < new and (new, old) in by_numbers
    ]
    before, after = Counter(one.old for one in changed), Counter(one.new for one in changed)
    foreign = len(changed) - (before & after).total()
    # Of a column that was moved, the number at the end may have fallen out.
    # Some of many may have changed besides.
    besides = max(0 if pairs else 1, len(changed) // OTHERS_BESIDE)
    if len(changed) > 2 and foreign <= besides:
        yield _moved_numbers(changed, "have the numbers of one another here")
    else:
        yield from (_moved_numbers(pair, "have each other's number here") for pair in pairs)


def _moved_numbers(changes: Sequence[_Change], what: str) -> Suspicion:
    message = f"{counted(len(changes), 'row')} {what}: {_listed(changes)}. Rows may have been exchanged, or a column moved."
    return _suspicion(
        SuspicionKind.EXCHANGED,
        message,
        [change.one.subscription_id for change in changes],
        map(str, changes),
    )


class _Together(NamedTuple):
    """What a file changes, with what is looked at otherwise."""

    news: Sequence[_Change]
    made_up: Collection[tuple[str, str]]
    """Of these clients and SKUs no unit comes or goes."""
    by_themselves: Collection[str]
    """New subscriptions among these are held by what they are alone."""

    def of_billed(self, known: KnownToUs) -> Sequence[_Change]:
        """Of what is known, and new subscriptions of clients that are billed already.

        A client that has nothing yet does not count: the first file of a new partner has only such clients.
        """
        billed = _billed_clients(known)
        return [
            change
            for change in self.news
            if change.one.subscription_id in known.subscriptions or change.customer in billed
        ]

    def is_small(self, change: _Change, known: KnownToUs) -> bool:
        """Whether nothing else looks at a change, or makes up for it."""
        if change.one.subscription_id in known.subscriptions:
            return not _is_large(change.old, change.new)
        alone = change.one.subscription_id in self.by_themselves
        return not alone and (change.customer, change.sku) not in self.made_up


def _billed_clients(known: KnownToUs) -> set[str]:
    return {one.customer_id for one in known.subscriptions.values() if one.total()}


def _are_most(count: int, of: Collection[str]) -> bool:
    """Whether so many are more than one, and most of these."""
    return count > max(1, MOST * len(of))


def _all_together(
    together: _Together, given: Iterable[Billed], new: Collection[str], known: KnownToUs
) -> Iterator[Suspicion]:
    """Most clients change the same way, or several by much together. Then all of the file waits, for it may be another one than is meant."""
    changed = together.of_billed(known)
    small = [change for change in changed if together.is_small(change, known)]
    clients: dict[str, int] = {}
    for change in changed:
        clients[change.customer] = clients.get(change.customer, 0) + change.more
    named = {one.customer_id for one in given}
    whole = sum(one.total() for one in known.subscriptions.values() if one.customer_id in named)
    if what := _one_way(clients.values(), known) or _by_much(small, whole):
        rise = sum(units for units in clients.values() if units > 0)
        total = sum(clients.values())
        message = (
            f"{what}: {rise:+,} and -{rise - total:,}, from {whole:,} to {counted(whole + total, 'unit')} in all that the file names. Is it the right "
            "file, as it was exported?"
        )
        yield _suspicion(SuspicionKind.WHOLE, message, new, [*map(str, changed)])


def _one_way(changes: Collection[int], known: KnownToUs) -> str:
    """What to say where most clients change the same way; ``""``: they do not."""
    billed = _billed_clients(known)
    rise, fall = sum(units > 0 for units in changes), sum(units < 0 for units in changes)
    if not _are_most(max(rise, fall), billed):
        return ""
    way = "more" if rise > fall else "fewer"
    return f"{max(rise, fall)} of the {len(billed)} clients that are billed would have {way} units at once"


def _by_much(small: Sequence[_Change], whole: int) -> str:
    """What to say where several clients change by much together; ``""``: they do not. What is large by itself holds no others."""
    clients = {change.customer for change in small}
    units = sum(abs(change.more) for change in small)
    if len(clients) < 2 or units <= max(FEW, MUCH * whole):
        return ""
    return f"{counted(len(clients), 'client')} would change by {counted(units, 'unit')} together"


def _is_large(old: int, new: int) -> bool:
    return abs(new - old) > max(FEW, SHARE * old)


def _versions(given: Sequence[Billed], known: KnownToUs) -> Iterator[Suspicion]:
    """Versions that leap ahead of the one that is known, or, of a new subscription, of all that are."""
    newest = max((one.version or 0 for one in known.subscriptions.values()), default=0)
    for one in given:
        ours = known.subscriptions.get(one.subscription_id)
        before = (ours.version or 0) if ours else newest
        if one.version is not None and one.version > 2 * before + LEAP:
            knows = (
                f"we know version {before}"
                if ours
                else f"the newest of any subscription that we know is {before}"
            )
            message = (
                f"Subscription {one.subscription_id} of {one.customer_id} has version {one.version}, and {knows}. If it is not right, "
                "every later event of Timus's own would be an old one."
            )
            yield _suspicion(SuspicionKind.VERSION, message, (one.subscription_id,))


def _days(given: Sequence[Billed], today: date) -> Iterator[Suspicion]:
    """Days that are so far away that the year may be a slip."""
    for one in given:
        for column, day in sorted(one.days.items()):
            before, after = PLAUSIBLE[column]
            away = (day - today).days
            if not -before <= away <= after:
                message = (
                    f"Subscription {one.subscription_id} of {one.customer_id}: {column} is {day}, {counted(abs(away), 'day')} "
                    f"{'after' if away > 0 else 'before'} today."
                )
                yield _suspicion(SuspicionKind.DAY, message, (one.subscription_id,))


def _terms_together(given: Iterable[Billed], new: Collection[str], known: KnownToUs) -> Iterator[Suspicion]:
    """Most clients' terms would end much later than is known. A contract that is extended is never shortened again."""
    longer = {
        one.customer_id: (ours.days["term_end"], one.days["term_end"])
        for one in given
        if one.subscription_id in new
        and (ours := known.subscriptions.get(one.subscription_id))
        and "term_end" in one.days
        and "term_end" in ours.days
        and (one.days["term_end"] - ours.days["term_end"]).days > LONGER
    }
    billed = _billed_clients(known)
    if _are_most(len(longer), billed):
        customer, (before, after) = min(longer.items())
        message = (
            f"{len(longer)} of the {len(billed)} clients that are billed would have terms that end more than two years later than before, as that of "
            f"{customer}: {after} instead of {before}. Is it the right file, as it was exported?"
        )
        about = [f"{one}: {days}" for one, days in longer.items()]
        yield _suspicion(SuspicionKind.WHOLE, message, new, about)


def _older(told_since: Sequence[ToldSince], new: Collection[str]) -> Iterator[Suspicion]:
    """What Timus told otherwise since. Where most of what would become events is so, the file as a whole is an older one."""
    for one in told_since:
        yield _suspicion(SuspicionKind.TOLD_SINCE, one.message, (one.subscription_id,))
    if _are_most(len(told_since), new):
        first = min((one.at for one in told_since if one.at), default=None)
        than = told_at(first) if first else "these changes"
        message = (
            f"The file looks older than {than}: {len(told_since)} of the {counted(len(new), 'subscription')} that it would change have what was "
            "so before Timus told of a change. Export it again."
        )
        yield _suspicion(SuspicionKind.WHOLE, message, new, [one.message for one in told_since])


def told_at(when: datetime) -> str:
    """A time of Timus's own, for people."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def is_recent(told: datetime | None, today: date) -> bool:
    """Whether Timus told of something so short ago that a file may be older."""
    return told is not None and told.date() >= today - RECENT


def _clients_missing(given: Sequence[Billed], known: KnownToUs, new: Collection[str]) -> Iterator[Suspicion]:
    """Clients that a file lacks which was meant to be whole. What is in it may be cut off as well."""
    billed = _billed_clients(known)
    lacks = sorted(billed - {one.customer_id for one in given})
    if not lacks or not (len(lacks) == len(billed) or _is_whole(given, known)):
        return
    message = (
        f"The file lacks {len(lacks)} of the {len(billed)} clients that are billed: {some(lacks, SHOWN)}. "
        f"Is it whole?{_new_by_now(lacks, known)}"
    )
    yield _suspicion(SuspicionKind.CLIENTS_MISSING, message, new, lacks)


def _new_by_now(lacks: Collection[str], known: KnownToUs) -> str:
    """What to say of clients that Timus told of only lately: a file that is older cannot have them."""
    first: dict[str, datetime] = {}
    for one in known.subscriptions.values():
        if one.customer_id in lacks and one.first_told:
            first[one.customer_id] = min(one.first_told, first.get(one.customer_id, one.first_told))
    new = [one for one, told in first.items() if is_recent(told, known.today)]
    if not new:
        return ""
    newest = max(new, key=lambda one: (first[one], one))
    return f" Timus told of {newest} first on {told_at(first[newest])}: is the file older than that?"


def _is_whole(given: Iterable[Billed], known: KnownToUs) -> bool:
    """Whether a file names so many of the clients that are billed that it is no part on purpose."""
    billed = _billed_clients(known)
    there = billed & {one.customer_id for one in given}
    return bool(there) and len(there) >= PART * len(billed)
