"""The composition root: builds each function's handler from its environment, once per sandbox, and an operator's deployment.

The only place that makes clients; the functions' environment is read nowhere else. Imports stand inside the builders, so that a function pays at its cold
start only for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from timus_autotask.ports.clock import Clock, SystemClock
from timus_autotask.ports.errors import NotConfigured, SecretsUnavailable, StackOutOfReach
from timus_autotask.settings import Settings, StackSettings

if TYPE_CHECKING:
    from timus_autotask.autotask.client import Autotask, OnCall
    from timus_autotask.autotask.http import Transport
    from timus_autotask.aws.telemetry import Telemetry
    from timus_autotask.operate.deployment import Deployment
    from timus_autotask.ports.psa import Psa
    from timus_autotask.ports.secrets import Credentials, RefusedUser, Secrets
    from timus_autotask.sync.ports import Ports
    from timus_autotask.sync.receive import ReceivePorts
    from timus_autotask.watch.tickets import TicketDesk


class LambdaContext(Protocol):
    """What a handler uses of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def receive_webhook() -> Handler:
    """The handler behind API Gateway."""
    from timus_autotask.aws.dynamodb import DynamoTable
    from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
    from timus_autotask.aws.sqs import SqsWakeUps
    from timus_autotask.sync.receive import ReceivePorts

    settings, clock, telemetry = Settings.read(os.environ), SystemClock(), _telemetry()
    ports = ReceivePorts(
        table=DynamoTable(_aws("dynamodb"), settings.table_name),
        wake_ups=SqsWakeUps(_aws("sqs"), settings.queue_url),
        secrets=SecretsManagerSecrets(
            _aws("secretsmanager"), settings.webhook_secret_id, settings.autotask_secret_id, clock
        ),
        clock=clock,
        quiet_seconds=settings.quiet_seconds,
        tolerance_seconds=settings.tolerance_seconds,
        on_outcome=telemetry,
    )
    return _counted(receive_handler(ports), telemetry, ports.secrets)


def apply_changes() -> Handler:
    """The handler behind the queue."""
    telemetry = _telemetry()
    ports, _ = _apply_ports(telemetry)
    return _counted(apply_handler(ports), telemetry)


def sweep() -> Handler:
    """The handler behind the schedule."""
    telemetry = _telemetry()
    ports, secrets = _apply_ports(telemetry)
    return _counted(sweep_handler(ports, secrets.age, _ticket_desk()), telemetry)


def reconcile() -> Handler:
    """The handler behind the daily schedule."""
    telemetry = _telemetry()
    ports, _ = _apply_ports(telemetry)
    return _counted(reconcile_handler(ports), telemetry)


def send_digest() -> Handler:
    """The handler behind the digest's schedule."""
    from timus_autotask.aws.sns import SnsMails

    telemetry = _telemetry()
    ports, _ = _apply_ports(telemetry)
    settings = Settings.read(os.environ)
    mails = SnsMails(_aws("sns"), settings.digest_topic_arn)
    handler = digest_handler(ports, mails, settings.stack, timedelta(days=settings.digest_days))
    return _counted(handler, telemetry)


def receive_handler(ports: ReceivePorts) -> Handler:
    """An API Gateway event in, an HTTP answer out."""
    from timus_autotask.sync.receive import receive, request_of, response_of

    def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        return response_of(receive(request_of(event), ports))

    return handler


def apply_handler(ports: Ports) -> Handler:
    """A batch of wake-ups in, the ones to deliver again out.

    Only failures of our own infrastructure, and bugs, deliver a wake-up again; after some tries it is a dead letter. A record that
    cannot be read is neither: what waits for it stays due, and the sweep notes the trouble with its reason and tries it again. A
    customer is handled once a batch, for a wake-up says nothing but whose inbox to look into. One for which no time is left is handed on.
    """
    from timus_autotask.ports.queue import wake_up_of
    from timus_autotask.store.reading import RecordUnreadable
    from timus_autotask.sync.apply import apply_customer
    from timus_autotask.sync.worker import ADJUSTMENT_TAKES

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        deadline = _deadline(context, ports.clock)
        failed: dict[str, bool] = {}
        failures: list[dict[str, str]] = []
        for record in event["Records"]:
            customer_id = None
            try:
                customer_id = wake_up_of(record)
                if customer_id not in failed:
                    failed[customer_id] = True
                    if ports.clock.now() + ADJUSTMENT_TAKES < deadline:
                        apply_customer(customer_id, ports, deadline)
                    else:
                        ports.hand_on(customer_id)
                    failed[customer_id] = False
            except RecordUnreadable as error:
                ports.on_event("failed", error=repr(error), customer=customer_id, body=record.get("body"))
                failed[str(customer_id)] = False
            except Exception as error:  # noqa: BLE001 - whatever it is, the wake-up comes again and the rest goes on
                ports.on_event("failed", error=repr(error), customer=customer_id, body=record.get("body"))
                failures.append({"itemIdentifier": record["messageId"]})
            else:
                if failed.get(customer_id):
                    failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}

    return handler


