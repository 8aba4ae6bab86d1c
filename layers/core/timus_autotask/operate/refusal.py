"""How a use case refuses: one sentence that says why, and what to do."""

from __future__ import annotations


class NotDone(Exception):
    """What was asked for cannot be done, and nothing was written. The message says why, and what to do."""


class Senseless(NotDone):
    """What was asked for makes no sense, whatever the records say."""
