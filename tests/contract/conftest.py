"""One AWS emulator for the whole run, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.build import read_template
from local.emulator import CREDENTIALS, REGION
from local.emulator import Emulator as Process


class Emulator:
    """A running AWS emulator."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: Any = boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )

    def client(self, service: str, attempts: int = 1) -> Any:
        """A new client of a service that sends each request at most ``attempts`` times."""
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=20,
        )
        return self._session.client(service, endpoint_url=self.url, config=config)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The AWS emulator, started for this run on a free port and gone after it."""
    process = Process(tmp_path_factory.mktemp("emulator"))
    yield Emulator(process.url)
    process.stop()


def create_table(client: Any, name: str) -> None:
    """A table as the template has it."""
    table = read_template()["Resources"]["SyncTable"]["Properties"]
    names = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
    client.create_table(TableName=name, **{each: table[each] for each in names})
