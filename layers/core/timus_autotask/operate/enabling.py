"""Use cases: what a stack needs before it can work, looked at one by one. Nothing is changed in Autotask.

The checks serve ``setup`` at the first run and ``doctor`` at any time after.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from timus_autotask.operate.credentials import (
    LEVELS,
    CredentialsCheck,
    Stores,
    is_stored,
    let_workers_go_on,
    store_credentials,
    try_once,
    what_waits,
)
from timus_autotask.operate.deployment import Deployment, NotDelivered
from timus_autotask.operate.refusal import Senseless, Way
from timus_autotask.ports.errors import (
    AutotaskError,
    CredentialsRefused,
    NotConfigured,
    Rejected,
    RetryLater,
)
from timus_autotask.ports.psa import Access, Psa, RecordKind, Threshold
from timus_autotask.ports.secrets import Credentials
from timus_autotask.store.inbox import FROM_SETUP, NOBODY, delivery_key
from timus_autotask.store.keys import inbox_key
from timus_autotask.store.partner import Circuit
from timus_autotask.store.records import Store
from timus_autotask.sync.worker import note_failure
from timus_autotask.timus.rendering import render_test
from timus_autotask.timus.signatures import SecretMalformed, malformed, sign
from timus_autotask.watch.check import CheckResult, CheckVerdict
from timus_autotask.watch.health import check_health
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.remedy import CheckWay
from timus_autotask.watch.wording import counted

OK, WARN, WRONG = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.WRONG

ACTIVITY = "Admin > Extensions & Integrations > Other Extensions & Tools > API Activity by Hour"
"""Where Autotask shows which integration makes how many requests.
https://autotask.net/help/content/4_Admin/5ExtensionsIntegrations/OtherExtensionsTools/API_Activity_by_Hour.htm"""

SLOWER, SLOWEST = 50, 75
"""Percent of the allowance from which on Autotask delays each request by half a second, and by a second
(https://autotask.net/help/developerhelp/Content/APIs/REST/General_Topics/REST_Thresholds_Limits.htm)."""
LOOKED_EACH = 1.0
"""Seconds between two looks for the test event."""
WORKER_TAKES = timedelta(seconds=150)
"""How long after the quiet period the test event should be merged at the latest: the wake-up was lost, its event is due a minute
later, the sweep comes within another, and its cold start takes some seconds."""


# -- The stack


def check_stack(deployment: Deployment) -> CheckResult:
    """Where the stack is, which others of ours are there, and whether its last deployment was finished."""
    place = deployment.place
    others = [name for name in deployment.stacks() if name != deployment.stack]
    found = f"{deployment.stack} in {place.region}, account {place.account}"
    if others:
        found += f" (of ours there are also {', '.join(others)})"
    if place.settled:
        return CheckResult("stack", found, way=CheckWay.CHOOSE_STACK if others else None)
    unsettled = f"{found}: {place.status}"
    return CheckResult("stack", unsettled, WARN, way=CheckWay.DEPLOY_AGAIN, facts={"stack": deployment.stack})


def check_time_zone(deployment: Deployment, autotask: Psa | None = None) -> CheckResult:
    """By which days the stack bills, said aloud: everything else follows from them. Compared with Autotask's where that says it."""
    now, zone = deployment.clock.now(), deployment.zone
    found = f"{zone.key}: it is {now.astimezone(zone):%Y-%m-%d %H:%M} there, and a change is billed from the day that it is there"
    theirs = _zone_of_autotask(autotask) if autotask else ""
    change = {"stack": deployment.stack, "zone": theirs or "AREA/CITY"}
    if not theirs:
        unsaid = f"{found}. Autotask does not say which it uses"
        return (
            CheckResult("time zone", unsaid, WARN, way=CheckWay.CORRECT_ZONE, facts=change)
            if zone.key == "UTC"
            else CheckResult("time zone", unsaid)
        )
    if _same_days(zone, ZoneInfo(theirs), now):
        return CheckResult("time zone", f"{found}, as in Autotask's default internal location")
    return CheckResult(
        "time zone",
        f"{found}. Autotask's default internal location is in {theirs}, where the day changes at another time",
        WARN,
        way=CheckWay.CORRECT_ZONE,
        facts=change,
    )