def sweep_handler(
    ports: Ports,
    secret_age: Callable[[], timedelta | None] = lambda: None,
    desk: TicketDesk | None = None,
) -> Handler:
    """A tick of the schedule in, how much was done out; and how everything is, for metrics and tickets."""
    from timus_autotask.sync.sweep import sweep as do
    from timus_autotask.watch.gauges import report_gauges

    def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        deadline = _deadline(context, ports.clock)
        try:
            return {"looked_at": do(ports, deadline)}
        finally:
            report_gauges(ports, deadline, secret_age)
            if desk is not None:
                _keep_tickets(ports, desk, deadline)

    return handler


def _keep_tickets(ports: Ports, desk: TicketDesk, deadline: datetime) -> None:
    from timus_autotask.watch.tickets import keep_tickets

    try:
        keep_tickets(ports, desk, deadline)
    except Exception as error:  # noqa: BLE001 - it is told, and must not make the sweep's own work look failed
        ports.on_event("failed", error=repr(error), document="tickets")


def reconcile_handler(ports: Ports) -> Handler:
    """A tick of the schedule in, or a person's ``{"now": true, "deep": false}``; how far it came out."""
    from timus_autotask.watch.reconcile import reconcile as do

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        deadline = _deadline(context, ports.clock)
        run = do(ports, deadline, anew=event.get("now") is True, deep=event.get("deep") is True)
        return {
            "run": run.id,
            "finished": run.finished is not None,
            "stopped": run.stopped,
            "contracts": run.contracts,
            "of": run.of,
            "calls": run.calls,
            "found": dict(run.found),
        }

    return handler


MOST_DIGESTED = timedelta(days=31)
"""After a longer silence a digest begins so long before."""


def digest_handler(
    ports: Ports, send: Callable[[str, str], None], stack: str, every: timedelta = timedelta(days=7)
) -> Handler:
    """A tick of the schedule in; an e-mail about what happened since the last one out."""
    from timus_autotask.store.keys import DIGEST
    from timus_autotask.store.runs import SentDigest, put_sent_digest, sent_digest
    from timus_autotask.watch.month.digest import digest
    from timus_autotask.watch.month.digest_text import as_mail

    def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        now, last = ports.clock.now(), sent_digest(ports.table)
        since = max(last.value.at, now - MOST_DIGESTED) if last else now - every
        found = digest(ports, since)
        mail = as_mail(found, stack)
        send(mail.subject, mail.text)
        # Noted only now: should it fail, Lambda calls again, and nothing is left out.
        known = ports.table.get(DIGEST)
        ports.store.commit(put_sent_digest(SentDigest(now), known.rev if known else 0))
        ports.on_event("digest-sent", changes=found.changes, waiting=len(found.waiting))
        return {"since": since.isoformat(), "changes": found.changes, "waiting": len(found.waiting)}

    return handler


