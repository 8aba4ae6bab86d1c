"""The secrets port on AWS Secrets Manager, and the JSON that stands in its two secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from timus_autotask.ports.clock import Clock
from timus_autotask.ports.errors import NotConfigured, SecretsUnavailable
from timus_autotask.ports.secrets import CACHED, Credentials

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")


REFRESHED = timedelta(minutes=1)
"""How old an answer must be before it may be dropped early: forged signatures must not become a load on the store."""


MALFORMED = "malformed"
"""Stands for a webhook secret that is no text, and for a current one that is empty."""

_PREFIX = "whsec_"  # Standard Webhooks 1.0, "Signature scheme": how a symmetric secret is written


class SecretsManagerSecrets:
    """:class:`Secrets` in AWS Secrets Manager, with a boto3 or botocore ``secretsmanager`` client.

    ``webhook_id`` names ``{"current": "<base64>", "previous": ["<base64>", ...]}``, with or without ``whsec_``;
    ``autotask_id`` names ``{"username": …, "secret": …, "integration_code": …}``.
    """

    def __init__(self, client: SecretsManagerClient, webhook_id: str, autotask_id: str, clock: Clock) -> None:
        self._client = client
        self._webhook_id = webhook_id
        self._autotask_id = autotask_id
        self._clock = clock
        self._cache: dict[str, tuple[datetime, Any]] = {}
        self._written: dict[str, datetime] = {}

    def webhook_secrets(self) -> tuple[str, ...]:
        return self._read(self._webhook_id, webhook_secrets_of)

    def autotask_credentials(self, *, as_stored: bool = False) -> Credentials:
        if as_stored:
            self._cache.pop(self._autotask_id, None)
        return self._read(self._autotask_id, credentials_of)

    def refresh(self) -> bool:
        now = self._clock.now()
        old = [name for name, (read_at, _) in self._cache.items() if now - read_at >= REFRESHED]
        for name in old:
            del self._cache[name]
        return bool(old)

    def age(self) -> timedelta | None:
        now = self._clock.now()
        return max((now - written for written in self._written.values()), default=None)

    def store_credentials(self, credentials: Credentials) -> None:
        """Keep the Autotask API user; for operators. Raises :class:`SecretsUnavailable`."""
        fields = {
            "username": credentials.username,
            "secret": credentials.secret,
            "integration_code": credentials.integration_code,
        }
        try:
            self._client.put_secret_value(SecretId=self._autotask_id, SecretString=json.dumps(fields))
        except (ClientError, BotoCoreError) as error:
            raise SecretsUnavailable(f"the Autotask credentials could not be stored: {error}") from error

    def _read(self, secret_id: str, parse: Callable[[Mapping[str, Any]], T]) -> T:
        now = self._clock.now()
        if secret_id in self._cache and now - self._cache[secret_id][0] < CACHED:
            cached: T = self._cache[secret_id][1]
            return cached
        try:
            answer = self._client.get_secret_value(SecretId=secret_id)
        except (ClientError, BotoCoreError) as error:
            raise SecretsUnavailable(f"the secret {secret_id} could not be read: {error}") from error
        value = parse(_fields_of(answer["SecretString"]))  # what is not filled in yet is not remembered
        self._cache[secret_id] = now, value
        written = answer.get("CreatedDate")  # of this version
        if isinstance(written, datetime):
            self._written[secret_id] = written
        return value


def webhook_secrets_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The active signing secrets of the stored JSON, the current one first. Raises :class:`NotConfigured` where there is none.

    A value that is no text becomes :data:`MALFORMED`, so that users of the list can see that there is one; so does an empty current
    one, if there are previous ones: what they signed is taken in all the same.
    """
    current, previous = _secret_of(fields.get("current")), fields.get("previous", [])
    others = [_secret_of(each) for each in (previous if isinstance(previous, list) else [None])]
    others = [each for each in others if each != _PREFIX]
    if current in (_PREFIX, MALFORMED):
        if not {*others} - {MALFORMED}:
            raise NotConfigured("the webhook secret has no current value")
        current = MALFORMED
    return (current, *others)


def _secret_of(value: Any) -> str:
    return _PREFIX + value.removeprefix(_PREFIX) if isinstance(value, str) else MALFORMED


def credentials_of(fields: Mapping[str, Any]) -> Credentials:
    """The credentials of the stored JSON. Raises :class:`NotConfigured`, naming what is missing."""
    names = ("username", "secret", "integration_code")
    missing = [name for name in names if not isinstance(fields.get(name), str) or not fields[name]]
    if missing:
        raise NotConfigured(f"the Autotask credentials have no {', '.join(missing)}")
    return Credentials(*(fields[name] for name in names))


def _fields_of(text: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        # Not chained: the error of json holds the whole text.
        fields = None
    return fields if isinstance(fields, dict) else {}
