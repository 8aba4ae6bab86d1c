"""``python -m local.autotask --port N [--scenario FILE]``: serve a simulated tenant until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from local.autotask.scenario import SCENARIOS, named_scenario, read_scenario
from local.autotask.server import Simulator


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.autotask", description=__doc__)
    parser.add_argument("--port", type=int, default=8580, help="0 lets the system choose")
    parser.add_argument(
        "--scenario",
        default="demo",
        help=f"a file, or one of: {', '.join(sorted(path.stem for path in SCENARIOS.glob('*.json')))}",
    )
    parser.add_argument("--origin", help="what links in answers begin with, if not http://127.0.0.1:PORT")
    chosen = parser.parse_args(arguments)
    path = Path(chosen.scenario)
    try:
        scenario = read_scenario(path) if path.suffix == ".json" else named_scenario(chosen.scenario)
    except (OSError, ValueError) as error:
        parser.error(f"the scenario {chosen.scenario} cannot be read: {error}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Simulator(scenario, port=chosen.port, origin=chosen.origin) as simulator:
        print(f"ready {simulator.url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
