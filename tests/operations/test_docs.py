"""The documentation: generated pages are fresh, the site builds, what it names exists, and what it shows runs."""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cli import csv_invoices
from demo import run as demo
from demo import world as demo_world
from reference.__main__ import PAGES
from tests import builders
from tests.operations import spoken
from tests.system.live import Live

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted(page for page in [*DOCS.rglob("*.md"), ROOT / "README.md"] if page.parent.name != "decisions")
# In this order, on one installation; the tutorial and the page of backups have tests of their own.
EXECUTED = (
    "how-to/send.md",
    "preview.md",
    "how-to/replay.md",
    "settings.md",
    "operations/upgrade.md",
    "operations/keys.md",
    "connections.md",
)
ELSEWHERE = {
    "tutorial.md",
    "host-tutorial.md",
    "operations/backup.md",
    "host.md",
    "recipes.md",
    "doors.md",
    "reference/commands.md",
}
RUNBOOKS = sorted((DOCS / "operations/runbooks").glob("*.md"))
READING = ("status", "doctor", "connections", "failures", "log", "audit", "dead-letters")


@pytest.mark.parametrize("place", PAGES)
def test_generated_pages_are_fresh(place):
    assert (ROOT / place).read_text() == PAGES[place](), "stale: run make reference"


def test_the_site_builds_and_every_link_and_anchor_leads_somewhere(tmp_path):
    command = [
        Path(sys.executable).parent / "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--site-dir",
        tmp_path / "site",
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/tutorial.html").exists()


def test_the_site_loads_nothing_from_elsewhere(tmp_path):
    """Fonts and scripts come with it, so that it can be read where there is no network."""
    text = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in text
    assert not re.search(r"extra_(css|javascript)", text)


def test_every_command_that_is_shown_exists_with_its_options():
    strangers = []
    for page in WRITTEN:
        for words in spoken.commands(page.read_text()):
            try:
                spoken.must_exist(words)
            except AssertionError as said:
                strangers.append(f"{page.relative_to(ROOT)}: {shlex.join(words)}: {said}")
    assert strangers == []


def test_every_make_command_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    strangers = []
    for page in WRITTEN:
        typed = "\n".join(spoken.blocks(page.read_text(), "sh"))
        shown = set(re.findall(r"^make (?!-)([a-z-]+)", typed, re.MULTILINE))
        shown |= set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        strangers += [f"{page.relative_to(ROOT)}: make {one}" for one in sorted(shown - targets)]
    assert strangers == []


def test_a_page_that_makes_a_key_names_its_companies():
    made = [
        (page.name, words)
        for page in WRITTEN
        for words in spoken.commands(page.read_text())
        if words[:2] == ["keys", "make"] and len(words) > 2
    ]
    assert made
    assert [one for one in made if not {"--company", "--every-company"} & set(one[1])] == []


def test_every_block_of_commands_is_run_or_says_why_not():
    for page in DOCS.rglob("*.md"):
        if page in RUNBOOKS or str(page.relative_to(DOCS)) in {*EXECUTED, *ELSEWHERE}:
            continue
        for before in re.findall(r"^(.*)\n *```(?:sh|bash|console)$", page.read_text(), re.MULTILINE):
            assert before.startswith("<!-- not run: "), f"{page.name}: commands that nobody runs"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    orders = [one.document for one in csv_invoices.invoices(demo.SAMPLE)]
    made = Live(tmp_path_factory.mktemp("docs"))
    made.start(orders)
    (made.home / "orders.csv").write_text(demo.SAMPLE.read_text())
    yield made
    made.stop()


def something_has_failed(live):
    orders = [one.document for one in csv_invoices.invoices(demo.SAMPLE)]
    (live.home / "bad.json").write_text(json.dumps(demo_world.bad_ones(orders)))
    live.command("publish", "bad.json", "--company", demo_world.COMPANY, "--wait", code=1)
    event = builders.a_request(builders.an_invoice("later"), request="r-1017", company=demo_world.COMPANY)
    (live.home / "r-1017.json").write_text(json.dumps(event))
    live.command("publish", "r-1017.json", "--wait", code=1)


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("live")
@pytest.mark.parametrize("page", EXECUTED)
def test_every_command_of_a_page_runs(live, page):
    """In order, on a running installation whose company has another name; a failure is an answer, a trace is not."""
    if page == "how-to/replay.md":
        something_has_failed(live)
    (live.home / "secret.txt").write_text("another-secret")
    if "companies secret" in (DOCS / page).read_text():  # Xero is asked whether it knows it
        app = {"client_id": demo_world.CLIENT_ID, "client_secret": "another-secret", "tier": "advanced"}
        live.xero.post("/apps", json=app).raise_for_status()
    (live.home / "key.txt").write_text("a-webhook-key")
    (live.home / "companies.csv").write_text(f"company\n{demo_world.COMPANY}\n")
    for block in spoken.blocks((DOCS / page).read_text(), "sh"):
        run(live, re.sub(r"\bharbour\b|\bCOMPANY\b", demo_world.COMPANY, textwrap.dedent(block)))


def run(live, text, codes=(0,)):
    done = subprocess.run(
        ["bash", "-euc", text],
        env={**live.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=live.home,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in codes, text + done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("live")
def test_what_runbooks_look_at_can_be_looked_at(live):
    """What reads is run (1 says that something needs a person); orders and other programs are looked up only."""
    shown = {shlex.join(words) for page in RUNBOOKS for words in spoken.commands(page.read_text())}
    reading = [one for one in sorted(shown) if one.split()[0] in READING and not re.search("[A-Z]{4}| retry ", one)]
    assert len(reading) >= 6
    for one in reading:
        run(live, f"crewcard-xero {one}", codes=(0, 1))
