"""``setup``, a guided first run, and ``doctor``, which makes the same checks and more at any later time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from timus_autotask.cli.access import StoresWhenAgreed, any_given, credentials_given
from timus_autotask.cli.failure import REFUSED, Failed, NoSuchStack
from timus_autotask.cli.proposing import operator
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.enabling import (
    check_stack,
    look_at_everything,
    look_at_needs,
    send_test_event,
    set_up_api_user,
)
from timus_autotask.operate.registration import registration
from timus_autotask.ports.errors import NotConfigured
from timus_autotask.ports.secrets import Credentials
from timus_autotask.watch.check import CheckResult, CheckVerdict, worst
from timus_autotask.watch.forms import checks_form, setup_form
from timus_autotask.watch.gauges import last_webhook
from timus_autotask.watch.remedy import ways

LABEL, NAME = 7, 24
"""Columns of a verdict and of a check's name."""

NEXT = (
    ("see which company, contract and service every customer and SKU may be", "timus-autotask map suggest"),
    ("accept or change each with one keystroke", "timus-autotask map review"),
    ("see what would be adjusted, with an estimate in money", "timus-autotask preview"),
    ("let changes reach Autotask, once all of it is right", "timus-autotask go-live"),
    ("see at any time whether all of this still holds", "timus-autotask doctor"),
)
"""What a person does after it, with the command."""


class Finds(Protocol):
    """Finds the stack that was named, or another one."""

    def __call__(self, stack: str = "") -> Deployment: ...


@dataclass
class Shown:
    """The checks so far, each shown as soon as it is made."""

    terminal: Terminal
    checks: list[CheckResult] = field(default_factory=list)

    def add(self, *checks: CheckResult) -> None:
        """Show them and keep them."""
        for check in checks:
            self.checks.append(check)
            style = {CheckVerdict.WARN: "yellow", CheckVerdict.WRONG: "red"}.get(check.verdict, "")
            label = f"{check.verdict.value:<{LABEL}}{check.name:<{NAME}}"
            self.terminal.say(f"{label}{check.found}", style=style, hanging=LABEL + NAME)
            for way in ways(check.remedy):
                self.terminal.say(f"{'':<{LABEL}}→ {way}", hanging=2)

    def add_each(self, checks: Iterable[CheckResult]) -> None:
        """Show and keep each when it comes."""
        for check in checks:
            self.add(check)

    def result(self, form: dict[str, Any]) -> dict[str, Any]:
        """All of them for programs, in this form. Raises ``Failed`` if something is wrong."""
        wrong = sum(check.verdict is CheckVerdict.WRONG for check in self.checks)
        if wrong:
            raise Failed(f"{wrong} of {len(self.checks)} checks found something wrong.", REFUSED, result=form)
        return form


def setup(finds: Finds, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Check what a stack needs, one step after the other, and ask for what is missing."""
    if arguments.yes:
        terminal = replace(terminal, interactive=False)
    shown = Shown(terminal)
    deployment = _stack(finds, terminal)
    arguments.caller = deployment.caller
    shown.add(check_stack(deployment))
    given = credentials_given(deployment, arguments, terminal) if any_given(arguments) else None
    who = _SetsUp(arguments, terminal, deployment)
    found = set_up_api_user(deployment, given, operator(arguments), who, again=arguments.try_again)
    shown.add(found.user.check)
    shown.add_each(look_at_needs(deployment, found.user))
    _register(deployment, terminal)
    if not arguments.no_test_event:
        with terminal.while_busy("A test event is sent …"):
            taken_in = send_test_event(deployment, terminal.busy)
        shown.add(taken_in)
    steps = NEXT if worst(shown.checks) is not CheckVerdict.WRONG else ()
    if steps:
        terminal.say("", "What comes next:")
    for what, command in steps:
        terminal.say(f"  {what}:")
        terminal.say(Whole(f"    {command}"))
    return shown.result(setup_form(shown.checks, found.waits, deployment.webhook_url, steps))


def doctor(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """The checks of the first run, and how everything goes since."""
    shown = Shown(terminal)
    with terminal.while_busy("It is looked at …"):
        for check in look_at_everything(deployment):
            terminal.busy("", done=True)
            shown.add(check)
            terminal.busy(f"{len(shown.checks)} checks are made …")
    form = shown.result(checks_form(shown.checks))
    warned = sum(check.verdict is CheckVerdict.WARN for check in shown.checks)
    if warned and arguments.strict:
        raise Failed(f"{warned} of {len(shown.checks)} checks found something to know.", REFUSED, result=form)
    terminal.say("", "Nothing is wrong." if warned else "All is well.", style="green")
    return form


def _stack(finds: Finds, terminal: Terminal) -> Deployment:
    """The stack that was named; where there is none, the one of ours that a person chooses."""
    try:
        return finds()
    except NoSuchStack as missing:
        if not terminal.asks or not missing.stacks:
            raise
        terminal.say(str(missing))
        while chosen := terminal.ask(f"Which one ({', '.join(missing.stacks)})"):
            if chosen in missing.stacks:
                return finds(chosen)
            terminal.say(f"{chosen} is none of them. Enter ends it.")
        raise


@dataclass(frozen=True, slots=True)
class _SetsUp(StoresWhenAgreed):
    """A person at the terminal who sets a stack up."""

    deployment: Deployment

    @property
    def can_be_asked(self) -> bool:
        return self.terminal.asks

    def api_user(self, refused: CheckResult | None) -> Credentials:
        if refused is not None:
            self.terminal.say(
                f"The API user that is stored: {refused.found}. {refused.remedy}", style="yellow"
            )
        self.terminal.say(
            "The API user, as its page in Autotask shows it: Admin > Organization Settings & Users > Resources/Users (HR) > "
            "Resources/Users > New > New API User, security level API User (system)."
            + (
                " Choose the integration vendor there."
                if self.deployment.vendor_code
                else " Custom (Internal Integration)."
            )
        )
        return credentials_given(self.deployment, self.arguments, self.terminal)


def _register(deployment: Deployment, terminal: Terminal) -> None:
    """What to register in Timus: shown to a person, until Timus has sent something."""
    last = last_webhook(deployment.store)
    if last is not None:
        terminal.say(
            f"Timus has sent webhooks, the last one at {last:%Y-%m-%d %H:%M} UTC. What is registered there: "
            "timus-autotask webhook show"
        )
        return
    if not terminal.asks:
        terminal.say("What to register in Timus: timus-autotask webhook show")
        return
    try:
        found = registration(deployment)
    except NotConfigured:
        return
    if found.secret is None:  # a check has said so
        return
    terminal.say("Register this in Timus (later: timus-autotask webhook show):")
    terminal.say(Whole(f"  URL     {found.url}"), Whole(f"  Secret  {found.secret}"))
