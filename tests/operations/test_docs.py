"""The documentation: generated pages are fresh, the site builds, what it names exists, and what it shows runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli import csv_invoices, demo
from reference.__main__ import PAGES
from tests.operations import spoken
from tests.system.live import Live

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted(page for page in [*DOCS.rglob("*.md"), ROOT / "README.md"] if page.parent.name != "decisions")
EXECUTED = ("how-to/send.md", "how-to/replay.md")
# Whole pages of commands that are executed; of the others every command and option is looked up.
UNKNOWN_HERE = {"status REQUEST --watch"}


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


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_exists_with_its_options(page):
    for words in spoken.commands(page.read_text()):
        spoken.must_exist(words)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_that_is_shown_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    typed = "\n".join(spoken.blocks(page.read_text(), "sh"))
    shown = set(re.findall(r"^make (?!-)([a-z-]+)", typed, re.MULTILINE)) | set(
        re.findall(r"`make ([a-z-]+)", page.read_text())
    )
    assert shown <= targets


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    orders = [one.document for one in csv_invoices.invoices(demo.SAMPLE)]
    made = Live(tmp_path_factory.mktemp("docs"))
    made.start(orders)
    (made.home / "orders.csv").write_text(demo.SAMPLE.read_text())
    yield made
    made.stop()


@pytest.mark.ci
@pytest.mark.xdist_group("live")
@pytest.mark.parametrize("page", EXECUTED)
def test_every_command_of_a_page_runs(live, page):
    """In order, on a running installation whose company has another name; a failure is an answer, a trace is not."""
    for block in spoken.blocks((DOCS / page).read_text(), "sh"):
        text = re.sub(r"\bharbour\b", "harbour-crew", block)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", text],
            env={**live.environment, "PATH": path},
            cwd=live.home,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, block + done.stdout + done.stderr
        assert "Traceback" not in done.stderr
