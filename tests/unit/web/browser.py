"""Somebody at a browser, without one: the console over a world of fakes, spoken to as a browser speaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.deployment import deployment_of
from tests.world import World
from timus_autotask.operate.deployment import Deployment
from timus_autotask.web.app import console
from timus_autotask.web.desk import Desk
from timus_autotask.web.kept import Start
from timus_autotask.web.security import FORM_TOKEN, KEY, Guard, Keys

PORT = 8799
HOME = f"http://127.0.0.1:{PORT}"


@dataclass
class Browser:
    """A console, and a browser that was opened with its first address."""

    world: World = field(default_factory=World)
    start: Start = lambda work: work()  # what is done beside a click is done at once

    def __post_init__(self) -> None:
        self.desk = Desk(self.deployment(), "anna", self.start)
        self.keys = Keys()
        self.app = Guard(console(self.desk), self.keys, PORT)
        self.client = self.stranger()
        self.first = self.get(f"/?{KEY}={self.keys.key}")

    def deployment(self) -> Deployment:
        """The world as the console gets it."""
        return deployment_of(self.world)

    def stranger(self) -> httpx.AsyncClient:
        """A browser that nobody has let in."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=HOME, follow_redirects=True)

    def ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        """One request and its answer."""
        return asyncio.run(self.client.request(method, address, **more))

    def get(self, address: str, **more: Any) -> httpx.Response:
        """Go to a page."""
        return self.ask("GET", address, **more)

    def page(self, address: str) -> str:
        """The HTML of a page that is there."""
        answer = self.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    def words(self, address: str) -> str:
        """What a page says, without its HTML."""
        return words_of(self.page(address))

    def token(self, address: str = "/") -> str:
        """The token that the forms of a page carry."""
        found = re.search(rf'name="{FORM_TOKEN}" value="([^"]+)"', self.get(address).text)
        assert found
        return found[1]

    def send(self, address: str, form: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """Send a form as a page of ours does."""
        data = {FORM_TOKEN: self.token(), **(form or {})}
        return self.ask("POST", address, data=data, headers={"origin": HOME}, **more)


def words_of(html: str) -> str:
    """The text of a page, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
