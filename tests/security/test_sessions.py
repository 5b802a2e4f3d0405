"""Attacks on a session: one left open, one stolen, one planted; what matters asks again. From outside, over HTTP."""

import functools
import re

import pytest

from store import users
from tests.console.visiting import PASSWORD, a_browser, hidden
from tests.security import doorway
from tests.security.doorway import said_in_audit
from web.console.app import PAGES
from web.console.visitor import Must, MustProve
from worker.decisions.rights import Action

SECRETS = {"client_id": "APP1", "secret": "s3cret-of-the-app", "kind": "web", "scopes": "granular", "callback": ""}
# Whatever gives somebody power or touches a connection: path, what its form says.
MATTERS = [
    ("/users", {"user": "eve", "name": "Eve", "role": "admin"}),
    ("/users/vera/link", {}),
    ("/users/vera/role", {"role": "admin"}),
    ("/users/vera/disable", {}),
    ("/users/vera/enable", {}),
    ("/users/vera/reset-factor", {}),
    ("/companies/harbour/setup/app", SECRETS),
    ("/companies/harbour/setup/secret", {"secret": "another"}),
    ("/companies/harbour/setup/forget-secret", {}),
    ("/companies/harbour/setup/link", {}),
    ("/companies/harbour/setup/connect", {}),
    ("/companies/harbour/setup/test", {"do": "send"}),
    ("/companies/harbour/setup/webhook-key", {"key": "another"}),
    ("/companies/harbour/setup/forget-webhook-key", {"which": "all"}),
    ("/companies/harbour/setup/disconnect", {"why": "because"}),
    ("/companies/harbour/setup/decide", {"do": "cancel"}),
    ("/companies/harbour/setup/scopes", {"scopes": "broad"}),
    ("/companies/harbour/setup/exports", {"do": "off", "why": "because"}),
    ("/erasures/harbour", {"why": "because"}),
    ("/erasures/harbour/acme", {"why": "because"}),
    ("/developers/endpoints", {"company": "harbour", "url": "https://thief.example/"}),
    ("/developers/endpoints/one/rotate", {}),
    ("/developers/endpoints/one/url", {"url": "https://thief.example/"}),
    ("/developers/endpoints/one/batch", {"batch": "50"}),
    ("/developers/endpoints/one/off", {}),
    ("/developers/endpoints/one/on", {}),
    ("/developers/endpoints/one/remove", {}),
    ("/developers/keys", {"name": "thief"}),
    ("/developers/keys/one/rotate", {}),
    ("/developers/keys/one/expire", {"expires": "never"}),
    ("/developers/keys/one/revoke", {}),
    ("/developers/keys/one/scopes", {"everything": "yes"}),
    ("/factor/new", {}),
    ("/factor/codes", {}),
]


@pytest.fixture
def guarded(make_installation, database_url):
    with doorway.guarded(make_installation, database_url) as found:
        yield found


@pytest.fixture
def on_one(make_installation, sqlite_url):
    with doorway.guarded(make_installation, sqlite_url) as found:
        yield found


@pytest.fixture
def over_tls(make_installation, sqlite_url):
    with doorway.guarded(make_installation, sqlite_url, public_url="https://xero.crewcard.example") as found:
        yield found


def roles(installation):
    with installation.store.read() as work:
        return {one.id: (one.role, bool(one.disabled_at), bool(one.factor)) for one in users.everyone(work)}


# -- left open


def test_a_session_nobody_uses_is_over_and_one_that_is_used_goes_on(guarded):
    installation, person = guarded
    anna = person("read", "anna")
    anna.sign_in()
    for _ in range(3):
        installation.later(20 * 60)
        assert anna.browser.get("/console").status_code == 200
    installation.later(31 * 60)
    assert anna.browser.get("/console").status_code == 303


def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(guarded):
    installation, person = guarded
    anna = person("read", "anna")
    anna.sign_in()
    for _ in range(3):
        installation.later(12 * 60)
        anna.browser.get("/console", headers={"hx-request": "true"})
    assert anna.browser.get("/console").status_code == 303


def test_an_idle_time_of_ones_own_is_heeded(make_installation, sqlite_url):
    with doorway.guarded(make_installation, sqlite_url, session_idle_minutes=2) as (installation, person):
        anna = person("read", "anna")
        anna.sign_in()
        installation.later(121)
        assert anna.browser.get("/console").status_code == 303


