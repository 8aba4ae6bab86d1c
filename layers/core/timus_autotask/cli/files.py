"""Files that the command reads and writes: what cannot be done with one is said in a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from timus_autotask.cli.failure import USAGE, Failed


def read(name: str) -> bytes:
    """What a file holds; of ``-``, standard input. Raises :class:`Failed` where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror}.", USAGE) from error


def write(path: str | Path, text: str) -> None:
    """Make the text a file, in place of one that is there. Raises :class:`Failed` where it cannot be written."""
    try:
        Path(path).write_bytes(text.encode())
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}.", USAGE) from error
