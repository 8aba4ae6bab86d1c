"""The real Powertools Idempotency over the simulated table, in virtual time.

The library decides everything. Only what it stands on is replaced: DynamoDB by a persistence layer of the same conditions,
which is the way that the library documents for another store, and its clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time, timedelta, tzinfo
from types import SimpleNamespace
from unittest.mock import patch

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency import base as library
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence import base as layers
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord, dynamodb
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS, DataRecord

from tests.simulation.ports import SimTable
from timus_autotask.ports.clock import Clock
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Data, Delete, Key, Put, Write


class TablePersistence(BasePersistenceLayer):
    """What ``DynamoDBPersistenceLayer`` does, request by request, over the simulated table and its faults."""

    def __init__(self, table: SimTable, clock: Clock) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._table = table
        self._clock = clock

    def _get_record(self, idempotency_key: str) -> DataRecord:
        document = self._table.get(_key(idempotency_key))
        if document is None:
            raise IdempotencyItemNotFoundError
        return _record(idempotency_key, document.data)

    def _put_record(self, data_record: DataRecord) -> None:
        now = self._clock.now().timestamp()

        def put(old: Data | None) -> Data:
            # attribute_not_exists(id) OR expiration < now OR (INPROGRESS and its own expiry < now)
            if old is not None and old["expiration"] >= int(now):
                until = old["in_progress_expiration"]
                given_up = (
                    old["status"] == STATUS_CONSTANTS["INPROGRESS"]
                    and until is not None
                    and until < int(now * 1000)
                )
                if not given_up:
                    known = _record(data_record.idempotency_key, old)
                    raise IdempotencyItemAlreadyExistsError(old_data_record=known)
            return {
                "status": data_record.status,
                "expiration": data_record.expiry_timestamp,
                "in_progress_expiration": data_record.in_progress_expiry_timestamp,
                "data": "",
            }

        self._request(data_record, put)

    def _update_record(self, data_record: DataRecord) -> None:
        def update(old: Data | None) -> Data:
            return {
                "in_progress_expiration": None,
                **(old or {}),
                "status": data_record.status,
                "expiration": data_record.expiry_timestamp,
                "data": data_record.response_data,
            }

        self._request(data_record, update)

    def _delete_record(self, data_record: DataRecord) -> None:
        self._request(data_record, lambda _old: None)

    def _request(self, record: DataRecord, change: Callable[[Data | None], Data | None]) -> None:
        """One request: DynamoDB looks at the item, judges the condition and writes at one instant."""
        calls, inner, key = self._table._calls, self._table.inner, _key(record.idempotency_key)
        fault, more = calls.begin("table.idempotency", "write")
        if fault == "fails":
            raise TableUnavailable("the table does not answer")
        document = inner.get(key)
        rev = document.rev if document else 0
        refusal: IdempotencyItemAlreadyExistsError | None = None
        try:
            data = change(document.data if document else None)
        except IdempotencyItemAlreadyExistsError as error:
            refusal = error
        else:
            write: Write = Delete(key, rev) if data is None else Put(key, data, rev)
            inner.write([write])
        calls.effect(f"{record.idempotency_key} {refusal is None}")
        calls.end(fault, more)
        if fault == "lost":
            raise TableUnavailable("the answer was lost")
        if refusal is not None:
            raise refusal


def _key(idempotency_key: str) -> Key:
    return Key(f"IDEMPOTENCY#{idempotency_key}", "RECORD")


def _record(idempotency_key: str, data: Data) -> DataRecord:
    return DataRecord(
        idempotency_key,
        status=data["status"],
        expiry_timestamp=data["expiration"],
        in_progress_expiry_timestamp=data["in_progress_expiration"],
        response_data=data["data"],
    )


@contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """The library's ``datetime.now()`` is that of the world while this holds."""

    class Virtual(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now()

    stand_in = SimpleNamespace(datetime=Virtual, timedelta=timedelta, date=date, time=time)
    with ExitStack() as patches:
        for module in (library, layers, datarecord, dynamodb):
            patches.enter_context(patch.object(module, "dt", stand_in))
        yield
