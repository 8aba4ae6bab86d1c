"""``reconcile``, ``redrive``, ``replay`` and ``logs queries`` at the desk."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.cli.desk import Desk, Said
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, World
from timus_autotask.cli.parsing import parser
from timus_autotask.cli.recovering import reconcile, redrive, replay
from timus_autotask.cli.terminal import Terminal
from timus_autotask.ports.table import Document, Write
from timus_autotask.store.lines import line_in


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A client at 28, level since yesterday."""
    desk.world.map_customer()
    desk.world.tell(1, {ADV: 28})
    desk.world.work()
    desk.world.pass_time(days=1, hours=12)
    return desk


def test_reconcile_shows_what_it_found(desk: Desk) -> None:
    """With progress, both numbers, and what happens next; --last shows it again without asking Autotask."""
    assert "Nothing was found." in desk.told("reconcile")
    desk.world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    said = desk.told("reconcile")
    assert "1 of 1 contract" in said
    assert "edited-up" in said
    assert "1 contract is looked at by the worker now" in said
    desk.world.control.clear_requests()
    [found] = desk.ask("reconcile", "--last")["findings"]
    assert (found["kind"], found["ours"], found["autotask"]) == ("edited-up", 28, 31)
    assert desk.world.control.requests() == []


def test_status_says_what_the_last_reconcile_found(desk: Desk) -> None:
    """A renewal or a contract that ends soon shows in no line, and an alarm would be too much."""
    assert "Not compared with Autotask yet." in desk.told("status")
    desk.told("reconcile")
    assert "nothing was found." in desk.told("status")
    desk.world.clock.advance(262 * 86400)
    desk.world.sweep()
    desk.ask("reconcile")
    assert "1 contract-ends-first" in desk.told("status")
    assert desk.ask("status")["compared"]["found"]["renewal"] == 1


def test_reconcile_that_could_not_end_says_why(desk: Desk) -> None:
    """It fails, with what it found so far."""
    desk.world.control.set_switches({"other_requests": 9_000})
    assert "90 % of Autotask's request allowance is used" in desk.refused("reconcile")


def test_reconcile_against_timus(desk: Desk, tmp_path: Path) -> None:
    """A preview of the three ways, then the missing events; repeated, it finds nothing."""
    file = tmp_path / "portal.csv"
    file.write_text(f"customer_id,subscription_id,sku,quantity\n{CUSTOMER},sub_8f2c1a,{ADV},31\n")
    assert "Nothing was written (--dry-run)" in desk.told(
        "reconcile", "--timus-export", str(file), "--dry-run"
    )
    said = desk.ask("reconcile", "--timus-export", str(file), "--yes")
    assert said["taken_in"] == 1
    [row] = said["compared"]
    assert (row["timus"], row["table"], row["autotask"]) == (31, 28, 28)
    desk.world.work()
    assert desk.world.units(ADV, date(2026, 3, 17)) == 31
    assert "Our table says what Timus says." in desk.told("reconcile", "--timus-export", str(file))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 9,
        b"\xff\xfe\x00",
        b"PK\x03\x04",
        b"[" * 100_000,
        b'{"subscriptions": 5}',
        b"customer_id,subscription_id,sku,quantity,quantity\ncus_41d0,sub_8f2c1a,SASE-ADV-USER,28,250\n",
        b'customer_id,subscription_id,sku,quantity\ncus_41d0,"sub_8f2c1a,SASE-ADV-USER,31\n',
        b"customer_id,subscription_id,sku,quantity\ncus_41d0,1.20E+05,SASE-ADV-USER,31\n",
        "customer_id,subscription_id,sku,quantity\ncus_41d0,sub_8f2c1a,Größe,31\n".encode("cp1252"),
    ],
)
def test_a_file_that_is_none_takes_nothing_in(desk: Desk, tmp_path: Path, data: bytes) -> None:
    """Whatever the bytes are."""
    file = tmp_path / "portal.csv"
    file.write_bytes(data)
    before = desk.world.table.documents()
    assert "cannot be used; nothing was written" in desk.refused(
        "reconcile", "--timus-export", str(file), "--yes", status=2
    )
    assert desk.world.table.documents() == before


