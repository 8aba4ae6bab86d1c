"""Use cases: find out whether an Autotask API user works, keep it, and go on where the one before was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Any, Protocol

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Progress, act_unseen, or_not_done, quiet, rehearse, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Senseless, Way
from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, NotConfigured, Rejected
from timus_autotask.ports.psa import Psa, Threshold
from timus_autotask.ports.secrets import CACHED, Credentials
from timus_autotask.store.contracts import put_contract_state
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.keys import id_of
from timus_autotask.store.partner import Circuit, put_circuit
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import CREDENTIALS_PAUSE
from timus_autotask.watch.forms import adjustments_form
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.rehearsal import NotAnswered


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """What was found out about an API user."""

    rejected: Rejected | None
    """None: it works."""
    message: str
    """What was found, in one sentence, with Autotask's own message."""
    remedy: str = ""
    """What a person can do about it; ``""`` when it works."""
    zone: str = ""
    """Address of the tenant; ``""`` when it is not known."""
    allowance: Threshold | None = None
    """How much of the tenant's request allowance is used; None when Autotask does not tell."""
    ways: tuple[Way, ...] = ()
    """What else would help."""

    @property
    def works(self) -> bool:
        """Whether the credentials may be kept."""
        return self.rejected is None

    def to_json(self, username: str) -> dict[str, Any]:
        """Of an API user that is not kept, for programs."""
        return {"username": username, "stored": False, "rejected": self.rejected}


@dataclass(frozen=True, slots=True)
class ApiUserOffered:
    """An API user that works, or is not asked about, and what comes of storing it."""

    username: str
    zone: str | None
    """Address of the tenant; None: Autotask was not asked."""
    waits: Preview
    """What workers adjust at once when they can sign in."""
    stored: bool = False
    resumes_at: datetime | None = None
    """When workers go on, if Autotask is left alone just now."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "username": self.username,
            "zone": self.zone,
            "stored": self.stored,
            "resumes_at": self.resumes_at,
            **adjustments_form(self.waits),
        }


def try_once(
    deployment: Deployment, given: Credentials, autotask: Psa, *, again: bool = False
) -> CredentialsCheck:
    """Sign in with what a person gives. What was refused within a day is not tried a second time, unless ``again``.

    A script that runs over and over with a wrong secret would lock the API user. Raises ``RetryLater`` like ``check_credentials``.
    """
    ports, user = deployment.ports, given.fingerprint
    at = ports.store.circuit().value.refused.get(user)
    if at is not None and not again and ports.clock.now() < at + REFUSED_FOR:
        found = f"Autotask refused exactly this user name, secret and tracking identifier at {at:%Y-%m-%d %H:%M} UTC"
        return CredentialsCheck(
            Rejected.UNSAID, f"{found}; it is not asked a second time", NOT_TWICE, ways=(Way.TRY_AGAIN,)
        )
    found_out = check_credentials(autotask)
    _remember(ports, user, found_out)
    return found_out


def _remember(ports: Ports, fingerprint: str, found: CredentialsCheck) -> None:
    """Note that an API user was refused, or is let in again."""

    def note() -> None:
        known = ports.store.circuit()
        seen = known.value.without_refused(fingerprint)
        if found.rejected:
            seen = known.value.with_refused(fingerprint, ports.clock.now())
        if seen != known.value:
            ports.store.commit(put_circuit(seen, known.rev))

    update(note)


def check_credentials(autotask: Psa) -> CredentialsCheck:
    """Sign in once, and never again after a refusal: failed logins lock an API user.

    Raises ``RetryLater`` when Autotask cannot be asked just now, so that nothing is known.
    """
    try:
        zone = autotask.sign_in()
    except CredentialsRefused as refused:
        ways = (Way.THEN_TRY_AGAIN,) if refused.rejected is Rejected.PERMISSION else ()
        return CredentialsCheck(refused.rejected, refused.reason, REMEDIES[refused.rejected], ways=ways)
    try:
        allowance = autotask.threshold()
    except AutotaskError:
        allowance = None
    return CredentialsCheck(None, f"Autotask knows the API user at {zone}", zone=zone, allowance=allowance)


LEVELS = "Admin > Organization Settings & Users > Resources/Users (HR) > Security > Security Levels"
"""Where Autotask keeps what users may do.
https://autotask.net/help/Content/4_Admin/1CompanySettings_Users/ResourcesUsersHR/Security/Create_Edit_Custom_Security_Level.htm"""
REFUSED_FOR = timedelta(days=1)
"""How long a refused API user is not tried a second time by itself."""
OTHERS_STORED = "Other credentials were stored"
"""So the reason begins for which Autotask is left alone until workers have them."""
NOT_TWICE = "Correct one of the three."

# Where the fields are: https://autotask.net/help/content/4_admin/1CompanySettings_Users/ResourcesUsersHR/Resources/API_User_Add_Edit.htm
REMEDIES: Mapping[Rejected, str] = {
    Rejected.USER_NAME: "Copy the user name again from the API user's page in Autotask (Username/Key).",
    Rejected.SECRET: "Generate a new secret on the API user's page in Autotask. If the secret is right, check the tracking "
    "identifier too: Autotask may answer the same to a wrong one.",
    Rejected.TRACKING_IDENTIFIER: "Copy the tracking identifier again from the API user's page in Autotask (27 characters). Only "
    "the one that is chosen there is accepted.",
    Rejected.BLOCKED: "On the API user's page in Autotask, tick Active, clear Locked, and choose the security level API User "
    "(system) or a copy of it.",
    Rejected.PERMISSION: f"In Autotask, {LEVELS}, let the API user's level view all contracts, or choose API User (system).",
    Rejected.UNSAID: "Autotask does not say what is wrong with it. Check the tracking identifier first, then the user name, and "
    "whether the API user is active and not locked.",
}
"""What a person can do, by what is not accepted."""


