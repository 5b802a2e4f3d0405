"""Signing in and out, by password or by a link that serves once; one's own password."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import COOKIE, Forbidden, Looking, Must, Visitor, from_here, of
from worker.decisions.roles import Action
from worker.tools import Tools
from worker.users import accounts, signing_in
from worker.users.signing_in import SignedIn, TooManyTries

HOME = "/console"
_WRONG = "This user and password do not fit together."
_LATER = "Too many wrong passwords from here. Wait a quarter of an hour, or ask an admin for a sign-in link."
_USED = "This link was used already, or is too old. Ask for a new one."
router = APIRouter()


@router.get("/sign-in")
def ask(request: Request, back: str = HOME) -> Response:
    """The sign-in page."""
    return rendering.go(_ours(back)) if of(request) else _asked(request, back)


@router.post("/sign-in")
def sign_in(request: Request, form: Posted) -> Response:
    """A password is given."""
    _from_a_page_of_ours(request)
    tools, back, user = _tools(request), form.one("back"), form.one("user")
    try:
        signed_in = signing_in.by_password(tools, user, form.whole("password"), _address_of(request))
    except TooManyTries:
        return _asked(request, back, user, _LATER, 429)
    return _welcome(tools, signed_in, back) if signed_in else _asked(request, back, user, _WRONG, 401)


@router.get("/enter")
def ask_to_enter(request: Request, link: str = "") -> Response:
    """A link is opened: only the button uses it up, so that a program that looks at links does not."""
    return rendering.page(request, None, "enter", _now(request), link=link, problem="")


@router.post("/enter")
def enter(request: Request, form: Posted) -> Response:
    """A link is used."""
    _from_a_page_of_ours(request)
    tools = _tools(request)
    signed_in = signing_in.by_link(tools, form.one("link"))
    if signed_in:
        return _welcome(tools, signed_in, HOME)
    return rendering.page(request, None, "enter", _now(request), 410, link="", problem=_USED)


@router.post("/sign-out")
def sign_out(request: Request, visitor: Looking) -> Response:
    """The session ends."""
    signing_in.sign_out(_tools(request), visitor.cookie)
    answer = rendering.go(f"{HOME}/sign-in")
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


@router.get("/password")
def ask_for_password(request: Request, visitor: Looking) -> Response:
    """One's own password."""
    return rendering.page(request, visitor, "password", _now(request), problem="")


@router.post("/password")
def set_password(
    request: Request, form: Posted, visitor: Annotated[Visitor, Depends(Must(Action.OWN_PASSWORD))]
) -> Response:
    """A new password."""
    try:
        accounts.set_password(
            _tools(request), visitor.user, form.whole("password"), form.whole("again"), visitor.cookie
        )
    except accounts.Refused as refused:
        return rendering.page(request, visitor, "password", _now(request), 422, problem=str(refused))
    return rendering.go(HOME, "Your password is set; every other browser is signed out.")


def _asked(request: Request, back: str, user: str = "", problem: str = "", status: int = 200) -> Response:
    facts = {"back": _ours(back), "user": user, "problem": problem}
    return rendering.page(request, None, "sign_in", _now(request), status, **facts)


def _welcome(tools: Tools, signed_in: SignedIn, back: str) -> Response:
    answer = RedirectResponse(_ours(back), 303, headers={"cache-control": "no-store"})
    answer.set_cookie(
        COOKIE,
        signed_in.cookie,
        max_age=signed_in.seconds,
        path=HOME,
        secure=urlsplit(tools.settings.public_url).scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _ours(address: str) -> str:
    """A page of the console, whatever was asked for."""
    parts = urlsplit(address)
    mine = not parts.scheme and not parts.netloc and parts.path.split("/")[:2] == ["", "console"]
    return address if mine and "\\" not in address else HOME


def _from_a_page_of_ours(request: Request) -> None:
    if not from_here(request):
        raise Forbidden(None, "This form was not sent by a page of the console.")


def _address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _tools(request: Request) -> Tools:
    tools: Tools = request.app.state.tools
    return tools


def _now(request: Request) -> datetime:
    with _tools(request).store.read() as work:
        return work.now
