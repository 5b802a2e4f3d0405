"""Forms that people send: urlencoded, bounded, never trusted."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

from store.vault import Unopenable, Vault

MOST_BYTES = 2_000_000
_MOST_FIELDS = 2_000
_HELD, _PROOF = "held", "proof_"


class TooLarge(Exception):
    """A form beyond `MOST_BYTES` or two thousand fields."""


class Form:
    """The fields of a form; what was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields = fields

    def one(self, name: str) -> str:
        """The field's text without spaces around it."""
        return self.whole(name).strip()

    def whole(self, name: str) -> str:
        """The field's text as it was sent."""
        return self.fields.get(name, [""])[0]

    def every(self, name: str) -> list[str]:
        """Every value that was ticked."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]


async def read(request: Request) -> Form:
    """The form of this request; an empty one where there is none. Raises TooLarge."""
    if request.method in ("GET", "HEAD"):
        return Form({})
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge
    try:
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise TooLarge from None
    plain = {name: [value.replace("\0", "") for value in values] for name, values in fields.items()}
    held = plain.pop(_HELD, [""])[0]
    return Form({**plain, **_opened(request, held)} if held else plain)


def hold(vault: Vault, request: Request, form: Form, token: str) -> str:
    """The form, sealed, with the token of its session: brought back to its address once they showed who they are."""
    kept = {name: list(values) for name, values in form.fields.items() if not name.startswith(_PROOF)}
    kept["form"] = [token]
    return vault.seal(json.dumps({"path": request.url.path, "fields": kept})).decode()


def held_again(vault: Vault, held: str, token: str) -> tuple[str, str]:
    """Where a form that is held goes, and the same form with the token of another session. Raises Unopenable."""
    said = json.loads(vault.open(held.encode()))
    said["fields"]["form"] = [token]
    return str(said["path"]), vault.seal(json.dumps(said)).decode()


def _opened(request: Request, held: str) -> dict[str, list[str]]:
    """The fields of a form that was held for this address; none where it was not."""
    try:
        said = json.loads(request.app.state.tools.vault.open(held.encode()))
    except Unopenable:
        return {}
    fields: dict[str, list[str]] = said["fields"] if said["path"] == request.url.path else {}
    return fields


Posted = Annotated[Form, Depends(read)]
