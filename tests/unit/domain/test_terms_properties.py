"""What holds of the terms that stop or split a change, for every history; driven day by day as in ``test_billing_properties``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.examples import examples
from tests.unit.domain.test_billing_properties import (
    ADV,
    CONTRACT,
    ESS,
    FIRST,
    SERVICES,
    UTC,
    Autotask,
    Event,
    Partner,
    day,
    histories,
    live,
)
from timus_autotask.domain.approval import approve, reject
from timus_autotask.domain.history import Merge, Subscription, merge
from timus_autotask.domain.line import Approved, Choice, HeldChange, Line, State
from timus_autotask.domain.mapping import LineKey, Route, shares
from timus_autotask.domain.policy import Approval, OnDrift, Policy, shortfall
from timus_autotask.domain.price import amount
from timus_autotask.domain.timeline import NOTHING

LATER = day(200)


def days() -> list[date]:
    """Every day of the contract."""
    return [FIRST + timedelta(days=n) for n in range((CONTRACT.end - FIRST).days + 1)]


def held_lines(partner: Partner, *codes: str) -> list[Line]:
    """Lines that wait for a person for one of these reasons."""
    return [line for line in partner.lines.values() if line.parked and line.parked.code in codes]


sizes = st.integers(0, 6)


@given(histories, sizes, sizes)
def test_what_asks_for_a_word_is_never_posted_without_it(told: list[Event], up: int, down: int) -> None:
    """Each direction has its own size; a change above it is shown with its plan and does not go by itself, however long."""
    policy = Policy(approve_increases=Approval(up), approve_decreases=Approval(down))
    partner = live(told, policy)
    partner.work(LATER)
    assert all(delta <= up for _, _, delta, _ in partner.autotask.posts if delta > 0)
    assert all(-delta <= down for _, _, delta, _ in partner.autotask.posts if delta < 0)
    for line in held_lines(partner, "held-for-approval"):
        assert line.parked is not None
        delta = int(line.parked.facts["delta"])
        assert abs(delta) > (up if delta > 0 else down)


@given(histories, st.integers(0, 100))
def test_a_share_is_of_the_units_of_the_day(told: list[Event], percent: int) -> None:
    """No posted decrease is a larger share of the line than the terms allow."""
    partner = live(told, Policy(approve_decreases=Approval(above_percent=percent)))
    units = dict.fromkeys(SERVICES.values(), NOTHING)
    for service, on, delta, _ in partner.autotask.posts:
        if delta < 0:
            assert -delta * 100 <= percent * units[service].at(on)
        units[service] = units[service].add_from(on, delta)


@given(histories, sizes)
def test_no_change_of_a_line_is_above_its_limit(told: list[Event], limit: int) -> None:
    """The largest change of one line."""
    partner = live(told, Policy(line_limit=limit))
    assert all(abs(delta) <= limit for _, _, delta, _ in partner.autotask.posts)


@given(histories)
def test_a_pause_lets_nothing_through_and_loses_nothing(told: list[Event]) -> None:
    """While it lasts nothing is posted; when it is over, all is as if there had been none, but for the days that had passed."""
    paused = live(told, Policy(paused=True))
    assert paused.autotask.posts == []
    paused.policy = Policy()
    paused.work(LATER)
    for key, demand in paused.wanted(LATER).demands.items():
        held = paused.autotask.held.get(key.service_id, NOTHING)
        assert held.same(demand.units, LATER, CONTRACT.end)


@given(histories)
def test_whoever_approves_all_that_is_held_comes_to_what_timus_says(told: list[Event]) -> None:
    """Each approval is for exactly what was shown; nothing else is ever posted, and in the end nothing is left."""
    partner = live(told, Policy(approve_increases=Approval(0), approve_decreases=Approval(0)))
    approved: set[tuple[int, date, int]] = set()
    for _ in range(50):
        waiting = held_lines(partner, "held-for-approval")
        for line in waiting[:1]:
            assert line.parked is not None
            on, delta = date.fromisoformat(str(line.parked.facts["day"])), int(line.parked.facts["delta"])
            approved.add((line.service_id, on, delta))
            word = Approved(on, delta, "pat")
            partner.lines[line.key] = replace(line, approved=(*line.approved, word))
            partner.work(LATER)
        assert {(service, on, delta) for service, on, delta, _ in partner.autotask.posts} <= approved
    for key, demand in partner.wanted(LATER).demands.items():
        held = partner.autotask.held.get(key.service_id, NOTHING)
        assert held.same(demand.units, LATER, CONTRACT.end)


ALWAYS = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))


def awaiting(partner: Partner) -> list[Line]:
    """Lines that show a change which an operator can decide on."""
    return [line for line in partner.lines.values() if line.awaiting is not None]


def approve_all(partner: Partner, on: date) -> None:
    """Approve whatever is shown, one after the other, until nothing is."""
    for _ in range(60):
        waiting = awaiting(partner)
        if not waiting:
            break
        partner.lines[waiting[0].key] = approve(waiting[0], "sam")
        partner.work(on)
    assert awaiting(partner) == []


@given(histories, histories)
def test_what_is_rejected_never_goes_until_timus_reports_something_newer(
    told: list[Event], later: list[Event]
) -> None:
    """Whatever day it is and whatever the terms are by then; newer news are judged as if nobody had decided."""
    partner = live(told, ALWAYS)
    rejected: dict[LineKey, HeldChange] = {}
    for number, line in enumerate(awaiting(partner)):
        assert line.awaiting is not None
        rejected[line.key] = line.awaiting
        partner.lines[line.key] = put_aside(line, number)
    before = len(partner.autotask.posts)
    partner.policy = Policy()
    for on in range(200, 205):
        partner.work(day(on))
    made = partner.autotask.posts[before:]
    assert not {(service, on, delta) for service, on, delta, _ in made if LineKey(1, service) in rejected} & {
        (key.service_id, change.day, change.delta) for key, change in rejected.items()
    }
    known = partner.wanted(day(205)).demands
    for number, event in enumerate(later, len(told) + 1):
        partner.hear(event.snapshot(number), day(event.effective))
    partner.work(day(205))
    for key, demand in partner.wanted(day(205)).demands.items():
        newer = {(c.subscription_id, c.number) for c in demand.causes if c.number > len(told)}
        if key in known and newer:
            assert partner.lines[key].rejections == ()


def put_aside(line: Line, number: int) -> Line:
    """The line with what it shows rejected."""
    at = datetime.combine(LATER, time(12), UTC)
    return reject(line, by="pat", at=at, reason="no", entry_id=f"c{number}")[0]


@dataclass
class People:
    """What people did on one partner's lines, with everything that follows: see ``act``."""

    partner: Partner
    prices: tuple[str, str]
    approved: dict[tuple[int, date, int, str | None], tuple[Mapping[str, int], str]] = field(
        default_factory=dict
    )
    """(service, day, units, price) → the versions that were shown, and who approved it last."""
    rejected: dict[tuple[int, date, int], Mapping[str, int]] = field(default_factory=dict)
    seen: int = 0

    def act(self, what: str, on: date) -> None:
        """Do one thing, let the worker do what follows, and hold what it made against what people said."""
        waiting = awaiting(self.partner)
        if what.startswith("approve") and waiting:
            self.approve(waiting[-1], what)
        if what == "reject" and waiting and waiting[0].awaiting and not waiting[0].awaiting.rejection:
            line, change = waiting[0], waiting[0].awaiting
            self.rejected[line.service_id, change.day, change.delta] = change.versions
            self.partner.lines[line.key] = put_aside(line, len(self.rejected))
        if what == "price":
            self.prices = self.prices[1], self.prices[0]
        if what in ("terms", "price"):
            asks = (
                ALWAYS if what == "price" or self.partner.policy.approve_increases == Approval() else Policy()
            )
            self.partner.policy = replace(asks, prices={ADV: self.prices[0]})
        self.partner.work(on)
        self.check()

    def approve(self, line: Line, by: str) -> None:
        """Let go what a line shows."""
        change = line.awaiting
        assert change is not None
        price = change.price.after if change.price else None
        self.approved[line.service_id, change.day, change.delta, price] = change.versions, by
        for rejected in [*self.rejected]:
            if rejected[0] == line.service_id and rejected[2] == change.delta and rejected[1] <= change.day:
                del self.rejected[rejected]
        self.partner.lines[line.key] = approve(line, by)

    def check(self) -> None:
        """Hold everything that was made since the last time against what people said."""
        asked = self.partner.policy.approve_increases != Approval()
        for service, on, delta, _, after in self.partner.autotask.sent[self.seen :]:
            known = self.versions(service)
            price = None if after is None else amount(after)
            if asked:
                shown, _ = self.approved[service, on, delta, price]
                assert shown == known
            if (service, on, delta) in self.rejected:
                assert self.rejected[service, on, delta] != known
        self.seen = len(self.partner.autotask.sent)

    def versions(self, service: int) -> dict[str, int]:
        """The newest versions that changed what a line should have."""
        newest: dict[str, int] = {}
        for cause in self.partner.wanted(LATER).demands[LineKey(1, service)].causes:
            newest[cause.subscription_id] = max(cause.number, newest.get(cause.subscription_id, 0))
        return newest


