"""The house rules that can be counted, and the pages that are generated."""

import ast
import re
import subprocess
from pathlib import Path

from events.codec import INCOMING
from reference import failure_page, settings_page

ROOT = Path(__file__).parents[1]
ROOMS = ("events", "store", "xero_adapter", "worker", "web", "cli", "simulator")
CATALOGUES = {"reasons.py"}  # rows of data, one per reason, and no code
FILES = [
    path
    for room in ROOMS
    if room != "simulator"
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts
]


def test_files_and_functions_stay_small():
    long = []
    for path in FILES:
        text = path.read_text()
        long += [str(path)] if len(text.splitlines()) > 400 and path.name not in CATALOGUES else []
        long += [
            f"{path}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 50
        ]
    assert not long


def test_every_module_says_what_it_is():
    assert not [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]


def test_the_example_of_settings_is_fresh():
    assert (ROOT / ".env.example").read_text() == settings_page.example()


def test_the_page_of_failures_is_fresh():
    assert (ROOT / "docs/failures.md").read_text() == failure_page.page()


def test_each_promise_of_the_architecture_page_has_its_journeys():
    named = re.findall(r"`(test_promise_\d_\w+)`", (ROOT / "ARCHITECTURE.md").read_text())
    there = sorted(path.stem for path in (ROOT / "tests/journeys").glob("test_promise_*.py"))
    assert sorted(named) == there
    assert len(there) == 6


def test_links_of_the_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_locks_hold_hashes_and_no_addresses():
    for lock in ("requirements.txt", "requirements-embedded.txt", "requirements-otel.txt", "requirements-dev.txt"):
        text = (ROOT / lock).read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"--(extra-)?index-url|--find-links|https?://", text)
    assert not re.search(r"^urllib3==2\.6\.0\b", text, re.MULTILINE)


def test_nothing_of_this_machine_is_in_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".sh", "") and path.is_file():
            assert str(ROOT.parent) + "/" not in path.read_text(errors="replace"), name


def test_incoming_events_are_listed_under_their_wire_names():
    assert all(name == model.TYPE for name, model in INCOMING.items())
