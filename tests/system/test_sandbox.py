"""`crewcard-xero sandbox`: all that a host's developer needs, in one command and one folder; trouble on demand."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from dotenv import dotenv_values
from standardwebhooks import Webhook

from events.invoice import Invoice
from events.publisher import Publisher
from events.snapshot import Person
from tests import builders
from tests.hosts.conftest import endpoint  # noqa: F401  # a fixture
from tests.machines import a_free_port, wait_for

COMMAND = str(Path(sys.executable).parent / "crewcard-xero")
ENVIRONMENT = {"PATH": os.environ["PATH"], "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
LONG = 60


def sandbox(*words, cwd):
    done = subprocess.run(
        [COMMAND, "sandbox", *words],
        env=ENVIRONMENT,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def running(cwd, url, *ports):
    """The sandbox as a developer starts it; gives what it said once it is all there."""
    words = ["--host", url, "--port", str(ports[0]), "--xero-port", str(ports[1])]
    process = subprocess.Popen(
        [COMMAND, "sandbox", *words], env=ENVIRONMENT, cwd=cwd, stdout=subprocess.PIPE, text=True
    )
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "the same command goes on" in line:
                break
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONG)


def said_of(heard, invoice, type_):
    return any((event["type"], event["data"].get("invoice")) == (type_, invoice) for event in heard.events)


def origin(url):
    return "/".join(url.split("/")[:3])


@pytest.mark.ci
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("live")
def test_one_command_is_all_a_hosts_developer_needs_and_goes_wrong_on_demand(tmp_path, endpoint):  # noqa: F811
    ports = a_free_port(), a_free_port()
    with running(tmp_path, endpoint.url, *ports) as said:
        host = dotenv_values(tmp_path / "var/sandbox/.env")
        assert all(f"{name}={value}" in said for name, value in host.items())
        publisher = Publisher(*(host[f"CREWCARD_XERO_{name}"] for name in ("URL", "KEY", "SECRET")))

        def told(number):
            """The answer about the invoice of this number, once it was sent."""
            made = Invoice.model_validate(
                builders.an_invoice(number, number=number, client={"id": "C01", "name": "A"})
            )
            publisher.export(host["HOST_COMPANIES"], f"click-{number}", [made], requested_by=Person(id="anna"))
            wait_for(lambda: any(event["data"].get("invoice") == number for event in endpoint.events), LONG)
            return next(event for event in endpoint.events if event["data"].get("invoice") == number)

        assert told("CC-1")["type"] == "invoice.export.succeeded"
        assert sandbox("fail", "BAD-01", "locked", cwd=tmp_path)[0] == 0
        assert told("BAD-01")["data"]["reason"] == "period_locked"
        assert told("CC-2")["type"] == "invoice.export.succeeded"
        for headers, body in endpoint.came:
            assert Webhook(host["CREWCARD_XERO_WEBHOOK_SECRET"]).verify(body, headers)
        assert sandbox("pay", "CC-1", cwd=tmp_path)[0] == 0
        assert sandbox("void", "CC-2", cwd=tmp_path)[0] == 0
        for number, type_ in (("CC-1", "invoice.paid"), ("CC-2", "invoice.voided")):
            wait_for(partial(said_of, endpoint, number, type_), LONG)  # by Xero's webhooks, not by the hourly look
        code, words = sandbox("pay", "CC-2", cwd=tmp_path)
        assert (code, "VOIDED" in words) == (1, True)
        assert sandbox("offline", cwd=tmp_path)[0] == 0
        waits = Invoice.model_validate(builders.an_invoice("CC-5", number="CC-5", client={"id": "C01", "name": "A"}))
        publisher.export(host["HOST_COMPANIES"], "click-CC-5", [waits], requested_by=Person(id="anna"))
        wait_for(lambda: any(event["type"] == "invoice.export.deferred" for event in endpoint.events), LONG)
        assert sandbox("offline", "--back", cwd=tmp_path)[0] == 0
        wait_for(lambda: said_of(endpoint, "CC-5", "invoice.export.succeeded"), 200)  # not the 300 s of its wait
        own = dotenv_values(tmp_path / "var/sandbox/env")
        assert (own["RETURN_ADDRESSES"], own["WEBHOOK_PRIVATE_ADDRESSES"]) == (f"{origin(endpoint.url)}/", "true")
        code, words = sandbox("--host", endpoint.url, "--folder", "other", "--port", str(ports[0]), cwd=tmp_path)
        assert (code, f"Port {ports[0]} is taken" in words, f"--port {ports[0] + 1}" in words) == (2, True, True)
    with running(tmp_path, endpoint.url, *ports):
        assert dotenv_values(tmp_path / "var/sandbox/.env") == host
        assert told("CC-3")["type"] == "invoice.export.succeeded"
        code, words = sandbox("pay", "CC-1", cwd=tmp_path)
        assert (code, "PAID" in words) == (1, True)


def test_what_is_asked_of_a_sandbox_that_is_not_there_says_so(tmp_path):
    code, words = sandbox("fail", "BAD-01", "locked", cwd=tmp_path)
    assert (code, "No sandbox runs on" in words) == (1, True)
    code, words = sandbox("fail", "BAD-01", "moody", cwd=tmp_path)
    assert (code, "locked, contact" in words) == (2, True)
    code, words = sandbox(cwd=tmp_path)
    assert (code, "--host" in words) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        own = ("--port", str(a_free_port()), "--xero-port", port)
        code, words = sandbox("--host", "http://localhost:8000", *own, cwd=tmp_path)
    assert (code, f"--xero-port {int(port) + 1}" in words) == (2, True)
