"""The tutorial for a host as it stands, from a clean clone: its commands by a shell, its clicks in a browser."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import browser
from tests.connections.xero_pages import XeroPages
from tests.examples.hosts import needs_php
from tests.hosts.test_php_host import SOON, popup, sign_in
from tests.hosts.test_php_package import _MESSAGES
from tests.machines import a_free_port, wait_for
from tests.operations.spoken import blocks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/host-tutorial.md"

pytestmark = [
    *browser.IN_A_BROWSER,
    needs_php,
    pytest.mark.skipif(not _MESSAGES.exists(), reason="no PSR-7 for PHP here (apt: php-nyholm-psr7)"),
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("live"),
]


def script(host):
    """The commands up to the clicks, and those behind each, once somebody says that all was clicked."""
    *begin, rest, stop = blocks(PAGE.read_text(), "sh")
    assert len(begin) == 4
    ports = f"--host http://localhost:{host} --port {a_free_port()} --xero-port {a_free_port()}"
    clicks = [f"touch ready-{what}\nuntil [ -e clicked-{what} ]; do sleep 0.2; done\n" for what in ("nine", "rare")]
    typed = "".join([*begin, clicks[0], rest, clicks[1], stop])
    typed = typed.replace("--host http://localhost:8000", ports).replace("localhost:8000", f"localhost:{host}")
    return f"set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n{typed}"


def test_a_php_developer_gets_from_a_clone_to_all_nine_goals(tmp_path):
    clone, port = tmp_path / "clone", a_free_port()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        bash = subprocess.Popen(
            ["bash", "-c", script(port)],
            cwd=clone,
            env={**environment, "COLUMNS": "200"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            for what, clicked in (("nine", all_nine_goals), ("rare", what_is_rare)):
                ready = clone / f"ready-{what}"
                wait_for(lambda ready=ready: ready.exists() or bash.poll() is not None, 400, every=0.2)
                assert bash.poll() is None, said.read_text()
                clicked(f"http://localhost:{port}")
                (clone / f"clicked-{what}").touch()
            code = bash.wait(timeout=120)
        finally:
            if bash.poll() is None:
                os.killpg(bash.pid, signal.SIGTERM)
                bash.wait(60)
    text = said.read_text()
    shutil.rmtree(clone)
    assert code == 0, text
    assert "Traceback" not in text
    assert "Kept. Next: crewcard-xero connect harbour-crew" in text, "the app's credentials"


def all_nine_goals(url):
    with browser.a_chromium() as chromium:
        page = chromium.new_page(base_url=url, locale="en-GB")
        page.set_default_timeout(SOON)
        sign_in(page, "Anna Berg")
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="Xero Bulk Send").click()
        expect(popup(page)).to_contain_text("2 exported to Xero, 1 invoice failed", timeout=SOON)
        popup(page).get_by_role("button", name="Close").click()
        expect(page.locator("xero-marker").nth(0)).to_contain_text("Exported", timeout=SOON)
        expect(page.locator("xero-last-exported").nth(0)).to_contain_text("Open in Xero", timeout=SOON)
        page.get_by_role("link", name="EX-1003").click()
        page.get_by_label("Currency").fill("USD")
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Export Invoice to XERO").click()
        expect(popup(page, "status")).to_contain_text("Invoices exported to Xero.", timeout=SOON)
        log = page.locator("xero-export-log").get_by_role("row")
        expect(log.nth(1)).to_contain_text("Anna Berg", timeout=SOON)
        page.goto("/client?id=C01")
        expect(page.get_by_label("Xero Client ID")).to_be_disabled(timeout=SOON)
        sign_in(page, "Bo Lind")
        page.goto("/client?id=C01")
        expect(page.get_by_label("Xero Client ID")).to_be_enabled(timeout=SOON)
        page.goto("/profile")
        page.get_by_role("button", name="Log in to Xero again").click()
        page.wait_for_url(re.compile("/connect/"), timeout=SOON)
        page.get_by_role("button", name="Log in to Xero").click()
        at_xero = XeroPages("")
        at_xero.fill_in(page, ["Harbour Crew Ltd", "River Crew Ltd"], "bo@example.com")
        page.wait_for_url(re.compile(r"/callback\.php\?"), timeout=SOON)
        page.get_by_label("Harbour Crew Ltd").check()
        page.get_by_role("button", name="Continue with Organization").click()
        page.wait_for_url(re.compile(r"/profile$"), timeout=SOON)
        expect(page.locator("xero-connection")).to_contain_text("Connected to Harbour Crew Ltd", timeout=SOON)


def what_is_rare(url):
    """An invoice that is paid in Xero, and a setting that is off."""
    with browser.a_chromium() as chromium:
        page = chromium.new_page(base_url=url, locale="en-GB")
        page.set_default_timeout(SOON)
        sign_in(page, "Bo Lind")
        page.goto("/client?id=C01")
        expect(page.get_by_label("Xero Client ID")).to_be_disabled(timeout=SOON)
        page.goto("/invoice?id=ex-1001")
        page.get_by_label("Currency").fill("EUR")
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Export Invoice to XERO").click()
        expect(popup(page)).to_contain_text("in Xero (paid in full)", timeout=SOON)
