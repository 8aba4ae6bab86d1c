"""What happens to some stories besides. Each hardship draws from a stream of its own, so that no other story changes because of it.

hostile ids:     ids that the contract of the webhook accepts, and that mean something to a terminal, a path or a key range
a restart:       Timus begins to count a subscription's versions again; a person accepts that, dismisses it, or nobody decides
never applied:   a customer who stays unmapped, until the end or for good
a curse:         the merge of one customer raises whenever it is tried, for good or until the others have come to rest
empty periods:   Autotask adds periods without units to a contract that is extended; where a term is renewed, the former one ends within days
observation:     nothing is written to Autotask until a person goes live, somewhere in the story
undo:            a person takes back changes that were made, of one line or of both sides of a plan change
changed terms:   a person sets terms for everybody, after a look at what would be adjusted
own terms:       a customer has terms of his own, which differ from those of whoever shares the contract
shared contract: two customers' units go to one contract, the second one's rightly or as another company's
a transfer:      Timus says that a subscription is another customer's; a person confirms that, dismisses it, or nobody decides; it may come back
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

from tests.simulation.rates import Profile
from tests.simulation.scheduler import SECOND, moment
from tests.simulation.story import (
    GATEWAY,
    HOUR,
    PLANS,
    TERM_END,
    ClientPlan,
    Details,
    Happening,
    Said,
    Story,
    local_day,
)

HOSTILE = (
    "~x",
    "~" * 128,
    "../",
    "../../etc/passwd",
    "#",
    "#a#b",
    "a#",
    "CUSTOMER#1",
    "INBOX#1",
    "MAPPING",
    "SUBSCRIPTION#",
    "!",
    "*",
    "%00",
    "$(id)",
    "'--",
    '"};{"',
    "\\u001b",
    "<b>&amp;",
    "=1+1",
    "x" * 128,
)
"""Printable ASCII without spaces, at most 128 characters: all that the contract accepts."""


MOST_ANEW = 3
"""Versions that Timus counts again from 1: fewer than it had counted before, or they would be newer by their numbers."""


def beset(story: Story, profile: Profile) -> Story:
    """The story with the hardships that its seed draws."""
    for name, rate, hardship in (
        ("a shared contract", profile.shared, _shared),
        ("own terms", profile.own_terms, _own_terms),
        ("never applied", profile.unapplied, _never_applied),
        ("a restart", profile.restarts, _restarts),
        ("changed terms", profile.previews, _changed_terms),
        ("undo", profile.undoes, _undoes),
        ("a curse", profile.cursed, _cursed),
        ("a transfer", profile.transfers, _transferred),
        ("hostile ids", profile.hostile, _hostile),
        ("observation", profile.observes, _observes),
    ):
        r = Random(f"{story.seed} {name}")
        if r.random() < rate:
            story = hardship(story, r)
    r = Random(f"{story.seed} extended periods")
    return _empty_periods(story, r) if r.random() < 0.3 else story


def _with(story: Story, *more: Happening, **changes: object) -> Story:
    happenings = tuple(sorted((*story.happenings, *more), key=lambda happening: happening.at))
    return replace(story, happenings=happenings, **changes)  # type: ignore[arg-type]


def _said(story: Story) -> list[Said]:
    return [happening.what["said"] for happening in story.happenings if happening.kind == "say"]


def _last(story: Story) -> int:
    return max(happening.at for happening in story.happenings)


# -- Undo


def _undoes(story: Story, r: Random) -> Story:
    """A person undoes one change or several, while news come and when all has been said."""
    first, last = min(happening.at for happening in story.happenings), _last(story)
    moments = [
        int(r.uniform(first + 60 * SECOND, last + 3 * HOUR * SECOND))
        for _ in range(r.choice((1, 1, 2, 3, 5)))
    ]
    return _with(
        story,
        *(
            Happening(at, "undo", Details(pick=r.randrange(8), seconds=r.choice((0.0, 20.0))))
            for at in moments
        ),
    )


# -- Empty periods


def _empty_periods(story: Story, r: Random) -> Story:
    """A term that is renewed ends so soon that the first day of the next one is looked at, too."""
    story = replace(story, switches={**story.switches, "extended_periods": "empty"})
    if all(said.term_end == TERM_END for said in _said(story)):
        return story
    end = local_day(_last(story), ZoneInfo(story.zone)) + timedelta(days=r.randint(1, 3))

    def sooner(one: Happening) -> Happening:
        what = one.what.copy()
        if "said" in what and what["said"].term_end == TERM_END:
            what["said"] = replace(what["said"], term_end=end)
        return replace(one, what=what)

    return replace(
        story,
        contracts=tuple(replace(one, end=min(one.end, end)) for one in story.contracts),
        happenings=tuple(map(sooner, story.happenings)),
    )


# -- A shared contract


def _shared(story: Story, r: Random) -> Story:
    """A second customer goes to the contracts of the first: as one of its company, or as one of his own, which is wrong."""
    others = {happening.what.get("customer") for happening in story.happenings}
    free = [
        number
        for number, client in enumerate(story.clients)
        if client.contract is not None and client.id not in others
    ]
    if len(free) < 2:
        return story
    number, second = r.sample(free, 2)
    clients = list(story.clients)
    first = clients[number]
    company = first.company if r.random() < 0.8 else clients[second].company
    clients[second] = replace(
        clients[second], company=company, contract=first.contract, gateway_contract=first.gateway_contract
    )
    return replace(story, clients=tuple(clients))


# -- Own terms


def _own_terms(story: Story, r: Random) -> Story:
    """One customer or several have approvals, limits and an answer to drift of their own."""
    spoiled = {
        h.what["client"] for h in story.happenings if h.kind == "poison" and h.what["fault"] == "terms"
    }
    clients = [
        client if number in spoiled or r.random() < 0.4 else replace(client, terms=_terms_of_one(r))
        for number, client in enumerate(story.clients)
    ]
    return replace(story, clients=tuple(clients))


def _terms_of_one(r: Random) -> dict[str, object]:
    chosen: dict[str, object] = {
        "approve_increases": {"above_units": r.choice((0, 0, 2))},
        "approve_decreases": {"above_units": r.choice((0, 0, 2))},
        "line_limit": r.randint(0, 4),
        "customer_day_limit": r.randint(3, 20),
        "drift": r.choice(("park", "adopt", "enforce")),
    }
    return {name: chosen[name] for name in r.sample(sorted(chosen), r.randint(1, 3))}


# -- Never applied


def _never_applied(story: Story, r: Random) -> Story:
    """A mapped client is not mapped, and everything that is said of him waits."""
    others = {happening.what.get("customer") for happening in story.happenings}
    poisoned = {h.what["client"] for h in story.happenings if h.kind == "poison"}
    free = [
        number
        for number, client in enumerate(story.clients)
        if client.contract is not None and client.id not in others and number not in poisoned
    ]
    if not free:
        return story
    number = r.choice(free)
    client = story.clients[number]
    clients = list(story.clients)
    clients[number] = replace(client, company=None, contract=None)
    if r.random() < 0.5:
        return _with(story, clients=tuple(clients))
    at = _last(story) + int(r.uniform(60, 2 * HOUR) * SECOND)
    what = Details(customer=client.id, company=client.company, contract=client.contract or 0)
    return _with(story, Happening(at, "map", what), clients=tuple(clients))


# -- A counter that begins again


def _restarts(story: Story, r: Random) -> Story:
    """Some versions more of one subscription, which Timus counts from 1 again."""
    said = _said(story)
    newest = {one.subscription: one for one in sorted(said, key=lambda one: one.number)}
    subscription = r.choice(sorted(newest))
    before = newest[subscription]
    former = r.choice((0, 7, 40)) if before.number > MOST_ANEW else 40
    zone = ZoneInfo(story.zone)
    at = max(h.at + int(max(h.what["delays"]) * SECOND) for h in story.happenings if h.kind == "say")
    more: list[Happening] = []
    for count in range(1, r.randint(1, MOST_ANEW) + 1):
        at += int(
            r.choice((r.uniform(10, 300), r.uniform(300, 5 * HOUR), r.uniform(5 * HOUR, 30 * HOUR))) * SECOND
        )
        changed = r.choice(sorted(before.items))
        items = {**before.items, changed: max(0, before.items[changed] + r.choice((-3, -1, 0, 1, 2, 5)))}
        day = local_day(at, zone)
        now = replace(
            before,
            number=before.number + count,
            counted=count,
            anew=True,
            items=items,
            day=day,
            effective_at=moment(at),
            reported_at=moment(at),
            status="active",
            cancel_at=None,
            renews=False,
        )
        more.append(Happening(at, "say", Details(said=now, delays=(r.uniform(0.2, 3),))))
    verdict = r.choice(("accept", "accept", "dismiss", None))
    if verdict:
        when = more[0].at + int(r.uniform(30, (at - more[0].at) / SECOND + HOUR) * SECOND)
        more.append(Happening(when, verdict, Details(subscription=subscription)))
    return _with(
        replace(story, happenings=tuple(_counted(h, subscription, former) for h in story.happenings)), *more
    )


def _counted(happening: Happening, subscription: str, more: int) -> Happening:
    """The same, with the subscription's versions counted so many further."""
    said = happening.what.get("said")
    if said is None or said.subscription != subscription:
        return happening
    what = happening.what.copy()
    what["said"] = replace(said, counted=said.number + more)
    return replace(happening, what=what)


