"""A failure of one invoice: a reason, the invoice's own facts, and Xero's words.

What has to be mended: invoices that fail for one thing are one group; pure.

A cause is a reason and the thing: `contact_not_mapped:acme`, `account_archived:299`, or a reason alone where each
invoice is its own matter.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from events.help import Who, reader_of
from events.invoice import Document
from events.reasons import Reason
from events.settings import CompanySettings
from events.wording import inside, lines, shortened

FAILED_TITLE = "Invoice Failed to Export"
LONGEST_MESSAGE = 300
_LINE_SAID = 40
_OF_A_SETTING = (
    "Choose another in the company's Xero settings ({setting}); what failed for it is then sent by itself.",
    "If it was fixed in Xero instead, press “send again”.",
)
_CUTS = (120, 60, 30, 15)  # characters of a fact, until the sentence fits
_COUNTED = " Also: {} more."
_UNNAMED = {
    "account": "the account",
    "amount": "more than that",
    "client": "the client",
    "currency": "that currency",
    "date": "that day",
    "document": "another document",
    "discount": "see the lines of the invoice",
    "edits": "Xero's history of the invoice says what",
    "item": "the item",
    "lines": "something else",
    "lock_date": "a later day",
    "month": "that month",
    "number": "of this name",
    "other": "not one of ours",
    "payment": "the invoice in Xero says how much",
    "problem": "a field is missing or wrong",
    "rate": "a rate",
    "said": "(nothing)",
    "setting": "the setting that the message names",
    "stands": "neither voided nor deleted",
    "stated": "another sum",
    "status": "already paid, voided or deleted",
    "tax": "the tax rate",
    "total": "less than zero",
    "tracking": "the tracking",
    "waited_for": "its turn",
    "wanted": "this document",
    "why": "your company has none here",
}


@dataclass(frozen=True)
class Failure:
    """Why one invoice failed. `said` is Xero's own words, `line` the line's position from 1.

    `others` is what else is wrong with the same invoice, less useful first than this.
    """

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None
    line: int | None = None
    others: tuple["Failure", ...] = ()

    def knowing(self, **facts: str) -> "Failure":
        """The same failure with more facts; what it already knows wins."""
        others = tuple(other.knowing(**facts) for other in self.others)
        return replace(self, facts={**facts, **self.facts}, others=others)

    def all(self) -> tuple["Failure", ...]:
        """Everything that is wrong with the invoice, this first."""
        return (replace(self, others=()), *self.others)

    def words(self) -> str | None:
        """All of Xero's own words, each once."""
        told = dict.fromkeys(one.said for one in self.all() if one.said)
        return " ".join(told) or None

    def message(self) -> str:
        """What happened, with the invoice's own facts in it, at most 300 characters; then what else is wrong."""
        told = next((one for cut in _CUTS if len(one := self._sentence(cut)) <= LONGEST_MESSAGE), None)
        told = told or shortened(self._sentence(_CUTS[-1]), LONGEST_MESSAGE)
        return _with_others(told, self._also())

    def steps(self) -> tuple[str, ...]:
        """What to do, one step after the other."""
        known = {**_UNNAMED, **self.facts}
        short = {name: shortened(value, _CUTS[0]) for name, value in known.items()}
        steps = _OF_A_SETTING if self._is_of_settings else self.reason.value.steps
        return tuple(step.format_map(short) for step in steps)

    def readers(self) -> tuple[Who, ...]:
        """Who takes each of the steps."""
        return tuple(reader_of(step, self.who) for step in self.steps())

    def remedy(self) -> str:
        """What to do, in one piece."""
        return " ".join(self.steps())

    @property
    def who(self) -> Who:
        """Who can mend it; some of what cannot be read whoever wrote the invoice can, a setting an admin."""
        if self._is_of_settings:
            return "admin"
        return "clerk" if self.facts.get("mends") == "clerk" else self.reason.value.who

    @property
    def by_itself(self) -> bool:
        """Whether the exporter sends the invoice again without anybody, once the cause is gone."""
        return self._is_of_settings or self.reason.value.by_itself

    @property
    def _is_of_settings(self) -> bool:
        """Whether all that was refused comes from the company's settings, and nothing of it with the invoice."""
        return self.facts.get("mends") == "admin"

    def link(self) -> str | None:
        """The page where it is mended, if its address is known."""
        return self.facts.get(f"link_{self.reason.value.opens}")

    def _sentence(self, cut: int) -> str:
        """The sentence with its facts cut to so many characters; Xero's words have the room that is left."""
        facts = {**_UNNAMED, **self.facts}
        short = {name: shortened(value, cut) for name, value in facts.items()}
        sentence, place = self.reason.value.message, self._place()
        left = LONGEST_MESSAGE - len(sentence.format_map({**short, "said": ""})) - len(place)
        left -= len(_COUNTED.format(99)) if self.others else 0
        short["said"] = shortened(self.said or facts["said"], max(left, cut))
        left += cut - len(short["problem"]) if "{problem}" in sentence else 0
        short["problem"] = shortened(facts["problem"], max(left, cut))
        return sentence.format_map(short) + place

    def _place(self) -> str:
        """The line at fault, where what is wrong with it does not name it; the company's setting it comes from."""
        setting = self.facts.get("setting")
        from_settings = (
            f" It comes from the company's Xero settings: {shortened(setting, _CUTS[1])}." if setting else ""
        )
        return self._at_line() + from_settings

    def _at_line(self) -> str:
        if not self.line or self.reason is Reason.INVOICE_UNREADABLE:
            return ""
        named = self.facts.get("line_said")
        return f" (Line {self.line}, “{shortened(named, _LINE_SAID)}”.)" if named else f" (Line {self.line}.)"

    def _also(self) -> list[str]:
        """What else is wrong, a phrase each: the same elsewhere, other things by their titles."""
        at: dict[str, list[int]] = {}
        for other in self.others:
            placed = None if other.reason is Reason.INVOICE_UNREADABLE else other.line
            at.setdefault(_named(other, self), []).extend([placed] if placed else [])
        return [f"{what} ({lines(sorted(set(numbers)))})" if numbers else what for what, numbers in at.items()]


