"""Histories: what becomes of a snapshot that arrives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.history import (
    CLOCKS_DIFFER,
    FORGOTTEN_AT_ONCE,
    KEPT_VERSIONS,
    Merge,
    Merged,
    Restart,
    Subscription,
    Version,
    WouldChange,
    about_as_many,
    believed,
    is_after_move,
    joined,
    merge,
    moved,
    version_of,
)
from timus_autotask.domain.subscription import Snapshot, Status


def snapshot(
    version: int,
    quantity: int = 25,
    *,
    day: int = 10,
    status: Status = "active",
    cancel_at: date | None = None,
    name: str = "Contoso",
) -> Snapshot:
    """What Timus says at a version."""
    return Snapshot(
        subscription_id="sub_1",
        version=version,
        customer_id="cus_1",
        customer_name=name,
        customer_domain=None,
        status=status,
        billing_cycle="monthly",
        items=(("ADV", quantity),),
        term_start=date(2026, 1, 1),
        term_end=date(2026, 12, 31),
        cancel_at=cancel_at,
        effective_at=datetime(2026, 3, day, 12, tzinfo=UTC),
        event_type="subscription.updated",
        event_id=f"evt_{version}",
        occurred_at=datetime(2026, 3, day, 12, tzinfo=UTC),
    )


def history(*snapshots: Snapshot, floor: int = 0) -> Subscription:
    """The history of these snapshots, in this order of arrival."""
    known: Subscription | None = None
    for one in snapshots:
        known = merge(known, one, one.effective_at.date()).subscription
    assert known is not None
    return Subscription(**{f: getattr(known, f) for f in known.__slots__} | {"floor": floor})


def test_the_order_of_arrival_does_not_matter() -> None:
    """Any order of the same versions is the same history."""
    told = [snapshot(7, 25), snapshot(8, 28, day=11), snapshot(9, 27, day=12)]
    assert len({history(*order) for order in permutations(told)}) == 1


def test_the_same_version_twice_is_a_duplicate() -> None:
    """Equal content under one version changes nothing."""
    known = history(snapshot(7))
    merged = merge(known, snapshot(7), date(2026, 3, 10))
    assert (merged.outcome, merged.subscription) == (Merge.DUPLICATE, known)


@pytest.mark.parametrize(
    "other",
    [
        snapshot(7, 26),
        snapshot(7, status="trial"),
        snapshot(7, cancel_at=date(2026, 4, 1)),
        snapshot(7, day=11),
    ],
)
def test_two_states_of_one_version_contradict(other: Snapshot) -> None:
    """The first one counts; the other is for a person."""
    known = history(snapshot(7))
    merged = merge(known, other, other.effective_at.date())
    assert (merged.outcome, merged.subscription) == (Merge.CONTRADICTORY, known)


def test_older_news_below_the_floor_is_superseded_with_evidence() -> None:
    """Once a newer version was applied, an older one changes nothing; what it would have set is told."""
    known = history(snapshot(8, 28, day=15), floor=8)
    merged = merge(known, snapshot(7, 40, day=10), date(2026, 3, 10))
    assert merged.outcome is Merge.SUPERSEDED
    assert merged.subscription == known
    assert merged.would_change == (
        WouldChange("ADV", date(2026, 3, 10), date(2026, 3, 15), 40, instead_of=None),
    )


def test_what_only_superseded_news_had_goes_to_zero() -> None:
    """A SKU that the newer version had left out already may be billed in Autotask since before we came: it is known all the same."""
    known = history(snapshot(8, 28, day=15), floor=8)
    older = replace(snapshot(7, 40, day=10), items=(("ADV", 40), ("GATEWAY", 3)))
    merged = merge(known, older, date(2026, 3, 10))
    assert merged.outcome is Merge.SUPERSEDED
    assert merged.subscription == replace(known, gone=("GATEWAY",))
    assert merged.subscription.skus == ("ADV", "GATEWAY")
    assert merge(merged.subscription, older, date(2026, 3, 10)).subscription == merged.subscription


def test_older_news_that_a_newer_overtook_on_its_day_has_no_evidence() -> None:
    """A version that would not have been billed on any day leaves nothing to tell."""
    known = history(snapshot(8, 28, day=10), floor=8)
    assert merge(known, snapshot(7, 40, day=10), date(2026, 3, 10)).would_change == ()


def test_older_news_above_the_floor_is_merged() -> None:
    """As long as nothing newer was applied, an older version takes its place."""
    known = history(snapshot(8, 28, day=15), floor=6)
    merged = merge(known, snapshot(7, 40, day=10), date(2026, 3, 10))
    assert merged.outcome is Merge.MERGED
    assert [v.number for v in merged.subscription.versions] == [7, 8]


def test_the_floor_rises_to_what_holds_today() -> None:
    """A version of a later day is not applied yet, and stays open to older news."""
    known = history(snapshot(7, day=10), snapshot(8, day=20))
    assert known.raise_floor(date(2026, 3, 9)).floor == 0
    assert known.raise_floor(date(2026, 3, 10)).floor == 7
    assert known.raise_floor(date(2026, 3, 20)).floor == 8
    assert known.raise_floor(date(2026, 3, 20)).raise_floor(date(2026, 3, 10)).floor == 8


def test_the_customers_name_is_the_newest_versions() -> None:
    """Late old news does not rename a customer back."""
    known = history(snapshot(8, name="Contoso Dental", day=11), snapshot(7, name="Contoso"))
    assert known.customer_name == "Contoso Dental"


@pytest.mark.parametrize(
    ("status", "cancel_at", "billed"),
    [
        ("active", None, 25),
        ("past_due", None, 25),
        ("trial", None, 0),
        ("canceled", None, 0),
        ("canceled", date(2026, 4, 1), 25),
        ("active", date(2026, 4, 1), 25),
        ("active", date(2026, 3, 10), 0),
        ("active", date(2026, 3, 1), 0),
        ("trial", date(2026, 4, 1), 0),
    ],
)
def test_what_a_status_bills(status: Status, cancel_at: date | None, billed: int) -> None:
    """A trial bills nothing, past due bills as active, a cancellation bills until its day."""
    version = history(snapshot(7, status=status, cancel_at=cancel_at)).newest
    assert version.quantity("ADV") == billed


def test_an_end_is_never_before_the_version_holds() -> None:
    """Nothing takes effect before its effective day, a cancellation neither."""
    assert history(snapshot(7, cancel_at=date(2026, 3, 1))).newest.ends == date(2026, 3, 10)


def test_long_histories_forget_the_oldest_applied_versions() -> None:
    """A history has a bounded length, and what is not applied yet is never forgotten."""
    known = history(*(snapshot(n, n, day=1) for n in range(1, KEPT_VERSIONS + 50)), floor=0)
    assert len(known.versions) == KEPT_VERSIONS + 49
    known = Subscription(**{f: getattr(known, f) for f in known.__slots__} | {"floor": KEPT_VERSIONS})
    grown = merge(known, snapshot(KEPT_VERSIONS + 50, 3, day=2), date(2026, 3, 2)).subscription
    assert len(grown.versions) == KEPT_VERSIONS
    assert grown.newest.number == KEPT_VERSIONS + 50


def test_a_first_snapshot_is_kept_whole() -> None:
    """Everything that is decided or shown later is in the record, under the day that was decided."""
    told = replace(
        snapshot(7, cancel_at=date(2026, 6, 1)),
        items=(("ESS", 2), ("ADV", 25)),
        billing_cycle="annual",
        actor="j.doe",
        customer_domain="contoso.example",
        renews=True,
    )
    arrived = datetime(2026, 3, 10, 13, tzinfo=UTC)
    version = Version(
        number=7,
        day=date(2026, 3, 9),
        items=(("ADV", 25), ("ESS", 2)),
        status="active",
        cancel_at=date(2026, 6, 1),
        term_end=date(2026, 12, 31),
        event_id="evt_7",
        event_type="subscription.updated",
        actor="j.doe",
        occurred_at=told.occurred_at,
        received_at=arrived,
        renews=True,
    )
    first = Subscription(
        "sub_1",
        "cus_1",
        (version,),
        customer_name="Contoso",
        billing_cycle="annual",
        customer_domain="contoso.example",
    )
    assert merge(None, told, date(2026, 3, 9), arrived) == Merged(first, Merge.MERGED)


def test_each_version_says_when_it_arrived() -> None:
    """Not only the first one."""
    known, arrived = history(snapshot(7)), datetime(2026, 3, 12, tzinfo=UTC)
    grown = merge(known, snapshot(8, 28, day=11), date(2026, 3, 11), arrived).subscription
    assert [one.received_at for one in grown.versions] == [None, arrived]


@pytest.mark.parametrize(
    ("number", "says", "domain"),
    [(8, "new.example", "new.example"), (8, None, "old.example"), (6, "new.example", "old.example")],
    ids=["newer", "newer, without one", "older"],
)
def test_the_domain_is_what_was_reported_last(number: int, says: str | None, domain: str) -> None:
    """A newer version without one takes none away, and an older one changes nothing."""
    known = history(replace(snapshot(7), customer_domain="old.example"))
    told = replace(snapshot(number, 28), customer_domain=says)
    assert merge(known, told, date(2026, 3, 10)).subscription.customer_domain == domain


@pytest.mark.parametrize(
    ("number", "name", "cycle"),
    [(8, "New name", "annual"), (6, "Contoso", "monthly")],
    ids=["newer", "older"],
)
def test_name_and_cycle_are_the_newest_versions(number: int, name: str, cycle: str) -> None:
    """News of an older version changes neither."""
    known = history(snapshot(7))
    told = replace(snapshot(number, name="New name"), billing_cycle="annual")
    grown = merge(known, told, date(2026, 3, 10)).subscription
    assert (grown.customer_name, grown.billing_cycle) == (name, cycle)


def test_a_late_twin_of_what_was_applied_is_a_duplicate() -> None:
    """The version at the floor is known, so its second delivery is no older news."""
    known = history(snapshot(7), floor=7)
    assert merge(known, snapshot(7), date(2026, 3, 10)).outcome is Merge.DUPLICATE
    assert merge(known, snapshot(6), date(2026, 3, 10)).outcome is Merge.SUPERSEDED


def test_evidence_reaches_to_the_next_newer_version() -> None:
    """Versions that are older still say nothing about when it would have ended."""
    known = history(snapshot(5, day=4), snapshot(8, day=15), snapshot(9, day=20), floor=9)
    [evidence] = merge(known, snapshot(7, 40, day=10), date(2026, 3, 10)).would_change
    assert evidence == WouldChange("ADV", date(2026, 3, 10), date(2026, 3, 15), 40, instead_of=25)


def test_evidence_tells_only_what_would_have_been_otherwise() -> None:
    """A SKU that it lacks would have gone to 0; one that it has as it was is no evidence; an end would have come on its day."""
    adv_and_gateway = replace(snapshot(5, day=4), items=(("ADV", 25), ("GATEWAY", 1)))
    known = history(adv_and_gateway, replace(adv_and_gateway, version=8), floor=8)
    late = replace(snapshot(7, day=10), cancel_at=date(2026, 4, 1))
    merged = merge(known, late, date(2026, 3, 10))
    assert merged.would_change == ()
    known = history(adv_and_gateway, replace(snapshot(8, 30, day=20), items=adv_and_gateway.items), floor=8)
    assert merge(known, replace(late, cancel_at=date(2026, 3, 18)), date(2026, 3, 10)).would_change == (
        WouldChange("ADV", date(2026, 3, 18), date(2026, 3, 20), 0, instead_of=25),
        WouldChange("GATEWAY", date(2026, 3, 10), date(2026, 3, 20), 0, instead_of=1),
    )


def test_evidence_before_the_first_known_version_is_instead_of_nothing_known() -> None:
    """What Autotask had before Timus told us anything is not ours to say, be it that the late version has none of a SKU."""
    known = history(snapshot(8, day=15), floor=8)
    late = replace(snapshot(7, day=10), items=(("ADV", 0), ("ESS", 3)))
    assert merge(known, late, date(2026, 3, 10)).would_change == (
        WouldChange("ADV", date(2026, 3, 10), date(2026, 3, 15), 0, instead_of=None),
        WouldChange("ESS", date(2026, 3, 10), date(2026, 3, 15), 3, instead_of=None),
    )


@pytest.mark.parametrize("floor", [0, 3])
def test_a_short_history_forgets_nothing(floor: int) -> None:
    """Also what is below the floor stays while there is room."""
    known = history(*(snapshot(n, n) for n in range(1, 5)), floor=floor)
    grown = merge(known, snapshot(5, 9), date(2026, 3, 10)).subscription
    assert [v.number for v in grown.versions] == [1, 2, 3, 4, 5]


def test_the_version_at_the_floor_is_never_forgotten() -> None:
    """However long the history is, from the floor on it is whole."""
    known = history(*(snapshot(n, n, day=1) for n in range(1, KEPT_VERSIONS + 100)))
    known = replace(known, floor=FORGOTTEN_AT_ONCE + 3)
    grown = merge(known, snapshot(KEPT_VERSIONS + 100, 1, day=2), date(2026, 3, 2)).subscription
    assert [v.number for v in grown.versions] == list(range(FORGOTTEN_AT_ONCE + 3, KEPT_VERSIONS + 101))


def test_a_few_versions_are_not_forgotten_yet() -> None:
    """Each time the oldest versions are written again, so they are forgotten many at once."""
    known = history(*(snapshot(n, n, day=1) for n in range(1, KEPT_VERSIONS + 1)))
    known = replace(known, floor=KEPT_VERSIONS)
    for n in range(KEPT_VERSIONS + 1, KEPT_VERSIONS + FORGOTTEN_AT_ONCE):
        known = merge(known, snapshot(n, n, day=1), date(2026, 3, 1)).subscription
        assert len(known.versions) == n
    last = KEPT_VERSIONS + FORGOTTEN_AT_ONCE
    known = merge(known, snapshot(last, last, day=1), date(2026, 3, 1)).subscription
    assert len(known.versions) == KEPT_VERSIONS


def test_an_equal_floor_is_not_written_again() -> None:
    """The same record comes back, so that nothing has to be stored."""
    known = history(snapshot(7), floor=7)
    assert known.raise_floor(date(2026, 3, 10)) is known


def term(number: int, end: date | None, **more: Any) -> Version:
    """A version whose term ends on a day."""
    version = history(snapshot(number)).newest
    return replace(version, term_end=end, **more)


FIRST, NEXT, THEN = date(2026, 12, 31), date(2027, 12, 31), date(2028, 12, 31)


@pytest.mark.parametrize(
    ("versions", "until"),
    [
        ([term(1, FIRST)], None),
        ([term(1, FIRST), term(2, FIRST)], None),
        ([term(1, FIRST), term(2, NEXT)], NEXT),
        ([term(1, FIRST), term(2, NEXT), term(3, NEXT)], NEXT),
        ([term(1, FIRST), term(2, NEXT), term(3, THEN)], THEN),
        ([term(1, NEXT), term(2, FIRST)], None),
        ([term(1, NEXT, renews=True)], NEXT),
        ([term(1, NEXT, renews=True), term(2, NEXT)], NEXT),
        ([term(1, NEXT, event_type="subscription.renewed")], None),
        ([term(1, FIRST), term(2, None), term(3, NEXT)], NEXT),
        ([term(1, None), term(2, FIRST)], None),
        ([term(1, FIRST), term(2, NEXT), term(3, None)], None),
        ([term(1, FIRST), term(2, NEXT, status="trial")], None),
        ([term(1, FIRST), term(2, NEXT, status="canceled")], None),
        ([term(1, FIRST), term(2, NEXT, cancel_at=date(2027, 7, 1))], date(2027, 6, 30)),
        ([term(1, FIRST), term(2, NEXT, cancel_at=date(2028, 2, 1))], NEXT),
    ],
)
def test_until_when_a_term_was_renewed(versions: list[Version], until: date | None) -> None:
    """A later end than the one before, or an event that says so, whatever its type is called; as far as the subscription is still billed."""
    assert Subscription("sub_1", "cus_1", tuple(versions)).renewed_until == until


@pytest.mark.parametrize(("number", "name"), [(9, "New"), (6, "Contoso")])
def test_only_the_newest_of_many_versions_names_the_customer(number: int, name: str) -> None:
    """One that comes in between does not."""
    known = history(snapshot(5), snapshot(7), snapshot(8))
    assert merge(known, snapshot(number, name="New"), date(2026, 3, 10)).subscription.customer_name == name


# -- A counter that begins again


def at(version: int, quantity: int, day: int) -> Snapshot:
    """A snapshot that happened, and holds, from a day of March on."""
    return snapshot(version, quantity, day=day)


@pytest.mark.parametrize("floor", [0, 40], ids=["before anything was applied", "applied"])
def test_a_lower_version_that_is_newer_by_time_and_day_is_followed_in_neither_reading(floor: int) -> None:
    """Versions 40, then 1 of a later day with other units: the numbers contradict the times."""
    known = history(at(40, 25, day=10), floor=floor)
    merged = merge(known, at(1, 33, day=12), date(2026, 3, 12))
    assert (merged.outcome, merged.subscription) == (Merge.RESTARTED, known)
    assert merged.against is known.newest


def test_a_higher_version_that_is_older_by_time_and_day_contradicts_too() -> None:
    """The same two events in the other order of arrival."""
    merged = merge(history(at(1, 33, day=12)), at(40, 25, day=10), date(2026, 3, 10))
    assert merged.outcome is Merge.RESTARTED


@pytest.mark.parametrize(
    "late",
    [
        snapshot(39, 33, day=9),
        replace(snapshot(39, 33, day=12), occurred_at=datetime(2026, 3, 9, tzinfo=UTC)),
        replace(snapshot(39, 33, day=10), occurred_at=datetime(2026, 3, 10, 12, 0, 5, tzinfo=UTC)),
        snapshot(39, 25, day=12),
    ],
    ids=["older in all", "newer only by day", "newer by no more than clocks differ", "the same state"],
)
def test_an_older_version_is_superseded_as_long_as_its_time_does_not_say_that_it_is_newer(
    late: Snapshot,
) -> None:
    """Late news, a change of a later day, clocks that differ, and a state that changes nothing need no person."""
    known = history(at(40, 25, day=10), floor=40)
    assert merge(known, late, late.effective_at.date()).outcome is Merge.SUPERSEDED


@pytest.mark.parametrize(
    ("day", "occurred_at"),
    [
        (10, datetime(2026, 3, 10, 13, 0, tzinfo=UTC)),
        (10, datetime(2026, 3, 10, 12, 0, 6, tzinfo=UTC)),
        (9, datetime(2026, 3, 11, tzinfo=UTC)),
    ],
    ids=["an hour later on the same day", "six seconds later", "later, from an earlier day on"],
)
@pytest.mark.parametrize("number", [1, 39, 40], ids=["1", "39", "the same number"])
def test_a_restart_within_a_day_is_followed_in_neither_reading(
    number: int, day: int, occurred_at: datetime
) -> None:
    """The time alone says which is newer, whatever the effective day; that an old version has this number too is no excuse."""
    known = history(at(39, 20, day=8), at(40, 25, day=10), floor=40)
    merged = merge(known, replace(at(number, 33, day=day), occurred_at=occurred_at), date(2026, 3, day))
    assert merged.subscription == known
    assert merged.outcome is (Merge.CONTRADICTORY if number == 40 else Merge.RESTARTED)


def test_a_number_that_was_counted_before_is_no_duplicate_when_it_comes_later() -> None:
    """Version 39 had this state, then 40 came; 39 with a newer time says that it holds again. A second delivery says nothing new."""
    known = history(at(39, 20, day=10), at(40, 25, day=10), floor=40)
    again = replace(at(39, 20, day=10), occurred_at=datetime(2026, 3, 10, 13, 12, tzinfo=UTC))
    assert merge(known, again, date(2026, 3, 10)).outcome is Merge.RESTARTED
    assert merge(known, at(39, 20, day=10), date(2026, 3, 10)).outcome is Merge.DUPLICATE


def test_the_newest_state_that_is_said_again_an_hour_later_is_a_duplicate() -> None:
    """Under its own number it is the same version; under a lower one it changes nothing, from the same day on, and needs no person."""
    known = history(at(40, 25, day=10), floor=40)
    again = replace(at(40, 25, day=10), occurred_at=datetime(2026, 3, 10, 13, tzinfo=UTC))
    assert merge(known, again, date(2026, 3, 10)).outcome is Merge.DUPLICATE
    assert merge(known, replace(again, version=1), date(2026, 3, 10)).outcome is Merge.SUPERSEDED


def test_the_same_state_from_an_earlier_day_is_no_repetition() -> None:
    """Version 40 holds from the 15th on. A lower version that comes later says that this holds from the 12th: that is billed otherwise."""
    known = history(replace(at(40, 25, day=15), occurred_at=datetime(2026, 3, 10, tzinfo=UTC)))
    again = replace(at(1, 25, day=12), occurred_at=datetime(2026, 3, 12, tzinfo=UTC))
    assert merge(known, again, date(2026, 3, 12)).outcome is Merge.RESTARTED


@pytest.mark.parametrize(
    ("minutes", "outcome"), [(5, Merge.MERGED), (6, Merge.RESTARTED)], ids=["a slow clock", "a wrong clock"]
)
def test_a_higher_version_counts_although_its_senders_clock_is_slow(minutes: int, outcome: Merge) -> None:
    """It would count, so only strong evidence holds it."""
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    known = history(replace(at(39, 20, day=10), occurred_at=noon))
    newer = replace(at(40, 25, day=10), occurred_at=noon - timedelta(minutes=minutes))
    assert merge(known, newer, date(2026, 3, 10)).outcome is outcome


def test_a_higher_version_that_a_person_believes_counts() -> None:
    """The times of the versions that it contradicts are wrong then, and say nothing any more; what comes next is judged by its own."""
    known = history(at(1, 33, day=12))
    old = at(40, 25, day=10)
    trusted = known.believing(version_of(old, date(2026, 3, 10)))
    merged = merge(trusted, old, date(2026, 3, 10))
    assert (merged.outcome, merged.subscription.newest.number) == (Merge.MERGED, 40)
    assert merge(merged.subscription, at(2, 34, day=13), date(2026, 3, 13)).outcome is Merge.RESTARTED


def test_versions_are_told_as_timus_counts_them() -> None:
    """Before and after a restart."""
    known = history(at(40, 25, day=10)).restarted(datetime(2026, 3, 12, 12, tzinfo=UTC))
    known = merge(known, at(1, 33, day=12), date(2026, 3, 12)).subscription
    assert [known.as_timus_counts(version) for version in known.versions] == [40, 1]
    assert known.timus_version == 1
    assert known.known_until == datetime(2026, 3, 12, 12, tzinfo=UTC)


def test_versions_are_told_as_timus_counts_them_after_every_restart() -> None:
    """Of two restarts the later one counts for what Timus says now, and each version by the time at which it happened."""
    first, second = datetime(2026, 3, 11, tzinfo=UTC), datetime(2026, 3, 13, tzinfo=UTC)
    known = history(at(40, 25, day=10))
    assert (known.timus_version, known.as_timus_counts(known.newest)) == (40, 40)
    known = merge(known.restarted(first), at(2, 30, day=12), date(2026, 3, 12)).subscription
    known = merge(known.restarted(second), at(7, 31, day=14), date(2026, 3, 14)).subscription
    assert [known.as_timus_counts(version) for version in known.versions] == [40, 2, 7]
    assert known.timus_version == 7
    assert known.known_until == datetime(2026, 3, 14, 12, tzinfo=UTC)
    timeless = replace(known.newest, occurred_at=None)
    assert known.as_timus_counts(timeless) == timeless.number
    assert history(at(1, 5, day=3)).known_until == datetime(2026, 3, 3, 12, tzinfo=UTC)
    without = replace(known, versions=(timeless,))
    assert without.known_until == second
    assert replace(without, restarts=()).known_until is None


@pytest.mark.parametrize(("seconds", "repeats"), [(0, True), (5, True), (6, False), (-3600, True)], ids=str)
def test_a_version_repeats_another_one_unless_its_time_says_that_it_holds_again(
    seconds: int, repeats: bool
) -> None:
    """No later than clocks differ. Where no time was kept, what it says decides alone."""
    known = version_of(at(39, 20, day=10), date(2026, 3, 10))
    assert known.occurred_at is not None
    again = replace(known, occurred_at=known.occurred_at + timedelta(seconds=seconds))
    assert known.repeats(again) is repeats
    timeless = replace(known, occurred_at=None)
    assert known.repeats(timeless)
    assert timeless.repeats(again)
    assert not known.repeats(replace(again, items=(("ADV", 21),)))


def test_a_snapshot_that_agrees_is_believed_without_a_change() -> None:
    """There is nothing to decide."""
    known = history(at(1, 33, day=12))
    assert believed(known, at(2, 34, day=13), date(2026, 3, 13)) is known


def test_a_lower_number_that_is_believed_is_a_new_count() -> None:
    """It goes on from the newest number of before, under the time at which it happened."""
    known, news = history(at(40, 25, day=10)), at(1, 33, day=12)
    trusted = believed(known, news, date(2026, 3, 12))
    assert trusted is not None
    assert [(one.at, one.after) for one in trusted.restarts] == [(news.occurred_at, 40)]
    merged = merge(trusted, news, date(2026, 3, 12))
    assert (merged.outcome, merged.subscription.newest.number) == (Merge.MERGED, 41)


def test_what_said_nothing_new_before_a_lower_number_is_believed_is_counted_on_as_well() -> None:
    """25, then by a new count 24 and 25 again. The last says what is known and is not questioned; it is newer than what is believed."""
    first, second, third = at(40, 25, day=10), at(1, 24, day=12), at(2, 25, day=13)
    known = merge(history(first), third, date(2026, 3, 13)).subscription
    assert [one.number for one in known.versions] == [2, 40]
    trusted = believed(known, second, date(2026, 3, 12))
    assert trusted is not None
    merged = merge(trusted, second, date(2026, 3, 12))
    assert merged.outcome is Merge.MERGED
    assert [one.number for one in merged.subscription.versions] == [40, 41, 42]
    assert merged.subscription.newest.event_id == third.event_id
    assert merged.subscription.quantity("ADV").at(date(2026, 3, 14)) == 25
    assert [merged.subscription.as_timus_counts(one) for one in merged.subscription.versions] == [40, 1, 2]


def test_a_new_count_begins_with_what_happened_at_its_very_time() -> None:
    """What happened before keeps its number, and so does what no time is known of."""
    first, second = at(40, 25, day=10), at(2, 25, day=13)
    known = merge(history(first), second, date(2026, 3, 13)).subscription
    timeless = replace(known.versions[0], number=39, occurred_at=None)
    known = replace(known, versions=(known.versions[0], timeless, *known.versions[1:]))

    def numbers(began: datetime) -> list[int]:
        return [one.number for one in known.restarted(began).versions]

    assert numbers(second.occurred_at) == [39, 40, 42]
    assert numbers(second.occurred_at + timedelta(seconds=1)) == [2, 39, 40]


def test_a_version_of_the_old_count_keeps_its_number_when_a_lower_one_is_believed() -> None:
    """41 came after the event that a person believes; nobody knows which count goes on."""
    known = history(at(40, 25, day=10), at(41, 26, day=13))
    assert [
        one.number for one in known.believing(version_of(at(1, 24, day=12), date(2026, 3, 12))).versions
    ] == [40, 41]


def test_another_state_under_a_known_number_is_a_new_count_too() -> None:
    """Two states claim one version: the one that a person believes goes on from the other."""
    known = history(at(40, 25, day=10))
    news = replace(at(40, 33, day=10), occurred_at=datetime(2026, 3, 10, 13, tzinfo=UTC))
    trusted = believed(known, news, date(2026, 3, 10))
    assert trusted is not None
    assert merge(trusted, news, date(2026, 3, 10)).subscription.newest.number == 80


def test_only_the_times_of_the_versions_that_it_contradicts_are_forgotten() -> None:
    """A higher number that is believed: what was known of the others stays."""
    early, late = at(1, 20, day=9), at(2, 33, day=12)
    known = history(early, late)
    trusted = believed(known, at(40, 25, day=10), date(2026, 3, 10))
    assert trusted is not None
    assert [one.occurred_at for one in trusted.versions] == [early.occurred_at, None]
    assert trusted.restarts == ()


def test_the_time_of_a_version_that_says_the_same_is_kept() -> None:
    """Only the one that says something else is contradicted by the higher number that is believed."""
    other, same = at(1, 33, day=11), at(2, 25, day=12)
    trusted = believed(history(other, same), at(40, 25, day=10), date(2026, 3, 10))
    assert trusted is not None
    assert [one.occurred_at for one in trusted.versions] == [None, same.occurred_at]


def test_what_says_again_what_counts_begins_a_new_count_all_the_same() -> None:
    """It makes no difference itself, but what follows it would be questioned again."""
    known, again, more = history(at(40, 25, day=10)), at(1, 25, day=12), at(2, 30, day=13)
    trusted = believed(known, again, date(2026, 3, 12))
    assert trusted is not None
    assert [(one.at, one.after) for one in trusted.restarts] == [(again.occurred_at, 40)]
    first = merge(trusted, again, date(2026, 3, 12))
    second = merge(first.subscription, more, date(2026, 3, 13))
    assert [(one.outcome, one.subscription.newest.number) for one in (first, second)] == [
        (Merge.MERGED, 41),
        (Merge.MERGED, 42),
    ]


def test_a_state_that_was_there_before_may_be_believed_again() -> None:
    """A new count begins with the quantity of the version before the newest."""
    known, news = history(at(39, 20, day=8), at(40, 25, day=10)), at(1, 20, day=12)
    trusted = believed(known, news, date(2026, 3, 12))
    assert trusted is not None
    assert merge(trusted, news, date(2026, 3, 12)).subscription.quantity("ADV").at(date(2026, 3, 12)) == 20


def test_a_number_is_compared_as_it_is_counted() -> None:
    """Timus has begun to count again. A later number of an earlier time: the time of the one before is wrong, no third count begins."""
    restart = datetime(2026, 3, 11, tzinfo=UTC)
    known = merge(
        history(at(40, 25, day=10)).restarted(restart), at(5, 30, day=12), date(2026, 3, 12)
    ).subscription
    news = replace(at(9, 33, day=11), occurred_at=datetime(2026, 3, 11, 12, tzinfo=UTC))
    trusted = believed(known, news, date(2026, 3, 11))
    assert trusted is not None
    assert len(trusted.restarts) == 1
    assert [one.occurred_at for one in trusted.versions] == [known.versions[0].occurred_at, None]
    assert merge(trusted, news, date(2026, 3, 11)).subscription.newest.number == 49


def test_a_version_of_which_no_time_is_known_begins_no_count() -> None:
    """There is no time from which on another count could hold."""
    known = history(at(40, 25, day=10))
    assert (
        known.believing(replace(version_of(at(1, 33, day=12), date(2026, 3, 12)), occurred_at=None)) == known
    )


def test_what_a_later_event_contradicts_in_any_case_is_not_believed() -> None:
    """Another state under the number and time of a later one: neither a new count nor forgotten times make it the newest."""
    known = history(at(39, 20, day=8), at(40, 25, day=10), at(41, 26, day=14))
    assert believed(known, at(40, 33, day=10), date(2026, 3, 10)) is None


events_of_both_counts = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=8
)


@given(events_of_both_counts)
def test_nothing_that_contradicts_itself_is_superseded_quietly(told: list[tuple[int, int, int]]) -> None:
    """Whatever numbers, states and times come: what is superseded is older by time too, or says what counts already."""
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    known: Subscription | None = None
    for number, quantity, minute in told:
        news = replace(at(number, quantity, day=10), occurred_at=noon + timedelta(minutes=minute))
        merged = merge(known, news, date(2026, 3, 10))
        if known is not None and merged.outcome is Merge.SUPERSEDED:
            says = {("ADV", quantity)}
            newer = [v for v in known.versions if v.number > number and set(v.items) != says]
            late = all(v.occurred_at and news.occurred_at - v.occurred_at <= CLOCKS_DIFFER for v in newer)
            assert late or set(known.newest.items) == says
        known = merged.subscription.raise_floor(date(2026, 3, 10))


def test_versions_from_before_an_upgrade_have_no_time_and_contradict_nothing() -> None:
    """Earlier versions of the product did not keep when a version happened."""
    known = history(at(40, 25, day=10), floor=40)
    old = replace(known, versions=tuple(replace(v, occurred_at=None) for v in known.versions))
    assert merge(old, at(1, 33, day=12), date(2026, 3, 12)).outcome is Merge.SUPERSEDED


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_once_a_person_confirmed_that_the_counter_began_again_its_versions_go_on(
    order: tuple[int, ...],
) -> None:
    """In any order of arrival the last of them counts, and late news of the old count is still older."""
    new = {1: at(1, 33, day=12), 2: at(2, 34, day=13), 3: at(3, 35, day=14)}
    known = history(at(40, 25, day=10), floor=40).restarted(new[1].occurred_at)
    for number in order:
        merged = merge(known, new[number], new[number].effective_at.date())
        assert merged.outcome is Merge.MERGED
        known = merged.subscription
    assert [v.number for v in known.versions] == [40, 41, 42, 43]
    assert known.quantity("ADV").at(date(2026, 3, 20)) == 35
    assert merge(known, at(39, 24, day=9), date(2026, 3, 9)).outcome is Merge.SUPERSEDED
    assert merge(known, new[2], date(2026, 3, 13)).outcome is Merge.DUPLICATE


def test_groups_with_a_sku_in_common_are_one() -> None:
    """The others stay as they are."""
    groups = [{"A", "B"}, {"C", "D"}, {"B", "E"}, {"F", "G"}]
    assert joined(groups) == (frozenset("CD"), frozenset("ABE"), frozenset("FG"))


@pytest.mark.parametrize(
    ("before", "after", "together"),
    [
        ({"A": 5, "B": 1}, {"A": 3, "B": 3}, {"A", "B"}),
        ({"A": 5}, {"A": 4, "B": 1}, {"A", "B"}),
        ({"A": 1}, {"B": 1}, {"A", "B"}),
        ({"A": 5, "B": 2}, {"A": 3, "B": 2}, None),
        ({"A": 5, "B": 2}, {"A": 5, "B": 4}, None),
        ({"A": 5, "B": 1}, {"A": 3, "B": 5}, {"A", "B"}),
        ({"A": 5, "B": 1}, {"A": 3, "B": 6}, None),
        ({"A": 9, "B": 1}, {"A": 4, "B": 3}, None),
    ],
    ids=[
        "two seats",
        "one seat of a new SKU",
        "the only seat",
        "only fewer",
        "only more",
        "twice as many came",
        "more than twice as many came",
        "less than half of them came",
    ],
)
def test_which_skus_exchanged_seats(
    before: dict[str, int], after: dict[str, int], together: set[str] | None
) -> None:
    """One fell, and another one rose by about as many."""
    versions = [
        Version(n, date(2026, 3, n), tuple(sorted(items.items())), "active", None, None, f"e{n}", "x")
        for n, items in ((1, before), (2, after))
    ]
    found = Subscription("sub_1", "cus_1", tuple(versions)).exchanged()
    assert found == ((frozenset(together),) if together else ())


def test_the_most_that_there_ever_was_of_a_sku_is_told() -> None:
    """In any version, not only the newest; of what none lists, or while none is known, there were none."""
    known = history(snapshot(7, 25), snapshot(8, 28), snapshot(9, 3))
    assert known.most() == {"ADV": 28}
    assert history(snapshot(7, 0)).most() == {"ADV": 0}
    assert Subscription("sub_1", "cus_1", ()).most() == {}


# -- Another customer's


@given(
    st.lists(
        st.tuples(st.sampled_from(["cus_1", "cus_2", "cus_3"]), st.integers(0, 40), st.integers(1, 28)),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
)
def test_however_often_it_moves_all_customers_together_have_what_one_would_have(
    told: list[tuple[str, int, int]], more: list[int]
) -> None:
    """No day is billed twice and none is lost, also if Timus uses a number again. Each event is counted after all before it."""
    histories: dict[str, Subscription] = {}
    owner, number, whole = "", 0, snapshot(1)
    together: Subscription | None = None
    for at, (customer, quantity, day) in enumerate(told):
        number = max(1, number + more[at]) if customer != owner else number + 1
        says = replace(
            snapshot(number, quantity, day=day),
            customer_id=customer,
            event_id=f"evt_{at}",
            occurred_at=whole.occurred_at + timedelta(hours=at),
        )
        first = says.effective_at.date()
        if not owner or customer == owner:
            histories[customer] = merge(histories.get(customer), says, first).subscription
        else:
            ended, goes_on = moved(histories[owner], histories.get(customer), says, first)
            assert is_after_move(ended, replace(says, version=ended.newest.number))
            assert not is_after_move(goes_on, says)
            assert ended.newest.number == goes_on.newest.number == goes_on.floor
            histories |= {owner: ended, customer: goes_on}
        former = histories[owner].since if owner and customer != owner else histories[customer].since
        owner = customer
        one = merge(together, replace(says, version=at + 1), max(first, former or first))
        together = one.subscription
    for on in (date(2026, 3, n) for n in range(1, 32)):
        assert together is not None
        shares = {name: one.quantity("ADV").at(on) for name, one in histories.items()}
        assert sum(shares.values()) == together.quantity("ADV").at(on)
    assert [name for name, one in histories.items() if not one.moved_to] == [owner]


# -- What each of two customers knows of a subscription that moves

LATE = datetime(2026, 3, 12, 13, tzinfo=UTC)
"""When the event that says whose it is came in."""
OF_THE_OTHER = replace(snapshot(9, 30, day=12, name="Fabrikam"), customer_id="cus_2", actor="ana")


def test_a_subscription_that_goes_to_another_customer_ends_under_the_first() -> None:
    """With the units that it had there, on the day of the news, which both know under one number."""
    known = history(snapshot(7), snapshot(8, 28, day=11))
    ended, _ = moved(known, None, OF_THE_OTHER, date(2026, 3, 12), LATE)
    end = replace(
        version_of(OF_THE_OTHER, date(2026, 3, 12), 0, LATE),
        items=(("ADV", 28),),
        status="canceled",
        cancel_at=date(2026, 3, 12),
    )
    assert ended == replace(known, versions=(*known.versions, end), moved_to="cus_2")


def test_the_new_customer_knows_of_it_what_the_news_say() -> None:
    """Nothing older counts any more."""
    known = history(snapshot(7), snapshot(8, 28, day=11))
    _, begun = moved(known, None, OF_THE_OTHER, date(2026, 3, 12), LATE)
    assert begun == Subscription(
        id="sub_1",
        customer_id="cus_2",
        versions=(version_of(OF_THE_OTHER, date(2026, 3, 12), 0, LATE),),
        floor=9,
        customer_name="Fabrikam",
        billing_cycle="monthly",
        since=date(2026, 3, 12),
    )


@pytest.mark.parametrize(
    ("one", "other", "about"), [(5, 5, True), (5, 10, True), (10, 5, True), (5, 11, False), (11, 5, False)]
)
def test_numbers_of_which_one_is_at_most_twice_the_other_are_about_as_many(
    one: int, other: int, about: bool
) -> None:
    """Whichever of them is the larger."""
    assert about_as_many(one, other) is about


def test_what_timus_had_cancelled_before_it_said_so_is_told_by_day() -> None:
    """From the day for which it was cancelled until the day of the version that says so; nothing of one that was cancelled in time."""
    known = history(
        snapshot(7), snapshot(8, 28, day=14), snapshot(9, 28, day=20, cancel_at=date(2026, 3, 12))
    )
    assert known.outlived("ADV").steps == (
        (date(2026, 3, 12), 25),
        (date(2026, 3, 14), 28),
        (date(2026, 3, 20), 0),
    )
    for newest in (snapshot(9, 28, day=20), snapshot(9, 28, day=20, cancel_at=date(2026, 3, 20))):
        assert history(snapshot(7), newest).outlived("ADV").steps == ()


def test_what_was_cancelled_before_it_was_said_is_told_of_all_subscriptions_of_a_customer() -> None:
    """Of one SKU; of a customer without a subscription there is nothing."""
    late = history(snapshot(7), snapshot(8, day=20, cancel_at=date(2026, 3, 12)))
    gateway = replace(snapshot(8, 2, day=18, cancel_at=date(2026, 3, 16)), items=(("ADV", 2), ("GATEWAY", 1)))
    other = replace(history(replace(snapshot(7, 2), items=gateway.items), gateway), id="sub_2")
    customer = Customer("cus_1", None, (late, other))
    assert customer.outlived("ADV").steps == (
        (date(2026, 3, 12), 25),
        (date(2026, 3, 16), 27),
        (date(2026, 3, 18), 25),
        (date(2026, 3, 20), 0),
    )
    assert customer.outlived("GATEWAY").steps == ((date(2026, 3, 16), 1), (date(2026, 3, 18), 0))
    assert Customer("cus_1", None, ()).outlived("ADV").steps == ()


@pytest.mark.parametrize("before", ["", "old.example"])
def test_the_new_customers_domain_is_what_the_news_say(before: str) -> None:
    """Whether or not another one was known."""
    known = history(snapshot(7), snapshot(8, 28, day=11))
    there = (
        replace(history(snapshot(5)), customer_id="cus_2", customer_domain=before, moved_to="cus_1")
        if before
        else None
    )
    says = replace(OF_THE_OTHER, customer_domain="fabrikam.example")
    _, begun = moved(known, there, says, date(2026, 3, 12), LATE)
    assert begun.customer_domain == "fabrikam.example"


def test_a_customer_who_gets_a_subscription_back_goes_on_from_what_was_known() -> None:
    """A day from before it was the other one's is not counted again, and a domain that was reported once stays."""
    there = replace(history(snapshot(7)), customer_id="cus_2", customer_domain="fabrikam.example")
    there, known = moved(
        there, None, replace(snapshot(8, 28, day=11), customer_id="cus_1"), date(2026, 3, 11)
    )
    again = replace(OF_THE_OTHER, billing_cycle="annual")
    ended, back = moved(known, there, again, date(2026, 3, 10), LATE)
    day = date(2026, 3, 11)  # since when it was the first one's
    assert (ended.newest.day, ended.newest.cancel_at) == (day, day)
    assert back == replace(
        there,
        versions=(*there.versions, version_of(again, day, 0, LATE)),
        floor=9,
        customer_name="Fabrikam",
        billing_cycle="annual",
        moved_to="",
        since=day,
    )


@pytest.mark.parametrize(("version", "number"), [(8, 9), (3, 9), (9, 9), (20, 20)])
def test_news_of_another_customer_come_after_all_that_is_known(version: int, number: int) -> None:
    """A counter that stands still or began again is counted on from there, for both."""
    known = history(snapshot(7), snapshot(8, 28, day=11))
    says = replace(OF_THE_OTHER, version=version)
    ended, begun = moved(known, None, says, date(2026, 3, 12))
    assert (ended.newest.number, begun.newest.number, begun.floor) == (number, number, number)
    restarts = () if number == version else (Restart(says.occurred_at, number - version),)
    assert begun.restarts == restarts
    assert begun.newest.received_at is None


def test_a_counter_that_began_again_under_the_first_customer_goes_on_under_the_second() -> None:
    """Else the next version would count as older than those before the move."""
    known = history(snapshot(7), snapshot(8, 28, day=11))
    known = known.restarted(datetime(2026, 3, 12, tzinfo=UTC))
    ended, begun = moved(known, None, replace(OF_THE_OTHER, version=1), date(2026, 3, 12))
    assert (ended.newest.number, begun.newest.number, begun.restarts) == (9, 9, known.restarts)
