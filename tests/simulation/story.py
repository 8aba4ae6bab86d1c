"""What happens in a world, drawn from a seed before it begins: who the clients are, what Timus says, what people do.

A story is a value. Its happenings can be taken out one by one, so that a failure shrinks to those that matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Annotated, Any, Unpack
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from typing_extensions import TypedDict

from tests.simulation.rates import Profile
from tests.simulation.scheduler import SECOND, micros, moment

PLANS = ("SASE-ADV-USER", "SASE-ESS-USER", "SASE-PRO-USER")
GATEWAY = "SASE-GATEWAY"
SERVICES: Mapping[str, int] = {PLANS[0]: 45, PLANS[1]: 46, PLANS[2]: 48, GATEWAY: 47}
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata", "Europe/London")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def _instant(value: object) -> object:
    return micros(datetime.fromisoformat(value)) if isinstance(value, str) else value


Instant = Annotated[int, BeforeValidator(_instant), PlainSerializer(lambda at: moment(at).isoformat())]
"""An instant of virtual time (microseconds); in a file an ISO 8601 time."""


TERM_END = date(2026, 12, 31)
"""The last day of each first term, and of most contracts."""


@dataclass(frozen=True)
class Said:
    """One version of a subscription, as Timus has it."""

    subscription: str
    customer: str
    number: int
    day: date
    """The effective day in the partner's zone."""
    effective_at: Annotated[datetime, AfterValidator(lambda at: at.astimezone(UTC))]
    items: Mapping[str, int]
    status: str = "active"
    cancel_at: date | None = None
    term_end: date = TERM_END
    renews: bool = False
    reported_at: datetime | None = None
    """The event's own time, where the story depends on it."""
    counted: int | None = None
    """The version as Timus counts it; None: ``number``, which goes on for ever."""
    anew: bool = False
    """Timus's counter has begun again."""

    @property
    def event_id(self) -> str:
        """The ``webhook-id`` of its message, which has no dots."""
        return f"{self.subscription}-v{self.number}".replace(".", ":")

    def units(self, sku: str, day: date) -> int:
        """What it says of a SKU for a day that it governs."""
        if self.status == "trial" or (self.status == "canceled" and self.cancel_at is None):
            return 0
        if self.cancel_at is not None and day >= self.cancel_at:
            return 0
        return self.items.get(sku, 0)


class Details(TypedDict, total=False):
    """What the kinds of happenings take, by the names of the parameters of the world's ``_on_<kind>``."""

    said: Said
    delays: tuple[float, ...]
    """Seconds until each delivery of one message."""
    customer: str
    subscription: str
    company: int | None
    contract: int
    sku: str
    day: date
    delta: int
    choice: str
    client: int
    """The number of a client in the story."""
    fault: str
    later: float
    seconds: float
    pick: int
    """Which of the changes that were made, the newest is 0."""


@dataclass(frozen=True)
class Happening:
    """Something that the world does to the product."""

    at: Instant
    kind: str
    what: Details = field(default_factory=Details)

    def __str__(self) -> str:
        shown = ", ".join(f"{k}={v}" for k, v in self.what.items())
        return f"{moment(self.at):%m-%d %H:%M:%S} {self.kind}({shown})"


@dataclass(frozen=True)
class ContractPlan:
    """A contract in Autotask when the story begins."""

    id: int
    company: int
    start: date
    end: date
    units: Mapping[str, int] = field(default_factory=dict)
    recurring: bool = True
    posted_through: date | None = None


@dataclass(frozen=True)
class ClientPlan:
    """A customer of Timus and where a person says it belongs. ``company``/``contract`` None: not mapped yet."""

    id: str
    company: int | None
    contract: int | None
    gateway_contract: int | None = None
    """Where the gateways go, if elsewhere."""
    terms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """Everything that is given when a world begins, and everything that will happen to it."""

    seed: int
    start: Instant
    zone: str
    quiet: int
    settle: int
    clients: tuple[ClientPlan, ...]
    contracts: tuple[ContractPlan, ...]
    happenings: tuple[Happening, ...]
    switches: Mapping[str, Any] = field(default_factory=dict)
    hidden_skus: tuple[str, ...] = ()
    """SKUs that no service carries when the story begins."""
    terms: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 5
    """How often the queue hands out a message before it is a dead letter."""
    families: bool = False
    """Whether people have said which SKUs are plans and which are add-ons."""


