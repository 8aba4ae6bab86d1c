"""Every alarm fires: the running code brings its condition about, and what is told then is what the template watches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from local.timus import change
from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.running import ALARMS, OURS, RESOURCES, TEMPLATE, VARIABLES, Running
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.aws.telemetry import COUNTED, MEASURED
from timus_autotask.domain.approval import reject
from timus_autotask.operate.files.timus_export import ExportFile, compare, take_in
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Key, Put, Write
from timus_autotask.store.journal import line_with_entries
from timus_autotask.store.runs import last_run
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contract
from timus_autotask.timus.signatures import sign
from timus_autotask.watch.listing import listed


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


def _flood(running: Running) -> None:
    """Nothing here has a signature to be wrong: other methods, other types, too large."""
    for _ in range(100):
        assert running.deliver(b"{}", {}, method="GET") == 405
        assert running.deliver(b"{}", {"content-type": "text/plain"}) == 415
        assert running.deliver(b"{" * (64 * 1024 + 1), {}) == 413
    assert not running.fires("SignatureAlarm")


def _malformed_secret(running: Running) -> None:
    running.world.secrets.rotate(WEBHOOK_SECRET, "whsec_old-plain-secret")
    running.world.clock.advance(301)  # what was read before is believed for five minutes
    body = b"{}"
    now = int(running.world.clock.now().timestamp())
    assert running.deliver(body, sign("evt-1", now, body, WEBHOOK_SECRET)) == 202


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


def _unreadable(running: Running, key: Key, kind: str | None = None) -> None:
    """A record that no code of ours can read."""
    running.world.table.write([Put(key, {}, 0, kind=kind, sort="")])


def _works_on_what_always_fails(running: Running, minutes: int) -> None:
    write = running.world.table.write

    def fails(changes: Sequence[Write]) -> None:
        if any(one.key == Key("CUSTOMER#cus_broken", "SUBSCRIPTION#sub_broken") for one in changes):
            raise ValueError("this one never")
        write(changes)

    running.world.table.write = fails  # type: ignore[method-assign]
    running.world.tell(1, {ADV: 4}, customer="cus_broken", subscription="sub_broken")
    for _ in range(minutes):
        running.apply()
        running.minutes(1)


def _work_fails(running: Running) -> None:
    _works_on_what_always_fails(running, 20)
    assert not running.fires("DeadLettersAlarm")


def _dead_letters(running: Running) -> None:
    _works_on_what_always_fails(running, 5 * 6 + 1)


def _sweep_fails(running: Running) -> None:
    def away(*_: Any) -> Any:
        raise TableUnavailable("the table is away")

    running.world.table.due = away  # type: ignore[method-assign,assignment]
    running.minutes(6)


def _wake_ups_wait(running: Running) -> None:
    running.world.tell(2, {ADV: 30})
    running.minutes(22)


def _no_sweep(running: Running) -> None:
    running.world.clock.advance(15 * 60)


def _worker_dies(running: Running) -> None:
    running.seconds_a_call = 61
    for version in (2, 3):
        running.world.clock.advance(600)
        running.world.tell(version, {ADV: 28 + version})
        running.apply()


def _throttled(running: Running) -> None:
    running.throttled = True
    for _ in range(15):
        running.apply()
        running.minutes(1)


def _reconcile_fails(running: Running) -> None:
    running.world.table.write([Put(Key("PARTNER", "POLICY"), {"values": 5}, 0, kind="policy", sort="-")])
    for _ in range(2):
        with pytest.raises(ValueError, match="POLICY"):
            running.invoke("Reconcile")


def _webhook_fails(running: Running) -> None:
    running.world.secrets.available = False
    running.world.clock.advance(600)
    body = b"{}"
    now = int(running.world.clock.now().timestamp())
    assert running.deliver(body, sign("evt-1", now, body, WEBHOOK_SECRET)) == 503


CONDITIONS: dict[str, Callable[[Running], None]] = {
    "DeadLettersAlarm": _dead_letters,
    "OldestMessageAlarm": _wake_ups_wait,
    "SweepMissingAlarm": _no_sweep,
    "WorkFailedAlarm": _work_fails,
    "ApplyChangesErrorsAlarm": _worker_dies,
    "ApplyChangesThrottlesAlarm": _throttled,
    "SweepErrorsAlarm": _sweep_fails,
    "ReconcileErrorsAlarm": _reconcile_fails,
    "WebhookErrorsAlarm": _webhook_fails,
    "OldestChangeAlarm": _oldest_change,
    "ParkedLongAlarm": _parked_long,
    "DriftAlarm": _drift,
    "UnknownOutcomesAlarm": _unknown,
    "AutotaskAwayAlarm": _away,
    "CredentialsAlarm": _credentials,
    "CallBudgetAlarm": _budget,
    "SignatureAlarm": _signatures,
    "RequestsRefusedAlarm": _flood,
    "WebhookSecretAlarm": _malformed_secret,
    "WebhookSilenceAlarm": _silence,
    "ReconcileMissingAlarm": _no_reconcile,
    "SecretAgeAlarm": _old_secret,
}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_fires(name: str, running: Running) -> None:
    """What it watches is told by the running code under exactly its namespace, name, dimensions and statistic; before, it is off."""
    assert not running.fires(name)
    CONDITIONS[name](running)
    assert running.fires(name)


REFUSED: dict[str, dict[str, object]] = {
    "a wrong tracking identifier": {},
    "a blocked user": {"blocked_user": "403"},
    "a user who is not there any more": {"blocked_user": "404"},
    "a locked user": {"blocked_user": "500"},
    "no permission for contracts": {"denied": ["Contracts"]},
    "no permission to adjust": {"denied": ["ContractServiceAdjustments create"]},
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_alarm_for_credentials_fires_however_they_are_refused(case: str, running: Running) -> None:
    """500, 403 and 404 are answers to credentials as well as 401."""
    if REFUSED[case]:
        running.world.control.set_switches(REFUSED[case])
    else:
        running.world.control.set_credentials("api@msp.example", "secret", "ANOTHER-CODE")
    running.world.clock.advance(86400)
    running.world.tell(2, {ADV: 30})
    running.apply()
    running.minutes(16)
    assert running.fires("CredentialsAlarm")
    assert not running.fires("ParkedLongAlarm")


@pytest.mark.parametrize("kind", ["html_503", "html_502", "redirect_302", "timeout_before"])
def test_the_alarm_for_an_outage_fires_whatever_an_outage_looks_like(kind: str, running: Running) -> None:
    """A web server that answers with a page in Autotask's place is an outage as well as no connection."""
    running.world.tell(2, {ADV: 30})
    running.world.control.add_fault(kind, times=None)
    running.apply()
    running.minutes(20)
    assert running.fires("AutotaskAwayAlarm")
    assert not running.fires("CredentialsAlarm")


