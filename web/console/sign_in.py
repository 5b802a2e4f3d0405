"""Signing in and out: by password, or by a link that serves once; then by a code where there is a second factor."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from store.users import AFTER_ITS_END
from web.console import rendering
from web.console.forms import COOKIE, Form, Posted
from web.console.visitor import KNOWN, Forbidden, Must, Visitor, from_here, place_of, signed_in
from worker.decisions.addresses import network_of
from worker.decisions.rights import Action
from worker.decisions.sign_in import KNOWN_DAYS
from worker.tools import Tools
from worker.users import signing_in
from worker.users.hashing import LINKS, PASSWORDS, Busy, Pool
from worker.users.signing_in import SignedIn, TooManyTries

HOME = "/console"
_STEPS = {"code": f"{HOME}/code", "factor": f"{HOME}/factor"}
_WRONG = "This user and password do not fit together."
_WRONG_CODE = "This code is wrong, too old, or was used before. Wait for the next one."
_USED = "This link was used already, or is too old. Ask for a new one."
_BUSY = "Very many people sign in at this moment, here or from your network. Try again in a few seconds."
_OFF = "Nobody signs in with a password here."
router = APIRouter()
Half = Annotated[Visitor, Depends(Must(Action.OWN_FACTOR, unfinished=True))]


@router.get("/sign-in")
def ask(request: Request, back: str = HOME) -> Response:
    """The sign-in page."""
    visitor = signed_in(request)
    if visitor is None:
        return _asked(request, back)
    return rendering.redirect(ours(back)) if not visitor.lacks else rendering.redirect(_step(visitor.lacks, back))


@router.post("/sign-in")
async def sign_in(request: Request, form: Posted) -> Response:
    """A password is given."""
    return await apart(PASSWORDS, request, _sign_in, request, form)


def _sign_in(request: Request, form: Form) -> Response:
    from_a_page_of_ours(request)
    tools, back, user = tools_of(request), form.text("back"), form.text("user")
    if not tools.settings.passwords:
        raise Forbidden(None, _OFF)
    try:
        signed_in = signing_in.by_password(tools, user, form.whole("password"), place_of(request), _cookie(request))
    except TooManyTries as many:
        later = f"Too many wrong passwords in a row. {wait(many.seconds)}, or ask an admin for a sign-in link."
        return with_wait(_asked(request, back, user, later, 429), many.seconds)
    return welcome(signed_in, back) if signed_in else _asked(request, back, user, _WRONG, 401)


@router.get("/enter")
def ask_to_enter(request: Request, link: str = "") -> Response:
    """A link is opened: only the button uses it up, so that a program that looks at links does not."""
    return rendering.page(request, None, "enter", link=link, problem="")


@router.post("/enter")
async def enter(request: Request, form: Posted) -> Response:
    """A link is used."""
    return await apart(LINKS, request, _enter, request, form)


def _enter(request: Request, form: Form) -> Response:
    from_a_page_of_ours(request)
    signed_in = signing_in.by_link(tools_of(request), form.text("link"), place_of(request), _cookie(request))
    if signed_in:
        return welcome(signed_in, HOME)
    return rendering.page(request, None, "enter", 410, link="", problem=_USED)


@router.get("/code")
def ask_for_code(request: Request, visitor: Half, back: str = HOME) -> Response:
    """The second step, for who has an authenticator app."""
    if visitor.lacks != "code":
        return rendering.redirect(ours(back) if not visitor.lacks else _step(visitor.lacks, back))
    return _code_page(request, visitor, back)


@router.post("/code")
def give_code(request: Request, form: Posted, visitor: Half) -> Response:
    """A code is given."""
    back = form.text("back")
    if visitor.lacks != "code":
        return rendering.redirect(ours(back))
    try:
        signed_in = signing_in.by_code(tools_of(request), visitor.cookie, form.text("code"), place_of(request))
    except TooManyTries as many:
        later = f"Too many wrong codes in a row. {wait(many.seconds)}."
        return with_wait(_code_page(request, visitor, back, later, 429), many.seconds)
    return welcome(signed_in, back) if signed_in else _code_page(request, visitor, back, _WRONG_CODE, 401)


@router.post("/sign-out")
def sign_out(request: Request, visitor: Half) -> Response:
    """The session ends."""
    signing_in.sign_out(tools_of(request), visitor.cookie)
    answer = rendering.redirect(f"{HOME}/sign-in")
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


async def apart(pool: Pool, request: Request, story: Callable[..., Response], *given: object) -> Response:
    """The page that a story gives, told in threads of its own; at once a page that says so when too many wait.

    Of one network address only as many may wait as the pool has places for each.
    """
    try:
        return await pool.run(network_of(place_of(request).address), story, *given)
    except Busy as busy:
        facts = {"title": "Try again in a moment", "message": _BUSY}
        return with_wait(rendering.page(request, None, "told", 503, now=datetime.now(UTC), **facts), busy.seconds)


def welcome(signed_in: SignedIn, back: str) -> Response:
    """On to the page that was asked for, or to the second step, with the cookies of the session."""
    to = _step(signed_in.lacks, back) if signed_in.lacks else ours(back)
    return with_session(RedirectResponse(to, 303, headers={"cache-control": "no-store"}), signed_in)


def with_session(answer: Response, signed_in: SignedIn) -> Response:
    """The answer with the session's cookies; over TLS `SecurityHeaders` makes them `__Host-` and Secure."""
    kept = signed_in.seconds + int(AFTER_ITS_END.total_seconds())  # the session ends on the server
    answer.set_cookie(COOKIE, signed_in.cookie, max_age=kept, path=HOME, httponly=True, samesite="lax")
    if signed_in.known:
        kept = int(KNOWN_DAYS * 86_400)
        answer.set_cookie(KNOWN, signed_in.known, max_age=kept, path=HOME, httponly=True, samesite="lax")
    return answer


