"""Timus as its portal shows it, our table and Autotask: what is missing becomes events, once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drift_table import aligned
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, World
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.files.timus_export import Comparison, Exported, ExportFile, compare, take_in
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Put
from timus_autotask.store.sizes import ROOM
from timus_autotask.watch.listing import listed
from timus_autotask.watch.remedy import remedy_of, ways
from timus_autotask.watch.status import status_of

HEAD = "customer_id,subscription_id,sku,quantity"


def read(text: str) -> list[Exported]:
    """What a file says."""
    return [*ExportFile("portal.csv", text.encode()).subscriptions()]


def compared(world: World, text: str) -> Comparison:
    """A file against a world."""
    records, now = listed(world.ports.store), world.clock.now()
    lines = status_of(records, now, world.zone).lines
    return compare(read(text), records, lines, world.ports.today(), world.zone, "portal.csv", "jane")


def taken_in(world: World, text: str) -> int:
    """Take in what is missing, and let the worker do it."""
    new = take_in(compared(world, text), world.ports)
    world.pass_time(minutes=1)
    return new


class TestReading:
    """CSV as spreadsheets write it, JSON as programs do."""

    def test_rows_of_one_subscription_come_together(self) -> None:
        """A row for each SKU; columns in any order and case, left out or empty where they may be."""
        text = f"\ufeffSKU;Quantity;customer_id;subscription_id;term_end\n{ADV};30;c;s;2026-12-31\n{ESS};2;c;s;2026-12-31\n"
        [told] = read(text)
        assert told == Exported("c", "s", ((ADV, 30), (ESS, 2)), term_end=date(2026, 12, 31))

    def test_what_excel_writes_is_read(self) -> None:
        """Its line that names the separator, its empty rows and columns, its way of keeping a text a text."""
        text = f'sep=;\r\n{HEAD};;\r\nc;="0012";{ADV};25;;\r\n;;;;;\r\n;;;;;\r\n'.replace(",", ";")
        assert read(text) == [Exported("c", "0012", ((ADV, 25),))]

    def test_json(self) -> None:
        """The same names, and whole numbers as such."""
        rows = [
            {
                "customer_id": "c",
                "subscription_id": "s",
                "sku": ADV,
                "quantity": 30,
                "version": 7,
                "cancel_at": None,
            }
        ]
        [told] = read(json.dumps(rows))
        assert (told.items, told.version, told.cancel_at) == (((ADV, 30),), 7, None)
        assert read(json.dumps({"subscriptions": rows})) == [told]

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", "the columns customer_id, subscription_id, sku, quantity are missing"),
            (HEAD, "there are no rows"),
            (f"{HEAD}\nc,s,{ADV},1.5", "row 2: quantity must be a whole number, but is '1.5'"),
            (f"{HEAD}\nc,s,{ADV},", "row 2: quantity is missing"),
            (f"{HEAD}\nc,s,{ADV},1,what", "row 2: has 5 cells where row 1 has 4"),
            (f"{HEAD},seats\nc,s,{ADV},1,2", "row 1: 'seats' is no column of ours; there are: customer_id"),
            (f"{HEAD},term_end\nc,s,{ADV},1,31.12.", "row 2: term_end must be a day as in 2026-03-15"),
            (f"{HEAD}\nc,s,{ADV},1\nc,s,{ADV},2", f"row 3: subscription s has {ADV} twice"),
            (
                f"{HEAD}\nc,s,{ADV},1\nd,s,{ESS},2",
                "row 3: subscription s has another customer_id in row 2",
            ),
            ("[1]", "row 1: is no object"),
            ("[", "it is not JSON"),
            (f"{HEAD},quantity\nc,s,{ADV},25,250", "row 1: quantity comes 2 times"),
            (
                '[{"customer_id": "c", "subscription_id": "s", "sku": "A", "quantity": 25, "quantity": 250}]',
                "row 1: quantity comes 2 times",
            ),
            (
                f"{HEAD}\nc,1.20E+05,{ADV},25",
                "row 2: subscription_id is '1.20E+05', a number that a spreadsheet",
            ),
            (
                f'{HEAD}\nc,"s,{ADV},25\nc,t",{ADV},30',
                "row 2: a quotation mark opens a cell and does not end",
            ),
        ],
    )
    def test_each_row_that_is_wrong_is_named(self, text: str, error: str) -> None:
        """With what is wrong about it; nothing of the file is used."""
        with pytest.raises(FileRefused) as refused:
            read(text)
        assert any(error in one for one in map(str, refused.value.problems))


@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda some: f"{HEAD}\nc,s,a,1\n".encode() + some)
)
def test_any_bytes_are_subscriptions_or_refused(data: bytes) -> None:
    """And what is refused says why."""
    told: Sequence[Exported] = ()
    with suppress(FileRefused):
        told = ExportFile("portal.csv", data).subscriptions()
    assert all(one.items and one.customer_id for one in told)


def test_an_event_that_was_lost_for_ever() -> None:
    """Timus bills 31, our table and Autotask have 28: after a preview the missing event is taken in, and Autotask follows."""
    world = aligned()
    text = f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n"
    found = compared(world, text)
    [row] = found.rows
    assert (row.timus, row.table, row.autotask, row.note) == (31, 28, 28, "differs: becomes version 2")
    assert world.units(ADV, date(2026, 3, 17)) == 28
    assert taken_in(world, text) == 1
    assert world.units(ADV, date(2026, 3, 17)) == 31


def test_what_is_taken_in_keeps_where_it_came_from() -> None:
    """The stored event says that it came from a file, which one, and who gave it."""
    world = aligned()
    taken_in(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n")
    event = [*world.ports.store.events()][-1]
    assert event.event_id.startswith("timus-export-")
    assert event.actor == "jane"
    assert json.loads(event.body)["provenance"] == {
        "source": "timus-export",
        "file": "portal.csv",
        "operator": "jane",
    }


def test_it_may_be_repeated() -> None:
    """The same file again finds everything level; even one that is taken in twice at once is one event."""
    world = aligned()
    text = f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n"
    events = compared(world, text)
    assert take_in(events, world.ports) == 1
    assert take_in(events, world.ports) == 0
    assert "wait to be merged" in compared(world, text).rows[0].note
    world.pass_time(minutes=1)
    assert take_in(events, world.ports) == 0
    assert compared(world, text).events == ()
    assert [row.note for row in compared(world, text).rows] == [""]
    assert len(world.posted()) == 2


@pytest.mark.parametrize(
    "limit", [{}, {"MOST_WRITES": 1}, {"LARGEST_TRANSACTION": ROOM + 400}], ids=["all", "one", "bytes"]
)
def test_a_clients_events_are_written_in_one_transaction_as_far_as_it_takes_them(
    limit: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscription that replaces another is two events. The one without the other would bill both or neither."""
    world = aligned()
    for name, value in limit.items():
        monkeypatch.setattr(f"timus_autotask.store.sizes.{name}", value)
    text = f"{HEAD},term_end\n{CUSTOMER},sub_8f2c1a,{ADV},0,\n{CUSTOMER},sub_new,{ADV},28,2026-12-31\n"
    found = compared(world, text)
    write = world.table.write

    def fails(changes: Sequence[Put]) -> None:
        write(changes)
        raise TableUnavailable("cut off")

    world.table.write = fails  # type: ignore[method-assign, assignment]
    with pytest.raises(TableUnavailable):
        take_in(found, world.ports, [one.id for one in found.suspicions])
    assert len(found.events) == 2
    assert len(world.table.range(f"CUSTOMER#{CUSTOMER}", "INBOX#", "INBOX$")) == (1 if limit else 2)