def deployment(stack: str) -> Deployment:
    """What an operator's command needs of the stack of this name, found by the standard AWS environment variables.

    Raises :class:`StackOutOfReach`, and :class:`Misconfigured` for a stack that is not ours or not ready.
    """
    from concurrent.futures import ThreadPoolExecutor

    from timus_autotask.autotask.httpx_transport import HttpxTransport
    from timus_autotask.aws.cloudformation import describe
    from timus_autotask.aws.dynamodb import DynamoTable, EarlierTable
    from timus_autotask.aws.identity import caller
    from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
    from timus_autotask.aws.sqs import SqsDeadLetters, SqsWakeUps
    from timus_autotask.operate.careful import careful
    from timus_autotask.operate.deployment import Deployment, Place
    from timus_autotask.sync.ports import Ports
    from timus_autotask.watch.health import Limits

    client = _operators_clients()
    described = describe(client("cloudformation"), stack)
    settings = StackSettings.read(described.outputs, described.parameters)
    dynamodb, sqs, clock, transport = client("dynamodb"), client("sqs"), SystemClock(), HttpxTransport()
    secrets = SecretsManagerSecrets(
        client("secretsmanager"), settings.webhook_secret_id, settings.autotask_secret_id, clock
    )
    queue = SqsWakeUps(sqs, settings.queue_url)
    autotask, refused = autotask_client(transport, secrets, settings.autotask_url)
    pool = ThreadPoolExecutor(AT_A_TIME)
    # On one machine the API's own address leads nowhere: there a gateway stands in front, named by the environment.
    webhook_url = os.environ.get("TIMUS_WEBHOOK_URL") or settings.webhook_url
    return Deployment(
        stack=stack,
        ports=careful(
            Ports(
                table=DynamoTable(dynamodb, settings.table_name),
                autotask=autotask,
                credentials_refused=refused,
                clock=clock,
                zone=settings.zone,
                settle=settings.settle,
                wake_ups=queue,
            )
        ),
        queue=queue,
        dead_letters=SqsDeadLetters(sqs, settings.dead_letter_queue_url),
        secrets=secrets,
        store_credentials=secrets.store_credentials,
        autotask_as=autotask_user(transport, settings.autotask_url),
        webhook_url=webhook_url,
        deliver=delivery(transport, webhook_url),
        stacks=stacks,
        place=Place(described.account, described.region, described.status),
        vendor_code=settings.vendor_code,
        quiet_seconds=settings.quiet_seconds,
        opens_tickets=settings.opens_tickets,
        limits=Limits(
            settings.oldest_change,
            settings.webhook_silence_days,
            settings.reconcile_age_hours,
            settings.secret_age_days,
            settings.call_budget_percent,
        ),
        each=pool.map,
        earlier=EarlierTable(dynamodb, settings.table_name).documents,
        caller=cache(lambda: caller(client("sts"))),
        autotask_pages=lambda: autotask().web_url(),
        close=transport.close,
    )


def stacks() -> list[str]:
    """The names of our stacks in the account and region of the environment; none where this user may not list them."""
    from timus_autotask.aws.cloudformation import stacks as every

    try:
        client = _operators_clients()("cloudformation")
        return sorted(stack.name for stack in every(client) if StackSettings.fits(stack.outputs))
    except StackOutOfReach:
        return []


def webhook_at(url: str) -> Callable[[Mapping[str, str], bytes], tuple[int, str]]:
    """A webhook anywhere, for whoever plays Timus; see ``delivery``."""
    from timus_autotask.autotask.httpx_transport import HttpxTransport

    return delivery(HttpxTransport(answer_seconds=SEND_SECONDS), url)