def _zone_of_autotask(autotask: Psa) -> str:
    try:
        return autotask.time_zone()
    except AutotaskError:
        return ""


def _same_days(one: ZoneInfo, other: ZoneInfo, now: datetime) -> bool:
    """Whether days begin at the same time in both, in all of the coming year."""
    moments = [now + timedelta(days=day) for day in range(366)]
    return all(one.utcoffset(m.astimezone(one)) == other.utcoffset(m.astimezone(other)) for m in moments)


# -- The API user


@dataclass(frozen=True, slots=True)
class ApiUser:
    """What was found out about an API user."""

    check: CheckResult
    autotask: Psa | None = None
    """Signed in, perhaps without a permission; None: it does not work, or nobody knows."""
    allowance: Threshold | None = None
    """How much of the tenant's requests are used; None when Autotask does not say."""
    rejected: Rejected | None = None

    @property
    def works(self) -> bool:
        """Whether it may be kept."""
        return self.autotask is not None and self.rejected is None

    def adding(self, clause: str) -> ApiUser:
        """With what became of it, too."""
        return replace(self, check=replace(self.check, found=f"{self.check.found}; {clause}"))


def try_api_user(deployment: Deployment, given: Credentials | None, *, again: bool = False) -> ApiUser:
    """Sign in once with what was given, or with what is stored (None).

    After a refusal of the stored one, nobody asks Autotask for a while, for failed logins lock the API user; ``again`` asks all the
    same, because a person has changed something. Raises ``ValueError`` for what no header can carry, and ``InfrastructureError``.
    """
    try:
        user = given or deployment.secrets.autotask_credentials()
    except NotConfigured:
        return ApiUser(CheckResult("API user", "nobody has set one yet", WRONG, way=CheckWay.SET_UP))
    now, circuit = deployment.clock.now(), deployment.store.partner().circuit.value
    pauses, waits = _pausing(circuit, user, now) if given is None else (False, False)
    if waits and not again:
        return ApiUser(_left_alone(user, circuit), rejected=Rejected.UNSAID)
    try:
        autotask = deployment.autotask_as(user)
        found = try_once(deployment, user, autotask, again=again or given is None)
    except ValueError as error:
        if given is not None:
            raise
        unusable = CheckResult("API user", str(error), WRONG, way=CheckWay.SET_UP)
        return ApiUser(unusable, rejected=Rejected.UNSAID)
    except AutotaskError as error:
        return ApiUser(_away("API user", error))
    if found.rejected:
        if given is None:
            note_failure(deployment.ports, CredentialsRefused(found.message, found.rejected))
        return _rejected(found, autotask)
    later = ""
    if waits:
        message = f"Autotask lets the API user in again since {now:%H:%M} UTC. What waited goes on within a minute, automatically."
        let_workers_go_on(deployment.ports, now, message)
    elif circuit.open(now):
        later = _workers_go_on(circuit, former_refused=pauses)
    let_in = f"{user.username} is let in at {found.zone}{later}"
    return ApiUser(CheckResult("API user", let_in), autotask, found.allowance)


