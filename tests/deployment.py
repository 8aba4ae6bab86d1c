"""A world as its operator sees it: what the command and a console get."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.memory_queue import MemoryQueue
from tests.world import AUTOTASK, InProcess, World
from timus_autotask.autotask.http import Transport
from timus_autotask.bootstrap import autotask_user
from timus_autotask.operate.deployment import Deployment


def deployment_of(
    world: World, *, dead_letters: MemoryQueue | None = None, transport: Transport | None = None
) -> Deployment:
    """``transport`` is a way to Autotask in place of the one into the simulator, for credentials that are tried."""
    return Deployment(
        stack="timus-autotask",
        ports=replace(world.ports, wake_ups=world.queue),
        queue=world.queue,
        dead_letters=dead_letters or MemoryQueue(world.clock),
        secrets=world.secrets,
        store_credentials=world.secrets.replace_credentials,
        autotask_as=autotask_user(transport or InProcess(world.api), AUTOTASK),
        webhook_url="https://api.test/webhooks/timus",
    )