def test_events_of_which_some_wait_already_are_put_one_by_one() -> None:
    """Somebody takes in the same file at the same moment."""
    world = aligned()
    text = f"{HEAD},term_end\n{CUSTOMER},sub_8f2c1a,{ADV},31,\n{CUSTOMER},sub_new,{ESS},4,2026-12-31\n"
    found = compared(world, text)
    first = replace(found, events=found.events[:1])
    assert (take_in(first, world.ports), take_in(found, world.ports)) == (1, 1)


def test_timuss_own_event_that_comes_after_all_does_no_harm() -> None:
    """It claims the version that was made up, says the same, and is a duplicate; a newer one is news."""
    world = aligned()
    taken_in(world, f"{HEAD},effective_date\n{CUSTOMER},sub_8f2c1a,{ADV},31,2026-03-16\n")
    world.tell(2, {ADV: 31}, term_end=date(2026, 12, 31), event_id="late")
    world.tell(3, {ADV: 33}, effective=world.clock.now() + timedelta(days=1))
    world.work()
    world.pass_time(days=1)
    world.pass_time(days=1)
    assert {event.event_id: event.outcome for event in world.ports.store.events()}["late"] == "duplicate"
    assert world.units(ADV, date(2026, 3, 18)) == 33


def test_a_subscription_that_we_never_heard_of() -> None:
    """It needs its term; a customer who is not mapped waits for the mapping, as with any other event."""
    world = aligned()
    with pytest.raises(FileRefused) as refused:
        compared(world, f"{HEAD}\n{CUSTOMER},sub_new,{ESS},4\n{CUSTOMER},sub_newer,{ESS},4\n")
    assert [*map(str, refused.value.problems)] == [
        f"row {row}: subscription {one} is not known to us: its term_end is needed"
        for row, one in ((2, "sub_new"), (3, "sub_newer"))
    ]
    both = f"{CUSTOMER},sub_8f2c1a,{ADV},28,2026-12-31\n{CUSTOMER},sub_new,{ESS},4,2026-12-31\n"
    taken_in(world, f"{HEAD},term_end\n{both}")
    assert world.units(ESS, date(2026, 3, 17)) == 4


