"""The verifier that a person takes along: it accepts what was exported, and finds any single change, removal and reordering."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_simulator_is_independent import imported_modules
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.plain import as_json
from timus_autotask.store.journal import hash_of
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.watch.forms import evidence_form
from timus_autotask.watch.month.evidence import evidence
from timus_autotask.watch.month.line_evidence import Month

FILE = Path(__file__).parents[3] / "docs" / "verify_evidence.py"


def _loaded() -> ModuleType:
    spec = spec_from_file_location("verify_evidence", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERIFIER = _loaded()


def problems(found: Any, *earlier: Any) -> list[str]:
    """What the verifier says."""
    said: list[str] = VERIFIER.problems(found, earlier)
    return said


def exported(world: World, day: date) -> Any:
    """What ``--json`` prints, read back."""
    return json.loads(as_json(evidence_form(evidence(world.ports, CUSTOMER, Month.of(day)))))


def person_adjusts(world: World, day: date, units: int) -> None:
    """Somebody changes units in Autotask by hand."""
    world.api.tick()
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, day.toordinal(), units)


@cache
def story() -> tuple[Any, Any, Any]:
    """Evidence of March in the middle and at its end, and of April: changes, an edit that was kept, and a renewal of the contract."""
    world = World()
    world.map_customer()
    store = world.ports.store
    store.commit(put_terms(None, {"drift": "adopt"}, 0), *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    early = None
    for version, (adv, ess) in enumerate(((25, 0), (28, 0), (27, 3), (31, 3), (30, 4)), 1):
        world.tell(version, {ADV: adv, ESS: ess, GATEWAY: 1}, customer_name="Contoso é \u202e")
        world.work()
        if version == 3:
            person_adjusts(world, date(2026, 3, 20), 2)
            early = exported(world, date(2026, 3, 1))
        world.pass_time(days=2)
    world.tell(6, {ADV: 30, ESS: 4, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    world.work()
    march = exported(world, date(2026, 3, 1))
    world.pass_time(days=20)
    world.tell(7, {ADV: 35, ESS: 0, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    return early, march, exported(world, date(2026, 4, 1))


def test_it_knows_nothing_of_the_product() -> None:
    """One file, on the standard library alone."""
    found = {name.partition(".")[0] for name in imported_modules(FILE.read_text(encoding="utf-8"), "")}
    assert found <= {
        "__future__",
        "argparse",
        "collections",
        "datetime",
        "hashlib",
        "json",
        "pathlib",
        "sys",
        "typing",
    }


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text()))
)
def test_it_hashes_as_the_journal_does(content: dict[str, Any]) -> None:
    """Whatever stands in an entry, also after it was printed and read back."""
    assert VERIFIER.hash_of(json.loads(as_json(content))) == hash_of(content)


@pytest.mark.parametrize("text", ["\ud800", "\u202e", "é", "\x00"])
def test_it_hashes_what_no_terminal_shows(text: str) -> None:
    """Half a character, a mark that turns text round."""
    assert VERIFIER.hash_of(json.loads(as_json({"words": text}))) == hash_of({"words": text})


def test_what_was_exported_holds() -> None:
    """Before and after, with the heads of the earlier ones found in the later ones."""
    early, march, april = story()
    assert problems(early) == problems(march) == []
    assert problems(april, early, march) == []
    assert march["contracts"][0]["journal"]["entries"]  # the renewal
    assert march["agrees"] is True
    assert sum(len(line["journal"]["entries"]) for line in april["lines"]) >= 8


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value that can be changed on its own."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from places(each, (*path, number))
    else:
        yield path


def entries(found: Any) -> list[list[Any]]:
    """The entries of each chain, to be tampered with in place."""
    chains = [one["journal"]["entries"] for one in (*found["lines"], *found["contracts"])]
    return [chain for chain in chains if chain]


def other(value: Any) -> Any:
    """Something else in its place."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value + "0"
        case None:
            return "somebody"
        case _:
            return ["more"]


def set_at(found: Any, path: tuple[Any, ...]) -> None:
    """Change the value there."""
    *way, last = path
    for step in way:
        found = found[step]
    found[last] = other(found[last])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_value_of_any_entry_is_found(data: st.DataObject) -> None:
    """Also of the newest one, which the head gives away."""
    found = copy.deepcopy(story()[2])
    chain = data.draw(st.sampled_from(entries(found)))
    entry = data.draw(st.sampled_from(chain))
    set_at(entry, data.draw(st.sampled_from([*places(entry)])))
    assert problems(found)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_an_entry_that_is_left_out_or_repeated_or_moved_is_found(data: st.DataObject) -> None:
    """The first, the last, any between."""
    found = copy.deepcopy(story()[2])
    chain = data.draw(st.sampled_from(entries(found)))
    at = data.draw(st.integers(0, len(chain) - 1))
    how = data.draw(st.sampled_from(["left out", "repeated", "moved"]))
    if how == "moved" and len(chain) > 1:
        to = data.draw(st.integers(0, len(chain) - 1).filter(lambda number: number != at))
        chain.insert(to, chain.pop(at))
    elif how == "repeated":
        chain.insert(at, copy.deepcopy(chain[at]))
    else:
        del chain[at]
    assert problems(found)


