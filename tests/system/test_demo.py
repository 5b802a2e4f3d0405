"""`make demo`, as a newcomer runs it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from demo import run as demo
from demo import world as demo_world
from tests import builders
from tests.connections.house import hidden_fields
from tests.connections.xero_pages import XeroPages

LINK = re.compile(r"(http://\S+)/console/enter\?link=(\S+)")
COMMAND = Path(sys.executable).parent / "crewcard-xero"


@pytest.mark.ci
@pytest.mark.xdist_group("live")
def test_the_demo_ends_by_itself_where_it_is_told_to(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DEMO_EXIT": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [COMMAND, "demo"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    shows_what_it_did(done.stdout)
    assert not any((tmp_path / "var/demo").glob("*.pid"))


def shows_what_it_did(said):
    orders = 830 if demo.NORTHWIND.exists() else 120
    assert f"{orders} invoices from" in said
    assert f"In the simulated Xero: {orders + 1} invoices" in said
    assert said.count("✘ failed") == len(demo_world.REASONS)
    assert "not linked to a contact" in said


@pytest.mark.xdist_group("live")
def test_the_demo_shows_real_orders_and_each_failure_and_ends_on_the_console_whose_link_signs_in_once(tmp_path):
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen([COMMAND, "demo"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        for line in running.stdout:
            said += line
            if found := LINK.search(line):
                break
        shows_what_it_did(said)
        address, secret = found.groups()
        origin = {"origin": address, "sec-fetch-site": "same-origin"}
        with httpx.Client(base_url=address, headers=origin, timeout=30) as browser:
            entered = browser.post("/console/enter", data={"link": secret})
            assert (entered.status_code, entered.headers["location"]) == (303, "/console")
            page = browser.get("/console/contacts").text
            assert "Newcomer Boats" in page
            assert "Demo" in page
        assert httpx.post(f"{address}/console/enter", data={"link": secret}, headers=origin).status_code == 410
        a_second_company_is_connected(tmp_path / "var/demo")
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
    assert running.stdout.read() == "", "nothing follows the link"


def a_second_company_is_connected(home):
    """Another organisation and app in the simulated Xero; the login pages are filled in as a person does."""
    environment = dict(re.findall(r"^export (\w+)='(.*)'$", (home / "env").read_text(), re.MULTILINE))
    xero = XeroPages(environment["XERO_API_URL"])
    xero.organisation(builders.an_organisation(builders.TENANT))
    xero.app("second-app", "second-secret")

    def command(*words, typed=""):
        done = subprocess.run(
            [COMMAND, *words],
            env={**os.environ, **environment},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("companies", "add", "second", "--name", "Second Crew")
    command("companies", "app", "second", "--client-id", "second-app", typed="second-secret\n")
    link = json.loads(command("connect", "second", "--json"))["url"]
    with httpx.Client(timeout=30) as browser:
        to_xero = browser.post(link.partition("?")[0], data=hidden_fields(browser.get(link).text)).headers["location"]
        assert "Connected to " in browser.get(xero.answer(to_xero, tenant=builders.TENANT)).text
