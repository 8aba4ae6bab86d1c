"""The digest: what finance reads on Monday, money first; readable at forty clients and at a thousand, and nothing is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.months import HALF_YEAR, Months
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.aws.sns import SnsMails
from timus_autotask.bootstrap import LambdaContext, digest_handler
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.store.lines import put_line
from timus_autotask.store.partner import Circuit, put_circuit
from timus_autotask.store.runs import sent_digest
from timus_autotask.watch.money import Estimate
from timus_autotask.watch.month.coverage import Coverage
from timus_autotask.watch.month.digest import ChangedLine, Digest, Waiting, digest
from timus_autotask.watch.month.digest_text import LONGEST_SUBJECT, TOP, as_mail
from timus_autotask.watch.names import Directory


class Context(LambdaContext):
    """As long as it takes."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def begun(*terms: str) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=True)
    return months


def of(months: Months, days: int = 7) -> Digest:
    """Of the last days."""
    return digest(months.world.ports, months.world.clock.now() - timedelta(days=days))


def test_what_changed_stands_with_what_it_does_to_the_next_invoice() -> None:
    """Three seats from the 9th: 23 of 31 days now, a whole month each time after that."""
    months = begun()
    months.play([("wait", None, 8), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    found = of(months, days=1)
    [one] = found.changed
    assert (one.delta, one.count, one.customers) == (3, 1, ("cus_41d0",))
    assert found.effect == Estimate(Decimal("27.82"), Decimal("37.50"))  # 3 × 12.50 × 23 / 31
    text = as_mail(found, "acme").text
    assert "1 change was made: about +27.82 on the next invoice, +37.50 each period after it." in text
    assert f"Contoso Dental: +3 {ADV} from 9 Mar" in text
    assert text.index("MONEY") < text.index("WHAT CHANGED")
    assert "Nothing waits for a person." in text


def test_what_waits_stands_with_what_it_costs_and_with_the_command() -> None:
    """A held change, and a customer whom nobody has mapped."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two", customer_name="Zwei GmbH")
    months.work()
    found = of(months)
    assert [one.kind for one in found.waiting] == ["unmapped", "held"]
    assert found.not_billed == Decimal("79.03")  # 33.87 of three seats on 28 days, 45.16 of four on 28
    assert found.unmapped_customers == ("cus_two",)
    text = as_mail(found, "acme").text
    assert "2 things wait for a person: about 79.03 not billed by the end of the billing periods" in text
    assert f"    timus-autotask approve {CONTRACT} 45" in text
    assert "NOT MAPPED YET: 1 customer, 0 SKUs\n- Zwei GmbH\n    timus-autotask map review" in text


def test_what_waits_since_a_month_before_counts_from_its_own_day() -> None:
    """Four seats held since 10 March: 35.48 of March and 50.00 of April. Once March is posted, its part is told with what was posted."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.world.pass_time(days=9)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=26)
    [one] = of(months).waiting
    assert (one.first, one.seats, one.estimate) == (date(2026, 3, 10), -4, Decimal("-85.48"))
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    found = of(months)
    [one] = found.waiting
    assert (one.first, one.estimate) == (date(2026, 4, 1), Decimal("-50.00"))
    assert [one.estimate for month in found.passed for one in month.passed] == [Decimal("-35.48")]


def test_what_waits_since_a_quarter_ago_counts_from_its_own_day() -> None:
    """Nothing of it is posted yet: 35.48 of March, and 50.00 for each month until June."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.world.pass_time(days=9)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=90)
    [one] = of(months).waiting
    assert (one.first, one.estimate) == (date(2026, 3, 10), Decimal("-185.48"))


def since_5_january(*, live: bool = True) -> Months:
    """Ten seats since 5 January, on a contract that has billed none before."""
    empty = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "lines": []}]}
    months = Months(World(start=datetime(2026, 1, 5, 8, tzinfo=UTC), scenario=empty, live=live))
    months.world.map_customer()
    months.tell({ADV: 10}, 0)
    months.work()
    return months


def until(months: Months, day: date) -> None:
    """The days go by."""
    months.play([("wait", None, (day - months.today).days)])


def edited(months: Months, day: date, units: int) -> None:
    """Somebody adds units, and a worker sees it."""
    line = months.world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    months.world.control.person_adjusts(line.id, day.toordinal(), units)
    months.desk.run("reconcile")
    months.work()


def _observing() -> Months:
    return since_5_january(live=False)


def _drifting() -> Months:
    months = since_5_january()
    until(months, date(2026, 1, 12))
    edited(months, date(2026, 1, 12), 2)
    return months


def _over() -> Months:
    months = since_5_january()
    until(months, date(2026, 1, 12))
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-01-20"})
    months.desk.run("reconcile")
    return months


def _dated_back_on_an_edit() -> Months:
    months = since_5_january()
    until(months, date(2026, 3, 10))
    edited(months, date(2026, 3, 10), 1)
    until(months, date(2026, 3, 15))
    months.play([("tell", {ADV: 32}, (date(2026, 2, 10) - months.today).days)])
    return months


@pytest.mark.parametrize(
    ("story", "first", "estimate"),
    [
        (_observing, date(2026, 1, 5), "-483.87"),  # 10 × 12.50 × (27/31 + 3)
        (_drifting, date(2026, 1, 12), "91.13"),  # 2 × 12.50 × (20/31 + 3)
        (_over, date(2026, 1, 21), "-419.35"),  # 10 × 12.50 × (11/31 + 3)
        # 22 × 12.50 × 19/28, then 22 × 12.50 × 9/31 + 21 × 12.50 × 22/31, then 21 × 12.50
        (_dated_back_on_an_edit, date(2026, 2, 10), "-715.24"),
    ],
)
def test_whatever_waits_counts_from_its_own_day(
    story: Callable[[], Months], first: date, estimate: str
) -> None:
    """Also where it waits for something else than an approval, and whenever it was told."""
    months = story()
    until(months, date(2026, 4, 7))
    [one] = of(months).waiting
    assert (one.first, one.estimate) == (first, Decimal(estimate))


def test_what_nothing_explains_counts_from_its_own_day() -> None:
    """Two seats from 12 January, and nobody knows any more why they are not billed: 2 × 12.50 × (20/31 + 2 + 11/30)."""
    months = since_5_january()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    until(months, date(2026, 1, 12))
    months.play([("tell", {ADV: 12}, 0), ("reject", None, 0)])
    until(months, date(2026, 4, 7))
    stored = months.world.ports.store.contract(CONTRACT).lines[45]
    nothing_known = replace(stored.value, set_aside=(), past_days=(), state=State.APPLIED, parked=None)
    months.world.ports.store.commit(put_line(nothing_known, stored.rev))
    assert months.today == date(2026, 4, 11)
    [one] = of(months).waiting
    assert (one.kind, one.first, one.estimate) == ("unexplained", date(2026, 1, 12), Decimal("-75.30"))


@pytest.mark.parametrize("days", [0, 60])
def test_the_journal_is_read_once(days: int) -> None:
    """Also where something waits since before the month before."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=days)
    listed = list[str]()
    table = months.world.table
    whole = table.list

    def counted(kind: str, *args: Any, **kwargs: Any) -> Any:
        listed.append(kind)
        return whole(kind, *args, **kwargs)

    setattr(table, "list", counted)  # noqa: B010
    assert len(of(months).waiting) == 1
    assert listed.count("change") == 1


def test_a_contract_that_is_over_says_its_own_last_day() -> None:
    """And not the first of a month that the report looks at."""
    months = _over()
    until(months, date(2026, 4, 7))
    [one] = of(months).waiting
    assert one.why.startswith(f"Contract {CONTRACT} covers no day after 2026-01-20.")


@pytest.mark.parametrize(
    ("others", "where"), [(1, "contract 7001 Other SASE"), (2, "2 of 3 contracts")], ids=["one", "several"]
)
def test_a_month_that_is_posted_on_one_contract_says_of_which_one_it_speaks(others: int, where: str) -> None:
    """Of one contract with half-years, which is posted, and others with months, which are not."""
    base, company = SCENARIO["contracts"][0], SCENARIO["companies"][0]
    names = {f"cus_{n}": n for n in range(1, others + 1)}
    contracts = [
        {**base, "id": 7000 + n, "companyID": 700 + n, "contractName": "Other SASE", "lines": []}
        for n in names.values()
    ]
    companies = [{**company, "id": 700 + n, "companyName": f"Other {n}"} for n in names.values()]
    scenario = {
        **SCENARIO,
        "companies": [*SCENARIO["companies"], *companies],
        "contracts": [{**base, "contractPeriodType": HALF_YEAR}, *contracts],
    }
    months = Months(World(start=datetime(2026, 2, 1, 8, tzinfo=UTC), scenario=scenario))
    months.begin((), mapped=True)
    for id_, n in names.items():
        months.world.map_customer(id_, 700 + n, 7000 + n)
        months.world.tell(1, {ADV: 7}, customer=id_, subscription=f"sub_{n}", customer_name=f"Other {n}")
    months.work()
    until(months, date(2026, 3, 2))
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 2).toordinal())
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 0)])
    until(months, date(2026, 4, 2))
    text = as_mail(of(months), "acme").text
    assert f"- March 2026 is not posted yet on {where}, and ready: nothing is open.\n" in text
    assert (
        "- March 2026 was posted with other units than it should on 1 line of contract 29683949 Contoso SASE"
        in text
    )


