"""Keeps Autotask recurring contracts level with Timus subscriptions."""

__version__ = "0.1.0"
