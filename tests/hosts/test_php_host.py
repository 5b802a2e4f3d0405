"""`examples/php-host`, clicked through in a browser: what the help page promises, on the package and the elements."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from cli import csv_invoices
from demo import run as demo
from store import api_keys
from tests import browser
from tests.examples.hosts import EXAMPLES, PHP, WEBHOOK_SECRET, Host, needs_php
from tests.hosts.test_php_package import _MESSAGES
from tests.machines import a_free_port
from tests.system.live import Live

pytestmark = [
    *browser.IN_A_BROWSER,
    needs_php,
    pytest.mark.skipif(not _MESSAGES.exists(), reason="no PSR-7 for PHP here (apt: php-nyholm-psr7)"),
    pytest.mark.timeout(300),
]
SOON = 30_000


class PhpHost(Host):
    def serving_php(self, port=None):
        return self.serving([PHP, "-S", f"127.0.0.1:{port}", EXAMPLES / "php-host/index.php"], port)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    port = a_free_port()
    made = Live(
        tmp_path_factory.mktemp("live"),
        WEBHOOK_URL=f"http://127.0.0.1:{port}/xero_webhook.php",
        WEBHOOK_SECRET=WEBHOOK_SECRET,
        WEBHOOK_PRIVATE_ADDRESSES="true",
    )
    made.start([one.document for one in csv_invoices.invoices(demo.SAMPLE)])
    made.port = port
    yield made
    made.stop()


@pytest.fixture
def host(live, tmp_path):
    with live.tools.store.write() as work:
        key = api_keys.make(work, live.tools.vault, f"host-{a_free_port()}")
    made = PhpHost(tmp_path, live.settings.public_url, key)
    made.environment["HOST_DSN"] = f"sqlite:{tmp_path}/host.sqlite"
    with made.serving_php(live.port) as url:
        made.url = url
        yield made


@pytest.fixture
def page(host):
    with browser.a_chromium() as chromium:
        opened = chromium.new_page(base_url=host.url, locale="en-GB")
        opened.set_default_timeout(SOON)
        yield opened


def sign_in(page, name):
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_role("button", name=name).click()


def popup(page, role="alertdialog"):
    return page.locator("xero-popup").get_by_role(role)


def test_a_clerk_exports_reads_why_one_failed_mends_it_and_sends_it_again(page):
    sign_in(page, "Anna Berg")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Xero Bulk Send").click()
    expect(popup(page)).to_contain_text("2 exported to Xero, 1 invoice failed", timeout=SOON)
    popup(page).get_by_role("button", name="Close").click()
    expect(page.locator("xero-marker").nth(0)).to_contain_text("Exported", timeout=SOON)
    expect(page.locator("xero-last-exported").nth(1)).to_contain_text("Open in Xero", timeout=SOON)
    expect(page.locator("xero-marker").nth(2)).to_contain_text("EUR", timeout=SOON)
    assert not browser.violations(page, browser.axe_core())
    page.get_by_role("link", name="EX-1003").click()
    button = page.get_by_role("button", name="Export Invoice to XERO")
    button.click()
    expect(popup(page)).to_contain_text("Invoice Failed to Export", timeout=SOON)
    expect(popup(page)).to_contain_text("EX-1003 is in EUR")  # the sentence, not “1 invoice failed”
    page.keyboard.press("Escape")
    page.get_by_label("Currency").fill("USD")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Export Invoice to XERO").dblclick()
    expect(popup(page, "status")).to_contain_text("Invoices exported to Xero.", timeout=SOON)
    expect(page.locator("xero-export-log").get_by_role("row").nth(1)).to_contain_text("Anna Berg", timeout=SOON)
    expect(page.locator("xero-export-log").get_by_role("row")).to_have_count(4)  # the head, two failures, one success
    assert not browser.violations(page, browser.axe_core())


def test_an_admin_links_a_contact_and_a_clerk_sees_the_field_greyed_out(page):
    sign_in(page, "Anna Berg")
    page.goto("/client?id=C01")
    field = page.get_by_label("Xero Client ID")
    expect(field).to_be_disabled(timeout=SOON)
    expect(page.locator("xero-contact-field")).to_contain_text(re.compile("admin", re.IGNORECASE))
    sign_in(page, "Bo Lind")
    page.goto("/client?id=C01")
    expect(field).to_be_enabled(timeout=SOON)
    linked = field.input_value()
    field.fill("Harbour Master")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill(f"https://go.xero.com/app/contacts/contact/{linked[:-4]}ffff")
    page.get_by_role("button", name="Save").click()
    expect(popup(page)).to_contain_text("Nothing was changed", timeout=SOON)
    popup(page).get_by_role("button", name="Close").click()
    field.fill(f"https://go.xero.com/app/contacts/contact/{linked}")
    page.get_by_role("button", name="Save").click()
    expect(field).to_have_value(linked, timeout=SOON)
    assert not browser.violations(page, browser.axe_core())
    page.goto("/profile")
    expect(page.locator("xero-connection")).to_contain_text("Connected to Harbour Crew Ltd", timeout=SOON)
    page.get_by_role("button", name="Log in to Xero again").click()
    page.wait_for_url(re.compile("/connect/"), timeout=SOON)


def test_an_answer_that_is_lost_is_not_called_unsent_and_the_same_button_goes_on(page):
    def lose(route):
        route.fetch()  # the host took it
        route.abort()

    sign_in(page, "Anna Berg")
    page.get_by_role("link", name="EX-1002").click()
    page.route("**/xero?what=export", lose, times=1)
    page.get_by_role("button", name="Export Invoice to XERO").click()
    expect(popup(page)).to_contain_text("No answer", timeout=SOON)
    expect(popup(page)).to_contain_text("it may have taken this or not")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export Invoice to XERO").click()
    expect(popup(page, "status")).to_contain_text("Invoices exported to Xero.", timeout=SOON)


def test_nobody_acts_without_a_session_and_its_token(page, host):
    for what in ("export", "login", "contact"):
        assert page.request.post(f"/xero?what={what}", data={}).status == 401
    sign_in(page, "Anna Berg")
    for what in ("export", "login", "contact"):
        assert page.request.post(f"/xero?what={what}", data={}).status == 403


@pytest.fixture
def elements():
    """A page of a host that shows what a test puts there, and answers the elements as the test says."""
    with browser.a_chromium() as chromium:
        page = chromium.new_page()
        script = (EXAMPLES.parent / "hosts/elements/crewcard-xero.js").read_text()
        page.asked = []

        def put(shown, answer):
            def answered(route):
                asked = parse_qs(urlsplit(route.request.url).query)
                page.asked.append(asked)
                route.fulfill(json=answer(asked))

            head = '<!doctype html><html lang="en"><meta name="crewcard-xero" content="/xero"><title>Host</title>'
            body = f"{head}<main><h1>Host</h1>{shown}</main></html>"
            page.route("http://host.test/", lambda route: route.fulfill(body=body, content_type="text/html"))
            page.route("http://host.test/xero?**", answered)
            page.goto("http://host.test/")
            page.add_script_tag(content=script, type="module")
            return page

        yield put


def test_a_page_of_very_many_invoices_asks_in_pieces_and_draws_each_marker(elements):
    """PHP reads 1,000 fields of an address and web servers 8 kB: the rest of a long page stayed blank."""

    def answer(asked):
        shown = {"marker": "exported", "words": "Exported", "open": False}
        return {"invoices": [{"invoice": one, **shown} for one in asked["id[]"]]}

    page = elements("".join(f'<xero-marker invoice="i{one}"></xero-marker>' for one in range(1050)), answer)
    expect(page.locator("xero-marker").last).to_contain_text("Exported", timeout=SOON)
    assert page.locator("xero-marker", has_text="Exported").count() == 1050
    assert [len(asked["id[]"]) for asked in page.asked] == [100] * 10 + [50]


def test_a_contact_that_another_client_has_is_linked_with_a_warning_that_people_see(elements):
    known = {"value": "0b1e0f3e-3c64-4a6d-9f6b-0a7f8f4f0f11", "name": "Harbour Master Ltd", "editable": True}
    warned = {**known, "warnings": ["C01 is billed as the same Xero contact."]}
    page = elements('<xero-contact-field client="C02" name="Northern"></xero-contact-field>', lambda _asked: warned)
    expect(page.locator("xero-contact-field")).to_contain_text(
        "C01 is billed as the same Xero contact.", timeout=SOON
    )
    assert not browser.violations(page, browser.axe_core())


def test_the_page_of_all_elements_shows_each_in_its_states_without_a_server():
    with browser.a_chromium() as chromium:
        page = chromium.new_page()
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((EXAMPLES.parent / "hosts/elements/all.html").as_uri())
        page.get_by_role("button", name="Export one that fails").click()
        expect(popup(page)).to_contain_text("For the bookkeeper: Add the currency", timeout=SOON)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Xero Bulk Send").click()
        expect(popup(page, "status")).to_contain_text("Invoices exported to Xero.", timeout=SOON)
        expect(page.get_by_label("Xero Client ID").nth(1)).to_be_disabled()
        assert not browser.violations(page, browser.axe_core())
        assert not wrong
