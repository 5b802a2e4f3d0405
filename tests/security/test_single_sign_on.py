"""Attacks on the single sign-on: answers forged, repeated, meant for others; claims that give no role. Over HTTP."""

import base64
import concurrent.futures
import hashlib
import hmac
import html
import json
import time

import httpx
import pytest
from joserfc.jwk import RSAKey
from typer.testing import CliRunner

from cli import common
from cli import users as users_command
from tests.console.visiting import PASSWORD, a_browser, hidden
from tests.security import doorway, providers
from tests.security.doorway import said_in_audit
from worker.users import accounts


@pytest.fixture(scope="module")
def issuer():
    with providers.a_provider() as url:
        yield url


@pytest.fixture
def guarded(make_installation, database_url, issuer):
    with doorway.guarded(make_installation, database_url, **providers.settings(issuer)) as found:
        yield found


@pytest.fixture
def hostile(make_installation, sqlite_url):
    with (
        providers.Hostile().running() as provider,
        doorway.guarded(make_installation, sqlite_url, **providers.settings(provider.url)) as (installation, _),
    ):
        yield provider, installation, a_browser(installation.settings.public_url)


def browser_at(installation):
    return a_browser(installation.settings.public_url)


def base64url(said):
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()


def role_of(installation, user):
    return {one.id: one.role for one in accounts.everyone(installation.tools)}.get(user)


def test_who_the_provider_knows_is_in_with_the_highest_role_its_claims_give(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "anna", groups=["everybody", "xero-support", "other"])
    browser = browser_at(installation)
    answer = providers.sign_in(browser, "anna", "/console/log")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/log")
    assert "role: support" in browser.get("/console").text
    assert role_of(installation, "anna@crewcard.example") == "support"
    assert ("anna@crewcard.example", "signed in") in [(who, what) for who, what, _ in said_in_audit(installation)]


def test_a_role_follows_the_claims_at_every_sign_in_and_other_sessions_end(guarded, issuer):
    installation, _ = guarded
    accounts.add(installation.tools, "test", "root", "Root", "admin")
    providers.someone(issuer, "ben", groups=["xero-admins"])
    first, second = browser_at(installation), browser_at(installation)
    providers.sign_in(first, "ben")
    assert first.get("/console/users").status_code == 200
    providers.someone(issuer, "ben", groups=["everybody"])
    providers.sign_in(second, "ben")
    assert second.get("/console/users").status_code == 403
    assert first.get("/console/users").status_code == 303


@pytest.mark.parametrize("groups", [[], ["others"], None, "xero", {"xero-admins": True}, [["xero-admins"]], 7])
def test_claims_that_give_no_role_let_nobody_in_and_say_so(guarded, issuer, groups):
    installation, _ = guarded
    sub = f"carl{len(repr(groups))}"
    providers.someone(issuer, sub, groups=groups)
    browser = browser_at(installation)
    answer = providers.sign_in(browser, sub)
    assert (answer.status_code, "gives you no role here" in answer.text) == (403, True)
    assert browser.get("/console").status_code == 303
    assert role_of(installation, f"{sub}@crewcard.example") is None


def test_who_lost_their_role_at_the_provider_is_signed_out_everywhere(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "dora", groups=["xero-admins"])
    first, second = browser_at(installation), browser_at(installation)
    providers.sign_in(first, "dora")
    providers.someone(issuer, "dora", groups=[])
    assert providers.sign_in(second, "dora").status_code == 403
    assert first.get("/console").status_code == 303


def test_an_email_that_was_not_verified_is_nobody_here(guarded, issuer):
    installation, person = guarded
    person("admin", "root@crewcard.example")
    for number, verified in enumerate((False, None, "no", 0)):
        providers.someone(
            issuer, f"eve{number}", email="root@crewcard.example", email_verified=verified, groups=["xero-admins"]
        )
        answer = providers.sign_in(browser_at(installation), f"eve{number}")
        assert (answer.status_code, "was verified" in answer.text) == (403, True)


@pytest.mark.parametrize("email", ["ri\u212a", "\uff52ik", "rik\u0301"])
def test_letters_that_look_alike_make_nobody_somebody_else(hostile, email):
    """The Kelvin sign is a k once it is folded."""
    provider, installation, browser = hostile
    accounts.add(installation.tools, "test", "rik@crewcard.example", "Rik", "support")
    provider.claims = {"email": f"{email}@crewcard.example", "sub": "mallory"}
    there = httpx.get(browser.get("/console/sso").headers["location"])
    answer = browser.get(there.headers["location"])
    assert (answer.status_code, "letters that no id here has" in answer.text) == (403, True)
    (rik,) = accounts.everyone(installation.tools)
    assert (rik.role, rik.subject) == ("support", None)


