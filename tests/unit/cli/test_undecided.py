"""What waits for a person and is no line's own keeps the verdict from being clean."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shlex import quote

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.domain.mapping import Alias
from timus_autotask.operate.mapping.accept import Chosen, accept
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.store.contracts import ContractNames, put_names


@pytest.fixture
def parked(desk: Desk) -> Desk:
    """Level at 25 by version 40; then a version 1 came, which is parked."""
    desk.world.map_customer()
    desk.world.tell(40, {ADV: 25})
    desk.world.work()
    desk.world.clock.advance(60)
    desk.world.tell(1, {ADV: 33}, event_id="again")
    desk.world.work()
    desk.world.pass_time(minutes=30)
    assert desk.world.units(ADV, date(2026, 3, 31)) == 25
    return desk


def test_the_lines_of_a_customer_with_a_parked_event_are_not_aligned(parked: Desk) -> None:
    """It may say what they should have; the line itself says which event and how it is looked at."""
    said = " ".join(parked.told("status").split())
    assert "Aligned" not in said
    assert "Waiting for a person (1)" in said
    [event] = parked.ask("events", "--parked")["events"]
    assert f"event {event['key']} of {CUSTOMER} waits for a person" in said
    assert "At rest." not in said
    assert f"At rest, but for what a person has to decide: → event {event['key']}" in said


def test_a_parked_event_is_outstanding_with_its_command(parked: Desk) -> None:
    """It needs a person, and nothing happens by itself; once it is dismissed, the verdict is clean."""
    said = parked.ask("status")
    [event] = said["events"]
    assert (said["at_rest"], said["waits_for_person"]) == (True, True)
    assert said["outstanding"] == [
        f"event {event['key']} of {CUSTOMER} waits for a person: timus-autotask events show {quote(event['key'])}"
    ]
    parked.told("events", "dismiss", event["key"], "--reason", "a test")
    said = parked.ask("status")
    assert (said["at_rest"], said["waits_for_person"], said["outstanding"]) == (True, False, [])
    words = parked.told("status")
    assert "Aligned (1)" in words
    assert "At rest." in words


def test_a_line_says_what_is_undecided_beside_it_with_the_command(parked: Desk) -> None:
    """For programs as for people: whose lines it is about, and whether a name or an event is in question."""
    said = parked.ask("status")
    [event] = said["events"]
    [line] = said["lines"]
    assert line["undecided"] == [
        {
            "customers": [CUSTOMER],
            "message": f"event {event['key']} of {CUSTOMER} waits for a person",
            "remedy": f"timus-autotask events show {quote(event['key'])}",
            "of_name": False,
        }
    ]


def test_of_many_parked_events_some_are_named(parked: Desk) -> None:
    """The verdict stays a few lines long."""
    for number in range(7):
        parked.world.clock.advance(60)
        parked.world.tell(1, {ADV: 34 + number}, event_id=f"again-{number}")
    parked.world.work()
    assert len(parked.ask("status")["events"]) == 8
    assert parked.ask("status")["outstanding"][5:] == ["3 more: timus-autotask status --all"]


def test_what_waits_beside_a_line_waits_of_everybody(parked: Desk) -> None:
    """As whether everything is at rest does, whatever is shown."""
    parked.world.map_customer("cus_2", 601, 29683950)
    said = parked.ask("status", "--customer", "cus_2")
    assert (said["events"], said["waits_for_person"]) == ([], True)


def test_a_line_that_waits_for_a_person_is_told_to_programs(desk: Desk) -> None:
    """Also without an event: at rest alone is no good news."""
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    assert desk.ask("status")["waits_for_person"] is True


# -- Names

P_WORDS = "Timus calls customer cus_p “Fabrikam”, Autotask calls company 600 “Contoso Dental”"

Q_WORDS = "Timus calls customer cus_q “Contoso Dental”, Autotask calls company 601 “Fabrikam”"


def exchanged(path: Path, *, live: bool = True) -> Desk:
    """Two clients, mapped to each other's contracts before Timus's first event."""
    file = path / "mappings.csv"
    file.write_text(f"customer_id,company_id,contract_id\ncus_p,600,{CONTRACT}\ncus_q,601,29683950\n")
    world = World(live=live)
    desk = Desk(world)
    desk.told("map", "import", str(file), "--yes")
    world.tell(1, {ADV: 7}, customer="cus_p", subscription="sp", customer_name="Fabrikam")
    world.tell(1, {ADV: 9}, customer="cus_q", subscription="sq", customer_name="Contoso Dental")
    world.work()
    world.pass_time(minutes=20)
    return desk


def names_in_doubt(desk: Desk) -> list[str]:
    """The customers whose names `status` doubts."""
    return [one.split()[3] for one in desk.ask("status")["outstanding"] if one.startswith("Timus calls")]


def test_clients_that_were_exchanged_before_their_first_event_are_named(tmp_path: Path) -> None:
    """In `status` with the commands that settle it, and in `doctor`; no seat waits for it."""
    desk = exchanged(tmp_path)
    assert desk.world.units(ADV, date(2026, 3, 31)) == 7
    said = desk.ask("status")
    assert said["outstanding"] == [
        f"{words}: If that is right: timus-autotask map confirm {id_}; if not: timus-autotask map customer {id_} --company N --contract N"
        for id_, words in (("cus_p", P_WORDS), ("cus_q", Q_WORDS))
    ]
    assert (said["at_rest"], said["waits_for_person"]) == (True, True)
    words = " ".join(desk.told("status").split())
    assert "Waiting for a person (2)" in words
    assert P_WORDS in words
    [names] = [one for one in desk.run("doctor", "--json").json["checks"] if one["name"] == "names"]
    assert names["verdict"] == "warn"
    assert P_WORDS in names["found"]


def test_a_month_with_a_name_in_doubt_is_not_ready(tmp_path: Path) -> None:
    """Whoever posts it bills one client for another one's seats; once it is said to be right, it is ready."""
    desk = exchanged(tmp_path)
    found = desk.run("ready", "--json").json
    assert (found["ready"], found["kinds"]) == (False, {"name": 2})
    desk.told("map", "confirm", "cus_p", "cus_q")
    assert desk.ask("ready")["ready"] is True


