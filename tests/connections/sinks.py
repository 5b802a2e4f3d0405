"""Everywhere a secret could come to rest, as text: logs, output, database, Redis, events, pages, commands, errors."""

import http.client
import io
import logging
import traceback
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import MetaData, select
from sqlalchemy.exc import SAWarning
from typer.testing import CliRunner
from xero_python.api_client.configuration import Configuration

from cli.main import app
from store import packing
from tests import builders
from tests.connections.house import OTHER_TENANT, TENANT
from worker import logs


def _as_written(value):
    """What is kept packed, as it was."""
    if isinstance(value, bytes) and value.startswith(b"~a"):
        return packing.unpacked_bytes(value)
    return packing.unpacked(value) if isinstance(value, str) and value.startswith("~a") else value


class Sinks:
    """Collects while a test goes through every flow; `texts` gives each sink's whole content by name."""

    def __init__(self, house, capfd) -> None:
        self._house = house
        self._capfd = capfd
        self._tables = self._reflected()
        self._said: dict[str, list[str]] = {"pages": [], "commands": [], "errors": [], "output": []}
        logs.set_up("DEBUG", "json")
        self._log, self._wire = io.StringIO(), io.StringIO()
        logging.root.handlers[0].setStream(self._log)
        self._handler = logging.root.handlers[0]
        self._hear_everything()
        Configuration()  # the SDK switches http.client's debugging off when its first one is made
        http.client.HTTPConnection.debuglevel = 1
        wire = logging.StreamHandler(self._wire)
        wire.setFormatter(logging.root.handlers[0].formatter)
        logging.getLogger("http.client").handlers[:] = [wire]

    def _hear_everything(self) -> None:
        """As in a process of ours, where uvicorn has no handlers of its own; the simulator's gives it some."""
        logging.root.handlers[:] = [self._handler]
        uvicorn = logging.getLogger("uvicorn")
        uvicorn.handlers[:], uvicorn.propagate = [], True
        for name in ("", *logging.root.manager.loggerDict):
            logging.getLogger(name).setLevel(logging.DEBUG)

    def browser(self) -> httpx.Client:
        """A browser whose every page is kept, its headers too."""
        browser = self._house.browser()
        browser.event_hooks["response"].append(self._keep_page)
        return browser

    def command(self, *words: str) -> None:
        said = CliRunner().invoke(app, list(words))
        self._said["commands"].append(said.output)
        self._hear_everything()  # a command sets logging up for its own process

    def error(self, caught: BaseException) -> None:
        """An error's message and its traceback."""
        self._said["errors"].append("".join(traceback.format_exception(caught)) + repr(caught))

    def plant(self, canary: str) -> None:
        """Let the canary come to rest in every sink on the way that things take there."""
        logs.log("test").info("test.planted", lane=canary)
        print(canary)  # noqa: T201
        self._call(canary)
        self.command("companies", "add", "harbour", "--name", canary)
        self.command("companies", "--json")
        with self._house.tools.store.write() as work:
            outbox = self._tables["outbox"]
            work.session.connection().execute(outbox.update().values(body=f'"{canary}"'))
        self._house.tools.redis.hset("planted", "field", canary)
        self._offer(canary)
        self.error(RuntimeError(canary))

    def _call(self, canary: str) -> None:
        """A call whose header http.client prints."""
        connection = http.client.HTTPConnection(urlsplit(self._house.xero.url).netloc)
        connection.request("GET", "/_simulator/health", headers={"x-planted": canary})
        connection.getresponse().read()
        connection.close()

    def _offer(self, canary: str) -> None:
        """A page that offers an organisation of that name."""
        for tenant, name in ((TENANT, canary), (OTHER_TENANT, "another")):
            self._house.xero.organisation(builders.an_organisation(tenant, name=name))
        self._house.company_of_a_group("planted")
        self._house.log_in("planted", [TENANT, OTHER_TENANT], browser=self.browser())

    def texts(self) -> dict[str, str]:
        captured = self._capfd.readouterr()
        self._said["output"].append(captured.out + captured.err)
        rows = self._rows()
        return {
            **{name: "\n".join(said) for name, said in self._said.items()},
            "log": self._log.getvalue(),
            "http.client": self._wire.getvalue(),
            "database": "\n".join(text for name, text in rows if name != "outbox"),
            "database dump": self._dump(),
            "events": "\n".join(text for name, text in rows if name == "outbox"),
            "redis": self._redis(),
            "redis dump": self._redis_dump(),
        }

    def _keep_page(self, response: httpx.Response) -> None:
        response.read()
        self._said["pages"].append(f"{response.headers}\n{response.text}")

    def _reflected(self):
        found = MetaData()
        with self._house.tools.store.read() as work, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # indexes of expressions are nothing to look into
            found.reflect(work.session.connection())
        return found.tables

    def _rows(self) -> list[tuple[str, str]]:
        with self._house.tools.store.read() as work:
            run = work.session.connection().execute
            found = [(name, row) for name, table in self._tables.items() for row in run(select(table))]
        return [(name, str(tuple(_as_written(value) for value in row))) for name, row in found]

    def _dump(self) -> str:
        """SQLite's files as they lie on the disk; what PostgreSQL's COPY, and so pg_dump, writes of every table."""
        engine = self._house.tools.store.engine
        if engine.dialect.name == "sqlite":
            files = Path(engine.url.database).parent.glob("route.sqlite*")
            return "".join(file.read_bytes().decode("latin-1") for file in files)
        with engine.connect() as connection:
            raw = connection.connection.driver_connection.cursor()
            return "".join(bytes(part).decode() for name in self._tables for part in _copied(raw, name))

    def _redis(self) -> str:
        client = self._house.tools.redis
        read = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": client.xrange,
        }
        return "\n".join(f"{key} {read[client.type(key)](key)}" for key in client.scan_iter())

    def _redis_dump(self) -> str:
        """The file that Redis saves."""
        client = self._house.tools.redis
        client.config_set("rdbcompression", "no")
        client.save()
        folder, name = (client.config_get(one)[one] for one in ("dir", "dbfilename"))
        return (Path(folder) / name).read_bytes().decode("latin-1")


def _copied(cursor, table: str):
    with cursor.copy(f'COPY "{table}" TO STDOUT') as parts:
        yield from parts
