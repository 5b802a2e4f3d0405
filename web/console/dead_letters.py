"""Dead letters: what a door could not read, to be understood, mended, read again or discarded."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events import codec
from events.codec import Unreadable
from store import api_keys, inbox
from store.tables import DeadLetter
from web.console import forms, rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.decisions.rights import Action, NotAllowed
from worker.intake import dead_letters
from worker.intake.dead_letters import NotOpen
from worker.submission import orders
from worker.submission.orders import OrderRefused
from worker.tools import Tools
from worker.watching import attention

STATES = ("open", "replayed", "discarded")
_MOST = 100  # more than a page has
_CLOSED = "This message was closed meanwhile."
router = APIRouter(prefix="/dead-letters")
Mending = Annotated[Visitor, Depends(Must(Action.DEAD_LETTERS))]


@router.get("")
def dead_letters_page(request: Request, visitor: Looking, state: str = "open") -> Response:
    """The newest first."""
    state = state if state in STATES else "open"
    with visitor.tools.store.read() as work:
        page = inbox.page_of_dead_letters(work, state, forms.page_wanted(request))
    shown = [(row, [one.partition(": ")[::2] for one in json.loads(row.problems)]) for row in page.rows]
    return rendering.page(request, visitor, "dead_letters", rows=shown, page=page, state=state, states=STATES)


@router.post("")
def close_many(form: Posted, visitor: Mending) -> Response:
    """Those that were ticked: read again as they came, or discarded with one reason. Each by itself, as if alone."""
    tools, here = visitor.tools, "/console/dead-letters"
    numbers = [number for one in form.every("letter")[:_MOST] if (number := forms.whole_number(one))]
    done, left = 0, 0
    try:
        why = orders.reason_given(form.text("why")) if form.text("act") == "discard" else ""
    except OrderRefused as refused:
        return rendering.redirect(here, str(refused))
    for number in numbers:
        try:
            if why:
                dead_letters.discard(tools, number, visitor.actor, why)
            else:
                dead_letters.replay(tools, number, visitor.actor, None)
            done += 1
        except (Unreadable, NotAllowed, NotOpen):
            left += 1
    what = f"{rendering.count(done, 'message')} {'discarded' if why else 'read'}."
    also = f" {rendering.count(left, 'message')} could not be, and stand here as before." if left else ""
    return rendering.redirect(here, what + also if numbers else "Tick at least one message first.")


@router.get("/{number}")
def look_at_one(request: Request, visitor: Looking, number: str) -> Response:
    """One of them, whole."""
    letter = _letter(request, number)
    return _page(request, visitor, letter, json.loads(letter.problems))


@router.post("/{number}/replay")
def replay(request: Request, form: Posted, visitor: Mending, number: str) -> Response:
    """Read it again, as it came or as it was mended in the form."""
    letter = _letter(request, number)
    text = form.whole("body").replace("\r\n", "\n")
    mended = text.encode() if text and text != _shown(letter.body) else None
    try:
        receipt = dead_letters.replay(visitor.tools, letter.id or 0, visitor.actor, mended)
    except Unreadable as broken:
        return _page(request, visitor, letter, list(broken.problems), 422, mended)
    except NotAllowed as refused:
        return _page(request, visitor, letter, [str(refused)], 403, mended)
    except NotOpen:
        return rendering.redirect(_address(letter), _CLOSED)
    if receipt.request and receipt.company:
        return rendering.redirect(
            f"/console/requests/{rendering.part(receipt.company)}/{rendering.part(receipt.request)}",
            "It was read, and is under way.",
        )
    return rendering.redirect(_address(letter), "It was read.")


@router.post("/{number}/discard")
def discard(request: Request, form: Posted, visitor: Mending, number: str) -> Response:
    """Nothing shall come of it."""
    letter = _letter(request, number)
    try:
        dead_letters.discard(visitor.tools, letter.id or 0, visitor.actor, orders.reason_given(form.text("why")))
    except OrderRefused as refused:
        return _page(request, visitor, letter, [str(refused)], 422)
    except NotOpen:
        return rendering.redirect(_address(letter), _CLOSED)
    return rendering.redirect(
        "/console/dead-letters", f"Message {letter.id} is discarded; it is kept under “discarded”."
    )


def _address(letter: DeadLetter) -> str:
    return f"/console/dead-letters/{letter.id}"


def _letter(request: Request, number: str) -> DeadLetter:
    tools: Tools = request.app.state.tools
    with tools.store.read() as work:
        letter = inbox.dead_letter(work, forms.whole_number(number) or 0)
    if letter is None:
        raise Missing(f"There is no unreadable message {number}.")
    return letter


def _page(
    request: Request,
    visitor: Visitor,
    letter: DeadLetter,
    problems: list[str],
    status: int = 200,
    mended: bytes | None = None,
) -> Response:
    """The letter as it is kept; that somebody read it is in the audit, once an hour."""
    attention.note_view(visitor.tools, visitor.user, "dead letter viewed", "", {"dead_letter": letter.id})
    companies, scopes = api_keys.named(letter.companies), api_keys.named(letter.scopes)
    facts: dict[str, Any] = {
        "letter": letter,
        "problems": problems,
        "text": mended.decode(errors="replace") if mended is not None else _shown(letter.body),
        "mended": _shown(letter.mended) if letter.mended else "",
        "editable": letter.size <= dead_letters.MOST_MENDED and _is_mendable(letter.body),
        "kept": len(letter.body),
        "companies": None if companies is None else sorted(companies),
        "scopes": None if scopes is None else sorted(scopes),
        "tried": mended is not None or status != 200,
    }
    return rendering.page(request, visitor, "dead_letter", status, **facts)


def _is_mendable(body: bytes) -> bool:
    """Whether it is text in which a person could find an event: one begins with a brace somewhere."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return "\0" not in text and "{" in text


def _shown(body: bytes) -> str:
    """As text; JSON that stands on one line is set out in lines. What is too long is cut."""
    text = body[: dead_letters.MOST_MENDED].decode(errors="replace")
    try:
        lines = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        exact = codec.parse(lines.encode()) == codec.parse(text.encode())  # or a long amount lost digits
        return text if "\n" in text.strip() or not exact else lines
    except (Unreadable, ValueError, RecursionError):
        return text
