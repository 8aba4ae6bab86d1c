"""``map review`` at a terminal: shown, answered by keys, previewed once, written once."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Sequence
from io import StringIO
from itertools import repeat
from typing import Any

import pytest
from rich.console import Console

from tests import tenant
from tests.unit.cli.desk import Desk
from tests.world import World
from timus_autotask.cli.failure import Failed
from timus_autotask.cli.parsing import parser
from timus_autotask.cli.reviewing import map_review
from timus_autotask.cli.terminal import Terminal, keystroke
from timus_autotask.operate.mapping.suggest import suggest


class Seat(Terminal):
    """A terminal of 80 columns where somebody presses keys and answers yes or no."""

    def __init__(self, keys: str, yes: bool = True, typed: str | Sequence[str] = "") -> None:
        self.written = StringIO()
        console = Console(file=self.written, width=80, force_terminal=True, color_system=None, markup=False)
        super().__init__(False, True, console)
        self._keys, self._yes = iter(keys), yes
        self._typed = repeat(typed) if isinstance(typed, str) else iter(typed)
        self.questions: list[str] = []

    def key(self) -> str:
        """The next key."""
        return next(self._keys, "")

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What is typed: the same each time, or one after the other."""
        assert not hidden
        self.questions.append(question)
        return next(self._typed)

    def confirm(self, question: str) -> bool:
        """The answer, once."""
        self.questions.append(question)
        return self._yes


@pytest.fixture
def told() -> Desk:
    """All clients of a small tenant, none of them mapped."""
    return Desk(tenant.told(World(scenario=tenant.scenario(companies=60))))


def reviewed(
    desk: Desk, keys: str, *words: str, yes: bool = True, typed: str | Sequence[str] = ""
) -> tuple[dict[str, Any], Seat]:
    """The result, and what was seen."""
    seat = Seat(keys, yes, typed)
    arguments = parser().parse_args(["map", "review", "--by", "Ada", *words])
    return map_review(desk.deployment(), arguments, seat), seat


def keys_for(desk: Desk) -> str:
    """One key for each suggestion."""
    found = suggest(desk.deployment())
    keys = ["a" if sku.offers else "i" for sku in found.skus]
    for one in found.customers:
        usable = [str(at) for at, offer in enumerate(one.offers, 1) if offer.contract]
        keys.append(usable[0] if usable else "i")
        keys += ["1"] if one.customer == tenant.customer(tenant.TWICE) else []
    return "".join(keys)


LATE = "Bill them from today, open-day or own-day? [own-day]"
"""What is asked once of everybody who is mapped late."""


def test_forty_clients_are_mapped_with_one_keystroke_each_and_two_questions(told: Desk) -> None:
    """From which day the late ones are billed, and one preview for all of it; afterwards nothing is unmapped, and everything is billed."""
    keys = keys_for(told)
    result, seat = reviewed(told, keys)
    words = seat.written.getvalue()
    assert (len(keys), result["reviewed"], result["left"], result["written"]) == (47, 46, 0, True)
    assert seat.questions == [LATE, "Write this?"]
    assert "7 of 46  Customer cus_0000 Aspen Dental" in words
    assert "Written: 39 customers and 5 SKUs, 2 ignored." in words
    told.world.work()
    found = told.ask("status")
    assert found["unmapped"] == {"customers": [], "skus": []}
    assert found["ignored"] == {"customers": [tenant.customer(tenant.NOBODY)], "skus": ["SASE-TRIAL"]}
    assert [line for line in found["lines"] if line["state"] == "parked"] == []
    shown = result["totals"]["units_up"]
    assert sum(units for _, units, _ in told.world.posted()) == shown
    decided = told.ask("changes")["decisions"]
    assert {one["by"] for one in decided} == {"Ada"}
    assert {one["decision"] for one in decided} == {"map review", "map ignore"}


