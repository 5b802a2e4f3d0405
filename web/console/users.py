"""Users of the console: made, given a role, blocked; a link that signs in once is shown once."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Must, MustProve, Visitor
from worker.decisions.rights import ROLES, Action
from worker.users import accounts, factors

PAGE = "/console/users"
LINK_HOURS = 24
_CHANGED = {
    "role": "has the role {role} now, and has to sign in again",
    "disable": "is blocked, and signed out everywhere",
    "enable": "may sign in again",
    "reset-factor": "is signed out, and sets up another authenticator app at the next sign-in",
}
_OPPOSITE = {"disable": "enable", "enable": "disable"}
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
    try:
        user, name, role = (form.text(field) for field in ("user", "name", "role"))
        made = accounts.add(visitor.tools, visitor.user, user, name, role)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _with_link(request, visitor, made.id)


@router.post("/users/{user}/link")
def link(request: Request, visitor: Proven, user: str) -> Response:
    """Another link for a user."""
    return _with_link(request, visitor, user)


@router.post("/users/{user}/role")
@router.post("/users/{user}/disable")
@router.post("/users/{user}/enable")
@router.post("/users/{user}/reset-factor")
def change(request: Request, form: Posted, visitor: Proven, user: str) -> Response:
    """Another role, with which they sign in anew; blocked; restored; without the app that they lost."""
    tools, by, act, to = visitor.tools, visitor.user, request.url.path.rpartition("/")[2], form.text("role")
    try:
        if act == "role":
            accounts.change(tools, by, user, role=to)
        elif act == "reset-factor":
            factors.reset(tools, by, user)
        else:
            accounts.change(tools, by, user, disabled=act == "disable")
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    opposite = _OPPOSITE.get(act)
    return rendering.redirect(PAGE, f"{user} {_CHANGED[act].format(role=to)}.", [opposite, user] if opposite else ())


def _with_link(request: Request, visitor: Visitor, user: str) -> Response:
    """The page with the link, this once: it is nowhere kept, and in no address."""
    try:
        address, ends_at = accounts.link(visitor.tools, visitor.user, user, LINK_HOURS * 3600)
    except accounts.UserRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, made={"user": user, "address": address, "ends_at": ends_at})


def _page(
    request: Request, visitor: Visitor, problem: str = "", made: dict[str, object] | None = None, status: int = 200
) -> Response:
    tools = visitor.tools
    everyone = [(one, quote(one.id, safe="")) for one in accounts.everyone(tools)]
    facts = {"users": everyone, "roles": ROLES, "problem": problem, "made": made, "by": tools.settings.oidc_name}
    single_sign_on = bool(tools.settings.oidc_issuer)
    return rendering.page(request, visitor, "users", status, single_sign_on=single_sign_on, **facts)