def test_somebody_elses_account_is_not_taken_over_once_it_belongs_to_somebody(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "fred", groups=["xero-support"])
    providers.sign_in(browser_at(installation), "fred")
    providers.someone(issuer, "mallory", email="fred@crewcard.example", groups=["xero-support"])
    answer = providers.sign_in(browser_at(installation), "mallory")
    assert (answer.status_code, "somebody else" in answer.text) == (403, True)


def test_who_signs_in_at_the_provider_has_no_password_any_more(guarded, issuer):
    """Who is shut out there is shut out here, whatever they remember."""
    installation, person = guarded
    gina = person("support", "gina@crewcard.example")
    providers.someone(issuer, "gina", groups=["xero-support"])
    browser = browser_at(installation)
    providers.sign_in(browser, "gina")
    assert gina.sign_in().status_code == 401
    form = hidden(browser.get("/console/sessions").text, "form")
    new = {"password": "nine green bottles hanging", "again": "nine green bottles hanging"}
    assert browser.post("/console/password", data={"form": form, "present": PASSWORD, **new}).status_code == 422


def test_a_user_who_is_shut_out_here_stays_out(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "hugo", groups=["xero-admins"])
    providers.sign_in(browser_at(installation), "hugo")
    accounts.add(installation.tools, "test", "root", "Root", "admin")
    accounts.change(installation.tools, "test", "hugo@crewcard.example", disabled=True)
    answer = providers.sign_in(browser_at(installation), "hugo")
    assert (answer.status_code, "blocked here" in answer.text) == (403, True)


# -- the last admin, and links past the provider


@pytest.mark.parametrize("claims", [{"groups": ["everybody"]}, {"groups": ["xero-support", "everybody"]}])
def test_the_provider_takes_the_role_of_no_last_admin(guarded, issuer, claims):
    installation, _ = guarded
    sub = f"nora{len(claims['groups'])}"
    providers.someone(issuer, sub, groups=["xero-admins"])
    browser = browser_at(installation)
    assert providers.sign_in(browser, sub).status_code == 303
    accounts.add(installation.tools, "test", "shut", "Shut", "admin")
    accounts.change(installation.tools, "test", "shut", disabled=True)
    providers.someone(issuer, sub, **claims)
    answer = providers.sign_in(browser_at(installation), sub)
    assert (answer.status_code, "you are the last admin here" in answer.text) == (403, True), answer.text[:600]
    assert role_of(installation, f"{sub}@crewcard.example") == "admin"
    assert browser.get("/console/users").status_code == 303  # not an admin's any more, says the provider
    accounts.add(installation.tools, "test", "root", "Root", "admin")
    assert providers.sign_in(browser_at(installation), sub).status_code == 303
    assert role_of(installation, f"{sub}@crewcard.example") != "admin"


def test_a_last_admin_with_a_password_keeps_both_when_the_provider_gives_less(guarded, issuer):
    installation, person = guarded
    olga = person("admin", "olga@crewcard.example")
    olga.sign_in_whole()
    providers.someone(issuer, "olga", groups=["xero-support"])
    answer = providers.sign_in(browser_at(installation), "olga")
    assert (answer.status_code, "you are the last admin here" in answer.text) == (403, True)
    (kept,) = accounts.everyone(installation.tools)
    assert (kept.role, kept.subject, kept.password is None) == ("admin", None, False)
    assert olga.browser.get("/console/users").status_code == 200
    assert olga.elsewhere().sign_in().status_code == 303


def test_of_two_admins_whom_the_provider_demotes_at_once_one_stays(guarded, issuer):
    installation, _ = guarded
    subs = ("pia", "quentin")
    for sub in subs:
        providers.someone(issuer, sub, groups=["xero-admins"])
        providers.sign_in(browser_at(installation), sub)
        providers.someone(issuer, sub, groups=["everybody"])
    browsers = [browser_at(installation) for _ in subs]
    back = [
        providers.at_the_provider(browser.get("/console/sso"), sub)
        for browser, sub in zip(browsers, subs, strict=True)
    ]
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda one: one[0].get(one[1]).status_code, zip(browsers, back, strict=True)))
    assert sorted(answers) == [303, 403]
    assert [one.role for one in accounts.everyone(installation.tools)].count("admin") == 1


