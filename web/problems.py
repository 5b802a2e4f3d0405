"""Refusals a host's developer can act on: problem+json with sentences (RFC 9457)."""

from collections.abc import Sequence

from fastapi.responses import JSONResponse


class Refused(Exception):
    """A door says no: `status`, a title, and sentences that each name the field they are about."""

    def __init__(self, status: int, title: str, problems: Sequence[str] = ()) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.problems = list(problems)

    def body(self) -> dict[str, object]:
        """The problem document."""
        return {"type": "about:blank", "title": self.title, "status": self.status, "problems": self.problems}

    def response(self) -> JSONResponse:
        """The problem as an HTTP answer."""
        return JSONResponse(self.body(), self.status, media_type="application/problem+json")
