"""Who looks at a page, and whether they may: asked of every route of the console by `Must`."""

import hmac
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from store import companies
from store.users import Whose
from web.console import forms, held_forms
from web.console.forms import COOKIE, Form, read_form
from worker.decisions.rights import ROLES, Action, ConsoleUser, may
from worker.tools import Tools
from worker.users import signing_in
from worker.users.hashing import PROOFS
from worker.users.signing_in import SignInPlace, TooManyTries
from worker.waiting import pausing
from worker.waiting.pausing import Everybody

KNOWN = "crewcard_browser"
_LACKING = {"code": "/console/code", "factor": "/console/factor"}
_WRONG_PROOF = "That is not right."
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


class Unfinished(NotSignedIn):
    """Half signed in: on to the page of the second step at `step`, and back to `address` afterwards."""

    def __init__(self, step: str, address: str) -> None:
        super().__init__(address)
        self.step = step


class NeedsProof(Exception):
    """Before this they have to show that it is still them; `held` is the form that waits, sealed."""

    def __init__(self, visitor: "Visitor", held: str, problem: str = "") -> None:
        super().__init__(problem)
        self.visitor = visitor
        self.held = held
        self.problem = problem


class Missing(Exception):
    """There is no such thing to show; the text names what was looked for."""


@dataclass(frozen=True)
class Visitor:
    """Who is signed in; `form` is what every form of theirs carries, `cookie` what their browser does.

    `paused` is the pause of everybody, which every page tells. `whose` is their session; `lacks`: what their sign-in
    is still without, and until then they see nothing. `tools` are the process's.
    """

    user: str
    name: str
    role: str
    form: str = field(repr=False)
    cookie: str = field(repr=False)
    whose: Whose = field(repr=False)
    lacks: str = ""
    paused: Everybody | None = None
    tools: Tools = field(repr=False, kw_only=True)

    @property
    def actor(self) -> ConsoleUser:
        """They, with their role, as whoever is asked whether they may."""
        return ConsoleUser(self.user, self.role)

    def may(self, action: str) -> bool:
        """Whether they may do this; templates name the action."""
        return may(self.role, Action[action])


class Must:
    """A dependency: the visitor, who may do this. Raises NotSignedIn and Forbidden; checks what a form carries.

    `unfinished`: also who is only half signed in.
    """

    def __init__(self, action: Action, *, unfinished: bool = False) -> None:
        self.action = action
        self.unfinished = unfinished

    def __call__(self, request: Request, form: Annotated[Form, Depends(read_form)]) -> Visitor:
        """The visitor of this request."""
        if "\0" in unquote(f"{request.url.path}?{request.url.query}"):
            raise Missing("There is no such page.")  # no database holds such a character, so nothing has that name
        visitor = signed_in(request)
        if visitor is None:
            kept = held_forms.hold(_tools(request), request, form) if from_here(request) else ""
            raise NotSignedIn(kept or _address(request))
        if visitor.lacks and not self.unfinished:
            raise Unfinished(_LACKING[visitor.lacks], _address(request))
        if request.method not in _SAFE:
            sent = form.text("form") or request.headers.get("x-form", "")
            if not hmac.compare_digest(sent.encode(), visitor.form.encode()) or not from_here(request):
                raise Forbidden(visitor, "This form is from another session. Open the page again and repeat.")
            kept = form.taken(held_forms.KEPT)
            if kept and not held_forms.is_first(visitor.tools, visitor.user, kept):
                raise Forbidden(visitor, "This was sent before, so nothing was done a second time.")
        if not may(visitor.role, self.action):
            able = " or ".join(role for role in ROLES if may(role, self.action))
            raise Forbidden(
                visitor, f"{self.action.value} is not part of your role “{visitor.role}”. It takes {able}."
            )
        return visitor


