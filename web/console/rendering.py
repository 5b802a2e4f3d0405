"""How a page of the console is made: a template, who looks, and facts; headers that let nothing else in.

Facts as people read them: moments, ages, numbers, markers.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.convertors import Convertor, register_url_convertor

from events.accounting_target import Trouble
from events.failures import NOT_MENDED
from store.invoice_detail import InvoiceNow
from web.console import held_forms
from web.console.visitor import Visitor

MARKERS: Mapping[str, str] = {
    "exported": "Exported",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "queued": "Queued",
    "exporting": "Exporting",
    "uncertain": "Uncertain",
    "waiting": "Waiting",
    "excluded": "Never send",
    "not_exported": "Not exported",
}
_NONE = "\N{EN DASH}"
XERO_STATUSES = {"AUTHORISED": "approved", "SUBMITTED": "awaiting approval"}
# Units, their seconds, to what one rounds, and from how many on they are used
_STEPS = (("day", 86_400, 1, 3), ("hour", 3_600, 1, 3), ("minute", 60, 1, 2), ("second", 1, 5, 0))
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def moment(at: datetime | None) -> str:
    """A moment in UTC, to the second; a dash for none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else _NONE


def clock(at: datetime | None) -> str:
    """A time of day in UTC; a dash for none."""
    return f"{at.astimezone(UTC):%H:%M:%S}" if at else _NONE


def duration(seconds: float) -> str:
    """A length of time in its largest unit: “3 minutes”."""
    for unit, size in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a moment"


def span(least: float, most: float) -> str:
    """Between which two lengths of time, in the unit of the longer: “in 2 to 3 minutes”, “in about 40 seconds”."""
    unit, size, step = next(one for one in _STEPS if most >= one[3] * one[1] or one[0] == "second")[:3]
    low, high = (max(step, round(seconds / size / step) * step) for seconds in (least, most))
    if low == high:
        return f"in about {count(high, unit)}"
    return f"in {low} to {count(high, unit)}"


def seconds(value: float) -> str:
    """A short length of time, as exactly as it matters: “40 ms”, “0.8 s”, “12 s”, “3 minutes”."""
    if value < 0.1:
        return f"{1000 * value:.0f} ms"
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else duration(value)


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, or in how long: “3 minutes ago”, “in 2 hours”; a dash for none."""
    if at is None:
        return _NONE
    passed = (now - at) / timedelta(seconds=1)
    return f"{duration(passed)} ago" if passed > -1 else f"in {duration(-passed)}"


def number(value: float) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """“1 invoice”, “2,000 invoices”."""
    return f"{value:,} {one if value == 1 else many or f'{one}s'}"


def money(now: InvoiceNow) -> str:
    """What an invoice comes to: “1,250.00 AUD”, “1,000.00 AUD + tax”; a dash where that is not known."""
    if now.amount is None:
        return _NONE
    return f"{now.amount:,.2f} {now.currency}{' + tax' if now.before_tax else ''}"


def amount(value: Decimal | str | None) -> str:
    """A sum without its currency: “1,250.00”; a dash where there is none."""
    return _NONE if value in (None, "") else f"{Decimal(value):,.2f}"


def xero_status(status: str) -> str:
    """A status in Xero as the setup calls it."""
    return XERO_STATUSES.get(status.upper(), status.replace("_", " ").lower())


def marker(state: str) -> str:
    """A marker in words."""
    return MARKERS.get(state, state)


def apart(state: str, reason: str | None) -> str:
    """A marker as pages show it: what a person cancelled is no failure."""
    return "cancelled" if state == "failed" and reason in NOT_MENDED else state


def query(asked: Sequence[tuple[str, str]], **changed: Any) -> str:
    """The address of the same page with other filters, from its first row on; what is empty is left out."""
    kept = [(name, value) for name, value in asked if name not in {*changed, "after", "before", "row"} and value]
    more = [(name, one) for name, value in changed.items() for one in _every(value)]
    return f"?{urlencode([*kept, *more])}"


def size(rows: Sequence[Any]) -> int:
    """How many there are; “length” and “count” are other words here."""
    return len(rows)


class NameConvertor(Convertor[str]):
    """A name as `wording.part` writes it. A slash that is meant as one of the name is encoded twice."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The name."""
        return unquote(value)

    def to_string(self, value: str) -> str:
        """The name as a part of a path."""
        return quote(value, safe="")


register_url_convertor("name", NameConvertor())