def test_an_event_that_is_parked_counts_from_its_own_day() -> None:
    """Two seats more from 12 January on: 2 × 12.50 × (20/31 + 3)."""
    months = since_5_january()
    until(months, date(2026, 1, 12))
    months.world.tell(1, {ADV: 12})
    until(months, date(2026, 4, 7))
    [one] = of(months).waiting
    assert (one.kind, one.first, one.estimate) == ("event", date(2026, 1, 12), Decimal("-91.13"))


def held_in(period: int, *terms: str) -> Months:
    """Four seats held since 16 March, on a contract with periods of this type; on 5 April it is posted."""
    scenario = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "contractPeriodType": period}]}
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario=scenario))
    months.begin(terms, mapped=True)
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.world.pass_time(days=15)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=20)
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    return months


def test_what_settling_does_not_bring_is_told_once_with_what_was_posted() -> None:
    """The half-year is posted, and an approval counts from July on. So it waits for a person, and no money waits with it."""
    months = held_in(HALF_YEAR)
    found = of(months)
    [one] = found.waiting
    assert (one.kind, one.seats, one.first, one.estimate) == ("held", -4, date(2026, 3, 16), Decimal("0.00"))
    assert found.not_billed == 0
    assert [one.estimate for month in found.passed for one in month.passed] == [
        Decimal("-8.29"),  # 4 × 12.50 × 30 / 181, of April
        Decimal("-4.42"),  # 4 × 12.50 × 16 / 181, of March
    ]
    text = as_mail(found, "acme").text
    assert "- 1 thing waits for a person.\n" in text
    assert f"    timus-autotask approve {CONTRACT} 45" in text


