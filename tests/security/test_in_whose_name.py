"""Nobody does by command or on a page, in a user's name, what that user may not; and every act has a name."""

import json

import pytest
from typer.testing import CliRunner

from cli import common
from cli.main import app
from store import pauses
from tests.builders import COMPANY, an_invoice, contact_id
from tests.console.visiting import hidden
from tests.security.at_the_doors import ground as ground  # noqa: PLC0414  # the fixture
from web.console import visitor
from worker.users import accounts

ACME = contact_id("acme")
WITH = ("--company", COMPANY)
# what is given, and the least role that may
ORDERS = {
    "settings": (("companies", "settings", COMPANY, "--set", "number_prefix=P-"), "admin"),
    "contact": (("contacts", "set", "crane", ACME, *WITH), "support"),
    "contacts": (("contacts", "import", "FILE", *WITH), "support"),
    "new contact": (("contacts", "create", "crane", "--name", "Crane", *WITH, "--yes"), "support"),
    "files": (("attachments", "retry", "i1", *WITH, "--why", "smaller"), "support"),
    "companies": (("companies", "import", "COMPANIES", "--yes"), "admin"),
    "webhook key": (("companies", "webhook-key", COMPANY), "admin"),
    "no webhook key": (("companies", "forget-webhook-key", COMPANY), "admin"),
    "custom": (("companies", "app", COMPANY, "--client-id", "X", "--custom"), "admin"),
    "link": (("connect", COMPANY), "admin"),
    "disconnect": (("connections", "disconnect", COMPANY), "admin"),
    "decide": (("connections", "decide", COMPANY, "--cancel"), "admin"),
    "company": (("companies", "add", "quarry"), "admin"),
    "app": (("companies", "app", COMPANY, "--client-id", "X", "--pkce"), "admin"),
    "secret": (("companies", "secret", COMPANY), "admin"),
    "forget": (("companies", "forget-secret", COMPANY), "admin"),
    "scopes": (("companies", "scopes", COMPANY, "broad"), "admin"),
    "off": (("companies", "disable", COMPANY), "admin"),
    "on": (("companies", "enable", COMPANY), "admin"),
    "user": (("users", "add", "eve", "--role", "admin"), "admin"),
    "sign-in link": (("users", "link", "boss"), "admin"),
    "role": (("users", "role", "sue", "admin"), "admin"),
    "shut out": (("users", "disable", "boss2"), "admin"),
    "let in": (("users", "enable", "gone"), "admin"),
    "factor": (("users", "reset-factor", "boss"), "admin"),
    "pause": (("pause", *WITH), "ops"),
    "resume": (("resume", *WITH), "ops"),
    "exclude": (("exclude", "i1", *WITH, "--why", "cash"), "support"),
    "include": (("include", "i1", *WITH), "support"),
    "retry": (("failures", "retry", "x:y", *WITH, "--why", "mended"), "support"),
    "cancel": (("cancel", "r1", *WITH, "--why", "no", "--yes"), "support"),
    "replay": (("replay", "r1", *WITH, "--why", "again", "--yes"), "support"),
    "raise anew": (("raise-anew", "i1", *WITH, "--why", "voided", "--yes"), "support"),
}
USERS = {"rita": "read", "sue": "support", "otto": "ops", "boss": "admin", "boss2": "admin"}
RANK = ["read", "support", "ops", "admin"]


@pytest.fixture
def people(ground):
    """A user of each role, and an admin who is shut out."""
    for user, role in {**USERS, "gone": "admin"}.items():
        accounts.add(ground.tools, "test", user, user.title(), role)
    accounts.change(ground.tools, "test", "gone", disabled=True)
    return ground


@pytest.fixture
def command(people, monkeypatch, tmp_path):
    """Runs a command on the installation; gives its exit code and all that it said."""
    monkeypatch.setattr(common, "ready", lambda: people.tools)
    file = tmp_path / "clients.csv"
    file.write_text(f"client,xero_contact\ncrane,{ACME}\n")
    several = tmp_path / "companies.csv"
    several.write_text("company\nquarry\n")

    def run(*words):
        typed = [{"FILE": str(file), "COMPANIES": str(several)}.get(word, word) for word in words]
        done = CliRunner().invoke(app, typed, input="a secret\n", env={"COLUMNS": "200"})
        return done.exit_code, " ".join(done.output.split())

    return run


def everything(ground):
    with ground.tools.store.read() as work:
        paused = pauses.active(work)
    users = [(one.id, one.role, one.disabled_at) for one in accounts.everyone(ground.tools)]
    return ground.what_happened(), ground.audit(), users, paused


def test_in_the_name_of_a_user_no_command_does_more_than_that_user_may(people, command):
    assert command("companies", "settings", COMPANY, "--set", "contact_ids_editable=true")[0] == 0
    before = everything(people)
    let_through = []
    for order, (words, least) in ORDERS.items():
        too_low = [user for user, role in USERS.items() if RANK.index(role) < RANK.index(least)]
        for user in (*too_low, "gone", "GONE", " gone "):
            code, said = command(*words, "--by", user)
            if code == 0 or "is not part of your role" not in said:
                let_through.append((order, user, said[:200]))
    assert not let_through, "\n".join(map(str, let_through))
    assert everything(people) == before


