"""What `make deploy` asks, keeps and refuses, before anything is built."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from local.deploy import (
    TEMPLATE,
    KeptTable,
    NotDeployed,
    Place,
    Told,
    check_name,
    check_place,
    given,
    listening,
    look_into,
    note_place,
    noted_place,
    objection,
    overrides,
    said_of_new,
    sam_command,
    shown,
)
from local.emulator import ROOT
from tests.world import World
from timus_autotask.domain.stage import LIVE
from timus_autotask.store.terms import put_stage
from timus_autotask.watch.gauges import EVERY, report_gauges

HERE = Place("111111111111", "eu-west-1")


def on_command_line(**variables: str) -> dict[str, Told]:
    """`make deploy NAME=value …`."""
    return given(variables, variables)


def answers(*words: str) -> tuple[Callable[[str], str], list[str]]:
    """A person who says these words, and what the person was asked."""
    asked: list[str] = []
    waiting = iter(words)

    def ask(question: str) -> str:
        asked.append(question)
        return next(waiting)

    return ask, asked


def test_a_new_stack_is_asked_for_two_things() -> None:
    """Time zone and alarm e-mail; every other parameter is left to the template."""
    ask, asked = answers("Europe/Berlin", "noc@msp.example")
    assert overrides(None, {}, ask) == {"TimeZone": "Europe/Berlin", "AlarmEmail": "noc@msp.example"}
    assert len(asked) == 2


def test_a_time_zone_that_there_is_not_is_asked_for_again() -> None:
    """A wrong zone is a wrong billing day, and so would be one that Enter chose."""
    ask, asked = answers("", "Berlin", "Mars/Base", "America/New_York", "nobody", "")
    assert overrides(None, {}, ask) == {"TimeZone": "America/New_York", "AlarmEmail": ""}
    assert "no time zone 'Mars/Base'" in asked[3]
    assert "must be an e-mail address" in asked[5]


def test_what_is_said_on_the_command_line_is_not_asked() -> None:
    """Nor where nobody is there to answer; but a new stack never gets a time zone by default."""
    told = on_command_line(
        TIME_ZONE="America/Denver", ALARM_EMAIL="", PARAMETERS="QuietSeconds=120 LogLevel=DEBUG"
    )
    ask, asked = answers()
    expected = {"TimeZone": "America/Denver", "AlarmEmail": "", "QuietSeconds": "120", "LogLevel": "DEBUG"}
    assert overrides(None, told, ask) == overrides(None, told, None) == expected
    assert not asked
    with pytest.raises(NotDeployed, match="TIME_ZONE=America/New_York"):
        overrides(None, {}, None)


EXPORTED = {
    "TIME_ZONE": "America/Denver",
    "ALARM_EMAIL": "boss@partner-a.example",
    "EXISTING_TABLE": "partner-a-table",
    "PARAMETERS": "TicketCompany=175 DigestEmail=finance@partner-a.example QuietSeconds=5",
}
"""What a shell still has from another partner's stack."""
TYPED = (
    "make deploy STACK=partner-b TIME_ZONE=America/Denver ALARM_EMAIL=boss@partner-a.example EXISTING_TABLE=partner-a-table "
    "PARAMETERS='TicketCompany=175 DigestEmail=finance@partner-a.example QuietSeconds=5'"
)


def test_what_a_shell_merely_exports_sets_nothing_of_a_new_stack() -> None:
    """A person sees that it is left out, and what to type if it is meant; zone and address are asked as ever."""
    said: list[str] = []
    ask, asked = answers("Europe/Berlin", "noc@partner-b.example")
    counts = said_of_new(given(EXPORTED), "partner-b", ask, said.append)
    assert overrides(None, counts, ask) == {
        "TimeZone": "Europe/Berlin",
        "AlarmEmail": "noc@partner-b.example",
    }
    assert len(asked) == 2
    assert said[0].startswith("LEFT OUT: TimeZone America/Denver, AlarmEmail boss@partner-a.example, ")
    assert "TicketCompany 175" in said[0]
    assert said[1].endswith(f"type: {TYPED}")


def test_a_script_that_exports_it_for_a_new_stack_is_refused() -> None:
    """A stack without the address that the script meant would tell nobody; the refusal has the command that is meant."""
    with pytest.raises(NotDeployed, match="Nothing was deployed") as refused:
        said_of_new(given(EXPORTED), "partner-b", None, print)
    assert TYPED in str(refused.value)


