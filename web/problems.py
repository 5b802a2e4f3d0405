"""Refusals a host's developer can act on: problem+json with sentences (RFC 9457), whatever goes wrong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from events import unreadable
from store.vault import Unopenable
from worker import logs

MEDIA_TYPE = "application/problem+json"
_AWAY_SECONDS = 5
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

    async def tell(request: Request, problem: Exception) -> Response:
        refused = _refused(request, problem)
        page = next((make for path, make in pages.items() if request.url.path.startswith(path)), None)
        return await page(request, refused) if page else refused.response()

    expected = (
        RefusedRequest,
        HTTPException,
        RequestValidationError,
        OperationalError,
        InterfaceError,
        PoolTimeout,
        Unopenable,
    )
    for kind in expected:
        app.add_exception_handler(kind, tell)
    app.add_exception_handler(Exception, tell)


def _refused(request: Request, problem: Exception) -> RefusedRequest:
    if isinstance(problem, OperationalError | InterfaceError | PoolTimeout):
        _log.warning("door.database_away", error=type(problem).__name__)
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
    if isinstance(problem, OperationalError | InterfaceError | PoolTimeout):
        sentence = "request: our database does not answer at the moment; send the same again"
        return RefusedRequest(503, "Try again in a moment", [sentence], {"Retry-After": str(_AWAY_SECONDS)})
    if isinstance(problem, Unopenable):
        return RefusedRequest(
            503, "Stored secrets cannot be opened", [_SECRETS_LOST], {"Retry-After": str(_KEYS_SECONDS)}
        )
    sentence = "request: this is our fault and in our log; to send the same again does no harm"
    return RefusedRequest(500, "Something went wrong here", [sentence])


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