class MustProve(Must):
    """A dependency: the visitor, who may do this and showed within ten minutes that it is still them.

    Raises NeedsProof as well: the page that asks brings the form back with a password or a code, and it is done then.
    """

    async def __call__(self, request: Request, form: Annotated[Form, Depends(read_form)]) -> Visitor:  # type: ignore[override]
        """The visitor of this request."""
        visitor = await run_in_threadpool(super().__call__, request, form)
        tools = visitor.tools
        if signing_in.proof_is_fresh(tools, visitor.whose, visitor.whose.now):
            return visitor
        given = form.whole("proof_password"), form.text("proof_code")
        problem = " "
        if any(given):
            problem = await PROOFS.run(visitor.user, _prove, tools, visitor, *given, place_of(request))
        if problem:
            raise NeedsProof(visitor, forms.hold(tools.vault, request, form, visitor.form), problem.strip())
        return visitor


def must_exist(visitor: Visitor, company: str) -> None:
    """Raises Missing where there is no such company."""
    with visitor.tools.store.read() as work:
        if not companies.exists(work, company):
            raise Missing(f"There is no company “{company}” here.")


Looking = Annotated[Visitor, Depends(Must(Action.LOOK))]


@dataclass(frozen=True)
class CompanyFilter:
    """The company that a page is narrowed to: its id, "" for none; `unknown` says in a sentence why there is none."""

    id: str
    unknown: str = ""


class Elsewhere(Exception):
    """The page is at this address: a company was named, and its id belongs there."""


def company_named(request: Request, visitor: Looking, company: str = "") -> CompanyFilter:
    """The company of this id or name. Raises Elsewhere for a name, so that links of the page carry the id."""
    text = company.strip()
    if not text:
        return CompanyFilter("")
    with visitor.tools.store.read() as work:
        found = companies.called(work, text)
    if len(found) == 1 and found[0].id != text:
        raise Elsewhere(str(request.url.include_query_params(company=found[0].id).replace(scheme="", netloc="")))
    if not found:
        return CompanyFilter(text, f"There is no company “{text}”.")
    if len(found) > 1:
        some = ", ".join(f"{one.name} ({one.id})" for one in found[:5])
        more = " and more" if found[5:] else ""
        return CompanyFilter(text, f"Several companies are called “{text}”: {some}{more}. Give the id.")
    return CompanyFilter(text)


NarrowedTo = Annotated[CompanyFilter, Depends(company_named)]


def signed_in(request: Request) -> Visitor | None:
    """Who is signed in in this browser, if anybody. What a page asks for by itself does not count as use."""
    tools = _tools(request)
    cookie = request.cookies.get(COOKIE, "")
    by_itself = request.method in _SAFE and "hx-request" in request.headers
    whose = signing_in.whose_browser(tools, cookie, used=not by_itself)
    if whose is None:
        return None
    user, lacks = whose.user, signing_in.lacks(tools, whose)
    paused = None if lacks else pausing.of_everybody(tools)
    return Visitor(user.id, user.name, user.role, forms.form_token(cookie), cookie, whose, lacks, paused, tools=tools)


def _tools(request: Request) -> Tools:
    tools: Tools = request.app.state.tools
    return tools


def place_of(request: Request) -> SignInPlace:
    """Where this browser is."""
    address = request.client.host if request.client else "unknown"
    return SignInPlace(address, request.headers.get("user-agent", ""), request.cookies.get(KNOWN, ""))


def _prove(tools: Tools, visitor: Visitor, password: str, code: str, place: SignInPlace) -> str:
    """What is wrong with the proof, in a sentence; empty: nothing."""
    try:
        if password:
            good = signing_in.prove_by_password(tools, visitor.whose, password, place)
        else:
            good = signing_in.prove_by_code(tools, visitor.whose, code, place)
    except TooManyTries as many:
        return f"Too many wrong ones in a row. Wait {many.seconds} seconds."
    return "" if good else _WRONG_PROOF


def from_here(request: Request) -> bool:
    """Whether a page of ours sent this, as browsers tell; old ones that say nothing are believed."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin", "")
    same = not origin or urlsplit(origin).netloc == request.headers.get("host", "")
    return site in _OURS and same


def _address(request: Request) -> str:
    if request.method not in _SAFE:
        return "/console"
    return quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="/")
