"""Writes whose answer is lost, against the emulator: what happened counts, not what was heard."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tests.contract.conftest import Emulator, create_table
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.ports.errors import Conflict, TableUnavailable
from timus_autotask.ports.table import Check, Delete, Document, Key, Put, Write

pytestmark = pytest.mark.emulator

A, B = Key("CONTRACT#1", "CONTRACT"), Key("CONTRACT#1", "LINE#7")

WRITES: dict[str, list[Write]] = {
    "create": [Put(A, {"n": 1}, 0)],
    "replace": [Put(B, {"n": 2}, 1)],
    "delete": [Delete(B, 1)],
    "several": [Put(A, {"n": 1}, 0), Put(B, {"n": 2}, 1)],
    "replace one, check one": [Check(A, 0), Put(B, {"n": 2}, 1)],
    "delete one, check one": [Check(A, 0), Delete(B, 1)],
}
AFTER: dict[str, list[Document | None]] = {
    "create": [Document(A, 1, {"n": 1}), Document(B, 1, {"n": 1})],
    "replace": [None, Document(B, 2, {"n": 2})],
    "delete": [None, None],
    "several": [Document(A, 1, {"n": 1}), Document(B, 2, {"n": 2})],
    "replace one, check one": [None, Document(B, 2, {"n": 2})],
    "delete one, check one": [None, None],
}

every_write = pytest.mark.parametrize("write", WRITES)


@pytest.fixture
def name(emulator: Emulator) -> str:
    """The name of a table that holds B."""
    name = f"table-{uuid.uuid4()}"
    client = emulator.client("dynamodb")
    create_table(client, name)
    DynamoTable(client, name).write([Put(B, {"n": 1}, 0)])
    return name


class Lossy:
    """A client that performs its first write, does ``then`` and loses the answer."""

    def __init__(self, client: Any, error: Exception, then: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._error: Exception | None = error
        self._then = then
        self.query = client.query
        self.get_item = client.get_item

    def put_item(self, **request: Any) -> Any:
        """Perform a PutItem."""
        return self._perform(self._client.put_item, request)

    def transact_write_items(self, **request: Any) -> Any:
        """Perform a TransactWriteItems."""
        return self._perform(self._client.transact_write_items, request)

    def _perform(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:
        answer = call(**request)
        if self._error:
            error, self._error = self._error, None
            self._then()
            raise error
        return answer


def server_error() -> ClientError:
    """What the client raises when DynamoDB fails inside."""
    answer: Any = {
        "Error": {"Code": "InternalServerError", "Message": "Internal server error"},
        "ResponseMetadata": {"HTTPStatusCode": 500, "RetryAttempts": 0},
    }
    return ClientError(answer, "PutItem")


def lose_one_answer(client: Any, then: Callable[[], None] = lambda: None) -> list[str]:
    """Let ``client`` lose the answer of its first write below its own retries; returns the operations sent so far."""
    sent: list[str] = []

    def send(request: Any, event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])
        if len(sent) == 1:
            assert URLLib3Session().send(request).status_code == 200
            then()
            raise ReadTimeoutError(endpoint_url=request.url)

    for operation in ("PutItem", "TransactWriteItems"):
        client.meta.events.register(f"before-send.dynamodb.{operation}", send)
    return sent


def state(emulator: Emulator, name: str) -> list[Document | None]:
    """What A and B hold in truth."""
    table = DynamoTable(emulator.client("dynamodb"), name)
    return [table.get(A), table.get(B)]


@every_write
def test_a_write_whose_answer_the_client_lost_and_asked_again_has_succeeded(
    emulator: Emulator, name: str, write: str
) -> None:
    """The client sends again by itself; the second attempt meets the first and is no conflict."""
    client = emulator.client("dynamodb", attempts=3)
    sent = lose_one_answer(client)
    DynamoTable(client, name).write(WRITES[write])
    assert len(sent) == 2
    assert state(emulator, name) == AFTER[write]


@every_write
def test_a_write_that_a_server_error_hid_has_succeeded(emulator: Emulator, name: str, write: str) -> None:
    """After an internal server error the same write is sent again and recognised."""
    lossy: Any = Lossy(emulator.client("dynamodb"), server_error())
    DynamoTable(lossy, name, sleep=lambda _: None).write(WRITES[write])
    assert state(emulator, name) == AFTER[write]


@every_write
def test_a_write_whose_answer_never_came_is_unavailable_and_may_have_happened(
    emulator: Emulator, name: str, write: str
) -> None:
    """A time-out that remains is told as it is: the caller has to look."""
    lossy: Any = Lossy(emulator.client("dynamodb"), ReadTimeoutError(endpoint_url="http://table"))
    with pytest.raises(TableUnavailable):
        DynamoTable(lossy, name).write(WRITES[write])
    assert state(emulator, name) == AFTER[write]


@pytest.mark.parametrize("write", ["create", "replace"])
def test_a_lost_write_that_somebody_replaced_since_is_never_told_as_a_conflict(
    emulator: Emulator, name: str, write: str
) -> None:
    """It did happen: "nothing of this write happened" would be a lie."""
    table = DynamoTable(emulator.client("dynamodb"), name)

    def replace() -> None:
        key = WRITES[write][0].key
        document = table.get(key)
        assert document
        table.write([Put(key, {"n": 9}, document.rev)])

    client = emulator.client("dynamodb", attempts=3)
    lose_one_answer(client, then=replace)
    with pytest.raises(TableUnavailable):
        DynamoTable(client, name).write(WRITES[write])


@pytest.mark.parametrize("write", ["several", "replace one, check one", "delete", "delete one, check one"])
def test_a_lost_transaction_is_recognised_after_everything_was_replaced(
    emulator: Emulator, name: str, write: str
) -> None:
    """The token of a transaction outlives its documents."""
    table = DynamoTable(emulator.client("dynamodb"), name)

    def replace() -> None:
        changes: list[Write] = []
        for key in (A, B):
            document = table.get(key)
            changes.append(Put(key, {"n": 9}, document.rev if document else 0))
        table.write(changes)

    client = emulator.client("dynamodb", attempts=3)
    lose_one_answer(client, then=replace)
    DynamoTable(client, name).write(WRITES[write])


@every_write
def test_a_write_that_lost_nothing_conflicts_as_ever(emulator: Emulator, name: str, write: str) -> None:
    """Recognising our own work never takes somebody else's for it."""
    table = DynamoTable(emulator.client("dynamodb", attempts=3), name)
    table.write([Put(A, {"n": 5}, 0)])
    table.write([Put(B, {"n": 5}, 1)])
    before = state(emulator, name)
    with pytest.raises(Conflict) as conflict:
        table.write(WRITES[write])
    assert set(conflict.value.keys) == {change.key for change in WRITES[write]}
    assert state(emulator, name) == before