def test_a_session_of_any_use_ends_after_its_length(on_one):
    installation, person = on_one
    anna = person("read", "anna")
    anna.sign_in()
    for _ in range(12 * 3):
        installation.later(20 * 60 - 1)
        anna.browser.get("/console")
    installation.later(60)
    assert anna.browser.get("/console").status_code == 303


def test_half_a_sign_in_is_good_for_ten_minutes(on_one):
    installation, person = on_one
    anna = person("ops", "anna")
    anna.sign_in_whole()
    other = anna.elsewhere()
    other.sign_in()
    installation.later(601)
    assert other.browser.get("/console/code").headers["location"].startswith("/console/sign-in")


def test_the_second_step_gives_another_cookie(on_one):
    """A cookie that was planted or seen before the second step is worth nothing after it."""
    _, person = on_one
    anna = person("ops", "anna")
    anna.sign_in()
    half = anna.browser.cookies["crewcard_console"]
    anna.set_up_app()
    thief = a_browser(anna.url)
    thief.cookies.set("crewcard_console", half, path="/console")
    assert thief.get("/console").headers["location"].startswith("/console/sign-in")


def test_half_a_session_is_over_once_its_code_was_given(guarded):
    _, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    other = anna.elsewhere()
    other.sign_in()
    half = other.browser.cookies["crewcard_console"]
    assert other.give_code(anna.code()).status_code == 303
    thief = a_browser(anna.url)
    thief.cookies.set("crewcard_console", half, path="/console")
    assert thief.get("/console").headers["location"].startswith("/console/sign-in")


# -- one's own sessions


def test_sessions_are_listed_with_when_where_and_which_browser_and_ended_one_or_all(guarded):
    installation, person = guarded
    anna = person("read", "anna", "127.0.20.1")
    anna.sign_in()
    others = [anna.elsewhere(f"127.0.20.{number}") for number in (2, 3, 4)]
    for one in others:
        one.browser.headers["user-agent"] = f"Netscape <b>{one.url}"
        one.sign_in()
    page = anna.see("/sessions")
    assert all(f"127.0.20.{number}" in page for number in (1, 2, 3, 4))
    assert "Netscape &lt;b&gt;" in page
    assert "this browser" in page
    row = next(one for one in page.split("<tr>") if "127.0.20.3" in one)
    anna.do("/sessions/end", session=hidden(row, "session"))
    assert [one.browser.get("/console").status_code for one in others] == [200, 303, 200]
    anna.do("/sessions/end", session="")
    assert [one.browser.get("/console").status_code for one in others] == [303] * 3
    assert anna.browser.get("/console").status_code == 200
    assert said_in_audit(installation, "sessions ended")


def test_nobody_ends_anothers_session_or_sees_it(guarded):
    _, person = guarded
    anna, eve = person("read", "anna", "127.0.21.1"), person("read", "eve", "127.0.21.2")
    anna.sign_in()
    eve.sign_in()
    assert "127.0.21.1" not in eve.see("/sessions")
    mine = hidden(anna.see("/sessions"), "session")
    assert "over already" in eve.do("/sessions/end", session=mine)
    eve.do("/sessions/end", session="")
    assert anna.browser.get("/console").status_code == 200


@pytest.mark.parametrize("change", ["password", "role", "factor", "recovery of the factor"])
def test_a_new_password_role_or_factor_ends_the_others(guarded, change):
    _, person = guarded
    admin, anna = person("admin", "root"), person("ops", "anna")
    admin.sign_in_whole()
    anna.sign_in_whole()
    other = anna.elsewhere()
    other.sign_in_whole()
    new = "nine green bottles hanging"
    if change == "password":
        anna.do("/password", present=PASSWORD, password=new, again=new)
    elif change == "role":
        admin.do("/users/anna/role", role="support")
    elif change == "factor":
        page = anna.do("/factor/new", 200)
        anna.secret = page.partition("Key: <code>")[2].partition("<")[0]
        anna.do("/factor", 200, offer=hidden(page, "offer"), code=anna.code())
    else:
        admin.do("/users/anna/reset-factor")
    assert other.browser.get("/console").status_code == 303


# -- what matters asks again


