"""`python -m simulator --port 8790`: a Xero on this machine, empty until it is filled by its control face."""

import argparse

import uvicorn

from simulator.app import Simulator
from simulator.server import config


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790)
    chosen = parser.parse_args()
    uvicorn.Server(config(Simulator().app(), chosen.host, chosen.port)).run()


if __name__ == "__main__":
    main()
