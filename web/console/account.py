"""One's own account: password, authenticator app and recovery codes, sessions."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from markupsafe import Markup

from store import users
from web.console import held_forms, rendering
from web.console.forms import COOKIE, Form, Posted
from web.console.sign_in import HOME, apart, ours, tools_of, wait, with_session, with_wait
from web.console.visitor import Must, MustProve, Unfinished, Visitor, place_of
from worker.decisions.rights import Action
from worker.users import accounts, factors, signing_in
from worker.users.factors import FactorOffer
from worker.users.hashing import PROOFS
from worker.users.signing_in import TooManyTries

_A_YEAR = 365 * 86_400
_NO_CODE = "This code does not fit. Give the one that the app shows now; its clock has to be right."
_OLD = "This page was open for too long. Here is a new picture."
Half = Annotated[Visitor, Depends(Must(Action.OWN_FACTOR, unfinished=True))]
Own = Annotated[Visitor, Depends(Must(Action.OWN_SESSIONS))]
Proven = Annotated[Visitor, Depends(MustProve(Action.OWN_FACTOR))]
OwnPassword = Annotated[Visitor, Depends(Must(Action.OWN_PASSWORD))]
router = APIRouter()


@router.post("/look")
def choose_look(request: Request, form: Posted, _visitor: Own) -> Response:
    """Light, dark, or as the system says: in this browser, from the next page on."""
    path, asked = held_forms.sent_from(request)
    answer = rendering.redirect(f"{path}{rendering.query(asked)}" if asked else path)
    look = form.text("look")
    if look in rendering.LOOKS:
        answer.set_cookie(rendering.LOOK, look, max_age=_A_YEAR, path=HOME, httponly=True, samesite="lax")
    else:
        answer.delete_cookie(rendering.LOOK, path=HOME)
    return answer


@router.get("/password")
def ask_for_password(request: Request, visitor: OwnPassword) -> Response:
    """One's own password."""
    return _password_page(request, visitor)


@router.post("/password")
async def set_password(request: Request, form: Posted, visitor: OwnPassword) -> Response:
    """A new password, for who knows the present one."""
    return await apart(PROOFS, request, _set_password, request, form, visitor)


def _set_password(request: Request, form: Form, visitor: Visitor) -> Response:
    wanted = accounts.NewPassword(form.whole("present"), form.whole("password"), form.whole("again"))
    try:
        accounts.change_password(tools_of(request), visitor.whose, wanted, place_of(request), visitor.cookie)
    except accounts.UserRefused as refused:
        return _password_page(request, visitor, str(refused), 422)
    except TooManyTries as many:
        later = f"Too many wrong passwords in a row. {wait(many.seconds)}."
        return with_wait(_password_page(request, visitor, later, 429), many.seconds)
    return rendering.redirect(HOME, "Your password is set; every other browser is signed out.")


def _password_page(request: Request, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    chosen, user = tools_of(request).settings, visitor.whose.user
    by = chosen.oidc_name if user.subject or not chosen.passwords else ""
    facts = {"problem": problem, "has_one": bool(user.password), "by": by}
    return rendering.page(request, visitor, "password", status, **facts)


@router.get("/factor")
def show_factor(request: Request, visitor: Half, back: str = HOME) -> Response:
    """One's second factor: how it is, or how to set it up before anything else."""
    if visitor.lacks == "code":
        raise Unfinished(f"{HOME}/code", quote(ours(back), safe="/"))
    if visitor.lacks == "factor":
        return _offer_page(request, visitor, factors.offer(tools_of(request), visitor.user), back)
    with tools_of(request).store.read() as work:
        left = users.recovery_codes_left(work, visitor.user)
    user = visitor.whose.user
    return rendering.page(request, visitor, "factor", since=user.factor_at, left=left)


@router.post("/factor/new")
def offer_factor(request: Request, visitor: Proven) -> Response:
    """An authenticator app for who has none yet and need not, or another one."""
    return _offer_page(request, visitor, factors.offer(tools_of(request), visitor.user), f"{HOME}/factor")


@router.post("/factor")
def set_factor(request: Request, form: Posted, visitor: Half) -> Response:
    """The first code of a new app is given: it is kept, and the recovery codes are shown this once."""
    tools, back = tools_of(request), form.text("back")
    if visitor.lacks == "code":
        raise Unfinished(f"{HOME}/code", quote(ours(back), safe="/"))
    taken = factors.offered(tools, visitor.user, form.text("offer"))
    if taken is None:
        if not visitor.lacks:
            return rendering.redirect(f"{HOME}/factor", "That page was open for too long. Begin again.")
        return _offer_page(request, visitor, factors.offer(tools, visitor.user), back, _OLD, 410)
    done = factors.set_up(tools, visitor.whose, taken, form.text("code"), place_of(request))
    if done is None:
        return _offer_page(request, visitor, taken, back, _NO_CODE, 422)
    signed_in, codes = done
    return with_session(_codes_page(request, codes, back), signed_in)


@router.post("/factor/codes")
def new_codes(request: Request, visitor: Proven) -> Response:
    """Ten new recovery codes, shown this once."""
    codes = factors.new_recovery_codes(tools_of(request), visitor.whose, place_of(request))
    return _codes_page(request, codes, f"{HOME}/factor")


def _offer_page(
    request: Request, visitor: Visitor, offer: FactorOffer, back: str, problem: str = "", status: int = 200
) -> Response:
    picture = segno.make(offer.address, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff")
    facts = {"offer": offer, "picture": Markup(picture), "back": ours(back), "problem": problem}  # noqa: S704  # our own
    return rendering.page(request, visitor, "factor_new", status, **facts)


def _codes_page(request: Request, codes: Sequence[str], back: str) -> Response:
    """Without the menu: its forms carry the token of the session that has just ended."""
    return rendering.page(request, None, "recovery_codes", codes=codes, back=ours(back))


@router.get("/sessions")
def list_sessions(request: Request, visitor: Own) -> Response:
    """Where one is signed in."""
    found = signing_in.sessions_of_user(tools_of(request), visitor.user)
    mine = visitor.whose.session.id
    return rendering.page(request, visitor, "sessions", sessions=found, mine=mine)


@router.post("/sessions/end")
def end_session(request: Request, form: Posted, visitor: Own) -> Response:
    """End one of them, or every other than this one."""
    tools, which = tools_of(request), form.text("session")
    ended = signing_in.end_session(tools, visitor.whose, which, place_of(request))
    if which == visitor.whose.session.id:
        answer = rendering.redirect(f"{HOME}/sign-in")
        answer.delete_cookie(COOKIE, path=HOME)
        return answer
    said = {0: "That session was over already."}.get(ended, f"{ended} session{'s' * (ended != 1)} ended.")
    return rendering.redirect(f"{HOME}/sessions", said)