def test_a_subscription_that_the_file_does_not_name_is_told_only() -> None:
    """A file may be a part: nothing is taken to 0 because it is missing."""
    world = aligned()
    found = compared(world, f"{HEAD},term_end\n{CUSTOMER},sub_new,{ESS},4,2026-12-31\n")
    absent = next(row for row in found.rows if row.subscription_id == "sub_8f2c1a")
    assert (absent.timus, absent.table, absent.autotask) == (None, 28, 28)
    assert "not in the file" in absent.note
    assert [event.customer_id for event in found.events] == [CUSTOMER]


@pytest.mark.parametrize(
    ("row", "words", "event"),
    [
        ("sub_8f2c1a,{adv},28,1", "", False),
        ("sub_8f2c1a,{adv},30,1", "version 1 says otherwise here; ask Timus", False),
        ("sub_8f2c1a,{adv},30,9", "a newer version: becomes an event", True),
    ],
)
def test_versions_that_the_portal_shows(row: str, words: str, event: bool) -> None:
    """With a version there is nothing to guess."""
    world = aligned()
    found = compared(
        world, f"customer_id,subscription_id,sku,quantity,version\n{CUSTOMER},{row.format(adv=ADV)}\n"
    )
    assert found.rows[0].note == words
    assert bool(found.events) is event
    contradicted = [(one.customer_id, one.subscription_id, one.version) for one in found.contradicted]
    assert contradicted == ([(CUSTOMER, "sub_8f2c1a", 1)] if "otherwise" in words else [])


def test_a_file_that_is_older_than_what_we_know() -> None:
    """What Timus told since is not taken back."""
    world = aligned()
    world.tell(5, {ADV: 33})
    world.work()
    world.pass_time(minutes=1)
    found = compared(world, f"{HEAD},version\n{CUSTOMER},sub_8f2c1a,{ADV},30,4\n")
    assert (found.rows[0].note, found.events) == ("we know of version 5, which is newer", ())


