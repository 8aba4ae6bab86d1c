"""What a person is told to do: one command a line, and each can be copied as it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import timus_autotask
from timus_autotask.cli.command import COMMANDS
from timus_autotask.domain.reasons import REASONS, Parked, WayOut
from timus_autotask.watch.check import CheckResult
from timus_autotask.watch.forms import EVIDENCE
from timus_autotask.watch.remedy import (
    CHECK_WORDS,
    COMMAND,
    NEXT_WORDS,
    OR,
    WORDS,
    CheckWay,
    NextWay,
    for_customers,
    remedy_of,
    said,
    ways,
)

PACKAGE = Path(timus_autotask.__file__).parent
NAMED = re.compile(r"timus-autotask [a-z]")


@pytest.mark.parametrize(
    ("remedy", "each"),
    [
        ("", []),
        ("timus-autotask go-live", ["timus-autotask go-live"]),
        (
            "timus-autotask drift 1 45 --enforce, or: timus-autotask drift 1 45 --adopt",
            ["timus-autotask drift 1 45 --enforce", "timus-autotask drift 1 45 --adopt"],
        ),
        (
            "If it is right: timus-autotask events accept 'a; b, c'; if not: timus-autotask events dismiss 'a; b, c' --reason WHY",
            [
                "If it is right: timus-autotask events accept 'a; b, c'",
                "if not: timus-autotask events dismiss 'a; b, c' --reason WHY",
            ],
        ),
        (
            "timus-autotask map plan ADV --service N, or if it was never billed: timus-autotask policy set excluded=ADV",
            [
                "timus-autotask map plan ADV --service N",
                "if it was never billed: timus-autotask policy set excluded=ADV",
            ],
        ),
        (
            "Correct it, then: timus-autotask setup --try-again. Or set another one: timus-autotask credentials set",
            [
                "Correct it, then: timus-autotask setup --try-again",
                "Or set another one: timus-autotask credentials set",
            ],
        ),
        ("Fix the cause, then: timus-autotask retry 5", ["Fix the cause, then: timus-autotask retry 5"]),
    ],
)
def test_each_way_out_stands_alone(remedy: str, each: list[str]) -> None:
    """The words before a command stay with it; what a shell quotes is not cut."""
    assert ways(remedy) == each


def test_each_way_out_has_its_words_and_its_reason() -> None:
    """A way that nobody is told, or that ends nothing, would be noticed only by who needs it."""
    assert set(WORDS) == set(WayOut) == {way for reason in REASONS.values() for way in reason.ways}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "old-plan-unmapped",
            (
                "timus-autotask map plan SKU --service N; if it was never billed: "
                "timus-autotask policy set --customer CUSTOMER excluded=SKU"
            ),
        ),
        (
            "sku-refused",
            "Let the API user read services in Autotask, or: timus-autotask map plan SKU --service N",
        ),
        (
            "drift",
            "timus-autotask drift CONTRACT SERVICE --enforce, or: timus-autotask drift CONTRACT SERVICE --adopt",
        ),
    ],
)
def test_of_several_ways_out_a_person_chooses_one(code: str, said: str) -> None:
    """One that begins with its own condition stands behind a semicolon."""
    assert remedy_of(Parked(code, {})) == said


@pytest.mark.parametrize("code", ["waits-for-decrease", "old-plan-unmapped", "held-with-plan-change"])
def test_a_guessed_plan_change_names_what_ends_the_guess(code: str) -> None:
    """Each SKU that may be an add-on, as a shell takes it; nothing of it where people named the family."""
    known = Parked(code, {"contract": 5})
    guess = Parked(code, {"contract": 5, "unsaid": "GATE WAY | ADV"})
    assert "guessed" not in known.message
    assert guess.message == f"{known.message} That it is a plan change is guessed from Timus's numbers."
    assert ways(remedy_of(guess)) == [
        *ways(remedy_of(known)),
        "if 'GATE WAY' is an add-on: timus-autotask map plan 'GATE WAY' --add-on",
        "if ADV is an add-on: timus-autotask map plan ADV --add-on",
    ]


@pytest.mark.parametrize("code", REASONS)
def test_no_reason_has_two_commands_in_a_line(code: str) -> None:
    """Whoever copies a line runs one of them, whole."""
    facts: dict[str, int | str] = {
        "customer": 'it\'s; "hers"',
        "sku": "a, b",
        "event": "-x",
        "contract": 5,
        "unsaid": "a, b | -x",
    }
    found = ways(remedy_of(Parked(code, facts)))
    assert found
    for way in found:
        commands = [one[0] for one in COMMAND.finditer(way)]
        assert len(commands) <= 1
        assert not commands or way.endswith(commands[0])


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module that is no docstring, with its line."""
    tree = ast.parse(path.read_text())
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "X" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.lineno, node.value


