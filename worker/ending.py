"""The signals that ask a process to end: SIGTERM, and Ctrl-C."""

import queue
import signal
import threading
from collections.abc import Callable


def when_asked_to_end(end: Callable[[], object]) -> None:
    """Let a thread of its own do `end` once such a signal came, however many come; to be called by the main thread.

    A handler runs in the middle of whatever the main thread does, and so in the middle of the handler of the signal
    before. One that takes a lock may then wait for itself for ever; to put something into this queue takes none.
    """
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.put(None))

    def wait() -> None:
        asked.get()
        end()

    threading.Thread(target=wait, name="ending", daemon=True).start()
