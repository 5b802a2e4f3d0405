"""What the facts leave uncertain, each a switch with the default we believe. Set by `PUT /_simulator/switches`."""

from dataclasses import dataclass, fields
from typing import Any, Literal

CHOICES: dict[str, tuple[str, ...]] = {
    "result_order": ("shuffled", "by_date", "as_sent"),
    "problem_keys": ("mixed", "pascal", "lower"),
    "rounding": ("half_up", "half_even"),
    "nested_errors": ("both", "only_nested", "only_flat"),
    "currency_words": ("today", "older", "quoted"),
    "paid_edits": ("some_fields", "none"),
    "put_on_voided_number": ("unique", "status"),
    "idempotency_scope": ("app", "tenant"),
}


@dataclass
class Switches:
    """Uncertain behaviours. The comment on each gives the place in the facts that leaves it open."""

    result_order: Literal["shuffled", "by_date", "as_sent"] = "shuffled"  # §2.4: no order is guaranteed
    problem_keys: Literal["mixed", "pascal", "lower"] = "mixed"  # §6.1 D: both were seen
    rounding: Literal["half_up", "half_even"] = "half_up"  # §8: half a cent is documented nowhere
    nested_errors: Literal["both", "only_nested", "only_flat"] = "both"  # §2.3: errors may sit nested
    currency_words: Literal["today", "older", "quoted"] = "today"  # §6.2 #20 has three wordings
    paid_edits: Literal["some_fields", "none"] = "some_fields"  # §8: issues of 2019-20 show stricter behaviour
    put_on_voided_number: Literal["unique", "status"] = "unique"  # §12: expected #11
    deleted_frees_number: bool = True  # §3.2: unverified
    numbers_ignore_case: bool = True  # nowhere stated
    due_date_required: bool = True  # §6.2 #26: a vendor's page
    zero_discount_refused: bool = True  # §6.2 #22: 0 sent instead of null
    discount_above_its_line_refused: bool = True  # §6.2 #51: certain; off shows what a client does that relies on it
    url_must_not_contain_xero: bool = True  # §8: likely
    odd_rate_warns: bool = True  # §2.3: since 7 April 2026, likely
    quiet_edits: bool = True  # §4.1: due dates of part-paid invoices leave UpdatedDateUTC alone, likely
    idempotency_scope: Literal["app", "tenant"] = "app"  # §3.1: likely
    cache_validation_answers: bool = True  # §3.1: not spelled out, assume yes
    retry_after_on_appminute: bool = False  # §1.2: unclear
    retry_after_on_concurrent: bool = False  # §1.2: not promised
    new_consent_kills_old_tokens: bool = True  # §12: the docs' advice implies it
    redirects_to_127_0_0_1: bool = False  # §7.1: http only for `localhost`, likely
    rapid_sync: bool = False  # §1.1: limits lifted for the first 30 minutes of a connection of certified apps
    high_volume: int = 100_000  # §4.1: more results than this → HighVolumeException
    largest_body: int = 10_000_000  # §1.1: the docs say 10 MB and 3.5 MB


def set_all(switches: Switches, wanted: dict[str, Any]) -> None:
    """Turn the named switches. Raises ValueError for an unknown name or value; then none is turned."""
    known = {one.name: one for one in fields(Switches)}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"unknown switch {name!r}; known are {sorted(known)}")
        default = getattr(Switches, name)
        if name in CHOICES:
            if value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {CHOICES[name]}")
        elif type(value) is not type(default):
            raise ValueError(f"{name} takes a {type(default).__name__}")
    for name, value in wanted.items():
        setattr(switches, name, value)
