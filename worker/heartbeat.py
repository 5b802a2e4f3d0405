"""The heartbeat: every process says in the database that it is there, and leaves when it ends in good order."""

import os
import socket
import threading
import uuid
from importlib import metadata

from store import processes
from store.processes import Presence
from store.unit_of_work import Store
from worker import logs

VERSION = metadata.version("crewcard-xero")


class Heartbeat(threading.Thread):
    """A thread of a process of this `kind` (web, worker or clock); to be made after a fork."""

    def __init__(self, store: Store, kind: str, seconds: float = processes.BEAT_SECONDS) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._store = store
        self.who = Presence(uuid.uuid4().hex, kind, VERSION, socket.gethostname(), os.getpid())
        self._seconds = seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.beat()
            except Exception:  # the database may be away for a while, and is asked again
                logs.log("heartbeat").warning("heartbeat.missed", kind=self.who.kind, exc_info=True)
            self._stopping.wait(self._seconds)

    def beat(self) -> None:
        """Say once that this process is there."""
        with self._store.write() as work:
            processes.beat(work, self.who)

    def stop(self) -> None:
        """Leave, so that nobody wonders what became of this process."""
        self._stopping.set()
        if self.is_alive():
            self.join(self._seconds)
        try:
            with self._store.write() as work:
                processes.leave(work, self.who.id)
        except Exception:
            logs.log("heartbeat").warning("heartbeat.missed", kind=self.who.kind, exc_info=True)
