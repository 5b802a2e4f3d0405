"""Users of the console: made, given a role, shut out; a link that signs in once is shown once."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from web.console import rendering
from web.console.forms import Posted
from web.console.sign_in import tools_of
from web.console.visitor import Must, MustProve, Visitor
from worker.decisions.roles import ROLES, Action
from worker.users import accounts, factors

PAGE = "/console/users"
LINK_HOURS = 24
Admin = Annotated[Visitor, Depends(Must(Action.MANAGE_USERS))]
Proven = Annotated[Visitor, Depends(MustProve(Action.MANAGE_USERS))]
router = APIRouter()


@router.get("/users")
def users_page(request: Request, visitor: Admin) -> Response:
    """Users and their roles."""
    return _page(request, visitor)


@router.post("/users")
def add(request: Request, form: Posted, visitor: Proven) -> Response:
    """A new user, and the link that signs them in once."""
    tools = tools_of(request)
    try:
        made = accounts.add(tools, visitor.user, form.text("user"), form.text("name"), form.text("role"))
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _with_link(request, visitor, made.id)


@router.post("/users/{user}/link")
def link(request: Request, visitor: Proven, user: str) -> Response:
    """Another link for a user."""
    return _with_link(request, visitor, user)


@router.post("/users/{user}/role")
def role(request: Request, form: Posted, visitor: Proven, user: str) -> Response:
    """Another role; they sign in anew."""
    to = form.text("role")
    try:
        accounts.change(tools_of(request), visitor.user, user, role=to)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return rendering.redirect(PAGE, f"{user} has the role {to} now, and has to sign in again.")


@router.post("/users/{user}/disable")
def disable(request: Request, visitor: Proven, user: str) -> Response:
    """Shut a user out at once."""
    return _shut(request, visitor, user, disabled=True)


@router.post("/users/{user}/enable")
def enable(request: Request, visitor: Proven, user: str) -> Response:
    """Let a user in again."""
    return _shut(request, visitor, user, disabled=False)


@router.post("/users/{user}/reset-factor")
def reset_factor(request: Request, visitor: Proven, user: str) -> Response:
    """Take an authenticator app away that somebody lost; they set another up."""
    try:
        factors.reset(tools_of(request), visitor.user, user)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return rendering.redirect(
        PAGE, f"{user} is signed out, and sets up another authenticator app at the next sign-in."
    )


def _shut(request: Request, visitor: Visitor, user: str, *, disabled: bool) -> Response:
    try:
        accounts.change(tools_of(request), visitor.user, user, disabled=disabled)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    said = "is shut out, and signed out everywhere" if disabled else "may sign in again"
    return rendering.redirect(PAGE, f"{user} {said}.")


def _with_link(request: Request, visitor: Visitor, user: str) -> Response:
    """The page with the link, this once: it is nowhere kept, and in no address."""
    try:
        address, ends_at = accounts.link(tools_of(request), visitor.user, user, LINK_HOURS * 3600)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, made={"user": user, "address": address, "ends_at": ends_at})


def _page(
    request: Request, visitor: Visitor, problem: str = "", made: dict[str, object] | None = None, status: int = 200
) -> Response:
    tools = tools_of(request)
    everyone = [(one, quote(one.id, safe="")) for one in accounts.everyone(tools)]
    with tools.store.read() as work:
        now = work.now
    facts = {"users": everyone, "roles": ROLES, "problem": problem, "made": made, "by": tools.settings.oidc_name}
    single_sign_on = bool(tools.settings.oidc_issuer)
    return rendering.page(request, visitor, "users", now, status, single_sign_on=single_sign_on, **facts)