@pytest.mark.parametrize(("path", "fields"), MATTERS)
def test_a_browser_that_was_left_open_does_nothing_that_matters(guarded, path, fields):
    installation, person = guarded
    person("read", "vera")
    admin = person("admin", "root")
    admin.sign_in_whole()
    installation.later(601)
    before, lines = roles(installation), len(said_in_audit(installation))
    answer = admin.post(path, **fields)
    assert (answer.status_code, "Is it still you?" in answer.text) == (403, True)
    for wrong in ({"proof_password": "wrong"}, {"proof_code": "000000"}, {"proof_code": ""}, {"held": "made up"}):
        again = {"held": hidden(answer.text, "held"), **wrong}
        assert admin.browser.post(f"/console{path}", data=again).status_code == 403
    assert roles(installation) == before
    done = [what for _, what, _ in said_in_audit(installation)[: len(said_in_audit(installation)) - lines]]
    assert set(done) <= {"proof refused"}


def test_whatever_an_admin_alone_may_do_asks_again_unless_it_is_listed_here():
    """A new form of the users' or the setup's pages is in MATTERS, or somebody says here why it need not be."""
    harmless = {
        "/developers/endpoints/{endpoint}/test",
        "/companies/new",
        *(f"/companies/{{company}}/setup/{one}" for one in ("name", "choices", "settings", "contacts", "preview")),
    }
    ask, do_not = set(), set()
    for route in (route for page in PAGES for route in page.router.routes if "POST" in route.methods):
        asked = [one.call for one in route.dependant.dependencies if isinstance(one.call, Must)]
        if any(isinstance(one, MustProve) for one in asked):
            ask.add(route.path)
        elif any(one.action in (Action.MANAGE_USERS, Action.SET_UP, Action.DEVELOP) for one in asked):
            do_not.add(route.path)
    assert do_not == harmless
    named = [("vera", "{user}"), ("harbour", "{company}"), ("/acme", "/{client}")]
    named += [("endpoints/one", "endpoints/{endpoint}"), ("keys/one", "keys/{key}")]
    tried = {functools.reduce(lambda said, pair: said.replace(*pair), named, path) for path, _ in MATTERS}
    assert ask == tried


@pytest.mark.parametrize("proof", ["password", "code", "recovery code"])
def test_after_the_proof_the_action_goes_on_and_for_ten_minutes_nothing_asks(guarded, proof):
    installation, person = guarded
    person("read", "vera")
    admin = person("admin", "root")
    admin.sign_in_whole()
    installation.later(601)
    page = admin.post("/users/vera/role", role="ops").text
    given = {
        "password": {"proof_password": PASSWORD, "proof_code": ""},
        "code": {"proof_password": "", "proof_code": admin.code()},
        "recovery code": {"proof_password": "", "proof_code": admin.codes[3]},
    }[proof]
    answer = admin.browser.post("/console/users/vera/role", data={"held": hidden(page, "held"), **given})
    assert answer.status_code == 303
    assert roles(installation)["vera"][0] == "ops"
    admin.do("/users/vera/role", role="support")
    installation.later(601)
    assert admin.post("/users/vera/role", role="admin").status_code == 403


def test_a_secret_that_waits_for_the_proof_does_not_stand_in_the_page(on_one):
    installation, person = on_one
    admin = person("admin", "root")
    admin.sign_in_whole()
    installation.later(601)
    installation.simulator.state.identity.add_app(SECRETS["client_id"], SECRETS["secret"])
    page = admin.post("/companies/harbour/setup/app", **SECRETS).text
    assert SECRETS["secret"] not in page
    sent = {"held": hidden(page, "held"), "proof_password": PASSWORD}
    assert admin.browser.post("/console/companies/harbour/setup/app", data=sent).status_code == 303


def test_a_form_that_waits_serves_only_its_own_address_and_its_own_session(guarded):
    installation, person = guarded
    person("read", "vera")
    admin, other = person("admin", "root"), person("admin", "olga")
    admin.sign_in_whole()
    other.sign_in_whole()
    installation.later(601)
    held = hidden(admin.post("/users/vera/disable").text, "held")
    sent = {"held": held, "proof_password": PASSWORD}
    assert admin.browser.post("/console/users/olga/disable", data=sent).status_code == 403
    assert other.browser.post("/console/users/vera/disable", data=sent).status_code == 403
    assert not any(disabled for _, disabled, _ in roles(installation).values())


