"""What failures of DynamoDB mean, with the real client and canned answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import ANY, Stubber

from timus_autotask.aws.dynamodb import PAUSES, DynamoTable, attribute_of, document_of, item_of, value_of
from timus_autotask.ports.errors import Conflict, TableUnavailable
from timus_autotask.ports.table import LOST, Check, Damaged, Delete, Key, Put, Write

A, B, C = Key("P", "a"), Key("P", "b"), Key("P", "c")
SESSION: Any = boto3.Session("test", "test", region_name="eu-west-1")
ONE: list[Write] = [Put(A, {}, 0)]
THREE: list[Write] = [Put(A, {}, 0), Delete(B, 1), Check(C, 2)]


class World:
    """A table over a stubbed client; ``slept`` are the pauses it made."""

    def __init__(self) -> None:
        self.client = SESSION.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
        self.stub = Stubber(self.client)
        self.slept: list[float] = []
        self.table = DynamoTable(self.client, "table", sleep=self.slept.append)

    def fail(self, operation: str, code: str, status: int = 400, **modeled: Any) -> None:
        """The next call of ``operation`` fails so."""
        self.stub.add_client_error(operation, code, "why", status, modeled_fields=modeled)

    def cancel(self, *reasons: str) -> None:
        """The next transaction is cancelled, with a reason for each of its changes."""
        self.fail(
            "transact_write_items",
            "TransactionCanceledException",
            CancellationReasons=[{"Code": reason} for reason in reasons],
        )


@pytest.fixture
def world() -> Iterator[World]:
    """All canned answers must have been used."""
    world = World()
    with world.stub:
        yield world
        world.stub.assert_no_pending_responses()


BUSY = [
    ("ProvisionedThroughputExceededException", 400),
    ("ThrottlingException", 400),
    ("RequestLimitExceeded", 400),
    ("TransactionConflictException", 400),
    ("InternalServerError", 500),
    ("ServiceUnavailable", 503),
]


@pytest.mark.parametrize(("code", "status"), BUSY)
def test_a_busy_table_is_asked_again(world: World, code: str, status: int) -> None:
    """After a short pause the same write succeeds."""
    world.fail("put_item", code, status)
    world.stub.add_response("put_item", {})
    world.table.write(ONE)
    assert len(world.slept) == 1
    assert 0 <= world.slept[0] <= PAUSES[0]


@pytest.mark.parametrize(("code", "status"), BUSY)
def test_a_table_that_stays_busy_is_unavailable(world: World, code: str, status: int) -> None:
    """The attempts and the time spent on them are bounded."""
    for _ in range(len(PAUSES) + 1):
        world.fail("put_item", code, status)
    with pytest.raises(TableUnavailable, match=code):
        world.table.write(ONE)
    assert len(world.slept) == len(PAUSES)
    assert all(0 <= slept <= pause for slept, pause in zip(world.slept, PAUSES, strict=True))


def test_the_same_write_is_sent_again(world: World) -> None:
    """Every attempt carries the same id and token, or it could not be recognised."""
    sent: list[dict[str, Any]] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: sent.append(params)
    )
    world.cancel("TransactionConflict", "None", "None")
    world.fail("transact_write_items", "TransactionInProgressException")
    world.stub.add_response("transact_write_items", {})
    world.table.write(THREE)
    assert sent[0] == sent[1] == sent[2]
    assert sent[0]["ClientRequestToken"] == sent[0]["TransactItems"][0]["Put"]["Item"]["write"]["S"]


@pytest.mark.parametrize("operation", ["get", "range", "due", "list"])
def test_reads_wait_out_a_busy_table_too(world: World, operation: str) -> None:
    """A throttled read is asked again like a write."""
    call = "get_item" if operation == "get" else "query"
    world.fail(call, "ThrottlingException")
    world.stub.add_response(call, {} if operation == "get" else {"Items": []})
    assert not read(world, operation)


@pytest.mark.parametrize("operation", ["get", "range", "due", "list"])
@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "ExpiredTokenException", "SomethingNew"]
)
def test_reads_that_fail_are_unavailable_at_once(world: World, operation: str, code: str) -> None:
    """What another attempt cannot mend is not tried again."""
    world.fail("get_item" if operation == "get" else "query", code)
    with pytest.raises(TableUnavailable, match=code):
        read(world, operation)
    assert world.slept == []


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_a_transaction_that_met_another_is_asked_again(world: World, reason: str) -> None:
    """Meeting another transaction is no conflict of revisions: nobody has written yet."""
    world.cancel("None", reason, "None")
    world.stub.add_response("transact_write_items", {})
    world.table.write(THREE)
    assert len(world.slept) == 1


def test_a_condition_that_failed_outweighs_everything_else(world: World) -> None:
    """Asking again would change nothing; only the documents that moved are named."""
    world.cancel("TransactionConflict", "ConditionalCheckFailed", "ConditionalCheckFailed")
    with pytest.raises(Conflict) as conflict:
        world.table.write(THREE)
    assert conflict.value.keys == (B, C)
    assert world.slept == []


def test_a_condition_that_failed_after_being_busy_is_a_conflict(world: World) -> None:
    """A throttled attempt did nothing, so what is stored is somebody else's."""
    world.fail("put_item", "TransactionConflictException")
    world.fail("put_item", "ConditionalCheckFailedException", Item={"write": {"S": "another"}})
    with pytest.raises(Conflict) as conflict:
        world.table.write(ONE)
    assert conflict.value.keys == (A,)


