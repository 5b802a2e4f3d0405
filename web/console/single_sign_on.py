"""Single sign-on at the console: on to the provider, and back; once more to show that it is still oneself."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from store.vault import Unopenable
from web.console import forms, rendering
from web.console.forms import COOKIE, Form, Posted
from web.console.sign_in import HOME, apart, ours, tools_of, welcome, with_session
from web.console.visitor import Missing, Must, Visitor, place_of
from worker.decisions.rights import Action
from worker.users import single_sign_on
from worker.users.hashing import PROVIDER
from worker.users.single_sign_on import Begun, NotRecent, SignOnRefused

_KEPT = "crewcard_sso"
_SECONDS = 900
_NOT_KEPT = (
    "You showed that it is you, but what you had sent could not be kept meanwhile: it was too long, or the keys here "
    "were changed. Nothing was done of it. Open the page again and send it once more within ten minutes."
)
_NONE = "There is no single sign-on here."
Own = Annotated[Visitor, Depends(Must(Action.OWN_SESSIONS))]
router = APIRouter()


@router.get("/sso")
async def begin(request: Request, back: str = HOME) -> Response:
    """On to the provider."""
    return await apart(PROVIDER, request, _begin, request, back)


def _begin(request: Request, back: str) -> Response:
    _must_be_there(request)
    try:
        begun = single_sign_on.begin(tools_of(request), ours(back))
    except SignOnRefused as refused:
        return _refused(request, str(refused), 503)
    return _kept(RedirectResponse(begun.address, 303, headers={"cache-control": "no-store"}), begun)


@router.post("/sso/again")
async def begin_again(request: Request, form: Posted, visitor: Own) -> Response:
    """On to the provider to show that it is still them, with the form that waits."""
    return await apart(PROVIDER, request, _begin_again, request, form, visitor)


def _begin_again(request: Request, form: Form, visitor: Visitor) -> Response:
    """A link, and no redirect: what a form of ours leads to stays with us (`form-action`)."""
    _must_be_there(request)
    tools = tools_of(request)
    try:
        begun = single_sign_on.begin(tools, HOME, visitor.user, form.text("waiting"))
    except SignOnRefused as refused:
        return _refused(request, str(refused), 503)
    name = tools.settings.oidc_name
    facts: dict[str, Any] = {"address": begun.address, "name": name, "dropped": begun.dropped}
    answer = rendering.page(request, visitor, "sso_again", **facts)
    return _kept(answer, begun)


@router.get("/sso/callback")
async def finish(request: Request) -> Response:
    """Back from the provider."""
    return await apart(PROVIDER, request, _finish, request)


def _finish(request: Request) -> Response:
    _must_be_there(request)
    tools, answered = tools_of(request), dict(request.query_params)
    kept, cookie = request.cookies.get(_KEPT, ""), request.cookies.get(COOKIE, "")
    try:
        done = single_sign_on.finish(tools, kept, answered, place_of(request), cookie)
    except NotRecent as refused:
        return with_session(_refused(request, str(refused), 403), refused.signed_in)
    except SignOnRefused as refused:
        return _refused(request, str(refused), 403)
    waited = bool(done.held) or done.dropped
    answer = _go_on(request, done.held, done.signed_in.cookie) if waited else None
    answer = with_session(answer, done.signed_in) if answer else welcome(done.signed_in, done.back)
    answer.delete_cookie(_KEPT, path=HOME)
    return answer


def _go_on(request: Request, held: str, cookie: str) -> Response:
    """The form that waited for proof, with the token of the new session: one press, and it is done.

    Where it was too long to be kept, or cannot be read any more, that nothing was done.
    """
    try:
        path, again = forms.held_again(tools_of(request).vault, held, forms.form_token(cookie))
    except Unopenable:
        title = "Nothing was done"
        return rendering.page(request, None, "told", title=title, message=_NOT_KEPT)
    return rendering.page(request, None, "sso_go_on", to=path, held=again)


def _kept(answer: Response, begun: Begun) -> Response:
    answer.set_cookie(_KEPT, begun.kept, max_age=_SECONDS, path=HOME, httponly=True, samesite="lax")
    return answer


def _refused(request: Request, why: str, status: int) -> Response:
    facts = {"title": "Not signed in", "message": why}
    answer = rendering.page(request, None, "told", status, now=datetime.now(UTC), **facts)
    answer.delete_cookie(_KEPT, path=HOME)
    return answer


def _must_be_there(request: Request) -> None:
    if not tools_of(request).settings.oidc_issuer:
        raise Missing(_NONE)
