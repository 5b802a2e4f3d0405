"""docs/recipes.md: every snippet is run, in order, by a host on the package, against a live installation."""

import re

import pytest
from sqlmodel import update

from demo.world import COMPANY
from events.settings import DailySummary
from store import companies
from store.tables import PlannedSummary
from tests.examples.hosts import EXAMPLES, PHP, Host, needs_php
from tests.examples.snippets import snippets
from tests.hosts.test_php_package import _MESSAGES, HOST, PACKAGE
from tests.machines import wait_for
from tests.system.live import COMMAND

pytestmark = [
    pytest.mark.ci,
    pytest.mark.xdist_group("examples"),
    needs_php,
    pytest.mark.skipif(not _MESSAGES.exists(), reason="no PSR-7 for PHP here (apt: php-nyholm-psr7)"),
]
PAGE = EXAMPLES.parent / "docs/recipes.md"


def a_host(home, live, key):
    """A host on the package, with an empty database in a folder of its own."""
    home.mkdir()
    made = Host(home, live.settings.public_url, key)
    (home / "crewcard-xero.php").write_text(HOST.format(package=PACKAGE, dsn=f"sqlite:{home}/host.sqlite"))
    for snippet in snippets(PAGE):
        if snippet.language == "php":
            (home / snippet.title).write_text(snippet.text)
    made.run(PHP, PACKAGE / "bin/crewcard-xero-host", "migrate", folder=home)
    return made


def test_every_recipe_does_what_it_says(live, key, tmp_path):
    host = a_host(tmp_path / "first", live, key)
    assert host.run(PHP, "click.php", folder=host.home) == "1 waiting\n"
    assert host.run(PHP, "job.php", folder=host.home) == "1 answered\n"
    wait_for(lambda: "CC-4721" in {book["InvoiceNumber"] for book in live.books()}, 60)
    wait_for(lambda: "Exported" in _shown(host))
    another = a_host(tmp_path / "another", live, key)
    assert _shown(another) == _shown(host)
    polls = a_host(tmp_path / "polls", live, key)
    assert re.fullmatch(r"[1-9]\d* news\n", polls.run(PHP, "poll.php", folder=polls.home))
    a_day_is_over(live)
    mails = a_host(tmp_path / "mails", live, key)
    wait_for(lambda: "Xero export: " in mails.run(PHP, "mail.php", folder=mails.home), 90)
    assert mails.run(PHP, "mail.php", folder=mails.home).count("Xero export: ") == 1
    (commands,) = [one.text for one in snippets(PAGE) if one.language == "bash"]
    host.environment = {**live.environment, "PATH": f"{COMMAND.parent}:{live.environment['PATH']}"}
    assert "whsec_" in host.run("bash", "-euo", "pipefail", "-c", commands, folder=host.home)
    for one in live.read("webhooks")["endpoints"]:
        if one["company"]:
            live.command("webhooks", "remove", one["id"])


def a_day_is_over(live):
    """The company wants to be told each day, and its hour has just come."""
    with live.tools.store.write() as work:
        chosen = DailySummary(hour=7, time_zone="UTC", always=True)
        kept = companies.settings_of(work, COMPANY).model_copy(update={"daily_summary": chosen})
        companies.set_up(work, COMPANY, companies.name_of(work, COMPANY), kept)
        work.session.exec(update(PlannedSummary).values(due_at=work.after(-61)))


def _shown(host):
    """The invoice's marker and Last Exported, once the feed was read."""
    return host.run(PHP, "rebuild.php", folder=host.home).partition("; ")[2]