deeds = st.lists(
    st.sampled_from(["timus", "timus", "approve anna", "approve bert", "reject", "price", "terms", "day"]),
    max_size=14,
)


@given(histories, deeds)
def test_people_and_timus_in_any_order(told: list[Event], deeds_: list[str]) -> None:
    """Take-backs, cancellations, prices, approvals and rejections in any order.

    While the terms hold everything, nothing is made that nobody approved as it is, for just that version. What was rejected is not made
    without newer news. And what nobody rejected is made in the end.
    """
    people = People(Partner(Autotask(), replace(ALWAYS, prices={ADV: "11.00"})), ("11.00", "15.00"))
    coming = list(enumerate(told, 1))
    n = 0
    for deed in deeds_:
        if deed == "timus" and coming:
            number, event = coming.pop(0)
            n = max(n, event.arrives)
            people.partner.hear(event.snapshot(number), day(event.effective))
        n += 1 if deed == "day" else 0
        people.act(deed, day(n))
    partner = people.partner
    partner.policy = Policy()
    for later in range(n, 205):
        partner.work(day(later))
        people.check()
    stays = {
        other
        for line in partner.lines.values()
        if line.set_aside
        for other in (line.key, *(k for _, k in line.linked))
    }
    for key, demand in partner.wanted(day(204)).demands.items():
        held = partner.autotask.held.get(key.service_id, NOTHING)
        if key not in stays:
            assert held.same(demand.units, day(204), CONTRACT.end)


