"""`python -m simulator --port 8790`: a Xero on this machine, empty until it is filled by its control face."""

import argparse
import gc
import json
import signal
import sys
from pathlib import Path

import uvicorn

from simulator import catalogue, saving
from simulator.app import Simulator
from simulator.server import config

_NEVER = 1_000_000


def main() -> None:
    """Serve until interrupted. With `--state FILE` begin with what is in the file and write it again at the end."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--state", type=Path, help="file to load at the start and save at the end")
    parser.add_argument("--catalogue", action="store_true", help="print every message with its source and trigger")
    chosen = parser.parse_args()
    if chosen.catalogue:
        sys.stdout.write(catalogue.page())
        return
    simulator = Simulator()
    if chosen.state and chosen.state.exists():
        try:
            saving.load(simulator.state, json.loads(chosen.state.read_text()))
        except (ValueError, OSError) as wrong:
            parser.error(f"{chosen.state}: {wrong}")
    gc.set_threshold(10_000, 10, _NEVER)  # the books only grow: to look through them takes a second and finds nothing
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again when it has stopped
    try:
        uvicorn.Server(config(simulator.app(), chosen.host, chosen.port)).run()
    except KeyboardInterrupt:
        pass
    finally:
        if chosen.state:
            _save(simulator, chosen.state)


def _save(simulator: Simulator, path: Path) -> None:
    """Whole or not at all; readable by its owner alone, since it holds tokens."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(saving.document(simulator.state)))
    fresh.replace(path)


if __name__ == "__main__":
    main()
