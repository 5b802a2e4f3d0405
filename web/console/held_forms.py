"""Forms whose session had ended when they were sent: kept for an hour, sealed, and shown again to the same person.

Nothing of such a form was done. It is filled in once more where it stood, after signing in, and sent by its person.
"""

import html
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Request

from store import users
from store.vault import Unopenable
from web.console.forms import COOKIE, Form, form_token
from worker.tools import Tools
from worker.users import signing_in

KEPT = "kept"  # the field, and the part of an address, that name such a form
SECONDS = 3600.0
MOST_OF_A_USER = 5
# What nobody types for us to keep: passwords, codes, secrets, links that sign in.
SECRET = frozenset({"password", "present", "again", "code", "secret", "key", "link", "proof_password", "proof_code"})
_NEVER = SECRET | {"form", "held", KEPT}
_PURPOSE = "a form of a session that ended"
_TAG = re.compile(r"<(input|textarea|select)\b[^>]*>(?:(.*?)</\1>)?", re.DOTALL)
_OPTION = re.compile(r"<option\b([^>]*)>([^<]*)")


@dataclass(frozen=True)
class HeldAgain:
    """What somebody had filled in: the form's address, and its fields."""

    id: str
    path: str
    fields: Mapping[str, Sequence[str]]


def hold(tools: Tools, request: Request, form: Form) -> str:
    """Keep what was sent; the address of the page it stood on, to go to after signing in. Empty: nothing is kept.

    Kept is only what a page of the very session sent that this browser had.
    """
    cookie = request.cookies.get(COOKIE, "")
    fields = {name: list(some) for name, some in form.fields.items() if name not in _NEVER and any(some)}
    if not fields or not cookie or form.text("form") != form_token(cookie):
        return ""
    user = signing_in.whose_browser_was(tools, cookie)
    if not user:
        return ""
    with tools.store.write() as work:
        id_ = secrets.token_urlsafe(24)
        sealed = tools.vault.seal_document(_PURPOSE, {"user": user, "fields": fields})
        users.hold_form(work, id_, user, request.url.path, sealed, SECONDS, MOST_OF_A_USER)
    path, asked = sent_from(request)
    return quote(f"{path}?{urlencode([*asked, (KEPT, id_)])}", safe="/")


def sent_from(request: Request) -> tuple[str, list[tuple[str, str]]]:
    """The page of the console that sent a form, and what its address asks for; the overview where nobody says."""
    page = urlsplit(request.headers.get("referer", ""))
    if page.netloc != request.headers.get("host") or page.path.split("/")[:2] != ["", "console"]:
        return "/console", []
    return page.path, [(name, value) for name, value in parse_qsl(page.query) if name != KEPT]


def held_for(tools: Tools, user: str, id_: str) -> HeldAgain | None:
    """What this person had filled in; None for anybody else, and when it was sent, or is too old."""
    with tools.store.read() as work:
        row = users.held_form(work, id_, user)
    if row is None:
        return None
    try:
        said = tools.vault.open_document(_PURPOSE, row.sealed)
    except Unopenable:  # the key it was sealed with is gone
        return None
    return HeldAgain(id_, row.path, said["fields"]) if said["user"] == user else None


def is_first(tools: Tools, user: str, id_: str) -> bool:
    """Whether a form that was shown again is sent for the first time; from then on it is kept no more."""
    with tools.store.write() as work:
        return users.take_held_form(work, id_, user)


def filled_in(page: str, held: HeldAgain) -> str | None:
    """The page with its form filled in as it was sent; None where that form is not on it.

    Pages are ours and escaped: no tag of theirs has “>” in a value.
    """
    begun = re.search(rf'<form\b[^>]*action="{re.escape(html.escape(held.path))}"[^>]*>', page)
    if begun is None or 'method="post"' not in begun[0]:
        return None
    end = page.index("</form>", begun.end())
    inside = _TAG.sub(lambda found: _control(found, held.fields), page[begun.end() : end])
    sent = f'<input type="hidden" name="{KEPT}" value="{html.escape(held.id)}">'
    before = page[: begun.start()]
    fold = before.rfind("<details")
    if fold > before.rfind("</details>"):
        before = f"{before[:fold]}<details open{before[fold + len('<details') :]}"
    return f"{before}{begun[0]}{sent}{inside}{page[end:]}"


def _control(found: re.Match[str], fields: Mapping[str, Sequence[str]]) -> str:
    """A field of the form with what was in it."""
    tag, kind, inner = found[0], found[1], found[2]
    name = _attribute(tag, "name")
    if name in _NEVER or _attribute(tag, "type") == "hidden" or not name:
        return tag
    values = fields.get(name, [])
    first = html.escape(values[0] if values else "")
    head = tag if inner is None else tag[: tag.index(">") + 1]
    if kind == "textarea":
        return f"{head}\n{first}</textarea>"
    if kind == "select":
        return f"{head}{_OPTION.sub(lambda one: _option(one, values), inner or '')}</select>"
    if _attribute(tag, "type") in ("checkbox", "radio"):
        plain = re.sub(r"\schecked\b", "", tag)
        return f"{plain[:-1]} checked>" if (_attribute(tag, "value") or "on") in values else plain
    plain = re.sub(r'\svalue="[^"]*"', "", tag)
    return f'{plain[:-1]} value="{first}">'


def _option(found: re.Match[str], values: Sequence[str]) -> str:
    plain = re.sub(r"\sselected\b", "", found[1])
    value = _attribute(found[0], "value") if "value=" in found[1] else html.unescape(found[2]).strip()
    return f"<option{plain}{' selected' if value in values else ''}>{found[2]}"


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
