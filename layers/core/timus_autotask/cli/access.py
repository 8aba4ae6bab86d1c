"""``credentials``, ``webhook`` and ``send``: who we are to Autotask, and how Timus reaches us."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from timus_autotask.bootstrap import webhook_at
from timus_autotask.cli.failure import UNREACHABLE, USAGE, WAYS, Failed
from timus_autotask.cli.files import read
from timus_autotask.cli.proposing import operator, progress, shown_first
from timus_autotask.cli.terminal import Terminal
from timus_autotask.operate.credentials import CredentialsCheck, set_credentials
from timus_autotask.operate.deployment import Deployment, NotDelivered
from timus_autotask.operate.registration import registration
from timus_autotask.operate.sending import Sending, require_event, signed, what_follows, with_field
from timus_autotask.ports.clock import SystemClock
from timus_autotask.ports.errors import AutotaskError
from timus_autotask.ports.secrets import Credentials
from timus_autotask.watch.preview import Preview


def credentials_set(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Check the API user against its zone, then keep it."""
    given = credentials_given(deployment, arguments, terminal)
    try:
        found = set_credentials(
            deployment,
            given,
            operator(arguments),
            StoresWhenAgreed(arguments, terminal),
            again=arguments.try_again,
            unchecked=arguments.unchecked,
            on_let_in=lambda let_in: _say_let_in(given, let_in, terminal),
            on_progress=progress(terminal),
        )
    except AutotaskError as error:
        raise Failed(
            f"Autotask cannot be asked just now ({error}); nothing was stored. Try again in a minute, or store "
            "without asking: --unchecked."
        ) from error
    if isinstance(found, CredentialsCheck):
        help_ = " ".join([found.remedy, *(WAYS[way] for way in found.ways)])
        raise Failed(f"{found.message}; nothing was stored. {help_}", result=found.to_json(given.username))
    if found.stored:
        terminal.say("The credentials are stored.", style="green")
        if found.resumes_at and found.resumes_at > deployment.clock.now():
            terminal.say(
                f"Workers may still hold the ones before; changes go on at {found.resumes_at:%H:%M} UTC."
            )
    return found.to_json()


def _say_let_in(given: Credentials, found: CredentialsCheck, terminal: Terminal) -> None:
    used = found.allowance
    calls = f"{used.used} of {used.limit} requests of this hour are used" if used else ""
    terminal.say(
        f"Autotask knows {given.username} at {found.zone}; {calls or 'it does not say how much it was asked'}."
    )


@dataclass(frozen=True, slots=True)
class StoresWhenAgreed:
    """Whoever sets an API user at the terminal: is shown what waits for it, and says whether it is stored."""

    arguments: Namespace
    terminal: Terminal

    def stores(self, waits: Preview, look: Callable[[], Preview]) -> bool:
        """Whether it is; nothing is asked where nothing waits."""
        question = "All of this waits for it. Store the API user?"
        return shown_first(waits, look, self.arguments, self.terminal, question)


def credentials_given(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> Credentials:
    """The API user of the options, else of the environment, else of a person who is asked.

    Of a registered integration vendor the stack knows the tracking identifier; then two values are needed, else three.
    """
    code = arguments.integration_code or os.environ.get("AUTOTASK_INTEGRATION_CODE") or deployment.vendor_code
    return Credentials(
        username=_given(arguments.username, "AUTOTASK_USERNAME", "Username (Key)", terminal),
        secret=_given(arguments.secret, "AUTOTASK_SECRET", "Password (Secret), not shown", terminal),
        integration_code=_given(code, "AUTOTASK_INTEGRATION_CODE", "API tracking identifier", terminal),
    )


def any_given(arguments: Namespace) -> bool:
    """Whether an option or the environment names an API user."""
    options = (arguments.username, arguments.secret, arguments.integration_code)
    variables = ("AUTOTASK_USERNAME", "AUTOTASK_SECRET", "AUTOTASK_INTEGRATION_CODE")
    return any(options) or any(os.environ.get(name) for name in variables)


def _given(option: str | None, variable: str, question: str, terminal: Terminal) -> str:
    value = option or os.environ.get(variable, "")
    if value:
        return value
    value = terminal.ask(question, hidden=variable.endswith("SECRET"))
    if not value:
        name = "--" + variable.removeprefix("AUTOTASK_").lower().replace("_", "-")
        raise Failed(f"{variable} is missing: set it, or give {name}.", USAGE)
    return value


def webhook_show(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What to register in Timus."""
    found = registration(deployment)
    terminal.say(
        f"URL     {found.url}",
        f"Secret  {found.secret or 'the current one cannot be used: timus-autotask doctor'}",
    )
    if found.previous:
        terminal.say(f"{found.previous} earlier secrets are accepted too.")
    if found.malformed:
        terminal.say(
            f"{found.malformed} of the stored values cannot be used: each must be the base64 of 24 to 64 bytes."
        )
    return found.to_json()


def send(find: Callable[[], Deployment], arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Sign a file and send it, as Timus would. The stack is only asked for what is not given."""
    body = read(arguments.file)
    for order in arguments.set or ():
        body = with_field(body, *_field(order))
    require_event(body)
    elsewhere = arguments.url or os.environ.get("TIMUS_WEBHOOK_URL")
    url = elsewhere or find().webhook_url
    secret = arguments.secret or os.environ.get("TIMUS_WEBHOOK_SECRET") or find().secrets.webhook_secrets()[0]
    at = arguments.timestamp if arguments.timestamp is not None else SystemClock().now()
    event = signed(body, secret, at, arguments.id or "")
    own = _whose(find, elsewhere) if elsewhere else find()
    look = partial(what_follows, own, event) if own else Preview
    preview = look()
    if own is None:
        terminal.say(f"What follows is not shown: {url} is not known to be this stack's webhook.")
    if not shown_first(preview, look, arguments, terminal, f"Send {event.id}?"):
        return Sending(event.id, url, preview).to_json()
    try:
        sent = event.send(webhook_at(url))
    except NotDelivered as error:
        raise Failed(f"{url} does not answer: {error}", UNREACHABLE) from error
    terminal.say(f"{event.id}: {sent.status} {sent.answer}")
    result = Sending(event.id, url, preview, sent).to_json()
    if not sent.accepted:
        raise Failed(f"The event was not accepted: {sent.status}.", result=result)
    return result


def _whose(find: Callable[[], Deployment], url: str) -> Deployment | None:
    """The stack, if the address is its webhook; None: it is another's, or there is no stack to ask."""
    try:
        deployment = find()
    except Failed:
        return None
    return deployment if deployment.webhook_url.rstrip("/") == url.rstrip("/") else None


def _field(order: str) -> tuple[list[str], Any]:
    """The path and the value of ``data.subscription.items.0.quantity=30``; a value is JSON, or else a text."""
    path, equals, text = order.partition("=")
    if not equals:
        raise Failed(f"--set {order}: write FIELD=VALUE.", USAGE)
    try:
        return path.split("."), json.loads(text)
    except ValueError:
        return path.split("."), text