def test_guessing_the_proof_is_slowed_within_the_session(guarded):
    installation, person = guarded
    admin = person("admin", "root")
    admin.sign_in_whole()
    installation.later(601)
    said = []
    for number in range(7):
        held = hidden(admin.post("/users/root/link").text, "held")
        sent = {"held": held, "proof_password": f"guess {number}"}
        said.append("Too many wrong ones" in admin.browser.post("/console/users/root/link", data=sent).text)
    assert said == [False] * 5 + [True] * 2
    held = hidden(admin.post("/users/root/link").text, "held")
    right = admin.browser.post("/console/users/root/link", data={"held": held, "proof_password": PASSWORD})
    assert right.status_code == 403


def test_guessing_the_present_password_is_slowed_too(on_one):
    _, person = on_one
    anna = person("read", "anna")
    anna.sign_in()
    new = "nine green bottles hanging"
    said = [anna.post("/password", present=f"guess {n}", password=new, again=new).status_code for n in range(7)]
    assert said == [422] * 5 + [429] * 2


# -- cookies and addresses


def over_tls_browser(url):
    return a_browser(url, host="xero.crewcard.example", origin="https://xero.crewcard.example")


def test_over_tls_every_cookie_is_for_this_host_alone(over_tls):
    """Session, browser, and what the next page says: whoever sets one, it leaves as `__Host-` and Secure."""
    _, person = over_tls
    anna = person("read", "anna")
    browser = over_tls_browser(anna.url)
    signed = browser.post("/console/sign-in", data={"user": "anna", "password": PASSWORD})
    sent = signed.headers.get_list("set-cookie")
    jar = "; ".join(one.partition(";")[0] for one in sent)
    form = hidden(browser.get("/console/password", headers={"cookie": jar}).text, "form")
    new = {"present": PASSWORD, "password": "nine green bottles hanging", "again": "nine green bottles hanging"}
    said = browser.post("/console/password", data={"form": form, **new}, headers={"cookie": jar})
    sent += said.headers.get_list("set-cookie")
    sent += browser.post("/console/sign-out", data={"form": form}, headers={"cookie": jar}).headers.get_list(
        "set-cookie"
    )
    assert len(sent) == 4
    for one in sent:
        assert re.match(r"__Host-crewcard_(console|browser|said)=", one), one
        words = [word.strip().lower() for word in one.split(";")]
        assert {"secure", "path=/"} | ({"httponly"} if "max-age=0" not in words else set()) <= set(words), one
        assert not [word for word in words if word.startswith("domain")]


def test_over_tls_a_cookie_that_a_neighbouring_host_planted_is_not_heard(over_tls):
    _, person = over_tls
    anna = person("read", "anna")
    browser = over_tls_browser(anna.url)
    signed = browser.post("/console/sign-in", data={"user": "anna", "password": PASSWORD})
    pair = next(one for one in signed.headers.get_list("set-cookie") if "_console=" in one).partition(";")[0]
    assert browser.get("/console", headers={"cookie": pair}).status_code == 200
    planted = pair.removeprefix("__Host-")
    assert browser.get("/console", headers={"cookie": planted}).status_code == 303


def test_without_tls_the_demo_still_signs_in(on_one):
    _, person = on_one
    anna = person("read", "anna")
    sent = anna.sign_in().headers.get_list("set-cookie")
    assert sent
    assert not [one for one in sent if "secure" in one.lower() or "__Host-" in one]
    assert all("httponly" in one.lower() and "samesite=" in one.lower() for one in sent)


@pytest.mark.parametrize(
    "path",
    [
        "/console/",
        "/console/sign-in/",
        "/console//",
        "/v1/events/",
        "/console/static/",
        "/metrics/",
        "//evil.example/",
        "/",
    ],
)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80@xero"])
def test_no_address_leads_to_a_host_that_the_request_made_up(on_one, path, host):
    _, person = on_one
    stranger = a_browser(person("read", "anna").url)
    answer = stranger.get(path, headers={"host": host, "x-forwarded-host": host})
    assert "evil" not in answer.headers.get("location", "")
    assert "://" not in answer.headers.get("location", "")
