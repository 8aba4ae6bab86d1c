"""`make deploy`: builds, and deploys one stack to the AWS account of the environment.

It asks a new stack's time zone and alarm e-mail, and whether the zone of a stack or of a table is to change, and nothing else. What a
stack was told stands in the stack itself, as its parameters, and in which zone a table was billed stands in the table. Both stay unless
a person says otherwise: on make's command line, and the zone once more when it is asked. A variable that a shell merely exports may be of
another partner's stack, so it changes nothing that is there, and nothing of a new stack: in a terminal it is named and left out, and a script
is refused. All that is kept here is where each stack is (``.deploy/<stack>.toml``,
not tracked), so that one partner's stack is not deployed into another's account.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import bytecode
from local.build import read_template
from local.emulator import ROOT
from local.zones import is_zone
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.ports.table import Table
from timus_autotask.store.records import Store
from timus_autotask.store.runs import gauges

TEMPLATE = read_template()
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
SAM_OPTIONS = ROOT / "local" / "sam-deploy.toml"
"""What holds for every deployment."""
KEPT = ROOT / ".deploy"
GIVEN = {"TIME_ZONE": "TimeZone", "ALARM_EMAIL": "AlarmEmail", "EXISTING_TABLE": "ExistingTableName"}
"""Variables of `make deploy` and the parameters that they set. PARAMETERS sets any."""
ZONE = "TimeZone"

Ask = Callable[[str], str]


class NotDeployed(Exception):
    """Nothing was deployed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Told:
    """A parameter's value, as this deployment is told it."""

    value: str
    variable: str
    """In which variable it stands."""
    said: bool
    """On make's command line, and not merely in the environment."""


@dataclass(frozen=True, slots=True)
class KeptTable:
    """What a table that outlived its stack says of that stack."""

    name: str
    zone: str
    """In which its days were billed; empty: it does not say."""
    live: bool
    """Whether anybody in it is live."""

    @property
    def words(self) -> str:
        """For people."""
        stage = "live: adjustments go on" if self.live else "observing"
        return f"{self.name}, billed in {self.zone or 'a zone that it does not say'}, {stage}"


def check_name(stack: str) -> None:
    """CloudFormation's own rule, before anything is built. Every name in the template fits whatever it allows."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", stack):
        raise NotDeployed(
            f"{stack!r} is no name of a stack: a letter, then letters, digits and hyphens, 128 in all. Choose it with STACK=…"
        )


def noted_place(kept: Path) -> Place | None:
    """Where the stack was deployed to from this checkout; None: nowhere yet."""
    if not kept.exists():
        return None
    noted = tomllib.loads(kept.read_text(encoding="utf-8"))
    return Place(noted["account"], noted["region"])


def check_place(stack: str, here: Place, kept: Path) -> None:
    """Raise if the stack was deployed to another account or region before."""
    before = noted_place(kept) or here
    if before != here:
        raise NotDeployed(
            f"{stack} was deployed to account {before.account} in {before.region}; these credentials are of account "
            f"{here.account} in {here.region}. Choose the right ones with AWS_PROFILE and AWS_REGION, or another name with "
            f"STACK=…; delete {kept} if the stack is to be here too."
        )


def note_place(stack: str, here: Place, kept: Path) -> None:
    """Remember where the stack is."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(
        f"# Where `make deploy STACK={stack}` has put this stack. Its parameters are in the stack itself.\n"
        f'account = "{here.account}"\nregion = "{here.region}"\n',
        encoding="utf-8",
    )