NAMES = ("company_id", "company_name", "contract_name", "service_name", "customer_name")
"""What a change is called with; it is no part of the journal."""


def moved(text: str) -> str:
    """Another year: a moment that can still be read."""
    return text.replace("2026", "2025")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_changed_day_or_head_is_found(data: st.DataObject) -> None:
    """What the evidence says beside its journal follows from it."""
    found = copy.deepcopy(story()[2])
    line = data.draw(st.sampled_from(found["lines"]))
    contract = found["contracts"][0]
    path = data.draw(
        st.sampled_from(
            [
                *(("days", number, name) for number in range(30) for name in ("day", "journal", "autotask")),
                ("journal", "outside_the_chain"),
                *(
                    ("changes", number, *way)
                    for number, change in enumerate(line["changes"])
                    for way in places(change)
                    if way[-1] not in NAMES
                ),
                *(("journal", "head", name) for name in ("number", "hash") if line["journal"]["head"]),
            ]
        )
    )
    if data.draw(st.booleans()):
        set_at(line, path)
    else:
        set_at(
            contract,
            data.draw(st.sampled_from([("head",), *(("heads", *way) for way in places(contract["heads"]))])),
        )
    assert problems(found)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_change_that_is_not_shown_or_shown_twice_or_at_another_time_is_found(data: st.DataObject) -> None:
    """Who reads the page sees all of the month, and nothing else."""
    found = copy.deepcopy(story()[1])
    shown = data.draw(
        st.sampled_from([one["changes"] for one in (*found["lines"], *found["contracts"]) if one["changes"]])
    )
    at = data.draw(st.integers(0, len(shown) - 1))
    how = data.draw(st.sampled_from(["left out", "repeated", "opened_at", "settled_at", "happened_at"]))
    if how == "left out":
        del shown[at]
    elif how == "repeated":
        shown.insert(at, copy.deepcopy(shown[at]))
    elif how == "happened_at":
        for cause in shown[at]["causes"]:
            cause[how] = moved(cause[how])
    else:
        shown[at][how] = moved(shown[at][how])
    assert problems(found) or (how == "happened_at" and not shown[at]["causes"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("month", "2026-02"),
        ("until", "2026-03-30"),
        ("entries_outside_the_chain", 3),
        ("journal_whole", False),
    ],
)
def test_what_it_says_of_itself_is_found(name: str, value: Any) -> None:
    """The month, and what it says of its journal."""
    assert problems({**story()[1], name: value})


def test_a_line_that_is_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be another customer's, so it is said and no fault."""
    found = copy.deepcopy(story()[1])
    out = found["lines"].pop(0)
    (tmp_path / "less.json").write_text(as_json(found), encoding="utf-8")
    assert VERIFIER.main([str(tmp_path / "less.json")]) == 0
    number = len(out["journal"]["entries"])
    said = f"Not in this file: contract {CONTRACT}, service {out['service_id']}, with {number} entries."
    assert said in capsys.readouterr().out


def test_a_line_or_a_contract_that_is_in_the_file_twice_is_found() -> None:
    """Its entries would be counted twice."""
    for part in ("lines", "contracts"):
        found = copy.deepcopy(story()[1])
        found[part].append(copy.deepcopy(found[part][0]))
        assert any("it is in the file more than once" in one for one in problems(found))


def test_a_sku_that_the_entries_bill_and_that_is_not_shown_is_found() -> None:
    """Another one in its place is believed at most."""
    found = copy.deepcopy(story()[1])
    line = next(one for one in found["lines"] if one["service_id"] == 45)
    line["skus"] = ["SASE-OTHER"]
    assert problems(found) == [
        f"contract {CONTRACT}, service 45: the entries bill {ADV} on it, and it is not shown"
    ]


