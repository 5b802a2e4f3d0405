"""Forms that people send: urlencoded, bounded, never trusted.

What an address asks for, read from text that anybody may have written.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header

from store.export_log import LogFilter
from store.paging import PageWanted
from store.vault import Unopenable, Vault
from web import bodies
from worker.tools import Tools
from worker.users import signing_in

COOKIE = "crewcard_console"
MOST_BYTES = bodies.MOST_FORM_BYTES
MOST_OF_STRANGERS_BYTES = 64_000  # a name, a password, a link, a page to go back to
_MOST_FIELDS = 2_000
_PARTS = {"MAX_MEMORY_FILE_SIZE": MOST_BYTES + 1}  # nothing that is sent goes to a disk
_HELD, _PROOF = "held", "proof_"
_PURPOSE = "a form that waits"


class TooLarge(Exception):
    """A form beyond `MOST_BYTES` or two thousand fields, or beyond what a stranger may send; the text says which."""

    def __init__(self, why: str = "Send this in smaller parts.") -> None:
        super().__init__(why)


class Form:
    """The fields of a form, and the files that came with it as bytes; what was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]], files: Mapping[str, bytes] | None = None) -> None:
        self.fields = dict(fields)
        self.files = dict(files or {})

    def taken(self, name: str) -> str:
        """The field's text, which the form is without from now on."""
        text = self.text(name)
        self.fields.pop(name, None)
        return text

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
    body, known = bytearray(), bool(user)
    if not known and COOKIE in request.cookies:
        # what somebody sends whose session has ended is not lost for its length
        was = await run_in_threadpool(signing_in.whose_browser_was, request.app.state.tools, request.cookies[COOKIE])
        known = bool(was)
    async for chunk in request.stream():
        body += chunk
        if not known and len(body) > MOST_OF_STRANGERS_BYTES:
            raise TooLarge("This is too long for somebody who is not signed in. Sign in, and send it again.")
        if len(body) > MOST_BYTES:
            raise TooLarge
    try:
        fields, files = parsed(request.headers.get("content-type", ""), bytes(body))
    except ValueError:
        raise TooLarge from None
    plain = {name: [value.replace("\0", "") for value in values] for name, values in fields.items()}
    held = plain.pop(_HELD, [""])[0]
    return Form({**plain, **_opened(request, held)} if held else plain, files)


def parsed(kind: str, body: bytes) -> tuple[Mapping[str, list[str]], Mapping[str, bytes]]:
    """Fields and files of a body; what nobody chose a file for is no file, and what is no form has neither.

    Raises ValueError for too many of them.
    """
    named, options = parse_options_header(kind)
    if named != b"multipart/form-data":
        return parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS), {}
    parts: list[Field | File] = []

    def add(part: Field | File) -> None:
        if len(parts) == _MOST_FIELDS:
            raise TooLarge
        parts.append(part)

    try:
        parser = FormParser(named.decode(), add, add, boundary=options.get(b"boundary"), config=_PARTS)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        return {}, {}
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        name = (part.field_name or b"").decode(errors="replace")
        if isinstance(part, Field):
            fields.setdefault(name, []).append((part.value or b"").decode(errors="replace"))
        elif part.size:
            part.file_object.seek(0)
            files[name] = part.file_object.read()
    return fields, files


def _signed_in_user(request: Request) -> str:
    """Who is signed in in this browser, with both steps; empty: nobody."""
    tools: Tools = request.app.state.tools
    whose = signing_in.whose_browser(tools, request.cookies.get(COOKIE, ""), used=False)
    return "" if whose is None or signing_in.lacks(tools, whose) else whose.user.id


def form_token(cookie: str) -> str:
    """What every form of the session with this cookie carries."""
    return hashlib.sha256(f"console form {cookie}".encode()).hexdigest()


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
_FIRST_DAY, _LAST_DAY = datetime(1970, 1, 1), datetime(9000, 1, 1)  # noqa: DTZ001  # of no zone
_LOG = ("company", "outcome", "reason", "client", "number")


def page_wanted(request: Request) -> PageWanted:
    """The page of a list that an address asks for: `after`, `before` a place, its `row`, `order=turned`, `sort`."""
    said = {name: request.query_params.get(name, "") for name in ("after", "before", "row", "order", "sort")}
    first, turned = whole_number(said["row"]) or 1, said["order"] == "turned"
    return PageWanted(PER_PAGE, said["after"], said["before"], first, turned, sort=said["sort"])


def several(request: Request) -> dict[str, str]:
    """The fields of the address; what is named several times has commas between."""
    asked = request.query_params
    return {name: ",".join(dict.fromkeys(filter(None, asked.getlist(name)))) for name in asked}


def whole_number(text: str) -> int | None:
    """The number that is meant, where one is that a database can hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _LARGEST else None


def day(text: str, zone: tzinfo = UTC, later: int = 0) -> datetime | None:
    """When a day written 2026-11-22 begins in this time zone, or one so many days later; None for anything else."""
    try:
        at = datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return None
    at = min(max(at, _FIRST_DAY), _LAST_DAY) + timedelta(days=later)  # a year that is being typed is 0002
    return at.replace(tzinfo=zone).astimezone(UTC)


_zones = functools.cache(available_timezones)


def zone_of(said: Mapping[str, str]) -> tzinfo:
    """The time zone that days are meant in, such as `Pacific/Auckland`; UTC where none is known."""
    name = said.get("zone", "")
    return ZoneInfo(name) if name in _zones() else UTC


def log_filter(said: Mapping[str, str]) -> LogFilter:
    """The filter of the export log in these fields; `to` is the last day, itself included; days are of `zone`."""
    named, zone = {name: said.get(name, "").strip() for name in _LOG}, zone_of(said)
    return LogFilter(**named, since=day(said.get("from", ""), zone), until=day(said.get("to", ""), zone, later=1))


def objections(said: Mapping[str, str]) -> str:
    """What is wrong with the days that were asked for; empty when nothing is."""
    wrong = [name for name in ("from", "to") if said.get(name) and day(said[name]) is None]
    return f"“{said[wrong[0]]}” is not a day such as 2026-11-22, so it was left out." if wrong else ""
