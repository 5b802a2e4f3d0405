"""What `crewcard-xero sandbox` runs for a host's developers: all of it in one folder, beside a simulated Xero."""

import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from cli import embedded, output
from cli.up import Supervisor, checked, environment_for, only_one, start_all
from demo import run, world
from events.lane import Lane
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from store import api_keys, lanes
from store.api_keys import Key
from store.endpoints import all_endpoints
from worker import wiring
from worker.connections import apps
from worker.delivery import endpoints
from worker.tools import Tools
from worker.users import accounts

_KEY, _USER, _LINK_SECONDS = "sandbox", "developer", 8 * 3600.0
_KEPT = ("crewcard-xero.sqlite", "xero.json", "env")  # without one of them the others are of no use
_CLIENTS = (("C01", "Harbour Master Ltd"), ("C02", "Northern Ferries"), ("C03", "Pier & Sons"))
# What a number is refused with, by a word that can be typed.
REFUSALS: Mapping[str, Callable[[], str]] = {
    "locked": lambda: Say.PERIOD_LOCKED(lock="30-Jun-2026"),
    "contact": Say.CONTACT_ARCHIVED,
    "number": Say.NUMBER_TAKEN,
    "currency": lambda: Say.CURRENCY(code="EUR"),
    "plan": Say.PLAN_LIMIT,
    "account": lambda: SayOfLine.ACCOUNT_ARCHIVED(code="299"),
    "tax": lambda: SayOfLine.TAX_UNKNOWN(code="TAX001"),
    "odd": lambda: "Something that nobody has seen before.",
}


def start(host: str, home: Path, port: int, xero_port: int) -> None:
    """Run it until Ctrl-C; a second time it goes on where it ended."""
    embedded.private_folder(home)
    with only_one(home):
        _must_be_free(port, "--port")
        _must_be_free(xero_port, "--xero-port")
        if not all((home / name).exists() for name in _KEPT):
            _empty(home)
        supervisor = Supervisor(_environment(home, host, port, xero_port), logs=home / "logs")
        supervisor.stop_on_signals()
        try:
            _run(supervisor, home, host)
        finally:
            output.warn("Stopping; the next time it goes on from here ...")
            supervisor.stop()


def simulator(home: Path, method: str, path: str, body: Mapping[str, Any]) -> None:
    """Tell the sandbox's Xero something; ends the command where none runs, or with what it objects to."""
    address = dotenv_values(home / "env").get("XERO_API_URL") if (home / "env").exists() else None
    url = f"{address}/_simulator/{path.format(tenant=world.TENANT)}"
    try:
        said = httpx.request(method, url, json=dict(body), timeout=30) if address else None
    except httpx.HTTPError:
        said = None
    if said is None:
        output.fail(
            f"No sandbox runs on {home} (another folder: --folder). Start one: crewcard-xero sandbox --host URL", 1
        )
    if said.status_code == 422:
        output.fail(f"The simulated Xero says: {said.json()['error']}", 1)
    said.raise_for_status()


def refuse(home: Path, number: str, reason: str) -> None:
    """From now on an invoice with this number is refused; `none`: it is taken again."""
    known = _organisation(home)
    kept = {one: words for one, words in known.items() if one != number}
    words = {} if reason == "none" else {number: REFUSALS[reason]()}
    simulator(home, "PATCH", "organisations/{tenant}", {"refused_numbers": {**kept, **words}})


def go_on(home: Path) -> None:
    """What waits for the organisation goes now: it is there again, and nobody need wait for the next try."""
    environment = {**os.environ, **{name: value or "" for name, value in dotenv_values(home / "env").items()}}
    tools, lane = wiring.build(checked(environment)), Lane(world.COMPANY, world.TENANT)
    with tools.store.write() as work:
        lanes.reopen(work, lane)
    tools.bells.ring(lane.key)


def _organisation(home: Path) -> Mapping[str, str]:
    """The numbers that are refused, with what."""
    simulator(home, "GET", "health", {})
    address = dotenv_values(home / "env")["XERO_API_URL"]
    state = httpx.get(f"{address}/_simulator/state", timeout=30).raise_for_status().json()
    refused: Mapping[str, str] = state["world"]["organisations"][world.TENANT]["refused_numbers"]
    return refused


