"""A real browser for tests: headless Chromium, axe-core in it, and what to do where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import machines

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_NONE = "no Chromium: `apt-get install chromium` (as .ci/run does where it may)"
# For modules with tests in a browser: `make test` leaves them out, `make test-ci` takes them.
IN_A_BROWSER = [pytest.mark.ci, pytest.mark.skipif(CHROMIUM is None, reason=_NONE)]
NODE = Path(__file__).parent / "console" / "node"
LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 390), "dark phone": ("dark", 390)}


@contextmanager
def a_chromium() -> Iterator[Browser]:
    """A browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def axe_core() -> str:
    """The source of axe-core, installed from the lock file once; skips the test without Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not on this machine")
    machines.install_node_packages(NODE)
    return (NODE / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong with the page as it stands, a line each."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {node['html'][:150]} {node['failureSummary']}" for one in found for node in one["nodes"]]
