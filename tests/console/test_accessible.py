"""Every page is good for everybody: axe-core finds nothing, keys reach everything, scripts are not needed."""

import re

import pytest
import uvicorn

from store import companies
from tests import machines
from tests.browser import IN_A_BROWSER, LOOKS, axe_core, violations
from tests.builders import COMPANY
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
    for step, button in (
        ("login", "Make a connect link"),
        ("app", "Switch exports off"),
        ("app", "Switch exports on"),
        ("accounts", "Load accounts and tax rates from Xero"),
        ("contacts", "Find contacts by name in Xero"),
        ("contacts", "Check it with Xero"),
        ("preview", "Show what would be sent"),
        ("test", "Send a"),
        ("test", "Delete it in Xero"),
    ):
        page.goto(f"/console/setup/{world.COMPANY}/{step}")
        for summary in page.locator("main summary").all():
            summary.click()
        answers.append(violations(page, axe))
        if step == "app":
            page.get_by_label("Why").fill("a try")
        with page.expect_navigation():
            page.get_by_role("button", name=button).last.click()
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
    page.locator("header .me > summary").click()
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Sign out").is_hidden()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


@pytest.fixture
def of_a_long_name(filled):
    """The company has one as they come, for a while."""
    store = filled[0].store
    with store.write() as work:
        settings, name = companies.settings_of(work, COMPANY), companies.name_of(work, COMPANY)
        long = "Donaudampfschifffahrtsgesellschaft und Hafenbetriebe Österreich-Ungarn, Nachfolger & Söhne"
        companies.set_up(work, COMPANY, long, settings)
    yield
    with store.write() as work:
        companies.set_up(work, COMPANY, name, settings)


@pytest.mark.usefixtures("of_a_long_name")
def test_nothing_of_a_table_is_cut_off(visit):
    """Neither at the edge of the page nor within the table, whose overflow is clipped."""
    page, found = visit(), {}
    for route in routes():
        page.goto(address(route))
        found[route] = page.evaluate(
            "() => { const edge = document.querySelector('main').getBoundingClientRect().right;"
            " return [...document.querySelectorAll('main table')].filter(one => !one.closest('details'))"
            ".map(one => Math.max(one.getBoundingClientRect().right - edge, one.scrollWidth - one.clientWidth)) }"
        )
    assert {route: over for route, over in found.items() if any(one > 0 for one in over)} == {}


_LISTS_OF_INVOICES = (
    "/console/log",
    f"/console/requests/{world.COMPANY}/r1",
    f"/console/failures/{world.COMPANY}?cause=contact_not_mapped:crane",
)


@pytest.mark.parametrize(("path", "lines"), [*zip(_LISTS_OF_INVOICES, (4, 3, 3), strict=True)])
def test_an_invoice_is_a_card_of_three_lines_on_a_phone_and_in_the_log_of_a_fourth_who_asked(visit, path, lines):
    page = visit("phone")
    page.goto(path)
    heights = page.locator(".rows.invoices tbody tr").evaluate_all(
        "rows => rows.map(row => row.getBoundingClientRect().height / parseFloat(getComputedStyle(row).lineHeight))"
    )
    assert heights
    assert max(heights) < lines + 1, heights  # the lines and what is around them
    card = page.locator(".rows.invoices tbody tr").first.inner_text()
    assert "USD" in card
    assert ("asked by olga" in " ".join(page.locator(".rows.invoices").all_inner_texts())) is (path == "/console/log")


@pytest.mark.parametrize("look", ["light", "phone"])
def test_the_head_of_a_table_stays_in_sight(visit, look):
    page = visit(look)
    page.goto("/console/log")
    page.evaluate(
        "() => { const row = document.querySelector('main tbody tr');"
        " for (let i = 0; i < 60; i++) row.after(row.cloneNode(true)) }"
    )
    page.evaluate("window.scrollTo(0, 1500)")
    top, bar = page.evaluate(
        "['main thead th', '.top'].map(one => document.querySelector(one).getBoundingClientRect())"
        ".map((box, at) => at ? box.bottom : box.top)"
    )
    if look == "light":
        assert abs(top - bar) < 2
    else:  # cards say what each value is, and have no head
        assert page.locator("main thead th").first.evaluate("one => one.closest('thead').offsetHeight") <= 1


@pytest.mark.parametrize(
    ("system", "chosen", "paper"), [("light", "Dark", "15, 22, 30"), ("dark", "Light", "243, 246, 249")]
)
def test_a_look_is_chosen_against_the_system_and_stays(visit, axe, system, chosen, paper):
    page = visit(system)
    page.goto("/console/log?outcome=failed")
    page.locator("header .me > summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name=chosen).click()
    for path in ("/console/log?outcome=failed", "/console/failures"):
        assert page.url.endswith("/console/log?outcome=failed") or path == "/console/failures"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == f"rgb({paper})"
        assert violations(page, axe) == []
        page.goto("/console/failures")
    page.locator("header .me > summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name="As the system").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != f"rgb({paper})"


def test_a_question_mark_lists_the_shortcuts(visit):
    page = visit()
    page.keyboard.press("?")
    keys = page.locator("#keys")
    assert keys.locator("dl").is_visible()
    assert keys.locator("kbd").all_inner_texts() == ["/", "↓", "↑", "Enter", "Esc", "?"]
    page.keyboard.press("Escape")
    assert keys.locator("dl").is_hidden()
    page.locator("#find").focus()
    page.keyboard.press("?")
    assert keys.locator("dl").is_hidden()
    assert page.locator("#find").input_value() == "?"