@pytest.mark.parametrize("folder", ["watch", "operate", "handouts", "cli"])
def test_no_text_asks_for_two_commands_at_once(folder: str) -> None:
    """Only ways of which a person chooses one may stand in a text; they are shown a line each."""
    several = [
        f"{path.name}:{line}: {text}"
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for line, text in _texts(path)
        if any(len(NAMED.findall(way)) > 1 for way in text.split(OR))
    ]
    assert several == []


CHECKS = [PACKAGE / "watch" / "check.py", PACKAGE / "watch" / "health.py"]
WITH_OPTION = re.compile(rf"\b(?:{'|'.join(re.escape(one.name) for one in COMMANDS)}) --[a-z]")
"""A command that is named without the program, such as `ready --posted`."""
DECISIONS = ("reconcile --timus-invoice", "reconcile --after-restore")
"""Names of decisions on record, no commands, as `EVIDENCE` is the name of a form."""
SAID_IN = PACKAGE / "watch" / "remedy.py"
"""Where each way out of these has its words."""


@pytest.mark.parametrize("folder", ["domain", "store", "sync", "operate", "watch", "handouts"])
def test_no_use_case_types_a_command(folder: str) -> None:
    """Its ways out are values, and so are those of what is only shown: how they are said stands in one place each."""
    typed = [
        f"{path.name}:{line}: {text}"
        for path in sorted({*(PACKAGE / folder).rglob("*.py")} - {SAID_IN})
        for line, text in _texts(path)
        if (NAMED.search(text) or "make deploy" in text or WITH_OPTION.search(text))
        and text not in (EVIDENCE, *DECISIONS)
    ]
    assert typed == []


def test_each_way_of_a_check_is_said_and_used() -> None:
    """One that no check names would be kept up for nobody."""
    assert set(CHECK_WORDS) == set(CheckWay)
    looking = "".join(path.read_text() for path in [*CHECKS, PACKAGE / "operate" / "enabling.py"])
    assert {*re.findall(r"CheckWay\.(\w+)", looking)} == {way.name for way in CheckWay}


def test_each_next_way_is_said_and_used() -> None:
    """As of a check."""
    assert set(NEXT_WORDS) == set(NextWay)
    using = "".join(path.read_text() for path in {*PACKAGE.rglob("*.py")} - {SAID_IN})
    assert {*re.findall(r"NextWay\.(\w+)", using)} == {way.name for way in NextWay}


def test_of_next_ways_a_person_chooses_one_too() -> None:
    """Beside those of a reason, and with what they are about as a shell takes it."""
    assert (
        said(WayOut.ENFORCE, WayOut.ADOPT, contract=5, service=45)
        == "timus-autotask drift 5 45 --enforce, or: timus-autotask drift 5 45 --adopt"
    )
    assert said(NextWay.CONFIRM_NAME, NextWay.MAP_AGAIN, customer="a b") == (
        "If that is right: timus-autotask map confirm 'a b'; if not: timus-autotask map customer 'a b' --company N --contract N"
    )
    assert said(NextWay.READY) == "timus-autotask ready"
    assert said(NextWay.READY, month="2026-03") == "timus-autotask ready --month 2026-03"


