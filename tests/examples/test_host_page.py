"""docs/host.md: every snippet is run, in order, as a reader would, against a live installation."""

import json
import shutil
import sqlite3
import sys

import pytest

from events import codec
from events.export import InvoiceExportFailed
from tests.examples.hosts import EXAMPLES, PHP, needs_php
from tests.examples.snippets import Snippet, snippets
from tests.machines import wait_for
from tests.system.live import COMMAND

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("examples"), needs_php]
PAGE = EXAMPLES.parent / "docs/host.md"


class Reader:
    """Somebody who types what the page says, in a folder with the examples."""

    def __init__(self, folder, live, host) -> None:
        self.folder = folder
        self.host = host
        host.environment = {
            **live.environment,
            **host.environment,
            "PATH": f"{COMMAND.parent}:{live.environment['PATH']}",
        }
        for file in (EXAMPLES / "php").glob("*.php"):
            shutil.copy(file, folder)
        shutil.copytree(EXAMPLES, folder / "examples")
        self.stands_for = {
            "https://exporter.example.com": live.settings.public_url,
            "whsec_of-the-key": host.environment["CREWCARD_XERO_SECRET"],
            "whsec_of-the-endpoint": host.environment["CREWCARD_XERO_WEBHOOK_SECRET"],
        }
        self.said: list[str] = []

    def type(self, snippet: Snippet) -> None:
        getattr(self, snippet.language)(snippet)

    def bash(self, snippet):
        script = snippet.text
        for shown, real in self.stands_for.items():
            script = script.replace(shown, real)
        self._run("bash", "-euo", "pipefail", "-c", f"{script}\nenv > settings")
        settings = dict(
            line.split("=", 1) for line in (self.folder / "settings").read_text().splitlines() if "=" in line
        )
        self.host.environment |= {name: value for name, value in settings.items() if name.startswith("CREWCARD_")}

    def php(self, snippet):
        if snippet.title:
            assert snippet.text == (EXAMPLES / "php" / snippet.title).read_text(), "the page shows another version"
            return
        (self.folder / "page.php").write_text(snippet.text)
        self._run(PHP, "page.php")

    def python(self, snippet):
        self._run(sys.executable, "-c", snippet.text)

    def json(self, snippet):
        document = json.loads(snippet.text)
        if snippet.title:
            (self.folder / snippet.title).write_text(snippet.text)
            codec.parse_event(document)
        else:
            InvoiceExportFailed.model_validate(document["data"])

    def sql(self, snippet):
        with sqlite3.connect(":memory:") as database:
            database.executescript(snippet.text)
            kept = {row[1] for row in database.execute("PRAGMA table_info(markers)")}
        assert kept == {row[1] for row in self.host.rows("PRAGMA table_info(markers)")}

    def _run(self, *command):
        self.said.append(self.host.run(*command, folder=self.folder))


@pytest.fixture
def reader(tmp_path, live, php_host):
    before = dict(php_host.environment)
    yield Reader(tmp_path, live, php_host)
    php_host.environment = before
    for one in live.read("webhooks")["endpoints"]:
        if one["company"]:
            live.command("webhooks", "remove", one["id"])


def test_every_snippet_of_the_page_for_hosts_does_what_it_says(reader, live):
    found = snippets(PAGE)
    assert {one.language for one in found} == {"bash", "php", "python", "json", "sql"}
    for snippet in found:
        if "markers_database" in snippet.text:
            wait_for(lambda: reader.host.markers().get("4711") == "exported")
        try:
            reader.type(snippet)
        except AssertionError as wrong:
            pytest.fail(f"{PAGE.name}:{snippet.line}: {wrong}")
    numbers = {"CC-4711", "CC-5001", "CC-5600", "CC-4712", "CC-4713"}
    wait_for(lambda: numbers <= {book["InvoiceNumber"] for book in live.books()}, seconds=60)
    said = "\n".join(reader.said)
    assert "✔ Last Exported: 2" in said
    assert "\n1 False\n" in said
    assert '"invoices":1' in said
