"""Setting a company up: it is named, gets its Xero app, is connected, chooses its settings; and the page for it.

A company's settings as a form has them, and what was changed there; pure.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Lane, ListedChoice, Trouble
from events.codec import Unreadable
from events.settings import CompanySettings, CompanySettingsChanged
from store import companies, connections
from store import companies as kept_offers
from store import connections as kept_apps
from store.tables import CompanyApp, CompanyConnection, XeroApp
from store.unit_of_work import Work
from web.console import rendering
from web.console.forms import Form, Posted
from web.console.visitor import Missing, Must, MustProve, Visitor, must_exist
from worker.connections import apps, health
from worker.contacts import changes, offers
from worker.decisions.rights import Action
from worker.submission import change_submission, orders
from worker.submission.change_submission import GivenBy
from worker.tools import Tools
from worker.waiting.login_block import Link

MOST_KINDS, TRACKED, MOST_TRACKED = 100, 2, 6
DUE_RULES = {
    "": "The invoice's own due date only",
    "days_after_invoice": "days after the invoice",
    "days_after_month_end": "days after the end of the invoice's month",
    "day_of_this_month": "day of the invoice's month",
    "day_of_next_month": "day of the next month",
}
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Typed:
    """Every setting as text; `tracking` are categories with an option, `kinds` kinds with account and tax type."""

    default_account_code: str = ""
    default_tax_type: str = ""
    invoice_status: str = "AUTHORISED"
    due_kind: str = ""
    due_days: str = ""
    number_prefix: str = ""
    branding_theme: str = ""
    contact_ids_editable: str = ""
    tracking: Rows = ()
    kinds: Rows = ()

    def packed(self) -> str:
        """The same in one field, so that a form remembers what it showed."""
        return json.dumps(asdict(self))


def of_settings(kept: CompanySettings) -> Typed:
    """What is set; the rule of older settings as the rule it means."""
    due = (kept.due.kind, str(kept.due.days)) if kept.due else ("", "")
    if not kept.due and kept.days_until_due is not None:
        due = ("days_after_invoice", str(kept.days_until_due))
    return Typed(
        default_account_code=kept.default_account_code or "",
        default_tax_type=kept.default_tax_type or "",
        invoice_status=kept.invoice_status,
        due_kind=due[0],
        due_days=due[1],
        number_prefix=kept.number_prefix or "",
        branding_theme=kept.branding_theme.id if kept.branding_theme else "",
        contact_ids_editable="yes" if kept.contact_ids_editable else "",
        tracking=tuple((one.category, one.option) for one in kept.tracking or ()),
        kinds=tuple(
            (name, one.account_code or "", one.tax_type or "") for name, one in sorted((kept.kinds or {}).items())
        ),
    )


def of_form(form: Form) -> Typed:
    """What was typed and chosen."""
    plain = ("default_account_code", "default_tax_type", "invoice_status", "due_kind", "due_days", "branding_theme")
    tracking = [(form.text(f"category-{at}"), form.text(f"option-{at}")) for at in range(MOST_TRACKED)]
    kinds = [tuple(form.text(f"{part}-{at}") for part in ("kind", "account", "tax")) for at in range(MOST_KINDS)]
    return Typed(
        **{name: form.text(name) for name in plain},
        number_prefix=form.whole("number_prefix"),
        contact_ids_editable=form.text("contact_ids_editable"),
        tracking=tuple(one for one in tracking if all(one)),
        kinds=tuple(one for one in kinds if one[0]),
    )


def seen_in(form: Form) -> Typed:
    """What the form showed before somebody typed; what cannot be read is nothing. Raises ValueError."""
    said = json.loads(form.text("seen"))
    if not isinstance(said, dict) or set(said) != set(asdict(Typed())):
        raise ValueError("seen")
    rows = {name: tuple(tuple(str(cell) for cell in one) for one in said[name]) for name in ("tracking", "kinds")}
    return Typed(**{**said, **rows})


def tracked(typed: Typed, offered: Sequence[ListedChoice] | None) -> Sequence[tuple[str, str, Sequence[str] | None]]:
    """The rows for tracking: category, its option, and the options there are; None where Xero was not asked.

    A category that is set and no longer offered keeps its row, so that it does not go by itself.
    """
    chosen = {one[0]: one[1] for one in typed.tracking}
    if offered is None:
        rows = [*chosen.items(), *[("", "")] * TRACKED][:TRACKED]
        return [(category, option, None) for category, option in rows]
    known = {one.name: one.options for one in offered}
    lost = [category for category in chosen if category not in known]
    return [(name, chosen.get(name, ""), known.get(name, ())) for name in [*lost, *known]][:MOST_TRACKED]


def settings_patch(seen: Typed, typed: Typed) -> dict[str, Any]:
    """What was changed, as an event says it: nobody overwrites what somebody else changed meanwhile."""
    said: dict[str, Any] = {}
    for name in ("default_account_code", "default_tax_type", "invoice_status", "number_prefix", "branding_theme"):
        if getattr(seen, name) != getattr(typed, name):
            said[name] = getattr(typed, name) or None
    if seen.contact_ids_editable != typed.contact_ids_editable:
        said["contact_ids_editable"] = bool(typed.contact_ids_editable)
    if (seen.due_kind, seen.due_days) != (typed.due_kind, typed.due_days):
        said["due"] = {"kind": typed.due_kind, "days": typed.due_days} if typed.due_kind else None
    if seen.tracking != typed.tracking:
        said["tracking"] = [{"category": category, "option": option} for category, option in typed.tracking] or None
    if kinds := _kinds(seen.kinds, typed.kinds):
        said["kinds"] = kinds
    return said


def _kinds(seen: Rows, typed: Rows) -> Mapping[str, Any]:
    """The kinds that came, changed or went."""
    before = {one[0]: one[1:] for one in seen}
    after = {one[0]: one[1:] for one in typed}
    gone: dict[str, Any] = dict.fromkeys(set(before) - set(after))
    changed = {name: cells for name, cells in after.items() if before.get(name) != cells}
    return gone | {
        name: {"account_code": account or None, "tax_type": tax or None} for name, (account, tax) in changed.items()
    }


_PATIENCE_SECONDS = 20.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_BAD_ID = "A company's id is its id in CrewCard: 1 to 100 letters, digits or . _ : -, and not “new”."
_STALE = "This form is too old to be read. Look at the settings as they are now, and change them again."
_UNCONNECTED = "Connect the company to Xero first: its own accounts, tax rates and categories can then be chosen."
_ACCEPTED = "Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can."
_CHANGED = "The settings are changed. What was sent before stays as it was sent."
router = APIRouter()
_SCOPES = ("granular", "broad")
APP_FIELDS = ("client_id", "kind", "scopes", "callback")
SettingUp = Annotated[Visitor, Depends(Must(Action.SET_UP))]
SettingUpProven = Annotated[Visitor, Depends(MustProve(Action.SET_UP))]  # secrets, connections


@dataclass(frozen=True)
class Shown:
    """What a form brought about: problems by the part of the page they belong to, and what was typed there."""

    problem: str = ""
    part: str = ""
    problems: tuple[str, ...] = ()
    typed: Typed | None = None
    seen: Typed | None = None
    link: Link | None = field(default=None, repr=False)
    fields: dict[str, str] = field(default_factory=lambda: dict.fromkeys(APP_FIELDS, ""))


def show(request: Request, visitor: Visitor, company: str, shown: Shown | None = None, status: int = 200) -> Response:
    """The page. Raises Missing."""
    tools = visitor.tools
    how = health.of_company(tools, company)
    if how is None:
        raise Missing(f"There is no company “{company}” here.")
    shown = shown or Shown()
    with tools.store.read() as work:
        found = kept_apps.app_of_company(work, company)
        kept = of_settings(companies.settings_of(work, company))
        at = connections.of_company(work, company)
        choices = _choices(work, at)
        facts = {
            "company": company,
            "how": how,
            "connection": at,
            "shown": shown,
            "app": _app(tools, work, found),
            "typed": shown.typed or kept,
            "seen": shown.seen or kept,
            "due_rules": DUE_RULES,
            "choices": choices,
            "tracked": tracked(shown.typed or kept, choices.get("tracking")),
            "callback": f"{tools.settings.public_url.rstrip('/')}/connect/xero/callback",
        }
        return rendering.page(request, visitor, "setup", status, **facts)


def setup_address(company: str) -> str:
    """Where the page is."""
    return f"/console/companies/{rendering.part(company)}/setup"


def _app(tools: Tools, work: Work, found: tuple[CompanyApp, XeroApp] | None) -> dict[str, Any] | None:
    """The app without its secrets."""
    if found is None:
        return None
    used, app = found
    target = tools.target_of(work, used.company)
    words = {name: target.login.wanted_scopes(name) for name in _SCOPES} if target and target.login else {}
    named = next((name for name, scopes in words.items() if set(scopes.split()) == set(used.scopes.split())), "")
    return {
        "client_id": app.client_id,
        "kind": app.kind,
        "callback": app.callback,
        "scopes": used.scopes,
        "named": named,
        "enabled": used.state == "enabled",
        "secret_changed_at": app.secret_changed_at,
        "two_secrets": app.former_secret is not None,
        "opens": tools.vault.opens(app.secret),
    }


def _choices(work: Work, at: CompanyConnection | None) -> dict[str, Any]:
    """What the organisation offered when it was last asked: usable ones, those offered first in front."""
    known = kept_offers.choices_of_lane(work, Lane(at.company, at.tenant)) if at else {}
    asked = [one.fetched_at for one in known.values()]
    return {"asked_at": min(asked, default=None), **{kind: _usable(one.choices) for kind, one in known.items()}}


def _usable(choices: Any) -> list[ListedChoice]:
    return sorted((one for one in choices if one.usable), key=lambda one: (not one.first, one.code))


@router.get("/companies/new")
def ask(request: Request, visitor: SettingUp) -> Response:
    """A new company."""
    return _asked(request, visitor)


@router.post("/companies/new")
def add(request: Request, visitor: SettingUp, form: Posted) -> Response:
    """Set a company up, for its app and connection to follow."""
    company, name = form.text("company"), form.text("name")[:255]
    problem = _objection(visitor.tools, company)
    if problem:
        return _asked(request, visitor, company, name, problem)
    apps.add_company(visitor.tools, company, name or company, visitor.user)
    return rendering.redirect(setup_address(company), f"{name or company} is set up. Its Xero app comes next.")


@router.get("/companies/{company}/setup")
def company_setup(request: Request, visitor: SettingUp, company: str) -> Response:
    """The company's app, connection and settings."""
    return show(request, visitor, company)


