"""In the demo's world a second company is set up in a browser, from nothing to ready, by keys alone."""

import re

import pytest

from demo import run, world
from tests import machines
from tests.browser import IN_A_BROWSER
from tests.builders import an_invoice
from tests.console.visiting import PASSWORD, Person
from web import main

pytestmark = IN_A_BROWSER
_AT = """() => {
  const one = document.activeElement
  if (one == document.body) return ''
  const typed = ['INPUT', 'SELECT', 'TEXTAREA'].includes(one.tagName)
  return [...(one.labels ?? [])].map(label => label.innerText).join(' ') + (typed ? '' : one.innerText)
}"""


@pytest.fixture
def demo(make_installation, database_url, chromium):
    """The installation, and a browser at its console in which somebody of the role setup is signed in."""
    port = machines.a_free_port()
    made = make_installation(database_url, public_url=f"http://localhost:{port}")
    run.set_up(made.tools, [{"id": "C01", "name": "Harbour Master Ltd"}])
    made.a_worker_runs()
    with machines.a_website(main.build(made.tools), port):
        Person(made, f"http://localhost:{port}", "setup", "sue@crewcard.example")
        context = chromium.new_context(base_url=f"http://localhost:{port}", viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto("/console")
        page.get_by_label("User").fill("sue@crewcard.example")
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in").click()
        yield made, page
        context.close()


def reach(page, words):
    """Tab until what has the focus is called so."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if words in page.evaluate(_AT):
            return
    pytest.fail(f"no key leads to “{words}”")


def write(page, words, text):
    reach(page, words)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def press(page, words):
    reach(page, words)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_second_company_goes_from_nothing_to_ready_by_keys_alone(demo):
    installation, page = demo
    press(page, "Set up a company")
    write(page, "Its id in CrewCard", "river-crew")
    write(page, "Its name", "River Crew")
    press(page, "Set it up")
    write(page, "Client ID", world.NEXT_CLIENT_ID)
    write(page, "Client Secret", "not this one")
    press(page, "Save")
    assert "Xero does not know this Client ID" in page.get_by_role("alert").inner_text()
    write(page, "Client Secret", world.NEXT_CLIENT_SECRET)
    press(page, "Save")
    assert "Xero knows this app" in page.locator(".said").inner_text()

    press(page, "Log in to Xero here")
    press(page, "Log in to Xero")
    page.get_by_label("Email").fill("anna@example.com")  # Xero's own pages are Xero's
    press(page, "Log in")
    page.get_by_label("River Crew Ltd").check()
    press(page, "Allow access")
    assert "River Crew Ltd" in page.locator("#login").inner_text()

    press(page, "Next: load accounts and tax rates from Xero")
    assert page.get_by_label("Default account", exact=True).input_value() == world.SALES
    press(page, "Save")
    press(page, "Next: Clients")
    press(page, "Link clients here")
    installation.ask(an_invoice("r1", client={"id": "R02", "name": "Ferry and Sons"}), company="river-crew")
    installation.ask(an_invoice("r2", client={"id": "R03", "name": "Weir Works"}), company="river-crew", request="r2")
    page.reload()
    press(page, "Find contacts by name in Xero")
    assert "1 exact match" in page.locator("main").inner_text()
    press(page, "Link the exact match")
    write(page, "Or the table, pasted", world.next_clients())
    press(page, "Check it with Xero")
    assert "2 clients would be linked, 1 was so before" in page.get_by_role("status").inner_text()
    press(page, "Import it")
    assert "2 clients linked" in page.get_by_role("status").inner_text()

    press(page, "Next: Preview")
    press(page, "Show what would be sent")
    assert "It would be created in Xero" in page.locator("#foretold").inner_text()
    assert "108.25 USD" in page.locator("#foretold").inner_text()
    press(page, "Next: Test invoice")
    press(page, "Send a test invoice")
    assert "In Xero" in page.get_by_role("status").inner_text()
    press(page, "Delete it in Xero")
    assert re.search(r"Deleted\s+It was in Xero as a draft", page.locator("#test").inner_text())
    assert page.get_by_text("Ready.").is_visible()
    assert page.get_by_text("Done", exact=True).count() == 7
    assert [one["Status"] for one in installation.books(world.NEXT_TENANT)] == ["DELETED"]
