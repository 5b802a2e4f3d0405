"""A company's settings as a form has them, and what was changed there; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from events.accounting_target import ListedChoice
from events.settings import CompanySettings
from web.console.forms import Form

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


def patch(seen: Typed, typed: Typed) -> dict[str, Any]:
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