def _named(failure: Failure, first: Failure) -> str:
    if failure.reason is Reason.XERO_REFUSED and failure.said:
        return f"Xero said: {shortened(failure.said, _CUTS[0])}".removesuffix(".")
    if failure.reason is Reason.INVOICE_UNREADABLE:
        return failure.facts.get("problem", _UNNAMED["problem"])
    if failure.reason is first.reason and _things(failure) == _things(first):
        return "the same once more"
    return inside(failure.reason.value.title)


def _things(failure: Failure) -> list[str | None]:
    return [failure.facts.get(name) for name in failure.reason.value.thing]


def _with_others(told: str, also: Sequence[str]) -> str:
    """As many of the phrases as there is room for; the others are counted."""
    for kept in range(len(also), 0, -1):
        rest = len(also) - kept
        whole = f"{told} Also: {'; '.join(also[:kept])}{f'; and {rest} more' if rest else ''}."
        if len(whole) <= LONGEST_MESSAGE:
            return whole
    counted = told + _COUNTED.format(len(also)) if also else told
    return counted if len(counted) <= LONGEST_MESSAGE else told


_DOCUMENTS: Mapping[Document, str] = {"invoice": "an invoice", "credit_note": "a credit note"}


def fixed_as(document: Document, wanted: Document) -> Failure:
    """That what may be in Xero as one kind of document cannot become another."""
    return Failure(Reason.DOCUMENT_FIXED, {"document": _DOCUMENTS[document], "wanted": _DOCUMENTS[wanted]})


