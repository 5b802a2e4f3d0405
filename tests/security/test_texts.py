# ruff: noqa: RUF001  # letters that look like others are what this is about
"""What others wrote commands no terminal of ours and no spreadsheet: every command, hostile words in every text."""

import csv
import io
import json
import logging
import re
import unicodedata
from decimal import Decimal

import pytest
import structlog
import typer
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, cast, literal, update
from sqlmodel import AutoString
from typer.testing import CliRunner

from cli import output
from cli.main import app
from events import wording
from store import endpoints, inbox, tables
from tests.builders import COMPANY, an_invoice
from tests.console.visiting import Person
from worker import logs, wiring
from worker.users import accounts

HOSTILE = "\x1b]0;owned\x07\x9b31m\r\x08\u202eevil\u2066\u200f\u200b\u2028\u061c\U000e0041\x7f\x90"
LET_BE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Columns whose text others wrote, or that repeat it; ids, states and what is JSON stay as they are.
TEXTS = {
    *("about", "by", "client_name", "detail", "how", "message", "name", "number", "organisation", "place", "problem"),
    *("said", "said_by", "short_code", "subject_name", "title", "trouble", "why", "xero_words", "deep_link", "link"),
    *("closed_by", "host", "act"),
}
LEFT_ALONE = {("counters", "name"), ("duties", "name"), ("connections", "problem"), ("tokens", "problem")}


def commands(group, path=()):
    for name, one in group.commands.items():
        yield from commands(one, (*path, name)) if hasattr(one, "commands") else [" ".join((*path, name))]


# Every command with arguments that lead to text of others; what is tried with a wrong argument repeats it.
TRIED = {
    "status": [[], ["--company", COMPANY]],
    "log": [[], ["--failed"]],
    "why": [["i1"], ["i2"], [f"no{HOSTILE}"]],
    "alerts": [[]],
    "audit": [[]],
    "audit verify": [[]],
    "doctor": [[]],
    "attachments list": [[], ["--company", HOSTILE]],
    "attachments retry": [
        ["i1", "--company", COMPANY, "--why", HOSTILE],
        [HOSTILE, "--company", COMPANY, "--why", "x"],
    ],
    "failures list": [[], ["--unmatched"]],
    "failures retry": [["--company", COMPANY, "--why", HOSTILE, "--reason", HOSTILE]],
    "cancel": [["--company", COMPANY, "--why", HOSTILE, "--request", f"r{HOSTILE}"]],
    "replay": [["--company", COMPANY, "--why", HOSTILE, "--request", "r1", "--by", HOSTILE]],
    "raise-anew": [["i1", "--company", COMPANY, "--why", HOSTILE, "--number", HOSTILE, "--yes"]],
    "exclude": [["i9", "--company", COMPANY, "--why", HOSTILE], [HOSTILE, "--company", COMPANY, "--why", "x"]],
    "include": [["i9", "--company", COMPANY, "--why", HOSTILE]],
    "pause": [["--company", COMPANY, "--why", HOSTILE, "--by", HOSTILE]],
    "resume": [["--company", COMPANY], ["--company", HOSTILE]],
    "adopt": [["FILE", "--company", COMPANY, "--why", HOSTILE]],
    "preview": [["FILE", "--company", COMPANY, "--every"]],
    "publish": [["FILE", "--company", COMPANY]],
    "listen": [["--forward", HOSTILE]],
    "trigger": [[HOSTILE, "--endpoint", HOSTILE], ["webhook.tested", "--forward", f"http://a.example/{HOSTILE}"]],
    "contacts list": [[COMPANY], [HOSTILE]],
    "contacts set": [["acme", HOSTILE, "--company", COMPANY], [HOSTILE, HOSTILE, "--company", COMPANY]],
    "contacts check": [[HOSTILE, "--company", COMPANY]],
    "contacts suggest": [["--company", COMPANY]],
    "contacts match": [["--company", COMPANY, "--yes"], ["--company", COMPANY, "--check"]],
    "contacts create": [["acme", "--company", COMPANY], ["--company", COMPANY, "--yes"]],
    "contacts recheck": [[COMPANY]],
    "contacts import": [["FILE", "--company", COMPANY, "--check"]],
    "companies list": [[]],
    "companies add": [[f"x{HOSTILE}", "--name", HOSTILE]],
    "companies import": [["FILE", "--yes"]],
    "companies app": [[COMPANY, HOSTILE, "--callback", HOSTILE]],
    "companies webhook-key": [[COMPANY], [HOSTILE]],
    "companies forget-webhook-key": [[COMPANY, "--all"], [HOSTILE]],
    "companies secret": [[HOSTILE]],
    "companies forget-secret": [[HOSTILE]],
    "companies scopes": [[COMPANY, HOSTILE]],
    "companies disable": [[HOSTILE]],
    "companies enable": [[HOSTILE]],
    "companies settings": [[COMPANY], [COMPANY, f"number_prefix={HOSTILE}"], [COMPANY, "--choices"], [HOSTILE]],
    "connect": [[COMPANY, "--return-to", HOSTILE], [HOSTILE]],
    "connections list": [[]],
    "connections decide": [[HOSTILE, "--send"]],
    "connections disconnect": [[HOSTILE]],
    "dead-letters list": [[]],
    "dead-letters show": [["1"]],
    "dead-letters mend": [["1", "FILE"]],
    "dead-letters replay": [["1"]],
    "dead-letters discard": [["1", "--why", HOSTILE, "--by", HOSTILE]],
    "restore-check": [[], ["--begin", "--since", HOSTILE], ["--begin", "--why", HOSTILE, "--by", HOSTILE]],
    "users list": [[]],
    "users add": [[f"a{HOSTILE}", "--role", HOSTILE], [f"a{HOSTILE}", "--role", "read", "--name", HOSTILE]],
    "users link": [[HOSTILE]],
    "users role": [[HOSTILE, "read"], ["anna", HOSTILE]],
    "users disable": [[HOSTILE]],
    "users enable": [[HOSTILE]],
    "users reset-factor": [[HOSTILE]],
    "keys list": [[]],
    "keys make": [[HOSTILE, "--every-company"]],
    "keys expire": [[HOSTILE, HOSTILE], [HOSTILE, "--after-days", "1"]],
    "keys rotate": [[HOSTILE]],
    "keys revoke": [[HOSTILE]],
    "webhooks list": [[]],
    "webhooks add": [[COMPANY, f"https://a.example/{HOSTILE}"]],
    "webhooks rotate": [[HOSTILE]],
    "webhooks remove": [[HOSTILE]],
    "webhooks retry": [[HOSTILE]],
    "webhooks test": [[HOSTILE]],
    "webhooks resend": [["--since", HOSTILE], ["--request", HOSTILE, "--company", COMPANY, "--yes"]],
    "credit": [["i1", "--company", COMPANY, "--why", HOSTILE], [HOSTILE, "--company", COMPANY, "--why", "x"]],
    "clients list": [[], ["--company", HOSTILE]],
    "clients erase": [["acme", "--company", COMPANY, "--check"], [HOSTILE, "--company", COMPANY, "--why", HOSTILE]],
    "companies remove": [[COMPANY, "--check"], [HOSTILE, "--why", HOSTILE, "--yes"]],
}
AS_A_GROUP = {"companies list", "connections list", "users list", "webhooks list"}  # the group itself lists
SANDBOX = {f"sandbox {word}" for word in ("fail", "pay", "void", "offline")}  # says what its developer typed
ELSEWHERE = {"demo", "up", "key", "migrate", "rotate-keys", *SANDBOX}  # say nothing of anybody