class SetsUp(Stores, Protocol):
    """Whoever sets a stack up."""

    @property
    def can_be_asked(self) -> bool:
        """Whether somebody is there to answer."""
        ...

    def api_user(self, refused: CheckResult | None) -> Credentials:
        """The API user to be used. ``refused``: what is wrong with the one that is stored; None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ApiUserSetUp:
    """The API user that a stack has after it was set up."""

    user: ApiUser
    waits: Preview = field(default_factory=Preview)
    """What waited for it, if it was given just now; otherwise nothing."""


def set_up_api_user(
    deployment: Deployment, given: Credentials | None, by: str, who: SetsUp, *, again: bool = False
) -> ApiUserSetUp:
    """The API user that is given, else the one that is stored, else one that is asked for. Who is not let in is not stored.

    Each is tried once; ``again`` as in ``try_api_user``. Raises :class:`Senseless` for what no header can carry, and :class:`NotDone`
    where it cannot be shown what waits.
    """
    if given is not None:
        return _stored_if_let_in(deployment, given, by, who, again=again)
    refused = None
    if is_stored(deployment) or not who.can_be_asked:
        user = try_api_user(deployment, None, again=again)
        if user.rejected is None or not who.can_be_asked:
            return ApiUserSetUp(user)
        refused = user.check
    return _stored_if_let_in(deployment, who.api_user(refused), by, who, again=again)


def _stored_if_let_in(
    deployment: Deployment, given: Credentials, by: str, who: SetsUp, *, again: bool
) -> ApiUserSetUp:
    try:
        user = try_api_user(deployment, given, again=again)
    except ValueError as error:
        raise Senseless(f"{error}; nothing was stored.") from None
    if user.autotask is None or not user.works:
        return ApiUserSetUp(user.adding("nothing was stored"))
    look = partial(what_waits, deployment, user.autotask)
    waits = look()
    if not who.stores(waits, look):
        return ApiUserSetUp(user.adding("nothing was stored"), waits)
    resumes_at = store_credentials(deployment, given, by, "setup")
    later = f", and workers go on at {resumes_at:%H:%M} UTC" if resumes_at else ""
    return ApiUserSetUp(user.adding(f"it is stored{later}"), waits)


def _workers_go_on(circuit: Circuit, *, former_refused: bool) -> str:
    """When workers ask Autotask again, and why not before."""
    until = f"{circuit.open_until:%H:%M} UTC"
    if former_refused:
        return f"; workers may still hold the one before, who was refused, and go on at {until}"
    return f"; workers go on at {until}: {circuit.reason.rstrip('.')}"


def _rejected(found: CredentialsCheck, autotask: Psa) -> ApiUser:
    """Who is let in, but lacks a permission, can be told about each of them."""
    limited = autotask if found.rejected is Rejected.PERMISSION else None
    way = next((_AT_SETUP[way] for way in found.ways), None)
    check = CheckResult("API user", found.message, WRONG, found.remedy, way)
    return ApiUser(check, limited, rejected=found.rejected)


_AT_SETUP = {Way.TRY_AGAIN: CheckWay.TRY_AGAIN, Way.THEN_TRY_AGAIN: CheckWay.THEN_TRY_AGAIN}
"""``credentials set`` has an option for what a check names a command for."""


def _pausing(circuit: Circuit, user: Credentials, now: datetime) -> tuple[bool, bool]:
    """Whether workers leave Autotask alone because an API user was refused, and whether it was this one.

    What others were refused says nothing about it: somebody has stored it since.
    """
    pauses = circuit.credentials and circuit.open(now)
    return pauses, pauses and (user.fingerprint in circuit.refused or not circuit.refused)


def _left_alone(user: Credentials, circuit: Circuit) -> CheckResult:
    until = f" It is not asked again before {circuit.open_until:%H:%M} UTC." if circuit.open_until else ""
    return CheckResult(
        "API user",
        f"{user.username} was refused: {circuit.reason.rstrip('.')}.{until}",
        WRONG,
        way=CheckWay.CORRECT_API_USER,
    )


def _away(name: str, error: AutotaskError) -> CheckResult:
    return CheckResult(
        name,
        f"Autotask cannot be asked just now ({error})",
        WRONG,
        f"Try again in a minute. If it stays so, see Autotask's status page, and who uses its requests: {ACTIVITY}",
    )


def check_allowance(allowance: Threshold | None, most_percent: int = SLOWEST) -> CheckResult:
    """How much of the tenant's requests are used, by all its integrations together."""
    if allowance is None:
        return CheckResult("call budget", "Autotask does not say how much it was asked")
    found = f"{allowance.used} of {allowance.limit} requests of {allowance.window_minutes} minutes are used, by all integrations together"
    look = f"Autotask shows who uses them: {ACTIVITY}"
    if allowance.percent >= most_percent:
        return CheckResult("call budget", f"{found}; at 100 % Autotask refuses all of them", WRONG, look)
    if allowance.percent >= SLOWER:
        return CheckResult("call budget", f"{found}; Autotask delays each", WARN, look)
    return CheckResult("call budget", found)


