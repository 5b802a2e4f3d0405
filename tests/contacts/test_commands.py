"""The commands for contacts and settings: dry checks, idempotent, lines with mistakes named, sane exit codes."""

import json
import logging

import pytest
import structlog
from typer.testing import CliRunner

from cli.main import app
from simulator import seeding
from store import contacts
from tests.builders import COMPANY, an_invoice, contact_id
from tests.contacts import test_creating as creating
from tests.contacts.admin import ACTIVE, OLD
from worker import wiring
from worker.submission import change_submission


@pytest.fixture
def command(clerk_free, monkeypatch):
    """Runs a command on the installation's own tools; gives its exit code, output and errors."""
    monkeypatch.setattr("worker.settings.load", lambda: clerk_free.installation.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: clerk_free.tools)

    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    yield run
    structlog.configure(**kept)


OF = ("--company", COMPANY)


def test_set_answers_at_once_with_xeros_name_and_the_same_again_is_no_mistake(command, clerk_free):
    words = ("contacts", "set", "crane", f"https://go.xero.com/Contacts/View/{ACTIVE}", *OF, "--by", "olga")
    code, said, _ = command(*words)
    assert code == 0
    assert f"crane is billed as “ACME Ltd” ({ACTIVE})." in said
    assert "acme is billed as the same Xero contact." in said
    assert command(*words)[0] == 0
    assert (clerk_free.field("crane").changed_by, clerk_free.field("crane").whose) == ("olga", "command")


def test_set_that_is_refused_says_why_and_what_to_paste(command):
    code, _, said = command("contacts", "set", "crane", "ACME", *OF)
    assert (code, "is not the address or the ID of a Xero contact. Open the contact in Xero" in said) == (1, True)
    code, said, _ = command("contacts", "set", "crane", OLD, *OF, "--json")
    assert (code, json.loads(said)["reason"]) == (1, "archived")


def test_set_ends_a_link(command, clerk_free):
    assert command("contacts", "set", "acme", "", *OF)[1].strip() == "acme is not linked to a Xero contact any more."
    assert clerk_free.field("acme").value == ""


def test_set_while_xero_is_away_is_accepted_and_left_to_the_clock(command, clerk_free):
    clerk_free.installation.simulator.state.faults.set({"http_500": 1.0, "reads": True})
    code, said, _ = command("contacts", "set", "crane", ACTIVE, *OF)
    assert (code, said.startswith("Accepted. Xero cannot be asked just now")) == (0, True)
    clerk_free.installation.simulator.state.faults.set({})
    clerk_free.installation.later(10)
    clerk_free.clock()
    assert clerk_free.field("crane").value == ACTIVE


def test_match_counts_first_asks_and_links_those_without_doubt(command, clerk_free):
    for client, name in [("one", "Firm one"), ("two", "Twice"), ("three", "Twice Ltd")]:
        clerk_free.in_xero(id=contact_id(client), name=name)
    clerk_free.in_xero(id=contact_id("number"), name="Another", number="c2")
    names = ["Firm one", "Bolt and Company", "Twice", "Qqq zzz"]
    clients = [{"id": f"c{number}", "name": name} for number, name in enumerate(names)]
    clerk_free.installation.ask(*[an_invoice(f"m-{one['id']}", client=one) for one in clients])
    clerk_free.installation.run()
    code, _, said = command("contacts", "match", *OF)  # nobody says yes
    said = " ".join(said.split())
    assert f"c0 (Firm one): Firm one {contact_id('one')}, by name" in said
    assert "1 client without doubt. These stay: 1 with more than one candidate, 1 only alike, 1 like nothing" in said
    assert (code, clerk_free.field("c0").value) == (1, "")
    told = json.loads(command("contacts", "match", *OF, "--check", "--json")[1])
    assert told["exact"] == [{"client": "c0", "xero_contact_id": contact_id("one")}]
    assert (told["stay"], told["linked"]) == ({"several": 1, "alike": 1, "unlike": 1}, [])
    assert json.loads(command("contacts", "match", *OF, "--yes", "--json")[1])["linked"] == ["c0"]
    assert clerk_free.field("c0").value == contact_id("one")
    assert [clerk_free.field(f"c{number}").value for number in (1, 2, 3)] == ["", "", ""]