CONNECTION = "connection"
WAITED_FOR_CONNECTION = "the connection to Xero"
NOT_MENDED = frozenset({Reason.CANCELLED.code, Reason.EXCLUDED.code})  # a person wanted it so
_OF_CONTENT = (
    Reason.DISCOUNT_BELOW_ZERO,
    Reason.DISCOUNT_TOO_LARGE,
    Reason.DISCOUNT_TWICE,
    Reason.DOCUMENT_FIXED,
    Reason.INVOICE_UNREADABLE,
    Reason.LINE_TOO_LARGE,
    Reason.LINES_MISSING,
    Reason.NEGATIVE_TOTAL,
    Reason.TOTALS_DO_NOT_ADD_UP,
)
_AND = "-with-"
_LONGEST_KEY, _LONGEST_THING = 100, 80
_OF_CONTACT = (
    Reason.CONTACT_ARCHIVED,
    Reason.CONTACT_EMAIL_INVALID,
    Reason.CONTACT_ID_MALFORMED,
    Reason.CONTACT_NAME_TAKEN,
    Reason.CONTACT_NOT_FOUND,
    Reason.CONTACT_NOT_MAPPED,
)
_OF_ACCOUNT = (Reason.ACCOUNT_ARCHIVED, Reason.ACCOUNT_INVALID)
_SAID_OF_ITS_OWN = re.compile(r"'[^']*'|“[^”]*”|\d+")
_SHOWN = {"client_id": "client", "said": "said", "wrong": "wrong_said"}
_BY: Mapping[str, Who] = {"-by-clerk": "clerk", "-by-admin": "admin"}
_PLAIN = re.compile(r"[\w.:-]")
_LONGEST_CLIENT = 600  # an index of PostgreSQL holds 2,700 bytes


def cause_of(failure: Failure) -> str:
    """The cause's key."""
    if failure.reason in _OF_CONTACT:
        return _key_of_client(failure.reason, failure.facts.get("client_id", ""))
    found = key(failure.reason, *(_thing(failure, name) for name in failure.reason.value.thing))
    return found if failure.who == failure.reason.value.who else f"{found}-by-{failure.who}"


def who_mends(cause: str) -> Who:
    """Who can mend a cause; support what nobody knows."""
    reason = reason_of(cause)
    return _BY.get(_mended_by(cause)) or (reason.value.who if reason else "support")


def goes_by_itself(cause: str) -> bool:
    """Whether its invoices are sent again without anybody, once the cause is gone."""
    reason = reason_of(cause)
    return is_of_settings(cause) or bool(reason and reason.value.by_itself)


def needs_new_content(cause: str) -> bool:
    """Whether the invoice itself is at fault: sent again as CrewCard sent it, it fails again."""
    return reason_of(cause) in _OF_CONTENT


def is_of_settings(cause: str) -> bool:
    """Whether what Xero refused comes from the company's settings alone."""
    return _mended_by(cause) == "-by-admin" or reason_of(cause) is Reason.BRANDING_THEME_INVALID


def _mended_by(cause: str) -> str:
    """What a key ends with where another than usual mends it; a client's id may end as it likes."""
    return "" if reason_of(cause) in _OF_CONTACT else next((end for end in _BY if cause.endswith(end)), "")


def about(failure: Failure) -> str:
    """The thing in words: `ACME Ltd`, `299`; empty where the cause is a reason alone."""
    known = {**failure.facts, "said": failure.said or ""}
    things = [known.get(_SHOWN.get(name, name), "") for name in failure.reason.value.thing]
    return shortened(", ".join(thing for thing in things if thing), _LONGEST_THING)


def reason_of(cause: str) -> Reason | None:
    """The reason in a cause; None for what is no cause of ours."""
    return Reason.__members__.get(cause.partition(":")[0].upper())


def titled(cause: str) -> str:
    """A cause in words, where nothing more is known of it: “Account archived: 299”."""
    known, thing = reason_of(cause), thing_of(cause)
    title = known.value.title if known else cause
    return f"{title}: {thing}" if known and thing else title


def key(reason: Reason, *things: str) -> str:
    """The key of a reason and the things it is about, in characters that survive a command line."""
    told = re.sub(r"[^\w.:-]+", "-", _AND.join(thing for thing in things if thing)).strip("-")
    return f"{reason.code}:{told[:_LONGEST_KEY]}" if told else reason.code