# -- What the API user may do


@dataclass(frozen=True, slots=True)
class _Need:
    """A kind of record that the product reads."""

    kind: RecordKind
    read: Callable[[Psa], object]
    """A read of nothing: it finds no record, and is refused where it is not allowed."""
    where: str
    """The setting of the security level that allows it."""


_CONTRACTS = "Contracts, Object Permissions: View All"
# https://autotask.net/help/Content/4_Admin/1CompanySettings_Users/ResourcesUsersHR/Security/Settings_Contract.htm
_NEEDS = (
    _Need(
        RecordKind.COMPANIES,
        lambda autotask: autotask.companies([0]),
        "CRM, Organization & Contact Access: All",
    ),
    _Need(RecordKind.CONTRACTS, lambda autotask: autotask.contracts([0]), _CONTRACTS),
    _Need(RecordKind.CONTRACT_SERVICES, lambda autotask: autotask.contract_services(0), _CONTRACTS),
    _Need(RecordKind.UNITS, lambda autotask: autotask.units_of_contracts([0]), _CONTRACTS),
    _Need(RecordKind.SERVICES, lambda autotask: autotask.service(0), "Inventory and Contracts: services"),
)
_WORDS = {kind: kind.value.replace("-", " ") for kind in RecordKind} | {RecordKind.UNITS: "units of services"}
TICKETS = "Service Desk, Object Permissions: tickets, View All, Add and Edit"


NOTES = "Contracts, Object Permissions: contract notes, View and Add"


def writes_notes(store: Store) -> bool:
    """Whether anybody's terms ask for notes on contracts. Terms that cannot be read are told elsewhere."""
    stored = [store.partner().terms.value, *(terms for _, terms in store.terms())]
    return any(terms.values.get("contract_notes") for terms in stored)


def check_permissions(autotask: Psa, *, tickets: bool = False, notes: bool = False) -> Iterator[CheckResult]:
    """Each permission that is needed, tried one by one; ``tickets`` where alarms open some, ``notes`` where the terms ask for them.

    Reads find nothing. Whether adjustments may be made is asked of Autotask's information on the entity, so none is made.
    """
    tries: list[Callable[[Psa], CheckResult]] = [partial(_reads, need) for need in _NEEDS]
    tries += [_makes_adjustments, _changes_contracts, _sees_costs, _reads_billing_items]
    if tickets:
        tries.append(_opens_tickets)
    if notes:
        tries.append(_writes_notes)
    for attempt in tries:
        try:
            yield attempt(autotask)
        except RetryLater as error:
            yield _away("permissions", error)
            return
        except _Doubtful as doubtful:
            yield doubtful.check
            return


class _Doubtful(Exception):
    """Autotask answered as it does to a wrong secret: nothing more is tried, because failed logins lock the API user."""

    def __init__(self, check: CheckResult) -> None:
        super().__init__(check.found)
        self.check = check


