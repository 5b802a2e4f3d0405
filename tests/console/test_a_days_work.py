"""A day's work at the console, in a real browser: see, understand, mend, send again, watch, prove."""

import pytest

from store import audit
from tests.browser import IN_A_BROWSER
from tests.builders import COMPANY, an_invoice, contact_id
from tests.console.happenings import EVIL, archived, restore_account, unlinked
from tests.console.visiting import PASSWORD, Person
from tests.contacts.admin import Admin
from worker.failing import alerting

pytestmark = IN_A_BROWSER


@pytest.fixture
def admin(on_sqlite):
    return Admin(on_sqlite)


@pytest.fixture
def browse(on_sqlite, console, chromium):
    """A browser of somebody with this role, signed in by hand, on the overview."""
    contexts = []

    def open_one(role, user):
        Person(on_sqlite, console, role, user)
        contexts.append(chromium.new_context(base_url=console))
        page = contexts[-1].new_page()
        page.goto("/console")
        page.get_by_label("User").fill(user)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()


def happen(installation, *invoices):
    """Invoices are sent, answered, and what needs a person is told."""
    installation.ask(*invoices)
    installation.run()
    installation.relay()
    alerting.watch(installation.tools)


def test_a_failure_is_seen_understood_mended_sent_again_watched_and_proven(admin, browse, on_sqlite):
    happen(on_sqlite, *[unlinked(f"b{number}") for number in range(3)], an_invoice("good"))
    admin.in_xero(id=contact_id("crane"), name="Crane Hire")
    page = browse("support", "anna@crewcard.example")

    # Seen on the overview, and understood.
    assert "is not linked to a contact in Xero yet" in page.locator("#now").inner_text()
    page.locator("#now").get_by_role("link", name="Open the group").click()
    assert "3 invoices" in page.locator("main").inner_text()
    group = page.url
    page.get_by_role("link", name="Xero contact", exact=False).click()

    # Its cause is mended.
    assert "3 invoices wait for this contact" in page.locator("main").inner_text()
    page.get_by_label("The contact's address in Xero, or its ID").fill(
        f"https://go.xero.com/app/!AbC1/contacts/contact/{contact_id('crane')}"
    )
    page.get_by_role("button", name="Only check it").click()
    assert "“Crane Hire” is an active contact in Xero." in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Bill").click()
    assert "is billed as “Crane Hire”" in page.locator(".said").inner_text()

    # Sent again at once, rather than by the clock; the bar is watched without touching anything.
    page.goto(group)
    page.get_by_role("link", name="Send again: 3 invoices").click()
    assert "Nothing is sent twice" in page.locator("main").inner_text()
    page.get_by_label("Why?").fill("contact set")
    page.get_by_role("button", name="Send again: 3 invoices").click()
    bar = page.get_by_role("progressbar")
    assert (bar.get_attribute("value"), bar.get_attribute("max")) == ("0", "3")
    on_sqlite.run()
    page.locator("progress[value='3']").wait_for()
    page.get_by_text("All done.").wait_for()

    # Proven: once in Xero, a line of the audit, and nothing fails any more.
    admin.clock()
    on_sqlite.settle_down(2)
    assert sorted(one["InvoiceNumber"] for one in on_sqlite.books()) == ["N-b0", "N-b1", "N-b2", "N-good"]
    page.get_by_role("link", name="in the audit").click()
    assert "contact set" in page.locator("main").inner_text()
    page.get_by_role("link", name="Failures").click()
    assert "Nothing has failed." in page.locator("main").inner_text()


def test_two_people_who_send_the_same_group_again_at_once_send_each_invoice_once(browse, on_sqlite):
    happen(on_sqlite, *[archived(f"a{number}") for number in range(4)])
    restore_account(on_sqlite)
    pages = [browse("support", user) for user in ("anna", "olga")]
    for page in pages:
        page.goto(f"/console/failures/{COMPANY}?cause=account_archived:299")
        page.get_by_role("link", name="Send again: 4 invoices").click()
        page.get_by_label("Why?").fill("account restored")
    for page in pages:  # neither waits for the other's answer
        page.evaluate("document.querySelector('main form[method=post]').requestSubmit()")
    for page in pages:
        page.wait_for_url("**/console/replay/*")
    on_sqlite.settle_down(2)
    assert sorted(one["InvoiceNumber"] for one in on_sqlite.books()) == ["N-a0", "N-a1", "N-a2", "N-a3"]
    with on_sqlite.store.read() as work:
        said = sorted((one.who, one.count) for one in audit.newest(work) if one.what == "replay many")
        moved = sum(one.count for one in audit.newest(work) if one.what == "replay")
    assert [who for who, _ in said] == ["anna", "olga"]
    assert moved == 4


def test_who_may_only_read_sees_everything_and_finds_no_way_to_change_it(admin, browse, on_sqlite):
    happen(on_sqlite, archived("a1"), unlinked("b1"))
    page = browse("read", "vera")
    page.goto(f"/console/failures/{COMPANY}?cause=account_archived:299")
    assert page.get_by_role("link", name="Send again: ").count() == 0
    page.goto(f"/console/contacts/{COMPANY}/crane")
    assert page.get_by_role("button", name="Set the contact").is_disabled()
    assert page.goto(f"/console/companies/{COMPANY}/setup").status == 403
    assert "is not part of your role “read”" in page.get_by_role("alert").inner_text()
    page.goto("/console/users")
    assert "is not part of your role “read”" in page.get_by_role("alert").inner_text()


def test_a_script_in_a_description_a_name_or_xeros_words_is_text_and_never_runs(admin, browse, on_sqlite):
    admin.in_xero(id=contact_id("evil"), name=EVIL)
    broken = {
        "client": {"id": "evil", "name": EVIL},
        "reference": EVIL,
        "line": {"description": EVIL, "account_code": EVIL[:9]},
    }
    happen(
        on_sqlite, unlinked("b1"), an_invoice("e1", **broken), an_invoice("e2", client={"id": "evil", "name": EVIL})
    )
    page, fired = browse("admin", "root"), []
    page.on("dialog", lambda dialog: (fired.append(dialog.message), dialog.dismiss()))
    places = ["", "/failures", "/log", "/contacts", f"/contacts/{COMPANY}/evil", f"/invoices/{COMPANY}/b1", "/audit"]
    shown = 0
    for place in (*places, f"/invoices/{COMPANY}/e1", f"/companies/{COMPANY}/setup", "/search?q=alert"):
        page.goto(f"/console{place}", wait_until="networkidle")
        shown += EVIL in page.locator("main").inner_text()
    assert fired == []
    assert shown >= 4
    assert page.evaluate("[...document.scripts].every(one => one.src)")
