"""What a host notices of clicks: that no `completed` comes before its answer, and how soon the pop-up is there.

Clicks come from four clerks at once; their events go to an endpoint, where the order is counted. The pop-up is
that of `examples/php-host` in Chromium, from the click to the text on the page, on an idle installation.
"""

import json
import sqlite3
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.installation import bench
from benchmarks.report import Report, percentile
from demo.world import invoice
from store import api_keys
from tests import browser
from tests.examples.hosts import EXAMPLES, PHP, WEBHOOK_SECRET, Host
from tests.hosts import callback
from tests.machines import a_free_port, wait_for
from tests.system.live import Live

_CLERKS = 4
_TAKING_SECONDS = 0.01
_ANSWERS = ("invoice.export.succeeded", "invoice.export.failed")
_COMPLETED = "invoice.export.completed"
_CLIENT = {"id": "C01", "name": "Harbour Master Ltd"}
# From the click to the pop-up's text, in the page's own clock.
_CLICK = """() => new Promise((seen) => {
  document.querySelectorAll('xero-popup').forEach((old) => old.remove());
  const began = performance.now();
  const look = () => {
    const text = document.querySelector('xero-popup')?.shadowRoot.querySelector('#message')?.textContent;
    if (text) seen([performance.now() - began, text]); else requestAnimationFrame(look);
  };
  document.querySelector('xero-export-button').shadowRoot.querySelector('button').click();
  look();
})"""


def run(*, short: bool) -> Report:
    """1,000 clicks at an endpoint, then 50 in a browser; 100 and 10 in the short form."""
    clicks, popups = (100, 10) if short else (1000, 50)
    report = Report("popup", "what a host notices of single clicks")
    early, lost = at_the_endpoint(clicks)
    report.add(f"of {clicks:,} clicks: `completed` before its answer", early, at_most=0)
    report.add("without both at the endpoint", lost, at_most=0)
    took = in_the_browser(popups)
    report.add("click to pop-up in Chromium, p50", percentile(took, 0.5), "ms", at_most=300)
    report.add("click to pop-up in Chromium, p95", percentile(took, 0.95), "ms")
    return report


class Taker:
    """A host at its endpoint, which takes a moment for each answer; counts each `completed` before its own."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.completed: set[str] = set()
        self.early = 0

    def answer(self, handler: Any) -> None:
        """Take one event."""
        event = json.loads(handler.body)
        request = event["data"].get("request")
        if event["type"] == _COMPLETED:
            self.early += request not in self.taken
            self.completed.add(request)
        elif event["type"] in _ANSWERS:
            threading.Event().wait(_TAKING_SECONDS)
            self.taken.add(request)
        handler.send_response(200)
        handler.end_headers()


def at_the_endpoint(clicks: int) -> tuple[int, int]:
    """Of so many clicks: those whose `completed` came before their answer was taken, those without both."""
    taker = Taker()
    with callback.an_endpoint() as endpoint:
        endpoint.answer = taker.answer
        chosen = {
            "WEBHOOK_URL": endpoint.url,
            "WEBHOOK_SECRET": callback.SECRET,
            "WEBHOOK_PRIVATE_ADDRESSES": "true",
        }
        with bench(limits=False, **chosen) as made, ThreadPoolExecutor(_CLERKS) as clerks:
            (company,) = made.companies(1)
            names = {f"click-{number}" for number in range(clicks)}
            list(clerks.map(lambda name: made.ask(company, name, 1, "single"), names))
            made.until_complete(*names)
            wait_for(lambda: taker.completed >= names, 120, every=0.2)
    return taker.early, clicks - len(taker.taken & taker.completed)


def in_the_browser(clicks: int) -> list[float]:
    """How long each of so many clicks took until its pop-up was there, in milliseconds, each of another invoice."""
    with tempfile.TemporaryDirectory() as folder:
        port, home = a_free_port(), Path(folder)
        webhooks = {"WEBHOOK_URL": f"http://127.0.0.1:{port}/xero_webhook.php", "WEBHOOK_SECRET": WEBHOOK_SECRET}
        live = Live(home, **webhooks, WEBHOOK_PRIVATE_ADDRESSES="true")
        wanted = [invoice(f"popup-{number}", client=_CLIENT, job="Pier 4") for number in range(clicks + 1)]
        live.start(wanted)
        try:
            with live.tools.store.write() as work:
                key = api_keys.make(work, live.tools.vault, "popup")
            host = Host(home, live.settings.public_url, key)
            host.environment["HOST_DSN"] = f"sqlite:{host.database}"
            served = [PHP, "-S", f"127.0.0.1:{port}", EXAMPLES / "php-host/index.php"]
            with host.serving(served, port) as url:
                with sqlite3.connect(host.database) as books:
                    rows = [(one["id"], json.dumps(one)) for one in wanted]
                    books.executemany("INSERT INTO host_invoices (id, said) VALUES (?, ?)", rows)
                return _clicked(url, [one["id"] for one in wanted])[1:]  # the first one warms all of it up
        finally:
            live.stop()


def _clicked(url: str, invoices: Sequence[str]) -> list[float]:
    took = []
    with browser.a_chromium() as chromium:
        page = chromium.new_page(base_url=url)
        page.goto("/")
        page.get_by_role("button", name="Anna Berg").click()
        page.wait_for_selector("xero-bulk-action")
        for one in invoices:
            page.goto(f"/invoice?id={one}")
            page.wait_for_selector("xero-export-log")
            page.wait_for_load_state("networkidle")
            milliseconds, said = page.evaluate(_CLICK)
            if "exported to Xero" not in said:
                raise RuntimeError(said)
            took.append(milliseconds)
    return took