def test_no_alarm_is_on_where_all_is_well(running: Running) -> None:
    """A day of ordinary work raises none."""
    for hour in range(24):
        running.world.tell(hour + 2, {ADV: 28 + hour % 5})
        running.apply()
        running.minutes(2)
        running.world.clock.advance(58 * 60)
        running.invoke("Reconcile")
    running.minutes(2)
    assert [name for name in ALARMS if running.fires(name)] == []


def test_a_rejected_change_rings_nothing(running: Running) -> None:
    """Somebody has decided. The other side of the plan change waits with it, and rings nothing either."""
    store = running.world.ports.store
    store.commit(put_terms(None, {"approve_new_lines": True}, 0))
    running.world.clock.advance(86400)
    running.world.tell(2, {ESS: 28})
    running.apply()
    stored = store.contract(CONTRACT).lines[46]
    at = running.world.clock.now()
    line, entry = reject(stored.value, by="pat", at=at, reason="not ordered", entry_id="c1")
    store.commit(
        *line_with_entries(line, stored.rev, [entry])[1], wake_contract(CONTRACT, running.world.ports)
    )
    running.minutes(1)
    running.world.clock.advance(2 * 86400)
    running.invoke("Reconcile")
    running.minutes(1)
    states = {one.value.service_id: one.value.parked for one in store.contract(CONTRACT).lines.values()}
    assert {id_: parked.code for id_, parked in states.items() if parked} == {
        45: "held-with-plan-change",
        46: "rejected",
    }
    assert [name for name in ALARMS if running.fires(name)] == []
    assert last_run(running.world.table).value.found == {}


def test_what_the_worker_hands_back_is_no_error_to_lambda(running: Running) -> None:
    """AWS/Lambda Errors does not see a partial batch answer, so an alarm on it alone would never fire."""
    _work_fails(running)
    assert running.fires("WorkFailedAlarm")
    assert not running.fires("ApplyChangesErrorsAlarm")
    failed = next(line for line in running.lines if line["message"] == "failed")
    assert (failed["level"], failed["customer"]) == ("ERROR", "cus_broken")
    assert failed["exception_name"] == "ValueError"