@pytest.mark.parametrize("item", [{}, {"Item": {"write": {"S": "another"}}}], ids=["gone", "another's"])
def test_a_condition_that_failed_after_a_server_error_is_unknown(world: World, item: dict[str, Any]) -> None:
    """The attempt before may have succeeded and been replaced: neither success nor conflict is sure."""
    world.fail("put_item", "InternalServerError", 500)
    world.fail("put_item", "ConditionalCheckFailedException", **item)
    with pytest.raises(TableUnavailable):
        world.table.write(ONE)


def test_a_transaction_after_a_server_error_is_sure(world: World) -> None:
    """Its token makes DynamoDB itself say whether the attempt before succeeded."""
    world.fail("transact_write_items", "InternalServerError", 500)
    world.cancel("None", "ConditionalCheckFailed", "None")
    with pytest.raises(Conflict):
        world.table.write(THREE)


@pytest.mark.parametrize("code", ["ValidationException", "SerializationException"])
def test_a_request_that_can_never_succeed_is_the_callers_error(world: World, code: str) -> None:
    """A document that is too large fails as ValueError, not as an outage to wait for."""
    world.fail("put_item", code)
    with pytest.raises(ValueError, match="why"):
        world.table.write(ONE)


def test_a_transaction_that_can_never_succeed_is_the_callers_error(world: World) -> None:
    """The same, told as a reason of the transaction."""
    world.cancel("None", "None", "ValidationError")
    with pytest.raises(ValueError, match="why"):
        world.table.write(THREE)


def test_parameters_that_the_client_refuses_are_the_callers_error() -> None:
    """The client checks types before it sends anything."""
    wrong: Any = 7
    with pytest.raises(ValueError, match="pk"):
        World().table.get(Key(wrong, "a"))


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://table"),
        ConnectTimeoutError(endpoint_url="https://table"),
        EndpointConnectionError(endpoint_url="https://table"),
        NoCredentialsError(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("operation", ["get", "get_many", "range", "due", "list", "write", "transaction"])
def test_a_table_out_of_reach_is_unavailable(operation: str, error: Exception) -> None:
    """Time-outs and connections that fail have been tried again below; they are told as they are."""
    world = World()

    def out_of_reach(**_: Any) -> None:
        raise error

    world.client.meta.events.register("before-send.dynamodb", out_of_reach)
    with pytest.raises(TableUnavailable) as unavailable:
        read(world, operation)
    assert unavailable.value.__cause__ is error
    assert world.slept == []


def test_reads_by_key_are_consistent_and_those_of_indexes_are_not(world: World) -> None:
    """DynamoDB refuses consistent reads of an index."""
    page: dict[str, Any] = {"Items": []}
    key = {"pk": {"S": "P"}, "sk": {"S": "a"}}
    world.stub.add_response("get_item", {}, {"TableName": "table", "Key": key, "ConsistentRead": True})
    world.stub.add_response("query", page, query(ConsistentRead=True))
    world.stub.add_response("query", page, query(IndexName="due-index", Limit=9))
    world.stub.add_response("query", page, query(IndexName="kind-index"))
    world.stub.add_response("batch_get_item", {"Responses": {}}, {"RequestItems": batch(A, B)})
    for operation in ("get", "range", "due", "list", "get_many"):
        assert not read(world, operation)


def batch(*keys: Key) -> dict[str, Any]:
    """What a request for several documents names."""
    listed = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys]
    return {"table": {"Keys": listed, "ConsistentRead": True}}


def items(*keys: Key) -> dict[str, Any]:
    """Stored items, as they are answered."""
    stored = {"rev": {"N": "1"}, "write": {"S": "w"}, "data": {"M": {}}}
    return {"table": [{"pk": {"S": key.pk}, "sk": {"S": key.sk}, **stored} for key in keys]}


