"""A company's settings as a form has them, what is proposed where nothing is chosen, and what was changed; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from events.accounting_target import ListedChoice
from events.settings import CompanySettings
from web.console.forms import Form

_USUAL_ACCOUNT = "200"  # Sales, in the chart of accounts that Xero gives a new organisation
MOST_KINDS, TRACKED, MOST_TRACKED = 100, 2, 6
DUE_RULES = {
    "": "The invoice's own due date only",
    "days_after_invoice": "days after the invoice",
    "days_after_month_end": "days after the end of the invoice's month",
    "day_of_this_month": "day of the invoice's month",
    "day_of_next_month": "day of the next month",
}
NEW_CONTACTS = {
    "": "Never",
    "on_request": "When somebody asks for it",
    "automatic": "By themselves, where Xero has nothing like the client",
}
_PLAIN = (
    "default_account_code", "default_tax_type", "invoice_status", "branding_theme", "new_contacts",
    "credit_note_status", "credit_note_account_code",
)  # fmt: skip
_PREFIXES = ("number_prefix", "credit_note_prefix")
_TICKED = ("contact_ids_editable", "attachments", "credit_notes", "sent_to_contact")
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
    new_contacts: str = ""
    attachments: str = ""
    credit_notes: str = ""
    credit_note_status: str = ""
    credit_note_prefix: str = ""
    credit_note_account_code: str = ""
    sent_to_contact: str = ""
    summary_hour: str = ""
    summary_zone: str = ""
    summary_always: str = ""
    tracking: Rows = ()
    kinds: Rows = ()

    def packed(self) -> str:
        """The same in one field, so that a form remembers what it showed."""
        return json.dumps(asdict(self))


def of_settings(kept: CompanySettings) -> Typed:
    """What is set; the rule of older settings as the rule it means."""
    due = (kept.due.kind, str(kept.due.days)) if kept.due else ("", "")
    daily = kept.daily_summary
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
        new_contacts=kept.new_contacts or "",
        attachments="yes" if kept.attachments else "",
        credit_notes="yes" if kept.credit_notes else "",
        credit_note_status=kept.credit_note_status or "",
        credit_note_prefix=kept.credit_note_prefix or "",
        credit_note_account_code=kept.credit_note_account_code or "",
        sent_to_contact="yes" if kept.sent_to_contact else "",
        summary_hour=str(daily.hour) if daily else "",
        summary_zone=daily.time_zone if daily else "",
        summary_always="yes" if daily and daily.always else "",
        tracking=tuple((one.category, one.option) for one in kept.tracking or ()),
        kinds=tuple(
            (name, one.account_code or "", one.tax_type or "") for name, one in sorted((kept.kinds or {}).items())
        ),
    )


def of_form(form: Form) -> Typed:
    """What was typed and chosen."""
    plain = (*_PLAIN, "due_kind", "due_days", *_TICKED, "summary_hour", "summary_zone", "summary_always")
    tracking = [(form.text(f"category-{at}"), form.text(f"option-{at}")) for at in range(MOST_TRACKED)]
    kinds = [tuple(form.text(f"{part}-{at}") for part in ("kind", "account", "tax")) for at in range(MOST_KINDS)]
    return Typed(
        **{name: form.text(name) for name in plain},
        **{name: form.whole(name) for name in _PREFIXES},
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


def proposed(kept: Typed, accounts: Sequence[ListedChoice] | None) -> Typed:
    """What is set, with a default account to begin with where there is none: the usual one for sales, else the first.

    The tax rate needs no proposal: none of its own means that of the account.
    """
    codes = [one.code for one in accounts or () if one.first]
    if kept.default_account_code or not codes:
        return kept
    return replace(kept, default_account_code=_USUAL_ACCOUNT if _USUAL_ACCOUNT in codes else codes[0])


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
    for name in (*_PLAIN, *_PREFIXES, *_TICKED):
        if getattr(seen, name) != getattr(typed, name):
            said[name] = bool(getattr(typed, name)) if name in _TICKED else getattr(typed, name) or None
    if (seen.due_kind, seen.due_days) != (typed.due_kind, typed.due_days):
        said["due"] = {"kind": typed.due_kind, "days": typed.due_days} if typed.due_kind else None
    if (daily := _daily(typed)) != _daily(seen):
        said["daily_summary"] = daily
    if seen.tracking != typed.tracking:
        said["tracking"] = [{"category": category, "option": option} for category, option in typed.tracking] or None
    if kinds := _kinds(seen.kinds, typed.kinds):
        said["kinds"] = kinds
    return said


_NAMES = {
    "daily_summary.time_zone": "Daily summary, time zone",
    "daily_summary": "Daily summary",
    "default_account_code": "Default account",
    "default_tax_type": "Default tax rate",
    "due": "Default due date",
    "number_prefix": "Invoice number prefix",
    "branding_theme": "Branding theme",
    "tracking": "Tracking",
    "credit_note_prefix": "Number prefix of credit notes",
    "credit_note_account_code": "Default account of credit notes",
    "kinds": "Accounts by type of line",
}


def objection(said: str) -> str:
    """What speaks against a change, with the field as the form calls it: not as an event does."""
    field, _, why = said.partition(": ")
    path = field.removeprefix("data.").removeprefix("settings.")
    known = next((name for key, name in _NAMES.items() if path == key or path.startswith(f"{key}.")), None)
    return f"{known} {why}" if known and why else said


def _daily(typed: Typed) -> Mapping[str, Any] | None:
    """The daily summary as an event says it; without an hour there is none."""
    if not typed.summary_hour:
        return None
    return {"hour": typed.summary_hour, "time_zone": typed.summary_zone, "always": bool(typed.summary_always)}


def _kinds(seen: Rows, typed: Rows) -> Mapping[str, Any]:
    """The kinds that came, changed or went."""
    before = {one[0]: one[1:] for one in seen}
    after = {one[0]: one[1:] for one in typed}
    gone: dict[str, Any] = dict.fromkeys(set(before) - set(after))
    changed = {name: cells for name, cells in after.items() if before.get(name) != cells}
    return gone | {
        name: {"account_code": account or None, "tax_type": tax or None} for name, (account, tax) in changed.items()
    }