@pytest.fixture
def poisoned(on_sqlite):
    """A day's work after which every text of others holds what a terminal obeys."""
    made = on_sqlite
    made.ask(an_invoice("i1"), an_invoice("i2", client={"id": "unmapped", "name": "Nobody Ltd"}))
    made.run()
    made.relay()
    accounts.add(made.tools, "test", "anna", "Anna", "admin")
    with made.store.write() as work:
        endpoints.add_endpoint(work, made.tools.vault, COMPANY, "https://app.example.com/xero_webhook.php")
        inbox.set_aside(work, "http", f'{{"bro\x1bken": "{HOSTILE}"'.encode(), [f"id: {HOSTILE}"], HOSTILE)
    with made.store.write() as work:
        for model in vars(tables).values():
            for column in getattr(getattr(model, "__table__", None), "columns", ()):
                free = column.name in TEXTS and (model.__tablename__, column.name) not in LEFT_ALONE
                if free and isinstance(column.type, AutoString) and not column.primary_key:
                    words = cast(column, String).concat(literal(HOSTILE))
                    work.session.execute(
                        update(model).where(column.is_not(None), column != "").values({column.name: words})
                    )
    return made


@pytest.fixture
def said(poisoned, monkeypatch, tmp_path):
    """What a command says, on both its outputs; FILE is a file with a hostile name and hostile words."""
    monkeypatch.setattr("worker.settings.load", lambda: poisoned.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: poisoned.tools)
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    file = tmp_path / f"evil{HOSTILE.replace('/', '')}.csv"
    file.write_text(f"client,name,xero_contact_id\n{HOSTILE},{HOSTILE},{HOSTILE}\n")

    def run(command, *words):
        typed = [*command.split(" "), *(str(file) if word == "FILE" else word for word in words)]
        done = CliRunner().invoke(app, typed, input="y\nsecret\n", env={"COLUMNS": "200"})
        assert done.exception is None or isinstance(done.exception, SystemExit), (typed, done.exception)
        return done.stdout + done.stderr

    yield run
    structlog.configure(**kept)


def obeyed(text):
    """The characters that a terminal obeys or hides."""
    return sorted({f"{ord(one):x}" for one in text if one != "\n" and unicodedata.category(one) in LET_BE})


def test_every_command_is_tried():
    group = typer.main.get_command(app)
    assert set(commands(group)) <= set(TRIED) | ELSEWHERE


def test_no_command_hands_on_what_a_terminal_obeys(said):
    for command, each in TRIED.items():
        typed = command.removesuffix(" list") if command in AS_A_GROUP else command
        for words in each:
            for more in ([], ["--json"]):
                assert obeyed(said(typed, *words, *more)) == [], (command, words, more)