def is_stored(deployment: Deployment) -> bool:
    """Whether somebody has set an API user."""
    try:
        deployment.secrets.autotask_credentials()
    except NotConfigured:
        return False
    return True


def what_waits(deployment: Deployment, autotask: Psa | None, on_progress: Progress = quiet) -> Preview:
    """What workers would adjust at once when they can sign in (as ``autotask`` is): everything that waits for it.

    None: Autotask is not to be asked. Raises :class:`NotDone` when something waits and cannot be shown.
    """
    ports = deployment.ports

    def act(rehearsed: Ports) -> None:
        store, now = rehearsed.store, rehearsed.clock.now()
        known = store.circuit()
        if known.value.open(now):
            store.commit(put_circuit(Circuit(), known.rev))
        for state, due_at in store.contract_states():
            if state.trouble or state.generation != state.converged or (due_at or inf) <= now.timestamp():
                store.commit(wake_contract(state.contract_id, rehearsed))
        wake({id_of(one.key) for one in store.due() if waits_in_inbox(one)}, rehearsed)

    if autotask is None:
        act_unseen(deployment, act, NotAnswered(AutotaskError("it is not to be asked")), Way.ASK_AUTOTASK)
        return Preview()
    asked = replace(deployment, ports=replace(ports, autotask=lambda: autotask))
    with or_not_done():
        return rehearse(asked, act, on_progress).preview


def store_credentials(deployment: Deployment, given: Credentials, by: str, command: str) -> datetime | None:
    """Keep an API user, and record who did, by which command. Returns when workers go on, if Autotask is left alone just now."""
    deployment.store_credentials(given)
    ports = deployment.ports
    ports.store.commit(put_decision(new_decision(command, (), by, f"API user {given.username}", ports)))
    now, circuit = ports.clock.now(), ports.store.circuit().value
    until = circuit.open_until
    if until is None or not circuit.open(now):
        return None
    if not circuit.credentials:
        return until  # Autotask is away, or another one was stored a moment ago
    # The pause began when they were refused. What a worker had read by then, it forgets CACHED later.
    resumes_at = max(now, min(until, until - CREDENTIALS_PAUSE + CACHED))
    let_workers_go_on(
        ports,
        resumes_at,
        f"{OTHERS_STORED} at {now:%H:%M} UTC. They are tried from {resumes_at:%H:%M} UTC on, automatically.",
    )
    return resumes_at


class Stores(Protocol):
    """Whoever sets an API user."""

    def stores(self, waits: Preview, look: Callable[[], Preview]) -> bool:
        """Whether the API user is stored. All of this waits for it, and is adjusted then.

        ``look`` finds out once more what waits: it may be something else by the time a person has answered.
        """
        ...


def set_credentials(
    deployment: Deployment,
    given: Credentials,
    by: str,
    who: Stores,
    *,
    again: bool = False,
    unchecked: bool = False,
    on_let_in: Callable[[CredentialsCheck], None] = lambda _found: None,
    on_progress: Progress = quiet,
) -> ApiUserOffered | CredentialsCheck:
    """Store an API user, once it was shown what waits for it. Of one that is not let in: what was found; it is not stored.

    ``again`` as in ``try_once``. ``unchecked``: without asking Autotask. ``on_let_in`` gets what Autotask said, before the rest is read.
    Raises :class:`Senseless` for what no header can carry, ``AutotaskError`` when Autotask cannot be asked, and :class:`NotDone` where it
    cannot be shown what waits.
    """
    try:
        autotask = deployment.autotask_as(given)
    except ValueError as error:
        raise Senseless(f"{error}; nothing was stored.") from None
    zone = None
    if not unchecked:
        found = try_once(deployment, given, autotask, again=again)
        if not found.works:
            return found
        on_let_in(found)
        zone = found.zone
    look = partial(what_waits, deployment, None if unchecked else autotask, on_progress)
    waits = look()
    offered = ApiUserOffered(given.username, zone, waits)
    if not who.stores(waits, look):
        return offered
    resumes_at = store_credentials(deployment, given, by, "credentials set")
    return replace(offered, stored=True, resumes_at=resumes_at)


def let_workers_go_on(ports: Ports, resumes_at: datetime, message: str) -> None:
    """End the pause after refused credentials then, for every contract that could not be looked at.

    ``message``: what people read until then in place of the refusal, which is over and asks nothing of them any more.
    """
    refusal = ports.store.circuit().value.reason
    update(partial(_close_circuit, resumes_at, message, ports))
    for state, _ in ports.store.contract_states():
        if state.trouble:
            update(partial(_look_sooner, state.contract_id, resumes_at, refusal, message, ports))


def _close_circuit(resumes_at: datetime, message: str, ports: Ports) -> None:
    known = ports.store.circuit()
    over = replace(known.value, open_until=resumes_at, reason=message, credentials=False)
    ports.store.commit(put_circuit(over, known.rev))


def _look_sooner(contract_id: int, resumes_at: datetime, refusal: str, message: str, ports: Ports) -> None:
    """Let a contract that could not be looked at be due then, unless a worker is at it already."""
    state = ports.store.contract(contract_id).state
    if state.value.trouble and not state.value.leased(ports.clock.now()):
        waited = state.value.trouble == refusal or state.value.generation != state.value.converged
        known = replace(state.value, trouble=message) if waited else state.value
        ports.store.commit(put_contract_state(known, state.rev, resumes_at))
