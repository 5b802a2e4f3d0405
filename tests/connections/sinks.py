"""Everywhere a secret could come to rest, as text: log, database, Redis, events, pages, the command, errors."""

import http.client
import io
import logging
import traceback

import httpx
from sqlalchemy import MetaData, select
from typer.testing import CliRunner

from cli.main import app
from worker import logs


class Sinks:
    """Collects while a test goes through every flow; `texts` gives each sink's whole content by name."""

    def __init__(self, house, capfd) -> None:
        self._house = house
        self._capfd = capfd
        self._tables = self._reflected()
        self._said: dict[str, list[str]] = {"log": [], "pages": [], "command": [], "errors": []}
        self._log = io.StringIO()
        logs.set_up("DEBUG", "json")
        logging.root.handlers[0].setStream(self._log)
        for name in ("", *logging.root.manager.loggerDict):
            logging.getLogger(name).setLevel(logging.DEBUG)
        http.client.HTTPConnection.debuglevel = 1

    def browser(self) -> httpx.Client:
        """A browser whose every page is kept, its headers too."""
        browser = self._house.browser()
        browser.event_hooks["response"].append(self._keep_page)
        return browser

    def command(self, *words: str) -> None:
        said = CliRunner().invoke(app, list(words))
        self._said["command"].append(said.output)

    def error(self, caught: BaseException) -> None:
        """An error's message and its traceback."""
        self._said["errors"].append("".join(traceback.format_exception(caught)) + repr(caught))

    def plant(self, canary: str) -> None:
        """Put the canary into every sink by its shortest way."""
        logs.log("test").info("test.planted", lane=canary)
        with self._house.tools.store.write() as work:
            work.session.connection().execute(self._tables["companies"].update().values(name=canary))
            outbox = self._tables["outbox"]
            work.session.connection().execute(outbox.update().values(body=f'"{canary}"'))
        self._house.tools.redis.hset("planted", "field", canary)
        self._said["pages"].append(canary)
        self._said["command"].append(canary)
        self.error(RuntimeError(canary))

    def texts(self) -> dict[str, str]:
        captured = self._capfd.readouterr()
        self._said["log"].append(self._log.getvalue() + captured.out + captured.err)
        rows = self._rows()
        return {
            **{name: "\n".join(said) for name, said in self._said.items()},
            "database": "\n".join(text for name, text in rows if name != "outbox"),
            "events": "\n".join(text for name, text in rows if name == "outbox"),
            "redis": self._redis(),
        }

    def _keep_page(self, response: httpx.Response) -> None:
        response.read()
        self._said["pages"].append(f"{response.headers}\n{response.text}")

    def _reflected(self):
        found = MetaData()
        with self._house.tools.store.read() as work:
            found.reflect(work.session.connection())
        return found.tables

    def _rows(self) -> list[tuple[str, str]]:
        with self._house.tools.store.read() as work:
            run = work.session.connection().execute
            return [(name, str(tuple(row))) for name, table in self._tables.items() for row in run(select(table))]

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