def test_what_is_shown_still_says_what_was_there(said):
    assert "\\u001b]0;owned\\u0007\\u009b31m" in said("connections").replace("\n", "")
    assert "\\u001b" in said("why", "i2")
    read_again = json.dumps(json.loads(said("status", "--json")))
    assert json.dumps(HOSTILE)[1:-1] in read_again


def test_a_dead_letter_is_still_the_same_json_when_it_is_shown():
    body = json.dumps({"name": f"a{HOSTILE}"}, ensure_ascii=False)
    assert json.loads(wording.shown(body, lines=True)) == json.loads(body)


def test_bars_questions_and_names_in_colour_are_cleaned_too(capsys):
    output.results.print(f"[green]✔[/] {HOSTILE}")
    table = output.table(f"t{HOSTILE}", f"c{HOSTILE}")
    table.add_row(HOSTILE)
    output.results.print(table)
    output.say("\N{WOMAN}\u200d\N{PERSONAL COMPUTER} :smile: [red]x[/]")
    told = capsys.readouterr().out
    assert obeyed(told) == []
    assert ":smile: [red]x[/]" in told


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_line_of_the_log_is_obeyed(capsys, form):
    kept, before = structlog.get_config(), logging.getLogger().handlers[:]
    try:
        logs.set_up("INFO", form)
        logs.log("door").info("door.accepted", company=f"x{HOSTILE}", kind="a\nb")
        logging.getLogger("somebody.else").warning("foreign %s", HOSTILE)
        told = capsys.readouterr().err
    finally:
        logging.getLogger().handlers[:] = before
        structlog.configure(**kept)
    own = "\x1b[" if form == "console" else ""
    assert obeyed(told.replace(own, "") if own else told) == []
    assert "\\u001b]0;owned" in told


@given(st.text())
def test_what_is_shown_is_visible_and_tells_different_texts_apart(text):
    told = wording.shown(text)
    assert obeyed(told) == []
    assert "\n" not in told
    if "\\" not in text and '"' not in text and not any(unicodedata.category(one) == "Cs" for one in text):
        assert json.loads(f'"{told}"') == text


# -- spreadsheets

FORMULAS = [
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1+1",
        "－1+1",
        "＠SUM(A1)",
        "−1+1",
        "﹢1",
        "|x",
    ),
    *(" =1", "  ＝1", "\u00a0=1", "\u3000＝1", '"=1', "'=1", "“=1", "\u200b=1", "\u202e=1", "\ufeff=1", "\x00=1"),
    *("\u2060＝1", "+44 20 7946", "-", "=", "- 5", "--5", "-5%", "+cmd|' /C calc'!A0", "-1+cmd|x", "＝", "\x1b=1"),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_a_formula(text):
    assert wording.cell(text).startswith("'")


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n", ";;", '";', "; \u200b"])
@pytest.mark.parametrize("formula", ["=1+1", "＝1+1", "@SUM(A1)", "-2+3", "+cmd|' /C calc'!A0"])
def test_no_cell_begins_a_formula_where_another_sign_parts_cells(separator, formula):
    """Many countries' spreadsheets part cells at a semicolon, and then our quotes are letters like any other."""
    written = io.StringIO()
    csv.writer(written).writerow(["a", wording.cell(f"Harbour{separator}{formula}"), "b"])
    cells = re.split("[;\t\r\n]", written.getvalue())
    assert not [one for one in cells if wording.cell(one) != one and not one.strip(" \u200b").startswith("'")]


@pytest.mark.parametrize(
    "text", ["Berg; Anna", "a;b=c", "a\tb", "12.50", "2026-11-28", "HC-77", "a=b", "", "Ünder & Co", "1-2", "5 - 3"]
)
def test_plain_words_stay_as_they_are(text):
    assert wording.cell(text) == text


@pytest.mark.parametrize("number", [-5, Decimal("-5.00"), 0, Decimal("12.50"), -1.5])
def test_a_number_stays_one_and_a_text_that_looks_like_one_stays_text(number):
    assert wording.cell(number) == str(number)
    assert wording.cell(str(number)) == (f"'{number}" if number < 0 else str(number))


def test_the_log_taken_away_holds_no_formula(installation, serve):
    names = ["＝1+1", "=cmd|' /C calc'!A0", " @SUM(A1)", "－2+3"]
    installation.ask(*(an_invoice(f"i{n}", client={"id": f"c{n}", "name": name}) for n, name in enumerate(names)))
    installation.run()
    with installation.store.write() as work:
        for model in (tables.LogEntry, tables.InvoiceStatus):
            work.session.execute(update(model).values(message="＋1 is not linked", number=" \u200b＝1+1"))
    someone = Person(installation, serve(installation), "read")
    someone.sign_in()
    file = someone.browser.get("/console/log.csv").text
    cells = [cell for row in csv.reader(io.StringIO(file.lstrip("\ufeff"))) for cell in row]
    assert len(cells) > 30
    assert "'＋1 is not linked" in cells
    assert not [one for one in cells if wording.cell(one) != one and not one.startswith("'")]
