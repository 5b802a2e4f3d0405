"""Where webhooks may go; pure. A host's endpoint must not be a way into our own network (SSRF).

Which network addresses belong to one customer of a provider, and are counted as one; pure.

Where a person may be sent after a login: only to addresses on the list; pure.

Addresses are compared as the servers behind them may read them: decoded as often as it goes, host and port in one
form. What could be read in two ways is on no list.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode, urlsplit, urlunsplit

_LONGEST = 1000
ALLOWS = "WEBHOOK_PRIVATE_ADDRESSES=true allows it"
# Not out on the internet, by IANA's registries of special purposes; and what a cloud keeps for itself.
_NOT_OUTSIDE = [
    ipaddress.ip_network(one)
    for one in (
        *(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
        ),
        *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out; NAT64 and site-local lie beside it
# Where a cloud hands its machines their credentials: nobody's endpoint, in whatever network.
_METADATA = frozenset(
    ipaddress.ip_address(one)
    for one in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "192.0.0.192",
        "168.63.129.16",
        "100.100.100.200",
    )
) | {
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("fd00:ec2::23"),
    ipaddress.ip_address("fd20:ce::254"),
}
# Mapped, compatible and translated addresses, and NAT64's two prefixes: the last 32 bits are IPv4's.
_WRAP_AT_THE_END = [
    ipaddress.ip_network(one)
    for one in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is out on the internet; a wrapped one is not, unless mapped."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if isinstance(found, ipaddress.IPv6Address) and found not in _UNICAST:
        return False
    return found.is_global and not any(found in one for one in _NOT_OUTSIDE if one.version == found.version)


def is_metadata(address: str) -> bool:
    """Whether a cloud's credentials are handed out there, which no setting allows."""
    return _unwrapped(address) in _METADATA


def _unwrapped(address: str) -> Address:
    """The IPv4 address that goes over the wire in the end, where an IPv6 one wraps it; else the address itself."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    if any(found in network for network in _WRAP_AT_THE_END):
        return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.sixtofour or (found.teredo[1] if found.teredo else found)


def objection(url: str, *, private: bool, longest: int = _LONGEST) -> str | None:
    """What is wrong with the address of an endpoint, as a sentence, or None. Its name is resolved at each call."""
    if len(url) > longest or not url.isascii() or not url.isprintable() or " " in url:
        return (
            f"must be an address of at most {longest:,} plain ASCII characters (a name with others in its xn-- form)"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an address like https://app.example.com/xero_webhook.php"
    if parts.scheme not in ("https", "http") or not host:
        return "must be an address like https://app.example.com/xero_webhook.php"
    if parts.username or parts.password:
        return "must not hold a user or password: deliveries are signed instead"
    if parts.scheme == "http" and not private:
        return f"must begin with https://; within your own network {ALLOWS}"
    return _of_bare_address(host, private=private)


def _of_bare_address(host: str, *, private: bool) -> str | None:
    try:
        public = is_public(host)
    except ValueError:
        return None  # a name
    if is_metadata(host):
        return f"{host} is where a cloud keeps credentials; nothing allows it"
    return None if public or private else f"{host} is a private address; {ALLOWS}"


_V6_NETWORK = 64  # one customer of a provider has that many bits to himself


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The address as it is counted: of IPv6 its network of 64 bits; what is no address as it stands."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address or "?"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _V6_NETWORK), strict=False))
    return str(found)


_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?&=%+,;@!$'()*[]")
_PORTS = {"https": 443, "http": 80}
_MOST_ROUNDS = 5
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_Place = tuple[str, str, int, tuple[str, ...]]


def return_allowed(address: str, listed: Sequence[str]) -> bool:
    """Whether an address is one of the listed ones or lies below one of them, on the same scheme, host and port."""
    wanted = _place(address)
    return wanted is not None and any(_below(wanted, known) for known in map(_place, listed) if known)


def with_answer(address: str, **answer: str) -> str:
    """The address with an answer for the host in its query."""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return urlunsplit(parts._replace(query=query))


def _place(address: str) -> _Place | None:
    """Scheme, host, port and the path's parts, decoded; None for anything that others might read differently."""
    if not set(address) <= _HARMLESS:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or "@" in parts.netloc or not _HOST.fullmatch(host) or ".." in host:
        return None
    path = _decoded(parts.path)
    if path is None or "\\" in path:
        return None
    steps = tuple(step for step in path.split("/") if step)
    if any(_leads_elsewhere(step) for step in steps):
        return None
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port, steps


def _decoded(path: str) -> str | None:
    """The path decoded until nothing is left to decode, wide signs as plain ones; None where it is no clear text."""
    for _ in range(_MOST_ROUNDS):
        if _BROKEN_ESCAPE.search(path):
            return None
        try:
            once = unicodedata.normalize("NFKC", unquote_to_bytes(path).decode())
        except UnicodeDecodeError:
            return None
        if not once.isprintable():
            return None
        if once == path:
            return path
        path = once
    return None


def _leads_elsewhere(step: str) -> bool:
    """Whether a step of a path could be a way up: dots alone, whatever parameters or spaces hang on to them."""
    return not step.partition(";")[0].strip(" .")


def _below(wanted: _Place, known: _Place) -> bool:
    return wanted[:3] == known[:3] and wanted[3][: len(known[3])] == known[3]