def test_keys_that_are_left_are_asked_for_again(world: World) -> None:
    """At once if some were read, after a pause if none was; as of now each time."""
    some, none = {"Responses": items(B), "UnprocessedKeys": batch(A, C)}, {"UnprocessedKeys": batch(A, C)}
    world.stub.add_response("batch_get_item", some, {"RequestItems": batch(A, B, C)})
    world.stub.add_response("batch_get_item", {"Responses": {}, **none}, {"RequestItems": batch(A, C)})
    world.stub.add_response("batch_get_item", {"Responses": items(A)}, {"RequestItems": batch(A, C)})
    assert [document.key for document in world.table.get_many([A, B, C, A])] == [A, B]
    assert len(world.slept) == 1


def test_keys_that_stay_left_are_a_table_out_of_reach(world: World) -> None:
    """Never taken for documents that there are not."""
    for _ in range(len(PAUSES) + 1):
        left = {"Responses": {}, "UnprocessedKeys": batch(A)}
        world.stub.add_response("batch_get_item", left, {"RequestItems": batch(A)})
    with pytest.raises(TableUnavailable):
        world.table.get_many([A])


def test_a_page_is_never_asked_for_more_than_dynamodb_can_count(world: World) -> None:
    """``Limit`` is a 32-bit number: who wants everything due gets it page by page."""
    world.stub.add_response("query", {"Items": []}, query(IndexName="due-index", Limit=10_000))
    assert world.table.due(9, 2**53) == []


@pytest.mark.parametrize("value", [1.5, b"", {1, 2}, {"a": [1.0]}, {1: 2}, {"": 1}])
def test_what_is_not_json_like_has_no_attribute(value: object) -> None:
    """A float never gets as far as the table."""
    with pytest.raises(TypeError):
        attribute_of(value)


def test_values_and_attributes_are_each_others_inverse() -> None:
    """Including the confusions that DynamoDB's types invite."""
    value = {"a": [None, True, False, 0, 1, "", "1", [], {}, {"N": "1"}], "b": -(2**53)}
    assert repr(value_of(attribute_of(value))) == repr(value)


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ({"N": "7"}, 7),
        ({"N": "1.5"}, 1.5),
        ({"S": "{}"}, "{}"),
        ({"L": []}, []),
        ({"NULL": True}, None),
        (None, None),
    ],
)
def test_data_that_is_no_map_is_a_map_without_fields(stored: dict[str, Any] | None, found: object) -> None:
    """It is told from an empty map, which is a record of defaults; and what has no data at all is the same."""
    item = {"pk": {"S": "P"}, "sk": {"S": "a"}, "rev": {"N": "1"}}
    read = document_of(item if stored is None else {**item, "data": stored})
    assert read.data == Damaged(found)
    assert dict(read.data) == {}
    assert read.data != {}


@pytest.mark.parametrize("rev", [None, {"S": "1"}, {"NULL": True}, {"N": "0"}, {"N": "-3"}, {"N": "0.5"}])
def test_what_has_no_revision_is_a_record_that_cannot_be_read(rev: dict[str, Any] | None) -> None:
    """A revision is a number from 1 on. What stands there otherwise is a hand's."""
    item: dict[str, Any] = {"pk": {"S": "P"}, "sk": {"S": "a"}, "data": {"M": {"n": {"N": "1"}}}}
    found = document_of(item if rev is None else {**item, "rev": rev})
    assert (found.rev, found.data) == (LOST, Damaged({"n": 1}, unrevised=True))
    assert "rev" not in item_of(Put(found.key, found.data, found.rev), "w")


def test_times_that_are_no_whole_numbers_stop_no_reader() -> None:
    """What is no number is no time; of a fraction its whole part counts."""
    item: dict[str, Any] = {"pk": {"S": "P"}, "sk": {"S": "a"}, "rev": {"N": "2"}, "data": {"M": {}}}
    found = document_of({**item, "due_at": {"N": "5.5"}, "expires_at": {"S": "never"}})
    assert (found.rev, found.due_at, found.expires_at) == (2, 5, None)


def query(**rest: Any) -> dict[str, Any]:
    """The parameters of a query on the stub's table."""
    names = ("KeyConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")
    return {"TableName": "table", **dict.fromkeys(names, ANY), **rest}


def read(world: World, operation: str) -> object:
    """Call a method of the table by name, with whatever arguments."""
    match operation:
        case "get":
            return world.table.get(A)
        case "get_many":
            return world.table.get_many([A, B])
        case "range":
            return world.table.range("P", "a", "b")
        case "due":
            return world.table.due(5, 9)
        case "list":
            return list(world.table.list("kind"))
        case "write":
            world.table.write(ONE)
        case "transaction":
            world.table.write(THREE)
    return None