def _reads(need: _Need, autotask: Psa) -> CheckResult:
    records = _WORDS[need.kind]
    name = f"read {records}"
    try:
        need.read(autotask)
    except RetryLater:
        raise
    except AutotaskError as error:
        check = CheckResult(name, f"not allowed: {error}", WRONG, _grant(need.where))
        if isinstance(error, CredentialsRefused) and error.rejected is Rejected.SECRET:
            raise _Doubtful(check) from error
        return check
    if need.kind in (RecordKind.COMPANIES, RecordKind.CONTRACTS) and _access(autotask, need.kind) is False:
        found = f"allowed for some {records} only; Autotask leaves the others out without an error"
        return CheckResult(name, found, WARN, _grant(need.where))
    return CheckResult(name, "allowed")


def _access(autotask: Psa, kind: RecordKind) -> bool | None:
    """Whether all records of a kind can be read; None: Autotask does not say."""
    try:
        return autotask.permissions(kind).read is Access.ALL
    except RetryLater:
        raise
    except AutotaskError:
        return None


def _makes_adjustments(autotask: Psa) -> CheckResult:
    where = _grant("Contracts: Can modify service/bundle selections")
    return _may_create(autotask, RecordKind.ADJUSTMENTS, "make adjustments", "no change can be billed", where)


def _changes_contracts(autotask: Psa) -> CheckResult:
    name, where = "change contracts", _grant("Contracts, Object Permissions: View All and Add")
    try:
        may = autotask.permissions(RecordKind.CONTRACTS).change
    except RetryLater:
        raise
    except AutotaskError as error:
        return CheckResult(name, f"Autotask does not say whether it is allowed: {error}", WARN, where)
    if may is Access.NONE:
        return CheckResult(
            name, "not allowed: no contract can be extended when its subscription is renewed", WARN, where
        )
    return CheckResult(name, "allowed, by Autotask's own account")


def _opens_tickets(autotask: Psa) -> CheckResult:
    found = "alarms open no tickets"
    return _may_create(autotask, RecordKind.TICKETS, "open tickets", found, _grant(TICKETS))


def _writes_notes(autotask: Psa) -> CheckResult:
    found = "no change gets the note that the terms ask for (contract_notes)"
    return _may_create(autotask, RecordKind.CONTRACT_NOTES, "write notes", found, _grant(NOTES))


def _may_create(autotask: Psa, kind: RecordKind, name: str, without: str, where: str) -> CheckResult:
    try:
        may = autotask.permissions(kind).create
    except RetryLater:
        raise
    except AutotaskError as error:
        return CheckResult(name, f"Autotask does not say whether it is allowed: {error}", WARN, where)
    if may is Access.NONE:
        return CheckResult(name, f"not allowed: {without}", WRONG, where)
    return CheckResult(name, "allowed, by Autotask's own account; none was made to find out")


def _sees_costs(autotask: Psa) -> CheckResult:
    name = "see costs"
    try:
        seen = autotask.costs_visible()
    except RetryLater:
        raise
    except AutotaskError as error:
        return CheckResult(name, f"unknown: {error}")
    if seen is None:
        return CheckResult(name, "unknown: the catalogue has no services")
    if seen:
        return CheckResult(name, "allowed")
    return CheckResult(
        name,
        "all costs read as 0: none are set, or the level is API User (system) Can't Read Costs. Billing does not need them",
    )


def _reads_billing_items(autotask: Psa) -> CheckResult:
    name = "read billing items"
    try:
        autotask.billing_items([0], date(1970, 1, 1))
    except RetryLater:
        raise
    except AutotaskError as error:
        found = f"not allowed, so what was posted cannot be explained; billing does not need them: {error}"
        check = CheckResult(name, found, WARN, _grant("let it view billing items"))
        if isinstance(error, CredentialsRefused) and error.rejected is Rejected.SECRET:
            raise _Doubtful(check) from error
        return check
    return CheckResult(name, "allowed")


def _grant(where: str) -> str:
    return f"In Autotask, {LEVELS}, the API user's level, {where}; or choose the level API User (system)"


# -- The way from Timus


