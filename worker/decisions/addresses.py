"""Where webhooks may go; pure. A host's endpoint must not be a way into our own network (SSRF)."""

import ipaddress
from urllib.parse import urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
ALLOWS = "WEBHOOK_PRIVATE_ADDRESSES=true allows it"


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is out on the internet; the inner one of a wrapped address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64 or found.teredo is not None:
            return False
        found = found.ipv4_mapped or found.sixtofour or found
    return found.is_global and not found.is_multicast


def objection(url: str, *, private: bool) -> str | None:
    """What is wrong with the address of an endpoint, as a sentence, or None. Its name is resolved at each call."""
    if len(url) > 1000 or not url.isascii() or not url.isprintable() or " " in url:
        return "must be an address of at most 1,000 plain ASCII characters (a name with others in its xn-- form)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an address like https://app.example.com/callback.php"
    if parts.scheme not in ("https", "http") or not host:
        return "must be an address like https://app.example.com/callback.php"
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
    return None if public or private else f"{host} is a private address; {ALLOWS}"
