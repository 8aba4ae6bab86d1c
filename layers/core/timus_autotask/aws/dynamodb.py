"""The table port on DynamoDB: conditional writes, transactions, and what their failures mean.

Two rules of this module carry the promise "all or nothing, and nobody in between":

* Every write stores a random id. The client sends a request again when its answer is lost, so a write can meet its own
  effect; the id is how it recognises that.
* Every exception of botocore passes through :func:`meaning_of`. Nothing above this module knows them.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from timus_autotask.ports.errors import Conflict, TableUnavailable
from timus_autotask.ports.table import (
    LOST,
    MOST_GOT,
    MOST_WRITES,
    Damaged,
    Delete,
    Document,
    Due,
    Key,
    Put,
    Write,
    data_in,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

A_FEW = 20
"""Documents in a page of a list from its end."""
MOST_IN_A_PAGE = 10_000
"""More documents do not fit into a page's megabyte, and the parameter is a 32-bit number."""
PAUSES = (0.025, 0.05, 0.1, 0.2)
"""Seconds before each further attempt, at most: a random share of each is waited."""

EARLIER_ASKED = 15
"""Seconds between two questions whether DynamoDB has restored a table."""

Item = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB's API writes it: ``{"pk": {"S": "PARTNER"}, …}``."""

_LEAST = "\x00"
"""Stands for the empty string, which no key of a table or an index may be; nothing sorts before it."""

_WHOLE = re.compile("-?[0-9]+")

_BUSY = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)
"""Codes of an answer, or of a reason in it, by which nothing has happened and the same request may soon succeed."""
_INVALID = frozenset({"SerializationException", "ValidationError", "ValidationException"})


class _Busy(TableUnavailable):
    """Nothing has happened; the same request may soon succeed."""


class _Unsure(TableUnavailable):
    """It may have happened; the same request may be sent again, because every write is conditional."""


class _Refused(Conflict):
    """A condition did not hold. ``writes`` are the ids of the writes that the documents in question are from."""

    def __init__(self, keys: Sequence[Key], writes: Sequence[str]) -> None:
        super().__init__(keys)
        self.writes = writes
        self.unsure = False
        """An earlier attempt at the same request may have taken effect."""


