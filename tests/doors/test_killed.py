"""The web process is killed -9 while hosts send: whatever was answered 202 is there, whole, and is answered once."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from benchmarks.posting import Line, signed
from store import api_keys
from tests import machines
from tests.builders import a_request, an_invoice
from tests.installation import KEY

pytestmark = pytest.mark.ci
EVENTS, HOSTS, KILLED_AFTER = 160, 4, (30, 80, 120)


class Web:
    """The real process, which can be killed and started again on its port."""

    def __init__(self, installation):
        self.port = machines.a_free_port()
        chosen = installation.settings
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATABASE_URL": chosen.database_url,
            "REDIS_URL": chosen.redis_url,
            "ENCRYPTION_KEYS": KEY,
            "WEB_PORT": str(self.port),
            "LOG_LEVEL": "ERROR",
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-m", "web.main"], env=self.environment)

    def answers(self):
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def web(installation):
    made = Web(installation)
    machines.wait_for(made.answers)
    yield made
    made.kill()


def test_what_was_accepted_is_there_after_a_kill_and_is_answered_exactly_once(installation, web):
    with installation.store.write() as work:
        key = api_keys.make(work, installation.tools.vault, "host")
    answered, lock = [], threading.Lock()

    def host(first):
        line = Line(web.url)
        for number in range(first, EVENTS, HOSTS):
            event = a_request(an_invoice(f"i{number}"), request=f"r{number}")
            status, _ = line.ask(signed(key, event, f"m{number}"))
            with lock:
                answered.append((number, status))
                if len(answered) in KILLED_AFTER:
                    web.kill()
                    web.start()

    with ThreadPoolExecutor(HOSTS) as pool:
        list(pool.map(host, range(HOSTS)))
    assert sorted(answered) == [(number, 202) for number in range(EVENTS)]
    for _ in range(20):
        installation.wake()
        installation.run()
    for number in range(EVENTS):
        (told,) = installation.answers(f"r{number}").values()
        assert told["type"] == "succeeded"
    assert len(installation.books()) == EVENTS
