"""What grows by itself, at sizes beyond any that are to be expected: it fits into its document, and says the same as ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.memory_table import MemoryTable
from timus_autotask.domain.converge.view import ChangedUnits
from timus_autotask.domain.history import Cause, Restart, Subscription, Version
from timus_autotask.domain.line import MOST_CAUSES, Intent, Line
from timus_autotask.domain.terms import KEPT_TERMS, Terms
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.table import LARGEST_DOCUMENT, Put
from timus_autotask.store.contracts import ContractState, put_contract_state
from timus_autotask.store.customers import put_subscription
from timus_autotask.store.former_terms import compact, whole
from timus_autotask.store.lines import put_line
from timus_autotask.store.partner import put_changed_today
from timus_autotask.store.records import Store
from timus_autotask.store.sizes import size_of_write
from timus_autotask.store.terms import put_terms
from timus_autotask.timus.events import LONGEST_TEXT

NEW_YEAR = date(2026, 1, 1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONGEST_ID = "x" * 124


def stored(put: Put) -> Put:
    """The write, which fits into a document."""
    assert size_of_write(put) <= LARGEST_DOCUMENT
    return put


def often_changed(changes: int, skus: int) -> Terms:
    """Terms for so many SKUs, one of them changed on each of so many days, on the last one three times."""
    values: dict[str, Any] = {"minimum": {f"SKU-{n:04}": 1 for n in range(skus)}, "customer_day_limit": None}
    terms = Terms().changed(values, "pat", NOON, None)
    for n in range(changes):
        day = NEW_YEAR + timedelta(days=n)
        for turn in range(3 if n == changes - 1 else 1):
            values = {**values, "minimum": {**values["minimum"], f"SKU-{n % skus:04}": 2 + n + turn}}
            terms = terms.changed(values, "pat", NOON, day)
    return terms


def test_terms_for_700_skus_may_change_each_day_for_three_years() -> None:
    """No terms that ever held are forgotten, so what was billed under them stays."""
    changes, skus = 1_095, 700
    terms = often_changed(changes, skus)
    table = MemoryTable()
    table.write([stored(put_terms(None, terms, 0))])
    read = Store(table).partner().terms.value
    assert read == terms
    for n in (1, 2, 700, 1_094):
        day = NEW_YEAR + timedelta(days=n - 1)
        assert read.on(day)["minimum"][f"SKU-{(n - 1) % skus:04}"] == 2 + n - 1
        assert read.on(day)["minimum"][f"SKU-{n % skus:04}"] == (2 + n - skus if n >= skus else 1)
    assert read.before is not None
    assert read.before.values["minimum"] != read.values["minimum"]


def test_what_held_on_no_day_is_forgotten_after_a_while() -> None:
    """A day on which terms are set again and again: only the newest of these say who changed what."""
    terms = Terms({"drift": "park"}, "ada")
    for n in range(1_000):
        terms = terms.changed({"customer_day_limit": n}, "pat", NOON, NEW_YEAR)
    assert len(terms.earlier) == KEPT_TERMS + 1
    assert terms.on(NEW_YEAR - timedelta(days=1)) == {"drift": "park"}


_VALUES = st.dictionaries(
    st.sampled_from(["minimum", "included", "drift", "excluded", "customer_day_limit"]),
    st.none()
    | st.integers(0, 3)
    | st.lists(st.text(max_size=2), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(0, 3)),
)


@given(st.lists(_VALUES, min_size=1, max_size=6))
def test_former_terms_are_what_they_were(values: list[dict[str, Any]]) -> None:
    """Whatever is set, changed and taken back."""
    *former, present = values
    earlier = [{"until": "2026-01-01", "values": one, "by": "x" * 30_000} for one in former]
    data = {"values": present, "earlier": earlier, "by": "x" * 120_000}
    assert whole(compact(data)) == data


def test_an_older_version_refuses_terms_that_it_cannot_read() -> None:
    """It would take them for terms that were never changed, and bill past days anew."""
    data = compact(
        {"values": {"drift": "park"}, "earlier": [{"until": "2026-01-01", "values": {}}], "by": "x" * 120_000}
    )
    assert "values" not in data["earlier"][0]


@pytest.mark.parametrize("customers", [2_500])
def test_so_many_customers_may_change_on_one_day(customers: int) -> None:
    """With limits of a day; ids are as long as may be. On the next day it begins anew."""
    moved = ChangedUnits()
    for n in range(customers):
        moved = moved.plus(NEW_YEAR, [f"{LONGEST_ID}{n:04}"], 1_000_000)
    stored(put_changed_today(moved, 1))
    assert len(moved.plus(NEW_YEAR + timedelta(days=1), ["x"], 1).units) == 1


def test_a_line_may_change_each_day_for_seven_years() -> None:
    """Its units are kept as they were read, as they should be, and as they were before an adjustment under way."""
    days = [NEW_YEAR + timedelta(days=n) for n in range(7 * 365)]
    units = Timeline(tuple((day, 1_000 + n) for n, day in enumerate(days)))
    line = Line(1, 45, baseline=units, desired=units, observed=units, adjusted=tuple(days), taken=tuple(days))
    stored(put_line(line, 1))
    causes = (
        Cause(
            "s" * 60,
            10**15,
            NEW_YEAR,
            "e" * 60,
            NOON,
            NOON,
            "a" * 60,
            LONGEST_ID,
            "SASE-ADV-USER",
            1_000,
            2_000,
        ),
    ) * MOST_CAUSES
    intent = Intent("i" * 32, days[-1], 5, units, NOON, NOON, causes=causes)
    stored(put_line(replace(line, observed=None, found=units, intent=intent, awaiting_causes=causes), 1))


@pytest.mark.parametrize(
    ("subscriptions", "length", "sku", "actor"),
    [(350, 128, "🐘" * 128, "🐘" * LONGEST_TEXT), (2_000, 36, "SASE-ADV-USER", "a" * LONGEST_TEXT)],
)
def test_so_many_subscriptions_may_be_on_one_line(
    subscriptions: int, length: int, sku: str, actor: str
) -> None:
    """They change on one day: an adjustment under way follows from all of them, and what is held names the newest causes as well."""
    ids = [f"{n:0{length}}" for n in range(subscriptions)]
    one = Cause(ids[0], 10**15, NEW_YEAR, ids[1], NOON, NOON, actor, ids[2], sku, 10**9, 10**9, NEW_YEAR)
    causes = (one,) * MOST_CAUSES
    versions = dict.fromkeys(ids, 10**15)
    intent = Intent(
        "i" * 32, NEW_YEAR, 5, Timeline(), NOON, NOON, events=tuple(ids), versions=versions, causes=causes
    )
    stored(put_line(Line(1, 45, versions=versions, intent=intent, awaiting_causes=causes), 1))


@pytest.mark.parametrize(("customers", "length"), [(2_700, 128), (9_000, 36)])
def test_so_many_customers_may_be_on_one_contract(customers: int, length: int) -> None:
    """All that ever were, in its state; one more than fits has no room, and one who is there always has."""
    ids = tuple(f"{n:0{length}}" for n in range(customers))
    state = ContractState(1, customers=ids, trouble="x" * 10_000)
    assert state.has_room_for("x" * length)
    stored(put_contract_state(state, 1, NOON))
    full = replace(state, customers=tuple(f"{n:0{length}}" for n in range(customers * 11 // 10)))
    assert not full.has_room_for("x" * length)
    assert full.has_room_for(ids[-1])


def test_a_subscriptions_counter_may_begin_again_a_thousand_times() -> None:
    """Each time a person has confirmed it; the versions beside it are as many as there may be."""
    version = Version(
        1,
        NEW_YEAR,
        (("SASE-ADV-USER", 5),),
        "active",
        None,
        None,
        "e" * 60,
        "subscription.updated",
        None,
        NOON,
    )
    versions = tuple(replace(version, number=n) for n in range(1, 2_001))
    restarts = tuple(Restart(NOON + timedelta(hours=n), n) for n in range(1_000))
    known = Subscription("sub", "cus", versions, restarts=restarts)
    for write in put_subscription(known, None)[0]:
        assert isinstance(write, Put)
        stored(write)
