"""Forms that people send: urlencoded, bounded, never trusted.

What an address asks for, read from text that anybody may have written.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from store.export_log import LogFilter
from store.vault import Unopenable, Vault
from web import bodies
from worker.tools import Tools
from worker.users import signing_in

COOKIE = "crewcard_console"
MOST_BYTES = bodies.MOST_FORM_BYTES
MOST_OF_STRANGERS_BYTES = 64_000  # a name, a password, a link, a page to go back to
_MOST_FIELDS = 2_000
_HELD, _PROOF = "held", "proof_"
_PURPOSE = "a form that waits"


class TooLarge(Exception):
    """A form beyond `MOST_BYTES` or two thousand fields, or beyond what a stranger may send; the text says which."""

    def __init__(self, why: str = "Send this in smaller parts.") -> None:
        super().__init__(why)


class Form:
    """The fields of a form; what was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields = fields

    def text(self, name: str) -> str:
        """The field's text without spaces around it."""
        return self.whole(name).strip()

    def whole(self, name: str) -> str:
        """The field's text as it was sent."""
        return self.fields.get(name, [""])[0]

    def every(self, name: str) -> list[str]:
        """Every value that was ticked."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]


async def read_form(request: Request) -> Form:
    """The form of this request; an empty one where there is none. Raises TooLarge."""
    if request.method in ("GET", "HEAD"):
        return Form({})
    user = await run_in_threadpool(_signed_in_user, request) if COOKIE in request.cookies else ""
    if user:
        bodies.of_user(request, user)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if not user and len(body) > MOST_OF_STRANGERS_BYTES:
            raise TooLarge("This is too long for somebody who is not signed in. Sign in, and send it again.")
        if len(body) > MOST_BYTES:
            raise TooLarge
    try:
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise TooLarge from None
    plain = {name: [value.replace("\0", "") for value in values] for name, values in fields.items()}
    held = plain.pop(_HELD, [""])[0]
    return Form({**plain, **_opened(request, held)} if held else plain)


def _signed_in_user(request: Request) -> str:
    """Who is signed in in this browser, with both steps; empty: nobody."""
    tools: Tools = request.app.state.tools
    whose = signing_in.whose_browser(tools, request.cookies.get(COOKIE, ""), used=False)
    return "" if whose is None or signing_in.lacks(tools, whose) else whose.user.id


def hold(vault: Vault, request: Request, form: Form, token: str) -> str:
    """The form, sealed, with the token of its session: brought back to its address once they showed who they are."""
    kept = {name: list(values) for name, values in form.fields.items() if not name.startswith(_PROOF)}
    kept["form"] = [token]
    return vault.seal_document(_PURPOSE, {"path": request.url.path, "fields": kept})


def held_again(vault: Vault, held: str, token: str) -> tuple[str, str]:
    """Where a form that is held goes, and the same form with the token of another session. Raises Unopenable."""
    said = vault.open_document(_PURPOSE, held)
    said["fields"]["form"] = [token]
    return str(said["path"]), vault.seal_document(_PURPOSE, said)


def _opened(request: Request, held: str) -> dict[str, list[str]]:
    """The fields of a form that was held for this address; none where it was not."""
    try:
        said = request.app.state.tools.vault.open_document(_PURPOSE, held)
    except Unopenable:
        return {}
    fields: dict[str, list[str]] = said["fields"] if said["path"] == request.url.path else {}
    return fields


Posted = Annotated[Form, Depends(read_form)]


PER_PAGE = 50
_LARGEST = 2**62
_LOG = ("company", "outcome", "reason", "client", "number")


def whole_number(text: str) -> int | None:
    """The number that is meant, where one is that a database can hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _LARGEST else None


def day(text: str) -> datetime | None:
    """The beginning of a day written 2026-11-22, in UTC; None for anything else."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def log_filter(said: Mapping[str, str]) -> LogFilter:
    """The filter of the export log in these fields; `to` is the last day, itself included."""
    named = {name: said.get(name, "").strip() for name in _LOG}
    until = day(said.get("to", ""))
    whole_days = until + timedelta(days=1) if until and until.year < 9999 else until
    return LogFilter(**named, since=day(said.get("from", "")), until=whole_days)


def objections(said: Mapping[str, str]) -> str:
    """What is wrong with the days that were asked for; empty when nothing is."""
    wrong = [name for name in ("from", "to") if said.get(name) and day(said[name]) is None]
    return f"“{said[wrong[0]]}” is not a day such as 2026-11-22, so it was left out." if wrong else ""
