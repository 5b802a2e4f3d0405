"""Every page is good for everybody: axe-core finds nothing, keys reach everything, scripts are not needed."""

import re

import pytest
import uvicorn

from tests import machines
from tests.browser import IN_A_BROWSER, LOOKS, axe_core, violations
from tests.console import world
from tests.console.visiting import PASSWORD, Person
from tests.console.world import address, routes
from tests.contacts.admin import Admin
from tests.installation import Installation
from web import main

pytestmark = IN_A_BROWSER
USER = "olga@crewcard.example"
# A date shows its outline within.
_FOCUSED = """() => {
  const one = document.activeElement
  return [one.dataset.at ?? null, one.type == "date" || getComputedStyle(one).outlineStyle]
}"""
_FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary"


@pytest.fixture(scope="module")
def axe():
    return axe_core()


@pytest.fixture(scope="module")
def filled(redis_url, simulated_xero, sqlite_template, tmp_path_factory):
    """One installation for all pages, and the console's address."""
    path = tmp_path_factory.mktemp("pages") / "pages.sqlite"
    path.write_bytes(sqlite_template)
    simulator, xero = simulated_xero
    simulator.state.reset()
    made = Installation(f"sqlite:///{path}", redis_url, simulator, xero)
    made.company()
    Admin(made)
    world.fill(made)
    with machines.served(uvicorn.Config(main.build(made.tools), log_level="critical", lifespan="off")) as url:
        Person(made, url, "admin", USER)
        yield made, url
    made.store.engine.dispose()


@pytest.fixture
def visit(filled, chromium):
    """A page of a browser of this look, signed in."""
    contexts = []

    def make(look="light", *, signed_in=True, **chosen):
        scheme, width = LOOKS[look]
        size = {"width": width, "height": 800}
        contexts.append(chromium.new_context(color_scheme=scheme, viewport=size, base_url=filled[1], **chosen))
        page = contexts[-1].new_page()
        if signed_in:
            page.goto("/console/sign-in")
            page.get_by_label("User").fill(USER)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/console")
        return page

    yield make
    for context in contexts:
        context.close()


def test_axe_finds_a_fault_where_there_is_one(visit, axe):
    page = visit()
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<input><img src=x>')")
    assert {one.partition(":")[0] for one in violations(page, axe)} >= {"label", "image-alt"}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_fault_on_any_page(visit, axe, look):
    page, found = visit(look), {}
    for route in routes():
        page.goto(address(route))
        found[route] = violations(page, axe)
    out = visit(look, signed_in=False)
    for route in world.OPEN:
        out.goto(f"{route}?link=x")
        found[f"{route}, signed out"] = violations(out, axe)
    assert {route: some for route, some in found.items() if some} == {}


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_is_wider_than_its_window(visit, look):
    page, found = visit(look), {}
    for route in routes():
        page.goto(address(route))
        found[route] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {route: more for route, more in found.items() if more > 0} == {}


@pytest.mark.parametrize("look", ["light", "dark"])
def test_what_forms_answer_is_as_good(visit, axe, look):
    page = visit(look)
    here = f"/console/contacts/{world.COMPANY}/crane"
    page.goto(here)
    page.get_by_role("button", name="Ask Xero for contacts").click()
    answers = [violations(page, axe)]
    page.get_by_label("The contact's address").fill("nonsense")
    page.get_by_role("button", name="Only check it").click()
    answers.append(violations(page, axe))
    page.get_by_label("The contact's address").fill("nonsense")
    page.get_by_role("button", name="Set the contact").click()
    answers.append(violations(page, axe))
    page.goto(f"/console/companies/{world.COMPANY}/setup")
    page.get_by_role("button", name="Make a connect link").click()
    answers.append(violations(page, axe))
    for summary in page.locator("main summary").all():
        summary.click()
    answers.append(violations(page, axe))
    page.get_by_role("button", name="Load accounts and tax rates from Xero").click()
    answers.append(violations(page, axe))
    assert answers == [[]] * len(answers)


def test_no_page_complains_in_the_browser(visit):
    """Nothing is refused by the content policy, nothing is missing, no script fails."""
    page, said = visit(), []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
    for route in routes():
        page.goto(address(route), wait_until="networkidle")
    assert said == []


def test_every_page_is_complete_without_scripts(visit):
    page = visit(java_script_enabled=False)
    for route in routes():
        answer = page.goto(address(route))
        assert answer.status == 200, route
        assert page.locator("h1").count() == 1, route
        for form in page.locator("form").all():
            assert form.locator("button, input[type=submit]").count() or form.get_attribute("role") == "search", route


def test_every_page_is_linked_and_every_link_leads_somewhere(filled):
    """From the overview on, link by link; what is behind a filter is a page already seen."""
    browser = Person(filled[0], filled[1], "admin", USER)
    browser.sign_in()
    todo, seen = ["/console"], {}
    while todo:
        here = todo.pop()
        answer = browser.browser.get(here, follow_redirects=True)
        seen[here] = answer.status_code
        for link in re.findall(r'href="(/console[^"#]*)', answer.text):
            plain = link.partition("?")[0]
            if plain not in seen and plain not in todo and "/static/" not in plain:
                todo.append(plain)
    assert {here: status for here, status in seen.items() if status != 200} == {}
    reached = {
        route for route in routes() for here in seen if re.fullmatch(re.sub(r"{\w+(:\w+)?}", "[^/]+", route), here)
    }
    by_a_form = {"/console/search", "/console/replay/{number}", "/console/code"}  # the last after a password
    assert set(routes()) - reached == {*world.OPEN, *by_a_form}


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(visit):
    page = visit()
    for route in routes():
        page.goto(address(route))
        expected = page.evaluate(
            "selector => [...document.querySelectorAll(selector)]"
            ".filter(one => !one.disabled && one.checkVisibility() && one.tabIndex >= 0)"
            ".map((one, at) => { one.dataset.at = at; return at })",
            _FOCUSABLE,
        )
        page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); window.scrollTo(0, 0)")
        dates = page.locator("input[type=date]:visible, input[type=datetime-local]:visible").count()
        walked = [_one_further(page) for _ in range(len(expected) + 6 * dates)]  # a date has a stop for each part
        reached = list(dict.fromkeys(int(at) for at, _ in walked if at is not None))
        assert reached == expected, route
        assert all(outline != "none" for at, outline in walked if at is not None), route


def _one_further(page):
    """Which element the next Tab leads to, and its outline."""
    page.keyboard.press("Tab")
    return page.evaluate(_FOCUSED)


def test_the_skip_link_leads_past_the_menu_to_the_content(visit):
    page = visit()
    page.goto("/console/contacts")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")


def test_escape_closes_what_is_open_and_a_slash_goes_to_the_search(visit):
    page = visit()
    page.locator("header summary").click()
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Sign out").is_hidden()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
