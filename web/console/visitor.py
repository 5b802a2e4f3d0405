"""Who looks at a page, and whether they may: asked of every route of the console by `Must`."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Request

from web.console.forms import Form, read
from worker.decisions.roles import Action, may
from worker.tools import Tools
from worker.users import signing_in
from worker.waiting import pausing
from worker.waiting.pausing import Everybody

COOKIE = "crewcard_console"
_SAFE = ("GET", "HEAD")
_OURS = ("same-origin", "none")


class NotSignedIn(Exception):
    """Nobody is signed in: on to the sign-in page, and back to `address` afterwards."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Forbidden(Exception):
    """Signed in, and still not allowed; the text says why."""

    def __init__(self, visitor: "Visitor | None", why: str) -> None:
        super().__init__(why)
        self.visitor = visitor
        self.why = why


class Missing(Exception):
    """There is no such thing to show; the text names what was looked for."""


@dataclass(frozen=True)
class Visitor:
    """Who is signed in; `form` is what every form of theirs carries, `cookie` what their browser does.

    `paused` is the pause of everybody, which every page tells.
    """

    user: str
    name: str
    role: str
    form: str = field(repr=False)
    cookie: str = field(repr=False)
    paused: Everybody | None = None

    def may(self, action: str) -> bool:
        """Whether they may do this; templates name the action."""
        return may(self.role, Action[action])


class Must:
    """A dependency: the visitor, who may do this. Raises NotSignedIn and Forbidden; checks what a form carries."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def __call__(self, request: Request, form: Annotated[Form, Depends(read)]) -> Visitor:
        """The visitor of this request."""
        if "\0" in unquote(f"{request.url.path}?{request.url.query}"):
            raise Missing("There is no such page.")  # no database holds such a character, so nothing has that name
        visitor = of(request)
        if visitor is None:
            raise NotSignedIn(_address(request))
        if "\0" in request.url.path or "%00" in request.url.query:
            raise Missing("There is no such page.")  # no name has it, and PostgreSQL takes no such text
        if request.method not in _SAFE:
            sent = form.one("form") or request.headers.get("x-form", "")
            if not hmac.compare_digest(sent.encode(), visitor.form.encode()) or not from_here(request):
                raise Forbidden(visitor, "This form is from another session. Open the page again and repeat.")
        if not may(visitor.role, self.action):
            raise Forbidden(visitor, f"{self.action.value} is not part of your role “{visitor.role}”.")
        return visitor


Looking = Annotated[Visitor, Depends(Must(Action.LOOK))]


def of(request: Request) -> Visitor | None:
    """Who is signed in in this browser, if anybody."""
    tools: Tools = request.app.state.tools
    cookie = request.cookies.get(COOKIE, "")
    user = signing_in.whose_browser(tools, cookie)
    if user is None:
        return None
    return Visitor(user.id, user.name, user.role, _form_token(cookie), cookie, pausing.of_everybody(tools))


def from_here(request: Request) -> bool:
    """Whether a page of ours sent this, as browsers tell; old ones that say nothing are believed."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin", "")
    same = not origin or urlsplit(origin).netloc == request.headers.get("host", "")
    return site in _OURS and same


def _form_token(cookie: str) -> str:
    return hashlib.sha256(f"console form {cookie}".encode()).hexdigest()


def _address(request: Request) -> str:
    if request.method not in _SAFE:
        return "/console"
    return quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="/")
