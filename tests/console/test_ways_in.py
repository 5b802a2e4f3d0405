"""The ways into the console, clicked through in a real browser: authenticator app, single sign-on, and once more."""

import time

import pyotp
import pytest

from tests.browser import IN_A_BROWSER, LOOKS, axe_core, violations
from tests.console.visiting import PASSWORD, Person
from tests.security import doorway, providers

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def issuer():
    with providers.a_provider() as url:
        yield url


@pytest.fixture
def guarded(make_installation, sqlite_url, issuer):
    with doorway.guarded(make_installation, sqlite_url, **providers.settings(issuer)) as (installation, person):
        yield installation, person


@pytest.fixture
def browse(guarded, chromium):
    """A page of a browser of this look, at the sign-in; and what it complained about."""
    contexts = []

    def open_one(look="light"):
        scheme, width = LOOKS[look]
        size = {"width": width, "height": 800}
        address = guarded[0].settings.public_url
        contexts.append(chromium.new_context(base_url=address, color_scheme=scheme, viewport=size))
        page, said = contexts[-1].new_page(), []
        page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
        page.goto("/console")
        return page, said

    yield open_one
    for context in contexts:
        context.close()


def by_password(page, user):
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def code_of(installation, secret):
    installation.later(30)
    return pyotp.TOTP(secret).at(installation.now())


@pytest.mark.parametrize("look", ["light", "dark phone"])
def test_an_app_is_set_up_once_and_asked_for_from_then_on(guarded, browse, look):
    installation, person = guarded
    person("admin", "anna")
    axe, faults = axe_core(), []
    page, said = browse(look)
    by_password(page, "anna")

    # Nothing is shown before the app is set up.
    page.get_by_role("heading", name="Set up a second factor").wait_for()
    assert page.get_by_role("navigation").count() == 0
    assert page.locator(".qr svg").bounding_box()["width"] > 100
    faults += violations(page, axe)
    secret = page.locator("main code").inner_text()
    page.get_by_label("Six digits").fill("000000")
    page.get_by_role("button", name="Set it up").click()
    assert "does not fit" in page.get_by_role("alert").inner_text()
    assert page.locator("main code").inner_text() == secret  # what was read from the picture still serves
    page.get_by_label("Six digits").fill(code_of(installation, secret))
    page.get_by_role("button", name="Set it up").click()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(set(codes)) == 10
    faults += violations(page, axe)
    page.get_by_role("link", name="go on").click()
    page.get_by_role("heading", name="Overview").wait_for()

    # The next time it asks: a code of the app, or one for recovery.
    for code in (code_of(installation, secret), codes[0]):
        page.locator("header .me > summary").click()
        page.get_by_role("button", name="Sign out").click()
        by_password(page, "anna")
        page.get_by_role("heading", name="Your code").wait_for()
        faults += violations(page, axe)
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("heading", name="Overview").wait_for()
    page.goto("/console/factor")
    assert "9 recovery codes of 10 left" in page.locator("main").inner_text()
    assert (faults, said) == ([], [])


def test_single_sign_on_leads_there_and_back_with_the_role_of_the_claims(guarded, browse, issuer):
    providers.someone(issuer, "olga", groups=["xero-admins"])
    providers.someone(issuer, "paul", groups=["somebody else's"])
    page, said = browse()
    page.get_by_role("link", name="Sign in with Crew ID").click()
    page.locator("input[name=sub]").fill("olga")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_role("heading", name="Overview").wait_for()
    page.locator("header .me > summary").click()
    assert "role: admin" in page.locator("header").inner_text()
    page.get_by_role("link", name="My sessions").click()
    assert "single sign-on" in page.locator("main table").inner_text()
    other, _ = browse()
    other.get_by_role("link", name="Sign in with Crew ID").click()
    other.locator("input[name=sub]").fill("paul")
    other.get_by_role("button", name="Authorize").click()
    assert "gives you no role here" in other.get_by_role("alert").inner_text()
    assert said == []


@pytest.mark.parametrize("way", ["password", "single sign-on"])
def test_what_matters_asks_once_more_and_is_done_then(guarded, browse, issuer, way):
    installation, person = guarded
    person("read", "vera")
    page, said = browse()
    if way == "password":
        admin = person("admin", "root")
        admin.sign_in_whole()
        by_password(page, "root")
        page.get_by_label("Code").fill(admin.code())
        page.get_by_role("button", name="Go on").click()
    else:
        providers.someone(issuer, "quinn", groups=["xero-admins"], auth_time=int(time.time()))
        page.get_by_role("link", name="Sign in with Crew ID").click()
        page.locator("input[name=sub]").fill("quinn")
        page.get_by_role("button", name="Authorize").click()
    page.get_by_role("heading", name="Overview").wait_for()
    installation.later(601)
    page.goto("/console/users")
    page.get_by_text("Block access of Vera").click()
    page.get_by_role("button", name="Block Vera").click()
    page.get_by_role("heading", name="Is it still you?").wait_for()
    faults = violations(page, axe_core())
    if way == "password":
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
    else:
        page.get_by_role("button", name="Sign in with Crew ID again").click()
        page.get_by_role("link", name="To Crew ID").click()
        page.locator("input[name=sub]").fill("quinn")
        page.get_by_role("button", name="Authorize").click()
        page.get_by_role("button", name="Go on with what you began").click()
    assert "vera is blocked" in page.locator(".said").inner_text()
    assert (faults, said) == ([], [])


def test_every_page_of_ones_own_is_whole_and_without_faults(guarded, browse):
    installation, person = guarded
    anna: Person = person("ops", "anna")
    anna.sign_in_whole()
    page, said = browse()
    by_password(page, "anna")
    page.get_by_label("Code").fill(anna.code())
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Overview").wait_for()
    faults = []
    for path in ("password", "factor", "sessions"):
        page.goto(f"/console/{path}")
        faults += violations(page, axe_core())
    assert page.locator("main tbody tr").count() == 2
    assert "this browser" in page.locator("main").inner_text()
    assert (faults, said) == ([], [])
    assert installation.settings.second_factor == "required"


def test_a_look_is_one_of_those_there_are_and_leads_back_to_the_page(person):
    reader = person("read")
    here = {"referer": f"{reader.url}/console/log?outcome=failed"}
    for look, shown in (("dark", ' data-look="dark"'), ("light", ' data-look="light"'), ('"><script>', "")):
        told = {"form": reader.token(), "look": look}
        answer = reader.browser.post("/console/look", data=told, headers=here)
        assert answer.headers["location"] == "/console/log?outcome=failed"
        assert f'<html lang="en"{shown}>' in reader.see("/log")
    away = reader.browser.post("/console/look", data=told, headers={"referer": "https://evil.example/console/x"})
    assert away.headers["location"] == "/console"
    reader.browser.cookies.set("crewcard_look", '"><script>', path="/console")
    assert "<script>" not in reader.see("/log").partition("<head>")[0]
