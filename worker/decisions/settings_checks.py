"""Can these settings be used in the organisation? Each objection is a sentence with the choices there are; pure.

And which of them what Xero refused comes from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from events.accounting_target import ChoiceKind, ListedChoice
from events.failures import Failure
from events.invoice import Invoice, LineItem
from events.reasons import Reason
from events.settings import CompanySettings, SettingsPatch, Theme

_MOST_SHOWN = 15
_NEEDS: Mapping[str, Sequence[ChoiceKind]] = {
    "default_account_code": ("accounts",),
    "credit_note_account_code": ("accounts",),
    "default_tax_type": ("tax_rates",),
    "kinds": ("accounts", "tax_rates"),
    "tracking": ("tracking",),
    "branding_theme": ("branding_themes",),
}
# What Xero refused of a line: the facts that name it.
_REFUSED: Mapping[Reason, Sequence[str]] = {
    Reason.ACCOUNT_ARCHIVED: ("account",),
    Reason.ACCOUNT_INVALID: ("account",),
    Reason.TAX_TYPE_INVALID: ("tax",),
    Reason.TAX_NOT_FOR_ACCOUNT: ("tax", "account"),
    Reason.TRACKING_INVALID: ("tracking",),
}
Choices = Mapping[ChoiceKind, Sequence[ListedChoice]]


def needed(patch: SettingsPatch) -> list[ChoiceKind]:
    """What the organisation has to be asked about before the patch can be judged."""
    named = [name for name, value in patch.given().items() if value]
    kinds = {kind for name in named for kind in _NEEDS.get(name, ())}
    if not any(account for _, account in _accounts(patch)):
        kinds.discard("accounts")
    if not any(tax for _, tax in _tax_types(patch)):
        kinds.discard("tax_rates")
    return sorted(kinds)


def objections(patch: SettingsPatch, choices: Choices) -> list[str]:
    """What is wrong with the patch, each in a sentence; empty when it can be used."""
    judges = (_of_accounts, _of_tax, _of_tracking, _of_theme)
    return [problem for judge in judges for problem in judge(patch, choices)]


def theme_of(patch: SettingsPatch, choices: Choices) -> Theme | None:
    """The theme that the patch names, with its id."""
    for one in choices.get("branding_themes", ()):
        if patch.branding_theme and patch.branding_theme.casefold() in (one.name.casefold(), one.code.casefold()):
            return Theme(id=one.code, name=one.name)
    return None


def in_force(settings: CompanySettings, patch: SettingsPatch, choices: Choices) -> CompanySettings:
    """The settings once the patch counts, with names spelled as the organisation spells them."""
    changed = settings.changed_by(patch, theme_of(patch, choices))
    categories = {one.name.casefold(): one for one in choices.get("tracking", ())}
    if not patch.tracking or not categories:
        return changed
    spelled = tuple(
        one.model_copy(
            update={
                "category": categories[one.category.casefold()].name,
                "option": _spelled(one.option, categories[one.category.casefold()].options),
            }
        )
        for one in patch.tracking
    )
    return changed.model_copy(update={"tracking": spelled})


def is_of_lines(failure: Failure) -> bool:
    """Whether something was refused that a line may have from the company's settings."""
    return any(one.reason in _REFUSED for one in failure.all())


def named(failure: Failure, invoice: Invoice, settings: CompanySettings) -> Failure:
    """The failure with the settings that what was refused comes from; as it was where that came with the invoice.

    Where all that was refused comes from settings, an admin mends it.
    """
    others = tuple(named(other, invoice, settings) for other in failure.others)
    asked = {name: _source(name, failure, invoice, settings) for name in _REFUSED.get(failure.reason, ())}
    found = {name: source for name, source in asked.items() if source}
    if not found:
        return replace(failure, others=others)
    values = {name: value.replace("\n", ", ") for name, (_, value) in found.items()}
    told = {"setting": " and ".join(dict.fromkeys(setting for setting, _ in found.values()))}
    mends = {"mends": "admin"} if len(found) == len(asked) else {}
    return replace(failure, facts={**values, **failure.facts, **told, **mends}, others=others)


def _source(name: str, failure: Failure, invoice: Invoice, settings: CompanySettings) -> tuple[str, str] | None:
    """The setting in words and its value, where every line at fault has it from there."""
    said, at = failure.facts.get(name), failure.line
    lines = invoice.lines[at - 1 : at] if at else invoice.lines
    sources = [_SOURCES[name](line, settings) for line in lines if not line.is_text]
    at_fault = [one for one in sources if one and (said is None or _is_about(name, said, one[1]))]
    return at_fault[0] if at_fault and all(setting for setting, _ in at_fault) else None