def told_more(world: World) -> None:
    """A change of the seats, told by Timus today."""
    world.pass_time(hours=2)
    world.tell(2, {ADV: 30})
    world.work()
    world.pass_time(minutes=1)


def held_for(found: Comparison) -> list[tuple[str, tuple[str, ...]]]:
    """Kind and subscriptions of each suspicion."""
    return [(one.kind.value, one.holds) for one in found.suspicions]


@pytest.mark.parametrize("day", ["", "2026-03-02", "2026-03-16"], ids=["no day", "older day", "same day"])
def test_what_was_so_before_a_change_that_timus_told_since_is_held(day: str) -> None:
    """A file that is older says just that. It names the change; only a person who accepts it by its id takes the seats back."""
    world = aligned()
    told_more(world)
    found = compared(world, f"{HEAD},effective_date\n{CUSTOMER},sub_8f2c1a,{ADV},28,{day}\n")
    [one] = found.suspicions
    assert (one.kind.value, one.holds) == ("told-since", ("sub_8f2c1a",))
    assert one.message == (
        f"Subscription sub_8f2c1a of {CUSTOMER} has 28 {ADV} here, which was so before version 2 (30 {ADV} from 2026-03-16 on, told on "
        "2026-03-16 23:12 UTC). Is the file older than that?"
    )
    assert found.released() == ()
    assert len(found.released([one.id])) == 1


def test_what_was_so_before_several_changes_names_the_first_and_the_newest() -> None:
    """The file is older than the first of them."""
    world = aligned()
    told_more(world)
    world.tell(3, {ADV: 31})
    world.work()
    world.pass_time(minutes=1)
    [one] = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},28\n").suspicions
    assert "before version 2 (30" in one.message
    assert "The newest is version 3 (31" in one.message


def test_a_row_that_says_that_it_is_newer_is_taken() -> None:
    """By its version, or by a day after that of the newest change; or it has what was never so."""
    world = aligned()
    told_more(world)
    assert held_for(compared(world, f"{HEAD},version\n{CUSTOMER},sub_8f2c1a,{ADV},28,3\n")) == []
    world.pass_time(days=2)
    assert (
        held_for(compared(world, f"{HEAD},effective_date\n{CUSTOMER},sub_8f2c1a,{ADV},28,2026-03-17\n")) == []
    )
    assert held_for(compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},32\n")) == []


def test_a_day_before_that_of_the_newest_change_is_held_whatever_the_row_has() -> None:
    """The file does not know of that change."""
    world = aligned()
    told_more(world)
    [one] = compared(world, f"{HEAD},effective_date\n{CUSTOMER},sub_8f2c1a,{ADV},29,2026-03-15\n").suspicions
    assert "has 29 SASE-ADV-USER from 2026-03-15 on here, and not version 2" in one.message


def test_what_ended_since_and_goes_on_in_the_file_is_held() -> None:
    """Also with other units than it ever had."""
    world = aligned()
    world.pass_time(hours=2)
    world.tell(2, {ADV: 28}, status="canceled", cancel_at=date(2026, 3, 20))
    world.work()
    world.pass_time(minutes=1)
    for units, words in ((28, "which was so before version 2"), (29, "goes on with 29")):
        found = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},{units}\n")
        assert "told-since" in dict(held_for(found))
        assert words in next(one.message for one in found.suspicions if one.kind.value == "told-since")
        assert found.released() == ()


@pytest.mark.parametrize(
    ("told", "column", "says"),
    [
        ({"status": "past_due"}, "status", "past_due"),
        ({"cancel_at": date(2026, 6, 1)}, "cancel_at", "2026-06-01"),
    ],
)
def test_what_a_file_has_no_column_for_is_as_we_know_it(told: dict[str, Any], column: str, says: str) -> None:
    """It is no difference, and no sign of an older file. With such a column, an empty cell says that it is not so."""
    world = aligned()
    world.pass_time(hours=2)
    world.tell(2, {ADV: 28}, **told)
    world.work()
    world.pass_time(minutes=1)
    assert compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},28\n").events == ()
    [repaired] = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n").released()
    assert f'"{column}":"{says}' in repaired.body.decode().replace('": "', '":"')
    [empty] = compared(world, f"{HEAD},{column}\n{CUSTOMER},sub_8f2c1a,{ADV},31,\n").events
    assert f'"{column}":"{says}' not in empty.body.decode().replace('": "', '":"')


