"""Forms, links and texts that no page of ours made: refused with a sentence, never a fault of ours, and cheaply."""

import hashlib
import itertools

import pytest

from tests.builders import COMPANY
from tests.console.visiting import PASSWORD, a_browser, hidden
from tests.doors.host import Host
from tests.security import doorway
from worker.connections import login_links
from worker.users import accounts

STRANGE = ["%00", "a%00b", "%ED%A0%80", "%FF", "a" * 3000, "%0d%0aX-Evil: 1", "%E2%82%AC", "../..", "%2e%2e%2f"]
PAGES = [
    "/connect/xero/callback?state=%s&code=x",
    "/connect/%s?link=abc",
    "/connect/harbour?link=%s",
    "/console/sso/callback?state=%s&code=%s",
    "/console/sso?back=%s",
    "/console/enter?link=%s",
    "/console/sign-in?back=%s",
    "/console/%s",
    "/console/static/%s",
    "/v1/%s",
    "/%s",
    "/v1/companies/%s/connection",
]
FIELDS = [
    ("/console/sign-in", "user"),
    ("/console/sign-in", "back"),
    ("/console/sign-in", "held"),
    ("/console/enter", "link"),
    ("/console/enter", "held"),
    ("/connect/xero/choose", "login"),
    ("/connect/harbour", "link"),
]


@pytest.fixture
def guarded(make_installation, database_url):
    with doorway.guarded(make_installation, database_url) as found:
        yield found


@pytest.mark.parametrize("strange", STRANGE)
def test_what_strangers_write_where_is_never_a_fault_of_ours(guarded, strange):
    installation, _ = guarded
    stranger = a_browser(installation.settings.public_url)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for page in PAGES:
        answer = stranger.get(page.replace("%s", strange))
        assert answer.status_code < 500, page
        assert "x-evil" not in answer.headers
    for path, field in FIELDS:
        answer = stranger.post(path, content=f"{field}={strange}&password=x", headers=form)
        assert answer.status_code < 500, (path, field)


@pytest.mark.parametrize("token", ["none", "", hashlib.sha256(b"form ").hexdigest()])
def test_without_its_cookie_no_form_of_a_login_is_taken_whatever_it_carries(guarded, token):
    """`token` is what the form of a browser without a cookie could be thought to carry."""
    installation, _ = guarded
    link = login_links.link(installation.tools, COMPANY).url.rpartition("=")[2]
    form = {"content-type": "application/x-www-form-urlencoded"}
    for field, strange in itertools.product(("login", "tenant", "form", "link", "a%00"), ("%00", "a%00b", "nothing")):
        sent = f"form={token}&login=nothing&link={link}&{field}={strange}".replace(f"&link={link}&link", "&link")
        for path in ("/connect/xero/choose", f"/connect/{COMPANY}", "/connect/a%00b"):
            answer = a_browser(installation.settings.public_url).post(path, content=sent, headers=form)
            wanted = (403,) if path.endswith("choose") else (400, 403)
            assert answer.status_code in wanted, (path, sent, answer.text[:500])


@pytest.mark.parametrize("back", ["/console/%E2%82%AC", "/console%0d%0aX-Evil: 1", "/console?a=1&b=%22"])
def test_half_signed_in_a_way_back_is_no_header_of_its_own(guarded, back):
    _, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    other = anna.elsewhere()
    other.sign_in()
    for asks in ({}, {"hx-request": "true"}):
        answer = other.browser.get(f"/console/factor?back={back}", headers=asks)
        assert answer.status_code in (303, 401)
        assert "x-evil" not in answer.headers
        assert answer.headers.get("hx-redirect", "/console/code").startswith("/console/code")


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
@pytest.mark.parametrize(
    ("path", "field"),
    [("logins", "state"), ("logins", "code"), ("logins/organisation", "login"), ("login-links", "return_to")],
)
def test_texts_that_no_database_holds_are_refused_by_name(guarded, text, path, field):
    installation, _ = guarded
    host = Host(installation, installation.settings.public_url)
    refused = host.post({"company": COMPANY, field: text}, f"/v1/companies/{COMPANY}/{path}")
    assert (refused.status_code, refused.json()["problems"][0][:6]) == (422, "body: ")


def test_what_was_sealed_for_one_thing_is_nothing_anywhere_else(guarded):
    """The picture of an app, a form that waits, a sign-in under way, a login link: each opens its own door alone."""
    installation, person = guarded
    anna = person("admin", "anna")
    anna.sign_in()
    offer = hidden(anna.browser.get("/console/factor").text, "offer")
    anna.set_up_app()
    installation.later(601)
    held = hidden(anna.post("/users/anna/link").text, "held")
    for sealed in (offer, held):
        for signed in (anna.browser, a_browser(anna.url)):
            for path in ("/console/sign-in", "/console/password", "/console/users", "/console/factor"):
                sent = {"held": sealed, "offer": sealed} if sealed == offer else {"held": sealed}
                assert signed.post(path, data=sent).status_code in (303, 401, 403, 410, 422, 429), path
            assert signed.post("/console/enter", data={"link": sealed}).status_code in (403, 410)
            assert signed.get(f"/connect/harbour?link={sealed}").status_code in (400, 403, 404, 410)
            kept = {"cookie": f"crewcard_sso={sealed}; crewcard_console={sealed}; crewcard_said={sealed}"}
            assert a_browser(anna.url).get("/console/sso/callback?state=&code=c", headers=kept).status_code == 404
    assert [one.id for one in accounts.everyone(installation.tools)] == ["anna"]


@pytest.mark.parametrize(
    "path", ["/console/sign-in", "/console/enter", "/console/code", "/console/users", "/console/nothing"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_stranger_sends_no_large_form(guarded, path, chunked):
    installation, person = guarded
    half = person("ops", "olga")
    half.sign_in()
    body = b"user=anna&password=" + b"x" * 1_900_000
    form = {"content-type": "application/x-www-form-urlencoded"}
    for browser in (a_browser(half.url), half.browser):
        answer = browser.post(path, content=iter([body]) if chunked else body, headers=form)
        assert answer.status_code == (404 if path.endswith("nothing") else 413), answer.text[:500]
        assert answer.headers["connection"] == "close"
    assert installation.settings.second_factor == "required"


def test_who_is_signed_in_still_sends_a_table(guarded):
    _, person = guarded
    anna = person("support", "anna")
    anna.sign_in_whole()
    lines = "client,xero_contact\n" + "".join(f"client-{n},\n" for n in range(20_000))
    assert anna.post("/contacts/import", company=COMPANY, text=lines).status_code not in (413, 500)
    assert PASSWORD not in lines
