"""AWS as the measured functions meet it: the emulator, behind a door that counts every request and its units."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3

from local.emulator import CREDENTIALS, REGION, Emulator
from tests.bench.units import KEYS_ONLY, Indexes, Item, Tally

_TARGETS = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}


class Cloud:
    """A running emulator; ``url`` is the door, and ``client`` goes past it."""

    def __init__(self, folder: Path, certificate: tuple[Path, Path] | None = None) -> None:
        """With a ``certificate`` (of 127.0.0.1, and its key) the door speaks TLS."""
        self._emulator = Emulator(folder)
        self._tables: dict[str, tuple[tuple[str, ...], Indexes]] = {}
        self.tally = Tally()
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, answer = cloud._counted(dict(self.headers), body)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        class Door(ThreadingHTTPServer):
            daemon_threads = True
            disable_nagle_algorithm = True

        Handler.disable_nagle_algorithm = True
        self._door = Door(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._door.socket = context.wrap_socket(self._door.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._door.server_address[1]}"
        self._thread = threading.Thread(target=self._door.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.dynamodb = self.client("dynamodb")

    def client(self, service: Any) -> Any:
        """A client that nothing counts."""
        session = boto3.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )
        return session.client(service, endpoint_url=self._emulator.url)

    def make_table(self, name: str, keys: tuple[str, ...], indexes: Mapping[str, tuple[str, str]]) -> None:
        """A table whose keys are texts; of the sort keys of indexes, those that end in ``_at`` are numbers."""
        names = {*keys, *(each for pair in indexes.values() for each in pair)}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_schema(keys),
            AttributeDefinitions=[
                {"AttributeName": each, "AttributeType": "N" if each.endswith("_at") else "S"}
                for each in sorted(names)
            ],
            **(
                {
                    "GlobalSecondaryIndexes": [
                        {
                            "IndexName": index,
                            "KeySchema": _schema(pair),
                            "Projection": {"ProjectionType": "KEYS_ONLY" if index == KEYS_ONLY else "ALL"},
                        }
                        for index, pair in indexes.items()
                    ]
                }
                if indexes
                else {}
            ),
        )
        self._tables[name] = keys, indexes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown()
        self._thread.join()
        self._door.server_close()
        self._emulator.stop()

    # -- The door

    def _counted(self, headers: Mapping[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        target = {name.lower(): value for name, value in headers.items()}["x-amz-target"]
        name, _, operation = target.partition(".")
        service = _TARGETS[name]
        self.tally.requests[f"{service}.{operation}"] += 1
        request = json.loads(body)
        writes = [*self._writes(operation, request)] if service == "dynamodb" else []
        old = [self._item(table, key) for table, key, _ in writes]
        status, found, answer = self._forward(headers, body)
        if service != "dynamodb":
            return status, found, answer
        for before, (table, key, transaction) in zip(old, writes, strict=True):
            after = self._item(table, key)
            self.tally.wrote(before, after, self._tables[table][1], transaction=transaction)
        if not writes and status == 200:
            told = json.loads(answer)
            items = told["Items"] if "Items" in told else [told.get("Item", {})]
            self.tally.read(items, consistent=bool(request.get("ConsistentRead")))
        return status, found, answer

    def _writes(
        self, operation: str, request: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any], bool]]:
        """Table, key and whether it is a transaction, of each item that a request may write."""
        if operation == "TransactWriteItems":
            for each in request["TransactItems"]:
                ((_, one),) = each.items()
                yield one["TableName"], self._key(one), True
        elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
            yield request["TableName"], self._key(request), False

    def _key(self, write: Mapping[str, Any]) -> dict[str, Any]:
        held = write.get("Key") or write["Item"]
        return {name: held[name] for name in self._tables[write["TableName"]][0]}

    def _item(self, table: str, key: dict[str, Any]) -> Item | None:
        item: Item | None = self.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return item

    def _forward(self, headers: Mapping[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(urlsplit(self._emulator.url).netloc, timeout=60)
        try:
            passed = {
                name: value
                for name, value in headers.items()
                if name.lower() not in ("connection", "content-length")
            }
            connection.request("POST", "/", body, passed)
            answer = connection.getresponse()
            kept = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower().startswith(("x-amz", "content-type"))
            ]
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def _schema(keys: tuple[str, ...]) -> list[Any]:
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]
