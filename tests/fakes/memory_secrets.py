"""The secrets port in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from timus_autotask.ports.clock import Clock
from timus_autotask.ports.errors import NotConfigured, SecretsUnavailable
from timus_autotask.ports.secrets import Credentials

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CREDENTIALS = Credentials(username="api@msp.example", secret="secret", integration_code="CODE")


class MemorySecrets:
    """:class:`timus_autotask.ports.secrets.Secrets` over a store at hand.

    A rotation shows as late as it does behind the real adapter: after five minutes, or after a refresh that is allowed.
    """

    def __init__(
        self,
        clock: Clock,
        webhook: tuple[str, ...] = (WEBHOOK_SECRET,),
        credentials: Credentials | None = CREDENTIALS,
    ) -> None:
        self.available = True
        self.reads = 0
        """How often the store was asked."""
        self._clock = clock
        self._stored: dict[str, Any] = {"webhook": webhook, "autotask": credentials}
        self._cache: dict[str, tuple[datetime, Any]] = {}
        self.written_at: datetime | None = None
        """When each of them was written; None: the store does not say."""

    def webhook_secrets(self) -> tuple[str, ...]:
        webhook: tuple[str, ...] = self._read("webhook", "the webhook secret has no current value")
        return webhook

    def autotask_credentials(self, *, as_stored: bool = False) -> Credentials:
        if as_stored:
            self._cache.pop("autotask", None)
        missing = "the Autotask credentials have no username, secret, integration_code"
        credentials: Credentials = self._read("autotask", missing)
        return credentials

    def refresh(self) -> bool:
        since = self._clock.now() - timedelta(minutes=1)
        young = {name: entry for name, entry in self._cache.items() if entry[0] > since}
        dropped = len(young) < len(self._cache)
        self._cache = young
        return dropped

    def age(self) -> timedelta | None:
        return self._clock.now() - self.written_at if self.written_at and self._cache else None

    def rotate(self, *webhook: str) -> None:
        """Store other signing secrets, the current one first."""
        self._stored["webhook"] = webhook

    def replace_credentials(self, credentials: Credentials | None) -> None:
        """Store other credentials; None: not filled in."""
        self._stored["autotask"] = credentials

    def _read(self, name: str, missing: str) -> Any:
        now = self._clock.now()
        if name in self._cache and now - self._cache[name][0] < timedelta(minutes=5):
            return self._cache[name][1]
        if not self.available:
            raise SecretsUnavailable("the secret store does not answer")
        self.reads += 1
        if not self._stored[name]:
            raise NotConfigured(missing)
        self._cache[name] = now, self._stored[name]
        return self._stored[name]