class DynamoTable:
    """:class:`~timus_autotask.ports.table.Table` on DynamoDB, with a boto3 or botocore ``dynamodb`` client.

    The table has the keys ``pk`` and ``sk`` and two indexes: ``kind-index`` (``kind``, ``sort``: strings), which projects everything,
    and ``due-index`` (``due``: string, ``due_at``: number), which projects the keys. Its TTL attribute is ``expires_at``.
    """

    def __init__(
        self, client: DynamoDBClient, table_name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep

    def get(self, key: Key) -> Document | None:
        answer = self._ask(
            self._client.get_item, TableName=self._table_name, Key=_key_item(key), ConsistentRead=True
        )
        return document_of(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Document]:
        found: dict[Key, Document] = {}
        left = [*dict.fromkeys(keys)]
        while left:
            found |= self._got(left[:MOST_GOT])
            left = left[MOST_GOT:]
        return [found[key] for key in dict.fromkeys(keys) if key in found]

    def _got(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """The documents of at most ``MOST_GOT`` keys. DynamoDB leaves some for another request if it is busy, or if they are large."""
        found: dict[Key, Document] = {}
        left: Any = {"Keys": [_key_item(key) for key in keys], "ConsistentRead": True}
        pauses = iter(PAUSES)
        while left:
            answer = self._ask(self._client.batch_get_item, RequestItems={self._table_name: left})
            got = [document_of(item) for item in answer["Responses"].get(self._table_name, ())]
            found |= {document.key: document for document in got}
            left = answer.get("UnprocessedKeys", {}).get(self._table_name)
            if got:
                pauses = iter(PAUSES)
            elif left:
                self._wait(next(pauses, None))
        return found

    def _wait(self, pause: float | None) -> None:
        if pause is None:
            raise TableUnavailable("DynamoDB leaves keys unread again and again")
        self._sleep(random.uniform(0, pause))  # noqa: S311 - spreads attempts, protects nothing

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        few = {} if limit is None else {"Limit": min(max(1, limit), MOST_IN_A_PAGE)}
        found = self._between(("pk", pk), ("sk", first, last), ConsistentRead=True, **few)
        return [*islice(found, limit)]

    def write(self, changes: Sequence[Write]) -> None:
        keys = [change.key for change in changes]
        if len(keys) > MOST_WRITES:
            raise ValueError(f"{len(keys)} changes in one write, more than {MOST_WRITES}")
        if len(set(keys)) < len(keys):
            raise ValueError("two changes of one document in one write")
        if not keys:
            return
        write_id = str(uuid.uuid4())
        requests = [self._request(change, write_id) for change in changes]
        # One document that is put needs no transaction. One that is deleted does: what is gone carries no id by which our
        # own earlier attempt could be distinguished from somebody else's, and only transactions have a token.
        alone = requests[0].get("Put") if len(requests) == 1 else None
        try:
            if alone:
                self._ask(self._client.put_item, keys, **alone)
            else:
                self._ask(
                    self._client.transact_write_items,
                    keys,
                    TransactItems=requests,
                    ClientRequestToken=write_id,
                )
        except _Refused as refused:
            if write_id in refused.writes:
                return  # our own earlier attempt, whose answer was lost, did all of it
            if alone and refused.unsure:
                # The earlier attempt may have succeeded, and somebody replaced the document since.
                raise TableUnavailable("the answer of a write was lost") from refused
            raise Conflict(refused.keys) from refused

    def due(self, until: int, limit: int) -> list[Due]:
        found = self._items(
            IndexName="due-index",
            KeyConditionExpression="#due = :due AND #due_at <= :until",
            ExpressionAttributeNames={"#due": "due", "#due_at": "due_at"},
            ExpressionAttributeValues={":due": {"S": "due"}, ":until": {"N": str(until)}},
            Limit=min(max(1, limit), MOST_IN_A_PAGE),
        )
        return [*map(_due_of, islice(found, max(0, limit)))]

    def list(
        self, kind: str, first: str = "", last: str = "\U0010ffff", *, backwards: bool = False
    ) -> Iterator[Document]:
        few = {"ScanIndexForward": False, "Limit": A_FEW} if backwards else {}
        return self._between(("kind", kind), ("sort", first, last or _LEAST), IndexName="kind-index", **few)

    def _between(
        self, partition: tuple[str, str], bounds: tuple[str, str, str], **query: Any
    ) -> Iterator[Document]:
        hash_name, value = partition
        range_name, first, last = bounds
        first = first or _LEAST
        if first > last:  # DynamoDB refuses what no key can satisfy
            return iter(())
        return self._query(
            KeyConditionExpression="#hash = :hash AND #range BETWEEN :first AND :last",
            ExpressionAttributeNames={"#hash": hash_name, "#range": range_name},
            ExpressionAttributeValues={":hash": {"S": value}, ":first": {"S": first}, ":last": {"S": last}},
            **query,
        )

    def _query(self, **query: Any) -> Iterator[Document]:
        return map(document_of, self._items(**query))

    def _items(self, **query: Any) -> Iterator[Item]:
        query["TableName"] = self._table_name
        while True:
            page = self._ask(self._client.query, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _request(self, change: Write, write_id: str) -> dict[str, dict[str, Any]]:
        """One change as ``TransactWriteItems`` takes it; what is inside ``Put`` is also what ``PutItem`` takes."""
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if change.expected == LOST:
            request["ConditionExpression"] = (
                "attribute_exists(pk) AND (NOT attribute_type(#rev, :number) OR #rev < :first)"
            )
            request["ExpressionAttributeNames"] = {"#rev": "rev"}
            request["ExpressionAttributeValues"] = {":number": {"S": "N"}, ":first": {"N": "1"}}
        elif change.expected:
            request["ConditionExpression"] = "#rev = :rev"
            request["ExpressionAttributeNames"] = {"#rev": "rev"}
            request["ExpressionAttributeValues"] = {":rev": {"N": str(change.expected)}}
        else:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        match change:
            case Put():
                return {"Put": request | {"Item": item_of(change, write_id)}}
            case Delete():
                return {"Delete": request | {"Key": _key_item(change.key)}}
            case _:
                return {"ConditionCheck": request | {"Key": _key_item(change.key)}}

    def _ask(self, call: Callable[..., Any], keys: Sequence[Key] = (), /, **request: Any) -> Any:
        """Call DynamoDB, a few times if it is busy. Raises what :func:`meaning_of` says."""
        unsure = False
        for pause in (*PAUSES, None):
            try:
                return call(**request)
            except (BotoCoreError, ClientError) as error:
                failure = meaning_of(error, keys)
                unsure |= isinstance(failure, _Unsure)
                if isinstance(failure, _Refused):
                    failure.unsure |= unsure
                if pause is None or not isinstance(failure, _Busy | _Unsure):
                    raise failure from error
            self._sleep(random.uniform(0, pause))  # noqa: S311 - spreads attempts, protects nothing
        raise AssertionError("the last attempt returns or raises")


class EarlierTable:
    """The table as it was at an earlier second, in a table beside it that DynamoDB makes once and that stays."""

    def __init__(
        self, client: DynamoDBClient, table_name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep

    def documents(self, moment: datetime, on_wait: Callable[[str], None]) -> Iterator[Document]:
        """Everything that was in the table; ``on_wait`` gets a message while DynamoDB makes the other one.

        A second call goes on with the table that the first one asked for. Raises ``TableUnavailable`` with DynamoDB's own message.
        """
        name = f"{self._table_name[:230]}-at-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        try:
            if self._status(name) is None:
                self._client.restore_table_to_point_in_time(
                    SourceTableName=self._table_name, TargetTableName=name, RestoreDateTime=moment
                )
            while self._status(name) != "ACTIVE":
                on_wait(f"DynamoDB makes the table {name}; that takes a while, often half an hour.")
                self._sleep(EARLIER_ASKED)
            on_wait(f"The table {name} is there; delete it when all is well.")
            pages = self._client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
            for page in pages:
                yield from (document_of(item) for item in page["Items"])
        except (BotoCoreError, ClientError) as error:
            raise TableUnavailable(f"the table could not be restored: {error}") from error

    def _status(self, name: str) -> str | None:
        try:
            status: str = self._client.describe_table(TableName=name)["Table"]["TableStatus"]
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return status


def meaning_of(error: BotoCoreError | ClientError, keys: Sequence[Key] = ()) -> Exception:
    """What a failed call means to the port. ``keys`` are those of the request's changes, in its order.

    :class:`Conflict` when a condition did not hold, ValueError for a request that can never succeed (a document above
    400 KB, an empty key), :class:`TableUnavailable` for all else.
    """
    if isinstance(error, ParamValidationError):
        return ValueError(str(error))
    if isinstance(error, BotoCoreError):
        return TableUnavailable(f"{type(error).__name__}: {error}")
    answer: Mapping[str, Any] = error.response
    metadata = answer.get("ResponseMetadata", {})
    code = answer.get("Error", {}).get("Code", "")
    reasons: Sequence[Mapping[str, Any]] = answer.get("CancellationReasons", ())
    if code == "ConditionalCheckFailedException":
        reasons = [{"Code": "ConditionalCheckFailed", "Item": answer.get("Item", {})}]
    codes = [reason.get("Code") for reason in reasons] or [code]

    refused = [index for index, each in enumerate(codes) if each == "ConditionalCheckFailed"]
    if refused:
        items: list[Item] = [reasons[index].get("Item", {}) for index in refused]
        conflict = _Refused(
            [keys[index] for index in refused], [i["write"]["S"] for i in items if "write" in i]
        )
        conflict.unsure = metadata.get("RetryAttempts", 0) > 0
        return conflict
    if not _INVALID.isdisjoint(codes):
        return ValueError(str(error))
    if not _BUSY.isdisjoint(codes):
        return _Busy(str(error))
    if code == "TransactionInProgressException" or metadata.get("HTTPStatusCode", 0) >= 500:
        return _Unsure(str(error))
    return TableUnavailable(str(error))


def item_of(put: Put, write_id: str) -> Item:
    """The item that a put stores."""
    item = {**_key_item(put.key), "write": {"S": write_id}, "data": attribute_of(put.data)}
    if not (isinstance(put.data, Damaged) and put.data.unrevised):  # it stays damaged until somebody mends it
        item["rev"] = {"N": str(put.expected + 1)}
    if put.due_at is not None:
        item |= {"due": {"S": "due"}, "due_at": {"N": str(put.due_at)}}
    if put.kind is not None:
        item |= {"kind": {"S": put.kind}, "sort": {"S": put.sort or _LEAST}}
    if put.expires_at is not None:
        item["expires_at"] = {"N": str(put.expires_at)}
    return item


def document_of(item: Item) -> Document:
    """The document that an item holds. DynamoDB itself sees to keys of the right type; a hand may have damaged all else."""
    kind, sort = item.get("kind"), item.get("sort", {"S": ""})["S"]
    rev = _revision(item)
    due_at, expires_at = _number(item, "due_at"), _number(item, "expires_at")
    return Document(
        key=Key(item["pk"]["S"], item["sk"]["S"]),
        rev=rev,
        data=data_in(value_of(item["data"]) if "data" in item else None, rev),
        due_at=None if due_at is None else int(due_at),
        kind=kind["S"] if kind else None,
        sort="" if sort == _LEAST else sort,
        expires_at=None if expires_at is None else int(expires_at),
    )


def _due_of(item: Item) -> Due:
    return Due(Key(item["pk"]["S"], item["sk"]["S"]), int(_number(item, "due_at") or 0))


def _revision(item: Item) -> int:
    """The number is taken as it is, so that a write finds it again."""
    rev = _number(item, "rev")
    return LOST if rev is None or rev < 1 else rev


def _number(item: Item, name: str) -> Any:
    """The number under a name; None: there is none."""
    attribute = item.get(name, {})
    return value_of(attribute) if "N" in attribute else None


def attribute_of(value: Any) -> dict[str, Any]:
    """A JSON-like value as DynamoDB writes it.

    Raises TypeError for anything else, floating point above all, and ValueError for a number of more than 38 digits:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    match value:
        case None:
            return {"NULL": True}
        case Damaged():
            return attribute_of(value.found)
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            if abs(value) >= 10**38:
                raise ValueError("a whole number has at most 38 digits")
            return {"N": str(int(value))}
        case Mapping():
            return {"M": {_name(name): attribute_of(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [attribute_of(each) for each in value]}
    raise TypeError(f"a document cannot hold {type(value).__name__}")


def value_of(attribute: Mapping[str, Any]) -> Any:
    """The value that :func:`attribute_of` wrote, or what somebody else did: a number with a fraction is in no record of ours, and none takes it."""
    ((kind, value),) = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value) if _WHOLE.fullmatch(value) else float(value)
        case "M":
            return {name: value_of(each) for name, each in value.items()}
        case "L":
            return [value_of(each) for each in value]
    return value


def _name(name: Any) -> str:
    if isinstance(name, str) and name:
        return name
    raise TypeError(f"a map in a document cannot have the name {name!r}")


def _key_item(key: Key) -> dict[str, dict[str, Any]]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
