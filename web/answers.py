"""What the doors answer, as models: their published shape.

Refusals a host's developer can act on: problem+json with sentences (RFC 9457), whatever goes wrong.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from events import unreadable
from events.snapshot import DEPRECATED
from store.database_trouble import DATABASE_SAYS, Trouble, trouble_of
from store.invoice_detail import Beside
from store.vault import Unopenable
from worker import logs


class Answer(BaseModel):
    """An answer of a door."""

    model_config = ConfigDict(frozen=True)


class Accepted(Answer):
    """An event that is ours now: it was committed.

    `invoices` is how many it moved; for an order `left_out` counts those it named and did not move, by why.
    `connection` is there while the company's exports wait for somebody, `login_due` while that is a login to Xero.
    `login_url`, a field of older days, is never there: a link is made by `POST …/login-links`.
    """

    event: str
    company: str
    request: str
    invoices: int
    left_out: Mapping[str, int] | None = None
    connection: str | None = None
    login_due: bool | None = None
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)


class UploadedFile(Answer):
    """A file that is kept for its invoice; `name` is what it is called in Xero, `size` is in bytes.

    `state` is `attached` where Xero has it as it is already.
    """

    name: str
    size: int
    sha256: str
    state: Literal["waiting", "attached"]


class Problem(Answer):
    """A refusal (RFC 9457). Each of `problems` is `field: what is wrong with it`; `retry_after` is in seconds."""

    type: str = "about:blank"
    title: str
    status: int
    problems: tuple[str, ...]
    retry_after: int | None = None


class AcceptedInArray(Accepted):
    """The result of an event of an array that was accepted."""

    status: Literal[202]


class Results(Answer):
    """A result for each event of an array, in its order."""

    results: tuple[AcceptedInArray | Problem, ...]


class Invoices(Answer):
    """What stands beside the invoices that were named, in their order."""

    invoices: tuple[Beside, ...]


class Contact(Answer):
    """The field “Xero Client ID” of one client. `why_not` says why it is greyed out, null where it is editable.

    `value` is empty where there is none, `status` where Xero has not been asked yet; `being_checked` is what an admin
    pasted and Xero is still to be asked about; `whose` keeps the value: host, person, command or import.
    """

    company: str
    client: str
    client_name: str
    value: str
    name: str
    status: str
    merged_into: str
    link: str | None
    warnings: tuple[str, ...]
    checked_at: datetime | None
    changed_by: str
    changed_at: datetime | None
    whose: str
    editable: bool
    why_not: str | None
    being_checked: str | None


class Connection(Answer):
    """How a company's connection to Xero is. `wrong` is null while all is well, else what, with who and how.

    `target` is its accounting system, `access_token_age` is in seconds, `waiting` counts invoices without an answer.
    `day_calls` are Xero's calls of a day: as Xero's headers told (`day_calls_learned`), else the most that are set;
    `day_ends_at` is when the day of the used ones ends at the latest. `webhooks_seen_at` is when Xero last told of a
    change by a webhook, null where it has no webhook key or never did.
    """

    company: str
    name: str
    state: str
    well: bool
    wrong: str | None
    who: str | None
    how: str | None
    notes: tuple[str, ...]
    target: str
    organisation: str | None
    tenant: str | None
    short_code: str | None
    base_currency: str | None
    client_id: str | None
    app_kind: str | None
    scopes: str | None
    last_good_call: datetime | None
    day_calls: int | None
    day_calls_learned: bool
    day_calls_used: int | None
    day_calls_left: int | None
    day_calls_left_for_bulk: int | None
    day_ends_at: datetime | None
    waiting: int
    access_token_age: float | None
    login_ends_at: datetime | None
    webhooks_seen_at: datetime | None


class LoginLink(Answer):
    """A link for one login to Xero, good until `ends_at`."""

    url: str
    ends_at: datetime


class Choice(Answer):
    """An organisation to choose from; `taken` by another company, `current` is the company's own so far."""

    tenant: str
    name: str
    taken: bool
    current: bool


class LoggedIn(Answer):
    """How a login ended: `connected` to this organisation, or to be chosen from `organisations`.

    `waiting_for_decision` counts invoices that were meant for another organisation.
    """

    login: str
    company: str
    connected: str | None
    waiting_for_decision: int
    organisations: tuple[Choice, ...]


class Disconnected(Answer):
    """The connection has ended."""

    company: str
    connection: Literal["disconnected"]


MEDIA_TYPE = "application/problem+json"
_AWAY_SECONDS = 5
_SOON_SECONDS = 0.5
_TROUBLED_SECONDS = 5.0
_KEYS_SECONDS = 60
_SECRETS_LOST = (
    "request: nothing of it was accepted, and nothing that was accepted before is lost; this installation cannot "
    "open its stored secrets, because a key is missing from ENCRYPTION_KEYS. Whoever runs it puts the key back "
    "(crewcard-xero doctor says what does not open); then send the same again"
)
_TURNED_AWAY = (401, 403, 429)
_log = logs.log("door")