def _must_be_free(port: int, option: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as taken:
        output.fail(
            f"Port {port} is taken ({taken.strerror}). Choose another one ({option} {port + 1}), or end what has it: "
            f"ss -ltnp 'sport = :{port}' names it."
        )


def _empty(home: Path) -> None:
    """Begin anew: what is there is of a sandbox that was killed, so that its Xero is not kept."""
    for old in ("valkey", *_KEPT, "crewcard-xero.sqlite-wal", "crewcard-xero.sqlite-shm", ".env"):
        shutil.rmtree(home / old) if (home / old).is_dir() else (home / old).unlink(missing_ok=True)


def _environment(home: Path, host: str, port: int, xero_port: int) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    kept = dotenv_values(home / "env").get("ENCRYPTION_KEYS") if (home / "env").exists() else None
    parts = urlsplit(host)
    environment = environment_for(home, own)
    environment.update(
        ENCRYPTION_KEYS=kept or Fernet.generate_key().decode(),
        PUBLIC_URL=f"http://localhost:{port}",  # Xero takes http for this name alone (facts §7.1)
        WEB_PORT=str(port),
        WEBHOOK_PRIVATE_ADDRESSES="true",
        RETURN_ADDRESSES=f"{parts.scheme}://{parts.netloc}/",
        SECOND_FACTOR="waived",  # which settings allow only where both PUBLIC_URL and Xero are on this machine
        WORKER_PROCESSES="1",
        LOG_FORMAT="json",
    )
    for name in ("XERO_API_URL", "XERO_IDENTITY_URL", "XERO_LOGIN_URL"):
        environment[name] = f"http://127.0.0.1:{xero_port}"
    return environment


def _run(supervisor: Supervisor, home: Path, host: str) -> None:
    chosen = checked(dict(supervisor.environment))
    state = home / "xero.json"
    begins = not state.exists()
    with run.busy("Starting Valkey, the simulated Xero, the doors, a worker and the clock ..."):
        command = [sys.executable, "-m", "simulator", "--port", chosen.xero_api_url.rpartition(":")[2]]
        supervisor.start("simulator", [*command, "--state", str(state)], stop_last=True)
        start_all(supervisor, home, chosen, own_valkey=True)
        run.wait_for_page(f"{chosen.xero_api_url}/_simulator/health", home)
        run.wait_for_page(f"{chosen.public_url}/readyz", home)
    state.unlink(missing_ok=True)  # written again at the end: what is killed leaves none, and the next begins anew
    tools = wiring.build(chosen)
    if begins:
        run.set_up(tools, [{"id": id_, "name": name} for id_, name in _CLIENTS])
        accounts.add(tools, _KEY, _USER, "Developer", "admin")
    run.write_environment(home / "env", supervisor.environment)
    _subscribe(tools, home)
    _tell(tools, home, host)
    supervisor.watch()


def _subscribe(tools: Tools, home: Path) -> None:
    """The simulated Xero tells of what is changed there, as the company's own app would have it."""
    key, client = secrets.token_urlsafe(32), {"client_id": world.CLIENT_ID}
    apps.set_webhook_key(tools, world.COMPANY, key, _KEY)
    url = f"{tools.settings.public_url}/xero/webhooks/{world.COMPANY}"
    simulator(home, "PUT", "webhooks", {**client, "url": url, "key": key})
    simulator(home, "POST", "webhooks/intent", client)


def _tell(tools: Tools, home: Path, host: str) -> None:
    """The `.env` of a host, as a file and on the terminal; then what else there is."""
    key, secret = _key(tools), _endpoint(tools, host)
    lines = {
        "CREWCARD_XERO_URL": tools.settings.public_url,
        "CREWCARD_XERO_KEY": key.id,
        "CREWCARD_XERO_SECRET": key.secret,
        "CREWCARD_XERO_WEBHOOK_SECRET": secret,
        "HOST_COMPANIES": world.COMPANY,
    }
    path = home / ".env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    address, _ = accounts.link(tools, _KEY, _USER, _LINK_SECONDS)
    clients = ", ".join(f"{id_} ({name})" for id_, name in _CLIENTS)
    output.say(
        f"# {path}, the same lines:\n{path.read_text()}"
        f"# PHP:     set -a; . {path}; set +a; php -S {urlsplit(host).netloc}\n"
        f"# Python:  dotenv.load_dotenv({str(path)!r}), or the same two words of the shell\n"
        f"# Node:    node --env-file={path} server.js\n\n"
        f"The company is {world.COMPANY}; its clients with a Xero contact: {clients}. Webhooks go to {host}.\n"
        f"Beside it, in another terminal: crewcard-xero sandbox fail|pay|void|offline --help\n"
        "The console, signs you in once:"
    )
    output.say(f"  {address}")
    output.say("Ctrl-C ends it; the same command goes on from there.")


def _key(tools: Tools) -> Key:
    with tools.store.write() as work:
        return api_keys.find(work, tools.vault, _KEY) or api_keys.make(work, tools.vault, _KEY, [world.COMPANY])


def _endpoint(tools: Tools, host: str) -> str:
    """The secret of the endpoint at the host, which is the only one."""
    with tools.store.read() as work:
        others = [one.id for one in all_endpoints(work) if one.url != host]
    for one in others:
        endpoints.remove(tools, _KEY, one)
    return endpoints.add(tools, _KEY, world.COMPANY, host).secret