def given(environment: Mapping[str, str], said: Collection[str] = ()) -> dict[str, Told]:
    """The parameters that `make deploy` is told. Raises :class:`NotDeployed`.

    ``said``: the variables that stand on make's command line. A value of PARAMETERS ends at white space, which no pattern of the template takes.
    """
    told = {
        parameter: Told(environment[name], name, name in said)
        for name, parameter in GIVEN.items()
        if name in environment
    }
    typed = "PARAMETERS" in said
    known = TEMPLATE["Parameters"]
    for word in environment.get("PARAMETERS", "").split():
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise NotDeployed(f"PARAMETERS: {word} sets no parameter of the template. {hint}")
        if typed or name not in told or not told[name].said:
            told[name] = Told(value, "PARAMETERS", typed)
    for name, one in told.items():
        if wrong := objection(name, one.value):
            raise NotDeployed(wrong)
    return told


def objection(name: str, value: str) -> str | None:
    """What is wrong with a parameter's value, by the template's own rules and by the zones that there are; None: nothing."""
    rule = TEMPLATE["Parameters"][name]
    wrong = (
        ("AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value))
        or ("AllowedValues" in rule and value not in map(str, rule["AllowedValues"]))
        or ("MaxValue" in rule and not _between(value, rule["MinValue"], rule["MaxValue"]))
        or (name == ZONE and not is_zone(value))
    )
    if not wrong:
        return None
    if name == ZONE:
        return f"There is no time zone {value!r}; write it as in America/New_York."
    return f"{name} cannot be {value!r}. {rule.get('ConstraintDescription', rule['Description'])}"


def _between(value: str, least: int, most: int) -> bool:
    return value.isascii() and value.isdigit() and least <= int(value) <= most


def overrides(
    existing: Mapping[str, str] | None,
    told: Mapping[str, Told],
    ask: Ask | None,
    table: KeptTable | None = None,
) -> dict[str, str]:
    """The parameters to deploy with: what was told now, and for a new stack (``existing`` is None) what has to be asked.

    Of a new stack, ``told`` is what :func:`said_of_new` gives.

    Every other parameter keeps the value that the stack has, or gets the template's default. ``table`` is the one that a new stack takes
    up: it keeps its zone. ``ask`` is None where nobody can answer. Raises :class:`NotDeployed` where a person has to say something.
    """
    wanted = {name: one.value for name, one in told.items()}
    if existing is not None:
        own = existing.get("ExistingTableName", "")
        if wanted.get("ExistingTableName", own) != own:
            raise NotDeployed(
                "EXISTING_TABLE is for a new stack: this one has a table, whose records would be left behind. Unset it."
            )
        for name, one in told.items():
            _sure(name, existing.get(name, str(TEMPLATE["Parameters"][name]["Default"])), one, ask)
        return wanted
    zone = told.get(ZONE)
    wanted[ZONE] = _zone_of_table(table, zone, ask) if table else _zone_of_new(zone, ask)
    if "AlarmEmail" not in wanted and ask is not None:
        wanted["AlarmEmail"] = _answer(
            ask, "Who gets the alarms by e-mail (Enter: nobody is told): ", "AlarmEmail"
        )
    return wanted


def said_of_new(
    told: Mapping[str, Told],
    stack: str,
    ask: Ask | None,
    say: Callable[[str], None],
    table: KeptTable | None = None,
) -> dict[str, Told]:
    """What counts for a new stack: what stands on make's command line.

    What a shell merely exports is named, with what to type, where the stack would get another value without it. Raises :class:`NotDeployed`
    for it where nobody can read that.
    """
    counts = {name: one for name, one in told.items() if one.said}
    otherwise = {name: str(rule["Default"]) for name, rule in TEMPLATE["Parameters"].items()}
    otherwise[ZONE] = table.zone if table else ""
    left_out = {
        name: one for name, one in told.items() if name not in counts and one.value != otherwise[name]
    }
    if not left_out:
        return counts
    variables: dict[str, list[str]] = {}
    for name, one in left_out.items():
        variables.setdefault(one.variable, []).append(
            f"{name}={one.value}" if one.variable == "PARAMETERS" else one.value
        )
    typed = " ".join(f"{name}={shlex.quote(' '.join(values))}" for name, values in variables.items())
    seen = (
        f"{', '.join(f'{name} {one.value}' for name, one in left_out.items())}: {' and '.join(variables)} of the environment "
        "may be of another partner's stack."
    )
    if ask is None:
        raise NotDeployed(
            f"{seen} What is meant for a new stack stands on the command line: make deploy STACK={stack} {typed}. "
            "Unset what is not meant. Nothing was deployed."
        )
    say(f"LEFT OUT: {seen}")
    say(f"  If it is meant, stop here with Ctrl-C and type: make deploy STACK={stack} {typed}")
    return counts


def shown(existing: Mapping[str, str] | None, parameters: Mapping[str, str]) -> list[str]:
    """Every parameter that this deployment sets, and the zone and the alarm e-mail in any case; with what each was where it changes."""
    there = existing or {}
    lines = []
    for name in TEMPLATE["Parameters"]:
        if name in parameters or name in (ZONE, "AlarmEmail"):
            before, value = there.get(name, ""), parameters.get(name, there.get(name, ""))
            nothing = "(nobody)" if name == "AlarmEmail" else "(empty)"
            was = f" (was {before or 'empty'})" if existing is not None and before != value else ""
            lines.append(f"  {name}: {value or nothing}{was}")
    return lines


def _sure(name: str, before: str, told: Told, ask: Ask | None) -> None:
    """Raise unless an existing stack's parameter stays as it is, or a person says the new value."""
    if name == ZONE:
        _sure_of_zone("this stack", before, told, ask)
    elif told.value != before and not told.said:
        raise NotDeployed(
            f"{name} of this stack is {before or 'empty'}, and {told.variable} of the environment would make it "
            f"{told.value or 'empty'}. To change it, say so on the command line: make deploy … {told.variable}=…; else unset "
            f"{told.variable}. Nothing was deployed."
        )


def _sure_of_zone(whose: str, before: str, told: Told, ask: Ask | None) -> None:
    """Raise unless the zone stays, or a person types the new one."""
    after = told.value
    if after == before:
        return
    change = f"The days of {whose} are billed in {before}, and {told.variable} would move them to {after}."
    if ask is None:
        raise NotDeployed(
            f"{change} That needs a person: run it in a terminal, or unset {told.variable}. Nothing was deployed."
        )
    if ask(f"{change} Type {after} to move them (Enter: nothing is deployed): ").strip() != after:
        raise NotDeployed(f"The time zone was not confirmed; it stays {before}. Nothing was deployed.")


def _zone_of_new(told: Told | None, ask: Ask | None) -> str:
    """The zone of a new stack: as it was said, or as a person types it."""
    if told is not None:
        return told.value
    if ask is None:
        raise NotDeployed(
            "A new stack needs the partner's time zone on the command line; it decides the days that are billed: "
            "make deploy … TIME_ZONE=America/New_York"
        )
    question = "The partner's time zone, such as America/New_York; it decides the days that are billed: "
    return _answer(ask, question, ZONE)


def _zone_of_table(table: KeptTable, told: Told | None, ask: Ask | None) -> str:
    """The zone of a new stack that takes up a table: the table's own, or the one that a person types."""
    if table.zone:
        if told is not None:
            _sure_of_zone(f"the table {table.name}", table.zone, told, ask)
        return told.value if told else table.zone
    unknown = f"The table {table.name} does not say in which time zone its days were billed."
    if ask is None:
        raise NotDeployed(
            f"{unknown} That needs a person who knows it: run it in a terminal. Nothing was deployed."
        )
    return _answer(ask, f"{unknown} Type it, as in America/New_York: ", ZONE)


def _answer(ask: Ask, question: str, name: str) -> str:
    while wrong := objection(name, answer := ask(question).strip()):
        question = f"{wrong} Again: "
    return answer


def check_table(client: Any, cloudformation: Any, stack: str, name: str) -> None:
    """Raise unless the kept table is there, is one of ours, and no other stack has it."""
    wanted = TEMPLATE["Resources"]["SyncTable"]["Properties"]
    try:
        table = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        raise NotDeployed(f"EXISTING_TABLE: there is no table {name} in this account and region.") from None
    indexes = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())}
    if table["KeySchema"] != wanted["KeySchema"] or indexes != {
        index["IndexName"] for index in wanted["GlobalSecondaryIndexes"]
    }:
        raise NotDeployed(f"EXISTING_TABLE: {name} is not a table of this product.")
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for other in page["Stacks"]:
            tables = [
                output["OutputValue"]
                for output in other.get("Outputs", ())
                if output["OutputKey"] == "TableName"
            ]
            if name in tables and other["StackName"] != stack:
                raise NotDeployed(
                    f"EXISTING_TABLE: the stack {other['StackName']} works with {name}; delete that one first."
                )


