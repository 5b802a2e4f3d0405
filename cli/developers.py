"""What developers of a host use: `listen` brings events to a laptop, `trigger` sends an example of any of them.

`sandbox` is a whole installation of their own, beside a simulated Xero.
"""

import base64
import json
import os
import secrets
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli import common, output
from cli.common import AsJson, By
from cli.publish import Door, DoorClosed, open_door
from events import examples
from events.examples import About, NoExample
from events.outgoing import WebhookTested
from events.snapshot import Event
from worker.decisions import addresses
from worker.decisions.rights import Effect
from worker.delivery import endpoints
from worker.delivery.webhook_post import Poster, PostResult, PostTarget

_NAMES = ("CREWCARD_XERO_URL", "CREWCARD_XERO_KEY", "CREWCARD_XERO_SECRET")
_SECRET = "CREWCARD_XERO_WEBHOOK_SECRET"  # noqa: S105  # where it stands
_PAGE, _WAIT_SECONDS, _AGAIN_SECONDS = 100, 20, 2.0
Forward = Annotated[str, typer.Option(help="Where they are posted, like http://localhost:8000/xero_webhook.php")]


def listen(
    forward: Forward,
    company: common.OfCompany = None,
    types: Annotated[str, typer.Option(help="Only these events, separated by commas")] = "",
    after: Annotated[str, typer.Option(help="A cursor of the feed; without it what comes from now on")] = "",
    most: Annotated[
        int, typer.Option("--most", "-n", parser=common.whole, metavar="NUMBER", help="End after so many")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Post events to an address of your own machine as they come, and show each; no public address is needed.

    Reads the feed with a host's key: CREWCARD_XERO_URL, CREWCARD_XERO_KEY and CREWCARD_XERO_SECRET (a key of scope
    `feed` is enough; of one company it gets that one's events). On the exporter's own machine they may be missing.
    What is posted is signed with CREWCARD_XERO_WEBHOOK_SECRET, or with a secret that is made and shown. What is not
    taken is shown and not tried again: --after goes on from a cursor.

    Examples:
      crewcard-xero listen --forward http://localhost:8000/xero_webhook.php

      crewcard-xero listen --forward http://localhost:8000/ --types invoice.export.failed,invoice.export.completed

    """
    target, poster = _forward_target(forward), Poster(private=True)
    shown, cursor = 0, after
    try:
        door = _door()
        cursor = cursor or _end_of(door)
        output.warn(
            f"Events from now on go to {forward}. Ctrl-C ends this." if not after else f"Events go to {forward}."
        )
        while not most or shown < most:
            page = _next_page(door, cursor, company, types, most - shown if most else _PAGE)
            for event in page["events"]:
                body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                _show(event, poster.post(target, event["id"], body), as_json=as_json)
            shown, cursor = shown + len(page["events"]), page["next"]
    except DoorClosed as closed:
        output.fail(str(closed), 1)
    except KeyboardInterrupt:
        pass
    output.warn(f"To go on from here: --after {cursor}")


def trigger(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type, like invoice.export.failed")],
    reason: Annotated[str, typer.Option(help="The reason (of `deferred` the cause) in it; else the first")] = "",
    endpoint: Annotated[str, typer.Option(help="An endpoint's id, as `webhooks` shows it")] = "",
    forward: Annotated[str, typer.Option(help="Or an address, like http://localhost:8000/xero_webhook.php")] = "",
    company: Annotated[str, typer.Option(help="Whose it is to be; else the endpoint's, or harbour-crew")] = "",
    request: Annotated[str, typer.Option(help="The request in it")] = About.request,
    invoice: Annotated[str, typer.Option(help="The invoice in it")] = About.invoice,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Post an example of an event, signed and marked as a test, to an endpoint or to an address of yours.

    All that can come can be triggered: each type, and each reason of the catalogue. The examples are those of the
    schemas. Nothing happens in Xero or here, and the event is in no feed. Ends with 1 where it was not taken.

    Examples:
      crewcard-xero trigger invoice.export.failed --reason contact_archived --forward http://localhost:8000/

      crewcard-xero trigger invoice.export.succeeded --endpoint 5c0fd3a1b2c4

    """
    if bool(endpoint) == bool(forward):
        output.fail("Say where it goes: --endpoint ID, or --forward URL.")

    def example(owner: str | None) -> Event:
        if owner and company and owner != company:
            raise endpoints.EndpointRefused(
                f"Endpoint {endpoint} gets the events of {owner}, and no other company's."
            )
        about = About(company or owner or About.company, request, invoice, datetime.now(UTC).replace(microsecond=0))
        made = examples.event(type_, reason, about)
        return made.model_copy(update={"endpoint": endpoint}) if isinstance(made, WebhookTested) else made

    try:
        if forward:
            tried = endpoints.post_example(_forward_target(forward), example(None), private=True)
        else:
            tools = common.ready()
            giver = common.must_be_allowed(tools, by, Effect.ENDPOINTS)
            tried = endpoints.post_test(tools, giver, endpoint, example)
    except NoExample as none:
        output.fail(str(none))
    _show(json.loads(tried.body), tried.result, as_json=as_json)
    if tried.result.trouble:
        raise typer.Exit(1)


def _door() -> Door:
    """The door of the installation whose key is in the environment, or of this machine's. Raises DoorClosed."""
    named = [os.environ.get(name, "") for name in _NAMES]
    if all(named):
        return Door(*named)
    if any(named):
        lacking = ", ".join(name for name, value in zip(_NAMES, named, strict=True) if not value)
        output.fail(f"{lacking} is missing: the exporter's address, and a key's id and secret, belong together.")
    return open_door(common.ready())


def _end_of(door: Door) -> str:
    """The cursor at the feed's end: of a type that is never in the feed, pages are passed over quickly."""
    page: dict[str, Any] = {"next": "0", "more": True}
    while page["more"]:
        page = door.feed(after=page["next"], types=WebhookTested.TYPE, limit=500)
    return str(page["next"])


def _next_page(door: Door, after: str, company: str | None, types: str, most: int) -> dict[str, Any]:
    """What comes next, waited for; a door that is away meanwhile is asked again. Raises DoorClosed for a refusal."""
    asked = {"after": after, "company": company, "types": types, "limit": min(most, _PAGE), "wait": _WAIT_SECONDS}
    away = False
    while True:
        try:
            return door.feed(**asked)
        except DoorClosed as closed:
            if closed.refused:
                raise
            if not away:
                output.warn(f"{closed} It is asked again every {_AGAIN_SECONDS:g} s.")
            away = True
            time.sleep(_AGAIN_SECONDS)


def _forward_target(url: str) -> PostTarget:
    wrong = addresses.objection(url, private=True)
    if wrong:
        output.fail(f"{url} {wrong}.")
    secret = os.environ.get(_SECRET, "")
    if not secret:
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        output.warn(f"{_SECRET} is not set. What is posted now is signed with {secret}")
    return PostTarget("forward", url, None, tuple(secret.split(",")))


def _show(event: dict[str, Any], result: PostResult, *, as_json: bool) -> None:
    """One line of what came and what became of it."""
    if as_json:
        said = asdict(replace(result, seconds=round(result.seconds, 3)))
        output.echo(json.dumps({"event": event["id"], "type": event["type"], "subject": event["subject"], **said}))
        return
    told = f"{result.trouble or result.status}, {result.seconds * 1000:.0f} ms"
    about = event["data"].get("reason") or event["data"].get("outcome") or ""
    output.say(f"{datetime.now().astimezone():%H:%M:%S}  {event['type']}  {event['subject']}  {about}  → {told}")
    if result.trouble and result.answer:
        output.say(f"          {result.answer}")


sandbox = typer.Typer(
    help="A whole installation for a host's developer, beside a simulated Xero, in one folder; and what goes "
    "wrong in it, on demand.\n\nExamples:\n\n  crewcard-xero sandbox --host http://localhost:8000\n\n"
    "  crewcard-xero sandbox fail BAD-01 locked\n\n  crewcard-xero sandbox offline"
)
Folder = Annotated[Path, typer.Option(help="The folder it lives in")]
Invoice = Annotated[str, typer.Argument(help="The invoice's number in Xero")]
HOME = Path("var/sandbox")


@sandbox.callback(invoke_without_command=True)
def run_sandbox(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Where your host listens; its webhook file, where it is another")] = "",
    folder: Folder = HOME,
    port: Annotated[int, typer.Option(help="The exporter's port")] = 8780,
    xero_port: Annotated[int, typer.Option(help="The simulated Xero's port")] = 8790,
) -> None:
    """Run it until Ctrl-C: a company with a login to a simulated Xero, contacts, a key, an endpoint, and a `.env`."""
    if context.invoked_subcommand:
        return
    if not host:
        output.fail("Say where your host listens: crewcard-xero sandbox --host http://localhost:8000")
    url = f"{host.rstrip('/')}/xero_webhook.php" if urlsplit(host).path in ("", "/") else host
    wrong = addresses.objection(url, private=True)
    if wrong:
        output.fail(f"{url} {wrong}.")
    _scenes().start(url, folder, port, xero_port)


@sandbox.command()
def fail(
    number: Invoice,
    reason: Annotated[
        str, typer.Argument(help="locked, contact, number, currency, plan, account, tax, odd; none: no longer")
    ],
    folder: Folder = HOME,
) -> None:
    """Let Xero refuse every invoice with this number from now on.

    Examples:
      crewcard-xero sandbox fail BAD-01 locked

      crewcard-xero sandbox fail BAD-01 none

    """
    scenes = _scenes()
    if reason not in (*scenes.REFUSALS, "none"):
        output.fail(f"“{reason}” is none of: {', '.join(scenes.REFUSALS)}, none.")
    scenes.refuse(folder, number, reason)
    output.say(f"{number} is taken again." if reason == "none" else f"{number} is refused from now on.")


@sandbox.command()
def pay(
    number: Invoice,
    amount: Annotated[str, typer.Option(help="How much of it; else all that is due")] = "",
    folder: Folder = HOME,
) -> None:
    """Pay an invoice in Xero, as a bookkeeper does.

    Example:  crewcard-xero sandbox pay CC-4711
    """
    said = {"invoice": number, **({"amount": amount} if amount else {})}
    _scenes().simulator(folder, "POST", "organisations/{tenant}/payments", said)
    output.say(f"{number} is paid in the simulated Xero.")


@sandbox.command()
def void(number: Invoice, folder: Folder = HOME) -> None:
    """Void an invoice in Xero, as a bookkeeper does.

    Example:  crewcard-xero sandbox void CC-4711
    """
    said = {"invoice": number, "status": "VOIDED"}
    _scenes().simulator(folder, "PATCH", "organisations/{tenant}/invoices", said)
    output.say(f"{number} is void in the simulated Xero.")


@sandbox.command()
def offline(
    back: Annotated[bool, typer.Option("--back", help="It is there again")] = False, folder: Folder = HOME
) -> None:
    """Take the organisation offline at Xero, or bring it back: what is sent meanwhile waits and does not fail.

    Examples:
      crewcard-xero sandbox offline

      crewcard-xero sandbox offline --back

    """
    _scenes().simulator(folder, "PATCH", "organisations/{tenant}", {"offline": not back})
    if back:
        _scenes().go_on(folder)
    output.say(
        "The organisation is there again; what waited goes within two minutes, once it was looked up."
        if back
        else "The organisation is offline."
    )


def _scenes() -> Any:
    """The sandbox, which production has not."""
    if find_spec("simulator") is None or find_spec("demo") is None:
        output.fail("The simulated Xero is not part of this installation: run the sandbox from a clone (make setup).")
    from demo import sandbox as scenes  # a developers' tool

    return scenes
