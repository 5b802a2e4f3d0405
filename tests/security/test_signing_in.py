"""Attacks on the way in: guesses, stolen passwords, codes used twice, links, made-up names. Over HTTP."""

import concurrent.futures
import contextlib
import itertools
import threading
import time

import httpx
import pyotp
import pytest
from sqlmodel import text

from store import users
from store.tables import Guesses
from tests import machines
from tests.console.visiting import PASSWORD, a_browser, hidden
from tests.security import doorway
from tests.security.doorway import said_in_audit
from web import health
from worker.decisions.addresses import network_of
from worker.decisions.sign_in import first_guesses
from worker.measuring import measuring
from worker.users import accounts, hashing, signing_in
from worker.users.accounts import is_breached
from worker.users.signing_in import SignInPlace, TooManyTries


@pytest.fixture
def guarded(make_installation, database_url):
    with doorway.guarded(make_installation, database_url) as found:
        yield found


@pytest.fixture
def on_one(make_installation, sqlite_url):
    with doorway.guarded(make_installation, sqlite_url) as found:
        yield found


def outcomes(installation):
    text = health.render(measuring.measure(installation.tools)).decode()
    lines = [line for line in text.splitlines() if line.startswith("crewcard_xero_sign_ins_total{")]
    return {line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


# -- guesses at a password


def test_of_24_guesses_at_once_no_more_than_the_limit_are_looked_at(guarded):
    installation, person = guarded
    anna = person("admin", "anna")
    browsers = [a_browser(anna.url, f"127.0.1.{number + 1}") for number in range(24)]

    def guess(browser):
        return browser.post(
            "/console/sign-in", data={"user": "anna", "password": "wrong guess", "back": ""}
        ).status_code

    answers = []
    with concurrent.futures.ThreadPoolExecutor(8) as many:
        answers = list(many.map(guess, browsers))
    assert answers.count(401) <= 5, answers
    assert set(answers) <= {401, 429, 503}
    assert outcomes(installation)["refused"] <= 5


@pytest.mark.parametrize("spread", ["one address", "an address each", "made-up forwarded headers"])
def test_guessing_at_one_account_is_slowed_wherever_the_guesses_come_from(guarded, spread):
    _, person = guarded
    anna = person("support", "anna")
    answers = []
    for number in range(12):
        address = f"127.0.2.{number + 1}" if spread == "an address each" else "127.0.2.1"
        headers = {"x-forwarded-for": f"203.0.113.{number}"} if spread.startswith("made-up") else {}
        browser = a_browser(anna.url, address, **headers)
        answers.append(browser.post("/console/sign-in", data={"user": "anna", "password": f"guess {number}"}))
    assert [one.status_code for one in answers] == [401] * 5 + [429] * 7
    assert int(answers[-1].headers["retry-after"]) > 0


def test_pauses_grow_and_a_right_password_waits_for_their_end(guarded):
    installation, person = guarded
    anna = person("read", "anna")
    for _ in range(5):
        assert anna.sign_in("wrong").status_code == 401
    assert anna.sign_in().status_code == 429
    installation.later(31)
    assert anna.sign_in("wrong").status_code == 401
    installation.later(31)
    assert anna.sign_in().status_code == 429  # the second pause is longer than the first
    installation.later(60)
    assert anna.sign_in().status_code == 303


def test_one_address_that_guesses_at_everybody_is_slowed_and_stops_nobodys_first_try(guarded):
    _, person = guarded
    everyone = [person("read", f"user{number}", "127.0.3.1") for number in range(8)]
    answers = [one.sign_in(f"wrong {turn}").status_code for turn in range(4) for one in everyone]
    assert 429 in answers
    assert answers.count(401) <= 8 + 20
    newcomer = person("read", "newcomer", "127.0.3.1")  # behind the same proxy, never seen before
    assert newcomer.sign_in().status_code == 303


def test_a_stranger_locks_nobody_out_of_the_browser_or_the_office_they_signed_in_from(guarded):
    _, person = guarded
    anna = person("read", "anna", "127.0.4.1")
    assert anna.sign_in().status_code == 303
    strangers = [anna.elsewhere(f"127.0.5.{number + 1}") for number in range(10)]
    assert [one.sign_in("wrong").status_code for one in strangers][-1] == 429
    assert anna.sign_in().status_code == 303
    assert anna.elsewhere("127.0.4.1").sign_in().status_code == 303
    # The stranger sits behind the same proxy now: the browser that is known goes on all the same.
    neighbours = [anna.elsewhere("127.0.4.1") for _ in range(10)]
    assert [one.sign_in("wrong").status_code for one in neighbours][-1] == 429
    assert anna.sign_in().status_code == 303


def test_a_copied_browser_cookie_is_worth_nothing_after_the_next_sign_in(guarded):
    _, person = guarded
    anna = person("read", "anna", "127.0.6.1")
    anna.sign_in()
    copied = anna.browser.cookies["crewcard_browser"]
    anna.sign_in()
    for number in range(6):
        anna.elsewhere(f"127.0.7.{number + 1}").sign_in("wrong")
    thief = anna.elsewhere("127.0.7.99")
    thief.browser.cookies.set("crewcard_browser", copied, path="/console")
    assert thief.sign_in("wrong").status_code == 429


def test_a_name_nobody_has_is_slowed_like_one_that_somebody_has(guarded):
    _, person = guarded
    nobody = person("read", "anna")
    nobody.user = "nobody-of-that-name"
    assert [nobody.sign_in("wrong").status_code for _ in range(7)] == [401] * 5 + [429] * 2


def test_guesses_are_in_audit_log_and_metrics_with_the_address_and_without_the_password(guarded, capsys):
    installation, person = guarded
    anna = person("read", "anna", "127.0.8.1")
    for _ in range(6):
        anna.sign_in("Sup3r-secret-typo")
    anna.user = "my password by mistake"
    anna.sign_in("anna")
    refused = said_in_audit(installation, "sign-in refused")
    assert ("not signed in", "sign-in refused", '{"user": "anna", "address": "127.0.8.1"}') in refused
    assert said_in_audit(installation, "guesses slowed down")
    told = repr(said_in_audit(installation)) + capsys.readouterr().out
    assert "127.0.8.1" in told
    assert "typo" not in told
    assert "by mistake" not in told
    assert {name: outcomes(installation)[name] for name in ("refused", "slowed")} == {"refused": 6, "slowed": 1}


def test_who_makes_names_up_fills_no_audit(on_one):
    installation, person = on_one
    anna = person("read", "anna", "127.0.9.1")
    for number in range(30):
        anna.user = f"made-up-{number}"
        anna.sign_in("wrong")
    assert len(said_in_audit(installation, "sign-in refused")) == 2  # the first and the tenth


def test_48_passwords_at_once_hold_nobody_up(on_one):
    """What is beyond the queue is told so at once, and other pages answer meanwhile."""
    installation, person = on_one
    anna = person("read", "anna")
    anna.sign_in()
    strangers = [a_browser(anna.url, f"127.0.10.{number + 1}") for number in range(48)]

    def guess(number):
        said = {"user": f"stranger{number}", "password": "x" * 200}
        return strangers[number].post("/console/sign-in", data=said)

    with concurrent.futures.ThreadPoolExecutor(48) as many:
        began = [many.submit(guess, number) for number in range(48)]
        waits = []
        while not all(one.done() for one in began):
            start = time.monotonic()
            assert httpx.get(f"{anna.url}/healthz").status_code == 200
            waits.append(time.monotonic() - start)
        answers = [one.result() for one in began]
    assert {one.status_code for one in answers} <= {401, 429, 503}
    assert all(one.headers["retry-after"] for one in answers if one.status_code == 503)
    assert waits
    assert installation.settings.second_factor == "required"


@contextlib.contextmanager
def a_flood(url, addresses, each, user="made-up-{}"):
    """So many browsers of each address that try names without pause, until the test is over; gives their statuses."""
    over, statuses = threading.Event(), []

    def guess(number, address):
        browser, tries = a_browser(url, address), itertools.count()
        while not over.is_set():
            said = {"user": user.format(f"{number}-{next(tries)}"), "password": "x" * 200}
            statuses.append(browser.post("/console/sign-in", data=said).status_code)

    with concurrent.futures.ThreadPoolExecutor(len(addresses) * each) as many:
        running = [
            many.submit(guess, number, addresses[number % len(addresses)]) for number in range(len(addresses) * each)
        ]
        try:
            machines.wait_for(lambda: len(statuses) > 5)
            yield statuses
        finally:
            over.set()
    assert [one.result() for one in running]


def test_one_stranger_who_makes_names_up_keeps_nobody_from_signing_in_or_proving(on_one):
    installation, person = on_one
    anna, root = person("read", "anna", "127.0.13.1"), person("admin", "root", "127.0.13.1")
    root.sign_in_whole()
    installation.later(601)
    address, _ = accounts.link(installation.tools, "test", "anna", 600)
    with a_flood(anna.url, ["127.0.13.9"], 24) as statuses:
        answers = [anna.sign_in().status_code for _ in range(4)]
        proofs = [root.post("/users/anna/link", proof_password="wrong").status_code for _ in range(2)]
        entered = anna.elsewhere("127.0.13.2").sign_in_by(address.rpartition("=")[2]).status_code
    assert (set(answers), set(proofs), entered) == ({303}, {403}, 303)
    assert set(statuses) <= {401, 429, 503}
    assert 503 in statuses


def test_who_fills_the_pool_of_passwords_keeps_nobody_from_proving_or_using_a_link(on_one):
    """From however many addresses: it is a pool of its own, as that of links is."""
    installation, person = on_one
    root, anna = person("admin", "root", "127.0.14.1"), person("read", "anna", "127.0.14.1")
    root.sign_in_whole()
    installation.later(601)
    address, _ = accounts.link(installation.tools, "test", "anna", 600)
    over = threading.Event()
    held = [hashing.PASSWORDS.begin(f"198.51.100.{number}", over.wait) for number in range(16)]
    try:
        assert anna.sign_in().status_code == 503
        assert root.post("/users/anna/link", proof_password=PASSWORD).status_code == 200
        assert anna.sign_in_by(address.rpartition("=")[2]).status_code == 303
        page = root.post("/password", present="wrong", password="x", again="x")
        assert page.status_code == 422
    finally:
        over.set()
        concurrent.futures.wait(held)
    assert anna.sign_in().status_code == 303


@pytest.mark.parametrize("networks", ["2001:db8::{:x}", "2001:db8:0:0:{:x}::1", "::ffff:192.0.2.7"])
def test_made_up_names_are_slowed_at_an_address_or_network_of_ipv6(on_one, networks):
    """After two hundred first guesses that were wrong; the place has no other count of these names."""
    installation, person = on_one
    person("read", "anna")
    with installation.store.write() as work:
        (spent,) = {first_guesses(network_of(networks.format(number))).whose for number in range(9)}
        row = {"whose": spent, "count": 199, "at": work.now, "free_at": work.now}
        work.session.add(Guesses(**row))
    answers = []
    for number in range(3):
        place = SignInPlace(networks.format(number + 1), "a browser")
        try:
            answers.append(signing_in.by_password(installation.tools, f"nobody-{number}", "wrong", place))
        except TooManyTries:
            answers.append("slowed")
    assert answers == [None, "slowed", "slowed"]
    elsewhere = SignInPlace("192.0.2.8", "a browser")
    assert signing_in.by_password(installation.tools, "nobody", "wrong", elsewhere) is None
    assert signing_in.by_password(installation.tools, "anna", PASSWORD, elsewhere)


def test_who_signs_in_rightly_uses_up_no_first_guess_of_the_address(guarded):
    installation, person = guarded
    for number in range(3):
        assert person("read", f"user{number}", "127.0.15.1").sign_in().status_code == 303
    with installation.store.read() as work:
        assert users.count_guess(work, first_guesses("127.0.15.1").whose) == 0


# -- the second factor


@pytest.mark.parametrize("role", ["support", "ops", "admin"])
def test_a_password_alone_shows_nothing_to_who_can_change_anything(guarded, role):
    _, person = guarded
    anna = person(role, "anna")
    assert anna.sign_in().headers["location"].startswith("/console/factor")
    for path in ("", "/log", "/users", "/sessions", "/password", "/log.csv", "/companies/harbour/setup"):
        answer = anna.browser.get(f"/console{path}")
        assert (answer.status_code, answer.headers["location"][:15]) == (303, "/console/factor"), path
    page = anna.browser.get("/console/factor").text
    for path in ("/pause", "/users", "/companies/new", "/sessions/end", "/factor/new", "/factor/codes"):
        answer = anna.browser.post(
            f"/console{path}", data={"form": hidden(page, "form"), "user": "eve", "role": "admin"}
        )
        assert answer.headers.get("location", "").startswith("/console/factor"), path
    assert "<h1>Overview</h1>" not in page
    anna.set_up_app()
    assert "<h1>Overview</h1>" in anna.see()


def test_who_only_reads_needs_none_until_they_have_one(guarded):
    _, person = guarded
    vera = person("read", "vera")
    vera.sign_in()
    assert "<h1>Overview</h1>" in vera.see()
    page = vera.do("/factor/new", 200)
    vera.secret = page.partition("Key: <code>")[2].partition("<")[0]
    vera.do("/factor", 200, offer=hidden(page, "offer"), code=vera.code())
    other = vera.elsewhere()
    assert other.sign_in().headers["location"].startswith("/console/code")


def test_a_code_serves_once_and_one_for_recovery_too(guarded):
    _, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    used = anna.code()
    others = [anna.elsewhere() for _ in range(4)]
    for one in others:
        one.sign_in()
    assert others[0].give_code(used).status_code == 303
    assert others[1].give_code(used).status_code == 401
    recovery = anna.codes[0]
    assert others[2].give_code(recovery.upper().replace("-", " ")).status_code == 303
    assert others[3].give_code(recovery).status_code == 401
    assert "9 recovery codes of 10" in others[2].see("/factor")


def test_the_same_code_in_two_browsers_at_once_lets_one_in(guarded):
    _, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    others = [anna.elsewhere() for _ in range(4)]
    forms = []
    for one in others:
        one.sign_in()
        forms.append(hidden(one.browser.get("/console/code").text, "form"))
    code = anna.code()

    def give(number):
        return others[number].browser.post("/console/code", data={"form": forms[number], "code": code}).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as many:
        assert sorted(many.map(give, range(4))) == [303, 401, 401, 401]


@pytest.mark.parametrize("steps", [-2, -1, 0, 1, 2])
def test_a_clock_may_be_half_a_minute_off_and_no_more(on_one, steps):
    installation, person = on_one
    anna = person("ops", "anna")
    anna.sign_in_whole()
    installation.later(120)
    other = anna.elsewhere()
    other.sign_in()
    code = pyotp.TOTP(anna.secret).at(installation.now(), counter_offset=steps)
    assert other.give_code(code).status_code == (303 if abs(steps) <= 1 else 401)


def test_an_older_code_is_not_good_after_a_newer_one(on_one):
    installation, person = on_one
    anna = person("ops", "anna")
    anna.sign_in_whole()
    installation.later(120)
    old, new = (pyotp.TOTP(anna.secret).at(installation.now(), counter_offset=by) for by in (-1, 1))
    first, second = anna.elsewhere(), anna.elsewhere()
    first.sign_in()
    second.sign_in()
    assert first.give_code(new).status_code == 303
    assert second.give_code(old).status_code == 401


def test_guessing_codes_is_slowed_and_signing_in_anew_does_not_begin_the_count_anew(guarded):
    installation, person = guarded
    anna = person("admin", "anna", "127.0.11.1")
    anna.sign_in_whole()
    answers = []
    for number in range(8):
        thief = anna.elsewhere("127.0.12.1")  # knows the password
        assert thief.sign_in().status_code == 303
        answers.append(thief.give_code(f"{number:06d}").status_code)
    assert answers == [401] * 5 + [429] * 3
    anna.browser.post("/console/sign-out", data={"form": anna.token()})
    anna.sign_in_whole()  # in the browser that is known
    assert "<h1>Overview</h1>" in anna.see()
    assert said_in_audit(installation, "second factor refused")
    assert outcomes(installation)["code_refused"] == 5


@pytest.mark.parametrize(
    "code", ["", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "0" * 4000, "' OR 1=1 --", "\u00b2" * 6]
)
def test_what_is_no_code_is_refused(on_one, code):
    _, person = on_one
    anna = person("ops", "anna")
    anna.sign_in_whole()
    other = anna.elsewhere()
    other.sign_in()
    assert other.give_code(code).status_code == 401


def test_a_key_that_another_was_offered_cannot_be_set_up(guarded):
    _, person = guarded
    anna, eve = person("ops", "anna"), person("ops", "eve")
    anna.sign_in()
    eve.sign_in()
    mine = eve.browser.get("/console/factor").text
    key, offer = mine.partition("Key: <code>")[2].partition("<")[0], hidden(mine, "offer")
    page = anna.browser.get("/console/factor").text
    for offered in (offer, "", "nonsense", offer[:-4] + "AAAA"):
        said = {"form": hidden(page, "form"), "offer": offered, "code": pyotp.TOTP(key).now()}
        assert anna.browser.post("/console/factor", data=said).status_code == 410


def test_an_admin_resets_a_factor_that_was_lost_and_nobody_else_does(guarded):
    installation, person = guarded
    admin, anna = person("admin", "root"), person("support", "anna")
    admin.sign_in_whole()
    anna.sign_in_whole()
    assert anna.post("/users/root/reset-factor").status_code == 403
    assert "is signed out" in admin.do("/users/anna/reset-factor")
    assert anna.browser.get("/console").status_code == 303
    assert ("root", "second factor reset", '{"user": "anna", "role": "support"}') in said_in_audit(installation)
    anna.secret = None
    anna.sign_in_whole()


def test_secrets_of_the_app_are_sealed_and_recovery_codes_only_fingerprints(guarded):
    installation, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    with installation.store.read() as work:
        rows = [
            work.session.execute(text(f"SELECT * FROM {one}")).all() for one in ("users", "recovery_codes", "audit")
        ]
    assert not [one for one in [anna.secret, *anna.codes] if one in repr(rows)]


def test_a_demo_alone_may_do_without(on_one):
    installation, _ = on_one
    chosen = installation.settings.model_dump()
    for elsewhere in ({"public_url": "https://xero.crewcard.example"}, {"xero_api_url": "https://api.xero.com"}):
        with pytest.raises(ValueError, match="SECOND_FACTOR=waived is for a demo"):
            type(installation.settings)(_env_file=None, **{**chosen, "second_factor": "waived", **elsewhere})


# -- passwords


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "123456789012",
        "qwertyuiop12",
        "administrator1",
        "crewcard1234",
        "P@ssw0rd1234!",
        "Welcome2026!!",
        "Cr3wC@rd-2026!",
        "Xero-invoices1",
        "anna.berg2026",
        "4nn4b3rg!!!!!!",
        "letmeinletmein",
        "1q2w3e4r5t6y",
        "481884140890",
        "punicapunica",
        "PunicaPunica!!",
        "Sommer2026!!",
        "qazwsxedcrfv",
        "crewcard-console",
    ],
)
def test_passwords_that_are_guessed_first_are_refused(on_one, password):
    _, person = on_one
    anna = person("read", "anna.berg@crewcard.example")
    anna.sign_in()
    page = anna.do("/password", 422, present=PASSWORD, password=password, again=password)
    assert "too easy to guess" in page or "list of stolen ones" in page
    assert anna.elsewhere().sign_in().status_code == 303


@pytest.mark.parametrize("password", ["a lazy heron jumps over", "nine green bottles hanging", "kT9#vQz2!mLp&r"])
def test_passwords_that_are_hard_to_guess_are_taken(on_one, password):
    _, person = on_one
    anna = person("read", "anna")
    anna.sign_in()
    anna.do("/password", 303, present=PASSWORD, password=password, again=password)
    assert anna.elsewhere().sign_in(password).status_code == 303


def test_the_list_of_stolen_passwords_is_shipped():
    assert is_breached("punicapunica")
    assert not is_breached(PASSWORD)


# -- links


def test_a_link_is_refused_the_second_time_and_still_asks_for_the_second_factor(guarded):
    installation, person = guarded
    anna = person("ops", "anna")
    anna.sign_in_whole()
    address, _ = accounts.link(installation.tools, "test", "anna", 600)
    thief = anna.elsewhere()
    entered = thief.browser.post("/console/enter", data={"link": address.rpartition("=")[2]})
    assert entered.headers["location"].startswith("/console/code")
    assert thief.browser.get("/console").headers["location"].startswith("/console/code")
    assert thief.browser.post("/console/enter", data={"link": address.rpartition("=")[2]}).status_code == 410