def test_no_link_of_the_console_leads_past_the_provider(guarded, issuer, monkeypatch):
    installation, person = guarded
    root = person("admin", "root")
    root.sign_in_whole()
    accounts.add(installation.tools, "test", "rosa@crewcard.example", "Rosa", "support")
    before, _ = accounts.link(installation.tools, "test", "rosa@crewcard.example", 3600)
    providers.someone(issuer, "rosa", groups=["xero-support"])
    providers.sign_in(browser_at(installation), "rosa")
    answer = root.post("/users/rosa@crewcard.example/link")
    assert (answer.status_code, "signs in with Crew ID" in html.unescape(answer.text)) == (422, True)
    assert "/console/enter?link=" not in answer.text
    assert "rosa%40crewcard.example/link" not in root.see("/users")
    assert "root/link" in root.see("/users")
    old = browser_at(installation).post("/console/enter", data={"link": before.rpartition("=")[2]})
    assert old.status_code == 410
    # The emergency way: at the machine, and the audit says what it is.
    monkeypatch.setattr(common, "ready", lambda: installation.tools)
    made = CliRunner().invoke(users_command.app, ["link", "rosa@crewcard.example"])
    assert made.exit_code == 0, made.output
    entered = browser_at(installation).post("/console/enter", data={"link": made.stdout.strip().rpartition("=")[2]})
    assert entered.status_code == 303
    assert said_in_audit(installation, "sign-in link past single sign-on made")


# -- the code flow


def test_an_answer_serves_only_the_browser_that_began_and_only_once(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "ida", groups=["xero-admins"])
    mine, thief = browser_at(installation), browser_at(installation)
    back = providers.at_the_provider(mine.get("/console/sso"), "ida")
    thief.get("/console/sso")  # has a sign-in of its own under way
    assert thief.get(back).status_code == 403
    assert browser_at(installation).get(back).status_code == 403
    assert mine.get(back).status_code == 303
    assert mine.get(back).status_code == 403


def test_a_copied_way_back_serves_nobody_twice_even_where_the_provider_takes_a_code_twice(hostile):
    _, installation, browser = hostile
    there = httpx.get(browser.get("/console/sso").headers["location"]).headers["location"]
    thief = browser_at(installation)
    thief.cookies.set("crewcard_sso", browser.cookies["crewcard_sso"], path="/console")
    assert browser.get(there).status_code == 303
    answer = thief.get(there)
    assert (answer.status_code, "is over" in answer.text) == (403, True)
    assert thief.get("/console").headers["location"].startswith("/console/sign-in")


def test_nobody_is_made_to_sign_in_as_the_attacker(guarded, issuer):
    """A link to the callback with the attacker's own code and state, opened by somebody else."""
    installation, person = guarded
    providers.someone(issuer, "mallory2", groups=["everybody"])
    attacker = browser_at(installation)
    victim = person("read", "victim")
    victim.sign_in()
    back = providers.at_the_provider(attacker.get("/console/sso"), "mallory2")
    assert victim.browser.get(back).status_code == 403
    assert "victim" in victim.see()


def test_a_sign_in_that_took_too_long_is_over(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "jon", groups=["everybody"])
    browser = browser_at(installation)
    back = providers.at_the_provider(browser.get("/console/sso"), "jon")
    installation.later(901)
    assert browser.get(back).status_code == 403


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/v1/events", "/\\evil.example"])
def test_the_way_back_leads_to_the_console_alone(hostile, back):
    _, _, browser = hostile
    there = httpx.get(browser.get("/console/sso", params={"back": back}).headers["location"])
    assert browser.get(there.headers["location"]).headers["location"] == "/console"


def test_state_nonce_and_pkce_are_new_each_time_and_the_verifier_fits(hostile):
    provider, _, browser = hostile
    for _ in range(2):
        there = httpx.get(browser.get("/console/sso").headers["location"])
        assert browser.get(there.headers["location"]).status_code == 303
    first, second = provider.asked
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name]) >= 32
    assert second["code_challenge_method"] == "S256"
    assert base64url(hashlib.sha256(provider.seen["code_verifier"].encode()).digest()) == second["code_challenge"]
    assert provider.seen["redirect_uri"] == second["redirect_uri"]


# -- what is not vouched for


