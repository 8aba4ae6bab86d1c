"""The operator's command ``timus-autotask``."""

from timus_autotask.cli.command import main

__all__ = ["main"]
