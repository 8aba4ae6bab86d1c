"""``evidence``: a month to look at, to keep and to send."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, World

OF_MARCH = ("evidence", "--customer", CUSTOMER, "--month", "2026-03")


@pytest.fixture
def changed(desk: Desk) -> Desk:
    """A client with 25 seats, and 28 from the sixteenth on."""
    world = desk.world
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.tell(2, {ADV: 28, GATEWAY: 1}, customer_name="<b>Contoso</b>")
    world.work()
    return desk


def test_it_shows_days_changes_and_the_verdict(changed: Desk) -> None:
    """Runs of days with all four numbers, who asked, and that journal and Autotask agree."""
    said = changed.told(*OF_MARCH)
    assert "2026-03-16 to 2026-03-31" in said
    assert "j.doe@msp.example: 25 → 28 SASE-ADV-USER" in said
    assert "Journal and Autotask have the same units on each day." in said
    assert f"Head of contract {CONTRACT}: " in said


def test_its_json_is_the_form_that_a_verifier_reads(changed: Desk) -> None:
    """With every entry of the journal as it is stored."""
    found = changed.ask(*OF_MARCH)
    assert found["format"] == "timus-autotask evidence 1"
    assert (found["agrees"], found["journal_whole"]) == (True, True)
    [entry] = found["lines"][0]["journal"]["entries"]
    assert (entry["number"], entry["delta"]) == (1, 3)


def test_a_spreadsheet_opens_it_as_it_is(changed: Desk, tmp_path: Path) -> None:
    """A mark for Excel, a row for each line and day, and no cell that is a formula of somebody else's."""
    changed.world.tell(3, {ADV: 29, GATEWAY: 1}, customer_name="=cmd|'/c calc'!A1")
    changed.world.work()
    file = tmp_path / "march.csv"
    changed.told(*OF_MARCH, "--csv", str(file))
    text = file.read_bytes().decode()
    assert text.startswith("\ufeffcustomer,")
    rows = [*csv.DictReader(StringIO(text.removeprefix("\ufeff")))]
    assert len(rows) == 2 * 31
    assert {row["customer_name"] for row in rows} == {"=\"=cmd|'/c calc'!A1\""}
    [row] = [row for row in rows if row["change"] == "3"]
    assert (row["day"], row["timus"], row["journal"], row["autotask"], row["difference"]) == (
        '="2026-03-16"' if row["day"].startswith("=") else "2026-03-16",
        "29",
        "28",
        "28",
        "0",
    )


def test_a_spreadsheet_has_prices_and_what_is_on_no_line(changed: Desk, tmp_path: Path) -> None:
    """Who has no contract yet is in the file too; and nothing in it steers a terminal."""
    world = changed.world
    world.tell(1, {ADV: 5}, customer="cus_new", subscription="sub_new", customer_name="\x1b[31mRed \u202e")
    world.work()
    files = [tmp_path / "mapped.csv", tmp_path / "new.csv"]
    changed.told(*OF_MARCH, "--csv", str(files[0]))
    changed.told("evidence", "--customer", "cus_new", "--month", "2026-03", "--csv", str(files[1]))
    mapped, new = (
        [*csv.DictReader(StringIO(file.read_bytes().decode().removeprefix("\ufeff")))] for file in files
    )
    assert {row["unit_price"] for row in mapped if "ADV" in row["sku"]} == {"12.5000"}
    assert [row["timus"] for row in new] == ["5"] * 16
    assert "no Autotask company and contract" in new[0]["why"]
    assert "\x1b" not in files[1].read_text(encoding="utf-8")
    assert "\u202e" not in files[1].read_text(encoding="utf-8")


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.text += data if self.lasttag != "style" else ""


def page_of(desk: Desk, file: Path, *more: str) -> Tags:
    """The page that the command writes."""
    desk.told(*OF_MARCH, "--html", str(file), *more)
    return Tags(file.read_text(encoding="utf-8"))


def test_a_page_escapes_and_loads_nothing(changed: Desk, tmp_path: Path) -> None:
    """A name with markup is a name, and the page is one file."""
    page = page_of(changed, tmp_path / "march.html")
    assert "<b>Contoso</b>" in page.text
    assert not page.tags & {"b", "script", "link", "img", "iframe"}
    assert page.addresses == []
    assert "Journal and Autotask have the same units on each day." in page.text