@router.post("/companies/{company}/setup/name")
def rename(visitor: SettingUp, form: Posted, company: str) -> Response:
    """Give the company another name."""
    name = form.text("name")[:255]
    must_exist(visitor, company)
    if name:
        apps.add_company(visitor.tools, company, name, visitor.user)
    return rendering.redirect(setup_address(company), f"It is called {name} now." if name else "")


@router.post("/companies/{company}/setup/choices")
def fetch(request: Request, visitor: SettingUp, company: str) -> Response:
    """Ask Xero what there is to choose from."""
    with visitor.tools.store.read() as work:
        organisation = changes.organisation_of(work, visitor.tools, company)
    if organisation is None:
        return show(request, visitor, company, Shown(_UNCONNECTED, "settings"), 422)
    try:
        for kind in offers.KINDS:
            offers.fetch(visitor.tools, organisation, kind)
    except Trouble as trouble:
        return show(request, visitor, company, Shown(rendering.away(trouble), "settings"), 422)
    return rendering.redirect(f"{setup_address(company)}#settings", f"The choices are now as in {organisation.name}.")


@router.post("/companies/{company}/setup/settings")
def choose(request: Request, visitor: SettingUp, form: Posted, company: str) -> Response:
    """Change settings, checked with Xero as a host's own changes are."""
    try:
        seen = seen_in(form)
    except (ValueError, TypeError):
        return show(request, visitor, company, Shown(_STALE, "settings"), 422)
    typed = of_form(form)
    patch = settings_patch(seen, typed)
    if not patch:
        return rendering.redirect(setup_address(company), "No setting was changed.")
    said, by = {"company": company, "settings": patch}, GivenBy(visitor.actor, orders.CONSOLE)
    try:
        told = change_submission.file_change(visitor.tools, CompanySettingsChanged, said, by, _PATIENCE_SECONDS)
    except Unreadable as refused:
        told = {"state": "rejected", "problems": refused.problems}
    if told["state"] == "rejected":
        shown = Shown(part="settings", problems=tuple(told["problems"]), typed=typed, seen=seen)
        return show(request, visitor, company, shown, 422)
    return rendering.redirect(setup_address(company), _ACCEPTED if told["state"] == "waiting" else _CHANGED)


def _asked(request: Request, visitor: SettingUp, company: str = "", name: str = "", problem: str = "") -> Response:
    facts = {"company": company, "name": name, "problem": problem}
    return rendering.page(request, visitor, "company_new", 422 if problem else 200, **facts)


def _objection(tools: Tools, company: str) -> str:
    """Why no company can be added under this id; empty when one can."""
    if not _ID.fullmatch(company) or company == "new":
        return _BAD_ID
    with tools.store.read() as work:
        known = companies.name_of(work, company) if companies.exists(work, company) else ""
    return f"There is a company “{company}” already: {known}." if known else ""