@pytest.mark.parametrize("broken", ["MAPPING", "INBOX#evt-0~0"])
def test_a_record_that_cannot_be_read_rings_and_makes_no_dead_letters(running: Running, broken: str) -> None:
    """The wake-up would find the same each time it came again; the sweep tries it, and people see the reason until it is repaired."""
    key = Key("CUSTOMER#cus_broken", broken)
    now = int(running.world.clock.now().timestamp())
    running.world.table.write([Put(key, {"nothing": 1}, 0, due_at=now)])
    running.world.tell(1, {ADV: 4}, customer="cus_broken", subscription="sub_broken")
    for _ in range(5 * 6 + 1):
        running.apply()
        running.minutes(1)
    assert running.fires("WorkFailedAlarm")
    assert not running.fires("DeadLettersAlarm")
    failed = [line for line in running.lines if line["message"] == "failed"]
    assert {line["exception_name"] for line in failed} == {"RecordUnreadable"}
    assert (failed[0]["level"], failed[0]["customer"]) == ("ERROR", "cus_broken")
    [trouble] = running.world.ports.store.troubles()
    assert (trouble.id, trouble.kind) == ("cus_broken", "customer")
    assert f"CUSTOMER#cus_broken/{broken} cannot be read" in trouble.error


def test_a_record_that_cannot_be_listed_rings_as_what_waits_for_a_person(running: Running) -> None:
    """It is missing from the gauges, which go on without it: that must not be taken for health."""
    _unreadable(running, Key(f"CONTRACT#{CONTRACT}", "LINE#1"), "line")
    running.minutes(20)
    assert running.fires("ParkedLongAlarm")
    assert not running.fires("SweepErrorsAlarm")