@given(histories)
def test_what_was_rejected_can_be_approved_after_all(told: list[Event]) -> None:
    """In the end everything is as Timus says."""
    partner = live(told, ALWAYS)
    for number, line in enumerate(awaiting(partner)):
        partner.lines[line.key] = put_aside(line, number)
    partner.work(LATER)
    approve_all(partner, LATER)
    for key, demand in partner.wanted(LATER).demands.items():
        held = partner.autotask.held.get(key.service_id, NOTHING)
        assert held.same(demand.units, LATER, CONTRACT.end)


amounts = st.sampled_from(["11.00", "12.5", "15", "0.0625"])
price_lists = st.fixed_dictionaries({}, optional={ADV: amounts, ESS: amounts})


@given(histories, price_lists, price_lists, st.integers(0, 120), st.none() | st.integers(0, 120))
def test_a_price_goes_out_only_where_the_terms_set_it_and_nobody_else_did(
    told: list[Event],
    first: dict[str, str],
    then: dict[str, str],
    changed: int,
    by_hand: int | None,
) -> None:
    """What replaces a price is the price of the terms of that day; a price that was set by hand stays for good."""
    partner = Partner(Autotask(), Policy(prices=first))
    hand = Decimal("9.90")
    for n in range(150):
        arriving = [(number, event) for number, event in enumerate(told, 1) if event.arrives == n]
        for number, event in arriving:
            partner.hear(event.snapshot(number), day(event.effective))
        if n == changed:
            partner.policy = Policy(prices=then)
        if n == by_hand:
            partner.autotask.prices |= dict.fromkeys(partner.autotask.prices, hand)
        due = partner.due_at is not None and partner.due_at <= datetime.combine(day(n), time(12), UTC)
        if not (arriving or due or n == changed):
            continue
        seen = len(partner.autotask.sent)
        partner.work(day(n))
        terms = {SERVICES[sku]: Decimal(price) for sku, price in partner.policy.prices.items()}
        for service, _, _, before, after in partner.autotask.sent[seen:]:
            assert before != hand or after is None
            if after is not None:
                assert after == terms[service] != before
            elif service in terms:
                assert before in (terms[service], hand)


@given(histories, amounts, amounts, st.integers(0, 5))
def test_an_approval_is_for_the_price_that_was_shown(
    told: list[Event], first: str, then: str, changed: int
) -> None:
    """Whenever the price of the terms changes: nothing goes with a price, or without one, that nobody has approved."""
    partner = live(told, replace(ALWAYS, prices={ADV: first}))
    approved: set[tuple[int, date, int, str | None]] = set()
    for n in range(20):
        for line in awaiting(partner)[:1]:
            assert line.awaiting is not None
            price = line.awaiting.price.after if line.awaiting.price else None
            approved.add((line.service_id, line.awaiting.day, line.awaiting.delta, price))
            partner.lines[line.key] = approve(line, "sam")
        if n == changed:
            partner.policy = replace(ALWAYS, prices={ADV: then, ESS: first})
        partner.work(LATER)
    for service, on, delta, _, after in partner.autotask.sent:
        assert (service, on, delta, None if after is None else amount(after)) in approved


edits = st.tuples(st.integers(0, 150), st.integers(1, 5))


