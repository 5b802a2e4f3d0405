"""What the facts leave uncertain, each a switch with the default we believe. Set by `PUT /_simulator/switches`."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal


def _switch(default: Any, source: str, does: str, *others: str) -> Any:
    """A switch: its default, where its source leaves the question open, what it does, and its other choices."""
    choices = (default, *others) if others else ()
    return field(default=default, metadata={"source": source, "does": does, "choices": choices})


@dataclass
class Switches:
    """Uncertain behaviours; `§` is a section of docs/xero/facts.md, an issue is one of a public tracker."""

    # How answers are built
    result_order: Literal["shuffled", "by_date", "as_sent"] = _switch(
        "shuffled", "§2.4: no order is guaranteed", "the order of a write's results", "by_date", "as_sent"
    )
    problem_keys: Literal["mixed", "pascal", "lower"] = _switch(
        "mixed", "§6.1 D: both were seen", "the case of the keys of problem JSON", "pascal", "lower"
    )
    nested_errors: Literal["both", "only_nested", "only_flat"] = _switch(
        "both", "§2.3: errors may sit nested", "where an element's messages sit", "only_nested", "only_flat"
    )
    currency_words: Literal["today", "older", "quoted"] = _switch(
        "today", "§6.2 #20 has three wordings", "how a currency is refused", "older", "quoted"
    )
    refused_without_number: bool = _switch(
        False, "§2.3 leaves open what is echoed", "refused elements come without InvoiceNumber"
    )
    answers_of_later: bool = _switch(
        False,
        "§9.3 #7: a new kind of phone, currency or status, and nulls, were met",
        "invoices come with values and elements that nobody knows yet, and without those that they need not have",
    )
    # What is refused
    discount_above_its_line_refused: bool = _switch(
        True, "§6.2 #51: certain; off shows what a client makes of it", "a discount above its line is refused"
    )
    negative_discount_refused: bool = _switch(
        True, "§8 says nothing of it: off takes it, and it raises the price", "a discount below zero is refused"
    )
    zero_discount_refused: bool = _switch(
        True, "§6.2 #22: 0 sent instead of null", "a discount of 0 is refused as a wrong line total"
    )
    due_date_required: bool = _switch(
        True, "§6.2 #26: a vendor's page", "an authorised sales invoice needs a due date"
    )
    url_must_not_contain_xero: bool = _switch(True, "§8: likely", "a Url with xero in it is refused")
    deleted_theme_refused: bool = _switch(
        True,
        "xero-php-oauth2#267: refused, its words not captured",
        "a BrandingThemeID that is not among the themes is refused; off: the standard theme takes its place",
    )
    own_id_on_create_refused: bool = _switch(
        True,
        "§2.1, xero-node#204: likely; the words are those of §6.2 #31",
        "a create with an InvoiceID is refused and echoes that id; off: the id is passed over",
    )
    empty_line_refused: bool = _switch(
        True, "nowhere stated, likely", "an approved invoice with a line of nothing at all is refused"
    )
    unknown_tracking: Literal["refused", "left_out"] = _switch(
        "refused",
        "§6.2 #30: text not found; xero-php#84, #636, xero-node#86, #516: left out in silence",
        "what becomes of a tracking category or option that is unknown or archived",
        "left_out",
    )
    # What is altered in silence
    beyond_basic_plane: Literal["kept", "dropped"] = _switch(
        "kept", "xeroizer#434: taken out", "emoji and all other characters above U+FFFF in texts", "dropped"
    )
    line_ends: Literal["kept", "lf", "crlf"] = _switch(
        "kept", "nowhere stated", "line ends in texts: as sent, or all alike", "lf", "crlf"
    )
    account_of_zero_line: Literal["kept", "dropped"] = _switch(
        "kept", "xero-php#660, quicktill#135: not kept", "the account of a line that comes to 0.00", "dropped"
    )
    zero_becomes_paid: bool = _switch(
        False, "suspected, found in no source", "an authorised invoice of 0.00 is PAID at once"
    )
    rounding: Literal["half_up", "half_even"] = _switch(
        "half_up", "§8: half a cent is documented nowhere", "how half a cent is rounded", "half_even"
    )
    odd_rate_warns: bool = _switch(
        True, "§2.3: since 7 April 2026, likely", "an odd CurrencyRate is a warning, not an error"
    )
    # Numbers and edits
    paid_edits: Literal["some_fields", "none"] = _switch(
        "some_fields", "§8: issues of 2019-20 show stricter behaviour", "what of a paid invoice can be edited", "none"
    )
    put_on_voided_number: Literal["unique", "status"] = _switch(
        "unique", "§12: expected #11", "what a create with a voided invoice's number is told (#11 or #12)", "status"
    )
    deleted_frees_number: bool = _switch(True, "§3.2: unverified", "a deleted invoice's number is free again")
    numbers_ignore_case: bool = _switch(True, "nowhere stated", "n-1 and N-1 are the same number")
    quiet_edits: bool = _switch(
        True,
        "§4.1: likely",
        "due date and SentToContact of part-paid invoices leave UpdatedDateUTC alone",
    )
    # Attachments
    same_name_replaces: bool = _switch(
        True, "§8: a vendor's page", "a file takes the place of one with its name; off: it stands beside it"
    )
    # Reads
    reads_lag_seconds: float = _switch(
        0.0, "nowhere stated; search indexes lag", "lists and searches show what was written only so much later"
    )
    single_reads_lag: bool = _switch(False, "nowhere stated", "a read of one invoice lags too")
    lists_give_url_back: bool = _switch(True, "nowhere stated", "lists and searches carry Url")
    high_volume: int = _switch(
        100_000, "§4.1: more results than this → HighVolumeException", "the most results of an unpaged list"
    )
    # Calls and logins
    idempotency_scope: Literal["app", "tenant"] = _switch(
        "app", "§3.1: likely", "whether a key counts for the app or for one organisation", "tenant"
    )
    cache_validation_answers: bool = _switch(
        True, "§3.1: not spelled out, assume yes", "a 400 is remembered under its key like any answer"
    )
    retry_after_on_appminute: bool = _switch(False, "§1.2: unclear", "Retry-After beside the app's minute")
    retry_after_on_concurrent: bool = _switch(False, "§1.2: not promised", "Retry-After beside too many at once")
    new_consent_kills_old_tokens: bool = _switch(
        True, "§12: the docs' advice implies it", "a new consent ends the user's earlier refresh tokens"
    )
    redirects_to_127_0_0_1: bool = _switch(
        False, "§7.1: http only for `localhost`, likely", "http redirects to 127.0.0.1 are allowed"
    )
    rapid_sync: bool = _switch(
        False, "§1.1: certified apps", "limits are lifted for the first 30 minutes of a connection"
    )
    largest_body: int = _switch(10_000_000, "§1.1: the docs say 10 MB and 3.5 MB", "the largest body in bytes")


def about(switches: Switches) -> dict[str, dict[str, Any]]:
    """Every switch by name: what it does, its value, default and choices, and the source that leaves it open."""
    return {
        one.name: {"value": getattr(switches, one.name), "default": one.default, **one.metadata}
        for one in fields(Switches)
    }


def set_all(switches: Switches, wanted: dict[str, Any]) -> None:
    """Turn the named switches. Raises ValueError for an unknown name or value; then none is turned."""
    known = {one.name: one for one in fields(Switches)}
    taken = {}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"unknown switch {name!r}; known are {sorted(known)}")
        default, choices = known[name].default, known[name].metadata["choices"]
        if choices and value not in choices:
            raise ValueError(f"{name} is one of {choices}")
        kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
        if type(value) not in kinds or (kinds == (int, float) and not 0 <= value < 1e9):
            raise ValueError(f"{name} takes {'seconds' if kinds == (int, float) else f'a {kinds[0].__name__}'}")
        taken[name] = value
    for name, value in taken.items():
        setattr(switches, name, value)
