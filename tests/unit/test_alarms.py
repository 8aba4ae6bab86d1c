"""Every alarm of ours fires: the running code brings its condition about, and what it tells is what the template watches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.running import ALARMS, RESOURCES, VARIABLES, Running
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.observability import COUNTED, MEASURED, UNWATCHED
from timus_autotask.webhooks import sign


@pytest.fixture
def running() -> Iterator[Running]:
    """A stack with one mapped client, level since a minute."""
    started = Running(World())
    started.telemetry.metrics.clear_metrics()
    started.world.map_customer()
    started.world.tell(1, {ADV: 28})
    started.apply()
    started.minutes(1)
    yield started
    started.telemetry.metrics.clear_metrics()


def _waits_while_autotask_is_away(running: Running, minutes: int) -> None:
    running.world.tell(2, {ADV: 30})
    running.world.control.add_fault("not_sent", times=None)
    running.apply()
    running.minutes(minutes)


def _oldest_change(running: Running) -> None:
    _waits_while_autotask_is_away(running, 80)


def _away(running: Running) -> None:
    _waits_while_autotask_is_away(running, 20)


def _parked_long(running: Running) -> None:
    running.world.tell(1, {ADV: 4}, customer="cus_new", subscription="sub_new")
    running.apply()
    running.world.clock.advance(2 * 86400)
    running.minutes(1)


def _drift(running: Running) -> None:
    running.world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    running.world.clock.advance(86400)
    running.invoke("Reconcile", {"now": True})
    running.minutes(16)


def _unknown(running: Running) -> None:
    running.world.clock.advance(86400)
    running.world.control.add_fault("timeout_after", entity="ContractServiceAdjustments", times=3)
    running.world.tell(2, {ADV: 30, ESS: 2, GATEWAY: 3})
    running.apply()


def _credentials(running: Running) -> None:
    running.world.control.set_credentials("somebody@else.example", "other", "CODE")
    running.minutes(16)


def _budget(running: Running) -> None:
    running.world.control.set_switches({"other_requests": 7_500})
    running.minutes(16)


def _signatures(running: Running) -> None:
    body = b"{}"
    for number in range(20):
        headers = sign(f"evt-{number}", int(running.world.clock.now().timestamp()), body, "whsec_" + "B" * 32)
        assert running.deliver(body, headers) == 401


def _silence(running: Running) -> None:
    for version in range(2, 5):
        running.world.clock.advance(86400)
        running.world.tell(version, {ADV: 28 + version})
        running.apply()
    running.minutes(1)
    assert not running.fires("WebhookSilenceAlarm")
    running.world.clock.advance(8 * 86400)
    running.minutes(1)


def _no_reconcile(running: Running) -> None:
    running.invoke("Reconcile")
    running.world.clock.advance(37 * 3600)
    running.minutes(1)


def _old_secret(running: Running) -> None:
    running.world.secrets.written_at = running.world.clock.now() - timedelta(days=366)
    running.minutes(16)


CONDITIONS: dict[str, Callable[[Running], None]] = {
    "OldestChangeAlarm": _oldest_change,
    "ParkedLongAlarm": _parked_long,
    "DriftAlarm": _drift,
    "UnknownOutcomesAlarm": _unknown,
    "AutotaskAwayAlarm": _away,
    "CredentialsAlarm": _credentials,
    "CallBudgetAlarm": _budget,
    "SignatureAlarm": _signatures,
    "WebhookSilenceAlarm": _silence,
    "ReconcileMissingAlarm": _no_reconcile,
    "SecretAgeAlarm": _old_secret,
}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_fires(name: str, running: Running) -> None:
    """What it watches is told by the running code under exactly its namespace, name and dimensions; before, it is off."""
    assert not running.fires(name)
    CONDITIONS[name](running)
    assert running.fires(name)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_is_off_where_all_is_well(name: str, running: Running) -> None:
    """A day of ordinary work raises none."""
    for hour in range(24):
        running.world.tell(hour + 2, {ADV: 28 + hour % 5})
        running.apply()
        running.minutes(2)
        running.world.clock.advance(58 * 60)
        running.invoke("Reconcile")
    running.minutes(2)
    assert not running.fires(name)


def test_the_age_of_the_webhook_secret_is_told_by_the_function_that_reads_it(running: Running) -> None:
    """The sweep reads Autotask's credentials only."""
    world = running.world
    world.secrets.written_at = world.clock.now() - timedelta(days=400)
    body = b'{"data": {}}'
    now = int(world.clock.now().timestamp())
    assert running.deliver(body, sign("evt-1", now, body, WEBHOOK_SECRET)) == 202
    assert running.fires("SecretAgeAlarm")


