"""Users at the console: an admin makes them, gives roles, shuts out; links are shown once and kept nowhere."""

import html
import json
import re

import pytest
from typer.testing import CliRunner

from cli import common
from cli import users as command
from store import audit
from tests.console.visiting import Person, hidden
from worker.users import accounts


def shown_link(page):
    return html.unescape(re.search(r"<code>(.*?)</code>", page)[1])


@pytest.fixture
def admin(person):
    return person("admin")


def test_a_new_user_signs_in_with_the_link_that_is_shown_once(admin, on_sqlite, console):
    page = admin.do("/users", 200, user="Ben@crewcard.example", name="Ben <b>Osei</b>", role="support")
    address = shown_link(page)
    assert "Ben &lt;b&gt;Osei&lt;/b&gt;" in page
    assert address not in admin.see("/users")
    newcomer = Person(on_sqlite, console, "read", "onlooker").browser
    entered = newcomer.post("/console/enter", data={"link": address.rpartition("=")[2]})
    assert entered.status_code == 303
    assert "<h1>Overview</h1>" in newcomer.get("/console").text
    with on_sqlite.store.read() as work:
        said = [(line.who, line.what, line.chosen) for line in audit.newest(work)]
    made = ("admin", "user added", '{"user": "ben@crewcard.example", "role": "support"}')
    assert made in said
    assert address.rpartition("=")[2] not in repr(said)


def test_a_role_and_access_are_given_and_taken(admin, on_sqlite, console):
    ben = Person(on_sqlite, console, "read", "ben")
    ben.sign_in()
    assert "ben has the role ops now" in admin.do("/users/ben/role", role="ops")
    assert "Sign in" in ben.see()
    ben.sign_in()
    assert "Pause every company" in ben.see("/pause")
    assert "ben is blocked" in admin.do("/users/ben/disable")
    assert ben.sign_in().status_code == 401
    assert "is disabled" in admin.do("/users/ben/link", 422)
    assert "ben may sign in again" in admin.do("/users/ben/enable")
    assert ben.sign_in().status_code == 303


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/users", {"user": "admin", "role": "read"}, "There is a user “admin” already."),
        ("/users", {"user": "?", "role": "read"}, "2 to 100 letters"),
        ("/users", {"user": "ben", "role": "owner"}, "A role is one of"),
        ("/users/admin/role", {"role": "read"}, "This is the last admin"),
        ("/users/admin/disable", {}, "This is the last admin"),
        ("/users/nobody/link", {}, "There is no user “nobody”."),
        ("/users/nobody/role", {"role": "read"}, "There is no user “nobody”."),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_changes_nothing(admin, on_sqlite, path, fields, said):
    before = [(one.id, one.role, one.disabled_at) for one in accounts.everyone(on_sqlite.tools)]
    assert said in html.unescape(admin.do(path, 422, **fields))
    assert [(one.id, one.role, one.disabled_at) for one in accounts.everyone(on_sqlite.tools)] == before


def test_the_command_line_lets_somebody_in_who_lost_everything(on_sqlite, console, monkeypatch):
    monkeypatch.setattr(common, "ready", lambda: on_sqlite.tools)
    run = CliRunner()
    made = run.invoke(command.app, ["add", "anna@crewcard.example", "--role", "admin", "--name", "Anna Berg"])
    assert "/console/enter?link=" in made.stdout
    anna = Person(on_sqlite, console, "admin", "anna@crewcard.example")
    anna.sign_in_by(made.stdout.strip().rpartition("=")[2])
    page = anna.do("/factor/new", 200)
    anna.secret = page.partition("Key: <code>")[2].partition("<")[0]
    anna.do("/factor", 200, offer=hidden(page, "offer"), code=anna.code())
    listed = json.loads(run.invoke(command.app, ["--json"]).stdout)
    assert [(one["user"], one["second_factor"]) for one in listed] == [("anna@crewcard.example", True)]
    assert run.invoke(command.app, ["reset-factor", "anna@crewcard.example"]).exit_code == 0
    assert anna.browser.get("/console").status_code == 303
    assert not json.loads(run.invoke(command.app, ["--json"]).stdout)[0]["second_factor"]
    link = run.invoke(command.app, ["link", "anna@crewcard.example"]).stdout.strip()
    assert anna.sign_in_by(link.rpartition("=")[2]).status_code == 303
    assert run.invoke(command.app, ["reset-factor", "nobody"]).exit_code != 0


def test_only_admins_see_users_or_the_way_to_them(person):
    ops = person("ops")
    assert 'href="/console/users"' not in ops.see()
    assert "not part of your role" in ops.see("/users", 403)
    assert 'href="/console/users"' in person("admin").see()
