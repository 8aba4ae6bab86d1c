"""A function of either version in a process of its own, as its sandbox: ``python child.py handler…``.

``path/to/app.py`` or ``package.module`` names what has the ``handler``; without an argument the process only loads what Lambda's runtime
loads in any case. Each line of the standard input is an event; each gets a line with the answer, the processor's seconds, and the bytes
that were logged. The first line says how many modules the import loaded and what it took.
"""

from __future__ import annotations

import json
import os
import sys
import time

SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = "measured"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    aws_request_id = "1b7a5f6c-0000-4000-8000-000000000000"
    log_group_name = "measured"
    log_stream_name = "measured"
    identity = None
    client_context = None

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the sandbox."""
        return int((self._end - time.monotonic()) * 1000)


def main() -> None:
    """Import, then answer events until there are none."""
    told = os.fdopen(os.dup(1), "w", buffering=1)
    log = os.open(os.environ["BENCH_LOG"], os.O_CREAT | os.O_TRUNC | os.O_RDWR)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if os.environ.get("BENCH_RUNTIME"):
        import awslambdaric.bootstrap  # type: ignore[import-not-found]  # noqa: F401 - what is loaded in any case
    before, began = len(sys.modules), time.process_time()
    handler = _handler(sys.argv[1]) if sys.argv[1:] else None
    loaded = {"modules": len(sys.modules) - before, "cpu": time.process_time() - began}
    told.write(json.dumps(loaded) + "\n")
    for line in sys.stdin:
        event, context = json.loads(line), Context()
        sys.stdout.flush()
        logged, began = os.fstat(log).st_size, time.process_time()
        answer = handler(event, context) if handler else None  # type: ignore[operator]
        cpu = time.process_time() - began
        sys.stdout.flush()
        told.write(
            json.dumps({"answer": answer, "cpu": cpu, "logged": os.fstat(log).st_size - logged}) + "\n"
        )


def _handler(name: str) -> object:
    import importlib
    import importlib.util

    if not name.endswith(".py"):
        return importlib.import_module(name).handler
    spec = importlib.util.spec_from_file_location("app", name)
    if spec is None or spec.loader is None:
        raise SystemExit(f"no module: {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


if __name__ == "__main__":
    main()
