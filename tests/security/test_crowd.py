"""Passwords, large bodies and half-sent requests of strangers, all at once: hosts' events are taken as quickly.

The short form has fewer of each, and shares the machine with other tests: it claims that every event is taken, and
nothing of times. The long form (`make thorough`) has 48 passwords, 30 bodies and 1,100 half-sent requests; its claim
is a quarter of a second.
"""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import machines
from tests.builders import a_request, an_invoice
from tests.doors.host import Host

SHORT = {"passwords": 6, "bodies": 6, "halves": 300, "a_second": 40, "seconds": 3.0, "longest": float("inf")}
LONG = {"passwords": 48, "bodies": 30, "halves": 1100, "a_second": 200, "seconds": 20.0, "longest": 0.25}
MOST_GROWTH_BYTES = 150_000_000
HOSTS = 16


@contextmanager
def a_web_process(installation):
    """`python -m web.main`; gives its address and process."""
    port, chosen = machines.a_free_port(), installation.settings
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": ",".join(chosen.encryption_keys),
        "WEB_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-m", "web.main"], env=environment)
    try:
        machines.wait_for(lambda: answers(f"http://127.0.0.1:{port}"), seconds=60)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url):
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def a_crowd(port, of):
    """Strangers of each kind, in a process of their own."""
    numbers = [str(of[name]) for name in ("passwords", "bodies", "halves")]
    command = [sys.executable, "-m", "tests.security.crowd", str(port), *numbers]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()


def resident(process):
    """Bytes of memory that a process holds now."""
    said = Path(f"/proc/{process.pid}/status").read_text()
    return int(said.partition("VmRSS:")[2].split()[0]) * 1024


@contextmanager
def watched(process):
    """The most memory that is held meanwhile, in a list of one."""
    most, over = [resident(process)], threading.Event()

    def look():
        while not over.wait(0.05):
            most[0] = max(most[0], resident(process))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()


def publish(hosts, a_second, seconds, name):
    """Events at a steady rate, each counted from the moment it was due; gives how long each took, in seconds."""
    began, count, over = time.monotonic(), int(a_second * seconds), threading.Event()

    def one(number):
        due = began + number / a_second
        over.wait(max(0.0, due - time.monotonic()))  # the pace of the load; nothing is claimed by it
        event = a_request(an_invoice(f"{name}-{number}"), request=f"{name}-{number}")
        assert hosts[number % HOSTS].post(event).status_code == 202
        return time.monotonic() - due

    with ThreadPoolExecutor(HOSTS) as pool:
        return sorted(pool.map(one, range(count)))


def at(took, share):
    return took[min(len(took) - 1, int(len(took) * share))]


@pytest.mark.xdist_group("live")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("of", [SHORT, pytest.param(LONG, marks=pytest.mark.thorough)], ids=["short", "long"])
def test_a_crowd_of_strangers_disturbs_no_host_and_fills_no_memory(on_sqlite, of):
    with a_web_process(on_sqlite) as (url, process):
        hosts = [Host(on_sqlite, url) for _ in range(HOSTS)]
        publish(hosts, of["a_second"], 2, "warm")
        quiet = publish(hosts, of["a_second"], of["seconds"] / 2, "quiet")
        before = resident(process)
        with watched(process) as most, a_crowd(httpx.URL(url).port, of):
            took = publish(hosts, of["a_second"], of["seconds"], "crowd")
        assert at(took, 0.99) <= of["longest"], (at(quiet, 0.99), at(took, 0.99))
        assert most[0] - before <= MOST_GROWTH_BYTES, (before, most[0])


@pytest.mark.xdist_group("live")
@pytest.mark.parametrize("patience", [30, pytest.param(3, marks=pytest.mark.thorough)], ids=["short", "long"])
def test_half_sent_requests_beyond_a_thousand_leave_everybody_a_place(on_sqlite, patience):
    """The process raises its own limit of open files; from the crowd's own address one gets in as well."""
    none_else = {"passwords": 0, "bodies": 0, "halves": 1100}
    with a_web_process(on_sqlite) as (url, _), a_crowd(httpx.URL(url).port, none_else):
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.9"):
            with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=patience) as http:
                assert http.get(f"{url}/healthz").status_code == 200