def test_create_shows_what_it_would_create_asks_and_creates_once(command, clerk_free):
    creating.turn_on(clerk_free)
    clerk_free.installation.ask(
        an_invoice("n1", client=creating.NEWCOMER), an_invoice("b1", client={"id": "acme2", "name": "ACME Limited"})
    )
    clerk_free.installation.run()
    code, _, said = command("contacts", "create", *OF)  # nobody says yes
    assert (code, creating.created(clerk_free)) == (1, [])
    assert "new: Newcomer Ltd, office@newcomer.example, GB 123, 1 Quay, HU1 1AA, Hull, Norway" in " ".join(
        said.split()
    )
    assert "1 client left out: Xero has contacts like them." in said
    code, said, _ = command("contacts", "create", *OF, "--yes", "--json", "--by", "olga")
    assert (code, json.loads(said)["linked"]) == (0, ["new"])
    (made,) = creating.created(clerk_free)
    assert (clerk_free.field("new").value, clerk_free.field("new").changed_by) == (made.id, "olga")
    assert json.loads(command("contacts", "create", *OF, "--yes", "--json")[1])["linked"] == []


def test_create_that_is_refused_says_why_and_ends_with_1(command, clerk_free):
    code, _, shown = command("contacts", "create", "new", "--name", "Newcomer Ltd", *OF, "--yes")
    assert code == 1
    assert "do not allow contacts to be created" in shown
    assert creating.created(clerk_free) == []


def test_check_shows_the_name_and_changes_nothing(command, clerk_free):
    code, said, _ = command("contacts", "check", ACTIVE, *OF, "--client", "crane")
    assert (code, said.splitlines()[0]) == (0, "“ACME Ltd” is an active contact in Xero.")
    assert "acme is billed as the same" in said
    code, said, _ = command("contacts", "check", OLD, *OF, "--json")
    assert (code, json.loads(said)["status"], json.loads(said)["usable"]) == (1, "archived", False)
    assert (clerk_free.field("crane").value, clerk_free.told()) == ("", [])


def test_list_shows_names_states_and_who_waits(command, clerk_free):
    command("contacts", "recheck", *OF)
    code, said, _ = command("contacts", "list", *OF)
    assert (code, "ACME Ltd" in said, "active" in said) == (0, True, True)
    clerk_free.installation.ask(an_invoice(client={"id": "new", "name": "Newcomer"}))
    clerk_free.installation.run()
    code, said, _ = command("contacts", "list", *OF)
    assert (code, "new (Newcomer) has no Xero contact; 1 invoice failed for it." in said) == (1, True)
    listed = json.loads(command("contacts", "list", *OF, "--json")[1])
    assert [one["client"] for one in listed["linked"]] == ["acme", "bolt"]
    assert listed["unlinked"] == [
        {"client": "new", "name": "Newcomer", "number": "", "email": "", "failed_invoices": 1}
    ]


def test_recheck_tells_what_is_amiss(command, clerk_free):
    clerk_free.in_xero(id=ACTIVE, status="ARCHIVED")
    code, said, _ = command("contacts", "recheck", *OF)
    assert (code, said.splitlines()[0]) == (1, "2 contacts looked at, 1 of them amiss.")
    assert "archived" in said


def test_suggest_offers_for_unlinked_clients_and_for_those_in_a_file(command, clerk_free, tmp_path):
    clerk_free.installation.ask(an_invoice(client={"id": "new", "name": "Bolt"}))
    clerk_free.installation.run()
    code, said, _ = command("contacts", "suggest", *OF)
    assert code == 0
    assert f"by name: Bolt & Co  https://go.xero.com/app/!AbC1/contacts/contact/{contact_id('bolt')}" in said
    file = tmp_path / "clients.csv"
    file.write_text("Client,Name,Email\nc1,ACME,\nc2,Nothing like it,\n")
    told = json.loads(command("contacts", "suggest", file, *OF, "--json")[1])
    assert [one["suggestions"][0]["name"] if one["suggestions"] else None for one in told] == ["ACME Ltd", None]


def a_file(tmp_path, *lines):
    file = tmp_path / "clients.csv"
    file.write_text("\n".join(("client,xero_contact,name", *lines)) + "\n", encoding="utf-8")
    return file