# -- Terms that change


def _changed_terms(story: Story, r: Random) -> Story:
    """One to three changes of terms that are billed by the day."""
    first, last = min(h.at for h in story.happenings), _last(story)
    plans = sorted({sku for said in _said(story) for sku in said.items if sku in PLANS})
    more = []
    for _ in range(r.randint(1, 3)):
        name = r.choice(("minimum", "minimum", "included", "excluded"))
        sku = r.choice((*plans, GATEWAY)) if name == "excluded" else r.choice(plans)
        units = {"minimum": r.randint(3, 40), "included": r.randint(1, 4), "excluded": 0}[name]
        at = int(r.uniform(first, last + HOUR * SECOND))
        seconds = r.choice((0.0, 0.0, r.uniform(1, 60)))
        more.append(Happening(at, "terms", Details(choice=name, sku=sku, delta=units, seconds=seconds)))
    return _with(story, *more, terms=story.terms or {"drift": "park"})


# -- Observation


def _observes(story: Story, r: Random) -> Story:
    """The stack observes from the beginning, and somebody goes live. Not where no preview is to be had: one customer fails for good there."""
    if any(happening.kind in ("poison", "curse") for happening in story.happenings):
        return story
    first, last = min(h.at for h in story.happenings), _last(story)
    return _with(story, Happening(int(r.uniform(first, last + HOUR * SECOND)), "go_live"))