def test_what_settling_brings_is_told_once_with_what_waits() -> None:
    """By these terms an approval bills the posted days with the next posting: 12.71 until the end of April."""
    found = of(held_in(HALF_YEAR, "posted_period=same-day"))
    assert (found.not_billed, found.passed) == (Decimal("12.71"), ())


def test_a_client_without_a_contract_counts_from_its_first_report() -> None:
    """Four seats since 1 March, also once others' March is posted: 50.00 of each month."""
    months = begun()
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two", customer_name="Zwei GmbH")
    months.work()
    months.world.pass_time(days=70)
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    [one] = of(months).waiting
    assert (one.customer, one.first, one.estimate) == ("cus_two", date(2026, 3, 1), Decimal("-150.00"))


def test_a_billing_period_of_two_months_counts_once() -> None:
    """Periods from the 15th: four seats held since 20 March are billed by that period, which is in March and in April, and by the next."""
    scenario = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "startDate": "2026-01-15"}]}
    months = Months(World(start=datetime(2026, 3, 16, 8, tzinfo=UTC), scenario=scenario))
    months.begin(("approve_increases=always",), mapped=True)
    months.world.pass_time(days=4)
    months.play([("tell", {ADV: 14, GATEWAY: 1}, 0)])
    months.world.pass_time(days=16)
    [one] = of(months).waiting
    assert one.first == date(2026, 3, 20)
    assert one.estimate == Decimal("-91.94")  # 4 × 12.50 × 26 / 31 until 14 April, and 50.00 until 14 May