@pytest.mark.parametrize("name", EXPORTED)
def test_each_variable_counts_on_the_command_line_alone(name: str) -> None:
    """Beside others that are exported: what is said is taken, and not named as left out."""
    said: list[str] = []
    told = given(EXPORTED, {name})
    counts = said_of_new(told, "partner-b", answers()[0], said.append)
    assert counts == {parameter: one for parameter, one in told.items() if one.variable == name}
    assert EXPORTED[name] not in said[1]


def test_what_is_exported_and_makes_no_difference_is_not_named() -> None:
    """The template's own default, an empty address, and the zone of the table that is taken up."""
    exported = given({"TIME_ZONE": "America/Denver", "ALARM_EMAIL": "", "PARAMETERS": "QuietSeconds=60"})
    table = KeptTable("kept", "America/Denver", live=True)
    assert said_of_new(exported, "partner-b", None, print, table) == {}
    with pytest.raises(NotDeployed, match="TimeZone America/Denver"):
        said_of_new(exported, "partner-b", None, print)


def test_what_is_said_stays_beside_parameters_that_are_exported() -> None:
    """They may name the same parameter."""
    told = given({"TIME_ZONE": "UTC", "PARAMETERS": "TimeZone=America/Denver"}, {"TIME_ZONE"})
    assert told["TimeZone"] == Told("UTC", "TIME_ZONE", said=True)


def test_every_parameter_that_is_set_is_shown() -> None:
    """Before anything is built: of a stack that is there, with what it was."""
    assert shown(None, {"TimeZone": "UTC", "AlarmEmail": "", "TicketCompany": "175"}) == [
        "  TimeZone: UTC",
        "  AlarmEmail: (nobody)",
        "  TicketCompany: 175",
    ]
    there = {"TimeZone": "UTC", "AlarmEmail": "a@msp.example", "QuietSeconds": "60", "TicketCompany": ""}
    assert shown(there, {"QuietSeconds": "5", "TicketCompany": ""}) == [
        "  TimeZone: UTC",
        "  AlarmEmail: a@msp.example",
        "  QuietSeconds: 5 (was 60)",
        "  TicketCompany: (empty)",
    ]


def test_a_stack_that_is_there_keeps_what_it_was_told() -> None:
    """Nothing is asked and nothing is passed on, so no default and no other stack's answer can take its place."""
    ask, asked = answers()
    existing = {"TimeZone": "America/Denver", "AlarmEmail": "a@msp.example", "QuietSeconds": "300"}
    assert overrides(existing, {}, ask) == {}
    said = on_command_line(ALARM_EMAIL="b@msp.example")
    assert (
        overrides(existing, said, ask) == overrides(existing, said, None) == {"AlarmEmail": "b@msp.example"}
    )
    assert not asked
    assert "--parameter-overrides" not in sam_command("acme", "eu-west-1", None)


@pytest.mark.parametrize("name", sorted(TEMPLATE["Parameters"]))
def test_what_a_shell_merely_exports_changes_no_parameter_of_a_stack_that_is_there(name: str) -> None:
    """It may be of another partner's stack: where it differs nothing is deployed; where it is the same, or what a new parameter would be anyway, it does no harm."""
    default = str(TEMPLATE["Parameters"][name]["Default"])
    there = {"TimeZone": "America/Denver", name: "another"}
    exported = given({"PARAMETERS": f"{name}={default}"})
    for ask in (None, answers("", "")[0]):
        with pytest.raises(NotDeployed, match=r"Nothing was deployed|Unset it"):
            overrides(there, exported, ask)
    assert overrides({"TimeZone": "UTC", name: default}, exported, None) == {name: default}
    assert overrides({} if name != "TimeZone" else {name: default}, exported, None) == {name: default}


def test_an_address_that_is_merely_exported_is_refused_with_the_way_to_say_it() -> None:
    """With both addresses, and how to say the new one or to be rid of it; an empty one takes none away either."""
    for exported, words in (("b@msp.example", "would make it b@msp.example"), ("", "would make it empty")):
        with pytest.raises(NotDeployed, match=words) as refused:
            overrides({"AlarmEmail": "a@msp.example"}, given({"ALARM_EMAIL": exported}), answers()[0])
        assert "make deploy … ALARM_EMAIL=…" in str(refused.value)
        assert "AlarmEmail of this stack is a@msp.example" in str(refused.value)


