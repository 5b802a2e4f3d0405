"""Orders about exports, as the registry has them: cancel, replay, raise anew, mark “never send”, pause.

`crewcard-xero adopt FILE`: take over invoices that an older integration exported.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli import common, csv_invoices, files, output
from cli.common import AsJson, By, Company, OfCompany, Why, Yes
from cli.files import BadEntry, FileEntry, Note
from events.accounting_target import Trouble
from events.invoice import Invoice
from events.unreadable import sentences
from store import bulk_orders
from store.pauses import EVERYBODY
from worker.commands import registry
from worker.commands.adopt import MOST_AT_ONCE, Adopted, NotConnected
from worker.commands.excluding import Marked
from worker.commands.registry import Command
from worker.decisions import tables
from worker.decisions.claiming import Claim
from worker.decisions.merge_rules import Receipt
from worker.decisions.tables import NoTable
from worker.submission import orders
from worker.tools import Tools
from worker.waiting import pausing

_LOOK_SECONDS = 0.2
Request = Annotated[str | None, typer.Argument(help="Id of the request; else every request")]
Invoices = Annotated[list[str] | None, typer.Option("--invoice", "-i", help="Only this invoice id; may be repeated")]
Names = Annotated[list[str], typer.Argument(help="Invoice ids or numbers")]
Everybody = Annotated[bool, typer.Option("--all", help="Every company")]
_LEFT_OUT = {
    "answered": "had their answer already",
    "in_flight": "on their way to Xero: cancelled if they come back, else answered by what Xero says",
    "never_sent": "never sent to Xero, or not known",
    "under_way": "on their way to Xero right now",
    "not_failed": "did not fail, or are being sent again already",
    "unknown": "not known",
    "unreadable": "could not be read when they came, so nothing was kept to send: they must come again",
}


def cancel(
    company: Company,
    why: Why,
    request: Request = None,
    invoice: Invoices = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Do not send what has not been sent yet. Other requests for the same invoices go on.

    Examples:
      crewcard-xero cancel r-1017 --company harbour --why "wrong month"

      crewcard-xero cancel --invoice i42 --company harbour --why "disputed" --yes

    """
    said = {"company": company, "request": request, "invoices": invoice or [], "why": why}
    _order(registry.CANCEL, by, said, yes=yes, as_json=as_json)


