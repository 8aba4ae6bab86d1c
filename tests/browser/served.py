"""A console that is really served, over a world of fakes and a simulated Autotask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic, sleep

from tests.deployment import deployment_of
from tests.world import World
from timus_autotask.web.app import console
from timus_autotask.web.desk import Desk
from timus_autotask.web.kept import Start
from timus_autotask.web.security import Guard, Keys
from timus_autotask.web.serve import HOST, address, listening, server


def at_once(work: Callable[[], None]) -> None:
    """Do beside a click what is done beside a click: before it is answered, so that a page says the same each time."""
    work()


@dataclass
class Served:
    """A console on a port of this machine."""

    world: World
    desk: Desk
    keys: Keys
    port: int
    told: list[str] = field(default_factory=list)
    """The keys that the terminal was told."""

    @property
    def home(self) -> str:
        """Its origin."""
        return f"http://{HOST}:{self.port}"

    @property
    def first_address(self) -> str:
        """What the terminal shows; good once."""
        return address(self.port, self.keys.key)


@contextmanager
def serving(world: World, start: Start = at_once) -> Iterator[Served]:
    """Serve it as the command does, with uvicorn, until the block ends."""
    told: list[str] = []
    with listening(0) as listener:
        served = Served(world, Desk(deployment_of(world), "anna", start), Keys(told.append), 0, told)
        served.port = listener.getsockname()[1]
        one = server(Guard(console(served.desk), served.keys, served.port))
        thread = Thread(target=one.run, kwargs={"sockets": [listener]})
        thread.start()
        served.desk.begin()
        try:
            until(lambda: one.started)
            yield served
        finally:
            one.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that happens on another thread."""
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "it did not happen"
        sleep(0.01)