def test_sam_is_handed_nothing_that_another_deployment_left() -> None:
    """`sam deploy --guided` writes parameters, profile and name of one stack into samconfig.toml; SAM would use them for every other."""
    command = sam_command("acme", "eu-west-1", None)
    file = Path(command[command.index("--config-file") + 1])
    assert file != ROOT / "samconfig.toml"
    assert tomllib.loads(file.read_text()) == {
        "version": 0.1,
        "default": {
            "deploy": {
                "parameters": {
                    "capabilities": "CAPABILITY_IAM",
                    "resolve_s3": True,
                    "confirm_changeset": False,
                    "fail_on_empty_changeset": False,
                }
            }
        },
    }


def test_a_zone_that_is_merely_exported_moves_no_stack() -> None:
    """Left in a shell from another partner's stack, it would move the days that are billed: a person types it, and nobody else changes it."""
    existing = {"TimeZone": "America/Denver", "AlarmEmail": "a@msp.example"}
    told = given({"TIME_ZONE": "Europe/Berlin"})
    for nobody in (None, answers("")[0], answers("yes")[0], answers("America/Denver")[0]):
        with pytest.raises(NotDeployed, match="America/Denver") as refused:
            overrides(existing, told, nobody)
        assert "Nothing was deployed" in str(refused.value)
    with pytest.raises(NotDeployed, match="Europe/Berlin"):
        overrides(existing, given({"PARAMETERS": "TimeZone=Europe/Berlin"}), None)
    ask, asked = answers("Europe/Berlin")
    assert overrides(existing, told, ask) == {"TimeZone": "Europe/Berlin"}
    assert "America/Denver" in asked[0]
    assert "Europe/Berlin" in asked[0]
    with pytest.raises(NotDeployed, match="needs a person"):
        overrides(existing, on_command_line(TIME_ZONE="Europe/Berlin"), None)
    ask, asked = answers()
    same = given({"TIME_ZONE": "America/Denver"})
    assert overrides(existing, same, ask) == {"TimeZone": "America/Denver"}
    assert not asked


def test_a_kept_table_is_for_a_new_stack() -> None:
    """A stack that has a table would leave its records behind; the one that it goes on with may be named again."""
    with pytest.raises(NotDeployed, match="is for a new stack"):
        overrides({"ExistingTableName": ""}, on_command_line(EXISTING_TABLE="kept"), None)
    with pytest.raises(NotDeployed, match="left behind"):
        overrides({"ExistingTableName": "kept"}, on_command_line(EXISTING_TABLE=""), None)
    assert overrides({"ExistingTableName": "kept"}, given({"EXISTING_TABLE": "kept"}), None)
    assert overrides({}, given({"EXISTING_TABLE": ""}), None) == {"ExistingTableName": ""}


def test_a_stack_that_takes_up_a_table_goes_on_in_its_zone() -> None:
    """Nobody has to say it again, and nobody moves it without typing the new one: the days of its records are of that zone."""
    table = KeptTable("kept", "America/Denver", live=True)
    same = {"TimeZone": "America/Denver", "AlarmEmail": ""}
    ask, asked = answers()
    assert overrides(None, on_command_line(ALARM_EMAIL=""), ask, table) == same
    assert overrides(None, given(dict.fromkeys(["ALARM_EMAIL"], "")), None, table) == same
    assert not asked
    other = on_command_line(TIME_ZONE="Pacific/Auckland", ALARM_EMAIL="")
    for nobody in (None, answers("")[0], answers("yes")[0], answers("America/Denver")[0]):
        with pytest.raises(
            NotDeployed, match=r"the table kept are billed in America/Denver|stays America/Denver"
        ):
            overrides(None, other, nobody, table)
    ask, asked = answers("Pacific/Auckland")
    assert overrides(None, other, ask, table)["TimeZone"] == "Pacific/Auckland"
    assert len(asked) == 1


def test_of_a_table_that_does_not_say_its_zone_a_person_says_it() -> None:
    """An earlier version wrote it, or no sweep ever ran. What a script or a shell says may be another partner's."""
    table = KeptTable("kept", "", live=False)
    told = on_command_line(TIME_ZONE="Pacific/Auckland", ALARM_EMAIL="")
    with pytest.raises(NotDeployed, match="does not say in which time zone"):
        overrides(None, told, None, table)
    ask, asked = answers("Denver", "America/Denver")
    assert overrides(None, told, ask, table) == {"TimeZone": "America/Denver", "AlarmEmail": ""}
    assert "does not say" in asked[0]