def test_a_month_that_is_not_posted_yet_is_told_with_what_is_at_risk() -> None:
    """Days that are posted stay as they are, so this is what waiting costs."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 30)])
    text = as_mail(of(months), "acme").text
    assert "March 2026 is not posted yet, and NOT ready: 1 thing open, about 33.87 at risk." in text
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    after = as_mail(of(months), "acme").text
    assert "March 2026 is not posted yet" not in after
    assert (
        "March 2026 was posted with other units than it should on 1 line of contract 29683949 Contoso SASE: about 33.87 not billed."
        in after
    )
    assert after.count("March 2026") == 1


def test_what_ends_soon_is_counted_by_subscription_and_days() -> None:
    """One with two SKUs counts once: within 60, 30 and 7 days, with what a renewal would do."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    text = as_mail(of(months), "acme").text
    assert (
        "BILLED BY NO CONTRACT SOON: 1 subscription within 60 days, 1 within 30 days, 0 within 7 days" in text
    )
    assert "- 1 subscription ends being billed within 60 days: about 170.00 each period." in text
    assert f"10 {ADV} until 20 Mar 2026, about 125.00 each period." in text


def test_what_has_ended_is_not_counted_with_what_ends_soon() -> None:
    """It stands apart, with its day and what is not billed since then."""
    months = begun()
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 40)])
    text = as_mail(of(months), "acme").text
    assert "BILLED BY NO CONTRACT SOON" not in text
    assert "end being billed" not in text
    assert "- 1 subscription goes on after its contract has ended: about 170.00 each period." in text
    assert "ENDED, WITH SEATS IN TIMUS: 1 subscription, billed by no contract any more" in text
    assert f"10 {ADV} since 21 Mar 2026, about 125.00 each period." in text


def test_while_autotask_is_away_it_comes_without_money_and_says_so() -> None:
    """What waits is by our own records."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.world.control.add_fault("html_503", times=None)
    found = of(months)
    assert found.away
    mail = as_mail(found, "acme")
    assert "Not known: Autotask could not be asked" in mail.text
    assert f"timus-autotask approve {CONTRACT} 45" in mail.text
    assert "about" not in mail.subject


def test_while_nobody_may_ask_autotask_it_asks_nothing_either() -> None:
    """Bad logins in a row lock the account: the digest does not try once more."""
    months = begun()
    until = months.world.clock.now() + timedelta(hours=1)
    months.world.ports.store.commit(put_circuit(Circuit(until, "the API user is refused", True), 0))
    months.world.control.clear_requests()
    assert of(months).away == "the API user is refused"
    assert months.world.control.requests() == []


# -- Many clients


def of_many(clients: int) -> Digest:
    """A week in which something happened to everybody."""
    day = date(2026, 3, 9)
    names = {f"cus_{number}": f"Client {number}" for number in range(clients)}
    changed = tuple(
        ChangedLine((f"cus_{n}",), LineKey(n, 45), (ADV,), day, 1, 1, Estimate(Decimal(n), Decimal(n)))
        for n in range(clients, 0, -1)
    )
    waiting = tuple(
        Waiting(
            f"cus_{n}",
            ADV,
            LineKey(n, 45),
            "It waits.",
            "timus-autotask status",
            "held",
            -1,
            Decimal(-n),
            day,
        )
        for n in range(clients, 0, -1)
    )
    ends = tuple(
        Coverage(
            f"cus_{n}",
            f"sub_{n}",
            ADV,
            LineKey(n, 45),
            day + timedelta(days=n % 60),
            5,
            5,
            True,
            "Renewed.",
            Decimal(n),
        )
        for n in range(clients)
    )
    unmapped = tuple(names)
    return Digest(
        day, day + timedelta(days=7), changed, waiting, 3, unmapped, (), ends, names=Directory(names)
    )


@pytest.mark.parametrize("clients", [40, 1000])
def test_it_stays_readable_and_nothing_is_left_out_of_the_sums(clients: int) -> None:
    """The largest are named, the rest is counted, and the sums have all of it."""
    mail = as_mail(of_many(clients), "acme")
    assert len(mail.text.splitlines()) < 80
    assert len(mail.text.encode()) < 10_000
    assert f"and {clients - TOP} more lines: +{clients - TOP} units together" in mail.text
    everything = sum(range(1, clients + 1))
    assert f"{clients:,} changes were made: about +{everything:,.2f} on the next invoice" in mail.text
    rest = sum(range(1, clients - TOP + 1))
    assert f"and {clients - TOP} more, about {rest:,.2f}" in mail.text
    assert f"NOT MAPPED YET: {clients:,} customers" in mail.text


def test_it_reads_as_often_for_thirty_clients_as_for_three() -> None:
    """Lists of the table and of Autotask, never one by one."""

    def reads(clients: int) -> tuple[int, int]:
        world = World()
        for number in range(clients):
            name = f"cus_{number}"
            world.map_customer(name)
            world.tell(1, {ADV: 1}, customer=name, subscription=f"sub_{number}")
        world.work()
        counter = Counter[str]()
        for name in ("get", "range", "list", "due"):
            setattr(world.table, name, _counted(getattr(world.table, name), counter, name))
        world.control.clear_requests()
        digest(world.ports, world.clock.now() - timedelta(days=7))
        return sum(counter.values()), len(world.control.requests())

    assert reads(30) == reads(3)


def _counted(method: Callable[..., Any], counter: Counter[str], name: str) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        counter[name] += 1
        return method(*args, **kwargs)

    return counted


def test_text_from_outside_breaks_no_line_and_no_subject() -> None:
    """A name with a line break, a direction mark or a bell is shown, not obeyed; the subject is what SNS takes."""
    found = of_many(1)
    names = Directory({"cus_1": "Evil\r\nBcc: all@example.com\x07\u202e"})
    mail = as_mail(replace(found, names=names), "acme")
    assert "\nBcc" not in mail.text
    assert "\x07" not in mail.text
    assert "\u202e" not in mail.text
    assert mail.subject.isascii()
    assert "\n" not in mail.subject
    assert len(mail.subject) <= LONGEST_SUBJECT


# -- Sending


class Post:
    """Where e-mails go; it may fail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.fails = 0

    def __call__(self, subject: str, text: str) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("SNS is away")
        self.sent.append((subject, text))


