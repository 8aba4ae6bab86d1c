"""The secrets port: what webhooks are signed with, and how to sign in to Autotask.

Nothing here prints a secret: representations and messages name what is wrong, never a value.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

CACHED = timedelta(minutes=5)
"""How long a secret that was read is used: after a change it takes so long until every function has the new one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The API-only user of Autotask, sent as the headers UserName, Secret and ApiIntegrationCode."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    integration_code: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tells these from any others without giving them away: made so slowly that nobody guesses a secret by it."""
        salt = f"{self.username}\n{self.integration_code}".encode()
        return hashlib.pbkdf2_hmac("sha256", self.secret.encode(), salt, 100_000, 16).hex()


@dataclass(frozen=True, slots=True)
class RefusedUser:
    """Whom Autotask refused."""

    fingerprint: str = ""
    """``""``: nobody was signed in."""
    replaced: bool = False
    """Whether another one is stored by now."""


class Secrets(Protocol):
    """Where secrets come from. All methods raise :class:`SecretsUnavailable` when it is out of reach."""

    def webhook_secrets(self) -> tuple[str, ...]:
        """Every active signing secret as ``whsec_<base64>``, the current one first.

        Raises :class:`NotConfigured` when there is none.
        """
        ...

    def autotask_credentials(self, *, as_stored: bool = False) -> Credentials:
        """Who we are to Autotask; ``as_stored``: asked anew. Raises :class:`NotConfigured` when a part of it is empty."""
        ...

    def refresh(self) -> bool:
        """Forget what is cached, unless it is younger than a minute; True if asking again is worth it.

        For a signature or a sign-in that fails against cached secrets: they may have been rotated.
        """
        ...

    def age(self) -> timedelta | None:
        """How long ago the oldest of the secrets was written that were read so far; None: nothing is known of any."""
        ...
