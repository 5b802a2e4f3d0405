"""The publisher's own transport: the standard library's HTTP client. Hosts may hand in another."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECONDS = 30.0


@dataclass(frozen=True)
class HttpAnswer:
    """What came back: `headers` by their lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed body goes to the address it was meant for and to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def over_http(url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    """POST the body. Raises OSError where there is no answer, ValueError for an address that is none."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not the address of a door: it must begin with https:// or http://")
    asked = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310  # checked above
    try:
        with urllib.request.build_opener(_NoRedirects).open(asked, timeout=_SECONDS) as reply:
            return _answer(reply.status, reply.read(), reply.headers.items())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.read(), refused.headers.items())
    except http.client.HTTPException as broken:
        raise ConnectionError(f"the answer broke off ({type(broken).__name__})") from None


def _answer(status: int, body: bytes, headers: list[tuple[str, str]]) -> HttpAnswer:
    return HttpAnswer(status, body, {name.lower(): value for name, value in headers})