# -- A curse


def _cursed(story: Story, r: Random) -> Story:
    """From some time on, the merge of one customer raises."""
    if len(story.clients) < 2 or any(happening.kind == "poison" for happening in story.happenings):
        return story
    client = r.randrange(len(story.clients))
    first, last = min(h.at for h in story.happenings), _last(story)
    choice = r.choice(("for good", "for a while"))
    return _with(
        story, Happening(int(r.uniform(first, last)), "curse", Details(client=client, choice=choice))
    )


# -- A transfer


def _transferred(story: Story, r: Random) -> Story:
    """Versions more of one subscription, which say another customer, and some of them perhaps the former one again.

    Not where a customer's events cannot be merged: nobody knows then what was known when a person decided.
    """
    said = _said(story)
    restarted = {one.subscription for one in said if one.anew}
    newest = {one.subscription: one for one in sorted(said, key=lambda one: one.number)}
    free = sorted(newest.keys() - restarted)
    if len(story.clients) < 2 or not free or any(happening.kind == "curse" for happening in story.happenings):
        return story
    before = newest[r.choice(free)]
    former, zone = before.customer, ZoneInfo(story.zone)
    other = r.choice([client.id for client in story.clients if client.id != former])
    at = max(h.at for h in story.happenings if h.kind == "say" and h.what["said"] == before)
    more: list[Happening] = []
    customer, items = other, before.items
    for count in range(1, r.randint(1, 4) + 1):
        at += int(
            r.choice((r.uniform(10, 300), r.uniform(300, 5 * HOUR), r.uniform(5 * HOUR, 30 * HOUR))) * SECOND
        )
        if count > 1 and r.random() < 0.2:
            customer = former if customer == other else other
        items = _as_it_goes(items, r)
        effective = moment(at) + timedelta(days=r.choice((0, 0, 0, 0, -3, -1, 1, 2)))
        now = replace(
            before,
            customer=customer,
            number=before.number + count,
            items=items,
            day=effective.astimezone(zone).date(),
            effective_at=effective,
            reported_at=moment(at),
            status="active",
            cancel_at=None,
            renews=False,
        )
        delay = r.choice((r.uniform(0.2, 3), r.uniform(0.2, 3), r.uniform(60, 3 * HOUR)))
        more.append(Happening(at, "say", Details(said=now, delays=(delay,))))
    first, last = more[0].at, at
    for verdict in r.choice((("accept",), ("accept",), ("accept", "accept"), ("dismiss",), ())):
        when = first + int(r.uniform(30, (last - first) / SECOND + 2 * HOUR) * SECOND)
        more.append(Happening(when, verdict, Details(subscription=before.subscription)))
    return _with(story, *more)