def test_each_digest_goes_on_from_the_one_before() -> None:
    """One that could not be sent is made up for by the next: no change is left out, and none told twice."""
    months, post = begun(), Post()
    handler = digest_handler(months.world.ports, post, "acme", timedelta(days=7))
    told = [handler({}, Context())["changes"]]
    for number, fails in ((11, 0), (12, 1), (13, 0), (14, 0)):
        months.play([("wait", None, 1), ("tell", {ADV: number, GATEWAY: 1}, 0), ("wait", None, 5)])
        post.fails = fails
        if fails:
            with pytest.raises(ConnectionError):
                handler({}, Context())
        else:
            told.append(handler({}, Context())["changes"])
    landed = [one for one in months.world.ports.store.changes() if one.delta]
    assert sum(told) == len(landed)
    assert told[2] == 2
    assert len(post.sent) == 4


def test_the_first_one_covers_its_period_and_a_long_silence_at_most_a_month() -> None:
    """What was switched off for a year does not tell a year."""
    months, post = begun(), Post()
    handler = digest_handler(months.world.ports, post, "acme", timedelta(days=1))
    handler({}, Context())
    sent = sent_digest(months.world.table)
    assert sent is not None
    assert sent.value.at == months.world.clock.now()
    months.world.clock.advance(timedelta(days=300).total_seconds())
    since = datetime.fromisoformat(handler({}, Context())["since"])
    assert months.world.clock.now() - since == timedelta(days=31)


def test_it_is_published_to_its_topic() -> None:
    """Subject and text, as they are."""
    asked: list[dict[str, str]] = []

    class Client:
        def publish(self, **fields: str) -> None:
            asked.append(fields)

    SnsMails(Client(), "arn:aws:sns:eu-west-1:1:t")("Subject", "Text")  # type: ignore[arg-type]
    assert asked == [{"TopicArn": "arn:aws:sns:eu-west-1:1:t", "Subject": "Subject", "Message": "Text"}]


def test_what_has_no_price_is_not_said_to_be_about_nothing() -> None:
    """Where more waits than is named, what is counted has its money, or none is known."""
    waiting = [
        Waiting("cus", f"SKU-{number:02}", None, "why", "do", "unmapped", -1) for number in range(TOP + 2)
    ]
    found = replace(of_many(1), waiting=tuple(waiting))
    assert "- and 2 more (no price is known)\n" in as_mail(found, "acme").text
    priced = replace(waiting[-1], estimate=Decimal(-5))
    found = replace(found, waiting=(*waiting[:-1], priced))
    assert "- and 2 more, about 5.00 (1 without a known price)\n" in as_mail(found, "acme").text