def test_who_goes_live_with_a_name_in_doubt_is_asked(tmp_path: Path) -> None:
    """Only about those who go live; a script has to say that it is meant."""
    desk = exchanged(tmp_path, live=False)
    assert P_WORDS in desk.refused("go-live")
    assert P_WORDS in desk.told("go-live", "--dry-run")
    assert P_WORDS not in desk.told("go-live", "--except", "cus_p", "--dry-run")
    alone = desk.told("go-live", "--customer", "cus_q", "--dry-run")
    assert Q_WORDS in alone
    assert P_WORDS not in alone


def test_a_name_that_somebody_confirmed_is_not_doubted_again(tmp_path: Path) -> None:
    """It is a decision, with who took it; another name is another question."""
    desk = exchanged(tmp_path)
    assert f"Confirmed: {P_WORDS}." in desk.told("map", "confirm", "cus_p", "--by", "Kim")
    assert names_in_doubt(desk) == ["cus_q"]
    decision = desk.ask("changes", "--customer", "cus_p")["decisions"][-1]
    assert (decision["decision"], decision["by"], decision["detail"]) == ("map confirm", "Kim", P_WORDS)
    assert "No name of customer cus_p is in doubt" in desk.refused("map", "confirm", "cus_p")
    desk.world.tell(2, {ADV: 7}, customer="cus_p", subscription="sp", customer_name="Northwind")
    desk.world.work()
    assert names_in_doubt(desk) == ["cus_p", "cus_q"]


def test_a_customer_who_moves_to_its_own_company_is_not_doubted_any_more(tmp_path: Path) -> None:
    """That settles it as well, though what was billed elsewhere until then stays."""
    desk = exchanged(tmp_path)
    desk.told(*("map", "customer", "cus_p", "--company", "601", "--contract", "29683950", "--share", "--yes"))
    assert names_in_doubt(desk) == ["cus_q"]


@pytest.mark.parametrize("how", ["customer", "company", "import", "suggestions"])
def test_who_maps_in_spite_of_the_doubt_has_said_that_it_is_right(tmp_path: Path, how: str) -> None:
    """The word is kept, so that nothing is said of it afterwards."""
    world = World()
    desk = Desk(world)
    world.tell(1, {ADV: 7}, customer="cus_p", subscription="sp", customer_name="Fabrikam")
    world.work()
    file = tmp_path / "mappings.csv"
    file.write_text(f"customer_id,company_id,contract_id\ncus_p,600,{CONTRACT}\n")
    if how == "suggestions":
        deployment = desk.deployment()
        chosen = Chosen({"cus_p": (600, CONTRACT)})
        accept(deployment, chosen, "map review", "Kim", Catalogue(deployment), seen=True).commit()
    else:
        words = {
            "customer": ("customer", "cus_p", "--company", "600", "--contract", str(CONTRACT)),
            "company": ("customer", "cus_p", "--company", "600"),
            "import": ("import", str(file)),
        }[how]
        assert P_WORDS in desk.refused("map", *words)
        desk.told("map", *words, "--yes")
    if how == "company":
        world.ports.store.commit(put_names(ContractNames(CONTRACT, "", 600, "Contoso Dental"), 0))
    world.work()
    assert names_in_doubt(desk) == []
    mapping = world.ports.store.mapping("cus_p")
    assert mapping is not None
    assert mapping.aliases == (Alias("Fabrikam", 600),)


def test_a_name_that_is_written_otherwise_is_not_in_doubt() -> None:
    """Capitals, punctuation and legal forms count for nothing, as while a mapping is made."""
    world = World()
    world.map_customer("cus_p")
    world.tell(1, {ADV: 7}, customer="cus_p", subscription="sp", customer_name="CONTOSO-DENTAL, Inc.")
    world.work()
    assert names_in_doubt(Desk(world)) == []