def test_a_check_says_its_advice_and_then_the_command_for_those_it_names() -> None:
    """Or one of both, or nothing."""
    assert CheckResult("a", "").remedy == ""
    assert CheckResult("a", "", advice="Wait.").remedy == "Wait."
    both = CheckResult("a", "", advice="Correct it.", way=CheckWay.THEN_TRY_AGAIN)
    assert both.remedy == "Correct it. Then: timus-autotask setup --try-again"
    named = CheckResult("a", "", way=CheckWay.RESUME, customers=("a b",))
    assert named.remedy == "When it is time: timus-autotask resume --customer 'a b'"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"paused_customer": ""}, ""),
        ({"paused_customer": "a b"}, " --customer 'a b'"),
        ({"paused_customer": "-x"}, " --customer=-x"),
    ],
)
def test_what_a_command_is_about_is_left_out_where_it_is_about_everybody(
    facts: dict[str, int | str], said: str
) -> None:
    """A pause is of everybody or of a customer."""
    assert remedy_of(Parked("paused", facts)) == f"timus-autotask resume{said}"


def test_a_command_for_a_few_customers_names_them() -> None:
    """As a shell takes them; for many there is a place for one."""
    assert for_customers("timus-autotask go-live", []) == "timus-autotask go-live"
    assert (
        for_customers("timus-autotask go-live", ["cus_1", "a b"])
        == "timus-autotask go-live --customer cus_1 --customer 'a b'"
    )
    assert for_customers("timus-autotask go-live", ["-x"]) == "timus-autotask go-live --customer=-x"
    assert (
        for_customers("timus-autotask go-live", list("abcd")) == "timus-autotask go-live --customer CUSTOMER"
    )


@pytest.mark.parametrize(("units", "words"), [(0, "0 units"), (1, "1 unit"), (25, "25 units")])
def test_a_number_of_units_takes_its_noun_along(units: int, words: str) -> None:
    """In each reason that says how many units there are."""
    facts: dict[str, int | str] = {
        "contract": 7,
        "contract_end": "2026-03-31",
        "units": units,
        "held": units,
        "delta": -1,
    }
    for code in ("contract-ended", "no-subscription", "below-zero-later"):
        assert f" {words} " in f"{Parked(code, facts).message.replace('.', ' ').replace(',', ' ')} "


def test_a_contract_of_another_company_can_be_mapped_with_the_numbers_that_are_known() -> None:
    """If that company is the customer's; if not, a person says which it is."""
    facts: dict[str, int | str] = {"contract": 5, "actual_company": 601, "company": 600, "customer": "cus_1"}
    assert ways(remedy_of(Parked("contract-of-another-company", facts))) == [
        "If company 601 is the customer's now: timus-autotask map customer cus_1 --company 601 --contract 5",
        "timus-autotask map customer cus_1 --company N --contract N",
    ]


ENDED: dict[str, int | str] = {"contract": 7, "contract_end": "2026-03-31", "units": 25, "customer": "cus_1"}


def test_a_contract_that_ended_is_extended_or_its_client_goes_on_under_another_one() -> None:
    """From the day after its end: to extend the old one as well would bill both."""
    assert ways(remedy_of(Parked("contract-ended", ENDED))) == [
        "Extend the contract in Autotask, then: timus-autotask retry 7",
        "if another contract goes on for it: timus-autotask map customer cus_1 --company N --contract N --from 2026-04-01",
    ]


def test_who_has_a_change_wait_behind_an_edit_is_told_how_to_have_it_from_its_own_day() -> None:
    """An edit that is taken back by hand leaves the days before as they are."""
    facts: dict[str, int | str] = {"contract": 7, "service": 45, "left": 25, "held": 26, "desired": 5}
    enforce, adopt = "timus-autotask drift 7 45 --enforce", "timus-autotask drift 7 45 --adopt"
    assert ways(remedy_of(Parked("drift", facts))) == [
        f"To have what Timus says from its own day on (units that are changed back by hand have it only from that day on): {enforce}",
        adopt,
    ]
    nothing_waits = Parked("drift", {**facts, "desired": 25})
    assert ways(remedy_of(nothing_waits)) == [enforce, adopt]