def test_a_digest_that_begins_within_a_day_says_when() -> None:
    """What was changed earlier on that day was told by the one before."""
    months = begun()
    assert "Timus billing sync, 22 Feb 09:00 to 1 Mar 2026" in as_mail(of(months), "acme").text
    assert as_mail(of(months), "acme").subject.startswith("Timus billing 22 Feb 09:00 to 1 Mar: ")


def test_on_demand_it_has_whole_days() -> None:
    """What was changed on the morning of the first of them is in it."""
    months = begun()
    months.world.pass_time(days=7)
    said = months.desk.told("digest")
    assert "Timus billing sync, 1 Mar to 8 Mar 2026" in said
    assert "1 change was made" in said


def test_the_command_shows_it_on_demand() -> None:
    """The same text, and for programs all of it."""
    months = begun()
    months.play([("wait", None, 8), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    assert "MONEY (estimates" in months.desk.told("digest")
    form = Desk(months.world).ask("digest", "--since", "2026-03-09")
    assert form["changes"] == 1
    assert form["estimate"]["so_far"] == "27.82"
    assert form["text"].startswith("Timus billing sync, 9 Mar to 9 Mar 2026")


def test_a_company_of_another_name_waits_for_a_person() -> None:
    """One client may be billed for another one's seats: with the commands, once."""
    months = begun()
    months.play([("wait", None, 3)])
    months.world.tell(50, {ADV: 10, GATEWAY: 1}, customer_name="Northwind")
    months.work()
    found = of(months)
    assert [(one.kind, one.customer) for one in found.waiting] == [("name", CUSTOMER)]
    assert "timus-autotask map confirm cus_41d0" in as_mail(found, "acme").text


def test_what_is_posted_already_is_not_on_the_next_invoice() -> None:
    """Both changes are in March, which was posted with them; a change after that is on the next one."""
    months = begun("posted_period=same-day")
    months.play([("wait", None, 2), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    before = of(months)
    assert (before.posted, before.effect) == (Decimal(0), Estimate(Decimal("-152.42"), Decimal("-150.00")))
    months.play([("post", None, 0)])
    found = of(months)
    assert (found.posted, found.effect) == (Decimal("-152.42"), Estimate(Decimal("0.00"), Decimal("-150.00")))
    mail = as_mail(found, "acme")
    assert (
        "2 changes were made: about -152.42 on posted invoices already, -150.00 each period from now on."
        in (mail.text)
    )
    assert "on the next invoice" not in mail.text
    assert mail.subject.endswith("2 changes, about -152.42 on posted invoices")
    months.play([("wait", None, 1), ("tell", {ADV: 17, GATEWAY: 1}, 0)])
    after = of(months)
    assert (after.posted, after.effect.so_far) == (
        Decimal("-152.42"),
        Decimal("45.16"),
    )  # 4 × 12.50 × 28 / 31
    said = (
        "about -152.42 on posted invoices already, +45.16 on the next invoice, -100.00 each period after it"
    )
    assert said in as_mail(after, "acme").text
    form = Desk(months.world).ask("digest")
    assert (form["estimate"]["so_far"], form["estimate_posted"]) == ("45.16", "-152.42")


def test_what_is_of_a_month_that_is_over_and_not_posted_is_not_on_the_next_invoice() -> None:
    """On 2 April, three seats more from 9 March: 27.82 of March, which nobody has posted, and 37.50 of April."""
    months = begun()
    months.world.pass_time(days=8)
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 0)])
    months.world.pass_time(days=24)
    found = of(months, 30)
    assert (found.over, found.effect) == (Decimal("27.82"), Estimate(Decimal("37.50"), Decimal("37.50")))
    mail = as_mail(found, "acme")
    words = "about +27.82 of billing periods that are over and not posted yet, +37.50 on the next invoice, +37.50 each period after it"
    assert f"1 change was made: {words}." in mail.text
    assert f"+3 {ADV} from 9 Mar: {words}" in mail.text
    assert "about +65.32 on the next invoices" in mail.subject
    assert len(mail.subject) < LONGEST_SUBJECT


def test_what_was_posted_otherwise_is_told() -> None:
    """Three seats came after March was posted: nobody's waiting brings them right."""
    months = begun()
    months.play([("post", None, 0), ("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0), ("wait", None, 1)])
    text = as_mail(of(months), "acme").text
    assert (
        "- March 2026 was posted with other units than it should on 1 line of contract 29683949 Contoso SASE: "
        "about 33.87 not billed.\n"
        "    timus-autotask ready --posted --month 2026-03" in text
    )
    assert "April" not in text
    form = Desk(months.world).ask("digest")
    assert [one["month"] for one in form["posted_otherwise"]] == ["2026-03"]


def test_what_came_to_a_posted_period_since_is_told_until_it_is_posted() -> None:
    """Four seats of a service that is new since 12 March: 4 × 8.50 × 20 / 31. A fortnight later, the digest still has them."""
    months = begun()
    months.play([("post", None, 0), ("wait", None, 11), ("tell", {ADV: 10, ESS: 4, GATEWAY: 1}, 0)])
    months.world.pass_time(days=24)
    text = as_mail(of(months), "acme").text
    assert (
        "- March 2026 was posted, and 1 change that came since waits for the next posting, about +21.94.\n"
        "    timus-autotask ready --posted --month 2026-03" in text
    )
    [march] = months.desk.ask("digest")["posted_otherwise"]
    assert [(one["unit_change"], one["estimate"]) for one in march["not_posted"]] == [(4, "21.94")]
    months.play([("post", None, 0)])
    assert "waits for the next posting" not in as_mail(of(months), "acme").text


def test_a_change_of_ours_that_brings_a_new_price_counts_with_it() -> None:
    """10 × 12.50 becomes 12 × 15.00 from the 11th, and then 13 × 15.00: the price of each change is the one of its time."""
    months = begun()
    months.desk.told("policy", "set", f"prices.{ADV}=15", "--yes")
    months.play([("wait", None, 10), ("tell", {ADV: 12, GATEWAY: 1}, 0)])
    found = of(months, days=1)
    # 2 × 15.00 and 10 × 2.50, on 21 of 31 days
    assert found.effect == Estimate(Decimal("37.26"), Decimal("55.00"))
    months.desk.told("policy", "set", f"prices.{ADV}=20", "--yes")
    months.play([("tell", {ADV: 13, GATEWAY: 1}, 0)])
    assert of(months, days=1).effect.each_period == Decimal("135.00")  # 13 × 20.00 less 10 × 12.50
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    months.play([("wait", None, 25)])
    after = of(months, days=31)
    assert after.effect == Estimate(Decimal("135.00"), Decimal("135.00"))
    assert after.posted == Decimal("88.87")  # 37.26; and from the 12th, on 20 days, 1 × 20.00 and 12 × 5.00


def test_a_first_month_has_no_month_before_it() -> None:
    """Nobody had a unit in February, so nobody posts it; March is told from April on."""
    scenario = {**SCENARIO, "contracts": [{**SCENARIO["contracts"][0], "lines": []}]}
    months = Months(World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario=scenario))
    months.begin((), mapped=True)
    months.world.pass_time(days=18)
    assert of(months).earlier is None
    assert "February" not in as_mail(of(months), "acme").text
    months.world.pass_time(days=15)
    assert "March 2026 is not posted yet, and ready" in as_mail(of(months), "acme").text


def test_days_that_no_posting_has_and_no_waiting_brings_are_told() -> None:
    """The contract begins on 10 March: ten seats and a gateway of nine days are on no bill. What waits for a person is told as that alone."""
    contract = {**SCENARIO["contracts"][0], "startDate": "2026-03-10", "lines": []}
    months = Months(
        World(start=datetime(2026, 3, 1, 8, tzinfo=UTC), scenario={**SCENARIO, "contracts": [contract]})
    )
    months.begin((), mapped=True)
    months.world.tell(1, {ADV: 4}, customer="cus_two", subscription="sub_two", customer_name="Zwei GmbH")
    months.work()
    months.world.pass_time(days=20)
    months.work()
    text = as_mail(of(months), "acme").text
    # 10 × 12.50 × 9 / 31, and 1 × 45.00 × 9 / 31
    assert (
        "- March 2026 has 99 seat-days in no posting that no waiting brings: about 49.35 not billed." in text
    )
    assert text.count("in no posting") == 1
    [march] = Desk(months.world).ask("digest")["posted_otherwise"]
    assert {(one["cause"], one["from"], one["to"]) for one in march["in_no_posting"]} == {
        ("late", "2026-03-01", "2026-03-09")
    }