def part(name: str) -> str:
    """A name as one part of an address's path, twice encoded: what a host calls its things may have a slash in it.

    Servers decode a path once, before they look for its parts; `{invoice:name}` in a route decodes the second time.
    """
    return quote(quote(name, safe=""), safe="")


def _every(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value in (None, "") else [value]


def away(trouble: Trouble) -> str:
    """Why Xero cannot be asked, and what to do."""
    if trouble.effect == "needs_login":
        return "Xero does not let us in: the company's login is due. Make a connect link on its setup page."
    if trouble.effect == "limited" and trouble.wait:
        limit = "the day's limit of calls" if trouble.limit == "day" else "Xero's limit of calls"
        return f"{limit[0].upper()}{limit[1:]} is reached. Try again in {duration(trouble.wait)}."
    return f"Xero cannot be asked just now ({trouble.message}). Nothing was changed; try again in a few minutes."


FILTERS: dict[str, Callable[..., Any]] = {
    "moment": moment,
    "clock": clock,
    "duration": duration,
    "seconds": seconds,
    "ago": ago,
    "number": number,
    "count": count,
    "money": money,
    "amount": amount,
    "xero_status": xero_status,
    "marker": marker,
    "apart": apart,
    "query": query,
    "part": part,
    "size": size,
}


_SAID = "crewcard_said"
LOOK, LOOKS = "crewcard_look", ("light", "dark")  # else as the system says
HERE = Path(__file__).parent
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


def page(request: Request, visitor: Visitor | None, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A whole page. Ages on it are by database time, not the browser's clock: `now`, or when it was asked for."""
    now = facts.pop("now", None) or (visitor.whose.now if visitor else _now(request))
    said, *undo = unquote(request.cookies.get(_SAID, "")).split("\n")
    asked = request.query_params.multi_items()
    look = request.cookies.get(LOOK, "")
    facts |= {
        "look": look if look in LOOKS else "",
        "visitor": visitor,
        "now": now,
        "path": request.url.path,
        "asked": asked,
        "said": said,
        "undo": _undoing(undo),
    }
    made = _templates().get_template(f"{template}.html")
    answer = HTMLResponse(_with_held_form(request, visitor, made, facts), status, headers=HEADERS)
    if said:
        answer.delete_cookie(_SAID, path="/console")
    return answer


def _with_held_form(request: Request, visitor: Visitor | None, made: Template, facts: Mapping[str, Any]) -> str:
    """The page; filled in with what its person sent when their session had ended, where the address names that."""
    id_ = request.query_params.get(held_forms.KEPT, "") if visitor and not visitor.lacks else ""
    held = held_forms.held_for(visitor.tools, visitor.user, id_) if visitor and id_ else None
    if held is None:
        return made.render(kept_form=None, **facts)
    filled = held_forms.filled_in(made.render(kept_form="here", **facts), held)
    return filled or made.render(kept_form=held.fields, **facts)


_UNDONE_AT = {
    "companies": ("pause", "resume"),
    "invoices": ("exclude", "include"),
    "users": ("disable", "enable"),
    "workers": ("quiet", "wake"),
    "machines": ("drain", "undrain"),
}


def _undoing(undo: Sequence[str]) -> str:
    """The address that does the opposite of what was just done, of these alone, whatever a cookie says."""
    act, *names = undo or [""]
    of = next((of for of, acts in _UNDONE_AT.items() if act in acts), "")
    if not of or (not names and of != "companies"):
        return ""
    if not names:
        return f"/console/{act}"  # of everybody
    last = part(names[-1]) if of == "invoices" else quote(names[-1], safe="")
    return "/".join(["/console", of, *(quote(name, safe="") for name in names[:-1]), last, act])


def _now(request: Request) -> datetime:
    with request.app.state.tools.store.read() as work:
        now: datetime = work.now
    return now


def redirect(address: str, said: str = "", undo: Sequence[str] = ()) -> Response:
    """On to a page of ours after something was done, which that page then says in a sentence.

    `undo` is the act that does the opposite, and what it is about: that page has a button for it.
    """
    answer = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    if said:
        # A cookie and not the address: nobody can send somebody a link that puts words into our mouth.
        answer.set_cookie(
            _SAID, quote("\n".join([said, *undo])), max_age=60, path="/console", httponly=True, samesite="strict"
        )
    return answer


@functools.cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals["static"] = static
    return made


@functools.cache
def static(name: str) -> str:
    """The address of a file of ours, which changes when the file does, so that browsers may keep it."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/console/static/{name}?v={digest}"