def test_the_clients_page_is_in_the_clients_words(changed: Desk, tmp_path: Path) -> None:
    """Seats by day, who asked, what part of the period is billed; no money, no ids, and the partner's name."""
    page = page_of(changed, tmp_path / "march.html", "--for-client", "--partner", "Ada & Sons")
    text = " ".join(page.text.split())
    assert "Ada & Sons" in text
    assert "25 → 28" in text
    assert (
        "3 seats more from 16 March 2026. They are billed for 16 of the 31 days from 1 March 2026 to 31 March 2026."
        in text
    )
    assert "j.doe@msp.example, 16 March 2026" in text
    assert "0 → 25" not in text  # that was billed already
    assert "svg" in page.tags
    for internal in (str(CONTRACT), "sub_8f2c1a", CUSTOMER, "12.5", "journal", "Autotask", "landed"):
        assert internal not in text, internal


def test_all_customers_go_into_a_folder(changed: Desk, tmp_path: Path) -> None:
    """Three files each, named by the customer's id, which may hold anything."""
    strange = "../cus/b"
    changed.world.tell(1, {ADV: 2}, customer=strange, subscription="sub_b")
    changed.world.work()
    found = changed.ask("evidence", "--all", "--to", str(tmp_path / "out"), "--month", "2026-03")
    assert [one["customer"] for one in found["customers"]] == [strange, CUSTOMER]
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(files) == 6
    assert all(name.endswith((".json", ".csv", ".html")) for name in files)
    assert json.loads((tmp_path / "out" / f"{CUSTOMER}-2026-03.json").read_text())["agrees"] is True
    assert [*tmp_path.iterdir()] == [tmp_path / "out"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--customer", CUSTOMER, "--month", "2026-13"), "is no month"),
        (("--customer", CUSTOMER, "--month", "march"), "is no month"),
        (("--customer", "cus_41d1", "--month", "2026-03"), "cus_41d0"),
        (("--all", "--month", "2026-03"), "--to FOLDER"),
        (("--customer", CUSTOMER, "--month", "2026-03", "--for-client"), "--html FILE"),
        (("--customer", CUSTOMER, "--month", "2026-03", "--for-client", "--html", "x"), "--partner NAME"),
        (("--customer", CUSTOMER, "--month", "2026-03", "--csv", "/nowhere/x.csv"), "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(changed: Desk, words: tuple[str, ...], said: str) -> None:
    """And says what to do."""
    assert said in changed.refused("evidence", *words, status=2 if said != "cus_41d0" else 1)


def test_a_month_before_anything_is_empty_and_right(changed: Desk) -> None:
    """Autotask had 25 seats, and so says what was found before the first change."""
    found = changed.ask("evidence", "--customer", CUSTOMER, "--month", "2026-02")
    assert found["agrees"] is True
    assert {day["journal"] for day in found["lines"][0]["days"]} == {25}
    assert found["from"] == date(2026, 2, 1).isoformat()


def test_an_undo_of_an_undo_is_as_timus_says(changed: Desk) -> None:
    """The one before holds until then; at a terminal and on the page."""
    for delta in (3, -3):
        made = [one for one in changed.world.ports.store.changes() if one.delta == delta]
        changed.told("undo", made[-1].id, "--reason", "a mistake", "--yes")
        for _ in range(30):
            changed.world.pass_time(hours=1)
            changed.world.work()
    said = changed.told(*OF_MARCH)
    assert "From 2026-03-17 to before 2026-03-18, 25 instead of 28: change " in said
    assert "From 2026-03-18, 28, as Timus says: change " in said
    assert "28 instead of 28" not in said


def test_what_is_said_of_an_undo_names_what_ends_it(changed: Desk) -> None:
    """News of Timus, other terms, or an undo of it."""
    made = [one for one in changed.world.ports.store.changes() if one.delta == 3]
    said = changed.told("undo", made[-1].id, "--reason", "a mistake", "--yes")
    assert (
        "It stays so until Timus reports another quantity, the terms make it another, or this is undone."
        in said
    )


def test_its_times_are_those_of_the_partners_zone() -> None:
    """As its days are: what happened on a day happened on that day."""
    desk = Desk(World(start=datetime(2026, 3, 9, 21, tzinfo=UTC), zone=ZoneInfo("Pacific/Kiritimati")))
    desk.world.map_customer()
    desk.world.tell(1, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    said = desk.told(*OF_MARCH)
    assert "Days and times are those of Pacific/Kiritimati." in said
    assert "0 → 28 SASE-ADV-USER, 2026-03-10 11:00:00+14:00, arrived 2026-03-10 11:00:00+14:00" in said


@pytest.mark.parametrize("first", ["2026-01-01", "2025-12-15"])
def test_a_month_comes_to_what_the_ledger_says_of_it(first: str) -> None:
    """To the cent, also where units change on several of its days, or a month has days of two periods."""
    desk = Desk(World(start=datetime(2026, 3, 2, 8, tzinfo=UTC)))
    desk.world.control.person_edits_contract(CONTRACT, {"startDate": first})
    desk.world.map_customer()
    for version in range(1, 30):
        desk.world.tell(version, {ADV: 10 + version * 3 % 7, GATEWAY: 1})
        desk.world.work()
        desk.world.pass_time(days=1)
    found = desk.ask(*OF_MARCH)["lines"][0]
    ledger = desk.ask("ledger", "--since", "2026-03", "--customer", CUSTOMER)
    [entry] = [one for one in ledger["months"][0]["lines"] if one["service_id"] == 45]
    assert found["estimate"] == entry["estimate"]["billed"]


def test_what_goes_on_under_another_contract_was_asked_for_by_nobody(changed: Desk, tmp_path: Path) -> None:
    """But what comes with it is: at a terminal, on the page, in CSV and JSON. The journal keeps all events, as they are stored."""
    world = changed.world
    changed.told(
        "map",
        "customer",
        CUSTOMER,
        "--company",
        "601",
        "--contract",
        "29683950",
        "--from",
        "2026-03-18",
        "--yes",
    )
    world.tell(3, {ADV: 29, GATEWAY: 1}, effective=datetime(2026, 3, 18, 12, tzinfo=UTC), actor="kim")
    for _ in range(60):
        world.pass_time(hours=1)
        world.work()
    said = changed.told(*OF_MARCH)
    assert "nobody, because the seats go on under another contract" in said
    assert "kim: 28 → 29 SASE-ADV-USER" in said
    lines = changed.ask(*OF_MARCH)["lines"]
    [there] = [one for one in lines if (one["contract_id"], one["service_id"]) == (29683950, 45)]
    [change], [asked] = there["changes"], there["asked"]
    assert (change["unit_change"], len(change["causes"])) == (29, 3)
    assert (asked["change_id"], asked["events"]) == (change["id"], [change["causes"][-1]["event"]])
    assert asked["because"] == ["because the seats go on under another contract"]
    file = tmp_path / "march.csv"
    changed.told(*OF_MARCH, "--csv", str(file))
    rows = csv.DictReader(StringIO(file.read_bytes().decode().removeprefix("\ufeff")))
    moved = [
        (row["change"], row["by"], row["because"])
        for row in rows
        if row["change"] and row["day"] == "2026-03-18"
    ]
    why = "because the seats go on under another contract"
    assert ("29", "kim", why) in moved
    assert ("-28", "", why) in moved
    page = tmp_path / "march.html"
    changed.told(*OF_MARCH, "--html", str(page))
    assert f"<p>nobody, {why}</p>" in page.read_text()


def test_a_time_is_taken_as_a_table_or_a_sentence_shows_it() -> None:
    """With its offset, so it is the same moment in whatever zone it is read."""
    desk = Desk(World(start=datetime(2026, 3, 9, 21, tzinfo=UTC), zone=ZoneInfo("America/New_York")))
    desk.world.map_customer()
    desk.world.tell(1, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    shown = "2026-03-09 17:00:00-04:00"
    assert all(shown in desk.told(command) for command in ("changes", "events"))
    for time in (shown, "2026-03-09 21:00 UTC", "2026-03-09T17:00"):
        assert desk.ask("changes", "--since", time)["changes"]
        assert "in the past" in desk.refused("restore", "--to", time, "--dry-run", status=2)
    assert not desk.ask("changes", "--since", "2026-03-09 17:00:01-04:00")["changes"]
