"""Every order has its row in the registry, and each row its faces: event, command, page; right, audit line, words."""

import re

import pytest
import typer.main

from cli.main import app
from events.codec import INCOMING
from events.export import InvoiceExportRequested
from store import audit
from store.searching import Selection
from tests.builders import COMPANY, an_invoice, invoices
from web.console.app import PAGES, PREFIX
from web.console.visitor import Must
from worker.commands import registry
from worker.commands.registry import COMMANDS
from worker.decisions import rights
from worker.decisions.rights import ConsoleUser
from worker.submission import orders
from worker.submission.orders import Named

ONCE = pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
MANY = "/replay"  # the page of orders about very many, which asks for the right of each once more
# Acts on pages whose right a row has, and that order nothing about exports: a look at Xero beforehand, a preparation,
# files that are tried again beside an exported invoice.
ONLY_LOOKS = {"/contacts/1/1/check", "/contacts/1/1/suggestions", "/contacts/matches", "/invoices/1/1/attachments"}
# Commands that need a reason and order nothing about exports.
OTHERS = {  # of files, of a letter, of the database, of events
    "attachments retry",
    "dead-letters discard",
    "restore-check",
    "webhooks resend",
}
SET_UP = rights.ACTIONS[rights.Effect.SETTINGS]  # what else is done there is no order


def routes():
    """What each address for acts asks of its visitor."""
    for route in (route for page in PAGES for route in page.router.routes if "POST" in route.methods):
        asked = [one.call.action for one in route.dependant.dependencies if isinstance(one.call, Must)]
        if asked:
            yield re.sub(r"\{[^}]*\}", "1", route.path), asked[0]


def words(command=None, before=""):
    """Every command with its options."""
    command = command or typer.main.get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        yield from words(inner, f"{before} {name}".strip())
    if before:
        yield before, {option for one in command.params for option in one.opts}


def plain(page):
    return re.sub(r"\{[^}]*\}", "1", page)


@ONCE
def test_a_command_has_a_right_an_audit_line_words_and_every_face_or_says_why_not(command):
    there = {
        "event": command.event is not None,
        "words": bool(command.words),
        "pages": bool(command.pages),
        "audit": bool(command.audit),
        "sentence": bool(command.printed or command.shown.done),
    }
    assert isinstance(command.effect, rights.Effect)
    assert {part for part, is_there in there.items() if not is_there} == set(command.lacks)
    assert all(len(why) > 10 for why in command.lacks.values())
    assert command.confirmation == "" or ("{company}" in command.confirmation and command.counted)
    assert bool(command.bulk) == (MANY in command.pages)


@ONCE
def test_an_event_takes_the_right_of_its_command(command):
    if command.event is not None:
        assert INCOMING[command.event.TYPE] is command.event
        assert rights.OF_EVENT[command.event.TYPE] is command.effect


def test_every_event_that_orders_something_has_a_row_and_a_handler():
    rows = {command.event.TYPE for command in COMMANDS if command.event}
    assert rows == set(INCOMING) - {InvoiceExportRequested.TYPE}
    own = dict.fromkeys((registry.REPLAY, registry.RAISE_ANEW), len)
    assert set(registry.handlers(own)) == rows
    with pytest.raises(KeyError):
        registry.handlers({})


@ONCE
def test_its_commands_are_there(command):
    there = dict(words())
    assert set(command.words) <= set(there)
    for word in command.words:
        assert not command.confirmation or "--yes" in there[word], word


def test_every_command_that_asks_for_a_reason_has_a_row():
    known = {word for command in COMMANDS for word in command.words}
    assert {word for word, options in words() if "--why" in options} - known == OTHERS


@ONCE
def test_its_pages_are_there_and_ask_for_its_right(command):
    there = dict(routes())
    for page in command.pages:
        assert plain(page) in there, page
        assert page == MANY or there[plain(page)] is rights.ACTIONS[command.effect], page


def test_every_page_for_an_act_has_a_row():
    of_rows = {rights.ACTIONS.get(command.effect) for command in COMMANDS} - {SET_UP}
    known = {plain(page) for command in COMMANDS for page in command.pages}
    acts = {path for path, action in routes() if action in of_rows}
    assert acts - known - ONLY_LOOKS == set(), PREFIX


@pytest.mark.parametrize(
    "command",
    [registry.CANCEL, registry.REPLAY, registry.RAISE_ANEW, registry.EXCLUDE, registry.INCLUDE],
    ids=lambda one: one.name,
)
def test_an_order_stands_in_the_audit_under_its_own_name(on_sqlite, command):
    on_sqlite.ask(an_invoice())
    orders.order(on_sqlite.tools, command, Named(COMPANY, ["i1"]), ConsoleUser("olga", "support"), "because")
    assert newest(on_sqlite) == ("olga", command.audit, "because")


@pytest.mark.parametrize("command", [registry.PAUSE, registry.RESUME], ids=lambda one: one.name)
def test_a_pause_and_its_end_stand_in_the_audit_under_their_own_names(on_sqlite, command):
    if command is registry.RESUME:
        registry.PAUSE.run(on_sqlite.tools, COMPANY, "otto", "closing")
    assert command.run(on_sqlite.tools, COMPANY, "olga", "because")
    assert newest(on_sqlite) == ("olga", command.audit, "because")


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.bulk], ids=lambda one: one.name)
def test_an_order_about_many_stands_in_the_audit_as_one(on_sqlite, command):
    on_sqlite.ask(*invoices(3))
    chosen = Selection(picked=((COMPANY, "i0001"), (COMPANY, "i0002")))
    orders.order_many(on_sqlite.tools, command.name, chosen, ConsoleUser("olga", "support"), "because")
    with on_sqlite.store.read() as work:
        assert f"{command.name} many" in {line.what for line in audit.newest(work)}


def newest(installation):
    with installation.store.read() as work:
        line = audit.newest(work, most=1)[0]
    return line.who, line.what, line.why
