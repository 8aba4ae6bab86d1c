"""What to register in Timus: where webhooks go, and the secret that signs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.timus.signatures import malformed


@dataclass(frozen=True, slots=True)
class Registration:
    """A webhook as Timus has to know it."""

    url: str
    secret: str | None
    """None: the current one cannot be used."""
    previous: int
    """Earlier secrets that are accepted too."""
    malformed: int
    """Stored secrets that cannot be used."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "secret": self.secret,
            "previous_secrets": self.previous,
            "malformed_secrets": self.malformed,
        }


def registration(deployment: Deployment) -> Registration:
    """As the stack has it. Raises ``NotConfigured`` while there is no secret."""
    current, *previous = secrets = deployment.secrets.webhook_secrets()
    return Registration(
        deployment.webhook_url,
        None if malformed([current]) else current,
        len(previous) - malformed(previous),
        malformed(secrets),
    )