def _as_it_goes(items: Mapping[str, int], r: Random) -> dict[str, int]:
    """What the new customer has of a subscription: the same, some more or fewer, or the seats on another plan."""
    changed, turn = r.choice(sorted(items)), r.random()
    if turn < 0.4:
        return {**items}
    if turn < 0.8 or changed == GATEWAY:
        return {**items, changed: max(0, items[changed] + r.choice((-3, -1, 1, 2, 5)))}
    new = r.choice([plan for plan in PLANS if plan != changed])
    return {new: items[changed], **{sku: units for sku, units in items.items() if sku not in (changed, new)}}


# -- Hostile ids


def _hostile(story: Story, r: Random) -> Story:
    """Every customer and subscription has an id that is none of a friend; some begin as others do."""
    names = [*dict.fromkeys([c.id for c in story.clients] + [one.subscription for one in _said(story)])]
    drawn = r.sample(HOSTILE, min(len(names), len(HOSTILE)))
    if len(drawn) > 1 and r.random() < 0.3:
        drawn[-1] = f"{drawn[0]}#"[-128:] if len(drawn[0]) < 128 else drawn[-1]
    renamed = dict(zip(names, drawn, strict=False))
    if len({*renamed.values()}) < len(renamed):
        return story

    def of(name: str) -> str:
        return renamed.get(name, name)

    def client(one: ClientPlan) -> ClientPlan:
        return replace(one, id=of(one.id))

    def happening(one: Happening) -> Happening:
        what = one.what.copy()
        if "said" in what:
            said = what["said"]
            what["said"] = replace(said, subscription=of(said.subscription), customer=of(said.customer))
        if "customer" in what:
            what["customer"] = of(what["customer"])
        if "subscription" in what:
            what["subscription"] = of(what["subscription"])
        return replace(one, what=what)

    return replace(
        story,
        clients=tuple(map(client, story.clients)),
        happenings=tuple(map(happening, story.happenings)),
    )
