"""What breaks on the way, and that the contract is right afterwards: never a seat twice, never one lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.deployed import ADV, GATEWAY, Client, Deployed, day
from timus_autotask.domain.line import State

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [
        ("reset_after", 1),
        ("timeout_before", 2),
        ("timeout_after", 1),
        ("land_late", 1),
        ("html_502", 2),
        ("html_502_after", 1),
        ("truncated_body", 1),
    ],
)
def test_an_unknown_outcome_settles_by_a_read(client: Client, kind: str, attempts: int) -> None:
    """Whether a lost answer hides a success or a failure is not guessed: a read decides when the time is over."""
    client.fault(kind, seconds=1)
    client.tell(7, {ADV: 28, GATEWAY: 1})
    client.deployed.eventually(
        lambda: [line.state for line in client.open] == [State.SETTLING] and not client.at_rest()
    )
    client.rests(sweep=True)
    assert client.posts() == [(ADV, 3, day(0))] * attempts
    assert client.posts("committed") == [(ADV, 3, day(0))]
    assert client.units(ADV, day(0)) == 28


def test_a_failing_client_delays_no_other(deployed: Deployed) -> None:
    """While one line settles, another client's change goes through."""
    slow, quick = deployed.client(), deployed.client()
    slow.fault("timeout_after", seconds=1)
    slow.tell(7, {ADV: 28, GATEWAY: 1})
    quick.tell(7, {ADV: 29, GATEWAY: 1})
    quick.rests()
    assert quick.posts() == [(ADV, 4, day(0))]
    slow.rests(sweep=True)
    assert slow.posts() == [(ADV, 3, day(0))]


def test_a_lost_wake_up_is_found_by_the_sweep(deployed: Deployed) -> None:
    """An event whose message vanished is applied all the same, once its wake-up has had its chance."""
    client = deployed.client()
    sqs, url = deployed.stack.client("sqs"), deployed.stack.outputs["QueueUrl"]
    with deployed.worker_away():
        client.tell(7, {ADV: 28, GATEWAY: 1})
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)[
            "Messages"
        ]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    [item] = [i for i in deployed.items() if i["pk"]["S"] == f"CUSTOMER#{client.customer}" and "due_at" in i]
    # A minute from now in a test: make it due, as time does.
    item["due_at"] = {"N": str(int(time.time()))}
    deployed.stack.client("dynamodb").put_item(TableName=deployed.stack.outputs["TableName"], Item=item)
    client.rests(sweep=True)
    assert client.posts() == [(ADV, 3, day(0))]


def test_a_worker_that_was_killed_while_idle_is_replaced(client: Client) -> None:
    """The next wake-up starts a new process, and nothing of the old one is missed."""
    client.tell(7, {ADV: 28, GATEWAY: 1}, on=day(-2))
    client.rests()
    assert client.deployed.kill_worker() >= 1
    client.tell(8, {ADV: 30, GATEWAY: 1})
    client.rests(sweep=True)
    assert client.posts() == [(ADV, 3, day(-2)), (ADV, 2, day(0))]


@pytest.fixture
def impatient_queue(deployed: Deployed) -> Iterator[None]:
    """A message that failed comes back at once instead of after six minutes."""
    sqs, url = deployed.stack.client("sqs"), deployed.stack.outputs["QueueUrl"]
    patient = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=patient)


def test_a_dead_letter_is_redriven_and_ends_right(deployed: Deployed, impatient_queue: None) -> None:
    """While the worker may not reach its table its wake-ups die; redriven afterwards, the change is applied once."""
    client = deployed.client()
    with deployed.denied("ApplyChanges", "dynamodb:*"):
        client.tell(7, {ADV: 28, GATEWAY: 1})
        deployed.eventually(lambda: deployed.waiting("DeadLetterQueueUrl") == 1)
    assert client.posts() == []
    said = deployed.command("redrive")
    assert (said["woken"], said["strange"], said["totals"]["units_up"]) == ([client.customer], [], 3)
    client.rests()
    assert client.posts() == [(ADV, 3, day(0))]
    assert deployed.waiting("DeadLetterQueueUrl") == 0


def test_a_message_that_is_no_wake_up_dies_alone(deployed: Deployed, impatient_queue: None) -> None:
    """It ends as a dead letter, and the wake-ups beside it are worked on."""
    client = deployed.client()
    deployed.stack.client("sqs").send_message(
        QueueUrl=deployed.stack.outputs["QueueUrl"],
        MessageBody="nobody's",
        MessageGroupId="poison",
        MessageDeduplicationId="poison",
    )
    client.tell(7, {ADV: 28, GATEWAY: 1})
    client.rests()
    assert client.posts() == [(ADV, 3, day(0))]
    deployed.eventually(lambda: deployed.waiting("DeadLetterQueueUrl") == 1)
    sqs, url = deployed.stack.client("sqs"), deployed.stack.outputs["DeadLetterQueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    said = deployed.command("redrive")
    assert (said["woken"], said["strange"]) == ([], ["nobody's"])  # it stays
    [letter] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert letter["Body"] == "nobody's"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
