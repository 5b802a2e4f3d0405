"""Forms that people send: urlencoded, bounded, never trusted."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

MOST_BYTES = 2_000_000
_MOST_FIELDS = 2_000


class TooLarge(Exception):
    """A form beyond `MOST_BYTES` or two thousand fields."""


class Form:
    """The fields of a form; what was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The field's text without spaces around it."""
        return self.whole(name).strip()

    def whole(self, name: str) -> str:
        """The field's text as it was sent."""
        return self._fields.get(name, [""])[0]

    def every(self, name: str) -> list[str]:
        """Every value that was ticked."""
        return [value.strip() for value in self._fields.get(name, ()) if value.strip()]


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
    return Form({name: [value.replace("\0", "") for value in values] for name, values in fields.items()})


Posted = Annotated[Form, Depends(read)]
