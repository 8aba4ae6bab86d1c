"""What a stored secret may look like, and that it never shows."""

from __future__ import annotations

import json
import traceback
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.aws.secrets_manager import MALFORMED, SecretsManagerSecrets
from timus_autotask.ports.errors import NotConfigured

SESSION: Any = boto3.Session("test", "test", region_name="eu-west-1")
BARE = "A1b2" * 11


def reading(text: str) -> SecretsManagerSecrets:
    """Secrets whose store holds this text twice."""
    client = SESSION.client("secretsmanager")
    stub = Stubber(client)
    for _ in range(2):
        stub.add_response("get_secret_value", {"SecretString": text})
    stub.activate()
    return SecretsManagerSecrets(client, "webhook", "autotask", VirtualClock())


@pytest.mark.parametrize(
    ("stored", "secrets"),
    [
        ({"current": BARE, "previous": []}, (f"whsec_{BARE}",)),
        ({"current": BARE}, (f"whsec_{BARE}",)),
        (
            {"current": f"whsec_{BARE}", "previous": ["old", "whsec_older"]},
            (f"whsec_{BARE}", "whsec_old", "whsec_older"),
        ),
        ({"current": BARE, "previous": ["", "whsec_"], "note": "x"}, (f"whsec_{BARE}",)),
        ({"current": BARE, "previous": BARE}, (f"whsec_{BARE}", MALFORMED)),
        ({"current": BARE, "previous": None}, (f"whsec_{BARE}", MALFORMED)),
        (
            {"current": BARE, "previous": [{"a": BARE}, 5, "whsec_older"]},
            (f"whsec_{BARE}", MALFORMED, MALFORMED, "whsec_older"),
        ),
        ({"previous": [BARE]}, (MALFORMED, f"whsec_{BARE}")),
        *(
            ({"current": current, "previous": [BARE]}, (MALFORMED, f"whsec_{BARE}"))
            for current in ("", "whsec_", None, [BARE], 5)
        ),
    ],
)
def test_signing_secrets_are_written_as_the_standard_does(stored: object, secrets: tuple[str, ...]) -> None:
    """With the prefix, whether it was stored or not; what is empty is no secret, and what is no text stands as malformed."""
    assert reading(json.dumps(stored)).webhook_secrets() == secrets


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f'{{"current": "{BARE}',
        f'["{BARE}"]',
        f'{{"current": ["{BARE}"]}}',
        f'{{"current": "", "previous": "{BARE}"}}',
        '{"current": "whsec_", "previous": [""]}',
        '{"current": null, "previous": [5]}',
    ],
)
def test_anything_else_is_not_configured_and_shows_nothing(text: str) -> None:
    """Neither the message nor the chain of causes has a value in it."""
    secrets = reading(text)
    for read in (secrets.webhook_secrets, secrets.autotask_credentials):
        with pytest.raises(NotConfigured) as refused:
            read()
        assert BARE not in "".join(traceback.format_exception(refused.value))
        assert refused.value.__context__ is None


def test_credentials_name_what_is_missing() -> None:
    """The operator reads which field to fill in."""
    stored = {"username": "api@msp.example", "secret": "", "integration_code": None}
    with pytest.raises(NotConfigured, match="secret, integration_code") as refused:
        reading(json.dumps(stored)).autotask_credentials()
    assert "username" not in str(refused.value)
    assert "api@msp.example" not in str(refused.value)