def test_import_links_the_good_lines_and_names_the_bad_ones(command, clerk_free, tmp_path):
    file = a_file(
        tmp_path,
        f"c1,https://go.xero.com/Contacts/View/{ACTIVE},One",
        "c2,ask Anna,Two",
        f"c3,{OLD},Three",
        f",{ACTIVE},Nobody",
        f"c5,{contact_id('bolt')},Five",
        "c1,something else,One again",
    )
    code, said, errors = command("contacts", "import", file, *OF)
    assert (code, said.splitlines()[0]) == (1, "2 clients linked, 0 were so before.")
    for place, why in (
        (3, "“ask Anna” is not"),
        (4, "“Old Wharf” is archived"),
        (5, "client: is empty"),
        (7, "c1"),
    ):
        assert any(f"clients.csv:{place}:" in line and why in line for line in errors.splitlines()), (place, errors)
    assert (clerk_free.field("c1").value, clerk_free.field("c1").whose) == (ACTIVE, "import")
    assert clerk_free.field("c1").client_name == "One"


def test_the_same_file_again_changes_nothing_and_costs_no_call(command, clerk_free, tmp_path):
    file = a_file(tmp_path, f"c1,{ACTIVE},One", f"c2,{contact_id('bolt')},Two")
    assert command("contacts", "import", file, *OF)[0] == 0
    calls, told = len(clerk_free.calls("/contacts")), len(clerk_free.told())
    code, said, _ = command("contacts", "import", file, *OF, "--json")
    assert (code, json.loads(said)["before"], json.loads(said)["linked"]) == (0, ["c1", "c2"], [])
    assert (len(clerk_free.calls("/contacts")), len(clerk_free.told())) == (calls, told)


def test_a_dry_import_says_the_same_and_changes_nothing(command, clerk_free, tmp_path):
    file = a_file(tmp_path, f"c1,{ACTIVE},One", f"c3,{OLD},Three")
    code, said, errors = command("contacts", "import", file, *OF, "--check")
    assert (code, said.splitlines()[0]) == (1, "1 client would be linked, 0 were so before.")
    assert "clients.csv:3: “Old Wharf” is archived" in errors
    assert clerk_free.field("c1").value == ""
    assert clerk_free.told() == []


def test_two_hundred_lines_cost_five_calls(command, clerk_free, tmp_path):
    for number in range(200):
        clerk_free.in_xero(id=contact_id(f"c{number}"), name=f"Firm {number}")
    file = a_file(tmp_path, *(f"c{number},{contact_id(f'c{number}')},Firm {number}" for number in range(200)))
    assert json.loads(command("contacts", "import", file, *OF, "--json")[1])["linked"][-1] == "c199"
    assert len(clerk_free.calls("/contacts")) == 5


def test_import_needs_the_edit_setting_and_says_how_to_switch_it_on(command, clerk_free, tmp_path):
    clerk_free.allow(editable=False)
    code, _, said = command("contacts", "import", a_file(tmp_path, f"c1,{ACTIVE},One"), *OF)
    assert (code, "companies settings harbour --set contact_ids_editable=true" in said) == (1, True)


@pytest.mark.parametrize("body", ["", "\x00\x01", "client\n", "nothing,of,ours\n1,2,3\n", 'client,xero_contact\n"a'])
def test_a_file_that_is_no_csv_of_clients_crashes_nothing(command, tmp_path, body):
    file = tmp_path / "odd.csv"
    file.write_text(body)
    assert command("contacts", "import", file, *OF)[0] in (0, 1, 2)


# -- settings


def test_settings_are_shown_set_and_refused_with_the_choices(command, clerk_free):
    seeding.change(clerk_free.organisation, {"accounts": [{"code": "210", "name": "Hire"}]})
    words = ("companies", "settings", COMPANY)
    code, said, _ = command(*words, "--set", "default_account_code=210", "--set", "due=day_of_next_month:20")
    assert (code, said.strip()) == (0, "Set. What was sent before stays as it was sent.")
    code, said, _ = command(*words)
    assert "day_of_next_month:20" in said
    code, _, said = command(*words, "--set", "default_account_code=999")
    assert (code, "Account 999 does not exist in Xero. Choose one of: 200, 210 (Hire), 260." in said) == (1, True)
    assert json.loads(command(*words, "--json")[1])["default_account_code"] == "210"


