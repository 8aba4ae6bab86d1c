"""What `make deploy` asks, keeps and refuses, before anything is built."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from local.deploy import (
    TEMPLATE,
    NotDeployed,
    Place,
    check_name,
    check_place,
    given,
    listening,
    note_place,
    noted_place,
    objection,
    overrides,
    sam_command,
)
from local.emulator import ROOT

HERE = Place("111111111111", "eu-west-1")


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
    told = given(
        {"TIME_ZONE": "America/Denver", "ALARM_EMAIL": "", "PARAMETERS": "QuietSeconds=120 LogLevel=DEBUG"}
    )
    ask, asked = answers()
    expected = {"TimeZone": "America/Denver", "AlarmEmail": "", "QuietSeconds": "120", "LogLevel": "DEBUG"}
    assert overrides(None, told, ask) == overrides(None, told, None) == expected
    assert not asked
    with pytest.raises(NotDeployed, match="TIME_ZONE=America/New_York"):
        overrides(None, {}, None)


def test_a_stack_that_is_there_keeps_what_it_was_told() -> None:
    """Nothing is asked and nothing is passed on, so no default and no other stack's answer can take its place."""
    ask, asked = answers()
    existing = {"TimeZone": "America/Denver", "AlarmEmail": "a@msp.example", "QuietSeconds": "300"}
    assert overrides(existing, {}, ask) == {}
    assert overrides(existing, {"AlarmEmail": "b@msp.example"}, ask) == {"AlarmEmail": "b@msp.example"}
    assert not asked
    assert "--parameter-overrides" not in sam_command("acme", "eu-west-1", {})
    assert sam_command("acme", "eu-west-1", {"AlarmEmail": ""})[-2:] == [
        "--parameter-overrides",
        'AlarmEmail=""',
    ]


def test_sam_is_handed_nothing_that_another_deployment_left() -> None:
    """`sam deploy --guided` writes parameters, profile and name of one stack into samconfig.toml; SAM would use them for every other."""
    command = sam_command("acme", "eu-west-1", {})
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
    ask, asked = answers()
    assert overrides(existing, {"TimeZone": "America/Denver"}, ask) == {"TimeZone": "America/Denver"}
    assert not asked


def test_a_kept_table_is_for_a_new_stack() -> None:
    """A stack that has a table would leave its records behind; the one that it goes on with may be named again."""
    with pytest.raises(NotDeployed, match="is for a new stack"):
        overrides({"ExistingTableName": ""}, {"ExistingTableName": "kept"}, None)
    with pytest.raises(NotDeployed, match="left behind"):
        overrides({"ExistingTableName": "kept"}, {"ExistingTableName": ""}, None)
    assert overrides({"ExistingTableName": "kept"}, {"ExistingTableName": "kept"}, None)
    assert overrides({}, {"ExistingTableName": ""}, None) == {"ExistingTableName": ""}


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
