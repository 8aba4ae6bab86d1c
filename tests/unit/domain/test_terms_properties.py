"""What holds of the terms that stop or split a change, for every history; driven day by day as in ``test_billing_properties``."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.test_billing_properties import (
    ADV,
    CONTRACT,
    ESS,
    FIRST,
    SERVICES,
    Event,
    Partner,
    day,
    histories,
    live,
)
from timus_autotask.domain.history import Merge, Subscription, merge
from timus_autotask.domain.line import Approved, Choice, Line, State
from timus_autotask.domain.mapping import LineKey, Route, shares
from timus_autotask.domain.policy import Approval, OnDrift, Policy, shortfall
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


@settings(max_examples=200)
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
        stretches = [one for one in merged.evidence if one.sku == sku]
        for on in days():
            found = [one for one in stretches if one.first <= on and (one.until is None or on < one.until)]
            assert len(found) <= 1
            would_be = whole.quantity(sku).at(on)
            assert (found[0].units if found else known.quantity(sku).at(on)) == would_be
            if found and on >= first:
                assert found[0].instead_of == known.quantity(sku).at(on) != would_be
