"""Many clients who live through their stories at the same time, so that there is little to wait for.

A story is a generator: what it does up to a ``yield`` reaches the stack, and it goes on once everything has come to rest. In each
round every story does its part while nobody takes wake-ups from the queue; then the worker comes, and all are waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import pytest

from tests.e2e.deployed import Client, Deployed

Life = Generator[None, None, None]
Story = Callable[[Client], Life]


class Lives:
    """Stories under way, and how they ended."""

    def __init__(
        self, deployed: Deployed, stories: Iterable[Story], client: Callable[[], Client], unmapped: str = ""
    ) -> None:
        self._deployed = deployed
        self._lives: dict[str, tuple[Client, Life]] = {}
        self._failures: dict[str, BaseException] = {}
        for story in stories:
            one = client()
            if story.__name__ != unmapped:
                one.has_been_mapped()
            self._lives[story.__name__] = (one, story(one))

    def round(self) -> bool:
        """Let each story go on to its next rest; returns whether there is one that is not over."""
        with self._deployed.worker_away():
            for name in list(self._lives):
                self._try(name, self._go_on)
        for name in list(self._lives):
            self._try(name, lambda name: self._lives[name][0].rests())
        return bool(self._lives)

    @property
    def clients(self) -> list[Client]:
        """Those whose stories are not over."""
        return [client for client, _ in self._lives.values()]

    def _go_on(self, name: str) -> None:
        try:
            next(self._lives[name][1])
        except StopIteration:
            del self._lives[name]

    def _try(self, name: str, act: Callable[[str], None]) -> None:
        try:
            act(name)
        except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - reported by the story's own test
            self._failures[name] = failure
            self._lives.pop(name, None)

    def ended(self, story: Story) -> None:
        """Fail as the story did; a story that is not over fails, too."""
        if story.__name__ in self._failures:
            raise self._failures[story.__name__]
        assert story.__name__ not in self._lives


def gather(stories: list[Story]) -> Callable[[Story], Story]:
    """A decorator that puts a story on a list."""

    def put(story: Story) -> Story:
        stories.append(story)
        return story

    return put