def check_webhook(deployment: Deployment) -> CheckResult:
    """Whether there is a secret that webhooks can be signed with."""
    name = "webhook"
    again = partial(CheckResult, name, way=CheckWay.MEND_WEBHOOK, facts={"stack": deployment.stack})
    try:
        found = deployment.secrets.webhook_secrets()
    except NotConfigured as error:
        return again(str(error), WRONG)
    bad = malformed(found)
    if bad:
        return again(f"{bad} of {len(found)} secrets cannot be used", WRONG if malformed(found[:1]) else WARN)
    return CheckResult(name, f"{deployment.webhook_url}, with {counted(len(found), 'secret')}")


def send_test_event(
    deployment: Deployment, on_wait: Callable[[str], None] = lambda _words: None
) -> CheckResult:
    """Sign an event and send it as Timus would, and wait until a worker has taken it in.

    It names no customer and no subscription: it is kept among the events, and makes no customer, changes nothing and is never shown as
    unmapped. Its id tells it from what Timus sends.
    """
    name, clock = "test event", deployment.clock
    event_id = f"{FROM_SETUP}-{random.token_hex(8)}"
    now = clock.now()
    body = render_test(now)
    try:
        [secret, *_] = deployment.secrets.webhook_secrets()
        headers = sign(event_id, int(now.timestamp()), body, secret)
        status, answer = deployment.deliver(headers, body)
    except (NotConfigured, SecretMalformed) as error:
        return CheckResult(name, f"it cannot be signed: {error}", WRONG, "Correct the webhook secret first")
    except NotDelivered as error:
        return CheckResult(
            name,
            f"{deployment.webhook_url} does not answer: {error}",
            WRONG,
            "Look whether this machine reaches the internet, and at the stack's API in API Gateway",
        )
    if status != 202:
        found = f"{deployment.webhook_url} answers {status} {answer}".strip()
        return CheckResult(name, found, WRONG, way=CheckWay.SEE_REFUSED_WEBHOOKS)
    key = delivery_key(event_id, body)
    until = now + timedelta(seconds=deployment.quiet_seconds) + WORKER_TAKES
    while clock.now() <= until:
        if deployment.store.event(NOBODY, key) is not None:
            took = (clock.now() - now).total_seconds()
            return CheckResult(name, f"accepted, stored and taken in by the worker after {took:.0f} seconds")
        on_wait(f"The quiet period is {deployment.quiet_seconds} seconds: waiting for the worker")
        clock.sleep(LOOKED_EACH)
    if deployment.table.get(inbox_key(NOBODY, key)) is None:
        return CheckResult(
            name,
            "it was accepted, and is not in the stack's table",
            WRONG,
            "The webhook address leads to another stack: compare it with the stack's output WebhookUrl",
        )
    return CheckResult(
        name,
        "accepted and stored, and no worker has come for it",
        WRONG,
        way=CheckWay.SEE_FAILURES,
    )


# -- All of it


def look_at_needs(deployment: Deployment, user: ApiUser) -> Iterator[CheckResult]:
    """What a stack needs besides an API user, as far as this one can tell. Nothing is sent to the webhook."""
    if user.autotask is not None:
        notes = writes_notes(deployment.store)
        yield from check_permissions(user.autotask, tickets=deployment.opens_tickets, notes=notes)
        yield check_allowance(user.allowance, deployment.limits.call_budget_percent)
    yield check_time_zone(deployment, user.autotask)
    yield check_webhook(deployment)


def look_at_everything(deployment: Deployment) -> Iterator[CheckResult]:
    """What ``doctor`` looks at: what a stack needs, and how everything goes. Nothing is sent to the webhook."""
    yield check_stack(deployment)
    user = try_api_user(deployment, None)
    yield user.check
    yield from look_at_needs(deployment, user)
    dead = sum(deployment.dead_letters.depth())
    age, limits = deployment.secrets.age(), deployment.limits
    yield from check_health(deployment.ports, deployment.queue.depth(), dead, age, limits, user.autotask)
