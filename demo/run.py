"""What `crewcard-xero demo` does: real orders become invoices in a simulated Xero, on this machine alone."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from rich.progress import Progress, SpinnerColumn, TextColumn

from cli import csv_invoices, embedded, output
from cli.output import MARKS
from cli.publish import Door, open_door, requests_for
from cli.up import Supervisor, checked, environment_for, only_one, start_all
from demo import world
from events.settings import CompanySettings
from store import companies, contacts, queries
from worker import wiring
from worker.connections import connecting
from worker.tools import Tools
from worker.users import accounts

HOME = Path("var/demo")
NORTHWIND = Path(__file__).parents[1] / "../shared/data/northwind_orders.csv"
SAMPLE = Path(__file__).parent / "crew_jobs.csv"
_READY_SECONDS = 30.0
_USER, _LINK_SECONDS = "demo", 8 * 3600.0
_NAMES = (
    *("DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", "PUBLIC_URL", "XERO_API_URL", "XERO_IDENTITY_URL"),
    *("XERO_LOGIN_URL", "SECOND_FACTOR", "RETURN_ADDRESSES", "WEBHOOK_PRIVATE_ADDRESSES"),
)
Json = dict[str, Any]


def run() -> None:
    """Start everything of one machine beside a simulated Xero, send orders, and show what became of each."""
    embedded.private_folder(HOME)
    with only_one(HOME):
        for old in ("valkey", "crewcard-xero.sqlite", "crewcard-xero.sqlite-wal", "crewcard-xero.sqlite-shm", "logs"):
            shutil.rmtree(HOME / old) if (HOME / old).is_dir() else (HOME / old).unlink(missing_ok=True)
        supervisor = Supervisor(_environment(), logs=HOME / "logs")
        supervisor.stop_on_signals()
        try:
            _run(supervisor)
        finally:
            output.warn("Stopping ...")
            supervisor.stop()


def _environment() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    xero, web = _free_port(), _free_port()
    environment = environment_for(HOME, own)
    environment.update(
        ENCRYPTION_KEYS=Fernet.generate_key().decode(),
        PUBLIC_URL=f"http://localhost:{web}",  # Xero takes http for this name alone (facts §7.1)
        WEB_PORT=str(web),
        SECOND_FACTOR="waived",  # which settings allow only where both PUBLIC_URL and Xero are on this machine
        WORKER_PROCESSES="1",
        LOG_FORMAT="json",
    )
    for name in ("XERO_API_URL", "XERO_IDENTITY_URL", "XERO_LOGIN_URL"):
        environment[name] = f"http://127.0.0.1:{xero}"
    return environment


def _run(supervisor: Supervisor) -> None:
    environment = dict(supervisor.environment)
    chosen = checked(environment)
    orders = _orders()
    with busy("Starting Valkey, the simulated Xero, the doors, a worker and the clock ..."):
        port = chosen.xero_api_url.rpartition(":")[2]
        supervisor.start("simulator", [sys.executable, "-m", "simulator", "--port", port], stop_last=True)
        start_all(supervisor, HOME, chosen, own_valkey=True)
        wait_for_page(f"{chosen.xero_api_url}/_simulator/health", HOME)
        wait_for_page(f"{chosen.public_url}/readyz", HOME)
    tools = wiring.build(chosen)
    set_up(tools, world.clients_in(orders))
    door = open_door(tools)
    bulk = send(door, orders)
    _show(tools, bulk, chosen.xero_api_url)
    write_environment(HOME / "env", environment)
    if not os.environ.get("DEMO_EXIT"):
        _print_next_steps(tools, HOME)
        supervisor.watch()


def _orders() -> list[Json]:
    path = NORTHWIND if NORTHWIND.exists() else SAMPLE
    found = [one.document for one in csv_invoices.invoices(path)]
    output.say(f"{len(found)} invoices from {path.name}")
    return found


def set_up(tools: Tools, clients: Sequence[Json]) -> None:
    """A company, its organisation in the simulated Xero, a login, its clients' contacts; another to be set up."""
    xero = httpx.Client(base_url=f"{tools.settings.xero_api_url}/_simulator", timeout=30)
    xero.post("/organisations", json=world.organisation(clients)).raise_for_status()
    app = connecting.App(world.CLIENT_ID, world.CLIENT_SECRET)
    # Of a tier whose logins may open several organisations at once: then one of them is chosen.
    first = {"client_id": app.client_id, "client_secret": app.secret, "tier": "advanced"}
    xero.post("/apps", json=first).raise_for_status()
    xero.post("/organisations", json=world.next_organisation()).raise_for_status()
    second = {"client_id": world.NEXT_CLIENT_ID, "client_secret": world.NEXT_CLIENT_SECRET}
    xero.post("/apps", json=second).raise_for_status()
    grant = {"client_id": app.client_id, "user": world.XERO_USER, "tenants": [world.TENANT]}
    pair = xero.post("/grants", json=grant).raise_for_status().json()
    choice = connecting.ChosenOrganisation(world.TENANT, "Harbour Crew Ltd", "!Hc1B2", "USD", world.XERO_USER)
    chosen = CompanySettings(default_account_code=world.SALES, days_until_due=30, contact_ids_editable=True)
    with tools.store.write() as work:
        companies.set_up(work, world.COMPANY, "Harbour Crew", chosen)
        for client, contact in world.links(clients).items():
            contacts.link(work, world.COMPANY, client, contact, said_by="demo")
    connecting.connect(tools, world.COMPANY, app, choice, pair)


