"""Setting a company up: its steps from its name to a test invoice, each a page; naming it, and choosing its settings.

How a step stands follows from what is stored of the company (`worker/decisions/setup_steps`).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Lane, ListedChoice, Trouble
from events.codec import Unreadable
from events.connections import ConnectionProblem
from events.credentials import APP_WAYS
from events.invoice import Invoice
from events.settings import CompanySettingsChanged
from store import audit, changes, companies, connections, contacts, drafts, exports
from store.tables import CompanyApp, CompanyConnection, XeroApp
from store.unit_of_work import Work
from web.console import rendering, settings_form
from web.console.forms import Posted
from web.console.settings_form import Typed
from web.console.visitor import Missing, Must, MustProve, Visitor, must_exist
from worker.connections import apps, health
from worker.connections.health import Health
from worker.contacts import contact_answers, offers
from worker.decisions import setup_steps
from worker.decisions.rights import Action
from worker.decisions.setup_steps import SetupFacts
from worker.submission import change_submission, orders
from worker.submission.change_submission import GivenBy
from worker.tools import Tools
from worker.waiting.login_block import Link

_PATIENCE_SECONDS = 20.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_BAD_ID = "A company's id is its id in CrewCard: 1 to 100 letters, digits or . _ : -, and not “new”."
_STALE = "This form is too old to be read. Look at the settings as they are now, and change them again."
_UNCONNECTED = "Connect the company to Xero first: its own accounts, tax rates and categories can then be chosen."
_ACCEPTED = "Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can."
_LOGIN_DUE = (
    "Contacts can be created once somebody has logged in to Xero again: the present login lacks the permission "
    "for that. Exports go on meanwhile."
)
_LINKED_HERE = "Clients are linked here now."
_CHANGED = "The settings are changed. What was sent before stays as it was sent."
_MOST_INVOICES = 20
_OF_APP = frozenset({ConnectionProblem.APP_REFUSED.code, ConnectionProblem.APP_NOT_ALLOWED.code})
PREVIEWED = "invoice previewed"  # a line of the audit
router = APIRouter()
_SCOPES = ("granular", "broad")
APP_FIELDS = ("client_id", "kind", "scopes", "callback")
SettingUp = Annotated[Visitor, Depends(Must(Action.SET_UP))]
SettingUpProven = Annotated[Visitor, Depends(MustProve(Action.SET_UP))]  # secrets, connections


@dataclass(frozen=True)
class Shown:
    """What a form brought about: the step it belongs to, what is wrong, what was typed; `found` are a step's own."""

    problem: str = ""
    part: str = ""
    problems: tuple[str, ...] = ()
    typed: Typed | None = None
    seen: Typed | None = None
    link: Link | None = field(default=None, repr=False)
    fields: dict[str, str] = field(default_factory=lambda: dict.fromkeys(APP_FIELDS, ""))
    found: Mapping[str, Any] = field(default_factory=dict)


def show(request: Request, visitor: Visitor, company: str, shown: Shown | None = None, status: int = 200) -> Response:
    """The page of a step, by default of the first that is not done. Raises Missing."""
    tools = visitor.tools
    how = health.of_company(tools, company)
    if how is None:
        raise Missing(f"There is no company “{company}” here.")
    shown = shown or Shown()
    with tools.store.read() as work:
        found = connections.app_of_company(work, company)
        at = connections.of_company(work, company)
        app = _app(tools, work, found)
        choices = _choices(work, at)
        steps = setup_steps.steps_of(_setup_facts(work, how, app, at, choices))
        step = shown.part or setup_steps.at_work(steps)
        facts = {
            "company": company,
            "how": how,
            "steps": steps,
            "step": step,
            "connection": at,
            "shown": shown,
            "app": app,
            "choices": choices,
            "app_ways": APP_WAYS,
            "callback": f"{tools.settings.public_url.rstrip('/')}/connect/xero/callback",
        }
        more = _OF_STEP[step](work, tools, company, shown, choices) if step in _OF_STEP else {}
        return rendering.page(request, visitor, "setup", status, **{**facts, **more, **shown.found})


def setup_address(company: str, step: str = "") -> str:
    """Where the page of a step is; without one that of the first that is not done."""
    return f"/console/setup/{rendering.part(company)}{f'/{step}' if step else ''}"