def local_day(when: int, zone: ZoneInfo) -> date:
    """The partner's local day of an instant."""
    return moment(when).astimezone(zone).date()


def told(seed: int, profile: Profile) -> Story:
    """The story of a seed."""
    from tests.simulation.hardships import beset

    story = _with_families(_Teller(seed, profile).story(), profile)
    return beset(_with_a_replacement(story, profile), profile)


def _with_families(story: Story, profile: Profile) -> Story:
    """The story in which people may have said which SKUs are plans; drawn from a stream of its own."""
    return replace(story, families=Random(story.seed * 2 + 2_000_000_011).random() < profile.families)


def _with_a_replacement(story: Story, profile: Profile) -> Story:
    """The story with a subscription that another one replaces within the day, or that has no seats for a while.

    It draws from a stream of its own, so that no other story changes.
    """
    r = Random(story.seed * 2 + 1_000_000_007)
    if r.random() >= profile.replaced:
        return story
    said = [happening for happening in story.happenings if happening.kind == "say"]
    former = r.choice([happening.what["said"] for happening in said])
    newest = max((s for h in said if (s := h.what["said"]).subscription == former.subscription), key=_number)
    if newest.status != "active" or newest.cancel_at is not None:
        return story
    at = max(happening.at for happening in said) + int(r.uniform(60, 2 * HOUR) * SECOND)
    later = at + int(r.choice((r.uniform(1, 60), r.uniform(60, 40 * MINUTE))) * SECOND)
    day = local_day(at, ZoneInfo(story.zone))
    pair = _by_itself(newest, day, r)
    apart = Random(story.seed * 2 + 3_000_000_019)
    other = _by_another_plan(newest, at, later, day, apart) if story.families else ()
    terms = {"decrease_wait": r.choice((5, 10))} if r.random() < 0.3 else story.terms
    if other and not terms and apart.random() < 0.4:
        terms = {"approve_decreases": {"above_units": 0}}
    more = [
        Happening(when, "say", Details(said=_as_of(one, when, story), delays=(r.uniform(0.2, 3),)))
        for one, when in other or zip(pair, (at, later), strict=True)
    ]
    return replace(story, happenings=(*story.happenings, *more), terms=terms)


def _by_itself(newest: Said, day: date, r: Random) -> tuple[Said, Said]:
    """The same seats in another subscription, or again after a while."""
    ends = replace(newest, number=newest.number + 1, status="canceled", cancel_at=day)
    begins = replace(newest, subscription=f"{newest.subscription}r", number=1)
    none = replace(newest, number=newest.number + 1, items=dict.fromkeys(newest.items, 0))
    back = replace(newest, number=newest.number + 2)
    return r.choice(((ends, begins), (begins, ends), (none, back)))


def _by_another_plan(newest: Said, at: int, later: int, day: date, r: Random) -> tuple[tuple[Said, int], ...]:
    """Seats of one plan go, all or some of them, and seats of another one come in a new subscription; nothing: the plan stays.

    One more seat of the old plan may have taken its day before.
    """
    plan = next((sku for sku in PLANS if newest.items.get(sku)), None)
    if plan is None or r.random() < 0.3:
        return ()
    said: list[tuple[Said, int]] = []
    if r.random() < 0.6:
        newest = replace(
            newest, number=newest.number + 1, items={**newest.items, plan: newest.items[plan] + 1}
        )
        said.append((newest, at))
        at += int(r.uniform(5, 20) * MINUTE * SECOND)
    later = max(later, at + int(r.choice((r.uniform(1, 60), r.uniform(10 * MINUTE, HOUR))) * SECOND))
    seats, other, more = (
        newest.items[plan],
        r.choice([sku for sku in PLANS if sku != plan]),
        r.choice((0, 0, 5)),
    )
    others = {sku: units for sku, units in newest.items.items() if sku not in PLANS}
    ends = replace(newest, number=newest.number + 1, status="canceled", cancel_at=day)
    begins = replace(
        newest, subscription=f"{newest.subscription}r", number=1, items={other: seats + more, **others}
    )
    if r.random() < 0.5:
        moved = r.randint(1, seats)
        ends = replace(ends, status="active", cancel_at=None, items={**newest.items, plan: seats - moved})
        begins = replace(begins, items={other: moved + more})
    order = (ends, begins) if r.random() < 0.7 else (begins, ends)
    return (*said, *zip(order, (at, later), strict=True))


def _number(said: Said) -> int:
    return said.number