def _is_about(name: str, said: str, value: str) -> bool:
    """Whether what was refused is this value; of two tracking options one alone is named, and not always alike."""
    if name != "tracking":
        return said == value
    return _bare(said) in {_bare(value), *(_bare(one) for one in value.splitlines())}


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _account_of(line: LineItem, settings: CompanySettings) -> tuple[str, str] | None:
    if line.account_code:
        return "", line.account_code
    value = settings.of_kind(line.kind).account_code
    own = value != settings.default_account_code
    return (f"account of {line.kind} lines" if own else "default account", value) if value else None


def _tax_of(line: LineItem, settings: CompanySettings) -> tuple[str, str] | None:
    if line.tax_type:
        return "", line.tax_type
    value = settings.of_kind(line.kind).tax_type
    own = value != settings.default_tax_type
    return (f"tax rate of {line.kind} lines" if own else "default tax rate", value) if value else None


def _tracking_of(line: LineItem, settings: CompanySettings) -> tuple[str, str] | None:
    chosen = line.tracking or settings.tracking
    told = "\n".join(f"{one.category} “{one.option}”" for one in chosen or ())
    return ("" if line.tracking else "tracking", told) if told else None


_SOURCES: Mapping[str, Callable[[LineItem, CompanySettings], tuple[str, str] | None]] = {
    "account": _account_of,
    "tax": _tax_of,
    "tracking": _tracking_of,
}


def _spelled(name: str, known: Sequence[str]) -> str:
    return next((one for one in known if one.casefold() == name.casefold()), name)


def _accounts(patch: SettingsPatch) -> Iterator[tuple[str, str]]:
    if patch.default_account_code:
        yield "", patch.default_account_code
    if patch.credit_note_account_code:
        yield " for credit notes", patch.credit_note_account_code
    for kind, one in (patch.kinds or {}).items():
        if one and one.account_code:
            yield f" for {kind} lines", one.account_code


def _tax_types(patch: SettingsPatch) -> Iterator[tuple[str, str]]:
    if patch.default_tax_type:
        yield "", patch.default_tax_type
    for kind, one in (patch.kinds or {}).items():
        if one and one.tax_type:
            yield f" for {kind} lines", one.tax_type


def _of_accounts(patch: SettingsPatch, choices: Choices) -> Iterator[str]:
    known = {one.code: one for one in choices.get("accounts", ())}
    for where, code in _accounts(patch):
        if code not in known or not known[code].usable:
            why = "is archived, or not for sales invoices, in Xero" if code in known else "does not exist in Xero"
            yield f"Account {code}{where} {why}. Choose one of: {_usable_in_words(known.values())}."


def _of_tax(patch: SettingsPatch, choices: Choices) -> Iterator[str]:
    known = {one.code: one for one in choices.get("tax_rates", ())}
    for where, code in _tax_types(patch):
        if code not in known or not known[code].usable:
            why = "is archived, or not for sales, in Xero" if code in known else "does not exist in Xero"
            yield f"Tax rate {code}{where} {why}. Choose one of: {_usable_in_words(known.values())}."


def _of_tracking(patch: SettingsPatch, choices: Choices) -> Iterator[str]:
    known = {one.name.casefold(): one for one in choices.get("tracking", ()) if one.usable}
    for chosen in patch.tracking or ():
        category = known.get(chosen.category.casefold())
        if category is None:
            names = _usable_in_words(known.values())
            yield f"Tracking category {chosen.category} does not exist in Xero. Choose one of: {names}."
        elif chosen.option.casefold() not in {one.casefold() for one in category.options}:
            options = _list(list(category.options))
            yield f"{category.name} has no option {chosen.option} in Xero. Choose one of: {options}."


def _of_theme(patch: SettingsPatch, choices: Choices) -> Iterator[str]:
    if patch.branding_theme and theme_of(patch, choices) is None:
        names = _list([one.name for one in choices.get("branding_themes", ())])
        yield f"Branding theme {patch.branding_theme} does not exist in Xero. Choose one of: {names}."


def _usable_in_words(known: Iterable[ListedChoice]) -> str:
    """The usable choices in a sentence, those offered first in front; no more than a person reads."""
    usable = sorted((one for one in known if one.usable), key=lambda one: (not one.first, one.code))
    return _list([one.code if one.name in ("", one.code) else f"{one.code} ({one.name})" for one in usable])


def _list(names: Sequence[str]) -> str:
    if not names:
        return "(there is none)"
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more
