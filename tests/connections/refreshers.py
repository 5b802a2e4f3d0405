"""Processes of their own that need access tokens: `python -m tests.connections.refreshers WHAT DATABASE …`."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from store.tokens import DatabaseTokenBox
from store.unit_of_work import Store, engine_for
from store.vault import Vault
from xero_adapter.auth import Auth, TokenService


def auth(database: str, xero: str, key: str, box: type[DatabaseTokenBox] = DatabaseTokenBox) -> Auth:
    return Auth(box(Store(engine_for(database)), Vault([key])), TokenService(xero))


class DyingBox(DatabaseTokenBox):
    """Is killed with Xero's answer in hand."""

    def save(self, *_args, **_more) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False


def crowd(database: str, xero: str, key: str, client_id: str, user: str, workers: str) -> None:
    """At each line of input many workers meet one expired token at the same moment; print what each got."""
    mine, together = auth(database, xero, key), threading.Barrier(int(workers))

    def work(_number: int) -> str:
        together.wait()
        return mine.access(client_id, user)

    with ThreadPoolExecutor(int(workers)) as pool:
        print("ready", flush=True)  # noqa: T201
        for _ in sys.stdin:
            print(*pool.map(work, range(int(workers))), flush=True)  # noqa: T201


def die(database: str, xero: str, key: str, client_id: str, user: str) -> None:
    """Refresh, and be killed between Xero's answer and our commit."""
    auth(database, xero, key, DyingBox).renew(client_id, user)


if __name__ == "__main__":
    {"crowd": crowd, "die": die}[sys.argv[1]](*sys.argv[2:])