@given(histories, edits)
def test_an_edit_is_never_fought_unless_somebody_says_so(told: list[Event], edit: tuple[int, int]) -> None:
    """Parked: nothing is posted on the line. Adopted: the difference stays on top. Enforced: it is gone."""
    on, units = edit
    key = LineKey(1, SERVICES[ADV])
    for choice in (None, OnDrift.ADOPT, OnDrift.ENFORCE, Choice.ADOPT, Choice.ENFORCE):
        partner = live(told, Policy())
        if key not in partner.wanted(LATER).demands:
            return
        wanted = partner.wanted(LATER).demands[key].units
        before = partner.autotask.held.get(key.service_id, NOTHING)
        if not before.same(wanted, LATER, CONTRACT.end):
            return
        partner.autotask.held[key.service_id] = before.add_from(day(on), units)
        if isinstance(choice, OnDrift):
            partner.policy = Policy(drift=choice)
        partner.work(LATER)
        if isinstance(choice, Choice):
            partner.lines[key] = replace(partner.lines[key], choice=choice)
            partner.work(LATER)
        held = partner.autotask.held[key.service_id]
        if choice is None:
            assert partner.lines[key].state is State.PARKED
            assert held == before.add_from(day(on), units)
        elif choice.value == "adopt":
            assert held.same(wanted.add_from(day(on), units), LATER, CONTRACT.end)
        else:
            assert held.same(wanted, LATER + timedelta(days=1), CONTRACT.end)


routes = st.lists(st.tuples(st.integers(1, 4), st.none() | st.integers(0, 9)), min_size=1, max_size=4)


@given(routes, st.integers(0, 40))
def test_a_split_gives_every_unit_once(given_: list[tuple[int, int | None]], units: int) -> None:
    """Fixed shares are filled in order, never beyond; the remainder takes the rest, and only without one is something left over."""
    split = shares([Route(600, contract, units=most) for contract, most in given_], units)
    taken = [share for _, share in split]
    assert sum(taken) <= units
    assert all(
        0 <= share <= (units if most is None else most)
        for (_, most), share in zip(given_, taken, strict=True)
    )
    if any(most is None for _, most in given_):
        assert sum(taken) == units
    else:
        assert sum(taken) == min(units, sum(most or 0 for _, most in given_))


units = st.integers(0, 30)


@given(units, units, units, st.booleans())
def test_what_is_billed_of_a_quantity(quantity: int, free: int, least: int, excluded: bool) -> None:
    """Nothing of what is excluded or gone; else what is not free, but at least the minimum."""
    policy = Policy(included={ADV: free}, minimum={ADV: least}, excluded=(ADV,) if excluded else ())
    billed = policy.billable(ADV, quantity)
    if excluded or quantity == 0:
        assert billed == 0
    else:
        assert billed == max(least, quantity - free)
    assert policy.billable(ESS, quantity) == quantity


@given(st.dictionaries(st.sampled_from("abc"), units), st.dictionaries(st.sampled_from("abcd"), units))
def test_a_shortfall_is_what_nobody_has(least: dict[str, int], used: dict[str, int]) -> None:
    """For each SKU that has a minimum: used and missing make at least the minimum, and nothing is missing beyond it."""
    found = shortfall(least, used)
    assert set(found) == set(least)
    for sku, (minimum, has, missing) in found.items():
        assert (minimum, has) == (least[sku], used.get(sku, 0))
        assert missing == 0 or has + missing == minimum
        assert has + missing >= minimum


@settings(max_examples=examples(200))
@given(histories, st.data())
def test_evidence_is_the_difference_that_a_superseded_version_makes(
    told: list[Event], data: st.DataObject
) -> None:
    """Laid over what is known, it gives what would have been, day by day."""
    late = data.draw(st.integers(1, len(told)))
    known: Subscription | None = None
    for number, event in enumerate(told, 1):
        if number != late:
            known = merge(known, event.snapshot(number), day(event.effective)).subscription
    if known is None or late > known.newest.number:
        return
    known = replace(known, floor=known.newest.number)
    event = told[late - 1]
    merged = merge(known, event.snapshot(late), day(event.effective))
    assert merged.outcome is Merge.SUPERSEDED
    whole = merge(replace(known, floor=0), event.snapshot(late), day(event.effective)).subscription
    first = min(version.day for version in known.versions)
    for sku in whole.skus:
        stretches = [one for one in merged.would_change if one.sku == sku]
        for on in days():
            found = [one for one in stretches if one.first <= on and (one.until is None or on < one.until)]
            assert len(found) <= 1
            would_be = whole.quantity(sku).at(on)
            assert (found[0].units if found else known.quantity(sku).at(on)) == would_be
            if found and on >= first:
                assert found[0].instead_of == known.quantity(sku).at(on) != would_be
