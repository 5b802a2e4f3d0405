"""Where a person may be sent after a login: only to addresses on the list; pure."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?&=%+,;@!$'()*[]")


def allowed(address: str, listed: Sequence[str]) -> bool:
    """Whether an address is one of the listed ones or lies below one of them, on the same scheme, host and port."""
    wanted = _parts(address)
    return wanted is not None and any(_below(wanted, known) for known in map(_parts, listed) if known)


def with_answer(address: str, **answer: str) -> str:
    """The address with an answer for the host in its query."""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return urlunsplit(parts._replace(query=query))


def _parts(address: str) -> tuple[str, str, int | None, tuple[str, ...]] | None:
    """Scheme, host, port and path; None for anything browsers and we might read differently."""
    if not set(address) <= _HARMLESS:
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    path = tuple(part for part in parts.path.split("/") if part)
    odd = parts.username is not None or ".." in path or "." in path or "%2e" in parts.path.lower()
    if parts.scheme not in ("https", "http") or not parts.hostname or odd:
        return None
    return parts.scheme, parts.hostname, port, path


def _below(
    wanted: tuple[str, str, int | None, tuple[str, ...]], known: tuple[str, str, int | None, tuple[str, ...]]
) -> bool:
    return wanted[:3] == known[:3] and wanted[3][: len(known[3])] == known[3]
