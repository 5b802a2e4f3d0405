"""Pictures of the console, of the demo's data: `make pictures`, or `python -m docs.pictures.make FOLDER [name …]`."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from cli import csv_invoices
from cli.publish import requests_for
from demo import run as demo
from demo import world as demo_world
from store import companies, contacts, migrate, processes
from tests import machines
from tests.installation import Installation
from web import main
from worker import version
from worker.failing import alerting
from worker.intake import intake
from worker.users import accounts
from worker.watching import throughput

HERE = Path(__file__).parent
USER = "olga@crewcard.example"
OF = demo_world.COMPANY
BULK, SHOWN = "bulk-2026-11", ("BAD-01", "BAD-05", "BAD-06", "BAD-09")  # enough of the bad ones to be believed
PAGES = {
    "overview": "",
    "queue": f"/companies/{OF}/queue?range=24+h",
    "workers": "/workers",
    "companies": "/companies",
    "failures": "/failures",
    "failure": f"/failures/{OF}?cause=contact_not_mapped:{demo_world.UNMAPPED_CLIENT}",
    "invoice": f"/invoices/{OF}/BAD-06",
    "send": f"/requests/{OF}/{BULK}",
    "log": "/log",
    "contacts": "/contacts",
    "client": f"/contacts/{OF}/{demo_world.UNMAPPED_CLIENT}",
    "setup": f"/setup/{OF}/contacts",
}
IN_LIGHT_ONLY = ("queue", "workers", "failure", "send", "log", "contacts")
LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 390)}
MOST_BYTES, MOST_HEIGHT = 200_000, 900


@contextmanager
def a_console() -> Iterator[tuple[Installation, str]]:
    """The demo's company with everything sent and answered, and the console's address."""
    with (
        machines.a_valkey() as redis,
        machines.a_simulator() as (simulator, xero),
        tempfile.TemporaryDirectory() as at,
    ):
        database = f"sqlite:///{at}/pictures.sqlite"
        migrate.upgrade(database)
        made = Installation(database, redis, simulator, xero)
        fill(made)
        with machines.served(uvicorn.Config(main.build(made.tools), log_level="error", lifespan="off")) as address:
            yield made, address


def fill(made: Installation) -> None:
    """Real crew jobs are sent, most of them well."""
    orders = [one.document for one in csv_invoices.invoices(demo.SAMPLE)]
    demo.set_up(made.tools, demo_world.clients_in(orders))
    with made.store.write() as work:
        chosen = companies.settings_of(work, OF).model_copy(update={"contact_ids_editable": True})
        companies.set_up(work, OF, "Harbour Crew", chosen)
        lost = demo_world.contact_id("RENAMED")
        contacts.link(
            work, OF, "QUAY", lost, "import", "Quayside Rentals", status="archived", client_name="Quayside Rentals"
        )
    morning, rest = orders[:60], orders[60:]
    for number, start in enumerate(range(0, len(morning), 6), start=1):
        send(
            made,
            requests_for(morning[start : start + 3 + number % 4], OF, "bulk", "anna", request=f"jobs-{number:02d}"),
        )
        made.later(2100 + 300 * (number % 3))
    newcomer = {"id": demo_world.UNMAPPED_CLIENT, "name": "Newcomer Boats"}
    more = [demo_world.invoice(f"BAD-{number}", client=newcomer) for number in range(21, 27)]
    bad = [one for one in demo_world.bad_ones(orders) if one["id"] in SHOWN]
    send(made, requests_for([*more, *rest, *bad], OF, "bulk", "anna", request=BULK))
    alerting.watch(made.tools)
    made.relay()
    made.later(120)
    throughput.count(made.tools, "pictures")
    with made.store.write() as work:
        for number, host in enumerate(("crewcard-1", "crewcard-2") * 2, start=1):
            processes.beat(
                work, processes.Presence(f"worker-{number}", "worker", version.VERSION, host, 400 + number)
            )
        processes.beat(work, processes.Presence("clock-1", "clock", version.VERSION, "crewcard-1", 410))


def send(made: Installation, events: Sequence[dict[str, Any]]) -> None:
    """Accepted, sent, told."""
    for event in events:
        intake.accept(made.tools, event)
    throughput.note_queues(made.tools, "pictures")
    made.run()
    throughput.note_queues(made.tools, "pictures")
    made.relay()


def take(browser: Browser, made: Installation, address: str, folder: Path, only: list[str]) -> None:
    """Every page in every look."""
    for look, (scheme, width) in LOOKS.items():
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
        page = context.new_page()
        sign_in(page, made, address)
        for name, path in PAGES.items():
            if (not only or name in only) and (look == "light" or name not in IN_LIGHT_ONLY):
                page.goto(f"{address}/console{path}", wait_until="networkidle")
                shoot(page, folder / f"{name}-{look}.png")
        context.close()


def sign_in(page: Page, made: Installation, address: str) -> None:
    """By a link that serves once."""
    link, _ = accounts.link(made.tools, "pictures", USER, 600)
    page.goto(f"{address}/console/enter?link={link.rpartition('=')[2]}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("h1")


def shoot(page: Page, path: Path) -> None:
    """The page as it is seen at first, or all of a short one."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(
        path=path,
        clip={"x": 0, "y": 0, "width": page.viewport_size["width"], "height": min(height, MOST_HEIGHT)},
        full_page=True,
    )
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are wanted.")


def run(folder: Path, only: list[str]) -> None:
    """Write the pictures into the folder."""
    with a_console() as (made, address), sync_playwright() as playwright:
        accounts.add(made.tools, "pictures", USER, "Olga Brandt", "admin")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take(browser, made, address, folder, only)
        browser.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE, sys.argv[2:])
