"""What an HTTP answer says beside its invoices: pure (facts §6.1)."""

from typing import Any

from events.accounting_target import Trouble
from xero_adapter.client import Reply
from xero_adapter.json_values import count_of


def trouble(effect: Any, message: str, reply: Reply, **more: Any) -> Trouble:
    """Trouble with a call, with the traces of its answer."""
    return Trouble(effect, message, status=reply.status, correlation_id=correlation(reply), **more)


def document(reply: Reply) -> Any:
    """The answer's JSON; None when it is none."""
    try:
        return reply.document()
    except ValueError:
        return None


def detail(reply: Reply) -> str:
    """The problem's own word, whose keys come in either case (facts §6.1 D)."""
    said = document(reply)
    if not isinstance(said, dict):
        return "no detail"
    return str({str(key).lower(): value for key, value in said.items()}.get("detail", "no detail"))


def says_expired(reply: Reply) -> bool:
    """The token's half hour is over, by Xero's own words (facts §6.2 #34)."""
    return detail(reply).startswith("TokenExpired")


def lacks_scope(reply: Reply) -> bool:
    """A new token would not help: this one lacks a permission (facts §6.2 #36)."""
    asked = reply.headers.get("www-authenticate", "")
    return "insufficient_scope" in asked or detail(reply).startswith("AuthorizationUnsuccessful")


def names_problem(reply: Reply) -> bool:
    """Whether this is Xero's own refusal, not a page of somebody before it."""
    return detail(reply) != "no detail"


def limit(reply: Reply) -> str:
    """Which limit a 429 met: minute, day, concurrent, appminute, or Xero's own word; empty when it says nothing.

    Xero writes the names in several ways; without one the day's is known by its header (facts §1.2, §1.3).
    """
    said = reply.headers.get("x-rate-limit-problem", "").lower()
    known = {"day": "day", "dai": "day", "min": "minute", "con": "concurrent", "app": "appminute"}
    if said:
        return known.get(said[:3], said)
    return "day" if count_of(reply.headers.get("x-daylimit-remaining", ""), 1) == 0 else ""


def correlation(reply: Reply) -> str | None:
    """The id to quote to Xero's support."""
    return reply.headers.get("xero-correlation-id")
