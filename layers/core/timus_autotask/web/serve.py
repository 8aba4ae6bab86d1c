"""Serves the console on this machine: on 127.0.0.1, to the browser that has this run's address."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from timus_autotask.operate.deployment import Deployment
from timus_autotask.web.app import console
from timus_autotask.web.desk import Desk
from timus_autotask.web.security import KEY, Guard, Keys

HOST = "127.0.0.1"


class PortTaken(Exception):
    """Something else listens there; the message is the system's."""


def serve(deployment: Deployment, by: str, port: int, on_address: Callable[[str], None]) -> None:
    """Until Ctrl-C. ``on_address`` is told the first address, and the next one whenever it is used."""
    with listening(port) as listener:
        port = listener.getsockname()[1]
        keys = Keys(lambda key: on_address(address(port, key)))
        desk = Desk(deployment, by)
        desk.begin()
        on_address(address(port, keys.key))
        run(Guard(console(desk), keys, port), listener)


def address(port: int, key: str) -> str:
    """The address that lets a browser in."""
    return f"http://{HOST}:{port}/?{KEY}={key}"


def listening(port: int) -> socket.socket:
    """A socket on this machine alone. Raises :class:`PortTaken`."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        raise PortTaken(error.strerror) from error
    return found


def server(app: Guard) -> uvicorn.Server:
    """What serves it."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            ws="none",
        )
    )


def run(app: Guard, listener: socket.socket) -> None:
    """Serve it until Ctrl-C, which is how it ends and nothing that failed."""
    try:
        server(app).run(sockets=[listener])
    except KeyboardInterrupt:
        return
