"""Who may come in, and how: passwords, links that serve once, sessions, wrong guesses."""

import re

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import text

from store import audit, users
from store.tables import User
from tests.console.visiting import PASSWORD, Person
from worker.users import accounts


@pytest.fixture
def anna(on_sqlite, console):
    return Person(on_sqlite, console, "support", "anna")


def test_a_stranger_sees_nothing_and_comes_back_to_the_page_asked_for(anna):
    asked = anna.browser.get("/console/password?why=asked")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/console/sign-in?back=/console/password%3Fwhy%3Dasked"
    back = anna.sign_in(back="/console/password?why=asked")
    assert back.headers["location"] == "/console/password?why=asked"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/v1/events", "console"]
)
def test_signing_in_leads_nowhere_but_to_the_console(anna, back):
    assert anna.sign_in(back=back).headers["location"] == "/console"


def test_a_wrong_password_and_an_unknown_user_are_told_alike(anna, on_sqlite, console):
    nobody = Person(on_sqlite, console, "read", "nobody")
    nobody.user = "somebody"
    said = [one.sign_in("wrong").text.replace(one.user, "") for one in (anna, nobody)]
    assert said[0] == said[1]
    assert "do not fit together" in said[0]


def test_after_five_wrong_guesses_even_the_right_one_waits(anna, on_sqlite):
    for _ in range(5):
        assert anna.sign_in("wrong").status_code == 401
    assert anna.sign_in().status_code == 429
    on_sqlite.later(901)
    assert anna.sign_in().status_code == 303


def test_guesses_from_elsewhere_lock_nobody_out_of_where_they_usually_are(anna):
    anna.sign_in()
    for number in range(9):
        anna.elsewhere(f"127.0.0.{number + 10}").sign_in("wrong")
    assert anna.sign_in().status_code == 303
    assert anna.elsewhere().sign_in().status_code == 303  # another browser at the same address


def test_a_link_signs_in_once_and_only_by_its_button(anna, on_sqlite):
    address, _ = accounts.link(on_sqlite.tools, "test", "anna", 600)
    secret = address.rpartition("=")[2]
    for _ in range(2):
        assert "Sign in" in anna.browser.get(f"/console/enter?link={secret}").text
    assert anna.browser.post("/console/enter", data={"link": secret}).status_code == 303
    assert "<h1>Overview</h1>" in anna.see()
    again = anna.browser.post("/console/enter", data={"link": secret})
    assert (again.status_code, "used already" in again.text) == (410, True)


def test_a_link_that_is_too_old_or_whose_user_is_disabled_opens_nothing(anna, on_sqlite):
    old, _ = accounts.link(on_sqlite.tools, "test", "anna", 600)
    on_sqlite.later(601)
    assert anna.browser.post("/console/enter", data={"link": old.rpartition("=")[2]}).status_code == 410
    fresh, _ = accounts.link(on_sqlite.tools, "test", "anna", 600)
    accounts.change(on_sqlite.tools, "test", "anna", disabled=True)
    assert anna.browser.post("/console/enter", data={"link": fresh.rpartition("=")[2]}).status_code == 410


def test_a_session_ends_by_itself_by_signing_out_and_when_the_user_is_shut_out(anna, on_sqlite, console):
    anna.sign_in()
    anna.do("/sign-out")
    assert "Sign in" in anna.see()
    anna.sign_in()
    on_sqlite.later(12 * 3600 + 1)
    assert "Sign in" in anna.see()
    anna.sign_in()
    accounts.change(on_sqlite.tools, "test", "anna", disabled=True)
    assert "Sign in" in anna.see()
    assert anna.sign_in().status_code == 401


def test_a_new_password_signs_out_every_other_browser(anna, on_sqlite, console):
    elsewhere = Person(on_sqlite, console, "support", "anna")
    anna.sign_in()
    elsewhere.sign_in()
    new = "nine green bottles hanging"
    assert "Your password is set" in anna.do("/password", present=PASSWORD, password=new, again=new)
    assert "Sign in" in elsewhere.see()
    assert anna.sign_in().status_code == 401
    assert anna.sign_in(new).status_code == 303


def test_a_new_password_needs_the_present_one(anna):
    anna.sign_in()
    new = {"password": "nine green bottles hanging", "again": "nine green bottles hanging"}
    for present in ({}, {"present": ""}, {"present": "wrong"}):
        assert "not your present password" in anna.do("/password", 422, **present, **new)
    assert anna.elsewhere().sign_in().status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "at least 12"),
        ("anna anna anna", "anna anna anna", "too easy"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "too easy"),
        ("four horses in a field", "five horses in a field", "not the same"),
    ],
)
def test_a_poor_password_is_refused_with_its_reason(anna, password, again, said):
    anna.sign_in()
    assert said in anna.do("/password", 422, present=PASSWORD, password=password, again=again)


def test_secrets_of_users_are_kept_as_fingerprints_only(anna, on_sqlite):
    anna.sign_in()
    address, _ = accounts.link(on_sqlite.tools, "test", "anna", 600)
    kept = []
    with on_sqlite.store.read() as work:
        for table in ("users", "user_sessions", "sign_in_links", "known_browsers", "recovery_codes", "audit"):
            kept += work.session.execute(text(f"SELECT * FROM {table}")).all()
    said = repr(kept)
    cookies = [anna.browser.cookies[name] for name in ("crewcard_console", "crewcard_browser")]
    secrets = [PASSWORD, address.rpartition("=")[2], *cookies]
    assert not [one for one in secrets if one in said]
    assert "$argon2id$" in said


def test_a_form_from_another_page_or_another_session_does_nothing(anna):
    anna.sign_in()
    anna.do("/sign-out", 403, form="0" * 64)
    token = re.search(r'name="form" value="(\w+)"', anna.see("/password")).group(1)
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        sent = anna.browser.post("/console/sign-out", data={"form": token}, headers=header)
        assert sent.status_code == 403
    assert "<h1>Overview</h1>" in anna.see()


def test_the_last_admin_cannot_be_taken_away(on_sqlite):
    accounts.add(on_sqlite.tools, "test", "root", "Root", "admin")
    for change in ({"role": "read"}, {"disabled": True}):
        with pytest.raises(accounts.UserRefused, match="last admin"):
            accounts.change(on_sqlite.tools, "test", "root", **change)
    accounts.add(on_sqlite.tools, "test", "other", "Other", "admin")
    assert accounts.change(on_sqlite.tools, "test", "root", "read").role == "read"


def test_nobody_edits_the_audit(installation):
    accounts.add(installation.tools, "test", "anna", "Anna", "read")
    for statement in ("UPDATE audit SET who = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError, match="only added to"), installation.store.write() as work:
            work.session.execute(text(statement))
    with installation.store.read() as work:
        assert [line.what for line in audit.newest(work)] == ["user added"]


def test_links_of_two_people_at_once_sign_one_in(installation):
    accounts.add(installation.tools, "test", "anna", "Anna", "read")
    address, _ = accounts.link(installation.tools, "test", "anna", 60)
    secret = address.rpartition("=")[2]
    with installation.store.write() as work:
        assert isinstance(users.use_link(work, secret), User)
    with installation.store.write() as work:
        assert users.use_link(work, secret) is None