class TestSilence:
    """Whether no webhook has come for long."""

    @staticmethod
    def _usual(running: Running) -> None:
        for version in range(2, 5):
            running.world.clock.advance(86400)
            running.world.tell(version, {ADV: 28 + version})
            running.apply()

    def test_what_an_operator_took_in_is_no_webhook(self, running: Running) -> None:
        """The file is taken in because nothing came; the alarm stays on until something does."""
        self._usual(running)
        world = running.world
        world.clock.advance(8 * 86400)
        told = ExportFile(
            "f.csv", f"customer_id,subscription_id,sku,quantity\n{CUSTOMER},sub_8f2c1a,{ADV},40\n".encode()
        )
        records = listed(world.ports.store)
        today = world.ports.today()
        found = compare(told.subscriptions(), records, (), today, world.zone, told.name, "operator")
        assert take_in(found, world.ports) == 1
        running.minutes(16)
        assert running.fires("WebhookSilenceAlarm")
        world.tell(9, {ADV: 41})
        running.apply()
        running.minutes(31)
        assert not running.fires("WebhookSilenceAlarm")

    def test_webhooks_that_are_not_understood_have_come_all_the_same(self, running: Running) -> None:
        """They wait for a person, which is another alarm."""
        self._usual(running)
        running.world.clock.advance(8 * 86400)
        running.world.tell(9, {ADV: 40}, status="unheard-of")
        running.apply()
        running.minutes(1)
        assert not running.fires("WebhookSilenceAlarm")

    def test_it_stays_on_however_long_it_is_silent(self, running: Running) -> None:
        """A quarter of a year later nobody is told that all is well."""
        self._usual(running)
        running.world.clock.advance(100 * 86400)
        running.minutes(1)
        assert running.fires("WebhookSilenceAlarm")

    def test_where_there_are_none_usually_it_is_off(self, running: Running) -> None:
        """One webhook in a month is no habit."""
        running.world.clock.advance(30 * 86400)
        running.minutes(1)
        assert not running.fires("WebhookSilenceAlarm")


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
    body = json.loads(RESOURCES["SyncDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for widget in body["widgets"]:
        for namespace, name, *dimensions, options in widget["properties"].get("metrics", []):
            if namespace == OURS:
                yield (namespace, name, *dimensions, options["stat"])


def test_every_metric_is_alarmed_or_shown() -> None:
    """A number that nobody looks at costs for nothing; the log has it."""
    alarmed = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == OURS}
    shown = {name for _, name, *_ in charted()}
    assert alarmed | shown == known()


def test_no_alarm_can_have_a_lower_limit_than_what_is_told() -> None:
    """What is well is not told, so a limit below that would wait for a number that never comes."""
    told_from = {metric.name: metric.least for metric in MEASURED.values()}
    for alarm in (alarm for alarm in ALARMS.values() if alarm["Namespace"] == OURS):
        threshold = alarm["Threshold"]
        lowest = (
            TEMPLATE["Parameters"][threshold["Ref"]]["MinValue"] if isinstance(threshold, dict) else threshold
        )
        assert told_from.get(alarm["MetricName"], 0) <= lowest


def test_what_is_well_is_not_told(running: Running) -> None:
    """CloudWatch bills a metric for each hour in which it is told: an hour in which nothing happens tells of no trouble."""
    running.points.clear()
    running.minutes(60)
    assert {point.name for point in running.points if point.namespace == OURS} == set()
    assert [line for line in running.lines if line["message"] == "vitals"], "the log has it"


def test_the_dashboard_asks_for_log_lines_that_there_are(running: Running) -> None:
    """Each field of its queries is one of the line that they look for."""
    running.lines.clear()
    running.minutes(16)
    body = json.loads(RESOURCES["SyncDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    queries = [widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log"]
    assert queries
    for query in queries:
        [message] = re.findall(r'filter message = "(\S+)"', query)
        line = next(line for line in running.lines if line["message"] == message)
        fields = re.findall(r"\b[a-z]+_[a-z_]+\b", re.sub(r" as \w+|/aws/\S+", "", query))
        assert fields
        assert set(fields) <= set(line)


def test_the_dashboard_asks_for_what_is_told() -> None:
    """The same namespace and dimension as the alarms, and a statistic that means something for the metric."""
    for _, _, dimension, of, statistic in charted():
        assert (dimension, of) == ("service", "${AWS::StackName}")
        assert statistic in ("Sum", "Maximum", "Average", "SampleCount", "p50", "p99")


def test_the_functions_tell_under_the_stacks_name() -> None:
    """The dimension that alarms and dashboard ask for is what the functions' environment names."""
    assert VARIABLES["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    for alarm in (alarm for alarm in ALARMS.values() if alarm["Namespace"] == OURS):
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


NEWS = ("accepted", "duplicate", "event-merged", "event-duplicate", "event-superseded", "event-parked")
LINES = ("adjustment-landed", "adjustment-refused", "outcome-unknown", "line-parked")


def test_every_line_names_whom_it_is_about(running: Running) -> None:
    """Whatever becomes of news and of changes: each log line has the ids by which a person looks for it."""
    world = running.world
    world.clock.advance(86400)
    running.lines.clear()
    body = change("sub_8f2c1a", 0, CUSTOMER, {}, world.clock.now()).encode()  # there is no version 0
    headers = sign("evt-odd", int(world.clock.now().timestamp()), body, WEBHOOK_SECRET)
    assert (running.deliver(body, headers), running.deliver(body, headers)) == (202, 202)
    world.tell(3, {ADV: 30}, event_id="evt-3")
    world.tell(3, {ADV: 30}, event_id="evt-3-again")
    running.apply()
    world.tell(2, {ADV: 40}, event_id="evt-late")
    world.control.add_fault("timeout_after", entity="ContractServiceAdjustments", times=1)
    world.tell(4, {ADV: 30, ESS: 2}, event_id="evt-4")
    running.apply()
    world.clock.advance(86400)
    running.minutes(1)
    world.control.add_fault("json_500", entity="ContractServiceAdjustments", times=1, text="no")
    world.tell(5, {ADV: 33, ESS: 2}, event_id="evt-5")
    running.apply()
    running.minutes(20)
    for line in (line for line in running.lines if line["message"] in NEWS):
        assert line["customer"] == CUSTOMER
        assert line["subscription"] == "sub_8f2c1a" or line["message"] in ("event-parked", "event-duplicate")
        assert line["event"].startswith("evt-")
    for line in (line for line in running.lines if line["message"] in LINES):
        assert line["customers"] == [CUSTOMER]
        assert line["subscriptions"] == ["sub_8f2c1a"]
        assert line["events"]
        assert line["contract"], line["service"]
        assert line["message"] == "line-parked" or line["change"]
    assert {*NEWS, *LINES} <= {line["message"] for line in running.lines}


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
