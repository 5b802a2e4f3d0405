"""A process that is asked to end does so, however often it is asked: one hung for ever on a second SIGTERM."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlmodel import select

from store import processes
from store.tables import Batch
from tests.builders import an_invoice
from tests.installation import KEY
from tests.machines import wait_for
from worker import broker

ROOT = Path(__file__).parents[2]
ASKED_TWICE = """
import os, signal, threading
from worker.ending import when_asked_to_end

taken, ended = threading.Lock(), threading.Event()

def end():
    with taken:
        ended.set()

when_asked_to_end(end)
with taken:  # as it is when the second signal comes
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on", flush=True)
print("ended", ended.wait(20))
"""


def test_a_signal_that_comes_while_a_lock_is_held_waits_for_it_and_ends_the_process():
    done = subprocess.run(
        [sys.executable, "-c", ASKED_TWICE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "goes on\nended True\n", done.stderr


def test_no_other_handler_takes_a_lock():
    """The doors' own only leaves the loop; what else ends with a signal is told by `worker/ending`."""
    rooms = ("cli", "demo", "store", "web", "worker", "xero_adapter")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT)}": re.findall(r"signal\.signal\(.*", path.read_text())
        for path in files
        if "signal.signal(" in path.read_text()
    }
    assert found == {
        "web/main.py": ["signal.signal(signal.SIGTERM, lambda *_: sys.exit())"],
        "worker/ending.py": ["signal.signal(number, lambda *_: asked.put(None))"],
    }


@contextmanager
def a_worker(installation, log):
    """A real master with its child, and the number of that; both are gone at the end."""
    chosen = installation.settings
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": KEY,
        "XERO_API_URL": chosen.xero_api_url,
        "XERO_IDENTITY_URL": chosen.xero_identity_url,
        "READ_TIMEOUT_SECONDS": "10",
        "LOG_FORMAT": "json",
    }
    options = ["--processes", "1", "--threads", "2", "--queues", "exports", "--worker-shutdown-timeout", "30000"]
    with log.open("wb") as output:
        master = subprocess.Popen(
            [sys.executable, "-m", "worker.main", *options], cwd=log.parent, env=environment, stderr=output
        )
    children = []
    try:
        children += [row.pid for row in wait_for(lambda: at_work(installation), seconds=60)]
        yield master, children[0]
    finally:
        for pid in (master.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        master.wait()


def at_work(installation):
    with installation.store.read() as work:
        return processes.everyone(work)


def is_there(pid):
    """Whether the process runs; one that nobody asked after yet has no command any more."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def is_calling(installation):
    with installation.store.read() as work:
        return work.session.exec(select(Batch).where(Batch.state == "sent")).all()


def test_the_child_of_a_master_that_was_killed_ends_by_itself_behind_its_turn(installation, tmp_path):
    installation.simulator.state.faults.set({"slow": 1.0, "slow_seconds": 2.0})
    log = tmp_path / "worker.log"
    with a_worker(installation, log) as (master, child):
        installation.ask(an_invoice())
        broker.build(installation.tools.redis).push(*installation.rings.pop())
        wait_for(lambda: is_calling(installation), seconds=60)
        master.kill()
        master.wait()
        wait_for(lambda: not is_there(child), seconds=60)
        assert at_work(installation) == []  # it left in good order
    assert {name: one["type"] for name, one in installation.answers().items()} == {"i1": "succeeded"}
    assert len(installation.books()) == 1
    assert "worker.orphaned" in log.read_text()