def _setup_facts(
    work: Work,
    how: Health,
    app: Mapping[str, Any] | None,
    at: CompanyConnection | None,
    choices: Mapping[str, Any],
) -> SetupFacts:
    """What is stored of the company that says how its steps stand."""
    kept, here = companies.settings_of(work, how.company), at if at and at.state != "disconnected" else None
    account = kept.default_account_code or ""
    known = [one.code for one in choices.get("accounts", ())]
    lost = bool(known and account and account not in known)
    counted = contacts.counted(work, how.company)
    app_wrong = _wrong_with_app(app, at)
    preview = _previewed(work, how.company, here)
    draft = drafts.of_company(work, how.company)
    draft = draft if draft and here and draft.tenant == here.tenant else None
    return SetupFacts(
        name=how.name,
        client_id=app["client_id"] if app else "",
        app_wrong=app_wrong,
        organisation=how.organisation or "" if here else "",
        login_wrong=(how.title or "") if at and how.wrong and not app_wrong else "",
        account=account,
        account_wrong=f"Xero has no account {account} for sales" if lost else "",
        linked=counted.linked,
        amiss=counted.amiss,
        unlinked=counted.unlinked,
        previewed=preview.get("number", ""),
        preview_wrong=f"{preview['number']} would fail" if preview.get("fails") else "",
        tested=draft.state if draft else "",
        test_wrong="Xero did not take it" if draft and draft.state == "refused" else "",
    )


def _wrong_with_app(app: Mapping[str, Any] | None, at: CompanyConnection | None) -> str:
    if app is None:
        return ""
    if not app["opens"]:
        return "its secret cannot be read"
    if not app["enabled"]:
        return "exports are switched off"
    return "Xero does not accept it" if at and at.problem in _OF_APP else ""


def _previewed(work: Work, company: str, at: CompanyConnection | None) -> Mapping[str, str]:
    """The invoice that was looked at last, where that was for the present organisation."""
    lines = audit.newest(work, company, 1, PREVIEWED) if at else []
    said: Mapping[str, str] = json.loads(lines[0].chosen) if lines else {}
    return said if at and said.get("tenant") == at.tenant else {}


def _of_accounts(
    work: Work, _tools: Tools, company: str, shown: Shown, choices: Mapping[str, Any]
) -> Mapping[str, Any]:
    kept = settings_form.of_settings(companies.settings_of(work, company))
    typed = shown.typed or settings_form.proposed(kept, choices.get("accounts"))
    return {
        "typed": typed,
        "seen": shown.seen or kept,
        "due_rules": settings_form.DUE_RULES,
        "new_contacts": settings_form.NEW_CONTACTS,
        "tracked": settings_form.tracked(typed, choices.get("tracking")),
    }


def _of_contacts(work: Work, _tools: Tools, company: str, _shown: Shown, _choices: Any) -> Mapping[str, Any]:
    return {
        "counted": contacts.counted(work, company),
        "closed": contacts.why_not_editable(work, company),
        "editable": companies.settings_of(work, company).contact_ids_editable,
        "at": "setup",
        "most": 500,
        "checking": len(changes.subjects_waiting(work, company)),
        **dict.fromkeys(("table", "note", "problem"), ""),
        **dict.fromkeys(("done", "matches", "imported")),
    }


def _of_preview(work: Work, _tools: Tools, company: str, _shown: Shown, _choices: Any) -> Mapping[str, Any]:
    """The invoices to choose from: those that wait or failed, the newest first."""
    wanted = [(row, Invoice.readable(row.wanted)) for row in exports.newest_wanted(work, company, _MOST_INVOICES)]
    return {
        "candidates": [(one.id, row.number or one.number, one.client.name) for row, one in wanted if one],
        "chosen": "",
        "foretold": None,
        "invoice": None,
        "picture": None,
    }


def _of_test(work: Work, tools: Tools, company: str, _shown: Shown, _choices: Any) -> Mapping[str, Any]:
    """The test invoice, with its address in the accounting system while it is there."""
    draft, at = drafts.of_company(work, company), connections.of_company(work, company)
    draft = draft if draft and at and draft.tenant == at.tenant else None
    organisation = tools.organisation(work, Lane(company, at.tenant)) if at else None
    there = draft.target_id if draft else ""
    link = tools.target(organisation).deep_link(organisation, there) if there and organisation else ""
    return {"draft": draft, "draft_link": link, "now_unclear": bool(draft and draft.state in drafts.UNCLEAR)}


_OF_STEP: Mapping[str, Callable[..., Mapping[str, Any]]] = {
    "accounts": _of_accounts,
    "contacts": _of_contacts,
    "preview": _of_preview,
    "test": _of_test,
}


