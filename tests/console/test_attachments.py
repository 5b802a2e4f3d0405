"""An invoice's files on its page: which are attached, which failed and why, and “attach files again”."""

import pytest

from events.settings import CompanySettings
from store import audit, companies
from tests.attachments.conftest import SCOPES, Attaching
from tests.attachments.files import a_file_server
from tests.attachments.test_journeys import exported, named, raised_anew, switch
from tests.builders import COMPANY
from worker.attachments.attacher import Attacher
from worker.attachments.fetching import Fetcher

PAGE = "/invoices/harbour/i1"


@pytest.fixture
def attaching(on_sqlite):
    with a_file_server() as files:
        found = Attaching(on_sqlite, files)
        found.attacher.stop()
        found.attacher = Attacher(on_sqlite.tools, Fetcher(private=True))
        with on_sqlite.store.write() as work:
            chosen = CompanySettings(default_account_code="200", attachments=True)
            companies.set_up(work, COMPANY, "Harbour", chosen)
        found.log_in(*SCOPES)
        yield found
        found.attacher.stop()


def test_the_page_lists_files_and_a_failed_one_is_tried_again_with_a_reason(attaching, person):
    helper = person("support", "olga")
    gone = {"name": "gone.pdf", "url": attaching.files.put("gone.pdf", 404)}
    exported(attaching, [*named(attaching.files, "invoice.pdf"), gone])
    assert helper.see(PAGE).count('<span class="badge">Waiting</span>') == 2
    attaching.attach()
    page = helper.see(PAGE)
    assert "could not be fetched: CrewCard answered 404." in page
    assert '<span class="badge good">Attached</span>' in page
    assert '<span class="badge exported">Exported</span>' in page, "the invoice itself is well"
    assert helper.post(f"{PAGE}/attachments").status_code == 422
    attaching.files.put("gone.pdf", b"there again")
    helper.post(f"{PAGE}/attachments", why="restored in CrewCard")
    attaching.attach()
    assert attaching.names() == ["gone.pdf", "invoice.pdf"]
    assert "Attach files again" not in helper.see(PAGE)
    with attaching.installation.store.read() as work:
        whats = [line.what for line in audit.newest(work, COMPANY)]
    assert "attachments tried again" in whats
    reader = person("read", "vera")
    assert reader.post(f"{PAGE}/attachments", why="x").status_code == 403


def test_files_that_are_at_the_earlier_invoice_alone_are_said_to_be_there(attaching, person):
    """Attachments were switched off when it was raised anew."""
    exported(attaching, named(attaching.files, "invoice.pdf"))
    attaching.attach()
    switch(attaching, on=False)
    raised_anew(attaching)
    attaching.attach()
    page = person("support", "olga").see(PAGE)
    assert '<span class="badge warn">At N-i1</span> It is attached to the earlier invoice, not to this one.' in page
    assert '<span class="badge good">Attached</span>' not in page