def replay(
    company: Company,
    why: Why,
    request: Request = None,
    invoice: Invoices = None,
    reason: Annotated[str | None, typer.Option(help="Only what failed for this reason (see: failures)")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try failed invoices again, as a new request; nothing is ever sent twice by it.

    Examples:
      crewcard-xero replay --company harbour --reason contact_archived --why "contact restored"

      crewcard-xero replay r-1017 --company harbour --why "books are open again" --yes

    """
    said = {"company": company, "request": request, "invoices": invoice or [], "reason": reason, "why": why}
    _order(registry.REPLAY, by, said, yes=yes, as_json=as_json)


def raise_anew(
    company: Company,
    invoice: Annotated[list[str], typer.Argument(help="Ids of the invoices")],
    why: Why,
    number: Annotated[str | None, typer.Option(help="Its number in Xero from now on; only for one invoice")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Raise invoices again that are voided, deleted or gone in Xero, each once, as a new invoice there.

    Xero is looked at first: what is alive there is not raised a second time. A voided invoice keeps its number, so
    that the new one gets --number, or -2 behind the old one.

    Examples:
      crewcard-xero raise-anew i42 --company harbour --why "voided by mistake"

      crewcard-xero raise-anew i42 --company harbour --number N-42A --why "voided by mistake" --yes

    """
    said = {"company": company, "invoices": invoice, "number": number, "why": why}
    _order(registry.RAISE_ANEW, by, said, yes=yes, as_json=as_json)


def exclude(invoices: Names, company: Company, why: Why, by: By = "", as_json: AsJson = False) -> None:
    """Mark invoices “never send”; ends with 1 when one of them is not known.

    Example:  crewcard-xero exclude N-1007 N-1008 --company harbour --why "settled in cash"
    """
    _mark(registry.EXCLUDE, company, invoices, by, why, as_json=as_json)


def include(
    invoices: Names,
    company: Company,
    why: Annotated[str, typer.Option(help="Why; kept in the audit")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take the mark off again. Nothing is sent by it: export the invoice, or replay it.

    Example:  crewcard-xero include N-1007 --company harbour
    """
    _mark(registry.INCLUDE, company, invoices, by, why, as_json=as_json)


def pause(
    company: OfCompany = None,
    everybody: Everybody = False,
    why: Why = "",
    wait: Annotated[bool, typer.Option("--wait", help="Count down until nothing is in flight")] = False,
    at_most: Annotated[
        float,
        typer.Option(parser=common.between(0, 86_400), metavar="NUMBER", help="Longest wait, in seconds"),
    ] = 300,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Let no new call to Xero begin; what is in flight ends by itself. Requests are still accepted, and wait.

    With --wait it ends with 1 if calls are still in flight after the longest wait.

    Examples:
      crewcard-xero pause --company harbour --why "books are being closed"

      crewcard-xero pause --all --wait

    """
    tools, scope = common.ready(), _scope(company, everybody=everybody)
    giver = common.must_be_allowed(tools, by, registry.PAUSE.effect, company)
    news = registry.PAUSE.run(tools, scope, giver, why)
    left = _drain(tools, scope, at_most) if wait else pausing.in_flight(tools, scope)
    told = f"{registry.PAUSE.shown.about(_named(scope), news=news)} {_flying(left)}"
    output.result({"scope": scope, "news": news, "in_flight": left}, told, as_json=as_json)
    raise typer.Exit(1 if wait and left else 0)


def resume(
    company: OfCompany = None, everybody: Everybody = False, why: Why = "", by: By = "", as_json: AsJson = False
) -> None:
    """Go on after a pause.

    Example:  crewcard-xero resume --company harbour
    """
    tools, scope = common.ready(), _scope(company, everybody=everybody)
    giver = common.must_be_allowed(tools, by, registry.RESUME.effect, company)
    news = registry.RESUME.run(tools, scope, giver, why)
    output.result(
        {"scope": scope, "news": news}, registry.RESUME.shown.about(_named(scope), news=news), as_json=as_json
    )


def _order(command: Command, by: str, said: dict[str, Any], *, yes: bool, as_json: bool) -> None:
    """Show how many it would move, ask, hand it in as any host would, and say what came of it."""
    tools = common.ready()
    giver = common.person(tools, by)
    asked = orders.model_of(command, giver, **said)
    with tools.store.read() as work:
        found = len(command.counted(work, asked)) if command.counted else 0
    question = command.confirmation.format(invoices=common.count(found), company=asked.company)
    common.confirm(question, yes=yes or not found)
    receipt = orders.hand_in(tools, type(asked), orders.dumped(asked), (giver,))
    _report(receipt, command.printed.format(request=receipt.request), as_json=as_json)


def _report(receipt: Receipt, done: str, *, as_json: bool) -> None:
    left = receipt.left_out or {}
    document = {"company": receipt.company, "request": receipt.request, "moved": receipt.invoices, "left_out": left}
    told = f"{common.count(receipt.invoices)} {done}." if receipt.invoices else "There was nothing to do."
    rest = (f"  {number} {_LEFT_OUT[name]}" for name, number in left.items())
    output.result(document, told, *rest, as_json=as_json)


def _mark(command: Command, company: str, names: list[str], by: str, why: str, *, as_json: bool) -> None:
    tools = common.ready()
    giver = common.must_be_allowed(tools, by, command.effect, company)
    done: Marked = command.run(tools, company, names, giver, why)
    if as_json:
        output.print_json(done.__dict__)
    else:
        _print_marked(done, command.printed)
    raise typer.Exit(1 if done.unknown else 0)


def _print_marked(done: Marked, what: str) -> None:
    output.say(f"{common.count(len(done.changed))} {what}.")
    told = (
        (done.so_before, "so before"),
        (done.in_flight, "on their way to Xero: called back if they come back, else they stay in Xero"),
        (done.in_xero, "in Xero already: only later changes are kept from it"),
    )
    for names, where in told:
        if names:
            output.say(f"  {where}: {', '.join(names)}")
    if done.unknown:
        output.warn(f"Not known here, so not marked: {', '.join(done.unknown)}")


def _scope(company: str | None, *, everybody: bool) -> str:
    if everybody == bool(company):
        output.fail("Say whom: --company NAME, or --all.")
    return company or EVERYBODY


def _drain(tools: Tools, scope: str, at_most: float) -> int:
    """Count down on standard error; give how many calls are left."""
    end = time.monotonic() + at_most
    with output.errors.status("") as shown:
        while left := pausing.in_flight(tools, scope):
            if time.monotonic() >= end:
                break
            shown.update(_flying(left))
            time.sleep(_LOOK_SECONDS)
    return left


def _named(scope: str) -> str:
    return "Every company" if scope == EVERYBODY else scope


def _flying(left: int) -> str:
    return f"{common.count(left, 'call')} to Xero in flight." if left else "Nothing is in flight."


_COLUMNS = ("invoice", "number", "xero_invoice_id", "client", "date", "currency", "total")


def adopt(
    file: Annotated[Path, typer.Argument(help="CSV, JSON or JSON lines", exists=True, dir_okay=False)],
    company: Company,
    why: Why,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take over invoices that an older integration exported, after comparing contact, date and currency with Xero.

    Columns: invoice, number or xero_invoice_id, client, date, currency, total; or whole invoices as for publish.
    The same file again changes nothing. Ends with 1 when something was not taken.

    Example:  crewcard-xero adopt older.csv --company harbour --why "moved from the old exporter"
    """
    tools = common.ready()
    claims, unreadable = read_claims(file)
    done = Adopted()
    try:
        for some in bulk_orders.in_chunks(claims, MOST_AT_ONCE):
            part: Adopted = registry.ADOPT.run(tools, company, some, by or common.user(), why, _wait)
            done = Adopted(done.taken | part.taken, done.before + part.before, done.refused | part.refused)
    except NotConnected:
        output.fail(f"{company} is not connected to a Xero organisation.", 1)
    except Trouble as trouble:
        output.warn(f"Stopped: {trouble.message}. What was taken stays taken; run it again for the rest.")
        unreadable["(stopped)"] = trouble.message
    _report_adopted(done, unreadable, as_json=as_json)
    raise typer.Exit(1 if done.refused or unreadable else 0)


def read_claims(path: Path) -> tuple[list[Claim], dict[str, str]]:
    """The claims in a file, and what cannot be read by where it stands."""
    claims: dict[str, Claim] = {}
    unreadable: dict[str, str] = {}
    for entry in _entries(path):
        if isinstance(entry, BadEntry):
            unreadable[entry.place] = "; ".join(entry.problems)
            continue
        try:
            claim = _claim(entry.document)
        except ValidationError as broken:
            unreadable[entry.place] = "; ".join(sentences(broken))
        else:
            claims[claim.id] = claim
    return list(claims.values()), unreadable


def _claim(document: dict[str, Any]) -> Claim:
    if "lines" in document:
        return Claim.from_invoice(Invoice.model_validate(document))
    named = {("id" if name == "invoice" else name): value for name, value in document.items()}
    return Claim.model_validate(named)


def _entries(path: Path) -> Iterator[FileEntry | BadEntry]:
    """Whole invoices as for publish, or a table of what they are known by."""
    if path.suffix.lower() == ".csv":
        try:
            decoded = tables.decoded(path.read_bytes())
            if not csv_invoices.is_of_invoices(decoded.text):
                yield from _rows(path.name, decoded.text)
                return
        except NoTable as broken:
            yield BadEntry(f"{path.name}:{broken.line}", b"", (str(broken),))
            return
    for entry in files.entries(path, company=""):
        if isinstance(entry, Note):
            output.warn(f"{entry.place}: {entry.said}")
        else:
            yield entry


def _rows(name: str, text: str) -> Iterator[FileEntry | BadEntry]:
    """Raises NoTable."""
    for row in tables.opened(text, _COLUMNS, ("invoice",), "invoices to take over").rows:
        place = f"{name}:{row.line}"
        if row.ragged:
            yield BadEntry(place, b"", (row.ragged,))
        else:
            yield FileEntry(place, {column: cell for column, cell in row.cells.items() if cell})


def _wait(seconds: float) -> None:
    output.warn(f"Xero's limit is reached; going on in {seconds:.0f} s ...")
    time.sleep(seconds)


def _report_adopted(done: Adopted, unreadable: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        output.print_json({**done.__dict__, "unreadable": unreadable})
        return
    output.say(f"{common.count(len(done.taken))} {registry.ADOPT.printed}, {len(done.before)} were ours before.")
    for name, told in done.taken.items():
        if told:
            output.say(f"  {name}: {'; '.join(told)}")
    for name, refused in {**done.refused, **unreadable}.items():
        output.warn(f"Not taken: {name}: {refused}")