def test_who_may_is_let_and_stands_in_the_audit_by_name(people, command):
    who = {
        ("users", "add", "eve"): "user added",
        ("users", "role", "eve", "ops"): "user's role changed",
        ("users", "disable", "eve"): "user disabled",
        ("users", "enable", "eve"): "user enabled",
        ("users", "link", "eve"): "sign-in link made",
        ("users", "reset-factor", "eve"): "second factor reset",
        ("connect", COMPANY): "connect link made",
        ("companies", "add", "quarry"): None,
        ("companies", "scopes", COMPANY, "broad"): None,
        ("companies", "disable", COMPANY): None,
        ("companies", "enable", COMPANY): None,
        ("connections", "disconnect", COMPANY): "disconnected",
    }
    for words, what in who.items():
        for by, named in (("BOSS", "boss"), ("", common.user())):
            if by == "" and words[0] in ("connections", "companies"):
                continue
            code, said = command(*words, *(("--by", by) if by else ()))
            if words[:2] == ("users", "add") and not by:
                assert "already" in said
                continue
            assert code == 0, (words, said)
            newest = people.audit(what)[0]
            assert newest.who == named, (words, newest)
    assert not [line for line in people.audit() if line.who == "command line"]


def test_an_order_stands_under_the_id_of_the_user_however_it_was_typed(people, command):
    people.installation.ask(an_invoice())
    assert command("cancel", *WITH, "-i", "i1", "--why", "no", "--yes", "--by", " SUE ")[0] == 0
    assert people.audit("cancel")[0].who == "sue"


def test_without_a_name_it_is_the_user_of_the_machine(people, command):
    people.installation.ask(an_invoice())
    for words in (("users", "add", "eve"), ("companies", "disable", COMPANY), ("connections", "disconnect", COMPANY)):
        assert command(*words)[0] == 0
    assert {line.who for line in people.audit() if line.who != "test"} == {common.user()}


def test_a_user_who_may_changes_settings_and_contacts_by_command(people, command):
    assert command(*ORDERS["settings"][0], "--by", "boss")[0] == 0
    assert people.settings().number_prefix == "P-"
    assert command("companies", "settings", COMPANY, "--set", "contact_ids_editable=true")[0] == 0
    code, said = command(*ORDERS["contact"][0], "--by", "sue")
    assert (code, "is billed as" in said) == (0, True), said


# -- on a page: the page's own check is not the only one


@pytest.fixture
def careless(people, monkeypatch):
    """Pages that forgot to ask whether their visitor may."""
    monkeypatch.setattr(visitor, "may", lambda *_: True)
    return people


@pytest.mark.parametrize(
    ("role", "path", "fields"),
    [
        ("support", f"/companies/{COMPANY}/setup/settings", {"seen": "SEEN", "number_prefix": "P-"}),
        ("read", f"/contacts/{COMPANY}/crane", {"contact": ACME}),
        (
            "read",
            "/contacts/import",
            {"company": COMPANY, "table": f"client,xero_contact\ncrane,{ACME}", "do": "import"},
        ),
        ("read", f"/invoices/{COMPANY}/i1/replay", {"why": "again"}),
        ("read", f"/invoices/{COMPANY}/i1/cancel", {"why": "no"}),
        ("read", f"/invoices/{COMPANY}/i1/raise_anew", {"why": "voided"}),
        ("read", f"/requests/{COMPANY}/r1/cancel", {"why": "no"}),
        ("read", "/replay", {"act": "replay", "pick": f"{COMPANY}/i1", "why": "again"}),
        ("read", "/replay", {"act": "exclude", "pick": f"{COMPANY}/i1", "why": "cash"}),
    ],
)
def test_a_page_that_forgot_to_ask_does_nothing_that_its_visitor_may_not(careless, command, role, path, fields):
    assert command("companies", "settings", COMPANY, "--set", "contact_ids_editable=true")[0] == 0
    careless.installation.ask(an_invoice(), request="r1")
    somebody = careless.person(role)
    if "seen" in fields:
        page = somebody.see(f"/setup/{COMPANY}/accounts")
        fields = {**fields, "seen": hidden(page, "seen")}
    before, lines = careless.what_happened(), len(careless.audit())
    answer = somebody.post(path, **fields)
    assert (answer.status_code, f"is not part of your role “{role}”" in answer.text) == (403, True), answer.text[:800]
    assert (careless.what_happened(), len(careless.audit())) == (before, lines)


def test_support_sets_a_contact_on_its_page_in_its_own_role(people, command):
    assert command("companies", "settings", COMPANY, "--set", "contact_ids_editable=true")[0] == 0
    answer = people.person("support").post(f"/contacts/{COMPANY}/crane", contact=ACME)
    assert answer.status_code == 303, answer.text[:800]
    assert [json.loads(line.chosen)["client"] for line in people.audit("contact")] == ["crane"]
