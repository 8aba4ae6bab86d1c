"""A table as it was at an earlier time, beside the one that is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.conftest import Emulator, create_table
from timus_autotask.aws.dynamodb import DynamoTable, EarlierTable
from timus_autotask.operate.recover import put_back
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.table import Key, Put

pytestmark = pytest.mark.emulator
LINES = [Key(f"CONTRACT#{n}", "LINE#45") for n in range(30)]


def test_it_is_made_once_and_read_whole(emulator: Emulator) -> None:
    """Every document with all of its fields; put back, the table holds them again, and a second time changes nothing."""
    client = emulator.client("dynamodb")
    name = f"table-{uuid.uuid4()}"
    create_table(client, name)
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    table = DynamoTable(client, name)
    for number, key in enumerate(LINES):
        table.write([Put(key, {"n": number}, 0, 1_773_000_000, "line", f"{number:02}", 2_000_000_000)])
    before = [table.get(key) for key in LINES]
    moment, said = datetime.now(UTC), list[str]()
    earlier = EarlierTable(client, name, sleep=lambda _seconds: None)
    found = {document.key: document for document in earlier.documents(moment, said.append)}
    assert [found[key] for key in LINES] == before
    assert said[-1].endswith("is there; delete it when all is well.")

    for key in LINES[:20]:
        table.write([Put(key, {"n": "damaged"}, 1)])
    assert put_back(earlier.documents(moment, said.append), table) == 20
    after = [document for key in LINES if (document := table.get(key))]
    assert [(d.data, d.due_at, d.kind, d.sort) for d in after] == [
        (d.data, d.due_at, d.kind, d.sort) for d in before if d
    ]
    assert put_back(earlier.documents(moment, said.append), table) == 0


def test_what_cannot_be_restored_says_why(emulator: Emulator) -> None:
    """In DynamoDB's own words."""
    client = emulator.client("dynamodb")
    earlier = EarlierTable(client, f"no-table-{uuid.uuid4()}")
    with pytest.raises(TableUnavailable, match="could not be restored"):
        list(earlier.documents(datetime.now(UTC) - timedelta(days=1), print))
