"""Autotask for a person's commands: an API user who was refused is not tried again by each of them.

Failed logins lock an API user. The workers leave Autotask alone for a while after a refusal; a command does the same, and what it was refused
itself it does not ask a second time. Only `setup` and `credentials set` try again, when a person says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from timus_autotask.ports.errors import CredentialsRefused
from timus_autotask.ports.psa import Psa
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import CREDENTIALS_PAUSE

READ_AGAIN = timedelta(seconds=30)
"""How old what is known of the workers' pause may be: a report asks Autotask more often than that pause changes."""


def careful(ports: Ports) -> Ports:
    """The same ports; their ``autotask`` raises ``CredentialsRefused`` while nobody is to ask, without a request."""
    return replace(ports, autotask=_Careful(ports))


class _Careful:
    """Autotask, as long as its API user was not refused."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._refused: tuple[datetime, CredentialsRefused] | None = None
        """What a request of our own was answered, and when it may be asked again."""
        self._pause: tuple[datetime, CredentialsRefused | None] | None = None
        """What the workers' pause is, and until when that is believed."""

    def __call__(self) -> Psa:
        now = self._ports.clock.now()
        if self._refused and now < self._refused[0]:
            raise self._refused[1]
        if self._pause is None or now >= self._pause[0]:
            self._pause = now + READ_AGAIN, self._pause_of_workers(now)
        if self._pause[1]:
            raise self._pause[1]
        return cast("Psa", _Noting(self._ports.autotask(), self._note))

    def _pause_of_workers(self, now: datetime) -> CredentialsRefused | None:
        circuit = self._ports.store.circuit().value
        return CredentialsRefused(circuit.message) if circuit.signed_out(now) else None

    def _note(self, refused: CredentialsRefused) -> None:
        self._refused = self._ports.clock.now() + CREDENTIALS_PAUSE, refused


class _Noting:
    """An Autotask of which each refusal of the API user is noted."""

    def __init__(self, autotask: Psa, note: Callable[[CredentialsRefused], None]) -> None:
        self._autotask, self._note = autotask, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._autotask, name)
        if not callable(found):
            return found

        @wraps(found)
        def asked(*values: Any, **options: Any) -> Any:
            try:
                return found(*values, **options)
            except CredentialsRefused as refused:
                self._note(refused)
                raise

        return asked