def refused(hostile):
    provider, installation, browser = hostile
    there = httpx.get(browser.get("/console/sso").headers["location"])
    answer = browser.get(there.headers["location"])
    assert answer.status_code == 403, answer.headers
    assert "cannot be trusted" in answer.text
    assert browser.get("/console").status_code == 303
    assert accounts.everyone(installation.tools) == []
    return provider


def test_the_hostile_provider_is_believed_as_long_as_it_tells_the_truth(hostile):
    _, _, browser = hostile
    there = httpx.get(browser.get("/console/sso").headers["location"])
    assert browser.get(there.headers["location"]).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": ["another-client", "third"]},
        {"aud": ["another-client", providers.CLIENT], "azp": "another-client"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": None},
        {"nbf": int(time.time()) + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
    ],
)
def test_a_token_that_says_something_else_is_refused(hostile, claims):
    hostile[0].claims = claims
    refused(hostile)


def test_a_token_signed_by_somebody_else_is_refused(hostile):
    hostile[0].signs_with = RSAKey.generate_key(2048, {"kid": "k1"})
    refused(hostile)


@pytest.mark.parametrize("key", ["the client's secret", "the public key"])
def test_a_token_signed_with_what_everybody_knows_is_refused(hostile, key):
    provider = hostile[0]
    known = providers.SECRET.encode() if key.startswith("the client") else provider.key.as_pem(private=False)
    whole = provider.id_token

    def signed():
        said = f"{base64url(json.dumps({'alg': 'HS256', 'kid': 'k1'}).encode())}.{whole().split('.')[1]}"
        return f"{said}.{base64url(hmac.digest(known, said.encode(), 'sha256'))}"

    provider.id_token = signed
    refused(hostile)


@pytest.mark.parametrize("form", ["none", "cut", "empty", "no token at all"])
def test_a_token_without_a_signature_is_refused(hostile, form):
    provider = hostile[0]
    whole = provider.id_token

    def without():
        head, body, sign = whole().split(".")
        plain = base64url(json.dumps({"alg": "none"}).encode())
        return {
            "none": f"{plain}.{body}.",
            "cut": f"{head}.{body}.{sign[:-8]}",
            "empty": "",
            "no token at all": None,
        }[form]

    provider.id_token = without
    refused(hostile)


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_is_another_or_points_elsewhere_is_not_used(hostile, said):
    provider, _, browser = hostile
    provider.discovery = said
    answer = browser.get("/console/sso")
    assert (answer.status_code, "has to look at it" in answer.text) == (503, True)


def test_a_provider_that_is_away_is_said_and_passwords_go_on(make_installation, sqlite_url):
    chosen = providers.settings("http://127.0.0.1:9", passwords=True)
    with doorway.guarded(make_installation, sqlite_url, **chosen) as (_, person):
        vera = person("read", "vera")
        assert vera.browser.get("/console/sso").status_code == 503
        assert vera.sign_in().status_code == 303


# -- passwords switched off, and showing again that it is oneself


def test_with_passwords_switched_off_none_is_looked_at(make_installation, sqlite_url, issuer):
    with doorway.guarded(make_installation, sqlite_url, **providers.settings(issuer)) as (installation, person):
        vera = person("read", "vera")
        tools = installation.tools
        object.__setattr__(tools, "settings", tools.settings.model_copy(update={"passwords": False}))
        assert vera.sign_in().status_code == 403
        page = vera.browser.get("/console/sign-in").text
        assert "Sign in with Crew ID" in page
        assert 'name="password"' not in page


def test_passwords_cannot_be_switched_off_without_another_way_in(on_sqlite):
    chosen = on_sqlite.settings.model_dump()
    with pytest.raises(ValueError, match="PASSWORDS=false needs an OIDC_ISSUER"):
        type(on_sqlite.settings)(_env_file=None, **{**chosen, "passwords": False})


