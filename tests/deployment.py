"""A world as its operator sees it: what the command and a console get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from tests.fakes.memory_queue import MemoryQueue
from tests.world import AUTOTASK, World
from timus_autotask.autotask.http import Transport
from timus_autotask.bootstrap import autotask_user
from timus_autotask.operate.careful import careful
from timus_autotask.operate.deployment import Deployment, Place
from timus_autotask.sync.receive import HttpRequest, receive


def deployment_of(
    world: World, *, dead_letters: MemoryQueue | None = None, transport: Transport | None = None
) -> Deployment:
    """``transport`` is a way to Autotask in place of the one into the simulator, for credentials that are tried."""
    return Deployment(
        stack="timus-autotask",
        ports=careful(replace(world.ports, wake_ups=world.queue)),
        queue=world.queue,
        dead_letters=dead_letters or MemoryQueue(world.clock),
        secrets=world.secrets,
        store_credentials=world.secrets.replace_credentials,
        autotask_as=autotask_user(transport or world.transport, AUTOTASK),
        webhook_url="https://api.test/webhooks/timus",
        deliver=partial(_delivered, world),
        place=Place("123456789012", "eu-west-1"),
    )


def _delivered(world: World, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """To the webhook's own function, and the worker comes at once."""
    request = HttpRequest("POST", "/webhooks/timus", {**headers, "content-type": "application/json"}, body)
    answer = receive(request, world.receive_ports)
    world.work()
    return answer.status, answer.body