def test_what_is_suspicious_is_held_until_it_is_accepted_by_its_id(desk: Desk, tmp_path: Path) -> None:
    """`--yes` does not release it, in a script as little as at a terminal; a dry run shows it, and ends as the command itself would."""
    file = tmp_path / "portal.csv"
    file.write_text(
        "customer_id,subscription_id,sku,quantity,term_end\n"
        f"{CUSTOMER},SUB_8F2C1A,{ADV},28,2026-12-31\n{CUSTOMER},sub_more,{ESS},2,2026-12-31\n"
    )
    words = ("reconcile", "--timus-export", str(file), "--yes")
    shown = desk.run(*words, "--dry-run")
    assert "SUB_8F2C1A of cus_41d0 is new, and sub_8f2c1a is known" in shown.out
    assert (shown.status, "Held as suspicious: 1 of 2 events" in shown.err) == (1, True)
    said = desk.run(*words, "--json")
    assert (said.status, said.json["taken_in"], said.json["held"]) == (1, 1, 1)
    assert "Held as suspicious: 1 of 2 events; --yes does not release them." in said.err
    [one] = said.json["suspicions"]
    assert (one["kind"], one["holds"], one["accepted"]) == ("id-alike", ["SUB_8F2C1A"], False)
    desk.world.work()
    assert (desk.world.units(ADV, date(2026, 3, 17)), desk.world.units(ESS, date(2026, 3, 17))) == (28, 2)
    assert one["id"] in desk.refused(*words, "--accept", "00000000")
    refused = desk.refused(*words, "--accept", "00000000", "--accept", one["id"])
    assert f"No suspicion has the id 00000000. Those of this file: {one['id']} (id-alike)." in refused
    assert "Nothing was written." in refused
    again = desk.ask(*words, "--accept", one["id"])
    assert (again["taken_in"], again["held"], again["suspicions"][0]["accepted"]) == (1, 0, True)
    desk.world.work()
    assert desk.world.units(ADV, date(2026, 3, 17)) == 56


def test_seats_that_a_file_lists_twice_are_billed_once_until_a_person_says_otherwise(
    desk: Desk, tmp_path: Path
) -> None:
    """Under the known id and under a new one; `--yes` is not enough, the finding's own id is."""
    file = tmp_path / "portal.csv"
    file.write_text(
        "customer_id,subscription_id,sku,quantity,term_end\n"
        f"{CUSTOMER},sub_8f2c1a,{ADV},28,2026-12-31\n{CUSTOMER},sub_again,{ADV},28,2026-12-31\n"
    )
    words = ("reconcile", "--timus-export", str(file), "--yes")
    before = desk.world.posted()
    said = desk.run(*words, "--json")
    assert (said.status, said.json["taken_in"], said.json["held"]) == (1, 0, 1)
    [one] = said.json["suspicions"]
    assert (one["kind"], one["holds"]) == ("copy-of-another", ["sub_again"])
    assert "all that it has, sub_8f2c1a has in the same file too" in one["message"]
    assert one["id"] in said.err
    desk.world.work()
    assert desk.world.posted() == before
    assert desk.ask(*words, "--accept", one["id"])["taken_in"] == 1
    desk.world.work()
    assert desk.world.units(ADV, date(2026, 3, 17)) == 56