def delivery(transport: Transport, url: str) -> Callable[[Mapping[str, str], bytes], tuple[int, str]]:
    """Sends to a webhook as Timus would; raises :class:`NotDelivered` where nothing answers."""
    from timus_autotask.autotask.http import NoAnswer, NotSent, Request
    from timus_autotask.operate.deployment import NotDelivered

    def deliver(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        try:
            answer = transport(Request("POST", url, {"content-type": "application/json", **headers}, body))
        except (NotSent, NoAnswer) as error:
            raise NotDelivered(str(error)) from error
        return answer.status, answer.body.decode(errors="replace")

    return deliver


def autotask_user(transport: Transport, server: str) -> Callable[[Credentials], Psa]:
    """Signs in to Autotask with any credentials; ``ValueError`` for what no header can carry."""
    from timus_autotask.autotask import client

    def sign_in(given: Credentials) -> Psa:
        user = client.HeaderCredentials(given.username, given.secret, given.integration_code)
        return client.Autotask(transport, user, server=server)

    return sign_in


def autotask_client(
    transport: Transport, secrets: Secrets, server: str, on_call: OnCall | None = None
) -> tuple[Callable[[], Autotask], Callable[[], RefusedUser]]:
    """The client, signed in with the credentials as they are stored, and what to call when Autotask refused them."""
    from timus_autotask.autotask import client as rest
    from timus_autotask.ports.secrets import RefusedUser

    signed_in: dict[Credentials, rest.Autotask] = {}

    def client() -> rest.Autotask:
        found = secrets.autotask_credentials()  # kept for a while: asking each time costs nothing
        if found not in signed_in:
            try:
                user = rest.HeaderCredentials(found.username, found.secret, found.integration_code)
            except ValueError as error:
                raise NotConfigured(f"the stored API user cannot be used: {error}") from None
            signed_in.clear()
            signed_in[found] = rest.Autotask(transport, user, server=server, on_call=on_call)
        return signed_in[found]

    def refused() -> RefusedUser:
        user = next(iter(signed_in), None)
        signed_in.clear()
        if user is None:
            return RefusedUser()
        try:
            return RefusedUser(user.fingerprint, secrets.autotask_credentials(as_stored=True) != user)
        except (NotConfigured, SecretsUnavailable):
            return RefusedUser(user.fingerprint)

    return client, refused


def _apply_ports(telemetry: Telemetry) -> tuple[Ports, Secrets]:
    from timus_autotask.autotask.http import made_when_used
    from timus_autotask.aws.dynamodb import DynamoTable
    from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
    from timus_autotask.aws.sqs import SqsWakeUps
    from timus_autotask.sync.ports import Ports

    settings, clock = Settings.read(os.environ), SystemClock()
    secrets = SecretsManagerSecrets(
        _aws("secretsmanager"), settings.webhook_secret_id, settings.autotask_secret_id, clock
    )
    client, refused = autotask_client(
        made_when_used(_network), secrets, settings.autotask_url, telemetry.called
    )
    ports = Ports(
        table=DynamoTable(_aws("dynamodb"), settings.table_name),
        autotask=client,
        credentials_refused=refused,
        clock=clock,
        zone=settings.zone,
        settle=settings.settle,
        wake_ups=SqsWakeUps(_aws("sqs"), settings.queue_url) if settings.queue_url else None,
        on_event=telemetry,
    )
    return ports, secrets


def _network() -> Transport:
    from timus_autotask.autotask.httpx_transport import HttpxTransport

    return HttpxTransport()


def _ticket_desk() -> TicketDesk | None:
    settings = Settings.read(os.environ)
    if settings.ticket_company is None:
        return None
    from timus_autotask.aws.cloudwatch import CloudWatchAlarms
    from timus_autotask.watch.tickets import TicketDesk

    alarms = CloudWatchAlarms(_aws("cloudwatch"), settings.stack, settings.alarm_topic_arn)
    return TicketDesk(
        settings.stack, settings.ticket_company, settings.ticket_queue, settings.ticket_priority, alarms
    )


def _aws(service: str) -> Any:
    """A client of an AWS service that gives up while its function still has time to say so.

    The SDK would wait a minute for an answer, and does so several times. It would also load every authority of the web for each new
    connection, a third of the webhook's cold start: AWS's own are enough.
    """
    from botocore.config import Config

    from timus_autotask.aws.roots import trusted
    from timus_autotask.aws.sdk import session

    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    config = Config(connect_timeout=2, read_timeout=5, retries=retries)
    return session().create_client(service, config=config, verify=trusted(os.environ))


SEND_SECONDS = 30.0
"""API Gateway answers within this time, or not at all."""
AT_A_TIME = 8
"""Reads of an operator's command that are under way together."""


def _operators_clients() -> Callable[[str], Any]:
    """Clients of AWS services for a person, who waits longer than a function can."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from timus_autotask.aws.cloudformation import meaning_of

    patient = Config(connect_timeout=5, retries={"max_attempts": 2}, max_pool_connections=AT_A_TIME + 2)

    def client(service: str) -> Any:
        try:
            # boto3 itself knows AWS_DEFAULT_REGION only; other SDKs and the AWS CLI know AWS_REGION too.
            session: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
            return session.client(service, config=patient)
        except (
            BotoCoreError,
            ClientError,
            ValueError,
        ) as error:  # ValueError: AWS_ENDPOINT_URL is no address
            raise meaning_of(error) from error

    return client


def _telemetry() -> Telemetry:
    from aws_lambda_powertools import Logger, Metrics

    from timus_autotask.aws.telemetry import Telemetry
    from timus_autotask.plain import as_log_line

    return Telemetry(Logger(json_serializer=as_log_line), Metrics())


def _counted(handler: Handler, telemetry: Telemetry, secrets: Secrets | None = None) -> Handler:
    """The handler, with the request's id on its log lines, and its metrics written out when it is done."""

    def counted(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        try:
            with telemetry.logger.append_context_keys(request=getattr(context, "aws_request_id", None)):
                return handler(event, context)
        finally:
            age = secrets.age() if secrets else None
            if age is not None:
                telemetry.measure(secret_age_days=age.days)
            if telemetry.metrics.metric_set:
                telemetry.metrics.flush_metrics()

    return counted


def _deadline(context: LambdaContext, clock: Clock) -> datetime:
    """When Lambda kills this sandbox."""
    return clock.now() + timedelta(milliseconds=context.get_remaining_time_in_millis())