def test_another_first_day_is_shown_anew_and_recorded(told: Desk) -> None:
    """The money of each choice stands there before it is asked, and nothing before today is billed after it."""
    result, seat = reviewed(told, keys_for(told)[:8] + "q", typed="today")
    words = seat.written.getvalue()
    assert "bill from open-day  day 2026-03-01" in words
    assert re.search(r"estimate about \+\d", words)
    assert seat.questions == [LATE, "Write this?"]
    days = {one["day"] for each in result["preview"] for line in each["lines"] for one in line["adjustments"]}
    assert {str(day) for day in days} == {"2026-03-15"}
    decided = told.ask("changes")["decisions"]
    assert any("billed from today" in one["detail"] for one in decided)
    _, seat = reviewed(told, keys_for(told)[:3] + "q", "--bill-from", "today")
    assert LATE not in seat.questions


def test_a_wrong_answer_is_told_what_is_expected(told: Desk) -> None:
    """Whoever is only asked again does not know what was wrong with it."""
    result, seat = reviewed(told, keys_for(told)[:8] + "q", typed=("tomorrow", "Today"))
    assert seat.questions == [LATE, LATE, "Write this?"]
    assert (
        "tomorrow is none of the three: write today, open-day or own-day; Enter is" in seat.written.getvalue()
    )
    assert result["written"]
    assert any("billed from today" in one["detail"] for one in told.ask("changes")["decisions"])


def test_it_goes_on_where_it_was_stopped(told: Desk) -> None:
    """What was chosen is written; the next review begins with the rest."""
    keys = keys_for(told)
    result, seat = reviewed(told, keys[:10] + "q")
    assert (result["reviewed"], result["left"]) == (10, 36)
    assert "36 left for later; to go on: timus-autotask map review" in seat.written.getvalue()
    result, seat = reviewed(told, keys[10:])
    assert "1 of 36" in seat.written.getvalue()
    assert (result["reviewed"], result["left"]) == (36, 0)


def test_ctrl_c_loses_nothing(told: Desk) -> None:
    """What was chosen until then is shown and asked for."""

    def keys() -> Any:
        yield "a"
        raise KeyboardInterrupt

    seat = Seat("")
    seat._keys = keys()
    result = map_review(told.deployment(), parser().parse_args(["map", "review"]), seat)
    assert (result["reviewed"], result["left"]) == (1, 45)


def test_who_says_no_has_written_nothing(told: Desk) -> None:
    """Neither does a dry run, nor who chooses nothing."""
    before = told.world.table.documents()
    with pytest.raises(Failed, match=r"^Nothing was written\.$"):
        reviewed(told, "aaa", yes=False)
    result, _ = reviewed(told, "aaa", "--dry-run")
    assert not result["written"]
    result, seat = reviewed(told, "lll")
    assert not result["written"]
    assert "Nothing was chosen" in seat.written.getvalue()
    assert told.world.table.documents() == before


def test_lines_keep_to_eighty_columns_and_commands_stay_whole(told: Desk) -> None:
    """Only a command to be copied may be longer."""
    _, seat = reviewed(told, keys_for(told), "--dry-run")
    long = [
        line for line in re.split("[\r\n]", seat.written.getvalue()) if len(line) > 80 and "→" not in line
    ]
    assert long == []


def test_without_a_terminal_it_says_what_else_there_is(told: Desk) -> None:
    """A script has the suggestions as JSON."""
    assert "map suggest --json" in told.refused("map", "review", status=2)


def test_where_everything_is_mapped_it_says_so(desk: Desk) -> None:
    """And asks nothing."""
    result, seat = reviewed(desk, "")
    assert result == {"reviewed": 0, "left": 0, "written": False}
    assert "is mapped" in seat.written.getvalue()


@pytest.mark.parametrize(
    ("typed", "key"), [(b"a", "a"), (b"\x1b[A", "\x1b"), (b"aq", "a"), ("é".encode(), "\ufffd")]
)
def test_a_key_is_read_without_enter(typed: bytes, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time; an arrow is not taken for its last letter, which would accept."""
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "r") as keyboard:
            monkeypatch.setattr(sys, "stdin", keyboard)
            os.write(master, typed)
            assert keystroke() == key
    finally:
        os.close(master)