def test_what_follows_from_a_comparison_is_shown_and_asked_once(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file and an edit in Autotask are about one line: in text and in JSON."""
    desk.told("policy", "set", "drift=enforce")
    desk.world.work()
    desk.world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    file = tmp_path / "portal.csv"
    file.write_text(f"customer_id,subscription_id,sku,quantity\n{CUSTOMER},sub_8f2c1a,{ADV},27\n")
    words = ("reconcile", "--timus-export", str(file))
    asked: list[str] = []

    def agrees(_terminal: Terminal, question: str) -> bool:
        asked.append(question)
        return "workers" not in question

    monkeypatch.setattr(Terminal, "confirm", agrees)
    assert "Nothing was written." in desk.refused(*words)
    assert asked == ["Take 1 of these in as events, and let the workers look at 1 contract?"]
    assert not desk.world.ports.store.customer(CUSTOMER).inbox
    dry = desk.told(*words, "--dry-run")
    assert dry.count("-4 from 2026-03-1") == dry.count("Nothing was written (--dry-run).") == 1
    said = desk.ask(*words, "--yes")
    assert (said["taken_in"], said["looked_at"]) == (1, [CONTRACT])
    [contract] = said["preview"]
    [line] = contract["lines"]
    assert [one["unit_change"] for one in line["adjustments"]] == [-4]


def test_a_subscription_that_moved_is_said_and_fails(desk: Desk, tmp_path: Path) -> None:
    """It is another customer's in the file: its event waits for a person, so the command must not end as if all were well."""
    file = tmp_path / "portal.csv"
    file.write_text(f"customer_id,subscription_id,sku,quantity\ncus_other,sub_8f2c1a,{ADV},28\n")
    words = ("reconcile", "--timus-export", str(file), "--yes")
    said = desk.run(*words, "--json")
    assert (said.status, said.json["taken_in"], said.json["held"]) == (1, 0, 1)
    ids = {one["kind"]: one["id"] for one in said.json["suspicions"]}
    assert set(ids) == {"customer-changed", "clients-missing"}
    assert said.json["moved"] == [
        {"subscription_id": "sub_8f2c1a", "known_as": CUSTOMER, "told_as": "cus_other"}
    ]
    assert (
        f"sub_8f2c1a is customer cus_other's in the file, and we know it as customer {CUSTOMER}'s" in said.err
    )
    assert f"it is known as customer {CUSTOMER}'s" in " ".join(desk.run(*words, "--dry-run").out.split())
    posted = desk.world.posted()
    accepted = desk.run(*words, *(f"--accept={id_}" for id_ in ids.values()), "--json")
    assert (accepted.status, accepted.json["taken_in"]) == (1, 1)
    desk.world.work()
    assert desk.world.posted() == posted
    [waiting] = desk.ask("events", "--parked")["events"]
    assert (waiting["customer"], waiting["reason_code"]) == ("cus_other", "subscription-moved")
    told = " ".join(desk.run(*words, "--dry-run").out.split())
    assert f"it is known as customer {CUSTOMER}'s; an event that says so waits for a person" in told
    again = desk.run(*words, "--json")
    assert (again.status, again.json["taken_in"]) == (1, 0)
    assert "Nothing in this file is suspicious. Nothing was written." in desk.refused(*words, "--accept", "7")


def test_a_file_that_contradicts_a_known_version_is_said_and_fails(desk: Desk, tmp_path: Path) -> None:
    """Only one of both can be right, and nothing of it is taken in: a script must not go on as if all were well."""
    file = tmp_path / "portal.csv"
    version = desk.world.ports.store.customer(CUSTOMER).subscriptions["sub_8f2c1a"].value.timus_version
    words = ("reconcile", "--timus-export", str(file), "--yes")

    def given(quantity: int) -> Said:
        row = f"{CUSTOMER},sub_8f2c1a,{ADV},{quantity},{version}"
        file.write_text(f"customer_id,subscription_id,sku,quantity,version\n{row}\n")
        return desk.run(*words, "--json")

    said = given(28)
    assert (said.status, said.json["contradicted"]) == (0, [])
    said = given(31)
    assert (said.status, said.json["taken_in"], len(said.json["contradicted"])) == (1, 0, 1)
    assert f"Version {version} of subscription sub_8f2c1a says otherwise in the file than we know" in said.err
    assert "Ask Timus which is right" in said.err


def test_an_acceptance_is_about_a_file(desk: Desk) -> None:
    """Without one it is a slip."""
    assert "give --timus-export FILE too" in desk.refused("reconcile", "--accept", "3f2a9c", status=2)


def test_a_file_that_cannot_be_used_is_refused_row_by_row(desk: Desk, tmp_path: Path) -> None:
    """Before anything is asked or written."""
    file = tmp_path / "portal.csv"
    file.write_text("customer_id,subscription_id,sku,quantity\nc,s,x,many\nc,s,y,\n")
    said = desk.refused("reconcile", "--timus-export", str(file), status=2)
    assert "row 2: quantity must be a whole number, but is 'many'\nrow 3: quantity is missing" in said
    assert "cannot be read" in desk.refused("reconcile", "--timus-export", str(tmp_path / "no"), status=2)


def _workers_go_on(desk: Desk) -> None:
    """While the command waits, the workers do what is due."""
    world = desk.world

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        world.work()
        world.sweep()

    world.clock.sleep = sleep  # type: ignore[method-assign]


def test_after_a_restore(desk: Desk) -> None:
    """Everything is paused first, the workers look at every contract, and what they parked is told."""
    desk.world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    assert "still to be looked at" in desk.refused("reconcile", "--after-restore", "--yes")
    _workers_go_on(desk)
    said = desk.ask("reconcile", "--after-restore", "--yes")
    assert said["restored"] == [CONTRACT]
    assert [(found["kind"], found["autotask"]) for found in said["findings"]] == [("edited-up", 31)]
    assert desk.ask("policy", "show")["policy"]["paused"] is True


def test_who_made_a_restored_table_safe_is_recorded(desk: Desk) -> None:
    """It pauses everybody and drops approvals. A script that does not say that it is meant decides nothing."""
    _workers_go_on(desk)
    before = desk.ask("changes")["decisions"]
    desk.run("reconcile", "--after-restore")
    assert desk.ask("changes")["decisions"] == before
    desk.ask("reconcile", "--after-restore", "--yes", "--by", "anna")
    [one] = [each for each in desk.ask("changes")["decisions"] if each not in before]
    assert (one["decision"], one["by"]) == ("reconcile --after-restore", "anna")
    assert (one["customers"], one["detail"]) == ([], "everything paused, contracts looked at: 1")


class TestRestore:
    """One command from a damaged table to one that can be worked with."""

    @staticmethod
    def _earlier(desk: Desk) -> None:
        """Point-in-time recovery gives what was in the table now."""
        documents = desk.world.table.documents()[::-1]  # terms first: the order is DynamoDB's
        before = desk.deployment()

        def earlier(moment: datetime, on_wait: Callable[[str], None]) -> list[Document]:
            on_wait(f"as of {moment:%H:%M}")
            return documents

        desk.deployment = lambda _stack="": replace(before, earlier=earlier)  # type: ignore[method-assign]

    def _with_three_more_since(self, desk: Desk) -> World:
        """A change comes in and is made after the time to which the records go back."""
        world = desk.world
        self._earlier(desk)
        world.tell(2, {ADV: 31})
        world.work()
        world.pass_time(days=1)
        return world

    def _damaged(self, desk: Desk) -> None:
        """A change comes in and is posted, then the histories and lines are lost."""
        world = self._with_three_more_since(desk)
        assert world.units(ADV, date(2026, 3, 18)) == 31
        for document in world.table.documents():
            if document.key.sk.startswith(("SUBSCRIPTION#", "LINE#", "MAPPING")):
                world.table._delete(document.key)
        _workers_go_on(desk)

    def test_it_comes_back_and_nothing_is_posted(self, desk: Desk) -> None:
        """What was told since is merged again, so the line is as it should be; resume goes on from there."""
        self._damaged(desk)
        posted = desk.world.posted()
        said = desk.told("restore", "--to", "2026-03-16T22:00", "--yes")
        assert "as of 22:00" in said
        assert "Next: compare with Timus" in said
        assert desk.ask("policy", "show")["policy"]["paused"] is True
        [line] = desk.ask("status")["lines"]
        assert (line["timus_quantity"], line["autotask_units"], line["state"]) == (31, 31, "applied")
        desk.told("resume")
        for _ in range(3):
            desk.world.pass_time(days=1)
        assert desk.world.posted() == posted
        assert [change["unit_change"] for change in desk.ask("changes")["changes"]] == [3, 3]

    def test_it_may_be_repeated(self, desk: Desk) -> None:
        """The second time, nothing that matters is changed and nothing is posted."""
        self._damaged(desk)
        posted = desk.world.posted()
        first = desk.ask("restore", "--to", "2026-03-16T22:00", "--yes")
        again = desk.ask("restore", "--to", "2026-03-16T22:00", "--yes")
        assert (first["contracts"], again["contracts"]) == ([CONTRACT], [CONTRACT])
        assert first["events"] == again["events"] == 1
        [line] = desk.ask("status")["lines"]
        assert (line["timus_quantity"], line["autotask_units"], line["state"]) == (31, 31, "applied")
        assert desk.world.posted() == posted

    def test_nothing_is_posted_at_any_instant(self, desk: Desk) -> None:
        """Terms that were not paused come back paused, in the same write; workers that run meanwhile post nothing."""
        world = desk.world
        desk.told("pause")
        desk.told("resume")  # so that the terms of that time say that nothing is paused
        world.control.add_fault("not_sent", times=None)
        world.tell(
            2, {ADV: 40}
        )  # at that time it is still to be posted; Timus takes it back before it ever is
        world.work()
        self._earlier(desk)
        world.tell(3, {ADV: 28})
        world.work()
        world.control.clear_faults()
        world.pass_time(days=1)
        posted = world.posted()
        write = world.table.write

        def writes(changes: Sequence[Write]) -> None:
            write(changes)
            world.table.write = write  # type: ignore[method-assign]
            world.sweep()
            world.work()
            world.table.write = writes  # type: ignore[method-assign]

        world.table.write = writes  # type: ignore[method-assign]
        _workers_go_on(desk)
        desk.ask("restore", "--to", "2026-03-16T22:00", "--yes")
        assert world.posted() == posted

    def _after_an_undo(self, desk: Desk) -> World:
        """+6 came after the records were copied, and was undone; then the records are brought back."""
        world = self._with_three_more_since(desk)
        change = desk.ask("changes")["changes"][-1]["id"]
        desk.told("undo", change, "--reason", "ordered twice", "--yes")
        world.pass_time(days=1)
        assert world.units(ADV, date(2026, 3, 19)) == 28
        _workers_go_on(desk)
        return world

    def test_what_a_person_undid_is_not_made_again(self, desk: Desk) -> None:
        """The undo came after the time to which the records go back; its adjustment stays in the journal, and the undo with it."""
        world = self._after_an_undo(desk)
        posted = world.posted()
        desk.told("restore", "--to", "2026-03-16T22:00", "--yes")
        assert desk.ask("reconcile", "--last")["findings"] == []
        desk.told("resume", "--yes")
        for _ in range(3):
            world.pass_time(days=1)
        assert world.posted() == posted
        [line] = desk.ask("status")["lines"]
        assert (line["timus_quantity"], line["autotask_units"], line["state"]) == (31, 28, "applied")

    def test_only_what_somebody_else_changed_since_is_drift(self, desk: Desk) -> None:
        """Our own adjustments since that time stand in the journal: kept is the edit of 2 units, and nothing of ours is counted again."""
        world = self._after_an_undo(desk)
        line = world.api.model.find_line(CONTRACT, 45)
        assert line is not None
        world.control.person_adjusts(line.id, date(2026, 3, 19).toordinal(), 2)
        world.clock.advance(3600)
        desk.told("restore", "--to", "2026-03-16T22:00", "--yes")
        said = desk.told("drift", str(CONTRACT), "45", "--adopt", "--yes")
        assert "from 2026-03-19 on: 30 instead of 28" in said
        desk.told("resume", "--yes")
        world.pass_time(days=1)
        [shown] = desk.ask("status")["lines"]
        assert (shown["timus_quantity"], shown["autotask_units"], shown["state"]) == (31, 30, "applied")

    def test_what_a_person_rejected_is_not_made(self, desk: Desk) -> None:
        """Also where the terms, which go back too, would let it go now."""
        world = desk.world
        self._earlier(desk)
        desk.told("policy", "set", "approve_increases=always", "--yes")
        world.tell(2, {ADV: 31})
        world.work()
        desk.told("reject", str(CONTRACT), "45", "--reason", "ordered twice")
        world.pass_time(days=1)
        _workers_go_on(desk)
        posted = world.posted()
        desk.told("restore", "--to", "2026-03-16T22:00", "--yes")
        desk.told("resume", "--yes")
        world.pass_time(days=1)
        assert world.posted() == posted
        [line] = desk.ask("status")["lines"]
        assert (line["timus_quantity"], line["autotask_units"]) == (31, 28)
        assert "rejected it" in line["reason"]

    def test_a_line_that_was_lost_knows_its_adjustments_from_the_journal(self, desk: Desk) -> None:
        """So that an adjustment of ours is no edit of somebody's, and the chain of the journal goes on from its newest entry."""
        world = self._with_three_more_since(desk)
        [lost] = [one for one in world.table.documents() if one.key.sk.startswith("LINE#")]
        world.table._delete(lost.key)
        _workers_go_on(desk)
        desk.told("restore", "--to", "2026-03-16T22:00", "--yes")
        back = world.ports.store.contract(CONTRACT).lines[45].value
        assert back.head == line_in(lost.data).head
        assert back.baseline == line_in(lost.data).baseline
        assert back.adjusted == line_in(lost.data).adjusted

    def test_it_asks_first(self, desk: Desk) -> None:
        """A dry run says what would be done; a time that has not been is refused."""
        self._damaged(desk)
        before = desk.world.table.documents()
        assert "Nothing was written" in desk.told("restore", "--to", "2026-03-16T22:00", "--dry-run")
        assert "if it is meant: --yes" in desk.refused("restore", "--to", "2026-03-16T22:00")
        assert "if it is meant: --yes" in desk.refused("reconcile", "--after-restore")
        assert "to a time in the past" in desk.refused("restore", "--to", "2027-01-01", status=2)
        assert "for 35 days only" in desk.refused("restore", "--to", "2026-02-01", "--yes", status=2)
        assert desk.world.table.documents() == before

    def test_what_is_not_done_yet_is_not_said_to_be_done(self, desk: Desk) -> None:
        """Before the question, a person reads that everything will be paused; whoever answers no has paused nothing."""
        self._damaged(desk)
        for words in (("restore", "--to", "2026-03-16T22:00"), ("reconcile", "--after-restore")):
            told = desk.told(*words, "--dry-run")
            assert "Everything will be paused" in told
            assert "is paused" not in told


def test_redrive(desk: Desk) -> None:
    """Dead letters back into the queue."""
    assert "There are no dead letters." in desk.told("redrive")
    desk.dead_letters.send(CUSTOMER, "dead")
    said = desk.ask("redrive", "--dry-run")
    assert (said["woken"], said["written"], sum(desk.world.queue.depth())) == ([CUSTOMER], False, 0)
    desk.world.clock.advance(360)  # a message that was looked at is hidden for a while
    said = desk.ask("redrive")
    assert (said["woken"], said["strange"], said["written"]) == ([CUSTOMER], [], True)
    assert sum(desk.world.queue.depth()) == 1


def replayed(desk: Desk, *words: str) -> tuple[int, int]:
    """How many events there are, and how many of them go into the inbox again."""
    said = desk.ask("replay", *words)
    return said["events"], said["replayed"]


def test_replay(desk: Desk) -> None:
    """Stored events into the inbox again; what is known changes nothing."""
    posted = desk.world.posted()
    assert replayed(desk, "--since", "2026-03-01", "--dry-run") == (1, 0)
    assert replayed(desk, "--since", "2026-03-01") == (1, 1)
    desk.world.work()
    desk.world.clock.advance(timedelta(minutes=2).total_seconds())
    assert [event["outcome"] for event in desk.ask("events")["events"]] == ["merged"]
    assert desk.world.posted() == posted
    assert replayed(desk, "--since", "2026-03-17") == (0, 0)


def test_queries_name_the_stacks_log_groups(desk: Desk) -> None:
    """Ready to paste, with where to paste them."""
    found = desk.ask("logs", "queries")["queries"]
    assert "/aws/lambda/timus-autotask-apply-changes" in found[0]["log_groups"]
    assert all(query["title"] and query["query"] for query in found)


@pytest.mark.parametrize(
    ("run", "words", "busy"),
    [
        (reconcile, ["reconcile"], "The contracts are compared with Autotask …"),
        (replay, ["replay", "--since", "2026-01-01"], "The events are read …"),
        (redrive, ["redrive"], "The dead letters are read …"),
    ],
)
def test_what_takes_its_time_says_what_it_does(
    desk: Desk, run: Callable[..., Any], words: list[str], busy: str
) -> None:
    """On one line, which is taken away in the end."""
    out = StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None, markup=False)
    run(desk.deployment(), parser().parse_args([*words, "--dry-run"]), Terminal(False, False, console))
    assert busy in out.getvalue()
    assert busy not in re.sub(r"[^\n]*\r", "", out.getvalue())