class RefusedRequest(Exception):
    """A door says no: `status`, a title, and sentences that each name the field they are about."""

    def __init__(
        self, status: int, title: str, problems: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.problems = [problem.encode("utf-8", "replace").decode() for problem in problems]
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The problem document; in an array it carries its headers too."""
        said = {"type": "about:blank", "title": self.title, "status": self.status, "problems": self.problems}
        wait = self.headers.get("Retry-After")
        return {**said, "retry_after": int(wait)} if wait else said

    def response(self) -> JSONResponse:
        """The problem as an HTTP answer."""
        return JSONResponse(self.body(), self.status, self.headers, media_type=MEDIA_TYPE)


Page = Callable[[Request, RefusedRequest], Awaitable[Response]]


def tell_all(app: FastAPI, pages: Mapping[str, Page]) -> None:
    """From now on every refusal of the application is a problem document; a page under these paths, for people."""
    app.state.database_trouble_at = float("-inf")

    async def tell(request: Request, problem: Exception) -> Response:
        refused = _refused(request, problem)
        page = next((make for path, make in pages.items() if request.url.path.startswith(path)), None)
        return await page(request, refused) if page else refused.response()

    async def tell_of_the_database(request: Request, problem: Exception) -> Response:
        if trouble_of(problem) is None:
            raise problem  # a fault of ours
        request.app.state.database_trouble_at = time.monotonic()
        return await tell(request, problem)

    for kind in (RefusedRequest, HTTPException, RequestValidationError, Unopenable):
        app.add_exception_handler(kind, tell)
    for trouble in (DBAPIError, PoolTimeout):
        app.add_exception_handler(trouble, tell_of_the_database)
    app.add_exception_handler(Exception, tell)


def _refused(request: Request, problem: Exception) -> RefusedRequest:
    if trouble := trouble_of(problem):
        _log.warning("door.database_away", error=type(problem).__name__, reason=trouble)
    if isinstance(problem, Unopenable):
        _log.error("door.secrets_lost")
    refused = refusal_of(problem, request.method, request.url.path)
    if refused.status in _TURNED_AWAY:
        _log.info("door.rejected", status=refused.status, reason=refused.title)
    return refused


def refusal_of(problem: Exception, method: str, path: str) -> RefusedRequest:
    """Any exception as a refusal: what was raised on purpose as it is, the rest without a word of our insides."""
    if isinstance(problem, RefusedRequest):
        return problem
    if isinstance(problem, RequestValidationError):
        return RefusedRequest(422, "Request not readable", [_sentence(error) for error in problem.errors()])
    if isinstance(problem, HTTPException):
        return _of_http(problem, method, path)
    if trouble := trouble_of(problem):
        return _come_again(trouble)
    if isinstance(problem, Unopenable):
        return RefusedRequest(
            503, "Stored secrets cannot be opened", [_SECRETS_LOST], {"Retry-After": str(_KEYS_SECONDS)}
        )
    sentence = "request: this is our fault and in our log; to send the same again does no harm"
    return RefusedRequest(500, "Something went wrong here", [sentence])


def _come_again(trouble: Trouble) -> RefusedRequest:
    sentence = f"request: our database cannot take this at the moment, {DATABASE_SAYS[trouble]}; send the same again"
    return RefusedRequest(503, "Try again in a moment", [sentence], {"Retry-After": str(_AWAY_SECONDS)})


T = TypeVar("T")


async def in_a_thread(request: Request, story: Callable[..., T], *given: object) -> T:
    """What the story gives, told in one of the threads of the doors. Raises RefusedRequest (503).

    While the database is in trouble each thread hangs as long as its patience lasts: whoever has waited for one all
    that time is not made to wait once more.
    """
    asked = time.monotonic()

    def tell() -> T:
        now = time.monotonic()
        if now - asked > _SOON_SECONDS and now - request.app.state.database_trouble_at < _TROUBLED_SECONDS:
            raise _come_again("crowded")
        return story(*given)

    return await run_in_threadpool(tell)


def _of_http(problem: HTTPException, method: str, path: str) -> RefusedRequest:
    sentences = {
        404: f"path: there is nothing at {path[:200]}",
        405: f"method: {method} is not for this path",
    }
    title = HTTPStatus(problem.status_code).phrase.capitalize()
    sentence = sentences.get(problem.status_code, f"request: {problem.detail}")
    return RefusedRequest(problem.status_code, title, [sentence], problem.headers)


def _sentence(error: Mapping[str, object]) -> str:
    place = error["loc"]
    field = ".".join(str(part) for part in place[1:]) if isinstance(place, tuple) else ""
    return f"{field or 'request'}: {unreadable.message(error)}"