def test_a_chain_that_was_rebuilt_holds_by_itself_and_not_beside_an_earlier_head() -> None:
    """Whoever has the table can write all of it anew: what gives it away is a head that was noted before."""
    early, _, april = story()
    forged = copy.deepcopy(april)
    line = next(one for one in forged["lines"] if one["service_id"] == 45)
    line["journal"]["entries"][0]["causes"][0]["actor"] = "somebody.else@msp.example"
    for change in line["changes"]:
        if change["id"] == line["journal"]["entries"][0]["id"]:
            change["causes"][0]["by"] = "somebody.else@msp.example"
    previous = ""
    for entry in line["journal"]["entries"]:
        entry["previous"], previous = previous, ""
        previous = hash_of(entry)
    line["journal"]["head"]["hash"] = previous
    contract = forged["contracts"][0]
    for one in contract["heads"]:
        if one["service_id"] == 45:
            one["hash"] = previous
    listed = [[one["service_id"], one["number"], one["hash"]] for one in contract["heads"]]
    contract["head"] = VERIFIER.hash_of(listed)
    assert problems(forged) == []
    assert any("was rewritten" in one for one in problems(forged, early))


def test_an_end_that_was_cut_off_is_found_by_a_later_head() -> None:
    """Cut with its heads, it is whole by itself: the later evidence knows better."""
    early, march, _ = story()
    assert any("was rewritten" in one for one in problems(early, march))


def test_entries_from_before_the_chain_are_counted_and_left_alone() -> None:
    """They have no number."""
    found = copy.deepcopy(story()[1])
    line = next(one for one in found["lines"] if one["service_id"] == 45)
    old = {**line["journal"]["entries"][0], "number": 0, "previous": ""}
    line["journal"]["entries"].insert(0, old)
    line["journal"]["outside_the_chain"] = found["entries_outside_the_chain"] = 1
    assert problems(found) == []


def test_the_command_says_what_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0, 1 and 2, in words."""
    early, march, april = story()
    files = []
    for name, found in (("early", early), ("march", march), ("april", april)):
        files.append(str(tmp_path / f"{name}.json"))
        Path(files[-1]).write_text(as_json(found), encoding="utf-8")
    head = april["contracts"][0]["head"]
    assert VERIFIER.main([files[2], "--earlier", files[0], "--earlier", files[1], "--head", head]) == 0
    assert "follow from each other" in capsys.readouterr().out
    noted = [each for one in (early, march) for each in ("--head", one["contracts"][0]["head"])]
    assert VERIFIER.main([files[2], *noted]) == 0
    capsys.readouterr()
    assert VERIFIER.main([files[2], "--head", "0" * 64]) == 1
    assert "is no head of a contract" in capsys.readouterr().out
    Path(files[0]).write_text("{}")
    assert VERIFIER.main([files[0]]) == 1
    Path(files[0]).write_text("nothing")
    assert VERIFIER.main([files[0]]) == 2


def told(found: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of an evidence that holds."""
    (folder / "one.json").write_text(as_json(found), encoding="utf-8")
    assert VERIFIER.main([str(folder / "one.json")]) == 0
    return capsys.readouterr().out


def test_what_no_entry_proves_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Units of an edit that no entry says, another customer, an earlier end: each is said beside what the entries give."""
    march = story()[1]
    said = told(march, tmp_path, capsys)
    assert f"Believed, not proven: contract {CONTRACT}, service 47" in said  # nothing was changed there
    assert "service 45" not in said
    number = next(at for at, one in enumerate(march["lines"]) if one["service_id"] == 45)

    edited = copy.deepcopy(march)
    line = edited["lines"][number]
    line["journal"]["found"] = [["2026-01-01", 99]]
    for one in line["days"]:
        one["journal"] = one["autotask"] = 99
    said = told(edited, tmp_path, capsys)
    assert "each day but what is named below follows from them" in said
    assert f"Believed, not proven: contract {CONTRACT}, service 45: 99 units from 2026-03-01 to" in said
    assert "; the entries alone give 25." in said

    another = {**march, "customer": "cus_b"}
    said = told(another, tmp_path, capsys)
    assert said.count("that it bills cus_b: no entry names this customer.") == len(march["lines"])

    more = copy.deepcopy(march)
    more["lines"][number]["skus"].append("SASE-NEW")
    assert "service 45: that it bills SASE-NEW: no entry names this SKU." in told(more, tmp_path, capsys)

    earlier = copy.deepcopy(march)
    line = earlier["lines"][number]
    line["contract_until"] = "2026-03-05"
    for one in line["days"][5:]:
        one["journal"] = one["autotask"] = None
    said = told(earlier, tmp_path, capsys)
    assert "that its contract bills the days from 2026-01-01 to 2026-03-05 only." in said


def test_a_line_without_an_entry_is_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its units are what was read, and nothing is chained yet."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1})
    world.work()
    found = exported(world, date(2026, 3, 1))
    assert not any(line["journal"]["entries"] for line in found["lines"])
    said = told(found, tmp_path, capsys)
    assert "25 units from 2026-03-01 to 2026-03-31 (known_units:" in said
    assert "no entry says any" in said