def look_into(name: str, table: Table) -> KeptTable:
    """What a kept table says of the stack that had it."""
    measured, store = gauges(table), Store(table)
    partner = store.partner().stage
    stages = [stage for _, stage in store.stages()] + ([partner.value] if partner else [])
    return KeptTable(name, measured.value.zone if measured else "", any(stage.live for stage in stages))


def listening(sns: Any, topic: str, stack: str) -> list[str]:
    """What to say about who hears the alarms."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    subscriptions = [each for page in pages for each in page["Subscriptions"]]
    if not subscriptions:
        command = f"make deploy STACK={stack} ALARM_EMAIL=you@example.com"
        return [f"NOBODY WILL BE TOLD when an alarm rings. Say who is: {command}"]
    return [
        f'{each["Endpoint"]} hears of alarms only once the message "AWS Notification - Subscription Confirmation" is confirmed.'
        for each in subscriptions
        if each["SubscriptionArn"] == "PendingConfirmation"
    ]


def sam_command(stack: str, region: str, parameters: Path | None) -> list[str]:
    """The call of the SAM CLI, with a file of parameters. One that is not in it keeps the value that the stack has.

    SAM reads nothing but our own files: `sam deploy --guided` leaves parameters and a profile in samconfig.toml, which would be another stack's.
    """
    command = [str(SAM), "deploy", "--config-file", str(SAM_OPTIONS), "--stack-name", stack]
    command += ["--s3-prefix", stack, "--region", region]
    if parameters is not None:
        command += ["--parameter-overrides", f"file://{parameters}"]
    return command


def parameter_file(parameters: Mapping[str, str]) -> str:
    """The text of a file (TOML) by which SAM takes exactly these values.

    Words of the command line SAM takes apart at quotes and backslashes. Of a file's values it takes, twice, one backslash away before each quote
    and space, so each of these gets two.
    """
    return "".join(f'{name} = "{_toml(_for_sam(_for_sam(value)))}"\n' for name, value in parameters.items())


def _for_sam(value: str) -> str:
    return re.sub(r"""([ "'])""", r"\\\1", value)


def _toml(text: str) -> str:
    """As it stands between the quotes of a basic string of TOML."""
    return "".join(each if each.isascii() and each.isalnum() else f"\\U{ord(each):08X}" for each in text)


def sam_deploy(
    stack: str, region: str, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> bool:
    """Whether SAM could deploy the stack with these parameters; none: it keeps all that it has."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "parameters.toml") if parameters else None
        if file is not None:
            file.write_text(parameter_file(parameters), encoding="utf-8")
        command = sam_command(stack, region, file)
        return not subprocess.run(command, cwd=ROOT, env=dict(environment), check=False).returncode


def make_build(environment: Mapping[str, str]) -> bool:
    """Whether `make build` could build."""
    command = ["make", "--no-print-directory", "build"]
    return not subprocess.run(command, cwd=ROOT, env=dict(environment), check=False).returncode


def deploy(
    stack: str,
    environment: Mapping[str, str],
    ask: Ask | None,
    say: Callable[[str], None],
    folder: Path = KEPT,
    build: Callable[[Mapping[str, str]], bool] = make_build,
    said: Collection[str] = (),
) -> None:
    """Build and deploy a stack; where it is stays noted in ``folder``. Raises :class:`NotDeployed`.

    ``said``: the variables of the environment that stand on make's command line.
    """
    check_name(stack)
    kept = folder / f"{stack}.toml"
    told = given(environment, said)
    before = noted_place(kept)
    session = boto3.Session(region_name=environment.get("AWS_REGION") or None)
    if not session.region_name and before:
        session = boto3.Session(region_name=before.region)
    if not session.region_name:
        raise NotDeployed(
            "Which AWS region? Set AWS_REGION, or a region in the profile that AWS_PROFILE names."
        )
    here = Place(session.client("sts").get_caller_identity()["Account"], session.region_name)
    check_place(stack, here, kept)
    cloudformation = session.client("cloudformation")
    existing = existing_parameters(cloudformation, stack)
    table = None
    counts = told if existing is not None else {name: one for name, one in told.items() if one.said}
    if "ExistingTableName" in counts and (name := counts["ExistingTableName"].value):
        dynamodb = session.client("dynamodb")
        check_table(dynamodb, cloudformation, stack, name)
        table = look_into(name, DynamoTable(dynamodb, name))
    if existing is None:
        counts = said_of_new(told, stack, ask, say, table)
    parameters = overrides(existing, counts, ask, table)
    say(
        f"{'Updating' if existing is not None else 'Making'} {stack} in account {here.account}, {here.region}."
    )
    for line in shown(existing, parameters):
        say(line)
    if table is not None:
        say(f"  Table: {table.words}")

    clean = {name: value for name, value in environment.items() if name != "MAKEFLAGS"}
    if not build(clean):
        raise NotDeployed("The build failed.")
    if environment.get("BYTECODE") != "none" and bytecode.missing(bytecode.ARTIFACT, bytecode.runtime()):
        raise NotDeployed(
            "Without bytecode nothing is deployed, unless you say so: make deploy BYTECODE=none"
        )
    if not sam_deploy(stack, here.region, parameters, clean):
        raise NotDeployed("SAM did not deploy it; its words are above.")
    note_place(stack, here, kept)

    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    if existing is None:
        say("What comes next:")
        say(f"  export TIMUS_AUTOTASK_STACK={stack} AWS_REGION={here.region}")
        say("  .venv/bin/timus-autotask setup")
    for words in listening(session.client("sns"), outputs["AlarmTopicArn"], stack):
        say(words)


def existing_parameters(cloudformation: Any, stack: str) -> dict[str, str] | None:
    """The stack's parameters; None: there is no such stack. Raises :class:`NotDeployed` for one that cannot be updated."""
    try:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    status = described["StackStatus"]
    if status == "REVIEW_IN_PROGRESS":  # a first deployment that ended before it began
        return None
    if status.startswith(("ROLLBACK_", "DELETE_")):
        raise NotDeployed(
            f"The stack {stack} is {status}: it was never finished or is being deleted. Delete it (its table is kept), then deploy "
            f"again: aws cloudformation delete-stack --stack-name {stack}"
        )
    return {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())}


def main() -> int:
    """Run ``python -m local.deploy STACK``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.deploy", description=__doc__.splitlines()[0])
    parser.add_argument("stack")
    parser.add_argument(
        "--said", default="", metavar="NAMES", help="variables that stand on make's command line"
    )
    options = parser.parse_args()
    ask = input if sys.stdin.isatty() else None
    try:
        said = options.said.split()
        deploy(options.stack, os.environ, ask, lambda text: print(text, flush=True), said=said)
    except NotDeployed as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS cannot be asked: {error} Set AWS_PROFILE and AWS_REGION.", file=sys.stderr)
        return 3
    except (KeyboardInterrupt, EOFError):
        print("\nNothing was deployed.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