def test_the_item_is_readable_in_the_console(emulator: Emulator, name: str) -> None:
    """Data is a native map, and the attributes of indexes and TTL are there only when they mean something."""
    client = emulator.client("dynamodb")
    table = DynamoTable(client, name)
    table.write([Put(A, {"units": 3, "zone": None}, 0, due_at=5, kind="contract", sort="x", expires_at=7)])
    items = {item["sk"]["S"]: item for item in client.scan(TableName=name)["Items"]}
    writes = {items[sk].pop("write")["S"] for sk in ("CONTRACT", "LINE#7")}
    assert len(writes) == 2
    assert items == {
        "CONTRACT": {
            "pk": {"S": "CONTRACT#1"},
            "sk": {"S": "CONTRACT"},
            "rev": {"N": "1"},
            "data": {"M": {"units": {"N": "3"}, "zone": {"NULL": True}}},
            "due": {"S": "due"},
            "due_at": {"N": "5"},
            "kind": {"S": "contract"},
            "sort": {"S": "x"},
            "expires_at": {"N": "7"},
        },
        "LINE#7": {
            "pk": {"S": "CONTRACT#1"},
            "sk": {"S": "LINE#7"},
            "rev": {"N": "1"},
            "data": {"M": {"n": {"N": "1"}}},
        },
    }