def gone_with_contact(client: str) -> tuple[str, ...]:
    """What is mended when a client is linked to a contact, or to another one."""
    return tuple(_key_of_client(reason, client) for reason in _OF_CONTACT)


def thing_of(cause: str) -> str:
    """The thing in a cause: `acme`, `299`; of a contact's causes the client's id, as the host writes it."""
    return unquote(cause.removesuffix(_mended_by(cause)).partition(":")[2])


def _key_of_client(reason: Reason, client: str) -> str:
    """The key of what is about a client; its id can be told from it, whatever signs it is made of."""
    told = "".join(sign if _PLAIN.match(sign) else quote(sign, safe="") for sign in client)
    if len(told) > _LONGEST_CLIENT:
        told = f"{told[:_LONGEST_CLIENT]}-{hashlib.sha256(client.encode()).hexdigest()[:16]}"
    return f"{reason.code}:{told}" if told else reason.code


def gone_with_connection() -> tuple[str, ...]:
    """What is mended when a company is connected again."""
    return (key(Reason.EXPIRED, WAITED_FOR_CONNECTION),)


def gone_with_settings(before: CompanySettings, after: CompanySettings, open_causes: Mapping[str, int]) -> list[str]:
    """Which of the open causes are mended by new settings of the company."""
    gone: list[str] = []
    if after.default_account_code not in (None, before.default_account_code):
        gone += [key(Reason.ACCOUNT_MISSING), *_with(open_causes, _OF_ACCOUNT, before.default_account_code)]
        gone += _with(open_causes, (Reason.TAX_NOT_FOR_ACCOUNT,), before.default_account_code)
    if after.default_tax_type not in (None, before.default_tax_type):
        gone += _with(open_causes, (Reason.TAX_TYPE_INVALID, Reason.TAX_NOT_FOR_ACCOUNT), before.default_tax_type)
    if after.tracking != before.tracking:
        gone += [cause for cause in open_causes if reason_of(cause) is Reason.TRACKING_INVALID]
    if after.branding_theme != before.branding_theme:
        gone += [cause for cause in open_causes if reason_of(cause) is Reason.BRANDING_THEME_INVALID]
    for kind, was in (before.kinds or {}).items():
        now = (after.kinds or {}).get(kind)
        if was.account_code and (now is None or now.account_code != was.account_code):
            gone += _with(open_causes, (*_OF_ACCOUNT, Reason.TAX_NOT_FOR_ACCOUNT), was.account_code)
        if was.tax_type and (now is None or now.tax_type != was.tax_type):
            gone += _with(open_causes, (Reason.TAX_TYPE_INVALID, Reason.TAX_NOT_FOR_ACCOUNT), was.tax_type)
    if after.days_until_due not in (None, before.days_until_due):
        gone.append(key(Reason.DUE_DATE_MISSING))
    if after.invoice_status == "DRAFT" != before.invoice_status:
        drafts = (Reason.ACCOUNT_MISSING, Reason.DUE_DATE_MISSING, Reason.PLAN_LIMIT)
        gone += [cause for cause in open_causes if reason_of(cause) in drafts]
    return sorted(set(gone) & set(open_causes))


def _with(open_causes: Mapping[str, int], reasons: tuple[Reason, ...], thing: str | None) -> list[str]:
    """The causes with one of these reasons that are about the thing, alone or with another."""
    if not thing:
        return []
    plain = key(reasons[0], thing).partition(":")[2]
    of_reasons = {
        cause: cause.removesuffix(_mended_by(cause)) for cause in open_causes if reason_of(cause) in reasons
    }
    return [cause for cause, bare in of_reasons.items() if plain in bare.partition(":")[2].split(_AND)]


def _thing(failure: Failure, name: str) -> str:
    """What tells this thing from others; of Xero's words only what does not change from invoice to invoice."""
    if name != "said":
        return failure.facts.get(name, "")
    return " ".join(_SAID_OF_ITS_OWN.sub(" ", failure.said or "").split()[:12])
