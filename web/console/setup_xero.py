"""A company's Xero app and its connection: entered, rotated, switched; linked, parted, decided."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.credentials import AppKeys
from store import audit
from store.connections import AnotherSecret
from web.console import rendering, setup
from web.console.forms import Form, Posted
from web.console.setup import SettingUpProven, Shown
from web.console.visitor import must_exist
from worker.connections import apps, connecting, login_links
from worker.connections.apps import NoApp
from worker.decisions import addresses
from worker.decisions.refusals import LoginRefused
from worker.tools import Tools

HERE = "/companies/{company}/setup"
_LONGEST = 300
_NO_APP = "This company has no Xero app here yet."
_SHARED = "Another company uses this app, with another secret. Replace the secret there first."
_NOTHING = "There is nothing of that kind to do any more; somebody else may have been quicker."
router = APIRouter()


@router.post(f"{HERE}/app")
def set_app(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Keep the company's own Xero app; its secret is never shown again."""
    must_exist(visitor, company)
    tools = visitor.tools
    keys, problem = _keys(form), _objection(tools, form)
    if not problem:
        try:
            apps.set_app(tools, company, keys, _scopes(form), form.text("callback"), visitor.user)
        except AnotherSecret:
            problem = _SHARED
    if problem:
        kept = {name: form.text(name) for name in setup.APP_FIELDS}
        return setup.show(request, visitor, company, Shown(problem, "app", fields=kept), 422)
    return rendering.redirect(setup.setup_address(company), "The app is kept. Next, make a connect link.")


@router.post(f"{HERE}/secret")
def replace_secret(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """A new Client Secret; the former one stays good until it is forgotten."""
    secret = form.text("secret")
    if not _printable(secret):
        return setup.show(request, visitor, company, Shown("Paste the new Client Secret.", "app"), 422)

    def replace(tools: Tools) -> str:
        apps.rotate_secret(tools, company, secret, visitor.user)
        return "The new Client Secret counts; the former one stays good until you forget it."

    return _moved(request, visitor, company, "app", replace)


@router.post(f"{HERE}/forget-secret")
def forget_secret(request: Request, visitor: SettingUpProven, company: str) -> Response:
    """End a rotation."""

    def forget(tools: Tools) -> str:
        had = apps.forget_former_secret(tools, company, visitor.user)
        return "The former Client Secret is forgotten." if had else "There was only one Client Secret."

    return _moved(request, visitor, company, "app", forget)


@router.post(f"{HERE}/scopes")
def change_scopes(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Ask Xero for other permissions."""

    def change(tools: Tools) -> str:
        changed = apps.change_scopes(tools, company, _scopes(form), visitor.user)
        return "Changed. That takes a new login: make a connect link." if changed else "These are asked for already."

    return _moved(request, visitor, company, "app", change)


@router.post(f"{HERE}/exports")
def switch(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Switch the company's exports off or on."""
    on = form.text("do") == "on"

    def move(tools: Tools) -> str:
        (apps.enable if on else apps.disable)(tools, company, visitor.user, form.text("why"))
        return "Exports are on again." if on else "Exports are off. What is asked for waits; nothing is lost."

    return _moved(request, visitor, company, "app", move)


@router.post(f"{HERE}/link")
def make_link(request: Request, visitor: SettingUpProven, company: str) -> Response:
    """A fresh connect link, shown once on this page."""
    must_exist(visitor, company)
    tools = visitor.tools
    try:
        made = login_links.link(tools, company)
    except LoginRefused as refused:
        told = f"{refused} {refused.refusal.value.how}"
        return setup.show(request, visitor, company, Shown(told, "connection"), 422)
    with tools.store.write() as work:
        audit.note(work, visitor.user, "connect link made", company, {}, 0, "")
    return setup.show(request, visitor, company, Shown(part="connection", link=made))


@router.post(f"{HERE}/disconnect")
def disconnect(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """End the connection, at Xero too."""

    def move(tools: Tools) -> str:
        connecting.disconnect(tools, company, visitor.user, form.text("why"))
        return "Disconnected, at Xero too. What is asked for waits until the company is connected again."

    return _moved(request, visitor, company, "connection", move)


@router.post(f"{HERE}/decide")
def decide(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """What becomes of invoices meant for another organisation than the present one."""
    send = form.text("do") == "send"

    def move(tools: Tools) -> str:
        count = connecting.decide(tools, company, send=send, by=visitor.user)
        told = rendering.count(count, "invoice")
        return f"{told} sent on to the present organisation." if send else f"{told} cancelled."

    return _moved(request, visitor, company, "connection", move)


def _moved(
    request: Request, visitor: SettingUpProven, company: str, part: str, move: Callable[[Tools], str]
) -> Response:
    """Do it and say so, or say why not. Raises Missing."""
    must_exist(visitor, company)
    try:
        return rendering.redirect(setup.setup_address(company), move(visitor.tools))
    except NoApp:
        problem = _NO_APP
    except LookupError:
        problem = _NOTHING
    except Trouble as trouble:
        problem = rendering.away(trouble)
    return setup.show(request, visitor, company, Shown(problem, part), 422)


def _keys(form: Form) -> AppKeys:
    if form.text("kind") == "pkce":
        return AppKeys(form.text("client_id"), (), "pkce")
    return AppKeys(form.text("client_id"), (form.text("secret"),), "web")


def _objection(tools: Tools, form: Form) -> str:
    """What is wrong with an app's form; empty when nothing is."""
    if not _printable(form.text("client_id")) or " " in form.text("client_id"):
        return "Paste the app's Client ID, as Xero's developer portal shows it."
    if form.text("kind") != "pkce" and not _printable(form.text("secret")):
        return "Paste the app's Client Secret; Xero's developer portal shows it once."
    callback = form.text("callback")
    if callback and not addresses.return_allowed(callback, tools.settings.return_addresses):
        return f"{callback} is not on the list RETURN_ADDRESSES, so Xero's answer must not go there."
    return ""


def _scopes(form: Form) -> str:
    return form.text("other_scopes") or ("broad" if form.text("scopes") == "broad" else "granular")


def _printable(text: str) -> bool:
    return bool(text) and len(text) <= _LONGEST and text.isprintable()