def _cookie(request: Request) -> str:
    """Of the session that this browser has so far: it ends when another begins."""
    return request.cookies.get(COOKIE, "")


def with_wait(answer: Response, seconds: int) -> Response:
    """The answer, saying when to come again."""
    answer.headers["retry-after"] = str(seconds)
    return answer


def wait(seconds: int) -> str:
    """How long to wait, as a sentence's beginning."""
    return f"Wait {seconds} seconds" if seconds < 90 else f"Wait {math.ceil(seconds / 60)} minutes"


def ours(address: str) -> str:
    """A page of the console, whatever was asked for."""
    parts = urlsplit(address)
    mine = not parts.scheme and not parts.netloc and parts.path.split("/")[:2] == ["", "console"]
    return address if mine and "\\" not in address else HOME


def from_a_page_of_ours(request: Request) -> None:
    """Raises Forbidden."""
    if not from_here(request):
        raise Forbidden(None, "This form was not sent by a page of the console.")


def tools_of(request: Request) -> Tools:
    """The process's tools."""
    tools: Tools = request.app.state.tools
    return tools


def _asked(request: Request, back: str, user: str = "", problem: str = "", status: int = 200) -> Response:
    chosen = tools_of(request).settings
    sso = f"{HOME}/sso?back={quote(ours(back), safe='/')}" if chosen.oidc_issuer else ""
    facts = {"back": ours(back), "user": user, "problem": problem, "sso": sso, "sso_name": chosen.oidc_name}
    return rendering.page(request, None, "sign_in", status, passwords=chosen.passwords, **facts)


def _code_page(request: Request, visitor: Visitor, back: str, problem: str = "", status: int = 200) -> Response:
    return rendering.page(request, visitor, "code", status, back=ours(back), problem=problem)


def _step(lacks: str, back: str) -> str:
    return f"{_STEPS[lacks]}?back={quote(ours(back), safe='/')}"
