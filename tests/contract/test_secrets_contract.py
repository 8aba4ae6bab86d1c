"""What every secret store does: the one in memory and the one on Secrets Manager."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.memory_secrets import MemorySecrets
from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.aws.secrets_manager import SecretsManagerSecrets
from timus_autotask.ports.errors import NotConfigured, SecretsUnavailable
from timus_autotask.ports.secrets import Credentials, Secrets

OLD, NEW = f"whsec_{'A1b2' * 11}", f"whsec_{'Z9y8' * 11}"
CREDENTIALS = Credentials("api@msp.example", "s3cret", "CODE")


@dataclass
class Store:
    """Secrets, and the hands of whoever keeps them."""

    secrets: Secrets
    clock: VirtualClock
    rotate: Callable[..., None]
    replace_credentials: Callable[[Credentials | None], None]
    break_down: Callable[[], None]


@pytest.fixture(params=["memory", pytest.param("emulator", marks=pytest.mark.emulator)])
def store(request: pytest.FixtureRequest) -> Store:
    """A store of either sort that holds OLD and CREDENTIALS."""
    clock = VirtualClock()
    if request.param == "memory":
        fake = MemorySecrets(clock, (OLD,), CREDENTIALS)

        def break_down() -> None:
            fake.available = False

        return Store(fake, clock, fake.rotate, fake.replace_credentials, break_down)
    store = on_secrets_manager(request.getfixturevalue("emulator").client("secretsmanager"), clock)
    store.rotate(OLD)
    store.replace_credentials(CREDENTIALS)
    return store


def on_secrets_manager(client: Any, clock: VirtualClock) -> Store:
    """The real adapter over two new secrets."""
    webhook, autotask = (
        client.create_secret(Name=str(uuid.uuid4()), SecretString="{}")["ARN"] for _ in range(2)
    )

    def rotate(current: str = "", *previous: str) -> None:
        stored = {
            "current": current.removeprefix("whsec_"),
            "previous": [p.removeprefix("whsec_") for p in previous],
        }
        client.put_secret_value(SecretId=webhook, SecretString=json.dumps(stored))

    def replace_credentials(credentials: Credentials | None) -> None:
        new = credentials or Credentials("", "", "")
        stored = {
            "username": new.username,
            "secret": new.secret,
            "integration_code": new.integration_code,
        }
        client.put_secret_value(SecretId=autotask, SecretString=json.dumps(stored))

    def break_down() -> None:
        for secret in (webhook, autotask):
            client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)

    secrets = SecretsManagerSecrets(client, webhook, autotask, clock)
    return Store(secrets, clock, rotate, replace_credentials, break_down)


def test_secrets_are_read(store: Store) -> None:
    """The signing secret as Standard Webhooks writes it, the credentials in three parts."""
    assert store.secrets.webhook_secrets() == (OLD,)
    assert store.secrets.autotask_credentials() == CREDENTIALS


def test_previous_secrets_stay_active_after_the_current_one(store: Store) -> None:
    """A rotation does not cut off a sender who has not followed yet."""
    store.rotate(NEW, OLD)
    assert store.secrets.webhook_secrets() == (NEW, OLD)


def test_an_answer_is_believed_for_five_minutes(store: Store) -> None:
    """Not every webhook asks the store; a rotation shows after five minutes by itself."""
    store.secrets.webhook_secrets()
    store.rotate(NEW, OLD)
    store.clock.advance(299)
    assert store.secrets.webhook_secrets() == (OLD,)
    store.clock.advance(1)
    assert store.secrets.webhook_secrets() == (NEW, OLD)


def test_a_refresh_shows_a_rotation_at_once(store: Store) -> None:
    """A signature that fails against old answers may ask again."""
    store.secrets.webhook_secrets()
    store.rotate(NEW)
    store.clock.advance(60)
    assert store.secrets.refresh()
    assert store.secrets.webhook_secrets() == (NEW,)


def test_a_refresh_drops_nothing_younger_than_a_minute(store: Store) -> None:
    """Forged signatures cannot make us ask the store more than once a minute."""
    store.secrets.webhook_secrets()
    store.rotate(NEW)
    store.clock.advance(59)
    assert not store.secrets.refresh()
    assert store.secrets.webhook_secrets() == (OLD,)


def test_a_refresh_of_nothing_is_not_worth_asking_again(store: Store) -> None:
    """What was not read cannot be stale."""
    assert not store.secrets.refresh()


def test_credentials_can_be_asked_for_as_they_are_stored(store: Store) -> None:
    """After a refusal it matters at once whether somebody has stored others."""
    store.secrets.autotask_credentials()
    new = Credentials("api@msp.example", "rotated", "CODE")
    store.replace_credentials(new)
    assert store.secrets.autotask_credentials() == CREDENTIALS
    assert store.secrets.autotask_credentials(as_stored=True) == new
    assert store.secrets.autotask_credentials() == new


def test_empty_secrets_are_not_configured(store: Store) -> None:
    """A fresh deployment says what is missing."""
    store.rotate()
    store.replace_credentials(None)
    with pytest.raises(NotConfigured, match="webhook"):
        store.secrets.webhook_secrets()
    with pytest.raises(NotConfigured, match="username, secret, integration_code"):
        store.secrets.autotask_credentials()


def test_what_is_filled_in_shows_at_once(store: Store) -> None:
    """That nothing was there is not remembered."""
    store.rotate()
    store.replace_credentials(None)
    with pytest.raises(NotConfigured):
        store.secrets.webhook_secrets()
    with pytest.raises(NotConfigured):
        store.secrets.autotask_credentials()
    store.rotate(NEW)
    store.replace_credentials(CREDENTIALS)
    assert store.secrets.webhook_secrets() == (NEW,)
    assert store.secrets.autotask_credentials() == CREDENTIALS


def test_a_store_that_does_not_answer_is_unavailable(store: Store) -> None:
    """Neither an empty secret nor an exception of the client."""
    store.break_down()
    with pytest.raises(SecretsUnavailable):
        store.secrets.webhook_secrets()
    with pytest.raises(SecretsUnavailable):
        store.secrets.autotask_credentials()


def test_what_is_cached_outlives_the_store(store: Store) -> None:
    """An outage of less than five minutes goes unnoticed."""
    assert store.secrets.webhook_secrets() == (OLD,)
    store.break_down()
    store.clock.advance(299)
    assert store.secrets.webhook_secrets() == (OLD,)


def test_no_secret_shows_in_a_representation(store: Store) -> None:
    """What is logged by accident tells nothing."""
    store.secrets.webhook_secrets()
    credentials = store.secrets.autotask_credentials()
    for text in (repr(store.secrets), repr(credentials), str(credentials)):
        assert OLD.removeprefix("whsec_") not in text
        assert CREDENTIALS.secret not in text
        assert CREDENTIALS.username not in text