# -- Nothing is told to nobody


def known() -> set[str]:
    """Every metric that the code can tell."""
    return {metric.name for metric in (*COUNTED.values(), *MEASURED.values())}


def charted() -> Iterator[tuple[str, str, str, str, str]]:
    """Ours on the dashboard: namespace, name, dimension, its value, statistic."""
    body = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for widget in body["widgets"]:
        for namespace, name, *dimensions, options in widget["properties"].get("metrics", []):
            if namespace == VARIABLES["POWERTOOLS_METRICS_NAMESPACE"]:
                yield (namespace, name, *dimensions, options["stat"])


def test_every_metric_is_alarmed_or_shown_or_neither_on_purpose() -> None:
    """A number that nobody looks at is told for nothing, unless it says why."""
    alarmed = {alarm["MetricName"] for alarm in ALARMS.values()}
    shown = {name for _, name, *_ in charted()}
    assert alarmed | shown | set(UNWATCHED) == known()
    assert not set(UNWATCHED) & (alarmed | shown)


def test_the_dashboard_asks_for_what_is_told() -> None:
    """The same namespace and dimension as the alarms, and a statistic that means something for the metric."""
    for _, _, dimension, of, statistic in charted():
        assert (dimension, of) == ("service", "${AWS::StackName}")
        assert statistic in ("Sum", "Maximum", "Average", "SampleCount", "p50", "p99")


def test_the_functions_tell_under_the_stacks_name() -> None:
    """The dimension that alarms and dashboard ask for is what the functions' environment names."""
    assert VARIABLES["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    for alarm in ALARMS.values():
        assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]


def test_no_metric_stands_for_two_things() -> None:
    """Counted events and measured fields have names of their own."""
    names = [metric.name for metric in (*COUNTED.values(), *MEASURED.values())]
    assert len(names) == len(set(names))


# -- Logs


def test_every_line_about_a_change_names_what_it_is_about(running: Running) -> None:
    """From the event to the adjustment: customer, subscription, event and change, as fields that can be asked for."""
    running.lines.clear()
    running.world.clock.advance(86400)
    running.world.tell(2, {ADV: 31}, event_id="evt-31")
    running.apply()
    running.minutes(1)
    said = {line["message"]: line for line in running.lines}
    merged, landed = said["event-merged"], said["adjustment-landed"]
    assert (merged["customer"], merged["subscription"], merged["event"]) == (CUSTOMER, "sub_8f2c1a", "evt-31")
    assert (landed["customers"], landed["subscriptions"], landed["events"]) == (
        [CUSTOMER],
        ["sub_8f2c1a"],
        ["evt-31"],
    )
    assert landed["change"]
    assert (landed["contract"], landed["service"], landed["delta"]) == (CONTRACT, 45, 3)
    assert merged["request"] == landed["request"] == "request-1"


def test_the_delay_is_counted_from_the_webhook(running: Running) -> None:
    """Minutes in the queue count too: it is what a person waits for."""
    running.points.clear()
    running.world.clock.advance(86400)
    running.world.tell(2, {ADV: 31})
    running.world.clock.advance(90)
    running.apply()
    [delay] = [point for point in running.points if point.name == "ChangeDelay"]
    assert delay.value == 90
    [seats] = [point for point in running.points if point.name == "SeatsChanged"]
    assert seats.value == 3