@pytest.mark.parametrize("age", [0, 3600])
def test_what_matters_asks_at_the_provider_again_and_goes_on_afterwards(guarded, issuer, age):
    """Only a provider that says they gave their password there a moment ago is proof."""
    installation, person = guarded
    person("read", "vera")
    sub = f"kim{age}"
    providers.someone(issuer, sub, groups=["xero-admins"], auth_time=int(time.time()) - age)
    browser = browser_at(installation)
    providers.sign_in(browser, sub)
    installation.later(601)
    form = hidden(browser.get("/console/sessions").text, "form")
    asked = browser.post("/console/users/vera/role", data={"form": form, "role": "support"})
    assert asked.status_code == 403
    assert "Crew ID" in asked.text
    sent = {"form": form, "waiting": hidden(asked.text, "waiting")}
    page = browser.post("/console/sso/again", data=sent)
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert {"prompt": "login", "max_age": "0"}.items() <= providers.query(address).items()
    back = httpx.post(address, data={"sub": sub}).headers["location"]
    waiting = browser.get(back)
    if age != 0:
        assert (waiting.status_code, "does not say when" in waiting.text) == (403, True)
        return
    assert role_of(installation, "vera") == "read"
    held = {"held": hidden(waiting.text, "held")}
    assert browser.post("/console/users/vera/role", data=held).status_code == 303
    assert role_of(installation, "vera") == "support"


@pytest.mark.parametrize(("length", "kept"), [(10, True), (1_200, True), (4_000, False), (40_000, False)])
def test_a_form_that_waits_and_is_too_long_is_never_dropped_without_a_word(guarded, issuer, length, kept):
    installation, person = guarded
    person("read", "vera")
    sub = f"lou{length}"
    providers.someone(issuer, sub, groups=["xero-admins"], auth_time=int(time.time()))
    browser = browser_at(installation)
    providers.sign_in(browser, sub)
    installation.later(601)
    form = hidden(browser.get("/console/sessions").text, "form")
    said = {"form": form, "role": "support", "note": "x" * length}
    asked = browser.post("/console/users/vera/role", data=said)
    page = browser.post("/console/sso/again", data={"form": form, "waiting": hidden(asked.text, "waiting")})
    assert ("What you began goes on afterwards" in page.text) is kept
    assert ("too long to be kept meanwhile: nothing was done of it" in page.text) is not kept
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    answer = browser.get(httpx.post(address, data={"sub": sub}).headers["location"])
    assert answer.status_code == 200
    assert ("Nothing was done of it" in answer.text) is not kept
    assert bool(hidden(answer.text, "held")) is kept
    assert role_of(installation, "vera") == "read"
    again = {**said, "form": hidden(browser.get("/console/sessions").text, "form")}
    assert browser.post("/console/users/vera/role", data=again).status_code == 303  # as the page says: once more
    assert role_of(installation, "vera") == "support"


def test_a_form_that_waits_and_cannot_be_read_any_more_is_said(guarded, issuer):
    installation, _ = guarded
    providers.someone(issuer, "max", groups=["xero-admins"], auth_time=int(time.time()))
    browser = browser_at(installation)
    providers.sign_in(browser, "max")
    form = hidden(browser.get("/console/sessions").text, "form")
    page = browser.post("/console/sso/again", data={"form": form, "waiting": "sealed with a key that is gone"})
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    answer = browser.get(httpx.post(address, data={"sub": "max"}).headers["location"])
    assert (answer.status_code, "Nothing was done of it" in answer.text) == (200, True)


@pytest.mark.parametrize(
    "said", [None, "yesterday", int(time.time()) + 86_400, True], ids=["nothing", "a word", "tomorrow", "a truth"]
)
def test_a_provider_that_does_not_say_when_they_gave_their_password_is_no_proof(hostile, said):
    provider, installation, browser = hostile
    provider.claims = {} if said is None else {"auth_time": said}
    there = httpx.get(browser.get("/console/sso").headers["location"])
    browser.get(there.headers["location"])
    if said == "yesterday":  # no number: the token is not one that can be trusted
        assert accounts.everyone(installation.tools) == []
        return
    form = hidden(browser.get("/console/sessions").text, "form")
    answer = browser.post("/console/users", data={"form": form, "user": "eve", "role": "admin"})
    assert (answer.status_code, "Is it still you?" in answer.text) == (403, True)
    assert role_of(installation, "eve") is None


def test_somebody_else_at_the_provider_is_no_proof(guarded, issuer):
    installation, _ = guarded
    fresh = {"groups": ["xero-admins"], "auth_time": int(time.time())}
    providers.someone(issuer, "lena", **fresh)
    providers.someone(issuer, "mara", **fresh)
    browser = browser_at(installation)
    providers.sign_in(browser, "lena")
    form = hidden(browser.get("/console/sessions").text, "form")
    page = browser.post("/console/sso/again", data={"form": form, "waiting": ""})
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    back = httpx.post(address, data={"sub": "mara"}).headers["location"]
    answer = browser.get(back)
    assert (answer.status_code, "began as lena@crewcard.example" in answer.text) == (403, True)
