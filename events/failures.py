"""A failure of one invoice: a reason, the invoice's own facts, and Xero's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from events.help import Who
from events.reasons import Reason
from events.wording import inside, lines, shortened

FAILED_TITLE = "Invoice Failed to Export"
LONGEST_MESSAGE = 300
_LINE_SAID = 40
_OF_A_SETTING = (
    "Choose another in the company's Xero settings ({setting}); what failed for it is then sent by itself.",
    "If it was mended in Xero instead, press “send again”.",
)
_CUTS = (120, 60, 30, 15)  # characters of a fact, until the sentence fits
_COUNTED = " Also: {} more."
_UNNAMED = {
    "account": "the account",
    "client": "the client",
    "currency": "that currency",
    "date": "that day",
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
    "stated": "another sum",
    "status": "already paid, voided or deleted",
    "tax": "the tax rate",
    "total": "less than zero",
    "tracking": "the tracking",
    "waited_for": "its turn",
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