def _as_of(said: Said, at: int, story: Story) -> Said:
    """The same, reported then."""
    return replace(
        said, day=local_day(at, ZoneInfo(story.zone)), effective_at=moment(at), reported_at=moment(at)
    )


class _Teller:
    def __init__(self, seed: int, profile: Profile) -> None:
        self.r = Random(seed * 2 + 1)
        self.seed = seed
        self.p = profile
        self.zone_name = self.r.choice(ZONES)
        self.zone = ZoneInfo(self.zone_name)
        first = datetime(2026, 3, self.r.randint(3, 28), tzinfo=UTC)
        self.start = micros(first) + int(self.r.random() * DAY * SECOND)
        self.today = local_day(self.start, self.zone)
        self.out: list[Happening] = []
        self.hidden: tuple[str, ...] = ()

    def chance(self, rate: float) -> bool:
        return self.r.random() < rate

    def add(self, at: float, kind: str, **what: Unpack[Details]) -> None:
        self.out.append(Happening(int(at), kind, what))

    def story(self) -> Story:
        r, p = self.r, self.p
        quiet = r.choice((0, 0, 60))
        switches = {
            "same_day": r.choice(("refuse", "override", "sum")),
            "zero_quantity": r.choice(("row", "no_row")),
            "date_rule": r.choice(("keep", "convert")),
            "tenant_zone": r.choice(("America/New_York", self.zone_name)),
            "throttle": r.choice(("429", "429_retry_after", "429_itgenatr005", "500_itgenatr005")),
            "unauthorized_body": r.choice(("empty", "html")),
            "item_id": r.choice(("null", "null", "id")),
        }
        clients: list[ClientPlan] = []
        contracts: list[ContractPlan] = []
        events_left = r.randint(*p.events)
        count = r.choice((1, 1, 2, 2, 3))
        shares = [events_left // count + (1 if i < events_left % count else 0) for i in range(count)]
        for i in range(count):
            self._client(i, shares[i], clients, contracts)
        self._around(clients, contracts)
        terms: dict[str, Any] = {}
        if self.chance(p.terms):
            terms = self._terms(switches)
            self._word()
            self._rejections()
            if self.chance(0.2):
                contracts[0] = replace(
                    contracts[0], posted_through=self.today + timedelta(days=r.randint(-9, 3))
                )
        return Story(
            seed=self.seed,
            start=self.start,
            zone=self.zone_name,
            quiet=quiet,
            settle=15 * 60,
            clients=tuple(clients),
            contracts=tuple(contracts),
            happenings=tuple(sorted(self.out, key=lambda h: h.at)),
            switches=switches,
            hidden_skus=self.hidden,
            terms=terms,
            attempts=2 if self.chance(p.impatient) else 5,
        )

    def _terms(self, switches: Mapping[str, Any]) -> dict[str, Any]:
        r = self.r
        terms: dict[str, Any] = {"drift": r.choice(("park", "adopt", "enforce"))}
        if self.chance(0.3):
            terms["included"] = {r.choice(PLANS): r.randint(1, 3)}
        if self.chance(0.3):
            terms["minimum"] = {r.choice(PLANS): r.randint(3, 8)}
        if self.chance(0.15):
            terms["excluded"] = [GATEWAY]
        for direction in ("increases", "decreases"):
            if self.chance(0.15):
                terms[direction] = r.choice(("start-of-period", "start-of-next-period"))
            if self.chance(0.15):
                by = r.choice(("above_units", "above_percent"))
                terms[f"approve_{direction}"] = {by: r.choice((0, 3) if by == "above_units" else (10, 50))}
        if self.chance(0.1):
            terms["approve_new_lines"] = True
        if self.chance(0.15):
            terms["line_limit"] = r.randint(0, 8)
        for limit in ("customer_day_limit", "partner_day_limit"):
            if self.chance(0.1):
                terms[limit] = r.randint(5, 40)
        if switches["same_day"] == "sum" and self.chance(0.5):
            terms["same_day"] = "attempt"
        if self.chance(0.1):
            terms["posted_period"] = r.choice(("same-day", "hold"))
        return terms

    def _word(self) -> None:
        """People who hold things back, and let them go."""
        r = self.r
        first, last = self.out[0].at, max(h.at for h in self.out)
        for _ in range(r.choice((0, 1, 2, 4))):
            self.add(r.uniform(first, last + 1800 * SECOND), "approve")
        if self.chance(0.2):
            at = r.uniform(first, last)
            self.add(at, "pause")
            self.add(at + r.uniform(60, 5 * HOUR) * SECOND, "resume")

    def _rejections(self) -> None:
        """People who set held changes aside now and then; drawn apart, so that nothing else of the story depends on it."""
        r = Random(-self.seed - 1)
        first, last = min(h.at for h in self.out), max(h.at for h in self.out)
        for _ in range(r.choice((0, 0, 1, 2))):
            self.add(r.uniform(first, last + 1800 * SECOND), "reject")

    # -- clients

    def _client(
        self, number: int, events: int, clients: list[ClientPlan], contracts: list[ContractPlan]
    ) -> None:
        r, p = self.r, self.p
        customer, company, contract = f"cus_{number}", 600 + number, 29683949 + 10 * number
        subs = 2 if self.chance(0.15) and events >= 2 else 1
        first_at = self.start + int(r.random() * 30 * SECOND)
        plans: dict[str, int] = {}
        for s in range(subs):
            share = events // subs + (1 if s < events % subs else 0)
            opening = self._subscription(f"sub_{number}{'ab'[s]}", customer, max(1, share), first_at)
            for sku, units in opening.items():
                plans[sku] = plans.get(sku, 0) + units
        start, end = date(2026, 1, r.choice((1, 1, 15, 31))), date(2026, 12, 31)
        if self.chance(0.06):
            end = self.today + timedelta(days=r.randint(0, 3))
        held = (
            dict(plans) if self.chance(0.6) else {sku: r.randint(0, 9) for sku in plans if self.chance(0.6)}
        )
        apart = self.chance(0.15)
        contracts.append(ContractPlan(contract, company, start, end, held))
        if apart:
            contracts.append(ContractPlan(contract + 1, company, start, end))
        client = ClientPlan(customer, company, contract, contract + 1 if apart else None)
        last = max((h.at for h in self.out), default=self.start)
        if self.chance(p.moves):
            kind = r.choice(("late", "late", "wrong", "moved"))
            when = first_at + int(r.random() * (last - first_at + 600 * SECOND))
            if kind == "late":
                self.add(when, "map", customer=customer, company=company, contract=contract)
                client = ClientPlan(customer, None, None, client.gateway_contract)
            elif kind == "wrong":
                contracts.append(ContractPlan(contract + 2, company + 50, start, end, {PLANS[0]: 4}))
                self.add(when, "map", customer=customer, company=company, contract=contract)
                client = ClientPlan(customer, company, contract + 2, client.gateway_contract)
            elif not apart and end == date(2026, 12, 31):
                contracts.append(ContractPlan(contract + 3, company, date(2026, 1, 1), end))
                day = self.today + timedelta(days=r.randint(0, 3))
                self.add(
                    when,
                    "move",
                    customer=customer,
                    company=company,
                    contract=contract + 3,
                    day=max(day, local_day(when, self.zone)),
                )
        clients.append(client)

    def _subscription(self, subscription: str, customer: str, events: int, first_at: int) -> dict[str, int]:
        """Say the versions of one subscription; returns what the first one bills."""
        r = self.r
        plan = r.choice(PLANS)
        items = {plan: r.randint(1, 30)}
        if self.chance(0.4):
            items[GATEWAY] = r.randint(1, 3)
        status, cancel_at = ("trial" if self.chance(0.08) else "active"), None
        term_end = TERM_END
        at = first_at + int(r.random() * 60 * SECOND)
        opening: dict[str, int] = dict(items) if status == "active" else {}
        for number in range(1, events + 1):
            today = local_day(at, self.zone)
            effective = moment(at)
            turn = r.random()
            if turn < 0.12:
                effective -= timedelta(days=r.randint(1, 4))
            elif turn < 0.20:
                effective += timedelta(days=r.randint(1, 3), hours=r.randint(0, 12))
            day = effective.astimezone(self.zone).date()
            renews = bool(self.p.terms) and number > 1 and term_end.year == 2026 and self.chance(0.08)
            if renews:
                term_end = date(2027, 12, 31)
            said = Said(
                subscription,
                customer,
                number,
                day,
                effective,
                dict(items),
                status,
                cancel_at,
                term_end,
                renews,
            )
            self._say(at, said)
            at += int(self._gap() * SECOND)
            what = r.random()
            if status == "trial":
                status = "active"
            elif what < 0.45:
                items = {**items, plan: max(0, items[plan] + r.choice((-7, -3, -2, -1, 1, 2, 3, 5, 8)))}
            elif what < 0.68:
                others = [other for other in PLANS if other != plan]
                new = r.choice(others)
                if self.p.parts and items[plan] > 1 and self.chance(self.p.parts):
                    moved = r.randint(1, items[plan] - 1)
                    items = {**items, plan: items[plan] - moved, new: items.get(new, 0) + moved}
                    continue
                items = {
                    new: items[plan] if self.chance(0.6) else r.randint(1, 30),
                    **{k: v for k, v in items.items() if k == GATEWAY},
                }
                plan = new
            elif what < 0.80:
                items = (
                    {k: v for k, v in items.items() if k != GATEWAY}
                    if GATEWAY in items
                    else {**items, GATEWAY: r.randint(1, 3)}
                )
            elif what < 0.87:
                status, cancel_at = "canceled", today + timedelta(days=r.randint(0, 1))
            elif what < 0.93:
                cancel_at = today + timedelta(days=r.randint(1, 3))
            else:
                status = r.choice(("active", "past_due"))
            if status == "canceled" and what < 0.80:
                status, cancel_at = "active", None
            elif cancel_at is not None and what < 0.45:
                cancel_at = None
        return opening

    def _gap(self) -> float:
        r = self.r
        turn = r.random()
        if turn < 0.35:
            return r.uniform(0.5, 40)
        if turn < 0.65:
            return r.uniform(40, 20 * MINUTE)
        if turn < 0.90:
            return r.uniform(20 * MINUTE, 5 * HOUR)
        return r.uniform(5 * HOUR, 30 * HOUR)

    def _say(self, at: int, said: Said) -> None:
        r, p = self.r, self.p
        delays = [self._delay()]
        while self.chance(p.duplicated) and len(delays) < 3:
            delays.append(
                delays[0] + r.choice((r.uniform(0, 2), r.uniform(2, 300), r.uniform(300, 5 * HOUR)))
            )
        self.add(at, "say", said=said, delays=tuple(delays))

    def _delay(self) -> float:
        r = self.r
        if not self.chance(self.p.delayed):
            return r.uniform(0.2, 3)
        return r.choice((r.uniform(3, 60), r.uniform(60, 20 * MINUTE), r.uniform(20 * MINUTE, 6 * HOUR)))

    # -- everything around

    def _around(self, clients: list[ClientPlan], contracts: list[ContractPlan]) -> None:
        r, p = self.r, self.p
        span = max(h.at for h in self.out) - self.start

        def sometime() -> float:
            return self.start + r.random() * (span + 300 * SECOND)

        if self.chance(p.edits):
            for _ in range(r.choice((1, 1, 2))):
                contract = r.choice(contracts)
                when = sometime()
                skus = tuple(contract.units) or PLANS[:1]
                day = local_day(int(when), self.zone) + timedelta(days=r.choice((-2, 0, 0, 0, 2)))
                self.add(
                    when,
                    "edit",
                    contract=contract.id,
                    sku=r.choice(skus),
                    day=day,
                    delta=r.choice((-4, -1, 1, 4, 11)),
                )
            for _ in range(r.choice((0, 1, 2, 3))):
                self.add(
                    sometime() + r.random() * 1800 * SECOND, "resolve", choice=r.choice(("enforce", "adopt"))
                )
        if self.chance(p.services):
            sku = r.choice((*PLANS, GATEWAY))
            self.hidden = (sku,)
            self.add(sometime(), r.choice(("service", "choose")), sku=sku)
        if self.chance(p.secrets):
            self.add(sometime(), "rotate")
        if self.chance(p.secrets / 2):
            self.add(sometime(), "credentials", later=r.uniform(1, 20 * MINUTE))
        if self.chance(p.forged):
            self.add(sometime(), "forge", customer=clients[0].id)
        if self.chance(p.poisoned) and len(clients) > 1:
            kind = r.choice(("html-502", "no-answer", "json-500", "terms"))
            self.add(sometime(), "poison", client=r.randrange(len(clients)), fault=kind)
        if self.chance(p.lagging):
            for _ in range(r.choice((1, 2))):
                self.add(sometime(), "lag", seconds=r.choice((r.uniform(1, 10), r.uniform(10, 200))))
        if self.chance(0.03):
            client = r.choice(clients)
            if client.contract is not None:
                when = sometime()
                self.add(when, "company", contract=client.contract, company=699)
                if self.chance(0.5):
                    self.add(
                        when + r.random() * 7200 * SECOND,
                        "company",
                        contract=client.contract,
                        company=client.company,
                    )