def send(door: Door, orders: Sequence[Json]) -> str:
    """One click on an invoice, then the bulk with its bad ones; the bulk's request id when all is answered."""
    events = requests_for([world.single(orders[0]["client"])], world.COMPANY, "single", "anna")
    bulk = requests_for(world.bulk(orders), world.COMPANY, "bulk", "anna")
    for event in [*events, *bulk]:
        said = door.send(event, "demo")
        if not said.accepted:
            output.fail(f"The door refused: {said.problems}", 1)
    named = [(world.COMPANY, str(event["data"]["request"])) for event in (events[0], bulk[0])]
    output.watch(named, door.progress)
    return named[-1][1]


def _show(tools: Tools, request: str, xero: str) -> None:
    with tools.store.read() as work:
        lines = queries.invoices_of(work, world.COMPANY, request)
    failed = [line for line in lines if line.marker == "failed"]
    good = [line for line in lines if line.marker == "exported"]
    table = output.table("", "", "number", "Last Exported, or what happened", "what to do")
    for line in [*good[:5], *failed]:
        when = f"{line.last_exported_at:%Y-%m-%d %H:%M:%S}" if line.last_exported_at else ""
        told = when if line.marker == "exported" else line.message
        table.add_row(MARKS[line.marker], *(output.text(v) for v in (line.number or line.invoice, told, line.how)))
    output.results.print(table)
    if len(good) > 5:
        output.say(f"... and {len(good) - 5} more exported.")
    _show_ledger(xero)


def _show_ledger(xero: str) -> None:
    """What the simulated Xero has, from its own books."""
    ledger = httpx.get(f"{xero}/_simulator/ledger", timeout=30).json()
    calls = httpx.get(f"{xero}/_simulator/calls", timeout=30).json()["calls"]
    books = [one for one in ledger["organisations"][world.TENANT]["invoices"] if one["InvoiceNumber"] != "HC-77"]
    puts = sum(call["method"] == "PUT" for call in calls)
    total = sum(round(one["Total"] * 100) for one in books)
    output.say(
        f"In the simulated Xero: {len(books)} invoices, {total / 100:,.2f} USD in all, each once, "
        f"in {puts} PUT calls ({len(calls)} calls in all)."
    )


def busy(text: str) -> Progress:
    """Says on a terminal that this takes a moment."""
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=output.errors, transient=True)
    progress.add_task(text)
    return progress


def wait_for_page(url: str, home: Path) -> None:
    """Until it answers with 200; ends the command where it does not."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    output.fail(f"{url} did not answer within {_READY_SECONDS:.0f} seconds; see {home / 'logs'}", 1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """A file for a shell to read, so that other commands find what runs here."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}='{environment[name]}'\n" for name in _NAMES if name in environment))


def _print_next_steps(tools: Tools, home: Path) -> None:
    """Commands first; the console's address last, where nobody overlooks it."""
    command = Path(sys.argv[0]).resolve()
    output.say(
        "\nAll of it keeps running until Ctrl-C. In another terminal try:\n"
        f"  . {home / 'env'}\n"
        f"  {command} status\n"
        f"  {command} failures\n"
        f"  {command} why BAD-09\n"
        f"  {command} log --failed\n"
        f"Its logs are in {home / 'logs'}.\n\n"
        "In the console, “Set up a company” connects a second one from nothing. Its Xero app is there already:\n"
        f"  Client ID {world.NEXT_CLIENT_ID}, Client Secret {world.NEXT_CLIENT_SECRET}\n"
        f"  its clients: {_clients_file(home)}; any e-mail address logs in to the simulated Xero\n\n"
        "The console, in a browser: see what failed and why, set a contact, send it again. Signs you in once:"
    )
    output.say(f"  {_link(tools)}")


def _clients_file(home: Path) -> Path:
    """A file of clients and contacts for the second company."""
    path = home / "river-crew-clients.csv"
    path.write_text(world.next_clients())
    return path


def _link(tools: Tools) -> str:
    """Signs an admin in once; the demo begins with an empty database, so that there is no such user yet."""
    made = accounts.add(tools, "demo", _USER, "Demo", "admin")
    return accounts.link(tools, "demo", made.id, _LINK_SECONDS)[0]