def test_a_file_of_which_most_is_older_waits_as_a_whole() -> None:
    """One sentence says what it is older than."""
    world = aligned()
    world.tell(1, {ESS: 4}, subscription="sub_2")
    world.work()
    world.pass_time(minutes=1)
    told_more(world)
    world.tell(2, {ESS: 5}, subscription="sub_2")
    world.work()
    world.pass_time(minutes=1)
    found = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},28\n{CUSTOMER},sub_2,{ESS},4\n")
    both = ("sub_2", "sub_8f2c1a")
    assert held_for(found) == [
        ("all-together", both),
        ("told-since", ("sub_2",)),
        ("told-since", ("sub_8f2c1a",)),
    ]
    assert found.suspicions[0].message.startswith(
        "The file looks older than 2026-03-16 23:13 UTC: 2 of the 2 "
    )


def test_what_timus_told_of_only_lately_may_be_too_new_for_the_file() -> None:
    """Nobody should give it with quantity 0 before he has looked; of a client it is said, too."""
    world = aligned()
    world.pass_time(hours=2)
    world.tell(1, {ESS: 4}, subscription="sub_2", customer="cus_new")
    world.work()
    world.pass_time(minutes=1)
    found = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n")
    [absent] = [row for row in found.rows if row.subscription_id == "sub_2"]
    assert absent.note.startswith(
        "not in the file, which may be older: Timus told of it first on 2026-03-16 23:12 UTC; if Timus"
    )
    [lacks] = [one for one in found.suspicions if one.kind.value == "clients-missing"]
    assert lacks.message.endswith(
        "Timus told of cus_new first on 2026-03-16 23:12 UTC: is the file older than that?"
    )


def test_timuss_own_event_of_the_number_that_a_file_took_names_the_file() -> None:
    """It waits for a person, who is told that the number of the other one may be no number of Timus's own."""
    world = aligned()
    taken_in(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},31\n")
    world.tell(2, {ADV: 33}, event_id="own")
    world.work()
    [event] = [one for one in world.ports.store.parked_events() if one.parked]
    assert event.parked is not None
    assert event.parked.code == "contradictory"
    first, second = ways(remedy_of(event.parked))
    assert "Version 2 that counts came from a file (event timus-export-" in first
    assert first.endswith(f"timus-autotask events accept '{event.key}'")
    assert "events dismiss" in second


def test_a_change_of_a_later_day_is_not_taken_back() -> None:
    """The portal shows what holds today; what is scheduled for later is not a difference."""
    world = aligned()
    world.tell(2, {ADV: 40}, effective=world.clock.now() + timedelta(days=20))
    world.work()
    world.pass_time(minutes=1)
    assert compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},28\n").events == ()
    other = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},29\n")
    assert "version 2 changes it on" in other.rows[0].note
    assert other.events == ()


def test_what_no_event_may_say_is_refused_before_anything_is_written() -> None:
    """The same rules hold as for Timus's own events."""
    world = aligned()
    with pytest.raises(FileRefused, match=r"status must be"):
        compared(world, f"{HEAD},status\n{CUSTOMER},sub_8f2c1a,{ADV},30,alive\n")


def test_contract_ids_do_not_matter_here() -> None:
    """All lines of a SKU count together, as Timus does not know of contracts."""
    world = aligned()
    [row] = compared(world, f"{HEAD}\n{CUSTOMER},sub_8f2c1a,{ADV},28\n").rows
    assert row.autotask == world.units(ADV, date(2026, 3, 16), CONTRACT)