def test_settings_can_be_checked_without_being_changed(command, clerk_free):
    words = ("companies", "settings", COMPANY, "--check")
    assert command(*words, "--set", "default_account_code=260")[:2] == (0, "Could be set.\n")
    assert command(*words, "--set", "default_account_code=999")[0] == 1
    assert clerk_free.settings().default_account_code == "200"


def test_every_setting_can_be_typed_and_taken_back(command, clerk_free):
    tracking = {"tracking": [{"name": "Region", "options": [{"name": "North"}]}], "themes": [{"name": "Crew"}]}
    seeding.change(clerk_free.organisation, tracking)
    typed = {
        "contact_ids_editable": "true",
        "default_account_code": "260",
        "default_tax_type": "NONE",
        "kinds.hire.account_code": "200",
        "invoice_status": "draft",
        "due": "days_after_invoice:14",
        "number_prefix": "CC-",
        "tracking": "Region:North",
        "branding_theme": "Crew",
        "sent_to_contact": "true",
        "daily_summary": "7:Pacific/Auckland:always",
    }
    words = [word for name, value in typed.items() for word in ("--set", f"{name}={value}")]
    assert command("companies", "settings", COMPANY, *words)[0] == 0
    shown = command("companies", "settings", COMPANY)[1]
    for name, value in typed.items():
        assert any(name in line and value.upper() in line.upper() for line in shown.splitlines()), (name, shown)
    back = [word for name in (*typed, "kinds.hire") if "." not in name[6:] for word in ("--set", f"{name}=")]
    assert command("companies", "settings", COMPANY, *back)[0] == 0
    kept = clerk_free.settings()
    assert (kept.kinds, kept.tracking, kept.branding_theme, kept.due, kept.number_prefix) == (None,) * 5
    assert kept.daily_summary is None
    assert (kept.invoice_status, kept.contact_ids_editable, kept.sent_to_contact) == ("AUTHORISED", False, False)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("number_prefix", "name=value"),
        ("due=soon", "due is written like"),
        ("colour=red", "colour: is not a field we know"),
        ("kinds.hire=200", "kinds.hire.account_code"),
        ("contact_ids_editable=perhaps", "true or false"),
        ("sent_to_contact=perhaps", "true or false"),
        ("daily_summary=seven", "daily_summary is written like 7:Pacific/Auckland"),
        ("daily_summary=7", "time_zone"),
        ("daily_summary=25:Pacific/Auckland", "hour"),
        ("daily_summary=7:Mars/Olympus", "must name a time zone as in Pacific/Auckland"),
    ],
)
def test_a_setting_typed_wrong_is_explained(command, typed, said):
    code, _, errors = command("companies", "settings", COMPANY, "--set", typed)
    assert (code, said in errors) == (2, True), errors


def test_the_organisations_choices_are_shown(command, clerk_free):
    code, said, _ = command("companies", "settings", COMPANY, "--choices")
    assert (code, "Accounts of Organisation 1111:" in said, "299" in said) == (0, True, False)
    told = json.loads(command("companies", "settings", COMPANY, "--choices", "--json")[1])
    assert [one["code"] for one in told["accounts"]] == ["200", "260"]
    assert set(told) == {"accounts", "tax_rates", "tracking", "branding_themes"}


@pytest.mark.parametrize("verb", ["list", "set", "check", "suggest", "import", "recheck"])
def test_every_command_has_an_example_and_knows_when_there_is_no_company(command, verb, tmp_path):
    code, said, _ = command("contacts", verb, "--help")
    assert (code, f"crewcard-xero contacts {verb}" in said) == (0, True)
    more = {"set": ["c", ACTIVE], "check": [ACTIVE], "import": [a_file(tmp_path)]}.get(verb, [])
    code, _, said = command("contacts", verb, *more, "--company", "nowhere")
    assert (code, "There is no company “nowhere”" in said) == (1, True)


def test_links_from_before_are_listed(command, clerk_free):
    with clerk_free.installation.store.write() as work:
        contacts.link(work, COMPANY, "muddle", "ask Anna", "host", source="host")
    assert "ask Anna" in command("contacts", "list", *OF)[1]


def test_an_answer_that_the_clock_was_quicker_with_is_seen(admin):
    """Nothing is due any more when the command comes to it: the clock answered between two looks."""
    looks = iter([False, True])
    change_submission.answer(admin.tools, COMPANY, lambda: next(looks), 1)
    assert list(looks) == []