def test_a_table_says_in_which_zone_it_was_billed_and_whether_anybody_is_live() -> None:
    """The sweep writes the zone, with its first count and with each one after it; the stage is there already."""
    world = World(live=None)
    assert look_into("kept", world.ports.table) == KeptTable("kept", "", live=False)
    report_gauges(world.ports, world.clock.now() + timedelta(minutes=1))
    found = look_into("kept", world.ports.table)
    assert found == KeptTable("kept", world.zone.key, live=False)
    assert f"billed in {world.zone.key}, observing" in found.words
    moved = replace(world.ports, zone=ZoneInfo("Pacific/Auckland"))
    world.clock.advance(EVERY.total_seconds())
    report_gauges(moved, world.clock.now() + timedelta(minutes=1))
    world.ports.store.commit(put_stage("cus_1", LIVE, 0))
    found = look_into("kept", world.ports.table)
    assert found == KeptTable("kept", "Pacific/Auckland", live=True)
    assert "live: adjustments go on" in found.words


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TIME_ZONE": ""}, "no time zone ''"),
        ({"TIME_ZONE": "Europe/Berlino"}, "no time zone 'Europe/Berlino'"),
        ({"TIME_ZONE": "europe/berlin"}, "no time zone 'europe/berlin'"),
        ({"TIME_ZONE": "posixrules"}, "no time zone 'posixrules'"),
        ({"TIME_ZONE": "localtime"}, "no time zone 'localtime'"),
        ({"ALARM_EMAIL": "nobody"}, "AlarmEmail cannot be 'nobody'. must be an e-mail address"),
        ({"PARAMETERS": "QuietSecond=1"}, "Did you mean QuietSeconds?"),
        ({"PARAMETERS": "Nonsense"}, "Nonsense sets no parameter"),
        ({"PARAMETERS": "QuietSeconds=901"}, "QuietSeconds cannot be '901'"),
        ({"PARAMETERS": "QuietSeconds=-1"}, "QuietSeconds cannot be '-1'"),
        ({"PARAMETERS": "LogLevel=LOUD"}, "LogLevel cannot be 'LOUD'"),
    ],
)
def test_a_value_that_the_template_refuses_is_refused_before_the_build(
    environment: dict[str, str], words: str
) -> None:
    """With the parameter's name and its rule."""
    with pytest.raises(NotDeployed) as refused:
        given(environment)
    assert words in str(refused.value)


def test_every_default_is_a_value_that_is_taken() -> None:
    """The rules are read as CloudFormation reads them."""
    for name, rule in TEMPLATE["Parameters"].items():
        assert objection(name, str(rule["Default"])) is None


@pytest.mark.parametrize("stack", ["", "1st", "acme sync", "acme_sync", "ä", "a" * 129])
def test_a_name_that_cloudformation_refuses_is_refused_at_once(stack: str) -> None:
    """Before anything is built."""
    with pytest.raises(NotDeployed, match="no name of a stack"):
        check_name(stack)
    check_name("a" * 128)


def test_a_stack_stays_in_its_account_and_region(tmp_path: Path) -> None:
    """With another partner's credentials in the environment, nothing is deployed there under this one's name."""
    kept = tmp_path / "acme.toml"
    check_place("acme", HERE, kept)
    note_place("acme", HERE, kept)
    check_place("acme", HERE, kept)
    assert noted_place(kept) == HERE
    for other in (Place("222222222222", "eu-west-1"), Place("111111111111", "us-east-1")):
        with pytest.raises(NotDeployed, match="was deployed to account 111111111111 in eu-west-1"):
            check_place("acme", other, kept)
    check_place("other", Place("222222222222", "eu-west-1"), tmp_path / "other.toml")


class Topic:
    """SNS with these subscriptions to every topic."""

    def __init__(self, *subscriptions: dict[str, str]) -> None:
        self.subscriptions = list(subscriptions)

    def get_paginator(self, _name: str) -> Topic:
        return self

    def paginate(self, TopicArn: str) -> list[dict[str, object]]:  # noqa: N803 - boto3's name
        return [{"Subscriptions": self.subscriptions}]


def test_it_is_said_aloud_that_nobody_hears_the_alarms() -> None:
    """Twenty alarms that tell nobody look like health. An address that was not confirmed is nobody, too."""
    assert "STACK=acme ALARM_EMAIL=" in listening(Topic(), "topic", "acme")[0]
    waiting = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "noc@msp.example"}
    assert "noc@msp.example hears of alarms only once" in listening(Topic(waiting), "topic", "acme")[0]
    assert listening(Topic(waiting | {"SubscriptionArn": "arn:aws:sns:…"}), "topic", "acme") == []
