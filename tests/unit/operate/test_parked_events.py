"""An event that says otherwise than what is known is accepted or dismissed by a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from shlex import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.drift_table import aligned
from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER, ESS, World
from timus_autotask.cli.failure import refusal
from timus_autotask.domain.history import Subscription
from timus_autotask.operate.parked_events import Accepted, accept, dismiss
from timus_autotask.operate.recover import replay, replayable
from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.table import Key, Put
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.watch.as_known_now import by_records
from timus_autotask.watch.listing import listed
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.status import gather

SUBSCRIPTION = "sub_8f2c1a"
LATER = date(2026, 4, 20)


def restarted(*quantities: int, hours: float = 25) -> World:
    """A client level at 28 seats, told as version 40; then versions 1, 2 … of later times with these seats."""
    world = aligned()
    world.tell(40, {ADV: 25}, event_id="evt_40")
    world.work()
    world.pass_time(days=1)
    for number, quantity in enumerate(quantities, 1):
        world.pass_time(hours=hours)
        world.tell(number, {ADV: quantity}, event_id=f"again_{number}")
        world.work()
    return world


def parked(world: World) -> list[EventRecord]:
    """By version."""
    return sorted(world.ports.store.parked_events(), key=lambda event: event.version)


def known(world: World) -> Subscription:
    """The history."""
    return world.ports.store.customer(CUSTOMER).subscriptions[SUBSCRIPTION].value


def accepted(world: World, event: str) -> Accepted:
    """Accept it, and let the workers do what follows; what is posted at once is what was shown."""
    proposal = accept(deployment_of(world), event, "j.doe")
    shown = proposal.preview.totals
    before = len(world.posted())
    done = proposal.commit().result
    world.work()
    made = [delta for _, delta, _ in world.posted()[before:]]
    assert sum(delta for delta in made if delta > 0) == shown.units_up_at_once
    assert -sum(delta for delta in made if delta < 0) == shown.units_down_at_once
    return done


@pytest.mark.parametrize("hours", [1, 30], ids=["within a day", "days later"])
def test_a_restarted_counter_is_believed_from_its_first_event_on(hours: float) -> None:
    """Versions 40, then 1, 2, 3: all three are parked; accepting the first merges them in order, and later ones just go on."""
    world = restarted(33, 30, 34, hours=hours)
    assert [event.version for event in parked(world)] == [1, 2, 3]
    assert world.units(ADV, LATER) == 25
    done = accepted(world, "again_1")
    assert (done.version, done.counted_as, done.merged_again) == (1, 41, 3)
    assert parked(world) == []
    assert [version.number for version in known(world).versions] == [1, 40, 41, 42, 43]
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 34
    world.tell(4, {ADV: 35})
    world.work()
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 35
    assert parked(world) == []


def test_everything_that_would_be_posted_is_shown_first_and_nothing_written() -> None:
    """The proposal is a rehearsal."""
    world = restarted(33)
    before, posted = world.table.documents(), world.posted()
    proposal = accept(deployment_of(world), "again_1", "j.doe")
    assert (proposal.preview.totals.units_up, proposal.preview.totals.units_up_at_once) == (8, 8)
    assert world.table.documents() == before
    proposal.commit()
    world.work()
    assert len(world.posted()) == len(posted) + 1


def test_the_decision_is_recorded() -> None:
    """Who, when, and which event."""
    world = restarted(33)
    [event] = parked(world)
    accepted(world, event.key)
    [decision] = world.ports.store.decisions()
    assert (decision.kind, decision.by, decision.customers) == ("events accept", "j.doe", (CUSTOMER,))
    assert event.key in decision.detail
    assert "version 1 of sub_8f2c1a is right and counts as 41, after 40" in decision.detail


def test_what_was_superseded_meanwhile_is_merged_too() -> None:
    """A later event of the new count said what was known, so nobody was asked about it; after the restart it is the newest."""
    world = restarted(33, 25)
    assert [event.version for event in parked(world)] == [1]
    assert accepted(world, "again_1").merged_again == 2
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 25
    assert known(world).newest.number == 42


def test_a_second_time_there_is_nothing_to_accept() -> None:
    """The event is merged, and the refusal says so."""
    world = restarted(33)
    accepted(world, "again_1")
    with pytest.raises(NotDone, match="is merged: only an event that says otherwise"):
        accept(deployment_of(world), "again_1", "j.doe")


def test_one_of_a_count_that_was_accepted_before_goes_on() -> None:
    """Stopped half-way, the rest is accepted one by one, and the counter does not begin a third time."""
    world = restarted(33, 34)
    second = parked(world)[1]
    dismiss(deployment_of(world), [second.key], "not yet", "j.doe")
    proposal = accept(deployment_of(world), "again_1", "j.doe")
    assert proposal.notes == (
        f"Later events that were dismissed stay so, unless they are accepted too: {second.key}",
    )
    proposal.commit()
    world.work()
    assert accepted(world, second.key).counted_as == 42
    assert len(known(world).restarts) == 1
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 34


def test_the_days_of_earlier_ones_are_not_left_out() -> None:
    """Accepting the third of a new count would bill the days of the first two by the old one for ever. The refusal says what is first."""
    world = restarted(33, 30, 34)
    before = world.table.documents()
    first, second, third = parked(world)
    for later, earlier in ((second, [first]), (third, [first, second])):
        with pytest.raises(NotDone, match="hold from earlier days, are parked too") as refused:
            accept(deployment_of(world), later.key, "j.doe")
        told = ", ".join(f"version {one.version} (event {one.key})" for one in earlier)
        assert f"are parked too: {told}. " in str(refused.value)
        assert f"timus-autotask events accept {quote(first.key)}" in refusal(refused.value)
    assert world.table.documents() == before
    accepted(world, first.key)
    assert parked(world) == []
    days = [date.fromisoformat(one.day) for one in (first, second, third)]
    assert [world.units(ADV, day) for day in days] == [33, 30, 34]


def test_a_script_leaves_no_days_out_either() -> None:
    """Nobody reads a question there: it is refused, in sentences and for programs, and the oldest one is taken."""
    world = restarted(33, 30, 34)
    first, _, third = parked(world)
    desk = Desk(world)
    said = desk.run("events", "accept", third.key, "--yes")
    assert (said.status, f"events accept {quote(first.key)}" in said.err) == (1, True)
    assert desk.run("--json", "events", "accept", third.key, "--yes").status == 1
    assert len(parked(world)) == 3
    assert desk.run("events", "accept", first.key, "--yes").status == 0


def test_a_later_one_is_accepted_once_the_earlier_ones_are_dismissed() -> None:
    """A person said that they are mistakes: their days stay as they are."""
    world = restarted(33, 30, 34)
    first, second, third = parked(world)
    dismiss(deployment_of(world), [first.key, second.key], "a test of support", "j.doe")
    accepted(world, third.key)
    days = [date.fromisoformat(one.day) for one in (first, second, third)]
    assert [world.units(ADV, day) for day in days] == [25, 25, 34]


def test_what_cannot_be_accepted_any_more_keeps_no_later_one_waiting() -> None:
    """The old count went on after the first event of the new one. What the second one says is newer than both."""
    world = restarted(33)
    told_later(world, 26)
    world.pass_time(days=1)
    world.tell(2, {ADV: 34}, event_id="again_2")
    world.work()
    assert accepted(world, "again_2").counted_as == 43


def test_earlier_ones_of_a_count_that_was_accepted_say_what_holds_then() -> None:
    """All are of one day, so the third one says it all. The first two cannot be the newest any more, and their remedy is not refused."""
    world = restarted(33, 30, 34, hours=0.25)
    accepted(world, parked(world)[2].key)
    left = parked(world)
    assert [(one.version, one.parked.code) for one in left if one.parked] == [
        (1, "version-overtaken"),
        (2, "version-overtaken"),
    ]
    first = left[0].parked
    assert first is not None
    assert "Version 3 happened later and says otherwise: 34 SASE-ADV-USER" in first.message
    assert "33 SASE-ADV-USER from" in first.message
    assert "events accept" not in remedy_of(first)
    assert f"events dismiss {quote(left[0].key)} --reason WHY" in remedy_of(first)
    with pytest.raises(NotDone, match="is version-overtaken"):
        accept(deployment_of(world), left[0].key, "j.doe")
    dismiss(deployment_of(world), [one.key for one in left], "Timus shows 34", "j.doe")
    assert parked(world) == []


def test_one_that_comes_after_a_later_one_was_accepted_says_so_at_once() -> None:
    """Its delivery was late; it was never one that could be accepted."""
    world = restarted(33)
    accepted(world, "again_1")
    world.pass_time(days=1)
    early = world.clock.now() - timedelta(days=1, hours=30)
    world.tell(2, {ADV: 30}, occurred=early, event_id="late")
    world.work()
    assert [one.parked.code for one in parked(world) if one.parked] == ["version-overtaken"]


def test_an_event_that_is_not_the_newest_cannot_be_accepted() -> None:
    """Two senders count: the old count went on later and says otherwise, so the event would only be parked again."""
    world = restarted(33)
    world.pass_time(days=1)
    world.tell(41, {ADV: 26})
    world.work()
    with pytest.raises(
        NotDone, match=r"Version 41 of subscription sub_8f2c1a .* happened later and says otherwise"
    ):
        accept(deployment_of(world), "again_1", "j.doe")


def test_what_is_named_as_later_is_later() -> None:
    """Not the newest by its number, which leapt ahead in an earlier event: the one whose time keeps the event from counting."""
    world = aligned()
    now = world.clock.now()
    world.tell(2, {ADV: 33}, occurred=now + timedelta(minutes=19), event_id="evt_2")
    world.tell(2**31 - 1, {ADV: 33}, occurred=now, event_id="leap")
    world.work()
    world.tell(3, {ADV: 34}, occurred=now + timedelta(minutes=10), event_id="early")
    world.work()
    assert shown_as(world) == {"version-overtaken"}
    [event] = Desk(world).ask("status")["events"]
    reported = f"{now + timedelta(minutes=19):%Y-%m-%d %H:%M}"
    assert "Version 2 happened later and says otherwise: 33 SASE-ADV-USER" in event["reason"]
    assert f"(reported {reported} UTC)" in event["reason"]


def told_later(world: World, seats: int) -> None:
    """The old count goes on a day later, with so many seats."""
    world.pass_time(days=1)
    world.tell(41, {ADV: seats}, event_id="evt_41")
    world.work()


def shown_as(world: World) -> set[str | None]:
    """Why the only parked event waits, by everything that shows it."""
    desk, store = Desk(world), world.ports.store
    [event] = store.parked_events()
    every = (listed(store), gather(store, lambda: 0))
    return {
        *(one["reason_code"] for one in desk.ask("status")["events"]),
        *(one["reason_code"] for one in desk.ask("events", "--parked")["events"]),
        *(one["reason_code"] for one in desk.ask("events", "show", event.key)["events"]),
        *(one.parked.code for records in every for one in records.parked_events if one.parked),
    }


def test_an_event_that_newer_news_overtook_is_shown_with_what_can_be_done_now() -> None:
    """It was parked as one to accept; since the old count went on, that would be refused."""
    world = restarted(33)
    assert shown_as(world) == {"version-restarted"}
    told_later(world, 26)
    assert shown_as(world) == {"version-overtaken"}
    [event] = Desk(world).ask("status")["events"]
    assert "Version 41 happened later and says otherwise: 26 SASE-ADV-USER" in event["reason"]
    assert "events accept" not in event["remedy"]
    assert f"events dismiss {quote(event['key'])} --reason WHY" in event["remedy"]


def test_an_event_with_which_newer_news_agrees_can_still_be_accepted() -> None:
    """What follows it is counted on from it all the same."""
    world = restarted(33)
    told_later(world, 33)
    assert shown_as(world) == {"version-restarted"}
    accepted(world, "again_1")
    assert parked(world) == []


def test_of_two_states_of_one_version_the_second_is_overtaken_too() -> None:
    """By a version that came later, and an acceptance is refused for the same."""
    world = aligned()
    world.pass_time(days=1)
    world.tell(1, {ADV: 31}, event_id="other")
    world.work()
    assert shown_as(world) == {"contradictory"}
    world.pass_time(days=1)
    world.tell(2, {ADV: 32})
    world.work()
    assert shown_as(world) == {"version-overtaken"}
    with pytest.raises(NotDone, match="happened later and says otherwise"):
        accept(deployment_of(world), "other", "j.doe")


def test_an_event_of_a_history_that_cannot_be_read_keeps_its_reason() -> None:
    """What it was parked for is shown, and nothing fails."""
    world = restarted(33)
    told_later(world, 26)
    [event] = world.ports.store.parked_events()
    key = Key(f"CUSTOMER#{CUSTOMER}", f"SUBSCRIPTION#{SUBSCRIPTION}")
    stored = world.table.get(key)
    assert stored is not None
    world.table.write([Put(key, {"id": SUBSCRIPTION}, stored.rev, kind="subscription", sort="x")])
    assert shown_as(world) == {"version-restarted"}
    assert by_records([event], {}) == (event,)


def test_a_higher_version_with_an_older_time_is_accepted_by_its_number() -> None:
    """The new count came first and the old one late: if the number is right after all, it counts."""
    world = aligned()
    world.pass_time(days=2)
    world.tell(40, {ADV: 25}, occurred=world.clock.now() - timedelta(days=9), event_id="evt_40")
    world.work()
    assert [event.version for event in parked(world)] == [40]
    assert accepted(world, "evt_40").counted_as == 40
    assert known(world).newest.number == 40
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 25


def test_of_two_states_of_one_version_the_second_is_accepted() -> None:
    """The first one counts until a person says otherwise, who is shown both."""
    world = aligned()
    world.pass_time(days=1)
    world.tell(1, {ADV: 31}, event_id="other")
    world.work()
    [why] = [event.parked for event in parked(world) if event.parked]
    assert why.code == "contradictory"
    assert re.search(
        f"the first one counts. It says: 28 {ADV} from .*. This event says: 31 {ADV} from .*", why.message
    )
    assert accepted(world, "other").counted_as == 2
    world.pass_time(days=1)
    assert world.units(ADV, LATER) == 31


def test_a_mistake_is_dismissed_and_still_shown() -> None:
    """What is known stays; the event keeps what it was parked for, with who dismissed it and why. A replay leaves it alone."""
    world = restarted(33, 34)
    posted = world.posted()
    keys = [event.key for event in parked(world)]
    done = dismiss(deployment_of(world), keys, "a test of support", "j.doe")
    assert done.events == tuple(keys)
    assert parked(world) == []
    shown = [event for event in world.ports.store.events() if event.outcome == "dismissed"]
    assert [event.key for event in shown] == keys
    assert [event.dismissed.reason for event in shown if event.dismissed] == ["a test of support"] * 2
    assert all(event.parked and event.parked.code == "version-restarted" for event in shown)
    assert [one.kind for one in world.ports.store.decisions()] == ["events dismiss"] * 2
    for event in replayable(world.ports.store, datetime(2026, 1, 1, tzinfo=UTC)):
        assert event.key not in keys
        replay(event, world.ports)
    world.pass_time(days=1)
    assert world.posted() == posted
    with pytest.raises(NotDone, match="is dismissed, and not parked"):
        dismiss(deployment_of(world), keys, "again", "j.doe")


def test_any_parked_event_can_be_dismissed_and_only_a_disputed_one_accepted() -> None:
    """One that is not understood has no state that could be believed."""
    world = aligned()
    world.tell(-1, {ADV: 25}, event_id="odd")
    world.work()
    with pytest.raises(NotDone, match="is not-understood: only"):
        accept(deployment_of(world), "odd", "j.doe")
    dismiss(deployment_of(world), ["odd"], "a test", "j.doe")
    assert parked(world) == []


@pytest.mark.parametrize("decide", [accept, lambda d, k, by: dismiss(d, [k], "why", by)])
def test_an_event_that_there_is_not_is_refused(decide: object) -> None:
    """With the command that lists them."""
    with pytest.raises(NotDone, match="There is no merged event nothing") as refused:
        decide(deployment_of(aligned()), "nothing", "j.doe")  # type: ignore[operator]
    assert refusal(refused.value).endswith("List them with: timus-autotask events --parked")


@pytest.mark.parametrize("decide", [accept, lambda d, k, by: dismiss(d, [k], "why", by)])
def test_an_event_that_is_merged_again_just_now_says_so(decide: object) -> None:
    """It was parked a moment ago, and an earlier one was accepted: it waits in the inbox."""
    world = restarted(33, 30)
    later = parked(world)[1].key
    accept(deployment_of(world), "again_1", "j.doe").commit()
    for name in (later, "again_2"):
        with pytest.raises(NotDone, match=f"Event {name} waits to be merged just now; look at it again"):
            decide(deployment_of(world), name, "j.doe")  # type: ignore[operator]


def test_a_parked_event_that_turns_out_to_be_known_is_not_parked_any_more() -> None:
    """It was parked, a file brought what it says, and it is replayed: it is a duplicate then, and has no reason left."""
    world = aligned()
    world.pass_time(days=1)
    world.tell(1, {ADV: 31}, event_id="other")
    world.work()
    [event] = parked(world)
    world.table._delete(next(d.key for d in world.table.documents() if d.key.sk.startswith("SUBSCRIPTION#")))
    world.tell(1, {ADV: 31}, event_id="the same again")
    world.work()
    assert replay(event, world.ports)
    world.pass_time(minutes=1)
    assert parked(world) == []


seats = st.integers(1, 60)


@settings(max_examples=25, deadline=None)
@given(st.lists(seats, min_size=1, max_size=4), st.data())
def test_whichever_event_is_accepted_the_last_of_the_new_count_counts(
    quantities: Sequence[int], data: st.DataObject
) -> None:
    """Those before it are mistakes. Nothing is parked that followed, and Autotask gets what Timus said last."""
    world = restarted(*quantities)
    waiting = parked(world)
    if not waiting:
        assert set(quantities) == {25}
        return
    event = data.draw(st.sampled_from(waiting))
    before = [one.key for one in waiting if one.version < event.version]
    dismiss(deployment_of(world), before, "a mistake", "j.doe")
    proposal = accept(deployment_of(world), event.key, "j.doe")
    proposal.commit()
    world.work()
    world.pass_time(days=2)
    assert parked(world) == []
    assert world.units(ADV, LATER) == quantities[-1]
    assert world.units(ESS, LATER) == 0