def _app(tools: Tools, work: Work, found: tuple[CompanyApp, XeroApp] | None) -> dict[str, Any] | None:
    """The app without its secrets."""
    if found is None:
        return None
    used, app = found
    target = tools.target_of(work, used.company)
    login, way = target.login if target else None, APP_WAYS[app.kind]
    words = {name: login.wanted_scopes(name, way) for name in _SCOPES} if login else {}
    named = next((name for name, scopes in words.items() if set(scopes.split()) == set(used.scopes.split())), "")
    return {
        "client_id": app.client_id,
        "kind": app.kind,
        "way": way,
        "callback": app.callback,
        "scopes": used.scopes,
        "named": named,
        "enabled": used.state == "enabled",
        "secret_changed_at": app.secret_changed_at,
        "two_secrets": app.former_secret is not None,
        "webhook_address": f"{tools.settings.public_url.rstrip('/')}/xero/webhooks/{used.company}",
        "webhook_key": app.webhook_key is not None,
        "two_webhook_keys": app.former_webhook_key is not None,
        "webhook_seen_at": used.webhook_seen_at,
        "opens": tools.vault.opens(app.secret),
    }


def _choices(work: Work, at: CompanyConnection | None) -> dict[str, Any]:
    """What the organisation offered when it was last asked: usable ones, those offered first in front."""
    known = companies.choices_of_lane(work, Lane(at.company, at.tenant)) if at else {}
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
    return rendering.redirect(setup_address(company, "app"), f"{name or company} is added. Its Xero app comes next.")


@router.get("/companies/{company}/setup")
def moved_here(_visitor: SettingUp, company: str) -> Response:
    """The address that this had."""
    return rendering.redirect(setup_address(company))


def step_page(request: Request, visitor: SettingUp, company: str) -> Response:
    """The page of the step that the address names; without one of the first that is not done."""
    step = request.url.path.rpartition("/")[2]
    return show(request, visitor, company, Shown(part=step if step in setup_steps.KEYS else ""))


for _address in ("", *(f"/{key}" for key in setup_steps.KEYS)):
    router.add_api_route(f"/setup/{{company}}{_address}", step_page)


@router.post("/companies/{company}/setup/name")
def rename(visitor: SettingUp, form: Posted, company: str) -> Response:
    """Give the company another name."""
    name = form.text("name")[:255]
    must_exist(visitor, company)
    if name:
        apps.add_company(visitor.tools, company, name, visitor.user)
    return rendering.redirect(setup_address(company, "company"), f"It is called {name} now." if name else "")


@router.post("/companies/{company}/setup/choices")
def fetch(request: Request, visitor: SettingUp, company: str) -> Response:
    """Ask Xero what there is to choose from."""
    with visitor.tools.store.read() as work:
        organisation = contact_answers.organisation_of(work, visitor.tools, company)
    if organisation is None:
        return show(request, visitor, company, Shown(_UNCONNECTED, "accounts"), 422)
    try:
        for kind in offers.KINDS:
            offers.fetch(visitor.tools, organisation, kind)
    except Trouble as trouble:
        return show(request, visitor, company, Shown(rendering.away(trouble), "accounts"), 422)
    return rendering.redirect(setup_address(company, "accounts"), f"The choices are now as in {organisation.name}.")


@router.post("/companies/{company}/setup/settings")
def choose(request: Request, visitor: SettingUp, form: Posted, company: str) -> Response:
    """Change settings, checked with Xero as a host's own changes are."""
    try:
        seen = settings_form.seen_in(form)
    except (ValueError, TypeError):
        return show(request, visitor, company, Shown(_STALE, "accounts"), 422)
    typed = settings_form.of_form(form)
    patch = settings_form.settings_patch(seen, typed)
    if not patch:
        return rendering.redirect(setup_address(company, "accounts"), "No setting was changed.")
    problems, told = _change(visitor, company, patch)
    if problems:
        shown = Shown(part="accounts", problems=problems, typed=typed, seen=seen)
        return show(request, visitor, company, shown, 422)
    return rendering.redirect(setup_address(company, "accounts"), told)


@router.post("/companies/{company}/setup/contacts")
def link_here(visitor: SettingUp, company: str) -> Response:
    """Let clients be linked to contacts here, rather than by what CrewCard sends along."""
    must_exist(visitor, company)
    problems, _ = _change(visitor, company, {"contact_ids_editable": True})
    return rendering.redirect(setup_address(company, "contacts"), " ".join(problems) or _LINKED_HERE)


def _change(visitor: Visitor, company: str, patch: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Change settings as a host's own changes are: what speaks against it, else what came of it."""
    said, by = {"company": company, "settings": patch}, GivenBy(visitor.actor, orders.CONSOLE)
    try:
        told = change_submission.file_change(visitor.tools, CompanySettingsChanged, said, by, _PATIENCE_SECONDS)
    except Unreadable as refused:
        return tuple(settings_form.objection(one) for one in refused.problems), ""
    if told["state"] == "rejected":
        return tuple(settings_form.objection(one) for one in told["problems"]), ""
    done = _ACCEPTED if told["state"] == "waiting" else _CHANGED
    return (), f"{done} {_LOGIN_DUE}" if told.get("login_due") else done


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
